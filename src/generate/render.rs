//! Fills the holes of a template.

use super::devices::uuid;
use super::dice::Dice;
use super::line::Line;
use super::shapes::Shapes;
use super::template::{Fact, Piece, Spelling, Template, Who};
use super::time_format::{self, TimeFormat};
use super::visit::Visit;
use super::world::{Address, SERVERS, World};
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Deeper than any parser's limit should be.
const DEPTH: usize = 10_000;
const LONG_BYTES_MIN: u64 = 1 << 16;
const LONG_BYTES_MAX: u64 = 1 << 18;

const REGIONS: [&str; 4] = ["eu-central-1", "eu-west-1", "us-east-1", "ap-south-1"];
const STATUSES: [u16; 12] = [200, 200, 200, 200, 200, 200, 201, 204, 304, 304, 404, 500];

/// What a line tells of, and where it is written.
pub(super) struct Scene<'a> {
    world: &'a World,
    shapes: &'a Shapes,
    visit: &'a Visit,
    timestamp_ms: i64,
    numbers: Numbers,
    dice: &'a mut Dice,
    line: Line,
}

/// What is drawn once for a line, for it may stand there twice.
struct Numbers {
    order: u64,
    product: usize,
    millis: u64,
    request: u128,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        world: &'a World,
        shapes: &'a Shapes,
        visit: &'a Visit,
        timestamp_ms: i64,
        dice: &'a mut Dice,
    ) -> Self {
        let numbers = Numbers {
            order: dice.between(1_000..=9_999_999),
            product: 1 + world.by_demand.draw(dice),
            millis: dice.between(2..=900),
            request: dice.bits(),
        };
        Self { world, shapes, visit, timestamp_ms, numbers, dice, line: Line::default() }
    }

    /// Writes a line from a template.
    pub(super) fn line(mut self, template: &Template) -> Line {
        self.template(template, 0).expect("a line in memory takes every write");
        self.line
    }

    /// Writes a template under so many layers of JSON strings.
    fn template(&mut self, template: &Template, layers: usize) -> fmt::Result {
        let shapes = self.shapes;
        let inner = layers + usize::from(template.is_json);
        for piece in &template.pieces {
            match *piece {
                Piece::Text(text) => self.line.text(text, layers),
                Piece::Entity(who, spelling) => self.entity(who, spelling, inner),
                Piece::Fact(fact) => self.fact(fact)?,
                Piece::Part(part) => {
                    let template = self.dice.pick(shapes.part(part));
                    self.template(template, inner)?;
                }
            }
        }
        Ok(())
    }

    fn entity(&mut self, who: Who, spelling: Spelling, layers: usize) {
        let value = self.value(who);
        let brackets = spelling == Spelling::Bracketed && matches!(value, Value::Address(address) if address.is_ipv6);
        if brackets {
            self.line.text("[", layers);
        }
        // These spellings are a JSON escape already.
        let escaped = matches!(spelling, Spelling::Ascii | Spelling::Unicode);
        let layers_left = layers.saturating_sub(usize::from(escaped));
        self.line.entity(who.class(), value.plain(), &value.spelled(spelling), layers_left);
        if brackets {
            self.line.text("]", layers);
        }
    }

    fn value(&self, who: Who) -> Value<'a> {
        let (world, visit) = (self.world, self.visit);
        let (person, other) = (visit.person(world), visit.other(world));
        let text = match who {
            Who::Ip => return Value::Address(visit.address(world)),
            Who::Proxy => return Value::Address(visit.proxy(world)),
            Who::OtherIp => return Value::Address(&other.home),
            Who::User => &visit.login,
            Who::Name => &person.name,
            Who::Email => &person.email,
            Who::UserId => &person.user_id,
            Who::Device => &visit.device(world).id,
            Who::Mac => &visit.device(world).mac,
            Who::Agent => visit.agent(world),
            Who::Session => &visit.session,
            Who::Token => &visit.token,
            Who::Jwt => &visit.jwt,
            Who::Basic => &visit.basic,
            Who::Fingerprint => &person.fingerprint,
            Who::Account => &person.account,
            Who::Principal => &person.principal,
            Who::AccessKey => &person.access_key,
            Who::Root => "root",
            Who::OtherUser => &other.login,
            Who::OtherEmail => &other.email,
        };
        Value::Text(text)
    }

    /// Facts are digits, words and dates: none needs an escape.
    fn fact(&mut self, fact: Fact) -> fmt::Result {
        let (visit, numbers, timestamp_ms) = (self.visit, &self.numbers, self.timestamp_ms);
        let out = &mut self.line;
        match fact {
            Fact::Time(format) => time_format::write(timestamp_ms, format, out),
            Fact::Began => time_format::write(visit.began_ms, TimeFormat::IsoSeconds, out),
            Fact::Head => head(visit.server, timestamp_ms, out),
            Fact::Server => out.write_str(SERVERS[visit.server]),
            Fact::Port => write!(out, "{}", visit.port),
            Fact::Pid => write!(out, "{}", visit.pid),
            Fact::Uid => write!(out, "{}", visit.person(self.world).uid),
            Fact::SessionNumber => write!(out, "{}", visit.number),
            Fact::Os => out.write_str(visit.device(self.world).os),
            Fact::Status => write!(out, "{}", self.dice.pick(&STATUSES)),
            Fact::Bytes => write!(out, "{}", self.dice.between(64..=90_000)),
            Fact::Millis => write!(out, "{}", numbers.millis),
            Fact::Order => write!(out, "{}", numbers.order),
            Fact::Product => write!(out, "{}", numbers.product),
            Fact::Request => write!(out, "{:032x}", numbers.request),
            Fact::Span => write!(out, "{:016x}", numbers.request as u64),
            Fact::Event => out.write_str(&uuid(!numbers.request)),
            Fact::Region => out.write_str(REGIONS[visit.server % REGIONS.len()]),
            Fact::Long => long(self.dice.between(LONG_BYTES_MIN..=LONG_BYTES_MAX) as usize, out),
            Fact::Deep => {
                out.write_str(&"[".repeat(DEPTH))?;
                out.write_str(&"]".repeat(DEPTH))
            }
        }
    }
}

/// Half of the machines write times as RFC 3164 has them, the others as RFC 3339 does.
fn head(server: usize, timestamp_ms: i64, out: &mut impl Write) -> fmt::Result {
    let format = if server.is_multiple_of(2) { TimeFormat::Syslog } else { TimeFormat::Rfc3339 };
    time_format::write(timestamp_ms, format, out)?;
    write!(out, " {} ", SERVERS[server])
}

fn long(bytes: usize, out: &mut impl Write) -> fmt::Result {
    const WORDS: &str = "upstream answered after one retry, cache was cold, ";
    out.write_str(&WORDS.repeat(bytes / WORDS.len()))
}

/// What an entity is written from.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Address(&'a Address),
}

impl<'a> Value<'a> {
    fn plain(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Address(address) => &address.plain,
        }
    }

    fn spelled(self, spelling: Spelling) -> Cow<'a, str> {
        let plain = self.plain();
        match (spelling, self) {
            (Spelling::Mapped, Self::Address(address)) => Cow::Borrowed(&address.mapped),
            (Spelling::Expanded, Self::Address(address)) => Cow::Borrowed(&address.expanded),
            (Spelling::Plain | Spelling::Bracketed | Spelling::Mapped | Spelling::Expanded, _) => Cow::Borrowed(plain),
            (Spelling::Upper, _) => Cow::Owned(plain.to_ascii_uppercase()),
            (Spelling::Query, _) => percent(plain, |byte| !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte)),
            (Spelling::Percent, _) => percent(plain, |_| true),
            (Spelling::Ascii, _) => unicode(plain, |character| !character.is_ascii()),
            (Spelling::Unicode, _) => unicode(plain, |_| true),
        }
    }
}

/// Percent-encoding (RFC 3986, section 2.1) of the bytes that want it.
fn percent(value: &str, wants: impl Fn(u8) -> bool) -> Cow<'static, str> {
    let encode = |byte: u8| if wants(byte) { format!("%{byte:02X}") } else { char::from(byte).to_string() };
    Cow::Owned(value.bytes().map(encode).collect())
}

/// JSON escapes (RFC 8259, section 7) of the characters that want them, in pairs of surrogates where it takes two.
fn unicode(value: &str, wants: impl Fn(char) -> bool) -> Cow<'static, str> {
    let mut escaped = String::new();
    for character in value.chars() {
        if !wants(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(escaped)
}
