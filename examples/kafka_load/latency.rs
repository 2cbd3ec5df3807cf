//! How old records are when a reader sees them.

use crate::broker::{Broker, assign_all, partition_count};
use crate::now_ms;
use anyhow::{Context, Result, ensure};
use rdkafka::consumer::Consumer;
use rdkafka::message::Message;
use std::time::{Duration, Instant};

impl Broker {
    /// Reads records as they are committed, and tells the age of all but the first `skipped` of them: the time since their
    /// timestamp, which `fill` sets as it sends them. The clock of both must be the same machine's.
    pub(crate) fn latency(&self, topic: &str, records: usize, skipped: usize) -> Result<()> {
        let consumer = self.consumer("kafka-load", &[])?;
        let partitions =
            partition_count(consumer.client(), topic)?.with_context(|| format!("there is no topic {topic}"))?;
        assign_all(&consumer, topic, partitions)?;
        let (mut ages_ms, deadline) = (Vec::with_capacity(records), Instant::now() + self.timeout);
        while ages_ms.len() < records {
            ensure!(Instant::now() < deadline, "{} of {records} records within {:?}", ages_ms.len(), self.timeout);
            let Some(message) = consumer.poll(Duration::from_millis(10)) else { continue };
            let sent_ms = message?.timestamp().to_millis().context("a record without a timestamp")?;
            ages_ms.push(now_ms() - sent_ms);
        }
        let counted = ages_ms.get_mut(skipped..).filter(|counted| !counted.is_empty());
        let counted = counted.context("everything was skipped")?;
        counted.sort_unstable();
        let quantile = |per_cent: usize| counted[(counted.len() - 1) * per_cent / 100];
        println!(
            "latency topic={topic} records={} p50_ms={} p90_ms={} p99_ms={} max_ms={}",
            counted.len(),
            quantile(50),
            quantile(90),
            quantile(99),
            quantile(100)
        );
        Ok(())
    }
}
