//! Reading: where, how much, and how long a broker waits.

use crate::stand::Stand;
use crate::wire::batch::{self, field};
use crate::wire::records::{Fetch, FetchAnswer, FetchFrom, Fetched, Isolation, only};
use crate::wire::{Code, Connection};
use std::time::{Duration, Instant};

fn fetch(stand: &Stand, topic: &str, offset: i64) -> Fetched {
    only(stand.connect().ask(&Fetch::from(topic, 0, offset, Isolation::Uncommitted)).topics)
}

/// First and last offset of each batch.
fn offsets(fetched: &Fetched) -> Vec<(i64, i64)> {
    batch::read(&fetched.records).iter().map(|batch| (batch.base_offset, batch.last_offset)).collect()
}

pub(crate) fn the_answer_tells_the_state_of_the_log(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b"]);
    for (isolation, aborted) in [(Isolation::Uncommitted, None), (Isolation::Committed, Some(Vec::new()))] {
        let mut fetched = only(stand.connect().ask(&Fetch::from(&topic, 0, 0, isolation)).topics);
        assert_eq!(offsets(&fetched), [(0, 1)]);
        fetched.records.clear();
        let expected = Fetched {
            partition: 0,
            code: Code::NONE,
            high_watermark: 2,
            stable_offset: 2,
            start_offset: 0,
            aborted,
            records: Vec::new(),
        };
        // Apache Kafka says an empty list as null, and a list that was not asked for as well.
        fetched.aborted = fetched.aborted.or(expected.aborted.clone());
        assert_eq!(fetched, expected);
    }
}

pub(crate) fn any_offset_of_a_batch_gets_the_batch(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c"]);
    stand.append(&topic, 0, &["d", "e"]);
    assert_eq!(offsets(&fetch(stand, &topic, 1)), [(0, 2), (3, 4)]);
    assert_eq!(offsets(&fetch(stand, &topic, 2)), [(0, 2), (3, 4)]);
    assert_eq!(offsets(&fetch(stand, &topic, 3)), [(3, 4)]);
    assert_eq!(offsets(&fetch(stand, &topic, 5)), []);
}

pub(crate) fn offsets_out_of_range_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b"]);
    for offset in [3, -1, i64::MAX, i64::MIN] {
        let fetched = fetch(stand, &topic, offset);
        assert_eq!((fetched.code, fetched.records), (Code::OFFSET_OUT_OF_RANGE, Vec::new()), "{offset}");
    }
    let fetched = fetch(stand, &topic, 2);
    assert_eq!((fetched.code, fetched.high_watermark), (Code::NONE, 2));
}

pub(crate) fn unknown_places_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    for (topic, partition) in [(&*topic, 1), (&*topic, -1), (&*stand.name("unknown"), 0)] {
        let fetched = only(stand.connect().ask(&Fetch::from(topic, partition, 0, Isolation::Uncommitted)).topics);
        assert_eq!((fetched.code, fetched.high_watermark), (Code::UNKNOWN_TOPIC_OR_PARTITION, -1));
    }
}

pub(crate) fn leader_epochs_are_checked(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a"]);
    for (leader_epoch, code) in [(-2, Code::NONE), (-1, Code::NONE), (0, Code::NONE), (1, Code::UNKNOWN_LEADER_EPOCH)] {
        let mut request = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
        request.topics[0].1[0].leader_epoch = leader_epoch;
        assert_eq!(only(stand.connect().ask(&request).topics).code, code, "leader epoch {leader_epoch}");
    }
}

pub(crate) fn the_first_batch_comes_whatever_its_size(stand: &Stand) {
    let topic = stand.create("a", 2, &[]);
    let value = "a".repeat(1000);
    for partition in [0, 1] {
        stand.append(&topic, partition, &[&value]);
        stand.append(&topic, partition, &[&value]);
    }
    let small = |partition| FetchFrom { partition, leader_epoch: -1, offset: 0, bytes_max: 1 };
    for (bytes_max, what) in [(1, "the answer is limited"), (1 << 20, "each partition is limited")] {
        let mut request = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
        request.topics[0].1 = vec![small(0), small(1)];
        request.bytes_max = bytes_max;
        let mut partitions = stand.connect().ask(&request).topics.remove(0).1;
        partitions.sort_by_key(|fetched| fetched.partition);
        assert_eq!(offsets(&partitions[0]), [(0, 0)], "{what}");
        assert_eq!(offsets(&partitions[1]), [], "{what}");
    }
}

pub(crate) fn answers_stay_below_their_size(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let value = "a".repeat(1000);
    for _ in 0..4 {
        stand.append(&topic, 0, &[&value]);
    }
    let batch_bytes = fetch(stand, &topic, 3).records.len() as i32;
    for (bytes_max, whole) in [(2 * batch_bytes, 2), (2 * batch_bytes + field::RECORDS as i32 + 40, 2), (i32::MAX, 4)] {
        let mut request = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
        request.topics[0].1[0].bytes_max = bytes_max;
        let fetched = only(stand.connect().ask(&request).topics);
        assert!(fetched.records.len() as i64 <= i64::from(bytes_max));
        // The last one may be cut.
        assert_eq!(offsets(&fetched).len(), whole, "{bytes_max} bytes at most");
    }
}

/// Waits for up to `max_wait`, and says how long it took.
fn ask_patiently(connection: &mut Connection, topic: &str, max_wait: Duration, bytes_min: i32) -> (Fetched, Duration) {
    let mut request = Fetch::from(topic, 0, 0, Isolation::Uncommitted);
    (request.max_wait_ms, request.bytes_min) = (max_wait.as_millis() as i32, bytes_min);
    let start = Instant::now();
    (only(connection.ask(&request).topics), start.elapsed())
}

pub(crate) fn an_empty_answer_takes_its_time(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let wait = Duration::from_millis(300);
    let mut connection = stand.connect();
    let (fetched, took) = ask_patiently(&mut connection, &topic, wait, 1);
    assert_eq!((fetched.code, fetched.records), (Code::NONE, Vec::new()));
    assert!(took >= wait, "{took:?}");
    // Less than the minimum is handed out when the time is over.
    stand.append(&topic, 0, &["a"]);
    let (fetched, took) = ask_patiently(&mut connection, &topic, wait, 1 << 20);
    assert_eq!(offsets(&fetched), [(0, 0)]);
    assert!(took >= wait, "{took:?}");
}

pub(crate) fn records_end_the_wait(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut connection = stand.connect();
    let mut request = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
    (request.max_wait_ms, request.bytes_min) = (50_000, 1);
    let start = Instant::now();
    connection.send(11, &request);
    assert!(!connection.has_answer(Duration::from_millis(100)));
    stand.append(&topic, 0, &["a"]);
    let fetched = only(connection.receive::<Fetch>(11).topics);
    assert_eq!(offsets(&fetched), [(0, 0)]);
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

pub(crate) fn an_error_does_not_wait(stand: &Stand) {
    let mut connection = stand.connect();
    let (fetched, took) = ask_patiently(&mut connection, &stand.name("unknown"), Duration::from_secs(50), 1);
    assert_eq!(fetched.code, Code::UNKNOWN_TOPIC_OR_PARTITION);
    assert!(took < Duration::from_secs(40), "{took:?}");
}

pub(crate) fn sessions_may_be_refused_but_not_invented(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a"]);
    let mut connection = stand.connect();
    // Id 0 and epoch 0 ask for a session; id 0 in the answer says that there is none. Both brokers may.
    let mut request = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
    request.session = (0, 0);
    let answer: FetchAnswer = connection.ask(&request);
    assert_eq!((answer.code, offsets(&only(answer.topics))), (Code::NONE, vec![(0, 0)]));
    assert!(answer.session_id >= 0, "{}", answer.session_id);
    // A session that nobody opened is not found.
    request.session = (1_234_567, 1);
    let answer = connection.ask(&request);
    assert_eq!((answer.code, answer.topics.len()), (Code::FETCH_SESSION_ID_NOT_FOUND, 0));
}
