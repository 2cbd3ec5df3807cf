//! A line as it is written: its bytes, and where the entities stand in them.

use super::Entity;
use crate::rules::Class;
use std::borrow::Cow;
use std::fmt;

/// A line and its truth.
#[derive(Default)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// In order, without overlaps.
    pub(super) truth: Vec<Entity>,
}

impl Line {
    /// Writes text under so many layers of JSON escapes.
    pub(super) fn text(&mut self, text: &str, layers: usize) {
        self.bytes.extend_from_slice(escaped(text, layers).as_bytes());
    }

    /// Writes an entity, spelled like this, under so many layers of JSON escapes.
    pub(super) fn entity(&mut self, class: Class, value: &str, spelled: &str, layers: usize) {
        let start = self.bytes.len();
        self.text(spelled, layers);
        self.truth.push(Entity { class, value: value.to_owned(), span: start..self.bytes.len() });
    }

    /// Puts bytes in at the first place from `at` on that is inside no entity.
    pub(super) fn insert(&mut self, at: usize, bytes: &[u8]) {
        let around = self.truth.iter().find(|entity| entity.span.start < at && at < entity.span.end);
        let at = around.map_or(at, |entity| entity.span.end);
        self.bytes.splice(at..at, bytes.iter().copied());
        for entity in self.truth.iter_mut().filter(|entity| entity.span.start >= at) {
            entity.span = entity.span.start + bytes.len()..entity.span.end + bytes.len();
        }
    }

    /// Cuts the line off. An entity that does not stand there whole any more is none.
    pub(super) fn cut(&mut self, at: usize) {
        self.bytes.truncate(at);
        self.truth.retain(|entity| entity.span.end <= at);
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The text under so many layers of JSON escapes (RFC 8259, section 7).
fn escaped(text: &str, layers: usize) -> Cow<'_, str> {
    let mut escaped = Cow::Borrowed(text);
    for _ in 0..layers {
        if !escaped.bytes().any(needs_escape) {
            break;
        }
        escaped = Cow::Owned(escape(&escaped));
    }
    escaped
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\0'..'\x20' => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let mut line = Line::default();
        line.text("a ", 0);
        line.entity(Class::User, "b", "bbb", 0);
        line.text(" c ", 0);
        line.entity(Class::User, "d", "ddd", 0);
        line
    }

    fn spelled(line: &Line) -> Vec<&str> {
        let text = std::str::from_utf8(&line.bytes).unwrap();
        line.truth.iter().map(|entity| &text[entity.span.clone()]).collect()
    }

    #[test]
    fn layers_are_those_of_a_json_writer() {
        for text in ["plain", "a \"b\" \\ c", "line\nnext\u{1}", "ü 王"] {
            let once = serde_json::to_string(text).unwrap();
            let twice = serde_json::to_string(&once[1..once.len() - 1]).unwrap();
            assert_eq!(escaped(text, 1), once[1..once.len() - 1]);
            assert_eq!(escaped(text, 2), twice[1..twice.len() - 1]);
        }
    }

    #[test]
    fn entities_move_with_what_is_put_in() {
        let mut line = line();
        line.insert(3, b"!!");
        assert_eq!((line.bytes.as_slice(), spelled(&line)), (&b"a bbb!! c ddd"[..], vec!["bbb", "ddd"]));
        line.insert(0, b">");
        assert_eq!(spelled(&line), ["bbb", "ddd"]);
    }

    #[test]
    fn half_an_entity_is_none() {
        let mut line = line();
        line.cut(line.bytes.len() - 1);
        assert_eq!(spelled(&line), ["bbb"]);
    }
}
