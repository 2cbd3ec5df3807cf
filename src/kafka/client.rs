//! The clients' settings, each with its reason.

use super::Options;
use super::topics::Topics;
use rdkafka::ClientConfig;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// Fetched and not yet veiled bytes of all partitions together. librdkafka's limit holds for each split queue by
/// itself, so it is divided among them.
const FETCHED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Fetched and not yet veiled records of all partitions together. Each costs librdkafka some 500 bytes beside its own,
/// which counts for short records only.
const FETCHED_RECORDS_MAX: usize = 60_000;
const FETCHED_RECORDS_PER_PARTITION_MIN: usize = 500;
/// A partition's queue is not made smaller than this, or small records would trickle.
const FETCHED_BYTES_PER_PARTITION_MIN: usize = 512 * 1024;
/// Most that one partition adds to a fetch; librdkafka's default.
const FETCH_BYTES_MAX: usize = 1024 * 1024;
/// Produced and not yet acknowledged bytes of all workers together.
const PRODUCED_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Produced and not yet acknowledged records of all workers together.
const PRODUCED_RECORDS_MAX: usize = 100_000;
/// Most bytes of one batch.
const BATCH_BYTES_MAX: usize = 1_000_000;
/// Largest invented record: hostile ones are long.
const FILLED_BYTES_MAX: usize = 16 * 1024 * 1024;
const PRODUCED_BYTES_PER_WORKER_MIN: usize = 8 * 1024 * 1024;

/// How long the broker keeps a transaction of a process that died: until then readers of the target wait. A restart
/// ends it at once, because transactional ids are stable.
const TRANSACTION_TIMEOUT_MS: u32 = 30_000;
/// Must end before the transaction does.
const MESSAGE_TIMEOUT_MS: u32 = 25_000;
/// Leaves time for a second try before either ends.
const SOCKET_TIMEOUT_MS: u32 = 10_000;

/// The librdkafka properties of a run's data plane, for whoever measures what else a client costs that is set up the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// Of the consumer.
    pub consumer: BTreeMap<String, String>,
    /// Of each worker's producer, before a topic's limits make its batches smaller; without its `transactional.id`.
    pub producer: BTreeMap<String, String>,
}

impl Properties {
    /// The properties of a run whose sources have `partitions` partitions together.
    pub fn of(options: &Options, partitions: usize) -> Self {
        let mut producer = producer(options, &Topics::default(), "");
        producer.remove("transactional.id");
        let all = |config: &ClientConfig| {
            config.config_map().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Self { consumer: all(&consumer(options, partitions)), producer: all(&producer) }
    }
}

/// What every client has in common: also for administration.
pub(super) fn common(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("client.id", format!("logveil-{}", options.instance))
        // A broker that comes back is noticed within a second or two; the default waits up to ten.
        .set("reconnect.backoff.max.ms", "1500")
        // What nobody answers is asked again soon: by default after a minute, and by a producer when its transaction is over.
        .set("socket.timeout.ms", SOCKET_TIMEOUT_MS.to_string())
        // A mistyped topic is an error, not a new topic.
        .set("allow.auto.create.topics", "false");
    config
}

/// What an administration client's answers are waited for on, one at a time.
///
/// # Errors
/// The system's, when it has no more to give.
pub(super) fn admin_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

/// An administration client: the properties that both clients share are those that reach the cluster.
pub(super) fn admin(options: &Options) -> ClientConfig {
    let mut config = common(options);
    for (name, value) in &options.producer {
        if ["security.", "sasl.", "ssl.", "socket.", "broker.address."].iter().any(|prefix| name.starts_with(prefix)) {
            config.set(name, value);
        }
    }
    config
}

/// The consumer. `partitions` is how many partitions its topics have together.
pub(super) fn consumer(options: &Options, partitions: usize) -> ClientConfig {
    let fetched = (FETCHED_BYTES_MAX / partitions.max(1)).max(FETCHED_BYTES_PER_PARTITION_MIN);
    let queued_records = (FETCHED_RECORDS_MAX / partitions.max(1)).max(FETCHED_RECORDS_PER_PARTITION_MIN);
    let mut config = common(options);
    config
        // Revokes only what moves; the workers keep the rest running.
        .set("partition.assignment.strategy", "cooperative-sticky")
        // A dead process is noticed after 10 s, not 45: its records wait that long.
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "3000")
        // An answer that waits for records also holds up partitions that became readable meanwhile.
        .set("fetch.wait.max.ms", "100")
        // How long a partition whose queue is full is left alone; the default of a second starves the workers.
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", queued_records.to_string())
        .set("queued.max.messages.kbytes", (fetched / 1024).to_string())
        .set("fetch.message.max.bytes", fetched.min(FETCH_BYTES_MAX).to_string())
        .set("fetch.max.bytes", (FETCHED_BYTES_MAX / 4).to_string())
        // Records damaged on the way are found here or nowhere.
        .set("check.crcs", "true")
        // Feeds the lag metric.
        .set("statistics.interval.ms", "5000");
    for (name, value) in &options.consumer {
        config.set(name, value);
    }
    // What exactly-once rests on is set last; the configuration refuses it before.
    config
        .set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed");
    config
}

/// A consumer that reads a topic from end to end, by itself; the group only holds progress.
pub(super) fn reader(options: &Options, group: &str) -> ClientConfig {
    let mut config = consumer(options, 1);
    config.remove("statistics.interval.ms");
    config.remove("group.instance.id");
    config.set("group.id", group).set("enable.partition.eof", "true");
    config
}

/// A producer of invented records, without transactions.
pub(super) fn filler(options: &Options) -> ClientConfig {
    let mut config = common(options);
    config
        .set("linger.ms", "5")
        .set("batch.size", BATCH_BYTES_MAX.to_string())
        .set("queue.buffering.max.kbytes", (PRODUCED_BYTES_MAX / 1024).to_string())
        .set("message.max.bytes", FILLED_BYTES_MAX.to_string())
        // The embedded broker looks times up record by record where batches are not compressed.
        .set("compression.codec", "none")
        // Keeps their order, and each of them once.
        .set("enable.idempotence", "true");
    config
}

/// A consumer that asks what the group has committed, and never joins it.
pub(super) fn observer(options: &Options) -> ClientConfig {
    let mut config = consumer(options, 1);
    config.remove("statistics.interval.ms");
    config.remove("group.instance.id");
    // Asks for offsets without `require_stable` (KIP-447): while a commit is under way the answer is then the one before
    // it, and not an error that is asked again until the time is up.
    config.set("isolation.level", "read_uncommitted");
    config
}

/// A producer under this transactional id.
pub(super) fn producer(options: &Options, topics: &Topics, transactional_id: &str) -> ClientConfig {
    let queue = (PRODUCED_BYTES_MAX / options.workers).max(PRODUCED_BYTES_PER_WORKER_MIN);
    let transaction_ms = options.producer.get("transaction.timeout.ms").and_then(|ms| ms.parse().ok());
    let socket_timeout_ms = transaction_ms.map_or(SOCKET_TIMEOUT_MS, |ms: u32| ms.min(SOCKET_TIMEOUT_MS));
    let mut config = common(options);
    config
        // Records wait for company, and a commit waits for none of them: it sends what is there. Fewer and larger batches
        // save a tenth of the work of a whole run beside 5 ms (about 2 of 22 us a record of 1 KiB), and more of the broker's.
        .set("linger.ms", "25")
        // A batch of sealed entries does not shrink, and a topic refuses one that is larger than its limit.
        .set("batch.size", topics.batch_bytes_min().min(BATCH_BYTES_MAX).to_string())
        .set("batch.num.messages", "100000")
        // By bytes below; and by number, because each costs librdkafka some 300 bytes beside its own.
        .set("queue.buffering.max.messages", (PRODUCED_RECORDS_MAX / options.workers).max(10_000).to_string())
        .set("queue.buffering.max.kbytes", (queue / 1024).to_string())
        // Faster than none wherever bytes through sockets cost most; about 0.6 GB/s per core.
        .set("compression.codec", "lz4")
        // librdkafka refuses a longer one than that of the transaction.
        .set("socket.timeout.ms", socket_timeout_ms.to_string())
        .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string())
        .set("message.timeout.ms", MESSAGE_TIMEOUT_MS.to_string());
    for (name, value) in &options.producer {
        config.set(name, value);
    }
    config
        .set("transactional.id", transactional_id)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Records are held against the limit of their own topic before they are sent.
        .set("message.max.bytes", topics.batch_bytes_max().to_string())
        // A failed delivery fails the commit; successes need no event each.
        .set("delivery.report.only.error", "true");
    config
}
