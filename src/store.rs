//! The ledger: one trait, two engines (SQLite embedded, MongoDB for teams).
//!
//! The trait speaks in operations (freeze an audience, open a window of intents, settle outcomes,
//! fold receipts), not in rows, so that each engine can lay the ledger out as is cheapest for it.
//! Nothing outside this module knows a database driver. One contract suite
//! (`tests/it/store_contract`) runs against both engines.
//!
//! **Facts and decisions.** Answers and receipts are facts: taken from anyone, idempotent by their
//! attempt. Intents, requeues, freezing, completing are decisions: each carries a [`Lease`] and is
//! refused with [`StoreError::LeaseLost`] when its fence is no longer the newest.
//!
//! **Atomic and durable.** Each method is one atomic step unless it says otherwise: after an error nothing of it is visible.
//! When it returns `Ok`, what it wrote survives a crash and a power cut (MongoDB: majority).
//!
//! **Cancelled callers.** Dropping a method's future does not cancel what was begun.

pub mod mongo;
pub mod sqlite;
mod types;

pub use types::*;

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
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What can go wrong in a store. Messages hold no secrets (no passwords of connection strings).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the sender now: what was asked for was not done.
    #[error("another process drives this sender now")]
    LeaseLost,
    /// No such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// Not in this state. The message says what stands in the way.
    #[error("{0}")]
    Conflict(String),
    /// The store does not answer at the moment; what was asked for may or may not have been done.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// The disk is full or not writable.
    #[error("the store cannot write: {0}")]
    Full(String),
    /// The url, the server's version or kind, or the schema does not do. Says what to change.
    #[error("{0}")]
    Setup(String),
    /// Data that should not be there, or a bug.
    #[error("the store holds something unexpected: {0}")]
    Corrupt(String),
}

/// What methods of the store return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Opens the store that `url` names: `sqlite://PATH`, `mongodb://HOST/DBNAME` or `mongodb+srv://…`. `now` is noted as when a new one was made.
///
/// # Errors
/// `Setup` when the url is not of a known form or what it names does not do, `Unavailable` when a server does not answer.
pub async fn open(url: &str, now: Millis) -> Result<Arc<dyn Store>> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(Arc::new(sqlite::SqliteStore::open(Path::new(path), now).await?))
        }
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Arc::new(mongo::MongoStore::open(url, now).await?)),
        _ => Err(StoreError::Setup(
            // The url itself may hold a password.
            "[store] url must be sqlite://PATH (such as sqlite://wacast.db) or mongodb://HOST/DBNAME?replicaSet=NAME"
                .to_owned(),
        )),
    }
}

/// The ledger. See the module's documentation for what every method promises.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The store's own id, made once with the store.
    fn id(&self) -> &StoreId;

    /// Where it is, for people; no secrets: `/var/lib/wacast/wacast.db`, `mongodb at db.example.com/wacast`.
    fn place(&self) -> String;

    /// Where it is, for telling a copy from the original.
    async fn whereabouts(&self) -> Result<Whereabouts>;

    /// Free bytes where it writes, when that can be known.
    async fn free_bytes(&self) -> Option<u64>;

    // ---- numbers ----

    /// Begins an upload. Nobody sees its rows before [`Store::finish_upload`].
    async fn begin_upload(&self, upload: NewUpload, now: Millis) -> Result<UploadBegun>;

    /// Which of these phones are already in the upload's list (in visible uploads): `.0`, or in
    /// this upload itself: `.1`. Positions in `phones`, rising. At most 5,000 phones a call.
    async fn known_phones(&self, upload: UploadId, phones: &[Phone]) -> Result<(Vec<usize>, Vec<usize>)>;

    /// Adds rows. The caller sees to it that no phone is added twice to one upload; a phone that is in
    /// the list already is added all the same (its newest attributes win). At most 5,000 rows a call.
    async fn add_rows(&self, upload: UploadId, rows: Vec<UploadRow>) -> Result<()>;

    /// Makes an upload visible, whole.
    async fn finish_upload(&self, upload: UploadId, report: UploadReport, now: Millis) -> Result<UploadSummary>;

    /// Gives an unfinished upload up: its rows go. Uploads that a crash left unfinished are given up
    /// by [`Store::sweep_uploads`].
    async fn abandon_upload(&self, upload: UploadId) -> Result<()>;

    /// Gives up the unfinished uploads begun before `before`. Returns how many.
    async fn sweep_uploads(&self, before: Millis) -> Result<u64>;

    /// Takes a visible upload out of its list: from one moment on nobody of it is in any audience, its key is free, what it
    /// had fixed of another's rejects is open again, and it is listed no more. Its rows go by [`Store::clear_uploads`].
    /// Returns it as it was. `NotFound` when no visible upload has this id; `Conflict` while a broadcast's recipients are
    /// being taken from it. What was frozen stands.
    async fn undo_upload(&self, upload: UploadId) -> Result<UploadSummary>;

    /// Lets some thousand rows of uploads that were undone or given up go. `true`: there are more.
    async fn clear_uploads(&self) -> Result<bool>;

    /// One visible upload.
    async fn upload(&self, upload: UploadId) -> Result<UploadDetails>;

    /// Keeps rows that could not be used of an upload that is not finished. The caller bounds how many, and sees to it that
    /// no row comes twice. At most 5,000 a call.
    async fn add_rejects(&self, upload: UploadId, rejects: Vec<KeptReject>) -> Result<()>;

    /// The rejects kept of a visible upload that are still to be put right, of one cause or all, by row after `after`;
    /// `limit` 5,000 at most.
    async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<KeptReject>>;

    /// The rejects kept of a visible upload by cause, most open ones first.
    async fn reject_causes(&self, upload: UploadId) -> Result<Vec<RejectCause>>;

    /// Notes that the unfinished upload `by` has these rejects of a visible upload now, and returns those of them that are
    /// not another's already. They are open again when `by` is given up or undone. At most 5,000 a call.
    async fn claim_rejects(&self, upload: UploadId, rows: &[u32], by: UploadId) -> Result<Vec<u32>>;

    /// All lists, by name.
    async fn lists(&self) -> Result<Vec<ListSummary>>;

    /// The newest visible uploads first, `limit` at most, of one list or of all.
    async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>>;

    /// The visible uploads that an audience stands for now, rising. An unknown list is `NotFound`.
    async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>>;

    /// How many people these uploads hold, each counted once.
    async fn audience_size(&self, uploads: &[UploadId]) -> Result<u64>;

    /// The next people of these uploads after `after`, in order of upload and row, each person once: at the
    /// row of the newest upload that has them. `limit` is 5,000 at most.
    async fn audience_page(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<Vec<(AudiencePlace, Number)>>;

    /// Looks at the next `limit` rows of these uploads (5,000 at most) after `after`, newest upload first, in it by row, and
    /// gives those that are their person's newest. So a call's cost is bounded, however few there are.
    async fn look_through(
        &self,
        uploads: &[UploadId],
        after: Option<AudiencePlace>,
        limit: u32,
    ) -> Result<LookedThrough>;

    /// The rows of visible uploads with one of these phones, newest upload first, `limit` at most. At most 5,000 phones.
    async fn rows_with(&self, phones: &[Phone], limit: u32) -> Result<Vec<(AudiencePlace, Number)>>;

    // ---- templates ----

    /// Replaces all templates of the account by what was synced.
    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()>;

    /// Puts `after` in the place of one template, if it still stands as `before`; whether it did. Both have the same name
    /// and language.
    async fn change_template(&self, before: &Template, after: &Template) -> Result<bool>;

    /// The templates as last synced.
    async fn templates(&self) -> Result<SyncedTemplates>;

    // ---- broadcasts ----

    /// Makes a broadcast, guarding against a used key, a second go at an occurrence and a repeat, in
    /// one atomic step.
    async fn make_broadcast(&self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade>;

    /// Fixes a scheduled broadcast's audience, template and estimate and moves it to `Preparing`.
    /// `Conflict` unless it is `Scheduled` (so two processes cannot both start it).
    async fn start_broadcast(&self, id: &BroadcastId, definition: Definition, total: u32) -> Result<Broadcast>;

    /// Adds the next recipients while the audience is frozen: seq goes on from what is stored.
    /// `from` is how many are stored already; another number is a `Conflict` and nothing is added.
    /// `place` is where the walk through the audience stands after them. At most 5,000 a call.
    async fn add_recipients(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: Vec<NewRecipient>,
        place: AudiencePlace,
    ) -> Result<()>;

    /// How far freezing has come: recipients stored, and the walk's place.
    async fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)>;

    /// Ends freezing: `Preparing` → `Running`, `total` = recipients stored, which must be `total`.
    async fn begin_running(&self, lease: &Lease, id: &BroadcastId, total: u32, now: Millis) -> Result<Broadcast>;

    /// Pauses a scheduled, preparing or running broadcast: when this returns, no further intent for
    /// it is granted. Taken from anyone (an operator's word or a holder's). Paused already: the reason
    /// is replaced only if the new one is `Operator`; for the same reason a time to go on, if it had one, may be put off or
    /// taken away, with new words. Returns it as it stands. `Conflict` when it is final.
    async fn pause(
        &self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast>;

    /// Lets a paused broadcast go on: to `Running` when its audience is frozen, to `Preparing` when its
    /// audience is fixed, else to `Scheduled`, at its time if that is still to come, else now. `Conflict` unless it is
    /// paused.
    async fn resume(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast>;

    /// Cancels: whoever is queued becomes cancelled, whoever is under way is settled as it comes. The
    /// audience of a half-frozen one is whoever was frozen. `Conflict` when it is final.
    async fn cancel(&self, id: &BroadcastId, now: Millis) -> Result<Broadcast>;

    /// `Running` → `Completed` if nobody is queued or sending; `false` when somebody is.
    async fn complete(&self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool>;

    /// One broadcast.
    async fn broadcast(&self, id: &BroadcastId) -> Result<Broadcast>;

    /// The newest first, `limit` at most; `open_only`: without the final ones.
    async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<Broadcast>>;

    /// The recipients of a broadcast by state. They add up to those stored at every moment.
    async fn counts(&self, id: &BroadcastId) -> Result<Counts>;

    /// How many recipients failed, by error code, most first.
    async fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>>;

    /// How many recipients were left out, by reason, most first.
    async fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>>;

    /// How many delivered messages Meta priced how, most first, each message once whatever came how often: the sums over
    /// all [`RecipientRow::prices`]. Folded with the receipts that say it, see [`Mark::and`].
    ///
    /// [`Mark::and`]: crate::domain::pricing::Mark::and
    async fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>>;

    /// Recipients in order of seq after `after`, in one state or all; `limit` 5,000 at most.
    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>>;

    /// Where these phones are recipients, newest broadcast first, `limit` at most. At most 5,000 phones.
    async fn broadcasts_to(&self, phones: &[Phone], limit: u32) -> Result<Vec<(BroadcastId, u32)>>;

    /// Which of these people are recipients of one of these broadcasts (100 at most) and have its message, may have it, or
    /// are to get it: whoever is neither failed nor left out nor cancelled. Places in `phones`, rising, with the place of
    /// the first such broadcast in `ids`. At most 5,000 phones.
    async fn recipients_among(&self, phones: &[Phone], ids: &[BroadcastId]) -> Result<Vec<(usize, usize)>>;

    /// The log's rows of one recipient, by attempt.
    async fn attempts(&self, id: &BroadcastId, seq: u32) -> Result<Vec<AttemptRow>>;

    /// The log after row `after`, of one broadcast or of all; `limit` 5,000 at most.
    async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>>;

    /// The newest rows of the log, newest first.
    async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>>;

    // ---- driving a sender ----

    /// Asks for a lease of `ttl_ms`. Granted when nobody has it, when it has ended by the store's clock, when
    /// `holder.process` has it already (then the fence stays), or when `holder_is_gone` says so of the one
    /// who has it (the caller has found that process's lock file free on this host).
    async fn take_lease(
        &self,
        subject: &str,
        holder: &Holder,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> Result<LeaseAnswer>;

    /// Prolongs a lease to `ttl_ms` from now and leaves word of how things stand.
    async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, status: &str) -> Result<()>;

    /// Gives a lease back; the next one may take it at once.
    async fn release_lease(&self, lease: &Lease) -> Result<()>;

    /// A lease as others see it; `None`: nobody has ever held it, or it was given back.
    async fn lease(&self, subject: &str) -> Result<Option<LeaseView>>;

    /// What an earlier holder left open: every recipient of the sender with an intent and no durable
    /// outcome becomes in doubt. Returns how many, by broadcast.
    async fn recover(&self, lease: &Lease, now: Millis) -> Result<Vec<(BroadcastId, u64)>>;

    /// Records intents for up to `limit` recipients of a running broadcast, durably, before anything leaves:
    /// those due for a retry first, then the never-tried in order of seq. Empty: nobody is due now.
    /// `Conflict` when the broadcast is not running.
    ///
    /// Whoever is opted out by one of the kinds in `held_back` gets no intent and becomes skipped, with that kind's
    /// reason: also when the opt-out came between the choice and the record. While nobody is opted out that costs nothing
    /// worth mentioning, else one query by key a window.
    async fn open_window(
        &self,
        lease: &Lease,
        id: &BroadcastId,
        limit: u32,
        held_back: Kinds,
        now: Millis,
    ) -> Result<Vec<Intent>>;

    /// Puts back to queued every recipient of a broadcast with an open intent under this lease that is not
    /// among `held` (seq and attempt): intents that were recorded, but whose record never reached the caller
    /// ([`Store::open_window`] failed with `Unavailable`), so that nothing of theirs was ever sent. In a cancelled
    /// broadcast they become cancelled. Returns how many.
    async fn requeue_unheld(&self, lease: &Lease, id: &BroadcastId, held: &[(u32, u32)]) -> Result<u64>;

    /// How many windows with somebody in them [`Store::open_window`] has recorded under a subject's leases since the
    /// store was made, over all holders. Rises in the same step that records the intents, so also when their record
    /// never reached the caller.
    async fn windows_opened(&self, subject: &str) -> Result<u64>;

    /// A restored backup is taken into use: whoever is queued and may have been sent to after the backup was made
    /// becomes in doubt about the attempt that would have been next: those with `seq` up to and with `through` (`None`:
    /// nobody who never had an intent), and all who had an intent before. Whoever is `sending` is
    /// [`Store::recover`]'s, to be called first. Their detail is [`RESTORED`]. Returns how many. `Conflict` when the
    /// broadcast is final.
    async fn doubt_queued(&self, lease: &Lease, id: &BroadcastId, through: Option<u32>, now: Millis) -> Result<u64>;

    /// When the next retry of a broadcast is due, if any waits.
    async fn next_due(&self, id: &BroadcastId) -> Result<Option<Millis>>;

    /// Records outcomes. Facts are recorded whoever brings them and however often; decisions
    /// (`Retry`, `Unsent`) only while `lease` is the newest, else they are left for recovery. An outcome for an
    /// attempt that is not the recipient's newest is logged and moves nobody. An attempt has one row of the log
    /// at most. Whoever would be queued again in a cancelled broadcast becomes cancelled.
    async fn settle(&self, lease: &Lease, outcomes: Vec<Outcome>) -> Result<()>;

    /// How many different people were last reached in each quarter hour, over all broadcasts and senders of the store:
    /// from the quarter hour that `since` lies in on, rising by its beginning, each person once, at the newest. Whoever a
    /// message was accepted for is reached (by the time of the answer or of the receipt that proves it), and in doubt
    /// counts as reached, from when the doubt came and whatever becomes of it. Those whom [`Store::doubt_queued`]
    /// put in doubt do not count: when they were written to is not known.
    async fn people_reached(&self, since: Millis) -> Result<Vec<(Millis, u64)>>;

    /// How many different people were reached at or after `since`, as [`Store::people_reached`] has them (never too few).
    async fn people_reached_since(&self, since: Millis) -> Result<u64> {
        Ok(self.people_reached(since).await?.into_iter().map(|(_, people)| people).sum())
    }

    /// Which of these people were reached at or after `since`, in whole quarter hours: positions in `phones`, rising. At
    /// most 5,000 a call.
    async fn reached_among(&self, phones: &[Phone], since: Millis) -> Result<Vec<usize>>;

    /// Settles people in doubt by an operator's word, taken from anyone: `seqs` of them (rising, 5,000 at most; `None`:
    /// all of the broadcast, in steps of at most 5,000, so that after an error some may have been decided on: ask again).
    /// Those who are not in doubt (any more) are left alone. `word` becomes their detail. Evidence goes on counting as
    /// if nothing had been decided; being sent again uses up no try. Returns how many moved.
    async fn decide_doubts(
        &self,
        id: &BroadcastId,
        seqs: Option<&[u32]>,
        decision: DoubtDecision,
        word: &str,
        now: Millis,
    ) -> Result<u64>;

    // ---- receipts ----

    /// Stores bodies as they came.
    async fn append_receipts(&self, receipts: Vec<RawReceipt>) -> Result<()>;

    /// How many wait to be folded (an estimate is enough).
    async fn receipts_backlog(&self) -> Result<u64>;

    /// How many bytes wait to be folded (an estimate is enough).
    async fn receipts_backlog_bytes(&self) -> Result<u64>;

    /// The next unfolded bodies in order: no more of them than [`RECEIPTS_BYTES`], or one.
    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>>;

    /// The attempts whose rows of the log hold these ids of Meta's, in no order; those that none holds are left out.
    /// At most 5,000 a call.
    async fn attempts_of(&self, wamids: &[String]) -> Result<Vec<AttemptPlace>>;

    /// Applies what receipts say and drops all stored bodies up to and with `up_to`, in one step. The lease is
    /// that of [`RECEIPTS`]. Rules: the ladder only goes up; proof of delivery counts whatever attempt it
    /// belongs to; `Sent` and `Failed` count only for the newest attempt, `Failed` not against delivered or read,
    /// `Sent` not against `failed` nor after a `Failed` of the same attempt, also when a retry waits; an attempt without
    /// an answer gets its log row from the evidence. What is said of a message's price counts by the rules of its own
    /// ([`Mark::and`]), whether or not anybody moves.
    /// Being queued again by a receipt uses up a try if the evidence says so. In a final broadcast nobody is queued again: failed, and
    /// `retry` is when a follow-up may take this person up.
    ///
    /// [`Mark::and`]: crate::domain::pricing::Mark::and
    async fn fold_receipts(&self, lease: &Lease, moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport>;

    // ---- opt-outs ----

    /// Notes words for and against being written to, in order, as facts from anyone: [`Record::note`] says what each comes
    /// to. A user id whose phone is known counts as that phone, and where both are named the two are known from then on.
    /// One that names nobody is a `Conflict`, and nothing is noted. 1,000 at most a call.
    ///
    /// [`Record::note`]: crate::domain::opt_out::Record::note
    async fn note_opt_outs(&self, changes: Vec<Change>) -> Result<Vec<Noted>>;

    /// Learns which phone user ids belong to; what was noted under one of them alone moves to its phone. Returns how many
    /// people that was. 5,000 at most a call.
    async fn learn_users(&self, known: Vec<(String, Phone)>) -> Result<u64>;

    /// The people who are opted out now and whose key contains `search`, by key after `after`; `limit` 5,000 at most.
    async fn opt_outs(&self, search: &str, after: Option<&str>, limit: u32) -> Result<Vec<OptedOut>>;

    /// How many people are opted out now.
    async fn opted_out_people(&self) -> Result<u64>;

    /// Everything noted about one person, the oldest number first. `person` is a key ([`Who::key`]).
    ///
    /// [`Who::key`]: crate::domain::opt_out::Who::key
    async fn opt_out_events(&self, person: &str) -> Result<Vec<Event>>;

    /// In which ways the people with these phones are opted out now, in their order. 5,000 at most a call.
    async fn opted_out(&self, phones: &[Phone]) -> Result<Vec<Kinds>>;

    // ---- schedules ----

    /// Stores a new schedule.
    async fn add_schedule(&self, schedule: &Schedule) -> Result<()>;

    /// All schedules, the next to fire first.
    async fn schedules(&self) -> Result<Vec<Schedule>>;

    /// Moves a schedule from the planned time `fired` to `next`; `false` when another process was faster.
    async fn advance_schedule(&self, id: &ScheduleId, fired: Millis, next: Option<Millis>) -> Result<bool>;

    /// Switches a schedule on (from `next` on) or off.
    async fn enable_schedule(&self, id: &ScheduleId, enabled: bool, next: Option<Millis>) -> Result<()>;

    // ---- audit trail ----

    /// Puts an act on the audit trail, chained to the newest entry. Nothing ever changes or removes one.
    async fn append_act(&self, act: Act) -> Result<Entry>;

    /// Entries after `after` in order; `limit` 5,000 at most.
    async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>>;

    // ---- odds and ends ----

    /// Small facts that survive a restart (sender's limit, when a console was last open …). Not for secrets.
    async fn put_note(&self, key: &str, value: &str) -> Result<()>;

    /// A fact that [`Store::put_note`] stored.
    async fn note(&self, key: &str) -> Result<Option<String>>;

    /// All notes whose key begins with `prefix`.
    async fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>>;

    /// Lets go of files and connections after everything begun has ended.
    async fn close(&self);
}
