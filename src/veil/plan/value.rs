//! Plans a value: as the entity that a rule says it is, or as text that no rule names.

use super::credential::scheme_of;
use super::{Plan, Scope};
use crate::canon;
use crate::detect::{self, Found};
use crate::rules::{Class, Parse, Shape, Unknown};
use crate::transform::{Quoting, Replacement, Source};
use crate::veil::matcher::Action;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::str;

impl Plan {
    /// Plans a text that a rule names.
    pub(super) fn apply(&mut self, scope: Scope<'_>, action: Action, text: &[u8]) {
        match action.parse {
            Parse::Auto => match scope.inner() {
                Some(inner) => self.any_line(inner, text),
                None => self.whole(scope.matcher.whole, text),
            },
            Parse::Cookies => self.cookies(scope, action, text),
            Parse::No => self.entity(scope, action, text),
        }
    }

    /// Plans a text that is an entity, or several of a kind.
    pub(super) fn entity(&mut self, scope: Scope<'_>, action: Action, text: &[u8]) {
        let Some(replacement) = action.replacement else { return };
        let span = trimmed_span(text);
        if self.parts(action, replacement, text)
            || self.credential(scope, action, text)
            || self.encoded_entity(scope, action, text)
        {
            return;
        }
        let scheme = if action.class == Class::Token { scheme_of(&text[span.clone()]).len() } else { 0 };
        self.push(action, replacement, text, span.start + scheme..span.end, Quoting::Text, Source::Rule);
    }

    /// Plans the addresses, networks, hardware addresses or mailboxes of a value that holds nothing else but what stands
    /// between them (as `X-Forwarded-For` does); `false` when there is anything else in it.
    fn parts(&mut self, action: Action, replacement: Replacement, text: &[u8]) -> bool {
        let Some(kind) = PartKind::of(action.class) else { return false };
        if let Some(class) = kind.plain_class(text) {
            // Nothing else stands in it, as the search would find out.
            let part = Action { class, ..action };
            self.push(part, replacement, text, 0..text.len(), Quoting::Text, Source::Rule);
            return true;
        }
        if kind == PartKind::Address && listed(text).all(|span| is_plain_address(&text[span])) {
            let part = Action { class: Class::Ip, ..action };
            for span in listed(text) {
                self.push(part, replacement, text, span, Quoting::Text, Source::Rule);
            }
            return true;
        }
        let mut found = Vec::new();
        detect::shapes(text, &mut found);
        let start = self.findings.len();
        let mut rest = 0;
        let end = Found { span: text.len()..text.len(), shape: Shape::Ip };
        let mut known = !found.is_empty();
        for Found { span, shape } in found.iter().chain([&end]) {
            known &= kind.takes(shape.class()) || span.is_empty();
            known = known && self.between_parts(kind, action, replacement, text, rest..span.start);
            if !known {
                break;
            }
            if !span.is_empty() {
                let part = Action { class: shape.class(), ..action };
                // A rule for addresses may keep their networks by a transform that networks do not have.
                let replacement = if part.class == Class::Network { whole_network(replacement) } else { replacement };
                self.push(part, replacement, text, span.clone(), Quoting::Text, Source::Rule);
            }
            rest = span.end;
        }
        if !known {
            self.findings.truncate(start);
        }
        known
    }

    /// Plans what stands between two parts; `false` when it may be something else.
    fn between_parts(
        &mut self,
        kind: PartKind,
        action: Action,
        replacement: Replacement,
        text: &[u8],
        gap: Range<usize>,
    ) -> bool {
        let between = &text[gap.clone()];
        match kind {
            PartKind::HardwareAddress => is_between_hardware_addresses(between),
            PartKind::Mailbox => {
                // What is no separator is the name of whoever has the mailbox: `Alice Example <alice@example.com>`.
                let trim = |byte: &u8| b",;<> \t\"'[]()|\\".contains(byte);
                let (Some(first), Some(last)) =
                    (between.iter().position(|byte| !trim(byte)), between.iter().rposition(|byte| !trim(byte)))
                else {
                    return true;
                };
                let name = gap.start + first..gap.start + last + 1;
                let person = Action { class: Class::Person, ..action };
                self.push(person, replacement, text, name, Quoting::Text, Source::Rule);
                true
            }
            PartKind::Address => {
                let mut at = gap.start;
                for word in between.split(|byte| ADDRESS_SEPARATORS.contains(byte)) {
                    let span = at..at + word.len();
                    at = span.end + 1;
                    if is_between_addresses(word) {
                        continue;
                    }
                    // A host's name, or what stands for an address by RFC 7239, section 6.3: `_gazonk`.
                    let obfuscated = word.starts_with(b"_");
                    if !obfuscated && !canon::is_domain(word) {
                        return false;
                    }
                    let class = if obfuscated { Class::Text } else { Class::Host };
                    let part = Action { class, ..action };
                    self.push(part, whole_network(replacement), text, span, Quoting::Text, Source::Rule);
                }
                true
            }
        }
    }

    /// Plans a text that no rule names.
    pub(super) fn unknown(&mut self, scope: Scope<'_>, unknown: Unknown, text: &[u8]) {
        match unknown {
            Unknown::Scan if self.innocents.know(scope, text) => {}
            Unknown::Scan => {
                let found = self.found();
                self.scan(scope, text);
                self.short_base64(scope, text);
                // A full record finds more than it can hold.
                if self.found() == found && !self.overflow {
                    self.innocents.note(scope, text);
                }
            }
            Unknown::Pseudonymize | Unknown::Drop => self.whole(scope.matcher.whole, text),
            Unknown::Keep => {}
        }
    }

    /// Replaces a text whole.
    pub(super) fn whole(&mut self, action: Action, text: &[u8]) {
        if let Some(replacement) = action.replacement {
            self.push(action, replacement, text, trimmed_span(text), Quoting::Text, Source::Rule);
        }
    }
}

/// What a value may be a list of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    Address,
    HardwareAddress,
    Mailbox,
}

impl PartKind {
    /// What values of a class may be lists of.
    fn of(class: Class) -> Option<Self> {
        match class {
            Class::Ip | Class::Network => Some(Self::Address),
            Class::Mac => Some(Self::HardwareAddress),
            Class::Email => Some(Self::Mailbox),
            Class::User
            | Class::Person
            | Class::UserId
            | Class::Phone
            | Class::Account
            | Class::Card
            | Class::Iban
            | Class::Session
            | Class::ConnectionId
            | Class::Token
            | Class::Device
            | Class::UserAgent
            | Class::Host
            | Class::Geo
            | Class::Text => None,
        }
    }

    /// The class of the only part, if the text is one in its usual spelling and nothing else.
    fn plain_class(self, text: &[u8]) -> Option<Class> {
        let (class, is_plain) = match self {
            Self::Address => (Class::Ip, is_plain_address(text)),
            Self::Mailbox => (Class::Email, detect::is_plain_email(text)),
            Self::HardwareAddress => (Class::Mac, false),
        };
        is_plain.then_some(class)
    }

    /// Whether a part of this class can stand in the list.
    fn takes(self, class: Class) -> bool {
        match self {
            Self::Address => matches!(class, Class::Ip | Class::Network),
            Self::HardwareAddress => class == Class::Mac,
            Self::Mailbox => class == Class::Email,
        }
    }
}

/// The text without surrounding white space.
fn trimmed_span(text: &[u8]) -> Range<usize> {
    let start = text.len() - text.trim_ascii_start().len();
    start..start + text.trim_ascii().len()
}

/// What replaces a network where a rule says what replaces addresses.
fn whole_network(replacement: Replacement) -> Replacement {
    match replacement {
        Replacement::Pseudonym { .. } | Replacement::Prefix | Replacement::Truncation => {
            Replacement::Pseudonym { network: false }
        }
        Replacement::Generalization | Replacement::Rounding | Replacement::Recoded(_) | Replacement::Marker => {
            replacement
        }
    }
}

/// What stands between the commas of a text, without a blank before it, as addresses do in `X-Forwarded-For`.
fn listed(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    text.split(|byte| *byte == b',').map(move |part| {
        let blank = usize::from(next > 0 && part.first() == Some(&b' '));
        let span = next + blank..next + part.len();
        next += part.len() + 1;
        span
    })
}

/// Whether a text is an address in the usual spelling and nothing else.
fn is_plain_address(text: &[u8]) -> bool {
    is_plain_v4(text) || is_plain_v6(text)
}

/// Whether a text is four numbers up to 255 without leading zeros.
fn is_plain_v4(text: &[u8]) -> bool {
    let (mut dots, mut number, mut digits) = (0, 0_u32, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || number > 0 => {
                (number, digits) = (number * 10 + u32::from(byte - b'0'), digits + 1);
            }
            b'.' if digits > 0 => (dots, number, digits) = (dots + 1, 0, 0),
            _ => return false,
        }
        if number > u32::from(u8::MAX) {
            return false;
        }
    }
    dots == 3 && digits > 0
}

/// Whether a text is groups of hexadecimal digits, the first of them four with a decimal digit among them, which no word,
/// time or hardware address begins with.
fn is_plain_v6(text: &[u8]) -> bool {
    let Some((first, [b':', rest @ ..])) = text.split_first_chunk::<4>() else { return false };
    first.iter().all(u8::is_ascii_hexdigit)
        && first.iter().any(u8::is_ascii_digit)
        && rest.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b':')
        && str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Digits of the largest port, 65535. A longer number beside an address may be a telephone number, or an address.
const PORT_DIGITS_MAX: usize = 5;

/// What stands between the words of a list of addresses.
const ADDRESS_SEPARATORS: &[u8] = b", :;[]/\"'=(){}|\t";

/// What connects addresses in logs, besides separators: `IPV4/TCP/192.0.2.1/5060`, `for=192.0.2.1;proto=https`.
const ADDRESS_WORDS: [&[u8]; 18] = [
    b"unknown",
    b"-",
    b"ipv4",
    b"ipv6",
    b"tcp",
    b"udp",
    b"tls",
    b"ws",
    b"wss",
    b"http",
    b"https",
    b"for",
    b"by",
    b"proto",
    b"host",
    b"inet",
    b"inet6",
    b"localhost",
];

/// Whether a word beside an address tells nothing: a port, the length of a prefix, a protocol, `unknown`.
fn is_between_addresses(word: &[u8]) -> bool {
    let is_port = word.len() <= PORT_DIGITS_MAX && word.iter().all(u8::is_ascii_digit);
    is_port || ADDRESS_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a text beside a hardware address tells nothing: separators, or the type in an Ethernet or DHCP header.
fn is_between_hardware_addresses(text: &[u8]) -> bool {
    const TYPE_BYTES_MAX: usize = 6;
    text.len() <= TYPE_BYTES_MAX && text.iter().all(|byte| byte.is_ascii_digit() || b":,; []".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_addresses() {
        for text in ["0.0.0.0", "192.0.2.1", "255.255.255.255", "10.20.99.100", "2001:db8::1", "2001:DB8:1:2:3:4:5:6"] {
            assert!(is_plain_address(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "192.0.2",
            "192.0.2.1.1",
            "192.0.2.01",
            "192.0.2.256",
            "300.0.2.1",
            " 192.0.2.1",
            "192.0.2.1:80",
            "a.b.c.d",
            "192..0.2",
            ".192.0.2",
            "192.0.2.",
            "::1",
            "abcd::1",
            "2001:db8",
            "2001:db8::1%eth0",
            "2001:db8::192.0.2.1",
            "00:1b:44:ff:fe:11:3a:b7",
        ] {
            assert!(!is_plain_address(text.as_bytes()), "{text}");
        }
    }

    /// What the search finds in a text.
    fn found(text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        detect::shapes(text.as_bytes(), &mut found);
        found
    }

    /// Addresses with zeros, letters and decimal digits at any place.
    fn any_v6() -> impl Strategy<Value = String> {
        let group = prop_oneof![Just(0_u16), 0..16_u16, 0x10..0x100_u16, any::<u16>()];
        let groups = [
            group.clone(),
            group.clone(),
            group.clone(),
            group.clone(),
            group.clone(),
            group.clone(),
            group.clone(),
            group,
        ];
        (groups, 0..3).prop_map(|(groups, style)| match style {
            0 => Ipv6Addr::from(groups).to_string(),
            1 => groups.map(|group| format!("{group:x}")).join(":"),
            _ => groups.map(|group| format!("{group:04X}")).join(":"),
        })
    }

    fn any_address() -> impl Strategy<Value = String> {
        prop_oneof![any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string()), any_v6()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Why lists of such addresses need no search: it finds the same.
        #[test]
        fn plain_addresses_are_found_as_such(addresses in proptest::collection::vec(any_address(), 1..5), blank: bool) {
            let text = addresses.join(if blank { ", " } else { "," });
            let spans: Vec<_> = listed(text.as_bytes()).collect();
            prop_assert_eq!(spans.iter().map(|span| &text[span.clone()]).collect::<Vec<_>>(), addresses);
            if spans.iter().all(|span| is_plain_address(text[span.clone()].as_bytes())) {
                let expected: Vec<_> = spans.into_iter().map(|span| Found { span, shape: Shape::Ip }).collect();
                prop_assert_eq!(found(&text), expected, "{}", text);
            }
        }

        #[test]
        fn v4_is_plain_where_the_standard_library_reads_and_writes_it(text in "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}|[0-9.]{0,12}") {
            let address = text.parse::<std::net::Ipv4Addr>();
            prop_assert_eq!(is_plain_v4(text.as_bytes()), address.is_ok_and(|address| address.to_string() == text));
        }
    }
}
