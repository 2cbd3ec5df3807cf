//! Group membership. A request that has to wait for other members waits here, on its connection.

use super::{Call, without_repetitions};
use crate::group::{Identity, JoinRequest, Joined, Joining, Protocol, State, Syncing};
use crate::wire::{ErrorCode, Malformed, Reader, Writer};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NO_GENERATION: i32 = -1;
const NO_OPERATIONS: i32 = i32::MIN;

/// Characters of a client's or an instance's id that a member's id begins with.
const MEMBER_ID_PREFIX_CHARS_MAX: usize = 250;

fn milliseconds(value: i32) -> Duration {
    Duration::from_millis(value.max(0) as u64)
}

pub(super) fn join(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let name = request.string()?;
    let session_timeout = milliseconds(request.i32()?);
    let rebalance_timeout = if call.version >= 1 { milliseconds(request.i32()?) } else { session_timeout };
    let member_id = request.string()?;
    let instance_id = if call.version >= 5 { request.nullable_string()? } else { None };
    let protocol_type = request.string()?;
    let protocols =
        request.structs(|request| Ok(Protocol { name: request.string()?, metadata: request.bytes()?.to_vec() }))?;
    let request = JoinRequest {
        identity: Identity { member_id, instance_id },
        session_timeout,
        rebalance_timeout,
        protocol_type,
        protocols,
        client_id: call.client_id.to_owned(),
        client_host: call.peer.host.clone(),
        learns_id_first: call.version >= 4,
    };
    let (member_id, outcome) = wait_to_join(call, &name, request);
    write_joined(call, answer, &member_id, outcome);
    Ok(())
}

/// Joins, and waits until the generation is formed.
fn wait_to_join(call: &Call<'_>, name: &str, request: JoinRequest) -> (String, Result<Joined, ErrorCode>) {
    static MEMBERS: AtomicU64 = AtomicU64::new(0);
    let (asked_as, instance_id) = (request.identity.member_id.clone(), request.identity.instance_id.clone());
    let new_id = member_id(instance_id.as_deref().unwrap_or(call.client_id), MEMBERS.fetch_add(1, Ordering::Relaxed));
    let gathering = call.core.options.initial_rebalance_delay;
    let joining = call
        .check_refusal()
        .and_then(|()| call.core.lock().group(name)?.join(request, new_id, gathering, call.core.clock.timer()));
    call.core.wake();
    let (member_id, join) = match joining {
        Err(error) => return (asked_as, Err(error)),
        Ok(Joining::ComesBack(id)) => return (id, Err(ErrorCode::MemberIdRequired)),
        Ok(Joining::Told(id, joined)) => return (id, Ok(joined)),
        Ok(Joining::Waits(id, join)) => (id, join),
    };
    let identity = Identity { member_id: member_id.clone(), instance_id };
    let joined =
        call.wait_for(None, |state| state.group(name).and_then(|group| group.joined(&identity, join)).transpose());
    (member_id, joined.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable)))
}

/// An id for a member: readable, and short however long its client's is.
fn member_id(prefix: &str, number: u64) -> String {
    let prefix: String = prefix.chars().take(MEMBER_ID_PREFIX_CHARS_MAX).collect();
    format!("{prefix}-{number}")
}

fn write_joined(call: &Call<'_>, answer: &mut Writer, member_id: &str, outcome: Result<Joined, ErrorCode>) {
    if call.version >= 2 {
        answer.throttle();
    }
    answer.outcome(&outcome);
    let joined = outcome.unwrap_or(Joined {
        generation: NO_GENERATION,
        protocol: String::new(),
        leader: String::new(),
        members: Vec::new(),
    });
    answer.i32(joined.generation);
    answer.string(&joined.protocol);
    answer.string(&joined.leader);
    answer.string(member_id);
    answer.structs(joined.members, |answer, member| {
        answer.string(&member.id);
        if call.version >= 5 {
            answer.nullable_string(member.instance_id.as_deref());
        }
        answer.blob(&member.metadata);
    });
}

/// Reads who asks and for which generation; the instance is known from this version on.
fn read_identity(call: &Call<'_>, request: &mut Reader<'_>, instance_since: i16) -> Result<(i32, Identity), Malformed> {
    let generation = request.i32()?;
    let member_id = request.string()?;
    let instance_id = if call.version >= instance_since { request.nullable_string()? } else { None };
    Ok((generation, Identity { member_id, instance_id }))
}

/// Whether a group can be called this.
fn check_name(name: &str) -> Result<(), ErrorCode> {
    if name.is_empty() { Err(ErrorCode::InvalidGroupId) } else { Ok(()) }
}

pub(super) fn sync(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let name = request.string()?;
    let (generation, identity) = read_identity(call, request, 3)?;
    let mut assignments = request.structs(|request| Ok((request.string()?, request.bytes()?.to_vec())))?;
    let now = || call.core.clock.timer();
    let outcome = call.check_refusal().and(check_name(&name)).and_then(|()| {
        let assigned = call.wait_for(None, |state| {
            let group = match state.groups.get_mut(&name) {
                Some(group) => group,
                None => return Some(Err(ErrorCode::UnknownMemberId)),
            };
            match group.sync(&identity, generation, std::mem::take(&mut assignments), now()) {
                Ok(Syncing::Waits) => None,
                Ok(Syncing::Assigned(assignment)) => Some(Ok(assignment)),
                Err(error) => Some(Err(error)),
            }
        });
        assigned.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
    });
    // If this was the leader, the others' answers are there.
    call.core.wake();
    if call.version >= 1 {
        answer.throttle();
    }
    answer.outcome(&outcome);
    answer.blob(&outcome.unwrap_or_default());
    Ok(())
}

pub(super) fn heartbeat(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let name = request.string()?;
    let (generation, identity) = read_identity(call, request, 3)?;
    let outcome = call.check_refusal().and(check_name(&name)).and_then(|()| {
        let mut state = call.core.lock();
        let group = state.groups.get_mut(&name).ok_or(ErrorCode::UnknownMemberId)?;
        group.heartbeat(&identity, generation, call.core.clock.timer())
    });
    if call.version >= 1 {
        answer.throttle();
    }
    answer.outcome(&outcome);
    Ok(())
}

pub(super) fn leave(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let name = request.string()?;
    let leaving = if call.version >= 3 {
        request
            .structs(|request| Ok(Identity { member_id: request.string()?, instance_id: request.nullable_string()? }))?
    } else {
        vec![Identity { member_id: request.string()?, instance_id: None }]
    };
    let mut state = call.core.lock();
    let outcomes: Vec<(Identity, Result<(), ErrorCode>)> = leaving
        .into_iter()
        .map(|identity| {
            let left = call.check_refusal().and_then(|()| {
                let group = state.groups.get_mut(&name).ok_or(ErrorCode::UnknownMemberId)?;
                group.leave(&identity, call.core.clock.timer())
            });
            (identity, left)
        })
        .collect();
    drop(state);
    call.core.wake();
    if call.version >= 1 {
        answer.throttle();
    }
    if call.version < 3 {
        answer.error(outcomes.first().and_then(|(_, outcome)| outcome.err()));
        return Ok(());
    }
    let checked = call.check_refusal().and(check_name(&name));
    answer.outcome(&checked);
    let outcomes = if checked.is_ok() { outcomes } else { Vec::new() };
    answer.structs(outcomes, |answer, (identity, outcome)| {
        answer.string(&identity.member_id);
        answer.nullable_string(identity.instance_id.as_deref());
        answer.outcome(&outcome);
    });
    Ok(())
}

pub(super) fn describe(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let names = without_repetitions(request.array(Reader::string)?);
    if call.version >= 3 {
        request.bool()?;
    }
    let state = call.core.lock();
    if call.version >= 1 {
        answer.throttle();
    }
    answer.structs(names, |answer, name| {
        let group = state.groups.get(&name);
        let is_stable = group.is_some_and(|group| group.state() == State::Stable);
        let protocol = group.filter(|_| is_stable).map_or("", |group| group.protocol());
        answer.error(call.refusal);
        answer.string(&name);
        // A group that does not exist is one that has ended.
        answer.string(group.map_or("Dead", |group| group.state().name()));
        answer.string(group.map_or("", |group| group.protocol_type()));
        answer.string(protocol);
        let members: Vec<_> = group.into_iter().flat_map(|group| group.members()).collect();
        answer.structs(members, |answer, (id, member)| {
            answer.string(id);
            if call.version >= 4 {
                answer.nullable_string(member.instance_id.as_deref());
            }
            answer.string(&member.client_id);
            answer.string(&member.client_host);
            answer.blob(member.metadata(protocol));
            answer.blob(if is_stable { &member.assignment } else { &[] });
        });
        if call.version >= 3 {
            answer.i32(NO_OPERATIONS);
        }
    });
    Ok(())
}

pub(super) fn list(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let states = if call.version >= 4 { request.array(Reader::string)? } else { Vec::new() };
    request.tags()?;
    let state = call.core.lock();
    let is_wanted = |name: &str| states.is_empty() || states.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let groups: Vec<_> = state.groups.iter().filter(|(_, group)| is_wanted(group.state().name())).collect();
    if call.version >= 1 {
        answer.throttle();
    }
    answer.error(call.refusal);
    answer.structs(groups, |answer, (name, group)| {
        answer.string(name);
        answer.string(group.protocol_type());
        if call.version >= 4 {
            answer.string(group.state().name());
        }
    });
    answer.tags();
    Ok(())
}

pub(super) fn delete(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let names = request.array(Reader::string)?;
    let mut state = call.core.lock();
    answer.throttle();
    answer.structs(names, |answer, name| {
        let outcome = call.check_refusal().and_then(|()| match state.groups.get(&name).map(|group| group.state()) {
            None => Err(ErrorCode::GroupIdNotFound),
            Some(State::Empty) => {
                state.groups.remove(&name);
                Ok(())
            }
            Some(State::PreparingRebalance | State::CompletingRebalance | State::Stable) => {
                Err(ErrorCode::NonEmptyGroup)
            }
        });
        answer.string(&name);
        answer.outcome(&outcome);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_id_is_short_however_long_the_clients_is() {
        assert_eq!(member_id("client", 7), "client-7");
        let long = member_id(&"\u{1f512}".repeat(8_000), u64::MAX);
        assert!(long.len() < 1_100 && long.ends_with("-18446744073709551615"), "{} bytes", long.len());
    }
}
