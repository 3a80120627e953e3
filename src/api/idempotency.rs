//! `Idempotency-Key`: the key, and a hash of everything that makes two requests the same.

use super::ApiError;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::response::Response;
use sha2::{Digest, Sha256};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const LONGEST: usize = 255;

/// The request's key; `None` when it has none.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let bad = || ApiError::malformed(format!("an Idempotency-Key is 1 to {LONGEST} visible ASCII characters"));
    let text = value.to_str().map_err(|_| bad())?.trim();
    if text.is_empty() || text.len() > LONGEST { Err(bad()) } else { Ok(Some(text.to_owned())) }
}

/// A hash that has seen what the request asks for; its content is to follow.
pub(super) fn hash_of(method: &Method, uri: &Uri) -> Sha256 {
    let mut hash = Sha256::new();
    for part in [method.as_str(), uri.path(), uri.query().unwrap_or_default()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash
}

/// The finished hash as text.
pub(super) fn finished(hash: Sha256) -> String {
    hex::encode(hash.finalize())
}

/// Marks an answer that was given before.
pub(super) fn mark_replay(response: &mut Response) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}
