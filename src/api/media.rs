//! `POST /media?filename=NAME`: a picture, video or document for headers, kept on this machine until a broadcast uploads it.
//!
//! A broadcast names it by what is answered here, never by a path: whoever may call is not therefore let at other files.

use super::{Api, ApiError, body};
use crate::domain::media;
use crate::domain::template::MediaKind;
use crate::service::Service;
use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

/// The longest file name.
const LONGEST_NAME: usize = 120;
/// Letters of the hash that a file is known by.
const HASH_LETTERS: usize = 32;

/// With more bytes than this kept, no file is taken.
const MOST_KEPT_BYTES: u64 = 5 << 30;
/// Between two looks for files that nobody needs.
const TIDY_EVERY: Duration = Duration::from_mins(15);
/// A file that nothing goes out with is kept for so long.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);
/// A file that never came to its end is kept for so long.
const BROKEN_KEPT_FOR: Duration = Duration::from_hours(24);

/// Removes, from time to time, files that nothing goes out with, until told to stop.
pub(super) async fn keep_tidy(folder: PathBuf, service: Service, stop: CancellationToken) {
    loop {
        match service.header_files().await {
            Ok(used) => {
                let folder = folder.clone();
                let tidied = tokio::task::spawn_blocking(move || tidy(&folder, &used, SystemTime::now())).await;
                if let Ok(removed @ 1..) = tidied {
                    tracing::info!(removed, "files for headers that nothing goes out with were removed");
                }
            }
            Err(error) => tracing::warn!(%error, "which files for headers are needed could not be asked; kept for now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TIDY_EVERY) => {}
        }
    }
}

/// Removes what is old and not among `used`. Returns how many.
fn tidy(folder: &Path, used: &BTreeSet<String>, now: SystemTime) -> usize {
    let is_older = |path: &Path, kept_for| {
        let modified = path.metadata().and_then(|about| about.modified()).ok();
        modified.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > kept_for)
    };
    let mut removed = 0;
    for path in entries(folder) {
        if path.is_file() {
            removed += usize::from(is_older(&path, BROKEN_KEPT_FOR) && std::fs::remove_file(&path).is_ok());
            continue;
        }
        let is_kept = path.file_name().and_then(OsStr::to_str).is_some_and(is_hash);
        for file in entries(&path).into_iter().filter(|_| is_kept) {
            let is_used = used.contains(&*file.to_string_lossy());
            removed += usize::from(!is_used && is_older(&file, KEPT_FOR) && std::fs::remove_file(&file).is_ok());
        }
        if is_kept {
            // Only if it is empty by now.
            let _ = std::fs::remove_dir(&path);
        }
    }
    removed
}

/// What is in a folder; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The bytes of the files that are kept.
fn bytes_in(folder: &Path) -> u64 {
    let files = entries(folder).into_iter().flat_map(|path| if path.is_dir() { entries(&path) } else { vec![path] });
    files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    filename: String,
}

pub(super) async fn add(
    State(api): State<Api>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let folder = api.config().media_folder.as_deref().ok_or_else(no_folder)?;
    let name = asked.filename;
    if !is_name(&name) {
        return Err(wrong(format!(
            "filename must be a file's name of {LONGEST_NAME} letters at most, without folders"
        )));
    }
    let limit = media::most_bytes(MediaKind::Document);
    body::check_length(request.headers(), limit)?;
    let mut pieces = body::Bounded::new(request.into_body(), limit, api.config().upload_timeout);
    std::fs::create_dir_all(folder).map_err(|error| cannot_keep(&error))?;
    let walked = folder.to_owned();
    let kept = tokio::task::spawn_blocking(move || bytes_in(&walked)).await.unwrap_or(0);
    if kept > MOST_KEPT_BYTES {
        let message =
            "so many files are kept for headers that there is no room for another: unused ones go after a week";
        return Err(ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", message));
    }
    let (file, path) = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot_keep(&error))?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    while let Some(piece) = pieces.next().await? {
        hash.update(&piece);
        bytes += piece.len() as u64;
        file.write_all(&piece).await.map_err(|error| cannot_keep(&error))?;
    }
    let kinds = [MediaKind::Image, MediaKind::Video, MediaKind::Document];
    let checked: Vec<_> = kinds.into_iter().map(|kind| media::check(kind, &name, bytes)).collect();
    if let (false, Some(Err(error))) = (checked.iter().any(Result::is_ok), closest(&checked)) {
        return Err(wrong(error.to_string()));
    }
    file.sync_all().await.map_err(|error| cannot_keep(&error))?;
    let mut hash = hex::encode(hash.finalize());
    hash.truncate(HASH_LETTERS);
    let kept = folder.join(&hash);
    std::fs::create_dir_all(&kept).map_err(|error| cannot_keep(&error))?;
    // The same file under the same name is the same file.
    path.persist(kept.join(&name)).map_err(|error| cannot_keep(&error.error))?;
    Ok((StatusCode::CREATED, Json(json!({ "file": format!("{hash}/{name}"), "bytes": bytes }))))
}

/// Of several refusals the one that says more than that it is another kind.
fn closest<'a>(
    checked: &'a [Result<&'static str, media::BadFile>],
) -> Option<&'a Result<&'static str, media::BadFile>> {
    let other_kind = |one: &&Result<_, _>| matches!(one, Err(media::BadFile::Kind { .. }));
    checked.iter().find(|one| !other_kind(one)).or_else(|| checked.last())
}

/// The path of a file that was added before.
pub(super) fn path_of(folder: Option<&Path>, file: &str) -> Result<PathBuf, ApiError> {
    let known = file.split_once('/').filter(|(hash, name)| is_hash(hash) && is_name(name));
    let (hash, name) = known.ok_or_else(|| wrong("a file is named as POST /media answers it".to_owned()))?;
    Ok(folder.ok_or_else(no_folder)?.join(hash).join(name))
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH_LETTERS && text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

fn is_name(name: &str) -> bool {
    let forbidden = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    !name.is_empty() && !name.starts_with('.') && name.chars().count() <= LONGEST_NAME && !name.contains(forbidden)
}

fn wrong(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_file", message)
}

fn no_folder() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_room", "files cannot be kept here")
}

fn cannot_keep(error: &std::io::Error) -> ApiError {
    tracing::error!(%error, "a file for headers cannot be kept");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_room", "the file cannot be kept: see the log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_were_added_can_be_named() {
        let folder = Some(Path::new("/state/media"));
        let hash = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            path_of(folder, &format!("{hash}/price list.pdf")).unwrap(),
            Path::new("/state/media/0123456789abcdef0123456789abcdef/price list.pdf")
        );
        let long = format!("{hash}/{}", "x".repeat(LONGEST_NAME + 1));
        for file in
            ["/etc/passwd", "../../etc/passwd", "a.pdf", "", &format!("{hash}/../x"), &format!("{hash}/.x"), &long]
        {
            assert!(path_of(folder, file).is_err(), "{file}");
        }
    }
}
