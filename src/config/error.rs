//! What can be wrong with a configuration. Every message names the key and where it was said; none shows
//! a secret.

use super::origin::Origin;
use std::path::PathBuf;

/// A configuration that cannot be used. Faces end with exit code 2 on it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named is not there.
    #[error("there is no configuration file {} (named by {named_by})", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
        /// `--config` or `WACAST_CONFIG`.
        named_by: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says; never the line itself, which may hold a secret.
        message: String,
    },
    /// A section or key that wacast does not have.
    #[error("unknown {what} in {origin}{}", hint(.nearest.as_deref()))]
    Unknown {
        /// `section [whatsap]`, `key acces_token in section [whatsapp]`.
        what: String,
        /// Where.
        origin: Origin,
        /// What was likely meant.
        nearest: Option<String>,
    },
    /// A value of the wrong kind or out of bounds.
    #[error("{key} in {origin}: expected {expected}, found {found}")]
    WrongType {
        /// `section.key`.
        key: String,
        /// Where.
        origin: Origin,
        /// What it takes.
        expected: String,
        /// What stands there; for a secret only of what kind.
        found: String,
    },
    /// A value that contradicts another or the world.
    #[error("{key} ({origin}): {reason}")]
    Invalid {
        /// `section.key`.
        key: String,
        /// Where.
        origin: Origin,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A key that was to be changed and that wacast does not have.
    #[error("there is no setting {key}{}", hint(.nearest.as_deref()))]
    NoSuchKey {
        /// `section.key` as it was asked for.
        key: String,
        /// What was likely meant.
        nearest: Option<String>,
    },
    /// A key that is not changed by a command, or not to this value.
    #[error("{key} is not changed: {reason}")]
    NotSettable {
        /// `section.key`.
        key: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Keys without which nothing can be sent.
    #[error("the configuration lacks {}{}", .keys.join(", "), where_looked(.file.as_ref(), .looked))]
    Missing {
        /// `section.key`, each.
        keys: Vec<String>,
        /// The file that was read.
        file: Option<PathBuf>,
        /// Where one was looked for.
        looked: Vec<PathBuf>,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

fn where_looked(file: Option<&PathBuf>, looked: &[PathBuf]) -> String {
    match file {
        Some(file) => format!(" (read: {})", file.display()),
        None if looked.is_empty() => String::new(),
        None => {
            let places: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
            format!(" (no configuration file at {})", places.join(", "))
        }
    }
}
