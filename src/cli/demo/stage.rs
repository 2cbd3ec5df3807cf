//! What the demo plays on: a broker, topics, and the stream between them.

use super::super::exit::Failure;
use super::super::packs;
use crate::generate::Kind;
use crate::http::Server;
use crate::kafka::{self, Halted, Job, Options, RawTopics};
use crate::keystore::KeyringFile;
use crate::pipeline::metrics::{Counts, Metrics};
use crate::pipeline::{CommitRule, Health, Pulses, Route, Routes, Stop};
use crate::retention::Policy;
use crate::veil::{Choice, Veil};
use embedded_kafka::Broker;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// Partitions of each topic.
pub(super) const PARTITIONS: i32 = 4;
/// Where what cannot be veiled goes.
pub(super) const QUARANTINE: &str = "quarantine";
/// More workers do not help: the broker and the load want processors as well.
const WORKERS_MAX: usize = 4;
/// The events reach back by a month, which touches two epochs.
const EPOCHS_PAST: u32 = 2;
const EPOCHS_FUTURE: u32 = 1;

/// The source topic of a kind of log.
pub(super) fn raw_topic(kind: Kind) -> &'static str {
    match kind {
        Kind::Api => "raw.api",
        Kind::Nginx => "raw.nginx",
        Kind::Sshd => "raw.auth",
        Kind::CloudTrail => "raw.cloudtrail",
    }
}

/// Where its clean records go.
pub(super) fn clean_topic(kind: Kind) -> &'static str {
    match kind {
        Kind::Api => "clean.api",
        Kind::Nginx => "clean.nginx",
        Kind::Sshd => "clean.auth",
        Kind::CloudTrail => "clean.cloudtrail",
    }
}

fn pack(kind: Kind) -> &'static str {
    match kind {
        Kind::Api => "api-gateway",
        Kind::Nginx => "nginx",
        Kind::Sshd => "linux-auth",
        Kind::CloudTrail => "aws-cloudtrail",
    }
}

/// A running stream on a broker of its own.
pub(super) struct Stage {
    pub(super) job: Arc<Job>,
    pub(super) options: Options,
    stream: Option<JoinHandle<Result<(), Halted>>>,
    server: Server,
    // Dropped last: the stream must not lose its broker or its files before it has ended.
    broker: Broker,
    folder: TempDir,
}

impl Stage {
    /// Starts broker and stream, with keys that nobody keeps.
    pub(super) fn open(now_ms: i64) -> Result<Self, Failure> {
        let halted = |error: &dyn std::fmt::Display| Failure::Halted(anyhow::anyhow!("{error}"));
        let folder = TempDir::with_prefix("logveil-demo-").map_err(|error| halted(&error))?;
        let broker = Broker::start(embedded_kafka::Options::default()).map_err(|error| halted(&error))?;
        let options = Options {
            bootstrap_servers: broker.bootstrap_servers(),
            group: "logveil-demo".to_owned(),
            instance: "demo".to_owned(),
            workers: std::thread::available_parallelism().map_or(1, |count| count.get().min(WORKERS_MAX)),
            consumer: BTreeMap::new(),
            producer: BTreeMap::new(),
        };
        let kinds = Kind::ALL.into_iter();
        let topics = kinds.flat_map(|kind| [raw_topic(kind), clean_topic(kind)]).chain([QUARANTINE]);
        kafka::create_topics(&options, topics.map(|topic| (topic, PARTITIONS))).map_err(|error| halted(&error))?;

        let file = KeyringFile::generate("demo", crate::keys::EPOCH_DAYS_DEFAULT, now_ms, EPOCHS_PAST, EPOCHS_FUTURE)?;
        let keys = Arc::new(file.into_keyring().map_err(|error| halted(&error))?);
        let routes = routes()?;
        let metrics = Arc::new(Metrics::new(&routes));
        let (health, stop) = (Health::default(), Stop::default());
        let job = Arc::new(Job {
            routes,
            keys,
            rule: CommitRule::default(),
            metrics,
            health,
            stop,
            pulses: Pulses::default(),
        });

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(address, Arc::clone(&job.metrics), job.health.clone())
            .map_err(|error| halted(&format!("could not listen on {address}: {error}")))?;
        let (its_options, its_job) = (options.clone(), Arc::clone(&job));
        let stream = std::thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || kafka::run(&its_options, &its_job))
            .map_err(|error| halted(&error))?;
        Ok(Self { job, options, stream: Some(stream), server, broker, folder })
    }

    pub(super) fn broker(&self) -> String {
        self.broker.bootstrap_servers()
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.server.address()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the stream has committed so far.
    pub(super) fn counts(&self) -> Counts {
        self.job.metrics.total(&self.job.routes)
    }

    /// The raw topics, for a sweep.
    pub(super) fn raw_topics(&self) -> Result<RawTopics, Failure> {
        RawTopics::connect(&self.options).map_err(|error| Failure::Halted(error.into()))
    }

    /// All raw topics, with this window.
    pub(super) fn policy(&self, window: Duration) -> Policy {
        let windows: BTreeMap<String, Duration> =
            Kind::ALL.iter().map(|kind| (raw_topic(*kind).to_owned(), window)).collect();
        Policy { group: self.options.group.clone(), instance: self.options.instance.clone(), windows }
    }

    /// Whether the stream still runs.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        if self.stream.as_ref().is_some_and(JoinHandle::is_finished) { self.join() } else { Ok(()) }
    }

    /// Waits until a person asks to stop, or the stream ends by itself.
    pub(super) fn wait_for_stop(&mut self) -> Result<(), Failure> {
        while !self.job.stop.is_requested() {
            self.check()?;
            std::thread::sleep(super::LOOK);
        }
        Ok(())
    }

    /// Ends the stream as SIGTERM would.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.job.stop.request();
        self.join()
    }

    fn join(&mut self) -> Result<(), Failure> {
        let Some(stream) = self.stream.take() else { return Ok(()) };
        let ended =
            stream.join().map_err(|_| Failure::Halted(anyhow::anyhow!("the stream panicked; this is a bug")))?;
        ended.map_err(|halted| Failure::Halted(halted.into()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.job.stop.request();
        // What went wrong was told by whoever gave up the stage.
        self.join().ok();
    }
}

fn routes() -> Result<Routes, Failure> {
    let loaded = packs::load([])?;
    let mut routes = Vec::new();
    for kind in Kind::ALL {
        routes.push(Route {
            source: raw_topic(kind).to_owned(),
            target: clean_topic(kind).to_owned(),
            quarantine: QUARANTINE.to_owned(),
            veil: Arc::new(Veil::new(&loaded, &Choice::new(pack(kind)))?),
        });
    }
    Ok(Routes::new(routes))
}
