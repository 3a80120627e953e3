//! Opt-outs: what was said, and who is opted out after it. The rules are those of [`Record`].
//!
//! Called by the writer, also while it opens a window, and by the readers.

use super::column::{MOST_ROWS, all, bounded, check_rows, digits, one, phone, signed, unexpected, unsigned};
use crate::domain::opt_out::{Change, Event, Kind, Kinds, Noted, OptedOut, Record, Who, key};
use crate::domain::phone::Phone;
use crate::domain::time::Millis;
use crate::store::{Result, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

const EVENT: &str = "id, kind, stop, at, phone, user_id, how, wamid, text";

/// See [`crate::store::Store::note_opt_outs`].
pub(super) fn note(connection: &Connection, changes: Vec<Change>) -> Result<Vec<Noted>> {
    check_rows(changes.len())?;
    let mut noted = Vec::with_capacity(changes.len());
    for change in changes {
        noted.push(note_one(connection, change.bounded())?);
    }
    Ok(noted)
}

fn note_one(connection: &Connection, change: Change) -> Result<Noted> {
    if let Some(pair) = change.who.pair() {
        learn_one(connection, &pair)?;
    }
    let person = person_of(connection, &change.who)?;
    let mut record = Record::new(events(connection, &person)?);
    let next: i64 = one(connection, "SELECT coalesce(max(id), 0) + 1 FROM opt_out_events", [])?;
    let noted = record.note(change.clone(), next.unsigned_abs());
    if noted == Noted::Repeat {
        return Ok(noted);
    }
    connection
        .prepare_cached(
            "INSERT INTO opt_out_events (id, person, kind, stop, at, phone, user_id, how, wamid, text)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            next,
            person,
            change.kind.word(),
            change.stop,
            change.at.0,
            change.who.phone.map_or(0, digits),
            change.who.user.unwrap_or_default(),
            change.how,
            change.wamid,
            change.text
        ])?;
    write_standing(connection, &person, &record)?;
    Ok(noted)
}

/// The key under which somebody's events stand.
fn person_of(connection: &Connection, who: &Who) -> Result<String> {
    if let (None, Some(user)) = (who.phone, &who.user)
        && let Some(known) = phone_of(connection, user)?
    {
        return Ok(key(known));
    }
    who.key().ok_or_else(|| StoreError::Conflict("an opt-out that names nobody".to_owned()))
}

fn phone_of(connection: &Connection, user: &str) -> Result<Option<Phone>> {
    let known = all(connection, "SELECT phone FROM user_ids WHERE user_id = ?1", [user], |row| phone(row, 0))?;
    Ok(known.into_iter().next())
}

/// Writes who is opted out, and how, after a person's events.
fn write_standing(connection: &Connection, person: &str, record: &Record) -> Result<()> {
    connection.prepare_cached("DELETE FROM opt_outs WHERE person = ?1")?.execute([person])?;
    let mut insert = connection.prepare_cached("INSERT INTO opt_outs (person, kind, event) VALUES (?1, ?2, ?3)")?;
    for event in record.standing() {
        insert.execute(params![person, event.change.kind.word(), signed(event.id)])?;
    }
    Ok(())
}

/// See [`crate::store::Store::learn_users`].
pub(super) fn learn(connection: &Connection, known: &[(String, Phone)]) -> Result<u64> {
    check_rows(known.len())?;
    let mut moved = 0;
    for pair in known {
        moved += u64::from(learn_one(connection, pair)?);
    }
    Ok(moved)
}

/// Whether something had been noted under the user id alone.
fn learn_one(connection: &Connection, (user, phone): &(String, Phone)) -> Result<bool> {
    let sql = "INSERT INTO user_ids (user_id, phone) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if connection.prepare_cached(sql)?.execute(params![user, digits(*phone)])? == 0 {
        return Ok(false);
    }
    let person = key(*phone);
    let sql = "UPDATE opt_out_events SET person = ?2 WHERE person = ?1";
    if connection.prepare_cached(sql)?.execute(params![user, person])? == 0 {
        return Ok(false);
    }
    connection.prepare_cached("DELETE FROM opt_outs WHERE person = ?1")?.execute([user])?;
    write_standing(connection, &person, &Record::new(events(connection, &person)?))?;
    Ok(true)
}

/// See [`crate::store::Store::opt_out_events`].
pub(super) fn events(connection: &Connection, person: &str) -> Result<Vec<Event>> {
    let sql = format!("SELECT {EVENT} FROM opt_out_events WHERE person = ?1 ORDER BY id");
    all(connection, &sql, [person], event)
}

fn event(row: &Row<'_>) -> Result<Event> {
    let kind: String = row.get("kind")?;
    let user: String = row.get("user_id")?;
    let named: i64 = row.get("phone")?;
    let phone = if named == 0 { None } else { Some(phone(row, 4)?) };
    Ok(Event {
        id: unsigned(row, 0)?,
        change: Change {
            who: Who { phone, user: Some(user).filter(|user| !user.is_empty()) },
            kind: Kind::from_word(&kind).ok_or_else(|| unexpected("the kind of opt-out", kind))?,
            stop: row.get("stop")?,
            at: Millis(row.get("at")?),
            how: row.get("how")?,
            wamid: row.get("wamid")?,
            text: row.get("text")?,
        },
    })
}

/// See [`crate::store::Store::opt_outs`].
pub(super) fn list(connection: &Connection, search: &str, after: &str, limit: u32) -> Result<Vec<OptedOut>> {
    let sql =
        "SELECT DISTINCT person FROM opt_outs WHERE person > ?1 AND instr(person, ?2) > 0 ORDER BY person LIMIT ?3";
    let people = all(connection, sql, params![after, search, bounded(limit)], |row| Ok(row.get::<_, String>(0)?))?;
    let standing = |person: String| {
        let standing = Record::new(events(connection, &person)?).standing();
        Ok(OptedOut { person, standing })
    };
    people.into_iter().map(standing).collect()
}

/// See [`crate::store::Store::opted_out_people`].
pub(super) fn people(connection: &Connection) -> Result<u64> {
    let sql = "SELECT count(DISTINCT person) FROM opt_outs";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| unsigned(row, 0))?)
}

/// Whether anybody is opted out at all.
pub(super) fn are_there(connection: &Connection) -> Result<bool> {
    let mut first = connection.prepare_cached("SELECT 1 FROM opt_outs LIMIT 1")?;
    Ok(first.query_row([], |_| Ok(())).optional()?.is_some())
}

/// See [`crate::store::Store::opted_out`].
pub(super) fn of(connection: &Connection, phones: impl Iterator<Item = Phone>) -> Result<Vec<Kinds>> {
    let people: Vec<String> = phones.take(MOST_ROWS).map(key).collect();
    if !are_there(connection)? {
        return Ok(vec![Kinds::NONE; people.len()]);
    }
    // One query for all of them, by key.
    let sql = "SELECT opt_outs.person, kind FROM json_each(?1) AS asked CROSS JOIN opt_outs
        ON opt_outs.person = asked.value";
    let found = all(connection, sql, [serde_json::to_string(&people)?], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut kinds: HashMap<String, Vec<Kind>> = HashMap::new();
    for (person, word) in found {
        kinds.entry(person).or_default().extend(Kind::from_word(&word));
    }
    Ok(people.iter().map(|person| kinds.get(person).into_iter().flatten().copied().collect()).collect())
}
