//! `logveil retention`: what a sweep over the raw topics would delete, and a sweep.

use super::config;
use super::exit::{Exit, Failure};
use super::run::{listen_for_signals, options, policy};
use super::text::{count, table};
use super::time::timestamp_ms;
use crate::config::{Config, written};
use crate::kafka::RawTopics;
use crate::pipeline::Stop;
use crate::retention::{Policy, Receipt, ReceiptFile, Surveyed, survey, sweep};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

/// Shows and deletes raw records that are forwarded and aged.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil retention status
  logveil retention sweep --dry-run
  logveil retention sweep

A record is forwarded when its clean copy or its quarantine entry is committed, and aged when it is older than
`retention.window` of its route. `logveil run` sweeps by itself, at every `retention.interval`.")]
pub(super) struct RetentionArgs {
    #[command(subcommand)]
    command: RetentionCommand,
}

#[derive(Subcommand)]
enum RetentionCommand {
    /// Shows how each partition of the raw topics stands, and what a sweep would delete; changes nothing
    Status {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Deletes what is due, once, and prints the receipts. The deletion is logical: bytes leave the disks later
    Sweep {
        #[command(flatten)]
        output: OutputArgs,
        /// Only show what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args)]
struct OutputArgs {
    /// Configuration file
    #[arg(long, short, default_value = "logveil.toml")]
    config: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: RetentionArgs, clock: fn() -> SystemTime, out: &mut impl Write) -> Result<Exit, Failure> {
    match args.command {
        RetentionCommand::Status { output } => {
            let config = config::load(&output.config)?;
            let every = |_: &Surveyed| true;
            show(&config, clock, &output, every, out)
        }
        RetentionCommand::Sweep { output, dry_run } => {
            let config = config::load(&output.config)?;
            if policy(&config).windows.is_empty() {
                let hint = "set `retention.window = \"30d\"` in a [[route]]";
                return Err(Failure::Usage(anyhow!("no route has a retention window\n  hint: {hint}")));
            }
            if dry_run {
                let due = |surveyed: &Surveyed| surveyed.offsets_due() > 0;
                return show(&config, clock, &output, due, out);
            }
            sweep_once(&config, clock, &output, out)
        }
    }
}

/// Surveys every topic with a window, and shows the partitions that are `wanted`.
fn show(
    config: &Config,
    clock: fn() -> SystemTime,
    output: &OutputArgs,
    wanted: impl Fn(&Surveyed) -> bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let Policy { windows, .. } = policy(config);
    let mut log = RawTopics::connect(&options(config)).map_err(|error| Failure::Halted(error.into()))?;
    let (mut shown, mut errors) = (Vec::new(), Vec::new());
    for (topic, window) in &windows {
        match survey(&mut log, topic, *window, timestamp_ms(clock())) {
            Ok(partitions) => {
                for surveyed in partitions.into_values() {
                    match surveyed {
                        Ok(surveyed) if wanted(&surveyed) => shown.push(surveyed),
                        Ok(_) => {}
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    let now_ms = timestamp_ms(clock());
    if output.json {
        for surveyed in &shown {
            writeln!(out, "{}", surveyed_json(surveyed, now_ms))?;
        }
    } else {
        // An error that hid partitions must not read as if nothing were due in them.
        if !windows.is_empty() && (errors.is_empty() || !shown.is_empty()) {
            write!(out, "{}", surveyed_table(&shown, now_ms))?;
        }
        for route in config.routes.iter().filter(|route| route.window.is_none()) {
            writeln!(out, "{}: no window, logveil deletes nothing", route.topics.join(", "))?;
        }
    }
    ended(&errors)
}

fn sweep_once(
    config: &Config,
    clock: fn() -> SystemTime,
    output: &OutputArgs,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    let stop = Stop::default();
    // So that Ctrl-C leaves no deletion without its receipt.
    listen_for_signals(stop.clone())?;
    let mut log = RawTopics::connect(&options(config)).map_err(|error| Failure::Halted(error.into()))?;
    let mut receipts = ReceiptFile::new(config.retention.receipts.clone());
    let report = sweep(&mut log, &policy(config), &mut receipts, &|| timestamp_ms(clock()), &stop);
    if output.json {
        for receipt in report.receipts() {
            writeln!(out, "{}", receipt.json())?;
        }
    } else if report.errors().next().is_none() || report.receipts().next().is_some() {
        write!(out, "{}", receipts_text(&report.receipts().collect::<Vec<_>>(), receipts.path().display()))?;
    }
    ended(&report.errors().collect::<Vec<_>>())
}

/// Errors are told together, behind what could be done.
fn ended(errors: &[impl Display]) -> Result<Exit, Failure> {
    if errors.is_empty() {
        return Ok(Exit::Done);
    }
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Err(Failure::Halted(anyhow!(text.join("\nerror: "))))
}

fn surveyed_table(surveyed: &[Surveyed], now_ms: i64) -> String {
    if surveyed.is_empty() {
        return "nothing is due\n".to_owned();
    }
    let head = ["partition", "low", "committed", "end", "cut-off", "due", "oldest", "window", "state"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let dash = || "-".to_owned();
    rows.extend(surveyed.iter().map(|surveyed| {
        let standing = &surveyed.standing;
        vec![
            format!("{}/{}", surveyed.topic, surveyed.partition),
            standing.low.to_string(),
            standing.committed.map_or_else(dash, |committed| committed.to_string()),
            standing.end.to_string(),
            standing.first_young.map_or_else(dash, |young| young.offset.to_string()),
            surveyed.offsets_due().to_string(),
            standing.oldest_ms.map_or_else(dash, |oldest_ms| age(now_ms - oldest_ms)),
            written(surveyed.window),
            state(surveyed).to_owned(),
        ]
    }));
    table(&rows)
}

fn surveyed_json(surveyed: &Surveyed, now_ms: i64) -> Value {
    let Surveyed { topic, partition, window, cutoff_ms, standing, verdict } = surveyed;
    json!({
        "topic": topic, "partition": partition, "window_seconds": window.as_secs(), "cutoff_ms": cutoff_ms,
        "low_watermark": standing.low, "committed_offset": standing.committed, "stable_end": standing.end,
        "cutoff_offset": standing.first_young.map(|young| young.offset), "bound": verdict.ok(),
        "offsets_due": surveyed.offsets_due(),
        "oldest_age_seconds": standing.oldest_ms.map(|oldest_ms| (now_ms - oldest_ms) / 1000),
        "state": state(surveyed),
    })
}

fn state(surveyed: &Surveyed) -> &'static str {
    surveyed.verdict.map_or_else(|keep| keep.code(), |_| "due")
}

fn receipts_text(receipts: &[&Receipt], file: impl Display) -> String {
    if receipts.is_empty() {
        return "nothing was due\n".to_owned();
    }
    let mut rows = vec![["partition", "from", "before", "offsets", "outcome"].map(str::to_owned).to_vec()];
    rows.extend(receipts.iter().map(|receipt| {
        let Receipt { topic, partition, low_watermark_before, bound, outcome, .. } = receipt;
        let numbers = [*low_watermark_before, *bound, receipt.offsets()].map(|number| number.to_string());
        let cells = [format!("{topic}/{partition}")].into_iter().chain(numbers);
        cells.chain([outcome.code().to_owned()]).collect()
    }));
    let receipts = count(receipts.len() as u64, "receipt");
    format!("{}{receipts} in {file}; the deletion is logical, bytes leave the disks later\n", table(&rows))
}

/// An age in its two largest units; records from the future are `ahead`.
fn age(age_ms: i64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let seconds = age_ms.unsigned_abs() / 1000;
    let first = UNITS.iter().position(|(_, size)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (unit, size) = UNITS[first];
    let mut text = format!("{}{unit}", seconds / size);
    if let Some((unit, next)) = UNITS.get(first + 1) {
        text += &format!(" {}{unit}", seconds % size / next);
    }
    if age_ms < 0 { format!("{text} ahead") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{Confirmation, Keep, Stamp, Standing};
    use expect_test::expect;
    use std::time::Duration;

    const DAY_MS: i64 = 86_400_000;
    const NOW_MS: i64 = 20_000 * DAY_MS;

    fn surveyed(partition: i32, committed: Option<i64>, verdict: Result<i64, Keep>) -> Surveyed {
        let (window, cutoff_ms) = (Duration::from_secs(30 * 86_400), NOW_MS - 30 * DAY_MS);
        let first_young = Some(Stamp { offset: 450, timestamp_ms: Some(cutoff_ms) });
        let (newest_ms, oldest_ms) = (Some(NOW_MS), Some(NOW_MS - 31 * DAY_MS - 7_200_000));
        let standing = Standing { committed, low: 120, end: 1000, first_young, newest_ms, oldest_ms };
        Surveyed { topic: "raw-logs".to_owned(), partition, window, cutoff_ms, standing, verdict }
    }

    #[test]
    fn a_survey_as_table_and_as_json() {
        let surveyed = [surveyed(0, Some(900), Ok(450)), surveyed(1, None, Err(Keep::NothingCommitted))];
        expect![[r"
            partition   low  committed  end   cut-off  due  oldest  window  state
            raw-logs/0  120  900        1000  450      330  31d 2h  30d     due
            raw-logs/1  120  -          1000  450      0    31d 2h  30d     nothing-committed
        "]]
        .assert_eq(&surveyed_table(&surveyed, NOW_MS));
        expect![[r#"{"bound":450,"committed_offset":900,"cutoff_ms":1725408000000,"cutoff_offset":450,"low_watermark":120,"offsets_due":330,"oldest_age_seconds":2685600,"partition":0,"stable_end":1000,"state":"due","topic":"raw-logs","window_seconds":2592000}"#]]
            .assert_eq(&surveyed_json(&surveyed[0], NOW_MS).to_string());
        assert_eq!(surveyed_table(&[], NOW_MS), "nothing is due\n");
    }

    #[test]
    fn receipts_as_table() {
        let receipt = Receipt {
            outcome: Confirmation::Deleted,
            time_ms: NOW_MS,
            topic: "raw-logs".to_owned(),
            partition: 0,
            group: "logveil".to_owned(),
            instance: "host-1".to_owned(),
            window: Duration::from_secs(60),
            cutoff_ms: NOW_MS - 60_000,
            committed_offset: 900,
            cutoff_offset: None,
            bound: 900,
            low_watermark_before: 120,
            low_watermark_returned: Some(900),
            low_watermark_read_back: Some(900),
        };
        expect![[r"
            partition   from  before  offsets  outcome
            raw-logs/0  120   900     780      deleted
            1 receipt in receipts.jsonl; the deletion is logical, bytes leave the disks later
        "]]
        .assert_eq(&receipts_text(&[&receipt], "receipts.jsonl"));
        assert_eq!(receipts_text(&[], "receipts.jsonl"), "nothing was due\n");
    }

    #[test]
    fn ages_have_two_units() {
        let ages = [0, 999, 59_000, 60_000, 5_400_000, 90_000_000, 400 * DAY_MS, -60_000].map(age);
        assert_eq!(ages, ["0s", "0s", "59s", "1m 0s", "1h 30m", "1d 1h", "400d 0h", "1m 0s ahead"]);
    }
}
