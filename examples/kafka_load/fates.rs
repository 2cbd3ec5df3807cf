//! What became of the records.

use anyhow::{Context, Result, ensure};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::fmt;

/// How often each record was seen, and whether each partition's records kept their order.
pub(crate) struct Fates {
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
    pub(crate) fn new(partitions: i32, records: usize) -> Self {
        let count = partitions as usize;
        let seen = (0..count).map(|part| vec![0; (records + count - 1 - part) / count]).collect();
        let last = vec![None; count];
        let expected = records as u64;
        Self { seen, distinct: 0, expected, duplicated: 0, out_of_order: 0, moved: 0, unknown: 0, last }
    }

    pub(crate) fn clean(&mut self, partition: i32, part: i32, seq: u64) {
        self.moved += u64::from(partition != part);
        if !self.note(part, seq) {
            return;
        }
        let last = &mut self.last[part as usize];
        self.out_of_order += u64::from(last.is_some_and(|last| seq < last));
        *last = Some(seq);
    }

    /// Notes a quarantine entry. In a fresh topic, the offset is the record's number in its partition.
    pub(crate) fn quarantined(&mut self, message: &BorrowedMessage<'_>) -> Result<(i32, u64)> {
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

    pub(crate) fn missing(&self) -> u64 {
        self.expected - self.distinct
    }

    pub(crate) fn verdict(&self) -> Result<()> {
        let wrong = self.missing() + self.duplicated + self.out_of_order + self.moved + self.unknown;
        ensure!(wrong == 0, "not every record is there exactly once and in order");
        Ok(())
    }
}

impl fmt::Display for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { duplicated, out_of_order, moved, unknown, .. } = self;
        let missing = self.missing();
        write!(
            f,
            "missing={missing} duplicated={duplicated} out_of_order={out_of_order} moved={moved} unknown={unknown}"
        )
    }
}

pub(crate) fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}
