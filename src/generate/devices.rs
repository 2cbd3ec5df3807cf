//! What people connect with: hardware, and the user agents that speak for it.

use super::dice::Dice;
use std::ops::RangeInclusive;

/// A computer or a telephone.
pub(super) struct Device {
    /// A UUID of version 4 (RFC 9562).
    pub(super) id: String,
    pub(super) mac: String,
    pub(super) agent: String,
    pub(super) os: &'static str,
}

/// A family of user agents: the text with `{v}` for the major version, the versions about, and the system it runs on.
pub(super) type Agent = (&'static str, RangeInclusive<u64>, &'static str);

pub(super) const DESK_AGENTS: [Agent; 9] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        124..=131,
        "Windows 11",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        124..=131,
        "Windows 10",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        126..=131,
        "macOS 15",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        120..=131,
        "Linux",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 Edg/{v}.0.0.0",
        125..=131,
        "Windows 11",
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 125..=133, "Windows 10"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 115..=133, "Linux"),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 125..=133, "Ubuntu 24.04"),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v}.6 Safari/605.1.15",
        16..=18,
        "macOS 14",
    ),
];

pub(super) const PHONE_AGENTS: [Agent; 5] = [
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS {v}_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v}.5 Mobile/15E148 Safari/604.1",
        16..=18,
        "iOS",
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
        120..=131,
        "Android 14",
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
        120..=131,
        "Android 13",
    ),
    ("Mozilla/5.0 (Android 15; Mobile; rv:{v}.0) Gecko/{v}.0 Firefox/{v}.0", 125..=133, "Android 15"),
    ("okhttp/4.{v}.0", 9..=12, "Android 12"),
];

pub(super) const SHELL_AGENTS: [Agent; 6] = [
    ("curl/8.{v}.0", 1..=11, "Linux"),
    ("python-requests/2.{v}.0", 28..=32, "Linux"),
    ("Go-http-client/2.{v}", 0..=0, "Linux"),
    ("aws-cli/2.{v}.4 md/awscrt#0.21.2 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.11.9", 15..=22, "Linux"),
    ("Boto3/1.{v}.27 md/Botocore#1.35.27 os/linux#6.1.0 lang/python#3.12.5", 34..=35, "Linux"),
    ("PostmanRuntime/7.{v}.0", 36..=43, "macOS 14"),
];

pub(super) const STRANGER_AGENTS: [Agent; 6] = [
    ("Mozilla/5.0 (compatible; ExampleBot/{v}.0; +https://bot.example.net/about)", 1..=4, ""),
    ("python-requests/2.{v}.1", 25..=32, ""),
    ("curl/7.{v}.0", 58..=88, ""),
    ("Go-http-client/1.{v}", 1..=1, ""),
    ("Mozilla/5.0 zgrab/0.{v}", 1..=2, ""),
    (
        "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        60..=79,
        "",
    ),
];

impl Device {
    pub(super) fn new(agents: &[Agent], dice: &mut Dice) -> Self {
        let family = dice.pick(agents);
        Self { id: uuid(dice.bits()), mac: mac(dice), agent: agent(family, dice), os: family.2 }
    }
}

/// The user agent of some version of the family.
pub(super) fn agent((text, versions, _): &Agent, dice: &mut Dice) -> String {
    text.replace("{v}", &dice.between(versions.clone()).to_string())
}

/// A UUID of version 4 (RFC 9562, section 5.4) from random bits.
pub(super) fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// A locally administered unicast address: the second-lowest bit of the first octet is set, the lowest is not.
fn mac(dice: &mut Dice) -> String {
    let bits = dice.bits().to_be_bytes();
    let first = bits[0] & 0xfc | 0x02;
    let rest = bits[1..6].iter().map(|octet| format!(":{octet:02x}"));
    std::iter::once(format!("{first:02x}")).chain(rest).collect()
}
