//! Everybody and everything that logs speak of, made up once from the seed.
//!
//! Addresses are those of documentation (RFC 5737, RFC 3849), host names too (RFC 2606); hardware addresses are locally
//! administered (IEEE 802), so that no maker's device has one.

use super::devices::{DESK_AGENTS, Device, PHONE_AGENTS, SHELL_AGENTS, STRANGER_AGENTS, agent};
use super::dice::{Dice, Zipf};
use super::names::{Culture, Order, TRIED, cultures};
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
    pub(super) home: Address,
    /// Up to three other places where they are online.
    pub(super) elsewhere: Vec<Address>,
    pub(super) devices: Devices,
    /// Of the SSH key: `SHA256:` and 43 characters of base64.
    pub(super) fingerprint: String,
    /// Cloud account, shared with others: 12 digits.
    pub(super) account: String,
    /// Cloud identity.
    pub(super) principal: String,
    /// Cloud access key.
    pub(super) access_key: String,
}

/// What a person works with.
pub(super) struct Devices {
    pub(super) desk: Device,
    pub(super) phone: Device,
    /// A server or a work station, from which programs call.
    pub(super) shell: Device,
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
        let cultures = cultures();
        let mut logins = BTreeSet::new();
        let mut person = |rank| {
            let (culture, account) = (dice.pick(&cultures), dice.pick(&accounts));
            Person::new(rank, culture, account, &mut logins, dice)
        };
        Self {
            people: (0..PEOPLE).map(&mut person).collect(),
            strangers: (0..STRANGERS).map(|_| Stranger::new(dice)).collect(),
            proxies: (1..=4).map(|host| Address::v4(Ipv4Addr::new(198, 51, 100, host), dice)).collect(),
            by_activity: Zipf::new(PEOPLE),
            by_persistence: Zipf::new(STRANGERS),
            by_demand: Zipf::new(PRODUCTS),
        }
    }
}

impl Person {
    fn new(rank: u64, culture: &Culture, account: &str, logins: &mut BTreeSet<String>, dice: &mut Dice) -> Self {
        let (given, family) = (dice.pick(&culture.given), dice.pick(&culture.family));
        let login = unused(login(given.latin, family.latin, dice), logins);
        let own = dice.one_in(4).then(|| login.clone());
        let local = own.unwrap_or_else(|| format!("{}-{}{}", given.latin, family.latin, 10 + rank));
        Self {
            name: full_name(given.native, family.native, culture.order),
            email: format!("{local}@{}", dice.pick(&MAIL_DOMAINS)),
            // 314,159 has no factor in common with 900,000: no two ranks meet.
            user_id: format!("u-{}", 100_000 + rank * 314_159 % 900_000),
            uid: 1_000 + rank,
            home: address(dice),
            elsewhere: elsewhere(dice),
            devices: Devices {
                desk: Device::new(&DESK_AGENTS, dice),
                phone: Device::new(&PHONE_AGENTS, dice),
                shell: Device::new(&SHELL_AGENTS, dice),
            },
            fingerprint: format!("SHA256:{}", dice.letters(BASE64, 43)),
            account: account.to_owned(),
            principal: format!("AIDA{}EXAMPLE", dice.letters(BASE32, 10)),
            access_key: format!("AKIA{}EXAMPLE", dice.letters(BASE32, 9)),
            login,
        }
    }

    /// The address of a place: that many of them are elsewhere, the next is home.
    pub(super) fn address(&self, place: usize) -> &Address {
        self.elsewhere.get(place).unwrap_or(&self.home)
    }
}

fn full_name(given: &str, family: &str, order: Order) -> String {
    match order {
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

fn elsewhere(dice: &mut Dice) -> Vec<Address> {
    let places = dice.below(4);
    (0..places).map(|_| address(dice)).collect()
}

/// Three of ten addresses are of IPv6.
fn address(dice: &mut Dice) -> Address {
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

impl Stranger {
    fn new(dice: &mut Dice) -> Self {
        let address = address(dice);
        let agent = agent(dice.pick(&STRANGER_AGENTS), dice);
        let tries = (0..dice.between(1..=12)).map(|_| *dice.pick(&TRIED)).collect();
        Self { address, agent, tries }
    }
}
