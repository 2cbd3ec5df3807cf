//! The form of requests and answers: versions, order, what closes a connection.

use crate::actors::{Producer, wait_for_coordinator};
use crate::stand::{Stand, now_ms, patiently};
use crate::wire::admin::*;
use crate::wire::batch::{Batch, Record};
use crate::wire::groups::*;
use crate::wire::records::*;
use crate::wire::transactions::*;
use crate::wire::{Code, Connection, Request, frame};

fn versions(connection: &mut Connection) -> Versions {
    let versions = connection.ask(&ApiVersions { software: "conformance".to_owned() });
    assert_eq!(versions.code, Code::NONE);
    versions
}

/// Sends one request in every version that the broker serves and that these probes can write, up to the one they
/// usually speak. Reading the answer is the check: it must have the version's fields and nothing more.
fn try_versions<R: Request>(
    connection: &mut Connection,
    served: &Versions,
    request: &R,
    code: impl Fn(&R::Answer) -> Code,
) {
    let range = served.apis.iter().find(|(key, ..)| *key == R::KEY);
    let &(_, first, last) = range.unwrap_or_else(|| panic!("API {} is not served", R::KEY));
    assert!(last >= R::VERSION, "API {} is served up to version {last} only", R::KEY);
    for version in first..=R::VERSION {
        // Produce before 3 and JoinGroup before 2 are announced for the sake of old clients, but refused.
        if !(R::KEY == Produce::KEY && version < 3) {
            let answer = patiently(|| connection.ask_version(version, request), |answer| code(answer));
            assert_eq!(code(&answer), Code::NONE, "API {} version {version}", R::KEY);
        }
    }
}

pub(crate) fn every_version_of_every_api_is_readable(stand: &Stand) {
    let topic = stand.create("a", 2, &[]);
    let group = stand.name("group");
    let connection = &mut stand.connect();
    wait_for_coordinator(connection, &group, 0);
    let served = &versions(connection);

    let batch = Batch::of(&[Record::at(now_ms(), "a")]).bytes();
    try_versions(connection, served, &Produce::to(&topic, 0, batch), |answer| answer[0].1[0].code);
    let fetch = Fetch::from(&topic, 0, 0, Isolation::Committed);
    try_versions(connection, served, &fetch, |answer| answer.topics[0].1[0].code);
    let list = ListOffsets::of(&topic, 0, LATEST, Isolation::Committed);
    try_versions(connection, served, &list, |answer| answer[0].1[0].code);
    let delete = DeleteRecords { topics: one(&topic, (0, 1)) };
    try_versions(connection, served, &delete, |answer| answer[0].1[0].code);

    try_versions(connection, served, &ApiVersions { software: "conformance".to_owned() }, |answer| answer.code);
    let metadata = Metadata { topics: Some(vec![topic.clone()]), create: false };
    try_versions(connection, served, &metadata, |answer| answer.topics[0].code);
    let names = Some(vec!["retention.ms".to_owned()]);
    let describe = DescribeConfigs { resource: Resource::Topic(topic.clone()), names };
    try_versions(connection, served, &describe, |answer| answer.0);
    let settings = vec![("retention.ms".to_owned(), Some("1000000".to_owned()))];
    let alter = AlterConfigs { resource: Resource::Topic(topic.clone()), settings, validate_only: false };
    try_versions(connection, served, &alter, |answer| *answer);
    let changes = vec![("retention.ms".to_owned(), Change::Delete, None)];
    let alter = IncrementalAlterConfigs { resource: Resource::Topic(topic.clone()), changes, validate_only: false };
    try_versions(connection, served, &alter, |answer| *answer);
    let more = CreatePartitions { topics: vec![(topic.clone(), 3)], validate_only: true };
    try_versions(connection, served, &more, |answer| answer[0].1);
    let create = CreateTopics { topics: vec![NewTopic::of(&stand.name("b"), 1, &[])], validate_only: true };
    try_versions(connection, served, &create, |answer| answer[0].1);
    // A topic can be deleted once, but nothing as often as one likes.
    try_versions(connection, served, &DeleteTopics { topics: Vec::new() }, |_| Code::NONE);

    groups_in_every_version(connection, served, &topic, &group);
    transactions_in_every_version(stand, served, &topic, &group);
}

fn groups_in_every_version(connection: &mut Connection, served: &Versions, topic: &str, group: &str) {
    let group = group.to_owned();
    let find = FindCoordinator { key: group.clone(), key_type: 0 };
    try_versions(connection, served, &find, |answer| answer.code);
    let commit = OffsetCommit::simple(&group, one(topic, Commit::at(0, 1)));
    try_versions(connection, served, &commit, |answer| answer[0].1[0].1);
    let fetch = OffsetFetch { group: group.clone(), topics: Some(one(topic, 0)), require_stable: true };
    try_versions(connection, served, &fetch, |answer| answer.topics[0].1[0].1);
    try_versions(connection, served, &DescribeGroups { groups: vec![group.clone()] }, |answer| answer[0].code);
    try_versions(connection, served, &ListGroups { states: Vec::new() }, |answer| answer.0);
    try_versions(connection, served, &OffsetDelete { group: group.clone(), topics: one(topic, 0) }, |answer| answer.0);

    // A member of its own for every version that joins, as the first of them asks for no member id yet.
    let &(_, first, _) = served.apis.iter().find(|(key, ..)| *key == JoinGroup::KEY).unwrap();
    for version in first..=JoinGroup::VERSION {
        let group = format!("{group}-{version}");
        let mut join = JoinGroup {
            group: group.clone(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            member: String::new(),
            instance: None,
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), Vec::new())],
        };
        let mut joined = patiently(|| connection.ask_version(version, &join), |joined| joined.code);
        if version >= 4 {
            assert_eq!(joined.code, Code::MEMBER_ID_REQUIRED);
            join.member = joined.member;
            joined = connection.ask_version(version, &join);
        }
        assert_eq!((joined.code, joined.generation, &*joined.protocol), (Code::NONE, 1, "range"));
        assert_eq!(joined.members, [(joined.member.clone(), None, Vec::new())]);
        let (generation, member) = (joined.generation, joined.member);
        let assignments = vec![(member.clone(), b"all".to_vec())];
        let sync = SyncGroup { group: group.clone(), generation, member: member.clone(), instance: None, assignments };
        try_versions(connection, served, &sync, |answer| answer.0);
        let heartbeat = Heartbeat { group: group.clone(), generation, member: member.clone(), instance: None };
        try_versions(connection, served, &heartbeat, |answer| *answer);
        let leave = LeaveGroup { group: group.clone(), members: vec![(member, None)] };
        let leave_version = version.min(LeaveGroup::VERSION);
        assert_eq!(connection.ask_version(leave_version, &leave).0, Code::NONE);
        assert_eq!(
            connection.ask_version(version % 2, &DeleteGroups { groups: vec![group.clone()] }),
            [(group, Code::NONE)]
        );
    }
}

fn transactions_in_every_version(stand: &Stand, served: &Versions, topic: &str, group: &str) {
    let init = InitProducerId { transactional_id: None, timeout_ms: 60_000, producer_id: -1, epoch: -1 };
    try_versions(&mut stand.connect(), served, &init, |answer| answer.code);
    let mut producer = Producer::start(stand, &stand.name("tx"));
    let identity = producer.identity.clone();
    let add = AddPartitionsToTxn { identity: identity.clone(), topics: one(topic, 0) };
    try_versions(&mut producer.connection, served, &add, |answer| answer[0].1[0].1);
    let add = AddOffsetsToTxn { identity: identity.clone(), group: group.to_owned() };
    try_versions(&mut producer.connection, served, &add, |answer| *answer);
    let commit = TxnOffsetCommit {
        identity: identity.clone(),
        group: group.to_owned(),
        generation: -1,
        member: String::new(),
        instance: None,
        topics: one(topic, Commit::at(0, 1)),
    };
    try_versions(&mut producer.connection, served, &commit, |answer| answer[0].1[0].1);
    // To end a transaction once more, the same way, is no mistake: the first answer may have been lost.
    try_versions(&mut producer.connection, served, &EndTxn { identity, end: End::Commit }, |answer| *answer);
}

/// Key, first and last version of what the embedded broker serves, as far as Apache Kafka does.
pub(crate) const SERVED: [(i16, i16, i16); 28] = [
    (Produce::KEY, 3, 8),
    (Fetch::KEY, 4, 11),
    (ListOffsets::KEY, 1, 7),
    (Metadata::KEY, 1, 8),
    (OffsetCommit::KEY, 2, 7),
    (OffsetFetch::KEY, 1, 7),
    (FindCoordinator::KEY, 0, 2),
    (JoinGroup::KEY, 0, 5),
    (Heartbeat::KEY, 0, 3),
    (LeaveGroup::KEY, 0, 3),
    (SyncGroup::KEY, 0, 3),
    (DescribeGroups::KEY, 0, 4),
    (ListGroups::KEY, 0, 4),
    (ApiVersions::KEY, 0, 3),
    (CreateTopics::KEY, 2, 4),
    (DeleteTopics::KEY, 1, 3),
    (DeleteRecords::KEY, 0, 1),
    (InitProducerId::KEY, 0, 4),
    (AddPartitionsToTxn::KEY, 0, 2),
    (AddOffsetsToTxn::KEY, 0, 2),
    (EndTxn::KEY, 0, 2),
    (TxnOffsetCommit::KEY, 0, 3),
    (DescribeConfigs::KEY, 1, 3),
    (AlterConfigs::KEY, 0, 1),
    (CreatePartitions::KEY, 0, 1),
    (DeleteGroups::KEY, 0, 1),
    (IncrementalAlterConfigs::KEY, 0, 1),
    (OffsetDelete::KEY, 0, 0),
];

pub(crate) fn no_more_is_served_than_by_apache_kafka(stand: &Stand) {
    let versions = versions(&mut stand.connect()).apis;
    for expected in SERVED {
        let (key, first, last) = expected;
        let &served = versions.iter().find(|served| served.0 == key).unwrap_or_else(|| panic!("API {key} is served"));
        if stand.is_embedded() {
            assert_eq!(served, expected);
        } else {
            assert!(served.1 <= first && served.2 >= last, "{served:?} has all of {expected:?}");
        }
    }
    assert!(!stand.is_embedded() || versions.len() == SERVED.len());
}

pub(crate) fn versions_that_do_not_exist_get_the_list(stand: &Stand) {
    let mut connection = stand.connect();
    let expected = connection.ask_version(0, &ApiVersions { software: String::new() }).apis;
    let mut request = frame(&ApiVersions { software: "conformance".to_owned() }, 3, 7).bytes;
    request[6..8].copy_from_slice(&99_i16.to_be_bytes());
    connection.send_bytes(&request);
    // The answer has version 0, which every client can read (KIP-511).
    let answer = connection.receive_bytes().unwrap();
    assert_eq!(answer[..4], 7_i32.to_be_bytes());
    assert_eq!(answer[4..6], Code::UNSUPPORTED_VERSION.0.to_be_bytes());
    let apis: Vec<i16> = expected.iter().flat_map(|(key, first, last)| [*key, *first, *last]).collect();
    let listed: Vec<i16> = answer[10..].chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
    let own = apis.chunks_exact(3).find(|api| api[0] == ApiVersions::KEY).unwrap();
    assert!(listed.chunks_exact(3).any(|api| api == own), "{own:?} in {listed:?}");
    // The connection stays usable, as a client asks again on it.
    assert_eq!(versions(&mut connection).apis, expected);
}

pub(crate) fn software_names_are_checked(stand: &Stand) {
    let mut connection = stand.connect();
    for (software, code) in [("a-b.c1", Code::NONE), ("", Code::INVALID_REQUEST), ("a b", Code::INVALID_REQUEST)] {
        let answer = connection.ask(&ApiVersions { software: software.to_owned() });
        assert_eq!(answer.code, code, "{software:?}");
    }
}

pub(crate) fn requests_in_a_row_are_answered_in_order(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let mut connection = stand.connect();
    // The first waits for records that do not come; the second must wait for the first.
    let mut slow = Fetch::from(&topic, 0, 0, Isolation::Uncommitted);
    (slow.max_wait_ms, slow.bytes_min) = (500, 1);
    connection.send(Fetch::VERSION, &slow);
    connection.send(ListOffsets::VERSION, &ListOffsets::of(&topic, 0, LATEST, Isolation::Uncommitted));
    let fetched = only(connection.receive_earlier::<Fetch>(Fetch::VERSION, 1).topics);
    assert_eq!((fetched.code, fetched.records), (Code::NONE, Vec::new()));
    let listed = only(connection.receive::<ListOffsets>(ListOffsets::VERSION));
    assert_eq!((listed.code, listed.offset), (Code::NONE, 0));
}

pub(crate) fn texts_of_32_kib_close_the_connection(stand: &Stand) {
    let request = |length| {
        let transactional_id = Some("a".repeat(length));
        let init = InitProducerId { transactional_id, timeout_ms: 0, producer_id: -1, epoch: -1 };
        frame(&init, InitProducerId::VERSION, 7).bytes
    };
    let mut connection = stand.connect();
    connection.send_bytes(&request(32_767));
    assert!(connection.receive_bytes().is_some());
    connection.send_bytes(&request(32_768));
    assert_eq!(connection.receive_bytes(), None);
}

pub(crate) fn unknown_apis_close_the_connection(stand: &Stand) {
    for key in [-1_i16, 9_999, i16::MAX] {
        let mut connection = stand.connect();
        let mut request = frame(&ListGroups { states: Vec::new() }, 0, 1).bytes;
        request[4..6].copy_from_slice(&key.to_be_bytes());
        connection.send_bytes(&request);
        assert_eq!(connection.receive_bytes(), None, "API {key}");
    }
}

pub(crate) fn unknown_versions_close_the_connection(stand: &Stand) {
    let served = versions(&mut stand.connect());
    for (key, _, last) in served.apis {
        if key == ApiVersions::KEY {
            continue;
        }
        let mut connection = stand.connect();
        let mut request = frame(&ListGroups { states: Vec::new() }, 0, 1).bytes;
        request[4..6].copy_from_slice(&key.to_be_bytes());
        request[6..8].copy_from_slice(&(last + 1).to_be_bytes());
        connection.send_bytes(&request);
        assert_eq!(connection.receive_bytes(), None, "API {key}, version {}", last + 1);
    }
}

pub(crate) fn coordinators_are_found(stand: &Stand) {
    let mut connection = stand.connect();
    let brokers = connection.ask(&Metadata { topics: Some(Vec::new()), create: false }).brokers;
    let [(id, host, port)] = &*brokers else { panic!("one broker, not {brokers:?}") };
    for key_type in [0, 1] {
        let key = stand.name("coordinated");
        wait_for_coordinator(&mut connection, &key, key_type);
        let found = connection.ask(&FindCoordinator { key, key_type });
        assert_eq!(found, Coordinator { code: Code::NONE, node_id: *id, host: host.clone(), port: *port });
    }
    let found = connection.ask(&FindCoordinator { key: "a".to_owned(), key_type: 9 });
    assert_eq!((found.code, found.node_id), (Code::INVALID_REQUEST, -1));
}
