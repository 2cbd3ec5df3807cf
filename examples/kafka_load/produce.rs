//! Fills topics.

use crate::broker::{Broker, flush, send};
use crate::events::event;
use crate::now_ms;
use crate::read_back::{LINE_SEPARATOR, replace};
use anyhow::{Context, Result};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use std::path::Path;
use std::time::{Duration, Instant};

impl Broker {
    pub(crate) fn fill(
        &self,
        topic: &str,
        records: u64,
        partitions: i32,
        bytes: usize,
        rate: Option<u64>,
    ) -> Result<()> {
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

    pub(crate) fn lines(&self, file: &Path, topic: &str, partitions: i32, restore_newlines: bool) -> Result<()> {
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
}
