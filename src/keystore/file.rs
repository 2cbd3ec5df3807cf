//! The keyring file: made, read, extended and written.

use super::{KEYRING_BYTES_MAX, KeystoreError, random_key};
use crate::keys::{EpochSecret, KeyEpoch, KeyError, Keyring, SealSecret, epoch_at};
use serde::Deserialize;
use serde::de::{self, Visitor};
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str;
use toml::Spanned;
use zeroize::Zeroizing;

/// Version of the file format.
pub(super) const VERSION: i64 = 1;

/// Permissions of the file: its owner reads and writes, nobody else does anything.
const MODE: u32 = 0o600;

/// Permission bits that must be off: everything for group and others.
const MODE_EXPOSED: u32 = 0o077;

/// Keys drawn for one epoch before giving up on an id of its own. There are 2^20 ids, so the second already fits.
const DRAWS_MAX: usize = 64;

/// The secrets of one tenant as they stand in a file. Wiped on drop; `Debug` prints no byte of them.
///
/// ```compile_fail
/// fn print(file: &logveil::keystore::KeyringFile) { println!("{file}"); } // no `Display`
/// ```
/// ```compile_fail
/// fn save(file: &logveil::keystore::KeyringFile) -> String { serde_json::to_string(file).unwrap() } // no `Serialize`
/// ```
pub struct KeyringFile {
    tenant: String,
    epoch_days: u32,
    seal: SealSecret,
    /// Sorted by epoch when made here, in the file's order when read.
    epochs: Vec<(KeyEpoch, EpochSecret)>,
}

impl KeyringFile {
    /// Draws the keys of a new tenant: for the epoch of `now_ms`, `past` epochs before and `future` epochs after it.
    ///
    /// `now_ms` is milliseconds since the Unix epoch. An event that came so late that its epoch has no key is
    /// quarantined; see [`super::EPOCHS_PAST_DEFAULT`] and [`super::EPOCHS_FUTURE_DEFAULT`].
    ///
    /// # Errors
    /// [`KeystoreError::Invalid`] for a tenant name or epoch length that a keyring refuses, [`KeystoreError::Clock`],
    /// [`KeystoreError::Random`].
    pub fn generate(
        tenant: &str,
        epoch_days: u32,
        now_ms: i64,
        past: u32,
        future: u32,
    ) -> Result<Self, KeystoreError> {
        Keyring::check(tenant, epoch_days)?;
        let KeyEpoch(present) = epoch_at(epoch_days, now_ms).ok_or(KeystoreError::Clock { now_ms })?;
        let seal = SealSecret::new(&*random_key()?);
        let mut file = Self { tenant: tenant.to_owned(), epoch_days, seal, epochs: Vec::new() };
        for number in present.saturating_sub(past)..=present.saturating_add(future) {
            file.add(KeyEpoch(number))?;
        }
        Ok(file)
    }

    /// Draws keys for the epochs after the last one, up to `future` epochs after that of `now_ms`; returns how many.
    ///
    /// Epochs before the last one are left as they are: a key that was taken out stays out, because another key for
    /// the same epoch would give the same entity a second pseudonym.
    ///
    /// # Errors
    /// [`KeystoreError::Clock`], [`KeystoreError::Random`].
    pub fn extend(&mut self, now_ms: i64, future: u32) -> Result<usize, KeystoreError> {
        let KeyEpoch(present) = epoch_at(self.epoch_days, now_ms).ok_or(KeystoreError::Clock { now_ms })?;
        let before = self.epochs.len();
        let next = self.epochs.iter().map(|(epoch, _)| epoch.0.saturating_add(1)).max().unwrap_or(present);
        for number in next..=present.saturating_add(future) {
            self.add(KeyEpoch(number))?;
        }
        Ok(self.epochs.len() - before)
    }
}
