//! Plans a JSON text: names on the way down tell what a value is.

use super::path::{Expected, Path, Role};
use super::{Plan, Scope, ends, quoted_literal};
use crate::decode::escape;
use crate::decode::json::{JsonError, Quoted, Token, Tokens};
use crate::detect;
use crate::rules::{Parse, Shape, Unknown};
use crate::transform::Source;
use crate::veil::JSON_DEPTH_MAX;
use crate::veil::matcher::Action;
use std::ops::Range;

/// Digits of an integer that can be the number of a card.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

impl Plan {
    /// Plans a JSON text. After an error the findings of the text are gone.
    pub(super) fn json(&mut self, scope: Scope<'_>, text: &[u8]) -> Result<(), JsonError> {
        self.json_below(scope, Path::new(scope.matcher, None), text)
    }

    /// Plans the claims of a token, which has the given action.
    pub(super) fn claims(&mut self, scope: Scope<'_>, token: Action, text: &[u8]) -> Result<(), JsonError> {
        self.json_below(scope, Path::new(scope.matcher, Some(token)), text)
    }

    fn json_below(&mut self, scope: Scope<'_>, path: Path<'_>, text: &[u8]) -> Result<(), JsonError> {
        let start = self.findings.len();
        let walked = self.json_tokens(scope, path, text);
        if walked.is_err() {
            self.findings.truncate(start);
        }
        walked
    }

    fn json_tokens(&mut self, scope: Scope<'_>, mut path: Path<'_>, text: &[u8]) -> Result<(), JsonError> {
        let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
        while let Some(token) = tokens.next_token()? {
            match token {
                Token::ObjectStart => path.open(false),
                Token::ArrayStart => path.open(true),
                Token::ObjectEnd | Token::ArrayEnd => path.close(),
                Token::Name(name) => self.quoted(text, &name, |plan, name| {
                    path.member(name);
                    plan.name(scope, name);
                }),
                Token::Text(value) => self.text_value(scope, &mut path, text, &value),
                Token::Number(span) => {
                    if path.next.role == Role::Content && path.next.expected == Expected::Unknown {
                        path.content(span.clone());
                    }
                    self.literal(scope, text, span, path.next.expected);
                }
                Token::Bool(span) => {
                    // A flag is called `session` or `user` as often as an entity is.
                    if let Expected::Selected(_) = path.next.expected {
                        self.literal(scope, text, span, path.next.expected);
                    }
                }
                Token::Null => {}
            }
        }
        Ok(())
    }

    fn text_value(&mut self, scope: Scope<'_>, path: &mut Path<'_>, text: &[u8], value: &Quoted) {
        let mut before_label = None;
        if let (Role::Content, Expected::Unknown) = (path.next.role, path.next.expected) {
            path.content(value.inner.start - 1..value.inner.end + 1);
        }
        let (expected, role) = (path.next.expected.action(), path.next.role);
        self.quoted(text, value, |plan, value| {
            if role == Role::Label {
                before_label = path.label(value);
            }
            match expected {
                Some(action) => plan.apply(scope.in_string(), action, value),
                None => plan.unknown(scope.in_string(), scope.matcher.unknown, value),
            }
        });
        if let Some((span, action)) = before_label {
            self.content_before_label(scope, action, text, span);
        }
    }

    /// Plans a content that was passed before its label told what it is.
    fn content_before_label(&mut self, scope: Scope<'_>, action: Action, text: &[u8], span: Range<usize>) {
        let inner = span.start + 1..span.end - 1;
        match text.get(span.start) {
            Some(b'"') => {
                let quoted = Quoted { escaped: text[inner.clone()].contains(&b'\\'), inner };
                self.quoted(text, &quoted, |plan, value| plan.apply(scope.in_string(), action, value));
            }
            Some(_) | None => self.literal(scope, text, span, Expected::Named(action)),
        }
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
    fn name(&mut self, scope: Scope<'_>, name: &[u8]) {
        // Every shape holds a digit, an at-sign or a colon.
        if name.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b':')) {
            self.shapes(scope, name);
        }
    }

    /// Plans a number or boolean: replaced by a string when a rule names it.
    fn literal(&mut self, scope: Scope<'_>, text: &[u8], span: Range<usize>, expected: Expected) {
        let matcher = scope.matcher;
        let action = match (expected.action(), matcher.unknown) {
            (Some(action), _) => action,
            (None, Unknown::Pseudonymize | Unknown::Drop) => matcher.whole,
            (None, Unknown::Scan) if CARD_DIGITS.contains(&span.len()) && detect::is_card(&text[span.clone()]) => {
                matcher.shape(Shape::Card)
            }
            (None, Unknown::Scan | Unknown::Keep) => return,
        };
        if let (Some(replacement), Parse::No) = (action.replacement, action.parse) {
            let quoting = quoted_literal(replacement, &text[span.clone()], scope.layer);
            self.push(action, replacement, text, span, quoting, Source::Rule);
        }
    }
}
