//! librdkafka, the client that the broker is for.

use crate::stand::{Stand, TIMEOUT, eventually};
use crate::wire::records::Isolation;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Headers, Message, Timestamp, ToBytes};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// A record as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) create_time_ms: Option<i64>,
    pub(crate) append_time_ms: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Found {
    fn of(message: &impl Message) -> Self {
        let (create_time_ms, append_time_ms) = match message.timestamp() {
            Timestamp::NotAvailable => (None, None),
            Timestamp::CreateTime(time_ms) => (Some(time_ms), None),
            Timestamp::LogAppendTime(time_ms) => (None, Some(time_ms)),
        };
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            offset: message.offset(),
            create_time_ms,
            append_time_ms,
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.payload.clone().unwrap_or_default()).unwrap()
    }
}

/// Everything that a new reader of a partition sees now, from its first record on.
pub(crate) fn read(stand: &Stand, topic: &str, partition: i32, isolation: Isolation) -> Vec<Found> {
    let level = match isolation {
        Isolation::Uncommitted => "read_uncommitted",
        Isolation::Committed => "read_committed",
    };
    let consumer: BaseConsumer = stand
        .client()
        .set("group.id", stand.name("reader"))
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .set("isolation.level", level)
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("check.crcs", "true")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&all).unwrap();
    let (mut found, start) = (Vec::new(), Instant::now());
    loop {
        assert!(start.elapsed() < TIMEOUT, "{} records and no end of {topic}", found.len());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => found.push(Found::of(&message)),
            Some(Err(KafkaError::PartitionEOF(_))) => return found,
            Some(Err(error)) => panic!("{error} in {topic}"),
            None => {}
        }
    }
}

/// The texts that a reader sees.
pub(crate) fn texts(stand: &Stand, topic: &str, isolation: Isolation) -> Vec<String> {
    read(stand, topic, 0, isolation).iter().map(Found::text).collect()
}

/// What became of each record, by the number it was sent under.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deliveries(Arc<Mutex<BTreeMap<usize, Delivery>>>);

/// 0, or why a record was not taken.
pub(crate) type Delivery = Result<u8, RDKafkaErrorCode>;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        let delivery = match result {
            Ok(_) => Ok(0),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        };
        assert_eq!(self.0.lock().unwrap().insert(*number, delivery), None, "a record is delivered once");
    }
}

/// A producer that remembers what became of its records.
pub(crate) struct Producer {
    pub(crate) native: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    sent: Mutex<usize>,
}

pub(crate) fn producer(stand: &Stand, settings: &[(&str, &str)]) -> Producer {
    let mut config = stand.client();
    // A refusal that is no passing one must come back at once.
    config.set("linger.ms", "0").set("message.timeout.ms", "60000");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let deliveries = Deliveries::default();
    let native: ThreadedProducer<Deliveries, NoCustomPartitioner> =
        config.create_with_context(deliveries.clone()).unwrap();
    Producer { native, deliveries, sent: Mutex::new(0) }
}

impl Producer {
    pub(crate) fn send<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(&self, record: BaseRecord<'_, K, P>) {
        let mut sent = self.sent.lock().unwrap();
        let BaseRecord { topic, partition, payload, key, timestamp, headers, .. } = record;
        let record =
            BaseRecord { topic, partition, payload, key, timestamp, headers, delivery_opaque: Box::new(*sent) };
        *sent += 1;
        self.native.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Waits until the fate of everything sent is known, and gives it in the order of sending.
    pub(crate) fn finish(&self) -> Vec<Delivery> {
        let sent = *self.sent.lock().unwrap();
        eventually("every record is delivered or refused", || {
            self.native.flush(Duration::from_millis(20)).is_ok() && self.deliveries.0.lock().unwrap().len() == sent
        });
        self.deliveries.0.lock().unwrap().values().copied().collect()
    }
}

/// Waits for the answer of an administrative client.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}
