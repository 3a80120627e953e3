//! Posts signed events to a webhook, as Meta does. The sandbox uses it; it lives here because only this part
//! knows the HTTP client. It signs nothing and retries nothing itself.

use super::answer::{ReadBody, in_words, read_body};
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

    /// Asks the webhook to prove itself, as Meta does when it is registered: it must answer 200 with the
    /// challenge when the token is the one that it expects.
    pub async fn verify(&self, verify_token: &str, challenge: &str) -> Result<bool, String> {
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", verify_token), ("hub.challenge", challenge)];
        let in_words = |error: reqwest::Error| in_words(&error.without_url());
        let response = self.http.get(self.url.clone()).query(&query).send().await.map_err(in_words)?;
        let status = response.status().as_u16();
        match read_body(response, 4 * 1024).await {
            ReadBody::Whole(body) => Ok(status == 200 && body == challenge.as_bytes()),
            ReadBody::TooLong => Ok(false),
            ReadBody::Broken(detail) => Err(detail),
        }
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
