//! A partition: its segments, its producers, and what transactions hide.

use super::batch::{Batch, Sequence, after};
use super::segment::{Segment, Space};
use crate::topic::Settings;
use crate::wire::ErrorCode;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Batches per producer whose repetition is recognized, as many as a client may have in flight.
const SEQUENCES_KEPT: usize = 5;

/// Producers that are remembered, beyond those with an open transaction. Kafka forgets them after a day
/// (`producer.id.expiration.ms`).
const PRODUCERS_KEPT: usize = 1_000;

/// What a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Everything.
    ReadUncommitted,
    /// Nothing of open transactions; of aborted ones only with the word that they are.
    ReadCommitted,
}

/// A transaction that was aborted: where it began and where its mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    last_offset: i64,
}

/// What a reader gets.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) batches: Vec<Arc<[u8]>>,
    pub(crate) bytes: usize,
    pub(crate) aborted: Vec<Aborted>,
}

/// The latest of a producer in this partition.
#[derive(Debug, Default)]
struct Producer {
    epoch: i16,
    /// Offset of its last batch or mark.
    last_offset: i64,
    /// Sequences and base offsets of the last batches.
    batches: VecDeque<(Sequence, i64)>,
}

#[derive(Debug)]
pub(crate) struct Partition {
    segments: VecDeque<Segment>,
    start_offset: i64,
    end_offset: i64,
    producers: BTreeMap<i64, Producer>,
    /// First offset of each open transaction, by producer.
    open: BTreeMap<i64, i64>,
    aborted: Vec<Aborted>,
    space: Space,
}

impl Partition {
    pub(crate) fn new(space: Space) -> Self {
        Self {
            segments: VecDeque::new(),
            start_offset: 0,
            end_offset: 0,
            producers: BTreeMap::new(),
            open: BTreeMap::new(),
            aborted: Vec::new(),
            space,
        }
    }

    /// First offset that a reader may ask for (the low watermark).
    pub(crate) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// Offset that the next record gets (the high watermark: there are no replicas to wait for).
    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Offset of the first record that an open transaction hides; the end, when none does. What is deleted is not hidden.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.open.values().copied().min().map_or(self.end_offset, |first| first.max(self.start_offset))
    }

    /// Where a reader of this isolation must stop.
    pub(crate) fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.end_offset,
            Isolation::ReadCommitted => self.last_stable_offset(),
        }
    }

    /// Appends a batch; answers its offset, which is the old one for a batch that had come before.
    ///
    /// # Errors
    /// What the topic's settings refuse, and what the producer's epoch and sequence forbid.
    pub(crate) fn append(&mut self, batch: Batch, settings: &Settings, now_ms: i64) -> Result<i64, ErrorCode> {
        settings.check(&batch, now_ms)?;
        if let Some(sequence) = batch.producer
            && let Some(offset) = self.admit(sequence)?
        {
            return Ok(offset);
        }
        let batch = if settings.stamps_append_time { batch.appended_at(now_ms) } else { batch };
        let (sequence, is_transactional) = (batch.producer, batch.is_transactional());
        let offset = self.push(batch, settings, now_ms);
        if let Some(sequence) = sequence {
            let producer = self.producers.entry(sequence.producer_id).or_default();
            producer.last_offset = offset;
            producer.batches.push_back((sequence, offset));
            if producer.batches.len() > SEQUENCES_KEPT {
                producer.batches.pop_front();
            }
            if is_transactional {
                self.open.entry(sequence.producer_id).or_insert(offset);
            }
            self.forget_producers();
        }
        Ok(offset)
    }

    /// Whether this batch is the producer's next: `Some` is the offset of one that had come before.
    fn admit(&mut self, next: Sequence) -> Result<Option<i64>, ErrorCode> {
        let known = self.producers.get(&next.producer_id).map(|producer| producer.epoch);
        match known {
            Some(epoch) if next.epoch < epoch => return Err(ErrorCode::InvalidProducerEpoch),
            Some(epoch) if next.epoch > epoch && next.first != 0 => return Err(ErrorCode::OutOfOrderSequenceNumber),
            Some(_) | None => {}
        }
        let producer = self.producers.entry(next.producer_id).or_default();
        if known != Some(next.epoch) {
            *producer = Producer { epoch: next.epoch, ..Producer::default() };
        }
        if let Some((_, offset)) = producer.batches.iter().find(|(known, _)| *known == next) {
            return Ok(Some(*offset));
        }
        let due = match producer.batches.back() {
            Some((last, _)) => after(last.last, 1),
            // A mark may have brought the epoch before any batch did (`ProducerAppendInfo.checkSequence`).
            None if known.is_some() => 0,
            // Nothing is known of this producer, perhaps any more: it may go on where it was.
            None => next.first,
        };
        if next.first == due { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }

    fn push(&mut self, batch: Batch, settings: &Settings, now_ms: i64) -> i64 {
        let batch = batch.at(self.end_offset);
        let offset = batch.base_offset;
        self.end_offset = batch.last_offset() + 1;
        match self.segments.back_mut() {
            Some(active) if !active.is_full_for(&batch, settings, now_ms) => active.push(batch, now_ms),
            Some(_) | None => self.segments.push_back(Segment::starting_with(batch, self.space.clone(), now_ms)),
        }
        offset
    }

    /// Ends a producer's transaction with its mark.
    pub(crate) fn end_transaction(
        &mut self,
        producer_id: i64,
        epoch: i16,
        is_commit: bool,
        settings: &Settings,
        now_ms: i64,
    ) {
        let marker = self.push(Batch::marker(producer_id, epoch, is_commit, now_ms), settings, now_ms);
        let producer = self.producers.entry(producer_id).or_default();
        if producer.epoch < epoch {
            *producer = Producer { epoch, ..Producer::default() };
        }
        producer.last_offset = marker;
        if let Some(first_offset) = self.open.remove(&producer_id)
            && !is_commit
        {
            self.aborted.push(Aborted { producer_id, first_offset, last_offset: marker });
        }
        self.forget_producers();
    }

    /// Forgets the producer that has been silent for longest, once there are too many.
    fn forget_producers(&mut self) {
        if self.producers.len() <= PRODUCERS_KEPT + self.open.len() {
            return;
        }
        let idle = self.producers.iter().filter(|(id, _)| !self.open.contains_key(id));
        if let Some(id) = idle.min_by_key(|(_, producer)| producer.last_offset).map(|(id, _)| *id) {
            self.producers.remove(&id);
        }
    }

    /// Batches from the one that holds `offset`, at most `bytes_max` bytes of them, but at least one if `at_least_one`.
    pub(crate) fn fetch(&self, offset: i64, isolation: Isolation, bytes_max: usize, at_least_one: bool) -> Fetched {
        let (end, mut fetched, mut last) = (self.readable_end(isolation), Fetched::default(), offset);
        let first = self.segments.partition_point(|segment| segment.end_offset() <= offset);
        let batches = self.segments.iter().skip(first).flat_map(|segment| segment.batches_from(offset));
        for batch in batches.take_while(|batch| batch.base_offset < end) {
            let is_needed = at_least_one && fetched.batches.is_empty();
            if !is_needed && fetched.bytes + batch.len() > bytes_max {
                break;
            }
            fetched.bytes += batch.len();
            fetched.batches.push(batch.bytes());
            last = batch.last_offset();
        }
        if isolation == Isolation::ReadCommitted {
            let overlaps = |aborted: &&Aborted| aborted.first_offset <= last && aborted.last_offset >= offset;
            fetched.aborted = self.aborted.iter().filter(overlaps).copied().collect();
        }
        fetched
    }

    /// Timestamp and offset of the first record whose timestamp is at least `time_ms`.
    ///
    /// As in Kafka, only the first segment that has such a timestamp is looked into, even if what it has lies before the
    /// start: then the answer is none, whatever follows (`UnifiedLog.searchOffsetInLocalLog`, seen on 4.1).
    pub(crate) fn first_at(&self, time_ms: i64, isolation: Isolation) -> Option<(i64, i64)> {
        let end = self.readable_end(isolation);
        let segment = self.segments.iter().find(|segment| segment.youngest_ms() >= time_ms)?;
        let mut batches = segment.batches_from(self.start_offset).iter();
        batches.find_map(|batch| batch.first_at(time_ms, self.start_offset)).filter(|(_, offset)| *offset < end)
    }

    /// Timestamp and offset of the record with the largest timestamp, the first of several. As in Kafka, one before the
    /// start counts while its segment is there, and the answer is none when it is one that may not be read yet.
    pub(crate) fn newest(&self, isolation: Isolation) -> Option<(i64, i64)> {
        let time_ms = self.segments.iter().map(Segment::max_timestamp_ms).max()?;
        let end = self.readable_end(isolation);
        let mut batches = self.segments.iter().flat_map(|segment| segment.batches_from(0));
        batches.find_map(|batch| batch.first_at(time_ms, 0)).filter(|(_, offset)| *offset < end)
    }

    /// Moves the start to this offset, -1 for the end; never back. Answers the start.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` beyond the end.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<i64, ErrorCode> {
        let offset = if offset == -1 { self.end_offset } else { offset };
        if !(0..=self.end_offset).contains(&offset) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.start_offset = self.start_offset.max(offset);
        Ok(self.start_offset)
    }

    /// Drops the segments whose time has come: by age, by the size of the log, or since all of them lies before the
    /// start. By age even the active one goes, as in Kafka; by the other two it never does.
    pub(crate) fn retire(&mut self, settings: &Settings, now_ms: i64) {
        if settings.deletes {
            if let Some(retention_ms) = settings.retention_ms {
                let is_old = |segment: &Segment| now_ms.saturating_sub(segment.youngest_ms()) > retention_ms;
                while self.segments.front().is_some_and(is_old) {
                    self.drop_first();
                }
            }
            if let Some(retention_bytes) = settings.retention_bytes {
                let mut bytes: u64 = self.segments.iter().map(Segment::bytes).sum();
                while self.segments.len() > 1
                    && self.segments.front().is_some_and(|segment| bytes - segment.bytes() >= retention_bytes)
                {
                    bytes -= self.segments.front().map_or(0, Segment::bytes);
                    self.drop_first();
                }
            }
        }
        while self.segments.get(1).is_some_and(|next| next.base_offset <= self.start_offset) {
            self.drop_first();
        }
        self.aborted.retain(|aborted| aborted.last_offset >= self.start_offset);
    }

    fn drop_first(&mut self) {
        if let Some(gone) = self.segments.pop_front() {
            self.start_offset = self.start_offset.max(gone.end_offset());
        }
    }

    /// The segments as they lie there.
    pub(crate) fn segments(&self) -> Vec<crate::Segment> {
        self.segments
            .iter()
            .map(|segment| crate::Segment {
                base_offset: segment.base_offset,
                end_offset: segment.end_offset(),
                bytes: segment.bytes(),
                max_timestamp_ms: segment.max_timestamp_ms(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::tests::batch;
    use super::*;

    const NOW: i64 = 1_000_000;

    fn partition() -> Partition {
        Partition::new(Space::default())
    }

    fn append(
        partition: &mut Partition,
        timestamps_ms: &[i64],
        producer: Option<(i64, i16, i32)>,
    ) -> Result<i64, ErrorCode> {
        let is_transactional = producer.is_some();
        partition.append(batch(timestamps_ms, producer, is_transactional), &Settings::default(), NOW)
    }

    #[test]
    fn a_repeated_batch_is_answered_but_not_stored() {
        let mut partition = partition();
        assert_eq!(append(&mut partition, &[1, 2], Some((7, 0, 0))), Ok(0));
        assert_eq!(append(&mut partition, &[3], Some((7, 0, 2))), Ok(2));
        assert_eq!(append(&mut partition, &[1, 2], Some((7, 0, 0))), Ok(0));
        assert_eq!(append(&mut partition, &[9], Some((7, 0, 4))), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(partition.end_offset(), 3);
    }

    #[test]
    fn an_older_epoch_is_fenced() {
        let mut partition = partition();
        append(&mut partition, &[1], Some((7, 1, 0))).unwrap();
        assert_eq!(append(&mut partition, &[1], Some((7, 0, 1))), Err(ErrorCode::InvalidProducerEpoch));
        assert_eq!(append(&mut partition, &[1], Some((7, 2, 1))), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(append(&mut partition, &[1], Some((7, 2, 0))), Ok(1));
    }

    #[test]
    fn the_epoch_of_a_mark_begins_at_the_first_sequence() {
        let mut partition = partition();
        append(&mut partition, &[1], Some((7, 0, 0))).unwrap();
        partition.end_transaction(7, 1, false, &Settings::default(), NOW);
        assert_eq!(append(&mut partition, &[1], Some((7, 1, 1))), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(append(&mut partition, &[1], Some((7, 1, 0))), Ok(2));
        assert_eq!(append(&mut partition, &[1], Some((8, 0, 5))), Ok(3), "of this one nothing is known");
    }

    #[test]
    fn producers_long_silent_are_forgotten_but_for_open_transactions() {
        let mut partition = partition();
        append(&mut partition, &[1], Some((0, 0, 0))).unwrap();
        for id in 1..=PRODUCERS_KEPT as i64 + 1 {
            partition.append(batch(&[1], Some((id, 0, 0)), false), &Settings::default(), NOW).unwrap();
        }
        assert_eq!(partition.producers.len(), PRODUCERS_KEPT + 1);
        assert!(partition.producers.contains_key(&0) && !partition.producers.contains_key(&1));
        partition.end_transaction(0, 0, true, &Settings::default(), NOW);
        assert_eq!(partition.producers.len(), PRODUCERS_KEPT);
        assert!(partition.producers.contains_key(&0) && !partition.producers.contains_key(&2));
    }

    #[test]
    fn an_open_transaction_holds_committed_readers_back() {
        let (mut partition, settings) = (partition(), Settings::default());
        append(&mut partition, &[1], None).unwrap();
        append(&mut partition, &[2], Some((7, 0, 0))).unwrap();
        append(&mut partition, &[3], None).unwrap();
        assert_eq!(partition.last_stable_offset(), 1);
        assert_eq!(partition.fetch(0, Isolation::ReadCommitted, usize::MAX, false).batches.len(), 1);
        assert_eq!(partition.fetch(0, Isolation::ReadUncommitted, usize::MAX, false).batches.len(), 3);

        partition.end_transaction(7, 0, false, &settings, NOW);
        let fetched = partition.fetch(0, Isolation::ReadCommitted, usize::MAX, false);
        assert_eq!((fetched.batches.len(), partition.last_stable_offset()), (4, 4));
        assert_eq!(fetched.aborted, [Aborted { producer_id: 7, first_offset: 1, last_offset: 3 }]);
        assert!(partition.fetch(2, Isolation::ReadUncommitted, usize::MAX, false).aborted.is_empty());
    }

    #[test]
    fn a_fetch_is_bounded_but_never_stuck() {
        let mut partition = partition();
        for _ in 0..3 {
            append(&mut partition, &[1, 2], None).unwrap();
        }
        assert_eq!(partition.fetch(1, Isolation::ReadUncommitted, 0, true).batches.len(), 1);
        assert_eq!(partition.fetch(1, Isolation::ReadUncommitted, 0, false).batches.len(), 0);
        assert_eq!(partition.fetch(3, Isolation::ReadUncommitted, usize::MAX, false).batches.len(), 2);
    }

    #[test]
    fn deleted_records_keep_their_bytes_until_their_segment_goes() {
        let mut partition = partition();
        let settings = Settings { segment_bytes: 100, ..Settings::default() };
        for _ in 0..3 {
            partition.append(batch(&[NOW], None, false), &settings, NOW).unwrap();
        }
        assert_eq!(partition.segments().len(), 3);
        assert_eq!(partition.delete_before(4), Err(ErrorCode::OffsetOutOfRange));
        assert_eq!(partition.delete_before(-1), Ok(3));
        assert_eq!(partition.delete_before(1), Ok(3));
        assert_eq!(partition.segments().len(), 3);
        partition.retire(&settings, NOW);
        assert_eq!(partition.segments().len(), 1);
        assert!(partition.space.bytes() > 0);
        assert_eq!((partition.start_offset(), partition.end_offset()), (3, 3));
    }

    #[test]
    fn age_takes_even_the_active_segment_and_size_does_not() {
        let mut partition = partition();
        let by_size = Settings { segment_bytes: 100, retention_bytes: Some(0), ..Settings::default() };
        for _ in 0..3 {
            partition.append(batch(&[NOW], None, false), &by_size, NOW).unwrap();
        }
        partition.retire(&by_size, NOW);
        assert_eq!((partition.segments().len(), partition.start_offset()), (1, 2));
        let by_age = Settings { retention_ms: Some(10), ..Settings::default() };
        partition.retire(&by_age, NOW + 10);
        assert_eq!(partition.segments().len(), 1);
        partition.retire(&by_age, NOW + 11);
        assert_eq!((partition.segments().len(), partition.start_offset(), partition.space.bytes()), (0, 3, 0));
    }

    #[test]
    fn records_without_a_time_age_from_when_they_came() {
        let mut partition = partition();
        let settings = Settings { retention_ms: Some(10), segment_ms: 100, segment_bytes: 150, ..Settings::default() };
        for now_ms in [NOW, NOW + 5] {
            partition.append(batch(&[-1], None, false), &settings, now_ms).unwrap();
        }
        partition.append(batch(&[NOW + 50], None, false), &settings, NOW + 6).unwrap();
        assert_eq!(partition.segments().len(), 2);
        assert_eq!(partition.segments()[0].max_timestamp_ms, -1);
        assert_eq!(partition.first_at(NOW, Isolation::ReadUncommitted), None, "the first segment hides the second");
        assert_eq!(partition.first_at(NOW + 6, Isolation::ReadUncommitted), Some((NOW + 50, 2)));
        partition.retire(&settings, NOW + 15);
        assert_eq!(partition.segments().len(), 2);
        partition.retire(&settings, NOW + 16);
        assert_eq!(partition.segments().len(), 1);
    }

    #[test]
    fn a_segment_of_records_without_a_time_rolls_by_when_it_began() {
        let mut partition = partition();
        let settings = Settings { segment_ms: 100, ..Settings::default() };
        for (timestamp_ms, now_ms) in [(-1, NOW), (NOW, NOW + 100), (NOW, NOW + 101)] {
            partition.append(batch(&[timestamp_ms], None, false), &settings, now_ms).unwrap();
        }
        let ends: Vec<i64> = partition.segments().iter().map(|segment| segment.end_offset).collect();
        assert_eq!(ends, [2, 3]);
    }

    #[test]
    fn a_segment_rolls_by_the_timestamps_of_its_records() {
        let mut partition = partition();
        let settings = Settings { segment_ms: 100, ..Settings::default() };
        for timestamp_ms in [NOW, NOW + 100, NOW + 101] {
            partition.append(batch(&[timestamp_ms], None, false), &settings, NOW).unwrap();
        }
        let ends: Vec<i64> = partition.segments().iter().map(|segment| segment.end_offset).collect();
        assert_eq!(ends, [2, 3]);
    }

    #[test]
    fn times_are_found_behind_the_start_only() {
        let mut partition = partition();
        append(&mut partition, &[10, 20], None).unwrap();
        append(&mut partition, &[30], None).unwrap();
        assert_eq!(partition.first_at(15, Isolation::ReadCommitted), Some((20, 1)));
        partition.delete_before(2).unwrap();
        assert_eq!(partition.first_at(15, Isolation::ReadCommitted), Some((30, 2)));
        assert_eq!(partition.first_at(31, Isolation::ReadCommitted), None);
    }

    #[test]
    fn a_deleted_record_can_hide_later_ones_from_a_lookup_by_time_and_is_still_the_newest() {
        let mut partition = partition();
        let settings = Settings { segment_bytes: 100, ..Settings::default() };
        for timestamps_ms in [[50, 10], [60, 60]] {
            partition.append(batch(&timestamps_ms, None, false), &settings, NOW).unwrap();
        }
        assert_eq!(partition.segments().len(), 2);
        assert_eq!(partition.first_at(40, Isolation::ReadUncommitted), Some((50, 0)));
        partition.delete_before(1).unwrap();
        assert_eq!(partition.first_at(40, Isolation::ReadUncommitted), None);
        assert_eq!(partition.first_at(55, Isolation::ReadUncommitted), Some((60, 2)));
        assert_eq!(partition.newest(Isolation::ReadUncommitted), Some((60, 2)));
        partition.delete_before(4).unwrap();
        assert_eq!(partition.newest(Isolation::ReadUncommitted), Some((60, 2)));
    }
}
