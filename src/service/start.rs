//! Making a broadcast: at once, for later, and when its time has come.
//!
//! Whatever happens twice here (a repeated request, two schedulers, a restart in the middle) has one outcome: the store
//! decides by keys, and this module asks it in an order in which losing any step does no harm.

use super::audience::LeaveOut;
use super::follow_up::Picked;
use super::plan::{Checked, check_file, refuse_repeats_since, resolve, spelled_out, was_sent, wrong};
use super::view::BroadcastRequest;
use super::{Kind, Result, Service, ServiceError};
use crate::domain::broadcast::{Audience, Broadcast, Definition, OnBadRows};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::said;
use crate::domain::schedule::Schedule;
use crate::domain::state::{BroadcastStatus, PauseReason};
use crate::domain::time::Millis;
use crate::engine::templates::look_again_at;
use crate::store::{BroadcastMade, NewBroadcast, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The most open broadcasts that are looked through for due ones.
const OPEN: u32 = 5_000;
/// The most ids that are tried before random numbers are given up on.
const TRIES: u32 = 5;

/// A broadcast that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// As it was when it was made.
    pub broadcast: Broadcast,
    /// This key was used before with the same content: this is the one of then, nothing was made now.
    pub replay: bool,
}

/// What a used key stands for, so that a repeated request gets the same answer however things have gone on.
#[derive(Serialize, Deserialize)]
struct UsedKey {
    content: String,
    broadcast: BroadcastId,
    total: u32,
}

impl Service {
    /// Makes a broadcast. Checks everything that [`Service::plan`] checks, without trusting it, and then:
    /// `count_differs` (409, with both figures) when `expect` is not the number of people, `looks_like_repeat` (409, with the
    /// other one's id), `key_reused`, and `bad_rows` (422) when values of some people cannot be sent and nobody is to be
    /// left out.
    pub async fn start(&self, request: BroadcastRequest) -> Result<Started> {
        // First of all: a repeated request is answered as before even if its checks would fail by now.
        if let Some((key, content)) = &request.idempotency
            && let Some(started) = self.replay(key, content).await?
        {
            return Ok(started);
        }
        self.may_change().await?;
        let checked = self.check(&request, request.start_at.is_none()).await?;
        if let Some(expected) = request.expect.filter(|expected| *expected != checked.people) {
            let message = format!(
                "the audience is {} now, not {expected}: nothing was sent; look at it and say the number again",
                said::people(checked.people)
            );
            return Err(ServiceError::new(Kind::Conflict, "count_differs", message)
                .with_details(json!({ "expected": expected, "people": checked.people })));
        }
        if request.choices.on_bad_rows == OnBadRows::Refuse {
            // Only what their own rows are to blame for: no category, and no opt-outs.
            let (uploads, resolved) = (&checked.uploads, &checked.resolved);
            let left_out = self.left_out(uploads, checked.people, resolved, LeaveOut::default(), |_, _| {}).await?;
            left_out.refusal().map_or(Ok(()), Err)?;
        }
        let made = self.make(new_broadcast(self, &checked)).await?;
        let started = match made {
            BroadcastMade::New(broadcast) => Started { broadcast, replay: false },
            BroadcastMade::Replay(broadcast) => Started { broadcast, replay: true },
            BroadcastMade::KeyReused => return Err(key_reused()),
            BroadcastMade::LooksLikeRepeat(other) => {
                let sent = was_sent(&self.stored(&other).await?, &self.inner.settings.time_zone, self.now());
                let message = format!("{sent}: if this is meant, say that it is a repeat");
                return Err(ServiceError::new(Kind::Conflict, "looks_like_repeat", message)
                    .with_details(json!({ "broadcast_id": other })));
            }
        };
        if let Some((key, content)) = request.idempotency {
            let used = UsedKey { content, broadcast: started.broadcast.id.clone(), total: started.broadcast.total };
            let note = serde_json::to_string(&used).unwrap_or_default();
            self.inner.store.put_note(&key_note(&key), &note).await?;
        }
        if !started.replay {
            self.note_started(&started.broadcast).await;
        }
        self.ring();
        Ok(started)
    }

    async fn note_started(&self, broadcast: &Broadcast) {
        let Definition { template, audience, label, .. } = &broadcast.definition;
        let list = audience.list.as_deref().unwrap_or("all lists");
        let when = broadcast.start_at.map(|at| format!(", at {}", at.rfc3339())).unwrap_or_default();
        let detail = format!(
            "{} ({}) to {} of {list}{when}; {label}",
            template.name,
            template.language,
            said::people(broadcast.total.into())
        );
        self.note_act("start", broadcast.id.as_str(), detail.trim_end_matches("; ")).await;
    }

    /// What was answered when this key was first used; `None`: it was not.
    async fn replay(&self, key: &str, content: &str) -> Result<Option<Started>> {
        let Some(note) = self.inner.store.note(&key_note(key)).await? else { return Ok(None) };
        let Ok(used) = serde_json::from_str::<UsedKey>(&note) else { return Ok(None) };
        if used.content != content {
            return Err(key_reused());
        }
        let now = self.stored(&used.broadcast).await?;
        let status = if now.start_at.is_some() { BroadcastStatus::Scheduled } else { BroadcastStatus::Preparing };
        let broadcast = Broadcast { status, total: used.total, reason: None, detail: String::new(), ..now };
        Ok(Some(Started { broadcast, replay: true }))
    }

    /// Asks the store, with another id when one exists already.
    pub(super) async fn make(&self, mut new: NewBroadcast) -> Result<BroadcastMade> {
        for _ in 1..TRIES {
            match self.inner.store.make_broadcast(new.clone(), self.now()).await {
                Err(StoreError::Conflict(_)) => new.id = BroadcastId::from_random(fastrand::u64(..)),
                other => return Ok(other?),
            }
        }
        Ok(self.inner.store.make_broadcast(new, self.now()).await?)
    }

    /// This sender's scheduled broadcasts whose time has come.
    pub(crate) async fn due_broadcasts(&self, now: Millis) -> Result<Vec<Broadcast>> {
        let due = |broadcast: &Broadcast| {
            broadcast.status == BroadcastStatus::Scheduled
                && broadcast.definition.sender == self.inner.settings.sender
                && broadcast.start_at.is_none_or(|at| at <= now)
        };
        let mut broadcasts = self.inner.store.broadcasts(true, OPEN).await?;
        broadcasts.retain(due);
        broadcasts.sort_by_key(|broadcast| broadcast.start_at);
        Ok(broadcasts)
    }

    /// Starts a scheduled broadcast that is due: fixes its audience and its template as they are now. When the template cannot be
    /// sent any more, or nothing may be sent, it is paused with that reason. Somebody else having started it is not an error.
    pub async fn fire(&self, broadcast: &Broadcast) -> Result<Broadcast> {
        let outcome = match self.fix(&broadcast.definition).await? {
            Ok((definition, total)) => {
                let started = self.inner.store.start_broadcast(&broadcast.id, definition, total).await;
                if let Ok(broadcast) = &started {
                    self.note_started(broadcast).await;
                }
                started
            }
            Err(obstacle) => self.pause_for(broadcast, &obstacle).await?,
        };
        self.ring();
        self.unless_faster(&broadcast.id, outcome).await
    }

    async fn pause_for(
        &self,
        broadcast: &Broadcast,
        obstacle: &Obstacle,
    ) -> Result<std::result::Result<Broadcast, StoreError>> {
        let store = &*self.inner.store;
        let resume_at = match obstacle.reason {
            PauseReason::Template => look_again_at(store, broadcast, self.now()).await?,
            _ => obstacle.until,
        };
        Ok(store.pause(&broadcast.id, obstacle.reason, &obstacle.words, resume_at).await)
    }

    /// Makes the broadcast of one occurrence of a schedule and starts it, at most once however often it is called.
    pub async fn fire_occurrence(&self, schedule: &Schedule, planned_at: Millis) -> Result<Broadcast> {
        match self.fix(&schedule.definition).await? {
            Ok((definition, total)) => {
                // In one step, so that there is nothing half done to find after a crash. With nobody in the
                // audience there is nothing to fix, and the other way says so.
                let status = if definition.audience.uploads.is_empty() {
                    BroadcastStatus::Scheduled
                } else {
                    BroadcastStatus::Preparing
                };
                let broadcast = self.make_occurrence(&schedule.id, definition, status, planned_at, total).await?;
                self.ring();
                if broadcast.status == BroadcastStatus::Scheduled { self.fire(&broadcast).await } else { Ok(broadcast) }
            }
            Err(obstacle) => self.make_paused(schedule, planned_at, &obstacle).await,
        }
    }

    /// Holds a broadcast that could not start in time: paused with reason `absence`, to be resumed by an operator.
    pub async fn hold(&self, broadcast: &Broadcast, words: &str) -> Result<Broadcast> {
        let held = self.inner.store.pause(&broadcast.id, PauseReason::Absence, words, None).await;
        self.ring();
        self.unless_faster(&broadcast.id, held).await
    }

    /// The same for one occurrence of a schedule.
    pub(crate) async fn hold_occurrence(
        &self,
        schedule: &Schedule,
        planned_at: Millis,
        words: &str,
    ) -> Result<Broadcast> {
        self.make_paused(schedule, planned_at, &Obstacle::of(PauseReason::Absence, words)).await
    }

    /// Makes an occurrence's broadcast as scheduled and pauses it. A crash between the two leaves one that is due, which the
    /// next look at the clock treats in the same way.
    async fn make_paused(&self, schedule: &Schedule, planned_at: Millis, obstacle: &Obstacle) -> Result<Broadcast> {
        let mut definition = schedule.definition.clone();
        definition.audience.uploads.clear();
        let broadcast =
            self.make_occurrence(&schedule.id, definition, BroadcastStatus::Scheduled, planned_at, 0).await?;
        if broadcast.status != BroadcastStatus::Scheduled {
            return Ok(broadcast);
        }
        let paused = self.pause_for(&broadcast, obstacle).await?;
        self.ring();
        self.unless_faster(&broadcast.id, paused).await
    }

    async fn make_occurrence(
        &self,
        schedule: &ScheduleId,
        definition: Definition,
        status: BroadcastStatus,
        planned_at: Millis,
        total: u32,
    ) -> Result<Broadcast> {
        let new = NewBroadcast {
            id: BroadcastId::from_random(fastrand::u64(..)),
            definition,
            status,
            start_at: Some(planned_at),
            total,
            occurrence: Some((schedule.clone(), planned_at)),
            idempotency: None,
            refuse_repeats_since: None,
        };
        match self.make(new).await? {
            BroadcastMade::New(broadcast) => {
                if status == BroadcastStatus::Preparing {
                    self.note_started(&broadcast).await;
                }
                Ok(broadcast)
            }
            BroadcastMade::Replay(broadcast) => Ok(broadcast),
            BroadcastMade::KeyReused | BroadcastMade::LooksLikeRepeat(_) => Err(ServiceError::new(
                Kind::Internal,
                "internal",
                "an occurrence was refused for a reason that it cannot have",
            )),
        }
    }

    /// A definition as it is to start with now: template, audience and number of people; or what stands in the way.
    async fn fix(&self, definition: &Definition) -> Result<std::result::Result<(Definition, u32), Obstacle>> {
        let Definition { template, bindings, audience, .. } = definition;
        let total = |people: u64| u32::try_from(people).unwrap_or(u32::MAX);
        if let Some(follow_up) = &audience.follow_up {
            let Picked { people, due, .. } = self.picked(follow_up).await?;
            if let Some(due) = due.filter(|due| *due > self.now()) {
                let words =
                    "since it was planned, WhatsApp has asked for more time before some of its people are written to";
                return Ok(Err(Obstacle { until: Some(due), ..Obstacle::of(PauseReason::Window, words) }));
            }
            let fixed = async {
                let (now, _) = self.sendable_template(&template.name, &template.language).await?;
                if now.slots().ok() != template.slots().ok() {
                    let words = "the template has other variables by now, so the values of then do not fit";
                    return Err(wrong("template_changed", words.to_owned()));
                }
                check_file(&now, bindings).await?;
                Ok(now)
            };
            let now = match fixed.await {
                Ok(now) => now,
                Err(error) => return Obstacle::or(error).map(Err),
            };
            if let Some(obstacle) = self.obstacle(&now.category).await? {
                return Ok(Err(obstacle));
            }
            return Ok(Ok((Definition { template: now, ..definition.clone() }, total(people))));
        }
        let list = audience.list.as_deref();
        // A list that is gone is an audience of nobody: the broadcast completes with nobody, and says so.
        let uploads = match self.audience_uploads(list).await {
            Err(error) if error.kind == Kind::NotFound => Vec::new(),
            other => other?,
        };
        let people = self.inner.store.audience_size(&uploads).await?;
        let fixed = async {
            let (template, _) = self.sendable_template(&template.name, &template.language).await?;
            let columns = self.columns(list, &uploads).await?;
            let resolved = resolve(&template, bindings, &columns)?;
            check_file(&template, bindings).await?;
            if definition.choices.on_bad_rows == OnBadRows::Refuse {
                let left_out = self.left_out(&uploads, people, &resolved, LeaveOut::default(), |_, _| {}).await?;
                left_out.refusal().map_or(Ok(()), Err)?;
            }
            Ok((template, spelled_out(&resolved)))
        };
        let (template, bindings) = match fixed.await {
            Ok(fixed) => fixed,
            Err(error) => return Obstacle::or(error).map(Err),
        };
        if let Some(obstacle) = self.obstacle(&template.category).await? {
            return Ok(Err(obstacle));
        }
        let audience = Audience { list: audience.list.clone(), uploads, follow_up: None, own: Vec::new() };
        let definition = Definition { template, bindings, audience, ..definition.clone() };
        Ok(Ok((definition, total(people))))
    }

    /// What WhatsApp does not let the account or the sender do now.
    async fn obstacle(&self, category: &str) -> Result<Option<Obstacle>> {
        if let Some(restriction) = self.restriction_of(category).await? {
            let account = Obstacle::of(PauseReason::Account, &restriction.detail);
            return Ok(Some(Obstacle { until: restriction.until, ..account }));
        }
        match self.sender_may_send(&mut Vec::new()).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind == Kind::Wrong => Ok(Some(Obstacle::of(PauseReason::Sender, &error.message))),
            Err(error) => Err(error),
        }
    }

    /// When somebody else was faster, how it stands is the answer.
    async fn unless_faster(
        &self,
        id: &BroadcastId,
        outcome: std::result::Result<Broadcast, StoreError>,
    ) -> Result<Broadcast> {
        match outcome {
            Err(StoreError::Conflict(_)) => self.stored(id).await,
            other => Ok(other?),
        }
    }
}

/// Why something that is due does not start.
struct Obstacle {
    reason: PauseReason,
    words: String,
    /// When it goes on by itself; that of a template is worked out apart.
    until: Option<Millis>,
}

impl Obstacle {
    fn of(reason: PauseReason, words: &str) -> Self {
        Self { reason, words: words.to_owned(), until: None }
    }

    /// What an operator has to put right; any other error is handed back.
    fn or(error: ServiceError) -> Result<Self> {
        match error.kind {
            Kind::Wrong => Ok(Self::of(PauseReason::Template, &error.message)),
            _ => Err(error),
        }
    }
}

fn new_broadcast(service: &Service, checked: &Checked) -> NewBroadcast {
    let request = &checked.request;
    let (status, uploads) = match request.start_at {
        None => (BroadcastStatus::Preparing, checked.uploads.clone()),
        Some(_) => (BroadcastStatus::Scheduled, Vec::new()),
    };
    NewBroadcast {
        id: BroadcastId::from_random(fastrand::u64(..)),
        definition: checked.definition(service.settings(), uploads),
        status,
        start_at: request.start_at,
        total: u32::try_from(checked.people).unwrap_or(u32::MAX),
        occurrence: None,
        idempotency: request.idempotency.clone(),
        refuse_repeats_since: refuse_repeats_since(request, service.now()),
    }
}

fn key_reused() -> ServiceError {
    let message = "this Idempotency-Key was used for something else before: use a new one for a new request";
    ServiceError::new(Kind::Wrong, "key_reused", message)
}

fn key_note(key: &str) -> String {
    format!("send_key.{key}")
}
