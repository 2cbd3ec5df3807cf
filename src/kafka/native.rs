//! The two calls that the safe wrapper lacks.

use rdkafka::bindings::{rd_kafka_flush, rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_headers};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
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
