//! Device identifiers: UUIDs and anything else.

use super::{USUAL, hex_bytes, push};

/// Tag of an identifier that is no UUID.
const OTHER: u8 = 2;

/// Digits in the five groups of a UUID (RFC 9562, section 4).
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Appends the canonical bytes of a device identifier.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) {
    let unwrapped = unwrap(value);
    let uuid = if is_hyphenated(unwrapped) {
        hex_bytes::<16>(unwrapped.iter().copied().filter(|b| *b != b'-'))
    } else {
        hex_bytes::<16>(unwrapped.iter().copied())
    };
    match uuid {
        Some(uuid) => push(USUAL, &uuid, out),
        None => push(OTHER, value, out),
    }
}

/// Whether a text is a UUID with hyphens; 32 bare digits are as likely a digest.
pub(super) fn is_unmistakable(value: &[u8]) -> bool {
    is_hyphenated(unwrap(value))
}

/// The text inside `{}`, or after `urn:uuid:` in any case.
fn unwrap(value: &[u8]) -> &[u8] {
    if let Some(inside) = value.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) {
        return inside;
    }
    match value.split_first_chunk::<9>() {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"urn:uuid:") => rest,
        _ => value,
    }
}

/// Whether a text is five groups of hexadecimal digits of the right lengths.
fn is_hyphenated(value: &[u8]) -> bool {
    let mut groups = value.split(|b| *b == b'-');
    let fits = UUID_GROUPS.iter().all(|length| {
        groups.next().is_some_and(|group| group.len() == *length && group.iter().all(u8::is_ascii_hexdigit))
    });
    fits && groups.next().is_none()
}
