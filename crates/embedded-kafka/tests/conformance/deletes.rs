//! `DeleteRecords`: the beginning of a log moves, and what that means for readers.

use crate::actors::Producer;
use crate::client::{self, Found};
use crate::stand::{Stand, TIMEOUT, eventually};
use crate::wire::Code;
use crate::wire::groups::{Commit, OffsetCommit};
use crate::wire::records::{DeleteRecords, DeletedRecords, Fetch, Isolation, one, only};
use crate::wire::transactions::End;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// Code and low watermark.
fn delete(stand: &Stand, topic: &str, offset: i64) -> (Code, i64) {
    let deleted = only(stand.connect().ask(&DeleteRecords { topics: one(topic, (0, offset)) }));
    (deleted.code, deleted.low_watermark)
}

pub(crate) fn the_low_watermark_moves(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b"]);
    stand.append(&topic, 0, &["c"]);
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
    assert_eq!((stand.low_watermark(&topic), stand.high_watermark(&topic)), (2, 3));
    let fetched = only(stand.connect().ask(&Fetch::from(&topic, 0, 2, Isolation::Uncommitted)).topics);
    assert_eq!((fetched.code, fetched.start_offset), (Code::NONE, 2));
    // The bytes stay: the active segment is never removed.
    if let Some(segments) = stand.segments(&topic) {
        assert_eq!((segments.len(), segments[0].base_offset, segments[0].end_offset), (1, 0, 3));
    }
}

pub(crate) fn it_never_moves_back(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c"]);
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
    assert_eq!(delete(stand, &topic, 1), (Code::NONE, 2));
    assert_eq!(delete(stand, &topic, 0), (Code::NONE, 2));
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
}

pub(crate) fn minus_one_means_all(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c"]);
    assert_eq!(delete(stand, &topic, -1), (Code::NONE, 3));
    assert_eq!((stand.low_watermark(&topic), stand.high_watermark(&topic)), (3, 3));
    assert_eq!(stand.append(&topic, 0, &["d"]), 3, "offsets are not used again");
    assert_eq!(client::read(stand, &topic, 0, Isolation::Uncommitted)[0].text(), "d");
    assert_eq!(delete(stand, &topic, -1), (Code::NONE, 4));
}

pub(crate) fn nothing_beyond_the_end_is_deleted(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b"]);
    for offset in [3, i64::MAX, -2, i64::MIN] {
        assert_eq!(delete(stand, &topic, offset), (Code::OFFSET_OUT_OF_RANGE, -1), "{offset}");
    }
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
}

pub(crate) fn compacted_topics_refuse(stand: &Stand) {
    let topic = stand.create("compact", 1, &[("cleanup.policy", "compact")]);
    assert_eq!(delete(stand, &topic, 0), (Code::POLICY_VIOLATION, -1));
    let topic = stand.create("both", 1, &[("cleanup.policy", "compact,delete")]);
    assert_eq!(delete(stand, &topic, 0), (Code::NONE, 0));
}

pub(crate) fn unknown_places_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let unknown = stand.name("unknown");
    stand.append(&topic, 0, &["a"]);
    let topics = vec![(topic.clone(), vec![(0, 1), (7, 0)]), (unknown.clone(), vec![(0, 0)])];
    let mut answer = stand.connect().ask(&DeleteRecords { topics });
    answer.sort_by_key(|(name, _)| *name == unknown);
    answer[0].1.sort_by_key(|deleted| deleted.partition);
    let refused = |partition| DeletedRecords { partition, low_watermark: -1, code: Code::UNKNOWN_TOPIC_OR_PARTITION };
    let done = DeletedRecords { partition: 0, low_watermark: 1, code: Code::NONE };
    assert_eq!(answer, [(topic, vec![done, refused(7)]), (unknown, vec![refused(0)])]);
}

pub(crate) fn half_a_batch_is_hidden(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c", "d"]);
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
    let found = client::read(stand, &topic, 0, Isolation::Uncommitted);
    let seen: Vec<(i64, String)> = found.iter().map(|record| (record.offset, Found::text(record))).collect();
    assert_eq!(seen, [(2, "c".to_owned()), (3, "d".to_owned())]);
    for offset in [0, 1] {
        let fetched = only(stand.connect().ask(&Fetch::from(&topic, 0, offset, Isolation::Uncommitted)).topics);
        assert_eq!((fetched.code, fetched.records), (Code::OFFSET_OUT_OF_RANGE, Vec::new()));
    }
}

pub(crate) fn open_transactions_do_not_protect_records(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a"]);
    producer.write(&topic, 0, &["b"]);
    stand.append(&topic, 0, &["c"]);
    assert_eq!(stand.stable_offset(&topic), 0);
    assert_eq!(delete(stand, &topic, 1), (Code::NONE, 1));
    assert_eq!(stand.stable_offset(&topic), 1, "nothing below the beginning is waited for");
    assert_eq!(producer.end(End::Commit), Code::NONE);
    eventually("the transaction has ended", || stand.stable_offset(&topic) == 4);
    assert_eq!(client::texts(stand, &topic, Isolation::Committed), ["b", "c"]);
}

/// A reader that stands at an offset.
fn reader_at(stand: &Stand, topic: &str, offset: i64, reset: &str) -> BaseConsumer {
    let consumer: BaseConsumer = stand
        .client()
        .set("group.id", stand.name("group"))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", reset)
        .create()
        .unwrap();
    let mut at = TopicPartitionList::new();
    at.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    consumer.assign(&at).unwrap();
    consumer
}

/// The first thing that a reader hears: an offset, or an error.
fn first(consumer: &BaseConsumer) -> Result<i64, KafkaError> {
    let start = Instant::now();
    loop {
        if let Some(heard) = consumer.poll(Duration::from_millis(50)) {
            return heard.map(|message| message.offset());
        }
        assert!(start.elapsed() < TIMEOUT, "nothing is heard");
    }
}

pub(crate) fn readers_below_the_beginning_start_over(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c", "d"]);
    assert_eq!(delete(stand, &topic, 2), (Code::NONE, 2));
    assert_eq!(first(&reader_at(stand, &topic, 0, "earliest")), Ok(2));
    assert_eq!(first(&reader_at(stand, &topic, 3, "earliest")), Ok(3));
    let KafkaError::MessageConsumption(code) = first(&reader_at(stand, &topic, 0, "error")).unwrap_err() else {
        panic!("an error of the reader")
    };
    assert_eq!(code, RDKafkaErrorCode::AutoOffsetReset);
    // To the end, where nothing is until something comes.
    let latest = reader_at(stand, &topic, 0, "latest");
    assert!(latest.poll(Duration::from_millis(500)).is_none());
    eventually("it reads what comes", || {
        stand.append(&topic, 0, &["e"]);
        latest.poll(Duration::from_millis(100)).is_some_and(|message| message.unwrap().offset() >= 4)
    });
}

pub(crate) fn groups_below_the_beginning_start_over(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    stand.append(&topic, 0, &["a", "b", "c", "d"]);
    crate::actors::wait_for_coordinator(&mut stand.connect(), &group, 0);
    let commit = OffsetCommit::simple(&group, one(&topic, Commit::at(0, 1)));
    assert_eq!(only(stand.connect().ask(&commit)).1, Code::NONE);
    assert_eq!(delete(stand, &topic, 3), (Code::NONE, 3));
    let consumer: BaseConsumer =
        stand.client().set("group.id", &group).set("auto.offset.reset", "earliest").create().unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    assert_eq!(first(&consumer), Ok(3));
}

pub(crate) fn clients_delete_records(stand: &Stand) {
    let topic = stand.create("a", 3, &[]);
    for partition in 0..3 {
        stand.append(&topic, partition, &["a", "b"]);
    }
    let admin: AdminClient<DefaultClientContext> = stand.client().create().unwrap();
    let mut offsets = TopicPartitionList::new();
    for (partition, offset) in [(0, Offset::Offset(1)), (1, Offset::End), (2, Offset::Offset(3))] {
        offsets.add_partition_offset(&topic, partition, offset).unwrap();
    }
    let answer = client::block_on(admin.delete_records(&offsets, &AdminOptions::new())).unwrap();
    let answer: Vec<(i32, Offset, bool)> = answer
        .elements()
        .iter()
        .map(|element| (element.partition(), element.offset(), element.error().is_ok()))
        .collect();
    assert_eq!(answer[..2], [(0, Offset::Offset(1), true), (1, Offset::Offset(2), true)]);
    assert_eq!((answer[2].0, answer[2].2), (2, false));
    let consumer: BaseConsumer = stand.client().set("group.id", stand.name("g")).create().unwrap();
    let watermarks = [0, 1, 2].map(|partition| consumer.fetch_watermarks(&topic, partition, TIMEOUT).unwrap());
    assert_eq!(watermarks, [(1, 2), (2, 2), (0, 2)]);
}
