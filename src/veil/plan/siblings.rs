//! Objects that name their content beside it: `{"key": "username", "value": "alice"}`.
//!
//! The label usually comes first. Where it does not, one pass over the text finds all labels.

use crate::decode::json::{Quoted, Token, Tokens};
use crate::veil::JSON_DEPTH_MAX;

/// Longest label that is looked at, in bytes between its quotes.
pub(super) const LABEL_BYTES_MAX: usize = 128;

/// What a member is to the others of its object, as in `{"name": "user", "value": "alice"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Plain,
    /// Its text is the name of what the content is.
    Label,
    /// The value that the label names, or that the object's own name names: `{"user": {"value": "alice"}}`.
    Content,
}

/// Names of labels, reduced: OTLP's and AWS's `key`, Windows' and HAR's `name`, Microsoft Entra's `displayName`.
const LABELS: [&[u8]; 10] = [
    b"name",
    b"key",
    b"displayname",
    b"field",
    b"fieldname",
    b"attribute",
    b"property",
    b"param",
    b"parameter",
    b"header",
];

/// Names of contents, reduced: also what OTLP, Google and Microsoft wrap values in, XML's `#text` and DynamoDB's types.
const CONTENTS: [&[u8]; 26] = [
    b"value",
    b"values",
    b"val",
    b"text",
    b"content",
    b"raw",
    b"original",
    b"string",
    b"stringvalue",
    b"stringval",
    b"strval",
    b"intvalue",
    b"intval",
    b"longvalue",
    b"doublevalue",
    b"numbervalue",
    b"bytesvalue",
    b"arrayvalue",
    b"multivalue",
    b"multiintvalue",
    b"newvalue",
    b"oldvalue",
    b"displayvalue",
    b"s",
    b"n",
    b"t",
];

impl Role {
    /// The role of a member with this name.
    pub(super) fn of(name: &[u8]) -> Self {
        let is = |known: &&[u8]| is_reduced(name, known);
        if LABELS.iter().any(is) {
            Self::Label
        } else if CONTENTS.iter().any(is) {
            Self::Content
        } else {
            Self::Plain
        }
    }
}

/// Whether a name is `reduced` without its case and punctuation.
fn is_reduced(name: &[u8], reduced: &[u8]) -> bool {
    let mut rest = reduced.iter();
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    name.len() >= reduced.len()
        && letters.into_iter().all(|byte| rest.next() == Some(&byte.to_ascii_lowercase()))
        && rest.next().is_none()
}

/// The labels of a JSON text that stand behind their contents.
pub(super) struct Labels<'t> {
    text: &'t [u8],
    /// By the number of its object, ascending; `None` until one is asked for.
    found: Option<Vec<(usize, Quoted)>>,
}

impl<'t> Labels<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, found: None }
    }

    /// The label of an object that has a content, too. Objects are numbered as they open.
    pub(super) fn of(&mut self, object: usize) -> Option<Quoted> {
        let found = self.found.get_or_insert_with(|| find(self.text));
        let place = found.binary_search_by_key(&object, |(object, _)| *object).ok()?;
        Some(found[place].1.clone())
    }
}

/// The labels that stand beside contents in a JSON text, each with the number of its object, ascending.
fn find(text: &[u8]) -> Vec<(usize, Quoted)> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut objects = 0;
    let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
    // What is wrong with a text is for its planning to say.
    while let Ok(Some(token)) = tokens.next_token() {
        match token {
            Token::ObjectStart => {
                open.push(Open { object: objects, ..Open::default() });
                objects += 1;
            }
            Token::ArrayStart => open.push(Open::default()),
            Token::ObjectEnd | Token::ArrayEnd => {
                if let Some(Open { object, label: Some(label), has_content: true, .. }) = open.pop() {
                    found.push((object, label));
                }
            }
            Token::Name(name) => {
                if let Some(object) = open.last_mut() {
                    object.member(&text[name.inner]);
                }
            }
            Token::Text(value) => {
                if let Some(object) = open.last_mut() {
                    object.text(value);
                }
            }
            Token::Number(_) | Token::Bool(_) | Token::Null => {}
        }
    }
    found.sort_unstable_by_key(|(object, _)| *object);
    found
}

/// An open object or array.
#[derive(Default)]
struct Open {
    object: usize,
    /// Whether the present member is a label.
    at_label: bool,
    label: Option<Quoted>,
    has_content: bool,
}

impl Open {
    fn member(&mut self, name: &[u8]) {
        let role = Role::of(name);
        self.at_label = role == Role::Label;
        self.has_content |= role == Role::Content;
    }

    fn text(&mut self, text: Quoted) {
        if std::mem::take(&mut self.at_label) && self.label.is_none() && text.inner.len() <= LABEL_BYTES_MAX {
            self.label = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_roles() {
        for (name, role) in [
            ("Key", Role::Label),
            ("@Name", Role::Label),
            ("field_name", Role::Label),
            ("#text", Role::Content),
            ("string_value", Role::Content),
            ("S", Role::Content),
            ("values2", Role::Plain),
            ("valu", Role::Plain),
            ("välue", Role::Plain),
            ("", Role::Plain),
        ] {
            assert_eq!(Role::of(name.as_bytes()), role, "{name}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str)]) {
        let found = find(text.as_bytes());
        let found: Vec<_> = found.into_iter().map(|(object, label)| (object, &text[label.inner])).collect();
        assert_eq!(found, expected, "in {text}");
    }

    #[test]
    fn labels_beside_contents() {
        check(r#"{"key":"username","value":"alice"}"#, &[(0, "username")]);
        check(r##"[{"a":1},{"#text":"alice","@Name":"User"}]"##, &[(1, "User")]);
        check(r##"{"Name":"a","Value":[{"name":"b","content":{}}]}"##, &[(0, "a"), (1, "b")]);
        check(r#"{"key":"a","key":"b","value":1}"#, &[(0, "a")]);
    }

    #[test]
    fn no_labels_beside_contents() {
        for text in [
            r#"{"key":"username"}"#,
            r#"{"value":"alice"}"#,
            r#"{"key":{"name":"a"},"value":1}"#,
            r#"{"key":1,"value":1}"#,
            r#"{"key":["a"],"value":1}"#,
            r#"{"key":"a","value":1"#,
        ] {
            check(text, &[]);
        }
        check(&format!(r#"{{"key":"{}","value":1}}"#, "a".repeat(LABEL_BYTES_MAX + 1)), &[]);
    }
}
