//! The file as a [`Store`]: each operation of the trait, given to the writer or to a reader and done by the module that its
//! name stands for. Nothing is decided here. Called through the trait only.

use super::{
    SqliteStore, audit, broadcasts, column, doubts, files, flight, fold, freezing, leases, numbers, opt_outs, people,
    rejects, reports, settings, settle, undo,
};
use crate::domain::audit::{Act, Entry};
use crate::domain::broadcast::{Broadcast, Counts, Definition, Number, UploadId};
use crate::domain::ids::{BroadcastId, ScheduleId, StoreId};
use crate::domain::opt_out::{Change, Event, Kinds, Noted, OptedOut};
use crate::domain::phone::Phone;
use crate::domain::pricing::Priced;
use crate::domain::schedule::Schedule;
use crate::domain::state::{PauseReason, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::Millis;
use crate::store::{
    AttemptPlace, AttemptRow, AudiencePlace, BroadcastMade, DoubtDecision, FoldReport, Holder, Intent, KeptReject,
    Lease, LeaseAnswer, LeaseView, ListSummary, LogRow, LookedThrough, NewBroadcast, NewRecipient, NewUpload, Outcome,
    RawReceipt, ReceiptMove, RecipientRow, RejectCause, Result, Store, StoreError, StoredReceipt, SyncedTemplates,
    UploadBegun, UploadDetails, UploadReport, UploadRow, UploadSummary, Whereabouts,
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often an upload's end is tried when others of its list end at the same time.
const FINISH_TRIES: usize = 20;

#[async_trait]
impl Store for SqliteStore {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    async fn whereabouts(&self) -> Result<Whereabouts> {
        let path = self.path.clone();
        let found = tokio::task::spawn_blocking(move || files::whereabouts(&path));
        found.await.map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    async fn free_bytes(&self) -> Option<u64> {
        let path = self.path.clone();
        let found = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&path).ok());
        let found = found.await.ok()??;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    async fn begin_upload(&self, upload: NewUpload, now: Millis) -> Result<UploadBegun> {
        self.write(move |connection| numbers::begin(connection, &upload, now)).await
    }

    async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
        let phones = phones.to_vec();
        self.read(move |connection| numbers::known(connection, upload, &phones)).await
    }

    async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Result<()> {
        self.write(move |connection| numbers::add_rows(connection, upload, &rows)).await
    }

    async fn finish_upload(&self, upload: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary> {
        for _ in 0..FINISH_TRIES {
            let people = self.readers.run_freely(move |connection| numbers::people_with(connection, upload)).await?;
            let report = report.clone();
            let finish = move |connection: &Connection| numbers::finish(connection, upload, &report, now, &people);
            if let Some(summary) = self.write(finish).await? {
                return Ok(summary);
            }
        }
        Err(StoreError::Conflict("too many uploads of this list end at the same time: try again".to_owned()))
    }

    async fn abandon_upload(&self, upload: UploadId) -> Result<()> {
        self.write(move |connection| numbers::give_up(connection, upload)).await?;
        self.drop_rows(upload).await
    }

    async fn sweep_uploads(&self, before: Millis) -> Result<u64> {
        let uploads = self.read(move |connection| numbers::unfinished(connection, before)).await?;
        let mut given_up = 0;
        for upload in uploads {
            match self.abandon_upload(upload).await {
                Ok(()) => given_up += 1,
                // It was finished or given up by someone else in between.
                Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(given_up)
    }

    async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary> {
        for _ in 0..FINISH_TRIES {
            let rest = self.readers.run_freely(move |connection| undo::people_without(connection, upload)).await?;
            if let Some(summary) = self.write(move |connection| undo::undo(connection, upload, &rest)).await? {
                return Ok(summary);
            }
        }
        Err(StoreError::Conflict("too many uploads of this list come and go at the same time: try again".to_owned()))
    }

    async fn clear_uploads(&self) -> Result<bool> {
        self.write(undo::clear_some).await
    }

    async fn upload(&self, upload: UploadId) -> Result<UploadDetails> {
        self.read(move |connection| undo::details(connection, upload)).await
    }

    async fn add_rejects(&self, upload: UploadId, kept: Vec<KeptReject>) -> Result<()> {
        self.write(move |connection| rejects::add(connection, upload, &kept)).await
    }

    async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>> {
        let cause = cause.map(str::to_owned);
        self.read(move |connection| rejects::page(connection, upload, cause.as_deref(), after, limit)).await
    }

    async fn reject_causes(&self, upload: UploadId) -> Result<Vec<RejectCause>> {
        self.read(move |connection| rejects::causes(connection, upload)).await
    }

    async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
        let rows = rows.to_vec();
        self.write(move |connection| rejects::claim(connection, upload, &rows, by)).await
    }

    async fn lists(&self) -> Result<Vec<ListSummary>> {
        self.read(numbers::lists).await
    }

    async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
        let list = list.map(str::to_owned);
        self.read(move |connection| numbers::uploads(connection, list.as_deref(), limit)).await
    }

    async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        let list = list.map(str::to_owned);
        self.read(move |connection| numbers::audience_uploads(connection, list.as_deref())).await
    }

    async fn audience_size(&self, uploads: &[UploadId]) -> Result<u64> {
        let uploads = uploads.to_vec();
        self.readers.run_freely(move |connection| numbers::size(connection, &uploads)).await
    }

    async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<Vec<(AudiencePlace, Number)>> {
        let uploads = uploads.to_vec();
        self.readers.run_freely(move |connection| numbers::page(connection, &uploads, after, limit)).await
    }

    async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<LookedThrough> {
        let uploads = uploads.to_vec();
        self.read(move |connection| people::look_through(connection, &uploads, after, limit)).await
    }

    async fn rows_with(&self, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>> {
        let phones = phones.to_vec();
        self.read(move |connection| people::rows_with(connection, &phones, limit)).await
    }

    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()> {
        let templates = templates.to_vec();
        self.write(move |connection| settings::put_templates(connection, &templates, now)).await
    }

    async fn change_template(&self, before: &Template, after: &Template) -> Result<bool> {
        let (before, after) = (before.clone(), after.clone());
        self.write(move |connection| settings::change_template(connection, &before, &after)).await
    }

    async fn templates(&self) -> Result<SyncedTemplates> {
        self.read(settings::templates).await
    }

    async fn make_broadcast(&self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade> {
        self.write(move |connection| broadcasts::make(connection, &new, now)).await
    }

    async fn start_broadcast(&self, id: &BroadcastId, definition: Definition, total: u32) -> Result<Broadcast> {
        let id = id.clone();
        self.write(move |connection| broadcasts::start(connection, &id, &definition, total)).await
    }

    async fn add_recipients(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: Vec<NewRecipient>,
        place: AudiencePlace,
    ) -> Result<()> {
        let (lease, id) = (lease.clone(), id.clone());
        self.write(move |connection| freezing::add(connection, &lease, &id, from, &recipients, place)).await
    }

    async fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
        let id = id.clone();
        self.read(move |connection| freezing::so_far(connection, &id)).await
    }

    async fn begin_running(&self, lease: &Lease, id: &BroadcastId, total: u32, now: Millis) -> Result<Broadcast> {
        let (lease, id) = (lease.clone(), id.clone());
        self.write(move |connection| freezing::begin_running(connection, &lease, &id, total, now)).await
    }

    async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast> {
        let (id, detail) = (id.clone(), detail.to_owned());
        self.write(move |connection| broadcasts::pause(connection, &id, reason, &detail, resume_at)).await
    }

    async fn resume(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let id = id.clone();
        self.write(move |connection| broadcasts::resume(connection, &id, now)).await
    }

    async fn cancel(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let cancelled = id.clone();
        let broadcast = self.write(move |connection| broadcasts::cancel(connection, &cancelled, now)).await?;
        self.cancel_rows(id, now).await;
        Ok(broadcast)
    }

    async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
        let (lease, id) = (lease.clone(), id.clone());
        self.write(move |connection| broadcasts::complete(connection, &lease, &id, now)).await
    }

    async fn broadcast(&self, id: &BroadcastId) -> Result<Broadcast> {
        let id = id.clone();
        self.read(move |connection| broadcasts::get(connection, &id)).await
    }

    async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<Broadcast>> {
        self.read(move |connection| broadcasts::newest(connection, open_only, limit)).await
    }

    async fn counts(&self, id: &BroadcastId) -> Result<Counts> {
        let id = id.clone();
        self.read(move |connection| reports::counts(connection, &id)).await
    }

    async fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
        let id = id.clone();
        self.read(move |connection| reports::failures(connection, &id)).await
    }

    async fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
        let id = id.clone();
        self.read(move |connection| reports::skips(connection, &id)).await
    }

    async fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>> {
        let id = id.clone();
        self.read(move |connection| reports::prices(connection, &id)).await
    }

    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        let id = id.clone();
        self.read(move |connection| reports::recipients(connection, &id, state, after, limit)).await
    }

    async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>> {
        let phones = phones.to_vec();
        self.read(move |connection| people::broadcasts_to(connection, &phones, limit)).await
    }

    async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>> {
        let (phones, ids) = (phones.to_vec(), ids.to_vec());
        self.read(move |connection| people::recipients_among(connection, &phones, &ids)).await
    }

    async fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
        let id = id.clone();
        self.read(move |connection| people::attempts(connection, &id, seq)).await
    }

    async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        let id = id.cloned();
        self.read(move |connection| reports::log(connection, id.as_ref(), after, limit)).await
    }

    async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        self.read(move |connection| reports::log_tail(connection, limit)).await
    }

    async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Result<LeaseAnswer> {
        let (subject, holder, clock) = (subject.to_owned(), holder.clone(), Arc::clone(&self.clock));
        self.write(move |connection| leases::take(connection, &subject, &holder, ttl_ms, holder_is_gone, clock.now()))
            .await
    }

    async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Result<()> {
        let (lease, status, clock) = (lease.clone(), status.to_owned(), Arc::clone(&self.clock));
        self.write(move |connection| leases::renew(connection, &lease, ttl_ms, &status, clock.now())).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        self.write(move |connection| leases::release(connection, &lease)).await
    }

    async fn lease(&self, subject: &str) -> Result<Option<LeaseView>> {
        let (subject, clock) = (subject.to_owned(), Arc::clone(&self.clock));
        self.read(move |connection| leases::view(connection, &subject, clock.now())).await
    }

    async fn recover(&self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
        let lease = lease.clone();
        self.write(move |connection| flight::recover(connection, &lease, now)).await
    }

    async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>> {
        let (lease, id, limit) = (lease.clone(), id.clone(), column::bounded(limit));
        self.write(move |connection| flight::open_window(connection, &lease, &id, limit, held_back, now)).await
    }

    async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &[(u32, u32)]) -> Result<u64> {
        let (lease, id, held, clock) = (lease.clone(), id.clone(), held.to_vec(), Arc::clone(&self.clock));
        self.write(move |connection| flight::requeue_unheld(connection, &lease, &id, &held, clock.now())).await
    }

    async fn windows_opened(&self, subject: &str) -> Result<u64> {
        let subject = subject.to_owned();
        self.read(move |connection| flight::windows_opened(connection, &subject)).await
    }

    async fn doubt_queued(&self, lease: &Lease, id: &BroadcastId, through: Option<u32>, now: Millis) -> Result<u64> {
        let (lease, id) = (lease.clone(), id.clone());
        self.write(move |connection| doubts::doubt_queued(connection, &lease, &id, through, now)).await
    }

    async fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>> {
        let id = id.clone();
        self.read(move |connection| flight::next_due(connection, &id)).await
    }

    async fn settle(&self, lease: &Lease, outcomes: Vec<Outcome>) -> Result<()> {
        let lease = lease.clone();
        self.write(move |connection| settle::settle(connection, &lease, &outcomes)).await
    }

    async fn people_reached(&self, since: Millis) -> Result<Vec<(Millis, u64)>> {
        self.read(move |connection| reports::people_reached(connection, since)).await
    }

    async fn reached_among(&self, phones: &[Phone], since: Millis) -> Result<Vec<usize>> {
        let phones = phones.to_vec();
        self.read(move |connection| reports::reached_among(connection, &phones, since)).await
    }

    async fn decide_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64> {
        let known = (id.clone(), word.to_owned());
        if let Some(seqs) = seqs {
            let seqs = seqs.to_vec();
            let decide = move |connection: &Connection| {
                let (id, word) = &known;
                doubts::decide(connection, id, &seqs, decision, word, now)
            };
            return self.write(decide).await;
        }
        let (mut moved, mut after) = (0, None);
        loop {
            let (id, word) = known.clone();
            let portion = move |connection: &Connection| {
                let seqs = doubts::in_doubt(connection, &id, after)?;
                let moved = doubts::decide(connection, &id, &seqs, decision, &word, now)?;
                Ok((moved, seqs.last().copied()))
            };
            let (more, last) = self.write(portion).await?;
            moved += more;
            if last.is_none() {
                return Ok(moved);
            }
            after = last;
        }
    }

    async fn append_receipts(&self, receipts: Vec<RawReceipt>) -> Result<()> {
        self.write(move |connection| fold::append(connection, &receipts)).await
    }

    async fn receipts_backlog(&self) -> Result<u64> {
        self.read(fold::backlog).await
    }

    async fn receipts_backlog_bytes(&self) -> Result<u64> {
        self.read(fold::backlog_bytes).await
    }

    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>> {
        self.read(move |connection| fold::receipts(connection, column::bounded(limit))).await
    }

    async fn attempts_of(&self, wamids: &[String]) -> Result<Vec<AttemptPlace>> {
        if wamids.is_empty() {
            return Ok(Vec::new());
        }
        if !self.read(fold::finds_by_wamid).await? {
            self.write(fold::find_by_wamid).await?;
        }
        let wamids = wamids.to_vec();
        self.read(move |connection| fold::attempts_of(connection, &wamids)).await
    }

    async fn fold_receipts(&self, lease: &Lease, moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport> {
        let lease = lease.clone();
        self.write(move |connection| fold::fold(connection, &lease, &moves, up_to)).await
    }

    async fn note_opt_outs(&self, changes: Vec<Change>) -> Result<Vec<Noted>> {
        self.write(move |connection| opt_outs::note(connection, changes)).await
    }

    async fn learn_users(&self, known: Vec<(String, Phone)>) -> Result<u64> {
        self.write(move |connection| opt_outs::learn(connection, &known)).await
    }

    async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>> {
        let (search, after) = (search.to_owned(), after.unwrap_or_default().to_owned());
        self.read(move |connection| opt_outs::list(connection, &search, &after, limit)).await
    }

    async fn opted_out_people(&self) -> Result<u64> {
        self.read(opt_outs::people).await
    }

    async fn opt_out_events(&self, person: &str) -> Result<Vec<Event>> {
        let person = person.to_owned();
        self.read(move |connection| opt_outs::events(connection, &person)).await
    }

    async fn opted_out(&self, phones: &[Phone]) -> Result<Vec<Kinds>> {
        let phones = phones.to_vec();
        self.read(move |connection| opt_outs::of(connection, phones.into_iter())).await
    }

    async fn add_schedule(&self, schedule: &Schedule) -> Result<()> {
        let schedule = schedule.clone();
        self.write(move |connection| settings::add_schedule(connection, &schedule)).await
    }

    async fn schedules(&self) -> Result<Vec<Schedule>> {
        self.read(settings::schedules).await
    }

    async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool> {
        let id = id.clone();
        self.write(move |connection| settings::advance_schedule(connection, &id, fired, next)).await
    }

    async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()> {
        let id = id.clone();
        self.write(move |connection| settings::enable_schedule(connection, &id, enabled, next)).await
    }

    async fn append_act(&self, act: Act) -> Result<Entry> {
        self.write(move |connection| audit::append(connection, act)).await
    }

    async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        self.read(move |connection| audit::trail(connection, after, limit)).await
    }

    async fn put_note(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.write(move |connection| settings::put_note(connection, &key, &value)).await
    }

    async fn note(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.read(move |connection| settings::note(connection, &key)).await
    }

    async fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        let prefix = prefix.to_owned();
        self.read(move |connection| settings::notes(connection, &prefix)).await
    }

    async fn close(&self) {
        // Readers first: the last connection to go moves the write-ahead log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }
}
