//! `/schedules…`: what `--every` is on the command line.

use super::broadcasts::broadcast_request;
use super::{Api, ApiError, body};
use crate::domain::ids::{NotAnId, ScheduleId};
use crate::domain::schedule::Schedule;
use crate::domain::time::Millis;
use crate::service::schedules::recurrence;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn list(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let now = api.service.now();
    let items: Vec<Value> = api.service.schedules().await?.iter().map(|schedule| shown(schedule, now)).collect();
    Ok(Json(json!({ "items": items })))
}

/// Takes what `POST /send-broadcast` takes but `schedule_at` and `expect`, and `cron` and `zone`.
pub(super) async fn add(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(&parts.headers, raw, body::JSON_LIMIT, api.config().body_timeout).await?;
    let mut value = body::json_object(&bytes)?;
    let mut take = |key: &str| match value.as_object_mut().and_then(|object| object.remove(key)) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", format!("{key} must be a text"))),
    };
    let (cron, zone) = (take("cron")?, take("zone")?);
    let asked = broadcast_request(value, api.config().media_folder.as_deref())?;
    if asked.start_at.is_some() || asked.expect.is_some() {
        let message = "a schedule has its own times and counts anew each time: leave schedule_at and expect out";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message));
    }
    let schedule = api.service.add_schedule(&asked, &cron, &zone).await?;
    Ok((StatusCode::CREATED, Json(shown(&schedule, api.service.now()))))
}

pub(super) async fn enable(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    switch(&api, &id, true).await
}

pub(super) async fn disable(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    switch(&api, &id, false).await
}

async fn switch(api: &Api, id: &str, enabled: bool) -> Result<Json<Value>, ApiError> {
    let unknown = |error: NotAnId| ApiError::new(StatusCode::NOT_FOUND, "unknown_schedule", error.to_string());
    let id: ScheduleId = id.parse().map_err(unknown)?;
    let schedule = api.service.enable_schedule(&id, enabled).await?;
    Ok(Json(shown(&schedule, api.service.now())))
}

fn shown(schedule: &Schedule, now: Millis) -> Value {
    let words =
        recurrence(&schedule.cron, &schedule.zone, now, 1).map(|recurrence| recurrence.words).unwrap_or_default();
    json!({
        "id": schedule.id,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "words": words,
        "template_name": schedule.definition.template.name,
        "language_code": schedule.definition.template.language,
        "list": schedule.definition.audience.list,
        "label": schedule.definition.label,
        "enabled": schedule.enabled,
        "next_fire_at": schedule.next_fire_at.filter(|_| schedule.enabled).map(Millis::rfc3339),
        "last_fired_at": schedule.last_fired_at.map(Millis::rfc3339),
        "created_at": schedule.created_at.rfc3339(),
    })
}
