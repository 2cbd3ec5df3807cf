//! A load tool for the stories in `dev/stories`: fills topics, reads them back, and counts what is lost, duplicated or
//! out of order. Not part of the product. Every verb ends with one line of `name=value` figures, and exits non-zero when
//! what it checks does not hold.
#![expect(clippy::print_stdout, reason = "the figures are what this tool is for")]

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Longest that a single question to the broker may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
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
/// What stands in the collected file for a line that was quarantined.
const QUARANTINED: &[u8] = b"logveil: quarantined";
/// A record may have newlines; a line of a file may not, so U+2028 stands for them there.
const LINE_SEPARATOR: &str = "\u{2028}";

#[derive(Parser)]
struct Arguments {
    /// Address of a broker.
    #[arg(long, global = true, default_value = "127.0.0.1:19092")]
    bootstrap: String,
    /// Longest wait for what a verb waits for, in seconds.
    #[arg(long, global = true, default_value_t = 120)]
    timeout: u64,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Creates a topic and waits until it can be used; with --fresh, one of that name is deleted before.
    Topic {
        name: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        fresh: bool,
    },
    /// Deletes a topic.
    Delete { name: String },
    /// Produces invented API events. Record `seq` of partition `part` is always the same.
    Fill {
        topic: String,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        /// Payload size; events are never shorter than about 450 bytes.
        #[arg(long, default_value_t = 1024)]
        bytes: usize,
        /// Records per second; without it, as fast as the broker takes them.
        #[arg(long)]
        rate: Option<u64>,
    },
    /// Produces the lines of a file: line i goes to partition i % partitions, with its number as header `line`.
    Lines {
        file: PathBuf,
        topic: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        /// Makes a newline of every U+2028 in a line.
        #[arg(long)]
        restore_newlines: bool,
    },
    /// Reads what became of `lines` (from a fresh topic) and writes it in the order of the lines.
    Collect {
        topic: String,
        quarantine: String,
        out: PathBuf,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        lines: usize,
        /// Also writes keys, headers and payloads of both topics as they are, one after the other.
        #[arg(long)]
        bytes: Option<PathBuf>,
    },
    /// Looks for every record of `fill` (into a fresh topic) in its target and, if named, in the quarantine.
    Verify {
        topic: String,
        quarantine: Option<String>,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value = "read_committed")]
        isolation: String,
    },
    /// Copies records in transactions, as logveil would without looking at them: the ceiling that it is measured by.
    Passthrough {
        from: String,
        to: String,
        #[arg(long, default_value_t = 6)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        #[arg(long, default_value_t = 150)]
        commit_ms: u64,
        #[arg(long, default_value_t = 2)]
        workers: usize,
        #[arg(long, default_value = "passthrough")]
        group: String,
    },
    /// Waits until the offsets that a group committed reach the end of a topic, and measures how fast they got there.
    WaitDrained { group: String, topic: String },
    /// Waits for the first committed record of a topic, and tells when it could be read.
    First { topic: String },
}

fn main() -> Result<()> {
    let Arguments { bootstrap, timeout, verb } = Arguments::parse();
    let broker = Broker { bootstrap, timeout: Duration::from_secs(timeout) };
    match verb {
        Verb::Topic { name, partitions, fresh } => broker.topic(&name, partitions, fresh),
        Verb::Delete { name } => broker.delete(&name),
        Verb::Fill { topic, records, partitions, bytes, rate } => broker.fill(&topic, records, partitions, bytes, rate),
        Verb::Lines { file, topic, partitions, restore_newlines } => {
            broker.lines(&file, &topic, partitions, restore_newlines)
        }
        Verb::Collect { topic, quarantine, out, partitions, lines, bytes } => {
            broker.collect(&topic, &quarantine, &out, partitions, lines, bytes.as_deref())
        }
        Verb::Verify { topic, quarantine, partitions, records, isolation } => {
            broker.verify(&topic, quarantine.as_deref(), partitions, records, &isolation)
        }
        Verb::Passthrough { from, to, partitions, records, commit_ms, workers, group } => {
            let job = Passthrough { from, to, partitions, records, commit_ms, group };
            job.run(&broker, workers)
        }
        Verb::WaitDrained { group, topic } => broker.wait_drained(&group, &topic),
        Verb::First { topic } => broker.first(&topic),
    }
}

/// Where the broker is, and how long to wait for things to happen there.
struct Broker {
    bootstrap: String,
    timeout: Duration,
}

impl Broker {
    fn settings(&self) -> ClientConfig {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.bootstrap);
        settings
    }

    fn producer(&self, more: &[(&str, &str)]) -> Result<ThreadedProducer<DefaultProducerContext>> {
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

    fn consumer(&self, group: &str, more: &[(&str, &str)]) -> Result<BaseConsumer> {
        let mut settings = self.settings();
        settings.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        settings.set("auto.offset.reset", "earliest").set("isolation.level", "read_committed");
        settings.set("fetch.wait.max.ms", "50").set("queued.max.messages.kbytes", "65536");
        more.iter().for_each(|(name, value)| {
            settings.set(*name, *value);
        });
        Ok(settings.create()?)
    }

    // ------------------------------------------------------------ topics

    fn topic(&self, name: &str, partitions: i32, fresh: bool) -> Result<()> {
        if fresh {
            self.delete_and_wait(name)?;
        }
        let admin: AdminClient<DefaultClientContext> = self.settings().create()?;
        let deadline = Instant::now() + self.timeout;
        loop {
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
            let created = wait_for(admin.create_topics(&[topic], &AdminOptions::new()))??;
            match created.first() {
                Some(Ok(_)) => break,
                // A deleted topic's name is not free at once.
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) if fresh && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                other => bail!("could not create {name}: {other:?}"),
            }
        }
        let consumer = self.consumer("kafka-load", &[])?;
        self.wait_until(|| Ok(partition_count(&consumer, name)? == Some(partitions)))?;
        println!("created topic={name} partitions={partitions}");
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.delete_and_wait(name)?;
        println!("deleted topic={name}");
        Ok(())
    }

    fn delete_and_wait(&self, name: &str) -> Result<()> {
        let consumer = self.consumer("kafka-load", &[])?;
        if partition_count(&consumer, name)?.is_none() {
            return Ok(());
        }
        let admin: AdminClient<DefaultClientContext> = self.settings().create()?;
        for deleted in wait_for(admin.delete_topics(&[name], &AdminOptions::new()))?? {
            deleted.map_err(|(name, code)| anyhow::anyhow!("could not delete {name}: {code}"))?;
        }
        self.wait_until(|| Ok(partition_count(&consumer, name)?.is_none()))
    }

    fn wait_until(&self, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        while !done()? {
            ensure!(Instant::now() < deadline, "nothing came of it within {:?}", self.timeout);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    // ------------------------------------------------------------ producing

    fn fill(&self, topic: &str, records: u64, partitions: i32, bytes: usize, rate: Option<u64>) -> Result<()> {
        let producer = self.producer(&[])?;
        let (start, mut payload, mut sent_bytes) = (Instant::now(), Vec::new(), 0);
        for index in 0..records {
            let (part, seq) = ((index % partitions as u64) as i32, index / partitions as u64);
            let user = event(part, seq, bytes, &mut payload);
            let trace = format!("{part}-{seq}");
            let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&trace) });
            let record = BaseRecord::to(topic).partition(part).key(&user).payload(&payload);
            send(&producer, record.headers(headers).timestamp(now_ms()))?;
            sent_bytes += payload.len();
            if let Some(rate) = rate {
                let due = start + Duration::from_secs_f64(index as f64 / rate as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        flush(&producer, Duration::from_secs(300))?;
        println!(
            "filled topic={topic} records={records} bytes={sent_bytes} seconds={:.2}",
            start.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn lines(&self, file: &Path, topic: &str, partitions: i32, restore_newlines: bool) -> Result<()> {
        let contents = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let contents = contents.strip_suffix(b"\n").unwrap_or(&contents);
        let producer = self.producer(&[])?;
        let mut lines = 0;
        for (index, line) in contents.split(|byte| *byte == b'\n').enumerate() {
            let payload =
                if restore_newlines { replace(line, LINE_SEPARATOR.as_bytes(), b"\n") } else { line.to_vec() };
            let number = index.to_string();
            let headers = OwnedHeaders::new().insert(Header { key: "line", value: Some(&number) });
            let record = BaseRecord::<[u8], [u8]>::to(topic).partition((index % partitions as usize) as i32);
            send(&producer, record.payload(&payload).headers(headers).timestamp(now_ms()))?;
            lines += 1;
        }
        flush(&producer, Duration::from_secs(300))?;
        println!("produced topic={topic} lines={lines}");
        Ok(())
    }

    // ------------------------------------------------------------ reading back

    /// Reads a topic from its start, until every partition is at its end and `enough` says so.
    fn read(
        &self,
        topic: &str,
        isolation: &str,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
        mut enough: impl FnMut() -> bool,
    ) -> Result<()> {
        let consumer =
            self.consumer("kafka-load", &[("isolation.level", isolation), ("enable.partition.eof", "true")])?;
        let partitions = partition_count(&consumer, topic)?.with_context(|| format!("there is no topic {topic}"))?;
        assign_all(&consumer, topic, partitions)?;
        let (mut at_end, deadline) = (BTreeSet::new(), Instant::now() + self.timeout);
        while at_end.len() < partitions as usize || !enough() {
            match consumer.poll(Duration::from_millis(50)) {
                Some(Ok(message)) => {
                    at_end.remove(&message.partition());
                    take(&message)?;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    at_end.insert(partition);
                }
                Some(Err(error)) => eprint_error(&error),
                None => {}
            }
            if Instant::now() > deadline {
                eprint_error(&format!("gave up reading {topic} after {:?}", self.timeout));
                break;
            }
        }
        Ok(())
    }

    fn collect(
        &self,
        topic: &str,
        quarantine: &str,
        out: &Path,
        partitions: i32,
        lines: usize,
        bytes: Option<&Path>,
    ) -> Result<()> {
        let mut fates = Fates::new(partitions, lines);
        let mut texts = vec![Vec::new(); lines];
        let mut dump = bytes.map(File::create).transpose()?;
        let mut clean = 0;
        self.read(
            topic,
            "read_committed",
            |message| {
                let line = header(message, "line").context("a clean record lost its header `line`")?;
                let line: u64 = line.parse().context("header `line` is no number any more")?;
                fates.clean(message.partition(), (line % partitions as u64) as i32, line / partitions as u64);
                clean += 1;
                if let Some(text) = texts.get_mut(line as usize) {
                    *text = replace(message.payload().unwrap_or_default(), b"\n", LINE_SEPARATOR.as_bytes());
                }
                write_bytes(dump.as_mut(), message)
            },
            || true,
        )?;
        let mut reasons = BTreeMap::<String, u64>::new();
        self.read(
            quarantine,
            "read_committed",
            |message| {
                let (part, offset) = fates.quarantined(message)?;
                *reasons.entry(header(message, "logveil-reason").unwrap_or_default()).or_default() += 1;
                if let Some(text) = texts.get_mut(offset as usize * partitions as usize + part as usize) {
                    *text = QUARANTINED.to_vec();
                }
                write_bytes(dump.as_mut(), message)
            },
            || true,
        )?;
        let mut file = File::create(out).with_context(|| format!("could not write {}", out.display()))?;
        texts.push(Vec::new()); // a newline after the last line
        file.write_all(&texts.join(&b'\n'))?;
        let quarantined: u64 = reasons.values().sum();
        reasons.iter().for_each(|(reason, count)| println!("quarantined reason={reason} count={count}"));
        println!("collected lines={lines} clean={clean} quarantined={quarantined} {fates}");
        fates.verdict()
    }

    fn verify(
        &self,
        topic: &str,
        quarantine: Option<&str>,
        partitions: i32,
        records: u64,
        isolation: &str,
    ) -> Result<()> {
        let fates = std::cell::RefCell::new(Fates::new(partitions, records as usize));
        let (mut clean, mut quarantined) = (0, 0);
        // The quarantine first: only then is it known how many records the target must have.
        if let Some(quarantine) = quarantine {
            let take = |message: &BorrowedMessage<'_>| {
                quarantined += 1;
                fates.borrow_mut().quarantined(message).map(|_| ())
            };
            self.read(quarantine, isolation, take, || true)?;
        }
        let take = |message: &BorrowedMessage<'_>| {
            let event: serde_json::Value = serde_json::from_slice(message.payload().unwrap_or_default())?;
            let number = |name: &str| event[name].as_u64().with_context(|| format!("an event lost its `{name}`"));
            fates.borrow_mut().clean(message.partition(), number("part")? as i32, number("seq")?);
            clean += 1;
            Ok(())
        };
        self.read(topic, isolation, take, || fates.borrow().missing() == 0)?;
        let fates = fates.into_inner();
        println!("verified isolation={isolation} records={records} clean={clean} quarantined={quarantined} {fates}");
        fates.verdict()
    }

    fn first(&self, topic: &str) -> Result<()> {
        let consumer = self.consumer("kafka-load", &[])?;
        let partitions = partition_count(&consumer, topic)?.with_context(|| format!("there is no topic {topic}"))?;
        assign_all(&consumer, topic, partitions)?;
        let deadline = Instant::now() + self.timeout;
        while Instant::now() < deadline {
            if let Some(Ok(_)) = consumer.poll(Duration::from_millis(10)) {
                println!("first topic={topic} unix_ms={}", now_ms());
                return Ok(());
            }
        }
        bail!("no committed record in {topic} within {:?}", self.timeout)
    }

    fn wait_drained(&self, group: &str, topic: &str) -> Result<()> {
        let consumer = self.consumer(group, &[])?;
        let partitions = partition_count(&consumer, topic)?.with_context(|| format!("there is no topic {topic}"))?;
        let mut all = TopicPartitionList::new();
        all.add_partition_range(topic, 0, partitions - 1);
        let (started, mut first) = (Instant::now(), None);
        loop {
            let mut ends = 0;
            for partition in 0..partitions {
                ends += consumer.fetch_watermarks(topic, partition, ANSWER_MAX)?.1;
            }
            let committed = consumer.committed_offsets(all.clone(), ANSWER_MAX)?;
            let done: i64 = committed
                .elements()
                .iter()
                .filter_map(|partition| partition.offset().to_raw())
                .map(|raw| raw.max(0))
                .sum();
            let now = Instant::now();
            if done >= ends {
                let (since, before) = first.unwrap_or((started, 0));
                let (records, seconds) = (done - before, (now - since).as_secs_f64());
                let rate = records as f64 / seconds;
                println!("drained group={group} records={done} seconds={seconds:.2} records_per_s={rate:.0}");
                return Ok(());
            }
            if done > 0 && first.is_none() {
                first = Some((now, done)); // so that start-up is not part of the rate
            }
            ensure!(started.elapsed() < self.timeout, "group {group} is at {done} of {ends} after {:?}", self.timeout);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

// ---------------------------------------------------------------- what became of the records

/// How often each record was seen, and whether each partition's records kept their order.
struct Fates {
    seen: Vec<Vec<u8>>,
    distinct: u64,
    expected: u64,
    duplicated: u64,
    out_of_order: u64,
    /// Records in another partition than they came from.
    moved: u64,
    /// Records that were never sent.
    unknown: u64,
    /// By partition: the clean record after which the next one must come.
    last: Vec<Option<u64>>,
}

impl Fates {
    fn new(partitions: i32, records: usize) -> Self {
        let count = partitions as usize;
        let seen = (0..count).map(|part| vec![0; (records + count - 1 - part) / count]).collect();
        let last = vec![None; count];
        let expected = records as u64;
        Self { seen, distinct: 0, expected, duplicated: 0, out_of_order: 0, moved: 0, unknown: 0, last }
    }

    fn clean(&mut self, partition: i32, part: i32, seq: u64) {
        self.moved += u64::from(partition != part);
        if !self.note(part, seq) {
            return;
        }
        let last = &mut self.last[part as usize];
        self.out_of_order += u64::from(last.is_some_and(|last| seq < last));
        *last = Some(seq);
    }

    /// Notes a quarantine entry. In a fresh topic, the offset is the record's number in its partition.
    fn quarantined(&mut self, message: &BorrowedMessage<'_>) -> Result<(i32, u64)> {
        let number = |name| header(message, name).with_context(|| format!("a quarantine entry has no header `{name}`"));
        let (part, offset) = (number("logveil-partition")?.parse()?, number("logveil-offset")?.parse()?);
        self.note(part, offset);
        Ok((part, offset))
    }

    fn note(&mut self, part: i32, seq: u64) -> bool {
        let seen = self.seen.get_mut(part as usize).and_then(|seen| seen.get_mut(seq as usize));
        let Some(seen) = seen else {
            self.unknown += 1;
            return false;
        };
        if *seen == 0 {
            self.distinct += 1;
        } else {
            self.duplicated += 1;
        }
        *seen = 1;
        true
    }

    fn missing(&self) -> u64 {
        self.expected - self.distinct
    }

    fn verdict(&self) -> Result<()> {
        let wrong = self.missing() + self.duplicated + self.out_of_order + self.moved + self.unknown;
        ensure!(wrong == 0, "not every record is there exactly once and in order");
        Ok(())
    }
}

impl std::fmt::Display for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { duplicated, out_of_order, moved, unknown, .. } = self;
        let missing = self.missing();
        write!(
            f,
            "missing={missing} duplicated={duplicated} out_of_order={out_of_order} moved={moved} unknown={unknown}"
        )
    }
}

// ---------------------------------------------------------------- passthrough

/// Consume, produce, commit: what exactly once costs before any work is done.
///
/// The client is set up as logveil's own. Partitions are assigned by hand, so there is no time spent on joining
/// a group; the offsets still belong to one and commit in the transaction.
struct Passthrough {
    from: String,
    to: String,
    partitions: i32,
    records: u64,
    commit_ms: u64,
    group: String,
}

/// A partition and its own queue of fetched records.
type Queue = (i32, PartitionQueue<DefaultConsumerContext>);

impl Passthrough {
    fn run(&self, broker: &Broker, workers: usize) -> Result<()> {
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
    started: std::sync::OnceLock<Instant>,
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

// ---------------------------------------------------------------- the client

fn wait_for<F: Future>(question: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(question))
}

/// Number of partitions that have a leader; `None` when there is no such topic.
fn partition_count(consumer: &BaseConsumer, name: &str) -> Result<Option<i32>> {
    // All topics are asked for, because asking for one can create it.
    let metadata = consumer.fetch_metadata(None, ANSWER_MAX)?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    Ok(topic.map(|topic| topic.partitions().iter().filter(|partition| partition.leader() >= 0).count() as i32))
}

fn assign_all(consumer: &BaseConsumer, topic: &str, partitions: i32) -> Result<()> {
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    Ok(consumer.assign(&all)?)
}

/// Hands a record to the client; waits while its queue is full.
fn send<K, P>(producer: &ThreadedProducer<DefaultProducerContext>, mut record: BaseRecord<'_, K, P>) -> Result<()>
where
    K: rdkafka::message::ToBytes + ?Sized,
    P: rdkafka::message::ToBytes + ?Sized,
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
fn flush(producer: &ThreadedProducer<DefaultProducerContext>, patience: Duration) -> Result<()> {
    let patience_ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the pointer is the client of `producer`, which is borrowed for the whole call; its own thread serves its
    // events meanwhile.
    let code = unsafe { rdkafka::bindings::rd_kafka_flush(producer.client().native_ptr(), patience_ms) };
    let code = RDKafkaErrorCode::from(code);
    ensure!(code == RDKafkaErrorCode::NoError, "could not flush: {code}");
    Ok(())
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

fn write_bytes(dump: Option<&mut File>, message: &BorrowedMessage<'_>) -> Result<()> {
    let Some(dump) = dump else { return Ok(()) };
    for header in message.headers().iter().flat_map(|headers| headers.iter()) {
        dump.write_all(&[header.key.as_bytes(), b"=", header.value.unwrap_or_default(), b"\n"].concat())?;
    }
    dump.write_all(&[message.key().unwrap_or_default(), b"\n", message.payload().unwrap_or_default(), b"\n"].concat())?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "standard output is for figures")]
fn eprint_error(error: &dyn std::fmt::Display) {
    eprintln!("kafka_load: {error}");
}

// ---------------------------------------------------------------- invented events

/// Writes the event `seq` of partition `part` into `payload` and returns its user's name.
///
/// Addresses are of the documentation ranges (RFC 3849, RFC 5737). Every event has a user of its own and one of 65,536
/// IPv6 addresses or 762 IPv4 ones.
fn event(part: i32, seq: u64, bytes: usize, payload: &mut Vec<u8>) -> String {
    let random = scramble(seq << 8 | part as u64);
    let host = 1 + random % 254;
    let ip = match random >> 8 & 3 {
        0 => format!("192.0.2.{host}"),
        1 => format!("198.51.100.{host}"),
        2 => format!("203.0.113.{host}"),
        _ => format!("2001:db8::{:x}", 1 + (random >> 16) % 65_536),
    };
    let user = format!("{}{}", name(random >> 20), name(scramble(random)));
    let (order, status, took) =
        (random >> 40 & 0xffff, [200, 201, 404, 503][(random >> 10 & 3) as usize], random >> 50 & 0xff);
    let event = format!(
        "{{\"part\":{part},\"seq\":{seq},\"service\":\"orders\",\"client_ip\":\"{ip}\",\
         \"user\":{{\"name\":\"{user}\",\"email\":\"{user}@example.com\"}},\"method\":\"GET\",\
         \"path\":\"/users/{user}/orders/{order}\",\"status\":{status},\"duration_ms\":{took},\
         \"headers\":{{\"x-forwarded-for\":\"{ip}\",\"accept\":\"application/json\",\
         \"user-agent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
         Safari/537.36\"}},\"note\":\""
    );
    payload.clear();
    payload.extend_from_slice(event.as_bytes());
    let words = b"upstream answered after one retry, cache was cold, ".iter().cycle();
    payload.extend(words.take(bytes.saturating_sub(payload.len() + 2)));
    payload.extend_from_slice(b"\"}");
    user
}

/// Five syllables, 20 bits: a name that is no word.
fn name(mut random: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "ve"];
    let mut name = String::new();
    for _ in 0..5 {
        name.push_str(SYLLABLES[(random & 15) as usize]);
        random >>= 4;
    }
    name
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014): neighbours become unlike.
fn scramble(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// User and system time of this process. Linux counts it in hundredths of a second (`proc(5)`, fields 14 and 15).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
