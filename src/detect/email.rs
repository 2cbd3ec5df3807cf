//! E-mail addresses (RFC 5322, section 3.4.1), also internationalised (RFC 6531) and percent-encoded.

use super::scan::{
    byte, byte_before, escape_end, foreign_letter, foreign_letter_before, part, run_end, run_start, work,
};
use crate::rules::Shape;
use std::ops::Range;

/// Longest quoted local part looked back for (RFC 5321, section 4.5.3.1.1), with its quotes.
const QUOTED_LOCAL_BYTES_MAX: usize = 66;
/// Longest name in front of a Kerberos principal's slash.
const PRINCIPAL_BYTES_MAX: usize = 64;
/// Last labels of the units that systemd names `template@instance.suffix` (systemd.unit(5)).
const UNIT_SUFFIXES: [&[u8]; 11] = [
    b"service",
    b"socket",
    b"device",
    b"mount",
    b"automount",
    b"swap",
    b"target",
    b"path",
    b"timer",
    b"slice",
    b"scope",
];

/// Where SSH's private algorithm names belong (RFC 4251, section 6, writes them `name@domain`).
const ALGORITHM_DOMAINS: [&[u8]; 2] = [b"openssh.com", b"libssh.org"];

/// Finds the address around the at-sign at `anchor`, written `@`, `%40` or `%2540`; of `alice@web1` and `alice@192.0.2.1`,
/// where no mail goes, the name in front.
///
/// Narrower than the RFC in local parts: `/ = ? & { | }` and
/// the back-tick end one, because in logs they stand between values; forms that mail systems build with `=` are taken
/// whole.
pub(super) fn at_sign(text: &[u8], anchor: usize, done: &mut usize) -> Option<(Shape, Range<usize>)> {
    let sign = anchor..anchor + sign_length(text.get(anchor..)?)?;
    if anchor < *done {
        return None;
    }
    let floor = std::mem::replace(done, sign.end);
    let domain = sign.end..domain_end(text, sign.end)?;
    let local = local_start(text, floor, &sign, domain.end)?;
    if is_package(text, local..sign.start, domain.clone()) {
        return None;
    }
    // `alice@corp@example.com` is one address with the one that follows.
    if is_mail_domain(part(text, domain.clone())) || byte(text, domain.end) == Some(b'@') {
        return Some((Shape::Email, local..domain.end));
    }
    Some((Shape::Login, local..sign.start))
}

/// Whether a text is an address of letters, digits and usual signs, and nothing else: [`super::shapes`] finds it as a whole.
pub fn is_plain_email(text: &[u8]) -> bool {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let Some(sign) = text.iter().position(|byte| !is_local(byte)) else { return false };
    let Some((b'@', domain)) = part(text, sign..text.len()).split_first() else { return false };
    // Labels are not empty, and the last one begins with a letter.
    let (mut before, mut top, mut labels) = (b'.', b'.', 0);
    let is_domain = domain.iter().all(|byte| {
        if before == b'.' {
            (top, labels) = (*byte, labels + 1);
        }
        let fits = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') && before != b'.';
        before = *byte;
        fits
    });
    is_domain
        && labels > 1
        && before.is_ascii_alphanumeric()
        && top.is_ascii_alphabetic()
        && text.first().is_some_and(u8::is_ascii_alphanumeric)
        && !is_package(text, 0..sign, sign + 1..text.len())
}

/// Whether mail can go there: a domain of several labels, or an address in brackets.
fn is_mail_domain(domain: &[u8]) -> bool {
    let is_number = domain.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    domain.first() == Some(&b'[') || !domain.is_ascii() || domain.contains(&b'.') && !is_number
}

fn sign_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'@', ..] => Some(1),
        [b'%', b'4', b'0', ..] => Some(3),
        [b'%', b'2', b'5', b'4', b'0', ..] => Some(5),
        _ => None,
    }
}

/// End of the domain that starts at `start`, if one does.
fn domain_end(text: &[u8], start: usize) -> Option<usize> {
    if byte(text, start) == Some(b'[') {
        let end = run_end(text, start + 1, |byte| byte.is_ascii_alphanumeric() || b":.".contains(&byte));
        return (end > start + 1 && byte(text, end) == Some(b']')).then_some(end + 1);
    }
    let mut end = start;
    loop {
        end = run_end(text, end, |byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        match foreign_letter(text.get(end..)?) {
            Some(width) => end += width,
            None => break,
        }
    }
    // `alice@example.com...` ends a sentence; of `a@b..c` the domain is `b`.
    let name = part(text, start..end);
    let name = name.windows(2).position(|pair| pair == b"..").map_or(name, |at| part(name, 0..at));
    let end = run_start(text, start, start + name.len(), |byte| b".-_".contains(&byte));
    work::count(name.len());
    is_domain(part(text, start..end)).then_some(end)
}

/// Whether the last label starts as a top-level domain does (RFC 3696, section 2), or the whole is an IPv4 address.
fn is_domain(name: &[u8]) -> bool {
    work::count(2 * name.len());
    let mut labels = name.rsplit(|&byte| byte == b'.');
    let last = labels.next().unwrap_or_default();
    let starts_alphabetic = last.first().is_some_and(|&byte| byte.is_ascii_alphabetic() || byte >= 0x80);
    let is_ipv4 = || labels.count() == 3 && name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    name.first() != Some(&b'.') && (starts_alphabetic || is_ipv4())
}

/// Start of the local part that ends at the at-sign.
fn local_start(text: &[u8], floor: usize, sign: &Range<usize>, domain_end: usize) -> Option<usize> {
    if byte_before(text, sign.start) == Some(b'"') {
        return quoted_local_start(text, floor, sign.start);
    }
    let quoted = byte(text, domain_end) == Some(b'\'');
    let mut start = atom_start(text, floor, sign.start, quoted);
    let mut tag = start;
    while byte_before(text, tag) == Some(b'=') && tag > floor {
        let equals = tag - 1;
        tag = atom_start(text, floor, equals, quoted);
        if is_tag(part(text, tag..equals)) {
            start = tag;
        }
    }
    let local = part(text, start..sign.start);
    start += local.iter().take_while(|byte| b".-'#!*~^$".contains(byte)).count();
    if start >= sign.start {
        return None;
    }
    Some(principal_start(text, floor, start, part(text, sign.end..domain_end)))
}

/// Start of the run of letters, digits and the signs that may stand in a local part.
fn atom_start(text: &[u8], floor: usize, to: usize, quoted: bool) -> usize {
    let is_atom =
        |byte: u8| byte.is_ascii_alphanumeric() || b"._+-#!*~^$".contains(&byte) || (byte == b'\'' && !quoted);
    let mut start = to;
    loop {
        start = run_start(text, floor, start, is_atom);
        if let Some(width) = foreign_letter_before(part(text, 0..start), start).filter(|width| start - width >= floor) {
            work::count(width);
            start -= width;
            continue;
        }
        // `alice%2Btag%40example.com`: the escape stands for a letter or sign of the local part.
        match start.checked_sub(1).filter(|&at| at >= floor && byte(text, at) == Some(b'%')) {
            Some(percent) if decoded(part(text, percent + 1..to)).is_some_and(|byte| is_atom(byte) || byte >= 0x80) => {
                start = percent;
            }
            _ => break,
        }
    }
    // An escape's own letters are not the address's: `%20alice`, `\nalice`.
    escape_end(text, start).unwrap_or(start).min(to)
}

fn decoded(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Whether what stands before `=` makes it part of the local part: variable return paths (`bounce+alice=example.com@`) and
/// the Sender Rewriting Scheme (`SRS0=hash=time=example.com=alice@`) carry another address there.
fn is_tag(left: &[u8]) -> bool {
    let starts = |prefix: &[u8]| left.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    work::count(left.len());
    left.contains(&b'+') || starts(b"bounce") || starts(b"srs0") || starts(b"srs1") || left.ends_with(b"-bounces")
}

/// Start of a local part in double quotes whose closing quote stands before `to`.
fn quoted_local_start(text: &[u8], floor: usize, to: usize) -> Option<usize> {
    let closing = to - 1;
    let floor = floor.max(to.saturating_sub(QUOTED_LOCAL_BYTES_MAX));
    let inner = run_start(text, floor, closing, |byte| byte != b'"' && !byte.is_ascii_control());
    let start = inner.checked_sub(1).filter(|&at| at >= floor && byte(text, at) == Some(b'"') && inner < closing)?;
    // In `{"a": "b", "@c"` the quotes close one string and open the next.
    let opens = byte_before(text, start).is_none_or(|byte| byte.is_ascii_whitespace() || b"<=(,;:".contains(&byte));
    let is_separator = |at: usize| byte(text, at).is_some_and(|byte| b",:;".contains(&byte));
    (opens && !is_separator(inner)).then_some(start)
}

/// Start of a Kerberos principal with an instance (RFC 4120, section 6.2): `alice/admin@EXAMPLE.COM`.
///
/// Realms are upper-case by custom, which tells them from paths.
fn principal_start(text: &[u8], floor: usize, start: usize, realm: &[u8]) -> usize {
    if byte_before(text, start) != Some(b'/') || start == floor || realm.iter().any(u8::is_ascii_lowercase) {
        return start;
    }
    let floor = floor.max(start.saturating_sub(PRINCIPAL_BYTES_MAX));
    let name = run_start(text, floor, start - 1, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let opens = byte_before(text, name).is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'=([<{,;:".contains(&byte));
    if opens && name < start - 1 { name } else { start }
}

/// Whether `name@domain` names software, not a mailbox: a systemd unit, a version, a digest, a Java object, an algorithm.
fn is_package(text: &[u8], local: Range<usize>, domain: Range<usize>) -> bool {
    let name = part(text, domain.clone());
    let last = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    work::count(last.len());
    let is_unit = UNIT_SUFFIXES.contains(&last) && last.len() < name.len();
    let is_version =
        matches!(name, [b'v' | b'V', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let is_digest = matches!(name, b"sha256" | b"sha512") && byte(text, domain.end) == Some(b':');
    let class = part(text, run_start(text, local.start, local.end, |byte| byte.is_ascii_alphanumeric())..local.end);
    let is_object = class.first().is_some_and(u8::is_ascii_uppercase)
        && (6..=8).contains(&name.len())
        && name.iter().all(u8::is_ascii_hexdigit)
        && name.iter().any(u8::is_ascii_digit);
    let mailbox = part(text, local.clone());
    // `curve25519-sha256@libssh.org`, and the one without a number: `zlib@openssh.com`.
    let is_algorithm = ALGORITHM_DOMAINS.contains(&name)
        && (mailbox == b"zlib" || mailbox.contains(&b'-') && mailbox.iter().any(u8::is_ascii_digit));
    is_unit || is_version || is_digest || is_object || is_algorithm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::check;
    use crate::detect::{Found, shapes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// The search, asked for the whole text, gives the answer.
        #[test]
        fn a_plain_email_is_found_as_a_whole(
            text in prop_oneof![
                "[a-z]{1,8}([._+-][a-z0-9]{1,8}){0,2}@[a-z0-9-]{1,12}\\.(com|example|service|scope|[a-z0-9]{1,4})",
                "[a-zA-Z0-9._+%-]{1,12}@[a-zA-Z0-9._-]{1,12}",
                "(192\\.0\\.2\\.1|\\+15550100123|4111-1111-1111-1111|zlib|a25-b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|ghp_[A-Za-z0-9]{36}|GB82WEST12345698765432)@(example\\.com|openssh\\.com|1\\.2\\.0\\.192\\.in-addr\\.arpa|192\\.0\\.2\\.1|192\\.0\\.2\\.1\\.de)",
            ],
        ) {
            let mut found = Vec::new();
            shapes(text.as_bytes(), &mut found);
            if is_plain_email(text.as_bytes()) {
                prop_assert_eq!(found, [Found { span: 0..text.len(), shape: Shape::Email }], "{}", text);
            }
        }
    }

    #[test]
    fn plain_emails() {
        for text in ["alice@example.com", "Alice.B_c-d+tag@mail-1.example.co.uk", "20241123.abc@mail.example.com"] {
            assert!(is_plain_email(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "@",
            "alice",
            "alice@",
            "@example.com",
            "alice@localhost",
            "alice@example.com.",
            "alice@.com",
            "alice@a..com",
            "alice@-a.com",
            "alice@a.1com",
            "alice@a_b.com",
            " alice@example.com",
            "a@b@example.com",
            "user@1000.service",
            "zlib@openssh.com",
            "alice%40example.com",
            ".alice@example.com",
            "'alice@example.com'",
        ] {
            assert!(!is_plain_email(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn emails() {
        for (text, address) in [
            ("alice@example.com", "alice@example.com"),
            ("to=<alice@example.com>,", "alice@example.com"),
            ("from alice.b+tag@mail.example.co.uk.", "alice.b+tag@mail.example.co.uk"),
            ("user=alice@example.com&x", "alice@example.com"),
            ("mailto:alice@example.com?subject=x", "alice@example.com"),
            ("'alice@example.com'", "alice@example.com"),
            ("b'alice@example.com'", "alice@example.com"),
            ("O'Brien@example.com", "O'Brien@example.com"),
            ("192.0.2.1@example.com", "192.0.2.1@example.com"),
            ("alice@192.0.2.1.example.com", "alice@192.0.2.1.example.com"),
            ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
            ("alice@[IPv6:2001:db8::1]", "alice@[IPv6:2001:db8::1]"),
            ("email=alice%40example.com&x", "alice%40example.com"),
            ("email%3Dalice%2Btag%40example.com%26x", "alice%2Btag%40example.com"),
            ("alice%2540example.com", "alice%2540example.com"),
            ("\\nalice@example.com\\n", "alice@example.com"),
            ("\u{1b}[31malice@example.com\u{1b}[0m", "alice@example.com"),
            ("jörg@example.com", "jörg@example.com"),
            ("alice@münchen.example", "alice@münchen.example"),
            ("用户@例子.公司", "用户@例子.公司"),
            ("“alice@example.com”", "alice@example.com"),
            ("\"alice smith\"@example.com", "\"alice smith\"@example.com"),
            ("alice_example.com#EXT#@tenant.example.com", "alice_example.com#EXT#@tenant.example.com"),
            ("bounce+alice=example.com@lists.example.org", "bounce+alice=example.com@lists.example.org"),
            ("SRS0=ab=cd=example.org=alice@example.com", "SRS0=ab=cd=example.org=alice@example.com"),
            ("for alice/admin@EXAMPLE.COM,", "alice/admin@EXAMPLE.COM"),
            ("http://example.com/alice@example.com", "alice@example.com"),
            ("**alice@example.com**", "alice@example.com"),
            ("alice@corp@example.com", "alice@corp@example.com"),
            ("ssh git@github.com:x/y", "git@github.com"),
            ("<20241123.abc@mail.example.com>", "20241123.abc@mail.example.com"),
        ] {
            check(text, &[&format!("email:{address}")]);
        }
    }

    #[test]
    fn logins() {
        for (text, name) in [
            ("root@localhost", "root"),
            ("alice@pbs failed", "alice"),
            ("a@b", "a"),
            ("alice/admin@EXAMPLE", "alice/admin"),
            ("alice%40web1", "alice"),
        ] {
            check(text, &[&format!("login:{name}")]);
        }
        check("alice@192.0.2.1", &["login:alice", "ip:192.0.2.1"]);
        check("sip:alice@192.0.2.1:5060", &["login:alice", "ip:192.0.2.1"]);
    }

    #[test]
    fn not_emails() {
        for text in [
            "@",
            "a@",
            "@alice",
            "hey @alice",
            "pkg@1.2.3",
            "react@18.2.0-beta.1",
            "golang.org/x/net@v0.17.0",
            "checkout@v4",
            "user@1000.service",
            "getty@tty1.service",
            "nginx@sha256:0123",
            "curve25519-sha256@libssh.org",
            "zlib@openssh.com",
            "org.example.Foo@a1b2c3d4",
            "a @ b.c",
            "a@.b",
            "@@@@",
            r#"{"a":"b","@type":"c"}"#,
            r#"{"a": "b", "@type": "c"}"#,
            r#"["","@type"]"#,
            "50%40",
        ] {
            check(text, &[]);
        }
    }
}
