//! Plans a value: as the entity that a rule says it is, or as text that no rule names.

use super::{Layer, Plan};
use crate::detect::{self, Found};
use crate::rules::{Class, Parse, Unknown};
use crate::transform::{Quoting, Replacement, Source};
use crate::veil::matcher::{Action, Matcher};
use crate::veil::packs::Packs;
use std::ops::Range;

impl Plan {
    /// Plans a text that a rule names.
    pub(super) fn apply(&mut self, packs: &Packs, matcher: &Matcher, action: Action, text: &[u8], layer: Layer) {
        if action.parse == Parse::Auto {
            return match layer.inner() {
                Some(inner) => self.any_line(packs, matcher, text, inner),
                None => self.whole(matcher.whole, text),
            };
        }
        let Some(replacement) = action.replacement else { return };
        let Some(span) = entity_span(text) else { return };
        if self.parts(action, replacement, text) {
            return;
        }
        let scheme = if action.class == Class::Token { scheme_len(&text[span.clone()]) } else { 0 };
        self.push(action, replacement, text, span.start + scheme..span.end, Quoting::Text, Source::Rule);
    }

    /// Plans the addresses, networks, hardware addresses or mailboxes of a value that holds nothing else but what stands
    /// between them (as `X-Forwarded-For` does); `false` when there is anything else in it.
    fn parts(&mut self, action: Action, replacement: Replacement, text: &[u8]) -> bool {
        let (fits, between): (fn(Class) -> bool, fn(&[u8]) -> bool) = match action.class {
            Class::Ip | Class::Network => (|class| matches!(class, Class::Ip | Class::Network), is_between_addresses),
            Class::Mac => (|class| class == Class::Mac, is_between_hardware_addresses),
            Class::Email => (|class| class == Class::Email, is_between_mailboxes),
            _ => return false,
        };
        let mut found = Vec::new();
        detect::shapes(text, &mut found);
        let mut rest = 0;
        for Found { span, shape } in &found {
            if !fits(shape.class()) || !between(&text[rest..span.start]) {
                return false;
            }
            rest = span.end;
        }
        if found.is_empty() || !between(&text[rest..]) {
            return false;
        }
        for Found { span, shape } in found {
            let part = Action { class: shape.class(), ..action };
            // A rule for addresses may keep their networks by a transform that networks do not have.
            let replacement = if part.class == Class::Network { whole_network(replacement) } else { replacement };
            self.push(part, replacement, text, span, Quoting::Text, Source::Rule);
        }
        true
    }

    /// Plans a text that no rule names.
    pub(super) fn unknown(&mut self, packs: &Packs, matcher: &Matcher, unknown: Unknown, text: &[u8], layer: Layer) {
        match unknown {
            Unknown::Scan => self.scan(packs, matcher, text, layer),
            Unknown::Pseudonymize | Unknown::Drop => self.whole(matcher.whole, text),
            Unknown::Keep => {}
        }
    }

    /// Replaces a text whole.
    pub(super) fn whole(&mut self, action: Action, text: &[u8]) {
        if let (Some(replacement), Some(span)) = (action.replacement, entity_span(text)) {
            self.push(action, replacement, text, span, Quoting::Text, Source::Rule);
        }
    }
}

/// What logs write where there is no value, in any case: nginx writes `unix:` for a client without an address.
const ABSENT: [&[u8]; 10] = [b"", b"-", b"null", b"(null)", b"nil", b"<nil>", b"none", b"undefined", b"n/a", b"unix:"];

/// The text without surrounding white space; `None` for what logs write where there is no value.
fn entity_span(text: &[u8]) -> Option<Range<usize>> {
    let start = text.len() - text.trim_ascii_start().len();
    let trimmed = text.trim_ascii();
    let is_absent = ABSENT.iter().any(|absent| trimmed.eq_ignore_ascii_case(absent));
    (!is_absent).then(|| start..start + trimmed.len())
}

/// Authentication schemes (RFC 9110, section 11.1), each with the blank before its credential.
const SCHEMES: [&[u8]; 5] = [b"bearer ", b"basic ", b"digest ", b"token ", b"negotiate "];

/// The value of a pair, and where it is just a scheme the credential behind it: `Authorization: Bearer mF_9`.
pub(super) fn with_credential(text: &[u8], value: Range<usize>) -> Range<usize> {
    let is_scheme = SCHEMES.iter().any(|scheme| scheme.trim_ascii_end().eq_ignore_ascii_case(&text[value.clone()]));
    match &text[value.end..] {
        [b' ', rest @ ..] if is_scheme => {
            let end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,;&()[]{}<>".contains(byte);
            let len = rest.iter().position(end).unwrap_or(rest.len());
            value.start..value.end + 1 + len
        }
        _ => value,
    }
}

/// Bytes of an authentication scheme before its credential: it says nothing of anyone.
fn scheme_len(credential: &[u8]) -> usize {
    let starts = |scheme: &&&[u8]| credential.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().find(starts).map_or(0, |scheme| scheme.len())
}

/// What replaces a network where a rule says what replaces addresses.
fn whole_network(replacement: Replacement) -> Replacement {
    match replacement {
        Replacement::Pseudonym { .. } | Replacement::Prefix | Replacement::Truncation => {
            Replacement::Pseudonym { network: false }
        }
        Replacement::Generalization | Replacement::Rounding | Replacement::Marker => replacement,
    }
}

/// Digits of the largest port, 65535. A longer number beside an address may be a telephone number, or an address.
const PORT_DIGITS_MAX: usize = 5;

/// What connects addresses in logs, besides separators: `IPV4/TCP/192.0.2.1/5060`, `for=192.0.2.1;proto=https`.
const ADDRESS_WORDS: [&[u8]; 16] = [
    b"unknown", b"-", b"ipv4", b"ipv6", b"tcp", b"udp", b"tls", b"ws", b"wss", b"http", b"https", b"for", b"by",
    b"proto", b"inet", b"inet6",
];

/// Whether a text between two addresses tells nothing: separators, ports, prefix lengths, protocols, `unknown`.
fn is_between_addresses(text: &[u8]) -> bool {
    let mut words = text.split(|byte| b", :;[]/\"'=(){}|\t".contains(byte));
    let is_port = |word: &[u8]| word.len() <= PORT_DIGITS_MAX && word.iter().all(u8::is_ascii_digit);
    words.all(|word| is_port(word) || ADDRESS_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

/// Whether a text beside a hardware address tells nothing: separators, or the type in an Ethernet or DHCP header.
fn is_between_hardware_addresses(text: &[u8]) -> bool {
    const TYPE_BYTES_MAX: usize = 6;
    text.len() <= TYPE_BYTES_MAX && text.iter().all(|byte| byte.is_ascii_digit() || b":,; []".contains(byte))
}

/// Whether a text between two mailboxes is only separators.
fn is_between_mailboxes(text: &[u8]) -> bool {
    text.iter().all(|byte| b",;<> \t\"'[]()|".contains(byte))
}
