//! The quarantine topic, read back: what is in it, one entry of it, and another try at all of it.

use super::sink::KafkaSink;
use super::topic_reader::TopicReader;
use super::topics::Topics;
use super::{Halted, Job, Options};
use crate::keys::Keyring;
use crate::pipeline::metrics::Counts;
use crate::pipeline::{
    EntryError, Fault, HEADER_OFFSET, HEADER_PARTITION, HEADER_REASON, HEADER_TOPIC, OwnedRecord, Progress, Sink, open,
    persist, send_all,
};
use crate::record::{Position, Record};
use crate::veil::{Batch, Reason};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::Offset;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Entries of one transaction of a replay: few enough that a transaction never lasts long.
const REPLAY_ENTRIES_MAX: usize = 500;
const REPLAY_BYTES_MAX: usize = 4 << 20;

/// Where a record stands, written `topic/partition@offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Topic.
    pub topic: String,
    /// Partition, from 0.
    pub partition: i32,
    /// Offset in the partition, from 0.
    pub offset: i64,
}

/// A sealed record in the quarantine topic.
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// Where the record stood when it was read.
    pub source: Place,
    /// Why it was quarantined.
    pub reason: Reason,
    sealed: Vec<u8>,
}

/// What a replay did. Only committed work is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Entries that are clean records in their targets now.
    pub clean: u64,
    /// Entries that failed again and are back in quarantine, by reason.
    pub returned: BTreeMap<Reason, u64>,
}

impl Place {
    fn position(&self) -> Position<'_> {
        Position { topic: &self.topic, partition: self.partition, offset: self.offset }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.position().fmt(f)
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "write topic/partition@offset, as `logveil quarantine list` shows it";
        let (topic, rest) = text.rsplit_once('/').ok_or(WANTED)?;
        let (partition, offset) = rest.split_once('@').ok_or(WANTED)?;
        let (partition, offset) = (partition.parse().map_err(|_| WANTED)?, offset.parse().map_err(|_| WANTED)?);
        if topic.is_empty() || partition < 0 || offset < 0 {
            return Err(WANTED);
        }
        Ok(Self { topic: topic.to_owned(), partition, offset })
    }
}

impl Entry {
    /// Bytes under seal, and of the seal.
    pub fn size(&self) -> usize {
        self.sealed.len()
    }

    /// Takes the record out of its seal. It is raw: whoever calls this decides who sees it.
    ///
    /// # Errors
    /// [`EntryError`] when it was sealed under another key, was changed, or belongs to another position.
    pub fn open(&self, keys: &Keyring) -> Result<OwnedRecord, EntryError> {
        open(keys, self.source.position(), self.reason, &self.sealed)
    }

    /// Calls `read` with the record that [`Entry::open`] took out.
    ///
    /// # Errors
    /// [`EntryError::Malformed`]; never for this entry's own record.
    pub fn read<T>(&self, opened: &OwnedRecord, read: impl FnOnce(&Record<'_>) -> T) -> Result<T, EntryError> {
        opened.with(self.source.position(), read)
    }

    /// Reads a message of a quarantine topic.
    fn of(message: &BorrowedMessage<'_>) -> Result<Self, Fault> {
        let place =
            Place { topic: message.topic().to_owned(), partition: message.partition(), offset: message.offset() };
        let foreign = || {
            let hint = "only logveil may write to a quarantine topic; remove it with kafka-delete-records.sh";
            Fault::Halt(format!("{place} is no quarantine entry: its headers are not those of one\n  hint: {hint}"))
        };
        let source = Place {
            topic: header(message, HEADER_TOPIC).ok_or_else(foreign)?.to_owned(),
            partition: header(message, HEADER_PARTITION).and_then(|text| text.parse().ok()).ok_or_else(foreign)?,
            offset: header(message, HEADER_OFFSET).and_then(|text| text.parse().ok()).ok_or_else(foreign)?,
        };
        let code = header(message, HEADER_REASON).ok_or_else(foreign)?;
        let reason = Reason::ALL.into_iter().find(|reason| reason.code() == code).ok_or_else(foreign)?;
        Ok(Self { source, reason, sealed: message.payload().ok_or_else(foreign)?.to_vec(), place })
    }
}

pub(super) fn header<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let (_, value) = (0..).map_while(|index| super::native::header(message, index)).find(|(known, _)| known == name)?;
    std::str::from_utf8(value?).ok()
}

/// A reader whose group is nobody's but the replay's, whose progress it holds.
fn reader(options: &Options, topic: &str) -> Result<TopicReader, Fault> {
    TopicReader::new(options, topic, &format!("{}-replay-{topic}", options.group))
}

/// Shows every entry of a quarantine topic to `visit`, with whether a replay has done it already.
///
/// # Errors
/// [`Halted`] when the topic cannot be read or holds something else than entries.
pub fn list(options: &Options, topic: &str, visit: &mut dyn FnMut(&Entry, Replay)) -> Result<(), Halted> {
    let reader = reader(options, topic)?;
    let done = reader.committed()?;
    let start = reader.partitions().map(|partition| (partition, Offset::Beginning)).collect();
    reader.read(&start, &mut |message| {
        let entry = Entry::of(message)?;
        let replayed = done.get(&entry.place.partition).is_some_and(|next| entry.place.offset < *next);
        visit(&entry, if replayed { Replay::Done } else { Replay::Open });
        Ok(())
    })?;
    Ok(())
}

/// Whether a replay has dealt with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It waits in quarantine.
    Open,
    /// It is in its target, or again in quarantine, as a later entry.
    Done,
}

/// The entry at `place`.
///
/// # Errors
/// [`Halted`] when there is none.
pub fn fetch(options: &Options, place: &Place) -> Result<Entry, Halted> {
    let reader = reader(options, &place.topic)?;
    let mut found = None;
    let start = BTreeMap::from([(place.partition, Offset::Offset(place.offset))]);
    // Reading ends at the first entry: the one asked for, or a later one when there is none.
    let ended = reader.read(&start, &mut |message| {
        found = Some(Entry::of(message)?);
        Err(Fault::Stopped)
    });
    match (found, ended) {
        (Some(entry), _) if entry.place == *place => Ok(entry),
        (None, Err(fault)) => Err(fault.into()),
        (_, _) => Err(Halted(format!("there is no entry at {place}"))),
    }
}

/// Tries every entry of a quarantine topic again, with today's rules and keys: what is clean now goes to the target of
/// its route, what fails again goes back to quarantine as a new entry.
///
/// Each entry is tried once, however often this is called: results and progress commit in one transaction, under a group
/// and a transactional id of their own. Entries that come in meanwhile are left for the next call.
///
/// # Errors
/// [`Halted`] when an entry cannot be opened or has no route, or a broker fails. What was not committed is tried again
/// by the next call.
pub fn replay(options: &Options, job: &Job, topic: &str) -> Result<Replayed, Halted> {
    let topics = Arc::new(Topics::inspect(options, &job.routes)?);
    let reader = reader(options, topic)?;
    // Before the progress is read: from here on no earlier replay can commit any more.
    let id = format!("logveil-{}-replay-{topic}", options.group);
    let sink = KafkaSink::connect(options, job, topics, reader.consumer(), &id, 0)?;
    let done = reader.committed()?;
    let start = reader.partitions().map(|partition| {
        let next = done.get(&partition).map_or(Offset::Beginning, |next| Offset::Offset(*next));
        (partition, next)
    });
    let start = start.collect();
    let mut replayer = Replayer { job, sink, entries: Vec::new(), bytes: 0, replayed: Replayed::default() };
    reader.read(&start, &mut |message| replayer.take(Entry::of(message)?))?;
    replayer.flush()?;
    Ok(replayer.replayed)
}

/// Entries on their way back.
struct Replayer<'a> {
    job: &'a Job,
    sink: KafkaSink,
    entries: Vec<Entry>,
    bytes: usize,
    replayed: Replayed,
}

impl Replayer<'_> {
    fn take(&mut self, entry: Entry) -> Result<(), Fault> {
        self.bytes += entry.size();
        self.entries.push(entry);
        if self.entries.len() >= REPLAY_ENTRIES_MAX || self.bytes >= REPLAY_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends and commits what was taken.
    fn flush(&mut self) -> Result<(), Fault> {
        if self.entries.is_empty() {
            return Ok(());
        }
        persist(&mut self.sink, Sink::begin)?;
        let (mut counts, mut progress, mut batch) = (Counts::default(), Progress::default(), Batch::default());
        for entry in &self.entries {
            if let Err(fault) = send_entry(self.job, &mut self.sink, entry, &mut batch, &mut counts) {
                // Best effort, so that readers need not wait for the transaction's timeout.
                persist(&mut self.sink, Sink::abort).ok();
                return Err(fault);
            }
            progress.advance(entry.place.position());
        }
        persist(&mut self.sink, |sink| sink.commit(&progress))?;
        self.replayed.clean += counts.records_out;
        for (reason, count) in Reason::ALL.into_iter().zip(counts.quarantined).filter(|(_, count)| *count > 0) {
            *self.replayed.returned.entry(reason).or_default() += count;
        }
        self.entries.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn send_entry(
    job: &Job,
    sink: &mut KafkaSink,
    entry: &Entry,
    batch: &mut Batch,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let Some(route) = job.routes.of(&entry.source.topic) else {
        let hint = "add the route again, at least until the replay is done";
        return Err(Fault::Halt(format!("{}: no route reads {}\n  hint: {hint}", entry.place, entry.source.topic)));
    };
    let cannot = |error: EntryError| Fault::Halt(format!("{}: {error}", entry.place));
    let opened = entry.open(&job.keys).map_err(cannot)?;
    let sent = entry.read(&opened, |record| send_all(route, &job.keys, &[*record], batch, sink, counts));
    sent.map_err(cannot)?
}

impl From<Fault> for Halted {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        let place = Place { topic: "quarantine/logs".to_owned(), partition: 3, offset: 17 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "a", "a/1", "a/1@", "/1@2", "a/-1@2", "a/1@-2", "a/1@2@3", "a/x@2"] {
            assert!(Place::from_str(wrong).is_err(), "{wrong}");
        }
    }
}
