//! A sheet: the part of the ledger that one transaction reads, changes in memory, and writes back.
//!
//! Settling, folding, recovering and cancelling all work on a sheet, so that what belongs together
//! (a letter, a log row, a retry, a figure) is changed in one place and written in a few commands of
//! many statements. It decides nothing about who may do what.

use super::Inner;
use super::documents::{
    AttemptDoc, AttemptKey, FailedReceipt, LeaseDoc, PersonKey, TodoDoc, date, large, small, to_bson, to_document,
    whole,
};
use super::failure::{Failure, Op};
use super::reading;
use super::segment::{Decision, Segment, SegmentKey};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::pricing::Mark;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::{MINUTE, Millis};
use crate::store::StoreError;
use mongodb::ClientSession;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::FindOptions;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The counter of rows of the log and of portions of those reached.
pub const LOG: &str = "log";

/// People who were reached are counted in buckets of this length.
pub const BUCKET_MS: i64 = 15 * MINUTE;

/// The start of the bucket that a time falls in.
pub fn bucket(at: Millis) -> Millis {
    Millis(at.0.div_euclid(BUCKET_MS).saturating_mul(BUCKET_MS))
}

/// See the module's documentation.
#[derive(Default)]
pub struct Sheet {
    segments: HashMap<SegmentKey, Segment>,
    todo: HashMap<PersonKey, TodoDoc>,
    /// Log rows that are known to be there.
    logged: HashSet<AttemptKey>,
    changed_segments: BTreeSet<SegmentKey>,
    changed_todo: BTreeSet<PersonKey>,
    rows: Vec<AttemptDoc>,
    receipts: Vec<(AttemptKey, FailedReceipt, Option<DateTime>)>,
    undelivered: Vec<AttemptKey>,
    /// Who was reached, or may have been, by the beginning of the quarter hour.
    reached: BTreeMap<i64, Vec<i64>>,
}

/// An attempt's row, of which only the key was read.
#[derive(serde::Deserialize)]
struct Identified {
    #[serde(rename = "_id")]
    id: AttemptKey,
}

/// A row for the log. Its cursor is handed out when the sheet is written.
pub struct NewRow<'a> {
    /// Which attempt.
    pub key: AttemptKey,
    /// Who.
    pub phone: Phone,
    /// Whether Meta took it.
    pub sent: bool,
    /// When.
    pub at: Millis,
    /// The error code; 0: none.
    pub code: i64,
    /// The API's answer.
    pub response: &'a str,
    /// Meta's id of the message.
    pub wamid: &'a str,
    /// Tries used up before.
    pub tries: i32,
    /// When a follow-up may take this person up.
    pub retry_at: Option<Millis>,
    /// A `failed` receipt told of it, not an answer.
    pub undelivered: bool,
}

/// What an attempt is called: `b`, `s`, `a`.
pub fn attempt_key(broadcast: &BroadcastId, seq: u32, attempt: u32) -> AttemptKey {
    AttemptKey { b: broadcast.clone(), s: small(seq), a: small(attempt) }
}

impl Sheet {
    /// Reads the segments of these recipients, and what waits for those whose letter leaves it open
    /// (queued and in doubt).
    pub async fn read(inner: &Inner, session: &mut ClientSession, people: &[(&BroadcastId, u32)]) -> Op<Self> {
        let mut sheet = Self::default();
        let keys: BTreeSet<SegmentKey> = people.iter().map(|(id, seq)| SegmentKey::of(id, *seq)).collect();
        let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
        for segment in inner.find_in::<Segment>(Some(session), "segments", doc! { "_id": { "$in": keys } }).await? {
            sheet.segments.insert(segment.id.clone(), segment);
        }
        let open: BTreeSet<PersonKey> = people
            .iter()
            .filter(|(id, seq)| matches!(sheet.state(id, *seq), Some(RecipientState::Queued | RecipientState::InDoubt)))
            .map(|(id, seq)| PersonKey::new(id, *seq))
            .collect();
        sheet.read_todo(inner, session, open).await?;
        Ok(sheet)
    }

    /// Takes segments that were read already.
    pub fn of_segments(segments: Vec<Segment>) -> Self {
        let segments = segments.into_iter().map(|segment| (segment.id.clone(), segment)).collect();
        Self { segments, ..Self::default() }
    }

    /// Reads what waits for these people.
    pub async fn read_todo(
        &mut self,
        inner: &Inner,
        session: &mut ClientSession,
        people: BTreeSet<PersonKey>,
    ) -> Op<()> {
        if people.is_empty() {
            return Ok(());
        }
        // Mostly they are neighbours: a range is found with one look, each key with one of its own.
        let one = people.first().filter(|first| people.iter().all(|person| person.b == first.b));
        let filter = one.and_then(|first| {
            let ranges = reading::ranges(people.iter().map(|person| large(person.s)));
            (ranges.len() <= reading::RANGES).then(|| reading::within(&first.b, &ranges))
        });
        let filter =
            filter.unwrap_or_else(|| doc! { "_id": { "$in": people.iter().map(Bson::from).collect::<Vec<_>>() } });
        for todo in inner.find_in::<TodoDoc>(Some(session), "todo", filter).await? {
            if people.contains(&todo.id) {
                self.todo.insert(todo.id.clone(), todo);
            }
        }
        Ok(())
    }

    /// Looks which of these attempts have a log row.
    pub async fn read_logged(
        &mut self,
        inner: &Inner,
        session: &mut ClientSession,
        attempts: BTreeSet<AttemptKey>,
    ) -> Op<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let keys: Vec<Bson> = attempts.iter().map(Bson::from).collect();
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).build();
        let filter = doc! { "_id": { "$in": keys } };
        for found in inner.find_with::<Identified>(Some(session), "attempts", filter, options).await? {
            self.logged.insert(found.id);
        }
        Ok(())
    }

    /// The operator's word that a recipient stands where they do by.
    pub fn decision(&self, broadcast: &BroadcastId, seq: u32) -> Option<Decision> {
        self.segments.get(&SegmentKey::of(broadcast, seq))?.decision(seq)
    }

    /// Notes an operator's word on somebody who was just moved by it.
    pub fn decide(&mut self, broadcast: &BroadcastId, seq: u32, decision: Decision) {
        let key = SegmentKey::of(broadcast, seq);
        if let Some(segment) = self.segments.get_mut(&key) {
            segment.decide(seq, decision);
            self.changed_segments.insert(key);
        }
    }

    /// Where a recipient stands; `None`: there is none.
    pub fn state(&self, broadcast: &BroadcastId, seq: u32) -> Option<RecipientState> {
        self.segments.get(&SegmentKey::of(broadcast, seq))?.state(seq)
    }

    /// The newest attempt that has been settled.
    pub fn newest(&self, broadcast: &BroadcastId, seq: u32) -> u32 {
        self.segments.get(&SegmentKey::of(broadcast, seq)).map_or(1, |segment| segment.newest(seq))
    }

    /// What waits for a recipient, as far as it was read.
    pub fn todo(&self, broadcast: &BroadcastId, seq: u32) -> Option<&TodoDoc> {
        self.todo.get(&PersonKey::new(broadcast, seq))
    }

    /// The segments, in no order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    /// This attempt has a log row.
    pub fn has_logged(&mut self, key: AttemptKey) {
        self.logged.insert(key);
    }

    /// Whether an attempt is known to have a log row.
    pub fn is_logged(&self, key: &AttemptKey) -> bool {
        self.logged.contains(key)
    }

    /// Moves a recipient. For `code` see [`Segment::set`].
    pub fn move_to(&mut self, broadcast: &BroadcastId, seq: u32, state: RecipientState, code: i64) {
        let key = SegmentKey::of(broadcast, seq);
        if let Some(segment) = self.segments.get_mut(&key) {
            segment.set(seq, state, code);
            self.changed_segments.insert(key);
        }
    }

    /// Leaves out somebody who is queued: nothing of theirs waits any more.
    pub fn skip(&mut self, broadcast: &BroadcastId, seq: u32, reason: &str) {
        let key = SegmentKey::of(broadcast, seq);
        if let Some(segment) = self.segments.get_mut(&key) {
            segment.skip(seq, reason);
            self.changed_segments.insert(key);
        }
        self.done(broadcast, seq);
    }

    /// Notes an attempt's number as settled.
    pub fn tried(&mut self, broadcast: &BroadcastId, seq: u32, attempt: u32) {
        let key = SegmentKey::of(broadcast, seq);
        if attempt > 1
            && let Some(segment) = self.segments.get_mut(&key)
        {
            segment.tried(seq, attempt);
            self.changed_segments.insert(key);
        }
    }

    /// Notes what a receipt said of an attempt's price.
    pub fn mark(&mut self, broadcast: &BroadcastId, seq: u32, attempt: u32, said: Mark) {
        let key = SegmentKey::of(broadcast, seq);
        if self.segments.get_mut(&key).is_some_and(|segment| segment.mark(seq, attempt, said)) {
            self.changed_segments.insert(key);
        }
    }

    /// Puts somebody on the list of what waits.
    pub fn wait(&mut self, todo: TodoDoc) {
        self.changed_todo.insert(todo.id.clone());
        self.todo.insert(todo.id.clone(), todo);
    }

    /// Nothing waits for this recipient any more.
    pub fn done(&mut self, broadcast: &BroadcastId, seq: u32) {
        let key = PersonKey::new(broadcast, seq);
        if self.todo.remove(&key).is_some() {
            self.changed_todo.insert(key);
        }
    }

    /// Adds a log row unless the attempt is known to have one.
    pub fn log(&mut self, row: NewRow<'_>) {
        if !self.logged.insert(row.key.clone()) {
            return;
        }
        if row.sent {
            self.reach_person(row.phone, row.at);
        }
        self.rows.push(AttemptDoc {
            id: row.key,
            n: 0,
            phone: row.phone,
            status: if row.sent { "sent" } else { "failed" }.to_owned(),
            timestamp: date(row.at),
            code: row.code,
            response: row.response.to_owned(),
            wamid: row.wamid.to_owned(),
            tries: row.tries,
            retry_at: row.retry_at.map(date),
            receipt: None,
            undelivered: row.undelivered,
        });
    }

    /// Notes that somebody was reached, or may have been.
    pub fn reach_person(&mut self, phone: Phone, at: Millis) {
        self.reached.entry(bucket(at).0).or_default().push(super::reached::digits(phone));
    }

    /// Notes on an attempt's row that a receipt told of its failure.
    pub fn note_receipt(&mut self, key: AttemptKey, receipt: FailedReceipt, retry_at: Option<Millis>) {
        self.receipts.push((key, receipt, retry_at.map(date)));
    }

    /// Notes on the row of a refused attempt that a `failed` receipt came as well.
    pub fn note_undelivered(&mut self, key: AttemptKey) {
        self.undelivered.push(key);
    }

    /// Whoever makes somebody wait for a retry writes the broadcast's document too, so that it collides
    /// with a `complete` or `cancel` that goes on at the same time. Returns the statuses, of `sender`'s only if one
    /// is named.
    pub async fn touch_broadcasts(
        inner: &Inner,
        session: &mut ClientSession,
        broadcasts: &BTreeSet<BroadcastId>,
        sender: Option<&str>,
    ) -> Op<HashMap<BroadcastId, BroadcastStatus>> {
        let mut statuses = HashMap::new();
        if broadcasts.is_empty() {
            return Ok(statuses);
        }
        let ids: Vec<&str> = broadcasts.iter().map(BroadcastId::as_str).collect();
        let mut filter = doc! { "_id": { "$in": ids } };
        if let Some(sender) = sender {
            filter.insert("sender", sender);
        }
        inner
            .documents("broadcasts")
            .update_many(filter.clone(), doc! { "$inc": { "decisions": 1_i64 } })
            .session(&mut *session)
            .await?;
        for found in inner.find_in::<Document>(Some(session), "broadcasts", filter).await? {
            let id = found.get_str("_id").ok().and_then(|id| id.parse::<BroadcastId>().ok());
            let status = found.get_str("status").ok().and_then(BroadcastStatus::from_word);
            if let (Some(id), Some(status)) = (id, status) {
                statuses.insert(id, status);
            }
        }
        Ok(statuses)
    }

    /// Writes what was changed.
    pub async fn write(mut self, inner: &Inner, session: &mut ClientSession) -> Op<()> {
        let mut statements = Vec::with_capacity(self.changed_segments.len());
        for key in &self.changed_segments {
            statements.push(self.segments[key].statement()?);
        }
        inner.update_many_ways(session, "segments", statements).await?;

        let (kept, gone): (Vec<_>, Vec<_>) = self.changed_todo.iter().partition(|key| self.todo.contains_key(*key));
        let mut statements = Vec::with_capacity(kept.len());
        for key in kept {
            statements.push(doc! { "q": { "_id": key }, "u": to_document(&self.todo[key])?, "upsert": true });
        }
        inner.update_many_ways(session, "todo", statements).await?;
        let statements = gone.into_iter().map(|key| doc! { "q": { "_id": key }, "limit": 1 }).collect();
        inner.delete_many_ways(session, "todo", statements).await?;

        self.write_rows(inner, session).await
    }

    async fn write_rows(&mut self, inner: &Inner, session: &mut ClientSession) -> Op<()> {
        // Rows and portions are numbered from one counter; a portion has mostly the number of a row, which saves a command.
        let numbers = self.rows.len().max(self.reached.len());
        if numbers > 0 {
            // Handed out within the transaction: the next one can only begin from this number when this
            // one is visible, so a reader that has seen a number has seen all below it.
            let last = inner.count_up(session, LOG, numbers).await?;
            let first = last - i64::try_from(numbers).unwrap_or(0) + 1;
            for (row, n) in self.rows.iter_mut().zip(first..) {
                row.n = n;
            }
            if !self.rows.is_empty() {
                inner.collection::<AttemptDoc>("attempts").insert_many(&self.rows).session(&mut *session).await?;
            }
            inner.write_reached(session, &self.reached, first).await?;
        }

        let mut statements = Vec::with_capacity(self.receipts.len());
        for key in &self.undelivered {
            statements.push(doc! { "q": { "_id": key }, "u": { "$set": { "undelivered": true } } });
        }
        for (key, receipt, retry_at) in &self.receipts {
            let mut set = doc! { "receipt": to_bson(receipt)?, "undelivered": true };
            if let Some(retry_at) = retry_at {
                set.insert("retry_at", *retry_at);
            }
            statements.push(doc! { "q": { "_id": key }, "u": { "$set": set } });
        }
        inner.update_many_ways(session, "attempts", statements).await?;
        Ok(())
    }
}

/// Who of a broadcast is under way: has an intent in an open window and no outcome.
#[derive(Debug, Default)]
pub struct UnderWay(HashMap<u32, Flying>);

/// An intent without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flying {
    /// Which attempt.
    pub attempt: u32,
    /// Tries used up before.
    pub tries: i32,
    /// The window that it stands in.
    pub window: i64,
}

impl UnderWay {
    /// Whoever has an intent in a lease's windows for this broadcast, settled or not.
    ///
    /// A person may stand in two windows that both have others under way; the newer one counts.
    pub fn with_intent(
        lease: &LeaseDoc,
        broadcast: &BroadcastId,
        state: impl Fn(u32) -> Option<RecipientState>,
    ) -> Self {
        let mut people: HashMap<u32, Flying> = HashMap::new();
        for (number, window) in &lease.windows {
            if window.b != *broadcast {
                continue;
            }
            let number = number.parse().unwrap_or(0);
            let first = (large(window.from)..large(window.to)).map(|seq| (seq, 1, 0));
            let again = window.again.iter().map(|(seq, attempt, tries)| (large(*seq), large(*attempt), *tries));
            for (seq, attempt, tries) in first.chain(again) {
                let newer = people.get(&seq).is_none_or(|other| other.window < number);
                // While nothing is settled the letter stays "queued".
                if newer && state(seq) == Some(RecipientState::Queued) {
                    people.insert(seq, Flying { attempt, tries, window: number });
                }
            }
        }
        Self(people)
    }

    /// Takes out those who were settled back into waiting.
    pub fn without_waiting(mut self, todo: impl Fn(u32) -> Option<(u32, i64)>) -> Self {
        self.0.retain(|seq, flying| {
            todo(*seq).is_none_or(|(attempt, after)| attempt <= flying.attempt && after < flying.window)
        });
        self
    }

    /// Their seqs.
    pub fn seqs(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.keys().copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Flying)> + '_ {
        self.0.iter().map(|(seq, flying)| (*seq, *flying))
    }

    /// The intent of a recipient who is under way.
    pub fn get(&self, seq: u32) -> Option<Flying> {
        self.0.get(&seq).copied()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Inner {
    /// Counts a counter up within a transaction. Returns where it stands then.
    pub(super) async fn count_up(&self, session: &mut ClientSession, counter: &str, by: usize) -> Op<i64> {
        let by = i64::try_from(by).unwrap_or(0);
        let after = self
            .documents("counters")
            .find_one_and_update(doc! { "_id": counter }, doc! { "$inc": { "n": by } })
            .upsert(true)
            .return_document(mongodb::options::ReturnDocument::After)
            .session(session)
            .await?;
        match after {
            Some(document) => Ok(whole(document.get("n"))),
            None => Err(Failure::Store(StoreError::Corrupt(format!("the counter {counter} is missing")))),
        }
    }

    /// Who of a broadcast is under way.
    pub(super) async fn under_way(
        &self,
        mut session: Option<&mut ClientSession>,
        lease: &LeaseDoc,
        broadcast: &BroadcastId,
    ) -> Op<UnderWay> {
        let mut keys = BTreeSet::new();
        for window in lease.windows.values().filter(|window| window.b == *broadcast) {
            let again = window.again.iter().map(|(seq, ..)| large(*seq));
            keys.extend((large(window.from)..large(window.to)).chain(again).map(|seq| SegmentKey::of(broadcast, seq)));
        }
        if keys.is_empty() {
            return Ok(UnderWay::default());
        }
        let keys: Vec<Bson> = keys.iter().map(Bson::from).collect();
        let filter = doc! { "_id": { "$in": keys } };
        let sheet = Sheet::of_segments(self.find_in(session.as_deref_mut(), "segments", filter).await?);
        self.under_way_of(session, lease, broadcast, &sheet).await
    }

    /// The same with the segments at hand.
    pub(super) async fn under_way_of(
        &self,
        session: Option<&mut ClientSession>,
        lease: &LeaseDoc,
        broadcast: &BroadcastId,
        sheet: &Sheet,
    ) -> Op<UnderWay> {
        let intents = UnderWay::with_intent(lease, broadcast, |seq| sheet.state(broadcast, seq));
        if intents.len() == 0 {
            return Ok(intents);
        }
        let keys: Vec<Bson> = intents.seqs().map(|seq| Bson::from(&PersonKey::new(broadcast, seq))).collect();
        let waiting: HashMap<u32, (u32, i64)> = self
            .find_in::<TodoDoc>(session, "todo", doc! { "_id": { "$in": keys } })
            .await?
            .into_iter()
            .map(|todo| (large(todo.id.s), (large(todo.attempt), todo.after)))
            .collect();
        Ok(intents.without_waiting(|seq| waiting.get(&seq).copied()))
    }
}
