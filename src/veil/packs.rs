//! The packs of a veil, and which of them a record meets.

use super::JSON_DEPTH_MAX;
use super::expressions::{Expressions, Groups};
use super::matcher::{Action, Matcher, RuleNames};
use super::names::{ByName, Lengths};
use super::patterns::{Pattern, Patterns};
use crate::decode::escape;
use crate::decode::json::{JsonError, Tokens};
use crate::decode::line::{GivenUp, Hole};
use crate::kernels::Level;
use crate::kernels::quotes::Quotes;
use crate::rules::{Format, RulePack};
use std::cmp::Reverse;
use std::ops::Range;
use thiserror::Error;

/// Some Windows tools write it before UTF-8 (RFC 8259, section 8.1, forbids it in JSON).
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The packs that take what no other pack recognises.
const GENERIC_JSON: &str = "generic-json";
const GENERIC_LINE: &str = "generic-line";

/// Which pack a route's records go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This pack: a record of another format is quarantined.
    Pack(String),
    /// By the record's own shape; `generic-json` and `generic-line` take the rest.
    Auto,
}

/// Why packs make no veil.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VeilError {
    /// The choice names no loaded pack.
    #[error("no rule pack `{name}`; there are {}", known.join(", "))]
    UnknownPack {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A regular expression does not compile; loading reports it first.
    #[error("rule `{pack}/{rule}`: its regular expression does not compile")]
    Regex {
        /// The pack.
        pack: String,
        /// The rule.
        rule: String,
    },
}

impl Choice {
    /// The choice by its name in configuration: `auto` or a pack.
    pub fn new(name: &str) -> Self {
        if name == "auto" { Self::Auto } else { Self::Pack(name.to_owned()) }
    }
}

/// Compiled packs and the choice among them.
#[derive(Debug, Clone)]
pub(super) struct Packs {
    matchers: Vec<Matcher>,
    /// The line patterns of all packs, in their order, so that one pass tells which can match.
    lines: Patterns,
    /// By line pattern: what it says of its pack.
    line_packs: Vec<Line>,
    names: RuleNames,
    expressions: Expressions,
    versions: Vec<String>,
    chosen: Option<usize>,
    generic_json: usize,
    generic_line: usize,
    recognition: Recognition,
}

/// What a line pattern says of its pack.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Index of its pack.
    pack: usize,
    /// Bytes that the pattern prescribes.
    literal_bytes: usize,
    /// The most that it or a later one of the pack prescribes.
    literal_bytes_max: usize,
}

impl Line {
    /// Of patterns in the order of their packs.
    fn all<'p>(patterns: impl Iterator<Item = (usize, &'p Pattern)>) -> Vec<Self> {
        let line = |(pack, pattern): (usize, &Pattern)| {
            let literal_bytes = pattern.literal_bytes();
            Self { pack, literal_bytes, literal_bytes_max: literal_bytes }
        };
        let mut lines: Vec<Self> = patterns.map(line).collect();
        for index in (1..lines.len()).rev() {
            if lines[index - 1].pack == lines[index].pack {
                lines[index - 1].literal_bytes_max =
                    lines[index - 1].literal_bytes_max.max(lines[index].literal_bytes_max);
            }
        }
        lines
    }
}

/// A pack's place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackIndex(usize);

/// The packs that a record meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    /// That of its payload; `None` when it is a line whose pack is found by trying.
    pub(super) payload: Option<PackIndex>,
    /// That whose rules hold for its key and headers.
    pub(super) metadata: PackIndex,
}

/// How `auto` tells the JSON of one pack from that of another: by the names at the top.
#[derive(Debug, Clone)]
struct Recognition {
    /// Every name that some pack looks for, with its number.
    numbers: ByName<usize>,
    lengths: Lengths,
    /// By pack: its index and the numbers of its names; those with the most names first.
    packs: Vec<(usize, Vec<usize>)>,
}

impl Recognition {
    fn new(matchers: &[Matcher]) -> Self {
        let mut numbers = ByName::default();
        let mut packs = Vec::new();
        for (index, matcher) in matchers.iter().enumerate() {
            if matcher.format != Format::Json || matcher.recognize.is_empty() {
                continue;
            }
            let number = |name: &String| {
                let next = numbers.len();
                *numbers.entry(name.as_bytes().into()).or_insert(next)
            };
            packs.push((index, matcher.recognize.iter().map(number).collect::<Vec<_>>()));
        }
        packs.sort_by_key(|(_, names)| Reverse(names.len()));
        let mut lengths = Lengths::default();
        numbers.keys().for_each(|name| lengths.add(name));
        Self { numbers, lengths, packs }
    }

    /// The pack all of whose names stand at the top of the text; of several the one with the most.
    fn pack(&self, text: &[u8]) -> Option<usize> {
        if self.packs.is_empty() {
            return None;
        }
        let mut seen = vec![false; self.numbers.len()];
        each_top_name(text, |name| {
            if self.lengths.may_hold(name)
                && let Some(number) = self.numbers.get(name)
            {
                seen[*number] = true;
            }
        });
        let is_recognized = |(_, names): &&(usize, Vec<usize>)| names.iter().all(|number| seen[*number]);
        self.packs.iter().find(is_recognized).map(|(index, _)| *index)
    }
}

impl Packs {
    pub(super) fn compile(packs: &[RulePack], choice: &Choice) -> Result<Self, VeilError> {
        let mut packs: Vec<&RulePack> = packs.iter().collect();
        packs.sort_by(|a, b| a.name.cmp(&b.name));
        let known: Vec<&str> = packs.iter().map(|pack| pack.name.as_str()).collect();
        let Chosen { chosen, generic_json, generic_line } = Chosen::new(&known, choice)?;
        let (mut names, mut expressions) = (RuleNames::default(), Expressions::default());
        let matchers = packs.iter().map(|pack| {
            let matcher = Matcher::compile(pack, &mut names, &mut expressions);
            matcher.map_err(|rule| VeilError::Regex { pack: pack.name.clone(), rule })
        });
        let matchers = matchers.collect::<Result<Vec<Matcher>, _>>()?;
        let lines =
            || matchers.iter().enumerate().flat_map(|(pack, matcher)| matcher.lines.iter().map(move |p| (pack, p)));
        let line_packs = Line::all(lines());
        let lines = Patterns::new(lines().map(|(_, pattern)| pattern.clone()).collect(), GivenUp::Misfits);
        let versions = packs.iter().map(|pack| version_of(pack)).collect();
        let recognition = Recognition::new(&matchers);
        Ok(Self {
            matchers,
            lines,
            line_packs,
            names,
            expressions,
            versions,
            chosen,
            generic_json,
            generic_line,
            recognition,
        })
    }

    /// The same packs with another choice among them.
    pub(super) fn choosing(&self, choice: &Choice) -> Result<Self, VeilError> {
        let known: Vec<&str> = self.matchers.iter().map(|matcher| matcher.name.as_str()).collect();
        let Chosen { chosen, generic_json, generic_line } = Chosen::new(&known, choice)?;
        Ok(Self { chosen, generic_json, generic_line, ..self.clone() })
    }

    pub(super) fn rule_names(&self) -> &[String] {
        &self.names.0
    }

    /// Version of the chosen pack, or of all packs.
    pub(super) fn version(&self) -> String {
        match self.chosen {
            Some(chosen) => self.versions[chosen].clone(),
            None => self.versions.join(" "),
        }
    }

    /// The pack a payload goes by; `None` when it is a line whose pack is found by trying.
    pub(super) fn chosen(&self, payload: &[u8]) -> Option<&Matcher> {
        Some(self.at(self.chosen_index(payload)?))
    }

    fn chosen_index(&self, payload: &[u8]) -> Option<PackIndex> {
        match self.chosen {
            Some(chosen) => Some(PackIndex(chosen)),
            None if starts_json(payload) => {
                Some(PackIndex(self.recognition.pack(payload).unwrap_or(self.generic_json)))
            }
            None => None,
        }
    }

    /// The packs that a record with this payload meets. Each is found once for a record: it costs a walk over the payload.
    pub(super) fn met_by(&self, payload: Option<&[u8]>) -> Met {
        let (of_payload, otherwise) = match payload {
            Some(payload) => (self.chosen_index(payload), self.generic_line),
            None => (self.chosen_index(b""), self.generic_json),
        };
        Met { payload: of_payload, metadata: of_payload.unwrap_or(PackIndex(otherwise)) }
    }

    pub(super) fn at(&self, index: PackIndex) -> &Matcher {
        &self.matchers[index.0]
    }

    /// The pack by which rows below a header go; `None` where the chosen pack has shapes of its own.
    pub(super) fn for_rows(&self) -> Option<&Matcher> {
        match self.chosen {
            Some(chosen) => Some(&self.matchers[chosen]).filter(|matcher| matcher.lines.is_empty()),
            None => Some(self.fallback(Format::Line)),
        }
    }

    /// The pack for records of a format that no other pack recognises.
    pub(super) fn fallback(&self, format: Format) -> &Matcher {
        match format {
            Format::Json => &self.matchers[self.generic_json],
            Format::Line => &self.matchers[self.generic_line],
        }
    }

    /// Calls `each` with what the author's expressions of a pack find in `text`, and with what to do with it.
    pub(super) fn expressed(
        &self,
        matcher: &Matcher,
        text: &[u8],
        groups: &mut Groups,
        mut each: impl FnMut(Range<usize>, Action),
    ) {
        self.expressions.entities(matcher.expressions, text, groups, |place, span| {
            each(span, matcher.expression_actions[place]);
        });
    }

    /// The pack that knows a line by its shape, and the pattern; the pattern's holes replace what is in `holes`.
    ///
    /// Each pack's first pattern that fits stands for it. Of several packs that one goes before whose pattern prescribes
    /// the most text, for it says the most: a Traefik line is also one of Apache's with something behind it.
    pub(super) fn line(&self, text: &[u8], holes: &mut Vec<Hole>) -> Option<(&Matcher, &Pattern)> {
        holes.clear();
        let mut best: Option<(usize, usize)> = None;
        let mut fitting = None;
        for index in self.lines.candidates(text) {
            let Line { pack, literal_bytes, literal_bytes_max } = self.line_packs[index];
            let goes_before = |bytes: usize| best.is_none_or(|(most, _)| bytes > most);
            let before = holes.len();
            // Whatever pattern stands for the pack, the best one goes before it.
            if fitting == Some(pack) || !goes_before(literal_bytes_max) || !self.lines.fits(index, text, holes) {
                continue;
            }
            fitting = Some(pack);
            if goes_before(literal_bytes) {
                best = Some((literal_bytes, index));
                holes.drain(..before);
            } else {
                holes.truncate(before);
            }
        }
        let (_, index) = best?;
        Some((&self.matchers[self.line_packs[index].pack], self.lines.get(index)?))
    }

    /// The packs that know lines by their shape.
    pub(super) fn line_packs(&self) -> impl Iterator<Item = &Matcher> {
        self.matchers.iter().filter(|matcher| !matcher.lines.is_empty())
    }
}

/// A choice among packs, as places in their list.
struct Chosen {
    chosen: Option<usize>,
    generic_json: usize,
    generic_line: usize,
}

impl Chosen {
    fn new(known: &[&str], choice: &Choice) -> Result<Self, VeilError> {
        let position = |name: &str| {
            known.iter().position(|known| *known == name).ok_or_else(|| VeilError::UnknownPack {
                name: name.to_owned(),
                known: known.iter().map(|name| (*name).to_owned()).collect(),
            })
        };
        let chosen = match choice {
            Choice::Pack(name) => Some(position(name)?),
            Choice::Auto => None,
        };
        // A chosen pack is its own fallback when the generic ones are not loaded.
        let generic = |name| position(name).or_else(|error| chosen.ok_or(error));
        Ok(Self { chosen, generic_json: generic(GENERIC_JSON)?, generic_line: generic(GENERIC_LINE)? })
    }
}

/// `nginx@1+names@1`: the pack and the shared files it uses.
fn version_of(pack: &RulePack) -> String {
    let uses = pack.uses.iter().map(|used| format!("+{}@{}", used.name, used.version));
    format!("{}@{}{}", pack.name, pack.version, uses.collect::<String>())
}

/// Whether a payload is meant to be JSON. Text may begin with a bracket or a quote too: `[2026-01-01] …`, `{worker} …`,
/// `"GET /" …`; where the beginning does not tell, the whole decides.
pub(super) fn starts_json(text: &[u8]) -> bool {
    let text = trim_foreign_start(text);
    let second = text.get(1..).map(trim_foreign_start).and_then(<[u8]>::first);
    match (text.first(), second) {
        (Some(b'{'), Some(b'"')) => !is_ruby(text),
        (Some(b'{'), Some(b'}') | None) | (Some(b'['), Some(b'{' | b'"')) => true,
        (Some(b'[' | b'"'), _) => !matches!(last_token(text), Err(JsonError::Grammar { .. })),
        _ => false,
    }
}

/// Whether an object is one of Ruby's, with arrows behind its names: `{"user"=>"alice"}`.
fn is_ruby(text: &[u8]) -> bool {
    let mut names = text.splitn(3, |byte| *byte == b'"').skip(2);
    names.next().is_some_and(|behind| behind.trim_ascii_start().starts_with(b"=>"))
}

/// Reads to the end of the JSON text, or to what is wrong with it.
fn last_token(text: &[u8]) -> Result<(), JsonError> {
    let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
    while tokens.next_token()?.is_some() {}
    Ok(())
}

/// The text without white space of any script and byte order marks before it. JSON knows only ASCII white space, so what
/// begins otherwise is no JSON, but is meant to be: it is quarantined, rather than read as a line, where no path counts.
fn trim_foreign_start(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(first) = rest.get(..4).unwrap_or(rest).utf8_chunks().next().and_then(|c| c.valid().chars().next()) {
        if !first.is_whitespace() && first != BYTE_ORDER_MARK {
            break;
        }
        rest = &rest[first.len_utf8()..];
    }
    rest
}

/// Calls `each` with the names of the members of the outermost objects of a JSON text.
///
/// What is no JSON is quarantined by whatever pack it goes, so its grammar is not looked at here.
fn each_top_name(text: &[u8], mut each: impl FnMut(&[u8])) {
    let mut quotes = Quotes::default();
    quotes.read(Level::best(), text);
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(open) = quotes.next(at) {
        let Some(close) = quotes.next(open + 1) else { return };
        for byte in &text[at..open] {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        at = close + 1;
        if depth != 1 || !is_before_colon(&text[at..]) {
            continue;
        }
        let name = &text[open + 1..close];
        if quotes.next_backslash(open, close).is_none() {
            each(name);
        } else {
            let mut unescaped = Vec::new();
            escape::unescape(name, &mut unescaped);
            each(&unescaped);
        }
    }
}

/// Whether a colon comes first behind white space, as behind the name of a member.
fn is_before_colon(text: &[u8]) -> bool {
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Token;
    use crate::generate::{Generator, Kind, Options, Timeline};
    use crate::rules::library::Library;
    use proptest::prelude::*;

    /// The names at the top by the tokens of the text.
    fn top_names_by_tokens(text: &[u8]) -> Vec<Vec<u8>> {
        let (mut names, mut depth) = (Vec::new(), 0);
        let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
        while let Some(token) = tokens.next_token().unwrap() {
            match token {
                Token::ObjectStart => depth += 1,
                Token::ObjectEnd => depth -= 1,
                Token::Name(name) if depth == 1 => {
                    let mut unescaped = Vec::new();
                    escape::unescape(&text[name.inner], &mut unescaped);
                    names.push(unescaped);
                }
                Token::ArrayStart | Token::ArrayEnd => {}
                Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Bool(_) | Token::Null => {}
            }
        }
        names
    }

    fn json() -> impl Strategy<Value = String> {
        let blank = || prop::sample::select(vec!["", " ", "\n\t", "\r"]);
        let text = || {
            let piece = prop::sample::select(vec!["a", "{", "}", ":", "[", "\\\"", "\\\\", "\\u0061", "é", " ", ","]);
            prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
        };
        let leaf = prop_oneof![text(), Just("-1.5e3".to_owned()), Just("null".to_owned())];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let spaced =
                (blank(), inner, blank()).prop_map(|(before, value, behind)| [before, &value, behind].concat());
            let member =
                (text(), blank(), spaced.clone()).prop_map(|(name, blank, value)| format!("{name}{blank}:{value}"));
            prop_oneof![
                prop::collection::vec(spaced, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn names_at_the_top_are_those_of_the_tokens(text in json()) {
            let mut names = Vec::new();
            each_top_name(text.as_bytes(), |name| names.push(name.to_vec()));
            prop_assert_eq!(names, top_names_by_tokens(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_json_has_names_too() {
        for text in ["", "\"", "{\"a", "}}{\"a\"", "{\"a\" \"b\":1}", "{\"a\":}{\"b\\"] {
            each_top_name(text.as_bytes(), |name| assert!(name.len() <= 1));
        }
    }

    /// The pattern by trying all, in their order.
    fn line_by_trying(packs: &Packs, text: &[u8]) -> Option<(usize, Vec<Hole>)> {
        let mut best: Option<(usize, usize, Vec<Hole>)> = None;
        let mut fitting = None;
        for (index, line) in packs.line_packs.iter().enumerate() {
            let mut holes = Vec::new();
            if fitting == Some(line.pack) || !packs.lines.fits(index, text, &mut holes) {
                continue;
            }
            fitting = Some(line.pack);
            let bytes = packs.lines.get(index).map_or(0, Pattern::literal_bytes);
            if best.as_ref().is_none_or(|(most, ..)| bytes > *most) {
                best = Some((bytes, index, holes));
            }
        }
        best.map(|(_, index, holes)| (index, holes))
    }

    /// Invented lines, also hostile ones, and prefixes of them.
    #[test]
    fn the_pattern_that_prescribes_most_is_found_without_trying_all() {
        let library = Library::shipped();
        let mut loader = library.loader(&library);
        let shipped: Vec<RulePack> = library.packs.iter().map(|files| loader.parse(files).unwrap()).collect();
        let packs = Packs::compile(&shipped, &Choice::Auto).unwrap();
        let kinds = vec![Kind::Nginx, Kind::Sshd];
        let timeline = Timeline::paced(1_767_225_600_000, 10);
        let events = Generator::new(Options { seed: 1, kinds, timeline, hostile_per_mille: 100 }).take(300);
        let mut found_any = 0;
        for event in events {
            for text in [event.line.as_slice(), &event.line[..event.line.len() / 2]] {
                let mut holes = Vec::new();
                let found = packs.line(text, &mut holes).map(|(_, pattern)| pattern.pattern.clone());
                let expected = line_by_trying(&packs, text);
                let pattern = expected.as_ref().and_then(|(index, _)| packs.lines.get(*index));
                assert_eq!(found, pattern.map(|pattern| pattern.pattern.clone()));
                assert_eq!(holes, expected.map(|(_, holes)| holes).unwrap_or_default());
                found_any += usize::from(found.is_some());
            }
        }
        assert!(found_any > 200, "{found_any}");
    }
}
