//! What can be changed in a sandbox while it runs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the sandbox behaves. Changed by `POST /_sandbox/settings` or [`super::SandboxHandle::change`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Messages a second for each sender, in any one-second window; above it 130429. 0: without limit.
    pub messages_per_second: u32,
    /// The shortest and longest time that an answer takes.
    pub latency_ms: (u32, u32),
    /// Requests at once, above which the answer is 503 with code 2. 0: without limit.
    pub max_concurrent: usize,
    /// Off: every call is refused with 190.
    pub token_valid: bool,
    /// Off: marketing templates are refused on `/messages` with 131063, as an account can choose.
    pub marketing_on_messages: bool,
    /// Numbers that provoke codes do so; see [`super::numbers`].
    pub provoking_numbers: bool,
    /// What is answered to certain people, by `+` and number: any code, also those that no number can provoke. 1,000 at most.
    pub provoke: BTreeMap<String, Provoked>,
    /// `message_status` of the answers to messages that are taken.
    pub message_status: String,
    /// How much of the account's limit on calls every answer says is used, in percent; 0: nothing is said.
    pub usage_percent: u32,
    /// What becomes of everybody else.
    pub mix: Mix,
    /// How long an uploaded file's id is good for, in seconds.
    pub media_lifetime_s: u32,
    /// The payloads of so many messages are kept, from the first that is taken: 1,000 at most.
    pub keep_payloads: usize,
    /// Where receipts go; none are made without it.
    pub webhook_url: Option<String>,
    /// Receipts pile up and are sent when this ends.
    pub receipts_paused: bool,
    /// Statuses in one webhook call, up to 1,000.
    pub receipts_per_post: usize,
    /// When `sent` or `failed` comes after the message was taken.
    pub sent_after_ms: u32,
    /// When `delivered` comes after `sent`.
    pub delivered_after_ms: u32,
    /// When `read` comes after `delivered`.
    pub read_after_ms: u32,
    /// Each receipt comes up to this much later than its time, so that they overtake each other.
    pub receipt_shuffle_ms: u32,
    /// Receipts come without `biz_opaque_callback_data`.
    pub receipts_without_id: bool,
    /// The share of receipts that never come, 0 to 1.
    pub receipts_lost: f64,
    /// The share of receipts that come twice, 0 to 1.
    pub receipts_doubled: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            messages_per_second: 80,
            latency_ms: (0, 0),
            max_concurrent: 0,
            token_valid: true,
            marketing_on_messages: true,
            provoking_numbers: true,
            provoke: BTreeMap::new(),
            message_status: "accepted".into(),
            usage_percent: 0,
            mix: Mix::default(),
            media_lifetime_s: 30 * 86_400,
            keep_payloads: 0,
            webhook_url: None,
            receipts_paused: false,
            receipts_per_post: 200,
            sent_after_ms: 50,
            delivered_after_ms: 100,
            read_after_ms: 200,
            receipt_shuffle_ms: 0,
            receipts_without_id: false,
            receipts_lost: 0.0,
            receipts_doubled: 0.0,
        }
    }
}

/// An error that one person draws.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provoked {
    /// The code.
    pub code: i64,
    /// With this subcode; an answer's only.
    pub subcode: Option<i64>,
    /// `error_data.details`.
    pub details: String,
    /// `is_transient`; an answer's only.
    pub transient: bool,
    /// The answer's HTTP status; `None`: Meta's usual one for the code.
    pub http_status: Option<u16>,
    /// The message is taken, and a receipt tells.
    pub by_receipt: bool,
}

/// What becomes of people whose numbers provoke nothing. Decided by phone and seed, so always the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// The share that fails with each code: `[[131026, 0.02]]`. Codes come as Meta sends them: some as an
    /// answer, some as a receipt. Those of marketing messages (131049, 131050) come with marketing templates only: with
    /// others the same people draw 131026 and 130403.
    pub failed: Vec<(i64, f64)>,
    /// The share that reads the message.
    pub read: f64,
    /// The share that gets the message and does not read it.
    pub delivered: f64,
}

impl Default for Mix {
    /// Everybody gets it, nobody reads it.
    fn default() -> Self {
        Self { failed: Vec::new(), read: 0.0, delivered: 1.0 }
    }
}

impl Mix {
    /// As a good campaign looks.
    pub fn lifelike() -> Self {
        Self { failed: vec![(131_026, 0.025), (131_049, 0.015), (131_050, 0.005)], read: 0.62, delivered: 0.30 }
    }
}

impl Settings {
    /// Says what is out of its range.
    pub(super) fn check(&self) -> Result<(), String> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let all = self.mix.read + self.mix.delivered + self.mix.failed.iter().map(|(_, share)| share).sum::<f64>();
        let minute = 60_000;
        let fits = [
            ("messages_per_second", self.messages_per_second <= 1_000_000),
            ("latency_ms", self.latency_ms.0 <= self.latency_ms.1 && self.latency_ms.1 <= minute),
            ("keep_payloads", self.keep_payloads <= 1_000),
            ("receipts_per_post", (1..=1_000).contains(&self.receipts_per_post)),
            ("sent_after_ms", self.sent_after_ms <= 60 * minute),
            ("delivered_after_ms", self.delivered_after_ms <= 60 * minute),
            ("read_after_ms", self.read_after_ms <= 60 * minute),
            ("receipt_shuffle_ms", self.receipt_shuffle_ms <= 60 * minute),
            ("provoke", self.provoke.len() <= 1_000),
            ("provoke", self.provoke.values().all(|what| what.http_status.is_none_or(|it| (400..600).contains(&it)))),
            ("message_status", self.message_status.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')),
            ("usage_percent", self.usage_percent <= 1_000),
            ("receipts_lost", share(self.receipts_lost)),
            ("receipts_doubled", share(self.receipts_doubled)),
            (
                "mix",
                share(self.mix.read)
                    && share(self.mix.delivered)
                    && self.mix.failed.len() <= 100
                    && self.mix.failed.iter().all(|(_, part)| share(*part))
                    && all <= 1.000_001,
            ),
        ];
        match fits.iter().find(|(_, fits)| !fits) {
            Some((name, _)) => Err(format!("{name} is out of its range")),
            None => Ok(()),
        }
    }
}

/// What a sender says of itself. Changed by `POST /_sandbox/sender` or [`super::SandboxHandle::change_sender`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderProfile {
    /// `+1 555 010 0100`.
    pub display_phone_number: String,
    /// The business's name.
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality_rating: String,
    /// `CONNECTED`, `RESTRICTED` …
    pub status: String,
    /// `STANDARD`, `HIGH`.
    pub throughput: String,
    /// `TIER_250` … `TIER_UNLIMITED`.
    pub messaging_limit: String,
    /// `AVAILABLE`, `LIMITED`, `BLOCKED`.
    pub can_send_message: String,
    /// Why limited or blocked; empty: nothing to say.
    pub health_note: String,
}

impl SenderProfile {
    /// A sender in good standing; the `place`-th one of a sandbox.
    pub(super) fn new(place: usize) -> Self {
        Self {
            display_phone_number: format!("+1 555 010 01{place:02}"),
            verified_name: "Sandbox Retail".into(),
            quality_rating: "GREEN".into(),
            status: "CONNECTED".into(),
            throughput: "STANDARD".into(),
            messaging_limit: "TIER_100K".into(),
            can_send_message: "AVAILABLE".into(),
            health_note: String::new(),
        }
    }
}
