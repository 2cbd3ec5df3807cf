//! Tells by one pass over a text which members of a list can match there at all: those of which it holds literals.

use super::literals::LISTS_MAX;
use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use std::collections::BTreeMap;

/// Finds the literals of all members of a list.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// `None` when no member has literals.
    literals: Option<DFA>,
    /// By literal: what it shows.
    shown: Vec<Vec<Shown>>,
    /// By number of a list of literals: the members that have so few lists that they ask for nothing there.
    always: [PlaceSet; LISTS_MAX],
}

/// Members of which a literal of some list stands in a text: those in one word of a [`PlaceSet`].
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// The number of the list.
    list: usize,
    word: usize,
    bits: u64,
}

impl Prefilter {
    /// `required` are, by place, lists of literals: of each one must stand in whatever the member matches. The case of
    /// ASCII letters does not count, and only the first three lists do.
    pub(super) fn new<'r>(required: impl Iterator<Item = &'r [Vec<Vec<u8>>]>) -> Self {
        let mut always: [PlaceSet; LISTS_MAX] = Default::default();
        let mut shown: BTreeMap<&[u8], Vec<Shown>> = BTreeMap::new();
        let required: Vec<&[Vec<Vec<u8>>]> = required.collect();
        for (place, lists) in required.iter().enumerate() {
            for (list, always) in always.iter_mut().enumerate() {
                let Some(literals) = lists.get(list) else {
                    always.insert(place);
                    continue;
                };
                for literal in literals {
                    show(shown.entry(literal).or_default(), list, place);
                }
            }
        }
        let automaton = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(shown.keys());
        let literals = automaton.ok().filter(|_| !shown.is_empty());
        if literals.is_none() {
            always.iter_mut().for_each(|always| (0..required.len()).for_each(|place| always.insert(place)));
        }
        Self { literals, shown: shown.into_values().collect(), always }
    }

    /// The places of the members that can match in `text`.
    pub(super) fn candidates(&self, text: &[u8]) -> PlaceSet {
        let mut found = self.always.clone();
        self.each_literal(text, |literal| {
            for Shown { list, word, bits } in &self.shown[literal] {
                found[*list].insert_word(*word, *bits);
            }
        });
        let [mut candidates, more @ ..] = found;
        more.iter().for_each(|list| candidates.retain(list));
        candidates
    }

    /// Calls `each` with the literals that stand in `text`, with some of them several times.
    fn each_literal(&self, text: &[u8], mut each: impl FnMut(usize)) {
        let Some(literals) = &self.literals else { return };
        // The iterator over overlapping matches costs twice as much: which literal is meant counts, and not where.
        let Ok(mut state) = literals.start_state(Anchored::No) else { return };
        for byte in text {
            state = literals.next_state(Anchored::No, state, *byte);
            if literals.is_match(state) {
                for index in 0..literals.match_len(state) {
                    each(literals.match_pattern(state, index).as_usize());
                }
            }
        }
    }
}

/// Adds to what a literal shows that it is one of the `list`-th list of the member at `place`.
fn show(shown: &mut Vec<Shown>, list: usize, place: usize) {
    let (word, bit) = (place / 64, 1 << (place % 64));
    match shown.iter_mut().find(|known| known.list == list && known.word == word) {
        Some(known) => known.bits |= bit,
        None => shown.push(Shown { list, word, bits: bit }),
    }
}

/// Words of a [`PlaceSet`] that need no memory of their own.
const PLACE_WORDS: usize = 4;

/// Places in a list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PlaceSet {
    first: [u64; PLACE_WORDS],
    more: Vec<u64>,
}

impl PlaceSet {
    pub(super) fn insert(&mut self, place: usize) {
        self.insert_word(place / 64, 1 << (place % 64));
    }

    /// Adds the places of a word.
    fn insert_word(&mut self, word: usize, bits: u64) {
        if let Some(first) = self.first.get_mut(word) {
            *first |= bits;
            return;
        }
        let word = word - PLACE_WORDS;
        if self.more.len() <= word {
            self.more.resize(word + 1, 0);
        }
        self.more[word] |= bits;
    }

    /// Keeps the places that are in the other set, too.
    fn retain(&mut self, other: &Self) {
        self.first.iter_mut().zip(other.first).for_each(|(word, other)| *word &= other);
        self.more.truncate(other.more.len());
        self.more.iter_mut().zip(&other.more).for_each(|(word, other)| *word &= other);
    }

    fn word(&mut self, index: usize) -> Option<&mut u64> {
        match index.checked_sub(PLACE_WORDS) {
            None => self.first.get_mut(index),
            Some(index) => self.more.get_mut(index),
        }
    }
}

impl IntoIterator for PlaceSet {
    type Item = usize;
    type IntoIter = Places;

    /// The places, ascending.
    fn into_iter(self) -> Places {
        Places { set: self, word: 0 }
    }
}

/// The places of a set, ascending.
pub(super) struct Places {
    set: PlaceSet,
    word: usize,
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let bits = self.set.word(self.word)?;
            if *bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                return Some(self.word * 64 + bit);
            }
            self.word += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `required` are, by place, lists of literals.
    #[track_caller]
    fn check(required: &[&[&[&str]]], text: &str, expected: &[usize]) {
        let bytes = |literals: &&[&str]| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect();
        let required: Vec<Vec<Vec<Vec<u8>>>> = required.iter().map(|lists| lists.iter().map(bytes).collect()).collect();
        let candidates = Prefilter::new(required.iter().map(Vec::as_slice)).candidates(text.as_bytes());
        assert_eq!(candidates.into_iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn members_whose_literals_stand_in_the_text_are_candidates() {
        let required: &[&[&[&str]]] = &[&[&["user", "login"]], &[], &[&["er f"]], &[&["x"]]];
        check(required, "user from", &[0, 1, 2]);
        check(required, "User X", &[0, 1, 3]);
        check(required, "", &[1]);
        check(&[&[], &[]], "a", &[0, 1]);
        check(&[], "a", &[]);
        // All that end at one place count, and those inside others.
        check(&[&[&["abcd"]], &[&["bc"]], &[&["d"]], &[&["cd"]]], "abcd", &[0, 1, 2, 3]);
    }

    #[test]
    fn of_each_list_a_literal_must_stand_in_the_text() {
        let required: &[&[&[&str]]] = &[&[&["a", "b"], &["c"]], &[&["c"], &["b"], &["a"]], &[&["c"]], &[]];
        check(required, "b c", &[0, 2, 3]);
        check(required, "abc", &[0, 1, 2, 3]);
        check(required, "ab", &[3]);
    }

    #[test]
    fn lists_may_be_long() {
        let literals: Vec<String> = (0..400).map(|number| format!("<{number}>")).collect();
        let literals: Vec<[&str; 1]> = literals.iter().map(|literal| [literal.as_str()]).collect();
        let lists: Vec<[&[&str]; 1]> = literals.iter().map(|literals| [literals.as_slice()]).collect();
        let required: Vec<&[&[&str]]> = lists.iter().map(|lists| lists.as_slice()).collect();
        check(&required, "<199><399><64><0><63><64>", &[0, 63, 64, 199, 399]);
    }
}
