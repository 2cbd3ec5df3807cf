//! Everybody and everything that logs speak of, made up once from the seed.
//!
//! Addresses are those of documentation (RFC 5737, RFC 3849), host names too (RFC 2606); hardware addresses are locally
//! administered (IEEE 802), so that no maker's device has one.

use super::dice::{Dice, Zipf};
use super::names::{CULTURES, Culture, Order, TRIED};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

const PEOPLE: u64 = 4_000;
const STRANGERS: u64 = 400;
const PRODUCTS: u64 = 2_000;

pub(super) const HEX: &[u8] = b"0123456789abcdef";
pub(super) const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(super) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"0123456789";

/// RFC 5737.
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

const MAIL_DOMAINS: [&str; 6] =
    ["example.com", "example.org", "example.net", "mail.example.com", "staff.example.org", "eu.example.net"];

/// Machines that write logs.
pub(super) const SERVERS: [&str; 8] =
    ["web1", "web2", "api-gw", "bastion", "db-primary", "build03", "files", "edge-fra"];

/// Everybody, the most active first.
pub(super) struct World {
    pub(super) people: Vec<Person>,
    pub(super) strangers: Vec<Stranger>,
    /// Load balancers and proxies in front of our servers.
    pub(super) proxies: Vec<Address>,
    pub(super) by_activity: Zipf,
    pub(super) by_persistence: Zipf,
    pub(super) by_demand: Zipf,
}

/// Someone with an account.
pub(super) struct Person {
    /// Unique.
    pub(super) login: String,
    /// In the person's own script.
    pub(super) name: String,
    /// Unique.
    pub(super) email: String,
    /// Unique: `u-482133`.
    pub(super) user_id: String,
    /// Of Linux. Its four digits say little.
    pub(super) uid: u64,
    /// Where they are online: at home, and perhaps elsewhere.
    pub(super) addresses: Vec<Address>,
    /// Indexed by [`Role`](super::visit::Role).
    pub(super) devices: [Device; 3],
    /// Of the SSH key: `SHA256:` and 43 characters of base64.
    pub(super) fingerprint: String,
    /// Cloud account, shared with others: 12 digits.
    pub(super) account: String,
    /// Cloud identity.
    pub(super) principal: String,
    /// Cloud access key.
    pub(super) access_key: String,
}

/// A computer, a telephone, or a program on a server.
pub(super) struct Device {
    /// A UUID of version 4 (RFC 9562).
    pub(super) id: String,
    pub(super) mac: String,
    pub(super) agent: String,
    pub(super) os: &'static str,
}

/// Someone without an account: a crawler, a scanner, an attacker.
pub(super) struct Stranger {
    pub(super) address: Address,
    pub(super) agent: String,
    /// Some of the names tried.
    pub(super) tries: Vec<&'static str>,
}

/// An address in the spellings that logs have.
pub(super) struct Address {
    /// `192.0.2.1`, `2001:db8::1` (RFC 5952).
    pub(super) plain: String,
    /// `::ffff:192.0.2.1` or `::ffff:c000:201`, as dual-stack sockets tell it; plain for IPv6.
    pub(super) mapped: String,
    /// `2001:0DB8:0000:…`; plain for IPv4.
    pub(super) expanded: String,
    pub(super) is_ipv6: bool,
}

impl World {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let accounts: Vec<String> = (0..20).map(|_| dice.letters(DIGITS, 12)).collect();
        let mut logins = BTreeSet::new();
        let people = (0..PEOPLE).map(|rank| Person::new(rank, &accounts, &mut logins, dice)).collect();
        Self {
            people,
            strangers: (0..STRANGERS).map(|_| Stranger::new(dice)).collect(),
            proxies: (1..=4).map(|host| Address::v4(Ipv4Addr::new(198, 51, 100, host), dice)).collect(),
            by_activity: Zipf::new(PEOPLE),
            by_persistence: Zipf::new(STRANGERS),
            by_demand: Zipf::new(PRODUCTS),
        }
    }
}

impl Person {
    fn new(rank: u64, accounts: &[String], logins: &mut BTreeSet<String>, dice: &mut Dice) -> Self {
        let culture = dice.pick(&CULTURES);
        let (given, family) = (dice.pick(&culture.given), dice.pick(&culture.family));
        let login = unused(login(given.1, family.1, dice), logins);
        let local = if dice.one_in(4) { login.clone() } else { format!("{}-{}{}", given.1, family.1, 10 + rank) };
        Self {
            name: full_name(culture, given.0, family.0),
            email: format!("{local}@{}", dice.pick(&MAIL_DOMAINS)),
            // 314,159 has no factor in common with 900,000: no two ranks meet.
            user_id: format!("u-{}", 100_000 + rank * 314_159 % 900_000),
            uid: 1_000 + rank,
            addresses: addresses(dice),
            devices: [Device::desk(dice), Device::phone(dice), Device::shell(dice)],
            fingerprint: format!("SHA256:{}", dice.letters(BASE64, 43)),
            account: dice.pick(accounts).clone(),
            principal: format!("AIDA{}EXAMPLE", dice.letters(BASE32, 10)),
            access_key: format!("AKIA{}EXAMPLE", dice.letters(BASE32, 9)),
            login,
        }
    }
}

fn full_name(culture: &Culture, given: &str, family: &str) -> String {
    match culture.order {
        Order::GivenFirst => format!("{given} {family}"),
        Order::FamilyFirst => format!("{family} {given}"),
        Order::FamilyFirstUnspaced => format!("{family}{given}"),
    }
}

fn login(given: &str, family: &str, dice: &mut Dice) -> String {
    let initial = given.chars().next().unwrap_or_default();
    match dice.below(5) {
        0 => format!("{given}.{family}"),
        1 => format!("{initial}{family}"),
        2 => format!("{given}_{family}"),
        3 => format!("{family}{}", dice.between(60..=99)),
        _ => format!("{family}.{initial}"),
    }
}

/// The login, with a number behind it if somebody has it already.
fn unused(login: String, logins: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{login}{number}"));
    let free = std::iter::once(login.clone()).chain(numbered).find(|login| logins.insert(login.clone()));
    free.unwrap_or(login)
}

fn addresses(dice: &mut Dice) -> Vec<Address> {
    let mut addresses = vec![home(dice)];
    while addresses.len() < 4 && dice.one_in(2) {
        addresses.push(home(dice));
    }
    addresses
}

/// Three of ten addresses are of IPv6.
fn home(dice: &mut Dice) -> Address {
    if dice.below(10) < 3 {
        let bits = 0x2001_0db8_u128 << 96 | dice.bits() & !(u128::MAX << 96);
        // Many networks hand out short ones.
        let short = 0xffff_ffff_ffff_0000_0000_0000_0000_ffff;
        return Address::v6(Ipv6Addr::from_bits(if dice.one_in(2) { bits & short } else { bits }));
    }
    let [a, b, c] = *dice.pick(&NETWORKS);
    Address::v4(Ipv4Addr::new(a, b, c, dice.between(1..=254) as u8), dice)
}

impl Address {
    fn v4(address: Ipv4Addr, dice: &mut Dice) -> Self {
        let [a, b, c, d] = address.octets().map(u16::from);
        let plain = address.to_string();
        let hexadecimal = dice.one_in(4);
        let mapped =
            if hexadecimal { format!("::ffff:{:x}:{:x}", a << 8 | b, c << 8 | d) } else { format!("::ffff:{plain}") };
        Self { mapped, expanded: plain.clone(), plain, is_ipv6: false }
    }

    fn v6(address: Ipv6Addr) -> Self {
        let expanded = address.segments().map(|segment| format!("{segment:04X}")).join(":");
        let plain = address.to_string();
        Self { mapped: plain.clone(), expanded, plain, is_ipv6: true }
    }
}

/// A family of user agents: the text with `{v}` for the major version, the versions about, and the system it runs on.
type Agent = (&'static str, std::ops::RangeInclusive<u64>, &'static str);

const DESK_AGENTS: [Agent; 9] = [
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

const PHONE_AGENTS: [Agent; 5] = [
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

const SHELL_AGENTS: [Agent; 6] = [
    ("curl/8.{v}.0", 1..=11, "Linux"),
    ("python-requests/2.{v}.0", 28..=32, "Linux"),
    ("Go-http-client/2.{v}", 0..=0, "Linux"),
    ("aws-cli/2.{v}.4 md/awscrt#0.21.2 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.11.9", 15..=22, "Linux"),
    ("Boto3/1.{v}.27 md/Botocore#1.35.27 os/linux#6.1.0 lang/python#3.12.5", 34..=35, "Linux"),
    ("PostmanRuntime/7.{v}.0", 36..=43, "macOS 14"),
];

const STRANGER_AGENTS: [Agent; 6] = [
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
    fn desk(dice: &mut Dice) -> Self {
        Self::new(&DESK_AGENTS, dice)
    }

    fn phone(dice: &mut Dice) -> Self {
        Self::new(&PHONE_AGENTS, dice)
    }

    fn shell(dice: &mut Dice) -> Self {
        Self::new(&SHELL_AGENTS, dice)
    }

    fn new(agents: &[Agent], dice: &mut Dice) -> Self {
        let agent = dice.pick(agents);
        Self { id: uuid(dice.bits()), mac: mac(dice), agent: versioned(agent, dice), os: agent.2 }
    }
}

fn versioned((text, versions, _): &Agent, dice: &mut Dice) -> String {
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

impl Stranger {
    fn new(dice: &mut Dice) -> Self {
        let address = home(dice);
        let agent = versioned(dice.pick(&STRANGER_AGENTS), dice);
        let tries = (0..dice.between(1..=12)).map(|_| *dice.pick(&TRIED)).collect();
        Self { address, agent, tries }
    }
}
