//! AES-128 (FIPS 197) of many blocks at once, as far as prefix-preserving encryption needs it: one bit of each.

#[cfg(target_arch = "aarch64")]
use super::neon;

/// Blocks that are encrypted at once.
pub const BLOCKS: usize = 16;

/// Bytes of a key, and of a block.
pub(super) const BLOCK_BYTES: usize = 16;

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
    /// A block in each vector, with the instructions of ARMv8.
    #[cfg(target_arch = "aarch64")]
    Aes,
}

impl Instructions {
    /// All that this CPU has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("aes") {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("vaes")
            {
                kinds.push(Self(Kind::Vaes512));
            }
            kinds.push(Self(Kind::AesNi));
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("aes") {
            kinds.push(Self(Kind::Aes));
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
    match instructions.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Vaes512 | Kind::AesNi => {
            // SAFETY: only `available` makes these instructions, where the CPU has AES-NI.
            unsafe { aes_ni::round_keys(key) }
        }
        #[cfg(target_arch = "aarch64")]
        Kind::Aes => {
            // SAFETY: only `available` makes these instructions, where the CPU has them.
            unsafe { neon::aes::round_keys(key) }
        }
    }
}

/// Encrypts `block(0)` to `block(15)`, big-endian, under two keys and gives the lowest bit of the sum (exclusive or) of
/// both results: that of the first block in the highest bit.
#[inline]
pub fn low_bits(instructions: Instructions, keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
    match instructions.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Vaes512 => {
            // SAFETY: only `available` makes these instructions, where the CPU has all that `low_bits` is compiled for.
            unsafe { vaes::low_bits(keys, block) }
        }
        #[cfg(target_arch = "x86_64")]
        Kind::AesNi => {
            // SAFETY: as above.
            unsafe { aes_ni::low_bits(keys, block) }
        }
        #[cfg(target_arch = "aarch64")]
        Kind::Aes => {
            // SAFETY: as above.
            unsafe { neon::aes::low_bits(keys, block) }
        }
    }
}

/// The same for what is left of a number without its last bits: 15 of them, 14, … and none.
#[inline]
pub fn low_bits_of_prefixes(instructions: Instructions, keys: &[RoundKeys; 2], longest: u128) -> u16 {
    let prefix = |at: usize| longest >> (BLOCKS - 1 - at);
    #[cfg(target_arch = "x86_64")]
    match instructions.0 {
        Kind::Vaes512 => {
            // SAFETY: only `available` makes these instructions, where the CPU has all that it is compiled for.
            unsafe { vaes::low_bits_of_prefixes(keys, longest) }
        }
        Kind::AesNi => low_bits(instructions, keys, prefix),
    }
    #[cfg(not(target_arch = "x86_64"))]
    low_bits(instructions, keys, prefix)
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

    /// By how much a number is shifted for each block, once for either word.
    static SHIFTS: [[u64; 8]; VECTORS] = {
        let mut shifts = [[0; 8]; VECTORS];
        let mut at = 0;
        while at < BLOCKS {
            shifts[at / 4][at % 4 * 2] = (BLOCKS - 1 - at) as u64;
            shifts[at / 4][at % 4 * 2 + 1] = (BLOCKS - 1 - at) as u64;
            at += 1;
        }
        shifts
    };

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vaes,aes")]
    pub(super) fn low_bits(keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
        let mut blocks = [_mm512_setzero_si512(); VECTORS];
        for (vector, blocks) in blocks.iter_mut().enumerate() {
            let numbers: [u128; 4] = std::array::from_fn(|at| block(vector * 4 + at));
            // SAFETY: the numbers are 64 readable bytes; the load needs no alignment.
            *blocks = big_endian(unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) });
        }
        low_bits_of(keys, blocks)
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw,vaes,aes")]
    pub(super) fn low_bits_of_prefixes(keys: &[RoundKeys; 2], longest: u128) -> u16 {
        let (low, high) = (longest as i64, (longest >> 64) as i64);
        let number = _mm512_broadcast_i32x4(_mm_set_epi64x(high, low));
        // What comes down from the high word into the low one.
        let carry = _mm512_broadcast_i32x4(_mm_set_epi64x(0, high));
        let mut blocks = [_mm512_setzero_si512(); VECTORS];
        for (blocks, shifts) in blocks.iter_mut().zip(&SHIFTS) {
            // SAFETY: the shifts are 64 readable bytes; the load needs no alignment.
            let shifts = unsafe { _mm512_loadu_si512(shifts.as_ptr().cast()) };
            let rest = _mm512_sub_epi64(_mm512_set1_epi64(64), shifts);
            *blocks = big_endian(_mm512_or_si512(_mm512_srlv_epi64(number, shifts), _mm512_sllv_epi64(carry, rest)));
        }
        low_bits_of(keys, blocks)
    }

    /// Four numbers with their bytes turned around.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn big_endian(numbers: __m512i) -> __m512i {
        let turned = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        _mm512_shuffle_epi8(numbers, _mm512_broadcast_i32x4(turned))
    }

    /// The lowest bit of the sum of what both keys make of each block.
    #[expect(clippy::needless_range_loop, reason = "the same places of two arrays")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vaes,aes")]
    fn low_bits_of(keys: &[RoundKeys; 2], blocks: [__m512i; VECTORS]) -> u16 {
        let mut states = [blocks; 2];
        for key in 0..2 {
            let round_key = load(&keys[key], 0);
            for state in &mut states[key] {
                *state = _mm512_xor_si512(*state, round_key);
            }
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
        let last_keys = [load(&keys[0], 10), load(&keys[1], 10)];
        let mut set = 0_u32;
        for vector in 0..VECTORS {
            let one = _mm512_aesenclast_epi128(states[0][vector], last_keys[0]);
            let other = _mm512_aesenclast_epi128(states[1][vector], last_keys[1]);
            let words = _mm512_test_epi64_mask(_mm512_xor_si512(one, other), low);
            set |= u32::from(words) << (8 * vector);
        }
        every_other_bit(set >> 1).reverse_bits()
    }

    /// The bits at even places, close together: two words for each block, of which the second has its last byte.
    fn every_other_bit(bits: u32) -> u16 {
        let pairs = bits & 0x5555_5555;
        let fours = (pairs | pairs >> 1) & 0x3333_3333;
        let eights = (fours | fours >> 2) & 0x0f0f_0f0f;
        let sixteens = (eights | eights >> 4) & 0x00ff_00ff;
        (sixteens | sixteens >> 8) as u16
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

    /// The prefixes one by one, each as a block.
    #[track_caller]
    fn check_prefixes(keys: [[u8; BLOCK_BYTES]; 2], longest: u128) {
        for instructions in Instructions::available() {
            let keys = keys.map(|key| round_keys(instructions, &key));
            let expected = low_bits(instructions, &keys, |at| longest >> (BLOCKS - 1 - at));
            assert_eq!(low_bits_of_prefixes(instructions, &keys, longest), expected, "{instructions:?} {longest:x}");
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

    #[test]
    fn each_bit_of_a_prefix_counts() {
        for bit in 0..u128::BITS {
            check_prefixes([[1; BLOCK_BYTES], [2; BLOCK_BYTES]], 1 << bit);
        }
    }

    proptest! {
        #[test]
        fn prefixes_are_blocks_of_their_own(keys: [[u8; BLOCK_BYTES]; 2], longest: u128) {
            check_prefixes(keys, longest);
        }

        #[test]
        fn all_instructions_give_the_crates_bits(keys: [[u8; BLOCK_BYTES]; 2], blocks: [u128; BLOCKS]) {
            check(keys, blocks);
        }
    }
}
