//! A worker's partitions as a source of records.

use super::rebalance::{GroupContext, Partition};
use super::{fault, native};
use crate::pipeline::{Fault, ReadLimit, Source};
use crate::record::{Header, Position, Record};
use rdkafka::consumer::Consumer;
use rdkafka::consumer::base_consumer::{BaseConsumer, PartitionQueue};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// One partition's queue. It stays split from the consumer's own for the life of the consumer.
pub(super) struct Queue {
    pub(super) partition: Partition,
    pub(super) queue: PartitionQueue<GroupContext>,
    /// Whether the group has given us the partition.
    pub(super) assigned: bool,
}

/// The queues that belong to one worker.
pub(super) struct KafkaSource {
    consumer: Arc<BaseConsumer<GroupContext>>,
    queues: Vec<Queue>,
    /// The queue that is read first; the next one the next time, so that none starves.
    first: usize,
}

impl KafkaSource {
    pub(super) fn new(consumer: Arc<BaseConsumer<GroupContext>>, queues: Vec<Queue>) -> Self {
        Self { consumer, queues, first: 0 }
    }

    /// Wakes the present thread when a record comes into an empty queue.
    pub(super) fn wake_on_records(&mut self) {
        let worker = std::thread::current();
        for queue in &mut self.queues {
            let worker = worker.clone();
            queue.queue.set_nonempty_callback(move || worker.unpark());
        }
    }

    /// Notes which partitions may be read.
    pub(super) fn set_assigned(&mut self, partitions: &[Partition], assigned: bool) {
        for queue in self.queues.iter_mut().filter(|queue| partitions.contains(&queue.partition)) {
            queue.assigned = assigned;
        }
    }

    fn assigned(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for queue in self.queues.iter().filter(|queue| queue.assigned) {
            list.add_partition(&queue.partition.0, queue.partition.1);
        }
        list
    }
}

impl Source for KafkaSource {
    fn read(
        &mut self,
        limit: ReadLimit,
        take: &mut dyn FnMut(&[Record<'_>]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        self.first = (self.first + 1) % self.queues.len().max(1);
        let (before, from) = self.queues.split_at(self.first.min(self.queues.len()));
        for queue in from.iter().chain(before).filter(|queue| queue.assigned) {
            while messages.len() < limit.records && bytes < limit.bytes {
                match queue.queue.poll(Duration::ZERO) {
                    Some(Ok(message)) => {
                        bytes += message.payload_len() + message.key_len();
                        messages.push(message);
                    }
                    Some(Err(error)) => match fault::of_read(&error) {
                        Some(fault) => return Err(fault),
                        None => tracing::debug!(%error, "reading goes on"),
                    },
                    None => break,
                }
            }
        }
        if messages.is_empty() {
            return Ok(());
        }
        let (headers, ranges) = headers_of(&messages);
        let headers: Vec<Header<'_>> = headers.iter().map(|(name, value)| Header { name, value: *value }).collect();
        let of_message = |range: Range<usize>| headers.get(range).unwrap_or_default();
        let records: Vec<Record<'_>> =
            messages.iter().zip(ranges).map(|(message, range)| record(message, of_message(range))).collect();
        take(&records)
    }

    /// Seeks every assigned partition to its committed offset, or to its beginning where nothing was committed.
    ///
    /// What waits in the queues from before is dropped by the client: a seek outdates it.
    fn rewind(&mut self) -> Result<(), Fault> {
        let assigned = self.assigned();
        if assigned.count() == 0 {
            return Ok(());
        }
        let committed = self
            .consumer
            .committed_offsets(assigned, TIMEOUT)
            .map_err(|error| Fault::Busy(format!("could not fetch committed offsets: {error}")))?;
        let mut targets = TopicPartitionList::new();
        for element in committed.elements() {
            let place = || format!("{}/{}", element.topic(), element.partition());
            element.error().map_err(|error| {
                Fault::Busy(format!("could not fetch the committed offset of {}: {error}", place()))
            })?;
            let offset = match element.offset() {
                offset @ Offset::Offset(_) => offset,
                // Nothing was committed yet, and `auto.offset.reset` is always `earliest`.
                Offset::Invalid => Offset::Beginning,
                offset @ (Offset::Beginning | Offset::End | Offset::Stored | Offset::OffsetTail(_)) => {
                    return Err(Fault::Broken(format!("the committed offset of {} is {offset:?}", place())));
                }
            };
            targets
                .add_partition_offset(element.topic(), element.partition(), offset)
                .map_err(|error| Fault::Broken(format!("could not name an offset to go back to: {error}")))?;
        }
        let sought = self
            .consumer
            .seek_partitions(targets, TIMEOUT)
            .map_err(|error| Fault::Broken(format!("could not go back to committed offsets: {error}")))?;
        for element in sought.elements() {
            element.error().map_err(|error| {
                Fault::Broken(format!("could not go back in {}/{}: {error}", element.topic(), element.partition()))
            })?;
        }
        Ok(())
    }
}

fn record<'m>(message: &'m BorrowedMessage<'_>, headers: &'m [Header<'m>]) -> Record<'m> {
    Record {
        position: Position { topic: message.topic(), partition: message.partition(), offset: message.offset() },
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key(),
        payload: message.payload(),
        headers,
    }
}

/// A header as it was read: its name may have needed repair.
type ReadHeader<'m> = (Cow<'m, str>, Option<&'m [u8]>);

/// The headers of all messages, one after the other, and where those of each message stand.
fn headers_of<'m>(messages: &'m [BorrowedMessage<'_>]) -> (Vec<ReadHeader<'m>>, Vec<Range<usize>>) {
    let mut headers = Vec::new();
    let mut ranges = Vec::with_capacity(messages.len());
    for message in messages {
        let start = headers.len();
        if message.headers().is_some() {
            headers.extend((0..).map_while(|index| native::header(message, index)));
        }
        ranges.push(start..headers.len());
    }
    (headers, ranges)
}
