//! E-mail addresses.

use super::{USUAL, text};
use std::str;

/// Longest local part that is looked at, in bytes: four times what RFC 5321, section 4.5.3.1.1, allows, because letters
/// outside ASCII take up to four bytes.
const LOCAL_BYTES_MAX: usize = 256;

/// Longest address that is looked at, in bytes.
const EMAIL_BYTES_MAX: usize = LOCAL_BYTES_MAX + 1 + text::DOMAIN_BYTES_MAX;

/// Marks that a local part may hold besides letters and digits: the `atext` of RFC 5322, section 3.2.3, and the dot.
const LOCAL_MARKS: &[u8] = b"!#$%&'*+-/=?^_`{|}~.";

/// Appends the canonical bytes of an e-mail address; `false` when the value is none.
///
/// The local part loses its case. RFC 5321, section 2.4, lets hosts tell cases apart, and discourages it.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) -> bool {
    with_parts(value, |local, domain| {
        out.push(USUAL);
        for part in [local, "@", domain] {
            out.extend_from_slice(part.as_bytes());
        }
    })
    .is_some()
}

/// Whether a text is an e-mail address whose canonical text is itself; of few addresses it does not say so.
pub(super) fn is_canonical(value: &[u8]) -> bool {
    value.len() <= EMAIL_BYTES_MAX && plain_sign(value).is_some()
}

/// Whether a text is an e-mail address and nothing else; `user@realm` without a dot may be a login name.
pub(super) fn is_unmistakable(value: &[u8]) -> bool {
    with_parts(value, |_, domain| domain.contains('.')).unwrap_or(false)
}

/// Hands the canonical local part and domain of an e-mail address to `use_parts`; `None` when the value is none.
fn with_parts<T>(value: &[u8], use_parts: impl FnOnce(&str, &str) -> T) -> Option<T> {
    if value.len() > EMAIL_BYTES_MAX || !may_be_email(value) {
        return None;
    }
    match plain_parts(value) {
        Some((local, domain)) => Some(use_parts(local, domain)),
        None => with_parts_of_any(value, use_parts),
    }
}

/// The parts of an address that is canonical as it stands, as most are: small letters, digits and a few marks, and no label
/// that could be punycode.
fn plain_parts(value: &[u8]) -> Option<(&str, &str)> {
    let sign = plain_sign(value)?;
    str::from_utf8(value.get(..sign)?).ok().zip(str::from_utf8(value.get(sign + 1..)?).ok())
}

/// Where the sign of such an address stands.
fn plain_sign(value: &[u8]) -> Option<usize> {
    let is_local = |byte: &u8| PLAIN[usize::from(*byte)] >= Plain::Local;
    let sign = value.iter().position(|byte| !is_local(byte)).filter(|sign| (1..=LOCAL_BYTES_MAX).contains(sign))?;
    let (b'@', domain) = value.get(sign..)?.split_first()? else { return None };
    // No label is empty, and none has two hyphens beside each other.
    let mut before = b'.';
    let is_domain = domain.len() <= text::DOMAIN_BYTES_MAX
        && domain.iter().all(|byte| {
            let plain = PLAIN[usize::from(*byte)];
            let fits = plain == Plain::Alphanumeric || plain == Plain::Both && *byte != before;
            before = *byte;
            fits
        })
        && before != b'.';
    is_domain.then_some(sign)
}

/// Where a byte may stand in an address that is canonical as it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Plain {
    /// Nowhere.
    No,
    /// In the local part: a mark.
    Local,
    /// In the local part, and in the domain if not beside itself: a mark.
    Both,
    /// Anywhere: a small letter or a digit.
    Alphanumeric,
}

/// By byte.
static PLAIN: [Plain; 256] = {
    let mut plain = [Plain::No; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => Plain::Alphanumeric,
            b'.' | b'-' => Plain::Both,
            b'_' | b'+' => Plain::Local,
            _ => Plain::No,
        };
        byte += 1;
    }
    plain
};

/// Whether a text can have the sign of an e-mail address: as it is, percent-encoded, or of another width.
fn may_be_email(value: &[u8]) -> bool {
    memchr::memchr2(b'@', b'%', value).is_some() || !value.is_ascii()
}

/// [`with_parts`] of all texts.
fn with_parts_of_any<T>(value: &[u8], use_parts: impl FnOnce(&str, &str) -> T) -> Option<T> {
    let decoded = text::percent_decoded_until(b'@', value);
    let address = text::usual_width(str::from_utf8(&decoded).ok()?);
    let address = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(&address);
    let (local, domain) = address.rsplit_once('@')?;
    let local = text::lower(without_quotes(local));
    (is_local_part(&local) || is_quoted(&local)).then_some(())?;
    let domain = text::domain(domain)?;
    Some(use_parts(&local, &domain))
}

/// The local part without quotes that it does not need (RFC 5321, section 4.1.2).
fn without_quotes(local: &str) -> &str {
    let inside = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.filter(|inside| is_local_part(inside)).unwrap_or(local)
}

/// Whether a text is quoted, without another quote inside.
fn is_quoted(local: &str) -> bool {
    let inside = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.is_some_and(|inside| {
        (1..=LOCAL_BYTES_MAX).contains(&inside.len()) && !inside.contains(|c: char| c == '"' || c.is_control())
    })
}

/// Whether a text is a local part without quotes: atoms and dots, and any letter outside ASCII (RFC 6531).
fn is_local_part(local: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || LOCAL_MARKS.contains(&byte);
    let is_letter = |c: char| !c.is_whitespace() && !c.is_control();
    (1..=LOCAL_BYTES_MAX).contains(&local.len())
        && local.bytes().all(|byte| !byte.is_ascii() || is_allowed(byte))
        && (local.is_ascii() || local.chars().all(|c| c.is_ascii() || is_letter(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_address_is_missed(text in prop_oneof![".{0,20}", "<?[a-z]{1,3}(@|%40|%2540|\u{ff20})[a-z.\u{ff0e}]{1,6}>?", "[a-zA-Z0-9._+-]{0,4}@[a-z0-9.@-]{0,6}"]) {
            let parts = |local: &str, domain: &str| (local.to_owned(), domain.to_owned());
            prop_assert_eq!(with_parts(text.as_bytes(), parts), with_parts_of_any(text.as_bytes(), parts));
        }
    }
}
