//! Passthrough: the ceiling that logveil is measured by.

use crate::broker::{ANSWER_MAX, assign_all, flush, send};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use cpu_time::ProcessTime;
use logveil::kafka::{Options, Properties};
use logveil::pipeline::CommitRule;
use rdkafka::ClientConfig;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, DefaultConsumerContext};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Most records that passthrough takes from one partition before it looks at the next.
const BURST_MAX: usize = 1000;

/// What may become of records when the process ends at a bad moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guarantee {
    /// Records and offsets commit in one transaction.
    ExactlyOnce,
    /// Offsets commit when the records are acknowledged; in between, a crash doubles records.
    AtLeastOnce,
}

/// Consume, produce, commit: what moving records costs before any work is done.
///
/// The clients are set up as logveil's own. Partitions are assigned by hand, so there is no time spent on joining
/// a group; the offsets still belong to one and commit with the records.
pub(crate) struct Passthrough {
    pub(crate) options: Options,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) partitions: i32,
    pub(crate) rule: CommitRule,
    pub(crate) guarantee: Guarantee,
}

/// A partition and its own queue of fetched records.
type Queue = (i32, PartitionQueue<DefaultConsumerContext>);

impl Passthrough {
    /// Copies until so many records are committed, or until told to stop.
    pub(crate) fn run(&self, records: u64, total: &Total) -> Result<()> {
        let properties = Properties::of(&self.options, self.partitions as usize);
        let consumer: Arc<BaseConsumer> = Arc::new(config(&properties.consumer).create()?);
        let shares = self.split(&consumer)?;
        let results: Vec<Result<()>> = std::thread::scope(|scope| {
            let start = |(worker, share)| {
                let (consumer, properties) = (&consumer, &properties.producer);
                // Without this one's share, the others would wait for the last record for ever.
                let end_all = |_: &anyhow::Error| total.stop();
                scope.spawn(move || {
                    let producer = self.producer(properties, worker)?;
                    self.work(&producer, consumer, share, records, total).inspect_err(end_all)
                })
            };
            let threads: Vec<_> = shares.into_iter().enumerate().map(start).collect();
            let mut stray = Ok(());
            while threads.iter().any(|thread| !thread.is_finished()) {
                // Serves the client's events; a record here would have missed its queue.
                if let Some(Ok(_)) = consumer.poll(Duration::from_millis(20)) {
                    stray = Err(anyhow::anyhow!("a record was fetched before its queue was split off"));
                    total.stop();
                }
            }
            let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a worker panicked")));
            joined.chain([stray]).collect()
        });
        results.into_iter().collect()
    }

    /// Gives each partition a queue of its own, assigns the partitions, and deals the queues out to the workers.
    ///
    /// In this order: what is fetched before its queue is split off goes to the consumer's common queue.
    fn split(&self, consumer: &Arc<BaseConsumer>) -> Result<Vec<Vec<Queue>>> {
        let mut shares: Vec<Vec<Queue>> = (0..self.options.workers).map(|_| Vec::new()).collect();
        for partition in 0..self.partitions {
            let queue = consumer.split_partition_queue(&self.from, partition).context("no queue for a partition")?;
            shares[partition as usize % self.options.workers].push((partition, queue));
        }
        // A client that knows its topic starts to fetch at once; otherwise it looks for it after half a second.
        consumer.fetch_metadata(Some(&self.from), ANSWER_MAX)?;
        assign_all(consumer, &self.from, self.partitions)?;
        Ok(shares)
    }

    fn producer(
        &self,
        properties: &BTreeMap<String, String>,
        worker: usize,
    ) -> Result<ThreadedProducer<DefaultProducerContext>> {
        let mut config = config(properties);
        match self.guarantee {
            Guarantee::AtLeastOnce => {
                // The timeout is one of transactions, and refused without.
                config.remove("transaction.timeout.ms");
                Ok(config.create()?)
            }
            Guarantee::ExactlyOnce => {
                let id = format!("{}-{worker}", self.options.group);
                let producer: ThreadedProducer<_> = config.set("transactional.id", id).create()?;
                producer.init_transactions(ANSWER_MAX)?;
                Ok(producer)
            }
        }
    }

    fn work(
        &self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        consumer: &BaseConsumer,
        queues: Vec<Queue>,
        records: u64,
        total: &Total,
    ) -> Result<()> {
        let mut next = BTreeMap::new();
        let (mut waiting, mut waiting_bytes) = (0, 0);
        let mut begun = Instant::now();
        loop {
            let is_over = total.records() >= records || total.stop.load(Ordering::Acquire);
            let before = waiting;
            for (partition, queue) in queues.iter().filter(|_| !is_over) {
                for _ in 0..BURST_MAX {
                    let Some(message) = queue.poll(Duration::ZERO) else { break };
                    let message = message?;
                    if next.is_empty() {
                        self.begin(producer)?;
                        begun = Instant::now();
                    }
                    self.copy(producer, &message, total)?;
                    next.insert(*partition, message.offset() + 1);
                    waiting += 1;
                    waiting_bytes += message.payload_len();
                }
            }
            let due = begun.elapsed() >= self.rule.interval;
            if !next.is_empty() && (is_over || due || waiting >= self.rule.records || waiting_bytes >= self.rule.bytes)
            {
                self.commit(producer, consumer, &next, total)?;
                next.clear();
                waiting_bytes = 0;
                total.records.fetch_add(std::mem::take(&mut waiting) as u64, Ordering::AcqRel);
            } else if waiting == before {
                std::thread::sleep(Duration::from_millis(1));
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn begin(&self, producer: &ThreadedProducer<DefaultProducerContext>) -> Result<()> {
        match self.guarantee {
            Guarantee::ExactlyOnce => Ok(producer.begin_transaction()?),
            Guarantee::AtLeastOnce => Ok(()),
        }
    }

    fn copy(
        &self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        message: &BorrowedMessage<'_>,
        total: &Total,
    ) -> Result<()> {
        total.start();
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.to).partition(message.partition());
        record.key = message.key();
        record.payload = message.payload();
        record.timestamp = message.timestamp().to_millis();
        record.headers = message.headers().map(|headers| headers.detach());
        total.bytes.fetch_add(message.payload_len() as u64, Ordering::Relaxed);
        send(producer, record)
    }

    fn commit(
        &self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        consumer: &BaseConsumer,
        next: &BTreeMap<i32, i64>,
        total: &Total,
    ) -> Result<()> {
        let start = Instant::now();
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in next {
            offsets.add_partition_offset(&self.from, *partition, Offset::Offset(*offset))?;
        }
        flush(producer, ANSWER_MAX)?;
        total.flush_us.fetch_add(start.elapsed().as_micros() as u64, Ordering::Relaxed);
        match self.guarantee {
            Guarantee::AtLeastOnce => consumer.commit(&offsets, CommitMode::Sync)?,
            Guarantee::ExactlyOnce => {
                let group = consumer.group_metadata().context("the consumer has no group")?;
                producer.send_offsets_to_transaction(&offsets, &group, ANSWER_MAX)?;
                producer.commit_transaction(ANSWER_MAX)?;
            }
        }
        total.commits.fetch_add(1, Ordering::Relaxed);
        total.commit_us.fetch_add(start.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn config(properties: &BTreeMap<String, String>) -> ClientConfig {
    properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Figures of all passthrough workers together.
#[derive(Default)]
pub(crate) struct Total {
    /// When the first record came.
    started: OnceLock<Instant>,
    records: AtomicU64,
    bytes: AtomicU64,
    commits: AtomicU64,
    commit_us: AtomicU64,
    flush_us: AtomicU64,
    /// Set when going on makes no sense.
    stop: AtomicBool,
}

impl Total {
    /// Records committed so far.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Acquire)
    }

    /// Asks the workers to commit what they have begun, and to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    fn start(&self) {
        self.started.get_or_init(Instant::now);
    }
}

impl fmt::Display for Total {
    /// Rates since the first record, CPU time of the whole process, and what a commit takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.started.get().map_or(0.0, |started| started.elapsed().as_secs_f64());
        let get = |figure: &AtomicU64| figure.load(Ordering::Acquire) as f64;
        let (records, commits) = (get(&self.records), get(&self.commits));
        write!(
            f,
            "passed records={records} seconds={seconds:.2} records_per_s={:.0} mb_per_s={:.1} cpu_us_per_record={:.2} \
             commits={commits} commit_ms={:.1} of_that_flush_ms={:.1}",
            records / seconds,
            get(&self.bytes) / seconds / 1e6,
            ProcessTime::now().as_duration().as_secs_f64() * 1e6 / records,
            get(&self.commit_us) / commits / 1e3,
            get(&self.flush_us) / commits / 1e3,
        )
    }
}
