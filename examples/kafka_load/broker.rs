//! The broker: clients for it, topics, and what every verb asks of it.

use anyhow::{Result, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// Longest that a single question to the broker may take.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Where the broker is, and how long to wait for things to happen there.
pub(crate) struct Broker {
    pub(crate) bootstrap: String,
    pub(crate) timeout: Duration,
    admin: AdminClient<DefaultClientContext>,
}

impl Broker {
    pub(crate) fn new(bootstrap: String, timeout: Duration) -> Result<Self> {
        let admin = ClientConfig::new().set("bootstrap.servers", &bootstrap).create()?;
        Ok(Self { bootstrap, timeout, admin })
    }

    pub(crate) fn settings(&self) -> ClientConfig {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.bootstrap);
        settings
    }

    pub(crate) fn producer(&self, more: &[(&str, &str)]) -> Result<ThreadedProducer<DefaultProducerContext>> {
        let mut settings = self.settings();
        settings.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "5");
        settings.set("batch.size", "1000000").set("compression.codec", "lz4");
        settings.set("queue.buffering.max.messages", "1000000").set("queue.buffering.max.kbytes", "65536");
        settings.set("message.max.bytes", "16777216");
        more.iter().for_each(|(name, value)| {
            settings.set(*name, *value);
        });
        Ok(settings.create()?)
    }

    pub(crate) fn topic(&self, name: &str, partitions: i32, fresh: bool) -> Result<()> {
        if fresh {
            self.delete(name)?;
        }
        let deadline = Instant::now() + self.timeout;
        loop {
            // Records stay until their topic goes, whatever time they carry.
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1)).set("retention.ms", "-1");
            let created = wait_for(self.admin.create_topics(&[topic], &AdminOptions::new()))??;
            match created.first() {
                Some(Ok(_)) => break,
                // A deleted topic's name is not free at once.
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if fresh && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                other => bail!("could not create {name}: {other:?}"),
            }
        }
        self.wait_until(|| Ok(partition_count(self.admin.inner(), name)? == Some(partitions)))
    }

    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        if partition_count(self.admin.inner(), name)?.is_none() {
            return Ok(());
        }
        for deleted in wait_for(self.admin.delete_topics(&[name], &AdminOptions::new()))?? {
            deleted.map_err(|(name, code)| anyhow::anyhow!("could not delete {name}: {code}"))?;
        }
        self.wait_until(|| Ok(partition_count(self.admin.inner(), name)?.is_none()))
    }

    fn wait_until(&self, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        while !done()? {
            ensure!(Instant::now() < deadline, "nothing came of it within {:?}", self.timeout);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn wait_for<F: Future>(question: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(question))
}

/// Number of partitions that have a leader; `None` when there is no such topic.
pub(crate) fn partition_count<C: ClientContext>(client: &Client<C>, name: &str) -> Result<Option<i32>> {
    // All topics are asked for, because asking for one can create it.
    let metadata = client.fetch_metadata(None, ANSWER_MAX)?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    Ok(topic.map(|topic| topic.partitions().iter().filter(|partition| partition.leader() >= 0).count() as i32))
}

pub(crate) fn assign_all(consumer: &BaseConsumer, topic: &str, partitions: i32) -> Result<()> {
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    Ok(consumer.assign(&all)?)
}

/// Hands a record to the client; waits while its queue is full.
pub(crate) fn send<K, P>(
    producer: &ThreadedProducer<DefaultProducerContext>,
    mut record: BaseRecord<'_, K, P>,
) -> Result<()>
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
{
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => record = refused,
            Err((error, _)) => return Err(error.into()),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until the broker has everything, as logveil does: the wrapper's own `flush` sleeps in slices of 100 ms.
#[expect(unsafe_code, reason = "the wrapper has no flush that wakes up with the last acknowledgement")]
pub(crate) fn flush(producer: &ThreadedProducer<DefaultProducerContext>, patience: Duration) -> Result<()> {
    let patience_ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the pointer is the client of `producer`, which is borrowed for the whole call; its own thread serves its
    // events meanwhile.
    let code = unsafe { rdkafka::bindings::rd_kafka_flush(producer.client().native_ptr(), patience_ms) };
    let code = RDKafkaErrorCode::from(code);
    ensure!(code == RDKafkaErrorCode::NoError, "could not flush: {code}");
    Ok(())
}
