//! Times as log formats write them. All in UTC.

use std::fmt::{self, Write};

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// `2026-01-31T09:05:07.042Z`
    Iso,
    /// `2026-01-31T09:05:07Z`
    IsoSeconds,
    /// `2026-01-31T09:05:07.042000+00:00`, as rsyslog and journald write it.
    Rfc3339,
    /// `Jan 31 09:05:07`; the day is padded with a space (RFC 3164).
    Syslog,
    /// `31/Jan/2026:09:05:07 +0000`, as access logs have it.
    Access,
    /// `2026/01/31 09:05:07`, as nginx writes its errors.
    ErrorLog,
    /// Milliseconds since the Unix epoch.
    EpochMs,
}

/// A time, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    timestamp_ms: i64,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Moment {
    /// Takes apart milliseconds since the Unix epoch.
    ///
    /// Years are counted from March, so that the leap day is the last of its year. Algorithm: Howard Hinnant,
    /// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub(super) fn at(timestamp_ms: i64) -> Self {
        let days = timestamp_ms.div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let ms_of_day = timestamp_ms.rem_euclid(DAY_MS);
        Self {
            timestamp_ms,
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: ms_of_day / 3_600_000,
            minute: ms_of_day / 60_000 % 60,
            second: ms_of_day / 1_000 % 60,
            millisecond: ms_of_day % 1_000,
        }
    }

    /// Writes the time.
    pub(super) fn write(&self, format: TimeFormat, out: &mut impl Write) -> fmt::Result {
        let Self { timestamp_ms, year, month, day, hour, minute, second, millisecond } = self;
        let month_name = MONTHS[(month - 1) as usize];
        match format {
            TimeFormat::Iso => {
                write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
            }
            TimeFormat::IsoSeconds => {
                write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
            }
            TimeFormat::Rfc3339 => {
                write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}000+00:00")
            }
            TimeFormat::Syslog => write!(out, "{month_name} {day:2} {hour:02}:{minute:02}:{second:02}"),
            TimeFormat::Access => {
                write!(out, "{day:02}/{month_name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
            }
            TimeFormat::ErrorLog => write!(out, "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}"),
            TimeFormat::EpochMs => write!(out, "{timestamp_ms}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(timestamp_ms: i64, format: TimeFormat, expect: &str) {
        let mut text = String::new();
        Moment::at(timestamp_ms).write(format, &mut text).unwrap();
        assert_eq!(text, expect);
    }

    #[test]
    fn formats() {
        let time = 1_767_225_600_000 + 2 * DAY_MS + 32_707_042;
        check(time, TimeFormat::Iso, "2026-01-03T09:05:07.042Z");
        check(time, TimeFormat::IsoSeconds, "2026-01-03T09:05:07Z");
        check(time, TimeFormat::Rfc3339, "2026-01-03T09:05:07.042000+00:00");
        check(time, TimeFormat::Syslog, "Jan  3 09:05:07");
        check(time, TimeFormat::Access, "03/Jan/2026:09:05:07 +0000");
        check(time, TimeFormat::ErrorLog, "2026/01/03 09:05:07");
        check(time, TimeFormat::EpochMs, "1767431107042");
    }

    #[test]
    fn leap_days_and_the_time_before_1970() {
        check(951_868_799_999, TimeFormat::Iso, "2000-02-29T23:59:59.999Z");
        check(-1, TimeFormat::Iso, "1969-12-31T23:59:59.999Z");
        check(4_107_542_400_000, TimeFormat::Access, "01/Mar/2100:00:00:00 +0000");
        for timestamp_ms in [i64::MIN, i64::MAX] {
            Moment::at(timestamp_ms).write(TimeFormat::Iso, &mut String::new()).unwrap();
        }
    }
}
