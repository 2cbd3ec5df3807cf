//! Sweeps again and again, on a thread of its own beside the stream.

use super::{LogError, Policy, RawLog, Receipt, ReceiptFile, Report, SweepError, sweep};
use crate::pipeline::Stop;
use crate::pipeline::metrics::Metrics;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// After a sweep that did not complete: first wait, doubled each time, up to the interval.
const RETRY_WAIT: Duration = Duration::from_secs(5);
/// How often a request to stop is looked for.
const SLICE: Duration = Duration::from_millis(50);

/// A thread that sweeps.
pub struct Sweeper {
    thread: JoinHandle<()>,
}

impl Sweeper {
    /// Sweeps at once, and then at every `interval` from that time on until told to stop; after a failure sooner.
    ///
    /// The log comes from `connect`, and anew after a sweep that met with trouble. Nothing of this stops the stream:
    /// failures are logged and counted. `clock` tells the time in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start<L: RawLog>(
        policy: Policy,
        interval: Duration,
        receipts: ReceiptFile,
        connect: impl Fn() -> Result<L, LogError> + Send + 'static,
        clock: impl Fn() -> i64 + Send + 'static,
        metrics: Arc<Metrics>,
        stop: Stop,
    ) -> io::Result<Self> {
        metrics.windows(policy.windows.iter().map(|(topic, window)| (topic.as_str(), *window)));
        let mut receipts = receipts;
        let thread = thread::Builder::new().name("sweeper".to_owned()).spawn(move || {
            let (first, mut connected, mut failures) = (Instant::now(), None, 0);
            while !stop.is_requested() {
                let report = match connected.take().map_or_else(&connect, Ok) {
                    Ok(mut log) => {
                        let report = sweep(&mut log, &policy, &mut receipts, &clock, &stop);
                        connected = Some(log).filter(|_| report.errors().all(SweepError::is_refusal));
                        report
                    }
                    Err(error) => Report::ended_by(error),
                };
                count(&report, &metrics, clock());
                failures = tell(&report, failures);
                wait(due_in(first.elapsed(), interval, failures), &stop);
            }
        })?;
        Ok(Self { thread })
    }

    /// Waits until the sweep that is under way has written its receipts; the request to stop must have been made.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the sweeper panicked; this is a bug, and no raw records were deleted since");
        }
    }
}

/// How long to wait at `elapsed` after the first sweep began: until the next multiple of the interval, so that the
/// length of sweeps shifts nothing; after `failures` in a row perhaps shorter.
fn due_in(elapsed: Duration, interval: Duration, failures: u32) -> Duration {
    let (elapsed_ns, interval_ns) = (elapsed.as_nanos(), interval.as_nanos().max(1));
    let left_ns = interval_ns - elapsed_ns % interval_ns;
    let regular = Duration::from_nanos(u64::try_from(left_ns).unwrap_or(u64::MAX));
    match failures {
        0 => regular,
        _ => regular.min(RETRY_WAIT.saturating_mul(1 << (failures - 1).min(16))),
    }
}

/// Sleeps, but not past a request to stop.
fn wait(duration: Duration, stop: &Stop) {
    let until = Instant::now() + duration;
    while !stop.is_requested() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(SLICE));
    }
}

fn count(report: &Report, metrics: &Metrics, now_ms: i64) {
    for topic in &report.topics {
        for surveyed in &topic.surveyed {
            metrics.oldest_record(&topic.topic, surveyed.partition, surveyed.standing.oldest_ms);
        }
        let offsets: i64 = topic.receipts.iter().map(Receipt::offsets).sum();
        metrics.deleted(&topic.topic, offsets.unsigned_abs());
    }
    // The topic that a sweep ended in is not done.
    let done = report.topics.len() - usize::from(report.ended.is_some() && !report.topics.is_empty());
    for topic in report.topics.iter().take(done).filter(|topic| topic.errors.is_empty()) {
        metrics.swept(&topic.topic, now_ms);
    }
    if let Some(outcome) = report.outcome() {
        metrics.sweep(outcome);
    }
}

/// Logs what a sweep did. Of failures in a row ever fewer are logged: the 1st, 2nd, 4th, 8th. How many there are now.
fn tell(report: &Report, failures: u32) -> u32 {
    let offsets: i64 = report.receipts().map(Receipt::offsets).sum();
    if offsets > 0 {
        tracing::info!(offsets, partitions = report.receipts().count(), "raw records deleted");
    }
    let errors: Vec<&SweepError> = report.errors().filter(|error| !matches!(error, SweepError::Stopped)).collect();
    let Some(error) = errors.first() else {
        if failures > 0 {
            tracing::info!(failures, "sweeping raw records works again");
        }
        return 0;
    };
    let failures = failures.saturating_add(1);
    if failures.is_power_of_two() {
        tracing::warn!(failures, errors = errors.len(), %error, "raw records could not all be swept");
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_keep_their_beat() {
        let interval = Duration::from_secs(60);
        let due = |elapsed_s, failures| due_in(Duration::from_secs(elapsed_s), interval, failures).as_secs();
        assert_eq!(due(3, 0), 57);
        assert_eq!(due(63, 0), 57);
        assert_eq!(due(60, 0), 60);
        assert_eq!(due(190, 0), 50, "a long sweep leaves beats out and shifts none");
    }

    #[test]
    fn a_failure_is_tried_again_soon_then_later_never_later_than_the_beat() {
        let interval = Duration::from_secs(3600);
        let due = |failures| due_in(Duration::from_secs(10), interval, failures).as_secs();
        assert_eq!([1, 2, 3, 4].map(due), [5, 10, 20, 40]);
        assert_eq!(due(12), 3590);
        assert_eq!(due(u32::MAX), 3590);
        assert_eq!(due_in(Duration::ZERO, Duration::from_secs(1), 1), Duration::from_secs(1));
    }
}
