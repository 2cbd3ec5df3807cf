//! The offsets that a group committed.

use std::collections::BTreeMap;

/// Longest note with an offset (`offset.metadata.max.bytes`).
pub(crate) const METADATA_BYTES_MAX: usize = 4096;

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// An offset and when it was written, counted in writes: what was written last counts, whenever it became visible.
type ByPartition = BTreeMap<(String, i32), (u64, Committed)>;

/// Offsets by topic and partition: those that count, and those of open transactions, by producer.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    committed: ByPartition,
    pending: BTreeMap<i64, ByPartition>,
    writes: u64,
}

impl Offsets {
    pub(crate) fn commit(&mut self, topic: &str, partition: i32, committed: Committed) {
        self.writes += 1;
        self.committed.insert((topic.to_owned(), partition), (self.writes, committed));
    }

    /// Commits once the producer's transaction does.
    pub(crate) fn commit_in_transaction(
        &mut self,
        producer_id: i64,
        topic: &str,
        partition: i32,
        committed: Committed,
    ) {
        self.writes += 1;
        let pending = self.pending.entry(producer_id).or_default();
        pending.insert((topic.to_owned(), partition), (self.writes, committed));
    }

    /// The producer's transaction ended.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, is_commit: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        for (partition, (write, committed)) in pending.into_iter().filter(|_| is_commit) {
            let is_outdated = self.committed.get(&partition).is_some_and(|(later, _)| *later > write);
            if !is_outdated {
                self.committed.insert(partition, (write, committed));
            }
        }
    }

    pub(crate) fn of(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.committed.get(&(topic.to_owned(), partition)).map(|(_, committed)| committed)
    }

    /// Whether an open transaction may still change this offset.
    pub(crate) fn is_pending(&self, topic: &str, partition: i32) -> bool {
        let key = (topic.to_owned(), partition);
        self.pending.values().any(|offsets| offsets.contains_key(&key))
    }

    /// Topics and partitions with a committed offset.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &(String, i32)> {
        self.committed.keys()
    }

    pub(crate) fn forget(&mut self, topic: &str, partition: i32) {
        self.committed.remove(&(topic.to_owned(), partition));
    }

    /// A topic is gone.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.committed.retain(|(known, _), _| known != topic);
        self.pending.values_mut().for_each(|offsets| offsets.retain(|(known, _), _| known != topic));
    }
}
