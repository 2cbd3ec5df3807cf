//! Every kernel gives the same at all levels and with all instructions that this CPU has, and what other code than
//! logveil's gives.

use crate::input::Input;
use crate::veils;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit as _};
use hmac::{Hmac, Mac};
use ipcrypt_rs::IpcryptPfx;
use logveil::kernels::Level;
use logveil::kernels::aes::{self, BLOCKS};
use logveil::kernels::beginnings::{self, Beginnings};
use logveil::kernels::quotes::Quotes;
use logveil::kernels::sha256::{self, Block, KeyStates, LANES_MAX, MESSAGE_BYTES_MAX};
use logveil::keys::{EpochKeys, EpochSecret, KeyEpoch, Keyring, Lanes, SealSecret};
use logveil::rules::Class;
use sha2::Sha256;
use sha2::block_api::compress256;
use std::net::IpAddr;
use std::sync::OnceLock;

/// Checks one input with every kernel.
pub fn check(data: &[u8]) {
    check_quotes(data);
    check_beginnings(data);
    check_sha256(data);
    check_aes(&mut Input::new(data));
    check_tokens(&mut Input::new(data));
    check_prefix(&mut Input::new(data));
}

/// What is compared on this CPU, one a line: a kernel at a level or with instructions, and its twin.
pub fn compared() -> Vec<String> {
    let levels: Vec<Level> = faster_levels().collect();
    let by_level = ["quotes", "beginnings"]
        .into_iter()
        .flat_map(|kernel| levels.iter().map(move |level| format!("{kernel} {level:?} with Scalar")));
    let sha256 = sha256::Instructions::available().into_iter().map(|found| format!("sha256 {found:?} with hmac"));
    let aes = aes::Instructions::available().into_iter().map(|found| format!("aes {found:?} with aes"));
    let keys = ["tokens in lanes with hmac", "prefix with ipcrypt-rs"].map(str::to_owned);
    by_level.chain(sha256).chain(aes).chain(keys).collect()
}

fn faster_levels() -> impl Iterator<Item = Level> {
    Level::available().into_iter().filter(|level| *level != Level::SCALAR)
}

fn check_quotes(text: &[u8]) {
    let read = |level| {
        let mut quotes = Quotes::default();
        quotes.read(level, text);
        quotes
    };
    let plain = read(Level::SCALAR);
    faster_levels().for_each(|level| assert_eq!(read(level), plain, "{level:?}"));
}

/// The words come from the front of the input, and some of them stand in the text.
fn check_beginnings(data: &[u8]) {
    let mut input = Input::new(data);
    let count = input.below(12);
    let words: Vec<[u8; beginnings::BYTES]> =
        (0..count).map(|_| input.bytes().map(|byte: u8| byte.to_ascii_lowercase())).collect();
    let mut text = input.rest().to_vec();
    for (number, word) in words.iter().enumerate() {
        let at = text.len() * number / (count + 1);
        text.splice(at..at, *word);
    }
    let mut beginnings = Beginnings::default();
    words.iter().enumerate().for_each(|(number, word)| beginnings.add(number, *word));
    let find = |level| {
        let mut found = Vec::new();
        beginnings.find(level, &text, &mut found);
        found
    };
    let plain = find(Level::SCALAR);
    let stand = |word: &[u8; beginnings::BYTES]| text.windows(beginnings::BYTES).position(|place| place == word);
    for place in words.iter().filter_map(stand) {
        assert!(plain.contains(&(place as u32)), "the word at {place} of {} bytes is found", text.len());
    }
    faster_levels().for_each(|level| assert_eq!(find(level), plain, "{level:?}"));
}

/// Pieces of the input, each under a key of its own.
fn check_sha256(data: &[u8]) {
    let size = data.first().map_or(0, |first| usize::from(*first) % (MESSAGE_BYTES_MAX + 1));
    let messages: Vec<&[u8]> = data.chunks(size.max(1)).take(2 * LANES_MAX + 1).collect();
    let key = |at: usize| [data.len() as u8 ^ at as u8; 32];
    let states: Vec<KeyStates> = (0..messages.len()).map(|at| key_states(&key(at))).collect();
    let blocks: Vec<_> = states
        .iter()
        .zip(&messages)
        .map(|(states, message)| (states, Block::of(message).expect("pieces are short")))
        .collect();
    for instructions in sha256::Instructions::available() {
        let mut codes = vec![[0; 8]; blocks.len()];
        sha256::authenticate(instructions, &blocks, &mut codes);
        for (at, (code, message)) in codes.iter().zip(&messages).enumerate() {
            assert_eq!(code.map(u32::to_be_bytes).concat(), hmac(&key(at), message), "{instructions:?}, lane {at}");
        }
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// The states that a key leaves behind, after RFC 2104.
fn key_states(key: &[u8; 32]) -> KeyStates {
    let state = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        // FIPS 180-4, section 5.3.3.
        let mut state =
            [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
        compress256(&mut state, &[block]);
        state
    };
    KeyStates { inner: state(0x36), outer: state(0x5c) }
}

fn check_aes(input: &mut Input<'_>) {
    let keys: [[u8; 16]; 2] = [input.bytes(), input.bytes()];
    let first = u128::from_be_bytes(input.bytes());
    let block = |at: usize| first.rotate_left(at as u32) ^ at as u128;
    let ciphers = keys.map(|key| Aes128::new(&key.into()));
    let expected = (0..BLOCKS).fold(0_u16, |bits, at| {
        let last = |cipher: &Aes128| {
            let mut encrypted = block(at).to_be_bytes().into();
            cipher.encrypt_block(&mut encrypted);
            encrypted[15]
        };
        bits << 1 | u16::from((last(&ciphers[0]) ^ last(&ciphers[1])) & 1)
    });
    for instructions in aes::Instructions::available() {
        let keys = keys.map(|key| aes::round_keys(instructions, &key));
        assert_eq!(aes::low_bits(instructions, &keys, block), expected, "{instructions:?}");
    }
}

/// Pseudonyms of values of all lengths and classes.
fn check_tokens(input: &mut Input<'_>) {
    let keys = veils::keys().epochs().next().expect("the keyring has an epoch");
    let (mut in_lanes, mut one_by_one) = (b"before".to_vec(), b"before".to_vec());
    let mut lanes = Lanes::new(keys, &mut in_lanes);
    while !input.is_empty() {
        let class = input.of(&Class::ALL);
        let network: Option<IpAddr> = input.flag().then(|| input.bytes::<4>().into());
        let value = input.text(2 * MESSAGE_BYTES_MAX).into_bytes();
        lanes.write_pseudonym(class, &value, network);
        keys.write_pseudonym(class, &value, network, &mut one_by_one);
    }
    drop(lanes);
    assert_eq!(in_lanes, one_by_one);
}

fn check_prefix(input: &mut Input<'_>) {
    // A new key is as dear as many addresses: inputs share a few.
    static KEYRINGS: [OnceLock<Keyring>; 4] = [const { OnceLock::new() }; 4];
    let number = usize::from(input.byte()) % KEYRINGS.len();
    let secret = [1 + number as u8; 32];
    let keyring = KEYRINGS[number].get_or_init(|| {
        let epochs = vec![(KeyEpoch(0), EpochSecret::new(&secret))];
        Keyring::new("fuzz", 30, epochs, SealSecret::new(&[9; 32])).expect("the keyring is sound")
    });
    let keys: &EpochKeys = keyring.epochs().next().expect("the keyring has an epoch");
    let mut key = [0; 32];
    let hkdf = hkdf::Hkdf::<Sha256>::from_prk(&secret).expect("a secret is as long as a hash");
    hkdf.expand(b"ipcrypt-pfx", &mut key).expect("a key is shorter than what HKDF gives");
    let reference = IpcryptPfx::new(key);
    for _ in 0..4 {
        let addresses: [IpAddr; 2] = [input.bytes::<4>().into(), input.bytes::<16>().into()];
        for address in addresses.map(|address| address.to_canonical()) {
            assert_eq!(keys.prefix(address), reference.encrypt_ipaddr(address), "{address}");
        }
    }
}
