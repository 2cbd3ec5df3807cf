//! Keeps a tenant's keys in a local file, and draws new ones.
//!
//! Knows: the keyring file, its permissions, the operating system's randomness. Must not know what keys are used for;
//! the time comes in as an argument. Start at [`load`] for using keys, at [`KeyringFile`] for making them.
//!
//! The file is TOML:
//!
//! ```toml
//! version = 1
//! tenant = "acme"
//! epoch_days = 30
//!
//! [seal]
//! key = "base64 of 32 bytes"
//!
//! [[epoch]]
//! number = 676
//! key = "base64 of 32 bytes"
//! ```
//!
//! It must be readable by its owner alone. An epoch's key is drawn once: [`extend`] adds keys only behind the last
//! epoch, so an epoch that was taken out of the file never comes back under another key.

mod file;

use crate::calendar::Date;
use crate::keys::{KeyEpoch, KeyError, Keyring, SealRandom, epoch_range_ms};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub use file::{KeyringFile, extend};

/// Epochs before the present one that get a key: with epochs of 30 days, events may come a year late.
pub const EPOCHS_PAST_DEFAULT: u32 = 13;

/// Epochs after the present one that get a key: with epochs of 30 days, nearly a year passes until the next extension.
pub const EPOCHS_FUTURE_DEFAULT: u32 = 12;

/// Most epochs that a keyring is made for or extended to: eleven years of epochs of one day.
pub const EPOCHS_MAX: usize = 4096;

/// Largest keyring file that is read, in bytes: more than twice what [`EPOCHS_MAX`] epochs take.
pub const KEYRING_BYTES_MAX: u64 = 1 << 20;

/// Why keys cannot be loaded, made or stored. Never quotes the file, because it is full of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// There is no keyring file.
    #[error("there is no keyring at {}\n  hint: logveil keys init", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or change the file, so its keys may be known to them.
    #[error("keyring {0} is open to other users (mode {mode:04o})\n  hint: chmod 600 {0}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a file already, which would be overwritten and its keys lost.
    #[error("{} exists already and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process changes the file at this moment, or was killed while it did.
    #[error("{} exists: another process is changing the keyring\n  hint: if none is, remove that file", path.display())]
    Busy {
        /// The draft of the new file.
        path: PathBuf,
    },
    /// The file was written by another version of logveil.
    #[error("keyring {} has version {version}, this logveil reads version {}", path.display(), file::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The file is not a keyring.
    #[error("keyring {}:{line}:{column} is malformed (its text is not shown, it may be a key)", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault in characters, from 1.
        column: usize,
    },
    /// A key in the file is not 32 bytes in base64.
    #[error("keyring {}:{line}: this key is not 32 bytes in base64", path.display())]
    MalformedKey {
        /// The file.
        path: PathBuf,
        /// Line of the key, from 1.
        line: usize,
    },
    /// The file is larger than [`KEYRING_BYTES_MAX`].
    #[error("keyring {} is larger than {KEYRING_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file can be read, but its keys make no keyring.
    #[error("keyring {} is unusable: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with the keys.
        source: KeyError,
    },
    /// A new keyring was asked for that cannot be.
    #[error("cannot make a keyring: {0}")]
    Invalid(#[from] KeyError),
    /// More than [`EPOCHS_MAX`] epochs.
    #[error("a keyring holds at most {EPOCHS_MAX} epochs")]
    TooManyEpochs,
    /// The time is before 1970 or after the year 9999, so it is in no epoch.
    #[error("the clock says {now_ms} ms since 1970, which is in no epoch")]
    Clock {
        /// The time that was given.
        now_ms: i64,
    },
    /// The keyring has no key for the present time: nothing that happens now could be veiled.
    #[error(
        "the keyring has no key for the present epoch {epoch} ({} to {})\n  hint: logveil keys extend",
        Date::at(epoch_range_ms(*epoch_days, *epoch).start),
        Date::at(epoch_range_ms(*epoch_days, *epoch).end - 1)
    )]
    NoPresentKey {
        /// The epoch of the present time.
        epoch: KeyEpoch,
        /// Length of an epoch, in days.
        epoch_days: u32,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// The operating system gave the same key again and again.
    #[error("the operating system's random bytes repeat themselves")]
    NotRandom,
    /// The file system failed.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Which times a keyring has keys for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Provisioned epochs as runs without gaps, earliest first.
    pub runs: Vec<RangeInclusive<KeyEpoch>>,
    /// Epoch of the present time. It is provisioned.
    pub present: KeyEpoch,
    /// End of the last epoch that follows the present one without a gap: milliseconds since the Unix epoch, exclusive.
    pub ends_ms: i64,
}

/// Reads a keyring file and derives its keys.
///
/// # Errors
/// [`KeystoreError::Missing`], [`KeystoreError::Exposed`], [`KeystoreError::TooLarge`], [`KeystoreError::Version`],
/// [`KeystoreError::Malformed`], [`KeystoreError::MalformedKey`], [`KeystoreError::Unusable`] or
/// [`KeystoreError::Io`].
pub fn load(path: &Path) -> Result<Keyring, KeystoreError> {
    let file = KeyringFile::read(path)?;
    file.into_keyring().map_err(|source| KeystoreError::Unusable { path: path.to_owned(), source })
}

/// Tells which times a keyring has keys for, and until when it reaches.
///
/// # Errors
/// [`KeystoreError::NoPresentKey`] when it has none for `now_ms`, [`KeystoreError::Clock`] when that is no time.
pub fn coverage(keyring: &Keyring, now_ms: i64) -> Result<Coverage, KeystoreError> {
    let present = keyring.epoch_at(now_ms).ok_or(KeystoreError::Clock { now_ms })?;
    let mut runs: Vec<RangeInclusive<KeyEpoch>> = Vec::new();
    for KeyEpoch(number) in keyring.epochs().map(|keys| keys.epoch()) {
        match runs.last_mut() {
            Some(run) if run.end().0.checked_add(1) == Some(number) => *run = *run.start()..=KeyEpoch(number),
            _ => runs.push(KeyEpoch(number)..=KeyEpoch(number)),
        }
    }
    let epoch_days = keyring.epoch_days();
    let run = runs
        .iter()
        .find(|run| run.contains(&present))
        .ok_or(KeystoreError::NoPresentKey { epoch: present, epoch_days })?;
    let ends_ms = epoch_range_ms(epoch_days, *run.end()).end;
    Ok(Coverage { runs, present, ends_ms })
}

/// Draws the randomness for sealing one record.
///
/// # Errors
/// [`KeystoreError::Random`] when the operating system has none.
pub fn seal_random() -> Result<SealRandom, KeystoreError> {
    let mut bytes = [0; SealRandom::BYTES];
    getrandom::fill(&mut bytes).map_err(KeystoreError::Random)?;
    Ok(SealRandom::new(bytes))
}

/// Draws a key.
fn random_key() -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeystoreError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    /// 2026-11-23, in epoch 692 of 30 days.
    const NOW_MS: i64 = 1_795_392_000_000;

    fn keyring(past: u32, future: u32) -> Keyring {
        KeyringFile::generate("acme", 30, NOW_MS, past, future).unwrap().into_keyring().unwrap()
    }

    #[test]
    fn coverage_tells_when_the_keys_end() {
        let coverage = coverage(&keyring(13, 12), NOW_MS).unwrap();
        assert_eq!(coverage.runs, [KeyEpoch(679)..=KeyEpoch(704)]);
        assert_eq!(coverage.present, KeyEpoch(692));
        assert_eq!(coverage.ends_ms, 705 * 30 * DAY_MS);
        assert_eq!(Date::at(coverage.ends_ms).to_string(), "2027-11-28");
    }

    #[test]
    fn a_keyring_that_ended_says_so_with_dates() {
        let keyring = keyring(0, 0);
        assert!(coverage(&keyring, 693 * 30 * DAY_MS - 1).is_ok());
        let message = coverage(&keyring, 693 * 30 * DAY_MS).unwrap_err().to_string();
        let expect = "the keyring has no key for the present epoch 693 (2026-12-03 to 2027-01-01)\n  \
                      hint: logveil keys extend";
        assert_eq!(message, expect);
    }

    #[test]
    fn a_time_that_is_none_says_so() {
        let message = coverage(&keyring(0, 0), -1).unwrap_err().to_string();
        assert_eq!(message, "the clock says -1 ms since 1970, which is in no epoch");
    }

    #[test]
    fn coverage_ends_at_the_first_gap() {
        let secret = |byte| crate::keys::EpochSecret::new(&[byte; 32]);
        let epochs = [691, 692, 694].map(|number| (KeyEpoch(number), secret(number as u8))).into_iter().collect();
        let seal = crate::keys::SealSecret::new(&[1; 32]);
        let keyring = Keyring::new("acme", 30, epochs, seal).unwrap();
        let coverage = coverage(&keyring, NOW_MS).unwrap();
        assert_eq!(coverage.runs, [KeyEpoch(691)..=KeyEpoch(692), KeyEpoch(694)..=KeyEpoch(694)]);
        assert_eq!(coverage.ends_ms, 693 * 30 * DAY_MS);
    }

    #[test]
    fn randomness_for_sealing_is_fresh() {
        let keyring = keyring(0, 0);
        let sealed = || keyring.seal_key().seal(seal_random().unwrap(), b"", b"").into_bytes();
        assert_ne!(sealed(), sealed());
    }
}
