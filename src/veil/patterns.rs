//! Line patterns of a pack, tried in order behind one pass that finds out which of them can match at all.

use super::matcher::Action;
use super::prefilter::{Case, Prefilter};
use crate::decode::line::{self, GivenUp, Hole};
use crate::rules::{Extent, LinePattern, Part};
use std::sync::{Arc, OnceLock};

/// Shorter literals stand in nearly every line: trying the pattern is cheaper than looking for them.
const ANCHOR_BYTES_MIN: usize = 3;

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
    /// Finds each pattern's longest literal; built for packs that a text meets, and shared with clones.
    prefilter: Arc<OnceLock<Prefilter>>,
}

impl Patterns {
    pub(super) fn new(patterns: Vec<Pattern>, given_up: GivenUp) -> Self {
        Self { patterns, given_up, prefilter: Arc::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter()
    }

    /// The first pattern that the whole of `text` has; its holes are appended to `holes`.
    pub(super) fn first_match(&self, text: &[u8], holes: &mut Vec<Hole>) -> Option<&Pattern> {
        let index = self.candidates(text).find(|index| self.fits(*index, text, holes))?;
        self.patterns.get(index)
    }

    /// The patterns whose anchor stands in `text`, and those without one, ascending.
    pub(super) fn candidates(&self, text: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let prefilter = self.prefilter.get_or_init(|| {
            let anchors = self.patterns.iter().map(|pattern| pattern.anchor(self.given_up));
            let telling = |literal: &&str| literal.len() >= ANCHOR_BYTES_MIN;
            let required = anchors.map(|anchor| anchor.filter(telling).map(|anchor| vec![anchor.as_bytes().to_vec()]));
            Prefilter::new(required, Case::Counts)
        });
        prefilter.candidates(text).into_iter()
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
    /// The longest text that must stand in every line of this shape. Where a greedy hole may take the whole rest, nothing
    /// must that comes after the text directly behind it.
    fn anchor(&self, given_up: GivenUp) -> Option<&str> {
        let parts = &self.pattern.parts;
        let is_greedy = |part: &Part| matches!(part, Part::Hole { extent: Extent::Greedy, .. });
        let required = match given_up {
            GivenUp::TakesRest => parts.iter().position(is_greedy).map_or(parts.len(), |greedy| greedy + 2),
            GivenUp::Misfits => parts.len(),
        };
        let literals = parts.iter().take(required).filter_map(|part| match part {
            Part::Literal(literal) => Some(literal.as_str()),
            Part::Hole { .. } => None,
        });
        literals.max_by_key(|literal| literal.len())
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
