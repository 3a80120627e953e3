//! Freezing an audience: recipients are written once, with a dense seq, and their segments beside them.

use super::Inner;
use super::broadcasts::BroadcastDoc;
use super::documents::{PersonKey, RecipientDoc, large, small};
use super::failure::Op;
use super::lease::proof;
use super::segment::{SEGMENT, Segment, SegmentKey};
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::Millis;
use crate::store::{AudiencePlace, Lease, NewRecipient, StoreError};
use mongodb::ClientSession;
use mongodb::bson::doc;
use std::collections::BTreeMap;

impl Inner {
    pub(super) async fn add_recipients(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: &[NewRecipient],
        place: AudiencePlace,
    ) -> Op<()> {
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.add_once(&mut transaction.session, lease, id, from, recipients, place).await;
            if transaction.finish(done).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn add_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: &[NewRecipient],
        place: AudiencePlace,
    ) -> Op<()> {
        self.check_lease(session, lease).await?;
        let document = self.broadcast_document(Some(&mut *session), id).await?;
        document.check_sender(lease)?;
        preparing(&document, id)?;
        if document.stored != small(from) {
            let stored = document.stored;
            return Err(StoreError::Conflict(format!("{stored} recipients of {id} are stored, not {from}")).into());
        }
        let mut segments: BTreeMap<SegmentKey, Segment> = BTreeMap::new();
        let last = SegmentKey::of(id, from);
        if !from.is_multiple_of(SEGMENT) {
            let filter = doc! { "_id": &last };
            let found = self.find_in::<Segment>(Some(&mut *session), "segments", filter).await?;
            segments.extend(found.into_iter().map(|segment| (segment.id.clone(), segment)));
        }
        let mut documents = Vec::with_capacity(recipients.len());
        for (recipient, seq) in recipients.iter().zip(from..) {
            let key = SegmentKey::of(id, seq);
            let segment = segments.entry(key.clone()).or_insert_with(|| Segment::empty(key));
            if segment.len() != (seq % SEGMENT) as usize {
                return Err(StoreError::Corrupt(format!("segment of recipient {seq} of {id} has gaps")).into());
            }
            segment.push(recipient.skipped.as_deref());
            documents.push(RecipientDoc {
                id: PersonKey::new(id, seq),
                phone: recipient.phone,
                name: recipient.name.clone(),
                values: recipient.values.clone(),
                skip: recipient.skipped.clone(),
            });
        }
        if !documents.is_empty() {
            self.collection::<RecipientDoc>("recipients").insert_many(&documents).session(&mut *session).await?;
        }
        let statements = segments.values().map(Segment::statement).collect::<Result<Vec<_>, _>>()?;
        self.update_many_ways(session, "segments", statements).await?;
        let stored = document.stored + i32::try_from(recipients.len()).unwrap_or(i32::MAX);
        let update = doc! { "$set": { "stored": stored, "place": super::documents::to_bson(&place)? } };
        self.documents("broadcasts").update_one(doc! { "_id": id.as_str() }, update).session(session).await?;
        Ok(())
    }

    pub(super) async fn frozen_so_far(&self, id: &BroadcastId) -> Op<(u32, Option<AudiencePlace>)> {
        let document = self.broadcast_document(None, id).await?;
        Ok((large(document.stored), document.place))
    }

    pub(super) async fn begin_running(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        total: u32,
        now: Millis,
    ) -> Op<Broadcast> {
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.begin_once(&mut transaction.session, lease, id, total, now).await;
            if let Some(broadcast) = transaction.finish(done).await? {
                return Ok(broadcast);
            }
        }
    }

    async fn begin_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        id: &BroadcastId,
        total: u32,
        now: Millis,
    ) -> Op<Broadcast> {
        let leased = self.check_lease(session, lease).await?;
        let mut document = self.broadcast_document(Some(&mut *session), id).await?;
        document.check_sender(lease)?;
        preparing(&document, id)?;
        if document.stored != small(total) {
            let stored = document.stored;
            return Err(StoreError::Conflict(format!("{stored} recipients of {id} are stored, not {total}")).into());
        }
        document.status = BroadcastStatus::Running;
        document.total = i64::from(total);
        document.started_at = document.started_at.or(Some(super::documents::date(now)));
        self.put_broadcast(session, &document).await?;
        // Above 0 when the first of them are in doubt, after a restored backup.
        let next = leased.broadcasts.get(id.as_str()).map_or(0, |turn| turn.next);
        let update = doc! { "$set": { format!("broadcasts.{id}"): { "next": next, "run": true } } };
        self.documents("leases").update_one(proof(lease), update).session(session).await?;
        document.into_broadcast()
    }
}

fn preparing(document: &BroadcastDoc, id: &BroadcastId) -> Result<(), StoreError> {
    if document.status == BroadcastStatus::Preparing {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("broadcast {id} is {}, not preparing", document.status.word())))
}
