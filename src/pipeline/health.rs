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
    /// A commit has been waiting for the broker for long.
    Stalled,
    /// Told to stop.
    Stopping,
}

impl Health {
    /// Notes what the loop is doing.
    pub fn set(&self, state: State) {
        self.0.store(state as u8, Ordering::Relaxed);
    }

    /// Notes that a running loop waits for the broker.
    pub fn stall(&self) {
        self.replace(State::Running, State::Stalled);
    }

    /// Notes that a loop which waited goes on.
    pub fn resume(&self) {
        self.replace(State::Stalled, State::Running);
    }

    fn replace(&self, from: State, to: State) {
        // In any other state there is nothing to replace.
        self.0.compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// Whether records can be processed now.
    ///
    /// # Errors
    /// One word for why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        match self.0.load(Ordering::Relaxed) {
            state if state == State::Running as u8 => Ok(()),
            state if state == State::Joining as u8 => Err("joining"),
            state if state == State::Stalled as u8 => Err("stalled"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_loop_stalls_and_only_a_stalled_one_resumes() {
        let health = Health::default();
        health.stall();
        assert_eq!(health.ready(), Err("connecting"));
        health.set(State::Running);
        health.stall();
        assert_eq!(health.ready(), Err("stalled"));
        health.resume();
        assert_eq!(health.ready(), Ok(()));
        health.set(State::Stopping);
        health.resume();
        assert_eq!(health.ready(), Err("stopping"));
    }
}
