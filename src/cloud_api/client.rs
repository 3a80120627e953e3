//! The Cloud API over HTTP/1.1, on reqwest.
//!
//! It never retries, never follows redirects and never waits for a pace: whoever calls decides when, and the
//! [`WriteGate`] has the last word. HTTP/1.1 on purpose: one request a connection, so that a lost connection
//! leaves one outcome unknown and not a hundred.

use super::answer::{ReadBody, in_words, read_body, retry_after, send_result, usage};
use super::gated_body::{GatedBody, Stage};
use super::token::{Token, TokenFiles};
use super::{CallError, CloudApi, MediaFile, SendResult, SenderInfo, TokenInfo, Usage, WriteGate, listing, media};
use crate::domain::template::Template;
use arc_swap::{ArcSwap, ArcSwapOption};
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Meta's own address.
pub const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";

/// The most that is read of an answer to a send.
const SEND_ANSWER_BYTES: usize = 64 * 1024;

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// [`DEFAULT_BASE_URL`], or a sandbox on loopback.
    pub base_url: String,
    /// `v25.0`.
    pub api_version: String,
    /// The WhatsApp Business account's id.
    pub business_account_id: String,
    /// The system user's token.
    pub access_token: SecretString,
    /// The app's id; empty when not known (the token's state cannot be asked then).
    pub app_id: String,
    /// The app's secret, for the same purpose.
    pub app_secret: Option<SecretString>,
    /// Where newer tokens than `access_token` may lie.
    pub token_files: TokenFiles,
    /// For name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For a whole call, connecting and reading the answer included.
    pub timeout: Duration,
}

impl ClientConfig {
    /// With the usual time-outs (5 s to connect, 30 s in all) and without an app.
    pub fn new(base_url: &str, api_version: &str, business_account_id: &str, access_token: SecretString) -> Self {
        Self {
            base_url: base_url.to_owned(),
            api_version: api_version.to_owned(),
            business_account_id: business_account_id.to_owned(),
            access_token,
            app_id: String::new(),
            app_secret: None,
            token_files: TokenFiles::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not an address that messages may be sent to.
    #[error("base_url {0}")]
    BaseUrl(String),
    /// Not a version.
    #[error("api_version must look like v25.0")]
    ApiVersion,
    /// Not an id.
    #[error("business_account_id must be the account's number")]
    BusinessAccountId,
    /// Not a token.
    #[error("access_token is empty or has characters that no token has")]
    AccessToken,
    /// The machine has no certificates to check the server with.
    #[error(
        "this machine has no CA certificates, so that nobody's certificate can be checked: install the package ca-certificates, or set SSL_CERT_FILE"
    )]
    NoCertificates,
    /// Something else about TLS or HTTP.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(String),
}

/// Makes ring the process's TLS provider. Called first thing in `main`; later calls do nothing.
pub fn install_crypto_provider() {
    // The only error is that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The Cloud API's client: cheap to share, one connection pool.
pub struct GraphClient {
    http: reqwest::Client,
    /// With the version, without a slash at its end.
    root: String,
    business_account_id: String,
    token: ArcSwap<Token>,
    /// The token as it was configured at the start.
    configured_token: SecretString,
    token_files: TokenFiles,
    app: Option<(String, SecretString)>,
    /// What the newest answer told, until somebody takes it.
    usage: Mutex<Option<Usage>>,
    /// Where was last posted to: mostly the same for every message.
    address: ArcSwapOption<Address>,
}

/// A call's address, taken apart once.
struct Address {
    node: String,
    edge: String,
    url: Url,
}

impl GraphClient {
    /// Checks the configuration and sets up TLS. Makes no connection.
    pub fn new(config: ClientConfig) -> Result<Self, SetupError> {
        install_crypto_provider();
        let (base, loopback) = checked_base(&config.base_url)?;
        if !is_version(&config.api_version) {
            return Err(SetupError::ApiVersion);
        }
        if !is_id(&config.business_account_id) {
            return Err(SetupError::BusinessAccountId);
        }
        let app = config.app_secret.filter(|_| !config.app_id.is_empty()).map(|secret| (config.app_id, secret));
        Ok(Self {
            http: http_client(loopback, config.connect_timeout, config.timeout)?,
            root: format!("{}/{}", base.as_str().trim_end_matches('/'), config.api_version),
            business_account_id: config.business_account_id,
            token: ArcSwap::from_pointee(Token::new(&config.token_files.newest(&config.access_token))?),
            configured_token: config.access_token,
            token_files: config.token_files,
            app,
            usage: Mutex::default(),
            address: ArcSwapOption::empty(),
        })
    }

    /// A call's address; the error names what is wrong with the id.
    fn url(&self, node: &str, edge: &str) -> Result<Url, String> {
        if !is_id(node) {
            return Err(format!("\"{}\" is not an id of WhatsApp's", node.chars().take(40).collect::<String>()));
        }
        Url::parse(&format!("{}/{node}{edge}", self.root)).map_err(|error| error.to_string())
    }

    /// The same for messages.
    fn post_url(&self, node: &str, edge: &str) -> Result<Url, String> {
        if let Some(known) = self.address.load().as_deref().filter(|known| known.node == node && known.edge == edge) {
            return Ok(known.url.clone());
        }
        let url = self.url(node, edge)?;
        self.address.store(Some(Arc::new(Address { node: node.to_owned(), edge: edge.to_owned(), url: url.clone() })));
        Ok(url)
    }

    /// A listing call with the access token; answers whole JSON.
    async fn get(&self, node: &str, edge: &str, query: &[(&str, &str)]) -> Result<serde_json::Value, CallError> {
        self.get_with(&self.token.load_full(), node, edge, query).await
    }

    async fn get_with(
        &self,
        token: &Token,
        node: &str,
        edge: &str,
        query: &[(&str, &str)],
    ) -> Result<serde_json::Value, CallError> {
        let url = self.url(node, edge).map_err(CallError::Unreachable)?;
        let request = self.http.get(url).header(AUTHORIZATION, token.header.clone()).query(query);
        listing::fetch(request, &[token.secret()]).await
    }

    /// What `debug_token` says of a token; `None`: no app is configured to ask with.
    async fn debug(&self, token: &Token) -> Result<Option<TokenInfo>, CallError> {
        let Some((app_id, app_secret)) = &self.app else { return Ok(None) };
        let app_token = SecretString::from(format!("{app_id}|{}", app_secret.expose_secret()));
        let url = self.url("debug_token", "").map_err(CallError::Unreachable)?;
        let query = [("input_token", token.secret()), ("access_token", app_token.expose_secret())];
        let secrets = [token.secret(), app_token.expose_secret(), app_secret.expose_secret()];
        let answer = listing::fetch(self.http.get(url).query(&query), &secrets).await?;
        Ok(Some(listing::token_info(&answer, &self.business_account_id)))
    }

    async fn post(&self, sender: &str, edge: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        let url = match self.post_url(sender, edge) {
            Ok(url) => url,
            Err(detail) => return SendResult::Unsent { refused_by_gate: false, detail },
        };
        let token = self.token.load_full();
        let (body, progress) = GatedBody::new(body, gate);
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, token.header.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Body::wrap(body));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(progress.conclude(), in_words(&error.without_url())),
        };
        let status = response.status();
        let retry_after = retry_after(response.headers());
        if let Some(usage) = usage(response.headers()) {
            *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
        }
        let result = match read_body(response, SEND_ANSWER_BYTES).await {
            ReadBody::Whole(body) => send_result(status, retry_after, &body, token.secret()),
            ReadBody::TooLong => SendResult::Unknown { detail: format!("HTTP {status} with an endless answer") },
            ReadBody::Broken(detail) => SendResult::Unknown { detail: format!("HTTP {status}, then: {detail}") },
        };
        match (progress.conclude(), result) {
            // Answered before the message was written, and not by a refusal of Meta's.
            (stage @ (Stage::NeverWritten | Stage::RefusedByGate), SendResult::Unknown { detail }) => {
                failed(stage, detail)
            }
            // Refused for a token that has been replaced meanwhile: nobody got it, and the new token is not to blame.
            (_, SendResult::Refused { error, .. })
                if error.code == BAD_TOKEN && !Arc::ptr_eq(&token, &self.token.load_full()) =>
            {
                SendResult::Unsent { refused_by_gate: true, detail: "the token was replaced meanwhile".to_owned() }
            }
            (_, result) => result,
        }
    }
}

/// The access token is invalid, expired or revoked.
const BAD_TOKEN: i64 = 190;
/// Meta's advice is to say this of every marketing message: it goes out by the ordinary way where the other cannot take it.
const MARKETING_POLICY: &[u8] = br#"{"product_policy":"CLOUD_API_FALLBACK","#;

/// The one place where the HTTP client's settings stand.
pub(super) fn http_client(
    loopback: bool,
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<reqwest::Client, SetupError> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        // Shorter than servers keep idle connections, so that few are closed under a request.
        .pool_idle_timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(1_024)
        .user_agent(concat!("wacast/", env!("CARGO_PKG_VERSION")));
    builder = if loopback {
        // Neither a proxy nor the machine's certificates have a part in talking to oneself.
        builder.no_proxy().tls_certs_only([])
    } else {
        builder.https_only(true)
    };
    builder.build().map_err(|error| {
        let words = in_words(&error.without_url());
        if words.contains("No CA certificates") { SetupError::NoCertificates } else { SetupError::Http(words) }
    })
}

/// The address, and whether it is plain HTTP to this machine.
pub(super) fn checked_base(base_url: &str) -> Result<(Url, bool), SetupError> {
    let wrong = |why: &str| SetupError::BaseUrl(why.to_owned());
    let url = Url::parse(base_url).map_err(|error| SetupError::BaseUrl(format!("is not an address: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must be a plain address without user, query or fragment"));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Ok((url, false)),
        "http" if loopback => Ok((url, true)),
        "http" => Err(wrong("must be https: a token is not sent in the clear beyond this machine")),
        _ => Err(wrong("must begin with https://")),
    }
}

fn is_version(text: &str) -> bool {
    let number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|text| text.split_once('.'))
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[async_trait]
impl CloudApi for GraphClient {
    async fn send(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        self.post(sender, "/messages", body, gate).await
    }

    async fn send_marketing(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        // The payload is an object that is never empty.
        let fields = body.strip_prefix(b"{").unwrap_or(&body);
        self.post(sender, "/marketing_messages", [MARKETING_POLICY, fields].concat().into(), gate).await
    }

    fn take_usage(&self) -> Option<Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn templates(&self) -> Result<Vec<Template>, CallError> {
        let page = |after: String| async move {
            self.get(&self.business_account_id, "/message_templates", &listing::page_query(&after)).await
        };
        listing::templates(page).await
    }

    async fn upload_media(&self, sender: &str, file: MediaFile) -> Result<String, CallError> {
        let url = self.url(sender, "/media").map_err(CallError::Unreachable)?;
        let token = self.token.load_full();
        let (body, content_type) = media::form(&file, fastrand::u64(..));
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, token.header.clone())
            .header(CONTENT_TYPE, content_type)
            .timeout(media::PATIENCE)
            .body(body);
        let answer = listing::fetch(request, &[token.secret()]).await?;
        listing::media_id(&answer).ok_or_else(|| CallError::Unreachable("the answer to an upload has no id".to_owned()))
    }

    async fn sender(&self, sender: &str) -> Result<SenderInfo, CallError> {
        let answer = self.get(sender, "", &[("fields", listing::SENDER_FIELDS)]).await?;
        Ok(listing::sender_info(&answer))
    }

    async fn token(&self) -> Result<Option<TokenInfo>, CallError> {
        self.debug(&self.token.load_full()).await
    }

    async fn try_token(&self, token: &SecretString, sender: &str) -> Result<TokenInfo, CallError> {
        let Ok(token) = Token::new(token) else {
            let error = SetupError::AccessToken.to_string();
            return Ok(TokenInfo { error, ..TokenInfo::default() });
        };
        if let Some(info) = self.debug(&token).await? {
            return Ok(info);
        }
        // Without an app to ask with, what it can do is the proof.
        let sender = self.get_with(&token, sender, "", &[("fields", "id")]).await;
        let account = match sender {
            Ok(_) => self.get_with(&token, &self.business_account_id, "", &[("fields", "id")]).await,
            refused => refused,
        };
        match account {
            Ok(_) => Ok(TokenInfo { is_valid: true, ends_unknown: true, ..TokenInfo::default() }),
            Err(CallError::Refused { error, .. }) => {
                Ok(TokenInfo { error: format!("error {}: {}", error.code, error.message), ..TokenInfo::default() })
            }
            Err(error) => Err(error),
        }
    }

    fn use_token(&self, token: &SecretString) -> Result<(), String> {
        let ready = Token::new(token).map_err(|error| error.to_string())?;
        // Kept first: whoever is told that it was taken may end the process.
        self.token_files
            .keep(&self.configured_token, token)
            .map_err(|error| format!("the token cannot be kept in the state folder: {error}"))?;
        self.token.store(Arc::new(ready));
        Ok(())
    }

    fn look_for_token(&self) -> bool {
        let newest = self.token_files.newest(&self.configured_token);
        match Token::new(&newest) {
            Ok(token) if token.secret() != self.token.load().secret() => {
                self.token.store(Arc::new(token));
                true
            }
            _ => false,
        }
    }

    async fn exchange_token(&self) -> Result<Option<SecretString>, CallError> {
        let Some((app_id, app_secret)) = &self.app else { return Ok(None) };
        let token = self.token.load_full();
        let url = self.url("oauth", "/access_token").map_err(CallError::Unreachable)?;
        let query = [
            ("grant_type", "fb_exchange_token"),
            ("client_id", app_id.as_str()),
            ("client_secret", app_secret.expose_secret()),
            ("set_token_expires_in_60_days", "true"),
            ("fb_exchange_token", token.secret()),
        ];
        let secrets = [token.secret(), app_secret.expose_secret()];
        let answer = listing::fetch(self.http.get(url).query(&query), &secrets).await?;
        let new =
            answer.get("access_token").and_then(serde_json::Value::as_str).map(|text| SecretString::from(text.trim()));
        match new.filter(|token| Token::new(token).is_ok()) {
            Some(new) => Ok(Some(new)),
            None => Err(CallError::Odd { http_status: 200, detail: "no new token in the answer".to_owned() }),
        }
    }
}

/// What is known after a call that brought no answer.
fn failed(stage: Stage, detail: String) -> SendResult {
    match stage {
        Stage::NeverWritten => SendResult::Unsent { refused_by_gate: false, detail },
        Stage::RefusedByGate => SendResult::Unsent { refused_by_gate: true, detail },
        Stage::Written => SendResult::Unknown { detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str) -> ClientConfig {
        ClientConfig::new(base_url, "v25.0", "102", "EAAtoken".to_owned().into())
    }

    #[test]
    fn a_token_never_goes_out_in_the_clear() {
        for base_url in ["http://127.0.0.1:9", "http://localhost:9/", "http://[::1]:9"] {
            assert!(GraphClient::new(config(base_url)).is_ok(), "{base_url}");
        }
        for base_url in
            ["http://example.com", "ftp://127.0.0.1", "https://a:b@example.com", "nonsense", "http://10.0.0.1", ""]
        {
            assert!(matches!(GraphClient::new(config(base_url)), Err(SetupError::BaseUrl(_))), "{base_url}");
        }
    }

    #[test]
    fn ids_versions_and_tokens_are_checked() {
        let with = |change: fn(&mut ClientConfig)| {
            let mut config = config("http://127.0.0.1:9");
            change(&mut config);
            GraphClient::new(config).err()
        };
        assert!(matches!(with(|config| config.api_version = "25".into()), Some(SetupError::ApiVersion)));
        assert!(matches!(with(|config| config.api_version = "v25.0/..".into()), Some(SetupError::ApiVersion)));
        assert!(matches!(
            with(|config| config.business_account_id = "1/2".into()),
            Some(SetupError::BusinessAccountId)
        ));
        assert!(matches!(with(|config| config.access_token = " ".to_owned().into()), Some(SetupError::AccessToken)));
        assert!(matches!(with(|config| config.access_token = "a\nb".to_owned().into()), Some(SetupError::AccessToken)));
        assert!(with(|config| config.access_token = " EAA\n".to_owned().into()).is_none());
    }
}
