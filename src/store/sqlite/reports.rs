//! What people and reports read: counts, recipients, the log. Called by the readers.

use super::column::{all, bounded, broadcast_id, phone, state, time, unsigned};
use super::freezing::known;
use super::moves::QUARTER;
use crate::domain::broadcast::Counts;
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::pricing::{self, Mark, Priced, Pricing};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{LogRow, RecipientRow, Result};
use rusqlite::{Connection, Row, params};

/// See [`crate::store::Store::counts`].
pub(super) fn counts(connection: &Connection, id: &BroadcastId) -> Result<Counts> {
    let known = known(connection, id)?;
    let mut counts = Counts::default();
    let sql = "SELECT state, people FROM counts WHERE broadcast_no = ?1";
    for (state, people) in all(connection, sql, [known.no], |row| Ok((state(row, 0)?, unsigned(row, 1)?)))? {
        counts.add(shown(state, known.status), people);
    }
    Ok(counts)
}

/// Whoever is queued when the broadcast is cancelled is cancelled, though the row may not say so yet.
fn shown(state: RecipientState, broadcast: BroadcastStatus) -> RecipientState {
    match (state, broadcast) {
        (RecipientState::Queued, BroadcastStatus::Cancelled) => RecipientState::Cancelled,
        _ => state,
    }
}

/// See [`crate::store::Store::failures`].
pub(super) fn failures(connection: &Connection, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
    let sql = "SELECT code, people FROM failures WHERE broadcast_no = ?1 AND people > 0 ORDER BY people DESC, code";
    all(connection, sql, [known(connection, id)?.no], |row| Ok((row.get(0)?, unsigned(row, 1)?)))
}

/// See [`crate::store::Store::skips`].
pub(super) fn skips(connection: &Connection, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT reason, people FROM skips WHERE broadcast_no = ?1 ORDER BY people DESC, reason";
    all(connection, sql, [known(connection, id)?.no], |row| Ok((row.get(0)?, unsigned(row, 1)?)))
}

/// See [`crate::store::Store::prices`].
pub(super) fn prices(connection: &Connection, id: &BroadcastId) -> Result<Vec<Priced>> {
    let sql = "SELECT pricing, messages FROM prices WHERE broadcast_no = ?1";
    let found = all(connection, sql, [known(connection, id)?.no], |row| {
        Ok((Pricing::parse(row.get_ref(0)?.as_str().unwrap_or_default()), unsigned(row, 1)?))
    })?;
    Ok(pricing::listed(found.into_iter().filter_map(|(pricing, messages)| Some((pricing?, messages)))))
}

/// See [`crate::store::Store::recipients`].
pub(super) fn recipients(
    connection: &Connection,
    id: &BroadcastId,
    wanted: Option<RecipientState>,
    after: Option<u32>,
    limit: u32,
) -> Result<Vec<RecipientRow>> {
    let known = known(connection, id)?;
    // The words stand in the text, so that the partial indexes are found; they are our own.
    let condition = match (wanted, known.status) {
        (None, _) => String::new(),
        (Some(RecipientState::Queued), BroadcastStatus::Cancelled) => return Ok(Vec::new()),
        (Some(RecipientState::Cancelled), BroadcastStatus::Cancelled) => {
            "AND recipients.state IN ('cancelled', 'queued')".to_owned()
        }
        (Some(state), _) => format!("AND recipients.state = '{}'", state.word()),
    };
    // Those who went well are found by walking; few are passed over, since they go in order.
    let index = match wanted {
        Some(RecipientState::Sending) => "INDEXED BY recipients_sending",
        Some(RecipientState::InDoubt | RecipientState::Failed | RecipientState::Skipped) => {
            "INDEXED BY recipients_aside"
        }
        _ => "NOT INDEXED",
    };
    let sql = format!(
        "SELECT seq, recipients.phone, name, recipients.state, recipients.attempt, recipients.code, detail,
            coalesce(attempts.wamid, ''), changed_at, due, variables,
            (SELECT coalesce(group_concat(priced, ''), '') FROM (
                SELECT priced FROM attempts AS every WHERE every.broadcast_no = recipients.broadcast_no
                AND every.seq = recipients.seq ORDER BY every.attempt
            ))
        FROM recipients {index} LEFT JOIN attempts USING (broadcast_no, seq, attempt)
        WHERE broadcast_no = ?1 AND seq > ?2 {condition} ORDER BY seq LIMIT ?3"
    );
    let after = after.map_or(-1, i64::from);
    all(connection, &sql, params![known.no, after, bounded(limit)], |row| recipient(row, known.status))
}

fn recipient(row: &Row<'_>, broadcast: BroadcastStatus) -> Result<RecipientRow> {
    let state = shown(state(row, 3)?, broadcast);
    let waits = matches!(state, RecipientState::Queued | RecipientState::Failed);
    Ok(RecipientRow {
        seq: row.get(0)?,
        phone: phone(row, 1)?,
        name: row.get(2)?,
        state,
        attempt: row.get(4)?,
        code: row.get(5)?,
        detail: row.get(6)?,
        wamid: row.get(7)?,
        changed_at: row.get::<_, Option<i64>>(8)?.map(Millis),
        due: Some(time(row, 9)?).filter(|due| waits && due.0 > 0),
        values: serde_json::from_str(row.get_ref(10)?.as_str().unwrap_or_default())?,
        prices: prices_of(row.get_ref(11)?.as_str().unwrap_or_default()),
    })
}

/// What the messages count as whose marks stand in a row.
fn prices_of(marks: &str) -> Vec<Pricing> {
    let code = |code: &[u8]| Mark::of_code(std::str::from_utf8(code).unwrap_or_default()).counts();
    marks.as_bytes().chunks(2).filter_map(code).collect()
}

const LOG: &str = "SELECT attempts.id, broadcasts.id, seq, attempt, phone, attempts.status, timestamp, code, response
    FROM attempts JOIN broadcasts USING (broadcast_no)";

fn log_row(row: &Row<'_>) -> Result<LogRow> {
    Ok(LogRow {
        id: unsigned(row, 0)?,
        broadcast: broadcast_id(row, 1)?,
        seq: row.get(2)?,
        attempt: row.get(3)?,
        phone: phone(row, 4)?,
        status: row.get(5)?,
        timestamp: time(row, 6)?,
        code: row.get(7)?,
        response: row.get(8)?,
    })
}

/// See [`crate::store::Store::log`].
pub(super) fn log(connection: &Connection, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
    let after = super::column::signed(after);
    let Some(id) = id else {
        let sql = format!("{LOG} WHERE attempts.id > ?1 ORDER BY attempts.id LIMIT ?2");
        return all(connection, &sql, params![after, bounded(limit)], log_row);
    };
    let known = known(connection, id)?;
    let sql = format!("{LOG} WHERE attempts.broadcast_no = ?1 AND attempts.id > ?2 ORDER BY attempts.id LIMIT ?3");
    all(connection, &sql, params![known.no, after, bounded(limit)], log_row)
}

/// See [`crate::store::Store::log_tail`].
pub(super) fn log_tail(connection: &Connection, limit: u32) -> Result<Vec<LogRow>> {
    all(connection, &format!("{LOG} ORDER BY attempts.id DESC LIMIT ?1"), [bounded(limit)], log_row)
}

/// See [`crate::store::Store::people_reached`].
pub(super) fn people_reached(connection: &Connection, since: Millis) -> Result<Vec<(Millis, u64)>> {
    let sql = "SELECT quarter, people FROM reached_quarters WHERE quarter >= ?1 AND people > 0 ORDER BY quarter";
    all(connection, sql, [since.0.div_euclid(QUARTER)], |row| {
        Ok((Millis(row.get::<_, i64>(0)? * QUARTER), unsigned(row, 1)?))
    })
}

/// See [`crate::store::Store::reached_among`].
pub(super) fn reached_among(connection: &Connection, phones: &[Phone], since: Millis) -> Result<Vec<usize>> {
    super::column::check_rows(phones.len())?;
    let mut reached = connection.prepare_cached("SELECT 1 FROM reached WHERE phone = ?1 AND quarter >= ?2")?;
    let mut places = Vec::new();
    for (place, phone) in phones.iter().enumerate() {
        if reached.exists(params![super::column::digits(*phone), since.0.div_euclid(QUARTER)])? {
            places.push(place);
        }
    }
    Ok(places)
}
