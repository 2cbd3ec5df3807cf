//! Plans a text: a line or message of a known shape, or free text that is searched.

use super::value::with_credential;
use super::{Layer, Plan, ends, looks_like_json, prose};
use crate::decode::escape;
use crate::decode::line::Hole;
use crate::detect::{self, Found, Link, Pair};
use crate::rules::{Class, Parse, Shape};
use crate::transform::{Quoting, Source};
use crate::veil::matcher::{Action, Matcher};
use crate::veil::packs::Packs;
use crate::veil::patterns::Patterns;
use std::ops::Range;

impl Plan {
    /// Plans a line of any pack's shapes, or else a message of `matcher`.
    pub(super) fn any_line(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        if !packs.line_packs().any(|pack| self.line(packs, pack, text, layer)) {
            self.message(packs, matcher, text, layer);
        }
    }

    /// Plans a line of the pack's own shapes; `false` when it has none of them.
    pub(super) fn line(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) -> bool {
        self.patterns(packs, matcher, &matcher.lines, text, layer)
    }

    /// Plans a message: by the pack's message shapes, or else by scanning.
    pub(super) fn message(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        if !self.patterns(packs, matcher, &matcher.messages, text, layer) {
            self.scan(packs, matcher, text, layer);
        }
    }

    pub(super) fn patterns(
        &mut self,
        packs: &Packs,
        matcher: &Matcher,
        patterns: &Patterns,
        text: &[u8],
        layer: Layer,
    ) -> bool {
        let mut holes = Vec::new();
        let Some(pattern) = patterns.first_match(text, &mut holes) else {
            return false;
        };
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
        true
    }

    /// Plans free text: a JSON text of its own, or entities by shape, by the author's expressions and by `name=value`.
    pub(super) fn scan(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        if looks_like_json(text) {
            let Some(inner) = layer.inner() else { return self.whole(matcher.whole, text) };
            if self.json(packs, matcher, text, inner).is_ok() {
                return;
            }
        }
        self.enclosed_json(packs, matcher, text, layer);
        let start = self.findings.len();
        self.shapes(matcher, text);
        let mut kept: Vec<Range<usize>> = Vec::new();
        for (regex, action) in packs.expressions_in(matcher, text) {
            for captures in regex.captures_iter(text) {
                // A group that took no part finds nothing: expressions hold back words that way.
                let entity = captures.get(usize::from(captures.len() > 1)).filter(|entity| !entity.is_empty());
                match (entity, action.replacement) {
                    (Some(entity), Some(replacement)) => {
                        self.push(action, replacement, text, entity.range(), Quoting::Text, Source::Rule);
                    }
                    (Some(entity), None) => kept.push(entity.range()),
                    (None, _) => {}
                }
            }
        }
        self.keep(start, kept);
        self.pairs(packs, matcher, text, layer);
    }

    /// Takes back the findings from `start` on that lie inside what an expression keeps.
    fn keep(&mut self, start: usize, mut kept: Vec<Range<usize>>) {
        if kept.is_empty() {
            return;
        }
        kept.sort_unstable_by_key(|span| span.start);
        // The end that reaches furthest, of all that start no later.
        let mut furthest = 0;
        for span in &mut kept {
            furthest = furthest.max(span.end);
            span.end = furthest;
        }
        let mut end = start;
        for index in start..self.findings.len() {
            let span = &self.findings[index].span;
            let before = kept.partition_point(|kept| kept.start <= span.start as usize);
            let is_inside = before.checked_sub(1).is_some_and(|last| span.end as usize <= kept[last].end);
            if !is_inside {
                self.findings.swap(end, index);
                end += 1;
            }
        }
        self.findings.truncate(end);
    }

    /// Plans the JSON text that a message carries behind or between its words.
    pub(super) fn enclosed_json(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        let (Some(span), Some(inner)) = (enclosed_json(text), layer.inner()) else { return };
        let start = self.findings.len();
        if self.json(packs, matcher, &text[span.clone()], inner).is_ok() {
            self.shift(start, span.start);
        }
    }

    /// Plans the entities that their shape gives away, as the text stands and with one more layer of escapes undone.
    pub(super) fn shapes(&mut self, matcher: &Matcher, text: &[u8]) {
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

    pub(super) fn shapes_as_written(&mut self, matcher: &Matcher, text: &[u8]) {
        let mut found = Vec::new();
        detect::shapes(text, &mut found);
        for Found { span, shape } in found {
            let action = matcher.shape(shape);
            // `root@web1` names nobody.
            let ambiguous = shape == Shape::Login && matcher.is_ambiguous(&text[span.clone()].to_ascii_lowercase());
            if let Some(replacement) = action.replacement.filter(|_| !ambiguous) {
                self.push(action, replacement, text, span, Quoting::Text, Source::Shape);
            }
        }
    }

    pub(super) fn pairs(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer) {
        let mut pairs = Vec::new();
        detect::pairs(text, &mut pairs);
        self.each_pair(packs, matcher, text, layer, &pairs);
        pairs.clear();
        detect::elements(text, &mut pairs);
        self.each_pair(packs, matcher, text, layer, &pairs);
    }

    /// Plans the values of pairs, which are in order.
    fn each_pair(&mut self, packs: &Packs, matcher: &Matcher, text: &[u8], layer: Layer, pairs: &[Pair]) {
        let (mut done, mut reduced) = (0, String::new());
        for Pair { name, value, link } in pairs.iter().cloned() {
            // `user=user=…` is one value, not one for each of its tails: what was planned is not planned again.
            if value.end <= done {
                continue;
            }
            let action = action_of(matcher, text, name, link, &mut reduced);
            let (Some(action), Some(layer)) = (action, layer.inner()) else { continue };
            if !prose::is_entity(action.class, link, &text[value.clone()]) {
                continue;
            }
            let value = match action.class {
                Class::Token => with_credential(text, value),
                Class::Person => prose::with_names(text, value),
                _ => value,
            };
            let start = self.findings.len();
            self.apply(packs, matcher, action, &text[value.clone()], layer);
            self.shift(start, value.start);
            if self.findings.len() > start || action.parse == Parse::Auto {
                done = value.end;
            }
        }
    }
}

/// The rule for the name of a pair: of several words where rules know them together, as `Account Name`, or of one.
///
/// Words that something else than a colon follows belong together only where each begins with a capital.
fn action_of(matcher: &Matcher, text: &[u8], name: Range<usize>, link: Link, reduced: &mut String) -> Option<Action> {
    let named = |from: usize| String::from_utf8_lossy(&text[from..name.end]);
    let is_capital = |at: &usize| text.get(*at).is_some_and(|byte| !byte.is_ascii_lowercase());
    let (mut phrase, mut longest) = (None, name.start);
    for start in detect::phrase_starts(text, name.start) {
        if link == Link::Prose || (is_capital(&start) && is_capital(&name.start)) {
            phrase = matcher.names.phrase(&named(start), reduced).or(phrase);
            longest = start;
        }
    }
    phrase.or_else(|| matcher.names.of(&named(name.start), reduced)).or_else(|| matcher.names.end(&named(longest)))
}

/// From the first `{"` to the last `}`, where the text is more than that.
fn enclosed_json(text: &[u8]) -> Option<Range<usize>> {
    let span = memchr::memmem::find(text, b"{\"")?..memchr::memrchr(b'}', text)? + 1;
    (!span.is_empty() && span.len() < text.trim_ascii().len()).then_some(span)
}
