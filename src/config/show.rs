//! What is configured, as `wacast config` and the console's Settings show it: plain rows, and the full paths.
//!
//! Secrets only say whether they are set. Nothing here decides anything.

use super::keys::{KEYS, Key};
use super::origin::Origin;
use super::{Config, Setting};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::path::PathBuf;

/// One setting, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The section, such as `sender`.
    pub section: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// Its effective value in words; of a secret only `set` or `not set`.
    pub value: String,
    /// What the value counts, such as `messages a second`; empty: nothing.
    pub unit: &'static str,
    /// Where it comes from, by one word: `default`, `file`, `environment`, `flag`.
    pub source: &'static str,
    /// The same in words, with the path or the name.
    pub source_words: String,
    /// What it is for, in one line.
    pub what: &'static str,
    /// Its value is never shown.
    pub secret: bool,
    /// Whether [`Config::set`] writes it, and when that counts; `None`: it is not for that.
    pub counts: Option<Counts>,
}

/// When a changed setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// A console may take it on at once where it is changed there; others from their next start on.
    AtOnce,
    /// From the next start of the program on.
    NextStart,
}

/// A file or folder that wacast uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathRow {
    /// What it is called: `configuration`, `store` …
    pub name: &'static str,
    /// The full path; of a store on a server its address, without password.
    pub path: String,
    /// What lies there.
    pub what: String,
}

impl Setting {
    fn row(self) -> Row {
        let Self { key, value, origin } = self;
        Row {
            section: key.section,
            key: key.name,
            value,
            unit: key.unit(),
            source: origin.word(),
            source_words: origin.to_string(),
            what: key.doc,
            secret: key.kind.is_secret() && key.default.is_none(),
            counts: key.counts(),
        }
    }
}

impl Origin {
    /// By one word; where a secret lies in a file of its own, that is `file`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { .. } | Self::SecretFile { .. } => "file",
            Self::Environment { .. } => "environment",
            Self::Flag { .. } => "flag",
        }
    }
}

impl Key {
    /// What its value counts; empty: nothing.
    pub fn unit(&self) -> &'static str {
        match (self.section, self.name) {
            ("sender", "messages_per_second") => "messages a second",
            ("sender", "max_in_flight") => "requests",
            ("sender", "daily_reserve") => "people in 24 hours",
            ("sender", "failure_share") => "of all people (1 = all)",
            _ => "",
        }
    }

    /// Whether it may be changed by [`Config::set`], and when that counts. Not: secrets, and what decides to whom and where
    /// things go (account, store, HTTP, files), which a slip would make wrong in silence.
    pub fn counts(&self) -> Option<Counts> {
        match (self.section, self.name) {
            ("console", "time_zone") => Some(Counts::NextStart),
            ("console", _) => Some(Counts::AtOnce),
            ("sender", "error_policy") | ("log", "file") | ("costs", "rates") => None,
            ("sender" | "intake" | "schedule" | "log" | "costs", _) | ("opt_out", "typed_holds") => {
                Some(Counts::NextStart)
            }
            _ => None,
        }
    }
}

impl Config {
    /// Every setting with its effective value and where that comes from, in the order of the example file.
    pub fn rows(&self) -> Vec<Row> {
        self.settings().into_iter().map(Setting::row).collect()
    }

    /// Every file and folder that is used, with its full path.
    pub fn paths(&self) -> Vec<PathRow> {
        let places = &self.places;
        let mut rows = Vec::new();
        let mut add = |name, path: String, what: &str| rows.push(PathRow { name, path, what: what.to_owned() });
        let shown = |path: &PathBuf| path.display().to_string();
        if let Some(file) = &places.file {
            add("configuration", shown(file), "what is set here");
        } else {
            let looked: Vec<_> = places.looked.iter().map(shown).collect();
            let what = format!("would be written there; looked at {}", looked.join(", "));
            add("configuration", shown(&places.write_to), &what);
        }
        let url = self.store_shown();
        let path = self.store.url.expose_secret().strip_prefix("sqlite://").map_or(url, str::to_owned);
        add("store", path, "numbers, broadcasts, and who got what");
        add("state folder", shown(&places.state), "locks, the high-water mark, a renewed token");
        add("log", shown(&self.log.file), "the program's own words, while the console is shown");
        add("media folder", shown(&places.state.join("media")), "files for headers that came by HTTP");
        add("in folder", shown(&places.in_folder()), "where the console looks for number files");
        if let Some(file) = &self.sender.error_policy {
            add("error policy", shown(file), "your own rows about error codes");
        }
        if let Some(file) = &self.costs.rates {
            add("rates", shown(file), "your own rates of messages");
        }
        rows
    }
}

/// The keys that [`Config::set`] writes, as `section.key`.
pub fn settable() -> impl Iterator<Item = String> {
    KEYS.iter().filter(|key| key.counts().is_some()).map(Key::path)
}
