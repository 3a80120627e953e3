//! Files on this server, for the picker: a folder's entries and a file's first rows. Reads only, bounded, off the
//! runtime's own threads.

use super::message::{FileEntry, FilePeek, PeekRow};
use super::numbers::{RowsFrom, why_not_yet};
use crate::domain::phone::{Country, PhoneProblem};
use crate::domain::time::Millis;
use crate::intake::{self, Options, Reason, Source};
use crate::service::import::PASTED;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The most entries of a folder that are listed, the newest.
const ENTRIES: usize = 2_000;
/// The most entries that are looked at.
const LOOKED_AT: usize = 50_000;
/// How many rows are shown.
const ROWS: usize = 8;
/// How many rows are looked through, so that what most rows lack is known before they are loaded.
pub const LOOKED_THROUGH: u64 = 1_000;

/// A folder's entries, the newest first.
pub async fn folder(path: PathBuf) -> Result<Vec<FileEntry>, String> {
    on_a_thread(move || read_folder(&at_home(path))).await
}

/// The first rows of a file, or of what was pasted, as they would be read.
pub async fn peek(from: RowsFrom, country: Option<String>) -> Result<FilePeek, String> {
    on_a_thread(move || {
        let lines_before = u64::from(matches!(&from, RowsFrom::Pasted(rows) if rows.heading_added));
        let source = match from {
            RowsFrom::File(path) => Source::path(at_home(path)),
            RowsFrom::Pasted(rows) => Source::bytes(PASTED, rows.text.as_bytes().to_vec()),
        };
        read_first_rows(source, country.as_deref(), lines_before)
    })
    .await
}

/// `~` at the beginning stands for the home folder, as in a shell.
pub fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("reading it failed by a bug in wacast".to_owned()))
}

fn read_folder(path: &Path) -> Result<Vec<FileEntry>, String> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let entries = fs::read_dir(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut found: Vec<FileEntry> = entries
        .take(LOOKED_AT)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // Follows links: what matters is what stands at their end.
            let about = fs::metadata(entry.path()).ok()?;
            let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            Some(FileEntry {
                name: entry.file_name().to_str()?.to_owned(),
                is_folder: about.is_dir(),
                bytes: about.len(),
                changed_at: Millis(changed.map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX))),
            })
        })
        .collect();
    found.sort_by(|one, other| other.changed_at.cmp(&one.changed_at).then_with(|| one.name.cmp(&other.name)));
    found.truncate(ENTRIES);
    Ok(found)
}

/// `lines_before`: lines at the beginning that are not the operator's own, and not counted.
fn read_first_rows(source: Source, country: Option<&str>, lines_before: u64) -> Result<FilePeek, String> {
    let default_country: Option<Country> =
        country.map(|code| code.parse().map_err(|error| format!("{error}"))).transpose()?;
    let options = Options { default_country, ..Options::default() };
    let mut rows = intake::open(source, &options).map_err(|error| error.to_string())?;
    let mut peek = FilePeek::default();
    while peek.looked_at < LOOKED_THROUGH {
        let row = match rows.next() {
            None => break,
            // Enough was read to be shown; loading tells.
            Some(Err(_)) if peek.rows.len() == ROWS => break,
            Some(row) => row.map_err(|error| error.to_string())?,
        };
        peek.looked_at += 1;
        if let Err(rejected) = &row.outcome {
            peek.unusable += 1;
            peek.without_country += u64::from(rejected.reason == Reason::Phone(PhoneProblem::NoCountry));
        }
        if peek.rows.len() == ROWS {
            continue;
        }
        let line = row.row.saturating_sub(lines_before);
        peek.rows.push(match row.outcome {
            Ok(number) => {
                let cells =
                    rows.columns().iter().map(|column| number.attributes.get(column).cloned().unwrap_or_default());
                PeekRow { line, phone: Ok(number.phone), name: number.name, cells: cells.collect() }
            }
            Err(rejected) => PeekRow {
                line,
                phone: Err(why_not_yet(&rejected.reason.to_string())),
                name: String::new(),
                cells: Vec::new(),
            },
        });
    }
    let described = rows.described();
    let mut taken_for = vec![described.format.to_string()];
    taken_for.extend(described.delimiter.map(|delimiter| match delimiter {
        ',' => "comma".to_owned(),
        ';' => "semicolon".to_owned(),
        '\t' => "tab".to_owned(),
        other => other.to_string(),
    }));
    taken_for.extend(described.encoding.map(str::to_owned));
    taken_for.extend(described.sheet.as_ref().map(|sheet| format!("sheet {sheet}")));
    peek.taken_for = taken_for.join(", ");
    peek.phone_column.clone_from(&described.phone_column);
    peek.name_column.clone_from(&described.name_column);
    peek.other_columns = rows.columns().to_vec();
    if peek.rows.is_empty() {
        peek.notes.push("There is nobody in it: no row below the heading.".to_owned());
    } else if peek.unusable == peek.looked_at && peek.without_country * 2 <= peek.looked_at {
        peek.notes.push("None of the first rows can be used as they are: look at the reasons below.".to_owned());
    }
    Ok(peek)
}
