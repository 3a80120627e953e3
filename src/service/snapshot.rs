//! The picture that faces draw: taken twice a second while something is open, kept when the store is away.
//!
//! One background task for each service takes it and everybody reads the same one, so that ten consoles' worth of drawing costs the
//! store no more than one. It never ends for an error: it says what is wrong and keeps the last figures.

use super::forward::Forwarding;
use super::problems;
use super::receipts::LAST_AT_NOTE;
use super::view::{AccountView, BroadcastView, Driver, EngineStatus, ReceiptsHealth, Snapshot};
use super::{Inner, Result, Service, Settings};
use crate::domain::broadcast::Broadcast;
use crate::domain::state::BroadcastStatus;
use crate::domain::template::Template;
use crate::domain::time::{MINUTE, Millis, SECOND};
use crate::store::{LeaseView, Store};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Between two pictures while something is open.
const WHILE_OPEN: Duration = Duration::from_millis(500);
/// Between two pictures while nothing is.
const WHILE_IDLE: Duration = Duration::from_secs(2);
/// Between two pictures however often the bell rings.
const AT_LEAST: Duration = Duration::from_millis(100);
/// The longest that a picture may take before the store counts as away.
const STORE_PATIENCE: Duration = Duration::from_secs(6);
/// Between two looks at what changes seldom and costs more: lists, templates, schedules, ended broadcasts.
const SLOW_PART_MS: i64 = 2 * SECOND;
/// Between two looks at the lists, when nothing was rung: counting people costs more than anything else here.
const LISTS_MS: i64 = 10 * SECOND;
/// How many ended broadcasts are in the picture.
const ENDED: usize = 5;
/// How many log rows are in the picture.
const LATEST: u32 = 50;
/// How many open broadcasts are in the picture.
const OPEN: u32 = 200;
/// The note that tells other processes that receipts can come in somewhere.
const LISTENING_NOTE: &str = "receipts.listening_at";
/// The note that tells other processes how many bodies were not taken where they were handed on to, and when last.
const FORWARDING_NOTE: &str = "receipts.forward_dropped";
/// How old that note may be, and how often it is written.
const LISTENING_MS: i64 = 3 * MINUTE;
const LISTENING_EVERY_MS: i64 = MINUTE;
/// Over how many of the last seconds the speed is taken.
const SPEED_SECONDS: usize = 20;

/// Stands for a time that was not looked for yet.
const NOT_LOOKED: i64 = -1;

/// Where the picture is kept, and the bell for a new one.
pub(super) struct Watcher {
    picture: watch::Sender<Arc<Snapshot>>,
    bell: Arc<Notify>,
    refreshing: AtomicBool,
    rung: AtomicBool,
    http: Mutex<String>,
    /// Since when something goes out without a break; 0: nothing does.
    sending_since: AtomicI64,
    /// As last synced; kept apart because the picture itself has no room for whole templates.
    templates: Mutex<Arc<[Template]>>,
}

impl Watcher {
    pub(super) fn new(settings: &Settings, store: &dyn Store, now: Millis) -> Self {
        let first = Snapshot {
            at: now,
            rehearsal: settings.rehearsal,
            sender: None,
            sender_id: settings.sender.clone(),
            driver: Driver::Nobody,
            engine: EngineStatus::default(),
            open: Vec::new(),
            ended: Vec::new(),
            schedules: Vec::new(),
            lists: Vec::new(),
            latest: Vec::new(),
            budget: None,
            receipts: ReceiptsHealth { set_up: settings.receipts_set_up, ..ReceiptsHealth::default() },
            account: AccountView::default(),
            problems: Vec::new(),
            templates: (0, 0, None),
            store_place: store.place(),
            store_trouble: None,
            http: String::new(),
        };
        Self {
            picture: watch::Sender::new(Arc::new(first)),
            bell: Arc::new(Notify::new()),
            refreshing: AtomicBool::new(false),
            rung: AtomicBool::new(true),
            http: Mutex::new(String::new()),
            sending_since: AtomicI64::new(NOT_LOOKED),
            templates: Mutex::new(Arc::new([])),
        }
    }

    fn templates(&self) -> Arc<[Template]> {
        Arc::clone(&self.templates.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that something goes out, or nothing; since when. What goes out when this process first looks may have done so
    /// since it began.
    fn sending_since(&self, open: &[BroadcastView], now: Millis) -> Option<Millis> {
        let under_way = || open.iter().filter(|view| view.is_under_way());
        if under_way().next().is_none() {
            self.sending_since.store(0, Ordering::Relaxed);
            return None;
        }
        let begun = under_way().map(|view| view.broadcast.started_at.unwrap_or(now)).max();
        let since = match self.sending_since.load(Ordering::Relaxed) {
            NOT_LOOKED => begun.unwrap_or(now),
            0 => now,
            known => Millis(known),
        };
        self.sending_since.store(since.0, Ordering::Relaxed);
        Some(since)
    }

    pub(super) fn look_now(&self) {
        self.rung.store(true, Ordering::Relaxed);
        self.bell.notify_one();
    }
}

impl Service {
    /// The newest picture, and word of every newer one. The first call starts the refreshing (within a tokio runtime);
    /// it ends when the last clone of this service is gone. Before the store has answered the picture is empty.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        if !self.inner.watcher.refreshing.swap(true, Ordering::SeqCst) {
            tokio::spawn(keep_refreshing(Arc::downgrade(&self.inner), Arc::clone(&self.inner.watcher.bell)));
        }
        self.inner.watcher.picture.subscribe()
    }

    /// Takes a new picture now and returns it: for `status` and other short-lived faces. When the store does not answer, the last
    /// one with the trouble in it.
    pub async fn refresh(&self) -> Arc<Snapshot> {
        let before = Arc::clone(&self.inner.watcher.picture.borrow());
        let rung = self.inner.watcher.rung.swap(false, Ordering::Relaxed);
        // A task of its own: a bug in here must not end the refreshing, and must not go unseen.
        let service = self.clone();
        let last = Arc::clone(&before);
        let task = tokio::spawn(async move { service.take_picture(&last, rung).await });
        let trouble = match tokio::time::timeout(STORE_PATIENCE, task).await {
            Ok(Ok(Ok(picture))) => {
                let picture = Arc::new(picture);
                self.inner.watcher.picture.send_replace(Arc::clone(&picture));
                return picture;
            }
            Ok(Ok(Err(error))) => error.message,
            Ok(Err(panic)) => format!("a bug in wacast: {panic}"),
            Err(_) => format!("the store did not answer within {} s", STORE_PATIENCE.as_secs()),
        };
        if rung {
            self.inner.watcher.rung.store(true, Ordering::Relaxed);
        }
        if before.store_trouble.as_ref() != Some(&trouble) {
            tracing::warn!(%trouble, "the figures on screen are the last known ones");
        }
        let mut picture = Snapshot { store_trouble: Some(trouble), ..(*before).clone() };
        picture.problems =
            problems::find(&picture, self.now(), &self.inner.watcher.templates(), self.inner.settings.program());
        let picture = Arc::new(picture);
        self.inner.watcher.picture.send_replace(Arc::clone(&picture));
        picture
    }

    /// Says where HTTP listens, or why not, for the picture.
    pub fn set_http(&self, words: &str) {
        words.clone_into(&mut self.inner.watcher.http.lock().unwrap_or_else(PoisonError::into_inner));
        self.inner.watcher.look_now();
    }

    /// Who drives the sender, and what the driver says of itself.
    pub(super) async fn driving(&self) -> Result<(Driver, EngineStatus)> {
        if let Some(engine) = &self.inner.engine
            && *engine.driving.borrow()
        {
            return Ok((Driver::Us, engine.status.borrow().clone()));
        }
        let lease = self.inner.store.lease(&self.inner.settings.sender).await?;
        if let Some(LeaseView { holder, status, .. }) = lease.filter(|lease| lease.ends_in_ms > 0) {
            return Ok((Driver::Other(holder), serde_json::from_str(&status).unwrap_or_default()));
        }
        // Not driving, but what our engine says (why it could not start) is worth knowing.
        let ours = self.inner.engine.as_ref().map(|engine| engine.status.borrow().clone());
        Ok((Driver::Nobody, ours.unwrap_or_default()))
    }

    async fn take_picture(&self, last: &Snapshot, rung: bool) -> Result<Snapshot> {
        let store = &self.inner.store;
        let now = self.now();
        let (driver, engine) = self.driving().await?;
        let mut open = Vec::new();
        for broadcast in store.broadcasts(true, OPEN).await? {
            open.push(self.with_figures(broadcast).await?);
        }
        open.sort_by_key(|view| (order(&view.broadcast), view.broadcast.start_at));
        if driver == Driver::Nobody {
            for view in &mut open {
                view.done_at = None;
            }
        } else {
            estimate_ends(&mut open, &engine, now);
        }
        let mut picture = Snapshot {
            at: now,
            driver,
            engine,
            open,
            latest: store.log_tail(LATEST).await?,
            // With the counts of the same moment: a header that lags behind them looks wrong.
            budget: self.budget().await?,
            store_trouble: None,
            http: self.inner.watcher.http.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..last.clone()
        };
        // Something that was open and is not any more has ended: look at once.
        let ended_since =
            last.open.iter().any(|was| !picture.open.iter().any(|is| is.broadcast.id == was.broadcast.id));
        if rung || ended_since || new_stretch(last.at, now, SLOW_PART_MS) {
            self.take_slow_part(&mut picture, last.at, rung).await?;
        }
        picture.receipts.expected_since = self.inner.watcher.sending_since(&picture.open, now);
        picture.problems =
            problems::find(&picture, now, &self.inner.watcher.templates(), self.inner.settings.program());
        Ok(picture)
    }

    async fn take_slow_part(&self, picture: &mut Snapshot, before: Millis, rung: bool) -> Result<()> {
        let store = &self.inner.store;
        let newest = store.broadcasts(false, OPEN).await?;
        picture.ended.clear();
        for broadcast in newest.into_iter().filter(|broadcast| broadcast.status.is_final()).take(ENDED) {
            picture.ended.push(self.with_figures(broadcast).await?);
        }
        let synced = store.templates().await?;
        let approved = synced.templates.iter().filter(|template| template.is_approved()).count();
        picture.templates = (synced.templates.len(), approved, synced.synced_at);
        *self.inner.watcher.templates.lock().unwrap_or_else(PoisonError::into_inner) = synced.templates.into();
        if rung || new_stretch(before, picture.at, LISTS_MS) {
            picture.lists = store.lists().await?;
        }
        picture.schedules = store.schedules().await?;
        picture.sender = self.known_sender().await?.map(|known| known.info);
        picture.account = self.account().await?;
        picture.receipts = self.receipts_health().await?;
        Ok(())
    }

    /// Whether receipts can come in, here or in another process on this store.
    pub(super) async fn receipts_set_up(&self) -> Result<bool> {
        Ok(self.receipts_health().await?.set_up)
    }

    async fn receipts_health(&self) -> Result<ReceiptsHealth> {
        let store = &self.inner.store;
        let now = self.now();
        let notes = store.notes("receipts.").await?;
        let time_of = |key: &str| notes.get(key).and_then(|text| text.parse().ok()).map(Millis);
        let listening_at = time_of(LISTENING_NOTE);
        let set_up_here = self.inner.settings.receipts_set_up;
        if set_up_here && listening_at.is_none_or(|at| now.since(at) >= LISTENING_EVERY_MS) {
            store.put_note(LISTENING_NOTE, &now.0.to_string()).await?;
        }
        Ok(ReceiptsHealth {
            set_up: set_up_here || listening_at.is_some_and(|at| now.since(at) < LISTENING_MS),
            last_at: time_of(LAST_AT_NOTE).max(self.inner.receipts.last_at()),
            backlog: store.receipts_backlog().await?,
            expected_since: None,
            forwarding: self.forwarding_known(notes.get(FORWARDING_NOTE)).await?,
        })
    }
}

impl Service {
    /// How handing on stands: this process's figures, which others find as a note, or that note.
    async fn forwarding_known(&self, noted: Option<&String>) -> Result<Forwarding> {
        if !self.forwards() {
            let noted = noted.and_then(|text| text.split_once(' '));
            let noted = noted.and_then(|(dropped, at)| Some((dropped.parse().ok()?, Millis(at.parse().ok()?))));
            return Ok(noted.map_or_else(Forwarding::default, |(dropped, at)| Forwarding {
                dropped,
                dropped_at: Some(at),
                ..Forwarding::default()
            }));
        }
        let ours = self.forwarding();
        if ours.dropped_at.is_some() && noted != Some(&forwarding_words(&ours)) {
            self.note_forwarding().await?;
        }
        Ok(ours)
    }

    /// Notes how many bodies were not taken, for other processes and for after this one.
    pub(super) async fn note_forwarding(&self) -> Result<()> {
        Ok(self.inner.store.put_note(FORWARDING_NOTE, &forwarding_words(&self.forwarding())).await?)
    }
}

fn forwarding_words(ours: &Forwarding) -> String {
    format!("{} {}", ours.dropped, ours.dropped_at.unwrap_or_default().0)
}

async fn keep_refreshing(inner: std::sync::Weak<Inner>, bell: Arc<Notify>) {
    loop {
        let Some(service) = inner.upgrade().map(|inner| Service { inner, who: "the program".into() }) else { return };
        let picture = service.refresh().await;
        // Not kept while waiting, so that the last clone's end is noticed.
        drop(service);
        let period = if picture.open.iter().any(BroadcastView::is_under_way) { WHILE_OPEN } else { WHILE_IDLE };
        tokio::time::sleep(AT_LEAST).await;
        let _ = tokio::time::timeout(period.saturating_sub(AT_LEAST), bell.notified()).await;
    }
}

/// Whether a new stretch of time has begun since the picture before: once for each stretch.
fn new_stretch(before: Millis, now: Millis, stretch_ms: i64) -> bool {
    before.0.div_euclid(stretch_ms) != now.0.div_euclid(stretch_ms)
}

/// Those under way first, then paused, then scheduled.
fn order(broadcast: &Broadcast) -> u8 {
    match broadcast.status {
        BroadcastStatus::Running => 0,
        BroadcastStatus::Preparing => 1,
        BroadcastStatus::Paused => 2,
        BroadcastStatus::Scheduled => 3,
        BroadcastStatus::Draft | BroadcastStatus::Completed | BroadcastStatus::Cancelled => 4,
    }
}

/// Sets when each broadcast under way will be through, at the speed of the last seconds, sharing it evenly.
pub(super) fn estimate_ends(views: &mut [BroadcastView], engine: &EngineStatus, now: Millis) {
    let remaining = |view: &BroadcastView| {
        let not_frozen = u64::from(view.broadcast.total).saturating_sub(view.counts.total());
        view.counts.open() + not_frozen
    };
    let under_way: Vec<u64> = views.iter().filter(|view| view.is_under_way()).map(remaining).collect();
    let recent = &engine.written_per_second[engine.written_per_second.len().saturating_sub(SPEED_SECONDS)..];
    let written: u32 = recent.iter().sum();
    let speed = if recent.is_empty() || written == 0 {
        engine.pace
    } else {
        f64::from(written) / f64::from(u32::try_from(recent.len()).unwrap_or(1))
    };
    for view in views.iter_mut() {
        view.done_at = None;
        if !view.is_under_way() || speed <= 0.0 {
            continue;
        }
        let mine = remaining(view);
        // While mine lasts, each of the others takes as much as mine at most.
        let before_mine_ends: u64 = under_way.iter().map(|other| (*other).min(mine)).sum();
        let own_pace = view.broadcast.definition.messages_per_second.filter(|pace| *pace > 0.0);
        let takes_ms = takes_ms(before_mine_ends, speed).max(own_pace.map_or(0, |pace| takes_ms(mine, pace)));
        view.done_at = Some(now.plus(takes_ms));
    }
}

/// How long so many messages take at a pace, in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "an estimate for people; `as` saturates"
)]
pub(super) fn takes_ms(messages: u64, messages_per_second: f64) -> i64 {
    (messages as f64 / messages_per_second * 1_000.0).ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::broadcast::{Audience, Counts, Definition};
    use crate::domain::ids::BroadcastId;
    use crate::domain::state::RecipientState;

    fn view(status: BroadcastStatus, total: u32, queued: u64, own_pace: Option<f64>) -> BroadcastView {
        let mut counts = Counts::default();
        counts.set(RecipientState::Queued, queued);
        let template = serde_json::from_str(r#"{"name":"t","language":"en","status":"APPROVED"}"#).unwrap();
        let definition = Definition {
            label: String::new(),
            sender: "1".into(),
            template,
            bindings: std::collections::BTreeMap::new(),
            audience: Audience { list: None, uploads: vec![], follow_up: None, own: Vec::new() },
            messages_per_second: own_pace,
            rehearsal: false,
            choices: crate::domain::broadcast::Choices::default(),
        };
        let broadcast = Broadcast {
            id: BroadcastId::from_random(1),
            definition,
            status,
            reason: None,
            detail: String::new(),
            total,
            created_at: Millis(0),
            start_at: None,
            started_at: None,
            ended_at: None,
            occurrence: None,
            resume_at: None,
        };
        BroadcastView {
            broadcast,
            funnel: counts.funnel(),
            counts,
            failures: vec![],
            skips: vec![],
            prices: vec![],
            done_at: None,
            audit: None,
        }
    }

    fn ends(views: &mut [BroadcastView], engine: &EngineStatus) -> Vec<Option<i64>> {
        estimate_ends(views, engine, Millis(1_000));
        views.iter().map(|view| view.done_at.map(|at| at.since(Millis(1_000)))).collect()
    }

    #[test]
    fn an_end_is_told_from_the_speed_of_late_and_what_is_left() {
        use BroadcastStatus::{Paused, Preparing, Running};
        let idle = EngineStatus { pace: 10.0, ..EngineStatus::default() };
        let sending = EngineStatus { written_per_second: vec![0, 100, 100], ..idle.clone() };
        let slow_start = EngineStatus { written_per_second: [vec![0; 60], vec![50; 20]].concat(), ..idle.clone() };
        let off = EngineStatus::default();
        assert_eq!(ends(&mut [view(Running, 100, 100, None)], &idle), [Some(10_000)]);
        assert_eq!(ends(&mut [view(Running, 100, 100, None)], &slow_start), [Some(2_000)]);
        assert_eq!(ends(&mut [view(Running, 100, 100, None)], &off), [None], "no speed is known");
        assert_eq!(ends(&mut [view(Preparing, 200, 100, None)], &sending), [Some(3_000)], "those not frozen count");
        assert_eq!(ends(&mut [view(Paused, 100, 100, None)], &sending), [None]);
        assert_eq!(ends(&mut [view(Running, 100, 100, Some(4.0))], &idle), [Some(25_000)], "a pace of its own");
        let two = &mut [view(Running, 100, 100, None), view(Running, 900, 900, None)];
        assert_eq!(ends(two, &idle), [Some(20_000), Some(100_000)], "they share the speed");
    }
}
