//! Line patterns of a pack, tried in order where a text begins as they do.

use super::matcher::Action;
use super::prefilter::PlaceSet;
use crate::decode::line::{self, Beginnings, GivenUp, Hole};
use crate::rules::{Extent, LinePattern, Part};
use std::sync::{Arc, OnceLock};

/// A compiled line pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) pattern: LinePattern,
    /// By part: what to do with the hole there.
    pub(super) holes: Vec<Option<Action>>,
}

/// The patterns of a pack, in their order.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    given_up: GivenUp,
    /// Built for packs that a text meets, and shared with clones.
    index: Arc<OnceLock<Index>>,
}

/// Tells by a text which patterns it can have.
#[derive(Debug)]
struct Index {
    /// The patterns that begin with a literal, by its first byte.
    starts: Vec<Start>,
    /// By the first byte of a text: the end of its part of `starts`. It begins where the byte before ends.
    ends: Box<[usize; 256]>,
    /// How the other patterns begin.
    beginnings: Beginnings,
    /// By pattern: the quotes that every text of it holds.
    quotes: Vec<usize>,
}

/// How the texts of a pattern begin.
#[derive(Debug)]
struct Start {
    head: u64,
    /// Covers the bytes of `head` that count.
    mask: u64,
    place: usize,
}

impl Start {
    /// The bytes of a literal that are compared at once.
    fn new(literal: &[u8], place: usize) -> Self {
        let bytes = literal.len().min(size_of::<u64>());
        Self { head: head(&literal[..bytes]), mask: u64::MAX >> (64 - 8 * bytes), place }
    }
}

/// The first bytes of a text, the first one lowest; zeros where it is shorter.
fn head(text: &[u8]) -> u64 {
    text.first_chunk().map_or_else(
        || text.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte)),
        |first| u64::from_le_bytes(*first),
    )
}

impl Index {
    fn new(patterns: &[Pattern], given_up: GivenUp) -> Self {
        let start = |(place, pattern): (usize, &Pattern)| pattern.start().map(|start| Start::new(start, place));
        let mut starts: Vec<Start> = patterns.iter().enumerate().filter_map(start).collect();
        starts.sort_by_key(|start| (start.head as u8, start.place));
        let ends = |byte| starts.partition_point(|start| usize::from(start.head as u8) <= byte);
        let ends = Box::new(std::array::from_fn(ends));
        let mut beginnings = Beginnings::default();
        for (place, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| pattern.start().is_none()) {
            beginnings.add(&pattern.pattern, place);
        }
        let quotes = patterns.iter().map(|pattern| pattern.quotes(given_up)).collect();
        Self { starts, ends, beginnings, quotes }
    }

    fn candidates(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let mut candidates = PlaceSet::default();
        let first = text.first().map_or(0, |first| usize::from(*first));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let head = head(text);
        for start in &self.starts[begin..self.ends[first]] {
            if (head ^ start.head) & start.mask == 0 {
                candidates.insert(start.place);
            }
        }
        self.beginnings.each_candidate(text, |place| candidates.insert(place));
        let quotes = if candidates.is_empty() { 0 } else { memchr::memchr_iter(b'"', text).count() };
        candidates.into_iter().filter(move |place| self.quotes[*place] <= quotes)
    }
}

impl Patterns {
    pub(super) fn new(patterns: Vec<Pattern>, given_up: GivenUp) -> Self {
        Self { patterns, given_up, index: Arc::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter()
    }

    /// The first pattern that the whole of `text` has; its holes are appended to `holes`.
    pub(super) fn first_match(&self, text: &[u8], holes: &mut Vec<Hole>) -> Option<&Pattern> {
        if self.patterns.is_empty() {
            return None;
        }
        let index = self.candidates(text).find(|index| self.fits(*index, text, holes))?;
        self.patterns.get(index)
    }

    /// The patterns that begin as `text` does, ascending.
    pub(super) fn candidates(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        self.index.get_or_init(|| Index::new(&self.patterns, self.given_up)).candidates(text)
    }

    /// Whether the whole of `text` has the pattern at `index`; its holes are appended to `holes`.
    pub(super) fn fits(&self, index: usize, text: &[u8], holes: &mut Vec<Hole>) -> bool {
        line::holes(&self.patterns[index].pattern, text, self.given_up, holes)
    }

    pub(super) fn get(&self, index: usize) -> Option<&Pattern> {
        self.patterns.get(index)
    }
}

impl Pattern {
    /// The text that every line of this shape begins with.
    fn start(&self) -> Option<&[u8]> {
        match self.pattern.parts.first()? {
            Part::Literal(literal) => Some(literal.as_bytes()).filter(|literal| !literal.is_empty()),
            Part::Hole { .. } => None,
        }
    }

    /// The quotes in its literals. Where a greedy hole may take the whole rest, nothing is told.
    fn quotes(&self, given_up: GivenUp) -> usize {
        let quotes = self.pattern.parts.iter().map(|part| match part {
            Part::Literal(literal) => memchr::memchr_iter(b'"', literal.as_bytes()).count(),
            Part::Hole { .. } => 0,
        });
        if given_up == GivenUp::Misfits { quotes.sum() } else { 0 }
    }

    /// Bytes that the pattern prescribes: the more, the more a match says.
    pub(super) fn literal_bytes(&self) -> usize {
        let bytes = self.pattern.parts.iter().map(|part| match part {
            Part::Literal(literal) => literal.len(),
            Part::Hole { .. } => 0,
        });
        bytes.sum()
    }

    /// The name of the hole at `part`.
    pub(super) fn hole_name(&self, part: usize) -> Option<&str> {
        match &self.pattern.parts[part] {
            Part::Hole { name, .. } => Some(name),
            Part::Literal(_) => None,
        }
    }

    /// Whether the hole at `part` holds a message of its own.
    pub(super) fn is_message(&self, part: usize) -> bool {
        matches!(&self.pattern.parts[part], Part::Hole { name, .. } if name == "message")
    }

    /// Whether the hole at `part` is a field of separated values.
    pub(super) fn is_field(&self, part: usize) -> bool {
        matches!(&self.pattern.parts[part], Part::Hole { extent: Extent::Csv, .. })
    }

    /// Whether the hole at `part` can only hold digits.
    pub(super) fn is_int(&self, part: usize) -> bool {
        matches!(&self.pattern.parts[part], Part::Hole { extent: Extent::Int, .. })
    }
}
