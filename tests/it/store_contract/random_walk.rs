//! Random walks: whatever is done in whatever order, the ledger holds what a plain model holds.
//!
//! A walk is decided by its seed alone, which is printed when it fails.

mod model;

use super::Factory;
use super::stage::{NOW, Run, SENDER, running_under, take, take_over};
use super::trail::{act, whole_trail};
use model::{Model, any_evidence, any_pricing};
use std::ops::Range;
use std::sync::Arc;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::RecipientState::{Failed, InDoubt, Sending};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::store::{DoubtDecision, Evidence, FoldReport, Intent, Lease, Outcome, Store, StoreError, Verdict};

const STEPS: u32 = 200;
const PEOPLE: u32 = 10;

pub async fn the_first_ten_walks(stores: &dyn Factory) {
    walks(stores, 0..10).await;
}

pub async fn the_next_ten_walks(stores: &dyn Factory) {
    walks(stores, 10..20).await;
}

pub async fn the_last_ten_walks(stores: &dyn Factory) {
    walks(stores, 20..30).await;
}

async fn walks(stores: &dyn Factory, seeds: Range<u64>) {
    let store = stores.fresh().await;
    let mut lease = take(&*store, SENDER, "driver").await;
    for seed in seeds {
        lease = Walk::begin(&store, lease, seed).await.walk_on().await;
    }
    whole_trail(&*store).await;
}

struct Walk {
    run: Run,
    model: Model,
    dice: fastrand::Rng,
    /// Facts that were told, to be told again.
    told: Vec<Outcome>,
    holders: u32,
    whereabouts: Whereabouts,
}

/// Says where a walk failed.
struct Whereabouts {
    seed: u64,
    step: u32,
    does: &'static str,
}

impl Drop for Whereabouts {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the walk of seed {} failed at step {}: {}", self.seed, self.step, self.does);
        }
    }
}

impl Walk {
    async fn begin(store: &Arc<dyn Store>, lease: Lease, seed: u64) -> Self {
        let first = u32::try_from(seed).unwrap() * PEOPLE;
        let run = running_under(store, &lease, first..first + PEOPLE).await;
        let model = Model::new(PEOPLE as usize, NOW);
        let dice = fastrand::Rng::with_seed(seed);
        let whereabouts = Whereabouts { seed, step: 0, does: "begin" };
        Self { run, model, dice, told: vec![], holders: 0, whereabouts }
    }

    async fn walk_on(mut self) -> Lease {
        for step in 0..STEPS {
            self.whereabouts.step = step;
            self.step().await;
            self.compare().await;
        }
        let failures = self.run.store.failures(&self.run.id).await.unwrap();
        assert_eq!(failures.iter().map(|(_, count)| count).sum::<u64>(), self.model.counts().get(Failed));
        self.leave_nothing_open().await;
        self.run.lease
    }

    async fn step(&mut self) {
        self.whereabouts.does = match self.dice.u8(0..100) {
            0..30 => self.open().await,
            30..56 => self.settle().await,
            56..75 => self.fold().await,
            75..80 => self.decide().await,
            80..81 => self.doubt_queued().await,
            81..86 => {
                self.model.now = self.model.now.plus(self.dice.i64(1..20_000));
                "time passes"
            }
            86..89 => self.take_over().await,
            89..92 => self.requeue().await,
            92..96 => self.pause_or_resume().await,
            96..99 => self.complete().await,
            _ => self.cancel().await,
        };
    }

    async fn compare(&self) {
        let does = self.whereabouts.does;
        let states: String = self.model.people.iter().map(|person| person.state.letter()).collect();
        assert_eq!(self.run.letters().await, states, "after {does}");
        assert_eq!(self.run.store.counts(&self.run.id).await.unwrap(), self.model.counts(), "after {does}");
        assert_eq!(self.run.status().await, self.model.status, "after {does}");
        assert_eq!(self.run.store.prices(&self.run.id).await.unwrap(), self.model.prices(), "after {does}");
        if self.whereabouts.step.is_multiple_of(5) {
            let mut log: Vec<_> = self.run.log().await.into_iter().map(|row| (row.0, row.1)).collect();
            log.sort_unstable();
            assert_eq!(log, self.model.logged.iter().copied().collect::<Vec<_>>(), "a row for each answered attempt");
        }
    }

    async fn open(&mut self) -> &'static str {
        let limit = self.dice.u32(0..5);
        let answer = self.run.store.open_window(&self.run.lease, &self.run.id, limit, Kinds::ALL, self.model.now).await;
        if self.model.status == BroadcastStatus::Running {
            let intents = answer.unwrap();
            assert_eq!(intents.len(), self.model.due().min(limit as usize), "as many as are due");
            for intent in &intents {
                self.model.grant(intent);
            }
        } else {
            assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
        }
        "open a window"
    }

    /// Any outcome that the holder of this intent could tell.
    fn outcome(&mut self, intent: &Intent) -> Outcome {
        let accepted = super::stage::accepted(intent);
        let response = String::new();
        let due = self.model.now.plus(self.dice.i64(0..30_000));
        let person = &self.model.people[intent.seq as usize];
        let waited_for = person.state == Sending && person.attempt == intent.attempt;
        let verdict = match self.dice.u8(0..10) {
            5 | 6 if waited_for => Verdict::Failed { code: 131_026, response, retry_at: None },
            7 if waited_for => Verdict::Retry { code: 131_016, response, due, counts: self.dice.bool() },
            8 if waited_for => Verdict::Unsent { due: self.dice.bool().then_some(due) },
            9 => super::stage::in_doubt(),
            _ => accepted,
        };
        self.run.outcome(intent, verdict)
    }

    async fn settle(&mut self) -> &'static str {
        let (lease, mut outcomes) = (self.run.lease.clone(), vec![]);
        for _ in 0..self.dice.usize(0..4) {
            if self.model.unanswered.is_empty() {
                break;
            }
            let place = self.dice.usize(..self.model.unanswered.len());
            let intent = self.model.unanswered.swap_remove(place);
            let outcome = self.outcome(&intent);
            if matches!(outcome.verdict, Verdict::InDoubt { .. }) {
                self.model.unanswered.push(intent);
            }
            self.model.settle(outcome.seq, outcome.attempt, &outcome.verdict, true);
            outcomes.push(outcome);
        }
        if !self.told.is_empty() && self.dice.bool() {
            let again = self.told[self.dice.usize(..self.told.len())].clone();
            self.model.settle(again.seq, again.attempt, &again.verdict, true);
            outcomes.push(again);
        }
        let lasting = |outcome: &&Outcome| {
            matches!(outcome.verdict, Verdict::Accepted { .. } | Verdict::Failed { .. } | Verdict::Retry { .. })
        };
        self.told.extend(outcomes.iter().filter(lasting).cloned());
        self.run.store.settle(&lease, outcomes).await.unwrap();
        "settle"
    }

    async fn fold(&mut self) -> &'static str {
        let mut moves = vec![];
        let mut expected = 0;
        for _ in 0..self.dice.usize(1..4) {
            let seq = self.dice.u32(..PEOPLE);
            let newest = self.model.people[seq as usize].attempt;
            if newest == 0 {
                continue;
            }
            let attempt = self.dice.u32(1..=newest);
            let due = self.model.now.plus(self.dice.i64(0..30_000));
            let evidence = any_evidence(&mut self.dice, due);
            let pricing = any_pricing(&mut self.dice);
            if self.model.is_clear(seq, attempt, &evidence) {
                expected += u64::from(self.model.fold(seq, attempt, &evidence));
                moves.push(match evidence {
                    Evidence::Reached(state) => {
                        self.model.price(seq, attempt, state, pricing);
                        self.run.priced(seq, attempt, state, pricing)
                    }
                    failed @ Evidence::Failed { .. } => self.run.receipt(seq, attempt, failed),
                });
            }
        }
        let told = moves.len() as u64;
        let people = moves.iter().map(|one| one.seq).collect::<std::collections::BTreeSet<_>>().len() as u64;
        let report = self.run.fold_all(moves).await;
        if people == told {
            assert_eq!(report, FoldReport { moved: expected, without_effect: told - expected, unknown: 0 });
        }
        "fold receipts"
    }

    async fn decide(&mut self) -> &'static str {
        let decision = [DoubtDecision::CountAsSent, DoubtDecision::GiveUp, DoubtDecision::SendAgain];
        let decision = decision[self.dice.usize(..3)];
        let mut doubted = self.model.with(InDoubt);
        let some = self.dice.bool();
        if some {
            doubted.retain(|_| self.dice.bool());
        }
        let seqs = some.then_some(doubted.as_slice());
        let answer = self.run.store.decide_doubts(&self.run.id, seqs, decision, "a word", self.model.now).await;
        self.run.store.append_act(act("decide")).await.unwrap();
        if decision == DoubtDecision::SendAgain && self.model.status.is_final() {
            assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
            return "decide what is over";
        }
        assert_eq!(answer.unwrap(), doubted.len() as u64);
        for seq in doubted {
            self.model.decide(seq, decision);
        }
        match decision {
            DoubtDecision::CountAsSent => "count as sent",
            DoubtDecision::GiveUp => "give up",
            DoubtDecision::SendAgain => "send again",
        }
    }

    async fn doubt_queued(&mut self) -> &'static str {
        if !self.model.status.is_final() {
            let through = self.dice.bool().then(|| self.dice.u32(..PEOPLE));
            let Run { store, lease, id, .. } = &self.run;
            let doubted = store.doubt_queued(lease, id, through, self.model.now).await.unwrap();
            assert_eq!(doubted, self.model.doubt_queued(through));
        }
        "take a backup into use"
    }

    async fn take_over(&mut self) -> &'static str {
        self.holders += 1;
        let heir = format!("heir {} of {}", self.holders, self.whereabouts.seed);
        let new = take_over(&*self.run.store, &self.run.lease, &heir).await;
        let old = std::mem::replace(&mut self.run.lease, new);
        if let Some(intent) = self.model.unanswered.pop() {
            let outcome = self.outcome(&intent);
            self.model.settle(outcome.seq, outcome.attempt, &outcome.verdict, false);
            if !matches!(outcome.verdict, Verdict::Accepted { .. } | Verdict::Failed { .. }) {
                self.model.unanswered.push(intent);
            }
            self.run.store.settle(&old, vec![outcome]).await.unwrap();
        }
        let refused = self.run.store.open_window(&old, &self.run.id, 3, Kinds::ALL, self.model.now).await;
        assert!(refused.is_err(), "{refused:?}");
        let open = self.model.with(Sending);
        let found = self.run.store.recover(&self.run.lease, self.model.now).await.unwrap();
        let expected = if open.is_empty() { vec![] } else { vec![(self.run.id.clone(), open.len() as u64)] };
        assert_eq!(found, expected);
        for seq in open {
            self.model.turn(seq, InDoubt);
        }
        "take over and recover"
    }

    async fn requeue(&mut self) -> &'static str {
        let (mut held, mut unheld) = (vec![], vec![]);
        for seq in self.model.with(Sending) {
            if self.dice.bool() {
                held.push((seq, self.model.people[seq as usize].attempt));
            } else {
                unheld.push(seq);
            }
        }
        let count = self.run.store.requeue_unheld(&self.run.lease, &self.run.id, &held).await.unwrap();
        assert_eq!(count, unheld.len() as u64);
        for seq in unheld {
            self.model.give_number_back(seq);
        }
        "requeue what is not held"
    }

    async fn pause_or_resume(&mut self) -> &'static str {
        let (store, id) = (&self.run.store, &self.run.id);
        if self.model.status == BroadcastStatus::Running {
            store.pause(id, PauseReason::Operator, "", None).await.unwrap();
            self.model.status = BroadcastStatus::Paused;
        } else if self.model.status == BroadcastStatus::Paused {
            store.resume(id, self.model.now).await.unwrap();
            self.model.status = BroadcastStatus::Running;
        }
        "pause or resume"
    }

    async fn complete(&mut self) -> &'static str {
        let answer = self.run.store.complete(&self.run.lease, &self.run.id, self.model.now).await;
        if self.model.status == BroadcastStatus::Running {
            let ends = self.model.counts().open() == 0;
            assert_eq!(answer.unwrap(), ends);
            if ends {
                self.model.status = BroadcastStatus::Completed;
            }
        }
        "complete"
    }

    async fn cancel(&mut self) -> &'static str {
        // A walk that is cancelled early has little left to show.
        if self.whereabouts.step > STEPS / 2 && !self.model.status.is_final() {
            self.run.store.cancel(&self.run.id, self.model.now).await.unwrap();
            self.model.cancel();
        }
        "cancel"
    }

    /// The next walk on this store counts what it recovers.
    async fn leave_nothing_open(&mut self) {
        self.run.store.requeue_unheld(&self.run.lease, &self.run.id, &[]).await.unwrap();
    }
}
