//! What the ledger holds, and the one function that moves a recipient.

use super::intents::QUARTER;
use std::collections::{BTreeMap, BTreeSet};
use wacast::domain::audit::Entry;
use wacast::domain::broadcast::{Broadcast, Counts, Number};
use wacast::domain::ids::{BroadcastId, ScheduleId};
use wacast::domain::opt_out::Record;
use wacast::domain::phone::Phone;
use wacast::domain::pricing::Mark;
use wacast::domain::schedule::Schedule;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::Millis;
use wacast::store::{
    AudiencePlace, Holder, KeptReject, NewUpload, RawReceipt, Result, StoreError, SyncedTemplates, UploadReport,
};

/// A recipient.
#[derive(Debug, Clone)]
pub struct Standing {
    pub phone: Phone,
    pub name: String,
    pub values: Vec<String>,
    pub state: RecipientState,
    pub attempt: u32,
    pub tries: u32,
    pub due: Option<Millis>,
    pub code: i64,
    pub detail: String,
    pub changed_at: Option<Millis>,
    /// The fence of the newest intent.
    pub fence: u64,
}

/// A move of a recipient.
#[derive(Debug, Clone)]
pub struct Moved {
    pub broadcast: BroadcastId,
    pub seq: u32,
    pub from: RecipientState,
    /// As it stands after the move.
    pub to: RecipientState,
    pub attempt: u32,
}

/// An upload and its rows.
pub(super) struct Upload {
    pub(super) new: NewUpload,
    pub(super) begun_at: Millis,
    pub(super) finished: Option<(Millis, UploadReport)>,
    pub(super) rows: BTreeMap<u32, Number>,
    /// By row, with the upload that has it by now.
    pub(super) rejects: BTreeMap<u32, (KeptReject, Option<u32>)>,
}

/// A broadcast and its recipients, by seq.
pub(super) struct Kept {
    pub(super) broadcast: Broadcast,
    pub(super) people: Vec<Standing>,
    pub(super) place: Option<AudiencePlace>,
    pub(super) fixed: bool,
    pub(super) idempotency: Option<(String, String)>,
}

impl Kept {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for person in &self.people {
            counts.add(person.state, 1);
        }
        counts
    }

    /// What becomes of whoever would be queued again.
    pub(super) fn queued_or_cancelled(&self) -> RecipientState {
        if self.broadcast.status == BroadcastStatus::Cancelled {
            RecipientState::Cancelled
        } else {
            RecipientState::Queued
        }
    }
}

/// A row of the log.
pub(super) struct LogEntry {
    pub(super) broadcast: BroadcastId,
    pub(super) seq: u32,
    pub(super) number: u32,
    pub(super) phone: Phone,
    pub(super) sent: bool,
    pub(super) at: Millis,
    pub(super) code: i64,
    pub(super) from_receipt: bool,
    pub(super) wamid: String,
    pub(super) response: String,
}

/// A lease; without a holder it was given back.
pub(super) struct KeptLease {
    pub(super) fence: u64,
    pub(super) holder: Option<Holder>,
    pub(super) ends_at: Millis,
    pub(super) status: String,
}

/// Everything.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) uploads: BTreeMap<u32, Upload>,
    pub(super) uploads_made: u32,
    /// In the order in which they were made.
    pub(super) broadcasts: Vec<Kept>,
    pub(super) leases: BTreeMap<String, KeptLease>,
    pub(super) windows: BTreeMap<String, u64>,
    pub(super) log: Vec<LogEntry>,
    /// Where an attempt's row stands in the log.
    pub(super) rows: BTreeMap<(BroadcastId, u32, u32), usize>,
    /// Attempts of which a receipt said that they failed.
    pub(super) undelivered: BTreeSet<(BroadcastId, u32, u32)>,
    /// What receipts said of the price of each attempt.
    pub(super) marks: BTreeMap<(BroadcastId, u32, u32), Mark>,
    /// The newest quarter hour in which each person was reached, or may have been.
    pub(super) reached: BTreeMap<Phone, i64>,
    pub(super) receipts: BTreeMap<u64, RawReceipt>,
    pub(super) receipts_made: u64,
    pub(super) schedules: BTreeMap<ScheduleId, Schedule>,
    pub(super) synced: SyncedTemplates,
    pub(super) notes: BTreeMap<String, String>,
    pub(super) trail: Vec<Entry>,
    /// By person.
    pub(super) opt_outs: BTreeMap<String, Record>,
    pub(super) opt_out_events: u64,
    pub(super) users: BTreeMap<String, Phone>,
    pub(super) moves: Vec<Moved>,
}

/// What a recipient is to become; what is not said anew is blank.
#[derive(Clone)]
pub(super) struct Next {
    pub(super) state: RecipientState,
    pub(super) attempt: u32,
    pub(super) tries: u32,
    pub(super) due: Option<Millis>,
    pub(super) code: i64,
    pub(super) detail: String,
}

impl Next {
    pub(super) fn of(standing: &Standing, state: RecipientState) -> Self {
        let (attempt, tries) = (standing.attempt, standing.tries);
        Self { state, attempt, tries, due: None, code: 0, detail: String::new() }
    }

    pub(super) fn because(self, code: i64, detail: &str) -> Self {
        Self { code, detail: detail.to_owned(), ..self }
    }
}

impl Ledger {
    pub(super) fn find(&self, id: &BroadcastId) -> Option<&Kept> {
        self.broadcasts.iter().find(|kept| kept.broadcast.id == *id)
    }

    pub(super) fn known(&self, id: &BroadcastId) -> Result<&Kept> {
        self.find(id).ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))
    }

    pub(super) fn known_mut(&mut self, id: &BroadcastId) -> Result<&mut Kept> {
        let found = self.broadcasts.iter_mut().find(|kept| kept.broadcast.id == *id);
        found.ok_or_else(|| StoreError::NotFound(format!("broadcast {id}")))
    }

    /// Moves a recipient if the table of moves lets it; the only place that does.
    pub(super) fn turn(&mut self, id: &BroadcastId, seq: u32, next: Next, at: Millis) -> bool {
        let Ok(kept) = self.known_mut(id) else { return false };
        let person = &mut kept.people[seq as usize];
        let from = person.state;
        // Cancelled by way of queued: who comes back after the cancel.
        let by_way = next.state == RecipientState::Cancelled && from.may_become(RecipientState::Queued);
        if !by_way && !from.may_become(next.state) {
            return false;
        }
        let Next { state, attempt, tries, due, code, detail } = next;
        (person.state, person.attempt, person.tries) = (state, attempt, tries);
        (person.due, person.code, person.detail) = (due, code, detail);
        person.changed_at = Some(at);
        let phone = person.phone;
        self.moves.push(Moved { broadcast: id.clone(), seq, from, to: state, attempt });
        // Whoever a restored backup brings into doubt was written to at a time that is not known.
        if state == RecipientState::InDoubt && from != RecipientState::Queued {
            self.reach(phone, at);
        }
        true
    }

    /// Notes that somebody was reached, or may have been.
    pub(super) fn reach(&mut self, phone: Phone, at: Millis) {
        let quarter = at.0.div_euclid(QUARTER);
        let newest = self.reached.entry(phone).or_insert(quarter);
        *newest = quarter.max(*newest);
    }

    pub(super) fn open_intents(&self, sender: &str, fence: u64) -> usize {
        let open = |person: &&Standing| person.state == RecipientState::Sending && person.fence == fence;
        let of_sender = self.broadcasts.iter().filter(|kept| kept.broadcast.definition.sender == sender);
        of_sender.map(|kept| kept.people.iter().filter(open).count()).sum()
    }
}
