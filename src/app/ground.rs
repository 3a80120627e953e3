//! What every command stands on: the store, the Cloud API or the built-in sandbox, and the use cases.

use super::offline::Offline;
use crate::clock::{Clock, SystemClock};
use crate::cloud_api::{ClientConfig, CloudApi, GraphClient, SetupError, TokenFiles};
use crate::config::{Config, ConfigError, Origin, api_version_warning};
use crate::custody::Custody;
use crate::domain::cost::Rates;
use crate::domain::error_policy::ErrorPolicy;
use crate::engine::EngineLink;
use crate::sandbox::{self, Sandbox, SandboxConfig, SandboxError, SandboxHandle};
use crate::service::{Parts, Service, Settings};
use crate::store::{self, Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why nothing can stand.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Cloud API's client cannot be made.
    #[error("[whatsapp] {0}")]
    CloudApi(#[from] SetupError),
    /// The operator's own error policy or rates cannot be used.
    #[error(transparent)]
    ErrorPolicy(#[from] ConfigError),
    /// The sandbox cannot be started.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A folder cannot be made.
    #[error("cannot make the folder {}: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl AppError {
    /// Whether trying again later can help: the store is away, not wrong.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_)))
    }

    /// Whether the configuration is to blame.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::CloudApi(_) | Self::ErrorPolicy(_) | Self::Store(StoreError::Setup(_)))
    }
}

/// The store, the Cloud API and the time, ready to be used.
pub struct Ground {
    /// The configuration as it is used: for a rehearsal with the sandbox's values in it.
    pub config: Config,
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The Cloud API, or one that says what is missing for it.
    pub api: Arc<dyn CloudApi>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is kept outside the store.
    pub custody: Custody,
    /// What to do about error codes.
    pub policy: Arc<ErrorPolicy>,
    /// What messages cost.
    pub rates: Arc<Rates>,
    /// The built-in sandbox, in a rehearsal.
    pub sandbox: Option<SandboxHandle>,
}

impl Ground {
    /// Opens everything. `rehearse`: the built-in sandbox with a store of its own instead of the configured ones.
    pub async fn open(config: Config, rehearse: bool) -> Result<Self, AppError> {
        let sandbox = if rehearse { Some(SandboxConfig::default()) } else { None };
        Self::open_with(config, sandbox).await
    }

    /// As [`Ground::open`], with a sandbox of a special kind.
    pub async fn open_with(mut config: Config, sandbox: Option<SandboxConfig>) -> Result<Self, AppError> {
        private_folder(&config.places.state)?;
        let policy = Arc::new(config.error_policy()?);
        let rates = Arc::new(config.rates()?);
        let sandbox = match sandbox {
            Some(sandbox) => Some(Sandbox::start(sandbox).await?),
            None => None,
        };
        if let Some(sandbox) = &sandbox {
            rehearsed(&mut config, &sandbox.base_url());
        }
        if let Some(folder) = sqlite_folder(config.store.url.expose_secret()) {
            private_folder(&folder)?;
        }
        let clock = Arc::new(SystemClock);
        let api = cloud_api(&config)?;
        let store = store::open(config.store.url.expose_secret(), clock.now()).await?;
        let custody = Custody::new(&config.places.state, store.id());
        Ok(Self { config, store, api, clock, custody, policy, rates, sandbox })
    }

    /// The use cases; with the engine of this process, or without one. `face`: what asks, for the audit trail.
    pub fn service(&self, engine: Option<EngineLink>, face: &str) -> Service {
        let config = &self.config;
        let service = Service::new(Parts {
            store: self.store.clone(),
            api: self.api.clone(),
            clock: self.clock.clone(),
            settings: Settings {
                sender: config.whatsapp.phone_number_id.clone().unwrap_or_default(),
                rehearsal: config.is_loopback(),
                sandbox_flag: self.is_rehearsed(),
                messages_per_second: config.sender.messages_per_second,
                default_country: config.intake.default_country.clone(),
                time_zone: config.console.time_zone.clone(),
                daily_reserve: config.sender.daily_reserve.into(),
                api_version_warning: config.api_version_warning(),
                receipts_set_up: config.whatsapp.app_secret.is_some() && config.http.listen.is_some(),
                typed_holds: config.opt_out.typed_holds,
            },
            engine,
            custody: Some(self.custody.clone()),
            who: who(face),
        });
        service.use_error_policy(self.policy.clone());
        service.use_rates(self.rates.clone(), &config.costs.currency);
        let version = self.config.whatsapp.api_version.clone();
        service.watch_api_version(move |now| api_version_warning(&version, now));
        service
    }

    /// How hints begin a command line.
    pub fn program(&self) -> &'static str {
        crate::service::program(self.is_rehearsed())
    }

    fn is_rehearsed(&self) -> bool {
        self.config.origin("store.url") == Origin::Flag { flag: "--sandbox" }
    }

    /// Lets go of the sandbox and the store.
    pub async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
        self.store.close().await;
    }
}

/// Who asks, for the audit trail: the user of this process (as far as it says), the face, the host.
fn who(face: &str) -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user} at {face} on {host}")
}

/// Replaces what leads to people by what leads to the sandbox.
pub fn rehearsed(config: &mut Config, base_url: &str) {
    let secret = |text: &str| Some(SecretString::from(text));
    let whatsapp = &mut config.whatsapp;
    base_url.clone_into(&mut whatsapp.base_url);
    whatsapp.phone_number_id = Some(sandbox::PHONE_NUMBER_ID.to_owned());
    whatsapp.business_account_id = Some(sandbox::BUSINESS_ACCOUNT_ID.to_owned());
    whatsapp.access_token = secret(sandbox::ACCESS_TOKEN);
    whatsapp.app_id = Some(sandbox::APP_ID.to_owned());
    whatsapp.app_secret = secret(sandbox::APP_SECRET);
    config.store.url = SecretString::from(rehearsal_url(config.store.url.expose_secret()));
    for path in [
        "whatsapp.base_url",
        "whatsapp.phone_number_id",
        "whatsapp.business_account_id",
        "whatsapp.access_token",
        "whatsapp.app_id",
        "whatsapp.app_secret",
        "store.url",
    ] {
        config.set_origin(path, Origin::Flag { flag: "--sandbox" });
    }
}

/// A store of its own beside the configured one: `wacast-sandbox.db`, or a database `NAME_sandbox`.
fn rehearsal_url(url: &str) -> String {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return format!("sqlite://{}", Path::new(path).with_file_name("wacast-sandbox.db").display());
    }
    let (before, options) = url.split_at(url.find('?').unwrap_or(url.len()));
    format!("{before}_sandbox{options}")
}

fn sqlite_folder(url: &str) -> Option<PathBuf> {
    Path::new(url.strip_prefix("sqlite://")?).parent().map(Path::to_path_buf)
}

/// Makes a folder for this user alone, if it is not there.
fn private_folder(path: &Path) -> Result<(), AppError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| AppError::Folder { path: path.to_path_buf(), reason: error.to_string() })
}

/// The Cloud API that the configuration names; one that says what is missing when it names none.
pub fn cloud_api(config: &Config) -> Result<Arc<dyn CloudApi>, SetupError> {
    let whatsapp = &config.whatsapp;
    let (Some(account), Some(token), true) =
        (&whatsapp.business_account_id, &whatsapp.access_token, config.missing().is_empty())
    else {
        return Ok(Arc::new(Offline::new(&config.missing())));
    };
    let mut client = ClientConfig::new(&whatsapp.base_url, &whatsapp.api_version, account, token.clone());
    client.app_id = whatsapp.app_id.clone().unwrap_or_default();
    client.app_secret.clone_from(&whatsapp.app_secret);
    client.token_files = token_files(config, account);
    Ok(Arc::new(GraphClient::new(client)?))
}

/// Where newer tokens than the configured one lie. A rehearsal's sandbox has one of its own at every start.
fn token_files(config: &Config, account: &str) -> TokenFiles {
    match config.origin("whatsapp.access_token") {
        Origin::Flag { .. } => TokenFiles::default(),
        origin => TokenFiles {
            configured: if let Origin::SecretFile { path, .. } = origin { Some(path) } else { None },
            kept: Some(config.places.state.join(format!("access-token.{account}.json"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_has_a_store_of_its_own() {
        for (url, rehearsal) in [
            ("sqlite:///var/lib/wacast/wacast.db", "sqlite:///var/lib/wacast/wacast-sandbox.db"),
            ("mongodb://h/wacast?replicaSet=rs0", "mongodb://h/wacast_sandbox?replicaSet=rs0"),
            ("mongodb://h/wacast", "mongodb://h/wacast_sandbox"),
        ] {
            assert_eq!(rehearsal_url(url), rehearsal);
        }
    }
}
