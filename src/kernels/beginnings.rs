//! Where one of a few words may begin in a text, by its first three bytes in any case.
//!
//! Each of the three bytes of a place is looked up by its two halves of four bits in tables that say which words it fits; a
//! place is a candidate where some word fits all three. Words share eight bits, so a candidate is no find yet. (The method
//! is known as Teddy, from the Hyperscan project.)

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Level, Width};

/// Bytes of a word that are looked at.
pub const BYTES: usize = 3;

/// Words that are told apart; more of them share their bits.
const GROUPS: usize = u8::BITS as usize;

/// The beginnings of some words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beginnings {
    /// By place of the byte: the groups that it fits, by its lower and by its higher half.
    pub(super) tables: [Halves; BYTES],
}

/// Groups of words by the two halves of a byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Halves {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
}

impl Halves {
    fn add(&mut self, byte: u8, group: u8) {
        self.low[usize::from(byte & 0xF)] |= group;
        self.high[usize::from(byte >> 4)] |= group;
    }

    fn groups(&self, byte: u8) -> u8 {
        self.low[usize::from(byte & 0xF)] & self.high[usize::from(byte >> 4)]
    }
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
    use super::{BYTES, Beginnings, Halves};
    use std::arch::x86_64::*;

    /// Places that are looked at together.
    const PLACES: usize = 32;

    /// Bytes that are read for them.
    const READ: usize = PLACES + BYTES - 1;

    /// [`Beginnings::find`] with these instructions.
    #[target_feature(enable = "avx2,bmi1")]
    pub(super) fn find(beginnings: &Beginnings, text: &[u8], found: &mut Vec<u32>) {
        let tables = beginnings.tables.each_ref().map(|table| both(table));
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
    fn candidates(tables: &[(__m256i, __m256i); BYTES], read: &[u8; READ]) -> u32 {
        let [first, second, third] = *tables;
        let fits = groups(first, &read[..PLACES]);
        let fits = _mm256_and_si256(fits, groups(second, &read[1..=PLACES]));
        let fits = _mm256_and_si256(fits, groups(third, &read[2..]));
        let none = _mm256_cmpeq_epi8(fits, _mm256_setzero_si256());
        !(_mm256_movemask_epi8(none) as u32)
    }

    /// Both tables of a byte, each twice, as lookups within 16 bytes want them.
    #[target_feature(enable = "avx2")]
    fn both(table: &Halves) -> (__m256i, __m256i) {
        // SAFETY: both tables have 16 readable bytes; loads need no alignment.
        let (low, high) =
            unsafe { (_mm_loadu_si128(table.low.as_ptr().cast()), _mm_loadu_si128(table.high.as_ptr().cast())) };
        (_mm256_broadcastsi128_si256(low), _mm256_broadcastsi128_si256(high))
    }

    /// The groups that each of 32 bytes fits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn groups((low, high): (__m256i, __m256i), bytes: &[u8]) -> __m256i {
        let bytes = &bytes[..PLACES];
        // SAFETY: `bytes` has 32 readable bytes; the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        let half = _mm256_set1_epi8(0xF);
        let by_low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half));
        let by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half));
        _mm256_and_si256(by_low, by_high)
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
