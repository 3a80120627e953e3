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

use crate::domain::audit::{Act, Entry};
use crate::domain::broadcast::{Broadcast, Counts, Definition, Number, UploadId};
use crate::domain::ids::{BroadcastId, ScheduleId, StoreId};
use crate::domain::phone::Phone;
use crate::domain::schedule::Schedule;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::Millis;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
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

/// The right to drive a sender, proven by its fence. What is decided about a broadcast takes the lease of its
/// sender; another subject's is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased: a sender's phone number id, or [`RECEIPTS`].
    pub subject: String,
    /// Rises with every new holder.
    pub fence: u64,
}

/// The subject of the lease that lets one process fold receipts.
pub const RECEIPTS: &str = "receipts";

/// Who holds a lease, as others see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Unique for each process start.
    pub process: String,
    /// The host's name.
    pub host: String,
    /// The process id on that host.
    pub pid: u32,
    /// The host's boot id and the path of a lock file that the process holds locked while it lives.
    pub boot_id: String,
    /// See `boot_id`.
    pub lock_file: String,
    /// What face it shows: `console`, `headless`, `send`.
    pub face: String,
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseView {
    /// What is leased.
    pub subject: String,
    /// The holder.
    pub holder: Holder,
    /// The holder's fence.
    pub fence: u64,
    /// Milliseconds until it ends by the store's clock; negative when it has ended.
    pub ends_in_ms: i64,
    /// What the holder last said of itself at its renewal (JSON that only the engine reads).
    pub status: String,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseAnswer {
    /// It is ours.
    Granted(Lease),
    /// Somebody else has it.
    Held(LeaseView),
}

/// An upload to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUpload {
    /// The list it belongs to; made when it does not exist.
    pub list: String,
    /// The file's name or `api`, for people.
    pub source: String,
    /// Tags that all its numbers get.
    pub tags: Vec<String>,
    /// The caller's `Idempotency-Key` and a hash of what was sent with it.
    pub idempotency: Option<(String, String)>,
}

/// What came of beginning an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum UploadBegun {
    /// Go on.
    New(UploadId),
    /// This key was used for the same content: here is what was answered then.
    Replay(UploadSummary),
    /// This key is in use by an upload that has not ended.
    InProgress,
    /// This key was used for other content.
    KeyReused,
}

/// The figures of a finished upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UploadReport {
    /// Rows read. received = imported + duplicates + rejected.
    pub received: u64,
    /// People new to the list.
    pub imported: u64,
    /// Rows whose phone was in the file before, or in the list before.
    pub duplicates: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The first rejects; the caller bounds how many.
    #[serde(default)]
    pub rejects: Vec<Reject>,
    /// The attribute columns, in the file's order.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A row that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The line or row in the file, from 1.
    pub row: u64,
    /// The phone as it stood there.
    pub phone: String,
    /// Why, in words.
    pub reason: String,
}

/// An upload as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UploadSummary {
    /// Its id.
    pub id: UploadId,
    /// Its list.
    pub list: String,
    /// The file's name or `api`.
    pub source: String,
    /// When it became visible.
    pub at: Millis,
    /// Its figures.
    pub report: UploadReport,
}

/// A list as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListSummary {
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub people: u64,
    /// How many visible uploads it has.
    pub uploads: u64,
    /// When the newest of them became visible.
    pub last_upload_at: Millis,
}

/// A row of an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadRow {
    /// The line or row in the file, from 1; unique and rising within the upload.
    pub row: u32,
    /// Who.
    pub number: Number,
}

/// Where a walk through an audience stands: the last row that was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct AudiencePlace {
    /// The upload.
    pub upload: u32,
    /// The row in it.
    pub row: u32,
}

/// A broadcast to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBroadcast {
    /// Its id, random; refused when it exists.
    pub id: BroadcastId,
    /// What was decided. With an audience that [`is_fixed`](Audience::is_fixed) it is fixed already; else [`Store::start_broadcast`] fixes it.
    pub definition: Definition,
    /// `Scheduled` (then `start_at` is set) or `Preparing`.
    pub status: BroadcastStatus,
    /// When it is due.
    pub start_at: Option<Millis>,
    /// The estimated number of people.
    pub total: u32,
    /// The schedule and the occurrence that it is for; unique.
    pub occurrence: Option<(ScheduleId, Millis)>,
    /// The caller's `Idempotency-Key` and a hash of what was sent with it.
    pub idempotency: Option<(String, String)>,
    /// Refuse when a broadcast of the same template and language to a like audience ([`Audience::is_like`]) was made at or after this time.
    /// One that was cancelled before anybody was sent to does not count.
    pub refuse_repeats_since: Option<Millis>,
}

/// What came of making a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub enum BroadcastMade {
    /// Made.
    New(Broadcast),
    /// This key, or this occurrence, made that one before, with the same content.
    Replay(Broadcast),
    /// This key was used for other content.
    KeyReused,
    /// It looks like a repeat of this one.
    LooksLikeRepeat(BroadcastId),
}

/// A recipient to be stored when the audience is frozen.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecipient {
    /// Who.
    pub phone: Phone,
    /// The name, for people.
    pub name: String,
    /// What the template's slots are filled with, in their order.
    pub values: Vec<String>,
    /// Set: left out, for this reason.
    pub skipped: Option<String>,
}

/// An intent: this recipient may now be sent to, once, as this attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// The recipient's place in the broadcast.
    pub seq: u32,
    /// Which request this is, from 1.
    pub attempt: u32,
    /// How many tries were used up before, by the policy's count (waiting is not trying).
    pub tries: u32,
    /// Who.
    pub phone: Phone,
    /// What the template's slots are filled with.
    pub values: Vec<String>,
}

/// What came of an intent.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The recipient.
    pub seq: u32,
    /// The attempt.
    pub attempt: u32,
    /// Who, for the log.
    pub phone: Phone,
    /// When it was known.
    pub at: Millis,
    /// What it is.
    pub verdict: Verdict,
}

/// The kinds of outcome. `response` is the API's answer, bounded by the caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A fact: Meta took it. → accepted (unless a receipt was faster); log row `sent`.
    Accepted {
        /// Meta's id of the message.
        wamid: String,
        /// The answer.
        response: String,
    },
    /// A fact: refused, and not to be tried again by this broadcast. → failed; log row `failed`.
    Failed {
        /// The error code.
        code: i64,
        /// The answer.
        response: String,
        /// When a linked follow-up may take this person up.
        retry_at: Option<Millis>,
    },
    /// A decision on a refusal: to be tried again. → queued, due then; log row `failed`.
    Retry {
        /// The error code.
        code: i64,
        /// The answer.
        response: String,
        /// Not before.
        due: Millis,
        /// Whether this used up a try (a rate limit does not).
        counts: bool,
    },
    /// A decision: it never left. → queued; no log row, and the attempt's number is used again.
    Unsent {
        /// Not before; `None`: at once.
        due: Option<Millis>,
    },
    /// A fact: it may have been accepted. → in doubt; no log row until there is evidence.
    InDoubt {
        /// What happened, in words.
        detail: String,
    },
}

/// A body that came to the webhook with a right signature, as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct RawReceipt {
    /// When.
    pub received_at: Millis,
    /// The bytes.
    pub body: Vec<u8>,
}

/// A stored [`RawReceipt`].
#[derive(Debug, Clone, PartialEq)]
pub struct StoredReceipt {
    /// Rising in the order in which they are to be folded. Ids may have gaps, and none appears later
    /// below one that was returned by [`Store::receipts`].
    pub id: u64,
    /// When it came.
    pub received_at: Millis,
    /// The bytes.
    pub body: Vec<u8>,
}

/// What one receipt says about one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptMove {
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The recipient.
    pub seq: u32,
    /// The attempt it belongs to.
    pub attempt: u32,
    /// Meta's id of the message.
    pub wamid: String,
    /// When, by Meta's clock.
    pub at: Millis,
    /// What it says.
    pub evidence: Evidence,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// It got as far as `Sent`, `Delivered` or `Read`.
    Reached(RecipientState),
    /// Meta could not deliver it; what is to become of the recipient is the policy's word.
    Failed {
        /// The error code.
        code: i64,
        /// The receipt's words, bounded.
        response: String,
        /// `Some`: queued again, due then. `None`: failed.
        retry: Option<Millis>,
        /// Whether being queued again uses up a try (a rate limit does not).
        counts: bool,
        /// When failed: when a follow-up may take this person up.
        retry_at: Option<Millis>,
    },
}

/// What came of folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoldReport {
    /// Recipients that moved.
    pub moved: u64,
    /// Repeats, late ones and ones that prove nothing new.
    pub without_effect: u64,
    /// For recipients or broadcasts that this store does not know.
    pub unknown: u64,
}

/// A row of the log: one answer of the API, with the broadcast and the attempt that it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogRow {
    /// Rises with every row; the cursor of [`Store::log`].
    pub id: u64,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The recipient.
    pub seq: u32,
    /// The attempt.
    pub attempt: u32,
    /// Who.
    pub phone: Phone,
    /// `sent` (Meta took it) or `failed`.
    pub status: String,
    /// When.
    pub timestamp: Millis,
    /// The error code; 0 when there is none.
    pub code: i64,
    /// The API's answer.
    pub response: String,
}

/// A recipient as lists and reports show it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// The place in the broadcast.
    pub seq: u32,
    /// Who.
    pub phone: Phone,
    /// The name.
    pub name: String,
    /// Where this person stands.
    pub state: RecipientState,
    /// The newest attempt; 0: none yet.
    pub attempt: u32,
    /// The last error code; 0: none.
    pub code: i64,
    /// Why skipped or in doubt, the error's words, or an operator's word on a doubt.
    pub detail: String,
    /// Meta's id of the newest message, when known.
    pub wamid: String,
    /// When this last changed, when known.
    pub changed_at: Option<Millis>,
    /// When a retry or a follow-up is due.
    pub due: Option<Millis>,
    /// What the template's slots are filled with.
    pub values: Vec<String>,
}

/// What stands as the detail of those whom [`Store::doubt_queued`] put in doubt.
pub const RESTORED: &str = "may have been sent to after the backup was made that this store was restored from";

/// What an operator decided about people in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtDecision {
    /// WhatsApp took it: → accepted. No log row, and not in [`Store::accepted_since`], until there is evidence.
    CountAsSent,
    /// It did not arrive: → failed, code 0.
    GiveUp,
    /// To be sent again by this broadcast: → queued, due at once. In a cancelled broadcast `Conflict`, in a completed
    /// one too (a follow-up takes them up).
    SendAgain,
}

/// Where a store is, to tell a copy from the original. Any part may be empty when it cannot be known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The machine's id (SQLite), or the replica set's (MongoDB).
    pub machine: String,
    /// The file's whole path, or the database's name.
    pub place: String,
    /// What stays the same when it is renamed there: the file's device and inode; empty for MongoDB.
    pub object: String,
}

/// The templates as last synced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncedTemplates {
    /// All of them, by name and language.
    pub templates: Vec<Template>,
    /// When; `None`: never.
    pub synced_at: Option<Millis>,
}

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

    // ---- templates ----

    /// Replaces all templates of the account by what was synced.
    async fn put_templates(&self, templates: &[Template], now: Millis) -> Result<()>;

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
    /// is replaced only if the new one is `Operator`. Returns it as it stands. `Conflict` when it is final.
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

    /// Recipients in order of seq after `after`, in one state or all; `limit` 5,000 at most.
    async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>>;

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
    async fn open_window(&self, lease: &Lease, id: &BroadcastId, limit: u32, now: Millis) -> Result<Vec<Intent>>;

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

    /// How many messages were accepted at or after `since`, over all broadcasts of the store, counted
    /// in whole quarter hours (never too few). Those that only a receipt proves count, by the receipt's time.
    async fn accepted_since(&self, since: Millis) -> Result<u64>;

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

    /// The next unfolded bodies in order.
    async fn receipts(&self, limit: u32) -> Result<Vec<StoredReceipt>>;

    /// Applies what receipts say and drops all stored bodies up to and with `up_to`, in one step. The lease is
    /// that of [`RECEIPTS`]. Rules: the ladder only goes up; proof of delivery counts whatever attempt it
    /// belongs to; `Sent` and `Failed` count only for the newest attempt, `Failed` not against delivered or read,
    /// `Sent` not against `failed` nor after a `Failed` of the same attempt, also when a retry waits; an attempt without
    /// an answer gets its log row from the evidence.
    /// Being queued again by a receipt uses up a try if the evidence says so. In a final broadcast nobody is queued again: failed, and
    /// `retry` is when a follow-up may take this person up.
    async fn fold_receipts(&self, lease: &Lease, moves: Vec<ReceiptMove>, up_to: u64) -> Result<FoldReport>;

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
