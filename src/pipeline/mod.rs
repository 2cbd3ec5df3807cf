//! The loop between a source and a sink: what becomes of every record, and when work is committed.
//!
//! Knows: routes, fates, transactions as an idea, counters. Must not know the Kafka client, files or rule formats.
//! Start at [`Lane::step`]; what a record can become is decided in [`Fate`] and nowhere else.

mod entry;
mod fate;
mod health;
mod lane;
pub mod metrics;
mod port;
mod pulse;
mod route;

pub use entry::{EntryError, OwnedRecord, SealedEntry, open};
pub use fate::{Fate, Fault};
pub use health::{Health, State, Stop};
pub use lane::{CommitRule, Lane, Step, persist, send_all};
pub use port::{Progress, ReadLimit, Sink, Source};
pub use pulse::{Pulse, Pulses};
pub use route::{Route, Routes};

/// Start of every header name that logveil writes. Incoming headers with this start, in any case, are not passed on:
/// whoever reads a clean topic may trust that they are ours.
pub const HEADER_PREFIX: &str = "logveil-";
/// Header of a clean record: name and version of the packs that veiled it.
pub const HEADER_RULES: &str = "logveil-rules";
/// Header of a clean record: decimal number of the key epoch of its pseudonyms.
pub const HEADER_EPOCH: &str = "logveil-epoch";
/// Header of a quarantine entry: the [`Reason`](crate::veil::Reason) as its code.
pub const HEADER_REASON: &str = "logveil-reason";
/// Header of a quarantine entry: source topic.
pub const HEADER_TOPIC: &str = "logveil-topic";
/// Header of a quarantine entry: decimal source partition.
pub const HEADER_PARTITION: &str = "logveil-partition";
/// Header of a quarantine entry: decimal source offset.
pub const HEADER_OFFSET: &str = "logveil-offset";

/// Whether a header name is reserved for logveil's own provenance.
pub fn is_reserved(header_name: &str) -> bool {
    let start = header_name.as_bytes().get(..HEADER_PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(HEADER_PREFIX.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_in_any_case() {
        assert!(is_reserved("logveil-rules"));
        assert!(is_reserved("LogVeil-Anything"));
        assert!(!is_reserved("logveil"));
        assert!(!is_reserved("x-logveil-rules"));
    }
}
