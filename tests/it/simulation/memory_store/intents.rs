//! Intents and what comes of them.

use super::ledger::{Kept, Ledger, LogEntry, Next, Standing};
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::{MINUTE, Millis};
use wacast::store::{DoubtDecision, Intent, Lease, Outcome, RESTORED, Result, StoreError, Verdict};

const NO_ANSWER: &str = "the sender was lost before the answer was recorded";

/// Accepted messages are counted by this much time.
pub(super) const QUARTER: i64 = 15 * MINUTE;

fn is_decision(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Retry { .. } | Verdict::Unsent { .. })
}

/// Whose request never left: queued as before, and the attempt's number is free again.
fn unsent(kept: &Kept, standing: &Standing, due: Option<Millis>) -> Next {
    let next = Next::of(standing, kept.queued_or_cancelled());
    let due = due.or(standing.due).filter(|_| next.state == RecipientState::Queued);
    Next { attempt: standing.attempt.saturating_sub(1), due, code: standing.code, ..next }
}

impl Kept {
    /// Everybody in a state, with seq.
    fn with(&self, state: RecipientState) -> Vec<(u32, Standing)> {
        let people = (0..).zip(&self.people).filter(|(_, person)| person.state == state);
        people.map(|(seq, person)| (seq, person.clone())).collect()
    }
}

impl Ledger {
    pub(super) fn open_window(
        &mut self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>> {
        let kept = self.held(lease, id)?;
        let status = kept.broadcast.status;
        if status != BroadcastStatus::Running {
            return Err(StoreError::Conflict(format!("broadcast {id} is {}, not running", status.word())));
        }
        let mut due = kept.with(RecipientState::Queued);
        due.retain(|(_, person)| person.due.is_none_or(|due| due <= now));
        // Retries by their time, then the never-tried.
        due.sort_by_key(|(seq, person)| (person.due.is_none(), person.due, *seq));
        let mut window = Vec::new();
        for (seq, person) in due {
            if window.len() >= limit as usize {
                break;
            }
            match self.opted_out(person.phone).reason(held_back) {
                None => window.push((seq, person)),
                Some(reason) => {
                    let next = Next::of(&person, RecipientState::Skipped).because(person.code, reason);
                    self.turn(id, seq, next, now);
                }
            }
        }
        let due = window;
        for (seq, person) in &due {
            // `due` stays, so that whoever comes back unsent keeps the place.
            let next = Next::of(person, RecipientState::Sending).because(person.code, &person.detail);
            self.turn(id, *seq, Next { attempt: person.attempt + 1, due: person.due, ..next }, now);
            self.known_mut(id)?.people[*seq as usize].fence = lease.fence;
        }
        if !due.is_empty() {
            *self.windows.entry(lease.subject.clone()).or_default() += 1;
        }
        let intent = |(seq, person): (u32, Standing)| Intent {
            seq,
            attempt: person.attempt + 1,
            tries: person.tries,
            phone: person.phone,
            values: person.values,
        };
        Ok(due.into_iter().map(intent).collect())
    }

    pub(super) fn windows_opened(&self, subject: &str) -> u64 {
        self.windows.get(subject).copied().unwrap_or(0)
    }

    pub(super) fn requeue_unheld(
        &mut self,
        lease: &Lease,
        id: &BroadcastId,
        held: &[(u32, u32)],
        now: Millis,
    ) -> Result<u64> {
        let kept = self.held(lease, id)?;
        let mut open = kept.with(RecipientState::Sending);
        open.retain(|(seq, person)| person.fence == lease.fence && !held.contains(&(*seq, person.attempt)));
        let moves: Vec<_> = open.iter().map(|(seq, person)| (*seq, unsent(kept, person, None))).collect();
        Ok(moves.into_iter().map(|(seq, next)| u64::from(self.turn(id, seq, next, now))).sum())
    }

    pub(super) fn recover(&mut self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
        self.check_lease(lease)?;
        let ours = self.broadcasts.iter().filter(|kept| kept.broadcast.definition.sender == lease.subject);
        let open: Vec<_> = ours.map(|kept| (kept.broadcast.id.clone(), kept.with(RecipientState::Sending))).collect();
        let mut found = Vec::new();
        for (id, people) in open.into_iter().filter(|(_, people)| !people.is_empty()) {
            for (seq, person) in &people {
                self.turn(&id, *seq, Next::of(person, RecipientState::InDoubt).because(0, NO_ANSWER), now);
            }
            found.push((id, people.len() as u64));
        }
        Ok(found)
    }

    pub(super) fn doubt_queued(
        &mut self,
        lease: &Lease,
        id: &BroadcastId,
        through: Option<u32>,
        now: Millis,
    ) -> Result<u64> {
        let kept = self.held(lease, id)?;
        if kept.broadcast.status.is_final() {
            return Err(StoreError::Conflict(format!("broadcast {id} has ended")));
        }
        let mut queued = kept.with(RecipientState::Queued);
        // Whoever ever had an intent has its fence; whoever was doubted without one has an attempt.
        let had = |person: &Standing| person.fence > 0 || person.attempt > 0;
        queued.retain(|(seq, person)| had(person) || through.is_some_and(|through| *seq <= through));
        for (seq, person) in &queued {
            let next = Next::of(person, RecipientState::InDoubt).because(0, RESTORED);
            // Whoever was sent to after the backup was so as the next attempt at the least.
            self.turn(id, *seq, Next { attempt: person.attempt + 1, ..next }, now);
        }
        Ok(queued.len() as u64)
    }

    pub(super) fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>> {
        let kept = self.known(id)?;
        if kept.broadcast.status.is_final() {
            return Ok(None);
        }
        let waits = kept.people.iter().filter(|person| person.state == RecipientState::Queued);
        Ok(waits.filter_map(|person| person.due).min())
    }

    pub(super) fn settle(&mut self, lease: &Lease, outcomes: &[Outcome]) {
        let may_decide = self.check_lease(lease).is_ok();
        for outcome in outcomes.iter().filter(|outcome| may_decide || !is_decision(&outcome.verdict)) {
            self.settle_one(outcome);
        }
    }

    fn settle_one(&mut self, outcome: &Outcome) {
        let (id, seq) = (&outcome.broadcast, outcome.seq);
        let Some(kept) = self.find(id) else { return };
        let Some(standing) = kept.people.get(seq as usize) else { return };
        let newest = outcome.attempt == standing.attempt;
        // Who is in doubt is not queued again by a decision: only a fact settles the doubt.
        let open = match standing.state {
            RecipientState::Sending => true,
            RecipientState::InDoubt => !is_decision(&outcome.verdict),
            _ => false,
        };
        if newest && !open && is_decision(&outcome.verdict) {
            return;
        }
        let of = |state| Next::of(standing, state);
        let next = match &outcome.verdict {
            Verdict::Accepted { .. } => of(RecipientState::Accepted),
            Verdict::Failed { code, response, retry_at } => {
                Next { due: *retry_at, ..of(RecipientState::Failed).because(*code, response) }
            }
            Verdict::Retry { code, response, due, counts } => {
                let next = of(kept.queued_or_cancelled()).because(*code, response);
                let due = Some(*due).filter(|_| next.state == RecipientState::Queued);
                Next { tries: standing.tries + u32::from(*counts), due, ..next }
            }
            Verdict::Unsent { due } => unsent(kept, standing, *due),
            Verdict::InDoubt { detail } => of(RecipientState::InDoubt).because(0, detail),
        };
        let row = |sent, code, wamid: &str, response: &str| LogEntry {
            broadcast: id.clone(),
            seq,
            number: outcome.attempt,
            phone: outcome.phone,
            sent,
            at: outcome.at,
            code,
            from_receipt: false,
            wamid: wamid.to_owned(),
            response: response.to_owned(),
        };
        let row = match &outcome.verdict {
            Verdict::Accepted { wamid, response } => Some(row(true, 0, wamid, response)),
            Verdict::Failed { code, response, .. } | Verdict::Retry { code, response, .. } => {
                Some(row(false, *code, "", response))
            }
            Verdict::Unsent { .. } | Verdict::InDoubt { .. } => None,
        };
        if let Some(row) = row {
            self.write_row(row);
        }
        if newest && open {
            self.turn(id, seq, next, outcome.at);
        }
    }

    /// Writes a row of the log, unless the attempt has one. An answer completes a row that a receipt made, and the
    /// first word that an attempt was taken counts its recipient as reached.
    pub(super) fn write_row(&mut self, new: LogEntry) {
        let key = (new.broadcast.clone(), new.seq, new.number);
        let (phone, at) = (new.phone, new.at);
        let counts = if let Some(place) = self.rows.get(&key) {
            let row = &mut self.log[*place];
            // A refusal never overwrites a receipt's proof.
            if row.from_receipt && !new.from_receipt && (new.sent || !row.sent) {
                let was_sent = row.sent;
                let wamid = if new.wamid.is_empty() { std::mem::take(&mut row.wamid) } else { new.wamid.clone() };
                let sent = new.sent;
                *row = LogEntry { wamid, ..new };
                sent && !was_sent
            } else {
                if row.wamid.is_empty() {
                    row.wamid = new.wamid;
                }
                false
            }
        } else {
            let sent = new.sent;
            self.rows.insert(key, self.log.len());
            self.log.push(new);
            sent
        };
        if counts {
            self.reach(phone, at);
        }
    }

    pub(super) fn people_reached(&self, since: Millis) -> Vec<(Millis, u64)> {
        let mut quarters = std::collections::BTreeMap::new();
        for quarter in self.reached.values().filter(|quarter| **quarter >= since.0.div_euclid(QUARTER)) {
            *quarters.entry(Millis(quarter * QUARTER)).or_default() += 1;
        }
        quarters.into_iter().collect()
    }

    pub(super) fn reached_among(&self, phones: &[Phone], since: Millis) -> Vec<usize> {
        let from = since.0.div_euclid(QUARTER);
        let is_reached = |phone: &Phone| self.reached.get(phone).is_some_and(|quarter| *quarter >= from);
        phones.iter().enumerate().filter(|(_, phone)| is_reached(phone)).map(|(place, _)| place).collect()
    }

    pub(super) fn decide_doubts(
        &mut self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64> {
        let kept = self.known(id)?;
        if seqs.is_some_and(|seqs| seqs.len() > 5_000) {
            return Err(StoreError::Conflict("5,000 people a call".to_owned()));
        }
        if decision == DoubtDecision::SendAgain && kept.broadcast.status.is_final() {
            return Err(StoreError::Conflict(format!("broadcast {id} has ended: nobody of it is sent to again")));
        }
        let mut doubtful = kept.with(RecipientState::InDoubt);
        doubtful.retain(|(seq, _)| seqs.is_none_or(|seqs| seqs.contains(seq)));
        for (seq, person) in &doubtful {
            let (state, due) = match decision {
                DoubtDecision::CountAsSent => (RecipientState::Accepted, None),
                DoubtDecision::GiveUp => (RecipientState::Failed, None),
                DoubtDecision::SendAgain => (RecipientState::Queued, Some(now)),
            };
            self.turn(id, *seq, Next { due, ..Next::of(person, state).because(0, word) }, now);
        }
        Ok(doubtful.len() as u64)
    }
}
