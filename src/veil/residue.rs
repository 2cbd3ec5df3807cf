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
use crate::decode::json::Token;
use crate::kernels::Level;
use crate::kernels::beginnings::Beginnings;
use crate::rules::Class;
use crate::transform::{CleanEvent, Finding};
use std::cmp::Ordering;
use std::ops::Range;

/// A value of one or two bytes stands in every log line by chance.
const VALUE_BYTES_MIN: usize = 3;
/// Shorter numbers are counts, ports, years and status codes as often as identifiers.
const NUMBER_BYTES_MIN: usize = 5;
/// Values that a new one is compared with as it comes; what is equal to an earlier one goes when they are sorted.
const KNOWN_MAX: usize = 16;

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
    let may_be = word.len() <= COMMON_BYTES_MAX && word.iter().all(u8::is_ascii_lowercase);
    may_be && std::str::from_utf8(word).is_ok_and(|word| COMMON.binary_search(&word).is_ok())
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
    values: Vec<Needle>,
    /// The values' bytes.
    bytes: Vec<u8>,
    /// What values were found by.
    found: Vec<Found>,
    /// By value: the longest other value that it begins with.
    shorter: Vec<Option<u32>>,
    beginnings: Beginnings,
    is_ascii: bool,
}

/// A value that is searched for.
#[derive(Debug, Clone, Copy)]
struct Needle {
    /// Its first bytes.
    head: u64,
    /// Its bytes, as a range of the needles' bytes.
    start: u32,
    end: u32,
    /// What it was found by, as a place in their list.
    found: u32,
}

impl Needle {
    fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// What a value was found by.
struct Found {
    finding: Finding,
    /// Its place among the findings that were collected.
    place: usize,
}

impl Found {
    /// Of several findings of a value the least stands for it.
    fn rank(&self) -> impl Ord {
        let Finding { source, class, replacement, rule, .. } = self.finding;
        (source, class, replacement, rule, self.place)
    }
}

/// The first bytes of a text in lower case, as a number that is ordered as they are; zeros where it is shorter.
fn head(text: &[u8]) -> u64 {
    let mut head = [0; size_of::<u64>()];
    match text.first_chunk() {
        Some(first) => head = *first,
        None => head[..text.len()].copy_from_slice(text),
    }
    head.make_ascii_lowercase();
    u64::from_be_bytes(head)
}

/// Whether the letter of an escape before a word may be a capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// As escapes are written: `\n`.
    Written,
    /// In either case: `\n` and `\N`.
    AnyCase,
}

impl Needles {
    /// Collects the distinct values of `findings` that are worth a search; those of another record are forgotten.
    pub(super) fn collect(&mut self, matcher: &Matcher, findings: &[Finding], arena: &[u8]) {
        self.values.clear();
        self.bytes.clear();
        self.found.clear();
        for (place, finding) in findings.iter().enumerate() {
            let value = &arena[finding.value.start as usize..finding.value.end as usize];
            self.add(matcher, finding, place, value);
            if let Some(usual) = canon::in_usual_letters(finding.class, value) {
                self.add(matcher, finding, place, &usual);
            }
        }
        let (bytes, found) = (&self.bytes, &self.found);
        let text = |value: &Needle| &bytes[value.start as usize..value.end as usize];
        let rank = |value: &Needle| found[value.found as usize].rank();
        self.values.sort_unstable_by(|a, b| {
            a.head.cmp(&b.head).then_with(|| text(a).cmp(text(b))).then_with(|| rank(a).cmp(&rank(b)))
        });
        self.values.dedup_by(|later, first| later.head == first.head && text(later) == text(first));
        self.index();
    }

    /// Adds a value, if it is worth a search.
    fn add(&mut self, matcher: &Matcher, finding: &Finding, place: usize, value: &[u8]) {
        let value = trim(value);
        if !is_telling(value) || !may_spread(finding.class, value) {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        make_lower_case(&mut self.bytes[start..]);
        let value = &self.bytes[start..];
        let head = head(value);
        let is_same =
            |known: &&Needle| known.head == head && self.bytes[known.start as usize..known.end as usize] == *value;
        let known = self.values.iter().rev().take(KNOWN_MAX).find(is_same).map(|known| known.found as usize);
        let found = Found { finding: finding.clone(), place };
        if let Some(known) = known {
            if found.rank() < self.found[known].rank() {
                self.found[known] = found;
            }
            self.bytes.truncate(start);
            return;
        }
        if is_common(value) || matcher.is_ambiguous(value) {
            self.bytes.truncate(start);
            return;
        }
        let (end, number) = (self.bytes.len() as u32, self.found.len() as u32);
        self.values.push(Needle { head, start: start as u32, end, found: number });
        self.found.push(found);
    }

    /// Prepares the search for the values, which are ascending and distinct.
    fn index(&mut self) {
        self.is_ascii = self.bytes.is_ascii();
        self.shorter.clear();
        self.beginnings.clear();
        for (number, value) in self.values.iter().enumerate() {
            let text = &self.bytes[value.start as usize..value.end as usize];
            // Each of these begins with the next.
            let mut before = number.checked_sub(1);
            while let Some(index) = before.filter(|index| !text.starts_with(self.text(*index))) {
                before = self.shorter[index].map(|index| index as usize);
            }
            self.shorter.push(before.map(|index| index as u32));
            if let Some(beginning) = text.first_chunk() {
                self.beginnings.add(number, *beginning);
            }
        }
    }

    fn text(&self, index: usize) -> &[u8] {
        let value = self.values[index];
        &self.bytes[value.start as usize..value.end as usize]
    }

    /// The finding whose value this is.
    fn finding(&self, value: Needle) -> &Finding {
        &self.found[value.found as usize].finding
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The place among the collected findings of one that has this value in some case.
    pub(super) fn place_of(&self, value: &[u8]) -> Option<usize> {
        let last = self.last_not_after(value)?;
        let is_it = self.text(last).eq_ignore_ascii_case(value);
        is_it.then(|| self.found[self.values[last].found as usize].place)
    }

    /// A finding whose value stands in `text` as a whole word, in any case.
    pub(super) fn first_in(&self, text: &[u8]) -> Option<&Finding> {
        let mut first = None;
        self.search_in_any_case(text, |_, finding| {
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
        if self.is_ascii {
            self.beginnings.find(Level::best(), text, &mut places);
        } else {
            // In letters that are not ASCII, capitals may begin with other bytes.
            places.extend(0..text.len() as u32);
        }
        Candidates { places, passed: 0, may_change: Undo::Any.may_change(text) }
    }

    /// Where values stand in `text` as whole words, in any case.
    pub(super) fn hits(&self, text: &[u8]) -> Vec<(Range<usize>, &Finding)> {
        let mut hits = Vec::new();
        self.search_in_any_case(text, |span, finding| {
            hits.push((span, finding));
            true
        });
        hits
    }

    /// The same as [`Self::search`] for a text in any case.
    fn search_in_any_case<'n>(&'n self, text: &[u8], hit: impl FnMut(Range<usize>, &'n Finding) -> bool) {
        // No other letter's small form is part of a value in ASCII.
        if self.is_ascii { self.search(text, hit) } else { self.search(&lower_case(text), hit) }
    }

    /// Calls `hit` for each value that stands in `text` until it returns `false`. `text` is in lower case, but for letters
    /// of ASCII.
    ///
    /// Goes through the beginnings of words; overlapping finds count as one, so that there are no more of them than bytes.
    fn search<'n>(&'n self, text: &[u8], mut hit: impl FnMut(Range<usize>, &'n Finding) -> bool) {
        let mut pending: Option<(Range<usize>, &Finding)> = None;
        let mut places = Vec::new();
        self.beginnings.find(Level::best(), text, &mut places);
        for at in places.into_iter().map(|at| at as usize) {
            let Some((len, finding)) = self.value_at(text, at, Escapes::AnyCase) else { continue };
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

    /// The longest value that stands at `at` as whole words, as its length and finding. `text` is in lower case, but for
    /// letters of ASCII.
    fn value_at(&self, text: &[u8], at: usize, escapes: Escapes) -> Option<(usize, &Finding)> {
        if !starts_word(text, at, escapes) {
            return None;
        }
        // Every value that the rest begins with is a beginning of the last value that does not come after the rest.
        let rest = &text[at..];
        let last = self.last_not_after(rest)?;
        let common = self.text(last).iter().zip(rest).take_while(|(a, b)| **a == b.to_ascii_lowercase()).count();
        let candidates = std::iter::successors(Some(last), |index| self.shorter[*index].map(|index| index as usize));
        candidates
            .map(|index| (self.values[index].len(), self.finding(self.values[index])))
            .filter(|(len, _)| *len <= common && ends_word(text, at + len))
            .find(|(len, finding)| !(is_login(finding.class) && goes_on(text, at..at + len)))
    }

    /// The last value that does not come after `text`, whose letters of ASCII count as small ones.
    fn last_not_after(&self, text: &[u8]) -> Option<usize> {
        let text_head = head(text);
        let is_before = |value: &Needle| match value.head.cmp(&text_head) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => {
                let value = self.bytes[value.start as usize..value.end as usize].iter().copied();
                value.le(text.iter().map(u8::to_ascii_lowercase))
            }
        };
        self.values.partition_point(is_before).checked_sub(1)
    }

    /// Whether a value stands in the clean event, outside its replacements and the part's own words, under any number of
    /// escapes up to the limit.
    pub(super) fn stand_in(&self, event: CleanEvent<'_>, own: Option<OwnWords<'_>>, buffers: &mut Buffers) -> bool {
        if self.is_empty() {
            return false;
        }
        let Buffers { pieces, places, text, flat, lower } = buffers;
        list_pieces(event, own, pieces);
        // What stays beside own words is looked at as spreading does.
        let escapes = if own.is_none() && self.is_ascii { Escapes::Written } else { Escapes::AnyCase };
        let mut bytes = event.bytes();
        if !self.is_ascii {
            lower.clear();
            lower.extend_from_slice(bytes);
            make_lower_case(lower);
            bytes = lower;
        }
        if self.stand_in_pieces(bytes, pieces, escapes, places) {
            return true;
        }
        Undo::Any.may_change(bytes)
            && pieces
                .iter()
                .any(|piece| self.stand_under_escapes(&bytes[piece.start as usize..piece.end as usize], text, flat))
    }

    /// Whether a value stands in one of the pieces of `bytes`, which are ascending, as it is written there.
    fn stand_in_pieces(&self, bytes: &[u8], pieces: &[Range<u32>], escapes: Escapes, places: &mut Vec<u32>) -> bool {
        places.clear();
        self.beginnings.find(Level::best(), bytes, places);
        let mut rest = pieces.iter();
        let mut piece = 0..0;
        for at in places.iter().map(|at| *at as usize) {
            while piece.end <= at {
                let Some(next) = rest.next() else { return false };
                piece = next.start as usize..next.end as usize;
            }
            let inside = at.checked_sub(piece.start);
            if inside.is_some_and(|at| self.value_at(&bytes[piece.clone()], at, escapes).is_some()) {
                return true;
            }
        }
        false
    }

    /// Whether a value stands in a piece of text with one or more layers of escapes undone.
    fn stand_under_escapes(&self, piece: &[u8], text: &mut Vec<u8>, flat: &mut Vec<u8>) -> bool {
        if !Undo::Any.may_change(piece) {
            return false;
        }
        text.clear();
        text.extend_from_slice(piece);
        make_lower_case(text);
        for _ in 0..LAYERS_MAX {
            flat.clear();
            if !Undo::Any.flatten(text, flat) {
                return false;
            }
            make_lower_case(flat);
            let mut stands = false;
            self.search(flat, |_, _| {
                stands = true;
                false
            });
            if stands {
                return true;
            }
            std::mem::swap(text, flat);
        }
        false
    }
}

/// Where values may stand in a text.
pub(super) struct Candidates {
    /// Ascending.
    places: Vec<u32>,
    /// How many of them were passed.
    passed: usize,
    /// Whether escapes may stand in the text.
    may_change: bool,
}

impl Candidates {
    /// Whether a value may stand in a span of `text`, the text they are of, as it is or under escapes. Spans are asked for in
    /// their order.
    pub(super) fn may_stand_in(&mut self, text: &[u8], span: &Range<usize>) -> bool {
        self.passed += self.places[self.passed..].iter().take_while(|place| (**place as usize) < span.start).count();
        let is_candidate = self.places.get(self.passed).is_some_and(|place| (*place as usize) < span.end);
        is_candidate || self.may_change && Undo::Any.may_change(&text[span.clone()])
    }

    /// The same for a token of a JSON text.
    pub(super) fn may_stand_in_token(&mut self, text: &[u8], token: &Token) -> bool {
        token.span().is_some_and(|span| self.may_stand_in(text, span))
    }
}

/// Buffers of the search, reused.
#[derive(Default)]
pub(super) struct Buffers {
    pieces: Vec<Range<u32>>,
    places: Vec<u32>,
    text: Vec<u8>,
    flat: Vec<u8>,
    lower: Vec<u8>,
}

/// Lists what is left of the original between the replacements, but for own words.
fn list_pieces(event: CleanEvent<'_>, own: Option<OwnWords<'_>>, pieces: &mut Vec<Range<u32>>) {
    pieces.clear();
    let mut from = 0;
    let all = event.bytes().len() as u32;
    for (index, replaced) in event.replaced().iter().chain([&(all..all)]).enumerate() {
        match own {
            Some(own) => own.list_pieces(from..replaced.start, index, pieces),
            None => push_piece(from..replaced.start, pieces),
        }
        from = replaced.end;
    }
}

impl OwnWords<'_> {
    /// Appends what is left of a gap, the one before the finding at `index`, without the own words in it.
    fn list_pieces(self, gap: Range<u32>, index: usize, pieces: &mut Vec<Range<u32>>) {
        let start = index.checked_sub(1).and_then(|last| self.findings.get(last)).map_or(0, |last| last.span.end);
        let end = start + gap.len() as u32;
        let first = self.own.partition_point(|own| own.end <= start);
        let mut from = start;
        for own in self.own[first..].iter().take_while(|own| own.start < end) {
            push_piece(gap.start + (from - start)..gap.start + (own.start.max(start) - start), pieces);
            from = own.end.min(end);
        }
        push_piece(gap.start + (from - start)..gap.end, pieces);
    }
}

fn push_piece(piece: Range<u32>, pieces: &mut Vec<Range<u32>>) {
    if !piece.is_empty() {
        pieces.push(piece);
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

/// Whether the word at `at`, if there is one, begins there.
fn starts_word(text: &[u8], at: usize, escapes: Escapes) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !(is_word(before) && is_word(text.get(at))) || ends_escape(&text[..at], escapes)
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
fn ends_escape(text: &[u8], escapes: Escapes) -> bool {
    match text {
        [.., b'\\', letter] => {
            let letter = if escapes == Escapes::AnyCase { letter.to_ascii_lowercase() } else { *letter };
            matches!(letter, b'n' | b'r' | b't' | b'b' | b'f')
        }
        [.., b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load;
    use crate::transform::{self, Quoting, Replacement, RuleIndex, Source};
    use crate::veil::{Choice, Packs};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// What becomes of a word of a text.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fate {
        Stays,
        Replaced,
        Own,
    }

    const VALUES: [&str; 12] =
        ["alice", "Ali", "ali.ce", "12345", "123456", "bob_1", "élan", "İlker", "%x1", "nick", "192.0.2.1", "2.1-x"];

    const WORDS: [&str; 44] = [
        "alice",
        "ALICE",
        "ali",
        "ali.ce",
        "12345",
        "123456",
        "bob_1",
        "Bob_1",
        "élan",
        "ÉLAN",
        "İlker",
        "%x1",
        "nick",
        "192.0.2.1",
        "2.1-x",
        "\\N",
        "\\n",
        "\\\\",
        "\\",
        "%20",
        "%2520",
        "%61",
        "%",
        "%4",
        "1",
        "5",
        "\\u0061",
        "\\u00e9",
        "\\x6e",
        "&#97;",
        "&amp;#97;",
        "lice",
        "LICE",
        "ick",
        ".",
        "-",
        "_",
        " ",
        "\"",
        "/",
        "Ａ",
        "é",
        "K",
        "\\U0061",
    ];

    fn needles(values: &[&str], class: Class) -> Needles {
        static PACKS: LazyLock<Packs> = LazyLock::new(|| {
            let head = "name = \"p\"\nversion = 1\nformat = \"json\"\nambiguous = [\"nick\"]\n";
            let rule = "[[rule]]\nid = \"user\"\nselect = [\"user\"]\nclass = \"user\"\n";
            let pack = load::parse("p.toml", &[head, rule].concat()).unwrap();
            Packs::compile(&[pack], &Choice::new("p")).unwrap()
        });
        let arena = values.concat();
        let mut start = 0;
        let mut findings = Vec::new();
        for value in values {
            findings.push(finding(0..0, start..start + value.len() as u32, class));
            start += value.len() as u32;
        }
        let mut needles = Needles::default();
        needles.collect(PACKS.at(PACKS.met_by(None).metadata), &findings, arena.as_bytes());
        needles
    }

    fn finding(span: Range<u32>, value: Range<u32>, class: Class) -> Finding {
        let replacement = Replacement::Pseudonym { network: false };
        Finding { span, value, rule: RuleIndex(0), class, replacement, quoting: Quoting::Text, source: Source::Rule }
    }

    /// Values worth a search, by their list.
    fn worth(values: &[&str], class: Class) -> Vec<Vec<u8>> {
        let usual = values.iter().filter_map(|value| canon::in_usual_letters(class, value.as_bytes()));
        let all = values.iter().map(|value| value.as_bytes().to_vec()).chain(usual.map(|usual| usual.into_owned()));
        all.map(|value| lower_case(&value)).filter(|value| value != b"nick" && value.len() >= 3).collect()
    }

    /// The oracle: lengths of the values that stand at `at`, by comparing them all. `text` is in lower case, but for letters
    /// of ASCII; before a word, escapes count as they are written there.
    fn lengths_at(values: &[Vec<u8>], text: &[u8], at: usize, class: Class) -> impl Iterator<Item = usize> {
        let ends_escape = match &text[..at] {
            [.., b'\\', letter] => b"nrtbf".contains(letter),
            [.., b'%', high, low] => [high, low].iter().all(|digit| digit.is_ascii_hexdigit()),
            _ => false,
        };
        let starts = at == 0 || ends_escape || !(is_word(text.get(at - 1)) && is_word(text.get(at)));
        let stands = move |value: &&Vec<u8>| {
            let end = at + value.len();
            let is_there = text.get(at..end).is_some_and(|word| word.eq_ignore_ascii_case(value));
            starts && is_there && ends_word(text, end) && !(is_login(class) && goes_on(text, at..end))
        };
        values.iter().filter(stands).map(Vec::len)
    }

    fn stands(values: &[Vec<u8>], text: &[u8], class: Class) -> bool {
        (0..text.len()).any(|at| lengths_at(values, text, at, class).next().is_some())
    }

    /// The oracle of [`Needles::stand_in`]: the whole event with a sign in place of what is not searched, layer by layer.
    fn stands_in_layers(values: &[Vec<u8>], masked: &[u8], as_written: bool, class: Class) -> bool {
        if as_written && stands(values, masked, class) {
            return true;
        }
        let mut text = lower_case(masked);
        for layer in 0..=LAYERS_MAX {
            if (layer > 0 || !as_written) && stands(values, &text, class) {
                return true;
            }
            let mut flat = Vec::new();
            if !Undo::Any.flatten(&text, &mut flat) {
                return false;
            }
            text = lower_case(&flat);
        }
        false
    }

    fn fates() -> impl Strategy<Value = Vec<(&'static str, Fate)>> {
        let fate = prop_oneof![6 => Just(Fate::Stays), 1 => Just(Fate::Replaced), 1 => Just(Fate::Own)];
        prop::collection::vec((prop::sample::select(WORDS.to_vec()), fate), 0..24)
    }

    fn some_values() -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(VALUES.to_vec()), 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn values_stand_where_comparing_all_finds_them(
            values in some_values(), words in fates(), class in prop::sample::select(vec![Class::User, Class::Session]),
            with_own in any::<bool>(),
        ) {
            let needles = needles(&values, class);
            let (mut text, mut masked, mut findings, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (word, fate) in words {
                let span = text.len() as u32..(text.len() + word.len()) as u32;
                text.extend_from_slice(word.as_bytes());
                match fate {
                    Fate::Replaced => findings.push(finding(span, 0..0, class)),
                    Fate::Own if with_own => own.push(span),
                    Fate::Stays | Fate::Own => {}
                }
                let is_masked = fate == Fate::Replaced || fate == Fate::Own && with_own;
                masked.extend_from_slice(if is_masked { b"\x01" } else { word.as_bytes() });
            }
            let replacements = vec![0..5; findings.len()];
            let (mut out, mut replaced) = (b"x".to_vec(), Vec::new());
            let event = transform::splice(&text, &findings, &replacements, b"alice", &mut out, &mut replaced);
            let own = with_own.then_some(OwnWords { own: &own, findings: &findings });
            let values = worth(&values, class);
            let as_written = own.is_none() && values.iter().all(|value| value.is_ascii());
            let expected = stands_in_layers(&values, &masked, as_written, class);
            prop_assert_eq!(needles.stand_in(event, own, &mut Buffers::default()), expected);
        }

        #[test]
        fn hits_are_the_longest_values_joined(
            values in some_values(), words in fates(), class in prop::sample::select(vec![Class::User, Class::Session]),
        ) {
            let needles = needles(&values, class);
            let text: String = words.iter().map(|(word, _)| *word).collect();
            let (lower, values) = (lower_case(text.as_bytes()), worth(&values, class));
            let mut expected: Vec<Range<usize>> = Vec::new();
            for at in 0..lower.len() {
                let Some(longest) = lengths_at(&values, &lower, at, class).max() else { continue };
                match expected.last_mut() {
                    Some(last) if at < last.end => last.end = last.end.max(at + longest),
                    _ => expected.push(at..at + longest),
                }
            }
            let hits: Vec<_> = needles.hits(text.as_bytes()).into_iter().map(|(span, _)| span).collect();
            prop_assert_eq!(&hits, &expected);
            prop_assert_eq!(needles.first_in(text.as_bytes()).is_some(), !expected.is_empty());
            let mut candidates = needles.candidates(text.as_bytes());
            prop_assert!(expected.iter().all(|span| candidates.may_stand_in(text.as_bytes(), span)));
        }

        #[test]
        fn a_value_is_found_by_its_place(values in some_values()) {
            let needles = needles(&values, Class::User);
            for value in &values {
                let place = needles.place_of(value.to_ascii_uppercase().as_bytes());
                prop_assert!(place.is_some() || !value.is_ascii() || *value == "nick", "{}", value);
                prop_assert!(place.is_none_or(|place| values[place].eq_ignore_ascii_case(value)));
            }
        }
    }
}
