//! The sender's health and its messaging limit.

use super::view::Budget;
use super::{Result, Service};
use crate::cloud_api::SenderInfo;
use crate::domain::time::Millis;
use serde::{Deserialize, Serialize};

/// What is known of the sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenderView {
    /// As the API described it.
    pub info: SenderInfo,
    /// When it did.
    pub asked_at: Millis,
    /// Why this is not from just now: the API could not be asked. `None`: it is from just now.
    #[serde(default)]
    pub trouble: Option<String>,
}

impl Service {
    /// Asks the API how the sender stands and remembers the answer; when the API is away, the last answer with
    /// its time and `trouble`. Errors: `api_away` (503) or `api_refused` (503) when it has never answered.
    pub async fn sender(&self) -> Result<SenderView> {
        todo!()
    }

    /// The sender as last remembered, without asking the API; `None`: never asked.
    pub async fn known_sender(&self) -> Result<Option<SenderView>> {
        todo!()
    }

    /// The messaging limit of 24 hours and how much of it is used; `None`: without limit, or not known.
    pub async fn budget(&self) -> Result<Option<Budget>> {
        todo!()
    }
}
