//! How fast a method is, in CPU time of its thread: what other programs do at the same time then counts little. All
//! methods take their turn on each chunk, so that what is left of the noise meets all of them.

use crate::corpus::{Chunk, Corpus};
use crate::engine::Engine;
use crate::{Job, Method};
use cpu_time::ThreadTime;
use logveil::veil::Batch;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

/// The speed of one method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Name of the method.
    pub method: &'static str,
    /// Nanoseconds of CPU time for a byte of input: the median of all chunks and rounds.
    pub ns_per_byte: f64,
}

impl Speed {
    /// Millions of bytes of input in a second of CPU time.
    pub fn mb_per_s(self) -> f64 {
        1000.0 / self.ns_per_byte
    }
}

/// The speed of each method of a job. Every chunk is cleaned `rounds` times by each.
pub fn speeds(job: &mut Job<'_>, rounds: usize) -> Vec<Speed> {
    let Job { corpus, methods, .. } = job;
    let mut samples = vec![Vec::new(); methods.len()];
    let mut out = Vec::with_capacity(corpus.bytes());
    for chunk in (0..rounds).flat_map(|_| &corpus.chunks) {
        for (Method { run, .. }, samples) in methods.iter_mut().zip(&mut samples) {
            samples.push(ns_per_byte(chunk, &mut out, run));
        }
    }
    let speed =
        |(method, samples): (&Method<'_>, Vec<f64>)| Speed { method: method.name, ns_per_byte: median(samples) };
    methods.iter().zip(samples).map(speed).collect()
}

/// How much more two threads clean than one, each judged by its own CPU time while both work.
pub fn two_threads(engine: &Engine, corpus: &Corpus, rounds: usize) -> f64 {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.extend(engine_samples(engine, &corpus.chunks, &Barrier::new(1)));
        let (front, back) = corpus.chunks.split_at(corpus.chunks.len() / 2);
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let other = scope.spawn(|| engine_samples(engine, back, &start));
            together.extend(engine_samples(engine, front, &start));
            together.extend(other.join().expect("the engine does not panic"));
        });
    }
    2.0 * median(alone) / median(together)
}

/// How much more a chunk costs the second engine than the first.
pub fn cost(base: &Engine, other: &Engine, corpus: &Corpus, rounds: usize) -> f64 {
    let (mut methods, mut out) = ([base.method(), other.method()], Vec::with_capacity(corpus.bytes()));
    let mut samples = [Vec::new(), Vec::new()];
    for chunk in (0..rounds).flat_map(|_| &corpus.chunks) {
        for (method, samples) in methods.iter_mut().zip(&mut samples) {
            samples.push(ns_per_byte(chunk, &mut out, &mut method.run));
        }
    }
    let [base, other] = samples.map(median);
    other / base
}

/// The cost of each chunk on this thread, which waits at `start` for the others.
fn engine_samples(engine: &Engine, chunks: &[Chunk], start: &Barrier) -> Vec<f64> {
    let (mut batch, mut out) = (Batch::default(), Vec::new());
    start.wait();
    let clean = |chunk| {
        ns_per_byte(chunk, &mut out, |chunk: &Chunk, out: &mut Vec<u8>| {
            engine.clean(chunk, &mut batch, out);
        })
    };
    chunks.iter().map(clean).collect()
}

fn ns_per_byte(chunk: &Chunk, out: &mut Vec<u8>, mut run: impl FnMut(&Chunk, &mut Vec<u8>)) -> f64 {
    out.clear();
    let start = ThreadTime::now();
    run(chunk, out);
    let spent = start.elapsed();
    black_box(&out);
    spent.as_nanos() as f64 / chunk.text.len() as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn more_work_takes_more_time() {
        let corpus = Corpus::events(1);
        let chunk = &corpus.chunks[0];
        let copy = |chunk: &Chunk, out: &mut Vec<u8>| out.extend_from_slice(&chunk.text);
        let parse = |chunk: &Chunk, _: &mut Vec<u8>| {
            chunk.line_bytes().for_each(|line| drop(black_box(serde_json::from_slice::<serde_json::Value>(line))));
        };
        let mut out = Vec::with_capacity(corpus.bytes());
        assert!(ns_per_byte(chunk, &mut out, parse) > ns_per_byte(chunk, &mut out, copy));
    }
}
