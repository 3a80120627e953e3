//! Numbers from a file or a request body into a list.
//!
//! Streams: rows are read on a blocking thread and stored in batches, so a million of them need no more
//! memory than a thousand. Nobody sees any of it before the end; on an error, or when the caller drops
//! the future, the upload is given up. received = imported + duplicates + rejected, always.

use super::{Result, Service};
use crate::store::UploadSummary;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// The list that an upload goes to when none is named.
pub const DEFAULT_LIST: &str = "default";

/// Numbers to be imported.
pub struct ImportRequest {
    /// Where they come from.
    pub source: ImportSource,
    /// How to read them.
    pub options: ImportOptions,
    /// The list; [`DEFAULT_LIST`] when `None`.
    pub list: Option<String>,
    /// Tags that all the numbers get.
    pub tags: Vec<String>,
    /// `Idempotency-Key` and a hash of the content.
    pub idempotency: Option<(String, String)>,
    /// Where every reject goes (CSV: row, phone, reason); the report keeps the first hundred only.
    pub rejects: Option<RejectsTo>,
}

/// Where numbers come from.
pub enum ImportSource {
    /// A file by its path.
    Path(PathBuf),
    /// An open file (it can be read from its beginning again) and the name that people know it by.
    File {
        /// The name, for people and for its ending (`.csv`, `.xlsx`).
        name: String,
        /// The file.
        file: File,
    },
    /// Bytes in memory: pasted rows, a short request body.
    Bytes {
        /// The name, for people and for its ending.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// How numbers are to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// ISO 3166 code for numbers without a country code; `None`: the configured one.
    pub country: Option<String>,
}

/// Where rejects are written.
pub enum RejectsTo {
    /// A new file; it is made only when there is a reject.
    Path(PathBuf),
    /// Anything that takes bytes.
    Writer(Box<dyn Write + Send>),
}

/// How far an import has come. The first three add up to `received`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// Rows read.
    pub received: u64,
    /// People new to the list.
    pub imported: u64,
    /// Rows whose phone was there before.
    pub duplicates: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// Bytes read; with `total_bytes` it gives the time left.
    pub read_bytes: u64,
    /// The size of what is read; `None`: not known.
    pub total_bytes: Option<u64>,
}

/// A finished import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportDone {
    /// As the store has it; its report's figures add up.
    pub upload: UploadSummary,
    /// This key was used before with the same content: these are the figures of then, nothing was done now.
    pub replay: bool,
    /// Where all the rejects are, when a path was asked for and there were any.
    pub rejects_path: Option<PathBuf>,
    /// What to think about, in words: nothing could be used, what the file was taken for.
    pub notes: Vec<String>,
}

impl Service {
    /// Imports numbers. `progress` is called after every batch. Dropping the future gives the upload up.
    ///
    /// Errors: `bad_list_name`, `bad_country`, `bad_file` (422), `key_reused` (422), `in_progress` (409), `not_found` (404: no such
    /// file), `rejects_file` (422: cannot be written), and the store's.
    pub async fn import(
        &self,
        _request: ImportRequest,
        _progress: impl FnMut(ImportProgress) + Send,
    ) -> Result<ImportDone> {
        todo!()
    }
}
