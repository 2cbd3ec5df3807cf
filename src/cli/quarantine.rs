//! `logveil quarantine`: what could not be veiled, and another try.

use super::config;
use super::exit::{Exit, Failure};
use super::run::{job, options};
use super::text::{count, table};
use crate::config::Config;
use crate::kafka::{self, Entry, Place, Replay};
use crate::keystore;
use crate::record::Record;
use anyhow::anyhow;
use clap::{Args, Subcommand};
use data_encoding::BASE64;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

/// Lists, opens and replays quarantined records.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil quarantine list
  logveil quarantine open quarantine-logs/0@17 --i-may-see-raw-data
  logveil quarantine replay          # after mending the rules or extending the keys")]
pub(super) struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Subcommand)]
enum QuarantineCommand {
    /// Shows where each entry stands, why, and where its record came from; nothing of the record
    List {
        #[command(flatten)]
        stream: StreamArgs,
        /// Also entries that a replay has dealt with
        #[arg(long)]
        all: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Takes one record out of its seal and prints it as JSON. It is raw data
    Open {
        /// Entry as `list` shows it: topic/partition@offset
        place: Place,
        #[command(flatten)]
        stream: ConfigFileArgs,
        /// Says that you are allowed to see this record, and that nobody else sees your terminal
        #[arg(long, required = true)]
        i_may_see_raw_data: bool,
    },
    /// Veils every open entry again with today's rules and keys: clean ones go to their target, the rest goes back
    Replay {
        #[command(flatten)]
        stream: StreamArgs,
    },
}

#[derive(Args)]
struct ConfigFileArgs {
    /// Configuration file
    #[arg(long, short, default_value = "logveil.toml")]
    config: PathBuf,
}

#[derive(Args)]
struct StreamArgs {
    #[command(flatten)]
    file: ConfigFileArgs,
    /// Only this quarantine topic [default: those of all routes]
    #[arg(long)]
    topic: Option<String>,
}

impl StreamArgs {
    fn topics(&self, config: &Config) -> BTreeSet<String> {
        match &self.topic {
            Some(topic) => BTreeSet::from([topic.clone()]),
            None => config.routes.iter().map(|route| route.quarantine.clone()).collect(),
        }
    }
}

pub(super) fn run(args: QuarantineArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    match args.command {
        QuarantineCommand::List { stream, all, json } => list(&stream, all, json, out),
        QuarantineCommand::Open { place, stream, i_may_see_raw_data: _ } => open(&place, &stream, out),
        QuarantineCommand::Replay { stream } => replay(&stream, out),
    }
}

fn list(stream: &StreamArgs, all: bool, as_json: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let config = config::load(&stream.file.config)?;
    let mut rows = vec![["entry", "reason", "record", "bytes", "state"].map(str::to_owned).to_vec()];
    let mut entries = Vec::new();
    for topic in stream.topics(&config) {
        kafka::list(&options(&config), &topic, &mut |entry, replay| {
            if !all && replay == Replay::Done {
                return;
            }
            let state = match replay {
                Replay::Open => "open",
                Replay::Done => "replayed",
            };
            let Entry { place, source, reason, .. } = entry;
            if as_json {
                entries.push(json!({
                    "entry": place.to_string(), "reason": reason.code(), "record": source.to_string(),
                    "bytes": entry.size(), "state": state,
                }));
            } else {
                let cells = [place.to_string(), reason.to_string(), source.to_string(), entry.size().to_string()];
                rows.push(cells.into_iter().chain([state.to_owned()]).collect());
            }
        })
        .map_err(|halted| Failure::Halted(halted.into()))?;
    }
    if as_json {
        for entry in entries {
            writeln!(out, "{entry}")?;
        }
    } else if rows.len() > 1 {
        out.write_all(table(&rows).as_bytes())?;
    } else {
        writeln!(out, "nothing is in quarantine")?;
    }
    Ok(Exit::Done)
}

fn open(place: &Place, stream: &ConfigFileArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let config = config::load(&stream.config)?;
    let keyring = keystore::load(&config.keyring)?;
    let entry = kafka::fetch(&options(&config), place).map_err(|halted| Failure::Halted(halted.into()))?;
    let unopened = |error| Failure::Halted(anyhow::Error::new(error).context(format!("could not open {place}")));
    let opened = entry.open(&keyring).map_err(unopened)?;
    let record = entry.read(&opened, raw_json).map_err(unopened)?;
    writeln!(out, "{record:#}")?;
    Ok(Exit::Done)
}

/// The record with all it holds. What is not UTF-8 is shown in base64, under a name that says so.
fn raw_json(record: &Record<'_>) -> serde_json::Value {
    let headers = record.headers.iter().map(|header| {
        let mut fields = bytes_json("value", header.value);
        fields.insert("name".to_owned(), json!(header.name));
        serde_json::Value::Object(fields)
    });
    let mut fields = serde_json::Map::new();
    fields.insert("record".to_owned(), json!(record.position.to_string()));
    fields.insert("timestamp_ms".to_owned(), json!(record.timestamp_ms));
    fields.extend(bytes_json("key", record.key));
    fields.extend(bytes_json("payload", record.payload));
    fields.insert("headers".to_owned(), headers.collect());
    serde_json::Value::Object(fields)
}

fn bytes_json(name: &str, bytes: Option<&[u8]>) -> serde_json::Map<String, serde_json::Value> {
    let (name, value) = match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => (name.to_owned(), serde_json::Value::Null),
        Some((_, Ok(text))) => (name.to_owned(), json!(text)),
        Some((bytes, Err(_))) => (format!("{name}_base64"), json!(BASE64.encode(bytes))),
    };
    serde_json::Map::from_iter([(name, value)])
}

fn replay(stream: &StreamArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let config = config::load(&stream.file.config)?;
    let job = job(&config, keystore::load(&config.keyring)?)?;
    let (mut clean, mut returned) = (0, BTreeMap::new());
    for topic in stream.topics(&config) {
        if !config.routes.iter().any(|route| route.quarantine == topic) {
            let error = anyhow!("no route has the quarantine topic `{topic}`");
            return Err(Failure::Usage(error));
        }
        let replayed = kafka::replay(&options(&config), &job, &topic);
        let replayed = replayed.map_err(|halted| Failure::Halted(halted.into()))?;
        clean += replayed.clean;
        for (reason, count) in replayed.returned {
            *returned.entry(reason).or_insert(0) += count;
        }
    }
    writeln!(out, "{} clean now, {} back in quarantine", count(clean, "record"), returned.values().sum::<u64>())?;
    for (reason, count) in &returned {
        writeln!(out, "  {reason}  {count}")?;
    }
    Ok(if returned.is_empty() { Exit::Done } else { Exit::Quarantined })
}
