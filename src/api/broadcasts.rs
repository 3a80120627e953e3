//! `POST /send-broadcast` and `/broadcasts…`.

use super::{Api, ApiError, body, idempotency, media};
use crate::domain::binding::{Bindings, Source};
use crate::domain::broadcast::{Broadcast, Choices, OnBadRows, OnTemplatePause};
use crate::domain::ids::BroadcastId;
use crate::domain::time::Millis;
use crate::service::broadcasts::LONGEST_PAGE;
use crate::service::times;
use crate::service::view::BroadcastRequest;
use crate::store::LogRow;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::io::Seek;
use std::path::Path as FilePath;
use tokio::io::AsyncReadExt;

/// Broadcasts in a list, unless asked otherwise.
const BROADCASTS: u32 = 100;
/// Log rows in a page, unless asked otherwise.
const LOG_ROWS: u32 = 1_000;
/// The most variables that are read.
const MOST_VARIABLES: usize = 100;
/// Bytes of a report that are sent at once.
const REPORT_PIECE: usize = 64 * 1024;

/// What `POST /send-broadcast` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendBody {
    template_name: String,
    language_code: String,
    list: Option<String>,
    label: Option<String>,
    variables: Option<Map<String, Value>>,
    schedule_at: Option<String>,
    messages_per_second: Option<f64>,
    expect: Option<u64>,
    #[serde(default)]
    repeat: bool,
    #[serde(default)]
    on_template_pause: OnTemplatePause,
    #[serde(default)]
    on_bad_rows: OnBadRows,
}

pub(super) async fn send(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let (parts, raw) = request.into_parts();
    let key = idempotency::key(&parts.headers)?;
    let bytes = body::read(&parts.headers, raw, body::JSON_LIMIT, api.config().body_timeout).await?;
    let mut hash = idempotency::hash_of(&parts.method, &parts.uri);
    sha2::Digest::update(&mut hash, &bytes);
    let mut asked = broadcast_request(body::json_object(&bytes)?, api.config().media_folder.as_deref())?;
    asked.idempotency = key.map(|key| (key, idempotency::finished(hash)));
    let started = api.service.start(asked).await?;
    let Broadcast { id, status, total, .. } = &started.broadcast;
    let answer = json!({ "broadcast_id": id, "status": status, "recipients": total });
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    if started.replay {
        idempotency::mark_replay(&mut response);
    }
    Ok(response)
}

/// Reads what a broadcast is to be, from JSON. `media_folder`: where files for headers are kept.
pub(super) fn broadcast_request(value: Value, media_folder: Option<&FilePath>) -> Result<BroadcastRequest, ApiError> {
    let wrong = |message: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message);
    let asked: SendBody = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    // Whether it is past is looked at later: a repeated request may come after its own time.
    let start_at = asked.schedule_at.map(|text| times::parse_with_offset(&text, Millis(i64::MIN))).transpose()?;
    Ok(BroadcastRequest {
        template_name: asked.template_name,
        language_code: asked.language_code,
        list: asked.list,
        label: asked.label.unwrap_or_default(),
        bindings: bindings(asked.variables.unwrap_or_default(), media_folder)?,
        start_at,
        messages_per_second: asked.messages_per_second,
        expect: asked.expect,
        repeat: asked.repeat,
        idempotency: None,
        choices: Choices { on_template_pause: asked.on_template_pause, on_bad_rows: asked.on_bad_rows },
    })
}

fn bindings(variables: Map<String, Value>, media_folder: Option<&FilePath>) -> Result<Bindings, ApiError> {
    let wrong = |message: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message);
    if variables.len() > MOST_VARIABLES {
        return Err(wrong(format!("more than {MOST_VARIABLES} variables")));
    }
    let read = |(variable, value): (String, Value)| match serde_json::from_value::<Source>(value) {
        Ok(Source::File { file }) => {
            let path = media::path_of(media_folder, &file)?;
            Ok((variable, Source::File { file: path.to_string_lossy().into_owned() }))
        }
        Ok(source) => Ok((variable, source)),
        Err(_) => Err(wrong(format!(
            "variables.{variable} must be a column's name, {{\"text\": …}}, {{\"column\": …, \"fallback\": …}} or \
             {{\"file\": …}}"
        ))),
    };
    variables.into_iter().map(read).collect()
}

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(default)]
    open: bool,
    limit: Option<u32>,
}

pub(super) async fn list(State(api): State<Api>, Query(asked): Query<Listed>) -> Result<Json<Value>, ApiError> {
    let limit = asked.limit.unwrap_or(BROADCASTS).min(LONGEST_PAGE);
    let views = api.service.broadcasts(asked.open, limit).await?;
    let items: Vec<Value> = views.iter().map(crate::service::view::BroadcastView::to_json).collect();
    Ok(Json(json!({ "items": items })))
}

pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    Ok(Json(api.service.broadcast(&id).await?.to_json()))
}

pub(super) async fn pause(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    api.service.pause(&id).await?;
    Ok(Json(api.service.broadcast(&id).await?.to_json()))
}

pub(super) async fn resume(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    api.service.resume(&id).await?;
    Ok(Json(api.service.broadcast(&id).await?.to_json()))
}

pub(super) async fn cancel(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    let cancelled = api.service.cancel(&id).await?;
    let mut shown = api.service.broadcast(&id).await?.to_json();
    shown["will_not_get_it"] = cancelled.will_not_get_it.into();
    Ok(Json(shown))
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

pub(super) async fn log(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    let limit = page.limit.unwrap_or(LOG_ROWS).clamp(1, LONGEST_PAGE);
    let rows = api.service.log(Some(&id), page.after, limit).await?;
    // A short page is the last one for now; its last row's id is where to go on later.
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id);
    let items: Vec<Value> = rows.iter().map(log_row).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

fn log_row(row: &LogRow) -> Value {
    // As JSON where it is JSON, so that nobody has to read it twice.
    let response = serde_json::from_str(&row.response).unwrap_or_else(|_| Value::from(row.response.as_str()));
    json!({
        "id": row.id,
        "phone": row.phone,
        "status": row.status,
        "timestamp": row.timestamp.rfc3339(),
        "attempt": row.attempt,
        "code": row.code,
        "response": response,
    })
}

/// What it costs so far, by who got it and the rates that are known here.
pub(super) async fn cost(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = broadcast_id(&id)?;
    Ok(Json(json!(api.service.cost_so_far(&id).await?)))
}

#[derive(Deserialize)]
pub(super) struct ReportAsked {
    #[serde(default)]
    masked: bool,
}

/// The report as CSV. It is written to a temporary file first: an error half way must not look like an end.
pub(super) async fn report(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(asked): Query<ReportAsked>,
) -> Result<Response, ApiError> {
    let id = broadcast_id(&id)?;
    let no_room = |error: std::io::Error| {
        tracing::error!(%error, "a report cannot be kept in the temporary folder");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_room", "the report cannot be made: see the log")
    };
    let mut file = tempfile::tempfile().map_err(no_room)?;
    api.service.report(&id, asked.masked, &mut file).await?;
    file.rewind().map_err(no_room)?;
    let pieces = futures_util::stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut piece = bytes::BytesMut::with_capacity(REPORT_PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (piece.freeze(), file)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"wacast-{id}.csv\"")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// An id that cannot be one is as unknown as any other.
pub(super) fn broadcast_id(text: &str) -> Result<BroadcastId, ApiError> {
    text.parse().map_err(|error| ApiError::new(StatusCode::NOT_FOUND, "unknown_broadcast", format!("{error}")))
}
