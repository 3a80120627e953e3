//! The audit trail: appended to, read in order, never changed. Called by the writer and the readers.

use super::column::{all, bounded, signed, time, unsigned};
use crate::domain::audit::{Act, BEGINNING, Entry};
use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// See [`crate::store::Store::append_act`]. There is one writer at a time, so the newest stays the newest.
pub(super) fn append(connection: &Connection, act: Act) -> Result<Entry> {
    let newest: Option<(u64, String)> = connection
        .prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok((unsigned(row, 0)?, row.get(1)?)))
        .optional()?;
    let (id, hash) = newest.unwrap_or((0, BEGINNING.to_owned()));
    let entry = Entry::after(id, &hash, act);
    let act = &entry.act;
    connection
        .prepare_cached(
            "INSERT INTO audit (id, at, who, what, subject, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![signed(entry.id), act.at.0, act.who, act.what, act.subject, act.detail, entry.hash])?;
    Ok(entry)
}

/// See [`crate::store::Store::audit_trail`].
pub(super) fn trail(connection: &Connection, after: u64, limit: u32) -> Result<Vec<Entry>> {
    let sql = "SELECT id, at, who, what, subject, detail, hash FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";
    all(connection, sql, params![signed(after), bounded(limit)], |row| {
        let act =
            Act { at: time(row, 1)?, who: row.get(2)?, what: row.get(3)?, subject: row.get(4)?, detail: row.get(5)? };
        Ok(Entry { id: unsigned(row, 0)?, act, hash: row.get(6)? })
    })
}
