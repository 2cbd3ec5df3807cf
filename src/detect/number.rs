//! Numbers with check digits or a fixed form: payment cards, bank accounts, telephones.

use super::checksum::{CARD_DIGITS, IBAN_BYTES_MAX, IBAN_BYTES_MIN, iban_length, is_iban, is_luhn};
use super::scan::{byte, byte_before, escape_end, opens_word, part, run_end, work};
use crate::kernels::Level;
use crate::kernels::runs::{self, Class};
use std::ops::Range;

/// Letters and digits of the shortest word that [`in_word`] recognises: a card's digits without separators.
pub(super) const WORD_BYTES_MIN: usize = 13;
/// Longest word that can be one of these numbers.
const WORD_BYTES_MAX: usize = IBAN_BYTES_MAX;
/// Longest number in groups: an account number with a blank after every fourth letter or digit.
const GROUPED_BYTES_MAX: usize = IBAN_BYTES_MAX + IBAN_BYTES_MAX / 4;
/// Digits of a group on a card, and letters and digits of a group of a printed account number (ISO 13616).
const GROUP: usize = 4;

/// Finds the card or account number that the whole word is. `word` is a run of letters and digits.
pub(super) fn in_word(text: &[u8], word: &Range<usize>) -> Option<(bool, Range<usize>)> {
    if !(WORD_BYTES_MIN..=WORD_BYTES_MAX).contains(&word.len()) {
        return None;
    }
    let bytes = part(text, word.clone());
    work::count(2 * bytes.len());
    if bytes.iter().all(u8::is_ascii_digit) {
        // Neither the fraction of a number nor a part of an identifier.
        let joins = |byte: Option<u8>| byte.is_some_and(|byte| b".-_+".contains(&byte));
        let alone =
            !(joins(byte_before(text, word.start)) || joins(byte(text, word.end)) && is_digit(text, word.end + 1));
        return (alone && is_card(bytes)).then(|| (true, word.clone()));
    }
    is_iban(bytes).then(|| (false, word.clone()))
}

/// Whether digits are the number of a card that a scheme issues, with its check digit.
pub(super) fn is_card(digits: &[u8]) -> bool {
    CARD_DIGITS.contains(&digits.len()) && is_issued(digits) && is_luhn(digits)
}

/// Whether a card scheme issues numbers that begin so and are as long (ISO/IEC 7812-1; the schemes' own pages).
fn is_issued(digits: &[u8]) -> bool {
    let number = |length: usize| {
        let digits = digits.iter().take(length);
        digits.fold(0_u32, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0')))
    };
    match digits.len() {
        // American Express.
        15 => matches!(number(2), 34 | 37),
        // Diners Club.
        14 => matches!(number(2), 36 | 38 | 39) || matches!(number(3), 300..=305),
        // Visa; Mastercard; Discover; JCB; UnionPay; RuPay.
        16 => {
            number(1) == 4
                || matches!(number(2), 51..=55 | 62 | 65)
                || matches!(number(4), 2221..=2720 | 3528..=3589 | 6011 | 5018 | 5020 | 5038 | 5893)
                || matches!(number(3), 644..=649 | 508)
        }
        // Old Visa; Maestro; UnionPay.
        13 => number(1) == 4,
        12 | 17..=19 => matches!(number(2), 62) || matches!(number(4), 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763),
        _ => false,
    }
}

/// Whether [`at_separator`] can find anything at the separator at `anchor`, by the bytes beside it and the group before.
pub(super) fn may_be_grouped(text: &[u8], anchor: usize) -> bool {
    let group = text.get(..anchor).and_then(<[u8]>::last_chunk::<GROUP>);
    let is_group = group.is_some_and(|[first, second, third, last]| {
        let is_country = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        let are_digits = first.is_ascii_digit() && second.is_ascii_digit();
        last.is_ascii_digit() && third.is_ascii_digit() && (are_digits || is_country)
    });
    is_group && byte(text, anchor + 1).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Finds the card or account number in groups of four whose first separator stands at `anchor`; `true` tells a card.
pub(super) fn at_separator(text: &[u8], anchor: usize, done: &mut usize) -> Option<(bool, Range<usize>)> {
    if !byte_before(text, anchor)?.is_ascii_digit() || anchor < *done {
        return None;
    }
    let start = anchor.checked_sub(GROUP)?;
    let separator = byte(text, anchor)?;
    if !byte(text, anchor + 1)?.is_ascii_alphanumeric() {
        return None;
    }
    let first = part(text, start..anchor);
    let is_card_start = first.iter().all(u8::is_ascii_digit);
    let country = matches!(first, [a, b, c, _] if c.is_ascii_digit() && iban_length([*a, *b]).is_some());
    if !(is_card_start || country)
        || !opens_word(text, start)
        || byte_before(text, start) == Some(separator) && separator == b'-'
    {
        return None;
    }
    let limit = text.len().min(start + GROUPED_BYTES_MAX);
    let text = text.get(..limit)?;
    let mut end = anchor;
    let mut compact = Compact::default();
    compact.extend(first);
    let belongs = |byte: u8| if is_card_start { byte.is_ascii_digit() } else { byte.is_ascii_alphanumeric() };
    let mut found = None;
    while byte(text, end) == Some(separator) {
        let group_end = run_end(text, end + 1, belongs);
        let group = part(text, end + 1..group_end);
        if group.is_empty() || group.len() > 6 || byte(text, group_end).is_some_and(|byte| byte.is_ascii_alphanumeric())
        {
            break;
        }
        compact.extend(group);
        end = group_end;
        let compact = compact.bytes();
        work::count(2 * compact.len());
        let fits = if is_card_start { is_card(compact) } else { compact.len() >= IBAN_BYTES_MIN && is_iban(compact) };
        if fits {
            found = Some((is_card_start, start..end));
        }
    }
    *done = (*done).max(end);
    found
}

/// A number without its separators.
struct Compact {
    bytes: [u8; GROUPED_BYTES_MAX],
    len: usize,
}

impl Default for Compact {
    fn default() -> Self {
        Self { bytes: [0; GROUPED_BYTES_MAX], len: 0 }
    }
}

impl Compact {
    /// Adds a group. All of them come from as many bytes as there is room for.
    fn extend(&mut self, group: &[u8]) {
        for (room, byte) in self.bytes.iter_mut().skip(self.len).zip(group) {
            *room = *byte;
            self.len += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        part(&self.bytes, 0..self.len)
    }
}

/// Digits of a telephone number with its country code (E.164, section 6.1); shorter ones are too often numbers.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 9..=15;
/// Longest telephone number in text, with separators.
const PHONE_BYTES_MAX: usize = 32;

/// Finds the telephone number whose `+` stands at `anchor`: `+1 202 555 0123`.
///
/// Without the plus, digits may be anything.
pub(super) fn at_plus(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let first = byte(text, anchor + 1)?;
    let opens = byte_before(text, anchor)
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"+-./_%)]".contains(&byte))
        || escape_end(text, anchor) == Some(anchor);
    if anchor < *done || !first.is_ascii_digit() || first == b'0' || !opens {
        return None;
    }
    let text = text.get(..text.len().min(anchor + PHONE_BYTES_MAX))?;
    let mut digits = Vec::with_capacity(*PHONE_DIGITS.end());
    let mut end = anchor + 1;
    loop {
        let run = run_end(text, end, |byte| byte.is_ascii_digit());
        digits.extend_from_slice(part(text, end..run));
        // One separator, or the brackets around an area code: `+44 (0)20`, `+1 (202) 555-0123`.
        let next = run_end(text, run, |byte| b" -.()/".contains(&byte));
        end = run;
        if next == run || next > run + 2 || !is_digit(text, next) {
            break;
        }
        end = next;
    }
    *done = end;
    let word = byte(text, end).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        || matches!(part(text, end..end + 2), [b':' | b'.' | b',', digit] if digit.is_ascii_digit());
    (!word && is_phone(&digits)).then_some(anchor..end)
}

/// Whether digits begin with an assigned country code (ITU-T E.164, list of assigned codes) and are enough for a number.
fn is_phone(digits: &[u8]) -> bool {
    if !PHONE_DIGITS.contains(&digits.len()) {
        return false;
    }
    match digits {
        // North American Numbering Plan: neither area code nor exchange begins with 0 or 1.
        [b'1', area, _, _, exchange, ..] => digits.len() == 11 && *area >= b'2' && *exchange >= b'2',
        // Spare codes.
        [b'2', b'8', ..] | [b'8', b'3' | b'9', ..] | [b'2', b'1', b'0' | b'4' | b'5' | b'7' | b'9', ..] => false,
        [b'1'..=b'9', ..] => true,
        _ => false,
    }
}

fn is_digit(text: &[u8], at: usize) -> bool {
    byte(text, at).is_some_and(|byte| byte.is_ascii_digit())
}

/// Calls `each` with the runs of letters and digits of at least [`WORD_BYTES_MIN`], which ordinary text has few of.
pub(super) fn each_long_word(text: &[u8], each: impl FnMut(Range<usize>)) {
    each_long_run::<WORD_BYTES_MIN>(text, Class::Alphanumeric, each);
}

/// Calls `each` with the runs of at least `BYTES` bytes that all belong to a class.
pub(super) fn each_long_run<const BYTES: usize>(text: &[u8], class: Class, mut each: impl FnMut(Range<usize>)) {
    let level = Level::best();
    let mut from = 0;
    while let Some(start) = runs::first::<BYTES>(level, part(text, from..text.len()), class).map(|start| from + start) {
        from = run_end(text, start, |byte| class.has(byte));
        each(start..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::check;

    #[test]
    fn cards() {
        // The schemes' published test numbers.
        for digits in [
            "4111111111111111",
            "4012888888881881",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "4222222222222",
        ] {
            for text in ["{}", "card {} ok", "pan={},", "\"{}\"", "(number:{})", "{}."] {
                check(&text.replace("{}", digits), &[&format!("card:{digits}")]);
            }
        }
        for grouped in ["4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"] {
            check(&format!("card {grouped}, ok"), &[&format!("card:{grouped}")]);
        }
        for text in [
            "4111111111111112",
            "1700000000000000",
            "41111111111111110",
            "0.4111111111111111",
            "id-4111111111111111",
            "4111111111111111.5",
            "4111 1111 1111 1112",
            "2026-11-23 12:00:00",
            "0000 0000 0000 0000",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn long_words_in_order() {
        let mut words = Vec::new();
        each_long_word(b"abcdefghijklm abcdefghijkl 0123456789abcdefg", |word| words.push(word));
        assert_eq!(words, [0..13, 27..44]);
    }

    /// Of all numbers with a prefix, one in ten passes: the space of four free digits is gone through.
    #[test]
    fn every_card_of_a_range_is_found() {
        let mut found = 0;
        for rest in 0..100_000 {
            let digits = format!("41111111111{rest:05}");
            found += usize::from(is_card(digits.as_bytes()));
            assert_eq!(is_card(digits.as_bytes()), is_luhn(digits.as_bytes()));
        }
        assert_eq!(found, 10_000);
        // Mastercard's second range begins at 2221 and ends at 2720.
        let in_range = |prefix: u32| (0..10).any(|check| is_card(format!("{prefix}00000000000{check}").as_bytes()));
        let prefixes: Vec<u32> = (2000..3000).filter(|prefix| in_range(*prefix)).collect();
        assert_eq!((prefixes.first(), prefixes.last(), prefixes.len()), (Some(&2221), Some(&2720), 500));
    }

    #[test]
    fn account_numbers() {
        for iban in ["DE89370400440532013000", "GB82WEST12345698765432", "MT84MALT011000012345MTLCAST001S"] {
            for text in ["{}", "iban={};", "to {}.", "\"{}\""] {
                check(&text.replace("{}", iban), &[&format!("iban:{iban}")]);
            }
        }
        for iban in ["DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "NO93 8601 1117 947"] {
            check(&format!("to {iban}, thanks"), &[&format!("iban:{iban}")]);
        }
        for text in ["DE88370400440532013000", "XX89370400440532013000", "DE8937040044053201300", "DE89 3704 0044 0532"]
        {
            check(text, &[]);
        }
    }

    #[test]
    fn telephone_numbers() {
        for (text, number) in [
            ("+12025550123", "+12025550123"),
            ("call +1 202-555-0123 now", "+1 202-555-0123"),
            ("tel:+1-202-555-0123;x", "+1-202-555-0123"),
            ("(+44 (0)20 7946 0958)", "+44 (0)20 7946 0958"),
            ("phone=\"+49 30 901820\"", "+49 30 901820"),
            ("to +447946095800.", "+447946095800"),
        ] {
            check(text, &[&format!("phone:{number}")]);
        }
        for text in [
            "2026-01-01T00:00:00+0100",
            "10+12025550123",
            "+0100",
            "+1234567",
            "+12345678901234567",
            "+12025550123x",
            "+280123456789",
            "x+y",
            "+1 155 555 0123",
            "c++ +1",
        ] {
            check(text, &[]);
        }
    }

    /// Which beginnings are taken: all assigned codes, and no zone 0.
    #[test]
    fn the_space_of_country_codes() {
        let taken = |code: u32| is_phone(format!("{code}{}", "2".repeat(9)).as_bytes());
        let zones: Vec<u32> = (1..10).filter(|zone| (0..100).any(|rest| taken(zone * 100 + rest))).collect();
        assert_eq!(zones, (2..10).collect::<Vec<_>>(), "North America has numbers of eleven digits only");
        assert_eq!((100..1000).filter(|code| !taken(*code)).count(), 100 + 5 + 10 + 10 + 10);
        for area in 0..10 {
            assert_eq!(is_phone(format!("1{area}025550123").as_bytes()), area >= 2);
        }
    }
}
