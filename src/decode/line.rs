//! Matches a line against a [`LinePattern`]: literal text with named holes. Start at [`Shape`].

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

/// A [`LinePattern`] made ready for matching: what its literals tell is worked out once.
#[derive(Debug, Clone)]
pub struct Shape {
    /// One for each part of the pattern.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(Literal),
    Hole(Extent),
}

impl Shape {
    /// The shape of lines that have this pattern.
    pub fn new(pattern: &LinePattern) -> Self {
        let piece = |part: &Part| match part {
            Part::Literal(text) => Piece::Literal(Literal::new(text)),
            Part::Hole { extent, .. } => Piece::Hole(*extent),
        };
        Self { pieces: pattern.parts.iter().map(piece).collect() }
    }

    /// Matches the whole of `line` and appends its holes in order; `false` leaves `holes` as it was.
    ///
    /// Linear in the line: a hole ends where the next literal stands, and only a greedy hole tries several places (at most
    /// 32); `given_up` says what becomes of the line when none of these fits.
    pub fn holes(&self, line: &[u8], given_up: GivenUp, holes: &mut Vec<Hole>) -> bool {
        let before = holes.len();
        for line in readings(line) {
            if rest(Pieces { pieces: &self.pieces, given_up }, 0, line, 0, holes).is_ok() {
                return true;
            }
            holes.truncate(before);
        }
        false
    }

    /// How far `line` follows the pattern: the index of the first part that does not fit, or `None` when all do.
    ///
    /// For explaining a near miss of a whole line.
    pub fn first_misfit(&self, line: &[u8]) -> Option<usize> {
        let pieces = Pieces { pieces: &self.pieces, given_up: GivenUp::Misfits };
        let misfit = |line| rest(pieces, 0, line, 0, &mut Vec::new()).err();
        // `None` is a match, which no misfit is better than.
        readings(line).map(misfit).max_by_key(|misfit| misfit.unwrap_or(usize::MAX)).flatten()
    }
}

/// The line as it is, and without white space at its end: producers leave `\r`, line feeds and blanks there.
fn readings(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = line.trim_ascii_end();
    std::iter::once(line).chain((trimmed.len() < line.len()).then_some(trimmed))
}

/// The pieces of a shape, and what becomes of it when its greedy hole gives up.
#[derive(Clone, Copy)]
struct Pieces<'p> {
    pieces: &'p [Piece],
    given_up: GivenUp,
}

impl<'p> Pieces<'p> {
    /// The literal behind the hole at `part`.
    fn literal_behind(self, part: usize) -> Option<&'p Literal> {
        match self.pieces.get(part + 1) {
            Some(Piece::Literal(literal)) => Some(literal),
            Some(Piece::Hole(_)) | None => None,
        }
    }
}

/// Matches the pieces from `part` on against `line[at..]`; the error is the part that did not fit.
fn rest(pieces: Pieces<'_>, mut part: usize, line: &[u8], mut at: usize, holes: &mut Vec<Hole>) -> Result<(), usize> {
    while let Some(piece) = pieces.pieces.get(part) {
        match piece {
            Piece::Literal(literal) => {
                if !literal.begins(&line[at..]) {
                    return Err(part);
                }
                at += literal.len();
            }
            Piece::Hole(Extent::Greedy) => return greedy(pieces, part, line, at, holes),
            Piece::Hole(extent) => {
                let (value, len) = hole(*extent, pieces.literal_behind(part), &line[at..]).ok_or(part)?;
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
fn greedy(pieces: Pieces<'_>, part: usize, line: &[u8], at: usize, holes: &mut Vec<Hole>) -> Result<(), usize> {
    let Some(literal) = pieces.literal_behind(part) else {
        holes.push(Hole { part, span: at..line.len() });
        return Ok(());
    };
    let before = holes.len();
    let mut misfit = part + 1;
    let mut behind = line.len() - at;
    let places = std::iter::from_fn(|| {
        behind = literal.rfind(&line[at..at + behind])?;
        Some(behind)
    });
    for (tries, len) in places.enumerate() {
        if tries == GREEDY_TRIES_MAX {
            return match pieces.given_up {
                GivenUp::Misfits => Err(misfit),
                GivenUp::TakesRest => {
                    holes.push(Hole { part, span: at..line.len() });
                    Ok(())
                }
            };
        }
        holes.push(Hole { part, span: at..at + len });
        match rest(pieces, part + 1, line, at + len, holes) {
            Ok(()) => return Ok(()),
            Err(deeper) => misfit = misfit.max(deeper),
        }
        holes.truncate(before);
    }
    Err(misfit)
}

/// How shapes begin, up to their greedy holes: a tree, in which what several have in common is matched once.
#[derive(Debug, Default)]
pub struct ShapeTree {
    /// The shapes of which no more is in the tree.
    ended: Vec<usize>,
    /// What comes next: words and numbers with a literal behind them, which have their length in common, and all else.
    words: Vec<(Literal, ShapeTree)>,
    ints: Vec<(Literal, ShapeTree)>,
    others: Vec<(Step, ShapeTree)>,
}

/// A hole and the literal behind it, or the literal at the start of a pattern.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    hole: Option<Extent>,
    literal: Option<Literal>,
}

impl ShapeTree {
    /// Adds a shape, which is known by `number` from then on.
    pub fn add(&mut self, shape: &Shape, number: usize) {
        let mut tree = self;
        let mut pieces = shape.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            tree = match piece {
                Piece::Literal(literal) => next(&mut tree.others, Step { hole: None, literal: Some(literal.clone()) }),
                Piece::Hole(Extent::Greedy) => break,
                Piece::Hole(extent) => {
                    let literal = pieces.next_if(|piece| matches!(piece, Piece::Literal(_)));
                    let literal = literal.and_then(|piece| match piece {
                        Piece::Literal(literal) => Some(literal.clone()),
                        Piece::Hole(_) => None,
                    });
                    match (extent, literal) {
                        (Extent::Word, Some(literal)) => next(&mut tree.words, literal),
                        (Extent::Int, Some(literal)) => next(&mut tree.ints, literal),
                        (extent, literal) => next(&mut tree.others, Step { hole: Some(*extent), literal }),
                    }
                }
            };
        }
        tree.ended.push(number);
    }

    /// Calls `each` with the shapes that `line` can have by its beginning; with some of them twice.
    pub fn each_candidate(&self, line: &[u8], mut each: impl FnMut(usize)) {
        for line in readings(line) {
            self.follow(line, &mut each);
        }
    }

    fn follow(&self, line: &[u8], each: &mut impl FnMut(usize)) {
        self.ended.iter().for_each(|number| each(*number));
        if !self.words.is_empty() {
            let run = word_len(line);
            for (literal, tree) in &self.words {
                if let Some(len) = word(Some(literal), line, run) {
                    tree.follow(&line[len + literal.len()..], each);
                }
            }
        }
        if !self.ints.is_empty()
            && let Some(run) = int(line)
        {
            for (literal, tree) in self.ints.iter().filter(|(literal, _)| literal.begins(&line[run..])) {
                tree.follow(&line[run + literal.len()..], each);
            }
        }
        for (step, tree) in &self.others {
            if let Some(rest) = step.len(line).and_then(|len| line.get(len..)) {
                tree.follow(rest, each);
            }
        }
    }
}

/// The tree behind `key`, made if there is none.
fn next<K: PartialEq>(list: &mut Vec<(K, ShapeTree)>, key: K) -> &mut ShapeTree {
    let place = list.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        list.push((key, ShapeTree::default()));
        list.len() - 1
    });
    &mut list[place].1
}

impl Step {
    /// Bytes that it takes at the start of `text`; `None` when it does not fit.
    fn len(&self, text: &[u8]) -> Option<usize> {
        let literal = self.literal.as_ref();
        let len = match self.hole {
            Some(extent) => hole(extent, literal, text)?.1,
            None => 0,
        };
        let Some(literal) = literal else { return Some(len) };
        literal.begins(text.get(len..)?).then_some(len + literal.len())
    }
}

/// A text that a pattern prescribes, and what is worked out of it once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Literal {
    text: Box<[u8]>,
    /// Its [`head`], and the bits of it that count.
    head: u64,
    mask: u64,
    /// Where its rarest byte stands: the search for it goes by that.
    rarest: usize,
    /// Where its first white space stands.
    white: Option<usize>,
}

impl Literal {
    fn new(text: &str) -> Self {
        let text = text.as_bytes();
        let rarity = |place: &usize| COMMON.iter().position(|common| *common == text[*place]).unwrap_or(COMMON.len());
        Self {
            text: text.into(),
            head: head(text),
            mask: head_mask(text.len()),
            rarest: (0..text.len()).max_by_key(rarity).unwrap_or_default(),
            white: text.iter().position(u8::is_ascii_whitespace),
        }
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it stands at the start of `text`.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        // Most texts differ at once, and comparing numbers is cheaper than a call.
        (head(text) ^ self.head) & self.mask == 0
            && text.len() >= self.text.len()
            && (self.text.len() <= HEAD_BYTES || text.starts_with(&self.text))
    }

    /// Where it first stands in `text`. `memmem` makes itself ready for each search, which costs more than short texts are
    /// worth.
    fn find(&self, text: &[u8]) -> Option<usize> {
        let Some(sign) = self.text.get(self.rarest) else { return Some(0) };
        let mut from = self.rarest;
        loop {
            let start = from + memchr::memchr(*sign, text.get(from..)?)? - self.rarest;
            if self.begins(&text[start..]) {
                return Some(start);
            }
            from = start + self.rarest + 1;
        }
    }

    /// Where it last stands in `text`.
    fn rfind(&self, text: &[u8]) -> Option<usize> {
        let Some(sign) = self.text.get(self.rarest) else { return Some(text.len()) };
        let mut end = text.len();
        loop {
            let at = memchr::memrchr(*sign, &text[..end])?;
            if let Some(start) = at.checked_sub(self.rarest).filter(|start| self.begins(&text[*start..])) {
                return Some(start);
            }
            end = at;
        }
    }
}

/// Bytes that are common in logs, the most common first; by experience, and only speed depends on it.
const COMMON: &[u8] = b" 0123456789etaoinsr.:-/hldcumfpgwybvkxjqz";

/// Bytes of a [`head`].
const HEAD_BYTES: usize = size_of::<u64>();

/// The first bytes of a text, the first one lowest; zeros where it is shorter.
#[inline]
pub fn head(text: &[u8]) -> u64 {
    text.first_chunk().map_or_else(
        || text.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte)),
        |first| u64::from_le_bytes(*first),
    )
}

/// The bits of [`head`] that so many bytes of a text take.
pub fn head_mask(bytes: usize) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(8 * bytes.min(HEAD_BYTES) as u32)).unwrap_or_default()
}

/// The value of a hole at the start of `text`, and the bytes that it takes with its quotes; `None` when it does not fit.
fn hole(extent: Extent, literal: Option<&Literal>, text: &[u8]) -> Option<(Range<usize>, usize)> {
    let len = match extent {
        Extent::Word => word(literal, text, word_len(text))?,
        Extent::Int => int(text)?,
        Extent::Text | Extent::Greedy => literal.map_or(Some(text.len()), |literal| literal.find(text))?,
        Extent::Quoted => quoted_len(text)?,
        Extent::Csv => return csv_field(literal.and_then(|literal| literal.text.first().copied()), text),
        Extent::Rest => text.len(),
    };
    Some((0..len, len))
}

/// Bytes of the word at the start of `text`, which ends with its `run` of bytes without white space, or at the first place
/// where `literal` stands in that or right behind it; `None` where that is nowhere or at the start.
fn word(literal: Option<&Literal>, text: &[u8], run: usize) -> Option<usize> {
    let len = match literal.filter(|literal| literal.len() > 0) {
        None => run,
        Some(literal) => match literal.white {
            // The first white space of both is the same.
            Some(white) => run.checked_sub(white).filter(|len| literal.begins(&text[*len..]))?,
            None => literal.find(&text[..run])?,
        },
    };
    (len > 0).then_some(len)
}

/// Bytes of the number at the start of `text`.
fn int(text: &[u8]) -> Option<usize> {
    let run = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (run > 0).then_some(run)
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
    use crate::rules::pattern;
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
        let shape = Shape::new(&pattern);
        let matched = shape.holes(line.as_bytes(), GivenUp::Misfits, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|hole| match &parts[hole.part] {
                Part::Hole { name, .. } => (name.as_str(), &line[hole.span.clone()]),
                Part::Literal(_) => unreachable!("holes name holes"),
            })
            .collect();
        assert_eq!(matched.then_some(found.as_slice()), expect);
        assert_eq!(shape.first_misfit(line.as_bytes()).is_none(), matched);
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
        let shape = Shape::new(&LinePattern { id: "test".to_owned(), parts: failed_password(), line: 1 });
        assert!(!shape.holes(line.as_bytes(), GivenUp::Misfits, &mut found));
        assert_eq!(found, []);
        assert!(shape.holes(line.as_bytes(), GivenUp::TakesRest, &mut found));
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

    /// The holes by the definition of [`Extent`], but for separated values.
    fn holes_by_definition(parts: &[Part], line: &str, given_up: GivenUp) -> Option<Vec<Range<usize>>> {
        let Some((first, behind)) = parts.split_first() else { return line.is_empty().then(Vec::new) };
        let extent = match first {
            Part::Literal(literal) => {
                let holes = holes_by_definition(behind, line.strip_prefix(literal.as_str())?, given_up)?;
                return Some(moved(holes, literal.len()));
            }
            Part::Hole { extent, .. } => *extent,
        };
        let literal = behind.first().and_then(|part| match part {
            Part::Literal(literal) => Some(literal.as_str()),
            Part::Hole { .. } => None,
        });
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let ends: Vec<usize> = match (extent, literal) {
            (Extent::Word, _) => word_by_definition(literal, line.as_bytes()).into_iter().collect(),
            (Extent::Int, _) => Some(digits).filter(|digits| *digits > 0).into_iter().collect(),
            (Extent::Quoted, _) => quoted_len(line.as_bytes()).into_iter().collect(),
            (Extent::Text, Some(literal)) => line.find(literal).into_iter().collect(),
            (Extent::Greedy, Some(literal)) => {
                (0..=line.len()).rev().filter(|at| line.as_bytes()[*at..].starts_with(literal.as_bytes())).collect()
            }
            (Extent::Rest | Extent::Text | Extent::Greedy, _) => vec![line.len()],
            (Extent::Csv, _) => unreachable!("no pattern of the test has one"),
        };
        let read = |end: &usize| {
            let holes = holes_by_definition(behind, line.get(*end..)?, given_up)?;
            Some(std::iter::once(0..*end).chain(moved(holes, *end)).collect())
        };
        let gives_up = extent == Extent::Greedy && ends.len() > GREEDY_TRIES_MAX && given_up == GivenUp::TakesRest;
        let found = ends.iter().take(GREEDY_TRIES_MAX).find_map(read);
        found.or_else(|| gives_up.then(|| std::iter::once(0..line.len()).collect()))
    }

    fn moved(spans: Vec<Range<usize>>, by: usize) -> Vec<Range<usize>> {
        spans.into_iter().map(|span| span.start + by..span.end + by).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn words_and_literals_are_found_where_they_stand(
            text in "[ab:\\[ \\t\\r\u{1}\u{e9}-]{0,30}",
            literal in "[ab:\\[ \\t\u{e9}-]{1,3}|[ab ]{8,10}",
        ) {
            let (text, bytes) = (text.as_bytes(), literal.as_bytes());
            let of = Literal::new(&literal);
            prop_assert_eq!(of.find(text), memchr::memmem::find(text, bytes));
            prop_assert_eq!(of.rfind(text), memchr::memmem::rfind(text, bytes));
            prop_assert_eq!(of.begins(text), text.starts_with(bytes));
            prop_assert_eq!(word(Some(&of), text, word_len(text)), word_by_definition(Some(&literal), text));
            prop_assert_eq!(word(None, text, word_len(text)), word_by_definition(None, text));
            let agree = (head(text) ^ head(bytes)) & head_mask(bytes.len()) == 0;
            prop_assert_eq!(agree && text.len() >= bytes.len(), text.starts_with(bytes));
        }

        #[test]
        fn holes_are_those_of_the_definition(
            pattern in prop::sample::select(vec![
                "<a> - <b:greedy> [<c:text>] \"<d:quoted>\" <e:int>",
                "<a>[<b:int>]: <c:rest>",
                "<a>: <b:greedy> from <c> port <d:int>",
                "<a:int>-<b:int>T<c>: <d:rest>",
                "xxxxxxxxx <a:greedy> from <b>: x<c:rest>",
                "<a:text>: x<b:rest>",
                "x <a:text> from xxxxxxxxx",
            ]),
            pieces in prop::collection::vec(prop::sample::select(vec![
                "x", "x: ", "1", "22", "-", " - ", " ", "T", "[", "] ", "]: ", " [", "\"", " \"", "\\\"", " from ", " port ", ": ", "\t",
                "xxxxxxxxx ", "\u{e9}",
            ]), 0..20),
            given_up in prop::sample::select(vec![GivenUp::TakesRest, GivenUp::Misfits]),
        ) {
            let line = pieces.concat();
            let parts = pattern::parse(pattern).unwrap();
            let shape = Shape::new(&LinePattern { id: String::new(), parts: parts.clone(), line: 1 });
            let mut found = Vec::new();
            let fits = shape.holes(line.as_bytes(), given_up, &mut found);
            let read = |line: &str| holes_by_definition(&parts, line, given_up);
            let expected = read(&line).or_else(|| read(line.trim_end_matches([' ', '\t'])));
            let found = fits.then(|| found.into_iter().map(|hole| hole.span).collect::<Vec<_>>());
            prop_assert_eq!(found, expected);
        }
    }
}
