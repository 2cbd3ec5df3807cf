//! What becomes of a record: decided here and nowhere else.

use thiserror::Error;

use crate::veil::{Outcome, Reason};

/// What becomes of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Sent to the target, veiled.
    Clean,
    /// Sealed and sent to the quarantine.
    Quarantine(Reason),
    /// Stays where it is; the same call is made again, or its transaction is aborted and the record read again.
    Retry,
    /// Stays where it is and the process stops: going on would lose or leak it.
    Halt,
}

impl Fate {
    /// The fate that the veil chose.
    pub fn of(outcome: &Outcome<'_>) -> Self {
        match outcome {
            Outcome::Clean(_) => Self::Clean,
            Outcome::Quarantine(reason) => Self::Quarantine(*reason),
        }
    }

    /// The fate after the sink refused this one.
    pub fn after(self, fault: &Fault) -> Self {
        match (self, fault) {
            // What cannot be delivered veiled is kept sealed. What cannot be kept sealed must not be skipped.
            (Self::Clean, Fault::TooLarge { .. }) => Self::Quarantine(Reason::TooLarge),
            (Self::Quarantine(_) | Self::Retry | Self::Halt, Fault::TooLarge { .. }) | (_, Fault::Halt(_)) => {
                Self::Halt
            }
            (_, Fault::Busy(_) | Fault::Abort(_) | Fault::Broken(_) | Fault::Stopped) => Self::Retry,
        }
    }
}

/// Why a call on a source or sink did not succeed, by what the caller does next.
///
/// Texts name objects and positions, never contents of records.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not now: wait, then make the same call again.
    #[error("{0}")]
    Busy(String),
    /// The record is larger than the target takes.
    #[error("record of {size_bytes} bytes is larger than the {limit_bytes} bytes that topic {topic} takes")]
    TooLarge {
        /// Where it should have gone.
        topic: String,
        /// Size of key, value and headers.
        size_bytes: usize,
        /// What the target takes.
        limit_bytes: usize,
    },
    /// The open transaction can only be aborted; its records are read again.
    #[error("{0}")]
    Abort(String),
    /// The client is of no more use: close it and build a new one.
    #[error("{0}")]
    Broken(String),
    /// A person must act; nothing may be skipped until then.
    #[error("{0}")]
    Halt(String),
    /// Told to stop while waiting.
    #[error("stopped before the work was committed; it will be done again after the next start")]
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_large() -> Fault {
        Fault::TooLarge { topic: "clean".to_owned(), size_bytes: 2, limit_bytes: 1 }
    }

    #[test]
    fn a_clean_record_that_does_not_fit_is_quarantined() {
        assert_eq!(Fate::Clean.after(&too_large()), Fate::Quarantine(Reason::TooLarge));
    }

    #[test]
    fn an_entry_that_does_not_fit_halts() {
        assert_eq!(Fate::Quarantine(Reason::NotJson).after(&too_large()), Fate::Halt);
    }

    #[test]
    fn no_fault_makes_a_record_clean() {
        let faults = [
            Fault::Busy(String::new()),
            too_large(),
            Fault::Abort(String::new()),
            Fault::Broken(String::new()),
            Fault::Halt(String::new()),
            Fault::Stopped,
        ];
        for fate in [Fate::Clean, Fate::Quarantine(Reason::NotJson), Fate::Retry, Fate::Halt] {
            for fault in &faults {
                assert_ne!(fate.after(fault), Fate::Clean, "{fate:?} after {fault:?}");
            }
        }
    }
}
