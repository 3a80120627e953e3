//! What faces show: plain values, made by the service, drawn by console, headless reporter, API and
//! command line. Nothing here does anything.

use super::forward::Forwarding;
use crate::cloud_api::SenderInfo;
use crate::domain::account::{Alert, Restriction, TokenStanding};
use crate::domain::binding::Bindings;
use crate::domain::broadcast::{Broadcast, Choices, Counts, Funnel, Number};
use crate::domain::cost::Estimate;
use crate::domain::ids::BroadcastId;
use crate::domain::pricing::Priced;
use crate::domain::schedule::Schedule;
use crate::domain::sweep::Verdict;
use crate::domain::template::TemplateKey;
use crate::domain::time::Millis;
use crate::store::{AudiencePlace, Holder, ListSummary, LogRow};
use serde::{Deserialize, Serialize};

/// A broadcast that somebody asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BroadcastRequest {
    /// The template's name.
    pub template_name: String,
    /// The language code.
    pub language_code: String,
    /// One list, or all uploaded numbers.
    pub list: Option<String>,
    /// The operator's word for it.
    pub label: String,
    /// What fills the variables.
    pub bindings: Bindings,
    /// When it is due; `None`: at once.
    pub start_at: Option<Millis>,
    /// A pace of its own, below the sender's.
    pub messages_per_second: Option<f64>,
    /// Refuse unless the audience is exactly this many people.
    pub expect: Option<u64>,
    /// Let it be a repeat.
    pub repeat: bool,
    /// `Idempotency-Key` and a hash of the content.
    pub idempotency: Option<(String, String)>,
    /// What happens when something is not as it should be.
    pub choices: Choices,
}

/// What a broadcast would do: everything the review screen and the command line's question show.
/// Making a plan sends nothing and stores nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What was asked for.
    pub request: BroadcastRequest,
    /// The template's key, category and quality.
    pub template: TemplateKey,
    /// `MARKETING`, `UTILITY`, `AUTHENTICATION`.
    pub category: String,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality: String,
    /// People in the audience, each counted once.
    pub people: u64,
    /// Of those, left out by each rule.
    pub left_out: Vec<(String, u64)>,
    /// The first of those left out: who and why.
    pub left_out_first: Vec<(Number, String)>,
    /// Where those stand: upload, and row of its file.
    pub left_out_at: Vec<AudiencePlace>,
    /// The first people of the audience, to fill the preview with.
    pub samples: Vec<Number>,
    /// The account and its state, when it could be asked.
    pub sender: Option<SenderInfo>,
    /// To the built-in sandbox, not to people.
    pub rehearsal: bool,
    /// The pace that it would go at; 0: as fast as it goes.
    pub messages_per_second: f64,
    /// How long it would take at that pace, in milliseconds; `None`: cannot be said.
    pub takes_ms: Option<i64>,
    /// What it would cost those it goes to; an estimate, billed on delivery.
    pub cost: Estimate,
    /// The limit of people in 24 hours; `None`: none, or not known.
    pub budget: Option<Budget>,
    /// One that this looks like a repeat of.
    pub repeat_of: Option<BroadcastId>,
    /// What to think about before starting, in words.
    pub warnings: Vec<String>,
}

impl Plan {
    /// How many people it would be sent to.
    pub fn goes_to(&self) -> u64 {
        self.people - self.left_out.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// The sender's messaging limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// People in a rolling 24 hours, without the reserve that is left to others.
    pub limit: u64,
    /// Different people reached in the last 24 hours from this store (never too few).
    pub used: u64,
    /// When the first of those falls out of the 24 hours, so that there is more room than now.
    pub room_at: Option<Millis>,
}

impl Budget {
    /// What is left.
    pub fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// A broadcast with its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct BroadcastView {
    /// As stored.
    pub broadcast: Broadcast,
    /// Exclusive; adds up to the audience.
    pub counts: Counts,
    /// Cumulative.
    pub funnel: Funnel,
    /// Failures by cause, most first.
    pub failures: Vec<Cause>,
    /// Left out by reason, most first.
    pub skips: Vec<(String, u64)>,
    /// What Meta said that the messages cost which were delivered, most first.
    pub prices: Vec<Priced>,
    /// When it will be through at the present speed; `None`: cannot be said.
    pub done_at: Option<Millis>,
    /// What came of comparing its records after its end; `None`: not ended, not compared yet, or one of many.
    pub audit: Option<Verdict>,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cause {
    /// The error code.
    pub code: i64,
    /// What happened, in words.
    pub title: String,
    /// What to do, in words.
    pub advice: String,
    /// How many.
    pub count: u64,
}

/// Why the sender is not faster. The console always shows one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum WhyNotFaster {
    /// Nothing to send.
    #[default]
    Idle,
    /// At the configured pace, messages a second.
    Pace {
        /// The pace.
        messages_per_second: f64,
    },
    /// The API asked for less; growing again.
    SlowedByApi {
        /// The code that it asked with.
        code: i64,
        /// What is left of the pace.
        messages_per_second: f64,
        /// When it may be faster, when that is known.
        until: Option<Millis>,
    },
    /// As many requests in flight as allowed, answers are slow.
    InFlight {
        /// The limit.
        limit: u32,
    },
    /// The store is slow or away.
    Store {
        /// In words.
        detail: String,
    },
    /// No connection to the API, or no usable answers: held, probed, next look then.
    Api {
        /// In words.
        detail: String,
        /// When it is looked at again.
        next_look_at: Option<Millis>,
    },
    /// A new holder waits a second, or one that had to let go waits.
    Starting,
    /// Finishing what is under way, taking nothing new.
    Draining,
}

impl WhyNotFaster {
    /// What slows the sender down against its will, in words. `None`: nothing does.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::SlowedByApi { code, messages_per_second, .. } => {
                Some(format!("WhatsApp asked for less (code {code}): {messages_per_second:.1} a second for now"))
            }
            Self::Api { detail, .. } => Some(format!("held, WhatsApp gives no usable answer: {detail}")),
            Self::Store { detail } => Some(format!("held, the store: {detail}")),
            _ => None,
        }
    }
}

/// What the engine says of itself; kept with the lease so that other processes can show it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EngineStatus {
    /// The sender.
    pub sender: String,
    /// Messages a second now allowed; 0: off.
    pub pace: f64,
    /// Why not faster.
    pub why: WhyNotFaster,
    /// Requests without an answer.
    pub in_flight: u32,
    /// People with an intent and no durable outcome.
    pub unsettled: u32,
    /// Requests written in each of the last seconds, oldest first, 120 at most.
    pub written_per_second: Vec<u32>,
    /// Answer times in milliseconds over the last minute: half were below.
    pub answer_ms_p50: u64,
    /// 99 of 100 were below.
    pub answer_ms_p99: u64,
    /// Why it gave up or could not start, in words; empty: nothing wrong.
    pub trouble: String,
    /// Messages of running broadcasts that WhatsApp took and holds until it has judged the template.
    #[serde(default)]
    pub held_back: u64,
}

/// Who drives the sender.
#[derive(Debug, Clone, PartialEq)]
pub enum Driver {
    /// This process.
    Us,
    /// Another one.
    Other(Holder),
    /// Nobody: nothing goes out, schedules do not fire.
    Nobody,
}

/// Receipts as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiptsHealth {
    /// Whether the webhook can take any (an app secret is set and HTTP is on, here or in the driving process).
    pub set_up: bool,
    /// When the last one came.
    pub last_at: Option<Millis>,
    /// While something goes out: since when, as far as is known, so that some should come.
    pub expected_since: Option<Millis>,
    /// Bodies waiting to be folded.
    pub backlog: u64,
    /// How handing bodies on to other addresses stands; in another process only what was dropped is known.
    pub forwarding: Forwarding,
}

/// What is known of the account and the access token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountView {
    /// How the token stood when it was last looked at.
    pub token: Option<TokenStanding>,
    /// What WhatsApp does not let the account do now.
    pub restriction: Option<Restriction>,
    /// What WhatsApp warned of in the last days, the newest last.
    pub alerts: Vec<Alert>,
    /// What is wrong with the configured version of the API.
    pub api_version: Option<String>,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What happened.
    pub what: String,
    /// What to do.
    pub advice: String,
    /// The broadcast that it is about.
    pub broadcast: Option<BroadcastId>,
}

/// Everything the Live screen and the header need, taken at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When.
    pub at: Millis,
    /// Sandbox or people.
    pub rehearsal: bool,
    /// The sender, when it has been asked; and the configured id.
    pub sender: Option<SenderInfo>,
    /// The configured phone number id.
    pub sender_id: String,
    /// Who drives.
    pub driver: Driver,
    /// What the driver says of itself.
    pub engine: EngineStatus,
    /// The open broadcasts, those under way first, then paused, then scheduled.
    pub open: Vec<BroadcastView>,
    /// The last ones that ended, newest first, a few.
    pub ended: Vec<BroadcastView>,
    /// Schedules, the next to fire first.
    pub schedules: Vec<Schedule>,
    /// The lists.
    pub lists: Vec<ListSummary>,
    /// The newest log rows, newest first, a few.
    pub latest: Vec<LogRow>,
    /// The messaging limit.
    pub budget: Option<Budget>,
    /// Receipts.
    pub receipts: ReceiptsHealth,
    /// The account and the token.
    pub account: AccountView,
    /// What needs a person.
    pub problems: Vec<Problem>,
    /// How many templates are known, how many approved, and when they were synced.
    pub templates: (usize, usize, Option<Millis>),
    /// Where the store is.
    pub store_place: String,
    /// The store's trouble, if it does not answer: the figures above are then the last known.
    pub store_trouble: Option<String>,
    /// Where HTTP listens, or why not.
    pub http: String,
}
