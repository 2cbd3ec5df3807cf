//! The words that a report may show: those of programs, never those of a sample.
//!
//! That a word stands in every line of a sample does not make it the program's: a log of one person has that person's name in
//! every line.

use super::name::{self, Hint};
use crate::rules::{Part, RulePack};
use crate::veil::Veil;
use std::collections::BTreeSet;

/// Words of logs, in lower case, parted by blanks. Left out are those that are also given names of people.
const WORDS: &str = include_str!("words.txt");

/// Words that programs write.
pub(super) struct Vocabulary {
    words: BTreeSet<String>,
}

impl Vocabulary {
    /// Our own words, and those of the patterns of these packs.
    pub(super) fn of(packs: &[RulePack]) -> Self {
        let patterns = packs.iter().flat_map(|pack| pack.lines.iter().chain(&pack.messages));
        let parts = patterns.flat_map(|pattern| &pattern.parts).flat_map(|part| match part {
            Part::Literal(text) => name::words(text),
            Part::Hole { name, .. } => name::words(name),
        });
        Self { words: WORDS.split_whitespace().map(str::to_owned).chain(parts).collect() }
    }

    /// Whether a word of a text consists of known words only. Letters that stand alone are no words.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.words.contains(&text.to_lowercase()) || name::words(text).iter().all(|word| self.has(word))
    }

    /// Whether a name is one of a field: known to the lexicon, or with a known word in it.
    pub(super) fn is_field(&self, veil: &Veil, name: &str) -> bool {
        let words = name::words(name);
        let is_composed =
            || words.len() > 1 && words.iter().any(|word| word.chars().nth(1).is_some() && self.has(word));
        !words.is_empty() && (name::hint(veil, name) != Hint::Nothing || self.knows(name) || is_composed())
    }

    fn has(&self, word: &str) -> bool {
        word.chars().nth(1).is_none() || self.words.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_programs_are_known_and_names_are_not() {
        let vocabulary = Vocabulary::of(&[]);
        for text in [
            "INFO",
            "greetings",
            "from",
            "OrderService",
            "com.example.order".trim_start_matches("com.example."),
            "->",
            "",
        ] {
            assert!(vocabulary.knows(text), "{text}");
        }
        for text in ["Marta", "Quillfeather", "mquill-laptop", "martaQuill", "größe", "info-mquill"] {
            assert!(!vocabulary.knows(text), "{text}");
        }
    }
}
