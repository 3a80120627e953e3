//! Numbers from a file or a request body into a list.
//!
//! Streams: rows are read on a blocking thread and stored in batches, so a million of them need no more
//! memory than a thousand. Nobody sees any of it before the end; on an error, or when the caller drops
//! the future, the upload is given up. received = imported + duplicates + rejected, always.

pub mod count;
pub mod fix;
pub mod opt_outs;
mod reader;
mod rejects_file;

use super::plan::wrong;
use super::{Kind, Result, Service, ServiceError};
use crate::domain::broadcast::UploadId;
use crate::domain::phone::{Country, Phone};
use crate::domain::said;
use crate::domain::time::HOUR;
use crate::intake::{self, Described};
use crate::store::{NewUpload, Repeat, Store, UploadBegun, UploadReport, UploadRow, UploadSummary};
use reader::{Batch, Event, Room};
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The list that an upload goes to when none is named.
pub const DEFAULT_LIST: &str = "default";
/// The longest name of a list, in characters.
pub const LONGEST_LIST_NAME: usize = 80;
/// What pasted rows are called: the source of their upload.
pub const PASTED: &str = "pasted rows";
/// Rows that repeat a number of the same file and that the report keeps.
const REPEATS_KEPT: usize = 20;
/// Numbers of a file whose first row is remembered, so that a row which repeats one of them can say where it was.
const FIRST_ROWS: usize = 200_000;
/// Rejects that the report keeps.
const REJECTS_KEPT: usize = 100;
/// Rejects of an upload that are kept with all their cells, and about how many bytes of them: the first ones. What is
/// beyond is in the file that [`ImportRequest::rejects`] names.
pub const KEPT_ROWS: usize = 20_000;
/// See [`KEPT_ROWS`].
pub const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// The most tags of an upload, and the longest one in characters.
const MOST_TAGS: usize = 20;
/// An upload that was begun longer ago than this and has not ended is a crash's.
const UNFINISHED_MS: i64 = HOUR;
const LONGEST_TAG: usize = 40;

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
    /// Where every reject goes (CSV: row, phone, reason, the other cells); the report keeps the first hundred only.
    pub rejects: Option<RejectsTo>,
}

/// Where numbers come from.
pub enum ImportSource {
    /// A file by its path.
    Path(PathBuf),
    /// A file that people know by another name than its path's: a request's body on its way.
    Named {
        /// The name, for people.
        name: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// Bytes in memory: pasted rows, a short request body.
    Bytes {
        /// The name, for people.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Rows that somebody pasted.
    Pasted {
        /// The rows.
        bytes: Vec<u8>,
        /// The first line is not theirs: a heading was put before the rows, and is not counted.
        heading_added: bool,
    },
}

/// How numbers are to be read, where the content does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// ISO 3166 code for numbers without a country code; `None`: the configured one.
    pub country: Option<String>,
    /// The column that holds the phones; `None`: told from the columns' names.
    pub phone_column: Option<String>,
    /// A workbook's sheet; `None`: the first that is not hidden.
    pub sheet: Option<String>,
}

/// Where rejects are written.
pub enum RejectsTo {
    /// A new file, with a heading even if nothing is rejected. What stood there is replaced.
    Path(PathBuf),
    /// Anything that takes bytes.
    Writer(Box<dyn Write + Send>),
}

/// How far an import has come. The last three add up to the first.
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
}

/// A finished import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportDone {
    /// As the store has it; its report's figures add up.
    pub upload: UploadSummary,
    /// This key was used before with the same content: these are the figures of then, nothing was done now.
    pub replay: bool,
    /// Rejects by cause (one stable word each), most first.
    pub causes: Vec<(String, u64)>,
    /// Where all the rejects are, when a path was asked for.
    pub rejects_path: Option<PathBuf>,
    /// What to think about, in words: nothing could be used, what the file was taken for.
    pub notes: Vec<String>,
}

impl Service {
    /// Imports numbers. `progress` is called after every batch. Dropping the future gives the upload up.
    ///
    /// Errors: `bad_list_name`, `bad_tag`, `bad_country`, `bad_file`, `key_reused`, `rejects_file` (422), `in_progress` (409), `no_such_file`
    /// (404), and the store's.
    pub async fn import(
        &self,
        request: ImportRequest,
        mut progress: impl FnMut(ImportProgress) + Send,
    ) -> Result<ImportDone> {
        let ImportRequest { source, options, list, tags, idempotency, rejects } = request;
        let list = list_name(list.as_deref())?;
        let tags = checked_tags(tags)?;
        let options = intake::Options {
            default_country: self.country(options.country.as_deref())?,
            sheet: options.sheet,
            phone_column: options.phone_column,
            ..intake::Options::default()
        };
        let rejects_path = match &rejects {
            Some(RejectsTo::Path(path)) => Some(path.clone()),
            _ => None,
        };
        self.may_change().await?;
        let new = NewUpload { list, source: source_name(&source), tags, idempotency };
        let upload = match self.inner.store.begin_upload(new, self.now()).await? {
            UploadBegun::New(upload) => upload,
            UploadBegun::Replay(upload) => {
                return Ok(ImportDone { upload, replay: true, causes: vec![], rejects_path: None, notes: vec![] });
            }
            UploadBegun::InProgress => {
                let message = "an upload with this Idempotency-Key is under way: wait for it to end";
                return Err(ServiceError::new(Kind::Conflict, "in_progress", message));
            }
            UploadBegun::KeyReused => {
                let message = "this Idempotency-Key was used for other content before: use a new one";
                return Err(wrong("key_reused", message.to_owned()));
            }
        };
        let unfinished = Unfinished { store: Arc::clone(&self.inner.store), upload: Some(upload) };
        let mut rows = reader::start(source, options, rejects, Room::of_an_upload());
        let mut intake = Intake { store: &*self.inner.store, upload, done: Done::default() };
        let described = loop {
            match rows.recv().await {
                Some(Event::Batch(batch)) => progress(intake.store(batch).await?),
                Some(Event::Described(described)) => intake.done.described = Some(described),
                Some(Event::End { columns }) => break columns,
                Some(Event::Failed { error, .. }) => return Err(error),
                None => return Err(ServiceError::new(Kind::Internal, "internal", "the file's reader ended by a bug")),
            }
        };
        let done = std::mem::take(&mut intake.done);
        self.finish_import(unfinished, upload, done, described, rejects_path).await
    }

    /// Makes what was stored visible, and says what it came to.
    async fn finish_import(
        &self,
        unfinished: Unfinished,
        upload: UploadId,
        done: Done,
        columns: Vec<String>,
        rejects_path: Option<PathBuf>,
    ) -> Result<ImportDone> {
        let Done { report, causes, doubtful, kept, described: file, .. } = done;
        let report = UploadReport { columns, ..report };
        let mut notes = notes(&report, file.as_ref(), doubtful);
        if file.is_some() && kept < report.rejected && rejects_path.is_none() {
            notes.push(format!(
                "the first {kept} of the {} rows that cannot be used are kept with all their cells; for all of them name a \
                 file for the rejects",
                report.rejected
            ));
        }
        // From here on the store finishes it even if the caller goes away.
        unfinished.ends_well();
        let upload = self.inner.store.finish_upload(upload, report, self.now()).await?;
        let figures = &upload.report;
        let detail = format!(
            "{}: {}, {} new, {} known, {} not usable",
            upload.source,
            said::counted(figures.received, "row"),
            figures.imported,
            figures.duplicates,
            figures.rejected
        );
        self.note_act("import", &upload.list, detail).await;
        self.ring();
        Ok(ImportDone { upload, replay: false, causes: most_first(causes), rejects_path, notes })
    }

    /// Gives up the uploads that a crash left unfinished, an hour after they were begun, and drops what is left of those
    /// that were undone. Returns how many were given up. Called by the scheduler now and then.
    pub async fn sweep_uploads(&self) -> Result<u64> {
        self.clear_uploads().await?;
        Ok(self.inner.store.sweep_uploads(self.now().plus(-UNFINISHED_MS)).await?)
    }

    pub(super) fn country(&self, asked: Option<&str>) -> Result<Option<Country>> {
        let asked = asked.or(self.inner.settings.default_country.as_deref());
        asked.map(|code| code.parse().map_err(|error| wrong("bad_country", format!("{error}")))).transpose()
    }
}

/// The name of a list as it is kept: 1 to 80 printable characters, without blanks around. `bad_list_name` (422).
pub fn list_name(name: Option<&str>) -> Result<String> {
    let name = name.unwrap_or(DEFAULT_LIST).trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_LIST_NAME || name.chars().any(char::is_control) {
        let message = format!("a list's name has 1 to {LONGEST_LIST_NAME} printable characters");
        return Err(wrong("bad_list_name", message));
    }
    Ok(name.to_owned())
}

fn checked_tags(tags: Vec<String>) -> Result<Vec<String>> {
    let usable = |tag: &String| {
        let length = tag.trim().chars().count();
        (1..=LONGEST_TAG).contains(&length) && !tag.chars().any(char::is_control)
    };
    if tags.len() > MOST_TAGS || !tags.iter().all(usable) {
        let message =
            format!("an upload has {MOST_TAGS} tags at most, of 1 to {LONGEST_TAG} printable characters each");
        return Err(wrong("bad_tag", message));
    }
    Ok(tags.into_iter().map(|tag| tag.trim().to_owned()).collect())
}

/// Causes and how many rows each has, most first.
fn most_first(causes: HashMap<&'static str, u64>) -> Vec<(String, u64)> {
    let mut causes: Vec<_> = causes.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    causes
}

fn source_name(source: &ImportSource) -> String {
    match source {
        ImportSource::Path(path) => path.display().to_string(),
        ImportSource::Named { name, .. } | ImportSource::Bytes { name, .. } => name.clone(),
        ImportSource::Pasted { .. } => PASTED.to_owned(),
    }
}

/// Gives the upload up when it is dropped before its end.
struct Unfinished {
    store: Arc<dyn Store>,
    upload: Option<UploadId>,
}

impl Unfinished {
    fn ends_well(mut self) {
        self.upload = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Without a runtime the program is ending: the sweep at the next start gives it up.
        let (Some(upload), Ok(runtime)) = (self.upload, tokio::runtime::Handle::try_current()) else { return };
        let store = Arc::clone(&self.store);
        runtime.spawn(async move {
            if let Err(error) = store.abandon_upload(upload).await {
                tracing::warn!(%error, "an unfinished upload could not be given up; it is swept later");
            }
        });
    }
}

/// What has been stored so far.
#[derive(Default)]
struct Done {
    report: UploadReport,
    causes: HashMap<&'static str, u64>,
    doubtful: u64,
    /// Rejects kept whole.
    kept: u64,
    described: Option<Described>,
    /// Where the file's first numbers stood.
    first_rows: HashMap<Phone, u32>,
}

struct Intake<'a> {
    store: &'a dyn Store,
    upload: UploadId,
    done: Done,
}

impl Intake<'_> {
    /// Stores what is new of a batch and counts all of it.
    async fn store(&mut self, batch: Batch) -> Result<ImportProgress> {
        let Batch { numbers, rejects, kept, rejected, causes, doubtful } = batch;
        let report = &mut self.done.report;
        report.received += numbers.len() as u64 + rejected;
        report.rejected += rejected;
        let room = REJECTS_KEPT - report.rejects.len();
        report.rejects.extend(rejects.into_iter().take(room));
        for (word, count) in causes {
            *self.done.causes.entry(word).or_default() += count;
        }
        self.done.doubtful += doubtful;
        self.done.kept += kept.len() as u64;
        if !kept.is_empty() {
            self.store.add_rejects(self.upload, kept).await?;
        }
        let read = numbers.len();
        let mut seen = HashSet::with_capacity(read);
        let mut repeats = Vec::new();
        let mut once: Vec<UploadRow> = Vec::with_capacity(read);
        for row in numbers {
            if seen.insert(row.number.phone) {
                if self.done.first_rows.len() < FIRST_ROWS {
                    self.done.first_rows.entry(row.number.phone).or_insert(row.row);
                }
                once.push(row);
            } else {
                repeats.push((row.row, row.number.phone));
            }
        }
        let phones: Vec<Phone> = once.iter().map(|row| row.number.phone).collect();
        let (in_list, in_upload) = self.store.known_phones(self.upload, &phones).await?;
        let in_upload: HashSet<usize> = in_upload.into_iter().collect();
        // Known to the list: a duplicate by the count, but its newer attributes are kept.
        let known = in_list.iter().filter(|position| !in_upload.contains(position)).count();
        let mut position = 0;
        once.retain(|row| {
            position += 1;
            let is_new = !in_upload.contains(&(position - 1));
            if !is_new {
                repeats.push((row.row, row.number.phone));
            }
            is_new
        });
        let imported = once.len() - known;
        if !once.is_empty() {
            self.store.add_rows(self.upload, once).await?;
        }
        let report = &mut self.done.report;
        report.imported += imported as u64;
        report.duplicates += (read - imported) as u64;
        report.repeated += repeats.len() as u64;
        repeats.sort_unstable_by_key(|(row, _)| *row);
        let room = REPEATS_KEPT.saturating_sub(report.repeats.len());
        let first_rows = &self.done.first_rows;
        report.repeats.extend(
            repeats.iter().take(room).map(|(row, phone)| Repeat { row: *row, of: first_rows.get(phone).copied() }),
        );
        Ok(ImportProgress {
            received: report.received,
            imported: report.imported,
            duplicates: report.duplicates,
            rejected: report.rejected,
        })
    }
}

/// What to think about after an import.
fn notes(report: &UploadReport, file: Option<&Described>, doubtful: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if report.received == report.rejected {
        let first = report.rejects.first().map(|reject| format!(": {}", reject.reason)).unwrap_or_default();
        notes.push(match report.received {
            0 => "there are no rows in it: nothing was imported".to_owned(),
            1 => format!("its only row could not be used{first}"),
            rows => format!("none of its {rows} rows could be used{first}"),
        });
    }
    if let Some(file) = file {
        let mut taken_for = vec![format!("read as {}", file.format)];
        taken_for.extend(file.encoding.map(|encoding| format!("in {encoding}")));
        taken_for.extend(file.delimiter.filter(|delimiter| *delimiter != ',').map(|delimiter| match delimiter {
            '\t' => "parted by tabs".to_owned(),
            other => format!("parted by {other}"),
        }));
        taken_for.extend(file.sheet.as_ref().map(|sheet| format!("sheet \"{sheet}\"")));
        taken_for.extend(file.phone_column.as_ref().map(|column| format!("phones from \"{column}\"")));
        taken_for.extend(file.name_column.as_ref().map(|column| format!("names from \"{column}\"")));
        notes.push(taken_for.join(", "));
    }
    match doubtful {
        0 => {}
        1 => notes.push("1 number is a landline or a special number: few of those have WhatsApp".to_owned()),
        _ => notes.push(format!("{doubtful} numbers are landlines or special numbers: few of those have WhatsApp")),
    }
    notes
}
