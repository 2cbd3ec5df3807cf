//! Every metric of logveil, by name. Labels come only from closed sets: routes' topics, classes, rules, reasons.
//!
//! Counters of records move when the transaction that holds them commits, so they count each record once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{Progress, Routes};
use crate::rules::Class;
use crate::veil::{Reason, Tally};

type Total<L> = Family<L, Counter<u64, AtomicU64>>;

/// Upper bounds of the commit histogram: a commit takes 1 to 10 ms on a near broker, seconds when one is down.
const COMMIT_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TopicLabel {
    topic: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    topic: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuleLabel {
    rule: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PartitionLabel {
    topic: String,
    partition: i32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkerLabel {
    worker: u64,
}

/// Counters, gauges and histograms of one process. Shared by all threads.
pub struct Metrics {
    registry: Registry,
    records_in: Total<TopicLabel>,
    bytes_in: Total<TopicLabel>,
    records_out: Total<TopicLabel>,
    bytes_out: Total<TopicLabel>,
    quarantined: Total<ReasonLabel>,
    replaced_by_class: Total<ClassLabel>,
    replaced_by_rule: Total<RuleLabel>,
    lag: Family<PartitionLabel, Gauge<i64, AtomicI64>>,
    commit_seconds: Histogram,
    aborts: Counter,
    rebalances: Counter,
    rebuilds: Counter,
    queue_records: Family<WorkerLabel, Gauge>,
    offsets: Mutex<BTreeMap<(String, i32), Offsets>>,
    retention: RetentionMetrics,
}

/// What became of raw records that were forwarded.
struct RetentionMetrics {
    window_seconds: Family<TopicLabel, Gauge<i64, AtomicI64>>,
    deleted: Total<TopicLabel>,
    sweeps: Total<OutcomeLabel>,
    last_success: Family<TopicLabel, Gauge<i64, AtomicI64>>,
    oldest_record: Family<PartitionLabel, Gauge<i64, AtomicI64>>,
}

/// How a sweep over the raw topics went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepOutcome {
    /// Everything that was due is deleted.
    Complete,
    /// Some topics or partitions could not be swept.
    Partial,
    /// It ended before it was through.
    Failed,
}

impl SweepOutcome {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Complete, Self::Partial, Self::Failed];

    /// The label's value.
    pub fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

#[derive(Default)]
struct Offsets {
    next: Option<i64>,
    end: Option<i64>,
}

/// What one source topic gave in a transaction; added to the counters when it commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub records_in: u64,
    /// Their bytes: keys, payloads and headers.
    pub bytes_in: u64,
    /// Clean records sent.
    pub records_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Records quarantined, indexed as [`Reason::ALL`].
    pub quarantined: [u64; Reason::ALL.len()],
    /// Replaced values, indexed as [`Class::ALL`].
    pub by_class: [u64; Class::ALL.len()],
    /// Replaced values, indexed as the rules of the route's veil.
    pub by_rule: Vec<u64>,
}

impl Counts {
    /// Adds what a batch replaced.
    pub fn add(&mut self, tally: &Tally) {
        for (sum, n) in self.by_class.iter_mut().zip(tally.by_class) {
            *sum += n;
        }
        self.by_rule.resize(tally.by_rule.len().max(self.by_rule.len()), 0);
        for (sum, n) in self.by_rule.iter_mut().zip(&tally.by_rule) {
            *sum += n;
        }
    }

    /// Counts a quarantined record.
    pub fn quarantine(&mut self, reason: Reason) {
        if let Some(index) = Reason::ALL.iter().position(|r| *r == reason) {
            self.quarantined[index] += 1;
        }
    }
}

impl Metrics {
    /// Metrics that are all zero. The series of every route and reason exist from the start, so that a first increase
    /// is seen as one.
    pub fn new(routes: &Routes) -> Self {
        let metrics = Self::register();
        for route in routes.iter() {
            let topic = TopicLabel { topic: route.source.clone() };
            for family in [&metrics.records_in, &metrics.bytes_in, &metrics.records_out, &metrics.bytes_out] {
                family.get_or_create(&topic).inc_by(0);
            }
            for reason in Reason::ALL {
                let label = ReasonLabel { topic: route.source.clone(), reason: reason.code() };
                metrics.quarantined.get_or_create(&label).inc_by(0);
            }
        }
        metrics
    }

    fn register() -> Self {
        let mut registry = Registry::default();
        let mut total = |name: &str, help: &str| {
            let family = Total::<TopicLabel>::default();
            registry.register(name, help, family.clone());
            family
        };
        let records_in = total("logveil_records_in", "Records read and committed");
        let bytes_in = total("logveil_in_bytes", "Bytes of keys, payloads and headers of the records read");
        let records_out = total("logveil_records_out", "Clean records sent and committed");
        let bytes_out = total("logveil_out_bytes", "Bytes of keys, payloads and headers of the clean records");

        let quarantined = Total::<ReasonLabel>::default();
        registry.register("logveil_quarantined", "Records sealed and quarantined", quarantined.clone());
        let replaced_by_class = Total::<ClassLabel>::default();
        registry.register("logveil_replaced", "Values replaced, by class", replaced_by_class.clone());
        let replaced_by_rule = Total::<RuleLabel>::default();
        registry.register("logveil_rule_matches", "Values replaced, by rule", replaced_by_rule.clone());
        let lag = Family::<PartitionLabel, Gauge<i64, AtomicI64>>::default();
        registry.register("logveil_lag_records", "Offsets between the last commit and the end", lag.clone());
        let commit_seconds = Histogram::new(COMMIT_SECONDS);
        registry.register_with_unit(
            "logveil_commit",
            "Time from the last record sent to the end of its transaction",
            Unit::Seconds,
            commit_seconds.clone(),
        );
        let aborts = Counter::default();
        registry.register("logveil_aborts", "Transactions aborted, their records read again", aborts.clone());
        let rebalances = Counter::default();
        registry.register("logveil_rebalances", "Changes of the assigned partitions", rebalances.clone());
        let rebuilds = Counter::default();
        registry.register("logveil_rebuilds", "Clients closed and built anew after an error", rebuilds.clone());
        let queue_records = Family::<WorkerLabel, Gauge>::default();
        registry.register("logveil_queue_records", "Records that wait for the broker's word", queue_records.clone());
        let retention = RetentionMetrics::register(&mut registry);

        Self {
            registry,
            records_in,
            bytes_in,
            records_out,
            bytes_out,
            quarantined,
            replaced_by_class,
            replaced_by_rule,
            lag,
            commit_seconds,
            aborts,
            rebalances,
            rebuilds,
            queue_records,
            offsets: Mutex::default(),
            retention,
        }
    }

    /// Adds what a committed transaction held of one source topic. `rule_names` are those of the topic's veil.
    pub fn committed(&self, topic: &str, counts: &Counts, rule_names: &[String]) {
        let label = TopicLabel { topic: topic.to_owned() };
        self.records_in.get_or_create(&label).inc_by(counts.records_in);
        self.bytes_in.get_or_create(&label).inc_by(counts.bytes_in);
        self.records_out.get_or_create(&label).inc_by(counts.records_out);
        self.bytes_out.get_or_create(&label).inc_by(counts.bytes_out);
        for (reason, n) in Reason::ALL.iter().zip(counts.quarantined).filter(|(_, n)| *n > 0) {
            let label = ReasonLabel { topic: topic.to_owned(), reason: reason.code() };
            self.quarantined.get_or_create(&label).inc_by(n);
        }
        for (class, n) in Class::ALL.iter().zip(counts.by_class).filter(|(_, n)| *n > 0) {
            self.replaced_by_class.get_or_create(&ClassLabel { class: class.code() }).inc_by(n);
        }
        for (rule, n) in rule_names.iter().zip(&counts.by_rule).filter(|(_, n)| **n > 0) {
            self.replaced_by_rule.get_or_create(&RuleLabel { rule: rule.clone() }).inc_by(*n);
        }
    }

    /// What was counted so far for the source topics of these routes. Values are not counted by rule here.
    pub fn total(&self, routes: &Routes) -> Counts {
        let mut total = Counts::default();
        for route in routes.iter() {
            let label = TopicLabel { topic: route.source.clone() };
            total.records_in += self.records_in.get_or_create(&label).get();
            total.bytes_in += self.bytes_in.get_or_create(&label).get();
            total.records_out += self.records_out.get_or_create(&label).get();
            total.bytes_out += self.bytes_out.get_or_create(&label).get();
            for (sum, reason) in total.quarantined.iter_mut().zip(Reason::ALL) {
                let label = ReasonLabel { topic: route.source.clone(), reason: reason.code() };
                *sum += self.quarantined.get_or_create(&label).get();
            }
        }
        for (sum, class) in total.by_class.iter_mut().zip(Class::ALL) {
            *sum += self.replaced_by_class.get_or_create(&ClassLabel { class: class.code() }).get();
        }
        total
    }

    /// Notes a committed transaction: how long the commit took and how far the source has come.
    pub fn commit(&self, took: Duration, progress: &Progress) {
        self.commit_seconds.observe(took.as_secs_f64());
        for (topic, partition, next) in progress.iter() {
            self.update_lag(topic, partition, |offsets| offsets.next = Some(next));
        }
    }

    /// Notes where a partition ends: the offset after the last record that may be read. `start` is where reading began,
    /// and counts until the first commit.
    pub fn end_offset(&self, topic: &str, partition: i32, end: i64, start: i64) {
        self.update_lag(topic, partition, |offsets| {
            offsets.end = Some(end);
            offsets.next.get_or_insert(start);
        });
    }

    /// Forgets a partition that another process reads now: its lag is no longer ours to report.
    pub fn revoked(&self, topic: &str, partition: i32) {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner).remove(&(topic.to_owned(), partition));
        self.lag.remove(&PartitionLabel { topic: topic.to_owned(), partition });
    }

    fn update_lag(&self, topic: &str, partition: i32, update: impl FnOnce(&mut Offsets)) {
        let mut all = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let offsets = all.entry((topic.to_owned(), partition)).or_default();
        update(offsets);
        if let Offsets { next: Some(next), end: Some(end) } = offsets {
            let label = PartitionLabel { topic: topic.to_owned(), partition };
            self.lag.get_or_create(&label).set((*end - *next).max(0));
        }
    }

    /// Counts an aborted transaction.
    pub fn abort(&self) {
        self.aborts.inc();
    }

    /// Counts a change of the assigned partitions.
    pub fn rebalance(&self) {
        self.rebalances.inc();
    }

    /// Counts a rebuilt client.
    pub fn rebuild(&self) {
        self.rebuilds.inc();
    }

    /// Notes how many records of a worker wait for the broker's word.
    pub fn queue(&self, worker: usize, records: i64) {
        self.queue_records.get_or_create(&WorkerLabel { worker: worker as u64 }).set(records);
    }

    /// Notes the windows of the topics that are swept. Their series exist from then on, so that a sweep that never
    /// succeeds is seen.
    pub fn windows<'a>(&self, windows: impl Iterator<Item = (&'a str, Duration)>) {
        for (topic, window) in windows {
            let topic = TopicLabel { topic: topic.to_owned() };
            let seconds = i64::try_from(window.as_secs()).unwrap_or(i64::MAX);
            self.retention.window_seconds.get_or_create(&topic).set(seconds);
            self.retention.deleted.get_or_create(&topic).inc_by(0);
            self.retention.last_success.get_or_create(&topic).set(0);
        }
        for outcome in SweepOutcome::ALL {
            self.retention.sweeps.get_or_create(&OutcomeLabel { outcome: outcome.code() }).inc_by(0);
        }
    }

    /// Counts a sweep.
    pub fn sweep(&self, outcome: SweepOutcome) {
        self.retention.sweeps.get_or_create(&OutcomeLabel { outcome: outcome.code() }).inc();
    }

    /// Counts offsets of a source topic that were deleted.
    pub fn deleted(&self, topic: &str, offsets: u64) {
        self.retention.deleted.get_or_create(&TopicLabel { topic: topic.to_owned() }).inc_by(offsets);
    }

    /// Notes when everything that was due in a source topic was deleted, in milliseconds since the Unix epoch.
    pub fn swept(&self, topic: &str, time_ms: i64) {
        self.retention.last_success.get_or_create(&TopicLabel { topic: topic.to_owned() }).set(time_ms / 1000);
    }

    /// Notes the timestamp of a partition's first record, in milliseconds since the Unix epoch; `None` where there is
    /// none.
    pub fn oldest_record(&self, topic: &str, partition: i32, time_ms: Option<i64>) {
        let label = PartitionLabel { topic: topic.to_owned(), partition };
        if let Some(time_ms) = time_ms {
            self.retention.oldest_record.get_or_create(&label).set(time_ms / 1000);
        } else {
            self.retention.oldest_record.remove(&label);
        }
    }

    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a `String` cannot fail, and no metric here has an encoder of its own.
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

impl RetentionMetrics {
    fn register(registry: &mut Registry) -> Self {
        let window_seconds = Family::<TopicLabel, Gauge<i64, AtomicI64>>::default();
        let help = "How long raw records stay once they are forwarded";
        registry.register_with_unit("logveil_retention_window", help, Unit::Seconds, window_seconds.clone());
        let deleted = Total::<TopicLabel>::default();
        let help = "Offsets of raw records deleted logically";
        registry.register("logveil_retention_offsets_deleted", help, deleted.clone());
        let sweeps = Total::<OutcomeLabel>::default();
        registry.register("logveil_retention_sweeps", "Sweeps over the raw topics, by outcome", sweeps.clone());
        let last_success = Family::<TopicLabel, Gauge<i64, AtomicI64>>::default();
        let help = "When everything due in the topic was last deleted, since the Unix epoch; 0 for never";
        let name = "logveil_retention_last_success_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, last_success.clone());
        let oldest_record = Family::<PartitionLabel, Gauge<i64, AtomicI64>>::default();
        let help = "Timestamp of the first raw record before the last sweep, since the Unix epoch";
        let name = "logveil_retention_oldest_record_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, oldest_record.clone());
        Self { window_seconds, deleted, sweeps, last_success, oldest_record }
    }
}
