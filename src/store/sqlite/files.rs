//! Opening the file: its checks, its rights, and each connection's settings.
//!
//! Whatever stands in the way is said with the path and what to do. Called when a store is opened and when a
//! reader is added.

use super::{error, schema};
use crate::store::{Result, StoreError, Whereabouts};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a lock that another process holds is waited for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Statements kept prepared for each connection.
const STATEMENTS: usize = 128;

/// 16 MB instead of SQLite's 4: an import in random order of phones goes 2.5 times as fast, and the longest
/// wait for a window is shorter (measured).
const PAGES_BETWEEN_CHECKPOINTS: u32 = 4_000;

/// Page cache of the writer and of each reader in KiB. Bounded, so that memory stays flat however many
/// people there are; the operating system caches the file besides.
const WRITER_CACHE_KIB: u32 = 8 * 1024;
const READER_CACHE_KIB: u32 = 2 * 1024;

/// Checks the path, makes the file with rights for its owner alone (it holds people's numbers), and returns
/// its full path.
pub(super) fn make(path: &Path) -> Result<PathBuf> {
    let place = path.display();
    match std::fs::metadata(path) {
        Ok(found) => check(path, &found)?,
        Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
        Err(error) => {
            return Err(StoreError::Setup(format!(
                "{place} cannot be looked at ({error}): check the rights of its folders"
            )));
        }
    }
    path.canonicalize().map_err(|error| StoreError::Setup(format!("{place} cannot be looked at ({error})")))
}

fn check(path: &Path, found: &Metadata) -> Result<()> {
    let place = path.display();
    if found.is_dir() {
        return Err(StoreError::Setup(format!(
            "{place} is a folder: [store] url must name a file, such as {}",
            path.join("wacast.db").display()
        )));
    }
    if !found.is_file() {
        return Err(StoreError::Setup(format!("{place} is not a plain file: give [store] url another one")));
    }
    if found.permissions().readonly() {
        return Err(StoreError::Setup(format!(
            "{place} is read-only: make it writable (chmod u+w) or use another file"
        )));
    }
    OpenOptions::new().read(true).write(true).open(path).map(drop).map_err(|error| {
        StoreError::Setup(format!("{place} cannot be opened for writing ({error}): check its owner and its rights"))
    })
}

fn create(path: &Path) -> Result<()> {
    let place = path.display();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(StoreError::Setup(format!(
            "the folder {} for the store does not exist: make it (mkdir -p) or change [store] url",
            parent.display()
        )));
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Setup(format!(
            "{place} cannot be made ({error}): check the owner and the rights of {}",
            parent.display()
        ))),
    }
}

/// What names this machine, on every Linux with systemd; a copy of the machine has the same one.
const MACHINE_ID: &str = "/etc/machine-id";

/// Where the file is at present. Looked up each time: it may have been replaced while it is open.
pub(super) fn whereabouts(path: &Path) -> Whereabouts {
    let machine = std::fs::read_to_string(MACHINE_ID).unwrap_or_default();
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let object = std::fs::metadata(path).map(|found| format!("{}:{}", found.dev(), found.ino())).unwrap_or_default();
    Whereabouts { machine: machine.trim().to_owned(), place: place.display().to_string(), object }
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    let connection = open(path, WRITER_CACHE_KIB).map_err(|error| error::on_open(&error, path))?;
    schema::check(&connection, path)?;
    use_wal(&connection).map_err(|error| error::on_open(&error, path))?;
    connection
        .pragma_update(None, "wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS)
        .map_err(|error| error::on_open(&error, path))?;
    connection
        .execute_batch(
            // FULL: what was committed survives a power cut, else someone would be sent to twice. The limit
            // gives the log file's space back after a large import.
            "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(|error| error::on_open(&error, path))?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = open(path, READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

fn open(path: &Path, cache_kib: u32) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this, statements are compiled anew whenever a bound LIMIT has another value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    Ok(connection)
}

/// Switches to write-ahead logging. SQLite does not always wait for another process here, so this does.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && begun.elapsed() < LONGEST_WAIT =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other.map(drop),
        }
    }
}
