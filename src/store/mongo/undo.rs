//! Undoing a finished upload: nobody sees its rows from one commit on; they go afterwards, in portions.
//!
//! It stands then as one that was given up does, so a sweep finishes what a crash leaves. Recipients are documents of
//! their own and are not touched.

use super::Inner;
use super::documents::from_json;
use super::failure::{Failure, Op};
use super::uploads::{ListDoc, PAGE, PhoneDoc, TRIES, UploadDoc, UploadState, by_row, rows_after};
use crate::domain::broadcast::{Definition, UploadId};
use crate::store::{StoreError, UploadDetails, UploadSummary};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;
use std::collections::HashSet;

impl Inner {
    pub(super) async fn visible_upload(&self, upload: UploadId) -> Op<UploadDoc> {
        let found = self.upload(upload).await?;
        if found.state == UploadState::Visible {
            return Ok(found);
        }
        Err(StoreError::NotFound(format!("upload {}", upload.0)).into())
    }

    pub(super) async fn upload_details(&self, upload: UploadId) -> Op<UploadDetails> {
        let found = self.visible_upload(upload).await?;
        Ok(UploadDetails { tags: found.tags.clone(), summary: found.summary() })
    }

    /// The visible uploads of a list, within a transaction.
    pub(super) async fn visible_of(&self, session: &mut ClientSession, list: &str) -> Op<HashSet<u32>> {
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).build();
        let filter = doc! { "list": list, "state": "visible" };
        let found = self.find_with::<Document>(Some(session), "uploads", filter, options).await?;
        Ok(found.iter().filter_map(|one| u32::try_from(super::documents::whole(one.get("_id"))).ok()).collect())
    }

    /// Refuses an audience with an upload that was undone since it was looked at.
    pub(super) async fn all_stand(&self, session: &mut ClientSession, uploads: &[UploadId]) -> Op<()> {
        if uploads.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = uploads.iter().map(|upload| i64::from(upload.0)).collect();
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).build();
        let filter = doc! { "_id": { "$in": ids }, "state": "visible" };
        let found = self.find_with::<Document>(Some(session), "uploads", filter, options).await?;
        let standing: HashSet<i64> = found.iter().map(|one| super::documents::whole(one.get("_id"))).collect();
        match uploads.iter().find(|upload| !standing.contains(&i64::from(upload.0))) {
            None => Ok(()),
            Some(gone) => {
                let words = format!("upload {} was undone meanwhile: look at it again", gone.0);
                Err(StoreError::Conflict(words).into())
            }
        }
    }

    pub(super) async fn undo_upload(&self, upload: UploadId) -> Op<UploadSummary> {
        for _ in 0..TRIES {
            let document = self.visible_upload(upload).await?;
            let mut rest: HashSet<u32> = self.visible(Some(&document.list)).await?.into_iter().collect();
            rest.remove(&upload.0);
            let lost = self.newcomers(&document, &rest).await?;
            let mut transaction = self.transaction().await?;
            loop {
                transaction.start().await?;
                let done = self.undo_once(&mut transaction.session, &document, &rest, lost).await;
                match transaction.finish(done).await? {
                    Some(true) => {
                        self.unclaim(upload.0).await?;
                        return Ok(document.summary());
                    }
                    // The list has other uploads by now: who is lost must be counted again.
                    Some(false) => break,
                    None => {}
                }
            }
        }
        Err(Failure::Again)
    }

    async fn undo_once(
        &self,
        session: &mut ClientSession,
        document: &UploadDoc,
        rest: &HashSet<u32>,
        lost: i64,
    ) -> Op<bool> {
        // Whoever fixes an audience counts this up as well, so neither misses the other.
        self.count_up(session, "broadcasts", 1).await?;
        let mut visible = self.visible_of(session, &document.list).await?;
        let was_there = visible.remove(&document.id);
        if !was_there {
            return Err(StoreError::NotFound(format!("upload {}", document.id)).into());
        }
        if visible != *rest {
            return Ok(false);
        }
        self.check_not_frozen_from(session, document.id).await?;
        let filter = doc! { "_id": document.id };
        let update = doc! { "$set": { "state": "dropped" }, "$unset": { "idempotency": "" } };
        self.documents("uploads").update_one(filter, update).session(&mut *session).await?;
        let filter = doc! { "_id": &document.list };
        if rest.is_empty() {
            self.documents("lists").delete_one(filter).session(session).await?;
            return Ok(true);
        }
        let of_list = doc! { "list": &document.list, "state": "visible", "_id": { "$ne": document.id } };
        let options = FindOptions::builder().sort(doc! { "at": -1 }).limit(1).build();
        let newest = self.find_with::<UploadDoc>(Some(&mut *session), "uploads", of_list, options).await?;
        let lists = self.find_in::<ListDoc>(Some(&mut *session), "lists", filter.clone()).await?;
        if let Some(mut list) = lists.into_iter().next() {
            list.people -= lost;
            list.uploads -= 1;
            list.last_upload_at = newest.first().and_then(|upload| upload.at).unwrap_or(list.last_upload_at);
            self.collection::<ListDoc>("lists").replace_one(filter, &list).session(session).await?;
        }
        Ok(true)
    }

    /// Refuses while a broadcast's audience is fixed with this upload in it and not all stored.
    async fn check_not_frozen_from(&self, session: &mut ClientSession, upload: u32) -> Op<()> {
        let filter = doc! { "status": { "$in": ["preparing", "paused"] }, "fixed": true, "started_at": Bson::Null };
        let options = FindOptions::builder().projection(doc! { "definition": 1 }).build();
        for found in self.find_with::<Document>(Some(session), "broadcasts", filter, options).await? {
            let definition: Definition = from_json(found.get_str("definition").unwrap_or_default())?;
            if definition.audience.uploads.contains(&UploadId(upload)) {
                let id = found.get_str("_id").unwrap_or_default();
                return Err(StoreError::Conflict(format!(
                    "the recipients of broadcast {id} are being taken from upload {upload}: wait until it is running, or \
                     cancel it"
                ))
                .into());
            }
        }
        Ok(())
    }

    pub(super) async fn clear_uploads(&self) -> Op<bool> {
        let options = FindOptions::builder().sort(by_row()).limit(2).build();
        let dropped = self.find_with::<UploadDoc>(None, "uploads", doc! { "state": "dropped" }, options).await?;
        let Some(first) = dropped.first() else { return Ok(false) };
        let options = FindOptions::builder().sort(by_row()).limit(PAGE).projection(doc! { "phone": 1 }).build();
        let page = self.find_with::<PhoneDoc>(None, "numbers", rows_after(first.id, None), options).await?;
        let Some(last) = page.last().filter(|_| page.len() == usize::try_from(PAGE).unwrap_or(0)) else {
            self.drop_rows(first.id).await?;
            return Ok(dropped.len() > 1);
        };
        let portion = doc! { "_id": { "$gte": { "u": first.id }, "$lte": { "u": first.id, "r": last.id.r } } };
        self.documents("numbers").delete_many(portion).await?;
        Ok(true)
    }
}
