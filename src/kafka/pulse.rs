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
/// A look counts for no more than this: whoever was stopped as a whole and looks again has seen nothing meanwhile.
const LOOK_COUNTS_MAX: Duration = Duration::from_secs(1);

/// For how long a worker has been seen to be away. Cheap to clone; one thread looks at it.
#[derive(Clone)]
pub(super) struct Pulse(Arc<Looks>);

struct Looks {
    start: Instant,
    /// Milliseconds from the start to the last look.
    last_ms: AtomicU64,
    /// Milliseconds of the looks since the worker last came round.
    away_ms: AtomicU64,
}

impl Pulse {
    /// The pulse of a worker that is there now.
    pub(super) fn new() -> Self {
        Self(Arc::new(Looks { start: Instant::now(), last_ms: AtomicU64::new(0), away_ms: AtomicU64::new(0) }))
    }

    /// Notes that the worker came round.
    pub(super) fn beat(&self) {
        self.0.away_ms.store(0, Ordering::Relaxed);
    }

    /// Whether the worker has been away for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost_after(self.0.start.elapsed())
    }

    fn is_lost_after(&self, elapsed: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now_ms = millis(elapsed);
        let seen_ms = now_ms.saturating_sub(self.0.last_ms.swap(now_ms, Ordering::Relaxed));
        let seen_ms = seen_ms.min(millis(LOOK_COUNTS_MAX));
        self.0.away_ms.fetch_add(seen_ms, Ordering::Relaxed).saturating_add(seen_ms) > millis(AWAY_MAX)
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

    /// Looks every half second, and when the worker counted as lost.
    fn lost_at(pulse: &Pulse, from_s: u64) -> Option<u64> {
        (from_s * 2..).map(|half| half * 500).take(1000).find(|ms| pulse.is_lost_after(Duration::from_millis(*ms)))
    }

    #[test]
    fn a_worker_that_stays_away_is_lost() {
        let pulse = Pulse::new();
        assert_eq!(lost_at(&pulse, 0), Some(120_500));
        pulse.beat();
        assert_eq!(lost_at(&pulse, 121), Some(241_000));
    }

    #[test]
    fn a_process_that_was_stopped_itself_has_lost_nobody() {
        let pulse = Pulse::new();
        assert!(!pulse.is_lost_after(AWAY_MAX * 10));
        assert!(!pulse.is_lost_after(AWAY_MAX * 20));
    }

    #[test]
    fn waiting_ends_with_the_work_or_with_the_time() {
        assert!(wait_until(Duration::ZERO, || true));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
