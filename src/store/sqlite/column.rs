//! How the domain's values stand in columns. Used by every part of this engine that reads or writes rows.

use crate::domain::broadcast::Broadcast;
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::phone::Phone;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::time::Millis;
use crate::store::{Result, StoreError};
use rusqlite::Row;
use rusqlite::types::FromSql;

/// The most rows that a call takes or gives.
pub(super) const MOST_ROWS: usize = 5_000;

/// The limit of a query: what was asked for, bounded.
pub(super) fn bounded(limit: u32) -> i64 {
    i64::from(limit).min(signed(MOST_ROWS as u64))
}

/// Refuses a call with too many rows.
pub(super) fn check_rows(rows: usize) -> Result<()> {
    if rows > MOST_ROWS {
        return Err(StoreError::Conflict(format!("{rows} rows in one call, {MOST_ROWS} are the most")));
    }
    Ok(())
}

/// A value that no version of wacast writes.
pub(super) fn unexpected(what: &str, value: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} {value}"))
}

/// A count or a row's id, which is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or(0))
}

/// A number for a column; what does not fit becomes the greatest that does.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A phone for a column: its digits.
pub(super) fn digits(phone: Phone) -> i64 {
    signed(phone.digits())
}

/// A phone from a column.
pub(super) fn phone(row: &Row<'_>, column: usize) -> Result<Phone> {
    let digits = unsigned(row, column)?;
    Phone::from_digits(digits).map_err(|_| unexpected("a phone", digits))
}

/// A recipient's state from a column.
pub(super) fn state(row: &Row<'_>, column: usize) -> Result<RecipientState> {
    let word = row.get_ref(column)?.as_str().map_err(|error| unexpected("a state", error))?;
    RecipientState::from_word(word).ok_or_else(|| unexpected("the state", word))
}

/// A broadcast's status from a column.
pub(super) fn status(row: &Row<'_>, column: usize) -> Result<BroadcastStatus> {
    let word = row.get_ref(column)?.as_str().map_err(|error| unexpected("a status", error))?;
    BroadcastStatus::from_word(word).ok_or_else(|| unexpected("the status", word))
}

/// A time from a column.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Millis> {
    row.get(column).map(Millis)
}

/// A time that may be missing.
pub(super) fn optional_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Millis>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Millis))
}

/// A broadcast's id from a column.
pub(super) fn broadcast_id(row: &Row<'_>, column: usize) -> Result<BroadcastId> {
    row.get::<_, String>(column)?.parse().map_err(|error| unexpected("an id", error))
}

/// Columns that [`broadcast`] reads.
pub(super) const BROADCAST: &str = "id, definition, status, reason, detail, total, created_at, start_at, started_at, \
    ended_at, schedule, occurrence, resume_at";

/// A broadcast from a row with the columns of [`BROADCAST`].
pub(super) fn broadcast(row: &Row<'_>) -> Result<Broadcast> {
    let reason: Option<String> = row.get("reason")?;
    let reason = reason.map(|word| PauseReason::from_word(&word).ok_or_else(|| unexpected("the reason", word)));
    let schedule: Option<String> = row.get("schedule")?;
    let schedule = schedule.map(|id| id.parse::<ScheduleId>().map_err(|error| unexpected("an id", error)));
    Ok(Broadcast {
        id: broadcast_id(row, 0)?,
        definition: serde_json::from_str(&row.get::<_, String>("definition")?)?,
        status: status(row, 2)?,
        reason: reason.transpose()?,
        detail: row.get("detail")?,
        total: row.get("total")?,
        created_at: Millis(row.get("created_at")?),
        start_at: optional_time(row, "start_at")?,
        started_at: optional_time(row, "started_at")?,
        ended_at: optional_time(row, "ended_at")?,
        occurrence: schedule.transpose()?.zip(optional_time(row, "occurrence")?),
        resume_at: optional_time(row, "resume_at")?,
    })
}

/// The one value of a query that gives one row.
pub(super) fn one<T: FromSql>(
    connection: &rusqlite::Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<T> {
    connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))
}

/// All rows of a query.
pub(super) fn all<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
