//! `logveil run`: the stream.

use super::config;
use super::exit::{Exit, Failure};
use super::packs;
use super::terminal;
use super::time::timestamp_ms;
use crate::calendar::Date;
use crate::config::{Client, Config, LogFormat, written};
use crate::http::Server;
use crate::kafka::{self, Job, Options, RawTopics};
use crate::keys::Keyring;
use crate::keystore;
use crate::pipeline::metrics::Metrics;
use crate::pipeline::{Health, Pulses, Route, Routes, Stop};
use crate::retention::{Policy, ReceiptFile, Sweeper};
use crate::rules::RulePack;
use crate::veil::{Choice, Veil};
use clap::Args;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tracing_subscriber::EnvFilter;

/// Between looks at the threads that call the Kafka client.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Two minutes: far more than the longest call that has a limit, and than the longest batch.
const AWAY_LOOKS_MAX: u32 = 240;
/// 28 seconds: supervisors kill after 30, and a stop with silent brokers takes up to 18.
const STOP_LOOKS_MAX: u32 = 56;

/// Consumes raw records, pseudonymises them and forwards them, exactly once.
///
/// Runs until SIGTERM or Ctrl-C: then it commits what it has begun and ends with exit code 0. A second signal ends it at
/// once; nothing is lost or doubled by that either.
#[derive(Args)]
pub(super) struct RunArgs {
    /// Configuration file
    #[arg(long, short, default_value = "logveil.toml")]
    config: PathBuf,
}

pub(super) fn run(args: RunArgs, clock: fn() -> SystemTime) -> Result<Exit, Failure> {
    let config = config::load(&args.config)?;
    start_log(&config)?;
    let keyring = keystore::load(&config.keyring)?;
    let coverage = keystore::coverage(&keyring, timestamp_ms(clock()))?;
    let job = job(&config, keyring)?;
    let listen = config.http.listen;
    let server = Server::start(listen, Arc::clone(&job.metrics), job.health.clone())
        .map_err(|error| Failure::Usage(anyhow::Error::new(error).context(format!("could not listen on {listen}"))))?;
    let halted = |what| move |error: io::Error| Failure::Halted(anyhow::Error::new(error).context(what));
    listen_for_signals(job.stop.clone()).map_err(halted("could not listen for signals"))?;
    watch(job.pulses.clone(), job.stop.clone()).map_err(halted("could not start a thread"))?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        group = config.kafka.group,
        instance = config.kafka.instance,
        workers = config.kafka.workers,
        epoch = coverage.present.0,
        keys_until = %Date::at(coverage.ends_ms),
        http = %server.address(),
        "logveil starts"
    );
    for route in job.routes.iter() {
        tracing::info!(
            source = route.source,
            target = route.target,
            quarantine = route.quarantine,
            rules = route.veil.version(),
            "route"
        );
    }
    let sweeper = start_sweeper(&config, &job, clock)
        .map_err(|error| Failure::Halted(anyhow::Error::new(error).context("could not start the sweeper")))?;
    let ended = kafka::run(&options(&config), &job);
    // A run that halts was not told to stop.
    job.stop.request();
    if let Some(sweeper) = sweeper {
        sweeper.join();
    }
    tracing::info!("logveil ends");
    ended.map_or_else(|halted| Err(Failure::Halted(halted.into())), |()| Ok(Exit::Done))
}

/// Sweeps the raw topics beside the stream, where a route has a window; says so where it has none.
fn start_sweeper(config: &Config, job: &Job, clock: fn() -> SystemTime) -> io::Result<Option<Sweeper>> {
    for route in config.routes.iter().filter(|route| route.window.is_none()) {
        tracing::info!(topics = route.topics.join(","), "no retention window: logveil deletes no raw records there");
    }
    let policy = policy(config);
    if policy.windows.is_empty() {
        return Ok(None);
    }
    for (topic, window) in &policy.windows {
        tracing::info!(topic, window = written(*window), "raw records are deleted once forwarded and aged");
    }
    let receipts = ReceiptFile::new(config.retention.receipts.clone());
    let options = options(config);
    let connect = move || RawTopics::connect(&options);
    let (metrics, stop) = (Arc::clone(&job.metrics), job.stop.clone());
    let clock = move || timestamp_ms(clock());
    Sweeper::start(policy, config.retention.interval, receipts, connect, clock, metrics, stop).map(Some)
}

/// What is swept: the source topics of the routes with a window.
pub(super) fn policy(config: &Config) -> Policy {
    let with_window = config.routes.iter().filter_map(|route| Some((route, route.window?)));
    let windows = with_window.flat_map(|(route, window)| route.topics.iter().map(move |topic| (topic.clone(), window)));
    Policy { group: config.kafka.group.clone(), instance: config.kafka.instance.clone(), windows: windows.collect() }
}

/// What the stream needs besides the cluster.
pub(super) fn job(config: &Config, keyring: Keyring) -> Result<Job, Failure> {
    let routes = routes(config)?;
    let metrics = Arc::new(Metrics::new(&routes));
    let (keys, rule, health, stop) = (Arc::new(keyring), config.commit, Health::default(), Stop::default());
    Ok(Job { routes, keys, rule, metrics, health, stop, pulses: Pulses::default() })
}

/// One route per source topic; routes of one pack share its veil.
fn routes(config: &Config) -> Result<Routes, Failure> {
    let loaded = packs::load(config.rules.iter().map(PathBuf::as_path))?;
    let mut veils: BTreeMap<&str, Arc<Veil>> = BTreeMap::new();
    let mut routes = Vec::new();
    for route in &config.routes {
        let veil = match veils.get(route.pack.as_str()) {
            Some(veil) => Arc::clone(veil),
            None => {
                let veil = Arc::new(veil_for(config, &loaded, &route.pack)?);
                veils.insert(&route.pack, Arc::clone(&veil));
                veil
            }
        };
        routes.extend(route.topics.iter().map(|source| Route {
            source: source.clone(),
            target: route.target.clone(),
            quarantine: route.quarantine.clone(),
            veil: Arc::clone(&veil),
        }));
    }
    Ok(Routes::new(routes))
}

fn veil_for(config: &Config, packs: &[RulePack], pack: &str) -> Result<Veil, Failure> {
    Ok(Veil::new(packs, &Choice::new(pack))?.with_record_bytes_max(config.record_bytes_max))
}

/// The cluster, and this process's place in it.
pub(super) fn options(config: &Config) -> Options {
    let properties = |client: Client| {
        let both = config.kafka.properties.get(&Client::Both).into_iter().flatten();
        let own = config.kafka.properties.get(&client).into_iter().flatten();
        both.chain(own).map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect()
    };
    Options {
        bootstrap_servers: config.kafka.bootstrap_servers.clone(),
        group: config.kafka.group.clone(),
        instance: config.kafka.instance.clone(),
        workers: config.kafka.workers,
        consumer: properties(Client::Consumer),
        producer: properties(Client::Producer),
    }
}

/// Log lines go to standard error: standard output is for data.
fn start_log(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::new(format!("warn,logveil={}", config.log.level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    let started = match config.log.format {
        LogFormat::Text => log.with_ansi(terminal::stderr_has_colours()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| Failure::Halted(anyhow::anyhow!("could not start the log: {error}")))
}

/// Ends the process when a thread no longer comes back from the Kafka client, or when it takes too long to stop.
fn watch(pulses: Pulses, stop: Stop) -> io::Result<()> {
    std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
        let mut looks_since_stop = 0;
        loop {
            std::thread::sleep(LOOK_INTERVAL);
            if let Some(thread) = pulses.look(AWAY_LOOKS_MAX) {
                end_at_once(&format!("the Kafka client has not come back to thread `{thread}` for two minutes"));
            }
            looks_since_stop += u32::from(stop.is_requested());
            if looks_since_stop > STOP_LOOKS_MAX {
                end_at_once("the Kafka client did not let go of its work in time");
            }
        }
    })?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client that hangs cannot be ended; transactions make it safe at any point"
)]
fn end_at_once(cause: &str) {
    tracing::error!(cause, "logveil ends at once: what is not committed is done again after the next start");
    std::process::exit(i32::from(Exit::Halted.code()));
}

/// The first SIGTERM or SIGINT asks the loop to finish, a second one ends the process.
pub(super) fn listen_for_signals(stop: Stop) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
            tracing::info!("stopping: what was begun is committed; a second signal ends at once");
            stop.request();
            tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
            #[expect(
                clippy::disallowed_methods,
                reason = "a person asked twice; transactions make it safe at any point"
            )]
            std::process::exit(i32::from(Exit::Halted.code()));
        });
    })?;
    Ok(())
}
