//! The messaging limit: how many different people may be written to in a rolling 24 hours, and how many of them are left.
//!
//! The limit is the whole portfolio's, so everybody whom this store has reached counts, whichever sender it was. Whoever
//! was reached in that time costs nothing more. What does not fit waits: nobody fails, and the broadcast says when it goes
//! on. The overseer renews the figures; `claim` keeps to them.

use super::reign::{Active, Reign};
use crate::cloud_api::{CallError, SenderInfo};
use crate::domain::account::{RESTRICTION_NOTE, Restriction, TOKEN_NOTE, TokenStanding, sender_note};
use crate::domain::error_policy::Action;
use crate::domain::phone::Phone;
use crate::domain::state::{PauseReason, RecipientState};
use crate::domain::time::{DAY, MINUTE, Millis};
use crate::service::sender::SenderView;
use crate::store::{Intent, StoreError};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// People are counted by this much time.
const QUARTER: i64 = 15 * MINUTE;
/// When somebody who did not fit is looked at again, and everybody when nothing better is known.
const AGAIN_MS: i64 = 15 * MINUTE;
/// People who wait, in one page of a look for those who cost nothing.
const PAGE: u32 = 5_000;
/// Pages of one look: half a million people.
const MOST_PAGES: u32 = 100;

/// When the first of those reached falls out of the 24 hours, so that somebody else fits. `allowed`: people in 24 hours.
pub(crate) fn room_at(quarters: &[(Millis, u64)], used: u64, allowed: u64) -> Option<Millis> {
    let mut left = used;
    let leaving = |(quarter, people): &(Millis, u64)| {
        left = left.saturating_sub(*people);
        (left < allowed).then(|| quarter.plus(QUARTER + DAY))
    };
    quarters.iter().find_map(leaving)
}

/// Renews what is known of the limit and of restrictions. `ask`: also asks the API how the sender stands.
pub(super) async fn renew(reign: Arc<Reign>, ask: bool) {
    if let Err(error) = renewed(&reign, ask).await {
        tracing::debug!(%error, "the messaging limit could not be renewed");
    }
}

async fn renewed(reign: &Reign, ask: bool) -> Result<(), StoreError> {
    let parts = &reign.shared.parts;
    if ask {
        match parts.api.sender(&parts.config.sender).await {
            Ok(info) => {
                standing(reign, info).await?;
                token_trouble(reign, String::new()).await?;
            }
            // Neither says anything about the limit, so what was known stays.
            Err(CallError::Refused { http_status, error }) => {
                let rule = parts.policy.rule_for(error.code, error.subcode, Some(http_status), error.transient);
                if rule.action == Action::StopAuth {
                    let code = error.code;
                    token_trouble(reign, format!("{ASKED}: {} (code {code})", rule.title)).await?;
                }
            }
            Err(CallError::Odd { .. }) => {}
            Err(CallError::Unreachable(detail)) => {
                reign.hold.no_connection(&detail);
                return Ok(());
            }
        }
    }
    keep_to_restriction(reign).await?;
    let note = parts.store.note(&sender_note(&parts.config.sender)).await?;
    let known = note.and_then(|note| serde_json::from_str::<SenderView>(&note).ok());
    if let Some(why) = known.as_ref().and_then(|known| blocked(&known.info)) {
        // Whatever begins has nobody to send to until the next look stops it.
        reign.budget_left.store(0, Ordering::Release);
        *reign.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(0);
        reign.ask_pause(None, PauseReason::Sender, why);
        return Ok(());
    }
    let limit = known.and_then(|known| known.info.people_a_day()).unwrap_or(u64::MAX);
    *reign.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(limit);
    if limit == u64::MAX {
        reign.budget_left.store(i64::MAX, Ordering::Release);
        reign.stock_bell.notify_one();
        return Ok(());
    }
    let allowed = limit.saturating_sub(parts.config.daily_reserve);
    // First who is under way, then who is on record: whoever moves from one to the other counts twice rather than never.
    let under_way = u64::from(reign.unsettled_now());
    let quarters = parts.store.people_reached(reign.now().plus(-DAY)).await?;
    let used = quarters.iter().map(|(_, people)| people).sum::<u64>() + under_way;
    let left = i64::try_from(allowed.saturating_sub(used)).unwrap_or(i64::MAX);
    let before = reign.budget_left.swap(left, Ordering::AcqRel);
    if left > 0 {
        for active in reign.actives.load().iter() {
            active.free_only.store(false, Ordering::Release);
        }
        if before <= 0 {
            reign.stock_bell.notify_one();
        }
        return Ok(());
    }
    let until = room_at(&quarters, used, allowed).unwrap_or_else(|| reign.now().plus(AGAIN_MS));
    let until = until.max(reign.now().plus(MINUTE));
    for active in reign.actives.load().iter().filter(|active| active.is_running()) {
        match waiting(reign, active).await? {
            Waiting::Nobody => {
                // So that it can end: nobody asks for its next window while the limit is used up.
                active.turn().nobody_due = true;
                reign.shared.bell.notify_one();
                continue;
            }
            Waiting::SomeFree => {
                active.free_only.store(true, Ordering::Release);
                reign.stock_bell.notify_one();
                continue;
            }
            Waiting::OnlyNew => {}
        }
        let reserve = match parts.config.daily_reserve {
            0 => String::new(),
            reserve => format!(", {reserve} of them kept in reserve"),
        };
        let detail = format!(
            "the account may write to {limit} people in 24 hours{reserve}, and has; the rest goes on by itself as room \
             comes free"
        );
        reign.ask_pause_until(Some(active), PauseReason::Budget, detail, Some(until));
    }
    Ok(())
}

/// How a token's trouble begins that was seen by asking how the sender stands; it is over when the sender is told of.
pub(crate) const ASKED: &str = "WhatsApp does not take it";

/// Shows that the token is not taken, also while nothing goes out; empty: it is, so that such trouble is over.
async fn token_trouble(reign: &Reign, trouble: String) -> Result<(), StoreError> {
    let store = reign.store();
    let note = store.note(TOKEN_NOTE).await?;
    let known: Option<TokenStanding> = note.and_then(|note| serde_json::from_str(&note).ok());
    let known = known.unwrap_or_default();
    let is_new = if trouble.is_empty() { known.trouble.starts_with(ASKED) } else { known.trouble.is_empty() };
    if is_new {
        let standing = TokenStanding { checked_at: reign.now(), trouble, ..known };
        store.put_note(TOKEN_NOTE, &serde_json::to_string(&standing).unwrap_or_default()).await?;
    }
    Ok(())
}

/// Why a sender may not send; `None`: it may.
fn blocked(info: &SenderInfo) -> Option<String> {
    let notes = info.health_notes.join(" ");
    let why = if notes.is_empty() { "WhatsApp Manager says why" } else { &notes };
    let is_blocked = info.can_send_message == "BLOCKED";
    is_blocked.then(|| format!("WhatsApp does not let this sender write to anybody: {why}"))
}

/// Remembers how the API says that the sender stands.
async fn standing(reign: &Reign, info: SenderInfo) -> Result<(), StoreError> {
    let parts = &reign.shared.parts;
    let view = SenderView { info, asked_at: reign.now(), trouble: None };
    let note = serde_json::to_string(&view).unwrap_or_default();
    parts.store.put_note(&sender_note(&parts.config.sender), &note).await
}

/// Pauses what a restriction of the account concerns, also what has begun since it came.
async fn keep_to_restriction(reign: &Reign) -> Result<(), StoreError> {
    let Some(restriction) = Restriction::from_note(reign.store().note(RESTRICTION_NOTE).await?.as_deref()) else {
        return Ok(());
    };
    for active in reign.actives.load().iter().filter(|active| restriction.stops(&active.category, reign.now())) {
        let detail = restriction.detail.clone();
        reign.ask_pause_until(Some(active), PauseReason::Account, detail, restriction.until);
    }
    Ok(())
}

/// Who waits in a broadcast when the limit is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nobody who is due.
    Nobody,
    /// Somebody who was reached already, and so may go.
    SomeFree,
    /// People who do not fit.
    OnlyNew,
}

async fn waiting(reign: &Reign, active: &Active) -> Result<Waiting, StoreError> {
    let (store, now) = (reign.store(), reign.now());
    let queued = Some(RecipientState::Queued);
    if active.free_only.load(Ordering::Acquire) {
        if !active.turn().nobody_due || !active.held().is_empty() {
            return Ok(Waiting::SomeFree);
        }
        // All who may go have gone; the others were given back until later.
        let rest = store.recipients(&active.id, queued, None, 1).await?;
        return Ok(if rest.is_empty() { Waiting::Nobody } else { Waiting::OnlyNew });
    }
    let (mut after, mut waiting) = (None, Waiting::Nobody);
    for _ in 0..MOST_PAGES {
        let page = store.recipients(&active.id, queued, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        let due = page.iter().filter(|row| row.due.is_none_or(|due| due <= now));
        let phones: Vec<Phone> = due.map(|row| row.phone).collect();
        if !phones.is_empty() {
            waiting = Waiting::OnlyNew;
        }
        if !store.reached_among(&phones, now.plus(-DAY)).await?.is_empty() {
            return Ok(Waiting::SomeFree);
        }
    }
    Ok(waiting)
}

impl Reign {
    /// Counts a window's people against what is left. `Some` for each who does not fit: when to look at them again.
    pub(super) async fn charge(&self, active: &Active, intents: &[Intent]) -> Vec<Option<Millis>> {
        let mut waits = vec![None; intents.len()];
        if self.budget_left.load(Ordering::Acquire) == i64::MAX {
            return waits;
        }
        let phones: Vec<Phone> = intents.iter().map(|intent| intent.phone).collect();
        let free = self.store().reached_among(&phones, self.now().plus(-DAY)).await;
        // When that cannot be said, everybody costs.
        let free: HashSet<usize> = free.unwrap_or_default().into_iter().collect();
        let free_only = active.free_only.load(Ordering::Acquire);
        for (_, wait) in waits.iter_mut().enumerate().filter(|(place, _)| !free.contains(place)) {
            let left = self.budget_left.fetch_sub(1, Ordering::AcqRel);
            if left <= 0 && free_only {
                self.budget_left.fetch_add(1, Ordering::AcqRel);
                *wait = Some(self.shared.onward.now().plus(AGAIN_MS));
            }
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_when_the_oldest_leave_the_day() {
        let at = |quarter: i64| Millis(quarter * QUARTER);
        let quarters = [(at(10), 5), (at(12), 0), (at(20), 30)];
        assert_eq!(room_at(&quarters, 35, 35), Some(at(11).plus(DAY)));
        assert_eq!(room_at(&quarters, 35, 30), Some(at(21).plus(DAY)), "not before more than those over it have left");
        assert_eq!(room_at(&quarters, 35, 31), Some(at(11).plus(DAY)));
        assert_eq!(room_at(&quarters, 35, 0), None);
        assert_eq!(room_at(&[], 7, 7), None, "all of them under way");
    }
}
