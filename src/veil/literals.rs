//! The literals of an expression: texts of which one must stand in whatever it matches.
//!
//! Most texts hold none of them, and one pass over a text tells for all expressions at once which are worth a try.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};
use std::cmp::Reverse;

/// More alternatives than this say less than a shorter literal beside them.
const LITERALS_MAX: usize = 64;
/// A literal of so many bytes is rare enough; of longer ones the fewest are the best.
const RARE_BYTES: usize = 6;
/// Longer literals tell no more.
const LITERAL_BYTES_MAX: usize = 32;
/// Lists of literals that are kept.
pub(super) const LISTS_MAX: usize = 3;
/// Shorter literals beside better ones stand in nearly every text.
const MORE_BYTES_MIN: usize = 3;

/// What stands in every text in which an expression finds an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Required {
    /// Lists of texts in lower case, the one that tells most first: of each list at least one stands there, in any case of
    /// ASCII letters. No list and no text is empty.
    pub(super) lists: Vec<Vec<Vec<u8>>>,
    /// Bytes that all stand there: ASCII, and no letters.
    pub(super) signs: Vec<u8>,
    /// Texts with capitals that all stand there as they are.
    pub(super) cased: Vec<Vec<u8>>,
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
    Required { lists: best_lists(all(&hir)), signs, cased: cased(&hir) }
}

/// The lists that tell most.
fn best_lists(mut all: Vec<Literals>) -> Vec<Vec<Vec<u8>>> {
    all.sort_by_key(|literals| Reverse(literals.worth()));
    all.dedup();
    let is_kept = |(place, literals): &(usize, Literals)| *place == 0 || literals.shortest() >= MORE_BYTES_MIN;
    let kept = all.into_iter().enumerate().filter(is_kept).take(LISTS_MAX);
    kept.map(|(_, literals)| literals.0).collect()
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

/// Literals with a capital that stand in every match as they are written.
fn cased(hir: &Hir) -> Vec<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) if literal.0.iter().any(u8::is_ascii_uppercase) => vec![literal.0.to_vec()],
        HirKind::Capture(capture) => cased(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => cased(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(cased).collect(),
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Alternation(_) => Vec::new(),
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

    /// How much they tell: the longest, of long ones the fewest.
    fn worth(&self) -> (usize, Reverse<usize>) {
        (self.shortest().min(RARE_BYTES), Reverse(self.0.len()))
    }
}

/// The one of which stands in every match that tells most.
fn of(hir: &Hir) -> Option<Literals> {
    all(hir).into_iter().max_by_key(Literals::worth)
}

/// Of each of which one stands in every match.
fn all(hir: &Hir) -> Vec<Literals> {
    let lists = match exact(hir) {
        Some(whole) => vec![whole],
        None => all_of_parts(hir),
    };
    lists.into_iter().filter(|literals| literals.shortest() > 0).collect()
}

/// The same for an expression that matches more than a few texts.
fn all_of_parts(hir: &Hir) -> Vec<Literals> {
    match hir.kind() {
        HirKind::Capture(capture) => all(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => all(&repetition.sub),
        HirKind::Concat(parts) => all_of_sequence(parts),
        HirKind::Alternation(alternatives) => {
            let each: Option<Vec<Literals>> = alternatives.iter().map(of).collect();
            let any = each.and_then(|each| Literals::new(each.into_iter().flat_map(|literals| literals.0).collect()));
            any.into_iter().collect()
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => {
            Vec::new()
        }
    }
}

/// What neighbours say together, and what single parts say.
fn all_of_sequence(parts: &[Hir]) -> Vec<Literals> {
    let (mut lists, mut run) = (Vec::new(), Literals::empty());
    for part in parts {
        let exact = exact(part);
        let joined = exact.as_ref().and_then(|exact| run.then(exact));
        run = joined.unwrap_or_else(|| {
            let begun = leading(part).and_then(|leading| run.then(&leading));
            let ended = std::mem::replace(&mut run, Literals::empty());
            lists.push(begun.unwrap_or(ended));
            if exact.is_none() {
                lists.extend(all_of_parts(part));
            }
            exact.unwrap_or_else(Literals::empty)
        });
    }
    lists.push(run);
    lists
}

/// With one of which every match begins.
fn leading(hir: &Hir) -> Option<Literals> {
    if let Some(exact) = exact(hir) {
        return Some(exact);
    }
    match hir.kind() {
        HirKind::Capture(capture) => leading(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => leading(&repetition.sub),
        HirKind::Concat(parts) => {
            let mut begun = Literals::empty();
            for part in parts {
                let Some(longer) = leading(part).and_then(|leading| begun.then(&leading)) else { break };
                begun = longer;
                if exact(part).is_none() {
                    break;
                }
            }
            Some(begun)
        }
        HirKind::Alternation(alternatives) => {
            let each: Option<Vec<Literals>> = alternatives.iter().map(leading).collect();
            Literals::new(each?.into_iter().flat_map(|literals| literals.0).collect())
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
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
    fn check(regex: &str, expected: &[&[&str]]) {
        let lists = required(regex).lists;
        let text = |literal: &Vec<u8>| String::from_utf8(literal.clone()).unwrap();
        let lists: Vec<Vec<String>> = lists.iter().map(|list| list.iter().map(text).collect()).collect();
        assert_eq!(lists, expected, "{regex}");
    }

    #[test]
    fn literals_by_hand() {
        check("user", &[&["user"]]);
        check("(?i-u)USER (\\S+)", &[&["user "]]);
        check("(?i)user name", &[&["user name", "u\u{17f}er name"]]); // the long s is an `s`, too
        check("a|b", &[&["a", "b"]]);
        check("(?:GET|PUT) /x", &[&["get /x", "put /x"]]);
        check("users? (\\d+)", &[&["user ", "users "]]);
        check("x(abc|d+)y", &[&["xabc", "xd"]]);
        check("(?:abc)+", &[&["abc"]]);
        check("(?:abc)*d", &[&["d"]]);
        check("\\buser\\b.*\\bmailbox\\b", &[&["mailbox"], &["user"]]);
        check("(?:kicked|banned) (\\S+) (?:out of|from) ", &[&["banned ", "kicked "], &[" from ", " out of "]]);
        check(":(?:\\$[16]\\$\\S+|!!?|\\*):\\d", &[&[":!", ":!!", ":$1$", ":$6$", ":*"]]);
        check("\\d+", &[]);
        check("(?:abc)?", &[]);
        check("abc|\\d", &[]);
    }

    #[test]
    fn capitals_stand_as_they_are() {
        let cased = |regex| required(regex).cased.into_iter().map(|text| String::from_utf8(text).unwrap());
        assert!(cased("USER (\\S+)(?:Login|$)").eq(["USER "]));
        assert!(cased("(?i)USER |x").eq([""; 0]));
    }

    #[test]
    fn alternatives_without_the_group_need_nothing() {
        check("(?:and|the) user|user (\\w+) in", &[&["user "], &[" in"]]);
        check("(?:(?:x|userid=(\\d+)))* end", &[&["userid="], &[" end"]]);
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
                    "|", "=", "(?:e-|f-)", "(?:a=)?", "(?:c|(a)-)", "(?:Ab\\d|C+)", "(D)", "(?:ef+|gg|h\\d)+",
                ]),
                1..6,
            ),
            text in "[abcdADCefghijklmno0-9 =-]{0,24}",
        ) {
            let regex = parts.concat();
            let Required { lists, signs, cased } = required(&regex);
            let regex = Regex::new(&regex).unwrap();
            let group = usize::from(regex.captures_len() > 1);
            for captures in regex.captures_iter(text.as_bytes()).filter(|captures| captures.get(group).is_some()) {
                let found = captures.get(0).unwrap().as_bytes().to_ascii_lowercase();
                prop_assert!(signs.iter().all(|sign| found.contains(sign)), "{regex} matched without {signs:?}");
                let written = captures.get(0).unwrap().as_bytes();
                prop_assert!(cased.iter().all(|text| memchr::memmem::find(written, text).is_some()));
                for literals in &lists {
                    let held = literals.iter().any(|literal| memchr::memmem::find(&found, literal).is_some());
                    prop_assert!(held, "{regex} matched {} bytes that hold none of {literals:?}", found.len());
                    prop_assert!(literals.iter().all(|literal| !literal.is_empty()));
                }
            }
        }
    }
}
