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

use super::lanes::LaneKeys;
use super::prefix::PrefixKey;
use super::secret::{KeyId, Secret, encode_base32_lower};
use super::{EpochSecret, KeyEpoch, KeyError};
use crate::canon;
use crate::kernels::{aes, sha256};
use crate::rules::Class;
use hmac::{Hmac, KeyInit, Mac};
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
pub(super) const TOKEN_CHARS: usize = 24;

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
    /// What stands before a token of each class, `class.kid_`, in the order of [`Class::ALL`].
    heads: Box<[Box<[u8]>]>,
    /// One keyed HMAC state per class, in the order of [`Class::ALL`]. A state is as secret as its key.
    states: Box<[Hmac<Sha256>]>,
    /// The same keys, for tokens side by side.
    lane_keys: LaneKeys,
    prefix: PrefixKey,
}

impl TokenText {
    /// The token of a code.
    pub(super) fn of_code(code: &[u8; 32]) -> Self {
        let mut text = [0; TOKEN_CHARS];
        encode_base32_lower(&code[..TOKEN_BYTES], &mut text);
        Self(text)
    }

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
        let prefix_key = secret.expand::<{ PrefixKey::BYTES }>(&[PREFIX_LABEL]);
        let (first, second) = prefix_key.split_at(PrefixKey::BYTES / 2);
        if secret.is_zero() || first == second {
            return Err(KeyError::WeakEpochKey(epoch));
        }
        let keys: Vec<_> = Class::ALL.iter().map(|class| class_key(secret, tenant, epoch, *class)).collect();
        let states: Box<[_]> = keys.iter().map(|key| keyed_state(key)).collect();
        let lane_keys = LaneKeys::new(&keys, &states, sha256::Instructions::best());
        let prefix = PrefixKey::new(&prefix_key, aes::Instructions::best());
        let key_id = secret.key_id();
        let head = |class: &Class| [class.code().as_bytes(), b".", key_id.as_bytes(), b"_"].concat().into();
        let heads = Class::ALL.iter().map(head).collect();
        Ok(Self { epoch, key_id, heads, states, lane_keys, prefix })
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

    /// The token of canonical bytes (see [`canon::canonical`]) of a class. Allocates nothing.
    pub fn token(&self, class: Class, canonical: &[u8]) -> TokenText {
        // The discriminant is the position in `Class::ALL`, which lists the classes in declaration order.
        let mut mac = self.states[class as usize].clone();
        mac.update(canonical);
        TokenText::of_code(mac.finalize().into_bytes().as_ref())
    }

    /// Appends the pseudonym of canonical bytes to `out`: `class.kid_` and the token.
    ///
    /// With `network`, an address, `_` and the token of its /24 (IPv4) or /48 (IPv6) follow, so that equal networks can
    /// be grouped and nothing else about the address shows. It is the token that the network has where it stands itself.
    pub fn write_pseudonym(&self, class: Class, canonical: &[u8], network: Option<IpAddr>, out: &mut Vec<u8>) {
        self.write_head(class, out);
        out.extend_from_slice(self.token(class, canonical).as_bytes());
        if let Some(address) = network {
            out.push(b'_');
            out.extend_from_slice(self.network_token(canon::network(address)).as_bytes());
        }
    }

    /// Appends what stands before the token: `class.kid_`.
    pub(super) fn write_head(&self, class: Class, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.heads[class as usize]);
    }

    pub(super) fn lane_keys(&self) -> &LaneKeys {
        &self.lane_keys
    }

    #[cfg(test)]
    pub(super) fn lane_keys_mut(&mut self) -> &mut LaneKeys {
        &mut self.lane_keys
    }

    /// The token of a network.
    fn network_token(&self, network: IpNet) -> TokenText {
        let mut canonical = [0; canon::NETWORK_BYTES_MAX];
        self.token(Class::Network, canon::write_network(network, &mut canonical))
    }

    /// Another address of the same family; addresses that share a prefix share a prefix of the same length afterwards.
    ///
    /// This is `ipcrypt-pfx` of draft-denis-ipcrypt; an IPv4-mapped address counts as IPv4. Weaker than a token: every
    /// pair of an address and its image that someone learns (by sending requests and finding them in the output) gives
    /// away the prefixes it shares with all others.
    ///
    /// Costs 30 to 60 ns (IPv4) and 400 to 600 ns (IPv6) where the CPU has AES instructions, 1 to 4 µs elsewhere; the first IPv4
    /// address about a millisecond, in which a table of 128 KiB is made.
    pub fn prefix(&self, address: IpAddr) -> IpAddr {
        // The draft wants both spellings of ::ffff:a.b.c.d to give the same output.
        self.prefix.encrypt(address.to_canonical())
    }
}

/// The key of a class; see the head of this file.
fn class_key(secret: &Secret, tenant: &str, epoch: KeyEpoch, class: Class) -> Zeroizing<[u8; 32]> {
    let code = class.code();
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

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use hkdf::Hkdf;
    use ipcrypt_rs::IpcryptPfx;
    use proptest::prelude::*;
    use std::array;

    /// The secret of the golden vectors: 00 01 .. 1f.
    fn golden_secret() -> EpochSecret {
        EpochSecret::new(&array::from_fn(|i| i as u8))
    }

    fn golden_keys(tenant: &str, epoch: u32) -> EpochKeys {
        EpochKeys::derive(tenant, KeyEpoch(epoch), &golden_secret()).unwrap()
    }

    #[track_caller]
    fn check_token(class: Class, canonical: &str, expect: &str) {
        let canonical = HEXLOWER.decode(canonical.as_bytes()).unwrap();
        assert_eq!(golden_keys("acme", 20_260).token(class, &canonical).as_str(), expect);
    }

    // The golden vectors were computed with Python's hmac and hashlib from the construction at the head of this file.

    #[test]
    fn golden_class_key() {
        let key = class_key(golden_secret().secret(), "acme", KeyEpoch(20_260), Class::Ip);
        let expect = "1af307ee11dfb8e9e6593b2cf3c3486ccce6f77ede500c48a2d34d308b3efb66";
        assert_eq!(HEXLOWER.encode(key.as_slice()), expect);

        // The same from the info as it is written down.
        let info = "6c6f677665696c2f70736575646f6e796d2f763100000461636d65000269700000000000004f24";
        let mut again = [0; 32];
        let secret: [u8; 32] = array::from_fn(|i| i as u8);
        let hkdf = Hkdf::<Sha256>::from_prk(&secret).unwrap();
        hkdf.expand(&HEXLOWER.decode(info.as_bytes()).unwrap(), &mut again).unwrap();
        assert_eq!(again, *key);
    }

    #[test]
    fn golden_tokens() {
        check_token(Class::Ip, "04c0000201", "aynho5c7k6uyxxxofphiqcuy");
        check_token(Class::Ip, "0620010db8000000000000000000000001", "bymaskpxdyixfvw5je62crgl");
        check_token(Class::Network, "0418c0000200", "lt6hrn55o6obzju326dlju6x");
        check_token(Class::Network, "064020010db8000000000000000000000000", "evy5y7tfiuhd5jmzygh3tsyq");
        check_token(Class::Device, "01f81d4fae7dec11d0a76500a0c91e6bf6", "mxdgfdvdqw5cjuf27rsahuni");
        check_token(Class::User, &format!("01{}", HEXLOWER.encode(b"alice@example.com")), "uvbocfkkegsr7uk4vggnokfh");
    }

    #[test]
    fn golden_spellings() {
        let keys = golden_keys("acme", 20_260);
        for (class, spelling, expect) in [
            (Class::Ip, "192.0.2.1", "aynho5c7k6uyxxxofphiqcuy"),
            (Class::Ip, "::ffff:192.0.2.1", "aynho5c7k6uyxxxofphiqcuy"),
            (Class::Ip, "2001:db8::1", "bymaskpxdyixfvw5je62crgl"),
            (Class::Ip, "2001:DB8:0:0:0:0:0:1", "bymaskpxdyixfvw5je62crgl"),
            (Class::Device, "{F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6}", "mxdgfdvdqw5cjuf27rsahuni"),
        ] {
            let mut canonical = Vec::new();
            assert_eq!(canon::canonical(class, spelling.as_bytes(), &mut canonical), class);
            assert_eq!(keys.token(class, &canonical).as_str(), expect);
        }
        for host in ["192.0.2.1", "192.0.2.254"] {
            let network = canon::network(host.parse().unwrap());
            assert_eq!(keys.network_token(network).as_str(), "lt6hrn55o6obzju326dlju6x");
        }
    }

    #[test]
    fn tenants_and_epochs_are_apart() {
        let message = [4, 192, 0, 2, 1];
        let ip = Class::Ip;
        assert_eq!(golden_keys("beta", 20_260).token(ip, &message).as_str(), "xboauuvdmn2duveqlwhb24r3");
        assert_eq!(golden_keys("acme", 20_261).token(ip, &message).as_str(), "5nbpaz3tyg4fuv6yewaqqnyf");
    }

    #[test]
    fn classes_are_apart() {
        let keys = golden_keys("acme", 20_260);
        let tokens: Vec<TokenText> = Class::ALL.map(|class| keys.token(class, b"same")).into();
        for (index, token) in tokens.iter().enumerate() {
            assert!(!tokens[..index].contains(token));
        }
    }

    /// What holds key material is wiped on drop: the features that do it are on in every crate.
    #[test]
    fn derived_keys_are_wiped() {
        fn check<T: zeroize::ZeroizeOnDrop>() {}
        check::<Secret>();
        check::<aes_gcm::Aes256Gcm>();
        check::<LaneKeys>();
        // What `Hmac` and `IpcryptPfx` consist of; these two leave the wiping to their fields.
        check::<Sha256>();
        check::<aes_gcm::aes::Aes128>();
    }

    #[test]
    fn classes_stand_at_their_index() {
        for (index, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
        }
        assert_eq!(golden_keys("acme", 1).states.len(), Class::ALL.len());
        assert_eq!(golden_keys("acme", 1).lane_keys.len(), Class::ALL.len());
    }

    #[test]
    fn pseudonyms_are_written_with_class_and_key_id() {
        let keys = golden_keys("acme", 20_260);
        let kid = keys.kid();
        let mut out = b"from ".to_vec();
        keys.write_pseudonym(Class::Ip, &[4, 192, 0, 2, 1], None, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("from ip.{kid}_aynho5c7k6uyxxxofphiqcuy"));

        let mut out = Vec::new();
        let address = "::ffff:192.0.2.1".parse().unwrap();
        keys.write_pseudonym(Class::Ip, &[4, 192, 0, 2, 1], Some(address), &mut out);
        let expect = format!("ip.{kid}_aynho5c7k6uyxxxofphiqcuy_lt6hrn55o6obzju326dlju6x");
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    #[test]
    fn networks_of_one_address_family_only_differ_by_their_48_bits() {
        let keys = golden_keys("acme", 20_260);
        let token = |address: &str| keys.network_token(canon::network(address.parse().unwrap()));
        assert_eq!(token("2001:db8:1::1"), token("2001:db8:1:ffff::2"));
        assert_ne!(token("2001:db8:1::1"), token("2001:db8:2::1"));
        assert_ne!(token("192.0.2.1"), token("192.0.3.1"));
    }

    #[test]
    fn an_unset_secret_is_refused() {
        let error = EpochKeys::derive("acme", KeyEpoch(7), &EpochSecret::new(&[0; 32])).unwrap_err();
        assert_eq!(error, KeyError::WeakEpochKey(KeyEpoch(7)));
    }

    /// The `ipcrypt-pfx` vectors of draft-denis-ipcrypt, from `test_vectors.json` in the repository
    /// ipcrypt-std/draft-denis-ipcrypt at e525566: key, address, encrypted address.
    const PREFIX_VECTORS: [(&str, &str, &str); 16] = [
        (PREFIX_KEY_1, "0.0.0.0", "151.82.155.134"),
        (PREFIX_KEY_1, "255.255.255.255", "94.185.169.89"),
        (PREFIX_KEY_1, "192.0.2.1", "100.115.72.131"),
        (PREFIX_KEY_1, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
        (PREFIX_KEY_2, "10.0.0.47", "19.214.210.244"),
        (PREFIX_KEY_2, "10.0.0.129", "19.214.210.80"),
        (PREFIX_KEY_2, "10.0.0.234", "19.214.210.30"),
        (PREFIX_KEY_2, "172.16.5.193", "210.78.229.136"),
        (PREFIX_KEY_2, "172.16.97.42", "210.78.179.241"),
        (PREFIX_KEY_2, "172.16.248.177", "210.78.121.215"),
        (PREFIX_KEY_2, "2001:db8::a5c9:4e2f:bb91:5a7d", "7cec:702c:1243:f70:1956:125:b9bd:1aba"),
        (PREFIX_KEY_2, "2001:db8::7234:d8f1:3c6e:9a52", "7cec:702c:1243:f70:a3ef:c8e:95c1:cd0d"),
        (PREFIX_KEY_2, "2001:db8::f1e0:937b:26d4:8c1a", "7cec:702c:1243:f70:443c:c8e:6a62:b64d"),
        (PREFIX_KEY_2, "2001:db8:3a5c:0:e7d1:4b9f:2c8a:f673", "7cec:702c:3503:bef:e616:96bd:be33:a9b9"),
        (PREFIX_KEY_2, "2001:db8:9f27:0:b4e2:7a3d:5f91:c8e6", "7cec:702c:a504:b74e:194a:3d90:b047:2d1a"),
        (PREFIX_KEY_2, "2001:db8:d8b4:0:193c:a5e7:8b2f:46d1", "7cec:702c:f840:aa67:1b8:e84f:ac9d:77fb"),
    ];
    const PREFIX_KEY_1: &str = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301";
    const PREFIX_KEY_2: &str = "2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a";

    /// Epoch keys with a given key for addresses, as the vectors want it.
    fn keys_with_prefix_key(key: &str) -> EpochKeys {
        let key: [u8; 32] = HEXLOWER.decode(key.as_bytes()).unwrap().try_into().unwrap();
        EpochKeys { prefix: PrefixKey::new(&key, aes::Instructions::best()), ..golden_keys("acme", 20_260) }
    }

    #[test]
    fn published_prefix_vectors() {
        for (key, address, expect) in PREFIX_VECTORS {
            let encrypted = keys_with_prefix_key(key).prefix(address.parse().unwrap());
            assert_eq!(encrypted, expect.parse::<IpAddr>().unwrap(), "{address}");
        }
    }

    #[test]
    fn mapped_addresses_are_encrypted_as_ipv4() {
        let encrypted = keys_with_prefix_key(PREFIX_KEY_1).prefix("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(encrypted, "100.115.72.131".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn prefix_key_is_derived_as_the_draft_says() {
        let secret: [u8; 32] = array::from_fn(|i| i as u8);
        let mut key = [0; 32];
        Hkdf::<Sha256>::from_prk(&secret).unwrap().expand(b"ipcrypt-pfx", &mut key).unwrap();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let expect = IpcryptPfx::new(key).encrypt_ipaddr(address);
        assert_eq!(golden_keys("acme", 20_260).prefix(address), expect);
        assert_ne!(expect, address);
    }

    fn bits(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    fn common_prefix_bits(first: IpAddr, second: IpAddr) -> u32 {
        (bits(first) ^ bits(second)).leading_zeros()
    }

    proptest! {
        #[test]
        fn common_prefixes_keep_their_length(first in any::<u32>(), flipped in 0..32_u32, noise in any::<u32>()) {
            let keys = golden_keys("acme", 20_260);
            let below = noise & (u32::MAX >> 1 >> flipped);
            let second = first ^ (1 << (31 - flipped)) ^ below;
            let [first, second] = [first, second].map(|bits| IpAddr::V4(bits.into()));
            prop_assert_eq!(common_prefix_bits(first, second), flipped);
            prop_assert_eq!(common_prefix_bits(keys.prefix(first), keys.prefix(second)), flipped);
        }

        #[test]
        fn tokens_are_base32_and_repeat(canonical in proptest::collection::vec(any::<u8>(), 0..200)) {
            let keys = golden_keys("acme", 20_260);
            let token = keys.token(Class::Text, &canonical);
            prop_assert!(token.as_bytes().iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')));
            prop_assert_eq!(token, keys.token(Class::Text, &canonical));
        }
    }
}
