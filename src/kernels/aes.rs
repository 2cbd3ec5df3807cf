//! AES-128 (FIPS 197) of many blocks at once, as far as prefix-preserving encryption needs it: one bit of each.

/// Blocks that are encrypted at once.
pub const BLOCKS: usize = 16;

/// Bytes of a key, and of a block.
const BLOCK_BYTES: usize = 16;

/// The round keys of AES-128. As secret as the key; the caller's to wipe.
pub type RoundKeys = [[u8; BLOCK_BYTES]; 11];

/// Which instructions encrypt. Each is there only where the CPU has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Four blocks in each vector.
    #[cfg(target_arch = "x86_64")]
    Vaes512,
    /// A block in each vector.
    #[cfg(target_arch = "x86_64")]
    AesNi,
}

impl Instructions {
    /// All that this CPU has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("aes") {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("vaes") {
                kinds.push(Self(Kind::Vaes512));
            }
            kinds.push(Self(Kind::AesNi));
        }
        kinds
    }

    /// The fastest of this CPU; `None` when it has none of them, or the process may use none.
    pub fn best() -> Option<Self> {
        Self::available().first().copied().filter(|_| super::may_be_wide())
    }
}

/// The round keys of a key (FIPS 197, section 5.2).
pub fn round_keys(instructions: Instructions, key: &[u8; BLOCK_BYTES]) -> RoundKeys {
    #[cfg(target_arch = "x86_64")]
    match instructions.0 {
        Kind::Vaes512 | Kind::AesNi => {
            // SAFETY: only `available` makes these instructions, where the CPU has AES-NI.
            unsafe { aes_ni::round_keys(key) }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    match instructions.0 {}
}

/// Encrypts `block(0)` to `block(15)`, big-endian, under two keys and gives the lowest bit of the sum (exclusive or) of
/// both results: that of the first block in the highest bit.
#[inline]
pub fn low_bits(instructions: Instructions, keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
    #[cfg(target_arch = "x86_64")]
    match instructions.0 {
        Kind::Vaes512 => {
            // SAFETY: only `available` makes these instructions, where the CPU has all that `low_bits` is compiled for.
            unsafe { vaes::low_bits(keys, block) }
        }
        Kind::AesNi => {
            // SAFETY: as above.
            unsafe { aes_ni::low_bits(keys, block) }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    match instructions.0 {}
}

#[cfg(target_arch = "x86_64")]
mod aes_ni {
    use super::{BLOCK_BYTES, BLOCKS, RoundKeys};
    use std::arch::x86_64::*;

    /// Blocks in flight: with two keys each, as many as the unit begins before the first is done.
    const IN_FLIGHT: usize = 4;

    #[target_feature(enable = "aes,sse2")]
    pub(super) fn round_keys(key: &[u8; BLOCK_BYTES]) -> RoundKeys {
        let mut keys = [*key; 11];
        let mut last = load(key);
        // The round constants are powers of x in the field; the instruction wants them fixed.
        let assisted: [fn(__m128i) -> __m128i; 10] = [
            assist::<0x01>,
            assist::<0x02>,
            assist::<0x04>,
            assist::<0x08>,
            assist::<0x10>,
            assist::<0x20>,
            assist::<0x40>,
            assist::<0x80>,
            assist::<0x1b>,
            assist::<0x36>,
        ];
        for (key, assist) in keys[1..].iter_mut().zip(assisted) {
            let mut next = last;
            for _ in 0..3 {
                next = _mm_xor_si128(last, _mm_slli_si128::<4>(next));
            }
            last = _mm_xor_si128(next, assist(last));
            // SAFETY: the key has 16 writable bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(key.as_mut_ptr().cast(), last) };
        }
        keys
    }

    /// The word that a round adds, in all four words.
    fn assist<const CONSTANT: i32>(key: __m128i) -> __m128i {
        // SAFETY: called from `round_keys` alone, whose caller made sure of AES-NI.
        unsafe { _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<CONSTANT>(key)) }
    }

    #[expect(clippy::needless_range_loop, reason = "the same places of two arrays")]
    #[target_feature(enable = "aes,sse2")]
    pub(super) fn low_bits(keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
        let mut bits = 0;
        for first in (0..BLOCKS).step_by(IN_FLIGHT) {
            let mut states = [[_mm_setzero_si128(); IN_FLIGHT]; 2];
            for at in 0..IN_FLIGHT {
                let block = load(&block(first + at).to_be_bytes());
                states[0][at] = _mm_xor_si128(block, load(&keys[0][0]));
                states[1][at] = _mm_xor_si128(block, load(&keys[1][0]));
            }
            for round in 1..10 {
                for key in 0..2 {
                    let round_key = load(&keys[key][round]);
                    for state in &mut states[key] {
                        *state = _mm_aesenc_si128(*state, round_key);
                    }
                }
            }
            for at in 0..IN_FLIGHT {
                let one = _mm_aesenclast_si128(states[0][at], load(&keys[0][10]));
                let other = _mm_aesenclast_si128(states[1][at], load(&keys[1][10]));
                let last = _mm_extract_epi16::<7>(_mm_xor_si128(one, other));
                bits = bits << 1 | (last >> 8 & 1) as u16;
            }
        }
        bits
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(bytes: &[u8; BLOCK_BYTES]) -> __m128i {
        // SAFETY: the array has 16 readable bytes; the load needs no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }
}

#[cfg(target_arch = "x86_64")]
mod vaes {
    use super::{BLOCKS, RoundKeys};
    use std::arch::x86_64::*;

    /// Vectors of four blocks.
    const VECTORS: usize = BLOCKS / 4;

    #[expect(clippy::needless_range_loop, reason = "the same places of two arrays")]
    #[target_feature(enable = "avx512f,vaes,aes")]
    pub(super) fn low_bits(keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
        let mut states = [[_mm512_setzero_si512(); VECTORS]; 2];
        for vector in 0..VECTORS {
            let mut words = [0; 8];
            for (at, words) in words.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let number = block(vector * 4 + at);
                *words = [((number >> 64) as u64).swap_bytes(), (number as u64).swap_bytes()];
            }
            // SAFETY: the words are 64 readable bytes; the load needs no alignment.
            let blocks = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
            states[0][vector] = _mm512_xor_si512(blocks, load(&keys[0], 0));
            states[1][vector] = _mm512_xor_si512(blocks, load(&keys[1], 0));
        }
        for round in 1..10 {
            for key in 0..2 {
                let round_key = load(&keys[key], round);
                for state in &mut states[key] {
                    *state = _mm512_aesenc_epi128(*state, round_key);
                }
            }
        }
        // The lowest bit of a block's last byte.
        let low = _mm512_set1_epi64(1 << 56);
        let mut bits = 0;
        for vector in 0..VECTORS {
            let one = _mm512_aesenclast_epi128(states[0][vector], load(&keys[0], 10));
            let other = _mm512_aesenclast_epi128(states[1][vector], load(&keys[1], 10));
            let set = _mm512_test_epi64_mask(_mm512_xor_si512(one, other), low);
            // Two words for each block, the second with its last byte; the first block in the lowest bits.
            for block in 0..4 {
                bits = bits << 1 | u16::from(set >> (2 * block + 1) & 1);
            }
        }
        bits
    }

    /// A round's key for each of four blocks.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(keys: &RoundKeys, round: usize) -> __m512i {
        // SAFETY: the round's key has 16 readable bytes; the load needs no alignment.
        _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(keys[round].as_ptr().cast()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes_gcm::aes::Aes128;
    use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
    use proptest::prelude::*;

    #[track_caller]
    fn check(keys: [[u8; BLOCK_BYTES]; 2], blocks: [u128; BLOCKS]) {
        let ciphers = keys.map(|key| Aes128::new(&key.into()));
        let expected = blocks.iter().fold(0_u16, |bits, block| {
            let last = |cipher: &Aes128| {
                let mut block = block.to_be_bytes().into();
                cipher.encrypt_block(&mut block);
                block[BLOCK_BYTES - 1]
            };
            bits << 1 | u16::from((last(&ciphers[0]) ^ last(&ciphers[1])) & 1)
        });
        for instructions in Instructions::available() {
            let keys = keys.map(|key| round_keys(instructions, &key));
            assert_eq!(low_bits(instructions, &keys, |at| blocks[at]), expected, "{instructions:?}");
        }
    }

    /// The expansion of FIPS 197, appendix A.1.
    #[test]
    fn published_round_keys() {
        let key = 0x2b7e151628aed2a6abf7158809cf4f3c_u128.to_be_bytes();
        for instructions in Instructions::available() {
            let keys = round_keys(instructions, &key);
            assert_eq!(u128::from_be_bytes(keys[1]), 0xa0fafe1788542cb123a339392a6c7605);
            assert_eq!(u128::from_be_bytes(keys[10]), 0xd014f9a8c9ee2589e13f0cc8b6630ca6);
        }
    }

    #[test]
    fn each_block_has_its_bit() {
        for at in 0..BLOCKS {
            let mut blocks = [0; BLOCKS];
            for bits in 0..16 {
                blocks[at] = bits;
                check([[1; BLOCK_BYTES], [2; BLOCK_BYTES]], blocks);
            }
        }
    }

    proptest! {
        #[test]
        fn all_instructions_give_the_crates_bits(keys: [[u8; BLOCK_BYTES]; 2], blocks: [u128; BLOCKS]) {
            check(keys, blocks);
        }
    }
}
