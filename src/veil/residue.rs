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
use crate::kernels::Level;
use crate::kernels::beginnings::Beginnings;
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

/// Bytes of the longest of them.
const COMMON_BYTES_MAX: usize = {
    let (mut longest, mut at) = (0, 0);
    while at < COMMON.len() {
        longest = if COMMON[at].len() > longest { COMMON[at].len() } else { longest };
        at += 1;
    }
    longest
};

/// Whether a word, in lower case, is one that every log has.
fn is_common(word: &[u8]) -> bool {
    word.len() <= COMMON_BYTES_MAX && std::str::from_utf8(word).is_ok_and(|word| COMMON.binary_search(&word).is_ok())
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
#[derive(Default)]
pub(super) struct Needles {
    /// Ascending and distinct.
    values: Vec<(Range<usize>, Finding)>,
    /// The values' bytes.
    bytes: Vec<u8>,
    /// By value: the longest other value that it begins with.
    shorter: Vec<Option<usize>>,
    beginnings: Beginnings,
    longest: usize,
}

impl Needles {
    /// Collects the distinct values of `findings` that are worth a search; those of another record are forgotten.
    pub(super) fn collect(&mut self, matcher: &Matcher, findings: &[Finding], arena: &[u8]) {
        self.values.clear();
        self.bytes.clear();
        for finding in findings {
            let value = &arena[finding.value.start as usize..finding.value.end as usize];
            self.add(matcher, finding, value);
            if let Some(usual) = canon::in_usual_letters(finding.class, value) {
                self.add(matcher, finding, &usual);
            }
        }
        let (values, bytes) = (&mut self.values, &self.bytes);
        let rank = |f: &Finding| (f.source, f.class, f.replacement, f.rule);
        let text = |value: &Range<usize>| &bytes[value.clone()];
        values.sort_by(|a, b| text(&a.0).cmp(text(&b.0)).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
        values.dedup_by(|later, first| text(&later.0) == text(&first.0));
        self.index();
    }

    /// Adds a value, if it is worth a search.
    fn add(&mut self, matcher: &Matcher, finding: &Finding, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(trim(value));
        make_lower_case(&mut self.bytes[start..]);
        let value = &self.bytes[start..];
        let stands_for_itself = is_telling(value) && may_spread(finding.class, value);
        if stands_for_itself && !matcher.is_ambiguous(value) && !is_common(value) {
            self.values.push((start..self.bytes.len(), finding.clone()));
        } else {
            self.bytes.truncate(start);
        }
    }

    /// Prepares the search for the values, which are ascending and distinct.
    fn index(&mut self) {
        shorter(&self.values, &self.bytes, &mut self.shorter);
        self.longest = self.values.iter().map(|(value, _)| value.len()).max().unwrap_or_default();
        self.beginnings.clear();
        for (number, (value, _)) in self.values.iter().enumerate() {
            if let Some(beginning) = self.bytes[value.clone()].first_chunk() {
                self.beginnings.add(number, *beginning);
            }
        }
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

    /// Where values may stand in `text` as it is written.
    pub(super) fn candidates(&self, text: &[u8]) -> Candidates {
        let mut places = Vec::new();
        if self.bytes.is_ascii() {
            self.beginnings.find(Level::best(), text, &mut places);
        } else {
            // In letters that are not ASCII, capitals may begin with other bytes.
            places.extend(0..text.len() as u32);
        }
        Candidates { places, passed: 0 }
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
        let mut places = Vec::new();
        self.beginnings.find(Level::best(), text, &mut places);
        for at in places.into_iter().map(|at| at as usize).filter(|at| starts_word(text, *at)) {
            let Some((len, finding)) = self.longest_at(text, at, &text[at..]) else { continue };
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

    /// The longest value that stands at `at` and ends a word, as its length and finding. `rest` is the text from there on in
    /// lower case, as far as the longest value reaches.
    fn longest_at(&self, text: &[u8], at: usize, rest: &[u8]) -> Option<(usize, &Finding)> {
        // Every value that `rest` begins with is a beginning of the last value that does not come after `rest`.
        let last = self.values.partition_point(|(value, _)| &self.bytes[value.clone()] <= rest).checked_sub(1)?;
        let common = self.text(last).iter().zip(rest).take_while(|(a, b)| a == b).count();
        let candidates = std::iter::successors(Some(last), |index| self.shorter[*index]);
        candidates
            .map(|index| (self.values[index].0.len(), &self.values[index].1))
            .filter(|(len, _)| *len <= common && ends_word(text, at + len))
            .find(|(len, finding)| !(is_login(finding.class) && goes_on(text, at..at + len)))
    }

    /// Whether a value stands in `text`, which is in any case. The values are ASCII, so no other letter's small form is part
    /// of one.
    fn stand_in_any_case(&self, text: &[u8], buffers: &mut Buffers) -> bool {
        buffers.places.clear();
        self.beginnings.find(Level::best(), text, &mut buffers.places);
        let places = buffers.places.iter().map(|at| *at as usize);
        places.filter(|at| starts_word(text, *at)).any(|at| {
            buffers.word.clear();
            buffers.word.extend_from_slice(&text[at..text.len().min(at + self.longest)]);
            buffers.word.make_ascii_lowercase();
            self.longest_at(text, at, &buffers.word).is_some()
        })
    }

    /// Whether a value stands in what is left of the original between the replacements, as it is written there.
    fn stand_between(&self, event: CleanEvent<'_>, buffers: &mut Buffers) -> bool {
        let mut from = 0;
        let ends = event.replaced().iter().map(|replaced| (replaced.start as usize, replaced.end as usize));
        ends.chain([(event.bytes().len(), 0)]).any(|(to, next)| {
            let gap = &event.bytes()[from..to];
            from = next;
            self.stand_in_any_case(gap, buffers)
        })
    }

    /// Whether a value stands in the clean event, outside its replacements and the part's own words, under any number of
    /// escapes up to the limit.
    pub(super) fn stand_in(&self, event: CleanEvent<'_>, own: Option<OwnWords<'_>>, buffers: &mut Buffers) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_searched = own.is_none() && self.bytes.is_ascii();
        if is_searched {
            if self.stand_between(event, buffers) {
                return true;
            }
            if !Undo::Any.may_change(event.bytes()) {
                return false;
            }
        }
        mask(event, own, &mut buffers.text);
        for layer in 0..=LAYERS_MAX {
            let mut stands = false;
            if layer > 0 || !is_searched {
                self.search(&buffers.text, |_, _| {
                    stands = true;
                    false
                });
            }
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

/// Places of a text at which values may begin, ascending.
pub(super) struct Candidates {
    places: Vec<u32>,
    /// Those that are behind.
    passed: usize,
}

impl Candidates {
    /// Whether a value may stand in a span of `text`, the text they are of, as it is or under escapes. Spans are asked for in
    /// their order.
    pub(super) fn may_stand_in(&mut self, text: &[u8], span: &Range<usize>) -> bool {
        self.passed += self.places[self.passed..].iter().take_while(|place| (**place as usize) < span.start).count();
        let is_candidate = self.places.get(self.passed).is_some_and(|place| (*place as usize) < span.end);
        is_candidate || Undo::Any.may_change(&text[span.clone()])
    }
}

/// Buffers of the search, reused.
#[derive(Default)]
pub(super) struct Buffers {
    text: Vec<u8>,
    flat: Vec<u8>,
    places: Vec<u32>,
    word: Vec<u8>,
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
    let is_plain =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\''));
    if is_plain(value.first()) && is_plain(value.last()) {
        return value;
    }
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
    if text.is_ascii() {
        return;
    }
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

/// Lists for each value the longest other value that it begins with. `values` are ascending and distinct.
fn shorter(values: &[(Range<usize>, Finding)], bytes: &[u8], shorter: &mut Vec<Option<usize>>) {
    // Each of these begins with the one before it.
    let mut open: Vec<usize> = Vec::new();
    shorter.clear();
    let text = |index: usize| &bytes[values[index].0.clone()];
    for index in 0..values.len() {
        while open.last().is_some_and(|last| !text(index).starts_with(text(*last))) {
            open.pop();
        }
        shorter.push(open.last().copied());
        open.push(index);
    }
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
