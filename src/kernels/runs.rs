//! Where bytes of a class stand in a row.

use super::{Level, Width};

/// Classes of bytes that runs are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// ASCII letters and digits.
    Alphanumeric,
    /// ASCII letters and digits, `+`, `-`, `/` and `_`.
    Base64,
}

impl Class {
    /// Whether a byte belongs to the class.
    #[inline]
    pub fn has(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || self == Self::Base64 && matches!(byte, b'+' | b'-' | b'/' | b'_')
    }
}

/// The start of the first run of at least `BYTES` bytes of a class in `text`; `BYTES` is 1 to 64.
#[inline]
pub fn first<const BYTES: usize>(level: Level, text: &[u8], class: Class) -> Option<usize> {
    const { assert!(0 < BYTES && BYTES <= u64::BITS as usize) };
    if text.len() < BYTES {
        return None;
    }
    match level.0 {
        Width::Scalar => first_one_by_one(text, class, BYTES),
        #[cfg(target_arch = "aarch64")]
        Width::Neon => first_one_by_one(text, class, BYTES),
        #[cfg(target_arch = "x86_64")]
        Width::Avx2 | Width::Avx512 => {
            // SAFETY: these levels are only there where the CPU has AVX2, BMI1 and LZCNT (`Level::available`).
            unsafe {
                match class {
                    Class::Alphanumeric => avx2::first::<BYTES, false>(text),
                    Class::Base64 => avx2::first::<BYTES, true>(text),
                }
            }
        }
    }
}

/// The oracle.
fn first_one_by_one(text: &[u8], class: Class, bytes: usize) -> Option<usize> {
    let mut start = 0;
    for run in text.split(|byte| !class.has(*byte)) {
        if run.len() >= bytes {
            return Some(start);
        }
        start += run.len() + 1;
    }
    None
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    /// Bytes that are looked at together.
    const BLOCK: usize = u64::BITS as usize;

    /// Bytes of a register.
    const HALF: usize = BLOCK / 2;

    /// [`super::first`] with these instructions.
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    pub(super) fn first<const BYTES: usize, const BASE64: bool>(text: &[u8]) -> Option<usize> {
        // How many of the class stand before the block, without a gap.
        let (mut before, mut at) = (0, 0);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let bits = match rest.first_chunk() {
                Some(block) => belonging::<BASE64>(block),
                None => {
                    let mut block = [0; BLOCK];
                    block[..rest.len()].copy_from_slice(rest);
                    belonging::<BASE64>(&block)
                }
            };
            if before + bits.trailing_ones() as usize >= BYTES {
                return Some(at - before);
            }
            let starts = starts_of_runs::<BYTES>(bits);
            if starts != 0 {
                return Some(at + starts.trailing_zeros() as usize);
            }
            // All of a block are no fewer than are looked for.
            before = bits.leading_ones() as usize;
            at += BLOCK;
        }
        None
    }

    /// The places at which so many ones begin.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    fn starts_of_runs<const LENGTH: usize>(mut bits: u64) -> u64 {
        let mut known = 1;
        // Each step tells runs that are twice as long.
        while known < LENGTH {
            let more = if known < LENGTH - known { known } else { LENGTH - known };
            bits &= bits >> more;
            known += more;
        }
        bits
    }

    /// The bytes that belong to the class, the first one in the lowest bit.
    // Where it is inlined, the compiler undoes the gathering of the bits and shifts them one by one.
    #[inline(never)]
    #[target_feature(enable = "avx2")]
    fn belonging<const BASE64: bool>(block: &[u8; BLOCK]) -> u64 {
        u64::from(half::<BASE64>(&block[..HALF])) | u64::from(half::<BASE64>(&block[HALF..])) << HALF
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half<const BASE64: bool>(half: &[u8]) -> u32 {
        let half = &half[..HALF];
        // SAFETY: `half` has 32 readable bytes; the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        let small = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let mut members = _mm256_or_si256(within::<b'a', b'z'>(small), within::<b'0', b'9'>(bytes));
        if BASE64 {
            for sign in [b'+', b'-', b'/', b'_'] {
                members = _mm256_or_si256(members, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(sign as i8)));
            }
        }
        _mm256_movemask_epi8(members) as u32
    }

    /// All ones where a byte is one of these.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn within<const FIRST: u8, const LAST: u8>(bytes: __m256i) -> __m256i {
        // As an unsigned number, the distance from the first one is no more than that of the last.
        let distance = _mm256_sub_epi8(bytes, _mm256_set1_epi8(FIRST as i8));
        _mm256_cmpeq_epi8(_mm256_min_epu8(distance, _mm256_set1_epi8((LAST - FIRST) as i8)), distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_belongs_or_does_not() {
        for class in [Class::Alphanumeric, Class::Base64] {
            for byte in 0..=u8::MAX {
                for level in Level::available() {
                    let found = first::<1>(level, &[byte], class);
                    assert_eq!(found, class.has(byte).then_some(0), "{level:?} {byte:#x}");
                }
            }
        }
    }

    #[test]
    fn runs_are_found_wherever_they_stand() {
        #[track_caller]
        fn check<const BYTES: usize>(text: &str, expected: Option<usize>) {
            for level in Level::available() {
                assert_eq!(first::<BYTES>(level, text.as_bytes(), Class::Alphanumeric), expected, "{level:?} {text}");
            }
        }
        for at in 0..150 {
            for longer in [0, 1, 50, 64, 100] {
                let run = |length| format!("{}{}.x", ".a".repeat(at), format!(".{}", "a".repeat(length + longer)));
                check::<2>(&run(2), Some(2 * at + 1));
                check::<13>(&run(13), Some(2 * at + 1));
                check::<64>(&run(64), Some(2 * at + 1));
            }
            check::<13>(&format!("{}.{}", ".a".repeat(at), "a".repeat(12)), None);
            check::<64>(&format!("{}.{}", ".a".repeat(at), "a".repeat(63)), None);
        }
    }

    proptest! {
        #[test]
        fn all_levels_agree(
            text in "([a-z+/_]{0,40}[. é]?){0,8}",
            foreign in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for text in [text.as_bytes(), &foreign] {
                for class in [Class::Alphanumeric, Class::Base64] {
                    let all = |level| {
                        [first::<1>(level, text, class), first::<3>(level, text, class), first::<13>(level, text, class), first::<24>(level, text, class)]
                    };
                    for level in Level::available() {
                        prop_assert_eq!(all(level), all(Level::SCALAR), "{:?}", level);
                    }
                }
            }
        }
    }
}
