//! Windows of intents: opening them, when the next is due, and what an earlier holder left open.
//!
//! An intent is one majority update of the lease document that checks the fence and that the broadcast
//! runs, moves the broadcast's cursor, and pushes the window. Nothing else is written before a request may
//! leave. It must never grant the same attempt twice.

use super::Inner;
use super::documents::{
    LeaseDoc, PersonKey, RecipientDoc, TodoDoc, TodoKind, Turn, Window, date, large, millis, small, to_bson,
};
use super::failure::Op;
use super::lease::{proof, signed};
use super::segment::{SEGMENT, Segment, SegmentKey};
use super::sheet::Sheet;
use crate::domain::ids::BroadcastId;
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::store::{Intent, Lease, StoreError};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;
use std::collections::{BTreeMap, HashMap};

/// A window that stands in the database, with its intents.
pub struct Opened {
    /// Its number.
    pub number: i64,
    /// What the caller gets.
    pub intents: Vec<Intent>,
}

/// Whom the next window is for.
struct Choice {
    from: u32,
    to: u32,
    first: Vec<u32>,
    again: Vec<(i32, i32, i32)>,
}

impl Inner {
    /// Opens a window; `None`: nobody is due. The caller must say [`super::flights::Flights::hand_out`] when
    /// it really got the answer.
    pub(super) async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        now: Millis,
    ) -> Op<Option<Opened>> {
        let opening = self.flights.opening(&lease.subject);
        let _opening = opening.lock().await;
        let document = self.lease_document(None, &lease.subject).await?;
        if !document.proves(lease) {
            return Err(StoreError::LeaseLost.into());
        }
        if let Some((number, window)) = self.unanswered(&document, lease, id) {
            return Ok(Some(self.opened(number, &window, None).await?));
        }
        let Some(turn) = document.broadcasts.get(id.as_str()).filter(|turn| turn.run).copied() else {
            return Err(self.why_not_running(id).await?.into());
        };
        let choice = self.choose(&document, turn, id, limit, now).await?;
        if choice.first.is_empty() && choice.again.is_empty() {
            return Ok(None);
        }

        let number = document.opened + 1;
        let window = Window {
            b: id.clone(),
            fence: signed(lease.fence),
            by: self.opener,
            at: date(now),
            from: small(choice.from),
            to: small(choice.to),
            again: choice.again,
        };
        let finished = self.flights.finished(&lease.subject);
        let mut filter = proof(lease);
        filter.insert("opened", document.opened);
        filter.insert(format!("broadcasts.{id}.run"), true);
        let mut update = doc! { "$set": {
            "opened": number,
            format!("windows.{number}"): to_bson(&window)?,
            format!("broadcasts.{id}.next"): small(choice.to),
        } };
        if !finished.is_empty() {
            let gone: Document = finished.iter().map(|old| (format!("windows.{old}"), Bson::from(""))).collect();
            update.insert("$unset", gone);
        }
        // The recipients are read while the intent is on its way to the disk.
        let leases = self.documents("leases");
        let record = async { leases.update_one(filter, update).await };
        let (recorded, read) = tokio::join!(record, self.opened(number, &window, Some(&choice.first)));
        if recorded?.matched_count == 0 {
            return Err(self.why_refused(lease, id).await?.into());
        }
        self.flights.forget(&lease.subject, &finished);
        let mut opened = read?;
        self.drop_proven(id, &window, &mut opened.intents).await?;
        Ok(Some(opened))
    }

    /// A window of ours whose intents the caller never got: its answer was lost on the way.
    fn unanswered(&self, document: &LeaseDoc, lease: &Lease, id: &BroadcastId) -> Option<(i64, Window)> {
        let ours = |window: &Window| window.b == *id && window.fence == signed(lease.fence) && window.by == self.opener;
        document
            .windows
            .iter()
            .filter(|(_, window)| ours(window))
            .filter_map(|(number, window)| Some((number.parse().ok()?, window.clone())))
            .find(|(number, _)| !self.flights.is_handed_out(&lease.subject, *number))
    }

    /// Those due for a retry, then the never-tried in order of seq.
    async fn choose(&self, document: &LeaseDoc, turn: Turn, id: &BroadcastId, limit: u32, now: Millis) -> Op<Choice> {
        let under_way = self.under_way(None, document, id).await?;
        let most = i64::from(limit) + i64::try_from(under_way.len()).unwrap_or(0);
        let options = FindOptions::builder().sort(doc! { "due": 1, "_id": 1 }).limit(most).build();
        let filter = doc! { "_id.b": id.as_str(), "kind": "retry", "due": { "$lte": date(now) } };
        let again: Vec<_> = self
            .find_with::<TodoDoc>(None, "todo", filter, options)
            .await?
            .into_iter()
            .filter(|todo| under_way.get(large(todo.id.s)).is_none())
            .take(limit as usize)
            .map(|todo| (todo.id.s, todo.attempt, todo.tries))
            .collect();

        let from = large(turn.next);
        let mut choice = Choice { from, to: from, first: Vec::new(), again };
        let room = limit as usize - choice.again.len();
        if room == 0 {
            return Ok(choice);
        }
        let first = &SegmentKey::of(id, from);
        let filter = doc! {
            "_id": { "$gte": first, "$lt": { "b": id.as_str(), "n": i32::MAX } },
            "counts.q": { "$gt": 0 },
        };
        let pieces = i64::try_from(room).unwrap_or(1) / i64::from(SEGMENT) + 2;
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(pieces).build();
        let segments = self.find_with::<Segment>(None, "segments", filter, options).await?;
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

    /// Reads whom a window is for. `first`: who of its range was queued, when that is known.
    async fn opened(&self, number: i64, window: &Window, first: Option<&[u32]>) -> Op<Opened> {
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
        let found;
        let first = if let Some(first) = first {
            first
        } else {
            let keys: std::collections::BTreeSet<SegmentKey> =
                (large(window.from)..large(window.to)).map(|seq| SegmentKey::of(&window.b, seq)).collect();
            let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
            let sheet = Sheet::of_segments(self.find_in(None, "segments", doc! { "_id": { "$in": keys } }).await?);
            found = (large(window.from)..large(window.to))
                .filter(|seq| sheet.state(&window.b, *seq) == Some(RecipientState::Queued))
                .collect::<Vec<u32>>();
            &found
        };
        let first = first.iter().map(|seq| (small(*seq), 1, 0));
        let intents = window
            .again
            .iter()
            .copied()
            .chain(first)
            .filter_map(|(seq, attempt, tries)| {
                let person = people.remove(&seq)?;
                Some(Intent {
                    seq: large(seq),
                    attempt: large(attempt),
                    tries: large(tries),
                    phone: person.phone,
                    values: person.values,
                })
            })
            .collect();
        Ok(Opened { number, intents })
    }

    /// A receipt may have proven delivery between the choice and the intent: whoever is no longer queued
    /// is not handed out. Only a retry can have receipts.
    async fn drop_proven(&self, id: &BroadcastId, window: &Window, intents: &mut Vec<Intent>) -> Op<()> {
        if window.again.is_empty() {
            return Ok(());
        }
        let keys: std::collections::BTreeSet<SegmentKey> =
            window.again.iter().map(|(seq, ..)| SegmentKey::of(id, large(*seq))).collect();
        let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
        let sheet = Sheet::of_segments(self.find_in(None, "segments", doc! { "_id": { "$in": keys } }).await?);
        let again: std::collections::HashSet<u32> = window.again.iter().map(|(seq, ..)| large(*seq)).collect();
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

    pub(super) async fn next_due(&self, id: &BroadcastId) -> Op<Option<Millis>> {
        let sender = self.broadcast(id).await?.definition.sender;
        let document = self.lease_document(None, &sender).await?;
        let under_way = self.under_way(None, &document, id).await?;
        let most = i64::try_from(under_way.len()).unwrap_or(0) + 1;
        let options = FindOptions::builder().sort(doc! { "due": 1, "_id": 1 }).limit(most).build();
        let filter = doc! { "_id.b": id.as_str(), "kind": "retry" };
        let waiting = self.find_with::<TodoDoc>(None, "todo", filter, options).await?;
        let next = waiting.into_iter().find(|todo| under_way.get(large(todo.id.s)).is_none());
        Ok(next.map(|todo| millis(todo.due)))
    }

    pub(super) async fn recover(&self, lease: &Lease, now: Millis) -> Op<Vec<(BroadcastId, u64)>> {
        let _writer = self.writer.lock().await;
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
        session: &mut mongodb::ClientSession,
        lease: &Lease,
        now: Millis,
    ) -> Op<BTreeMap<BroadcastId, u64>> {
        let mut document = self.check_lease(session, lease).await?;
        document.windows.retain(|_, window| window.fence < signed(lease.fence));
        let mut found = BTreeMap::new();
        if document.windows.is_empty() {
            return Ok(found);
        }
        let gone: Document =
            document.windows.keys().map(|number| (format!("windows.{number}"), Bson::from(""))).collect();
        self.documents("leases").update_one(proof(lease), doc! { "$unset": gone }).session(&mut *session).await?;
        let broadcasts: std::collections::BTreeSet<BroadcastId> =
            document.windows.values().map(|window| window.b.clone()).collect();
        for id in broadcasts {
            let under_way = self.under_way(Some(&mut *session), &document, &id).await?;
            let people: Vec<(&BroadcastId, u32)> = under_way.seqs().map(|seq| (&id, seq)).collect();
            if people.is_empty() {
                continue;
            }
            let mut sheet = Sheet::read(self, session, &people).await?;
            for (seq, flying) in under_way.iter() {
                sheet.move_to(&id, seq, RecipientState::InDoubt, 0);
                sheet.tried(&id, seq, flying.attempt);
                sheet.wait(TodoDoc {
                    id: PersonKey::new(&id, seq),
                    kind: TodoKind::Doubt,
                    attempt: small(flying.attempt),
                    tries: flying.tries,
                    due: date(Millis(0)),
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
