//! Matches a line against a [`LinePattern`]: literal text with named holes.

use crate::rules::{Extent, LinePattern, Part};
use std::ops::Range;

/// How many places a greedy hole tries before it gives up.
const GREEDY_TRIES_MAX: usize = 32;

/// What becomes of a pattern whose greedy hole gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// The hole takes the whole rest: too much is replaced then, never too little. For messages: what stands before the
    /// hole tells that the text is one.
    TakesRest,
    /// It does not match. For whole lines: an early hole followed by a common literal would take lines of any other kind.
    Misfits,
}

/// Text that a hole spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Index of the hole in the pattern's parts.
    pub part: usize,
    /// Bytes of the line.
    pub span: Range<usize>,
}

/// Matches the whole of `line` and appends its holes in order; `false` leaves `holes` as it was.
///
/// Linear in the line: a hole ends where the next literal stands, and only a greedy hole tries several places (at most
/// 32); `given_up` says what becomes of the line when none of these fits.
pub fn holes(pattern: &LinePattern, line: &[u8], given_up: GivenUp, holes: &mut Vec<Hole>) -> bool {
    let before = holes.len();
    for line in readings(line) {
        if rest(Parts { parts: &pattern.parts, given_up }, 0, line, 0, holes).is_ok() {
            return true;
        }
        holes.truncate(before);
    }
    false
}

/// The line as it is, and without white space at its end: producers leave `\r`, line feeds and blanks there.
fn readings(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = line.trim_ascii_end();
    std::iter::once(line).chain((trimmed.len() < line.len()).then_some(trimmed))
}

/// How far `line` follows the pattern: the index of the first part that does not fit, or `None` when all do.
///
/// For explaining a near miss of a whole line.
pub fn first_misfit(pattern: &LinePattern, line: &[u8]) -> Option<usize> {
    let parts = Parts { parts: &pattern.parts, given_up: GivenUp::Misfits };
    let misfit = |line| rest(parts, 0, line, 0, &mut Vec::new()).err();
    // `None` is a match, which no misfit is better than.
    readings(line).map(misfit).max_by_key(|misfit| misfit.unwrap_or(usize::MAX)).flatten()
}

/// The parts of a pattern, and what becomes of it when its greedy hole gives up.
#[derive(Clone, Copy)]
struct Parts<'p> {
    parts: &'p [Part],
    given_up: GivenUp,
}

impl<'p> Parts<'p> {
    /// The literal behind the hole at `part`.
    fn literal_behind(self, part: usize) -> Option<&'p str> {
        match self.parts.get(part + 1) {
            Some(Part::Literal(literal)) => Some(literal),
            Some(Part::Hole { .. }) | None => None,
        }
    }
}

/// Matches the parts from `part` on against `line[at..]`; the error is the part that did not fit.
fn rest(parts: Parts<'_>, mut part: usize, line: &[u8], mut at: usize, holes: &mut Vec<Hole>) -> Result<(), usize> {
    while let Some(current) = parts.parts.get(part) {
        match current {
            Part::Literal(literal) => {
                if !begins_with(&line[at..], literal.as_bytes()) {
                    return Err(part);
                }
                at += literal.len();
            }
            Part::Hole { extent: Extent::Greedy, .. } => return greedy(parts, part, line, at, holes),
            Part::Hole { extent, .. } => {
                let (value, len) = hole(*extent, parts.literal_behind(part), &line[at..]).ok_or(part)?;
                holes.push(Hole { part, span: at + value.start..at + value.end });
                at += len;
            }
        }
        part += 1;
    }
    if at == line.len() { Ok(()) } else { Err(part) }
}

/// Tries the places where the next literal stands from the last to the first, so that whatever a stranger wrote into the
/// hole cannot end it early.
fn greedy(parts: Parts<'_>, part: usize, line: &[u8], at: usize, holes: &mut Vec<Hole>) -> Result<(), usize> {
    let Some(literal) = parts.literal_behind(part) else {
        holes.push(Hole { part, span: at..line.len() });
        return Ok(());
    };
    let before = holes.len();
    let mut misfit = part + 1;
    let mut behind = line.len() - at;
    let places = std::iter::from_fn(|| {
        behind = rfind(&line[at..at + behind], literal.as_bytes())?;
        Some(behind)
    });
    for (tries, len) in places.enumerate() {
        if tries == GREEDY_TRIES_MAX {
            return match parts.given_up {
                GivenUp::Misfits => Err(misfit),
                GivenUp::TakesRest => {
                    holes.push(Hole { part, span: at..line.len() });
                    Ok(())
                }
            };
        }
        holes.push(Hole { part, span: at..at + len });
        match rest(parts, part + 1, line, at + len, holes) {
            Ok(()) => return Ok(()),
            Err(deeper) => misfit = misfit.max(deeper),
        }
        holes.truncate(before);
    }
    Err(misfit)
}

/// How patterns begin, up to their greedy holes: a tree, in which what several have in common is matched once.
#[derive(Debug, Default)]
pub struct PatternTree {
    /// The patterns of which no more is in the tree.
    ended: Vec<usize>,
    next: Vec<(Step, PatternTree)>,
}

/// A hole and the literal behind it, or the literal at the start of a pattern.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    hole: Option<Extent>,
    literal: Option<String>,
}

/// A word at the start of a text.
struct Word {
    len: usize,
    /// What stands behind it.
    behind: u64,
}

impl PatternTree {
    /// Adds a pattern, which is known by `number` from then on.
    pub fn add(&mut self, pattern: &LinePattern, number: usize) {
        let mut tree = self;
        let mut parts = pattern.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let step = match part {
                Part::Literal(literal) => Step { hole: None, literal: Some(literal.clone()) },
                Part::Hole { extent: Extent::Greedy, .. } => break,
                Part::Hole { extent, .. } => {
                    let literal = parts.next_if(|part| matches!(part, Part::Literal(_)));
                    let literal = literal.and_then(|part| match part {
                        Part::Literal(literal) => Some(literal.clone()),
                        Part::Hole { .. } => None,
                    });
                    Step { hole: Some(*extent), literal }
                }
            };
            let known = tree.next.iter().position(|(known, _)| *known == step);
            let place = known.unwrap_or_else(|| {
                tree.next.push((step, Self::default()));
                tree.next.len() - 1
            });
            tree = &mut tree.next[place].1;
        }
        tree.ended.push(number);
    }

    /// Calls `each` with the patterns that `line` can have by its beginning; with some of them twice.
    pub fn each_candidate(&self, line: &[u8], mut each: impl FnMut(usize)) {
        for line in readings(line) {
            self.follow(line, &mut each);
        }
    }

    fn follow(&self, line: &[u8], each: &mut impl FnMut(usize)) {
        self.ended.iter().for_each(|number| each(*number));
        // Most patterns go on with a word and a blank: it is looked for once.
        let mut word = None;
        for (step, tree) in &self.next {
            let len = match (step.hole, &step.literal) {
                (Some(Extent::Word), Some(literal)) if literal.starts_with(is_white) => {
                    let word = word.get_or_insert_with(|| Word::at_start(line));
                    word.len_with(literal.as_bytes(), line)
                }
                (_, _) => step.len(line),
            };
            if let Some(rest) = len.and_then(|len| line.get(len..)) {
                tree.follow(rest, each);
            }
        }
    }
}

impl Word {
    fn at_start(text: &[u8]) -> Self {
        let len = word_len(text);
        Self { len, behind: head(&text[len..]) }
    }

    /// Bytes of the word and the literal, if that stands behind it in `text`.
    fn len_with(&self, literal: &[u8], text: &[u8]) -> Option<usize> {
        let is_far = (head(literal) ^ self.behind) & head_mask(literal.len()) != 0;
        let fits = !is_far && self.len > 0 && begins_with(&text[self.len..], literal);
        fits.then_some(self.len + literal.len())
    }
}

impl Step {
    /// Bytes that it takes at the start of `text`; `None` when it does not fit.
    fn len(&self, text: &[u8]) -> Option<usize> {
        let literal = self.literal.as_deref();
        let len = match self.hole {
            Some(extent) => hole(extent, literal, text)?.1,
            None => 0,
        };
        let literal = literal.unwrap_or_default().as_bytes();
        begins_with(text.get(len..)?, literal).then_some(len + literal.len())
    }
}

/// The first bytes of a text, the first one lowest; zeros where it is shorter.
pub fn head(text: &[u8]) -> u64 {
    text.first_chunk().map_or_else(
        || text.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte)),
        |first| u64::from_le_bytes(*first),
    )
}

/// The bits of [`head`] that so many bytes of a text take.
pub fn head_mask(bytes: usize) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(8 * bytes.min(8) as u32)).unwrap_or_default()
}

/// Whether `literal` stands at the start of `text`. For literals of a few bytes this is cheaper than a call.
fn begins_with(text: &[u8], literal: &[u8]) -> bool {
    text.len() >= literal.len() && literal.iter().zip(text).all(|(expected, byte)| expected == byte)
}

/// The value of a hole at the start of `text`, and the bytes that it takes with its quotes; `None` when it does not fit.
fn hole(extent: Extent, literal: Option<&str>, text: &[u8]) -> Option<(Range<usize>, usize)> {
    let find = |within: &[u8]| match literal {
        Some(literal) => find(within, literal.as_bytes()),
        None => Some(within.len()),
    };
    let len = match extent {
        Extent::Word => word(literal.map(str::as_bytes), text)?,
        Extent::Int => {
            let run = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
            (run > 0).then_some(run)?
        }
        Extent::Text | Extent::Greedy => find(text)?,
        Extent::Quoted => quoted_len(text)?,
        Extent::Csv => return csv_field(literal.and_then(|literal| literal.bytes().next()), text),
        Extent::Rest => text.len(),
    };
    Some((0..len, len))
}

/// Bytes of the word at the start of `text` up to the first place where `literal` stands in it or right behind it; `None`
/// where that is nowhere or at the start.
fn word(literal: Option<&[u8]>, text: &[u8]) -> Option<usize> {
    let len = match literal.and_then(|literal| Some((literal, literal.first()?))) {
        None => word_len(text),
        // No word holds white space.
        Some((literal, first)) if first.is_ascii_whitespace() => {
            let len = word_len(text);
            begins_with(&text[len..], literal).then_some(len)?
        }
        Some((literal, first)) => {
            let stands = |at: usize| text[at] == *first && begins_with(&text[at..], literal);
            let end = (0..text.len()).find(|at| text[*at].is_ascii_whitespace() || stands(*at))?;
            stands(end).then_some(end)?
        }
    };
    (len > 0).then_some(len)
}

fn is_white(character: char) -> bool {
    character.is_ascii_whitespace()
}

/// Bytes before the first white space.
fn word_len(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (chunks, _) = text.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        // The lowest bit that is set belongs to the first byte up to a blank, which is white space or a control character.
        let word = u64::from_le_bytes(*chunk);
        let low = word.wrapping_sub(ONES * (u64::from(b' ') + 1)) & !word & (ONES * 0x80);
        if low != 0 {
            let from = 8 * index + low.trailing_zeros() as usize / 8;
            return from + white_from(&text[from..]);
        }
    }
    let from = 8 * chunks.len();
    from + white_from(&text[from..])
}

fn white_from(text: &[u8]) -> usize {
    text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len())
}

/// The place in a literal of a byte that is rare in logs, if it has one.
fn rare(literal: &[u8]) -> usize {
    let is_rare = |byte: &u8| !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && !b" .:-/".contains(byte);
    literal.iter().position(is_rare).unwrap_or_default()
}

/// Where `literal` first stands in `text`. `memmem` makes itself ready for each search, which costs more than short texts are worth.
fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    let rare = rare(literal);
    let Some(sign) = literal.get(rare) else { return Some(0) };
    let mut from = rare;
    loop {
        let start = from + memchr::memchr(*sign, text.get(from..)?)? - rare;
        if begins_with(&text[start..], literal) {
            return Some(start);
        }
        from = start + rare + 1;
    }
}

/// Where `literal` last stands in `text`.
fn rfind(text: &[u8], literal: &[u8]) -> Option<usize> {
    let rare = rare(literal);
    let Some(sign) = literal.get(rare) else { return Some(text.len()) };
    let mut end = text.len();
    loop {
        let at = memchr::memrchr(*sign, &text[..end])?;
        if let Some(start) = at.checked_sub(rare).filter(|start| begins_with(&text[*start..], literal)) {
            return Some(start);
        }
        end = at;
    }
}

/// The value of the field that `text` begins with, without its quotes, and the bytes of the field with them; `None` when
/// its quotes do not close. Source: RFC 4180, section 2.
fn csv_field(separator: Option<u8>, text: &[u8]) -> Option<(Range<usize>, usize)> {
    if text.first() != Some(&b'"') {
        let len = separator.and_then(|separator| memchr::memchr(separator, text)).unwrap_or(text.len());
        return Some((0..len, len));
    }
    let mut end = 1;
    loop {
        end += memchr::memchr(b'"', text.get(end..)?)?;
        if text.get(end + 1) != Some(&b'"') {
            return Some((1..end, end + 1));
        }
        end += 2;
    }
}

/// Bytes before the next `"` that no backslash precedes.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn named(name: &str, extent: Extent) -> Part {
        Part::Hole { name: name.to_owned(), extent }
    }

    #[track_caller]
    fn check(parts: &[Part], line: &str, expect: Option<&[(&str, &str)]>) {
        let pattern = LinePattern { id: "test".to_owned(), parts: parts.to_vec(), line: 1 };
        let mut found = Vec::new();
        let matched = holes(&pattern, line.as_bytes(), GivenUp::Misfits, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|hole| match &parts[hole.part] {
                Part::Hole { name, .. } => (name.as_str(), &line[hole.span.clone()]),
                Part::Literal(_) => unreachable!("holes name holes"),
            })
            .collect();
        assert_eq!(matched.then_some(found.as_slice()), expect);
        assert_eq!(first_misfit(&pattern, line.as_bytes()).is_none(), matched);
    }

    fn failed_password() -> Vec<Part> {
        vec![
            literal("Failed password for invalid user "),
            named("user", Extent::Greedy),
            literal(" from "),
            named("client_ip", Extent::Word),
            literal(" port "),
            named("port", Extent::Int),
            literal(" ssh2"),
        ]
    }

    #[test]
    fn a_login_name_cannot_choose_the_address() {
        check(
            &failed_password(),
            "Failed password for invalid user test from 192.0.2.9 port 1 ssh2 from 192.0.2.7 port 22 ssh2",
            Some(&[("user", "test from 192.0.2.9 port 1 ssh2"), ("client_ip", "192.0.2.7"), ("port", "22")]),
        );
    }

    #[test]
    fn a_name_may_be_empty_or_hold_the_literal() {
        let line = "Failed password for invalid user  from 192.0.2.7 port 22 ssh2";
        check(&failed_password(), line, Some(&[("user", ""), ("client_ip", "192.0.2.7"), ("port", "22")]));
        let line = "Failed password for invalid user a from b from 192.0.2.7 port 22 ssh2";
        check(&failed_password(), line, Some(&[("user", "a from b"), ("client_ip", "192.0.2.7"), ("port", "22")]));
    }

    #[test]
    fn another_message_does_not_match() {
        check(&failed_password(), "Failed password for invalid user x", None);
        check(&failed_password(), "Failed password for invalid user x from 192.0.2.7 port y ssh2", None);
        check(&failed_password(), "", None);
    }

    #[test]
    fn a_hole_that_finds_no_end_gives_up() {
        let line = format!("Failed password for invalid user {} end", "x from ".repeat(100));
        let mut found = Vec::new();
        let pattern = LinePattern { id: "test".to_owned(), parts: failed_password(), line: 1 };
        assert!(!holes(&pattern, line.as_bytes(), GivenUp::Misfits, &mut found));
        assert_eq!(found, []);
        assert!(holes(&pattern, line.as_bytes(), GivenUp::TakesRest, &mut found));
        assert_eq!(found, [Hole { part: 1, span: 33..line.len() }]);
    }

    #[test]
    fn access_line() {
        let parts = [
            named("client_ip", Extent::Word),
            literal(" - "),
            named("user", Extent::Text),
            literal(" ["),
            named("time", Extent::Text),
            literal("] \""),
            named("request", Extent::Quoted),
            literal("\" "),
            named("rest", Extent::Rest),
        ];
        check(
            &parts,
            r#"2001:db8::1 - a b [01/Jan/2026:00:00:00 +0000] "GET /\"x\" HTTP/1.1" 200 5"#,
            Some(&[
                ("client_ip", "2001:db8::1"),
                ("user", "a b"),
                ("time", "01/Jan/2026:00:00:00 +0000"),
                ("request", r#"GET /\"x\" HTTP/1.1"#),
                ("rest", "200 5"),
            ]),
        );
    }

    #[test]
    fn fields_of_separated_values() {
        let [a, b, c] = ["a", "b", "c"].map(|name| named(name, Extent::Csv));
        let parts = [a, literal(","), b, literal(","), c];
        check(&parts, r#"1,"x, ""y""",z"#, Some(&[("a", "1"), ("b", r#"x, ""y"""#), ("c", "z")]));
        check(&parts, r#",,"#, Some(&[("a", ""), ("b", ""), ("c", "")]));
        check(&parts, r#""","a"b,"c""#, None);
        check(&parts, r#""a",b"c,"d"#, None);
        check(&parts, r#""a",b"c,d"#, Some(&[("a", "a"), ("b", r#"b"c"#), ("c", "d")]));
        check(&parts, "a,b", None);
        check(&parts, "a,b,c,d", Some(&[("a", "a"), ("b", "b"), ("c", "c,d")]));
    }

    #[test]
    fn a_word_ends_inside_a_run_without_spaces() {
        let parts = [named("process", Extent::Word), literal("["), named("pid", Extent::Int), literal("]: ok")];
        check(&parts, "sshd[42]: ok", Some(&[("process", "sshd"), ("pid", "42")]));
        check(&parts, "ss hd[42]: ok", None);
    }

    /// The word by the definition of [`Extent::Word`].
    fn word_by_definition(literal: Option<&str>, text: &[u8]) -> Option<usize> {
        let run = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let reach = literal.map_or(run, |literal| text.len().min(run + literal.len()));
        let end = match literal {
            Some(literal) => memchr::memmem::find(&text[..reach], literal.as_bytes())?,
            None => run,
        };
        (1..=run).contains(&end).then_some(end)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn words_and_literals_are_found_where_they_stand(
            text in "[ab:\\[ \\t\\r\u{1}\u{e9}-]{0,30}",
            literal in "[ab:\\[ \\t\u{e9}-]{1,3}",
        ) {
            let (text, bytes) = (text.as_bytes(), literal.as_bytes());
            prop_assert_eq!(find(text, bytes), memchr::memmem::find(text, bytes));
            prop_assert_eq!(rfind(text, bytes), memchr::memmem::rfind(text, bytes));
            prop_assert_eq!(word(Some(bytes), text), word_by_definition(Some(&literal), text));
            prop_assert_eq!(word(None, text), word_by_definition(None, text));
            prop_assert_eq!(begins_with(text, bytes), text.starts_with(bytes));
            let agree = (head(text) ^ head(bytes)) & head_mask(bytes.len()) == 0;
            prop_assert_eq!(agree && text.len() >= bytes.len(), text.starts_with(bytes));
        }
    }
}
