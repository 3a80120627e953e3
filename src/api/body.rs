//! Reads bodies within bounds: bytes and time.

use super::ApiError;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The most bytes of a JSON body that is not an upload.
pub(super) const JSON_LIMIT: u64 = 1024 * 1024;

/// Refuses a body by its announced length, before any of it is read.
pub(super) fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

/// A body piece by piece, with an end to patience and to size.
pub(super) struct Bounded {
    body: axum::body::BodyDataStream,
    until: Instant,
    left: u64,
    limit: u64,
}

impl Bounded {
    pub(super) fn new(body: Body, limit: u64, patience: Duration) -> Self {
        Self { body: body.into_data_stream(), until: Instant::now() + patience, left: limit, limit }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = tokio::time::timeout_at(self.until, self.body.next()).await.map_err(|_| too_slow())?;
        let Some(piece) = piece.transpose().map_err(|_| ApiError::malformed("the body broke off"))? else {
            return Ok(None);
        };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| too_large(self.limit))?;
        Ok(Some(piece))
    }
}

/// A whole body in memory.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: u64, patience: Duration) -> Result<Vec<u8>, ApiError> {
    check_length(headers, limit)?;
    let mut bounded = Bounded::new(body, limit, patience);
    let mut bytes = Vec::new();
    while let Some(piece) = bounded.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A JSON object; the bytes go with it, to be hashed.
pub(super) fn json_object(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.trim_ascii().is_empty() {
        return Err(ApiError::malformed("the body is empty: send a JSON object"));
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| ApiError::malformed(format!("the body is not JSON: {error}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", "the body must be a JSON object"))
    }
}

pub(super) fn too_large(limit: u64) -> ApiError {
    let message = if limit >= JSON_LIMIT {
        format!("the body is larger than {} MiB", limit / JSON_LIMIT)
    } else {
        format!("the body is larger than {limit} bytes")
    };
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

pub(super) fn too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long to arrive")
}
