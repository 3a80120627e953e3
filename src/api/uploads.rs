//! `POST /upload-numbers` and `/uploads…`: a body of any size up to the limit goes to a temporary file, is hashed on the way, and is imported.

use super::body::Bounded;
use super::{Api, ApiError, body, idempotency, ledger};
use crate::domain::broadcast::UploadId;
use crate::service::broadcasts::LONGEST_PAGE;
use crate::service::import::fix::Fix;
use crate::service::import::{ImportOptions, ImportRequest, ImportSource};
use crate::store::UploadSummary;
use axum::Json;
use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::time::Instant;

/// Uploads in a list, unless asked otherwise.
const UPLOADS: u32 = 100;
/// Bytes that are collected before they are written.
const WRITE_BYTES: usize = 256 * 1024;
/// The most parts of a form, and the longest text in one.
const MOST_PARTS: usize = 10;
const LONGEST_TEXT: usize = 1_024;
/// The longest file name that is kept.
const LONGEST_NAME: usize = 120;
/// The kinds of body that can hold numbers; anything is looked into, this only catches slips early.
const KINDS: [&str; 8] = [
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    // What curl says when it is told nothing.
    "application/x-www-form-urlencoded",
];

/// What may stand in the query, or beside the file in a form.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    list: Option<String>,
    country: Option<String>,
    /// Separated by commas.
    tags: Option<String>,
    /// The column that holds the phones.
    phone_column: Option<String>,
    sheet: Option<String>,
}

/// A body on the disk. The file goes with it.
struct Spooled {
    name: String,
    path: TempPath,
    bytes: u64,
}

pub(super) async fn upload(
    State(api): State<Api>,
    Query(mut asked): Query<Asked>,
    request: Request,
) -> Result<Response, ApiError> {
    let limit = api.config().upload_limit_bytes;
    body::check_length(request.headers(), limit)?;
    let key = idempotency::key(request.headers())?;
    let mut hash = idempotency::hash_of(request.method(), request.uri());
    let spooled = if kind_of(request.headers()) == "multipart/form-data" {
        from_form(&api, request, &mut hash, &mut asked).await?
    } else {
        from_body(&api, request, &mut hash).await?
    };
    if spooled.bytes == 0 {
        return Err(ApiError::malformed("the body is empty: send a file, or {\"numbers\":[…]}"));
    }
    let tags = asked.tags.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned());
    let import = ImportRequest {
        source: ImportSource::Named { name: spooled.name, path: spooled.path.to_path_buf() },
        options: ImportOptions { country: asked.country, phone_column: asked.phone_column, sheet: asked.sheet },
        list: asked.list,
        tags: tags.filter(|tag| !tag.is_empty()).collect(),
        idempotency: key.map(|key| (key, idempotency::finished(hash))),
        rejects: None,
    };
    let done = api.service.import(import, |_| {}).await?;
    let mut response = Json(shown(&done.upload)).into_response();
    if done.replay {
        idempotency::mark_replay(&mut response);
    }
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct Of {
    list: Option<String>,
    limit: Option<u32>,
}

/// The newest uploads.
pub(super) async fn list(State(api): State<Api>, Query(of): Query<Of>) -> Result<Json<Value>, ApiError> {
    let limit = of.limit.unwrap_or(UPLOADS).clamp(1, LONGEST_PAGE);
    let uploads = api.service.uploads(of.list.as_deref(), limit).await?;
    Ok(Json(json!({ "items": uploads.iter().map(UploadSummary::to_json).collect::<Vec<_>>() })))
}

/// Takes an upload back.
pub(super) async fn undo(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(api.service.undo_upload(upload_id(&id)?).await?.to_json()))
}

#[derive(Deserialize)]
pub(super) struct RejectsOf {
    cause: Option<String>,
    after: Option<u32>,
    limit: Option<u32>,
}

/// The rows of an upload that could not be used.
pub(super) async fn rejects(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(of): Query<RejectsOf>,
) -> Result<Json<Value>, ApiError> {
    let limit = of.limit.unwrap_or(UPLOADS).clamp(1, LONGEST_PAGE);
    let page = api.service.rejects(upload_id(&id)?, of.cause.as_deref(), of.after, limit).await?;
    Ok(Json(page.to_json()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixBody {
    cause: Option<String>,
    country: Option<String>,
    #[serde(default)]
    plus: bool,
    #[serde(default)]
    blank: bool,
}

/// Imports the rejects of one cause after all.
pub(super) async fn fix(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let FixBody { cause, country, plus, blank } = ledger::read(&api, request).await?;
    let fix = match (country, plus, blank) {
        (Some(country), false, false) => Fix::Country(country),
        (None, true, false) => Fix::Plus,
        (None, false, true) => Fix::Blank,
        _ => {
            let message = "say one of \"country\": \"IN\", \"plus\": true and \"blank\": true";
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", message));
        }
    };
    let done = api.service.fix_rejects(upload_id(&id)?, cause.as_deref(), fix).await?;
    Ok(Json(shown(&done.upload)))
}

/// An upload's number, as a path has it.
fn upload_id(text: &str) -> Result<UploadId, ApiError> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, "unknown_upload", "an upload's id is a number");
    text.parse().map(UploadId).map_err(|_| unknown())
}

fn shown(upload: &UploadSummary) -> Value {
    let report = &upload.report;
    json!({
        "list": upload.list,
        "upload_id": upload.id,
        "received": report.received,
        "imported": report.imported,
        "duplicates": report.duplicates,
        "repeated": report.repeated,
        "rejected": report.rejected,
        "rejects": report.rejects,
        "columns": report.columns,
    })
}

/// The content type without its parameters, in small letters.
fn kind_of(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn from_body(api: &Api, request: Request, hash: &mut Sha256) -> Result<Spooled, ApiError> {
    let kind = kind_of(request.headers());
    if !kind.is_empty() && !KINDS.contains(&kind.as_str()) {
        let message =
            format!("\"{kind}\" cannot hold numbers: send JSON, text/csv, an .xlsx file, or a form with a file");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let mut body = bounded(api, request.into_body());
    let mut spool = Spool::new("api")?;
    while let Some(piece) = body.next().await? {
        spool.write(&piece, hash).await?;
    }
    spool.finish().await
}

fn bounded(api: &Api, body: Body) -> Bounded {
    Bounded::new(body, api.config().upload_limit_bytes, api.config().upload_timeout)
}

async fn from_form(api: &Api, request: Request, hash: &mut Sha256, asked: &mut Asked) -> Result<Spooled, ApiError> {
    let limit = api.config().upload_limit_bytes;
    let until = Instant::now() + api.config().upload_timeout;
    let form = Multipart::from_request(request, &()).await.map_err(|error| ApiError::malformed(error.body_text()))?;
    let reading = read_form(form, limit, hash, asked);
    tokio::time::timeout_at(until, reading).await.map_err(|_| body::too_slow())?
}

async fn read_form(mut form: Multipart, limit: u64, hash: &mut Sha256, asked: &mut Asked) -> Result<Spooled, ApiError> {
    let mut file = None;
    for _ in 0..MOST_PARTS {
        let Some(mut part) = form.next_field().await.map_err(|error| broken_form(&error))? else {
            return file.ok_or_else(|| ApiError::malformed("the form holds no file"));
        };
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_some() || name == "file" {
            if file.is_some() {
                return Err(ApiError::malformed("the form holds more than one file: send one a request"));
            }
            file = Some(spool_part(&mut part, limit, hash).await?);
            continue;
        }
        let place = match name.as_str() {
            "list" => &mut asked.list,
            "country" => &mut asked.country,
            "tags" => &mut asked.tags,
            "phone_column" => &mut asked.phone_column,
            "sheet" => &mut asked.sheet,
            _ => return Err(ApiError::malformed("the form has a part that is neither the file nor an option")),
        };
        let text = text_of(&mut part).await?;
        hash.update(name);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(&text);
        *place = Some(text);
    }
    Err(ApiError::malformed(format!("the form has more than {MOST_PARTS} parts")))
}

async fn spool_part(part: &mut Field<'_>, limit: u64, hash: &mut Sha256) -> Result<Spooled, ApiError> {
    let name: String =
        part.file_name().unwrap_or("api").chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect();
    let mut spool = Spool::new(&name)?;
    while let Some(piece) = part.chunk().await.map_err(|error| broken_form(&error))? {
        if spool.bytes + piece.len() as u64 > limit {
            return Err(body::too_large(limit));
        }
        spool.write(&piece, hash).await?;
    }
    spool.finish().await
}

async fn text_of(part: &mut Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| broken_form(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LONGEST_TEXT {
            return Err(ApiError::malformed(format!("an option is longer than {LONGEST_TEXT} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::malformed("an option is not UTF-8"))
}

fn broken_form(error: &MultipartError) -> ApiError {
    ApiError::malformed(format!("the form cannot be read: {}", error.body_text()))
}

/// A temporary file being written.
struct Spool {
    name: String,
    path: TempPath,
    file: BufWriter<tokio::fs::File>,
    bytes: u64,
}

impl Spool {
    fn new(name: &str) -> Result<Self, ApiError> {
        let (file, path) = NamedTempFile::new().map_err(|error| cannot_keep(&error))?.into_parts();
        let file = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file));
        Ok(Self { name: name.to_owned(), path, file, bytes: 0 })
    }

    async fn write(&mut self, piece: &[u8], hash: &mut Sha256) -> Result<(), ApiError> {
        hash.update(piece);
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).await.map_err(|error| cannot_keep(&error))
    }

    async fn finish(mut self) -> Result<Spooled, ApiError> {
        self.file.flush().await.map_err(|error| cannot_keep(&error))?;
        Ok(Spooled { name: self.name, path: self.path, bytes: self.bytes })
    }
}

fn cannot_keep(error: &std::io::Error) -> ApiError {
    tracing::error!(%error, "an upload cannot be kept in the temporary folder");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_room", "the upload cannot be kept: see the log")
}
