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
        let web_and_auth = Corpus::lines(chunks, &[Kind::Nginx, Kind::Sshd], |class| class == Class::Ip);
        let auth = Corpus::lines(chunks, &[Kind::Sshd], |_| true);
        let trees = vec![
            trees::serde_json(hashing),
            trees::sonic(hashing),
            trees::sonic_spans(hashing),
            trees::simd_json(hashing),
            vector::eight_fields(),
        ];
        let texts = [expressions::replace_all(hashing), expressions::automata(hashing)];
        let texts = texts.into_iter().chain(vector::addresses()).collect();
        Ok(vec![
            checked("json", &self.eight_fields, events(), Count::Exactly, trees)?,
            checked("text", &self.addresses, web_and_auth, Count::Exactly, texts)?,
            checked("linux-auth", &self.linux_auth, auth, Count::Exactly, vec![expressions::phrases(hashing)])?,
            checked("generic-json", &self.generic_json, events(), Count::AtLeast, vector::whole_event().into())?,
        ])
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

/// A job whose methods agree: logveil, and its rivals after it.
fn checked<'b>(
    name: &'static str,
    engine: &'b Engine,
    corpus: Corpus,
    count: impl Fn(u64) -> Count,
    rivals: Vec<Method<'b>>,
) -> Result<Job<'b>, Fault> {
    let replaced = count(corpus.original_count());
    let methods = [engine.method()].into_iter().chain(rivals).collect();
    let mut job = Job { name, corpus, replaced, methods };
    check::check(&mut job, engine)?;
    Ok(job)
}
