//! The file as it is written: serde's structs, and from there into plain options.

use super::kafka_properties::refusal;
use super::{
    Client, Config, ConfigError, ENV_BOOTSTRAP, ENV_HTTP_ALLOW_REMOTE, ENV_HTTP_LISTEN, Http, Kafka, Log, LogFormat,
    Property, Retention, Route, Surroundings, duration,
};
use crate::pipeline::CommitRule;
use crate::veil::RECORD_BYTES_MAX;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Beyond this, a reader waits longer for its records than any throughput gains; and a producer's transaction times out.
const COMMIT_INTERVAL_MS_MAX: u64 = 10_000;
/// The promise is that raw records end within 365 days, whoever writes the configuration.
const WINDOW_MAX: Duration = Duration::from_secs(365 * 86_400);
/// Below a minute, the clocks of producers and of this machine decide more than the window.
const WINDOW_MIN: Duration = Duration::from_secs(60);
/// More often only costs: segments leave the disk every few minutes at best.
const SWEEP_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// A raw record outlives its window by an interval: a day is coarse already.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// More threads than any machine this was measured on; guards against a slip of the keyboard.
const WORKERS_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    kafka: RawKafka,
    #[serde(default, rename = "route")]
    routes: Vec<RawRoute>,
    #[serde(default)]
    keys: RawKeys,
    #[serde(default)]
    rules: RawRules,
    #[serde(default)]
    commit: RawCommit,
    #[serde(default)]
    retention: RawRetention,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    http: RawHttp,
    #[serde(default)]
    log: RawLog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKafka {
    #[serde(default)]
    bootstrap_servers: String,
    /// One name for all processes that share the work.
    #[serde(default = "RawKafka::group")]
    group: String,
    /// The host name: stable over restarts, different between machines.
    instance: Option<String>,
    /// One worker per processor: more producers than processors only cost.
    workers: Option<usize>,
    #[serde(default)]
    properties: BTreeMap<String, RawProperty>,
    #[serde(default)]
    consumer_properties: BTreeMap<String, RawProperty>,
    #[serde(default)]
    producer_properties: BTreeMap<String, RawProperty>,
}

impl RawKafka {
    fn group() -> String {
        "logveil".to_owned()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    topics: Vec<String>,
    /// The record's own shape decides.
    #[serde(default = "RawRoute::pack")]
    pack: String,
    target: String,
    quarantine: String,
    #[serde(default)]
    retention: RawRouteRetention,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRouteRetention {
    /// None: whoever wants raw data deleted says after how long.
    window: Option<String>,
}

impl RawRoute {
    fn pack() -> String {
        "auto".to_owned()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawKeys {
    keyring: PathBuf,
}

impl Default for RawKeys {
    fn default() -> Self {
        Self { keyring: PathBuf::from("keyring.toml") }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawRules {
    /// None: the packs that ship are enough to start with.
    dir: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCommit {
    interval_ms: u64,
    bytes: usize,
    records: usize,
}

impl Default for RawCommit {
    fn default() -> Self {
        let CommitRule { interval, bytes, records } = CommitRule::default();
        Self { interval_ms: interval.as_millis() as u64, bytes, records }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRetention {
    interval: String,
    receipts: PathBuf,
}

impl Default for RawRetention {
    /// A minute: a raw record outlives its window by that much at most, and a sweep costs a handful of requests a topic.
    fn default() -> Self {
        Self { interval: "1m".to_owned(), receipts: PathBuf::from("receipts.jsonl") }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    record_bytes_max: usize,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self { record_bytes_max: RECORD_BYTES_MAX }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawHttp {
    listen: String,
    allow_remote: bool,
}

impl Default for RawHttp {
    /// Loopback: metrics name topics and rules, and nobody checks who asks. 9464 is what Prometheus exporters of
    /// OpenTelemetry use.
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".to_owned(), allow_remote: false }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    format: String,
    level: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self { format: "text".to_owned(), level: "info".to_owned() }
    }
}

/// A property as written: a string, number or boolean, `{ file = "…" }` or `{ env = "…" }`.
enum RawProperty {
    Plain(String),
    File(PathBuf),
    Variable(String),
}

impl<'de> Deserialize<'de> for RawProperty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropertyVisitor)
    }
}

struct PropertyVisitor;

impl<'de> Visitor<'de> for PropertyVisitor {
    type Value = RawProperty;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, a boolean, { file = \"…\" } or { env = \"…\" }")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawProperty, E> {
        Ok(RawProperty::Plain(value.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawProperty, E> {
        Ok(RawProperty::Plain(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawProperty, E> {
        Ok(RawProperty::Plain(value.to_string()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawProperty, E> {
        Ok(RawProperty::Plain(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawProperty, A::Error> {
        let property = match map.next_key::<String>()?.as_deref() {
            Some("file") => RawProperty::File(map.next_value()?),
            Some("env") => RawProperty::Variable(map.next_value()?),
            Some(_) | None => return Err(de::Error::custom("a secret is written { file = \"…\" } or { env = \"…\" }")),
        };
        match map.next_key::<String>()? {
            None => Ok(property),
            Some(_) => Err(de::Error::custom("a secret comes from one place, a file or a variable")),
        }
    }
}

/// Reads the text.
pub(super) fn parse(path: &Path, text: &str) -> Result<RawConfig, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        ConfigError::Format {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            message: without_values(error.message()),
        }
    })
}

/// Serde quotes the value it did not expect (`invalid type: string "hunter2", expected …`); only the end is safe.
fn without_values(message: &str) -> String {
    if !message.starts_with("invalid type") && !message.starts_with("invalid value") {
        return message.to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, "usize" | "u64")) => "wrong type: expected a whole number".to_owned(),
        Some((_, expected)) => format!("wrong type: expected {expected}"),
        None => "wrong type".to_owned(),
    }
}

impl RawConfig {
    /// Checks every value and fills in what is left out.
    pub(super) fn resolve(self, path: &Path, surroundings: Surroundings<'_>) -> Result<Config, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let resolver = Resolver { path, folder, surroundings };
        Ok(Config {
            kafka: resolver.kafka(self.kafka)?,
            routes: resolver.routes(self.routes)?,
            keyring: folder.join(self.keys.keyring),
            rules: self.rules.dir.iter().map(|dir| folder.join(dir)).collect(),
            commit: resolver.commit(self.commit)?,
            retention: resolver.retention(self.retention)?,
            record_bytes_max: resolver.record_bytes_max(self.limits.record_bytes_max)?,
            http: resolver.http(self.http)?,
            log: resolver.log(self.log)?,
        })
    }
}

/// What the checks of values need.
struct Resolver<'a> {
    path: &'a Path,
    folder: &'a Path,
    surroundings: Surroundings<'a>,
}

impl Resolver<'_> {
    fn fault(&self, key: impl Into<String>, fault: impl Into<String>, hint: impl Into<String>) -> ConfigError {
        ConfigError::Value { path: self.path.to_owned(), key: key.into(), fault: fault.into(), hint: hint.into() }
    }

    fn kafka(&self, raw: RawKafka) -> Result<Kafka, ConfigError> {
        let bootstrap_servers = (self.surroundings.variable)(ENV_BOOTSTRAP).unwrap_or(raw.bootstrap_servers);
        if bootstrap_servers.trim().is_empty() {
            let hint = format!("set it to `host:port`, or set the variable {ENV_BOOTSTRAP}");
            return Err(self.fault("kafka.bootstrap_servers", "is missing", hint));
        }
        let instance = raw.instance.unwrap_or_else(|| self.surroundings.host_name.to_owned());
        for (key, name) in [("kafka.group", &raw.group), ("kafka.instance", &instance)] {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
                return Err(self.fault(key, "is not a name", "use letters, digits, dots, hyphens and underscores"));
            }
        }
        let workers = raw.workers.unwrap_or(self.surroundings.processors).max(usize::from(raw.workers.is_none()));
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(self.fault("kafka.workers", "is out of range", format!("use 1 to {WORKERS_MAX}")));
        }
        let mut properties = BTreeMap::new();
        for (client, raw) in [
            (Client::Both, raw.properties),
            (Client::Consumer, raw.consumer_properties),
            (Client::Producer, raw.producer_properties),
        ] {
            let resolved = raw.into_iter().map(|(name, property)| self.property(client, name, property));
            properties.insert(client, resolved.collect::<Result<_, _>>()?);
        }
        Ok(Kafka { bootstrap_servers, group: raw.group, instance, workers, properties })
    }

    fn property(&self, client: Client, name: String, raw: RawProperty) -> Result<(String, Property), ConfigError> {
        let key = || format!("kafka.{}.\"{name}\"", client.table());
        if let Some(reason) = refusal(&name) {
            return Err(self.fault(key(), "cannot be set", reason));
        }
        let value = match raw {
            RawProperty::Plain(value) => value,
            RawProperty::Variable(variable) => (self.surroundings.variable)(&variable).ok_or_else(|| {
                self.fault(key(), format!("wants the variable {variable}, which is not set"), "export it")
            })?,
            RawProperty::File(file) => {
                let file = self.folder.join(file);
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    self.fault(key(), format!("wants the file {}: {error}", file.display()), "check path and mode")
                })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        Ok((name, Property(value)))
    }

    fn routes(&self, raw: Vec<RawRoute>) -> Result<Vec<Route>, ConfigError> {
        if raw.is_empty() {
            return Err(self.fault("route", "is missing", "add a [[route]] with topics, target and quarantine"));
        }
        let mut sources = BTreeSet::new();
        let mut targets = BTreeSet::new();
        for route in &raw {
            if route.topics.is_empty() {
                return Err(self.fault("route.topics", "is empty", "name at least one source topic"));
            }
            for topic in route.topics.iter().chain([&route.target, &route.quarantine]) {
                if !is_topic_name(topic) {
                    let hint = "1 to 249 letters, digits, dots, hyphens and underscores (Kafka's rule)";
                    return Err(self.fault("route", format!("names `{topic}`, which no topic can be called"), hint));
                }
            }
            for topic in &route.topics {
                if !sources.insert(topic.clone()) {
                    let fault = format!("lists the source topic `{topic}` twice");
                    return Err(self.fault("route.topics", fault, "give each source topic one route"));
                }
            }
            targets.extend([route.target.clone(), route.quarantine.clone()]);
            if route.target == route.quarantine {
                let fault = format!("sends clean and quarantined records to `{}`", route.target);
                return Err(self.fault("route", fault, "use two topics: they have different readers"));
            }
        }
        if let Some(topic) = sources.intersection(&targets).next() {
            let fault = format!("reads `{topic}` and also writes it");
            return Err(self.fault("route", fault, "a topic holds raw or clean records, not both"));
        }
        let route = |raw: RawRoute| {
            let window = raw.retention.window.map(|window| self.window(&window)).transpose()?;
            let RawRoute { topics, pack, target, quarantine, .. } = raw;
            Ok(Route { topics, pack, target, quarantine, window })
        };
        raw.into_iter().map(route).collect()
    }

    fn duration(&self, key: &str, text: &str) -> Result<Duration, ConfigError> {
        let hint = "write a whole number and a unit: `90m`, `12h` or `30d`";
        duration::parse(text).ok_or_else(|| self.fault(key, "is no duration", hint))
    }

    fn window(&self, text: &str) -> Result<Duration, ConfigError> {
        const KEY: &str = "route.retention.window";
        let window = self.duration(KEY, text)?;
        if window > WINDOW_MAX {
            let hint = "raw records are promised to end within 365 days: write `365d` or less";
            return Err(self.fault(KEY, "is longer than 365 days", hint));
        }
        if window < WINDOW_MIN {
            let hint = "write `1m` or more; below that, the clocks of producers decide";
            return Err(self.fault(KEY, "is shorter than a minute", hint));
        }
        Ok(window)
    }

    fn retention(&self, raw: RawRetention) -> Result<Retention, ConfigError> {
        let interval = self.duration("retention.interval", &raw.interval)?;
        if !(SWEEP_INTERVAL_MIN..=SWEEP_INTERVAL_MAX).contains(&interval) {
            let hint = "use `1s` to `1d`; raw records outlive their window by that much";
            return Err(self.fault("retention.interval", "is out of range", hint));
        }
        if raw.receipts.as_os_str().is_empty() {
            return Err(self.fault("retention.receipts", "is empty", "leave it out for `receipts.jsonl`"));
        }
        Ok(Retention { interval, receipts: self.folder.join(raw.receipts) })
    }

    fn commit(&self, raw: RawCommit) -> Result<CommitRule, ConfigError> {
        if !(1..=COMMIT_INTERVAL_MS_MAX).contains(&raw.interval_ms) {
            let hint = format!("use 1 to {COMMIT_INTERVAL_MS_MAX}; 100 to 200 is a good value");
            return Err(self.fault("commit.interval_ms", "is out of range", hint));
        }
        for (key, value) in [("commit.bytes", raw.bytes), ("commit.records", raw.records)] {
            if value == 0 {
                return Err(self.fault(key, "is zero", "leave it out for the default"));
            }
        }
        let interval = Duration::from_millis(raw.interval_ms);
        Ok(CommitRule { interval, bytes: raw.bytes, records: raw.records })
    }

    fn record_bytes_max(&self, bytes: usize) -> Result<usize, ConfigError> {
        const LIMIT: usize = 64 * 1024 * 1024;
        if !(1..=LIMIT).contains(&bytes) {
            return Err(self.fault("limits.record_bytes_max", "is out of range", format!("use 1 to {LIMIT}")));
        }
        Ok(bytes)
    }

    fn http(&self, raw: RawHttp) -> Result<Http, ConfigError> {
        let variable = self.surroundings.variable;
        let allow_remote = raw.allow_remote || variable(ENV_HTTP_ALLOW_REMOTE).is_some_and(|value| value == "true");
        let listen = variable(ENV_HTTP_LISTEN).unwrap_or(raw.listen);
        let listen: SocketAddr = listen
            .parse()
            .map_err(|_| self.fault("http.listen", "is no address", "write `127.0.0.1:9464` or `[::1]:9464`"))?;
        if !listen.ip().is_loopback() && !allow_remote {
            let hint = "nobody checks who asks; set `http.allow_remote = true` where the network does";
            return Err(self.fault("http.listen", "is not a loopback address", hint));
        }
        Ok(Http { listen })
    }

    fn log(&self, raw: RawLog) -> Result<Log, ConfigError> {
        let format = match raw.format.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(self.fault("log.format", "is unknown", "use `text` or `json`")),
        };
        if !["error", "warn", "info", "debug", "trace"].contains(&raw.level.as_str()) {
            return Err(self.fault("log.level", "is unknown", "use error, warn, info, debug or trace"));
        }
        Ok(Log { format, level: raw.level })
    }
}

/// Kafka's rule for topic names (`org.apache.kafka.common.internals.Topic`).
fn is_topic_name(name: &str) -> bool {
    let charset = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    charset && !matches!(name, "" | "." | "..") && name.len() <= 249
}
