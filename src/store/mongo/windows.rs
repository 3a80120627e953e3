//! Windows of intents: opening them, when the next is due, and what an earlier holder left open.
//!
//! An intent is one majority update of the lease document that checks the fence and that the broadcast
//! runs, moves the broadcast's cursor, and pushes the window. Nothing else is written before a request may
//! leave, but that whoever is opted out is left out first. It must never grant the same attempt twice.

use super::Inner;
use super::documents::{
    AT_ONCE, LeaseDoc, PersonKey, RecipientDoc, TodoDoc, TodoKind, Turn, Window, date, large, millis, small, to_bson,
};
use super::failure::Op;
use super::lease::{proof, signed};
use super::reading::PAGE;
use super::segment::{SEGMENT, Segment, SegmentKey};
use super::sheet::Sheet;
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::Kinds;
use crate::domain::phone::Phone;
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::store::{Intent, Lease, StoreError};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Whom the next window is for.
struct Choice {
    from: u32,
    to: u32,
    first: Vec<u32>,
    again: Vec<(i32, i32, i32)>,
}

/// People who are looked at together once one of them is opted out, so that a long row of them is soon behind.
const LOOKED_AHEAD: u32 = 1_000;
/// How many such rows a window passes at most, and how often it begins again because somebody opted out meanwhile.
const ROUNDS: u32 = 20;

impl Inner {
    pub(super) async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Op<Vec<Intent>> {
        let opening = self.flights.opening(&lease.subject);
        let _opening = opening.lock().await;
        let limit = limit.min(PAGE);
        let mut look_at = limit;
        for _ in 0..ROUNDS {
            let document = self.lease_document(None, &lease.subject).await?;
            if !document.proves(lease) {
                return Err(StoreError::LeaseLost.into());
            }
            let Some(turn) = document.broadcasts.get(id.as_str()).filter(|turn| turn.run).copied() else {
                return Err(self.why_not_running(id).await?.into());
            };
            let choice = self.choose(&document, turn, id, look_at, now).await?;
            if choice.first.is_empty() && choice.again.is_empty() {
                return Ok(Vec::new());
            }
            let any = self.may_be_opted_out(&document, held_back).await?;
            if any && self.leave_out(lease, id, &choice, held_back).await? {
                look_at = limit.max(LOOKED_AHEAD);
                continue;
            }
            if look_at != limit {
                // Nobody far and wide: now for the window itself.
                look_at = limit;
                continue;
            }
            if let Some(intents) = self.record_window(lease, id, (&document, any), choice, now).await? {
                return Ok(intents);
            }
        }
        // So many are opted out, or do so at this moment, that the caller should see to other things in between.
        Ok(Vec::new())
    }

    /// Records a window and reads whom it is for. `None`: somebody opted out since `document` was read.
    async fn record_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        (document, any): (&LeaseDoc, bool),
        choice: Choice,
        now: Millis,
    ) -> Op<Option<Vec<Intent>>> {
        let number = document.opened + 1;
        let window = Window {
            b: id.clone(),
            fence: signed(lease.fence),
            at: date(now),
            from: small(choice.from),
            to: small(choice.to),
            again: choice.again,
        };
        let finished = self.flights.finished(&lease.subject);
        let mut filter = proof(lease);
        filter.insert("opened", document.opened);
        filter.insert(format!("broadcasts.{id}.run"), true);
        let mut set = doc! {
            "opened": number,
            format!("windows.{number}"): to_bson(&window)?,
            format!("broadcasts.{id}.next"): small(choice.to),
        };
        if let Some(known) = document.opt_outs {
            filter.insert("opt_outs", known);
        } else {
            filter.insert("opt_outs", doc! { "$exists": false });
            set.insert("opt_outs", i64::from(any));
        }
        let mut update = doc! { "$set": set };
        if !finished.is_empty() {
            let gone: Document = finished.iter().map(|old| (format!("windows.{old}"), Bson::from(""))).collect();
            update.insert("$unset", gone);
        }
        // The recipients are read while the intent is on its way to the disk.
        let leases = self.documents("leases");
        let record = async { leases.update_one(filter, update).await };
        let (recorded, read) = tokio::join!(record, self.intents(&window, &choice.first));
        if recorded?.matched_count == 0 {
            if self.lease_document(None, &lease.subject).await?.opt_outs != document.opt_outs {
                return Ok(None);
            }
            return Err(self.why_refused(lease, id).await?.into());
        }
        self.flights.forget(&lease.subject, &finished);
        let mut intents = read?;
        self.drop_proven(id, &window, &mut intents).await?;
        self.flights.opened(lease, number, id, &intents);
        Ok(Some(intents))
    }

    /// Whether the opt-outs must be asked for a window. Once it is known that nobody is opted out, the lease document says
    /// so, and it is counted up with whoever opts out.
    async fn may_be_opted_out(&self, document: &LeaseDoc, held_back: Kinds) -> Op<bool> {
        match document.opt_outs {
            // Not looked at yet: whether there are any is what the document is to say from now on.
            None => Ok(self.documents("opt_outs").find_one(doc! {}).await?.is_some()),
            Some(count) => Ok(count > 0 && !held_back.is_empty()),
        }
    }

    /// Leaves out whoever of a choice is opted out. Whether there was somebody.
    async fn leave_out(&self, lease: &Lease, id: &BroadcastId, choice: &Choice, held_back: Kinds) -> Op<bool> {
        let again = choice.again.iter().map(|(seq, ..)| *seq);
        let keys: Vec<Bson> = again
            .chain(choice.first.iter().map(|seq| small(*seq)))
            .map(|seq| Bson::from(&PersonKey { b: id.clone(), s: seq }))
            .collect();
        let people = self.find_in::<RecipientDoc>(None, "recipients", doc! { "_id": { "$in": keys } }).await?;
        let phones: Vec<Phone> = people.iter().map(|person| person.phone).collect();
        let kinds = self.opted_out(&phones).await?;
        let out: Vec<(u32, &str)> = people
            .iter()
            .zip(kinds)
            .filter_map(|(person, kinds)| Some((large(person.id.s), kinds.reason(held_back)?)))
            .collect();
        if out.is_empty() {
            return Ok(false);
        }
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.leave_out_once(&mut transaction.session, lease, id, &out).await;
            if transaction.finish(done).await?.is_some() {
                return Ok(true);
            }
        }
    }

    async fn leave_out_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        id: &BroadcastId,
        out: &[(u32, &str)],
    ) -> Op<()> {
        self.check_lease(session, lease).await?;
        let people: Vec<(&BroadcastId, u32)> = out.iter().map(|(seq, _)| (id, *seq)).collect();
        let mut sheet = Sheet::read(self, session, &people).await?;
        let mut reasons = Vec::with_capacity(out.len());
        for (seq, reason) in out {
            // A receipt may have proven delivery of an earlier attempt, or a cancel ended it all.
            if sheet.state(id, *seq) == Some(RecipientState::Queued) {
                sheet.skip(id, *seq, reason);
                let key = Bson::from(&PersonKey::new(id, *seq));
                reasons.push(doc! { "q": { "_id": key }, "u": { "$set": { "skip": *reason } } });
            }
        }
        sheet.write(self, session).await?;
        self.update_many_ways(session, "recipients", reasons).await?;
        Ok(())
    }

    /// Those due for a retry, then the never-tried in order of seq.
    async fn choose(&self, document: &LeaseDoc, turn: Turn, id: &BroadcastId, limit: u32, now: Millis) -> Op<Choice> {
        let mut choice = Choice { from: large(turn.next), to: large(turn.next), first: Vec::new(), again: Vec::new() };
        if limit == 0 {
            return Ok(choice);
        }
        let is_due = doc! { "_id.b": id.as_str(), "kind": "retry", "due": { "$lte": date(now) } };
        let from = large(turn.next);
        let first = &SegmentKey::of(id, from);
        let filter = doc! {
            "_id": { "$gte": first, "$lt": { "b": id.as_str(), "n": i32::MAX } },
            "counts.q": { "$gt": 0 },
        };
        let pieces = i64::from(limit / SEGMENT) + 2;
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(pieces).build();
        let (due, segments) = tokio::try_join!(
            self.waiting(document, is_due, limit as usize),
            self.find_with::<Segment>(None, "segments", filter, options)
        )?;
        choice.again = due.into_iter().map(|todo| (todo.id.s, todo.attempt, todo.tries)).collect();
        let room = limit as usize - choice.again.len();
        choice.first = segments
            .iter()
            .flat_map(Segment::recipients)
            .filter(|(seq, state)| *seq >= from && *state == RecipientState::Queued)
            .map(|(seq, _)| seq)
            .take(room)
            .collect();
        if let (Some(start), Some(last)) = (choice.first.first(), choice.first.last()) {
            choice.from = *start;
            choice.to = last + 1;
        }
        Ok(choice)
    }

    /// The next to be tried again that are not under way, the one that is due first first.
    ///
    /// A retry stays on the list while it is under way, so as many more are read.
    async fn waiting(&self, document: &LeaseDoc, filter: Document, limit: usize) -> Op<Vec<TodoDoc>> {
        let again: usize = document.windows.values().map(|window| window.again.len()).sum();
        let most = i64::try_from(limit + again).unwrap_or(i64::MAX);
        let options = FindOptions::builder().sort(doc! { "due": 1, "_id": 1 }).limit(most).build();
        let waiting = self.find_with::<TodoDoc>(None, "todo", filter, options).await?;
        let flying = document.windows.iter().flat_map(|(number, window)| {
            let number: i64 = number.parse().unwrap_or(0);
            window.again.iter().map(move |(seq, attempt, _)| ((&window.b, *seq, *attempt), number))
        });
        let mut newest = HashMap::new();
        for (who, number) in flying {
            let known = newest.entry(who).or_insert(number);
            *known = number.max(*known);
        }
        let is_free = |todo: &TodoDoc| {
            newest.get(&(&todo.id.b, todo.id.s, todo.attempt)).is_none_or(|number| *number <= todo.after)
        };
        Ok(waiting.into_iter().filter(is_free).take(limit).collect())
    }

    /// Reads whom a window is for: the retries, then the first attempts.
    async fn intents(&self, window: &Window, first: &[u32]) -> Op<Vec<Intent>> {
        let mut people: HashMap<i32, RecipientDoc> = HashMap::new();
        let id = window.b.as_str();
        if window.from < window.to {
            let range = doc! { "_id": { "$gte": { "b": id, "s": window.from }, "$lt": { "b": id, "s": window.to } } };
            people.extend(self.find_in::<RecipientDoc>(None, "recipients", range).await?.into_iter().map(by_seq));
        }
        if !window.again.is_empty() {
            let keys: Vec<Bson> =
                window.again.iter().map(|(seq, ..)| Bson::from(&PersonKey { b: window.b.clone(), s: *seq })).collect();
            let filter = doc! { "_id": { "$in": keys } };
            people.extend(self.find_in::<RecipientDoc>(None, "recipients", filter).await?.into_iter().map(by_seq));
        }
        let first = first.iter().map(|seq| (small(*seq), 1, 0));
        let everybody = window.again.iter().copied().chain(first);
        let intents = everybody.filter_map(|(seq, attempt, tries)| {
            let person = people.remove(&seq)?;
            Some(Intent {
                seq: large(seq),
                attempt: large(attempt),
                tries: large(tries),
                phone: person.phone,
                values: person.values,
            })
        });
        Ok(intents.collect())
    }

    /// A receipt may have proven delivery between the choice and the intent: whoever is no longer queued
    /// is not handed out. Only a retry can have receipts.
    async fn drop_proven(&self, id: &BroadcastId, window: &Window, intents: &mut Vec<Intent>) -> Op<()> {
        if window.again.is_empty() {
            return Ok(());
        }
        let keys: BTreeSet<SegmentKey> = window.again.iter().map(|(seq, ..)| SegmentKey::of(id, large(*seq))).collect();
        let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
        let sheet = Sheet::of_segments(self.find_in(None, "segments", doc! { "_id": { "$in": keys } }).await?);
        let again: HashSet<u32> = window.again.iter().map(|(seq, ..)| large(*seq)).collect();
        intents.retain(|intent| {
            !again.contains(&intent.seq) || sheet.state(id, intent.seq) == Some(RecipientState::Queued)
        });
        Ok(())
    }

    async fn why_refused(&self, lease: &Lease, id: &BroadcastId) -> Op<StoreError> {
        let document = self.lease_document(None, &lease.subject).await?;
        if !document.proves(lease) {
            return Ok(StoreError::LeaseLost);
        }
        if document.broadcasts.get(id.as_str()).is_some_and(|turn| turn.run) {
            return Ok(StoreError::Conflict(format!("another window of {} was opened meanwhile", lease.subject)));
        }
        self.why_not_running(id).await
    }

    async fn why_not_running(&self, id: &BroadcastId) -> Op<StoreError> {
        let status = self.broadcast(id).await?.status;
        Ok(StoreError::Conflict(format!("broadcast {id} is {}, not running on this sender", status.word())))
    }

    pub(super) async fn windows_opened(&self, subject: &str) -> Op<u64> {
        Ok(self.lease_document(None, subject).await?.opened.unsigned_abs())
    }

    pub(super) async fn next_due(&self, id: &BroadcastId) -> Op<Option<Millis>> {
        let sender = self.broadcast(id).await?.definition.sender;
        let document = self.lease_document(None, &sender).await?;
        let filter = doc! { "_id.b": id.as_str(), "kind": "retry", "due": { "$gt": date(AT_ONCE) } };
        let next = self.waiting(&document, filter, 1).await?;
        Ok(next.first().map(|todo| millis(todo.due)))
    }

    pub(super) async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &HashSet<(u32, u32)>) -> Op<u64> {
        // A window whose answer was given up may still be on its way to the database.
        let opening = self.flights.opening(&lease.subject);
        let _opening = opening.lock().await;
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.requeue_once(&mut transaction.session, lease, id, held).await;
            if let Some(back) = transaction.finish(done).await? {
                self.flights.settled(&lease.subject, back.iter().map(|seq| (id, *seq)));
                return Ok(back.len() as u64);
            }
        }
    }

    async fn requeue_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        id: &BroadcastId,
        held: &HashSet<(u32, u32)>,
    ) -> Op<Vec<u32>> {
        let mut document = self.check_lease(session, lease).await?;
        document.windows.retain(|_, window| window.fence == signed(lease.fence) && window.b == *id);
        if document.windows.is_empty() {
            return Ok(Vec::new());
        }
        let under_way = self.under_way(Some(&mut *session), &document, id).await?;
        let (kept, back): (Vec<_>, Vec<_>) =
            under_way.iter().partition(|(seq, flying)| held.contains(&(*seq, flying.attempt)));
        let still_open: HashSet<i64> = kept.iter().map(|(_, flying)| flying.window).collect();
        let settled = document
            .windows
            .keys()
            .filter(|number| number.parse().is_ok_and(|number: i64| !still_open.contains(&number)));
        self.close_windows(session, lease, settled).await?;

        let people: Vec<(&BroadcastId, u32)> = back.iter().map(|(seq, _)| (id, *seq)).collect();
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let statuses = Sheet::touch_broadcasts(self, session, &BTreeSet::from([id.clone()]), None).await?;
        let is_over = statuses.get(id).is_some_and(|status| status.is_final());
        let mut sheet = Sheet::read(self, session, &people).await?;
        for (seq, flying) in &back {
            let opened_at = document.windows.get(&flying.window.to_string()).map(|window| window.at);
            let todo = TodoDoc {
                id: PersonKey::new(id, *seq),
                kind: TodoKind::Retry,
                attempt: small(flying.attempt),
                tries: flying.tries,
                due: date(AT_ONCE),
                after: flying.window,
                at: opened_at.unwrap_or(date(AT_ONCE)),
                detail: String::new(),
            };
            sheet.wait_again(todo, is_over);
        }
        sheet.write(self, session).await?;
        Ok(back.into_iter().map(|(seq, _)| seq).collect())
    }

    /// Takes windows out of the lease document.
    async fn close_windows(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        windows: impl Iterator<Item = &String>,
    ) -> Op<()> {
        let gone: Document = windows.map(|number| (format!("windows.{number}"), Bson::from(""))).collect();
        if !gone.is_empty() {
            let update = doc! { "$unset": gone };
            self.documents("leases").update_one(proof(lease), update).session(session).await?;
        }
        Ok(())
    }

    pub(super) async fn recover(&self, lease: &Lease, now: Millis) -> Op<Vec<(BroadcastId, u64)>> {
        let _writer = self.writer.lock().await;
        // First of all: what the one before left open would be in the way of every write.
        let before = self.lease_document(None, &lease.subject).await?.before;
        if let Err(failure) = self.end_sessions_of(&before).await {
            // Without the right to do so, the server ends them by itself after a minute.
            tracing::warn!(?failure, "the sessions of the process before could not be ended");
        }
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.recover_once(&mut transaction.session, lease, now).await;
            if let Some(found) = transaction.finish(done).await? {
                return Ok(found.into_iter().collect());
            }
        }
    }

    async fn recover_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        now: Millis,
    ) -> Op<BTreeMap<BroadcastId, u64>> {
        let mut document = self.check_lease(session, lease).await?;
        document.windows.retain(|_, window| window.fence < signed(lease.fence));
        let mut found = BTreeMap::new();
        if document.windows.is_empty() {
            return Ok(found);
        }
        self.close_windows(session, lease, document.windows.keys()).await?;
        let broadcasts: BTreeSet<BroadcastId> = document.windows.values().map(|window| window.b.clone()).collect();
        for id in broadcasts {
            let under_way = self.under_way(Some(&mut *session), &document, &id).await?;
            let people: Vec<(&BroadcastId, u32)> = under_way.seqs().map(|seq| (&id, seq)).collect();
            if people.is_empty() {
                continue;
            }
            let keys: Vec<Bson> = under_way.seqs().map(|seq| Bson::from(&PersonKey::new(&id, seq))).collect();
            let filter = doc! { "_id": { "$in": keys } };
            let doubted = self.find_in::<RecipientDoc>(Some(&mut *session), "recipients", filter).await?;
            let mut sheet = Sheet::read(self, session, &people).await?;
            for person in doubted {
                sheet.reach_person(person.phone, now);
            }
            for (seq, flying) in under_way.iter() {
                sheet.move_to(&id, seq, RecipientState::InDoubt, 0);
                sheet.tried(&id, seq, flying.attempt);
                sheet.wait(TodoDoc {
                    id: PersonKey::new(&id, seq),
                    kind: TodoKind::Doubt,
                    attempt: small(flying.attempt),
                    tries: flying.tries,
                    due: date(AT_ONCE),
                    after: flying.window,
                    at: date(now),
                    detail: "wacast ended before the answer was recorded".to_owned(),
                });
            }
            sheet.write(self, session).await?;
            found.insert(id.clone(), people.len() as u64);
        }
        Ok(found)
    }
}

fn by_seq(person: RecipientDoc) -> (i32, RecipientDoc) {
    (person.id.s, person)
}
