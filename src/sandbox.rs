//! A Cloud API of our own on loopback: for `demo`, for rehearsing a campaign with one's own file, and for tests.
//!
//! It checks payloads as Meta does, keeps Meta's limits, sends signed receipts to a webhook, breaks on demand,
//! and keeps a ledger of what it took, so that "nobody twice, nobody lost" can be proven from the other side.
//! It knows nothing of the engine or the store, and it never talks to anything but the webhook it was given.
//!
//! Whoever can reach its port can steer it by `/_sandbox/…` without a key: it belongs on loopback.
//! [`Numbers`](numbers) that provoke each error code, [`Settings`] and [`Fault`]s are described where they are.

mod check;
mod control;
mod faults;
mod ledger;
mod media;
pub mod numbers;
mod people;
mod receipts;
mod server;
mod settings;
mod signature;
mod state;
mod templates;
mod tokens;

pub use faults::{Fault, FaultKind};
pub use ledger::{LedgerPage, LedgerRow, Summary, Twice};
pub use media::MediaUpload;
pub use people::{Deed, Inbound};
pub use settings::{Mix, Provoked, SenderProfile, Settings};
pub use signature::sign;
pub use tokens::SandboxToken;

use crate::cloud_api::WebhookSender;
use crate::domain::template::Template;
use secrecy::SecretString;
use state::Shared;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The sandbox's own sender, when none is named.
pub const PHONE_NUMBER_ID: &str = "100000000000001";
/// The sandbox's own account, when none is named.
pub const BUSINESS_ACCOUNT_ID: &str = "200000000000001";
/// The token that the sandbox takes, when none is named. Not a secret: it opens nothing else.
pub const ACCESS_TOKEN: &str = "sandbox-access-token";
/// The app id for `debug_token`, when none is named.
pub const APP_ID: &str = "300000000000001";
/// What receipts are signed with, when nothing is named. Not a secret either.
pub const APP_SECRET: &str = "sandbox-app-secret";

/// How a sandbox starts.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The senders that it has.
    pub phone_number_ids: Vec<String>,
    /// The account that it has.
    pub business_account_id: String,
    /// The token that it takes.
    pub access_token: SecretString,
    /// Half of the token for `debug_token`.
    pub app_id: String,
    /// The other half, and what receipts are signed with.
    pub app_secret: SecretString,
    /// Everything that chance decides follows from it.
    pub seed: u64,
    /// What can be changed while it runs.
    pub settings: Settings,
    /// The templates that it has.
    pub templates: Vec<Template>,
    /// A file that its ledger survives in.
    pub ledger_file: Option<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            phone_number_ids: vec![PHONE_NUMBER_ID.to_owned()],
            business_account_id: BUSINESS_ACCOUNT_ID.to_owned(),
            access_token: ACCESS_TOKEN.to_owned().into(),
            app_id: APP_ID.to_owned(),
            app_secret: APP_SECRET.to_owned().into(),
            seed: 1,
            settings: Settings::default(),
            templates: templates::samples(),
            ledger_file: None,
        }
    }
}

/// Why a sandbox cannot start or do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not ours.
    #[error("the sandbox cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The ledger's file cannot be used.
    #[error("the sandbox's ledger {0}: {1}")]
    LedgerFile(PathBuf, String),
    /// A setting out of its range, or something that does not exist.
    #[error("{0}")]
    Refused(String),
}

/// Starts sandboxes.
pub struct Sandbox;

impl Sandbox {
    /// Listens and serves until [`SandboxHandle::shutdown`].
    pub async fn start(config: SandboxConfig) -> Result<SandboxHandle, SandboxError> {
        config.settings.check().map_err(SandboxError::Refused)?;
        let listen = config.listen;
        let listener =
            tokio::net::TcpListener::bind(listen).await.map_err(|error| SandboxError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| SandboxError::Listen(listen, error))?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared::new(config, stop.clone())?);
        let tasks = TaskTracker::new();
        tasks.spawn(server::serve(listener, Arc::clone(&shared), address));
        tasks.spawn(receipts::deliver(Arc::clone(&shared)));
        tasks.close();
        Ok(SandboxHandle { address, shared, stop, tasks })
    }
}

/// A running sandbox. Dropping it stops it, without waiting.
pub struct SandboxHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl SandboxHandle {
    /// What `whatsapp.base_url` is to be: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks something, a number of times or for a while.
    pub fn break_with(&self, fault: Fault) {
        self.shared.core().faults.push(fault);
    }

    /// Ends all faults.
    pub fn mend(&self) {
        self.shared.core().faults.clear();
    }

    /// The settings at the moment.
    pub fn settings(&self) -> Settings {
        self.shared.settings.load().as_ref().clone()
    }

    /// Changes settings from the next request on.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) -> Result<(), SandboxError> {
        let mut settings = self.settings();
        change(&mut settings);
        self.shared.set_settings(settings)
    }

    /// Gives a template another status: `APPROVED`, `PAUSED`, `DISABLED` …
    pub fn set_template_status(&self, name: &str, language: &str, status: &str) -> Result<(), SandboxError> {
        self.shared.set_template_status(name, language, status, "")
    }

    /// The same, and tells the webhook. `event`: as Meta's webhook names it, `PAUSED`, `DISABLED`, `REINSTATED` …
    pub fn tell_template_status(&self, name: &str, language: &str, event: &str) -> Result<(), SandboxError> {
        self.shared.tell_template_status(name, language, event, "")
    }

    /// Rejects a template for a reason (`INVALID_FORMAT`, `PROMOTIONAL` …), and tells the webhook.
    pub fn reject_template(&self, name: &str, language: &str, reason: &str) -> Result<(), SandboxError> {
        self.shared.tell_template_status(name, language, "REJECTED", reason)
    }

    /// Sends the webhook anything that is not about the status of a message, signed: a field and its value.
    pub fn tell(&self, field: &str, value: &serde_json::Value) -> Result<(), SandboxError> {
        self.shared.tell(field, value)
    }

    /// The files that were uploaded.
    pub fn media(&self) -> Vec<MediaUpload> {
        self.shared.core().media.all()
    }

    /// The payloads that were kept (`keep_payloads`), each with its place in the ledger.
    pub fn payloads(&self) -> Vec<(usize, serde_json::Value)> {
        self.shared.core().payloads.clone()
    }

    /// The next so many pages of listings after the first are refused: their place is lost, as with Meta now and then.
    pub fn lose_cursors(&self, count: u32) {
        self.shared.core().dead_cursors = count;
    }

    /// Changes what a sender says of itself.
    pub fn change_sender(&self, id: &str, change: impl FnOnce(&mut SenderProfile)) -> Result<(), SandboxError> {
        self.shared.change_sender(id, change)
    }

    /// Issues a token; those before it are revoked unless it says otherwise.
    pub fn issue_token(&self, token: &SandboxToken) {
        self.shared.tokens.issue(token);
    }

    /// What it took, from the `after`-th message on (0: from the start).
    pub fn ledger(&self, after: usize, limit: usize) -> LedgerPage {
        self.shared.core().ledger.page(after, limit)
    }

    /// How many messages it took.
    pub fn taken(&self) -> usize {
        self.shared.core().ledger.len()
    }

    /// What it took in all, and what it took more than once. Goes through all of it.
    pub fn summary(&self) -> Summary {
        self.shared.summary()
    }

    /// Asks the webhook of the settings to prove itself, as Meta does when it is registered.
    pub async fn verify_webhook(&self, verify_token: &str) -> Result<bool, SandboxError> {
        let refused = SandboxError::Refused;
        let url = self.settings().webhook_url.ok_or_else(|| refused("no webhook_url is set".to_owned()))?;
        let webhook = WebhookSender::new(&url).map_err(|error| refused(error.to_string()))?;
        let challenge = self.shared.now_us().to_string();
        webhook.verify(verify_token, &challenge).await.map_err(refused)
    }

    /// Lets somebody write to the business; returns when the webhook of the settings has taken it.
    pub async fn say(&self, inbound: &Inbound) -> Result<(), SandboxError> {
        people::say(&self.shared, inbound).await
    }

    /// Receipts that wait to be delivered.
    pub fn receipts_waiting(&self) -> usize {
        self.shared.outbox.len()
    }

    /// Receipts that were given up, because too many waited.
    pub fn receipts_dropped(&self) -> u64 {
        self.shared.outbox.dropped()
    }

    /// Stops, and waits until its tasks have ended (a few seconds at most).
    pub async fn shutdown(self) {
        self.stop.cancel();
        // A client that keeps a connection open must not hold up the end.
        let _ = tokio::time::timeout(Duration::from_secs(3), self.tasks.wait()).await;
    }
}

impl Drop for SandboxHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
