//! The set-up's interface to the rest: whoever can ask WhatsApp and write the configuration implements [`SetUp`].
//!
//! The console only shows the form; it never writes a file itself and never shows a secret.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// What the operator entered so far.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The phone number id.
    pub phone_number_id: String,
    /// The WhatsApp Business account's id.
    pub business_account_id: String,
    /// The access token.
    pub access_token: SecretString,
    /// ISO 3166 code for numbers without a country code; empty: such numbers are rejected.
    pub country: String,
    /// The IANA zone.
    pub time_zone: String,
    /// The app's secret, for receipts; empty: none are taken.
    pub app_secret: SecretString,
    /// The word that Meta's webhook form asks for; empty: none.
    pub verify_token: SecretString,
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        self.phone_number_id == other.phone_number_id
            && self.business_account_id == other.business_account_id
            && self.access_token.expose_secret() == other.access_token.expose_secret()
            && self.country == other.country
            && self.time_zone == other.time_zone
            && self.app_secret.expose_secret() == other.app_secret.expose_secret()
            && self.verify_token.expose_secret() == other.verify_token.expose_secret()
    }
}

/// What is checked, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The number id with the token: does WhatsApp know it?
    Number,
    /// The account id with the token: can its templates be read?
    Account,
    /// Country and time zone: do they exist?
    Place,
}

impl Step {
    /// All of them in their order.
    pub const ALL: [Self; 3] = [Self::Number, Self::Account, Self::Place];
}

/// A check that went well, in words: `Acme Retail, +1 555 010 0111, quality good`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was found.
    pub found: String,
}

/// Checks what was entered and writes it. Errors are in words for the operator: what is wrong, WhatsApp's own reason,
/// and what to do. They hold no token.
#[async_trait]
pub trait SetUp: Send + Sync + 'static {
    /// Where the configuration will be written.
    fn path(&self) -> PathBuf;

    /// The server's own zone: times are shown in it until the operator has entered theirs; never a first value.
    fn suggested_time_zone(&self) -> String;

    /// Checks one step live.
    async fn check(&self, step: Step, connection: &Connection) -> Result<Checked, String>;

    /// Writes the configuration so that only its owner can read it (0600), and returns its full path.
    async fn write(&self, connection: &Connection) -> Result<PathBuf, String>;
}
