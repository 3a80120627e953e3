//! People's words for and against being written to, as they come by webhooks, receipts and answers.
//!
//! Facts: noted by whoever hears of them, once, and each that changes something is put on the audit trail. It never decides
//! who is left out of a broadcast; the store does, in the step that records an intent.

use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::inbound::Said;
use crate::domain::opt_out::{Change, Kind, STOPPED_MARKETING, Who, inbound};
use crate::domain::phone::Phone;
use crate::domain::receipt::{News, Status, StatusEvent};
use crate::domain::time::Millis;
use crate::engine::Shared;
use crate::store::{Outcome, StoreError, Verdict};
use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

/// User ids that are remembered as handed on; then it begins anew.
const MOST_LEARNED: usize = 100_000;
/// Changes in one call of the store.
const MOST_CHANGES: usize = 1_000;

/// Applies one part of a webhook.
pub(super) async fn apply(shared: &Shared, news: &News, received_at: Millis) -> Result<(), StoreError> {
    let mut said = inbound::read(news, &shared.parts.config.opt_out, received_at);
    find_who_answered(shared, &mut said).await?;
    if said.malformed > 0 {
        tracing::warn!(field = news.field, malformed = said.malformed, "some of what people said could not be read");
    }
    let new = said.known.into_iter().filter(|(user, _)| is_new(shared, user)).collect();
    learn(shared, new).await?;
    note(shared, said.changes).await
}

/// Whoever hides the phone and answers a message of ours is whom that went to.
async fn find_who_answered(shared: &Shared, said: &mut Said) -> Result<(), StoreError> {
    for some in said.answers.chunks(MOST_CHANGES) {
        let wamids: Vec<String> = some.iter().map(|(_, wamid)| wamid.clone()).collect();
        let attempts = shared.parts.store.attempts_of(&wamids).await?;
        for (place, wamid) in some {
            let Some(attempt) = attempts.iter().find(|attempt| attempt.wamid == *wamid) else { continue };
            let phone = phone_of(shared, &attempt.broadcast, attempt.seq).await?;
            if let Some(change) = said.changes.get_mut(*place) {
                change.who.phone = phone;
                said.known.extend(change.who.pair());
            }
        }
    }
    let all = said.changes.len();
    said.changes.retain(|change| change.who.key().is_some());
    said.malformed += all - said.changes.len();
    Ok(())
}

/// Whom a recipient's place in a broadcast stands for.
async fn phone_of(shared: &Shared, broadcast: &BroadcastId, seq: u32) -> Result<Option<Phone>, StoreError> {
    // The last one before, so that the next is the recipient.
    match shared.parts.store.recipients(broadcast, None, seq.checked_sub(1), 1).await {
        Ok(rows) => Ok(rows.first().filter(|row| row.seq == seq).map(|row| row.phone)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes changes, and puts on the audit trail what changed something.
pub(in crate::engine) async fn note(shared: &Shared, changes: Vec<Change>) -> Result<(), StoreError> {
    for some in changes.chunks(MOST_CHANGES) {
        let noted = shared.parts.store.note_opt_outs(some.to_vec()).await?;
        for (change, noted) in some.iter().zip(noted) {
            if let (true, Some(event)) = (noted.has_changed(), noted.event()) {
                let what = if change.stop { "opt_out" } else { "opt_in" };
                let detail = format!("no. {event}: {}, {}", change.kind.word(), change.how);
                shared.note_act_on(what, &change.who.masked(), detail).await;
            }
        }
    }
    Ok(())
}

fn remembered(shared: &Shared) -> MutexGuard<'_, HashSet<String>> {
    shared.learned.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a user id was not handed to the store yet; it counts as handed on from now on.
pub(in crate::engine) fn is_new(shared: &Shared, user: &str) -> bool {
    let mut remembered = remembered(shared);
    if remembered.len() >= MOST_LEARNED {
        remembered.clear();
    }
    !remembered.contains(user) && remembered.insert(user.to_owned())
}

/// Learns whose the user ids are.
pub(in crate::engine) async fn learn(shared: &Shared, known: Vec<(String, Phone)>) -> Result<(), StoreError> {
    for some in known.chunks(MOST_CHANGES) {
        let learned = shared.parts.store.learn_users(some.to_vec()).await;
        // What was not taken is handed on again.
        let moved = learned.inspect_err(|_| remembered(shared).clear())?;
        if moved > 0 {
            tracing::info!(moved, "opt-outs that were known by user id alone have a phone now");
        }
    }
    Ok(())
}

/// What a receipt says about opting out: the code by which WhatsApp tells that somebody stopped marketing.
pub(in crate::engine) async fn of_receipt(shared: &Shared, event: &StatusEvent) -> Result<Option<Change>, StoreError> {
    let Status::Failed { code: STOPPED_MARKETING, details, .. } = &event.status else { return Ok(None) };
    let mut who = event.recipient.clone();
    if let (None, Some(attempt)) = (who.phone, &event.attempt)
        && attempt.store == *shared.parts.store.id()
    {
        who.phone = phone_of(shared, &attempt.broadcast, attempt.seq).await?;
    }
    if who.key().is_none() {
        tracing::warn!(wamid = event.wamid, "somebody stopped marketing, but nothing says who");
        return Ok(None);
    }
    Ok(Some(stopped(who, event.at, "a receipt", &event.wamid, details)))
}

/// What answers say about opting out.
pub(in crate::engine) fn of_outcomes(outcomes: &[Outcome]) -> Vec<Change> {
    let stopped_marketing = |outcome: &Outcome| match &outcome.verdict {
        Verdict::Failed { code: STOPPED_MARKETING, response, .. }
        | Verdict::Retry { code: STOPPED_MARKETING, response, .. } => {
            Some(stopped(Who::phone(outcome.phone), outcome.at, "an answer", "", response))
        }
        _ => None,
    };
    outcomes.iter().filter_map(stopped_marketing).collect()
}

fn stopped(who: Who, at: Millis, how: &str, wamid: &str, text: &str) -> Change {
    let change = Change {
        who,
        kind: Kind::Code,
        stop: true,
        at,
        how: how.to_owned(),
        wamid: wamid.to_owned(),
        text: text.to_owned(),
    };
    change.bounded()
}
