//! IP addresses and their networks.

use super::{push, text};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;

/// Tag of an IPv4 address: 4 bytes follow.
const V4: u8 = 4;

/// Tag of an IPv6 address: 16 bytes follow.
const V6: u8 = 6;

/// Longest text that is looked at, in bytes: the longest address (45 characters), brackets, zone and port, with every
/// mark escaped twice.
const ADDRESS_BYTES_MAX: usize = 256;

/// Bytes of the longest canonical network: tag, length, IPv6 address.
pub const NETWORK_BYTES_MAX: usize = 18;

/// Length in bits of the network that an IPv4 address is generalized to.
const NETWORK_V4_BITS: u8 = 24;

/// Length in bits of the network that an IPv6 address is generalized to: a site's usual share (RFC 6177). A /64 would
/// still be one subscriber.
const NETWORK_V6_BITS: u8 = 48;

/// Reads an IPv4 or IPv6 address in any spelling; an IPv4-mapped one (`::ffff:192.0.2.1`) becomes IPv4.
///
/// White space around it, brackets, a port after IPv4 or brackets, and a zone (`fe80::1%eth0`, RFC 4007) are dropped;
/// colons may be percent-encoded. The zone names an interface of the host that wrote the log, not the peer, so link-local
/// addresses are equal whatever their zone. The forms in names of hosts are read, too: `1.2.0.192.in-addr.arpa` and
/// nibbles below `ip6.arpa` (RFC 1035, section 3.5; RFC 3596, section 2.5), and `192-0-2-1`. Parts with leading zeros are decimal, as logs pad them to columns, though some
/// systems would read them as octal (RFC 6943, section 3.1.1).
///
/// ```
/// use logveil::canon::address;
///
/// assert_eq!(address(b" [::FFFF:c000:201]:443"), "192.0.2.1".parse().ok());
/// assert_eq!(address(b"192.000.002.001"), address(b"192.0.2.1"));
/// ```
pub fn address(value: &[u8]) -> Option<IpAddr> {
    let trimmed = value.trim_ascii();
    if let Some(address) = v4(trimmed) {
        return Some(address);
    }
    if value.len() > ADDRESS_BYTES_MAX || !may_be_address(trimmed) {
        return None;
    }
    let decoded = text::percent_decoded_until(b':', value);
    address_in(str::from_utf8(decoded.trim_ascii()).ok()?)
}

/// Reads an address without percent signs and white space around it.
fn address_in(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            is_port_or_nothing(after).then_some(())?;
            v4(inside.as_bytes()).or_else(|| v6(inside))
        }
        None => v4_with_port(text).or_else(|| v6(text)).or_else(|| v4_in_name(text)).or_else(|| reversed(text)),
    };
    address.map(|address| address.to_canonical())
}

/// The network that an address is generalized to: its /24 (IPv4) or /48 (IPv6).
///
/// ```
/// let network = logveil::canon::network([192, 0, 2, 77].into());
/// assert_eq!(network.to_string(), "192.0.2.0/24");
/// ```
pub fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Net::new_assert(v4, NETWORK_V4_BITS).trunc().into(),
        IpAddr::V6(v6) => Ipv6Net::new_assert(v6, NETWORK_V6_BITS).trunc().into(),
    }
}

/// Reads a network: an address, `/`, and the length of its prefix or its mask (`192.0.2.0/255.255.255.0`). Bits behind the
/// prefix are dropped; an IPv4-mapped network becomes IPv4.
///
/// ```
/// let network = logveil::canon::network_of(b"192.0.2.77/255.255.255.0");
/// assert_eq!(network.map(|network| network.to_string()).as_deref(), Some("192.0.2.0/24"));
/// ```
pub fn network_of(value: &[u8]) -> Option<IpNet> {
    if value.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let decoded = text::percent_decoded_until(b'/', value);
    if let Some(zone) = str::from_utf8(&decoded).ok().and_then(reversed_network) {
        return Some(zone.into());
    }
    let (base, length) = str::from_utf8(&decoded).ok()?.trim().split_once('/')?;
    // A port, brackets or a zone would make it something else.
    let base: IpAddr = base.parse().ok()?;
    let network = match length.parse::<Ipv4Addr>() {
        Ok(mask) => IpNet::with_netmask(base, IpAddr::V4(mask)).ok()?,
        Err(_) if length.len() > 3 || !length.bytes().all(|b| b.is_ascii_digit()) => return None,
        Err(_) => IpNet::new(base, length.parse().ok()?).ok()?,
    };
    Some(unmapped(network).trunc())
}

/// The canonical bytes of a network, in `buffer`: family, length, address.
pub fn write_network(network: IpNet, buffer: &mut [u8; NETWORK_BYTES_MAX]) -> &[u8] {
    let mut octets = [0; 16];
    let (family, length) = match network.network() {
        IpAddr::V4(v4) => {
            octets[..4].copy_from_slice(&v4.octets());
            (V4, 4)
        }
        IpAddr::V6(v6) => {
            octets = v6.octets();
            (V6, 16)
        }
    };
    buffer[0] = family;
    buffer[1] = network.prefix_len();
    buffer[2..].copy_from_slice(&octets);
    &buffer[..2 + length]
}

/// Appends a network's canonical bytes; `false` when the value is none.
pub(super) fn write_network_text(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(network) = network_of(value) else { return false };
    out.extend_from_slice(write_network(network, &mut [0; NETWORK_BYTES_MAX]));
    true
}

/// Whether a text is a network.
pub(super) fn is_network(value: &[u8]) -> bool {
    (value.contains(&b'/') || value.last().is_some_and(|last| matches!(last, b'a' | b'A')))
        && network_of(value).is_some()
}

/// Whether a text is a network of a single address, such as `192.0.2.1/32`.
pub(super) fn is_network_of_one(value: &[u8]) -> bool {
    value.contains(&b'/') && network_of(value).is_some_and(|network| network.prefix_len() == network.max_prefix_len())
}

/// The same network as IPv4 if it is an IPv4-mapped one.
fn unmapped(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let v4 = match network.addr() {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().zip(network.prefix_len().checked_sub(MAPPED_BITS)),
        IpAddr::V4(_) => None,
    };
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

/// Appends an address's canonical bytes; `false` when the value is none.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) -> bool {
    let address = address(value).or_else(|| {
        let network = network_of(value)?;
        (network.prefix_len() == network.max_prefix_len()).then_some(network.network())
    });
    let address = address.or_else(|| str::from_utf8(value).ok().and_then(number).map(IpAddr::V4));
    address.is_some_and(|address| {
        write_address(address, out);
        true
    })
}

/// Appends an address's canonical bytes.
pub(super) fn write_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => push(V4, &v4.octets(), out),
        IpAddr::V6(v6) => push(V6, &v6.octets(), out),
    }
}

/// Whether a text can be an address in any spelling, by its ends, its length and its marks: names, words and UUIDs are none,
/// and it is cheap to say so.
fn may_be_address(text: &[u8]) -> bool {
    /// Four numbers with marks between them, and no port.
    const V4_BYTES_MAX: usize = 15;
    let (Some(first), Some(last)) = (text.first(), text.last()) else { return false };
    if !first.is_ascii_hexdigit() && !matches!(first, b'[' | b':' | b'%') {
        return false;
    }
    // A zone of names for addresses ends in `arpa`.
    if *first == b'[' || matches!(last, b'a' | b'A') || memchr::memchr(b'%', text).is_some() {
        return true;
    }
    text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'-'))
        && (text.len() <= V4_BYTES_MAX || text.contains(&b':'))
}

/// Reads four decimal numbers of at most three digits each, with dots between them.
fn v4(text: &[u8]) -> Option<IpAddr> {
    v4_between(text, |byte| byte == b'.')
}

/// Reads four decimal numbers of at most three digits each.
fn v4_between(text: &[u8], is_separator: impl Fn(u8) -> bool) -> Option<IpAddr> {
    /// Four numbers of three digits, and three separators.
    const BYTES_MAX: usize = 15;
    const DIGITS_MAX: u32 = 3;
    if text.len() > BYTES_MAX {
        return None;
    }
    let (mut octets, mut at) = ([0; 4], 0);
    let (mut number, mut digits) = (0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits < DIGITS_MAX => {
                (number, digits) = (number * 10 + u32::from(byte - b'0'), digits + 1);
            }
            _ if is_separator(*byte) && digits > 0 && at + 1 < octets.len() => {
                octets[at] = u8::try_from(number).ok()?;
                at += 1;
                (number, digits) = (0, 0);
            }
            _ => return None,
        }
    }
    octets[at] = u8::try_from(number).ok()?;
    (at + 1 == octets.len() && digits > 0).then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// Zones of names for addresses (RFC 1035, section 3.5; RFC 3596, section 2.5).
const REVERSE_V4: &str = ".in-addr.arpa";
const REVERSE_V6: &str = ".ip6.arpa";

/// Reads four decimal numbers with hyphens between them, as names of hosts hold addresses.
fn v4_in_name(text: &str) -> Option<IpAddr> {
    text.contains('-').then(|| v4_between(text.as_bytes(), |byte| matches!(byte, b'-' | b'.')))?
}

/// Reads an address whose parts stand in reverse in the name of a zone.
fn reversed(text: &str) -> Option<IpAddr> {
    if let Some(parts) = without_end(text, REVERSE_V4) {
        return v4(parts.rsplit('.').collect::<Vec<_>>().join(".").as_bytes());
    }
    let parts = without_end(text, REVERSE_V6)?;
    let (mut bits, mut nibbles) = (0_u128, 0);
    for nibble in parts.rsplit('.') {
        let digit = nibble.chars().next().and_then(|digit| digit.to_digit(16)).filter(|_| nibble.len() == 1)?;
        (bits, nibbles) = (bits << 4 | u128::from(digit), nibbles + 1);
    }
    (nibbles == u128::BITS / 4).then(|| IpAddr::V6(Ipv6Addr::from_bits(bits)))
}

/// Reads the zone of a /24 network: `2.0.192.in-addr.arpa`.
fn reversed_network(text: &str) -> Option<Ipv4Net> {
    let parts = without_end(text.trim(), REVERSE_V4)?;
    match v4(format!("{}.0", parts.rsplit('.').collect::<Vec<_>>().join(".")).as_bytes())? {
        IpAddr::V4(address) => Ipv4Net::new(address, NETWORK_V4_BITS).ok(),
        IpAddr::V6(_) => None,
    }
}

fn without_end<'t>(text: &'t str, end: &str) -> Option<&'t str> {
    let (parts, found) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    found.eq_ignore_ascii_case(end).then_some(parts)
}

/// Reads an IPv4 address as one number, `3221225985`, `0xC0000201`, `C0000201`, or as four with commas between them, as in
/// `{192, 0, 2, 1}`. Whoever asks knows that it is an address.
///
/// Decimal numbers below 16777216 are more likely something else, for their addresses begin with 0.
fn number(text: &str) -> Option<Ipv4Addr> {
    const HEX_DIGITS: usize = 8;
    if text.contains(',')
        && let Some(IpAddr::V4(address)) = v4(text.split(',').map(str::trim).collect::<Vec<_>>().join(".").as_bytes())
    {
        return Some(address);
    }
    let hex = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let bits = match hex {
        Some(digits) if digits.len() <= HEX_DIGITS => u32::from_str_radix(digits, 16).ok()?,
        Some(_) => return None,
        None if text.len() == HEX_DIGITS && text.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            u32::from_str_radix(text, 16).ok()?
        }
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    let address = Ipv4Addr::from_bits(bits);
    (address.octets()[0] != 0).then_some(address)
}

/// Reads an IPv6 address, possibly with a zone.
fn v6(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, zone)) => is_zone(zone).then_some(address)?,
        None => text,
    };
    if let Ok(address) = address.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    // Padded numbers in the dotted tail.
    let (head, tail) = address.split_at_checked(address.rfind(':')? + 1)?;
    let tail = v4(tail.as_bytes())?;
    format!("{head}{tail}").parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Reads an IPv4 address, possibly with a port. IPv6 without brackets cannot have one: it would be part of the address.
fn v4_with_port(text: &str) -> Option<IpAddr> {
    let end = text.find(':').unwrap_or(text.len());
    let (address, port) = text.split_at_checked(end)?;
    is_port_or_nothing(port).then_some(())?;
    v4(address.as_bytes())
}

/// Whether a text is empty or `:` and a port number.
fn is_port_or_nothing(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else {
        return text.is_empty();
    };
    port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// Whether a text can be a zone: one or more unreserved characters (RFC 6874, section 2), possibly after `25`, which is
/// left of a percent sign that was encoded for a URL.
fn is_zone(zone: &str) -> bool {
    !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// [`v4`] by the standard library's numbers.
    fn v4_by_numbers(text: &str) -> Option<IpAddr> {
        let mut numbers = text.split('.');
        let mut octets = [0; 4];
        for octet in &mut octets {
            let digits = numbers.next().filter(|digits| digits.len() <= 3)?;
            *octet = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        }
        numbers.next().is_none().then(|| IpAddr::V4(octets.into()))
    }

    /// [`address`] of all texts.
    fn address_of_any(value: &[u8]) -> Option<IpAddr> {
        let decoded = text::percent_decoded_until(b':', value);
        address_in(str::from_utf8(decoded.trim_ascii()).ok()?)
    }

    fn near_address() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ \t]{0,2}[0-9a-f:.\\[\\]%x-]{0,24}",
            "[0-9]{0,4}([.-][0-9]{0,4}){2,4}(:[0-9]{0,5})?(\\.in-addr\\.arpa)?",
            "(%5[bB]|\\[)?[0-9a-f]{0,4}(:|%3A|%253a)[0-9a-f]{0,4}(:|%3a)(:|%3a)?[0-9a-f]{0,4}(%eth0|%5d)?\\]?",
            "([0-9a-f]\\.){30,33}(ip6|IP6)\\.arpa",
            any::<IpAddr>().prop_map(|address| address.to_string()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn numbers_are_read_as_by_the_standard_library(text in "[0-9+]{0,4}([.-][0-9]{0,4}){2,4}") {
            prop_assert_eq!(v4(text.as_bytes()), v4_by_numbers(&text));
            prop_assert_eq!(v4_between(text.as_bytes(), |byte| matches!(byte, b'-' | b'.')), v4_by_numbers(&text.replace('-', ".")));
        }

        #[test]
        fn no_address_is_missed(text in near_address()) {
            prop_assert_eq!(address(text.as_bytes()), address_of_any(text.as_bytes()), "{}", text);
        }
    }
}
