//! Plans a JSON text: names on the way down tell what a value is.

use super::path::{Expected, Path, Places, may_hold_entity};
use super::siblings::Labels;
use super::{Plan, Scope, ends, prose, quoted_literal};
use crate::decode::escape;
use crate::decode::json::{JsonError, Quoted, Token, Tokens};
use crate::detect;
use crate::kernels::Level;
use crate::rules::{Class, Parse, Shape, Unknown};
use crate::transform::Source;
use crate::veil::JSON_DEPTH_MAX;
use crate::veil::matcher::Action;
use std::borrow::Cow;
use std::ops::Range;

/// Digits of an integer that can be the number of a card.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

impl Plan {
    /// Plans a JSON text. After an error the findings of the text are gone.
    pub(super) fn json(&mut self, scope: Scope<'_>, text: &[u8]) -> Result<(), JsonError> {
        self.json_below(scope, text, |places| Path::new(places, scope.matcher, None))
    }

    /// Plans a JSON text that is the value of a pair with this name, as if it stood in an object.
    pub(super) fn json_called(&mut self, scope: Scope<'_>, name: Option<&str>, text: &[u8]) -> Result<(), JsonError> {
        self.json_below(scope, text, |places| {
            let mut path = Path::new(places, scope.matcher, None);
            if let Some(name) = name {
                path.open(places, false);
                path.member(places, name.as_bytes(), None);
            }
            path
        })
    }

    /// Plans the claims of a token, which has the given action.
    pub(super) fn claims(&mut self, scope: Scope<'_>, token: Action, text: &[u8]) -> Result<(), JsonError> {
        self.json_below(scope, text, |places| Path::new(places, scope.matcher, Some(token)))
    }

    fn json_below<'p>(
        &mut self,
        scope: Scope<'p>,
        text: &[u8],
        path: impl FnOnce(&mut Places) -> Path<'p>,
    ) -> Result<(), JsonError> {
        let mark = self.places.mark();
        let mut path = path(&mut self.places);
        let walked = self.walk_json(text, |plan, tokens| plan.json_tokens(scope, &mut path, text, tokens));
        path.end(&mut self.places);
        self.places.release(mark);
        walked
    }

    /// Walks over a JSON text. After an error the findings of the text are gone.
    pub(super) fn walk_json(
        &mut self,
        text: &[u8],
        walk: impl FnOnce(&mut Self, Tokens<'_>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let start = self.findings.len();
        let mut quotes = self.spare_quotes.pop().unwrap_or_default();
        quotes.read(Level::best(), text);
        let walked = walk(self, Tokens::guided(text, &quotes, JSON_DEPTH_MAX));
        self.spare_quotes.push(quotes);
        if walked.is_err() {
            self.findings.truncate(start);
        }
        walked
    }

    fn json_tokens(
        &mut self,
        scope: Scope<'_>,
        path: &mut Path<'_>,
        text: &[u8],
        mut tokens: Tokens<'_>,
    ) -> Result<(), JsonError> {
        let mut labels = Labels::new(text);
        loop {
            path.usual_members(&mut self.places, &mut tokens);
            let Some(token) = tokens.next_token()? else { return Ok(()) };
            match token {
                Token::ObjectStart => path.open(&self.places, false),
                Token::ArrayStart => path.open(&self.places, true),
                Token::ObjectEnd | Token::ArrayEnd => {
                    if let Some(name) = path.contact() {
                        self.quoted(text, &name, |plan, name| plan.contact(scope, name));
                    }
                    path.close(&mut self.places);
                }
                Token::Name(name) => self.quoted(text, &name, |plan, name| {
                    let keyed = path.keyed(&plan.places, name);
                    let label = path.label(name, |object| labels.of(object));
                    let label = label.map(|label| text_of(text, &label));
                    path.member(&mut plan.places, name, label.as_deref());
                    match keyed {
                        Some(action) => plan.apply(scope.in_string(), action, name),
                        None => plan.name(scope, name),
                    }
                }),
                Token::Text(_) if path.is_idle(&self.places) => {}
                Token::Text(value) => {
                    path.text(&self.places, &value);
                    self.quoted(text, &value, |plan, value| {
                        let expected = path.expected(&plan.places).action();
                        match expected.or_else(|| path.item(&plan.places, value)) {
                            Some(action) => plan.apply(scope.in_string(), action, value),
                            None => plan.unknown(scope.in_string(), scope.matcher.unknown, value),
                        }
                    });
                }
                Token::Number(span) => self.literal(scope, text, span, path.expected(&self.places)),
                Token::Bool(span) => {
                    // A flag is called `session` or `user` as often as an entity is.
                    if let Expected::Selected(_) = path.expected(&self.places) {
                        self.literal(scope, text, span, path.expected(&self.places));
                    }
                }
                Token::Null => {}
            }
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

    /// Plans the name that stands beside an e-mail address or telephone number: a person's, if it looks like one.
    fn contact(&mut self, scope: Scope<'_>, name: &[u8]) {
        if prose::is_names(name) {
            let known = scope.matcher.names.whole("fullname").filter(|action| action.class == Class::Person);
            self.whole(known.unwrap_or(Action { class: Class::Person, ..scope.matcher.whole }), name);
        }
    }

    /// Plans the name of a member: it can itself be an entity, as in maps keyed by address.
    pub(super) fn name(&mut self, scope: Scope<'_>, name: &[u8]) {
        if may_hold_entity(name) {
            self.shapes(scope, name);
        }
    }

    /// Plans a number or boolean: replaced by a string when a rule names it.
    pub(super) fn literal(&mut self, scope: Scope<'_>, text: &[u8], span: Range<usize>, expected: Expected) {
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

/// The text of a JSON string.
pub(super) fn text_of<'t>(text: &'t [u8], quoted: &Quoted) -> Cow<'t, str> {
    let inner = &text[quoted.inner.clone()];
    if !quoted.escaped {
        return String::from_utf8_lossy(inner);
    }
    let mut unescaped = Vec::with_capacity(inner.len());
    escape::unescape(inner, &mut unescaped);
    Cow::Owned(String::from_utf8_lossy(&unescaped).into_owned())
}
