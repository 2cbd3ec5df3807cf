//! Whether the threads that call the client still come back from it.
//!
//! Some of librdkafka's calls wait without a limit for one of its own threads. Should one never return, waiting for it as
//! well would leave partitions unread with nothing to show for it; ending the process loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest a worker may be away: far more than its longest bounded call and its longest batch.
const AWAY_MAX: Duration = Duration::from_secs(120);
/// Between looks at what is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// When a worker last came round. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pulse {
    start: Instant,
    /// Milliseconds from `start`.
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// A pulse that beats now.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), last_ms: Arc::default() }
    }

    /// Notes that the worker came round.
    pub(super) fn beat(&self) {
        let now_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Whether the worker has been away for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost_after(self.start.elapsed())
    }

    fn is_lost_after(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed))) > AWAY_MAX
    }
}

/// Waits until `is_done`, at most for `limit`. Whether it came to that.
pub(super) fn wait_until(limit: Duration, is_done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !is_done() {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_stays_away_is_lost() {
        let pulse = Pulse::new();
        assert!(!pulse.is_lost_after(AWAY_MAX));
        assert!(pulse.is_lost_after(AWAY_MAX + Duration::from_millis(1)));
        pulse.last_ms.store(5, Ordering::Relaxed);
        assert!(!pulse.is_lost_after(AWAY_MAX + Duration::from_millis(5)));
        assert!(pulse.is_lost_after(AWAY_MAX + Duration::from_millis(6)));
    }

    #[test]
    fn waiting_ends_with_the_work_or_with_the_time() {
        assert!(wait_until(Duration::ZERO, || true));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
