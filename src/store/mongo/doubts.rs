//! Doubts that no evidence settles: an operator's word on them, and those that a restored backup brings.
//!
//! A doubt of a restored backup about somebody who never had an intent is the letter alone, so that a million of them are
//! a thousand segments: the attempt is the first, no try was used up, and the words are [`RESTORED`]. An operator's word
//! stands in the segment as well, since there is no log row for it to stand in.

use super::Inner;
use super::documents::{AT_ONCE, PersonKey, TodoDoc, TodoKind, Turn, date, large, small, to_bson};
use super::failure::Op;
use super::lease::proof;
use super::reading::{PAGE, segments_of};
use super::segment::{Decision, SEGMENT, Segment, SegmentKey};
use super::settle::newest_attempt;
use super::sheet::Sheet;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{DoubtDecision, Lease, RESTORED, StoreError};
use mongodb::ClientSession;
use mongodb::bson::doc;
use mongodb::options::FindOptions;
use std::collections::{BTreeSet, HashMap, HashSet};

/// An operator's word.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) decision: DoubtDecision,
    pub(super) words: &'a str,
    pub(super) now: Millis,
}

fn refuse_final(id: &BroadcastId, status: BroadcastStatus) -> Result<(), StoreError> {
    if status.is_final() {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}: nobody waits in it", status.word())));
    }
    Ok(())
}

impl Inner {
    pub(super) async fn decide_doubts(&self, id: &BroadcastId, seqs: Option<&[u32]>, word: Word<'_>) -> Op<u64> {
        let status = self.broadcast_document(None, id).await?.status;
        if word.decision == DoubtDecision::SendAgain {
            refuse_final(id, status)?;
        }
        if let Some(seqs) = seqs {
            if seqs.len() > PAGE as usize {
                let people = seqs.len();
                return Err(StoreError::Conflict(format!("{people} people in one call, {PAGE} are the most")).into());
            }
            return self.decide_portion(id, seqs, word).await;
        }
        let (mut moved, mut next) = (0, SegmentKey::of(id, 0));
        loop {
            let mut filter = doc! { "_id": { "$gte": &next, "$lt": { "b": id.as_str(), "n": i32::MAX } } };
            filter.insert(format!("counts.{}", RecipientState::InDoubt.letter()), doc! { "$gt": 0 });
            let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(i64::from(PAGE / SEGMENT)).build();
            let segments = self.find_with::<Segment>(None, "segments", filter, options).await?;
            let Some(last) = segments.last() else { return Ok(moved) };
            next.n = last.id.n + 1;
            let people = segments.iter().flat_map(Segment::recipients);
            let doubted: Vec<u32> =
                people.filter(|(_, state)| *state == RecipientState::InDoubt).map(|(seq, _)| seq).collect();
            moved += self.decide_portion(id, &doubted, word).await?;
        }
    }

    async fn decide_portion(&self, id: &BroadcastId, seqs: &[u32], word: Word<'_>) -> Op<u64> {
        if seqs.is_empty() {
            return Ok(0);
        }
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.decide_once(&mut transaction.session, id, seqs, word).await;
            if let Some(moved) = transaction.finish(done).await? {
                return Ok(moved);
            }
        }
    }

    async fn decide_once(
        &self,
        session: &mut ClientSession,
        id: &BroadcastId,
        seqs: &[u32],
        word: Word<'_>,
    ) -> Op<u64> {
        if word.decision == DoubtDecision::SendAgain {
            let statuses = Sheet::touch_broadcasts(self, session, &BTreeSet::from([id.clone()]), None).await?;
            for status in statuses.values() {
                refuse_final(id, *status)?;
            }
        }
        let people: Vec<(&BroadcastId, u32)> = seqs.iter().map(|seq| (id, *seq)).collect();
        let mut sheet = Sheet::read(self, session, &people).await?;
        let mut moved = 0;
        for seq in seqs {
            // Once only, also when it is named twice.
            if sheet.state(id, *seq) == Some(RecipientState::InDoubt) {
                sheet.decide_doubt(id, *seq, word);
                moved += 1;
            }
        }
        sheet.write(self, session).await?;
        Ok(moved)
    }

    pub(super) async fn doubt_queued(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        through: Option<u32>,
        now: Millis,
    ) -> Op<u64> {
        // A window that is being opened would be for people who are in doubt by then.
        let opening = self.flights.opening(&lease.subject);
        let _opening = opening.lock().await;
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.doubt_once(&mut transaction.session, lease, id, through, now).await;
            if let Some(moved) = transaction.finish(done).await? {
                return Ok(moved);
            }
        }
    }

    async fn doubt_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        id: &BroadcastId,
        through: Option<u32>,
        now: Millis,
    ) -> Op<u64> {
        let leased = self.check_lease(session, lease).await?;
        let document = self.broadcast_document(Some(&mut *session), id).await?;
        document.check_sender(lease)?;
        refuse_final(id, document.status)?;

        let mut filter = segments_of(id);
        filter.insert(format!("counts.{}", RecipientState::Queued.letter()), doc! { "$gt": 0 });
        let mut sheet = Sheet::of_segments(self.find_in(Some(&mut *session), "segments", filter).await?);
        let under_way = self.under_way_of(Some(&mut *session), &leased, id, &sheet).await?;
        let under_way: HashSet<u32> = under_way.seqs().collect();
        let waiting = doc! { "_id.b": id.as_str(), "kind": "retry" };
        let waiting: HashMap<u32, TodoDoc> = self
            .find_in::<TodoDoc>(Some(&mut *session), "todo", waiting)
            .await?
            .into_iter()
            .map(|todo| (large(todo.id.s), todo))
            .collect();
        let queued: Vec<u32> = sheet
            .segments()
            .flat_map(Segment::recipients)
            .filter(|(seq, state)| *state == RecipientState::Queued && !under_way.contains(seq))
            .map(|(seq, _)| seq)
            .filter(|seq| waiting.contains_key(seq) || through.is_some_and(|through| *seq <= through))
            .collect();
        for seq in &queued {
            sheet.move_to(id, *seq, RecipientState::InDoubt, 0);
            if let Some(todo) = waiting.get(seq) {
                sheet.tried(id, *seq, large(todo.attempt));
                let (kind, due, at) = (TodoKind::Doubt, date(AT_ONCE), date(now));
                sheet.wait(TodoDoc { kind, due, at, detail: RESTORED.to_owned(), ..todo.clone() });
            }
        }
        sheet.write(self, session).await?;
        if let Some(through) = through {
            // Whoever of them is sent again goes as a retry, not as somebody whose first turn it is.
            let end = small(through.saturating_add(1)).min(document.stored);
            let turn = leased.broadcasts.get(id.as_str()).copied().unwrap_or(Turn { next: 0, run: false });
            let turn = Turn { next: turn.next.max(end), ..turn };
            let update = doc! { "$set": { format!("broadcasts.{id}"): to_bson(&turn)? } };
            self.documents("leases").update_one(proof(lease), update).session(session).await?;
        }
        Ok(queued.len() as u64)
    }
}

impl Sheet {
    /// Moves somebody who is in doubt by an operator's word.
    fn decide_doubt(&mut self, id: &BroadcastId, seq: u32, Word { decision, words, now }: Word<'_>) {
        let todo = self.todo(id, seq).cloned();
        let (tries, after) = todo.as_ref().map_or((0, 0), |todo| (todo.tries, todo.after));
        let attempt = newest_attempt(RecipientState::InDoubt, None, todo.as_ref(), self.newest(id, seq));
        let state = match decision {
            DoubtDecision::CountAsSent => RecipientState::Accepted,
            DoubtDecision::GiveUp => RecipientState::Failed,
            DoubtDecision::SendAgain => {
                self.move_to(id, seq, RecipientState::Queued, 0);
                self.wait(TodoDoc {
                    id: PersonKey::new(id, seq),
                    kind: TodoKind::Retry,
                    attempt: small(attempt + 1),
                    tries,
                    due: date(now),
                    after,
                    at: date(now),
                    detail: words.to_owned(),
                });
                return;
            }
        };
        self.reach(id, seq, attempt, state, 0);
        self.decide(id, seq, Decision { word: words.to_owned(), at: date(now), tries });
    }
}
