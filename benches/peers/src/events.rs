//! Invents the events of an API gateway that the JSON jobs clean: about 1.1 KB, 38 fields, three levels, and ten values in
//! eight fields that point to somebody.
//!
//! `logveil::generate` invents shorter events with fewer fields; long ones show what it costs to pass by what stays.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// People there are. Zipf's law decides who comes.
const USERS: u64 = 200_000;

/// Milliseconds from one event to the next.
const PAUSE_MS: u64 = 7;

const FIRST_NAMES: [&str; 12] =
    ["anna", "boris", "chen", "dmitri", "elena", "farid", "grace", "hugo", "ivan", "julia", "karim", "lena"];
const LAST_NAMES: [&str; 12] =
    ["smith", "ivanov", "garcia", "mueller", "tanaka", "nguyen", "brown", "haddad", "rossi", "dubois", "kim", "lopez"];
const DOMAINS: [&str; 4] = ["example.com", "example.org", "mail.example.net", "corp.example.com"];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "okhttp/4.12.0",
    "MobileApp/7.14.2 (Android 14; SM-G991B; build 71402)",
    "python-requests/2.32.3",
];
const PATHS: [&str; 6] = [
    "/api/v2/orders",
    "/api/v1/session/refresh",
    "/api/v2/cart",
    "/api/v3/search",
    "/api/v2/payments/intent",
    "/api/v1/devices/register",
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const STATUSES: [u64; 10] = [200, 200, 200, 201, 204, 304, 400, 404, 429, 502];
const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];
const PLANS: [&str; 3] = ["free", "pro", "enterprise"];
const CAUSES: [&str; 3] = ["connection reset", "too many requests", "gateway timeout"];

/// One event and what a clean copy of it must not hold.
pub struct Event {
    /// The event, without a line feed.
    pub line: String,
    /// The values that the eight fields hold, each as often as it stands there, without escapes.
    pub originals: Vec<String>,
}

/// The first events of an endless log, which is the same on every machine.
pub fn events(count: usize) -> Vec<Event> {
    let mut dice = Dice(Xoshiro256PlusPlus::seed_from_u64(42));
    let zipf = Zipf::new();
    (0..count as u64).map(|number| Visit::draw(&zipf, number, &mut dice).event(number, &mut dice)).collect()
}

/// Who asks, from where, with what.
struct Visit {
    user: u64,
    device: u64,
    session: u64,
    address: String,
    email: String,
}

impl Visit {
    /// Somebody with one of a few devices. Sessions and addresses change as the log goes on.
    fn draw(zipf: &Zipf, number: u64, dice: &mut Dice) -> Self {
        let user = zipf.draw(dice);
        let device = user * 4 + dice.below(3);
        let seed = mixed(user);
        let name = format!("{}.{}{user}", pick(&FIRST_NAMES, seed), pick(&LAST_NAMES, seed >> 8));
        Self {
            user,
            device,
            session: device * 64 + number / 20_000,
            address: address(mixed(user * 3 + device % 3 + number / 40_000)),
            email: format!("{name}@{}", pick(&DOMAINS, seed >> 16)),
        }
    }

    fn event(&self, number: u64, dice: &mut Dice) -> Event {
        let status = *dice.pick(&STATUSES);
        let path = *dice.pick(&PATHS);
        let forwarded = self.forwarded(dice);
        let (message, mentioned) = self.message(path, status, dice);
        let line = [
            head(number, status, dice),
            self.request(path, &forwarded, dice),
            format!(r#""client_ip":"{}","client_port":{},"#, self.escaped_address(number), 1024 + dice.below(60_000)),
            self.person(dice),
            response(status, dice),
            format!(r#""message":"{message}","tags":["edge","v{}"],"sampled":{}}}"#, dice.below(9), dice.below(2) == 0),
        ]
        .concat();
        let fields = [self.address.clone(), self.token(), self.user_id(), self.email.clone()];
        let devices = [uuid(self.device), self.session_id()];
        Event { line, originals: fields.into_iter().chain(devices).chain(forwarded).chain(mentioned).collect() }
    }

    fn request(&self, path: &str, forwarded: &[String], dice: &mut Dice) -> String {
        let (method, bytes, agent) = (dice.pick(&METHODS), dice.below(4096), pick(&AGENTS, mixed(self.device)));
        let (forwarded, token) = (forwarded.join(r#"",""#), self.token());
        [
            format!(r#""request":{{"method":"{method}","path":"{path}","http_version":"HTTP/2.0","bytes_in":{bytes},"#),
            format!(r#""headers":{{"user_agent":"{agent}","x_forwarded_for":["{forwarded}"],"#),
            format!(r#""authorization":"Bearer {token}","accept":"*/*"}}}},"#),
        ]
        .concat()
    }

    /// User, device and session.
    fn person(&self, dice: &mut Dice) -> String {
        let Self { user, email, .. } = self;
        let (user_id, is_verified, plan) = (self.user_id(), user.is_multiple_of(3), dice.pick(&PLANS));
        let (device_id, build) = (uuid(self.device), dice.below(20));
        let (session_id, age) = (self.session_id(), dice.below(7200));
        [
            format!(r#""user":{{"id":"{user_id}","email":"{email}","plan":"{plan}","verified":{is_verified},"#),
            r#""roles":["customer","buyer"]},"#.to_owned(),
            format!(r#""device":{{"id":"{device_id}","os":"android","app_version":"7.{build}.1"}},"#),
            format!(r#""session":{{"id":"{session_id}","age_s":{age}}},"#),
        ]
        .concat()
    }

    fn token(&self) -> String {
        format!("{}.{}", hexadecimal(self.session, 24), hexadecimal(!self.session, 22))
    }

    fn user_id(&self) -> String {
        format!("usr_{:08}", self.user)
    }

    fn session_id(&self) -> String {
        hexadecimal(self.session ^ 0x5e55, 24)
    }

    /// The client and up to three proxies.
    fn forwarded(&self, dice: &mut Dice) -> Vec<String> {
        let proxies = dice.below(4);
        let hop = |dice: &mut Dice| format!("10.{}.{}.{}", dice.below(4), dice.below(8), 1 + dice.below(60));
        [self.address.clone()].into_iter().chain((0..proxies).map(|_| hop(dice))).collect()
    }

    /// The address, one in a hundred with its first digit as an escape.
    fn escaped_address(&self, number: u64) -> String {
        if number.is_multiple_of(97) && self.address.starts_with(|first: char| first.is_ascii_digit()) {
            let (first, rest) = self.address.split_at(1);
            return format!("\\u003{first}{rest}");
        }
        self.address.clone()
    }

    /// A sentence, with its escapes, and the values in it.
    fn message(&self, path: &str, status: u64, dice: &mut Dice) -> (String, Vec<String>) {
        let Self { address, email, .. } = self;
        let (number, cause) = (dice.below(500), dice.pick(&CAUSES));
        match dice.below(4) {
            0 => (
                format!("{path} completed with status {status} for client {address} in shard {number}"),
                vec![address.clone()],
            ),
            1 => (
                format!("rate limiter: bucket refill for {address} ({email}), remaining={number}"),
                vec![address.clone(), email.clone()],
            ),
            2 => (
                format!(r#"upstream said \"{cause}\" while proxying for peer {address} attempt {number}"#),
                vec![address.clone()],
            ),
            _ => (
                format!("token refreshed, ttl 3600s, build 7.14.2 kernel 6.1.0-18, source {address}"),
                vec![address.clone()],
            ),
        }
    }
}

fn head(number: u64, status: u64, dice: &mut Dice) -> String {
    let (time, id, level) = (time(number * PAUSE_MS), hexadecimal(number, 32), level(status));
    let (region, host, trace) = (dice.pick(&REGIONS), dice.below(24), dice.next());
    [
        format!(r#"{{"@timestamp":"{time}","event_id":"{id}","level":"{level}","service":"api-gateway","env":"prod","#),
        format!(r#""region":"{region}","host":"gw-{host:02}","trace_id":"{trace:016x}","#),
    ]
    .concat()
}

fn response(status: u64, dice: &mut Dice) -> String {
    let (bytes, ms, us, upstream) = (dice.below(200_000), dice.below(900), dice.below(1000), dice.below(12));
    [
        format!(r#""response":{{"status":{status},"bytes_out":{bytes},"latency_ms":{ms}.{us:03},"#),
        format!(r#""cache":"HIT","upstream":"orders-{upstream}:8080"}},"#),
    ]
    .concat()
}

fn level(status: u64) -> &'static str {
    match status {
        500.. => "ERROR",
        400.. => "WARN",
        _ => "INFO",
    }
}

/// An address: one of ten is IPv6 (RFC 3849), the others are of the network set apart for benchmarks (RFC 2544), as the
/// three for documentation are too few to tell a hash table from a hash.
fn address(seed: u64) -> String {
    let [a, b, c, d, e, ..] = mixed(seed).to_le_bytes();
    if a % 10 == 0 {
        return format!("2001:db8:{:x}:{:x}::{:x}", u64::from(b) + 0x100, u64::from(c) + 0x100, u64::from(d) * 256 + 1);
    }
    format!("198.{}.{d}.{e}", 18 + b % 2)
}

fn uuid(seed: u64) -> String {
    let (a, b) = (mixed(seed), mixed(!seed));
    let (time, node) = (a >> 32, b & 0xffff_ffff_ffff);
    format!("{time:08x}-{:04x}-4{:03x}-8{:03x}-{node:012x}", a & 0xffff, a >> 16 & 0xfff, b >> 48 & 0xfff)
}

/// So many hexadecimal digits, up to 32.
fn hexadecimal(seed: u64, digits: usize) -> String {
    let mut text = format!("{:016x}{:016x}", mixed(seed), mixed(seed.rotate_left(32)));
    text.truncate(digits);
    text
}

fn time(since_ms: u64) -> String {
    let seconds = since_ms / 1000;
    let (day, hour, minute, second) = (seconds / 86_400 % 28 + 1, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since_ms % 1000)
}

fn pick<T>(items: &[T], seed: u64) -> &T {
    &items[(seed % items.len() as u64) as usize]
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): another number that looks random, the same for the same.
fn mixed(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ seed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ seed >> 31
}

/// Random numbers whose sequence is published.
struct Dice(Xoshiro256PlusPlus);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// Zipf's law with the exponent 1, in whole numbers.
struct Zipf {
    /// Sum of the weights up to and with each rank.
    sums: Vec<u64>,
}

impl Zipf {
    fn new() -> Self {
        let weights = (1..=USERS).map(|rank| (1 << 40) / rank);
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, dice: &mut Dice) -> u64 {
        let point = dice.below(self.sums.last().copied().unwrap_or(1));
        self.sums.partition_point(|sum| *sum <= point) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn events_are_what_the_docs_say() {
        let events = events(2000);
        let bytes: usize = events.iter().map(|event| event.line.len()).sum();
        let values: usize = events.iter().map(|event| event.originals.len()).sum();
        assert!((1000..1200).contains(&(bytes / events.len())), "{}", bytes / events.len());
        assert!((92..102).contains(&(values * 10 / events.len())), "{values}");
        for event in &events {
            let parsed: Value = serde_json::from_str(&event.line).unwrap();
            let plain = parsed.to_string().replace("\\\"", "\"");
            assert!(event.originals.iter().all(|value| plain.contains(value.as_str())));
        }
    }

    #[test]
    fn some_addresses_are_escaped_and_some_are_long() {
        let events = events(2000);
        assert!(events.iter().any(|event| event.line.contains("\\u003")));
        assert!(events.iter().any(|event| event.line.contains("\"client_ip\":\"2001:db8:")));
    }

    #[test]
    fn they_are_the_same_each_time() {
        let lines = || events(50).into_iter().map(|event| event.line).collect::<Vec<_>>();
        assert_eq!(lines(), lines());
    }
}
