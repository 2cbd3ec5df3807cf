//! Passthrough: the ceiling that logveil is measured by.

use crate::broker::{ANSWER_MAX, Broker, assign_all, flush, send};
use anyhow::{Context, Result, bail};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Most records that passthrough takes from one partition before it looks at the next.
const BURST_MAX: usize = 1000;

/// A transaction of passthrough is committed at whatever comes first, as in logveil by default: its interval, or these.
const COMMIT_BYTES: usize = 20_000_000;
const COMMIT_RECORDS: u64 = 50_000;

/// The settings of logveil's consumer (`src/kafka/client.rs`), for six partitions.
const CONSUMER_AS_LOGVEIL: [(&str, &str); 8] = [
    ("session.timeout.ms", "10000"),
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "10"),
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "8192"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "12582912"),
    ("check.crcs", "true"),
];

/// The settings of each of logveil's producers, for two workers.
const PRODUCER_AS_LOGVEIL: [(&str, &str); 9] = [
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "100000"),
    ("queue.buffering.max.messages", "50000"),
    ("queue.buffering.max.kbytes", "24576"),
    ("compression.codec", "lz4"),
    ("transaction.timeout.ms", "30000"),
    ("message.timeout.ms", "25000"),
    ("delivery.report.only.error", "true"),
];

/// Consume, produce, commit: what exactly once costs before any work is done.
///
/// The client is set up as logveil's own. Partitions are assigned by hand, so there is no time spent on joining
/// a group; the offsets still belong to one and commit in the transaction.
pub(crate) struct Passthrough {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) partitions: i32,
    pub(crate) records: u64,
    pub(crate) commit_ms: u64,
    pub(crate) group: String,
}

/// A partition and its own queue of fetched records.
type Queue = (i32, PartitionQueue<DefaultConsumerContext>);

impl Passthrough {
    pub(crate) fn run(&self, broker: &Broker, workers: usize) -> Result<()> {
        let consumer = Arc::new(broker.consumer(&self.group, &CONSUMER_AS_LOGVEIL)?);
        let shares = self.split(&consumer, workers)?;
        let total = Total::default();
        let results: Vec<Result<()>> = std::thread::scope(|scope| {
            let start = |(worker, share)| {
                let (consumer, total) = (&consumer, &total);
                // Without this one's share, the others would wait for the last record for ever.
                let end_all = |_: &anyhow::Error| total.stop.store(true, Ordering::Release);
                scope.spawn(move || self.work(broker, consumer, worker, share, total).inspect_err(end_all))
            };
            let threads: Vec<_> = shares.into_iter().enumerate().map(start).collect();
            let mut stray = Ok(());
            while threads.iter().any(|thread| !thread.is_finished()) {
                // Serves the client's events; a record here would have missed its queue.
                if let Some(Ok(_)) = consumer.poll(Duration::from_millis(20)) {
                    stray = Err(anyhow::anyhow!("a record was fetched before its queue was split off"));
                    total.stop.store(true, Ordering::Release);
                }
            }
            let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a worker panicked")));
            joined.chain([stray]).collect()
        });
        results.into_iter().collect::<Result<()>>()?;
        total.print();
        Ok(())
    }

    /// Gives each partition a queue of its own, assigns the partitions, and deals the queues out to the workers.
    ///
    /// In this order: what is fetched before its queue is split off goes to the consumer's common queue.
    fn split(&self, consumer: &Arc<BaseConsumer>, workers: usize) -> Result<Vec<Vec<Queue>>> {
        let mut shares: Vec<Vec<Queue>> = (0..workers).map(|_| Vec::new()).collect();
        for partition in 0..self.partitions {
            let queue = consumer.split_partition_queue(&self.from, partition).context("no queue for a partition")?;
            shares[partition as usize % workers].push((partition, queue));
        }
        assign_all(consumer, &self.from, self.partitions)?;
        Ok(shares)
    }

    fn work(
        &self,
        broker: &Broker,
        consumer: &BaseConsumer,
        worker: usize,
        queues: Vec<Queue>,
        total: &Total,
    ) -> Result<()> {
        let id = format!("{}-{worker}", self.group);
        let producer = broker.producer(&[&PRODUCER_AS_LOGVEIL[..], &[("transactional.id", &id)]].concat())?;
        producer.init_transactions(ANSWER_MAX)?;
        let mut next = BTreeMap::new();
        let (mut waiting, mut waiting_bytes) = (0, 0);
        let mut begun = Instant::now();
        while total.records.load(Ordering::Acquire) < self.records && !total.stop.load(Ordering::Acquire) {
            let before = waiting;
            for (partition, queue) in &queues {
                for _ in 0..BURST_MAX {
                    let Some(message) = queue.poll(Duration::ZERO) else { break };
                    let message = message?;
                    if next.is_empty() {
                        producer.begin_transaction()?;
                        begun = Instant::now();
                    }
                    self.copy(&producer, &message, total)?;
                    next.insert(*partition, message.offset() + 1);
                    waiting += 1;
                    waiting_bytes += message.payload_len();
                }
            }
            if waiting == before {
                std::thread::sleep(Duration::from_millis(1));
            }
            let due = begun.elapsed() >= Duration::from_millis(self.commit_ms);
            if !next.is_empty() && (due || waiting >= COMMIT_RECORDS || waiting_bytes >= COMMIT_BYTES) {
                self.commit(&producer, consumer, &next, total)?;
                next.clear();
                waiting_bytes = 0;
                total.records.fetch_add(std::mem::take(&mut waiting), Ordering::AcqRel);
            }
        }
        Ok(())
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
        let group = consumer.group_metadata().context("the consumer has no group")?;
        producer.send_offsets_to_transaction(&offsets, &group, ANSWER_MAX)?;
        producer.commit_transaction(ANSWER_MAX)?;
        total.commits.fetch_add(1, Ordering::Relaxed);
        total.commit_us.fetch_add(start.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Figures of all passthrough workers together.
#[derive(Default)]
struct Total {
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
    fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    fn print(&self) {
        let seconds = self.started.get().map_or(0.0, |started| started.elapsed().as_secs_f64());
        let get = |figure: &AtomicU64| figure.load(Ordering::Acquire) as f64;
        let (records, commits) = (get(&self.records), get(&self.commits));
        println!(
            "passed records={records} seconds={seconds:.2} records_per_s={:.0} mb_per_s={:.1} cpu_us_per_record={:.2} \
             commits={commits} commit_ms={:.1} of_that_flush_ms={:.1}",
            records / seconds,
            get(&self.bytes) / seconds / 1e6,
            cpu_seconds() * 1e6 / records,
            get(&self.commit_us) / commits / 1e3,
            get(&self.flush_us) / commits / 1e3,
        );
    }
}

/// User and system time of this process. Linux counts it in hundredths of a second (`proc(5)`, fields 14 and 15).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
