//! Deletes raw records once they are forwarded and aged, and writes a receipt of each deletion.
//!
//! Knows: what may be deleted ([`bound`]), in what order to ask, what a receipt says. Must not know the Kafka client
//! (it asks through [`RawLog`]), records, rules or keys. Start at [`bound`], then [`sweep`]; [`Sweeper`] repeats it.
//!
//! What a sweep ends is *logical*: no reader gets the records any more. Their bytes leave the disk later, with the
//! segment that holds them.

mod bound;
mod receipt;
mod receipt_file;
mod survey;
mod sweep;
mod sweeper;

pub use bound::{Keep, Standing, bound};
pub use receipt::{Confirmation, Receipt};
pub use receipt_file::ReceiptFile;
pub use survey::{Surveyed, survey};
pub use sweep::{Policy, Report, SweepError, TopicReport, sweep};
pub use sweeper::Sweeper;

use std::collections::BTreeMap;
use thiserror::Error;

/// What a sweep needs of the log of raw records.
///
/// Answers that are about several partitions come for each of them: one may fail while others do not.
pub trait RawLog {
    /// The partitions of a topic, in ascending order.
    ///
    /// # Errors
    /// [`LogError`]
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, LogError>;

    /// The offset that our group has committed, if it has: never one that a transaction has added and not committed,
    /// never a reader's position.
    ///
    /// # Errors
    /// [`LogError`]
    fn committed(&mut self, topic: &str, partitions: &[i32]) -> Result<Answers<Option<i64>>, LogError>;

    /// Where a mark stands; `None` where no record fits.
    ///
    /// # Errors
    /// [`LogError`]
    fn find(&mut self, topic: &str, partitions: &[i32], mark: Mark) -> Result<Answers<Option<Stamp>>, LogError>;

    /// Deletes every record before `offset`, which is not behind the end. The low watermark of all replicas then.
    ///
    /// # Errors
    /// [`LogError`]. Only [`LogError::Refused`] tells that nothing was deleted.
    fn delete_before(&mut self, topic: &str, partition: i32, offset: i64) -> Result<i64, LogError>;
}

/// An answer for each partition.
pub type Answers<T> = BTreeMap<i32, Result<T, LogError>>;

/// A place in a partition that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The low watermark: the offset before which everything is deleted.
    Low,
    /// The last stable offset: behind it stand only records of open transactions.
    StableEnd,
    /// The first record, in order of offsets, whose timestamp is not before this one, in milliseconds since the Unix
    /// epoch. Aborted records count.
    Since(i64),
    /// The record with the highest timestamp.
    Newest,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Offset.
    pub offset: i64,
    /// Timestamp of the record there, in milliseconds since the Unix epoch. `None` for marks that are no record, and
    /// for records without one.
    pub timestamp_ms: Option<i64>,
}

/// Why the log gave no answer, by what to do next. The text says what was tried, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogError {
    /// The cluster does not answer: nothing else will succeed now.
    #[error("{0}")]
    Away(String),
    /// The cluster says no, to the whole topic, until a person changes something. Nothing was done.
    #[error("{0}")]
    Refused(String),
    /// This partition is in passing trouble. Whether something was done is not known.
    #[error("{0}")]
    Failed(String),
}
