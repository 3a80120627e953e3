//! The sender engine: records intents just ahead of the pace, sends with bounded requests in flight,
//! settles outcomes in group commits, folds receipts. One for each process; it drives the sender while
//! it holds the lease and watches for the lease while it does not.
//!
//! It knows the store, the Cloud API and the clock by their traits only, and no face at all. It never marks
//! anybody failed for waiting, and never sends to anybody whose intent is not durable.

pub mod meter;
pub mod pace;
pub mod pair;

use crate::service::view::EngineStatus;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// What other parts hold of a running engine: figures to read, a bell to ring, a pace to set.
#[derive(Debug, Clone)]
pub struct EngineLink {
    /// What it says of itself; changes several times a second while it sends.
    pub status: watch::Receiver<EngineStatus>,
    /// Whether it holds the sender's lease.
    pub driving: watch::Receiver<bool>,
    /// Rung after anything that it should look at now: a new broadcast, a pause, a resume, a cancel.
    pub bell: Arc<Notify>,
    /// The configured pace in messages a second (0: off); may be changed while it runs.
    pub pace: watch::Sender<f64>,
}
