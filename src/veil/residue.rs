//! The last look: no value that was replaced may still stand anywhere in the record's output.
//!
//! Values that would be found everywhere are left out, and only these: shorter than [`VALUE_BYTES_MIN`], numbers shorter
//! than [`NUMBER_BYTES_MIN`], words that the pack calls ambiguous or that every log has ([`COMMON`]), and hosts and texts
//! that are one word of letters.
//!
//! The others stay in these places, and only there: where a word names a field of the record and is known to; where a
//! user's number goes on behind a point or hyphen; in the times, numbers, host and program of a line's own shape; and in
//! times and numbers of fields that hold an amount by their name. Which places these are, `plan/own.rs` says; spreading
//! leaves out the same.

use super::LAYERS_MAX;
use super::matcher::Matcher;
use crate::canon;
use crate::decode::escape::Undo;
use crate::rules::Class;
use crate::transform::{CleanEvent, Finding};
use std::ops::Range;

/// A value of one or two bytes stands in every log line by chance.
const VALUE_BYTES_MIN: usize = 3;
/// Shorter numbers are counts, ports, years and status codes as often as identifiers.
const NUMBER_BYTES_MIN: usize = 5;
/// Stands in the searched text where a replacement stood, so that tokens are not searched. No text holds it by itself
/// in a way that matters: it is no word character.
const MASK: u8 = 0x01;

/// Words that every log has: levels, methods and outcomes, schemes, months and days. Months that are also somebody's first
/// name are none of them: January and those of spring.
const COMMON: [&str; 83] = [
    "accept",
    "accepted",
    "alert",
    "allow",
    "allowed",
    "apr",
    "aug",
    "blocked",
    "connect",
    "crit",
    "critical",
    "debug",
    "dec",
    "december",
    "delete",
    "denied",
    "deny",
    "dropped",
    "emerg",
    "emergency",
    "error",
    "fail",
    "failed",
    "failure",
    "false",
    "fatal",
    "feb",
    "february",
    "fri",
    "friday",
    "ftp",
    "get",
    "granted",
    "head",
    "http",
    "https",
    "info",
    "invalid",
    "january",
    "jul",
    "july",
    "mar",
    "march",
    "mon",
    "monday",
    "none",
    "notice",
    "nov",
    "november",
    "null",
    "oct",
    "october",
    "options",
    "patch",
    "post",
    "put",
    "reject",
    "rejected",
    "sat",
    "saturday",
    "sep",
    "sept",
    "september",
    "severe",
    "succeeded",
    "success",
    "successful",
    "sun",
    "sunday",
    "thu",
    "thur",
    "thurs",
    "thursday",
    "trace",
    "true",
    "tue",
    "tues",
    "tuesday",
    "verbose",
    "warn",
    "warning",
    "wed",
    "wednesday",
];

/// Whether a word, in lower case, is one that every log has.
fn is_common(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| COMMON.binary_search(&word).is_ok())
}

/// What stays of a part though a value stands there, beside the findings that it was spliced by.
#[derive(Clone, Copy)]
pub(super) struct OwnWords<'a> {
    /// Spans of the part's text, ascending and disjoint.
    pub(super) own: &'a [Range<u32>],
    /// What was replaced in it.
    pub(super) findings: &'a [Finding],
}

/// The replaced values of a record, in lower case, ready to be searched for.
pub(super) struct Needles {
    /// Ascending and distinct.
    values: Vec<(Range<usize>, Finding)>,
    /// The values' bytes.
    bytes: Vec<u8>,
    /// By value: the longest other value that it begins with.
    shorter: Vec<Option<usize>>,
    /// Whether a value begins in such a way, by [`beginning`].
    beginnings: [bool; BEGINNINGS],
}

/// Ways in which a value can begin that are told apart.
const BEGINNINGS: usize = 1024;

/// The way in which a text of at least [`VALUE_BYTES_MIN`] begins. Most words of a text begin as no value does.
fn beginning(text: &[u8]) -> Option<usize> {
    let [a, b, c] = *text.first_chunk::<VALUE_BYTES_MIN>()?;
    Some((usize::from(a) ^ (usize::from(b) << 3) ^ (usize::from(c) << 5)) % BEGINNINGS)
}

impl Needles {
    /// Collects the distinct values of `findings` that are worth a search.
    pub(super) fn new(matcher: &Matcher, findings: &[Finding], arena: &[u8]) -> Self {
        let (mut values, mut bytes) = (Vec::with_capacity(findings.len()), Vec::new());
        let mut add = |finding: &Finding, value: &[u8]| {
            let start = bytes.len();
            bytes.extend_from_slice(trim(value));
            make_lower_case(&mut bytes[start..]);
            let value = &bytes[start..];
            let stands_for_itself = is_telling(value) && may_spread(finding.class, value);
            if stands_for_itself && !matcher.is_ambiguous(value) && !is_common(value) {
                values.push((start..bytes.len(), finding.clone()));
            } else {
                bytes.truncate(start);
            }
        };
        for finding in findings {
            let value = &arena[finding.value.start as usize..finding.value.end as usize];
            add(finding, value);
            if let Some(usual) = canon::in_usual_letters(finding.class, value) {
                add(finding, &usual);
            }
        }
        let rank = |f: &Finding| (f.source, f.class, f.replacement, f.rule);
        let text = |value: &Range<usize>| &bytes[value.clone()];
        values.sort_by(|a, b| text(&a.0).cmp(text(&b.0)).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
        values.dedup_by(|later, first| text(&later.0) == text(&first.0));
        Self::of(values, bytes)
    }

    fn of(values: Vec<(Range<usize>, Finding)>, bytes: Vec<u8>) -> Self {
        let shorter = shorter(&values, &bytes);
        let mut beginnings = [false; BEGINNINGS];
        for (value, _) in &values {
            if let Some(beginning) = beginning(&bytes[value.clone()]) {
                beginnings[beginning] = true;
            }
        }
        Self { values, bytes, shorter, beginnings }
    }

    fn text(&self, index: usize) -> &[u8] {
        &self.bytes[self.values[index].0.clone()]
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

    /// Whether a text is a value as a whole, in any case.
    pub(super) fn is_whole(&self, text: &[u8]) -> bool {
        matches!(self.hits(text).as_slice(), [(span, _)] if *span == (0..text.len()))
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
    ///
    /// Goes through the beginnings of words; overlapping finds count as one, so that there are no more of them than bytes.
    fn search<'n>(&'n self, text: &[u8], mut hit: impl FnMut(Range<usize>, &'n Finding) -> bool) {
        let mut pending: Option<(Range<usize>, &Finding)> = None;
        let begins = |at: &usize| {
            beginning(&text[*at..]).is_some_and(|beginning| self.beginnings[beginning]) && starts_word(text, *at)
        };
        for at in (0..text.len()).filter(begins) {
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
        let last = self.values.partition_point(|(value, _)| &self.bytes[value.clone()] <= rest).checked_sub(1)?;
        let common = self.text(last).iter().zip(rest).take_while(|(a, b)| a == b).count();
        let candidates = std::iter::successors(Some(last), |index| self.shorter[*index]);
        candidates
            .map(|index| (self.values[index].0.len(), &self.values[index].1))
            .filter(|(len, _)| *len <= common && ends_word(text, at + len))
            .find(|(len, finding)| !(is_login(finding.class) && goes_on(text, at..at + len)))
    }

    /// Whether a value stands in the clean event, outside its replacements and the part's own words, under any number of
    /// escapes up to the limit.
    pub(super) fn stand_in(&self, event: CleanEvent<'_>, own: Option<OwnWords<'_>>, buffers: &mut Buffers) -> bool {
        if self.is_empty() {
            return false;
        }
        mask(event, own, &mut buffers.text);
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
            if !Undo::Any.flatten(&buffers.text, &mut buffers.flat) {
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

/// Writes the event in lower case with every replacement and own word masked.
fn mask(event: CleanEvent<'_>, own: Option<OwnWords<'_>>, text: &mut Vec<u8>) {
    text.clear();
    let mut copied = 0;
    for (index, replaced) in event.replaced().iter().enumerate() {
        copy_gap(&event.bytes()[copied..replaced.start as usize], index, own, text);
        text.push(MASK);
        copied = replaced.end as usize;
    }
    copy_gap(&event.bytes()[copied..], event.replaced().len(), own, text);
    make_lower_case(text);
}

/// Appends what stands before the finding at `index`, which is as it was, with the own words in it masked.
fn copy_gap(gap: &[u8], index: usize, own: Option<OwnWords<'_>>, text: &mut Vec<u8>) {
    let copied = text.len();
    text.extend_from_slice(gap);
    let Some(OwnWords { own, findings }) = own else { return };
    let start = index.checked_sub(1).and_then(|last| findings.get(last)).map_or(0, |last| last.span.end as usize);
    let first = own.partition_point(|own| own.end as usize <= start);
    for own in &own[first..] {
        let from = (own.start as usize).saturating_sub(start);
        let to = (own.end as usize - start).min(gap.len());
        if from >= to {
            break;
        }
        text[copied + from..copied + to].fill(MASK);
    }
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

/// Whether a value tells its class outside its field. A host called `sonarr` is also a program, and a text of one word is
/// any word; a digit, a hyphen or a dot makes a name of it.
fn may_spread(class: Class, value: &[u8]) -> bool {
    !matches!(class, Class::Host | Class::Text) || !is_one_word(value)
}

/// Whether a value is a single word of letters.
pub(super) fn is_one_word(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|value| value.chars().all(char::is_alphabetic))
}

/// Whether a span of `text` is the whole name of a JSON member: in quotes, which may be escaped, with a colon behind.
pub(super) fn is_member_name(text: &[u8], span: &Range<usize>) -> bool {
    let behind = text[span.end..].iter().position(|byte| *byte != b'\\').map(|at| &text[span.end + at..]);
    let behind = behind.and_then(|behind| behind.strip_prefix(b"\"")).map(<[u8]>::trim_ascii_start);
    text[..span.start].ends_with(b"\"") && behind.is_some_and(|behind| behind.starts_with(b":"))
}

/// Whether a span of `text` is the whole name of a pair: `user=alice`, behind a blank or comma.
pub(super) fn is_pair_name(text: &[u8], span: &Range<usize>) -> bool {
    let before = span.start.checked_sub(1).and_then(|before| text.get(before));
    text.get(span.end) == Some(&b'=') && before.is_none_or(|before| matches!(before, b' ' | b'\t' | b',' | b';'))
}

/// For each value, the longest other value that it begins with. `values` are ascending and distinct.
fn shorter(values: &[(Range<usize>, Finding)], bytes: &[u8]) -> Vec<Option<usize>> {
    // Each of these begins with the one before it.
    let mut open: Vec<usize> = Vec::new();
    let mut shorter = Vec::with_capacity(values.len());
    let text = |index: usize| &bytes[values[index].0.clone()];
    for index in 0..values.len() {
        while open.last().is_some_and(|last| !text(index).starts_with(text(*last))) {
            open.pop();
        }
        shorter.push(open.last().copied());
        open.push(index);
    }
    shorter
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

/// Whether values of a class are what somebody chose or was given to log in, and so any number.
fn is_login(class: Class) -> bool {
    matches!(class, Class::User | Class::UserId)
}

/// Whether the number at `span`, if it is one, goes on: `99123.5` and `99123-4` are others than `99123`.
fn goes_on(text: &[u8], span: Range<usize>) -> bool {
    let behind = matches!(&text[span.end..], [b'.' | b'-', digit, ..] if digit.is_ascii_digit());
    behind && text[span].iter().all(u8::is_ascii_digit)
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether the text ends with an escape, whose last character is no letter of a word: `\n`, `\t`, `%20`.
fn ends_escape(text: &[u8]) -> bool {
    matches!(text, [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'])
        || matches!(text, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}
