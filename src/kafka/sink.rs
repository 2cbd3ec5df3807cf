//! A transactional producer as a sink of clean and sealed records.

use super::rebalance::{self, GroupContext};
use super::topics::Topics;
use super::{Job, Options, client, fault, native, pause};
use crate::pipeline::metrics::Metrics;
use crate::pipeline::{
    Fault, HEADER_EPOCH, HEADER_OFFSET, HEADER_PARTITION, HEADER_REASON, HEADER_RULES, HEADER_TOPIC, Health, Progress,
    Pulse, SealedEntry, Sink, Stop, is_reserved,
};
use crate::record::Position;
use crate::veil::CleanRecord;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One call of the transaction's protocol. The broker restarts inside it are the callers' to wait for.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long work that is under way may still try to commit after the request to stop.
const STOP_GRACE: Duration = Duration::from_secs(8);
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// From this attempt on, after about two seconds, the loop counts as stalled.
const ATTEMPT_STALLED: u32 = 10;

/// What a header adds to its bytes at most: two lengths as varints (KIP-98's record format).
const HEADER_FRAMING_BYTES: usize = 10;

/// A worker's producer.
pub(super) struct KafkaSink {
    producer: ThreadedProducer<ProducerLog>,
    consumer: Arc<BaseConsumer<GroupContext>>,
    topics: Arc<Topics>,
    stop: Stop,
    health: Health,
    worker: usize,
    metrics: Arc<Metrics>,
    pulse: Arc<Pulse>,
    stopping_since: Option<Instant>,
    stage: Stage,
}

/// How far a commit has come: a call that is made again goes on there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flush,
    Offsets,
    Commit,
}

/// Passes the producer's log lines on.
struct ProducerLog;

impl ClientContext for ProducerLog {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        rebalance::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for ProducerLog {
    type DeliveryOpaque = ();

    /// A failed delivery also fails the commit, which is where it is dealt with.
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

impl KafkaSink {
    /// Makes the producer of a worker and ends what an earlier life of it, under the same id, left open.
    ///
    /// # Errors
    /// Any but [`Fault::TooLarge`].
    pub(super) fn connect(
        options: &Options,
        job: &Job,
        topics: Arc<Topics>,
        consumer: Arc<BaseConsumer<GroupContext>>,
        transactional_id: &str,
        worker: usize,
    ) -> Result<Self, Fault> {
        let producer = client::producer(options, &topics, transactional_id)
            .create_with_context(ProducerLog)
            .map_err(|error| Fault::Halt(format!("cannot make a Kafka producer: {error}")))?;
        let mut sink = Self {
            producer,
            consumer,
            topics,
            stop: job.stop.clone(),
            health: job.health.clone(),
            worker,
            metrics: Arc::clone(&job.metrics),
            pulse: job.pulses.start(&format!("worker {worker}")),
            stopping_since: None,
            stage: Stage::Flush,
        };
        let mut attempt = 0;
        loop {
            let started = sink.producer.init_transactions(TIMEOUT);
            match started.map_err(|error| fault::of_transaction("start transactions", &error)) {
                Ok(()) => return Ok(sink),
                Err(Fault::Busy(cause)) => {
                    tracing::info!(cause, "waiting for the transaction coordinator");
                    sink.pause(attempt)?;
                    attempt += 1;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The pulse of the worker that it belongs to, which beats while it waits for the brokers.
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    fn send(&mut self, topic: &str, partition: i32, message: Message<'_>) -> Result<(), Fault> {
        let (size_bytes, limit_bytes) = (message.size(), self.topics.record_bytes_max_of(topic));
        if size_bytes > limit_bytes {
            // The topic would refuse it later, and then the whole transaction would fail with it.
            return Err(Fault::TooLarge { topic: topic.to_owned(), size_bytes, limit_bytes });
        }
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(partition).headers(message.headers.native);
        record.key = message.key;
        record.payload = message.payload;
        record.timestamp = message.timestamp_ms;
        self.producer.send(record).map_err(|(error, _)| {
            fault::of_send(topic, &error, self.producer.client().fatal_error().map(|(code, _)| code))
        })
    }
}

/// What a record consists of besides its place.
struct Message<'a> {
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
    timestamp_ms: Option<i64>,
    headers: CountedHeaders,
}

impl Message<'_> {
    /// Bytes on the way, at most.
    fn size(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.payload.map_or(0, <[u8]>::len) + self.headers.bytes
    }
}

/// Headers whose bytes are counted as they come: to look them up again costs more than to make them.
struct CountedHeaders {
    native: OwnedHeaders,
    /// Names, values and framing, at most.
    bytes: usize,
}

impl CountedHeaders {
    fn with_capacity(count: usize) -> Self {
        Self { native: OwnedHeaders::new_with_capacity(count), bytes: 0 }
    }

    fn with(self, name: &str, value: Option<&[u8]>) -> Self {
        let bytes = self.bytes + HEADER_FRAMING_BYTES + name.len() + value.map_or(0, <[u8]>::len);
        Self { native: self.native.insert(Header { key: name, value }), bytes }
    }
}

impl Sink for KafkaSink {
    fn begin(&mut self) -> Result<(), Fault> {
        self.stage = Stage::Flush;
        let begun = self.producer.begin_transaction();
        begun.map_err(|error| fault::of_transaction("begin a transaction", &error))
    }

    fn send_clean(&mut self, target: &str, rules: &str, record: &CleanRecord<'_>) -> Result<(), Fault> {
        let passed = record.headers().iter().filter(|(name, _)| !is_reserved(name));
        let headers = CountedHeaders::with_capacity(record.headers().len() + 2);
        let headers = passed.fold(headers, |headers, (name, value)| headers.with(name, *value));
        let epoch = record.epoch().0.to_string();
        let headers = headers.with(HEADER_RULES, Some(rules.as_bytes())).with(HEADER_EPOCH, Some(epoch.as_bytes()));
        let message =
            Message { key: record.key(), payload: record.payload(), timestamp_ms: record.timestamp_ms(), headers };
        self.send(target, record.position().partition, message)
    }

    fn send_sealed(&mut self, quarantine: &str, entry: &SealedEntry<'_>) -> Result<(), Fault> {
        let Position { topic, partition, offset } = entry.position();
        let headers = CountedHeaders::with_capacity(4)
            .with(HEADER_REASON, Some(entry.reason().code().as_bytes()))
            .with(HEADER_TOPIC, Some(topic.as_bytes()))
            .with(HEADER_PARTITION, Some(partition.to_string().as_bytes()))
            .with(HEADER_OFFSET, Some(offset.to_string().as_bytes()));
        let message = Message { key: None, payload: Some(entry.payload()), timestamp_ms: None, headers };
        self.send(quarantine, partition % self.topics.partitions_of(quarantine).max(1), message)
    }

    fn commit(&mut self, progress: &Progress) -> Result<(), Fault> {
        if self.stage == Stage::Flush {
            self.metrics.queue(self.worker, i64::from(self.producer.in_flight_count()));
            if !native::flush(&self.producer, TIMEOUT) {
                return Err(Fault::Busy("the brokers have not acknowledged every record yet".to_owned()));
            }
            self.stage = Stage::Offsets;
        }
        if self.stage == Stage::Offsets {
            let mut offsets = TopicPartitionList::new();
            for (topic, partition, next) in progress.iter() {
                let added = offsets.add_partition_offset(topic, partition, Offset::Offset(next));
                added.map_err(|error| Fault::Broken(format!("could not name an offset to commit: {error}")))?;
            }
            // Fresh at each commit: it carries the generation that fences a worker whose partitions are gone.
            let Some(group) = self.consumer.group_metadata() else {
                return Err(Fault::Broken("the consumer is in no group".to_owned()));
            };
            // A consumer that was thrown out of its group has no generation, and then the metadata fence nothing. Asked
            // after they were made: librdkafka forgets the generation and marks the assignment lost in one go.
            if self.consumer.assignment_lost() {
                return Err(Fault::Abort("the group gave the partitions to somebody else".to_owned()));
            }
            let sent = self.producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT);
            sent.map_err(|error| fault::of_transaction("add offsets to the transaction", &error))?;
            self.stage = Stage::Commit;
        }
        let committed = self.producer.commit_transaction(TIMEOUT);
        committed.map_err(|error| fault::of_transaction("commit the transaction", &error))?;
        self.stage = Stage::Flush;
        self.health.resume();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.stage = Stage::Flush;
        let aborted = self.producer.abort_transaction(TIMEOUT);
        aborted.map_err(|error| match fault::of_transaction("abort the transaction", &error) {
            // An abort that cannot be done is not mended by another one.
            Fault::Abort(cause) => Fault::Broken(cause),
            fault @ (Fault::Busy(_) | Fault::TooLarge { .. } | Fault::Broken(_) | Fault::Halt(_) | Fault::Stopped) => {
                fault
            }
        })
    }

    fn pause(&mut self, attempt: u32) -> Result<(), Fault> {
        self.pulse.beat();
        if self.stop.is_requested() {
            let since = *self.stopping_since.get_or_insert_with(Instant::now);
            if since.elapsed() > STOP_GRACE {
                return Err(Fault::Stopped);
            }
            std::thread::sleep(PAUSE_MIN);
            return Ok(());
        }
        if attempt >= ATTEMPT_STALLED {
            self.health.stall();
        }
        pause((PAUSE_MIN * (1 << attempt.min(8))).min(PAUSE_MAX), &self.stop);
        Ok(())
    }
}
