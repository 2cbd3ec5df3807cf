//! Objects whose names are data: `{"users": {"alice": {…}}}`, `{"requests_by_ip": {"192.0.2.1": 3}}`.
//!
//! The name of the object tells what its members are called by; each of their names must look like that and not like a
//! field's.

use super::prose;
use crate::rules::{Class, FieldName};
use crate::veil::matcher::{Action, Matcher};

/// Words before the class of what an object is keyed by: `requests_by_ip`.
const BY: [&str; 3] = ["by", "per", "for"];

/// Fields that objects called `users` or `sessions` have beside those of each one, reduced.
const FIELDS: [&str; 87] = [
    "access",
    "action",
    "active",
    "added",
    "all",
    "allowed",
    "average",
    "avg",
    "blocked",
    "changed",
    "closed",
    "completion",
    "config",
    "count",
    "created",
    "current",
    "cursor",
    "data",
    "default",
    "deleted",
    "denied",
    "description",
    "details",
    "disabled",
    "enabled",
    "end",
    "error",
    "errors",
    "expired",
    "expires",
    "failed",
    "first",
    "groups",
    "hasmore",
    "href",
    "id",
    "ids",
    "inactive",
    "info",
    "input",
    "invalid",
    "items",
    "key",
    "kind",
    "last",
    "limit",
    "links",
    "list",
    "locked",
    "max",
    "mean",
    "message",
    "meta",
    "metadata",
    "min",
    "mode",
    "more",
    "name",
    "names",
    "new",
    "next",
    "none",
    "offline",
    "offset",
    "online",
    "open",
    "other",
    "others",
    "output",
    "page",
    "prompt",
    "records",
    "refresh",
    "removed",
    "result",
    "results",
    "self",
    "size",
    "start",
    "state",
    "status",
    "sum",
    "total",
    "type",
    "unique",
    "updated",
    "value",
];

/// What the names in an object are, by the name of the object; `None` where they are fields.
///
/// `users` and `requests_by_user` tell of names that are users, `user` does not.
pub(super) fn of(matcher: &Matcher, object: &str) -> Option<Action> {
    if !object.ends_with(['s', 'S']) && !BY.iter().any(|by| contains_ignoring_case(object, by)) {
        return None;
    }
    let mut words = words(object);
    let mut singular = match words.iter().rposition(|word| BY.contains(&word.as_str())) {
        Some(by) => words.split_off(by + 1).concat(),
        None => {
            let all = words.concat();
            all.strip_suffix("es").filter(|all| all.ends_with('s')).or(all.strip_suffix('s'))?.to_owned()
        }
    };
    let bare = matcher.names.whole(&singular);
    let action = bare.or_else(|| {
        singular.push_str("id");
        matcher.names.whole(&singular)
    })?;
    Look::of(action.class).map(|_| action)
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// The words of a name, in lower case: cut at punctuation and before capitals.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = character.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
    }
    words
}

/// What the names of members look like that are data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Any word.
    Word,
    /// With an at-sign.
    Mailbox,
    /// With a digit.
    Number,
    /// Long, with a digit.
    Identifier,
    /// Digits, colons, dots.
    Address,
}

impl Look {
    /// The look of values of a class; `None` for those that objects are not keyed by.
    fn of(class: Class) -> Option<Self> {
        match class {
            Class::User => Some(Self::Word),
            Class::Email => Some(Self::Mailbox),
            Class::UserId | Class::Account | Class::Phone => Some(Self::Number),
            Class::Session | Class::ConnectionId | Class::Device => Some(Self::Identifier),
            Class::Ip | Class::Network | Class::Mac => Some(Self::Address),
            Class::Person
            | Class::Card
            | Class::Iban
            | Class::Token
            | Class::UserAgent
            | Class::Host
            | Class::Geo
            | Class::Text => None,
        }
    }
}

/// Letters and digits of the shortest identifier with digits among its letters that is no field: `p99`, `h24`.
const IDENTIFIER_BYTES_MIN: usize = 6;

/// Whether a name in such an object is a value of the class, rather than a field.
pub(super) fn is_data(class: Class, name: &[u8]) -> bool {
    let reduced = FieldName::new(&String::from_utf8_lossy(name));
    if FIELDS.binary_search(&reduced.as_str()).is_ok() || tells_of_all(name) {
        return false;
    }
    let has_digit = name.iter().any(u8::is_ascii_digit);
    match Look::of(class) {
        None => false,
        Some(Look::Word) => true,
        Some(Look::Mailbox) => name.contains(&b'@'),
        Some(Look::Number) => has_digit,
        Some(Look::Identifier) => has_digit && name.len() >= IDENTIFIER_BYTES_MIN && !is_window(name),
        Some(Look::Address) => prose::may_be_address(class, name) && (has_digit || name.contains(&b':')),
    }
}

/// Words at the start of fields that tell of all of them together.
const OF_ALL: [&[u8]; 7] = [b"by", b"per", b"total", b"num", b"avg", b"is", b"has"];

/// Whether a name begins with such a word: `by_role`, `totalCount`.
fn tells_of_all(name: &[u8]) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'_' | b'-') || byte.is_ascii_uppercase());
    OF_ALL.iter().any(|word| name.starts_with(word) && is_end(name.get(word.len())))
}

/// Whether a name ends with a number and perhaps a unit behind a word: `last_24h`, `top_10`.
fn is_window(name: &[u8]) -> bool {
    let Some(at) = name.iter().rposition(|byte| *byte == b'_') else { return false };
    let (word, number) = (&name[..at], &name[at + 1..]);
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && number.len() <= digits + 1 && word.iter().all(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted() {
        assert!(FIELDS.is_sorted());
    }

    #[test]
    fn words_of_names() {
        for (name, expected) in [
            ("requestsByUser", "requests by user"),
            ("requests_per_ip", "requests per ip"),
            ("users", "users"),
            ("clientIPs", "client ips"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }

    #[test]
    fn data_is_told_from_fields() {
        for (class, name, expected) in [
            (Class::User, "alice", true),
            (Class::User, "Total", false),
            (Class::User, "has_more", false),
            (Class::User, "byRole", false),
            (Class::User, "byron", true),
            (Class::Session, "q1w2e3r4", true),
            (Class::Session, "duration", false),
            (Class::Session, "last_24h", false),
            (Class::Session, "p99", false),
            (Class::Ip, "192.0.2.1", true),
            (Class::Ip, "2001:db8::1", true),
            (Class::Ip, "fe", false),
            (Class::Email, "alice@example.com", true),
            (Class::Email, "domain", false),
            (Class::UserId, "4711", true),
            (Class::UserId, "admins", false),
        ] {
            assert_eq!(is_data(class, name.as_bytes()), expected, "{class} {name}");
        }
    }
}
