//! Splits a stream of bytes into batches of lines.

use super::{BATCH_BYTES_MAX, BATCH_LINES_MAX, CHUNK_BYTES, LINE_BYTES_MAX};
use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// Reads lines in batches. Holds at most [`LINE_BYTES_MAX`] and one read more, whatever the input.
pub struct LineReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were read and not handed out.
    pending: Range<usize>,
    /// No line ends before this place in `pending`.
    searched: usize,
    /// The pending line is over the limit: its bytes are dropped as they come.
    too_long: bool,
    /// The input has no more bytes.
    ended: bool,
    spans: Vec<Span>,
}

/// Some lines that follow each other. Borrows the reader's buffer.
pub struct Batch<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
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

/// A line of nothing but ASCII spaces and tabs, or empty. Only [`LineReader`] makes one, so it is safe to write.
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

struct Span {
    content: Range<usize>,
    ending: Ending,
    too_long: bool,
}

impl<R: Read> LineReader<R> {
    /// A reader at the start of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK_BYTES],
            pending: 0..0,
            searched: 0,
            too_long: false,
            ended: false,
            spans: Vec::with_capacity(BATCH_LINES_MAX),
        }
    }

    /// The next lines; `None` at the end of the input.
    ///
    /// Hands out whole lines as soon as there are any, so that a slow input is followed line by line. At most
    /// [`BATCH_LINES_MAX`] lines, and no further line once there are [`BATCH_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// Those of the input. Nothing that was read before is lost to a later call.
    pub fn batch(&mut self) -> io::Result<Option<Batch<'_>>> {
        self.spans.clear();
        self.split();
        while self.spans.is_empty() && !self.ended {
            self.fill()?;
            self.split();
        }
        if self.spans.is_empty() {
            self.split_last();
        }
        let batch = Batch { buffer: &self.buffer, spans: &self.spans };
        Ok((!batch.spans.is_empty()).then_some(batch))
    }

    /// Moves the whole lines at the front of `pending` to `spans`, up to the limits of a batch.
    fn split(&mut self) {
        let first = self.pending.start;
        while self.spans.len() < BATCH_LINES_MAX && self.pending.start - first < BATCH_BYTES_MAX {
            let Some(distance) = memchr::memchr(b'\n', &self.buffer[self.searched..self.pending.end]) else {
                self.searched = self.pending.end;
                break;
            };
            let end = self.searched + distance;
            let content = self.pending.start..end;
            match self.buffer[content.clone()].strip_suffix(b"\r") {
                Some(shorter) => self.push(content.start..content.start + shorter.len(), Ending::CrLf),
                None => self.push(content, Ending::Lf),
            }
            self.pending.start = end + 1;
            self.searched = end + 1;
        }
    }

    /// Moves what stands after the last line end of the input, if anything does.
    fn split_last(&mut self) {
        if self.too_long || !self.pending.is_empty() {
            self.push(self.pending.clone(), Ending::Missing);
            self.pending.start = self.pending.end;
        }
    }

    fn push(&mut self, content: Range<usize>, ending: Ending) {
        let too_long = self.too_long || content.len() > LINE_BYTES_MAX;
        self.spans.push(Span { content, ending, too_long });
        self.too_long = false;
    }

    /// Reads once, behind `pending`, which holds no line end.
    fn fill(&mut self) -> io::Result<()> {
        if self.pending.len() > LINE_BYTES_MAX {
            self.too_long = true;
        }
        if self.too_long {
            // The last byte stays: a `\r` there belongs to the end of the line.
            self.pending.start = self.pending.start.max(self.pending.end.saturating_sub(1));
        }
        self.buffer.copy_within(self.pending.clone(), 0);
        self.pending = 0..self.pending.len();
        self.searched = self.pending.end;
        if self.buffer.len() - self.pending.end < CHUNK_BYTES / 2 {
            let grown = (self.buffer.len() * 2).min(LINE_BYTES_MAX + CHUNK_BYTES);
            self.buffer.reserve_exact(grown - self.buffer.len());
            self.buffer.resize(grown, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.pending.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.pending.end += read;
        self.ended = read == 0;
        Ok(())
    }
}

impl<'a> Batch<'a> {
    /// The lines, in order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| {
            let content = &buffer[span.content.clone()];
            let content = match content {
                _ if span.too_long => Content::TooLong,
                blank if blank.iter().all(|byte| matches!(byte, b' ' | b'\t')) => Content::Blank(Blank(blank)),
                raw => Content::Raw(raw),
            };
            Line { content, ending: span.ending }
        })
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
        let mut reader = LineReader::new(input);
        let mut lines = Vec::new();
        while let Some(batch) = reader.batch().unwrap() {
            for line in batch.lines() {
                lines.push(match line.content {
                    Content::Raw(raw) => Some([raw, line.ending.as_bytes()].concat()),
                    Content::Blank(blank) => Some([blank.as_bytes(), line.ending.as_bytes()].concat()),
                    Content::TooLong => None,
                });
            }
        }
        (lines, reader.buffer.capacity())
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
    fn a_line_is_handed_out_before_the_next_read() {
        let mut reader = LineReader::new(pieces(b"one\ntwo\n", vec![4]));
        assert_eq!(reader.batch().unwrap().unwrap().lines().count(), 1);
        assert_eq!(reader.batch().unwrap().unwrap().lines().count(), 1);
        assert!(reader.batch().unwrap().is_none());
    }

    #[test]
    fn a_batch_has_at_most_its_lines() {
        let input = b"\n".repeat(BATCH_LINES_MAX + 1);
        let mut reader = LineReader::new(&input[..]);
        assert_eq!(reader.batch().unwrap().unwrap().lines().count(), BATCH_LINES_MAX);
        assert_eq!(reader.batch().unwrap().unwrap().lines().count(), 1);
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
        assert!(held <= LINE_BYTES_MAX + CHUNK_BYTES, "held {held} bytes");
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
        assert!(reader.batch().is_err());
        let batch = reader.batch().unwrap().unwrap();
        assert!(matches!(batch.lines().next().unwrap().content, Content::Raw(b"ab")));
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
