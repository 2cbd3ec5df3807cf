//! Tells by one pass over a text which members of a list can match there at all: those of which it holds a literal.

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;

/// Finds the literals of all members of a list.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// `None` when no member has literals.
    literals: Option<DFA>,
    /// By literal: the place of its member.
    places: Vec<usize>,
    /// The places of members without literals.
    always: PlaceSet,
}

impl Prefilter {
    /// `required` are, by place, the literals of which one must stand in whatever the member matches; `None` where no
    /// literal has to. The case of ASCII letters does not count.
    pub(super) fn new(required: impl Iterator<Item = Option<Vec<Vec<u8>>>>) -> Self {
        let (mut literals, mut places, mut always) = (Vec::new(), Vec::new(), PlaceSet::default());
        for (place, required) in required.enumerate() {
            match required {
                Some(required) => {
                    places.extend(required.iter().map(|_| place));
                    literals.extend(required);
                }
                None => always.insert(place),
            }
        }
        let automaton = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(&literals);
        let automaton = automaton.ok().filter(|_| !literals.is_empty());
        if automaton.is_none() {
            places.drain(..).for_each(|place| always.insert(place));
        }
        Self { literals: automaton, places, always }
    }

    /// The places of the members that can match in `text`.
    pub(super) fn candidates(&self, text: &[u8]) -> PlaceSet {
        let mut candidates = self.always.clone();
        let Some(literals) = &self.literals else { return candidates };
        // The iterator over overlapping matches costs twice as much: which member is meant counts, and not where.
        let Ok(mut state) = literals.start_state(Anchored::No) else { return candidates };
        for byte in text {
            state = literals.next_state(Anchored::No, state, *byte);
            if literals.is_match(state) {
                for index in 0..literals.match_len(state) {
                    candidates.insert(self.places[literals.match_pattern(state, index).as_usize()]);
                }
            }
        }
        candidates
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
        let (word, bit) = (place / 64, 1 << (place % 64));
        if let Some(first) = self.first.get_mut(word) {
            *first |= bit;
            return;
        }
        let word = word - PLACE_WORDS;
        if self.more.len() <= word {
            self.more.resize(word + 1, 0);
        }
        self.more[word] |= bit;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.iter().chain(&self.more).all(|word| *word == 0)
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

    #[track_caller]
    fn check(required: &[Option<&[&str]>], text: &str, expected: &[usize]) {
        let required = required.iter().map(|literals| {
            literals.map(|literals| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect())
        });
        let candidates = Prefilter::new(required).candidates(text.as_bytes());
        assert_eq!(candidates.into_iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn members_whose_literals_stand_in_the_text_are_candidates() {
        let required: &[Option<&[&str]>] = &[Some(&["user", "login"]), None, Some(&["er f"]), Some(&["x"])];
        check(required, "user from", &[0, 1, 2]);
        check(required, "User X", &[0, 1, 3]);
        check(required, "", &[1]);
        check(&[None, None], "a", &[0, 1]);
        check(&[], "a", &[]);
        // All that end at one place count, and those inside others.
        check(&[Some(&["abcd"]), Some(&["bc"]), Some(&["d"]), Some(&["cd"])], "abcd", &[0, 1, 2, 3]);
    }

    #[test]
    fn lists_may_be_long() {
        let literals: Vec<String> = (0..400).map(|number| format!("<{number}>")).collect();
        let literals: Vec<[&str; 1]> = literals.iter().map(|literal| [literal.as_str()]).collect();
        let required: Vec<Option<&[&str]>> = literals.iter().map(|literal| Some(literal.as_slice())).collect();
        check(&required, "<199><399><64><0><63><64>", &[0, 63, 64, 199, 399]);
    }
}
