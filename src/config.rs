//! The configuration: where it is found, what it says, and where each value came from.
//!
//! Flags go over environment variables (`WACAST_SECTION__KEY`), those over the file, that over the defaults.
//! Unknown keys are errors. Secrets may lie in files of their own (`access_token_file` …) and are never
//! shown: not by `Debug`, not by errors, not by [`Config::settings`]. The keys stand in one table
//! ([`keys::KEYS`]), from which `config.toml.example` is made.
//!
//! Read once at the start by [`crate::cli`]; written by the console's set-up ([`write`]).

mod check;
pub mod error;
pub mod keys;
pub mod origin;
pub mod places;
pub mod set;
pub mod show;
mod source;
pub mod value;
pub mod write;

pub use error::ConfigError;
pub use origin::Origin;
pub use places::Places;

use crate::domain::cost::Rates;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::marketing::MarketingEndpoint;
use crate::domain::opt_out::TypedHolds;
use keys::{KEYS, Key, Kind};
use secrecy::{ExposeSecret, SecretString};
use source::{Found, Values};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use value::Raw;

/// `[whatsapp]`.
#[derive(Debug, Clone)]
pub struct WhatsApp {
    /// Where the Cloud API is, without version and without a slash at its end.
    pub base_url: String,
    /// `v25.0`.
    pub api_version: String,
    /// The sender.
    pub phone_number_id: Option<String>,
    /// The account that the templates belong to.
    pub business_account_id: Option<String>,
    /// The token.
    pub access_token: Option<SecretString>,
    /// The app, for asking how the token stands.
    pub app_id: Option<String>,
    /// What receipts are signed with.
    pub app_secret: Option<SecretString>,
    /// The word of the webhook's verification.
    pub verify_token: Option<SecretString>,
    /// Which way marketing messages go.
    pub marketing_endpoint: MarketingEndpoint,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreAt {
    /// `sqlite:///full/path` or `mongodb://…`; may hold a password.
    pub url: SecretString,
}

/// `[http]`.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where to listen; `None`: no HTTP.
    pub listen: Option<SocketAddr>,
    /// Who may call.
    pub api_keys: ApiKeys,
    /// Where webhook bodies go on to.
    pub forward_webhooks: Vec<String>,
}

/// Keys of the HTTP API. `Debug` shows how many.
#[derive(Clone, Default)]
pub struct ApiKeys(Vec<SecretString>);

impl ApiKeys {
    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody may call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

/// `[intake]`.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Two capital letters (ISO 3166).
    pub default_country: Option<String>,
}

/// `[sender]`.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The pace; 0: off.
    pub messages_per_second: f64,
    /// Requests without an answer at one time.
    pub max_in_flight: u32,
    /// People of the messaging limit that are left to others.
    pub daily_reserve: u32,
    /// The share of failures of one kind that pauses a broadcast; 1: none does.
    pub failure_share: f64,
    /// The operator's own rows of the error policy, a full path.
    pub error_policy: Option<PathBuf>,
}

impl Sender {
    /// How many people may hold an intent without a durable outcome: twice `max_in_flight`.
    pub fn max_unsettled(&self) -> u32 {
        self.max_in_flight * 2
    }
}

/// `[opt_out]` as it is used.
pub use crate::domain::opt_out::Rules as OptOut;

/// `[schedule]`.
#[derive(Debug, Clone)]
pub struct ScheduleGrace {
    /// Down for longer: what was due or running is held.
    pub grace: Duration,
    /// How often the templates are synced.
    pub sync_templates: Duration,
}

/// `[console]`.
#[derive(Debug, Clone)]
pub struct Console {
    /// An IANA zone's name.
    pub time_zone: String,
    /// Phone numbers are masked.
    pub privacy: bool,
    /// `default`, `mono`, `colour-blind`, `high-contrast`.
    pub palette: &'static str,
    /// `auto`, `unicode`, `ascii`.
    pub glyphs: &'static str,
}

/// `[costs]`.
#[derive(Debug, Clone)]
pub struct Costs {
    /// The operator's own rates, a full path; `None`: the built-in ones.
    pub rates: Option<PathBuf>,
    /// Three capital letters (ISO 4217): what Meta bills the account in.
    pub currency: String,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct Log {
    /// A filter such as `info` or `info,wacast::engine=debug`.
    pub level: String,
    /// Where the console logs to, a full path.
    pub file: PathBuf,
}

/// Everything that was configured, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[whatsapp]`.
    pub whatsapp: WhatsApp,
    /// `[store]`.
    pub store: StoreAt,
    /// `[http]`.
    pub http: Http,
    /// `[intake]`.
    pub intake: Intake,
    /// `[sender]`.
    pub sender: Sender,
    /// `[opt_out]`.
    pub opt_out: OptOut,
    /// `[schedule]`.
    pub schedule: ScheduleGrace,
    /// `[console]`.
    pub console: Console,
    /// `[costs]`.
    pub costs: Costs,
    /// `[log]`.
    pub log: Log,
    /// Files and folders.
    pub places: Places,
    /// What works but is likely not meant.
    pub warnings: Vec<String>,
    origins: BTreeMap<String, Origin>,
}

/// Where a configuration is read from.
#[derive(Debug, Clone)]
pub struct LoadFrom {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The current folder; only `./config.toml` and `--config` are looked for in it.
    pub current_folder: PathBuf,
    /// `section.key`, value and flag of what flags say.
    pub flags: Vec<(&'static str, String, &'static str)>,
    /// Today, for warnings of versions past their end.
    pub today: jiff::civil::Date,
}

impl LoadFrom {
    /// This process's environment and folder.
    pub fn process(config: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            config,
            environment: std::env::vars_os().filter_map(text).collect(),
            current_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            flags: Vec::new(),
            today: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date(),
        }
    }
}

/// One key as `wacast doctor` and Settings show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: &'static Key,
    /// Its value; of a secret only whether it is set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// What is wrong with a version of the API on that day, in words: it has ended, or ends soon.
pub fn api_version_warning(version: &str, now: crate::domain::time::Millis) -> Option<String> {
    let today = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    check::api_version(version, today).ok().flatten()
}

impl Config {
    /// Finds, reads and checks the configuration. That keys for sending are missing is no error here
    /// ([`Config::missing`]).
    pub fn load(from: &LoadFrom) -> Result<Self, ConfigError> {
        let places = Places::find(from.config.as_deref(), &from.environment, &from.current_folder)?;
        let mut warnings = Vec::new();
        let mut values = Values::new();
        if let Some(file) = &places.file {
            let text = source::read_text(file)?;
            values.extend(source::from_file(file, text.expose_secret(), &places.folder)?);
            warnings.extend(check::readable_by_others(file, &values));
        }
        Self::of_values(from, places, values, warnings)
    }

    /// Puts the environment and the flags over what the file says, and checks everything.
    fn of_values(
        from: &LoadFrom,
        places: Places,
        mut values: Values,
        mut warnings: Vec<String>,
    ) -> Result<Self, ConfigError> {
        let (said, hints) = source::from_environment(&from.environment, &places.folder)?;
        values.extend(said);
        warnings.extend(hints);
        for (path, value, flag) in &from.flags {
            let found = Found { raw: Raw::Loose(SecretString::from(value.as_str())), origin: Origin::Flag { flag } };
            values.insert((*path).to_owned(), found);
        }
        let mut config = Reader { values }.config(places)?;
        check::check(&mut config, from.today)?;
        config.warnings.splice(0..0, warnings);
        Ok(config)
    }

    /// The keys without which nothing can be sent and that nobody gave.
    pub fn missing(&self) -> Vec<&'static str> {
        let whatsapp = &self.whatsapp;
        [
            (whatsapp.phone_number_id.is_none(), "whatsapp.phone_number_id"),
            (whatsapp.business_account_id.is_none(), "whatsapp.business_account_id"),
            (whatsapp.access_token.is_none(), "whatsapp.access_token"),
        ]
        .into_iter()
        .filter_map(|(missing, key)| missing.then_some(key))
        .collect()
    }

    /// Refuses a configuration that nothing can be sent with.
    pub fn require_sender(&self) -> Result<(), ConfigError> {
        let keys: Vec<String> = self.missing().into_iter().map(str::to_owned).collect();
        if keys.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Missing { keys, file: self.places.file.clone(), looked: self.places.looked.clone() })
    }

    /// Where the value of `section.key` came from.
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }

    /// Says that the value of `section.key` was replaced from there.
    pub fn set_origin(&mut self, path: &str, origin: Origin) {
        self.origins.insert(path.to_owned(), origin);
    }

    /// Whether the Cloud API's address is this machine: then it is a rehearsal, and any pace goes.
    pub fn is_loopback(&self) -> bool {
        check::is_loopback(&self.whatsapp.base_url)
    }

    /// What is wrong with the version of the API, in words; it is among the warnings, too.
    pub fn api_version_warning(&self) -> Option<String> {
        self.warnings.iter().find(|warning| warning.starts_with("whatsapp.api_version")).cloned()
    }

    /// The store's url without a password.
    pub fn store_shown(&self) -> String {
        check::without_password(self.store.url.expose_secret())
    }

    /// What to do about error codes: the built-in rows with the operator's own ones over them. The error names the
    /// file, the line and the column.
    pub fn error_policy(&self) -> Result<ErrorPolicy, ConfigError> {
        let built_in = ErrorPolicy::built_in().with_failure_share(self.sender.failure_share);
        let Some(file) = &self.sender.error_policy else { return Ok(built_in) };
        let text = source::read_text(file)?;
        built_in.with_own(text.expose_secret()).map_err(|error| ConfigError::Invalid {
            key: "sender.error_policy".to_owned(),
            origin: self.origin("sender.error_policy"),
            reason: format!("{}: {error}", file.display()),
        })
    }

    /// What messages cost: the operator's own rates, or the built-in ones. The error names the file and the line.
    pub fn rates(&self) -> Result<Rates, ConfigError> {
        let invalid =
            |key: &str, reason: String| ConfigError::Invalid { key: key.to_owned(), origin: self.origin(key), reason };
        let rates = match &self.costs.rates {
            None => Rates::built_in(),
            Some(file) => Rates::from_csv(source::read_text(file)?.expose_secret())
                .map_err(|error| invalid("costs.rates", format!("{}: {error}", file.display())))?,
        };
        let currency = &self.costs.currency;
        if !rates.knows_currency(currency) {
            let reason = format!("there is no rate in {currency}: name a file with some as [costs] rates");
            return Err(invalid("costs.currency", reason));
        }
        Ok(rates)
    }

    /// Every key with its value and where that came from; secrets only say whether they are set.
    pub fn settings(&self) -> Vec<Setting> {
        KEYS.iter().map(|key| Setting { key, value: self.shown(key), origin: self.origin(&key.path()) }).collect()
    }

    fn shown(&self, key: &Key) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        let secret = |value: &Option<SecretString>| if value.is_some() { "set" } else { "not set" }.to_owned();
        match key.path().as_str() {
            "whatsapp.base_url" => self.whatsapp.base_url.clone(),
            "whatsapp.api_version" => self.whatsapp.api_version.clone(),
            "whatsapp.phone_number_id" => text(&self.whatsapp.phone_number_id),
            "whatsapp.business_account_id" => text(&self.whatsapp.business_account_id),
            "whatsapp.access_token" => secret(&self.whatsapp.access_token),
            "whatsapp.app_id" => text(&self.whatsapp.app_id),
            "whatsapp.app_secret" => secret(&self.whatsapp.app_secret),
            "whatsapp.verify_token" => secret(&self.whatsapp.verify_token),
            "whatsapp.marketing_endpoint" => self.whatsapp.marketing_endpoint.word().to_owned(),
            "store.url" => self.store_shown(),
            "http.listen" => self.http.listen.map_or_else(|| "off".to_owned(), |address| address.to_string()),
            "http.api_keys" => match self.http.api_keys.len() {
                0 => "not set".to_owned(),
                1 => "1 key".to_owned(),
                count => format!("{count} keys"),
            },
            "http.forward_webhooks" if self.http.forward_webhooks.is_empty() => "not set".to_owned(),
            "http.forward_webhooks" => self.http.forward_webhooks.join(", "),
            "intake.default_country" => text(&self.intake.default_country),
            "sender.messages_per_second" => self.sender.messages_per_second.to_string(),
            "sender.daily_reserve" => self.sender.daily_reserve.to_string(),
            "sender.max_in_flight" => self.sender.max_in_flight.to_string(),
            "sender.failure_share" => self.sender.failure_share.to_string(),
            "sender.error_policy" => self
                .sender
                .error_policy
                .as_ref()
                .map_or_else(|| "not set".to_owned(), |file| file.display().to_string()),
            "opt_out.typed_holds" => match self.opt_out.typed_holds {
                TypedHolds::Everything => "everything".to_owned(),
                TypedHolds::Marketing => "marketing".to_owned(),
            },
            "opt_out.payloads" => match self.opt_out.payloads.as_slice() {
                [] => "none".to_owned(),
                payloads => payloads.join(", "),
            },
            "schedule.grace" => value::write_span(self.schedule.grace),
            "schedule.sync_templates" => value::write_span(self.schedule.sync_templates),
            "console.time_zone" => self.console.time_zone.clone(),
            "console.privacy" => self.console.privacy.to_string(),
            "console.palette" => self.console.palette.to_owned(),
            "console.glyphs" => self.console.glyphs.to_owned(),
            "costs.rates" => {
                self.costs.rates.as_ref().map_or_else(|| "not set".to_owned(), |file| file.display().to_string())
            }
            "costs.currency" => self.costs.currency.clone(),
            "log.level" => self.log.level.clone(),
            "log.file" => self.log.file.display().to_string(),
            other => format!("{other} is not shown"),
        }
    }
}

/// Turns what was said into what the keys take.
struct Reader {
    values: Values,
}

impl Reader {
    fn config(self, places: Places) -> Result<Config, ConfigError> {
        Ok(Config {
            whatsapp: WhatsApp {
                base_url: self.word("whatsapp.base_url")?.trim_end_matches('/').to_owned(),
                api_version: self.word("whatsapp.api_version")?,
                phone_number_id: self.text("whatsapp.phone_number_id")?,
                business_account_id: self.text("whatsapp.business_account_id")?,
                access_token: self.secret("whatsapp.access_token")?,
                app_id: self.text("whatsapp.app_id")?,
                app_secret: self.secret("whatsapp.app_secret")?,
                verify_token: self.secret("whatsapp.verify_token")?,
                marketing_endpoint: MarketingEndpoint::from_word(
                    self.get("whatsapp.marketing_endpoint", choice)?.unwrap_or_default(),
                ),
            },
            store: StoreAt { url: self.secret("store.url")?.unwrap_or_default() },
            http: Http {
                listen: self.parse("http.listen", &self.word("http.listen")?, check::listen)?,
                api_keys: self.get("http.api_keys", Raw::list)?.map(ApiKeys).unwrap_or_default(),
                forward_webhooks: self
                    .get("http.forward_webhooks", Raw::list)?
                    .unwrap_or_default()
                    .iter()
                    .map(|address| address.expose_secret().trim().to_owned())
                    .collect(),
            },
            intake: Intake { default_country: self.text("intake.default_country")?.map(|code| code.to_uppercase()) },
            sender: Sender {
                messages_per_second: self.get("sender.messages_per_second", Raw::number)?.unwrap_or(0.0),
                max_in_flight: self.whole("sender.max_in_flight")?,
                daily_reserve: self.whole("sender.daily_reserve")?,
                failure_share: self.get("sender.failure_share", Raw::number)?.unwrap_or(1.0),
                error_policy: self.text("sender.error_policy")?.map(|file| places.folder.join(file)),
            },
            opt_out: OptOut {
                typed_holds: match self.get("opt_out.typed_holds", choice)? {
                    Some("marketing") => TypedHolds::Marketing,
                    _ => TypedHolds::Everything,
                },
                payloads: self.texts("opt_out.payloads")?,
            },
            schedule: ScheduleGrace {
                grace: self.get("schedule.grace", Raw::span)?.unwrap_or_default(),
                sync_templates: self.get("schedule.sync_templates", Raw::span)?.unwrap_or_default(),
            },
            console: Console {
                time_zone: self.word("console.time_zone")?,
                privacy: self.get("console.privacy", Raw::yes)?.unwrap_or(true),
                palette: self.get("console.palette", choice)?.unwrap_or("default"),
                glyphs: self.get("console.glyphs", choice)?.unwrap_or("auto"),
            },
            costs: Costs {
                rates: self.text("costs.rates")?.map(|file| places.folder.join(file)),
                currency: self.word("costs.currency")?.to_uppercase(),
            },
            log: Log {
                level: self.word("log.level")?,
                file: match self.text("log.file")? {
                    Some(file) => places.folder.join(file),
                    None => places.state.join("wacast.log"),
                },
            },
            places,
            warnings: Vec::new(),
            origins: self.values.into_iter().map(|(path, found)| (path, found.origin)).collect(),
        })
    }

    /// What `path` says, or its default, read by `read`.
    fn get<T>(&self, path: &str, read: impl Fn(&Raw, Kind) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let Some(key) = path.split_once('.').and_then(|(section, name)| keys::find(section, name)) else {
            return Ok(None);
        };
        let default = || key.default.map(|text| (Raw::Loose(SecretString::from(text)), Origin::Default));
        let said = self.values.get(path).map(|found| (found.raw.clone(), found.origin.clone()));
        let Some((raw, origin)) = said.or_else(default) else { return Ok(None) };
        read(&raw, key.kind).map(Some).map_err(|found| ConfigError::WrongType {
            key: key.path(),
            origin,
            expected: key.kind.expects(),
            found,
        })
    }

    fn text(&self, path: &str) -> Result<Option<String>, ConfigError> {
        let text = self.get(path, |raw, kind| raw.text(kind).map(|text| text.expose_secret().trim().to_owned()))?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    fn texts(&self, path: &str) -> Result<Vec<String>, ConfigError> {
        let texts = self.get(path, Raw::list)?.unwrap_or_default();
        let texts = texts.iter().map(|text| text.expose_secret().trim().to_owned());
        Ok(texts.filter(|text| !text.is_empty()).collect())
    }

    fn word(&self, path: &str) -> Result<String, ConfigError> {
        self.parse(path, &self.text(path)?.unwrap_or_default(), |text| {
            if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
        })
    }

    fn secret(&self, path: &str) -> Result<Option<SecretString>, ConfigError> {
        // Blanks around it come from pasting, and are in no token.
        let text = self.get(path, |raw, kind| raw.text(kind).map(|text| text.expose_secret().trim().into()))?;
        Ok(text.filter(|text: &SecretString| !text.expose_secret().is_empty()))
    }

    fn parse<T>(&self, path: &str, text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        let origin = || self.values.get(path).map_or(Origin::Default, |found| found.origin.clone());
        parse(text).map_err(|reason| ConfigError::Invalid { key: path.to_owned(), origin: origin(), reason })
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the kind's whole bounds")]
    fn whole(&self, path: &str) -> Result<u32, ConfigError> {
        Ok(self.get(path, Raw::number)?.unwrap_or(1.0) as u32)
    }
}

fn choice(raw: &Raw, kind: Kind) -> Result<&'static str, String> {
    let Kind::Choice(words) = kind else { return Err("no choice".to_owned()) };
    let text = raw.text(kind)?.expose_secret();
    words.iter().find(|word| **word == text).copied().ok_or_else(|| format!("\"{}\"", value::shorten(text)))
}
