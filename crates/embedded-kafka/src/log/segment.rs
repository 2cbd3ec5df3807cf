//! A segment: the piece of a log that is deleted as a whole.

use super::Batch;
use crate::topic::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that batches take in the whole broker. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Space(Arc<AtomicU64>);

impl Space {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a batch takes besides its bytes.
const OVERHEAD: u64 = size_of::<Batch>() as u64;

/// Batches in the order of their offsets, at least one.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base_offset: i64,
    batches: Vec<Batch>,
    bytes: u64,
    /// Rolling by age counts from the first batch's timestamp, as in Kafka, not from when it came; unless it has none.
    first_timestamp_ms: i64,
    max_timestamp_ms: i64,
    /// When the first batch came, and the last.
    created_ms: i64,
    appended_ms: i64,
    space: Space,
}

impl Segment {
    pub(super) fn starting_with(batch: Batch, space: Space, now_ms: i64) -> Self {
        let mut segment = Self {
            base_offset: batch.base_offset,
            batches: Vec::new(),
            bytes: 0,
            first_timestamp_ms: batch.max_timestamp_ms,
            max_timestamp_ms: -1,
            created_ms: now_ms,
            appended_ms: now_ms,
            space,
        };
        segment.push(batch, now_ms);
        segment
    }

    pub(super) fn push(&mut self, batch: Batch, now_ms: i64) {
        self.bytes += batch.len() as u64;
        self.space.0.fetch_add(batch.len() as u64 + OVERHEAD, Ordering::Relaxed);
        self.max_timestamp_ms = self.max_timestamp_ms.max(batch.max_timestamp_ms);
        self.appended_ms = now_ms;
        self.batches.push(batch);
    }

    /// Whether this batch opens the next segment.
    pub(super) fn is_full_for(&self, batch: &Batch, settings: &Settings, now_ms: i64) -> bool {
        let age_ms = match self.first_timestamp_ms {
            ..0 => now_ms.saturating_sub(self.created_ms),
            first_ms => batch.max_timestamp_ms.saturating_sub(first_ms),
        };
        self.bytes + batch.len() as u64 > settings.segment_bytes || age_ms > settings.segment_ms
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }

    /// How young it is for retention and for lookups by time: by its records, or where none has a timestamp by when the last
    /// of them came (in Kafka the time of the file, `LogSegment.largestTimestamp`).
    pub(super) fn youngest_ms(&self) -> i64 {
        if self.max_timestamp_ms >= 0 { self.max_timestamp_ms } else { self.appended_ms }
    }

    /// Offset behind its last record.
    pub(super) fn end_offset(&self) -> i64 {
        self.batches.last().map_or(self.base_offset, |batch| batch.last_offset() + 1)
    }

    /// The batches from the one with this offset on.
    pub(super) fn batches_from(&self, offset: i64) -> &[Batch] {
        let first = self.batches.partition_point(|batch| batch.last_offset() < offset);
        self.batches.get(first..).unwrap_or_default()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.space.0.fetch_sub(self.bytes + self.batches.len() as u64 * OVERHEAD, Ordering::Relaxed);
    }
}
