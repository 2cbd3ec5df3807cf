//! Pseudonyms and prefix-preserving addresses: what one epoch's key makes of canonical bytes.
//!
//! Construction, for a tenant `t`, an epoch `e` and its secret `EK`:
//!
//! ```text
//! info    = "logveil/pseudonym/v1" 00 | u16 len(t) | t | u16 len(type) | type | u64 e          (big-endian)
//! K[type] = HKDF-Expand-SHA256(EK, info, 32)                                    RFC 5869
//! token   = base32lower(HMAC-SHA256(K[type], canonical)[0..15])                 RFC 2104, RFC 4648
//! ```
//!
//! Every part of `info` is length-prefixed, so no two (tenant, type, epoch) share a key. 120 bits make a chance
//! collision among 10^9 entities of one class less likely than 10^-18 (birthday bound).
//!
//! A token is a pseudonym, not anonymous: whoever may ask for tokens of chosen values can confirm a guess, and all of
//! IPv4 can be tried in minutes. The right to call [`EpochKeys::token`] is the right to re-identify.

use super::secret::{KeyId, Secret, encode_base32_lower};
use super::{EpochSecret, KeyEpoch, KeyError};
use crate::canon;
use crate::rules::Class;
use hmac::{Hmac, KeyInit, Mac};
use ipcrypt_rs::IpcryptPfx;
use ipnet::IpNet;
use sha2::Sha256;
use std::fmt;
use std::net::IpAddr;
use std::str;
use zeroize::Zeroizing;

/// Label under which pseudonym keys are derived, closed by a zero byte.
const PSEUDONYM_LABEL: &[u8] = b"logveil/pseudonym/v1\0";

/// Label under which the key for prefix-preserving addresses is derived: the one draft-denis-ipcrypt gives.
const PREFIX_LABEL: &[u8] = b"ipcrypt-pfx";

/// Bytes of the HMAC that a token keeps.
const TOKEN_BYTES: usize = 15;

/// Characters of a token.
const TOKEN_CHARS: usize = 24;

/// First byte of an IPv4 network's canonical bytes.
const NETWORK_V4: u8 = 4;

/// First byte of an IPv6 network's canonical bytes.
const NETWORK_V6: u8 = 6;

/// What kind of thing a token stands for. Equal bytes in two domains give unrelated tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// An entity of this class.
    Class(Class),
    /// The network of an address.
    Network,
}

/// A token: 24 lower-case base32 characters. It is what replaces an entity, so it may be printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenText([u8; TOKEN_CHARS]);

/// The keys of one tenant and epoch. Wiped on drop; `Debug` tells epoch and key id only.
///
/// ```compile_fail
/// fn print(keys: &logveil::keys::EpochKeys) { println!("{keys}"); } // no `Display`
/// ```
/// ```compile_fail
/// fn save(keys: &logveil::keys::EpochKeys) -> String { serde_json::to_string(keys).unwrap() } // no `Serialize`
/// ```
pub struct EpochKeys {
    epoch: KeyEpoch,
    key_id: KeyId,
    /// One keyed HMAC state per domain, in the order of [`Domain::ALL`]. A state is as secret as its key.
    states: Box<[Hmac<Sha256>]>,
    prefix: IpcryptPfx,
}

impl Domain {
    /// Every domain, at its index.
    fn all() -> impl Iterator<Item = Self> {
        Class::ALL.into_iter().map(Self::Class).chain([Self::Network])
    }

    /// Position in [`Domain::all`].
    fn index(self) -> usize {
        match self {
            // The discriminant is the position in `Class::ALL`, which lists the classes in declaration order.
            Self::Class(class) => class as usize,
            Self::Network => Class::ALL.len(),
        }
    }

    /// The type string that goes into the derivation of the domain's key.
    fn code(self) -> &'static str {
        match self {
            Self::Class(class) => class.code(),
            Self::Network => "net",
        }
    }
}

impl TokenText {
    /// The token as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("a token is made of base32 characters, which are ASCII")
    }

    /// The token as ASCII bytes.
    pub fn as_bytes(&self) -> &[u8; TOKEN_CHARS] {
        &self.0
    }
}

impl EpochKeys {
    /// Derives every key of the epoch once.
    ///
    /// # Errors
    /// [`KeyError::WeakEpochKey`] when the secret is all zeros, or its prefix key has two equal halves, which would
    /// make [`EpochKeys::prefix`] return its input (chance 2^-128).
    pub(super) fn derive(tenant: &str, epoch: KeyEpoch, secret: &EpochSecret) -> Result<Self, KeyError> {
        let secret = secret.secret();
        let prefix_key = secret.expand::<{ IpcryptPfx::KEY_BYTES }>(&[PREFIX_LABEL]);
        let (first, second) = prefix_key.split_at(IpcryptPfx::KEY_BYTES / 2);
        if secret.is_zero() || first == second {
            return Err(KeyError::WeakEpochKey(epoch));
        }
        Ok(Self {
            epoch,
            key_id: secret.key_id(),
            states: Domain::all().map(|domain| keyed_state(&domain_key(secret, tenant, epoch, domain))).collect(),
            prefix: IpcryptPfx::new(*prefix_key),
        })
    }

    /// The epoch these keys belong to.
    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The id that this epoch's pseudonyms carry: 4 lower-case base32 characters.
    pub fn kid(&self) -> &str {
        self.key_id.as_str()
    }

    pub(super) fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The token of canonical bytes (see [`canon::canonical`]) in a domain. Allocates nothing.
    pub fn token(&self, domain: Domain, canonical: &[u8]) -> TokenText {
        let mut mac = self.states[domain.index()].clone();
        mac.update(canonical);
        let mac = mac.finalize().into_bytes();
        let mut text = [0; TOKEN_CHARS];
        encode_base32_lower(&mac[..TOKEN_BYTES], &mut text);
        TokenText(text)
    }

    /// Appends the pseudonym of canonical bytes to `out`: `class.kid_` and the token.
    ///
    /// With `network`, an address, `_` and the token of its /24 (IPv4) or /48 (IPv6) follow, so that equal networks can
    /// be grouped and nothing else about the address shows.
    pub fn write_pseudonym(&self, class: Class, canonical: &[u8], network: Option<IpAddr>, out: &mut Vec<u8>) {
        out.extend_from_slice(class.code().as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.key_id.as_bytes());
        out.push(b'_');
        out.extend_from_slice(self.token(Domain::Class(class), canonical).as_bytes());
        if let Some(address) = network {
            out.push(b'_');
            out.extend_from_slice(self.network_token(canon::network(address)).as_bytes());
        }
    }

    /// The token of a network.
    fn network_token(&self, network: IpNet) -> TokenText {
        match network {
            IpNet::V4(v4) => {
                let mut canonical = [NETWORK_V4, v4.prefix_len(), 0, 0, 0, 0];
                canonical[2..].copy_from_slice(&v4.network().octets());
                self.token(Domain::Network, &canonical)
            }
            IpNet::V6(v6) => {
                let mut canonical = [0; 18];
                canonical[0] = NETWORK_V6;
                canonical[1] = v6.prefix_len();
                canonical[2..].copy_from_slice(&v6.network().octets());
                self.token(Domain::Network, &canonical)
            }
        }
    }

    /// Another address of the same family; addresses that share a prefix share a prefix of the same length afterwards.
    ///
    /// This is `ipcrypt-pfx` of draft-denis-ipcrypt; an IPv4-mapped address counts as IPv4. Weaker than a token: every
    /// pair of an address and its image that someone learns (by sending requests and finding them in the output) gives
    /// away the prefixes it shares with all others. Costs about 1 µs (IPv4) to 4 µs (IPv6).
    pub fn prefix(&self, address: IpAddr) -> IpAddr {
        // The crate takes ::ffff:a.b.c.d for IPv6, the draft wants both spellings to give the same output.
        self.prefix.encrypt_ipaddr(address.to_canonical())
    }
}

/// The key of a domain; see the head of this file.
fn domain_key(secret: &Secret, tenant: &str, epoch: KeyEpoch, domain: Domain) -> Zeroizing<[u8; 32]> {
    let code = domain.code();
    secret.expand(&[
        PSEUDONYM_LABEL,
        &length_prefix(tenant),
        tenant.as_bytes(),
        &length_prefix(code),
        code.as_bytes(),
        &u64::from(epoch.0).to_be_bytes(),
    ])
}

/// Length of a text that is known to be short, as the derivation writes it.
fn length_prefix(text: &str) -> [u8; 2] {
    u16::try_from(text.len()).expect("tenant names and class codes have at most 63 bytes").to_be_bytes()
}

fn keyed_state(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl fmt::Display for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({self})")
    }
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochKeys(epoch {}, key {})", self.epoch, self.key_id)
    }
}
