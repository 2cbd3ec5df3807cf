//! Which fields a rule looks at.
//!
//! A selector is a path: names separated by dots, `*` for any one name, `**` for any number of names, `"a.b"` for a
//! name with dots. Arrays are transparent. `@key` is the record key, `@headers.NAME` a record header (any case).

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// Which part of the record.
    pub target: Target,
    /// The path inside that part; empty for `@key`.
    pub steps: Vec<Step>,
}

/// The part of a record that a selector looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The decoded payload.
    Payload,
    /// The record key.
    Key,
    /// A header; the one step is its name.
    Header,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// This name.
    Name(String),
    /// `*`: any one name.
    Any,
    /// `**`: any number of names, also none.
    AnyDepth,
}
