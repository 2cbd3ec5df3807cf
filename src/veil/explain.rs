//! Explains a record: which rule found which value and why others did not. Shapes and lengths only, never values.

use super::matcher::Matcher;
use super::patterns::Pattern;
use super::{Batch, JSON_DEPTH_MAX, Part, Reason, Veil, parts_of};
use crate::canon;
use crate::decode::json::{Token, Tokens};
use crate::detect;
use crate::record::Record;
use crate::rules::cases::Place;
use crate::rules::{Class, FieldName, Format, Part as PatternPart, Transform};
use crate::transform::{Finding, Replacement, Source};
use std::collections::BTreeSet;
use std::ops::Range;

/// How many near misses are worth a reader's time.
const NEAR_MISSES_MAX: usize = 12;

/// What happened to a record, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The pack whose rules held.
    pub pack: String,
    /// Why it would be quarantined, if it would.
    pub reason: Option<Reason>,
    /// Every value that is replaced, in order.
    pub explained: Vec<Explained>,
    /// What nearly matched.
    pub near_misses: Vec<NearMiss>,
}

/// One value that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// `pack/rule`.
    pub rule: String,
    /// The part of the record.
    pub part: Place,
    /// Field path, hole or header; `key` for the record key; empty for free text.
    pub place: String,
    /// Bytes of that part of the record.
    pub span: Range<usize>,
    /// Its class.
    pub class: Class,
    /// What replaces it.
    pub transform: Transform,
    /// Whether a rule named it or its shape gave it away.
    pub source: Source,
    /// What it looks like: `ipv4`, `uuid`, `17 bytes`.
    pub shape: String,
}

/// Something that nearly matched, and what was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule or pattern.
    pub rule: String,
    /// Why it did not match.
    pub why: String,
}

impl Veil {
    /// Explains what would happen to `record`. Needs no keys; for people, not for streams.
    pub fn explain(&self, record: &Record<'_>) -> Explanation {
        let matcher = self.matcher_of(record);
        let mut batch = Batch::default();
        let mut explained = Vec::new();
        let mut reason = None;
        if record.payload.is_some_and(|payload| !super::is_text(payload)) {
            reason = Some(Reason::NotUtf8);
        } else if record.size() > self.record_bytes_max {
            reason = Some(Reason::TooLarge);
        } else {
            batch.plan.start_record();
            let met = self.packs.met_by(record.payload);
            for (part, text) in parts_of(record) {
                match batch.plan_part(self, met, None, record, part) {
                    Ok(findings) => {
                        let findings = &batch.plan.findings[findings];
                        let place = |finding: &Finding| self.place(matcher, record, part, text, finding);
                        explained.extend(findings.iter().map(|finding| {
                            let span = finding.span.start as usize..finding.span.end as usize;
                            let value = &batch.plan.values[finding.value.start as usize..finding.value.end as usize];
                            Explained {
                                rule: self.rule_names()[usize::from(finding.rule.0)].clone(),
                                part: place_of(part, record),
                                place: place(finding),
                                span,
                                class: finding.class,
                                transform: transform_of(finding.replacement),
                                source: finding.source,
                                shape: shape_of(value),
                            }
                        }));
                    }
                    Err(error) => reason = Some(error),
                }
            }
        }
        let near_misses = self.near_misses(matcher, record, &explained);
        Explanation { pack: matcher.name.clone(), reason, explained, near_misses }
    }

    /// The pack of a record; for lines under `auto`, the one whose shape the line has.
    fn matcher_of(&self, record: &Record<'_>) -> &Matcher {
        let payload = record.payload.unwrap_or_default();
        let by_shape = || self.packs.line(payload, &mut Vec::new()).map(|(pack, _)| pack);
        match self.packs.chosen(payload) {
            Some(matcher) => matcher,
            None => by_shape().unwrap_or(self.packs.at(self.packs.met_by(record.payload).metadata)),
        }
    }

    fn place(&self, matcher: &Matcher, record: &Record<'_>, part: Part, text: &[u8], finding: &Finding) -> String {
        let at = finding.span.start as usize;
        match part {
            Part::Key => "key".to_owned(),
            Part::Header(index) => format!("header {}", record.headers[index].name),
            Part::Payload if matcher.format == Format::Json => {
                let mut place = String::new();
                each_field(text, |path, span| {
                    if span.contains(&at) {
                        place = path.join(".");
                    }
                });
                place
            }
            Part::Payload => hole_at(matcher, text, at).unwrap_or_default(),
        }
    }

    fn near_misses(&self, matcher: &Matcher, record: &Record<'_>, explained: &[Explained]) -> Vec<NearMiss> {
        let text = record.payload.unwrap_or_default();
        let mut near = match matcher.format {
            Format::Json => self.near_fields(matcher, text, explained),
            Format::Line => Vec::new(),
        };
        if !super::packs::starts_json(text) {
            near.extend(self.near_patterns(text));
        }
        near.truncate(NEAR_MISSES_MAX);
        near
    }

    /// Rules whose field stands in the record under another path or spelling, or without a value.
    fn near_fields(&self, matcher: &Matcher, text: &[u8], explained: &[Explained]) -> Vec<NearMiss> {
        let mut fields: Vec<(String, FieldName, bool)> = Vec::new();
        each_field(text, |path, span| {
            let last = path.last().cloned().unwrap_or_default();
            if last == NAME_ITSELF {
                return;
            }
            let empty = matches!(text[span].trim_ascii(), b"" | b"-");
            let path = path.join(".");
            // What a rule took needs no advice.
            if !explained.iter().any(|explained| explained.place == path) {
                fields.push((path, FieldName::new(&last), empty));
            }
        });
        let mut near: Vec<NearMiss> = Vec::new();
        let mut told = BTreeSet::new();
        for (selector, rule) in &matcher.selectors {
            let rule = &self.rule_names()[usize::from(rule.0)];
            let Some(last) = selector.rsplit('.').next().map(FieldName::new) else { continue };
            if explained.iter().any(|explained| explained.rule == *rule) {
                continue;
            }
            for (path, _, empty) in fields.iter().filter(|(_, name, _)| *name == last) {
                // One selector of a rule says as much as all of them.
                if !told.insert((rule, path)) {
                    continue;
                }
                let why = if *empty {
                    format!("field `{path}` is there without a value")
                } else {
                    format!("selects `{selector}`, the record has `{path}`, which no rule took")
                };
                near.push(NearMiss { rule: rule.clone(), why });
            }
        }
        near
    }

    /// Line patterns that fit for a while.
    fn near_patterns(&self, text: &[u8]) -> Vec<NearMiss> {
        let mut near = Vec::new();
        for pack in self.packs.line_packs() {
            for Pattern { pattern, shape, .. } in pack.lines.iter() {
                let Some(misfit) = shape.first_misfit(text).filter(|misfit| *misfit > 1) else { continue };
                let missing = match pattern.parts.get(misfit) {
                    Some(PatternPart::Literal(literal)) => format!("the text `{literal}` is missing"),
                    Some(PatternPart::Hole { name, .. }) => format!("nothing fits the hole `<{name}>`"),
                    None => "the line goes on after it".to_owned(),
                };
                near.push((misfit, NearMiss { rule: format!("{}/{}", pack.name, pattern.id), why: missing }));
            }
        }
        near.sort_by_key(|(misfit, _)| std::cmp::Reverse(*misfit));
        near.into_iter().map(|(_, near)| near).collect()
    }
}

/// The name of the hole that covers a byte of the line.
fn hole_at(matcher: &Matcher, text: &[u8], at: usize) -> Option<String> {
    let mut holes = Vec::new();
    let pattern = matcher.lines.first_match(text, &mut holes)?;
    let hole = holes.into_iter().find(|hole| hole.span.contains(&at))?;
    match &pattern.pattern.parts[hole.part] {
        PatternPart::Hole { name, .. } => Some(name.clone()),
        PatternPart::Literal(_) => None,
    }
}

/// What stands on a path for the name of a member itself.
const NAME_ITSELF: &str = "*";

/// Calls `each` with the path and span of every value of a JSON text, and of every name, which can be an entity, too.
fn each_field(text: &[u8], mut each: impl FnMut(&[String], Range<usize>)) {
    let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
    // The open brackets, each with whether it is an object, which has one more name on the path.
    let mut open: Vec<bool> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    while let Ok(Some(token)) = tokens.next_token() {
        match token {
            Token::ObjectStart | Token::ArrayStart => {
                let object = token == Token::ObjectStart;
                open.push(object);
                if object {
                    path.push(String::new());
                }
            }
            Token::ObjectEnd | Token::ArrayEnd => {
                if open.pop() == Some(true) {
                    path.pop();
                }
            }
            Token::Name(name) => {
                if let Some(last) = path.last_mut() {
                    NAME_ITSELF.clone_into(last);
                }
                each(&path, name.inner.clone());
                if let Some(last) = path.last_mut() {
                    *last = String::from_utf8_lossy(&text[name.inner]).into_owned();
                }
            }
            Token::Text(quoted) => each(&path, quoted.inner),
            Token::Number(span) | Token::Bool(span) => each(&path, span),
            Token::Null => {}
        }
    }
}

/// The part of the record as cases name it.
fn place_of(part: Part, record: &Record<'_>) -> Place {
    match part {
        Part::Key => Place::Key,
        Part::Payload => Place::Payload,
        Part::Header(index) => Place::Header(record.headers[index].name.to_owned()),
    }
}

/// The transform as packs name it.
fn transform_of(replacement: Replacement) -> Transform {
    match replacement {
        Replacement::Pseudonym { network } => Transform::Pseudonymize { network },
        Replacement::Recoded(_) => Transform::Pseudonymize { network: false },
        Replacement::Prefix => Transform::Prefix,
        Replacement::Truncation => Transform::Truncate,
        Replacement::Generalization => Transform::Generalize,
        Replacement::Rounding => Transform::Round,
        Replacement::Marker => Transform::Drop,
    }
}

/// What a value looks like, without the value: `ipv4`, `uuid`, `17 bytes`.
pub fn shape_of(value: &[u8]) -> String {
    if let Some(address) = canon::address(value) {
        return if address.is_ipv4() { "ipv4".to_owned() } else { "ipv6".to_owned() };
    }
    let mut found = Vec::new();
    detect::shapes(value, &mut found);
    match found.as_slice() {
        [only] if only.span == (0..value.len()) => only.shape.code().to_owned(),
        _ => format!("{} bytes", value.len()),
    }
}
