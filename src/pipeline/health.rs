//! Whether the process works, as probes ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What the loop is doing. Shared by the threads; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<AtomicU8>);

/// The states of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Clients are being made, or made anew after an error.
    Connecting,
    /// The group has not assigned partitions yet.
    Joining,
    /// Records are read, or there are none.
    Running,
    /// Told to stop.
    Stopping,
}

impl Health {
    /// Notes what the loop is doing.
    pub fn set(&self, state: State) {
        self.0.store(state as u8, Ordering::Relaxed);
    }

    /// Whether records can be processed now.
    ///
    /// # Errors
    /// One word for why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        match self.0.load(Ordering::Relaxed) {
            state if state == State::Running as u8 => Ok(()),
            state if state == State::Joining as u8 => Err("joining"),
            state if state == State::Stopping as u8 => Err("stopping"),
            _ => Err("connecting"),
        }
    }
}

/// The request to stop, from a signal to every thread. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks every thread to finish its work and end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to finish.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
