//! Changes one value in the operator's configuration file.
//!
//! The new text is read by the same reader as at a start before it takes the old one's place, so that no slip of a
//! key leaves a file that the program does not start with. Comments and order stay. Never secrets, nor what decides to
//! whom and where messages go. Called by `wacast config set` and the console's Settings.

use super::error::ConfigError;
use super::keys::{self, Key, Kind};
use super::show::{Counts, settable};
use super::value::Raw;
use super::write::{self, Entry};
use super::{Config, LoadFrom, Origin, Places, source};
use crate::domain::nearest::nearest;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// The longest value, in bytes.
const LONGEST_VALUE: usize = 200;

/// A value that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The file it stands in now, made if there was none.
    pub path: PathBuf,
    /// The key.
    pub key: &'static Key,
    /// The effective value before, in words.
    pub before: String,
    /// The value as it stands in the file now, in words.
    pub after: String,
    /// When it counts.
    pub counts: Counts,
    /// What goes over the file, so that the new value does not count while that is set: an environment variable, a flag.
    pub overridden_by: Option<Origin>,
}

impl Config {
    /// Writes `value` (as it would stand in an environment variable) for `section.name` into the configuration file that
    /// `from` finds; makes one when there is none. Errors leave the file as it was: `Unknown`, `NotSettable`, and those
    /// of the reader, with the place where the value would have stood.
    pub fn set(from: &LoadFrom, section: &str, name: &str, value: &str) -> Result<Written, ConfigError> {
        let places = Places::find(from.config.as_deref(), &from.environment, &from.current_folder)?;
        let path = places.file.clone().unwrap_or_else(|| places.write_to.clone());
        let (key, counts) = found(section, name)?;
        let value = value.trim();
        plain(key, value)?;
        let before = Self::load(from)?;
        let entry = Entry::new(section, name, value);
        let new = match &places.file {
            Some(file) => write::with_change(file, &source::read_text(file)?, &entry)?,
            None => write::new_text(&path, std::slice::from_ref(&entry))?,
        };
        let mut from = from.clone();
        let after = Self::of_text(&from, &places, &path, &new)?;
        let origin = after.origin(&key.path());
        let overridden_by = (!matches!(origin, Origin::File { .. })).then_some(origin);
        // What is written must do by itself, too, for the day on which nothing goes over it.
        from.environment.remove(&key.variable());
        from.flags.retain(|(flagged, _, _)| *flagged != key.path());
        let alone = Self::of_text(&from, &places, &path, &new)?;
        write::replace(&path, &new, places.file.is_some())?;
        Ok(Written { before: before.shown(key), after: alone.shown(key), path, key, counts, overridden_by })
    }

    /// As [`Config::load`], with this text in place of the file's.
    fn of_text(
        from: &LoadFrom,
        places: &Places,
        path: &std::path::Path,
        text: &SecretString,
    ) -> Result<Self, ConfigError> {
        let values = source::from_file(path, text.expose_secret(), &places.folder)?;
        Self::of_values(from, places.clone(), values, Vec::new())
    }
}

/// The key, if it is one that may be changed here.
fn found(section: &str, name: &str) -> Result<(&'static Key, Counts), ConfigError> {
    let asked: String = format!("{section}.{name}").chars().filter(|letter| !letter.is_control()).take(60).collect();
    let Some(key) = keys::find(section, name) else {
        let known: Vec<String> = settable().collect();
        return Err(ConfigError::NoSuchKey {
            nearest: nearest(&asked, known.iter().map(String::as_str)).map(str::to_owned),
            key: asked,
        });
    };
    let Some(counts) = key.counts() else {
        let reason = if key.kind.is_secret() && key.default.is_none() {
            "it is a secret: write it into the file yourself, or hand a token to `wacast token --stdin`"
        } else {
            "a slip in it would send from elsewhere or keep things elsewhere: write it into the file yourself"
        };
        return Err(ConfigError::NotSettable { key: key.path(), reason: reason.to_owned() });
    };
    Ok((key, counts))
}

/// A value that stands in the file as one value and nothing else.
fn plain(key: &Key, value: &str) -> Result<(), ConfigError> {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+' | '_');
    let is_list = matches!(key.kind, Kind::Texts | Kind::Secrets);
    let raw = Raw::Loose(SecretString::from(value));
    let is_read = match key.kind {
        Kind::Number { .. } | Kind::Whole { .. } => raw.number(key.kind).is_ok(),
        Kind::YesNo => raw.yes(key.kind).is_ok(),
        Kind::Span { .. } => raw.span(key.kind).is_ok(),
        Kind::Choice(words) => words.contains(&value),
        Kind::Text | Kind::Path | Kind::Secret | Kind::Texts | Kind::Secrets => !value.is_empty(),
    };
    let fits = value.len() <= LONGEST_VALUE
        && !value.chars().any(char::is_control)
        && (key.kind.is_quoted() || is_list || value.chars().all(bare));
    if is_read && fits {
        return Ok(());
    }
    let reason = format!("expected {}, found \"{}\"", key.kind.expects(), super::value::shorten(value));
    Err(ConfigError::NotSettable { key: key.path(), reason })
}
