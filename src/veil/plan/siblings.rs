//! Objects that name their value beside it: `{"key": "username", "value": "alice"}`.
//!
//! The name may come first or last, so it is looked for before the text is planned: in one pass, and only where a text
//! has members that could be such values.

use crate::decode::json::{Quoted, Token, Tokens};
use crate::veil::JSON_DEPTH_MAX;
use memchr::memmem;

/// Longest name of a field that is looked at, in bytes between its quotes.
const NAME_BYTES_MAX: usize = 128;

/// Members that say what the object's value is called, in any case: Google Workspace and GitLab have `name` and `key`,
/// Microsoft 365 `Name` and `displayName`, Windows events in JSON `@Name`.
const NAMES: [&[u8]; 10] = [
    b"key",
    b"name",
    b"@name",
    b"displayname",
    b"field",
    b"fieldname",
    b"attribute",
    b"property",
    b"param",
    b"parameter",
];

/// Members that hold such a value, in any case. OpenTelemetry has one for each type (`AnyValue` in `common.proto`), Google
/// Workspace has `multiValue`, Microsoft 365 `NewValue` and `OldValue`, XML turned into JSON `#text`.
const VALUES: [&[u8]; 22] = [
    b"value",
    b"values",
    b"#text",
    b"content",
    b"newvalue",
    b"oldvalue",
    b"new_value",
    b"old_value",
    b"stringvalue",
    b"string_value",
    b"intvalue",
    b"int_value",
    b"doublevalue",
    b"double_value",
    b"bytesvalue",
    b"bytes_value",
    b"arrayvalue",
    b"array_value",
    b"multivalue",
    b"multiintvalue",
    b"multi_value",
    b"multi_int_value",
];

/// What stands in every text that has such a member.
const SIGNS: [&[u8]; 6] = [b"alue\"", b"ALUE\"", b"ALUES\"", b"alues\"", b"#text\"", b"ontent\""];

/// Whether a member may hold a value that a sibling names.
pub(super) fn is_value(name: &[u8]) -> bool {
    VALUES.iter().any(|value| value.eq_ignore_ascii_case(name))
}

/// The names that stand beside their values in a JSON text, each with the number of its object, ascending. Objects are
/// numbered as they open.
pub(super) fn find(text: &[u8]) -> Vec<(usize, Quoted)> {
    if SIGNS.iter().all(|sign| memmem::find(text, sign).is_none()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut objects = 0;
    let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
    // What is wrong with a text is for its planning to say.
    while let Ok(Some(token)) = tokens.next_token() {
        match token {
            Token::ObjectStart => {
                open.push(Open { number: objects, ..Open::default() });
                objects += 1;
            }
            Token::ArrayStart => open.push(Open::default()),
            Token::ObjectEnd | Token::ArrayEnd => {
                if let Some(Open { number, name: Some(name), has_value: true, .. }) = open.pop() {
                    found.push((number, name));
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
    found.sort_unstable_by_key(|(number, _)| *number);
    found
}

/// An open object or array.
#[derive(Default)]
struct Open {
    number: usize,
    /// Whether the present member is one that names the value.
    at_name: bool,
    name: Option<Quoted>,
    has_value: bool,
}

impl Open {
    fn member(&mut self, name: &[u8]) {
        self.at_name = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.has_value |= is_value(name);
    }

    fn text(&mut self, value: Quoted) {
        if std::mem::take(&mut self.at_name) && self.name.is_none() && value.inner.len() <= NAME_BYTES_MAX {
            self.name = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str)]) {
        let found = find(text.as_bytes());
        let found: Vec<_> = found.into_iter().map(|(number, name)| (number, &text[name.inner])).collect();
        assert_eq!(found, expected, "in {text}");
    }

    #[test]
    fn names_beside_values() {
        check(r#"{"key":"username","value":"alice"}"#, &[(0, "username")]);
        check(r##"[{"a":1},{"#text":"alice","@Name":"User"}]"##, &[(1, "User")]);
        check(r##"{"Name":"a","Value":[{"name":"b","content":{}}]}"##, &[(0, "a"), (1, "b")]);
        check(r#"{"key":"a","key":"b","value":1}"#, &[(0, "a")]);
    }

    #[test]
    fn no_names_beside_values() {
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
        check(&format!(r#"{{"key":"{}","value":1}}"#, "a".repeat(NAME_BYTES_MAX + 1)), &[]);
    }
}
