//! A load tool for the stories in `dev/stories`: fills topics, reads them back, and counts what is lost, duplicated or
//! out of order. Not part of the product. Every verb ends with one line of `name=value` figures, and exits non-zero when
//! what it checks does not hold.
#![expect(clippy::print_stdout, reason = "the figures are what this tool is for")]

mod broker;
mod events;
mod fates;
mod latency;
mod passthrough;
mod produce;
mod read_back;

use anyhow::Result;
use broker::Broker;
use clap::{Parser, Subcommand};
use logveil::kafka::Options;
use logveil::pipeline::CommitRule;
use passthrough::{Guarantee, Passthrough, Total};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

#[derive(Parser)]
struct Arguments {
    /// Address of a broker.
    #[arg(long, global = true, default_value = "127.0.0.1:19092")]
    bootstrap: String,
    /// Longest wait for what a verb waits for, in seconds.
    #[arg(long, global = true, default_value_t = 120)]
    timeout: u64,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Creates a topic and waits until it can be used; with --fresh, one of that name is deleted before.
    Topic {
        name: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        fresh: bool,
    },
    /// Deletes a topic.
    Delete { name: String },
    /// Produces invented API events. Record `seq` of partition `part` is always the same.
    Fill {
        topic: String,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        /// Payload size; events are never shorter than about 170 bytes.
        #[arg(long, default_value_t = 1024)]
        bytes: usize,
        /// Records per second; without it, as fast as the broker takes them.
        #[arg(long)]
        rate: Option<u64>,
    },
    /// Produces the lines of a file: line i goes to partition i % partitions, with its number as header `line`.
    Lines {
        file: PathBuf,
        topic: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        /// Makes a newline of every U+2028 in a line.
        #[arg(long)]
        restore_newlines: bool,
    },
    /// Reads what became of `lines` (from a fresh topic) and writes it in the order of the lines.
    Collect {
        topic: String,
        quarantine: String,
        out: PathBuf,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        lines: usize,
        /// Also writes keys, headers and payloads of both topics as they are, one after the other.
        #[arg(long)]
        bytes: Option<PathBuf>,
    },
    /// Looks for every record of `fill` (into a fresh topic) in its target and, if named, in the quarantine.
    Verify {
        topic: String,
        quarantine: Option<String>,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value = "read_committed")]
        isolation: String,
    },
    /// Copies records as logveil would without looking at them: the ceiling that it is measured by.
    Passthrough {
        from: String,
        to: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value_t = 150)]
        commit_ms: u64,
        #[arg(long, default_value_t = 2)]
        workers: usize,
        #[arg(long, default_value = "passthrough")]
        group: String,
        #[arg(long, value_enum, default_value = "exactly-once")]
        guarantee: Guarantee,
    },
    /// Waits until the offsets that a group committed reach the end of a topic, and measures how fast they got there.
    WaitDrained { group: String, topic: String },
    /// Reads a topic while it is filled, and tells how old its records are when they can be read.
    Latency {
        topic: String,
        /// Records that will come.
        #[arg(long)]
        records: usize,
        /// So many of the first are not counted: they waited for programs to start.
        #[arg(long, default_value_t = 0)]
        skipped: usize,
    },
    /// Waits for the first committed record of a topic, and tells when it could be read.
    First { topic: String },
}

fn main() -> Result<()> {
    let Arguments { bootstrap, timeout, verb } = Arguments::parse();
    let broker = Broker::new(bootstrap, Duration::from_secs(timeout))?;
    match verb {
        Verb::Topic { name, partitions, fresh } => {
            broker.topic(&name, partitions, fresh)?;
            println!("created topic={name} partitions={partitions}");
            Ok(())
        }
        Verb::Delete { name } => {
            broker.delete(&name)?;
            println!("deleted topic={name}");
            Ok(())
        }
        Verb::Fill { topic, records, partitions, bytes, rate } => broker.fill(&topic, records, partitions, bytes, rate),
        Verb::Lines { file, topic, partitions, restore_newlines } => {
            broker.lines(&file, &topic, partitions, restore_newlines)
        }
        Verb::Collect { topic, quarantine, out, partitions, lines, bytes } => {
            broker.collect(&topic, &quarantine, &out, partitions, lines, bytes.as_deref())
        }
        Verb::Verify { topic, quarantine, partitions, records, isolation } => {
            broker.verify(&topic, quarantine.as_deref(), partitions, records, &isolation)
        }
        Verb::Passthrough { from, to, partitions, records, commit_ms, workers, group, guarantee } => {
            let options = Options {
                bootstrap_servers: broker.bootstrap,
                group,
                instance: "passthrough".to_owned(),
                workers,
                consumer: BTreeMap::new(),
                producer: BTreeMap::new(),
            };
            let rule = CommitRule { interval: Duration::from_millis(commit_ms), ..CommitRule::default() };
            let job = Passthrough { options, from, to, partitions, rule, guarantee };
            let total = Total::default();
            job.run(records, &total)?;
            println!("{total}");
            Ok(())
        }
        Verb::WaitDrained { group, topic } => broker.wait_drained(&group, &topic),
        Verb::Latency { topic, records, skipped } => broker.latency(&topic, records, skipped),
        Verb::First { topic } => broker.first(&topic),
    }
}

#[expect(clippy::disallowed_methods, reason = "records carry the time at which they are sent")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
