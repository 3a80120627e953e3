//! The Cloud API as one process sees it, and the server behind it that keeps its own ledger.

use super::plan::Sabotage;
use super::process::Process;
use super::truth::Written;
use super::world::Weather;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use wacast::cloud_api::{Admission, CallError, CloudApi, GraphError, SendResult, SenderInfo, TokenInfo, WriteGate};
use wacast::domain::attempt_id::AttemptId;
use wacast::domain::template::Template;

/// How long a call waits for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Codes of refusals, with their HTTP status; the first ones come most.
const REFUSALS: [(i64, u16); 16] = [
    (131_026, 400),
    (130_429, 429),
    (131_056, 400),
    (131_000, 500),
    (131_049, 400),
    (130_472, 400),
    (131_016, 503),
    (2, 500),
    (80_007, 400),
    (100, 400),
    (132_015, 400),
    (132_001, 404),
    (131_048, 400),
    (368, 403),
    (190, 401),
    (999_999, 400),
];

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Taken,
    Refused(i64, u16),
    /// The answer never comes; whether the server took it.
    TimesOut(bool),
    /// The connection is cut; whether the server took it.
    Reset(bool),
    Unconnected,
}

/// One process's way to the server.
pub struct Network(pub Arc<Process>);

impl Network {
    fn fate(&self) -> Fate {
        let world = &self.0.world;
        let plan = &world.plan;
        match world.weather() {
            Weather::Fair => return Fate::Taken,
            Weather::Dead => return Fate::Unconnected,
            Weather::Busy => return Fate::Refused(131_016, 503),
            Weather::Hangs => return Fate::TimesOut(world.dice().bool()),
            Weather::Mixed => {}
        }
        if world.strikes(plan.unconnected, 1_000) {
            Fate::Unconnected
        } else if world.strikes(plan.unknown, 1_000) {
            let (hangs, taken) = {
                let mut dice = world.dice();
                (dice.u8(0..4) == 0, dice.bool())
            };
            if hangs { Fate::TimesOut(taken) } else { Fate::Reset(taken) }
        } else if world.strikes(plan.refused, 1_000) {
            let mut dice = world.dice();
            let most = if dice.u8(0..4) == 0 { REFUSALS.len() } else { 8 };
            let (code, status) = REFUSALS[dice.usize(0..most)];
            Fate::Refused(code, status)
        } else {
            Fate::Taken
        }
    }

    /// A latency, now and then a long one.
    fn latency(&self) -> Duration {
        let world = &self.0.world;
        let mut dice = world.dice();
        let long = !world.is_calm() && dice.u8(0..50) == 0;
        Duration::from_millis(if long { dice.u64(100..2_000) } else { dice.u64(1..40) })
    }

    /// The message is on the wire: from here on it counts as written.
    fn written(&self, sender: &str, id: &AttemptId, fate: Fate) {
        let (process, world) = (&self.0, &self.0.world);
        let standing = world.store.standing(&id.broadcast, id.seq);
        let found = {
            let mut truth = world.truth();
            let number = truth.number(&id.broadcast);
            world.note(process.number, "writes", u64::from(id.seq) << 8 | u64::from(id.attempt), || {
                format!("b{number} #{} attempt {}: {fate:?}", id.seq, id.attempt)
            });
            truth.check_write(&Written {
                process: process.number,
                sender,
                broadcast: &id.broadcast,
                seq: id.seq,
                attempt: id.attempt,
                standing,
                fences: (process.fence(), world.store.fence(sender).0),
                untroubled_since: process.untroubled_since(),
            })
        };
        for broken in found {
            world.break_rule(broken.rule, || broken.detail);
        }
    }

    async fn through_the_gate(&self, gate: &Arc<dyn WriteGate>) -> Result<(), SendResult> {
        if self.0.world.plan.sabotage == Some(Sabotage::SkipsTheGate) {
            return Ok(());
        }
        let until = Instant::now() + TIMEOUT;
        loop {
            match gate.admit() {
                Admission::Go => return Ok(()),
                Admission::Refuse if self.0.world.plan.sabotage == Some(Sabotage::IgnoresRefusals) => return Ok(()),
                Admission::Refuse => {
                    return Err(SendResult::Unsent { refused_by_gate: true, detail: "the gate refused".into() });
                }
                Admission::Wait(wait) if Instant::now() + wait < until => sleep(wait).await,
                Admission::Wait(_) => {
                    let detail = "timed out before it was written".into();
                    return Err(SendResult::Unsent { refused_by_gate: false, detail });
                }
            }
            self.0.alive().await;
        }
    }
}

/// The id of the attempt in a payload.
fn attempt_of(body: &[u8]) -> AttemptId {
    let text = std::str::from_utf8(body).expect("the payload is text");
    let (_, rest) = text.split_once(r#""biz_opaque_callback_data":""#).expect("an id is in it");
    let (id, _) = rest.split_once('"').expect("it ends");
    AttemptId::parse(id).expect("it is ours")
}

#[async_trait]
impl CloudApi for Network {
    async fn send(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        let (process, world) = (&self.0, &self.0.world);
        process.alive().await;
        let id = attempt_of(&body);
        let fate = self.fate();
        sleep(self.latency()).await;
        process.alive().await;
        if matches!(fate, Fate::Unconnected) {
            return SendResult::Unsent { refused_by_gate: false, detail: "connection refused".into() };
        }
        if let Err(unsent) = self.through_the_gate(&gate).await {
            return unsent;
        }
        self.written(sender, &id, fate);
        if world.strikes(world.plan.crash, 10_000) {
            process.crash("just after writing");
        }
        sleep(self.latency()).await;
        if matches!(fate, Fate::Taken | Fate::TimesOut(true) | Fate::Reset(true)) {
            super::postman::took(world, sender, &id);
        }
        match fate {
            Fate::TimesOut(_) => sleep(TIMEOUT).await,
            _ => sleep(self.latency()).await,
        }
        process.alive().await;
        match fate {
            Fate::Taken => SendResult::Accepted {
                wamid: format!("wamid.{}.{}", id.seq, id.attempt),
                message_status: None,
                response: "{}".into(),
            },
            Fate::Refused(code, http_status) => {
                world.truth().attempt(&id.broadcast, id.seq, id.attempt).refused = Some(code);
                SendResult::Refused {
                    http_status,
                    error: GraphError { code, message: "simulated".into(), ..GraphError::default() },
                    retry_after: None,
                    response: format!(r#"{{"error":{{"code":{code}}}}}"#),
                }
            }
            Fate::TimesOut(_) => SendResult::Unknown { detail: "timed out".into() },
            Fate::Reset(_) => SendResult::Unknown { detail: "the connection was reset".into() },
            Fate::Unconnected => unreachable!("answered above"),
        }
    }

    async fn templates(&self) -> Result<Vec<Template>, CallError> {
        Ok(Vec::new())
    }

    async fn sender(&self, sender: &str) -> Result<SenderInfo, CallError> {
        let (process, world) = (&self.0, &self.0.world);
        process.alive().await;
        let fate = self.fate();
        sleep(self.latency()).await;
        match fate {
            Fate::TimesOut(_) => sleep(TIMEOUT).await,
            _ => sleep(self.latency()).await,
        }
        process.alive().await;
        match fate {
            Fate::Taken => {
                let limited = world.plan.messaging_limit && !world.is_calm();
                let messaging_limit = if limited { "TIER_50" } else { "TIER_UNLIMITED" }.to_owned();
                Ok(SenderInfo { id: sender.to_owned(), messaging_limit, ..SenderInfo::default() })
            }
            Fate::Refused(code, http_status) => {
                Err(CallError::Refused { http_status, error: GraphError { code, ..GraphError::default() } })
            }
            _ => Err(CallError::Unreachable("simulated".to_owned())),
        }
    }

    async fn token(&self) -> Result<Option<TokenInfo>, CallError> {
        Ok(None)
    }
}
