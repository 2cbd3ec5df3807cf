//! Groups from the outside: what librdkafka's consumers get, keep and give back.

use crate::stand::{Stand, TIMEOUT, eventually};
use crate::wire::Code;
use crate::wire::admin::{CreatePartitions, CreateTopics, NewTopic};
use crate::wire::groups::DescribeGroups;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;
use std::sync::Mutex;
use std::time::Duration;

/// What a consumer was told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
}

#[derive(Debug, Default)]
struct Events(Mutex<Vec<Event>>);

impl ClientContext for Events {}

impl ConsumerContext for Events {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let event = match rebalance {
            Rebalance::Assign(partitions) => Event::Assigned(numbers(partitions)),
            Rebalance::Revoke(partitions) => Event::Revoked(numbers(partitions)),
            Rebalance::Error(error) => panic!("{error} in a rebalance"),
        };
        self.0.lock().unwrap().push(event);
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    let mut numbers: Vec<i32> = partitions.elements().iter().map(|element| element.partition()).collect();
    numbers.sort_unstable();
    numbers
}

/// A consumer of one topic.
struct Consumer(BaseConsumer<Events>);

impl Consumer {
    fn start(stand: &Stand, group: &str, topic: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = stand.client();
        config
            .set("group.id", group)
            .set("client.id", "conformance")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "30000")
            .set("heartbeat.interval.ms", "200")
            .set("topic.metadata.refresh.interval.ms", "500");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer<Events> = config.create_with_context(Events::default()).unwrap();
        consumer.subscribe(&[topic]).unwrap();
        Self(consumer)
    }

    /// Serves it for a moment; what it has then.
    fn partitions(&self) -> Vec<i32> {
        while let Some(heard) = self.0.poll(Duration::from_millis(10)) {
            heard.unwrap();
        }
        numbers(&self.0.assignment().unwrap())
    }

    fn events(&self) -> Vec<Event> {
        self.0.context().0.lock().unwrap().clone()
    }
}

/// Waits until two consumers share six partitions evenly; what each has.
fn wait_for_halves(first: &Consumer, second: &Consumer) -> [Vec<i32>; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    eventually("each has three of six partitions", || {
        halves = [first.partitions(), second.partitions()];
        halves.iter().all(|half| half.len() == 3)
    });
    let mut all = halves.concat();
    all.sort_unstable();
    assert_eq!(all, ALL);
    halves
}

const ALL: [i32; 6] = [0, 1, 2, 3, 4, 5];

pub(crate) fn ranges_are_shared_and_given_back(stand: &Stand) {
    let (topic, group) = (stand.create("a", 6, &[]), stand.name("group"));
    let range = [("partition.assignment.strategy", "range")];
    let first = Consumer::start(stand, &group, &topic, &range);
    eventually("the first has all", || first.partitions() == ALL);
    let second = Consumer::start(stand, &group, &topic, &range);
    let halves = wait_for_halves(&first, &second);
    assert!(halves.contains(&vec![0, 1, 2]) && halves.contains(&vec![3, 4, 5]), "{halves:?}");
    drop(second);
    eventually("the first has all again", || first.partitions() == ALL);
    // Eager: each time everything is given up before it is shared out anew.
    let all = || ALL.to_vec();
    let mine = halves[0].clone();
    let expected = [
        Event::Assigned(all()),
        Event::Revoked(all()),
        Event::Assigned(mine.clone()),
        Event::Revoked(mine),
        Event::Assigned(all()),
    ];
    assert_eq!(first.events(), expected);
}

pub(crate) fn cooperative_members_keep_what_they_can(stand: &Stand) {
    let (topic, group) = (stand.create("a", 6, &[]), stand.name("group"));
    let cooperative = [("partition.assignment.strategy", "cooperative-sticky")];
    let first = Consumer::start(stand, &group, &topic, &cooperative);
    eventually("the first has all", || first.partitions() == ALL);
    let second = Consumer::start(stand, &group, &topic, &cooperative);
    let [_, given] = wait_for_halves(&first, &second);
    drop(second);
    eventually("the first has all again", || first.partitions() == ALL);
    // Told of changes only; an empty one says that a rebalance went by.
    let mut changes = first.events();
    changes.retain(|event| !matches!(event, Event::Assigned(numbers) | Event::Revoked(numbers) if numbers.is_empty()));
    assert_eq!(changes, [Event::Assigned(ALL.to_vec()), Event::Revoked(given.clone()), Event::Assigned(given)]);
}

/// Two consumers with instance ids and what each has.
fn instances(stand: &Stand, group: &str, topic: &str, session_timeout_ms: &str) -> ([Consumer; 2], [Vec<i32>; 2]) {
    let start = |instance| {
        let settings = [("group.instance.id", instance), ("session.timeout.ms", session_timeout_ms)];
        Consumer::start(stand, group, topic, &settings)
    };
    let pair = [start("first"), start("second")];
    let halves = wait_for_halves(&pair[0], &pair[1]);
    (pair, halves)
}

pub(crate) fn an_instance_that_restarts_disturbs_nobody(stand: &Stand) {
    let (topic, group) = (stand.create("a", 6, &[]), stand.name("group"));
    let ([first, second], halves) = instances(stand, &group, &topic, "30000");
    let events = first.events();
    drop(second);
    let second = Consumer::start(stand, &group, &topic, &[("group.instance.id", "second")]);
    eventually("it has its partitions again", || {
        assert_eq!(first.partitions(), halves[0]);
        second.partitions() == halves[1]
    });
    assert_eq!(second.events(), [Event::Assigned(halves[1].clone())]);
    assert_eq!(first.events(), events);
}

pub(crate) fn an_instance_that_stays_away_is_replaced(stand: &Stand) {
    let (topic, group) = (stand.create("a", 6, &[]), stand.name("group"));
    let ([first, second], _) = instances(stand, &group, &topic, "6000");
    drop(second);
    eventually("the first has all", || first.partitions() == ALL);
}

pub(crate) fn a_second_process_of_an_instance_ends_the_first(stand: &Stand) {
    let (topic, group) = (stand.create("a", 6, &[]), stand.name("group"));
    let instance = [("group.instance.id", "instance")];
    let first = Consumer::start(stand, &group, &topic, &instance);
    eventually("the first has all", || first.partitions() == ALL);
    let second = Consumer::start(stand, &group, &topic, &instance);
    eventually("the second has all", || second.partitions() == ALL);
    let mut heard = None;
    eventually("the first hears of it", || {
        heard = first.0.poll(Duration::from_millis(20)).and_then(Result::err);
        heard.is_some()
    });
    assert_eq!(heard, Some(KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId)));
    assert_eq!(first.0.client().fatal_error().unwrap().0, RDKafkaErrorCode::FencedInstanceId);
}

pub(crate) fn new_partitions_are_shared_out(stand: &Stand) {
    let (topic, group) = (stand.create("a", 1, &[]), stand.name("group"));
    let consumer = Consumer::start(stand, &group, &topic, &[]);
    eventually("it has the one", || consumer.partitions() == [0]);
    let request = CreatePartitions { topics: vec![(topic, 3)], validate_only: false };
    assert_eq!(stand.connect().ask(&request)[0].1, Code::NONE);
    eventually("it has the new ones", || consumer.partitions() == [0, 1, 2]);
}

pub(crate) fn the_next_one_goes_on_where_the_last_one_committed(stand: &Stand) {
    let (topic, group) = (stand.create("a", 1, &[]), stand.name("group"));
    stand.append(&topic, 0, &["a", "b", "c"]);
    let next = |consumer: &Consumer| {
        let mut offset = None;
        eventually("a record comes", || {
            offset = consumer.0.poll(Duration::from_millis(50)).map(|message| {
                let message = message.unwrap();
                consumer.0.commit_message(&message, CommitMode::Sync).unwrap();
                message.offset()
            });
            offset.is_some()
        });
        offset.unwrap()
    };
    let first = Consumer::start(stand, &group, &topic, &[]);
    assert_eq!((next(&first), next(&first)), (0, 1));
    drop(first);
    assert_eq!(next(&Consumer::start(stand, &group, &topic, &[])), 2);
}

pub(crate) fn a_topic_may_come_later(stand: &Stand) {
    let (topic, group) = (stand.name("later"), stand.name("group"));
    let consumer = Consumer::start(stand, &group, &topic, &[]);
    let mut heard = None;
    eventually("it hears that there is no such topic", || {
        heard = consumer.0.poll(Duration::from_millis(20)).and_then(Result::err);
        heard.is_some()
    });
    assert_eq!(heard, Some(KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition)));
    stand.will_delete(&topic);
    let request = CreateTopics { topics: vec![NewTopic::of(&topic, 2, &[])], validate_only: false };
    assert_eq!(stand.connect().ask(&request)[0].1, Code::NONE);
    eventually("it has the topic", || {
        consumer.0.poll(Duration::from_millis(20));
        numbers(&consumer.0.assignment().unwrap()) == [0, 1]
    });
}

pub(crate) fn groups_are_shown_to_clients(stand: &Stand) {
    let (topic, group) = (stand.create("a", 1, &[]), stand.name("group"));
    let consumer = Consumer::start(stand, &group, &topic, &[]);
    eventually("it has its partition", || consumer.partitions() == [0]);
    for filter in [Some(&*group), None] {
        let list = consumer.0.fetch_group_list(filter, TIMEOUT).unwrap();
        let found = list.groups().iter().find(|found| found.name() == group).unwrap();
        assert_eq!((found.state(), found.protocol_type(), found.protocol()), ("Stable", "consumer", "range"));
        let [member] = found.members() else { panic!("one member, not {}", found.members().len()) };
        assert_eq!((member.client_id(), member.client_host()), ("conformance", "/127.0.0.1"));
        assert!(member.assignment().is_some_and(|assignment| !assignment.is_empty()));
    }
    let client = consumer.0.fetch_metadata(Some(&stand.name("unknown")), TIMEOUT).unwrap();
    let code = client.topics()[0].error().map(RDKafkaErrorCode::from);
    assert_eq!(code, Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    drop(consumer);
    let described = stand.connect().ask(&DescribeGroups { groups: vec![group] }).remove(0);
    assert_eq!((&*described.state, described.members), ("Empty", Vec::new()));
}
