//! Files of media headers: uploaded once a broadcast before its first message, the id kept in the store, and uploaded anew
//! before it ends. Nothing is sent with an id that is about to end.
//!
//! The overseer asks; a broadcast whose file cannot be uploaded is paused with the reason in words.

use super::reign::Reign;
use crate::cloud_api::{CallError, MediaFile};
use crate::domain::binding::header_file;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::media::{self, Uploaded};
use crate::domain::message::MessageMaker;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::template::Unsupported;
use crate::store::StoreError;
use futures_util::FutureExt;
use sha2::Digest;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The pause after an upload that WhatsApp did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The note that holds a broadcast's uploaded file.
pub(crate) fn media_key(id: &BroadcastId) -> String {
    format!("engine.media.{id}")
}

/// Why a file was not uploaded.
enum Trouble {
    /// WhatsApp did not answer: again in a while.
    Later(String),
    /// It cannot be: an operator must look.
    Never(String),
}

/// The uploads of a reign.
#[derive(Default)]
pub(super) struct Uploads {
    ready: BTreeMap<BroadcastId, Uploaded>,
    under_way: BTreeMap<BroadcastId, JoinHandle<Result<Uploaded, Trouble>>>,
    not_before: BTreeMap<BroadcastId, Instant>,
}

impl Uploads {
    /// Takes up what has ended and begins what is needed for the running broadcasts; whether an id is new.
    pub(super) async fn look(&mut self, reign: &Arc<Reign>, ours: &[Broadcast]) -> Result<bool, StoreError> {
        let runs = |id: &BroadcastId| ours.iter().any(|one| one.id == *id && one.status == BroadcastStatus::Running);
        self.ready.retain(|id, _| runs(id));
        self.not_before.retain(|id, _| runs(id));
        let mut renewed = false;
        for (id, ended) in self.under_way.extract_if(.., |_, task| task.is_finished()).collect::<Vec<_>>() {
            match ended.now_or_never() {
                Some(Ok(Ok(uploaded))) => {
                    let note = serde_json::to_string(&uploaded).unwrap_or_default();
                    reign.store().put_note(&media_key(&id), &note).await?;
                    tracing::info!(broadcast = %id, "the header's file is uploaded");
                    self.ready.insert(id, uploaded);
                    renewed = true;
                }
                Some(Ok(Err(Trouble::Later(detail)))) => {
                    tracing::warn!(broadcast = %id, detail, "the header's file is not uploaded yet");
                    self.not_before.insert(id, Instant::now() + AGAIN_AFTER);
                }
                Some(Ok(Err(Trouble::Never(detail)))) => {
                    let active = reign.actives.load().iter().find(|active| active.id == id).cloned();
                    match active {
                        Some(active) => reign.ask_pause(Some(&active), PauseReason::Template, detail),
                        None => reign.ask_pause_unstarted(&id, PauseReason::Template, detail),
                    }
                    self.not_before.insert(id, Instant::now() + AGAIN_AFTER);
                }
                Some(Err(error)) => super::pass_panic_on(Err(error)),
                None => {}
            }
        }
        for broadcast in ours.iter().filter(|one| one.status == BroadcastStatus::Running) {
            self.begin(reign, broadcast).await?;
        }
        Ok(renewed)
    }

    async fn begin(&mut self, reign: &Arc<Reign>, broadcast: &Broadcast) -> Result<(), StoreError> {
        let id = &broadcast.id;
        let Some(file) = header_file(&broadcast.definition.bindings) else { return Ok(()) };
        let waits = self.not_before.get(id).is_some_and(|at| *at > Instant::now());
        let now = reign.now();
        if waits || self.under_way.contains_key(id) || self.ready.get(id).is_some_and(|known| known.is_good_at(now)) {
            return Ok(());
        }
        let note = reign.store().note(&media_key(id)).await?;
        let known: Option<Uploaded> = note.and_then(|text| serde_json::from_str(&text).ok());
        if let Some(known) = known.clone().filter(|known| known.is_good_at(now)) {
            self.ready.insert(id.clone(), known);
            return Ok(());
        }
        let upload = upload(reign.clone(), broadcast.clone(), file.to_owned(), known.map(|known| known.sha256));
        self.under_way.insert(id.clone(), tokio::spawn(upload));
        Ok(())
    }

    /// What makes this broadcast's messages; `None`: its file is not uploaded yet.
    pub(super) fn maker(&self, broadcast: &Broadcast) -> Option<Result<MessageMaker, Unsupported>> {
        let definition = &broadcast.definition;
        if header_file(&definition.bindings).is_none() {
            return Some(MessageMaker::new(&definition.template));
        }
        let uploaded = self.ready.get(&broadcast.id)?;
        Some(MessageMaker::with_media(&definition.template, Some(&uploaded.id)))
    }
}

/// Uploads a broadcast's file. `before`: the hash of what was uploaded first.
async fn upload(
    reign: Arc<Reign>,
    broadcast: Broadcast,
    path: String,
    before: Option<String>,
) -> Result<Uploaded, Trouble> {
    let parts = &reign.shared.parts;
    let mend = "put it right, then resume";
    let never = |words: String| Trouble::Never(format!("the header's file cannot be sent: {words}; {mend}"));
    let kind = media::wanted(&broadcast.definition.template);
    let kind = kind.ok_or_else(|| never("the template's header takes no file".to_owned()))?;
    let name = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
    let read_error = |error: std::io::Error| never(format!("{path} on this machine: {error}"));
    let bytes = tokio::fs::metadata(&path).await.map_err(read_error)?.len();
    let mime = media::check(kind, &name, bytes).map_err(|error| never(error.to_string()))?;
    let bytes = tokio::fs::read(&path).await.map_err(read_error)?;
    let sha256 = hex::encode(sha2::Sha256::digest(&bytes));
    if before.is_some_and(|before| !before.is_empty() && before != sha256) {
        return Err(never(format!("{path} is not the file that the others got")));
    }
    let file = MediaFile { name, mime, bytes: bytes.into() };
    match parts.api.upload_media(&parts.config.sender, file).await {
        Ok(id) => Ok(Uploaded::new(id, sha256, reign.now())),
        Err(CallError::Unreachable(detail) | CallError::Odd { detail, .. }) => Err(Trouble::Later(detail)),
        Err(error @ CallError::Refused { .. }) => Err(never(error.to_string())),
    }
}
