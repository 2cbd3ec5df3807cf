//! What the group tells the consumer, passed on to the workers.

use crate::pipeline::metrics::Metrics;
use crate::pipeline::{Health, Pulse, State};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// Between signs of life while workers let go of partitions, which takes as long as the brokers are away.
const REVOKE_BEAT: Duration = Duration::from_millis(500);

/// A topic and a partition.
pub(super) type Partition = (String, i32);

/// What a worker is told.
pub(super) enum Command {
    /// These partitions may be read from now on.
    Assign(Vec<Partition>),
    /// These partitions go: finish or discard the open transaction, then drop `done`.
    Revoke {
        /// Which.
        partitions: Vec<Partition>,
        /// Whether they belong to somebody else already.
        lost: bool,
        /// Dropping it says that it is done.
        done: Sender<()>,
    },
    /// Finish the open transaction and end.
    Finish,
}

/// The way to a worker: its commands, and its thread to wake.
pub(super) struct WorkerHandle {
    pub(super) commands: Sender<Command>,
    pub(super) thread: Thread,
}

impl WorkerHandle {
    /// Gives a command; a worker that has ended needs none.
    pub(super) fn tell(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            self.thread.unpark();
        }
    }
}

/// The consumer's context: runs inside `poll`, on the thread that polls.
pub(super) struct GroupContext {
    workers: Mutex<Vec<WorkerHandle>>,
    metrics: Arc<Metrics>,
    health: Health,
    /// That of the thread that polls.
    pulse: Arc<Pulse>,
}

impl GroupContext {
    pub(super) fn new(metrics: Arc<Metrics>, health: Health, pulse: Arc<Pulse>) -> Self {
        Self { workers: Mutex::default(), metrics, health, pulse }
    }

    /// Sets the workers that are told from now on.
    pub(super) fn set_workers(&self, workers: Vec<WorkerHandle>) {
        *self.workers.lock().unwrap_or_else(PoisonError::into_inner) = workers;
    }

    /// Tells every worker.
    pub(super) fn tell_all(&self, command: impl Fn() -> Command) {
        for worker in self.workers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            worker.tell(command());
        }
    }

    /// Waits, without a limit, until every worker let go: one that committed later, when this process is a member again,
    /// would commit records that somebody else has read meanwhile. The group waits until `max.poll.interval.ms`; then it
    /// goes on without us, and the commit is refused.
    fn revoke(&self, partitions: &[Partition], lost: bool) {
        let (done, finished) = channel();
        self.tell_all(|| Command::Revoke { partitions: partitions.to_vec(), lost, done: done.clone() });
        drop(done);
        // Nobody sends: the channel closes when the last worker has dropped its end, or ended.
        while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(REVOKE_BEAT) {
            self.pulse.beat();
        }
        for (topic, partition) in partitions {
            self.metrics.revoked(topic, *partition);
        }
    }
}

impl ConsumerContext for GroupContext {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.metrics.rebalance();
        if let Rebalance::Revoke(partitions) = rebalance {
            let partitions = partitions_of(partitions);
            let lost = consumer.assignment_lost();
            tracing::info!(partitions = partitions.len(), lost, "partitions revoked");
            self.revoke(&partitions, lost);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            let partitions = partitions_of(partitions);
            tracing::info!(partitions = partitions.len(), "partitions assigned");
            self.tell_all(|| Command::Assign(partitions.clone()));
            self.health.set(State::Running);
        }
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka consumer");
    }

    fn stats(&self, statistics: Statistics) {
        for (topic, of_topic) in &statistics.topics {
            for (partition, of_partition) in &of_topic.partitions {
                if of_partition.ls_offset >= 0 && of_partition.fetch_state == "active" {
                    // Where nothing was committed yet, reading began at the first offset there is.
                    let start = of_partition.committed_offset.max(of_partition.lo_offset);
                    self.metrics.end_offset(topic, *partition, of_partition.ls_offset, start);
                }
            }
        }
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

/// Passes a log line of the client on. They name brokers and topics; `debug`, which shows more, cannot be configured.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(facility, "kafka client: {message}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => tracing::info!(facility, "kafka client: {message}"),
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(facility, "kafka client: {message}"),
    }
}
