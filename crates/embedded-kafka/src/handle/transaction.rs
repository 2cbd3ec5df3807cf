//! Producer ids and transactions.

use super::{Call, answer_per_topic, numbers_per_topic};
use crate::core::State;
use crate::transaction::ProducerEpoch;
use crate::wire::{ErrorCode, Malformed, Reader, Writer};
use std::time::Duration;

/// What a mark takes, and that it is due: rounded up.
const MARKER_BYTES: u64 = 256;

const NO_PRODUCER: ProducerEpoch = ProducerEpoch { producer_id: -1, epoch: -1 };

fn read_producer(request: &mut Reader<'_>) -> Result<ProducerEpoch, Malformed> {
    Ok(ProducerEpoch { producer_id: request.i64()?, epoch: request.i16()? })
}

pub(super) fn init_producer_id(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    let transactional_id = request.nullable_string()?;
    let timeout = Duration::from_millis(request.i32()?.max(0) as u64);
    let expected = if call.version >= 3 { read_producer(request)? } else { NO_PRODUCER };
    request.tags()?;

    let mut state = call.core.lock();
    let made = call.check_refusal().and_then(|()| {
        if (expected.producer_id == NO_PRODUCER.producer_id) != (expected.epoch == NO_PRODUCER.epoch) {
            return Err(ErrorCode::InvalidRequest);
        }
        let expected = (expected != NO_PRODUCER).then_some(expected);
        match transactional_id.as_deref() {
            None => Ok(state.transactions.new_producer()),
            Some("") => Err(ErrorCode::InvalidRequest),
            Some(id) => state.transactions.init(id, timeout, expected),
        }
    });
    end_decided(call, &mut state);
    let made = made.map_err(call.fenced_since(4));
    answer.throttle();
    answer.outcome(&made);
    let producer = made.unwrap_or(NO_PRODUCER);
    answer.i64(producer.producer_id);
    answer.i16(producer.epoch);
    answer.tags();
    drop(state);
    call.core.wake();
    Ok(())
}

/// Writes the marks of what has just been decided, unless a fault holds them back.
fn end_decided(call: &Call<'_>, state: &mut State) {
    if !call.core.faults.holds_markers() {
        state.write_markers(call.core.clock.wall_ms());
    }
}

pub(super) fn add_partitions(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let id = request.string()?;
    let producer = read_producer(request)?;
    let topics = numbers_per_topic(request)?;
    let mut state = call.core.lock();
    let is_room = has_room_for_markers(call, &state, topics.iter().map(|topic| topic.partitions.len()).sum());
    let all_exist =
        topics.iter().all(|topic| topic.partitions.iter().all(|number| state.partition(&topic.name, *number).is_ok()));
    answer.throttle();
    answer_per_topic(answer, topics, |answer, topic, number| {
        let added = call.check_refusal().and_then(|()| {
            is_room?;
            state.partition(topic, number)?;
            if !all_exist {
                return Err(ErrorCode::OperationNotAttempted);
            }
            let partition = (topic.to_owned(), number);
            state.transactions.add_partition(&id, producer, partition, call.core.clock.timer())
        });
        answer.i32(number);
        answer.outcome(&added.map_err(call.fenced_since(2)));
    });
    Ok(())
}

/// Whether so many marks more will have room. A transaction must be able to end, so this is asked when it begins: what is
/// full says so to its producer, which tries again later.
fn has_room_for_markers(call: &Call<'_>, state: &State, more: usize) -> Result<(), ErrorCode> {
    let markers = (state.transactions.markers_due() + more) as u64;
    let is_room = state.space.bytes() + markers * MARKER_BYTES <= call.core.options.log_bytes_max;
    if is_room { Ok(()) } else { Err(ErrorCode::CoordinatorNotAvailable) }
}

pub(super) fn add_offsets(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let id = request.string()?;
    let producer = read_producer(request)?;
    let group = request.string()?;
    let mut state = call.core.lock();
    let added =
        call.check_refusal().and_then(|()| state.transactions.add_group(&id, producer, group, call.core.clock.timer()));
    answer.throttle();
    answer.outcome(&added.map_err(call.fenced_since(2)));
    Ok(())
}

pub(super) fn end(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let id = request.string()?;
    let producer = read_producer(request)?;
    let is_commit = request.bool()?;
    let mut state = call.core.lock();
    let ended = call.check_refusal().and_then(|()| state.transactions.end(&id, producer, is_commit));
    end_decided(call, &mut state);
    answer.throttle();
    answer.outcome(&ended.map_err(call.fenced_since(2)));
    drop(state);
    call.core.wake();
    Ok(())
}
