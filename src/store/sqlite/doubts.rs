//! Doubts that no evidence settles: an operator's word on them, and those that a restored backup brings.
//!
//! Called by the writer.

use super::column::{MOST_ROWS, all, check_rows, signed};
use super::flight::held;
use super::freezing::known;
use super::moves::{Moves, Next};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{DoubtDecision, Lease, RESTORED, Result, StoreError};
use rusqlite::{Connection, params};

fn refuse_final(id: &BroadcastId, status: BroadcastStatus) -> Result<()> {
    if status.is_final() {
        return Err(StoreError::Conflict(format!("broadcast {id} is {}: nobody waits in it", status.word())));
    }
    Ok(())
}

/// Some of those in doubt after `after`, in order.
pub(super) fn in_doubt(connection: &Connection, id: &BroadcastId, after: Option<u32>) -> Result<Vec<u32>> {
    let sql = "SELECT seq FROM recipients INDEXED BY recipients_aside
        WHERE broadcast_no = ?1 AND state = 'in_doubt' AND seq > ?2 ORDER BY seq LIMIT ?3";
    let after = after.map_or(-1, i64::from);
    all(connection, sql, params![known(connection, id)?.no, after, signed(MOST_ROWS as u64)], |row| Ok(row.get(0)?))
}

/// See [`crate::store::Store::decide_doubts`].
pub(super) fn decide(
    connection: &Connection,
    id: &BroadcastId,
    seqs: &[u32],
    decision: DoubtDecision,
    word: &str,
    now: Millis,
) -> Result<u64> {
    check_rows(seqs.len())?;
    let known = known(connection, id)?;
    if decision == DoubtDecision::SendAgain {
        refuse_final(id, known.status)?;
    }
    let mut moves = Moves::new(connection)?;
    let mut decided = 0;
    for seq in seqs {
        let Some(standing) = moves.standing(known, *seq)? else { continue };
        if standing.state != RecipientState::InDoubt {
            continue;
        }
        let next = match decision {
            DoubtDecision::CountAsSent => Next::of(&standing, RecipientState::Accepted),
            DoubtDecision::GiveUp => Next::of(&standing, RecipientState::Failed),
            DoubtDecision::SendAgain => Next::of(&standing, RecipientState::Queued).due(Some(now)),
        };
        decided += u64::from(moves.apply(&standing, &next.because(0, word), now)?);
    }
    moves.finish()?;
    Ok(decided)
}

/// See [`crate::store::Store::doubt_queued`]. The attempt in doubt is the one that would have been next.
pub(super) fn doubt_queued(
    connection: &Connection,
    lease: &Lease,
    id: &BroadcastId,
    through: Option<u32>,
    now: Millis,
) -> Result<u64> {
    let known = held(connection, lease, id)?;
    refuse_final(id, known.status)?;
    // Whoever had an intent before has a time of change.
    let doubted = connection
        .prepare_cached(
            "UPDATE recipients SET state = 'in_doubt', attempt = attempt + 1, due = 0, code = 0, detail = ?3,
                changed_at = ?4
            WHERE broadcast_no = ?1 AND state = 'queued' AND (seq <= ?2 OR changed_at IS NOT NULL)",
        )?
        .execute(params![known.no, through.map_or(-1, i64::from), RESTORED, now.0])?;
    let doubted = doubted as u64;
    let mut moves = Moves::new(connection)?;
    moves.count(known.no, RecipientState::Queued, RecipientState::InDoubt, signed(doubted));
    moves.finish()?;
    Ok(doubted)
}
