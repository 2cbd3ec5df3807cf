//! Names that people and hosts go by: case, width and composition of letters.

use super::hex_digit;
use idna::AsciiDenyList;
use std::borrow::Cow;
use std::str;
use unicode_normalization::char::decompose_compatible;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest domain that is looked at, in bytes: four times what DNS allows (RFC 1035), because letters outside ASCII
/// take up to four bytes. Bounds the work of decoding punycode.
pub(super) const DOMAIN_BYTES_MAX: usize = 1020;

/// How often a value is percent-decoded.
const ENCODINGS_MAX: usize = 2;

/// The normal text of a login name, after the UsernameCaseMapped profile of RFC 8265: letters of full and half width
/// become usual ones, then lower case, then NFC. Unlike there, no character is refused.
///
/// `None` when it is not UTF-8.
pub(super) fn user(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    Some(into_bytes(fold(str::from_utf8(value).ok()?)))
}

/// The normal text of a person's name: as a login name, with single spaces between the words, also where a form wrote them
/// as `+`.
///
/// `None` when it is not UTF-8.
pub(super) fn person(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut folded = fold(str::from_utf8(value).ok()?);
    if folded.contains('+') {
        folded = Cow::Owned(folded.replace('+', " "));
    }
    let single_spaced = folded.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace));
    if single_spaced {
        return Some(into_bytes(folded));
    }
    let words: Vec<&str> = folded.split_whitespace().collect();
    Some(Cow::Owned(words.join(" ").into_bytes()))
}

/// The normal text of a host: a domain in ASCII, or whatever address it is instead.
///
/// `None` when it is neither.
pub(super) fn host(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if super::address(value).is_some() || super::email::is_unmistakable(value) {
        return Some(Cow::Borrowed(value));
    }
    let text = str::from_utf8(value).ok()?.trim();
    domain(without_port(text)).map(into_bytes)
}

/// Whether a text is a domain of several labels whose last begins with a letter, as top-level domains do (RFC 3696,
/// section 2).
pub(super) fn is_unmistakable_host(value: &[u8]) -> bool {
    let Some(text) = str::from_utf8(value).ok() else { return false };
    let name = without_port(text).trim_end_matches('.');
    let top = name.rsplit_once('.').map_or("", |(_, top)| top);
    top.starts_with(char::is_alphabetic) && domain(name).is_some()
}

/// Text in usual width, lower case and NFC, without white space around it.
fn fold(text: &str) -> Cow<'_, str> {
    match usual_width(text) {
        Cow::Borrowed(text) => lower(text),
        Cow::Owned(text) => Cow::Owned(lower(&text).into_owned()),
    }
}

/// A domain in lower-case ASCII, without root dot: UTS-46, with internationalized labels in punycode.
///
/// `None` when UTS-46 refuses it, a label is empty, or it has other characters than letters, digits, hyphens and
/// underscores.
pub(super) fn domain(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > DOMAIN_BYTES_MAX {
        return None;
    }
    let domain = without_root_dot(plain_domain(text).map_or_else(|| ascii_domain(text), Some)?);
    domain.split('.').all(is_label).then_some(domain)
}

/// A domain in lower-case ASCII, by UTS-46.
fn ascii_domain(text: &str) -> Option<Cow<'_, str>> {
    idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL).ok()
}

/// The same for a domain of nothing but letters, digits, hyphens and underscores in ASCII, of which UTS-46 changes only the
/// case. `None` for others, and where a label may be punycode (`xn--`), which it decodes and checks.
fn plain_domain(text: &str) -> Option<Cow<'_, str>> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !text.as_bytes().windows(2).any(|pair| pair == b"--");
    is_plain.then(|| lower(text))
}

/// The value, percent-decoded (RFC 3986, section 2.1) if `sign` shows only then: an address copied from a URL, or from
/// a URL inside a URL.
pub(super) fn percent_decoded_until(sign: u8, value: &[u8]) -> Cow<'_, [u8]> {
    let mut decoded = Cow::Borrowed(value);
    for _ in 0..ENCODINGS_MAX {
        if decoded.contains(&sign) || !decoded.contains(&b'%') {
            break;
        }
        decoded = Cow::Owned(percent_decoded(&decoded));
    }
    if decoded.contains(&sign) { decoded } else { Cow::Borrowed(value) }
}

/// Text in lower case and NFC. ASCII that is so already is borrowed.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        let lower = text.to_lowercase();
        // Most texts are composed as they are, which is cheap to tell.
        return Cow::Owned(match is_nfc_quick(lower.chars()) {
            IsNormalized::Yes => lower,
            IsNormalized::No | IsNormalized::Maybe => lower.nfc().collect(),
        });
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

/// Text with letters of full and half width replaced by usual ones, without white space around it: the width mapping of
/// RFC 8264, section 5.2.1.
pub(super) fn usual_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim());
    }
    let mut usual = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Ideographic space; the block of half-width and full-width forms.
            '\u{3000}' | '\u{ff00}'..='\u{ffef}' => decompose_compatible(c, |part| usual.push(part)),
            _ => usual.push(c),
        }
    }
    usual.truncate(usual.trim_end().len());
    usual.drain(..usual.len() - usual.trim_start().len());
    Cow::Owned(usual)
}

fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match rest {
            [b'%', high, low, ..] => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

fn without_root_dot(domain: Cow<'_, str>) -> Cow<'_, str> {
    match domain {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('.').unwrap_or(text)),
        Cow::Owned(mut text) => {
            if text.ends_with('.') {
                text.pop();
            }
            Cow::Owned(text)
        }
    }
}

fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => text,
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn plain_domains_are_what_uts_46_makes_of_them(
            text in prop_oneof!["([a-zA-Z0-9_-]{0,8}\\.){0,4}[a-zA-Z0-9_-]{0,8}\\.?", "[xX][nN]--[a-z0-9-]{0,8}\\.[a-z]{2}", ".{0,12}"],
        ) {
            if let Some(plain) = plain_domain(&text) {
                prop_assert_eq!(Some(plain), ascii_domain(&text));
            }
        }
    }

    proptest! {
        #[test]
        fn lower_text_is_composed(text in "[a-zA-Z\u{c4}\u{e9}\u{130}\u{3a3}\u{300}-\u{304}\u{327}\u{1100}-\u{1102}\u{1161}\u{11a8}\u{ac00}]{0,8}|\\PC{0,8}") {
            prop_assert_eq!(lower(&text), text.to_lowercase().nfc().collect::<String>());
        }
    }

    #[test]
    fn usual_domains_are_plain() {
        assert!(matches!(plain_domain("www.example.com"), Some(Cow::Borrowed(_))));
        assert_eq!(plain_domain("WWW.Example.com").as_deref(), Some("www.example.com"));
        assert_eq!(plain_domain("xn--bcher-kva.example"), None);
    }
}
