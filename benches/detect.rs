//! The detectors on one thread: entities by shape and pairs in invented lines, beside one regular expression for a few of
//! the same shapes.
//!
//! Each bench checks how much was found, so that a wrong fast answer fails. At the end stands how many times faster the
//! detectors are than the expression, which knows less than a third of their shapes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logveil::detect;
use logveil::generate::{Event, Generator, Kind, Options, Timeline};
use logveil::rules::{Class, Shape};
use regex::bytes::Regex;
use std::hint::black_box;
use std::time::{Duration, Instant};

const LINES: usize = 512;

/// Runs of each side whose times are compared; the fastest counts.
const RUNS: usize = 30;

/// Addresses, hardware addresses, mailboxes and UUIDs, as one would write them for `replace_all`.
const TWIN: &str = r"(?x-u)
    \b(?:\d{1,3}\.){3}\d{1,3}\b
    | \b(?:[0-9a-f]{1,4}:){2,7}:?[0-9a-f]{1,4}\b | \b[0-9a-f]{1,4}::(?:[0-9a-f]{1,4}:?){0,6}
    | \b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b
    | \b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b
    | \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b";

/// Invented lines, and how many addresses stand in them.
fn lines(kind: Kind) -> (Vec<Vec<u8>>, usize) {
    let options = Options { seed: 1, kinds: vec![kind], timeline: Timeline::paced(0, 10), hostile_per_mille: 0 };
    let events: Vec<Event> = Generator::new(options).take(LINES).collect();
    let addresses = events.iter().flat_map(|event| &event.truth).filter(|entity| entity.class == Class::Ip).count();
    (events.into_iter().map(|event| event.line).collect(), addresses)
}

/// Addresses that the detectors find in all lines.
fn addresses_by_shape(lines: &[Vec<u8>]) -> usize {
    let mut found = Vec::new();
    lines.iter().for_each(|line| detect::shapes(line, &mut found));
    found.iter().filter(|entity| entity.shape == Shape::Ip).count()
}

/// Matches of the expression in all lines.
fn matches(twin: &Regex, lines: &[Vec<u8>]) -> usize {
    lines.iter().map(|line| twin.find_iter(line).count()).sum()
}

fn pairs(lines: &[Vec<u8>]) -> usize {
    let mut found = Vec::new();
    lines.iter().for_each(|line| detect::pairs(line, &mut found));
    found.len()
}

fn fastest(mut run: impl FnMut() -> usize) -> Duration {
    let timed = (0..RUNS).map(|_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    });
    timed.min().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the ratio is what the bench is for")]
fn detectors(c: &mut Criterion) {
    let twin = Regex::new(TWIN).expect("the twin is a regular expression");
    let mut ratios = Vec::new();
    for kind in [Kind::Nginx, Kind::Sshd, Kind::Api] {
        let (lines, addresses) = lines(kind);
        assert!(addresses > 0 && addresses_by_shape(&lines) >= addresses, "{}: shapes miss addresses", kind.code());
        assert!(matches(&twin, &lines) >= addresses, "{}: the expression misses addresses", kind.code());
        let mut group = c.benchmark_group(format!("detect/{}", kind.code()));
        group.throughput(Throughput::Bytes(lines.iter().map(|line| line.len() as u64).sum()));
        group.bench_function("shapes", |b| b.iter(|| addresses_by_shape(black_box(&lines))));
        group.bench_function("pairs", |b| b.iter(|| pairs(black_box(&lines))));
        group.bench_function("regex", |b| b.iter(|| matches(&twin, black_box(&lines))));
        group.finish();
        let (regex, shapes) = (fastest(|| matches(&twin, &lines)), fastest(|| addresses_by_shape(&lines)));
        ratios.push(format!("shapes on {}: {:.1} x regex", kind.code(), regex.as_secs_f64() / shapes.as_secs_f64()));
    }
    ratios.iter().for_each(|ratio| println!("{ratio}"));
}

criterion_group!(benches, detectors);
criterion_main!(benches);
