//! Record batches, byte by byte: right ones, and ones that are wrong in one place.

use super::varint;

/// A record as a probe gives it or finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Record {
    pub(crate) fn at(timestamp_ms: i64, value: &str) -> Self {
        Self { timestamp_ms, key: None, value: Some(value.into()) }
    }
}

/// A batch of the second format (<https://kafka.apache.org/documentation/#recordbatch>). Fields that say nothing of their own
/// are worked out of `records`; `edit` can then overrule them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) attributes: i16,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) records: Vec<Record>,
}

pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
pub(crate) const CONTROL: i16 = 1 << 5;

/// Where the fields of a batch stand.
pub(crate) mod field {
    pub(crate) const BASE_OFFSET: usize = 0;
    pub(crate) const LENGTH: usize = 8;
    pub(crate) const MAGIC: usize = 16;
    pub(crate) const CRC: usize = 17;
    /// The checksum covers everything from here.
    pub(crate) const ATTRIBUTES: usize = 21;
    pub(crate) const LAST_OFFSET_DELTA: usize = 23;
    pub(crate) const BASE_TIMESTAMP: usize = 27;
    pub(crate) const MAX_TIMESTAMP: usize = 35;
    pub(crate) const PRODUCER_ID: usize = 43;
    pub(crate) const PRODUCER_EPOCH: usize = 51;
    pub(crate) const SEQUENCE: usize = 53;
    pub(crate) const COUNT: usize = 57;
    pub(crate) const RECORDS: usize = 61;
}

impl Batch {
    /// A batch of no producer in particular.
    pub(crate) fn of(records: &[Record]) -> Self {
        Self { attributes: 0, producer_id: -1, producer_epoch: -1, sequence: -1, records: records.to_vec() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let first_ms = self.records.first().map_or(-1, |record| record.timestamp_ms);
        let max_ms = self.records.iter().map(|record| record.timestamp_ms).max().unwrap_or(-1);
        let count = self.records.len() as i32;
        let mut bytes = Vec::new();
        bytes.extend(0_i64.to_be_bytes()); // base offset: the broker gives it
        bytes.extend(0_i32.to_be_bytes()); // length: see `seal`
        bytes.extend((-1_i32).to_be_bytes()); // leader epoch
        bytes.push(2); // magic
        bytes.extend(0_u32.to_be_bytes()); // checksum: see `seal`
        bytes.extend(self.attributes.to_be_bytes());
        bytes.extend((count - 1).to_be_bytes());
        bytes.extend(first_ms.to_be_bytes());
        bytes.extend(max_ms.to_be_bytes());
        bytes.extend(self.producer_id.to_be_bytes());
        bytes.extend(self.producer_epoch.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        for (delta, record) in self.records.iter().enumerate() {
            write_record(&mut bytes, record, first_ms, delta as i64);
        }
        seal(&mut bytes);
        bytes
    }

    /// The batch with other bytes at `at`, and a checksum that agrees with them.
    pub(crate) fn edited(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut batch = self.bytes();
        batch[at..at + bytes.len()].copy_from_slice(bytes);
        reseal(&mut batch);
        batch
    }
}

/// Sets length and checksum.
fn seal(batch: &mut [u8]) {
    let length = (batch.len() - field::LENGTH - 4) as i32;
    batch[field::LENGTH..field::LENGTH + 4].copy_from_slice(&length.to_be_bytes());
    reseal(batch);
}

/// Sets the checksum alone.
pub(crate) fn reseal(batch: &mut [u8]) {
    let checksum = crc32c::crc32c(&batch[field::ATTRIBUTES..]);
    batch[field::CRC..field::CRC + 4].copy_from_slice(&checksum.to_be_bytes());
}

fn write_record(bytes: &mut Vec<u8>, record: &Record, first_ms: i64, delta: i64) {
    let mut body = vec![0]; // attributes
    signed_varint(&mut body, record.timestamp_ms - first_ms);
    signed_varint(&mut body, delta);
    for part in [&record.key, &record.value] {
        signed_varint(&mut body, part.as_ref().map_or(-1, |part| part.len() as i64));
        body.extend(part.iter().flatten());
    }
    signed_varint(&mut body, 0); // headers
    signed_varint(bytes, body.len() as i64);
    bytes.extend(body);
}

/// Zigzag: small numbers of either sign are short.
fn signed_varint(bytes: &mut Vec<u8>, value: i64) {
    varint(bytes, ((value << 1) ^ (value >> 63)) as u64);
}

/// What a fetched batch says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) attributes: i16,
    pub(crate) base_timestamp_ms: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) count: i32,
    /// Behind the header.
    pub(crate) records: Vec<u8>,
}

impl Header {
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }
}

/// The whole batches of a fetched piece of log, with their checksums checked; a broker may cut the last one.
pub(crate) fn read(mut log: &[u8]) -> Vec<Header> {
    let mut headers = Vec::new();
    while log.len() >= field::RECORDS {
        let length = 12 + i32::from_be_bytes(part(log, field::LENGTH)) as usize;
        let Some(batch) = log.get(..length) else { break };
        assert_eq!(batch[field::MAGIC], 2, "the format of the batch");
        let checksum = u32::from_be_bytes(part(batch, field::CRC));
        assert_eq!(checksum, crc32c::crc32c(&batch[field::ATTRIBUTES..]), "the checksum of the batch");
        let base_offset = i64::from_be_bytes(part(batch, field::BASE_OFFSET));
        headers.push(Header {
            base_offset,
            last_offset: base_offset + i64::from(i32::from_be_bytes(part(batch, field::LAST_OFFSET_DELTA))),
            attributes: i16::from_be_bytes(part(batch, field::ATTRIBUTES)),
            base_timestamp_ms: i64::from_be_bytes(part(batch, field::BASE_TIMESTAMP)),
            max_timestamp_ms: i64::from_be_bytes(part(batch, field::MAX_TIMESTAMP)),
            producer_id: i64::from_be_bytes(part(batch, field::PRODUCER_ID)),
            producer_epoch: i16::from_be_bytes(part(batch, field::PRODUCER_EPOCH)),
            sequence: i32::from_be_bytes(part(batch, field::SEQUENCE)),
            count: i32::from_be_bytes(part(batch, field::COUNT)),
            records: batch[field::RECORDS..].to_vec(),
        });
        log = &log[length..];
    }
    headers
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}
