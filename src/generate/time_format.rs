//! Times as log formats write them. All in UTC.

use crate::calendar::{Date, Moment};
use std::fmt::{self, Write};

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

/// Writes a time of milliseconds since the Unix epoch.
pub(super) fn write(timestamp_ms: i64, format: TimeFormat, out: &mut impl Write) -> fmt::Result {
    let moment = Moment::at(timestamp_ms);
    let Moment { date, hour, minute, second, millisecond } = moment;
    let Date { year, month, day } = date;
    let month_name = MONTHS[(month - 1) as usize];
    match format {
        TimeFormat::Iso => write!(out, "{moment}"),
        TimeFormat::IsoSeconds => write!(out, "{date}T{hour:02}:{minute:02}:{second:02}Z"),
        TimeFormat::Rfc3339 => write!(out, "{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}000+00:00"),
        TimeFormat::Syslog => write!(out, "{month_name} {day:2} {hour:02}:{minute:02}:{second:02}"),
        TimeFormat::Access => {
            write!(out, "{day:02}/{month_name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
        }
        TimeFormat::ErrorLog => write!(out, "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}"),
        TimeFormat::EpochMs => write!(out, "{timestamp_ms}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(timestamp_ms: i64, format: TimeFormat, expect: &str) {
        let mut text = String::new();
        write(timestamp_ms, format, &mut text).unwrap();
        assert_eq!(text, expect);
    }

    #[test]
    fn formats() {
        let time = 1_767_225_600_000 + 2 * 86_400_000 + 32_707_042;
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
            write(timestamp_ms, TimeFormat::Iso, &mut String::new()).unwrap();
        }
    }
}
