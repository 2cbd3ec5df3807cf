//! Groups from the inside: joining, leading, leaving, being late.

use crate::actors::{Member, wait_for_coordinator};
use crate::stand::{Stand, eventually};
use crate::wire::groups::*;
use crate::wire::{Code, Request};
use std::time::{Duration, Instant};

const NOBODY: &str = "nobody-00000000-0000-0000-0000-000000000000";

fn describe(stand: &Stand, group: &str) -> DescribedGroup {
    stand.connect().ask(&DescribeGroups { groups: vec![group.to_owned()] }).remove(0)
}

/// The first member in a stable group, and a second one that has asked to join.
fn member_and_newcomer(stand: &Stand, group: &str) -> (Member, Member) {
    let mut first = Member::of(stand, group);
    first.join_alone(b"all");
    let mut second = Member::of(stand, group);
    second.introduce();
    second.send_join();
    eventually("the group rebalances", || first.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    (first, second)
}

pub(crate) fn newcomers_are_named_before_they_join(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    let request = member.join_request();
    let answer = member.connection.ask(&request);
    assert_eq!((answer.code, answer.generation, &*answer.leader), (Code::MEMBER_ID_REQUIRED, -1, ""));
    assert!(answer.member.starts_with("conformance-"), "{:?} begins with the client's id", answer.member);
    assert_eq!(describe(stand, &group).members, [], "it is no member yet");
    member.member = answer.member;
    assert_eq!(member.join().code, Code::NONE);
    // Before version 4 a newcomer joins at once.
    let request = JoinGroup { group: stand.name("old"), member: String::new(), ..member.join_request() };
    let joined = member.connection.ask_version(3, &request);
    assert_eq!((joined.code, joined.generation), (Code::NONE, 1));
}

pub(crate) fn the_leader_divides_and_all_receive(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, mut second) = member_and_newcomer(stand, &group);
    second.protocols[0].1 = subscription(&["b"]);
    first.protocols[0].1 = subscription(&["a"]);
    let leader = first.join();
    let follower = second.receive_join();
    assert_eq!((leader.code, leader.generation, &*leader.protocol), (Code::NONE, 2, "range"));
    assert_eq!((follower.code, follower.generation, &*follower.protocol), (Code::NONE, 2, "range"));
    assert_eq!((&leader.leader, &follower.leader), (&first.member, &first.member));
    assert_eq!(follower.members, []);
    let mut members = leader.members;
    members.sort();
    // What the newcomer said when it asked, and what the first member says now.
    let mut expected =
        [(first.member.clone(), None, subscription(&["a"])), (second.member.clone(), None, subscription(&[]))];
    expected.sort();
    assert_eq!(members, expected);

    // A follower waits for the leader.
    second.connection.send(SyncGroup::VERSION, &second.sync_request(&[]));
    assert!(!second.connection.has_answer(Duration::from_millis(100)));
    let shares = [(first.member.clone(), b"one".to_vec()), (second.member.clone(), b"two".to_vec())];
    assert_eq!(first.sync(&shares), (Code::NONE, b"one".to_vec()));
    let received = second.connection.receive::<SyncGroup>(SyncGroup::VERSION);
    assert_eq!(received, (Code::NONE, b"two".to_vec()));
    // Asked again, both hear the same.
    assert_eq!(second.sync(&[]), (Code::NONE, b"two".to_vec()));
    assert_eq!(first.sync(&[]), (Code::NONE, b"one".to_vec()));
    assert_eq!((first.heartbeat(), second.heartbeat()), (Code::NONE, Code::NONE));
}

pub(crate) fn members_without_a_share_get_none(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, mut second) = member_and_newcomer(stand, &group);
    first.join();
    second.receive_join();
    let shares = [(first.member.clone(), b"all".to_vec())];
    assert_eq!(first.sync(&shares), (Code::NONE, b"all".to_vec()));
    assert_eq!(second.sync(&[]), (Code::NONE, Vec::new()));
}

pub(crate) fn a_protocol_that_all_know_is_chosen(stand: &Stand) {
    let group = stand.name("group");
    let protocols = |names: &[&str]| -> Vec<(String, Vec<u8>)> {
        names.iter().map(|name| ((*name).to_owned(), subscription(&[]))).collect()
    };
    let mut first = Member::of(stand, &group);
    first.protocols = protocols(&["a", "b", "c"]);
    assert_eq!(first.join().protocol, "a", "the first that it named");
    let member = first.member.clone();
    first.sync(&[(member, Vec::new())]);
    let mut second = Member::of(stand, &group);
    second.protocols = protocols(&["c", "b", "d"]);
    second.introduce();
    second.send_join();
    eventually("the group rebalances", || first.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    let chosen = first.join().protocol;
    assert!(["b", "c"].contains(&&*chosen), "{chosen:?} is known to both");
    assert_eq!(second.receive_join().protocol, chosen);

    let mut third = Member::of(stand, &group);
    third.protocols = protocols(&["x"]);
    let request = third.join_request();
    assert_eq!(third.connection.ask(&request).code, Code::INCONSISTENT_GROUP_PROTOCOL);
    let request = JoinGroup { protocol_type: "connect".to_owned(), ..first.join_request() };
    let request = JoinGroup { member: String::new(), ..request };
    assert_eq!(third.connection.ask(&request).code, Code::INCONSISTENT_GROUP_PROTOCOL);
    for (what, request) in [
        ("no protocol", JoinGroup { protocols: Vec::new(), group: stand.name("new"), ..third.join_request() }),
        ("no type", JoinGroup { protocol_type: String::new(), group: stand.name("new"), ..third.join_request() }),
    ] {
        assert_eq!(third.connection.ask(&request).code, Code::INCONSISTENT_GROUP_PROTOCOL, "{what}");
    }
}

pub(crate) fn senseless_joins_are_refused(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    let request = member.join_request();
    let mut ask = |request: JoinGroup| member.connection.ask(&request).code;
    assert_eq!(ask(JoinGroup { group: String::new(), ..request.clone() }), Code::INVALID_GROUP_ID);
    // From 6 seconds to 30 minutes (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    for (session_timeout_ms, code) in [
        (5_999, Code::INVALID_SESSION_TIMEOUT),
        (6_000, Code::MEMBER_ID_REQUIRED),
        (1_800_000, Code::MEMBER_ID_REQUIRED),
        (1_800_001, Code::INVALID_SESSION_TIMEOUT),
        (-1, Code::INVALID_SESSION_TIMEOUT),
    ] {
        let request = JoinGroup { session_timeout_ms, ..request.clone() };
        assert_eq!(ask(request), code, "{session_timeout_ms} ms");
    }
    assert_eq!(ask(JoinGroup { member: NOBODY.to_owned(), ..request }), Code::UNKNOWN_MEMBER_ID);
}

pub(crate) fn a_follower_that_joins_again_changes_nothing(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, mut second) = member_and_newcomer(stand, &group);
    first.join();
    second.receive_join();
    let shares = [(first.member.clone(), b"one".to_vec()), (second.member.clone(), b"two".to_vec())];
    assert_eq!(first.sync(&shares).0, Code::NONE);
    assert_eq!(second.sync(&[]).0, Code::NONE);
    let again = second.join();
    assert_eq!((again.code, again.generation, &again.leader), (Code::NONE, 2, &first.member));
    assert_eq!(again.members, []);
    assert_eq!((first.heartbeat(), second.heartbeat()), (Code::NONE, Code::NONE));
    // With other metadata it does.
    second.protocols[0].1 = subscription(&["b"]);
    second.send_join();
    eventually("the group rebalances", || first.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    assert_eq!((first.join().generation, second.receive_join().generation), (3, 3));
}

pub(crate) fn a_leader_that_joins_again_rebalances(stand: &Stand) {
    let mut member = Member::of(stand, &stand.name("group"));
    member.join_alone(b"all");
    let again = member.join();
    assert_eq!((again.code, again.generation, again.members.len()), (Code::NONE, 2, 1));
}

pub(crate) fn heartbeats_tell_the_truth(stand: &Stand) {
    let group = stand.name("group");
    let (mut member, _second) = member_and_newcomer(stand, &group);
    let heartbeat = Heartbeat {
        group: group.clone(),
        generation: member.generation,
        member: member.member.clone(),
        instance: None,
    };
    let mut ask = |heartbeat: Heartbeat| member.connection.ask(&heartbeat);
    assert_eq!(ask(heartbeat.clone()), Code::REBALANCE_IN_PROGRESS);
    assert_eq!(ask(Heartbeat { generation: 0, ..heartbeat.clone() }), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(Heartbeat { generation: 9, ..heartbeat.clone() }), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(Heartbeat { member: NOBODY.to_owned(), ..heartbeat.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(Heartbeat { member: String::new(), ..heartbeat.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(Heartbeat { group: stand.name("unknown"), ..heartbeat.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(Heartbeat { group: String::new(), ..heartbeat }), Code::INVALID_GROUP_ID);
}

pub(crate) fn syncs_of_others_are_refused(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    member.join();
    let sync = member.sync_request(&[]);
    let mut ask = |sync: SyncGroup| member.connection.ask(&sync).0;
    assert_eq!(ask(SyncGroup { generation: 7, ..sync.clone() }), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(SyncGroup { member: NOBODY.to_owned(), ..sync.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(SyncGroup { group: stand.name("unknown"), ..sync.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(SyncGroup { group: String::new(), ..sync }), Code::INVALID_GROUP_ID);
}

pub(crate) fn a_sync_in_a_rebalance_is_told_so(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, _second) = member_and_newcomer(stand, &group);
    assert_eq!(first.sync(&[]).0, Code::REBALANCE_IN_PROGRESS);
}

pub(crate) fn the_rest_divides_anew_when_one_leaves(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, mut second) = member_and_newcomer(stand, &group);
    first.join();
    second.receive_join();
    let shares = [(first.member.clone(), Vec::new()), (second.member.clone(), Vec::new())];
    assert_eq!(first.sync(&shares).0, Code::NONE);
    assert_eq!(second.sync(&[]).0, Code::NONE);
    // It is the leader that leaves.
    assert_eq!(first.leave(), (Code::NONE, vec![Code::NONE]));
    assert_eq!(first.heartbeat(), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(first.leave(), (Code::NONE, vec![Code::UNKNOWN_MEMBER_ID]));
    assert_eq!(second.heartbeat(), Code::REBALANCE_IN_PROGRESS);
    let joined = second.join();
    assert_eq!((joined.code, joined.generation, &joined.leader), (Code::NONE, 3, &second.member));
    assert_eq!(joined.members.len(), 1);
}

pub(crate) fn leaving_what_one_is_not_in_is_refused(stand: &Stand) {
    let group = stand.name("unknown");
    let mut connection = stand.connect();
    wait_for_coordinator(&mut connection, &group, 0);
    let leave = LeaveGroup { group, members: vec![(NOBODY.to_owned(), None)] };
    assert_eq!(connection.ask(&leave), (Code::NONE, vec![Code::UNKNOWN_MEMBER_ID]));
    assert_eq!(connection.ask_version(2, &leave).0, Code::UNKNOWN_MEMBER_ID);
    let nameless = LeaveGroup { group: String::new(), ..leave };
    assert_eq!(connection.ask(&nameless).0, Code::INVALID_GROUP_ID);
}

pub(crate) fn silent_members_are_dropped(stand: &Stand) {
    let group = stand.name("group");
    let (mut first, mut second) = member_and_newcomer(stand, &group);
    first.session_timeout_ms = Member::SESSION_TIMEOUT_MS;
    first.join();
    second.receive_join();
    let shares = [(first.member.clone(), Vec::new()), (second.member.clone(), Vec::new())];
    assert_eq!(first.sync(&shares).0, Code::NONE);
    assert_eq!(second.sync(&[]).0, Code::NONE);
    stand.let_pass(Duration::from_secs(4));
    assert_eq!(second.heartbeat(), Code::NONE, "nobody is dropped before the time is over");
    stand.let_pass(Duration::from_secs(2));
    eventually("the silent one is dropped", || second.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    let joined = second.join();
    assert_eq!((joined.code, joined.members.len(), &joined.leader), (Code::NONE, 1, &second.member));
    assert_eq!(first.heartbeat(), Code::UNKNOWN_MEMBER_ID);
}

pub(crate) fn a_heartbeat_keeps_a_member(stand: &Stand) {
    let mut member = Member::of(stand, &stand.name("group"));
    member.session_timeout_ms = Member::SESSION_TIMEOUT_MS;
    member.join_alone(b"all");
    for second in 1..=8 {
        stand.let_pass(Duration::from_secs(1));
        assert_eq!(member.heartbeat(), Code::NONE, "after {second} s");
    }
    assert_eq!(member.generation, 1);
}

pub(crate) fn members_late_to_rejoin_are_dropped(stand: &Stand) {
    let group = stand.name("group");
    let mut first = Member::of(stand, &group);
    first.rebalance_timeout_ms = 1_000;
    first.join_alone(b"all");
    let mut second = Member::of(stand, &group);
    second.rebalance_timeout_ms = 1_000;
    second.introduce();
    let start = Instant::now();
    second.send_join();
    // The first does not come.
    let joined = second.receive_join();
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!((joined.code, joined.members.len(), &joined.leader), (Code::NONE, 1, &second.member));
    assert_eq!(first.heartbeat(), Code::UNKNOWN_MEMBER_ID);
}

pub(crate) fn a_leader_that_never_divides_is_dropped(stand: &Stand) {
    let group = stand.name("group");
    let mut first = Member::of(stand, &group);
    first.rebalance_timeout_ms = 1_000;
    assert_eq!(first.join().code, Code::NONE);
    // Heartbeats do not save it: the others would wait for ever.
    assert_eq!(first.heartbeat(), Code::NONE);
    stand.let_pass(Duration::from_secs(1));
    eventually("it is dropped", || first.heartbeat() == Code::UNKNOWN_MEMBER_ID);
    assert_eq!(describe(stand, &group).state, "Empty");
}

pub(crate) fn an_instance_that_restarts_keeps_its_place(stand: &Stand) {
    let group = stand.name("group");
    let mut first = Member::static_of(stand, &group, "first");
    let mut second = Member::static_of(stand, &group, "second");
    first.join();
    second.send_join();
    eventually("the group rebalances", || first.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    first.join();
    second.receive_join();
    let shares = [(first.member.clone(), b"one".to_vec()), (second.member.clone(), b"two".to_vec())];
    assert_eq!(first.sync(&shares).0, Code::NONE);
    assert_eq!(second.sync(&[]).0, Code::NONE);

    // A new process without a member id: another id, but the same generation and the same share.
    let mut restarted = Member::static_of(stand, &group, "second");
    let joined = restarted.join();
    assert_eq!((joined.code, joined.generation, &joined.leader), (Code::NONE, 2, &first.member));
    assert_ne!(restarted.member, second.member);
    assert_eq!(restarted.sync(&[]), (Code::NONE, b"two".to_vec()));
    assert_eq!((first.heartbeat(), restarted.heartbeat()), (Code::NONE, Code::NONE));

    // The leader as well, and it hears who leads: its former self, so that it does not divide anew.
    let mut leader = Member::static_of(stand, &group, "first");
    let joined = leader.join();
    assert_eq!((joined.code, joined.generation), (Code::NONE, 2));
    assert_eq!((joined.leader, joined.members), (first.member, Vec::new()));
    assert_eq!(leader.sync(&[]), (Code::NONE, b"one".to_vec()));
    assert_eq!((leader.heartbeat(), restarted.heartbeat()), (Code::NONE, Code::NONE));
}

pub(crate) fn an_instance_that_wants_something_else_rebalances(stand: &Stand) {
    let group = stand.name("group");
    let protocols = |names: [&str; 2]| names.map(|name| (name.to_owned(), subscription(&[]))).to_vec();
    let mut first = Member::static_of(stand, &group, "first");
    first.protocols = protocols(["range", "roundrobin"]);
    first.join_alone(b"all");
    let mut restarted = Member::static_of(stand, &group, "first");
    restarted.protocols = protocols(["roundrobin", "range"]);
    let joined = restarted.join();
    assert_eq!((joined.code, joined.generation, &*joined.protocol), (Code::NONE, 2, "roundrobin"));
    assert_eq!((joined.leader, joined.members.len()), (joined.member, 1));
}

pub(crate) fn an_instance_leaves_when_an_operator_says_so(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::static_of(stand, &group, "first");
    member.join_alone(b"all");
    // As `kafka-consumer-groups` removes members: by instance alone.
    let leave = LeaveGroup { group: group.clone(), members: vec![(String::new(), Some("first".to_owned()))] };
    assert_eq!(stand.connect().ask(&leave), (Code::NONE, vec![Code::NONE]));
    assert_eq!(stand.connect().ask(&leave), (Code::NONE, vec![Code::UNKNOWN_MEMBER_ID]));
    assert_eq!(member.heartbeat(), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(describe(stand, &group).state, "Empty");
}

pub(crate) fn silent_instances_are_dropped(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::static_of(stand, &group, "first");
    member.session_timeout_ms = Member::SESSION_TIMEOUT_MS;
    member.join_alone(b"all");
    assert_eq!(describe(stand, &group).state, "Stable");
    stand.let_pass(Duration::from_secs(6));
    eventually("the silent one is dropped", || describe(stand, &group).state == "Empty");
    assert_eq!(member.heartbeat(), Code::UNKNOWN_MEMBER_ID);
}

pub(crate) fn groups_are_described(stand: &Stand) {
    let group = stand.name("group");
    let mut first = Member::static_of(stand, &group, "instance");
    let nothing = DescribedGroup {
        code: Code::NONE,
        group: group.clone(),
        state: "Dead".to_owned(),
        protocol_type: String::new(),
        protocol: String::new(),
        members: Vec::new(),
    };
    assert_eq!(describe(stand, &group), nothing);
    first.join();
    // Apache Kafka tells what is written down, a moment after it is so.
    eventually("the group waits for its leader", || describe(stand, &group).state == "CompletingRebalance");
    assert_eq!(describe(stand, &group).protocol_type, "consumer");
    let member = first.member.clone();
    first.sync(&[(member, b"share".to_vec())]);
    let member = DescribedMember {
        member: first.member.clone(),
        instance: Some("instance".to_owned()),
        client_id: "conformance".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        metadata: subscription(&[]),
        assignment: b"share".to_vec(),
    };
    let stable = DescribedGroup {
        state: "Stable".to_owned(),
        protocol_type: "consumer".to_owned(),
        protocol: "range".to_owned(),
        members: vec![member],
        ..nothing.clone()
    };
    assert_eq!(describe(stand, &group), stable);
    let mut second = Member::of(stand, &group);
    second.introduce();
    second.send_join();
    eventually("the group rebalances", || describe(stand, &group).state == "PreparingRebalance");
    first.leave();
    second.receive_join();
    second.leave();
    let empty = DescribedGroup { state: "Empty".to_owned(), protocol_type: "consumer".to_owned(), ..nothing };
    assert_eq!(describe(stand, &group), empty);
}

pub(crate) fn groups_are_listed(stand: &Stand) {
    let (stable, empty) = (stand.name("stable"), stand.name("empty"));
    let mut member = Member::of(stand, &stable);
    member.join_alone(b"all");
    let mut left = Member::of(stand, &empty);
    left.join_alone(b"all");
    left.leave();
    let list = |states: &[&str]| {
        let states = states.iter().map(|state| (*state).to_owned()).collect();
        let (code, mut groups) = stand.connect().ask(&ListGroups { states });
        assert_eq!(code, Code::NONE);
        groups.retain(|(group, ..)| [&stable, &empty].contains(&group));
        groups.sort();
        groups
    };
    let entry = |group: &str, state: &str| (group.to_owned(), "consumer".to_owned(), state.to_owned());
    assert_eq!(list(&[]), [entry(&empty, "Empty"), entry(&stable, "Stable")]);
    assert_eq!(list(&["Stable"]), [entry(&stable, "Stable")]);
    assert_eq!(list(&["Dead", "Empty"]), [entry(&empty, "Empty")]);
    assert_eq!(list(&["Dead"]), []);
}

pub(crate) fn only_empty_groups_are_deleted(stand: &Stand) {
    let group = stand.name("group");
    let mut member = Member::of(stand, &group);
    member.join_alone(b"all");
    let delete = |group: &str| stand.connect().ask(&DeleteGroups { groups: vec![group.to_owned()] }).remove(0).1;
    assert_eq!(delete(&group), Code::NON_EMPTY_GROUP);
    assert_eq!(member.heartbeat(), Code::NONE);
    member.leave();
    assert_eq!(delete(&group), Code::NONE);
    assert_eq!(delete(&group), Code::GROUP_ID_NOT_FOUND);
    assert_eq!(describe(stand, &group).state, "Dead");
    assert_eq!(delete(""), Code::GROUP_ID_NOT_FOUND);
}
