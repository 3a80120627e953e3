//! Builds the parts from a configuration, starts them, watches them, and ends them in the right order.
//!
//! [`Ground`] is what every command needs: the store, the Cloud API and the use cases. [`App`] is what
//! drives: engine, scheduler and HTTP on top of it. A task that panics is seen here ([`App::broken`]) and never
//! brings the process down by itself. Called by [`crate::cli`]; knows no screen.

mod first_look;
mod ground;
mod offline;
mod port;
pub mod signals;
mod token_keeper;

pub use first_look::first_look;
pub use ground::{AppError, Ground, cloud_api, rehearsed};

use crate::api::{self, ApiConfig, ApiHandle, BindError};
use crate::config::Config;
use crate::engine::{self, EngineConfig, EngineHandle, EngineParts};
use crate::scheduler::{self, SchedulerHandle};
use crate::service::Service;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a drain waits for answers to requests under way.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long draining everything may take before the process ends all the same. What is open then becomes in
/// doubt at the next start, as after a crash.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// The longest that webhooks are still handed on after the last one came.
const FORWARDING_PATIENCE: Duration = Duration::from_secs(5);

/// What a process shows while it drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The console.
    Console,
    /// Log lines.
    Headless,
    /// `send --wait`.
    Send,
}

impl Face {
    /// As the audit trail names it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Console => "the console",
            Self::Headless => "the program without screen",
            Self::Send => "the command line",
        }
    }

    /// The word that other processes read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Headless => "headless",
            Self::Send => "send",
        }
    }
}

/// Engine, scheduler and HTTP, running.
pub struct App {
    ground: Ground,
    service: Service,
    engine: Watched,
    scheduler: SchedulerHandle,
    token_keeper: Watched,
    http: Option<Watched>,
    http_address: Option<SocketAddr>,
    http_shutdown: CancellationToken,
    broken: watch::Receiver<Option<String>>,
}

/// A part that must not end before it is told to.
struct Watched {
    drain: CancellationToken,
    ended: JoinHandle<()>,
}

impl App {
    /// Starts everything. HTTP that cannot start is no error: the rest goes on without it and says so.
    pub async fn start(ground: Ground, face: Face) -> Self {
        let (broken, broken_seen) = watch::channel(None);
        let engine = engine::start(engine_parts(&ground, face));
        let service = ground.service(Some(engine.link()), face.words());
        let http_shutdown = CancellationToken::new();
        let (http, http_address) = start_http(&ground, &service, &http_shutdown, &broken).await;
        if let (Some(sandbox), Some(address)) = (&ground.sandbox, http_address) {
            let webhook_url = Some(format!("http://{}/webhook", reachable(address)));
            if let Err(error) = sandbox.change(|settings| settings.webhook_url = webhook_url) {
                tracing::warn!(%error, "the sandbox sends no receipts");
            }
        }
        let grace_ms = i64::try_from(ground.config.schedule.grace.as_millis()).unwrap_or(i64::MAX);
        let sync_templates = ground.config.schedule.sync_templates;
        let scheduler = scheduler::start(service.clone(), ground.clock.clone(), grace_ms, sync_templates);
        let token_keeper = watch_token_keeper(&service, broken.clone());
        let engine = watch_engine(engine, broken);
        Self {
            ground,
            service,
            engine,
            scheduler,
            token_keeper,
            http,
            http_address,
            http_shutdown,
            broken: broken_seen,
        }
    }

    /// The use cases, with this process's engine.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The configuration as it is used.
    pub fn config(&self) -> &Config {
        &self.ground.config
    }

    /// What stands below it.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Where HTTP listens; `None`: nowhere.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Word of a part that broke, in words; `None` while all is well.
    pub fn broken(&self) -> watch::Receiver<Option<String>> {
        self.broken.clone()
    }

    /// Takes nothing new, waits for what is under way, and ends every part, receipts last. An error says which
    /// part had broken, or that it took too long.
    pub async fn drain(self) -> Result<(), String> {
        let broken = self.broken.clone();
        let Self { ground, service, engine, scheduler, token_keeper, http, http_shutdown, .. } = self;
        let all = async {
            scheduler.stop().await;
            token_keeper.end().await;
            // The webhook listens until the engine is through: receipts for its last messages come meanwhile.
            engine.end().await;
            http_shutdown.cancel();
            if let Some(http) = http {
                http.end().await;
            }
            // Nothing more comes in; what came goes on to whom it is handed on to.
            service.finish_forwarding(FORWARDING_PATIENCE).await;
            drop(service);
            ground.close().await;
        };
        let in_time = tokio::time::timeout(DRAIN_LIMIT, all).await;
        match (broken.borrow().clone(), in_time) {
            (Some(words), _) => Err(words),
            (None, Err(_)) => Err(format!("draining took longer than {} s", DRAIN_LIMIT.as_secs())),
            (None, Ok(())) => Ok(()),
        }
    }
}

impl Watched {
    async fn end(self) {
        self.drain.cancel();
        let _ = self.ended.await;
    }
}

fn engine_parts(ground: &Ground, face: Face) -> EngineParts {
    let config = &ground.config;
    EngineParts {
        store: ground.store.clone(),
        api: ground.api.clone(),
        clock: ground.clock.clone(),
        policy: ground.policy.clone(),
        custody: Some(ground.custody.clone()),
        config: EngineConfig {
            sender: config.whatsapp.phone_number_id.clone().unwrap_or_default(),
            account: config.whatsapp.business_account_id.clone().unwrap_or_default(),
            daily_reserve: config.sender.daily_reserve.into(),
            marketing_endpoint: config.whatsapp.marketing_endpoint,
            messages_per_second: config.sender.messages_per_second,
            max_in_flight: config.sender.max_in_flight,
            grace_ms: i64::try_from(config.schedule.grace.as_millis()).unwrap_or(i64::MAX),
            face: face.word().to_owned(),
            lock_folder: config.places.state.clone(),
            drain_timeout: DRAIN_TIMEOUT,
            program: ground.program(),
            opt_out: config.opt_out.clone(),
        },
    }
}

/// Keeps the engine until it is drained, and tells when it ended before that.
fn watch_engine(mut engine: EngineHandle, broken: watch::Sender<Option<String>>) -> Watched {
    let drain = CancellationToken::new();
    let asked = drain.clone();
    let ended = tokio::spawn(async move {
        let ended_by_itself = tokio::select! {
            ended = engine.ended() => Some(ended),
            () = asked.cancelled() => None,
        };
        let ended = match ended_by_itself {
            Some(ended) => {
                report(&broken, "sender", ended.err());
                return;
            }
            None => engine.drain().await,
        };
        if let Err(error) = ended {
            report(&broken, "sender", Some(error));
        }
    });
    Watched { drain, ended }
}

fn watch_token_keeper(service: &Service, broken: watch::Sender<Option<String>>) -> Watched {
    let drain = CancellationToken::new();
    let keeper = tokio::spawn(token_keeper::keep(service.clone(), drain.clone()));
    let ended = tokio::spawn(async move {
        if let Err(error) = keeper.await {
            report(&broken, "keeper of the access token", Some(error));
        }
    });
    Watched { drain, ended }
}

fn report(broken: &watch::Sender<Option<String>>, part: &str, error: Option<tokio::task::JoinError>) {
    let why = error.filter(tokio::task::JoinError::is_panic).map_or("it ended by itself".to_owned(), panic_words);
    let words = format!("the {part} has stopped through a fault in wacast: {why}");
    tracing::error!("{words}");
    broken.send_replace(Some(words));
}

fn panic_words(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

/// Starts HTTP, and says in the snapshot where it listens or why not.
async fn start_http(
    ground: &Ground,
    service: &Service,
    shutdown: &CancellationToken,
    broken: &watch::Sender<Option<String>>,
) -> (Option<Watched>, Option<SocketAddr>) {
    let Some(listen) = ground.config.http.listen else {
        service.set_http("off");
        return (None, None);
    };
    let mut served = api::serve(api_config(&ground.config, listen), service.clone(), shutdown.clone()).await;
    if let Err(BindError::Taken(address)) = &served {
        let words = taken(*address).await;
        tracing::warn!("{words}");
        service.set_http(&words);
        if ground.sandbox.is_none() {
            return (None, None);
        }
        // A rehearsal's sandbox sends its receipts to this process, so it needs a port of its own.
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        served = api::serve(api_config(&ground.config, any), service.clone(), shutdown.clone()).await;
    }
    match served {
        Ok(handle) => {
            let address = handle.local_addr;
            if let Some(warning) = &handle.warning {
                tracing::warn!("{warning}");
            }
            tracing::info!(%address, "HTTP listens");
            service.set_http(&address.to_string());
            (Some(watch_http(handle, shutdown.clone(), broken.clone())), Some(address))
        }
        Err(error) => {
            tracing::warn!("no HTTP: {error}");
            service.set_http(&format!("off: {error}"));
            (None, None)
        }
    }
}

/// The name and id of the process that listens on an address of this machine, if it can be told.
pub async fn listener_on(address: SocketAddr) -> Option<(String, u32)> {
    tokio::task::spawn_blocking(move || port::owner(address)).await.ok().flatten()
}

async fn taken(address: SocketAddr) -> String {
    let owner = listener_on(address).await;
    let owner = owner.map_or("another program".to_owned(), |(name, pid)| format!("{name}, process {pid}"));
    format!("no HTTP in this process: {address} is in use by {owner}")
}

fn api_config(config: &Config, listen: SocketAddr) -> ApiConfig {
    ApiConfig {
        listen: listen.to_string(),
        api_keys: config.http.api_keys.iter().cloned().collect(),
        app_secret: config.whatsapp.app_secret.clone(),
        verify_token: config.whatsapp.verify_token.clone(),
        media_folder: Some(config.places.state.join("media")),
        forward_webhooks: config.http.forward_webhooks.clone(),
        ..ApiConfig::default()
    }
}

fn watch_http(handle: ApiHandle, shutdown: CancellationToken, broken: watch::Sender<Option<String>>) -> Watched {
    let drain = shutdown.clone();
    let ended = tokio::spawn(async move {
        handle.ended().await;
        if !shutdown.is_cancelled() {
            report(&broken, "HTTP API", None);
        }
    });
    Watched { drain, ended }
}

/// Where this machine reaches an address that it listens on: 0.0.0.0 stands for all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    address
}
