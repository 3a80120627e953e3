//! Starts what is due. The truth about schedules is in the store; this is an alarm clock and a decision.

use crate::clock::Clock;
use crate::domain::time::Millis;
use crate::service::{Service, ServiceError};
use std::sync::Arc;

/// What one look at the clock did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ticked {
    /// Broadcasts that were started.
    pub fired: Vec<crate::domain::ids::BroadcastId>,
    /// Broadcasts that were too late and wait for an operator.
    pub held: Vec<crate::domain::ids::BroadcastId>,
}

/// Fires or holds everything that is due at `now`, each once, whoever else does the same.
pub async fn tick(_service: &Service, _now: Millis, _grace_ms: i64) -> Result<Ticked, ServiceError> {
    todo!()
}

/// A running scheduler.
#[derive(Debug)]
pub struct SchedulerHandle {}

impl SchedulerHandle {
    /// Stops ticking and waits for what is under way.
    pub async fn stop(self) {
        todo!()
    }
}

/// Starts ticking every second. `grace_ms`: how late something may start by itself.
pub fn start(_service: Service, _clock: Arc<dyn Clock>, _grace_ms: i64) -> SchedulerHandle {
    todo!()
}
