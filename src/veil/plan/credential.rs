//! Plans credentials and cookies: what they consist of tells who somebody is, and links requests.

use super::{Plan, Scope};
use crate::decode::escape::Undo;
use crate::rules::{Class, FieldName, Parse};
use crate::transform::{Quoting, Replacement, Source};
use crate::veil::matcher::Action;
use std::ops::Range;

/// Authentication schemes (RFC 9110, section 11.1), each with the blank before its credential.
const SCHEMES: [&[u8]; 9] = [
    b"bearer ",
    b"basic ",
    b"digest ",
    b"token ",
    b"negotiate ",
    b"ntlm ",
    b"oauth ",
    b"apikey ",
    b"aws4-hmac-sha256 ",
];

/// Parameters of credentials (RFC 7616, section 3.4; RFC 5849, section 3.5.1; AWS Signature Version 4) that tell nothing
/// of whoever sent them.
const HARMLESS_PARAMETERS: [&str; 14] = [
    "realm",
    "qop",
    "nc",
    "algorithm",
    "stale",
    "charset",
    "userhash",
    "signedheaders",
    "headers",
    "oauthversion",
    "oauthsignaturemethod",
    "oauthtimestamp",
    "version",
    "created",
];

/// Attributes of a cookie that a server sets (RFC 6265, section 4.1.1): they are searched as any text.
const COOKIE_ATTRIBUTES: [&str; 11] = [
    "path",
    "domain",
    "expires",
    "maxage",
    "samesite",
    "version",
    "priority",
    "comment",
    "secure",
    "httponly",
    "partitioned",
];

impl Plan {
    /// Plans a credential by what it consists of: a JSON Web Token, a name and password, or parameters. `false` when it is
    /// opaque.
    pub(super) fn credential(&mut self, scope: Scope<'_>, action: Action, text: &[u8]) -> bool {
        // A rule that drops secrets wants no part of them to stay.
        if action.class != Class::Token || !matches!(action.replacement, Some(Replacement::Pseudonym { .. })) {
            return false;
        }
        let start = text.len() - text.trim_ascii_start().len();
        let end = text.trim_ascii_end().len();
        let scheme = scheme_of(&text[start..end]);
        let value = start + scheme.len()..end;
        match scheme {
            b"basic " => self.basic(action, text, value),
            b"digest " | b"oauth " | b"aws4-hmac-sha256 " => self.parameters(scope, action, text, value),
            _ => self.jwt(scope, action, text, value),
        }
    }

    /// Plans a secret that its shape or what stands before it gave away.
    pub(super) fn secret(&mut self, scope: Scope<'_>, action: Action, text: &[u8], span: Range<usize>) -> bool {
        let before = text[..span.start].trim_ascii_end();
        let scheme =
            before.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').map_or(0, |at| at + 1);
        match before[scheme..].to_ascii_lowercase().as_slice() {
            b"basic" => self.basic(action, text, span),
            b"digest" | b"oauth" | b"aws4-hmac-sha256" => self.parameters(scope, action, text, span),
            _ => self.jwt(scope, action, text, span),
        }
    }

    /// Plans a name and the password behind it.
    pub(super) fn user_and_password(
        &mut self,
        action: Action,
        text: &[u8],
        user: Range<usize>,
        password: Range<usize>,
    ) {
        let name = Action { class: Class::User, ..action };
        self.push(name, Replacement::Pseudonym { network: false }, text, user, Quoting::Text, Source::Rule);
        self.push(action, Replacement::Marker, text, password, Quoting::Text, Source::Rule);
    }

    /// Plans the parameters of a credential: `username="alice", realm="x", response="…"`.
    fn parameters(&mut self, scope: Scope<'_>, action: Action, text: &[u8], span: Range<usize>) -> bool {
        let mut found = false;
        let mut at = span.start;
        while at < span.end {
            let rest = &text[at..span.end];
            let blank = rest.iter().position(|byte| !b", ".contains(byte)).unwrap_or(rest.len());
            let Some(equals) = rest.iter().position(|byte| *byte == b'=').filter(|equals| *equals > blank) else {
                break;
            };
            let name = FieldName::new(&String::from_utf8_lossy(&rest[blank..equals]));
            let (open, close): (usize, &[u8]) =
                if rest.get(equals + 1) == Some(&b'"') { (equals + 2, b"\"") } else { (equals + 1, b", ") };
            let length = rest[open..].iter().position(|byte| close.contains(byte)).unwrap_or(rest.len() - open);
            let value = at + open..at + open + length;
            self.parameter(scope, action, name.as_str(), text, value.clone());
            found = true;
            at = value.end + 1;
        }
        found
    }

    fn parameter(&mut self, scope: Scope<'_>, action: Action, name: &str, text: &[u8], value: Range<usize>) {
        let start = self.findings.len();
        match name {
            "uri" => self.scan(scope, &text[value.clone()]),
            "username" | "user" => {
                let user = Action { class: Class::User, ..action };
                self.entity(scope, user, &text[value.clone()]);
            }
            // Behind the key stand the day, the region and the service it is for.
            "credential" => {
                let key = text[value.clone()].iter().position(|byte| *byte == b'/').unwrap_or(value.len());
                self.entity(scope, action, &text[value.start..value.start + key]);
            }
            name if HARMLESS_PARAMETERS.contains(&name) => self.scan(scope, &text[value.clone()]),
            _ => self.entity(scope, action, &text[value.clone()]),
        }
        self.shift(start, value.start);
    }

    /// Plans a list of cookies, as `Cookie` and `Set-Cookie` carry them, each by its name or else by `action`.
    pub(super) fn cookies(&mut self, scope: Scope<'_>, action: Action, text: &[u8]) {
        let Some(inner) = scope.inner() else { return self.whole(action, text) };
        let mut end = 0;
        for cookie in text.split(|byte| *byte == b';') {
            let start = end;
            end = start + cookie.len() + 1;
            let Some(equals) = cookie.iter().position(|byte| *byte == b'=') else {
                self.cookie_without_name(action, text, start..end - 1);
                continue;
            };
            let name = FieldName::new(&String::from_utf8_lossy(&cookie[..equals]));
            let value = &cookie[equals + 1..];
            let found = self.findings.len();
            if COOKIE_ATTRIBUTES.contains(&name.as_str()) {
                self.scan(inner, value);
            } else {
                let named = inner.matcher.names.whole(name.as_str());
                let action = named.unwrap_or(Action { parse: Parse::No, ..action });
                self.decoded(inner, action, value.trim_ascii());
                let blank = value.len() - value.trim_ascii_start().len();
                self.shift(found, blank);
            }
            self.shift(found, start + equals + 1);
        }
    }

    /// A word in a list of cookies that is no pair is a flag, or a cookie's value that holds the separator.
    fn cookie_without_name(&mut self, action: Action, text: &[u8], span: Range<usize>) {
        let found = self.findings.len();
        let word = &text[span.clone()];
        if !is_cookie_attribute(word) {
            self.whole(action, word);
        }
        self.shift(found, span.start);
    }

    /// Plans the value of a pair, or of a cookie, with its escapes undone: in URLs and forms they are percent-encoded.
    pub(super) fn decoded(&mut self, scope: Scope<'_>, action: Action, value: &[u8]) {
        let twice = |plan: &mut Self, once: &[u8]| {
            plan.unescaped(once, Undo::Spelling, |plan, twice| plan.apply(scope, action, twice))
                .unwrap_or_else(|| plan.apply(scope, action, once));
        };
        self.unescaped(value, Undo::Spelling, twice).unwrap_or_else(|| self.apply(scope, action, value));
    }
}

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

/// The value of a pair, and the cookies that follow it: `Cookie: a=b; c=d`.
pub(super) fn with_cookies(text: &[u8], value: Range<usize>) -> Range<usize> {
    let is_part = |byte: &u8| !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b"\"'`;".contains(byte);
    let end_of = |from: usize| from + text[from..].iter().take_while(|byte| is_part(byte)).count();
    let mut end = end_of(value.start);
    while text.get(end) == Some(&b';') {
        let blank = text[end + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'+')).count();
        let next = end + 1 + blank;
        let next_end = end_of(next);
        let word = &text[next..next_end];
        if !word.contains(&b'=') && !is_cookie_attribute(word) {
            break;
        }
        end = next_end;
    }
    value.start..end.max(value.end)
}

/// Whether a word or the name of a pair is an attribute of a cookie.
fn is_cookie_attribute(name: &[u8]) -> bool {
    let name = FieldName::new(&String::from_utf8_lossy(name));
    COOKIE_ATTRIBUTES.contains(&name.as_str())
}

/// The authentication scheme before a credential, in small letters and with its blank, or nothing: it says nothing of anyone.
pub(super) fn scheme_of(credential: &[u8]) -> &'static [u8] {
    let starts = |scheme: &&&[u8]| credential.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().find(starts).copied().unwrap_or_default()
}
