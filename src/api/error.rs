//! Answers that are not a success: JSON with the right status, whatever went wrong.

use crate::service::receipts::RETRY_AFTER_SECONDS;
use crate::service::{Kind, ServiceError};
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::any::Any;

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What programs read.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// More for programs.
    pub details: Value,
}

impl ApiError {
    /// An error without details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Value::Null }
    }

    /// Not readable at all.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let status = match error.kind {
            Kind::Malformed => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if error.kind == Kind::Internal {
            tracing::error!(code = error.code, %error, "a request failed for a reason that it cannot help");
        }
        Self { status, code: error.code, message: error.message, details: error.details }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "details": self.details } });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn no_such_path() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_path",
        "there is no such call: GET /openapi.json lists those that there are",
    )
}

pub(super) async fn wrong_method() -> ApiError {
    let message = "this path does not take that method: GET /openapi.json lists those that it takes";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
}

/// A bug in a handler: the process and all other requests go on.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("without words"), "a request met a bug");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a bug in wacast: its log says more").into_response()
}

/// Turns the plain-text refusals of axum's own extractors (a query or a path that cannot be read) into ours.
pub(super) async fn no_empty_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if status.is_client_error() && is_plain {
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap_or_default();
        let words = String::from_utf8_lossy(&body).into_owned();
        let words = if words.is_empty() { "the request cannot be read".to_owned() } else { words };
        return ApiError::new(status, "malformed", words).into_response();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use tower_http::catch_panic::CatchPanicLayer;

    #[tokio::test]
    async fn a_bug_in_a_handler_is_an_answer_and_tells_nothing() {
        async fn boom() -> StatusCode {
            panic!("secret words")
        }
        let router = Router::new().route("/", get(boom)).layer(CatchPanicLayer::custom(panicked));
        let request = Request::new(axum::body::Body::empty());
        let response = TowerToHyperService::new(router).call(request).await.unwrap_or_else(|never| match never {});
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], "internal");
        assert!(!body.to_string().contains("secret"));
    }
}
