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

/// Bytes that are looked at together.
const BLOCK: usize = u64::BITS as usize;

/// The longest run that [`is_there`] can be asked for.
pub const RUN_BYTES_MAX: usize = BLOCK / 2;

/// Whether at least `bytes` bytes of a class stand in a row in `text`; `bytes` is from 1 to [`RUN_BYTES_MAX`].
pub fn is_there(level: Level, text: &[u8], class: Class, bytes: usize) -> bool {
    let mut before = 0;
    let mut from = 0;
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
        let bits = match rest.first_chunk() {
            Some(block) => belonging(level, block, class),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                belonging(level, &block, class)
            }
        };
        // The last half of the block before, and this one.
        let both = u128::from(before) | u128::from(bits) << BLOCK;
        if has_run(both, bytes) {
            return true;
        }
        before = bits;
        from += BLOCK;
    }
    false
}

/// Whether so many ones stand in a row.
fn has_run(bits: u128, length: usize) -> bool {
    let (mut bits, mut known) = (bits, 1);
    // Each step makes the runs that are told twice as long.
    while known < length && bits != 0 {
        let more = known.min(length - known);
        bits &= bits >> more;
        known += more;
    }
    bits != 0
}

/// The bytes that belong to a class, the first one in the lowest bit.
fn belonging(level: Level, block: &[u8; BLOCK], class: Class) -> u64 {
    match level.0 {
        Width::Scalar => belonging_one_by_one(block, class),
        #[cfg(target_arch = "x86_64")]
        Width::Avx2 | Width::Avx512 => {
            // SAFETY: these levels are only there where the CPU has AVX2 (`Level::available`).
            unsafe { avx2::belonging(block, class) }
        }
    }
}

/// The oracle.
fn belonging_one_by_one(block: &[u8; BLOCK], class: Class) -> u64 {
    block.iter().enumerate().fold(0, |bits, (at, byte)| bits | u64::from(class.has(*byte)) << at)
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Class};
    use std::arch::x86_64::*;

    /// Bytes of a register.
    const HALF: usize = BLOCK / 2;

    /// [`super::belonging`] with these instructions.
    #[target_feature(enable = "avx2")]
    pub(super) fn belonging(block: &[u8; BLOCK], class: Class) -> u64 {
        let (low, high) = block.split_at(HALF);
        let [low, high] = [low, high].map(|half| {
            let half = &half[..HALF];
            // SAFETY: `half` has 32 readable bytes; the load needs no alignment.
            let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
            u64::from(_mm256_movemask_epi8(members(bytes, class)) as u32)
        });
        low | high << HALF
    }

    /// All ones where a byte belongs to the class.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn members(bytes: __m256i, class: Class) -> __m256i {
        let is = |byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8));
        // As an unsigned number, the distance from the first one is no more than that of the last.
        let within = |bytes: __m256i, first: u8, last: u8| {
            let distance = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first as i8));
            _mm256_cmpeq_epi8(_mm256_min_epu8(distance, _mm256_set1_epi8((last - first) as i8)), distance)
        };
        let small = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let alphanumeric = _mm256_or_si256(within(small, b'a', b'z'), within(bytes, b'0', b'9'));
        match class {
            Class::Alphanumeric => alphanumeric,
            Class::Base64 => {
                let signs = _mm256_or_si256(_mm256_or_si256(is(b'+'), is(b'-')), _mm256_or_si256(is(b'/'), is(b'_')));
                _mm256_or_si256(alphanumeric, signs)
            }
        }
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
        for at in 0..150 {
            let text = format!("{}{}.x", ".".repeat(at), "a".repeat(13));
            for level in Level::available() {
                assert!(is_there(level, text.as_bytes(), Class::Alphanumeric, 13), "{level:?} {at}");
                assert!(!is_there(level, text.as_bytes(), Class::Alphanumeric, 14), "{level:?} {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn as_one_by_one(text in "[a-z+/_. é]{0,200}", bytes in 1..=RUN_BYTES_MAX) {
            for class in [Class::Alphanumeric, Class::Base64] {
                let longest = text.as_bytes().split(|byte| !class.has(*byte)).map(<[u8]>::len).max();
                for level in Level::available() {
                    prop_assert_eq!(is_there(level, text.as_bytes(), class, bytes), longest >= Some(bytes));
                }
            }
        }
    }
}
