//! Offsets that groups keep.

use crate::actors::{Member, wait_for_coordinator};
use crate::client;
use crate::stand::{Stand, TIMEOUT, eventually};
use crate::wire::admin::DeleteTopics;
use crate::wire::groups::*;
use crate::wire::records::{Topics, one, only};
use crate::wire::{Code, Connection};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

fn group(stand: &Stand) -> (String, Connection) {
    let (group, mut connection) = (stand.name("group"), stand.connect());
    wait_for_coordinator(&mut connection, &group, 0);
    (group, connection)
}

fn fetch(connection: &mut Connection, group: &str, topics: Option<Topics<i32>>) -> Topics<(Commit, Code)> {
    let answer = connection.ask(&OffsetFetch { group: group.to_owned(), topics, require_stable: false });
    assert_eq!(answer.code, Code::NONE);
    answer.topics
}

fn nothing(partition: i32) -> (Commit, Code) {
    (Commit { metadata: Some(String::new()), ..Commit::at(partition, -1) }, Code::NONE)
}

pub(crate) fn a_commit_is_kept_whole(stand: &Stand) {
    let topic = stand.create("a", 3, &[]);
    let (group, mut connection) = group(stand);
    let commits = vec![
        Commit { leader_epoch: 0, metadata: Some("note".to_owned()), ..Commit::at(0, 7) },
        Commit { metadata: None, ..Commit::at(1, 0) },
    ];
    let answer = connection.ask(&OffsetCommit::simple(&group, vec![(topic.clone(), commits.clone())]));
    assert_eq!(answer, [(topic.clone(), vec![(0, Code::NONE), (1, Code::NONE)])]);
    let mut fetched = fetch(&mut connection, &group, Some(vec![(topic.clone(), vec![0, 1, 2])])).remove(0).1;
    fetched.sort_by_key(|(commit, _)| commit.partition);
    // Metadata that is null comes back empty.
    let without = Commit { metadata: Some(String::new()), ..commits[1].clone() };
    assert_eq!(fetched, [(commits[0].clone(), Code::NONE), (without, Code::NONE), nothing(2)]);
}

pub(crate) fn all_commits_of_a_group_can_be_fetched(stand: &Stand) {
    let (a, b) = (stand.create("a", 2, &[]), stand.create("b", 1, &[]));
    let (group, mut connection) = group(stand);
    assert_eq!(fetch(&mut connection, &group, None), []);
    let commits = vec![(a.clone(), vec![Commit::at(1, 5)]), (b.clone(), vec![Commit::at(0, 6)])];
    connection.ask(&OffsetCommit::simple(&group, commits));
    let mut fetched: Vec<(String, i32, i64)> = fetch(&mut connection, &group, None)
        .into_iter()
        .flat_map(|(topic, all)| {
            all.into_iter().map(move |(commit, _)| (topic.clone(), commit.partition, commit.offset))
        })
        .collect();
    fetched.sort();
    assert_eq!(fetched, [(a, 1, 5), (b, 0, 6)]);
}

pub(crate) fn unknown_groups_have_committed_nothing(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    assert_eq!(fetch(&mut connection, &group, Some(one(&topic, 0))), [(topic.clone(), vec![nothing(0)])]);
    assert_eq!(fetch(&mut connection, &group, Some(one("no-topic", 9))), [("no-topic".to_owned(), vec![nothing(9)])]);
    let consumer: BaseConsumer = stand.client().set("group.id", &group).create().unwrap();
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition(&topic, 0);
    let committed = consumer.committed_offsets(wanted, TIMEOUT).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Invalid);
}

pub(crate) fn commits_to_unknown_places_are_refused(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    for (topic, partition) in [(&*topic, 1), (&*stand.name("unknown"), 0)] {
        let commit = OffsetCommit::simple(&group, one(topic, Commit::at(partition, 1)));
        assert_eq!(only(connection.ask(&commit)), (partition, Code::UNKNOWN_TOPIC_OR_PARTITION));
    }
}

pub(crate) fn metadata_has_a_largest_size(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    let mut commit = |bytes| {
        let commit = Commit { metadata: Some("a".repeat(bytes)), ..Commit::at(0, 1) };
        only(connection.ask(&OffsetCommit::simple(&group, one(&topic, commit)))).1
    };
    // `offset.metadata.max.bytes`
    assert_eq!(commit(4096), Code::NONE);
    assert_eq!(commit(4097), Code::OFFSET_METADATA_TOO_LARGE);
}

pub(crate) fn only_members_commit_for_a_group_that_has_some(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    let mut member = Member::of(stand, &group);
    member.join_alone(b"all");
    assert_eq!(member.commit(&topic, Commit::at(0, 3)), Code::NONE);
    let own = OffsetCommit {
        generation: member.generation,
        member: member.member.clone(),
        ..OffsetCommit::simple(&group, one(&topic, Commit::at(0, 9)))
    };
    let mut ask = |commit: OffsetCommit| only(connection.ask(&commit)).1;
    assert_eq!(ask(OffsetCommit { generation: 0, ..own.clone() }), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(OffsetCommit { generation: 2, ..own.clone() }), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(OffsetCommit { member: "nobody".to_owned(), ..own.clone() }), Code::UNKNOWN_MEMBER_ID);
    assert_eq!(ask(OffsetCommit::simple(&group, own.topics.clone())), Code::UNKNOWN_MEMBER_ID);
    let stranger = OffsetCommit { group: stand.name("unknown"), ..own.clone() };
    assert_eq!(ask(stranger), Code::ILLEGAL_GENERATION);
    assert_eq!(ask(OffsetCommit { group: String::new(), ..own }), Code::ILLEGAL_GENERATION);
    let fetched = fetch(&mut connection, &group, Some(one(&topic, 0)));
    assert_eq!(only(fetched).0.offset, 3);
}

pub(crate) fn members_commit_in_a_rebalance(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, _) = group(stand);
    let mut first = Member::of(stand, &group);
    first.join_alone(b"all");
    let mut second = Member::of(stand, &group);
    second.introduce();
    second.send_join();
    eventually("the group rebalances", || first.heartbeat() == Code::REBALANCE_IN_PROGRESS);
    assert_eq!(first.commit(&topic, Commit::at(0, 3)), Code::NONE, "what it has done so far");
    assert_eq!(first.join().code, Code::NONE);
    assert_eq!(second.receive_join().code, Code::NONE);
    // Nobody knows yet whose partition it is.
    assert_eq!(first.commit(&topic, Commit::at(0, 4)), Code::REBALANCE_IN_PROGRESS);
}

pub(crate) fn commits_outlive_the_members(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    let mut member = Member::of(stand, &group);
    member.join_alone(b"all");
    assert_eq!(member.commit(&topic, Commit::at(0, 3)), Code::NONE);
    member.leave();
    assert_eq!(only(fetch(&mut connection, &group, Some(one(&topic, 0)))).0.offset, 3);
    // An empty group is anybody's, whatever was committed before: backwards as well.
    assert_eq!(only(connection.ask(&OffsetCommit::simple(&group, one(&topic, Commit::at(0, 1))))).1, Code::NONE);
    assert_eq!(only(fetch(&mut connection, &group, Some(one(&topic, 0)))).0.offset, 1);
}

pub(crate) fn commits_go_with_their_group(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    connection.ask(&OffsetCommit::simple(&group, one(&topic, Commit::at(0, 1))));
    let admin: AdminClient<DefaultClientContext> = stand.client().create().unwrap();
    let delete = || client::block_on(admin.delete_groups(&[&group], &AdminOptions::new())).unwrap().remove(0);
    assert_eq!(delete(), Ok(group.clone()));
    assert_eq!(delete(), Err((group.clone(), RDKafkaErrorCode::GroupIdNotFound)));
    assert_eq!(fetch(&mut connection, &group, None), []);
}

pub(crate) fn commits_go_with_their_topic(stand: &Stand) {
    let topic = stand.create("a", 1, &[]);
    let (group, mut connection) = group(stand);
    connection.ask(&OffsetCommit::simple(&group, one(&topic, Commit::at(0, 1))));
    assert_eq!(connection.ask(&DeleteTopics { topics: vec![topic.clone()] })[0].1, Code::NONE);
    eventually("the commit is gone", || fetch(&mut connection, &group, None).is_empty());
}

pub(crate) fn single_commits_are_deleted(stand: &Stand) {
    let (a, b) = (stand.create("a", 1, &[]), stand.create("b", 1, &[]));
    let (group, mut connection) = group(stand);
    let commits = vec![(a.clone(), vec![Commit::at(0, 5)]), (b.clone(), vec![Commit::at(0, 6)])];
    connection.ask(&OffsetCommit::simple(&group, commits));
    let mut delete = |topic: &str| connection.ask(&OffsetDelete { group: group.clone(), topics: one(topic, 0) });
    assert_eq!(delete(&a), (Code::NONE, one(&a, (0, Code::NONE))));
    assert_eq!(delete(&a), (Code::NONE, one(&a, (0, Code::NONE))), "nothing to delete is no error");
    let unknown = stand.name("unknown");
    let code = Code::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(delete(&unknown), (Code::NONE, one(&unknown, (0, code))));
    let fetched = fetch(&mut connection, &group, None);
    assert_eq!((fetched.len(), &fetched[0].0), (1, &b));
    let (code, topics) = connection.ask(&OffsetDelete { group: unknown, topics: one(&a, 0) });
    assert_eq!((code, topics), (Code::GROUP_ID_NOT_FOUND, Vec::new()));
}

pub(crate) fn commits_in_use_are_not_deleted(stand: &Stand) {
    let (a, b) = (stand.create("a", 1, &[]), stand.create("b", 1, &[]));
    let (group, mut connection) = group(stand);
    let mut member = Member::of(stand, &group);
    member.protocols[0].1 = subscription(&[&a]);
    member.join_alone(b"all");
    assert_eq!(member.commit(&a, Commit::at(0, 1)), Code::NONE);
    assert_eq!(member.commit(&b, Commit::at(0, 2)), Code::NONE);
    let mut delete = |topic: &str| connection.ask(&OffsetDelete { group: group.clone(), topics: one(topic, 0) });
    assert_eq!(delete(&a), (Code::NONE, one(&a, (0, Code::GROUP_SUBSCRIBED_TO_TOPIC))));
    assert_eq!(delete(&b), (Code::NONE, one(&b, (0, Code::NONE))));
    let fetched = fetch(&mut connection, &group, None);
    assert_eq!((fetched.len(), &fetched[0].0), (1, &a));
}

pub(crate) fn clients_commit_and_fetch(stand: &Stand) {
    let topic = stand.create("a", 2, &[]);
    let (group, _) = group(stand);
    let consumer: BaseConsumer = stand.client().set("group.id", &group).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 1, Offset::Offset(42)).unwrap();
    offsets.find_partition(&topic, 1).unwrap().set_metadata("note");
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_range(&topic, 0, 1);
    let committed = consumer.committed_offsets(wanted, TIMEOUT).unwrap();
    let found: Vec<(i32, Offset, String)> = committed
        .elements()
        .iter()
        .map(|element| (element.partition(), element.offset(), element.metadata().to_owned()))
        .collect();
    assert_eq!(found, [(0, Offset::Invalid, String::new()), (1, Offset::Offset(42), "note".to_owned())]);
}
