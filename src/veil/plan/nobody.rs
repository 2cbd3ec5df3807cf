//! Values that stand for nobody, whatever the field: what logs write where there is no value, and what is the same on
//! every machine.

use crate::canon;
use crate::rules::Class;

/// What logs write where there is no value, or none that may be shown, in any case: nginx writes `unix:` for a client
/// without an address, Rails `[FILTERED]` for a secret.
static ABSENT: Words = Words::new(&[
    b"-",
    b"--",
    b"?",
    b"null",
    b"(null)",
    b"nil",
    b"<nil>",
    b"none",
    b"undefined",
    b"n/a",
    b"not available",
    b"not applicable",
    b"unknown",
    b"<unknown>",
    b"(unknown)",
    b"any",
    b"unix:",
    b"[filtered]",
    b"[redacted]",
    b"<redacted>",
    b"(redacted)",
    b"redacted",
    b"__redacted__",
]);

/// What tells whether there was a secret, in any case: MySQL writes `using password: YES`, forms `remember_me=0`.
static WHETHER: Words = Words::new(&[b"yes", b"no", b"true", b"false", b"0", b"1"]);

/// Sessions of Windows itself, in any case: none, and `IUSER_LUID`, `NETWORKSERVICE_LUID`, `LOCALSERVICE_LUID` and
/// `SYSTEM_LUID` of `winnt.h`.
static SYSTEM_LOGONS: Words = Words::new(&[b"0x0", b"0x3e3", b"0x3e4", b"0x3e5", b"0x3e7"]);

/// Domains of accounts that every Windows has, in any case (Microsoft, "Well-known SIDs").
static SYSTEM_DOMAINS: Words = Words::new(&[
    b"nt authority",
    b"builtin",
    b"window manager",
    b"font driver host",
    b"nt service",
    b"nt virtual machine",
    b"iis apppool",
]);

/// What Windows writes for the security identifier `S-1-0-0`.
const NULL_SID: &[u8] = b"null sid";

/// The nil UUID (RFC 9562, section 5.9).
const NIL_UUID: &[u8] = b"00000000-0000-0000-0000-000000000000";

/// Numbers behind `S-1-` that the security identifier of an account has at least; those with fewer, as `S-1-5-18` and
/// `S-1-5-32-544`, are the same on every machine (MS-DTYP, section 2.4.2.4).
const ACCOUNT_SID_NUMBERS_MIN: usize = 4;

/// Whether a value of this class, without white space around it, stands for nobody.
pub(super) fn stands_for_nobody(class: Class, value: &[u8]) -> bool {
    value.is_empty()
        || ABSENT.contain(value)
        || is_masked(value)
        || is_placeholder(value)
        || value.strip_prefix(b"{").and_then(|value| value.strip_suffix(b"}")).unwrap_or(value) == NIL_UUID
        || match class {
            Class::UserId => is_zero(value) || value.eq_ignore_ascii_case(NULL_SID) || is_shared_sid(value),
            Class::User => value.eq_ignore_ascii_case(NULL_SID),
            Class::Session => is_zero(value) || SYSTEM_LOGONS.contain(value),
            Class::Device | Class::ConnectionId | Class::Account => is_zero(value),
            Class::Host => SYSTEM_DOMAINS.contain(value),
            Class::Ip => is_unspecified(value),
            Class::Mac => is_everybody(value),
            Class::Token => WHETHER.contain(value),
            Class::Network
            | Class::Email
            | Class::Person
            | Class::Phone
            | Class::Card
            | Class::Iban
            | Class::UserAgent
            | Class::Geo
            | Class::Text => false,
        }
}

/// A few words that are the same in any case.
struct Words {
    words: &'static [&'static [u8]],
    /// By first byte, in either case: the lengths of the words that begin with it, as bits. Hardly any value gets past it.
    lengths: [u32; 256],
}

impl Words {
    /// `words` are not empty and shorter than 32 bytes, or the build fails.
    const fn new(words: &'static [&'static [u8]]) -> Self {
        let mut lengths = [0; 256];
        let mut at = 0;
        while at < words.len() {
            assert!(words[at].len() < u32::BITS as usize);
            let (first, length) = (words[at][0], 1 << words[at].len());
            lengths[first.to_ascii_lowercase() as usize] |= length;
            lengths[first.to_ascii_uppercase() as usize] |= length;
            at += 1;
        }
        Self { words, lengths }
    }

    fn contain(&self, value: &[u8]) -> bool {
        let Some(first) = value.first() else { return false };
        let lengths = self.lengths[usize::from(*first)];
        let may_be = value.len() < u32::BITS as usize && lengths >> value.len() & 1 == 1;
        may_be && self.words.iter().any(|word| value.eq_ignore_ascii_case(word))
    }
}

/// Nothing but stars, or at least three times `x`.
fn is_masked(value: &[u8]) -> bool {
    const CROSSES_MIN: usize = 3;
    let only = |sign: u8| value.iter().all(|byte| byte.eq_ignore_ascii_case(&sign));
    only(b'*') || value.len() >= CROSSES_MIN && only(b'x')
}

/// What a program writes where it would put a value: `%s` of C, `$1` of SQL, `{{ user }}` of templates, `${user}` of shells.
fn is_placeholder(value: &[u8]) -> bool {
    const CONVERSIONS: [&[u8]; 6] = [b"%s", b"%d", b"%v", b"%q", b"%@", b"%1"];
    let is_name = |name: &[u8]| {
        let name = name.trim_ascii();
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
    };
    let inside = |open: &[u8], close: &[u8]| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let brackets: [(&[u8], &[u8]); 3] = [(b"{{", b"}}"), (b"${", b"}"), (b"<%=", b"%>")];
    // Most values are told apart by their first byte.
    matches!(value, [b'%' | b'$' | b'{' | b'<', ..])
        && (CONVERSIONS.contains(&value)
            || matches!(value, [b'$', b'0'..=b'9'] | [b'$', b'0'..=b'9', b'0'..=b'9'])
            || brackets.iter().any(|(open, close)| inside(open, close).is_some_and(is_name)))
}

fn is_zero(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| *byte == b'0')
}

/// `0.0.0.0` and `::`, the addresses of hosts that have none yet (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.2).
fn is_unspecified(value: &[u8]) -> bool {
    let may_be = matches!(value, [b'0' | b':' | b'[', ..]);
    may_be && canon::address(value).is_some_and(|address| address.is_unspecified())
}

/// The hardware addresses of nobody and of everybody, with any separators: all bits clear, or all set (IEEE 802).
fn is_everybody(value: &[u8]) -> bool {
    let mut digits = value.iter().filter(|byte| byte.is_ascii_hexdigit()).map(u8::to_ascii_lowercase);
    let first = digits.next();
    matches!(first, Some(b'0' | b'f')) && digits.all(|digit| Some(digit) == first)
}

fn is_shared_sid(value: &[u8]) -> bool {
    let Some((start, numbers)) = value.split_at_checked(b"S-1-".len()) else { return false };
    let mut numbers = numbers.split(|byte| *byte == b'-');
    let is_number = |number: &[u8]| !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    start.eq_ignore_ascii_case(b"S-1-")
        && numbers.clone().take(ACCOUNT_SID_NUMBERS_MIN).count() < ACCOUNT_SID_NUMBERS_MIN
        && numbers.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    proptest! {
        /// No word gets lost by its first byte and its length, and nothing comes in.
        #[test]
        fn words_are_told_as_by_comparing_with_each(
            word in select([ABSENT.words, SYSTEM_DOMAINS.words].concat()),
            change in ".{0,2}",
            at in 0..8_usize,
            upper: bool,
        ) {
            let mut value = word.to_vec();
            value.splice(at.min(word.len())..(at + change.len()).min(word.len()).max(at.min(word.len())), change.bytes());
            if upper {
                value.make_ascii_uppercase();
            }
            for words in [&ABSENT, &SYSTEM_DOMAINS] {
                let known = words.words.iter().any(|word| word.eq_ignore_ascii_case(&value));
                prop_assert_eq!(words.contain(&value), known);
                prop_assert!(words.words.iter().all(|word| words.contain(&word.to_ascii_uppercase())));
            }
        }
    }

    #[test]
    fn some_values_stand_for_nobody() {
        for (class, value, expected) in [
            (Class::User, "-", true),
            (Class::User, "N/A", true),
            (Class::User, "S-1-5-18", false),
            (Class::User, "Unknown", true),
            (Class::User, "xx", false),
            (Class::Token, "XXXX", true),
            (Class::Token, "********", true),
            (Class::Token, "YES", true),
            (Class::Token, "1", true),
            (Class::User, "yes", false),
            (Class::User, "%s", true),
            (Class::User, "$1", true),
            (Class::Token, "${TOKEN}", true),
            (Class::Email, "{{ user.email }}", true),
            (Class::Token, "$ecret", false),
            (Class::Token, "$6$abc", false),
            (Class::User, "${alice example}", false),
            (Class::User, "{{}}", false),
            (Class::UserId, "S-1-5-18", true),
            (Class::UserId, "s-1-5-32-544", true),
            (Class::UserId, "S-1-0-0", true),
            (Class::UserId, "S-1-5-21-1004336348-1177238915-682003330-512", false),
            (Class::UserId, "S-1-12-1-1-2-3-4", false),
            (Class::UserId, "S-1-5-x", false),
            (Class::UserId, "S-1-", false),
            (Class::UserId, "18", false),
            (Class::UserId, "0", true),
            (Class::UserId, "NULL SID", true),
            (Class::UserId, "100", false),
            (Class::Session, "{00000000-0000-0000-0000-000000000000}", true),
            (Class::Text, "00000000-0000-0000-0000-000000000000", true),
            (Class::Text, "0", false),
            (Class::Ip, "0.0.0.0", true),
            (Class::Ip, "[::]:0", true),
            (Class::Ip, "0.0.0.1", false),
            (Class::Mac, "FF-ff-ff-ff-ff-ff", true),
            (Class::Mac, "0000.0000.0000", true),
            (Class::Mac, "00:00:00:00:00:0f", false),
            (Class::Host, "NT Authority", true),
            (Class::Host, "EXAMPLE", false),
            (Class::Session, "0x3E7", true),
            (Class::Session, "0x3e75", false),
        ] {
            assert_eq!(stands_for_nobody(class, value.as_bytes()), expected, "{class} {value}");
        }
    }
}
