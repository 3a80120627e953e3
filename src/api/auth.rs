//! Bearer keys: compared by their hashes, all of them each time, in constant time.

use super::{Api, ApiError};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The hashes of the keys that callers may show.
pub(super) struct Keys(Vec<[u8; 32]>);

impl Keys {
    pub(super) fn new(keys: &[SecretString]) -> Self {
        // An empty key in the configuration must not open the door to an empty one in a request.
        let usable = keys.iter().map(ExposeSecret::expose_secret).filter(|key| !key.trim().is_empty());
        Self(usable.map(|key| Sha256::digest(key.as_bytes()).into()).collect())
    }

    fn is_known(&self, shown: &[u8]) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        self.0.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&shown)).into()
    }
}

/// Lets a request through when it shows a key.
pub(super) async fn require_key(State(api): State<Api>, request: Request, next: Next) -> Response {
    let keys = &api.shared.keys;
    if keys.0.is_empty() {
        let message =
            "no API keys are set: make one (openssl rand -hex 24) and put it into [http] api_keys of config.toml";
        return ApiError::new(StatusCode::UNAUTHORIZED, "no_api_keys", message).into_response();
    }
    match shown_key(request.headers()) {
        Some(key) if keys.is_known(key) => next.run(request).await,
        Some(_) => ApiError::new(StatusCode::UNAUTHORIZED, "wrong_key", "this key is not one of [http] api_keys")
            .into_response(),
        None => {
            let message = "show a key: Authorization: Bearer KEY, one of [http] api_keys in config.toml";
            ApiError::new(StatusCode::UNAUTHORIZED, "key_needed", message).into_response()
        }
    }
}

fn shown_key(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}
