//! The last look: no value that was replaced may still stand anywhere in the record's output.
//!
//! Values that would be found everywhere are left out, and only these: shorter than [`VALUE_BYTES_MIN`], numbers shorter
//! than [`NUMBER_BYTES_MIN`], and the words that the pack calls ambiguous.

use super::LAYERS_MAX;
use super::matcher::Matcher;
use crate::decode::escape;
use crate::transform::{CleanEvent, Finding};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem;
use std::ops::Range;

/// A value of one or two bytes stands in every log line by chance.
const VALUE_BYTES_MIN: usize = 3;
/// Shorter numbers are counts, ports, years and status codes as often as identifiers.
const NUMBER_BYTES_MIN: usize = 5;
/// Up to so many values are searched one by one; more by one automaton, which takes longer to build.
const SEARCHES_MAX: usize = 16;
/// Stands in the searched text where a replacement stood, so that tokens are not searched. No text holds it by itself
/// in a way that matters: it is no word character.
const MASK: u8 = 0x01;

/// The replaced values of a record, in lower case, ready to be searched for.
pub(super) struct Needles {
    values: Vec<(Vec<u8>, Finding)>,
    automaton: Option<AhoCorasick>,
}

impl Needles {
    /// Collects the distinct values of `findings` that are worth a search.
    pub(super) fn new(matcher: &Matcher, findings: &[Finding], arena: &[u8]) -> Self {
        let mut values: Vec<(Vec<u8>, Finding)> = findings
            .iter()
            .filter_map(|finding| {
                let value = &arena[finding.value.start as usize..finding.value.end as usize];
                let value = value.trim_ascii().to_ascii_lowercase();
                (is_telling(&value) && !matcher.is_ambiguous(&value)).then(|| (value, finding.clone()))
            })
            .collect();
        let rank = |f: &Finding| (f.source, f.class, f.replacement, f.rule);
        values.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
        values.dedup_by(|later, first| later.0 == first.0);
        let automaton = if values.len() > SEARCHES_MAX {
            // Building fails only beyond 2^31 states; the limit on findings keeps far below.
            // It is used once, so it is the kind that is built fastest.
            let built = AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::NoncontiguousNFA))
                .build(values.iter().map(|(value, _)| value));
            built.ok()
        } else {
            None
        };
        Self { values, automaton }
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The finding whose value is just this, in any case.
    pub(super) fn exactly(&self, value: &[u8]) -> Option<&Finding> {
        let value = value.to_ascii_lowercase();
        let index = self.values.binary_search_by(|(needle, _)| needle.as_slice().cmp(&value)).ok()?;
        Some(&self.values[index].1)
    }

    /// Where values stand in `text` as whole words, in any case.
    pub(super) fn hits(&self, text: &[u8]) -> Vec<(Range<usize>, &Finding)> {
        let mut hits = Vec::new();
        self.search(&text.to_ascii_lowercase(), |span, finding| {
            hits.push((span, finding));
            true
        });
        hits
    }

    /// Calls `hit` for each value that stands in `text`, which is lower case, until it returns `false`.
    fn search<'n>(&'n self, text: &[u8], mut hit: impl FnMut(Range<usize>, &'n Finding) -> bool) {
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_overlapping_iter(text) {
                let (_, finding) = &self.values[found.pattern().as_usize()];
                if is_whole_word(text, found.range()) && !hit(found.range(), finding) {
                    return;
                }
            }
            return;
        }
        for (value, finding) in &self.values {
            for start in memmem::find_iter(text, value) {
                let span = start..start + value.len();
                if is_whole_word(text, span.clone()) && !hit(span, finding) {
                    return;
                }
            }
        }
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
            buffers.flat.make_ascii_lowercase();
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
    text.make_ascii_lowercase();
}

fn is_telling(value: &[u8]) -> bool {
    let number = value.iter().all(u8::is_ascii_digit);
    value.len() >= if number { NUMBER_BYTES_MIN } else { VALUE_BYTES_MIN }
}

/// Whether no letter or digit continues the span on either side.
fn is_whole_word(text: &[u8], span: Range<usize>) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let before = span.start.checked_sub(1).and_then(|at| text.get(at));
    let starts_inside = is_word(before) && is_word(text.get(span.start)) && !ends_escape(&text[..span.start]);
    let ends_inside = is_word(text.get(span.end - 1)) && is_word(text.get(span.end));
    !starts_inside && !ends_inside
}

/// Whether the text ends with an escape, whose last character is no letter of a word: `\n`, `\t`, `%20`.
fn ends_escape(text: &[u8]) -> bool {
    matches!(text, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'])
        || matches!(text, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}
