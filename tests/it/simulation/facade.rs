//! The store as one process sees it: every operation may be slow, fail done or undone, or be the process's last.

use super::plan::Sabotage;
use super::process::Process;
use async_trait::async_trait;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};
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
    RawReceipt, ReceiptMove, RecipientRow, RejectCause, Result, Store, StoreError, StoredReceipt, SyncedTemplates,
    UploadBegun, UploadDetails, UploadReport, UploadRow, UploadSummary, Verdict, Whereabouts,
};

/// What a panic that the simulation asks for says; the tests keep it quiet.
pub const PANIC: &str = "simulated: a panic in the middle of an operation";

/// One process's view of the store.
pub struct Facade {
    process: Arc<Process>,
    /// For sabotage: intents that were granted before.
    before: Mutex<VecDeque<(Instant, Intent)>>,
}

/// What changes the status of a broadcast.
const CHANGE_STATUSES: [&str; 6] = ["begin_running", "pause", "resume", "cancel", "complete", "open_window"];

impl Facade {
    pub fn new(process: Arc<Process>) -> Self {
        Self { process, before: Mutex::default() }
    }

    fn inner(&self) -> &dyn Store {
        &self.process.world.store
    }

    fn sabotaged(&self, by: Sabotage) -> bool {
        self.process.world.plan.sabotage == Some(by)
    }

    /// One operation, with whatever happens before and after it.
    async fn step<T>(&self, name: &'static str, operation: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let (process, world) = (&self.process, &self.process.world);
        let plan = &world.plan;
        process.alive().await;
        let slow = world.strikes(plan.store_slow, 10_000);
        let (before, after) = {
            let mut dice = world.dice();
            let most = if slow { 3_000 } else { 4 };
            (dice.u64(0..most), dice.u64(0..most))
        };
        self.wait(before).await;
        if world.strikes(plan.crash, 10_000) {
            process.crash(name);
        }
        process.alive().await;
        if world.strikes(plan.panic, 10_000) {
            world.note(process.number, "panics", 0, || name.to_owned());
            panic!("{PANIC}");
        }
        let away = world.store_is_away() || world.strikes(plan.store_away, 10_000);
        let answered = !away;
        if away && (world.store_is_away() || world.dice().bool()) {
            world.note(process.number, "not done", 0, || name.to_owned());
            self.wait(before).await;
            process.troubled();
            return Err(StoreError::Unavailable("simulated, not done".to_owned()));
        }
        let result = operation.await;
        world.note(process.number, name, u64::from(result.is_ok()), || {
            result.as_ref().err().map(ToString::to_string).unwrap_or_default()
        });
        world.after_store(process.number, CHANGE_STATUSES.contains(&name));
        if world.strikes(plan.crash, 10_000) {
            process.crash(name);
        }
        self.wait(after).await;
        process.alive().await;
        if !answered {
            world.note(process.number, "done, unanswered", 0, || name.to_owned());
            process.troubled();
            return Err(StoreError::Unavailable("simulated, done".to_owned()));
        }
        result
    }

    async fn wait(&self, ms: u64) {
        if ms > 0 {
            sleep(Duration::from_millis(ms)).await;
        }
        if ms > 100 {
            self.process.troubled();
        }
    }

    fn check_unsettled(&self, lease: &Lease) {
        let world = &self.process.world;
        let most = world.plan.max_in_flight as usize * 2;
        let open = world.store.open_intents(&lease.subject, lease.fence);
        if open > most {
            world.break_rule("bounded doubt", || format!("{open} intents without an outcome, {most} are allowed"));
        }
    }
}

#[async_trait]
impl Store for Facade {
    fn id(&self) -> &StoreId {
        self.inner().id()
    }

    fn place(&self) -> String {
        self.inner().place()
    }

    async fn free_bytes(&self) -> Option<u64> {
        self.inner().free_bytes().await
    }

    async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
        self.step("uploads", self.inner().uploads(list, limit)).await
    }

    async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary> {
        self.step("undo_upload", self.inner().undo_upload(upload)).await
    }

    async fn clear_uploads(&self) -> Result<bool> {
        self.step("clear_uploads", self.inner().clear_uploads()).await
    }

    async fn upload(&self, upload: UploadId) -> Result<UploadDetails> {
        self.step("upload", self.inner().upload(upload)).await
    }

    async fn add_rejects(&self, upload: UploadId, rejects: Vec<KeptReject>) -> Result<()> {
        self.step("add_rejects", self.inner().add_rejects(upload, rejects)).await
    }

    async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>> {
        self.step("rejects", self.inner().rejects(upload, cause, after, limit)).await
    }

    async fn reject_causes(&self, upload: UploadId) -> Result<Vec<RejectCause>> {
        self.step("reject_causes", self.inner().reject_causes(upload)).await
    }

    async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
        self.step("claim_rejects", self.inner().claim_rejects(upload, rows, by)).await
    }

    async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<LookedThrough> {
        self.step("look_through", self.inner().look_through(uploads, after, limit)).await
    }

    async fn rows_with(&self, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>> {
        self.step("rows_with", self.inner().rows_with(phones, limit)).await
    }

    async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>> {
        self.step("broadcasts_to", self.inner().broadcasts_to(phones, limit)).await
    }

    async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>> {
        self.step("recipients_among", self.inner().recipients_among(phones, ids)).await
    }

    async fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
        self.step("attempts", self.inner().attempts(id, seq)).await
    }

    async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<Vec<(AudiencePlace, Number)>> {
        // Smaller pages than asked for, so that freezing takes several steps.
        self.step("audience_page", self.inner().audience_page(uploads, after, limit.min(20))).await
    }

    async fn add_recipients(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: Vec<NewRecipient>,
        place: AudiencePlace,
    ) -> Result<()> {
        self.step("add_recipients", self.inner().add_recipients(lease, id, from, recipients, place)).await
    }

    async fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
        self.step("frozen_so_far", self.inner().frozen_so_far(id)).await
    }

    async fn begin_running(&self, lease: &Lease, id: &BroadcastId, total: u32, now: Millis) -> Result<Broadcast> {
        self.step("begin_running", self.inner().begin_running(lease, id, total, now)).await
    }

    async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast> {
        self.step("pause", self.inner().pause(id, reason, detail, resume_at)).await
    }

    async fn resume(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        self.step("resume", self.inner().resume(id, now)).await
    }

    async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
        let early = self.sabotaged(Sabotage::CompletesEarly);
        let complete = async {
            if early {
                self.process.world.store.corrupt_status(id);
                return Ok(true);
            }
            self.inner().complete(lease, id, now).await
        };
        self.step("complete", complete).await
    }

    async fn broadcast(&self, id: &BroadcastId) -> Result<Broadcast> {
        self.step("broadcast", self.inner().broadcast(id)).await
    }

    async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<Broadcast>> {
        let mut found = self.step("broadcasts", self.inner().broadcasts(open_only, limit)).await?;
        if self.sabotaged(Sabotage::ForgetsPauses) {
            for broadcast in found.iter_mut().filter(|one| one.status == BroadcastStatus::Paused) {
                broadcast.status = BroadcastStatus::Running;
            }
        }
        Ok(found)
    }

    async fn counts(&self, id: &BroadcastId) -> Result<Counts> {
        self.step("counts", self.inner().counts(id)).await
    }

    async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Result<LeaseAnswer> {
        let answer = self.step("take_lease", self.inner().take_lease(subject, holder, ttl_ms, holder_is_gone)).await?;
        if let LeaseAnswer::Granted(lease) = &answer {
            self.process.granted(lease);
            let (number, fence) = (self.process.number, lease.fence);
            self.process.world.note(number, "holds", fence, || format!("{subject} under fence {fence}"));
        }
        Ok(answer)
    }

    async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Result<()> {
        self.step("renew_lease", self.inner().renew_lease(lease, ttl_ms, status)).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<()> {
        self.step("release_lease", self.inner().release_lease(lease)).await
    }

    async fn recover(&self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
        let found = self.step("recover", self.inner().recover(lease, now)).await?;
        if self.sabotaged(Sabotage::RequeuesTheOpen) {
            for (id, _) in &found {
                for row in self.inner().recipients(id, Some(RecipientState::InDoubt), None, 5_000).await? {
                    self.process.world.store.corrupt(id, row.seq);
                }
            }
        }
        Ok(found)
    }

    async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>> {
        let more = if self.sabotaged(Sabotage::GrantsTooMany) { limit * 50 } else { limit };
        let open = async {
            let paused = self.inner().broadcast(id).await?.status == BroadcastStatus::Paused;
            if paused && self.sabotaged(Sabotage::ForgetsPauses) {
                self.inner().resume(id, now).await?;
                let opened = self.inner().open_window(lease, id, more, held_back, now).await;
                self.inner().pause(id, PauseReason::Operator, "", None).await?;
                return opened;
            }
            let opened = self.inner().open_window(lease, id, more, held_back, now).await;
            self.check_unsettled(lease);
            opened
        };
        let mut intents = self.step("open_window", open).await?;
        if self.sabotaged(Sabotage::GrantsTwice) {
            let mut before = self.before.lock().unwrap();
            before.extend(intents.iter().map(|intent| (Instant::now(), intent.clone())));
            // In the place of one who was granted: the engine has no permit for more.
            if before.front().is_some_and(|(at, _)| at.elapsed() > Duration::from_secs(3))
                && let (Some(place), Some((_, old))) = (intents.last_mut(), before.pop_front())
            {
                *place = old;
            }
        }
        Ok(intents)
    }

    async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &[(u32, u32)]) -> Result<u64> {
        self.step("requeue_unheld", self.inner().requeue_unheld(lease, id, held)).await
    }

    async fn windows_opened(&self, subject: &str) -> Result<u64> {
        self.step("windows_opened", self.inner().windows_opened(subject)).await
    }

    async fn whereabouts(&self) -> Result<Whereabouts> {
        self.step("whereabouts", self.inner().whereabouts()).await
    }

    async fn doubt_queued(&self, lease: &Lease, id: &BroadcastId, through: Option<u32>, now: Millis) -> Result<u64> {
        self.step("doubt_queued", self.inner().doubt_queued(lease, id, through, now)).await
    }

    async fn decide_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64> {
        self.step("decide_doubts", self.inner().decide_doubts(id, seqs, decision, word, now)).await
    }

    async fn append_act(&self, act: Act) -> Result<Entry> {
        self.step("append_act", self.inner().append_act(act)).await
    }

    async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        self.step("audit_trail", self.inner().audit_trail(after, limit)).await
    }

    async fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>> {
        self.step("next_due", self.inner().next_due(id)).await
    }

    async fn settle(&self, lease: &Lease, mut outcomes: Vec<Outcome>) -> Result<()> {
        if self.sabotaged(Sabotage::LosesOutcomes) {
            outcomes.pop();
        }
        if self.sabotaged(Sabotage::FailsTheWaiting) {
            for outcome in &mut outcomes {
                if let Verdict::Retry { code, response, .. } = &outcome.verdict {
                    outcome.verdict = Verdict::Failed { code: *code, response: response.clone(), retry_at: None };
                }
            }
        }
        self.step("settle", self.inner().settle(lease, outcomes)).await
    }

    async fn people_reached(&self, since: Millis) -> Result<Vec<(Millis, u64)>> {
        self.step("people_reached", self.inner().people_reached(since)).await
    }

    async fn reached_among(&self, phones: &[Phone], since: Millis) -> Result<Vec<usize>> {
        self.step("reached_among", self.inner().reached_among(phones, since)).await
    }

    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>> {
        self.step("receipts", self.inner().receipts(limit.min(30))).await
    }

    async fn fold_receipts(&self, lease: &Lease, mut moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport> {
        if self.sabotaged(Sabotage::LosesReceipts) {
            moves.clear();
        }
        self.step("fold_receipts", self.inner().fold_receipts(lease, moves, up_to)).await
    }

    async fn put_note(&self, key: &str, value: &str) -> Result<()> {
        self.step("put_note", self.inner().put_note(key, value)).await
    }

    async fn note(&self, key: &str) -> Result<Option<String>> {
        self.step("note", self.inner().note(key)).await
    }

    // ---- what no engine asks for ----

    async fn begin_upload(&self, upload: NewUpload, now: Millis) -> Result<UploadBegun> {
        self.inner().begin_upload(upload, now).await
    }

    async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
        self.inner().known_phones(upload, phones).await
    }

    async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Result<()> {
        self.inner().add_rows(upload, rows).await
    }

    async fn finish_upload(&self, upload: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary> {
        self.inner().finish_upload(upload, report, now).await
    }

    async fn abandon_upload(&self, upload: UploadId) -> Result<()> {
        self.inner().abandon_upload(upload).await
    }

    async fn sweep_uploads(&self, before: Millis) -> Result<u64> {
        self.inner().sweep_uploads(before).await
    }

    async fn lists(&self) -> Result<Vec<ListSummary>> {
        self.inner().lists().await
    }

    async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        self.inner().audience_uploads(list).await
    }

    async fn audience_size(&self, uploads: &[UploadId]) -> Result<u64> {
        self.inner().audience_size(uploads).await
    }

    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()> {
        self.inner().put_templates(templates, now).await
    }

    async fn change_template(&self, before: &Template, after: &Template) -> Result<bool> {
        self.inner().change_template(before, after).await
    }

    async fn templates(&self) -> Result<SyncedTemplates> {
        self.inner().templates().await
    }

    async fn make_broadcast(&self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade> {
        self.inner().make_broadcast(new, now).await
    }

    async fn start_broadcast(&self, id: &BroadcastId, definition: Definition, total: u32) -> Result<Broadcast> {
        self.inner().start_broadcast(id, definition, total).await
    }

    async fn cancel(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        self.inner().cancel(id, now).await
    }

    async fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
        self.inner().failures(id).await
    }

    async fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
        self.inner().skips(id).await
    }

    async fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>> {
        self.inner().prices(id).await
    }

    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        self.inner().recipients(id, state, after, limit).await
    }

    async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.inner().log(id, after, limit).await
    }

    async fn attempts_of(&self, wamids: &[String]) -> Result<Vec<AttemptPlace>> {
        self.inner().attempts_of(wamids).await
    }

    async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        self.inner().log_tail(limit).await
    }

    async fn lease(&self, subject: &str) -> Result<Option<LeaseView>> {
        self.inner().lease(subject).await
    }

    async fn append_receipts(&self, receipts: Vec<RawReceipt>) -> Result<()> {
        self.inner().append_receipts(receipts).await
    }

    async fn receipts_backlog_bytes(&self) -> Result<u64> {
        self.inner().receipts_backlog_bytes().await
    }

    async fn receipts_backlog(&self) -> Result<u64> {
        self.inner().receipts_backlog().await
    }

    async fn note_opt_outs(&self, changes: Vec<Change>) -> Result<Vec<Noted>> {
        self.step("note_opt_outs", self.inner().note_opt_outs(changes)).await
    }

    async fn learn_users(&self, known: Vec<(String, Phone)>) -> Result<u64> {
        self.step("learn_users", self.inner().learn_users(known)).await
    }

    async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>> {
        self.inner().opt_outs(search, after, limit).await
    }

    async fn opted_out_people(&self) -> Result<u64> {
        self.inner().opted_out_people().await
    }

    async fn opt_out_events(&self, person: &str) -> Result<Vec<Event>> {
        self.inner().opt_out_events(person).await
    }

    async fn opted_out(&self, phones: &[Phone]) -> Result<Vec<Kinds>> {
        self.inner().opted_out(phones).await
    }

    async fn add_schedule(&self, schedule: &Schedule) -> Result<()> {
        self.inner().add_schedule(schedule).await
    }

    async fn schedules(&self) -> Result<Vec<Schedule>> {
        self.inner().schedules().await
    }

    async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool> {
        self.inner().advance_schedule(id, fired, next).await
    }

    async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()> {
        self.inner().enable_schedule(id, enabled, next).await
    }

    async fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        self.inner().notes(prefix).await
    }

    async fn close(&self) {}
}
