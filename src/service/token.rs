//! The access token: how it stands, renewing it in time, and taking a new one while everything goes on.
//!
//! A token is never shown, logged or stored in the ledger: what is kept here is how it stood ([`TokenStanding`]).

use super::templates::{API_PATIENCE, call_error, no_answer};
use super::view::Driver;
use super::{Kind, Result, Service, ServiceError};
use crate::cloud_api::{CallError, TokenInfo};
use crate::domain::account::{TOKEN_NOTE, TokenStanding};
use crate::domain::broadcast::Broadcast;
use crate::domain::error_policy::Action;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::{DAY, Millis, SECOND};
use crate::engine::ASKED;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A token that ends within so many days is renewed, if that can be, and warned of: one that has ended cannot be exchanged.
pub const RENEW_DAYS: i64 = 14;
/// Answers to what was sent with the old token come within this time.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long another process may take to notice a new token, in looks of half a second.
const LOOKS: u32 = 20;
/// The most open broadcasts that are looked through.
const OPEN: u32 = 5_000;

/// A new token was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenTaken {
    /// How it stands.
    pub standing: TokenStanding,
    /// What was paused for the old one and goes on.
    pub resumed: Vec<BroadcastId>,
    /// The host of the process that sends, if it has not noticed it: it keeps its own token, and needs it handed over there.
    pub not_noticed_by: Option<String>,
}

impl Service {
    /// How the token stood when it was last looked at; `None`: never.
    pub async fn known_token(&self) -> Result<Option<TokenStanding>> {
        let note = self.inner.store.note(TOKEN_NOTE).await?;
        Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
    }

    /// Asks how the token stands, renews it when it ends within [`RENEW_DAYS`] and an app is configured to do that with, and
    /// remembers how it stands. `api_away`, `api_refused` (503).
    pub async fn look_at_token(&self) -> Result<TokenStanding> {
        let info = match tokio::time::timeout(API_PATIENCE, self.inner.api.token()).await {
            Err(_) => return Err(no_answer()),
            Ok(Err(error)) => return Err(call_error(&error)),
            Ok(Ok(None)) => self.token_by_use().await?,
            Ok(Ok(Some(info))) => info,
        };
        let mut standing = standing(&info, self.now());
        let soon = standing.ends_at.is_some_and(|at| (1..RENEW_DAYS * DAY).contains(&at.since(self.now())));
        if soon && standing.trouble.is_empty() {
            match self.renew_token(standing.ends_at).await {
                Ok(renewed) => standing = renewed,
                Err(words) => {
                    tracing::warn!("the access token could not be renewed: {words}");
                    standing.not_renewed = words;
                }
            }
        }
        self.remember_token(&standing).await?;
        Ok(standing)
    }

    /// Without an app to ask with, what the token can do is the proof.
    async fn token_by_use(&self) -> Result<TokenInfo> {
        let works = TokenInfo { is_valid: true, ends_unknown: true, ..TokenInfo::default() };
        let asked = self.inner.api.sender(&self.inner.settings.sender);
        let error = match tokio::time::timeout(API_PATIENCE, asked).await {
            Err(_) => return Err(no_answer()),
            Ok(Ok(_)) => return Ok(works),
            Ok(Err(error)) => error,
        };
        let CallError::Refused { http_status, error: graph } = &error else { return Err(call_error(&error)) };
        let policy = self.error_policy();
        let rule = policy.rule_for(graph.code, graph.subcode, Some(*http_status), graph.transient);
        if rule.action != Action::StopAuth {
            return Ok(works);
        }
        Ok(TokenInfo { error: format!("{ASKED}: {} (code {})", rule.title, graph.code), ..TokenInfo::default() })
    }

    /// Exchanges the token for one that ends later. An error in words.
    async fn renew_token(&self, ends_at: Option<Millis>) -> std::result::Result<TokenStanding, String> {
        let (api, sender) = (&self.inner.api, &self.inner.settings.sender);
        let asked = tokio::time::timeout(API_PATIENCE, api.exchange_token()).await.map_err(|_| no_answer().message)?;
        let new = asked.map_err(|error| error.to_string())?.ok_or("app_id and app_secret are needed for it")?;
        let tried = tokio::time::timeout(API_PATIENCE, api.try_token(&new, sender)).await;
        let info = tried.map_err(|_| no_answer().message)?.map_err(|error| error.to_string())?;
        let new_standing = standing(&info, self.now());
        if !new_standing.trouble.is_empty() {
            return Err(format!("the new one will not do: {}", new_standing.trouble));
        }
        if new_standing.ends_at.is_some_and(|new| ends_at.is_some_and(|old| new <= old)) {
            return Err("the new one ends no later".to_owned());
        }
        api.use_token(&new)?;
        tracing::info!(days = new_standing.days_left(self.now()), "the access token was renewed");
        self.note_act("token", "", "renewed by exchange").await;
        Ok(new_standing)
    }

    /// Checks a new token, uses and keeps it from now on, and lets go on what was paused for the old one.
    ///
    /// Errors: `token_refused` (422, with the reason; nothing was changed), `api_away`, `api_refused` (503),
    /// `token_not_kept` (503).
    pub async fn take_token(&self, token: SecretString) -> Result<TokenTaken> {
        self.may_change().await?;
        let (api, sender) = (&self.inner.api, &self.inner.settings.sender);
        let info = match tokio::time::timeout(API_PATIENCE, api.try_token(&token, sender)).await {
            Err(_) => return Err(no_answer()),
            Ok(tried) => tried.map_err(|error| call_error(&error))?,
        };
        let standing = standing(&info, self.now());
        if !standing.trouble.is_empty() {
            let message = format!("this token will not do: {}; nothing was changed", standing.trouble);
            return Err(ServiceError::new(Kind::Wrong, "token_refused", message));
        }
        let (api, ready) = (Arc::clone(api), token);
        let used = tokio::task::spawn_blocking(move || api.use_token(&ready)).await;
        let used = used.unwrap_or_else(|_| Err("a bug in wacast".to_owned()));
        used.map_err(|words| ServiceError::new(Kind::Unavailable, "token_not_kept", words))?;
        self.remember_token(&standing).await?;
        self.note_act("token", "", "a new access token was taken").await;
        let (resumed, not_noticed_by) = self.resume_paused_for_auth().await?;
        Ok(TokenTaken { standing, resumed, not_noticed_by })
    }

    /// Looks whether a newer token lies in its file, and if so uses it and lets go on what was paused for the old one.
    /// Whether it did.
    pub async fn look_for_token(&self) -> Result<bool> {
        let api = Arc::clone(&self.inner.api);
        if !tokio::task::spawn_blocking(move || api.look_for_token()).await.unwrap_or(false) {
            return Ok(false);
        }
        tracing::info!("a new access token was found");
        let standing = self.look_at_token().await;
        // Without an app to ask with, sending says how it stands.
        if standing.as_ref().is_ok_and(|standing| !standing.trouble.is_empty()) {
            tracing::warn!("the new access token will not do");
            return Ok(true);
        }
        self.resume_here().await?;
        Ok(true)
    }

    async fn remember_token(&self, standing: &TokenStanding) -> Result<()> {
        let note = serde_json::to_string(standing).unwrap_or_default();
        self.inner.store.put_note(TOKEN_NOTE, &note).await?;
        self.ring();
        Ok(())
    }

    /// Lets go on what was paused for the token, where it is driven; and the host there, if that has not noticed it.
    async fn resume_paused_for_auth(&self) -> Result<(Vec<BroadcastId>, Option<String>)> {
        let Driver::Other(holder) = self.driving().await?.0 else {
            return Ok((self.resume_here().await?, None));
        };
        // The other process would send with the old token until it has noticed the new one; it resumes by itself then.
        let before = self.paused_for_auth().await?;
        for _ in 0..LOOKS {
            if self.paused_for_auth().await?.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let still = self.paused_for_auth().await?;
        let gone = before.into_iter().filter(|was| still.iter().all(|is| is.id != was.id));
        let not_noticed_by = (!still.is_empty()).then_some(holder.host);
        Ok((gone.map(|broadcast| broadcast.id).collect(), not_noticed_by))
    }

    /// The same, by this process.
    async fn resume_here(&self) -> Result<Vec<BroadcastId>> {
        let mut resumed = Vec::new();
        for again in [false, true] {
            if again {
                // An answer to the old token may have paused something once more meanwhile.
                tokio::time::sleep(LAST_ANSWERS).await;
            }
            for broadcast in self.paused_for_auth().await? {
                match self.resume(&broadcast.id).await {
                    Ok(_) if resumed.contains(&broadcast.id) => {}
                    Ok(_) => resumed.push(broadcast.id),
                    // Somebody else was faster.
                    Err(error) if error.kind == Kind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(resumed)
    }

    async fn paused_for_auth(&self) -> Result<Vec<Broadcast>> {
        let mut open = self.inner.store.broadcasts(true, OPEN).await?;
        open.retain(|one| {
            one.status == BroadcastStatus::Paused
                && one.reason == Some(PauseReason::Auth)
                && one.definition.sender == self.inner.settings.sender
        });
        Ok(open)
    }
}

/// How a token stands.
fn standing(info: &TokenInfo, now: Millis) -> TokenStanding {
    let ends = Some(info.expires_at).filter(|at| *at > 0 && !info.ends_unknown);
    TokenStanding {
        checked_at: now,
        trouble: info.trouble().unwrap_or_default(),
        ends_at: ends.map(|at| Millis(at.saturating_mul(SECOND))),
        end_known: !info.ends_unknown,
        not_renewed: String::new(),
    }
}

/// How a token stands, in words.
pub fn words(standing: &TokenStanding, now: Millis) -> String {
    if !standing.trouble.is_empty() {
        return format!("will not do: {}", standing.trouble);
    }
    match standing.days_left(now) {
        _ if !standing.end_known => "works; how long it is good for is not known".to_owned(),
        None => "valid, never expires".to_owned(),
        Some(days) if days < 0 => "has expired".to_owned(),
        Some(1) => "valid for 1 more day".to_owned(),
        Some(days) => format!("valid for {days} more days"),
    }
}

/// How a token stands, for programs.
pub fn to_json(standing: &TokenStanding, now: Millis) -> Value {
    json!({
        "valid": standing.trouble.is_empty() && standing.days_left(now).is_none_or(|days| days >= 0),
        "trouble": standing.trouble,
        "ends_at": standing.ends_at.map(Millis::rfc3339),
        "days_left": standing.days_left(now),
        "checked_at": standing.checked_at.rfc3339(),
    })
}
