//! What may be deleted: a decision over facts, without asking anybody.

use super::Stamp;
use std::fmt;

/// What is known of a partition, asked in the order of these fields: the argument at [`bound`] needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Offset that our group has committed, if it has: the records before it are forwarded.
    pub committed: Option<i64>,
    /// The low watermark.
    pub low: i64,
    /// The last stable offset.
    pub end: i64,
    /// The first record that is not older than the window.
    pub first_young: Option<Stamp>,
    /// The highest timestamp of all records, in milliseconds since the Unix epoch.
    pub newest_ms: Option<i64>,
    /// The timestamp of the first record that has one, in milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
}

/// Why nothing of a partition may be deleted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// No record is both committed and older than the window.
    NothingDue,
    /// Our group has committed nothing: no record was forwarded yet.
    NothingCommitted,
    /// Our group has committed what is not there yet: the offset is that of another topic of this name, or was set by
    /// hand.
    CommittedBeyondEnd,
    /// No record is as young as the window, but the newest one is not older than it either, or has no timestamp.
    AgeUnknown,
}

impl Keep {
    /// Every variant.
    pub const ALL: [Self; 4] = [Self::NothingDue, Self::NothingCommitted, Self::CommittedBeyondEnd, Self::AgeUnknown];

    /// The name in output; `docs/operating.md` explains it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingDue => "nothing-due",
            Self::NothingCommitted => "nothing-committed",
            Self::CommittedBeyondEnd => "committed-beyond-end",
            Self::AgeUnknown => "age-unknown",
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The offset before which a partition's records may be deleted: each of them was forwarded, and is older than
/// `cutoff_ms` (milliseconds since the Unix epoch).
///
/// It is the smaller of the committed offset and the offset of the first young record, and never the end of the log.
///
/// **No record younger than the cut-off is deleted**, in whatever order timestamps stand, because
/// - the first young record is the first *in order of offsets* whose timestamp is not before the cut-off. All before it
///   are older. Older ones behind it, which came late, stay until the young one has aged: harmless.
/// - where there is no such record, all that existed when this was asked are older. The end was asked for before, and
///   the committed offset is not behind it, so every record before that offset existed. (Commits are asked for before
///   the end, or those of a lively group would always be behind it.)
/// - "none" alone is not believed. Kafka looks into the first segment whose largest timestamp is not before the cut-off
///   and nowhere else (`UnifiedLog.searchOffsetInLocalLog` of 4.1): if that record is deleted already, as after a
///   window was widened, the answer is "none" although young records follow. So the newest timestamp must be older as
///   well; it counts deleted records whose segment is still there, which errs to the safe side.
///
/// A record without a timestamp goes with its neighbours: nobody knows its age.
///
/// # Errors
/// [`Keep`] when nothing may be deleted.
pub fn bound(standing: &Standing, cutoff_ms: i64) -> Result<i64, Keep> {
    let committed = standing.committed.ok_or(Keep::NothingCommitted)?;
    if committed > standing.end {
        return Err(Keep::CommittedBeyondEnd);
    }
    if committed <= standing.low {
        return Err(Keep::NothingDue);
    }
    let bound = match (standing.first_young, standing.newest_ms) {
        (Some(young), _) => young.offset.min(committed),
        (None, Some(newest_ms)) if newest_ms < cutoff_ms => committed,
        (None, _) => return Err(Keep::AgeUnknown),
    };
    if bound > standing.low { Ok(bound) } else { Err(Keep::NothingDue) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CUTOFF_MS: i64 = 1000;

    /// Ten offsets from 10, the sixth of them the first young record, the first eight committed.
    fn standing() -> Standing {
        Standing {
            committed: Some(18),
            low: 10,
            end: 20,
            first_young: Some(Stamp { offset: 15, timestamp_ms: Some(1000) }),
            newest_ms: Some(2000),
            oldest_ms: Some(500),
        }
    }

    #[track_caller]
    fn check(standing: Standing, expected: Result<i64, Keep>) {
        assert_eq!(bound(&standing, CUTOFF_MS), expected, "{standing:?}");
    }

    #[test]
    fn the_smaller_of_committed_and_aged() {
        check(standing(), Ok(15));
        check(Standing { committed: Some(12), ..standing() }, Ok(12));
        check(Standing { committed: Some(20), ..standing() }, Ok(15));
    }

    #[test]
    fn without_a_young_record_the_committed_offset_and_never_the_end() {
        let aged = Standing { first_young: None, newest_ms: Some(999), ..standing() };
        check(aged, Ok(18));
        check(Standing { newest_ms: Some(1000), ..aged }, Err(Keep::AgeUnknown));
        check(Standing { newest_ms: None, ..aged }, Err(Keep::AgeUnknown));
    }

    #[test]
    fn nothing_without_a_commit() {
        check(Standing { committed: None, ..standing() }, Err(Keep::NothingCommitted));
        check(Standing { committed: Some(21), ..standing() }, Err(Keep::CommittedBeyondEnd));
        check(Standing { committed: Some(0), ..standing() }, Err(Keep::NothingDue));
    }

    #[test]
    fn nothing_below_the_low_watermark() {
        check(Standing { low: 15, ..standing() }, Err(Keep::NothingDue));
        check(Standing { low: 17, ..standing() }, Err(Keep::NothingDue));
        let empty = Standing { low: 18, end: 18, first_young: None, newest_ms: None, ..standing() };
        check(empty, Err(Keep::NothingDue));
    }

    /// A partition: timestamps by offset, of which the first `low` are deleted and the first `stable` stable.
    #[derive(Debug, Clone)]
    struct Log {
        timestamps_ms: Vec<i64>,
        low: usize,
        stable: usize,
        committed: Option<i64>,
    }

    impl Log {
        fn standing(&self) -> Standing {
            let live = || self.timestamps_ms.iter().enumerate().skip(self.low);
            let young = live().find(|(_, timestamp_ms)| **timestamp_ms >= CUTOFF_MS);
            Standing {
                committed: self.committed,
                low: self.low as i64,
                end: self.stable as i64,
                first_young: young
                    .map(|(offset, timestamp_ms)| Stamp { offset: offset as i64, timestamp_ms: Some(*timestamp_ms) }),
                newest_ms: live().map(|(_, timestamp_ms)| *timestamp_ms).max(),
                oldest_ms: live().map(|(_, timestamp_ms)| *timestamp_ms).next(),
            }
        }
    }

    prop_compose! {
        /// Timestamps in any order around the cut-off, watermarks and commits anywhere.
        fn log()(timestamps_ms in prop::collection::vec(CUTOFF_MS - 5..CUTOFF_MS + 5, 0..30))(
            low in 0..=timestamps_ms.len(),
            stable in 0..=timestamps_ms.len(),
            committed in prop::option::weighted(0.9, 0_i64..35),
            timestamps_ms in Just(timestamps_ms),
        ) -> Log {
            Log { timestamps_ms, low: low.min(stable), stable, committed }
        }
    }

    proptest! {
        #[test]
        fn only_committed_and_aged_records_are_deleted_and_all_that_stand_first(log in log()) {
            let low = log.low as i64;
            let aged = |offset: i64| log.timestamps_ms.get(offset as usize).is_some_and(|ms| *ms < CUTOFF_MS);
            let committed = log.committed.filter(|committed| *committed <= log.stable as i64);
            let done = |offset: i64| committed.is_some_and(|committed| offset < committed);
            match bound(&log.standing(), CUTOFF_MS) {
                Ok(bound) => {
                    prop_assert!(bound > low && bound <= log.stable as i64);
                    for offset in low..bound {
                        prop_assert!(aged(offset) && done(offset), "{} is deleted", offset);
                    }
                    prop_assert!(!(aged(bound) && done(bound)), "{} could go as well", bound);
                }
                Err(_) => prop_assert!(!(aged(low) && done(low)), "{} could go", low),
            }
        }

        #[test]
        fn a_lookup_that_misses_young_records_deletes_none(log in log()) {
            let standing = log.standing();
            let blind = Standing { first_young: None, ..standing };
            if let (Some(young), Ok(bound)) = (standing.first_young, bound(&blind, CUTOFF_MS)) {
                prop_assert!(bound <= young.offset);
            }
        }
    }
}
