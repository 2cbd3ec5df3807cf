//! Topics and their settings.

use super::metadata::NODE_ID;
use super::{Call, without_repetitions};
use crate::core::State;
use crate::topic::{KNOWN, SettingType, Topic};
use crate::wire::{ErrorCode, Malformed, Reader, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of resource that have settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Where a setting's value comes from.
const FROM_TOPIC: i8 = 1;
const FROM_BROKER: i8 = 4;
const FROM_DEFAULT: i8 = 5;
/// Partitions or replicas as the broker likes.
const DEFAULT: i32 = -1;

pub(super) fn create(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    struct New {
        name: String,
        partitions: i32,
        replication: i16,
        assigned: usize,
        overrides: BTreeMap<String, String>,
    }
    let topics = request.structs(|request| {
        let (name, partitions, replication) = (request.string()?, request.i32()?, request.i16()?);
        let assigned = request.structs(|request| Ok((request.i32()?, request.array(Reader::i32)?)))?.len();
        let set = request.structs(|request| Ok((request.string()?, request.nullable_string()?)))?;
        let overrides = set.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Ok(New { name, partitions, replication, assigned, overrides })
    })?;
    request.i32()?;
    let is_trial = request.bool()?;

    let mut state = call.core.lock();
    answer.throttle();
    answer.structs(topics, |answer, new| {
        let made = call.check_refusal().and_then(|()| {
            if new.assigned == 0 && !matches!(new.replication, -1 | 1) {
                return Err(ErrorCode::InvalidReplicationFactor);
            }
            let partitions = match (new.assigned, new.partitions) {
                (0, DEFAULT) => call.core.options.auto_create_partitions.map_or(1, |count| count as i32),
                (0, partitions) => partitions,
                (assigned, _) => assigned as i32,
            };
            state.create_topic(&new.name, partitions, new.overrides, is_trial)
        });
        answer.string(&new.name);
        answer.outcome(&made);
        answer.nullable_string(None);
    });
    drop(state);
    call.core.wake();
    Ok(())
}

pub(super) fn delete(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let names = request.array(Reader::string)?;
    request.i32()?;
    let mut state = call.core.lock();
    answer.throttle();
    answer.structs(names, |answer, name| {
        let deleted = call.check_refusal().and_then(|()| state.delete_topic(&name));
        answer.string(&name);
        answer.outcome(&deleted);
    });
    drop(state);
    call.core.wake();
    Ok(())
}

pub(super) fn create_partitions(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    let topics = request.structs(|request| {
        let (name, count) = (request.string()?, request.i32()?);
        request.nullable_array(|request| request.array(Reader::i32))?;
        Ok((name, count))
    })?;
    request.i32()?;
    let is_trial = request.bool()?;
    let mut state = call.core.lock();
    answer.throttle();
    answer.structs(topics, |answer, (name, count)| {
        let grown = call.check_refusal().and_then(|()| state.grow_topic(&name, count, is_trial));
        answer.string(&name);
        answer.outcome(&grown);
        answer.nullable_string(None);
    });
    Ok(())
}

/// Settings of the broker that clients look up, as they are here.
fn broker_settings(call: &Call<'_>) -> Vec<(&'static str, String, SettingType)> {
    let options = &call.core.options;
    vec![
        ("auto.create.topics.enable", options.auto_create_partitions.is_some().to_string(), SettingType::Boolean),
        ("group.initial.rebalance.delay.ms", options.initial_rebalance_delay.as_millis().to_string(), SettingType::Int),
        (
            "log.retention.check.interval.ms",
            options.retention_check_interval.as_millis().to_string(),
            SettingType::Long,
        ),
        // Segments that are dropped are gone at once.
        ("log.segment.delete.delay.ms", "0".to_owned(), SettingType::Long),
        ("message.max.bytes", options.message_bytes_max.to_string(), SettingType::Int),
    ]
}

/// A setting as it is described.
struct Described {
    name: String,
    value: String,
    source: i8,
    kind: SettingType,
}

pub(super) fn describe_configs(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    let resources =
        request.structs(|request| Ok((request.i8()?, request.string()?, request.nullable_array(Reader::string)?)))?;
    let resources = without_repetitions(resources);
    let wants_synonyms = request.bool()?;
    if call.version >= 3 {
        request.bool()?;
    }
    let state = call.core.lock();
    answer.throttle();
    answer.structs(resources, |answer, (kind, name, keys)| {
        let described = call.check_refusal().and_then(|()| describe(call, &state, kind, &name));
        answer.outcome(&described);
        answer.nullable_string(None);
        answer.i8(kind);
        answer.string(&name);
        let mut described = described.unwrap_or_default();
        described.retain(|setting| keys.as_ref().is_none_or(|keys| keys.contains(&setting.name)));
        answer.structs(described, |answer, setting| write_setting(call, answer, &setting, wants_synonyms));
    });
    Ok(())
}

fn describe(call: &Call<'_>, state: &State, kind: i8, name: &str) -> Result<Vec<Described>, ErrorCode> {
    match kind {
        TOPIC => {
            let topic = state.find(name)?;
            let message_bytes_max = state.defaults.message_bytes_max.to_string();
            let described = KNOWN.iter().map(|(name, default, kind)| match *name {
                "max.message.bytes" => of_topic(topic, name, &message_bytes_max, FROM_BROKER, *kind),
                _ => of_topic(topic, name, default, FROM_DEFAULT, *kind),
            });
            Ok(described.collect())
        }
        BROKER if name == NODE_ID.to_string() => {
            let settings = broker_settings(call).into_iter();
            Ok(settings
                .map(|(name, value, kind)| Described { name: name.to_owned(), value, source: FROM_DEFAULT, kind })
                .collect())
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

fn of_topic(topic: &Topic, name: &str, default: &str, default_source: i8, kind: SettingType) -> Described {
    let set = topic.overrides.get(name);
    Described {
        name: name.to_owned(),
        value: set.map_or(default, String::as_str).to_owned(),
        source: if set.is_some() { FROM_TOPIC } else { default_source },
        kind,
    }
}

fn write_setting(call: &Call<'_>, answer: &mut Writer, setting: &Described, wants_synonyms: bool) {
    answer.string(&setting.name);
    answer.nullable_string(Some(&setting.value));
    // Not read-only.
    answer.bool(false);
    answer.i8(setting.source);
    // Not sensitive.
    answer.bool(false);
    let synonyms = if wants_synonyms { vec![setting] } else { Vec::new() };
    answer.structs(synonyms, |answer, setting| {
        answer.string(&setting.name);
        answer.nullable_string(Some(&setting.value));
        answer.i8(setting.source);
    });
    if call.version >= 3 {
        answer.i8(setting.kind as i8);
        answer.nullable_string(None);
    }
}

/// Replaces all that is set on a topic.
pub(super) fn alter_configs(call: &Call<'_>, request: &mut Reader<'_>, answer: &mut Writer) -> Result<(), Malformed> {
    let resources = request.structs(|request| {
        let (kind, name) = (request.i8()?, request.string()?);
        let set = request.structs(|request| Ok((request.string()?, request.nullable_string()?)))?;
        Ok((kind, name, set))
    })?;
    let is_trial = request.bool()?;
    alter(call, answer, resources, is_trial, |_, set| {
        Ok(set.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    });
    Ok(())
}

/// Changes single settings of a topic (KIP-339).
pub(super) fn incremental_alter_configs(
    call: &Call<'_>,
    request: &mut Reader<'_>,
    answer: &mut Writer,
) -> Result<(), Malformed> {
    let resources = request.structs(|request| {
        let (kind, name) = (request.i8()?, request.string()?);
        let changes = request.structs(|request| Ok((request.string()?, request.i8()?, request.nullable_string()?)))?;
        Ok((kind, name, changes))
    })?;
    let is_trial = request.bool()?;
    request.tags()?;
    alter(call, answer, resources, is_trial, |topic, changes| {
        let names: BTreeSet<&String> = changes.iter().map(|(name, ..)| name).collect();
        if names.len() < changes.len() {
            return Err(ErrorCode::InvalidRequest);
        }
        let mut overrides = topic.overrides.clone();
        for (name, operation, value) in changes {
            change(&mut overrides, name, operation, value)?;
        }
        Ok(overrides)
    });
    answer.tags();
    Ok(())
}

/// One change of one setting.
fn change(
    overrides: &mut BTreeMap<String, String>,
    name: String,
    operation: i8,
    value: Option<String>,
) -> Result<(), ErrorCode> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let known = KNOWN.iter().find(|(known, ..)| *known == name);
    match (operation, value) {
        (DELETE, _) => drop(overrides.remove(&name)),
        (SET, Some(value)) => drop(overrides.insert(name, value)),
        (APPEND | SUBTRACT, Some(value)) => {
            let Some((_, default, SettingType::List)) = known else { return Err(ErrorCode::InvalidConfig) };
            let current = overrides.get(&name).map_or(*default, String::as_str);
            let changed: BTreeSet<&str> = value.split(',').collect();
            let mut items: Vec<&str> =
                current.split(',').filter(|item| !item.is_empty() && !changed.contains(item)).collect();
            if operation == APPEND {
                items.extend(value.split(','));
            }
            let items = items.join(",");
            overrides.insert(name, items);
        }
        _ => return Err(ErrorCode::InvalidRequest),
    }
    Ok(())
}

/// Sets what `overrides` makes of each resource's changes.
fn alter<T>(
    call: &Call<'_>,
    answer: &mut Writer,
    resources: Vec<(i8, String, T)>,
    is_trial: bool,
    overrides: impl Fn(&Topic, T) -> Result<BTreeMap<String, String>, ErrorCode>,
) {
    let mut state = call.core.lock();
    answer.throttle();
    answer.structs(resources, |answer, (kind, name, changes)| {
        let altered = call.check_refusal().and_then(|()| {
            if kind != TOPIC {
                return Err(ErrorCode::InvalidRequest);
            }
            let State { topics, defaults, .. } = &mut *state;
            let topic = topics.get_mut(&name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            let overrides = overrides(topic, changes)?;
            if is_trial { defaults.with(&overrides).map(drop) } else { topic.set(defaults, overrides) }
        });
        answer.outcome(&altered);
        answer.nullable_string(None);
        answer.i8(kind);
        answer.string(&name);
    });
}
