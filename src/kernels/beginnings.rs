//! Where one of a few words may begin in a text, by its first three bytes in any case.
//!
//! Each of the three bytes of a place is looked up by its two halves of four bits in tables that say which words it fits; a
//! place is a candidate where some word fits all three. Words share eight bits, so a candidate is no find yet. (The method
//! is known as Teddy, from the Hyperscan project.)

use super::halves::{GROUPS, Halves};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Level, Width};

/// Bytes of a word that are looked at.
pub const BYTES: usize = 3;

/// The beginnings of some words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beginnings {
    /// By place of the byte: the groups that it fits, by its lower and by its higher half.
    pub(super) tables: [Halves; BYTES],
}

impl Beginnings {
    /// Forgets all words.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds the `number`-th word, by its beginning in lower case.
    pub fn add(&mut self, number: usize, beginning: [u8; BYTES]) {
        let group = 1 << (number % GROUPS);
        for (table, byte) in self.tables.iter_mut().zip(beginning) {
            table.add(byte, group);
            table.add(byte.to_ascii_uppercase(), group);
        }
    }

    /// Appends the places of `text` at which a word may begin to `found`, ascending. A word has at least three bytes.
    pub fn find(&self, level: Level, text: &[u8], found: &mut Vec<u32>) {
        match level.0 {
            Width::Scalar => self.find_from(text, 0, found),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 | Width::Avx512 => {
                // SAFETY: these levels are only there where the CPU has AVX2 and BMI1 (`Level::available`).
                unsafe { avx2::find(self, text, found) }
            }
            #[cfg(target_arch = "aarch64")]
            Width::Neon => {
                // SAFETY: every CPU of this architecture has NEON.
                unsafe { neon::beginnings::find(self, text, found) }
            }
        }
    }

    /// The oracle, from one place on.
    fn find_from(&self, text: &[u8], from: usize, found: &mut Vec<u32>) {
        let [first, second, third] = &self.tables;
        for (at, places) in text.get(from..).unwrap_or_default().windows(BYTES).enumerate() {
            if first.groups(places[0]) & second.groups(places[1]) & third.groups(places[2]) != 0 {
                found.push((from + at) as u32);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BYTES, Beginnings};
    use crate::kernels::halves::avx2::{BYTES as PLACES, Tables};
    use std::arch::x86_64::*;

    /// Bytes that are read for the places that are looked at together.
    const READ: usize = PLACES + BYTES - 1;

    /// [`Beginnings::find`] with these instructions.
    #[target_feature(enable = "avx2,bmi1")]
    pub(super) fn find(beginnings: &Beginnings, text: &[u8], found: &mut Vec<u32>) {
        let tables = beginnings.tables.each_ref().map(|table| Tables::of(table));
        let mut at = 0;
        while let Some(read) = text.get(at..).and_then(<[u8]>::first_chunk) {
            push(candidates(&tables, read), at, found);
            at += PLACES;
        }
        let rest = text.get(at..).unwrap_or_default();
        if let Some(places) = rest.len().checked_sub(BYTES - 1) {
            let mut read = [0; READ];
            read[..rest.len()].copy_from_slice(rest);
            // Behind the last whole beginning there is none; there are fewer places than bits.
            push(candidates(&tables, &read) & ((1 << places) - 1), at, found);
        }
    }

    fn push(mut candidates: u32, at: usize, found: &mut Vec<u32>) {
        while candidates != 0 {
            found.push(at as u32 + candidates.trailing_zeros());
            candidates &= candidates - 1;
        }
    }

    /// The candidates among 32 places, each as a bit.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn candidates(tables: &[Tables; BYTES], read: &[u8; READ]) -> u32 {
        let [first, second, third] = *tables;
        let fits = first.groups(read);
        let fits = _mm256_and_si256(fits, second.groups(&read[1..]));
        let fits = _mm256_and_si256(fits, third.groups(&read[2..]));
        let none = _mm256_cmpeq_epi8(fits, _mm256_setzero_si256());
        !(_mm256_movemask_epi8(none) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(words: &[&str]) -> Beginnings {
        let mut beginnings = Beginnings::default();
        for (number, word) in words.iter().enumerate() {
            beginnings.add(number, *word.as_bytes().first_chunk().unwrap());
        }
        beginnings
    }

    fn places(level: Level, beginnings: &Beginnings, text: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        beginnings.find(level, text, &mut found);
        found
    }

    #[test]
    fn words_are_candidates_in_any_case() {
        let beginnings = of(&["alice", "192.0.2.1"]);
        let text = format!("Alice, ALICE{}alice 192.0.2.1 al", " ".repeat(60));
        for level in Level::available() {
            assert_eq!(places(level, &beginnings, text.as_bytes()), [0, 7, 72, 78], "{level:?}");
        }
    }

    proptest! {
        #[test]
        fn every_word_is_found_at_every_level(
            words in proptest::collection::vec("[a-z0-9.é]{3,6}", 0..12),
            text in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'1'), any::<u8>()], 0..150),
            at in any::<proptest::sample::Index>(),
            which in any::<proptest::sample::Index>(),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let beginnings = of(&words);
            let mut text = text;
            let at = at.index(text.len() + 1);
            if !words.is_empty() {
                let word = words[which.index(words.len())].to_ascii_uppercase();
                text.splice(at..at, word.into_bytes());
            }
            let expected = places(Level::SCALAR, &beginnings, &text);
            prop_assert!(words.is_empty() || expected.contains(&(at as u32)));
            for level in Level::available() {
                prop_assert_eq!(&places(level, &beginnings, &text), &expected, "{:?}", level);
            }
        }
    }
}
