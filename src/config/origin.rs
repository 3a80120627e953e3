//! Where a value was said, for error messages, `wacast doctor` and the console's Settings.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything: the built-in default, or nothing when there is none.
    Default,
    /// A configuration file.
    File {
        /// The file's full path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// Such as `--sandbox`.
        flag: &'static str,
    },
    /// A file that holds nothing but the secret.
    SecretFile {
        /// The file's full path.
        path: PathBuf,
        /// What named it.
        named_by: Box<Origin>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag { flag } => write!(f, "flag {flag}"),
            Self::SecretFile { path, named_by } => write!(f, "{} (named by {named_by})", path.display()),
        }
    }
}
