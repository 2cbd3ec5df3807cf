//! What brokers take, refuse and give back.

use crate::client::{self, Found};
use crate::stand::{Stand, now_ms};
use crate::wire::batch::{Batch, CONTROL, Record, TRANSACTIONAL, field};
use crate::wire::records::{Fetch, Isolation, Produce, Produced, one, only};
use crate::wire::transactions::InitProducerId;
use crate::wire::{Code, Connection};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

const HOUR_MS: i64 = 3_600_000;

fn produce(stand: &Stand, topic: &str, batch: Vec<u8>) -> Produced {
    only(stand.connect().ask(&Produce::to(topic, 0, batch)))
}

fn batch_of(values: &[&str]) -> Batch {
    let now_ms = now_ms();
    Batch::of(&values.iter().map(|value| Record::at(now_ms, value)).collect::<Vec<_>>())
}

pub(crate) fn every_codec_comes_back(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut sent = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let producer = client::producer(stand, &[("compression.codec", codec), ("linger.ms", "50")]);
        for number in 0..100 {
            let payload = format!("{codec} {number} {}", "long enough to be worth a codec ".repeat(8));
            producer.send(BaseRecord::<str, str>::to(&topic).partition(0).key(codec).payload(&payload));
            sent.push(payload);
        }
        assert!(producer.finish().iter().all(|result| *result == Ok(0)), "every record of {codec} is taken");
    }
    let found: Vec<String> = client::read(stand, &topic, 0, Isolation::Uncommitted).iter().map(Found::text).collect();
    assert_eq!(found, sent);
}

pub(crate) fn idempotent_records_keep_their_order(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let producer = client::producer(stand, &[("enable.idempotence", "true"), ("batch.num.messages", "7")]);
    let sent: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    for payload in &sent {
        producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload(payload));
    }
    assert_eq!(producer.finish().len(), 1000);
    let found = client::read(stand, &topic, 0, Isolation::Uncommitted);
    assert_eq!(found.iter().map(Found::text).collect::<Vec<_>>(), sent);
    assert!(found.iter().map(|record| record.offset).eq(0..1000));
}

pub(crate) fn records_come_back_whole(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let producer = client::producer(stand, &[]);
    let time_ms = now_ms() - 60_000;
    let headers = || {
        OwnedHeaders::new()
            .insert(Header { key: "twice", value: Some("1") })
            .insert(Header { key: "twice", value: Some("2") })
            .insert(Header { key: "null", value: None::<&str> })
            .insert(Header { key: "", value: Some("") })
    };
    let record = || BaseRecord::<[u8], [u8]>::to(&topic).partition(0);
    producer.send(record().key(b"key").payload(b"\x00\xff").timestamp(time_ms).headers(headers()));
    producer.send(record().timestamp(time_ms + 1));
    producer.send(record().key(b"").payload(b"").timestamp(time_ms - 7));
    assert_eq!(producer.finish(), [Ok(0); 3]);

    let found = client::read(stand, &topic, 0, Isolation::Uncommitted);
    let expected_headers = [("twice", Some("1")), ("twice", Some("2")), ("null", None), ("", Some(""))]
        .map(|(name, value)| (name.to_owned(), value.map(|value| value.as_bytes().to_vec())));
    let expected = |offset, time_ms, key: Option<&[u8]>, payload: Option<&[u8]>| Found {
        offset,
        create_time_ms: Some(time_ms),
        append_time_ms: None,
        key: key.map(<[u8]>::to_vec),
        payload: payload.map(<[u8]>::to_vec),
        headers: Vec::new(),
    };
    let first = Found { headers: expected_headers.to_vec(), ..expected(0, time_ms, Some(b"key"), Some(b"\x00\xff")) };
    let third = expected(2, time_ms - 7, Some(b""), Some(b""));
    assert_eq!(found, [first, expected(1, time_ms + 1, None, None), third]);
}

pub(crate) fn append_time_replaces_create_time(stand: &Stand) {
    let topic = stand.create("a", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let before_ms = now_ms();
    for codec in ["none", "gzip"] {
        let producer = client::producer(stand, &[("compression.codec", codec)]);
        // With append time no create time is too old or too new.
        for time_ms in [1000, now_ms() + 90 * 24 * HOUR_MS] {
            producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload("a").timestamp(time_ms));
        }
        assert_eq!(producer.finish(), [Ok(0); 2]);
    }
    let after_ms = now_ms();
    let found = client::read(stand, &topic, 0, Isolation::Uncommitted);
    assert_eq!(found.len(), 4);
    for record in found {
        let append_time_ms = record.append_time_ms.expect("an append time");
        assert!((before_ms..=after_ms).contains(&append_time_ms), "{before_ms} {append_time_ms} {after_ms}");
    }
    let produced = produce(stand, &topic, batch_of(&["b"]).bytes());
    assert!((after_ms..=now_ms()).contains(&produced.append_time_ms), "{produced:?}");
}

pub(crate) fn the_answer_names_offsets(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let expected =
        |base_offset| Produced { partition: 0, code: Code::NONE, base_offset, append_time_ms: -1, start_offset: 0 };
    assert_eq!(produce(stand, &topic, batch_of(&["a", "b", "c"]).bytes()), expected(0));
    assert_eq!(produce(stand, &topic, batch_of(&["d"]).bytes()), expected(3));
    assert_eq!(stand.high_watermark(&topic), 4);
}

pub(crate) fn times_far_off_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[("message.timestamp.before.max.ms", "7200000")]);
    let now_ms = now_ms();
    // An hour ahead is the default bound of the future.
    for (time_ms, code) in [
        (now_ms + HOUR_MS + 60_000, Code::INVALID_TIMESTAMP),
        (now_ms + HOUR_MS - 60_000, Code::NONE),
        (now_ms - 2 * HOUR_MS - 60_000, Code::INVALID_TIMESTAMP),
        (now_ms - 2 * HOUR_MS + 60_000, Code::NONE),
    ] {
        let batch = Batch::of(&[Record::at(time_ms, "a")]).bytes();
        assert_eq!(produce(stand, &topic, batch).code, code, "{} ms from now", time_ms - now_ms);
    }
    // One bad record spoils its batch.
    let records = [Record::at(now_ms, "a"), Record::at(now_ms + 2 * HOUR_MS, "b")];
    assert_eq!(produce(stand, &topic, Batch::of(&records).bytes()).code, Code::INVALID_TIMESTAMP);
    assert_eq!(stand.high_watermark(&topic), 2);
}

pub(crate) fn sixteen_mebibytes_come_back(stand: &Stand) {
    const BYTES: usize = 16 << 20;
    let topic = stand.create("a", 1, &[("max.message.bytes", "16800000")]);
    let producer = client::producer(stand, &[("message.max.bytes", "16800000")]);
    let payload: Vec<u8> = (0..BYTES).map(|at| ((at * 31) >> 3) as u8).collect();
    for _ in 0..2 {
        producer.send(BaseRecord::<[u8], [u8]>::to(&topic).partition(0).payload(&payload));
    }
    assert_eq!(producer.finish(), [Ok(0); 2]);
    let found = client::read(stand, &topic, 0, Isolation::Uncommitted);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|record| record.payload.as_deref() == Some(&payload)), "the payloads are the same");
}

pub(crate) fn batches_have_a_largest_size(stand: &Stand) {
    let value = "a".repeat(1000);
    let batch = batch_of(&[&value]).bytes();
    let exact = batch.len().to_string();
    let topic = stand.create("a", 1, &[("max.message.bytes", &exact)]);
    assert_eq!(produce(stand, &topic, batch).code, Code::NONE);
    let produced = produce(stand, &topic, batch_of(&[&format!("{value}b")]).bytes());
    assert_eq!((produced.code, produced.base_offset), (Code::MESSAGE_TOO_LARGE, -1));
    let producer = client::producer(stand, &[]);
    producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload(&value.repeat(2)));
    assert_eq!(producer.finish(), [Err(RDKafkaErrorCode::MessageSizeTooLarge)]);
    assert_eq!(stand.high_watermark(&topic), 1);
}

pub(crate) fn unknown_places_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let batch = batch_of(&["a"]).bytes();
    for (topic, partition) in [(&*topic, 1), (&*topic, -1), (&*stand.name("unknown"), 0)] {
        let produced = only(stand.connect().ask(&Produce::to(topic, partition, batch.clone())));
        assert_eq!(produced.code, Code::UNKNOWN_TOPIC_OR_PARTITION, "{topic}/{partition}");
    }
    // What stands beside the unknown is still taken.
    let topics = vec![(topic.clone(), vec![(7, batch.clone()), (0, batch)])];
    let mut answer = stand.connect().ask(&Produce { transactional_id: None, acks: -1, topics });
    let mut codes: Vec<(i32, Code)> = answer.remove(0).1.iter().map(|done| (done.partition, done.code)).collect();
    codes.sort();
    assert_eq!(codes, [(0, Code::NONE), (7, Code::UNKNOWN_TOPIC_OR_PARTITION)]);
}

pub(crate) fn acknowledgements_are_as_asked(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut connection = stand.connect();
    let batch = batch_of(&["a"]).bytes();
    let produce = |acks| Produce { transactional_id: None, acks, topics: one(&topic, (0, batch.clone())) };
    // None asked for, none sent: the next answer on the connection is to the next request.
    connection.send(8, &produce(0));
    for acks in [1, -1] {
        assert_eq!(only(connection.ask(&produce(acks))).code, Code::NONE);
    }
    assert_eq!(only(connection.ask(&produce(2))).code, Code::INVALID_REQUIRED_ACKS);
    assert_eq!(stand.high_watermark(&topic), 3);
}

pub(crate) fn failure_without_acknowledgement_closes_the_connection(stand: &Stand) {
    let mut connection = stand.connect();
    let mut request = Produce::to(&stand.name("unknown"), 0, batch_of(&["a"]).bytes());
    request.acks = 0;
    connection.send(8, &request);
    assert_eq!(connection.receive_bytes(), None);
}

pub(crate) fn broken_batches_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let good = batch_of(&["a", "b"]);
    let mut flipped = good.bytes();
    *flipped.last_mut().unwrap() ^= 1;
    let length = |by: i32| ((good.bytes().len() - 12) as i32 + by).to_be_bytes();
    let two = [good.bytes(), good.bytes()].concat();
    let control = Batch { attributes: CONTROL, ..good.clone() };
    let cases: [(&str, Vec<u8>, Code); 15] = [
        ("base offset not 0", good.edited(field::BASE_OFFSET, &7_i64.to_be_bytes()), Code::INVALID_RECORD),
        ("wrong checksum", flipped, Code::CORRUPT_MESSAGE),
        ("magic 3", good.edited(field::MAGIC, &[3]), Code::CORRUPT_MESSAGE),
        ("length too short", good.edited(field::LENGTH, &length(-1)), Code::CORRUPT_MESSAGE),
        ("length zero", good.edited(field::LENGTH, &[0; 4]), Code::CORRUPT_MESSAGE),
        ("length negative", good.edited(field::LENGTH, &[0xff; 4]), Code::CORRUPT_MESSAGE),
        ("count too large", good.edited(field::COUNT, &3_i32.to_be_bytes()), Code::INVALID_RECORD),
        ("count too small", good.edited(field::COUNT, &1_i32.to_be_bytes()), Code::INVALID_RECORD),
        ("count negative", good.edited(field::COUNT, &(-1_i32).to_be_bytes()), Code::INVALID_RECORD),
        ("last delta too large", good.edited(field::LAST_OFFSET_DELTA, &7_i32.to_be_bytes()), Code::INVALID_RECORD),
        ("last delta negative", good.edited(field::LAST_OFFSET_DELTA, &(-1_i32).to_be_bytes()), Code::INVALID_RECORD),
        ("no records", Batch::of(&[]).bytes(), Code::INVALID_RECORD),
        ("two batches", two, Code::INVALID_RECORD),
        ("no batch", Vec::new(), Code::INVALID_RECORD),
        ("control records", control.bytes(), Code::INVALID_RECORD),
    ];
    for (what, batch, code) in cases {
        let produced = produce(stand, &topic, batch);
        assert_eq!((produced.code, produced.base_offset), (code, -1), "{what}");
    }
    assert_eq!(stand.high_watermark(&topic), 0);
}

pub(crate) fn codecs_that_a_version_does_not_know_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let zstd = Batch { attributes: 4, ..batch_of(&["a"]) }.bytes();
    let produced = only(stand.connect().ask_version(6, &Produce::to(&topic, 0, zstd)));
    assert_eq!(produced.code, Code::UNSUPPORTED_COMPRESSION_TYPE);
    for codec in [5, 6, 7] {
        let unknown = Batch { attributes: codec, ..batch_of(&["a"]) }.bytes();
        assert_eq!(produce(stand, &topic, unknown).code, Code::UNKNOWN_SERVER_ERROR, "codec {codec}");
    }
    assert_eq!(stand.high_watermark(&topic), 0);
}

pub(crate) fn half_a_batch_is_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut connection = stand.connect();
    let whole = batch_of(&["a", "b"]).bytes();
    for length in [1, 11, 12, 16, 17, 40, 60, 61, whole.len() - 1] {
        let produced = only(connection.ask(&Produce::to(&topic, 0, whole[..length].to_vec())));
        assert_eq!(produced.code, Code::INVALID_RECORD, "{length} bytes of {}", whole.len());
    }
    assert_eq!(stand.high_watermark(&topic), 0);
}

pub(crate) fn what_trails_a_batch_is_dropped(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let batch = batch_of(&["a"]).bytes();
    for trail in [vec![0], vec![0; 11], batch[..30].to_vec()] {
        let produced = produce(stand, &topic, [batch.clone(), trail].concat());
        assert_eq!(produced.code, Code::NONE);
    }
    assert_eq!(produce(stand, &topic, [batch, vec![0; 17]].concat()).code, Code::CORRUPT_MESSAGE);
    assert_eq!(client::read(stand, &topic, 0, Isolation::Uncommitted).len(), 3);
}

pub(crate) fn compacted_topics_want_keys(stand: &Stand) {
    let topic = stand.create("a", 1, &[("cleanup.policy", "compact")]);
    assert_eq!(produce(stand, &topic, batch_of(&["a"]).bytes()).code, Code::INVALID_RECORD);
    let keyed = Record { key: Some(b"a".to_vec()), ..Record::at(now_ms(), "a") };
    assert_eq!(produce(stand, &topic, Batch::of(&[keyed]).bytes()).code, Code::NONE);
}

/// A producer with an id, but without transactions.
struct Numbered<'a> {
    connection: Connection,
    topic: &'a str,
    producer_id: i64,
}

impl<'a> Numbered<'a> {
    fn new(stand: &Stand, topic: &'a str) -> Self {
        let mut connection = stand.connect();
        let request = InitProducerId { transactional_id: None, timeout_ms: 60_000, producer_id: -1, epoch: -1 };
        let started = connection.ask(&request);
        assert_eq!((started.code, started.epoch), (Code::NONE, 0));
        Self { connection, topic, producer_id: started.producer_id }
    }

    /// Code and offset.
    fn send(&mut self, epoch: i16, sequence: i32, values: &[&str]) -> (Code, i64) {
        let batch =
            Batch { producer_id: self.producer_id, producer_epoch: epoch, sequence, ..batch_of(values) }.bytes();
        let produced = only(self.connection.ask(&Produce::to(self.topic, 0, batch)));
        (produced.code, produced.base_offset)
    }
}

pub(crate) fn producer_ids_differ(stand: &Stand) {
    let ids = [(); 3].map(|()| Numbered::new(stand, "").producer_id);
    assert!(ids[0] >= 0 && ids[0] < ids[1] && ids[1] < ids[2], "{ids:?}");
}

pub(crate) fn a_batch_sent_again_is_known(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Numbered::new(stand, &topic);
    for number in 0..6 {
        assert_eq!(producer.send(0, number * 2, &["a", "b"]), (Code::NONE, i64::from(number) * 2));
    }
    // The last five are remembered with their offsets.
    for number in (1..6).rev() {
        assert_eq!(producer.send(0, number * 2, &["a", "b"]), (Code::NONE, i64::from(number) * 2), "batch {number}");
    }
    assert_eq!(producer.send(0, 0, &["a", "b"]).0, Code::OUT_OF_ORDER_SEQUENCE_NUMBER);
    // The same first sequence with other records is no repetition.
    assert_eq!(producer.send(0, 10, &["a"]).0, Code::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(producer.send(0, 12, &["c"]), (Code::NONE, 12));
}

pub(crate) fn gaps_in_the_sequence_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Numbered::new(stand, &topic);
    assert_eq!(producer.send(0, 0, &["a", "b"]), (Code::NONE, 0));
    assert_eq!(producer.send(0, 3, &["c"]), (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(producer.send(0, 1, &["c"]), (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(producer.send(0, 2, &["c"]), (Code::NONE, 2));
}

pub(crate) fn epochs_only_rise(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Numbered::new(stand, &topic);
    assert_eq!(producer.send(0, 0, &["a"]), (Code::NONE, 0));
    assert_eq!(producer.send(1, 1, &["b"]), (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, -1), "a new epoch starts at 0");
    assert_eq!(producer.send(1, 0, &["b"]), (Code::NONE, 1));
    assert_eq!(producer.send(0, 1, &["c"]), (Code::INVALID_PRODUCER_EPOCH, -1));
    assert_eq!(producer.send(1, 1, &["c"]), (Code::NONE, 2));
}

pub(crate) fn sequences_start_anywhere_and_wrap(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Numbered::new(stand, &topic);
    // A broker that has forgotten a producer (its records were all deleted) takes what comes.
    assert_eq!(producer.send(0, i32::MAX - 1, &["a", "b", "c"]), (Code::NONE, 0));
    assert_eq!(producer.send(0, 1, &["d"]), (Code::NONE, 3));
    assert_eq!(producer.send(0, i32::MAX - 1, &["a", "b", "c"]), (Code::NONE, 0));
}

pub(crate) fn transactional_batches_need_a_transaction(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let batch = Batch { attributes: TRANSACTIONAL, ..batch_of(&["a"]) };
    let produced = produce(stand, &topic, batch.bytes());
    assert_eq!((produced.code, produced.base_offset), (Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, -1));
    assert_eq!(stand.high_watermark(&topic), 0);
}

pub(crate) fn stored_batches_are_the_clients(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    stand.append(&topic, 0, &["a", "b", "c"]);
    let batch = batch_of(&["d", "e"]);
    let sent = batch.bytes();
    produce(stand, &topic, sent.clone());
    let fetch = Fetch::from(&topic, 0, 4, Isolation::Uncommitted);
    let fetched = only(stand.connect().ask(&fetch).topics).records;
    // Base offset and leader epoch are the broker's to write.
    assert_eq!(fetched[..8], 3_i64.to_be_bytes());
    assert_eq!(fetched[8..12], sent[8..12]);
    assert_eq!(fetched[16..], sent[16..]);
}
