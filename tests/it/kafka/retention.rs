//! Raw records end once they are forwarded and aged; everything else stays.

use super::*;
use embedded_kafka::{Api, ErrorCode, Fault};
use rdkafka::consumer::CommitMode;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::thread;

const HOUR_MS: i64 = 3_600_000;

impl Stand {
    /// Has raw records of the route end after this window, with a sweep every second.
    fn set_window(&self, window: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with("retention.window"));
        let mut text = kept.collect::<Vec<_>>().join("\n") + "\n";
        text = text.replace("[[route]]\n", &format!("[[route]]\nretention.window = \"{window}\"\n"));
        if !text.contains("[retention]") {
            text += "[retention]\ninterval = \"1s\"\n";
        }
        fs::write(self.config(), text).unwrap();
    }

    fn retention(&self, arguments: &[&str]) -> Output {
        Command::new(LOGVEIL).arg("retention").args(arguments).arg("--config").arg(self.config()).output().unwrap()
    }

    /// What a `logveil retention` that must succeed prints as JSON.
    #[track_caller]
    fn retention_json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.retention(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lines(&String::from_utf8(output.stdout).unwrap())
    }

    /// The receipts that were written; `None` while there is no file.
    fn receipts(&self) -> Option<Vec<Value>> {
        fs::read_to_string(self.folder.path().join("receipts.jsonl")).ok().map(|text| lines(&text))
    }

    /// Sends records of these ages to a partition, each in a batch of its own.
    fn send_aged(&self, partition: i32, ages_ms: &[i64]) {
        let (producer, raw) = (self.producer(), self.raw());
        for (seq, age_ms) in ages_ms.iter().enumerate() {
            let payload = format!(r#"{{"seq":{seq}}}"#);
            let record = BaseRecord::<str, str>::to(&raw).partition(partition).timestamp(now_ms() - age_ms);
            send(&producer, record.key("k").payload(&payload));
            producer.flush(TIMEOUT).unwrap();
        }
    }

    /// A consumer of the stand's group that never joins it.
    fn observer(&self) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", &self.name)
            .set("enable.auto.commit", "false")
            .create()
            .unwrap()
    }

    /// Commits in the name of the group, which must have no members.
    fn commit(&self, partition: i32, offset: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.raw(), partition, Offset::Offset(offset)).unwrap();
        self.observer().commit(&offsets, CommitMode::Sync).unwrap();
    }

    /// The low watermarks of the raw topic.
    fn lows(&self) -> Vec<i64> {
        let observer = self.observer();
        let low = |partition| observer.fetch_watermarks(&self.raw(), partition, TIMEOUT).unwrap().0;
        (0..PARTITIONS).map(low).collect()
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[track_caller]
fn check_failed(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[test]
fn forwarded_and_aged_records_go_and_all_others_stay() {
    let stand = Stand::new(&servers(), "");
    let (old, young) = (2 * HOUR_MS, 0);
    stand.send_aged(0, &[old, old, old, young, young]);
    stand.send_aged(1, &[old, old]);
    // One that came late stands behind a young one.
    stand.send_aged(2, &[old, young, old]);
    stand.send_aged(3, &[young, young]);
    let mut process = stand.start("a");
    stand.wait_for(&stand.clean(), 12);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    // Aged, but not forwarded.
    stand.send_aged(1, &[old, old]);
    assert!(process.log().contains("no retention window"), "{}", process.log());

    stand.set_window("1h");
    let status = stand.retention_json(&["status"]);
    let told: Vec<_> = status.iter().map(|line| (line["bound"].as_i64(), line["state"].as_str().unwrap())).collect();
    assert_eq!(told, [(Some(3), "due"), (Some(2), "due"), (Some(1), "due"), (None, "nothing-due")]);
    assert_eq!((&status[1]["cutoff_offset"], &status[1]["stable_end"]), (&Value::Null, &4.into()));
    assert!(status[0]["oldest_age_seconds"].as_i64().unwrap() >= 7200, "{}", status[0]);
    let dry = stand.retention_json(&["sweep", "--dry-run"]);
    assert_eq!(dry.iter().map(|line| line["offsets_due"].as_i64().unwrap()).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!((stand.lows(), stand.receipts()), (vec![0; 4], None), "looking changes nothing");

    let printed = stand.retention_json(&["sweep"]);
    assert_eq!(stand.lows(), [3, 2, 1, 0]);
    assert_eq!(stand.receipts().as_ref(), Some(&printed));
    let mode = fs::metadata(stand.folder.path().join("receipts.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (receipt, (partition, low)) in printed.iter().zip([(0, 3), (1, 2), (2, 1)]) {
        let told = ["partition", "bound", "low_watermark_before", "low_watermark_returned", "low_watermark_read_back"];
        assert_eq!(told.map(|name| receipt[name].as_i64().unwrap()), [partition, low, 0, low, low], "{receipt}");
        assert_eq!((&receipt["offsets"], &receipt["window_seconds"]), (&low.into(), &3600.into()), "{receipt}");
        let words = ["claim", "outcome", "topic", "group"].map(|name| receipt[name].as_str().unwrap().to_owned());
        assert_eq!(words, ["logical".to_owned(), "deleted".to_owned(), stand.raw(), stand.name.clone()]);
    }

    // Again: nothing is left to do, also for several at once.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(stand.retention(&["sweep"]).stdout, b"nothing was due\n"));
        }
    });
    assert_eq!(stand.receipts().map(|receipts| receipts.len()), Some(3));
}

#[test]
fn where_nothing_is_committed_everything_stays() {
    let stand = Stand::new(&servers(), "");
    stand.set_window("1h");
    stand.send_aged(0, &[2 * HOUR_MS; 3]);
    let status = stand.retention_json(&["status"]);
    assert!(status.iter().all(|line| line["state"] == "nothing-committed"), "{status:?}");
    assert_eq!(stand.retention_json(&["sweep"]), [Value::Null; 0]);
    assert_eq!((stand.lows(), stand.receipts()), (vec![0; 4], Some(Vec::new())));
}

#[test]
fn what_a_transaction_has_not_committed_does_not_count() {
    let stand = Stand::new(&servers(), "");
    stand.set_window("1h");
    stand.send_aged(0, &[2 * HOUR_MS; 5]);
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &stand.servers)
        .set("transactional.id", &stand.name)
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    let begin_with = |offset| {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&stand.raw(), 0, Offset::Offset(offset)).unwrap();
        producer.begin_transaction().unwrap();
        let group = stand.observer().group_metadata().unwrap();
        producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT).unwrap();
    };
    let state = || stand.retention_json(&["status"])[0]["state"].clone();

    begin_with(4);
    assert_eq!(state(), "nothing-committed");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 0);
    producer.abort_transaction(TIMEOUT).unwrap();
    assert_eq!(state(), "nothing-committed");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 0);
    assert_eq!(stand.lows()[0], 0);

    begin_with(2);
    producer.commit_transaction(TIMEOUT).unwrap();
    eventually("the offset is known", || state() == "due");
    begin_with(4);
    assert_eq!(stand.retention_json(&["sweep"]).len(), 1);
    assert_eq!(stand.lows()[0], 2, "what was committed before");
    producer.commit_transaction(TIMEOUT).unwrap();
    eventually("the offset is known", || state() == "due");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 1);
    assert_eq!(stand.lows()[0], 4);
}

#[test]
fn a_group_that_committed_beyond_the_end_deletes_nothing() {
    let stand = Stand::new(&servers(), "");
    stand.set_window("1h");
    stand.send_aged(0, &[2 * HOUR_MS; 3]);
    stand.commit(0, 100);
    assert_eq!(stand.retention_json(&["status"])[0]["state"], "committed-beyond-end");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 0);
    assert_eq!(stand.lows()[0], 0);
}

/// Kafka answers "no record is that young" when the first segment that has such a record has it before the low watermark,
/// whatever stands in later segments.
#[test]
fn a_wider_window_never_deletes_young_records_behind_deleted_ones() {
    let stand = Stand::new(&servers(), "");
    stand.delete(&stand.raw());
    // The smallest segments that Kafka 4 allows (KIP-1030); each holds two of the large records.
    stand.create(&stand.raw(), PARTITIONS, &[("segment.bytes", "1048576")]);
    let (producer, raw) = (stand.producer(), stand.raw());
    let large = "x".repeat(500_000);
    for age_ms in [3 * HOUR_MS, 10 * HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS] {
        let record = BaseRecord::<str, str>::to(&raw).partition(0).timestamp(now_ms() - age_ms);
        send(&producer, record.payload(&large));
        producer.flush(TIMEOUT).unwrap();
    }
    stand.set_window("1h");
    stand.commit(0, 1);
    assert_eq!(stand.retention_json(&["sweep"]).len(), 1);
    assert_eq!(stand.lows()[0], 1);

    stand.set_window("5h");
    stand.commit(0, 4);
    let status = &stand.retention_json(&["status"])[0];
    assert_eq!((&status["cutoff_offset"], &status["state"]), (&Value::Null, &"age-unknown".into()), "{status}");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 0);
    assert_eq!(stand.lows()[0], 1, "the third record is younger than the window");
    stand.set_window("1h");
    assert_eq!(stand.retention_json(&["sweep"]).len(), 1);
    assert_eq!(stand.lows()[0], 4);
}

#[test]
fn a_compacted_source_is_named_with_the_mend_and_the_stream_goes_on() {
    let stand = Stand::new(&servers(), "");
    stand.set_window("1h");
    stand.delete(&stand.raw());
    stand.create(&stand.raw(), PARTITIONS, &[("cleanup.policy", "compact")]);
    stand.send_aged(0, &[2 * HOUR_MS; 3]);
    let mut process = stand.start("a");
    stand.wait_for(&stand.clean(), 3);
    eventually("it says why", || process.log().contains("set its `cleanup.policy` to `delete`"));
    process.wait_until("/metrics", |text| !text.contains(r#"logveil_retention_sweeps_total{outcome="partial"} 0"#));
    stand.send_aged(0, &[2 * HOUR_MS]);
    stand.wait_for(&stand.clean(), 4);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());

    let said = stand.retention(&["sweep"]);
    check_failed(&said, 1, &[&format!("could not delete records of {}/0", stand.raw()), "cleanup.policy"]);
    assert_eq!((stand.lows()[0], stand.receipts()), (0, Some(Vec::new())));
}

#[test]
fn a_cluster_that_is_away_is_named_with_the_mend() {
    let stand = Stand::new(&servers(), "");
    // A port of our own, so that nobody else can open it meanwhile.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    stand.configure(&address, "");
    stand.set_window("1h");
    for arguments in [&["status"][..], &["sweep"], &["sweep", "--dry-run"]] {
        let hint = format!("`kafka.bootstrap_servers` is {address}");
        check_failed(&stand.retention(arguments), 1, &["could not ask the cluster", &hint]);
    }
    let mut process = stand.start("a");
    eventually("it is told", || process.log().contains("raw records could not all be swept"));
    process.wait_until("/metrics", |text| text.contains(r#"logveil_retention_sweeps_total{outcome="failed"} 1"#));
    let start = Instant::now();
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
}

#[test]
fn a_sweep_needs_a_window_and_a_topic() {
    let stand = Stand::new(&servers(), "");
    check_failed(&stand.retention(&["sweep"]), 2, &["no route has a retention window", "retention.window"]);
    let status = stand.retention(&["status"]);
    let told = String::from_utf8(status.stdout).unwrap();
    assert_eq!(told, format!("{}: no window, logveil deletes nothing\n", stand.raw()));
    stand.set_window("1h");
    stand.delete(&stand.raw());
    check_failed(&stand.retention(&["sweep"]), 1, &[&format!("`{}`", stand.raw()), "create the topic"]);
}

#[test]
fn a_missing_right_is_named_with_the_mend() {
    let broker = Broker::start(embedded_kafka::Options::default()).unwrap();
    let stand = Stand::new(&broker.bootstrap_servers(), "");
    stand.set_window("1h");
    for partition in [0, 1] {
        stand.send_aged(partition, &[2 * HOUR_MS; 3]);
        stand.commit(partition, 3);
    }
    broker.faults().plan(Api::DeleteRecords, Fault::Refuse(ErrorCode::TopicAuthorizationFailed), 1);
    let said = stand.retention(&["sweep"]);
    check_failed(&said, 1, &[&format!("{}/0", stand.raw()), "grant Describe and Delete on the source topics"]);
    assert_eq!((stand.lows(), stand.receipts()), (vec![0; 4], Some(Vec::new())), "the topic is asked once");
    broker.faults().plan(Api::OffsetFetch, Fault::Refuse(ErrorCode::GroupAuthorizationFailed), 3);
    check_failed(&stand.retention(&["status"]), 1, &["grant Describe or Read on the group"]);
}

#[test]
fn a_deletion_whose_answer_is_lost_has_a_receipt_of_what_was_found() {
    let broker = Broker::start(embedded_kafka::Options::default()).unwrap();
    let stand = Stand::new(&broker.bootstrap_servers(), "");
    stand.set_window("1h");
    stand.send_aged(0, &[2 * HOUR_MS; 3]);
    stand.commit(0, 3);
    broker.faults().plan(Api::DeleteRecords, Fault::LoseAnswer, 1);
    check_failed(&stand.retention(&["sweep"]), 1, &["could not delete records"]);
    let receipts = stand.receipts().unwrap();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    assert_eq!((&receipts[0]["outcome"], &receipts[0]["low_watermark_returned"]), (&"deleted".into(), &Value::Null));
    assert_eq!((stand.lows()[0], &receipts[0]["low_watermark_read_back"]), (3, &3.into()));
}

#[test]
fn two_processes_sweep_while_records_flow_and_none_is_lost() {
    const OLD: u64 = 4000;
    const ALL: u64 = 5000;
    let stand = Stand::new(&servers(), "");
    stand.set_window("1h");
    let (mut first, mut second) = (stand.start("a"), stand.start("b"));
    for process in [&first, &second] {
        process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    }
    let (producer, raw) = (stand.producer(), stand.raw());
    // One of each partition ends in quarantine: it is forwarded as well.
    for partition in 0..PARTITIONS {
        let record = BaseRecord::<str, [u8]>::to(&raw).partition(partition).timestamp(now_ms() - 2 * HOUR_MS);
        send(&producer, record.payload(b"\xff"));
    }
    for seq in 0..ALL {
        let age_ms = if seq < OLD { 2 * HOUR_MS } else { 0 };
        for partition in 0..PARTITIONS {
            let payload = format!(r#"{{"seq":{seq},"client_ip":"192.0.2.{}"}}"#, seq % 256);
            let record = BaseRecord::<str, str>::to(&raw).partition(partition).timestamp(now_ms() - age_ms);
            send(&producer, record.payload(&payload));
        }
        if seq % 500 == 0 {
            // So that several sweeps fall into the flow.
            producer.flush(TIMEOUT).unwrap();
            thread::sleep(Duration::from_millis(400));
        }
    }
    producer.flush(TIMEOUT).unwrap();
    check_exactly_once(&stand.wait_for(&stand.clean(), (ALL * PARTITIONS as u64) as usize), ALL);
    stand.wait_for(&stand.quarantine(), PARTITIONS as usize);
    const LOW: i64 = OLD as i64 + 1;
    eventually("all old records are gone", || stand.lows() == [LOW; PARTITIONS as usize]);
    let metrics = first.wait_until("/metrics", |text| text.contains(r#"sweeps_total{outcome="complete"}"#));
    for name in ["logveil_retention_window_seconds{", "logveil_retention_oldest_record_timestamp_seconds{"] {
        assert!(metrics.contains(&format!("{name}topic=\"{raw}\"")), "{name}: {metrics}");
    }
    for process in [&mut first, &mut second] {
        let start = Instant::now();
        assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
        assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
        assert!(!process.log().contains("could not all be swept"), "{}", process.log());
    }
    // Both may have a receipt of one deletion, so their ranges overlap; together they leave no gap.
    let receipts = stand.receipts().unwrap();
    assert!(receipts.len() > PARTITIONS as usize, "several sweeps deleted something: {}", receipts.len());
    for partition in 0..PARTITIONS {
        let mut end = 0;
        for receipt in receipts.iter().filter(|receipt| receipt["partition"] == partition) {
            assert!(receipt["low_watermark_before"].as_i64().unwrap() <= end, "a gap before {receipt}");
            assert!(receipt["bound"].as_i64() <= receipt["committed_offset"].as_i64(), "{receipt}");
            end = end.max(receipt["bound"].as_i64().unwrap());
        }
        assert_eq!(end, LOW);
    }
}
