//! Cuts a stream of bytes at line ends.

use super::{HELD_BYTES_MAX, LINE_BYTES_MAX, READ_BYTES};
use std::io::{self, ErrorKind, Read};

/// Reads whole lines, many at once. Holds at most [`LINE_BYTES_MAX`] and one read more, whatever the input.
pub struct LineReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were read and not handed out: the start of a line.
    filled: usize,
    /// That line is over the limit: its bytes are dropped as they come.
    too_long: bool,
    /// The input has no more bytes.
    ended: bool,
}

/// Whole lines that follow each other, in a buffer of their own that is used again. Has no `Debug`: they are raw.
#[derive(Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that are lines.
    filled: usize,
    /// The first line was over the limit; what is left of it says nothing.
    first_too_long: bool,
}

/// One line. Has no `Debug`: its content is raw.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// What stands before the end.
    pub content: Content<'a>,
    /// How it ends.
    pub ending: Ending,
}

/// The content of a line, without its end.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// Any bytes.
    Raw(&'a [u8]),
    /// Nothing that could identify anyone.
    Blank(Blank<'a>),
    /// More than [`LINE_BYTES_MAX`] bytes; none of them was kept.
    TooLong,
}

/// A line of nothing but ASCII spaces and tabs, or empty. Only [`Lines`] makes one, so it is safe to write.
#[derive(Clone, Copy)]
pub struct Blank<'a>(&'a [u8]);

/// The end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// The input ended without one.
    Missing,
}

impl<R: Read> LineReader<R> {
    /// A reader at the start of `input`.
    pub fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), filled: 0, too_long: false, ended: false }
    }

    /// Puts the next whole lines into `lines`, in place of what is there; false at the end of the input.
    ///
    /// Hands out lines as soon as a read has brought the end of one, so that a slow input is followed line by line: at
    /// most [`READ_BYTES`], and the start of the first line from before. Only the start of the line behind them is copied.
    ///
    /// # Errors
    /// Those of the input. Nothing that was read before is lost to a later call.
    pub fn read(&mut self, lines: &mut Lines) -> io::Result<bool> {
        let mut end = 0;
        while end == 0 && !self.ended {
            end = self.fill()?;
        }
        if end == 0 {
            // What stands behind the last line end of the input is a line, too.
            end = self.filled;
        }
        lines.trim();
        std::mem::swap(&mut self.buffer, &mut lines.buffer);
        lines.filled = end;
        lines.first_too_long = std::mem::take(&mut self.too_long);
        let rest = &lines.buffer[end..self.filled];
        if self.buffer.len() < rest.len() {
            self.buffer.resize(rest.len(), 0);
        }
        self.buffer[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
        Ok(end > 0)
    }

    /// Reads once. Where the last line that ends in what was read does so; 0 when none does.
    fn fill(&mut self) -> io::Result<usize> {
        // One byte more may be the `\r` of the line end.
        self.too_long |= self.filled > LINE_BYTES_MAX + 1;
        if self.too_long {
            // The last byte stays for the same reason.
            self.buffer.copy_within(self.filled - 1..self.filled, 0);
            self.filled = 1;
        }
        let start = self.filled;
        if self.buffer.len() - start < READ_BYTES / 2 {
            let grown = (self.buffer.len() * 2).clamp(READ_BYTES, LINE_BYTES_MAX + READ_BYTES);
            self.buffer.reserve_exact(grown - self.buffer.len());
            self.buffer.resize(grown, 0);
        }
        let room = self.buffer.len().min(start + READ_BYTES);
        let read = loop {
            match self.input.read(&mut self.buffer[start..room]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.filled += read;
        self.ended = read == 0;
        Ok(memchr::memrchr(b'\n', &self.buffer[start..self.filled]).map_or(0, |last| start + last + 1))
    }
}

impl Lines {
    /// The lines, in order; found anew by each call.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = &self.buffer[..self.filled];
        let mut too_long = self.first_too_long;
        std::iter::from_fn(move || {
            let (line, behind) = match memchr::memchr(b'\n', rest) {
                Some(end) => rest.split_at(end + 1),
                None if rest.is_empty() => return None,
                None => (rest, &[][..]),
            };
            rest = behind;
            Some(Line::new(line, std::mem::take(&mut too_long)))
        })
    }

    /// Bytes of all lines with their ends.
    pub fn size(&self) -> usize {
        self.filled
    }

    /// Gives a buffer back that a long line made large.
    pub fn trim(&mut self) {
        if self.buffer.len() > HELD_BYTES_MAX {
            *self = Self::default();
        }
    }
}

impl<'a> Line<'a> {
    fn new(line: &'a [u8], too_long: bool) -> Self {
        let (content, ending) = match line.strip_suffix(b"\n") {
            Some(content) => match content.strip_suffix(b"\r") {
                Some(content) => (content, Ending::CrLf),
                None => (content, Ending::Lf),
            },
            None => (line, Ending::Missing),
        };
        let content = match content {
            long if too_long || long.len() > LINE_BYTES_MAX => Content::TooLong,
            blank if blank.iter().all(|byte| matches!(byte, b' ' | b'\t')) => Content::Blank(Blank(blank)),
            raw => Content::Raw(raw),
        };
        Self { content, ending }
    }
}

impl<'a> Blank<'a> {
    /// The spaces and tabs.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl Ending {
    /// The bytes of the end.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Missing => b"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out `bytes` in pieces of the given lengths, over and over.
    struct Pieces<'a> {
        bytes: &'a [u8],
        lengths: std::iter::Cycle<std::vec::IntoIter<usize>>,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.lengths.next().unwrap_or(1).min(buffer.len()).min(self.bytes.len());
            buffer[..length].copy_from_slice(&self.bytes[..length]);
            self.bytes = &self.bytes[length..];
            Ok(length)
        }
    }

    fn pieces(bytes: &[u8], lengths: Vec<usize>) -> Pieces<'_> {
        Pieces { bytes, lengths: lengths.into_iter().cycle() }
    }

    /// Every line with its end, `None` for one that is too long; and the most bytes the reader held.
    fn read_all(input: impl Read) -> (Vec<Option<Vec<u8>>>, usize) {
        let (mut reader, mut read) = (LineReader::new(input), Lines::default());
        let (mut lines, mut held) = (Vec::new(), 0);
        while reader.read(&mut read).unwrap() {
            held = held.max(reader.buffer.capacity() + read.buffer.capacity());
            lines.extend(read.iter().map(|line| match line.content {
                Content::Raw(raw) => Some([raw, line.ending.as_bytes()].concat()),
                Content::Blank(blank) => Some([blank.as_bytes(), line.ending.as_bytes()].concat()),
                Content::TooLong => None,
            }));
        }
        assert!(!reader.read(&mut read).unwrap() && read.iter().next().is_none(), "the end stays the end");
        (lines, held)
    }

    #[test]
    fn no_bytes_are_no_lines() {
        assert!(read_all(&b""[..]).0.is_empty());
    }

    #[test]
    fn line_ends_are_told_apart() {
        let (lines, _) = read_all(&b"a\n\r\nb\rc\r\n \t\nd\r"[..]);
        let expected: [&[u8]; 5] = [b"a\n", b"\r\n", b"b\rc\r\n", b" \t\n", b"d\r"];
        assert_eq!(lines, expected.map(|line| Some(line.to_vec())));
    }

    #[test]
    fn lines_are_handed_out_before_the_next_read() {
        let (mut reader, mut lines) = (LineReader::new(pieces(b"one\ntwo\nthree", vec![10])), Lines::default());
        for expected in [2, 1] {
            assert!(reader.read(&mut lines).unwrap());
            assert_eq!(lines.iter().count(), expected);
        }
        assert!(!reader.read(&mut lines).unwrap());
    }

    #[test]
    fn a_read_asks_for_no_more_after_a_long_line() {
        let long = [vec![b'x'; 8 * READ_BYTES], b"\n".to_vec(), b"short\n".repeat(READ_BYTES)].concat();
        let (mut reader, mut lines) = (LineReader::new(&long[..]), Lines::default());
        assert!(reader.read(&mut lines).unwrap() && lines.size() > 8 * READ_BYTES);
        assert!(reader.read(&mut lines).unwrap() && lines.size() <= READ_BYTES);
        assert!(reader.read(&mut lines).unwrap() && lines.size() <= READ_BYTES);
        assert!(reader.buffer.len() + lines.buffer.len() <= 2 * HELD_BYTES_MAX);
    }

    #[test]
    fn the_limit_itself_is_not_too_long() {
        for (extra, kept) in [(0, true), (1, false)] {
            for end in [&b""[..], b"\n", b"\r\n"] {
                let mut input = vec![b'x'; LINE_BYTES_MAX + extra];
                input.extend_from_slice(end);
                input.extend_from_slice(if end.is_empty() { b"" } else { b"next\n" });
                let (lines, _) = read_all(&input[..]);
                assert_eq!(lines[0].is_some(), kept, "{extra} bytes over, end of {} bytes", end.len());
                assert_eq!(lines.len(), if end.is_empty() { 1 } else { 2 });
            }
        }
    }

    #[test]
    fn an_endless_line_is_read_in_bounded_memory() {
        let line = io::repeat(b'x').take(4 * LINE_BYTES_MAX as u64);
        let (lines, held) = read_all(line.chain(&b"\r\nnext"[..]));
        assert_eq!(lines, [None, Some(b"next".to_vec())]);
        assert!(held <= 2 * (LINE_BYTES_MAX + READ_BYTES), "held {held} bytes");
    }

    #[test]
    fn an_error_loses_nothing() {
        struct Fails<'a>(Vec<io::Result<&'a [u8]>>);
        impl Read for Fails<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let Some(next) = self.0.pop() else { return Ok(0) };
                let bytes = next?;
                buffer[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
        }
        let mut reader = LineReader::new(Fails(vec![Ok(b"b\n"), Err(ErrorKind::TimedOut.into()), Ok(b"a")]));
        let mut lines = Lines::default();
        assert!(reader.read(&mut lines).is_err());
        assert!(reader.read(&mut lines).unwrap());
        assert!(matches!(lines.iter().next().unwrap().content, Content::Raw(b"ab")));
    }

    #[test]
    fn the_limit_is_the_same_wherever_a_read_ends() {
        let mut input = vec![b'x'; LINE_BYTES_MAX];
        input.extend_from_slice(b"\r\nnext\n");
        for last in 0..3 {
            let first = pieces(&input[..LINE_BYTES_MAX + last], vec![READ_BYTES]);
            let (lines, _) = read_all(first.chain(&input[LINE_BYTES_MAX + last..]));
            assert!(lines.len() == 2 && lines[0].is_some(), "cut after {last} bytes more than the limit");
        }
    }

    proptest! {
        #[test]
        fn lines_join_to_the_input(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..3000),
            lengths in proptest::collection::vec(1_usize..900, 1..5),
        ) {
            let (lines, _) = read_all(pieces(&bytes, lengths));
            let lines: Vec<Vec<u8>> = lines.into_iter().map(Option::unwrap).collect();
            prop_assert_eq!(lines.concat(), bytes.clone());
            for (line, expected) in lines.iter().zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
                prop_assert_eq!(line, expected);
            }
        }
    }
}
