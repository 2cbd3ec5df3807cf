//! Clients that mean no good, or have lost their mind: the embedded broker stays alive, serves the others, and keeps small.
//!
//! The broker runs in a process of its own (this test program once more), so that its memory is its own, and a panic of one of
//! its threads does not go by unseen.

use crate::protocol::SERVED;
use crate::stand::{TIMEOUT, eventually, now_ms};
use crate::wire::admin::*;
use crate::wire::batch::{Batch, Record, field, reseal};
use crate::wire::groups::*;
use crate::wire::records::*;
use crate::wire::transactions::*;
use crate::wire::{Code, Connection, Length, Request, Writer, frame, varint};
use embedded_kafka::{Broker, Options, StartError};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What the broker's memory may grow by at most, whatever small things it is sent.
const GROWTH_KIB_MAX: u64 = 20 * 1024;

/// What a connection may cost.
const CONNECTION_KIB_MAX: u64 = 48;

/// The answer of a connection that was closed.
const NOTHING: [u8; 0] = [];

/// Tells the child process that it is the broker.
const IS_BROKER: &str = "EMBEDDED_KAFKA_HOSTILE_BROKER";
const ADDRESS: &str = "listening on ";

/// The broker's process; in a usual run of the tests nothing.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "how the test and its child process talk")]
fn broker_process() {
    if std::env::var(IS_BROKER).is_ok() {
        let broker = Broker::start(Options::default()).unwrap();
        println!("{ADDRESS}{}", broker.bootstrap_servers());
        // Until the test closes its end.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
}

/// A broker that is attacked.
struct Victim {
    child: Child,
    servers: String,
    /// What it said of panics and the like.
    errors: Arc<Mutex<String>>,
    peak_kib: u64,
}

impl Victim {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::broker_process", "--nocapture"])
            .env(IS_BROKER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = said.find_map(|line| Some(line.split_once(ADDRESS)?.1.to_owned()));
        // It must be able to go on talking.
        thread::spawn(move || said.for_each(drop));
        let errors = Arc::new(Mutex::new(String::new()));
        let (heard, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&errors));
        thread::spawn(move || heard.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push_str(&line)));
        let mut victim = Self { child, servers: address.unwrap(), errors, peak_kib: 0 };
        victim.create_topic();
        for _ in 0..20 {
            victim.serve_somebody();
        }
        victim.peak_kib = victim.status("VmHWM");
        victim
    }

    fn connect(&self) -> Connection {
        Connection::open(&self.servers)
    }

    fn create_topic(&self) {
        let topics = vec![NewTopic::of("good", 1, &[])];
        assert_eq!(self.connect().ask(&CreateTopics { topics, validate_only: false })[0].1, Code::NONE);
    }

    /// A usual client does usual things.
    fn serve_somebody(&self) {
        let mut connection = self.connect();
        let batch = Batch::of(&[Record::at(now_ms(), "good")]).bytes();
        let produced = only(connection.ask(&Produce::to("good", 0, batch.clone())));
        assert_eq!(produced.code, Code::NONE);
        let fetch = Fetch::from("good", 0, produced.base_offset, Isolation::Committed);
        let fetched = only(connection.ask(&fetch).topics);
        assert_eq!((fetched.code, fetched.records.len()), (Code::NONE, batch.len()));
    }

    /// A figure of the process: KiB or a count.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// It is well: it serves others, nothing has panicked, and it has never been large.
    #[track_caller]
    fn check(&self) {
        self.check_growth(GROWTH_KIB_MAX);
    }

    #[track_caller]
    fn check_growth(&self, growth_kib_max: u64) {
        self.serve_somebody();
        assert_eq!(*self.errors.lock().unwrap(), "");
        let growth_kib = self.status("VmHWM") - self.peak_kib;
        assert!(growth_kib < growth_kib_max, "its memory grew by {growth_kib} KiB, {growth_kib_max} are allowed");
    }

    /// Sends bytes and no more, and waits until the broker closes the connection; what it answered.
    #[track_caller]
    fn provoke(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.open();
        // It may have had enough before it has everything.
        stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write)).ok();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("it neither answers nor closes: {error}"),
        }
        answer
    }

    fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.servers).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// It ends as it should.
    fn finish(self) {
        self.finish_with_growth(GROWTH_KIB_MAX);
    }

    fn finish_with_growth(mut self, growth_kib_max: u64) {
        self.check_growth(growth_kib_max);
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        assert_eq!(*self.errors.lock().unwrap(), "");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A sound request in one version.
struct Sound {
    key: i16,
    version: i16,
    frame: Writer,
}

/// Sound requests of every API in every version. `unique` keeps groups and the like of two calls apart.
fn sound_requests(unique: &str) -> Vec<Sound> {
    let (mut all, topic, name) = (Vec::new(), "good", unique.to_owned());
    let instance = Some("instance".to_owned());
    let identity = || Identity { transactional_id: name.clone(), producer_id: 1, epoch: 0 };
    let commit = || one(topic, Commit { metadata: Some("note".to_owned()), ..Commit::at(0, 1) });
    let batch = Batch::of(&[Record::at(now_ms(), "sound"), Record::at(now_ms(), "sound")]).bytes();
    add(&mut all, &Produce { transactional_id: Some(name.clone()), ..Produce::to(topic, 0, batch) });
    let mut fetch = Fetch::from(topic, 0, 0, Isolation::Committed);
    fetch.forgotten = one(topic, 0);
    add(&mut all, &fetch);
    add(&mut all, &ListOffsets::of(topic, 0, 0, Isolation::Committed));
    add(&mut all, &DeleteRecords { topics: one(topic, (0, 0)) });
    add(&mut all, &ApiVersions { software: "sound".to_owned() });
    add(&mut all, &Metadata { topics: Some(vec![topic.to_owned()]), create: true });
    let settings = [("retention.ms", "604800000")];
    add(&mut all, &CreateTopics { topics: vec![NewTopic::of(&name, 1, &settings)], validate_only: true });
    add(&mut all, &DeleteTopics { topics: vec![name.clone()] });
    add(&mut all, &CreatePartitions { topics: vec![(name.clone(), 2)], validate_only: true });
    let resource = || Resource::Topic(topic.to_owned());
    add(&mut all, &DescribeConfigs { resource: resource(), names: Some(vec!["retention.ms".to_owned()]) });
    let setting = ("retention.ms".to_owned(), Some("604800000".to_owned()));
    add(&mut all, &AlterConfigs { resource: resource(), settings: vec![setting.clone()], validate_only: true });
    let changes = vec![(setting.0, Change::Set, setting.1)];
    add(&mut all, &IncrementalAlterConfigs { resource: resource(), changes, validate_only: true });
    add(&mut all, &FindCoordinator { key: name.clone(), key_type: 0 });
    add(
        &mut all,
        &JoinGroup {
            group: name.clone(),
            session_timeout_ms: 6_000,
            rebalance_timeout_ms: 1,
            member: String::new(),
            instance: instance.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), subscription(&[topic]))],
        },
    );
    let (group, member) = (name.clone(), "member".to_owned());
    let assignments = vec![(member.clone(), b"share".to_vec())];
    let (generation, instance) = (1, instance.clone());
    let whose = (group.clone(), member.clone(), instance.clone());
    add(&mut all, &SyncGroup { group: whose.0, generation, member: whose.1, instance: whose.2, assignments });
    add(&mut all, &Heartbeat { group: group.clone(), generation, member: member.clone(), instance: instance.clone() });
    add(&mut all, &LeaveGroup { group: group.clone(), members: vec![(member.clone(), instance.clone())] });
    add(&mut all, &OffsetCommit { generation, member, instance, ..OffsetCommit::simple(&group, commit()) });
    add(&mut all, &OffsetFetch { group: group.clone(), topics: Some(one(topic, 0)), require_stable: true });
    add(&mut all, &DescribeGroups { groups: vec![group.clone()] });
    add(&mut all, &ListGroups { states: vec!["Stable".to_owned()] });
    add(&mut all, &DeleteGroups { groups: vec![group.clone()] });
    add(&mut all, &OffsetDelete { group: group.clone(), topics: one(topic, 0) });
    let timeout_ms = 60_000;
    add(&mut all, &InitProducerId { transactional_id: Some(name.clone()), timeout_ms, producer_id: -1, epoch: -1 });
    add(&mut all, &AddPartitionsToTxn { identity: identity(), topics: one(topic, 0) });
    add(&mut all, &AddOffsetsToTxn { identity: identity(), group: group.clone() });
    add(&mut all, &EndTxn { identity: identity(), end: End::Commit });
    add(
        &mut all,
        &TxnOffsetCommit {
            identity: identity(),
            group,
            generation: -1,
            member: String::new(),
            instance: None,
            topics: commit(),
        },
    );
    let keys: BTreeSet<i16> = all.iter().map(|sound| sound.key).collect();
    assert_eq!(keys.len(), SERVED.len(), "every API has its request");
    all
}

fn add<R: Request>(all: &mut Vec<Sound>, request: &R) {
    let &(key, first, last) = SERVED.iter().find(|(key, ..)| *key == R::KEY).unwrap();
    all.extend((first..=last).map(|version| Sound { key, version, frame: frame(request, version, 7) }));
}

/// The request with these bytes instead of those at `at`, announced with its right length.
fn replaced(request: &[u8], at: usize, length: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = [&request[..at], bytes, &request[at + length..]].concat();
    announce(&mut changed);
    changed
}

fn announce(request: &mut [u8]) {
    let length = (request.len() - 4) as i32;
    request[..4].copy_from_slice(&length.to_be_bytes());
}

/// Random numbers that a seed decides (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:9092"] {
        let listen = address.parse().unwrap();
        let refused = Broker::start(Options { listen, ..Options::default() }).err();
        assert!(matches!(refused, Some(StartError::NotLoopback(refused)) if refused == listen), "{address}");
    }
    let broker = Broker::start(Options { listen: "[::1]:0".parse().unwrap(), ..Options::default() }).unwrap();
    let listen = broker.bootstrap_servers().parse().unwrap();
    let taken = Broker::start(Options { listen, ..Options::default() }).err();
    assert!(matches!(taken, Some(StartError::Listen { address, .. }) if address == listen), "{listen}");
    Connection::open(&broker.bootstrap_servers()).ask(&ApiVersions { software: "six".to_owned() });
}

#[test]
fn a_broker_starts_at_once() {
    // The best of some, as the machine may have other things to do.
    let took = (0..10).map(|_| {
        let start = Instant::now();
        let broker = Broker::start(Options::default()).unwrap();
        Connection::open(&broker.bootstrap_servers()).ask(&ApiVersions { software: "first".to_owned() });
        start.elapsed()
    });
    let best = took.min().unwrap();
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[test]
fn records_have_a_room_that_fills_and_empties() {
    let log_bytes_max = 1 << 20;
    let broker = Broker::start(Options { log_bytes_max, ..Options::default() }).unwrap();
    let mut connection = Connection::open(&broker.bootstrap_servers());
    let topics = vec![NewTopic::of("a", 1, &[("segment.bytes", "1048576"), ("retention.ms", "3600000")])];
    assert_eq!(connection.ask(&CreateTopics { topics, validate_only: false })[0].1, Code::NONE);
    let mut produce = |bytes| {
        let batch = Batch::of(&[Record::at(now_ms(), &"a".repeat(bytes))]).bytes();
        only(connection.ask(&Produce::to("a", 0, batch))).code
    };
    assert_eq!(produce(600_000), Code::NONE);
    assert_eq!(produce(600_000), Code::KAFKA_STORAGE_ERROR);
    assert_eq!(produce(200_000), Code::NONE, "what is smaller still fits");
    let held: u64 = broker.segments("a", 0).iter().map(|segment| segment.bytes).sum();
    assert!((800_000..log_bytes_max).contains(&held), "{held}");
    broker.clock().advance_wall(Duration::from_secs(3_601));
    eventually("there is room again", || produce(600_000) == Code::NONE);
    // Small batches cost more than their bytes.
    let small = (0..).take_while(|_| produce(0) == Code::NONE).count();
    assert!(small < 5_000, "{small} batches of 68 bytes in 448 KB");
}

/// What is full begins no transaction, but ends those that have begun.
#[test]
fn transactions_end_when_the_room_is_full() {
    let broker = Broker::start(Options { log_bytes_max: 1 << 20, ..Options::default() }).unwrap();
    let mut connection = Connection::open(&broker.bootstrap_servers());
    let topics = vec![NewTopic::of("a", 2, &[])];
    assert_eq!(connection.ask(&CreateTopics { topics, validate_only: false })[0].1, Code::NONE);
    let id = "tx".to_owned();
    let init = InitProducerId { transactional_id: Some(id.clone()), timeout_ms: 60_000, producer_id: -1, epoch: -1 };
    let made = connection.ask(&init);
    let identity = Identity { transactional_id: id, producer_id: made.producer_id, epoch: made.epoch };
    let add = |partition| AddPartitionsToTxn { identity: identity.clone(), topics: one("a", partition) };
    assert_eq!(only(connection.ask(&add(0))).1, Code::NONE);
    for bytes in [600_000, 200_000, 100_000, 50_000, 10_000, 5_000, 2_000, 1_000, 500, 100, 0, 0, 0] {
        let batch = Batch::of(&[Record::at(now_ms(), &"a".repeat(bytes))]).bytes();
        while only(connection.ask(&Produce::to("a", 1, batch.clone()))).code == Code::NONE {}
    }
    assert_eq!(only(connection.ask(&add(1))).1, Code::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(connection.ask(&EndTxn { identity: identity.clone(), end: End::Commit }), Code::NONE);
    assert_eq!(broker.segments("a", 0).iter().map(|segment| segment.end_offset).collect::<Vec<_>>(), [1]);
    assert_eq!(only(connection.ask(&add(0))).1, Code::COORDINATOR_NOT_AVAILABLE);
}

#[test]
fn sound_requests_are_answered() {
    let victim = Victim::start();
    for (number, sound) in sound_requests("sound").iter().enumerate() {
        // As a check of the requests that the others build on.
        let answer = victim.provoke(&sound.frame.bytes);
        assert!(answer.len() > 8, "API {} version {} ({number})", sound.key, sound.version);
        assert_eq!(answer[4..8], 7_i32.to_be_bytes());
    }
    victim.finish();
}

#[test]
fn garbage_closes_the_connection() {
    let victim = Victim::start();
    let mut random = Random(1);
    for size in (0..64).chain([100, 1_000, 10_000, 100_000]) {
        victim.provoke(&random.bytes(size));
        // With a length that is right.
        let mut framed = [&[0; 4], &*random.bytes(size)].concat();
        announce(&mut framed);
        victim.provoke(&framed);
    }
    for text in ["GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\n\n\n\n\n\n\n\n"] {
        victim.provoke(text.as_bytes());
    }
    victim.finish();
}

#[test]
fn half_a_request_is_nothing() {
    let victim = Victim::start();
    for sound in sound_requests("half") {
        let bytes = &sound.frame.bytes;
        for length in [1, 3, 4, 5, 8, 11, 12, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(victim.provoke(&bytes[..length]), NOTHING, "{length} bytes of API {}", sound.key);
            if length < bytes.len() && length >= 4 {
                // The same, announced as if it were all: its version lacks something.
                let mut cut = bytes[..length].to_vec();
                announce(&mut cut);
                victim.provoke(&cut);
            }
        }
    }
    victim.finish();
}

#[test]
fn absurd_frames_close_the_connection() {
    let victim = Victim::start();
    for length in [i32::MAX, i32::MIN, -1, 100 * 1024 * 1024 + 1] {
        let mut stream = victim.open();
        stream.write_all(&length.to_be_bytes()).unwrap();
        // Without our doing anything more.
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "{length}");
    }
    // What is allowed is not believed before it comes.
    let announced: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = victim.open();
            stream.write_all(&(100_i32 * 1024 * 1024).to_be_bytes()).unwrap();
            stream.write_all(&[0; 100]).unwrap();
            stream
        })
        .collect();
    victim.check();
    drop(announced);
    assert_eq!(victim.provoke(&[0; 4]), NOTHING, "an empty frame has no header");
    victim.finish();
}

#[test]
fn absurd_lengths_are_not_believed() {
    let victim = Victim::start();
    for (number, sound) in sound_requests("absurd").iter().enumerate() {
        for length in &sound.frame.lengths {
            let (at, size) = match *length {
                Length::Short(at) => (at, 2),
                Length::Long(at) => (at, 4),
                Length::Compact(at) => (at, 1),
            };
            for lie in lies(size) {
                victim.provoke(&replaced(&sound.frame.bytes, at, size, &lie));
            }
        }
        if number % 10 == 0 {
            victim.check();
        }
    }
    victim.finish();
}

/// Lengths of this many bytes that cannot be true, or change what follows.
fn lies(size: usize) -> Vec<Vec<u8>> {
    match size {
        2 => [i16::MAX, i16::MIN, -2, -1, 0, 1].iter().map(|lie| lie.to_be_bytes().to_vec()).collect(),
        4 => [i32::MAX, i32::MIN, -2, -1, 0, 1, 1 << 24].iter().map(|lie| lie.to_be_bytes().to_vec()).collect(),
        _ => {
            let encoded = |value| {
                let mut bytes = Vec::new();
                varint(&mut bytes, value);
                bytes
            };
            let mut lies: Vec<Vec<u8>> = [0, 1, 2, 1 << 20, u64::from(u32::MAX), u64::MAX].map(encoded).to_vec();
            lies.extend([vec![0x80; 5], vec![0xff; 20], vec![0x80, 0x80, 0x80, 0x80, 0x7f]]);
            lies
        }
    }
}

/// What a request of many tiny parts costs is bounded by more than its size.
#[test]
fn many_tiny_parts_cost_little() {
    let victim = Victim::start();
    let sounds = sound_requests("tiny");
    for key in [Metadata::KEY, DescribeGroups::KEY, DeleteGroups::KEY, Produce::KEY, Fetch::KEY, OffsetCommit::KEY] {
        let sound = sounds.iter().rfind(|sound| sound.key == key).unwrap();
        let Some(Length::Long(at)) = sound.frame.lengths.iter().find(|length| matches!(length, Length::Long(_))) else {
            panic!("a request with an array")
        };
        // Zeros: empty texts, empty arrays.
        const PARTS: i32 = 4 << 20;
        let head = [&sound.frame.bytes[..*at], &PARTS.to_be_bytes()].concat();
        let mut request = [head, vec![0; 8 * PARTS as usize]].concat();
        announce(&mut request);
        victim.provoke(&request);
        victim.serve_somebody();
    }
    // The request of 32 MiB has to be held while it is read, in a buffer that doubles.
    victim.finish_with_growth(3 * 32 * 1024);
}

/// One that is large is not described as often as somebody names it.
#[test]
fn many_names_of_one_thing_cost_little() {
    let victim = Victim::start();
    let topics = vec![NewTopic::of("large", 5_000, &[])];
    assert_eq!(victim.connect().ask(&CreateTopics { topics, validate_only: false })[0].1, Code::NONE);
    let topics = Some(vec!["large".to_owned(); 20_000]);
    assert_eq!(victim.connect().ask(&Metadata { topics, create: false }).topics.len(), 1);
    let mut fetch = Fetch::from("good", 0, 0, Isolation::Committed);
    fetch.topics[0].1 = vec![fetch.topics[0].1[0]; 20_000];
    fetch.bytes_max = 1 << 16;
    let answer = victim.connect().ask(&fetch);
    assert_eq!(answer.topics[0].1.len(), 20_000);
    victim.finish();
}

#[test]
fn unknown_requests_close_the_connection() {
    let victim = Victim::start();
    let sound = frame(&ListGroups { states: Vec::new() }, 0, 7).bytes;
    for key in -3..110_i16 {
        let served = SERVED.iter().find(|(served, ..)| *served == key);
        for version in [i16::MIN, -1, 0, 20, i16::MAX] {
            if served.is_some_and(|(_, first, last)| (*first..=*last).contains(&version)) {
                continue;
            }
            let request = replaced(&sound, 4, 4, &[key.to_be_bytes(), version.to_be_bytes()].concat());
            let answer = victim.provoke(&request);
            // Who asks for versions in an unknown version is answered all the same.
            assert_eq!(answer.is_empty(), key != ApiVersions::KEY, "API {key} version {version}");
        }
    }
    victim.finish();
}

#[test]
fn slow_senders_are_waited_for() {
    let victim = Victim::start();
    let mut stream = victim.open();
    for byte in frame(&ListGroups { states: Vec::new() }, 0, 7).bytes {
        stream.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(2));
        victim.serve_somebody();
    }
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[4..], 7_i32.to_be_bytes());
    victim.finish();
}

#[test]
fn those_who_do_not_read_are_not_waited_for() {
    let victim = Victim::start();
    let batch = Batch::of(&[Record::at(now_ms(), &"a".repeat(1 << 20))]).bytes();
    assert_eq!(only(victim.connect().ask(&Produce::to("good", 0, batch))).code, Code::NONE);
    let mut fetch = Fetch::from("good", 0, 0, Isolation::Uncommitted);
    fetch.topics[0].1[0].bytes_max = i32::MAX;
    let request = frame(&fetch, Fetch::VERSION, 7).bytes;
    let mut streams: Vec<TcpStream> = (0..20).map(|_| victim.open()).collect();
    for stream in &mut streams {
        for _ in 0..20 {
            stream.write_all(&request).unwrap();
        }
    }
    victim.check();
    drop(streams);
    victim.finish();
}

#[test]
fn idle_connections_cost_little() {
    let victim = Victim::start();
    let threads = victim.status("Threads");
    let idle: Vec<TcpStream> = (0..500).map(|_| victim.open()).collect();
    victim.check();
    drop(idle);
    eventually("their threads end", || victim.status("Threads") <= threads);
    victim.finish();
}

#[test]
fn connections_beyond_the_limit_do_no_lasting_harm() {
    let victim = Victim::start();
    let many: Vec<TcpStream> = (0..1_200).map(|_| victim.open()).collect();
    // The last ones are closed at once.
    let mut last = many.last().unwrap();
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    drop(many);
    eventually("others are served again", || {
        let asked = TcpStream::connect(&victim.servers).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_millis(100)))?;
            stream.write_all(&frame(&ListGroups { states: Vec::new() }, 0, 7).bytes)?;
            stream.read_exact(&mut [0; 8])
        });
        asked.is_ok()
    });
    victim.finish_with_growth(1_200 * CONNECTION_KIB_MAX);
}

/// Requests that wait are given up when nobody is there to hear the answer.
#[test]
fn those_who_went_away_are_not_waited_for() {
    let victim = Victim::start();
    let threads = victim.status("Threads");
    let mut fetch = Fetch::from("good", 0, 0, Isolation::Uncommitted);
    (fetch.max_wait_ms, fetch.bytes_min) = (i32::MAX, i32::MAX);
    let fetch = frame(&fetch, Fetch::VERSION, 7).bytes;
    // Two members, of whom one never comes back: the other's request to join waits for long.
    let join = |member: &str, instance: Option<&str>| JoinGroup {
        group: "waiting".to_owned(),
        session_timeout_ms: 1_800_000,
        rebalance_timeout_ms: i32::MAX,
        member: member.to_owned(),
        instance: instance.map(str::to_owned),
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), subscription(&[]))],
    };
    assert_eq!(victim.connect().ask(&join("", Some("first"))).code, Code::NONE);
    let join = frame(&join("", Some("second")), JoinGroup::VERSION, 7).bytes;
    for _ in 0..50 {
        for request in [&fetch, &join] {
            let mut stream = victim.open();
            stream.write_all(request).unwrap();
        }
    }
    eventually("their threads end", || victim.status("Threads") <= threads);
    victim.finish();
}

#[test]
fn bad_batches_are_answered_with_their_code() {
    let victim = Victim::start();
    let mut random = Random(2);
    let mut connection = victim.connect();
    let good = Batch::of(&[Record::at(now_ms(), "a"), Record::at(now_ms(), "b")]).bytes();
    for round in 0..2_000 {
        let mut batch = good.clone();
        match round % 4 {
            // Header or records are junk, and the checksum agrees.
            0 => batch[field::RECORDS..].copy_from_slice(&random.bytes(good.len() - field::RECORDS)),
            1 => {
                let at = field::ATTRIBUTES + random.below(field::RECORDS - field::ATTRIBUTES);
                batch[at] = random.next() as u8;
            }
            2 => batch.extend(random.bytes(50)),
            _ => batch.truncate(random.below(good.len())),
        }
        if round % 4 < 2 {
            reseal(&mut batch);
        }
        // Any code will do, but there must be one, and the connection must stay.
        only(connection.ask(&Produce::to("good", 0, batch)));
    }
    victim.finish();
}

/// Frames of one run. A failure names the frame, whose number is its seed.
const FRAMES: usize = 10_000;
/// Frames that speak of the same group and transaction.
const FRAMES_PER_NAME: usize = 250;

#[test]
fn mutated_requests_do_no_harm() {
    let victim = Victim::start();
    let mut sounds = Vec::new();
    for number in 0..FRAMES {
        if number % FRAMES_PER_NAME == 0 {
            sounds = sound_requests(&format!("mutated-{number}"));
        }
        let mut random = Random(number as u64);
        let sound = &sounds[random.below(sounds.len())];
        let mut request = sound.frame.bytes.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut request, &mut random);
        }
        announce(&mut request);
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            victim.provoke(&request);
            if number % FRAMES_PER_NAME == 0 {
                victim.check();
            }
        }));
        assert!(told.is_ok(), "frame {number}: API {} version {}: {request:02x?}", sound.key, sound.version);
    }
    victim.finish();
}

/// Changes a request behind its length, which stays true.
fn mutate(request: &mut Vec<u8>, random: &mut Random) {
    let at = 4 + random.below(request.len() - 4);
    match random.below(6) {
        0 => request[at] ^= 1 << random.below(8),
        1 => request[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][random.below(6)],
        2 => request.truncate(at.max(5)),
        3 => {
            let count = random.below(20);
            let bytes = random.bytes(count);
            request.splice(at..at, bytes);
        }
        4 => {
            let end = (at + random.below(20)).min(request.len());
            let copy = request[at..end].to_vec();
            request.splice(at..at, copy);
        }
        _ => {
            let end = (at + 4).min(request.len());
            let extreme = [i32::MAX, i32::MIN, -1, 0][random.below(4)].to_be_bytes();
            request[at..end].copy_from_slice(&extreme[..end - at]);
        }
    }
}
