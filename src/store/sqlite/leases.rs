//! Leases: who may drive what. The fence that proves it is checked in the transaction of every decision.
//!
//! Ends are counted on the wall clock of this host, which all processes on one SQLite file share. A clock that is
//! set forward ends leases early; the fence keeps that harmless. A clock that was set back would put an end off for as long
//! as it was set back: an end that is further away than a lease can last is brought back to what it can.

use super::column::{all, signed, unsigned};
use crate::domain::time::Millis;
use crate::store::{Holder, Lease, LeaseAnswer, LeaseView, Result, StoreError};
use rusqlite::{Connection, params};

/// Refuses a decision unless `lease` is the newest of its subject and was not given back.
pub(super) fn check(connection: &Connection, lease: &Lease) -> Result<()> {
    let sql = "SELECT 1 FROM leases WHERE subject = ?1 AND fence = ?2 AND process IS NOT NULL";
    let stands = connection.prepare_cached(sql)?.exists(params![lease.subject, signed(lease.fence)])?;
    if stands { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// See [`crate::store::Store::lease`].
pub(super) fn view(connection: &Connection, subject: &str, now: Millis) -> Result<Option<LeaseView>> {
    let sql = "SELECT fence, holder, ends_at, status FROM leases WHERE subject = ?1 AND process IS NOT NULL";
    let found = all(connection, sql, [subject], |row| {
        Ok(LeaseView {
            subject: subject.to_owned(),
            fence: unsigned(row, 0)?,
            holder: serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default())?,
            ends_in_ms: Millis(row.get(2)?).since(now),
            status: row.get(3)?,
        })
    })?;
    Ok(found.into_iter().next())
}

/// See [`crate::store::Store::take_lease`].
pub(super) fn take(
    connection: &Connection,
    subject: &str,
    holder: &Holder,
    ttl_ms: i64,
    holder_is_gone: Option<u64>,
    now: Millis,
) -> Result<LeaseAnswer> {
    let ours = match view(connection, subject, now)? {
        None => false,
        Some(other) if other.holder.process == holder.process => true,
        Some(other) if other.ends_in_ms <= 0 || holder_is_gone == Some(other.fence) => false,
        Some(other) if other.ends_in_ms > ttl_ms => {
            let sql = "UPDATE leases SET ends_at = ?2 WHERE subject = ?1";
            connection.prepare_cached(sql)?.execute(params![subject, now.plus(ttl_ms).0])?;
            return Ok(LeaseAnswer::Held(LeaseView { ends_in_ms: ttl_ms, ..other }));
        }
        Some(other) => return Ok(LeaseAnswer::Held(other)),
    };
    let sql = "INSERT INTO leases (subject, fence, process, holder, ends_at, status) VALUES (?1, 1, ?2, ?3, ?4, '')
        ON CONFLICT (subject) DO UPDATE SET fence = fence + ?5, process = ?2, holder = ?3, ends_at = ?4,
            status = CASE ?5 WHEN 0 THEN status ELSE '' END
        RETURNING fence";
    let fence = connection.prepare_cached(sql)?.query_row(
        params![subject, holder.process, serde_json::to_string(holder)?, now.plus(ttl_ms).0, i64::from(!ours)],
        |row| unsigned(row, 0),
    )?;
    Ok(LeaseAnswer::Granted(Lease { subject: subject.to_owned(), fence }))
}

/// See [`crate::store::Store::renew_lease`].
pub(super) fn renew(connection: &Connection, lease: &Lease, ttl_ms: i64, status: &str, now: Millis) -> Result<()> {
    check(connection, lease)?;
    connection.prepare_cached("UPDATE leases SET ends_at = ?2, status = ?3 WHERE subject = ?1")?.execute(params![
        lease.subject,
        now.plus(ttl_ms).0,
        status
    ])?;
    Ok(())
}

/// See [`crate::store::Store::release_lease`]. The fence stays, so that the next one is higher.
pub(super) fn release(connection: &Connection, lease: &Lease) -> Result<()> {
    check(connection, lease)?;
    connection
        .prepare_cached("UPDATE leases SET process = NULL, holder = NULL, status = '' WHERE subject = ?1")?
        .execute([&lease.subject])?;
    Ok(())
}
