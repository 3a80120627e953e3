//! The last look before a message is written to the socket.
//!
//! Asked by the Cloud API client when a connection stands and the bytes are ready. It refuses when the lease
//! may have ended or the engine drains, and makes the message wait when the window is full.

use super::meter::Meter;
use super::pace::Pace;
use crate::clock::Clock;
use crate::cloud_api::{Admission, WriteGate};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// When the lease ends at the latest, on the clock that goes on while the machine sleeps.
#[derive(Debug, Default)]
pub struct Deadline(AtomicU64);

impl Deadline {
    /// Moves the end.
    pub fn set(&self, at: Duration) {
        self.0.store(u64::try_from(at.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Ends it now.
    pub fn end(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether it has passed.
    pub fn passed(&self, clock: &dyn Clock) -> bool {
        clock.running() >= Duration::from_millis(self.0.load(Ordering::Acquire))
    }
}

/// One for each reign over a sender; shared by all its requests.
pub struct Gate {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) deadline: Arc<Deadline>,
    pub(super) closed: AtomicBool,
    pub(super) pace: Arc<Pace>,
    /// The configured pace. Read here too: whoever else reads it may be waiting for the store.
    pub(super) configured: watch::Receiver<f64>,
    pub(super) meter: Arc<Meter>,
}

impl WriteGate for Gate {
    fn admit(&self) -> Admission {
        if self.closed.load(Ordering::Acquire) || self.deadline.passed(&*self.clock) {
            return Admission::Refuse;
        }
        self.pace.configure(*self.configured.borrow());
        let now = Instant::now();
        match self.pace.window().admit(now) {
            Ok(()) => {
                self.meter.wrote(now);
                Admission::Go
            }
            Err(wait) => Admission::Wait(wait),
        }
    }
}
