//! One function per request: reads it, does it, answers it. The field lists are the protocol's
//! (<https://kafka.apache.org/protocol>), in the versions that [`Api`] lists.

mod group;
mod metadata;
mod offset;
mod record;
mod topic;
mod transaction;

pub(crate) use metadata::unsupported_api_versions;

use crate::core::{Core, State};
use crate::server::Peer;
use crate::wire::{Api, ErrorCode, Malformed, Reader, Writer};
use std::collections::BTreeSet;
use std::time::Duration;

/// A request's surroundings.
pub(crate) struct Call<'a> {
    pub(crate) core: &'a Core,
    pub(crate) version: i16,
    pub(crate) client_id: &'a str,
    pub(crate) peer: &'a Peer,
    /// A planned fault: do nothing and answer this.
    pub(crate) refusal: Option<ErrorCode>,
}

impl Call<'_> {
    /// Calls `look` until it answers, `timeout` is over (if one), or nobody waits for the answer; then none.
    fn wait_for<T>(&self, timeout: Option<Duration>, look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        self.core.wait_for(timeout, || self.peer.is_gone(), look)
    }

    /// Every part of a request asks this before it does anything.
    fn check_refusal(&self) -> Result<(), ErrorCode> {
        self.refusal.map_or(Ok(()), Err)
    }

    /// Older versions know fenced producers by the code for a wrong epoch.
    fn fenced_since(&self, version: i16) -> impl Fn(ErrorCode) -> ErrorCode {
        let is_known = self.version >= version;
        move |error| if is_known { error } else { error.with_fencing_as_epoch() }
    }
}

/// What follows a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Answer,
    /// It wanted none.
    Silence,
    /// It wanted none and has failed: this is how its sender learns of it.
    Close,
}

/// Handles a request.
///
/// # Errors
/// The request does not have the shape of its version; nothing of it was done.
pub(crate) fn handle(
    call: &Call<'_>,
    api: Api,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<Reply, Malformed> {
    let handler = match api {
        Api::Produce => return record::produce(call, request, answer),
        Api::Fetch => record::fetch,
        Api::ListOffsets => record::list_offsets,
        Api::DeleteRecords => record::delete_records,
        Api::Metadata => metadata::metadata,
        Api::ApiVersions => metadata::api_versions,
        Api::FindCoordinator => metadata::find_coordinator,
        Api::OffsetCommit => offset::commit,
        Api::OffsetFetch => offset::fetch,
        Api::OffsetDelete => offset::delete,
        Api::TxnOffsetCommit => offset::commit_in_transaction,
        Api::JoinGroup => group::join,
        Api::SyncGroup => group::sync,
        Api::Heartbeat => group::heartbeat,
        Api::LeaveGroup => group::leave,
        Api::DescribeGroups => group::describe,
        Api::ListGroups => group::list,
        Api::DeleteGroups => group::delete,
        Api::InitProducerId => transaction::init_producer_id,
        Api::AddPartitionsToTxn => transaction::add_partitions,
        Api::AddOffsetsToTxn => transaction::add_offsets,
        Api::EndTxn => transaction::end,
        Api::CreateTopics => topic::create,
        Api::DeleteTopics => topic::delete,
        Api::CreatePartitions => topic::create_partitions,
        Api::DescribeConfigs => topic::describe_configs,
        Api::AlterConfigs => topic::alter_configs,
        Api::IncrementalAlterConfigs => topic::incremental_alter_configs,
    };
    handler(call, request, answer).map(|()| Reply::Answer)
}

/// The names without repetitions: what is described is described once, however often it was asked for.
fn without_repetitions<T: Ord + Clone>(names: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// A topic and the parts of a request that are about its partitions.
struct PerTopic<T> {
    name: String,
    partitions: Vec<T>,
}

/// Reads what requests about partitions have in common: topics, each with a list.
fn per_topic<'a, T>(
    request: &mut Reader<'a>,
    mut partition: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<PerTopic<T>>, Malformed> {
    request.structs(|request| Ok(PerTopic { name: request.string()?, partitions: request.structs(&mut partition)? }))
}

/// As [`per_topic`], where a partition is only its number.
fn numbers_per_topic(request: &mut Reader<'_>) -> Result<Vec<PerTopic<i32>>, Malformed> {
    request.structs(|request| Ok(PerTopic { name: request.string()?, partitions: request.array(Reader::i32)? }))
}

/// Answers a request about partitions in its own order.
fn answer_per_topic<T>(answer: &mut Writer, topics: Vec<PerTopic<T>>, mut partition: impl FnMut(&mut Writer, &str, T)) {
    answer.structs(topics, |answer, topic| {
        answer.string(&topic.name);
        answer.structs(topic.partitions, |answer, part| partition(answer, &topic.name, part));
    });
}
