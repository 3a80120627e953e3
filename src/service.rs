//! The use cases that console, API and command line share. None of the faces does anything that
//! the others cannot.
//!
//! Talks to the store, the Cloud API and intake; knows nothing of screens, HTTP or arguments. A
//! [`Service`] is cheap to clone and every use case takes `&self`.

pub mod audience;
pub mod broadcasts;
pub mod cost;
pub mod custody;
pub mod doubts;
pub mod error;
pub mod follow_up;
pub mod forward;
pub mod import;
mod lately;
pub mod opt_outs;
pub mod people;
pub mod plan;
mod problems;
pub mod receipts;
pub mod report;
pub mod schedules;
pub mod sender;
pub mod since;
pub mod snapshot;
pub mod start;
pub mod templates;
pub mod test_send;
pub mod times;
pub mod token;
pub mod trail;
pub mod uploads;
pub mod view;

pub use error::{Kind, ServiceError};

/// What use cases return.
pub type Result<T> = std::result::Result<T, ServiceError>;

use crate::clock::Clock;
use crate::cloud_api::CloudApi;
use crate::custody::Custody;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::opt_out::TypedHolds;
use crate::domain::time::Millis;
use crate::engine::EngineLink;
use crate::store::{ListSummary, Store, UploadSummary};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What the use cases need to know of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The phone number id of the sender.
    pub sender: String,
    /// The API is a sandbox on this machine.
    pub rehearsal: bool,
    /// It is the built-in one, with a store of its own: started with `--sandbox`.
    pub sandbox_flag: bool,
    /// The configured pace; 0: off.
    pub messages_per_second: f64,
    /// ISO 3166 code for numbers without a country code.
    pub default_country: Option<String>,
    /// The IANA zone that times are shown and read in.
    pub time_zone: String,
    /// People of the messaging limit that are left to others.
    pub daily_reserve: u64,
    /// What is wrong with the configured version of the API, in words.
    pub api_version_warning: Option<String>,
    /// Whether receipts can come in here: an app secret is set and HTTP listens.
    pub receipts_set_up: bool,
    /// What typed words, buttons, operators and imported lists hold back.
    pub typed_holds: TypedHolds,
}

impl Settings {
    /// How hints begin a command line that meets the same store and the same API as this process.
    pub fn program(&self) -> &'static str {
        program(self.sandbox_flag)
    }
}

/// How hints begin a command line. `sandbox_flag`: this one was given `--sandbox`, so what it hints at needs it, too.
pub fn program(sandbox_flag: bool) -> &'static str {
    if sandbox_flag { "wacast --sandbox" } else { "wacast" }
}

/// The parts a [`Service`] is made from.
pub struct Parts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The Cloud API.
    pub api: Arc<dyn CloudApi>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub settings: Settings,
    /// The engine in this process, if there is one (a `wacast status` has none).
    pub engine: Option<EngineLink>,
    /// What is kept outside the store, if anything is.
    pub custody: Option<Custody>,
    /// Who asks, for the audit trail: `asha at the console on vps-1`.
    pub who: String,
}

/// The use cases. Clones share everything.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
    /// Who asks, for the audit trail.
    who: Arc<str>,
}

struct Inner {
    store: Arc<dyn Store>,
    api: Arc<dyn CloudApi>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    engine: Option<EngineLink>,
    custody: Option<Custody>,
    receipts: receipts::Intake,
    watcher: snapshot::Watcher,
    /// The words for error codes; set once, else the built-in ones.
    policy: OnceLock<Arc<ErrorPolicy>>,
    /// What messages cost; set once, else the built-in rates in USD.
    rates: OnceLock<cost::InUse>,
    /// What tells that the configured version of the API ends; set once.
    api_version: OnceLock<Box<dyn Fn(Millis) -> Option<String> + Send + Sync>>,
    /// Where webhooks are handed on to; set once.
    forwarder: OnceLock<forward::Forwarder>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Service {
    /// Puts the parts together. Starts nothing by itself.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, api, clock, settings, engine, custody, who } = parts;
        let watcher = snapshot::Watcher::new(&settings, &*store, clock.now());
        let receipts = receipts::Intake::default();
        let (policy, rates, forwarder) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        let api_version = OnceLock::new();
        let inner = Inner {
            store,
            api,
            clock,
            settings,
            engine,
            custody,
            receipts,
            watcher,
            policy,
            rates,
            api_version,
            forwarder,
        };
        Self { inner: Arc::new(inner), who: who.into() }
    }

    /// The same for somebody else, as the audit trail is to name them.
    #[must_use]
    pub fn asked_by(self, who: &str) -> Self {
        Self { who: who.into(), ..self }
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Takes the words for error codes from this policy. The first call counts, before anything was shown.
    pub fn use_error_policy(&self, policy: Arc<ErrorPolicy>) {
        let _ = self.inner.policy.set(policy);
    }

    /// The words for error codes.
    pub fn error_policy(&self) -> &Arc<ErrorPolicy> {
        self.inner.policy.get_or_init(|| Arc::new(ErrorPolicy::built_in()))
    }

    /// The time, by the clock it was made with.
    pub fn now(&self) -> Millis {
        self.inner.clock.now()
    }

    /// The engine in this process, if there is one.
    pub fn engine(&self) -> Option<&EngineLink> {
        self.inner.engine.as_ref()
    }

    /// Where the store is, for people.
    pub fn store_place(&self) -> String {
        self.inner.store.place()
    }

    /// All lists, by name.
    pub async fn lists(&self) -> Result<Vec<ListSummary>> {
        Ok(self.inner.store.lists().await?)
    }

    /// The newest visible uploads first, `limit` at most, of one list or of all.
    pub async fn uploads(&self, list: Option<&str>, limit: u32) -> Result<Vec<UploadSummary>> {
        Ok(self.inner.store.uploads(list, limit).await?)
    }

    /// A small fact of a face that survives a restart (when a console was last open, a template's last
    /// bindings). `key` is the face's own, for instance `console.last_open`. Not for secrets.
    pub async fn remember(&self, key: &str, value: &str) -> Result<()> {
        Ok(self.inner.store.put_note(key, value).await?)
    }

    /// What [`Service::remember`] kept.
    pub async fn recall(&self, key: &str) -> Result<Option<String>> {
        Ok(self.inner.store.note(key).await?)
    }

    /// All that was kept under keys beginning with `prefix`.
    pub async fn recall_all(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        Ok(self.inner.store.notes(prefix).await?)
    }

    /// Tells the engine and the snapshot that something changed that they should look at now.
    pub(crate) fn ring(&self) {
        if let Some(engine) = &self.inner.engine {
            engine.bell.notify_one();
        }
        self.inner.watcher.look_now();
    }
}
