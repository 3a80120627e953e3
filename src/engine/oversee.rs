//! Looks after the broadcasts of a reign: which are running, which are to be frozen, paused, resumed, completed;
//! looks whether a held API answers again; keeps the figures that others see.

use super::breaker::{Tally, TooMany};
use super::hold::Permit;
use super::media::Uploads;
use super::reign::{Active, Begun, Lasts, OPEN_BROADCASTS, PauseAsked, Reign, message_of, note_driving, resume};
use super::slow_down::SlowDown;
use super::{budget, freeze, pass_panic_on, sweep, templates};
use crate::cloud_api::CallError;
use crate::die;
use crate::domain::broadcast::{Broadcast, Counts};
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::time::Millis;
use crate::service::view::{EngineStatus, WhyNotFaster};
use crate::store::{Store, StoreError};
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often it looks, when nobody rings.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the messaging limit and the note of driving are renewed.
const RENEW_EVERY: Duration = Duration::from_mins(1);
/// How often it is counted what of the limit is used, and looked whether the account is restricted.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// With less than this left for records, everything is paused.
const LEAST_FREE_BYTES: u64 = 64 << 20;
/// How often it is looked at while something is being sent: at 1,000 messages a second this leaves half a minute.
const SPACE_EVERY: Duration = Duration::from_secs(10);
/// A silence that the API asks for is noted if it is this long.
const LONG_SILENCE: Duration = Duration::from_secs(10);
/// How often the share of failures is looked at.
const FAILURES_EVERY: Duration = Duration::from_secs(2);

struct Overseer {
    reign: Arc<Reign>,
    pauses: mpsc::UnboundedReceiver<PauseAsked>,
    /// Asked for and not yet on record.
    pending: Vec<PauseAsked>,
    /// The last word on going slower that was taken.
    slowed: Option<SlowDown>,
    freezing: BTreeMap<BroadcastId, JoinHandle<()>>,
    looking: Option<JoinHandle<()>>,
    budgeting: Option<JoinHandle<()>>,
    /// Asks how the templates stand that broadcasts wait for.
    asking_templates: Option<JoinHandle<()>>,
    templates_asked_at: Option<Instant>,
    uploads: Uploads,
    sweeping: Option<JoinHandle<()>>,
    /// Something ended that was not swept yet.
    to_sweep: bool,
    renewed_at: Option<Instant>,
    counted_at: Option<Instant>,
    space_seen_at: Option<Instant>,
    failures_seen_at: Option<Instant>,
}

pub(super) async fn run(reign: Arc<Reign>, pauses: mpsc::UnboundedReceiver<PauseAsked>) {
    let mut overseer = Overseer {
        reign: reign.clone(),
        pauses,
        pending: Vec::new(),
        slowed: None,
        freezing: BTreeMap::new(),
        looking: None,
        budgeting: None,
        asking_templates: None,
        templates_asked_at: None,
        uploads: Uploads::default(),
        sweeping: None,
        // A crash may have come between an end and its sweep.
        to_sweep: true,
        renewed_at: None,
        counted_at: None,
        space_seen_at: None,
        failures_seen_at: None,
    };
    while !reign.stop.is_cancelled() {
        match overseer.look().await {
            Ok(()) if !reign.settling_fails.load(Ordering::Acquire) => {
                reign.shared.status.send_if_modified(|status| !std::mem::take(&mut status.trouble).is_empty());
            }
            Ok(()) => {}
            Err(error) => reign.store_failed(&error).await,
        }
        overseer.publish();
        tokio::select! {
            biased;
            () = reign.stop.cancelled() => break,
            () = reign.shared.bell.notified() => {}
            asked = overseer.pauses.recv() => overseer.pending.extend(asked),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    for freezing in overseer.freezing.into_values() {
        let _ = freezing.await;
    }
    // Pauses asked for in the last moment count after a restart too.
    while let Ok(asked) = overseer.pauses.try_recv() {
        overseer.pending.push(asked);
    }
    for asked in std::mem::take(&mut overseer.pending) {
        if let Err(error) = record_pause(&reign, &asked).await {
            tracing::warn!(%error, reason = asked.reason.word(), "a pause could not be recorded before the end");
        }
    }
}

impl Overseer {
    async fn look(&mut self) -> Result<(), StoreError> {
        let reign = self.reign.clone();
        reign.pace.configure(*reign.shared.pace.borrow());
        if let Some(usage) = reign.shared.parts.api.take_usage() {
            reign.pace.near_limit(usage, reign.meter.lately());
        }
        reign.pace.grow();
        self.record_pauses().await?;
        self.slow_down().await?;
        self.look_at_api();
        self.renew().await;
        let broadcasts = reign.store().broadcasts(true, OPEN_BROADCASTS).await?;
        let ours: Vec<_> =
            broadcasts.into_iter().filter(|one| one.definition.sender == reign.shared.parts.config.sender).collect();
        self.resume_due(&ours).await?;
        self.freeze(&ours);
        if self.uploads.look(&reign, &ours).await? {
            self.renew_makers(&ours);
        }
        let begun = self.begun_before(&ours).await?;
        self.match_actives(&ours, &begun);
        self.look_at_space().await;
        self.look_at_failures().await?;
        self.tidy_actives().await?;
        self.sweep();
        Ok(())
    }

    /// Whoever folds receipts, in this process or another, may have heard that this sender is too fast. And what an answer
    /// said of a longer silence is remembered for whoever drives next.
    async fn slow_down(&mut self) -> Result<(), StoreError> {
        let reign = self.reign.clone();
        let (store, sender, now) = (reign.store(), &reign.shared.parts.config.sender, reign.now());
        let known = SlowDown::known(&**store, sender).await?;
        if known.is_some() && known != self.slowed {
            if let Some(slow_down) = known.as_ref().filter(|one| one.holds(now)) {
                reign.pace.slow_down(slow_down.code, slow_down.left(now), reign.meter.lately());
            }
            self.slowed = known;
        }
        if let Some((code, silent)) = reign.pace.silent(LONG_SILENCE) {
            let until = now.plus(i64::try_from(silent.as_millis()).unwrap_or(i64::MAX / 2));
            let noted = self.slowed.as_ref().and_then(|known| known.until);
            if noted.is_none_or(|noted| until.since(noted) > 1_000) {
                let slow_down = SlowDown { code, at: now, until: Some(until) };
                slow_down.note(&**store, sender).await?;
                self.slowed = Some(slow_down);
            }
        }
        Ok(())
    }

    /// Compares the records of what has ended, in the background, one round at a time.
    fn sweep(&mut self) {
        if self.to_sweep && self.sweeping.as_ref().is_none_or(JoinHandle::is_finished) {
            self.to_sweep = false;
            self.sweeping = Some(tokio::spawn(sweep::run(self.reign.shared.clone())));
        }
    }

    async fn record_pauses(&mut self) -> Result<(), StoreError> {
        while let Ok(asked) = self.pauses.try_recv() {
            self.pending.push(asked);
        }
        while let Some(asked) = self.pending.first() {
            record_pause(&self.reign, asked).await?;
            self.pending.remove(0);
        }
        Ok(())
    }

    /// A held API is asked something harmless when its time has come.
    fn look_at_api(&mut self) {
        let Permit::Held { look_at, .. } = self.reign.hold.permit() else { return };
        if look_at > Instant::now() || self.looking.as_ref().is_some_and(|looking| !looking.is_finished()) {
            return;
        }
        let reign = self.reign.clone();
        self.looking = Some(tokio::spawn(async move {
            let parts = &reign.shared.parts;
            match parts.api.sender(&parts.config.sender).await {
                Err(CallError::Unreachable(detail)) => reign.hold.looked(false, &detail),
                Err(error @ CallError::Odd { .. }) => reign.hold.looked_odd(&error.to_string()),
                Ok(_) | Err(CallError::Refused { .. }) => reign.hold.looked(true, ""),
            }
            reign.stock_bell.notify_one();
        }));
    }

    /// Every minute: the note that somebody drives, and the messaging limit; what is used of it more often.
    async fn renew(&mut self) {
        if self.counted_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return;
        }
        if self.budgeting.as_ref().is_some_and(|budgeting| !budgeting.is_finished()) {
            return;
        }
        self.counted_at = Some(Instant::now());
        let known = self.reign.limit.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let ask = !known || self.renewed_at.is_none_or(|at| at.elapsed() >= RENEW_EVERY);
        if ask {
            self.renewed_at = Some(Instant::now());
            note_driving(&self.reign.shared).await;
        }
        self.budgeting = Some(tokio::spawn(budget::renew(self.reign.clone(), ask)));
    }

    /// Failures of one kind, by answer or by receipt, that are too large a share pause a broadcast.
    async fn look_at_failures(&mut self) -> Result<(), StoreError> {
        if self.failures_seen_at.is_some_and(|at| at.elapsed() < FAILURES_EVERY) {
            return Ok(());
        }
        self.failures_seen_at = Some(Instant::now());
        let reign = self.reign.clone();
        let policy = &reign.shared.parts.policy;
        for active in reign.actives.load().iter().filter(|active| active.is_running()) {
            let counts = reign.store().counts(&active.id).await?;
            let tally = tally(&**reign.store(), &active.id, &counts).await?;
            let counted = |code| policy.rule_for(code, None, None, false).counts_as_failure;
            let mut breaker = active.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(TooMany { code, failed, people }) = breaker.look(tally, policy.failure_share(), counted) else {
                continue;
            };
            drop(breaker);
            let rule = policy.rule_for(code, None, None, false);
            let detail = format!(
                "{failed} of the last {people} people failed for the same reason: {} (code {code}). {}",
                rule.title, rule.advice
            );
            reign.ask_pause(Some(active), PauseReason::Failures, detail);
        }
        Ok(())
    }

    /// A disk that is nearly full stops everything before a record cannot be written.
    async fn look_at_space(&mut self) {
        if !self.reign.actives.load().iter().any(|active| active.is_running()) {
            // Whatever is to be sent next is looked at before it has begun.
            self.space_seen_at = None;
            return;
        }
        if self.space_seen_at.is_some_and(|at| at.elapsed() < SPACE_EVERY) {
            return;
        }
        self.space_seen_at = Some(Instant::now());
        let Some(free) = self.reign.store().free_bytes().await.filter(|free| *free < LEAST_FREE_BYTES) else { return };
        let detail = format!(
            "only {} MiB are left where the records are written ({}); make room, then resume it",
            free / (1 << 20),
            self.reign.store().place()
        );
        self.reign.ask_pause(None, PauseReason::Store, detail);
    }

    /// Gives broadcasts under way the new id of their header's file.
    fn renew_makers(&self, ours: &[Broadcast]) {
        for active in self.reign.actives.load().iter() {
            let broadcast = ours.iter().find(|one| one.id == active.id);
            if let Some(Ok(maker)) = broadcast.and_then(|broadcast| self.uploads.maker(broadcast)) {
                active.maker.store(Arc::new(maker));
            }
        }
    }

    /// Asks WhatsApp how the templates stand, in the background, for broadcasts that wait for theirs.
    fn ask_templates(&mut self) {
        let lately = self.templates_asked_at.is_some_and(|at| at.elapsed() < RENEW_EVERY);
        if lately || self.asking_templates.as_ref().is_some_and(|asking| !asking.is_finished()) {
            return;
        }
        self.templates_asked_at = Some(Instant::now());
        self.asking_templates = Some(tokio::spawn(ask_templates(self.reign.clone())));
    }

    async fn resume_due(&mut self, ours: &[Broadcast]) -> Result<(), StoreError> {
        let now = self.reign.now();
        for broadcast in ours {
            let for_budget = broadcast.reason == Some(PauseReason::Budget);
            let room = self.reign.budget_left.load(Ordering::Acquire) > 0;
            let may = !for_budget || room;
            // Room may come before its time, too: WhatsApp raises limits.
            let in_time = |at: Millis| at <= now || for_budget && room;
            let due = broadcast.status == BroadcastStatus::Paused && broadcast.resume_at.is_some_and(in_time);
            if due && broadcast.reason == Some(PauseReason::Template) {
                // Not before WhatsApp says that it is approved again.
                self.ask_templates();
            } else if due && may {
                match resume(&**self.reign.store(), &broadcast.id, now).await {
                    Ok(_) => {
                        tracing::info!(broadcast = %broadcast.id, "goes on by itself");
                        let reason = broadcast.reason.map_or("", PauseReason::word);
                        self.reign.shared.note_act("resume", &broadcast.id, format!("was paused: {reason}")).await;
                    }
                    // Somebody else was faster.
                    Err(StoreError::Conflict(_)) => {}
                    Err(error) => return Err(error),
                }
                self.reign.shared.bell.notify_one();
            }
        }
        Ok(())
    }

    /// What is to be known of the running broadcasts that are new here, or were paused.
    async fn begun_before(&self, ours: &[Broadcast]) -> Result<BTreeMap<BroadcastId, Begun>, StoreError> {
        let actives = self.reign.actives.load_full();
        let store = self.reign.store();
        let mut begun = BTreeMap::new();
        for broadcast in ours.iter().filter(|one| one.status == BroadcastStatus::Running) {
            if !actives.iter().any(|active| active.id == broadcast.id && active.is_running()) {
                let counts = store.counts(&broadcast.id).await?;
                let accepted_before = counts.reached_whatsapp() > 0;
                let tally = tally(&**store, &broadcast.id, &counts).await?;
                let message = message_of(&**store, broadcast).await?;
                let category = templates::category_of(&**store, broadcast).await?;
                begun.insert(broadcast.id.clone(), Begun { accepted_before, message, category, tally });
            }
        }
        Ok(begun)
    }

    fn freeze(&mut self, ours: &[Broadcast]) {
        for (_, ended) in self.freezing.extract_if(.., |_, freezing| freezing.is_finished()) {
            pass_panic_on(ended.now_or_never().unwrap_or(Ok(())));
        }
        for broadcast in ours.iter().filter(|one| one.status == BroadcastStatus::Preparing) {
            if !self.freezing.contains_key(&broadcast.id) {
                let freezing = tokio::spawn(freeze::run(self.reign.clone(), broadcast.clone()));
                self.freezing.insert(broadcast.id.clone(), freezing);
            }
        }
    }

    /// Makes the running broadcasts of the store the active ones here.
    fn match_actives(&mut self, ours: &[Broadcast], begun: &BTreeMap<BroadcastId, Begun>) {
        // What was asked for since the look began must not be undone by what the store said before.
        while let Ok(asked) = self.pauses.try_recv() {
            self.pending.push(asked);
        }
        let reign = &self.reign;
        let pausing =
            |id: &BroadcastId| self.pending.iter().any(|asked| asked.broadcast.as_ref().is_none_or(|one| one == id));
        let running = |id: &BroadcastId| ours.iter().any(|one| one.id == *id && one.status == BroadcastStatus::Running);
        let before = reign.actives.load_full();
        let mut actives: Vec<Arc<Active>> = Vec::new();
        for active in before.iter() {
            if !running(&active.id) {
                active.running.store(false, Ordering::Release);
                let unheard = active.unheard.load(Ordering::Acquire) || active.opening.load(Ordering::Acquire);
                if active.held().is_empty() && !unheard {
                    continue;
                }
            } else if begun.get(&active.id).is_some_and(|begun| begun.category != active.category) {
                // It goes on as another one, once nobody of before is under way.
                if active.held().is_empty() && !active.unheard.load(Ordering::Acquire) {
                    continue;
                }
            } else if !active.is_running() && !pausing(&active.id) {
                active.turn().not_before = Instant::now();
                active.breaker.lock().unwrap_or_else(PoisonError::into_inner).start_over();
                active.running.store(true, Ordering::Release);
            }
            actives.push(active.clone());
        }
        for broadcast in ours.iter().filter(|one| one.status == BroadcastStatus::Running) {
            if actives.iter().any(|active| active.id == broadcast.id) || pausing(&broadcast.id) {
                continue;
            }
            // One that came up since is taken at the next look.
            let Some(begun) = begun.get(&broadcast.id) else { continue };
            let Some(maker) = self.uploads.maker(broadcast) else { continue };
            match maker {
                Ok(maker) => {
                    let config = &reign.shared.parts.config;
                    actives.push(Arc::new(Active::new(broadcast, maker, begun.clone(), config)));
                }
                Err(problem) => {
                    let _ = reign.pauses.send(PauseAsked {
                        broadcast: Some(broadcast.id.clone()),
                        reason: PauseReason::Template,
                        detail: problem.to_string(),
                        lasts: Lasts::ForGood,
                    });
                }
            }
        }
        if actives.len() != before.len() || !actives.iter().zip(before.iter()).all(|(a, b)| Arc::ptr_eq(a, b)) {
            reign.actives.store(Arc::new(actives));
            reign.stock_bell.notify_one();
        }
    }

    /// Gives back intents that never reached us, and completes what is through.
    async fn tidy_actives(&mut self) -> Result<(), StoreError> {
        let reign = self.reign.clone();
        for active in reign.actives.load().iter() {
            // Only when everything that we do hold is on record can what we do not hold be told apart for sure.
            let settled = active.held().is_empty() && !active.opening.load(Ordering::Acquire);
            if active.unheard.load(Ordering::Acquire) && settled {
                let people = reign.store().requeue_unheld(&reign.lease, &active.id, &[]).await?;
                tracing::info!(broadcast = %active.id, people, "put back who was about to be sent to when the store went away");
                active.unheard_permits().clear();
                active.unheard.store(false, Ordering::Release);
                reign.stock_bell.notify_one();
            }
            let through = active.is_running()
                && active.turn().nobody_due
                && active.held().is_empty()
                && !active.unheard.load(Ordering::Acquire);
            if through && reign.store().next_due(&active.id).await?.is_none() {
                die::point("before_complete");
                match reign.store().complete(&reign.lease, &active.id, reign.now()).await {
                    Ok(true) => {
                        die::point("after_complete");
                        active.running.store(false, Ordering::Release);
                        tracing::info!(broadcast = %active.id, "completed");
                        self.to_sweep = true;
                    }
                    // Nobody is under way here: an intent may have been recorded after its asking had been given up.
                    Ok(false) => active.unheard.store(true, Ordering::Release),
                    // It was paused or cancelled at this moment.
                    Err(StoreError::Conflict(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn publish(&self) {
        let reign = &self.reign;
        let (answer_ms_p50, answer_ms_p99) = reign.meter.answer_times_ms();
        let store_trouble = reign.shared.status.borrow().trouble.clone();
        let status = EngineStatus {
            sender: reign.shared.parts.config.sender.clone(),
            pace: reign.pace.allowed(),
            why: self.why(&store_trouble),
            in_flight: reign.in_flight_now(),
            unsettled: reign.unsettled_now(),
            written_per_second: reign.meter.written_per_second(),
            answer_ms_p50,
            answer_ms_p99,
            trouble: store_trouble,
            held_back: reign.actives.load().iter().map(|active| active.held_back_now(reign.now())).sum(),
        };
        reign.shared.status.send_if_modified(|before| {
            let changed = *before != status;
            *before = status;
            changed
        });
    }

    fn why(&self, store_trouble: &str) -> WhyNotFaster {
        let reign = &self.reign;
        if reign.stop.is_cancelled() {
            return WhyNotFaster::Draining;
        }
        if !store_trouble.is_empty() {
            return WhyNotFaster::Store { detail: store_trouble.to_owned() };
        }
        if let Permit::Held { look_at, detail } = reign.hold.permit() {
            let wait_ms = i64::try_from(look_at.duration_since(Instant::now()).as_millis()).unwrap_or(0);
            return WhyNotFaster::Api { detail, next_look_at: Some(reign.now().plus(wait_ms)) };
        }
        if !reign.actives.load().iter().any(|active| active.is_running()) {
            return WhyNotFaster::Idle;
        }
        if let Some((code, messages_per_second, still)) = reign.pace.slowed() {
            let until = still.map(|still| reign.now().plus(i64::try_from(still.as_millis()).unwrap_or(i64::MAX / 2)));
            return WhyNotFaster::SlowedByApi { code, messages_per_second, until };
        }
        if reign.in_flight.available_permits() == 0 || reign.pace.allowed() <= 0.0 {
            return WhyNotFaster::InFlight { limit: reign.shared.parts.config.max_in_flight };
        }
        WhyNotFaster::Pace { messages_per_second: reign.pace.allowed() }
    }
}

/// Who of a broadcast is through.
async fn tally(store: &dyn Store, id: &BroadcastId, counts: &Counts) -> Result<Tally, StoreError> {
    let failed = counts.get(RecipientState::Failed);
    let failures = if failed == 0 { Vec::new() } else { store.failures(id).await? };
    Ok(Tally { people: counts.reached_whatsapp() + failed, failures })
}

/// Records one pause, of one broadcast or of all that are open.
async fn record_pause(reign: &Reign, asked: &PauseAsked) -> Result<(), StoreError> {
    let ids = match &asked.broadcast {
        Some(id) => vec![id.clone()],
        None => all_going(reign).await?,
    };
    for id in ids {
        let resume_at = match asked.lasts {
            Lasts::Open if asked.reason == PauseReason::Template => template_again_at(reign, &id).await?,
            Lasts::Until(until) => Some(until),
            Lasts::Open | Lasts::ForGood => None,
        };
        // What is told once more takes no time away that was told before.
        if asked.lasts == Lasts::Open && resume_at.is_none() && is_paused(reign, &id).await? {
            continue;
        }
        let detail = templates::with_way_on(asked.reason, &asked.detail, resume_at);
        match reign.store().pause(&id, asked.reason, &detail, resume_at).await {
            Ok(_) => {
                tracing::warn!(broadcast = %id, reason = asked.reason.word(), detail, "paused");
                let detail = format!("{}: {detail}", asked.reason.word());
                reign.shared.note_act("pause", &id, detail).await;
            }
            // It ended meanwhile: nothing to pause.
            Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What goes out or is about to by this sender: what runs here, and what was begun or let go on a moment ago.
async fn all_going(reign: &Reign) -> Result<Vec<BroadcastId>, StoreError> {
    let mut ids: Vec<BroadcastId> = reign.actives.load().iter().map(|active| active.id.clone()).collect();
    for broadcast in reign.store().broadcasts(true, OPEN_BROADCASTS).await? {
        let going = matches!(broadcast.status, BroadcastStatus::Preparing | BroadcastStatus::Running);
        if going && broadcast.definition.sender == reign.shared.parts.config.sender && !ids.contains(&broadcast.id) {
            ids.push(broadcast.id);
        }
    }
    Ok(ids)
}

async fn is_paused(reign: &Reign, id: &BroadcastId) -> Result<bool, StoreError> {
    match reign.store().broadcast(id).await {
        Ok(broadcast) => Ok(broadcast.status == BroadcastStatus::Paused),
        Err(StoreError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// When a broadcast that its template stops is looked at again, if it was asked to be.
async fn template_again_at(reign: &Reign, id: &BroadcastId) -> Result<Option<Millis>, StoreError> {
    match reign.store().broadcast(id).await {
        Ok(broadcast) => templates::look_again_at(&**reign.store(), &broadcast, reign.now()).await,
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fetches the templates and lets go on, or puts off, what waits for them.
async fn ask_templates(reign: Arc<Reign>) {
    let parts = &reign.shared.parts;
    let asked_at = reign.now();
    let known = match parts.api.templates().await {
        Ok(known) => known,
        // Asked again within a minute; who waits goes on waiting.
        Err(error) => return tracing::warn!(%error, "how the templates stand could not be asked"),
    };
    let followed = async {
        reign.store().put_templates(&known, asked_at).await?;
        let told = templates::Told::AllOf(&parts.config.sender);
        templates::follow(&**reign.store(), &known, told, reign.now()).await
    };
    match followed.await {
        Ok(followed) => {
            for act in followed {
                reign.shared.note_act(act.what, &act.broadcast, act.detail).await;
            }
        }
        Err(error) => tracing::warn!(%error, "what became of the templates could not be recorded"),
    }
    reign.shared.bell.notify_one();
}
