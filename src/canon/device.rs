//! Device identifiers: UUIDs, IMEIs and anything else.

use super::{USUAL, hex_bytes, push};
use crate::detect::checksum::{IMEI_DIGITS, is_luhn};

/// Tag of an identifier that is no UUID.
const OTHER: u8 = 2;

/// Digits in the five groups of a UUID (RFC 9562, section 4).
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Appends the canonical bytes of a device identifier.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) {
    let uuid = hyphenated_uuid(value).or_else(|| hex_bytes::<16>(unwrap(value).iter().copied()));
    match uuid {
        Some(uuid) => push(USUAL, &uuid, out),
        None => push(OTHER, imei(value).as_ref().map_or(value, |digits| digits), out),
    }
}

/// The bytes of a UUID with hyphens.
pub(super) fn hyphenated_uuid(value: &[u8]) -> Option<[u8; 16]> {
    let unwrapped = unwrap(value);
    if !is_hyphenated(unwrapped) {
        return None;
    }
    hex_bytes(unwrapped.iter().copied().filter(|b| *b != b'-'))
}

/// The digits of an IMEI with its check digit, written in groups (3GPP TS 23.003, section 6.2.1) or as the URN of
/// RFC 7254.
fn imei(value: &[u8]) -> Option<[u8; IMEI_DIGITS]> {
    const URN: &[u8] = b"urn:gsma:imei:";
    let urn = value.get(..URN.len()).filter(|start| start.eq_ignore_ascii_case(URN)).map_or(0, <[u8]>::len);
    let mut digits = [0; IMEI_DIGITS];
    let mut count = 0;
    for byte in value.get(urn..)?.iter().filter(|byte| !matches!(byte, b'-' | b' ' | b'/')) {
        *digits.get_mut(count).filter(|_| byte.is_ascii_digit())? = *byte;
        count += 1;
    }
    (count == IMEI_DIGITS && is_luhn(&digits)).then_some(digits)
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
