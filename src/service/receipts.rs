//! Taking webhook bodies in: stored as they came, in group commits, before anybody is told that they were taken.

use super::{Result, Service};

/// Bodies on their way into the store.
#[derive(Debug, Default)]
pub(super) struct Intake {}

impl Service {
    /// Stores a body whose signature was right. When this returns `Ok` it is durable. `receipts_backlog` or the store's
    /// error (503): not taken, to be sent again later.
    pub async fn take_receipt(&self, _body: Vec<u8>) -> Result<()> {
        todo!()
    }
}
