//! JSON libraries that make a tree of an event, change it and write it again, all with the same hashing.

use crate::corpus::Chunk;
use crate::expressions::MessageSearch;
use crate::hashing::Hashing;
use crate::{Agreement, Method};
use logveil::rules::Class;
use simd_json::prelude::{MutableObject, Writable};
use sonic_rs::{JsonValueMutTrait, JsonValueTrait, PointerTree};
use std::ops::Range;

/// The eight fields.
const FIELDS: [(&[&str], Treatment); 8] = [
    (&["client_ip"], Treatment::Address),
    (&["request", "headers", "x_forwarded_for"], Treatment::Address),
    (&["request", "headers", "authorization"], Treatment::Credential),
    (&["user", "id"], Treatment::Token(Class::UserId)),
    (&["user", "email"], Treatment::Token(Class::Email)),
    (&["device", "id"], Treatment::Token(Class::Device)),
    (&["session", "id"], Treatment::Token(Class::Session)),
    (&["message"], Treatment::Search),
];

/// What becomes of a field.
#[derive(Clone, Copy)]
enum Treatment {
    /// Another address with the same prefixes.
    Address,
    /// A token of this class.
    Token(Class),
    /// A token for what stands behind the scheme.
    Credential,
    /// A text in which addresses and e-mails are replaced.
    Search,
}

/// What all trees share.
struct Cleaner<'h> {
    hashing: &'h Hashing,
    search: MessageSearch,
}

impl Cleaner<'_> {
    /// What replaces a value.
    fn clean(&self, treatment: Treatment, value: &str) -> String {
        let clean = match treatment {
            Treatment::Address => self.hashing.prefixed(value),
            Treatment::Token(class) => self.hashing.pseudonym(class, value),
            Treatment::Credential => self.credential(value),
            Treatment::Search => Some(self.search.clean(self.hashing, value)),
        };
        clean.unwrap_or_else(|| value.to_owned())
    }

    fn credential(&self, value: &str) -> Option<String> {
        let (scheme, token) = value.split_once(' ')?;
        Some(format!("{scheme} {}", self.hashing.pseudonym(Class::Token, token)?))
    }
}

/// `serde_json::Value`.
pub fn serde_json(hashing: &Hashing) -> Method<'_> {
    use serde_json::Value;

    fn change(value: &mut Value, cleaner: &Cleaner<'_>, treatment: Treatment) {
        match value {
            Value::String(text) => *text = cleaner.clean(treatment, text),
            Value::Array(items) => items.iter_mut().for_each(|item| change(item, cleaner, treatment)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }

    let cleaner = Cleaner { hashing, search: MessageSearch::new() };
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let mut event: Value = serde_json::from_slice(line).expect("events are JSON");
            for (path, treatment) in FIELDS {
                if let Some(value) = path.iter().try_fold(&mut event, |value, name| value.get_mut(*name)) {
                    change(value, &cleaner, treatment);
                }
            }
            serde_json::to_writer(&mut *out, &event).expect("a vector takes all that is written");
            out.push(b'\n');
        }
    };
    Method { name: "serde_json", agreement: Agreement::Values, run: Box::new(run) }
}

/// `sonic_rs::Value`.
pub fn sonic(hashing: &Hashing) -> Method<'_> {
    use sonic_rs::Value;

    fn change(value: &mut Value, cleaner: &Cleaner<'_>, treatment: Treatment) {
        if let Some(items) = value.as_array_mut() {
            items.iter_mut().for_each(|item| change(item, cleaner, treatment));
        } else if let Some(clean) = value.as_str().map(|text| cleaner.clean(treatment, text)) {
            *value = Value::from(clean.as_str());
        }
    }

    let cleaner = Cleaner { hashing, search: MessageSearch::new() };
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let mut event: Value = sonic_rs::from_slice(line).expect("events are JSON");
            for (path, treatment) in FIELDS {
                if let Some(value) = event.pointer_mut(path) {
                    change(value, &cleaner, treatment);
                }
            }
            sonic_rs::to_writer(&mut *out, &event).expect("a vector takes all that is written");
            out.push(b'\n');
        }
    };
    Method { name: "sonic-rs", agreement: Agreement::Values, run: Box::new(run) }
}

/// `sonic_rs::get_many`: it finds the bytes of the eight fields, and all others are copied. The best that a user can make
/// of it.
pub fn sonic_spans(hashing: &Hashing) -> Method<'_> {
    let cleaner = Cleaner { hashing, search: MessageSearch::new() };
    let mut tree = PointerTree::new();
    for (path, _) in FIELDS {
        tree.add_path(path);
    }
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let found = sonic_rs::get_many(line, &tree).expect("events are JSON");
            let mut spans: Vec<(Range<usize>, Treatment)> = Vec::with_capacity(FIELDS.len());
            for (value, (_, treatment)) in found.iter().zip(FIELDS) {
                let Some(raw) = value.as_ref().map(|value| value.as_raw_str()) else { continue };
                let start = raw.as_ptr() as usize - line.as_ptr() as usize;
                spans.push((start..start + raw.len(), treatment));
            }
            spans.sort_unstable_by_key(|(span, _)| span.start);
            let mut rest = 0;
            for (span, treatment) in spans {
                out.extend_from_slice(&line[rest..span.start]);
                write_clean(&cleaner, treatment, &line[span.clone()], out);
                rest = span.end;
            }
            out.extend_from_slice(&line[rest..]);
            out.push(b'\n');
        }
    };
    Method { name: "sonic-rs-spans", agreement: Agreement::Values, run: Box::new(run) }
}

/// Writes what replaces a text or a list of texts, which comes as JSON.
fn write_clean(cleaner: &Cleaner<'_>, treatment: Treatment, raw: &[u8], out: &mut Vec<u8>) {
    let written = if raw.starts_with(b"[") {
        let values: Vec<String> = sonic_rs::from_slice(raw).expect("the field is a list of texts");
        let clean: Vec<String> = values.iter().map(|value| cleaner.clean(treatment, value)).collect();
        sonic_rs::to_writer(&mut *out, &clean)
    } else {
        let value: String = sonic_rs::from_slice(raw).expect("the field is a text");
        sonic_rs::to_writer(&mut *out, &cleaner.clean(treatment, &value))
    };
    written.expect("a vector takes all that is written");
}

/// `simd_json::BorrowedValue`, with its buffers kept.
pub fn simd_json(hashing: &Hashing) -> Method<'_> {
    use simd_json::{BorrowedValue, Buffers};

    fn change(value: &mut BorrowedValue<'_>, cleaner: &Cleaner<'_>, treatment: Treatment) {
        match value {
            BorrowedValue::String(text) => *text = cleaner.clean(treatment, text).into(),
            BorrowedValue::Array(items) => items.iter_mut().for_each(|item| change(item, cleaner, treatment)),
            BorrowedValue::Static(_) | BorrowedValue::Object(_) => {}
        }
    }

    let cleaner = Cleaner { hashing, search: MessageSearch::new() };
    let mut buffers = Buffers::new(4096);
    let mut scratch = Vec::new();
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            scratch.clear();
            scratch.extend_from_slice(line);
            let mut event =
                simd_json::to_borrowed_value_with_buffers(&mut scratch, &mut buffers).expect("events are JSON");
            for (path, treatment) in FIELDS {
                if let Some(value) = path.iter().try_fold(&mut event, |value, name| value.get_mut(*name)) {
                    change(value, &cleaner, treatment);
                }
            }
            event.write(out).expect("a vector takes all that is written");
            out.push(b'\n');
        }
    };
    Method { name: "simd-json", agreement: Agreement::Values, run: Box::new(run) }
}
