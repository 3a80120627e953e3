//! `/_sandbox/…`: steering a running sandbox and reading its ledger, for scripts and tests in any language.
//!
//! | call | does |
//! |---|---|
//! | `GET /_sandbox/settings`, `POST` with some of its keys | shows, changes the settings |
//! | `POST /_sandbox/faults` `{"kind","count","duration_ms"}`, `DELETE` | breaks something, mends everything |
//! | `POST /_sandbox/templates` `{"name","language","status"}` | gives a template another status, if it is rejected for a `"reason"`; with `"webhook": true` it tells of it |
//! | `POST /_sandbox/webhook` `{"field","value"}` | sends the webhook a signed event of any kind |
//! | `GET /_sandbox/media` | the files that were uploaded |
//! | `GET /_sandbox/payloads` | the payloads that `keep_payloads` has kept, each with its place in the ledger |
//! | `POST /_sandbox/cursors` `{"lost"}` | so many pages of listings after the first are refused with 131059 |
//! | `POST /_sandbox/sender` `{"id", some keys of a profile}` | changes what a sender says of itself |
//! | `POST /_sandbox/people` `{"deed","from","user_id","text","payload","standby"}` | lets somebody write to the business |
//! | `POST /_sandbox/token` `{"access_token","expires_at","scopes","targets","keep_others"}` | issues a token, revokes the others |
//! | `GET /_sandbox/ledger?after=&limit=`, `GET /_sandbox/ledger/summary` | what was taken |
//! | `GET /_sandbox/state` | faults that are on, receipts that wait |
//! | `GET /_sandbox/codes` | the codes that numbers can provoke |

use super::SandboxError;
use super::faults::Fault;
use super::people::{self, Inbound};
use super::server::answer;
use super::state::Shared;
use super::tokens::SandboxToken;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/settings", get(settings).post(change_settings))
        .route("/_sandbox/faults", post(add_fault).delete(mend))
        .route("/_sandbox/templates", post(change_template))
        .route("/_sandbox/webhook", post(tell))
        .route("/_sandbox/media", get(media))
        .route("/_sandbox/payloads", get(payloads))
        .route("/_sandbox/cursors", post(lose_cursors))
        .route("/_sandbox/sender", post(change_sender))
        .route("/_sandbox/people", post(say))
        .route("/_sandbox/token", post(issue_token))
        .route("/_sandbox/ledger", get(ledger))
        .route("/_sandbox/ledger/summary", get(summary))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/codes", get(codes))
}

fn wrong(problem: &(impl ToString + ?Sized)) -> Response {
    answer(StatusCode::BAD_REQUEST, &json!({"error": problem.to_string()}))
}

fn done(result: Result<(), SandboxError>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => wrong(&error),
    }
}

fn shown(value: &impl Serialize) -> Response {
    match serde_json::to_value(value) {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(error) => wrong(&error),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// A value with some of its keys replaced.
fn changed<T: Serialize + DeserializeOwned>(
    old: &T,
    keys: serde_json::Map<String, Value>,
) -> Result<T, serde_json::Error> {
    let mut value = serde_json::to_value(old)?;
    if let Some(object) = value.as_object_mut() {
        object.extend(keys);
    }
    serde_json::from_value(value)
}

async fn settings(State(shared): State<Arc<Shared>>) -> Response {
    shown(shared.settings.load().as_ref())
}

async fn change_settings(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let new = read(&body).and_then(|keys| changed(shared.settings.load().as_ref(), keys));
    match new {
        Ok(new) => done(shared.set_settings(new)),
        Err(error) => wrong(&error),
    }
}

async fn add_fault(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<Fault>(&body) {
        Ok(fault) => {
            shared.core().faults.push(fault);
            done(Ok(()))
        }
        Err(error) => wrong(&error),
    }
}

async fn mend(State(shared): State<Arc<Shared>>) -> Response {
    shared.core().faults.clear();
    done(Ok(()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateStatus {
    name: String,
    language: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    webhook: bool,
}

async fn change_template(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<TemplateStatus>(&body) {
        Ok(TemplateStatus { name, language, status, reason, webhook: true }) => {
            done(shared.tell_template_status(&name, &language, &status, &reason))
        }
        Ok(TemplateStatus { name, language, status, reason, .. }) => {
            done(shared.set_template_status(&name, &language, &status, &reason))
        }
        Err(error) => wrong(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    field: String,
    value: Value,
}

async fn tell(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<Event>(&body) {
        Ok(event) => done(shared.tell(&event.field, &event.value)),
        Err(error) => wrong(&error),
    }
}

async fn media(State(shared): State<Arc<Shared>>) -> Response {
    shown(&shared.core().media.all())
}

async fn payloads(State(shared): State<Arc<Shared>>) -> Response {
    let kept = shared.core().payloads.clone();
    let rows: Vec<Value> =
        kept.into_iter().map(|(place, payload)| json!({"place": place, "payload": payload})).collect();
    shown(&rows)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursors {
    lost: u32,
}

async fn lose_cursors(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<Cursors>(&body) {
        Ok(Cursors { lost }) => {
            shared.core().dead_cursors = lost;
            done(Ok(()))
        }
        Err(error) => wrong(&error),
    }
}

async fn change_sender(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let mut keys: serde_json::Map<String, Value> = match read(&body) {
        Ok(keys) => keys,
        Err(error) => return wrong(&error),
    };
    let Some(Value::String(id)) = keys.remove("id") else { return wrong("the key id is missing") };
    let mut problem = None;
    let result = shared.change_sender(&id, |profile| match changed(profile, keys) {
        Ok(new) => *profile = new,
        Err(error) => problem = Some(error),
    });
    match problem {
        Some(error) => wrong(&error),
        None => done(result),
    }
}

async fn say(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<Inbound>(&body) {
        Ok(inbound) => done(people::say(&shared, &inbound).await),
        Err(error) => wrong(&error),
    }
}

async fn issue_token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read::<SandboxToken>(&body) {
        Ok(token) => {
            shared.tokens.issue(&token);
            done(Ok(()))
        }
        Err(error) => wrong(&error),
    }
}

#[derive(Deserialize)]
struct Place {
    after: Option<usize>,
    limit: Option<usize>,
}

async fn ledger(State(shared): State<Arc<Shared>>, Query(place): Query<Place>) -> Response {
    let page = shared.core().ledger.page(place.after.unwrap_or(0), place.limit.unwrap_or(1_000));
    shown(&page)
}

async fn summary(State(shared): State<Arc<Shared>>) -> Response {
    match tokio::task::spawn_blocking(move || shared.summary()).await {
        Ok(summary) => shown(&summary),
        Err(error) => wrong(&error),
    }
}

async fn state(State(shared): State<Arc<Shared>>) -> Response {
    let faults = shared.core().faults.kinds();
    let (waiting, dropped) = (shared.outbox.len(), shared.outbox.dropped());
    answer(StatusCode::OK, &json!({"faults": faults, "receipts_waiting": waiting, "receipts_dropped": dropped}))
}

async fn codes(State(shared): State<Arc<Shared>>) -> Response {
    let codes = shared.numbers.codes();
    let rows: Vec<Value> = codes
        .into_iter()
        .map(|code| {
            let title = &shared.policy.rule_for(code, None, None, false).title;
            json!({"code": code, "title": title, "ending": format!("9{code:06}")})
        })
        .collect();
    answer(StatusCode::OK, &json!({"endings": "9: as usual, 8: as a receipt, 7: the first time only", "codes": rows}))
}
