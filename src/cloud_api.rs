//! The Cloud API as the rest of the program sees it: one trait, one implementation on reqwest.
//!
//! Nothing outside this module knows reqwest. It never decides what an error means for a broadcast (that is
//! [`crate::domain::error_policy`]); it only says what is known: accepted, refused, never sent, or unknown.

mod answer;
mod bare;
mod client;
mod gated_body;
mod listing;
mod media;
#[cfg(any(test, fuzzing))]
pub mod promises;
mod token;
mod webhook_sender;

pub use bare::BareLoop;
pub use client::{ClientConfig, DEFAULT_BASE_URL, GraphClient, SetupError, install_crypto_provider};
pub use token::TokenFiles;
pub use webhook_sender::WebhookSender;

use crate::domain::template::Template;
use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// Asked at the last moment, when a connection stands and the message's bytes are about to be written to the socket.
pub trait WriteGate: Send + Sync + 'static {
    /// May it be written now? After `Go` the message counts as written, whatever comes.
    fn admit(&self) -> Admission;
}

/// A [`WriteGate`]'s answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Write.
    Go,
    /// Ask again after this time. The call's time-out runs on meanwhile, so this is for fractions of a second.
    Wait(Duration),
    /// Do not write at all (the lease ended, the program drains).
    Refuse,
}

/// An error answer of the Graph API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GraphError {
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    pub subcode: Option<i64>,
    /// `error.message`.
    pub message: String,
    /// `error.error_data.details`.
    pub details: String,
    /// `error.is_transient`.
    pub transient: bool,
    /// `error.fbtrace_id`.
    pub trace: String,
}

/// How much of a limit on calls is used, as the headers `X-Business-Use-Case-Usage` and `X-App-Usage` of any answer tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The highest of the shares that were told, in percent; can be above 100.
    pub percent: u16,
    /// The code that calls are refused with when it is used up: 80007 for the account's, 4 for the app's.
    pub code: i64,
}

/// What is known after a send.
#[derive(Debug, Clone, PartialEq)]
pub enum SendResult {
    /// Meta took it.
    Accepted {
        /// Meta's id of the message.
        wamid: String,
        /// `message_status`, when given: `accepted`, `held_for_quality_assessment`, `paused`.
        message_status: Option<String>,
        /// The answer's body, bounded.
        response: String,
    },
    /// A 4xx or 5xx answer with a Graph error code: Meta did not take it.
    Refused {
        /// The HTTP status.
        http_status: u16,
        /// The error.
        error: GraphError,
        /// `Retry-After` or the usage header's time to regain access.
        retry_after: Option<Duration>,
        /// The answer's body, bounded.
        response: String,
    },
    /// Nothing of the message was written: the gate refused, or no connection came about.
    Unsent {
        /// The gate's refusal, not the network's.
        refused_by_gate: bool,
        /// In words.
        detail: String,
    },
    /// It was written, at least in part, and no answer that proves anything came.
    Unknown {
        /// In words.
        detail: String,
    },
}

/// A call other than a send that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The API answered with an error.
    #[error("WhatsApp answered with error {}: {}", error.code, error.message)]
    Refused {
        /// The HTTP status.
        http_status: u16,
        /// The error.
        error: GraphError,
    },
    /// No answer.
    #[error("WhatsApp cannot be reached: {0}")]
    Unreachable(String),
    /// An answer that says nothing: an HTTP error without a code of the API's, or a body that is not its JSON. Whoever
    /// answered is there, so this proves nothing about messages.
    #[error("WhatsApp answered oddly: {detail}")]
    Odd {
        /// The HTTP status.
        http_status: u16,
        /// In words.
        detail: String,
    },
}

/// A sender as the API describes it. Empty texts: not said.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct SenderInfo {
    /// The phone number id.
    pub id: String,
    /// `+1 555 010 0111`.
    pub display_phone_number: String,
    /// `Acme Retail`.
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality_rating: String,
    /// `CONNECTED` …
    pub status: String,
    /// `STANDARD`, `HIGH`.
    pub throughput_level: String,
    /// `TIER_250` … `TIER_UNLIMITED`, as said.
    pub messaging_limit: String,
    /// `AVAILABLE`, `LIMITED`, `BLOCKED`.
    pub can_send_message: String,
    /// Why limited or blocked, in words.
    pub health_notes: Vec<String>,
}

impl SenderInfo {
    /// How many people may be written to in 24 hours; `None`: without limit or not known.
    pub fn people_a_day(&self) -> Option<u64> {
        let tier = self.messaging_limit.strip_prefix("TIER_")?;
        match tier.strip_suffix('K') {
            Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1_000),
            None => tier.parse().ok(),
        }
    }
}

/// What `debug_token` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenInfo {
    /// Whether it works.
    pub is_valid: bool,
    /// Seconds since the epoch; 0: never.
    pub expires_at: i64,
    /// When it ends could not be asked.
    pub ends_unknown: bool,
    /// What it may do.
    pub scopes: Vec<String>,
    /// What it lacks for sending from this account, in words.
    pub faults: Vec<String>,
    /// Why it does not work.
    pub error: String,
}

impl TokenInfo {
    /// Why nothing can be sent with it; `None`: it will do.
    pub fn trouble(&self) -> Option<String> {
        if !self.is_valid {
            return Some(if self.error.is_empty() { "it is not valid".to_owned() } else { self.error.clone() });
        }
        (!self.faults.is_empty()).then(|| self.faults.join("; "))
    }
}

/// A file for a message's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Its name without folders.
    pub name: String,
    /// Its media type, such as `image/jpeg`.
    pub mime: &'static str,
    /// All of it.
    pub bytes: Bytes,
}

/// The Cloud API.
#[async_trait]
pub trait CloudApi: Send + Sync + 'static {
    /// Sends one message. `body` is the whole JSON payload ([`crate::domain::message`]).
    async fn send(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult;

    /// How much of a limit on calls was used by the newest answer that told, once; `None`: none told since.
    fn take_usage(&self) -> Option<Usage> {
        None
    }

    /// All templates of the account, every page.
    async fn templates(&self) -> Result<Vec<Template>, CallError>;

    /// Uploads a file that messages of this sender may refer to by the id that is returned, for 30 days.
    async fn upload_media(&self, _sender: &str, _file: MediaFile) -> Result<String, CallError> {
        Err(CallError::Unreachable("files cannot be uploaded here".to_owned()))
    }

    /// How the sender stands.
    async fn sender(&self, sender: &str) -> Result<SenderInfo, CallError>;

    /// The same by the Marketing Messages API, which takes marketing templates only.
    async fn send_marketing(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        self.send(sender, body, gate).await
    }

    /// How the token stands; `None` when no app id and secret are configured to ask with.
    async fn token(&self) -> Result<Option<TokenInfo>, CallError>;

    /// How another token stands that is to be used from `sender`. Uses and keeps nothing.
    async fn try_token(&self, _token: &SecretString, _sender: &str) -> Result<TokenInfo, CallError> {
        Err(CallError::Unreachable("it takes no token".to_owned()))
    }

    /// Uses a token from the next call on, and keeps it for the next start. An error in words, without the token.
    fn use_token(&self, _token: &SecretString) -> Result<(), String> {
        Err("it takes no token".to_owned())
    }

    /// Takes up a newer token that lies in the configured file or was kept by another process. `true`: it did.
    fn look_for_token(&self) -> bool {
        false
    }

    /// Asks for a new token, good for 60 days, in exchange for the one in use, which goes on working until its own end.
    /// Uses and keeps nothing. `None` when no app id and secret are configured to ask with.
    async fn exchange_token(&self) -> Result<Option<SecretString>, CallError> {
        Ok(None)
    }
}
