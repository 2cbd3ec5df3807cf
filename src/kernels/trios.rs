//! Where three bytes beside each other each belong to some class: `1.1` is a digit, a dot and a digit.
//!
//! Bytes are looked up by their halves, and patterns share bits: a place is a candidate, no find yet.

use super::halves::{GROUPS, Halves};
use super::{Level, Width};

/// Places that are looked at together, a bit for each.
pub const BLOCK: usize = u64::BITS as usize;

/// Patterns that are told apart; more of them share their bits.
pub const PATTERNS: usize = SETS * GROUPS;

/// Tables that are looked up in one behind the other.
const SETS: usize = 2;

/// Bytes that are read for a block: one more at each end.
const READ: usize = BLOCK + 2;

/// What stands beside a text on either side.
pub const OUTSIDE: u8 = b'\n';

/// Three classes of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Trio {
    /// The bytes that may stand before; `None` is any.
    pub before: Option<&'static [u8]>,
    /// The bytes that may stand at the place.
    pub at: &'static [u8],
    /// The bytes that may stand behind; `None` is any.
    pub after: Option<&'static [u8]>,
}

/// Patterns of three classes of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trios {
    /// By set of patterns and by byte: before the place, at it, behind it.
    sets: [[Halves; 3]; SETS],
}

impl Trios {
    /// These patterns.
    pub fn new<'t>(patterns: impl IntoIterator<Item = &'t Trio>) -> Self {
        let mut trios = Self::default();
        for (number, Trio { before, at, after }) in patterns.into_iter().enumerate() {
            let number = number % PATTERNS;
            let [first, second, third] = &mut trios.sets[number / GROUPS];
            let group = 1 << (number % GROUPS);
            let add = |halves: &mut Halves, class: Option<&[u8]>| match class {
                Some(bytes) => bytes.iter().for_each(|byte| halves.add(*byte, group)),
                None => (0..=u8::MAX).for_each(|byte| halves.add(byte, group)),
            };
            add(first, *before);
            add(second, Some(at));
            add(third, *after);
        }
        trios
    }

    /// The places among the [`BLOCK`] from `from` on that fit a pattern, the first one in the lowest bit.
    ///
    /// Beside the text stands [`OUTSIDE`].
    #[inline]
    pub fn block(&self, level: Level, text: &[u8], from: usize) -> u64 {
        let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) else { return 0 };
        let whole = from.checked_sub(1).and_then(|start| text.get(start..)).and_then(<[u8]>::first_chunk);
        match whole {
            Some(read) => self.fitting(level, read),
            None => {
                let mut read = [OUTSIDE; READ];
                let behind = rest.len().min(BLOCK + 1);
                read[1..=behind].copy_from_slice(&rest[..behind]);
                if let Some(before) = from.checked_sub(1) {
                    read[0] = text[before];
                }
                // Behind the text there is no place.
                self.fitting(level, &read) & (u64::MAX >> BLOCK.saturating_sub(rest.len()))
            }
        }
    }

    fn fitting(&self, level: Level, read: &[u8; READ]) -> u64 {
        match level.0 {
            Width::Scalar => self.fitting_one_by_one(read),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 | Width::Avx512 => {
                // SAFETY: these levels are only there where the CPU has AVX2 (`Level::available`).
                unsafe { avx2::fitting(self, read) }
            }
        }
    }

    /// The oracle.
    fn fitting_one_by_one(&self, read: &[u8; READ]) -> u64 {
        let fits = |bytes: &[u8]| {
            self.sets.iter().any(|[first, second, third]| {
                first.groups(bytes[0]) & second.groups(bytes[1]) & third.groups(bytes[2]) != 0
            })
        };
        read.windows(3).enumerate().fold(0, |found, (at, bytes)| found | u64::from(fits(bytes)) << at)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{READ, Trios};
    use crate::kernels::halves::avx2::{BYTES, Tables};
    use std::arch::x86_64::*;

    /// [`Trios::fitting`] with these instructions.
    #[target_feature(enable = "avx2")]
    pub(super) fn fitting(trios: &Trios, read: &[u8; READ]) -> u64 {
        let mut none = [_mm256_set1_epi8(-1); 2];
        for set in &trios.sets {
            let [first, second, third] = set.each_ref().map(|halves| Tables::of(halves));
            for (none, read) in none.iter_mut().zip([read, &read[BYTES..]].map(|read| &read[..BYTES + 2])) {
                let fits = _mm256_and_si256(first.groups(read), second.groups(&read[1..]));
                let fits = _mm256_and_si256(fits, third.groups(&read[2..]));
                *none = _mm256_and_si256(*none, _mm256_cmpeq_epi8(fits, _mm256_setzero_si256()));
            }
        }
        let [low, high] = none.map(|none| u64::from(!(_mm256_movemask_epi8(none) as u32)));
        low | high << BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRIOS: [Trio; 3] = [
        Trio { before: Some(b"01"), at: b".", after: Some(b"01") },
        Trio { before: None, at: b"@", after: None },
        Trio { before: None, at: b"%", after: Some(b"2\n") },
    ];

    #[track_caller]
    fn check(text: &str, expected: &[usize]) {
        let trios = Trios::new(&TRIOS);
        for level in Level::available() {
            let blocks = (0..text.len()).step_by(BLOCK);
            let places: Vec<usize> = blocks
                .flat_map(|from| {
                    let bits = trios.block(level, text.as_bytes(), from);
                    (0..BLOCK).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| from + bit)
                })
                .collect();
            assert_eq!(places, expected, "{level:?}");
        }
    }

    #[test]
    fn patterns_are_found_wherever_they_stand() {
        check("", &[]);
        check("@", &[0]);
        check("1.0", &[1]);
        check(".1", &[]);
        check("2.1 1. 1.1%2%3@", &[8, 10, 14]);
        check("%", &[0]);
        for at in 0..200 {
            let text = format!("{}1.1{}", "x".repeat(at), "x".repeat(70));
            check(&text, &[at + 1]);
            check(text.trim_end_matches('x'), &[at + 1]);
        }
    }

    proptest! {
        #[test]
        fn all_levels_agree(
            text in prop::collection::vec(any::<u8>(), 0..200),
            lists in prop::collection::vec([any::<[u8; 2]>(), any::<[u8; 2]>(), any::<[u8; 2]>()], 0..24),
            from in 0..210_usize,
        ) {
            let lists: Vec<[&'static [u8]; 3]> =
                lists.into_iter().map(|lists| lists.map(|list| &*list.to_vec().leak())).collect();
            let trios: Vec<Trio> =
                lists.iter().map(|[before, at, after]| Trio { before: Some(before), at, after: Some(after) }).collect();
            let trios = Trios::new(&trios);
            for level in Level::available() {
                prop_assert_eq!(trios.block(level, &text, from), trios.block(Level::SCALAR, &text, from));
            }
        }
    }
}
