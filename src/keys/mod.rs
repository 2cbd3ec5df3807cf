//! Keys and what is made with them: pseudonyms, prefix-preserving addresses, sealed boxes. The only room that sees key
//! bytes.
//!
//! Knows: cryptography, classes, canonical bytes. Must not know where keys are stored, what time it is, or where
//! randomness comes from: all three come in as arguments. Start at [`Keyring`].
//!
//! One tenant has one [`Keyring`]: a secret per epoch, drawn independently so that destroying one really ends its
//! pseudonyms, and one secret for sealing. Everything else is derived downward from these and never stored.

mod pseudonym;
mod seal;
mod secret;

pub use pseudonym::{Domain, EpochKeys, TokenText};
pub use seal::{OpenError, SEALED_OVERHEAD_BYTES, SealKey, SealRandom, Sealed};
pub use secret::{EpochSecret, KeyId, SealSecret, SecretError};

use std::fmt;
use std::ops::Range;

/// Longest tenant name, in bytes.
pub const TENANT_BYTES_MAX: usize = 63;

/// Longest epoch, in days. Pseudonyms can be linked throughout an epoch, so it has to end.
pub const EPOCH_DAYS_MAX: u32 = 366;

/// Default length of an epoch, in days.
pub const EPOCH_DAYS_DEFAULT: u32 = 30;

/// Latest timestamp that is believed: the end of the year 9999. What lies beyond is a time in microseconds or worse.
pub const TIMESTAMP_MS_MAX: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;

/// Number of a pseudonym key's period: 0 starts at the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch(pub u32);

/// The keys of one tenant.
///
/// It cannot be copied, printed or serialised; `Debug` tells tenant and epoch numbers only. All key material is wiped
/// when it is dropped.
///
/// ```compile_fail
/// fn print(keyring: &logveil::keys::Keyring) { println!("{keyring}"); } // `Keyring` has no `Display`
/// ```
/// ```compile_fail
/// fn save(keyring: &logveil::keys::Keyring) -> String { serde_json::to_string(keyring).unwrap() } // nor `Serialize`
/// ```
/// ```compile_fail
/// fn copy(keyring: &logveil::keys::Keyring) -> logveil::keys::Keyring { keyring.clone() } // nor `Clone`
/// ```
pub struct Keyring {
    tenant: String,
    epoch_days: u32,
    /// Sorted by epoch, never empty.
    epochs: Vec<EpochKeys>,
    seal_key: SealKey,
}

/// Why there is no keyring, or no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The keyring never held a key for this epoch.
    #[error("the keyring has no key for epoch {0}")]
    NeverProvisioned(KeyEpoch),
    /// A keyring without any epoch could not veil a single record.
    #[error("the keyring has no epoch")]
    NoEpochs,
    /// Two keys claim one epoch, so equal values would get two pseudonyms.
    #[error("epoch {0} has two keys")]
    DuplicateEpoch(KeyEpoch),
    /// Two epochs' keys have one id, so a pseudonym would not tell its epoch. Equal keys end here too.
    #[error("the keys of epochs {first} and {second} have the same id `{id}`")]
    KeyIdCollision {
        /// The earlier epoch.
        first: KeyEpoch,
        /// The later epoch.
        second: KeyEpoch,
        /// The id of both.
        id: KeyId,
    },
    /// The epoch's secret is all zeros or derives a degenerate key.
    #[error("the key of epoch {0} is not random")]
    WeakEpochKey(KeyEpoch),
    /// The secret for sealing is all zeros.
    #[error("the key for sealing is not random")]
    WeakSealKey,
    /// The length of an epoch is 0 or more than [`EPOCH_DAYS_MAX`] days.
    #[error("an epoch of {0} days is out of range: it lasts 1 to {EPOCH_DAYS_MAX} days")]
    EpochDays(u32),
    /// The tenant's name is empty, longer than [`TENANT_BYTES_MAX`], or has other characters.
    #[error("a tenant name wants 1 to {TENANT_BYTES_MAX} lower-case letters, digits and inner hyphens")]
    TenantName,
}

impl Keyring {
    /// Derives the keys of `tenant` from its secrets, which are wiped.
    ///
    /// `epoch_days` is the length of an epoch in days. The epochs may come in any order.
    ///
    /// # Errors
    /// [`KeyError::TenantName`], [`KeyError::EpochDays`], [`KeyError::NoEpochs`], [`KeyError::DuplicateEpoch`],
    /// [`KeyError::KeyIdCollision`], [`KeyError::WeakEpochKey`] and [`KeyError::WeakSealKey`], as their docs say.
    pub fn new(
        tenant: &str,
        epoch_days: u32,
        epochs: Vec<(KeyEpoch, EpochSecret)>,
        seal: SealSecret,
    ) -> Result<Self, KeyError> {
        check_tenant(tenant)?;
        check_epoch_days(epoch_days)?;
        let mut epochs = epochs
            .into_iter()
            .map(|(epoch, secret)| EpochKeys::derive(tenant, epoch, &secret))
            .collect::<Result<Vec<_>, _>>()?;
        epochs.sort_by_key(EpochKeys::epoch);
        check_distinct(&epochs)?;
        Ok(Self { tenant: tenant.to_owned(), epoch_days, epochs, seal_key: SealKey::derive(seal)? })
    }

    /// The tenant's name.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Length of an epoch, in days.
    pub fn epoch_days(&self) -> u32 {
        self.epoch_days
    }

    /// The epoch that a time belongs to; `None` before 1970 and after [`TIMESTAMP_MS_MAX`].
    pub fn epoch_at(&self, timestamp_ms: i64) -> Option<KeyEpoch> {
        epoch_at(self.epoch_days, timestamp_ms)
    }

    /// The keys of an epoch.
    ///
    /// # Errors
    /// [`KeyError::NeverProvisioned`] when the keyring holds no key for it.
    pub fn at(&self, epoch: KeyEpoch) -> Result<&EpochKeys, KeyError> {
        let index = self
            .epochs
            .binary_search_by_key(&epoch, EpochKeys::epoch)
            .map_err(|_| KeyError::NeverProvisioned(epoch))?;
        self.epochs.get(index).ok_or(KeyError::NeverProvisioned(epoch))
    }

    /// The keys of every epoch, earliest first. There is at least one.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = &EpochKeys> + ExactSizeIterator {
        self.epochs.iter()
    }

    /// The key that seals quarantined records.
    pub fn seal_key(&self) -> &SealKey {
        &self.seal_key
    }
}

/// The epoch that a time belongs to; `None` before 1970, after [`TIMESTAMP_MS_MAX`], or for epochs of 0 days.
pub fn epoch_at(epoch_days: u32, timestamp_ms: i64) -> Option<KeyEpoch> {
    if !(0..=TIMESTAMP_MS_MAX).contains(&timestamp_ms) {
        return None;
    }
    let number = timestamp_ms.checked_div(i64::from(epoch_days) * DAY_MS)?;
    u32::try_from(number).ok().map(KeyEpoch)
}

/// The time of an epoch, in milliseconds since the Unix epoch; saturates at the end of time.
pub fn epoch_range_ms(epoch_days: u32, epoch: KeyEpoch) -> Range<i64> {
    let length = i64::from(epoch_days) * DAY_MS;
    let start = i64::from(epoch.0).saturating_mul(length);
    start..start.saturating_add(length)
}

/// Accepts 1 to 63 lower-case ASCII letters, digits and inner hyphens: a DNS label (RFC 1123), so that the name fits in
/// topics, paths and labels.
fn check_tenant(tenant: &str) -> Result<(), KeyError> {
    let charset = tenant.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let hyphens = tenant.starts_with('-') || tenant.ends_with('-');
    if tenant.is_empty() || tenant.len() > TENANT_BYTES_MAX || !charset || hyphens {
        return Err(KeyError::TenantName);
    }
    Ok(())
}

fn check_epoch_days(epoch_days: u32) -> Result<(), KeyError> {
    if epoch_days == 0 || epoch_days > EPOCH_DAYS_MAX {
        return Err(KeyError::EpochDays(epoch_days));
    }
    Ok(())
}

/// Every epoch and every key id occurs once. `epochs` is sorted.
fn check_distinct(epochs: &[EpochKeys]) -> Result<(), KeyError> {
    if epochs.is_empty() {
        return Err(KeyError::NoEpochs);
    }
    let mut previous: Vec<&EpochKeys> = Vec::with_capacity(epochs.len());
    for keys in epochs {
        if previous.last().is_some_and(|p| p.epoch() == keys.epoch()) {
            return Err(KeyError::DuplicateEpoch(keys.epoch()));
        }
        if let Some(other) = previous.iter().find(|p| p.kid() == keys.kid()) {
            return Err(KeyError::KeyIdCollision { first: other.epoch(), second: keys.epoch(), id: keys.key_id() });
        }
        previous.push(keys);
    }
    Ok(())
}

impl fmt::Display for KeyEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Keyring {
    /// Tenant and epoch numbers only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({}, {} epochs of {} days)", self.tenant, self.epochs.len(), self.epoch_days)
    }
}
