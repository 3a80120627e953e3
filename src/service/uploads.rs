//! Uploads that are there: looked at, and undone whole.

use super::{Kind, Result, Service, ServiceError};
use crate::domain::broadcast::UploadId;
use crate::domain::said;
use crate::store::{StoreError, UploadDetails, UploadSummary};
use serde_json::{Value, json};

impl Service {
    /// One upload with its tags. `unknown_upload` (404).
    pub async fn upload(&self, upload: UploadId) -> Result<UploadDetails> {
        self.inner.store.upload(upload).await.map_err(|error| self.about_upload(upload, error))
    }

    /// How many people leave their list when this upload is undone: those whom no other file of the list has.
    /// `unknown_upload` (404).
    pub async fn would_leave(&self, upload: UploadId) -> Result<u64> {
        let list = self.upload(upload).await?.summary.list;
        let all = self.audience_uploads(Some(&list)).await?;
        let others: Vec<UploadId> = all.iter().copied().filter(|other| *other != upload).collect();
        let store = &self.inner.store;
        let stay = if others.is_empty() { 0 } else { store.audience_size(&others).await? };
        Ok(store.audience_size(&all).await?.saturating_sub(stay))
    }

    /// Takes an upload back, whole and at once: its numbers are in no audience any more, people who stand in other uploads
    /// too stay with what those say of them, and it is listed no more; the trail keeps it. Broadcasts whose recipients were
    /// taken from it stand. Returns it as it was. Its rows go in the background, in portions; whoever ends the process
    /// soon calls [`Service::clear_uploads`].
    ///
    /// Errors: `unknown_upload` (404), `upload_in_use` (409: a broadcast's recipients are being taken from it).
    pub async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary> {
        self.may_change().await?;
        let undone = self.inner.store.undo_upload(upload).await.map_err(|error| self.about_upload(upload, error))?;
        let figures = &undone.report;
        let detail = format!(
            "upload {} ({}): {}, {} new",
            upload.0,
            undone.source,
            said::counted(figures.received, "row"),
            figures.imported
        );
        self.note_act("undo_import", &undone.list, detail).await;
        self.ring();
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.clear_uploads().await {
                tracing::debug!(%error, "rows of an upload that was undone go at the next sweep");
            }
        });
        Ok(undone)
    }

    /// Drops the rows of uploads that were undone or given up, in portions that nobody else waits for.
    pub async fn clear_uploads(&self) -> Result<()> {
        while self.inner.store.clear_uploads().await? {}
        Ok(())
    }

    pub(super) fn about_upload(&self, upload: UploadId, error: StoreError) -> ServiceError {
        match error {
            StoreError::NotFound(_) => ServiceError::new(
                Kind::NotFound,
                "unknown_upload",
                format!(
                    "there is no upload {} (any more): `{} lists` shows those that there are",
                    upload.0,
                    self.inner.settings.program()
                ),
            ),
            StoreError::Conflict(words) => ServiceError::new(Kind::Conflict, "upload_in_use", words),
            other => other.into(),
        }
    }
}

impl UploadSummary {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        let report = &self.report;
        json!({
            "upload_id": self.id,
            "list": self.list,
            "source": self.source,
            "at": self.at.rfc3339(),
            "received": report.received,
            "imported": report.imported,
            "duplicates": report.duplicates,
            "repeated": report.repeated,
            "rejected": report.rejected,
            "columns": report.columns,
        })
    }
}
