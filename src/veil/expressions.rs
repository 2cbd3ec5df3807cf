//! Regular expressions of packs, compiled once for all packs that share them.

use regex::bytes::{Captures, Regex, RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;
use std::ops::Range;

/// Memory for the automaton of all expressions of a file. With less it is rebuilt over and over, and in the end given up.
const AUTOMATON_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The compiled expressions of one file.
///
/// Clones share the programs, but not the caches, which threads would contend for.
#[derive(Debug, Clone)]
pub(super) struct Expressions {
    regexes: Vec<Regex>,
    /// All of them in one pass, to tell which match at all; `None` when they are too large together.
    set: Option<RegexSet>,
}

/// What was compiled so far, by the texts of the expressions.
#[derive(Default)]
pub(super) struct Compiled(BTreeMap<Vec<String>, Expressions>);

impl Compiled {
    /// Compiles these expressions, unless they were before.
    ///
    /// # Errors
    /// The index of the first one that does not compile.
    pub(super) fn expressions(&mut self, texts: Vec<String>) -> Result<Expressions, usize> {
        if let Some(known) = self.0.get(&texts) {
            return Ok(known.clone());
        }
        let regexes = texts.iter().enumerate().map(|(index, text)| Regex::new(text).map_err(|_| index));
        let regexes = regexes.collect::<Result<Vec<_>, _>>()?;
        let expressions = Expressions { regexes, set: set(&texts) };
        self.0.insert(texts, expressions.clone());
        Ok(expressions)
    }
}

fn set(texts: &[String]) -> Option<RegexSet> {
    RegexSetBuilder::new(texts).dfa_size_limit(AUTOMATON_BYTES_MAX).build().ok()
}

impl Expressions {
    /// The entities in `text`, each with the index of its expression: the first group, or the whole match where there
    /// is no group.
    ///
    /// A group that took no part finds nothing: expressions hold back words that way.
    pub(super) fn entities<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, Range<usize>)> {
        let found = move |index: usize, regex: &'a Regex| {
            regex.captures_iter(text).filter_map(move |captures| Some((index, entity(text, &captures)?)))
        };
        self.matching(text).flat_map(move |(index, regex)| found(index, regex))
    }

    /// Those that match somewhere in `text`, each with its index.
    fn matching(&self, text: &[u8]) -> impl Iterator<Item = (usize, &Regex)> {
        let matches = self.set.as_ref().map(|set| set.matches(text));
        let is_match = move |index: usize| matches.as_ref().is_none_or(|matches| matches.matched(index));
        self.regexes.iter().enumerate().filter(move |(index, _)| is_match(*index))
    }
}

/// The bytes that a match claims, whole characters only: an expression over bytes may end inside one.
fn entity(text: &[u8], captures: &Captures<'_>) -> Option<Range<usize>> {
    let claimed = captures.get(usize::from(captures.len() > 1)).filter(|claimed| !claimed.is_empty())?;
    let (mut start, mut end) = (claimed.start(), claimed.end());
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

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn expressions_tell_which_of_them_match() {
        let expressions = Compiled::default().expressions(texts(&["a+", "b", "c$"])).unwrap();
        let matching = |text: &str| expressions.matching(text.as_bytes()).map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!(matching("xaac"), [0, 2]);
        assert!(matching("cx").is_empty());
    }

    #[test]
    fn entities_are_groups_of_whole_characters() {
        let expressions = Compiled::default().expressions(texts(&["a(b)?", "x+", "(?-u)=(.)(.)"])).unwrap();
        let entities = |text: &str| expressions.entities(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(entities("ab a xx"), [(0, 1..2), (1, 5..7)]);
        assert_eq!(entities("=\u{e9}\u{e9}"), [(2, 1..3)]);
    }

    #[test]
    fn the_first_that_does_not_compile_is_named() {
        let mut compiled = Compiled::default();
        assert_eq!(compiled.expressions(texts(&["a", "(b", "(c"])).map(|_| ()), Err(1));
        assert!(compiled.expressions(texts(&["a"])).is_ok());
    }

    #[test]
    fn equal_lists_are_compiled_once() {
        let mut compiled = Compiled::default();
        compiled.expressions(texts(&["a", "b"])).unwrap();
        compiled.expressions(texts(&["a", "b"])).unwrap();
        compiled.expressions(texts(&["b", "a"])).unwrap();
        assert_eq!(compiled.0.len(), 2);
    }
}
