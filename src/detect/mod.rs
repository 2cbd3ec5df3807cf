//! Finds entities by shape in free text, and `name=value` pairs.
//!
//! Knows: byte shapes and their validators. Must not know rules' selectors, formats or keys. Start at [`shapes`].
//!
//! Linear: every byte is looked at a bounded number of times, whatever the text.

use crate::rules::Shape;
use std::ops::Range;

/// An entity found by its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the text that are the entity itself: no port, no brackets, no quotes.
    pub span: Range<usize>,
    /// What it is.
    pub shape: Shape,
}

/// A `name=value` pair in free text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Bytes of the name.
    pub name: Range<usize>,
    /// Bytes of the value, without quotes.
    pub value: Range<usize>,
}

/// Lists the entities in `text`, in order of their start, without overlaps.
pub fn shapes(text: &[u8], found: &mut Vec<Found>) {
    let _ = (text, found);
}

/// Lists the `name=value`, `name="value"` and `name: value` pairs in `text`, in order.
pub fn pairs(text: &[u8], pairs: &mut Vec<Pair>) {
    let _ = (text, pairs);
}
