//! The HTTP API: thin handlers over the service. The only part beside the sandbox that knows axum.

use crate::service::Service;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

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
    /// The largest upload in bytes.
    pub upload_limit_bytes: u64,
    /// The longest that a request's body may take to arrive.
    pub body_timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            api_keys: Vec::new(),
            app_secret: None,
            verify_token: None,
            upload_limit_bytes: 512 * 1024 * 1024,
            body_timeout: Duration::from_secs(600),
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
        let _ = self.task.await;
    }
}

/// Starts the API. It ends when `shutdown` is cancelled.
pub async fn serve(
    _config: ApiConfig,
    _service: Service,
    _shutdown: CancellationToken,
) -> Result<ApiHandle, BindError> {
    todo!()
}
