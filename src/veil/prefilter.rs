//! Tells by one pass over a text which members of a list can match there at all: those of which it holds a literal.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Finds the literals of all members of a list.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// `None` when no member has literals.
    literals: Option<AhoCorasick>,
    /// By literal: the place of its member.
    places: Vec<usize>,
    /// The places of members without literals.
    always: PlaceSet,
}

/// Whether the case of ASCII letters counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Counts,
    Ignored,
}

impl Prefilter {
    /// `required` are, by place, the literals of which one must stand in whatever the member matches; `None` where no
    /// literal has to.
    pub(super) fn new(required: impl Iterator<Item = Option<Vec<Vec<u8>>>>, case: Case) -> Self {
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
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(case == Case::Ignored)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&literals)
            .ok()
            .filter(|_| !literals.is_empty());
        if automaton.is_none() {
            places.drain(..).for_each(|place| always.insert(place));
        }
        Self { literals: automaton, places, always }
    }

    /// The places of the members that can match in `text`.
    pub(super) fn candidates(&self, text: &[u8]) -> PlaceSet {
        let mut candidates = self.always.clone();
        if let Some(literals) = &self.literals {
            for found in literals.find_overlapping_iter(text) {
                candidates.insert(self.places[found.pattern().as_usize()]);
            }
        }
        candidates
    }
}

/// Places in a list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PlaceSet(Vec<u64>);

impl PlaceSet {
    fn insert(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (place % 64);
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
            let bits = self.set.0.get_mut(self.word)?;
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
    fn check(required: &[Option<&[&str]>], case: Case, text: &str, expected: &[usize]) {
        let required = required.iter().map(|literals| {
            literals.map(|literals| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect())
        });
        let candidates = Prefilter::new(required, case).candidates(text.as_bytes());
        assert_eq!(candidates.into_iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn members_whose_literals_stand_in_the_text_are_candidates() {
        let required: &[Option<&[&str]>] = &[Some(&["user", "login"]), None, Some(&["er f"]), Some(&["x"])];
        check(required, Case::Counts, "user from", &[0, 1, 2]);
        check(required, Case::Counts, "User X", &[1]);
        check(required, Case::Ignored, "User X", &[0, 1, 3]);
        check(required, Case::Counts, "", &[1]);
        check(&[None, None], Case::Counts, "a", &[0, 1]);
        check(&[], Case::Counts, "a", &[]);
    }

    #[test]
    fn lists_may_be_long() {
        let literals: Vec<String> = (0..200).map(|number| format!("<{number}>")).collect();
        let literals: Vec<[&str; 1]> = literals.iter().map(|literal| [literal.as_str()]).collect();
        let required: Vec<Option<&[&str]>> = literals.iter().map(|literal| Some(literal.as_slice())).collect();
        check(&required, Case::Counts, "<199><64><0><63><64>", &[0, 63, 64, 199]);
    }
}
