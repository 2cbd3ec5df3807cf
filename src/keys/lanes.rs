//! Tokens that are computed side by side, several at the price of one.
//!
//! The construction is that of [`super::pseudonym`], by [`kernels::sha256`](crate::kernels::sha256): each class's key goes
//! in as the two states that it leaves behind (RFC 2104). Whether those instructions compute what the reviewed crate does
//! is tried once for each epoch; where they do not, or where a value is longer than a block, the crate computes the token.

use super::pseudonym::{EpochKeys, TOKEN_CHARS, TokenText};
use crate::canon;
use crate::kernels::sha256::{Block, Instructions, KeyStates, LANES_MAX, MESSAGE_BYTES_MAX, State, authenticate};
use crate::rules::Class;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sha2::block_api::compress256;
use std::net::IpAddr;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The state before the first block (FIPS 180-4, section 5.3.3).
const INITIAL_STATE: State =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// What a key's block is padded with, for the inner and the outer hash (RFC 2104, section 2).
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// The keys of every class, as states. Wiped on drop; there is no `Debug`.
pub(super) struct LaneKeys {
    /// In the order of [`Class::ALL`].
    states: Box<[KeyStates]>,
    /// `None` where the CPU has none, or where they do not compute what they should.
    instructions: Option<Instructions>,
}

/// How codes are computed; another in the test of the trial.
type Authenticate = fn(Instructions, &[(&KeyStates, Block)], &mut [State]);

/// Appends pseudonyms to a text whose tokens are computed some at a time.
///
/// The text has room for a token at once, so that its length is right at every time; the token itself is there when this is
/// dropped. Nobody can read the text before.
pub struct Lanes<'a> {
    keys: &'a EpochKeys,
    out: &'a mut Vec<u8>,
    /// The messages that wait, and behind them any.
    messages: [(&'a KeyStates, Block); LANES_MAX],
    /// Where the tokens of those go.
    places: [usize; LANES_MAX],
    waiting: usize,
}

impl LaneKeys {
    /// The states of `keys`, one of each class, and the trial of `instructions` against `macs`, which are keyed alike.
    pub(super) fn new(keys: &[Zeroizing<[u8; 32]>], macs: &[Hmac<Sha256>], instructions: Option<Instructions>) -> Self {
        let states: Box<[KeyStates]> = keys.iter().map(|key| key_states(key)).collect();
        let instructions =
            instructions.filter(|instructions| compute_right(*instructions, &states, macs, authenticate));
        Self { states, instructions }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }
}

impl<'a> Lanes<'a> {
    /// Appends to `out`.
    pub fn new(keys: &'a EpochKeys, out: &'a mut Vec<u8>) -> Self {
        let any = (keys.lane_keys().states_of(Class::Text), Block::EMPTY);
        Self { keys, out, messages: [any; LANES_MAX], places: [0; LANES_MAX], waiting: 0 }
    }

    /// The keys that it writes pseudonyms with.
    pub fn keys(&self) -> &'a EpochKeys {
        self.keys
    }

    /// Bytes of the text.
    pub fn text_bytes(&self) -> usize {
        self.out.len()
    }

    /// The text, to append to; where tokens are still to come stand placeholders.
    pub fn text(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Appends the pseudonym of canonical bytes, as [`EpochKeys::write_pseudonym`] does.
    pub fn write_pseudonym(&mut self, class: Class, canonical: &[u8], network: Option<IpAddr>) {
        self.keys.write_head(class, self.out);
        self.write_token(class, canonical);
        if let Some(address) = network {
            self.out.push(b'_');
            let mut canonical = [0; canon::NETWORK_BYTES_MAX];
            self.write_token(Class::Network, canon::write_network(canon::network(address), &mut canonical));
        }
    }

    fn write_token(&mut self, class: Class, canonical: &[u8]) {
        let keys = self.keys;
        let block = Block::of(canonical).filter(|_| keys.lane_keys().instructions.is_some());
        let Some(block) = block else {
            self.out.extend_from_slice(keys.token(class, canonical).as_bytes());
            return;
        };
        self.messages[self.waiting] = (keys.lane_keys().states_of(class), block);
        self.places[self.waiting] = self.out.len();
        self.out.extend_from_slice(&[b'-'; TOKEN_CHARS]);
        self.waiting += 1;
        if self.waiting == LANES_MAX {
            self.settle();
        }
    }

    /// Computes the tokens that wait and puts them where they belong.
    fn settle(&mut self) {
        let Some(instructions) = self.keys.lane_keys().instructions else { return };
        let mut codes = [[0; 8]; LANES_MAX];
        let codes = &mut codes[..self.waiting];
        authenticate(instructions, &self.messages[..self.waiting], codes);
        for (place, code) in self.places.iter().zip(codes) {
            let token = TokenText::of_code(&code_bytes(code));
            self.out[*place..*place + TOKEN_CHARS].copy_from_slice(token.as_bytes());
        }
        self.waiting = 0;
    }
}

impl LaneKeys {
    fn states_of(&self, class: Class) -> &KeyStates {
        // The discriminant is the position in `Class::ALL`, which lists the classes in declaration order.
        &self.states[class as usize]
    }
}

/// The states that a key leaves behind: its block, padded, of either hash.
fn key_states(key: &[u8; 32]) -> KeyStates {
    let state = |pad: u8| {
        let mut block = Zeroizing::new([pad; 64]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut state = INITIAL_STATE;
        compress256(&mut state, std::slice::from_ref(&*block));
        state
    };
    KeyStates { inner: state(INNER_PAD), outer: state(OUTER_PAD) }
}

/// Whether the codes of some messages are those of the crate: every class's key, short and full blocks, full and single
/// lanes.
fn compute_right(
    instructions: Instructions,
    states: &[KeyStates],
    macs: &[Hmac<Sha256>],
    authenticate: Authenticate,
) -> bool {
    const TEXT: [u8; MESSAGE_BYTES_MAX] = [0xa5; MESSAGE_BYTES_MAX];
    let text = |at: usize| &TEXT[..(at * 11 + 5) % (MESSAGE_BYTES_MAX + 1)];
    let messages: Option<Vec<_>> =
        states.iter().enumerate().map(|(at, key)| Some((key, Block::of(text(at))?))).collect();
    let Some(messages) = messages else { return false };
    let mut codes = vec![[0; 8]; messages.len()];
    authenticate(instructions, &messages, &mut codes);
    codes.len() == macs.len()
        && codes.iter().zip(macs).enumerate().all(|(at, (code, mac))| {
            mac.clone().chain_update(text(at)).finalize().into_bytes().as_slice() == code_bytes(code)
        })
}

/// A code as bytes.
fn code_bytes(code: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(code) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

impl Drop for Lanes<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

impl Drop for LaneKeys {
    fn drop(&mut self) {
        for KeyStates { inner, outer } in &mut self.states {
            inner.zeroize();
            outer.zeroize();
        }
    }
}

impl ZeroizeOnDrop for LaneKeys {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{EpochSecret, KeyEpoch};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn keys() -> EpochKeys {
        EpochKeys::derive("acme", KeyEpoch(7), &EpochSecret::new(&[3; 32])).unwrap()
    }

    fn in_lanes(keys: &EpochKeys, values: &[(Class, Vec<u8>, Option<IpAddr>)]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        let mut lanes = Lanes::new(keys, &mut out);
        for (class, canonical, network) in values {
            lanes.write_pseudonym(*class, canonical, *network);
        }
        drop(lanes);
        out
    }

    fn one_by_one(keys: &EpochKeys, values: &[(Class, Vec<u8>, Option<IpAddr>)]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        for (class, canonical, network) in values {
            keys.write_pseudonym(*class, canonical, *network, &mut out);
        }
        out
    }

    #[test]
    fn every_class_and_length_has_the_same_token() {
        let keys = keys();
        let values: Vec<_> = (0..=2 * MESSAGE_BYTES_MAX)
            .flat_map(|length| Class::ALL.map(|class| (class, vec![length as u8; length], None)))
            .collect();
        assert_eq!(in_lanes(&keys, &values), one_by_one(&keys, &values));
    }

    #[test]
    fn without_instructions_the_crate_computes() {
        let mut keys = keys();
        let values = vec![(Class::Ip, vec![4, 192, 0, 2, 1], Some("192.0.2.1".parse().unwrap())); 40];
        let expected = one_by_one(&keys, &values);
        keys.lane_keys_mut().instructions = None;
        assert_eq!(in_lanes(&keys, &values), expected);
    }

    /// Instructions that compute something else, in one lane or one bit, are not used.
    #[test]
    fn wrong_instructions_are_found_out() {
        let Some(instructions) = Instructions::best() else { return };
        let keys: Vec<_> = (0..Class::ALL.len()).map(|at| Zeroizing::new([at as u8 + 1; 32])).collect();
        let states: Vec<KeyStates> = keys.iter().map(|key| key_states(key)).collect();
        let macs: Vec<Hmac<Sha256>> =
            keys.iter().map(|key| hmac::KeyInit::new_from_slice(key.as_slice()).unwrap()).collect();
        let is_right = |authenticate| compute_right(instructions, &states, &macs, authenticate);
        assert!(is_right(authenticate));
        assert!(!is_right(|_, _, _| {}));
        assert!(!is_right(|instructions, messages, codes| {
            authenticate(instructions, messages, codes);
            codes[1][7] ^= 1;
        }));
        assert!(!is_right(|instructions, messages, codes| {
            authenticate(instructions, messages, codes);
            codes.swap(0, 1);
        }));
    }

    /// What this machine can do is in use, or the trial fails where it should not.
    #[test]
    fn right_instructions_are_used() {
        assert_eq!(keys().lane_keys().instructions, Instructions::best());
    }

    fn any_value() -> impl Strategy<Value = (Class, Vec<u8>, Option<IpAddr>)> {
        (0..Class::ALL.len(), vec(any::<u8>(), 0..120), any::<Option<IpAddr>>())
            .prop_map(|(class, canonical, network)| (Class::ALL[class], canonical, network))
    }

    proptest! {
        #[test]
        fn lanes_write_what_one_by_one_is_written(values in vec(any_value(), 0..80)) {
            let keys = keys();
            prop_assert_eq!(in_lanes(&keys, &values), one_by_one(&keys, &values));
        }
    }
}
