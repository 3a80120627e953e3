//! The use cases that console, API and command line share. None of the faces does anything that
//! the others cannot.
//!
//! Talks to the store, the Cloud API and intake; knows nothing of screens, HTTP or arguments.

pub mod error;
pub mod view;

pub use error::{Kind, ServiceError};

use crate::clock::Clock;
use crate::cloud_api::CloudApi;
use crate::engine::EngineLink;
use crate::store::Store;
use std::sync::Arc;

/// What the use cases need to know of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The phone number id of the sender.
    pub sender: String,
    /// The API is the built-in sandbox.
    pub rehearsal: bool,
    /// The configured pace; 0: off.
    pub messages_per_second: f64,
    /// ISO 3166 code for numbers without a country code.
    pub default_country: Option<String>,
    /// The IANA zone that times are shown and read in.
    pub time_zone: String,
    /// Whether receipts can come in here: an app secret is set and HTTP listens.
    pub receipts_set_up: bool,
}

/// The parts a [`Service`] is made from.
pub struct Parts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The Cloud API.
    pub api: Arc<dyn CloudApi>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub settings: Settings,
    /// The engine in this process, if there is one (a `wacast status` has none).
    pub engine: Option<EngineLink>,
}
