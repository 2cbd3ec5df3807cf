//! One sweep: survey, delete, read back, receipt.

use super::survey::low_watermark;
use super::{Confirmation, LogError, RawLog, Receipt, ReceiptFile, Surveyed, survey};
use crate::pipeline::Stop;
use crate::pipeline::metrics::SweepOutcome;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// What is swept, in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Consumer group whose commits count.
    pub group: String,
    /// Name of this process within the group.
    pub instance: String,
    /// How long raw records stay, by source topic. Other topics are left alone.
    pub windows: BTreeMap<String, Duration>,
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Report {
    /// The topics that it came to, in order.
    pub topics: Vec<TopicReport>,
    /// What ended it before it was through.
    pub ended: Option<SweepError>,
}

/// What a sweep did to a topic.
#[derive(Debug)]
pub struct TopicReport {
    /// The topic.
    pub topic: String,
    /// How its partitions stood before.
    pub surveyed: Vec<Surveyed>,
    /// What was deleted.
    pub receipts: Vec<Receipt>,
    /// What could not be done.
    pub errors: Vec<SweepError>,
}

/// Why a sweep left something undone.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The log gave no answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A deletion was asked for, and is not confirmed.
    #[error(
        "{topic}/{partition} up to offset {bound}: the deletion is {}\n  hint: the next sweep tries again",
        outcome.code()
    )]
    Unconfirmed {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What was asked for.
        bound: i64,
        /// What was found.
        outcome: Confirmation,
    },
    /// A receipt could not be written.
    #[error("could not write to {}: {source}\n  hint: nothing is deleted until receipts can be written", path.display())]
    Receipts {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Told to stop.
    #[error("told to stop")]
    Stopped,
}

impl SweepError {
    /// Whether the cluster answered, and said no.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Log(LogError::Refused(_)))
    }
}

impl Report {
    /// A sweep that did not begin.
    pub(super) fn ended_by(error: LogError) -> Self {
        Self { topics: Vec::new(), ended: Some(error.into()) }
    }

    /// Everything that went wrong.
    pub fn errors(&self) -> impl Iterator<Item = &SweepError> {
        self.topics.iter().flat_map(|topic| &topic.errors).chain(&self.ended)
    }

    /// Every receipt.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.topics.iter().flat_map(|topic| &topic.receipts)
    }

    /// How it went as a whole; `None` when it was told to stop.
    pub fn outcome(&self) -> Option<SweepOutcome> {
        match &self.ended {
            Some(SweepError::Stopped) => None,
            Some(SweepError::Log(_) | SweepError::Unconfirmed { .. } | SweepError::Receipts { .. }) => {
                Some(SweepOutcome::Failed)
            }
            None if self.errors().next().is_some() => Some(SweepOutcome::Partial),
            None => Some(SweepOutcome::Complete),
        }
    }
}

/// Deletes what is forwarded and aged in every topic of the policy, each partition by itself, and adds a receipt for
/// each. Can be repeated and interrupted at any point; what other processes of the group delete meanwhile does no harm.
///
/// `clock` tells the time in milliseconds since the Unix epoch.
pub fn sweep(
    log: &mut impl RawLog,
    policy: &Policy,
    receipts: &mut ReceiptFile,
    clock: &dyn Fn() -> i64,
    stop: &Stop,
) -> Report {
    let (mut run, mut report) = (Run { log, policy, receipts, clock, stop }, Report::default());
    report.ended = run.topics(&mut report.topics).err();
    report
}

/// A sweep under way.
struct Run<'a, L> {
    log: &'a mut L,
    policy: &'a Policy,
    receipts: &'a mut ReceiptFile,
    clock: &'a dyn Fn() -> i64,
    stop: &'a Stop,
}

impl<L: RawLog> Run<'_, L> {
    /// # Errors
    /// What makes it pointless to go on.
    fn topics(&mut self, reports: &mut Vec<TopicReport>) -> Result<(), SweepError> {
        // What cannot be proven is not done.
        self.receipts.settle().map_err(|source| self.unwritten(source))?;
        for (topic, window) in &self.policy.windows {
            let mut report = TopicReport::new(topic);
            let swept = self.topic(*window, &mut report);
            reports.push(report);
            swept?;
        }
        Ok(())
    }

    fn topic(&mut self, window: Duration, report: &mut TopicReport) -> Result<(), SweepError> {
        let partitions = match survey(self.log, &report.topic, window, (self.clock)()) {
            Ok(partitions) => partitions,
            Err(error) => return report.note(error),
        };
        for surveyed in partitions.into_values() {
            if self.stop.is_requested() {
                return Err(SweepError::Stopped);
            }
            match surveyed.map(|surveyed| self.partition(surveyed, report)) {
                Ok(swept) => swept?,
                Err(error) => report.note(error)?,
            }
            // It is the topic that refuses: it would refuse its other partitions as well.
            if report.errors.last().is_some_and(SweepError::is_refusal) {
                break;
            }
        }
        Ok(())
    }

    fn partition(&mut self, surveyed: Surveyed, report: &mut TopicReport) -> Result<(), SweepError> {
        let (receipt, error) = self.delete(&surveyed);
        report.surveyed.push(surveyed);
        if let Some(receipt) = receipt {
            report.errors.extend(unconfirmed(&receipt));
            let written = self.receipts.append(&receipt);
            report.receipts.push(receipt);
            written.map_err(|source| self.unwritten(source))?;
        }
        error.map_or(Ok(()), |error| report.note(error))
    }

    /// Deletes what is due and looks whether it is gone. A receipt when something was deleted or may have been.
    fn delete(&mut self, surveyed: &Surveyed) -> (Option<Receipt>, Option<LogError>) {
        let Surveyed { topic, partition, window, cutoff_ms, standing, verdict } = surveyed;
        let (Ok(bound), Some(committed_offset)) = (*verdict, standing.committed) else {
            return (None, None);
        };
        let (returned, error) = match self.log.delete_before(topic, *partition, bound) {
            Ok(low) => (Some(low), None),
            Err(error @ LogError::Refused(_)) => return (None, Some(error)),
            Err(error @ (LogError::Away(_) | LogError::Failed(_))) => (None, Some(error)),
        };
        let read_back = low_watermark(self.log, topic, *partition).ok();
        if matches!(error, Some(LogError::Failed(_))) && read_back == Some(standing.low) {
            return (None, error);
        }
        let receipt = Receipt {
            outcome: Confirmation::of(bound, returned, read_back),
            time_ms: (self.clock)(),
            topic: topic.clone(),
            partition: *partition,
            group: self.policy.group.clone(),
            instance: self.policy.instance.clone(),
            window: *window,
            cutoff_ms: *cutoff_ms,
            committed_offset,
            cutoff_offset: standing.first_young.map(|stamp| stamp.offset),
            bound,
            low_watermark_before: standing.low,
            low_watermark_returned: returned,
            low_watermark_read_back: read_back,
        };
        (Some(receipt), error)
    }

    fn unwritten(&self, source: io::Error) -> SweepError {
        SweepError::Receipts { path: self.receipts.path().to_owned(), source }
    }
}

impl TopicReport {
    fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), surveyed: Vec::new(), receipts: Vec::new(), errors: Vec::new() }
    }

    /// Keeps an error, or hands it back when there is no use in going on.
    fn note(&mut self, error: LogError) -> Result<(), SweepError> {
        match error {
            LogError::Away(_) => Err(error.into()),
            LogError::Refused(_) | LogError::Failed(_) => {
                self.errors.push(error.into());
                Ok(())
            }
        }
    }
}

fn unconfirmed(receipt: &Receipt) -> Option<SweepError> {
    let Receipt { topic, partition, bound, outcome, .. } = receipt;
    match outcome {
        Confirmation::Deleted => None,
        Confirmation::Short | Confirmation::Unverified => Some(SweepError::Unconfirmed {
            topic: topic.clone(),
            partition: *partition,
            bound: *bound,
            outcome: *outcome,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, Mark, Stamp};
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::fs;
    use tempfile::TempDir;

    const NOW_MS: i64 = 100_000;
    const WINDOW: Duration = Duration::from_secs(90);
    /// `NOW_MS` without the window.
    const CUTOFF_MS: i64 = 10_000;
    const OLD_MS: i64 = 1000;
    const YOUNG_MS: i64 = 50_000;

    /// A partition in memory.
    #[derive(Debug, Clone, Default)]
    struct Partition {
        timestamps_ms: Vec<i64>,
        low: i64,
        committed: Option<i64>,
    }

    /// What a deletion does instead of its duty.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fault {
        Refuse,
        /// Deletes, and its answer is lost.
        LoseAnswer,
        Fail,
        GoAway,
        /// Claims to have deleted.
        Lie,
    }

    /// Raw topics in memory.
    #[derive(Default)]
    struct FakeLog {
        topics: BTreeMap<String, Vec<Partition>>,
        faults: BTreeMap<(String, i32), Fault>,
        deletions: Vec<(String, i32, i64)>,
        /// What happens to the first partition of the first topic while it is being asked about.
        meanwhile: Vec<Event>,
        away: bool,
    }

    /// What producers and workers do.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Nothing,
        Append { timestamp_ms: i64 },
        CommitAll,
    }

    impl FakeLog {
        fn of(topic: &str, partitions: Vec<Partition>) -> Self {
            Self { topics: BTreeMap::from([(topic.to_owned(), partitions)]), ..Self::default() }
        }

        fn with_fault(mut self, topic: &str, partition: i32, fault: Fault) -> Self {
            self.faults.insert((topic.to_owned(), partition), fault);
            self
        }

        fn partition(&mut self, topic: &str, partition: i32) -> &mut Partition {
            &mut self.topics.get_mut(topic).unwrap()[partition as usize]
        }

        fn happen(&mut self) -> Result<(), LogError> {
            let first = self.topics.values_mut().next().unwrap();
            match self.meanwhile.pop() {
                Some(Event::Append { timestamp_ms }) => first[0].timestamps_ms.push(timestamp_ms),
                Some(Event::CommitAll) => first[0].committed = Some(first[0].timestamps_ms.len() as i64),
                Some(Event::Nothing) | None => {}
            }
            if self.away { Err(LogError::Away("nobody there".to_owned())) } else { Ok(()) }
        }
    }

    impl RawLog for FakeLog {
        fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, LogError> {
            self.happen()?;
            let found = self.topics.get(topic).ok_or_else(|| LogError::Refused(format!("no topic {topic}")))?;
            Ok((0..found.len() as i32).collect())
        }

        fn committed(&mut self, topic: &str, partitions: &[i32]) -> Result<Answers<Option<i64>>, LogError> {
            self.happen()?;
            let of_topic = &self.topics[topic];
            Ok(partitions.iter().map(|partition| (*partition, Ok(of_topic[*partition as usize].committed))).collect())
        }

        fn find(&mut self, topic: &str, partitions: &[i32], mark: Mark) -> Result<Answers<Option<Stamp>>, LogError> {
            self.happen()?;
            let find = |partition: &Partition| {
                let live = || (0..).zip(&partition.timestamps_ms).skip(partition.low as usize);
                let stamp = |(offset, ms): (i64, &i64)| Stamp { offset, timestamp_ms: Some(*ms) };
                match mark {
                    Mark::Low => Some(Stamp { offset: partition.low, timestamp_ms: None }),
                    Mark::StableEnd => Some(Stamp { offset: partition.timestamps_ms.len() as i64, timestamp_ms: None }),
                    Mark::Since(time_ms) => live().find(|(_, ms)| **ms >= time_ms).map(stamp),
                    Mark::Newest => live().max_by_key(|(_, ms)| **ms).map(stamp),
                }
            };
            let of_topic = &self.topics[topic];
            Ok(partitions.iter().map(|partition| (*partition, Ok(find(&of_topic[*partition as usize])))).collect())
        }

        fn delete_before(&mut self, topic: &str, partition: i32, offset: i64) -> Result<i64, LogError> {
            self.happen()?;
            self.deletions.push((topic.to_owned(), partition, offset));
            let fault = self.faults.get(&(topic.to_owned(), partition)).copied();
            match fault {
                Some(Fault::Refuse) => return Err(LogError::Refused("no right to delete".to_owned())),
                Some(Fault::Fail) => return Err(LogError::Failed("not the leader".to_owned())),
                Some(Fault::Lie) => return Ok(offset),
                Some(Fault::LoseAnswer | Fault::GoAway) | None => {}
            }
            let of_partition = self.partition(topic, partition);
            of_partition.low = of_partition.low.max(offset);
            let low = of_partition.low;
            match fault {
                Some(Fault::LoseAnswer) => Err(LogError::Failed("timed out".to_owned())),
                Some(Fault::GoAway) => {
                    self.away = true;
                    Err(LogError::Away("nobody there".to_owned()))
                }
                Some(Fault::Refuse | Fault::Fail | Fault::Lie) | None => Ok(low),
            }
        }
    }

    /// Four old records, one young, one old that came late; the first three of them committed.
    fn partition() -> Partition {
        let timestamps_ms = vec![OLD_MS, OLD_MS, OLD_MS, OLD_MS, YOUNG_MS, OLD_MS];
        Partition { timestamps_ms, low: 0, committed: Some(3) }
    }

    fn policy(topics: &[&str]) -> Policy {
        let windows = topics.iter().map(|topic| ((*topic).to_owned(), WINDOW)).collect();
        Policy { group: "logveil".to_owned(), instance: "host-1".to_owned(), windows }
    }

    /// A sweep over these topics with receipts in a folder.
    fn run(log: &mut FakeLog, topics: &[&str], folder: &TempDir) -> Report {
        let mut receipts = ReceiptFile::new(folder.path().join("receipts.jsonl"));
        sweep(log, &policy(topics), &mut receipts, &|| NOW_MS, &Stop::default())
    }

    fn lines(folder: &TempDir) -> Vec<String> {
        let text = fs::read_to_string(folder.path().join("receipts.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn messages(report: &Report) -> Vec<String> {
        report.errors().map(ToString::to_string).collect()
    }

    #[test]
    fn each_partition_goes_up_to_its_own_bound_and_leaves_a_receipt() {
        let folder = tempfile::tempdir().unwrap();
        let all = Partition { committed: Some(6), ..partition() };
        let none = Partition { committed: None, ..partition() };
        let mut log = FakeLog::of("raw", vec![partition(), all, none]);
        let report = run(&mut log, &["raw"], &folder);
        assert_eq!(report.outcome(), Some(SweepOutcome::Complete));
        assert_eq!(log.deletions, [("raw".to_owned(), 0, 3), ("raw".to_owned(), 1, 4)]);
        let written: Vec<String> = report.receipts().map(Receipt::json).collect();
        assert_eq!(lines(&folder), written);
        let receipt = report.receipts().nth(1).unwrap();
        assert_eq!((receipt.committed_offset, receipt.cutoff_offset, receipt.offsets()), (6, Some(4), 4));
        assert_eq!((receipt.low_watermark_returned, receipt.low_watermark_read_back), (Some(4), Some(4)));
        assert_eq!((receipt.time_ms, receipt.cutoff_ms), (NOW_MS, CUTOFF_MS));

        let report = run(&mut log, &["raw"], &folder);
        assert_eq!(report.outcome(), Some(SweepOutcome::Complete));
        assert_eq!(
            (report.receipts().count(), log.deletions.len(), lines(&folder).len()),
            (0, 2, 2),
            "nothing is left"
        );
    }

    #[test]
    fn a_topic_that_refuses_is_asked_once_and_stops_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = FakeLog::of("compact", vec![partition(), partition()]).with_fault("compact", 0, Fault::Refuse);
        log.topics.insert("raw".to_owned(), vec![partition()]);
        let report = run(&mut log, &["compact", "missing", "raw"], &folder);
        assert_eq!(report.outcome(), Some(SweepOutcome::Partial));
        assert_eq!(messages(&report), ["no right to delete", "no topic missing"]);
        assert_eq!(log.deletions, [("compact".to_owned(), 0, 3), ("raw".to_owned(), 0, 3)]);
        assert_eq!(lines(&folder).len(), 1, "no receipt for what was refused");
    }

    #[test]
    fn a_lost_answer_leaves_a_receipt_of_what_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::of("raw", vec![partition(), partition()]);
        let mut log = log.with_fault("raw", 0, Fault::LoseAnswer).with_fault("raw", 1, Fault::Fail);
        let report = run(&mut log, &["raw"], &folder);
        assert_eq!(messages(&report), ["timed out", "not the leader"]);
        let receipts: Vec<&Receipt> = report.receipts().collect();
        assert_eq!(receipts.len(), 1, "none where nothing was deleted");
        assert_eq!((receipts[0].partition, receipts[0].outcome), (0, Confirmation::Deleted));
        assert_eq!((receipts[0].low_watermark_returned, receipts[0].low_watermark_read_back), (None, Some(3)));
    }

    #[test]
    fn a_deletion_that_is_not_confirmed_is_an_error_and_its_receipt_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = FakeLog::of("raw", vec![partition()]).with_fault("raw", 0, Fault::Lie);
        let report = run(&mut log, &["raw"], &folder);
        assert_eq!(report.outcome(), Some(SweepOutcome::Partial));
        assert!(messages(&report)[0].starts_with("raw/0 up to offset 3: the deletion is short"));
        assert!(lines(&folder)[0].contains(r#""outcome":"short""#) && lines(&folder)[0].ends_with(r#""offsets":0}"#));
    }

    #[test]
    fn a_cluster_that_goes_away_ends_the_sweep_with_a_receipt_of_what_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = FakeLog::of("raw", vec![partition(), partition()]).with_fault("raw", 0, Fault::GoAway);
        log.topics.insert("raw-2".to_owned(), vec![partition()]);
        let report = run(&mut log, &["raw", "raw-2"], &folder);
        assert_eq!(report.outcome(), Some(SweepOutcome::Failed));
        assert_eq!(log.deletions.len(), 1);
        assert!(lines(&folder)[0].contains(r#""outcome":"unverified""#), "{}", lines(&folder)[0]);
    }

    #[test]
    fn nothing_is_deleted_without_a_receipt() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = FakeLog::of("raw", vec![partition(), partition()]);
        let inner = folder.path().join("inner");
        let mut receipts = ReceiptFile::new(inner.join("receipts.jsonl"));
        let mut once = |log: &mut FakeLog, clock: &dyn Fn() -> i64| {
            let report = sweep(log, &policy(&["raw"]), &mut receipts, clock, &Stop::default());
            (report.outcome(), log.deletions.len())
        };
        assert_eq!(once(&mut log, &|| NOW_MS), (Some(SweepOutcome::Failed), 0), "there is no folder");

        // The folder goes when the first receipt is about to be written, which is when the clock is read again.
        fs::create_dir(&inner).unwrap();
        let reads = Cell::new(0);
        let clock = || {
            reads.set(reads.get() + 1);
            if reads.get() == 2 {
                fs::remove_dir_all(&inner).unwrap();
            }
            NOW_MS
        };
        assert_eq!(once(&mut log, &clock), (Some(SweepOutcome::Failed), 1));
        assert_eq!(once(&mut log, &|| NOW_MS), (Some(SweepOutcome::Failed), 1), "a receipt is owed");
        fs::create_dir(&inner).unwrap();
        assert_eq!(once(&mut log, &|| NOW_MS), (Some(SweepOutcome::Complete), 2));
        let text = fs::read_to_string(inner.join("receipts.jsonl")).unwrap();
        let partitions: Vec<bool> = text.lines().map(|line| line.contains(r#""partition":0"#)).collect();
        assert_eq!(partitions, [true, false], "the owed receipt comes first: {text}");
    }

    #[test]
    fn a_request_to_stop_is_heeded_between_partitions() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = FakeLog::of("raw", vec![partition(), partition()]);
        let stop = Stop::default();
        let mut receipts = ReceiptFile::new(folder.path().join("receipts.jsonl"));
        let reads = Cell::new(0);
        let clock = || {
            reads.set(reads.get() + 1);
            if reads.get() == 2 {
                stop.request();
            }
            NOW_MS
        };
        let report = sweep(&mut log, &policy(&["raw"]), &mut receipts, &clock, &stop);
        assert_eq!((report.outcome(), log.deletions.len(), lines(&folder).len()), (None, 1, 1));
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Nothing),
            Just(Event::CommitAll),
            (CUTOFF_MS - 3..CUTOFF_MS + 3).prop_map(|timestamp_ms| Event::Append { timestamp_ms }),
        ]
    }

    proptest! {
        /// Producers append and workers commit between any two questions.
        #[test]
        fn no_young_and_no_uncommitted_record_is_deleted_whatever_happens_meanwhile(
            timestamps_ms in prop::collection::vec(CUTOFF_MS - 3..CUTOFF_MS + 3, 0..12),
            committed in prop::option::of(0_i64..12),
            meanwhile in prop::collection::vec(event(), 8),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let committed = committed.map(|offset| offset.min(timestamps_ms.len() as i64));
            let mut log = FakeLog::of("raw", vec![Partition { timestamps_ms, low: 0, committed }]);
            log.meanwhile = meanwhile;
            let report = run(&mut log, &["raw"], &folder);
            prop_assert_eq!(report.outcome(), Some(SweepOutcome::Complete));
            let partition = &log.topics["raw"][0];
            for offset in 0..partition.low {
                prop_assert!(partition.timestamps_ms[offset as usize] < CUTOFF_MS, "{} is young", offset);
                prop_assert!(Some(offset) < partition.committed, "{} is not committed", offset);
            }
        }
    }
}
