//! Kernels with NEON, which every 64-bit ARM CPU has, and with the instructions of ARMv8 for SHA-256 and AES.
//!
//! What each computes is said beside its plain twin.
//!
//! NEON is part of all targets of this architecture that have a standard library; functions name it nevertheless, as
//! intrinsics are only safe to call where it is named.

use std::arch::aarch64::*;

/// Bytes of a vector.
pub(super) const VECTOR_BYTES: usize = 16;

/// Vectors whose bytes get a bit each in a word.
const VECTORS: usize = u64::BITS as usize / VECTOR_BYTES;

/// The first 16 bytes.
#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8]) -> uint8x16_t {
    let bytes = &bytes[..VECTOR_BYTES];
    // SAFETY: `bytes` has the 16 bytes that are read; the load needs no alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// A bit for each byte, the first one in the lowest. Each byte is all ones or zero.
#[inline]
#[target_feature(enable = "neon")]
fn bits(bytes: [uint8x16_t; VECTORS]) -> u64 {
    // Each byte keeps the bit of its place among eight; sums of neighbours bring eight of them together.
    let place = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    let [first, second, third, last] = bytes.map(|bytes| vandq_u8(bytes, place));
    let sums = vpaddq_u8(vpaddq_u8(first, second), vpaddq_u8(third, last));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
}

pub(super) mod quotes {
    use super::{VECTOR_BYTES, VECTORS, bits, load};
    use crate::kernels::quotes::{BLOCK_BYTES, Quotes, Signs, scalar};
    use std::arch::aarch64::*;
    use std::array;

    /// [`Quotes::blocks`] with these instructions.
    ///
    /// Which bytes are inside comes from the plain twin: a shift is part of the exclusive or here, while for a product
    /// without carries the bits would go to a vector and back, and not every CPU has it.
    #[target_feature(enable = "neon")]
    pub(in crate::kernels) fn blocks(quotes: &mut Quotes, text: &[u8]) {
        quotes.blocks(text, |block| signs(block), scalar::prefix_xor);
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn signs(block: &[u8; BLOCK_BYTES]) -> Signs {
        let bytes: [uint8x16_t; VECTORS] = array::from_fn(|vector| load(&block[vector * VECTOR_BYTES..]));
        let equal = |byte: u8| bits(bytes.map(|bytes| vceqq_u8(bytes, vdupq_n_u8(byte))));
        Signs {
            quotes: equal(b'"'),
            backslashes: equal(b'\\'),
            controls: bits(bytes.map(|bytes| vcltq_u8(bytes, vdupq_n_u8(0x20)))),
        }
    }
}

pub(super) mod signs {
    use super::{VECTOR_BYTES, load};
    use crate::kernels::signs::ASCII;
    use std::arch::aarch64::*;

    /// Bytes of a table that is looked up in at once, in four vectors.
    const TABLE_BYTES: usize = ASCII / 2;

    /// Looks all bytes of a vector up at once, in one table for each half of ASCII.
    ///
    /// Texts that are shorter than a vector have none: nothing is seen in them.
    #[target_feature(enable = "neon")]
    pub(in crate::kernels) fn seen(of_byte: &[u8; 256], text: &[u8]) -> u8 {
        let (ascii, foreign) = of_byte.split_at(ASCII);
        let (lower, upper) = (table(ascii), table(&ascii[TABLE_BYTES..]));
        let mut seen = vdupq_n_u8(0);
        let mut any = vdupq_n_u8(0);
        let (blocks, _) = text.as_chunks::<VECTOR_BYTES>();
        // The last bytes may be looked at twice.
        for block in blocks.iter().chain(text.last_chunk()) {
            let bytes = load(block);
            any = vorrq_u8(any, bytes);
            // What is no place of a table gives zero.
            seen = vorrq_u8(seen, vqtbl4q_u8(lower, bytes));
            seen = vorrq_u8(seen, vqtbl4q_u8(upper, veorq_u8(bytes, vdupq_n_u8(TABLE_BYTES as u8))));
        }
        let halves = vreinterpretq_u64_u8(seen);
        let half = vgetq_lane_u64::<0>(halves) | vgetq_lane_u64::<1>(halves);
        let classes = half.to_le_bytes().iter().fold(0, |seen, byte| seen | byte);
        let has_foreign = usize::from(vmaxvq_u8(any)) >= ASCII;
        if has_foreign { classes | foreign[0] } else { classes }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn table(bytes: &[u8]) -> uint8x16x4_t {
        let at = |vector: usize| load(&bytes[vector * VECTOR_BYTES..]);
        uint8x16x4_t(at(0), at(1), at(2), at(3))
    }
}

/// Bytes by their two halves of four bits.
mod halves {
    use super::load;
    use crate::kernels::halves::Halves;
    use std::arch::aarch64::*;

    /// Both tables of a byte.
    #[derive(Clone, Copy)]
    pub(super) struct Tables {
        low: uint8x16_t,
        high: uint8x16_t,
    }

    impl Tables {
        #[inline]
        #[target_feature(enable = "neon")]
        pub(super) fn of(halves: &Halves) -> Self {
            Self { low: load(&halves.low), high: load(&halves.high) }
        }

        /// The groups that each of the first 16 bytes fits.
        #[inline]
        #[target_feature(enable = "neon")]
        pub(super) fn groups(self, bytes: &[u8]) -> uint8x16_t {
            let bytes = load(bytes);
            let by_low = vqtbl1q_u8(self.low, vandq_u8(bytes, vdupq_n_u8(0xF)));
            let by_high = vqtbl1q_u8(self.high, vshrq_n_u8::<4>(bytes));
            vandq_u8(by_low, by_high)
        }
    }
}

pub(super) mod beginnings {
    use super::halves::Tables;
    use super::{VECTOR_BYTES, bits};
    use crate::kernels::beginnings::{BYTES, Beginnings};
    use std::arch::aarch64::*;
    use std::array;

    /// Places that are looked at together.
    const PLACES: usize = u64::BITS as usize;

    /// Bytes that are read for them.
    const READ: usize = PLACES + BYTES - 1;

    /// [`Beginnings::find`] with these instructions.
    #[target_feature(enable = "neon")]
    pub(in crate::kernels) fn find(beginnings: &Beginnings, text: &[u8], found: &mut Vec<u32>) {
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

    fn push(mut candidates: u64, at: usize, found: &mut Vec<u32>) {
        while candidates != 0 {
            found.push(at as u32 + candidates.trailing_zeros());
            candidates &= candidates - 1;
        }
    }

    /// The candidates among 64 places, each as a bit.
    #[inline]
    #[target_feature(enable = "neon")]
    fn candidates(tables: &[Tables; BYTES], read: &[u8; READ]) -> u64 {
        let [first, second, third] = *tables;
        bits(array::from_fn(|vector| {
            let read = &read[vector * VECTOR_BYTES..];
            let fits = vandq_u8(first.groups(read), second.groups(&read[1..]));
            let fits = vandq_u8(fits, third.groups(&read[2..]));
            vtstq_u8(fits, fits)
        }))
    }
}

pub(super) mod sha256 {
    use super::VECTOR_BYTES;
    use crate::kernels::sha256::{BEHIND_HASH, Block, KeyStates, ROUND_CONSTANTS, State};
    use std::arch::aarch64::*;
    use std::array;

    /// Two keep the unit busy: four rounds wait for the four before them, and another message fills the gaps. The words
    /// and states of two fit the 32 registers.
    pub(in crate::kernels) const LANES: usize = 2;

    #[target_feature(enable = "neon,sha2")]
    pub(in crate::kernels) fn lanes<const N: usize>(messages: &[(&KeyStates, Block); N]) -> [State; N] {
        let inner = compress(
            array::from_fn(|lane| &messages[lane].0.inner),
            array::from_fn(|lane| array::from_fn(|part| words(&messages[lane].1.0[part * VECTOR_BYTES..]))),
        );
        let behind = [load(&BEHIND_HASH), load(&BEHIND_HASH[4..])];
        let outer = compress(
            array::from_fn(|lane| &messages[lane].0.outer),
            inner.map(|[first, second]| [first, second, behind[0], behind[1]]),
        );
        outer.map(|halves| store(halves))
    }

    /// The states after a block each.
    #[inline]
    #[target_feature(enable = "neon,sha2")]
    fn compress<const N: usize>(states: [&State; N], mut words: [[uint32x4_t; 4]; N]) -> [[uint32x4_t; 2]; N] {
        let before = states.map(|state| [load(state), load(&state[4..])]);
        let mut states = before;
        for (sixteen, constants) in ROUND_CONSTANTS.as_chunks::<16>().0.iter().enumerate() {
            // After four parts every word is back at its place, so that the compiler keeps them in registers.
            for part in 0..4 {
                let constants = load(&constants[4 * part..]);
                for lane in 0..N {
                    let words = &mut words[lane];
                    if sixteen > 0 {
                        words[part] = schedule(words, part);
                    }
                    let [abcd, efgh] = states[lane];
                    let sum = vaddq_u32(words[part], constants);
                    states[lane] = [vsha256hq_u32(abcd, efgh, sum), vsha256h2q_u32(efgh, abcd, sum)];
                }
            }
        }
        array::from_fn(|lane| array::from_fn(|half| vaddq_u32(states[lane][half], before[lane][half])))
    }

    /// The four words of a part, from the 16 before them.
    #[inline]
    #[target_feature(enable = "neon,sha2")]
    fn schedule(words: &[uint32x4_t; 4], part: usize) -> uint32x4_t {
        let [first, second, third, last] = array::from_fn(|back| words[(part + back) % 4]);
        vsha256su1q_u32(vsha256su0q_u32(first, second), third, last)
    }

    /// Four words of a message, whose bytes are big-endian.
    #[inline]
    #[target_feature(enable = "neon")]
    fn words(bytes: &[u8]) -> uint32x4_t {
        vreinterpretq_u32_u8(vrev32q_u8(super::load(bytes)))
    }

    /// The first four words.
    #[inline]
    #[target_feature(enable = "neon")]
    fn load(words: &[u32]) -> uint32x4_t {
        let words = &words[..4];
        // SAFETY: `words` has the four words that are read.
        unsafe { vld1q_u32(words.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn store(halves: [uint32x4_t; 2]) -> State {
        let mut state = [0; 8];
        for (words, half) in state.as_chunks_mut::<4>().0.iter_mut().zip(halves) {
            // SAFETY: the four words are there to be written.
            unsafe { vst1q_u32(words.as_mut_ptr(), half) };
        }
        state
    }
}

pub(super) mod aes {
    use super::load;
    use crate::kernels::aes::{BLOCK_BYTES, BLOCKS, RoundKeys};
    use std::arch::aarch64::*;

    /// Blocks in flight: with two keys each, as many as the registers hold beside the round keys.
    const IN_FLIGHT: usize = 8;

    /// Rounds of AES-128 (FIPS 197, section 5).
    const ROUNDS: usize = 10;

    #[target_feature(enable = "neon,aes")]
    pub(in crate::kernels) fn round_keys(key: &[u8; BLOCK_BYTES]) -> RoundKeys {
        let mut keys = [*key; ROUNDS + 1];
        let mut last = u128::from_le_bytes(*key);
        // Powers of x in the field, in the first byte of a word.
        let constants = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
        for (key, constant) in keys[1..].iter_mut().zip(constants) {
            // The first byte of a word is its lowest one, so what the standard turns left is turned right here.
            let added = substituted((last >> 96) as u32).rotate_right(8) ^ constant;
            // Each word is the sum (exclusive or) of the last key's words up to it, and of what is added to all four.
            last ^= last << 32;
            last ^= last << 64;
            last ^= u128::from(added) * 0x1_0000_0001_0000_0001_0000_0001;
            *key = last.to_le_bytes();
        }
        keys
    }

    /// Each byte by the table of the standard, which the instruction has: no place in memory depends on a key.
    #[inline]
    #[target_feature(enable = "neon,aes")]
    fn substituted(word: u32) -> u32 {
        // The rows are shifted, too, which does nothing to four equal columns.
        let columns = vreinterpretq_u8_u32(vdupq_n_u32(word));
        vgetq_lane_u32::<0>(vreinterpretq_u32_u8(vaeseq_u8(columns, vdupq_n_u8(0))))
    }

    #[expect(clippy::needless_range_loop, reason = "the same places of two arrays")]
    #[target_feature(enable = "neon,aes")]
    pub(in crate::kernels) fn low_bits(keys: &[RoundKeys; 2], block: impl Fn(usize) -> u128) -> u16 {
        let mut bits = 0;
        for first in (0..BLOCKS).step_by(IN_FLIGHT) {
            let mut states = [[vdupq_n_u8(0); IN_FLIGHT]; 2];
            for at in 0..IN_FLIGHT {
                let block = load(&block(first + at).to_be_bytes());
                states[0][at] = block;
                states[1][at] = block;
            }
            // The instruction adds the key of the round before, and substitutes and shifts.
            for round in 0..ROUNDS - 1 {
                for key in 0..2 {
                    let round_key = load(&keys[key][round]);
                    for state in &mut states[key] {
                        *state = vaesmcq_u8(vaeseq_u8(*state, round_key));
                    }
                }
            }
            let before_last = [load(&keys[0][ROUNDS - 1]), load(&keys[1][ROUNDS - 1])];
            let last = veorq_u8(load(&keys[0][ROUNDS]), load(&keys[1][ROUNDS]));
            for at in 0..IN_FLIGHT {
                let one = vaeseq_u8(states[0][at], before_last[0]);
                let other = vaeseq_u8(states[1][at], before_last[1]);
                let sum = veorq_u8(veorq_u8(one, other), last);
                bits = bits << 1 | u16::from(vgetq_lane_u8::<{ BLOCK_BYTES as i32 - 1 }>(sum) & 1);
            }
        }
        bits
    }
}
