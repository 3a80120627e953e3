//! Uploads undone, rows that could not be used, and one person over everything.

use super::ledger::{Ledger, Standing, Upload};
use super::numbers::summary;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use wacast::domain::broadcast::{Number, UploadId};
use wacast::domain::ids::BroadcastId;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::store::{
    AttemptRow, AudiencePlace, KeptReject, LookedThrough, RejectCause, Result, StoreError, UploadDetails, UploadSummary,
};

impl Ledger {
    pub(super) fn upload_details(&self, id: UploadId) -> Result<UploadDetails> {
        let found = self.uploads.get(&id.0).and_then(|upload| Some((upload, summary(id.0, upload)?)));
        let (upload, summary) = found.ok_or_else(|| StoreError::NotFound(format!("upload {}", id.0)))?;
        Ok(UploadDetails { summary, tags: upload.new.tags.clone() })
    }

    fn visible_upload(&mut self, id: UploadId) -> Result<&mut Upload> {
        let found = self.uploads.get_mut(&id.0).filter(|upload| upload.finished.is_some());
        found.ok_or_else(|| StoreError::NotFound(format!("upload {}", id.0)))
    }

    /// Refuses an audience with an upload that is not visible any more.
    pub(super) fn all_stand(&self, uploads: &[UploadId]) -> Result<()> {
        uploads.iter().try_for_each(|id| {
            let gone = |_| StoreError::Conflict(format!("upload {} was undone meanwhile", id.0));
            self.upload_details(*id).map(drop).map_err(gone)
        })
    }

    pub(super) fn undo_upload(&mut self, id: UploadId) -> Result<UploadSummary> {
        let summary = self.upload_details(id)?.summary;
        let freezes = self.broadcasts.iter().find(|kept| {
            let broadcast = &kept.broadcast;
            matches!(broadcast.status, BroadcastStatus::Preparing | BroadcastStatus::Paused)
                && kept.fixed
                && broadcast.started_at.is_none()
                && broadcast.definition.audience.uploads.contains(&id)
        });
        if let Some(kept) = freezes {
            return Err(StoreError::Conflict(format!("broadcast {} is being prepared from it", kept.broadcast.id)));
        }
        self.uploads.remove(&id.0);
        self.unclaim_rejects(id);
        Ok(summary)
    }

    pub(super) fn unclaim_rejects(&mut self, by: UploadId) {
        let rejects = self.uploads.values_mut().flat_map(|upload| upload.rejects.values_mut());
        for (_, fixed_by) in rejects {
            *fixed_by = fixed_by.filter(|fixed_by| *fixed_by != by.0);
        }
    }

    pub(super) fn add_rejects(&mut self, id: UploadId, rejects: Vec<KeptReject>) -> Result<()> {
        self.open_upload(id)?.rejects.extend(rejects.into_iter().map(|reject| (reject.row, (reject, None))));
        Ok(())
    }

    pub(super) fn rejects(
        &mut self,
        id: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>> {
        let all = self.visible_upload(id)?.rejects.values();
        let open = all.filter(|(_, fixed_by)| fixed_by.is_none()).map(|(reject, _)| reject);
        let wanted = open.filter(|reject| {
            cause.is_none_or(|cause| reject.cause == cause) && after.is_none_or(|after| reject.row > after)
        });
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    pub(super) fn reject_causes(&mut self, id: UploadId) -> Result<Vec<RejectCause>> {
        let mut causes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (reject, fixed_by) in self.visible_upload(id)?.rejects.values() {
            let (open, fixed) = causes.entry(reject.cause.clone()).or_default();
            *(if fixed_by.is_some() { fixed } else { open }) += 1;
        }
        let mut causes: Vec<_> =
            causes.into_iter().map(|(cause, (open, fixed))| RejectCause { cause, open, fixed }).collect();
        causes.sort_by_key(|one| (Reverse(one.open), one.cause.clone()));
        Ok(causes)
    }

    pub(super) fn claim_rejects(&mut self, id: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
        self.open_upload(by)?;
        let rejects = &mut self.visible_upload(id)?.rejects;
        let mut claimed = Vec::new();
        for row in rows {
            if let Some((_, fixed_by)) = rejects.get_mut(row)
                && fixed_by.is_none_or(|other| other == by.0)
            {
                *fixed_by = Some(by.0);
                claimed.push(*row);
            }
        }
        Ok(claimed)
    }

    pub(super) fn look_through(&self, uploads: &[UploadId], after: Option<AudiencePlace>, limit: u32) -> LookedThrough {
        let newest = self.audience(uploads);
        let order = |place: AudiencePlace| (Reverse(place.upload), place.row);
        let mut rows: Vec<AudiencePlace> = uploads
            .iter()
            .filter_map(|id| Some((id.0, self.uploads.get(&id.0)?)))
            .flat_map(|(upload, found)| found.rows.keys().map(move |row| AudiencePlace { upload, row: *row }))
            .filter(|place| after.is_none_or(|after| order(*place) > order(after)))
            .collect();
        rows.sort_by_key(|place| order(*place));
        let next = rows.get((limit as usize).saturating_sub(1)).copied();
        rows.truncate(limit as usize);
        let people = rows.into_iter().filter_map(|place| Some((place, newest.get(&place)?.clone()))).collect();
        LookedThrough { people, next }
    }

    pub(super) fn rows_with(&self, phones: &[Phone], limit: u32) -> Vec<(AudiencePlace, Number)> {
        let visible = self.uploads.iter().filter(|(_, upload)| upload.finished.is_some());
        let rows = visible.flat_map(|(id, upload)| {
            upload.rows.iter().map(|(row, number)| (AudiencePlace { upload: *id, row: *row }, number.clone()))
        });
        let mut found: Vec<_> = rows.filter(|(_, number)| phones.contains(&number.phone)).collect();
        found.sort_by_key(|(place, _)| Reverse(*place));
        found.truncate(limit as usize);
        found
    }

    pub(super) fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Vec<(BroadcastId, u32)> {
        let places = self.broadcasts.iter().rev().flat_map(|kept| {
            let people = (0..).zip(&kept.people).filter(|(_, person)| phones.contains(&person.phone));
            people.map(|(seq, _)| (kept.broadcast.id.clone(), seq))
        });
        places.take(limit as usize).collect()
    }

    pub(super) fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>> {
        use RecipientState::{Cancelled, Failed, Skipped};
        let kept = ids.iter().map(|id| self.known(id)).collect::<Result<Vec<_>>>()?;
        let first = |phone: &Phone| {
            kept.iter().position(|kept| {
                let gets_it = |person: &&Standing| !matches!(person.state, Failed | Skipped | Cancelled);
                kept.people.iter().filter(gets_it).any(|person| person.phone == *phone)
            })
        };
        Ok(phones.iter().enumerate().filter_map(|(at, phone)| Some((at, first(phone)?))).collect())
    }

    pub(super) fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
        self.known(id)?;
        let rows = self.rows.range((id.clone(), seq, 0)..=(id.clone(), seq, u32::MAX));
        let row = |(key, place): (&(BroadcastId, u32, u32), &usize)| {
            let row = &self.log[*place];
            AttemptRow {
                attempt: row.number,
                status: if row.sent { "sent" } else { "failed" }.to_owned(),
                timestamp: row.at,
                code: row.code,
                response: row.response.clone(),
                wamid: row.wamid.clone(),
                undelivered: self.undelivered.contains(key),
            }
        };
        Ok(rows.map(row).collect())
    }
}
