//! Retention: what goes by itself, when, and what stays with it.

use crate::stand::{Stand, eventually, now_ms};
use crate::wire::Code;
use crate::wire::admin::{Change, IncrementalAlterConfigs, Resource};
use crate::wire::batch::Record;
use crate::wire::records::{DeleteRecords, one, only};

const HOUR_MS: i64 = 3_600_000;
/// The smallest `segment.bytes` that Apache Kafka takes (KIP-1030).
const SEGMENT: (&str, &str) = ("segment.bytes", "1048576");

/// Appends a batch of one record of 400 KB, of which two fit into a segment.
fn append_large(stand: &Stand, topic: &str, timestamp_ms: i64) -> i64 {
    stand.append_records(topic, 0, &[Record::at(timestamp_ms, &"a".repeat(400_000))])
}

/// First offsets of the segments, where the broker shows them.
fn bases(stand: &Stand, topic: &str) -> Option<Vec<i64>> {
    Some(stand.segments(topic)?.iter().map(|segment| segment.base_offset).collect())
}

pub(crate) fn old_records_go_even_from_the_active_segment(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.ms", "3600000")]);
    stand.append_records(&topic, 0, &[Record::at(now_ms() - 2 * HOUR_MS, "a")]);
    stand.append_records(&topic, 0, &[Record::at(now_ms() - 3 * HOUR_MS, "b")]);
    eventually("the old records are gone", || stand.low_watermark(&topic) == 2);
    assert_eq!(stand.high_watermark(&topic), 2);
    assert_eq!(stand.append(&topic, 0, &["c"]), 2);
    assert_eq!((stand.low_watermark(&topic), stand.high_watermark(&topic)), (2, 3));
}

pub(crate) fn a_young_record_keeps_its_segment(stand: &Stand) {
    let young = stand.create("young", 1, &[("retention.ms", "3600000")]);
    stand.append_records(&young, 0, &[Record::at(now_ms() - 2 * HOUR_MS, "a"), Record::at(now_ms(), "b")]);
    // This one shows that a check has come by.
    let old = stand.create("old", 1, &[("retention.ms", "3600000")]);
    stand.append_records(&old, 0, &[Record::at(now_ms() - 2 * HOUR_MS, "a")]);
    eventually("the old records are gone", || stand.low_watermark(&old) == 1);
    assert_eq!(stand.low_watermark(&young), 0);
}

pub(crate) fn records_without_a_time_are_as_old_as_their_stay(stand: &Stand) {
    let timeless = stand.create("timeless", 1, &[("retention.ms", "3600000")]);
    stand.append_records(&timeless, 0, &[Record::at(-1, "a")]);
    // This one shows that a check has come by.
    let old = stand.create("old", 1, &[("retention.ms", "3600000")]);
    stand.append_records(&old, 0, &[Record::at(now_ms() - 2 * HOUR_MS, "a")]);
    eventually("the old records are gone", || stand.low_watermark(&old) == 1);
    assert_eq!(stand.low_watermark(&timeless), 0);
}

pub(crate) fn segments_go_by_age_one_by_one(stand: &Stand) {
    let topic = stand.create("a", 1, &[SEGMENT]);
    for hours in [3, 3, 2, 0, 2] {
        append_large(stand, &topic, now_ms() - hours * HOUR_MS);
    }
    let changes = vec![("retention.ms".to_owned(), Change::Set, Some("3600000".to_owned()))];
    let alter = IncrementalAlterConfigs { resource: Resource::Topic(topic.clone()), changes, validate_only: false };
    assert_eq!(stand.connect().ask(&alter), Code::NONE);
    // Two and two fill a segment each; the young one keeps the second, and what is old behind it.
    eventually("the first segment is gone", || stand.low_watermark(&topic) == 2);
    if let Some(bases) = bases(stand, &topic) {
        assert_eq!(bases, [2, 4]);
    }
    assert_eq!(stand.high_watermark(&topic), 5);
}

pub(crate) fn segments_go_by_size_but_for_the_active_one(stand: &Stand) {
    let topic = stand.create("a", 1, &[("retention.bytes", "1300000"), SEGMENT]);
    for _ in 0..7 {
        append_large(stand, &topic, now_ms());
    }
    // Of 2.8 MB 1.3 are to stay: the first segment goes (2.0 left), the second would leave too little.
    eventually("the first segment is gone", || stand.low_watermark(&topic) == 2);
    if let Some(bases) = bases(stand, &topic) {
        assert_eq!(bases, [2, 4, 6]);
    }
    let small = stand.create("small", 1, &[("retention.bytes", "1"), SEGMENT]);
    for _ in 0..3 {
        append_large(stand, &small, now_ms());
    }
    eventually("the first segment is gone", || stand.low_watermark(&small) == 2);
    assert_eq!(stand.low_watermark(&topic), 2);
    assert_eq!(stand.high_watermark(&small), 3);
}

pub(crate) fn records_without_a_bound_stay(stand: &Stand) {
    let kept = stand.create("kept", 1, &[("retention.ms", "-1")]);
    stand.append_records(&kept, 0, &[Record::at(1, "a")]);
    let compacted = stand.create("compacted", 1, &[("cleanup.policy", "compact"), ("retention.ms", "1")]);
    let keyed = Record { key: Some(b"k".to_vec()), ..Record::at(1, "a") };
    stand.append_records(&compacted, 0, &[keyed]);
    let default = stand.create("default", 1, &[]);
    stand.append_records(&default, 0, &[Record::at(now_ms() - 6 * 24 * HOUR_MS, "a")]);
    let old = stand.create("old", 1, &[]);
    stand.append_records(&old, 0, &[Record::at(now_ms() - 8 * 24 * HOUR_MS, "a")]);
    eventually("what is older than 7 days is gone", || stand.low_watermark(&old) == 1);
    for topic in [kept, compacted, default] {
        assert_eq!(stand.low_watermark(&topic), 0, "{topic}");
    }
}

pub(crate) fn deleted_records_leave_with_their_segment(stand: &Stand) {
    let topic = stand.create("a", 1, &[SEGMENT]);
    for _ in 0..5 {
        append_large(stand, &topic, now_ms());
    }
    let delete = |offset| only(stand.connect().ask(&DeleteRecords { topics: one(&topic, (0, offset)) }));
    assert_eq!(delete(3).low_watermark, 3);
    // The segment of 0 and 1 goes with the next check; that of 2 and 3 keeps its bytes for the sake of 3.
    if stand.segments(&topic).is_some() {
        eventually("the first segment is gone", || bases(stand, &topic) == Some(vec![2, 4]));
    }
    assert_eq!(delete(-1).low_watermark, 5);
    if stand.segments(&topic).is_some() {
        eventually("all but the active segment are gone", || bases(stand, &topic) == Some(vec![4]));
        let active = stand.segments(&topic).unwrap()[0];
        assert!(active.bytes > 400_000, "{active:?} keeps its bytes");
    }
    assert_eq!((delete(-1).code, stand.low_watermark(&topic)), (Code::NONE, 5));
}

pub(crate) fn a_segment_rolls_by_the_times_of_its_records(stand: &Stand) {
    let topic = stand.create("a", 1, &[("segment.ms", "3600000"), ("retention.ms", "36000000")]);
    // The third is more than an hour younger than the first, so it opens a segment; the first can then go alone.
    for hours in [12, 12, 2] {
        stand.append_records(&topic, 0, &[Record::at(now_ms() - hours * HOUR_MS, "a")]);
    }
    eventually("the first segment is gone", || stand.low_watermark(&topic) == 2);
    assert_eq!(stand.high_watermark(&topic), 3);
}
