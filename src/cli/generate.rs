//! `logveil generate`: invented logs, with the truth about them.

use super::exit::{Exit, Failure};
use super::{terminal, time};
use crate::generate::{Event, Generator, Hostile, Kind, Options, Timeline};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z: a fixed day, so that the same options give the same lines on any day.
const FROM_DEFAULT_MS: i64 = 1_767_225_600_000;

/// Pace of the events' times when neither an end nor a rate is given.
const PER_SECOND_DEFAULT: u32 = 10;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// Invents log lines: API gateway events, nginx, sshd, cloud audit events.
///
/// People, addresses and paths follow Zipf's law, and what a person does agrees with itself. Nothing is real: addresses
/// are those of documentation, names are put together at random. The same options give the same bytes.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil generate --events 100000 --output raw.log --truth truth.jsonl
  logveil generate --kind sshd --from 2026-10-01 --to 2026-10-31 | logveil scrub --quiet
  logveil generate --kind api --events 1000000 --rate 500 | kcat -P -b 127.0.0.1:19092 -t raw-logs")]
pub(super) struct GenerateArgs {
    /// What writes the log
    #[arg(long, value_enum, default_value_t = Source::Mixed, value_name = "KIND")]
    kind: Source,
    /// How many lines
    #[arg(long, default_value_t = 1000, value_name = "N")]
    events: u64,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lines per second [default: as fast as they are taken]
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How many of 1000 lines are hostile: malformed, truncated, escaped, forged
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(..=1000))]
    hostile_per_mille: u16,
    /// Day or time of the first event [default: 2026-01-01]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,
    /// Day or time of the last event [default: as --rate paces them, or else ten a second]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,
    /// Write to this file which entities stand in each line, as JSON lines
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Write the lines to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A kind of log, or all of them.
#[derive(Clone, Copy, ValueEnum)]
enum Source {
    /// JSON events of an API gateway
    Api,
    /// nginx access and error logs
    Nginx,
    /// auth.log of sshd, sudo, su and PAM
    Sshd,
    /// JSON events in the manner of AWS CloudTrail
    #[value(name = "cloudtrail")]
    CloudTrail,
    /// All of them
    Mixed,
}

impl Source {
    fn kinds(self) -> Vec<Kind> {
        match self {
            Self::Api => vec![Kind::Api],
            Self::Nginx => vec![Kind::Nginx],
            Self::Sshd => vec![Kind::Sshd],
            Self::CloudTrail => vec![Kind::CloudTrail],
            Self::Mixed => Kind::ALL.into(),
        }
    }
}

pub(super) fn run(args: GenerateArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let options = Options {
        seed: args.seed,
        kinds: args.kind.kinds(),
        timeline: timeline(&args)?,
        hostile_per_mille: args.hostile_per_mille,
    };
    if args.output.is_some() && args.output == args.truth {
        return Err(Failure::Usage(anyhow!("--output and --truth name the same file")));
    }
    let mut truth = args.truth.as_deref().map(Sink::file).transpose()?;
    let (mut lines, progress) = match &args.output {
        Some(path) => (Sink::file(path)?, terminal::progress_of_lines(args.events)),
        None => (Sink::stdout(out), ProgressBar::hidden()),
    };
    let mut pace = args.rate.map(Pace::start);
    let events = Generator::new(options).zip(1..=args.events);
    for (event, number) in progress.wrap_iter(events) {
        if let Some(wait) = pace.as_mut().and_then(Pace::wait) {
            lines.flush()?;
            thread::sleep(wait);
        }
        lines.write(&event.line)?;
        if let Some(truth) = &mut truth {
            truth.write(truth_of(number, &event).as_bytes())?;
        }
    }
    lines.flush()?;
    truth.map_or(Ok(()), |mut truth| truth.flush())?;
    progress.finish_and_clear();
    Ok(Exit::Done)
}

fn timeline(args: &GenerateArgs) -> Result<Timeline, Failure> {
    let first_ms = args.from.unwrap_or(FROM_DEFAULT_MS);
    match args.to {
        Some(last_ms) if last_ms < first_ms => {
            Err(Failure::Usage(anyhow!("--to is before --from, which is 2026-01-01 unless given")))
        }
        Some(last_ms) => Ok(Timeline::spread(first_ms, last_ms, args.events)),
        None => Ok(Timeline::paced(first_ms, args.rate.unwrap_or(PER_SECOND_DEFAULT))),
    }
}

/// Where lines go.
struct Sink<'o> {
    output: BufWriter<Box<dyn Write + 'o>>,
    /// Its path, unless it is standard output.
    path: Option<String>,
}

impl<'o> Sink<'o> {
    fn stdout(out: &'o mut impl Write) -> Self {
        Self { output: BufWriter::with_capacity(BUFFER_BYTES, Box::new(out)), path: None }
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| Failure::file("write", &name, error))?;
        Ok(Self { output: BufWriter::with_capacity(BUFFER_BYTES, Box::new(file)), path: Some(name) })
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        let written = self.output.write_all(line).and_then(|()| self.output.write_all(b"\n"));
        written.map_err(|error| self.failure(error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| self.failure(error))
    }

    fn failure(&self, error: io::Error) -> Failure {
        match &self.path {
            Some(path) => Failure::file("write", path, error),
            None => error.into(),
        }
    }
}

/// When the next line is due.
struct Pace {
    started: Instant,
    per_second: u32,
    written: u32,
}

impl Pace {
    fn start(per_second: u32) -> Self {
        Self { started: Instant::now(), per_second, written: 0 }
    }

    /// How long to wait before the next line; `None` when it is due.
    fn wait(&mut self) -> Option<Duration> {
        if self.written == self.per_second {
            self.started += Duration::from_secs(1);
            self.written = 0;
        }
        let due = self.started + Duration::from_secs(1) * self.written / self.per_second;
        self.written += 1;
        due.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }
}

/// A line of the truth file.
#[derive(Serialize)]
struct Truth<'e> {
    line: u64,
    kind: &'static str,
    timestamp_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostile: Option<&'static str>,
    entities: Vec<TruthEntity<'e>>,
}

#[derive(Serialize)]
struct TruthEntity<'e> {
    class: &'static str,
    value: &'e str,
    start: usize,
    end: usize,
}

fn truth_of(line: u64, event: &Event) -> String {
    let entities = event.truth.iter().map(|entity| TruthEntity {
        class: entity.class.code(),
        value: &entity.value,
        start: entity.span.start,
        end: entity.span.end,
    });
    let truth = Truth {
        line,
        kind: event.kind.code(),
        timestamp_ms: event.timestamp_ms,
        hostile: event.hostile.map(Hostile::code),
        entities: entities.collect(),
    };
    serde_json::to_string(&truth).expect("numbers and texts always have JSON")
}
