//! The field names that rules go by: whole names, and the ends of names.

use super::hash::hash;
use super::matcher::Action;
use crate::rules::{FieldName, Name};
use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, Hasher};

/// How much of a long name is looked at for its end, in characters: many fields may stand under one long name.
const END_CHARS_MAX: usize = 128;

/// Rules by field name.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// By reduced name.
    whole: ByName<Action>,
    lengths: Lengths,
    /// The reduced ends, read backwards, as a trie. The first node is its root.
    ends: Vec<EndNode>,
    /// Reduced names that selectors and recognition speak of.
    others: BTreeSet<String>,
}

/// What packs say by name, hashed fast: nobody else chooses those names.
#[expect(clippy::disallowed_types, reason = "looked up only; no order leaves it")]
pub(super) type ByName<T> = std::collections::HashMap<Box<[u8]>, T, BuildHasherDefault<NameHasher>>;

/// Hashes names, but not against whoever would choose them so that many fall together.
#[derive(Debug, Default, Clone)]
pub(super) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 ^= number as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
            whole: ByName::default(),
            lengths: Lengths::default(),
            ends: vec![EndNode::default()],
            others: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, name: &Name, action: Action) {
        match name {
            Name::Whole(name) => {
                self.lengths.add(name.as_str().as_bytes());
                self.whole.insert(name.as_str().as_bytes().into(), action);
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
        self.whole.contains_key(word) || std::str::from_utf8(word).is_ok_and(|word| self.others.contains(word))
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
        self.whole_of_bytes(reduced.as_bytes())
    }

    fn whole_of_bytes(&self, reduced: &[u8]) -> Option<Action> {
        let found = if self.lengths.may_hold(reduced) { self.whole.get(reduced) } else { None };
        found.or_else(|| self.whole.get(without_encoding(reduced)?)).copied()
    }

    /// The rule that goes by the longest end of a name as it is written: words of it, cut at punctuation and camel humps.
    pub(super) fn end(&self, written: &str) -> Option<Action> {
        if written.is_ascii() {
            return self.end_of(written.bytes().rev().map(char::from));
        }
        self.end_of(written.chars().rev())
    }

    fn end_of(&self, backwards: impl Iterator<Item = char>) -> Option<Action> {
        let (mut at, mut longest, mut after) = (0, None, None);
        let mut characters = backwards.take(END_CHARS_MAX).peekable();
        while let Some(character) = characters.next() {
            if !character.is_alphanumeric() {
                after = None;
                continue;
            }
            let behind = if character.is_ascii() {
                self.end_behind(at, character.to_ascii_lowercase())
            } else {
                character.to_lowercase().rev().try_fold(at, |at, small| self.end_behind(at, small))
            };
            let Some(behind) = behind else { return longest };
            at = behind;
            if starts_word(characters.peek().copied(), character, after) {
                longest = self.ends[at].accept.or(longest);
            }
            after = Some(character);
        }
        longest
    }

    /// The node behind `at` by `character`.
    fn end_behind(&self, at: usize, character: char) -> Option<usize> {
        let next = &self.ends[at].next;
        next.binary_search_by_key(&character, |(known, _)| *known).ok().map(|place| next[place].1)
    }

    /// The rule that goes by a whole name of several words.
    pub(super) fn phrase(&self, words: &[u8]) -> Option<Action> {
        match Reduced::new(words) {
            Some(reduced) => self.whole_of_bytes(reduced.bytes()),
            None => self.whole(FieldName::new(&String::from_utf8_lossy(words)).as_str()),
        }
    }

    /// The rule that goes by a name of one part, as it is written: whole, or by its end.
    ///
    /// The error is a name of which more has to be looked at: a path, or one with foreign letters.
    pub(super) fn plain(&self, written: &[u8]) -> Result<Option<Action>, NotPlain> {
        let is_path = written.iter().any(|byte| PATH_SIGNS.contains(&char::from(*byte)));
        let reduced = Reduced::new(written).filter(|_| !is_path).ok_or(NotPlain)?;
        let by_end = || self.end_of(written.iter().rev().map(|byte| char::from(*byte)));
        Ok(self.whole_of_bytes(reduced.bytes()).or_else(by_end))
    }
}

/// A name is long, has parts, or letters behind ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotPlain;

/// A name of ASCII in its reduced form, without memory of its own on the heap.
struct Reduced {
    bytes: [u8; Self::BYTES_MAX],
    length: usize,
}

impl Reduced {
    const BYTES_MAX: usize = 64;

    /// Reduces a name as [`FieldName`] does; `None` when it is longer, or not ASCII.
    fn new(name: &[u8]) -> Option<Self> {
        let mut reduced = Self { bytes: [0; Self::BYTES_MAX], length: 0 };
        if name.len() > Self::BYTES_MAX {
            return None;
        }
        let mut all = 0;
        for byte in name {
            all |= byte;
            // What is no letter or digit is written over by the next byte.
            if let Some(place) = reduced.bytes.get_mut(reduced.length) {
                *place = byte.to_ascii_lowercase();
            }
            reduced.length += usize::from(byte.is_ascii_alphanumeric());
        }
        all.is_ascii().then_some(reduced)
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A reduced name without the end that says how its value is encoded: `user_b64`.
fn without_encoding(reduced: &[u8]) -> Option<&[u8]> {
    if !matches!(reduced.last(), Some(b'4' | b'd' | b'x')) {
        return None;
    }
    let name = ["base64", "b64", "encoded", "hex"].into_iter().find_map(|end| reduced.strip_suffix(end.as_bytes()));
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
    use proptest::prelude::*;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn plain_names_are_found_as_by_their_reduced_form(
            written in "[uU]ser[ _.-]?[nN]?(ame|AME)?(_b64|[bB]ase64|Hex|é)?|[a-bIÉı_.:]{0,8}([_-]?[iI][dD])?|a{60,68}",
        ) {
            let names = names(&["user_name", "user", "*_id", "*_user_id", "a", "b_id", "*_name", &"a".repeat(64)]);
            let reduced = FieldName::new(&written);
            let whole = names.whole(reduced.as_str());
            prop_assert_eq!(names.phrase(written.as_bytes()), whole);
            match names.plain(written.as_bytes()) {
                Ok(found) => prop_assert_eq!(found, whole.or_else(|| names.end_of(written.chars().rev()))),
                Err(NotPlain) => {
                    prop_assert!(!written.is_ascii() || written.contains(PATH_SIGNS) || written.len() > Reduced::BYTES_MAX);
                }
            }
            prop_assert_eq!(names.end(&written), names.end_of(written.chars().rev()));
            let slowly: String = written.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            prop_assert_eq!(reduced.as_str(), slowly);
        }
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
