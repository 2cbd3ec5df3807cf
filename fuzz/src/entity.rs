//! Entities that their shape gives away, in spellings that mean the same.

use crate::input::Input;
use logveil::rules::Class;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An entity and one way to write it.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) class: Class,
    /// The usual spelling.
    pub(crate) plain: String,
    /// Another spelling.
    pub(crate) spelled: String,
}

impl Entity {
    /// An entity of fuzz-chosen kind, value and spelling, as it may stand among words.
    pub(crate) fn any(input: &mut Input<'_>) -> Self {
        match input.below(5) {
            0 => Self::ipv4(input),
            1 => Self::ipv6(input),
            2 => Self::mac(input),
            3 => Self::uuid(input),
            _ => Self::email(input),
        }
    }

    fn ipv4(input: &mut Input<'_>) -> Self {
        // 0.0.0.0 is nobody's.
        let [first, second, third, fourth] = input.bytes();
        let octets = [first.max(1), second, third, fourth];
        let address = Ipv4Addr::from(octets);
        let spelled = match input.below(6) {
            0 => address.to_string(),
            1 => octets.map(|octet| format!("{octet:03}")).join("."),
            2 => format!("[{}]:443", address.to_ipv6_mapped()),
            3 => format!("{address}:8443"),
            4 => format!("::ffff:{address}"),
            _ => wide(&address.to_string()),
        };
        Self { class: Class::Ip, plain: address.to_string(), spelled }
    }

    fn ipv6(input: &mut Input<'_>) -> Self {
        // Global unicast (2000::/3): what lies below is assigned to nobody and may be a time or a path in words.
        let address = Ipv6Addr::from_bits(u128::from_be_bytes(input.bytes()) >> 3 | 1 << 125);
        let groups = address.segments().map(|group| format!("{group:04x}")).join(":");
        let spelled = match input.below(5) {
            0 => address.to_string().to_uppercase(),
            1 => groups,
            2 => format!("[{address}]:443"),
            3 => address.segments().map(|group| format!("{group:x}")).join(":"),
            _ => address.to_string().replace(':', "%3A"),
        };
        Self { class: Class::Ip, plain: address.to_string(), spelled }
    }

    fn mac(input: &mut Input<'_>) -> Self {
        // A locally administered address of one host: some others are everybody's or nobody's.
        let [_, tail @ ..]: [u8; 6] = input.bytes();
        let octets: Vec<u8> = std::iter::once(2).chain(tail).collect();
        let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let spelled = match input.below(3) {
            0 => digits.join("-").to_uppercase(),
            1 => digits.join(":").to_uppercase(),
            _ => digits.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("."),
        };
        Self { class: Class::Mac, plain: digits.join(":"), spelled }
    }

    fn uuid(input: &mut Input<'_>) -> Self {
        // A random one (RFC 9562, version 4): the nil UUID is nobody's.
        let mut octets: [u8; 16] = input.bytes();
        octets[6] = 0x40 | octets[6] & 0x0f;
        let groups = [0..4, 4..6, 6..8, 8..10, 10..16];
        let plain = groups.map(|group| data_encoding::HEXLOWER.encode(&octets[group])).join("-");
        let spelled = match input.below(3) {
            0 => plain.to_uppercase(),
            1 => format!("{{{plain}}}"),
            _ => format!("urn:uuid:{plain}"),
        };
        Self { class: Class::Device, plain, spelled }
    }

    fn email(input: &mut Input<'_>) -> Self {
        let (name, host) = (input.letters::<5>(), input.letters::<4>());
        let plain = format!("{name}.qz@{host}.example.com");
        let spelled = match input.below(5) {
            0 => plain.to_uppercase(),
            1 => format!("<{plain}>"),
            2 => plain.replace('@', "%40"),
            3 => wide(&plain),
            _ => format!("mailto:{plain}"),
        };
        Self { class: Class::Email, plain, spelled }
    }

    /// Whether it stands in a text in a spelling that this can tell; `text` is in lower case.
    pub(crate) fn stands_in(&self, text: &str) -> bool {
        if text.contains(&self.plain) {
            return true;
        }
        let Ok(address) = self.plain.parse::<IpAddr>() else { return false };
        let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
        text.split(|c| !is_part(c)).any(|word| word.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == address))
    }
}

/// The text in letters, digits and signs of full width.
pub(crate) fn wide(text: &str) -> String {
    let widen = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(widen).collect()
}
