//! Finds what lines of text have in common, so that their variable words show.
//!
//! The idea is that of Drain (He, Zhu, Zheng, Lyu, 2017): lines are first told apart by something cheap, there the number of
//! words and the first of them, here what stands between the words, and then go to the template with which they share the
//! most words. What stands between the words being the same, a template is a pattern with holes that can be written down
//! exactly.

use super::column::{Column, Cover, Entry, Firmness};
use super::distinct::hash_of;
use crate::canon;
use crate::veil::{Kind, Mark};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Words of a text that is looked at.
const WORDS_MAX: usize = 64;
/// Longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// Longest word that a template prescribes, in bytes.
const WORD_BYTES_MAX: usize = 40;
/// Templates of one place; texts of further shapes are only counted.
const TEMPLATES_MAX: usize = 256;
/// Lines that a template needs for its words to be shown: a word that fewer lines share may be data.
pub(super) const LINES_MIN: u64 = 10;

/// The templates of the texts of one place.
#[derive(Default)]
pub(super) struct Templates {
    pub(super) list: Vec<Template>,
    /// By what stands between the words: templates.
    groups: BTreeMap<u64, Vec<usize>>,
    /// Texts that fit none and could not begin one.
    pub(super) others: u64,
}

/// The words and the gaps of texts that have the same shape.
pub(super) struct Template {
    /// What stands before each word, and behind the last.
    pub(super) gaps: Vec<String>,
    pub(super) words: Vec<Word>,
    pub(super) lines: u64,
    last_record: u64,
    /// Whether a word of it is one that programs write; without one, texts of the same gaps are of the same shape.
    has_known: bool,
}

/// A word of a template.
pub(super) enum Word {
    /// The same in all lines.
    Fixed(String),
    /// Another one from line to line.
    Open(Box<Column>),
}

/// A text that comes to a place.
pub(super) struct Text<'a> {
    pub(super) record: u64,
    pub(super) row: Option<u32>,
    pub(super) text: &'a str,
    pub(super) found: &'a [Mark],
    /// By rule: whether it stands in a file that packs share.
    pub(super) is_shared: &'a [bool],
    /// Whether a name says that an entity follows.
    pub(super) is_telling: &'a dyn Fn(&str) -> bool,
    /// Whether programs write a word.
    pub(super) is_known: &'a dyn Fn(&str) -> bool,
    /// Whether there may be another template.
    pub(super) may_grow: bool,
}

impl Templates {
    /// Adds a text; tells how many cells that took.
    pub(super) fn add(&mut self, text: &Text<'_>) -> usize {
        let spans = words(text.text);
        if spans.is_empty() || spans.len() > WORDS_MAX || text.text.len() > TEXT_BYTES_MAX {
            self.others += 1;
            return 0;
        }
        let gaps = gaps(text.text, &spans);
        let group = hash_of(gaps.join("\0").as_bytes());
        let alike = self.groups.get(&group).map(Vec::as_slice).unwrap_or_default();
        let best = alike.iter().map(|at| (self.list[*at].likeness(text.text, &spans), *at)).max();
        let at = match best {
            Some((Some(_), at)) => at,
            _ if !text.may_grow || self.list.len() >= TEMPLATES_MAX => {
                self.others += 1;
                return 0;
            }
            _ => {
                self.list.push(Template::new(text, &spans, gaps));
                self.groups.entry(group).or_default().push(self.list.len() - 1);
                self.list.len() - 1
            }
        };
        self.list[at].add(text, &spans)
    }

    pub(super) fn absorb(&mut self, other: Self) {
        // Templates of places that turn out to be one are not compared again: what stands in maps is seldom a text.
        self.others += other.others + other.list.iter().map(|template| template.lines).sum::<u64>();
    }

    /// Opens the words that are also values of entities.
    pub(super) fn open_names(&mut self, hashes: &BTreeSet<u64>) {
        for template in &mut self.list {
            for word in &mut template.words {
                if matches!(word, Word::Fixed(text) if hashes.contains(&hash_of(text.as_bytes()))) {
                    *word = Word::Open(Box::new(Column::new()));
                }
            }
        }
    }
}

impl Template {
    fn new(text: &Text<'_>, spans: &[Range<usize>], gaps: Vec<String>) -> Self {
        let mut words: Vec<Word> = Vec::with_capacity(spans.len());
        for span in spans {
            let word = text.text.get(span.clone()).unwrap_or_default();
            let follows_name = matches!(words.last(), Some(Word::Fixed(name)) if (text.is_telling)(name));
            let is_open = follows_name || !may_be_fixed(word) || text.found.iter().any(|mark| meets(&mark.span, span));
            words.push(if is_open { Word::Open(Box::new(Column::new())) } else { Word::Fixed(word.to_owned()) });
        }
        let has_known = words.iter().any(|word| matches!(word, Word::Fixed(fixed) if (text.is_known)(fixed)));
        Self { gaps, words, lines: 0, last_record: 0, has_known }
    }

    /// How many words a text of the same gaps shares; `None` when these are too few.
    fn likeness(&self, text: &str, spans: &[Range<usize>]) -> Option<usize> {
        let (mut fixed, mut equal) = (0, 0);
        for (word, span) in self.words.iter().zip(spans) {
            if let Word::Fixed(word) = word {
                fixed += 1;
                equal += usize::from(text.get(span.clone()) == Some(word.as_str()));
            }
        }
        (equal * 2 > fixed || fixed == 0 || !self.has_known).then_some(equal)
    }

    fn add(&mut self, text: &Text<'_>, spans: &[Range<usize>]) -> usize {
        let mut cells = 0;
        for (word, span) in self.words.iter_mut().zip(spans) {
            let value = text.text.get(span.clone()).unwrap_or_default();
            if matches!(word, Word::Fixed(fixed) if fixed != value) {
                *word = opened(word, self.lines, self.last_record);
            }
            if let Word::Open(column) = word {
                let cover = cover_of(span, text.found, text.is_shared);
                cells += column.add(Entry { record: text.record, row: text.row, value, kind: Kind::Text, cover });
            }
        }
        self.lines += 1;
        self.last_record = text.record;
        cells
    }

    /// The names that stand before a word: up to two fixed words with nothing but blanks and signs between, the nearest
    /// last.
    pub(super) fn names_before(&self, position: usize) -> Vec<&str> {
        let before = self.words.get(..position).unwrap_or_default();
        let fixed = before.iter().rev().map_while(|word| match word {
            Word::Fixed(text) => Some(text.as_str()),
            Word::Open(_) => None,
        });
        let mut names: Vec<&str> = fixed.take(2).collect();
        names.reverse();
        names
    }

    /// The part of a path before a word, where that is one.
    pub(super) fn folder_before(&self, position: usize) -> Option<&str> {
        match self.words.get(position.checked_sub(1)?)? {
            Word::Fixed(folder) if self.gaps.get(position)? == "/" => Some(folder),
            Word::Fixed(_) | Word::Open(_) => None,
        }
    }

    /// The name of the pair whose value the word is: `dev:` or `dev=` stands before it.
    pub(super) fn pair_name(&self, position: usize) -> Option<&str> {
        let is_sign =
            self.gaps.get(position)?.trim_end_matches([' ', '"', '\'', '[', '(', '<', '{']).ends_with(['=', ':']);
        match self.words.get(position.checked_sub(1)?)? {
            Word::Fixed(name) if is_sign => Some(name),
            Word::Fixed(_) | Word::Open(_) => None,
        }
    }

    /// The share of the words, from 0 to 1, that are names or values of pairs.
    pub(super) fn share_in_pairs(&self) -> f64 {
        let pairs = (0..self.words.len()).filter(|position| self.pair_name(*position).is_some()).count();
        2.0 * pairs as f64 / self.words.len().max(1) as f64
    }
}

/// The same word opened. What it was in the lines before is counted as one value each.
fn opened(word: &Word, lines: u64, last_record: u64) -> Word {
    let mut column = Column::new();
    if let Word::Fixed(value) = word {
        let before = last_record.saturating_sub(lines);
        for record in (before..last_record).take(LINES_MIN as usize) {
            column.add(Entry { record: record + 1, row: None, value, kind: Kind::Text, cover: Cover::Bare });
        }
    }
    Word::Open(Box::new(column))
}

/// What the packs do with a part of a text.
pub(super) fn cover_of(part: &Range<usize>, found: &[Mark], is_shared: &[bool]) -> Cover {
    let mut inside = found.iter().filter(|mark| meets(&mark.span, part));
    let Some(first) = inside.next() else { return Cover::Bare };
    let covered = std::iter::once(first)
        .chain(inside)
        .map(|mark| mark.span.end.min(part.end).saturating_sub(mark.span.start.max(part.start)));
    // Brackets, a port or a prefix stay.
    const REST_BYTES_MAX: usize = 8;
    if covered.sum::<usize>() + REST_BYTES_MAX.min(part.len() / 3) < part.len() {
        return Cover::Part;
    }
    let is_shared = is_shared.get(first.rule).copied().unwrap_or(true);
    Cover::Whole { firmness: Firmness::of(first.source, is_shared), class: first.class }
}

fn meets(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Whether a word may be one that the author of the program wrote: no number, address or host.
fn may_be_fixed(word: &str) -> bool {
    let is_odd = |byte: u8| byte.is_ascii_digit() || byte == b'@' || byte.is_ascii_control();
    word.len() <= WORD_BYTES_MAX && !word.bytes().any(is_odd) && !canon::is_domain(word.as_bytes())
}

/// Whether a value has parts enough to be looked at word by word: with blanks between them, as a path, or as a line of
/// separated values.
pub(super) fn has_words(text: &str, is_line: bool) -> bool {
    const WORDS_MIN: usize = 3;
    text.split_whitespace().nth(WORDS_MIN - 1).is_some()
        || begins_path(text.as_bytes()) && words(text).len() > 1
        || is_line && words(text).len() >= WORDS_MIN
}

/// Whether a path or URL begins here.
fn begins_path(bytes: &[u8]) -> bool {
    let scheme = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let rest = bytes.get(scheme..).unwrap_or_default();
    bytes.starts_with(b"/")
        || bytes.starts_with(b"\\")
        || (scheme > 0 && (rest.starts_with(b"://") || rest.starts_with(b":\\")))
}

/// The words of a text: what stands between blanks, brackets, quotes, commas and the like. A colon behind a name, or in front
/// of a blank, is none of it, nor is the full stop of a sentence, nor what parts a path or URL.
fn words(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut in_path = false;
    let mut is_gap = |at: usize| {
        let is_blank = is_gap_anywhere(bytes, at);
        let is_start = at == 0 || is_gap_anywhere(bytes, at - 1);
        in_path = !is_blank && (in_path || is_start && begins_path(&bytes[at..]));
        // The number behind the sign is the value.
        let is_hash = bytes[at] == b'#' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && is_start;
        is_blank || is_hash || in_path && matches!(bytes[at], b'/' | b'\\' | b'?' | b'&')
    };
    let mut found = Vec::new();
    let mut start = None;
    for at in 0..bytes.len() {
        match (is_gap(at), start) {
            (true, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            (false, None) => start = Some(at),
            (true, None) | (false, Some(_)) => {}
        }
        if found.len() > WORDS_MAX {
            return found;
        }
    }
    found.extend(start.map(|from| from..bytes.len()));
    found
}

/// Whether a byte parts words wherever it stands.
fn is_gap_anywhere(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b' ' | b'\t' | b'\n' | b'\r' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b'\'' | b'<'
        | b'>' | b'|' | b'=' => true,
        b':' | b'.' => ends_word(bytes.get(at + 1)) || bytes[at] == b':' && is_name(&bytes[..at]),
        _ => false,
    }
}

fn ends_word(next: Option<&u8>) -> bool {
    next.is_none_or(|byte| byte.is_ascii_whitespace() || b",;()[]{}\"'<>|=.:".contains(byte))
}

/// Whether letters stand at the end of a text, as a name does in front of a colon.
fn is_name(before: &[u8]) -> bool {
    let word =
        before.rsplit(|byte| !(byte.is_ascii_alphanumeric() || b"_-.".contains(byte))).next().unwrap_or_default();
    word.iter().any(u8::is_ascii_alphabetic) && !word.iter().any(u8::is_ascii_digit)
}

/// What stands before each word, and behind the last.
fn gaps(text: &str, spans: &[Range<usize>]) -> Vec<String> {
    let mut from = 0;
    let mut gaps = Vec::with_capacity(spans.len() + 1);
    for span in spans {
        gaps.push(text.get(from..span.start).unwrap_or_default().to_owned());
        from = span.end;
    }
    gaps.push(text.get(from..).unwrap_or_default().to_owned());
    gaps
}
