//! The whole stream on the embedded broker: records a second, and CPU time of the client, beside a bare passthrough.
//!
//! Three ways lead from one topic to another: `logveil` is the loop of `logveil run` (`kafka::run`, with the pack
//! `api-gateway`), `passthrough` copies records in transactions without looking at them, and `at-least-once` copies them
//! without transactions. logveil itself has no way without: what it reads and what it writes always commit together. All
//! three have the same client settings and commit at the same intervals, sizes and numbers of records. What transactions cost
//! does not hang on the codec, so `at-least-once` runs with one.
//!
//! The broker is another process, so CPU time is that of the client alone: worker, librdkafka's threads and their part of
//! the kernel's work. There is one worker, because then everything read is committed at the instant of a commit; what is
//! timed lies between two such instants, so that neither the start nor the wait at the end counts. The broker shares the
//! processors with the client: on a machine with few, the ratio of rates says less than the CPU time of a record.
//!
//! Each bench checks what came out: as many records as were read, none quarantined, values replaced in every one and, once
//! for each way, that the target holds these records, and of logveil's that no address of a mailbox is left.

use anyhow::{Context, Result, ensure};
use cpu_time::ProcessTime;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use logveil::kafka::{self, Job, Options, ReadBack};
use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::pipeline::metrics::Metrics;
use logveil::pipeline::{CommitRule, Health, Pulses, Route, Routes, Stop};
use logveil::rules::library::Library;
use logveil::veil::{Choice, Veil};
use passthrough::{Guarantee, Passthrough, Total};
use rdkafka::producer::BaseRecord;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "../examples/kafka_load/broker.rs"]
mod broker;
#[path = "../examples/kafka_load/events.rs"]
mod events;
#[path = "../examples/kafka_load/passthrough.rs"]
mod passthrough;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const PARTITIONS: i32 = 6;
/// Nothing should come here.
const QUARANTINE: &str = "quarantine";
/// One, so that a commit's instant is known for all records.
const WORKERS: usize = 1;
const SIZES: [usize; 3] = [200, 1024, 8192];
const CODECS: [&str; 3] = ["none", "lz4", "zstd"];
/// What is timed begins with the first commit and ends with the first one after so long: three commit intervals.
const TIMED: Duration = Duration::from_millis(400);
/// Between looks at how many records are committed.
const LOOK: Duration = Duration::from_millis(1);
/// What waits in the raw topic: more than is read while something is timed.
const BACKLOG_BYTES: usize = 200_000_000;
const BACKLOG_RECORDS_MAX: usize = 500_000;
/// The same where nothing is timed, with `--test`.
const BACKLOG_RECORDS_TEST: usize = 2_000;
/// What the broker holds at most: a backlog, as much of clean records, and what is about to be deleted.
const LOG_BYTES_MAX: u64 = 3 << 30;
/// An address, a name and a mailbox stand in every event.
const REPLACED_MIN: u64 = 3;
const TIMEOUT: Duration = Duration::from_secs(30);
/// As the first argument, it makes this program the broker.
const BE_THE_BROKER: &str = "--be-the-broker";

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(BE_THE_BROKER) {
        return be_the_broker();
    }
    let mut criterion = Criterion::default().configure_from_args();
    pipeline(&mut criterion, std::env::args().any(|argument| argument == "--test"))?;
    criterion.final_summary();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the ratio is what the bench is for")]
fn pipeline(criterion: &mut Criterion, is_test: bool) -> Result<()> {
    let process = BrokerProcess::start()?;
    let stage = Stage::new(&process.bootstrap, is_test)?;
    for (bytes, codec) in SIZES.iter().flat_map(|bytes| CODECS.map(|codec| (*bytes, codec))) {
        // Filled only where the command line asks for one of its ways.
        let mut backlog: Option<Backlog> = None;
        let mut paces: BTreeMap<Way, Vec<Pace>> = BTreeMap::new();
        let mut group = criterion.benchmark_group(format!("pipeline/{bytes}-bytes-{codec}"));
        group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
        // Each run takes as long as it takes, whatever the number of iterations. Criterion wants ten runs.
        group.sample_size(10).warm_up_time(Duration::from_nanos(1)).measurement_time(Duration::from_secs(30));
        for way in Way::ALL.into_iter().filter(|way| *way != Way::AtLeastOnce || codec == "lz4") {
            let mut runs = 0;
            group.bench_function(BenchmarkId::from_parameter(way.name()), |bencher| {
                bencher.iter_custom(|records| {
                    let backlog = backlog.get_or_insert_with(|| {
                        stage.fill(bytes, codec).expect("the broker takes all invented records")
                    });
                    let pace = stage.run(way, backlog, runs == 0).expect("every record comes out as it should");
                    runs += 1;
                    paces.entry(way).or_default().push(pace);
                    pace.took.mul_f64(records as f64 / pace.records as f64)
                });
            });
        }
        group.finish();
        if let (false, Some(summary)) = (is_test, summary(&paces)) {
            println!("{bytes} bytes, {codec}: {summary}");
        }
        if let Some(backlog) = backlog {
            stage.broker.delete(&backlog.topic)?;
        }
    }
    Ok(())
}

/// From one topic to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    AtLeastOnce,
    Passthrough,
    Logveil,
}

impl Way {
    const ALL: [Self; 3] = [Self::AtLeastOnce, Self::Passthrough, Self::Logveil];

    fn name(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at-least-once",
            Self::Passthrough => "passthrough",
            Self::Logveil => "logveil",
        }
    }
}

/// Raw records that wait.
struct Backlog {
    topic: String,
    codec: &'static str,
    records: u64,
    bytes: u64,
}

/// What happened between two commits.
#[derive(Debug, Clone, Copy)]
struct Pace {
    records: u64,
    took: Duration,
    /// CPU time of this process.
    cpu: Duration,
}

impl Pace {
    fn records_per_s(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.records as f64
    }
}

/// The medians of the ways; none where the command line left one out.
fn summary(paces: &BTreeMap<Way, Vec<Pace>>) -> Option<String> {
    let median = |way, figure: fn(&Pace) -> f64| {
        let mut figures: Vec<f64> = paces.get(&way)?.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    };
    let rate = |way| median(way, Pace::records_per_s);
    let cpu_us = |way| median(way, Pace::cpu_us);
    let (passed, ours) = (rate(Way::Passthrough)?, rate(Way::Logveil)?);
    let (passed_us, ours_us) = (cpu_us(Way::Passthrough)?, cpu_us(Way::Logveil)?);
    let bare = rate(Way::AtLeastOnce).zip(cpu_us(Way::AtLeastOnce));
    let bare = bare.map(|(bare, us)| format!("; passthrough without transactions {bare:.0} records/s, {us:.2} us"));
    Some(format!(
        "logveil {:.2} x passthrough ({ours:.0} and {passed:.0} records/s), {:.2} us more client CPU a record ({ours_us:.2} \
         and {passed_us:.2}){}",
        ours / passed,
        ours_us - passed_us,
        bare.unwrap_or_default()
    ))
}

/// The broker's side: it runs until the bench closes its standard input, or is gone.
#[expect(clippy::print_stdout, reason = "the address is what the bench waits for")]
fn be_the_broker() -> Result<()> {
    let options = embedded_kafka::Options { log_bytes_max: LOG_BYTES_MAX, ..Default::default() };
    let broker = embedded_kafka::Broker::start(options)?;
    println!("{}", broker.bootstrap_servers());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The broker as a process of its own.
struct BrokerProcess {
    child: Child,
    bootstrap: String,
}

impl BrokerProcess {
    fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(BE_THE_BROKER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut bootstrap = String::new();
        BufReader::new(child.stdout.take().context("the broker has no output")?).read_line(&mut bootstrap)?;
        Ok(Self { child, bootstrap: bootstrap.trim_end().to_owned() })
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // One that is gone already needs no waiting for.
        self.child.wait().ok();
    }
}

/// What all runs share.
struct Stage {
    broker: broker::Broker,
    keys: Arc<Keyring>,
    veil: Arc<Veil>,
    is_test: bool,
}

impl Stage {
    fn new(bootstrap: &str, is_test: bool) -> Result<Self> {
        let epoch = KeyEpoch((NEW_YEAR_MS / (30 * 86_400_000)) as u32);
        let keys = Keyring::new("bench", 30, vec![(epoch, EpochSecret::new(&[7; 32]))], SealSecret::new(&[9; 32]))?;
        let library = Library::shipped();
        let mut loader = library.loader(&library);
        let packs = library.packs.iter().map(|files| loader.parse(files)).collect::<Result<Vec<_>, _>>()?;
        let veil = Veil::new(&packs, &Choice::new("api-gateway"))?;
        let broker = broker::Broker::new(bootstrap.to_owned(), TIMEOUT)?;
        broker.topic(QUARANTINE, PARTITIONS, false)?;
        Ok(Self { broker, keys: Arc::new(keys), veil: Arc::new(veil), is_test })
    }

    fn options(&self, group: &str, codec: &str) -> Options {
        Options {
            bootstrap_servers: self.broker.bootstrap.clone(),
            group: group.to_owned(),
            instance: "bench".to_owned(),
            workers: WORKERS,
            consumer: BTreeMap::new(),
            producer: BTreeMap::from([("compression.codec".to_owned(), codec.to_owned())]),
        }
    }

    fn fill(&self, bytes: usize, codec: &'static str) -> Result<Backlog> {
        let timed = (BACKLOG_BYTES / bytes).min(BACKLOG_RECORDS_MAX);
        let records = if self.is_test { BACKLOG_RECORDS_TEST } else { timed } as u64;
        let topic = format!("raw-{bytes}-{codec}");
        self.broker.topic(&topic, PARTITIONS, false)?;
        let producer = self.broker.producer(&[("compression.codec", codec)])?;
        let (mut payload, mut sent_bytes) = (Vec::new(), 0);
        for number in 0..records {
            let (part, seq) = ((number % PARTITIONS as u64) as i32, number / PARTITIONS as u64);
            let user = events::event(part, seq, bytes, &mut payload);
            sent_bytes += payload.len() as u64;
            let record = BaseRecord::to(&topic).partition(part).key(&user).payload(&payload);
            broker::send(&producer, record.timestamp(NEW_YEAR_MS))?;
        }
        broker::flush(&producer, TIMEOUT)?;
        Ok(Backlog { topic, codec, records, bytes: sent_bytes })
    }

    /// Runs one way over the backlog until enough is timed, and checks what came of it.
    fn run(&self, way: Way, backlog: &Backlog, is_first: bool) -> Result<Pace> {
        let clean = format!("clean-{}", way.name());
        self.broker.topic(&clean, PARTITIONS, false)?;
        // The topic is new, and so must be the group.
        let group = format!("{}-{:?}", way.name(), Instant::now());
        let options = self.options(&group, backlog.codec);
        let (pace, records) = match way {
            Way::AtLeastOnce => self.pass(options.clone(), Guarantee::AtLeastOnce, backlog, &clean)?,
            Way::Passthrough => self.pass(options.clone(), Guarantee::ExactlyOnce, backlog, &clean)?,
            Way::Logveil => self.veil(&options, backlog, &clean)?,
        };
        ensure!(records >= pace.records, "fewer records came out than were counted");
        if is_first {
            check_target(way, &options, &clean, records, backlog)?;
        }
        self.broker.delete(&clean)?;
        Ok(pace)
    }

    /// Passes records through; the pace, and how many there were in the end.
    fn pass(&self, options: Options, guarantee: Guarantee, backlog: &Backlog, clean: &str) -> Result<(Pace, u64)> {
        let (from, to, rule) = (backlog.topic.clone(), clean.to_owned(), CommitRule::default());
        let (passthrough, total) =
            (Passthrough { options, from, to, partitions: PARTITIONS, rule, guarantee }, Total::default());
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| passthrough.run(backlog.records, &total));
            let pace = self.watch(backlog.records, || (!thread.is_finished()).then(|| total.records()));
            total.stop();
            thread.join().map_err(|_| anyhow::anyhow!("passthrough panicked"))??;
            Ok((pace?, total.records()))
        })
    }

    /// Has logveil veil records; the pace, and how many there were in the end.
    fn veil(&self, options: &Options, backlog: &Backlog, clean: &str) -> Result<(Pace, u64)> {
        let routes = Routes::new([Route {
            source: backlog.topic.clone(),
            target: clean.to_owned(),
            quarantine: QUARANTINE.to_owned(),
            veil: Arc::clone(&self.veil),
        }]);
        let metrics = Arc::new(Metrics::new(&routes));
        let (rule, health, stop) = (CommitRule::default(), Health::default(), Stop::default());
        let job = Job { routes, keys: Arc::clone(&self.keys), rule, metrics, health, stop, pulses: Pulses::default() };
        let count = || job.metrics.total(&job.routes);
        let pace = std::thread::scope(|scope| {
            let thread = scope.spawn(|| kafka::run(options, &job));
            let pace = self.watch(backlog.records, || (!thread.is_finished()).then(|| count().records_in));
            job.stop.request();
            thread.join().map_err(|_| anyhow::anyhow!("the stream panicked"))??;
            pace
        })?;
        let counts = count();
        let (quarantined, replaced): (u64, u64) = (counts.quarantined.iter().sum(), counts.by_class.iter().sum());
        ensure!(quarantined == 0 && counts.records_out == counts.records_in, "{quarantined} records were quarantined");
        ensure!(replaced >= REPLACED_MIN * counts.records_in, "only {replaced} values were replaced");
        Ok((pace, counts.records_out))
    }

    /// Watches commits until enough is timed, or the backlog is through. `committed` is how many records are committed;
    /// none when the run has ended.
    fn watch(&self, backlog: u64, committed: impl Fn() -> Option<u64>) -> Result<Pace> {
        let started = Commit::now(0);
        let (mut commits, mut is_through): (Vec<Commit>, bool) = (Vec::new(), false);
        let timed = |commits: &[Commit]| match commits {
            [first, .., last] => last.at - first.at,
            [] | [_] => Duration::ZERO,
        };
        while !is_through && timed(&commits) < TIMED {
            ensure!(started.at.elapsed() < TIMEOUT, "the backlog is not through after {TIMEOUT:?}");
            let records = committed().unwrap_or(backlog);
            if records > commits.last().map_or(0, |last| last.records) {
                commits.push(Commit::now(records));
            }
            is_through = records >= backlog;
            std::thread::sleep(LOOK);
        }
        if self.is_test {
            return Ok(started.until(commits.last().context("nothing was committed")?));
        }
        if is_through {
            // Before the last commit, the worker has waited for records.
            commits.pop();
        }
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else {
            anyhow::bail!("nothing was committed")
        };
        ensure!(last.records > first.records, "the backlog is too short for so fast a machine");
        Ok(first.until(last))
    }
}

/// The instant of a commit.
struct Commit {
    at: Instant,
    records: u64,
    cpu: Duration,
}

impl Commit {
    fn now(records: u64) -> Self {
        Self { at: Instant::now(), records, cpu: ProcessTime::now().as_duration() }
    }

    fn until(&self, later: &Self) -> Pace {
        Pace { records: later.records - self.records, took: later.at - self.at, cpu: later.cpu - self.cpu }
    }
}

/// Reads the target back: its records are as many as were counted; copies are as long as the originals, and veiled records
/// have no mailbox of an event any more.
fn check_target(way: Way, options: &Options, clean: &str, records: u64, backlog: &Backlog) -> Result<()> {
    let (mut found, mut bytes, mut mailboxes) = (0, 0, 0);
    kafka::read_back(options, clean, "", &mut |record: ReadBack<'_>| {
        let payload = record.payload.unwrap_or_default();
        found += 1;
        bytes += payload.len() as u64;
        mailboxes += u64::from(memchr::memmem::find(payload, b"@example.com").is_some());
    })?;
    ensure!(found == records, "{found} records in the target, {records} were counted");
    match way {
        Way::Logveil => ensure!(mailboxes == 0, "{mailboxes} records with a mailbox"),
        Way::AtLeastOnce | Way::Passthrough => {
            ensure!(mailboxes == records, "{mailboxes} of {records} records have their mailbox");
            ensure!(records < backlog.records || bytes == backlog.bytes, "{bytes} bytes of {}", backlog.bytes);
        }
    }
    Ok(())
}
