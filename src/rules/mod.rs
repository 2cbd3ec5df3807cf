//! Rule packs as plain types: which values of which records are entities, of which class, and what replaces them.
//!
//! Knows: packs, rules, classes, transforms, selectors. Must not know how text is decoded or matched, nor keys.
//! [`load`] is the only place that reads the file format, [`schema`] names its keys. Start at [`RulePack`].

pub mod cases;
mod conflicts;
pub mod library;
pub mod load;
pub mod load_error;
pub mod pattern;
mod reader;
pub mod schema;
pub mod selector;

use selector::Selector;
use std::fmt;

/// A versioned set of rules for one log format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePack {
    /// Name, as in `rules/<name>/`; lower-case letters, digits and hyphens.
    pub name: String,
    /// Raised whenever the output for some input changes.
    pub version: u32,
    /// The shared files whose rules were merged into this pack: a new version of one changes the output, too.
    pub uses: Vec<Used>,
    /// How payloads are decoded.
    pub format: Format,
    /// What happens to a text that no rule names.
    pub unknown: Unknown,
    /// What happens to a record key that no rule names.
    pub unknown_key: Unknown,
    /// How `auto` recognises that a JSON record belongs to this pack: it has all these top-level fields.
    pub recognize: Vec<String>,
    /// Shapes of a whole line (format `line`), tried in order.
    pub lines: Vec<LinePattern>,
    /// Shapes of a message inside a line: tried on every hole called `message` and on fields parsed as lines.
    pub messages: Vec<LinePattern>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// Words too common to be replaced outside the field a rule names (`root`, `admin`), lower case.
    pub ambiguous: Vec<String>,
    /// The shapes that are looked for in text that is scanned. What has another shape passes on.
    pub scan: ShapeSet,
}

impl RulePack {
    /// Whether a rule of this pack stands in its own file and not in one that it uses.
    pub fn is_own(&self, rule: &Rule) -> bool {
        let name = rule.file.rsplit('/').next().and_then(|name| name.strip_suffix(".toml"));
        !self.uses.iter().any(|used| Some(used.name.as_str()) == name)
    }
}

/// Name and version of a shared file of rules (`rules/<name>.toml`) that a pack uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Name, without `.toml`.
    pub name: String,
    /// Its version.
    pub version: u32,
}

/// One rule: which values, as which class, replaced by what.
///
/// Where several rules claim a value, `select` goes before `named` and `named` before `detect`; between selectors the
/// more specific one wins. [`load`] refuses packs in which that leaves two rules, so the order of rules never matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name within the pack: lower-case letters, digits and hyphens.
    pub id: String,
    /// Fields the rule looks at, by path.
    pub select: Vec<Selector>,
    /// Fields the rule looks at by their last name, at any depth and in `name=value` text, in any naming convention.
    pub named: Vec<Name>,
    /// What the rule finds by shape in text that is scanned.
    pub detect: Option<Detector>,
    /// What kind of entity a value is; fixes its canonical form.
    pub class: Class,
    /// What replaces it.
    pub transform: Transform,
    /// Whether the value holds a text of its own.
    pub parse: Parse,
    /// Path of the file it stands in: the pack's own or that of a [`Used`] one.
    pub file: String,
    /// Line of the rule in its file, from 1; names the rule in errors.
    pub line: usize,
}

/// How a payload is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value (RFC 8259).
    Json,
    /// One line of text.
    Line,
}

impl Format {
    /// Every format, in declaration order.
    pub const ALL: [Self; 2] = [Self::Json, Self::Line];

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Line => "line",
        }
    }
}

/// What happens to text that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Searched for entities by shape; the rest is kept.
    Scan,
    /// Replaced whole by a pseudonym.
    Pseudonymize,
    /// Replaced whole by a fixed marker.
    Drop,
    /// Kept as it is. Only for fields known to hold nothing of a person.
    Keep,
}

impl Unknown {
    /// Every choice, in declaration order.
    pub const ALL: [Self; 4] = [Self::Scan, Self::Pseudonymize, Self::Drop, Self::Keep];

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Pseudonymize => "pseudonymize",
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

/// Whether a selected value holds a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parse {
    /// The value is the entity.
    No,
    /// The value is itself a log line or JSON: message patterns apply, then it is scanned.
    Auto,
    /// The value is a list of cookies (RFC 6265, sections 4.1 and 4.2): each is treated by its name, or else as the rule
    /// says.
    Cookies,
}

impl Parse {
    /// Every choice, in declaration order.
    pub const ALL: [Self; 3] = [Self::No, Self::Auto, Self::Cookies];

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Auto => "auto",
            Self::Cookies => "cookies",
        }
    }
}

/// The kind of entity. Fixes canonical form, default transform and token prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// IPv4 or IPv6 address.
    Ip,
    /// Network: an address and the length of its prefix (RFC 4632, RFC 4291). A network of one address is an `ip`.
    Network,
    /// Hardware address (EUI-48 or EUI-64).
    Mac,
    /// E-mail address.
    Email,
    /// Login name.
    User,
    /// Name of a natural person.
    Person,
    /// Opaque identifier of a person's account in a system: number, UUID, Windows SID, object id.
    UserId,
    /// Telephone number (E.164).
    Phone,
    /// Account of a customer, a tenant or an organisation: bank account, cloud account, subscription.
    Account,
    /// Number of a payment card (ISO/IEC 7812).
    Card,
    /// International bank account number (ISO 13616).
    Iban,
    /// Session identifier.
    Session,
    /// Identifier of one connection or flow: Zeek's `uid`, a community id, a flow id. A community id is an unkeyed hash
    /// of both addresses, which whoever tries all addresses can undo.
    ConnectionId,
    /// Secret: bearer token, JWT, API key, cookie.
    Token,
    /// Device identifier: UUID, advertising id, IMEI, serial.
    Device,
    /// User agent string.
    UserAgent,
    /// Host or domain name.
    Host,
    /// Where somebody is: coordinates in degrees.
    Geo,
    /// Any other text that is replaced whole.
    Text,
}

impl Class {
    /// Every class, in declaration order.
    pub const ALL: [Self; 19] = [
        Self::Ip,
        Self::Network,
        Self::Mac,
        Self::Email,
        Self::User,
        Self::Person,
        Self::UserId,
        Self::Phone,
        Self::Account,
        Self::Card,
        Self::Iban,
        Self::Session,
        Self::ConnectionId,
        Self::Token,
        Self::Device,
        Self::UserAgent,
        Self::Host,
        Self::Geo,
        Self::Text,
    ];

    /// Name in packs, tokens, metrics and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Network => "net",
            Self::Mac => "mac",
            Self::Email => "email",
            Self::User => "user",
            Self::Person => "person",
            Self::UserId => "user-id",
            Self::Phone => "phone",
            Self::Account => "account",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Session => "session",
            Self::ConnectionId => "connection-id",
            Self::Token => "token",
            Self::Device => "device",
            Self::UserAgent => "user-agent",
            Self::Host => "host",
            Self::Geo => "geo",
            Self::Text => "text",
        }
    }

    /// The class with this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    /// What replaces a value of this class when its rule names no transform.
    pub fn default_transform(self) -> Transform {
        match self {
            Self::UserAgent => Transform::Generalize,
            Self::Geo => Transform::Round,
            Self::Ip
            | Self::Network
            | Self::Mac
            | Self::Email
            | Self::User
            | Self::Person
            | Self::UserId
            | Self::Phone
            | Self::Account
            | Self::Card
            | Self::Iban
            | Self::Session
            | Self::ConnectionId
            | Self::Token
            | Self::Device
            | Self::Host
            | Self::Text => Transform::Pseudonymize { network: false },
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What replaces a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transform {
    /// A keyed token: equal values of one class, tenant and epoch give equal tokens.
    Pseudonymize {
        /// Appends the token of the address's /24 or /48 network (class `ip` only).
        network: bool,
    },
    /// Another valid address; equal prefixes stay equal (ipcrypt-pfx, class `ip` only).
    Prefix,
    /// The address's /24 or /48 network (class `ip` only).
    Truncate,
    /// A coarser value without a key (class `user-agent` only).
    Generalize,
    /// Coordinates with one decimal, about 11 km (class `geo` only).
    Round,
    /// A fixed marker.
    Drop,
    /// The value as it is, and not scanned either.
    Keep,
}

impl Transform {
    /// Every transform, in declaration order; `pseudonymize` without the network.
    pub const ALL: [Self; 7] = [
        Self::Pseudonymize { network: false },
        Self::Prefix,
        Self::Truncate,
        Self::Generalize,
        Self::Round,
        Self::Drop,
        Self::Keep,
    ];

    /// Whether the transform means something for values of this class.
    pub fn fits(self, class: Class) -> bool {
        match self {
            Self::Pseudonymize { network: true } | Self::Prefix | Self::Truncate => class == Class::Ip,
            Self::Generalize => class == Class::UserAgent,
            Self::Round => class == Class::Geo,
            Self::Pseudonymize { network: false } | Self::Drop | Self::Keep => true,
        }
    }

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pseudonymize { .. } => "pseudonymize",
            Self::Prefix => "prefix",
            Self::Truncate => "truncate",
            Self::Generalize => "generalize",
            Self::Round => "round",
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

/// What a rule finds by shape in scanned text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Detector {
    /// A detector that logveil ships.
    Shape(Shape),
    /// A regular expression by the pack's author. Its first group is the entity, or the whole match where it has no
    /// group. A match in which the group takes no part finds nothing: `for user (?:input|error)\b|for user (\S+)`.
    Regex(String),
}

/// Shapes that can be recognised in free text without knowing the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// IPv4 or IPv6 address in any spelling.
    Ip,
    /// Address and length of a prefix, without bits behind it: `192.0.2.0/24`.
    Net,
    /// EUI-48 or EUI-64 hardware address.
    Mac,
    /// E-mail address.
    Email,
    /// Name in front of an at-sign and a host that is no domain: `alice@web1`; in a URL or in the name of a resource.
    Login,
    /// Windows security identifier of an account.
    Sid,
    /// Telephone number with `+`.
    Phone,
    /// Account in an Amazon resource name.
    Account,
    /// Number of a payment card.
    Card,
    /// International bank account number.
    Iban,
    /// UUID (RFC 9562).
    Uuid,
    /// JSON Web Token (RFC 7519).
    Jwt,
    /// Credential of a known issuer, or what follows `Bearer` or `Basic`.
    Secret,
    /// Password in a URL.
    Password,
}

impl Shape {
    /// Every shape, in declaration order.
    pub const ALL: [Self; 14] = [
        Self::Ip,
        Self::Net,
        Self::Mac,
        Self::Email,
        Self::Login,
        Self::Sid,
        Self::Phone,
        Self::Account,
        Self::Card,
        Self::Iban,
        Self::Uuid,
        Self::Jwt,
        Self::Secret,
        Self::Password,
    ];

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Net => "net",
            Self::Mac => "mac",
            Self::Email => "email",
            Self::Login => "login",
            Self::Sid => "sid",
            Self::Phone => "phone",
            Self::Account => "account",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Uuid => "uuid",
            Self::Jwt => "jwt",
            Self::Secret => "secret",
            Self::Password => "password",
        }
    }

    /// The class of what the shape finds.
    pub fn class(self) -> Class {
        match self {
            Self::Ip => Class::Ip,
            Self::Net => Class::Network,
            Self::Mac => Class::Mac,
            Self::Email => Class::Email,
            Self::Login => Class::User,
            Self::Sid => Class::UserId,
            Self::Phone => Class::Phone,
            Self::Account => Class::Account,
            Self::Card => Class::Card,
            Self::Iban => Class::Iban,
            Self::Uuid => Class::Device,
            Self::Jwt | Self::Secret | Self::Password => Class::Token,
        }
    }

    /// What replaces what the shape finds when no rule says otherwise.
    pub fn default_transform(self) -> Transform {
        match self {
            // People choose them, so that a pseudonym could be told by its frequency.
            Self::Password => Transform::Drop,
            Self::Ip
            | Self::Net
            | Self::Mac
            | Self::Email
            | Self::Login
            | Self::Sid
            | Self::Phone
            | Self::Account
            | Self::Card
            | Self::Iban
            | Self::Uuid
            | Self::Jwt
            | Self::Secret => self.class().default_transform(),
        }
    }
}

/// Some of the shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeSet(u16);

impl ShapeSet {
    /// Every shape.
    pub const ALL: Self = Self::of(&Shape::ALL);

    /// These shapes.
    pub const fn of(shapes: &[Shape]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < shapes.len() {
            bits |= 1 << shapes[at] as u16;
            at += 1;
        }
        Self(bits)
    }

    /// Whether a shape is one of these.
    pub const fn has(self, shape: Shape) -> bool {
        self.0 & 1 << shape as u16 != 0
    }

    /// The shapes of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any shape is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A field name reduced to lower-case letters and digits, so that `clientIp`, `client_ip` and `Client-IP` are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(String);

impl FieldName {
    /// Reduces a name; non-ASCII letters are kept, lower-cased.
    pub fn new(name: &str) -> Self {
        let mut reduced = String::with_capacity(name.len());
        Self::reduce_into(name, &mut reduced);
        Self(reduced)
    }

    /// Appends the reduced name to `reduced`.
    pub fn reduce_into(name: &str, reduced: &mut String) {
        for c in name.chars() {
            // Nearly all names are ASCII.
            if c.is_ascii_alphanumeric() {
                reduced.push(c.to_ascii_lowercase());
            } else if !c.is_ascii() && c.is_alphanumeric() {
                reduced.extend(c.to_lowercase());
            }
        }
    }

    /// The reduced name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A field name that a rule goes by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// This name.
    Whole(FieldName),
    /// `*_session_id`: every name whose last words are these, as `app_session_id` or `UNIFIipsSessionId`.
    End(FieldName),
}

impl Name {
    /// What packs write before the end of a name.
    const ANY_START: &str = "*_";

    /// Reads a name as packs write it.
    pub fn new(text: &str) -> Self {
        match text.strip_prefix(Self::ANY_START) {
            Some(end) => Self::End(FieldName::new(end)),
            None => Self::Whole(FieldName::new(text)),
        }
    }

    /// The name or its end, reduced.
    pub fn field_name(&self) -> &FieldName {
        match self {
            Self::Whole(name) | Self::End(name) => name,
        }
    }
}

/// The shape of a line or message: literal text with named holes. [`pattern`] reads its grammar.
///
/// It matches a whole line or message, from the first character to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePattern {
    /// Name within the pack.
    pub id: String,
    /// Literals and holes in turn. No two holes touch.
    pub parts: Vec<Part>,
    /// Line in the file, from 1. The file may be a [`Used`] one.
    pub line: usize,
}

impl LinePattern {
    /// Most columns of a row.
    pub const COLUMNS_MAX: usize = 512;

    /// The shape of a row of separated values (RFC 4180) with these columns; what is too much belongs to the last one.
    pub fn of_columns(id: &str, columns: &[&str], separator: &str, line: usize) -> Self {
        let mut parts = Vec::with_capacity(2 * columns.len());
        for column in columns {
            if !parts.is_empty() {
                parts.push(Part::Literal(separator.to_owned()));
            }
            parts.push(Part::Hole { name: (*column).to_owned(), extent: Extent::Csv });
        }
        Self { id: id.to_owned(), parts, line }
    }
}

/// A part of a [`LinePattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that must stand here.
    Literal(String),
    /// A named value.
    Hole {
        /// Field name that rules select; [`pattern::ANONYMOUS`] is scanned and cannot be selected.
        name: String,
        /// What it may span.
        extent: Extent,
    },
}

/// What a hole may span. White space at either end of a text, greedy or rest hole is not part of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// `<name>`: one or more characters that are not white space, up to the next literal.
    Word,
    /// `<name:int>`: decimal digits.
    Int,
    /// `<name:text>`: anything, possibly nothing, up to the first place where the next literal stands, or to the end.
    Text,
    /// `<name:greedy>`: anything, up to the last place where the rest still matches. For text that a stranger chooses:
    /// a login name `x from 192.0.2.7` cannot push the true address out of its hole.
    Greedy,
    /// `<name:quoted>`: up to the next `"` that no backslash precedes.
    Quoted,
    /// `<name:csv>`: a field of a line of separated values (RFC 4180): in quotes, with `""` for a quote, or up to the first
    /// byte of the next literal, which is the separator, or to the end. The quotes are not part of its value.
    Csv,
    /// `<name:rest>`: anything up to the end of the line.
    Rest,
}

impl Extent {
    /// Every extent, in declaration order.
    pub const ALL: [Self; 7] = [Self::Word, Self::Int, Self::Text, Self::Greedy, Self::Quoted, Self::Csv, Self::Rest];

    /// Name in packs and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Int => "int",
            Self::Text => "text",
            Self::Greedy => "greedy",
            Self::Quoted => "quoted",
            Self::Csv => "csv",
            Self::Rest => "rest",
        }
    }
}
