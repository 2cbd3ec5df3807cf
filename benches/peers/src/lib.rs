//! logveil's engine beside its rivals: in one process, over the same input, doing the same job.
//!
//! A [`Job`] is an input and the methods that clean it, logveil first. [`check`] compares what they make of it and must
//! pass before anything is timed: a wrong fast answer is no answer. [`measure`] times them in turn, chunk by chunk, in
//! CPU time. `benches/peers.rs` puts both under criterion and prints the summary; start reading at [`jobs`].

pub mod check;
pub mod corpus;
pub mod engine;
pub mod events;
pub mod expressions;
pub mod hashing;
pub mod jobs;
pub mod measure;
pub mod trees;
pub mod vector;

use corpus::{Chunk, Corpus};

/// One input and those who clean it.
pub struct Job<'v> {
    /// Name in the summary.
    pub name: &'static str,
    /// What is cleaned.
    pub corpus: Corpus,
    /// How many values logveil must replace in it.
    pub replaced: Count,
    /// The same work done by each; the first is logveil.
    pub methods: Vec<Method<'v>>,
}

/// A number that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This one.
    Exactly(u64),
    /// This one or more: the rules find more than the invented truth tells.
    AtLeast(u64),
}

/// One way to clean a chunk of lines.
pub struct Method<'v> {
    /// Name in the summary.
    pub name: &'static str,
    /// How its output is compared with logveil's.
    pub agreement: Agreement,
    /// Appends the clean lines of a chunk, each with its line feed.
    pub run: Run<'v>,
}

/// What a method does.
pub type Run<'v> = Box<dyn FnMut(&Chunk, &mut Vec<u8>) + 'v>;

/// How far two outputs must agree. Whatever it is, no original value may be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Each line has the same bytes.
    Bytes,
    /// Each line has the same values as JSON; order of names and spelling of numbers are free.
    Values,
    /// Each line has changed at the same places of its JSON, to pseudonyms of another form.
    Places,
    /// Pseudonyms and places are its own.
    Gone,
}
