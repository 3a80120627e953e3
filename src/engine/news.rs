//! What webhooks tell beside the status of messages: people's words, templates, the account. Each kind has a module here.
//!
//! Called by `receipts` for every stored body before it is dropped, so everything here may be applied twice.

mod account;
pub(super) mod opt_outs;
mod templates;

use super::Shared;
use crate::domain::opt_out::inbound;
use crate::domain::receipt::News;
use crate::domain::time::Millis;
use crate::store::StoreError;
pub(crate) use account::lifted;

/// Applies one item. What cannot be read is told of and left; an error means that the store must be asked again.
pub(super) async fn apply(shared: &Shared, news: &News, received_at: Millis) -> Result<(), StoreError> {
    if inbound::concerns(news) {
        return opt_outs::apply(shared, news, received_at).await;
    }
    let ours = &shared.parts.config.account;
    if !ours.is_empty() && !news.account.is_empty() && news.account != *ours {
        tracing::debug!(account = news.account, field = news.field, "a webhook told of another account");
        return Ok(());
    }
    if templates::FIELDS.contains(&news.field.as_str()) {
        return templates::apply(shared, news, received_at).await;
    }
    if account::apply(shared, news, received_at).await? {
        return Ok(());
    }
    tracing::debug!(field = news.field, "a webhook told of something that nothing here listens to");
    Ok(())
}
