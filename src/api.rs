//! The HTTP API: thin handlers over the service. The only part beside the sandbox that knows axum.
//!
//! It decides nothing that the service does not. Everything that comes in is bounded (size, time, number of
//! connections) and every answer that is not a success is `{"error":{"code","message","details"}}`.

mod auth;
mod body;
mod broadcasts;
mod error;
mod idempotency;
mod ledger;
mod lists;
mod media;
mod metrics;
mod openapi;
mod opt_outs;
mod own;
mod people;
mod schedules;
mod sender;
mod server;
mod token;
mod told;
mod uploads;
mod webhook;

pub use error::ApiError;

use crate::service::Service;
use auth::Keys;
use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};
use metrics::Metrics;
use secrecy::SecretString;
use serde_json::json;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

/// How the HTTP API is set up.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// `127.0.0.1:8080`; port 0: any free one.
    pub listen: String,
    /// Keys that callers may show; empty: every call but `/healthz` and `/webhook` is 401.
    pub api_keys: Vec<SecretString>,
    /// What Meta signs webhooks with; `None`: the webhook answers 503.
    pub app_secret: Option<SecretString>,
    /// What Meta shows when it verifies the webhook.
    pub verify_token: Option<SecretString>,
    /// Where files for headers are kept; `None`: nowhere.
    pub media_folder: Option<PathBuf>,
    /// Where webhook bodies go on to.
    pub forward_webhooks: Vec<String>,
    /// The largest upload in bytes.
    pub upload_limit_bytes: u64,
    /// The longest that an upload may take to arrive.
    pub upload_timeout: Duration,
    /// The longest that any other request's body may take to arrive.
    pub body_timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            api_keys: Vec::new(),
            app_secret: None,
            verify_token: None,
            media_folder: None,
            forward_webhooks: Vec::new(),
            upload_limit_bytes: 512 * 1024 * 1024,
            upload_timeout: Duration::from_mins(15),
            body_timeout: Duration::from_secs(20),
        }
    }
}

/// Why the API could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be read.
    #[error("\"{0}\" is not an address to listen on: it must look like 127.0.0.1:8080")]
    BadAddress(String),
    /// Somebody listens there already.
    #[error("{0} is taken by another program: stop it, or set another [http] listen")]
    Taken(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {reason}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        reason: String,
    },
}

/// A running API.
#[derive(Debug)]
pub struct ApiHandle {
    /// Where it listens.
    pub local_addr: SocketAddr,
    /// What the operator should know: it listens beyond this machine without TLS.
    pub warning: Option<String>,
    task: tokio::task::JoinHandle<()>,
}

impl ApiHandle {
    /// Waits until it has ended, after the token was cancelled: requests under way get 10 s.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the HTTP API ended by a bug");
        }
    }
}

/// Starts the API. It ends when `shutdown` is cancelled. Where it listens (or why not) is told to the service's snapshot.
pub async fn serve(config: ApiConfig, service: Service, shutdown: CancellationToken) -> Result<ApiHandle, BindError> {
    let (listener, local_addr) = match bind(&config.listen).await {
        Ok(bound) => bound,
        Err(error) => {
            service.set_http(&format!("off: {error}"));
            return Err(error);
        }
    };
    if let Err(error) = service.forward_to(&config.forward_webhooks) {
        tracing::warn!(%error, "webhooks are not handed on");
    }
    service.set_http(&format!("http://{local_addr}"));
    let warning = (!local_addr.ip().is_loopback()).then(|| {
        format!(
            "HTTP listens on {local_addr}, beyond this machine, without TLS: keys and numbers can be read on the way; \
             put a reverse proxy with TLS before it and listen on 127.0.0.1"
        )
    });
    if let Some(folder) = config.media_folder.clone() {
        tokio::spawn(media::keep_tidy(folder, service.clone(), shutdown.clone()));
    }
    let router = router(Api::new(config, service));
    let task = tokio::spawn(server::run(listener, router, shutdown));
    Ok(ApiHandle { local_addr, warning, task })
}

async fn bind(listen: &str) -> Result<(TcpListener, SocketAddr), BindError> {
    let bad = || BindError::BadAddress(listen.chars().take(80).collect());
    let address = tokio::net::lookup_host(listen).await.map_err(|_| bad())?.next().ok_or_else(bad)?;
    let other = |error: std::io::Error| BindError::Other { address, reason: error.to_string() };
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => BindError::Taken(address),
        _ => other(error),
    })?;
    let local_addr = listener.local_addr().map_err(other)?;
    Ok((listener, local_addr))
}

/// What handlers share.
#[derive(Clone)]
struct Api {
    service: Service,
    shared: Arc<Shared>,
}

struct Shared {
    config: ApiConfig,
    keys: Keys,
    metrics: Metrics,
}

impl Api {
    fn new(config: ApiConfig, service: Service) -> Self {
        let service = service.asked_by("the HTTP API");
        let keys = Keys::new(&config.api_keys);
        Self { service, shared: Arc::new(Shared { config, keys, metrics: Metrics::default() }) }
    }

    fn config(&self) -> &ApiConfig {
        &self.shared.config
    }
}

type Route = (&'static str, MethodRouter<Api>);

/// Every call that needs a key, by path as the OpenAPI document writes it.
fn routes_with_key() -> Vec<Route> {
    vec![
        ("/upload-numbers", post(uploads::upload)),
        ("/send-broadcast", post(broadcasts::send)),
        ("/test-send", post(own::test_send)),
        ("/own-numbers", get(own::show).put(own::set)),
        ("/media", post(media::add)),
        ("/broadcasts", get(broadcasts::list)),
        ("/broadcasts/{id}", get(broadcasts::one)),
        ("/broadcasts/{id}/pause", post(broadcasts::pause)),
        ("/broadcasts/{id}/resume", post(broadcasts::resume)),
        ("/broadcasts/{id}/cancel", post(broadcasts::cancel)),
        ("/broadcasts/{id}/log", get(broadcasts::log)),
        ("/broadcasts/{id}/cost", get(broadcasts::cost)),
        ("/broadcasts/{id}/report", get(broadcasts::report)),
        ("/broadcasts/{id}/recipients/{seq}", get(people::recipient)),
        ("/people/{phone}", get(people::person)),
        ("/numbers", get(people::numbers)),
        ("/broadcasts/{id}/in-doubt", get(ledger::in_doubt).post(ledger::decide)),
        ("/broadcasts/{id}/follow-up", post(ledger::follow_up)),
        ("/optouts", get(opt_outs::list).post(opt_outs::add)),
        ("/optouts/{phone}", get(opt_outs::history).delete(opt_outs::remove)),
        ("/audit", get(ledger::audit)),
        ("/since", get(told::since)),
        ("/events", get(told::events)),
        ("/store", get(ledger::store)),
        ("/store/adopt", post(ledger::adopt)),
        ("/sender", get(sender::show)),
        ("/sender/lift", post(sender::lift)),
        ("/token", get(token::show).post(token::take)),
        ("/templates", get(lists::templates)),
        ("/templates/sync", post(lists::sync_templates)),
        ("/lists", get(lists::lists)),
        ("/uploads", get(uploads::list)),
        ("/uploads/{id}", delete(uploads::undo)),
        ("/uploads/{id}/rejects", get(uploads::rejects)),
        ("/uploads/{id}/fix", post(uploads::fix)),
        ("/schedules", get(schedules::list).post(schedules::add)),
        ("/schedules/{id}/enable", post(schedules::enable)),
        ("/schedules/{id}/disable", post(schedules::disable)),
        ("/metrics", get(metrics::show)),
        ("/openapi.json", get(openapi::document)),
    ]
}

/// The calls that need none.
fn routes_without_key() -> Vec<Route> {
    vec![("/healthz", get(health)), ("/webhook", get(webhook::verify).post(webhook::receive))]
}

fn router(api: Api) -> Router {
    let add = |router: Router<Api>, (path, handler): Route| router.route(path, handler);
    let with_key = routes_with_key()
        .into_iter()
        .fold(Router::new(), add)
        .route_layer(from_fn_with_state(api.clone(), auth::require_key));
    let open = routes_without_key().into_iter().fold(Router::new(), add);
    with_key
        .merge(open)
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(api.clone(), metrics::count))
        .layer(from_fn(error::no_empty_errors))
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(api)
}

/// Whether the process is up, and the store with it, as of the newest picture. Tells nothing else: it needs no key.
async fn health(State(api): State<Api>) -> axum::Json<serde_json::Value> {
    let away = api.service.snapshot().borrow().store_trouble.is_some();
    let (status, store) = if away { ("degraded", "away") } else { ("ok", "ok") };
    axum::Json(json!({ "status": status, "store": store }))
}
