//! Writes configuration files: the example, a new one for the console's set-up, and changes to one.
//!
//! A file written here is readable by its owner only (0600) and appears whole or not at all.

use super::error::ConfigError;
use super::keys::{self, KEYS, Key, Kind, SECTIONS};
use super::source;
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use toml::de::DeValue;

/// A value to be written, as it would stand in an environment variable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The section.
    pub section: String,
    /// The key in it.
    pub name: String,
    /// The value; of a list the items separated by commas.
    pub value: SecretString,
}

impl Entry {
    /// A value for a key.
    pub fn new(section: &str, name: &str, value: impl Into<SecretString>) -> Self {
        Self { section: section.to_owned(), name: name.to_owned(), value: value.into() }
    }
}

/// The example file: every key, commented out, with what it is for and its default.
pub fn example() -> String {
    render(&[])
}

/// A file with these values set and all other keys commented out.
fn render(entries: &[Entry]) -> String {
    let mut text = String::from(
        "# wacast's configuration. Every key is here; those that are commented out have their default.\n\
         # It is looked for at --config, $WACAST_CONFIG, ./config.toml, $XDG_CONFIG_HOME/wacast/config.toml\n\
         # (~/.config/wacast/config.toml) and /etc/wacast/config.toml. Relative paths are relative to this file.\n\
         # Each key can also be set by an environment variable WACAST_SECTION__KEY, which goes over this file:\n\
         # WACAST_SENDER__MESSAGES_PER_SECOND=40. Keep this file to yourself: chmod 600.\n",
    );
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n# {about}\n[{section}]\n");
        for key in KEYS.iter().filter(|key| key.section == section) {
            let _ = writeln!(text, "\n# {}", key.doc);
            if key.kind.is_secret() && key.default.is_none() {
                let _ = writeln!(text, "# Or the name of a file that holds nothing else: {}_file = \"FILE\"", key.name);
            }
            if let Kind::Choice(_) | Kind::Span { .. } | Kind::Whole { .. } = key.kind {
                let _ = writeln!(text, "# Takes {}.", key.kind.expects());
            }
            let given = entries.iter().find(|entry| entry.section == section && entry.name == key.name);
            let _ = match given {
                Some(entry) => writeln!(text, "{} = {}", key.name, quote(key, entry.value.expose_secret())),
                None => writeln!(text, "#{} = {}", key.name, shown_default(key)),
            };
        }
    }
    text
}

fn shown_default(key: &Key) -> String {
    key.default.map_or_else(|| key.example.to_owned(), |default| quote(key, default))
}

fn quote(key: &Key, value: &str) -> String {
    let text = |value: &str| toml::Value::String(value.to_owned()).to_string();
    match key.kind {
        Kind::Texts | Kind::Secrets => {
            let items: Vec<String> = value.split(',').map(|item| text(item.trim())).collect();
            format!("[{}]", items.join(", "))
        }
        kind if kind.is_quoted() => text(value),
        _ => value.to_owned(),
    }
}

/// Writes a new configuration. A file that is there already is refused.
pub fn write_new(path: &Path, entries: &[Entry]) -> Result<(), ConfigError> {
    put(path, &new_text(path, entries)?, false)
}

/// What [`write_new`] writes.
pub(super) fn new_text(path: &Path, entries: &[Entry]) -> Result<SecretString, ConfigError> {
    known(path, entries)?;
    Ok(SecretString::from(render(entries)))
}

/// The text with one value changed, as [`change`] writes it.
pub(super) fn with_change(path: &Path, text: &SecretString, entry: &Entry) -> Result<SecretString, ConfigError> {
    changed(path, text.expose_secret(), entry).map(SecretString::from)
}

/// Puts a whole text in a file's place. `there`: there is one already.
pub(super) fn replace(path: &Path, text: &SecretString, there: bool) -> Result<(), ConfigError> {
    put(path, text, there)
}

/// Changes some values of a configuration that is there and leaves everything else, comments too, as it is.
pub fn change(path: &Path, entries: &[Entry]) -> Result<(), ConfigError> {
    known(path, entries)?;
    let mut text = source::read_text(path)?.expose_secret().to_owned();
    for entry in entries {
        text = changed(path, &text, entry)?;
    }
    put(path, &SecretString::from(text), true)
}

fn known(path: &Path, entries: &[Entry]) -> Result<(), ConfigError> {
    match entries.iter().find(|entry| keys::find(&entry.section, &entry.name).is_none()) {
        Some(entry) => Err(unwritable(path, &format!("there is no key {}.{}", entry.section, entry.name))),
        None => Ok(()),
    }
}

fn unwritable(path: &Path, reason: &dyn ToString) -> ConfigError {
    ConfigError::Unwritable { path: path.to_path_buf(), reason: reason.to_string() }
}

/// The text with one value replaced where it stands, or added to its section. A `…_file` that stood for
/// the secret goes, since only one of them may be there.
fn changed(path: &Path, text: &str, entry: &Entry) -> Result<String, ConfigError> {
    let Some(key) = keys::find(&entry.section, &entry.name) else { return Ok(text.to_owned()) };
    let value = quote(key, entry.value.expose_secret());
    let parsed = source::parse_toml(path, text)?;
    let section = parsed.iter().find(|(name, _)| name.get_ref() == key.section);
    let Some((name, content)) = section else {
        return Ok(format!("{}\n\n[{}]\n{} = {value}\n", text.trim_end(), key.section, key.name));
    };
    let DeValue::Table(content) = content.get_ref() else { return Ok(text.to_owned()) };
    let place = |wanted: &str| {
        let pair = content.iter().find(|(name, _)| name.get_ref() == wanted);
        pair.map(|(name, value)| name.span().start..value.span().end)
    };
    let pair = format!("{} = {value}", key.name);
    let mut text = text.to_owned();
    if let Some(place) = place(key.name).or_else(|| place(&format!("{}_file", key.name))) {
        text.replace_range(place, &pair);
    } else {
        let at = commented_out(&text, name.span().end, key).unwrap_or_else(|| end_of_line(&text, name.span().end));
        text.insert_str(at, &format!("\n{pair}"));
    }
    Ok(text)
}

/// The end of the line that holds this place.
fn end_of_line(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |at| from + at)
}

/// The end of the line, in the section that begins at `from`, on which the key stands commented out as in the example.
fn commented_out(text: &str, from: usize, key: &Key) -> Option<usize> {
    let mut at = end_of_line(text, from) + 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && !rest.starts_with('[')) {
        let end = end_of_line(text, at);
        let line = text[at..end].trim_start_matches(['#', ' ']);
        let is_it =
            rest.starts_with('#') && line.strip_prefix(key.name).is_some_and(|rest| rest.trim_start().starts_with('='));
        if is_it {
            return Some(end);
        }
        at = end + 1;
    }
    None
}

/// Writes a file beside the place, and moves it there whole.
fn put(path: &Path, text: &SecretString, replace: bool) -> Result<(), ConfigError> {
    let fail = |error: std::io::Error| unwritable(path, &error);
    let path = if replace { path.canonicalize().map_err(fail)? } else { path.to_path_buf() };
    let folder = path.parent().ok_or_else(|| unwritable(&path, &"it has no folder"))?;
    std::fs::create_dir_all(folder).map_err(fail)?;
    let beside = folder.join(format!(".wacast-config-{}-{:08x}", std::process::id(), fastrand::u32(..)));
    let written = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.expose_secret().as_bytes())?;
        file.sync_all()?;
        if replace {
            std::fs::rename(&beside, &path)?;
        } else {
            // A link fails when the name is taken, a rename would not.
            std::fs::hard_link(&beside, &path)?;
        }
        std::fs::File::open(folder)?.sync_all()
    })();
    let _ = std::fs::remove_file(&beside);
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => unwritable(&path, &"it is there already"),
        _ => unwritable(&path, &error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change_text(text: &str, section: &str, name: &str, value: &str) -> String {
        changed(Path::new("config.toml"), text, &Entry::new(section, name, value)).unwrap()
    }

    #[test]
    fn a_change_leaves_everything_else_alone() {
        let text = "# mine\n[whatsapp]\naccess_token = \"old\" # note\n[sender]\nmessages_per_second = 5\n";
        let new = change_text(text, "whatsapp", "access_token", "ne\"w");
        assert_eq!(new, text.replace("\"old\"", "'ne\"w'"));
        let faster = change_text(text, "sender", "max_in_flight", "64");
        assert_eq!(faster, text.replace("[sender]\n", "[sender]\nmax_in_flight = 64\n"));
        let zone = change_text(text, "console", "time_zone", "Asia/Kolkata");
        assert!(zone.starts_with(text.trim_end()) && zone.ends_with("[console]\ntime_zone = \"Asia/Kolkata\"\n"));
        let example = "[sender]\n\n# How fast.\n#messages_per_second = 60\n\n# Other.\n#max_in_flight = 256\n[log]\n";
        let set = change_text(example, "sender", "messages_per_second", "40");
        assert_eq!(set, example.replace("= 60\n", "= 60\nmessages_per_second = 40\n"));
        let by_file = "[whatsapp]\naccess_token_file = \"token\"\n";
        assert_eq!(change_text(by_file, "whatsapp", "access_token", "x"), "[whatsapp]\naccess_token = \"x\"\n");
    }
}
