//! What is read back from disk and topics: the configuration, the keyring file, quarantine entries, places in topics.

use crate::veils::{POSITION, keys};
use logveil::config::{Config, Surroundings};
use logveil::kafka::Place;
use logveil::keys::SealRandom;
use logveil::keystore::KeyringFile;
use logveil::pipeline::{EntryError, open};
use logveil::veil::Reason;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use tempfile::NamedTempFile;

/// Checks one input: the first byte names the reader, the rest is read.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 4 {
        0 => check_config(rest),
        1 => check_entry(rest),
        2 => check_keyring(rest),
        _ => check_place(rest),
    }
}

/// A fault names the place and never shows a value: a configuration holds passwords.
fn check_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let surroundings = Surroundings { variable: &|_| None, processors: 2, host_name: "host" };
    let parse = || Config::parse(Path::new("/nowhere/logveil.toml"), text, surroundings).map_err(|e| e.to_string());
    let parsed = parse();
    assert_eq!(parsed, parse(), "the same file twice");
    match parsed {
        Ok(config) => assert!(!config.routes.is_empty() && config.record_bytes_max > 0),
        Err(message) => assert!(message.contains("/nowhere/logveil.toml"), "{message}"),
    }
}

/// The bytes under a sound seal, as a later release or another program with the key may have written them; and the
/// same bytes as a seal.
fn check_entry(bytes: &[u8]) {
    let reason = Reason::NotJson;
    assert!(
        matches!(open(keys(), POSITION, reason, bytes).err(), Some(EntryError::Seal(_))),
        "it opened what nobody sealed"
    );
    let random = SealRandom::new([5; SealRandom::BYTES]);
    let sealed = keys().seal_key().seal(random, &associated_data(reason), bytes);
    let Ok(opened) = open(keys(), POSITION, reason, sealed.as_bytes()) else { return };
    let read = opened.with(POSITION, |record| {
        assert_eq!(record.position, POSITION);
        // A record is no larger than what it was read from.
        record.size()
    });
    assert!(read.is_ok_and(|size| size <= bytes.len()), "what opened cannot be read");
}

/// As `pipeline/entry.rs` describes it.
fn associated_data(reason: Reason) -> Vec<u8> {
    let sized = |text: &str| [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat();
    let numbers = [&POSITION.partition.to_be_bytes()[..], &POSITION.offset.to_be_bytes()].concat();
    [b"logveil/quarantine/v1".to_vec(), sized(POSITION.topic), numbers, sized(reason.code())].concat()
}

/// Whatever the file holds, a fault shows none of it: it may be a key.
fn check_keyring(bytes: &[u8]) {
    static FILE: OnceLock<Mutex<NamedTempFile>> = OnceLock::new();
    let file = FILE.get_or_init(|| Mutex::new(private_file()));
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    rewrite(file.as_file_mut(), bytes).expect("the temporary folder can be written to");
    let Err(error) = KeyringFile::read(file.path()).and_then(|file| Ok(file.into_keyring()?)) else { return };
    let message = error.to_string();
    let values =
        bytes.split(|byte| *byte == b'"').skip(1).step_by(2).filter_map(|value| std::str::from_utf8(value).ok());
    let keys = values.filter(|value| value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for key in keys {
        assert!(!message.contains(key), "a fault shows what the file holds: {message}");
    }
}

fn private_file() -> NamedTempFile {
    let file = NamedTempFile::new().expect("there is a temporary folder");
    file.as_file().set_permissions(PermissionsExt::from_mode(0o600)).expect("its owner may close it to others");
    file
}

fn rewrite(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    file.write_all(bytes)
}

fn check_place(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.to_string().parse(), Ok(place), "{text}");
    }
}
