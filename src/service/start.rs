//! Making a broadcast: at once, for later, and when its time has come.

use super::view::BroadcastRequest;
use super::{Result, Service};
use crate::domain::broadcast::Broadcast;
use crate::domain::schedule::Schedule;
use crate::domain::time::Millis;

/// A broadcast that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// As it was when it was made.
    pub broadcast: Broadcast,
    /// This key was used before with the same content: this is the one of then, nothing was made now.
    pub replay: bool,
}

impl Service {
    /// Makes a broadcast. Checks everything that [`Service::plan`] checks, without trusting it, and then:
    /// `count_differs` (409, with both figures) when `expect` is not the number of people, `looks_like_repeat` (409, with the
    /// other one's id), `key_reused` (422).
    pub async fn start(&self, _request: BroadcastRequest) -> Result<Started> {
        todo!()
    }

    /// Starts a scheduled broadcast that is due: fixes its audience and its template as they are now. When the template cannot be
    /// sent any more, it is paused with reason `template`. Somebody else having started it is not an error.
    pub async fn fire(&self, _broadcast: &Broadcast) -> Result<Broadcast> {
        todo!()
    }

    /// Makes the broadcast of one occurrence of a schedule and starts it, at most once however often it is called.
    pub async fn fire_occurrence(&self, _schedule: &Schedule, _planned_at: Millis) -> Result<Broadcast> {
        todo!()
    }

    /// Holds a broadcast that could not start in time: paused with reason `absence`, to be resumed by an operator.
    pub async fn hold(&self, _broadcast: &Broadcast, _words: &str) -> Result<Broadcast> {
        todo!()
    }
}
