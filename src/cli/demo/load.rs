//! The invented events, on their way into the raw topics.

use super::super::exit::Failure;
use super::stage::{PARTITIONS, Stage, raw_topic};
use crate::generate::{Event, Generator, Kind, Options, Timeline};
use crate::kafka::{Filler, Halted, Invented};
use crate::pipeline::Stop;
use std::collections::BTreeMap;
use std::ops::Range;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Header with the name of an event. Headers pass the stream as they are, unless an entity stands in them.
pub(super) const HEADER: &str = "demo-event";
/// Entities that a line has at least to be shown.
const SAMPLE_ENTITIES_MIN: usize = 3;
/// Longest line to be shown.
const SAMPLE_BYTES_MAX: usize = 700;

/// What is to be invented and sent.
pub(super) struct Plan {
    pub(super) events: u64,
    pub(super) rate: Option<u32>,
    pub(super) seed: u64,
    pub(super) hostile_per_mille: u16,
    pub(super) timeline: Timeline,
}

/// An event to be shown before and after.
pub(super) struct Sample {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) raw: Vec<u8>,
    /// Where entities stand in `raw`.
    pub(super) entities: Vec<Range<usize>>,
    pub(super) clean: Option<Vec<u8>>,
}

/// What was sent.
#[derive(Default)]
pub(super) struct Sent {
    /// The events of each raw topic's partition, in their order.
    pub(super) numbers: BTreeMap<(&'static str, i32), Vec<u64>>,
    pub(super) samples: Vec<Sample>,
}

/// The thread that sends.
pub(super) struct Load(JoinHandle<Result<Sent, Halted>>);

impl Load {
    pub(super) fn start(plan: Plan, stage: &Stage) -> Result<Self, Failure> {
        let filler = Filler::connect(&stage.options).map_err(|error| Failure::Halted(error.into()))?;
        let stop = stage.job.stop.clone();
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || send(&plan, &filler, &stop));
        thread.map(Self).map_err(|error| Failure::Halted(error.into()))
    }

    /// Whether it has ended, well or not.
    pub(super) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until everything is sent.
    pub(super) fn finish(self) -> Result<Sent, Failure> {
        let sent = self.0.join().map_err(|_| Failure::Halted(anyhow::anyhow!("the load panicked; this is a bug")))?;
        sent.map_err(|halted| Failure::Halted(halted.into()))
    }
}

fn send(plan: &Plan, filler: &Filler, stop: &Stop) -> Result<Sent, Halted> {
    let generator = Generator::new(Options {
        seed: plan.seed,
        kinds: Vec::new(),
        timeline: plan.timeline,
        hostile_per_mille: plan.hostile_per_mille,
    });
    let (mut sent, started) = (Sent::default(), Instant::now());
    for (number, event) in (0..plan.events).zip(generator) {
        if stop.is_requested() {
            break;
        }
        let (topic, partition) = (raw_topic(event.kind), (number % PARTITIONS as u64) as i32);
        filler.send(Invented {
            topic,
            partition,
            timestamp_ms: event.timestamp_ms,
            key: event.key.as_deref().map(str::as_bytes),
            header: (HEADER, &name(number)),
            payload: &event.line,
        })?;
        sent.numbers.entry((topic, partition)).or_default().push(number);
        keep_sample(&mut sent.samples, number, event);
        if let Some(rate) = plan.rate {
            let due = Duration::from_secs_f64((number + 1) as f64 / f64::from(rate));
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
    }
    filler.finish()?;
    Ok(sent)
}

/// Keeps the first good one of each kind.
fn keep_sample(samples: &mut Vec<Sample>, number: u64, event: Event) {
    let is_good = event.hostile.is_none()
        && event.truth.len() >= SAMPLE_ENTITIES_MIN
        && event.line.len() <= SAMPLE_BYTES_MAX
        && !samples.iter().any(|sample| sample.kind == event.kind);
    if is_good {
        let entities = event.truth.into_iter().map(|entity| entity.span).collect();
        samples.push(Sample { kind: event.kind, number, raw: event.line, entities, clean: None });
    }
}

/// The name of an event: letters only, so that it is nobody's number.
pub(super) fn name(number: u64) -> String {
    let mut name = String::from("event-");
    let mut rest = number;
    loop {
        name.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
        if rest == 0 {
            return name;
        }
    }
}

/// The event of this name.
pub(super) fn number(name: &str) -> Option<u64> {
    let letters = name.strip_prefix("event-")?;
    letters.bytes().rev().try_fold(0_u64, |number, letter| {
        let digit = letter.checked_sub(b'a').filter(|digit| *digit < 26)?;
        number.checked_mul(26)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_numbers() {
        for wanted in [0, 1, 25, 26, 675, 676, 1_999_999] {
            assert_eq!(number(&name(wanted)), Some(wanted));
        }
        assert_eq!(number("event-1"), None);
        assert_eq!(number("other"), None);
    }
}
