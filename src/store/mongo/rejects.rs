//! Rows of files that could not be used, kept with all their cells.

use super::Inner;
use super::documents::{count, from_json, to_json};
use super::failure::Op;
use super::reading::PAGE;
use super::uploads::{RowKey, by_row, rows_after};
use crate::domain::broadcast::UploadId;
use crate::store::{KeptReject, RejectCause};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};

/// A document of `rejects`. The cells are JSON text, since a column's name may hold any character.
#[derive(Debug, Serialize, Deserialize)]
struct RejectDoc {
    #[serde(rename = "_id")]
    id: RowKey,
    cause: String,
    phone: String,
    reason: String,
    cells: String,
    /// The upload that has the row after all, while that one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed_by: Option<u32>,
}

/// Rows of an upload that are nobody's yet.
fn open() -> Document {
    doc! { "fixed_by": Bson::Null }
}

fn keys(upload: UploadId, rows: &[u32]) -> Vec<Document> {
    rows.iter().map(|row| doc! { "u": upload.0, "r": *row }).collect()
}

impl Inner {
    pub(super) async fn add_rejects(&self, upload: UploadId, rejects: Vec<KeptReject>) -> Op<()> {
        self.open_upload(upload).await?;
        let documents: Result<Vec<RejectDoc>, _> = rejects
            .into_iter()
            .map(|KeptReject { row, cause, phone, reason, cells }| {
                let id = RowKey { u: upload.0, r: row };
                Ok(RejectDoc { id, cause, phone, reason, cells: to_json(&cells)?, fixed_by: None })
            })
            .collect::<Result<_, crate::store::StoreError>>();
        let documents = documents?;
        if !documents.is_empty() {
            // Nobody sees them before the upload's end, so they need no transaction.
            self.collection::<RejectDoc>("rejects").insert_many(&documents).await?;
        }
        Ok(())
    }

    pub(super) async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<String>,
        after: Option<u32>,
        limit: u32,
    ) -> Op<Vec<KeptReject>> {
        self.visible_upload(upload).await?;
        let mut filter = rows_after(upload.0, after);
        filter.extend(open());
        if let Some(cause) = cause {
            filter.insert("cause", cause);
        }
        let options = FindOptions::builder().sort(by_row()).limit(i64::from(limit.min(PAGE))).build();
        let found = self.find_with::<RejectDoc>(None, "rejects", filter, options).await?;
        let kept = |RejectDoc { id, cause, phone, reason, cells, .. }: RejectDoc| {
            Ok(KeptReject { row: id.r, cause, phone, reason, cells: from_json(&cells)? })
        };
        found.into_iter().map(kept).collect()
    }

    pub(super) async fn reject_causes(&self, upload: UploadId) -> Op<Vec<RejectCause>> {
        self.visible_upload(upload).await?;
        let is_fixed = doc! { "$cond": [{ "$gt": ["$fixed_by", 0] }, 1, 0] };
        let stages = vec![
            doc! { "$match": rows_after(upload.0, None) },
            doc! { "$group": { "_id": "$cause", "all": { "$sum": 1 }, "fixed": { "$sum": is_fixed } } },
        ];
        let found = self.aggregate("rejects", stages).await?;
        let mut causes: Vec<RejectCause> = found
            .iter()
            .map(|one| {
                let fixed = count(one.get("fixed"));
                let open = count(one.get("all")).saturating_sub(fixed);
                RejectCause { cause: one.get_str("_id").unwrap_or_default().to_owned(), open, fixed }
            })
            .collect();
        causes.sort_by_key(|one| (std::cmp::Reverse(one.open), one.cause.clone()));
        Ok(causes)
    }

    pub(super) async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Op<Vec<u32>> {
        self.visible_upload(upload).await?;
        self.open_upload(by).await?;
        let keys = keys(upload, rows);
        let mut filter = open();
        filter.insert("_id", doc! { "$in": &keys });
        let update = doc! { "$set": { "fixed_by": by.0 } };
        // Each by itself: a claim is never taken over, so what carries ours afterwards is ours.
        self.documents("rejects").update_many(filter, update).await?;
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).build();
        let filter = doc! { "_id": { "$in": keys }, "fixed_by": by.0 };
        let ours = self.find_with::<Document>(None, "rejects", filter, options).await?;
        let row = |one: &Document| u32::try_from(super::documents::whole(one.get_document("_id").ok()?.get("r"))).ok();
        let mut claimed: Vec<u32> = ours.iter().filter_map(row).collect();
        claimed.sort_unstable();
        Ok(claimed)
    }

    /// Whatever an upload had fixed is open again.
    pub(super) async fn unclaim(&self, by: u32) -> Op<()> {
        let update = doc! { "$unset": { "fixed_by": "" } };
        self.documents("rejects").update_many(doc! { "fixed_by": by }, update).await?;
        Ok(())
    }
}
