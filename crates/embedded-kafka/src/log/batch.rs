//! A record batch, kept as the bytes that came
//! (<https://kafka.apache.org/documentation/#recordbatch>). Only where it stands in the log is written into it.

use super::records::{Record, records};
use crate::wire::ErrorCode;
use std::sync::Arc;

/// Bytes before the first record.
const HEADER_BYTES: usize = 61;
/// Bytes of base offset and length, which the length does not count.
const PREFIX_BYTES: usize = 12;
/// Where the bytes begin that the checksum covers.
const CHECKED_FROM: usize = 21;
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;
/// Least length of a batch of any format; what announces less is none.
const LENGTH_MIN: usize = 14;

const COMPRESSION: i16 = 0x07;
/// The youngest codec, and the first version of Produce that knows it (KIP-110).
const ZSTD: i16 = 4;
const PRODUCE_WITH_ZSTD: i16 = 7;
const APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// No producer id, epoch or sequence.
const NONE: i64 = -1;

/// A batch whose form was checked.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) base_offset: i64,
    last_offset_delta: i32,
    attributes: i16,
    base_timestamp_ms: i64,
    pub(crate) max_timestamp_ms: i64,
    /// The idempotent or transactional producer, if one.
    pub(crate) producer: Option<Sequence>,
    bytes: Arc<[u8]>,
}

/// Where a batch stands among those of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequence {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
    pub(crate) last: i32,
}

/// A batch and what stands behind it.
type Split<'a> = (&'a [u8], &'a [u8]);

/// Splits the first batch off, if it is there as a whole.
fn split_first(bytes: &[u8]) -> Result<Option<Split<'_>>, ErrorCode> {
    // As many bytes as it takes to look at length and format; with fewer nothing can be said.
    let (Some(length), Some(magic)) = (bytes.get(8..12), bytes.get(MAGIC_AT)) else { return Ok(None) };
    let length = usize::try_from(i32::from_be_bytes(field(length, 0)?)).map_err(|_| ErrorCode::CorruptMessage)?;
    if length < LENGTH_MIN || *magic > MAGIC {
        return Err(ErrorCode::CorruptMessage);
    }
    Ok(bytes.split_at_checked(length.saturating_add(PREFIX_BYTES)))
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], ErrorCode> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(ErrorCode::CorruptMessage)
}

impl Batch {
    /// Checks what a producer sent.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE` when length, format or checksum are wrong, `INVALID_RECORD` when it is no single whole batch or its
    /// records are not what the header says.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let (bytes, rest) = split_first(bytes)?.ok_or(ErrorCode::InvalidRecord)?;
        // A piece of a second batch is dropped, as Kafka does; a whole one is one too many.
        if split_first(rest)?.is_some() || bytes.get(MAGIC_AT) != Some(&MAGIC) {
            return Err(ErrorCode::InvalidRecord);
        }
        if u32::from_be_bytes(field(bytes, 17)?) != checksum(bytes) {
            return Err(ErrorCode::CorruptMessage);
        }
        let batch = Self::read(bytes)?;
        let count = i32::from_be_bytes(field(bytes, 57)?);
        if batch.is_control() || batch.base_offset != 0 || count < 1 || batch.last_offset_delta != count - 1 {
            return Err(ErrorCode::InvalidRecord);
        }
        if let Some(records) = batch.records() {
            batch.check(records, count)?;
        }
        Ok(batch)
    }

    /// The records of an uncompressed batch are as many as it says, with offsets that ascend by one.
    fn check(&self, records: impl Iterator<Item = Option<Record>>, count: i32) -> Result<(), ErrorCode> {
        let mut expected = 0;
        for record in records {
            let record = record.ok_or(ErrorCode::InvalidRecord)?;
            if record.offset_delta != expected {
                return Err(ErrorCode::InvalidRecord);
            }
            expected += 1;
        }
        if expected == count { Ok(()) } else { Err(ErrorCode::InvalidRecord) }
    }

    fn read(bytes: &[u8]) -> Result<Self, ErrorCode> {
        let producer_id = i64::from_be_bytes(field(bytes, 43)?);
        let (epoch, first) = (i16::from_be_bytes(field(bytes, 51)?), i32::from_be_bytes(field(bytes, 53)?));
        let last_offset_delta = i32::from_be_bytes(field(bytes, 23)?);
        Ok(Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)?),
            last_offset_delta,
            attributes: i16::from_be_bytes(field(bytes, 21)?),
            base_timestamp_ms: i64::from_be_bytes(field(bytes, 27)?),
            max_timestamp_ms: i64::from_be_bytes(field(bytes, 35)?),
            producer: (producer_id != NONE).then(|| Sequence {
                producer_id,
                epoch,
                first,
                last: after(first, last_offset_delta),
            }),
            bytes: Arc::from(bytes),
        })
    }

    /// The mark that ends a transaction in a partition.
    pub(crate) fn marker(producer_id: i64, epoch: i16, is_commit: bool, now_ms: i64) -> Self {
        // Key: version 0, type 0 (abort) or 1 (commit). Value: version 0, coordinator epoch 0. Lengths are zigzag.
        let record = [32, 0, 0, 0, 8, 0, 0, 0, u8::from(is_commit), 12, 0, 0, 0, 0, 0, 0, 0];
        let mut bytes = vec![0; HEADER_BYTES];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(8, &((HEADER_BYTES - PREFIX_BYTES + record.len()) as i32).to_be_bytes());
        put(16, &[MAGIC]);
        put(21, &(TRANSACTIONAL | CONTROL).to_be_bytes());
        put(27, &now_ms.to_be_bytes());
        put(35, &now_ms.to_be_bytes());
        put(43, &producer_id.to_be_bytes());
        put(51, &epoch.to_be_bytes());
        put(53, &(NONE as i32).to_be_bytes());
        put(57, &1i32.to_be_bytes());
        bytes.extend(record);
        let checksum = checksum(&bytes);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
        Self {
            base_offset: 0,
            last_offset_delta: 0,
            attributes: TRANSACTIONAL | CONTROL,
            base_timestamp_ms: now_ms,
            max_timestamp_ms: now_ms,
            producer: None,
            bytes: bytes.into(),
        }
    }

    /// Whether it may be compressed as it is, sent with this version of Produce.
    ///
    /// # Errors
    /// `UNSUPPORTED_COMPRESSION_TYPE` for a codec younger than the version; for one that does not exist what Kafka answers,
    /// which is `UNKNOWN_SERVER_ERROR`.
    pub(crate) fn check_codec(&self, produce_version: i16) -> Result<(), ErrorCode> {
        match self.attributes & COMPRESSION {
            ..ZSTD => Ok(()),
            ZSTD if produce_version >= PRODUCE_WITH_ZSTD => Ok(()),
            ZSTD => Err(ErrorCode::UnsupportedCompressionType),
            _ => Err(ErrorCode::UnknownServerError),
        }
    }

    /// The same batch at this place in the log. The checksum does not cover what changes.
    pub(crate) fn at(mut self, offset: i64) -> Self {
        self.base_offset = offset;
        let bytes = Arc::make_mut(&mut self.bytes);
        bytes[..8].copy_from_slice(&offset.to_be_bytes());
        // The epoch of the partition's leader, which never changes here.
        bytes[12..16].copy_from_slice(&0i32.to_be_bytes());
        self
    }

    /// The same batch, whose records were all appended at this time (`message.timestamp.type=LogAppendTime`).
    pub(crate) fn appended_at(mut self, now_ms: i64) -> Self {
        self.attributes |= APPEND_TIME;
        self.max_timestamp_ms = now_ms;
        let attributes = self.attributes;
        let bytes = Arc::make_mut(&mut self.bytes);
        bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
        bytes[35..43].copy_from_slice(&now_ms.to_be_bytes());
        let checksum = checksum(bytes);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
        self
    }

    /// The batch as it lies in the log.
    pub(crate) fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Offset of its last record.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// The records, if they are not compressed; an element is none where the bytes are no record.
    fn records(&self) -> Option<impl Iterator<Item = Option<Record>> + '_> {
        let is_plain = self.attributes & COMPRESSION == 0;
        is_plain.then(|| records(self.bytes.get(HEADER_BYTES..).unwrap_or_default()))
    }

    /// Whether some record has no key; false when it is compressed, for then nobody looked.
    pub(crate) fn lacks_a_key(&self) -> bool {
        self.records().is_some_and(|mut records| records.any(|record| record.is_some_and(|record| !record.has_key)))
    }

    /// Timestamp and offset of the first record from `offset` on whose timestamp is at least `time_ms`.
    ///
    /// Exact for uncompressed batches. In a compressed one it is the first offset of the batch that may be meant, with
    /// the largest timestamp: never too late a record.
    pub(crate) fn first_at(&self, time_ms: i64, offset: i64) -> Option<(i64, i64)> {
        if self.max_timestamp_ms < time_ms || self.last_offset() < offset {
            return None;
        }
        let whole = (self.max_timestamp_ms, self.base_offset.max(offset));
        let Some(records) = self.records() else { return Some(whole) };
        if self.attributes & APPEND_TIME != 0 {
            return Some(whole);
        }
        records
            .flatten()
            .map(|record| {
                let time_ms = self.base_timestamp_ms.saturating_add(record.timestamp_delta_ms);
                (time_ms, self.base_offset + i64::from(record.offset_delta))
            })
            .find(|&(timestamp_ms, at)| timestamp_ms >= time_ms && at >= offset)
    }
}

/// The sequence number `count` after `first`; they go round.
pub(crate) fn after(first: i32, count: i32) -> i32 {
    match first.checked_add(count) {
        Some(sum) => sum,
        None => (i64::from(first) + i64::from(count) - i64::from(i32::MAX) - 1) as i32,
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes.get(CHECKED_FROM..).unwrap_or_default())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An uncompressed batch of records with these timestamps, empty keys and no values.
    pub(crate) fn batch(timestamps_ms: &[i64], producer: Option<(i64, i16, i32)>, is_transactional: bool) -> Batch {
        Batch::parse(&encode(timestamps_ms, producer, is_transactional)).unwrap()
    }

    fn encode(timestamps_ms: &[i64], producer: Option<(i64, i16, i32)>, is_transactional: bool) -> Vec<u8> {
        let base_ms = timestamps_ms[0];
        let mut bytes = vec![0; HEADER_BYTES];
        for (delta, timestamp_ms) in timestamps_ms.iter().enumerate() {
            let mut record = vec![0];
            for number in [timestamp_ms - base_ms, delta as i64, 0, -1, 0] {
                record.extend(zigzag(number));
            }
            bytes.extend(zigzag(record.len() as i64));
            bytes.extend(record);
        }
        let (producer_id, epoch, first) = producer.unwrap_or((-1, -1, -1));
        let length = (bytes.len() - PREFIX_BYTES) as i32;
        let count = timestamps_ms.len() as i32;
        let attributes = if is_transactional { TRANSACTIONAL } else { 0 };
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[16] = MAGIC;
        bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        bytes[27..35].copy_from_slice(&base_ms.to_be_bytes());
        bytes[35..43].copy_from_slice(&timestamps_ms.iter().max().unwrap().to_be_bytes());
        bytes[43..51].copy_from_slice(&producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&first.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        seal(bytes)
    }

    fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = checksum(&bytes);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn zigzag(number: i64) -> Vec<u8> {
        let mut rest = ((number << 1) ^ (number >> 63)) as u64;
        let mut bytes = Vec::new();
        while rest > 0x7f {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Vec<u8>), error: ErrorCode) {
        let mut bytes = encode(&[5, 6], None, false);
        change(&mut bytes);
        assert_eq!(Batch::parse(&bytes).map(|batch| batch.len()), Err(error));
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        check_refused(|bytes| bytes.truncate(60), ErrorCode::InvalidRecord);
        check_refused(|bytes| bytes.truncate(0), ErrorCode::InvalidRecord);
        check_refused(|bytes| bytes.extend(bytes.clone()), ErrorCode::InvalidRecord);
        check_refused(|bytes| bytes[8] = 0x80, ErrorCode::CorruptMessage);
        check_refused(|bytes| bytes[11] = 13, ErrorCode::CorruptMessage);
        check_refused(|bytes| bytes[11] = 14, ErrorCode::CorruptMessage);
        check_refused(|bytes| bytes[16] = 1, ErrorCode::InvalidRecord);
        check_refused(|bytes| bytes[16] = 3, ErrorCode::CorruptMessage);
        check_refused(|bytes| bytes[20] ^= 1, ErrorCode::CorruptMessage);
        check_refused(|bytes| bytes[60] = 1, ErrorCode::CorruptMessage);
    }

    #[test]
    fn records_that_are_not_what_the_header_says_are_refused() {
        let resealed = |change: fn(&mut Vec<u8>)| {
            move |bytes: &mut Vec<u8>| {
                change(bytes);
                *bytes = seal(std::mem::take(bytes));
            }
        };
        check_refused(resealed(|bytes| bytes[60] = 3), ErrorCode::InvalidRecord);
        check_refused(resealed(|bytes| bytes[60] = 0), ErrorCode::InvalidRecord);
        check_refused(resealed(|bytes| bytes[26] = 0), ErrorCode::InvalidRecord);
        check_refused(resealed(|bytes| bytes[61] = 120), ErrorCode::InvalidRecord);
        check_refused(resealed(|bytes| bytes[22] = CONTROL as u8), ErrorCode::InvalidRecord);
        check_refused(resealed(|bytes| bytes[7] = 1), ErrorCode::InvalidRecord);
    }

    #[test]
    fn a_time_is_found_record_by_record() {
        let batch = batch(&[10, 30, 20, 40], None, false).at(100);
        assert_eq!(batch.first_at(0, 0), Some((10, 100)));
        assert_eq!(batch.first_at(11, 0), Some((30, 101)));
        assert_eq!(batch.first_at(20, 102), Some((20, 102)));
        assert_eq!(batch.first_at(31, 0), Some((40, 103)));
        assert_eq!(batch.first_at(41, 0), None);
        assert_eq!(batch.first_at(0, 104), None);
    }

    #[test]
    fn append_time_counts_for_all_records() {
        let batch = batch(&[10, 30], None, false).appended_at(99).at(7);
        assert_eq!(batch.first_at(50, 8), Some((99, 8)));
        assert_eq!(Batch::read(&batch.bytes()).unwrap().max_timestamp_ms, 99);
        assert_eq!(u32::from_be_bytes(field(&batch.bytes(), 17).unwrap()), checksum(&batch.bytes()));
    }

    #[test]
    fn a_marker_is_a_sound_batch_of_one_record() {
        let marker = Batch::marker(9, 3, true, 1000).at(5);
        let read = Batch::read(&marker.bytes()).unwrap();
        assert!(read.is_control() && read.is_transactional());
        assert_eq!(read.producer.map(|producer| (producer.producer_id, producer.epoch)), Some((9, 3)));
        assert_eq!(u32::from_be_bytes(field(&marker.bytes(), 17).unwrap()), checksum(&marker.bytes()));
        assert_eq!(read.check(read.records().unwrap(), 1), Ok(()));
    }

    #[test]
    fn sequences_go_round() {
        assert_eq!(after(i32::MAX, 0), i32::MAX);
        assert_eq!(after(i32::MAX, 1), 0);
        assert_eq!(after(i32::MAX - 1, 3), 1);
    }
}
