//! What becomes of records that cannot be veiled.

use super::*;
use logveil::pipeline;
use logveil::record::Position;
use logveil::veil::Reason;
use rdkafka::bindings::{rd_kafka_produceva, rd_kafka_vtype_t, rd_kafka_vu_s, rd_kafka_vu_s__bindgen_ty_1};
use rdkafka::client::Client;
use std::ffi::CString;

const LINE: &str = r#"192.0.2.77 - canary-5417 [23/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 7 "-" "curl/8.0""#;

/// A record that must be quarantined: payload, timestamp (now where it is none) and reason.
type Unfit = (Vec<u8>, Option<i64>, Reason);

fn unfit_json() -> Vec<Unfit> {
    let deep = format!("{}\"canary-5417\"{}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!(r#"{{"note":"canary-5417 {}"}}"#, "x".repeat(5_000_000));
    let september_2001 = Some(1_000_000_000_000);
    vec![
        (br#"{"user":"canary-5417""#.to_vec(), None, Reason::NotJson),
        (LINE.into(), None, Reason::NotJson),
        (b"{\"user\":\"canary-5417 \xff\"}".to_vec(), None, Reason::NotUtf8),
        (b"{\"user\":\"canary-5417\"}\0".to_vec(), None, Reason::NotUtf8),
        (deep.into(), None, Reason::TooDeep),
        (large.into(), None, Reason::TooLarge),
        (br#"{"user":"canary-5417"}"#.to_vec(), september_2001, Reason::KeyEpochUnknown),
    ]
}

fn unfit_lines() -> Vec<Unfit> {
    vec![
        (LINE.as_bytes()[..LINE.len() / 2].to_vec(), None, Reason::NotLine),
        (br#"{"client_ip":"192.0.2.77","user":"canary-5417"}"#.to_vec(), None, Reason::NotLine),
    ]
}

#[test]
fn everything_that_is_no_sound_json_is_sealed() {
    let clean = r#"{"email":"canary-5417@example.com","email":"canary-5417@example.net","status":200}"#;
    check_fates("generic-json", clean, &unfit_json());
}

#[test]
fn everything_that_is_no_line_of_a_strict_pack_is_sealed() {
    check_fates("nginx", LINE, &unfit_lines());
}

/// Sends unfit records to one partition, `clean` before and behind them; each ends where it should, whole.
#[track_caller]
fn check_fates(pack: &str, clean: &str, unfit: &[Unfit]) {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    stand.use_pack(pack);
    let raw = stand.raw();
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &servers)
        .set("enable.idempotence", "true")
        .set("message.max.bytes", "8000000")
        .create()
        .unwrap();
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(1).payload(clean));
    for (payload, timestamp, _) in unfit {
        let mut record = BaseRecord::<str, [u8]>::to(&raw).partition(1).key("canary-5417").payload(payload);
        record.timestamp = *timestamp;
        send(&producer, record);
    }
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(1).payload(clean));
    producer.flush(TIMEOUT).unwrap();

    let mut process = stand.start("a");
    let sealed = stand.wait_for(&stand.quarantine(), unfit.len());
    for (index, (entry, (payload, _, reason))) in sealed.iter().zip(unfit).enumerate() {
        check_sealed(&stand, entry, 1 + index as i64, *reason, payload);
    }
    let veiled = stand.wait_for(&stand.clean(), 2);
    for record in &veiled {
        assert!(!record.shows("canary") && !record.shows("192.0.2.77"), "{}", record.text());
    }
    assert_eq!(veiled[0].payload, veiled[1].payload, "what stands behind the unfit is not lost");

    let metrics =
        process.wait_until("/metrics", |text| sum(text, "logveil_records_in_total") == 2 + unfit.len() as u64);
    assert_eq!(sum(&metrics, "logveil_records_out_total"), 2);
    assert_eq!(sum(&metrics, "logveil_quarantined_total"), unfit.len() as u64);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(!process.log().contains("canary"));
}

/// The entry tells in the clear where its record stood and why it is here, and holds the whole record sealed.
#[track_caller]
fn check_sealed(stand: &Stand, entry: &Found, offset: i64, reason: Reason, payload: &[u8]) {
    assert!(!entry.shows("canary"));
    assert_eq!(entry.key, None);
    let (raw, offset_text) = (stand.raw(), offset.to_string());
    let told: Vec<_> = entry.headers.iter().map(|(name, _)| (name.as_str(), entry.header(name).unwrap())).collect();
    let wanted = [
        ("logveil-reason", reason.code()),
        ("logveil-topic", &raw),
        ("logveil-partition", "1"),
        ("logveil-offset", &offset_text),
    ];
    assert_eq!(told, wanted, "these four headers and no others");
    let keys = logveil::keystore::load(&stand.folder.path().join("keyring.toml")).unwrap();
    let position = Position { topic: &raw, partition: 1, offset };
    let opened = pipeline::open(&keys, position, reason, entry.payload.as_deref().unwrap()).unwrap();
    opened
        .with(position, |record| {
            assert_eq!(record.key, Some(&b"canary-5417"[..]));
            assert!(record.payload == Some(payload), "the payload comes back whole");
        })
        .unwrap();
}

/// Sum of a counter over its labels.
fn sum(metrics: &str, name: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn clean_and_sealed_records_become_visible_together() {
    let servers = servers();
    let settings = "[kafka.consumer_properties]\n\"session.timeout.ms\" = 6000\n[commit]\ninterval_ms = 10000\n";
    let stand = Stand::new(&servers, settings);
    let (producer, raw, clean, quarantine) = (stand.producer(), stand.raw(), stand.clean(), stand.quarantine());
    let mut process = stand.start("a");
    process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(0).payload(r#"{"seq":0}"#));
    send(&producer, BaseRecord::<str, [u8]>::to(&raw).partition(0).payload(b"\xff"));
    producer.flush(TIMEOUT).unwrap();
    eventually("both are sent", || stand.held_back(&clean) > 0 && stand.held_back(&quarantine) > 0);
    assert_eq!((stand.read(&clean).len(), stand.read(&quarantine).len()), (0, 0), "neither before the commit");
    process.kill();

    let mut process = stand.start("a");
    process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    eventually("both are sent again", || stand.held_back(&clean) > 0 && stand.held_back(&quarantine) > 0);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert_eq!((stand.read(&clean).len(), stand.read(&quarantine).len()), (1, 1), "both once with it");
}

#[test]
fn a_header_name_that_is_no_text_seals_its_record() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let producer = stand.producer();
    send_with_header_name(producer.client(), &stand.raw(), b"canary-5417-\xff");
    send(&producer, BaseRecord::<str, str>::to(&stand.raw()).partition(1).payload(r#"{"seq":1}"#));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    let sealed = stand.wait_for(&stand.quarantine(), 1);
    assert!(!sealed[0].shows("canary"));
    assert_eq!(sealed[0].header("logveil-offset"), Some("0"));
    assert_eq!(stand.wait_for(&stand.clean(), 1)[0].seq(), 1);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(!process.log().contains("canary"));
}

/// Sends a record to partition 1 with a header of this name, which the wrapper would not let through.
#[expect(unsafe_code, reason = "the wrapper sends only header names that are UTF-8")]
fn send_with_header_name<C: rdkafka::ClientContext>(client: &Client<C>, topic: &str, name: &[u8]) {
    let (topic, name) = (CString::new(topic).unwrap(), CString::new(name).unwrap());
    let part = |vtype, fill: &dyn Fn(&mut rd_kafka_vu_s__bindgen_ty_1)| {
        let mut u = rd_kafka_vu_s__bindgen_ty_1 { _pad: [0; 64] };
        fill(&mut u);
        rd_kafka_vu_s { vtype, u }
    };
    let parts = [
        part(rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC, &|u| u.cstr = topic.as_ptr()),
        part(rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION, &|u| u.i32_ = 1),
        part(rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER, &|u| {
            u.header.name = name.as_ptr();
            u.header.val = std::ptr::null();
            u.header.size = 0;
        }),
    ];
    // SAFETY: the client lives, and librdkafka copies topic and header before it returns.
    let error = unsafe { rd_kafka_produceva(client.native_ptr(), parts.as_ptr(), parts.len()) };
    assert!(error.is_null());
}
