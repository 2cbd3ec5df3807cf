//! One canonical form per class, so that every spelling of an entity is hashed to the same pseudonym.
//!
//! Knows: spellings. Must not know keys or rules beyond [`Class`]. Start at [`canonical`].
//!
//! Canonical bytes are a tag and a body. The tag tells the kind of body, so that two kinds never meet:
//!
//! | class | tag and body | spellings that are one |
//! |---|---|---|
//! | `ip` | `04` 4 bytes, `06` 16 bytes | space around it, brackets, port, zone, case, zeros, `%3A`, IPv4-mapped |
//! | `net` | `04` or `06`, length, 4 or 16 bytes | as `ip`, a mask instead of the length, bits behind the length |
//! | `mac` | `01` 6 or 8 bytes | `:`, `-`, Cisco dots or nothing between the digits, case |
//! | `device` | `01` 16 bytes for a UUID | hyphens or none, braces, `urn:uuid:`, case |
//! |  | `02` bytes otherwise | space around it, the groups of an IMEI |
//! | `email` | `01` local part `@` ASCII domain | case, NFC, width, `<>` around it, quotes, `%40`, IDN, root dot |
//! | `user` | `01` text | case, NFC, full and half width, space around it |
//! | `person` | `01` text | as `user`, and any space between words |
//! | `host` | `01` ASCII domain | case, IDN or punycode, root dot, port |
//! | `phone` | `01` digits, `02` digits of a national number | separators, `tel:`, `00` for `+` |
//! | `card` | `01` digits | blanks and hyphens |
//! | `iban` | `01` letters and digits | case, blanks and hyphens |
//! | `user-id`, `session` | `01` bytes, `03` 16 bytes for a UUID with hyphens | space around it; case and braces of a UUID |
//! | `token`, `account`, `connection-id` | `01` bytes | space around it |
//! | `user-agent`, `geo`, `text` | `01` bytes | none |
//! | any | `00` bytes | none: the value does not fit its class |
//!
//! A value that does not fit its class is hashed under it all the same: dropping it would lose it, passing it on would
//! leak it.
//!
//! A value whose shape says better what it is than the field it stood in changes class, so that one entity has one
//! pseudonym wherever it stood: an e-mail address that is a `user`, `person`, `user-id`, `account`, `session`, `host`,
//! `device` or `text`; an address that is a `user`, `user-id`, `host`, `net`, `device` or `text`; a network or a domain that
//! is an `ip`; a hardware address with separators that is a `device` or `text`; a telephone number with `+` that is a `user`,
//! `user-id` or `text`; an IBAN that is an `account` or `text`; a card's number in groups that is an `account` or `text`; a
//! UUID with hyphens that is a `text`. A `session` or `user-id` that is a UUID stays what it is. Bare digits change nothing:
//! 12 or 32 hexadecimal digits may be anything.
//!
//! What stays apart on purpose: `a.b@` and `ab@`, `a+tag@` and `a@` (providers differ), letters that look alike in two
//! scripts, `DOMAIN\user` and `user`, `192.0.2.1` and `::192.0.2.1` (deprecated, RFC 4291) or `64:ff9b::192.0.2.1` (the
//! translator's address, RFC 6052), an EUI-48 and the EUI-64 made from it. RFC 6943 tells why comparing identifiers
//! needs such a list.

mod address;
mod device;
mod email;
mod hardware;
mod number;
mod text;

pub use address::{NETWORK_BYTES_MAX, address, network, network_of, write_network};

use crate::rules::Class;
use std::borrow::Cow;

/// Tag of a value that does not fit its class.
const RAW: u8 = 0;

/// Tag of a class's usual form.
const USUAL: u8 = 1;

/// Tag of a UUID in a class that it does not make a `device`.
const UUID: u8 = 3;

/// Whether a text is a domain of several labels, possibly with a port, and nothing else.
pub fn is_domain(value: &[u8]) -> bool {
    text::is_unmistakable_host(value)
}

/// Appends the canonical bytes of `value` to `out` and returns the class it is hashed under.
///
/// The class differs from `class` when the value's shape says better what it is: a `user` that is an e-mail address is
/// hashed as `email`, so that one entity has one pseudonym whatever field it stood in.
///
/// Any bytes have a canonical form; two values of one class share it only if they are spellings of one entity. Costs
/// linear time.
pub fn canonical(class: Class, value: &[u8], out: &mut Vec<u8>) -> Class {
    if class == Class::Ip
        && let Some(address) = address(value.trim_ascii())
    {
        // It is no host either, though it may stand in the name of a reverse zone.
        address::write_address(address, out);
        return Class::Ip;
    }
    canonical_as_it_stands(class, value, out).unwrap_or_else(|| canonical_of_any(class, value, out))
}

/// [`canonical`] of most values: UUIDs and e-mail addresses in their usual spelling. Others, of which it appends nothing,
/// have to be looked at more closely.
fn canonical_as_it_stands(class: Class, value: &[u8], out: &mut Vec<u8>) -> Option<Class> {
    match class {
        Class::Device | Class::Text => {
            push(USUAL, &device::bare_uuid(value)?, out);
            Some(Class::Device)
        }
        Class::UserId | Class::Session => {
            push(UUID, &device::bare_uuid(value)?, out);
            Some(class)
        }
        Class::Email => email::is_canonical(value).then(|| {
            push(USUAL, value, out);
            class
        }),
        Class::Ip
        | Class::Network
        | Class::Mac
        | Class::User
        | Class::Person
        | Class::Phone
        | Class::Account
        | Class::Card
        | Class::Iban
        | Class::ConnectionId
        | Class::Token
        | Class::UserAgent
        | Class::Host
        | Class::Geo => None,
    }
}

/// [`canonical`] of values in any spelling.
fn canonical_of_any(class: Class, value: &[u8], out: &mut Vec<u8>) -> Class {
    let Some(text) = normal_text(class, value) else {
        push(RAW, value, out);
        return class;
    };
    let trimmed = text.trim_ascii();
    if let Some(better) = better_class(class, trimmed) {
        let text = normal_text(better, trimmed);
        let fits = text.is_some_and(|text| write(better, &text, out));
        if fits {
            return better;
        }
    }
    if !write(class, &text, out) {
        push(RAW, value, out);
    }
    class
}

/// Appends the canonical bytes of a normal text; `false` when it does not fit the class.
fn write(class: Class, text: &[u8], out: &mut Vec<u8>) -> bool {
    let trimmed = text.trim_ascii();
    match class {
        Class::Ip => return address::write(trimmed, out),
        Class::Network => return address::write_network_text(trimmed, out),
        Class::Mac => return hardware::write(trimmed, out),
        Class::Email => return email::write(trimmed, out),
        Class::Phone => return number::write_phone(trimmed, out),
        Class::Card => return number::write_card(trimmed, out),
        Class::Iban => return number::write_iban(trimmed, out),
        Class::Device => device::write(trimmed, out),
        Class::UserId | Class::Session => match device::hyphenated_uuid(trimmed) {
            Some(uuid) => push(UUID, &uuid, out),
            None => push(USUAL, trimmed, out),
        },
        Class::Account | Class::ConnectionId | Class::Token => push(USUAL, trimmed, out),
        Class::User | Class::Person | Class::UserAgent | Class::Host | Class::Geo | Class::Text => {
            push(USUAL, text, out);
        }
    }
    true
}

/// The text of a value in the usual letters, where the spelling of its class may have others: `ａｌｉｃｅ` is `alice`.
pub fn in_usual_letters(class: Class, value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if value.is_ascii() { None } else { normal_text(class, value) }
}

/// The value without what only its spelling adds; `None` when it does not fit the class.
fn normal_text(class: Class, value: &[u8]) -> Option<Cow<'_, [u8]>> {
    match class {
        Class::User => text::user(value),
        Class::Person => text::person(value),
        Class::Host => text::host(value),
        Class::Ip
        | Class::Network
        | Class::Mac
        | Class::Email
        | Class::UserId
        | Class::Phone
        | Class::Account
        | Class::Card
        | Class::Iban
        | Class::Session
        | Class::ConnectionId
        | Class::Token
        | Class::Device
        | Class::UserAgent
        | Class::Geo
        | Class::Text => Some(Cow::Borrowed(value)),
    }
}

/// The class that the value's shape tells, where shape is believed more than the field.
fn better_class(class: Class, text: &[u8]) -> Option<Class> {
    let shapes: &[Class] = match class {
        // Eight octets between colons are an EUI-64, though IPv6 could be written so.
        Class::Text => &[Class::Email, Class::Mac, Class::Ip, Class::Device, Class::Iban, Class::Card, Class::Phone],
        Class::Device => &[Class::Email, Class::Mac, Class::Ip],
        Class::User | Class::UserId => &[Class::Email, Class::Ip, Class::Phone],
        Class::Account => &[Class::Email, Class::Iban, Class::Card],
        Class::Host => &[Class::Email, Class::Ip],
        Class::Person | Class::Session => &[Class::Email],
        Class::Ip => &[Class::Network, Class::Host],
        Class::Network => &[Class::Ip],
        Class::Mac
        | Class::Email
        | Class::Phone
        | Class::Card
        | Class::Iban
        | Class::ConnectionId
        | Class::Token
        | Class::UserAgent
        | Class::Geo => &[],
    };
    shapes.iter().copied().find(|shape| has_shape(*shape, text))
}

/// Whether a text is unmistakably of this class.
fn has_shape(class: Class, text: &[u8]) -> bool {
    match class {
        Class::Email => email::is_unmistakable(text),
        Class::Ip => address(text).is_some() || address::is_network_of_one(text),
        Class::Network => address::is_network(text) && !address::is_network_of_one(text),
        Class::Mac => hardware::is_unmistakable(text),
        Class::Device => device::is_unmistakable(text),
        Class::Phone => number::is_unmistakable_phone(text),
        Class::Card => number::is_unmistakable_card(text),
        Class::Iban => number::is_unmistakable_iban(text),
        Class::Host => text::is_unmistakable_host(text),
        Class::User
        | Class::Person
        | Class::UserId
        | Class::Account
        | Class::Session
        | Class::ConnectionId
        | Class::Token
        | Class::UserAgent
        | Class::Geo
        | Class::Text => false,
    }
}

fn push(tag: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(body);
}

/// What stands in [`HEX_DIGITS`] for bytes that are no digit: all bits, which digits do not have even together.
const NO_DIGIT: u8 = u8::MAX;

/// By byte: the value of a hexadecimal digit in either case.
static HEX_DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        digits[digit as usize] = value as u8;
        digits[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Value of a hexadecimal digit in either case.
fn hex_digit(byte: u8) -> Option<u8> {
    Some(HEX_DIGITS[usize::from(byte)]).filter(|digit| *digit != NO_DIGIT)
}

/// Reads exactly `N` bytes from hexadecimal digits.
fn hex_bytes<const N: usize>(mut digits: impl Iterator<Item = u8>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = hex_digit(digits.next()?)? << 4 | hex_digit(digits.next()?)?;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// Class and canonical bytes of a value.
    fn canon(class: Class, value: impl AsRef<[u8]>) -> (Class, Vec<u8>) {
        let mut out = Vec::new();
        let class = canonical(class, value.as_ref(), &mut out);
        (class, out)
    }

    #[track_caller]
    fn check_equal(class: Class, spellings: &[&str]) {
        for pair in spellings.windows(2) {
            assert_eq!(canon(class, pair[0]), canon(class, pair[1]), "{} and {}", pair[0], pair[1]);
        }
        assert_ne!(canon(class, spellings[0]).1[0], RAW, "{} does not fit {class}", spellings[0]);
    }

    #[track_caller]
    fn check_distinct(class: Class, values: &[&str]) {
        for (index, value) in values.iter().enumerate() {
            for other in &values[..index] {
                assert_ne!(canon(class, value), canon(class, other), "{value} and {other}");
            }
        }
    }

    #[track_caller]
    fn check_class(class: Class, value: &str, expect: Class) {
        assert_eq!(canon(class, value).0, expect, "{class} {value}");
        if class != expect {
            assert_eq!(canon(class, value), canon(expect, value), "{class} {value}");
        }
    }

    #[test]
    fn addresses_in_all_spellings() {
        check_equal(
            Class::Ip,
            &[
                "192.0.2.1",
                "::ffff:192.0.2.1",
                "::FFFF:C000:201",
                "[::ffff:c000:0201]:443",
                "0:0:0:0:0:ffff:192.0.2.1",
                " 192.0.2.1\t",
                "192.0.2.1:65535",
                "[192.0.2.1]",
                "192.000.002.001",
                "::ffff:192.000.002.001",
                "%5B%3A%3Affff%3Ac000%3A201%5D",
                "192.0.2.1%3A443",
            ],
        );
        check_equal(
            Class::Ip,
            &[
                "2001:db8::1",
                "2001:DB8:0:0:0:0:0:1",
                "2001:0db8:0000:0000:0000:0000:0000:0001",
                "[2001:db8::1]:80",
                "2001:db8::1%eth0",
                "[2001:db8::1%25eth0]:80",
                "2001%3Adb8%3A%3A1",
                "%5B2001%253Adb8%253A%253A1%5D%253A80",
                "2001:db8::0.0.0.1",
            ],
        );
        assert_eq!(canon(Class::Ip, "192.0.2.1").1, [4, 192, 0, 2, 1]);
        assert_eq!(canon(Class::Ip, "2001:db8::1").1, [&[6, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat());
    }

    #[test]
    fn addresses_that_stay_apart() {
        check_distinct(
            Class::Ip,
            &[
                "192.0.2.1",
                "::192.0.2.1",
                "64:ff9b::192.0.2.1",
                "192.0.2.10",
                "192.0.2.1:65536",
                "192.0.2.1:",
                "192.0.2.1:+1",
                "192.0.2.0001",
                "16777215",
                "192.0.2.1/31",
                "192.0.2.1/33",
                "[192.0.2.1",
                "2001:db8::1%",
                "2001:db8::1%eth 0",
                "[2001:db8::1]x",
                "2001:db8::1",
                "",
                "-",
            ],
        );
    }

    #[test]
    fn networks_in_all_spellings() {
        check_equal(
            Class::Network,
            &[
                "192.0.2.0/24",
                "192.0.2.77/24",
                "192.0.2.0/255.255.255.0",
                "::ffff:192.0.2.0/120",
                " 192.0.2.0/24 ",
                "192.0.2.0%2F24",
            ],
        );
        check_equal(Class::Network, &["2001:db8::/32", "2001:DB8:0::1/32"]);
        check_equal(Class::Ip, &["192.0.2.1", "192.0.2.1/32", "192.0.2.1/255.255.255.255"]);
        check_equal(
            Class::Ip,
            &[
                "192.0.2.1",
                "1.2.0.192.IN-ADDR.arpa",
                "192-0-2-1",
                "3221225985",
                "0xC0000201",
                "C0000201",
                "192, 0, 2, 1",
            ],
        );
        let nibbles = format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23));
        check_equal(Class::Ip, &["2001:db8::1", &nibbles]);
        check_equal(Class::Network, &["192.0.2.0/24", "2.0.192.in-addr.arpa"]);
        check_distinct(
            Class::Network,
            &["192.0.2.0/24", "192.0.2.0/25", "192.0.2.0/23", "192.0.2.0", "192.0.2.0/33", "192.0.2.0/0.0.0.255"],
        );
        assert_eq!(canon(Class::Network, "192.0.2.9/24").1, [4, 24, 192, 0, 2, 0]);
        check_class(Class::Ip, "192.0.2.0/24", Class::Network);
        check_class(Class::Network, "192.0.2.1/32", Class::Ip);
        check_class(Class::Network, "192.0.2.1", Class::Ip);
    }

    #[test]
    fn telephone_numbers() {
        check_equal(
            Class::Phone,
            &["+15550100123", "+1 555-010-0123", "tel:+1-555-010-0123", "001 555 010 0123", "+1 (555) 010.0123"],
        );
        check_equal(Class::Phone, &["+44 20 7946 0958", "+44 (0)20 7946 0958", "0044/20/79460958"]);
        check_equal(Class::Phone, &["555-0100123", "555 010 0123"]);
        check_distinct(
            Class::Phone,
            &["+15550100123", "15550100123", "+15550100124", "+0555010012", "5550100", "+1234567890123456", "no", ""],
        );
        for class in [Class::User, Class::UserId, Class::Text] {
            check_class(class, "+1 555-010-0123", Class::Phone);
            check_class(class, "15550100123", class);
        }
    }

    #[test]
    fn cards_and_bank_accounts() {
        check_equal(Class::Card, &["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"]);
        check_distinct(Class::Card, &["4111111111111111", "5555555555554444", "4111111111111112", "4111", ""]);
        check_equal(Class::Iban, &["GB82WEST12345698765432", "gb82 west 1234 5698 7654 32"]);
        check_distinct(Class::Iban, &["GB82WEST12345698765432", "GB83WEST12345698765432", "GB82", ""]);
        for class in [Class::Account, Class::Text] {
            check_class(class, "GB82 WEST 1234 5698 7654 32", Class::Iban);
            check_class(class, "4111-1111-1111-1111", Class::Card);
            check_class(class, "4111111111111111", class);
        }
    }

    #[test]
    fn identifiers_of_accounts() {
        for class in [Class::UserId, Class::Session] {
            check_equal(class, &["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "{F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6}"]);
            check_distinct(class, &["f81d4fae7dec11d0a76500a0c91e6bf6", "F81D4FAE7DEC11D0A76500A0C91E6BF6", "a", "A"]);
        }
    }

    #[test]
    fn imeis() {
        check_equal(
            Class::Device,
            &["490154203237518", "49-015420-323751-8", "49 015420 323751 8", "urn:gsma:imei:49015420-323751-8"],
        );
        check_distinct(Class::Device, &["490154203237518", "49-015420-323751-9", "4901542032375180"]);
    }

    #[test]
    fn a_domain_is_one_wherever_it_stands() {
        check_class(Class::Ip, "Client.Example.COM", Class::Host);
        check_class(Class::Ip, "client.example.com:443", Class::Host);
        for text in ["unknown", "localhost", "1.2.3.4.5", "a b.example.com"] {
            check_class(Class::Ip, text, Class::Ip);
        }
    }

    #[test]
    fn hardware_addresses() {
        check_equal(
            Class::Mac,
            &[
                "00-1B-44-11-3A-B7",
                "001b.4411.3ab7",
                "00:1b:44:11:3a:b7",
                "001b44113ab7",
                "001B-4411-3AB7",
                " 00:1B:44:11:3A:B7 ",
            ],
        );
        check_equal(Class::Mac, &["00:1b:44:ff:fe:11:3a:b7", "001b.44ff.fe11.3ab7", "001b44fffe113ab7"]);
        check_distinct(
            Class::Mac,
            &[
                "00:1b:44:11:3a:b7",
                "00:1b:44:ff:fe:11:3a:b7",
                "00:1b-44:11-3a:b7",
                "0:1b:44:11:3a:b7",
                "00:1b:44:11:3a",
                "00:1b:44:11:3a:b7:00",
                "00:1b:44:11:3a:g7",
                "001b4411.3ab7",
                "00:1b:44:11:3a:b7:",
                "",
            ],
        );
    }

    #[test]
    fn devices() {
        check_equal(
            Class::Device,
            &[
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "{F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6}",
                "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "URN:UUID:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
                "f81d4fae7dec11d0a76500a0c91e6bf6",
                " F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6 ",
            ],
        );
        check_equal(Class::Device, &["SN-00Ab", " SN-00Ab\n"]);
        check_distinct(
            Class::Device,
            &[
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "ae4f1df8-ec7d-d011-a765-00a0c91e6bf6",
                "f81d4fae-7dec11d0a765-00a0c91e6bf6",
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf6-",
                "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "SN-00Ab",
                "sn-00ab",
                "",
            ],
        );
    }

    #[test]
    fn emails() {
        check_equal(
            Class::Email,
            &[
                "alice@example.com",
                "Alice@Example.COM",
                "alice@example.com.",
                " <alice@example.com> ",
                "alice%40example.com",
                "alice%2540example.com",
                "\"alice\"@example.com",
                "\u{ff21}lice\u{ff20}example.com",
                "alice@ex\u{ad}ample\u{3002}com",
            ],
        );
        check_equal(
            Class::Email,
            &["ren\u{e9}@b\u{fc}cher.example", "Rene\u{301}@Bu\u{308}cher.example", "REN\u{c9}@xn--bcher-kva.example"],
        );
        check_equal(Class::Email, &["\"Alice Example\"@example.com", "\"alice example\"@EXAMPLE.COM"]);
        check_equal(Class::Email, &["root@localhost", "ROOT@LOCALHOST."]);
        assert_eq!(canon(Class::Email, "Alice@Example.COM").1, b"\x01alice@example.com");
    }

    #[test]
    fn emails_that_stay_apart() {
        check_distinct(
            Class::Email,
            &[
                "a.b@example.com",
                "ab@example.com",
                "a.b+tag@example.com",
                "a.b@example.org",
                "a.b@mail.example.com",
                "\u{430}.b@example.com",
                "a.b@",
                "@example.com",
                "a.b",
                "a.b@example..com",
                "a b@example.com",
                "a.b@exam ple.com",
                "",
            ],
        );
    }

    #[test]
    fn users() {
        check_equal(Class::User, &["alice", "Alice", "ALICE ", "\u{ff21}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}"]);
        check_equal(Class::User, &["ren\u{e9}", "REN\u{c9}", "Rene\u{301}"]);
        check_equal(Class::User, &["\u{30ac}", "\u{ff76}\u{ff9e}"]);
        check_equal(
            Class::User,
            &["\u{3b1}\u{3bb}\u{3b5}\u{3be}\u{3b7}\u{3c2}", "\u{391}\u{39b}\u{395}\u{39e}\u{397}\u{3a3}"],
        );
        check_distinct(
            Class::User,
            &[
                "alice",
                "\u{430}lice",
                "alice1",
                "al ice",
                "EXAMPLE\\alice",
                "alice@EXAMPLE",
                "\u{b9}alice",
                "1alice",
                "",
            ],
        );
        assert_eq!(canon(Class::User, "EXAMPLE\\Alice"), (Class::User, b"\x01example\\alice".to_vec()));
        assert_eq!(canon(Class::User, b"\xffalice"), (Class::User, b"\x00\xffalice".to_vec()));
    }

    #[test]
    fn persons() {
        check_equal(
            Class::Person,
            &["Alice Example", "Alice+Example", " alice \u{a0} EXAMPLE ", "ALICE\tEXAMPLE", "alice\u{3000}example"],
        );
        check_distinct(Class::Person, &["Alice Example", "AliceExample", "Example Alice", ""]);
    }

    #[test]
    fn hosts() {
        check_equal(
            Class::Host,
            &["www.example.com", "WWW.Example.Com", "www.example.com.", "www.example.com:443", " www.example.com "],
        );
        check_equal(Class::Host, &["b\u{fc}cher.example", "xn--bcher-kva.example", "B\u{dc}CHER\u{3002}EXAMPLE"]);
        check_equal(Class::Host, &["192.0.2.1", "[::ffff:192.0.2.1]:80", "\u{ff11}92.0.2.1"]);
        check_equal(Class::Host, &["_dmarc.example.com", "_DMARC.example.com"]);
        check_distinct(
            Class::Host,
            &[
                "www.example.com",
                "example.com",
                "ex\u{430}mple.com",
                "www.example.com..",
                ".www.example.com",
                "www.example.com:",
                "www.example.com/",
                "xn--a",
                "",
                ".",
            ],
        );
    }

    #[test]
    fn opaque_values() {
        for class in [Class::UserId, Class::Session, Class::Token] {
            check_equal(class, &["4711-Ab", " 4711-Ab\r\n"]);
            check_distinct(class, &["4711-Ab", "4711-ab", "4711-Ab%20", "4711", ""]);
        }
        for class in [Class::UserAgent, Class::Text] {
            check_distinct(class, &["Mozilla/5.0", "mozilla/5.0", "Mozilla/5.0 ", ""]);
        }
    }

    #[test]
    fn the_shape_tells_the_class() {
        const UUID: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        for class in
            [Class::User, Class::Person, Class::UserId, Class::Session, Class::Host, Class::Device, Class::Text]
        {
            check_class(class, " Alice@Example.com", Class::Email);
        }
        for class in [Class::User, Class::UserId, Class::Host, Class::Device, Class::Text] {
            check_class(class, "[2001:DB8::1]:443", Class::Ip);
        }
        for class in [Class::Device, Class::Text] {
            check_class(class, "00-1B-44-11-3A-B7", Class::Mac);
            check_class(class, "00:1b:44:ff:fe:11:3a:b7", Class::Mac);
            check_class(class, "001b44113ab7", class);
            check_class(class, "1234-5678-9012", class);
        }
        check_class(Class::Text, UUID, Class::Device);
        check_class(Class::Text, &UUID.replace('-', ""), Class::Text);
    }

    #[test]
    fn the_field_keeps_its_class() {
        const UUID: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        for class in [Class::User, Class::UserId, Class::Session, Class::Token, Class::Person, Class::UserAgent] {
            check_class(class, UUID, class);
        }
        for class in [Class::Session, Class::Token, Class::Person, Class::Email] {
            check_class(class, "192.0.2.1", class);
        }
        for text in ["mail alice@example.com", "https://alice@example.com", "alice@EXAMPLE", "192.0.2.1 -"] {
            check_class(Class::Text, text, Class::Text);
        }
        check_class(Class::Token, "alice@example.com", Class::Token);
    }

    #[test]
    fn output_is_appended() {
        let mut out = b"before".to_vec();
        canonical(Class::Ip, b"192.0.2.1", &mut out);
        assert_eq!(out, b"before\x04\xc0\x00\x02\x01");
    }

    #[test]
    fn networks() {
        for (address, expect) in [
            ("192.0.2.254", "192.0.2.0/24"),
            ("::ffff:192.0.2.254", "192.0.2.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()).to_string(), expect);
        }
    }

    #[test]
    fn every_letter_is_folded_once_and_for_all() {
        use unicode_normalization::UnicodeNormalization;
        for c in '\0'..=char::MAX {
            let (class, once) = canon(Class::User, c.to_string());
            let decomposed: String = c.nfd().collect();
            assert_eq!(canon(Class::User, decomposed), (class, once.clone()), "U+{:04X}", u32::from(c));
            assert_eq!(canon(class, &once[1..]), (class, once), "U+{:04X}", u32::from(c));
        }
    }

    /// All ways to write an address down.
    fn spell_address(address: IpAddr, style: usize) -> String {
        let plain = match (address, style % 3) {
            (IpAddr::V4(v4), 1) => v4.to_ipv6_mapped().to_string(),
            (IpAddr::V4(v4), 2) => spell_groups(v4.to_ipv6_mapped()),
            (IpAddr::V6(v6), 1) => spell_groups(v6),
            _ => address.to_string(),
        };
        let plain = if style & 8 == 0 { plain } else { plain.to_uppercase() };
        let zone = if plain.contains(':') && style & 16 != 0 { "%eth0" } else { "" };
        match style & 3 {
            0 => format!("[{plain}{zone}]:8443"),
            1 => format!("[{plain}{zone}]"),
            2 => format!("\t{plain}{zone} "),
            _ => format!("{plain}{zone}"),
        }
    }

    /// All eight groups of four digits.
    fn spell_groups(address: Ipv6Addr) -> String {
        address.segments().map(|segment| format!("{segment:04x}")).join(":")
    }

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![any::<Ipv4Addr>().prop_map(IpAddr::V4), any::<Ipv6Addr>().prop_map(IpAddr::V6)]
    }

    fn any_class() -> impl Strategy<Value = Class> {
        proptest::sample::select(Class::ALL.as_slice())
    }

    /// Bytes that look like something more often than random ones.
    fn any_value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(any::<u8>(), 0..48),
            "\\PC{0,32}".prop_map(String::into_bytes),
            "[ <\\[{\"]{0,2}[0-9a-fA-F:.@%x-]{0,40}[ >\\]}\"]{0,2}".prop_map(String::into_bytes),
            "[A-Za-z\u{e4}\u{df}\u{130}\u{3a3}\u{ff21}.+%\"]{1,12}[@\u{ff20}][A-Za-z\u{fc}\u{3002}.-]{1,16}"
                .prop_map(String::into_bytes),
        ]
    }

    /// Values of which many are canonical as they stand, and some nearly.
    fn near_canonical() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{11}[0-9aA]".prop_map(String::into_bytes),
            "[a-z0-9._+-]{1,8}@[a-z0-9.-]{1,8}\\.[a-z]{2,3}".prop_map(String::into_bytes),
            "[a-zA-Z0-9._+-]{0,4}@[a-z0-9.@-]{0,6}".prop_map(String::into_bytes),
            any_value(),
        ]
    }

    #[test]
    fn usual_spellings_stand_as_they_are() {
        for (class, value) in [
            (Class::Device, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
            (Class::Session, "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"),
            (Class::Email, "alice.b+tag@mail.example.com"),
        ] {
            assert_eq!(canonical_as_it_stands(class, value.as_bytes(), &mut Vec::new()), Some(class), "{value}");
        }
    }

    proptest! {
        #[test]
        fn addresses_are_one_in_any_spelling(address in any_address(), style in 0_usize..32) {
            let spelled = spell_address(address, style);
            prop_assert_eq!(super::address(spelled.as_bytes()), Some(address.to_canonical()), "{}", spelled);
            prop_assert_eq!(canon(Class::Ip, &spelled), canon(Class::Ip, address.to_string()));
        }

        #[test]
        fn addresses_are_told_apart(first in any_address(), second in any_address()) {
            let equal = canon(Class::Ip, first.to_string()) == canon(Class::Ip, second.to_string());
            prop_assert_eq!(equal, first.to_canonical() == second.to_canonical());
        }

        #[test]
        fn hardware_addresses_are_one_in_any_spelling(octets in any::<[u8; 6]>(), separator in 0_usize..4) {
            let digits = octets.map(|octet| format!("{octet:02X}"));
            let spelled = match separator {
                0 => digits.join(":"),
                1 => digits.join("-").to_lowercase(),
                2 => digits.concat(),
                _ => digits.chunks(2).map(|pair| pair.concat()).collect::<Vec<_>>().join("."),
            };
            let expect = [&[USUAL], octets.as_slice()].concat();
            prop_assert_eq!(canon(Class::Mac, spelled), (Class::Mac, expect));
        }

        #[test]
        fn uuids_are_one_in_any_spelling(bytes in any::<[u8; 16]>(), style in 0_usize..4) {
            let hex = data_encoding::HEXLOWER.encode(&bytes);
            let hyphenated = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
            let spelled = match style {
                0 => hyphenated.to_uppercase(),
                1 => format!("{{{hyphenated}}}"),
                2 => format!("urn:uuid:{hyphenated}"),
                _ => hex,
            };
            let expect = [&[USUAL], bytes.as_slice()].concat();
            prop_assert_eq!(canon(Class::Device, spelled), (Class::Device, expect));
        }

        #[test]
        fn emails_are_one_in_any_spelling(
            local in "[a-z0-9+._-]{1,20}",
            domain in "([a-z0-9]{1,8}\\.){1,3}[a-z]{2,6}",
            style in 0_usize..5,
        ) {
            let plain = format!("{local}@{domain}");
            let spelled = match style {
                0 => plain.to_uppercase(),
                1 => format!("<{plain}>"),
                2 => format!(" {plain}. "),
                3 => format!("{local}%40{domain}"),
                _ => format!("\"{local}\"@{domain}"),
            };
            let expect = format!("\u{1}{plain}").into_bytes();
            prop_assert_eq!(canon(Class::Email, spelled), (Class::Email, expect));
        }

        #[test]
        fn names_are_one_in_any_case_and_composition(name in "[a-z\u{e4}\u{f6}\u{e9}\u{439}\u{436} ]{1,16}") {
            use unicode_normalization::UnicodeNormalization;
            for class in [Class::User, Class::Person] {
                let decomposed: String = name.to_uppercase().nfd().collect();
                prop_assert_eq!(canon(class, &decomposed), canon(class, &name));
            }
        }

        /// Where the canonical form is a text, it is its own canonical form, under the same class.
        #[test]
        fn canonical_text_stays_as_it_is(class in any_class(), value in any_value()) {
            let (class, bytes) = canon(class, &value);
            // Of a telephone number it is the digits without what tells that a country is among them.
            let is_text = bytes[0] == USUAL && !matches!(class, Class::Mac | Class::Device | Class::Ip | Class::Phone);
            if is_text {
                prop_assert_eq!(canon(class, &bytes[1..]), (class, bytes));
            }
        }

        /// Values that are seen to be canonical are so.
        #[test]
        fn what_stands_as_it_is_needs_no_closer_look(class in any_class(), value in near_canonical()) {
            let (mut direct, mut closer) = (Vec::new(), Vec::new());
            if let Some(class_direct) = canonical_as_it_stands(class, &value, &mut direct) {
                let class_closer = canonical_of_any(class, &value, &mut closer);
                prop_assert_eq!((class_direct, direct), (class_closer, closer));
            } else {
                prop_assert_eq!(direct, closer);
            }
        }

        /// Of two values with one canonical form, neither is hashed raw: raw bytes are injective.
        #[test]
        fn raw_bytes_are_told_apart(class in any_class(), first in any_value(), second in any_value()) {
            let canonical = canon(class, &first);
            if canonical.1[0] == RAW && first != second {
                prop_assert_ne!(canonical, canon(class, &second));
            }
        }

        #[test]
        fn any_bytes_have_a_canonical_form(class in any_class(), value in vec(any::<u8>(), 0..4096)) {
            let (_, bytes) = canon(class, &value);
            prop_assert!(!bytes.is_empty());
        }
    }

    #[test]
    fn long_values_take_linear_time() {
        for unit in ["a.", "xn--", "%40", "\u{fc}", "@", ":", "-", "f"] {
            let value = unit.repeat(1 << 20);
            for class in Class::ALL {
                let (_, bytes) = canon(class, &value);
                assert!(bytes.len() > value.len());
            }
        }
    }
}
