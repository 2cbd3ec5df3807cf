//! Who sees what while transactions are open, and after.

use crate::actors::Producer;
use crate::client::{self, texts};
use crate::stand::{Stand, eventually};
use crate::wire::Code;
use crate::wire::batch::{self, TRANSACTIONAL};
use crate::wire::records::{Fetch, Fetched, Isolation, only};
use crate::wire::transactions::End;
use std::time::Duration;

fn fetch(stand: &Stand, topic: &str, offset: i64, isolation: Isolation) -> Fetched {
    only(stand.connect().ask(&Fetch::from(topic, 0, offset, isolation)).topics)
}

/// Ends the transaction and waits until its marker is in the log, which Apache Kafka does after its answer.
#[track_caller]
fn end(stand: &Stand, producer: &mut Producer, topic: &str, end: End) {
    let marker = stand.high_watermark(topic);
    assert_eq!(producer.end(end), Code::NONE);
    eventually("the marker is written", || stand.high_watermark(topic) > marker);
}

pub(crate) fn committed_records_are_seen(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a", "b"]);
    end(stand, &mut producer, &topic, End::Commit);
    producer.write(&topic, 0, &["c"]);
    end(stand, &mut producer, &topic, End::Commit);
    for isolation in [Isolation::Committed, Isolation::Uncommitted] {
        let found = client::read(stand, &topic, 0, isolation);
        let seen: Vec<(i64, String)> = found.iter().map(|record| (record.offset, record.text())).collect();
        // Offset 2 is the first marker, which no client sees.
        assert_eq!(seen, [(0, "a".to_owned()), (1, "b".to_owned()), (3, "c".to_owned())]);
    }
    assert_eq!(stand.high_watermark(&topic), 5);
}

pub(crate) fn aborted_records_are_hidden_from_committed_readers_only(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a"]);
    end(stand, &mut producer, &topic, End::Abort);
    stand.append(&topic, 0, &["b"]);
    producer.write(&topic, 0, &["c"]);
    end(stand, &mut producer, &topic, End::Commit);
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["b", "c"]);
    assert_eq!(texts(stand, &topic, Isolation::Uncommitted), ["a", "b", "c"]);
}

pub(crate) fn an_open_transaction_holds_committed_readers_back(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a"]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["b"]);
    stand.append(&topic, 0, &["c"]);
    assert_eq!((stand.stable_offset(&topic), stand.high_watermark(&topic)), (1, 3));
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["a"]);
    assert_eq!(texts(stand, &topic, Isolation::Uncommitted), ["a", "b", "c"]);
    let fetched = fetch(stand, &topic, 0, Isolation::Committed);
    assert_eq!((fetched.stable_offset, fetched.high_watermark), (1, 3));
    assert_eq!(batch::read(&fetched.records).len(), 1, "no batch beyond the stable offset is sent");
    // Behind the stable offset there is nothing yet, which is no error.
    let fetched = fetch(stand, &topic, 2, Isolation::Committed);
    assert_eq!((fetched.code, fetched.records), (Code::NONE, Vec::new()));
    end(stand, &mut producer, &topic, End::Commit);
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["a", "b", "c"]);
    assert_eq!((stand.stable_offset(&topic), stand.high_watermark(&topic)), (4, 4));
}

pub(crate) fn the_earliest_open_transaction_counts(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let [mut first, mut second] = ["one", "two"].map(|label| Producer::start(stand, &stand.name(label)));
    first.write(&topic, 0, &["a"]);
    second.write(&topic, 0, &["b"]);
    first.write(&topic, 0, &["c"]);
    assert_eq!(stand.stable_offset(&topic), 0);
    end(stand, &mut second, &topic, End::Commit);
    assert_eq!((stand.stable_offset(&topic), stand.high_watermark(&topic)), (0, 4));
    assert_eq!(texts(stand, &topic, Isolation::Committed), Vec::<String>::new());
    end(stand, &mut first, &topic, End::Abort);
    assert_eq!((stand.stable_offset(&topic), stand.high_watermark(&topic)), (5, 5));
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["b"]);
}

pub(crate) fn adding_a_partition_alone_holds_nobody_back(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add(&topic, 0), Code::NONE);
    stand.append(&topic, 0, &["a"]);
    assert_eq!(stand.stable_offset(&topic), 1);
    // But the marker comes to every partition that was added.
    end(stand, &mut producer, &topic, End::Commit);
    assert_eq!(stand.high_watermark(&topic), 2);
}

pub(crate) fn aborted_transactions_are_listed_where_they_overlap(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let [mut first, mut second] = ["one", "two"].map(|label| Producer::start(stand, &stand.name(label)));
    first.write(&topic, 0, &["0"]); // 0
    second.write(&topic, 0, &["1"]); // 1
    end(stand, &mut second, &topic, End::Abort); // 2
    first.write(&topic, 0, &["3"]); // 3
    end(stand, &mut first, &topic, End::Abort); // 4
    first.write(&topic, 0, &["5"]); // 5
    end(stand, &mut first, &topic, End::Commit); // 6
    let (first, second) = (first.identity.producer_id, second.identity.producer_id);
    let aborted = |offset| {
        let mut aborted = fetch(stand, &topic, offset, Isolation::Committed).aborted.unwrap_or_default();
        aborted.sort();
        aborted
    };
    let mut both = [(first, 0), (second, 1)];
    both.sort();
    assert_eq!(aborted(0), both);
    assert_eq!(aborted(2), both);
    assert_eq!(aborted(3), [(first, 0)]);
    assert_eq!(aborted(4), [(first, 0)]);
    assert_eq!(aborted(5), []);
    assert_eq!(fetch(stand, &topic, 0, Isolation::Uncommitted).aborted.unwrap_or_default(), []);
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["5"]);
}

pub(crate) fn markers_look_as_they_should(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a"]);
    end(stand, &mut producer, &topic, End::Abort);
    producer.write(&topic, 0, &["b"]);
    end(stand, &mut producer, &topic, End::Commit);
    let batches = batch::read(&fetch(stand, &topic, 0, Isolation::Uncommitted).records);
    let kinds: Vec<(i64, bool)> = batches.iter().map(|batch| (batch.base_offset, batch.is_control())).collect();
    assert_eq!(kinds, [(0, false), (1, true), (2, false), (3, true)]);
    for (marker, kind) in [(&batches[1], 0), (&batches[3], 1)] {
        assert_ne!(marker.attributes & TRANSACTIONAL, 0);
        assert_eq!((marker.count, marker.sequence, marker.last_offset), (1, -1, marker.base_offset));
        let identity = &producer.identity;
        assert_eq!((marker.producer_id, marker.producer_epoch), (identity.producer_id, identity.epoch));
        // Length, attributes, time delta, offset delta, key length 4 (zigzag 8), key: version 0 and the kind.
        assert_eq!(marker.records[4..9], [8, 0, 0, 0, kind], "{:?}", marker.records);
        // Value of 6 bytes: version 0, coordinator epoch; no headers.
        assert_eq!(marker.records[9..12], [12, 0, 0], "{:?}", marker.records);
        assert_eq!((marker.records.len(), marker.records[16]), (17, 0), "{:?}", marker.records);
    }
}

pub(crate) fn the_end_of_a_transaction_ends_the_wait(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a"]);
    let mut connection = stand.connect();
    let mut request = Fetch::from(&topic, 0, 0, Isolation::Committed);
    (request.max_wait_ms, request.bytes_min) = (50_000, 1);
    connection.send(11, &request);
    assert!(!connection.has_answer(Duration::from_millis(100)));
    assert_eq!(producer.end(End::Commit), Code::NONE);
    let fetched = only(connection.receive::<Fetch>(11).topics);
    assert_eq!((fetched.code, fetched.stable_offset), (Code::NONE, 2));
    let batches = batch::read(&fetched.records);
    assert_eq!(batches.iter().map(|batch| batch.base_offset).collect::<Vec<_>>(), [0, 1]);
}
