//! What the ledger takes and gives: plain data, no behaviour.
//!
//! Used by everybody who speaks to a [`Store`] and by both engines.

#[cfg(doc)]
use super::Store;
use crate::domain::broadcast::{Broadcast, Cells, Definition, Number, UploadId};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::phone::Phone;
use crate::domain::pricing::{Mark, Pricing};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::Millis;
use serde::{Deserialize, Serialize};

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
    /// Those of the duplicates whose phone stood in the same file before; the first row counts.
    #[serde(default)]
    pub repeated: u64,
    /// The first of them; the caller bounds how many.
    #[serde(default)]
    pub repeats: Vec<Repeat>,
}

/// A row whose phone stood in the same file before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The line or row in the file, from 1.
    pub row: u32,
    /// The row that counts; `None`: too far before to be known.
    #[serde(default)]
    pub of: Option<u32>,
}

impl UploadReport {
    /// Rows of people whom the list had before.
    pub fn in_list_before(&self) -> u64 {
        self.duplicates.saturating_sub(self.repeated)
    }
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

/// A visible upload with what belongs to all of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadDetails {
    /// The upload.
    pub summary: UploadSummary,
    /// The tags that all its numbers got.
    pub tags: Vec<String>,
}

/// A row of an upload's file that could not be used, kept whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReject {
    /// The line or row in the file, from 1; unique within the upload.
    pub row: u32,
    /// Why, by one stable word.
    pub cause: String,
    /// The phone as it stood there, shortened.
    pub phone: String,
    /// Why, in words.
    pub reason: String,
    /// The row.
    pub cells: Cells,
}

/// The kept rejects of an upload with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectCause {
    /// The word.
    pub cause: String,
    /// Those still to be put right.
    pub open: u64,
    /// Those that a later upload has.
    pub fixed: u64,
}

/// A page of a walk that looks at a bounded number of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LookedThrough {
    /// Those of the rows looked at that are the newest of their person.
    pub people: Vec<(AudiencePlace, Number)>,
    /// Where to go on; `None`: that was all.
    pub next: Option<AudiencePlace>,
}

/// One attempt's row of the log, with what receipts said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    /// Which request, from 1.
    pub attempt: u32,
    /// `sent` (Meta took it) or `failed`.
    pub status: String,
    /// When.
    pub timestamp: Millis,
    /// The error code; 0: none.
    pub code: i64,
    /// The API's answer.
    pub response: String,
    /// Meta's id of the message; empty: none.
    pub wamid: String,
    /// A receipt said that it was not delivered.
    pub undelivered: bool,
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
    /// What was decided. With an audience that [`is_fixed`](crate::domain::broadcast::Audience::is_fixed) it is fixed already; else [`Store::start_broadcast`] fixes it.
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
    /// Refuse when a broadcast of the same template and language to a like audience ([`is_like`](crate::domain::broadcast::Audience::is_like)) was made at or after this time.
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

/// Bodies of so many bytes are given at a time to be folded.
pub const RECEIPTS_BYTES: usize = 8 << 20;

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
    /// What it says of the message's price.
    pub mark: Mark,
}

/// An attempt, found by Meta's id of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptPlace {
    /// The id.
    pub wamid: String,
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// The recipient.
    pub seq: u32,
    /// The attempt.
    pub attempt: u32,
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
        /// If it does: tries altogether, this one included. Whoever has used them up fails. 0: no bound.
        max_tries: u32,
        /// When failed: when a follow-up may take this person up.
        retry_at: Option<Millis>,
    },
}

impl Evidence {
    /// When this queues somebody again who has used up so many tries before; `None`: it fails them, or is no failure.
    pub fn retry_after(&self, tries: u32) -> Option<Millis> {
        match self {
            Self::Failed { retry, counts, max_tries, .. } => {
                retry.filter(|_| !counts || *max_tries == 0 || tries.saturating_add(1) < *max_tries)
            }
            Self::Reached(_) => None,
        }
    }
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
    /// What Meta said the messages to this person cost that were delivered, by attempt: mostly one.
    pub prices: Vec<Pricing>,
}

/// What stands as the detail of those whom [`Store::doubt_queued`] put in doubt.
pub const RESTORED: &str = "may have been sent to after the backup was made that this store was restored from";

/// What an operator decided about people in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtDecision {
    /// WhatsApp took it: → accepted. No log row until there is evidence.
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
