//! The sender, its account and its token: how they stand, and an operator's word that a restriction is over.

use super::{Api, ApiError};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// How they stand, as far as is known.
pub(super) async fn show(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    Ok(Json(api.service.sender_standing().await?))
}

/// Ends what is known of a restriction of the account.
pub(super) async fn lift(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "resumed": api.service.lift_restriction().await? })))
}
