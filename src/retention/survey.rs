//! Asks the log how its partitions stand. Changes nothing.

use super::{Answers, Keep, LogError, Mark, RawLog, Standing, bound};
use std::time::Duration;

/// How a partition stands, and what a sweep would delete of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// Source topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Window of the route.
    pub window: Duration,
    /// Records before this time are older than the window, in milliseconds since the Unix epoch.
    pub cutoff_ms: i64,
    /// What is known.
    pub standing: Standing,
    /// The offset before which records may be deleted, or why none may.
    pub verdict: Result<i64, Keep>,
}

impl Surveyed {
    /// Offsets that a sweep would delete. Not a number of records: the marks of transactions have offsets too.
    pub fn offsets_due(&self) -> i64 {
        self.verdict.map_or(0, |bound| bound - self.standing.low)
    }
}

/// How every partition of a topic stands at `now_ms`, in milliseconds since the Unix epoch.
///
/// The questions come in the order that the argument at [`bound`] needs: commits, then what exists, then ages.
///
/// # Errors
/// [`LogError`] when nothing could be learned of any partition.
pub fn survey(
    log: &mut impl RawLog,
    topic: &str,
    window: Duration,
    now_ms: i64,
) -> Result<Answers<Surveyed>, LogError> {
    let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    // Before 1970 there are no records.
    let cutoff_ms = now_ms.saturating_sub(window_ms).max(0);
    let partitions = log.partitions(topic)?;
    let mut committed = log.committed(topic, &partitions)?;
    let mut low = log.find(topic, &partitions, Mark::Low)?;
    let mut end = log.find(topic, &partitions, Mark::StableEnd)?;
    let mut first_young = log.find(topic, &partitions, Mark::Since(cutoff_ms))?;
    let mut newest = log.find(topic, &partitions, Mark::Newest)?;
    let mut oldest = log.find(topic, &partitions, Mark::Since(0))?;
    let mut surveyed = |partition| {
        let standing = Standing {
            committed: answer(&mut committed, topic, partition)?,
            low: known(answer(&mut low, topic, partition)?, topic, partition)?.offset,
            end: known(answer(&mut end, topic, partition)?, topic, partition)?.offset,
            first_young: answer(&mut first_young, topic, partition)?,
            newest_ms: answer(&mut newest, topic, partition)?.and_then(|stamp| stamp.timestamp_ms),
            oldest_ms: answer(&mut oldest, topic, partition)?.and_then(|stamp| stamp.timestamp_ms),
        };
        let verdict = bound(&standing, cutoff_ms);
        Ok(Surveyed { topic: topic.to_owned(), partition, window, cutoff_ms, standing, verdict })
    };
    Ok(partitions.iter().map(|partition| (*partition, surveyed(*partition))).collect())
}

/// The low watermark of a partition.
///
/// # Errors
/// [`LogError`]
pub(super) fn low_watermark(log: &mut impl RawLog, topic: &str, partition: i32) -> Result<i64, LogError> {
    let mut low = log.find(topic, &[partition], Mark::Low)?;
    Ok(known(answer(&mut low, topic, partition)?, topic, partition)?.offset)
}

fn answer<T>(answers: &mut Answers<T>, topic: &str, partition: i32) -> Result<T, LogError> {
    known(answers.remove(&partition), topic, partition)?
}

fn known<T>(answer: Option<T>, topic: &str, partition: i32) -> Result<T, LogError> {
    answer.ok_or_else(|| LogError::Failed(format!("the cluster said nothing about {topic}/{partition}")))
}
