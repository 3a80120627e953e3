//! After a broadcast's end: everything that is on record about it is read once more and compared, and the verdict is kept.
//!
//! In the background, page by page, so that nobody waits for it.

use super::{Shared, trouble};
use crate::domain::broadcast::{Broadcast, Counts};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::sweep::{Person, Row, Sweep, Verdict};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Rows in one page.
const PAGE: u32 = 2_000;
/// Between two pages, so that the sending goes first.
const BETWEEN_PAGES: Duration = Duration::from_millis(5);
/// Facts that come while it reads can look like a disagreement; then it reads again, so often at most.
const TRIES: u32 = 5;
/// The newest broadcasts that are looked at for one that a crash kept from being swept.
const NEWEST: u32 = 50;

/// The note that holds a broadcast's verdict.
pub(crate) fn verdict_key(id: &BroadcastId) -> String {
    format!("audit.{id}")
}

/// Sweeps the broadcasts of the sender that have ended and have no verdict, until all of the newest have one.
pub(super) async fn run(shared: Arc<Shared>) {
    match sweep_ended(&shared).await {
        Ok(()) | Err(StoreError::LeaseLost) => {}
        Err(error) => trouble(&shared, &error),
    }
}

async fn sweep_ended(shared: &Shared) -> Result<(), StoreError> {
    let store = &*shared.parts.store;
    for broadcast in store.broadcasts(false, NEWEST).await? {
        if shared.drain.is_cancelled() {
            return Ok(());
        }
        let ours = broadcast.definition.sender == shared.parts.config.sender;
        if !ours || broadcast.status != BroadcastStatus::Completed || broadcast.started_at.is_none() {
            continue;
        }
        if store.note(&verdict_key(&broadcast.id)).await?.is_some() {
            continue;
        }
        let Some(verdict) = sweep(shared, &broadcast).await? else { return Ok(()) };
        let text = serde_json::to_string(&verdict).unwrap_or_default();
        store.put_note(&verdict_key(&broadcast.id), &text).await?;
        if verdict.agrees() {
            tracing::info!(broadcast = %broadcast.id, "{}", verdict.words());
        } else {
            tracing::error!(broadcast = %broadcast.id, "{}", verdict.words());
        }
        shared.note_act("audit", &broadcast.id, verdict.words()).await;
    }
    Ok(())
}

/// `None`: drained meanwhile.
async fn sweep(shared: &Shared, broadcast: &Broadcast) -> Result<Option<Verdict>, StoreError> {
    let store = &*shared.parts.store;
    let mut tries = 0;
    loop {
        tries += 1;
        let before = store.counts(&broadcast.id).await?;
        let Some(sweep) = read(shared, broadcast).await? else { return Ok(None) };
        let counts = store.counts(&broadcast.id).await?;
        let audience = audience(store, broadcast).await?;
        let verdict = sweep.verdict(shared.parts.clock.now(), u64::from(broadcast.total), counts.total(), audience);
        // Only people in doubt get log rows from receipts.
        let in_doubt = |counts: &Counts| counts.get(RecipientState::InDoubt);
        if verdict.agrees() || in_doubt(&before) == in_doubt(&counts) || tries == TRIES {
            return Ok(Some(verdict));
        }
    }
}

async fn read(shared: &Shared, broadcast: &Broadcast) -> Result<Option<Sweep>, StoreError> {
    let store = &*shared.parts.store;
    let mut sweep = Sweep::default();
    let mut after = None;
    loop {
        let page = store.recipients(&broadcast.id, None, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for row in &page {
            let phone = row.phone.digits();
            sweep.person(Person { seq: row.seq, phone, state: row.state, attempt: row.attempt });
        }
        if !go_on(shared).await {
            return Ok(None);
        }
    }
    let mut after = 0;
    loop {
        let page = store.log(Some(&broadcast.id), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(Some(sweep)) };
        after = last.id;
        for row in &page {
            let phone = row.phone.digits();
            sweep.row(Row { seq: row.seq, phone, attempt: row.attempt, sent: row.status == "sent" });
        }
        if !go_on(shared).await {
            return Ok(None);
        }
    }
}

async fn go_on(shared: &Shared) -> bool {
    tokio::select! {
        biased;
        () = shared.drain.cancelled() => false,
        () = tokio::time::sleep(BETWEEN_PAGES) => true,
    }
}

/// How many people the uploads hold that the audience was frozen from.
async fn audience(store: &dyn Store, broadcast: &Broadcast) -> Result<Option<u64>, StoreError> {
    let audience = &broadcast.definition.audience;
    if audience.follow_up.is_some() || audience.uploads.is_empty() {
        return Ok(None);
    }
    store.audience_size(&audience.uploads).await.map(Some)
}
