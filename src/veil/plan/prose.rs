//! What a pair is worth that may be part of a sentence, and how far a person's name goes.

use crate::detect::Link;
use crate::rules::Class;
use std::ops::Range;

/// An identifier without a digit has at least as many bytes: a word of a sentence is shorter.
const IDENTIFIER_BYTES_MIN: usize = 16;

/// What messages write behind `login:` and its like where no name follows, in lower case.
const REMARKS: [&str; 65] = [
    "a",
    "accepted",
    "an",
    "attempt",
    "authenticated",
    "authentication",
    "bad",
    "because",
    "by",
    "cannot",
    "closed",
    "connection",
    "could",
    "created",
    "credentials",
    "denied",
    "does",
    "error",
    "expired",
    "failed",
    "failure",
    "false",
    "for",
    "from",
    "has",
    "illegal",
    "in",
    "incorrect",
    "internal",
    "invalid",
    "is",
    "locked",
    "missing",
    "new",
    "no",
    "none",
    "not",
    "null",
    "ok",
    "on",
    "opened",
    "or",
    "permission",
    "rejected",
    "required",
    "success",
    "successful",
    "successfully",
    "succeeded",
    "the",
    "this",
    "timed",
    "timeout",
    "to",
    "true",
    "unable",
    "unauthorized",
    "undefined",
    "unexpected",
    "unknown",
    "unsupported",
    "via",
    "was",
    "with",
    "wrong",
];

/// Words that lead to another name: `created session: username alice`. A secret may be one of them all the same.
const NAMES: [&str; 9] = ["account", "client", "login", "password", "server", "session", "token", "user", "username"];

/// What begins a sentence even behind a colon without a blank or an equals sign.
const VERDICTS: [&str; 6] = ["denied", "error", "failed", "failure", "illegal", "invalid"];

/// Digits of a status code, which paths have behind them: `/api/login: 403`.
const STATUS_DIGITS: usize = 3;

/// Digits of the shortest hardware address (EUI-48).
const MAC_DIGITS_MIN: usize = 12;

/// Whether a value is worth replacing as an entity of `class`: in a sentence, a remark is not.
pub(super) fn is_entity(class: Class, link: Link, value: &[u8]) -> bool {
    let is_verdict = || class == Class::User && is_one_of(&VERDICTS, value);
    match link {
        Link::Sign => !is_verdict(),
        Link::Colon => !is_verdict() && may_be_address(class, value),
        Link::Prose => {
            let is_name = class != Class::Token && is_one_of(&NAMES, value);
            let is_remark = is_name || is_one_of(&REMARKS, value) || class == Class::User && is_status(value);
            !is_remark && may_be_address(class, value) && (!is_identifier(class) || has_identity(value))
        }
    }
}

/// Whether a value behind a colon can be of its class, if that is one of addresses: `MAC:hmac-sha2-256` is an algorithm.
pub(super) fn may_be_address(class: Class, value: &[u8]) -> bool {
    let digits = || value.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let is_sign = |byte: &u8| byte.is_ascii_digit() || b".:".contains(byte);
    (class != Class::Mac || digits() >= MAC_DIGITS_MIN) && (class != Class::Ip || value.iter().any(is_sign))
}

fn is_status(value: &[u8]) -> bool {
    value.len() == STATUS_DIGITS && value.iter().all(u8::is_ascii_digit)
}

/// Classes whose values nobody chooses: a plain word is none.
fn is_identifier(class: Class) -> bool {
    matches!(class, Class::Session | Class::Device | Class::ConnectionId)
}

fn has_identity(value: &[u8]) -> bool {
    value.len() >= IDENTIFIER_BYTES_MIN || value.iter().any(u8::is_ascii_digit)
}

fn is_one_of(words: &[&str], value: &[u8]) -> bool {
    words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Most names of one person that follow the first without quotes around them.
const MORE_NAMES_MAX: usize = 4;

/// Small words inside the names of persons, each with the blank behind it: `Ludwig van Beethoven`.
const PARTICLES: [&str; 20] = [
    "al ", "bin ", "da ", "de ", "del ", "della ", "den ", "der ", "di ", "dos ", "du ", "el ", "ibn ", "la ", "le ",
    "ten ", "ter ", "van ", "von ", "y ",
];

/// The value, and where it is the first name of a person without quotes, the names behind it: `name: Alice Smith`.
pub(super) fn with_names(text: &[u8], value: Range<usize>) -> Range<usize> {
    let is_quoted =
        value.start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|byte| b"\"'[({<".contains(byte));
    if is_quoted || name_len(&text[value.clone()]) != Some(value.len()) {
        return value;
    }
    let (mut start, mut end) = (value.start, value.end);
    for _ in 0..MORE_NAMES_MAX {
        let is_short = end - start <= SHORT_NAME_BYTES_MAX;
        let Some(next) = next_name(text, end, is_short) else { break };
        (start, end) = (next.start, next.end);
    }
    value.start..end
}

/// Whether a text is the names of a person, two at least, and nothing else: `Alice van Example`.
pub(super) fn is_names(text: &[u8]) -> bool {
    name_len(text).is_some_and(|first| first < text.len() && with_names(text, 0..first).end == text.len())
}

/// The next name of a person behind `end`; `None` where another pair begins. Blanks and particles stand before it, and a
/// full stop where the name so far is short, as in `J. Smith`.
fn next_name(text: &[u8], end: usize, is_short: bool) -> Option<Range<usize>> {
    let rest = text.get(end..)?;
    let stop = usize::from(is_short && rest.starts_with(b"."));
    let mut at = stop + rest.get(stop..)?.starts_with(b" ").then_some(1)?;
    while let Some(particle) = PARTICLES.iter().find(|particle| rest[at..].starts_with(particle.as_bytes())) {
        at += particle.len();
    }
    let next = at + name_len(&rest[at..])?;
    let is_free = match rest.get(next) {
        Some(b'=' | b':' | b'_' | b'@' | b'0'..=b'9') => false,
        // Of a path, but not of a name in OpenSSL's form: `/CN=Alice Example/emailAddress=…`.
        Some(b'/') => is_attribute(&rest[next + 1..]),
        _ => true,
    };
    is_free.then_some(end + at..end + next)
}

/// Whether a text begins with a name and an equals sign.
fn is_attribute(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    name > 0 && text.get(name) == Some(&b'=')
}

/// Longest name behind which a full stop ends no sentence: `J.`, `Dr.`, `St.`.
const SHORT_NAME_BYTES_MAX: usize = 2;

/// Longest name of a person that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Bytes of the word at the start of `text`, if it has a capital first and then letters, hyphens and apostrophes.
fn name_len(text: &[u8]) -> Option<usize> {
    let valid = text.get(..NAME_BYTES_MAX).unwrap_or(text).utf8_chunks().next()?.valid();
    let word = valid.find(|c: char| !c.is_alphabetic() && !matches!(c, '-' | '\'' | '’')).unwrap_or(valid.len());
    valid.starts_with(char::is_uppercase).then_some(word)
}

/// Most digits of the area code or country code that a telephone number in groups begins with: more are a whole number.
const AREA_DIGITS_MAX: usize = 5;

/// Digits of a telephone number from which on it is taken for complete; E.164 allows 15 (ITU-T E.164, section 6.1).
const PHONE_DIGITS: usize = 10;

/// What stands between the groups of a telephone number: `(030) 90-18 20`.
const PHONE_SEPARATORS: &[u8] = b" ()-/";

/// The value, and where it is the first group of a telephone number without quotes, the groups behind it.
pub(super) fn with_groups(text: &[u8], value: Range<usize>) -> Range<usize> {
    let digits = |span: Range<usize>| text[span].iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_number = text[value.clone()].iter().all(|byte| byte.is_ascii_digit() || b"+()-/".contains(byte));
    if !is_number || !(1..=AREA_DIGITS_MAX).contains(&digits(value.clone())) {
        return value;
    }
    let mut end = value.end;
    while digits(value.start..end) < PHONE_DIGITS {
        let rest = &text[end..];
        let separators = rest.iter().take_while(|byte| PHONE_SEPARATORS.contains(byte)).count();
        let group = rest[separators..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let next = end + separators + group;
        // The digits of a time, of a fraction, of another pair or of a word are no group: `10:00`, `0.5`, `5=x`, `2nd`.
        let is_free = match text.get(next..) {
            Some([b'.', b'0'..=b'9', ..]) => false,
            Some([byte, ..]) => !byte.is_ascii_alphanumeric() && !b":=_".contains(byte),
            Some([]) | None => true,
        };
        if !(1..=2).contains(&separators) || group == 0 || !is_free {
            break;
        }
        end = next;
    }
    value.start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_telephone_number() {
        for (text, first, expected) in [
            ("030 901820 port=5", 3, "030 901820"),
            ("(030) 90 18-20", 5, "(030) 90 18-20"),
            ("030) 90 18 20 end", 3, "030) 90 18 20"),
            ("0171 123 45 67, 5", 4, "0171 123 45 67"),
            ("0171 123 10:00:00", 4, "0171 123"),
            ("030 192.0.2.1", 3, "030"),
            ("030 2nd", 3, "030"),
            ("030   - 7", 3, "030"),
            ("5550100 200 512", 7, "5550100"),
            ("+49 30 901820 200", 3, "+49 30 901820"),
            ("alice 5", 5, "alice"),
        ] {
            let found = with_groups(text.as_bytes(), 0..first);
            assert_eq!(&text[found], expected, "{text}");
        }
    }

    #[test]
    fn remarks_are_no_entities_in_sentences() {
        for (class, link, value, expected) in [
            (Class::User, Link::Prose, "alice", true),
            (Class::User, Link::Prose, "Client", false),
            (Class::User, Link::Sign, "client", true),
            (Class::User, Link::Sign, "Failed", false),
            (Class::Session, Link::Prose, "username", false),
            (Class::Session, Link::Prose, "opened", false),
            (Class::Session, Link::Prose, "abc", false),
            (Class::Session, Link::Prose, "abc1", true),
            (Class::Session, Link::Prose, "abcdefghijklmnop", true),
            (Class::Session, Link::Sign, "abc", true),
            (Class::UserId, Link::Prose, "alice", true),
            (Class::Token, Link::Prose, "password", true),
            (Class::Token, Link::Prose, "expired", false),
            (Class::Token, Link::Sign, "expired", true),
            (Class::Mac, Link::Colon, "hmac-sha2-256", false),
            (Class::Mac, Link::Prose, "00:00:5E:00:53:01", true),
            (Class::Mac, Link::Sign, "hmac-sha2-256", true),
            (Class::Ip, Link::Colon, "none-yet", false),
            (Class::Ip, Link::Colon, "web.example.com", true),
            (Class::User, Link::Prose, "403", false),
            (Class::User, Link::Prose, "4031", true),
            (Class::User, Link::Colon, "failed", false),
        ] {
            assert_eq!(is_entity(class, link, value.as_bytes()), expected, "{class} {link:?} {value}");
        }
    }

    #[test]
    fn names_of_a_person_go_together() {
        for (text, expected) in [
            ("Alice Smith, id 5", "Alice Smith"),
            ("Alice Smith logged in", "Alice Smith"),
            ("Ludwig van Beethoven", "Ludwig van Beethoven"),
            ("Jean-Luc O'Brien Émile x", "Jean-Luc O'Brien Émile"),
            ("Alice Login=x", "Alice"),
            ("Alice Smith: x", "Alice"),
            ("Alice van x", "Alice"),
            ("Alice Example/emailAddress=x", "Alice Example"),
            ("Alice Example/x", "Alice"),
            ("J. R. Example said", "J. R. Example"),
            ("Alice. Next", "Alice"),
            ("alice Smith", "alice"),
            ("A B C D E F G", "A B C D E"),
        ] {
            let first = text.find([' ', ',', '.']).unwrap_or(text.len());
            assert_eq!(&text[with_names(text.as_bytes(), 0..first)], expected, "in {text}");
        }
        assert_eq!(with_names(b"\"Alice Smith", 1..6), 1..6);
        assert!(is_names(b"Ludwig van Beethoven") && !is_names(b"Alice") && !is_names(b"Alice logged in"));
    }
}
