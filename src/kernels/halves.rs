//! Looks bytes up by their two halves of four bits: which of eight groups each one fits.
//!
//! A byte fits a group when both of its halves do, so that a group with several bytes may fit others, too: it tells
//! candidates.

/// Groups that are told apart.
pub(super) const GROUPS: usize = u8::BITS as usize;

/// Groups of bytes by the two halves of a byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Halves {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
}

impl Halves {
    /// Adds a byte to groups, a bit for each.
    pub(super) fn add(&mut self, byte: u8, groups: u8) {
        self.low[usize::from(byte & 0xF)] |= groups;
        self.high[usize::from(byte >> 4)] |= groups;
    }

    /// The groups that a byte fits.
    pub(super) fn groups(&self, byte: u8) -> u8 {
        self.low[usize::from(byte & 0xF)] & self.high[usize::from(byte >> 4)]
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use super::Halves;
    use std::arch::x86_64::*;

    /// Bytes that are looked up together.
    pub(in crate::kernels) const BYTES: usize = 32;

    /// Both tables of a byte, each twice, as lookups within 16 bytes want them.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::kernels) struct Tables {
        low: __m256i,
        high: __m256i,
    }

    impl Tables {
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(in crate::kernels) fn of(halves: &Halves) -> Self {
            // SAFETY: both tables have 16 readable bytes; loads need no alignment.
            let (low, high) =
                unsafe { (_mm_loadu_si128(halves.low.as_ptr().cast()), _mm_loadu_si128(halves.high.as_ptr().cast())) };
            Self { low: _mm256_broadcastsi128_si256(low), high: _mm256_broadcastsi128_si256(high) }
        }

        /// The groups that each of the first 32 bytes fits.
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(in crate::kernels) fn groups(self, bytes: &[u8]) -> __m256i {
            let bytes = &bytes[..BYTES];
            // SAFETY: `bytes` has 32 readable bytes; the load needs no alignment.
            let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
            let half = _mm256_set1_epi8(0xF);
            let by_low = _mm256_shuffle_epi8(self.low, _mm256_and_si256(bytes, half));
            let by_high = _mm256_shuffle_epi8(self.high, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half));
            _mm256_and_si256(by_low, by_high)
        }
    }
}
