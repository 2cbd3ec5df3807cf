//! The inputs: lines in chunks, and what must not be left of them.

use crate::events;
use logveil::generate::{self, Generator, Kind, Options, Timeline};
use logveil::rules::Class;
use std::ops::Range;

/// 2026-01-01T00:00:00Z, the time of all records.
pub const NEW_YEAR_MS: i64 = 1_767_225_600_000;

/// Lines that are cleaned between two looks at the clock.
const CHUNK_LINES: usize = 512;

/// Lines of one kind.
pub struct Corpus {
    /// About equally many lines each.
    pub chunks: Vec<Chunk>,
}

/// Some lines, as they stand in a file.
pub struct Chunk {
    /// The lines with their line feeds.
    pub text: Vec<u8>,
    /// Where they are and what is in them.
    pub lines: Vec<Line>,
}

/// One line.
pub struct Line {
    /// Its bytes, without the line feed.
    pub span: Range<usize>,
    /// The values that the job must replace, each as often as it stands there.
    pub originals: Vec<String>,
}

impl Corpus {
    /// So many chunks of the events of [`events`].
    pub fn events(chunks: usize) -> Self {
        let events = events::events(chunks * CHUNK_LINES).into_iter();
        Self::new(events.map(|event| (event.line.into_bytes(), event.originals)))
    }

    /// So many chunks of lines of these kinds; what is replaced are their entities of some classes, or of all.
    pub fn lines(chunks: usize, kinds: &[Kind], is_replaced: impl Fn(Class) -> bool) -> Self {
        let timeline = Timeline::paced(NEW_YEAR_MS, 10);
        let options = Options { seed: 1, kinds: kinds.into(), timeline, hostile_per_mille: 0 };
        let events = Generator::new(options).take(chunks * CHUNK_LINES);
        Self::new(events.map(|event| {
            let spelled = |entity: &generate::Entity| event.line.get(entity.span.clone()).map(String::from_utf8_lossy);
            let entities = event.truth.iter().filter(|entity| is_replaced(entity.class));
            let originals = entities.filter_map(spelled).map(|value| value.into_owned()).collect();
            (event.line, originals)
        }))
    }

    fn new(lines: impl Iterator<Item = (Vec<u8>, Vec<String>)>) -> Self {
        let mut chunks = Vec::new();
        for (line, originals) in lines {
            if chunks.last().is_none_or(|chunk: &Chunk| chunk.lines.len() == CHUNK_LINES) {
                chunks.push(Chunk { text: Vec::new(), lines: Vec::new() });
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(&line, originals);
            }
        }
        Self { chunks }
    }

    /// Size of all lines with their line feeds.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.text.len()).sum()
    }

    /// Number of lines.
    pub fn line_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.lines.len()).sum()
    }

    /// Number of values that the job must replace.
    pub fn original_count(&self) -> u64 {
        self.chunks.iter().flat_map(|chunk| &chunk.lines).map(|line| line.originals.len() as u64).sum()
    }
}

impl Chunk {
    fn push(&mut self, line: &[u8], originals: Vec<String>) {
        let start = self.text.len();
        self.text.extend_from_slice(line);
        self.lines.push(Line { span: start..self.text.len(), originals });
        self.text.push(b'\n');
    }

    /// The bytes of each line.
    pub fn line_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(|line| &self.text[line.span.clone()])
    }
}
