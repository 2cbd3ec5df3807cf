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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn key(byte: u8) -> SealKey {
        SealKey::derive(SealSecret::new(&[byte; 32])).unwrap()
    }

    fn random(byte: u8) -> SealRandom {
        SealRandom::new([byte; SealRandom::BYTES])
    }

    #[test]
    fn format_is_as_documented() {
        let sealed = key(1).seal(SealRandom::new(std::array::from_fn(|i| i as u8)), b"position", b"plaintext");
        let bytes = sealed.as_bytes();
        assert_eq!(bytes.len(), SEALED_OVERHEAD_BYTES + 9);
        assert_eq!(&bytes[..4], b"LVS1");
        assert_eq!(&bytes[4..8], key(1).kid().as_bytes());
        assert_eq!(&bytes[8..36], std::array::from_fn::<u8, 28, _>(|i| i as u8));
        assert_eq!(format!("{sealed:?}"), "Sealed(61 bytes)");
    }

    #[test]
    fn the_cipher_is_aes_256_gcm_under_a_key_from_the_salt() {
        let mut record_key = [0; 32];
        let info = [b"logveil/seal/v1".as_slice(), &[7; 16]].concat();
        hkdf::Hkdf::<sha2::Sha256>::from_prk(&[1; 32]).unwrap().expand(&info, &mut record_key).unwrap();
        let cipher = Aes256Gcm::new(&record_key.into());
        let expect = cipher.encrypt(&[7; 12].into(), Payload { msg: b"plaintext", aad: b"position" }).unwrap();
        assert_eq!(&key(1).seal(random(7), b"position", b"plaintext").as_bytes()[36..], expect);
    }

    #[test]
    fn other_randomness_gives_other_bytes() {
        let first = key(1).seal(random(1), b"", b"plaintext");
        let second = key(1).seal(random(2), b"", b"plaintext");
        assert_ne!(first.as_bytes()[36..], second.as_bytes()[36..]);
    }

    #[test]
    fn wrong_associated_data_does_not_open() {
        let sealed = key(1).seal(random(1), b"quarantine/0@7", b"plaintext");
        assert_eq!(key(1).open(b"quarantine/0@8", sealed.as_bytes()), Err(OpenError::Forged));
    }

    #[test]
    fn another_key_is_named() {
        let sealed = key(1).seal(random(1), b"", b"plaintext");
        let error = key(2).open(b"", sealed.as_bytes()).unwrap_err();
        let expect = format!("sealed under key `{}`, the keyring has `{}`", key(1).kid(), key(2).kid());
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn what_was_not_sealed_is_told_apart_from_what_was_cut_off() {
        let sealed = key(1).seal(random(1), b"", b"").into_bytes();
        assert_eq!(key(1).open(b"", b"LVS2 and more").unwrap_err(), OpenError::NotSealed);
        assert_eq!(key(1).open(b"", b"").unwrap_err(), OpenError::NotSealed);
        for length in 4..SEALED_OVERHEAD_BYTES {
            assert_eq!(key(1).open(b"", &sealed[..length]).unwrap_err(), OpenError::Truncated { length });
        }
        let mut odd_key_id = sealed;
        odd_key_id[5] = b'\n';
        assert_eq!(key(1).open(b"", &odd_key_id).unwrap_err(), OpenError::NotSealed);
    }

    #[test]
    fn cut_off_ciphertext_does_not_open() {
        let sealed = key(1).seal(random(1), b"", b"plaintext");
        let bytes = sealed.as_bytes();
        assert_eq!(key(1).open(b"", &bytes[..bytes.len() - 1]), Err(OpenError::Forged));
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed(
            bytes in any::<[u8; SealRandom::BYTES]>(),
            aad in vec(any::<u8>(), 0..64),
            plaintext in vec(any::<u8>(), 0..512),
        ) {
            let sealed = key(1).seal(SealRandom::new(bytes), &aad, &plaintext);
            let opened = key(1).open(&aad, sealed.as_bytes()).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext);
        }

        #[test]
        fn any_flipped_bit_is_noticed(bit in 0_usize..(SEALED_OVERHEAD_BYTES + 9) * 8) {
            let mut sealed = key(1).seal(random(1), b"position", b"plaintext").into_bytes();
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(key(1).open(b"position", &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..128)) {
            let sealed = [b"LVS1".as_slice(), key(1).kid().as_bytes(), &bytes].concat();
            prop_assert!(key(1).open(b"", &bytes).is_err());
            prop_assert!(key(1).open(b"", &sealed).is_err());
        }
    }
}
