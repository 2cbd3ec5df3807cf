//! Check digits that tell a number of a kind from any other number.

/// Digits of a payment card number (ISO/IEC 7812-1, section 4; the shortest in use have 12).
pub const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Digits of an IMEI with its check digit (3GPP TS 23.003, section 6.2.1).
pub const IMEI_DIGITS: usize = 15;

/// Characters of the longest account number that [`is_iban`] accepts.
pub const IBAN_BYTES_MAX: usize = 33;

/// Characters of the shortest account number that [`is_iban`] accepts.
pub const IBAN_BYTES_MIN: usize = 15;

/// Countries and the length of their account numbers: the IBAN Registry that SWIFT keeps for ISO 13616.
static IBAN_LENGTHS: [(&[u8; 2], u8); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Whether the last digit is the check digit of those before it (Luhn; ISO/IEC 7812-1, annex B). All zeros pass the sum and
/// are no number of anything.
pub fn is_luhn(digits: &[u8]) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.iter().rev().enumerate() {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return false;
        }
        let weighted = if place % 2 == 0 { digit } else { 2 * digit };
        sum += weighted / 10 + weighted % 10;
    }
    sum % 10 == 0 && digits.iter().any(|digit| *digit != b'0')
}

/// Characters of an account number of the country with this code, if it has such numbers.
pub fn iban_length(country: [u8; 2]) -> Option<usize> {
    let country = country.map(|letter| letter.to_ascii_uppercase());
    let at = IBAN_LENGTHS.binary_search_by_key(&country, |(code, _)| **code).ok()?;
    IBAN_LENGTHS.get(at).map(|(_, length)| usize::from(*length))
}

/// Whether letters and digits without blanks are an account number (ISO 13616): a country with such numbers, their
/// length, and the check digits (ISO/IEC 7064, MOD 97-10). Letters may have any case.
pub fn is_iban(text: &[u8]) -> bool {
    let [first, second, rest @ ..] = text else { return false };
    // Most words fail at the digits, and sooner than by their country.
    if !rest.iter().take(2).all(u8::is_ascii_digit) || iban_length([*first, *second]) != Some(text.len()) {
        return false;
    }
    let (head, tail) = text.split_at(4);
    let mut remainder = 0;
    for byte in tail.iter().chain(head) {
        let Some(value) = char::from(*byte).to_digit(36) else { return false };
        // Letters count as two digits, 10 to 35.
        remainder = (remainder * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every ten numbers that differ in their last digit, exactly one passes.
    #[test]
    fn one_of_ten_numbers_passes_luhn() {
        for rest in 0..100_000_u32 {
            let passing = (0..10).filter(|check| is_luhn(format!("{rest:05}{check}").as_bytes())).count();
            assert_eq!(passing, usize::from(rest > 0), "{rest}");
        }
        assert!(is_luhn(b"4111111111111111") && is_luhn(b"79927398713") && is_luhn(b"490154203237518"));
        assert!(!is_luhn(b"4111111111111112") && !is_luhn(b"411111111111111x") && !is_luhn(b""));
    }

    /// Two neighbours exchanged, or one digit mistaken, never pass, but for the one exchange that Luhn does not see.
    #[test]
    fn luhn_sees_slips() {
        let number = b"4539578763621486";
        assert!(is_luhn(number));
        for at in 0..number.len() {
            for digit in b'0'..=b'9' {
                let mut slip = *number;
                slip[at] = digit;
                assert_eq!(is_luhn(&slip), digit == number[at]);
            }
        }
    }

    /// The example of every country that the registry's own pages print often.
    #[test]
    fn published_account_numbers_pass() {
        for iban in [
            "GB82WEST12345698765432",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NL91ABNA0417164300",
            "BE68539007547034",
            "NO9386011117947",
            "CH9300762011623852957",
            "ES9121000418450200051332",
            "AT611904300234573201",
            "PL61109010140000071219812874",
            "MT84MALT011000012345MTLCAST001S",
            "LC55HEMM000100010012001200023015",
            "SE4550000000058398257466",
        ] {
            assert!(is_iban(iban.as_bytes()), "{iban}");
            assert!(is_iban(iban.to_lowercase().as_bytes()), "{iban}");
            assert!(!is_iban(&iban.as_bytes()[..iban.len() - 1]), "{iban}");
        }
    }

    /// Of the hundred check digits that a body can have, exactly one in 02 to 98 passes (ISO/IEC 7064), and perhaps its
    /// twin 97 apart; every country has a passing number of its length and none of another.
    #[test]
    fn every_country_has_numbers_of_its_length() {
        for (country, length) in &IBAN_LENGTHS {
            let country = std::str::from_utf8(*country).unwrap();
            for length in [*length as usize, *length as usize - 1, *length as usize + 1] {
                let body = "1".repeat(length - 4);
                let passing = (2..=98).filter(|check| is_iban(format!("{country}{check:02}{body}").as_bytes())).count();
                assert_eq!(passing, usize::from(Some(length) == iban_length(country.as_bytes().try_into().unwrap())));
            }
        }
        assert!(IBAN_LENGTHS.is_sorted());
        let lengths = || IBAN_LENGTHS.iter().map(|(_, length)| usize::from(*length));
        assert_eq!((lengths().min(), lengths().max()), (Some(IBAN_BYTES_MIN), Some(IBAN_BYTES_MAX)));
        assert_eq!(iban_length(*b"US"), None);
    }
}
