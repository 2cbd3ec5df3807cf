//! Sealing: quarantined records are kept so that only the holder of the keyring can open them.
//!
//! AES-256-GCM (NIST SP 800-38D) under a key of its own for every record, HKDF-Expand(seal secret, label and salt), so
//! that however many records are sealed, random nonces stay far from GCM's bound of 2^32 messages per key.
//!
//! ```text
//! offset  bytes  what
//! 0       4      magic "LVS1"
//! 4       4      id of the seal key, ASCII
//! 8       16     salt
//! 24      12     nonce
//! 36      n      ciphertext, as long as the plaintext
//! 36 + n  16     tag
//! ```

use super::secret::{KeyId, Secret};
use super::{KeyError, SealSecret};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use std::fmt;
use zeroize::Zeroizing;

/// First bytes of everything sealed: format and its version.
const MAGIC: [u8; 4] = *b"LVS1";

/// Label under which the keys of records are derived; the salt follows it.
const SEAL_LABEL: &[u8] = b"logveil/seal/v1";

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Bytes before the ciphertext.
const HEADER_BYTES: usize = MAGIC.len() + KeyId::BYTES + SALT_BYTES + NONCE_BYTES;

/// How many bytes longer a sealed record is than its plaintext.
pub const SEALED_OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// The key that seals a tenant's records. Wiped on drop; `Debug` tells its id only.
///
/// ```compile_fail
/// fn print(key: &logveil::keys::SealKey) { println!("{key}"); } // no `Display`
/// ```
/// ```compile_fail
/// fn save(key: &logveil::keys::SealKey) -> String { serde_json::to_string(key).unwrap() } // no `Serialize`
/// ```
pub struct SealKey {
    secret: SealSecret,
    key_id: KeyId,
}

/// Randomness for sealing one record: a salt and a nonce. Used up by [`SealKey::seal`], so it cannot serve twice.
///
/// ```compile_fail
/// fn twice(key: &logveil::keys::SealKey, random: logveil::keys::SealRandom) {
///     key.seal(random, b"", b"first");
///     key.seal(random, b"", b"second"); // `random` was moved
/// }
/// ```
pub struct SealRandom {
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
}

/// A sealed record. Only this file makes one, so whoever holds it holds no cleartext.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why a sealed record does not open. Tells nothing of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes do not start like something sealed.
    #[error("not a sealed record")]
    NotSealed,
    /// The bytes end too early.
    #[error("sealed record is cut off: {length} bytes, at least {SEALED_OVERHEAD_BYTES} wanted")]
    Truncated {
        /// Bytes there are.
        length: usize,
    },
    /// It was sealed under another key.
    #[error("sealed under key `{sealed}`, the keyring has `{keyring}`")]
    OtherKey {
        /// Id of the key it was sealed under.
        sealed: KeyId,
        /// Id of the keyring's key.
        keyring: KeyId,
    },
    /// The key fits but the tag does not: bytes were changed or cut off, or the record is not the one the associated
    /// data names. The cipher cannot tell which.
    #[error("sealed record was changed, or belongs to another record")]
    Forged,
}

impl SealKey {
    pub(super) fn derive(secret: SealSecret) -> Result<Self, KeyError> {
        if secret.secret().is_zero() {
            return Err(KeyError::WeakSealKey);
        }
        let key_id = secret.secret().key_id();
        Ok(Self { secret, key_id })
    }

    /// The public id of the key: 4 lower-case base32 characters.
    pub fn kid(&self) -> &str {
        self.key_id.as_str()
    }

    /// Seals `plaintext` so that it opens only with the same `aad`, which is authenticated but not stored.
    ///
    /// Give as `aad` what the record must not be separated from, such as its topic, partition and offset. `random` must
    /// be fresh from the operating system.
    pub fn seal(&self, random: SealRandom, aad: &[u8], plaintext: &[u8]) -> Sealed {
        let cipher = record_cipher(self.secret.secret(), &random.salt);
        let ciphertext = cipher
            .encrypt(&random.nonce.into(), Payload { msg: plaintext, aad })
            .expect("GCM refuses only 64 GiB and more, and Kafka counts a record's bytes in 31 bits");
        let mut sealed = Vec::with_capacity(HEADER_BYTES + ciphertext.len());
        sealed.extend_from_slice(&MAGIC);
        sealed.extend_from_slice(self.key_id.as_bytes());
        sealed.extend_from_slice(&random.salt);
        sealed.extend_from_slice(&random.nonce);
        sealed.extend_from_slice(&ciphertext);
        Sealed(sealed)
    }

    /// Opens what [`SealKey::seal`] made with the same key and `aad`. The plaintext is wiped when it is dropped.
    ///
    /// # Errors
    /// The variants of [`OpenError`]. Nothing of the plaintext is released unless all of it is authentic.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let rest = sealed.strip_prefix(&MAGIC).ok_or(OpenError::NotSealed)?;
        let truncated = OpenError::Truncated { length: sealed.len() };
        let (key_id, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(truncated)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(truncated);
        }
        let key_id = KeyId::from_bytes(*key_id).ok_or(OpenError::NotSealed)?;
        if key_id != self.key_id {
            return Err(OpenError::OtherKey { sealed: key_id, keyring: self.key_id });
        }
        let cipher = record_cipher(self.secret.secret(), salt);
        let plaintext =
            cipher.decrypt(nonce.into(), Payload { msg: ciphertext, aad }).map_err(|_| OpenError::Forged)?;
        Ok(Zeroizing::new(plaintext))
    }
}

impl SealRandom {
    /// Bytes of randomness that sealing one record takes.
    pub const BYTES: usize = SALT_BYTES + NONCE_BYTES;

    /// Takes bytes that were drawn from the operating system for this record alone.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        let mut random = Self { salt: [0; SALT_BYTES], nonce: [0; NONCE_BYTES] };
        let (salt, nonce) = bytes.split_at(SALT_BYTES);
        random.salt.copy_from_slice(salt);
        random.nonce.copy_from_slice(nonce);
        random
    }
}

impl Sealed {
    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The sealed bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The cipher of the one record with this salt.
fn record_cipher(secret: &Secret, salt: &[u8; SALT_BYTES]) -> Aes256Gcm {
    let key = secret.expand::<32>(&[SEAL_LABEL, salt]);
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*key))
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.key_id)
    }
}

impl fmt::Debug for SealRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealRandom(..)")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
