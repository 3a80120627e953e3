//! Folds receipts into the ledger: reads stored bodies in order, turns each status into what it proves about one
//! attempt, and applies them in one step with the checkpoint.
//!
//! One process does it at a time, by a lease of its own; any process may store bodies.

use super::die;
use super::lease::{self, Asked, Held};
use super::reign::message_of;
use super::verdict::{self, Effect, Message};
use super::{Shared, news, pause_before_asking, trouble};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::receipt::{self, Status, StatusEvent};
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::Millis;
use crate::store::{Evidence, RECEIPTS, ReceiptMove, StoreError, StoredReceipt};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Receipts are gathered for so long, so that the rungs of one person are one write.
const GATHER: Duration = Duration::from_millis(250);
/// Bodies of one step.
const MOST_BODIES: u32 = 1_000;
/// What one step applies, so that nobody else waits long for the store.
const MOST_MOVES: usize = 5_000;
/// How often it is noted that another program sends from our sender too.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// Broadcasts of which it is remembered what their messages are.
const MOST_MESSAGES: usize = 32;

/// The note that holds how many receipts on our sender were another program's.
pub(crate) const FOREIGN_NOTE: &str = "receipts.foreign";

pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.drain.is_cancelled() {
        match lease::ask(&shared.parts.store, &shared.parts.clock, &shared.identity, RECEIPTS, String::new).await {
            Ok(Asked::Ours(held)) => {
                Folder { shared: &shared, held: &held, noted_at: None, foreign: 0, messages: VecDeque::new() }
                    .fold_while_leased()
                    .await;
                // Folding the same receipts twice changes nothing, so the fence may stay the same.
                let _ = held.release().await;
            }
            Ok(Asked::Theirs(_)) => pause_before_asking(&shared).await,
            Err(error) => {
                trouble(&shared, &error);
                pause_before_asking(&shared).await;
            }
        }
    }
}

struct Folder<'a> {
    shared: &'a Shared,
    held: &'a Held,
    noted_at: Option<Instant>,
    foreign: u64,
    /// What the messages of the broadcasts are that failed receipts came for lately.
    messages: VecDeque<(BroadcastId, Message)>,
}

impl Folder<'_> {
    async fn fold_while_leased(&mut self) {
        loop {
            let draining = self.shared.drain.is_cancelled();
            match self.fold_once().await {
                Ok(full) => {
                    if draining {
                        return;
                    }
                    if full {
                        continue;
                    }
                }
                Err(StoreError::LeaseLost) => return,
                Err(error) => {
                    trouble(self.shared, &error);
                    if draining {
                        return;
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.held.lost.cancelled() => return,
                () = self.shared.drain.cancelled() => {}
                () = tokio::time::sleep(GATHER) => {}
            }
        }
    }

    /// One step; whether there was as much as one step takes.
    async fn fold_once(&mut self) -> Result<bool, StoreError> {
        let store = &self.shared.parts.store;
        let bodies = store.receipts(MOST_BODIES).await?;
        let Some(up_to) = bodies.last().map(|body| body.id) else { return Ok(false) };
        let full = bodies.len() >= MOST_BODIES as usize;
        let now = self.shared.onward.now();
        let mut moves = Moves::default();
        let mut up_to = up_to;
        for body in &bodies {
            self.read(body, now, &mut moves).await?;
            if moves.in_order.len() >= MOST_MOVES {
                up_to = body.id;
                break;
            }
        }
        let full = full || bodies.last().is_some_and(|body| body.id > up_to);
        die::point("before_fold");
        let report = store.fold_receipts(&self.held.lease, moves.in_order, up_to).await?;
        die::point("after_fold");
        tracing::debug!(bodies = bodies.len(), ?report, "folded receipts");
        // Repeats that move nobody pause nothing: an operator may have mended it since.
        if report.moved > 0 {
            for (asked, reason, detail) in moves.pauses {
                self.pause(asked, reason, &detail).await;
            }
        }
        if report.moved > 0 {
            self.shared.bell.notify_one();
        }
        self.note_foreign().await?;
        Ok(full)
    }

    async fn read(&mut self, body: &StoredReceipt, now: Millis, moves: &mut Moves) -> Result<(), StoreError> {
        let statuses = match receipt::statuses(&body.body, body.received_at) {
            Ok(statuses) => statuses,
            Err(error) => {
                tracing::warn!(id = body.id, %error, "a signed body could not be read");
                return Ok(());
            }
        };
        if statuses.malformed > 0 {
            tracing::warn!(id = body.id, malformed = statuses.malformed, "some statuses could not be read");
        }
        // Before the statuses are folded and the body is dropped; applying it once more changes nothing.
        for item in &statuses.news {
            news::apply(self.shared, item, body.received_at).await?;
        }
        for event in statuses.events {
            let Some(attempt) = event.attempt.clone() else {
                self.foreign += 1;
                continue;
            };
            if attempt.store != *self.shared.parts.store.id() {
                self.foreign += 1;
                continue;
            }
            let message = self.message(&event, &attempt.broadcast).await?;
            let (evidence, effect) = verdict::of_receipt(
                &self.shared.parts.policy,
                &event,
                (attempt.attempt, message),
                now,
                fastrand::u64(..),
            );
            match effect {
                Effect::Pause(reason, detail) => moves.pauses.push((Some(attempt.broadcast.clone()), reason, detail)),
                Effect::PauseAll(reason, detail) => moves.pauses.push((None, reason, detail)),
                Effect::SlowDown(code, wait) => {
                    *self.shared.slow_down.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, wait));
                }
                _ => {}
            }
            moves.add(ReceiptMove {
                broadcast: attempt.broadcast,
                seq: attempt.seq,
                attempt: attempt.attempt,
                wamid: event.wamid,
                at: event.at,
                evidence,
            });
        }
        Ok(())
    }

    /// What the message of a failed receipt is; of others nobody asks.
    async fn message(&mut self, event: &StatusEvent, broadcast: &BroadcastId) -> Result<Message, StoreError> {
        if !matches!(event.status, Status::Failed { .. }) {
            return Ok(Message::default());
        }
        let known = if let Some((_, known)) = self.messages.iter().find(|(id, _)| id == broadcast) {
            *known
        } else {
            let store = &self.shared.parts.store;
            let message = match store.broadcast(broadcast).await {
                Ok(broadcast) => message_of(&**store, &broadcast).await?,
                Err(StoreError::NotFound(_)) => Message::default(),
                Err(error) => return Err(error),
            };
            if self.messages.len() >= MOST_MESSAGES {
                self.messages.pop_front();
            }
            self.messages.push_back((broadcast.clone(), message));
            message
        };
        let to = event.recipient.parse().ok().and_then(|digits| Phone::from_digits(digits).ok());
        Ok(Message { to_the_us: to.is_some_and(Phone::is_in_the_us), ..known })
    }

    /// A receipt may say that a template or an account is blocked: that pauses like an answer does.
    async fn pause(&self, broadcast: Option<BroadcastId>, reason: PauseReason, detail: &str) {
        let store = &self.shared.parts.store;
        let sender = &self.shared.parts.config.sender;
        let ids = match broadcast {
            Some(id) => vec![id],
            None => match store.broadcasts(true, super::reign::OPEN_BROADCASTS).await {
                Ok(open) => open
                    .into_iter()
                    .filter(|one| one.status == BroadcastStatus::Running && one.definition.sender == *sender)
                    .map(|one| one.id)
                    .collect(),
                Err(error) => return trouble(self.shared, &error),
            },
        };
        for id in ids {
            // Many receipts say the same; the first one pauses.
            match store.broadcast(&id).await {
                Ok(broadcast) if broadcast.status == BroadcastStatus::Paused || broadcast.status.is_final() => continue,
                _ => {}
            }
            match store.pause(&id, reason, detail, None).await {
                Ok(_) => self.shared.note_act("pause", &id, format!("{}: {detail}", reason.word())).await,
                Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
                Err(error) => trouble(self.shared, &error),
            }
        }
        self.shared.bell.notify_one();
    }

    /// Notes, now and then, how many receipts were not for attempts of this store.
    async fn note_foreign(&mut self) -> Result<(), StoreError> {
        if self.foreign == 0 || self.noted_at.is_some_and(|at| at.elapsed() < NOTE_EVERY) {
            return Ok(());
        }
        self.noted_at = Some(Instant::now());
        let store = &self.shared.parts.store;
        let before: u64 = store.note(FOREIGN_NOTE).await?.and_then(|text| text.parse().ok()).unwrap_or(0);
        store.put_note(FOREIGN_NOTE, &(before + self.foreign).to_string()).await?;
        self.foreign = 0;
        Ok(())
    }
}

/// What is to be applied: for each attempt only the highest rung, failures as they came.
#[derive(Default)]
struct Moves {
    in_order: Vec<ReceiptMove>,
    /// Where the highest rung of an attempt stands in `in_order`.
    reached: HashMap<(BroadcastId, u32, u32), usize>,
    pauses: Vec<(Option<BroadcastId>, PauseReason, String)>,
}

impl Moves {
    fn add(&mut self, new: ReceiptMove) {
        let Evidence::Reached(state) = new.evidence else {
            self.in_order.push(new);
            return;
        };
        let key = (new.broadcast.clone(), new.seq, new.attempt);
        let known = self.reached.get(&key).and_then(|place| self.in_order.get_mut(*place));
        if let Some(ReceiptMove { evidence: Evidence::Reached(before), at, .. }) = known {
            if state.rung() > before.rung() {
                *before = state;
                *at = new.at;
            }
        } else {
            self.reached.insert(key, self.in_order.len());
            self.in_order.push(new);
        }
    }
}
