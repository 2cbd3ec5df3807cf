//! Numbers that people go by: telephones, cards, bank accounts.

use super::{USUAL, push};
use crate::detect::checksum::{CARD_DIGITS, IBAN_BYTES_MAX, is_iban, is_luhn};

/// Tag of a telephone number whose country is not known.
const NATIONAL: u8 = 2;

/// Digits of an international telephone number: E.164, section 6.1, allows 15; below 7 are only services.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Longest spelling of a number that is looked at, in bytes: every digit with a separator, and a scheme.
const NUMBER_BYTES_MAX: usize = 64;

/// Appends the canonical bytes of a telephone number; `false` when the value is none.
///
/// Digits behind `+` or the international prefix `00` (E.164) are one number in all spellings; other digits are a national
/// number, which may be anybody's in another country.
pub(super) fn write_phone(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(digits) = phone_digits(value) else { return false };
    let digits = digits.as_slice();
    let international = digits.strip_prefix(b"+").or(digits.strip_prefix(b"00"));
    let (tag, digits) = international.map_or((NATIONAL, digits), |digits| (USUAL, digits));
    if !PHONE_DIGITS.contains(&digits.len()) {
        return false;
    }
    push(tag, digits, out);
    true
}

/// Whether a text is a telephone number and nothing else: `+`, a country's first digit, and digits enough.
pub(super) fn is_unmistakable_phone(value: &[u8]) -> bool {
    // Most values are told apart by the missing sign.
    let digits = value.contains(&b'+').then(|| phone_digits(value)).flatten();
    digits.is_some_and(|digits| {
        let international = digits.as_slice().strip_prefix(b"+").unwrap_or_default();
        PHONE_DIGITS.contains(&international.len()) && !international.starts_with(b"0")
    })
}

/// The digits of a telephone number, behind a `+` if it has one: without the scheme of RFC 3966, visual separators, and
/// the `(0)` that is dialled only inside a country.
fn phone_digits(value: &[u8]) -> Option<Characters> {
    if value.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let scheme = value.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case(b"tel:")).map_or(0, <[u8]>::len);
    let mut rest = value.get(scheme..).unwrap_or_default();
    let mut digits = Characters::default();
    while let Some((byte, after)) = rest.split_first() {
        match byte {
            b'+' if digits.length == 0 => digits.push(b'+'),
            b'0'..=b'9' => digits.push(*byte),
            b'(' if digits.as_slice().starts_with(b"+") && after.starts_with(b"0)") => {
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' => {}
            _ => return None,
        }
        rest = after;
    }
    Some(digits)
}

/// Appends the canonical bytes of a card's number; `false` when the value is none.
pub(super) fn write_card(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(digits) = without_separators(value) else { return false };
    let fits = is_card(digits.as_slice());
    if fits {
        push(USUAL, digits.as_slice(), out);
    }
    fits
}

/// Whether a text is a card's number in groups; bare digits may be anything.
pub(super) fn is_unmistakable_card(value: &[u8]) -> bool {
    let grouped = value.iter().any(|byte| matches!(byte, b' ' | b'-'));
    grouped && without_separators(value).is_some_and(|digits| is_card(digits.as_slice()))
}

fn is_card(digits: &[u8]) -> bool {
    CARD_DIGITS.contains(&digits.len()) && is_luhn(digits)
}

/// Appends the canonical bytes of a bank account's number; `false` when the value is none.
pub(super) fn write_iban(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(mut iban) = without_separators(value).filter(|iban| is_iban(iban.as_slice())) else { return false };
    iban.bytes.make_ascii_uppercase();
    push(USUAL, iban.as_slice(), out);
    true
}

/// Whether a text is a bank account's number and nothing else.
pub(super) fn is_unmistakable_iban(value: &[u8]) -> bool {
    value.len() >= IBAN_BYTES_MAX / 3 && without_separators(value).is_some_and(|iban| is_iban(iban.as_slice()))
}

/// Letters and digits without the blanks and hyphens between them.
fn without_separators(value: &[u8]) -> Option<Characters> {
    if value.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let mut characters = Characters::default();
    for byte in value {
        match byte {
            b' ' | b'-' => {}
            byte if byte.is_ascii_alphanumeric() => characters.push(*byte),
            _ => return None,
        }
    }
    Some(characters)
}

/// What is left of a number's spelling, without allocation.
struct Characters {
    bytes: [u8; NUMBER_BYTES_MAX],
    length: usize,
}

impl Default for Characters {
    fn default() -> Self {
        Self { bytes: [0; NUMBER_BYTES_MAX], length: 0 }
    }
}

impl Characters {
    /// Appends one of at most [`NUMBER_BYTES_MAX`].
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
