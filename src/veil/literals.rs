//! The literals of an expression: texts of which one must stand in whatever it matches.
//!
//! Most texts hold none of them, and one pass over a text tells for all expressions at once which are worth a try.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this say less than a shorter literal beside them.
const LITERALS_MAX: usize = 64;
/// A literal of so many bytes is rare enough; of longer ones the fewest are the best.
const RARE_BYTES: usize = 6;
/// Longer literals tell no more.
const LITERAL_BYTES_MAX: usize = 32;

/// What stands in every text in which an expression finds an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Required {
    /// Texts in lower case of which at least one stands there, in any case of ASCII letters; `None` when no text has to.
    /// None of them is empty.
    pub(super) literals: Option<Vec<Vec<u8>>>,
    /// Bytes that all stand there: ASCII, and no letters.
    pub(super) signs: Vec<u8>,
}

/// What `regex` needs to find an entity: its first group, or the whole match where there is no group.
///
/// Alternatives without that group only hold back words: their matches are no entities, so nothing is needed for them.
pub(super) fn required(regex: &str) -> Required {
    let Ok(hir) = ParserBuilder::new().utf8(false).build().parse(regex) else { return Required::default() };
    let hir = with_group(&hir).unwrap_or(hir);
    let mut signs = signs(&hir);
    signs.sort_unstable();
    signs.dedup();
    Required { literals: of(&hir).map(|literals| literals.0), signs }
}

/// The expression as far as its first group takes part in a match; `None` when it has no group.
fn with_group(hir: &Hir) -> Option<Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.index == 1 => Some(hir.clone()),
        HirKind::Capture(capture) => with_group(&capture.sub),
        HirKind::Repetition(repetition) => with_group(&repetition.sub),
        HirKind::Alternation(alternatives) => alternatives.iter().find_map(with_group),
        HirKind::Concat(parts) => {
            let (place, part) = parts.iter().enumerate().find_map(|(place, part)| Some((place, with_group(part)?)))?;
            let mut parts = parts.clone();
            parts[place] = part;
            Some(Hir::concat(parts))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// Bytes of ASCII, other than letters, that stand in every match.
fn signs(hir: &Hir) -> Vec<u8> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            literal.0.iter().copied().filter(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic()).collect()
        }
        HirKind::Capture(capture) => signs(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => signs(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(signs).collect(),
        HirKind::Alternation(alternatives) => {
            let mut each = alternatives.iter().map(signs);
            let first = each.next().unwrap_or_default();
            each.fold(first, |common, signs| common.into_iter().filter(|sign| signs.contains(sign)).collect())
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
    }
}

/// Alternatives, in lower case, ascending and distinct.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Literals(Vec<Vec<u8>>);

impl Literals {
    fn empty() -> Self {
        Self(vec![Vec::new()])
    }

    fn new(mut alternatives: Vec<Vec<u8>>) -> Option<Self> {
        alternatives.iter_mut().for_each(|literal| literal.make_ascii_lowercase());
        alternatives.sort_unstable();
        alternatives.dedup();
        let fits =
            alternatives.len() <= LITERALS_MAX && alternatives.iter().all(|literal| literal.len() <= LITERAL_BYTES_MAX);
        fits.then_some(Self(alternatives))
    }

    /// Each of these followed by each of `behind`.
    fn then(&self, behind: &Self) -> Option<Self> {
        if self.0.len() * behind.0.len() > LITERALS_MAX {
            return None;
        }
        let joined = |literal: &Vec<u8>| {
            let literal = literal.clone();
            behind.0.iter().map(move |behind| [literal.as_slice(), behind].concat())
        };
        Self::new(self.0.iter().flat_map(joined).collect())
    }

    /// The length of the shortest: the longer, the rarer is the chance find.
    fn shortest(&self) -> usize {
        self.0.iter().map(Vec::len).min().unwrap_or(0)
    }
}

/// The better of two choices; one with an empty text in it says nothing.
fn better(a: Option<Literals>, b: Option<Literals>) -> Option<Literals> {
    let worth = |literals: &Literals| (literals.shortest().min(RARE_BYTES), std::cmp::Reverse(literals.0.len()));
    let telling = [a, b].into_iter().flatten().filter(|literals| literals.shortest() > 0);
    telling.max_by_key(worth)
}

/// One of which stands in every match.
fn of(hir: &Hir) -> Option<Literals> {
    match exact(hir) {
        Some(whole) => better(Some(whole), None),
        None => of_parts(hir),
    }
}

/// The same for an expression that matches more than a few texts.
fn of_parts(hir: &Hir) -> Option<Literals> {
    match hir.kind() {
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Concat(parts) => of_sequence(parts),
        HirKind::Alternation(alternatives) => {
            let each: Option<Vec<Literals>> = alternatives.iter().map(of).collect();
            each.and_then(|each| Literals::new(each.into_iter().flat_map(|literals| literals.0).collect()))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// The best of what neighbours say together.
fn of_sequence(parts: &[Hir]) -> Option<Literals> {
    let (mut best, mut run) = (None, Literals::empty());
    for part in parts {
        let exact = exact(part);
        let joined = exact.as_ref().and_then(|exact| run.then(exact));
        run = joined.unwrap_or_else(|| {
            let inner = if exact.is_none() { of_parts(part) } else { None };
            let ended = std::mem::replace(&mut run, Literals::empty());
            best = better(better(best.take(), Some(ended)), inner);
            exact.unwrap_or_else(Literals::empty)
        });
    }
    better(best, Some(run))
}

/// All that `hir` matches, when that is few.
fn exact(hir: &Hir) -> Option<Literals> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(Literals::empty()),
        HirKind::Literal(literal) => Literals::new(vec![literal.0.to_vec()]),
        HirKind::Class(class) => exact_class(class),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (0, Some(1)) => {
                let Literals(mut once) = exact(&repetition.sub)?;
                once.push(Vec::new());
                Literals::new(once)
            }
            _ => None,
        },
        HirKind::Concat(parts) => parts.iter().try_fold(Literals::empty(), |before, part| before.then(&exact(part)?)),
        HirKind::Alternation(alternatives) => {
            let each: Option<Vec<Literals>> = alternatives.iter().map(exact).collect();
            Literals::new(each?.into_iter().flat_map(|literals| literals.0).collect())
        }
    }
}

/// The members of a class of few: `[Uu]`, `["']`.
fn exact_class(class: &Class) -> Option<Literals> {
    const MEMBERS_MAX: usize = 6;
    let members: Vec<Vec<u8>> = match class {
        Class::Bytes(class) => {
            let ranges = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            ranges.take(MEMBERS_MAX + 1).map(|byte| vec![byte]).collect()
        }
        Class::Unicode(class) => {
            let ranges = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            ranges.take(MEMBERS_MAX + 1).map(|letter| letter.to_string().into_bytes()).collect()
        }
    };
    if members.is_empty() || members.len() > MEMBERS_MAX { None } else { Literals::new(members) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;

    #[track_caller]
    fn check(regex: &str, expected: Option<&[&str]>) {
        let literals = required(regex).literals.map(|literals| {
            literals.iter().map(|literal| String::from_utf8(literal.clone()).unwrap()).collect::<Vec<_>>()
        });
        let expected =
            expected.map(|expected| expected.iter().map(|literal| (*literal).to_owned()).collect::<Vec<_>>());
        assert_eq!(literals, expected, "{regex}");
    }

    #[test]
    fn literals_by_hand() {
        check("user", Some(&["user"]));
        check("(?i-u)USER (\\S+)", Some(&["user "]));
        check("(?i)user name", Some(&["user name", "u\u{17f}er name"])); // the long s is an `s`, too
        check("a|b", Some(&["a", "b"]));
        check("(?:GET|PUT) /x", Some(&["get /x", "put /x"]));
        check("users? (\\d+)", Some(&["user ", "users "]));
        check("x(abc|d+)y", Some(&["y"]));
        check("(?:abc)+", Some(&["abc"]));
        check("(?:abc)*d", Some(&["d"]));
        check("\\buser\\b.*\\bmailbox\\b", Some(&["mailbox"]));
        check("\\d+", None);
        check("(?:abc)?", None);
        check("abc|\\d", None);
    }

    #[test]
    fn alternatives_without_the_group_need_nothing() {
        check("(?:and|the) user|user (\\w+) in", Some(&["user "]));
        check("(?:(?:x|userid=(\\d+)))* end", Some(&["userid="]));
        let signs = |regex| String::from_utf8(required(regex).signs).unwrap();
        assert_eq!(signs("a b|@(\\w+):(?:c-d|-e)"), "-:@");
        assert_eq!(signs("(?:x:)*(y)\\[?z+="), "=");
        assert_eq!(signs("a:|b"), "");
    }

    proptest! {
        /// Whatever an expression matches holds one of its literals, and all its signs.
        #[test]
        fn every_match_holds_one(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "bc", "(?i:d)", "[ef]", "(?:gh|i)", "j?", "(kl)+", "m*", "\\d", "\\b", "(?:n|)", ".", "(?:o|\\d)",
                    "|", "=", "(?:e-|f-)", "(?:a=)?", "(?:c|(a)-)",
                ]),
                1..6,
            ),
            text in "[abcdDefghijklmno0-9 =-]{0,24}",
        ) {
            let regex = parts.concat();
            let Required { literals, signs } = required(&regex);
            let regex = Regex::new(&regex).unwrap();
            let group = usize::from(regex.captures_len() > 1);
            for captures in regex.captures_iter(text.as_bytes()).filter(|captures| captures.get(group).is_some()) {
                let found = captures.get(0).unwrap().as_bytes().to_ascii_lowercase();
                prop_assert!(signs.iter().all(|sign| found.contains(sign)), "{regex} matched without {signs:?}");
                let Some(literals) = &literals else { continue };
                let held = literals.iter().any(|literal| memchr::memmem::find(&found, literal).is_some());
                prop_assert!(held, "{regex} matched {} bytes that hold none of {literals:?}", found.len());
                prop_assert!(literals.iter().all(|literal| !literal.is_empty()));
            }
        }
    }
}
