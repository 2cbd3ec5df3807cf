//! The three calls that the safe wrapper lacks.

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new, rd_kafka_AdminOptions_set_isolation_level,
    rd_kafka_AdminOptions_set_request_timeout, rd_kafka_IsolationLevel_t, rd_kafka_ListOffsets,
    rd_kafka_ListOffsets_result_infos, rd_kafka_ListOffsetsResultInfo_t, rd_kafka_ListOffsetsResultInfo_timestamp,
    rd_kafka_ListOffsetsResultInfo_topic_partition, rd_kafka_error_destroy, rd_kafka_event_ListOffsets_result,
    rd_kafka_event_destroy, rd_kafka_event_error, rd_kafka_flush, rd_kafka_header_get_all, rd_kafka_headers_t,
    rd_kafka_message_headers, rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll,
    rd_kafka_topic_partition_list_add, rd_kafka_topic_partition_list_destroy, rd_kafka_topic_partition_list_new,
};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaAdminOp;
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::time::Duration;
use std::{ptr, slice};

/// Waits until everything sent is acknowledged or failed; whether it is.
///
/// The wrapper's own `flush` sleeps in slices of 100 ms between two looks, which every commit would pay; this one wakes
/// up with the last acknowledgement.
#[expect(unsafe_code, reason = "the wrapper has no flush that wakes up with the last acknowledgement")]
pub(super) fn flush<C: ProducerContext>(producer: &ThreadedProducer<C>, timeout: Duration) -> bool {
    let timeout_ms = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the pointer is the live client of `producer`, which is borrowed for the whole call, and librdkafka allows
    // calls from any thread. Events are served by the producer's own polling thread meanwhile.
    let code = unsafe { rd_kafka_flush(producer.client().native_ptr(), timeout_ms) };
    RDKafkaErrorCode::from(code) == RDKafkaErrorCode::NoError
}

/// Name and value of a message's header, from 0; `None` behind the last. What is not UTF-8 in a name becomes U+FFFD.
///
/// The wrapper panics on a name that is not UTF-8, and anyone who may write to the topic can send one.
#[expect(unsafe_code, reason = "the wrapper panics on header names that are not UTF-8")]
pub(super) fn header<'a>(message: &'a BorrowedMessage<'_>, index: usize) -> Option<(Cow<'a, str>, Option<&'a [u8]>)> {
    let mut headers: *mut rd_kafka_headers_t = ptr::null_mut();
    let mut name: *const c_char = ptr::null();
    let mut value: *const c_void = ptr::null();
    let mut length = 0;
    // SAFETY: the pointer is the live message that `message` borrows. librdkafka parses headers into memory that the
    // message owns and that stays where it is until the message is destroyed, which `'a` forbids: so name and value may
    // be borrowed for `'a`. A name ends with a zero byte; a value is null or has `length` bytes.
    unsafe {
        if RDKafkaErrorCode::from(rd_kafka_message_headers(message.ptr(), &mut headers)) != RDKafkaErrorCode::NoError {
            return None;
        }
        let code = rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length);
        if RDKafkaErrorCode::from(code) != RDKafkaErrorCode::NoError {
            return None;
        }
        let name = CStr::from_ptr(name).to_string_lossy();
        let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), length));
        Some((name, value))
    }
}

/// What a partition is asked for: a timestamp in milliseconds since the Unix epoch, or one of the protocol's marks below
/// zero (`ListOffsets` in Kafka's protocol guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffsetOf {
    /// The first record whose timestamp is not before this one; also one that no `read_committed` reader sees.
    Time(i64),
    /// The low watermark.
    Start,
    /// The last stable offset.
    StableEnd,
    /// The record with the highest timestamp. Brokers know it from Kafka 3.0 on (KIP-734).
    NewestRecord,
}

impl OffsetOf {
    fn spec(self) -> i64 {
        match self {
            Self::Time(timestamp_ms) => timestamp_ms.max(0),
            Self::StableEnd => -1,
            Self::Start => -2,
            Self::NewestRecord => -3,
        }
    }

    fn isolation(self) -> rd_kafka_IsolationLevel_t {
        match self {
            Self::StableEnd => rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            Self::Time(_) | Self::Start | Self::NewestRecord => {
                rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
            }
        }
    }
}

/// What a broker answered about a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListedOffset {
    pub(super) partition: i32,
    /// -1 where there is none; below that, the broker was not heard at all.
    pub(super) offset: i64,
    /// In milliseconds since the Unix epoch; -1 where there is none.
    pub(super) timestamp_ms: i64,
    pub(super) error: RDKafkaErrorCode,
}

/// Asks the leaders of these partitions where something stands. Partitions without an answer may be missing.
///
/// The wrapper knows only the older call, `offsets_for_times`. That one tells no timestamps, cannot ask for the newest
/// record, and leaves the time that was asked for in the place of the offset where a leader gave no answer.
///
/// # Errors
/// When nothing could be asked, or no answer came within `timeout`.
#[expect(unsafe_code, reason = "the wrapper lacks the call")]
pub(super) fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partitions: &[i32],
    of: OffsetOf,
    timeout: Duration,
) -> KafkaResult<Vec<ListedOffset>> {
    let topic = CString::new(topic)?;
    let (client, timeout_ms) = (client.native_ptr(), c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX));
    let failed = |code| Err(KafkaError::AdminOp(code));
    // SAFETY: `client` is a live client, borrowed for the whole call. Queue, list, options and event are made by
    // librdkafka, are not null (it aborts when memory runs out), and end with their guards, in the reverse order of
    // their making. The request copies list and options, and keeps the queue alive as long as it needs it. Results
    // belong to the event and are copied out before it ends; their pointers are valid for `count` elements.
    unsafe {
        let queue = Owned(rd_kafka_queue_new(client), rd_kafka_queue_destroy);
        let list = rd_kafka_topic_partition_list_new(c_int::try_from(partitions.len()).unwrap_or(0));
        let list = Owned(list, rd_kafka_topic_partition_list_destroy);
        for partition in partitions {
            (*rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), *partition)).offset = of.spec();
        }
        let options = rd_kafka_AdminOptions_new(client, RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_LISTOFFSETS);
        let options = Owned(options, rd_kafka_AdminOptions_destroy);
        let set = rd_kafka_AdminOptions_set_request_timeout(options.0, timeout_ms, ptr::null_mut(), 0);
        if RDKafkaErrorCode::from(set) != RDKafkaErrorCode::NoError {
            return failed(set.into());
        }
        let refused = rd_kafka_AdminOptions_set_isolation_level(options.0, of.isolation());
        if !refused.is_null() {
            rd_kafka_error_destroy(refused);
            return failed(RDKafkaErrorCode::InvalidArgument);
        }
        rd_kafka_ListOffsets(client, list.0, options.0, queue.0);
        // The request itself times out, a little earlier than this.
        let event = rd_kafka_queue_poll(queue.0, timeout_ms.saturating_add(500));
        if event.is_null() {
            return failed(RDKafkaErrorCode::OperationTimedOut);
        }
        let event = Owned(event, rd_kafka_event_destroy);
        let code = RDKafkaErrorCode::from(rd_kafka_event_error(event.0));
        let result = rd_kafka_event_ListOffsets_result(event.0);
        if code != RDKafkaErrorCode::NoError || result.is_null() {
            return failed(code);
        }
        let mut count = 0;
        let infos = rd_kafka_ListOffsets_result_infos(result, &mut count);
        if infos.is_null() {
            return Ok(Vec::new());
        }
        Ok(slice::from_raw_parts(infos, count).iter().map(|info| listed(*info)).collect())
    }
}

/// Copies a result out.
///
/// # Safety
/// `info` must belong to a live event.
#[expect(unsafe_code, reason = "part of `list_offsets`")]
unsafe fn listed(info: *const rd_kafka_ListOffsetsResultInfo_t) -> ListedOffset {
    // SAFETY: the caller's promise; the partition belongs to the same event.
    let (partition, timestamp_ms) = unsafe {
        (&*rd_kafka_ListOffsetsResultInfo_topic_partition(info), rd_kafka_ListOffsetsResultInfo_timestamp(info))
    };
    let (offset, error) = (partition.offset, RDKafkaErrorCode::from(partition.err));
    ListedOffset { partition: partition.partition, offset, timestamp_ms, error }
}

/// Something that librdkafka made, and the function that ends it.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    #[expect(unsafe_code, reason = "part of `list_offsets`")]
    fn drop(&mut self) {
        // SAFETY: `list_offsets` pairs each pointer with librdkafka's own function for it, and nobody else ends it.
        unsafe { (self.1)(self.0) }
    }
}
