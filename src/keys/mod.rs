//! Keys and what is made with them: pseudonyms, prefix-preserving addresses, sealed boxes. The only room that sees key
//! bytes.
//!
//! Knows: cryptography, classes, canonical bytes. Must not know where keys are stored, what time it is, or where
//! randomness comes from: all three come in as arguments. Start at [`Keyring`].
//!
//! One tenant has one [`Keyring`]: a secret per epoch, drawn independently so that destroying one really ends its
//! pseudonyms, and one secret for sealing. Everything else is derived downward from these and never stored.

mod lanes;
mod prefix;
mod pseudonym;
mod seal;
mod secret;

pub use lanes::Lanes;
pub use pseudonym::{EpochKeys, TokenText};
pub use seal::{OpenError, SEALED_OVERHEAD_BYTES, SealKey, SealRandom, Sealed};
pub use secret::{EpochSecret, KeyId, SealSecret, SecretError};

use std::collections::BTreeMap;
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
        Self::check(tenant, epoch_days)?;
        let mut epochs = epochs
            .into_iter()
            .map(|(epoch, secret)| EpochKeys::derive(tenant, epoch, &secret))
            .collect::<Result<Vec<_>, _>>()?;
        epochs.sort_by_key(EpochKeys::epoch);
        check_distinct(&epochs)?;
        Ok(Self { tenant: tenant.to_owned(), epoch_days, epochs, seal_key: SealKey::derive(seal)? })
    }

    /// Whether a keyring of this name and epoch length can be made; asked before keys are drawn for it.
    ///
    /// # Errors
    /// [`KeyError::TenantName`] and [`KeyError::EpochDays`].
    pub fn check(tenant: &str, epoch_days: u32) -> Result<(), KeyError> {
        check_tenant(tenant)?;
        check_epoch_days(epoch_days)
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
    let mut ids = BTreeMap::new();
    let mut previous = None;
    for keys in epochs {
        let (epoch, id) = (keys.epoch(), keys.key_id());
        if previous.replace(epoch) == Some(epoch) {
            return Err(KeyError::DuplicateEpoch(epoch));
        }
        if let Some(first) = ids.insert(id, epoch) {
            return Err(KeyError::KeyIdCollision { first, second: epoch, id });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seal_secret() -> SealSecret {
        SealSecret::new(&[0x5e; 32])
    }

    fn epoch(number: u32, byte: u8) -> (KeyEpoch, EpochSecret) {
        (KeyEpoch(number), EpochSecret::new(&[byte; 32]))
    }

    #[track_caller]
    fn check_refused(tenant: &str, epoch_days: u32, epochs: Vec<(KeyEpoch, EpochSecret)>, expect: &str) {
        let error = Keyring::new(tenant, epoch_days, epochs, seal_secret()).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn epochs_are_found_by_number_in_any_order_of_input() {
        let keyring = Keyring::new("acme", 30, vec![epoch(9, 1), epoch(7, 2), epoch(8, 3)], seal_secret()).unwrap();
        let numbers: Vec<KeyEpoch> = keyring.epochs().map(EpochKeys::epoch).collect();
        assert_eq!(numbers, [KeyEpoch(7), KeyEpoch(8), KeyEpoch(9)]);
        for number in numbers {
            assert_eq!(keyring.at(number).unwrap().epoch(), number);
        }
        for number in [0, 6, 10, u32::MAX] {
            assert_eq!(keyring.at(KeyEpoch(number)).unwrap_err(), KeyError::NeverProvisioned(KeyEpoch(number)));
        }
    }

    #[test]
    fn bad_keyrings_are_refused() {
        check_refused("acme", 30, vec![], "the keyring has no epoch");
        check_refused("acme", 30, vec![epoch(7, 1), epoch(8, 2), epoch(7, 3)], "epoch 7 has two keys");
        check_refused("acme", 30, vec![epoch(7, 0)], "the key of epoch 7 is not random");
        let days = |days| format!("an epoch of {days} days is out of range: it lasts 1 to 366 days");
        check_refused("acme", 0, vec![epoch(7, 1)], &days(0));
        check_refused("acme", 367, vec![epoch(7, 1)], &days(367));
        let unsealable = Keyring::new("acme", 30, vec![epoch(7, 1)], SealSecret::new(&[0; 32]));
        assert_eq!(unsealable.unwrap_err(), KeyError::WeakSealKey);
    }

    #[test]
    fn one_key_for_two_epochs_is_refused() {
        let id = EpochSecret::new(&[1; 32]).key_id();
        let expect = format!("the keys of epochs 7 and 9 have the same id `{id}`");
        check_refused("acme", 30, vec![epoch(9, 1), epoch(8, 2), epoch(7, 1)], &expect);
    }

    #[test]
    fn tenant_names_are_dns_labels() {
        for tenant in ["a", "acme", "acme-2", "0", &"a".repeat(63)] {
            assert_eq!(Keyring::check(tenant, 30), Ok(()));
        }
        for tenant in ["", "Acme", "-acme", "acme-", "ac me", "ac.me", "ac\"me", "\u{e4}", &"a".repeat(64)] {
            assert_eq!(Keyring::check(tenant, 30), Err(KeyError::TenantName));
        }
    }

    #[test]
    fn times_belong_to_epochs() {
        let day_ms = 86_400_000;
        let keyring = Keyring::new("acme", 30, vec![epoch(0, 1)], seal_secret()).unwrap();
        assert_eq!(keyring.epoch_at(0), Some(KeyEpoch(0)));
        assert_eq!(keyring.epoch_at(30 * day_ms - 1), Some(KeyEpoch(0)));
        assert_eq!(keyring.epoch_at(30 * day_ms), Some(KeyEpoch(1)));
        assert_eq!(keyring.epoch_at(1_795_392_000_000), Some(KeyEpoch(692)));
        assert_eq!(keyring.epoch_at(TIMESTAMP_MS_MAX), Some(KeyEpoch(97_763)));
    }

    #[test]
    fn absurd_times_belong_to_none() {
        let microseconds = 1_795_392_000_000_000;
        for timestamp_ms in [-1, i64::MIN, TIMESTAMP_MS_MAX + 1, microseconds, i64::MAX] {
            assert_eq!(epoch_at(30, timestamp_ms), None);
        }
        assert_eq!(epoch_at(0, 1), None);
    }

    #[test]
    fn an_epoch_contains_its_times_and_no_others() {
        for epoch_days in [1, 7, 30, 366] {
            for number in [0, 1, 692] {
                let range = epoch_range_ms(epoch_days, KeyEpoch(number));
                assert_eq!(epoch_at(epoch_days, range.start), Some(KeyEpoch(number)));
                assert_eq!(epoch_at(epoch_days, range.end - 1), Some(KeyEpoch(number)));
                assert_eq!(epoch_at(epoch_days, range.end), Some(KeyEpoch(number + 1)));
            }
        }
    }

    #[test]
    fn debug_prints_no_key() {
        let keyring = Keyring::new("acme", 30, vec![epoch(7, 1)], seal_secret()).unwrap();
        let keys = keyring.at(KeyEpoch(7)).unwrap();
        assert_eq!(format!("{keyring:?}"), "Keyring(acme, 1 epochs of 30 days)");
        assert_eq!(format!("{keys:?}"), format!("EpochKeys(epoch 7, key {})", keys.kid()));
        assert_eq!(format!("{:?}", keyring.seal_key()), format!("SealKey({})", keyring.seal_key().kid()));
    }
}
