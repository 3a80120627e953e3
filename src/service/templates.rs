//! Templates as last synced, and syncing them.

use super::{Kind, Result, Service, ServiceError, times};
use crate::cloud_api::CallError;
use crate::domain::template::Template;
use crate::domain::time::MINUTE;
use crate::engine::templates::{Told, follow};
use crate::store::SyncedTemplates;
use serde_json::json;
use std::time::Duration;

/// The longest that a question to the API may keep a use case waiting.
pub(super) const API_PATIENCE: Duration = Duration::from_secs(20);
/// Templates synced longer ago are synced again before anything is sent with them: Meta pauses templates at any time.
const STALE_AFTER_MS: i64 = 10 * MINUTE;

impl Service {
    /// The templates as last synced.
    pub async fn templates(&self) -> Result<SyncedTemplates> {
        Ok(self.inner.store.templates().await?)
    }

    /// Asks WhatsApp for all templates and keeps them. Broadcasts whose template may no longer be sent are paused, those that
    /// wait for one that is approved again go on. Errors: `api_away` (503), `api_refused` (503, with WhatsApp's words).
    pub async fn sync_templates(&self) -> Result<SyncedTemplates> {
        let asked_at = self.now();
        let asked = tokio::time::timeout(API_PATIENCE, self.inner.api.templates()).await;
        let templates = asked.map_err(|_| no_answer())?.map_err(|error| call_error(&error))?;
        let store = &self.inner.store;
        store.put_templates(&templates, asked_at).await?;
        let told = Told::AllOf(&self.inner.settings.sender);
        for act in follow(&**store, &templates, told, self.now()).await? {
            self.note_act(act.what, act.broadcast.as_str(), act.detail).await;
        }
        self.ring();
        self.templates().await
    }

    /// The template with this name and language, when it may be sent; and a warning when that is what was known
    /// some time ago. Syncs first when what is known is old or says no.
    pub(super) async fn sendable_template(&self, name: &str, language: &str) -> Result<(Template, Option<String>)> {
        let known = self.templates().await?;
        let age_ms = known.synced_at.map(|at| self.now().since(at));
        if age_ms.is_some_and(|age| age < STALE_AFTER_MS)
            && let Ok(template) = find(&known, name, language)
        {
            return Ok((template, None));
        }
        match self.sync_templates().await {
            Ok(synced) => find(&synced, name, language).map(|template| (template, None)),
            Err(error) => {
                let age_ms = age_ms.ok_or(error.clone())?;
                let warning = format!("{error}; the template is as it was {} ago", times::length_words(age_ms));
                find(&known, name, language).map(|template| (template, Some(warning)))
            }
        }
    }
}

/// An approved template by its key. `template_missing` says which languages and names exist, `template_not_approved` how it stands.
fn find(known: &SyncedTemplates, name: &str, language: &str) -> Result<Template> {
    let wrong = |code, message| ServiceError::new(Kind::Wrong, code, message);
    let of_that_name: Vec<&Template> = known.templates.iter().filter(|template| template.name == name).collect();
    if let Some(template) = of_that_name.iter().find(|template| template.language == language) {
        if template.is_approved() {
            return Ok((*template).clone());
        }
        let message = format!(
            "the template {name} / {language} is {}: only approved templates can be sent; see WhatsApp Manager for why",
            template.status_words()
        );
        let mut details = json!({ "template_status": template.status });
        if !template.rejected_reason.is_empty() {
            details["rejected_reason"] = template.rejected_reason.as_str().into();
        }
        return Err(wrong("template_not_approved", message).with_details(details));
    }
    if of_that_name.is_empty() {
        let mut names: Vec<&str> = known.templates.iter().map(|template| template.name.as_str()).collect();
        names.dedup();
        let shown = if names.is_empty() {
            "this account has no templates: they are made in WhatsApp Manager".to_owned()
        } else {
            format!("there are {}", some_of(&names))
        };
        return Err(wrong("template_missing", format!("there is no template \"{name}\"; {shown}"))
            .with_details(json!({ "languages": [] })));
    }
    let languages: Vec<&str> = of_that_name.iter().map(|template| template.language.as_str()).collect();
    let message = format!("the template {name} does not exist in \"{language}\"; it exists in {}", some_of(&languages));
    Err(wrong("template_missing", message).with_details(json!({ "languages": languages })))
}

/// The first of many names, for a message.
pub(super) fn some_of(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    let mut shown = names.iter().take(SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        shown = format!("{shown} and {} more", names.len() - SHOWN);
    }
    shown
}

/// An API that gave no answer within [`API_PATIENCE`].
pub(super) fn no_answer() -> ServiceError {
    let seconds = API_PATIENCE.as_secs();
    ServiceError::new(Kind::Unavailable, "api_away", format!("WhatsApp did not answer within {seconds} s"))
}

/// A call that did not succeed, as the faces tell it.
pub(super) fn call_error(error: &CallError) -> ServiceError {
    match error {
        CallError::Unreachable(_) | CallError::Odd { .. } => {
            ServiceError::new(Kind::Unavailable, "api_away", error.to_string())
        }
        CallError::Refused { http_status, error: graph } => {
            ServiceError::new(Kind::Unavailable, "api_refused", error.to_string())
                .with_details(json!({ "code": graph.code, "http_status": http_status, "trace": graph.trace }))
        }
    }
}
