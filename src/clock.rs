//! Where the time comes from. Injected, so that tests can move it.
//!
//! Two clocks: the wall's (can be stepped; for records and schedules) and one that only runs forward, also
//! while the machine sleeps (`CLOCK_BOOTTIME`; for lease deadlines and the pace at the socket).

use crate::domain::time::Millis;
use std::time::Duration;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The wall's time.
    fn now(&self) -> Millis;

    /// Time since some fixed moment; never goes back, goes on while the machine sleeps.
    fn running(&self) -> Duration;
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
