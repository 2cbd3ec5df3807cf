//! Fills the holes of a template.

use super::calendar::{Moment, TimeFormat};
use super::dice::Dice;
use super::line::Line;
use super::shapes::Shapes;
use super::template::{Fact, Piece, Spelling, Template, Who};
use super::visit::{Role, Visit};
use super::world::{Address, SERVERS, World, uuid};
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
    moment: Moment,
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
        (world, shapes, visit): (&'a World, &'a Shapes, &'a Visit),
        timestamp_ms: i64,
        dice: &'a mut Dice,
    ) -> Self {
        let numbers = Numbers {
            order: dice.between(1_000..=9_999_999),
            product: 1 + world.by_demand.draw(dice),
            millis: dice.between(2..=900),
            request: dice.bits(),
        };
        Self { world, shapes, visit, moment: Moment::at(timestamp_ms), numbers, dice, line: Line::default() }
    }

    /// Writes a line from a template.
    pub(super) fn line(mut self, template: &Template) -> Line {
        self.template(template, 0);
        self.line
    }

    /// Writes a template under so many layers of JSON strings.
    fn template(&mut self, template: &Template, layers: usize) {
        let shapes = self.shapes;
        let inner = layers + usize::from(template.is_json);
        for piece in &template.pieces {
            match *piece {
                Piece::Text(text) => self.line.text(text, layers),
                Piece::Entity(who, spelling) => self.entity(who, spelling, inner),
                Piece::Fact(fact) => {
                    // Writing into memory does not fail.
                    let written = self.fact(fact);
                    debug_assert!(written.is_ok());
                }
                Piece::Part(part) => {
                    let part = self.dice.pick(shapes.part(part));
                    self.template(part, inner);
                }
            }
        }
    }

    fn entity(&mut self, who: Who, spelling: Spelling, layers: usize) {
        let address = self.address(who);
        let value = address.map_or_else(|| self.value(who), |address| &address.plain);
        let brackets = spelling == Spelling::Bracketed && address.is_some_and(|address| address.is_ipv6);
        if brackets {
            self.line.text("[", layers);
        }
        let spelled = spelled(spelling, value, address);
        // These spellings are a JSON escape already.
        let escaped = matches!(spelling, Spelling::Ascii | Spelling::Unicode);
        self.line.entity(who.class(), value, &spelled, layers - usize::from(escaped && layers > 0));
        if brackets {
            self.line.text("]", layers);
        }
    }

    fn address(&self, who: Who) -> Option<&'a Address> {
        match who {
            Who::Ip => Some(self.visit.address(self.world)),
            Who::Proxy => Some(self.visit.proxy(self.world)),
            Who::OtherIp => self.visit.other(self.world).addresses.first(),
            _ => None,
        }
    }

    /// The value of what is no address.
    fn value(&self, who: Who) -> &'a str {
        let (visit, person) = (self.visit, self.visit.person(self.world));
        let device = visit.device(self.world);
        match who {
            Who::User => &visit.login,
            Who::Name => &person.name,
            Who::Email => &person.email,
            Who::UserId => &person.user_id,
            Who::Device => &device.id,
            Who::Mac => &device.mac,
            Who::Agent if visit.role == Role::Stranger => &visit.stranger(self.world).agent,
            Who::Agent => &device.agent,
            Who::Session => &visit.session,
            Who::Token => &visit.token,
            Who::Jwt => &visit.jwt,
            Who::Basic => &visit.basic,
            Who::Fingerprint => &person.fingerprint,
            Who::Account => &person.account,
            Who::Principal => &person.principal,
            Who::AccessKey => &person.access_key,
            Who::Root => "root",
            Who::OtherUser => &visit.other(self.world).login,
            Who::OtherEmail => &visit.other(self.world).email,
            Who::Ip | Who::Proxy | Who::OtherIp => "",
        }
    }

    /// Facts are digits, words and dates: none needs an escape.
    fn fact(&mut self, fact: Fact) -> fmt::Result {
        let (visit, numbers, moment) = (self.visit, &self.numbers, self.moment);
        let out = &mut Text(&mut self.line.bytes);
        match fact {
            Fact::Time(format) => moment.write(format, out),
            Fact::Began => Moment::at(visit.began_ms).write(TimeFormat::IsoSeconds, out),
            Fact::Head => head(visit.server, moment, out),
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
            Fact::Region => out.write_str(*self.dice.pick::<&str>(&REGIONS)),
            Fact::Long => long(self.dice.between(LONG_BYTES_MIN..=LONG_BYTES_MAX) as usize, out),
            Fact::Deep => {
                out.write_str(&"[".repeat(DEPTH))?;
                out.write_str(&"]".repeat(DEPTH))
            }
        }
    }
}

/// Half of the machines write times as RFC 3164 has them, the others as RFC 3339 does.
fn head(server: usize, moment: Moment, out: &mut impl Write) -> fmt::Result {
    let format = if server.is_multiple_of(2) { TimeFormat::Syslog } else { TimeFormat::Rfc3339 };
    moment.write(format, out)?;
    write!(out, " {} ", SERVERS[server])
}

fn long(bytes: usize, out: &mut impl Write) -> fmt::Result {
    const WORDS: &str = "upstream answered after one retry, cache was cold, ";
    out.write_str(&WORDS.repeat(bytes / WORDS.len()))
}

fn spelled<'v>(spelling: Spelling, value: &'v str, address: Option<&'v Address>) -> Cow<'v, str> {
    match spelling {
        Spelling::Plain | Spelling::Bracketed => Cow::Borrowed(value),
        Spelling::Upper => Cow::Owned(value.to_ascii_uppercase()),
        Spelling::Query => percent(value, |byte| !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte)),
        Spelling::Percent => percent(value, |_| true),
        Spelling::Ascii => unicode(value, |character| !character.is_ascii()),
        Spelling::Unicode => unicode(value, |_| true),
        Spelling::Mapped => Cow::Borrowed(address.map_or(value, |address| &address.mapped)),
        Spelling::Expanded => Cow::Borrowed(address.map_or(value, |address| &address.expanded)),
    }
}

/// Percent-encoding (RFC 3986, section 2.1) of the bytes that want it.
fn percent(value: &str, wants: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let encode = |byte: u8| if wants(byte) { format!("%{byte:02X}") } else { char::from(byte).to_string() };
    Cow::Owned(value.bytes().map(encode).collect())
}

/// JSON escapes (RFC 8259, section 7) of the characters that want them, in pairs of surrogates where it takes two.
fn unicode(value: &str, wants: impl Fn(char) -> bool) -> Cow<'_, str> {
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

/// Writes text into bytes.
struct Text<'b>(&'b mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
