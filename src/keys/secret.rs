//! The secrets a keyring is made from, and how they are derived and written down.

use data_encoding::BASE64;
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use std::str;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of a secret, in bytes: 256 bits.
const SECRET_BYTES: usize = 32;

/// Length of a secret written in base64, in characters.
const SECRET_CHARS: usize = 44;

/// Label under which key ids are derived.
const KEY_ID_LABEL: &[u8] = b"logveil/kid/v1";

/// The secret of one tenant and epoch. Wiped on drop; `Debug` prints no byte of it.
///
/// ```compile_fail
/// let secret = logveil::keys::EpochSecret::new(&[7; 32]);
/// println!("{secret}"); // no `Display`
/// ```
/// ```compile_fail
/// let secret = logveil::keys::EpochSecret::new(&[7; 32]);
/// serde_json::to_string(&secret); // no `Serialize`
/// ```
/// ```
/// let secret = logveil::keys::EpochSecret::new(&[7; 32]);
/// assert_eq!(format!("{secret:?}"), "EpochSecret(..)");
/// ```
pub struct EpochSecret(Secret);

/// The secret that quarantined records of one tenant are sealed under. Wiped on drop; `Debug` prints no byte of it.
///
/// ```compile_fail
/// let secret = logveil::keys::SealSecret::new(&[7; 32]);
/// println!("{secret}"); // no `Display`
/// ```
/// ```
/// let secret = logveil::keys::SealSecret::new(&[7; 32]);
/// assert_eq!(format!("{secret:?}"), "SealSecret(..)");
/// ```
pub struct SealSecret(Secret);

/// Public name of a key: 4 lower-case base32 characters derived from it. Tells keys apart, tells nothing about them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

/// A text is not a secret. Says nothing about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key wants {SECRET_BYTES} bytes in base64, {SECRET_CHARS} characters")]
pub struct SecretError;

impl EpochSecret {
    /// Copies a secret that the caller drew at random; wiping the original is left to the caller.
    pub fn new(bytes: &[u8; SECRET_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads a secret from its base64 text (RFC 4648 section 4, padded).
    ///
    /// # Errors
    /// [`SecretError`] for any other text or length.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        Secret::from_base64(text).map(Self)
    }

    /// The secret as base64 text. This makes a secret printable: only the writer of a key file may call it.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    /// The id that the epoch's pseudonyms carry.
    pub fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl SealSecret {
    /// Copies a secret that the caller drew at random; wiping the original is left to the caller.
    pub fn new(bytes: &[u8; SECRET_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads a secret from its base64 text (RFC 4648 section 4, padded).
    ///
    /// # Errors
    /// [`SecretError`] for any other text or length.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        Secret::from_base64(text).map(Self)
    }

    /// The secret as base64 text. This makes a secret printable: only the writer of a key file may call it.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl KeyId {
    /// Length, in bytes.
    pub(super) const BYTES: usize = 4;

    /// Reads an id; `None` unless it is 4 lower-case base32 characters.
    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')).then_some(Self(bytes))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("a key id is made of base32 characters, which are ASCII")
    }

    /// The id as ASCII bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// 256 secret bits. They stay at one place on the heap, so that moving the secret leaves no copies behind.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret(Box<[u8; SECRET_BYTES]>);

impl Secret {
    fn new(bytes: &[u8; SECRET_BYTES]) -> Self {
        let mut secret = Self(Box::new([0; SECRET_BYTES]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    fn from_base64(text: &str) -> Result<Self, SecretError> {
        if text.len() != SECRET_CHARS {
            return Err(SecretError);
        }
        // 44 characters may stand for up to 33 bytes.
        let mut decoded = Zeroizing::new([0; SECRET_BYTES + 1]);
        let length = BASE64.decode_mut(text.as_bytes(), decoded.as_mut_slice()).map_err(|_| SecretError)?;
        let bytes = decoded.get(..length).and_then(|bytes| bytes.try_into().ok()).ok_or(SecretError)?;
        Ok(Self::new(bytes))
    }

    fn to_base64(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_CHARS));
        BASE64.encode_append(self.0.as_slice(), &mut text);
        text
    }

    /// Whether all bits are zero: an unset key, not a random one.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().fold(0, |seen, byte| seen | byte) == 0
    }

    /// Derives a key for one purpose: HKDF-Expand (RFC 5869) with the secret as pseudorandom key.
    ///
    /// The secret is uniformly random already, so there is no extract step (RFC 5869, section 3.3). `info` is the
    /// concatenation of its parts.
    pub(super) fn expand<const N: usize>(&self, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        let hkdf = Hkdf::<Sha256>::from_prk(self.0.as_slice()).expect("32 bytes are as long as SHA-256's output");
        let mut key = Zeroizing::new([0; N]);
        hkdf.expand_multi_info(info, key.as_mut_slice()).expect("keys are far shorter than 255 hash outputs");
        key
    }

    /// The key's public name: the first 20 bits of a key derived for nothing else.
    pub(super) fn key_id(&self) -> KeyId {
        let derived = self.expand::<5>(&[KEY_ID_LABEL]);
        let mut text = [0; 8];
        encode_base32_lower(derived.as_slice(), &mut text);
        let [a, b, c, d, ..] = text;
        KeyId([a, b, c, d])
    }
}

/// Writes lower-case base32 (RFC 4648, section 6). `text` holds 8 characters for each 5 bytes, and there is no remainder.
pub(super) fn encode_base32_lower(bytes: &[u8], text: &mut [u8]) {
    for (bytes, text) in bytes.as_chunks::<5>().0.iter().zip(text.as_chunks_mut::<8>().0) {
        let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        *text = base32_characters(bits).to_be_bytes();
    }
}

/// The eight characters of 40 bits, all at once: the first in the highest byte.
fn base32_characters(bits: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    /// Digits that are letters.
    const LETTERS: u64 = 26;
    /// By how much the decimal digits come before where a 27th letter would stand.
    const BACK: u64 = b'a' as u64 + LETTERS - b'2' as u64;
    // Five bits to each byte, by halves.
    let halves = bits & 0xf_ffff | (bits & 0xff_fff0_0000) << 12;
    let quarters = halves & 0x0000_03ff_0000_03ff | (halves & 0x000f_fc00_000f_fc00) << 6;
    let digits = quarters & 0x001f_001f_001f_001f | (quarters & 0x03e0_03e0_03e0_03e0) << 3;
    // A digit from the 27th on carries into its byte's highest bit.
    let beyond = (digits + (0x80 - LETTERS) * EACH) >> 7 & EACH;
    digits + u64::from(b'a') * EACH - beyond * BACK
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret(..)")
    }
}

impl fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealSecret(..)")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_round_trip() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8);
        let secret = EpochSecret::new(&bytes);
        let text = secret.to_base64();
        assert_eq!(text.as_str(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let again = EpochSecret::from_base64(&text).unwrap();
        assert_eq!(again.0.0.as_slice(), bytes);
    }

    #[test]
    fn other_lengths_and_alphabets_are_refused() {
        let short = BASE64.encode(&[7; 31]);
        let long = BASE64.encode(&[7; 33]);
        let url_safe = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8=";
        // The last character carries two bits that must be zero: one key, one text.
        let loose_bits = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=";
        for text in [short.as_str(), &long, url_safe, loose_bits, "", "=", "\u{fc}"] {
            assert!(EpochSecret::from_base64(text).is_err());
            assert!(SealSecret::from_base64(text).is_err());
        }
    }

    #[test]
    fn every_digit_at_every_place() {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        for (digit, character) in (0_u64..).zip(ALPHABET) {
            for place in 0..8 {
                let mut expected = [b'a'; 8];
                expected[7 - place] = *character;
                assert_eq!(base32_characters(digit << (5 * place)).to_be_bytes(), expected);
            }
        }
    }

    #[test]
    fn base32_is_that_of_the_crate() {
        for first in 0..=u8::MAX {
            let bytes: [u8; 15] = std::array::from_fn(|at| first.wrapping_mul(at as u8 + 1).wrapping_add(at as u8));
            let mut text = [0; 24];
            encode_base32_lower(&bytes, &mut text);
            assert_eq!(text, data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase().as_bytes());
        }
    }

    #[test]
    fn zeroize_wipes_the_bytes_in_place() {
        let mut secret = Secret::new(&[0xa5; 32]);
        assert!(!secret.is_zero());
        secret.zeroize();
        assert!(secret.is_zero());
    }

    #[test]
    fn key_ids_are_base32_and_differ() {
        let ids: Vec<KeyId> = (1..=64).map(|i| EpochSecret::new(&[i; 32]).key_id()).collect();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(KeyId::from_bytes(*id.as_bytes()), Some(*id));
            assert!(!ids[..index].contains(id));
        }
        assert_eq!(KeyId::from_bytes(*b"AB23"), None);
        assert_eq!(KeyId::from_bytes(*b"ab18"), None);
    }
}
