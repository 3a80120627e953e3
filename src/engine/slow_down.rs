//! Word that a sender is too fast, kept in the store: whoever folds receipts hears it, whoever drives that sender goes by
//! it, and they may be two processes. A long silence that the API asked for outlives the process that heard it.

use crate::domain::time::{MINUTE, Millis};
use crate::store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Without a time of its own it counts for so long.
const COUNTS_MS: i64 = MINUTE;
/// No silence is kept to for longer.
const LONGEST_MS: i64 = 24 * 60 * MINUTE;

/// What was said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SlowDown {
    /// The code that said so.
    pub(super) code: i64,
    /// When.
    pub(super) at: Millis,
    /// Until when nothing is to be sent at all.
    pub(super) until: Option<Millis>,
}

fn key(sender: &str) -> String {
    format!("engine.slow_down.{sender}")
}

impl SlowDown {
    /// What stands of a sender.
    pub(super) async fn known(store: &dyn Store, sender: &str) -> Result<Option<Self>, StoreError> {
        Ok(store.note(&key(sender)).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) async fn note(&self, store: &dyn Store, sender: &str) -> Result<(), StoreError> {
        store.put_note(&key(sender), &serde_json::to_string(self).unwrap_or_default()).await
    }

    /// Whether it still counts.
    pub(super) fn holds(&self, now: Millis) -> bool {
        now.since(self.at).abs() < COUNTS_MS || self.left(now).is_some()
    }

    /// For how long from now nothing is to be sent; `None`: that is over, or was not asked.
    pub(super) fn left(&self, now: Millis) -> Option<Duration> {
        let left_ms = self.until?.since(now).min(LONGEST_MS);
        u64::try_from(left_ms).ok().filter(|left_ms| *left_ms > 0).map(Duration::from_millis)
    }
}
