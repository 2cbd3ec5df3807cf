//! Transactions: what they join, how they end, what may not be done.

use crate::actors::{Member, Producer, init, wait_for_coordinator};
use crate::client::{self, texts};
use crate::stand::{Stand, TIMEOUT, eventually, patiently};
use crate::wire::Code;
use crate::wire::groups::{Commit, OffsetCommit, OffsetFetch};
use crate::wire::records::{Isolation, one, only};
use crate::wire::transactions::{AddPartitionsToTxn, End, Identity, InitProducerId, TxnOffsetCommit};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

/// Offset (-1 for none) and code.
fn committed(stand: &Stand, group: &str, topic: &str, require_stable: bool) -> (i64, Code) {
    let request = OffsetFetch { group: group.to_owned(), topics: Some(one(topic, 0)), require_stable };
    let answer = stand.connect().ask(&request);
    assert_eq!(answer.code, Code::NONE);
    let (commit, code) = only(answer.topics);
    (commit.offset, code)
}

/// Waits until the group's offsets are stable, which Apache Kafka does after its answer.
fn stable(stand: &Stand, group: &str, topic: &str) -> i64 {
    let mut offset = -1;
    eventually("the offset is stable", || {
        let (found, code) = committed(stand, group, topic, true);
        offset = found;
        code == Code::NONE
    });
    offset
}

pub(crate) fn all_partitions_commit_together(stand: &Stand) {
    let (a, b) = (stand.create("a", 1, &[]), stand.create("b", 1, &[]));
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&a, 0, &["1"]);
    producer.write(&b, 0, &["2"]);
    assert_eq!((stand.stable_offset(&a), stand.stable_offset(&b)), (0, 0));
    assert_eq!(producer.end(End::Commit), Code::NONE);
    eventually("both are seen", || stand.stable_offset(&a) == 2 && stand.stable_offset(&b) == 2);
}

pub(crate) fn offsets_commit_with_the_records(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    wait_for_coordinator(&mut stand.connect(), &group, 0);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["1"]);
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    assert_eq!(producer.commit_offset(&group, &topic, Commit::at(0, 7)), Code::NONE);
    assert_eq!(committed(stand, &group, &topic, false), (-1, Code::NONE), "nothing is committed yet");
    assert_eq!(producer.end(End::Commit), Code::NONE);
    assert_eq!(stable(stand, &group, &topic), 7);
    assert_eq!(committed(stand, &group, &topic, false), (7, Code::NONE));
}

/// Offset 3 of partition 0, outside of any transaction.
fn commit_earlier(stand: &Stand, group: &str, topic: &str) {
    wait_for_coordinator(&mut stand.connect(), group, 0);
    let earlier = OffsetCommit::simple(group, one(topic, Commit::at(0, 3)));
    assert_eq!(only(stand.connect().ask(&earlier)).1, Code::NONE);
}

pub(crate) fn offsets_of_an_aborted_transaction_are_dropped(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    commit_earlier(stand, &group, &topic);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    assert_eq!(producer.commit_offset(&group, &topic, Commit::at(0, 7)), Code::NONE);
    assert_eq!(producer.end(End::Abort), Code::NONE);
    assert_eq!(stable(stand, &group, &topic), 3);
}

pub(crate) fn pending_offsets_are_not_stable(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    commit_earlier(stand, &group, &topic);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    assert_eq!(committed(stand, &group, &topic, true), (3, Code::NONE));
    assert_eq!(producer.commit_offset(&group, &topic, Commit::at(0, 7)), Code::NONE);
    assert_eq!(committed(stand, &group, &topic, true), (-1, Code::UNSTABLE_OFFSET_COMMIT));
    assert_eq!(committed(stand, &group, &topic, false), (3, Code::NONE));
    // A commit outside of the transaction counts at once; the pending one stays pending.
    let between = OffsetCommit::simple(&group, one(&topic, Commit::at(0, 5)));
    assert_eq!(only(stand.connect().ask(&between)).1, Code::NONE);
    assert_eq!(committed(stand, &group, &topic, false), (5, Code::NONE));
    assert_eq!(committed(stand, &group, &topic, true), (-1, Code::UNSTABLE_OFFSET_COMMIT));
    assert_eq!(producer.end(End::Commit), Code::NONE);
    let last = stable(stand, &group, &topic);
    assert_eq!(last, 5, "what was committed last in the log of commits wins");
}

fn offsets_by(producer: &mut Producer, group: &str, topic: &str, by: (i32, &str, Option<&str>)) -> Code {
    let (generation, member, instance) = by;
    let request = TxnOffsetCommit {
        identity: producer.identity.clone(),
        group: group.to_owned(),
        generation,
        member: member.to_owned(),
        instance: instance.map(str::to_owned),
        topics: one(topic, Commit::at(0, 7)),
    };
    patiently(|| only(producer.connection.ask(&request)), |(_, code)| *code).1
}

pub(crate) fn offsets_of_a_former_generation_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    member.join_alone(b"all");
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    let mut ask =
        |generation, id: &str, instance| offsets_by(&mut producer, &group, &topic, (generation, id, instance));
    let id = member.member.clone();
    assert_eq!(ask(member.generation - 1, &id, None), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(member.generation + 1, &id, None), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(member.generation, "somebody", None), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(member.generation, "", None), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(member.generation, &id, Some("somebody")), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(committed(stand, &group, &topic, true), (-1, Code::NONE), "nothing is pending");
    assert_eq!(ask(member.generation, &id, None), Code::NONE);
    // Old clients, which know nothing of generations, are let through.
    assert_eq!(ask(-1, "", None), Code::NONE);
    let unknown = stand.name("unknown");
    assert_eq!(producer.add_offsets(&unknown), Code::NONE);
    assert_eq!(offsets_by(&mut producer, &unknown, &topic, (1, &id, None)), Code::ILLEGAL_GENERATION);
}

pub(crate) fn offsets_of_a_fenced_instance_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    let mut member = Member::static_of(stand, &group, "instance");
    member.join_alone(b"all");
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    let mut ask = |id: &str| offsets_by(&mut producer, &group, &topic, (1, id, Some("instance")));
    assert_eq!(ask("somebody"), Code::FENCED_INSTANCE_ID);
    assert_eq!(ask(&member.member), Code::NONE);
}

pub(crate) fn offsets_of_a_rebalancing_group_are_taken(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    member.join_alone(b"all");
    let mut second = Member::of(stand, &group);
    second.introduce();
    second.send_join();
    eventually("the group rebalances", || member.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.add_offsets(&group), Code::NONE);
    let id = member.member.clone();
    assert_eq!(offsets_by(&mut producer, &group, &topic, (member.generation, &id, None)), Code::NONE);
}

pub(crate) fn an_empty_transaction_may_not_end(stand: &Stand) {
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.end(End::Commit), Code::INVALID_TXN_STATE);
    assert_eq!(producer.end(End::Abort), Code::INVALID_TXN_STATE);
}

pub(crate) fn ending_again_must_be_the_same_way(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    producer.write(&topic, 0, &["a"]);
    assert_eq!(producer.end(End::Commit), Code::NONE);
    assert_eq!(producer.end(End::Commit), Code::NONE);
    assert_eq!(producer.end(End::Abort), Code::INVALID_TXN_STATE);
    producer.write(&topic, 0, &["b"]);
    assert_eq!(producer.end(End::Abort), Code::NONE);
    assert_eq!(producer.end(End::Abort), Code::NONE);
    assert_eq!(producer.end(End::Commit), Code::INVALID_TXN_STATE);
    eventually("two records, two markers", || stand.stable_offset(&topic) == 4);
}

pub(crate) fn records_outside_of_a_transaction_are_refused(stand: &Stand) {
    let topic = stand.create("a", 2, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    assert_eq!(producer.send(&topic, 0, &["a"]).code, Code::INVALID_TXN_STATE);
    producer.write(&topic, 1, &["b"]);
    assert_eq!(producer.send(&topic, 0, &["a"]).code, Code::INVALID_TXN_STATE);
    assert_eq!(producer.end(End::Commit), Code::NONE);
    eventually("the transaction has ended", || {
        only(stand.connect().ask(&crate::wire::records::ListOffsets::of(&topic, 1, -1, Isolation::Committed))).offset
            == 2
    });
    assert_eq!(producer.send(&topic, 1, &["c"]).code, Code::INVALID_TXN_STATE, "this one has ended");
    assert_eq!(stand.high_watermark(&topic), 0);
}

/// The mark of an aborted transaction raises the epoch in the partition, which makes the next batch the first.
pub(crate) fn sequences_begin_anew_behind_a_fence(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    Producer::start(stand, &id).write(&topic, 0, &["a"]);
    let mut producer = Producer::start(stand, &id);
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 2);
    assert_eq!(producer.add(&topic, 0), Code::NONE);
    assert_eq!(producer.send_as(&topic, 0, 5, &["b"]).code, Code::OUT_OF_ORDER_SEQUENCE_NUMBER);
    // Here the epoch is the marker's own.
    assert_eq!(producer.end(End::Commit), Code::NONE);
    assert_eq!(producer.add(&topic, 0), Code::NONE);
    assert_eq!(producer.send_as(&topic, 0, 5, &["b"]).code, Code::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(producer.send(&topic, 0, &["b"]).code, Code::NONE);
    assert_eq!(producer.end(End::Commit), Code::NONE);
    eventually("the transaction has ended", || texts(stand, &topic, Isolation::Committed) == ["b"]);
}

pub(crate) fn all_partitions_join_or_none(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    let identity = producer.identity.clone();
    let add = AddPartitionsToTxn { identity, topics: vec![(topic.clone(), vec![0, 9])] };
    let mut answer = producer.connection.ask(&add).remove(0).1;
    answer.sort();
    assert_eq!(answer, [(0, Code::OPERATION_NOT_ATTEMPTED), (9, Code::UNKNOWN_TOPIC_OR_PARTITION)]);
    assert_eq!(producer.send(&topic, 0, &["a"]).code, Code::INVALID_TXN_STATE);
    assert_eq!(producer.add(&stand.name("unknown"), 0), Code::UNKNOWN_TOPIC_OR_PARTITION);
}

pub(crate) fn unknown_producers_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    wait_for_coordinator(&mut stand.connect(), &group, 0);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    let own = producer.identity.clone();
    let strangers = [
        Identity { transactional_id: stand.name("unknown"), ..own.clone() },
        Identity { producer_id: own.producer_id + 1_000_000, ..own },
    ];
    for stranger in strangers {
        producer.identity = stranger;
        assert_eq!(producer.add(&topic, 0), Code::INVALID_PRODUCER_ID_MAPPING);
        assert_eq!(producer.add_offsets(&group), Code::INVALID_PRODUCER_ID_MAPPING);
        assert_eq!(producer.end(End::Commit), Code::INVALID_PRODUCER_ID_MAPPING);
    }
}

pub(crate) fn producers_start_with_sound_values_only(stand: &Stand) {
    let mut connection = stand.connect();
    let id = stand.name("tx");
    wait_for_coordinator(&mut connection, &id, 1);
    // 15 minutes are the most (`transaction.max.timeout.ms`).
    for timeout_ms in [0, -1, 900_001, i32::MAX] {
        assert_eq!(init(&mut connection, &id, timeout_ms).code, Code::INVALID_TRANSACTION_TIMEOUT, "{timeout_ms}");
    }
    assert_eq!(init(&mut connection, "", 60_000).code, Code::INVALID_REQUEST);
    assert_eq!(init(&mut connection, &id, 900_000).code, Code::NONE);
    for (producer_id, epoch) in [(-1, 0), (7, -1)] {
        let request = InitProducerId { transactional_id: Some(id.clone()), timeout_ms: 60_000, producer_id, epoch };
        assert_eq!(connection.ask(&request).code, Code::INVALID_REQUEST, "{producer_id} and {epoch}");
    }
}

pub(crate) fn starting_anew_aborts_what_is_open(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut producer = Producer::start(stand, &id);
    producer.write(&topic, 0, &["a"]);
    let again = Producer::start(stand, &id);
    assert_eq!(again.identity.producer_id, producer.identity.producer_id);
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 2);
    assert_eq!(texts(stand, &topic, Isolation::Committed), Vec::<String>::new());
    assert_eq!(texts(stand, &topic, Isolation::Uncommitted), ["a"]);
}

pub(crate) fn transactions_time_out(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut producer = Producer::start_with_timeout(stand, &stand.name("tx"), 1000);
    producer.write(&topic, 0, &["a"]);
    stand.append(&topic, 0, &["b"]);
    stand.let_pass(Duration::from_secs(1));
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 3);
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["b"]);
}

pub(crate) fn a_client_commits_and_aborts(stand: &Stand) {
    let (input, output) = (stand.create("in", 1, &[]), stand.create("out", 1, &[]));
    stand.append(&input, 0, &["1", "2", "3", "4"]);
    let group = stand.name("group");
    let consumer: BaseConsumer = stand.client().set("group.id", &group).create().unwrap();
    let producer = client::producer(stand, &[("transactional.id", &stand.name("tx"))]);
    producer.native.init_transactions(TIMEOUT).unwrap();
    for (offset, payload, end) in [(1, "1", End::Commit), (2, "2", End::Abort), (3, "3", End::Commit)] {
        producer.native.begin_transaction().unwrap();
        producer.send(BaseRecord::<str, str>::to(&output).partition(0).payload(payload));
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&input, 0, Offset::Offset(offset)).unwrap();
        let membership = consumer.group_metadata().unwrap();
        producer.native.send_offsets_to_transaction(&offsets, &membership, TIMEOUT).unwrap();
        match end {
            End::Commit => producer.native.commit_transaction(TIMEOUT).unwrap(),
            End::Abort => {
                producer.finish();
                producer.native.abort_transaction(TIMEOUT).unwrap();
            }
        }
        // An aborted transaction leaves the offset of the one before.
        let expected = if end == End::Commit { offset } else { offset - 1 };
        assert_eq!(stable(stand, &group, &input), expected);
    }
    eventually("all has ended", || stand.stable_offset(&output) == stand.high_watermark(&output));
    assert_eq!(texts(stand, &output, Isolation::Committed), ["1", "3"]);
    assert_eq!(texts(stand, &output, Isolation::Uncommitted), ["1", "2", "3"]);
}

pub(crate) fn an_empty_transaction_of_a_client_commits(stand: &Stand) {
    let producer = client::producer(stand, &[("transactional.id", &stand.name("tx"))]);
    producer.native.init_transactions(TIMEOUT).unwrap();
    for _ in 0..3 {
        producer.native.begin_transaction().unwrap();
        producer.native.commit_transaction(TIMEOUT).unwrap();
        producer.native.begin_transaction().unwrap();
        producer.native.abort_transaction(TIMEOUT).unwrap();
    }
}
