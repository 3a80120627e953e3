//! Where the time comes from. Injected, so that tests can move it.
//!
//! Two clocks: the wall's (can be stepped; for records and schedules) and one that only runs forward, also
//! while the machine sleeps (`CLOCK_BOOTTIME`; for lease deadlines and the pace at the socket).

use crate::domain::time::Millis;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The wall's time.
    fn now(&self) -> Millis;

    /// Time since some fixed moment; never goes back, goes on while the machine sleeps.
    fn running(&self) -> Duration;
}

/// The wall's time for what is waited for: it goes on when the wall clock is set back, so that a retry that is due in five
/// seconds does not become one that is due in an hour. It follows a wall clock that is set forward.
pub struct Onward {
    clock: Arc<dyn Clock>,
    /// The time that was told last, and when by the clock that only runs forward.
    told: Mutex<(Millis, Duration)>,
}

impl Onward {
    /// Begins with the wall's time.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let told = Mutex::new((clock.now(), clock.running()));
        Self { clock, told }
    }

    /// The time; never before one that was told.
    pub fn now(&self) -> Millis {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, running) = (self.clock.now(), self.clock.running());
        let since = i64::try_from(running.saturating_sub(told.1).as_millis()).unwrap_or(0);
        let now = told.0.plus(since).max(wall);
        *told = (now, running);
        now
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        jiff::Timestamp::now().into()
    }

    fn running(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// A wall clock that can be set; the other one has run for as long as is said.
    #[derive(Default)]
    struct Hands {
        wall: AtomicI64,
        running: AtomicI64,
    }

    impl Clock for Hands {
        fn now(&self) -> Millis {
            Millis(self.wall.load(Ordering::Relaxed))
        }

        fn running(&self) -> Duration {
            Duration::from_millis(self.running.load(Ordering::Relaxed).unsigned_abs())
        }
    }

    #[test]
    fn a_clock_that_is_set_back_puts_nothing_off() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(10_000_000, Ordering::Relaxed);
        let onward = Onward::new(hands.clone());
        assert_eq!(onward.now(), Millis(10_000_000));
        hands.wall.store(6_400_000, Ordering::Relaxed);
        hands.running.store(5_000, Ordering::Relaxed);
        assert_eq!(onward.now(), Millis(10_005_000));
        hands.wall.store(13_600_000, Ordering::Relaxed);
        assert_eq!(onward.now(), Millis(13_600_000), "set forward, it follows");
        hands.wall.store(10_000_000, Ordering::Relaxed);
        hands.running.store(6_000, Ordering::Relaxed);
        assert_eq!(onward.now(), Millis(13_601_000));
    }
}
