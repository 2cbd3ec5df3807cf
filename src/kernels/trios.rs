//! Where three bytes beside each other each belong to some class: `1.1` is a digit, a dot and a digit.
//!
//! Bytes are looked up by their halves, and patterns share bits: a place is a candidate, no find yet.

use super::halves::{GROUPS, Halves};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Level, Width};

/// Places that are told together, a bit for each.
const BLOCK: usize = u64::BITS as usize;

/// Blocks that are looked at together.
pub(super) const BLOCKS: usize = 4;

/// Patterns that are told apart; more of them share their bits.
pub const PATTERNS: usize = SETS * GROUPS;

/// Tables that are looked up in one behind the other.
pub(super) const SETS: usize = 2;

/// Bytes that are read for a block: one more at each end.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) const READ: usize = BLOCK + 2;

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
    pub(super) sets: [[Halves; 3]; SETS],
    /// Sets that have patterns.
    pub(super) used: usize,
}

impl Trios {
    /// These patterns.
    pub fn new<'t>(patterns: impl IntoIterator<Item = &'t Trio>) -> Self {
        let mut trios = Self::default();
        for (number, Trio { before, at, after }) in patterns.into_iter().enumerate() {
            let number = number % PATTERNS;
            trios.used = trios.used.max(number / GROUPS + 1);
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

    /// Calls `each` with the places of a text that fit a pattern, ascending. Beside the text stands [`OUTSIDE`].
    #[inline(always)]
    pub fn each(&self, level: Level, text: &[u8], mut each: impl FnMut(usize)) {
        for from in (0..text.len()).step_by(BLOCKS * BLOCK) {
            let blocks = self.blocks(level, text, from);
            for (start, places) in (from..text.len()).step_by(BLOCK).zip(&blocks) {
                let mut places = *places;
                while places != 0 {
                    each(start + places.trailing_zeros() as usize);
                    places &= places - 1;
                }
            }
        }
    }

    /// The places from `from` on that fit a pattern: of each of the next [`BLOCKS`] blocks of [`BLOCK`] places, the first
    /// place in the lowest bit.
    fn blocks(&self, level: Level, text: &[u8], from: usize) -> [u64; BLOCKS] {
        match level.0 {
            Width::Scalar => self.blocks_one_by_one(text, from),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 | Width::Avx512 => {
                // SAFETY: these levels are only there where the CPU has AVX2 (`Level::available`).
                unsafe { avx2::blocks(self, text, from) }
            }
            #[cfg(target_arch = "aarch64")]
            Width::Neon => {
                // SAFETY: every CPU of this architecture has NEON.
                unsafe { neon::trios::blocks(self, text, from) }
            }
        }
    }

    /// The oracle.
    fn blocks_one_by_one(&self, text: &[u8], from: usize) -> [u64; BLOCKS] {
        let byte = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(OUTSIDE);
        let mut blocks = [0; BLOCKS];
        for (at, _) in text.iter().enumerate().skip(from).take(BLOCKS * BLOCK) {
            let bytes = [byte(at.checked_sub(1)), byte(Some(at)), byte(Some(at + 1))];
            let fits = self.sets.iter().any(|[first, second, third]| {
                first.groups(bytes[0]) & second.groups(bytes[1]) & third.groups(bytes[2]) != 0
            });
            blocks[(at - from) / BLOCK] |= u64::from(fits) << ((at - from) % BLOCK);
        }
        blocks
    }
}

/// [`Trios::blocks`] by what `fitting` gives for each block, which is read with a byte more at each end.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn by_block(text: &[u8], from: usize, fitting: impl Fn(&[u8; READ]) -> u64) -> [u64; BLOCKS] {
    let mut blocks = [0; BLOCKS];
    let mut at = from;
    for block in &mut blocks {
        let left = text.len().saturating_sub(at);
        if left == 0 {
            break;
        }
        let whole = at.checked_sub(1).and_then(|start| text.get(start..)).and_then(<[u8]>::first_chunk);
        *block = match whole {
            Some(read) => fitting(read),
            // Behind the text there is no place.
            None => fitting(&at_the_end(text, at)) & (u64::MAX >> BLOCK.saturating_sub(left)),
        };
        at += BLOCK;
    }
    blocks
}

/// The bytes around the block at `from`, where it ends before the text or lacks a byte: outside of the text stands
/// [`OUTSIDE`].
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn at_the_end(text: &[u8], from: usize) -> [u8; READ] {
    let mut read = [OUTSIDE; READ];
    let rest = text.get(from..).unwrap_or_default();
    let behind = rest.len().min(BLOCK + 1);
    read[1..=behind].copy_from_slice(&rest[..behind]);
    if let Some(before) = from.checked_sub(1).and_then(|before| text.get(before)) {
        read[0] = *before;
    }
    read
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCKS, READ, SETS, Trios, by_block};
    use crate::kernels::halves::avx2::{BYTES, Tables};
    use std::arch::x86_64::*;

    /// [`Trios::blocks`] with these instructions.
    #[target_feature(enable = "avx2")]
    pub(super) fn blocks(trios: &Trios, text: &[u8], from: usize) -> [u64; BLOCKS] {
        if trios.used < SETS {
            let sets = [tables(trios, 0)];
            return by_block(text, from, |read| fitting(&sets, read));
        }
        let sets = [tables(trios, 0), tables(trios, 1)];
        by_block(text, from, |read| fitting(&sets, read))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn tables(trios: &Trios, set: usize) -> [Tables; 3] {
        let [first, second, third] = &trios.sets[set];
        [Tables::of(first), Tables::of(second), Tables::of(third)]
    }

    /// The places of a block that fit a pattern.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn fitting<const USED: usize>(sets: &[[Tables; 3]; USED], read: &[u8; READ]) -> u64 {
        u64::from(half(sets, &read[..READ - BYTES])) | u64::from(half(sets, &read[BYTES..])) << BYTES
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half<const USED: usize>(sets: &[[Tables; 3]; USED], read: &[u8]) -> u32 {
        let mut none = _mm256_set1_epi8(-1);
        for [first, second, third] in sets {
            let fits = _mm256_and_si256(first.groups(read), second.groups(&read[1..]));
            let fits = _mm256_and_si256(fits, third.groups(&read[2..]));
            none = _mm256_and_si256(none, _mm256_cmpeq_epi8(fits, _mm256_setzero_si256()));
        }
        !(_mm256_movemask_epi8(none) as u32)
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
            let mut places = Vec::new();
            trios.each(level, text.as_bytes(), |at| places.push(at));
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
        for at in (0..200).chain(500..520) {
            let text = format!("{}1.1{}", "x".repeat(at), "x".repeat(70));
            check(&text, &[at + 1]);
            check(text.trim_end_matches('x'), &[at + 1]);
        }
    }

    /// Mostly few bytes that share no half, so that patterns fit in some places.
    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![9 => (0..16_u8).prop_map(|half| half << 4 | half), 1 => any::<u8>()]
    }

    proptest! {
        #[test]
        fn all_levels_agree(
            text in prop::collection::vec(byte(), 0..600),
            lists in prop::collection::vec([[byte(), byte()], [byte(), byte()], [byte(), byte()]], 0..24),
            from in 0..610_usize,
        ) {
            let lists: Vec<[&'static [u8]; 3]> =
                lists.into_iter().map(|lists| lists.map(|list| &*list.to_vec().leak())).collect();
            let trios: Vec<Trio> =
                lists.iter().map(|[before, at, after]| Trio { before: Some(before), at, after: Some(after) }).collect();
            let trios = Trios::new(&trios);
            for level in Level::available() {
                prop_assert_eq!(trios.blocks(level, &text, from), trios.blocks(Level::SCALAR, &text, from));
            }
        }
    }
}
