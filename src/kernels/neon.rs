//! Kernels with NEON, which every 64-bit ARM CPU has, and with the instructions of ARMv8 for SHA-256 and AES.
//!
//! What each computes is said beside its plain twin.
//!
//! NEON is part of all targets of this architecture that have a standard library; functions name it nevertheless, as
//! intrinsics are only safe to call where it is named.

pub(super) mod sha256 {
    use crate::kernels::sha256::{Block, KeyStates, ROUND_CONSTANTS, State};
    use std::arch::aarch64::*;
    use std::array;

    /// Two keep the unit busy: four rounds wait for the four before them, and another message fills the gaps. The words
    /// and states of two fit the 32 registers.
    pub(in crate::kernels) const LANES: usize = 2;

    #[target_feature(enable = "neon,sha2")]
    pub(in crate::kernels) fn lanes<const N: usize>(messages: &[(&KeyStates, Block); N]) -> [State; N] {
        let inner = compress(messages.map(|(key, _)| key.inner), &messages.map(|(_, block)| block));
        compress(messages.map(|(key, _)| key.outer), &inner.map(|hash| Block::of_hash(&hash)))
    }

    #[inline]
    #[target_feature(enable = "neon,sha2")]
    fn compress<const N: usize>(states: [State; N], blocks: &[Block; N]) -> [State; N] {
        let before = states.map(|state| [load(&state), load(&state[4..])]);
        let mut states = before;
        let mut words: [[uint32x4_t; 4]; N] =
            array::from_fn(|lane| array::from_fn(|part| load(&blocks[lane].0[4 * part..])));
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
        array::from_fn(|lane| {
            let [[abcd, efgh], [abcd_before, efgh_before]] = [states[lane], before[lane]];
            store([vaddq_u32(abcd, abcd_before), vaddq_u32(efgh, efgh_before)])
        })
    }

    /// The four words of a part, from the 16 before them.
    #[inline]
    #[target_feature(enable = "neon,sha2")]
    fn schedule(words: &[uint32x4_t; 4], part: usize) -> uint32x4_t {
        let [first, second, third, last] = array::from_fn(|back| words[(part + back) % 4]);
        vsha256su1q_u32(vsha256su0q_u32(first, second), third, last)
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
