//! Whether all methods did the same job. What they made is compared with logveil's, and searched for what must be gone.

use crate::corpus::{Chunk, Line};
use crate::engine::{Done, Engine};
use crate::{Agreement, Count, Job};
use logveil::veil::Batch;
use serde_json::Value;
use std::collections::BTreeSet;
use std::str;
use thiserror::Error;

/// Why a job's methods are not comparable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// logveil replaced another number of values than stand in the input.
    #[error("{job}: logveil replaced {replaced} values, expected were {expected:?}")]
    Replaced {
        /// The job.
        job: &'static str,
        /// What it did.
        replaced: u64,
        /// What stands in the input.
        expected: Count,
    },
    /// logveil sealed records away instead of cleaning them.
    #[error("{job}: logveil quarantined {quarantined} records")]
    Quarantined {
        /// The job.
        job: &'static str,
        /// So many.
        quarantined: u64,
    },
    /// A method lost lines or made some up.
    #[error("{job}: {method} made {made} lines of {given}")]
    Lines {
        /// The job.
        job: &'static str,
        /// The method.
        method: &'static str,
        /// Lines of its output.
        made: usize,
        /// Lines of the input.
        given: usize,
    },
    /// A value that was to be replaced still stands in a line.
    #[error("{job}: {method} left an original value of {bytes} bytes in line {line} of a chunk")]
    Left {
        /// The job.
        job: &'static str,
        /// The method.
        method: &'static str,
        /// Number of the line in its chunk, from 0.
        line: usize,
        /// Length of the value.
        bytes: usize,
    },
    /// A method's line is not what logveil's says it should be.
    #[error("{job}: line {line} of a chunk differs between {method} and logveil")]
    Differs {
        /// The job.
        job: &'static str,
        /// The method.
        method: &'static str,
        /// Number of the line in its chunk, from 0.
        line: usize,
    },
}

/// Runs every method over the whole input.
///
/// # Errors
/// The first [`Fault`] that is found.
pub fn check(job: &mut Job<'_>, engine: &Engine) -> Result<(), Fault> {
    check_engine(job, engine)?;
    let Job { name, corpus, methods, .. } = job;
    let mut reference = Vec::new();
    for chunk in &corpus.chunks {
        reference.clear();
        engine.clean(chunk, &mut Batch::default(), &mut reference);
        for method in &mut *methods {
            let mut out = Vec::new();
            (method.run)(chunk, &mut out);
            let site = Site { job: name, method: method.name, agreement: method.agreement };
            site.check(chunk, &out, &reference)?;
        }
    }
    Ok(())
}

fn check_engine(job: &Job<'_>, engine: &Engine) -> Result<(), Fault> {
    let mut all = Done::default();
    for chunk in &job.corpus.chunks {
        let done = engine.clean(chunk, &mut Batch::default(), &mut Vec::new());
        all.replaced += done.replaced;
        all.quarantined += done.quarantined;
    }
    if all.quarantined > 0 {
        return Err(Fault::Quarantined { job: job.name, quarantined: all.quarantined });
    }
    let is_expected = match job.replaced {
        Count::Exactly(count) => all.replaced == count,
        Count::AtLeast(count) => all.replaced >= count,
    };
    if is_expected {
        return Ok(());
    }
    Err(Fault::Replaced { job: job.name, replaced: all.replaced, expected: job.replaced })
}

/// Whose output is looked at.
struct Site {
    job: &'static str,
    method: &'static str,
    agreement: Agreement,
}

impl Site {
    fn check(&self, chunk: &Chunk, out: &[u8], reference: &[u8]) -> Result<(), Fault> {
        let Self { job, method, .. } = *self;
        let (made, wanted) = (lines(out), lines(reference));
        let given = chunk.lines.len();
        if made.len() != given || wanted.len() != given {
            return Err(Fault::Lines { job, method, made: made.len(), given });
        }
        for (number, (line, (made, wanted))) in chunk.lines.iter().zip(made.into_iter().zip(wanted)).enumerate() {
            if let Some(bytes) = left_over(line, made) {
                return Err(Fault::Left { job, method, line: number, bytes });
            }
            let raw = chunk.text.get(line.span.clone()).unwrap_or_default();
            if !agree(self.agreement, raw, made, wanted) {
                return Err(Fault::Differs { job, method, line: number });
            }
        }
        Ok(())
    }
}

/// The lines of a text, each of which has its line feed.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.pop();
    lines
}

/// The length of an original value that stands in a clean line as a word of its own.
fn left_over(line: &Line, clean: &[u8]) -> Option<usize> {
    let clean = String::from_utf8_lossy(clean);
    let stands = |original: &&String| {
        clean.match_indices(original.as_str()).any(|(start, _)| {
            let before = clean.get(..start).and_then(|text| text.chars().next_back());
            let behind = clean.get(start + original.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
        })
    };
    line.originals.iter().find(stands).map(String::len)
}

fn agree(agreement: Agreement, raw: &[u8], made: &[u8], wanted: &[u8]) -> bool {
    match agreement {
        Agreement::Bytes => made == wanted,
        Agreement::Values => parsed(made).is_some_and(|made| Some(made) == parsed(wanted)),
        Agreement::Places => match (parsed(raw), parsed(made), parsed(wanted)) {
            (Some(raw), Some(made), Some(wanted)) => changed(&raw, &made) == changed(&raw, &wanted),
            _ => false,
        },
        Agreement::Gone => true,
    }
}

fn parsed(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok()
}

/// The places in `raw` where `clean` has something else, and those that only one of them has.
fn changed(raw: &Value, clean: &Value) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    compare(raw, clean, String::new(), &mut places);
    places
}

fn compare(raw: &Value, clean: &Value, place: String, places: &mut BTreeSet<String>) {
    match (raw, clean) {
        (Value::Object(raw), Value::Object(clean)) => {
            for name in raw.keys().chain(clean.keys()) {
                let member = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
                compare(&member(raw), &member(clean), format!("{place}/{name}"), places);
            }
        }
        (Value::Array(raw), Value::Array(clean)) if raw.len() == clean.len() => {
            for (index, (raw, clean)) in raw.iter().zip(clean).enumerate() {
                compare(raw, clean, format!("{place}/{index}"), places);
            }
        }
        _ if raw == clean => {}
        _ => {
            places.insert(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use crate::corpus::Corpus;

    /// What `check` says of a method beside logveil.
    fn verdict(agreement: Agreement, run: impl Fn(&Chunk, &mut Vec<u8>)) -> Result<(), Fault> {
        let engine = Engine::eight_fields();
        let corpus = Corpus::events(1);
        let replaced = Count::Exactly(corpus.original_count());
        let methods = vec![engine.method(), Method { name: "other", agreement, run: Box::new(run) }];
        check(&mut Job { name: "test", corpus, replaced, methods }, &engine)
    }

    fn cleaned(chunk: &Chunk) -> String {
        let mut out = Vec::new();
        Engine::eight_fields().clean(chunk, &mut Batch::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_output_agrees() {
        for agreement in [Agreement::Bytes, Agreement::Values, Agreement::Places, Agreement::Gone] {
            let same = |chunk: &Chunk, out: &mut Vec<u8>| out.extend_from_slice(cleaned(chunk).as_bytes());
            assert_eq!(verdict(agreement, same), Ok(()));
        }
    }

    #[test]
    fn a_copy_of_the_input_is_a_fault() {
        let copied = verdict(Agreement::Gone, |chunk, out| out.extend_from_slice(&chunk.text));
        assert!(matches!(copied, Err(Fault::Left { method: "other", line: 0, .. })), "{copied:?}");
    }

    #[test]
    fn lost_lines_are_a_fault() {
        assert!(matches!(verdict(Agreement::Gone, |_, _| {}), Err(Fault::Lines { made: 0, .. })));
    }

    #[test]
    fn another_pseudonym_is_a_fault_where_the_hashing_is_the_same() {
        let other = |chunk: &Chunk, out: &mut Vec<u8>| {
            out.extend_from_slice(cleaned(chunk).replacen("email.", "email_", 1).as_bytes());
        };
        for agreement in [Agreement::Bytes, Agreement::Values] {
            assert!(matches!(verdict(agreement, other), Err(Fault::Differs { .. })));
        }
        assert_eq!(verdict(Agreement::Places, other), Ok(()));
    }

    #[test]
    fn a_change_elsewhere_is_a_fault() {
        let other = |chunk: &Chunk, out: &mut Vec<u8>| {
            out.extend_from_slice(cleaned(chunk).replace("\"prod\"", "\"test\"").as_bytes());
        };
        assert!(matches!(verdict(Agreement::Places, other), Err(Fault::Differs { line: 0, .. })));
    }

    #[test]
    fn a_wrong_count_is_a_fault() {
        let engine = Engine::eight_fields();
        let corpus = Corpus::events(1);
        let replaced = Count::Exactly(corpus.original_count() + 1);
        let mut job = Job { name: "test", corpus, replaced, methods: Vec::new() };
        assert!(matches!(check(&mut job, &engine), Err(Fault::Replaced { .. })));
        job.replaced = Count::AtLeast(1);
        assert_eq!(check(&mut job, &engine), Ok(()));
    }
}
