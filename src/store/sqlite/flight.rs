//! Intents: opening windows, and putting right what an intent without an outcome leaves.
//!
//! An intent is the state `sending` together with the fence it was given under, written in the transaction
//! that checks the fence. Called by the writer.

use super::column::{all, phone, signed};
use super::leases;
use super::moves::{self, Known, Moves, Next, Standing, queued_or_cancelled};
use super::opt_outs;
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::Kinds;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{Intent, Lease, Result, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashSet;

/// What an operator reads of those whom [`recover`] found.
const NO_ANSWER: &str = "wacast ended or lost the sender before the answer was recorded";

/// The broadcast, if it exists and goes out from the lease's sender, and the lease stands.
pub(super) fn held(connection: &Connection, lease: &Lease, id: &BroadcastId) -> Result<Known> {
    leases::check(connection, lease)?;
    let known = moves::find(connection, id)?.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))?;
    let mut sender = connection.prepare_cached("SELECT 1 FROM broadcasts WHERE broadcast_no = ?1 AND sender = ?2")?;
    if sender.exists(params![known.no, lease.subject])? { Ok(known) } else { Err(StoreError::LeaseLost) }
}

/// People who are looked at together once one of them is opted out, so that a long row of them is soon behind.
const LOOKED_AHEAD: i64 = 1_000;
/// How many such rows a window passes at most; then it is asked for again.
const ROWS_PASSED: u32 = 20;

/// See [`crate::store::Store::open_window`].
pub(super) fn open_window(
    connection: &Connection,
    lease: &Lease,
    id: &BroadcastId,
    limit: i64,
    held_back: Kinds,
    now: Millis,
) -> Result<Vec<Intent>> {
    let known = held(connection, lease, id)?;
    if known.status != BroadcastStatus::Running {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}, not running", known.status.word())));
    }
    let mut intents = due(connection, known, limit, now)?;
    if !held_back.is_empty() && limit > 0 && opt_outs::are_there(connection)? {
        let mut passed = 0;
        while leave_out(connection, known, &intents, held_back, now)? {
            passed += 1;
            if passed == ROWS_PASSED {
                return Ok(Vec::new());
            }
            let ahead = due(connection, known, limit.max(LOOKED_AHEAD), now)?;
            leave_out(connection, known, &ahead, held_back, now)?;
            intents = due(connection, known, limit, now)?;
        }
    }
    // `due` stays, so that whoever comes back unsent keeps the place.
    let mut update = connection.prepare_cached(
        "UPDATE recipients SET state = 'sending', attempt = ?3, fence = ?4, changed_at = ?5
        WHERE broadcast_no = ?1 AND seq = ?2",
    )?;
    for intent in &intents {
        update.execute(params![known.no, intent.seq, intent.attempt, signed(lease.fence), now.0])?;
    }
    let mut moves = Moves::new(connection)?;
    let people = signed(intents.len() as u64);
    moves.window(known.no, people);
    moves.finish()?;
    Ok(intents)
}

/// Whom the next window is for.
fn due(connection: &Connection, known: Known, limit: i64, now: Millis) -> Result<Vec<Intent>> {
    // The indexes are named here and elsewhere: left to itself SQLite walks past everyone who has gone already.
    let due_first = "SELECT seq, attempt, tries, phone, variables FROM recipients INDEXED BY recipients_queued
        WHERE broadcast_no = ?1 AND state = 'queued' AND due > 0 AND due <= ?2 ORDER BY due, seq LIMIT ?3";
    let mut intents = all(connection, due_first, params![known.no, now.0, limit], intent)?;
    let left = limit - signed(intents.len() as u64);
    if left > 0 {
        let never_tried = "SELECT seq, attempt, tries, phone, variables FROM recipients INDEXED BY recipients_queued
            WHERE broadcast_no = ?1 AND state = 'queued' AND due = 0 ORDER BY seq LIMIT ?2";
        intents.extend(all(connection, never_tried, params![known.no, left], intent)?);
    }
    Ok(intents)
}

/// Leaves out whoever of these is opted out. Whether there was somebody.
fn leave_out(connection: &Connection, known: Known, due: &[Intent], held_back: Kinds, now: Millis) -> Result<bool> {
    let kinds = opt_outs::of(connection, due.iter().map(|intent| intent.phone))?;
    let out: Vec<_> =
        due.iter().zip(kinds).filter_map(|(intent, kinds)| Some((intent, kinds.reason(held_back)?))).collect();
    if out.is_empty() {
        return Ok(false);
    }
    let mut moves = Moves::new(connection)?;
    for (intent, reason) in out {
        if let Some(standing) = moves.standing(known, intent.seq)? {
            let next = Next::of(&standing, RecipientState::Skipped).because(standing.code, reason);
            moves.apply(&standing, &next, now)?;
            moves.skip(known.no, reason)?;
        }
    }
    moves.finish()?;
    Ok(true)
}

/// See [`crate::store::Store::windows_opened`].
pub(super) fn windows_opened(connection: &Connection, sender: &str) -> Result<u64> {
    let sql = "SELECT coalesce(sum(windows), 0) FROM counts JOIN broadcasts USING (broadcast_no) WHERE sender = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([sender], |row| super::column::unsigned(row, 0))?)
}

fn intent(row: &Row<'_>) -> Result<Intent> {
    Ok(Intent {
        seq: row.get(0)?,
        attempt: row.get::<_, u32>(1)?.saturating_add(1),
        tries: row.get(2)?,
        phone: phone(row, 3)?,
        values: serde_json::from_str(row.get_ref(4)?.as_str().unwrap_or_default())?,
    })
}

/// See [`crate::store::Store::requeue_unheld`].
pub(super) fn requeue_unheld(
    connection: &Connection,
    lease: &Lease,
    id: &BroadcastId,
    held_by_caller: &[(u32, u32)],
    now: Millis,
) -> Result<u64> {
    let known = held(connection, lease, id)?;
    let keep: HashSet<(u32, u32)> = held_by_caller.iter().copied().collect();
    let sql = "SELECT seq, attempt, tries, due, code, phone FROM recipients INDEXED BY recipients_sending
        WHERE broadcast_no = ?1 AND state = 'sending' AND fence = ?2";
    let open = all(connection, sql, params![known.no, signed(lease.fence)], |row| {
        standing(known.no, RecipientState::Sending, row)
    })?;
    let mut moves = Moves::new(connection)?;
    let mut requeued = 0;
    for one in open.iter().filter(|one| !keep.contains(&(one.seq, one.attempt))) {
        let next = unsent(one, known, None);
        requeued += u64::from(moves.apply(one, &next, now)?);
    }
    moves.finish()?;
    Ok(requeued)
}

/// A recipient of whom the state is known, from the columns seq, attempt, tries, due, code, phone.
pub(super) fn standing(broadcast_no: i64, state: RecipientState, row: &Row<'_>) -> Result<Standing> {
    Ok(Standing {
        broadcast_no,
        seq: row.get(0)?,
        state,
        attempt: row.get(1)?,
        tries: row.get(2)?,
        due: row.get(3)?,
        code: row.get(4)?,
        phone: phone(row, 5)?,
    })
}

/// What becomes of someone whose request never left: queued as before, and the attempt's number is free again.
pub(super) fn unsent<'a>(standing: &Standing, broadcast: Known, due: Option<Millis>) -> Next<'a> {
    let next = Next::of(standing, queued_or_cancelled(broadcast));
    let due = match next.state {
        RecipientState::Cancelled => 0,
        _ => due.map_or(standing.due, |due| due.0.max(1)),
    };
    Next { attempt: standing.attempt.saturating_sub(1), due, code: standing.code, ..next }
}

/// See [`crate::store::Store::recover`]. Also what this very process left open under the same fence: whoever
/// recovers has nothing in flight.
pub(super) fn recover(connection: &Connection, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
    leases::check(connection, lease)?;
    let broadcasts = all(
        connection,
        "SELECT broadcast_no, id FROM broadcasts WHERE sender = ?1 ORDER BY broadcast_no",
        [&lease.subject],
        |row| Ok((row.get::<_, i64>(0)?, super::column::broadcast_id(row, 1)?)),
    )?;
    let mut moves = Moves::new(connection)?;
    let mut found = Vec::new();
    for (no, id) in broadcasts {
        let sql = "SELECT seq, attempt, tries, due, code, phone FROM recipients INDEXED BY recipients_sending
            WHERE broadcast_no = ?1 AND state = 'sending'";
        let open = all(connection, sql, [no], |row| standing(no, RecipientState::Sending, row))?;
        for one in &open {
            moves.apply(one, &Next::of(one, RecipientState::InDoubt).because(0, NO_ANSWER), now)?;
        }
        if !open.is_empty() {
            found.push((id, open.len() as u64));
        }
    }
    moves.finish()?;
    Ok(found)
}

/// See [`crate::store::Store::next_due`].
pub(super) fn next_due(connection: &Connection, id: &BroadcastId) -> Result<Option<Millis>> {
    let known = moves::find(connection, id)?.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))?;
    if known.status.is_final() {
        return Ok(None);
    }
    let sql = "SELECT due FROM recipients INDEXED BY recipients_queued WHERE broadcast_no = ?1 AND state = 'queued' AND due > 0 ORDER BY due LIMIT 1";
    let due = connection.prepare_cached(sql)?.query_row([known.no], |row| row.get(0)).optional()?;
    Ok(due.map(Millis))
}
