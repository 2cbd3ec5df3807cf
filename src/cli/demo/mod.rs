//! `logveil demo`: the whole stream on an embedded broker, with invented logs.

mod load;
mod proof;
mod show;
mod stage;

use super::exit::{Exit, Failure};
use super::run::listen_for_signals;
use super::terminal::{self, Paint};
use super::time::timestamp_ms;
use crate::generate::Timeline;
use crate::retention::{ReceiptFile, SweepError, sweep};
use anyhow::anyhow;
use clap::Args;
use load::{Load, Plan, Sent};
use proof::Proof;
use stage::Stage;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

/// How far back the invented events reach: farther than [`WINDOW`], so that some are old enough to go.
const PAST: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the demo keeps raw records.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);
/// Hostile lines among a thousand: few, but each kind comes up.
const HOSTILE_PER_MILLE: u16 = 5;
/// Between looks at how far the stream is.
const LOOK: Duration = Duration::from_millis(50);
/// An event has about 540 bytes, and the broker holds raw and clean ones in memory: at most 1 GiB.
const EVENTS_MAX: u64 = 1_000_000;

/// Shows the whole of logveil in one go, without Kafka: invented logs, a broker in this process, the real stream.
///
/// Nothing is read or written but a folder for temporary files, and nothing listens but on this machine. The raw side is
/// invented. With `--once` it ends when it has shown everything, otherwise with Ctrl-C.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil demo
  logveil demo --once --events 1000000
  logveil demo --rate 500 --seed 7")]
pub(super) struct DemoArgs {
    /// Events to invent
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=EVENTS_MAX))]
    events: u64,
    /// Events a second; as fast as it goes without
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Decides what is invented
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End when everything was shown
    #[arg(long)]
    once: bool,
}

pub(super) fn run(args: &DemoArgs, clock: fn() -> SystemTime, out: &mut impl Write) -> Result<Exit, Failure> {
    let (now_ms, paint) = (timestamp_ms(clock()), Paint::for_stdout());
    let mut stage = Stage::open(now_ms)?;
    listen_for_signals(stage.job.stop.clone())?;
    show::introduction(out, paint, args, &stage)?;

    let started = Instant::now();
    let plan = Plan {
        events: args.events,
        rate: args.rate,
        seed: args.seed,
        hostile_per_mille: HOSTILE_PER_MILLE,
        timeline: Timeline::spread(now_ms - PAST.as_millis() as i64, now_ms, args.events),
    };
    let load = Load::start(plan, &stage)?;
    let Some((mut sent, took)) = follow(args.events, load, &mut stage, started)? else {
        writeln!(out, "stopped")?;
        return Ok(Exit::Done);
    };

    let counts = stage.counts();
    let proof = Proof::read(&stage, &mut sent)?;
    show::pairs(out, paint, &sent.samples)?;
    show::counts(out, paint, &counts)?;
    show::throughput(out, paint, &counts, took)?;
    show::proof(out, paint, &proof)?;

    let mut receipts = ReceiptFile::new(stage.folder().join("receipts.jsonl"));
    let policy = stage.policy(WINDOW);
    let report = sweep(&mut stage.raw_topics()?, &policy, &mut receipts, &|| timestamp_ms(clock()), &stage.job.stop);
    let deleted: Vec<_> = report.receipts().collect();
    show::retention(out, paint, WINDOW, &deleted)?;
    if let Some(error) = report.errors().find(|error| !matches!(error, SweepError::Stopped)) {
        return Err(Failure::Halted(anyhow!("the sweep failed: {error}")));
    }

    if !args.once {
        show::farewell(out, paint, &stage)?;
        out.flush()?;
        stage.wait_for_stop()?;
    }
    stage.close()?;
    if proof.holds() { Ok(Exit::Done) } else { Err(Failure::Halted(anyhow!("the demo's proof does not hold"))) }
}

/// Waits until the stream has committed all events; none when a person stopped it. How long the whole took, too.
fn follow(events: u64, load: Load, stage: &mut Stage, started: Instant) -> Result<Option<(Sent, Duration)>, Failure> {
    let bar = terminal::records(events);
    let (mut load, mut sent) = (Some(load), None);
    while !stage.job.stop.is_requested() {
        let done = stage.counts().records_in;
        bar.set_position(done);
        if let Some(ended) = load.take_if(|load| load.has_ended()) {
            sent = Some(ended.finish()?);
        }
        if done >= events
            && let Some(sent) = sent.take()
        {
            bar.finish_and_clear();
            return Ok(Some((sent, started.elapsed())));
        }
        stage.check()?;
        std::thread::sleep(LOOK);
    }
    bar.finish_and_clear();
    Ok(None)
}
