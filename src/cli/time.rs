//! Times on the command line.

use std::time::{SystemTime, UNIX_EPOCH};
use toml::value::{Date, Datetime, Offset, Time};

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since the Unix epoch; negative before it, and at the ends of `i64` beyond them.
pub(super) fn timestamp_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// Reads a day (`2026-11-01`, its start in UTC) or a time with an offset (RFC 3339: `2026-11-01T09:30:00Z`) as
/// milliseconds since the Unix epoch.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let wanted = || "write a day such as 2026-11-01, or a time such as 2026-11-01T09:30:00Z".to_owned();
    let Ok(Datetime { date: Some(date), time, offset }) = text.parse() else { return Err(wanted()) };
    let (time, offset) = match (time, offset) {
        (None, None) => return Ok(day_ms(date)),
        (Some(time), Some(offset)) => (time, offset),
        (Some(_), None) | (None, Some(_)) => return Err(wanted()),
    };
    let offset_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    Ok(day_ms(date) + time_ms(time) - offset_minutes * 60_000)
}

/// The start of a day.
///
/// Counts years from March, so that the leap day is the last of its year. Algorithm: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn day_ms(date: Date) -> i64 {
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * DAY_MS
}

fn time_ms(time: Time) -> i64 {
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute);
    let seconds = minutes * 60 + i64::from(time.second.unwrap_or(0));
    seconds * 1000 + i64::from(time.nanosecond.unwrap_or(0)) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_and_times() {
        assert_eq!(parse("1970-01-01"), Ok(0));
        assert_eq!(parse("2026-01-01T00:00:00Z"), Ok(1_767_225_600_000));
        assert_eq!(parse("2026-01-01T01:30:00.5+01:30"), Ok(1_767_225_600_500));
        for wrong in ["", "now", "2026-13-01", "2026-02-30", "09:30:00", "2026-01-01T09:30:00", "2026-1-1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_day_is_read_back(day in 0_i64..2_932_897) {
            let printed = crate::calendar::Date::at(day * DAY_MS).to_string();
            prop_assert_eq!(parse(&printed), Ok(day * DAY_MS));
        }
    }
}
