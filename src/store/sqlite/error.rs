//! What SQLite's errors mean to the ledger. Used by every part of this engine.

use crate::store::StoreError;
use rusqlite::{Error, ErrorCode};
use std::path::Path;

/// What an error in the middle of work means.
pub(super) fn translate(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable("another process keeps the database file locked".to_owned())
        }
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied,
        ) => StoreError::Full(error.to_string()),
        _ => StoreError::Corrupt(error.to_string()),
    }
}

/// What an error while opening `path` means, and what to do.
pub(super) fn on_open(error: &Error, path: &Path) -> StoreError {
    let place = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Setup(format!(
            "{place} is not an SQLite database: give [store] url another file, or move this one away"
        )),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::Setup(format!(
            "{place} cannot be opened for writing ({error}): check the owner and the rights of the file and its folder"
        )),
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt(format!("{place} is damaged ({error}): put back a copy of it"))
        }
        _ => translate(error),
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        translate(&error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Corrupt(error.to_string())
    }
}
