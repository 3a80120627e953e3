//! Broadcasts that exist: how they stand, and an operator's word to them.

use super::snapshot::estimate_ends;
use super::view::{BroadcastView, Cause, Driver};
use super::{Kind, Result, Service, ServiceError};
use crate::domain::account::{RESTRICTION_NOTE, Restriction};
use crate::domain::binding::header_file;
use crate::domain::broadcast::{Broadcast, Counts, Definition};
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::ids::BroadcastId;
use crate::domain::said;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::time::DAY;
use crate::engine::templates::{agree, category_of};
use crate::store::{LogRow, RecipientRow, StoreError};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The slowest pace that an operator can set, in messages a second.
pub const SLOWEST_PACE: f64 = 0.1;
/// The most log rows or recipients in one answer.
pub const LONGEST_PAGE: u32 = 5_000;

/// For so long after its end a broadcast may be followed up with the same file.
const FOLLOWED_UP_MS: i64 = 30 * DAY;

/// What came of cancelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Cancelled {
    /// As it stands.
    pub broadcast: Broadcast,
    /// How many people will not get it.
    pub will_not_get_it: u64,
}

impl Service {
    /// One broadcast with its figures. `unknown_broadcast` (404).
    pub async fn broadcast(&self, id: &BroadcastId) -> Result<BroadcastView> {
        let broadcast = self.stored(id).await?;
        let mut view = self.with_figures(broadcast).await?;
        let audit = self.inner.store.note(&crate::engine::verdict_key(id)).await?;
        view.audit = audit.and_then(|text| serde_json::from_str(&text).ok());
        if view.is_under_way() {
            // The others share the speed with it.
            let open = self.broadcasts(true, LONGEST_PAGE).await?;
            view.done_at = open.into_iter().find(|other| other.broadcast.id == *id).and_then(|other| other.done_at);
        }
        Ok(view)
    }

    /// The newest first, `limit` at most; `open_only`: without those that have ended.
    pub async fn broadcasts(&self, open_only: bool, limit: u32) -> Result<Vec<BroadcastView>> {
        let broadcasts = self.inner.store.broadcasts(open_only, limit.min(LONGEST_PAGE)).await?;
        let mut views = Vec::with_capacity(broadcasts.len());
        for broadcast in broadcasts {
            views.push(self.with_figures(broadcast).await?);
        }
        if views.iter().any(BroadcastView::is_under_way)
            && let (Driver::Us | Driver::Other(_), engine) = self.driving().await?
        {
            estimate_ends(&mut views, &engine, self.now());
        }
        Ok(views)
    }

    /// Stops a broadcast so that it can go on. When this returns nobody new is sent to.
    pub async fn pause(&self, id: &BroadcastId) -> Result<Broadcast> {
        let reason = crate::domain::state::PauseReason::Operator;
        let paused = self.inner.store.pause(id, reason, "", None).await.map_err(|error| self.about(id, error))?;
        self.note_act("pause", id.as_str(), "").await;
        self.ring();
        Ok(paused)
    }

    /// Lets a paused broadcast go on. `unknown_broadcast` (404), `wrong_state` (409), `sender_blocked` (422) while WhatsApp
    /// lets nothing be sent.
    pub async fn resume(&self, id: &BroadcastId) -> Result<Broadcast> {
        self.may_change().await?;
        let (now, store) = (self.now(), &self.inner.store);
        let was = self.stored(id).await?;
        let restriction = Restriction::from_note(store.note(RESTRICTION_NOTE).await?.as_deref());
        let for_it = |one: Restriction| was.reason == Some(PauseReason::Account) && one.detail == was.detail;
        let overrides = was.status == BroadcastStatus::Paused && restriction.is_some_and(for_it);
        if was.status == BroadcastStatus::Paused && was.start_at.is_none_or(|at| at <= now) {
            if !overrides {
                self.account_may_send(&category_of(&**store, &was).await?).await?;
            }
            self.sender_may_send(&mut Vec::new()).await?;
        }
        if overrides {
            // The operator's word goes over what a webhook said once; if it still stands, sending says so.
            store.put_note(RESTRICTION_NOTE, "").await?;
        }
        if header_file(&was.definition.bindings).is_some() {
            // What stopped it may have been the uploaded file: it is uploaded anew, before anything goes out.
            store.put_note(&crate::engine::media_key(id), "").await?;
        }
        if was.reason == Some(PauseReason::Template) {
            agree(&**store, &was).await?;
        }
        let resumed = crate::engine::resume(&**store, id, now).await.map_err(|error| self.about(id, error))?;
        self.note_act("resume", id.as_str(), "").await;
        self.ring();
        Ok(resumed)
    }

    /// How many people would not get it if it were cancelled now.
    pub async fn would_not_get_it(&self, id: &BroadcastId) -> Result<u64> {
        let broadcast = self.stored(id).await?;
        if broadcast.status.is_final() {
            return Ok(0);
        }
        let counts = self.inner.store.counts(id).await?;
        Ok(counts.get(RecipientState::Queued) + not_frozen_yet(&broadcast, &counts))
    }

    /// Ends a broadcast for good. Whoever is under way is settled as it comes.
    pub async fn cancel(&self, id: &BroadcastId) -> Result<Cancelled> {
        self.may_change().await?;
        let before = self.stored(id).await?;
        let broadcast = self.inner.store.cancel(id, self.now()).await.map_err(|error| self.about(id, error))?;
        self.ring();
        let counts = self.inner.store.counts(id).await?;
        let will_not_get_it = counts.get(RecipientState::Cancelled) + not_frozen_yet(&before, &counts);
        self.note_act("cancel", id.as_str(), format!("{} will not get it", said::people(will_not_get_it))).await;
        Ok(Cancelled { broadcast, will_not_get_it })
    }

    /// The log after row `after` (0: from the beginning), of one broadcast or of all, `limit` (1 to 5,000) rows at most.
    /// `unknown_broadcast` (404).
    pub async fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        if let Some(id) = id {
            self.stored(id).await?;
        }
        Ok(self.inner.store.log(id, after, limit.clamp(1, LONGEST_PAGE)).await?)
    }

    /// The newest rows of the log, newest first.
    pub async fn log_tail(&self, limit: u32) -> Result<Vec<LogRow>> {
        Ok(self.inner.store.log_tail(limit.clamp(1, LONGEST_PAGE)).await?)
    }

    /// Recipients in order of `seq` after `after`, in one state or all; `limit` 5,000 at most. `unknown_broadcast` (404).
    pub async fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        self.stored(id).await?;
        Ok(self.inner.store.recipients(id, state, after, limit.clamp(1, LONGEST_PAGE)).await?)
    }

    /// The files of headers that something goes out with, will, or did so lately that a follow-up may: their paths.
    pub async fn header_files(&self) -> Result<BTreeSet<String>> {
        let since = self.now().plus(-FOLLOWED_UP_MS);
        let of = |definition: &Definition| header_file(&definition.bindings).map(str::to_owned);
        let mut files: BTreeSet<String> =
            self.schedules().await?.iter().filter_map(|one| of(&one.definition)).collect();
        let store = &self.inner.store;
        files.extend(store.broadcasts(true, u32::MAX).await?.iter().filter_map(|one| of(&one.definition)));
        let lately = store.broadcasts(false, LONGEST_PAGE).await?;
        let lately = lately.iter().filter(|one| one.ended_at.is_none_or(|at| at > since));
        files.extend(lately.filter_map(|one| of(&one.definition)));
        Ok(files)
    }

    /// Sets the pace of the engine in this process, in messages a second, 0.1 at least and never above the configured one.
    /// `bad_pace` or `pace_too_high` (422), `not_driving` (409) when the engine is in another process.
    pub fn set_pace(&self, messages_per_second: f64) -> Result<()> {
        check_pace(messages_per_second, self.inner.settings.messages_per_second)?;
        let driving = self.inner.engine.as_ref().filter(|engine| *engine.driving.borrow());
        let engine = driving.ok_or_else(|| {
            let message = "another wacast sends from this number, or none does: the pace is set there";
            ServiceError::new(Kind::Conflict, "not_driving", message)
        })?;
        engine.pace.send_replace(messages_per_second);
        self.ring();
        Ok(())
    }

    /// A broadcast as stored. `unknown_broadcast` (404).
    pub(super) async fn stored(&self, id: &BroadcastId) -> Result<Broadcast> {
        self.inner.store.broadcast(id).await.map_err(|error| self.about(id, error))
    }

    /// A store's error about one broadcast.
    fn about(&self, id: &BroadcastId, error: StoreError) -> ServiceError {
        let program = self.inner.settings.program();
        match error {
            StoreError::NotFound(_) => ServiceError::new(
                Kind::NotFound,
                "unknown_broadcast",
                format!("there is no broadcast {id}: `{program} status` lists those that there are"),
            ),
            other => other.into(),
        }
    }

    /// Adds the figures; `done_at` is left open.
    pub(super) async fn with_figures(&self, broadcast: Broadcast) -> Result<BroadcastView> {
        let store = &self.inner.store;
        let counts = store.counts(&broadcast.id).await?;
        let failures =
            if counts.get(RecipientState::Failed) > 0 { store.failures(&broadcast.id).await? } else { vec![] };
        let skips = if counts.get(RecipientState::Skipped) > 0 { store.skips(&broadcast.id).await? } else { vec![] };
        let prices = if counts.funnel().delivered > 0 { store.prices(&broadcast.id).await? } else { vec![] };
        let failures = failures.into_iter().map(|(code, count)| cause(self.error_policy(), code, count)).collect();
        let funnel = counts.funnel();
        Ok(BroadcastView { broadcast, funnel, counts, failures, skips, prices, done_at: None, audit: None })
    }
}

/// A pace is a usable number and not above the sender's (`0`: the sender's is off).
pub(super) fn check_pace(pace: f64, most: f64) -> Result<()> {
    if !pace.is_finite() || pace < SLOWEST_PACE {
        let message = format!("a pace is {SLOWEST_PACE} messages a second at least");
        return Err(ServiceError::new(Kind::Wrong, "bad_pace", message));
    }
    if most > 0.0 && pace > most {
        let message = format!("{pace} messages a second is above the sender's pace of {most}");
        return Err(ServiceError::new(Kind::Wrong, "pace_too_high", message).with_details(json!({ "most": most })));
    }
    Ok(())
}

fn not_frozen_yet(broadcast: &Broadcast, counts: &Counts) -> u64 {
    u64::from(broadcast.total).saturating_sub(counts.total())
}

/// The words for failures of one kind.
pub(super) fn cause(policy: &ErrorPolicy, code: i64, count: u64) -> Cause {
    let rule = policy.rule_for(code, None, None, false);
    Cause { code, title: rule.title.clone(), advice: rule.advice.clone(), count }
}

impl BroadcastView {
    /// As the HTTP API and `--json` show it. `counts` but `total` add up to `total`; `recipients` is how many people it goes to, an
    /// estimate until everybody is stored.
    pub fn to_json(&self) -> Value {
        let Broadcast { id, definition, status, reason, detail, total, .. } = &self.broadcast;
        let time = |at: Option<crate::domain::time::Millis>| at.map(crate::domain::time::Millis::rfc3339);
        let occurrence = self.broadcast.occurrence.as_ref();
        json!({
            "id": id,
            "label": definition.label,
            "status": status,
            "reason": reason,
            "detail": detail,
            "template_name": definition.template.name,
            "language_code": definition.template.language,
            "list": definition.audience.list,
            "test": definition.audience.is_test(),
            "sender": definition.sender,
            "rehearsal": definition.rehearsal,
            "messages_per_second": definition.messages_per_second,
            "on_template_pause": definition.choices.on_template_pause,
            "on_bad_rows": definition.choices.on_bad_rows,
            "recipients": total,
            "counts": self.counts.by_word(),
            "funnel": self.funnel,
            "follow_up": definition.audience.follow_up,
            "audit": self.audit.as_ref().map(|verdict| json!({
                "agrees": verdict.agrees(), "words": verdict.words(), "verdict": verdict,
            })),
            "unsettled": self.counts.get(RecipientState::InDoubt),
            "failures": self.failures,
            "skips": self.skips.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect::<Vec<_>>(),
            "prices": self.prices,
            "created_at": self.broadcast.created_at.rfc3339(),
            "start_at": time(self.broadcast.start_at),
            "started_at": time(self.broadcast.started_at),
            "ended_at": time(self.broadcast.ended_at),
            "resume_at": time(self.broadcast.resume_at),
            "done_at": time(self.done_at),
            "schedule_id": occurrence.map(|(schedule, _)| schedule),
            "planned_at": time(occurrence.map(|(_, planned_at)| *planned_at)),
        })
    }

    /// How many people it goes to: everybody of it but those who are left out. The same figure wherever people are counted,
    /// and the one that is said before it starts.
    pub fn goes_to(&self) -> u64 {
        let all = self.counts.total().max(u64::from(self.broadcast.total));
        all.saturating_sub(self.counts.get(RecipientState::Skipped))
    }

    /// `1,204 people, 36 left out`.
    pub fn goes_to_words(&self) -> String {
        let people = said::people(self.goes_to());
        match self.counts.get(RecipientState::Skipped) {
            0 => people,
            left_out => format!("{people}, {} left out", said::grouped(left_out)),
        }
    }

    /// How many are through, of how many it goes to. Nobody is through while nobody was sent to.
    pub fn through(&self) -> (u64, u64) {
        let counts = &self.counts;
        let done = counts.total() - counts.open() - counts.get(RecipientState::Skipped);
        (if done > counts.get(RecipientState::Cancelled) { done } else { 0 }, self.goes_to())
    }

    /// Whether requests are going out or about to.
    pub fn is_under_way(&self) -> bool {
        matches!(self.broadcast.status, BroadcastStatus::Preparing | BroadcastStatus::Running)
    }
}
