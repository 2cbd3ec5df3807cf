//! The notation in which lines are sketched: text with holes, as in rule packs.
//!
//! `<ip>` is a hole, `<email:query>` one with a spelling. A line break and the blanks behind it are left out. [`ENTITIES`],
//! [`FACTS`], [`PARTS`] and [`SPELLINGS`] list what there is.

use super::time_format::TimeFormat;
use crate::rules::Class;

/// A sketched line, or a part of one.
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
    /// Holes stand in JSON strings, so that what fills them is escaped.
    pub(super) is_json: bool,
}

/// Text or a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Text(&'static str),
    Entity(Who, Spelling),
    Fact(Fact),
    /// One of several templates.
    Part(Part),
}

/// Values that point to somebody or something: the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Login name, of a person or tried by a stranger.
    User,
    Name,
    Email,
    UserId,
    Device,
    Mac,
    Agent,
    /// Where it comes from.
    Ip,
    /// The proxy it came through.
    Proxy,
    Session,
    /// Opaque.
    Token,
    Jwt,
    /// Of basic authentication: name and password in base64.
    Basic,
    Fingerprint,
    Account,
    Principal,
    AccessKey,
    /// The system's own account.
    Root,
    /// Somebody else's.
    OtherUser,
    OtherEmail,
    OtherIp,
}

impl Who {
    pub(super) fn class(self) -> Class {
        match self {
            Self::User | Self::Root | Self::OtherUser => Class::User,
            Self::Name => Class::Person,
            Self::Email | Self::OtherEmail => Class::Email,
            Self::UserId | Self::Account | Self::Principal => Class::UserId,
            Self::Device => Class::Device,
            Self::Mac => Class::Mac,
            Self::Agent => Class::UserAgent,
            Self::Ip | Self::Proxy | Self::OtherIp => Class::Ip,
            Self::Session => Class::Session,
            Self::Token | Self::Jwt | Self::Basic | Self::Fingerprint | Self::AccessKey => Class::Token,
        }
    }
}

const ENTITIES: [(&str, Who); 21] = [
    ("user", Who::User),
    ("name", Who::Name),
    ("email", Who::Email),
    ("user-id", Who::UserId),
    ("device", Who::Device),
    ("mac", Who::Mac),
    ("agent", Who::Agent),
    ("ip", Who::Ip),
    ("proxy", Who::Proxy),
    ("session", Who::Session),
    ("token", Who::Token),
    ("jwt", Who::Jwt),
    ("basic", Who::Basic),
    ("fingerprint", Who::Fingerprint),
    ("account", Who::Account),
    ("principal", Who::Principal),
    ("access-key", Who::AccessKey),
    ("root", Who::Root),
    ("other-user", Who::OtherUser),
    ("other-email", Who::OtherEmail),
    ("other-ip", Who::OtherIp),
];

/// How an entity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Plain,
    Upper,
    /// Percent-encoded where a query needs it (RFC 3986).
    Query,
    /// Every byte percent-encoded.
    Percent,
    /// JSON escapes for what is not ASCII, as many writers do.
    Ascii,
    /// JSON escapes for every character.
    Unicode,
    /// An IPv4 address as an IPv6 one.
    Mapped,
    /// An IPv6 address with all its zeros.
    Expanded,
    /// An IPv6 address in brackets, for a port to follow. The brackets are not the entity.
    Bracketed,
}

const SPELLINGS: [(&str, Spelling); 8] = [
    ("upper", Spelling::Upper),
    ("query", Spelling::Query),
    ("percent", Spelling::Percent),
    ("ascii", Spelling::Ascii),
    ("unicode", Spelling::Unicode),
    ("mapped", Spelling::Mapped),
    ("expanded", Spelling::Expanded),
    ("bracketed", Spelling::Bracketed),
];

/// What points to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Time(TimeFormat),
    /// When the visit began.
    Began,
    /// Time and machine, as syslog has them in front of a program's name.
    Head,
    Server,
    Port,
    Pid,
    Uid,
    /// Number of a login session on a machine.
    SessionNumber,
    Os,
    Status,
    Bytes,
    Millis,
    Order,
    Product,
    /// 32 hexadecimal digits.
    Request,
    /// 16 hexadecimal digits.
    Span,
    /// A UUID of the event, not of a device.
    Event,
    Region,
    /// Words that fill up to a quarter of a megabyte.
    Long,
    /// Ten thousand brackets.
    Deep,
}

const FACTS: [(&str, Fact); 24] = [
    ("time", Fact::Time(TimeFormat::Iso)),
    ("time-seconds", Fact::Time(TimeFormat::IsoSeconds)),
    ("time-access", Fact::Time(TimeFormat::Access)),
    ("time-error", Fact::Time(TimeFormat::ErrorLog)),
    ("epoch-ms", Fact::Time(TimeFormat::EpochMs)),
    ("began", Fact::Began),
    ("head", Fact::Head),
    ("server", Fact::Server),
    ("port", Fact::Port),
    ("pid", Fact::Pid),
    ("uid", Fact::Uid),
    ("session-number", Fact::SessionNumber),
    ("os", Fact::Os),
    ("status", Fact::Status),
    ("bytes", Fact::Bytes),
    ("millis", Fact::Millis),
    ("order", Fact::Order),
    ("product", Fact::Product),
    ("request", Fact::Request),
    ("span", Fact::Span),
    ("event", Fact::Event),
    ("region", Fact::Region),
    ("long", Fact::Long),
    ("deep", Fact::Deep),
];

/// A part for which there are several templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A path that an API serves.
    Path,
    /// A page of a web site, with its query.
    Page,
    Referer,
    /// What a program says in words.
    Message,
    /// A request's JSON.
    Body,
}

impl Part {
    pub(super) const ALL: [Self; 5] = [Self::Path, Self::Page, Self::Referer, Self::Message, Self::Body];
}

const PARTS: [(&str, Part); 5] = [
    ("path", Part::Path),
    ("page", Part::Page),
    ("referer", Part::Referer),
    ("message", Part::Message),
    ("body", Part::Body),
];

impl Template {
    /// Reads a sketch. What looks like a hole and is none stays text.
    pub(super) fn parse(text: &'static str, is_json: bool) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('<') {
            push_text(before, &mut pieces);
            let hole = behind.split_once('>').and_then(|(hole, after)| Some((piece(hole)?, after)));
            let (piece, after) = hole.unwrap_or((Piece::Text("<"), behind));
            pieces.push(piece);
            rest = after;
        }
        push_text(rest, &mut pieces);
        Self { pieces, is_json }
    }
}

/// Adds text without its line breaks and the blanks behind them.
fn push_text(text: &'static str, pieces: &mut Vec<Piece>) {
    for (index, line) in text.split('\n').enumerate() {
        let line = if index == 0 { line } else { line.trim_start() };
        if !line.is_empty() {
            pieces.push(Piece::Text(line));
        }
    }
}

/// The hole of this name.
fn piece(hole: &str) -> Option<Piece> {
    let (name, spelling) = match hole.split_once(':') {
        Some((name, spelling)) => (name, find(&SPELLINGS, spelling)?),
        None => (hole, Spelling::Plain),
    };
    let entity = find(&ENTITIES, name).map(|who| Piece::Entity(who, spelling));
    let fact = find(&FACTS, name).map(Piece::Fact);
    entity.or(fact).or(find(&PARTS, name).map(Piece::Part))
}

fn find<T: Copy>(list: &[(&str, T)], name: &str) -> Option<T> {
    list.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_text() {
        let pieces = Template::parse("a \n  <ip:mapped><<user>>\n <time><no hole>", false).pieces;
        let expected = [
            Piece::Text("a "),
            Piece::Entity(Who::Ip, Spelling::Mapped),
            Piece::Text("<"),
            Piece::Entity(Who::User, Spelling::Plain),
            Piece::Text(">"),
            Piece::Fact(Fact::Time(TimeFormat::Iso)),
            Piece::Text("<"),
            Piece::Text("no hole>"),
        ];
        assert_eq!(pieces, expected);
    }
}
