//! The sandbox's HTTP side: the Graph API's paths, its error bodies, and connections that can be cut.

use super::check::Refusal;
use super::control;
use super::faults::FaultKind;
use super::numbers::mixed;
use super::state::{Call, Outcome, Shared, unknown_object};
use super::templates;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The longest request that is read.
const MOST_BODY_BYTES: usize = 256 * 1024;
/// The longest upload that is read: the largest document, and what stands around it.
const MOST_UPLOAD_BYTES: usize = 101 << 20;
/// How long a request hangs that gets no answer.
const HANG: Duration = Duration::from_mins(2);

/// Serves until the sandbox stops.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, address: SocketAddr) {
    let stop = shared.stop.clone();
    let calls = Router::new()
        .route("/{version}/{node}/messages", post(messages))
        .route("/{version}/{node}/marketing_messages", post(marketing_messages))
        .route("/{version}/oauth/access_token", get(exchange_token))
        .route("/{version}/{node}/media", post(upload).layer(DefaultBodyLimit::max(MOST_UPLOAD_BYTES)))
        .route("/{version}/{node}/message_templates", get(message_templates))
        .route("/{version}/{node}/phone_numbers", get(phone_numbers))
        .route("/{version}/debug_token", get(debug_token))
        .route("/{version}/{node}", get(node))
        .merge(control::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_path)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(shared);
    let service = calls.into_make_service_with_connect_info::<Switch>();
    let served = axum::serve(CuttableListener(listener), service)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, %address, "the sandbox ended");
    }
}

/// Cuts one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Switch(Arc<AtomicBool>);

impl Switch {
    /// The answer that would be written next is not, and the connection closes.
    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Switch {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.remote_addr().clone()
    }
}

struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = Switch;

    async fn accept(&mut self) -> (CuttableStream, Switch) {
        loop {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    // Without it small answers wait for nothing; not having it is no reason to refuse.
                    let _ = stream.set_nodelay(true);
                    let switch = Switch::default();
                    return (CuttableStream { stream, switch: switch.clone() }, switch);
                }
                // Too many open files: wait until some are closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Switch> {
        Ok(Switch::default())
    }
}

struct CuttableStream {
    stream: TcpStream,
    switch: Switch,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.switch.is_cut() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Counts a request while it is under way.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    /// `None`: there are too many.
    fn enter(shared: &'a Shared) -> Option<Self> {
        let before = shared.in_flight.fetch_add(1, Ordering::Relaxed);
        let entered = Self(shared);
        let most = shared.settings.load().max_concurrent;
        (most == 0 || before < most).then_some(entered)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

type Whereto = Path<(String, String)>;

async fn messages(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    to: Whereto,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    send(shared, switch, to, Call::Messages, headers, body).await
}

async fn marketing_messages(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    to: Whereto,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    send(shared, switch, to, Call::MarketingMessages, headers, body).await
}

async fn send(
    shared: Arc<Shared>,
    switch: Switch,
    Path((version, sender)): Whereto,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_version(&version) {
        return unknown_path().await;
    }
    let Some(_under_way) = InFlight::enter(&shared) else {
        return refusal(&shared, &Refusal::new(2, "too many requests at once"));
    };
    let outcome = shared.take(&sender, call, authorization(&headers), &body);
    let broken = match &outcome {
        Outcome::Broken(kind) => Some(*kind),
        _ => None,
    };
    let hangs = matches!(broken, Some(FaultKind::Hang | FaultKind::HangAfter));
    let wait = if hangs { HANG } else { latency(&shared) };
    if !wait.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stop.cancelled() => {}
        }
    }
    match outcome {
        Outcome::Taken { wamid, to } => taken(&shared, &wamid, to),
        Outcome::Refused(why) => refusal(&shared, &why),
        Outcome::Broken(FaultKind::Unavailable) => {
            refusal(&shared, &Refusal::new(2, "Service temporarily unavailable"))
        }
        Outcome::Broken(FaultKind::UnavailableWithoutCode) => {
            (StatusCode::SERVICE_UNAVAILABLE, "<html>upstream connect error</html>").into_response()
        }
        Outcome::Broken(FaultKind::Malformed) => (StatusCode::OK, "<html>it works</html>").into_response(),
        Outcome::Broken(_) => {
            switch.cut();
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

fn latency(shared: &Shared) -> Duration {
    let (shortest, longest) = shared.settings.load().latency_ms;
    if longest == 0 {
        return Duration::ZERO;
    }
    let spread = u64::from(longest - shortest) * 1_000 + 1;
    let call = shared.calls.fetch_add(1, Ordering::Relaxed);
    Duration::from_micros(u64::from(shortest) * 1_000 + mixed(shared.seed, call) % spread)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Written by hand: neither the id nor digits need escapes, and this is on every message's way.
fn taken(shared: &Shared, wamid: &str, to: u64) -> Response {
    let settings = shared.settings.load();
    let status = &settings.message_status;
    let body = format!(
        "{{\"messaging_product\":\"whatsapp\",\"contacts\":[{{\"input\":\"+{to}\",\"wa_id\":\"{to}\"}}],\
         \"messages\":[{{\"id\":\"{wamid}\",\"message_status\":\"{status}\"}}]}}"
    );
    let mut response = ([(header::CONTENT_TYPE, JSON)], Body::from(body)).into_response();
    if settings.usage_percent > 0 {
        say_usage(shared, &mut response, settings.usage_percent, 0);
    }
    response
}

/// The HTTP status that Meta sends with a code.
fn http_status(code: i64) -> StatusCode {
    match code {
        0 | 190 => StatusCode::UNAUTHORIZED,
        10 | 200..=299 | 368 | 130_497 | 131_005 | 131_031 => StatusCode::FORBIDDEN,
        803 | 132_001 => StatusCode::NOT_FOUND,
        3 | 131_000 | 131_016 | 131_045 | 131_057 | 133_000 | 134_102 => StatusCode::INTERNAL_SERVER_ERROR,
        2 | 133_004 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// An error as the Graph API writes it.
fn refusal(shared: &Shared, why: &Refusal) -> Response {
    let title = &shared.policy.rule_for(why.code, why.subcode, None, false).title;
    let mut error = json!({
        "message": format!("(#{}) {title}", why.code), "type": "OAuthException", "code": why.code,
        "error_data": {"messaging_product": "whatsapp", "details": why.details}, "fbtrace_id": "SANDBOX",
    });
    if let Some(subcode) = why.subcode {
        error["error_subcode"] = subcode.into();
    }
    if why.transient {
        error["is_transient"] = true.into();
    }
    let asked_for = why.http_status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = answer(asked_for.unwrap_or_else(|| http_status(why.code)), &json!({"error": error}));
    if matches!(why.code, 4 | 80_007) {
        say_usage(shared, &mut response, 100, 1);
    }
    response
}

/// The header that tells how much of the account's limit on calls is used, and for how long there is none.
fn say_usage(shared: &Shared, response: &mut Response, percent: u32, minutes: u32) {
    let usage = format!(
        r#"{{"{}":[{{"type":"whatsapp","call_count":{percent},"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":{minutes}}}]}}"#,
        shared.business_account_id
    );
    if let Ok(usage) = HeaderValue::try_from(usage) {
        response.headers_mut().insert("x-business-use-case-usage", usage);
    }
}

/// Any JSON.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

async fn unknown_path() -> Response {
    let error =
        json!({"message": "Unknown path components", "type": "OAuthException", "code": 2_500, "fbtrace_id": "SANDBOX"});
    answer(StatusCode::BAD_REQUEST, &json!({"error": error}))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn is_version(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|text| text.split_once('.'))
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

/// What every call but a send checks first.
fn refused_call(shared: &Shared, version: &str, headers: &HeaderMap) -> Option<Response> {
    if !is_version(version) {
        return Some(refusal(shared, &Refusal::new(2_500, "Unknown path components")));
    }
    let authorised = shared.is_authorised(authorization(headers));
    (!authorised).then(|| refusal(shared, &Refusal::new(190, "Error validating access token")))
}

/// Takes a file for headers.
async fn upload(
    State(shared): State<Arc<Shared>>,
    Path((version, sender)): Path<(String, String)>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    if let Some(refused) = refused_call(&shared, &version, &headers) {
        return refused;
    }
    if !shared.core().senders.iter().any(|known| known.id == sender) {
        return refusal(&shared, &unknown_object(&sender));
    }
    let (mut product, mut file) = (String::new(), None);
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => return refusal(&shared, &Refusal::new(100, error.to_string())),
        };
        let name = field.name().unwrap_or_default().to_owned();
        let (file_name, mime) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
        match (field.bytes().await, name.as_str()) {
            (Ok(bytes), "messaging_product") => product = String::from_utf8_lossy(&bytes).into_owned(),
            (Ok(bytes), "file") => file = Some((file_name.unwrap_or_default(), mime.unwrap_or_default(), bytes.len())),
            (Ok(_), _) => {}
            (Err(error), _) => return refusal(&shared, &Refusal::new(100, error.to_string())),
        }
    }
    let Some((name, mime, bytes)) =
        file.filter(|(_, mime, bytes)| product == "whatsapp" && !mime.is_empty() && *bytes > 0)
    else {
        return refusal(&shared, &Refusal::new(100, "messaging_product and a file with its type are required"));
    };
    let now_us = shared.now_us();
    let taken = shared.core().media.take(name, mime, bytes, now_us);
    match taken {
        Some(id) => answer(StatusCode::OK, &json!({"id": id})),
        None => refusal(&shared, &Refusal::new(131_053, "the sandbox remembers no more files")),
    }
}

#[derive(Debug, Deserialize)]
struct Listing {
    limit: Option<usize>,
    after: Option<String>,
}

async fn message_templates(
    State(shared): State<Arc<Shared>>,
    Path((version, account)): Path<(String, String)>,
    Query(listing): Query<Listing>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = refused_call(&shared, &version, &headers) {
        return refused;
    }
    if account != shared.business_account_id {
        return refusal(&shared, &unknown_object(&account));
    }
    let limit = listing.limit.unwrap_or(25).clamp(1, 1_000);
    let url = format!("/{version}/{account}/message_templates");
    let page = {
        let mut core = shared.core();
        if listing.after.is_some() && core.dead_cursors > 0 {
            core.dead_cursors -= 1;
            Err(templates::DeadCursor)
        } else {
            templates::page(&core.samples, listing.after.as_deref(), limit, &url)
        }
    };
    match page {
        Ok(page) => answer(StatusCode::OK, &page),
        Err(templates::DeadCursor) => refusal(&shared, &Refusal::new(131_059, "Invalid cursors values in GraphQL")),
    }
}

async fn phone_numbers(
    State(shared): State<Arc<Shared>>,
    Path((version, account)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = refused_call(&shared, &version, &headers) {
        return refused;
    }
    if account != shared.business_account_id {
        return refusal(&shared, &unknown_object(&account));
    }
    let senders: Vec<Value> = shared.core().senders.iter().map(sender_json).collect();
    answer(StatusCode::OK, &json!({"data": senders, "paging": {"cursors": {"before": "SBX0", "after": "SBX0"}}}))
}

async fn node(
    State(shared): State<Arc<Shared>>,
    Path((version, node)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = refused_call(&shared, &version, &headers) {
        return refused;
    }
    if node == shared.business_account_id {
        return answer(StatusCode::OK, &json!({"id": node, "name": "Sandbox Retail", "currency": "USD"}));
    }
    let sender = shared.core().senders.iter().find(|sender| sender.id == node).map(sender_json);
    match sender {
        Some(sender) => answer(StatusCode::OK, &sender),
        None => refusal(&shared, &unknown_object(&node)),
    }
}

fn sender_json(sender: &super::state::Sender) -> Value {
    let profile = &sender.profile;
    let note = Some(&profile.health_note).filter(|note| !note.is_empty());
    let info: Vec<&String> = note.into_iter().collect();
    json!({
        "id": sender.id, "display_phone_number": profile.display_phone_number, "verified_name": profile.verified_name,
        "quality_rating": profile.quality_rating, "name_status": "APPROVED", "code_verification_status": "VERIFIED",
        "status": profile.status, "throughput": {"level": profile.throughput}, "account_mode": "SANDBOX", "is_on_biz_app": false,
        "whatsapp_business_manager_messaging_limit": profile.messaging_limit,
        "health_status": {"can_send_message": profile.can_send_message, "entities": [
            {"entity_type": "PHONE_NUMBER", "id": sender.id, "can_send_message": profile.can_send_message,
             "additional_info": info}]},
    })
}

#[derive(Debug, Deserialize)]
struct DebugToken {
    #[serde(default)]
    input_token: String,
    #[serde(default)]
    access_token: String,
}

async fn debug_token(
    State(shared): State<Arc<Shared>>,
    Path(version): Path<String>,
    Query(asked): Query<DebugToken>,
) -> Response {
    if !is_version(&version) {
        return unknown_path().await;
    }
    if asked.access_token != shared.app_token.expose_secret() {
        return refusal(&shared, &Refusal::new(190, "Invalid OAuth access token"));
    }
    answer(StatusCode::OK, &json!({"data": shared.debug(&asked.input_token)}))
}

#[derive(Debug, Deserialize)]
struct ExchangeToken {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default, rename = "fb_exchange_token")]
    old: String,
}

async fn exchange_token(
    State(shared): State<Arc<Shared>>,
    Path(version): Path<String>,
    Query(asked): Query<ExchangeToken>,
) -> Response {
    if !is_version(&version) {
        return unknown_path().await;
    }
    let app = format!("{}|{}", asked.client_id, asked.client_secret);
    if app != shared.app_token.expose_secret() || asked.grant_type != "fb_exchange_token" {
        return refusal(&shared, &Refusal::new(190, "Error validating application"));
    }
    match shared.exchange(&asked.old) {
        Some(new) => answer(StatusCode::OK, &new),
        None => refusal(&shared, &Refusal::new(190, "Error validating access token")),
    }
}
