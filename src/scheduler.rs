//! Starts what is due. The truth about schedules is in the store; this is an alarm clock and a decision.
//!
//! tokio-cron-scheduler rings once a second, in UTC, and does nothing else: it knows no zone and no broadcast, since its
//! zones do not follow daylight saving time and its jobs do not survive a restart. [`tick`] decides; every
//! decision is made at most once by the store, so two processes or a restart in the middle do no harm.
//! Accuracy is about a second.

mod alarm;

use crate::clock::Clock;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::schedule::Schedule;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::{MINUTE, Millis};
use crate::service::{Service, ServiceError, schedules, times};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Ticks that wait to be looked at: one is enough, since a look sees everything that is due.
const WAITING_TICKS: usize = 1;
/// Without a tick for so long the scheduler looks by itself.
const WATCHDOG: Duration = Duration::from_secs(5);

/// Templates that could not be synced are asked for again after this.
const SYNC_AGAIN: Duration = Duration::from_mins(5);
/// Templates that were synced in this time are fresh enough for a process that has just started, in milliseconds.
const FRESH_MS: i64 = 10 * MINUTE;
/// Between two looks for uploads that a crash left behind.
const SWEEP_EVERY: Duration = Duration::from_mins(15);

/// What one look at the clock did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ticked {
    /// Broadcasts whose time had come.
    pub fired: Vec<BroadcastId>,
    /// Broadcasts that were too late and wait for an operator.
    pub held: Vec<BroadcastId>,
    /// What could not be done this time, in words; the next tick tries it again.
    pub troubles: Vec<String>,
}

/// Fires or holds everything that is due at `now`, each once, whoever else does the same. Whatever is later than
/// `grace_ms` is held. An error means that the store could not even be asked.
pub async fn tick(service: &Service, now: Millis, grace_ms: i64) -> Result<Ticked, ServiceError> {
    let mut ticked = Ticked::default();
    // A copy or a restored backup is only looked at.
    service.may_change().await?;
    for broadcast in service.due_broadcasts(now).await? {
        let planned_at = broadcast.start_at.unwrap_or(now);
        let late_ms = now.since(planned_at);
        if late_ms > grace_ms {
            let held = service.hold(&broadcast, &late_words(service, planned_at, late_ms, now)).await;
            ticked.note_held(&broadcast.id, held);
        } else {
            let fired = service.fire(&broadcast).await;
            ticked.note_fired(&format!("broadcast {}", broadcast.id), fired);
        }
    }
    for schedule in service.due_schedules(now).await? {
        if let Some(planned_at) = schedule.next_fire_at {
            tick_schedule(service, &schedule, planned_at, now, grace_ms, &mut ticked).await;
        }
    }
    Ok(ticked)
}

/// One occurrence, however many planned times have passed: whoever wants a message every hour does not want five of them
/// after five hours of silence. It counts as late by its last planned time, and is known by its first.
async fn tick_schedule(
    service: &Service,
    schedule: &Schedule,
    planned_at: Millis,
    now: Millis,
    grace_ms: i64,
    ticked: &mut Ticked,
) {
    let last = schedules::last_until(&schedule.cron, &schedule.zone, now).ok().flatten();
    let last_at = last.unwrap_or(planned_at).max(planned_at);
    let late_ms = now.since(last_at);
    let done = if late_ms > grace_ms {
        let held = service.hold_occurrence(schedule, planned_at, &late_words(service, last_at, late_ms, now)).await;
        ticked.note_occurrence_held(&schedule.id, held)
    } else {
        let fired = service.fire_occurrence(schedule, planned_at).await;
        ticked.note_fired(&format!("schedule {}", schedule.id), fired)
    };
    if !done {
        return;
    }
    // The occurrence stands in the store under its own key: should this step be lost, the next tick finds it there.
    if let Err(error) = service.advance(schedule, planned_at, now).await {
        ticked.troubles.push(format!("schedule {}: {error}", schedule.id));
    }
}

fn late_words(service: &Service, planned_at: Millis, late_ms: i64, now: Millis) -> String {
    let zone = &service.settings().time_zone;
    format!(
        "it was due {} and could start only {} later, so it waits for your word: resume it to send it now, or cancel it",
        times::words_alone(planned_at, zone, now),
        times::length_words(late_ms)
    )
}

impl Ticked {
    /// Whether it is done with, for good.
    fn note_fired(&mut self, what: &str, fired: Result<Broadcast, ServiceError>) -> bool {
        match fired {
            Ok(broadcast) if broadcast.status == BroadcastStatus::Paused => {
                tracing::warn!(broadcast = %broadcast.id, detail = %broadcast.detail, "due, but it cannot start");
                self.held.push(broadcast.id);
                true
            }
            Ok(broadcast) => {
                tracing::info!(broadcast = %broadcast.id, "started on time");
                self.fired.push(broadcast.id);
                true
            }
            Err(error) => {
                self.troubles.push(format!("{what}: {error}"));
                false
            }
        }
    }

    fn note_held(&mut self, id: &BroadcastId, held: Result<Broadcast, ServiceError>) {
        match held {
            Ok(broadcast) => {
                tracing::warn!(broadcast = %broadcast.id, detail = %broadcast.detail, "held: too late to start by itself");
                self.held.push(broadcast.id);
            }
            Err(error) => self.troubles.push(format!("broadcast {id}: {error}")),
        }
    }

    fn note_occurrence_held(&mut self, id: &ScheduleId, held: Result<Broadcast, ServiceError>) -> bool {
        match held {
            Ok(broadcast) => {
                tracing::warn!(schedule = %id, broadcast = %broadcast.id, "an occurrence is held: too late to start by itself");
                self.held.push(broadcast.id);
                true
            }
            Err(error) => {
                self.troubles.push(format!("schedule {id}: {error}"));
                false
            }
        }
    }
}

/// A running scheduler.
#[derive(Debug)]
pub struct SchedulerHandle {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl SchedulerHandle {
    /// Stops ticking and waits for what is under way.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the scheduler ended by a bug");
        }
    }
}

/// Starts ticking every second. `grace_ms`: how late something may start by itself; `sync_templates`: how often the
/// templates are fetched anew.
pub fn start(service: Service, clock: Arc<dyn Clock>, grace_ms: i64, sync_templates: Duration) -> SchedulerHandle {
    let stop = CancellationToken::new();
    let service = service.asked_by("the scheduler");
    let sync = Sync::new(sync_templates, &*clock);
    let task = tokio::spawn(run(service, clock, grace_ms, sync, stop.clone()));
    SchedulerHandle { stop, task }
}

async fn run(service: Service, clock: Arc<dyn Clock>, grace_ms: i64, mut sync: Sync, stop: CancellationToken) {
    let (ring, mut ticks) = tokio::sync::mpsc::channel(WAITING_TICKS);
    let mut alarm = alarm::Alarm::start(ring).await;
    let mut trouble_before = String::new();
    let mut swept_at = None;
    while !stop.is_cancelled() {
        // A task of its own: a bug in here is seen and the scheduler goes on.
        let (own_service, now) = (service.clone(), clock.now());
        let looked = tokio::spawn(async move { tick(&own_service, now, grace_ms).await }).await;
        let trouble = match looked {
            Ok(Ok(ticked)) => ticked.troubles.join("; "),
            Ok(Err(error)) => error.message,
            Err(panic) => format!("a bug in wacast: {panic}"),
        };
        // Once for each trouble, not once a second.
        if trouble != trouble_before && !trouble.is_empty() {
            tracing::warn!(%trouble, "the scheduler could not do all that is due; it goes on trying");
        }
        trouble_before = trouble;
        if swept_at.is_none_or(|at| clock.running().saturating_sub(at) >= SWEEP_EVERY) {
            swept_at = Some(clock.running());
            sweep(&service).await;
        }
        sync.look(&service, &*clock);
        tokio::select! {
            () = stop.cancelled() => {}
            tick = tokio::time::timeout(WATCHDOG, ticks.recv()) => {
                if tick != Ok(Some(())) {
                    tracing::warn!("no tick for {} s: looking without one", WATCHDOG.as_secs());
                }
                // A wall clock that was set back leaves the alarm waiting for a time that was: it is set anew.
                if tick.is_err() {
                    alarm.stop().await;
                    let (ring, new_ticks) = tokio::sync::mpsc::channel(WAITING_TICKS);
                    ticks = new_ticks;
                    alarm = alarm::Alarm::start(ring).await;
                }
                // Without an alarm the channel is closed and `recv` returns at once.
                if tick == Ok(None) {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
    alarm.stop().await;
}

/// Fetches the templates anew from time to time, beside the ticks. The first time is whoever starts a process's.
struct Sync {
    every: Duration,
    due_at: Duration,
    is_first: bool,
    under_way: Option<tokio::task::JoinHandle<bool>>,
}

impl Sync {
    fn new(every: Duration, clock: &dyn Clock) -> Self {
        // Whoever starts a process fetches them once; if that failed it is tried again soon.
        Self { every, due_at: clock.running() + SYNC_AGAIN.min(every), is_first: true, under_way: None }
    }

    fn look(&mut self, service: &Service, clock: &dyn Clock) {
        if let Some(done) = self.under_way.take_if(|task| task.is_finished()) {
            let synced = done.now_or_never().and_then(Result::ok).unwrap_or(false);
            self.due_at = clock.running() + if synced { self.every } else { SYNC_AGAIN.min(self.every) };
        }
        if self.under_way.is_none() && clock.running() >= self.due_at {
            let unless_since = std::mem::take(&mut self.is_first).then(|| clock.now().plus(-FRESH_MS));
            self.under_way = Some(tokio::spawn(sync(service.clone(), unless_since)));
        }
    }
}

/// Whether they are fetched, or were `unless_since`.
async fn sync(service: Service, unless_since: Option<Millis>) -> bool {
    let synced_at = service.templates().await.ok().and_then(|known| known.synced_at);
    if unless_since.is_some_and(|since| synced_at >= Some(since)) {
        return true;
    }
    match service.sync_templates().await {
        Ok(synced) => {
            tracing::info!(templates = synced.templates.len(), "templates are synced");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "templates could not be synced; tried again later");
            false
        }
    }
}

async fn sweep(service: &Service) {
    match service.sweep_uploads().await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "uploads that never ended were given up"),
        Err(error) => tracing::warn!(%error, "uploads that never ended could not be looked for; tried again later"),
    }
}
