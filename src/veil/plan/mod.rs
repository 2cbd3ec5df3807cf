//! Plans a record: lists every value to be replaced as a span of the original bytes.

mod agree;
mod credential;
mod innocent;
mod json;
mod keyed;
mod named;
mod nobody;
mod own;
mod pairs;
mod path;
mod prose;
mod recode;
mod siblings;
mod spread;
mod survey;
mod text;
mod value;

pub(super) use recode::Encoded;

use super::expressions::Groups;
use super::matcher::{Action, Matcher};
use super::packs::starts_json;
use super::{FINDINGS_MAX, LAYERS_MAX, Packs, Reason, Rows, is_text};
use crate::decode::escape::{self, Undo};
use crate::decode::line::Hole;
use crate::detect::{Found, Pair};
use crate::kernels::quotes::Quotes;
use crate::rules::{Class, Format, Unknown};
use crate::transform::{Finding, Quoting, Replacement, Source, coordinates};
use innocent::Innocents;
use named::Named;
use nobody::stands_for_nobody;
use path::Places;
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
    /// What was found in texts that are encoded as a whole, layer after layer.
    pub(super) inner: Vec<Finding>,
    /// Those texts.
    pub(super) encoded: Vec<Encoded>,
    /// What names tell, as far as the batch has shown.
    places: Places,
    /// In what nothing was found.
    innocents: Innocents,
    /// What the names of pairs tell.
    named: Named,
    /// Where the present record's findings begin.
    record_start: usize,
    overflow: bool,
    /// Spare buffers for unescaped text.
    spare: Vec<Vec<u8>>,
    /// A spare buffer for what shapes find.
    spare_found: Vec<Found>,
    /// A spare buffer for the pairs of a text.
    spare_pairs: Vec<Pair>,
    /// Spare buffers for the holes of line patterns.
    spare_holes: Vec<Vec<Hole>>,
    /// Spare places of quotes, one for each JSON text that is open.
    spare_quotes: Vec<Quotes>,
    /// Places for the groups of expressions.
    groups: Groups,
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

/// By what a text is planned, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Scope<'p> {
    packs: &'p Packs,
    matcher: &'p Matcher,
    layer: Layer,
}

impl<'p> Scope<'p> {
    fn new(packs: &'p Packs, matcher: &'p Matcher) -> Self {
        Self { packs, matcher, layer: Layer::default() }
    }

    /// The same one layer down, unless that is too deep.
    fn inner(self) -> Option<Self> {
        self.layer.inner().map(|layer| Self { layer, ..self })
    }

    fn in_string(self) -> Self {
        Self { layer: self.layer.in_string(), ..self }
    }

    /// The same by another pack.
    fn of(self, matcher: &'p Matcher) -> Self {
        Self { matcher, ..self }
    }
}

impl Plan {
    /// Forgets the last batch.
    pub(super) fn clear(&mut self) {
        self.findings.clear();
        self.values.clear();
        self.inner.clear();
        self.encoded.clear();
        self.places.clear();
        self.innocents.clear();
        self.named.clear();
        // The next batch may be another veil's.
        self.groups.clear();
    }

    /// Starts a record.
    pub(super) fn start_record(&mut self) {
        self.record_start = self.findings.len() + self.inner.len();
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

    /// Plans a payload by its pack, or by the shape of its line.
    ///
    /// A line that fits the rows of its file is also planned as any other: a header says nothing of foreign lines, and a
    /// shape with as many words as there are columns nothing of a row.
    pub(super) fn payload(
        &mut self,
        packs: &Packs,
        pack: Option<&Matcher>,
        rows: Option<&Rows>,
        text: &[u8],
    ) -> Result<(), Reason> {
        if let (Some(rows), Some(matcher)) = (rows, packs.for_rows())
            && !starts_json(text)
        {
            self.row(Scope::new(packs, matcher), rows, text);
        }
        let Some(matcher) = pack else {
            self.any_line(Scope::new(packs, packs.fallback(Format::Line)), text);
            return Ok(());
        };
        let scope = Scope::new(packs, matcher);
        match matcher.format {
            Format::Json => self.json(scope, text).map_err(Reason::from),
            Format::Line if matcher.lines.is_empty() => {
                self.message(scope, text);
                Ok(())
            }
            Format::Line if self.line(scope, text) => Ok(()),
            Format::Line => Err(Reason::NotLine),
        }
    }

    /// Plans a record key. Keys may be binary; only scanning needs text.
    pub(super) fn key(&mut self, packs: &Packs, matcher: &Matcher, key: &[u8]) -> Result<(), Reason> {
        let scope = Scope::new(packs, matcher);
        match matcher.key {
            Some(action) => self.apply(scope, action, key),
            None if matcher.unknown_key == Unknown::Scan && !is_text(key) => {
                return Err(Reason::NotUtf8);
            }
            None => self.unknown(scope, matcher.unknown_key, key),
        }
        Ok(())
    }

    /// Plans a header value. What cannot be scanned because it is binary is replaced whole.
    pub(super) fn header(&mut self, packs: &Packs, matcher: &Matcher, name: &str, value: &[u8]) {
        let scope = Scope::new(packs, matcher);
        match matcher.header(name) {
            Some(action) => self.apply(scope, action, value),
            None if matcher.unknown == Unknown::Scan && !is_text(value) => {
                self.unknown(scope, Unknown::Pseudonymize, value);
            }
            None => self.unknown(scope, matcher.unknown, value),
        }
    }

    /// Plans a text with one layer of escapes undone, and moves what it finds back; `None` when there are no escapes.
    ///
    /// `undo` appends the text without them and tells whether there were any, as [`Undo::flatten`] does.
    fn unescaped<T>(&mut self, text: &[u8], undo: Undo, plan: impl FnOnce(&mut Self, &[u8]) -> T) -> Option<T> {
        let mut flat = self.spare.pop().unwrap_or_default();
        flat.clear();
        let planned = undo.flatten(text, &mut flat).then(|| {
            let start = self.findings.len();
            let planned = plan(self, &flat);
            self.resolve(start, &flat);
            undo.to_source_offsets(text, ends(&mut self.findings[start..]));
            let findings = &mut self.findings[start..];
            if findings.iter().any(Finding::is_recoded) && escape::has_percent(text) {
                findings.iter_mut().for_each(Finding::escape);
            }
            planned
        });
        self.spare.push(flat);
        planned
    }

    /// Adds a finding, unless its value stands for nobody.
    fn push(
        &mut self,
        action: Action,
        replacement: Replacement,
        text: &[u8],
        span: Range<usize>,
        quoting: Quoting,
        source: Source,
    ) {
        if self.is_full() {
            self.overflow = true;
            return;
        }
        let value = &text[span.clone()];
        if stands_for_nobody(action.class, value) {
            return;
        }
        let len = replaced_len(action.class, value);
        let value = self.keep_value(value);
        self.findings.push(Finding {
            span: span.start as u32..(span.start + len) as u32,
            value,
            rule: action.rule,
            class: action.class,
            replacement,
            quoting,
            source,
        });
    }

    /// How much was found so far.
    fn found(&self) -> [usize; 3] {
        [self.findings.len(), self.inner.len(), self.encoded.len()]
    }

    /// Whether the record has as many findings as it may.
    fn is_full(&self) -> bool {
        self.findings.len() + self.inner.len() >= self.record_start + FINDINGS_MAX
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
        let is_disjoint = |pair: &[Finding]| pair[0].span.end <= pair[1].span.start;
        if self.findings[start..].windows(2).all(is_disjoint) {
            return;
        }
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
}

/// Bytes of a value that go. What else is part of it stays: the length of a network's prefix, as in `net.…/24`, and the
/// zone of a reverse name, as in `ip.….in-addr.arpa`.
fn replaced_len(class: Class, value: &[u8]) -> usize {
    if !matches!(class, Class::Ip | Class::Network) {
        return value.len();
    }
    let length = if class == Class::Network { memchr::memchr(b'/', value) } else { None };
    let end = length.or_else(|| zone_start(value));
    end.filter(|len| *len > 0).unwrap_or(value.len())
}

/// Where the zone of a reverse name begins: its last two labels.
fn zone_start(value: &[u8]) -> Option<usize> {
    if !value.last().is_some_and(|last| matches!(last, b'a' | b'A')) {
        return None;
    }
    let zone = memchr::memrchr(b'.', value)?;
    value[zone..].eq_ignore_ascii_case(b".arpa").then(|| memchr::memrchr(b'.', &value[..zone]))?
}

/// Both ends of each finding's span, ascending when the findings are ascending and disjoint.
fn ends(findings: &mut [Finding]) -> impl Iterator<Item = &mut u32> {
    findings.iter_mut().flat_map(|finding| [&mut finding.span.start, &mut finding.span.end])
}

/// How the replacement of a number or literal is written: as a string, but for a rounded number, which is a number still.
fn quoted_literal(replacement: Replacement, literal: &[u8], layer: Layer) -> Quoting {
    let is_number = replacement == Replacement::Rounding && coordinates::round(literal).is_some();
    if is_number { Quoting::Text } else { Quoting::Literal { layers: layer.strings } }
}

fn looks_like_json(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}
