//! How fast records pass through the broker: consume, produce, commit in transactions, with librdkafka's mock cluster
//! beside it as the peer. The mock takes part in no transaction, it only answers that it did; so it does less.
//!
//! Prints the ratio of the two after the figures: `lz4: embedded 2.1 times mock`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the ratio is what this bench is for")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use embedded_kafka::{Broker, Options};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The mock keeps 5 MiB a partition and drops what is older, so the records are spread over many.
const PARTITIONS: i32 = 64;
const RECORDS: usize = 250_000;
const RECORD_BYTES: usize = 1024;
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(30);
const CODECS: [&str; 2] = ["none", "lz4"];

/// Times of all passes, by codec and broker.
type Times = BTreeMap<(&'static str, &'static str), Vec<Duration>>;

enum Cluster {
    Embedded(Broker),
    Mock(MockCluster<'static, rdkafka::producer::DefaultProducerContext>),
}

impl Cluster {
    fn name(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Mock(_) => "mock",
        }
    }

    fn client(&self) -> ClientConfig {
        let servers = match self {
            Self::Embedded(broker) => broker.bootstrap_servers(),
            Self::Mock(mock) => mock.bootstrap_servers(),
        };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    fn create_topic(&self, name: &str) {
        match self {
            Self::Mock(mock) => mock.create_topic(name, PARTITIONS, 1).unwrap(),
            Self::Embedded(_) => {
                let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
                block_on(self.admin().create_topics(&[topic], &AdminOptions::new())).unwrap()[0].clone().unwrap();
            }
        }
    }

    /// The mock cannot, and drops by itself.
    fn delete_topic(&self, name: &str) {
        if let Self::Embedded(_) = self {
            block_on(self.admin().delete_topics(&[name], &AdminOptions::new())).unwrap()[0].clone().unwrap();
        }
    }

    fn producer(&self, codec: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.kbytes", "262144")
            .set("compression.codec", codec)
            .set("enable.idempotence", "true");
        config
    }

    /// Puts the records there, in words of their own so that they compress as logs do.
    fn fill(&self, topic: &str, codec: &str) {
        self.create_topic(topic);
        let producer: ThreadedProducer<DefaultProducerContext> = self.producer(codec).create().unwrap();
        for number in 0..RECORDS {
            let mut payload = format!(r#"{{"seq":{number},"path":"/api/v{}/orders/{}"}}"#, number % 7, number * 7919);
            payload.extend(std::iter::repeat_n("{\"status\":200}", RECORD_BYTES / 14 + 1));
            payload.truncate(RECORD_BYTES);
            let record = BaseRecord::<(), str>::to(topic).partition(number as i32 % PARTITIONS).payload(&payload);
            send(&producer, record);
        }
        producer.flush(TIMEOUT).unwrap();
    }

    /// Copies all records of one topic to another, in transactions; the time from the first record to the last commit.
    fn pass(&self, from: &str, to: &str, codec: &str) -> Duration {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", format!("{to}-group"))
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("queued.min.messages", "100000")
            .set("fetch.wait.max.ms", "50")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(from, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let producer: ThreadedProducer<DefaultProducerContext> =
            self.producer(codec).set("transactional.id", to).create().unwrap();
        producer.init_transactions(TIMEOUT).unwrap();

        let (mut start, mut begun) = (None, None);
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        let mut passed = 0;
        while passed < RECORDS {
            if let Some(message) = consumer.poll(Duration::from_millis(1)) {
                let message = message.unwrap();
                start.get_or_insert_with(Instant::now);
                if begun.is_none() {
                    producer.begin_transaction().unwrap();
                    begun = Some(Instant::now());
                }
                let record = BaseRecord::<[u8], [u8]>::to(to).partition(message.partition());
                send(&producer, record.payload(message.payload().unwrap()));
                next.insert(message.partition(), message.offset() + 1);
                passed += 1;
            }
            let is_due = begun.is_some_and(|begun| begun.elapsed() >= COMMIT_INTERVAL);
            if is_due || passed == RECORDS {
                producer.flush(TIMEOUT).unwrap();
                let mut offsets = TopicPartitionList::new();
                for (partition, offset) in std::mem::take(&mut next) {
                    offsets.add_partition_offset(from, partition, Offset::Offset(offset)).unwrap();
                }
                let group = consumer.group_metadata().unwrap();
                producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT).unwrap();
                producer.commit_transaction(TIMEOUT).unwrap();
                begun = None;
            }
        }
        start.unwrap().elapsed()
    }
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    mut record: BaseRecord<'_, impl rdkafka::message::ToBytes + ?Sized, impl rdkafka::message::ToBytes + ?Sized>,
) {
    while let Err((_, back)) = producer.send(record) {
        record = back;
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn passthrough(criterion: &mut Criterion) {
    let mut times = Times::new();
    let mut group = criterion.benchmark_group("passthrough");
    group.sample_size(10).throughput(Throughput::Elements(RECORDS as u64));
    let clusters =
        [Cluster::Embedded(Broker::start(Options::default()).unwrap()), Cluster::Mock(MockCluster::new(1).unwrap())];
    for codec in CODECS {
        for cluster in &clusters {
            let raw = format!("raw-{codec}");
            cluster.fill(&raw, codec);
            let mut pass = 0;
            group.bench_function(BenchmarkId::new(codec, cluster.name()), |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut total = Duration::ZERO;
                    for _ in 0..iterations {
                        pass += 1;
                        let clean = format!("clean-{codec}-{pass}");
                        cluster.create_topic(&clean);
                        let took = cluster.pass(&raw, &clean, codec);
                        cluster.delete_topic(&clean);
                        times.entry((codec, cluster.name())).or_default().push(took);
                        total += took;
                    }
                    total
                });
            });
            cluster.delete_topic(&raw);
        }
    }
    group.finish();
    for codec in CODECS {
        let mut median = |broker| {
            let times = times.get_mut(&(codec, broker))?;
            times.sort_unstable();
            Some(times[times.len() / 2].as_secs_f64())
        };
        // A filter on the command line may have left one out.
        if let (Some(embedded), Some(mock)) = (median("embedded"), median("mock")) {
            println!(
                "{codec}: embedded {:.2} times mock ({:.0} and {:.0} records/s of {RECORD_BYTES} bytes, medians)",
                mock / embedded,
                RECORDS as f64 / embedded,
                RECORDS as f64 / mock,
            );
        }
    }
}

fn start(criterion: &mut Criterion) {
    criterion.bench_function("start", |bencher| {
        bencher.iter_with_large_drop(|| black_box(Broker::start(Options::default()).unwrap()));
    });
}

criterion_group!(benches, passthrough, start);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
}
