//! Recurring schedules: cron expressions in a named zone, right over changes of daylight saving time.

use super::view::BroadcastRequest;
use super::{Result, Service};
use crate::domain::ids::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::time::Millis;

/// A cron expression, read: what it means, and when it fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrence {
    /// As written.
    pub cron: String,
    /// The zone.
    pub zone: String,
    /// In words.
    pub words: String,
    /// The next times, the first one first.
    pub next: Vec<Millis>,
}

/// Reads a cron expression (five or six fields) in a zone and says when it fires next after `now`, up to `count` times.
/// Errors: `bad_cron`, `bad_zone`, `never_fires` (422).
pub fn recurrence(_cron: &str, _zone: &str, _now: Millis, _count: usize) -> Result<Recurrence> {
    todo!()
}

/// The first planned time strictly after `after`; `None`: never again.
pub fn next_after(_cron: &str, _zone: &str, _after: Millis) -> Result<Option<Millis>> {
    todo!()
}

impl Service {
    /// Stores a schedule that sends `request` each time; the audience and the template are looked at anew each time.
    /// Everything that [`Service::plan`] checks is checked now, and `bad_cron`, `bad_zone`, `never_fires` (422).
    pub async fn add_schedule(&self, _request: &BroadcastRequest, _cron: &str, _zone: &str) -> Result<Schedule> {
        todo!()
    }

    /// All schedules, the next to fire first.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        Ok(self.inner.store.schedules().await?)
    }

    /// Switches a schedule on (from its next time after now on) or off. `unknown_schedule` (404).
    pub async fn enable_schedule(&self, _id: &ScheduleId, _enabled: bool) -> Result<Schedule> {
        todo!()
    }
}
