//! Durations as the file writes them: a whole number and a unit, such as `90m`, `12h` or `30d`.

use std::time::Duration;

/// The units and their seconds, largest first. A day is 24 hours, whatever the clocks do.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration; nothing else than digits and one unit is one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number = text.strip_suffix(unit)?;
    // `parse` would also take a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// Writes a duration as the file would: in the largest unit that leaves no rest. Fractions of a second are cut.
pub fn written(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fits = |unit: &&(char, u64)| seconds >= unit.1 && seconds.is_multiple_of(unit.1);
    let (unit, size) = UNITS.iter().find(fits).copied().unwrap_or(('s', 1));
    format!("{}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(parse("90m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse("0s"), Some(Duration::ZERO));
        assert_eq!(parse("365d"), Some(Duration::from_secs(31_536_000)));
        for wrong in [
            "",
            "d",
            "90",
            "-1d",
            "+1d",
            "1.5h",
            "1 d",
            " 1d",
            "1d ",
            "1D",
            "1w",
            "1d12h",
            "١d",
            "9".repeat(30).as_str(),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("18446744073709551615d"), None, "too large to count in seconds");
    }

    #[test]
    fn durations_are_written_in_their_largest_unit() {
        for text in ["0s", "59s", "1m", "90m", "36h", "1d", "365d"] {
            assert_eq!(written(parse(text).unwrap()), text);
        }
        assert_eq!(written(Duration::from_secs(86_400)), "1d");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds: u64) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&written(duration)), Some(duration));
        }
    }
}
