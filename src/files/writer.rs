//! Writes clean lines, one for each line that was read.

use super::{Blank, Ending, HELD_BYTES_MAX};
use crate::veil::{CleanRecord, Reason};
use std::io::{self, Write};

/// Lines that are clean by their type, on their way to a [`LineWriter`]: there is no way to put a raw one in.
#[derive(Default)]
pub struct CleanLines {
    bytes: Vec<u8>,
    /// How the last line ends; `None` when there is no line.
    last: Option<Ending>,
}

/// Writes clean lines one after the other.
pub struct LineWriter<W: Write> {
    output: W,
    /// The last line had no end, so the next one must not be appended to it.
    open: bool,
}

impl CleanLines {
    /// Appends a clean record's payload as a line; a tombstone is an empty line.
    pub fn clean(&mut self, record: &CleanRecord<'_>, ending: Ending) {
        self.line(record.payload().unwrap_or_default(), ending);
    }

    /// Appends an empty line, with the spaces it had.
    pub fn blank(&mut self, blank: Blank<'_>, ending: Ending) {
        self.line(blank.as_bytes(), ending);
    }

    /// Appends the marker that stands for a quarantined line: `logveil: quarantined line 17: not-utf8`.
    pub fn quarantined(&mut self, line_number: u64, reason: Reason, ending: Ending) {
        self.line(format!("logveil: quarantined line {line_number}: {reason}").as_bytes(), ending);
    }

    /// Drops all lines. The buffer stays for the next ones, unless a long line made it large.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(HELD_BYTES_MAX);
        self.last = None;
    }

    fn line(&mut self, content: &[u8], ending: Ending) {
        if self.last.replace(ending) == Some(Ending::Missing) {
            self.bytes.extend_from_slice(Ending::Lf.as_bytes());
        }
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(ending.as_bytes());
    }
}

impl<W: Write> LineWriter<W> {
    /// A writer of the first line.
    pub fn new(output: W) -> Self {
        Self { output, open: false }
    }

    /// Writes all lines and hands them on at once.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, lines: &CleanLines) -> io::Result<()> {
        let Some(last) = lines.last else { return Ok(()) };
        if self.open {
            self.output.write_all(Ending::Lf.as_bytes())?;
        }
        self.open = last == Ending::Missing;
        self.output.write_all(&lines.bytes)?;
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_after_one_without_end_starts_a_new_line() {
        let mut lines = CleanLines::default();
        let mut bytes = Vec::new();
        let mut writer = LineWriter::new(&mut bytes);
        lines.quarantined(1, Reason::NotUtf8, Ending::CrLf);
        lines.quarantined(2, Reason::NotJson, Ending::Missing);
        lines.quarantined(3, Reason::TooLarge, Ending::Missing);
        writer.write(&lines).unwrap();
        lines.clear();
        writer.write(&lines).unwrap();
        lines.quarantined(4, Reason::TooLarge, Ending::Lf);
        writer.write(&lines).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "logveil: quarantined line 1: not-utf8\r\nlogveil: quarantined line 2: not-json\n\
             logveil: quarantined line 3: too-large\nlogveil: quarantined line 4: too-large\n"
        );
    }
}
