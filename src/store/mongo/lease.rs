//! Leases: who may drive a sender. All times are the server's (`$$NOW`), so that hosts whose clocks differ
//! agree on when a lease has ended.
//!
//! The document outlives its holders: it keeps the fence, how far each broadcast has come, and the open
//! windows.

use super::Inner;
use super::documents::{LeaseDoc, to_bson, whole};
use super::failure::Op;
use crate::store::{Holder, Lease, LeaseAnswer, LeaseView, StoreError};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

/// Fences are stored as signed numbers.
pub fn signed(fence: u64) -> i64 {
    i64::try_from(fence).unwrap_or(i64::MAX)
}

/// What proves a lease in a filter: held, and with this fence.
pub fn proof(lease: &Lease) -> Document {
    doc! { "_id": &lease.subject, "fence": signed(lease.fence), "holder": { "$ne": Bson::Null } }
}

impl Inner {
    pub(super) async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Op<LeaseAnswer> {
        self.end_sessions_of_gone_holder(subject, holder, holder_is_gone).await?;
        let process = doc! { "$literal": &holder.process };
        let instance = doc! { "$literal": &self.sessions.instance };
        let gone = holder_is_gone.map_or(Bson::Null, |fence| Bson::Int64(signed(fence)));
        let nobody = doc! { "$eq": [{ "$ifNull": ["$holder", Bson::Null] }, Bson::Null] };
        let ended = doc! { "$lte": [{ "$ifNull": ["$expires", "$$NOW"] }, "$$NOW"] };
        let fence = doc! { "$ifNull": ["$fence", 0_i64] };
        let update = vec![
            doc! { "$set": {
                "mine": { "$and": [{ "$not": [nobody.clone()] }, { "$eq": ["$holder.process", process] }] },
                "free": { "$or": [nobody, ended, { "$eq": [fence.clone(), gone] }] },
            } },
            doc! { "$set": {
                "fence": { "$cond": [{ "$and": ["$free", { "$not": ["$mine"] }] }, { "$add": [fence.clone(), 1_i64] }, fence] },
                "opened": { "$ifNull": ["$opened", 0_i64] },
                "status": { "$cond": [{ "$and": ["$free", { "$not": ["$mine"] }] }, "", { "$ifNull": ["$status", ""] }] },
                "holder": { "$cond": [{ "$or": ["$free", "$mine"] }, { "$literal": to_bson(holder)? }, "$holder"] },
                "before": { "$cond": [{ "$and": ["$free", { "$not": ["$mine"] }] }, { "$ifNull": ["$instance", ""] }, { "$ifNull": ["$before", ""] }] },
                "instance": { "$cond": [{ "$or": ["$free", "$mine"] }, instance, "$instance"] },
                "expires": { "$cond": [{ "$or": ["$free", "$mine"] }, { "$add": ["$$NOW", ttl_ms] }, "$expires"] },
            } },
            doc! { "$unset": ["mine", "free"] },
        ];
        let after = self
            .collection::<LeaseDoc>("leases")
            .find_one_and_update(doc! { "_id": subject }, update)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await?;
        let Some(after) = after else {
            return Err(StoreError::Corrupt(format!("the lease of {subject} is missing")).into());
        };
        if after.holder.as_ref().is_some_and(|now| now.process == holder.process) {
            let lease = Lease { subject: subject.to_owned(), fence: after.fence.unsigned_abs() };
            return Ok(LeaseAnswer::Granted(lease));
        }
        match self.lease(subject).await? {
            Some(view) => Ok(LeaseAnswer::Held(view)),
            // Given back between the two: the caller asks again.
            None => Err(StoreError::Unavailable(format!("the lease of {subject} is changing hands")).into()),
        }
    }

    /// A holder that died in the middle of a transaction may have left the lease's own document locked: without this,
    /// taking it would wait until the server gives that transaction up, a minute and a half at worst.
    async fn end_sessions_of_gone_holder(&self, subject: &str, holder: &Holder, gone: Option<u64>) -> Op<()> {
        let gone = gone.map_or(Bson::Null, |fence| Bson::Int64(signed(fence)));
        let ended = doc! { "$lte": ["$expires", "$$NOW"] };
        let stages = vec![
            doc! { "$match": {
                "_id": subject,
                "holder": { "$ne": Bson::Null },
                "holder.process": { "$ne": &holder.process },
                "$expr": { "$or": [ended, { "$eq": ["$fence", gone] }] },
            } },
            doc! { "$project": { "instance": 1 } },
        ];
        let Some(found) = self.aggregate("leases", stages).await?.into_iter().next() else { return Ok(()) };
        if let Err(failure) = self.end_sessions_of(found.get_str("instance").unwrap_or_default()).await {
            // Without the right to do so, the server ends them by itself.
            tracing::warn!(?failure, "the sessions of the process before could not be ended");
        }
        Ok(())
    }

    pub(super) async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Op<()> {
        let finished = self.flights.finished(&lease.subject);
        let mut update = vec![doc! { "$set": {
            "expires": { "$add": ["$$NOW", ttl_ms] },
            "status": { "$literal": status },
        } }];
        if !finished.is_empty() {
            let fields: Vec<String> = finished.iter().map(|number| format!("windows.{number}")).collect();
            update.push(doc! { "$unset": fields });
        }
        let answer = self.documents("leases").update_one(proof(lease), update).await?;
        if answer.matched_count == 0 {
            return Err(StoreError::LeaseLost.into());
        }
        self.flights.forget(&lease.subject, &finished);
        Ok(())
    }

    pub(super) async fn release_lease(&self, lease: &Lease) -> Op<()> {
        let update = doc! { "$set": { "holder": Bson::Null, "status": "" }, "$unset": { "expires": "" } };
        let answer = self.documents("leases").update_one(proof(lease), update).await?;
        if answer.matched_count == 0 {
            return Err(StoreError::LeaseLost.into());
        }
        Ok(())
    }

    pub(super) async fn lease(&self, subject: &str) -> Op<Option<LeaseView>> {
        // One aggregation, so that the time left is by the server's clock.
        let stages = vec![
            doc! { "$match": { "_id": subject, "holder": { "$ne": Bson::Null } } },
            doc! { "$project": {
                "holder": 1, "fence": 1, "status": 1, "ends_in_ms": { "$subtract": ["$expires", "$$NOW"] },
            } },
        ];
        let Some(found) = self.aggregate("leases", stages).await?.into_iter().next() else { return Ok(None) };
        let holder = found.get("holder").cloned().unwrap_or(Bson::Null);
        let holder: Holder =
            mongodb::bson::deserialize_from_bson(holder).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Some(LeaseView {
            subject: subject.to_owned(),
            holder,
            fence: whole(found.get("fence")).unsigned_abs(),
            ends_in_ms: whole(found.get("ends_in_ms")),
            status: found.get_str("status").unwrap_or_default().to_owned(),
        }))
    }

    /// The document of a subject; an empty one when there is none.
    pub(super) async fn lease_document(&self, session: Option<&mut ClientSession>, subject: &str) -> Op<LeaseDoc> {
        let found = self.find_in::<LeaseDoc>(session, "leases", doc! { "_id": subject }).await?;
        Ok(found.into_iter().next().unwrap_or_else(|| LeaseDoc::of(subject)))
    }

    /// Refuses within a transaction when the lease is not the newest.
    pub(super) async fn check_lease(&self, session: &mut ClientSession, lease: &Lease) -> Op<LeaseDoc> {
        let document = self.lease_document(Some(session), &lease.subject).await?;
        if document.proves(lease) { Ok(document) } else { Err(StoreError::LeaseLost.into()) }
    }
}

impl LeaseDoc {
    /// A subject that nobody has held.
    pub fn of(subject: &str) -> Self {
        Self {
            id: subject.to_owned(),
            fence: 0,
            holder: None,
            expires: None,
            status: String::new(),
            opened: 0,
            broadcasts: std::collections::BTreeMap::new(),
            windows: std::collections::BTreeMap::new(),
            before: String::new(),
        }
    }

    /// Whether this lease is the newest and not given back.
    pub fn proves(&self, lease: &Lease) -> bool {
        self.holder.is_some() && self.fence == signed(lease.fence)
    }
}
