//! The audit trail: a collection of its own, where an entry's id is its place, so that two who append at once cannot
//! both follow the same entry.

use super::Inner;
use super::documents::{date, millis};
use super::failure::{Failure, Op};
use super::reading::PAGE;
use crate::domain::audit::{Act, BEGINNING, Entry};
use crate::store::StoreError;
use mongodb::bson::{DateTime, doc};
use mongodb::options::{FindOptions, ReadConcern};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often an entry is tried to be put at the end before the store counts as too busy.
const TRIES: u32 = 50;
/// The longest wait between two tries, in milliseconds.
const LONGEST_WAIT_MS: u64 = 20;

/// A document of `audit`.
#[derive(Debug, Serialize, Deserialize)]
struct EntryDoc {
    #[serde(rename = "_id")]
    id: i64,
    at: DateTime,
    who: String,
    what: String,
    subject: String,
    detail: String,
    hash: String,
}

impl EntryDoc {
    fn new(entry: &Entry) -> Self {
        let Act { at, who, what, subject, detail } = entry.act.clone();
        let id = i64::try_from(entry.id).unwrap_or(i64::MAX);
        Self { id, at: date(at), who, what, subject, detail, hash: entry.hash.clone() }
    }

    fn into_entry(self) -> Entry {
        let Self { id, at, who, what, subject, detail, hash } = self;
        Entry { id: id.unsigned_abs(), act: Act { at: millis(at), who, what, subject, detail }, hash }
    }
}

impl Inner {
    pub(super) async fn append_act(&self, act: Act) -> Op<Entry> {
        for _ in 0..TRIES {
            let (id, hash) = self.end_of_trail().await?;
            let entry = Entry::after(id, &hash, act.clone());
            let inserted = self.collection::<EntryDoc>("audit").insert_one(EntryDoc::new(&entry)).await;
            match inserted.map_err(Failure::from) {
                Ok(_) => return Ok(entry),
                Err(failure) if failure.is_duplicate() => {}
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=LONGEST_WAIT_MS))).await;
        }
        Err(StoreError::Unavailable(format!("{} is busy with other writers; the act was not recorded", self.place))
            .into())
    }

    /// The newest entry's id and hash. Read as it stands on the primary: an entry that is not yet with the majority is
    /// there before ours is.
    async fn end_of_trail(&self) -> Op<(u64, String)> {
        let newest = self
            .collection::<EntryDoc>("audit")
            .find_one(doc! {})
            .sort(doc! { "_id": -1 })
            .read_concern(ReadConcern::local())
            .await?;
        Ok(newest.map_or((0, BEGINNING.to_owned()), |newest| (newest.id.unsigned_abs(), newest.hash)))
    }

    pub(super) async fn audit_trail(&self, after: u64, limit: u32) -> Op<Vec<Entry>> {
        // A limit of 0 would be none.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let filter = doc! { "_id": { "$gt": i64::try_from(after).unwrap_or(i64::MAX) } };
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(i64::from(limit.min(PAGE))).build();
        let found = self.find_with::<EntryDoc>(None, "audit", filter, options).await?;
        Ok(found.into_iter().map(EntryDoc::into_entry).collect())
    }
}
