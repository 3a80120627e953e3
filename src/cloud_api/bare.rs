//! The bare loop that wacast is measured against: the same HTTP client and body, and nothing else. No gate, no
//! ledger, no reading of the answer's meaning. Only benchmarks and tests call it.

use super::answer::{ReadBody, in_words, read_body};
use super::client::{SetupError, checked_base, http_client, install_crypto_provider};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use std::time::Duration;

/// What a plain script would do.
pub struct BareLoop {
    http: reqwest::Client,
    url: reqwest::Url,
    authorization: HeaderValue,
}

impl BareLoop {
    /// Towards `{base_url}/{api_version}/{sender}/messages`.
    pub fn new(base_url: &str, api_version: &str, sender: &str, access_token: &str) -> Result<Self, SetupError> {
        install_crypto_provider();
        let (_, loopback) = checked_base(base_url)?;
        let (url, _) = checked_base(&format!("{base_url}/{api_version}/{sender}/messages"))?;
        let authorization =
            HeaderValue::try_from(format!("Bearer {access_token}")).map_err(|_| SetupError::AccessToken)?;
        let http = http_client(loopback, Duration::from_secs(5), Duration::from_secs(30))?;
        Ok(Self { http, url, authorization })
    }

    /// Posts one body, reads the whole answer, gives its HTTP status.
    pub async fn post(&self, body: Bytes) -> Result<u16, String> {
        let request = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let response = request.send().await.map_err(|error| in_words(&error.without_url()))?;
        let status = response.status().as_u16();
        match read_body(response, 64 * 1024).await {
            ReadBody::Whole(_) => Ok(status),
            ReadBody::TooLong => Err("the answer is too long".to_owned()),
            ReadBody::Broken(detail) => Err(detail),
        }
    }
}
