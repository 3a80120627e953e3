//! Uploads, lists and audiences.

use super::ledger::{Ledger, Upload};
use std::collections::{BTreeMap, BTreeSet};
use wacast::domain::broadcast::{Number, UploadId};
use wacast::domain::phone::Phone;
use wacast::domain::time::Millis;
use wacast::store::{
    AudiencePlace, ListSummary, NewUpload, Result, StoreError, UploadBegun, UploadReport, UploadRow, UploadSummary,
};

pub(super) fn summary(id: u32, upload: &Upload) -> Option<UploadSummary> {
    let (at, report) = upload.finished.clone()?;
    let new = &upload.new;
    Some(UploadSummary { id: UploadId(id), list: new.list.clone(), source: new.source.clone(), at, report })
}

impl Ledger {
    pub(super) fn begin_upload(&mut self, new: NewUpload, now: Millis) -> UploadBegun {
        if let Some((key, hash)) = &new.idempotency {
            let same_key = |upload: &Upload| upload.new.idempotency.as_ref().is_some_and(|(other, _)| other == key);
            if let Some((id, before)) = self.uploads.iter().find(|(_, upload)| same_key(upload)) {
                let same = before.new.idempotency.as_ref().is_some_and(|(_, other)| other == hash);
                return match summary(*id, before) {
                    _ if !same => UploadBegun::KeyReused,
                    Some(summary) => UploadBegun::Replay(summary),
                    None => UploadBegun::InProgress,
                };
            }
        }
        self.uploads_made += 1;
        let upload = Upload { new, begun_at: now, finished: None, rows: BTreeMap::new(), rejects: BTreeMap::new() };
        self.uploads.insert(self.uploads_made, upload);
        UploadBegun::New(UploadId(self.uploads_made))
    }

    pub(super) fn open_upload(&mut self, id: UploadId) -> Result<&mut Upload> {
        match self.uploads.get_mut(&id.0) {
            None => Err(StoreError::NotFound(format!("upload {}", id.0))),
            Some(upload) if upload.finished.is_some() => {
                Err(StoreError::Conflict(format!("upload {} is finished", id.0)))
            }
            Some(upload) => Ok(upload),
        }
    }

    pub(super) fn known_phones(&mut self, id: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
        let upload = self.open_upload(id)?;
        let here: BTreeSet<Phone> = upload.rows.values().map(|number| number.phone).collect();
        let list = upload.new.list.clone();
        let visible = self.uploads.values().filter(|upload| upload.new.list == list && upload.finished.is_some());
        let listed: BTreeSet<Phone> = visible.flat_map(|upload| upload.rows.values()).map(|row| row.phone).collect();
        let among = |known: &BTreeSet<Phone>| -> Vec<usize> {
            phones.iter().enumerate().filter(|(_, phone)| known.contains(phone)).map(|(place, _)| place).collect()
        };
        Ok((among(&listed), among(&here)))
    }

    pub(super) fn add_rows(&mut self, id: UploadId, rows: Vec<UploadRow>) -> Result<()> {
        let upload = self.open_upload(id)?;
        upload.rows.extend(rows.into_iter().map(|row| (row.row, row.number)));
        Ok(())
    }

    pub(super) fn finish_upload(&mut self, id: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary> {
        let upload = self.open_upload(id)?;
        upload.finished = Some((now, report));
        summary(id.0, upload).ok_or_else(|| StoreError::NotFound(format!("upload {}", id.0)))
    }

    pub(super) fn abandon_upload(&mut self, id: UploadId) -> Result<()> {
        self.open_upload(id)?;
        self.uploads.remove(&id.0);
        self.unclaim_rejects(id);
        Ok(())
    }

    pub(super) fn sweep_uploads(&mut self, before: Millis) -> u64 {
        let count = self.uploads.len();
        self.uploads.retain(|_, upload| upload.finished.is_some() || upload.begun_at >= before);
        (count - self.uploads.len()) as u64
    }

    pub(super) fn lists(&self) -> Vec<ListSummary> {
        let mut lists: BTreeMap<&str, Vec<UploadSummary>> = BTreeMap::new();
        for (id, upload) in &self.uploads {
            if let Some(summary) = summary(*id, upload) {
                lists.entry(&upload.new.list).or_default().push(summary);
            }
        }
        let list = |(name, uploads): (&str, Vec<UploadSummary>)| {
            let ids: Vec<_> = uploads.iter().map(|upload| upload.id).collect();
            ListSummary {
                name: name.to_owned(),
                people: self.audience(&ids).len() as u64,
                uploads: uploads.len() as u64,
                last_upload_at: uploads.iter().map(|upload| upload.at).max().unwrap_or_default(),
            }
        };
        lists.into_iter().map(list).collect()
    }

    pub(super) fn uploads(&self, list: Option<&str>, limit: u32) -> Vec<UploadSummary> {
        let wanted = self.uploads.iter().filter(|(_, upload)| list.is_none_or(|list| upload.new.list == list));
        let mut found: Vec<_> = wanted.filter_map(|(id, upload)| summary(*id, upload)).collect();
        found.sort_by_key(|upload| std::cmp::Reverse((upload.at, upload.id)));
        found.truncate(limit as usize);
        found
    }

    pub(super) fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        let wanted = self.uploads.iter().filter(|(_, upload)| list.is_none_or(|list| upload.new.list == list));
        let found: Vec<_> =
            wanted.filter(|(_, upload)| upload.finished.is_some()).map(|(id, _)| UploadId(*id)).collect();
        match list {
            Some(list) if found.is_empty() => Err(StoreError::NotFound(format!("list \"{list}\""))),
            _ => Ok(found),
        }
    }

    /// Each person of these uploads at the newest row that has them.
    pub(super) fn audience(&self, uploads: &[UploadId]) -> BTreeMap<AudiencePlace, Number> {
        let wanted: BTreeSet<u32> = uploads.iter().map(|upload| upload.0).collect();
        let mut newest: BTreeMap<Phone, (AudiencePlace, &Number)> = BTreeMap::new();
        for id in wanted {
            let Some(upload) = self.uploads.get(&id) else { continue };
            for (row, number) in &upload.rows {
                newest.insert(number.phone, (AudiencePlace { upload: id, row: *row }, number));
            }
        }
        newest.into_values().map(|(place, number)| (place, number.clone())).collect()
    }

    pub(super) fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Vec<(AudiencePlace, Number)> {
        let everybody = self.audience(uploads).into_iter();
        everybody.filter(|(place, _)| after.is_none_or(|after| *place > after)).take(limit as usize).collect()
    }
}
