//! Topics: making, naming, listing, growing, deleting.

use crate::stand::{Stand, eventually};
use crate::wire::Code;
use crate::wire::admin::{Cluster, CreatePartitions, CreateTopics, DeleteTopics, Metadata, NewTopic, Partition, Topic};
use crate::wire::batch::{Batch, Record};
use crate::wire::records::{Fetch, Isolation, Produce, only};

fn create(stand: &Stand, topic: NewTopic) -> Code {
    let name = topic.name.clone();
    let answer = stand.connect().ask(&CreateTopics { topics: vec![topic], validate_only: false });
    assert_eq!(answer.len(), 1);
    assert_eq!(answer[0].0, name);
    answer[0].1
}

fn metadata(stand: &Stand, topics: Option<&[&str]>) -> Cluster {
    let topics = topics.map(|topics| topics.iter().map(|topic| (*topic).to_owned()).collect());
    stand.connect().ask(&Metadata { topics, create: false })
}

fn delete(stand: &Stand, topic: &str) -> Code {
    let answer = stand.connect().ask(&DeleteTopics { topics: vec![topic.to_owned()] });
    assert_eq!((answer.len(), &*answer[0].0), (1, topic));
    answer[0].1
}

fn grow(stand: &Stand, topic: &str, count: i32) -> Code {
    let request = CreatePartitions { topics: vec![(topic.to_owned(), count)], validate_only: false };
    let answer = stand.connect().ask(&request);
    assert_eq!((answer.len(), &*answer[0].0), (1, topic));
    answer[0].1
}

pub(crate) fn created_topics_have_partitions_with_leaders(stand: &Stand) {
    let name = stand.create("a", 3, &[]);
    let cluster = metadata(stand, Some(&[&name]));
    let id = cluster.brokers[0].0;
    assert_eq!(cluster.controller_id, id);
    let mut topic = cluster.topics[0].clone();
    topic.partitions.sort_by_key(|partition| partition.index);
    let partition = |index| Partition {
        code: Code::NONE,
        index,
        leader: id,
        replicas: vec![id],
        in_sync: vec![id],
        offline: Vec::new(),
    };
    let partitions = vec![partition(0), partition(1), partition(2)];
    assert_eq!(topic, Topic { code: Code::NONE, name, is_internal: false, partitions });
}

pub(crate) fn names_are_taken_once(stand: &Stand) {
    let name = stand.create("a", 1, &[]);
    assert_eq!(create(stand, NewTopic::of(&name, 2, &[])), Code::TOPIC_ALREADY_EXISTS);
    assert_eq!(metadata(stand, Some(&[&name])).topics[0].partitions.len(), 1);
}

pub(crate) fn bad_names_are_refused(stand: &Stand) {
    for name in ["", ".", "..", "a b", "a/b", "ä", &"a".repeat(250)] {
        assert_eq!(create(stand, NewTopic::of(name, 1, &[])), Code::INVALID_TOPIC_EXCEPTION, "{name:?}");
    }
    let longest = &format!("{:a<249}", stand.name("_."));
    stand.will_delete(longest);
    assert_eq!(create(stand, NewTopic::of(longest, 1, &[])), Code::NONE);
}

pub(crate) fn bad_counts_are_refused(stand: &Stand) {
    for count in [0, -2, i32::MIN] {
        assert_eq!(create(stand, NewTopic::of(&stand.name("a"), count, &[])), Code::INVALID_PARTITIONS, "{count}");
    }
    for replicas in [0, 2, i16::MAX, -2] {
        let topic = NewTopic { replicas, ..NewTopic::of(&stand.name("a"), 1, &[]) };
        assert_eq!(create(stand, topic), Code::INVALID_REPLICATION_FACTOR, "{replicas}");
    }
}

pub(crate) fn bad_settings_are_refused(stand: &Stand) {
    let bad = [
        ("no.such.setting", "1"),
        ("retention.ms", "soon"),
        ("retention.ms", "-2"),
        ("cleanup.policy", "burn"),
        ("segment.bytes", "1"),
        ("message.timestamp.type", "Sometimes"),
        ("compression.type", "rar"),
        ("max.message.bytes", "-1"),
        ("compression.gzip.level", "0"),
        ("compression.gzip.level", "10"),
        ("compression.lz4.level", "0"),
        ("compression.lz4.level", "18"),
        ("compression.zstd.level", "23"),
        ("delete.retention.ms", "-1"),
        ("file.delete.delay.ms", "-1"),
        ("flush.messages", "0"),
        ("flush.ms", "-1"),
        ("index.interval.bytes", "-1"),
        ("local.retention.bytes", "-3"),
        ("local.retention.ms", "-3"),
        ("max.compaction.lag.ms", "0"),
        ("message.timestamp.after.max.ms", "-1"),
        ("message.timestamp.before.max.ms", "-1"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.compaction.lag.ms", "-1"),
        ("min.insync.replicas", "0"),
        ("preallocate", "1"),
        ("retention.bytes", "9223372036854775808"),
        ("segment.bytes", "1048575"),
        ("segment.index.bytes", "3"),
        ("segment.jitter.ms", "-1"),
        ("segment.ms", "0"),
        ("unclean.leader.election.enable", "yes"),
    ];
    for (name, value) in bad {
        let topic = NewTopic::of(&stand.name("a"), 1, &[(name, value)]);
        assert_eq!(create(stand, topic), Code::INVALID_CONFIG, "{name}={value}");
    }
}

pub(crate) fn odd_but_sound_settings_are_taken(stand: &Stand) {
    let sound = [
        ("retention.ms", " 5 "),
        ("retention.bytes", "-7"),
        ("preallocate", "TRUE"),
        ("cleanup.policy", "compact, delete"),
        ("cleanup.policy", "compact,delete"),
        ("compression.zstd.level", "-7"),
        ("max.message.bytes", "0"),
        ("segment.bytes", "1048576"),
        ("segment.ms", "1"),
        ("follower.replication.throttled.replicas", "*"),
        ("remote.log.copy.disable", "false"),
        ("segment.index.bytes", "4"),
        ("segment.jitter.ms", "0"),
    ];
    for (name, value) in sound {
        let topic = NewTopic::of(&stand.name("a"), 1, &[(name, value)]);
        let answer = stand.connect().ask(&CreateTopics { topics: vec![topic], validate_only: true });
        assert_eq!(answer[0].1, Code::NONE, "{name}={value}");
    }
}

pub(crate) fn validation_makes_no_topic(stand: &Stand) {
    let name = stand.name("a");
    let ask = |topic| stand.connect().ask(&CreateTopics { topics: vec![topic], validate_only: true })[0].1;
    assert_eq!(ask(NewTopic::of(&name, 1, &[])), Code::NONE);
    assert_eq!(ask(NewTopic::of(&name, 0, &[])), Code::INVALID_PARTITIONS);
    assert_eq!(metadata(stand, Some(&[&name])).topics[0].code, Code::UNKNOWN_TOPIC_OR_PARTITION);
}

pub(crate) fn unknown_topics_are_named_so(stand: &Stand) {
    let name = stand.name("unknown");
    // Whether a client allows it or not: nobody told either broker to make topics.
    for create in [false, true] {
        let cluster = stand.connect().ask(&Metadata { topics: Some(vec![name.clone()]), create });
        let expected = Topic {
            code: Code::UNKNOWN_TOPIC_OR_PARTITION,
            name: name.clone(),
            is_internal: false,
            partitions: Vec::new(),
        };
        assert_eq!(cluster.topics, [expected]);
    }
    let topics = metadata(stand, Some(&["not a name"])).topics;
    assert_eq!(topics[0].code, Code::INVALID_TOPIC_EXCEPTION);
}

pub(crate) fn all_none_or_some_topics_are_listed(stand: &Stand) {
    let (a, b) = (stand.create("a", 1, &[]), stand.create("b", 1, &[]));
    let names = |topics: Option<&[&str]>| -> Vec<String> {
        let topics = metadata(stand, topics).topics;
        topics.into_iter().map(|topic| topic.name).filter(|name| [&a, &b].contains(&name)).collect()
    };
    let mut all = names(None);
    all.sort();
    assert_eq!(all, [a.clone(), b.clone()]);
    assert_eq!(names(Some(&[])), Vec::<String>::new());
    assert_eq!(names(Some(&[&b])), std::slice::from_ref(&b));
}

pub(crate) fn partitions_can_be_added_only(stand: &Stand) {
    let name = stand.create("a", 2, &[]);
    assert_eq!(grow(stand, &name, 3), Code::NONE);
    stand.wait_for_leaders(&name, 3);
    for count in [3, 2, 0, -1] {
        assert_eq!(grow(stand, &name, count), Code::INVALID_PARTITIONS, "{count}");
    }
    assert_eq!(grow(stand, &stand.name("unknown"), 3), Code::UNKNOWN_TOPIC_OR_PARTITION);
    let request = CreatePartitions { topics: vec![(name.clone(), 4)], validate_only: true };
    assert_eq!(stand.connect().ask(&request)[0].1, Code::NONE);
    assert_eq!(metadata(stand, Some(&[&name])).topics[0].partitions.len(), 3);
}

pub(crate) fn added_partitions_leave_records_alone(stand: &Stand) {
    let name = stand.create("a", 1, &[]);
    stand.append(&name, 0, &["a", "b"]);
    assert_eq!(grow(stand, &name, 2), Code::NONE);
    stand.wait_for_leaders(&name, 2);
    assert_eq!(stand.append(&name, 1, &["c"]), 0);
    assert_eq!(stand.append(&name, 0, &["d"]), 2);
}

pub(crate) fn deleted_topics_are_gone(stand: &Stand) {
    let name = stand.create("a", 1, &[]);
    stand.append(&name, 0, &["a"]);
    assert_eq!(delete(stand, &name), Code::NONE);
    eventually("the topic is gone", || {
        metadata(stand, Some(&[&name])).topics[0].code == Code::UNKNOWN_TOPIC_OR_PARTITION
    });
    assert_eq!(delete(stand, &name), Code::UNKNOWN_TOPIC_OR_PARTITION);
    let mut connection = stand.connect();
    let fetched = only(connection.ask(&Fetch::from(&name, 0, 0, Isolation::Uncommitted)).topics);
    assert_eq!(fetched.code, Code::UNKNOWN_TOPIC_OR_PARTITION);
    let batch = Batch::of(&[Record::at(0, "b")]).bytes();
    let produced = only(connection.ask(&Produce::to(&name, 0, batch)));
    assert_eq!((produced.code, produced.base_offset), (Code::UNKNOWN_TOPIC_OR_PARTITION, -1));
}

pub(crate) fn a_topic_made_again_starts_anew(stand: &Stand) {
    let name = stand.create("a", 1, &[("retention.ms", "1000000")]);
    stand.append(&name, 0, &["a", "b"]);
    assert_eq!(delete(stand, &name), Code::NONE);
    eventually("the topic is gone", || {
        metadata(stand, Some(&[&name])).topics[0].code == Code::UNKNOWN_TOPIC_OR_PARTITION
    });
    assert_eq!(stand.create("a", 1, &[]), name);
    assert_eq!((stand.low_watermark(&name), stand.high_watermark(&name)), (0, 0));
}
