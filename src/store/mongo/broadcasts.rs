//! Broadcasts: making them once, and moving them through their statuses.
//!
//! Every change of a status is a transaction over the broadcast's document and, where intents are
//! concerned, the lease document of its sender: that is what makes a pause take effect at once. The definition is
//! kept as JSON text, since its keys may hold characters that field names may not.

use super::Inner;
use super::documents::{PersonKey, date, from_json, millis, to_document, to_json};
use super::failure::Op;
use super::segment::Segment;
use super::sheet::Sheet;
use crate::domain::broadcast::{Broadcast, Definition};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::template::TemplateKey;
use crate::domain::time::Millis;
use crate::store::{AudiencePlace, BroadcastMade, Lease, NewBroadcast, StoreError};
use mongodb::ClientSession;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A document of `broadcasts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BroadcastDoc {
    #[serde(rename = "_id")]
    id: BroadcastId,
    /// Rises with every broadcast.
    no: i64,
    label: String,
    pub(super) sender: String,
    template: TemplateKey,
    list: Option<String>,
    /// All of it, as JSON.
    definition: String,
    pub(super) status: BroadcastStatus,
    reason: Option<PauseReason>,
    detail: String,
    pub(super) total: i64,
    created_at: DateTime,
    start_at: Option<DateTime>,
    pub(super) started_at: Option<DateTime>,
    ended_at: Option<DateTime>,
    resume_at: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurrence: Option<Occurrence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency: Option<Idempotency>,
    /// Recipients stored so far, and where the walk through the audience stands.
    pub(super) stored: i32,
    pub(super) place: Option<AudiencePlace>,
    /// The audience's uploads are fixed.
    fixed: bool,
    /// Written by whoever makes somebody wait, see [`Sheet::touch_broadcasts`].
    decisions: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Occurrence {
    schedule: ScheduleId,
    at: DateTime,
}

/// A caller's key, and a hash of what was sent with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// The hash.
    pub hash: String,
}

impl BroadcastDoc {
    fn new(new: &NewBroadcast, no: i64, now: Millis) -> Result<Self, StoreError> {
        Ok(Self {
            id: new.id.clone(),
            no,
            label: new.definition.label.clone(),
            sender: new.definition.sender.clone(),
            template: new.definition.template.key(),
            list: new.definition.audience.list.clone(),
            definition: to_json(&new.definition)?,
            status: new.status,
            reason: None,
            detail: String::new(),
            total: i64::from(new.total),
            created_at: date(now),
            start_at: new.start_at.map(date),
            started_at: None,
            ended_at: None,
            resume_at: None,
            occurrence: new.occurrence.clone().map(|(schedule, at)| Occurrence { schedule, at: date(at) }),
            idempotency: new.idempotency.clone().map(|(key, hash)| Idempotency { key, hash }),
            stored: 0,
            place: None,
            fixed: new.status == BroadcastStatus::Preparing || new.definition.audience.is_fixed(),
            decisions: 0,
        })
    }

    /// As others see it.
    pub(super) fn into_broadcast(self) -> Op<Broadcast> {
        let definition: Definition = from_json(&self.definition)?;
        Ok(Broadcast {
            id: self.id,
            definition,
            status: self.status,
            reason: self.reason,
            detail: self.detail,
            total: u32::try_from(self.total).unwrap_or(u32::MAX),
            created_at: millis(self.created_at),
            start_at: self.start_at.map(millis),
            started_at: self.started_at.map(millis),
            ended_at: self.ended_at.map(millis),
            occurrence: self.occurrence.map(|occurrence| (occurrence.schedule, millis(occurrence.at))),
            resume_at: self.resume_at.map(millis),
        })
    }

    /// What is decided about a broadcast takes the lease of its sender.
    pub(super) fn check_sender(&self, lease: &Lease) -> Result<(), StoreError> {
        if self.sender == lease.subject { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    fn refuse(&self, wish: &str) -> StoreError {
        StoreError::Conflict(format!("broadcast {} is {} and cannot be {wish}", self.id, self.status.word()))
    }
}

/// A change of a broadcast's status.
enum Change<'a> {
    Start { definition: &'a Definition, total: u32 },
    Pause { reason: PauseReason, detail: &'a str, resume_at: Option<Millis> },
    Resume { now: Millis },
    Cancel { now: Millis },
    Complete { lease: &'a Lease, now: Millis },
}

impl Inner {
    pub(super) async fn make_broadcast(&self, new: &NewBroadcast, now: Millis) -> Op<BroadcastMade> {
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.make_once(&mut transaction.session, new, now).await;
            if let Some(made) = transaction.finish(done).await? {
                return Ok(made);
            }
        }
    }

    async fn make_once(&self, session: &mut ClientSession, new: &NewBroadcast, now: Millis) -> Op<BroadcastMade> {
        // Everybody who makes a broadcast counts this up, so two that look for a repeat at the same
        // time cannot both miss the other.
        let no = self.count_up(session, "broadcasts", 1).await?;
        if let Some((key, hash)) = &new.idempotency {
            let filter = doc! { "idempotency.key": key };
            if let Some(before) = self.first_broadcast(session, filter).await? {
                let same = before.idempotency.as_ref().is_some_and(|known| known.hash == *hash);
                return Ok(if same {
                    BroadcastMade::Replay(before.into_broadcast()?)
                } else {
                    BroadcastMade::KeyReused
                });
            }
        }
        if let Some((schedule, at)) = &new.occurrence {
            let filter = doc! { "occurrence.schedule": schedule.as_str(), "occurrence.at": date(*at) };
            if let Some(before) = self.first_broadcast(session, filter).await? {
                return Ok(BroadcastMade::Replay(before.into_broadcast()?));
            }
        }
        if self.first_broadcast(session, doc! { "_id": new.id.as_str() }).await?.is_some() {
            return Err(StoreError::Conflict(format!("broadcast {} exists", new.id)).into());
        }
        if let Some(since) = new.refuse_repeats_since
            && let Some(before) = self.repeated(session, new, since).await?
        {
            return Ok(BroadcastMade::LooksLikeRepeat(before));
        }
        self.all_stand(session, &new.definition.audience.uploads).await?;
        let document = BroadcastDoc::new(new, no, now)?;
        self.collection::<BroadcastDoc>("broadcasts").insert_one(&document).session(session).await?;
        Ok(BroadcastMade::New(document.into_broadcast()?))
    }

    async fn first_broadcast(&self, session: &mut ClientSession, filter: Document) -> Op<Option<BroadcastDoc>> {
        Ok(self.find_in(Some(session), "broadcasts", filter).await?.into_iter().next())
    }

    /// The newest broadcast that this one looks like a repeat of.
    async fn repeated(
        &self,
        session: &mut ClientSession,
        new: &NewBroadcast,
        since: Millis,
    ) -> Op<Option<BroadcastId>> {
        let key = new.definition.template.key();
        let filter = doc! {
            "template.name": key.name,
            "template.language": key.language,
            "list": new.definition.audience.list.clone(),
            "created_at": { "$gte": date(since) },
        };
        let options = FindOptions::builder().sort(doc! { "no": -1 }).build();
        for before in self.find_with::<BroadcastDoc>(Some(&mut *session), "broadcasts", filter, options).await? {
            // A follow-up has no list, and is not to all numbers all the same.
            let definition: Definition = from_json(&before.definition)?;
            if !definition.audience.is_like(&new.definition.audience) {
                continue;
            }
            if before.status != BroadcastStatus::Cancelled || self.was_sent_to(session, &before).await? {
                return Ok(Some(before.id));
            }
        }
        Ok(None)
    }

    /// Whether anybody was sent to, or may have been.
    async fn was_sent_to(&self, session: &mut ClientSession, document: &BroadcastDoc) -> Op<bool> {
        let untouched = [RecipientState::Queued, RecipientState::Skipped, RecipientState::Cancelled];
        let id = document.id.as_str();
        let filter = doc! { "_id": { "$gte": { "b": id }, "$lt": { "b": id, "n": i32::MAX } } };
        let segments = self.find_in::<Segment>(Some(&mut *session), "segments", filter).await?;
        let moved = segments.iter().any(|segment| {
            let still: u64 = untouched.iter().map(|state| segment.count(*state)).sum();
            still != segment.len() as u64
        });
        if moved {
            return Ok(true);
        }
        let options = FindOptions::builder().limit(1).build();
        let filter = doc! { "_id": { "$gte": { "b": id }, "$lt": { "b": id, "s": i32::MAX } } };
        if !self.find_with::<Document>(Some(&mut *session), "attempts", filter, options).await?.is_empty() {
            return Ok(true);
        }
        let lease = self.lease_document(Some(&mut *session), &document.sender).await?;
        Ok(self.under_way(Some(session), &lease, &document.id).await?.len() > 0)
    }

    pub(super) async fn start_broadcast(&self, id: &BroadcastId, definition: &Definition, total: u32) -> Op<Broadcast> {
        Ok(self.change(id, Change::Start { definition, total }).await?.1)
    }

    pub(super) async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Op<Broadcast> {
        Ok(self.change(id, Change::Pause { reason, detail, resume_at }).await?.1)
    }

    pub(super) async fn resume(&self, id: &BroadcastId, now: Millis) -> Op<Broadcast> {
        Ok(self.change(id, Change::Resume { now }).await?.1)
    }

    pub(super) async fn cancel(&self, id: &BroadcastId, now: Millis) -> Op<Broadcast> {
        let _writer = self.writer.lock().await;
        Ok(self.change(id, Change::Cancel { now }).await?.1)
    }

    pub(super) async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Op<bool> {
        Ok(self.change(id, Change::Complete { lease, now }).await?.0)
    }

    /// Returns whether it changed, and how it stands then.
    async fn change(&self, id: &BroadcastId, change: Change<'_>) -> Op<(bool, Broadcast)> {
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.change_once(&mut transaction.session, id, &change).await;
            if let Some(done) = transaction.finish(done).await? {
                return Ok(done);
            }
        }
    }

    async fn change_once(
        &self,
        session: &mut ClientSession,
        id: &BroadcastId,
        change: &Change<'_>,
    ) -> Op<(bool, Broadcast)> {
        let mut document = self.broadcast_document(Some(&mut *session), id).await?;
        match change {
            Change::Start { definition, total } => {
                if document.status != BroadcastStatus::Scheduled {
                    return Err(document.refuse("started").into());
                }
                // Whoever undoes an upload counts this up as well, so neither misses the other.
                self.count_up(session, "broadcasts", 1).await?;
                self.all_stand(session, &definition.audience.uploads).await?;
                document.status = BroadcastStatus::Preparing;
                document.definition = to_json(definition)?;
                document.label.clone_from(&definition.label);
                document.sender.clone_from(&definition.sender);
                document.template = definition.template.key();
                document.list.clone_from(&definition.audience.list);
                document.total = i64::from(*total);
                document.fixed = true;
            }
            Change::Pause { reason, detail, resume_at } => {
                let paused = document.status == BroadcastStatus::Paused;
                let puts_off = document.reason == Some(*reason) && document.resume_at.is_some();
                if paused && *reason != PauseReason::Operator && !puts_off {
                    return Ok((false, document.into_broadcast()?));
                }
                if !paused && !document.status.may_become(BroadcastStatus::Paused) {
                    return Err(document.refuse("paused").into());
                }
                document.status = BroadcastStatus::Paused;
                document.reason = Some(*reason);
                (*detail).clone_into(&mut document.detail);
                document.resume_at = resume_at.map(date);
                self.let_run(session, &document, false).await?;
            }
            Change::Resume { now } => {
                if document.status != BroadcastStatus::Paused {
                    return Err(document.refuse("resumed").into());
                }
                document.reason = None;
                document.detail.clear();
                document.resume_at = None;
                if document.started_at.is_some() {
                    document.status = BroadcastStatus::Running;
                    self.let_run(session, &document, true).await?;
                } else if document.fixed {
                    document.status = BroadcastStatus::Preparing;
                } else {
                    document.status = BroadcastStatus::Scheduled;
                    document.start_at = document.start_at.max(Some(date(*now)));
                }
            }
            Change::Cancel { now } => {
                if !document.status.may_become(BroadcastStatus::Cancelled) {
                    return Err(document.refuse("cancelled").into());
                }
                self.let_run(session, &document, false).await?;
                self.cancel_queued(session, &document).await?;
                document.status = BroadcastStatus::Cancelled;
                document.reason = None;
                document.detail.clear();
                document.resume_at = None;
                document.total = i64::from(document.stored);
                document.ended_at = Some(date(*now));
            }
            Change::Complete { lease, now } => {
                self.check_lease(session, lease).await?;
                document.check_sender(lease)?;
                if document.status != BroadcastStatus::Running {
                    return Err(document.refuse("completed").into());
                }
                let filter = doc! {
                    "_id": { "$gte": { "b": id.as_str() }, "$lt": { "b": id.as_str(), "n": i32::MAX } },
                    "counts.q": { "$gt": 0 },
                };
                let options = FindOptions::builder().limit(1).projection(doc! { "_id": 1 }).build();
                let open = self.find_with::<Document>(Some(&mut *session), "segments", filter, options).await?;
                if !open.is_empty() {
                    return Ok((false, document.into_broadcast()?));
                }
                self.let_run(session, &document, false).await?;
                document.status = BroadcastStatus::Completed;
                document.ended_at = Some(date(*now));
            }
        }
        self.put_broadcast(session, &document).await?;
        Ok((true, document.into_broadcast()?))
    }

    /// Lets intents be recorded, or not. Waits for one that is being recorded at this moment.
    async fn let_run(&self, session: &mut ClientSession, document: &BroadcastDoc, run: bool) -> Op<()> {
        let field = format!("broadcasts.{}", document.id);
        let filter = doc! { "_id": &document.sender, &field: { "$exists": true } };
        let update = doc! { "$set": { format!("{field}.run"): run } };
        self.documents("leases").update_one(filter, update).session(session).await?;
        Ok(())
    }

    /// Whoever is queued and not under way becomes cancelled.
    async fn cancel_queued(&self, session: &mut ClientSession, document: &BroadcastDoc) -> Op<()> {
        let id = &document.id;
        let lease = self.lease_document(Some(&mut *session), &document.sender).await?;
        let filter = doc! {
            "_id": { "$gte": { "b": id.as_str() }, "$lt": { "b": id.as_str(), "n": i32::MAX } },
            "counts.q": { "$gt": 0 },
        };
        let mut sheet = Sheet::of_segments(self.find_in(Some(&mut *session), "segments", filter).await?);
        let under_way = self.under_way_of(Some(&mut *session), &lease, id, &sheet).await?;
        let under_way: HashSet<u32> = under_way.seqs().collect();
        let queued: Vec<u32> = sheet
            .segments()
            .flat_map(Segment::recipients)
            .filter(|(seq, state)| *state == RecipientState::Queued && !under_way.contains(seq))
            .map(|(seq, _)| seq)
            .collect();
        for seq in queued {
            sheet.move_to(id, seq, RecipientState::Cancelled, 0);
        }
        sheet.write(self, session).await?;
        // What waits for those under way is needed until they are settled.
        let keep: Vec<Bson> = under_way.iter().map(|seq| Bson::from(&PersonKey::new(id, *seq))).collect();
        let filter = doc! { "_id.b": id.as_str(), "kind": "retry", "_id": { "$nin": keep } };
        self.documents("todo").delete_many(filter).session(session).await?;
        Ok(())
    }

    pub(super) async fn put_broadcast(&self, session: &mut ClientSession, document: &BroadcastDoc) -> Op<()> {
        let filter = doc! { "_id": document.id.as_str() };
        self.documents("broadcasts").replace_one(filter, to_document(document)?).session(session).await?;
        Ok(())
    }

    pub(super) async fn broadcast_document(
        &self,
        session: Option<&mut ClientSession>,
        id: &BroadcastId,
    ) -> Op<BroadcastDoc> {
        let found = self.find_in::<BroadcastDoc>(session, "broadcasts", doc! { "_id": id.as_str() }).await?;
        found.into_iter().next().ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")).into())
    }

    /// The sender of a broadcast; `None`: no such broadcast.
    pub(super) async fn sender_of(&self, session: Option<&mut ClientSession>, id: &BroadcastId) -> Op<Option<String>> {
        let options = FindOptions::builder().projection(doc! { "sender": 1 }).build();
        let filter = doc! { "_id": id.as_str() };
        let found = self.find_with::<Document>(session, "broadcasts", filter, options).await?;
        Ok(found.first().and_then(|document| document.get_str("sender").ok()).map(str::to_owned))
    }

    pub(super) async fn broadcast(&self, id: &BroadcastId) -> Op<Broadcast> {
        self.broadcast_document(None, id).await?.into_broadcast()
    }

    pub(super) async fn broadcasts(&self, open_only: bool, limit: u32) -> Op<Vec<Broadcast>> {
        let over: Vec<&str> =
            BroadcastStatus::ALL.into_iter().filter(|status| status.is_final()).map(BroadcastStatus::word).collect();
        let filter = if open_only {
            doc! { "status": { "$nin": over } }
        } else {
            doc! {}
        };
        let options = FindOptions::builder().sort(doc! { "no": -1 }).limit(i64::from(limit)).build();
        let found = self.find_with::<BroadcastDoc>(None, "broadcasts", filter, options).await?;
        found.into_iter().map(BroadcastDoc::into_broadcast).collect()
    }
}
