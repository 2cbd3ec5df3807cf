//! Writing answers. Stored batches are not copied: they are written from where they lie.

use super::ErrorCode;
use std::io::{self, Write};
use std::sync::Arc;

/// An answer in the making.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Batches, and how many of `bytes` stand before each.
    batches: Vec<(usize, Arc<[u8]>)>,
    flexible: bool,
}

impl Writer {
    /// `flexible`: whether lengths are compact and structures end with tagged fields (KIP-482).
    pub(crate) fn new(flexible: bool) -> Self {
        Self { bytes: Vec::new(), batches: Vec::new(), flexible }
    }

    pub(crate) fn i8(&mut self, value: i8) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.i8(value.into());
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.bytes.extend(value.to_be_bytes());
    }

    /// The code, or 0 for none.
    pub(crate) fn error(&mut self, error: Option<ErrorCode>) {
        self.i16(error.map_or(0, ErrorCode::code));
    }

    /// The code of a result, or 0.
    pub(crate) fn outcome<T>(&mut self, result: &Result<T, ErrorCode>) {
        self.error(result.as_ref().err().copied());
    }

    /// No client is ever slowed down.
    pub(crate) fn throttle(&mut self) {
        self.i32(0);
    }

    fn unsigned_varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A length of which `long` writes the old form.
    fn length(&mut self, length: usize, long: impl FnOnce(&mut Self, usize)) {
        if self.flexible { self.unsigned_varint(length as u32 + 1) } else { long(self, length) }
    }

    /// Texts of 32 KiB and more do not occur: the reader takes none, and what the broker makes of them it keeps short.
    pub(crate) fn string(&mut self, text: &str) {
        self.length(text.len(), |writer, length| writer.i16(length as i16));
        self.bytes.extend(text.as_bytes());
    }

    pub(crate) fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None if self.flexible => self.unsigned_varint(0),
            None => self.i16(-1),
        }
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.length(bytes.len(), |writer, length| writer.i32(length as i32));
        self.bytes.extend(bytes);
    }

    /// One field of bytes, made of these batches.
    pub(crate) fn batches(&mut self, batches: Vec<Arc<[u8]>>) {
        let length = batches.iter().map(|batch| batch.len()).sum();
        self.length(length, |writer, length| writer.i32(length as i32));
        self.batches.extend(batches.into_iter().map(|batch| (self.bytes.len(), batch)));
    }

    /// An array of values that are no structures.
    pub(crate) fn array<T>(
        &mut self,
        elements: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let elements = elements.into_iter();
        self.length(elements.len(), |writer, length| writer.i32(length as i32));
        for element in elements {
            write(self, element);
        }
    }

    /// An array of structures, each with its (no) tagged fields behind it.
    pub(crate) fn structs<T>(
        &mut self,
        elements: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.array(elements, |writer, element| {
            write(writer, element);
            writer.tags();
        });
    }

    /// No tagged fields.
    pub(crate) fn tags(&mut self) {
        if self.flexible {
            self.bytes.push(0);
        }
    }

    fn len(&self) -> usize {
        self.bytes.len() + self.batches.iter().map(|(_, batch)| batch.len()).sum::<usize>()
    }

    /// Writes the frame: its length, the header, the answer; no more than `bytes_max` of it.
    pub(crate) fn send(&self, to: &mut impl Write, correlation_id: i32, bytes_max: usize) -> io::Result<()> {
        let header_tags: &[u8] = if self.flexible { &[0] } else { &[] };
        let frame = (size_of::<i32>() + header_tags.len() + self.len()) as i32;
        let mut to = Cut { to, left: bytes_max };
        to.write_all(&[&frame.to_be_bytes(), &correlation_id.to_be_bytes(), header_tags].concat())?;
        let mut written = 0;
        for (before, batch) in &self.batches {
            to.write_all(self.bytes.get(written..*before).unwrap_or_default())?;
            to.write_all(batch)?;
            written = *before;
        }
        to.write_all(self.bytes.get(written..).unwrap_or_default())?;
        to.flush()
    }

    /// As the header of every version of ApiVersions: a client cannot know what the broker understands.
    pub(crate) fn without_header_tags(self) -> Self {
        Self { flexible: false, ..self }
    }
}

/// Fails when more is written than it may.
struct Cut<'a, W> {
    to: &'a mut W,
    left: usize,
}

impl<W: Write> Write for Cut<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(part) = bytes.get(..self.left.min(bytes.len())).filter(|part| !part.is_empty()) else {
            self.to.flush()?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        let count = self.to.write(part)?;
        self.left -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reader;

    fn sent(writer: &Writer, bytes_max: usize) -> (Vec<u8>, bool) {
        let mut sent = Vec::new();
        let whole = writer.send(&mut sent, 7, bytes_max).is_ok();
        (sent, whole)
    }

    #[test]
    fn batches_stand_where_they_were_written() {
        let mut writer = Writer::new(false);
        writer.i8(1);
        writer.batches(vec![Arc::from([2u8, 3].as_slice()), Arc::from([4u8].as_slice())]);
        writer.i8(5);
        let (bytes, whole) = sent(&writer, usize::MAX);
        assert!(whole);
        assert_eq!(bytes, [0, 0, 0, 13, 0, 0, 0, 7, 1, 0, 0, 0, 3, 2, 3, 4, 5]);
    }

    #[test]
    fn an_answer_can_be_cut() {
        let mut writer = Writer::new(false);
        writer.i64(1);
        assert_eq!(sent(&writer, 5), (vec![0, 0, 0, 12, 0], false));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for flexible in [false, true] {
            let mut writer = Writer::new(flexible);
            writer.nullable_string(None);
            writer.string("topic");
            writer.structs([1, 300], Writer::i32);
            writer.blob(b"bytes");
            let mut reader = Reader::new(&writer.bytes, flexible);
            assert_eq!(reader.nullable_string(), Ok(None));
            assert_eq!(reader.string().as_deref(), Ok("topic"));
            assert_eq!(reader.structs(Reader::i32), Ok(vec![1, 300]));
            assert_eq!(reader.bytes(), Ok(b"bytes".as_slice()));
        }
    }
}
