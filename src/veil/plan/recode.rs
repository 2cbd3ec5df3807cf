//! Plans what is encoded as a whole: base64 and JSON Web Tokens. What is found inside is replaced there, and the whole is
//! encoded again.

use super::{Plan, Scope, looks_like_json};
use crate::decode::base64::{self, Spelling};
use crate::decode::encoded_word;
use crate::rules::Class;
use crate::transform::{Finding, Quoting, Recoding, Replacement, Source};
use crate::veil::matcher::Action;
use std::borrow::Cow;
use std::ops::Range;

/// A text that a value decodes to.
#[derive(Debug, Clone)]
pub(in crate::veil) struct Encoded {
    /// The decoded text, as a range of the plan's values.
    pub(in crate::veil) text: Range<u32>,
    /// What is replaced in it, as a range of the plan's inner findings.
    pub(in crate::veil) findings: Range<u32>,
    /// How it is encoded.
    pub(in crate::veil) spelling: Spelling,
    /// What stands behind it in the value.
    pub(in crate::veil) suffix: &'static str,
}

/// Shortest base64 that is looked into: twelve bytes of text.
pub(super) const BASE64_BYTES_MIN: usize = 16;

/// Shorter base64 that is looked into where it is a value as a whole: from the shortest e-mail address on.
const SHORT_BASE64_BYTES: std::ops::Range<usize> = 8..BASE64_BYTES_MIN;

/// Shortest hexadecimal digits that are looked into: three bytes of text.
const HEX_BYTES_MIN: usize = 6;

impl Plan {
    /// Some findings of the record, together with those in the texts that these decode to.
    pub(in crate::veil) fn with_inner(&self, findings: Range<usize>) -> Cow<'_, [Finding]> {
        let findings = &self.findings[findings];
        if !findings.iter().any(Finding::is_recoded) {
            return Cow::Borrowed(findings);
        }
        let mut all = findings.to_vec();
        let mut at = 0;
        while let Some(finding) = all.get(at) {
            if let Replacement::Recoded(recoding) = finding.replacement {
                let layers = recoding.first as usize..recoding.first as usize + usize::from(recoding.count);
                for layer in &self.encoded[layers] {
                    all.extend_from_slice(&self.inner[layer.findings.start as usize..layer.findings.end as usize]);
                }
            }
            at += 1;
        }
        Cow::Owned(all)
    }

    /// Plans a JSON Web Token (RFC 7519) in compact form: its claims by their names, and without the signature, so that
    /// nobody can use it any more. `false` when it is none, or what it says is encrypted.
    pub(super) fn jwt(&mut self, scope: Scope<'_>, action: Action, text: &[u8], span: Range<usize>) -> bool {
        let Some(inner) = scope.inner() else { return false };
        let mut parts = text[span.clone()].split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let decoded = [header, payload].map(|part| base64::decode_text(part).filter(|(text, _)| looks_like_json(text)));
        let [Some(header), Some(payload)] = decoded else { return false };
        let before = self.inner.len();
        let mut layers = [const { None }; 2];
        for (layer, (text, _)) in layers.iter_mut().zip([header, payload]) {
            let (encoded, claims) =
                self.encoded(text, Spelling::UrlUnpadded, ".", |plan, text| plan.claims(inner, action, text));
            if claims.is_err() {
                self.inner.truncate(before);
                return false;
            }
            *layer = Some(encoded);
        }
        self.push_recoded(action, text, span, layers.into_iter().flatten());
        true
    }

    /// Plans a value that a rule names and that is encoded as a whole, as if it were not: base64 with its padding, and
    /// hexadecimal digits. `false` when it is not, or its class is one of values that look so.
    pub(super) fn encoded_entity(&mut self, scope: Scope<'_>, action: Action, text: &[u8]) -> bool {
        let has_words = matches!(action.class, Class::Email | Class::User | Class::Person | Class::Ip);
        let Some(inner) = scope.inner().filter(|_| has_words && text.len() >= HEX_BYTES_MIN) else { return false };
        let padded = || text.ends_with(b"=").then(|| base64::decode_text(text)).flatten();
        let Some((decoded, _)) = base64::decode_hex_text(text).or_else(padded) else { return false };
        let (start, before) = (self.findings.len(), self.inner.len());
        self.entity(inner, action, &decoded);
        if let [whole] = &mut self.findings[start..]
            && (whole.span.start, whole.span.end as usize) == (0, decoded.len())
        {
            whole.span = 0..text.len() as u32;
            return true;
        }
        self.findings.truncate(start);
        self.inner.truncate(before);
        false
    }

    /// Plans the encoded words of a mail's headers: whole, where one is the name before a mailbox, or where something is
    /// found in it.
    pub(super) fn encoded_words(&mut self, scope: Scope<'_>, text: &[u8]) {
        let mut from = 0;
        while let (Some(inner), Some((span, decoded))) = (scope.inner(), encoded_word::next(text, from)) {
            from = span.end;
            let start = self.findings.len();
            let next = text[from..].trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
            let is_name = next.starts_with(b"<") || next.contains(&b'@');
            if !is_name {
                self.scan(inner, &decoded);
            }
            let class = if is_name { Class::Person } else { Class::Text };
            if is_name || self.findings.len() > start {
                self.findings.truncate(start);
                self.whole(Action { class, ..scope.matcher.whole }, &decoded);
            }
            for finding in &mut self.findings[start..] {
                finding.span = span.start as u32..span.end as u32;
            }
        }
    }

    /// Plans a short value that base64 encodes, if that is an entity as a whole.
    pub(super) fn short_base64(&mut self, scope: Scope<'_>, text: &[u8]) {
        let Some(inner) = scope.inner().filter(|_| SHORT_BASE64_BYTES.contains(&text.len())) else { return };
        let Some((decoded, _)) = base64::decode_text(text) else { return };
        let start = self.findings.len();
        self.shapes(inner, &decoded);
        if let [whole] = &mut self.findings[start..]
            && (whole.span.start, whole.span.end as usize) == (0, decoded.len())
        {
            whole.span = 0..text.len() as u32;
            return;
        }
        self.findings.truncate(start);
    }

    /// Plans base64 that encodes text in which something is found, or that is JSON without anything to be found; `false`
    /// when it is neither.
    pub(super) fn base64(&mut self, scope: Scope<'_>, action: Action, text: &[u8], span: Range<usize>) -> bool {
        let Some(inner) = scope.inner() else { return false };
        if span.len() < BASE64_BYTES_MIN {
            return false;
        }
        let Some((decoded, spelling)) = base64::decode_text(&text[span.clone()]) else { return false };
        let is_json = looks_like_json(&decoded);
        let before = self.inner.len();
        let (encoded, found) = self.encoded(decoded, spelling, "", |plan, decoded| {
            let start = plan.findings.len();
            plan.scan(inner, decoded);
            plan.findings.len() > start
        });
        if found {
            self.push_recoded(action, text, span, [encoded]);
        } else {
            self.inner.truncate(before);
        }
        found || is_json
    }

    /// Plans the value of a pair that hexadecimal digits encode, as in the records of the Linux audit system
    /// (`acct=616C696365`); `false` when they encode no text, or no rule speaks of it and nothing is found in it.
    ///
    /// What is an entity as a whole is replaced by its pseudonym, as if it were not encoded.
    pub(super) fn hex(&mut self, scope: Scope<'_>, action: Option<Action>, text: &[u8], span: Range<usize>) -> bool {
        let Some(inner) = scope.inner().filter(|_| span.len() >= HEX_BYTES_MIN) else { return false };
        let Some((decoded, spelling)) = base64::decode_hex_text(&text[span.clone()]) else { return false };
        let (start, before) = (self.findings.len(), self.inner.len());
        if let Some(action) = action {
            self.apply(inner, action, &decoded);
            if let [whole] = &mut self.findings[start..]
                && (whole.span.start, whole.span.end as usize) == (0, decoded.len())
            {
                whole.span = span.start as u32..span.end as u32;
                return true;
            }
            self.findings.truncate(start);
            self.inner.truncate(before);
        }
        let (encoded, found) = self.encoded(decoded, spelling, "", |plan, decoded| {
            match action {
                Some(action) => plan.apply(inner, action, decoded),
                None => plan.scan(inner, decoded),
            }
            plan.findings.len() > start
        });
        if found {
            self.push_recoded(action.unwrap_or(scope.matcher.whole), text, span, [encoded]);
        } else {
            self.inner.truncate(before);
        }
        found
    }

    /// Plans the name and password that base64 encodes (RFC 7617, section 2); `false` when it does not.
    pub(super) fn basic(&mut self, action: Action, text: &[u8], span: Range<usize>) -> bool {
        let Some((decoded, spelling)) = base64::decode_text(&text[span.clone()]) else { return false };
        let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return false };
        let (encoded, ()) = self.encoded(decoded, spelling, "", |plan, decoded| {
            plan.user_and_password(action, decoded, 0..colon, colon + 1..decoded.len());
        });
        self.push_recoded(action, text, span, [encoded]);
        true
    }

    /// Plans a decoded text: the layer that it is, and what `plan` returns.
    fn encoded<T>(
        &mut self,
        decoded: Vec<u8>,
        spelling: Spelling,
        suffix: &'static str,
        plan: impl FnOnce(&mut Self, &[u8]) -> T,
    ) -> (Encoded, T) {
        let start = self.findings.len();
        let planned = plan(self, &decoded);
        self.resolve(start, &decoded);
        let inner = self.inner.len() as u32;
        self.inner.extend(self.findings.drain(start..));
        let text = self.keep_value(&decoded);
        (Encoded { text, findings: inner..self.inner.len() as u32, spelling, suffix }, planned)
    }

    /// Adds the finding of a value that decodes to `layers`, and these.
    fn push_recoded(
        &mut self,
        action: Action,
        text: &[u8],
        span: Range<usize>,
        layers: impl IntoIterator<Item = Encoded>,
    ) {
        let first = self.encoded.len();
        self.encoded.extend(layers);
        let recoding = Recoding { first: first as u32, count: (self.encoded.len() - first) as u8, escaped: 0 };
        self.push(action, Replacement::Recoded(recoding), text, span, Quoting::Text, Source::Rule);
    }
}
