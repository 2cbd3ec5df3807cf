//! Starts that must not succeed, or not yet, and what they say.

use super::*;
use logveil::keystore::KeyringFile;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

/// Starts and expects the end, with this code and these words on standard error.
#[track_caller]
fn check_refused(stand: &Stand, code: i32, words: &[&str]) {
    let mut process = stand.start("a");
    let ended = process.wait().code();
    let log = process.log();
    assert_eq!(ended, Some(code), "{log}");
    for word in words {
        assert!(log.contains(word), "no `{word}` in:\n{log}");
    }
}

#[test]
fn a_missing_topic_is_named_with_the_mend() {
    let servers = servers();
    for topic in [Stand::raw, Stand::clean, Stand::quarantine] {
        let stand = Stand::new(&servers, "");
        let topic = topic(&stand);
        stand.delete(&topic);
        check_refused(&stand, 1, &[&format!("there is no topic `{topic}`"), "kafka-topics.sh --create"]);
    }
}

#[test]
fn a_target_of_too_few_partitions_is_named_with_the_mend() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    stand.delete(&stand.clean());
    stand.create(&stand.clean(), PARTITIONS - 1, &[]);
    check_refused(&stand, 1, &[&format!("topic `{}` has 3 partitions", stand.clean()), "kafka-topics.sh --alter"]);
}

#[test]
fn a_compacted_quarantine_is_named_with_the_mend() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    stand.delete(&stand.quarantine());
    stand.create(&stand.quarantine(), 1, &[("cleanup.policy", "compact")]);
    check_refused(&stand, 1, &[&format!("topic `{}` is compacted", stand.quarantine()), "`delete`"]);
}

#[test]
fn a_closed_port_keeps_a_process_connecting() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    // A port of our own, so that nobody else can open it meanwhile.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    stand.configure(&address, "");
    let mut process = stand.start("a");
    eventually("it says which broker it waits for", || process.log().contains("waiting for the cluster"));
    assert!(process.log().contains(&address), "{}", process.log());
    assert!(process.get("/readyz").unwrap().ends_with("connecting"));
    assert!(process.get("/readyz").unwrap().starts_with("HTTP/1.1 503"));
    assert!(process.get("/healthz").unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

#[test]
fn an_expired_keyring_is_refused() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let keyring = stand.folder.path().join("keyring.toml");
    fs::remove_file(&keyring).unwrap();
    const YEAR_MS: i64 = 365 * 86_400_000;
    KeyringFile::generate("test", 30, now_ms() - YEAR_MS, 0, 0).unwrap().save(&keyring).unwrap();
    check_refused(&stand, 2, &["no key for the present epoch", "logveil keys extend"]);
}

#[test]
fn a_keyring_that_others_may_read_is_refused() {
    let servers = servers();
    let stand = Stand::new(&servers, "");
    let keyring = stand.folder.path().join("keyring.toml");
    fs::set_permissions(&keyring, fs::Permissions::from_mode(0o640)).unwrap();
    check_refused(&stand, 2, &["open to other users", "chmod 600"]);
}
