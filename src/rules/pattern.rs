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
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = (1..).zip(text.chars());
    let mut quote_due = None;
    while let Some((column, c)) = chars.next() {
        let at = |fault| PatternError { column, fault };
        if let Some(column) = quote_due.take_if(|_| c != '"') {
            return Err(PatternError { column, fault: PatternFault::QuoteMissing });
        }
        quote_due = None;
        if c != '<' {
            if matches!(parts.last(), Some(Part::Hole { extent: Extent::Rest, .. })) {
                return Err(at(PatternFault::AfterRest));
            }
            literal.push(if c == '\\' { escaped(&mut chars).ok_or(at(PatternFault::Escape))? } else { c });
            continue;
        }
        let hole = parse_hole(&mut chars).map_err(at)?;
        if literal.is_empty() && !parts.is_empty() {
            return Err(at(PatternFault::HolesTouch));
        }
        if matches!(hole, Part::Hole { extent: Extent::Quoted, .. }) {
            if !literal.ends_with('"') {
                return Err(at(PatternFault::QuoteMissing));
            }
            quote_due = Some(column);
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        check_among(&parts, &hole).map_err(at)?;
        parts.push(hole);
    }
    if let Some(column) = quote_due {
        return Err(PatternError { column, fault: PatternFault::QuoteMissing });
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    if parts.is_empty() {
        return Err(PatternError { column: 1, fault: PatternFault::Empty });
    }
    Ok(parts)
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

/// Checks a hole against the parts before it.
fn check_among(parts: &[Part], hole: &Part) -> Result<(), PatternFault> {
    let Part::Hole { name, extent } = hole else { return Ok(()) };
    if parts.len() >= PARTS_MAX {
        return Err(PatternFault::TooLong);
    }
    for part in parts {
        let Part::Hole { name: earlier, extent: earlier_extent } = part else { continue };
        if name == earlier && name != ANONYMOUS {
            return Err(PatternFault::NameTwice(name.clone()));
        }
        if (*extent, *earlier_extent) == (Extent::Greedy, Extent::Greedy) {
            return Err(PatternFault::GreedyTwice);
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
        fn what_is_read_prints_and_reads_back(text in r#"([a< >\\"]|<[ab_](:(int|text|greedy|quoted|rest))?>){0,8}"#) {
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
