//! Writes clean lines, one for each line that was read.

use super::{Blank, CHUNK_BYTES, Ending};
use crate::veil::{CleanRecord, Reason};
use std::io::{self, BufWriter, Write};

/// Writes lines that are clean by their type: there is no way to write a raw one.
pub struct LineWriter<W: Write> {
    output: BufWriter<W>,
    /// The last line had no end, so the next one must not be appended to it.
    open: bool,
}

impl<W: Write> LineWriter<W> {
    /// A writer that gathers 1 MiB before it writes; see [`LineWriter::flush`].
    pub fn new(output: W) -> Self {
        Self { output: BufWriter::with_capacity(CHUNK_BYTES, output), open: false }
    }

    /// Writes a clean record's payload as a line; a tombstone is an empty line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn clean(&mut self, record: &CleanRecord<'_>, ending: Ending) -> io::Result<()> {
        self.line(record.payload().unwrap_or_default(), ending)
    }

    /// Writes an empty line, with the spaces it had.
    ///
    /// # Errors
    /// Those of the output.
    pub fn blank(&mut self, blank: Blank<'_>, ending: Ending) -> io::Result<()> {
        self.line(blank.as_bytes(), ending)
    }

    /// Writes the marker that stands for a quarantined line: `logveil: quarantined line 17: not-utf8`.
    ///
    /// # Errors
    /// Those of the output.
    pub fn quarantined(&mut self, line_number: u64, reason: Reason, ending: Ending) -> io::Result<()> {
        self.line(format!("logveil: quarantined line {line_number}: {reason}").as_bytes(), ending)
    }

    /// Hands everything written so far to the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    fn line(&mut self, content: &[u8], ending: Ending) -> io::Result<()> {
        if self.open {
            self.output.write_all(Ending::Lf.as_bytes())?;
        }
        self.open = ending == Ending::Missing;
        self.output.write_all(content)?;
        self.output.write_all(ending.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_after_one_without_end_starts_a_new_line() {
        let mut bytes = Vec::new();
        let mut writer = LineWriter::new(&mut bytes);
        writer.quarantined(1, Reason::NotUtf8, Ending::CrLf).unwrap();
        writer.quarantined(2, Reason::NotJson, Ending::Missing).unwrap();
        writer.quarantined(3, Reason::TooLarge, Ending::Missing).unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "logveil: quarantined line 1: not-utf8\r\nlogveil: quarantined line 2: not-json\nlogveil: quarantined line 3: too-large"
        );
    }
}
