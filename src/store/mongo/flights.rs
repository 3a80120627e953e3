//! What this process remembers of the windows that it opened: how many of each are unsettled.
//!
//! Only a help, with which a window leaves the lease document as soon as it is settled. What is true
//! stands in the database, and a new process recovers from there.

use crate::domain::ids::BroadcastId;
use crate::store::{Intent, Lease};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The windows of all subjects that this process drives.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<String, Flight>>);

#[derive(Debug, Default)]
struct Flight {
    fence: u64,
    /// How many people of a window are unsettled.
    unsettled: HashMap<i64, usize>,
    /// The window that a recipient's newest intent stands in.
    window_of: HashMap<(BroadcastId, u32), i64>,
    /// Wholly settled, still in the lease document.
    finished: Vec<i64>,
    /// One window at a time.
    opening: Arc<tokio::sync::Mutex<()>>,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held while a window is opened, or given back.
    pub fn opening(&self, subject: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.lock().entry(subject.to_owned()).or_default().opening)
    }

    /// Windows that may leave the lease document.
    pub fn finished(&self, subject: &str) -> Vec<i64> {
        self.lock().get(subject).map(|flight| flight.finished.clone()).unwrap_or_default()
    }

    /// These have left it.
    pub fn forget(&self, subject: &str, windows: &[i64]) {
        if let Some(flight) = self.lock().get_mut(subject) {
            flight.finished.retain(|number| !windows.contains(number));
        }
    }

    /// A window stands in the lease document.
    pub fn opened(&self, lease: &Lease, window: i64, broadcast: &BroadcastId, intents: &[Intent]) {
        let mut flights = self.lock();
        let flight = flights.entry(lease.subject.clone()).or_default();
        if flight.fence != lease.fence {
            // The windows of before were recovered from, or will be.
            *flight = Flight { fence: lease.fence, opening: Arc::clone(&flight.opening), ..Flight::default() };
        }
        if intents.is_empty() {
            flight.finished.push(window);
            return;
        }
        flight.unsettled.insert(window, intents.len());
        for intent in intents {
            flight.window_of.insert((broadcast.clone(), intent.seq), window);
        }
    }

    /// The outcomes of these people are durable.
    pub fn settled<'a>(&self, subject: &str, people: impl Iterator<Item = (&'a BroadcastId, u32)>) {
        let mut flights = self.lock();
        let Some(flight) = flights.get_mut(subject) else { return };
        for (broadcast, seq) in people {
            let Some(window) = flight.window_of.remove(&(broadcast.clone(), seq)) else { continue };
            let Some(left) = flight.unsettled.get_mut(&window) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 {
                flight.unsettled.remove(&window);
                flight.finished.push(window);
            }
        }
    }
}
