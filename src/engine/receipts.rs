//! Folds receipts into the ledger: reads stored bodies in order, turns each status into what it proves about one
//! attempt, and applies them in one step with the checkpoint.
//!
//! One process does it at a time, by a lease of its own; any process may store bodies.

use super::lease::{self, Asked, Held};
use super::news::opt_outs;
use super::parked::Parked;
use super::reign::message_of;
use super::verdict::{self, Effect, Message};
use super::{Shared, news, pause_before_asking, trouble};
use crate::die;
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::Change;
use crate::domain::phone::Phone;
use crate::domain::receipt::{self, Status, StatusEvent};
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::Millis;
use crate::store::{Evidence, RECEIPTS, ReceiptMove, StoreError, StoredReceipt};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Receipts are gathered for so long, so that the rungs of one person are one write.
const GATHER: Duration = Duration::from_millis(250);
/// Bodies of one step.
const MOST_BODIES: u32 = 1_000;
/// What one step applies, so that nobody else waits long for the store.
const MOST_MOVES: usize = 5_000;
/// User ids that are remembered as handed on; then it begins anew.
const MOST_LEARNED: usize = 100_000;
/// How often it is noted that another program sends from our sender too.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// How often it is asked whether a parked status has found its message.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Messages that are asked for at one time.
const MOST_WAMIDS: usize = 1_000;
/// Broadcasts of which it is remembered what their messages are.
const MOST_MESSAGES: usize = 32;

/// The note that holds how many receipts on our sender were another program's.
pub(crate) const FOREIGN_NOTE: &str = "receipts.foreign";

pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.drain.is_cancelled() {
        match lease::ask(&shared.parts.store, &shared.parts.clock, &shared.identity, RECEIPTS, String::new).await {
            Ok(Asked::Ours(held)) => {
                Folder::new(&shared, &held).fold_while_leased().await;
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
    /// User ids whose phone was handed to the store already, so that a person's receipts do so once.
    learned: HashSet<String>,
    /// What the messages of the broadcasts are that failed receipts came for lately.
    messages: VecDeque<(BroadcastId, Message)>,
    /// Statuses whose message is not known yet.
    parked: Parked,
    /// When the store was last asked for them.
    asked_at: Option<Instant>,
}

/// A broadcast, a recipient, an attempt.
type Place = (BroadcastId, u32, u32);

impl<'a> Folder<'a> {
    fn new(shared: &'a Shared, held: &'a Held) -> Self {
        Self {
            shared,
            held,
            noted_at: None,
            foreign: 0,
            learned: HashSet::new(),
            messages: VecDeque::new(),
            parked: Parked::default(),
            asked_at: None,
        }
    }

    async fn fold_while_leased(&mut self) {
        match Parked::load(&*self.shared.parts.store).await {
            Ok(parked) => self.parked = parked,
            Err(error) => {
                trouble(self.shared, &error);
                return pause_before_asking(self.shared).await;
            }
        }
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
        let now = self.shared.onward.now();
        let ask_for_parked = !self.parked.is_empty() && self.asked_at.is_none_or(|at| at.elapsed() >= ASK_EVERY);
        let mut up_to = match bodies.last() {
            Some(body) => body.id,
            None if ask_for_parked => 0,
            None => return Ok(false),
        };
        let full = bodies.len() >= MOST_BODIES as usize;
        let mut moves = Moves::default();
        for body in &bodies {
            self.read(body, now, &mut moves).await?;
            if moves.in_order.len() >= MOST_MOVES {
                up_to = body.id;
                break;
            }
        }
        let matched = if ask_for_parked { self.match_parked(now, &mut moves).await? } else { Vec::new() };
        // Before the bodies that they came in are dropped.
        self.parked.save(&**store).await?;
        if moves.in_order.is_empty() && up_to == 0 {
            return self.note_foreign().await.map(|()| false);
        }
        let full = full || bodies.last().is_some_and(|body| body.id > up_to);
        // Before the bodies are dropped; noting them once more changes nothing.
        if let Err(error) = opt_outs::learn(self.shared, std::mem::take(&mut moves.known)).await {
            self.learned.clear();
            return Err(error);
        }
        opt_outs::note(self.shared, std::mem::take(&mut moves.opt_outs)).await?;
        die::point("before_fold");
        let report = store.fold_receipts(&self.held.lease, moves.in_order, up_to).await?;
        die::point("after_fold");
        tracing::debug!(bodies = bodies.len(), ?report, "folded receipts");
        self.parked.let_go(&matched);
        self.parked.save(&**store).await?;
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
        let places = self.places(&statuses.events).await?;
        for event in statuses.events {
            if let Some((user, phone)) = event.recipient.pair()
                && self.is_new(&user)
            {
                moves.known.push((user, phone));
            }
            moves.opt_outs.extend(opt_outs::of_receipt(self.shared, &event).await?);
            match &event.attempt {
                Some(attempt) if attempt.store == *self.shared.parts.store.id() => {
                    let place = (attempt.broadcast.clone(), attempt.seq, attempt.attempt);
                    self.add(event, place, now, moves).await?;
                }
                None if !event.foreign => match places.get(&event.wamid).cloned() {
                    Some(place) => self.add(event, place, now, moves).await?,
                    None => self.foreign += self.parked.park(&event, now),
                },
                _ => self.foreign += 1,
            }
        }
        Ok(())
    }

    /// Whether this user id was not handed on yet.
    fn is_new(&mut self, user: &str) -> bool {
        if self.learned.len() >= MOST_LEARNED {
            self.learned.clear();
        }
        !self.learned.contains(user) && self.learned.insert(user.to_owned())
    }

    /// Where the messages of the statuses stand that carry no id at all.
    async fn places(&self, events: &[StatusEvent]) -> Result<HashMap<String, Place>, StoreError> {
        let nameless = events.iter().filter(|event| event.attempt.is_none() && !event.foreign);
        let wamids: BTreeSet<String> = nameless.map(|event| event.wamid.clone()).collect();
        let wamids: Vec<String> = wamids.into_iter().collect();
        let mut places = HashMap::new();
        for wamids in wamids.chunks(MOST_WAMIDS) {
            let found = self.shared.parts.store.attempts_of(wamids).await?;
            places.extend(found.into_iter().map(|place| (place.wamid, (place.broadcast, place.seq, place.attempt))));
        }
        Ok(places)
    }

    /// Asks whether the answers to the messages of parked statuses have come. Returns the messages found.
    async fn match_parked(&mut self, now: Millis, moves: &mut Moves) -> Result<Vec<String>, StoreError> {
        self.asked_at = Some(Instant::now());
        let found = self.shared.parts.store.attempts_of(&self.parked.wamids()).await?;
        let mut matched = Vec::new();
        for place in found {
            for event in self.parked.of(&place.wamid) {
                self.add(event, (place.broadcast.clone(), place.seq, place.attempt), now, moves).await?;
            }
            matched.push(place.wamid);
        }
        self.foreign += self.parked.forget(now);
        Ok(matched)
    }

    /// Adds what one status says about one attempt.
    async fn add(
        &mut self,
        event: StatusEvent,
        (broadcast, seq, attempt): Place,
        now: Millis,
        moves: &mut Moves,
    ) -> Result<(), StoreError> {
        let message = self.message(&event, &broadcast).await?;
        let (evidence, effect) =
            verdict::of_receipt(&self.shared.parts.policy, &event, (attempt, message), now, fastrand::u64(..));
        match effect {
            Effect::Pause(reason, detail) => moves.pauses.push((Some(broadcast.clone()), reason, detail)),
            Effect::PauseAll(reason, detail) => moves.pauses.push((None, reason, detail)),
            Effect::SlowDown(code, wait) => {
                *self.shared.slow_down.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, wait));
            }
            _ => {}
        }
        moves.add(ReceiptMove { broadcast, seq, attempt, wamid: event.wamid, at: event.at, evidence });
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
        let to = event.recipient.phone;
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
            let resume_at = match (reason, store.broadcast(&id).await) {
                (PauseReason::Template, Ok(broadcast)) => {
                    let now = self.shared.parts.clock.now();
                    super::templates::look_again_at(&**store, &broadcast, now).await.unwrap_or_default()
                }
                _ => None,
            };
            match store.pause(&id, reason, detail, resume_at).await {
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
    /// Whose the user ids are.
    known: Vec<(String, Phone)>,
    /// Who stopped marketing.
    opt_outs: Vec<Change>,
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
