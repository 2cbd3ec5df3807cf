//! `logveil quarantine`: entries are listed, opened and replayed.

use super::*;
use std::process::Output;

fn quarantine(stand: &Stand, arguments: &[&str]) -> Output {
    Command::new(LOGVEIL).arg("quarantine").args(arguments).arg("--config").arg(stand.config()).output().unwrap()
}

#[test]
fn quarantined_records_are_listed_opened_and_replayed_once() {
    let servers = servers();
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

    let listed = quarantine(&stand, &["list", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(!listed.contains("192.0.2.1") && listed.contains("not-json") && listed.contains("not-utf8"), "{listed}");
    let entry = listed.lines().find(|entry| entry.contains("not-json")).unwrap();
    let place = entry.split("\"entry\":\"").nth(1).unwrap().split('"').next().unwrap();

    let refused = quarantine(&stand, &["open", place]);
    assert!(refused.stdout.is_empty() && refused.status.code() == Some(2));
    let opened = quarantine(&stand, &["open", place, "--i-may-see-raw-data"]);
    let opened = String::from_utf8(opened.stdout).unwrap();
    assert!(opened.contains(line) && opened.contains(&format!("{raw}/2@0")), "{opened}");

    with_pack("generic-line");
    let replayed = quarantine(&stand, &["replay"]);
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert_eq!(replayed.status.code(), Some(4), "{said} {}", String::from_utf8_lossy(&replayed.stderr));
    assert!(said.starts_with("1 record clean now, 1 back in quarantine"), "{said}");
    let clean = stand.wait_for(&stand.clean(), 1);
    assert_eq!(clean[0].partition, 2, "in its own partition");
    assert!(!clean[0].shows("alice") && clean[0].text().starts_with("login of "), "{}", clean[0].text());

    // Again: only what went back is tried, and goes back.
    let replayed = quarantine(&stand, &["replay"]);
    let said = String::from_utf8(replayed.stdout).unwrap();
    assert!(said.starts_with("0 records clean now, 1 back in quarantine"), "{said}");
    stand.wait_for(&stand.clean(), 1);
    let listed = String::from_utf8(quarantine(&stand, &["list"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "a head and one open entry: {listed}");
    let listed = String::from_utf8(quarantine(&stand, &["list", "--all"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), 5, "a head and four entries, three of them replayed: {listed}");
}
