//! Templates as last synced, and syncing them.

use super::{Result, Service};
use crate::store::SyncedTemplates;

impl Service {
    /// The templates as last synced.
    pub async fn templates(&self) -> Result<SyncedTemplates> {
        Ok(self.inner.store.templates().await?)
    }

    /// Asks WhatsApp for all templates and keeps them. Errors: `api_away` (503), `api_refused` (503, with WhatsApp's words).
    pub async fn sync_templates(&self) -> Result<SyncedTemplates> {
        todo!()
    }
}
