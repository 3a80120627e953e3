//! The database as a [`Store`]: each operation of the trait, run in a task of its own and done by the module that its
//! name stands for. Nothing is decided here. Called through the trait only.

use super::doubts::Word;
use super::{MongoStore, connect};
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
    RawReceipt, ReceiptMove, RecipientRow, RejectCause, Result, Store, StoredReceipt, SyncedTemplates, UploadBegun,
    UploadDetails, UploadReport, UploadRow, UploadSummary, Whereabouts,
};
use async_trait::async_trait;
use std::collections::BTreeMap;

#[async_trait]
impl Store for MongoStore {
    fn id(&self) -> &StoreId {
        &self.inner.id
    }

    fn place(&self) -> String {
        self.inner.place.clone()
    }

    async fn whereabouts(&self) -> Result<Whereabouts> {
        self.run(|inner| async move { connect::whereabouts(&inner).await }).await
    }

    async fn free_bytes(&self) -> Option<u64> {
        self.run(|inner| async move { Ok(connect::free_bytes(&inner).await) }).await.ok().flatten()
    }

    async fn begin_upload(&self, upload: NewUpload, now: Millis) -> Result<UploadBegun> {
        self.run(|inner| async move { inner.begin_upload(&upload, now).await }).await
    }

    async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)> {
        let phones = phones.to_vec();
        self.run(|inner| async move { inner.known_phones(upload, &phones).await }).await
    }

    async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Result<()> {
        self.run(|inner| async move { inner.add_rows(upload, rows).await }).await
    }

    async fn finish_upload(&self, upload: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary> {
        self.run(|inner| async move { inner.finish_upload(upload, &report, now).await }).await
    }

    async fn abandon_upload(&self, upload: UploadId) -> Result<()> {
        self.run(|inner| async move { inner.abandon_upload(upload).await }).await
    }

    async fn sweep_uploads(&self, before: Millis) -> Result<u64> {
        self.run(|inner| async move { inner.sweep_uploads(before).await }).await
    }

    async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary> {
        self.run(|inner| async move { inner.undo_upload(upload).await }).await
    }

    async fn clear_uploads(&self) -> Result<bool> {
        self.run(|inner| async move { inner.clear_uploads().await }).await
    }

    async fn upload(&self, upload: UploadId) -> Result<UploadDetails> {
        self.run(|inner| async move { inner.upload_details(upload).await }).await
    }

    async fn add_rejects(&self, upload: UploadId, rejects: Vec<KeptReject>) -> Result<()> {
        self.run(|inner| async move { inner.add_rejects(upload, rejects).await }).await
    }

    async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>> {
        let cause = cause.map(str::to_owned);
        self.run(|inner| async move { inner.rejects(upload, cause, after, limit).await }).await
    }

    async fn reject_causes(&self, upload: UploadId) -> Result<Vec<RejectCause>> {
        self.run(|inner| async move { inner.reject_causes(upload).await }).await
    }

    async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>> {
        let rows = rows.to_vec();
        self.run(|inner| async move { inner.claim_rejects(upload, &rows, by).await }).await
    }

    async fn lists(&self) -> Result<Vec<ListSummary>> {
        self.run(|inner| async move { inner.lists().await }).await
    }

    async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
        let list = list.map(str::to_owned);
        self.run(|inner| async move { inner.uploads(list.as_deref(), limit).await }).await
    }

    async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        let list = list.map(str::to_owned);
        self.run(|inner| async move { inner.audience_uploads(list.as_deref()).await }).await
    }

    async fn audience_size(&self, uploads: &[UploadId]) -> Result<u64> {
        let uploads = uploads.to_vec();
        self.run(|inner| async move { inner.audience_size(&uploads).await }).await
    }

    async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<Vec<(AudiencePlace, Number)>> {
        let uploads = uploads.to_vec();
        self.run(|inner| async move { inner.audience_page(&uploads, after, limit).await }).await
    }

    async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<LookedThrough> {
        let uploads = uploads.to_vec();
        self.run(|inner| async move { inner.look_through(&uploads, after, limit).await }).await
    }

    async fn rows_with(&self, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>> {
        let phones = phones.to_vec();
        self.run(|inner| async move { inner.rows_with(&phones, limit).await }).await
    }

    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()> {
        let templates = templates.to_vec();
        self.run(|inner| async move { inner.put_templates(&templates, now).await }).await
    }

    async fn change_template(&self, before: &Template, after: &Template) -> Result<bool> {
        let (before, after) = (before.clone(), after.clone());
        self.run(|inner| async move { inner.change_template(&before, &after).await }).await
    }

    async fn templates(&self) -> Result<SyncedTemplates> {
        self.run(|inner| async move { inner.templates().await }).await
    }

    async fn make_broadcast(&self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade> {
        self.run(|inner| async move { inner.make_broadcast(&new, now).await }).await
    }

    async fn start_broadcast(&self, id: &BroadcastId, definition: Definition, total: u32) -> Result<Broadcast> {
        let id = id.clone();
        self.run(|inner| async move { inner.start_broadcast(&id, &definition, total).await }).await
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
        self.run(|inner| async move { inner.add_recipients(&lease, &id, from, &recipients, place).await }).await
    }

    async fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
        let id = id.clone();
        self.run(|inner| async move { inner.frozen_so_far(&id).await }).await
    }

    async fn begin_running(&self, lease: &Lease, id: &BroadcastId, total: u32, now: Millis) -> Result<Broadcast> {
        let (lease, id) = (lease.clone(), id.clone());
        self.run(|inner| async move { inner.begin_running(&lease, &id, total, now).await }).await
    }

    async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast> {
        let (id, detail) = (id.clone(), detail.to_owned());
        self.run(|inner| async move { inner.pause(&id, reason, &detail, resume_at).await }).await
    }

    async fn resume(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let id = id.clone();
        self.run(|inner| async move { inner.resume(&id, now).await }).await
    }

    async fn cancel(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let id = id.clone();
        self.run(|inner| async move { inner.cancel(&id, now).await }).await
    }

    async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
        let (lease, id) = (lease.clone(), id.clone());
        self.run(|inner| async move { inner.complete(&lease, &id, now).await }).await
    }

    async fn broadcast(&self, id: &BroadcastId) -> Result<Broadcast> {
        let id = id.clone();
        self.run(|inner| async move { inner.broadcast(&id).await }).await
    }

    async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<Broadcast>> {
        self.run(|inner| async move { inner.broadcasts(open_only, limit).await }).await
    }

    async fn counts(&self, id: &BroadcastId) -> Result<Counts> {
        let id = id.clone();
        self.run(|inner| async move { inner.counts(&id).await }).await
    }

    async fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
        let id = id.clone();
        self.run(|inner| async move { inner.failures(&id).await }).await
    }

    async fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
        let id = id.clone();
        self.run(|inner| async move { inner.skips(&id).await }).await
    }

    async fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>> {
        let id = id.clone();
        self.run(|inner| async move { inner.prices(&id).await }).await
    }

    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        let id = id.clone();
        self.run(|inner| async move { inner.recipients(&id, state, after, limit).await }).await
    }

    async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>> {
        let phones = phones.to_vec();
        self.run(|inner| async move { inner.broadcasts_to(&phones, limit).await }).await
    }

    async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>> {
        let (phones, ids) = (phones.to_vec(), ids.to_vec());
        self.run(|inner| async move { inner.recipients_among(&phones, &ids).await }).await
    }

    async fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>> {
        let id = id.clone();
        self.run(|inner| async move { inner.attempts(&id, seq).await }).await
    }

    async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        let id = id.cloned();
        self.run(|inner| async move { inner.log(id.as_ref(), after, limit).await }).await
    }

    async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        self.run(|inner| async move { inner.log_tail(limit).await }).await
    }

    async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Result<LeaseAnswer> {
        let (subject, holder) = (subject.to_owned(), holder.clone());
        self.run(|inner| async move { inner.take_lease(&subject, &holder, ttl_ms, holder_is_gone).await }).await
    }

    async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Result<()> {
        let (lease, status) = (lease.clone(), status.to_owned());
        self.run(|inner| async move { inner.renew_lease(&lease, ttl_ms, &status).await }).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        self.run(|inner| async move { inner.release_lease(&lease).await }).await
    }

    async fn lease(&self, subject: &str) -> Result<Option<LeaseView>> {
        let subject = subject.to_owned();
        self.run(|inner| async move { inner.lease(&subject).await }).await
    }

    async fn recover(&self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>> {
        let lease = lease.clone();
        self.run(|inner| async move { inner.recover(&lease, now).await }).await
    }

    async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>> {
        let (lease, id) = (lease.clone(), id.clone());
        self.run(|inner| async move { inner.open_window(&lease, &id, limit, held_back, now).await }).await
    }

    async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &[(u32, u32)]) -> Result<u64> {
        let (lease, id, held) = (lease.clone(), id.clone(), held.iter().copied().collect());
        self.run(|inner| async move { inner.requeue_unheld(&lease, &id, &held).await }).await
    }

    async fn windows_opened(&self, subject: &str) -> Result<u64> {
        let subject = subject.to_owned();
        self.run(|inner| async move { inner.windows_opened(&subject).await }).await
    }

    async fn doubt_queued(&self, lease: &Lease, id: &BroadcastId, through: Option<u32>, now: Millis) -> Result<u64> {
        let (lease, id) = (lease.clone(), id.clone());
        self.run(|inner| async move { inner.doubt_queued(&lease, &id, through, now).await }).await
    }

    async fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>> {
        let id = id.clone();
        self.run(|inner| async move { inner.next_due(&id).await }).await
    }

    async fn settle(&self, lease: &Lease, outcomes: Vec<Outcome>) -> Result<()> {
        let lease = lease.clone();
        self.run(|inner| async move { inner.settle(&lease, &outcomes).await }).await
    }

    async fn people_reached(&self, since: Millis) -> Result<Vec<(Millis, u64)>> {
        self.run(move |inner| async move { inner.people_reached(since).await }).await
    }

    async fn reached_among(&self, phones: &[Phone], since: Millis) -> Result<Vec<usize>> {
        let phones = phones.to_vec();
        self.run(move |inner| async move { inner.reached_among(&phones, since).await }).await
    }

    async fn decide_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64> {
        let (id, seqs, word) = (id.clone(), seqs.map(<[u32]>::to_vec), word.to_owned());
        self.run(|inner| async move {
            let word = Word { decision, words: &word, now };
            inner.decide_doubts(&id, seqs.as_deref(), word).await
        })
        .await
    }

    async fn append_receipts(&self, receipts: Vec<RawReceipt>) -> Result<()> {
        self.run(|inner| async move { inner.append_receipts(&receipts).await }).await
    }

    async fn receipts_backlog(&self) -> Result<u64> {
        self.run(|inner| async move { inner.receipts_backlog().await }).await
    }

    async fn receipts_backlog_bytes(&self) -> Result<u64> {
        self.run(|inner| async move { inner.receipts_backlog_bytes().await }).await
    }

    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>> {
        self.run(|inner| async move { inner.receipts(limit).await }).await
    }

    async fn attempts_of(&self, wamids: &[String]) -> Result<Vec<AttemptPlace>> {
        let wamids = wamids.to_vec();
        self.run(|inner| async move { inner.attempts_of(&wamids).await }).await
    }

    async fn fold_receipts(&self, lease: &Lease, moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport> {
        let lease = lease.clone();
        self.run(|inner| async move { inner.fold_receipts(&lease, &moves, up_to).await }).await
    }

    async fn note_opt_outs(&self, changes: Vec<Change>) -> Result<Vec<Noted>> {
        self.run(|inner| async move { inner.note_opt_outs(&changes).await }).await
    }

    async fn learn_users(&self, known: Vec<(String, Phone)>) -> Result<u64> {
        self.run(|inner| async move { inner.learn_users(&known).await }).await
    }

    async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>> {
        let (search, after) = (search.to_owned(), after.unwrap_or_default().to_owned());
        self.run(|inner| async move { inner.opt_outs(&search, &after, limit).await }).await
    }

    async fn opted_out_people(&self) -> Result<u64> {
        self.run(|inner| async move { inner.opted_out_people().await }).await
    }

    async fn opt_out_events(&self, person: &str) -> Result<Vec<Event>> {
        let person = person.to_owned();
        self.run(|inner| async move { inner.opt_out_events(&person).await }).await
    }

    async fn opted_out(&self, phones: &[Phone]) -> Result<Vec<Kinds>> {
        let phones = phones.to_vec();
        self.run(|inner| async move { inner.opted_out(&phones).await }).await
    }

    async fn add_schedule(&self, schedule: &Schedule) -> Result<()> {
        let schedule = schedule.clone();
        self.run(|inner| async move { inner.add_schedule(&schedule).await }).await
    }

    async fn schedules(&self) -> Result<Vec<Schedule>> {
        self.run(|inner| async move { inner.schedules().await }).await
    }

    async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool> {
        let id = id.clone();
        self.run(|inner| async move { inner.advance_schedule(&id, fired, next).await }).await
    }

    async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()> {
        let id = id.clone();
        self.run(|inner| async move { inner.enable_schedule(&id, enabled, next).await }).await
    }

    async fn append_act(&self, act: Act) -> Result<Entry> {
        self.run(|inner| async move { inner.append_act(act).await }).await
    }

    async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        self.run(|inner| async move { inner.audit_trail(after, limit).await }).await
    }

    async fn put_note(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.run(|inner| async move { inner.put_note(&key, &value).await }).await
    }

    async fn note(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.run(|inner| async move { inner.note(&key).await }).await
    }

    async fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        let prefix = prefix.to_owned();
        self.run(|inner| async move { inner.notes(&prefix).await }).await
    }

    async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        let _ = self.inner.forget_sessions().await;
        self.inner.client.clone().shutdown().await;
    }
}
