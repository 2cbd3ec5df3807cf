//! Reads a record as the engine does, and shows every value with the names above it and what the packs do with it.
//!
//! For looking at logs, not for streams: a value is planned by itself, so what [`Veil::batch`] finds by comparing values of
//! one record is not told here.

use super::plan::Plan;
use super::{Reason, Rows, Veil, is_text};
use crate::rules::{Class, Format};
use crate::transform::Source;
use std::ops::Range;

/// A name on the way down to a value. An array has no step of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A member of a JSON object.
    Member(String),
    /// A member whose name is itself an entity, as in a map by address. The name is not told.
    Entity(Class),
    /// The content of an object that names it: `{"key": "user", "value": …}`.
    Label(String),
    /// JSON inside a text: paths begin anew.
    Inside,
    /// A `name=value` pair or an XML element in a text.
    Pair(String),
    /// A hole of a pattern.
    Hole(String),
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string, or a part of a text.
    Text,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Bool,
}

/// A value where it stands. Has no `Debug`: the value is raw.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// The pack whose rules hold for the record.
    pub pack: &'a str,
    /// The names above.
    pub path: &'a [Step],
    /// The value with its escapes undone.
    pub value: &'a [u8],
    /// How it is written.
    pub kind: Kind,
    /// Whether a rule speaks of the value and keeps it, as it says or because the value stands for nobody.
    pub kept: bool,
    /// What is replaced in it, ascending and disjoint.
    pub found: &'a [Mark],
}

/// A part of a value that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the value.
    pub span: Range<usize>,
    /// Its class.
    pub class: Class,
    /// Index of the rule in [`Veil::rule_names`].
    pub rule: usize,
    /// What it was found by.
    pub source: Source,
}

/// What a name says by the lexicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Its values are entities of this class.
    Entity(Class),
    /// Its values are kept: they name nobody.
    Nobody,
}

impl Veil {
    /// Shows every value of a payload to `each`; `rows` as in [`Veil::batch_of_rows`].
    ///
    /// # Errors
    /// The [`Reason`] for which the record would be quarantined; `each` has seen nothing of it then.
    pub fn survey(&self, payload: &[u8], rows: Option<&Rows>, each: &mut dyn FnMut(Sight<'_>)) -> Result<(), Reason> {
        if payload.len() > self.record_bytes_max {
            return Err(Reason::TooLarge);
        }
        if !is_text(payload) {
            return Err(Reason::NotUtf8);
        }
        Plan::default().survey(&self.packs, rows, payload, each)
    }

    /// What a field of this name holds, by the shared lexicon of names that the generic packs go by.
    pub fn meaning(&self, name: &str) -> Option<Meaning> {
        let action = self.packs.fallback(Format::Json).named_as_written(name.as_bytes())?;
        match action.replacement {
            Some(_) if action.class == Class::Text => None,
            Some(_) => Some(Meaning::Entity(action.class)),
            None if action.parse == crate::rules::Parse::No => Some(Meaning::Nobody),
            None => None,
        }
    }
}
