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
    /// Place in the prefix of its last `_`, `-` or `.`, or else of its `I`: where [`issued_at`] is called.
    anchor: usize,
    /// Fewest characters behind the prefix.
    rest_min: usize,
}

const fn issued(prefix: &'static [u8], rest_min: usize) -> Issued {
    let mut anchor = prefix.len() - 1;
    while !matches!(prefix[anchor], b'_' | b'-' | b'.' | b'I') {
        anchor -= 1;
    }
    Issued { prefix, anchor, rest_min }
}

/// Credentials known by their prefix. Behind it stand letters, digits, `-`, `_` and `.`.
///
/// Lengths are lower bounds with room below what issuers hand out, for they change them.
static ISSUED: [Issued; 62] = [
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique ID prefixes)
    issued(b"AKIA", 16),
    issued(b"ASIA", 16),
    issued(b"ABIA", 16),
    // https://cloud.google.com/docs/authentication/api-keys: 39 characters in all; OAuth client secrets and access tokens
    issued(b"AIza", 30),
    issued(b"GOCSPX-", 20),
    issued(b"ya29.", 20),
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
    issued(b"gloas-", 16),
    issued(b"glsoat-", 16),
    // https://docs.slack.dev/authentication/tokens
    issued(b"xoxb-", 10),
    issued(b"xoxp-", 10),
    issued(b"xoxa-", 10),
    issued(b"xoxr-", 10),
    issued(b"xoxs-", 10),
    issued(b"xoxe-", 10),
    issued(b"xoxe.xoxp-", 10),
    issued(b"xapp-", 10),
    // https://docs.stripe.com/keys
    issued(b"sk_live_", 10),
    issued(b"rk_live_", 10),
    issued(b"sk_test_", 10),
    issued(b"rk_test_", 10),
    issued(b"whsec_", 16),
    // npm, PyPI, RubyGems and Docker Hub documentation of access tokens
    issued(b"npm_", 30),
    issued(b"pypi-", 30),
    issued(b"rubygems_", 30),
    issued(b"dckr_pat_", 16),
    // https://docs.digitalocean.com/reference/api/oauth/
    issued(b"dop_v1_", 30),
    issued(b"doo_v1_", 30),
    issued(b"dor_v1_", 30),
    // https://shopify.dev/docs/apps/auth
    issued(b"shpat_", 20),
    issued(b"shpca_", 20),
    issued(b"shppa_", 20),
    issued(b"shpss_", 20),
    // https://developer.hashicorp.com/vault/docs/concepts/tokens
    issued(b"hvs.", 20),
    issued(b"hvb.", 20),
    issued(b"hvr.", 20),
    // SendGrid, Square, Postman and Linear documentation of API keys
    issued(b"SG.", 20),
    issued(b"sq0atp-", 16),
    issued(b"sq0csp-", 16),
    issued(b"PMAK-", 24),
    issued(b"lin_api_", 30),
    // Providers of language models
    issued(b"sk-ant-", 20),
    issued(b"sk-proj-", 20),
    issued(b"sk-", 32),
    issued(b"hf_", 30),
    // Grafana, New Relic, Tailscale, Figma and Atlassian documentation of tokens
    issued(b"glsa_", 30),
    issued(b"glc_", 30),
    issued(b"NRAK-", 20),
    issued(b"tskey-", 16),
    issued(b"figd_", 20),
    issued(b"dapi-", 30),
    // https://age-encryption.org/v1
    issued(b"AGE-SECRET-KEY-", 50),
];

/// By the letter before the anchor: which of [`ISSUED`] have it there.
static ISSUED_BY_LETTER: [u64; 256] = {
    let mut by_letter = [0; 256];
    let mut index = 0;
    while index < ISSUED.len() {
        let issued = &ISSUED[index];
        by_letter[issued.prefix[issued.anchor - 1] as usize] |= 1 << index;
        index += 1;
    }
    by_letter
};

/// By the letter before the anchor: the anchors that some of [`ISSUED`] have behind it, as bits of [`anchor_bit`].
static ANCHORS_BY_LETTER: [u8; 256] = {
    let mut by_letter = [0; 256];
    let mut index = 0;
    while index < ISSUED.len() {
        let issued = &ISSUED[index];
        by_letter[issued.prefix[issued.anchor - 1] as usize] |= anchor_bit(issued.prefix[issued.anchor]);
        index += 1;
    }
    by_letter
};

/// The letters before the anchors of [`ISSUED`].
pub(super) const ISSUED_BEFORE: &[u8] = b"19ABGKSXYabcdefijkmoprstuy";

const fn anchor_bit(anchor: u8) -> u8 {
    match anchor {
        b'_' => 1,
        b'-' => 2,
        b'.' => 4,
        _ => 8,
    }
}

/// Whether [`issued_at`] can find anything at this anchor, by the letter before it.
pub(super) fn may_be_issued(before: u8, anchor: u8) -> bool {
    ANCHORS_BY_LETTER[usize::from(before)] & anchor_bit(anchor) != 0
}

/// Finds the credential whose prefix has its rarest letter at `anchor`: its last `_`, `-` or `.`, or else `I`.
pub(super) fn issued_at(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let before = byte_before(text, anchor)?;
    let mut candidates = ISSUED_BY_LETTER[usize::from(before)];
    if anchor < *done || candidates == 0 {
        return None;
    }
    let mut found = None;
    while candidates != 0 && found.is_none() {
        let issued = &ISSUED[candidates.trailing_zeros() as usize];
        candidates &= candidates - 1;
        work::count(issued.prefix.len());
        let start = anchor.checked_sub(issued.anchor).filter(|start| start >= done);
        let rest = |start: usize| start + issued.prefix.len();
        found = start
            .filter(|start| part(text, *start..rest(*start)) == issued.prefix && opens_word(text, *start))
            .map(|start| (start, rest(start), issued.rest_min));
    }
    let (start, rest, rest_min) = found?;
    let end = run_end(text, rest, |byte| is_base64url(byte) || byte == b'.');
    // A full stop at its end is the sentence's.
    let end = if byte_before(text, end) == Some(b'.') { end - 1 } else { end };
    *done = end;
    (end >= rest + rest_min).then_some(start..end)
}

/// With what a private key in text begins and ends (RFC 7468, section 2).
const PRIVATE_KEY_START: &[u8] = b"-----BEGIN ";
const PRIVATE_KEY_LABEL_END: &[u8] = b"PRIVATE KEY-----";
/// Longest label of a key: `-----BEGIN ENCRYPTED PRIVATE KEY-----`.
const LABEL_BYTES_MAX: usize = 48;

/// Finds the private key (RFC 7468, section 10) whose first hyphen stands at `anchor`, without its first and last lines.
///
/// Without a last line it reaches to the end of the text: it was cut short.
pub(super) fn private_key_at(text: &[u8], anchor: usize) -> Option<Range<usize>> {
    let rest = text.get(anchor..)?;
    if !rest.starts_with(PRIVATE_KEY_START) {
        return None;
    }
    let label = rest.get(..rest.len().min(LABEL_BYTES_MAX))?;
    let start = anchor + memchr::memmem::find(label, PRIVATE_KEY_LABEL_END)? + PRIVATE_KEY_LABEL_END.len();
    let end = run_end(text, start, |byte| byte != b'-');
    (end > start).then_some(start..end)
}

/// Authentication schemes (RFC 9110, section 11.1; IANA's registry) whose credential is one word.
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"token", b"negotiate", b"ntlm", b"apikey"];
/// The last two letters of [`SCHEMES`], in lower case.
const SCHEME_ENDS: [[u8; 2]; 6] = [*b"er", *b"ic", *b"en", *b"te", *b"lm", *b"ey"];
/// The last letter of [`SCHEMES`], in any case.
pub(super) const SCHEME_LAST: &[u8] = b"rcnemyRCNEMY";
/// Header that carries credentials (RFC 9110, section 11.6.2); `Proxy-Authorization` ends in it too.
const AUTHORIZATION: &[u8] = b"authorization";
/// Longest name of a scheme or header looked back for.
const SCHEME_BYTES_MAX: usize = 24;
/// Shorter words behind `bearer` are prose: `a bearer of news`.
const BEARER_BYTES_MIN: usize = 6;
/// Word characters from which on a text behind a scheme's name is hardly prose.
const CREDENTIAL_BYTES_LONG: usize = 20;

/// Whether [`behind_scheme`] can find anything at the blank at `anchor`, by the letters before it.
pub(super) fn may_end_scheme(text: &[u8], anchor: usize) -> bool {
    let end = text.get(..anchor).and_then(<[u8]>::last_chunk::<2>);
    end.is_some_and(|end| SCHEME_ENDS.contains(&[end[0] | 0x20, end[1] | 0x20]))
}

/// Finds the credential behind a scheme's name that ends at the blank at `anchor`: ` `, `+` or `%20`.
///
/// Right behind `Authorization:` whatever follows is a credential. Elsewhere it must look like one, for `token expired`
/// and `basic settings` are prose.
pub(super) fn behind_scheme(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let last = byte_before(text, anchor)?.to_ascii_lowercase();
    // The last letters of the schemes.
    if anchor < *done || !matches!(last, b'r' | b'c' | b'n' | b'e' | b'm' | b'y') {
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
    let end = parameters_end(text, value);
    *done = value;
    let word = part(text, value..end);
    // A server's challenge (RFC 9110, section 11.6.1) holds no credential.
    if end == value || !opens_word(text, start) || word.starts_with(b"realm=") {
        return None;
    }
    *done = end;
    (is_header_value(text, start) || looks_random(word) || *scheme == b"bearer" && !is_prose(word))
        .then_some(value..end)
}

/// Whether a word behind `bearer` speaks of credentials and is none.
fn is_prose(word: &[u8]) -> bool {
    const PROSE: [&[u8]; 8] =
        [b"token", b"tokens", b"authentication", b"authorization", b"scheme", b"header", b"challenge", b"credentials"];
    let word = word.strip_suffix(b".").or(word.strip_suffix(b":")).unwrap_or(word);
    word.len() < BEARER_BYTES_MIN || PROSE.iter().any(|prose| word.eq_ignore_ascii_case(prose))
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
    signs < start && name.eq_ignore_ascii_case(AUTHORIZATION)
}

/// User and password in front of a URL's host.
pub(super) struct Userinfo {
    /// The name; may be empty.
    pub(super) user: Range<usize>,
    /// What stands behind the colon; may be empty.
    pub(super) password: Range<usize>,
}

/// Finds the user and password in front of the host of the URL whose `://` starts at `anchor` (RFC 3986, section 3.2.1).
///
/// The password may hold an at-sign, so the last one of the authority counts.
pub(super) fn url_userinfo(text: &[u8], anchor: usize, done: &mut usize) -> Option<Userinfo> {
    let start = anchor + b"://".len();
    if anchor < *done || part(text, anchor..start) != b"://" {
        return None;
    }
    let end = run_end(text, start, |byte| byte > b' ' && byte != 0x7f && !b"/?#\"'`<>\\".contains(&byte));
    let at = run_start(text, start, end, |byte| byte != b'@').checked_sub(1).filter(|&at| at > start)?;
    *done = end;
    let colon = run_end(text.get(..at)?, start, |byte| byte != b':');
    (colon < at).then_some(Userinfo { user: start..colon, password: colon + 1..at })
}

/// Whether the name before a colon or equals sign can be [`AUTHORIZATION`], perhaps in quotes, by its last byte.
pub(super) fn may_end_header(before: u8) -> bool {
    matches!(before, b'n' | b'N' | b'"' | b'\'' | b'\\')
}

/// Finds the value of the `Authorization` header whose name ends at the colon or equals sign at `anchor`, if its scheme
/// is none that [`behind_scheme`] knows.
pub(super) fn header_value(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let name_end = run_start(text, anchor.saturating_sub(2), anchor, |byte| b"\"'\\".contains(&byte));
    let name = name_end.saturating_sub(AUTHORIZATION.len());
    if anchor < *done || !part(text, name..name_end).eq_ignore_ascii_case(AUTHORIZATION) {
        return None;
    }
    let start = run_end(text, anchor + 1, |byte| b" \"'\\[".contains(&byte));
    let end = parameters_end(text, start);
    *done = end;
    let scheme = start..run_end(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if byte(text, scheme.end) != Some(b' ') {
        return looks_random(part(text, start..end)).then_some(start..end);
    }
    let value = run_end(text, scheme.end, |byte| byte == b' ');
    let end = parameters_end(text, value);
    *done = end;
    if looks_random(part(text, value..end)) {
        return Some(value..end);
    }
    // What looks like a scheme may be the credential itself, followed by other text.
    looks_random(part(text, scheme.clone())).then_some(scheme)
}

/// End of the credential, or of the list of `name=value` parameters (RFC 9110, section 11.4), that starts at `start`.
fn parameters_end(text: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        let value = credential_end(text, end);
        end = value;
        if byte_before(text, value) == Some(b'=') && byte(text, value) == Some(b'"') {
            let closing = run_end(text, value + 1, |byte| byte != b'"' && byte != b'\n');
            end = (closing + 1).min(text.len());
        }
        let next = run_end(text, end, |byte| byte == b',' || byte == b' ');
        let next_name = run_end(text, next, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if byte(text, end) != Some(b',') || next_name == next || byte(text, next_name) != Some(b'=') {
            return end;
        }
        end = next;
    }
}

/// Whether a word looks like a credential and not like prose: it has a digit, a sign or mixed case, or it is long.
fn looks_random(word: &[u8]) -> bool {
    work::count(3 * word.len());
    let word = word.strip_suffix(b".").or(word.strip_suffix(b":")).unwrap_or(word);
    let has_sign = word.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b'-');
    let has_capital_inside = word.iter().skip(1).any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    word.len() >= 4 && (has_sign || has_capital_inside || word.len() >= CREDENTIAL_BYTES_LONG)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    /// The example token of RFC 7519, section 3.1.
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    /// The unsecured token of RFC 7519, section 6.1.
    const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

    #[test]
    fn tokens() {
        for token in [TOKEN, UNSIGNED, "eyJhIjoxfQ.eyJhIjoxfQ.a.b.c", "eyJhbGciOiJub25lIn0", "eyJ1c2VyIjoiYWxpY2UifQ=="]
        {
            for text in ["{}", "token={}&x", "Authorization: Bearer {}", "jwt%3D{}", "\"{}\"", "\\n{}"] {
                check(&text.replace("{}", token), &[&format!("jwt:{token}")]);
            }
        }
        check(&format!("see {TOKEN}."), &[&format!("jwt:{TOKEN}")]);
        for text in ["eyJ", "eyJhIjox", "keyJhIjoxfQeyJhIjox", "they Jump"] {
            check(text, &[]);
        }
    }

    #[test]
    fn schemes_are_told_by_their_last_letter() {
        assert!(super::SCHEMES.iter().all(|scheme| super::SCHEME_LAST.contains(scheme.last().unwrap())));
        assert!(super::SCHEME_ENDS.iter().all(|[_, last]| {
            super::SCHEME_LAST.contains(last) && super::SCHEME_LAST.contains(&last.to_ascii_uppercase())
        }));
    }

    #[test]
    fn issued_credentials_are_told_by_the_letter_before_their_anchor() {
        let before = |letter: &u8| super::ANCHORS_BY_LETTER[usize::from(*letter)] != 0;
        assert_eq!((0..=u8::MAX).filter(before).collect::<Vec<u8>>(), super::ISSUED_BEFORE);
    }

    #[test]
    fn behind_schemes() {
        for (text, credential) in [
            ("Bearer abcdef", "abcdef"),
            ("got Bearer mF_9.B5f-4.1JqM, x", "mF_9.B5f-4.1JqM"),
            ("authorization: bearer abcdef", "abcdef"),
            ("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("\"Authorization\": \"Token abcdef\"", "abcdef"),
            (r#"{\"authorization\":\"Bearer abcdef\"}"#, "abcdef"),
            ("x=Bearer%20abc123&y", "abc123"),
            ("x=Bearer+abc123&y", "abc123"),
            ("Token token=\"abc123\"", "token=\"abc123\""),
            ("sent bearer secretword to", "secretword"),
            ("curl -H 'Authorization: Bearer abc'", "abc"),
        ] {
            check(text, &[&format!("secret:{credential}")]);
        }
        for text in [
            "the token expired",
            "basic settings",
            "a bearer of news",
            "token  ",
            "Bearer",
            "misbearer abc123",
            "invalid token: x",
            "send a bearer token.",
            "WWW-Authenticate: Bearer realm=\"x1\"",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn authorization_headers() {
        for (text, credential) in [
            ("Authorization: 0123abcd", "0123abcd"),
            ("Authorization: Custom 0123abcd x", "0123abcd"),
            ("Proxy-Authorization: Negotiate YIIabc= x", "YIIabc="),
            (
                "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=fe5f80 x",
                "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=fe5f80",
            ),
            (
                "Authorization: Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nc=00000001 rest",
                "username=\"Mufasa\", realm=\"http-auth@example.org\", nc=00000001",
            ),
        ] {
            check(text, &[&format!("secret:{credential}")]);
        }
        for text in ["authorization: failed for all", "authorization required", "authorization: ", "authorization"] {
            check(text, &[]);
        }
    }

    #[test]
    fn url_passwords() {
        check("postgres://alice:secret@db.example.com/x", &["login:alice", "password:secret"]);
        check("redis://:s3cr3t@192.0.2.1:6379", &["password:s3cr3t", "ip:192.0.2.1"]);
        check("https://alice:p@ss:x@example.com", &["login:alice", "password:p@ss:x"]);
        check("ftp://alice:@example.com", &["login:alice"]);
        check("ssh://git@example.com/x", &["email:git@example.com"]);
        check("https://example.com:443/@alice", &[]);
        check("https://example.com/a:b@c", &["login:b"]);
    }

    #[test]
    fn issued_by_prefix() {
        for credential in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "github_pat_0123456789abcdef_0123456789",
            "glpat-0123456789abcdefghij",
            "AIza0123456789abcdefghijklmnopqrstuvwxyz",
            "npm_0123456789abcdefghijABCDEFGHIJ012345",
        ] {
            for text in ["{}", "key={}&x", "({})", "%3D{}", "x_{}", "a-{}", "{}."] {
                check(&text.replace("{}", credential), &[&format!("secret:{credential}")]);
            }
        }
        for (prefix, rest) in
            [("xoxb-", "0123456789-abcdef"), ("sk_live_", "0123456789abcdef"), ("rk_live_", "0123456789abcdef")]
        {
            let credential = format!("{prefix}{rest}");
            check(&credential, &[&format!("secret:{credential}")]);
        }
        for text in
            ["AKIA", "ghp_short", "npm_config_cache", "BAKIAIOSFODNN7EXAMPLE", "sk_live_", "ASIA and AKIA", "xoxb-"]
        {
            check(text, &[]);
        }
    }
}
