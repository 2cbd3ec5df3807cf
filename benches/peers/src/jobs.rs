//! The four jobs: who does them, on what input.

use crate::check::{self, Fault};
use crate::corpus::Corpus;
use crate::engine::Engine;
use crate::hashing::Hashing;
use crate::{Count, Job, Method, expressions, trees, vector};
use logveil::generate::Kind;
use logveil::rules::Class;

/// logveil with the packs of all jobs, and the hashing of the rivals.
pub struct Bench {
    eight_fields: Engine,
    addresses: Engine,
    linux_auth: Engine,
    generic_json: Engine,
    hashing: Hashing,
}

impl Bench {
    /// Compiles packs and derives keys.
    pub fn new() -> Self {
        let eight_fields = Engine::eight_fields();
        Self {
            hashing: Hashing::new(eight_fields.key_id()),
            eight_fields,
            addresses: Engine::addresses(),
            linux_auth: Engine::shipped("linux-auth"),
            generic_json: Engine::shipped("generic-json"),
        }
    }

    /// The jobs over inputs of so many chunks, after their methods were found to agree.
    ///
    /// # Errors
    /// The [`Fault`] of the first method that does another job.
    pub fn jobs(&self, chunks: usize) -> Result<Vec<Job<'_>>, Fault> {
        let hashing = &self.hashing;
        let events = || Corpus::events(chunks);
        let is_address = |class| class == Class::Ip;
        Ok(vec![
            checked("json", &self.eight_fields, events(), Count::Exactly, |methods| {
                methods.extend([trees::serde_json(hashing), trees::sonic(hashing), trees::sonic_spans(hashing)]);
                methods.extend([trees::simd_json(hashing), vector::eight_fields()]);
            })?,
            checked("text", &self.addresses, Corpus::lines(chunks, &[Kind::Sshd, Kind::Nginx], is_address), Count::Exactly, |methods| {
                methods.extend([expressions::replace_all(hashing), expressions::automata(hashing), vector::addresses()]);
            })?,
            checked("linux-auth", &self.linux_auth, Corpus::lines(chunks, &[Kind::Sshd], |_| true), Count::Exactly, |methods| {
                methods.push(expressions::phrases(hashing));
            })?,
            checked("generic-json", &self.generic_json, events(), Count::AtLeast, |methods| {
                methods.push(vector::whole_event());
            })?,
        ])
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

fn checked<'b>(
    name: &'static str,
    engine: &'b Engine,
    corpus: Corpus,
    count: impl Fn(u64) -> Count,
    add_rivals: impl FnOnce(&mut Vec<Method<'b>>),
) -> Result<Job<'b>, Fault> {
    let replaced = count(corpus.original_count());
    let mut job = Job { name, corpus, replaced, methods: vec![engine.method()] };
    add_rivals(&mut job.methods);
    check::check(&mut job, engine)?;
    Ok(job)
}
