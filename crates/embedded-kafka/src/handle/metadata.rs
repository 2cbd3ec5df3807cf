//! What the cluster is: one broker, which leads and coordinates everything.

use super::{Call, without_repetitions};
use crate::core::State;
use crate::wire::{Api, ErrorCode, Malformed, Reader, Writer};
use std::collections::BTreeMap;

/// The only broker there is.
pub(super) const NODE_ID: i32 = 1;
const CLUSTER_ID: &str = "embedded-kafka";
/// "Not asked for" in the fields of authorized operations.
const NO_OPERATIONS: i32 = i32::MIN;

pub(super) fn api_versions(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let mut error = call.refusal;
    if call.version >= 3 {
        let (name, version) = (request.string()?, request.string()?);
        request.tags()?;
        if !is_software(&name) || !is_software(&version) {
            error = Some(ErrorCode::InvalidRequest);
        }
    }
    write_api_versions(answer, error, call.version);
    Ok(())
}

/// Whether a client's software can be called this, or be of this version (KIP-511).
fn is_software(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    name.chars().all(is_inner) && !name.is_empty() && !name.starts_with(['-', '.']) && !name.ends_with(['-', '.'])
}

/// The answer to a version of the question itself that is not known.
pub(crate) fn unsupported_api_versions() -> Writer {
    let mut answer = Writer::new(false);
    write_api_versions(&mut answer, Some(ErrorCode::UnsupportedVersion), 0);
    answer
}

fn write_api_versions(answer: &mut Writer, error: Option<ErrorCode>, version: i16) {
    answer.error(error);
    answer.structs(Api::all().collect::<Vec<_>>(), |answer, (key, versions)| {
        answer.i16(key);
        answer.i16(*versions.start());
        answer.i16(*versions.end());
    });
    if version >= 1 {
        answer.throttle();
    }
    answer.tags();
}

pub(super) fn metadata(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let names = request.nullable_array(Reader::string)?;
    let may_create = call.version < 4 || request.bool()?;
    if call.version >= 8 {
        request.bool()?;
        request.bool()?;
    }
    let mut state = call.core.lock();
    let names = names.map_or_else(|| state.topics.keys().cloned().collect(), without_repetitions);
    if may_create && call.refusal.is_none() {
        create_missing(call, &mut state, &names);
    }
    let address = call.core.address;
    if call.version >= 3 {
        answer.throttle();
    }
    answer.structs([address], |answer, address| {
        answer.i32(NODE_ID);
        answer.string(&address.ip().to_string());
        answer.i32(address.port().into());
        answer.nullable_string(None);
    });
    if call.version >= 2 {
        answer.nullable_string(Some(CLUSTER_ID));
    }
    answer.i32(NODE_ID);
    answer.structs(names, |answer, name| {
        let topic = call.check_refusal().and_then(|()| state.find(&name));
        answer.outcome(&topic);
        answer.string(&name);
        answer.bool(false);
        let partitions = topic.map_or(0, |topic| topic.partitions.len() as i32);
        answer.structs(0..partitions, |answer, number| write_partition(call, answer, number));
        if call.version >= 8 {
            answer.i32(NO_OPERATIONS);
        }
    });
    if call.version >= 8 {
        answer.i32(NO_OPERATIONS);
    }
    Ok(())
}

fn create_missing(call: &Call<'_>, state: &mut State, names: &[String]) {
    let Some(partitions) = call.core.options.auto_create_partitions else { return };
    for name in names.iter().filter(|name| !state.topics.contains_key(*name)).collect::<Vec<_>>() {
        // What cannot be made is missing in the answer.
        state.create_topic(name, i32::try_from(partitions).unwrap_or(i32::MAX), BTreeMap::new(), false).ok();
    }
}

fn write_partition(call: &Call<'_>, answer: &mut Writer, number: i32) {
    answer.error(None);
    answer.i32(number);
    answer.i32(NODE_ID);
    if call.version >= 7 {
        answer.i32(0);
    }
    answer.array([NODE_ID], Writer::i32);
    answer.array([NODE_ID], Writer::i32);
    if call.version >= 5 {
        answer.array([], Writer::i32);
    }
}

pub(super) fn find_coordinator(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    request.string()?;
    let is_known_kind = call.version < 1 || matches!(request.i8()?, 0 | 1);
    let error = if is_known_kind { call.refusal } else { Some(ErrorCode::InvalidRequest) };
    if call.version >= 1 {
        answer.throttle();
    }
    answer.error(error);
    if call.version >= 1 {
        answer.nullable_string(None);
    }
    let address = call.core.address;
    let (id, host, port) = match error {
        None => (NODE_ID, address.ip().to_string(), address.port().into()),
        Some(_) => (-1, String::new(), -1),
    };
    answer.i32(id);
    answer.string(&host);
    answer.i32(port);
    Ok(())
}
