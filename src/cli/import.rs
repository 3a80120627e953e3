//! `import`: numbers from a file or from stdin.

use super::args::ImportArgs;
use super::exit::{Exit, Failure, Outcome};
use super::terminal::{self, Progress, counted, grouped};
use super::{Start, outputs, with_ground, words};
use crate::domain::broadcast::UploadId;
use crate::service::import::fix::Fix;
use crate::service::import::{ImportDone, ImportOptions, ImportProgress, ImportRequest, ImportSource, RejectsTo};
use serde_json::json;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The most that is read from stdin, in bytes; a file may be larger.
const STDIN_BYTES: u64 = 2 << 30;
/// Rejects that are shown; all of them go to `--rejects`.
const SHOWN_REJECTS: usize = 10;

pub(super) async fn run(start: Start, args: ImportArgs) -> Outcome {
    if let Some(upload) = args.undo {
        return super::lists::undo(start, UploadId(upload), args.yes, args.json).await;
    }
    if let Some(upload) = args.fix {
        let fix = match args.country {
            Some(country) => Fix::Country(country),
            None if args.plus => Fix::Plus,
            None if args.blank => Fix::Blank,
            None => return Err(how_to_fix()),
        };
        return fixed(start, UploadId(upload), args.cause, fix, args.json).await;
    }
    let file = args.file.unwrap_or_default();
    if let Some(rejects) = &args.rejects {
        if outputs::same_file(rejects, &file) {
            let message = format!("--rejects {} is the file to be read: nothing was done", rejects.display());
            return Err(Failure::usage("file_exists", message).hint("name another file for --rejects"));
        }
        outputs::may_replace_rejects(rejects)?;
    }
    let mut stdin = None;
    let source = if file.as_os_str() == "-" {
        let folder = start.config.places.state.clone();
        let copied = tokio::task::spawn_blocking(move || Copied::from_stdin(&folder)).await;
        let copied = stdin.insert(copied.map_err(|error| Failure::error("internal", error.to_string()))??);
        ImportSource::Named { name: "stdin".to_owned(), path: copied.0.clone() }
    } else {
        ImportSource::Path(file)
    };
    let request = ImportRequest {
        source,
        options: ImportOptions { country: args.country, phone_column: args.phone_column, sheet: args.sheet },
        list: args.list,
        tags: args.tags,
        idempotency: None,
        rejects: args.rejects.map(RejectsTo::Path),
    };
    with_ground(start, |service| async move {
        let mut line = Progress::default();
        let quiet = args.json && !std::io::IsTerminal::is_terminal(&io::stderr());
        let done = service
            .import(request, |progress| {
                if !quiet {
                    line.say(|| so_far(progress));
                }
            })
            .await;
        line.end();
        let done = done?;
        if args.json {
            as_json(&done)?;
        } else {
            in_words(&done, service.settings().program())?;
        }
        let report = &done.upload.report;
        Ok(if report.imported + report.duplicates == 0 { Exit::Error } else { Exit::Completed })
    })
    .await
}

fn how_to_fix() -> Failure {
    Failure::usage("usage", "--fix needs to know how").hint(
        "--country CC: numbers without a country code are of this country; --plus: they lack only the +; --blank: a \
         spreadsheet's errors in other cells stand for nothing",
    )
}

/// Imports the rejects of an upload after all.
async fn fixed(start: Start, upload: UploadId, cause: Option<String>, fix: Fix, as_json: bool) -> Outcome {
    with_ground(start, |service| async move {
        let done = service.fix_rejects(upload, cause.as_deref(), fix).await?;
        if as_json {
            self::as_json(&done)?;
        } else {
            in_words(&done, service.settings().program())?;
        }
        Ok(Exit::Completed)
    })
    .await
}

fn so_far(progress: ImportProgress) -> String {
    format!(
        "{}: {} imported, {}, {} rejected",
        counted(progress.received, "row", "rows"),
        grouped(progress.imported),
        counted(progress.duplicates, "duplicate", "duplicates"),
        grouped(progress.rejected)
    )
}

fn as_json(done: &ImportDone) -> Result<(), Failure> {
    let upload = &done.upload;
    let report = &upload.report;
    terminal::json(&json!({
        "list": upload.list,
        "upload_id": upload.id,
        "received": report.received,
        "imported": report.imported,
        "duplicates": report.duplicates,
        "repeated": report.repeated,
        "rejected": report.rejected,
        "rejects": report.rejects,
        "causes": done.causes.iter().map(|(cause, count)| json!({ "cause": cause, "count": count })).collect::<Vec<_>>(),
        "columns": report.columns,
        "rejects_file": done.rejects_path,
        "notes": done.notes,
    }))
}

fn in_words(done: &ImportDone, program: &str) -> Result<(), Failure> {
    let report = &done.upload.report;
    let repeated = match report.repeated {
        0 => String::new(),
        count => format!(" ({} in this file before)", grouped(count)),
    };
    terminal::line(&format!(
        "{} imported into list {}, {}{repeated}, {} rejected, of {}",
        grouped(report.imported),
        done.upload.list,
        counted(report.duplicates, "duplicate", "duplicates"),
        grouped(report.rejected),
        counted(report.received, "row", "rows"),
    ))?;
    for note in &done.notes {
        terminal::line(note)?;
    }
    for reject in report.rejects.iter().take(SHOWN_REJECTS) {
        terminal::line(&format!("  row {}: {}", reject.row, words::why_rejected(&reject.reason)))?;
    }
    if report.rejected > SHOWN_REJECTS as u64 && done.rejects_path.is_none() {
        terminal::line(&format!(
            "  … by cause with `{program} lists --rejects {}`, all of them with --rejects FILE",
            done.upload.id.0
        ))?;
    }
    if let Some(path) = &done.rejects_path {
        terminal::line(&format!("rejects: {}", path.display()))?;
    }
    Ok(())
}

/// What came from stdin, in a file that can be read again from its beginning and is gone at the end.
struct Copied(PathBuf);

impl Copied {
    fn from_stdin(folder: &Path) -> Result<Self, Failure> {
        let fail = |error: io::Error| Failure::error("bad_file", format!("cannot read stdin: {error}"));
        std::fs::create_dir_all(folder).map_err(fail)?;
        let copied = Self(folder.join(format!("stdin-{:016x}", fastrand::u64(..))));
        let file = File::options().create_new(true).write(true).mode(0o600).open(&copied.0);
        let bytes = io::copy(&mut io::stdin().lock().take(STDIN_BYTES + 1), &mut file.map_err(fail)?).map_err(fail)?;
        if bytes > STDIN_BYTES {
            return Err(Failure::error("too_large", "stdin is larger than 2 GiB: give it as a file"));
        }
        Ok(copied)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
