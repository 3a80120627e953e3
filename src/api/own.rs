//! Test sends, and the operator's own numbers that they go to.

use super::ledger::read;
use super::{Api, ApiError, body, broadcasts};
use crate::domain::phone::Phone;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// The own numbers, masked: whoever holds a key may send to them, not read them.
pub(super) async fn show(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    Ok(masked(&api.service.own_numbers().await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    numbers: Vec<String>,
}

/// Replaces the own numbers.
pub(super) async fn set(State(api): State<Api>, request: Request) -> Result<Json<Value>, ApiError> {
    let Numbers { numbers } = read(&api, request).await?;
    Ok(masked(&api.service.set_own_numbers(&numbers).await?))
}

fn masked(phones: &[Phone]) -> Json<Value> {
    Json(json!({ "numbers": phones.iter().map(|phone| phone.masked()).collect::<Vec<_>>() }))
}

/// Sends what a broadcast would send to its first person, to the own numbers or those of `to`.
pub(super) async fn test_send(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(&parts.headers, raw, body::JSON_LIMIT, api.config().body_timeout).await?;
    let mut asked = body::json_object(&bytes)?;
    let to = asked.as_object_mut().and_then(|fields| fields.remove("to")).unwrap_or(Value::Array(Vec::new()));
    let wrong = |message: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message);
    let to: Vec<String> = serde_json::from_value(to).map_err(|error| wrong(format!("to: {error}")))?;
    let request = broadcasts::broadcast_request(asked, api.config().media_folder.as_deref())?;
    let made = api.service.test_send(&request, None, &to).await?;
    let answer = json!({ "broadcast_id": made.id, "status": made.status, "recipients": made.total });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
