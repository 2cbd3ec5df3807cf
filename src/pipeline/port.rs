//! What the loop wants from the two ends of a stream.

use std::collections::BTreeMap;

use super::{Fault, SealedEntry};
use crate::record::{Position, Record};
use crate::veil::CleanRecord;

/// Most that one read may return: the size of the engine's batch.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// Records.
    pub records: usize,
    /// Bytes of keys, payloads and headers. The record that reaches it is still part of the batch.
    pub bytes: usize,
}

/// Where records come from.
pub trait Source {
    /// Reads records that are there now, without waiting, and hands them to `take` in one call; none: no call.
    ///
    /// Records of one topic stand together; records of one partition stand in order.
    ///
    /// # Errors
    /// Those of `take`, and [`Fault::Broken`] when the source cannot go on.
    fn read(&mut self, limit: ReadLimit, take: &mut dyn FnMut(&[Record<'_>]) -> Result<(), Fault>)
    -> Result<(), Fault>;

    /// Goes back to the first record that is not committed, in every partition.
    ///
    /// # Errors
    /// [`Fault::Busy`] to be called again, [`Fault::Broken`] when it cannot.
    fn rewind(&mut self) -> Result<(), Fault>;
}

/// Where records go, and the transaction that joins them with the progress of the source.
pub trait Sink {
    /// Begins a transaction.
    ///
    /// # Errors
    /// Any [`Fault`] but [`Fault::TooLarge`].
    fn begin(&mut self) -> Result<(), Fault>;

    /// Sends a veiled record to `target`, with `rules` as its provenance.
    ///
    /// # Errors
    /// Any [`Fault`]; nothing was sent then.
    fn send_clean(&mut self, target: &str, rules: &str, record: &CleanRecord<'_>) -> Result<(), Fault>;

    /// Sends a sealed record to `quarantine`.
    ///
    /// # Errors
    /// Any [`Fault`]; nothing was sent then.
    fn send_sealed(&mut self, quarantine: &str, entry: &SealedEntry<'_>) -> Result<(), Fault>;

    /// Commits everything sent since [`Sink::begin`] together with `progress`: both, or neither.
    ///
    /// # Errors
    /// Any [`Fault`] but [`Fault::TooLarge`]. After [`Fault::Busy`] the same call must be made again: the commit may
    /// already be on its way and can't be taken back.
    fn commit(&mut self, progress: &Progress) -> Result<(), Fault>;

    /// Throws away everything sent since [`Sink::begin`].
    ///
    /// # Errors
    /// [`Fault::Busy`], [`Fault::Broken`], [`Fault::Stopped`].
    fn abort(&mut self) -> Result<(), Fault>;

    /// Waits before a call is made again: short for the first `attempt` (0), longer later, with a bound.
    ///
    /// # Errors
    /// [`Fault::Stopped`] when the process should not wait any longer.
    fn pause(&mut self, attempt: u32) -> Result<(), Fault>;
}

/// The next offset to read, by topic and partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress(BTreeMap<String, BTreeMap<i32, i64>>);

impl Progress {
    /// Notes that the record at `position` is done. Later positions of a partition win.
    pub fn advance(&mut self, position: Position<'_>) {
        let next = position.offset.saturating_add(1);
        let partitions = match self.0.get_mut(position.topic) {
            Some(partitions) => partitions,
            None => self.0.entry(position.topic.to_owned()).or_default(),
        };
        let offset = partitions.entry(position.partition).or_insert(next);
        *offset = (*offset).max(next);
    }

    /// Topic, partition and next offset, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.0.iter().flat_map(|(topic, partitions)| partitions.iter().map(|(p, next)| (topic.as_str(), *p, *next)))
    }

    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
