//! `logveil config`: what a configuration would run.

use super::exit::{Exit, Failure};
use super::packs;
use super::text::{count, table};
use crate::config::{Config, LogFormat, Surroundings};
use crate::keystore::{self, Date};
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
    let mut routes = Vec::new();
    for route in &config.routes {
        let veil = Veil::new(&packs, &Choice::new(&route.pack))?;
        let way = format!("{} → {}", route.topics.join(", "), route.target);
        let quarantine = format!("quarantine {}", route.quarantine);
        routes.push(vec!["route".to_owned(), way, quarantine, format!("pack {}: {}", route.pack, veil.version())]);
    }
    let keyring = keystore::load(&config.keyring)?;
    let coverage = keystore::coverage(&keyring, now_ms)?;

    let kafka = &config.kafka;
    let log = match config.log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "JSON",
    };
    let (bytes, records, interval_ms) =
        (config.commit.bytes, config.commit.records, config.commit.interval.as_millis());
    write!(out, "{}", table(&routes))?;
    let rows = [
        ("kafka", format!("{}, group {}", kafka.bootstrap_servers, kafka.group)),
        ("instance", format!("{}, {}", kafka.instance, count(kafka.workers as u64, "worker"))),
        ("keys", {
            let (file, tenant, until) = (config.keyring.display(), keyring.tenant(), Date::at(coverage.ends_ms));
            format!("{file}, tenant {tenant}, present epoch {}, covered until {until}", coverage.present)
        }),
        ("commit", format!("every {interval_ms} ms, {bytes} bytes or {records} records")),
        ("limits", format!("records of up to {} bytes", config.record_bytes_max)),
        ("http", config.http.listen.to_string()),
        ("log", format!("{log}, level {}", config.log.level)),
    ];
    write!(out, "{}", table(&rows.map(|(name, value)| vec![name.to_owned(), value])))?;
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
    Config::load(file, surroundings).map_err(|error| Failure::Usage(error.into()))
}

/// The machine's name as Linux tells it; `localhost` where it does not.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
