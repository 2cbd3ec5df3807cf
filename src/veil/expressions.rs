//! The authors' expressions of all packs of a veil: each is compiled once, however many packs share it.

use super::literals::{self, Required};
use super::prefilter::Prefilter;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Memory for the automaton of one expression in one worker. There are a hundred of them and more.
const AUTOMATON_BYTES_MAX: usize = 512 * 1024;

/// Compiled expressions, and the lists of them that packs go by.
#[derive(Debug, Default, Clone)]
pub(super) struct Expressions {
    compiled: Vec<Compiled>,
    /// Index in `compiled` by text.
    known: BTreeMap<String, usize>,
    lists: Vec<List>,
}

/// A compiled expression.
#[derive(Debug, Clone)]
struct Compiled {
    regex: Regex,
    required: Required,
}

/// Places for the groups of each expression that has matched somewhere: to make them anew costs more than most matches.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Option<CaptureLocations>>);

impl Groups {
    /// Forgets all: they are those of one set of expressions.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Those of the expression at `index`.
    fn of(&mut self, index: usize, regex: &Regex) -> &mut CaptureLocations {
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index].get_or_insert_with(|| regex.capture_locations())
    }
}

/// Index of a list of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListIndex(usize);

/// The expressions of one pack, or of several that have the same ones.
#[derive(Debug, Clone)]
struct List {
    members: Vec<usize>,
    /// Built for packs that a text meets, and shared with clones.
    prefilter: Arc<OnceLock<Prefilter>>,
}

impl Expressions {
    /// Adds a list, or finds the equal one.
    ///
    /// # Errors
    /// The place in `texts` of an expression that does not compile.
    pub(super) fn add(&mut self, texts: &[&str]) -> Result<ListIndex, usize> {
        let mut members = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            members.push(self.member(text).map_err(|_| place)?);
        }
        let equal = self.lists.iter().position(|list| list.members == members);
        let index = equal.unwrap_or_else(|| {
            self.lists.push(List { members, prefilter: Arc::default() });
            self.lists.len() - 1
        });
        Ok(ListIndex(index))
    }

    fn member(&mut self, text: &str) -> Result<usize, regex::Error> {
        if let Some(index) = self.known.get(text) {
            return Ok(*index);
        }
        let regex = RegexBuilder::new(&with_ascii_boundaries(text)).dfa_size_limit(AUTOMATON_BYTES_MAX).build()?;
        let required = literals::required(regex.as_str());
        self.compiled.push(Compiled { regex, required });
        let index = self.compiled.len() - 1;
        self.known.insert(text.to_owned(), index);
        Ok(index)
    }

    /// Calls `each` with the entities that a list finds in `text`, each behind the place of its expression: the first group,
    /// or the whole match where there is no group.
    ///
    /// A group that took no part finds nothing: expressions hold back words that way.
    pub(super) fn entities(
        &self,
        list: ListIndex,
        text: &[u8],
        groups: &mut Groups,
        mut each: impl FnMut(usize, Range<usize>),
    ) {
        for (place, regex) in self.candidates(list, text) {
            let groups = groups.of(self.lists[list.0].members[place], regex);
            let mut at = 0;
            while let Some(found) = text.get(at..).and_then(|_| regex.captures_read_at(groups, text, at)) {
                if let Some(entity) = entity(text, groups) {
                    each(place, entity);
                }
                // A match of no bytes would be found again.
                at = found.end() + usize::from(found.is_empty());
            }
        }
    }

    /// The expressions of a list that may find something in `text`, each with its place in the list.
    fn candidates(&self, list: ListIndex, text: &[u8]) -> impl Iterator<Item = (usize, &Regex)> {
        let List { members, prefilter } = &self.lists[list.0];
        let prefilter = prefilter.get_or_init(|| {
            Prefilter::new(members.iter().map(|member| self.compiled[*member].required.lists.as_slice()))
        });
        prefilter.candidates(text).into_iter().filter_map(|place| {
            let Compiled { regex, required } = &self.compiled[members[place]];
            let has_signs = || required.signs.iter().all(|sign| memchr::memchr(*sign, text).is_some());
            let has_cased = || required.cased.iter().all(|literal| memchr::memmem::find(text, literal).is_some());
            (has_signs() && has_cased()).then_some((place, regex))
        })
    }
}

/// The expression with word boundaries (`\b`, `\B`) that look at ASCII only.
///
/// Those of Unicode cost the linear automaton: one foreign letter in a text, and each of its bytes takes a hundred times
/// as long.
fn with_ascii_boundaries(regex: &str) -> String {
    let mut ascii = String::with_capacity(regex.len());
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            ascii.push(c);
            continue;
        }
        match chars.next() {
            // `\b{start}` is an assertion of its own.
            Some(b @ ('b' | 'B')) if chars.peek() != Some(&'{') => {
                ascii.push_str("(?-u:\\");
                ascii.push(b);
                ascii.push(')');
            }
            escaped => {
                ascii.push(c);
                ascii.extend(escaped);
            }
        }
    }
    ascii
}

/// The bytes that a match claims, whole characters only: an expression over bytes may end inside one.
fn entity(text: &[u8], groups: &CaptureLocations) -> Option<Range<usize>> {
    let (mut start, mut end) = groups.get(usize::from(groups.len() > 1)).filter(|(start, end)| start < end)?;
    let is_continued = |at: usize| text.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    while start > 0 && is_continued(start) {
        start -= 1;
    }
    while is_continued(end) {
        end += 1;
    }
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(expressions: &Expressions, list: ListIndex, text: &str) -> Vec<(usize, Range<usize>)> {
        let mut found = Vec::new();
        expressions
            .entities(list, text.as_bytes(), &mut Groups::default(), |place, entity| found.push((place, entity)));
        found
    }

    #[test]
    fn equal_expressions_are_compiled_once() {
        let mut expressions = Expressions::default();
        let first = expressions.add(&["a+", "b+"]).unwrap();
        let second = expressions.add(&["b+", "c+"]).unwrap();
        assert_eq!(expressions.add(&["a+", "b+"]), Ok(first));
        assert_eq!((expressions.compiled.len(), expressions.lists.len()), (3, 2));
        let places = |list| expressions.candidates(list, b"xbbc").map(|(place, _)| place).collect::<Vec<_>>();
        assert_eq!((places(first), places(second)), (vec![1], vec![0, 1]));
    }

    #[test]
    fn entities_are_groups_of_whole_characters() {
        let mut expressions = Expressions::default();
        let list = expressions.add(&["a(b)?", "x+", "(?-u)=(.)(.)"]).unwrap();
        assert_eq!(entities(&expressions, list, "ab a xx"), [(0, 1..2), (1, 5..7)]);
        assert_eq!(entities(&expressions, list, "=\u{e9}\u{e9}"), [(2, 1..3)]);
    }

    #[test]
    fn word_boundaries_look_at_ascii_only() {
        for (regex, expect) in [
            (r"\bfor (\S+)\b", r"(?-u:\b)for (\S+)(?-u:\b)"),
            (r"\\b\B\b{start}x", r"\\b(?-u:\B)\b{start}x"),
            ("plain", "plain"),
        ] {
            assert_eq!(with_ascii_boundaries(regex), expect);
        }
        let mut expressions = Expressions::default();
        let list = expressions.add(&[r"\buser (\pL+)"]).unwrap();
        assert_eq!(entities(&expressions, list, "é user é"), [(0, 8..10)]);
    }

    #[test]
    fn a_faulty_expression_is_named_by_its_place() {
        assert_eq!(Expressions::default().add(&["a", "("]), Err(1));
    }
}
