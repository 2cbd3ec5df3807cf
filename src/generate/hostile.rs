//! Lines that attack whoever reads them.

use super::dice::Dice;
use super::line::Line;
use super::template::Template;

/// What is wrong with a hostile line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hostile {
    /// The line ends somewhere in its middle.
    Truncated,
    /// JSON with a brace missing, a quote too many, or a second value behind it.
    MalformedJson,
    /// Bytes that are no UTF-8.
    InvalidUtf8,
    /// A NUL byte.
    Nul,
    /// A JSON object with a name that stands twice.
    DuplicateNames,
    /// JSON nested ten thousand levels deep.
    Deep,
    /// Values and names under JSON or C escapes: `\u0031`, `\x22`.
    Escapes,
    /// Values under percent-encoding, every byte.
    Percent,
    /// A value that imitates the rest of the line: `user test from 192.0.2.1 port 1 ssh2`.
    Injection,
    /// A value of up to a quarter of a megabyte.
    LongValue,
    /// Nothing.
    Empty,
    /// JSON in a string in a string.
    Nested,
}

impl Hostile {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 12] = [
        Self::Truncated,
        Self::MalformedJson,
        Self::InvalidUtf8,
        Self::Nul,
        Self::DuplicateNames,
        Self::Deep,
        Self::Escapes,
        Self::Percent,
        Self::Injection,
        Self::LongValue,
        Self::Empty,
        Self::Nested,
    ];

    /// Name in truth files and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::MalformedJson => "malformed-json",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Nul => "nul",
            Self::DuplicateNames => "duplicate-names",
            Self::Deep => "deep",
            Self::Escapes => "escapes",
            Self::Percent => "percent",
            Self::Injection => "injection",
            Self::LongValue => "long-value",
            Self::Empty => "empty",
            Self::Nested => "nested",
        }
    }
}

/// How a hostile line is made.
pub(super) enum Trap {
    /// From a sketch of its own.
    Line(Hostile, Template),
    /// From a usual line.
    Damage(Damage),
}

impl Trap {
    /// Its own template.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            Self::Line(_, template) => Some(template),
            Self::Damage(_) => None,
        }
    }

    pub(super) fn hostile(&self) -> Hostile {
        match self {
            Self::Line(hostile, _) => *hostile,
            Self::Damage(Damage::Truncated) => Hostile::Truncated,
            Self::Damage(Damage::MalformedJson) => Hostile::MalformedJson,
            Self::Damage(Damage::InvalidUtf8) => Hostile::InvalidUtf8,
            Self::Damage(Damage::Nul) => Hostile::Nul,
        }
    }
}

/// What spoils a usual line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Truncated,
    MalformedJson,
    InvalidUtf8,
    Nul,
}

impl Damage {
    /// Spoils the line.
    pub(super) fn strike(self, line: &mut Line, dice: &mut Dice) {
        /// No byte of UTF-8, an overlong `/`, half a character, and a surrogate (RFC 3629, section 3).
        const NOT_UTF8: [&[u8]; 4] = [b"\xff\xfe", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80"];
        let at = dice.between(1..=line.bytes.len().max(2) as u64 - 1) as usize;
        match self {
            Self::Truncated => line.cut(at),
            Self::MalformedJson => match dice.below(3) {
                0 => line.cut(line.bytes.len().saturating_sub(1)),
                1 => line.insert(1, b"\""),
                _ => line.insert(line.bytes.len(), br#" {"status":200}"#),
            },
            Self::InvalidUtf8 => line.insert(at, dice.pick::<&[u8]>(&NOT_UTF8)),
            Self::Nul => line.insert(at, b"\0"),
        }
    }
}
