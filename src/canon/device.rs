//! Device identifiers: UUIDs, IMEIs and anything else.

use super::{HEX_DIGITS, NO_DIGIT, USUAL, hex_bytes, push};
use crate::detect::checksum::{IMEI_DIGITS, is_luhn};

/// Tag of an identifier that is no UUID.
const OTHER: u8 = 2;

/// Bytes of a UUID with hyphens (RFC 9562, section 4).
const UUID_CHARS: usize = 36;

/// Where its hyphens stand.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Where the two digits of each byte stand.
const UUID_DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Appends the canonical bytes of a device identifier.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) {
    let uuid = hyphenated_uuid(value).or_else(|| hex_bytes::<16>(unwrap(value).iter().copied()));
    match uuid {
        Some(uuid) => push(USUAL, &uuid, out),
        None => push(OTHER, imei(value).as_ref().map_or(value, |digits| digits), out),
    }
}

/// The bytes of a UUID with hyphens, in any wrapping.
pub(super) fn hyphenated_uuid(value: &[u8]) -> Option<[u8; 16]> {
    bare_uuid(unwrap(value))
}

/// The bytes of a UUID that is five groups of hexadecimal digits with hyphens between them, and nothing else.
pub(super) fn bare_uuid(value: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; UUID_CHARS] = value.try_into().ok()?;
    if UUID_HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let (mut uuid, mut all) = ([0; 16], 0);
    for (byte, at) in uuid.iter_mut().zip(UUID_DIGITS) {
        let [high, low] = [text[at], text[at + 1]].map(|digit| HEX_DIGITS[usize::from(digit)]);
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all != NO_DIGIT).then_some(uuid)
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
    hyphenated_uuid(value).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// [`bare_uuid`] group by group.
    fn uuid_by_groups(value: &str) -> Option<[u8; 16]> {
        let groups: Vec<&str> = value.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let digits = groups.concat();
        (lengths == [8, 4, 4, 4, 12] && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .then(|| u128::from_str_radix(&digits, 16).ok())?
            .map(u128::to_be_bytes)
    }

    #[test]
    fn every_byte_at_every_place() {
        let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        assert!(bare_uuid(uuid.as_bytes()).is_some());
        for at in 0..uuid.len() {
            for byte in 0..0x80 {
                let mut changed = uuid.to_owned();
                changed.replace_range(at..=at, char::from(byte).to_string().as_str());
                assert_eq!(bare_uuid(changed.as_bytes()), uuid_by_groups(&changed), "{changed}");
            }
        }
    }

    proptest! {
        #[test]
        fn uuids_are_what_their_groups_are(text in "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-g-]{36}|[0-9a-f-]{0,40}") {
            prop_assert_eq!(bare_uuid(text.as_bytes()), uuid_by_groups(&text));
        }
    }
}
