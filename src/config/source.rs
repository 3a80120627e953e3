//! Collects what files, the environment and flags say, before anybody asks what it means.
//!
//! Unknown names are refused here, each with where it stands. Secrets that lie in files of their own are
//! read here.

use super::error::ConfigError;
use super::keys::{self, KEYS, Key, SECTIONS};
use super::origin::Origin;
use super::value::Raw;
use crate::domain::nearest::nearest;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The largest file that is read, in bytes; nobody's configuration comes near.
const LARGEST_FILE: u64 = 1 << 20;

/// A value and where it was said.
#[derive(Debug, Clone)]
pub struct Found {
    /// The value as written.
    pub raw: Raw,
    /// Where.
    pub origin: Origin,
}

/// By `section.key`.
pub type Values = BTreeMap<String, Found>;

/// Reads a whole file of bounded size as text.
pub fn read_text(path: &Path) -> Result<SecretString, ConfigError> {
    let fail = |reason: String| ConfigError::Unreadable { path: path.to_path_buf(), reason };
    let file = std::fs::File::open(path).map_err(|error| fail(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(fail("it is larger than 1 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8 text".to_owned()))?;
    Ok(SecretString::from(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// The line, from 1, of a place in a text.
pub fn line_of(text: &str, place: usize) -> usize {
    1 + text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count()
}

/// Parses TOML; the error names the line and never shows it, since it may hold a secret.
pub fn parse_toml<'a>(path: &Path, text: &'a str) -> Result<DeTable<'a>, ConfigError> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| ConfigError::Syntax {
        path: path.to_path_buf(),
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().lines().next().unwrap_or("not TOML").to_owned(),
    })
}

/// What a configuration file says. Paths of secret files are relative to `folder`.
pub fn from_file(path: &Path, text: &str, folder: &Path) -> Result<Values, ConfigError> {
    let mut values = Values::new();
    for (section, content) in parse_toml(path, text)? {
        let at = |place: usize| Origin::File { path: path.to_path_buf(), line: line_of(text, place) };
        let origin = at(section.span().start);
        let section: &str = section.get_ref();
        let DeValue::Table(content) = content.into_inner() else {
            return Err(outside_of_a_section(section, origin));
        };
        if !SECTIONS.iter().any(|(known, _)| *known == section) {
            let known = nearest(section, SECTIONS.iter().map(|(known, _)| *known));
            return Err(ConfigError::Unknown {
                what: format!("section [{}]", shorten(section)),
                origin,
                nearest: known.map(|known| format!("[{known}]")),
            });
        }
        let mut said = Vec::new();
        for (name, value) in content {
            let origin = at(name.span().start);
            let name: &str = name.get_ref();
            said.push((name.to_owned(), Found { raw: raw(value.into_inner()), origin }));
        }
        add(&mut values, section, said, folder)?;
    }
    Ok(values)
}

/// What the environment says: `WACAST_SECTION__KEY`. An empty variable says nothing. Returns warnings, too.
pub fn from_environment(
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<(Values, Vec<String>), ConfigError> {
    let mut values = Values::new();
    let mut warnings = Vec::new();
    let mut by_section: BTreeMap<String, Vec<(String, Found)>> = BTreeMap::new();
    for (variable, value) in environment {
        let Some(rest) = variable.strip_prefix("WACAST_") else { continue };
        let Some((section, name)) = rest.split_once("__") else {
            let meant = KEYS.iter().find(|key| variable == &key.variable().replace("__", "_"));
            if let Some(key) = meant {
                warnings.push(format!("environment variable {variable} is not read; the name is {}", key.variable()));
            }
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let origin = Origin::Environment { variable: variable.clone() };
        let section = section.to_lowercase();
        if !SECTIONS.iter().any(|(known, _)| *known == section) {
            let known = nearest(&section, SECTIONS.iter().map(|(known, _)| *known));
            return Err(ConfigError::Unknown {
                what: format!("section [{}]", shorten(&section)),
                origin,
                nearest: known.map(|known| format!("WACAST_{}__{name}", known.to_uppercase())),
            });
        }
        let found = Found { raw: Raw::Loose(SecretString::from(value.as_str())), origin };
        by_section.entry(section).or_default().push((name.to_lowercase(), found));
    }
    for (section, said) in by_section {
        add(&mut values, &section, said, folder)?;
    }
    Ok((values, warnings))
}

/// Takes up what one source says about one section: checks the names, and reads secrets' files.
fn add(values: &mut Values, section: &str, said: Vec<(String, Found)>, folder: &Path) -> Result<(), ConfigError> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (name, found) in said {
        let (key, found) = match (keys::find(section, &name), keys::find_by_file(section, &name)) {
            (Some(key), _) => (key, found),
            (None, Some(key)) => (key, read_secret(key, &name, &found, folder)?),
            (None, None) => return Err(unknown_key(section, &name, found.origin)),
        };
        if let Some(other) = names.insert(key.path(), name.clone()) {
            return Err(ConfigError::Invalid {
                key: key.path(),
                origin: found.origin,
                reason: format!("both {other} and {name} are given; keep one of them"),
            });
        }
        values.insert(key.path(), found);
    }
    Ok(())
}

fn unknown_key(section: &str, name: &str, origin: Origin) -> ConfigError {
    let here = nearest(name, KEYS.iter().filter(|key| key.section == section).map(|key| key.name));
    let elsewhere = || KEYS.iter().find(|key| key.name == name).map(Key::path);
    ConfigError::Unknown {
        what: format!("key {} in section [{section}]", shorten(name)),
        nearest: elsewhere().or_else(|| here.map(str::to_owned)),
        origin,
    }
}

fn outside_of_a_section(name: &str, origin: Origin) -> ConfigError {
    let home = KEYS.iter().find(|key| key.name == name || Some(key.name) == name.strip_suffix("_file"));
    ConfigError::Unknown {
        what: format!("key {} outside of a section", shorten(name)),
        nearest: home.map(|key| format!("[{}] {name}", key.section)),
        origin,
    }
}

/// Reads the secret that a `…_file` key points to. A newline at its end is not a part of it.
fn read_secret(key: &Key, name: &str, found: &Found, folder: &Path) -> Result<Found, ConfigError> {
    let named = found.raw.text(keys::Kind::Path).map_err(|what| ConfigError::WrongType {
        key: format!("{}.{name}", key.section),
        origin: found.origin.clone(),
        expected: keys::Kind::Path.expects(),
        found: what,
    })?;
    let path = folder.join(named.expose_secret());
    let text = read_text(&path)?;
    let content = text.expose_secret();
    let raw = if key.kind == keys::Kind::Secrets {
        let lines = content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Raw::List(lines.map(SecretString::from).collect())
    } else {
        Raw::Text(SecretString::from(content.trim_end_matches(['\n', '\r'])))
    };
    let empty = match &raw {
        Raw::List(lines) => lines.is_empty(),
        Raw::Text(text) => text.expose_secret().is_empty(),
        _ => false,
    };
    let origin = Origin::SecretFile { path, named_by: Box::new(found.origin.clone()) };
    if empty {
        return Err(ConfigError::Invalid { key: key.path(), origin, reason: "the file is empty".to_owned() });
    }
    Ok(Found { raw, origin })
}

fn raw(value: DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(SecretString::from(text.as_ref())),
        DeValue::Integer(number) if number.radix() == 10 => Raw::Number(number.as_str().to_owned()),
        DeValue::Integer(_) => Raw::Other("a number that is not decimal"),
        DeValue::Float(number) => Raw::Number(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Raw::YesNo(yes),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a section"),
        DeValue::Array(items) => {
            let texts: Option<Vec<SecretString>> =
                items.iter().map(|item| item.get_ref().as_str().map(SecretString::from)).collect();
            texts.map_or(Raw::Other("a list with something else than texts in it"), Raw::List)
        }
    }
}

/// Names are shown, but not at length: a pasted secret may stand where a name belongs.
fn shorten(name: &str) -> String {
    let mut short: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}
