//! Meta's webhook: verification, and signed events.
//!
//! The signature is checked over the raw bytes before anything looks into them; a body is answered with 200 only
//! after it is durable. Folding it into states is somebody else's work.

use super::{Api, ApiError, body};
use crate::domain::receipt::check_shape;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The most bytes of a body, as Meta documents it.
const LIMIT: u64 = 3 * 1024 * 1024;
/// The longest challenge that is given back.
const LONGEST_CHALLENGE: usize = 1_024;
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

#[derive(Deserialize)]
pub(super) struct Verification {
    #[serde(rename = "hub.mode", default)]
    mode: String,
    #[serde(rename = "hub.verify_token", default)]
    token: String,
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

/// `GET /webhook`: gives the challenge back to whoever knows the token.
pub(super) async fn verify(State(api): State<Api>, Query(asked): Query<Verification>) -> Response {
    let Some(token) = &api.config().verify_token else {
        return not_set_up("verify_token").into_response();
    };
    // By their hashes, so that the comparison takes as long whatever the length.
    let ours = Sha256::digest(token.expose_secret().as_bytes());
    let theirs = Sha256::digest(asked.token.as_bytes());
    let known: bool = ours.as_slice().ct_eq(theirs.as_slice()).into();
    if known && asked.mode == "subscribe" && asked.challenge.len() <= LONGEST_CHALLENGE {
        return asked.challenge.into_response();
    }
    ApiError::new(StatusCode::FORBIDDEN, "wrong_token", "the verify token is not that of the configuration")
        .into_response()
}

/// `POST /webhook`: 200 when the body is stored.
pub(super) async fn receive(State(api): State<Api>, headers: HeaderMap, raw: Body) -> Result<StatusCode, ApiError> {
    let Some(secret) = &api.config().app_secret else {
        return Err(not_set_up("app_secret"));
    };
    let signature =
        headers.get(&SIGNATURE).and_then(|value| value.as_bytes().strip_prefix(b"sha256=")).map(hex::decode);
    let Some(Ok(signature)) = signature else {
        return Err(unsigned("the request is not signed (X-Hub-Signature-256: sha256=…)"));
    };
    let bytes = body::read(&headers, raw, LIMIT, api.config().body_timeout).await?;
    if !is_signed_with(secret, &bytes, &signature) {
        return Err(unsigned("the signature is not that of the body with the configured app secret"));
    }
    check_shape(&bytes).map_err(|error| ApiError::malformed(error.to_string()))?;
    let copy = api.service.forwards().then(|| Bytes::copy_from_slice(&bytes));
    api.service.take_receipt(bytes).await?;
    if let Some(copy) = copy {
        api.service.forward(&copy, &format!("sha256={}", hex::encode(&signature)));
    }
    api.shared.metrics.receipt();
    Ok(StatusCode::OK)
}

fn is_signed_with(secret: &SecretString, bytes: &[u8], signature: &[u8]) -> bool {
    // A key of any length will do for HMAC, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    mac.update(bytes);
    mac.verify_slice(signature).is_ok()
}

fn unsigned(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "bad_signature", message)
}

fn not_set_up(key: &str) -> ApiError {
    let message = format!("the webhook is not set up: set [whatsapp] {key}");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_not_set_up", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_openssl() {
        let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
        let right = hex::decode("dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756").unwrap();
        let secret = SecretString::from("test_app_secret");
        assert!(is_signed_with(&secret, body, &right));
        assert!(!is_signed_with(&SecretString::from("another"), body, &right));
        assert!(!is_signed_with(&secret, b"{}", &right));
        assert!(!is_signed_with(&secret, body, &right[..31]));
        assert!(!is_signed_with(&secret, body, b""));
    }
}
