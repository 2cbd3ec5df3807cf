//! Plans a JSON text: names on the way down tell what a value is.

use super::path::{Expected, Path};
use super::{Layer, Plan, ends, quoted_literal, siblings};
use crate::decode::escape;
use crate::decode::json::{JsonError, Quoted, Token, Tokens};
use crate::rules::{Parse, Unknown};
use crate::transform::Source;
use crate::veil::JSON_DEPTH_MAX;
use crate::veil::matcher::Matcher;
use crate::veil::packs::Packs;
use std::borrow::Cow;
use std::ops::Range;

impl Plan {
    /// Plans a JSON text. After an error the findings of the text are gone.
    pub(super) fn json(
        &mut self,
        packs: &Packs,
        matcher: &Matcher,
        text: &[u8],
        layer: Layer,
    ) -> Result<(), JsonError> {
        let start = self.findings.len();
        let walked = self.json_tokens(packs, matcher, text, layer);
        if walked.is_err() {
            self.findings.truncate(start);
        }
        walked
    }

    pub(super) fn json_tokens(
        &mut self,
        packs: &Packs,
        matcher: &Matcher,
        text: &[u8],
        layer: Layer,
    ) -> Result<(), JsonError> {
        let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
        let mut path = Path::new(matcher);
        let mut siblings = siblings::find(text).into_iter().peekable();
        let mut objects = 0;
        while let Some(token) = tokens.next_token()? {
            match token {
                Token::ObjectStart => {
                    path.open_object(siblings.next_if(|(number, _)| *number == objects).map(|(_, name)| name));
                    objects += 1;
                }
                Token::ArrayStart => path.open_array(),
                Token::ObjectEnd | Token::ArrayEnd => path.close(),
                Token::Name(name) => self.quoted(text, &name, |plan, name| {
                    let sibling = path.sibling(name).map(|sibling| text_of(text, sibling));
                    path.member(&String::from_utf8_lossy(name), sibling.as_deref());
                    plan.name(matcher, name);
                }),
                Token::Text(value) => self.quoted(text, &value, |plan, value| match path.expected().action() {
                    Some(action) => plan.apply(packs, matcher, action, value, layer.in_string()),
                    None => plan.unknown(packs, matcher, matcher.unknown, value, layer.in_string()),
                }),
                Token::Number(span) => self.literal(matcher, text, span, path.expected(), layer),
                Token::Bool(span) => {
                    // A flag is called `session` or `user` as often as an entity is.
                    if let Expected::Selected(_) = path.expected() {
                        self.literal(matcher, text, span, path.expected(), layer);
                    }
                }
                Token::Null => {}
            }
        }
        Ok(())
    }

    /// Plans the text of a JSON string and moves what it finds back to the string's escaped bytes.
    pub(super) fn quoted(&mut self, text: &[u8], quoted: &Quoted, plan: impl FnOnce(&mut Self, &[u8])) {
        let inner = &text[quoted.inner.clone()];
        let start = self.findings.len();
        if quoted.escaped {
            let mut unescaped = self.spare.pop().unwrap_or_default();
            unescaped.clear();
            escape::unescape(inner, &mut unescaped);
            plan(self, &unescaped);
            self.resolve(start, &unescaped);
            escape::to_source_offsets(inner, ends(&mut self.findings[start..]));
            self.spare.push(unescaped);
        } else {
            plan(self, inner);
        }
        self.shift(start, quoted.inner.start);
    }

    /// Plans the name of a member: it can itself be an entity, as in maps keyed by address.
    fn name(&mut self, matcher: &Matcher, name: &[u8]) {
        // Every shape holds a digit, an at-sign or a colon.
        if name.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b':')) {
            self.shapes(matcher, name);
        }
    }

    /// Plans a number or boolean: replaced by a string when a rule names it.
    fn literal(&mut self, matcher: &Matcher, text: &[u8], span: Range<usize>, expected: Expected, layer: Layer) {
        let action = match (expected.action(), matcher.unknown) {
            (Some(action), _) => action,
            (None, Unknown::Pseudonymize | Unknown::Drop) => matcher.whole,
            (None, Unknown::Scan | Unknown::Keep) => return,
        };
        if let (Some(replacement), Parse::No) = (action.replacement, action.parse) {
            let quoting = quoted_literal(replacement, &text[span.clone()], layer);
            self.push(action, replacement, text, span, quoting, Source::Rule);
        }
    }
}

/// The text of a JSON string.
fn text_of<'t>(text: &'t [u8], quoted: &Quoted) -> Cow<'t, str> {
    let inner = &text[quoted.inner.clone()];
    if !quoted.escaped {
        return String::from_utf8_lossy(inner);
    }
    let mut unescaped = Vec::with_capacity(inner.len());
    escape::unescape(inner, &mut unescaped);
    Cow::Owned(String::from_utf8_lossy(&unescaped).into_owned())
}
