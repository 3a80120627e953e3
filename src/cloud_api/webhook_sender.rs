//! Posts signed events to a webhook, as Meta does. The sandbox uses it; it lives here because only this part
//! knows the HTTP client. It signs nothing and retries nothing itself.

use super::answer::in_words;
use super::client::{SetupError, checked_base, http_client, install_crypto_provider};
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use std::time::Duration;

/// A connection pool towards webhooks on this machine or behind https.
pub struct WebhookSender {
    http: reqwest::Client,
    url: reqwest::Url,
}

impl WebhookSender {
    /// For one webhook.
    pub fn new(url: &str) -> Result<Self, SetupError> {
        install_crypto_provider();
        let (url, loopback) = checked_base(url)?;
        let http = http_client(loopback, Duration::from_secs(5), Duration::from_secs(10))?;
        Ok(Self { http, url })
    }

    /// Posts one body with the value of its `X-Hub-Signature-256`; answers the HTTP status.
    pub async fn post(&self, body: Bytes, signature: &str) -> Result<u16, String> {
        self.http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("x-hub-signature-256", signature)
            .body(body)
            .send()
            .await
            .map(|response| response.status().as_u16())
            .map_err(|error| in_words(&error.without_url()))
    }
}
