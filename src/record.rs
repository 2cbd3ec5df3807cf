//! A Kafka record as bytes: where it stood and what it held, not what it means.
//!
//! Knows: topic, partition, offset, timestamp, key, payload, headers. Must not know formats, rules or keys.
//! Start at [`Record`].

use std::fmt;

/// One record as it was read. Borrows the reader's buffer; nothing is copied.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Where the record stood.
    pub position: Position<'a>,
    /// Milliseconds since the Unix epoch, as the broker reports them; `None` when the record has none.
    pub timestamp_ms: Option<i64>,
    /// The record key; `None` is Kafka's null key.
    pub key: Option<&'a [u8]>,
    /// The payload; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Headers in their order. Names may repeat.
    pub headers: &'a [Header<'a>],
}

/// Topic, partition and offset of a record: what error messages may name instead of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// Topic name, or a file name when lines are read.
    pub topic: &'a str,
    /// Partition, from 0.
    pub partition: i32,
    /// Offset in the partition, from 0; a line number when lines are read.
    pub offset: i64,
}

/// One record header.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    /// Header name. One that is not UTF-8 is read as U+FFFD, and its record is quarantined.
    pub name: &'a str,
    /// Header value; Kafka allows null.
    pub value: Option<&'a [u8]>,
}

impl Record<'_> {
    /// Bytes of key, payload and header values together: what limits and metrics count.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|h| h.name.len() + h.value.map_or(0, <[u8]>::len)).sum();
        self.key.map_or(0, <[u8]>::len) + self.payload.map_or(0, <[u8]>::len) + headers
    }
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

impl fmt::Debug for Record<'_> {
    /// Lengths only: a record's contents never reach a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, {} bytes)", self.position, self.size())
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}, {} bytes)", self.name, self.value.map_or(0, <[u8]>::len))
    }
}

/// A raw value that has not been transformed yet.
///
/// It cannot be printed or serialised; `Debug` tells only its length. [`Cleartext::expose`] is called only in the
/// rooms that turn it into something clean.
///
/// ```compile_fail
/// let value = logveil::record::Cleartext::new(b"alice");
/// println!("{value}"); // `Cleartext` has no `Display`
/// ```
/// ```compile_fail
/// let value = logveil::record::Cleartext::new(b"alice");
/// serde_json::to_string(&value); // nor `Serialize`
/// ```
/// ```
/// let value = logveil::record::Cleartext::new(b"alice");
/// assert_eq!(format!("{value:?}"), "Cleartext(5 bytes)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cleartext<'a>(&'a [u8]);

impl<'a> Cleartext<'a> {
    /// Wraps raw bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The raw bytes. Called only where they are matched, hashed or replaced.
    pub fn expose(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Cleartext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cleartext({} bytes)", self.0.len())
    }
}
