//! The blocking half of an import: reads rows on a thread of its own and hands them over in batches.
//!
//! The channel holds two batches: a store that is slow slows the reading, and a caller who goes away ends it.

use super::{ImportSource, RejectsTo, wrong};
use crate::domain::broadcast::Number;
use crate::domain::phone::PhoneKind;
use crate::intake::rejects::RejectsWriter;
use crate::intake::{self, Described, IntakeProblem, Options, Row};
use crate::service::{Kind, ServiceError};
use crate::store::{KeptReject, Reject, UploadRow};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use tokio::sync::mpsc;

/// Rows in a batch.
const BATCH_ROWS: usize = 1_000;
/// Bytes of numbers in a batch, about: rows may be long.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches under way.
const BATCHES: usize = 2;
/// The longest reason kept.
const LONGEST_REASON: usize = 300;

/// Rows that were read.
#[derive(Default)]
pub(super) struct Batch {
    /// Those that can be used.
    pub numbers: Vec<UploadRow>,
    /// The first of those that cannot.
    pub rejects: Vec<Reject>,
    /// Those of them that are kept whole.
    pub kept: Vec<KeptReject>,
    /// How many cannot.
    pub rejected: u64,
    /// How many cannot, by the reason's word.
    pub causes: HashMap<&'static str, u64>,
    /// How many can, but are hardly WhatsApp numbers.
    pub doubtful: u64,
}

/// What the reading thread says.
pub(super) enum Event {
    /// What the file turned out to be.
    Described(Described),
    /// Rows.
    Batch(Batch),
    /// All rows were read.
    End {
        /// The attribute columns.
        columns: Vec<String>,
    },
    /// It cannot be read (to its end).
    Failed {
        /// Why.
        error: ServiceError,
        /// Rows before that which were not handed over.
        unsent: u64,
    },
}

/// How many more rejects are kept whole.
pub(super) struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    /// For an upload.
    pub(super) fn of_an_upload() -> Self {
        Self { rows: super::KEPT_ROWS, bytes: super::KEPT_BYTES }
    }

    /// For what keeps none.
    pub(super) fn none() -> Self {
        Self { rows: 0, bytes: 0 }
    }

    /// From the first one that does not fit on none is kept, so that those kept are the first.
    fn takes(&mut self, bytes: usize) -> bool {
        if self.rows == 0 || bytes > self.bytes {
            *self = Self::none();
            return false;
        }
        self.rows -= 1;
        self.bytes -= bytes;
        true
    }
}

/// Starts reading. The last event is `End` or `Failed`.
pub(super) fn start(
    source: ImportSource,
    options: Options,
    rejects: Option<RejectsTo>,
    room: Room,
) -> mpsc::Receiver<Event> {
    let (events, received) = mpsc::channel(BATCHES);
    tokio::task::spawn_blocking(move || {
        let last = match read(source, &options, rejects, room, &events) {
            Ok(columns) => Event::End { columns },
            Err(Ended::Failed(error, unsent)) => Event::Failed { error, unsent },
            Err(Ended::NobodyListens) => return,
        };
        // Nobody listening any more is no concern of this thread.
        let _ = events.blocking_send(last);
    });
    received
}

enum Ended {
    Failed(ServiceError, u64),
    NobodyListens,
}

impl From<ServiceError> for Ended {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error, 0)
    }
}

pub(super) type Rejects = Option<RejectsWriter<BufWriter<Box<dyn Write + Send>>>>;

fn read(
    source: ImportSource,
    options: &Options,
    rejects: Option<RejectsTo>,
    mut room: Room,
    events: &mpsc::Sender<Event>,
) -> Result<Vec<String>, Ended> {
    let mut lines_before = 0;
    let (name, source) = match source {
        ImportSource::Pasted { bytes, heading_added } => {
            lines_before = u64::from(heading_added);
            (super::PASTED.to_owned(), intake::Source::bytes(super::PASTED, bytes))
        }
        ImportSource::Path(path) => (path.display().to_string(), intake::Source::Path(path)),
        ImportSource::Named { name, path } => (name, intake::Source::Path(path)),
        ImportSource::Bytes { name, bytes } => (name.clone(), intake::Source::bytes(name, bytes)),
    };
    let send = |event| events.blocking_send(event).map_err(|_| Ended::NobodyListens);
    let mut rows = intake::open(source, options).map_err(|error| bad_file(&name, &error.problem))?;
    let mut rejects = open_rejects(rejects, rows.other_columns())?;
    send(Event::Described(rows.described().clone()))?;
    let mut batch = Batch::default();
    let mut batch_bytes = 0;
    for row in rows.by_ref() {
        let unsent = batch.rows() as u64;
        let mut row = row.map_err(|error| Ended::Failed(bad_file(&name, &error.problem), unsent))?;
        row.row = row.row.saturating_sub(lines_before);
        batch_bytes += batch.add(row, &mut rejects, &mut room)?;
        if batch.rows() >= BATCH_ROWS || batch_bytes >= BATCH_BYTES {
            send(Event::Batch(std::mem::take(&mut batch)))?;
            batch_bytes = 0;
        }
    }
    if batch.rows() > 0 {
        send(Event::Batch(batch))?;
    }
    if let Some(rejects) = rejects {
        rejects.finish().and_then(|mut file| file.flush()).map_err(|error| rejects_file(&error))?;
    }
    Ok(rows.columns().to_vec())
}

impl Batch {
    fn rows(&self) -> usize {
        self.numbers.len() + usize::try_from(self.rejected).unwrap_or(usize::MAX)
    }

    /// Adds a row and returns about how many bytes it takes.
    pub(super) fn add(&mut self, row: Row, rejects: &mut Rejects, room: &mut Room) -> Result<usize, ServiceError> {
        match row.outcome {
            Ok(number) => {
                self.doubtful += u64::from(row.kind.is_some_and(PhoneKind::is_doubtful));
                let bytes = bytes_of(&number);
                let row =
                    u32::try_from(row.row).map_err(|_| wrong("bad_file", "more than 4,294,967,295 rows".into()))?;
                self.numbers.push(UploadRow { row, number });
                Ok(bytes)
            }
            Err(rejected) => {
                if let Some(rejects) = rejects {
                    rejects.write(row.row, &rejected).map_err(|error| rejects_file(&error))?;
                }
                self.rejected += 1;
                *self.causes.entry(rejected.reason.word()).or_default() += 1;
                let mut reason = rejected.reason.to_string();
                if reason.len() > LONGEST_REASON {
                    reason = reason.chars().take(LONGEST_REASON).collect();
                }
                let mut bytes = 0;
                let place = u32::try_from(row.row).ok();
                if let Some(place) = place.filter(|_| room.takes(rejected.cells.bytes() + reason.len() + 64)) {
                    bytes = rejected.cells.bytes();
                    self.kept.push(KeptReject {
                        row: place,
                        cause: rejected.reason.word().to_owned(),
                        phone: rejected.phone_raw.clone(),
                        reason: reason.clone(),
                        cells: rejected.cells,
                    });
                }
                if self.rejects.len() < super::REJECTS_KEPT {
                    self.rejects.push(Reject { row: row.row, phone: rejected.phone_raw, reason });
                }
                Ok(bytes)
            }
        }
    }
}

fn bytes_of(number: &Number) -> usize {
    let attributes: usize = number.attributes.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
    number.name.len() + attributes + 64
}

fn open_rejects(rejects: Option<RejectsTo>, columns: Vec<String>) -> Result<Rejects, ServiceError> {
    let writer: Box<dyn Write + Send> = match rejects {
        None => return Ok(None),
        Some(RejectsTo::Path(path)) => Box::new(File::create(path).map_err(|error| rejects_file(&error))?),
        Some(RejectsTo::Writer(writer)) => writer,
    };
    RejectsWriter::new(BufWriter::new(writer), columns).map(Some).map_err(|error| rejects_file(&error))
}

pub(super) fn rejects_file(error: &std::io::Error) -> ServiceError {
    wrong("rejects_file", format!("the rejects cannot be written: {error}"))
}

fn bad_file(name: &str, problem: &IntakeProblem) -> ServiceError {
    let (kind, code) = match problem {
        IntakeProblem::Missing => (Kind::NotFound, "no_such_file"),
        IntakeProblem::TooLarge(_) => (Kind::TooLarge, "too_large"),
        _ => (Kind::Wrong, "bad_file"),
    };
    ServiceError::new(kind, code, format!("{name}: {problem}"))
}
