//! `/optouts`: who asked not to be written to; noted and undone on the record.

use super::{Api, ApiError, ledger};
use crate::domain::opt_out::{Kind, OptedOut};
use crate::service::broadcasts::LONGEST_PAGE;
use crate::service::opt_outs::event_json;
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use serde::Deserialize;
use serde_json::{Value, json};

/// People in a page, unless asked otherwise.
const ROWS: u32 = 1_000;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    search: String,
    after: Option<String>,
    limit: Option<u32>,
}

/// Who is opted out now.
pub(super) async fn list(State(api): State<Api>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(ROWS).clamp(1, LONGEST_PAGE);
    let people = api.service.opt_outs(&page.search, page.after.as_deref(), limit).await?;
    let next = people.last().filter(|_| people.len() == limit as usize).map(|person| person.person.clone());
    let items: Vec<Value> = people.iter().map(OptedOut::to_json).collect();
    Ok(Json(json!({ "items": items, "next": next, "people": api.service.opted_out_people().await? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddBody {
    phone: String,
    #[serde(default)]
    note: String,
}

/// An operator's word that somebody is not to be written to.
pub(super) async fn add(State(api): State<Api>, request: Request) -> Result<Json<Value>, ApiError> {
    let AddBody { phone, note } = ledger::read(&api, request).await?;
    Ok(Json(api.service.opt_out(&phone, &note).await?.to_json()))
}

/// Everything that was noted about one person.
pub(super) async fn history(State(api): State<Api>, Path(phone): Path<String>) -> Result<Json<Value>, ApiError> {
    let events = api.service.opt_out_history(&phone).await?;
    Ok(Json(json!({ "items": events.iter().map(event_json).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
pub(super) struct Undo {
    kind: Option<Kind>,
    #[serde(default)]
    note: String,
}

/// Undoes somebody's opt-out, on the record.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(phone): Path<String>,
    Query(undo): Query<Undo>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(api.service.undo_opt_out(&phone, undo.kind, &undo.note).await?.to_json()))
}
