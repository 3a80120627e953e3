//! The access token: how it stands, and a new one. None is ever in an answer.

use super::{Api, ApiError, body};
use crate::domain::time::Millis;
use crate::service::token::to_json;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};

/// How it stood when it was last looked at.
pub(super) async fn show(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let known = api.service.known_token().await?;
    Ok(Json(known.map_or(Value::Null, |standing| to_json(&standing, api.service.now()))))
}

/// Takes a new one, and lets go on what was paused for the old one.
pub(super) async fn take(State(api): State<Api>, request: Request) -> Result<Json<Value>, ApiError> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(&parts.headers, raw, body::JSON_LIMIT, api.config().body_timeout).await?;
    let object = body::json_object(&bytes)?;
    // Read by hand: a reader's error would show what it found.
    let only = object.as_object().is_some_and(|object| object.len() == 1);
    let token = object.get("access_token").and_then(Value::as_str).filter(|_| only).ok_or_else(|| {
        let message = "this takes an object with the one text \"access_token\"";
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message)
    })?;
    let done = api.service.take_token(SecretString::from(token.trim())).await?;
    let now: Millis = api.service.now();
    let (resumed, not_noticed_by) = (done.resumed, done.not_noticed_by);
    Ok(Json(json!({
        "token": to_json(&done.standing, now), "resumed": resumed, "not_noticed_by": not_noticed_by,
    })))
}
