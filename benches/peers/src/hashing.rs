//! The hashing that all rivals do: logveil's construction, from its public description (`logveil::keys`), with the crates
//! that anyone would take for it.

use crate::engine::{EPOCH, EPOCH_SECRET, TENANT};
use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use ipcrypt_rs::IpcryptPfx;
use logveil::rules::Class;
use sha2::Sha256;
use std::net::IpAddr;

/// Bytes of an HMAC that a token keeps.
const TOKEN_BYTES: usize = 15;

/// Characters of a token.
pub const TOKEN_CHARS: usize = 24;

/// The keys of all classes, ready to use.
pub struct Hashing {
    key_id: String,
    /// In the order of [`Class::ALL`].
    states: Vec<Hmac<Sha256>>,
    prefix: IpcryptPfx,
}

/// The key of a class, as `logveil::keys` derives it.
pub fn class_key(class: Class) -> [u8; 32] {
    let length = |text: &str| (text.len() as u16).to_be_bytes();
    let code = class.code();
    expand(&[
        b"logveil/pseudonym/v1\0",
        &length(TENANT),
        TENANT.as_bytes(),
        &length(code),
        code.as_bytes(),
        &u64::from(EPOCH.0).to_be_bytes(),
    ])
}

/// The key of prefix-preserving addresses.
pub fn prefix_key() -> [u8; 32] {
    expand(&[b"ipcrypt-pfx"])
}

fn expand(info: &[&[u8]]) -> [u8; 32] {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::from_prk(&EPOCH_SECRET).expect("the secret is as long as the hash");
    hkdf.expand_multi_info(info, &mut key).expect("the key is as long as the hash");
    key
}

impl Hashing {
    /// Derives all keys. `key_id` is the one that logveil writes into pseudonyms.
    pub fn new(key_id: &str) -> Self {
        let state = |class| Hmac::new_from_slice(&class_key(class)).expect("HMAC takes keys of any length");
        Self { key_id: key_id.to_owned(), states: Class::ALL.map(state).into(), prefix: IpcryptPfx::new(prefix_key()) }
    }

    /// The pseudonym of a value; `None` when it should be an address and is none.
    pub fn pseudonym(&self, class: Class, value: &str) -> Option<String> {
        let mut state = self.states[class as usize].clone();
        if class == Class::Ip {
            match value.parse::<IpAddr>().ok()?.to_canonical() {
                IpAddr::V4(address) => update(&mut state, 4, &address.octets()),
                IpAddr::V6(address) => update(&mut state, 6, &address.octets()),
            }
        } else if class == Class::Device {
            update(&mut state, 1, &uuid(value)?);
        } else if class == Class::User {
            update(&mut state, 1, value.to_ascii_lowercase().as_bytes());
        } else {
            update(&mut state, 1, value.as_bytes());
        }
        let mac = state.finalize().into_bytes();
        let mut text = String::with_capacity(class.code().len() + self.key_id.len() + 2 + TOKEN_CHARS);
        text.extend([class.code(), ".", &self.key_id, "_"]);
        BASE32_NOPAD.encode_append(&mac[..TOKEN_BYTES], &mut text);
        text.make_ascii_lowercase();
        Some(text)
    }

    /// Another address with the same prefixes; `None` when it is no address.
    pub fn prefixed(&self, value: &str) -> Option<String> {
        let address = value.parse::<IpAddr>().ok()?.to_canonical();
        Some(self.prefix.encrypt_ipaddr(address).to_string())
    }
}

fn update(state: &mut Hmac<Sha256>, tag: u8, canonical: &[u8]) {
    state.update(&[tag]);
    state.update(canonical);
}

fn uuid(value: &str) -> Option<[u8; 16]> {
    let mut digits = [0; 32];
    let mut bytes = [0; 16];
    let mut rest = digits.iter_mut();
    for digit in value.bytes().filter(|byte| *byte != b'-') {
        *rest.next()? = digit;
    }
    HEXLOWER_PERMISSIVE.decode_mut(&digits, &mut bytes).ok()?;
    Some(bytes)
}
