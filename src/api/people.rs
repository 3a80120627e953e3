//! `/people/{phone}`, `/numbers` and `/broadcasts/{id}/recipients/{seq}`: who stands where and got what.

use super::broadcasts::broadcast_id;
use super::{Api, ApiError};
use crate::service::people::from_cursor;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// People in a page, unless asked otherwise.
const ROWS: u32 = 100;

/// All that is known of one person.
pub(super) async fn person(State(api): State<Api>, Path(phone): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(api.service.person(&phone).await?.to_json()))
}

#[derive(Deserialize)]
pub(super) struct Page {
    list: Option<String>,
    #[serde(default)]
    search: String,
    after: Option<String>,
    limit: Option<u32>,
}

/// The people of a list, or of all.
pub(super) async fn numbers(State(api): State<Api>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let after = page.after.as_deref().map(from_cursor).transpose()?;
    let limit = page.limit.unwrap_or(ROWS);
    Ok(Json(api.service.numbers(page.list.as_deref(), &page.search, after, limit).await?.to_json()))
}

/// One recipient of a broadcast, with every attempt.
pub(super) async fn recipient(
    State(api): State<Api>,
    Path((id, seq)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    let unknown = |_| ApiError::new(StatusCode::NOT_FOUND, "unknown_recipient", "a recipient's seq is a number");
    let seq = seq.parse().map_err(unknown)?;
    Ok(Json(api.service.recipient(&id, seq).await?.to_json()))
}
