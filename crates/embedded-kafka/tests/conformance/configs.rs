//! Settings: what holds, what can be changed, what then happens.

use crate::client;
use crate::stand::{Stand, eventually};
use crate::wire::Code;
use crate::wire::admin::{AlterConfigs, Change, DescribeConfigs, IncrementalAlterConfigs, Metadata, Resource, Setting};
use crate::wire::batch::{Batch, Record};
use crate::wire::records::{Produce, only};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use std::collections::BTreeMap;

/// What the topic itself sets, and what nobody does.
const FROM_TOPIC: i8 = 1;
const FROM_DEFAULT: i8 = 5;

/// Settings whose defaults do not depend on how the Apache Kafka at hand is configured.
const DEFAULTS: [(&str, &str); 29] = [
    ("cleanup.policy", "delete"),
    ("compression.gzip.level", "-1"),
    ("compression.lz4.level", "9"),
    ("compression.type", "producer"),
    ("compression.zstd.level", "3"),
    ("delete.retention.ms", "86400000"),
    ("flush.messages", "9223372036854775807"),
    ("flush.ms", "9223372036854775807"),
    ("follower.replication.throttled.replicas", ""),
    ("index.interval.bytes", "4096"),
    ("leader.replication.throttled.replicas", ""),
    ("local.retention.bytes", "-2"),
    ("local.retention.ms", "-2"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("message.timestamp.after.max.ms", "3600000"),
    ("message.timestamp.before.max.ms", "9223372036854775807"),
    ("message.timestamp.type", "CreateTime"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.compaction.lag.ms", "0"),
    ("preallocate", "false"),
    ("remote.log.copy.disable", "false"),
    ("remote.log.delete.on.disable", "false"),
    ("remote.storage.enable", "false"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
    ("segment.index.bytes", "10485760"),
    ("segment.jitter.ms", "0"),
    ("segment.ms", "604800000"),
    ("unclean.leader.election.enable", "false"),
];

fn describe(stand: &Stand, resource: Resource, names: Option<&[&str]>) -> (Code, Vec<Setting>) {
    let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    stand.connect().ask(&DescribeConfigs { resource, names })
}

fn of_topic(stand: &Stand, topic: &str) -> BTreeMap<String, Setting> {
    let (code, settings) = describe(stand, Resource::Topic(topic.to_owned()), None);
    assert_eq!(code, Code::NONE);
    settings.into_iter().map(|setting| (setting.name.clone(), setting)).collect()
}

/// What the topic sets itself.
fn set_on(stand: &Stand, topic: &str) -> Vec<(String, String)> {
    let settings = of_topic(stand, topic).into_values();
    settings
        .filter(|setting| setting.source == FROM_TOPIC)
        .map(|setting| (setting.name, setting.value.unwrap()))
        .collect()
}

/// Waits until the topic sets exactly this: Apache Kafka answers a change before it has come to be.
#[track_caller]
fn wait_for(stand: &Stand, topic: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut found = Vec::new();
    eventually(&format!("{expected:?} is set"), || {
        found = set_on(stand, topic);
        found == expected
    });
}

fn alter(stand: &Stand, topic: &str, settings: &[(&str, &str)]) -> Code {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
    let resource = Resource::Topic(topic.to_owned());
    stand.connect().ask(&AlterConfigs { resource, settings, validate_only: false })
}

fn change(stand: &Stand, topic: &str, changes: &[(&str, Change, &str)]) -> Code {
    let changes = changes.iter().map(|(name, change, value)| {
        let value = (*change != Change::Delete).then(|| (*value).to_owned());
        ((*name).to_owned(), *change, value)
    });
    let resource = Resource::Topic(topic.to_owned());
    stand.connect().ask(&IncrementalAlterConfigs { resource, changes: changes.collect(), validate_only: false })
}

pub(crate) fn defaults_are_apache_kafkas(stand: &Stand) {
    let settings = of_topic(stand, &stand.create("a", 1, &[]));
    for (name, value) in DEFAULTS {
        let expected = Setting {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            is_read_only: false,
            source: FROM_DEFAULT,
            is_sensitive: false,
        };
        assert_eq!(settings.get(name), Some(&expected));
    }
    // These are there as well, whatever they are set to, and no others.
    let mut names: Vec<&str> = DEFAULTS.iter().map(|(name, _)| *name).collect();
    names.extend(["file.delete.delay.ms", "max.message.bytes", "min.insync.replicas", "segment.bytes"]);
    names.sort_unstable();
    assert_eq!(settings.keys().collect::<Vec<_>>(), names);
}

pub(crate) fn what_was_set_is_told_apart(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.ms", "604800000"), ("cleanup.policy", "compact,delete")]);
    // Set is set, even to the default.
    assert_eq!(
        set_on(stand, &topic),
        [
            ("cleanup.policy".to_owned(), "compact,delete".to_owned()),
            ("retention.ms".to_owned(), "604800000".to_owned())
        ]
    );
    let admin: AdminClient<DefaultClientContext> = stand.client().create().unwrap();
    let described = client::block_on(admin.describe_configs(&[ResourceSpecifier::Topic(&topic)], &AdminOptions::new()));
    let described = described.unwrap().remove(0).unwrap();
    let policy = described.get("cleanup.policy").unwrap();
    assert_eq!((policy.value.as_deref(), policy.is_default), (Some("compact,delete"), false));
    assert!(matches!(policy.source, ConfigSource::DynamicTopic), "{:?}", policy.source);
    let segment = described.get("segment.ms").unwrap();
    assert_eq!((segment.value.as_deref(), segment.is_default), (Some("604800000"), true));
}

pub(crate) fn single_settings_can_be_asked_for(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let names = |names: &[&str]| -> Vec<String> {
        let (code, settings) = describe(stand, Resource::Topic(topic.clone()), Some(names));
        assert_eq!(code, Code::NONE);
        let mut names: Vec<String> = settings.into_iter().map(|setting| setting.name).collect();
        names.sort();
        names
    };
    assert_eq!(names(&["segment.ms", "retention.ms"]), ["retention.ms", "segment.ms"]);
    assert_eq!(names(&["no.such.setting", "retention.ms"]), ["retention.ms"]);
}

pub(crate) fn unknown_things_have_no_settings(stand: &Stand) {
    let ask = |name: &str| describe(stand, Resource::Topic(name.to_owned()), None);
    assert_eq!(ask(&stand.name("unknown")), (Code::UNKNOWN_TOPIC_OR_PARTITION, Vec::new()));
    assert_eq!(ask("not a name"), (Code::INVALID_TOPIC_EXCEPTION, Vec::new()));
    assert_eq!(describe(stand, Resource::Broker(9_999), None), (Code::INVALID_REQUEST, Vec::new()));
    assert_eq!(alter(stand, &stand.name("unknown"), &[]), Code::UNKNOWN_TOPIC_OR_PARTITION);
    let set = [("retention.ms", Change::Set, "1")];
    assert_eq!(change(stand, &stand.name("unknown"), &set), Code::UNKNOWN_TOPIC_OR_PARTITION);
}

pub(crate) fn the_broker_has_settings(stand: &Stand) {
    let brokers = stand.connect().ask(&Metadata { topics: Some(Vec::new()), create: false }).brokers;
    let wanted = ["auto.create.topics.enable", "log.retention.check.interval.ms", "message.max.bytes"];
    let (code, settings) = describe(stand, Resource::Broker(brokers[0].0), Some(&wanted));
    assert_eq!(code, Code::NONE);
    let settings: BTreeMap<&str, &str> =
        settings.iter().map(|setting| (&*setting.name, setting.value.as_deref().unwrap())).collect();
    assert_eq!(settings.keys().copied().collect::<Vec<_>>(), wanted);
    assert_eq!(settings["auto.create.topics.enable"], "false");
    settings["log.retention.check.interval.ms"].parse::<u64>().unwrap();
    settings["message.max.bytes"].parse::<u64>().unwrap();
}

pub(crate) fn altering_replaces_all(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.ms", "1000000"), ("segment.ms", "1000")]);
    assert_eq!(alter(stand, &topic, &[("segment.ms", "2000")]), Code::NONE);
    wait_for(stand, &topic, &[("segment.ms", "2000")]);
    assert_eq!(of_topic(stand, &topic)["retention.ms"].source, FROM_DEFAULT);
    let admin: AdminClient<DefaultClientContext> = stand.client().create().unwrap();
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.ms", "3000000");
    client::block_on(admin.alter_configs(&[change], &AdminOptions::new())).unwrap().remove(0).unwrap();
    wait_for(stand, &topic, &[("retention.ms", "3000000")]);
}

pub(crate) fn changing_leaves_the_rest(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.ms", "1000000"), ("segment.ms", "1000")]);
    assert_eq!(change(stand, &topic, &[("segment.ms", Change::Set, "2000")]), Code::NONE);
    wait_for(stand, &topic, &[("retention.ms", "1000000"), ("segment.ms", "2000")]);
    let changes = [("retention.ms", Change::Delete, ""), ("cleanup.policy", Change::Append, "compact")];
    assert_eq!(change(stand, &topic, &changes), Code::NONE);
    wait_for(stand, &topic, &[("cleanup.policy", "delete,compact"), ("segment.ms", "2000")]);
    assert_eq!(change(stand, &topic, &[("cleanup.policy", Change::Append, "compact")]), Code::NONE);
    assert_eq!(change(stand, &topic, &[("cleanup.policy", Change::Subtract, "delete")]), Code::NONE);
    wait_for(stand, &topic, &[("cleanup.policy", "compact"), ("segment.ms", "2000")]);
    // What is not set can be unset, even what does not exist.
    for name in ["retention.ms", "no.such.setting"] {
        assert_eq!(change(stand, &topic, &[(name, Change::Delete, "")]), Code::NONE, "{name}");
    }
}

pub(crate) fn senseless_changes_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.ms", "1000000")]);
    for (settings, code) in [
        ([("no.such.setting", "1")], Code::INVALID_CONFIG),
        ([("retention.ms", "soon")], Code::INVALID_CONFIG),
        ([("cleanup.policy", "burn")], Code::INVALID_CONFIG),
    ] {
        assert_eq!(alter(stand, &topic, &settings), code, "{settings:?}");
    }
    for (changes, code) in [
        (vec![("no.such.setting", Change::Set, "1")], Code::INVALID_CONFIG),
        (vec![("retention.ms", Change::Set, "soon")], Code::INVALID_CONFIG),
        (vec![("retention.ms", Change::Append, "1")], Code::INVALID_CONFIG),
        (vec![("retention.ms", Change::Set, "1"), ("retention.ms", Change::Set, "2")], Code::INVALID_REQUEST),
        (vec![("segment.ms", Change::Set, "5"), ("retention.ms", Change::Set, "soon")], Code::INVALID_CONFIG),
    ] {
        assert_eq!(change(stand, &topic, &changes), code, "{changes:?}");
    }
    let nothing = IncrementalAlterConfigs {
        resource: Resource::Topic(topic.clone()),
        changes: vec![("retention.ms".to_owned(), Change::Set, None)],
        validate_only: false,
    };
    assert_eq!(stand.connect().ask(&nothing), Code::INVALID_REQUEST);
    assert_eq!(set_on(stand, &topic), [("retention.ms".to_owned(), "1000000".to_owned())]);
}

pub(crate) fn settings_have_a_greatest_length(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let append = |replicas: std::ops::Range<u32>| {
        let value = replicas.map(|replica| format!("0:{replica}")).collect::<Vec<_>>().join(",");
        assert!(value.len() < 32_767);
        let changes = vec![("leader.replication.throttled.replicas".to_owned(), Change::Append, Some(value))];
        let request =
            IncrementalAlterConfigs { resource: Resource::Topic(topic.clone()), changes, validate_only: false };
        stand.connect().ask(&request)
    };
    assert_eq!(append(10_000..12_500), Code::NONE);
    assert_eq!(append(20_000..22_500), Code::INVALID_CONFIG);
}

pub(crate) fn validation_changes_nothing(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let resource = Resource::Topic(topic.clone());
    let ask = |value: &str| {
        let settings = vec![("retention.ms".to_owned(), Some(value.to_owned()))];
        let alter = AlterConfigs { resource: resource.clone(), settings, validate_only: true };
        let changes = vec![("retention.ms".to_owned(), Change::Set, Some(value.to_owned()))];
        let change = IncrementalAlterConfigs { resource: resource.clone(), changes, validate_only: true };
        (stand.connect().ask(&alter), stand.connect().ask(&change))
    };
    assert_eq!(ask("1000"), (Code::NONE, Code::NONE));
    assert_eq!(ask("soon"), (Code::INVALID_CONFIG, Code::INVALID_CONFIG));
    assert_eq!(set_on(stand, &topic), []);
}

pub(crate) fn changes_take_effect(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let batch = Batch::of(&[Record::at(0, &"a".repeat(500))]).bytes();
    let produce = || only(stand.connect().ask(&Produce::to(&topic, 0, batch.clone()))).code;
    assert_eq!(produce(), Code::NONE);
    assert_eq!(change(stand, &topic, &[("max.message.bytes", Change::Set, "400")]), Code::NONE);
    eventually("it is too large now", || produce() == Code::MESSAGE_TOO_LARGE);
    assert_eq!(change(stand, &topic, &[("max.message.bytes", Change::Delete, "")]), Code::NONE);
    eventually("it is not too large any more", || produce() == Code::NONE);
}
