//! The sender's health and its messaging limit.

use super::templates::{API_PATIENCE, call_error, no_answer};
use super::view::{AccountView, Budget, Driver, Snapshot};
use super::{Kind, Result, Service, ServiceError};
use crate::cloud_api::SenderInfo;
use crate::domain::account::{ALERTS_NOTE, Alert, RESTRICTION_NOTE, Restriction, sender_note};
use crate::domain::ids::BroadcastId;
use crate::domain::time::{DAY, Millis};
use crate::engine::{lifted, room_at};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// For how long an alert is shown.
const ALERT_MS: i64 = 3 * DAY;

/// What is known of the sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenderView {
    /// As the API described it.
    pub info: SenderInfo,
    /// When it did.
    pub asked_at: Millis,
    /// Why this is not from just now: the API could not be asked. `None`: it is from just now.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// How sender, account and token stand, for programs.
pub fn to_json(picture: &Snapshot, now: Millis) -> Value {
    let Snapshot { sender, sender_id, rehearsal, account, budget, problems, engine, .. } = picture;
    let restriction = account.restriction.as_ref();
    json!({
        "sender": sender_id,
        "rehearsal": rehearsal,
        "health": sender,
        "pace": (picture.driver != Driver::Nobody).then(|| json!({
            "messages_per_second": engine.pace, "why_not_faster": engine.why, "in_flight": engine.in_flight,
            "unsettled": engine.unsettled, "held_back": engine.held_back,
        })),
        "budget": budget.map(|budget| json!({
            "limit": budget.limit, "used": budget.used, "left": budget.left(),
            "room_at": budget.room_at.map(Millis::rfc3339),
        })),
        "restriction": restriction.map(|one| json!({
            "detail": one.detail, "until": one.until.map(Millis::rfc3339), "category": one.category,
        })),
        "alerts": account.alerts.iter().map(|alert| json!({
            "at": alert.at.rfc3339(), "critical": alert.critical, "words": alert.words,
        })).collect::<Vec<_>>(),
        "token": account.token.as_ref().map(|standing| super::token::to_json(standing, now)),
        "api_version": account.api_version,
        "problems": problems.iter().map(|problem| json!({
            "what": problem.what, "advice": problem.advice, "broadcast_id": problem.broadcast,
        })).collect::<Vec<_>>(),
    })
}

impl Service {
    /// Asks the API how the sender stands and remembers the answer; when the API is away, the last answer with
    /// its time and `trouble`. Errors: `api_away` (503) or `api_refused` (503) when it has never answered.
    pub async fn sender(&self) -> Result<SenderView> {
        let asked = tokio::time::timeout(API_PATIENCE, self.inner.api.sender(&self.inner.settings.sender)).await;
        let error = match asked {
            Ok(Ok(info)) => {
                let view = SenderView { info, asked_at: self.now(), trouble: None };
                let note = serde_json::to_string(&view).unwrap_or_default();
                self.inner.store.put_note(&self.sender_note(), &note).await?;
                return Ok(view);
            }
            Ok(Err(error)) => call_error(&error),
            Err(_) => no_answer(),
        };
        match self.known_sender().await? {
            Some(known) => Ok(SenderView { trouble: Some(error.message), ..known }),
            None => Err(error),
        }
    }

    /// The sender as last remembered, without asking the API; `None`: never asked.
    pub async fn known_sender(&self) -> Result<Option<SenderView>> {
        let note = self.inner.store.note(&self.sender_note()).await?;
        Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
    }

    /// The messaging limit of 24 hours and how much of it is used; `None`: without limit, or not known.
    pub async fn budget(&self) -> Result<Option<Budget>> {
        let Some(limit) = self.known_sender().await?.and_then(|known| known.info.people_a_day()) else {
            return Ok(None);
        };
        let quarters = self.inner.store.people_reached(self.now().plus(-DAY)).await?;
        let used = quarters.iter().map(|(_, people)| people).sum();
        let limit = limit.saturating_sub(self.inner.settings.daily_reserve);
        Ok(Some(Budget { limit, used, room_at: room_at(&quarters, used, used.min(limit)) }))
    }

    /// What is known of the account and the token.
    pub(super) async fn account(&self) -> Result<AccountView> {
        let (store, now) = (&self.inner.store, self.now());
        let restriction = Restriction::from_note(store.note(RESTRICTION_NOTE).await?.as_deref());
        let alerts = store.note(ALERTS_NOTE).await?.and_then(|note| serde_json::from_str(&note).ok());
        let mut alerts: Vec<Alert> = alerts.unwrap_or_default();
        alerts.retain(|alert| now.since(alert.at) < ALERT_MS);
        Ok(AccountView {
            token: self.known_token().await?,
            restriction: restriction.filter(|one| one.until.is_none_or(|until| until > now)),
            alerts,
            api_version: self.api_version_warning(),
        })
    }

    /// How sender, account and token stand now, for programs: what is known, without asking the API.
    pub async fn sender_standing(&self) -> Result<Value> {
        let mut picture = (*self.refresh().await).clone();
        // The picture looks at these from time to time only.
        picture.sender = self.known_sender().await?.map(|known| known.info);
        picture.budget = self.budget().await?;
        picture.account = self.account().await?;
        Ok(to_json(&picture, self.now()))
    }

    /// An operator says that what WhatsApp did not let the account do is over: what was paused for it goes on. Returns that.
    /// `not_restricted` (409) when nothing is known to be restricted.
    pub async fn lift_restriction(&self) -> Result<Vec<BroadcastId>> {
        self.may_change().await?;
        let Some(resumed) = lifted(&*self.inner.store, self.now()).await? else {
            let message = "no restriction of the account is known: there is nothing to lift";
            return Err(ServiceError::new(Kind::Conflict, "not_restricted", message));
        };
        self.note_act("lift", "", format!("the account's restriction, on an operator's word: {} go on", resumed.len()))
            .await;
        self.ring();
        Ok(resumed)
    }

    /// What tells of the configured version of the API, in words, that it has ended or ends soon, so that it is noticed
    /// while the process runs. The first call counts.
    pub fn watch_api_version(&self, warning: impl Fn(Millis) -> Option<String> + Send + Sync + 'static) {
        let _ = self.inner.api_version.set(Box::new(warning));
    }

    fn api_version_warning(&self) -> Option<String> {
        match self.inner.api_version.get() {
            Some(warning) => warning(self.now()),
            None => self.inner.settings.api_version_warning.clone(),
        }
    }

    fn sender_note(&self) -> String {
        sender_note(&self.inner.settings.sender)
    }
}
