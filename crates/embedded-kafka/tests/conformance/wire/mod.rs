//! Kafka's protocol as the probes speak it, one request at a time, where a client library would hide what the broker said.
//!
//! It shares no code with the broker: a mistake made twice would not show. What it sends is proven by Apache Kafka,
//! which gets every probe as well.

pub(crate) mod admin;
pub(crate) mod batch;
mod code;
pub(crate) mod groups;
pub(crate) mod records;
pub(crate) mod transactions;

pub(crate) use code::Code;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

const CLIENT_ID: &str = "conformance";

/// A kind of request, what it says and what comes back. Fields that a version does not have are left out of it.
pub(crate) trait Request {
    const KEY: i16;
    /// The first version with compact lengths and tagged fields (KIP-482).
    const FLEXIBLE_FROM: i16;
    /// The version that probes speak unless they say otherwise.
    const VERSION: i16;
    type Answer;

    fn write(&self, writer: &mut Writer, version: i16);
    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer;
}

/// Where a length or count stands in a request, for those who want to lie about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Two bytes.
    Short(usize),
    /// Four bytes.
    Long(usize),
    /// A variable number of bytes.
    Compact(usize),
}

/// The bytes of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lengths: Vec<Length>,
    flexible: bool,
}

impl Writer {
    pub(crate) fn bool(&mut self, value: bool) {
        self.i8(i8::from(value));
    }

    pub(crate) fn i8(&mut self, value: i8) {
        self.bytes.extend(value.to_be_bytes());
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

    pub(crate) fn text(&mut self, text: &str) {
        self.text_or_null(Some(text));
    }

    pub(crate) fn text_or_null(&mut self, text: Option<&str>) {
        if self.flexible {
            self.compact_length(text.map(str::len));
        } else {
            self.lengths.push(Length::Short(self.bytes.len()));
            self.i16(text.map_or(-1, |text| text.len() as i16));
        }
        self.bytes.extend(text.unwrap_or_default().as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length(Some(bytes.len()));
        self.bytes.extend(bytes);
    }

    pub(crate) fn array<T>(&mut self, items: &[T], item: impl FnMut(&mut Self, &T)) {
        self.array_or_null(Some(items), item);
    }

    pub(crate) fn array_or_null<T>(&mut self, items: Option<&[T]>, mut item: impl FnMut(&mut Self, &T)) {
        self.length(items.map(<[T]>::len));
        for each in items.unwrap_or_default() {
            item(self, each);
        }
    }

    /// The tagged fields that end every structure of a flexible version: none.
    pub(crate) fn tags(&mut self) {
        if self.flexible {
            self.lengths.push(Length::Compact(self.bytes.len()));
            self.bytes.push(0);
        }
    }

    fn length(&mut self, length: Option<usize>) {
        if self.flexible {
            self.compact_length(length);
        } else {
            self.lengths.push(Length::Long(self.bytes.len()));
            self.i32(length.map_or(-1, |length| length as i32));
        }
    }

    /// One more than the length, so that zero can say null.
    fn compact_length(&mut self, length: Option<usize>) {
        self.lengths.push(Length::Compact(self.bytes.len()));
        varint(&mut self.bytes, length.map_or(0, |length| length as u64 + 1));
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
pub(crate) fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The bytes of an answer. Whatever does not fit fails the probe.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    flexible: bool,
}

impl Reader<'_> {
    pub(crate) fn bool(&mut self) -> bool {
        match self.i8() {
            0 => false,
            1 => true,
            other => panic!("{other} for a boolean"),
        }
    }

    pub(crate) fn i8(&mut self) -> i8 {
        i8::from_be_bytes(self.take())
    }

    pub(crate) fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take())
    }

    pub(crate) fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.take())
    }

    pub(crate) fn code(&mut self) -> Code {
        Code(self.i16())
    }

    pub(crate) fn text(&mut self) -> String {
        self.text_or_null().expect("a text that is not null")
    }

    pub(crate) fn text_or_null(&mut self) -> Option<String> {
        let length = if self.flexible { self.compact_length() } else { usize::try_from(self.i16()).ok() };
        length.map(|length| String::from_utf8(self.split(length)).unwrap())
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        self.bytes_or_null().expect("bytes that are not null")
    }

    pub(crate) fn bytes_or_null(&mut self) -> Option<Vec<u8>> {
        self.length().map(|length| self.split(length))
    }

    pub(crate) fn array<T>(&mut self, item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        self.array_or_null(item).expect("an array that is not null")
    }

    pub(crate) fn array_or_null<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Option<Vec<T>> {
        self.length().map(|length| (0..length).map(|_| item(self)).collect())
    }

    /// Skips tagged fields.
    pub(crate) fn tags(&mut self) {
        if !self.flexible {
            return;
        }
        for _ in 0..self.varint() {
            self.varint();
            let length = self.varint();
            self.split(length as usize);
        }
    }

    fn length(&mut self) -> Option<usize> {
        if self.flexible { self.compact_length() } else { usize::try_from(self.i32()).ok() }
    }

    fn compact_length(&mut self) -> Option<usize> {
        (self.varint() as usize).checked_sub(1)
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        panic!("a length of more than five bytes");
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.split(N).try_into().unwrap()
    }

    fn split(&mut self, length: usize) -> Vec<u8> {
        assert!(length <= self.rest.len(), "an answer that ends {} bytes early", length - self.rest.len());
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        bytes.to_vec()
    }
}

/// A request as bytes: its length, header and body.
pub(crate) fn frame<R: Request>(request: &R, version: i16, correlation: i32) -> Writer {
    let mut writer = Writer::default();
    writer.i32(0);
    writer.i16(R::KEY);
    writer.i16(version);
    writer.i32(correlation);
    // The client id stays an old text in every version.
    writer.text(CLIENT_ID);
    writer.flexible = version >= R::FLEXIBLE_FROM;
    writer.tags();
    request.write(&mut writer, version);
    let length = (writer.bytes.len() - 4) as i32;
    writer.bytes[..4].copy_from_slice(&length.to_be_bytes());
    writer
}

/// A connection to a broker.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    correlation: i32,
}

impl Connection {
    pub(crate) fn open(servers: &str) -> Self {
        let stream = TcpStream::connect(servers).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        Self { stream, correlation: 0 }
    }

    pub(crate) fn ask<R: Request>(&mut self, request: &R) -> R::Answer {
        self.ask_version(R::VERSION, request)
    }

    pub(crate) fn ask_version<R: Request>(&mut self, version: i16, request: &R) -> R::Answer {
        self.send(version, request);
        self.receive::<R>(version)
    }

    /// Sends a request whose answer is fetched later with `receive`.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) {
        self.correlation += 1;
        let frame = frame(request, version, self.correlation);
        self.stream.write_all(&frame.bytes).unwrap();
    }

    /// The answer to the last request.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> R::Answer {
        self.receive_of::<R>(version, self.correlation)
    }

    /// The next answer, which must be to the request `back` requests before the last.
    pub(crate) fn receive_earlier<R: Request>(&mut self, version: i16, back: i32) -> R::Answer {
        self.receive_of::<R>(version, self.correlation - back)
    }

    fn receive_of<R: Request>(&mut self, version: i16, correlation: i32) -> R::Answer {
        let bytes = self.receive_bytes().expect("an answer, not a closed connection");
        let flexible = version >= R::FLEXIBLE_FROM;
        let mut reader = Reader { rest: &bytes, flexible };
        assert_eq!(reader.i32(), correlation, "the answer is to another request");
        // Who asks for versions does not know yet what the broker can read, so that header never changed (KIP-511).
        if R::KEY != admin::ApiVersions::KEY {
            reader.tags();
        }
        let answer = R::read(&mut reader, version);
        assert!(reader.rest.is_empty(), "{} bytes too many in the answer to {} v{version}", reader.rest.len(), R::KEY);
        answer
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer without its length; nothing if the broker closed the connection.
    pub(crate) fn receive_bytes(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if is_closed(error.kind()) => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let mut bytes = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut bytes).unwrap();
        Some(bytes)
    }

    /// Whether an answer has arrived or arrives within this time.
    pub(crate) fn has_answer(&self, within: Duration) -> bool {
        self.stream.set_read_timeout(Some(within)).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        match peeked {
            Ok(count) => count > 0,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            Err(error) => panic!("the connection broke: {error}"),
        }
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
