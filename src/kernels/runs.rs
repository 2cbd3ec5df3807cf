//! Whether bytes of a class stand in a row, and how many.

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

/// Whether at least `bytes` bytes of a class, and at least one, stand in a row in `text`.
#[inline]
pub fn is_there(level: Level, text: &[u8], class: Class, bytes: usize) -> bool {
    if text.len() < bytes {
        return false;
    }
    match level.0 {
        Width::Scalar => is_there_one_by_one(text, class, bytes),
        #[cfg(target_arch = "x86_64")]
        Width::Avx2 | Width::Avx512 => {
            // SAFETY: these levels are only there where the CPU has AVX2 and BMI1 (`Level::available`).
            unsafe {
                match class {
                    Class::Alphanumeric => avx2::is_there::<false>(text, bytes),
                    Class::Base64 => avx2::is_there::<true>(text, bytes),
                }
            }
        }
    }
}

/// The oracle.
fn is_there_one_by_one(text: &[u8], class: Class, bytes: usize) -> bool {
    text.split(|byte| !class.has(*byte)).any(|run| run.len() >= bytes.max(1))
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    /// Bytes that are looked at together.
    const BLOCK: usize = u64::BITS as usize;

    /// Bytes of a register.
    const HALF: usize = BLOCK / 2;

    /// [`super::is_there`] with these instructions.
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    pub(super) fn is_there<const BASE64: bool>(text: &[u8], bytes: usize) -> bool {
        // How many of the class the last block ends in.
        let mut before = 0;
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for block in blocks.iter().chain([&last]) {
            let bits = belonging::<BASE64>(block);
            let with_before = before + bits.trailing_ones() as usize;
            if with_before >= bytes.max(1) || has_run(bits, bytes) {
                return true;
            }
            before = if bits == u64::MAX { with_before } else { bits.leading_ones() as usize };
        }
        false
    }

    /// Whether so many ones stand in a row.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    fn has_run(mut bits: u64, length: usize) -> bool {
        let mut known = 1;
        // Each step tells runs that are twice as long.
        while known < length && bits != 0 {
            let more = known.min(length - known);
            bits = bits.checked_shr(more as u32).map_or(0, |later| bits & later);
            known += more;
        }
        bits != 0
    }

    /// The bytes that belong to the class, the first one in the lowest bit.
    #[inline]
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
            let is = |byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8));
            let signs = _mm256_or_si256(_mm256_or_si256(is(b'+'), is(b'-')), _mm256_or_si256(is(b'/'), is(b'_')));
            members = _mm256_or_si256(members, signs);
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
                    assert_eq!(is_there(level, &[byte], class, 1), class.has(byte), "{level:?} {byte:#x}");
                }
            }
        }
    }

    #[test]
    fn runs_are_found_wherever_they_stand() {
        for length in [1, 2, 13, 24, 63, 64, 65, 128, 200] {
            for at in 0..150 {
                let text = format!("{}{}.x", ".".repeat(at), "a".repeat(length));
                for level in Level::available() {
                    let is_there = |bytes| is_there(level, text.as_bytes(), Class::Alphanumeric, bytes);
                    assert!(is_there(length) && !is_there(length + 1), "{level:?} {length} at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_levels_agree(text in "[a-z+/_. é]{0,200}", foreign in prop::collection::vec(any::<u8>(), 0..200), bytes in 0..90_usize) {
            for text in [text.as_bytes(), &foreign] {
                for class in [Class::Alphanumeric, Class::Base64] {
                    for level in Level::available() {
                        let expected = is_there(Level::SCALAR, text, class, bytes);
                        prop_assert_eq!(is_there(level, text, class, bytes), expected, "{:?}", level);
                    }
                }
            }
        }
    }
}
