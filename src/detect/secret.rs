//! JSON Web Tokens and credentials.

use super::scan::{byte, byte_before, opens_word, part, run_end, run_start, work};
use std::ops::Range;

/// Shortest text that starts with `eyJ` and is taken for encoded JSON. `{"a":1}` encodes to twelve characters.
const ENCODED_JSON_BYTES_MIN: usize = 12;
/// Parts of a token in compact form: three when signed (RFC 7515, section 3.1), five when encrypted (RFC 7516).
const PARTS_MAX: usize = 5;
/// Letters of `{"` in base64, with which every JSON object begins.
const JSON_START: &[u8] = b"eyJ";

/// Finds the JSON Web Token (RFC 7519) whose `eyJ` ends at the letter at `anchor`.
///
/// An unsigned token keeps its last dot, which is part of it (RFC 7519, section 6.1). Without any dot it is other
/// encoded JSON, or a token cut short; both are taken too.
pub(super) fn jwt_at(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let start = anchor.checked_sub(JSON_START.len() - 1)?;
    if start < *done || part(text, start..anchor + 1) != JSON_START || !opens_word(text, start) {
        return None;
    }
    let mut end = run_end(text, start, is_base64url);
    let mut parts = 1;
    while parts < PARTS_MAX && byte(text, end) == Some(b'.') {
        let part_end = run_end(text, end + 1, is_base64url);
        if part_end == end + 1 {
            break;
        }
        end = part_end;
        parts += 1;
    }
    if parts == 1 {
        end = run_end(text, end, |byte| is_base64url(byte) || b"+/=".contains(&byte));
    }
    if parts == 2 && byte(text, end) == Some(b'.') {
        end += 1;
    }
    *done = end;
    (end - start >= ENCODED_JSON_BYTES_MIN).then_some(start..end)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A credential that its issuer marks with a prefix.
struct Issued {
    /// What it starts with.
    prefix: &'static [u8],
    /// Fewest characters behind the prefix.
    rest_min: usize,
}

const fn issued(prefix: &'static [u8], rest_min: usize) -> Issued {
    Issued { prefix, rest_min }
}

/// Credentials known by their prefix. Behind it stand letters, digits, `-` and `_`.
///
/// Lengths are lower bounds with room below what issuers hand out, for they change them.
const ISSUED: [Issued; 29] = [
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique ID prefixes)
    issued(b"AKIA", 16),
    issued(b"ASIA", 16),
    issued(b"ABIA", 16),
    issued(b"ACCA", 16),
    // https://cloud.google.com/docs/authentication/api-keys: 39 characters in all
    issued(b"AIza", 30),
    // https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
    issued(b"ghp_", 16),
    issued(b"gho_", 16),
    issued(b"ghu_", 16),
    issued(b"ghs_", 16),
    issued(b"ghr_", 16),
    issued(b"github_pat_", 16),
    // https://docs.gitlab.com/security/tokens/#token-prefixes
    issued(b"glpat-", 16),
    issued(b"gldt-", 16),
    issued(b"glrt-", 16),
    issued(b"glcbt-", 16),
    issued(b"glptt-", 16),
    // https://docs.slack.dev/authentication/tokens
    issued(b"xoxb-", 10),
    issued(b"xoxp-", 10),
    issued(b"xoxa-", 10),
    issued(b"xoxr-", 10),
    issued(b"xoxs-", 10),
    issued(b"xoxe-", 10),
    issued(b"xapp-", 10),
    // https://docs.stripe.com/keys
    issued(b"sk_live_", 10),
    issued(b"rk_live_", 10),
    issued(b"sk_test_", 10),
    issued(b"rk_test_", 10),
    issued(b"whsec_", 16),
    // https://docs.npmjs.com/about-access-tokens
    issued(b"npm_", 30),
];

/// Finds the credential whose prefix ends in, or has its rarest letter, at `anchor`: `_`, `-` or `I`.
pub(super) fn issued_at(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    if anchor < *done {
        return None;
    }
    work::count(ISSUED.len());
    let sign = byte(text, anchor)?;
    ISSUED.iter().find_map(|issued| {
        let place = issued.prefix.iter().rposition(|&byte| byte == sign)?;
        let start = anchor.checked_sub(place).filter(|&start| start >= *done)?;
        let rest = start + issued.prefix.len();
        if part(text, start..rest) != issued.prefix || !opens_word(text, start) {
            return None;
        }
        let end = run_end(text, rest, is_base64url);
        *done = end;
        (end - rest >= issued.rest_min).then_some(start..end)
    })
}

/// Authentication schemes (RFC 9110, section 11.1; IANA's registry) whose credential is one word.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"token", b"negotiate", b"ntlm", b"apikey"];
/// Longest name of a scheme or header looked back for.
const SCHEME_BYTES_MAX: usize = 24;
/// Word characters from which on a text behind a scheme's name is hardly prose.
const CREDENTIAL_BYTES_LONG: usize = 20;

/// Finds the credential behind a scheme's name that ends at the blank at `anchor`: ` `, `+` or `%20`.
///
/// Right behind `Authorization:`, and where the name starts the text, whatever follows is a credential. Elsewhere it must
/// look like one, for `token expired` and `basic settings` are prose.
pub(super) fn behind_scheme(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let last = byte_before(text, anchor)?.to_ascii_lowercase();
    if anchor < *done || !SCHEMES.iter().any(|scheme| scheme.last() == Some(&last)) {
        return None;
    }
    let floor = anchor.saturating_sub(SCHEME_BYTES_MAX);
    let name = run_start(text, floor, anchor, |byte| byte.is_ascii_alphabetic());
    let scheme = SCHEMES.iter().find(|scheme| {
        let start = anchor.checked_sub(scheme.len());
        start.is_some_and(|start| start >= name && part(text, start..anchor).eq_ignore_ascii_case(scheme))
    })?;
    let start = anchor - scheme.len();
    let value = if part(text, anchor..anchor + 3) == b"%20" { anchor + 3 } else { anchor + 1 };
    let value = run_end(text, value, |byte| byte == b' ');
    let end = credential_end(text, value);
    *done = value;
    if end == value || !opens_word(text, start) {
        return None;
    }
    *done = end;
    (start == 0 || is_header_value(text, start) || looks_random(part(text, value..end))).then_some(value..end)
}

/// End of the credential that starts at `start`: at white space, a quote or a closing sign.
fn credential_end(text: &[u8], start: usize) -> usize {
    run_end(text, start, |byte| byte > b' ' && byte != 0x7f && !b"\"'`,;&<>()[]{}\\".contains(&byte))
}

/// Whether `start` is where the value of an `Authorization` header starts.
fn is_header_value(text: &[u8], start: usize) -> bool {
    let floor = start.saturating_sub(SCHEME_BYTES_MAX);
    let signs = run_start(text, floor, start, |byte| b" :=\"'\\[>".contains(&byte));
    let name = part(text, run_start(text, floor, signs, |byte| byte.is_ascii_alphabetic())..signs);
    signs < start && name.eq_ignore_ascii_case(b"authorization")
}

/// Whether a word looks like a credential and not like prose: it has a digit, a sign or mixed case, or it is long.
fn looks_random(word: &[u8]) -> bool {
    work::count(3 * word.len());
    let word = word.strip_suffix(b".").or(word.strip_suffix(b":")).unwrap_or(word);
    let has_sign = word.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b'-');
    let has_capital_inside = word.iter().skip(1).any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    word.len() >= 4 && (has_sign || has_capital_inside || word.len() >= CREDENTIAL_BYTES_LONG)
}
