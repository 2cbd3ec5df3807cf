//! Line patterns of a pack, tried in order where a text begins as they do.

use super::matcher::Action;
use super::prefilter::PlaceSet;
use crate::decode::line::{self, GivenUp, Hole, Shape, ShapeTree};
use crate::rules::{Extent, LinePattern, Part};
use std::sync::{Arc, OnceLock};

/// A compiled line pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) pattern: LinePattern,
    pub(super) shape: Shape,
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
    tree: ShapeTree,
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
        Self { head: line::head(literal), mask: line::head_mask(literal.len()), place }
    }
}

impl Index {
    fn new(patterns: &[Pattern], given_up: GivenUp) -> Self {
        let start = |(place, pattern): (usize, &Pattern)| pattern.start().map(|start| Start::new(start, place));
        let mut starts: Vec<Start> = patterns.iter().enumerate().filter_map(start).collect();
        starts.sort_by_key(|start| (start.head as u8, start.place));
        let ends = |byte| starts.partition_point(|start| usize::from(start.head as u8) <= byte);
        let ends = Box::new(std::array::from_fn(ends));
        let mut tree = ShapeTree::default();
        for (place, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| pattern.start().is_none()) {
            tree.add(&pattern.shape, place);
        }
        let quotes = patterns.iter().map(|pattern| pattern.quotes(given_up)).collect();
        Self { starts, ends, tree, quotes }
    }

    fn candidates<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = usize> + 't {
        let mut candidates = PlaceSet::default();
        let first = text.first().map_or(0, |first| usize::from(*first));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let head = line::head(text);
        for start in &self.starts[begin..self.ends[first]] {
            if (head ^ start.head) & start.mask == 0 {
                candidates.insert(start.place);
            }
        }
        self.tree.each_candidate(text, |place| candidates.insert(place));
        let mut counted = None;
        let mut quotes = move || *counted.get_or_insert_with(|| memchr::memchr_iter(b'"', text).count());
        candidates.into_iter().filter(move |place| self.quotes[*place] == 0 || self.quotes[*place] <= quotes())
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
    pub(super) fn candidates<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = usize> + 't {
        self.index.get_or_init(|| Index::new(&self.patterns, self.given_up)).candidates(text)
    }

    /// Whether the whole of `text` has the pattern at `index`; its holes are appended to `holes`.
    pub(super) fn fits(&self, index: usize, text: &[u8], holes: &mut Vec<Hole>) -> bool {
        self.patterns[index].shape.holes(text, self.given_up, holes)
    }

    pub(super) fn get(&self, index: usize) -> Option<&Pattern> {
        self.patterns.get(index)
    }
}

impl Pattern {
    /// `holes` are, by part of the pattern, what to do with the hole there.
    pub(super) fn new(pattern: LinePattern, holes: Vec<Option<Action>>) -> Self {
        Self { shape: Shape::new(&pattern), pattern, holes }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pattern;
    use proptest::prelude::*;

    fn patterns(texts: &[&str], given_up: GivenUp) -> Patterns {
        let pattern = |text: &&str| {
            let parts = pattern::parse(text).unwrap();
            let holes = vec![None; parts.len()];
            Pattern::new(LinePattern { id: (*text).to_owned(), parts, line: 1 }, holes)
        };
        Patterns::new(texts.iter().map(pattern).collect(), given_up)
    }

    /// Asserts that the index leaves out no pattern that the text has.
    #[track_caller]
    fn check(patterns: &Patterns, text: &[u8]) {
        let fits = |index: &usize| patterns.fits(*index, text, &mut Vec::new());
        let fitting: Vec<usize> = (0..patterns.patterns.len()).filter(fits).collect();
        let found: Vec<usize> = patterns.candidates(text).filter(fits).collect();
        assert_eq!(found, fitting, "{}", String::from_utf8_lossy(text));
        let mut holes = Vec::new();
        let first = patterns.first_match(text, &mut holes).map(|pattern| &pattern.pattern.id);
        assert_eq!(first, fitting.first().map(|first| &patterns.patterns[*first].pattern.id));
    }

    const TEXTS: [&str; 18] = [
        "<a> - <b:greedy> [<c:text>] \"<d:quoted>\" <e:int>",
        "<a> - <b:greedy> [<c:text>] \"<d:quoted>\" <e:int> \"<f:quoted>\"",
        "<a> - <b>",
        "<a> <b>",
        "<a:int>-<b:int> <c> x",
        "<a:int>-<b:int>T<c>",
        "<a:int>-<b:int>T<c>: <d:rest>",
        "<a>: <b:greedy> from <c>",
        "<a:greedy>: x",
        "<a:text>x: <b:rest>",
        "<a:csv>,<b:csv>",
        "x",
        "x: <a:greedy> from <b>",
        "x: <a> - <b>",
        "x from <a:int>",
        "xxxxxxxxx <a>",
        "\"<a:quoted>\" <b:rest>",
        "<a:rest>",
    ];

    #[test]
    fn white_space_at_the_end_of_a_text_may_belong_to_it_or_not() {
        let patterns = patterns(&["<a> x", "<a> x ", "<a> - <b:rest>", "x "], GivenUp::Misfits);
        for text in ["a x", "a x ", "a x\r\n", "a - ", "x", "x ", "x  ", ""] {
            check(&patterns, text.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_fitting_pattern_is_left_out(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "x", "x: ", "1", "22", "-", " - ", " ", "T", "[", "] ", " [", "\"", " \"", "\\", "\\\"", ",", " from ", ": ", "\t", "\r",
                "\u{1}", "\u{e9}", "abcdefghij", "xxxxxxxxx ",
            ]), 0..24),
            given_up in prop::sample::select(vec![GivenUp::TakesRest, GivenUp::Misfits]),
        ) {
            check(&patterns(&TEXTS, given_up), pieces.concat().as_bytes());
        }
    }
}
