//! Brackets around pairs, and what they are called: `session: {id: 7}`, `Session{id=7}`, `map[session:map[id:7]]`,
//! `#<Session id: 7>`.
//!
//! Texts are no documents: they are cut, forged and quoted, so that brackets need not match. A bracket that nothing
//! closes holds the rest; one that closes nothing is text.

use super::pairs;
use super::scan::{byte, byte_before, part, run_end, run_start, work};
use std::ops::Range;

/// Brackets inside each other that are told apart; what stands deeper belongs to the innermost of these.
const DEPTH_MAX: usize = 32;

/// A bracket that holds pairs, and what stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The name of the pair whose value it is: `session` in `session=Session{`.
    pub name: Option<Range<usize>>,
    /// The word that it begins with: `Session` in `session=Session{`.
    pub kind: Option<Range<usize>>,
    close: u8,
}

/// Walks through a text, and knows which brackets are open.
pub struct Nesting<'t> {
    text: &'t [u8],
    at: usize,
    open: Vec<Container>,
}

impl<'t> Nesting<'t> {
    /// Starts at the beginning of `text`.
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// The innermost container around `at`. Never goes back: `at` must not be before that of an earlier call.
    pub fn around(&mut self, at: usize) -> Option<&Container> {
        while let Some(next) = part(self.text, self.at..at).iter().position(|byte| BRACKETS[usize::from(*byte)]) {
            let bracket = self.at + next;
            work::count(next + 1);
            self.at = bracket + 1;
            self.bracket(bracket);
        }
        self.at = self.at.max(at);
        self.open.last()
    }

    fn bracket(&mut self, at: usize) {
        let close = match self.text[at] {
            b'{' => b'}',
            b'[' => b']',
            b'(' => b')',
            b'<' => b'>',
            close => return self.close(at, close),
        };
        if self.open.len() == DEPTH_MAX {
            return;
        }
        let container = if close == b'>' { inspected(self.text, at) } else { Some(container(self.text, at, close)) };
        let Some(mut container) = container else { return };
        // The items of a list are what the list is called: `sessions: [{id: 7}, {id: 8}]`.
        if let Some(list) = self.open.last().filter(|outer| outer.close == b']')
            && (&container.name, &container.kind) == (&None, &None)
        {
            (container.name, container.kind) = (list.name.clone(), list.kind.clone());
        }
        self.open.push(container);
    }

    fn close(&mut self, at: usize, close: u8) {
        // An arrow closes nothing: `=>`, `->`.
        if close == b'>' && matches!(byte_before(self.text, at), Some(b'=' | b'-')) {
            return;
        }
        work::count(self.open.len());
        if let Some(opened) = self.open.iter().rposition(|container| container.close == close) {
            self.open.truncate(opened);
        }
    }
}

/// The brackets that open and close containers.
static BRACKETS: [bool; 256] = {
    let mut brackets = [false; 256];
    let bytes = b"{}[]()<>";
    let mut at = 0;
    while at < bytes.len() {
        brackets[bytes[at] as usize] = true;
        at += 1;
    }
    brackets
};

/// The container that opens at `at`.
fn container(text: &[u8], at: usize, close: u8) -> Container {
    // `Session [id=7]`: Java writes a blank there, and Rust before a brace.
    let word_end = if byte_before(text, at) == Some(b' ') && close != b')' { at - 1 } else { at };
    let kind = word_before(text, word_end);
    let start = kind.as_ref().map_or(at, |kind| kind.start);
    Container { name: pairs::name_before_value(text, start), kind, close }
}

/// The container that an angle bracket opens, with its word behind it, as Ruby and Python inspect objects and XML has
/// elements: `#<Session id: 7>`, `<Session id=7>`, `<session id="7"/>`.
fn inspected(text: &[u8], at: usize) -> Option<Container> {
    let end = run_end(text, at + 1, is_word);
    let is_kind = byte(text, at + 1)?.is_ascii_alphabetic() && matches!(byte(text, end), Some(b' ' | b':'));
    let start = if byte_before(text, at) == Some(b'#') { at - 1 } else { at };
    is_kind.then(|| Container { name: pairs::name_before_value(text, start), kind: Some(at + 1..end), close: b'>' })
}

/// The word that ends at `end`, with a letter first.
fn word_before(text: &[u8], end: usize) -> Option<Range<usize>> {
    let start = run_start(text, 0, end, is_word);
    byte(text, start).filter(|first| start < end && !first.is_ascii_digit()).map(|_| start..end)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts what stands around the mark `§`: the name and the word of the container.
    #[track_caller]
    fn check(text: &str, name: &str, kind: &str) {
        let at = text.find('§').unwrap();
        let mut nesting = Nesting::new(text.as_bytes());
        let container = nesting.around(at);
        let written = |range: Option<Range<usize>>| range.map_or("", |range| &text[range]);
        let found = container.map(|container| (written(container.name.clone()), written(container.kind.clone())));
        assert_eq!(found, Some((name, kind)), "in {text}");
    }

    #[test]
    fn containers_have_names_and_words() {
        check("{'session': {'id§': 7}}", "session", "");
        check("a=1 session: { x: {y: 1}, id§: 7", "session", "");
        check(r#"{"user"=>{"a"=>{}, "login§"=>"x"}}"#, "user", "");
        check(r#"{:user=>{:login§=>"x"}}"#, "user", "");
        check("map[user:map[a:b c§:d]]", "user", "map");
        check("Created User{id§=4711}", "", "User");
        check("x, session=Session{id§='q'}", "session", "Session");
        check("com.example.User [a=[1, 2], id§=1]", "", "com.example.User");
        check("User { id§: 7 }", "", "User");
        check("#<User id§: 7>", "", "User");
        check("a=>b, owner: <User id§=7>", "owner", "User");
        check(r#"<user id§="7"/>"#, "", "user");
        check("Sessions:[{ID:1 IP:2} {ID§:3}]", "Sessions", "");
        check(r#"\"user\":{\"name§\":1"#, "user", "");
        check("(a) [b] (id§=7)", "", "");
    }

    #[test]
    fn brackets_need_not_match() {
        check("user={a] b) id§=7", "user", "");
        check("x=(a user={a) b={ id§", "b", "");
        let mut nesting = Nesting::new(b"a) b] >c d=1");
        assert_eq!(nesting.around(12), None);
        let deep = b"a={".repeat(10_000);
        let mut nesting = Nesting::new(&deep);
        assert!(nesting.around(deep.len()).is_some());
        assert_eq!(nesting.open.len(), DEPTH_MAX);
    }
}
