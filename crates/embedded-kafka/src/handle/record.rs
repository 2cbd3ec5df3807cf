//! Records: written, read, looked up by time, deleted.

use super::{Call, PerTopic, Reply, answer_per_topic, per_topic};
use crate::core::State;
use crate::log::{Batch, Fetched, Isolation};
use crate::transaction::ProducerEpoch;
use crate::wire::{ErrorCode, Malformed, Reader, Writer};
use std::time::Duration;

/// Special times in a request for offsets.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// The record with the largest timestamp, from version 7 on (KIP-734).
const NEWEST: i64 = -3;
/// No offset, timestamp or epoch.
const NONE: i64 = -1;
/// Answers are no larger than this, whatever a reader asks for, but for one batch that is.
const FETCH_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn produce(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<Reply, Malformed> {
    let transactional_id = request.nullable_string()?;
    let acks = request.i16()?;
    request.i32()?;
    let topics = per_topic(request, |request| Ok((request.i32()?, request.bytes()?)))?;
    let now_ms = call.core.clock.wall_ms();
    // Checksums are computed before the lock is taken.
    let topics: Vec<PerTopic<(i32, Result<Batch, ErrorCode>)>> = topics
        .into_iter()
        .map(|topic| {
            let parse = |(number, records)| (number, Batch::parse(records));
            PerTopic { name: topic.name, partitions: topic.partitions.into_iter().map(parse).collect() }
        })
        .collect();
    let has_known_acks = if matches!(acks, -1..=1) { Ok(()) } else { Err(ErrorCode::InvalidRequiredAcks) };
    let mut has_failed = false;
    let mut state = call.core.lock();
    answer_per_topic(answer, topics, |answer, topic, (number, batch)| {
        let appended = call
            .check_refusal()
            .and(has_known_acks)
            .and_then(|()| append(call, &mut state, transactional_id.as_deref(), topic, number, batch?, now_ms));
        has_failed |= appended.is_err();
        let (offset, start, append_time_ms) = appended.unwrap_or((NONE, NONE, NONE));
        answer.i32(number);
        answer.outcome(&appended);
        answer.i64(offset);
        answer.i64(append_time_ms);
        if call.version >= 5 {
            answer.i64(start);
        }
        if call.version >= 8 {
            answer.array([(); 0], |_, ()| {});
            answer.nullable_string(None);
        }
    });
    answer.throttle();
    drop(state);
    call.core.wake();
    Ok(match acks {
        0 if has_failed => Reply::Close,
        0 => Reply::Silence,
        _ => Reply::Answer,
    })
}

/// Appends a batch; answers its offset, the partition's start and the append time if the topic stamps it.
fn append(
    call: &Call<'_>,
    state: &mut State,
    transactional_id: Option<&str>,
    topic: &str,
    number: i32,
    batch: Batch,
    now_ms: i64,
) -> Result<(i64, i64, i64), ErrorCode> {
    state.partition(topic, number)?;
    batch.check_codec(call.version)?;
    if state.space.bytes() + batch.len() as u64 > call.core.options.log_bytes_max {
        return Err(ErrorCode::KafkaStorageError);
    }
    if batch.is_transactional() {
        let id = transactional_id.ok_or(ErrorCode::TransactionalIdAuthorizationFailed)?;
        let sequence = batch.producer.ok_or(ErrorCode::InvalidRecord)?;
        let producer = ProducerEpoch { producer_id: sequence.producer_id, epoch: sequence.epoch };
        let place = (topic.to_owned(), number);
        // A fenced producer is told so by the log, as in Kafka: with the code for a wrong epoch.
        state.transactions.check_partition(id, producer, &place).map_err(ErrorCode::with_fencing_as_epoch)?;
    }
    let (partition, settings) = state.partition(topic, number)?;
    let offset = partition.append(batch, settings, now_ms)?;
    let append_time_ms = if settings.stamps_append_time { now_ms } else { NONE };
    Ok((offset, partition.start_offset(), append_time_ms))
}

/// Checks which leader a client believes in; -1 if it has no opinion. Here no leader ever followed the first.
fn check_leader_epoch(epoch: i32) -> Result<(), ErrorCode> {
    match epoch {
        -1 | 0 => Ok(()),
        1.. => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Err(ErrorCode::FencedLeaderEpoch),
    }
}

/// A partition that a reader asks for.
#[derive(Clone, Copy)]
struct Wanted {
    number: i32,
    leader_epoch: i32,
    offset: i64,
    bytes_max: usize,
}

pub(super) fn fetch(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    request.i32()?;
    let wait = Duration::from_millis(request.i32()?.max(0) as u64);
    let bytes_min = request.i32()?.max(0) as usize;
    let bytes_max = (request.i32()?.max(0) as usize).min(FETCH_BYTES_MAX);
    let isolation = if request.i8()? == 1 { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
    // Id and epoch of a session (KIP-227).
    let session_epoch = if call.version >= 7 { (request.i32()?, request.i32()?).1 } else { -1 };
    let topics = per_topic(request, |request| {
        let number = request.i32()?;
        let leader_epoch = if call.version >= 9 { request.i32()? } else { -1 };
        let offset = request.i64()?;
        if call.version >= 5 {
            request.i64()?;
        }
        Ok(Wanted { number, leader_epoch, offset, bytes_max: request.i32()?.max(0) as usize })
    })?;
    if call.version >= 7 {
        super::numbers_per_topic(request)?;
    }
    if call.version >= 11 {
        request.string()?;
    }

    if session_epoch > 0 {
        // A reader that goes on with a session: none was ever opened.
        answer.throttle();
        answer.error(Some(ErrorCode::FetchSessionIdNotFound));
        answer.i32(0);
        answer.structs([(); 0], |_, ()| {});
        return Ok(());
    }
    let collect = |state: &mut State| collect(call, state, &topics, isolation, bytes_max);
    let is_enough = |found: &Found| found.bytes >= bytes_min || found.has_error;
    let found = call.wait_for(Some(wait), |state| Some(collect(state)).filter(is_enough));
    // What there is when time is up.
    let found = found.unwrap_or_else(|| collect(&mut call.core.lock()));

    answer.throttle();
    if call.version >= 7 {
        answer.error(None);
        // No session: the reader names all its partitions each time.
        answer.i32(0);
    }
    let mut parts = found.parts.into_iter();
    answer_per_topic(answer, topics, |answer, _, wanted| {
        let part = parts.next().unwrap_or(Err(ErrorCode::UnknownServerError));
        write_part(call, answer, wanted.number, part, isolation);
    });
    Ok(())
}

/// What is there for a reader.
struct Found {
    parts: Vec<Result<Part, ErrorCode>>,
    bytes: usize,
    has_error: bool,
}

/// What is there in one partition.
struct Part {
    fetched: Fetched,
    start: i64,
    end: i64,
    last_stable: i64,
}

fn collect(
    call: &Call<'_>,
    state: &mut State,
    topics: &[PerTopic<Wanted>],
    isolation: Isolation,
    bytes_max: usize,
) -> Found {
    let mut found = Found { parts: Vec::new(), bytes: 0, has_error: false };
    for topic in topics {
        for wanted in &topic.partitions {
            let left = wanted.bytes_max.min(bytes_max.saturating_sub(found.bytes));
            let part = call
                .check_refusal()
                .and_then(|()| read(state, &topic.name, *wanted, isolation, left, found.bytes == 0));
            found.bytes += part.as_ref().map_or(0, |part| part.fetched.bytes);
            found.has_error |= part.is_err();
            found.parts.push(part);
        }
    }
    found
}

fn read(
    state: &mut State,
    topic: &str,
    wanted: Wanted,
    isolation: Isolation,
    bytes_max: usize,
    at_least_one: bool,
) -> Result<Part, ErrorCode> {
    let (partition, _) = state.partition(topic, wanted.number)?;
    // Unlike a question for offsets, this one says with any negative number that it has no opinion.
    check_leader_epoch(wanted.leader_epoch.max(-1))?;
    let (start, end) = (partition.start_offset(), partition.end_offset());
    if !(start..=end).contains(&wanted.offset) {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let fetched = partition.fetch(wanted.offset, isolation, bytes_max, at_least_one);
    Ok(Part { fetched, start, end, last_stable: partition.last_stable_offset() })
}

fn write_part(call: &Call<'_>, answer: &mut Writer, number: i32, part: Result<Part, ErrorCode>, isolation: Isolation) {
    answer.i32(number);
    answer.outcome(&part);
    let part = part.unwrap_or(Part { fetched: Fetched::default(), start: NONE, end: NONE, last_stable: NONE });
    answer.i64(part.end);
    answer.i64(part.last_stable);
    if call.version >= 5 {
        answer.i64(part.start);
    }
    match isolation {
        Isolation::ReadCommitted => answer.array(part.fetched.aborted, |answer, aborted| {
            answer.i64(aborted.producer_id);
            answer.i64(aborted.first_offset);
        }),
        // Null: not asked for.
        Isolation::ReadUncommitted => answer.i32(-1),
    }
    if call.version >= 11 {
        answer.i32(-1);
    }
    answer.batches(part.fetched.batches);
}

pub(super) fn list_offsets(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    request.i32()?;
    let is_committed = call.version >= 2 && request.i8()? == 1;
    let isolation = if is_committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
    let topics = per_topic(request, |request| {
        let number = request.i32()?;
        let leader_epoch = if call.version >= 4 { request.i32()? } else { -1 };
        Ok((number, leader_epoch, request.i64()?))
    })?;
    request.tags()?;
    let mut state = call.core.lock();
    if call.version >= 2 {
        answer.throttle();
    }
    answer_per_topic(answer, topics, |answer, topic, (number, leader_epoch, time_ms)| {
        let found = call.check_refusal().and_then(|()| {
            let (partition, _) = state.partition(topic, number)?;
            check_leader_epoch(leader_epoch)?;
            Ok(match time_ms {
                EARLIEST => (NONE, partition.start_offset()),
                LATEST => (NONE, partition.readable_end(isolation)),
                NEWEST if call.version >= 7 => partition.newest(isolation).unwrap_or((NONE, NONE)),
                NEWEST => return Err(ErrorCode::UnsupportedVersion),
                _ => partition.first_at(time_ms, isolation).unwrap_or((NONE, NONE)),
            })
        });
        let (timestamp_ms, offset) = found.unwrap_or((NONE, NONE));
        answer.i32(number);
        answer.outcome(&found);
        answer.i64(timestamp_ms);
        answer.i64(offset);
        if call.version >= 4 {
            answer.i32(if offset == NONE { -1 } else { 0 });
        }
    });
    answer.tags();
    Ok(())
}

pub(super) fn delete_records(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let topics = per_topic(request, |request| Ok((request.i32()?, request.i64()?)))?;
    request.i32()?;
    let mut state = call.core.lock();
    answer.throttle();
    answer_per_topic(answer, topics, |answer, topic, (number, offset)| {
        let start = call.check_refusal().and_then(|()| {
            let (partition, settings) = state.partition(topic, number)?;
            if !settings.deletes {
                return Err(ErrorCode::PolicyViolation);
            }
            partition.delete_before(offset)
        });
        answer.i32(number);
        answer.i64(start.unwrap_or(NONE));
        answer.outcome(&start);
    });
    drop(state);
    call.core.wake();
    Ok(())
}
