//! The log of a partition: batches as they came, in segments.

mod batch;
mod partition;
mod records;
mod segment;

pub(crate) use batch::Batch;
pub(crate) use partition::{Fetched, Isolation, Partition};
pub(crate) use segment::Space;
