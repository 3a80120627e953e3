//! A clock on tokio's paused time, whose wall part can be stepped.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use wacast::clock::Clock;
use wacast::domain::time::Millis;

/// The wall's time at the beginning.
const BEGINNING: i64 = 1_800_000_000_000;

pub struct SimClock {
    start: Instant,
    offset_ms: AtomicI64,
}

impl SimClock {
    pub fn new() -> Self {
        Self { start: Instant::now(), offset_ms: AtomicI64::new(0) }
    }

    /// Time since the beginning of the run.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Steps the wall's clock.
    pub fn step_wall(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// How far the wall's clock has been stepped.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::SeqCst)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Millis {
        let elapsed = i64::try_from(self.elapsed().as_millis()).unwrap();
        Millis(BEGINNING + elapsed + self.offset_ms())
    }

    fn running(&self) -> Duration {
        Duration::from_hours(1) + self.elapsed()
    }
}
