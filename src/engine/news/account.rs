//! Applies what webhooks say about the account and its senders, at once: to what is known of the sender, and, when
//! sending is restricted, to what is going out.
//!
//! Called by [`super::apply`], so everything may come twice. What is known stands in notes of the store, so that every
//! process sees it; the overseer of the driving process keeps to a restriction as long as it stands.

use super::super::Shared;
use super::super::reign::{OPEN_BROADCASTS, resume};
use crate::domain::account::{
    self, ALERTS_NOTE, AccountNews, Alert, MOST_ALERTS, RESTRICTION_NOTE, Restriction, sender_note,
};
use crate::domain::ids::BroadcastId;
use crate::domain::receipt::News;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::Millis;
use crate::service::sender::SenderView;
use crate::store::{Store, StoreError};

/// Applies one item. `false`: it is not about the account.
pub(super) async fn apply(shared: &Shared, news: &News, received_at: Millis) -> Result<bool, StoreError> {
    let Some(said) = account::read(&news.field, &news.value) else { return Ok(false) };
    for one in said {
        tracing::info!(field = news.field, news = ?one, "a webhook told of the account");
        match one {
            AccountNews::Limit(limit) => change(shared, "", |sender| sender.info.messaging_limit = limit).await?,
            AccountNews::Throughput(phone, level) => {
                change(shared, &phone, |sender| sender.info.throughput_level = level).await?;
            }
            AccountNews::Status(phone, status) => change(shared, &phone, |sender| sender.info.status = status).await?,
            AccountNews::Restricted(restriction) => restrict(shared, &restriction).await?,
            AccountNews::Lifted => lift(shared).await?,
            AccountNews::Alert { critical, words } => alert(shared, Alert { at: received_at, critical, words }).await?,
        }
    }
    shared.bell.notify_one();
    Ok(true)
}

/// Changes what is known of our sender. `phone`: only if these are its displayed number's digits; empty: it concerns all.
async fn change(shared: &Shared, phone: &str, change: impl FnOnce(&mut SenderView)) -> Result<(), StoreError> {
    let store = &shared.parts.store;
    let key = sender_note(&shared.parts.config.sender);
    // What was never asked is not made up from a part of it; the first look will have it.
    let Some(note) = store.note(&key).await? else { return Ok(()) };
    let Ok(mut known) = serde_json::from_str::<SenderView>(&note) else { return Ok(()) };
    let digits: String = known.info.display_phone_number.chars().filter(char::is_ascii_digit).collect();
    if !phone.is_empty() && phone != digits {
        return Ok(());
    }
    change(&mut known);
    store.put_note(&key, &serde_json::to_string(&known).unwrap_or_default()).await
}

async fn restrict(shared: &Shared, restriction: &Restriction) -> Result<(), StoreError> {
    let (store, now) = (&shared.parts.store, shared.parts.clock.now());
    let known = Restriction::from_note(store.note(RESTRICTION_NOTE).await?.as_deref());
    // What this one would stop is stopped already.
    if known.is_some_and(|known| known != *restriction && known.covers(restriction, now)) {
        return Ok(());
    }
    store.put_note(RESTRICTION_NOTE, &serde_json::to_string(restriction).unwrap_or_default()).await?;
    for broadcast in store.broadcasts(true, OPEN_BROADCASTS).await? {
        let going = matches!(broadcast.status, BroadcastStatus::Running | BroadcastStatus::Preparing);
        let concerned = broadcast.definition.sender == shared.parts.config.sender
            && restriction.stops(&broadcast.definition.template.category, now);
        if !going || !concerned {
            continue;
        }
        match store.pause(&broadcast.id, PauseReason::Account, &restriction.detail, restriction.until).await {
            Ok(_) => {
                let detail = format!("{}: {}", PauseReason::Account.word(), restriction.detail);
                shared.note_act("pause", &broadcast.id, detail).await;
            }
            Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What was paused for the restriction goes on.
async fn lift(shared: &Shared) -> Result<(), StoreError> {
    let parts = &shared.parts;
    for id in lifted(&*parts.store, parts.clock.now()).await?.unwrap_or_default() {
        shared.note_act("resume", &id, "the account's restriction was lifted".to_owned()).await;
    }
    Ok(())
}

/// Ends the restriction that stands, and lets go on what was paused for it: those broadcasts. `None`: none stood. On a
/// webhook's word or an operator's.
pub(crate) async fn lifted(store: &dyn Store, now: Millis) -> Result<Option<Vec<BroadcastId>>, StoreError> {
    let Some(restriction) = Restriction::from_note(store.note(RESTRICTION_NOTE).await?.as_deref()) else {
        return Ok(None);
    };
    store.put_note(RESTRICTION_NOTE, "").await?;
    let mut resumed = Vec::new();
    for broadcast in store.broadcasts(true, OPEN_BROADCASTS).await? {
        let by_it = broadcast.reason == Some(PauseReason::Account) && broadcast.detail == restriction.detail;
        if broadcast.status != BroadcastStatus::Paused || !by_it {
            continue;
        }
        match resume(store, &broadcast.id, now).await {
            Ok(_) => resumed.push(broadcast.id),
            Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(resumed))
}

pub(super) async fn alert(shared: &Shared, alert: Alert) -> Result<(), StoreError> {
    let store = &shared.parts.store;
    let known = store.note(ALERTS_NOTE).await?;
    let mut alerts: Vec<Alert> = known.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default();
    alerts.retain(|known| known.words != alert.words);
    alerts.push(alert);
    let first = alerts.len().saturating_sub(MOST_ALERTS);
    store.put_note(ALERTS_NOTE, &serde_json::to_string(&alerts[first..]).unwrap_or_default()).await
}
