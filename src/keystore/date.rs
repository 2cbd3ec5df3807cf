//! Dates for messages.

use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// A day in UTC, printed as ISO 8601 (`2026-11-23`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
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
}
