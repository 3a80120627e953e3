//! `POST /media?filename=NAME`: a picture, video or document for headers, kept on this machine until a broadcast uploads it.
//!
//! A broadcast names it by what is answered here, never by a path: whoever may call is not therefore let at other files.

use super::{Api, ApiError, body};
use crate::domain::media;
use crate::domain::template::MediaKind;
use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// The longest file name.
const LONGEST_NAME: usize = 120;
/// Letters of the hash that a file is known by.
const HASH_LETTERS: usize = 32;

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
    let known = file.split_once('/').filter(|(hash, name)| {
        hash.len() == HASH_LETTERS && hash.bytes().all(|letter| letter.is_ascii_hexdigit()) && is_name(name)
    });
    let (hash, name) = known.ok_or_else(|| wrong("a file is named as POST /media answers it".to_owned()))?;
    Ok(folder.ok_or_else(no_folder)?.join(hash).join(name))
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
