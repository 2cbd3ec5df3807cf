//! `logveil config`: what a configuration would run.

use super::exit::{Exit, Failure};
use super::packs;
use super::text::{count, table};
use crate::calendar::Date;
use crate::config::{Config, LogFormat, Surroundings, written};
use crate::keystore::{self, Coverage};
use crate::veil::{Choice, Veil};
use clap::{Args, Subcommand};
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

/// Checks configuration files.
#[derive(Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Loads configuration, rules and keyring, and shows what would run; speaks to no broker
    Check {
        /// Configuration file
        #[arg(default_value = "logveil.toml")]
        file: PathBuf,
    },
}

pub(super) fn run(args: ConfigArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    let ConfigCommand::Check { file } = args.command;
    let config = load(&file)?;
    let packs = packs::load(config.rules.iter().map(PathBuf::as_path))?;
    let mut rows = Vec::new();
    for route in &config.routes {
        let veil = Veil::new(&packs, &Choice::new(&route.pack))?;
        let topics = route.topics.join(", ");
        rows.push(("route", format!("{topics} -> {}, quarantine {}", route.target, route.quarantine)));
        rows.push(match route.window {
            Some(window) => ("  window", format!("{}, then raw records are deleted", written(window))),
            None => ("  window", "none: logveil deletes no raw records".to_owned()),
        });
        let packs = veil.version().split(' ').map(|pack| ("  pack", pack.to_owned()));
        rows.extend(packs);
    }
    let keyring = keystore::load(&config.keyring)?;
    let Coverage { present, ends_ms, .. } = keystore::coverage(&keyring, now_ms)?;

    let Config { kafka, commit, retention, http, log, record_bytes_max, .. } = &config;
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let (file, tenant, until) = (config.keyring.display(), keyring.tenant(), Date::at(ends_ms));
    let (interval_ms, bytes, records) = (commit.interval.as_millis(), commit.bytes, commit.records);
    rows.extend([
        ("kafka", format!("{}, group {}", kafka.bootstrap_servers, kafka.group)),
        ("instance", format!("{}, {}", kafka.instance, count(kafka.workers as u64, "worker"))),
        ("keyring", format!("{file}, tenant {tenant}, present epoch {present}, covered until {until}")),
        ("commit", format!("every {interval_ms} ms, {bytes} bytes or {records} records")),
        (
            "retention",
            match config.routes.iter().any(|route| route.window.is_some()) {
                true => format!("every {}, receipts in {}", written(retention.interval), retention.receipts.display()),
                false => "off".to_owned(),
            },
        ),
        ("limits", format!("records of up to {record_bytes_max} bytes")),
        ("http", http.listen.to_string()),
        ("log", format!("{format}, level {}", log.level)),
    ]);
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    write!(out, "{}", table(&rows))?;
    Ok(Exit::Done)
}

/// Reads a configuration, with this process's variables and machine for what it leaves open.
pub(super) fn load(file: &Path) -> Result<Config, Failure> {
    #[expect(clippy::disallowed_methods, reason = "`config` asks for variables through this")]
    let variable = |name: &str| std::env::var(name).ok();
    let surroundings = Surroundings {
        variable: &variable,
        processors: thread::available_parallelism().map_or(1, NonZero::get),
        host_name: &host_name(),
    };
    Ok(Config::load(file, surroundings)?)
}

/// The machine's name as Linux tells it; `localhost` where it does not.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
