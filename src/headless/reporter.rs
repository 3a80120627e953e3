//! What changed from one picture to the next, as log lines: events at once, progress every ten seconds.

use crate::app::Face;
use crate::domain::ids::BroadcastId;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::{Millis, SECOND};
use crate::service::view::{BroadcastView, Driver, Snapshot, WhyNotFaster};
use crate::store::Holder;
use std::collections::BTreeMap;

/// How often progress is told while something goes out.
const PROGRESS_EVERY_MS: i64 = 10 * SECOND;

/// How long nobody's driving is no news at the start: taking over takes a second or two.
const START_MS: i64 = 5 * SECOND;

/// What was last told.
#[derive(Default)]
pub(super) struct Reporter {
    statuses: BTreeMap<BroadcastId, (BroadcastStatus, String)>,
    driver: Option<String>,
    why: &'static str,
    problems: Vec<String>,
    store_trouble: Option<String>,
    progress_at: Option<Millis>,
    first_at: Option<Millis>,
    driver_known: bool,
}

impl Reporter {
    /// Tells what is new in this picture.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        self.store(snapshot);
        self.driver_known = self.driver_known || self.is_driver_known(snapshot);
        if self.driver_known {
            self.driver(snapshot);
        }
        for view in snapshot.open.iter().chain(&snapshot.ended) {
            self.broadcast(view);
        }
        // One of them is that nobody drives.
        if self.driver_known {
            self.problems(snapshot);
        }
        self.why(snapshot);
        self.progress(snapshot);
    }

    fn store(&mut self, snapshot: &Snapshot) {
        if self.store_trouble != snapshot.store_trouble {
            if let Some(trouble) = &snapshot.store_trouble {
                tracing::warn!("the store gives trouble: {trouble}");
            } else {
                tracing::info!("the store answers again");
            }
            self.store_trouble.clone_from(&snapshot.store_trouble);
        }
    }

    /// Whether it is clear who drives, or has been unclear for too long.
    fn is_driver_known(&mut self, snapshot: &Snapshot) -> bool {
        let first_at = *self.first_at.get_or_insert(snapshot.at);
        match &snapshot.driver {
            Driver::Us => true,
            Driver::Other(holder) => !is_ours(holder),
            Driver::Nobody => !snapshot.engine.trouble.is_empty() || snapshot.at.since(first_at) >= START_MS,
        }
    }

    fn driver(&mut self, snapshot: &Snapshot) {
        let words = match &snapshot.driver {
            // The lease is ours a moment before the engine says that it drives.
            Driver::Other(holder) if is_ours(holder) => return,
            Driver::Us => "this process drives the sender".to_owned(),
            Driver::Other(holder) => {
                format!(
                    "wacast ({}) on {}, process {} drives the sender; watching",
                    holder.face, holder.host, holder.pid
                )
            }
            Driver::Nobody => "nobody drives the sender".to_owned(),
        };
        if self.driver.as_ref() != Some(&words) {
            tracing::info!("{words}");
            self.driver = Some(words);
        }
    }

    fn broadcast(&mut self, view: &BroadcastView) {
        let broadcast = &view.broadcast;
        let now = (broadcast.status, broadcast.detail.clone());
        let Some(before) = self.statuses.insert(broadcast.id.clone(), now.clone()) else {
            // Those that ended before the first look are no news.
            if !broadcast.status.is_final() {
                told(view);
            }
            return;
        };
        if before != now {
            told(view);
        }
    }

    fn problems(&mut self, snapshot: &Snapshot) {
        for problem in &snapshot.problems {
            if !self.problems.contains(&problem.what) {
                tracing::warn!(advice = problem.advice, "{}", problem.what);
            }
        }
        self.problems = snapshot.problems.iter().map(|problem| problem.what.clone()).collect();
    }

    fn why(&mut self, snapshot: &Snapshot) {
        let why = &snapshot.engine.why;
        let word = match why {
            WhyNotFaster::SlowedByApi { .. } => "api",
            WhyNotFaster::Api { .. } => "held",
            WhyNotFaster::Store { .. } => "store",
            _ => "",
        };
        if self.why != word {
            if let Some(detail) = why.trouble() {
                tracing::warn!("{detail}");
            } else if *why != WhyNotFaster::Idle {
                tracing::info!("at the set pace again");
            }
            self.why = word;
        }
    }

    fn progress(&mut self, snapshot: &Snapshot) {
        let mut running = snapshot.open.iter().filter(|view| view.is_under_way()).peekable();
        if running.peek().is_none() || self.progress_at.is_some_and(|at| snapshot.at.since(at) < PROGRESS_EVERY_MS) {
            return;
        }
        self.progress_at = Some(snapshot.at);
        let per_second = snapshot.engine.written_per_second.last().copied().unwrap_or(0);
        for view in running {
            let get = |state| view.counts.get(state);
            tracing::info!(
                id = %view.broadcast.id,
                total = view.broadcast.total,
                queued = get(RecipientState::Queued),
                accepted = view.funnel.accepted,
                delivered = view.funnel.delivered,
                failed = get(RecipientState::Failed),
                in_doubt = get(RecipientState::InDoubt),
                per_second,
                done_at = view.done_at.map(Millis::rfc3339),
                "sending"
            );
        }
    }
}

/// Whether this is the present process, by what it left for others to read.
fn is_ours(holder: &Holder) -> bool {
    let host = rustix::system::uname();
    (holder.pid, holder.face.as_str()) == (std::process::id(), Face::Headless.word())
        && holder.host == host.nodename().to_string_lossy()
}

fn told(view: &BroadcastView) {
    let broadcast = &view.broadcast;
    tracing::info!(
        id = %broadcast.id,
        label = broadcast.definition.label,
        template = %broadcast.definition.template.key(),
        total = broadcast.total,
        accepted = view.funnel.accepted,
        failed = view.counts.get(RecipientState::Failed),
        in_doubt = view.counts.get(RecipientState::InDoubt),
        reason = broadcast.reason.map(crate::domain::state::PauseReason::word),
        detail = broadcast.detail,
        "broadcast is {}",
        broadcast.status.word()
    );
}
