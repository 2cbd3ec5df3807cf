//! A topic read from one end to the other, outside the stream.

use super::rebalance::GroupContext;
use super::{Options, client};
use crate::pipeline::metrics::Metrics;
use crate::pipeline::{Fault, Health, Pulses, Routes};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One question to the cluster.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A topic that gives nothing for so long has a broker that is down.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A topic, to where it ended for committed readers when the reader was made.
pub(super) struct TopicReader {
    consumer: Arc<BaseConsumer<GroupContext>>,
    topic: String,
    /// Offset behind the last record, by partition.
    ends: BTreeMap<i32, i64>,
}

impl TopicReader {
    /// A reader of this topic. It reads all partitions itself; the group only holds what is committed under its name.
    ///
    /// # Errors
    /// [`Fault::Halt`] when the topic is not there or cannot be asked about.
    pub(super) fn new(options: &Options, topic: &str, group: &str) -> Result<Self, Fault> {
        let context = GroupContext::new(
            Arc::new(Metrics::new(&Routes::new([]))),
            Health::default(),
            Pulses::default().start("reader"),
        );
        let consumer: BaseConsumer<GroupContext> = client::reader(options, group)
            .create_with_context(context)
            .map_err(|error| Fault::Halt(format!("cannot make a Kafka consumer: {error}")))?;
        let failed = |error: KafkaError| Fault::Halt(format!("could not look at topic `{topic}`: {error}"));
        let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).map_err(failed)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        let found = found.ok_or_else(|| Fault::Halt(format!("there is no topic `{topic}`")))?;
        let mut ends = BTreeMap::new();
        for partition in found.partitions() {
            let (_, end) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT).map_err(failed)?;
            ends.insert(partition.id(), end);
        }
        Ok(Self { consumer: Arc::new(consumer), topic: topic.to_owned(), ends })
    }

    /// The topic's partitions.
    pub(super) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.ends.keys().copied()
    }

    /// The client, for the transaction that commits progress under the reader's group.
    pub(super) fn consumer(&self) -> Arc<BaseConsumer<GroupContext>> {
        Arc::clone(&self.consumer)
    }

    /// What the reader's group has committed, for partitions where it has.
    ///
    /// # Errors
    /// [`Fault::Halt`]
    pub(super) fn committed(&self) -> Result<BTreeMap<i32, i64>, Fault> {
        let mut asked = TopicPartitionList::new();
        for partition in self.partitions() {
            asked.add_partition(&self.topic, partition);
        }
        let failed = |error: KafkaError| Fault::Halt(format!("could not ask for the reader's progress: {error}"));
        let committed = self.consumer.committed_offsets(asked, TIMEOUT).map_err(failed)?;
        let mut next = BTreeMap::new();
        for element in committed.elements() {
            element.error().map_err(failed)?;
            if let Offset::Offset(offset) = element.offset() {
                next.insert(element.partition(), offset);
            }
        }
        Ok(next)
    }

    /// Gives every record from `start` on to `take`, in order within a partition.
    ///
    /// # Errors
    /// Those of `take`, and [`Fault::Halt`] when the topic gives nothing for long.
    pub(super) fn read(
        &self,
        start: &BTreeMap<i32, Offset>,
        take: &mut dyn FnMut(&BorrowedMessage<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let failed = |error: KafkaError| Fault::Halt(format!("could not read topic `{}`: {error}", self.topic));
        let mut assignment = TopicPartitionList::new();
        for (partition, offset) in start {
            assignment.add_partition_offset(&self.topic, *partition, *offset).map_err(failed)?;
        }
        self.consumer.assign(&assignment).map_err(failed)?;
        let mut open: BTreeSet<i32> = start.keys().copied().collect();
        let mut heard = Instant::now();
        while !open.is_empty() {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if self.ends.get(&message.partition()).is_some_and(|end| message.offset() < *end) {
                        take(&message)?;
                    } else {
                        open.remove(&message.partition());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(error)) => tracing::warn!(%error, topic = self.topic, "could not read, trying again"),
                None => {}
            }
            if heard.elapsed() > SILENCE_MAX {
                let text = format!("topic `{}` gave nothing for {} s", self.topic, SILENCE_MAX.as_secs());
                return Err(Fault::Halt(text));
            }
        }
        Ok(())
    }
}
