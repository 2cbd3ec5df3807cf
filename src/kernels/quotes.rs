//! Where the strings of a JSON text begin and end: one bit for each byte.
//!
//! The bits of a block of 64 bytes come from comparisons; which quotes a backslash escapes, and which bytes stand inside
//! strings, from arithmetic on the bits (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28, 2019,
//! sections 3.1.1 and 3.1.2).

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Level, Width};

/// Bytes of a block, each with a bit in a word.
pub(super) const BLOCK_BYTES: usize = 64;

/// The quotes and backslashes of a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Quotes {
    /// Bit by byte: a quote that opens or closes a string.
    quotes: Vec<u64>,
    /// Bit by byte: a backslash.
    backslashes: Vec<u64>,
    has_backslash: bool,
    has_control: bool,
}

/// The signs of a block that count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// Bytes below 0x20.
    pub(super) controls: u64,
}

/// What goes over from one block to the next.
#[derive(Default, Clone, Copy)]
struct Carry {
    /// 1 when the first byte of the block is escaped.
    escaped: u64,
    /// All ones when the block begins inside a string.
    inside: u64,
}

impl Quotes {
    /// Reads `text` from its beginning; what was known of another text is forgotten.
    pub fn read(&mut self, level: Level, text: &[u8]) {
        self.quotes.clear();
        self.backslashes.clear();
        self.has_backslash = false;
        self.has_control = false;
        match level.0 {
            Width::Scalar => self.blocks(text, scalar::signs, scalar::prefix_xor),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 => {
                // SAFETY: this level is only there where the CPU has all that `blocks` is compiled for (`Level::available`).
                unsafe { avx2::blocks(self, text) }
            }
            #[cfg(target_arch = "x86_64")]
            Width::Avx512 => {
                // SAFETY: as above.
                unsafe { avx512::blocks(self, text) }
            }
            #[cfg(target_arch = "aarch64")]
            Width::Neon => {
                // SAFETY: every CPU of this architecture has NEON.
                unsafe { neon::quotes::blocks(self, text) }
            }
        }
    }

    /// Where the string that begins before `from` ends: the place of the next quote that nothing escapes.
    #[inline]
    pub fn next(&self, from: usize) -> Option<usize> {
        first_bit(&self.quotes, from)
    }

    /// The first backslash in `from..to`.
    #[inline]
    pub fn next_backslash(&self, from: usize, to: usize) -> Option<usize> {
        if !self.has_backslash {
            return None;
        }
        first_bit(&self.backslashes, from).filter(|at| *at < to)
    }

    /// Whether a control character (below 0x20) stands in a string; no JSON text has one there.
    pub fn has_control(&self) -> bool {
        self.has_control
    }

    /// Reads block after block. The last one is filled up with blanks, which are no sign.
    #[inline(always)]
    pub(super) fn blocks(
        &mut self,
        text: &[u8],
        signs: impl Fn(&[u8; BLOCK_BYTES]) -> Signs,
        prefix_xor: impl Fn(u64) -> u64,
    ) {
        let mut carry = Carry::default();
        let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
        self.quotes.reserve(blocks.len() + 1);
        self.backslashes.reserve(blocks.len() + 1);
        for block in blocks {
            self.block(signs(block), &mut carry, &prefix_xor);
        }
        if !rest.is_empty() {
            let mut block = [b' '; BLOCK_BYTES];
            block[..rest.len()].copy_from_slice(rest);
            self.block(signs(&block), &mut carry, &prefix_xor);
        }
    }

    #[inline(always)]
    fn block(&mut self, signs: Signs, carry: &mut Carry, prefix_xor: impl Fn(u64) -> u64) {
        let mut quotes = signs.quotes;
        if signs.backslashes | carry.escaped != 0 {
            quotes &= !escaped(signs.backslashes, &mut carry.escaped);
            self.has_backslash = true;
        }
        // From each opening quote, itself inside, to the closing one, itself outside.
        let inside = prefix_xor(quotes) ^ carry.inside;
        carry.inside = ((inside as i64) >> 63) as u64;
        self.has_control |= signs.controls & inside != 0;
        self.quotes.push(quotes);
        self.backslashes.push(signs.backslashes);
    }
}

/// The bytes that a backslash escapes: those behind an odd number of backslashes. `carry` is that of the first byte, and
/// becomes that of the next block.
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD_BITS: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    // A backslash that is itself escaped escapes nothing.
    let escaping = backslashes & !*carry;
    // A run that begins at an odd bit carries its borrow through to the byte behind it, one at an even bit does not.
    let after = escaping << 1;
    let odd = after | ODD_BITS;
    let ends = odd.wrapping_sub(escaping) ^ ODD_BITS;
    let escaped = ends ^ (backslashes | *carry);
    *carry = (ends & backslashes) >> 63;
    escaped
}

/// The first bit that is set at `from` or behind it.
#[inline]
fn first_bit(words: &[u64], from: usize) -> Option<usize> {
    let mut at = from / BLOCK_BYTES;
    let mut word = *words.get(at)? & (u64::MAX << (from % BLOCK_BYTES));
    while word == 0 {
        at += 1;
        word = *words.get(at)?;
    }
    Some(at * BLOCK_BYTES + word.trailing_zeros() as usize)
}

/// The oracle.
pub(super) mod scalar {
    use super::{BLOCK_BYTES, Signs};

    pub(super) fn signs(block: &[u8; BLOCK_BYTES]) -> Signs {
        let mut signs = Signs::default();
        for (at, byte) in block.iter().enumerate() {
            signs.quotes |= u64::from(*byte == b'"') << at;
            signs.backslashes |= u64::from(*byte == b'\\') << at;
            signs.controls |= u64::from(*byte < 0x20) << at;
        }
        signs
    }

    /// Each bit is the parity of all bits up to it.
    pub(in crate::kernels) fn prefix_xor(mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK_BYTES, Quotes, Signs};
    use std::arch::x86_64::*;

    /// [`Quotes::blocks`] with these instructions.
    #[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn blocks(quotes: &mut Quotes, text: &[u8]) {
        quotes.blocks(text, |block| signs(block), |bits| prefix_xor(bits));
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn signs(block: &[u8; BLOCK_BYTES]) -> Signs {
        let (low, high) = (block.as_ptr(), block[BLOCK_BYTES / 2..].as_ptr());
        // SAFETY: both pointers have 32 readable bytes behind them, the halves of the block; loads need no alignment.
        let (low, high) = unsafe { (_mm256_loadu_si256(low.cast()), _mm256_loadu_si256(high.cast())) };
        let bits = |low, high| {
            u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
        };
        let equal = |byte: u8| {
            let byte = _mm256_set1_epi8(byte as i8);
            bits(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte))
        };
        let last = _mm256_set1_epi8(0x1F);
        // A byte is at most 0x1F where the larger of both is 0x1F.
        let controls = |half| _mm256_cmpeq_epi8(_mm256_max_epu8(half, last), last);
        Signs { quotes: equal(b'"'), backslashes: equal(b'\\'), controls: bits(controls(low), controls(high)) }
    }

    /// Each bit is the parity of all bits up to it: a product without carries with all ones.
    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    pub(super) fn prefix_xor(bits: u64) -> u64 {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{BLOCK_BYTES, Quotes, Signs, avx2::prefix_xor};
    use std::arch::x86_64::*;

    /// [`Quotes::blocks`] with these instructions.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn blocks(quotes: &mut Quotes, text: &[u8]) {
        quotes.blocks(text, |block| signs(block), |bits| prefix_xor(bits));
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn signs(block: &[u8; BLOCK_BYTES]) -> Signs {
        // SAFETY: the block has 64 readable bytes; the load needs no alignment.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        Signs {
            quotes: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'"' as i8)),
            backslashes: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\\' as i8)),
            controls: _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(0x20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(level: Level, text: &[u8]) -> Quotes {
        let mut quotes = Quotes::default();
        quotes.read(level, text);
        quotes
    }

    /// The quotes that open or close strings, byte by byte.
    fn plain(text: &[u8]) -> (Vec<usize>, bool) {
        let (mut quotes, mut control, mut inside, mut escaped) = (Vec::new(), false, false, false);
        for (at, byte) in text.iter().enumerate() {
            if *byte == b'"' && !escaped {
                quotes.push(at);
                inside = !inside;
            }
            control |= inside && *byte < 0x20;
            escaped = *byte == b'\\' && !escaped;
        }
        (quotes, control)
    }

    #[track_caller]
    fn check(text: &[u8]) {
        let (expected, control) = plain(text);
        for level in Level::available() {
            let quotes = read(level, text);
            let all: Vec<usize> = (0..text.len()).filter(|at| quotes.next(*at) == Some(*at)).collect();
            assert_eq!(all, expected, "{level:?}");
            assert_eq!(quotes.has_control(), control, "{level:?}");
            assert_eq!(quotes, read(Level::SCALAR, text), "{level:?}");
        }
    }

    #[test]
    fn strings_end_at_quotes_that_nothing_escapes() {
        check(br#"{"a":"b\"c","d\\":"e\\\""}"#);
        check(br#""\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\""#);
        check(b"");
        check(b"\"\x1f\"");
        check(b"\x1f\"\"");
    }

    #[test]
    fn the_next_quote_may_be_blocks_away() {
        let text = [b"\"".as_slice(), &[b'a'; 300], b"\""].concat();
        let quotes = read(Level::best(), &text);
        assert_eq!(quotes.next(1), Some(301));
        assert_eq!(quotes.next(302), None);
        assert_eq!(quotes.next(10_000), None);
    }

    proptest! {
        #[test]
        fn all_levels_agree(text in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'a'), any::<u8>()], 0..300)) {
            check(&text);
        }
    }
}
