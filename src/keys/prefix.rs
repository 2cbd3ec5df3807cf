//! Prefix-preserving addresses: `ipcrypt-pfx` of draft-denis-ipcrypt, many blocks at once.
//!
//! Each bit of an address is turned or not by one bit of two ciphers over the bits before it. The bits of an address
//! are known, so all its blocks can be encrypted together; and as there are few first halves of IPv4, what becomes of them
//! is kept in a table. The reviewed crate is the reference: both ways are tried against it before they are used.

use crate::kernels::aes::{BLOCKS, Instructions, RoundKeys, low_bits, low_bits_of_prefixes, round_keys};
use ipcrypt_rs::IpcryptPfx;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bits of an IPv4 address whose image is kept in the table: as many as there are blocks at once.
const TABLE_BITS: u32 = BLOCKS as u32;

/// The last of the blocks that are encrypted at once: the others are what is left of it without its last bits.
const LAST_BLOCK: u32 = BLOCKS as u32 - 1;

/// The block before the first bit of an IPv4 address: a one, and the prefix `::ffff:0:0/96`.
const FIRST_BLOCK_V4: u128 = 1 << 96 | 0xffff;

/// The block before the first bit of an IPv6 address.
const FIRST_BLOCK_V6: u128 = 1;

/// Addresses of the trial: all bits alike, and one of each family with every byte another.
const TRIAL: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(0, 0, 0, 0)),
    IpAddr::V4(Ipv4Addr::new(255, 255, 255, 255)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 113)),
    IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0)),
    IpAddr::V6(Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x0fed, 0xcba9)),
];

/// The key of an epoch for addresses. Wiped on drop; there is no `Debug`.
pub(super) struct PrefixKey {
    reference: IpcryptPfx,
    /// `None` where the CPU has no instructions, or where they do not compute what they should.
    wide: Option<Wide>,
}

/// The same key, expanded for the wide instructions.
struct Wide {
    instructions: Instructions,
    keys: Box<[RoundKeys; 2]>,
    /// By the first bits of an IPv4 address, what they become. Made at the first address: 128 KiB, of which most routes need
    /// none.
    table: OnceLock<Zeroizing<Vec<u16>>>,
}

impl PrefixKey {
    /// Bytes of a key.
    pub(super) const BYTES: usize = IpcryptPfx::KEY_BYTES;

    /// Expands a key, whose halves differ.
    pub(super) fn new(key: &[u8; Self::BYTES], instructions: Option<Instructions>) -> Self {
        let reference = IpcryptPfx::new(*key);
        let wide = instructions.map(|instructions| Wide::new(instructions, key));
        let wide = wide.filter(|wide| agree(&reference, |address| wide.encrypt_without_table(address)));
        Self { reference, wide }
    }

    /// Another address of the same family. An IPv4-mapped address is one of IPv4 here and must be given as such.
    pub(super) fn encrypt(&self, address: IpAddr) -> IpAddr {
        let Some(wide) = &self.wide else { return self.reference.encrypt_ipaddr(address) };
        match address {
            IpAddr::V4(v4) => wide.encrypt_v4(v4).into(),
            IpAddr::V6(v6) => wide.encrypt_v6(v6),
        }
    }
}

impl Wide {
    fn new(instructions: Instructions, key: &[u8; PrefixKey::BYTES]) -> Self {
        let mut keys = Box::new([[[0; 16]; 11]; 2]);
        for (round_keys_of, half) in keys.iter_mut().zip(key.as_chunks().0) {
            *round_keys_of = round_keys(instructions, half);
        }
        Self { instructions, keys, table: OnceLock::new() }
    }

    fn encrypt_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = address.to_bits();
        let first = self.table.get_or_init(|| self.table())[(bits >> TABLE_BITS) as usize];
        Ipv4Addr::from_bits(u32::from(first) << TABLE_BITS | u32::from(self.turned_v4(bits, TABLE_BITS) ^ bits as u16))
    }

    fn encrypt_v6(&self, address: Ipv6Addr) -> IpAddr {
        let bits = address.to_bits();
        let mut image = 0;
        for from in (0..u128::BITS).step_by(BLOCKS) {
            let known = from + LAST_BLOCK;
            let block = FIRST_BLOCK_V6 << known | bits >> (u128::BITS - known);
            let turned = low_bits_of_prefixes(self.instructions, &self.keys, block);
            image = image << BLOCKS | u128::from(turned);
        }
        // As the crate does, whose addresses are IPv4 where they can be.
        IpAddr::V6(Ipv6Addr::from_bits(image ^ bits)).to_canonical()
    }

    /// Which of the 16 bits from `from` on are turned.
    fn turned_v4(&self, bits: u32, from: u32) -> u16 {
        let known = from + LAST_BLOCK;
        let block = FIRST_BLOCK_V4 << known | u128::from(bits >> (u32::BITS - known));
        low_bits_of_prefixes(self.instructions, &self.keys, block)
    }

    /// What becomes of each 16 bits: every prefix gives two that are one longer.
    fn table(&self) -> Zeroizing<Vec<u16>> {
        let mut images = Zeroizing::new(vec![0]);
        for known in 0..TABLE_BITS {
            let mut longer = Zeroizing::new(Vec::with_capacity(images.len() * 2));
            for (chunk, images) in images.chunks(BLOCKS).enumerate() {
                let turned = low_bits(self.instructions, &self.keys, |at| {
                    FIRST_BLOCK_V4 << known | (chunk * BLOCKS + at) as u128
                });
                for (at, image) in images.iter().enumerate() {
                    let turned = turned >> (BLOCKS - 1 - at) & 1;
                    longer.extend([image << 1 | turned, image << 1 | turned ^ 1]);
                }
            }
            images = longer;
        }
        images
    }

    /// For the trial, which must not make the table.
    fn encrypt_without_table(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let bits = v4.to_bits();
                let turned = [0, TABLE_BITS].map(|from| u32::from(self.turned_v4(bits, from)));
                Ipv4Addr::from_bits(bits ^ (turned[0] << TABLE_BITS | turned[1])).into()
            }
            IpAddr::V6(v6) => self.encrypt_v6(v6),
        }
    }
}

/// Whether the addresses of the trial become what the crate makes of them.
fn agree(reference: &IpcryptPfx, encrypt: impl Fn(IpAddr) -> IpAddr) -> bool {
    TRIAL.into_iter().all(|address| reference.encrypt_ipaddr(address) == encrypt(address))
}

impl Drop for Wide {
    fn drop(&mut self) {
        self.keys.as_flattened_mut().as_flattened_mut().zeroize();
    }
}

impl ZeroizeOnDrop for Wide {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The key with each of the CPU's instructions, and without.
    fn all_ways(key: &[u8; 32]) -> Vec<PrefixKey> {
        let mut keys = vec![PrefixKey::new(key, None)];
        keys.extend(Instructions::available().into_iter().map(|found| PrefixKey::new(key, Some(found))));
        keys
    }

    #[test]
    fn the_table_holds_every_first_half() {
        let key = std::array::from_fn(|at| at as u8 * 7);
        let ways = all_ways(&key);
        for half in 0..=u16::MAX {
            let address = Ipv4Addr::from_bits(u32::from(half) << 16 | u32::from(half)).into();
            let images: Vec<IpAddr> = ways[1..].iter().map(|key| key.encrypt(address)).collect();
            assert!(images.iter().all(|image| *image == images[0]));
            if half.is_multiple_of(97) {
                assert!(images.iter().all(|image| *image == ways[0].encrypt(address)), "{address}");
            }
        }
    }

    /// What this machine can do is in use, or the trial fails where it should not.
    #[test]
    fn right_instructions_are_used() {
        for (at, key) in all_ways(&std::array::from_fn(|at| at as u8)).iter().enumerate() {
            assert_eq!(key.wide.is_some(), at > 0);
        }
    }

    /// Instructions that turn one more bit, of either family, are not used.
    #[test]
    fn wrong_instructions_are_found_out() {
        let reference = IpcryptPfx::new(std::array::from_fn(|at| at as u8));
        assert!(agree(&reference, |address| reference.encrypt_ipaddr(address)));
        assert!(!agree(&reference, |address| match reference.encrypt_ipaddr(address) {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() ^ 1).into(),
            v6 @ IpAddr::V6(_) => v6,
        }));
        assert!(!agree(&reference, |address| match reference.encrypt_ipaddr(address) {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() ^ 1 << 127).into(),
        }));
    }

    proptest! {
        #[test]
        fn addresses_become_what_the_crate_makes_of_them(key: [u8; 32], addresses: [IpAddr; 8]) {
            prop_assume!(key[..16] != key[16..]);
            let ways = all_ways(&key);
            for address in addresses.map(|address| address.to_canonical()) {
                let expected = ways[0].encrypt(address);
                for way in &ways[1..] {
                    prop_assert_eq!(way.encrypt(address), expected);
                }
            }
        }
    }
}
