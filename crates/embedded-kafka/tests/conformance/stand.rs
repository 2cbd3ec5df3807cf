//! What a probe stands on: a broker, names that nobody else uses, and the everyday requests.

use crate::wire::admin::{CreateTopics, DeleteTopics, Metadata, NewTopic};
use crate::wire::batch::{Batch, Record};
use crate::wire::records::{EARLIEST, Isolation, LATEST, ListOffsets, ListedOffset, Produce, only};
use crate::wire::{Code, Connection};
use embedded_kafka::{Broker, Options, Segment};
use rdkafka::ClientConfig;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take on a busy machine before a probe gives up.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A broker and what a probe may do to it.
pub(crate) struct Stand {
    embedded: Option<Broker>,
    servers: String,
    prefix: String,
    topics: Mutex<Vec<String>>,
}

/// Runs a probe against an embedded broker of its own.
pub(crate) fn on_embedded(probe: fn(&Stand)) {
    let options = Options { retention_check_interval: Duration::from_millis(100), ..Options::default() };
    let broker = Broker::start(options).unwrap();
    probe(&Stand::new(broker.bootstrap_servers(), Some(broker)));
}

/// Runs a probe against the Apache Kafka that `LOGVEIL_TEST_KAFKA` names, or says once that such probes are skipped.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
pub(crate) fn on_apache(probe: fn(&Stand)) {
    static SKIPPED: Once = Once::new();
    match std::env::var("LOGVEIL_TEST_KAFKA") {
        Ok(servers) => probe(&Stand::new(servers, None)),
        // What is printed is kept from who runs a test that passes; what is written is not.
        Err(_) => SKIPPED.call_once(|| {
            let said = b"\nskipped: every apache:: probe; LOGVEIL_TEST_KAFKA=host:port names no Apache Kafka\n";
            std::io::stderr().write_all(said).unwrap();
        }),
    }
}

impl Stand {
    fn new(servers: String, embedded: Option<Broker>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("conformance-{}-{}-{number}", now_ms(), std::process::id());
        Self { embedded, servers, prefix, topics: Mutex::new(Vec::new()) }
    }

    /// A name for a topic, group or transactional id.
    pub(crate) fn name(&self, label: &str) -> String {
        format!("{}-{label}", self.prefix)
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The segments of partition 0, where the broker shows them.
    pub(crate) fn segments(&self, topic: &str) -> Option<Vec<Segment>> {
        self.embedded.as_ref().map(|broker| broker.segments(topic, 0))
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.servers)
    }

    /// What every client is configured with.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        config
    }

    /// Lets this time pass for sessions and transactions: at once where the broker's clock can be moved.
    pub(crate) fn let_pass(&self, time: Duration) {
        match &self.embedded {
            Some(broker) => broker.clock().advance_timer(time),
            None => std::thread::sleep(time),
        }
    }

    /// A new topic, ready for use.
    pub(crate) fn create(&self, label: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = self.name(label);
        self.will_delete(&name);
        let topic = NewTopic::of(&name, partitions, settings);
        let request = CreateTopics { topics: vec![topic], validate_only: false };
        assert_eq!(self.connect().ask(&request), [(name.clone(), Code::NONE)]);
        self.wait_for_leaders(&name, partitions);
        name
    }

    /// Has a topic deleted when the probe is over.
    pub(crate) fn will_delete(&self, topic: &str) {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).push(topic.to_owned());
    }

    /// Apache Kafka answers for a topic a moment before every partition has a leader.
    pub(crate) fn wait_for_leaders(&self, topic: &str, partitions: i32) {
        let mut connection = self.connect();
        let request = Metadata { topics: Some(vec![topic.to_owned()]), create: false };
        eventually("every partition has a leader", || {
            let topics = connection.ask(&request).topics;
            topics[0].partitions.len() == partitions as usize
                && topics[0].partitions.iter().all(|partition| partition.leader >= 0)
                && (0..partitions).all(|partition| {
                    let latest = ListOffsets::of(topic, partition, LATEST, Isolation::Uncommitted);
                    only(connection.ask(&latest)).code == Code::NONE
                })
        });
    }

    /// Appends one batch with a record of each value, of now; its first offset.
    #[track_caller]
    pub(crate) fn append(&self, topic: &str, partition: i32, values: &[&str]) -> i64 {
        let now_ms = now_ms();
        let records: Vec<Record> = values.iter().map(|value| Record::at(now_ms, value)).collect();
        self.append_records(topic, partition, &records)
    }

    /// Appends one batch; its first offset.
    #[track_caller]
    pub(crate) fn append_records(&self, topic: &str, partition: i32, records: &[Record]) -> i64 {
        let request = Produce::to(topic, partition, Batch::of(records).bytes());
        let produced = only(self.connect().ask(&request));
        assert_eq!(produced.code, Code::NONE);
        produced.base_offset
    }

    /// What `ListOffsets` says for a time.
    pub(crate) fn offset_at(&self, topic: &str, timestamp_ms: i64) -> ListedOffset {
        only(self.connect().ask(&ListOffsets::of(topic, 0, timestamp_ms, Isolation::Uncommitted)))
    }

    /// The first offset of partition 0 that is still there.
    pub(crate) fn low_watermark(&self, topic: &str) -> i64 {
        self.offset_at(topic, EARLIEST).offset
    }

    /// The offset behind the last record of partition 0.
    pub(crate) fn high_watermark(&self, topic: &str) -> i64 {
        self.offset_at(topic, LATEST).offset
    }

    /// The first offset of partition 0 that a reader of committed records must wait for.
    pub(crate) fn stable_offset(&self, topic: &str) -> i64 {
        only(self.connect().ask(&ListOffsets::of(topic, 0, LATEST, Isolation::Committed))).offset
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let topics = std::mem::take(self.topics.get_mut().unwrap_or_else(PoisonError::into_inner));
        if topics.is_empty() || std::thread::panicking() {
            return;
        }
        self.connect().ask(&DeleteTopics { topics });
    }
}

impl NewTopic {
    pub(crate) fn of(name: &str, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), partitions, replicas: 1, settings }
    }
}

/// Calls `wanted` until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut wanted: impl FnMut() -> bool) {
    let start = Instant::now();
    while !wanted() {
        assert!(start.elapsed() < TIMEOUT, "not within {TIMEOUT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Calls `ask` until its answer is not that the broker's coordinator is still busy.
#[track_caller]
pub(crate) fn patiently<T>(mut ask: impl FnMut() -> T, code: impl Fn(&T) -> Code) -> T {
    const BUSY: [Code; 4] = [
        Code::COORDINATOR_LOAD_IN_PROGRESS,
        Code::COORDINATOR_NOT_AVAILABLE,
        Code::NOT_COORDINATOR,
        Code::CONCURRENT_TRANSACTIONS,
    ];
    let start = Instant::now();
    loop {
        let answer = ask();
        if !BUSY.contains(&code(&answer)) {
            return answer;
        }
        assert!(start.elapsed() < TIMEOUT, "still {:?} after {TIMEOUT:?}", code(&answer));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no clock passed in")]
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
