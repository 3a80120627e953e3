//! The sender engine: records intents just ahead of the pace, sends with bounded requests in flight,
//! settles outcomes in group commits, folds receipts. One for each process; it drives the sender while
//! it holds the lease and watches for the lease while it does not.
//!
//! It knows the store, the Cloud API and the clock by their traits only, and no face at all. It never marks
//! anybody failed for waiting, and never sends to anybody whose intent is not durable.
//!
//! Under one seed of `fastrand` and a clock that tests move, everything here happens in one order: `select!` looks at
//! its branches in the order in which they stand (stopping first), and what is walked through is ordered.
//!
//! Where to find what: [`lease`] who may drive · [`reign`] everything one holding of the lease needs ·
//! `claim` intents · `budget` the messaging limit · `slow_down` word that we are too fast · `dispatch` pace and sending · `settle` outcomes · `oversee` pausing, completing,
//! freezing · `templates` what a template's standing does to broadcasts · `media` headers' files · `news` other webhooks ·
//! `receipts` folding · [`pace`], [`pair`], [`hold`], [`gate`], [`meter`], [`breaker`] small parts ·
//! [`verdict`] what an answer means.

pub mod breaker;
mod budget;
mod claim;
mod dispatch;
mod freeze;
pub mod gate;
pub mod hold;
pub mod lease;
mod media;
pub mod meter;
mod news;
mod oversee;
pub mod pace;
pub mod pair;
mod parked;
mod receipts;
pub mod reign;
mod settle;
mod slow_down;
mod sweep;
pub(crate) mod templates;
pub mod verdict;

use crate::clock::{Clock, Onward};
use crate::cloud_api::CloudApi;
use crate::custody::{Custody, trail};
use crate::domain::audit::Act;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::ids::BroadcastId;
use crate::domain::marketing::MarketingEndpoint;
use crate::domain::opt_out::Rules;
use crate::service::view::{EngineStatus, WhyNotFaster};
use crate::store::{Store, StoreError};
pub(crate) use budget::{ASKED, room_at};
use lease::{Asked, Identity};
pub(crate) use media::media_key;
pub(crate) use news::lifted;
pub(crate) use reign::resume;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use sweep::verdict_key;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// How often a process that does not drive asks for the lease.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What other parts hold of a running engine: figures to read, a bell to ring, a pace to set.
#[derive(Debug, Clone)]
pub struct EngineLink {
    /// What it says of itself; changes several times a second while it sends.
    pub status: watch::Receiver<EngineStatus>,
    /// Whether it holds the sender's lease.
    pub driving: watch::Receiver<bool>,
    /// Rung after anything that it should look at now: a new broadcast, a pause, a resume, a cancel.
    pub bell: Arc<Notify>,
    /// The configured pace in messages a second (0: off); may be changed while it runs.
    pub pace: watch::Sender<f64>,
}

/// How it is to run.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The phone number id that it sends from.
    pub sender: String,
    /// The WhatsApp Business account that it belongs to; empty: not known.
    pub account: String,
    /// People of the messaging limit that are left to others.
    pub daily_reserve: u64,
    /// Which way marketing messages go.
    pub marketing_endpoint: MarketingEndpoint,
    /// The pace; 0: off.
    pub messages_per_second: f64,
    /// Requests without an answer, at most.
    pub max_in_flight: u32,
    /// A broadcast that nobody drove for longer than this is held, not sent.
    pub grace_ms: i64,
    /// What this process shows: `console`, `headless`, `send`.
    pub face: String,
    /// Where this process's lock file goes.
    pub lock_folder: PathBuf,
    /// How long a drain waits for answers.
    pub drain_timeout: Duration,
    /// How a command line begins, for hints.
    pub program: &'static str,
    /// What counts as opting out, and what that holds back.
    pub opt_out: Rules,
}

impl EngineConfig {
    /// People with an intent and no durable outcome, at most: what a crash can leave in doubt.
    pub fn max_unsettled(&self) -> u32 {
        self.max_in_flight.saturating_mul(2).max(2)
    }
}

/// What it works with.
#[derive(Clone)]
pub struct EngineParts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The Cloud API.
    pub api: Arc<dyn CloudApi>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What to do about errors.
    pub policy: Arc<ErrorPolicy>,
    /// What is kept outside the store; `None`: nothing is, and a restored backup is not recognised.
    pub custody: Option<Custody>,
    /// How.
    pub config: EngineConfig,
}

/// What all parts of one engine share.
struct Shared {
    parts: EngineParts,
    identity: Identity,
    status: watch::Sender<EngineStatus>,
    driving: watch::Sender<bool>,
    bell: Arc<Notify>,
    pace: watch::Receiver<f64>,
    drain: CancellationToken,
    /// User ids whose phone was handed to the store already, so that a person's receipts and messages do so once.
    learned: std::sync::Mutex<HashSet<String>>,
    /// When retries are due.
    onward: Onward,
}

impl Shared {
    /// Puts on the audit trail what the sender did by itself.
    async fn note_act(&self, what: &str, subject: &BroadcastId, detail: String) {
        self.note_act_on(what, subject.as_str(), detail).await;
    }

    /// The same about something else than a broadcast.
    async fn note_act_on(&self, what: &str, subject: &str, detail: String) {
        let parts = &self.parts;
        let act = Act {
            at: parts.clock.now(),
            who: format!("the sender {}", parts.config.sender),
            what: what.to_owned(),
            subject: subject.to_owned(),
            detail,
        };
        trail::note(&*parts.store, parts.custody.as_ref(), act).await;
    }
}

/// A running engine.
pub struct EngineHandle {
    link: EngineLink,
    drain: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl EngineHandle {
    /// For other parts.
    pub fn link(&self) -> EngineLink {
        self.link.clone()
    }

    /// Takes nothing new, gives back what never left, waits for answers under way (as long as configured),
    /// records them, gives the lease back. An error says that the engine had ended by a panic.
    pub async fn drain(self) -> Result<(), tokio::task::JoinError> {
        self.drain.cancel();
        self.task.await
    }

    /// Returns when the engine ended without being asked to: by a panic, which the error tells of.
    pub async fn ended(&mut self) -> Result<(), tokio::task::JoinError> {
        (&mut self.task).await
    }

    /// Begins to drain without waiting for it.
    pub fn begin_drain(&self) {
        self.drain.cancel();
    }
}

/// Starts an engine. It asks for the sender's lease at once and goes on asking.
pub fn start(parts: EngineParts) -> EngineHandle {
    let config = &parts.config;
    let first =
        EngineStatus { sender: config.sender.clone(), pace: config.messages_per_second, ..EngineStatus::default() };
    let (status, status_seen) = watch::channel(first);
    let (driving, driving_seen) = watch::channel(false);
    let (pace, pace_seen) = watch::channel(config.messages_per_second);
    let bell = Arc::new(Notify::new());
    let drain = CancellationToken::new();
    let link = EngineLink { status: status_seen, driving: driving_seen, bell: bell.clone(), pace };
    let identity = Identity::new(&config.lock_folder, &config.face);
    let onward = Onward::new(parts.clock.clone());
    let shared = Arc::new(Shared {
        parts,
        identity,
        status,
        driving,
        bell,
        pace: pace_seen,
        drain: drain.clone(),
        learned: std::sync::Mutex::default(),
        onward,
    });
    EngineHandle { link, drain, task: tokio::spawn(run(shared)) }
}

async fn run(shared: Arc<Shared>) {
    let mut folding = tokio::spawn(receipts::run(shared.clone()));
    let mut sending = tokio::spawn(send_while_leased(shared.clone()));
    // Neither ends before the drain but by a panic, and then the other one drains.
    let (sent, folded) = tokio::select! {
        biased;
        sent = &mut sending => (Some(sent), None),
        folded = &mut folding => (None, Some(folded)),
    };
    shared.drain.cancel();
    let sent = match sent {
        Some(sent) => sent,
        None => sending.await,
    };
    // Receipts for what was under way are folded to the last moment.
    let folded = match folded {
        Some(folded) => folded,
        None => folding.await,
    };
    pass_panic_on(sent);
    pass_panic_on(folded);
}

/// A task that panicked takes the engine with it, so that it does not go unseen.
fn pass_panic_on(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Asks for the lease, reigns while it lasts, and asks again, until it drains.
async fn send_while_leased(shared: Arc<Shared>) {
    let sender = shared.parts.config.sender.clone();
    let mut stale = None;
    while !shared.drain.is_cancelled() {
        if let Some(lease) = &stale {
            if let Err(error) = shared.parts.store.release_lease(lease).await
                && !matches!(error, StoreError::LeaseLost)
            {
                trouble(&shared, &error);
                pause_before_asking(&shared).await;
                continue;
            }
            stale = None;
        }
        match standing(&shared).await {
            Ok(None) => {}
            Ok(Some(words)) => {
                not_ours(&shared, words);
                pause_before_asking(&shared).await;
                continue;
            }
            Err(error) => {
                trouble(&shared, &error);
                pause_before_asking(&shared).await;
                continue;
            }
        }
        let status = shared.status.subscribe();
        let said = move || serde_json::to_string(&*status.borrow()).unwrap_or_default();
        let asked = lease::ask(&shared.parts.store, &shared.parts.clock, &shared.identity, &sender, said).await;
        match asked {
            Ok(Asked::Ours(held)) => {
                tracing::info!(sender, fence = held.lease.fence, "driving the sender");
                stale = reign::reign(&shared, held).await;
                shared.driving.send_replace(false);
                shared.status.send_modify(|status| {
                    status.why = WhyNotFaster::Idle;
                    status.in_flight = 0;
                });
            }
            Ok(Asked::Theirs(view)) => {
                tracing::debug!(sender, host = view.holder.host, pid = view.holder.pid, "another process drives");
                pause_before_asking(&shared).await;
            }
            Err(error) => {
                trouble(&shared, &error);
                pause_before_asking(&shared).await;
            }
        }
    }
}

/// What stands against sending from this store: it is a copy, or a restored backup.
async fn standing(shared: &Shared) -> Result<Option<String>, StoreError> {
    let parts = &shared.parts;
    let Some(custody) = &parts.custody else { return Ok(None) };
    let standing = custody.standing(&*parts.store, &parts.config.sender).await?;
    Ok(standing.trouble(parts.config.program))
}

/// Says, once, that the store is not to be sent from.
fn not_ours(shared: &Shared, words: String) {
    shared.status.send_if_modified(|status| {
        if status.trouble == words {
            return false;
        }
        tracing::warn!("{words}");
        status.why = WhyNotFaster::Store { detail: words.clone() };
        status.trouble = words;
        true
    });
}

async fn pause_before_asking(shared: &Shared) {
    tokio::select! {
        biased;
        () = shared.drain.cancelled() => {}
        () = tokio::time::sleep(ASK_EVERY) => {}
    }
}

/// Says that the store gives trouble.
fn trouble(shared: &Shared, error: &StoreError) {
    tracing::warn!(%error, "the store gives trouble");
    shared.status.send_modify(|status| {
        status.trouble = error.to_string();
        status.why = WhyNotFaster::Store { detail: error.to_string() };
    });
}
