//! Broadcasts that exist: how they stand, and an operator's word to them.

use super::view::BroadcastView;
use super::{Result, Service};
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::state::RecipientState;
use crate::store::{LogRow, RecipientRow};

/// What came of cancelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Cancelled {
    /// As it stands.
    pub broadcast: Broadcast,
    /// How many people will not get it.
    pub will_not_get_it: u64,
}

impl Service {
    /// One broadcast with its figures. `unknown_broadcast` (404).
    pub async fn broadcast(&self, _id: &BroadcastId) -> Result<BroadcastView> {
        todo!()
    }

    /// The newest first, `limit` at most; `open_only`: without those that have ended.
    pub async fn broadcasts(&self, _open_only: bool, _limit: u32) -> Result<Vec<BroadcastView>> {
        todo!()
    }

    /// Stops a broadcast so that it can go on. When this returns nobody new is sent to.
    pub async fn pause(&self, _id: &BroadcastId) -> Result<Broadcast> {
        todo!()
    }

    /// Lets a paused broadcast go on.
    pub async fn resume(&self, _id: &BroadcastId) -> Result<Broadcast> {
        todo!()
    }

    /// How many people would not get it if it were cancelled now.
    pub async fn would_not_get_it(&self, _id: &BroadcastId) -> Result<u64> {
        todo!()
    }

    /// Ends a broadcast for good. Whoever is under way is settled as it comes.
    pub async fn cancel(&self, _id: &BroadcastId) -> Result<Cancelled> {
        todo!()
    }

    /// The log after row `after` (0: from the beginning), of one broadcast or of all, `limit` (1 to 5,000) rows at most.
    pub async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        Ok(self.inner.store.log(id, after, limit).await?)
    }

    /// The newest rows of the log, newest first.
    pub async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        Ok(self.inner.store.log_tail(limit).await?)
    }

    /// Recipients in order of `seq` after `after`, in one state or all; `limit` 5,000 at most.
    pub async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        Ok(self.inner.store.recipients(id, state, after, limit).await?)
    }

    /// Sets the pace of the engine in this process, in messages a second, 0.1 at least and never above the configured one.
    /// `pace_too_high` (422), `not_driving` (409) when the engine is in another process.
    pub fn set_pace(&self, _messages_per_second: f64) -> Result<()> {
        todo!()
    }
}
