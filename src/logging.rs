//! The program's own log: on stderr without a screen, in a file with one.
//!
//! Lines are written by a thread of their own, so that a terminal or a disk that stands still never slows
//! sending down; lines that do not fit any more are counted and dropped. Nothing here decides what is
//! logged; secrets never come here because [`secrecy::SecretString`] does not show itself. The newest events are also
//! kept in memory ([`recent`]), whatever level the log has.

mod recent;

pub use recent::{Event, KEPT, Recent};

use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Lines that wait to be written, at most; more are dropped and counted.
const WAITING_LINES: usize = 8_192;
/// A log file of this size is set aside (as `NAME.1`) at the next start.
const LARGEST_FILE_BYTES: u64 = 32 << 20;

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Stderr: for people on a terminal, JSON lines elsewhere.
    Stderr,
    /// A file, made readable by its owner only.
    File(PathBuf),
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `log.level` or `WACAST_LOG` cannot be read.
    #[error("\"{0}\" is no log level: expected error, warn, info, debug or trace, or \"info,wacast::engine=debug\"")]
    Level(String),
    /// The file cannot be written.
    #[error("cannot write the log {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Keeps the log alive; dropping it writes what still waits.
#[derive(Debug)]
pub struct Guard {
    _worker: WorkerGuard,
}

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();
static RECENT: LazyLock<Recent> = LazyLock::new(|| Recent::new(KEPT));

/// The newest events of this process at level `info` and above, with a screen and without one.
pub fn recent() -> Recent {
    RECENT.clone()
}

/// Lines dropped since the start because whoever takes them stood still.
pub fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Starts the log; once in a process. `level` is the configured one, `environment` is `WACAST_LOG`.
pub fn start(level: &str, environment: Option<&str>, target: &Target) -> Result<Guard, LoggingError> {
    let said = environment.filter(|said| !said.trim().is_empty()).unwrap_or(level);
    let filter = filter(said)?;
    let on_terminal = *target == Target::Stderr && std::io::stderr().is_terminal();
    let colour = on_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let as_json = *target == Target::Stderr && !on_terminal;
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).lossy(true).thread_name("log");
    let (writer, worker): (NonBlocking, WorkerGuard) = match target {
        Target::Stderr => builder.finish(std::io::stderr()),
        Target::File(path) => builder.finish(open(path)?),
    };
    let _ = DROPPED.set(writer.error_counter());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colour);
    let lines = if as_json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    let kept = recent().with_filter(self::filter("info")?);
    // A second start in one process (tests) keeps the first one's log.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(kept).try_init();
    Ok(Guard { _worker: worker })
}

/// A plain level is meant for wacast; what the libraries say is heard from `warn` on.
fn filter(said: &str) -> Result<EnvFilter, LoggingError> {
    let mut directives = vec!["warn".to_owned(), "tokio_cron_scheduler=error".to_owned()];
    for part in said.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.to_ascii_lowercase().as_str() {
            level @ ("error" | "warn" | "info" | "debug" | "trace" | "off") => {
                directives.push(format!("wacast={level}"));
            }
            _ if part.contains('=') => directives.push(part.to_owned()),
            _ => return Err(LoggingError::Level(said.chars().take(60).collect())),
        }
    }
    EnvFilter::try_new(directives.join(",")).map_err(|_| LoggingError::Level(said.chars().take(60).collect()))
}

fn open(path: &Path) -> Result<File, LoggingError> {
    let fail = |error: std::io::Error| LoggingError::File { path: path.to_path_buf(), reason: error.to_string() };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > LARGEST_FILE_BYTES) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        std::fs::rename(path, aside).map_err(fail)?;
    }
    File::options().create(true).append(true).mode(0o600).open(path).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_plain_level_is_for_wacast_alone() {
        let filter = filter("debug").unwrap().to_string();
        assert!(filter.contains("wacast=debug") && filter.contains("warn"), "{filter}");
        for wrong in ["loud", "info,verbose", "wacast=loud"] {
            assert!(super::filter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_file_is_private_and_set_aside_when_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/wacast.log");
        drop(open(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        File::options().write(true).open(&path).unwrap().set_len(LARGEST_FILE_BYTES + 1).unwrap();
        drop(open(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
        assert!(folder.path().join("deep/wacast.log.1").exists());
    }
}
