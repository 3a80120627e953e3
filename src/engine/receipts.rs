//! Folds receipts into the ledger: reads stored bodies in order, turns each status into what it proves about one
//! attempt, and applies them in one step with the checkpoint.
//!
//! One process does it at a time, by a lease of its own; any process may store bodies.

use super::lease::{self, Asked, Held};
use super::news::opt_outs;
use super::parked::Parked;
use super::reign::{ACCOUNT_NOTES, message_of, resumed_at};
use super::slow_down::SlowDown;
use super::verdict::{self, Effect, Message};
use super::{Shared, news, pause_before_asking, trouble};
use crate::die;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::Change;
use crate::domain::phone::Phone;
use crate::domain::receipt::{self, Status, StatusEvent};
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::Millis;
use crate::store::{Evidence, RECEIPTS, RECEIPTS_BYTES, ReceiptMove, StoreError, StoredReceipt};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
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
        let bytes: usize = bodies.iter().map(|body| body.body.len()).sum();
        let full = bodies.len() >= MOST_BODIES as usize || bytes >= RECEIPTS_BYTES / 2;
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
        opt_outs::learn(self.shared, std::mem::take(&mut moves.known)).await?;
        opt_outs::note(self.shared, std::mem::take(&mut moves.opt_outs)).await?;
        die::point("before_fold");
        let report = store.fold_receipts(&self.held.lease, moves.in_order, up_to).await?;
        die::point("after_fold");
        tracing::debug!(bodies = bodies.len(), ?report, "folded receipts");
        self.parked.let_go(&matched);
        self.parked.save(&**store).await?;
        // Repeats that move nobody pause nothing: an operator may have mended it since.
        if report.moved > 0 {
            for (broadcast, (code, wait)) in moves.slow_downs {
                self.slow_down(&broadcast, code, wait).await?;
            }
            for told in &moves.pauses {
                self.pause(told).await?;
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
                && opt_outs::is_new(self.shared, &user)
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
            Effect::Pause(reason, detail, for_good) => {
                let (broadcast, all, at) = (broadcast.clone(), false, event.at);
                moves.pauses.push(PauseTold { broadcast, all, reason, detail, for_good, at });
            }
            Effect::PauseAll(reason, detail) => {
                let (broadcast, all, for_good, at) = (broadcast.clone(), true, false, event.at);
                moves.pauses.push(PauseTold { broadcast, all, reason, detail, for_good, at });
            }
            Effect::SlowDown(code, wait) => {
                moves.slow_downs.insert(broadcast.clone(), (code, wait));
            }
            _ => {}
        }
        let mark = event.mark();
        moves.add(ReceiptMove { broadcast, seq, attempt, wamid: event.wamid, at: event.at, evidence, mark });
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

    /// A receipt may say that a sender is too fast: whoever drives it, here or in another process, is to go slower.
    async fn slow_down(&self, broadcast: &BroadcastId, code: i64, wait: Option<Duration>) -> Result<(), StoreError> {
        let (store, now) = (&self.shared.parts.store, self.shared.parts.clock.now());
        let sender = match store.broadcast(broadcast).await {
            Ok(broadcast) => broadcast.definition.sender,
            Err(StoreError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let wait_ms = wait.and_then(|wait| i64::try_from(wait.as_millis()).ok());
        let until = wait_ms.map(|wait_ms| now.plus(wait_ms));
        SlowDown { code, at: now, until }.note(&**store, &sender).await
    }

    /// A receipt may say that a template, a sender or an account is blocked: that pauses like an answer does, whoever drives
    /// that sender.
    async fn pause(&self, told: &PauseTold) -> Result<(), StoreError> {
        let store = &self.shared.parts.store;
        let about = match store.broadcast(&told.broadcast).await {
            Ok(broadcast) => broadcast,
            Err(StoreError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let concerned = if told.all {
            let senders = self.senders_with(&about.definition.sender, told.reason).await?;
            let mut open = store.broadcasts(true, super::reign::OPEN_BROADCASTS).await?;
            let going = |one: &Broadcast| matches!(one.status, BroadcastStatus::Running | BroadcastStatus::Preparing);
            open.retain(|one| going(one) && senders.contains(&one.definition.sender));
            open
        } else {
            vec![about]
        };
        for broadcast in concerned {
            // Many receipts say the same; the first one pauses. What is told late of the time before an operator mended it
            // pauses nothing.
            let is_over = broadcast.status == BroadcastStatus::Paused || broadcast.status.is_final();
            if is_over || told.at <= resumed_at(&**store, &broadcast.id).await? {
                continue;
            }
            let (id, reason) = (&broadcast.id, told.reason);
            let resume_at = match reason {
                PauseReason::Template if !told.for_good => {
                    super::templates::look_again_at(&**store, &broadcast, self.shared.parts.clock.now()).await?
                }
                _ => None,
            };
            let detail = super::templates::with_way_on(reason, &told.detail, resume_at);
            match store.pause(id, reason, &detail, resume_at).await {
                Ok(_) => self.shared.note_act("pause", id, format!("{}: {detail}", reason.word())).await,
                Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.shared.bell.notify_one();
        Ok(())
    }

    /// The senders that what is told of one of them is true of: those of its account, as far as they have said, if it is
    /// about the account.
    async fn senders_with(&self, sender: &str, reason: PauseReason) -> Result<BTreeSet<String>, StoreError> {
        let mut senders = BTreeSet::from([sender.to_owned()]);
        if reason == PauseReason::Account {
            let accounts = self.shared.parts.store.notes(ACCOUNT_NOTES).await?;
            let account = accounts.get(&format!("{ACCOUNT_NOTES}{sender}")).cloned().unwrap_or_default();
            let same = accounts.iter().filter(|(_, other)| !account.is_empty() && **other == account);
            senders.extend(same.filter_map(|(key, _)| key.strip_prefix(ACCOUNT_NOTES)).map(str::to_owned));
        }
        Ok(senders)
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

/// A receipt that says that something must stop.
struct PauseTold {
    /// The broadcast that it came for.
    broadcast: BroadcastId,
    /// It is about all of that one's sender, or account.
    all: bool,
    reason: PauseReason,
    detail: String,
    /// Waiting changes nothing.
    for_good: bool,
    /// When, by Meta's clock; whole seconds.
    at: Millis,
}

/// What is to be applied: for each attempt only the highest rung, failures as they came.
#[derive(Default)]
struct Moves {
    in_order: Vec<ReceiptMove>,
    /// Where the highest rung of an attempt stands in `in_order`.
    reached: HashMap<(BroadcastId, u32, u32), usize>,
    pauses: Vec<PauseTold>,
    /// Whose senders are too fast, by their broadcasts: the code, and how long to be silent.
    slow_downs: BTreeMap<BroadcastId, (i64, Option<Duration>)>,
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
        if let Some(ReceiptMove { evidence: Evidence::Reached(before), at, mark, .. }) = known {
            *mark = mark.and(new.mark);
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
