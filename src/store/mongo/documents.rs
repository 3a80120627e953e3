//! The documents as they lie in the database, and the small conversions between them and our types.
//!
//! Numbers are 32-bit where they fit, so that `{ b: "3k9d2m7a", s: 17 }` typed into mongosh is a key.
//! Nothing here decides anything.

use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::time::Millis;
use crate::store::{Holder, StoreError};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A recipient: the broadcast and the place in it. The key of `recipients` and `todo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonKey {
    /// The broadcast.
    pub b: BroadcastId,
    /// The place in it.
    pub s: i32,
}

impl PersonKey {
    /// The key of a recipient.
    pub fn new(broadcast: &BroadcastId, seq: u32) -> Self {
        Self { b: broadcast.clone(), s: small(seq) }
    }
}

impl From<&PersonKey> for Bson {
    fn from(key: &PersonKey) -> Self {
        Self::Document(doc! { "b": key.b.as_str(), "s": key.s })
    }
}

/// An attempt: the key of `attempts`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The broadcast.
    pub b: BroadcastId,
    /// The place in it.
    pub s: i32,
    /// Which request for this recipient, from 1.
    pub a: i32,
}

impl From<&AttemptKey> for Bson {
    fn from(key: &AttemptKey) -> Self {
        Self::Document(doc! { "b": key.b.as_str(), "s": key.s, "a": key.a })
    }
}

/// A document of `recipients`: written once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecipientDoc {
    /// Whose.
    #[serde(rename = "_id")]
    pub id: PersonKey,
    /// Who.
    pub phone: Phone,
    /// For people.
    pub name: String,
    /// What the slots are filled with.
    pub values: Vec<String>,
    /// Why left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
}

/// A document of `attempts`: the log's row of one attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptDoc {
    /// Which.
    #[serde(rename = "_id")]
    pub id: AttemptKey,
    /// The log's cursor.
    pub n: i64,
    /// Who.
    pub phone: Phone,
    /// `sent` or `failed`.
    pub status: String,
    /// When.
    pub timestamp: DateTime,
    /// The error code; 0: none.
    pub code: i64,
    /// The API's answer, or the receipt that stands in for it.
    pub response: String,
    /// Meta's id of the message; empty when there is none.
    pub wamid: String,
    /// Tries that were used up before this attempt.
    #[serde(default)]
    pub tries: i32,
    /// When a follow-up may take this person up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime>,
    /// The failure that a receipt told of afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<FailedReceipt>,
    /// A `failed` receipt of it was folded, whatever the status says: a `sent` that comes later moves nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
}

/// What a `failed` receipt said of an attempt that had been accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailedReceipt {
    /// When, by Meta's clock.
    pub timestamp: DateTime,
    /// The error code.
    pub code: i64,
    /// Its words.
    pub response: String,
}

/// A document of `todo`: somebody who waits for a retry or for evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TodoDoc {
    /// Whose.
    #[serde(rename = "_id")]
    pub id: PersonKey,
    /// Which of the two.
    pub kind: TodoKind,
    /// `Retry`: the number of the next attempt. `Doubt`: of the attempt in doubt.
    pub attempt: i32,
    /// Tries used up so far.
    pub tries: i32,
    /// `Retry`: not before; the epoch means at once.
    pub due: DateTime,
    /// The newest window that this person was settled out of: in such a window, or an older one,
    /// nothing of theirs is under way any more.
    pub after: i64,
    /// When it was written.
    pub at: DateTime,
    /// Why.
    pub detail: String,
}

/// The kinds of [`TodoDoc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TodoKind {
    /// To be tried again.
    Retry,
    /// The outcome is unknown.
    Doubt,
}

/// A document of `leases`: who drives a sender, and what is under way there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseDoc {
    /// The subject.
    #[serde(rename = "_id")]
    pub id: String,
    /// Rises with every new holder.
    #[serde(default)]
    pub fence: i64,
    /// `None`: given back, or never held.
    #[serde(default)]
    pub holder: Option<Holder>,
    /// When it ends, by the server's clock.
    #[serde(default)]
    pub expires: Option<DateTime>,
    /// The holder's words.
    #[serde(default)]
    pub status: String,
    /// The broadcasts that have begun, by id.
    #[serde(default)]
    pub broadcasts: BTreeMap<String, Turn>,
    /// How many windows were ever opened: their numbers rise over all holders.
    #[serde(default)]
    pub opened: i64,
    /// The open windows, by number.
    #[serde(default)]
    pub windows: BTreeMap<String, Window>,
    /// The opening of the store by which the holder before this one worked; its sessions end at recovery.
    #[serde(default)]
    pub before: String,
    /// How often somebody was opted out since it was first looked at: a window is recorded only while it is as it was when
    /// the opt-outs were read. 0: nobody ever was. `None`: not looked at yet.
    #[serde(default)]
    pub opt_outs: Option<i64>,
}

/// How far a broadcast's first attempts have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The first seq without an intent.
    pub next: i32,
    /// Whether intents may be recorded.
    pub run: bool,
}

/// A window of intents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The broadcast.
    pub b: BroadcastId,
    /// The fence that it was opened under.
    pub fence: i64,
    /// When it was opened.
    pub at: DateTime,
    /// First attempts: from this seq …
    pub from: i32,
    /// … to before this one, as far as they were queued.
    pub to: i32,
    /// Retries: seq, attempt, tries used up before.
    #[serde(default)]
    pub again: Vec<(i32, i32, i32)>,
}

/// As what is due at once is stored.
pub const AT_ONCE: Millis = Millis(0);

/// A count or place as it is stored. Nothing gets as far as the upper end.
pub fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A count or place as it was stored.
pub fn large(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A whole number of whatever numeric type; 0 when it is none.
pub fn whole(value: Option<&Bson>) -> i64 {
    match value {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        #[expect(clippy::cast_possible_truncation, reason = "sums of the server's that are whole numbers")]
        Some(Bson::Double(number)) => *number as i64,
        _ => 0,
    }
}

/// A count of whatever numeric type.
pub fn count(value: Option<&Bson>) -> u64 {
    u64::try_from(whole(value)).unwrap_or(0)
}

/// As a date.
pub fn date(at: Millis) -> DateTime {
    DateTime::from_millis(at.0)
}

/// From a date.
pub fn millis(at: DateTime) -> Millis {
    Millis(at.timestamp_millis())
}

/// As a value of a document.
pub fn to_bson<T: Serialize>(value: &T) -> Result<Bson, StoreError> {
    mongodb::bson::serialize_to_bson(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// As a document.
pub fn to_document<T: Serialize>(value: &T) -> Result<Document, StoreError> {
    mongodb::bson::serialize_to_document(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// As JSON text, for what only this program reads (its keys may hold any character).
pub fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// From JSON text.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}
