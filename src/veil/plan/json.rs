//! Plans a JSON text: names on the way down tell what a value is.

use super::{Layer, Plan, ends, quoted_literal};
use crate::decode::escape;
use crate::decode::json::{JsonError, Quoted, Token, Tokens};
use crate::rules::{FieldName, Parse, Unknown};
use crate::transform::Source;
use crate::veil::JSON_DEPTH_MAX;
use crate::veil::matcher::{Action, Matcher, NodeIndex};
use crate::veil::packs::Packs;
use std::ops::Range;

/// What is known of a value in a JSON text from the names above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// No rule speaks of it.
    Unknown,
    /// A selector names it, or a container above it.
    Selected(Action),
    /// Its field name alone gives it away; that says nothing of an object's members.
    Named(Action),
}

impl Expected {
    fn action(self) -> Option<Action> {
        match self {
            Self::Unknown => None,
            Self::Selected(action) | Self::Named(action) => Some(action),
        }
    }
}

/// The names above the present value, as live trie nodes.
struct Path<'m> {
    matcher: &'m Matcher,
    states: Vec<NodeIndex>,
    frames: Vec<Frame>,
    /// The value that comes next.
    next: Frame,
    /// The reduced names above, one after the other.
    names: String,
}

/// A place in the JSON text: its live nodes and what is expected there.
#[derive(Debug, Clone)]
struct Frame {
    states: Range<usize>,
    expected: Expected,
    array: bool,
    /// The field name that led here, as a range of the path's names.
    name: Range<usize>,
}

impl<'m> Path<'m> {
    fn new(matcher: &'m Matcher) -> Self {
        let mut states = Vec::new();
        matcher.start(&mut states);
        let next = Frame { states: 0..states.len(), expected: Expected::Unknown, array: false, name: 0..0 };
        Self { matcher, states, frames: Vec::new(), next, names: String::new() }
    }

    fn open(&mut self, array: bool) {
        let frame = Frame { array, ..self.next.clone() };
        if array {
            // Elements stand under the array's own name.
            self.next = frame.clone();
        }
        self.frames.push(frame);
    }

    fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.states.truncate(frame.states.end);
        }
        if let Some(above) = self.frames.last().filter(|above| above.array) {
            self.next = above.clone();
        }
    }

    /// Goes to the member `name` of the present object.
    fn member(&mut self, name: &[u8]) {
        let Some(frame) = self.frames.last() else { return };
        let (above, inherited, parent) = (frame.states.clone(), frame.expected, frame.name.clone());
        self.states.truncate(above.end);
        let start = self.states.len();
        self.matcher.step(&mut self.states, above, name);
        let states = start..self.states.len();
        self.names.truncate(parent.end);
        FieldName::reduce_into(&String::from_utf8_lossy(name), &mut self.names);
        let name = parent.end..self.names.len();
        let expected = match self.matcher.accepted(&self.states[states.clone()]) {
            Some(action) => Expected::Selected(action),
            None => match inherited {
                Expected::Selected(_) => inherited,
                Expected::Unknown | Expected::Named(_) => self.by_name(parent.start, name.start),
            },
        };
        self.next = Frame { states, expected, array: false, name };
    }

    /// What the last name says alone, or together with the one above it: `{"user": {"name": …}}` is also `username`.
    fn by_name(&self, parent_start: usize, start: usize) -> Expected {
        let named = |from: usize| self.names.get(from..).and_then(|name| self.matcher.named(name));
        named(start).or_else(|| named(parent_start)).map_or(Expected::Unknown, Expected::Named)
    }
}

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
        while let Some(token) = tokens.next_token()? {
            match token {
                Token::ObjectStart => path.open(false),
                Token::ArrayStart => path.open(true),
                Token::ObjectEnd | Token::ArrayEnd => path.close(),
                Token::Name(name) => self.quoted(text, &name, |plan, name| {
                    path.member(name);
                    plan.name(matcher, name);
                }),
                Token::Text(value) => self.quoted(text, &value, |plan, value| match path.next.expected.action() {
                    Some(action) => plan.apply(packs, matcher, action, value, layer.in_string()),
                    None => plan.unknown(packs, matcher, matcher.unknown, value, layer.in_string()),
                }),
                Token::Number(span) => self.literal(matcher, text, span, path.next.expected, layer),
                Token::Bool(span) => {
                    // A flag is called `session` or `user` as often as an entity is.
                    if let Expected::Selected(_) = path.next.expected {
                        self.literal(matcher, text, span, path.next.expected, layer);
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
