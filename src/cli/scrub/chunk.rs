//! Chunks of lines: read one after the other, veiled in any order.
//!
//! A chunk brings all that its lines need of those above them, so that it does not matter who veils it, or when.

use super::super::exit::Failure;
use super::report::Report;
use crate::files::{CleanLines, Content, Line, LineReader, Lines, READ_BYTES};
use crate::keys::Keyring;
use crate::record::{Position, Record};
use crate::veil::{Batch, Outcome, Reason, Rows, Veil};
use std::io::Read;
use std::sync::Arc;

/// Most lines that are veiled at once. With the usual few hundred bytes a line, a batch then stays inside the L2 cache.
const BATCH_LINES_MAX: usize = 512;

/// Chunks of more bytes hold a long line: what grew for it is given back.
const CHUNK_BYTES_USUAL: usize = 2 * READ_BYTES;

/// An input that is open, with its name.
pub(super) type Input = (Arc<str>, Stream);

/// A file or standard input; another thread than the one that names it may read it.
type Stream = Box<dyn Read + Send>;

/// Whole lines of one input, and what becomes of them.
#[derive(Default)]
pub(super) struct Chunk {
    input: Option<Arc<str>>,
    raw: Lines,
    /// Lines of all inputs above the first one.
    lines_above: u64,
    above: Above,
    pub(super) clean: CleanLines,
}

/// What the lines above say of those below.
#[derive(Clone)]
struct Above {
    /// The rows that may stand below the last header of the input.
    rows: Option<Arc<Rows>>,
    /// Whether there are none but blank ones above.
    is_first: bool,
}

/// Inputs, one after the other, cut into chunks.
pub(super) struct Inputs<I> {
    veil: Arc<Veil>,
    inputs: I,
    open: Option<(Arc<str>, LineReader<Stream>)>,
    lines: u64,
    above: Above,
}

/// Veils chunks.
pub(super) struct Worker {
    veil: Veil,
    keys: Arc<Keyring>,
    timestamp_ms: i64,
    batch: Batch,
    pub(super) report: Report,
}

impl Default for Above {
    fn default() -> Self {
        Self { rows: None, is_first: true }
    }
}

impl Above {
    /// Whether a line may tell what stands in those below it: the first of a file may, and one that says so.
    fn may_be_header(&mut self, line: &Line<'_>) -> bool {
        let Some(raw) = content(line) else { return false };
        std::mem::take(&mut self.is_first) || Veil::is_marked_header(raw)
    }

    /// Takes the place of what stood above with a line that may be a header.
    fn header(&mut self, veil: &Veil, line: &Line<'_>) {
        self.rows = content(line).and_then(|raw| veil.rows_below(raw)).map(Arc::new);
    }
}

impl Chunk {
    /// Bytes of its raw lines.
    pub(super) fn size(&self) -> usize {
        self.raw.size()
    }

    /// Gives back what a long line made large.
    pub(super) fn trim(&mut self) {
        self.raw.trim();
        self.clean.clear();
    }
}

impl<I: Iterator<Item = Result<Input, Failure>>> Inputs<I> {
    pub(super) fn new(veil: Arc<Veil>, inputs: I) -> Self {
        Self { veil, inputs, open: None, lines: 0, above: Above::default() }
    }

    /// Reads the next chunk; false when all inputs have ended.
    pub(super) fn read(&mut self, chunk: &mut Chunk) -> Result<bool, Failure> {
        loop {
            let Some((name, reader)) = &mut self.open else {
                let Some(input) = self.inputs.next() else { return Ok(false) };
                let (name, input) = input?;
                self.open = Some((name, LineReader::new(input)));
                self.above = Above::default();
                continue;
            };
            if reader.read(&mut chunk.raw).map_err(|error| Failure::file("read", name, error))? {
                chunk.input = Some(Arc::clone(name));
                self.pass(chunk);
                return Ok(true);
            }
            self.open = None;
        }
    }

    /// Notes in the chunk what stands above it, and what the chunk says of the next one: its last header.
    fn pass(&mut self, chunk: &mut Chunk) {
        (chunk.lines_above, chunk.above) = (self.lines, self.above.clone());
        let mut header = None;
        for line in chunk.raw.iter() {
            self.lines += 1;
            if self.above.may_be_header(&line) {
                header = Some(line);
            }
        }
        if let Some(line) = header {
            self.above.header(&self.veil, &line);
        }
    }
}

impl Worker {
    pub(super) fn new(veil: &Veil, keys: Arc<Keyring>, timestamp_ms: i64) -> Self {
        // A veil of its own: threads contend for the caches of one.
        Self { veil: veil.clone(), keys, timestamp_ms, batch: Batch::default(), report: Report::default() }
    }

    /// Veils the lines of a chunk.
    pub(super) fn veil(&mut self, chunk: &mut Chunk) {
        let Chunk { input, raw, lines_above, above, clean } = chunk;
        let name = input.as_deref().unwrap_or_default();
        let (mut above, mut lines_above) = (above.clone(), *lines_above);
        let mut lines = Vec::with_capacity(BATCH_LINES_MAX);
        let mut rest = raw.iter();
        clean.clear();
        loop {
            lines.clear();
            let mut header = None;
            for line in rest.by_ref().take(BATCH_LINES_MAX) {
                lines.push(line);
                if above.may_be_header(&line) {
                    header = Some(line);
                    break;
                }
            }
            if lines.is_empty() {
                break;
            }
            self.lines(name, &lines, lines_above, above.rows.as_deref(), clean);
            lines_above += lines.len() as u64;
            if let Some(line) = header {
                above.header(&self.veil, &line);
            }
        }
        if raw.size() > CHUNK_BYTES_USUAL {
            self.batch = Batch::default();
        }
    }

    /// Veils lines as one batch.
    fn lines(&mut self, name: &str, lines: &[Line<'_>], lines_above: u64, rows: Option<&Rows>, clean: &mut CleanLines) {
        let numbered = || lines.iter().zip(lines_above + 1..);
        let mut records = Vec::with_capacity(lines.len());
        for (line, number) in numbered() {
            if let Some(raw) = content(line) {
                let offset = i64::try_from(number).unwrap_or(i64::MAX);
                let position = Position { topic: name, partition: 0, offset };
                let timestamp_ms = Some(self.timestamp_ms);
                records.push(Record { position, timestamp_ms, key: None, payload: Some(raw), headers: &[] });
            }
        }
        self.veil.batch_of_rows(&self.keys, &records, rows, &mut self.batch);

        let mut outcomes = records.iter().enumerate().map(|(index, record)| self.batch.outcome(index, record));
        for (line, number) in numbered() {
            let outcome = match line.content {
                Content::Blank(blank) => {
                    self.report.blank += 1;
                    clean.blank(blank, line.ending);
                    continue;
                }
                Content::TooLong => Outcome::Quarantine(Reason::TooLarge),
                Content::Raw(_) => outcomes.next().expect("every raw line was made a record above"),
            };
            match outcome {
                Outcome::Clean(record) => clean.clean(&record, line.ending),
                Outcome::Quarantine(reason) => {
                    self.report.quarantine(reason);
                    clean.quarantined(number, reason, line.ending);
                }
            }
        }
        self.report.lines += lines.len() as u64;
        self.report.replaced(self.batch.tally());
    }
}

/// The bytes of a line that is to be veiled.
fn content<'l>(line: &Line<'l>) -> Option<&'l [u8]> {
    match line.content {
        Content::Raw(raw) => Some(raw),
        Content::Blank(_) | Content::TooLong => None,
    }
}
