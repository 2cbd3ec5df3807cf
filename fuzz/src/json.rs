//! logveil's JSON walker against `serde_json`: same texts accepted, same values read, and JSON comes out of JSON.

use crate::veils;
use logveil::decode::escape;
use logveil::decode::json::{JsonError, Quoted, Token, Tokens};
use logveil::veil::{JSON_DEPTH_MAX, Reason};
use serde_json::de::Deserializer;
use serde_json::error::Category;
use std::fmt;

/// What a JSON text consists of, in order.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Object,
    Array,
    End,
    Name(String),
    Text(String),
    /// As a floating point number, which is how the oracle reads it.
    Number(f64),
    Bool(bool),
    Null,
}

/// Checks one input.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        assert_eq!(veils::veiled(veils::named("generic-json"), data), Err(Reason::NotUtf8));
        return;
    };
    let ours = walk(text);
    match (oracle::items(text), &ours) {
        (Ok(theirs), Ok(ours)) => assert_eq!(ours, &theirs, "{text}"),
        // The oracle refuses numbers that no f64 holds and counts one level less; the grammar allows both.
        (Err(oracle::Refusal::Limit), _) => {}
        (Err(oracle::Refusal::Grammar), ours) => assert!(ours.is_err(), "accepted what is no JSON: {text}"),
        (Ok(_), Err(error)) => unreachable!("{error}, but it is JSON: {text}"),
    }
    check_veil(text, &ours);
}

/// What `generic-json` makes of it: quarantine for what is no JSON, the same structure for what is.
fn check_veil(text: &str, before: &Result<Vec<Item>, JsonError>) {
    let veiled = veils::veiled(veils::named("generic-json"), text.as_bytes());
    match (before, veiled) {
        (Err(_), Ok(_)) => unreachable!("no JSON came out clean: {text}"),
        (Err(error), Err(reason)) if !text.contains('\0') => assert_eq!(reason, Reason::from(*error), "{text}"),
        (_, Err(_)) => {}
        (Ok(before), Ok(veiled)) => {
            let clean = std::str::from_utf8(&veiled.payload).expect("clean text is UTF-8");
            let after = walk(clean).unwrap_or_default();
            assert_eq!(shape(before), shape(&after), "{text} became {clean}");
            assert!(veiled.accounts_for(text.as_bytes()), "nothing was replaced, yet {text} became {clean}");
        }
    }
}

/// The structure alone: a number may become a token, which is a text.
fn shape(items: &[Item]) -> Vec<char> {
    let letter = |item: &Item| match item {
        Item::Object => '{',
        Item::Array => '[',
        Item::End => ']',
        Item::Name(_) => 'n',
        Item::Text(_) | Item::Number(_) | Item::Bool(_) => 'v',
        Item::Null => '0',
    };
    items.iter().map(letter).collect()
}

fn walk(text: &str) -> Result<Vec<Item>, JsonError> {
    let mut tokens = Tokens::new(text.as_bytes(), JSON_DEPTH_MAX);
    let mut items = Vec::new();
    let part = |range| text.get(range).expect("tokens are ranges of the text");
    let unquote = |quoted: Quoted| {
        let mut bytes = Vec::new();
        escape::unescape(part(quoted.inner.clone()).as_bytes(), &mut bytes);
        assert!(quoted.escaped || bytes == part(quoted.inner).as_bytes());
        String::from_utf8(bytes).expect("a string is text")
    };
    while let Some(token) = tokens.next_token()? {
        items.push(match token {
            Token::ObjectStart => Item::Object,
            Token::ArrayStart => Item::Array,
            Token::ObjectEnd | Token::ArrayEnd => Item::End,
            Token::Name(name) => Item::Name(unquote(name)),
            Token::Text(text) => Item::Text(unquote(text)),
            Token::Number(number) => Item::Number(part(number).parse().expect("a number of JSON is one of Rust")),
            Token::Bool(word) => Item::Bool(part(word) == "true"),
            Token::Null => Item::Null,
        });
    }
    Ok(items)
}

/// `serde_json`, token by token: its own `Value` would forget repeated names.
mod oracle {
    use super::{Category, Deserializer, Item, fmt};
    use std::cell::RefCell;

    /// Why the oracle takes a text for none.
    #[derive(Debug, PartialEq)]
    pub(super) enum Refusal {
        Grammar,
        /// A limit of the oracle's own.
        Limit,
    }

    pub(super) fn items(text: &str) -> Result<Vec<Item>, Refusal> {
        let items = RefCell::new(Vec::new());
        let mut json = Deserializer::from_str(text);
        let refusal = |error: serde_json::Error| {
            let words = error.to_string();
            let is_limit = words.starts_with("number out of range") || words.starts_with("recursion limit");
            assert!(matches!(error.classify(), Category::Syntax | Category::Eof), "{words}");
            if is_limit { Refusal::Limit } else { Refusal::Grammar }
        };
        serde::de::DeserializeSeed::deserialize(Seed(&items), &mut json).map_err(refusal)?;
        json.end().map_err(refusal)?;
        Ok(items.into_inner())
    }

    #[derive(Clone, Copy)]
    struct Seed<'i>(&'i RefCell<Vec<Item>>);

    impl Seed<'_> {
        fn push<E>(self, item: Item) -> Result<(), E> {
            self.0.borrow_mut().push(item);
            Ok(())
        }
    }

    impl<'de> serde::de::DeserializeSeed<'de> for Seed<'_> {
        type Value = ();

        fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
            json.deserialize_any(self)
        }
    }

    impl<'de> serde::de::Visitor<'de> for Seed<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("JSON")
        }

        fn visit_unit<E>(self) -> Result<(), E> {
            self.push(Item::Null)
        }

        fn visit_bool<E>(self, value: bool) -> Result<(), E> {
            self.push(Item::Bool(value))
        }

        fn visit_i64<E>(self, value: i64) -> Result<(), E> {
            self.push(Item::Number(value as f64))
        }

        fn visit_u64<E>(self, value: u64) -> Result<(), E> {
            self.push(Item::Number(value as f64))
        }

        fn visit_f64<E>(self, value: f64) -> Result<(), E> {
            self.push(Item::Number(value))
        }

        fn visit_str<E>(self, value: &str) -> Result<(), E> {
            self.push(Item::Text(value.to_owned()))
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
            self.push(Item::Array)?;
            while elements.next_element_seed(self)?.is_some() {}
            self.push(Item::End)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            self.push(Item::Object)?;
            while let Some(name) = members.next_key::<String>()? {
                self.push(Item::Name(name))?;
                members.next_value_seed(self)?;
            }
            self.push(Item::End)
        }
    }
}
