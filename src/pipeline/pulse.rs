//! Whether the threads of a run still come round.
//!
//! Some of librdkafka's calls wait without a limit for one of its own threads. Should one never return, waiting for it as
//! well would leave partitions unread with nothing to show for it. So every thread that calls the client has a pulse, and
//! another one looks at them all; what it finds ends the process, which loses nothing: a process that is no more commits
//! no more.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The pulses of a run's threads. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pulses(Arc<Mutex<Vec<Weak<Pulse>>>>);

/// The pulse of one thread; it ends when it is dropped.
#[derive(Debug)]
pub struct Pulse {
    thread: String,
    /// Looks since it last came round.
    looks: AtomicU32,
}

impl Pulse {
    /// Notes that the thread came round.
    pub fn beat(&self) {
        self.looks.store(0, Ordering::Relaxed);
    }
}

impl Pulses {
    /// Begins the pulse of a thread of this name.
    pub fn start(&self, thread: &str) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse { thread: thread.to_owned(), looks: AtomicU32::new(0) });
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|known| known.strong_count() > 0);
        pulses.push(Arc::downgrade(&pulse));
        pulse
    }

    /// Looks at every pulse, and tells a thread that has not come round for more than so many looks.
    ///
    /// Looks are counted, and not time: whoever slept together with the threads it looks at has seen nothing meanwhile.
    pub fn look(&self, looks_max: u32) -> Option<String> {
        let pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lost = None;
        for pulse in pulses.iter().filter_map(Weak::upgrade) {
            if pulse.looks.fetch_add(1, Ordering::Relaxed) >= looks_max {
                lost = Some(pulse.thread.clone());
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stays_away_is_told() {
        let pulses = Pulses::default();
        let (first, second) = (pulses.start("first"), pulses.start("second"));
        assert_eq!([pulses.look(2), pulses.look(2)], [None, None]);
        first.beat();
        assert_eq!(pulses.look(2), Some("second".to_owned()));
        second.beat();
        assert_eq!(pulses.look(2), None);
    }

    #[test]
    fn a_thread_that_ended_is_not_missed() {
        let pulses = Pulses::default();
        drop(pulses.start("ended"));
        assert_eq!(pulses.look(0), None);
        let _alive = pulses.start("alive");
        assert_eq!(pulses.look(0), Some("alive".to_owned()));
    }
}
