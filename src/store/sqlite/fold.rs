//! Receipts: stored as they came, and folded into the recipients' states.
//!
//! Called by the writer; the rules are those of [`crate::store::Store::fold_receipts`].

use super::column::{broadcast_id, check_rows, signed, unsigned};
use super::leases;
use super::moves::{Known, LogEntry, Moves, Next, Standing};
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::store::{
    AttemptPlace, Evidence, FoldReport, Lease, RECEIPTS, RECEIPTS_BYTES, RawReceipt, ReceiptMove, Result, StoreError,
    StoredReceipt,
};
use rusqlite::{Connection, params};

/// See [`crate::store::Store::append_receipts`].
pub(super) fn append(connection: &Connection, receipts: &[RawReceipt]) -> Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO receipts (received_at, body) VALUES (?1, ?2)")?;
    for receipt in receipts {
        insert.execute(params![receipt.received_at.0, receipt.body])?;
    }
    Ok(())
}

/// See [`crate::store::Store::receipts_backlog`]. They are dropped from the front, so the ends tell.
pub(super) fn backlog(connection: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce((SELECT max(id) FROM receipts) - (SELECT min(id) FROM receipts) + 1, 0)";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| unsigned(row, 0))?)
}

/// See [`crate::store::Store::receipts`].
pub(super) fn receipts(connection: &Connection, limit: i64) -> Result<Vec<StoredReceipt>> {
    let sql = "SELECT id, received_at, body FROM receipts ORDER BY id LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([limit])?;
    let (mut receipts, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(2)?;
        bytes += body.len();
        if bytes > RECEIPTS_BYTES && !receipts.is_empty() {
            break;
        }
        receipts.push(StoredReceipt { id: unsigned(row, 0)?, received_at: Millis(row.get(1)?), body });
    }
    Ok(receipts)
}

/// See [`crate::store::Store::receipts_backlog_bytes`].
pub(super) fn backlog_bytes(connection: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce(sum(length(body)), 0) FROM receipts";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| unsigned(row, 0))?)
}

/// Whether attempts can be found by Meta's id of their message.
pub(super) fn finds_by_wamid(connection: &Connection) -> Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'attempts_by_wamid'";
    Ok(connection.prepare_cached(sql)?.exists([])?)
}

/// Makes that they can. A million attempts take about a second.
pub(super) fn find_by_wamid(connection: &Connection) -> Result<()> {
    connection.execute_batch(super::schema::BY_WAMID)?;
    Ok(())
}

/// See [`crate::store::Store::attempts_of`].
pub(super) fn attempts_of(connection: &Connection, wamids: &[String]) -> Result<Vec<AttemptPlace>> {
    check_rows(wamids.len())?;
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT broadcasts.id, seq, attempt FROM attempts JOIN broadcasts USING (broadcast_no)
        WHERE substr(wamid, -20) = substr(?1, -20) AND wamid = ?1 AND wamid <> ''",
    )?;
    for wamid in wamids {
        let mut rows = statement.query([wamid])?;
        while let Some(row) = rows.next()? {
            let place = AttemptPlace {
                wamid: wamid.clone(),
                broadcast: broadcast_id(row, 0)?,
                seq: row.get(1)?,
                attempt: row.get(2)?,
            };
            found.push(place);
        }
    }
    Ok(found)
}

/// See [`crate::store::Store::fold_receipts`].
pub(super) fn fold(connection: &Connection, lease: &Lease, folded: &[ReceiptMove], up_to: u64) -> Result<FoldReport> {
    if lease.subject != RECEIPTS {
        return Err(StoreError::LeaseLost);
    }
    leases::check(connection, lease)?;
    let mut moves = Moves::new(connection)?;
    let mut report = FoldReport::default();
    for one in folded {
        let known = moves.broadcast(&one.broadcast)?;
        let standing = known.map(|known| moves.standing(known, one.seq)).transpose()?.flatten();
        let (Some(known), Some(standing)) = (known, standing) else {
            report.unknown += 1;
            continue;
        };
        moves.log(&log_entry(known, &standing, one))?;
        if matches!(one.evidence, Evidence::Failed { .. }) {
            moves.note_undelivered(known.no, one.seq, one.attempt)?;
        }
        if apply(&mut moves, known, &standing, one)? {
            report.moved += 1;
        } else {
            report.without_effect += 1;
        }
    }
    moves.finish()?;
    connection.prepare_cached("DELETE FROM receipts WHERE id <= ?1")?.execute([signed(up_to)])?;
    Ok(report)
}

/// The row of an attempt that had no answer; one that has a row keeps it.
fn log_entry<'a>(known: Known, standing: &Standing, one: &'a ReceiptMove) -> LogEntry<'a> {
    let (sent, code, response) = match &one.evidence {
        Evidence::Reached(state) => (true, 0, receipt_words(*state)),
        Evidence::Failed { code, response, .. } => (false, *code, response.as_str()),
    };
    LogEntry {
        broadcast_no: known.no,
        seq: one.seq,
        attempt: one.attempt,
        phone: standing.phone,
        sent,
        at: one.at,
        code,
        from_receipt: true,
        wamid: &one.wamid,
        response,
        mark: one.mark,
    }
}

/// What stands in the log as the response where only a receipt told.
fn receipt_words(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Sent => r#"{"receipt":"sent"}"#,
        RecipientState::Delivered => r#"{"receipt":"delivered"}"#,
        _ => r#"{"receipt":"read"}"#,
    }
}

/// Whether a `failed` receipt of the same attempt came before this `sent`: it was written after `sent`, so it stands.
/// Only those whose retry waits, or was cancelled, can be moved up from there.
fn is_outrun(moves: &Moves<'_>, standing: &Standing, one: &ReceiptMove) -> Result<bool> {
    let waits = matches!(standing.state, RecipientState::Queued | RecipientState::Cancelled);
    Ok(waits && moves.is_undelivered(standing.broadcast_no, one.seq, one.attempt)?)
}

fn apply(moves: &mut Moves<'_>, known: Known, standing: &Standing, one: &ReceiptMove) -> Result<bool> {
    // One that is newer than any we know of proves as much as the newest.
    let newest = one.attempt >= standing.attempt;
    let attempt = standing.attempt.max(one.attempt);
    match &one.evidence {
        Evidence::Reached(state) => {
            let counts = match state {
                RecipientState::Sent => newest && !is_outrun(moves, standing, one)?,
                RecipientState::Delivered | RecipientState::Read => true,
                _ => false,
            };
            let next = Next { attempt, ..Next::of(standing, *state) };
            Ok(counts && moves.apply(standing, &next, one.at)?)
        }
        Evidence::Failed { code, response, counts, retry_at, .. } => {
            let open = matches!(
                standing.state,
                RecipientState::Sending | RecipientState::Accepted | RecipientState::Sent | RecipientState::InDoubt
            );
            if !open || one.attempt != standing.attempt {
                return Ok(false);
            }
            let again = one.evidence.retry_after(standing.tries);
            let next = match again.filter(|_| !known.status.is_final()) {
                Some(due) => {
                    let next = Next::of(standing, RecipientState::Queued).because(*code, response).due(Some(due));
                    Next { tries: standing.tries.saturating_add(u32::from(*counts)), ..next }
                }
                // Nobody of a final broadcast waits; a follow-up may take them up.
                None => Next::of(standing, RecipientState::Failed).because(*code, response).due(retry_at.or(again)),
            };
            moves.apply(standing, &next, one.at)
        }
    }
}
