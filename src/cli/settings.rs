//! What the console's Settings screen asks of the rest: reading the configuration anew, and changing one value of it.

use crate::config::keys::{self, Kind};
use crate::config::show::{self, Row};
use crate::config::{Config, ConfigError, LoadFrom};
use crate::console::settings::{AllSettings, Counts, Lies, Setting, SettingWritten};
use crate::console::{Glyphs, Look, Palette, Settings};
use async_trait::async_trait;

/// The configuration that this process started with, and the place it can be changed in.
pub(crate) struct Configured {
    /// As it is used.
    config: Config,
    /// Where it was read from; `None`: it is not to be changed (the demo's is gone at its end).
    from: Option<LoadFrom>,
}

impl Configured {
    pub(crate) fn new(config: Config, from: Option<LoadFrom>) -> Self {
        Self { config, from }
    }

    /// Whether nothing of it is kept.
    pub(crate) fn is_demo(&self) -> bool {
        self.from.is_none()
    }
}

#[async_trait]
impl Settings for Configured {
    async fn all(&self) -> Result<AllSettings, String> {
        let (config, from) = (self.config.clone(), self.from.clone());
        aside(move || Ok(all(&config, from.as_ref()))).await
    }

    async fn set(&self, section: &str, name: &str, value: &str) -> Result<SettingWritten, String> {
        let Some(from) = self.from.clone() else {
            return Err("this is the demo: its settings are gone at its end, so there is nothing to change".to_owned());
        };
        let (section, name, value) = (section.to_owned(), name.to_owned(), value.to_owned());
        aside(move || {
            let written = Config::set(&from, &section, &name, &value)?;
            let now = Config::load(&from)?;
            Ok(SettingWritten {
                key: written.key.path(),
                path: written.path,
                before: written.before,
                after: written.after,
                counts: counts(written.counts),
                overridden_by: written.overridden_by.map(|origin| origin.to_string()),
                look: look(&now),
                privacy: now.console.privacy,
            })
        })
        .await
    }
}

/// Files are read and written beside the tasks that must not wait.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, ConfigError> + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}

/// What is used, and where the file says something else by now.
fn all(config: &Config, from: Option<&LoadFrom>) -> AllSettings {
    // A file that cannot be read at the moment changes nothing about what is used.
    let newer = from.and_then(|from| Config::load(from).ok()).map(|config| config.rows()).unwrap_or_default();
    let changeable = from.is_some();
    let settings = config.rows().into_iter().map(|row| setting(row, &newer, changeable)).collect();
    let places =
        config.paths().into_iter().map(|row| Lies { name: row.name.to_owned(), path: row.path, what: row.what });
    AllSettings { settings, places: places.collect() }
}

fn setting(row: Row, newer: &[Row], changeable: bool) -> Setting {
    let there = newer.iter().find(|newer| (newer.section, newer.key) == (row.section, row.key));
    let kind = keys::find(row.section, row.key).map(|key| key.kind);
    let counts = row.counts.map(counts).filter(|_| changeable);
    // What a flag set (the sandbox's own account and store) stands until the end, whatever the file says.
    let differs = there.filter(|there| there.value != row.value && row.source != "flag");
    let (value, next, from) = match differs {
        Some(there) if counts == Some(Counts::AtOnce) => (there.value.clone(), None, there.source_words.clone()),
        Some(there) => (row.value, Some(there.value.clone()), there.source_words.clone()),
        // Another line of the same file, when something was written above it.
        None => (
            row.value,
            None,
            there.filter(|_| row.source == "file").map_or(row.source_words, |there| there.source_words.clone()),
        ),
    };
    Setting {
        section: row.section.to_owned(),
        name: row.key.to_owned(),
        value,
        next,
        unit: row.unit.to_owned(),
        from,
        what: row.what.to_owned(),
        counts,
        expects: kind.map(Kind::expects).unwrap_or_default(),
        choices: kind.map(choices).unwrap_or_default(),
    }
}

fn choices(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        Kind::YesNo => vec!["true".to_owned(), "false".to_owned()],
        _ => Vec::new(),
    }
}

fn counts(counts: show::Counts) -> Counts {
    match counts {
        show::Counts::AtOnce => Counts::AtOnce,
        show::Counts::NextStart => Counts::NextStart,
    }
}

/// How the console is to look, by the configuration and the environment.
pub(super) fn look(config: &Config) -> Look {
    let palette = Palette::from_word(config.console.palette).unwrap_or_default();
    let mut look = Look::from_environment(palette, |name| std::env::var(name).ok());
    match config.console.glyphs {
        "unicode" => look.glyphs = Glyphs::UTF8,
        "ascii" => look.glyphs = Glyphs::ASCII,
        _ => {}
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    /// A configuration in a folder of its own.
    fn written(folder: &Path, text: &str) -> LoadFrom {
        let path = folder.join("config.toml");
        let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
        let state = ("STATE_DIRECTORY".to_owned(), folder.join("state").display().to_string());
        LoadFrom { config: Some(path), environment: [state].into(), ..LoadFrom::process(None) }
    }

    async fn shown(configured: &Configured, name: &str) -> Setting {
        let all = configured.all().await.unwrap();
        all.settings.into_iter().find(|setting| setting.name == name).unwrap()
    }

    #[tokio::test]
    async fn what_is_changed_shows_at_once_or_as_what_counts_next() {
        let folder = tempfile::tempdir().unwrap();
        let from =
            written(folder.path(), "[whatsapp]\naccess_token = \"made-up\"\n[sender]\nmessages_per_second = 20\n");
        let configured = Configured::new(Config::load(&from).unwrap(), Some(from));
        let palette = configured.set("console", "palette", "high-contrast").await.unwrap();
        assert_eq!((palette.counts, palette.look.palette), (Counts::AtOnce, Palette::HighContrast));
        let palette = shown(&configured, "palette").await;
        assert_eq!((palette.value.as_str(), palette.next, palette.choices.len()), ("high-contrast", None, 4));
        let pace = configured.set("sender", "messages_per_second", "10").await.unwrap();
        assert_eq!((pace.before.as_str(), pace.after.as_str(), pace.counts), ("20", "10", Counts::NextStart));
        let pace = shown(&configured, "messages_per_second").await;
        assert_eq!(
            (pace.value.as_str(), pace.next.as_deref(), pace.unit.as_str()),
            ("20", Some("10"), "messages a second")
        );
        assert!(!configured.set("console", "privacy", "false").await.unwrap().privacy);
        let why = configured.set("sender", "messages_per_second", "fast").await.unwrap_err();
        assert!(why.contains("a number from 0 to 100000"), "{why}");
        assert!(configured.set("whatsapp", "access_token", "other").await.is_err());
        let token = shown(&configured, "access_token").await;
        assert_eq!((token.value.as_str(), token.counts), ("set", None));
    }

    #[tokio::test]
    async fn what_goes_over_the_file_is_named_and_the_demo_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut from = written(folder.path(), "");
        from.environment.insert("WACAST_CONSOLE__PRIVACY".to_owned(), "true".to_owned());
        let config = Config::load(&from).unwrap();
        let written = Configured::new(config.clone(), Some(from)).set("console", "privacy", "false").await.unwrap();
        assert_eq!(written.overridden_by.as_deref(), Some("environment variable WACAST_CONSOLE__PRIVACY"));
        assert!(written.privacy, "the environment counts");
        let demo = Configured::new(config, None);
        assert!(demo.set("console", "privacy", "false").await.unwrap_err().contains("demo"));
        assert!(demo.all().await.unwrap().settings.iter().all(|setting| setting.counts.is_none()));
    }
}
