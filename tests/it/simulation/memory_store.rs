//! The ledger in memory: an engine behind the `Store` trait that is deterministic to the last step.
//!
//! It answers at once, reads no clock but the one it is given (for leases), and keeps everything in ordered
//! maps. It passes the contract suite like the engines that people use. Every move of a recipient is put on
//! record for whoever checks ([`MemoryStore::take_moves`]).

mod broadcasts;
mod intents;
mod leases;
mod ledger;
mod numbers;
mod odds;
mod opt_outs;
mod people;
mod receipts;
mod reports;

pub use ledger::{Moved, Standing};

use async_trait::async_trait;
use ledger::Ledger;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use wacast::domain::audit::{Act, Entry};
use wacast::domain::broadcast::{Broadcast, Counts, Definition, Number, UploadId};
use wacast::domain::ids::{BroadcastId, ScheduleId, StoreId};
use wacast::domain::opt_out::{Change, Event, Kinds, Noted, OptedOut};
use wacast::domain::phone::Phone;
use wacast::domain::pricing::Priced;
use wacast::domain::schedule::Schedule;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::template::Template;
use wacast::domain::time::Millis;
use wacast::store::{
    AttemptPlace, AttemptRow, AudiencePlace, BroadcastMade, DoubtDecision, FoldReport, Holder, Intent, KeptReject,
    Lease, LeaseAnswer, LeaseView, ListSummary, LogRow, LookedThrough, NewBroadcast, NewRecipient, NewUpload, Outcome,
    RawReceipt, ReceiptMove, RecipientRow, RejectCause, Result, Store, StoredReceipt, SyncedTemplates, UploadBegun,
    UploadDetails, UploadReport, UploadRow, UploadSummary, Whereabouts,
};

/// Where the time of leases comes from.
pub type LeaseTime = Arc<dyn Fn() -> Millis + Send + Sync>;

/// See the module's documentation.
pub struct MemoryStore {
    id: StoreId,
    lease_time: LeaseTime,
    ledger: Mutex<Ledger>,
}

impl MemoryStore {
    /// An empty one; `random` makes its id.
    pub fn new(random: u64, lease_time: LeaseTime) -> Self {
        Self { id: StoreId::from_random(random), lease_time, ledger: Mutex::default() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// The moves since this was last asked.
    pub fn take_moves(&self) -> Vec<Moved> {
        std::mem::take(&mut self.ledger().moves)
    }

    /// Where a recipient stands.
    pub fn standing(&self, id: &BroadcastId, seq: u32) -> Option<Standing> {
        self.ledger().find(id).and_then(|found| found.people.get(seq as usize).cloned())
    }

    /// Every broadcast: its status, those queued or sending, those stored, its total.
    pub fn statuses(&self) -> Vec<(BroadcastId, BroadcastStatus, u64, u64, u64)> {
        let of = |kept: &ledger::Kept| {
            let (broadcast, counts) = (&kept.broadcast, kept.counts());
            (broadcast.id.clone(), broadcast.status, counts.open(), counts.total(), u64::from(broadcast.total))
        };
        self.ledger().broadcasts.iter().map(of).collect()
    }

    /// The newest fence of a sender, and whether somebody has it.
    pub fn fence(&self, sender: &str) -> (u64, bool) {
        self.ledger().leases.get(sender).map_or((0, false), |kept| (kept.fence, kept.holder.is_some()))
    }

    /// The soonest retry of all broadcasts that are not final.
    pub fn soonest_due(&self) -> Option<Millis> {
        let ledger = self.ledger();
        ledger.broadcasts.iter().filter_map(|kept| ledger.next_due(&kept.broadcast.id).ok().flatten()).min()
    }

    /// Puts somebody back to the queue against all rules; for sabotage.
    pub fn corrupt(&self, id: &BroadcastId, seq: u32) {
        if let Ok(kept) = self.ledger().known_mut(id) {
            kept.people[seq as usize].state = RecipientState::Queued;
        }
    }

    /// Declares a broadcast completed against all rules; for sabotage.
    pub fn corrupt_status(&self, id: &BroadcastId) {
        if let Ok(kept) = self.ledger().known_mut(id) {
            kept.broadcast.status = BroadcastStatus::Completed;
        }
    }

    /// Recipients with an intent of this fence and no outcome.
    pub fn open_intents(&self, sender: &str, fence: u64) -> usize {
        self.ledger().open_intents(sender, fence)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn whereabouts(&self) -> Result<Whereabouts> {
        Ok(Whereabouts { place: format!("memory {}", self.id), ..Whereabouts::default() })
    }

    async fn free_bytes(&self) -> Option<u64> {
        Some(1 << 40)
    }

    async fn begin_upload(&self, upload: NewUpload, now: Millis) -> Result<UploadBegun> {
        Ok(self.ledger().begin_upload(upload, now))
    }

    async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
        self.ledger().known_phones(upload, phones)
    }

    async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Result<()> {
        self.ledger().add_rows(upload, rows)
    }

    async fn finish_upload(&self, upload: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary> {
        self.ledger().finish_upload(upload, report, now)
    }

    async fn abandon_upload(&self, upload: UploadId) -> Result<()> {
        self.ledger().abandon_upload(upload)
    }

    async fn sweep_uploads(&self, before: Millis) -> Result<u64> {
        Ok(self.ledger().sweep_uploads(before))
    }

    async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary> {
        self.ledger().undo_upload(upload)
    }

    async fn clear_uploads(&self) -> Result<bool> {
        Ok(false)
    }

    async fn upload(&self, upload: UploadId) -> Result<UploadDetails> {
        self.ledger().upload_details(upload)
    }

    async fn add_rejects(&self, upload: UploadId, rejects: Vec<KeptReject>) -> Result<()> {
        self.ledger().add_rejects(upload, rejects)
    }

    async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>> {
        self.ledger().rejects(upload, cause, after, limit)
    }

    async fn reject_causes(&self, upload: UploadId) -> Result<Vec<RejectCause>> {
        self.ledger().reject_causes(upload)
    }

    async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
        self.ledger().claim_rejects(upload, rows, by)
    }

    async fn lists(&self) -> Result<Vec<ListSummary>> {
        Ok(self.ledger().lists())
    }

    async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
        Ok(self.ledger().uploads(list, limit))
    }

    async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        self.ledger().audience_uploads(list)
    }

    async fn audience_size(&self, uploads: &[UploadId]) -> Result<u64> {
        Ok(self.ledger().audience(uploads).len() as u64)
    }

    async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<Vec<(AudiencePlace, Number)>> {
        Ok(self.ledger().audience_page(uploads, after, limit))
    }

    async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<LookedThrough> {
        Ok(self.ledger().look_through(uploads, after, limit))
    }

    async fn rows_with(&self, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>> {
        Ok(self.ledger().rows_with(phones, limit))
    }

    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()> {
        self.ledger().put_templates(templates, now);
        Ok(())
    }

    async fn change_template(&self, before: &Template, after: &Template) -> Result<bool> {
        Ok(self.ledger().change_template(before, after))
    }

    async fn templates(&self) -> Result<SyncedTemplates> {
        Ok(self.ledger().templates())
    }

    async fn make_broadcast(&self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade> {
        self.ledger().make_broadcast(new, now)
    }

    async fn start_broadcast(&self, id: &BroadcastId, definition: Definition, total: u32) -> Result<Broadcast> {
        self.ledger().start_broadcast(id, definition, total)
    }

    async fn add_recipients(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: Vec<NewRecipient>,
        place: AudiencePlace,
    ) -> Result<()> {
        self.ledger().add_recipients(lease, id, from, recipients, place)
    }

    async fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
        self.ledger().frozen_so_far(id)
    }

    async fn begin_running(&self, lease: &Lease, id: &BroadcastId, total: u32, now: Millis) -> Result<Broadcast> {
        self.ledger().begin_running(lease, id, total, now)
    }

    async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast> {
        self.ledger().pause(id, reason, detail, resume_at)
    }

    async fn resume(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        self.ledger().resume(id, now)
    }

    async fn cancel(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        self.ledger().cancel(id, now)
    }

    async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
        self.ledger().complete(lease, id, now)
    }

    async fn broadcast(&self, id: &BroadcastId) -> Result<Broadcast> {
        Ok(self.ledger().known(id)?.broadcast.clone())
    }

    async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<Broadcast>> {
        Ok(self.ledger().broadcasts(open_only, limit))
    }

    async fn counts(&self, id: &BroadcastId) -> Result<Counts> {
        Ok(self.ledger().known(id)?.counts())
    }

    async fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
        self.ledger().failures(id)
    }

    async fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
        self.ledger().skips(id)
    }

    async fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>> {
        self.ledger().prices(id)
    }

    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        self.ledger().recipients(id, state, after, limit)
    }

    async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>> {
        Ok(self.ledger().broadcasts_to(phones, limit))
    }

    async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>> {
        self.ledger().recipients_among(phones, ids)
    }

    async fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
        self.ledger().attempts(id, seq)
    }

    async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.ledger().log(id, after, limit)
    }

    async fn attempts_of(&self, wamids: &[String]) -> Result<Vec<AttemptPlace>> {
        Ok(self.ledger().attempts_of(wamids))
    }

    async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        Ok(self.ledger().log_tail(limit))
    }

    async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Result<LeaseAnswer> {
        let now = (self.lease_time)();
        Ok(self.ledger().take_lease(subject, holder, now, ttl_ms, holder_is_gone))
    }

    async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Result<()> {
        let now = (self.lease_time)();
        self.ledger().renew_lease(lease, now.plus(ttl_ms), status)
    }

    async fn release_lease(&self, lease: &Lease) -> Result<()> {
        self.ledger().release_lease(lease)
    }

    async fn lease(&self, subject: &str) -> Result<Option<LeaseView>> {
        let now = (self.lease_time)();
        Ok(self.ledger().lease(subject, now))
    }

    async fn recover(&self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
        self.ledger().recover(lease, now)
    }

    async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>> {
        self.ledger().open_window(lease, id, limit, held_back, now)
    }

    async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &[(u32, u32)]) -> Result<u64> {
        let now = (self.lease_time)();
        self.ledger().requeue_unheld(lease, id, held, now)
    }

    async fn windows_opened(&self, subject: &str) -> Result<u64> {
        Ok(self.ledger().windows_opened(subject))
    }

    async fn doubt_queued(&self, lease: &Lease, id: &BroadcastId, through: Option<u32>, now: Millis) -> Result<u64> {
        self.ledger().doubt_queued(lease, id, through, now)
    }

    async fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>> {
        self.ledger().next_due(id)
    }

    async fn settle(&self, lease: &Lease, outcomes: Vec<Outcome>) -> Result<()> {
        self.ledger().settle(lease, &outcomes);
        Ok(())
    }

    async fn people_reached(&self, since: Millis) -> Result<Vec<(Millis, u64)>> {
        Ok(self.ledger().people_reached(since))
    }

    async fn reached_among(&self, phones: &[Phone], since: Millis) -> Result<Vec<usize>> {
        Ok(self.ledger().reached_among(phones, since))
    }

    async fn decide_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64> {
        self.ledger().decide_doubts(id, seqs, decision, word, now)
    }

    async fn append_receipts(&self, receipts: Vec<RawReceipt>) -> Result<()> {
        self.ledger().append_receipts(receipts);
        Ok(())
    }

    async fn receipts_backlog(&self) -> Result<u64> {
        Ok(self.ledger().receipts.len() as u64)
    }

    async fn receipts_backlog_bytes(&self) -> Result<u64> {
        Ok(self.ledger().receipts.values().map(|receipt| receipt.body.len() as u64).sum())
    }

    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>> {
        Ok(self.ledger().stored_receipts(limit))
    }

    async fn fold_receipts(&self, lease: &Lease, moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport> {
        self.ledger().fold_receipts(lease, &moves, up_to)
    }

    async fn note_opt_outs(&self, changes: Vec<Change>) -> Result<Vec<Noted>> {
        self.ledger().note_opt_outs(changes)
    }

    async fn learn_users(&self, known: Vec<(String, Phone)>) -> Result<u64> {
        Ok(self.ledger().learn_users(&known))
    }

    async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>> {
        Ok(self.ledger().opt_outs(search, after.unwrap_or_default(), limit))
    }

    async fn opted_out_people(&self) -> Result<u64> {
        Ok(self.ledger().opt_outs("", "", u32::MAX).len() as u64)
    }

    async fn opt_out_events(&self, person: &str) -> Result<Vec<Event>> {
        let record = self.ledger().opt_outs.get(person).cloned();
        Ok(record.unwrap_or_default().into_events())
    }

    async fn opted_out(&self, phones: &[Phone]) -> Result<Vec<Kinds>> {
        let ledger = self.ledger();
        Ok(phones.iter().map(|phone| ledger.opted_out(*phone)).collect())
    }

    async fn add_schedule(&self, schedule: &Schedule) -> Result<()> {
        self.ledger().add_schedule(schedule)
    }

    async fn schedules(&self) -> Result<Vec<Schedule>> {
        Ok(self.ledger().schedules())
    }

    async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool> {
        self.ledger().advance_schedule(id, fired, next)
    }

    async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()> {
        self.ledger().enable_schedule(id, enabled, next)
    }

    async fn append_act(&self, act: Act) -> Result<Entry> {
        Ok(self.ledger().append_act(act))
    }

    async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        Ok(self.ledger().audit_trail(after, limit))
    }

    async fn put_note(&self, key: &str, value: &str) -> Result<()> {
        self.ledger().notes.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn note(&self, key: &str) -> Result<Option<String>> {
        Ok(self.ledger().notes.get(key).cloned())
    }

    async fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        let notes = &self.ledger().notes;
        Ok(notes.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    async fn close(&self) {}
}
