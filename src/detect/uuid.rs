//! UUIDs (RFC 9562, section 4): 8-4-4-4-12 hex digits in any case.

use super::scan::{byte, byte_before, escape_end, part, work};
use std::ops::Range;

/// Length of a UUID in text.
const UUID_BYTES: usize = 36;
/// Where its hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Finds the UUID whose first hyphen stands at `anchor`. Braces are not part of it.
pub(super) fn at_hyphen(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let start = anchor.checked_sub(HYPHENS[0])?;
    let span = start..start + UUID_BYTES;
    if anchor < *done || !is_uuid(part(text, span.clone())) {
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
        for text in [
            "f550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-4466554400001",
            "550e8400-e29b-41d4-a716-44665544000",
        ] {
            check(text, &[]);
        }
    }
}
