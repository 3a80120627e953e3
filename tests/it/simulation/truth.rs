//! What really happened, as the other side knows it, and the rules held against it.
//!
//! The server's own ledger of what it took is the truth about who was written to; the engine and its store are
//! checked against it and never asked about it.

use super::memory_store::{Moved, Standing};
use super::plan::Plan;
use super::world::Broken;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;
use wacast::domain::error_policy::{Action, ErrorPolicy};
use wacast::domain::ids::BroadcastId;
use wacast::domain::pricing::{self, Priced, Pricing};
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::store::DoubtDecision;

/// What the server knows of one attempt.
#[derive(Debug, Default, Clone)]
pub struct Attempt {
    /// The server took it.
    pub taken: bool,
    /// The code of a refusal that reached a process.
    pub refused: Option<i64>,
    /// The code of a failed receipt that the store took.
    pub failed: Option<i64>,
    /// What the receipts `sent`, `delivered` and `read` said of the price that the store took; `None`: no such receipt.
    #[expect(clippy::option_option, reason = "a receipt that names no price is not the same as no receipt")]
    pub told: [Option<Option<Pricing>>; 3],
    /// No receipt will ever come.
    pub without_receipts: bool,
}

/// What is known of one recipient.
#[derive(Debug, Default)]
pub struct Person {
    pub attempts: BTreeMap<u32, Attempt>,
    /// Up to this attempt an operator said: send again.
    excused: u32,
    /// An operator decided something about this person.
    pub decided: Option<DoubtDecision>,
}

/// A message as it was written.
pub struct Written<'a> {
    pub process: usize,
    pub sender: &'a str,
    pub broadcast: &'a BroadcastId,
    pub seq: u32,
    pub attempt: u32,
    /// How the recipient stands in the store at this moment.
    pub standing: Option<Standing>,
    /// The fence of the process's lease, and the newest one in the store.
    pub fences: (u64, u64),
    /// Since when nothing hindered this process from hearing of a pause.
    pub untroubled_since: Instant,
}

/// See the module's documentation.
pub struct Truth {
    pub people: BTreeMap<(BroadcastId, u32), Person>,
    pub writes: u64,
    /// Messages that the server took.
    pub taken: u64,
    /// How often somebody came in doubt.
    pub doubts: u64,
    /// Receipts that are on their way.
    pub posts: u32,
    /// Processes with an ear for receipts.
    pub listening: usize,
    /// The wall was stepped while leases end by it.
    pub leases_shaken: bool,
    policy: ErrorPolicy,
    made: Vec<BroadcastId>,
    statuses: Vec<(BroadcastStatus, Instant)>,
    /// Writes of the last second, by sender, and by process where that matters.
    lately: BTreeMap<(String, usize), VecDeque<Instant>>,
    /// The configured pace; 0: off.
    pub pace: f64,
    /// The paces before it, and until when each of them was in force.
    paces: Vec<(f64, Instant)>,
    /// Taken and not in 24 hours more, while the messaging limit stands.
    budget: Option<u64>,
}

/// A pause is noticed within this time by a process that nothing hinders: a look every 200 ms, the store's and
/// the connection's latencies, and a wait of up to a second at the gate.
const NOTICED_WITHIN: Duration = Duration::from_millis(2_500);

/// A change of pace is noticed at the next look, also while the store does not answer.
const SECOND_AND_A_LOOK: Duration = Duration::from_millis(1_300);

fn broken(rule: &'static str, detail: String) -> Broken {
    Broken { rule, detail }
}

impl Truth {
    pub fn new(plan: &Plan) -> Self {
        Self {
            people: BTreeMap::new(),
            writes: 0,
            taken: 0,
            doubts: 0,
            posts: 0,
            listening: 0,
            leases_shaken: false,
            policy: ErrorPolicy::built_in(),
            made: Vec::new(),
            statuses: Vec::new(),
            lately: BTreeMap::new(),
            pace: plan.pace,
            paces: Vec::new(),
            // A wall that is stepped by hours moves the 24 hours.
            budget: (plan.messaging_limit && !plan.wall_steps && !plan.second_sender).then_some(50),
        }
    }

    /// Tells of a broadcast before it is in the store.
    pub fn made(&mut self, id: &BroadcastId) {
        self.made.push(id.clone());
        self.statuses.push((BroadcastStatus::Preparing, Instant::now()));
    }

    pub fn number(&self, id: &BroadcastId) -> usize {
        self.made.iter().position(|made| made == id).unwrap_or(usize::MAX)
    }

    pub fn person(&mut self, id: &BroadcastId, seq: u32) -> &mut Person {
        self.people.entry((id.clone(), seq)).or_default()
    }

    pub fn attempt(&mut self, id: &BroadcastId, seq: u32, attempt: u32) -> &mut Attempt {
        self.person(id, seq).attempts.entry(attempt).or_default()
    }

    /// An operator decided about somebody who was in doubt.
    pub fn decided(&mut self, id: &BroadcastId, seq: u32, attempt: u32, decision: DoubtDecision) {
        let person = self.person(id, seq);
        person.decided = Some(decision);
        if decision == DoubtDecision::SendAgain {
            person.excused = person.excused.max(attempt);
        }
    }

    /// Holds a message that is being written against the rules.
    pub fn check_write(&mut self, written: &Written<'_>) -> Vec<Broken> {
        let mut found = Vec::new();
        let (number, seq, attempt) = (self.number(written.broadcast), written.seq, written.attempt);
        let who = format!("b{number} #{seq} attempt {attempt} by p{}", written.process);
        self.writes += 1;

        let person = self.person(written.broadcast, seq);
        let excused = person.excused;
        let unproven = person.attempts.iter().find(|(number, before)| {
            **number >= attempt || (**number > excused && before.refused.is_none() && before.failed.is_none())
        });
        if let Some((number, before)) = unproven {
            found.push(broken("nobody twice", format!("{who}: attempt {number} may have reached them: {before:?}")));
        }
        person.attempts.insert(attempt, Attempt::default());

        // By a wall that is stepped a lease may end under its holder, who notices at the next renewal.
        let shaken = self.leases_shaken;
        let stands = written.standing.as_ref().is_some_and(|standing| match standing.state {
            RecipientState::Sending => standing.attempt == attempt,
            RecipientState::InDoubt => shaken && standing.attempt == attempt,
            // An operator said: send again, and the proof of the first message came after the second intent.
            state => excused > 0 && state.rung().is_some(),
        });
        if !stands {
            found.push(broken("an intent first", format!("{who}: the store has {:?}", written.standing)));
        }
        if written.fences.0 != written.fences.1 && !shaken {
            found.push(broken("only the holder writes", format!("{who}: fences {:?}", written.fences)));
        }
        found.extend(self.check_pace(written, &who));

        let (status, since) = self.statuses[number];
        let noticed = since.max(written.untroubled_since) + NOTICED_WITHIN;
        if status == BroadcastStatus::Paused && Instant::now() > noticed {
            let late = noticed.elapsed() + NOTICED_WITHIN;
            found.push(broken("a pause holds", format!("{who}: written {late:?} after the pause could be noticed")));
        }
        if status == BroadcastStatus::Completed && !shaken {
            found.push(broken("completed is final", format!("{who}: written after the completion")));
        }
        found
    }

    fn check_pace(&mut self, written: &Written<'_>, who: &str) -> Option<Broken> {
        let now = Instant::now();
        let limit = self.limit(now)?;
        // A wall that is set forward ends leases by it under their holder, who may write on until the next renewal:
        // then the pace holds for each process.
        let process = if self.leases_shaken { written.process } else { 0 };
        let lately = self.lately.entry((written.sender.to_owned(), process)).or_default();
        while lately.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            lately.pop_front();
        }
        lately.push_back(now);
        let within = lately.len();
        (within > limit).then(|| broken("never faster than allowed", format!("{who}: {within} in a second of {limit}")))
    }

    /// An operator sets another pace.
    pub fn change_pace(&mut self, pace: f64) {
        self.paces.push((self.pace, Instant::now()));
        self.pace = pace;
    }

    /// Messages in the second that ends now, at most: by the fastest pace that was in force in it. `None`: no limit.
    fn limit(&self, now: Instant) -> Option<usize> {
        let lately = self.paces.iter().filter(|(_, until)| now.duration_since(*until) < SECOND_AND_A_LOOK);
        let fastest = lately.map(|(pace, _)| *pace).fold(self.pace, f64::max);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 80")]
        (self.pace > 0.0).then(|| (fastest as usize).max(1))
    }

    /// Nothing of the messaging limit holds any more.
    pub fn lift_budget(&mut self) {
        self.budget = None;
    }

    /// The server took a message; whoever is in doubt does not count against the messaging limit.
    pub fn check_budget(&mut self) -> Option<Broken> {
        self.taken += 1;
        let most = self.budget? + self.doubts;
        (self.taken > most).then(|| broken("within the messaging limit", format!("{} taken of {most}", self.taken)))
    }

    /// Holds a recipient's move against the rules.
    pub fn check_move(&mut self, moved: &Moved) -> Option<Broken> {
        use RecipientState::{Cancelled, Failed, InDoubt, Queued};
        let (from, to) = (moved.from, moved.to);
        let who = format!("b{} #{} {} → {}", self.number(&moved.broadcast), moved.seq, from.word(), to.word());
        let by_way = to == Cancelled && from.may_become(Queued);
        if !from.may_become(to) && !by_way {
            return Some(broken("only legal moves", who));
        }
        if to == InDoubt {
            self.doubts += 1;
        }
        if to == Failed {
            return self.check_failure(moved, &who);
        }
        None
    }

    /// Nobody fails for waiting: there is a refusal, and its code is one that fails.
    fn check_failure(&mut self, moved: &Moved, who: &str) -> Option<Broken> {
        let is_final = self.statuses[self.number(&moved.broadcast)].0.is_final();
        let person = self.person(&moved.broadcast, moved.seq);
        if person.decided == Some(DoubtDecision::GiveUp) {
            return None;
        }
        let attempt = person.attempts.get(&moved.attempt).cloned().unwrap_or_default();
        let Some(code) = attempt.refused.or(attempt.failed) else {
            return Some(broken("waiting is not failing", format!("{who}: nothing was refused: {attempt:?}")));
        };
        let rule = self.policy.rule_for(code, None, Some(400), false);
        let may_fail = match rule.action {
            Action::Fail | Action::FailRetryLater => true,
            Action::Retry => moved.attempt >= rule.max_tries,
            Action::PauseBroadcast(_) => rule.one_row,
            _ => false,
        };
        // After the end nobody is queued again by a receipt.
        let by_receipt_after_the_end = attempt.failed.is_some() && is_final;
        (!may_fail && !by_receipt_after_the_end)
            .then(|| broken("waiting is not failing", format!("{who} for code {code}")))
    }

    /// Holds the broadcasts' statuses against the rules.
    pub fn check_statuses(
        &mut self,
        now: &[(BroadcastId, BroadcastStatus, u64, u64, u64)],
        changed: impl Fn(usize, BroadcastStatus, BroadcastStatus),
    ) -> Vec<Broken> {
        let mut found = Vec::new();
        for (id, status, open, stored, total) in now {
            let number = self.number(id);
            if *status != BroadcastStatus::Preparing && *status != BroadcastStatus::Paused && stored != total {
                found.push(broken("nobody lost", format!("b{number}: {stored} of {total} are in some state")));
            }
            if *status == BroadcastStatus::Completed && *open > 0 {
                found.push(broken("completed is final", format!("b{number} is completed and {open} wait")));
            }
            let (before, _) = self.statuses[number];
            if before == *status {
                continue;
            }
            if !before.may_become(*status) {
                let words = format!("b{number} {} → {}", before.word(), status.word());
                found.push(broken("only legal moves", words));
            }
            changed(number, before, *status);
            self.statuses[number] = (*status, Instant::now());
        }
        found
    }

    /// At the end: what the store says was priced, against what the server said.
    pub fn check_prices(&self, id: &BroadcastId, stored: &[Priced]) -> Option<Broken> {
        let mut counted: BTreeMap<Pricing, u64> = BTreeMap::new();
        let people = self.people.iter().filter(|((broadcast, _), _)| broadcast == id);
        for attempt in people.flat_map(|(_, person)| person.attempts.values()) {
            let [_, delivered, read] = attempt.told;
            if delivered.is_none() && read.is_none() {
                continue;
            }
            if let Some(pricing) = attempt.told.iter().rev().find_map(|told| told.flatten()) {
                *counted.entry(pricing).or_default() += 1;
            }
        }
        let told = pricing::listed(counted);
        let words = || format!("b{}: {stored:?} are stored, {told:?} were told", self.number(id));
        (stored != told).then(|| broken("each message priced once", words()))
    }

    /// At the end: what the store says of somebody against what the server knows.
    pub fn check_end(&self, id: &BroadcastId, seq: u32, standing: &Standing) -> Option<Broken> {
        use RecipientState::{Failed, InDoubt, Queued, Sending, Skipped};
        let nobody = Person::default();
        let person = self.people.get(&(id.clone(), seq)).unwrap_or(&nobody);
        let state = standing.state;
        let words = || format!("b{} #{seq} is {} at the end: {person:?}", self.number(id), state.word());
        if matches!(state, Queued | Sending | Skipped) {
            return Some(broken("everything ends", words()));
        }
        if person.decided.is_some() {
            return None;
        }
        let reached = |attempt: &&Attempt| attempt.taken && attempt.failed.is_none();
        let on_ladder = state.rung().is_some();
        match person.attempts.values().find(reached) {
            Some(attempt) if state == InDoubt => {
                (!attempt.without_receipts).then(|| broken("doubts are settled", words()))
            }
            Some(_) if !on_ladder => Some(broken("nobody lost", words())),
            None if on_ladder => Some(broken("no proof of nothing", words())),
            None if state == Failed && person.attempts.is_empty() => Some(broken("waiting is not failing", words())),
            _ => None,
        }
    }
}
