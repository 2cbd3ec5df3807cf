//! A number for a text, by which what a batch has seen is found again.

/// A number that equal texts with the same `start` have and others seldom: products of 64 bits, folded. Whoever finds texts
/// that share one gains that they are worked on each for itself.
pub(super) fn hash(start: u64, text: &[u8]) -> u64 {
    // The digits of pi: no structure that a text could have.
    const SEED: u64 = 0x243f_6a88_85a3_08d3;
    const FACTOR: u64 = 0x1319_8a2e_0370_7345;
    let fold = |number: u64| {
        let product = u128::from(number ^ SEED) * u128::from(FACTOR);
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = text.as_chunks();
    // The last bytes, possibly together with some that were counted in before.
    let last = match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |word, byte| word << u8::BITS | u64::from(*byte)),
    };
    fold(words.iter().fold(start, |hash, word| fold(hash ^ u64::from_le_bytes(*word))) ^ last)
}
