//! What the console's set-up asks of the rest: checking what was entered with WhatsApp, and writing it down.

use crate::cloud_api::{CallError, ClientConfig, CloudApi, GraphClient};
use crate::config::write::{self, Entry};
use crate::config::{Config, ConfigError};
use crate::console::SetUp;
use crate::console::set_up::{Checked, Connection, Step};
use crate::domain::said;
use async_trait::async_trait;
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::time::Duration;

/// How long one question to WhatsApp may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Connects to WhatsApp at the configured address.
pub(super) struct Connect {
    path: PathBuf,
    exists: bool,
    base_url: String,
    api_version: String,
}

impl Connect {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            path: config.places.write_to.clone(),
            exists: config.places.file.is_some(),
            base_url: config.whatsapp.base_url.clone(),
            api_version: config.whatsapp.api_version.clone(),
        }
    }

    fn client(&self, connection: &Connection) -> Result<GraphClient, String> {
        // The account is not entered yet when the number is checked, and no call for the number needs it.
        let account = if connection.business_account_id.is_empty() { "0" } else { &connection.business_account_id };
        let token = connection.access_token.clone();
        GraphClient::new(ClientConfig::new(&self.base_url, &self.api_version, account, token))
            .map_err(|error| error.to_string())
    }
}

#[async_trait]
impl SetUp for Connect {
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn suggested_time_zone(&self) -> String {
        jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
    }

    async fn check(&self, step: Step, connection: &Connection) -> Result<Checked, String> {
        let found = match step {
            Step::Number => {
                let client = self.client(connection)?;
                let asked = client.sender(connection.phone_number_id.trim());
                let info = answered(tokio::time::timeout(PATIENCE, asked).await, "the number's id")?;
                let quality = said::quality(&info.quality_rating);
                format!("{}, {}, quality {quality}", info.verified_name, info.display_phone_number)
            }
            Step::Account => {
                let client = self.client(connection)?;
                let templates = answered(tokio::time::timeout(PATIENCE, client.templates()).await, "the account's id")?;
                let approved = templates.iter().filter(|template| template.is_approved()).count();
                format!("{}, {approved} of them approved", said::counted(templates.len() as u64, "template"))
            }
            Step::Place => place(connection)?,
        };
        Ok(Checked { found })
    }

    async fn write(&self, connection: &Connection) -> Result<PathBuf, String> {
        let mut entries = vec![
            Entry::new("whatsapp", "phone_number_id", connection.phone_number_id.trim()),
            Entry::new("whatsapp", "business_account_id", connection.business_account_id.trim()),
            Entry::new("whatsapp", "access_token", connection.access_token.expose_secret().trim()),
            Entry::new("console", "time_zone", connection.time_zone.trim()),
        ];
        if !connection.country.trim().is_empty() {
            entries.push(Entry::new("intake", "default_country", connection.country.trim().to_uppercase()));
        }
        for (key, secret) in [("app_secret", &connection.app_secret), ("verify_token", &connection.verify_token)] {
            let secret = secret.expose_secret().trim();
            if !secret.is_empty() {
                entries.push(Entry::new("whatsapp", key, secret));
            }
        }
        let path = self.path.clone();
        let exists = self.exists;
        let written = tokio::task::spawn_blocking(move || {
            if exists { write::change(&path, &entries) } else { write::write_new(&path, &entries) }
        });
        let written = written.await.map_err(|error| error.to_string())?;
        written.map_err(|error: ConfigError| error.to_string())?;
        Ok(self.path.clone())
    }
}

fn place(connection: &Connection) -> Result<String, String> {
    let zone = connection.time_zone.trim();
    jiff::tz::TimeZone::get(zone)
        .map_err(|_| format!("there is no time zone \"{zone}\"; names are like Asia/Kolkata"))?;
    let receipts = if connection.app_secret.expose_secret().trim().is_empty() {
        "no receipts: delivered and read stay unknown"
    } else {
        "receipts are taken once the webhook is set up"
    };
    let country = connection.country.trim();
    if country.is_empty() {
        return Ok(format!("times in {zone}; numbers without a country code are rejected; {receipts}"));
    }
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Err("a country is two letters, such as IN".to_owned());
    }
    Ok(format!("times in {zone}; numbers without a country code are of {}; {receipts}", country.to_uppercase()))
}

/// WhatsApp's answer, or why there is none, in words for the form.
fn answered<T>(asked: Result<Result<T, CallError>, tokio::time::error::Elapsed>, which: &str) -> Result<T, String> {
    match asked {
        Err(_) => Err(format!("WhatsApp did not answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error @ (CallError::Unreachable(_) | CallError::Odd { .. }))) => Err(error.to_string()),
        Ok(Err(error)) => {
            Err(format!("{error}. Look at the token (both scopes, assigned to this account) and {which}."))
        }
        Ok(Ok(value)) => Ok(value),
    }
}
