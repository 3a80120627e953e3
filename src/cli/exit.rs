//! How a command ends: its exit code, and an error in one line with what to do.

use crate::config::ConfigError;
use crate::service::ServiceError;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The exit codes that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a broadcast that was waited for is completed.
    Completed,
    /// An error.
    Error,
    /// Wrong usage or configuration.
    Usage,
    /// Completed, and somebody failed or is in doubt.
    WithFailures,
    /// Paused or held: it needs a person.
    Held,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::WithFailures => 3,
            Self::Held => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// A word for programs.
    pub code: &'static str,
    /// One line for people.
    pub message: String,
    /// What to do; empty when the message says it.
    pub hint: String,
    /// For programs.
    pub details: Value,
}

/// What commands return.
pub type Outcome = Result<Exit, Failure>;

impl Failure {
    /// An error (exit code 1).
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, code, message: message.into(), hint: String::new(), details: Value::Null }
    }

    /// Wrong usage (exit code 2).
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::error(code, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same in a rehearsal: a command that the hint names is one of the rehearsal, too.
    #[must_use]
    pub fn rehearsing(mut self) -> Self {
        self.hint = self.hint.replace("`wacast ", &format!("`{} ", crate::service::program(true)));
        self
    }

    /// As the HTTP API says it: `{"error":{"code","message","details"}}`.
    pub fn to_json(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message, "details": self.details } })
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = match &error {
            ConfigError::Missing { file: None, .. } => {
                "open `wacast` on a terminal to set it up, copy config.toml.example, or try it with `wacast demo`; with \
                 `wacast --sandbox` everything works without one, and reaches nobody"
            }
            ConfigError::Missing { .. } => "add them to that file, or set WACAST_SECTION__KEY in the environment",
            ConfigError::Unknown { nearest: None, .. } => "config.toml.example lists every key",
            _ => "",
        };
        Self::usage("configuration", error.to_string()).hint(hint)
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let usage = matches!(
            error.code,
            "bad_time"
                | "in_the_future"
                | "in_the_past"
                | "time_gap"
                | "time_overlap"
                | "bad_zone"
                | "bad_cron"
                | "bad_country"
                | "bad_pace"
        );
        let exit = if usage { Exit::Usage } else { Exit::Error };
        let hint = match error.code {
            "store_away" => "`wacast doctor` looks at the store",
            "looks_like_repeat" => "say --repeat if it is meant",
            _ => "",
        };
        let hint = hint.to_owned();
        Self { exit, code: error.code, message: error.message, hint, details: error.details }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::error("output", format!("cannot write: {error}"))
    }
}
