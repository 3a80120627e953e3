//! What the Numbers screen asks the desk for, and what comes back: the part of `message` that is about numbers and the
//! people behind them.

use crate::domain::broadcast::UploadId;
use crate::domain::ids::BroadcastId;
use crate::domain::opt_out::{Kind, OptedOut};
use crate::service::error::ServiceError;
use crate::service::import::ImportDone;
use crate::service::import::fix::{Fix, RejectsPage};
use crate::service::import::opt_outs::OptOutsImported;
use crate::service::people::{NumbersPage, PersonView, RecipientView};
use crate::store::{AudiencePlace, KeptReject, UploadSummary};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What somebody is looked for by; may be a whole number, so it is never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Asked(pub String);

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(all)" } else { "***" })
    }
}

impl From<&str> for Asked {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

/// Rows that were pasted; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pasted {
    /// The rows, with a heading.
    pub text: Arc<str>,
    /// The heading is none of theirs: it was put before them.
    pub heading_added: bool,
}

impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.text.len())
    }
}

/// Where rows are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsFrom {
    /// A file on this server.
    File(PathBuf),
    /// The operator's clipboard.
    Pasted(Pasted),
}

/// What is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumbersFile {
    /// The rows of a file that cannot be used and are still to be put right, with all their cells.
    Rejects(UploadId),
    /// Everybody who is not to be written to.
    OptOuts,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum NumbersRequest {
    /// Read people of a list.
    People {
        /// The list.
        list: String,
        /// A part of a name, or a whole number; empty: everybody.
        search: Asked,
        /// From the one after this place on.
        after: Option<AudiencePlace>,
        /// At most so many.
        limit: u32,
    },
    /// Read everything about a person.
    Person(Asked),
    /// Read one recipient of a broadcast with every try.
    Recipient(BroadcastId, u32),
    /// Read what could not be used of a file, by cause.
    Rejects(UploadId),
    /// Read the rows of one cause.
    RejectRows {
        /// Of this file.
        upload: UploadId,
        /// The cause's word.
        cause: String,
        /// From the one after this row on.
        after: Option<u32>,
    },
    /// Put all rows of one cause right.
    Fix {
        /// Of this file.
        upload: UploadId,
        /// The cause's word.
        cause: String,
        /// How.
        fix: Fix,
    },
    /// How many people leave their list with this file.
    WouldLeave(UploadId),
    /// Take a file back, whole.
    Undo(UploadId),
    /// Read who is not to be written to.
    OptOuts {
        /// A number, or a part of it; empty: all.
        search: Asked,
        /// From the one after this person on.
        after: Option<Asked>,
    },
    /// Note that somebody is not to be written to.
    OptOut {
        /// Who.
        person: Asked,
        /// Why, for the record.
        note: String,
    },
    /// Undo it, on the record.
    UndoOptOut {
        /// Who.
        person: Asked,
        /// Of this kind; `None`: all.
        kind: Option<Kind>,
    },
    /// Note everybody of a file.
    ImportOptOuts {
        /// The file.
        from: RowsFrom,
        /// For numbers without a country code.
        country: Option<String>,
    },
    /// Write something to a file that does not exist yet.
    Export(NumbersFile, PathBuf),
}

impl NumbersRequest {
    /// Whether it changes anything for anybody.
    pub fn changes(&self) -> bool {
        match self {
            Self::People { .. }
            | Self::Person(_)
            | Self::Recipient(..)
            | Self::Rejects(_)
            | Self::RejectRows { .. }
            | Self::WouldLeave(_)
            | Self::OptOuts { .. }
            | Self::Export(..) => false,
            Self::Fix { .. }
            | Self::Undo(_)
            | Self::OptOut { .. }
            | Self::UndoOptOut { .. }
            | Self::ImportOptOuts { .. } => true,
        }
    }
}

/// What could not be used of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejects {
    /// The tags that all its numbers got.
    pub tags: Vec<String>,
    /// By cause, most open ones first.
    pub page: RejectsPage,
    /// The first open row of each cause, in the causes' order.
    pub examples: Vec<Option<KeptReject>>,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum NumbersAnswer {
    /// People of a list, by what was asked for, after a place.
    People(String, Asked, Option<AudiencePlace>, Result<NumbersPage, ServiceError>),
    /// Everything about a person.
    Person(Asked, Result<PersonView, ServiceError>),
    /// One recipient.
    Recipient(BroadcastId, u32, Box<Result<RecipientView, ServiceError>>),
    /// What could not be used of a file.
    Rejects(UploadId, Result<Rejects, ServiceError>),
    /// Rows of one cause, after a row.
    RejectRows(UploadId, String, Option<u32>, Result<Vec<KeptReject>, ServiceError>),
    /// A cause was put right, as far as that went.
    Fixed(UploadId, Result<ImportDone, ServiceError>),
    /// So many people leave their list with this file.
    WouldLeave(UploadId, Result<u64, ServiceError>),
    /// A file was taken back.
    Undone(Result<UploadSummary, ServiceError>),
    /// Who is not to be written to, and how many that are in all.
    OptOuts(Asked, Option<Asked>, Result<(Vec<OptedOut>, u64), ServiceError>),
    /// Somebody's opt-out was noted, or undone; how they stand now.
    OptOutChanged(Asked, Result<OptedOut, ServiceError>),
    /// A file of opt-outs was read, or not.
    OptOutsImported(Result<OptOutsImported, ServiceError>),
    /// A file was written, with so many rows in it.
    Exported(NumbersFile, PathBuf, Result<u64, String>),
}
