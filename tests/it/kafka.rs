//! The whole program against a real Kafka: `LOGVEIL_TEST_KAFKA=127.0.0.1:19092 cargo test`. `dev/kafka start` runs one.
//!
//! Each test makes topics of its own names and starts `logveil run` as a process.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
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
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const LOGVEIL: &str = env!("CARGO_BIN_EXE_logveil");
const PARTITIONS: i32 = 4;
const TIMEOUT: Duration = Duration::from_secs(60);

/// The brokers to test against, or a word that this test is skipped.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn servers() -> Option<String> {
    let servers = std::env::var("LOGVEIL_TEST_KAFKA").ok();
    if servers.is_none() {
        println!("skipped: LOGVEIL_TEST_KAFKA is not set");
    }
    servers
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
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", "it-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
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
                Some(Err(error)) => println!("reading {topic}: {error}"),
                None => {}
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
        let log = self.folder.path().join(format!("{instance}-{}.log", now_ms()));
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

    fn quarantine_command(&self, arguments: &[&str]) -> Output {
        Command::new(LOGVEIL).arg("quarantine").args(arguments).arg("--config").arg(self.config()).output().unwrap()
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

    fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < TIMEOUT, "still running:\n{}", self.log());
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
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
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
    let Some(servers) = servers() else { return };
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

#[test]
fn what_cannot_be_veiled_is_sealed_and_nothing_around_it_is_lost() {
    let Some(servers) = servers() else { return };
    let stand = Stand::new(&servers, "");
    let (producer, raw) = (stand.producer(), stand.raw());
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(1).payload(r#"{"seq":0}"#));
    send(&producer, BaseRecord::<str, [u8]>::to(&raw).partition(1).key("canary-key").payload(b"canary \xff"));
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(1).payload(r#"{"seq":1}"#));
    producer.flush(TIMEOUT).unwrap();

    let mut process = stand.start("a");
    let sealed = stand.wait_for(&stand.quarantine(), 1);
    let clean = stand.wait_for(&stand.clean(), 2);
    assert_eq!(clean.iter().map(Found::seq).collect::<Vec<_>>(), [0, 1]);
    let (sealed, raw) = (&sealed[0], stand.raw());
    assert!(!sealed.shows("canary"));
    assert_eq!(sealed.key, None);
    let headers: Vec<_> = sealed.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let wanted = [("reason", "not-utf8"), ("topic", raw.as_str()), ("partition", "1"), ("offset", "1")];
    for ((name, value), (wanted_name, wanted)) in headers.iter().zip(wanted) {
        assert_eq!((*name, *value), (format!("logveil-{wanted_name}").as_str(), Some(wanted.as_bytes())));
    }
    assert_eq!(headers.len(), 4, "nothing else is told in the clear");
    let metrics = process.wait_until("/metrics", |text| text.contains("reason=\"not-utf8\"} 1"));
    assert!(metrics.contains(&format!("logveil_records_in_total{{topic=\"{raw}\"}} 3")), "{metrics}");
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

#[test]
fn a_record_that_grows_too_large_is_sealed_and_a_seal_that_does_not_fit_halts() {
    let Some(servers) = servers() else { return };
    let stand = Stand::new(&servers, "");
    let admin = stand.admin();
    let (clean, quarantine) = (stand.clean(), stand.quarantine());
    let set = |topic: &str, bytes: &str| {
        use rdkafka::admin::{AlterConfig, ResourceSpecifier};
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", bytes);
        let changed = block_on(admin.alter_configs(&[change], &AdminOptions::new())).unwrap();
        assert!(changed[0].is_ok());
    };
    set(&clean, "4000");
    let producer = stand.producer();
    let payload = format!(r#"{{"seq":0,"text":"{}"}}"#, "x".repeat(6000));
    send(&producer, BaseRecord::<str, str>::to(&stand.raw()).partition(0).payload(&payload));
    send(&producer, BaseRecord::<str, str>::to(&stand.raw()).partition(0).payload(r#"{"seq":1}"#));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    let sealed = stand.wait_for(&quarantine, 1);
    assert_eq!(sealed[0].header("logveil-reason"), Some("too-large"));
    assert_eq!(stand.wait_for(&clean, 1)[0].seq(), 1);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());

    set(&quarantine, "4000");
    send(&producer, BaseRecord::<str, str>::to(&stand.raw()).partition(0).payload(&payload));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    assert_eq!(process.wait().code(), Some(1), "{}", process.log());
    let log = process.log();
    let position = format!("{}/0@2", stand.raw());
    assert!(log.contains(&position) && log.contains("max.message.bytes"), "{log}");
    assert_eq!((stand.wait_for(&quarantine, 1).len(), stand.wait_for(&clean, 1).len()), (1, 1));
}

#[test]
fn killed_processes_lose_and_double_nothing() {
    let Some(servers) = servers() else { return };
    const COUNT: u64 = 5000;
    for strategy in ["cooperative-sticky", "range"] {
        let more = format!(
            "[kafka.consumer_properties]\n\"partition.assignment.strategy\" = \"{strategy}\"\n\
             \"session.timeout.ms\" = 6000\n\"heartbeat.interval.ms\" = 500\n[commit]\ninterval_ms = 100\n"
        );
        let stand = Stand::new(&servers, &more);
        let mut processes = [stand.start("a"), stand.start("b")];
        let slices = 5;
        for slice in 0..slices {
            stand.fill(slice * COUNT / slices, COUNT / slices);
            std::thread::sleep(Duration::from_millis(150));
            let (victim, instance) = if slice % 2 == 0 { (0, "a") } else { (1, "b") };
            processes[victim].kill();
            processes[victim] = stand.start(instance);
        }
        let found = stand.wait_for(&stand.clean(), (COUNT * PARTITIONS as u64) as usize);
        check_exactly_once(&found, COUNT);
        for process in &mut processes {
            assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
        }
    }
}

#[test]
fn a_stopped_process_leaves_no_transaction_open() {
    let Some(servers) = servers() else { return };
    // An interval that would hold the last records back for long.
    let stand = Stand::new(&servers, "[commit]\ninterval_ms = 10000\n");
    let mut process = stand.start("a");
    process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    stand.fill(0, 10);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(stand.read(&stand.clean()).len(), 0);
    let start = Instant::now();
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    check_exactly_once(&stand.read(&stand.clean()), 10);
}

#[test]
fn missing_topics_are_named_with_the_command_that_makes_them() {
    let Some(servers) = servers() else { return };
    let stand = Stand::new(&servers, "");
    stand.delete(&stand.clean());
    let mut process = stand.start("a");
    assert_eq!(process.wait().code(), Some(1));
    let log = process.log();
    assert!(log.contains(&stand.clean()) && log.contains("kafka-topics.sh --create"), "{log}");

    stand.create(&stand.clean(), PARTITIONS - 1, &[]);
    let mut process = stand.start("a");
    assert_eq!(process.wait().code(), Some(1));
    let log = process.log();
    assert!(log.contains("has 3 partitions") && log.contains("--alter"), "{log}");
}

#[test]
fn waits_for_brokers_that_are_down() {
    let Some(servers) = servers() else { return };
    let stand = Stand::new(&servers, "");
    // Port 9 (discard, RFC 863) is closed on machines that run tests.
    stand.configure("127.0.0.1:9", "");
    let mut process = stand.start("a");
    let answer = process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 503"));
    assert!(answer.ends_with("connecting"), "{answer}");
    let start = Instant::now();
    while !process.log().contains("waiting for the cluster") {
        assert!(start.elapsed() < TIMEOUT, "{}", process.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(process.child.try_wait().unwrap().is_none(), "{}", process.log());
    let start = Instant::now();
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
}

#[test]
fn quarantined_records_are_listed_opened_and_replayed_once() {
    let Some(servers) = servers() else { return };
    let stand = Stand::new(&servers, "");
    // A pack that wants JSON, and then one that takes lines: what the first refused, the second veils.
    let routes = fs::read_to_string(stand.config()).unwrap();
    let with_pack = |pack: &str| {
        let text = routes.replace("quarantine = ", &format!("pack = \"{pack}\"\nquarantine = "));
        fs::write(stand.config(), text).unwrap();
    };
    with_pack("generic-json");
    let (producer, raw) = (stand.producer(), stand.raw());
    let line = "login of alice@example.com from 192.0.2.1";
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(2).timestamp(now_ms()).key("k").payload(line));
    send(&producer, BaseRecord::<str, [u8]>::to(&raw).partition(3).payload(b"\xff"));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    stand.wait_for(&stand.quarantine(), 2);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());

    let listed = stand.quarantine_command(&["list", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(!listed.contains("192.0.2.1") && listed.contains("not-json") && listed.contains("not-utf8"), "{listed}");
    let entry = listed.lines().find(|entry| entry.contains("not-json")).unwrap();
    let place = entry.split("\"entry\":\"").nth(1).unwrap().split('"').next().unwrap();

    let refused = stand.quarantine_command(&["open", place]);
    assert!(refused.stdout.is_empty() && refused.status.code() == Some(2));
    let opened = stand.quarantine_command(&["open", place, "--i-may-see-raw-data"]);
    let opened = String::from_utf8(opened.stdout).unwrap();
    assert!(opened.contains(line) && opened.contains(&format!("{raw}/2@0")), "{opened}");

    with_pack("generic-line");
    let replayed = stand.quarantine_command(&["replay"]);
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert_eq!(replayed.status.code(), Some(4), "{said} {}", String::from_utf8_lossy(&replayed.stderr));
    assert!(said.starts_with("1 record clean now, 1 back in quarantine"), "{said}");
    let clean = stand.wait_for(&stand.clean(), 1);
    assert_eq!(clean[0].partition, 2, "in its own partition");
    assert!(!clean[0].shows("alice") && clean[0].text().starts_with("login of "), "{}", clean[0].text());

    // Again: only what went back is tried, and goes back.
    let replayed = stand.quarantine_command(&["replay"]);
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert!(said.starts_with("0 records clean now, 1 back in quarantine"), "{said}");
    stand.wait_for(&stand.clean(), 1);
    let listed = String::from_utf8(stand.quarantine_command(&["list"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "a head and one open entry: {listed}");
    let listed = String::from_utf8(stand.quarantine_command(&["list", "--all"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), 5, "a head and four entries, three of them replayed: {listed}");
}
