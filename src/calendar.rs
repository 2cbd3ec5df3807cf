//! Times in UTC, taken apart.
//!
//! Knows: the Gregorian calendar. Must not know what time it is. Start at [`Moment`].

use std::fmt;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A day, printed as ISO 8601 (`2026-11-23`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Year; 0 is the year before 1.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, from 1.
    pub day: i64,
}

impl Date {
    /// The day of a time in milliseconds since the Unix epoch.
    ///
    /// Years are counted from March, so that the leap day is the last of its year and months follow the cycle of 153
    /// days in 5 months; 146 097 days make 400 years of the Gregorian calendar. Algorithm: Howard Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn at(timestamp_ms: i64) -> Self {
        // Day 0 becomes 0000-03-01.
        let days = timestamp_ms.div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self { year, month, day }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A time of a day, printed by RFC 3339 (`2026-11-23T09:05:07.042Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub date: Date,
    /// Hour, 0 to 23.
    pub hour: i64,
    /// Minute, 0 to 59.
    pub minute: i64,
    /// Second, 0 to 59: Unix time has no leap seconds.
    pub second: i64,
    /// Millisecond, 0 to 999.
    pub millisecond: i64,
}

impl Moment {
    /// The time of milliseconds since the Unix epoch.
    pub fn at(timestamp_ms: i64) -> Self {
        let of_day_ms = timestamp_ms.rem_euclid(DAY_MS);
        Self {
            date: Date::at(timestamp_ms),
            hour: of_day_ms / HOUR_MS,
            minute: of_day_ms % HOUR_MS / MINUTE_MS,
            second: of_day_ms % MINUTE_MS / SECOND_MS,
            millisecond: of_day_ms % SECOND_MS,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, hour, minute, second, millisecond } = self;
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(timestamp_ms: i64, expect: &str) {
        assert_eq!(Date::at(timestamp_ms).to_string(), expect);
    }

    #[test]
    fn known_days() {
        check(0, "1970-01-01");
        check(-1, "1969-12-31");
        check(951_782_399_999, "2000-02-28");
        check(951_782_400_000, "2000-02-29");
        check(951_868_800_000, "2000-03-01");
        check(4_107_542_399_999, "2100-02-28");
        check(4_107_542_400_000, "2100-03-01");
        check(1_795_392_000_000, "2026-11-23");
        check(253_402_300_799_999, "9999-12-31");
    }

    #[test]
    fn any_time_has_a_day() {
        for timestamp_ms in [i64::MIN, i64::MIN + 1, i64::MAX] {
            assert!(!Date::at(timestamp_ms).to_string().is_empty());
        }
    }

    #[test]
    fn known_times() {
        for (timestamp_ms, expect) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_767_431_107_042, "2026-01-03T09:05:07.042Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
        ] {
            assert_eq!(Moment::at(timestamp_ms).to_string(), expect);
        }
    }
}
