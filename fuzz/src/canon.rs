//! Every spelling of an entity has one canonical form and one pseudonym; what differs stays apart.

use crate::input::Input;
use crate::veils;
use logveil::canon;
use logveil::rules::Class;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The tag of values that do not fit their class.
const RAW: u8 = 0;

/// Checks one input: the first byte says of which kind the spelled entity is; the rest is a value as well.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(6) {
        0 => check_address(&mut input),
        1 => check_mac(&mut input),
        2 => check_uuid(&mut input),
        3 => check_email(&mut input),
        4 => check_phone(&mut input),
        _ => check_name(&mut input),
    }
    let (first, second) = data.split_at(data.len() / 2);
    for class in Class::ALL {
        check_any(class, data);
        check_apart(class, first, second);
    }
}

fn canonical(class: Class, value: &[u8]) -> (Class, Vec<u8>) {
    let mut bytes = Vec::new();
    let class = canon::canonical(class, value, &mut bytes);
    (class, bytes)
}

fn pseudonym(class: Class, value: &[u8]) -> Vec<u8> {
    let (class, bytes) = canonical(class, value);
    let keys = veils::keys().epochs().next().expect("the keyring has an epoch");
    let mut token = Vec::new();
    keys.write_pseudonym(class, &bytes, None, &mut token);
    token
}

#[track_caller]
fn check_same(class: Class, plain: &str, spelled: &str) {
    assert_eq!(canonical(class, plain.as_bytes()), canonical(class, spelled.as_bytes()), "{plain} and {spelled}");
    assert_eq!(pseudonym(class, plain.as_bytes()), pseudonym(class, spelled.as_bytes()));
}

fn check_address(input: &mut Input<'_>) {
    let address: IpAddr =
        if input.flag() { Ipv4Addr::from(input.bytes()).into() } else { Ipv6Addr::from(input.bytes::<16>()).into() };
    let core = match address {
        IpAddr::V4(v4) => match input.below(4) {
            0 => v4.to_string(),
            1 => v4.octets().map(|octet| format!("{octet:03}")).join("."),
            2 => v4.to_ipv6_mapped().to_string(),
            _ => groups(v4.to_ipv6_mapped()),
        },
        IpAddr::V6(v6) => match input.below(3) {
            0 => v6.to_string(),
            1 => groups(v6),
            _ => groups(v6).to_uppercase(),
        },
    };
    let zone = if core.contains(':') { input.of(&["", "%eth0", "%25en1", "%3"]) } else { "" };
    let spelled = match input.below(6) {
        0 => format!("[{core}{zone}]:{}", u16::from_be_bytes(input.bytes())),
        1 => format!("[{core}{zone}]"),
        2 => format!(" \t{core}{zone} "),
        3 if !core.contains(':') => format!("{core}:{}", u16::from_be_bytes(input.bytes())),
        4 if zone.is_empty() => core.replace(':', "%3a"),
        _ => format!("{core}{zone}"),
    };
    assert_eq!(canon::address(spelled.as_bytes()), Some(address.to_canonical()), "{spelled}");
    check_same(Class::Ip, &address.to_string(), &spelled);
}

fn groups(address: Ipv6Addr) -> String {
    address.segments().map(|group| format!("{group:04x}")).join(":")
}

fn check_mac(input: &mut Input<'_>) {
    let digits = input.bytes::<6>().map(|octet| format!("{octet:02x}"));
    let spelled = match input.below(4) {
        0 => digits.join("-"),
        1 => digits.concat(),
        2 => digits.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("."),
        _ => digits.join(":"),
    };
    let spelled = if input.flag() { spelled.to_uppercase() } else { spelled };
    check_same(Class::Mac, &digits.join(":"), &spelled);
}

fn check_uuid(input: &mut Input<'_>) {
    let octets: [u8; 16] = input.bytes();
    let plain = [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| data_encoding::HEXLOWER.encode(&octets[part])).join("-");
    let spelled = match input.below(4) {
        0 => format!("{{{plain}}}"),
        1 => format!("urn:uuid:{plain}"),
        2 => plain.replace('-', ""),
        _ => plain.clone(),
    };
    let spelled = if input.flag() { spelled.to_uppercase() } else { spelled };
    check_same(Class::Device, &plain, &spelled);
    for class in [Class::UserId, Class::Session] {
        check_same(class, &plain, &format!(" {{{}}} ", plain.to_uppercase()));
    }
}

fn check_email(input: &mut Input<'_>) {
    const DOMAINS: [&str; 4] = ["example.com", "b\u{fc}cher.example", "\u{43f}\u{440}.example", "x-1.example.org"];
    let (local, domain) = (input.letters::<4>(), input.of(&DOMAINS));
    let plain = format!("{local}.a+b@{domain}");
    let ascii = idna::domain_to_ascii(domain).expect("the domains are sound");
    let spelled = match input.below(6) {
        0 => format!("<{plain}>"),
        1 => plain.replace('@', "%40"),
        2 => format!("{local}.a+b@{ascii}"),
        3 => format!("\"{local}.a+b\"@{domain}"),
        4 => format!("{plain}."),
        _ => plain.replace('@', "\u{ff20}"),
    };
    let spelled = if input.flag() { spelled.to_uppercase() } else { spelled };
    // `%40` and `xn--` have no case; the letters of the local part and the domain lose theirs.
    for class in [Class::Email, Class::User, Class::UserId, Class::Text] {
        check_same(class, &plain, &spelled);
    }
}

fn check_phone(input: &mut Input<'_>) {
    let digits: String = input.bytes::<9>().map(|byte| char::from(b'0' + byte % 10)).iter().collect();
    let (plain, parts) = (format!("+49{digits}"), digits.split_at(3));
    let spelled = match input.below(4) {
        0 => format!("+49 {} {}", parts.0, parts.1),
        1 => format!("tel:+49-{}-{}", parts.0, parts.1),
        2 => format!("0049{digits}"),
        _ => format!("+49 ({}) {}", parts.0, parts.1),
    };
    check_same(Class::Phone, &plain, &spelled);
}

fn check_name(input: &mut Input<'_>) {
    let name = format!("{}\u{e4}\u{e9}", input.letters::<5>());
    let spelled = match input.below(4) {
        0 => name.to_uppercase(),
        1 => format!(" {name}\t"),
        2 => name.replace('\u{e4}', "a\u{308}").replace('\u{e9}', "e\u{301}"),
        _ => crate::entity::wide(&name),
    };
    for class in [Class::User, Class::Person] {
        check_same(class, &name, &spelled);
    }
}

/// Any bytes have a canonical form; where it is a text, it is its own canonical form; addresses are those of `std`.
fn check_any(class: Class, value: &[u8]) {
    let (better, bytes) = canonical(class, value);
    let (tag, body) = bytes.split_first().expect("a canonical form has a tag");
    assert!(*tag != RAW || body == value && better == class, "raw bytes are those of the value");
    // Of a telephone number it is the digits without what tells that a country is among them.
    let is_text = !matches!(better, Class::Mac | Class::Device | Class::Ip | Class::Network | Class::Phone);
    if *tag == 1 && is_text {
        assert_eq!(canonical(better, body), (better, bytes.clone()), "the canonical form of a canonical form");
    }
    let parsed = std::str::from_utf8(value).ok().and_then(|text| text.parse::<IpAddr>().ok());
    if let Some(address) = parsed {
        assert_eq!(canon::address(value), Some(address.to_canonical()));
    }
}

/// Two values with one canonical form are spellings of one thing, so neither of them is hashed as raw bytes.
fn check_apart(class: Class, first: &[u8], second: &[u8]) {
    let (first_form, second_form) = (canonical(class, first), canonical(class, second));
    let is_raw = first_form.1.first() == Some(&RAW);
    assert!(!is_raw || first == second || first_form != second_form);
}
