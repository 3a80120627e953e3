//! Settling: what came of intents, stored in one transaction for many people.
//!
//! Facts are taken from anyone and are idempotent by their attempt; decisions (`Retry`, `Unsent`) only
//! from the holder of the newest lease. An outcome that is not of the newest attempt is logged and moves nobody.

use super::Inner;
use super::documents::{AT_ONCE, AttemptKey, PersonKey, TodoDoc, TodoKind, date, large};
use super::failure::{Failure, Op};
use super::sheet::{NewRow, Sheet, UnderWay, attempt_key};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{Lease, Outcome, Verdict};
use mongodb::ClientSession;
use std::collections::{BTreeSet, HashMap};

/// What decisions of a batch need to know. Read only when there are any.
#[derive(Default)]
struct Authority {
    /// The lease is the newest.
    holds: bool,
    /// Of the broadcasts of the lease's sender.
    statuses: HashMap<BroadcastId, BroadcastStatus>,
    under_way: HashMap<BroadcastId, UnderWay>,
    /// How many windows were opened so far.
    opened: i64,
}

impl Outcome {
    fn is_decision(&self) -> bool {
        matches!(self.verdict, Verdict::Retry { .. } | Verdict::Unsent { .. })
    }

    fn key(&self) -> AttemptKey {
        attempt_key(&self.broadcast, self.seq, self.attempt)
    }
}

impl Inner {
    pub(super) async fn settle(&self, lease: &Lease, outcomes: &[Outcome]) -> Op<()> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let _writer = self.writer.lock().await;
        let mut transaction = self.transaction().await?;
        // The first try takes it that a queued recipient's outcome is new, which saves a look at each; the
        // unique key says when it is not, and then every one is looked at.
        let mut careful = false;
        let held = loop {
            transaction.start().await?;
            let done = self.settle_once(&mut transaction.session, lease, outcomes, careful).await;
            careful = careful || done.as_ref().is_err_and(Failure::is_duplicate);
            if let Some(held) = transaction.finish(done).await? {
                break held;
            }
        };
        let settled = outcomes.iter().filter(|outcome| held || !outcome.is_decision());
        self.flights.settled(&lease.subject, settled.map(|outcome| (&outcome.broadcast, outcome.seq)));
        Ok(())
    }

    /// Returns whether decisions were taken.
    async fn settle_once(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        outcomes: &[Outcome],
        careful: bool,
    ) -> Op<bool> {
        let people: Vec<(&BroadcastId, u32)> =
            outcomes.iter().map(|outcome| (&outcome.broadcast, outcome.seq)).collect();
        let mut sheet = Sheet::read(self, session, &people).await?;
        let to_look_at: BTreeSet<AttemptKey> = outcomes
            .iter()
            .filter(|outcome| careful || sheet.state(&outcome.broadcast, outcome.seq) != Some(RecipientState::Queued))
            .map(Outcome::key)
            .collect();
        sheet.read_logged(self, session, to_look_at).await?;
        let authority = self.authority(session, lease, outcomes, &sheet).await?;
        for outcome in outcomes {
            sheet.settle(outcome, &authority);
        }
        sheet.write(self, session).await?;
        Ok(authority.holds)
    }

    async fn authority(
        &self,
        session: &mut ClientSession,
        lease: &Lease,
        outcomes: &[Outcome],
        sheet: &Sheet,
    ) -> Op<Authority> {
        let mut authority = Authority::default();
        let deciding: BTreeSet<BroadcastId> =
            outcomes.iter().filter(|outcome| outcome.is_decision()).map(|outcome| outcome.broadcast.clone()).collect();
        if deciding.is_empty() {
            return Ok(authority);
        }
        let document = self.lease_document(Some(&mut *session), &lease.subject).await?;
        authority.holds = document.proves(lease);
        authority.opened = document.opened;
        if !authority.holds {
            return Ok(authority);
        }
        authority.statuses = Sheet::touch_broadcasts(self, session, &deciding, Some(&lease.subject)).await?;
        for id in deciding {
            // Whoever is asked about has their segment on the sheet; the others do not matter.
            let under_way = self.under_way_of(Some(&mut *session), &document, &id, sheet).await?;
            authority.under_way.insert(id, under_way);
        }
        Ok(authority)
    }
}

impl Authority {
    fn is_under_way(&self, outcome: &Outcome) -> bool {
        let flying = self.under_way.get(&outcome.broadcast).and_then(|under_way| under_way.get(outcome.seq));
        flying.is_some_and(|flying| flying.attempt == outcome.attempt)
    }

    fn wait(&self, outcome: &Outcome, attempt: i32, tries: i32, due: Millis, detail: &str) -> TodoDoc {
        TodoDoc {
            id: PersonKey::new(&outcome.broadcast, outcome.seq),
            kind: TodoKind::Retry,
            attempt,
            tries,
            due: date(due),
            // Nobody has a second intent before the first is settled: of all windows so far, this person is out.
            after: self.opened,
            at: date(outcome.at),
            detail: detail.to_owned(),
        }
    }

    fn decides(&self, id: &BroadcastId) -> bool {
        self.holds && self.statuses.contains_key(id)
    }

    /// Nobody waits in a broadcast that is over.
    fn is_over(&self, id: &BroadcastId) -> bool {
        self.statuses.get(id).is_some_and(|status| status.is_final())
    }
}

impl Sheet {
    fn settle(&mut self, outcome: &Outcome, authority: &Authority) {
        let (id, seq, key) = (&outcome.broadcast, outcome.seq, outcome.key());
        let Some(state) = self.state(id, seq) else { return };
        let todo = self.todo(id, seq).cloned();
        let tries = todo.as_ref().map_or(0, |todo| todo.tries);
        let logged = self.is_logged(&key);
        // Anybody else has a settled newest attempt, or never had one.
        let newest = !logged
            && matches!(state, RecipientState::Queued | RecipientState::InDoubt)
            && todo.as_ref().is_none_or(|todo| todo.attempt <= key.a);
        let row = |sent, code, response, wamid, retry_at| NewRow {
            key: key.clone(),
            phone: outcome.phone,
            sent,
            at: outcome.at,
            code,
            response,
            wamid,
            tries,
            retry_at,
            undelivered: false,
        };
        match &outcome.verdict {
            Verdict::Accepted { wamid, response } => {
                self.log(row(true, 0, response, wamid, None));
                if newest {
                    self.reach(id, seq, outcome.attempt, RecipientState::Accepted, 0);
                }
            }
            Verdict::Failed { code, response, retry_at } => {
                self.log(row(false, *code, response, "", *retry_at));
                if newest {
                    self.reach(id, seq, outcome.attempt, RecipientState::Failed, *code);
                }
            }
            // Whoever is in doubt, or waits already, is not queued again by a decision.
            Verdict::Retry { .. } | Verdict::Unsent { .. } if newest && !authority.is_under_way(outcome) => {}
            Verdict::Retry { code, response, due, counts } if authority.decides(id) && !logged => {
                self.log(row(false, *code, response, "", None));
                if newest {
                    self.tried(id, seq, outcome.attempt);
                    let (attempt, tries) = (key.a + 1, tries + i32::from(*counts));
                    self.wait_again(authority.wait(outcome, attempt, tries, *due, response), authority.is_over(id));
                }
            }
            Verdict::Unsent { due } if authority.decides(id) && newest => {
                let due = due.unwrap_or(AT_ONCE);
                self.wait_again(authority.wait(outcome, key.a, tries, due, ""), authority.is_over(id));
            }
            Verdict::InDoubt { detail } if newest && state == RecipientState::Queued => {
                self.reach_person(outcome.phone, outcome.at);
                self.move_to(id, seq, RecipientState::InDoubt, 0);
                self.tried(id, seq, outcome.attempt);
                self.wait(TodoDoc {
                    id: PersonKey::new(id, seq),
                    kind: TodoKind::Doubt,
                    attempt: key.a,
                    tries,
                    due: date(AT_ONCE),
                    after: todo.map_or(0, |todo| todo.after),
                    at: date(outcome.at),
                    detail: detail.clone(),
                });
            }
            // A decision without authority, or a repeat.
            Verdict::Retry { .. } | Verdict::Unsent { .. } | Verdict::InDoubt { .. } => {}
        }
    }

    /// Moves somebody to a state in which nothing of theirs waits.
    pub(super) fn reach(&mut self, id: &BroadcastId, seq: u32, attempt: u32, state: RecipientState, code: i64) {
        self.move_to(id, seq, state, code);
        self.tried(id, seq, attempt);
        self.done(id, seq);
    }

    /// Somebody goes back to the queue; of a broadcast that is over, out of it.
    pub(super) fn wait_again(&mut self, todo: TodoDoc, is_over: bool) {
        let (id, seq) = (todo.id.b.clone(), large(todo.id.s));
        if is_over {
            self.move_to(&id, seq, RecipientState::Cancelled, 0);
            self.done(&id, seq);
            return;
        }
        if self.state(&id, seq) != Some(RecipientState::Queued) {
            self.move_to(&id, seq, RecipientState::Queued, 0);
        }
        self.wait(todo);
    }
}

/// The newest attempt of a recipient as a sheet knows it: of the intent that stands, of what waits, or the
/// newest that was settled; 0: never tried.
pub fn newest_attempt(state: RecipientState, flying: Option<u32>, todo: Option<&TodoDoc>, settled: u32) -> u32 {
    match (state, flying, todo) {
        (_, Some(attempt), _) => attempt,
        (RecipientState::Queued, None, None) => 0,
        (RecipientState::Queued, None, Some(todo)) => large(todo.attempt - 1),
        (_, None, Some(todo)) if todo.kind == TodoKind::Doubt => large(todo.attempt),
        _ => settled,
    }
}
