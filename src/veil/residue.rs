//! The last look: no value that was replaced may still stand anywhere in the record's output.
//!
//! Values that would be found everywhere are left out, and only these: shorter than [`VALUE_BYTES_MIN`], numbers shorter
//! than [`NUMBER_BYTES_MIN`], and the words that the pack calls ambiguous.

use super::LAYERS_MAX;
use super::matcher::Matcher;
use crate::decode::escape;
use crate::transform::{CleanEvent, Finding};
use memchr::memmem;
use std::ops::Range;

/// A value of one or two bytes stands in every log line by chance.
const VALUE_BYTES_MIN: usize = 3;
/// Shorter numbers are counts, ports, years and status codes as often as identifiers.
const NUMBER_BYTES_MIN: usize = 5;
/// Up to so many values are searched one by one; more are looked up together at every beginning of a word.
const SEARCHES_MAX: usize = 16;
/// How often in a row a value may overlap itself inside words (`a-a` in `xa-a-a`) before it counts as found: too much is
/// replaced then, never too little, and the search stays linear.
const OVERLAPS_MAX: usize = 32;
/// Stands in the searched text where a replacement stood, so that tokens are not searched. No text holds it by itself
/// in a way that matters: it is no word character.
const MASK: u8 = 0x01;

/// The replaced values of a record, in lower case, ready to be searched for.
pub(super) struct Needles {
    /// Ascending and distinct.
    values: Vec<(Vec<u8>, Finding)>,
    /// By value: the longest other value that it begins with. Empty while values are searched one by one.
    shorter: Vec<Option<usize>>,
}

impl Needles {
    /// Collects the distinct values of `findings` that are worth a search.
    pub(super) fn new(matcher: &Matcher, findings: &[Finding], arena: &[u8]) -> Self {
        let mut values: Vec<(Vec<u8>, Finding)> = findings
            .iter()
            .filter_map(|finding| {
                let value = &arena[finding.value.start as usize..finding.value.end as usize];
                let value = lower_case(trim(value));
                (is_telling(&value) && !matcher.is_ambiguous(&value)).then(|| (value, finding.clone()))
            })
            .collect();
        let rank = |f: &Finding| (f.source, f.class, f.replacement, f.rule);
        values.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
        values.dedup_by(|later, first| later.0 == first.0);
        let shorter = if values.len() > SEARCHES_MAX { shorter(&values) } else { Vec::new() };
        Self { values, shorter }
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A finding whose value stands in `text` as a whole word, in any case.
    pub(super) fn first_in(&self, text: &[u8]) -> Option<&Finding> {
        let mut first = None;
        self.search(&lower_case(text), |_, finding| {
            first = Some(finding);
            false
        });
        first
    }

    /// Where values stand in `text` as whole words, in any case.
    pub(super) fn hits(&self, text: &[u8]) -> Vec<(Range<usize>, &Finding)> {
        let mut hits = Vec::new();
        self.search(&lower_case(text), |span, finding| {
            hits.push((span, finding));
            true
        });
        hits
    }

    /// Calls `hit` for each value that stands in `text`, which is lower case, until it returns `false`.
    fn search<'n>(&'n self, text: &[u8], mut hit: impl FnMut(Range<usize>, &'n Finding) -> bool) {
        if self.shorter.is_empty() {
            self.search_one_by_one(text, &mut hit);
        } else {
            self.search_together(text, &mut hit);
        }
    }

    fn search_one_by_one<'n>(&'n self, text: &[u8], hit: &mut impl FnMut(Range<usize>, &'n Finding) -> bool) {
        for (value, finding) in &self.values {
            let finder = memmem::Finder::new(value);
            let (mut from, mut last_end, mut overlaps) = (0, 0, 0);
            while let Some(at) = finder.find(&text[from..]) {
                let span = from + at..from + at + value.len();
                overlaps = if span.start < last_end { overlaps + 1 } else { 0 };
                last_end = span.end;
                let counts = is_whole_word(text, span.clone()) || overlaps > OVERLAPS_MAX;
                from = if counts { span.end } else { span.start + 1 };
                if counts && !hit(span, finding) {
                    return;
                }
            }
        }
    }

    /// Goes through the beginnings of words; overlapping finds count as one, so that there are no more of them than bytes.
    fn search_together<'n>(&'n self, text: &[u8], hit: &mut impl FnMut(Range<usize>, &'n Finding) -> bool) {
        let mut pending: Option<(Range<usize>, &Finding)> = None;
        for at in (0..text.len()).filter(|at| starts_word(text, *at)) {
            let Some((len, finding)) = self.longest_at(text, at) else { continue };
            match &mut pending {
                Some((span, _)) if at < span.end => span.end = span.end.max(at + len),
                _ => {
                    let ended = pending.replace((at..at + len, finding));
                    if ended.is_some_and(|(span, finding)| !hit(span, finding)) {
                        return;
                    }
                }
            }
        }
        if let Some((span, finding)) = pending {
            hit(span, finding);
        }
    }

    /// The longest value that stands at `at` and ends a word, as its length and finding.
    fn longest_at(&self, text: &[u8], at: usize) -> Option<(usize, &Finding)> {
        let rest = &text[at..];
        // Every value that `rest` begins with is a beginning of the last value that does not come after `rest`.
        let last = self.values.partition_point(|(value, _)| value.as_slice() <= rest).checked_sub(1)?;
        let last_value = self.values[last].0.as_slice();
        let common = match rest.starts_with(last_value) {
            true => last_value.len(),
            false => last_value.iter().zip(rest).take_while(|(a, b)| a == b).count(),
        };
        let candidates = std::iter::successors(Some(last), |index| self.shorter[*index]);
        candidates
            .map(|index| (self.values[index].0.len(), &self.values[index].1))
            .find(|(len, _)| *len <= common && ends_word(text, at + len))
    }

    /// Whether a value stands in the clean event, outside its replacements, under any number of escapes up to the limit.
    pub(super) fn stand_in(&self, event: CleanEvent<'_>, buffers: &mut Buffers) -> bool {
        if self.is_empty() {
            return false;
        }
        mask(event, &mut buffers.text);
        for _ in 0..=LAYERS_MAX {
            let mut stands = false;
            self.search(&buffers.text, |_, _| {
                stands = true;
                false
            });
            if stands {
                return true;
            }
            buffers.flat.clear();
            if !escape::flatten(&buffers.text, &mut buffers.flat) {
                return false;
            }
            make_lower_case(&mut buffers.flat);
            std::mem::swap(&mut buffers.text, &mut buffers.flat);
        }
        false
    }
}

/// Buffers of the search, reused.
#[derive(Default)]
pub(super) struct Buffers {
    text: Vec<u8>,
    flat: Vec<u8>,
}

/// Writes the event in lower case with every replacement masked.
fn mask(event: CleanEvent<'_>, text: &mut Vec<u8>) {
    text.clear();
    let mut copied = 0;
    for replaced in event.replaced() {
        text.extend_from_slice(&event.bytes()[copied..replaced.start as usize]);
        text.push(MASK);
        copied = replaced.end as usize;
    }
    text.extend_from_slice(&event.bytes()[copied..]);
    make_lower_case(text);
}

/// The value without white space and quotes around it: elsewhere it stands without them.
fn trim(value: &[u8]) -> &[u8] {
    match std::str::from_utf8(value) {
        Ok(text) => text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).as_bytes(),
        Err(_) => value.trim_ascii(),
    }
}

fn lower_case(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    make_lower_case(&mut text);
    text
}

/// Lowers the case of every letter whose small form has as many bytes, so that offsets stay: all but a few, such as `İ`.
fn make_lower_case(text: &mut [u8]) {
    text.make_ascii_lowercase();
    let mut at = 0;
    while let Some(foreign) = text[at..].iter().position(|byte| !byte.is_ascii()) {
        at += foreign;
        let Some(character) = character_at(&text[at..]) else {
            at += 1;
            continue;
        };
        let len = character.len_utf8();
        let mut small = character.to_lowercase();
        if let (Some(small), None) = (small.next(), small.next())
            && small.len_utf8() == len
        {
            small.encode_utf8(&mut text[at..at + len]);
        }
        at += len;
    }
}

/// The character that `text` begins with, if it is UTF-8.
fn character_at(text: &[u8]) -> Option<char> {
    let chunk = text.get(..4).unwrap_or(text).utf8_chunks().next()?;
    chunk.valid().chars().next()
}

fn is_telling(value: &[u8]) -> bool {
    let number = value.iter().all(u8::is_ascii_digit);
    value.len() >= if number { NUMBER_BYTES_MIN } else { VALUE_BYTES_MIN }
}

/// For each value, the longest other value that it begins with. `values` are ascending and distinct.
fn shorter(values: &[(Vec<u8>, Finding)]) -> Vec<Option<usize>> {
    // Each of these begins with the one before it.
    let mut open: Vec<usize> = Vec::new();
    let mut shorter = Vec::with_capacity(values.len());
    for (index, (value, _)) in values.iter().enumerate() {
        while open.last().is_some_and(|last| !value.starts_with(&values[*last].0)) {
            open.pop();
        }
        shorter.push(open.last().copied());
        open.push(index);
    }
    shorter
}

/// Whether no letter or digit continues the span on either side.
fn is_whole_word(text: &[u8], span: Range<usize>) -> bool {
    starts_word(text, span.start) && ends_word(text, span.end)
}

/// Whether the word at `at`, if there is one, begins there.
fn starts_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !(is_word(before) && is_word(text.get(at))) || ends_escape(&text[..at])
}

/// Whether the word before `end`, if there is one, ends there.
fn ends_word(text: &[u8], end: usize) -> bool {
    let last = end.checked_sub(1).and_then(|last| text.get(last));
    !(is_word(last) && is_word(text.get(end)))
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether the text ends with an escape, whose last character is no letter of a word: `\n`, `\t`, `%20`.
fn ends_escape(text: &[u8]) -> bool {
    matches!(text, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'])
        || matches!(text, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}
