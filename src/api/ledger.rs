//! What operators do about the ledger: people in doubt, follow-ups, the audit trail, a store to be taken into use.

use super::broadcasts::broadcast_id;
use super::{Api, ApiError, body};
use crate::domain::broadcast::Pick;
use crate::service::broadcasts::LONGEST_PAGE;
use crate::service::doubts::DoubtWord;
use crate::service::follow_up::FollowUpRequest;
use crate::service::times;
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Rows in a page, unless asked otherwise.
const ROWS: u32 = 1_000;

#[derive(Deserialize)]
pub(super) struct Doubts {
    after: Option<u32>,
    limit: Option<u32>,
}

/// The people in doubt of a broadcast.
pub(super) async fn in_doubt(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(page): Query<Doubts>,
) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    let limit = page.limit.unwrap_or(ROWS).clamp(1, LONGEST_PAGE);
    let rows = api.service.in_doubt(&id, page.after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.seq);
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "seq": row.seq,
                "phone": row.phone,
                "name": row.name,
                "attempt": row.attempt,
                "detail": row.detail,
                "since": row.changed_at.map(crate::domain::time::Millis::rfc3339),
            })
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideBody {
    decision: DoubtWord,
    seqs: Option<Vec<u32>>,
    expect: Option<u64>,
}

/// An operator's word on people in doubt.
pub(super) async fn decide(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    let DecideBody { decision, seqs, expect } = read(&api, request).await?;
    let decided = api.service.decide(&id, decision, seqs, expect).await?;
    let follow_up = decided.follow_up.map(|broadcast| broadcast.id);
    Ok(Json(json!({ "people": decided.people, "decision": decision, "follow_up": follow_up })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FollowUpBody {
    pick: Pick,
    code: Option<i64>,
    #[serde(default)]
    without: Vec<i64>,
    #[serde(default)]
    label: String,
    schedule_at: Option<String>,
    messages_per_second: Option<f64>,
    expect: Option<u64>,
    #[serde(default)]
    repeat: bool,
}

/// Some people of a broadcast that has ended get it once more.
pub(super) async fn follow_up(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let of = broadcast_id(&id)?;
    let asked: FollowUpBody = read(&api, request).await?;
    let start_at = asked.schedule_at.map(|text| times::parse_with_offset(&text, api.service.now())).transpose()?;
    let request = FollowUpRequest {
        label: asked.label,
        start_at,
        messages_per_second: asked.messages_per_second,
        expect: asked.expect,
        repeat: asked.repeat,
        code: asked.code,
        without: asked.without,
        ..FollowUpRequest::new(of, asked.pick)
    };
    let made = api.service.follow_up(request).await?;
    let answer = json!({ "broadcast_id": made.id, "status": made.status, "recipients": made.total });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

#[derive(Deserialize)]
pub(super) struct Trail {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// Who did what.
pub(super) async fn audit(State(api): State<Api>, Query(page): Query<Trail>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(ROWS).clamp(1, LONGEST_PAGE);
    let entries = api.service.audit_trail(page.after, limit).await?;
    let next = entries.last().filter(|_| entries.len() == limit as usize).map(|entry| entry.id);
    Ok(Json(json!({ "items": entries, "next": next })))
}

/// Where the store is, and what stands against sending from it.
pub(super) async fn store(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let trouble = api.service.store_trouble().await?;
    Ok(Json(json!({ "place": api.service.store_place(), "trouble": trouble })))
}

/// Takes a copied or restored store into use.
pub(super) async fn adopt(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let adopted = api.service.adopt().await?.unwrap_or_default();
    let in_doubt: Vec<Value> =
        adopted.in_doubt.iter().map(|(id, people)| json!({ "broadcast_id": id, "people": people })).collect();
    Ok(Json(json!({ "in_doubt": in_doubt, "paused": adopted.paused, "unknown": adopted.unknown })))
}

/// Reads a JSON object of a known form.
pub(super) async fn read<T: DeserializeOwned>(api: &Api, request: Request) -> Result<T, ApiError> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(&parts.headers, raw, body::JSON_LIMIT, api.config().body_timeout).await?;
    serde_json::from_value(body::json_object(&bytes)?)
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", error.to_string()))
}
