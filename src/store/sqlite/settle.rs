//! Outcomes of attempts. Facts stand whoever brings them and however often; decisions need the newest lease.
//!
//! Called by the writer, many outcomes at a time.

use super::flight::unsent;
use super::leases;
use super::moves::{Known, LogEntry, Moves, Next, Standing, queued_or_cancelled};
use crate::domain::pricing::Mark;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::store::{Lease, Outcome, Result, StoreError, Verdict};
use rusqlite::Connection;

/// See [`crate::store::Store::settle`].
pub(super) fn settle(connection: &Connection, lease: &Lease, outcomes: &[Outcome]) -> Result<()> {
    let may_decide = match leases::check(connection, lease) {
        Ok(()) => true,
        Err(StoreError::LeaseLost) => false,
        Err(error) => return Err(error),
    };
    let mut moves = Moves::new(connection)?;
    for outcome in outcomes {
        if is_decision(&outcome.verdict) && !may_decide {
            continue;
        }
        let known = moves.broadcast(&outcome.broadcast)?;
        let standing = known.map(|known| moves.standing(known, outcome.seq)).transpose()?.flatten();
        let (Some(known), Some(standing)) = (known, standing) else {
            tracing::error!(broadcast = %outcome.broadcast, seq = outcome.seq, "an outcome for nobody in the store");
            continue;
        };
        record(&mut moves, known, &standing, outcome)?;
    }
    moves.finish()
}

fn record(moves: &mut Moves<'_>, known: Known, standing: &Standing, outcome: &Outcome) -> Result<()> {
    let newest = outcome.attempt == standing.attempt;
    // An answer says something about someone only while none was known for this attempt. Who is in doubt is
    // not queued again by a decision: only a fact settles the doubt.
    let open = match standing.state {
        RecipientState::Sending => true,
        RecipientState::InDoubt => !is_decision(&outcome.verdict),
        _ => false,
    };
    if newest && !open && is_decision(&outcome.verdict) {
        return Ok(());
    }
    if let Some(entry) = log_entry(known, outcome) {
        moves.log(&entry)?;
    }
    if newest && open {
        moves.apply(standing, &next(known, standing, &outcome.verdict), outcome.at)?;
    }
    Ok(())
}

fn is_decision(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Retry { .. } | Verdict::Unsent { .. })
}

fn log_entry(known: Known, outcome: &Outcome) -> Option<LogEntry<'_>> {
    let entry = LogEntry {
        broadcast_no: known.no,
        seq: outcome.seq,
        attempt: outcome.attempt,
        phone: outcome.phone,
        sent: false,
        at: outcome.at,
        code: 0,
        from_receipt: false,
        wamid: "",
        response: "",
        mark: Mark::default(),
    };
    match &outcome.verdict {
        Verdict::Accepted { wamid, response } => Some(LogEntry { sent: true, wamid, response, ..entry }),
        Verdict::Failed { code, response, .. } | Verdict::Retry { code, response, .. } => {
            Some(LogEntry { code: *code, response, ..entry })
        }
        Verdict::Unsent { .. } | Verdict::InDoubt { .. } => None,
    }
}

fn next<'a>(known: Known, standing: &Standing, verdict: &'a Verdict) -> Next<'a> {
    match verdict {
        Verdict::Accepted { .. } => Next::of(standing, RecipientState::Accepted),
        Verdict::Failed { code, response, retry_at } => {
            Next::of(standing, RecipientState::Failed).because(*code, response).due(*retry_at)
        }
        Verdict::Retry { code, response, due, counts } => {
            let tries = standing.tries.saturating_add(u32::from(*counts));
            let due = Some(*due).filter(|_| known.status != BroadcastStatus::Cancelled);
            Next { tries, ..Next::of(standing, queued_or_cancelled(known)).because(*code, response).due(due) }
        }
        Verdict::Unsent { due } => unsent(standing, known, *due),
        Verdict::InDoubt { detail } => Next::of(standing, RecipientState::InDoubt).because(0, detail),
    }
}
