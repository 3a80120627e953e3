//! `GET /lists`, `GET /templates`, `POST /templates/sync`.

use super::{Api, ApiError};
use crate::domain::time::Millis;
use crate::store::SyncedTemplates;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

pub(super) async fn lists(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let lists = api.service.lists().await?.into_iter().map(|list| {
        json!({
            "name": list.name,
            "people": list.people,
            "uploads": list.uploads,
            "last_upload_at": list.last_upload_at.rfc3339(),
        })
    });
    Ok(Json(json!({ "items": lists.collect::<Vec<_>>() })))
}

pub(super) async fn templates(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&api.service.templates().await?)))
}

pub(super) async fn sync_templates(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&api.service.sync_templates().await?)))
}

/// Templates with the names of their variables; what cannot be sent yet says why.
fn shown(synced: &SyncedTemplates) -> Value {
    let items = synced.templates.iter().map(|template| {
        let (variables, unsupported) = match template.slots() {
            Ok(slots) => (slots.into_iter().map(|slot| slot.name).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        json!({
            "name": template.name,
            "language": template.language,
            "status": template.status,
            "category": template.category,
            "sub_category": Some(&template.sub_category).filter(|word| !word.is_empty()),
            "rejected_reason": Some(&template.rejected_reason).filter(|words| !words.is_empty()),
            "quality": template.quality,
            "variables": variables,
            "unsupported": unsupported,
        })
    });
    json!({ "items": items.collect::<Vec<_>>(), "synced_at": synced.synced_at.map(Millis::rfc3339) })
}
