//! `cargo bench -p peers`: every method of every job under criterion.
//! `cargo bench -p peers -- --summary`: a table of speeds, and a line for each comparison.
//! `cargo bench -p peers -- --scalar`: logveil in plain Rust against VRL; the summary calls it.
//! `cargo bench -p peers -- --test`: whether all methods do the same job, once.

use criterion::{Criterion, Throughput};
use logveil::kernels;
use mimalloc::MiMalloc;
use peers::Job;
use peers::check::Fault;
use peers::corpus::Corpus;
use peers::engine::Engine;
use peers::jobs::Bench;
use peers::measure::{self, Speed};
use std::env;
use std::process::Command;

/// The trees of the rivals live on their allocator: they get a fast one, as Vector brings one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Chunks of an input that criterion measures: one.
const CRITERION_CHUNKS: usize = 1;

/// Chunks of an input for the summary.
const SUMMARY_CHUNKS: usize = 16;

/// How often the summary cleans each chunk by each method.
const SUMMARY_ROUNDS: usize = 5;

/// The argument for the comparison without wide instructions.
const SCALAR: &str = "--scalar";

fn main() -> Result<(), Fault> {
    if env::args().any(|argument| argument == SCALAR) {
        kernels::keep_to_scalar();
        return scalar(&Bench::new());
    }
    let bench = Bench::new();
    if env::args().any(|argument| argument == "--summary") {
        return summary(&bench);
    }
    let mut criterion = Criterion::default().configure_from_args();
    for job in bench.jobs(CRITERION_CHUNKS)? {
        run(&mut criterion, job);
    }
    criterion.final_summary();
    Ok(())
}

fn run(criterion: &mut Criterion, job: Job<'_>) {
    let Job { name, corpus, methods, .. } = job;
    let mut group = criterion.benchmark_group(format!("peers/{name}"));
    group.throughput(Throughput::Bytes(corpus.bytes() as u64));
    let mut out = Vec::with_capacity(2 * corpus.bytes());
    for mut method in methods {
        group.bench_function(method.name, |bencher| {
            bencher.iter(|| {
                out.clear();
                corpus.chunks.iter().for_each(|chunk| (method.run)(chunk, &mut out));
            });
        });
    }
    group.finish();
}

#[expect(clippy::print_stdout, reason = "the summary is what the command is for")]
fn summary(bench: &Bench) -> Result<(), Fault> {
    let mut ratios = Vec::new();
    println!("| job | bytes a line | method | MB/s | ns a line | logveil / method |");
    println!("|---|---:|---|---:|---:|---:|");
    for mut job in bench.jobs(SUMMARY_CHUNKS)? {
        let line_bytes = job.corpus.bytes() as f64 / job.corpus.line_count() as f64;
        let speeds = measure::speeds(&mut job, SUMMARY_ROUNDS);
        let Some(own) = speeds.first() else { continue };
        for speed in &speeds {
            let ratio = ratio(speed, own);
            let (name, rate, cost) = (job.name, speed.mb_per_s(), speed.ns_per_byte * line_bytes);
            println!("| {name} | {line_bytes:.0} | {} | {rate:.0} | {cost:.0} | {ratio:.1} × |", speed.method);
            if speed.method != own.method {
                ratios.push(format!("{name} {} {ratio:.1}x", speed.method));
            }
        }
    }
    println!();
    ratios.iter().for_each(|ratio| println!("{ratio}"));

    let (engine, corpus) = (Engine::eight_fields(), Corpus::events(SUMMARY_CHUNKS));
    println!("json 2-threads {:.2}x", measure::two_threads(&engine, &corpus, SUMMARY_ROUNDS));
    let many = Engine::five_hundred_rules();
    println!("json 500-rules {:.2}x cost", measure::cost(&engine, &many, &corpus, SUMMARY_ROUNDS));
    // Which instructions may be used is decided once in a process.
    let scalar = env::current_exe().and_then(|program| Command::new(program).arg(SCALAR).status());
    assert!(scalar.is_ok_and(|status| status.success()), "the comparison in plain Rust failed");
    Ok(())
}

/// Prints how logveil compares with VRL where it may use no wide instructions. The crates that both hash with choose their
/// own.
#[expect(clippy::print_stdout, reason = "the line is what the command is for")]
fn scalar(bench: &Bench) -> Result<(), Fault> {
    for mut job in bench.jobs(SUMMARY_CHUNKS)?.into_iter().filter(|job| job.name == "json") {
        job.methods.retain(|method| matches!(method.name, "logveil" | "vrl"));
        if let [own, vrl] = measure::speeds(&mut job, SUMMARY_ROUNDS).as_slice() {
            println!("json scalar-vrl {:.1}x", ratio(vrl, own));
        }
    }
    Ok(())
}

/// How much longer a method takes than logveil, rounded down: what is printed is not more than what was measured.
fn ratio(speed: &Speed, own: &Speed) -> f64 {
    (speed.ns_per_byte / own.ns_per_byte * 10.0).floor() / 10.0
}
