//! A stream tried out: topics made, filled with invented records, and read back.

use super::topic_reader::TopicReader;
use super::{Halted, Options, client};
use crate::pipeline::Fault;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::Offset;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One question to the cluster, and the wait for the last records to be acknowledged.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a full queue is given to empty a little.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);

/// Makes topics of one replica that keep their records until these are deleted.
///
/// # Errors
/// [`Halted`] when one could not be made.
pub fn create_topics<'t>(options: &Options, topics: impl IntoIterator<Item = (&'t str, i32)>) -> Result<(), Halted> {
    let failed = |error: &dyn std::fmt::Display| Halted(format!("could not make the topics: {error}"));
    let admin: AdminClient<DefaultClientContext> = client::admin(options).create().map_err(|error| failed(&error))?;
    let new: Vec<NewTopic<'_>> = topics
        .into_iter()
        .map(|(name, partitions)| NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1"))
        .collect();
    let runtime = client::admin_runtime().map_err(|error| failed(&error))?;
    let limit = AdminOptions::new().request_timeout(Some(TIMEOUT));
    for made in runtime.block_on(admin.create_topics(&new, &limit)).map_err(|error| failed(&error))? {
        made.map_err(|(topic, code)| failed(&format!("{topic}: {code}")))?;
    }
    Ok(())
}

/// An invented record on its way into a topic.
#[derive(Debug, Clone, Copy)]
pub struct Invented<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition, from 0.
    pub partition: i32,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// Record key.
    pub key: Option<&'a [u8]>,
    /// A header: name and value.
    pub header: (&'a str, &'a str),
    /// Payload.
    pub payload: &'a [u8],
}

/// Fills topics, in order and each record once.
pub struct Filler {
    producer: ThreadedProducer<Deliveries>,
}

/// Counts the records that did not arrive.
#[derive(Default)]
struct Deliveries {
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Filler {
    /// A producer for this cluster.
    ///
    /// # Errors
    /// [`Halted`] when its settings are wrong.
    pub fn connect(options: &Options) -> Result<Self, Halted> {
        let producer = client::filler(options)
            .create_with_context(Deliveries::default())
            .map_err(|error| Halted(format!("cannot make a Kafka producer: {error}")))?;
        Ok(Self { producer })
    }

    /// Sends a record, and waits while the queue is full.
    ///
    /// # Errors
    /// [`Halted`] when the client refuses it.
    pub fn send(&self, record: Invented<'_>) -> Result<(), Halted> {
        let (name, value) = record.header;
        let headers = OwnedHeaders::new().insert(Header { key: name, value: Some(value) });
        let mut waiting = BaseRecord::<[u8], [u8]>::to(record.topic)
            .partition(record.partition)
            .timestamp(record.timestamp_ms)
            .payload(record.payload)
            .headers(headers);
        waiting.key = record.key;
        loop {
            match self.producer.send(waiting) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => waiting = back,
                Err((error, _)) => return Err(Halted(format!("could not send to topic `{}`: {error}", record.topic))),
            }
            std::thread::sleep(QUEUE_FULL_WAIT);
        }
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// [`Halted`] when it is not within half a minute, or when a record did not arrive.
    pub fn finish(&self) -> Result<(), Halted> {
        self.producer
            .flush(TIMEOUT)
            .map_err(|error| Halted(format!("the last invented records were not acknowledged: {error}")))?;
        match self.producer.context().failed.load(Ordering::Relaxed) {
            0 => Ok(()),
            failed => Err(Halted(format!("{failed} invented records did not arrive"))),
        }
    }
}

/// A record as it was read back.
#[derive(Debug, Clone, Copy)]
pub struct ReadBack<'a> {
    /// Partition, from 0.
    pub partition: i32,
    /// Value of the header that was asked for.
    pub header: Option<&'a str>,
    /// Payload.
    pub payload: Option<&'a [u8]>,
}

/// Shows every committed record of a topic to `visit`, in order within a partition, with its header of this name.
///
/// # Errors
/// [`Halted`] when the topic cannot be read.
pub fn read_back(
    options: &Options,
    topic: &str,
    header: &str,
    visit: &mut dyn FnMut(ReadBack<'_>),
) -> Result<(), Halted> {
    let reader = TopicReader::new(options, topic, &format!("{}-trial", options.group))?;
    let start = reader.partitions().map(|partition| (partition, Offset::Beginning)).collect();
    reader.read(&start, &mut |message| -> Result<(), Fault> {
        visit(ReadBack {
            partition: message.partition(),
            header: super::quarantine::header(message, header),
            payload: message.payload(),
        });
        Ok(())
    })?;
    Ok(())
}
