//! UUIDs (RFC 9562, section 4): 8-4-4-4-12 hex digits in any case; and the identifiers of Apple's devices: 8-16, with the
//! number of the chip first.

use super::scan::{byte, byte_before, escape_end, part, work};
use std::ops::Range;

/// Length of a UUID in text.
const UUID_BYTES: usize = 36;
/// Where its hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Length of the identifier of one of Apple's devices (Apple, "Register a single device": UDID).
const UDID_BYTES: usize = 25;
/// How it starts: chips have small numbers.
const UDID_START: &[u8] = b"0000";

/// Finds the UUID whose first hyphen stands at `anchor`. Braces are not part of it.
pub(super) fn at_hyphen(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let start = anchor.checked_sub(HYPHENS[0])?;
    if anchor < *done {
        return None;
    }
    // Most are told by one byte: there the next hyphen stands, or the number of the chip begins.
    if byte(text, start + HYPHENS[1]) != Some(b'-') && byte(text, start) != Some(b'0') {
        return None;
    }
    let is_long = is_uuid(part(text, start..start + UUID_BYTES));
    let span = start..start + if is_long { UUID_BYTES } else { UDID_BYTES };
    if !is_long && !is_udid(part(text, span.clone())) {
        return None;
    }
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let inside = is_hex(byte_before(text, start)) && escape_end(text, start) != Some(start);
    if inside || is_hex(byte(text, span.end)) {
        return None;
    }
    *done = span.end;
    Some(span)
}

fn is_uuid(bytes: &[u8]) -> bool {
    let fits = |(at, &byte): (usize, &u8)| if HYPHENS.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    let wrong = bytes.iter().enumerate().position(|place| !fits(place));
    work::count(wrong.unwrap_or(bytes.len()) + 1);
    bytes.len() == UUID_BYTES && wrong.is_none()
}

fn is_udid(bytes: &[u8]) -> bool {
    bytes.len() == UDID_BYTES
        && bytes.starts_with(UDID_START)
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == HYPHENS[0] { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    #[test]
    fn uuids() {
        const ID: &str = "550e8400-e29b-41d4-a716-446655440000";
        for text in ["{}", "{{}}", "id={};", "pod-{}-x", "%3D{}%26", "urn:uuid:{}", "x{}"] {
            check(&text.replace("{}", ID), &[&format!("uuid:{ID}")]);
        }
        check("550E8400-E29B-41D4-A716-446655440000", &["uuid:550E8400-E29B-41D4-A716-446655440000"]);
        check("udid 00008030-001C2D3E4F50002E x", &["uuid:00008030-001C2D3E4F50002E"]);
        for text in [
            "00008030-001C2D3E4F50002E1",
            "10008030-001C2D3E4F50002E",
            "f550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-4466554400001",
            "550e8400-e29b-41d4-a716-44665544000",
        ] {
            check(text, &[]);
        }
    }
}
