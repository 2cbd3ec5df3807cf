//! How the program ends.

use crate::config::ConfigError;
use crate::keystore::KeystoreError;
use crate::rules::load_error::{LoadError, LoadErrors};
use crate::veil::VeilError;
use std::fmt;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// Exit codes. Scripts rely on them, `docs/operating.md` explains them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: halted on an outside failure, such as a broker, a disk or an input that ended in an error.
    Halted,
    /// 2: wrong arguments or configuration; nothing was read.
    Usage,
    /// 3: rules failed their cases.
    RulesFailed,
    /// 4: some lines were quarantined.
    Quarantined,
    /// 70: a fault of the program itself (`EX_SOFTWARE` of BSD's `sysexits.h`).
    Bug,
}

/// Why a command stopped.
#[derive(Debug)]
pub(super) enum Failure {
    /// The user can change it.
    Usage(anyhow::Error),
    /// The world outside failed.
    Halted(anyhow::Error),
    /// Whoever read our output has read enough.
    OutputClosed,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Halted => 1,
            Self::Usage => 2,
            Self::RulesFailed => 3,
            Self::Quarantined => 4,
            Self::Bug => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Halted(_) => Exit::Halted,
            Self::OutputClosed => Exit::Done,
        }
    }

    /// An input or output that failed: a wrong name or a missing right is the user's to change, the rest is not.
    pub(super) fn file(action: &str, path: &str, error: io::Error) -> Self {
        let user_can_change = matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::AlreadyExists
                | ErrorKind::IsADirectory
                | ErrorKind::NotADirectory
                | ErrorKind::InvalidData
        );
        let error = anyhow::Error::new(error).context(format!("could not {action} {path}"));
        if user_can_change { Self::Usage(error) } else { Self::Halted(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) | Self::Halted(error) => write!(f, "{error:#}"),
            Self::OutputClosed => f.write_str("the output was closed"),
        }
    }
}

/// For writing to standard output; inputs and files say more with [`Failure::file`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::Halted(anyhow::Error::new(error).context("could not write the output"))
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        match error {
            KeystoreError::Random(_) | KeystoreError::NotRandom | KeystoreError::Io { .. } => {
                Self::Halted(said(&error))
            }
            KeystoreError::Missing { .. }
            | KeystoreError::Exposed { .. }
            | KeystoreError::Exists { .. }
            | KeystoreError::Busy { .. }
            | KeystoreError::Version { .. }
            | KeystoreError::Malformed { .. }
            | KeystoreError::MalformedKey { .. }
            | KeystoreError::TooLarge { .. }
            | KeystoreError::Unusable { .. }
            | KeystoreError::Invalid(_)
            | KeystoreError::TooManyEpochs
            | KeystoreError::Clock { .. }
            | KeystoreError::NoPresentKey { .. } => Self::Usage(said(&error)),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(said(&error))
    }
}

impl From<VeilError> for Failure {
    fn from(error: VeilError) -> Self {
        Self::Usage(error.into())
    }
}

impl From<LoadErrors> for Failure {
    fn from(errors: LoadErrors) -> Self {
        Self::Usage(errors.into())
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Usage(error.into())
    }
}

/// An error whose text names its cause already, so that the chain would say it twice.
fn said(error: &dyn fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}
