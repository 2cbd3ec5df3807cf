//! The field names that rules go by: whole names, and the ends of names.

use super::matcher::Action;
use crate::rules::{FieldName, Name};
use std::collections::{BTreeMap, BTreeSet};

/// How much of a long name is looked at for its end, in characters: many fields may stand under one long name.
const END_CHARS_MAX: usize = 128;

/// Rules by field name.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// By reduced name.
    whole: BTreeMap<String, Action>,
    lengths: Lengths,
    /// The reduced ends, read backwards, as a trie. The first node is its root.
    ends: Vec<EndNode>,
    /// Reduced names that selectors and recognition speak of.
    others: BTreeSet<String>,
}

#[derive(Debug, Default, Clone)]
struct EndNode {
    /// The nodes behind, ascending by character.
    next: Vec<(char, usize)>,
    accept: Option<Action>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            whole: BTreeMap::new(),
            lengths: Lengths::default(),
            ends: vec![EndNode::default()],
            others: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, name: &Name, action: Action) {
        match name {
            Name::Whole(name) => {
                self.lengths.add(name.as_str().as_bytes());
                self.whole.insert(name.as_str().to_owned(), action);
            }
            Name::End(name) => {
                let mut at = 0;
                for character in name.as_str().chars().rev() {
                    at = self.end_node(at, character);
                }
                self.ends[at].accept = Some(action);
            }
        }
    }

    /// Notes a name that the pack speaks of otherwise.
    pub(super) fn know(&mut self, name: &str) {
        self.others.insert(FieldName::new(name).as_str().to_owned());
    }

    /// Whether the pack speaks of a field by this one word, in lower case.
    pub(super) fn is_known(&self, word: &[u8]) -> bool {
        std::str::from_utf8(word).is_ok_and(|word| self.whole.contains_key(word) || self.others.contains(word))
    }

    /// The node behind `at` by `character`, made if there is none.
    fn end_node(&mut self, at: usize, character: char) -> usize {
        match self.ends[at].next.binary_search_by_key(&character, |(known, _)| *known) {
            Ok(place) => self.ends[at].next[place].1,
            Err(place) => {
                let made = self.ends.len();
                self.ends.push(EndNode::default());
                self.ends[at].next.insert(place, (character, made));
                made
            }
        }
    }

    /// The rule that goes by this whole name, reduced as [`FieldName`] does.
    pub(super) fn whole(&self, reduced: &str) -> Option<Action> {
        let found = if self.lengths.may_hold(reduced.as_bytes()) { self.whole.get(reduced) } else { None };
        found.or_else(|| self.whole.get(without_encoding(reduced)?)).copied()
    }

    /// The rule that goes by the longest end of a name as it is written: words of it, cut at punctuation and camel humps.
    pub(super) fn end(&self, written: &str) -> Option<Action> {
        let (mut at, mut longest, mut after) = (0, None, None);
        let mut characters = written.chars().rev().take(END_CHARS_MAX).peekable();
        while let Some(character) = characters.next() {
            if !character.is_alphanumeric() {
                after = None;
                continue;
            }
            for small in character.to_lowercase().rev() {
                let next = &self.ends[at].next;
                let Ok(place) = next.binary_search_by_key(&small, |(known, _)| *known) else { return longest };
                at = next[place].1;
            }
            if starts_word(characters.peek().copied(), character, after) {
                longest = self.ends[at].accept.or(longest);
            }
            after = Some(character);
        }
        longest
    }

    /// The rule that goes by a whole name of several words.
    pub(super) fn phrase(&self, words: &[u8]) -> Option<Action> {
        self.whole(FieldName::new(&String::from_utf8_lossy(words)).as_str())
    }
}

/// A reduced name without the end that says how its value is encoded: `user_b64`.
fn without_encoding(reduced: &str) -> Option<&str> {
    if !reduced.ends_with(['4', 'd', 'x']) {
        return None;
    }
    let name = ["base64", "b64", "encoded", "hex"].into_iter().find_map(|end| reduced.strip_suffix(end));
    name.filter(|name| !name.is_empty())
}

/// Which lengths the names of a set have, by their first byte: most other names are told by it to be none of them.
#[derive(Debug, Clone)]
pub(super) struct Lengths([u64; 256]);

impl Default for Lengths {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Lengths {
    pub(super) fn add(&mut self, name: &[u8]) {
        let (first, length) = Self::of(name);
        self.0[first] |= length;
    }

    /// Whether a name may be in the set.
    pub(super) fn may_hold(&self, name: &[u8]) -> bool {
        let (first, length) = Self::of(name);
        self.0[first] & length != 0
    }

    /// The first byte of a name, and its length as a bit; all long names share one.
    fn of(name: &[u8]) -> (usize, u64) {
        let first = name.first().copied().unwrap_or_default();
        (usize::from(first), 1 << name.len().min(u64::BITS as usize - 1))
    }
}

/// Where the last two parts of a flattened path begin in a buffer of reduced names.
pub(super) struct Parts {
    /// The part before the last, or the last where there is one part only.
    pub(super) parent: usize,
    pub(super) last: usize,
}

impl Parts {
    /// Whether there is more than one part.
    pub(super) fn is_path(&self) -> bool {
        self.parent < self.last
    }
}

/// What joins the parts of a path in one name: `http://schemas.example.com/claims/name` is one, too.
const PATH_SIGNS: [char; 3] = ['.', ':', '/'];

/// Appends the reduced form of a name, which may be a flattened path.
pub(super) fn reduce_parts(written: &str, reduced: &mut String) -> Parts {
    let mut parts = Parts { parent: reduced.len(), last: reduced.len() };
    for part in written.split(PATH_SIGNS) {
        (parts.parent, parts.last) = (parts.last, reduced.len());
        FieldName::reduce_into(part, reduced);
    }
    parts
}

/// Whether a word begins at `character`: behind punctuation, at the hump of `userName`, at the last capital of `IPAddress`.
fn starts_word(before: Option<char>, character: char, after: Option<char>) -> bool {
    let Some(before) = before.filter(|before| before.is_alphanumeric()) else { return true };
    character.is_uppercase() && (!before.is_uppercase() || after.is_some_and(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Class, Parse};
    use crate::transform::RuleIndex;

    fn names(texts: &[&str]) -> Names {
        let mut names = Names::new();
        for (index, text) in texts.iter().enumerate() {
            let rule = RuleIndex(index as u16);
            let action = Action { rule, class: Class::Text, replacement: None, parse: Parse::No };
            names.add(&Name::new(text), action);
        }
        names
    }

    /// The rules, by their place in `texts`, that go by each of `written`.
    #[track_caller]
    fn check(texts: &[&str], written: &[(&str, Option<u16>)]) {
        let names = names(texts);
        for (name, expected) in written {
            let whole = names.whole(FieldName::new(name).as_str());
            let found = whole.or_else(|| names.end(name)).map(|action| action.rule.0);
            assert_eq!(found, *expected, "{name}");
        }
    }

    #[test]
    fn ends_are_whole_words() {
        check(
            &["*_session_id", "*_user_name", "*_serial"],
            &[
                ("session_id", Some(0)),
                ("app_session_id", Some(0)),
                ("app-Session.ID", Some(0)),
                ("UNIFIipsSessionId", Some(0)),
                ("APPSessionID", Some(0)),
                ("obsession_id", None),
                ("OBSESSION_ID", None),
                ("session_id_count", None),
                ("x509Serial", Some(2)),
                ("aerial", None),
                ("targetUserName", Some(1)),
                ("target user name", Some(1)),
                ("name", None),
                ("", None),
                ("___", None),
            ],
        );
    }

    #[test]
    fn whole_names_go_first_then_the_longest_end() {
        check(
            &["*_id", "*_user_id", "app_user_id", "*_nutzer_größe"],
            &[
                ("pod_id", Some(0)),
                ("last_user_id", Some(1)),
                ("appUserId", Some(2)),
                ("my_app_user_id", Some(1)),
                ("letzteNutzerGröße", Some(3)),
            ],
        );
    }

    #[test]
    fn names_may_tell_of_an_encoding() {
        check(
            &["user"],
            &[
                ("user_b64", Some(0)),
                ("userBase64", Some(0)),
                ("user-encoded", Some(0)),
                ("user_hex", Some(0)),
                ("b64", None),
            ],
        );
    }

    #[test]
    fn a_flattened_path_has_parts() {
        for (written, parent, last) in [
            ("user_name", "username", "username"),
            ("ocsf.actor.user.name", "username", "name"),
            ("http://schemas.example.com/claims/Name", "claimsname", "name"),
            ("a.", "a", ""),
            ("", "", ""),
        ] {
            let mut reduced = "above".to_owned();
            let parts = reduce_parts(written, &mut reduced);
            assert_eq!((&reduced[parts.parent..], &reduced[parts.last..]), (parent, last), "{written}");
            assert_eq!(parts.is_path(), parent != last, "{written}");
        }
    }

    #[test]
    fn a_long_name_costs_no_more_than_a_short_one() {
        let names = names(&["*_a_b"]);
        assert!(names.end(&format!("a{}b", "_".repeat(END_CHARS_MAX - 2))).is_some());
        assert!(names.end(&format!("a{}b", "_".repeat(END_CHARS_MAX - 1))).is_none());
    }
}
