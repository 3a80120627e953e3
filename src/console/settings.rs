//! The Settings screen's interface to the rest: whoever can read and change the configuration implements [`Settings`].
//!
//! Plain values only. The console reads and writes no configuration itself, and never gets to see a secret: of one it
//! is told whether it is set.

use super::look::Look;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setting {
    /// The section, such as `sender`.
    pub section: String,
    /// Its name there.
    pub name: String,
    /// The value that counts now, in words; of a secret only `set` or `not set`.
    pub value: String,
    /// The value that counts from the next start on, where it is another.
    pub next: Option<String>,
    /// What the value counts, such as `messages a second`; empty: nothing.
    pub unit: String,
    /// Where it comes from, in words.
    pub from: String,
    /// What it is for, in one line.
    pub what: String,
    /// When a change counts; `None`: it is not changed here.
    pub counts: Option<Counts>,
    /// What it takes, in words: `a number from 0 to 100000`.
    pub expects: String,
    /// The words that it takes; empty: it is typed.
    pub choices: Vec<String>,
}

impl Setting {
    /// Whether it is the access token, which is not written but tried and taken.
    pub fn is_token(&self) -> bool {
        (self.section.as_str(), self.name.as_str()) == ("whatsapp", "access_token")
    }
}

/// When a changed setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// In this console at once.
    AtOnce,
    /// From the next start of the program on.
    NextStart,
}

/// A file or folder that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lies {
    /// What it is called.
    pub name: String,
    /// The full path, or the address of a server without its password.
    pub path: String,
    /// What lies there.
    pub what: String,
}

/// Everything that is set, and where files lie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllSettings {
    /// In the order of the example file, sections together.
    pub settings: Vec<Setting>,
    /// The files and folders.
    pub places: Vec<Lies>,
}

/// A value that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingWritten {
    /// `section.name`.
    pub key: String,
    /// The file it stands in now.
    pub path: PathBuf,
    /// The value before, in words.
    pub before: String,
    /// The value in the file now, in words.
    pub after: String,
    /// When it counts.
    pub counts: Counts,
    /// What goes over the file, so that the new value does not count: an environment variable, a flag.
    pub overridden_by: Option<String>,
    /// How the console is to look from now on.
    pub look: Look,
    /// Phones are masked from now on.
    pub privacy: bool,
}

/// Reads and changes the configuration. Errors are in words for the operator, and leave the file as it was.
#[async_trait]
pub trait Settings: Send + Sync + 'static {
    /// Everything as it stands.
    async fn all(&self) -> Result<AllSettings, String>;

    /// Writes one value, as it would stand in an environment variable.
    async fn set(&self, section: &str, name: &str, value: &str) -> Result<SettingWritten, String>;
}

/// An access token on its way to where it is checked. Never shown.
#[derive(Debug, Clone)]
pub struct NewToken(pub SecretString);

impl PartialEq for NewToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}
