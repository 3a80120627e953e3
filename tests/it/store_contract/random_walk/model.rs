//! What the ledger should hold, by the plainest means: a state, an attempt and a count of tries a person.
//!
//! Every move of the model is held against the table of legal moves.

use std::collections::{BTreeMap, BTreeSet};
use wacast::domain::broadcast::Counts;
use wacast::domain::pricing::{self, Priced, Pricing};
use wacast::domain::state::BroadcastStatus;
use wacast::domain::state::RecipientState::{
    self, Accepted, Cancelled, Delivered, Failed, InDoubt, Queued, Read, Sending, Sent,
};
use wacast::domain::time::Millis;
use wacast::store::{DoubtDecision, Evidence, Intent, Verdict};

/// One person.
#[derive(Debug, Clone)]
pub struct Person {
    pub state: RecipientState,
    /// The newest attempt whose number will not be used again.
    pub attempt: u32,
    /// The highest number that was ever granted.
    pub granted: u32,
    /// Whether there ever was an intent, also one that was taken back.
    pub begun: bool,
    pub tries: u32,
    pub due: Option<Millis>,
}

/// One broadcast.
pub struct Model {
    pub people: Vec<Person>,
    pub status: BroadcastStatus,
    pub now: Millis,
    /// Intents of which no answer has been told yet.
    pub unanswered: Vec<Intent>,
    /// Attempts of which the log must have a row.
    pub logged: BTreeSet<(u32, u32)>,
    /// Attempts of which a `failed` receipt was folded.
    pub undelivered: BTreeSet<(u32, u32)>,
    /// What `sent`, `delivered` and `read` of each attempt said of its price; `None`: there was no such receipt.
    #[expect(clippy::option_option, reason = "a receipt that names no price is not the same as no receipt")]
    pub told: BTreeMap<(u32, u32), [Option<Option<Pricing>>; 3]>,
}

impl Model {
    pub fn new(people: usize, now: Millis) -> Self {
        let person = Person { state: Queued, attempt: 0, granted: 0, begun: false, tries: 0, due: None };
        Self {
            people: vec![person; people],
            status: BroadcastStatus::Running,
            now,
            unanswered: vec![],
            logged: BTreeSet::new(),
            undelivered: BTreeSet::new(),
            told: BTreeMap::new(),
        }
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for person in &self.people {
            counts.add(person.state, 1);
        }
        counts
    }

    /// How many may be granted an intent now.
    pub fn due(&self) -> usize {
        let due = |person: &&Person| person.state == Queued && person.due.is_none_or(|due| due <= self.now);
        self.people.iter().filter(due).count()
    }

    /// Grants an intent that the store granted.
    pub fn grant(&mut self, intent: &Intent) {
        let person = &mut self.people[intent.seq as usize];
        assert_eq!(person.state, Queued, "an intent for somebody who does not wait: {intent:?}");
        assert!(person.due.is_none_or(|due| due <= self.now), "not due yet: {intent:?}");
        let numbers = person.attempt + 1..=person.granted + 1;
        assert!(numbers.contains(&intent.attempt), "attempt {} not of {numbers:?}", intent.attempt);
        assert_eq!(intent.tries, person.tries, "{intent:?}");
        (person.attempt, person.granted) = (intent.attempt, intent.attempt.max(person.granted));
        (person.due, person.begun) = (None, true);
        self.turn(intent.seq, Sending);
        self.unanswered.push(intent.clone());
    }

    /// Settles an outcome; `newest`: the lease is.
    pub fn settle(&mut self, seq: u32, attempt: u32, verdict: &Verdict, newest: bool) {
        let person = &mut self.people[seq as usize];
        let (current, state) = (person.attempt == attempt, person.state);
        let settles = current && matches!(state, Sending | InDoubt);
        match verdict {
            Verdict::Accepted { .. } | Verdict::Failed { .. } => {
                self.logged.insert((seq, attempt));
                if settles {
                    self.turn(seq, if matches!(verdict, Verdict::Failed { .. }) { Failed } else { Accepted });
                }
            }
            Verdict::InDoubt { .. } if current && state == Sending => self.turn(seq, InDoubt),
            Verdict::Retry { due, counts, .. } if newest && current && state == Sending => {
                person.tries += u32::from(*counts);
                person.due = Some(*due);
                self.logged.insert((seq, attempt));
                self.queue(seq);
            }
            Verdict::Unsent { due } if newest && current && state == Sending => {
                person.due = *due;
                // Here it must be the same number again.
                person.granted = attempt - 1;
                self.give_number_back(seq);
            }
            _ => {}
        }
    }

    /// The intent never left: its number is free again.
    pub fn give_number_back(&mut self, seq: u32) {
        let person = &mut self.people[seq as usize];
        person.attempt -= 1;
        self.unanswered.retain(|intent| intent.seq != seq || intent.attempt <= person.attempt);
        self.queue(seq);
    }

    /// Whether it is laid down what this receipt does.
    pub fn is_clear(&self, seq: u32, attempt: u32, evidence: &Evidence) -> bool {
        let person = &self.people[seq as usize];
        let again = matches!(evidence, Evidence::Failed { retry: Some(_), .. });
        !again || person.state != Failed || attempt != person.attempt
    }

    /// Folds a receipt; whether somebody moved.
    pub fn fold(&mut self, seq: u32, attempt: u32, evidence: &Evidence) -> bool {
        let is_final = self.status.is_final();
        let person = &mut self.people[seq as usize];
        let (newest, state) = (attempt == person.attempt, person.state);
        self.logged.insert((seq, attempt));
        match evidence {
            Evidence::Reached(proven) => {
                let higher = state.rung().is_none_or(|rung| Some(rung) < proven.rung());
                let sent = newest && state != Failed && !self.undelivered.contains(&(seq, attempt));
                let counts = *proven != Sent || sent;
                if !higher || !counts {
                    return false;
                }
                person.due = None;
                self.turn(seq, *proven);
            }
            Evidence::Failed { counts, .. } => {
                self.undelivered.insert((seq, attempt));
                if !newest || !matches!(state, Sending | Accepted | Sent | InDoubt) {
                    return false;
                }
                match evidence.retry_after(person.tries) {
                    Some(due) if !is_final => {
                        person.tries += u32::from(*counts);
                        person.due = Some(due);
                        self.turn(seq, Queued);
                    }
                    _ => self.turn(seq, Failed),
                }
            }
        }
        true
    }

    /// A receipt that got somewhere, and what it says of the price.
    pub fn price(&mut self, seq: u32, attempt: u32, state: RecipientState, pricing: Option<Pricing>) {
        let told = self.told.entry((seq, attempt)).or_default();
        let said = &mut told[if state == Sent { 0 } else { 1 + usize::from(state == Read) }];
        *said = Some(pricing.or(said.flatten()));
    }

    /// How many messages are priced how.
    pub fn prices(&self) -> Vec<Priced> {
        let mut counted: BTreeMap<Pricing, u64> = BTreeMap::new();
        for told in self.told.values().filter(|told| told[1].is_some() || told[2].is_some()) {
            if let Some(pricing) = told.iter().rev().find_map(|said| said.flatten()) {
                *counted.entry(pricing).or_default() += 1;
            }
        }
        pricing::listed(counted)
    }

    /// An operator's word on somebody in doubt.
    pub fn decide(&mut self, seq: u32, decision: DoubtDecision) {
        match decision {
            DoubtDecision::CountAsSent => self.turn(seq, Accepted),
            DoubtDecision::GiveUp => self.turn(seq, Failed),
            DoubtDecision::SendAgain => {
                self.people[seq as usize].due = Some(self.now);
                self.turn(seq, Queued);
            }
        }
    }

    /// Puts whoever waits and had an intent, or is among the first, in doubt. Returns how many.
    pub fn doubt_queued(&mut self, through: Option<u32>) -> u64 {
        let mut doubted = 0;
        for seq in self.with(Queued) {
            let person = &mut self.people[seq as usize];
            if person.begun || through.is_some_and(|through| seq <= through) {
                (person.attempt, person.due) = (person.attempt + 1, None);
                (person.granted, person.begun) = (person.granted.max(person.attempt), true);
                self.turn(seq, InDoubt);
                doubted += 1;
            }
        }
        doubted
    }

    /// Cancels the broadcast.
    pub fn cancel(&mut self) {
        self.status = BroadcastStatus::Cancelled;
        for seq in self.with(Queued) {
            self.turn(seq, Cancelled);
        }
    }

    /// Whoever is in this state, rising.
    pub fn with(&self, state: RecipientState) -> Vec<u32> {
        (0..).zip(&self.people).filter(|(_, person)| person.state == state).map(|(seq, _)| seq).collect()
    }

    fn queue(&mut self, seq: u32) {
        self.turn(seq, Queued);
        if self.status == BroadcastStatus::Cancelled {
            self.turn(seq, Cancelled);
        }
    }

    /// Moves somebody, legally.
    pub fn turn(&mut self, seq: u32, next: RecipientState) {
        let state = &mut self.people[seq as usize].state;
        assert!(state.may_become(next), "the model is wrong: {} → {}", state.word(), next.word());
        *state = next;
    }
}

/// What a receipt says of the price, or that it says nothing.
pub fn any_pricing(dice: &mut fastrand::Rng) -> Option<Pricing> {
    let kind = ["regular", "free_customer_service"][dice.usize(0..2)];
    Pricing::of(["marketing", "utility"][dice.usize(0..2)], kind, None).filter(|_| dice.u8(0..4) > 0)
}

/// A receipt's evidence, any of them.
pub fn any_evidence(dice: &mut fastrand::Rng, due: Millis) -> Evidence {
    match dice.u8(0..6) {
        0 | 1 => Evidence::Reached(Sent),
        2 => Evidence::Reached(Delivered),
        3 => Evidence::Reached(Read),
        4 => Evidence::Failed {
            code: 131_026,
            response: String::new(),
            retry: None,
            counts: false,
            max_tries: 0,
            retry_at: None,
        },
        _ => {
            let (counts, max_tries, retry) = (dice.bool(), dice.u32(0..5), Some(due));
            Evidence::Failed { code: 131_049, response: String::new(), retry, counts, max_tries, retry_at: None }
        }
    }
}
