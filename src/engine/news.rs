//! What webhooks tell beside the status of messages: people's words, templates, the account. Each kind has a module here.
//!
//! Called by `receipts` for every stored body before it is dropped, so everything here may be applied twice.

mod templates;

use super::Shared;
use crate::domain::receipt::News;
use crate::domain::time::Millis;
use crate::store::StoreError;

/// Applies one item. What cannot be read is told of and left; an error means that the store must be asked again.
pub(super) async fn apply(shared: &Shared, news: &News, _received_at: Millis) -> Result<(), StoreError> {
    match news.field.as_str() {
        field if templates::FIELDS.contains(&field) => {
            templates::apply(shared, field, &news.value, shared.parts.clock.now()).await
        }
        field => {
            tracing::debug!(field, "a webhook told of something that nothing here listens to");
            Ok(())
        }
    }
}
