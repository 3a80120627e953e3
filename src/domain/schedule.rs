//! When a broadcast is to start again and again: a cron expression in a named zone.

use super::broadcast::Definition;
use super::ids::ScheduleId;
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// A recurring schedule as the store has it. The truth about what fires next is `next_fire_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// The cron expression, five or six fields.
    pub cron: String,
    /// The IANA zone that the expression is read in.
    pub zone: String,
    /// What each occurrence sends; the audience is fixed anew each time.
    pub definition: Definition,
    /// The next planned time; `None`: it never fires again.
    pub next_fire_at: Option<Millis>,
    /// The planned time that last fired or was held.
    pub last_fired_at: Option<Millis>,
    /// Off: kept, but never fires.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Millis,
}
