//! HMAC-SHA256 (RFC 2104, FIPS 180-4) of short messages, several side by side.
//!
//! A message of one block costs two compressions that wait for themselves; another message fills the gaps. Keys come in as
//! the two states that a key's blocks leave behind. They are as secret as the key, and the caller's to wipe.
//!
//! There is no plain Rust here: where [`Instructions::best`] finds nothing, the caller has a reviewed crate.

#[cfg(target_arch = "aarch64")]
use super::neon;

/// Bytes of a SHA-256 block.
const BLOCK_BYTES: usize = 64;

/// Longest message that fits a block together with its end mark and its length (FIPS 180-4, section 5.1.1).
pub const MESSAGE_BYTES_MAX: usize = BLOCK_BYTES - 1 - size_of::<u64>();

/// Most messages that are hashed side by side.
pub const LANES_MAX: usize = 16;

/// A state between two blocks, or a hash.
pub type State = [u32; 8];

/// The states that a key leaves behind.
pub struct KeyStates {
    /// After the block of the inner hash.
    pub inner: State,
    /// After the block of the outer hash.
    pub outer: State,
}

/// A message of one block, padded as the second block of the inner hash.
#[derive(Clone, Copy)]
pub struct Block(pub(super) [u8; BLOCK_BYTES]);

/// Which instructions hash. Each is there only where the CPU has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Those made for it, two messages interleaved.
    #[cfg(target_arch = "x86_64")]
    ShaNi,
    /// 16 messages, one in each word of a vector.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 messages, one in each word of a vector.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Those of ARMv8 made for it, two messages interleaved.
    #[cfg(target_arch = "aarch64")]
    Sha2,
}

/// The round constants (FIPS 180-4, section 4.2.2).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) static ROUND_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
];

impl Instructions {
    /// All that this CPU has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut kinds = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("sha")
                && is_x86_feature_detected!("sse4.1")
                && is_x86_feature_detected!("ssse3")
            {
                kinds.push(Self(Kind::ShaNi));
            }
            if is_x86_feature_detected!("avx512f") {
                kinds.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") {
                kinds.push(Self(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("sha2") {
            kinds.push(Self(Kind::Sha2));
        }
        kinds
    }

    /// The fastest of this CPU; `None` when it has only what every CPU has, or the process is kept to that.
    pub fn best() -> Option<Self> {
        Self::available().first().copied().filter(|_| super::may_be_wide())
    }
}

impl Block {
    /// Pads a message; `None` when it is longer than [`MESSAGE_BYTES_MAX`].
    pub fn of(message: &[u8]) -> Option<Self> {
        if message.len() > MESSAGE_BYTES_MAX {
            return None;
        }
        let mut bytes = [0; BLOCK_BYTES];
        bytes[..message.len()].copy_from_slice(message);
        bytes[message.len()] = END_MARK;
        bytes[BLOCK_BYTES - size_of::<u32>()..].copy_from_slice(&bits_behind_key(message.len()).to_be_bytes());
        Some(Self(bytes))
    }

    /// The block of no message.
    pub const EMPTY: Self = Self([0; BLOCK_BYTES]);
}

/// What stands behind a message (FIPS 180-4, section 5.1.1).
const END_MARK: u8 = 0x80;

/// The length in bits of so many bytes behind a key's block, which is counted in. It fits the last word of a block.
const fn bits_behind_key(bytes: usize) -> u32 {
    (BLOCK_BYTES + bytes) as u32 * 8
}

/// What stands behind a hash in the second block of the outer hash.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) static BEHIND_HASH: State = [(END_MARK as u32) << 24, 0, 0, 0, 0, 0, 0, bits_behind_key(size_of::<State>())];

/// The codes of messages under their keys: `codes[i]` becomes that of `messages[i]`, in words whose bytes are big-endian.
/// Both slices have the same length, or the longer one is cut.
pub fn authenticate(instructions: Instructions, messages: &[(&KeyStates, Block)], codes: &mut [State]) {
    match instructions.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::ShaNi => {
            let pairs = messages.len().min(codes.len()) / sha_ni::LANES * sha_ni::LANES;
            let ((messages, last), (codes, last_code)) = (messages.split_at(pairs), codes.split_at_mut(pairs));
            // SAFETY: only `available` makes these instructions, where the CPU has all that `lanes` is compiled for.
            in_lanes(messages, codes, |messages| unsafe { sha_ni::lanes::<{ sha_ni::LANES }>(messages) });
            // SAFETY: as above.
            in_lanes(last, last_code, |messages| unsafe { sha_ni::lanes::<1>(messages) });
        }
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => {
            // SAFETY: as above.
            in_lanes(messages, codes, |messages| unsafe { wide::avx512(messages) });
        }
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => {
            // SAFETY: as above.
            in_lanes(messages, codes, |messages| unsafe { wide::avx2(messages) });
        }
        #[cfg(target_arch = "aarch64")]
        Kind::Sha2 => {
            let pairs = messages.len().min(codes.len()) / neon::sha256::LANES * neon::sha256::LANES;
            let ((messages, last), (codes, last_code)) = (messages.split_at(pairs), codes.split_at_mut(pairs));
            // SAFETY: only `available` makes these instructions, where the CPU has all that `lanes` is compiled for.
            in_lanes(messages, codes, |messages| unsafe { neon::sha256::lanes::<{ neon::sha256::LANES }>(messages) });
            // SAFETY: as above.
            in_lanes(last, last_code, |messages| unsafe { neon::sha256::lanes::<1>(messages) });
        }
    }
}

/// Takes `N` messages at a time; the last ones are filled up with one of them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn in_lanes<const N: usize>(
    messages: &[(&KeyStates, Block)],
    codes: &mut [State],
    lanes: impl Fn(&[(&KeyStates, Block); N]) -> [State; N],
) {
    for (messages, codes) in messages.chunks(N).zip(codes.chunks_mut(N)) {
        let filled = match messages.try_into() {
            Ok(messages) => lanes(messages),
            Err(_) => lanes(&std::array::from_fn(|lane| messages[lane.min(messages.len() - 1)])),
        };
        codes.copy_from_slice(&filled[..codes.len()]);
    }
}

/// The instructions have no VEX form: inlined into code for AVX they would cost a change of the registers' state each. So
/// they stand in functions of their own with nothing wider.
#[cfg(target_arch = "x86_64")]
mod sha_ni {
    use super::{BEHIND_HASH, Block, KeyStates, ROUND_CONSTANTS, State};
    use std::arch::x86_64::*;
    use std::array;

    /// Two keep the unit busy: a round takes four cycles, and one begins every two (Intel's instruction tables). The
    /// words and states of two fit the 16 registers.
    pub(super) const LANES: usize = 2;

    #[inline(never)]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    pub(super) fn lanes<const N: usize>(messages: &[(&KeyStates, Block); N]) -> [State; N] {
        let inner = compress(
            array::from_fn(|lane| &messages[lane].0.inner),
            array::from_fn(|lane| array::from_fn(|part| load_bytes(&messages[lane].1.0.as_chunks().0[part]))),
        );
        let behind: [__m128i; 2] = array::from_fn(|half| load(&BEHIND_HASH.as_chunks().0[half]));
        let outer = compress(
            array::from_fn(|lane| &messages[lane].0.outer),
            inner.map(|[first, second]| [first, second, behind[0], behind[1]]),
        );
        outer.map(|halves| store(halves))
    }

    /// The states after a block each.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn compress<const N: usize>(states: [&State; N], mut words: [[__m128i; 4]; N]) -> [[__m128i; 2]; N] {
        let before = states.map(|state| pack(state));
        let mut states = before;
        for four in 0..ROUND_CONSTANTS.len() / 4 {
            let constants = load(&ROUND_CONSTANTS.as_chunks().0[four]);
            for lane in 0..N {
                let words = &mut words[lane];
                if four >= 4 {
                    words[four % 4] = schedule(words, four);
                }
                let [abef, cdgh] = &mut states[lane];
                let sum = _mm_add_epi32(words[four % 4], constants);
                *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
                *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0b00_00_11_10>(sum));
            }
        }
        array::from_fn(|lane| {
            let [[abef, cdgh], [abef_before, cdgh_before]] = [states[lane], before[lane]];
            unpack([_mm_add_epi32(abef, abef_before), _mm_add_epi32(cdgh, cdgh_before)])
        })
    }

    /// The words of rounds `4 * four` and on, from the 16 before them.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
    fn schedule(words: &[__m128i; 4], four: usize) -> __m128i {
        let [first, second, third, last] = array::from_fn(|back| words[(four + back) % 4]);
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(first, second), _mm_alignr_epi8::<4>(last, third));
        _mm_sha256msg2_epu32(sum, last)
    }

    /// The state as the instructions want it: `a b e f` and `c d g h`, the first in the highest word.
    #[inline]
    #[target_feature(enable = "sse4.1,ssse3,sse2")]
    fn pack(state: &State) -> [__m128i; 2] {
        let [abcd, efgh] = array::from_fn(|half| load(&state.as_chunks().0[half]));
        let cdab = _mm_shuffle_epi32::<0b10_11_00_01>(abcd);
        let hgfe = _mm_shuffle_epi32::<0b00_01_10_11>(efgh);
        [_mm_alignr_epi8::<8>(cdab, hgfe), _mm_blend_epi16::<0xF0>(hgfe, cdab)]
    }

    /// The state in its own order, the first word in the lowest place: `a b c d` and `e f g h`.
    #[inline]
    #[target_feature(enable = "sse4.1,ssse3,sse2")]
    fn unpack([abef, cdgh]: [__m128i; 2]) -> [__m128i; 2] {
        let feba = _mm_shuffle_epi32::<0b00_01_10_11>(abef);
        let dchg = _mm_shuffle_epi32::<0b10_11_00_01>(cdgh);
        [_mm_blend_epi16::<0xF0>(feba, dchg), _mm_alignr_epi8::<8>(dchg, feba)]
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn store(halves: [__m128i; 2]) -> State {
        let mut state = [0; 8];
        for (words, half) in state.as_chunks_mut::<4>().0.iter_mut().zip(halves) {
            // SAFETY: the four words are 16 writable bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), half) };
        }
        state
    }

    /// Four words of a message, whose bytes are big-endian.
    #[inline]
    #[target_feature(enable = "ssse3,sse2")]
    fn load_bytes(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: the array has 16 readable bytes; the load needs no alignment.
        let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        _mm_shuffle_epi8(bytes, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(words: &[u32; 4]) -> __m128i {
        // SAFETY: the four words are 16 readable bytes; the load needs no alignment.
        unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
    }
}

/// One message in each word of a vector. It is plain Rust over arrays, which the compiler turns into the instructions of
/// the functions that it is inlined into.
#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{BEHIND_HASH, Block, KeyStates, ROUND_CONSTANTS, State};
    use std::array;

    /// One word of every message.
    type Words<const N: usize> = [u32; N];

    #[inline(never)]
    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(messages: &[(&KeyStates, Block); 16]) -> [State; 16] {
        lanes(messages)
    }

    #[inline(never)]
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(messages: &[(&KeyStates, Block); 8]) -> [State; 8] {
        lanes(messages)
    }

    #[inline(always)]
    fn lanes<const N: usize>(messages: &[(&KeyStates, Block); N]) -> [State; N] {
        let mut state = array::from_fn(|word| array::from_fn(|lane| messages[lane].0.inner[word]));
        let word_of = |block: &Block, word: usize| u32::from_be_bytes(block.0.as_chunks().0[word]);
        compress(&mut state, array::from_fn(|word| array::from_fn(|lane| word_of(&messages[lane].1, word))));
        let mut words = [[0; N]; 16];
        words[..8].copy_from_slice(&state);
        words[8..].copy_from_slice(&BEHIND_HASH.map(|word| [word; N]));
        state = array::from_fn(|word| array::from_fn(|lane| messages[lane].0.outer[word]));
        compress(&mut state, words);
        array::from_fn(|lane| array::from_fn(|word| state[word][lane]))
    }

    /// The compression of FIPS 180-4, section 6.2.2.
    #[inline(always)]
    fn compress<const N: usize>(state: &mut [Words<N>; 8], mut words: [Words<N>; 16]) {
        let before = *state;
        for (sixteen, constants) in ROUND_CONSTANTS.as_chunks::<16>().0.iter().enumerate() {
            if sixteen > 0 {
                schedule(&mut words);
            }
            // After eight rounds every word is back at its place.
            for eight in [0, 8] {
                let [a, b, c, d, e, f, g, h] = state;
                let sums: [Words<N>; 8] =
                    array::from_fn(|at| each(|lane| words[eight + at][lane].wrapping_add(constants[eight + at])));
                round(a, b, c, d, e, f, g, h, &sums[0]);
                round(h, a, b, c, d, e, f, g, &sums[1]);
                round(g, h, a, b, c, d, e, f, &sums[2]);
                round(f, g, h, a, b, c, d, e, &sums[3]);
                round(e, f, g, h, a, b, c, d, &sums[4]);
                round(d, e, f, g, h, a, b, c, &sums[5]);
                round(c, d, e, f, g, h, a, b, &sums[6]);
                round(b, c, d, e, f, g, h, a, &sums[7]);
            }
        }
        for (state, before) in state.iter_mut().zip(before) {
            *state = each(|lane| state[lane].wrapping_add(before[lane]));
        }
    }

    /// The next 16 words from the last ones.
    #[inline(always)]
    fn schedule<const N: usize>(words: &mut [Words<N>; 16]) {
        for round in 0..16 {
            let (older, middle, newer) = (words[(round + 1) % 16], words[(round + 9) % 16], words[(round + 14) % 16]);
            for (lane, word) in words[round].iter_mut().enumerate() {
                let (older, newer) = (older[lane], newer[lane]);
                let older = older.rotate_right(7) ^ older.rotate_right(18) ^ older >> 3;
                let newer = newer.rotate_right(17) ^ newer.rotate_right(19) ^ newer >> 10;
                *word = word.wrapping_add(older).wrapping_add(middle[lane]).wrapping_add(newer);
            }
        }
    }

    /// A round, in which two words of the state change; the others only change their places, which the caller does.
    #[expect(clippy::too_many_arguments, reason = "the state, word by word, as the standard names them")]
    #[inline(always)]
    fn round<const N: usize>(
        a: &Words<N>,
        b: &Words<N>,
        c: &Words<N>,
        d: &mut Words<N>,
        e: &Words<N>,
        f: &Words<N>,
        g: &Words<N>,
        h: &mut Words<N>,
        sums: &Words<N>,
    ) {
        for lane in 0..N {
            let (e, f, g) = (e[lane], f[lane], g[lane]);
            let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let first = h[lane].wrapping_add(sums[lane]).wrapping_add(turned).wrapping_add(e & f ^ !e & g);
            let (a, b, c) = (a[lane], b[lane], c[lane]);
            let turned = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            d[lane] = d[lane].wrapping_add(first);
            h[lane] = first.wrapping_add(turned).wrapping_add(a & b ^ a & c ^ b & c);
        }
    }

    #[inline(always)]
    fn each<const N: usize>(word: impl Fn(usize) -> u32) -> Words<N> {
        let mut words = [0; N];
        for (lane, out) in words.iter_mut().enumerate() {
            *out = word(lane);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use sha2::Sha256;
    use sha2::block_api::compress256;

    /// The states of a key, after RFC 2104.
    fn states(key: &[u8; 32]) -> KeyStates {
        let state = |pad: u8| {
            let mut block = [pad; BLOCK_BYTES];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state =
                [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
            compress256(&mut state, &[block]);
            state
        };
        KeyStates { inner: state(0x36), outer: state(0x5c) }
    }

    #[track_caller]
    fn check(messages: &[([u8; 32], Vec<u8>)]) {
        let keys: Vec<KeyStates> = messages.iter().map(|(key, _)| states(key)).collect();
        let blocks: Vec<_> =
            keys.iter().zip(messages).map(|(key, (_, message))| (key, Block::of(message).unwrap())).collect();
        let expected: Vec<Vec<u8>> = messages
            .iter()
            .map(|(key, message)| Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize())
            .map(|code| code.into_bytes().to_vec())
            .collect();
        for instructions in Instructions::available() {
            let mut codes = vec![[0; 8]; blocks.len()];
            authenticate(instructions, &blocks, &mut codes);
            let codes: Vec<Vec<u8>> = codes.iter().map(|code| code.map(u32::to_be_bytes).concat()).collect();
            assert_eq!(codes, expected, "{instructions:?}");
        }
    }

    #[test]
    fn every_length_and_every_number_of_messages() {
        for count in 0..=2 * LANES_MAX + 1 {
            let messages = (0..count).map(|lane| ([lane as u8; 32], vec![count as u8; lane]));
            check(&messages.collect::<Vec<_>>());
        }
        for length in 0..=MESSAGE_BYTES_MAX {
            check(&[([7; 32], vec![b'a'; length])]);
        }
    }

    #[test]
    fn a_longer_message_has_no_block() {
        assert!(Block::of(&[0; MESSAGE_BYTES_MAX]).is_some());
        assert!(Block::of(&[0; MESSAGE_BYTES_MAX + 1]).is_none());
    }

    proptest! {
        #[test]
        fn all_instructions_give_the_crates_codes(
            messages in vec((any::<[u8; 32]>(), vec(any::<u8>(), 0..=MESSAGE_BYTES_MAX)), 1..40),
        ) {
            check(&messages);
        }
    }
}
