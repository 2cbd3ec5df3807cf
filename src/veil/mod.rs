//! The whole way of a batch of records: decode, match, detect, transform, splice, residue check.
//!
//! Pure: same records, packs and keys give the same bytes. Every record ends as a [`CleanRecord`] or a [`Reason`].
//! Must not know batches' origin, Kafka, time or randomness. Start at [`Veil::batch`].

mod reason;

pub use reason::Reason;

use crate::keys::{KeyEpoch, Keyring};
use crate::record::{Position, Record};

/// Compiled packs, ready to veil records. Shared by all workers.
pub struct Veil(());

/// Buffers of one worker, reused from batch to batch, and the outcome of the last one.
#[derive(Default)]
pub struct Batch(());

/// What became of one record.
pub enum Outcome<'a> {
    /// Every entity is replaced; safe to send on.
    Clean(CleanRecord<'a>),
    /// It could not be veiled: to be sealed and quarantined.
    Quarantine(Reason),
}

/// A record that passed the residue check. Only [`Veil`] makes one, and sinks take nothing else.
pub struct CleanRecord<'a> {
    position: Position<'a>,
    timestamp_ms: Option<i64>,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
    headers: Vec<(&'a str, Option<&'a [u8]>)>,
    epoch: KeyEpoch,
}

/// What a batch replaced, by closed sets: for counters.
pub struct Tally {
    /// Replaced values by class, indexed as [`crate::rules::Class::ALL`].
    pub by_class: [u64; crate::rules::Class::ALL.len()],
    /// Replaced values by rule, indexed as [`Veil::rule_names`].
    pub by_rule: Vec<u64>,
}

impl Veil {
    /// Veils `records` in order. The outcomes and the tally stay in `batch` until the next call.
    pub fn batch(&self, keys: &Keyring, records: &[Record<'_>], batch: &mut Batch) {
        let _ = (keys, records, batch);
    }

    /// `pack/rule` of every rule, in the order of [`Tally::by_rule`].
    pub fn rule_names(&self) -> &[String] {
        &[]
    }

    /// Name and version of the packs, as provenance headers carry them: `api-gateway@1+…`.
    pub fn version(&self) -> &str {
        ""
    }
}

impl Batch {
    /// The outcome of the `index`-th record of the last call.
    ///
    /// `record` must be that record: timestamps, header names and positions are borrowed from it.
    pub fn outcome<'a>(&'a self, index: usize, record: &Record<'a>) -> Outcome<'a> {
        let _ = (index, record);
        Outcome::Quarantine(Reason::TooLarge)
    }

    /// What the last call replaced.
    pub fn tally(&self) -> &Tally {
        unimplemented!()
    }
}

impl<'a> CleanRecord<'a> {
    /// Where the raw record stood.
    pub fn position(&self) -> Position<'a> {
        self.position
    }
    /// The raw record's timestamp.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }
    /// The clean key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }
    /// The clean payload; `None` stays a tombstone.
    pub fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }
    /// The clean headers.
    pub fn headers(&self) -> &[(&'a str, Option<&'a [u8]>)] {
        &self.headers
    }
    /// The key epoch its pseudonyms belong to.
    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }
}
