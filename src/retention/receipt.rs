//! What a deletion leaves as evidence: the schema of the receipts file.

use crate::calendar::Moment;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Version of the schema. Raised when a field changes its meaning or goes; new fields may come without.
const VERSION: u32 = 1;

/// One deletion in one partition: what was known, what was asked, and what was found afterwards.
///
/// As JSON: the fields of this type under these names, in this order, before them `version` (1) and `claim`, behind
/// them `offsets`. The claim is always `logical`: no reader gets the records any more, while their bytes leave the disks
/// of the brokers later. It says nothing about copies: other topics, mirrors, backups, caches of readers. Times are in
/// UTC by RFC 3339. What is not known is `null`. `docs/operating.md` explains each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What was found afterwards.
    pub outcome: Confirmation,
    /// When it was found, in milliseconds since the Unix epoch. JSON: `time`.
    pub time_ms: i64,
    /// Source topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Consumer group whose commits counted.
    pub group: String,
    /// Process of that group that asked for the deletion.
    pub instance: String,
    /// Window of the route. JSON: `window_seconds`.
    pub window: Duration,
    /// Records before this time were older than the window, in milliseconds since the Unix epoch. JSON: `cutoff`.
    pub cutoff_ms: i64,
    /// Offset that the group had committed.
    pub committed_offset: i64,
    /// Offset of the first record that was not older than the window. `None`: there was none.
    pub cutoff_offset: Option<i64>,
    /// Offset before which every record was to be deleted.
    pub bound: i64,
    /// Low watermark before.
    pub low_watermark_before: i64,
    /// Low watermark of all replicas that the deletion returned. `None`: its answer was lost.
    pub low_watermark_returned: Option<i64>,
    /// Low watermark that was asked for afterwards. `None`: there was no answer.
    pub low_watermark_read_back: Option<i64>,
}

/// What was found after a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The low watermark is at the bound or beyond.
    Deleted,
    /// The low watermark is before the bound: something that should be gone is not.
    Short,
    /// The low watermark could not be asked for.
    Unverified,
}

impl Confirmation {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Deleted, Self::Short, Self::Unverified];

    /// The name in receipts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Short => "short",
            Self::Unverified => "unverified",
        }
    }

    /// What these low watermarks show about a deletion up to `bound`.
    pub(super) fn of(bound: i64, returned: Option<i64>, read_back: Option<i64>) -> Self {
        match read_back {
            None => Self::Unverified,
            Some(read_back) if read_back.min(returned.unwrap_or(bound)) < bound => Self::Short,
            Some(_) => Self::Deleted,
        }
    }
}

impl Receipt {
    /// Offsets before the bound that were there before and are gone for certain. Not a number of records: the marks of
    /// transactions and what compaction removed have offsets too.
    pub fn offsets(&self) -> i64 {
        // A replica that has not followed may become the leader, so the lowest that is known counts; and what was not
        // read back is not certain.
        let known = match (self.low_watermark_returned, self.low_watermark_read_back) {
            (Some(returned), Some(read_back)) => returned.min(read_back),
            (None, Some(read_back)) => read_back,
            (Some(_) | None, None) => self.low_watermark_before,
        };
        (known.min(self.bound) - self.low_watermark_before).max(0)
    }

    /// The receipt as one line of JSON, without the line's end.
    pub fn json(&self) -> String {
        // Text, numbers and null under fixed names: there is nothing that JSON could not hold.
        serde_json::to_string(&Line::of(self)).unwrap_or_default()
    }
}

/// The file's form of a receipt.
#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    claim: &'static str,
    outcome: &'static str,
    time: Utc,
    topic: &'a str,
    partition: i32,
    group: &'a str,
    instance: &'a str,
    window_seconds: u64,
    cutoff: Utc,
    committed_offset: i64,
    cutoff_offset: Option<i64>,
    bound: i64,
    low_watermark_before: i64,
    low_watermark_returned: Option<i64>,
    low_watermark_read_back: Option<i64>,
    offsets: i64,
}

impl<'a> Line<'a> {
    fn of(receipt: &'a Receipt) -> Self {
        Self {
            version: VERSION,
            claim: "logical",
            outcome: receipt.outcome.code(),
            time: Utc(receipt.time_ms),
            topic: &receipt.topic,
            partition: receipt.partition,
            group: &receipt.group,
            instance: &receipt.instance,
            window_seconds: receipt.window.as_secs(),
            cutoff: Utc(receipt.cutoff_ms),
            committed_offset: receipt.committed_offset,
            cutoff_offset: receipt.cutoff_offset,
            bound: receipt.bound,
            low_watermark_before: receipt.low_watermark_before,
            low_watermark_returned: receipt.low_watermark_returned,
            low_watermark_read_back: receipt.low_watermark_read_back,
            offsets: receipt.offsets(),
        }
    }
}

/// A time in milliseconds since the Unix epoch, written by RFC 3339.
struct Utc(i64);

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Moment::at(self.0))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use expect_test::expect;

    /// Deleted from 10 to 15, as asked.
    pub(in crate::retention) fn receipt() -> Receipt {
        Receipt {
            outcome: Confirmation::Deleted,
            time_ms: 1_795_435_201_002,
            topic: "raw-logs".to_owned(),
            partition: 3,
            group: "logveil".to_owned(),
            instance: "host-1".to_owned(),
            window: Duration::from_secs(30 * 86_400),
            cutoff_ms: 1_792_843_201_000,
            committed_offset: 18,
            cutoff_offset: Some(15),
            bound: 15,
            low_watermark_before: 10,
            low_watermark_returned: Some(15),
            low_watermark_read_back: Some(15),
        }
    }

    #[test]
    fn a_receipt_is_one_line_of_json() {
        expect![[r#"{"version":1,"claim":"logical","outcome":"deleted","time":"2026-11-23T12:00:01.002Z","topic":"raw-logs","partition":3,"group":"logveil","instance":"host-1","window_seconds":2592000,"cutoff":"2026-10-24T12:00:01.000Z","committed_offset":18,"cutoff_offset":15,"bound":15,"low_watermark_before":10,"low_watermark_returned":15,"low_watermark_read_back":15,"offsets":5}"#]]
        .assert_eq(&receipt().json());
        let unknown = Receipt { cutoff_offset: None, low_watermark_returned: None, ..receipt() };
        assert!(unknown.json().contains(r#""cutoff_offset":null"#), "{}", unknown.json());
    }

    #[test]
    fn an_outcome_claims_no_more_than_was_found() {
        for (returned, read_back, outcome) in [
            (Some(15), Some(15), Confirmation::Deleted),
            (Some(17), Some(16), Confirmation::Deleted),
            (None, Some(15), Confirmation::Deleted),
            (Some(15), Some(14), Confirmation::Short),
            (Some(14), Some(15), Confirmation::Short),
            (None, Some(10), Confirmation::Short),
            (Some(15), None, Confirmation::Unverified),
            (None, None, Confirmation::Unverified),
        ] {
            assert_eq!(Confirmation::of(15, returned, read_back), outcome, "{returned:?} {read_back:?}");
        }
    }

    #[test]
    fn only_offsets_that_are_gone_are_counted() {
        let offsets = |returned, read_back| {
            Receipt { low_watermark_returned: returned, low_watermark_read_back: read_back, ..receipt() }.offsets()
        };
        assert_eq!(offsets(Some(15), Some(15)), 5);
        assert_eq!(offsets(Some(15), Some(12)), 2, "what stands again is not gone");
        assert_eq!(offsets(Some(20), Some(20)), 5, "what somebody else deleted is not ours");
        assert_eq!(offsets(Some(12), Some(15)), 2, "a replica that has not followed may become the leader");
        assert_eq!(offsets(Some(15), None), 0, "what was not read back is not certain");
        assert_eq!(offsets(None, None), 0);
        assert_eq!(offsets(None, Some(7)), 0);
    }
}
