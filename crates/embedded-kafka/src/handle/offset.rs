//! Committed offsets of groups.

use super::{Call, PerTopic, answer_per_topic, numbers_per_topic, per_topic};
use crate::core::State;
use crate::group::{Committed, Group, Identity, METADATA_BYTES_MAX};
use crate::transaction::ProducerEpoch;
use crate::wire::{ErrorCode, Malformed, Reader, Writer};

/// An offset to commit.
struct Commit {
    number: i32,
    committed: Committed,
}

fn read_commits(request: &mut Reader<'_>, has_epoch: bool) -> Result<Vec<PerTopic<Commit>>, Malformed> {
    per_topic(request, |request| {
        let (number, offset) = (request.i32()?, request.i64()?);
        let leader_epoch = if has_epoch { request.i32()? } else { -1 };
        let metadata = request.nullable_string()?.unwrap_or_default();
        Ok(Commit { number, committed: Committed { offset, leader_epoch, metadata } })
    })
}

pub(super) fn commit(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let group = request.string()?;
    let generation = request.i32()?;
    let member_id = request.string()?;
    let instance_id = if call.version >= 7 { request.nullable_string()? } else { None };
    if call.version <= 4 {
        request.i64()?;
    }
    let topics = read_commits(request, call.version >= 6)?;
    let identity = Identity { member_id, instance_id };

    let mut state = call.core.lock();
    let allowed = call
        .check_refusal()
        .and_then(|()| group_to_commit(&mut state, &group, generation)?.check_commit(&identity, generation));
    if call.version >= 3 {
        answer.throttle();
    }
    store_each(&mut state, answer, topics, allowed, |state, topic, number, committed| {
        state.group(&group)?.offsets.commit(topic, number, committed);
        Ok(())
    });
    Ok(())
}

/// Stores each offset that may be stored, and answers for its partition.
fn store_each(
    state: &mut State,
    answer: &mut Writer,
    topics: Vec<PerTopic<Commit>>,
    allowed: Result<(), ErrorCode>,
    mut store: impl FnMut(&mut State, &str, i32, Committed) -> Result<(), ErrorCode>,
) {
    answer_per_topic(answer, topics, |answer, topic, Commit { number, committed }| {
        let outcome = allowed.and_then(|()| {
            state.partition(topic, number)?;
            if committed.metadata.len() > METADATA_BYTES_MAX {
                return Err(ErrorCode::OffsetMetadataTooLarge);
            }
            store(state, topic, number, committed)
        });
        answer.i32(number);
        answer.outcome(&outcome);
    });
}

/// The group that offsets are committed to; only those who are in none make one.
fn group_to_commit<'a>(state: &'a mut State, name: &str, generation: i32) -> Result<&'a mut Group, ErrorCode> {
    if generation >= 0 && !state.groups.contains_key(name) {
        return Err(ErrorCode::IllegalGeneration);
    }
    state.group(name)
}

pub(super) fn commit_in_transaction(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    let transactional_id = request.string()?;
    let group = request.string()?;
    let producer = ProducerEpoch { producer_id: request.i64()?, epoch: request.i16()? };
    let (generation, identity) = if call.version >= 3 {
        let generation = request.i32()?;
        (generation, Identity { member_id: request.string()?, instance_id: request.nullable_string()? })
    } else {
        (-1, Identity::default())
    };
    let topics = read_commits(request, call.version >= 2)?;
    request.tags()?;

    let mut state = call.core.lock();
    let allowed = call.check_refusal().and_then(|()| {
        // No version of this request knows fenced producers by their own code.
        let owned = state.transactions.check_group(&transactional_id, producer, &group);
        owned.map_err(ErrorCode::with_fencing_as_epoch)?;
        group_to_commit(&mut state, &group, generation)?.check_transactional_commit(&identity, generation)
    });
    answer.throttle();
    store_each(&mut state, answer, topics, allowed, |state, topic, number, committed| {
        let offsets = &mut state.group(&group)?.offsets;
        offsets.commit_in_transaction(producer.producer_id, topic, number, committed);
        Ok(())
    });
    answer.tags();
    Ok(())
}

pub(super) fn fetch(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let group = request.string()?;
    let topics = request.nullable_array(|request| {
        let topic = PerTopic { name: request.string()?, partitions: request.array(Reader::i32)? };
        request.tags()?;
        Ok(topic)
    })?;
    let wants_stable = call.version >= 7 && request.bool()?;
    request.tags()?;

    let state = call.core.lock();
    let offsets = state.groups.get(&group).map(|group| &group.offsets);
    let topics = topics.unwrap_or_else(|| {
        let committed = offsets.into_iter().flat_map(|offsets| offsets.partitions());
        committed.map(|(name, number)| PerTopic { name: name.clone(), partitions: vec![*number] }).collect()
    });
    if call.version >= 3 {
        answer.throttle();
    }
    answer_per_topic(answer, topics, |answer, topic, number| {
        let is_unstable = wants_stable && offsets.is_some_and(|offsets| offsets.is_pending(topic, number));
        let committed = offsets.and_then(|offsets| offsets.of(topic, number)).filter(|_| !is_unstable);
        answer.i32(number);
        answer.i64(committed.map_or(-1, |committed| committed.offset));
        if call.version >= 5 {
            answer.i32(committed.map_or(-1, |committed| committed.leader_epoch));
        }
        answer.nullable_string(Some(committed.map_or("", |committed| &committed.metadata)));
        answer.error(if is_unstable { Some(ErrorCode::UnstableOffsetCommit) } else { call.refusal });
    });
    if call.version >= 2 {
        answer.error(call.refusal);
    }
    answer.tags();
    Ok(())
}

pub(super) fn delete(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let group = request.string()?;
    let topics = numbers_per_topic(request)?;
    let mut state = call.core.lock();
    let State { groups, topics: existing, .. } = &mut *state;
    let group = call.check_refusal().and_then(|()| groups.get_mut(&group).ok_or(ErrorCode::GroupIdNotFound));
    answer.outcome(&group);
    answer.throttle();
    let Ok(group) = group else {
        answer.structs([(); 0], |_, ()| {});
        return Ok(());
    };
    answer_per_topic(answer, topics, |answer, topic, number| {
        let exists = existing.get_mut(topic).is_some_and(|topic| topic.partition(number).is_ok());
        let outcome = match (exists, group.reads(topic)) {
            (false, _) => Err(ErrorCode::UnknownTopicOrPartition),
            (true, true) => Err(ErrorCode::GroupSubscribedToTopic),
            (true, false) => {
                group.offsets.forget(topic, number);
                Ok(())
            }
        };
        answer.i32(number);
        answer.outcome(&outcome);
    });
    Ok(())
}
