//! Why a record is quarantined.

use crate::decode::json::JsonError;
use std::fmt;

/// Why a record could not be veiled: a closed set, used in metrics, quarantine headers and docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The payload is not UTF-8, or has NUL bytes as UTF-16 and binary data do.
    NotUtf8,
    /// The pack wants JSON and the payload is not one JSON value by RFC 8259.
    NotJson,
    /// The pack wants lines of its own shapes and this line has none of them.
    NotLine,
    /// Longer than the record limit.
    TooLarge,
    /// JSON or layers nested deeper than the limit.
    TooDeep,
    /// More entities than the limit.
    TooMany,
    /// The record has no timestamp, so its key epoch is unknown.
    NoTimestamp,
    /// The keyring has no key for the record's epoch.
    KeyEpochUnknown,
    /// A replaced value still stood somewhere in the output.
    Residue,
}

impl Reason {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 9] = [
        Self::NotUtf8,
        Self::NotJson,
        Self::NotLine,
        Self::TooLarge,
        Self::TooDeep,
        Self::TooMany,
        Self::NoTimestamp,
        Self::KeyEpochUnknown,
        Self::Residue,
    ];

    /// Name in metrics, quarantine headers and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::NotLine => "not-line",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::TooMany => "too-many",
            Self::NoTimestamp => "no-timestamp",
            Self::KeyEpochUnknown => "key-epoch-unknown",
            Self::Residue => "residue",
        }
    }
}

impl From<JsonError> for Reason {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Grammar { .. } => Self::NotJson,
            JsonError::TooDeep { .. } => Self::TooDeep,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
