//! The configuration file: from TOML into plain options, every default with its reason.
//!
//! Knows: the file format, environment overrides, secrets in files or variables. Must not know what the options do.
//! Start at [`Config::load`].
//!
//! No setting forwards raw data, and none turns exactly-once off.

mod duration;
mod kafka_properties;
mod raw;

pub use duration::written;
pub use kafka_properties::Client;

use crate::pipeline::CommitRule;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Overrides `kafka.bootstrap_servers`, so that one file serves several environments.
pub const ENV_BOOTSTRAP: &str = "LOGVEIL_KAFKA_BOOTSTRAP";
/// Overrides `http.listen`.
pub const ENV_HTTP_LISTEN: &str = "LOGVEIL_HTTP_LISTEN";
/// `true` stands for `http.allow_remote = true`, as a container needs whose network decides who may ask.
pub const ENV_HTTP_ALLOW_REMOTE: &str = "LOGVEIL_HTTP_ALLOW_REMOTE";

/// Everything that `logveil run` can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster and this process's place in it.
    pub kafka: Kafka,
    /// What is read, by which pack, and where it goes. At least one.
    pub routes: Vec<Route>,
    /// The keyring file.
    pub keyring: PathBuf,
    /// Folders of rule packs that override or add to those that ship.
    pub rules: Vec<PathBuf>,
    /// When a transaction is committed.
    pub commit: CommitRule,
    /// How raw records end.
    pub retention: Retention,
    /// Most bytes of key, payload and headers of one record; larger ones are quarantined.
    pub record_bytes_max: usize,
    /// Health and metrics.
    pub http: Http,
    /// Log output.
    pub log: Log,
}

/// The cluster and this process's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, comma-separated.
    pub bootstrap_servers: String,
    /// Consumer group; also part of the transactional ids.
    pub group: String,
    /// Name of this process within the group; must differ between processes and stay the same over restarts.
    pub instance: String,
    /// Worker threads, each with its own producer.
    pub workers: usize,
    /// librdkafka properties by client.
    pub properties: BTreeMap<Client, BTreeMap<String, Property>>,
}

/// A property's value. Its `Debug` shows nothing: it may be a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Property(String);

impl Property {
    /// The value, for the Kafka client only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Property({} bytes)", self.0.len())
    }
}

/// What is read, by which pack, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Source topics.
    pub topics: Vec<String>,
    /// Name of a pack, or `auto`.
    pub pack: String,
    /// Topic of the clean records.
    pub target: String,
    /// Topic of the sealed records.
    pub quarantine: String,
    /// How long a raw record stays once it is forwarded. `None`: logveil deletes nothing from the source topics.
    pub window: Option<Duration>,
}

/// How raw records end, where a route has a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Time from the start of one sweep to the start of the next.
    pub interval: Duration,
    /// The file that receipts of deletions are added to.
    pub receipts: PathBuf,
}

/// Health and metrics endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// Address to listen on.
    pub listen: SocketAddr,
}

/// Log output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON lines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with a configuration. Quotes keys and places, never values: they may be secrets.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}\n  hint: `logveil init` writes a starter file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no TOML or has a key that does not belong there.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, without values.
        message: String,
    },
    /// A value that cannot be meant.
    #[error("{}: `{key}` {fault}\n  hint: {hint}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, as a dotted path.
        key: String,
        /// What is wrong with it.
        fault: String,
        /// How to mend it.
        hint: String,
    },
}

/// What a configuration may ask of its surroundings.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Processors of the machine: the default number of workers.
    pub processors: usize,
    /// The machine's host name: the default instance.
    pub host_name: &'a str,
}

impl Config {
    /// Reads a configuration file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`], each with the place and the mend.
    pub fn load(path: &Path, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, surroundings)
    }

    /// Reads a configuration from its text; `path` names it in errors and is what relative paths are relative to.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        raw::parse(path, text)?.resolve(path, surroundings)
    }
}
