//! What happened: since a moment, and the program's own newest events.

use super::{Api, ApiError};
use crate::logging;
use crate::service::times;
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

/// Events in a page, unless asked otherwise.
const EVENTS: usize = 200;

#[derive(Deserialize)]
pub(super) struct From {
    time: String,
}

/// What happened at or after a time.
pub(super) async fn since(State(api): State<Api>, Query(from): Query<From>) -> Result<Json<Value>, ApiError> {
    let since = times::parse_past_with_offset(&from.time, api.service.now())?;
    Ok(Json(api.service.since(since).await?.to_json()))
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// The newest events of this process, oldest first.
pub(super) async fn events(Query(page): Query<Page>) -> Json<Value> {
    let recent = logging::recent();
    let limit = page.limit.unwrap_or(EVENTS).clamp(1, logging::KEPT);
    let events = recent.after(page.after, limit);
    let next = events.last().map(|event| event.id).filter(|id| *id < recent.newest());
    let items: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "id": event.id,
                "at": event.at.rfc3339(),
                "level": event.level,
                "target": event.target,
                "text": event.text,
            })
        })
        .collect();
    Json(json!({ "items": items, "next": next }))
}
