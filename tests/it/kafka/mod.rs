//! The whole program against a broker: the embedded one, or with `LOGVEIL_TEST_KAFKA=127.0.0.1:19092` an Apache Kafka,
//! which `dev/kafka start` runs.
//!
//! Each test makes topics of its own names and starts `logveil run` as a process.

mod crash_runs;
mod crashes;
mod fates;
mod leaks;
mod limits;
mod quarantine;
mod retention;
mod starts;

use embedded_kafka::Broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const LOGVEIL: &str = env!("CARGO_BIN_EXE_logveil");
const PARTITIONS: i32 = 4;
const TIMEOUT: Duration = Duration::from_secs(60);

/// The brokers to test against: those that `LOGVEIL_TEST_KAFKA` names, or else one in this process that all tests share.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn servers() -> String {
    static EMBEDDED: LazyLock<Broker> = LazyLock::new(|| Broker::start(embedded_kafka::Options::default()).unwrap());
    std::env::var("LOGVEIL_TEST_KAFKA").unwrap_or_else(|_| EMBEDDED.bootstrap_servers())
}

#[expect(clippy::disallowed_methods, reason = "tests have no clock passed in")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Three topics, a folder with configuration and keyring, and a group.
struct Stand {
    servers: String,
    name: String,
    folder: TempDir,
}

/// A record as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Stand {
    /// Makes the topics and the folder. `more` is added to the configuration.
    fn new(servers: &str, more: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("it-{}-{}-{number}", now_ms(), std::process::id());
        let stand = Self { servers: servers.to_owned(), name, folder: tempfile::tempdir().unwrap() };
        for topic in [stand.raw(), stand.clean(), stand.quarantine()] {
            stand.create(&topic, PARTITIONS, &[]);
        }
        let made = Command::new(LOGVEIL).args(["init", "--dir"]).arg(stand.folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        stand.configure(servers, more);
        stand
    }

    fn configure(&self, servers: &str, more: &str) {
        let text = format!(
            "[kafka]\nbootstrap_servers = \"{servers}\"\ngroup = \"{name}\"\nworkers = 2\n\
             [[route]]\ntopics = [\"{raw}\"]\ntarget = \"{clean}\"\nquarantine = \"{quarantine}\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n{more}\n",
            name = self.name,
            raw = self.raw(),
            clean = self.clean(),
            quarantine = self.quarantine(),
        );
        fs::write(self.config(), text).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("logveil.toml")
    }

    fn raw(&self) -> String {
        format!("{}-raw", self.name)
    }

    fn clean(&self) -> String {
        format!("{}-clean", self.name)
    }

    fn quarantine(&self) -> String {
        format!("{}-quarantine", self.name)
    }

    /// Has every record veiled by this pack.
    fn use_pack(&self, pack: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), text.replace("[[route]]\n", &format!("[[route]]\npack = \"{pack}\"\n"))).unwrap();
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.servers).create().unwrap()
    }

    fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
        block_on(self.admin().create_topics(&[topic], &AdminOptions::new())).unwrap()[0].clone().unwrap();
    }

    fn delete(&self, topic: &str) {
        block_on(self.admin().delete_topics(&[topic], &AdminOptions::new())).unwrap()[0].clone().unwrap();
    }

    /// Sets the largest batch that a topic takes.
    fn set_message_bytes_max(&self, topic: &str, bytes: usize) {
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let bytes = bytes.to_string();
        let change = change.set("max.message.bytes", &bytes);
        let changed = block_on(self.admin().alter_configs(&[change], &AdminOptions::new())).unwrap();
        assert!(changed[0].is_ok());
    }

    /// Where a topic ends, summed over its partitions: for readers of this isolation level.
    fn end(&self, topic: &str, isolation_level: &str) -> i64 {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("isolation.level", isolation_level)
            .create()
            .unwrap();
        (0..PARTITIONS).map(|partition| reader.fetch_watermarks(topic, partition, TIMEOUT).unwrap().1).sum()
    }

    /// Records that an open transaction holds back, and its marks.
    fn held_back(&self, topic: &str) -> i64 {
        let committed = self.end(topic, "read_committed");
        self.end(topic, "read_uncommitted") - committed
    }

    fn producer(&self) -> ThreadedProducer<DefaultProducerContext> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create()
            .unwrap()
    }

    /// Sends `count` records of ascending `seq` to each partition, from `start`.
    fn fill(&self, start: u64, count: u64) {
        let (producer, raw) = (self.producer(), self.raw());
        for seq in start..start + count {
            for partition in 0..PARTITIONS {
                let payload = format!(r#"{{"seq":{seq},"client_ip":"192.0.2.{}"}}"#, seq % 256);
                send(&producer, BaseRecord::<(), str>::to(&raw).partition(partition).payload(&payload));
            }
        }
        producer.flush(TIMEOUT).unwrap();
    }

    /// Everything that a `read_committed` reader sees in `topic` now.
    fn read(&self, topic: &str) -> Vec<Found> {
        self.read_as(topic, "read_committed")
    }

    /// Records in `topic`, those of aborted transactions as well.
    fn seen_by_all(&self, topic: &str) -> u64 {
        self.read_as(topic, "read_uncommitted").len() as u64
    }

    fn read_as(&self, topic: &str, isolation_level: &str) -> Vec<Found> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", "it-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", isolation_level)
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut found, mut ended, start) = (Vec::new(), BTreeSet::new(), Instant::now());
        while ended.len() < PARTITIONS as usize {
            assert!(start.elapsed() < TIMEOUT, "partitions {ended:?} of {topic} ended, {} records", found.len());
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => found.push(found_of(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
                // Passing trouble, such as a leader that is not elected yet; the timeout bounds it.
                Some(Err(_)) | None => {}
            }
        }
        found
    }

    /// Waits until `topic` has `count` records, then looks again for records too many.
    #[track_caller]
    fn wait_for(&self, topic: &str, count: usize) -> Vec<Found> {
        let start = Instant::now();
        loop {
            let found = self.read(topic);
            assert!(found.len() <= count, "{} records in {topic}, {count} expected", found.len());
            if found.len() == count {
                return found;
            }
            assert!(start.elapsed() < TIMEOUT, "{} of {count} records in {topic}", found.len());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn start(&self, instance: &str) -> Running {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.path().join(format!("{instance}-{number}.log"));
        let child = Command::new(LOGVEIL)
            .args(["run", "--config"])
            .arg(self.config_of(instance))
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Running { child, log }
    }

    fn config_of(&self, instance: &str) -> PathBuf {
        let text = fs::read_to_string(self.config()).unwrap();
        let path = self.folder.path().join(format!("{instance}.toml"));
        fs::write(&path, text.replace("workers = 2\n", &format!("workers = 2\ninstance = \"{instance}\"\n"))).unwrap();
        path
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let topics = [self.raw(), self.clean(), self.quarantine()];
        // A test may have deleted one itself.
        block_on(self.admin().delete_topics(&topics.each_ref().map(String::as_str), &AdminOptions::new())).ok();
    }
}

/// Calls `wanted` until it holds.
#[track_caller]
fn eventually(what: &str, mut wanted: impl FnMut() -> bool) {
    let start = Instant::now();
    while !wanted() {
        assert!(start.elapsed() < TIMEOUT, "not within {TIMEOUT:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A `logveil run`; killed when it is dropped.
struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// What a reader of a failed run needs first.
    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<String> = log.lines().map(|line| line.chars().take(400).collect()).collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The threads' names, and in which call of the system each waits.
    fn threads(&self) -> String {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let of = |task: fs::DirEntry| format!("{} {}", read(task.path().join("comm")), read(task.path().join("wchan")));
        tasks.map(of).collect::<Vec<_>>().join(", ")
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of this name is not on every machine.
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < TIMEOUT, "still running: {}\nits log ends:\n{}", self.threads(), self.log_end());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What the health endpoint at `path` answers; nothing while it does not listen.
    fn get(&self, path: &str) -> Option<String> {
        let log = self.log();
        let address = log.split("http=").nth(1)?.split_whitespace().next()?.to_owned();
        let mut stream = TcpStream::connect(address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn wait_until(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let answer = self.get(path).unwrap_or_default();
            if wanted(&answer) {
                return answer;
            }
            assert!(start.elapsed() < TIMEOUT, "{path} answers {answer}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    #[expect(clippy::print_stdout, reason = "the test runner shows it with the failure")]
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            println!("what process {} had to say:\n{}", self.child.id(), self.log());
        }
    }
}

/// Hands a record to the producer, waiting while its queue is full.
fn send<K, P>(producer: &ThreadedProducer<DefaultProducerContext>, mut record: BaseRecord<'_, K, P>)
where
    K: rdkafka::message::ToBytes + ?Sized,
    P: rdkafka::message::ToBytes + ?Sized,
{
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
        record = back;
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn found_of(message: &impl Message) -> Found {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    Found {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

impl Found {
    fn text(&self) -> &str {
        std::str::from_utf8(self.payload.as_deref().unwrap_or_default()).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    fn seq(&self) -> u64 {
        let digits = self.text().split("\"seq\":").nth(1).unwrap();
        digits.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    }

    /// Whether any byte of the record, key and headers included, shows `canary`.
    fn shows(&self, canary: &str) -> bool {
        format!("{self:?}").contains(canary)
            || [&self.key, &self.payload]
                .into_iter()
                .flatten()
                .any(|bytes| bytes.windows(canary.len()).any(|window| window == canary.as_bytes()))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Every `seq` of every partition once and in order.
#[track_caller]
fn check_exactly_once(found: &[Found], count: u64) {
    let mut seqs: BTreeMap<i32, Vec<u64>> = BTreeMap::new();
    for record in found {
        seqs.entry(record.partition).or_default().push(record.seq());
    }
    for (partition, seqs) in seqs {
        let all: Vec<u64> = (0..count).collect();
        assert!(
            seqs == all,
            "partition {partition}: {} records for {count}, first wrong at {:?}",
            seqs.len(),
            seqs.iter().zip(&all).position(|(a, b)| a != b)
        );
    }
    assert_eq!(found.len() as u64, count * PARTITIONS as u64);
}

#[test]
fn a_record_keeps_all_but_its_entities() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let (producer, raw, time_ms) = (stand.producer(), stand.raw(), now_ms() - 60_000);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("from 192.0.2.9") })
        .insert(Header { key: "empty", value: None::<&str> })
        .insert(Header { key: "LogVeil-Rules", value: Some("spoofed") });
    let record = BaseRecord::<str, str>::to(&raw).partition(2).timestamp(time_ms);
    send(&producer, record.key("alice").payload(r#"{"client_ip":"192.0.2.1","status":200}"#).headers(headers));
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(2).timestamp(time_ms + 1).key("alice"));
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(3).timestamp(time_ms + 2).payload(""));
    producer.flush(TIMEOUT).unwrap();

    let mut process = stand.start("a");
    let found = stand.wait_for(&stand.clean(), 3);
    let (record, tombstone, empty) = (&found_in(&found, 2)[0], &found_in(&found, 2)[1], &found_in(&found, 3)[0]);
    assert_eq!(record.timestamp_ms, Some(time_ms));
    assert!(record.text().starts_with(r#"{"client_ip":"ip."#) && record.text().ends_with(r#"","status":200}"#));
    assert!(!found.iter().any(|found| found.shows("alice") || found.shows("192.0.2")), "{found:?}");
    let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["trace", "empty", "logveil-rules", "logveil-epoch"]);
    assert!(record.header("trace").unwrap().starts_with("from ip."));
    assert_eq!(record.headers[1].1, None, "a null header stays null");
    assert!(record.header("logveil-rules").unwrap().contains('@'));
    assert_eq!((&tombstone.key, &tombstone.payload), (&record.key, &None), "a tombstone stays one, under the same key");
    assert_eq!((&empty.key, empty.payload.as_deref()), (&None, Some(&[][..])), "an empty payload is no tombstone");

    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(!process.log().contains("alice") && !process.log().contains("192.0.2"));
}

fn found_in(found: &[Found], partition: i32) -> Vec<Found> {
    found.iter().filter(|record| record.partition == partition).cloned().collect()
}
