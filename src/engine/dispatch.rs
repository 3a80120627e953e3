//! Sends: takes intents in their order, waits for the pace, and starts one request after the other.
//!
//! One task asks the pace (many asking would burst after a stall); each request then runs in a task of its own.
//! Whatever happens to that task, the person gets an outcome.

use super::hold::Permit;
use super::pair::Pairs;
use super::reign::{Active, Item, Lasts, PauseAsked, Pending, Reign};
use super::verdict::{self, Effect, Message};
use crate::cloud_api::SendResult;
use crate::die;
use crate::domain::attempt_id::AttemptId;
use crate::domain::ids::BroadcastId;
use crate::domain::marketing::{MARKETING, MarketingEndpoint, demands_marketing_endpoint};
use crate::domain::state::PauseReason;
use crate::domain::time::Millis;
use crate::store::{Intent, Outcome, Verdict};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

pub(super) async fn run(
    reign: Arc<Reign>,
    mut items: mpsc::UnboundedReceiver<Item>,
    outcomes: mpsc::UnboundedSender<Pending>,
    may_write_at: Instant,
) {
    let mut pairs = Pairs::default();
    while let Some(item) = items.recv().await {
        let clearance = clear(&reign, &item, &mut pairs, may_write_at).await;
        reign.stock.fetch_sub(1, Ordering::AcqRel);
        reign.stock_bell.notify_one();
        match clearance {
            Ok(in_flight) => {
                let request =
                    Request { reign: reign.clone(), ending: Ending::new(&reign, item, outcomes.clone()), in_flight };
                tokio::spawn(request.send());
            }
            Err(due) => Ending::new(&reign, item, outcomes.clone()).settle(Verdict::Unsent { due }),
        }
    }
}

/// Waits until this person's request may start. `Err`: it does not start, and is due again then.
async fn clear(
    reign: &Reign,
    item: &Item,
    pairs: &mut Pairs,
    may_write_at: Instant,
) -> Result<OwnedSemaphorePermit, Option<Millis>> {
    let active = &item.active;
    if item.waits_until.is_some() {
        return Err(item.waits_until);
    }
    let later = |wait: Duration| Some(reign.shared.onward.now().plus(i64::try_from(wait.as_millis()).unwrap_or(0) + 1));
    // Before the pace is asked, so that none of it is wasted on somebody who has to wait.
    pairs.look(item.intent.phone, Instant::now()).map_err(later)?;
    let waiting = async {
        if may_write_at > Instant::now() {
            tokio::time::sleep_until(may_write_at).await;
        }
        let permit = take_in_flight(reign).await;
        reign.pace.wait().await;
        permit
    };
    if halted(reign, active) {
        return Err(None);
    }
    let in_flight = tokio::select! {
        biased;
        permit = waiting => permit.ok_or(None)?,
        () = reign.stop.cancelled() => return Err(None),
        () = until_halted(reign, active) => return Err(None),
    };
    if halted(reign, active) {
        return Err(None);
    }
    pairs.admit(item.intent.phone, Instant::now()).map_err(later)?;
    Ok(in_flight)
}

/// Whether nothing of this broadcast may be started now.
fn halted(reign: &Reign, active: &Active) -> bool {
    reign.stop.is_cancelled() || !active.is_running() || matches!(reign.hold.permit(), Permit::Held { .. })
}

/// What an answer says of a message that waits for a judgement on its template: it may yet be sent, or fail with 132015.
const HELD_BACK: &str = "held_for_quality_assessment";
/// A pause, a hold and a change of how many may be in flight are noticed within this time.
const NOTICE: Duration = Duration::from_millis(50);

async fn until_halted(reign: &Reign, active: &Active) {
    while !halted(reign, active) {
        tokio::time::sleep(NOTICE).await;
    }
}

async fn take_in_flight(reign: &Reign) -> Option<OwnedSemaphorePermit> {
    loop {
        let permit = reign.in_flight.clone().acquire_owned().await.ok()?;
        match reign.hold.permit() {
            Permit::UpTo(limit) if reign.in_flight_now() > limit => {
                drop(permit);
                tokio::time::sleep(NOTICE / 5).await;
            }
            _ => return Some(permit),
        }
    }
}

/// Sees to it that a person with an intent gets an outcome, also when the request's task panics.
struct Ending {
    active: Arc<Active>,
    intent: Intent,
    clock: Arc<dyn crate::clock::Clock>,
    rest: Option<(OwnedSemaphorePermit, mpsc::UnboundedSender<Pending>)>,
}

impl Ending {
    fn new(reign: &Reign, item: Item, outcomes: mpsc::UnboundedSender<Pending>) -> Self {
        let clock = reign.shared.parts.clock.clone();
        Self { active: item.active, intent: item.intent, clock, rest: Some((item.permit, outcomes)) }
    }

    fn settle(mut self, verdict: Verdict) {
        self.hand_over(verdict);
    }

    fn hand_over(&mut self, verdict: Verdict) {
        let Some((permit, outcomes)) = self.rest.take() else { return };
        let outcome = Outcome {
            broadcast: self.active.id.clone(),
            seq: self.intent.seq,
            attempt: self.intent.attempt,
            phone: self.intent.phone,
            at: self.clock.now(),
            verdict,
        };
        let _ = outcomes.send(Pending { active: self.active.clone(), outcome, permit });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.hand_over(Verdict::InDoubt { detail: "the request's task ended without an outcome".to_owned() });
    }
}

struct Request {
    reign: Arc<Reign>,
    ending: Ending,
    in_flight: OwnedSemaphorePermit,
}

impl Request {
    async fn send(self) {
        let Self { reign, ending, in_flight } = self;
        let parts = &reign.shared.parts;
        let intent = &ending.intent;
        let id = AttemptId {
            store: parts.store.id().clone(),
            broadcast: ending.active.id.clone(),
            seq: intent.seq,
            attempt: intent.attempt,
        };
        let result = match ending.active.maker.load().body(intent.phone, &intent.values, &id) {
            Ok(body) => {
                die::point("before_send");
                let started = Instant::now();
                let result = reign.write(&ending.active, body).await;
                die::point("after_answer");
                if matches!(result, SendResult::Accepted { .. } | SendResult::Refused { .. }) {
                    reign.meter.answered(started.elapsed());
                }
                result
            }
            Err(problem) => {
                // The frozen values do not fit the frozen template: nothing of it may be sent.
                reign.ask_pause(Some(&ending.active), PauseReason::Template, problem.to_string());
                SendResult::Unsent { refused_by_gate: true, detail: problem.to_string() }
            }
        };
        drop(in_flight);
        let accepted_before = ending.active.accepted_before.load(Ordering::Relaxed);
        let refused = matches!(result, SendResult::Refused { .. });
        let message = Message { to_the_us: refused && intent.phone.is_in_the_us(), ..ending.active.message };
        if matches!(&result, SendResult::Accepted { message_status: Some(status), .. } if status == HELD_BACK) {
            ending.active.note_review(parts.clock.now());
        }
        let counters = (intent.attempt, intent.tries);
        let (verdict, effect) = verdict::of_result(
            &parts.policy,
            result,
            counters,
            (accepted_before, message),
            reign.shared.onward.now(),
            fastrand::u64(..),
        );
        if matches!(verdict, Verdict::Accepted { .. }) {
            ending.active.accepted_before.store(true, Ordering::Relaxed);
            ending.active.breaker.lock().unwrap_or_else(PoisonError::into_inner).success();
        }
        reign.take_effect(&ending.active, effect);
        ending.settle(verdict);
    }
}

impl Reign {
    /// Sends by the call that the broadcast's messages go by.
    async fn write(&self, active: &Active, body: bytes::Bytes) -> SendResult {
        let parts = &self.shared.parts;
        if active.by_marketing_api.load(Ordering::Acquire) {
            return parts.api.send_marketing(&parts.config.sender, body, self.gate.clone()).await;
        }
        let result = parts.api.send(&parts.config.sender, body, self.gate.clone()).await;
        match &result {
            SendResult::Refused { error, .. }
                if active.category == MARKETING
                    && parts.config.marketing_endpoint == MarketingEndpoint::Auto
                    && demands_marketing_endpoint(error.code) =>
            {
                if !active.by_marketing_api.swap(true, Ordering::AcqRel) {
                    tracing::info!(broadcast = %active.id, code = error.code, "goes by the Marketing Messages API from here on");
                }
                // Nobody got it, and whoever it was for goes the other way: no try, and no failure on record.
                SendResult::Unsent { refused_by_gate: true, detail: error.message.clone() }
            }
            _ => result,
        }
    }

    /// Does to the sender and the broadcast what an answer asks for.
    fn take_effect(&self, active: &Active, effect: Effect) {
        let most = self.shared.parts.config.max_in_flight;
        match effect {
            Effect::NotWritten => return,
            Effect::Unknown(detail) => {
                self.hold.unknown(&detail);
                return;
            }
            Effect::NoConnection(detail) => {
                self.hold.no_connection(&detail);
                return;
            }
            Effect::Definite => {}
            Effect::CountsAsFailure(code) => {
                if active.breaker.lock().unwrap_or_else(PoisonError::into_inner).failure(code) {
                    let title = &self.shared.parts.policy.rule_for(code, None, None, false).title;
                    let detail = format!("many people in a row failed for the same reason: {title} (code {code})");
                    self.ask_pause(Some(active), PauseReason::Failures, detail);
                }
            }
            Effect::SlowDown(code, wait) => self.pace.slow_down(code, wait, self.meter.lately()),
            Effect::Pause(reason, detail, for_good) => {
                let lasts = if for_good { Lasts::ForGood } else { Lasts::Open };
                self.ask_pause_for(Some(active), reason, detail, lasts);
            }
            Effect::PauseAll(reason, detail) => self.ask_pause(None, reason, detail),
        }
        self.hold.definite(most);
    }

    /// Has a pause recorded of a broadcast that nothing was sent of yet.
    pub(super) fn ask_pause_unstarted(&self, id: &BroadcastId, reason: PauseReason, detail: String) {
        let _ = self.pauses.send(PauseAsked { broadcast: Some(id.clone()), reason, detail, lasts: Lasts::Open });
    }

    /// Stops one broadcast, or all, at once in this process, and has it recorded.
    pub(super) fn ask_pause(&self, active: Option<&Active>, reason: PauseReason, detail: String) {
        self.ask_pause_for(active, reason, detail, Lasts::Open);
    }

    /// The same, to go on by itself then.
    pub(super) fn ask_pause_until(
        &self,
        active: Option<&Active>,
        reason: PauseReason,
        detail: String,
        until: Option<Millis>,
    ) {
        self.ask_pause_for(active, reason, detail, until.map_or(Lasts::Open, Lasts::Until));
    }

    fn ask_pause_for(&self, active: Option<&Active>, reason: PauseReason, detail: String, lasts: Lasts) {
        let stopped = |active: &Active| active.running.swap(false, Ordering::AcqRel);
        let was_running = if let Some(active) = active {
            stopped(active)
        } else {
            // All of them, not only up to the first that was running.
            self.actives.load().iter().filter(|active| stopped(active)).count() > 0
        };
        if was_running {
            let broadcast = active.map(|active| active.id.clone());
            let _ = self.pauses.send(PauseAsked { broadcast, reason, detail, lasts });
        }
    }
}
