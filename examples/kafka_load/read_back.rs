//! Reads topics back and holds them against what was produced.

use crate::broker::{ANSWER_MAX, Broker, assign_all, partition_count};
use crate::fates::{Fates, header};
use crate::now_ms;
use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// What stands in the collected file for a line that was quarantined.
const QUARANTINED: &[u8] = b"logveil: quarantined";

/// A record may have newlines; a line of a file may not, so U+2028 stands for them there.
pub(crate) const LINE_SEPARATOR: &str = "\u{2028}";

impl Broker {
    pub(crate) fn consumer(&self, group: &str, more: &[(&str, &str)]) -> Result<BaseConsumer> {
        let mut settings = self.settings();
        settings.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        settings.set("auto.offset.reset", "earliest").set("isolation.level", "read_committed");
        settings.set("fetch.wait.max.ms", "50").set("queued.max.messages.kbytes", "65536");
        more.iter().for_each(|(name, value)| {
            settings.set(*name, *value);
        });
        Ok(settings.create()?)
    }

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
        let partitions =
            partition_count(consumer.client(), topic)?.with_context(|| format!("there is no topic {topic}"))?;
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
                ensure!(at_end.len() == partitions as usize, "{topic} was not read to its end in {:?}", self.timeout);
                break; // what is missing is the caller's to tell
            }
        }
        Ok(())
    }

    pub(crate) fn collect(
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

    pub(crate) fn verify(
        &self,
        topic: &str,
        quarantine: Option<&str>,
        partitions: i32,
        records: u64,
        isolation: &str,
    ) -> Result<()> {
        let fates = RefCell::new(Fates::new(partitions, records as usize));
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

    pub(crate) fn first(&self, topic: &str) -> Result<()> {
        let consumer = self.consumer("kafka-load", &[])?;
        let partitions =
            partition_count(consumer.client(), topic)?.with_context(|| format!("there is no topic {topic}"))?;
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

    pub(crate) fn wait_drained(&self, group: &str, topic: &str) -> Result<()> {
        let consumer = self.consumer(group, &[])?;
        let partitions =
            partition_count(consumer.client(), topic)?.with_context(|| format!("there is no topic {topic}"))?;
        let (started, mut first) = (Instant::now(), None);
        loop {
            // A broker may be away, or a partition without a leader, for a while.
            let (done, ends) = match progress(&consumer, topic, partitions) {
                Ok(progress) => progress,
                Err(error) if started.elapsed() > self.timeout => return Err(error),
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(100));
                    continue;
                }
            };
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

/// Offsets that the consumer's group has committed, and those where the topic ends, each added up over the partitions.
fn progress(consumer: &BaseConsumer, topic: &str, partitions: i32) -> Result<(i64, i64)> {
    let mut all = TopicPartitionList::new();
    all.add_partition_range(topic, 0, partitions - 1);
    let committed = consumer.committed_offsets(all, ANSWER_MAX)?;
    let (mut done, mut ends) = (0, 0);
    for partition in committed.elements() {
        partition.error()?;
        // Nothing committed yet is a negative number.
        done += partition.offset().to_raw().unwrap_or_default().max(0);
        ends += consumer.fetch_watermarks(topic, partition.partition(), ANSWER_MAX)?.1;
    }
    Ok((done, ends))
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

pub(crate) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr::memmem::find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
