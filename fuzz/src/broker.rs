//! Requests of any bytes to the embedded broker: it answers or hangs up, and what it keeps is no more than it was sent.

use crate::memory;
use embedded_kafka::{Offline, Options};
use std::time::Duration;

/// What a request may cost in memory: topics of ten thousand partitions, the most there can be, and so many bytes for
/// each of its own.
const FIXED_BYTES_MAX: usize = 8 << 20;
const BYTES_PER_BYTE_MAX: usize = 256;

/// Of key, version and correlation id, which every request begins with.
const HEAD_BYTES: usize = 8;

/// Checks one input: requests as they come over a connection, each with its length in front.
pub fn check(data: &[u8]) {
    let options = Options { auto_create_partitions: Some(1), log_bytes_max: 1 << 20, ..Options::default() };
    let mut broker = Offline::new(options);
    let mut rest = data;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(behind.len());
        let (request, behind) = behind.split_at(length);
        let (answer, peak) = memory::peak_of(|| broker.answer(request));
        let most = FIXED_BYTES_MAX + BYTES_PER_BYTE_MAX * data.len();
        assert!(peak <= most, "a request of {length} bytes cost {peak} bytes of memory");
        check_answer(request, answer.as_deref());
        broker.pass(Duration::from_secs(1));
        rest = behind;
    }
    // Everything that can be overdue is.
    broker.pass(Duration::from_secs(86_400 * 365));
}

/// An answer has its length in front and begins with the request's own number.
fn check_answer(request: &[u8], answer: Option<&[u8]>) {
    let Some(answer) = answer else { return };
    let head = request.get(..HEAD_BYTES).expect("a request without a head has no answer");
    let is_produce = head.starts_with(&[0, 0]);
    assert!(is_produce || !answer.is_empty(), "only a producer may want no answer");
    let Some((length, body)) = answer.split_first_chunk() else { return };
    assert_eq!(usize::try_from(i32::from_be_bytes(*length)).ok(), Some(body.len()), "the length of an answer");
    assert_eq!(body.get(..4), head.get(4..), "the number of the request");
}
