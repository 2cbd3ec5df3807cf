//! Rounds coordinates: where somebody is, to about 11 km.
//!
//! Invariant: what comes out has one decimal for each number that came in, and none of its other digits.

/// Longest text of coordinates that is looked at, in bytes.
const COORDINATES_BYTES_MAX: usize = 128;

/// Decimals that stay. A tenth of a degree is 11 km of latitude and less of longitude: one of the steps by which places of
/// sensitive species are generalised (A. D. Chapman, Current Best Practices for Generalizing Sensitive Species Occurrence
/// Data, GBIF 2020). A town, not a house.
const DECIMALS: usize = 1;

/// Largest number in coordinates, in degrees.
const DEGREES_MAX: f64 = 360.0;

/// Coordinates in degrees with every number rounded: `52.5200,13.4050` becomes `52.5,13.4`. `None` when the text is no
/// coordinates, or is written in minutes and seconds.
///
/// ```
/// use logveil::transform::coordinates::round;
///
/// assert_eq!(round(b"52.52001,-13.40495").as_deref(), Some("52.5,-13.4"));
/// assert_eq!(round(b"at home"), None);
/// ```
pub fn round(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= COORDINATES_BYTES_MAX)?;
    let mut rounded = String::with_capacity(text.len());
    let mut rest = text;
    let mut numbers = 0;
    while let Some(first) = rest.chars().next() {
        let length = number_length(rest);
        let (number, after) = rest.split_at_checked(length.max(first.len_utf8()))?;
        if length > 0 {
            let degrees: f64 = number.parse().ok().filter(|degrees: &f64| degrees.abs() <= DEGREES_MAX)?;
            rounded.push_str(&format!("{degrees:.DECIMALS$}"));
            numbers += 1;
        } else {
            // Signs, separators, the letters of the four directions and of well-known text (`POINT(13.4 52.5)`).
            (first.is_ascii_whitespace() || "+-,;:()[]/°NSEWnsewPOIT".contains(first)).then_some(())?;
            rounded.push(first);
        }
        rest = after;
    }
    // More than two numbers and a height is a path, or an enumeration of something else.
    (1..=3).contains(&numbers).then_some(rounded)
}

/// Bytes of the decimal number that the text begins with, in the grammar of JSON and without its sign.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    if whole == 0 {
        return 0;
    }
    let mut length = whole;
    if text.as_bytes().get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if let [b'e' | b'E', rest @ ..] = text.as_bytes().get(length..).unwrap_or_default() {
        let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        length += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn coordinates_in_degrees() {
        for (value, expect) in [
            ("52.5200", "52.5"),
            ("-0.04", "-0.0"),
            ("13", "13.0"),
            ("5.252001e1", "52.5"),
            ("52.52001, 13.40495", "52.5, 13.4"),
            ("52.52001° N 13.40495° E", "52.5° N 13.4° E"),
            ("POINT(13.40495 52.52001)", "POINT(13.4 52.5)"),
            ("[13.40495,52.52001]", "[13.4,52.5]"),
            ("+52.52001+013.40495/", "+52.5+13.4/"),
        ] {
            assert_eq!(round(value.as_bytes()).as_deref(), Some(expect), "{value}");
        }
    }

    #[test]
    fn anything_else() {
        for value in
            ["", "-", "Berlin", "52°31'12.1\"N", "525200080", "1,2,3,4", "u33dc0cpnf", "52.52.1x", "1e999", "\u{ff11}"]
        {
            assert_eq!(round(value.as_bytes()), None, "{value}");
        }
        assert_eq!(round(&[b'1'; 200]), None);
    }

    proptest! {
        /// Two places within the same tenth of a degree cannot be told apart.
        #[test]
        fn no_other_digit_comes_through(tenths in -1800_i32..1800, first in 0_u32..4900, second in 0_u32..4900) {
            let spell = |below: u32| {
                let sign = if tenths < 0 { "-" } else { "" };
                format!("{sign}{}.{}{below:04}", tenths.abs() / 10, tenths.abs() % 10)
            };
            let rounded = round(spell(first).as_bytes());
            prop_assert!(rounded.is_some());
            prop_assert_eq!(rounded, round(spell(second).as_bytes()));
        }

        #[test]
        fn any_bytes_are_taken(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let rounded = round(&value);
            prop_assert!(rounded.is_none_or(|text| text.len() <= 3 * value.len()));
        }
    }
}
