//! Receipts: stored as they came, and folded into the recipients' states.

use super::ledger::{Ledger, LogEntry, Next};
use wacast::domain::state::RecipientState;
use wacast::store::{
    AttemptPlace, Evidence, FoldReport, Lease, RECEIPTS, RECEIPTS_BYTES, RawReceipt, ReceiptMove, Result, StoreError,
    StoredReceipt,
};

impl Ledger {
    pub(super) fn append_receipts(&mut self, receipts: Vec<RawReceipt>) {
        for receipt in receipts {
            self.receipts_made += 1;
            self.receipts.insert(self.receipts_made, receipt);
        }
    }

    pub(super) fn stored_receipts(&self, limit: u32) -> Vec<StoredReceipt> {
        let stored = |(id, receipt): (&u64, &RawReceipt)| StoredReceipt {
            id: *id,
            received_at: receipt.received_at,
            body: receipt.body.clone(),
        };
        let mut bytes = 0;
        let fits = |one: &(&u64, &RawReceipt)| {
            let is_first = bytes == 0;
            bytes += one.1.body.len();
            is_first || bytes <= RECEIPTS_BYTES
        };
        self.receipts.iter().take(limit as usize).take_while(fits).map(stored).collect()
    }

    pub(super) fn attempts_of(&self, wamids: &[String]) -> Vec<AttemptPlace> {
        let known = self.log.iter().filter(|row| !row.wamid.is_empty() && wamids.contains(&row.wamid));
        let place = |row: &LogEntry| AttemptPlace {
            wamid: row.wamid.clone(),
            broadcast: row.broadcast.clone(),
            seq: row.seq,
            attempt: row.number,
        };
        known.map(place).collect()
    }

    pub(super) fn fold_receipts(&mut self, lease: &Lease, moves: &[ReceiptMove], up_to: u64) -> Result<FoldReport> {
        if lease.subject != RECEIPTS {
            return Err(StoreError::LeaseLost);
        }
        self.check_lease(lease)?;
        let mut report = FoldReport::default();
        for one in moves {
            let known = self.find(&one.broadcast).is_some_and(|kept| (one.seq as usize) < kept.people.len());
            if !known {
                report.unknown += 1;
            } else if self.fold_one(one) {
                report.moved += 1;
            } else {
                report.without_effect += 1;
            }
        }
        self.receipts.retain(|id, _| *id > up_to);
        Ok(report)
    }

    fn fold_one(&mut self, one: &ReceiptMove) -> bool {
        let Some(kept) = self.find(&one.broadcast) else { return false };
        let standing = kept.people[one.seq as usize].clone();
        let is_final = kept.broadcast.status.is_final();
        let attempt = (one.broadcast.clone(), one.seq, one.attempt);
        let mark = self.marks.entry(attempt.clone()).or_default();
        *mark = mark.and(one.mark);
        let undelivered = matches!(standing.state, RecipientState::Queued | RecipientState::Cancelled)
            && self.undelivered.contains(&attempt);
        if matches!(one.evidence, Evidence::Failed { .. }) {
            self.undelivered.insert(attempt);
        }
        let (sent, code, response) = match &one.evidence {
            Evidence::Reached(state) => (true, 0, format!(r#"{{"receipt":"{}"}}"#, state.word())),
            Evidence::Failed { code, response, .. } => (false, *code, response.clone()),
        };
        self.write_row(LogEntry {
            broadcast: one.broadcast.clone(),
            seq: one.seq,
            number: one.attempt,
            phone: standing.phone,
            sent,
            at: one.at,
            code,
            from_receipt: true,
            wamid: one.wamid.clone(),
            response,
        });
        let next = match &one.evidence {
            Evidence::Reached(state) => {
                // One that is newer than any we know of proves as much as the newest.
                let newest = one.attempt >= standing.attempt;
                let counts = match state {
                    // Nor does `sent` count where a receipt said that this attempt failed: it came out of order.
                    RecipientState::Sent => newest && !undelivered,
                    RecipientState::Delivered | RecipientState::Read => true,
                    _ => false,
                };
                if !counts {
                    return false;
                }
                Next { attempt: standing.attempt.max(one.attempt), ..Next::of(&standing, *state) }
            }
            Evidence::Failed { code, response, counts, retry_at, .. } => {
                use RecipientState::{Accepted, Failed, InDoubt, Queued, Sending, Sent};
                let open = matches!(standing.state, Sending | Accepted | Sent | InDoubt);
                if !open || one.attempt != standing.attempt {
                    return false;
                }
                let of = |state| Next::of(&standing, state).because(*code, response);
                let again = one.evidence.retry_after(standing.tries);
                match again.filter(|_| !is_final) {
                    Some(due) => Next { tries: standing.tries + u32::from(*counts), due: Some(due), ..of(Queued) },
                    // Nobody of a final broadcast waits; a follow-up may take them up.
                    None => Next { due: retry_at.or(again), ..of(Failed) },
                }
            }
        };
        self.turn(&one.broadcast, one.seq, next, one.at)
    }
}
