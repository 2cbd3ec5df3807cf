//! One worker's way from source to sink: read, veil, send, commit; and back to the last commit when that fails.

use super::metrics::{Counts, Metrics};
use super::{Fate, Fault, Progress, ReadLimit, Route, Routes, SealedEntry, Sink, Source};
use crate::keys::Keyring;
use crate::record::Record;
use crate::veil::{Batch, Outcome, Reason};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A transaction is committed at whatever of these comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitRule {
    /// Time since it began.
    pub interval: Duration,
    /// Bytes read in it.
    pub bytes: usize,
    /// Records read in it.
    pub records: usize,
}

impl Default for CommitRule {
    /// 150 ms is the floor of the added latency and costs no measurable throughput; 20 MB and 50,000 records bound what
    /// is repeated after a crash.
    fn default() -> Self {
        Self { interval: Duration::from_millis(150), bytes: 20_000_000, records: 50_000 }
    }
}

/// What a [`Lane::step`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to read.
    Idle,
    /// Records were read and sent.
    Sent,
    /// The open transaction was committed.
    Committed,
    /// The open transaction was aborted; its records will be read again.
    Aborted,
}

/// A source, a sink, and what happens between them. Each worker has its own.
pub struct Lane<S, K> {
    source: S,
    work: Work<K>,
    limit: ReadLimit,
}

/// The half of a lane that a read hands its records to.
struct Work<K> {
    sink: K,
    routes: Routes,
    keys: Arc<Keyring>,
    rule: CommitRule,
    metrics: Arc<Metrics>,
    batch: Batch,
    open: Option<Transaction>,
}

/// What the open transaction holds so far.
struct Transaction {
    since: Instant,
    bytes: usize,
    records: usize,
    progress: Progress,
    counts: BTreeMap<String, Counts>,
}

impl<S: Source, K: Sink> Lane<S, K> {
    /// A lane with no transaction open.
    pub fn new(
        source: S,
        sink: K,
        routes: Routes,
        keys: Arc<Keyring>,
        rule: CommitRule,
        limit: ReadLimit,
        metrics: Arc<Metrics>,
    ) -> Self {
        let work = Work { sink, routes, keys, rule, metrics, batch: Batch::default(), open: None };
        Self { source, work, limit }
    }

    /// The source, to tell it what it may read.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// Reads what is there, veils and sends it, and commits when it is time. Does not wait for records.
    ///
    /// # Errors
    /// [`Fault::Broken`], [`Fault::Halt`] and [`Fault::Stopped`]; the others are dealt with here.
    pub fn step(&mut self, now: Instant) -> Result<Step, Fault> {
        let stepped = self.read(now).and_then(|step| {
            if !self.work.is_due(now) {
                return Ok(step);
            }
            self.work.commit()?;
            Ok(Step::Committed)
        });
        self.recover(stepped)
    }

    /// Time until the open transaction is to be committed; `None` when none is open.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        let open = self.work.open.as_ref()?;
        Some(self.work.rule.interval.saturating_sub(now.duration_since(open.since)))
    }

    /// Commits the open transaction, if there is one: before a partition goes, and at the end.
    ///
    /// # Errors
    /// As [`Lane::step`].
    pub fn finish(&mut self) -> Result<(), Fault> {
        let committed = self.work.commit().map(|()| Step::Committed);
        self.recover(committed).map(|_| ())
    }

    /// Aborts the open transaction, if there is one: its partitions already belong to somebody else.
    ///
    /// # Errors
    /// As [`Lane::step`].
    pub fn discard(&mut self) -> Result<(), Fault> {
        self.work.abort()
    }

    fn read(&mut self, now: Instant) -> Result<Step, Fault> {
        let mut step = Step::Idle;
        let work = &mut self.work;
        self.source.read(self.limit, &mut |records| {
            step = Step::Sent;
            work.take(records, now)
        })?;
        Ok(step)
    }

    /// Goes back to the last commit when the open transaction can only be aborted.
    fn recover(&mut self, outcome: Result<Step, Fault>) -> Result<Step, Fault> {
        match outcome {
            Ok(step) => Ok(step),
            Err(Fault::Abort(cause)) => {
                tracing::warn!(cause, "transaction aborted; its records are read again");
                self.work.abort()?;
                let source = &mut self.source;
                persist(&mut self.work.sink, |_| source.rewind())?;
                Ok(Step::Aborted)
            }
            Err(Fault::Busy(cause)) => Err(Fault::Broken(cause)),
            Err(Fault::TooLarge { .. }) => Err(Fault::Broken("a sink refused a call that sends no record".to_owned())),
            Err(fault @ (Fault::Broken(_) | Fault::Halt(_) | Fault::Stopped)) => Err(fault),
        }
    }
}

impl<K: Sink> Work<K> {
    fn is_due(&self, now: Instant) -> bool {
        self.open.as_ref().is_some_and(|open| {
            now.duration_since(open.since) >= self.rule.interval
                || open.bytes >= self.rule.bytes
                || open.records >= self.rule.records
        })
    }

    /// Veils and sends records in their order, in the open transaction or a new one.
    fn take(&mut self, records: &[Record<'_>], now: Instant) -> Result<(), Fault> {
        if self.open.is_none() {
            persist(&mut self.sink, Sink::begin)?;
            self.open = Some(Transaction {
                since: now,
                bytes: 0,
                records: 0,
                progress: Progress::default(),
                counts: BTreeMap::new(),
            });
        }
        let same_topic = |a: &Record<'_>, b: &Record<'_>| a.position.topic == b.position.topic;
        records.chunk_by(same_topic).try_for_each(|records| self.take_topic(records))
    }

    /// Veils and sends records of one topic.
    fn take_topic(&mut self, records: &[Record<'_>]) -> Result<(), Fault> {
        let Self { sink, routes, keys, batch, open, .. } = self;
        let (Some(open), Some(first)) = (open, records.first()) else { return Ok(()) };
        let topic = first.position.topic;
        let Some(route) = routes.of(topic) else {
            return Err(Fault::Halt(format!("a record of topic `{topic}` arrived, which no route names")));
        };
        let counts = match open.counts.get_mut(topic) {
            Some(counts) => counts,
            None => open.counts.entry(topic.to_owned()).or_default(),
        };
        let bytes_before = counts.bytes_in;
        send_all(route, keys, records, batch, sink, counts)?;
        open.records += records.len();
        open.bytes += usize::try_from(counts.bytes_in - bytes_before).unwrap_or(usize::MAX);
        // The last record of each run moves its partition's progress.
        for run in records.chunk_by(|a, b| a.position.partition == b.position.partition) {
            run.last().into_iter().for_each(|last| open.progress.advance(last.position));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        let Some(open) = &self.open else { return Ok(()) };
        let started = Instant::now();
        persist(&mut self.sink, |sink| sink.commit(&open.progress))?;
        self.metrics.commit(started.elapsed(), &open.progress);
        for (topic, counts) in &open.counts {
            let rules = self.routes.of(topic).map_or(&[][..], |route| route.veil.rule_names());
            self.metrics.committed(topic, counts, rules);
        }
        self.open = None;
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Fault> {
        if self.open.take().is_some() {
            self.metrics.abort();
            persist(&mut self.sink, Sink::abort)?;
        }
        Ok(())
    }
}

/// Veils records of one topic and sends each the way its fate says, in the open transaction.
///
/// # Errors
/// Any [`Fault`] but [`Fault::Busy`] and [`Fault::TooLarge`]; some of the records were sent then, none is lost as long as
/// the transaction does not commit.
pub fn send_all<K: Sink>(
    route: &Route,
    keys: &Keyring,
    records: &[Record<'_>],
    batch: &mut Batch,
    sink: &mut K,
    counts: &mut Counts,
) -> Result<(), Fault> {
    route.veil.batch(keys, records, batch);
    counts.add(batch.tally());
    for (index, record) in records.iter().enumerate() {
        let outcome = batch.outcome(index, record);
        let mut fate = Fate::of(&outcome);
        if let Outcome::Clean(clean) = &outcome {
            match persist(sink, |sink| sink.send_clean(&route.target, route.veil.version(), clean)) {
                Ok(()) => {
                    counts.records_out += 1;
                    counts.bytes_out += clean.size() as u64;
                }
                Err(fault) => {
                    fate = fate.after(&fault);
                    let Fate::Quarantine(_) = fate else { return Err(fault) };
                }
            }
        }
        if let Fate::Quarantine(reason) = fate {
            quarantine(sink, keys, &route.quarantine, record, reason)?;
            counts.quarantine(reason);
        }
        counts.records_in += 1;
        counts.bytes_in += record.size() as u64;
    }
    Ok(())
}

/// Seals a record and sends it to the quarantine. What cannot be kept sealed must not be skipped: the process halts.
fn quarantine<K: Sink>(
    sink: &mut K,
    keys: &Keyring,
    topic: &str,
    record: &Record<'_>,
    reason: Reason,
) -> Result<(), Fault> {
    let position = record.position;
    let entry = SealedEntry::seal(keys, record, reason)
        .map_err(|error| Fault::Halt(format!("cannot seal record {position}: {error}")))?;
    persist(sink, |sink| sink.send_sealed(topic, &entry)).map_err(|fault| {
        match Fate::Quarantine(reason).after(&fault) {
            Fate::Halt => Fault::Halt(format!(
                "cannot quarantine record {position} ({reason}): {fault}\n  hint: raise `max.message.bytes` of topic \
             `{topic}` above that of the source topic; the record is sealed whole and a little larger"
            )),
            Fate::Clean | Fate::Quarantine(_) | Fate::Retry => fault,
        }
    })
}

/// Makes a call again for as long as the sink is busy.
///
/// # Errors
/// What the call returned last, never [`Fault::Busy`]; or that of [`Sink::pause`].
pub fn persist<K: Sink, T>(sink: &mut K, mut call: impl FnMut(&mut K) -> Result<T, Fault>) -> Result<T, Fault> {
    let mut attempt = 0;
    loop {
        match call(sink) {
            Err(Fault::Busy(cause)) => {
                if attempt == 0 {
                    tracing::debug!(cause, "waiting for the broker");
                }
                sink.pause(attempt)?;
                attempt = attempt.saturating_add(1);
            }
            other => return other,
        }
    }
}
