//! Topics that take less than their source gives.

use super::*;

#[test]
fn many_sealed_entries_fit_into_a_topic_of_small_batches() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let (producer, raw) = (stand.producer(), stand.raw());
    // Each entry fits, but not two hundred of them in one batch; sealed bytes do not shrink.
    stand.set_message_bytes_max(&stand.quarantine(), 20_000);
    let payload = [&[0xff][..], &[b'x'; 1000]].concat();
    for _ in 0..200 {
        send(&producer, BaseRecord::<str, [u8]>::to(&raw).partition(0).payload(&payload));
    }
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    stand.wait_for(&stand.quarantine(), 200);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(!process.log().contains("aborted"), "{}", process.log());
}

#[test]
fn headers_count_with_their_framing() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let (producer, raw) = (stand.producer(), stand.raw());
    stand.set_message_bytes_max(&stand.clean(), 4000);
    // Names and values of 1600 bytes, framing of 2 to 10 bytes each.
    let headers =
        (0..800).fold(OwnedHeaders::new(), |headers, _| headers.insert(Header { key: "h", value: Some("x") }));
    let record = BaseRecord::<str, str>::to(&raw).partition(0);
    send(&producer, record.payload(&format!(r#"{{"seq":0,"text":"{}"}}"#, "x".repeat(1800))).headers(headers));
    send(&producer, BaseRecord::<str, str>::to(&raw).partition(0).payload(r#"{"seq":1}"#));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    assert_eq!(stand.wait_for(&stand.quarantine(), 1)[0].header("logveil-reason"), Some("too-large"));
    assert_eq!(stand.wait_for(&stand.clean(), 1)[0].seq(), 1);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

#[test]
fn a_record_that_grows_too_large_is_sealed_and_a_seal_that_does_not_fit_halts() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let (clean, quarantine) = (stand.clean(), stand.quarantine());
    stand.set_message_bytes_max(&clean, 4000);
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

    stand.set_message_bytes_max(&quarantine, 4000);
    send(&producer, BaseRecord::<str, str>::to(&stand.raw()).partition(0).payload(&payload));
    producer.flush(TIMEOUT).unwrap();
    let mut process = stand.start("a");
    assert_eq!(process.wait().code(), Some(1), "{}", process.log());
    let log = process.log();
    let position = format!("{}/0@2", stand.raw());
    assert!(log.contains(&position) && log.contains("max.message.bytes"), "{log}");
    assert_eq!((stand.held_back(&clean), stand.held_back(&quarantine)), (0, 0), "no reader waits for a dead process");
    assert_eq!((stand.wait_for(&quarantine, 1).len(), stand.wait_for(&clean, 1).len()), (1, 1));

    stand.set_message_bytes_max(&quarantine, 1_000_000);
    let mut process = stand.start("a");
    stand.wait_for(&quarantine, 2);
    stand.wait_for(&clean, 1);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}
