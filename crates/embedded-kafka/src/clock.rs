//! The broker's two clocks, which a test can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What time the broker thinks it is. Clones share the same time.
///
/// There are two clocks, as in any server: the *wall* gives records their append time and ages them for retention, the
/// *timer* measures session, rebalance and transaction timeouts. A test that lets a year of retention pass does not want
/// every consumer to lose its session.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Times>);

#[derive(Debug)]
struct Times {
    start: Instant,
    wall_ahead_ms: AtomicI64,
    timer_ahead_ms: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Times {
            start: Instant::now(),
            wall_ahead_ms: AtomicI64::new(0),
            timer_ahead_ms: AtomicU64::new(0),
        }))
    }
}

impl Clock {
    /// Milliseconds since the Unix epoch, plus what the wall was moved by.
    #[expect(clippy::disallowed_methods, reason = "this is the broker's owner of time")]
    pub fn wall_ms(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since_epoch.as_millis() as i64 + self.0.wall_ahead_ms.load(Ordering::SeqCst)
    }

    /// Time since the clock was made, plus what the timer was moved by.
    pub fn timer(&self) -> Duration {
        self.0.start.elapsed() + Duration::from_millis(self.0.timer_ahead_ms.load(Ordering::SeqCst))
    }

    /// Moves the wall clock forwards: records age, and the next retention check sees it.
    pub fn advance_wall(&self, by: Duration) {
        self.0.wall_ahead_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// Moves the timer forwards: sessions and transactions that this makes overdue end within a tick of the broker.
    pub fn advance_timer(&self, by: Duration) {
        self.0.timer_ahead_ms.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }
}
