//! Plans a record: lists every value to be replaced as a span of the original bytes.

use super::matcher::{Action, Matcher, NodeIndex};
use super::patterns::{Pattern, Patterns};
use super::residue::Needles;
use super::{FINDINGS_MAX, JSON_DEPTH_MAX, LAYERS_MAX, Packs, Reason, is_text};
use crate::decode::escape;
use crate::decode::json::{JsonError, Quoted, Token, Tokens};
use crate::decode::line::Hole;
use crate::detect::{self, Found, Pair};
use crate::rules::{Class, FieldName, Format, Parse, Unknown};
use crate::transform::{Finding, Quoting, Replacement, Source};
use std::cmp::Reverse;
use std::ops::Range;

/// The findings of a batch of records, and their values with escapes undone.
///
/// Spans are relative to the text that is being planned; whoever goes down into a layer moves the spans that come out of
/// it back up into its own text.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) findings: Vec<Finding>,
    pub(super) values: Vec<u8>,
    /// Where the present record's findings begin.
    record_start: usize,
    overflow: bool,
    /// Spare buffers for unescaped text.
    spare: Vec<Vec<u8>>,
}

/// How deep inside other texts a text stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layer {
    /// Texts inside texts: JSON strings, messages, nested JSON.
    depth: u8,
    /// JSON strings around this text.
    strings: u8,
}

impl Layer {
    fn inner(self) -> Option<Self> {
        (self.depth < LAYERS_MAX).then(|| Self { depth: self.depth + 1, ..self })
    }

    fn in_string(self) -> Self {
        Self { strings: self.strings + 1, ..self }
    }
}

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
    /// Forgets the last batch.
    pub(super) fn clear(&mut self) {
        self.findings.clear();
        self.values.clear();
    }

    /// Starts a record.
    pub(super) fn start_record(&mut self) {
        self.record_start = self.findings.len();
        self.overflow = false;
    }

    /// Plans one part of a record and returns its findings, ascending and disjoint.
    pub(super) fn part(
        &mut self,
        text: &[u8],
        plan: impl FnOnce(&mut Self) -> Result<(), Reason>,
    ) -> Result<Range<usize>, Reason> {
        let start = self.findings.len();
        plan(self)?;
        if self.overflow {
            return Err(Reason::TooMany);
        }
        self.resolve(start, text);
        Ok(start..self.findings.len())
    }

    /// Plans a payload.
    pub(super) fn payload(&mut self, packs: &Packs, text: &[u8]) -> Result<(), Reason> {
        match packs.chosen(text) {
            Some(matcher) => match matcher.format {
                Format::Json => self.json(packs, matcher, text, Layer::default()).map_err(Reason::from),
                Format::Line if matcher.lines.is_empty() => {
                    self.message(packs, matcher, text, Layer::default());
                    Ok(())
                }
                Format::Line if self.line(packs, matcher, text, Layer::default()) => Ok(()),
                Format::Line => Err(Reason::NotLine),
            },
            None => {
                self.any_line(packs, packs.fallback(Format::Line), text, Layer::default());
                Ok(())
            }
        }
    }

    /// Plans a record key. Keys may be binary; only scanning needs text.
    pub(super) fn key(&mut self, packs: &Packs, matcher: &Matcher, key: &[u8]) -> Result<(), Reason> {
        match matcher.key {
            Some(action) => self.apply(packs, matcher, action, key, Layer::default()),
            None if matcher.unknown_key == Unknown::Scan && !is_text(key) => {
                return Err(Reason::NotUtf8);
            }
            None => self.unknown(packs, matcher, matcher.unknown_key, key, Layer::default()),
        }
        Ok(())
    }

    /// Plans a header value. What cannot be scanned because it is binary is replaced whole.
    pub(super) fn header(&mut self, packs: &Packs, matcher: &Matcher, name: &str, value: &[u8]) {
        match matcher.header(name) {
            Some(action) => self.apply(packs, matcher, action, value, Layer::default()),
            None if matcher.unknown == Unknown::Scan && !is_text(value) => {
                self.unknown(packs, matcher, Unknown::Pseudonymize, value, Layer::default());
            }
            None => self.unknown(packs, matcher, matcher.unknown, value, Layer::default()),
        }
    }

    /// Plans a JSON text. After an error the findings of the text are gone.
    fn json(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) -> Result<(), JsonError> {
        let start = self.findings.len();
        let walked = self.json_tokens(packs, matcher, text, layer);
        if walked.is_err() {
            self.findings.truncate(start);
        }
        walked
    }

    fn json_tokens(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) -> Result<(), JsonError> {
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
    fn quoted(&mut self, text: &[u8], quoted: &Quoted, plan: impl FnOnce(&mut Self, &[u8])) {
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
            let quoting = Quoting::Literal { layers: layer.strings };
            self.push(action, replacement, text, span, quoting, Source::Rule);
        }
    }

    /// Plans a text that a rule names.
    fn apply(&mut self, packs: &Packs, matcher: &Matcher, action: Action, text: &[u8], layer: Layer) {
        if action.parse == Parse::Auto {
            return match layer.inner() {
                Some(inner) => self.any_line(packs, matcher, text, inner),
                None => self.whole(matcher.whole, text),
            };
        }
        let Some(replacement) = action.replacement else { return };
        let Some(span) = entity_span(text) else { return };
        if action.class == Class::Ip && self.addresses(action, replacement, text) {
            return;
        }
        let scheme = if action.class == Class::Token { scheme_len(&text[span.clone()]) } else { 0 };
        self.push(action, replacement, text, span.start + scheme..span.end, Quoting::Text, Source::Rule);
    }

    /// Plans the addresses of a value that holds nothing but addresses, ports and separators (as `X-Forwarded-For`
    /// does); `false` when there is anything else in it.
    fn addresses(&mut self, action: Action, replacement: Replacement, text: &[u8]) -> bool {
        let mut found = Vec::new();
        detect::shapes(text, &mut found);
        let mut rest = 0;
        for Found { span, shape } in &found {
            if shape.class() != Class::Ip || !is_between_addresses(&text[rest..span.start]) {
                return false;
            }
            rest = span.end;
        }
        if found.is_empty() || !is_between_addresses(&text[rest..]) {
            return false;
        }
        for Found { span, .. } in found {
            self.push(action, replacement, text, span, Quoting::Text, Source::Rule);
        }
        true
    }

    /// Plans a text that no rule names.
    fn unknown(&mut self, packs: &Packs, matcher: &Matcher, unknown: Unknown, text: &[u8], layer: Layer) {
        match unknown {
            Unknown::Scan => self.scan(packs, matcher, text, layer),
            Unknown::Pseudonymize | Unknown::Drop => self.whole(matcher.whole, text),
            Unknown::Keep => {}
        }
    }

    /// Replaces a text whole.
    fn whole(&mut self, action: Action, text: &[u8]) {
        if let (Some(replacement), Some(span)) = (action.replacement, entity_span(text)) {
            self.push(action, replacement, text, span, Quoting::Text, Source::Rule);
        }
    }

    /// Plans a line of any pack's shapes, or else a message of `matcher`.
    fn any_line(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        let mut holes = Vec::new();
        match packs.line_pack(text, &mut holes) {
            Some((pack, pattern)) => self.holes(packs, pack, pattern, holes, text, layer),
            None => self.message(packs, matcher, text, layer),
        }
    }

    /// Plans a line of the pack's own shapes; `false` when it has none of them.
    fn line(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) -> bool {
        self.patterns(packs, matcher, &matcher.lines, text, layer)
    }

    /// Plans a message: by the pack's message shapes, or else by scanning.
    fn message(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        if !self.patterns(packs, matcher, &matcher.messages, text, layer) {
            self.scan(packs, matcher, text, layer);
        }
    }

    fn patterns(&mut self, packs: &Packs, matcher: &Matcher, patterns: &Patterns, text: &[u8], layer: Layer) -> bool {
        let mut holes = Vec::new();
        let Some(pattern) = patterns.first_match(text, &mut holes) else {
            return false;
        };
        self.holes(packs, matcher, pattern, holes, text, layer);
        true
    }

    /// Plans what stands in the holes of a pattern that `text` has.
    fn holes(
        &mut self,
        packs: &Packs,
        matcher: &Matcher,
        pattern: &Pattern,
        holes: Vec<Hole>,
        text: &[u8],
        layer: Layer,
    ) {
        for Hole { part, span } in holes {
            let start = self.findings.len();
            let inner = &text[span.clone()];
            match (pattern.holes[part], layer.inner()) {
                (_, None) => self.whole(matcher.whole, inner),
                (Some(action), Some(layer)) => self.apply(packs, matcher, action, inner, layer),
                (None, Some(layer)) if pattern.is_message(part) => self.message(packs, matcher, inner, layer),
                (None, Some(_)) if pattern.is_int(part) => {}
                (None, Some(layer)) => self.unknown(packs, matcher, matcher.unknown, inner, layer),
            }
            self.shift(start, span.start);
        }
    }

    /// Plans free text: a JSON text of its own, or entities by shape, by the author's expressions and by `name=value`.
    fn scan(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        if looks_like_json(text) {
            let Some(inner) = layer.inner() else { return self.whole(matcher.whole, text) };
            if self.json(packs, matcher, text, inner).is_ok() {
                return;
            }
        }
        self.enclosed_json(packs, matcher, text, layer);
        self.shapes(matcher, text);
        for (action, span) in matcher.expressed(text) {
            if let Some(replacement) = action.replacement {
                self.push(action, replacement, text, span, Quoting::Text, Source::Rule);
            }
        }
        self.pairs(packs, matcher, text, layer);
    }

    /// Plans the JSON text that a message carries behind or between its words.
    fn enclosed_json(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        let (Some(span), Some(inner)) = (enclosed_json(text), layer.inner()) else { return };
        let start = self.findings.len();
        if self.json(packs, matcher, &text[span.clone()], inner).is_ok() {
            self.shift(start, span.start);
        }
    }

    /// Plans the entities that their shape gives away, as the text stands and with one more layer of escapes undone.
    fn shapes(&mut self, matcher: &Matcher, text: &[u8]) {
        self.shapes_as_written(matcher, text);
        let mut flat = self.spare.pop().unwrap_or_default();
        flat.clear();
        if escape::flatten(text, &mut flat) {
            let start = self.findings.len();
            self.shapes_as_written(matcher, &flat);
            self.resolve(start, &flat);
            escape::flat_to_source_offsets(text, ends(&mut self.findings[start..]));
        }
        self.spare.push(flat);
    }

    fn shapes_as_written(&mut self, matcher: &Matcher, text: &[u8]) {
        let mut found = Vec::new();
        detect::shapes(text, &mut found);
        for Found { span, shape } in found {
            let action = matcher.shape(shape);
            if let Some(replacement) = action.replacement {
                self.push(action, replacement, text, span, Quoting::Text, Source::Shape);
            }
        }
    }

    fn pairs(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        let mut pairs = Vec::new();
        detect::pairs(text, &mut pairs);
        let mut done = 0;
        for Pair { name, value } in pairs {
            // `user=user=…` is one value, not one for each of its tails: what was planned is not planned again.
            if value.end <= done {
                continue;
            }
            let name = FieldName::new(&String::from_utf8_lossy(&text[name]));
            let (Some(action), Some(layer)) = (matcher.named(name.as_str()), layer.inner()) else { continue };
            if action.class == Class::User && is_verdict(&text[value.clone()]) {
                continue;
            }
            let value = if action.class == Class::Token { with_credential(text, value) } else { value };
            let start = self.findings.len();
            self.apply(packs, matcher, action, &text[value.clone()], layer);
            self.shift(start, value.start);
            if self.findings.len() > start || action.parse == Parse::Auto {
                done = value.end;
            }
        }
    }

    fn push(
        &mut self,
        action: Action,
        replacement: Replacement,
        text: &[u8],
        span: Range<usize>,
        quoting: Quoting,
        source: Source,
    ) {
        if self.findings.len() - self.record_start >= FINDINGS_MAX {
            self.overflow = true;
            return;
        }
        if span.is_empty() {
            return;
        }
        let value = self.keep_value(&text[span.clone()]);
        self.findings.push(Finding {
            span: span.start as u32..span.end as u32,
            value,
            rule: action.rule,
            class: action.class,
            replacement,
            quoting,
            source,
        });
    }

    fn keep_value(&mut self, value: &[u8]) -> Range<u32> {
        let start = self.values.len() as u32;
        self.values.extend_from_slice(value);
        start..self.values.len() as u32
    }

    fn shift(&mut self, start: usize, base: usize) {
        for offset in ends(&mut self.findings[start..]) {
            *offset += base as u32;
        }
    }

    /// Makes the findings from `start` on ascending and disjoint: those that overlap become one over their union, so
    /// that the order of rules decides nothing and no tail stays.
    pub(super) fn resolve(&mut self, start: usize, text: &[u8]) {
        // A number stays JSON where it was found as one and as text.
        let rank = |f: &Finding| {
            (f.span.start, Reverse(f.span.end), Reverse(f.quoting), f.source, f.class, f.replacement, f.rule)
        };
        self.findings[start..].sort_unstable_by_key(rank);
        let mut kept = start;
        for next in start..self.findings.len() {
            let finding = self.findings[next].clone();
            match kept.checked_sub(1).filter(|last| *last >= start) {
                Some(last) if finding.span.start < self.findings[last].span.end => {
                    if finding.span.end > self.findings[last].span.end {
                        self.widen(last, finding.span.end, text);
                    }
                }
                Some(_) | None => {
                    self.findings[kept] = finding;
                    kept += 1;
                }
            }
        }
        self.findings.truncate(kept);
    }

    /// Extends a finding over one that overlaps its end: the union is neither's entity, so it is opaque text.
    fn widen(&mut self, index: usize, end: u32, text: &[u8]) {
        let start = self.findings[index].span.start;
        let value = self.keep_value(&text[start as usize..end as usize]);
        let finding = &mut self.findings[index];
        finding.span.end = end;
        finding.value = value;
        finding.class = Class::Text;
        finding.replacement = Replacement::Pseudonym { network: false };
    }

    /// Adds findings for the values of `needles` wherever else they stand in a part.
    pub(super) fn spread(&mut self, needles: &Needles, text: &[u8], format: Format) -> Result<(), Reason> {
        match format {
            Format::Json if self.spread_json(needles, text, Layer::default()).is_ok() => {}
            Format::Json | Format::Line => self.spread_text(needles, text, Layer::default()),
        }
        if self.overflow { Err(Reason::TooMany) } else { Ok(()) }
    }

    fn spread_json(&mut self, needles: &Needles, text: &[u8], layer: Layer) -> Result<(), JsonError> {
        let start = self.findings.len();
        let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
        loop {
            match tokens.next_token() {
                Ok(Some(Token::Name(quoted) | Token::Text(quoted))) => {
                    self.quoted(text, &quoted, |plan, inner| plan.spread_text(needles, inner, layer.in_string()));
                }
                Ok(Some(Token::Number(span) | Token::Bool(span))) => {
                    // Also where it is a part of a number: `-12345678` and `0.12345678` hold `12345678`.
                    if let Some(source) = needles.first_in(&text[span.clone()]) {
                        self.push_spread(source, text, span, Quoting::Literal { layers: layer.strings });
                    }
                }
                Ok(Some(Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd | Token::Null)) => {
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.findings.truncate(start);
                    return Err(error);
                }
            }
        }
    }

    /// Looks into a text as it stands, as JSON, and with one more layer of escapes undone.
    fn spread_text(&mut self, needles: &Needles, text: &[u8], layer: Layer) {
        let Some(inner) = layer.inner() else { return };
        if looks_like_json(text) && self.spread_json(needles, text, inner).is_ok() {
            return;
        }
        for (span, source) in needles.hits(text) {
            self.push_spread(source, text, span, Quoting::Text);
        }
        let mut flat = self.spare.pop().unwrap_or_default();
        flat.clear();
        if escape::flatten(text, &mut flat) {
            let start = self.findings.len();
            self.spread_text(needles, &flat, inner);
            self.resolve(start, &flat);
            escape::flat_to_source_offsets(text, ends(&mut self.findings[start..]));
        }
        self.spare.push(flat);
    }

    fn push_spread(&mut self, like: &Finding, text: &[u8], span: Range<usize>, quoting: Quoting) {
        if self.findings.len() - self.record_start >= FINDINGS_MAX {
            self.overflow = true;
            return;
        }
        let value = self.keep_value(&text[span.clone()]);
        let span = span.start as u32..span.end as u32;
        self.findings.push(Finding { span, value, quoting, source: Source::Spread, ..like.clone() });
    }
}

/// Both ends of each finding's span, ascending when the findings are ascending and disjoint.
fn ends(findings: &mut [Finding]) -> impl Iterator<Item = &mut u32> {
    findings.iter_mut().flat_map(|finding| [&mut finding.span.start, &mut finding.span.end])
}

/// What logs write where there is no value, in any case: nginx writes `unix:` for a client without an address.
const ABSENT: [&[u8]; 10] = [b"", b"-", b"null", b"(null)", b"nil", b"<nil>", b"none", b"undefined", b"n/a", b"unix:"];

/// The text without surrounding white space; `None` for what logs write where there is no value.
fn entity_span(text: &[u8]) -> Option<Range<usize>> {
    let start = text.len() - text.trim_ascii_start().len();
    let trimmed = text.trim_ascii();
    let is_absent = ABSENT.iter().any(|absent| trimmed.eq_ignore_ascii_case(absent));
    (!is_absent).then(|| start..start + trimmed.len())
}

/// Whether an unquoted value behind `user:` begins a sentence: `login: invalid user alice`.
fn is_verdict(word: &[u8]) -> bool {
    const VERDICTS: [&[u8]; 6] = [b"invalid", b"illegal", b"failed", b"failure", b"denied", b"error"];
    VERDICTS.iter().any(|verdict| word.eq_ignore_ascii_case(verdict))
}

/// Authentication schemes (RFC 9110, section 11.1), each with the blank before its credential.
const SCHEMES: [&[u8]; 5] = [b"bearer ", b"basic ", b"digest ", b"token ", b"negotiate "];

/// The value of a pair, and where it is just a scheme the credential behind it: `Authorization: Bearer mF_9`.
fn with_credential(text: &[u8], value: Range<usize>) -> Range<usize> {
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

/// Bytes of an authentication scheme before its credential: it says nothing of anyone.
fn scheme_len(credential: &[u8]) -> usize {
    let starts = |scheme: &&&[u8]| credential.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().find(starts).map_or(0, |scheme| scheme.len())
}

/// Digits of the largest port, 65535. A longer number beside an address may be a telephone number, or an address.
const PORT_DIGITS_MAX: usize = 5;

/// Whether a text between two addresses tells nothing: separators, ports, prefix lengths, `unknown`.
fn is_between_addresses(text: &[u8]) -> bool {
    let mut words = text.split(|byte| matches!(byte, b',' | b' ' | b':' | b';' | b'[' | b']' | b'/' | b'"' | b'='));
    let is_port = |word: &[u8]| word.len() <= PORT_DIGITS_MAX && word.iter().all(u8::is_ascii_digit);
    words.all(|word| word == b"unknown" || word == b"-" || is_port(word))
}

/// From the first `{"` to the last `}`, where the text is more than that.
fn enclosed_json(text: &[u8]) -> Option<Range<usize>> {
    let span = memchr::memmem::find(text, b"{\"")?..memchr::memrchr(b'}', text)? + 1;
    (!span.is_empty() && span.len() < text.trim_ascii().len()).then_some(span)
}

fn looks_like_json(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}
