//! Rows of files that could not be used, kept with all their cells.

use super::column::{all, bounded, check_rows, unsigned};
use super::numbers::{first_id, id_of, last_id, not_found};
use crate::domain::broadcast::UploadId;
use crate::store::{AudiencePlace, KeptReject, RejectCause, Result, StoreError};
use rusqlite::{Connection, params};

/// How many go at a time.
const DROPPED_AT_ONCE: usize = 2_000;

fn id(upload: UploadId, row: u32) -> i64 {
    id_of(AudiencePlace { upload: upload.0, row })
}

/// See [`crate::store::Store::add_rejects`].
pub(super) fn add(connection: &Connection, upload: UploadId, rejects: &[KeptReject]) -> Result<()> {
    check_rows(rejects.len())?;
    super::numbers::open_list(connection, upload)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO rejects (id, cause, phone, reason, cells) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for reject in rejects {
        let cells = serde_json::to_string(&reject.cells)?;
        insert.execute(params![id(upload, reject.row), reject.cause, reject.phone, reject.reason, cells])?;
    }
    Ok(())
}

/// An upload that is not visible has none for anybody.
fn check_visible(connection: &Connection, upload: UploadId) -> Result<()> {
    let sql = "SELECT 1 FROM uploads WHERE upload = ?1 AND finished_at IS NOT NULL";
    if connection.prepare_cached(sql)?.exists([upload.0])? { Ok(()) } else { Err(not_found(upload)) }
}

/// See [`crate::store::Store::rejects`].
pub(super) fn page(
    connection: &Connection,
    upload: UploadId,
    cause: Option<&str>,
    after: Option<u32>,
    limit: u32,
) -> Result<Vec<KeptReject>> {
    check_visible(connection, upload)?;
    let sql = "SELECT id & 4294967295, cause, phone, reason, cells FROM rejects
        WHERE id > ?1 AND id <= ?2 AND fixed_by IS NULL AND (?3 IS NULL OR cause = ?3) ORDER BY id LIMIT ?4";
    let after = after.map_or(first_id(upload.0) - 1, |row| id(upload, row));
    all(connection, sql, params![after, last_id(upload.0), cause, bounded(limit)], |row| {
        Ok(KeptReject {
            row: row.get(0)?,
            cause: row.get(1)?,
            phone: row.get(2)?,
            reason: row.get(3)?,
            cells: serde_json::from_str(row.get_ref(4)?.as_str().unwrap_or_default())?,
        })
    })
}

/// See [`crate::store::Store::reject_causes`].
pub(super) fn causes(connection: &Connection, upload: UploadId) -> Result<Vec<RejectCause>> {
    check_visible(connection, upload)?;
    let sql = "SELECT cause, sum(fixed_by IS NULL) AS open, sum(fixed_by IS NOT NULL) FROM rejects
        WHERE id BETWEEN ?1 AND ?2 GROUP BY cause ORDER BY open DESC, cause";
    all(connection, sql, [first_id(upload.0), last_id(upload.0)], |row| {
        Ok(RejectCause { cause: row.get(0)?, open: unsigned(row, 1)?, fixed: unsigned(row, 2)? })
    })
}

/// See [`crate::store::Store::claim_rejects`].
pub(super) fn claim(connection: &Connection, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
    check_rows(rows.len())?;
    check_visible(connection, upload)?;
    super::numbers::open_list(connection, by)?;
    let mut claim = connection
        .prepare_cached("UPDATE rejects SET fixed_by = ?2 WHERE id = ?1 AND (fixed_by IS NULL OR fixed_by = ?2)")?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        if claim.execute(params![id(upload, *row), by.0])? > 0 {
            claimed.push(*row);
        }
    }
    Ok(claimed)
}

/// Whatever an upload had fixed is open again.
pub(super) fn unclaim(connection: &Connection, by: UploadId) -> Result<()> {
    connection.prepare_cached("UPDATE rejects SET fixed_by = NULL WHERE fixed_by = ?1")?.execute([by.0])?;
    Ok(())
}

/// Drops some of an upload that is no more. `true`: there are more.
pub(super) fn drop_some(connection: &Connection, upload: UploadId) -> std::result::Result<bool, StoreError> {
    let dropped = connection
        .prepare_cached(
            "DELETE FROM rejects WHERE id IN (SELECT id FROM rejects WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)",
        )?
        .execute(params![first_id(upload.0), last_id(upload.0), super::column::signed(DROPPED_AT_ONCE as u64)])?;
    Ok(dropped == DROPPED_AT_ONCE)
}
