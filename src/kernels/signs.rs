//! Which classes of bytes stand in a text: tells in one pass what is not worth looking for.

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Level, Width};

/// Values of a byte that are ASCII.
pub(super) const ASCII: usize = 128;

/// Up to eight classes of bytes.
#[derive(Debug)]
pub struct Classes {
    /// By byte: the classes that it belongs to, a bit for each. All bytes behind ASCII belong to the same.
    of_byte: [u8; 256],
}

impl Classes {
    /// The classes with these bytes, the first one having the lowest bit. `foreign` are those that every byte behind ASCII
    /// belongs to; in the lists such bytes do not count.
    pub const fn new(lists: [&[u8]; 8], foreign: u8) -> Self {
        let mut of_byte = [0; 256];
        let mut class = 0;
        while class < lists.len() {
            let mut at = 0;
            while at < lists[class].len() {
                of_byte[lists[class][at] as usize] |= 1 << class;
                at += 1;
            }
            class += 1;
        }
        let mut byte = ASCII;
        while byte < of_byte.len() {
            of_byte[byte] = foreign;
            byte += 1;
        }
        Self { of_byte }
    }

    /// The classes of which some byte stands in `text`, a bit for each.
    pub fn seen(&self, level: Level, text: &[u8]) -> u8 {
        match level.0 {
            Width::Scalar => self.seen_one_by_one(text),
            // What is shorter than a block is sooner looked at than loaded.
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 | Width::Avx512 if text.len() < avx2::BLOCK_BYTES => self.seen_one_by_one(text),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2 | Width::Avx512 => {
                // SAFETY: these levels are only there where the CPU has AVX2 (`Level::available`).
                unsafe { avx2::seen(&self.of_byte, text) }
            }
            #[cfg(target_arch = "aarch64")]
            Width::Neon if text.len() < neon::VECTOR_BYTES => self.seen_one_by_one(text),
            #[cfg(target_arch = "aarch64")]
            Width::Neon => {
                // SAFETY: every CPU of this architecture has NEON.
                unsafe { neon::signs::seen(&self.of_byte, text) }
            }
        }
    }

    /// The oracle.
    fn seen_one_by_one(&self, text: &[u8]) -> u8 {
        text.iter().fold(0, |seen, byte| seen | self.of_byte[usize::from(*byte)])
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::ASCII;
    use std::arch::x86_64::*;

    /// Bytes of a register.
    pub(super) const BLOCK_BYTES: usize = 32;
    /// Bytes of a table that a shuffle looks up in.
    const ROW_BYTES: usize = 16;

    /// Looks all bytes of a block up at once, in one table for each upper half of a byte.
    ///
    /// Short texts have no whole block: nothing is seen in them.
    #[target_feature(enable = "avx2")]
    pub(super) fn seen(of_byte: &[u8; 256], text: &[u8]) -> u8 {
        let (ascii, foreign) = of_byte.split_at(ASCII);
        let (rows, _) = ascii.as_chunks::<ROW_BYTES>();
        let mut tables = [_mm256_setzero_si256(); ASCII / ROW_BYTES];
        for (table, row) in tables.iter_mut().zip(rows) {
            // SAFETY: a row has the 16 bytes that are read; the load needs no alignment.
            *table = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(row.as_ptr().cast()) });
        }
        let mut seen = _mm256_setzero_si256();
        let mut any = _mm256_setzero_si256();
        let (blocks, _) = text.as_chunks::<BLOCK_BYTES>();
        // The last bytes may be looked at twice.
        for block in blocks.iter().chain(text.last_chunk()) {
            // SAFETY: a block has the 32 bytes that are read; the load needs no alignment.
            let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
            any = _mm256_or_si256(any, bytes);
            for (upper, table) in tables.iter().enumerate() {
                // Where the upper half is this one, 0x70 to 0x7F is left; elsewhere the highest bit is set, for which a
                // shuffle gives zero.
                let upper = _mm256_set1_epi8((upper << 4) as i8);
                let index = _mm256_adds_epu8(_mm256_xor_si256(bytes, upper), _mm256_set1_epi8(0x70));
                seen = _mm256_or_si256(seen, _mm256_shuffle_epi8(*table, index));
            }
        }
        let has_foreign = _mm256_movemask_epi8(any) != 0;
        let half = _mm_or_si128(_mm256_castsi256_si128(seen), _mm256_extracti128_si256::<1>(seen));
        let quarter = (_mm_cvtsi128_si64(half) | _mm_extract_epi64::<1>(half)) as u64;
        let classes = quarter.to_le_bytes().iter().fold(0, |seen, byte| seen | byte);
        if has_foreign { classes | foreign[0] } else { classes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static CLASSES: Classes = Classes::new([b"a", b"b\0", b"09", b"{}", b"~", b" \x7f", b"", b"\x1f_"], 0b100_0001);

    #[track_caller]
    fn check(text: &[u8], expected: u8) {
        for level in Level::available() {
            assert_eq!(CLASSES.seen(level, text), expected, "{level:?}");
        }
    }

    #[test]
    fn each_class_is_seen_wherever_it_stands() {
        check(b"", 0);
        check(b"xyz", 0);
        check("é".as_bytes(), 0b100_0001);
        for (byte, class) in [(b'a', 0), (b'b', 1), (0, 1), (b'9', 2), (b'}', 3), (b'~', 4), (0x7f, 5), (b'_', 7)] {
            for length in [1, 15, 31, 32, 33, 63, 64, 65, 200] {
                for at in 0..length {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    check(&text, 1 << class);
                }
            }
        }
    }

    #[test]
    fn a_foreign_byte_is_seen_wherever_it_stands() {
        for byte in [0x80, 0xff] {
            for length in [1, 16, 32, 70] {
                for at in 0..length {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    check(&text, 0b100_0001);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_levels_agree(text in prop::collection::vec(any::<u8>(), 0..150), ascii in "[ -~]{0,150}") {
            check(&text, CLASSES.seen(Level::SCALAR, &text));
            check(ascii.as_bytes(), CLASSES.seen(Level::SCALAR, ascii.as_bytes()));
        }
    }
}
