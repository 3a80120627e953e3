//! A broadcast's report as CSV: one line a recipient.

use super::{Result, Service};
use crate::domain::ids::BroadcastId;
use std::io::Write;

/// The report's columns.
pub const COLUMNS: [&str; 10] =
    ["phone", "name", "state", "attempts", "code", "title", "detail", "wamid", "changed_at", "due"];

impl Service {
    /// Writes a broadcast's report, page by page, and returns how many people are in it. `masked`: phones as screens
    /// show them. Errors: `unknown_broadcast` (404), `report_file` (422: cannot be written).
    pub async fn report(&self, _id: &BroadcastId, _masked: bool, _writer: impl Write + Send) -> Result<u64> {
        todo!()
    }
}
