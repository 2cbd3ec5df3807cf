//! The grammar of line and message patterns: literal text with holes, such as `<client_ip> - <user> [<time:text>]`.
//!
//! `<name>` and `<name:EXTENT>` are holes ([`Extent`] lists them), `\<` is a literal `<` and `\\` a backslash.

use super::{Extent, Part};
use std::fmt;

/// Name of a hole that no rule can select; its text is scanned. The only name that may stand twice in a pattern.
pub const ANONYMOUS: &str = "_";

/// Most parts in one pattern.
pub const PARTS_MAX: usize = 128;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct PatternError {
    /// Where in the pattern, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: PatternFault,
}

/// What can be wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// No text at all.
    #[error("the pattern is empty")]
    Empty,
    /// `<` without `>`.
    #[error("the hole has no closing `>`")]
    HoleOpen,
    /// A name that is not lower-case letters, digits and underscores.
    #[error("a hole's name is lower-case letters, digits and `_`, and starts with a letter or `_`")]
    Name,
    /// A word behind the colon that is no extent.
    #[error("`{0}` is no extent of a hole")]
    ExtentUnknown(String),
    /// Two holes with nothing between them: nothing tells where one ends.
    #[error("two holes touch, so nothing tells where the first one ends")]
    HolesTouch,
    /// A second greedy hole.
    #[error("a pattern has at most one greedy hole")]
    GreedyTwice,
    /// A name that an earlier hole has.
    #[error("hole `{0}` stands twice")]
    NameTwice(String),
    /// Text behind a hole that takes everything.
    #[error("nothing can follow a hole that takes the rest")]
    AfterRest,
    /// A quoted hole that no `"` closes.
    #[error("a quoted hole stands between two `\"`")]
    QuoteMissing,
    /// A backslash before something other than `<` or `\`.
    #[error("a backslash stands only before `<` or another backslash")]
    Escape,
    /// More than [`PARTS_MAX`] parts.
    #[error("more than {PARTS_MAX} parts")]
    TooLong,
}

impl PatternFault {
    /// The word that should have been an extent, where that is the fault.
    pub(super) fn unknown_extent(&self) -> Option<&str> {
        if let Self::ExtentUnknown(word) = self { Some(word) } else { None }
    }
}

/// Reads a pattern.
///
/// # Errors
/// The first fault and its column.
pub fn parse(text: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts: Vec<(usize, Part)> = Vec::new();
    let mut chars = (1..).zip(text.chars());
    while let Some((column, c)) = chars.next() {
        let at = |fault| PatternError { column, fault };
        if c == '<' {
            parts.push((column, parse_hole(&mut chars).map_err(at)?));
            continue;
        }
        let c = if c == '\\' { escaped(&mut chars).ok_or(at(PatternFault::Escape))? } else { c };
        match parts.last_mut() {
            Some((_, Part::Literal(literal))) => literal.push(c),
            Some((_, Part::Hole { .. })) | None => parts.push((column, Part::Literal(c.into()))),
        }
    }
    check(&parts)?;
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

/// The character that a backslash protects.
fn escaped(chars: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    chars.next().map(|(_, c)| c).filter(|c| matches!(c, '<' | '\\'))
}

/// Reads a hole whose `<` is read already.
fn parse_hole(chars: &mut impl Iterator<Item = (usize, char)>) -> Result<Part, PatternFault> {
    let mut inside = String::new();
    loop {
        match chars.next() {
            None | Some((_, '<')) => return Err(PatternFault::HoleOpen),
            Some((_, '>')) => break,
            Some((_, c)) => inside.push(c),
        }
    }
    let (name, code) = inside.split_once(':').unwrap_or((&inside, Extent::Word.code()));
    let extent = Extent::ALL.into_iter().find(|extent| extent.code() == code);
    let extent = extent.ok_or_else(|| PatternFault::ExtentUnknown(code.to_owned()))?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return Err(PatternFault::Name);
    }
    Ok(Part::Hole { name: name.to_owned(), extent })
}

/// Checks the parts, each with its column, against each other.
fn check(parts: &[(usize, Part)]) -> Result<(), PatternError> {
    if parts.is_empty() {
        return Err(PatternError { column: 1, fault: PatternFault::Empty });
    }
    for (index, (column, part)) in parts.iter().enumerate() {
        let at = |fault| Err(PatternError { column: *column, fault });
        if index >= PARTS_MAX {
            return at(PatternFault::TooLong);
        }
        let before = index.checked_sub(1).and_then(|before| parts.get(before)).map(|(_, part)| part);
        let after = parts.get(index + 1).map(|(_, part)| part);
        match (before, part) {
            (Some(Part::Hole { .. }), Part::Hole { .. }) => return at(PatternFault::HolesTouch),
            (Some(Part::Hole { extent: Extent::Rest, .. }), Part::Literal(_)) => return at(PatternFault::AfterRest),
            (_, Part::Hole { extent: Extent::Quoted, .. }) => {
                let opened = matches!(before, Some(Part::Literal(text)) if text.ends_with('"'));
                let closed = matches!(after, Some(Part::Literal(text)) if text.starts_with('"'));
                if !opened || !closed {
                    return at(PatternFault::QuoteMissing);
                }
            }
            (_, Part::Hole { .. } | Part::Literal(_)) => {}
        }
        let Part::Hole { name, extent } = part else { continue };
        for (_, earlier) in parts.iter().take(index) {
            match earlier {
                Part::Hole { name: other, .. } if name == other && name != ANONYMOUS => {
                    return at(PatternFault::NameTwice(name.clone()));
                }
                Part::Hole { extent: Extent::Greedy, .. } if *extent == Extent::Greedy => {
                    return at(PatternFault::GreedyTwice);
                }
                Part::Hole { .. } | Part::Literal(_) => {}
            }
        }
    }
    Ok(())
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(&text.replace('\\', "\\\\").replace('<', "\\<")),
            Self::Hole { name, extent: Extent::Word } => write!(f, "<{name}>"),
            Self::Hole { name, extent } => write!(f, "<{name}:{}>", extent.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hole(name: &str, extent: Extent) -> Part {
        Part::Hole { name: name.into(), extent }
    }

    #[track_caller]
    fn refused(text: &str, column: usize, fault: PatternFault) {
        assert_eq!(parse(text), Err(PatternError { column, fault }), "{text}");
    }

    #[test]
    fn literals_and_holes_are_read_in_turn() {
        assert_eq!(
            parse(r#"\<<pri:int>>1 <host> "<agent:quoted>" \\ <_:text>, <_:rest>"#),
            Ok(vec![
                Part::Literal("<".into()),
                hole("pri", Extent::Int),
                Part::Literal(">1 ".into()),
                hole("host", Extent::Word),
                Part::Literal(" \"".into()),
                hole("agent", Extent::Quoted),
                Part::Literal("\" \\ ".into()),
                hole("_", Extent::Text),
                Part::Literal(", ".into()),
                hole("_", Extent::Rest),
            ])
        );
    }

    #[test]
    fn faults_have_a_column() {
        refused("", 1, PatternFault::Empty);
        refused("a <b", 3, PatternFault::HoleOpen);
        refused("a <b <c>", 3, PatternFault::HoleOpen);
        refused("é <>", 3, PatternFault::Name);
        refused("<clientIp>", 1, PatternFault::Name);
        refused("<1a>", 1, PatternFault::Name);
        refused("<a:txt>", 1, PatternFault::ExtentUnknown("txt".into()));
        refused("<a:>", 1, PatternFault::ExtentUnknown(String::new()));
        refused("<a><b>", 4, PatternFault::HolesTouch);
        refused("<a:greedy> <b:greedy>", 12, PatternFault::GreedyTwice);
        refused("<a> <a>", 5, PatternFault::NameTwice("a".into()));
        refused("<a:rest>.", 9, PatternFault::AfterRest);
        refused("<a:rest><b>", 9, PatternFault::HolesTouch);
        refused("<a:quoted>", 1, PatternFault::QuoteMissing);
        refused("\"<a:quoted>", 2, PatternFault::QuoteMissing);
        refused("\"<a:quoted> \"", 2, PatternFault::QuoteMissing);
        refused(r"a\n", 2, PatternFault::Escape);
        refused("a\\", 2, PatternFault::Escape);
        let long = "<_> ".repeat(PARTS_MAX);
        refused(&long, 4 * (PARTS_MAX / 2) + 1, PatternFault::TooLong);
    }

    proptest! {
        #[test]
        fn what_is_read_prints_and_reads_back(text in r#"([a< >\\"]|<[ab_](:(int|text|greedy|quoted|csv|rest))?>){0,8}"#) {
            match parse(&text) {
                Ok(parts) => {
                    let printed: String = parts.iter().map(Part::to_string).collect();
                    prop_assert_eq!(parse(&printed), Ok(parts));
                }
                Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column)),
            }
        }
    }
}
