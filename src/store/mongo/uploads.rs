//! Numbers: uploads that become visible whole, and walks through the people of some of them.

use super::Inner;
use super::broadcasts::Idempotency;
use super::documents::{count, date, millis, to_bson};
use super::failure::{Failure, Op};
use crate::domain::broadcast::{Number, UploadId};
use crate::domain::phone::Phone;
use crate::domain::time::Millis;
use crate::store::{
    AudiencePlace, ListSummary, NewUpload, StoreError, UploadBegun, UploadReport, UploadRow, UploadSummary,
};
use mongodb::ClientSession;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Rows looked at in one go.
pub(super) const PAGE: i64 = 5_000;
/// How often finishing is tried while other uploads of the same list finish.
pub(super) const TRIES: u32 = 20;

/// A document of `uploads`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UploadDoc {
    #[serde(rename = "_id")]
    pub(super) id: u32,
    pub(super) list: String,
    source: String,
    pub(super) tags: Vec<String>,
    pub(super) state: UploadState,
    begun_at: DateTime,
    /// When it became visible.
    pub(super) at: Option<DateTime>,
    /// Rows stored.
    rows: i64,
    report: Option<UploadReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency: Option<Idempotency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UploadState {
    Open,
    Visible,
    /// Given up; its rows are on their way out.
    Dropped,
}

/// A document of `lists`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListDoc {
    #[serde(rename = "_id")]
    pub(super) name: String,
    pub(super) people: i64,
    pub(super) uploads: i64,
    pub(super) last_upload_at: DateTime,
}

/// A document of `numbers`. Attributes are pairs, since a column's name may hold any character.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NumberDoc {
    #[serde(rename = "_id")]
    pub(super) id: RowKey,
    pub(super) phone: Phone,
    name: String,
    attributes: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct RowKey {
    pub(super) u: u32,
    pub(super) r: u32,
}

/// Where a phone stands, without the rest of its row.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PhoneDoc {
    #[serde(rename = "_id")]
    pub(super) id: RowKey,
    pub(super) phone: Phone,
}

impl UploadDoc {
    pub(super) fn summary(self) -> UploadSummary {
        UploadSummary {
            id: UploadId(self.id),
            list: self.list,
            source: self.source,
            at: self.at.map_or(Millis(0), millis),
            report: self.report.unwrap_or_default(),
        }
    }
}

/// The rows of an upload after one of them (`None`: all).
pub(super) fn rows_after(upload: u32, row: Option<u32>) -> Document {
    let end = doc! { "u": upload, "r": i64::MAX };
    let start = |row| doc! { "$gt": { "u": upload, "r": row } };
    let mut range = row.map_or_else(|| doc! { "$gte": { "u": upload } }, start);
    range.insert("$lt", end);
    doc! { "_id": range }
}

pub(super) fn by_row() -> Document {
    doc! { "_id": 1 }
}

impl Inner {
    pub(super) async fn begin_upload(&self, upload: &NewUpload, now: Millis) -> Op<UploadBegun> {
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.begin_upload_once(&mut transaction.session, upload, now).await;
            if let Some(begun) = transaction.finish(done).await? {
                return Ok(begun);
            }
        }
    }

    async fn begin_upload_once(&self, session: &mut ClientSession, upload: &NewUpload, now: Millis) -> Op<UploadBegun> {
        if let Some((key, hash)) = &upload.idempotency {
            let filter = doc! { "idempotency.key": key };
            let before = self.find_in::<UploadDoc>(Some(&mut *session), "uploads", filter).await?;
            if let Some(before) = before.into_iter().next() {
                let same = before.idempotency.as_ref().is_some_and(|known| known.hash == *hash);
                return Ok(match before.state {
                    _ if !same => UploadBegun::KeyReused,
                    UploadState::Visible => UploadBegun::Replay(before.summary()),
                    UploadState::Open | UploadState::Dropped => UploadBegun::InProgress,
                });
            }
        }
        let id = u32::try_from(self.count_up(session, "uploads", 1).await?)
            .map_err(|_| StoreError::Corrupt("there are too many uploads".to_owned()))?;
        let document = UploadDoc {
            id,
            list: upload.list.clone(),
            source: upload.source.clone(),
            tags: upload.tags.clone(),
            state: UploadState::Open,
            begun_at: date(now),
            at: None,
            rows: 0,
            report: None,
            idempotency: upload.idempotency.clone().map(|(key, hash)| Idempotency { key, hash }),
        };
        self.collection::<UploadDoc>("uploads").insert_one(&document).session(session).await?;
        Ok(UploadBegun::New(UploadId(id)))
    }

    pub(super) async fn upload(&self, upload: UploadId) -> Op<UploadDoc> {
        let found = self.find_in::<UploadDoc>(None, "uploads", doc! { "_id": upload.0 }).await?;
        found
            .into_iter()
            .find(|found| found.state != UploadState::Dropped)
            .ok_or_else(|| StoreError::NotFound(format!("upload {}", upload.0)).into())
    }

    pub(super) async fn open_upload(&self, upload: UploadId) -> Op<UploadDoc> {
        let found = self.upload(upload).await?;
        if found.state == UploadState::Open {
            return Ok(found);
        }
        Err(StoreError::Conflict(format!("upload {} is finished", upload.0)).into())
    }

    pub(super) async fn visible(&self, list: Option<&str>) -> Op<Vec<u32>> {
        let mut filter = doc! { "state": "visible" };
        if let Some(list) = list {
            filter.insert("list", list);
        }
        let options = FindOptions::builder().sort(by_row()).build();
        let found = self.find_with::<UploadDoc>(None, "uploads", filter, options).await?;
        Ok(found.into_iter().map(|upload| upload.id).collect())
    }

    /// Which uploads have these phones.
    async fn uploads_with(&self, phones: impl Iterator<Item = Phone>, above: u32) -> Op<Vec<PhoneDoc>> {
        let phones: Vec<String> = phones.map(String::from).collect();
        let options = FindOptions::builder().projection(doc! { "phone": 1 }).build();
        let filter = doc! { "phone": { "$in": phones }, "_id.u": { "$gt": above } };
        self.find_with(None, "numbers", filter, options).await
    }

    pub(super) async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Op<(Vec<usize>, Vec<usize>)> {
        let list = self.upload(upload).await?.list;
        let visible: HashSet<u32> = self.visible(Some(&list)).await?.into_iter().collect();
        let (mut in_list, mut in_upload) = (HashSet::new(), HashSet::new());
        for found in self.uploads_with(phones.iter().copied(), 0).await? {
            if found.id.u == upload.0 {
                in_upload.insert(found.phone);
            } else if visible.contains(&found.id.u) {
                in_list.insert(found.phone);
            }
        }
        let positions = |known: &HashSet<Phone>| {
            phones.iter().enumerate().filter(|(_, phone)| known.contains(phone)).map(|(at, _)| at).collect()
        };
        Ok((positions(&in_list), positions(&in_upload)))
    }

    pub(super) async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Op<()> {
        let added = i64::try_from(rows.len()).unwrap_or(0);
        let documents: Vec<NumberDoc> = rows
            .into_iter()
            .map(|UploadRow { row, number }| NumberDoc {
                id: RowKey { u: upload.0, r: row },
                phone: number.phone,
                name: number.name,
                attributes: number.attributes.into_iter().collect(),
            })
            .collect();
        let mut transaction = self.transaction().await?;
        loop {
            transaction.start().await?;
            let done = self.add_rows_once(&mut transaction.session, upload, &documents, added).await;
            if done.as_ref().is_err_and(Failure::is_duplicate) {
                // A row that is there already will be there at the next try as well.
                let _ = transaction.session.abort_transaction().await;
                return Err(StoreError::Conflict(format!("a row of upload {} is stored already", upload.0)).into());
            }
            if transaction.finish(done).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn add_rows_once(
        &self,
        session: &mut ClientSession,
        upload: UploadId,
        documents: &[NumberDoc],
        added: i64,
    ) -> Op<()> {
        let filter = doc! { "_id": upload.0, "state": "open" };
        let update = doc! { "$inc": { "rows": added } };
        let answer = self.documents("uploads").update_one(filter, update).session(&mut *session).await?;
        if answer.matched_count == 0 {
            self.open_upload(upload).await?;
            return Err(Failure::Again);
        }
        if !documents.is_empty() {
            self.collection::<NumberDoc>("numbers").insert_many(documents).session(session).await?;
        }
        Ok(())
    }

    pub(super) async fn finish_upload(
        &self,
        upload: UploadId,
        report: &UploadReport,
        now: Millis,
    ) -> Op<UploadSummary> {
        for _ in 0..TRIES {
            let document = self.open_upload(upload).await?;
            let visible: HashSet<u32> = self.visible(Some(&document.list)).await?.into_iter().collect();
            let newcomers = self.newcomers(&document, &visible).await?;
            let mut transaction = self.transaction().await?;
            loop {
                transaction.start().await?;
                let steps = (document.clone(), newcomers, &visible, now);
                let done = self.finish_once(&mut transaction.session, steps, report).await;
                match transaction.finish(done).await? {
                    Some(Some(summary)) => return Ok(summary),
                    // Another upload of the list became visible meanwhile: who is new must be counted again.
                    Some(None) => break,
                    None => {}
                }
            }
        }
        Err(Failure::Again)
    }

    /// How many people of an upload the list does not have yet.
    pub(super) async fn newcomers(&self, upload: &UploadDoc, visible: &HashSet<u32>) -> Op<i64> {
        if visible.is_empty() {
            return Ok(upload.rows);
        }
        let mut known = 0;
        let mut after = None;
        loop {
            let options = FindOptions::builder().sort(by_row()).limit(PAGE).projection(doc! { "phone": 1 }).build();
            let filter = rows_after(upload.id, after);
            let page = self.find_with::<PhoneDoc>(None, "numbers", filter, options).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.r);
            let found = self.uploads_with(page.iter().map(|row| row.phone), 0).await?;
            let others: HashSet<Phone> =
                found.into_iter().filter(|row| visible.contains(&row.id.u)).map(|row| row.phone).collect();
            known += i64::try_from(others.len()).unwrap_or(0);
        }
        Ok(upload.rows - known)
    }

    /// `None`: the list has other uploads by now.
    async fn finish_once(
        &self,
        session: &mut ClientSession,
        (mut document, newcomers, seen, now): (UploadDoc, i64, &HashSet<u32>, Millis),
        report: &UploadReport,
    ) -> Op<Option<UploadSummary>> {
        if self.visible_of(session, &document.list).await? != *seen {
            return Ok(None);
        }
        let lists = self.find_in::<ListDoc>(Some(&mut *session), "lists", doc! { "_id": &document.list }).await?;
        let mut list = lists.into_iter().next().unwrap_or_else(|| ListDoc {
            name: document.list.clone(),
            people: 0,
            uploads: 0,
            last_upload_at: date(now),
        });
        list.people += newcomers;
        list.uploads += 1;
        list.last_upload_at = date(now);
        let filter = doc! { "_id": &list.name };
        self.collection::<ListDoc>("lists").replace_one(filter, &list).upsert(true).session(&mut *session).await?;
        let filter = doc! { "_id": document.id, "state": "open", "rows": document.rows };
        let update = doc! { "$set": { "state": "visible", "at": date(now), "report": to_bson(report)? } };
        let answer = self.documents("uploads").update_one(filter, update).session(session).await?;
        if answer.matched_count == 0 {
            return Err(StoreError::Conflict(format!("upload {} changed while it was finished", document.id)).into());
        }
        document.at = Some(date(now));
        document.report = Some(report.clone());
        Ok(Some(document.summary()))
    }

    pub(super) async fn abandon_upload(&self, upload: UploadId) -> Op<()> {
        self.open_upload(upload).await?;
        // From here on nobody adds rows, and its key is free; a sweep finishes what a crash leaves.
        let filter = doc! { "_id": upload.0, "state": "open" };
        let update = doc! { "$set": { "state": "dropped" }, "$unset": { "idempotency": "" } };
        self.documents("uploads").update_one(filter, update).await?;
        self.drop_rows(upload.0).await
    }

    pub(super) async fn drop_rows(&self, upload: u32) -> Op<()> {
        self.unclaim(upload).await?;
        self.documents("numbers").delete_many(rows_after(upload, None)).await?;
        self.documents("rejects").delete_many(rows_after(upload, None)).await?;
        self.documents("uploads").delete_one(doc! { "_id": upload, "state": "dropped" }).await?;
        Ok(())
    }

    pub(super) async fn sweep_uploads(&self, before: Millis) -> Op<u64> {
        let open = doc! { "state": "open", "begun_at": { "$lt": date(before) } };
        let filter = doc! { "$or": [open, { "state": "dropped" }] };
        let stale = self.find_in::<UploadDoc>(None, "uploads", filter).await?;
        let mut swept = 0;
        for upload in stale {
            match self.abandon_upload(UploadId(upload.id)).await {
                Ok(()) => swept += 1,
                Err(Failure::Store(_)) if upload.state == UploadState::Dropped => self.drop_rows(upload.id).await?,
                // Finished meanwhile.
                Err(Failure::Store(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(swept)
    }

    pub(super) async fn lists(&self) -> Op<Vec<ListSummary>> {
        let options = FindOptions::builder().sort(by_row()).build();
        let found = self.find_with::<ListDoc>(None, "lists", doc! {}, options).await?;
        let summary = |list: ListDoc| ListSummary {
            name: list.name,
            people: list.people.unsigned_abs(),
            uploads: list.uploads.unsigned_abs(),
            last_upload_at: millis(list.last_upload_at),
        };
        Ok(found.into_iter().map(summary).collect())
    }

    pub(super) async fn uploads(&self, list: Option<&str>, limit: u32) -> Op<Vec<UploadSummary>> {
        let mut filter = doc! { "state": "visible" };
        if let Some(list) = list {
            filter.insert("list", list);
        }
        let options = FindOptions::builder().sort(doc! { "_id": -1 }).limit(i64::from(limit)).build();
        let found = self.find_with::<UploadDoc>(None, "uploads", filter, options).await?;
        Ok(found.into_iter().map(UploadDoc::summary).collect())
    }

    pub(super) async fn audience_uploads(&self, list: Option<&str>) -> Op<Vec<UploadId>> {
        let visible = self.visible(list).await?;
        match list {
            Some(list) if visible.is_empty() => Err(StoreError::NotFound(format!("list {list}")).into()),
            _ => Ok(visible.into_iter().map(UploadId).collect()),
        }
    }

    pub(super) async fn audience_size(&self, uploads: &[UploadId]) -> Op<u64> {
        let (Some(first), Some(last)) = (uploads.iter().min(), uploads.iter().max()) else { return Ok(0) };
        if first == last {
            // Nobody is twice in one upload.
            return Ok(self.upload(*first).await?.rows.unsigned_abs());
        }
        let ids: Vec<i64> = uploads.iter().map(|upload| i64::from(upload.0)).collect();
        let stages = vec![
            doc! { "$match": {
                "_id": { "$gte": { "u": first.0 }, "$lt": { "u": last.0, "r": i64::MAX } },
                "_id.u": { "$in": ids },
            } },
            doc! { "$group": { "_id": "$phone" } },
            doc! { "$count": "people" },
        ];
        Ok(self.aggregate("numbers", stages).await?.first().map_or(0, |found| count(found.get("people"))))
    }

    pub(super) async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Op<Vec<(AudiencePlace, Number)>> {
        let limit = i64::from(limit).min(PAGE);
        let mut uploads: Vec<u32> = uploads.iter().map(|upload| upload.0).collect();
        uploads.sort_unstable();
        uploads.dedup();
        let mut people = Vec::new();
        for (at, upload) in uploads.iter().enumerate() {
            let mut row = match after {
                Some(after) if after.upload > *upload => continue,
                Some(after) if after.upload == *upload => Some(after.row),
                _ => None,
            };
            let newer: HashSet<u32> = uploads[at + 1..].iter().copied().collect();
            loop {
                let room = limit - i64::try_from(people.len()).unwrap_or(limit);
                if room <= 0 {
                    return Ok(people);
                }
                let options = FindOptions::builder().sort(by_row()).limit(room).build();
                let page = self.find_with::<NumberDoc>(None, "numbers", rows_after(*upload, row), options).await?;
                let Some(last) = page.last() else { break };
                row = Some(last.id.r);
                let superseded = self.superseded(&page, *upload, &newer).await?;
                people.extend(page.into_iter().filter(|row| !superseded.contains(&row.phone)).map(person));
            }
        }
        Ok(people)
    }

    /// Who of these is in a newer upload too.
    pub(super) async fn superseded(&self, page: &[NumberDoc], upload: u32, newer: &HashSet<u32>) -> Op<HashSet<Phone>> {
        if newer.is_empty() {
            return Ok(HashSet::new());
        }
        let found = self.uploads_with(page.iter().map(|row| row.phone), upload).await?;
        Ok(found.into_iter().filter(|row| newer.contains(&row.id.u)).map(|row| row.phone).collect())
    }
}

pub(super) fn person(row: NumberDoc) -> (AudiencePlace, Number) {
    let attributes: BTreeMap<String, String> = row.attributes.into_iter().collect();
    let place = AudiencePlace { upload: row.id.u, row: row.id.r };
    (place, Number { phone: row.phone, name: row.name, attributes })
}
