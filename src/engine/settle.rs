//! Makes outcomes durable in group commits, and only then lets the next person's intent take their place.
//!
//! An outcome is never dropped: while the store does not answer it is tried again, and since the permits stay
//! taken the sending stops by itself.

use super::news::opt_outs;
use super::reign::{Pending, Reign};
use super::trouble;
use crate::die;
use crate::store::Outcome;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A commit waits so long for more outcomes when there is a pace (50 ms is the promise's bound).
const LINGER: Duration = Duration::from_millis(20);
/// With the pace off it waits so long at most, and not at all once a good part of all that may be unsettled has come.
const LINGER_UNPACED: Duration = Duration::from_millis(10);
/// Outcomes of one commit, at most.
const LARGEST: usize = 1_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(reign: Arc<Reign>, mut pending: mpsc::UnboundedReceiver<Pending>) {
    let mut batch = Vec::with_capacity(LARGEST);
    while pending.recv_many(&mut batch, LARGEST).await > 0 {
        if reign.pace.allowed() > 0.0 {
            linger(&reign, &mut pending, &mut batch, (LARGEST, LINGER)).await;
        } else {
            let enough = (reign.shared.parts.config.max_unsettled() as usize / 4).min(LARGEST);
            linger(&reign, &mut pending, &mut batch, (enough, LINGER_UNPACED)).await;
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut settled = Vec::with_capacity(batch.len());
        for Pending { active, outcome, permit } in batch.drain(..) {
            settled.push((active, (outcome.seq, outcome.attempt), permit));
            outcomes.push(outcome);
        }
        // Should the store panic, everything stops before the permits of what is not on record come free.
        let stop_if_it_panics = reign.stop.clone().drop_guard();
        record(&reign, outcomes).await;
        stop_if_it_panics.disarm();
        for (active, intent, permit) in settled {
            active.held().remove(&intent);
            drop(permit);
        }
    }
}

/// Waits for more outcomes, until there are `enough` or the time is over.
async fn linger(
    reign: &Reign,
    pending: &mut mpsc::UnboundedReceiver<Pending>,
    batch: &mut Vec<Pending>,
    (enough, at_most): (usize, Duration),
) {
    let until = Instant::now() + at_most;
    while batch.len() < enough && !reign.stop.is_cancelled() {
        let room = LARGEST - batch.len();
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until) => return,
            () = reign.stop.cancelled() => return,
            received = pending.recv_many(batch, room) => if received == 0 { return },
        }
    }
}

async fn record(reign: &Reign, outcomes: Vec<Outcome>) {
    let mut pause = FIRST_PAUSE;
    let stopped = opt_outs::of_outcomes(&outcomes);
    loop {
        die::point("before_settle");
        // First, so that a crash in between does not lose them: the attempt is in doubt then, and noting is repeatable.
        let noted = opt_outs::note(&reign.shared, stopped.clone()).await;
        let recorded = match noted {
            Ok(()) => reign.store().settle(&reign.lease, outcomes.clone()).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(()) => {
                die::point("after_settle");
                if reign.settling_fails.swap(false, Ordering::AcqRel) {
                    tracing::info!(outcomes = outcomes.len(), "the store takes records again");
                }
                return;
            }
            Err(error) => {
                reign.settling_fails.store(true, Ordering::Release);
                trouble(&reign.shared, &error);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
