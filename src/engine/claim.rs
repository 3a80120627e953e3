//! Records intents just ahead of the pace: windows of 50 ms at most, one broadcast after the other.
//!
//! The permit of each person is taken before the intent and travels with it until the outcome is durable.

use super::hold::Permit;
use super::reign::{Active, Item, Reign};
use crate::die;
use crate::store::{Intent, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

/// Intents run ahead of the wire by so much of the pace at most.
const AHEAD_S: f64 = 0.05;
/// How soon a broadcast with nobody due is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// The largest window.
const LARGEST: usize = 1_000;

pub(super) async fn run(reign: Arc<Reign>, items: mpsc::UnboundedSender<Item>) {
    let mut last = 0;
    while !reign.stop.is_cancelled() {
        let Some(active) = next_turn(&reign, &mut last) else {
            wait_for_change(&reign).await;
            continue;
        };
        let limit = room(&reign, &active).await;
        if limit == 0 || reign.stop.is_cancelled() {
            continue;
        }
        open_window(&reign, &active, limit, &items).await;
    }
}

/// The next broadcast in turn that may have a window now, so that a small one does not wait for a large one.
fn next_turn(reign: &Reign, last: &mut usize) -> Option<Arc<Active>> {
    if !may_claim(reign) {
        return None;
    }
    let actives = reign.actives.load();
    let now = Instant::now();
    for step in 1..=actives.len() {
        let place = (*last + step) % actives.len();
        let active = &actives[place];
        let within_limit = reign.budget_left.load(Ordering::Acquire) > 0 || active.free_only.load(Ordering::Acquire);
        if has_turns(active) && within_limit && active.turn().not_before <= now {
            *last = place;
            return Some(active.clone());
        }
    }
    None
}

/// Whether the sender may take anybody on now.
fn may_claim(reign: &Reign) -> bool {
    let some_may_go = || reign.actives.load().iter().any(|active| active.free_only.load(Ordering::Acquire));
    !matches!(reign.hold.permit(), Permit::Held { .. })
        && (reign.budget_left.load(Ordering::Acquire) > 0 || some_may_go())
}

fn has_turns(active: &Active) -> bool {
    active.is_running() && !active.unheard.load(Ordering::Acquire)
}

async fn wait_for_change(reign: &Reign) {
    let actives = reign.actives.load_full();
    let turns = actives.iter().filter(|active| has_turns(active)).map(|active| active.turn().not_before);
    let soonest = if may_claim(reign) { turns.min() } else { None };
    let again = Instant::now() + ASK_AGAIN;
    let until = soonest.map_or(again, |at| at.clamp(Instant::now() + Duration::from_millis(1), again));
    tokio::select! {
        biased;
        () = reign.stop.cancelled() => {}
        () = reign.stock_bell.notified() => {}
        () = tokio::time::sleep_until(until) => {}
    }
}

/// Waits until there is room for a window, and says how large it may be.
async fn room(reign: &Reign, active: &Active) -> usize {
    let pace = reign.pace.allowed();
    if pace <= 0.0 && active.own_pace.is_none() {
        // Only the bound on unsettled people holds: take them by the handful, so that a commit serves many.
        let most = reign.shared.parts.config.max_unsettled() as usize;
        let handful = (most / 4).clamp(1, LARGEST);
        tokio::select! {
            biased;
            () = reign.stop.cancelled() => return 0,
            permit = reign.unsettled.acquire_many(u32::try_from(handful).unwrap_or(1)) => drop(permit),
        }
        return reign.unsettled.available_permits().min(LARGEST);
    }
    let ahead = if pace > 0.0 { window(pace) } else { LARGEST };
    loop {
        let stock = reign.stock.load(Ordering::Acquire);
        if stock <= ahead / 2 {
            return own_window(active).min(ahead - stock);
        }
        tokio::select! {
            biased;
            () = reign.stop.cancelled() => return 0,
            () = reign.stock_bell.notified() => {}
        }
    }
}

/// People in 50 ms of this pace, at least one.
fn window(messages_per_second: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    let people = (messages_per_second * AHEAD_S) as usize;
    people.clamp(1, LARGEST)
}

/// What a broadcast's own pace lets it have since its last window.
fn own_window(active: &Active) -> usize {
    let Some(pace) = active.own_pace else { return LARGEST };
    let mut turn = active.turn();
    let now = Instant::now();
    let people = window(pace);
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let takes = Duration::from_secs_f64(people as f64 / pace);
    turn.not_before = turn.opened_at.max(now.checked_sub(takes).unwrap_or(now)) + takes;
    turn.opened_at = turn.not_before;
    people
}

async fn open_window(reign: &Arc<Reign>, active: &Arc<Active>, limit: usize, items: &mpsc::UnboundedSender<Item>) {
    // Of those who cost nothing as many as there are; the others go back.
    let free_only = active.free_only.load(Ordering::Acquire);
    let budget =
        if free_only { LARGEST } else { usize::try_from(reign.budget_left.load(Ordering::Acquire)).unwrap_or(0) };
    let limit = limit.min(budget).min(reign.unsettled.available_permits().max(1));
    let Ok(permits) = u32::try_from(limit) else { return };
    let permit = tokio::select! {
        biased;
        () = reign.stop.cancelled() => return,
        permit = reign.unsettled.clone().acquire_many_owned(permits) => permit,
    };
    let Ok(permit) = permit else { return };
    active.opening.store(true, Ordering::Release);
    let opened =
        reign.store().open_window(&reign.lease, &active.id, permits, active.held_back, reign.shared.onward.now()).await;
    if opened.as_ref().is_ok_and(|intents| !intents.is_empty()) {
        die::point("after_intent");
    }
    take_up(reign, active, opened, permit, items).await;
    active.opening.store(false, Ordering::Release);
}

/// Hands what was granted to the dispatcher.
async fn take_up(
    reign: &Reign,
    active: &Arc<Active>,
    opened: Result<Vec<Intent>, StoreError>,
    mut permit: OwnedSemaphorePermit,
    items: &mpsc::UnboundedSender<Item>,
) {
    match opened {
        Ok(intents) => {
            if intents.is_empty() {
                let mut turn = active.turn();
                turn.nobody_due = true;
                turn.not_before = Instant::now() + ASK_AGAIN;
                return;
            }
            active.turn().nobody_due = false;
            if let Some(newest) = intents.iter().map(|intent| intent.seq).max() {
                reign.note_granted(&active.id, newest).await;
            }
            reign.stock.fetch_add(intents.len(), Ordering::AcqRel);
            let waits = reign.charge(active, &intents).await;
            let mut held = active.held();
            for (intent, waits_until) in intents.into_iter().zip(waits) {
                if !held.insert((intent.seq, intent.attempt)) {
                    // The store took back an outcome of ours ("never left") whose record we have not heard of, and
                    // granted the same attempt again: that record may yet be repeated, so this one must not be sent.
                    active.unheard.store(true, Ordering::Release);
                    reign.stock.fetch_sub(1, Ordering::AcqRel);
                    continue;
                }
                let Some(permit) = permit.split(1) else { break };
                if items.send(Item { active: active.clone(), intent, permit, waits_until }).is_err() {
                    // Nobody sends any more: what was granted becomes "not sure" at the next start.
                    return;
                }
            }
        }
        Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {
            active.running.store(false, Ordering::Release);
            reign.shared.bell.notify_one();
        }
        Err(error) => {
            // The intents may be on record although we never heard of them: nothing of theirs was or will be sent.
            active.unheard.store(true, Ordering::Release);
            // Until they are put back they count, so that another broadcast's windows do not add to them.
            active.unheard_permits().push(permit);
            reign.store_failed(&error).await;
        }
    }
}
