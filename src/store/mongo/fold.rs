//! Receipts: stored raw as they come, then folded into the states.
//!
//! Folding applies what a batch of receipts says and drops their bodies in one transaction, so that a
//! crash neither loses one nor applies one to figures twice. Receipts only move up the ladder.

use super::Inner;
use super::documents::{
    AttemptDoc, AttemptKey, FailedReceipt, PersonKey, RecipientDoc, TodoDoc, TodoKind, date, large, millis, small,
    whole,
};
use super::failure::Op;
use super::settle::newest_attempt;
use super::sheet::{Flying, NewRow, Sheet, UnderWay, attempt_key};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{
    Evidence, FoldReport, Lease, RECEIPTS, RECEIPTS_BYTES, RawReceipt, ReceiptMove, StoreError, StoredReceipt,
};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, doc};
use mongodb::options::FindOptions;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What folding needs to know besides the sheet.
#[derive(Default)]
struct Known {
    statuses: HashMap<BroadcastId, BroadcastStatus>,
    under_way: HashMap<BroadcastId, UnderWay>,
    /// Rows of attempts that failed, or are about to.
    rows: HashMap<AttemptKey, AttemptDoc>,
    phones: HashMap<PersonKey, Phone>,
    /// The codes that people failed with within this batch.
    codes: HashMap<PersonKey, i64>,
    /// Attempts that failed by a receipt within this batch.
    undelivered: HashSet<AttemptKey>,
}

impl Inner {
    pub(super) async fn append_receipts(&self, receipts: &[RawReceipt]) -> Op<()> {
        if receipts.is_empty() {
            return Ok(());
        }
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.append_once(&mut transaction.session, receipts).await;
            if transaction.finish(done).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn append_once(&self, session: &mut ClientSession, receipts: &[RawReceipt]) -> Op<()> {
        // Ids come from within the transaction, so none appears below one that was seen.
        let last = self.count_up(session, "receipts", receipts.len()).await?;
        let first = last - i64::try_from(receipts.len()).unwrap_or(0) + 1;
        let documents = receipts.iter().zip(first..).map(|(receipt, id)| {
            let body = Binary { subtype: BinarySubtype::Generic, bytes: receipt.body.clone() };
            doc! { "_id": id, "at": date(receipt.received_at), "body": body }
        });
        self.documents("receipts").insert_many(documents).session(session).await?;
        Ok(())
    }

    pub(super) async fn receipts_backlog(&self) -> Op<u64> {
        Ok(self.documents("receipts").estimated_document_count().await?)
    }

    pub(super) async fn receipts(&self, limit: u32) -> Op<Vec<StoredReceipt>> {
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(i64::from(limit)).build();
        // A batch of the server's has 16 MB at most.
        let mut found = self.documents("receipts").find(doc! {}).with_options(options).await?;
        let (mut receipts, mut bytes) = (Vec::new(), 0);
        while let Some(mut document) = found.try_next().await? {
            let Some(Bson::Binary(body)) = document.remove("body") else {
                return Err(StoreError::Corrupt("a stored receipt has no body".to_owned()).into());
            };
            bytes += body.bytes.len();
            if bytes > RECEIPTS_BYTES && !receipts.is_empty() {
                break;
            }
            receipts.push(StoredReceipt {
                id: whole(document.get("_id")).unsigned_abs(),
                received_at: document.get_datetime("at").map_or(Millis(0), |at| millis(*at)),
                body: body.bytes,
            });
        }
        Ok(receipts)
    }

    pub(super) async fn receipts_backlog_bytes(&self) -> Op<u64> {
        let figures = self.aggregate("receipts", vec![doc! { "$collStats": { "storageStats": {} } }]).await?;
        let size = figures.first().and_then(|figures| figures.get_document("storageStats").ok());
        Ok(whole(size.and_then(|size| size.get("size"))).unsigned_abs())
    }

    pub(super) async fn fold_receipts(&self, lease: &Lease, moves: &[ReceiptMove], up_to: u64) -> Op<FoldReport> {
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.fold_once(&mut transaction.session, lease, moves, up_to).await;
            if let Some(report) = transaction.finish(done).await? {
                return Ok(report);
            }
        }
    }

    async fn fold_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        moves: &[ReceiptMove],
        up_to: u64,
    ) -> Op<FoldReport> {
        if lease.subject != RECEIPTS {
            return Err(StoreError::LeaseLost.into());
        }
        self.check_lease(session, lease).await?;
        let people: Vec<(&BroadcastId, u32)> = moves.iter().map(|said| (&said.broadcast, said.seq)).collect();
        let mut sheet = Sheet::read(self, session, &people).await?;
        let mut known = self.known(session, moves, &mut sheet).await?;
        let mut report = FoldReport::default();
        for said in moves {
            sheet.mark(&said.broadcast, said.seq, said.attempt, said.mark);
            match sheet.state(&said.broadcast, said.seq) {
                None => report.unknown += 1,
                Some(state) if sheet.fold(said, state, &mut known) => report.moved += 1,
                Some(_) => report.without_effect += 1,
            }
        }
        sheet.write(self, session).await?;
        let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
        self.documents("receipts").delete_many(doc! { "_id": { "$lte": up_to } }).session(session).await?;
        Ok(report)
    }

    async fn known(&self, session: &mut ClientSession, moves: &[ReceiptMove], sheet: &mut Sheet) -> Op<Known> {
        let mut known = Known::default();
        let requeuing: BTreeSet<BroadcastId> = moves
            .iter()
            .filter(|said| matches!(said.evidence, Evidence::Failed { retry: Some(_), .. }))
            .filter(|said| sheet.state(&said.broadcast, said.seq).is_some())
            .map(|said| said.broadcast.clone())
            .collect();
        known.statuses = Sheet::touch_broadcasts(self, session, &requeuing, None).await?;

        let queued: BTreeSet<&BroadcastId> = moves
            .iter()
            .filter(|said| sheet.state(&said.broadcast, said.seq) == Some(RecipientState::Queued))
            .map(|said| &said.broadcast)
            .collect();
        for id in queued {
            let Some(sender) = self.sender_of(Some(&mut *session), id).await? else { continue };
            let document = self.lease_document(Some(&mut *session), &sender).await?;
            let under_way = self.under_way_of(Some(&mut *session), &document, id, sheet).await?;
            known.under_way.insert(id.clone(), under_way);
        }

        let mut rows = BTreeSet::new();
        let mut unlogged = BTreeSet::new();
        for said in moves {
            let Some(state) = sheet.state(&said.broadcast, said.seq) else { continue };
            let newest = sheet.newest(&said.broadcast, said.seq);
            // A late `sent` asks whether a `failed` was faster; only who waits, or waited, can be moved by it.
            let waits = matches!(state, RecipientState::Queued | RecipientState::Cancelled);
            let asks = waits && matches!(said.evidence, Evidence::Reached(RecipientState::Sent));
            if asks || matches!(said.evidence, Evidence::Failed { .. }) {
                rows.insert(said.key());
            }
            if state == RecipientState::Failed {
                rows.insert(attempt_key(&said.broadcast, said.seq, newest));
            }
            // Whoever is settled after one attempt has its row. Not so by an operator's word; and of two attempts
            // the one in doubt may have none, when proof of the other came first.
            let settled = (state.rung().is_some() || state == RecipientState::Failed)
                && sheet.decision(&said.broadcast, said.seq).is_none();
            if settled && newest == 1 && said.attempt == 1 {
                sheet.has_logged(said.key());
            } else {
                unlogged.insert(said.key());
            }
        }
        let keys: Vec<Bson> =
            unlogged.iter().map(|key| Bson::from(&PersonKey { b: key.b.clone(), s: key.s })).collect();
        sheet.read_logged(self, session, unlogged).await?;
        if !keys.is_empty() {
            let people =
                self.find_in::<RecipientDoc>(Some(&mut *session), "recipients", doc! { "_id": { "$in": keys } });
            known.phones.extend(people.await?.into_iter().map(|person| (person.id, person.phone)));
        }
        if !rows.is_empty() {
            let keys: Vec<Bson> = rows.iter().map(Bson::from).collect();
            let found = self.find_in::<AttemptDoc>(Some(session), "attempts", doc! { "_id": { "$in": keys } }).await?;
            known.rows.extend(found.into_iter().map(|row| (row.id.clone(), row)));
        }
        Ok(known)
    }
}

impl ReceiptMove {
    fn key(&self) -> AttemptKey {
        attempt_key(&self.broadcast, self.seq, self.attempt)
    }
}

impl Known {
    fn is_undelivered(&self, key: &AttemptKey) -> bool {
        self.undelivered.contains(key) || self.rows.get(key).is_some_and(|row| row.undelivered || row.receipt.is_some())
    }

    fn flying(&self, said: &ReceiptMove) -> Option<Flying> {
        self.under_way.get(&said.broadcast)?.get(said.seq)
    }
}

impl Sheet {
    /// Applies one receipt. Returns whether it moved somebody.
    fn fold(&mut self, said: &ReceiptMove, state: RecipientState, known: &mut Known) -> bool {
        let (id, seq) = (&said.broadcast, said.seq);
        let todo = self.todo(id, seq).cloned();
        // An intent that was settled earlier in this batch is none any more.
        let flying = known.flying(said).filter(|flying| {
            state == RecipientState::Queued && todo.as_ref().is_none_or(|todo| large(todo.attempt) <= flying.attempt)
        });
        let newest = newest_attempt(state, flying.map(|flying| flying.attempt), todo.as_ref(), self.newest(id, seq));
        let tries = todo.as_ref().map(|todo| todo.tries).or(flying.map(|flying| flying.tries));
        let tries = tries.or(self.decision(id, seq).map(|decision| decision.tries));
        let tries = tries.or(known.rows.get(&said.key()).map(|row| row.tries)).unwrap_or(0);
        let standing = if flying.is_some() { RecipientState::Sending } else { state };
        match &said.evidence {
            Evidence::Reached(reached) => self.reached(said, *reached, (standing, newest, tries), known),
            Evidence::Failed { code, response, counts: uses_a_try, retry_at, .. } => {
                let counts = said.attempt == newest
                    && standing != RecipientState::Queued
                    && standing.may_become(RecipientState::Failed);
                let over = known.statuses.get(id).is_some_and(|status| status.is_final());
                // Nobody waits in a broadcast that is over, but a follow-up may take this person up.
                let again = said.evidence.retry_after(tries.unsigned_abs());
                let retry_at = if over { retry_at.or(again) } else { *retry_at };
                let retry = again.filter(|_| !over);
                self.note_failure(said, (*code, response, retry_at), (tries, counts), known);
                if !counts {
                    return false;
                }
                let Some(due) = retry else {
                    self.reach(id, seq, said.attempt, RecipientState::Failed, *code);
                    known.codes.insert(PersonKey::new(id, seq), *code);
                    return true;
                };
                if state != RecipientState::Queued {
                    self.move_to(id, seq, RecipientState::Queued, 0);
                }
                self.tried(id, seq, said.attempt);
                self.wait(TodoDoc {
                    id: PersonKey::new(id, seq),
                    kind: TodoKind::Retry,
                    attempt: small(said.attempt + 1),
                    tries: tries + i32::from(*uses_a_try),
                    due: date(due),
                    after: flying.map_or(0, |flying| flying.window),
                    at: date(said.at),
                    detail: response.clone(),
                });
                true
            }
        }
    }

    /// It got somewhere: only up the ladder, and of an older attempt only what proves delivery.
    fn reached(
        &mut self,
        said: &ReceiptMove,
        reached: RecipientState,
        (standing, newest, tries): (RecipientState, u32, i32),
        known: &Known,
    ) -> bool {
        let (id, seq, key) = (&said.broadcast, said.seq, said.key());
        if let Some(phone) = known.phones.get(&PersonKey::new(id, seq)) {
            let response = format!("known from a receipt: {}", reached.word());
            self.log(NewRow {
                key,
                phone: *phone,
                sent: true,
                at: said.at,
                code: 0,
                response: &response,
                wamid: &said.wamid,
                tries,
                retry_at: None,
                undelivered: false,
            });
        }
        let proves_delivery = matches!(reached, RecipientState::Delivered | RecipientState::Read);
        let counts = proves_delivery || (said.attempt >= newest && !known.is_undelivered(&said.key()));
        if !counts || !standing.may_become(reached) {
            return false;
        }
        let person = PersonKey::new(id, seq);
        // Who was given up by an operator's word has no code, whatever row came later.
        let given_up = self.decision(id, seq).map(|_| 0);
        let code = given_up.or(known.codes.get(&person).copied()).or_else(|| {
            let row = known.rows.get(&attempt_key(id, seq, newest))?;
            Some(row.receipt.as_ref().map_or(row.code, |receipt| receipt.code))
        });
        self.reach(id, seq, said.attempt, reached, code.unwrap_or(0));
        true
    }

    /// Keeps a failure's words: as the attempt's row if it has none, else beside it. `moves`: somebody fails by it.
    fn note_failure(
        &mut self,
        said: &ReceiptMove,
        (code, response, retry_at): (i64, &str, Option<Millis>),
        (tries, moves): (i32, bool),
        known: &mut Known,
    ) {
        let key = said.key();
        known.undelivered.insert(key.clone());
        match known.rows.get(&key) {
            Some(row) if row.receipt.is_none() && (moves || row.status == "sent") => {
                let receipt = FailedReceipt { timestamp: date(said.at), code, response: response.to_owned() };
                self.note_receipt(key, receipt, retry_at);
            }
            Some(row) if !row.undelivered => self.note_undelivered(key),
            Some(_) => {}
            None => {
                if let Some(phone) = known.phones.get(&PersonKey::new(&said.broadcast, said.seq)) {
                    self.log(NewRow {
                        key,
                        phone: *phone,
                        sent: false,
                        at: said.at,
                        code,
                        response,
                        wamid: &said.wamid,
                        tries,
                        retry_at,
                        undelivered: true,
                    });
                }
            }
        }
    }
}
