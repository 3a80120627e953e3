//! Undoing a finished upload: nobody sees its rows from one moment on; they go afterwards, in portions.
//!
//! It stands then as one that was given up does, so what drops those drops it too, also after a crash. Nothing else is
//! touched: recipients are rows of their own.

use super::column::{all, bounded, signed};
use super::numbers::{SUMMARY, drop_rows, not_found, size, summary, visible};
use crate::domain::broadcast::{Definition, UploadId};
use crate::store::{Result, StoreError, UploadDetails, UploadSummary};
use rusqlite::{Connection, OptionalExtension, params};

/// See [`crate::store::Store::upload`].
pub(super) fn details(connection: &Connection, upload: UploadId) -> Result<UploadDetails> {
    let sql = format!("{SUMMARY} WHERE upload = ?1 AND finished_at IS NOT NULL");
    let summary = all(connection, &sql, [upload.0], summary)?.into_iter().next().ok_or_else(|| not_found(upload))?;
    let tags: String = super::column::one(connection, "SELECT tags FROM uploads WHERE upload = ?1", [upload.0])?;
    Ok(UploadDetails { summary, tags: serde_json::from_str(&tags)? })
}

/// The list of a visible upload.
fn list_of(connection: &Connection, upload: UploadId) -> Result<i64> {
    let sql = "SELECT list_no FROM uploads WHERE upload = ?1 AND finished_at IS NOT NULL";
    let found = connection.prepare_cached(sql)?.query_row([upload.0], |row| row.get(0)).optional()?;
    found.ok_or_else(|| not_found(upload))
}

/// The list's visible uploads without this one, and how many people they hold. Found out by a reader, since it may take a
/// while.
pub(super) fn people_without(connection: &Connection, upload: UploadId) -> Result<(Vec<UploadId>, u64)> {
    let mut rest = visible(connection, list_of(connection, upload)?)?;
    rest.retain(|other| *other != upload);
    let people = size(connection, &rest)?;
    Ok((rest, people))
}

/// Takes an upload out of its list, if the list has these others (then they have `people` people). `None`: another upload
/// came or went in between; find out again.
pub(super) fn undo(
    connection: &Connection,
    upload: UploadId,
    (rest, people): &(Vec<UploadId>, u64),
) -> Result<Option<UploadSummary>> {
    let list_no = list_of(connection, upload)?;
    let mut now = visible(connection, list_no)?;
    now.retain(|other| *other != upload);
    if now != *rest {
        return Ok(None);
    }
    if let Some(broadcast) = freezing(connection, upload)? {
        return Err(being_frozen(upload, &broadcast));
    }
    let summary = details(connection, upload)?.summary;
    connection
        .prepare_cached(
            "UPDATE uploads SET finished_at = NULL, given_up = 1, idempotency_key = NULL, idempotency_hash = NULL
            WHERE upload = ?1",
        )?
        .execute([upload.0])?;
    connection
        .prepare_cached("UPDATE lists SET people = ?2 WHERE list_no = ?1")?
        .execute(params![list_no, signed(*people)])?;
    super::rejects::unclaim(connection, upload)?;
    Ok(Some(summary))
}

fn being_frozen(upload: UploadId, broadcast: &str) -> StoreError {
    StoreError::Conflict(format!(
        "the recipients of broadcast {broadcast} are being taken from upload {}: wait until it is running, or cancel it",
        upload.0
    ))
}

/// A broadcast whose audience is fixed with this upload in it and not all stored yet.
fn freezing(connection: &Connection, upload: UploadId) -> Result<Option<String>> {
    let sql = "SELECT id, definition FROM broadcasts
        WHERE status IN ('preparing', 'paused') AND audience_fixed = 1 AND started_at IS NULL";
    let found = all(connection, sql, [], |row| {
        let definition: Definition = serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default())?;
        Ok((row.get::<_, String>(0)?, definition.audience.uploads))
    })?;
    Ok(found.into_iter().find(|(_, uploads)| uploads.contains(&upload)).map(|(id, _)| id))
}

/// Refuses an audience with an upload that was undone since it was looked at.
pub(super) fn all_stand(connection: &Connection, uploads: &[UploadId]) -> Result<()> {
    let mut stands =
        connection.prepare_cached("SELECT 1 FROM uploads WHERE upload = ?1 AND finished_at IS NOT NULL")?;
    for upload in uploads {
        if !stands.exists([upload.0])? {
            return Err(StoreError::Conflict(format!("upload {} was undone meanwhile: look at it again", upload.0)));
        }
    }
    Ok(())
}

/// See [`crate::store::Store::clear_uploads`].
pub(super) fn clear_some(connection: &Connection) -> Result<bool> {
    let sql = "SELECT upload FROM uploads WHERE given_up = 1 ORDER BY upload LIMIT ?1";
    let given_up = all(connection, sql, [bounded(2)], |row| Ok(UploadId(row.get(0)?)))?;
    let Some(first) = given_up.first() else { return Ok(false) };
    Ok(drop_rows(connection, *first)? || given_up.len() > 1)
}
