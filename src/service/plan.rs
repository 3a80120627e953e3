//! What a broadcast would do, before anything is stored or sent.

use super::view::{BroadcastRequest, Plan};
use super::{Result, Service};

impl Service {
    /// Checks a request and says what it would do. Sends and stores nothing (but may sync templates and ask how the sender
    /// stands). `progress` is called with (people looked at, people in all) while the audience is walked; it
    /// is walked only when a blank cell could leave somebody out. Dropping the future stops the walk.
    ///
    /// Errors: `unknown_list` (404), `nobody_to_send_to`, `template_missing`, `template_not_approved`, `template_unsupported`, `variables_unbound`,
    /// `variables_unknown`, `columns_missing`, `pace_too_high`, `in_the_past`, `sender_blocked` (all 422), and the store's.
    pub async fn plan(&self, _request: &BroadcastRequest, _progress: impl FnMut(u64, u64) + Send) -> Result<Plan> {
        todo!()
    }
}
