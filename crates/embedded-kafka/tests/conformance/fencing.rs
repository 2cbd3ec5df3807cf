//! Those who were replaced learn it, and can do no harm.

use crate::actors::{Member, Producer, init};
use crate::client::{self, texts};
use crate::stand::{Stand, TIMEOUT, eventually, patiently};
use crate::wire::Code;
use crate::wire::groups::{Commit, Heartbeat, JoinGroup, OffsetCommit};
use crate::wire::records::{Isolation, one, only};
use crate::wire::transactions::{AddOffsetsToTxn, AddPartitionsToTxn, End, EndTxn, InitProducerId, ProducerId};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _};
use std::time::Duration;

pub(crate) fn a_second_producer_fences_the_first(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    let id = stand.name("tx");
    let mut first = Producer::start(stand, &id);
    first.write(&topic, 0, &["a"]);
    let mut second = Producer::start(stand, &id);
    let (old, new) = (&first.identity, &second.identity);
    assert_eq!(new.producer_id, old.producer_id);
    assert!(new.epoch > old.epoch, "{new:?} after {old:?}");

    assert_eq!(first.send(&topic, 0, &["b"]).code, Code::INVALID_PRODUCER_EPOCH);
    assert_eq!(first.add(&topic, 0), Code::PRODUCER_FENCED);
    assert_eq!(first.add_offsets(&group), Code::PRODUCER_FENCED);
    assert_eq!(first.end(End::Commit), Code::PRODUCER_FENCED);
    assert_eq!(first.end(End::Abort), Code::PRODUCER_FENCED);

    second.write(&topic, 0, &["c"]);
    assert_eq!(second.end(End::Commit), Code::NONE);
    eventually("the transaction has ended", || stand.stable_offset(&topic) == 4);
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["c"]);
}

pub(crate) fn old_versions_name_the_fence_otherwise(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut first = Producer::start(stand, &id);
    first.write(&topic, 0, &["a"]);
    Producer::start(stand, &id);
    let identity = first.identity.clone();
    let add = AddPartitionsToTxn { identity: identity.clone(), topics: one(&topic, 0) };
    let add_offsets = AddOffsetsToTxn { identity: identity.clone(), group: stand.name("group") };
    let end = EndTxn { identity, end: End::Commit };
    for version in [0, 1] {
        let connection = &mut first.connection;
        assert_eq!(only(connection.ask_version(version, &add)).1, Code::INVALID_PRODUCER_EPOCH);
        assert_eq!(connection.ask_version(version, &add_offsets), Code::INVALID_PRODUCER_EPOCH);
        assert_eq!(connection.ask_version(version, &end), Code::INVALID_PRODUCER_EPOCH);
    }
}

pub(crate) fn offsets_of_a_fenced_producer_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, id) = (stand.name("group"), stand.name("tx"));
    Member::of(stand, &group);
    let mut first = Producer::start(stand, &id);
    assert_eq!(first.add_offsets(&group), Code::NONE);
    assert_eq!(first.commit_offset(&group, &topic, Commit::at(0, 7)), Code::NONE);
    let mut second = Producer::start(stand, &id);
    assert_eq!(second.add_offsets(&group), Code::NONE);
    assert_eq!(first.commit_offset(&group, &topic, Commit::at(0, 8)), Code::INVALID_PRODUCER_EPOCH);
    assert_eq!(second.commit_offset(&group, &topic, Commit::at(0, 9)), Code::NONE);
}

pub(crate) fn a_producer_may_renew_itself(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut producer = Producer::start(stand, &id);
    let old = producer.identity.clone();
    let renew = InitProducerId::renewing(&old);
    let renewed = patiently(|| producer.connection.ask(&renew), |answer| answer.code);
    assert_eq!((renewed.code, renewed.producer_id, renewed.epoch), (Code::NONE, old.producer_id, old.epoch + 1));
    // Asked again with the same epoch: the first answer may have been lost.
    let again = patiently(|| producer.connection.ask(&renew), |answer| answer.code);
    assert_eq!((again.code, again.epoch), (Code::NONE, old.epoch + 1));
    // But not once somebody else has started.
    init(&mut producer.connection, &id, 60_000);
    assert_eq!(patiently(|| producer.connection.ask(&renew), |answer| answer.code).code, Code::PRODUCER_FENCED);
    assert_eq!(producer.add(&topic, 0), Code::PRODUCER_FENCED);
}

pub(crate) fn renewing_aborts_what_is_open(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut producer = Producer::start(stand, &id);
    producer.write(&topic, 0, &["a"]);
    let old = producer.identity.clone();
    let renew = InitProducerId::renewing(&old);
    let renewed = patiently(|| producer.connection.ask(&renew), |answer| answer.code);
    let expected = ProducerId { code: Code::NONE, producer_id: old.producer_id, epoch: old.epoch + 1 };
    assert_eq!(renewed, expected);
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 2);
    producer.identity.epoch = renewed.epoch;
    assert_eq!(producer.add(&topic, 0), Code::NONE);
}

pub(crate) fn renewing_anew_aborts_what_was_opened_since(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut producer = Producer::start(stand, &id);
    let renew = InitProducerId::renewing(&producer.identity);
    let renewed = patiently(|| producer.connection.ask(&renew), |answer| answer.code);
    assert_eq!(renewed.code, Code::NONE);
    producer.identity.epoch = renewed.epoch;
    producer.write(&topic, 0, &["a"]);
    // The same request once more, as if its answer had been lost: it is too late to be only told again.
    assert_eq!(producer.connection.ask(&renew).code, Code::CONCURRENT_TRANSACTIONS);
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 2);
    assert_eq!(texts(stand, &topic, Isolation::Committed), [""; 0]);
    assert_eq!(producer.end(End::Commit), Code::PRODUCER_FENCED);
    assert_eq!(patiently(|| producer.connection.ask(&renew), |answer| answer.code).code, Code::PRODUCER_FENCED);
}

pub(crate) fn a_producer_that_slept_is_fenced(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let mut sleeper = Producer::start_with_timeout(stand, &id, 1000);
    sleeper.write(&topic, 0, &["a"]);
    stand.let_pass(Duration::from_secs(1));
    eventually("the transaction is aborted", || stand.stable_offset(&topic) == 2);
    assert_eq!(sleeper.send(&topic, 0, &["b"]).code, Code::INVALID_PRODUCER_EPOCH);
    assert_eq!(sleeper.add(&topic, 0), Code::PRODUCER_FENCED);
    assert_eq!(sleeper.end(End::Commit), Code::PRODUCER_FENCED);
    // It may renew itself, since nobody has taken its place.
    let renew = InitProducerId::renewing(&sleeper.identity);
    let renewed = patiently(|| sleeper.connection.ask(&renew), |answer| answer.code);
    let expected = ProducerId { code: Code::NONE, epoch: sleeper.identity.epoch + 1, ..renewed };
    assert_eq!((renewed, renewed.producer_id), (expected, sleeper.identity.producer_id));
    assert_eq!(texts(stand, &topic, Isolation::Uncommitted), ["a"]);
}

pub(crate) fn a_fenced_client_fails_for_good(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let id = stand.name("tx");
    let start = || {
        let producer = client::producer(stand, &[("transactional.id", &*id)]);
        producer.native.init_transactions(TIMEOUT).unwrap();
        producer.native.begin_transaction().unwrap();
        producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload("a"));
        assert_eq!(producer.finish(), [Ok(0)]);
        producer
    };
    let (first, second) = (start(), start());
    let KafkaError::Transaction(error) = first.native.commit_transaction(TIMEOUT).unwrap_err() else {
        panic!("an error of the transaction")
    };
    assert_eq!((error.code(), error.is_fatal()), (RDKafkaErrorCode::Fenced, true), "{error}");
    assert_eq!(first.native.client().fatal_error().unwrap().0, RDKafkaErrorCode::Fenced);
    second.native.commit_transaction(TIMEOUT).unwrap();
    eventually("the transaction has ended", || stand.stable_offset(&topic) == stand.high_watermark(&topic));
    assert_eq!(texts(stand, &topic, Isolation::Committed), ["a"]);
}

pub(crate) fn a_second_instance_fences_the_first(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let group = stand.name("group");
    let mut first = Member::static_of(stand, &group, "instance");
    first.join_alone(b"all");
    let mut second = Member::static_of(stand, &group, "instance");
    let joined = second.join();
    assert_eq!(joined.code, Code::NONE);
    assert_ne!(second.member, first.member);

    let connection = &mut first.connection;
    let heartbeat = Heartbeat {
        group: group.clone(),
        generation: first.generation,
        member: first.member.clone(),
        instance: first.instance.clone(),
    };
    assert_eq!(connection.ask(&heartbeat), Code::FENCED_INSTANCE_ID);
    let commit = OffsetCommit {
        group: group.clone(),
        generation: first.generation,
        member: first.member.clone(),
        instance: first.instance.clone(),
        topics: one(&topic, Commit::at(0, 1)),
    };
    assert_eq!(only(connection.ask(&commit)).1, Code::FENCED_INSTANCE_ID);
    let rejoin = JoinGroup { member: first.member.clone(), ..first.join_request() };
    assert_eq!(first.connection.ask(&rejoin).code, Code::FENCED_INSTANCE_ID);
    let sync = first.sync_request(&[]);
    assert_eq!(first.connection.ask(&sync).0, Code::FENCED_INSTANCE_ID);
    assert_eq!(first.leave(), (Code::NONE, vec![Code::FENCED_INSTANCE_ID]));
    assert_eq!(second.heartbeat(), Code::NONE);
}
