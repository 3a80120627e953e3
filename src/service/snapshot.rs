//! The picture that faces draw: taken twice a second while something is open, kept when the store is away.

use super::view::{Driver, EngineStatus, ReceiptsHealth, Snapshot};
use super::{Service, Settings};
use crate::domain::time::Millis;
use crate::store::Store;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// Where the snapshot is kept, and the bell for a new one.
pub(super) struct Watcher {
    sender: watch::Sender<Arc<Snapshot>>,
    bell: Notify,
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
            problems: Vec::new(),
            templates: (0, 0, None),
            store_place: store.place(),
            store_trouble: None,
            http: String::new(),
        };
        Self { sender: watch::Sender::new(Arc::new(first)), bell: Notify::new() }
    }

    pub(super) fn look_now(&self) {
        self.bell.notify_one();
    }
}

impl Service {
    /// The newest picture, and word of every newer one. The first call starts the refreshing (within a tokio runtime);
    /// it ends when the last clone of this service is gone. Before the store has answered the picture is empty.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.watcher.sender.subscribe()
    }

    /// Takes a new picture now and returns it: for `status` and other short-lived faces.
    pub async fn refresh(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// Says where HTTP listens, or why not, for the picture.
    pub fn set_http(&self, _words: &str) {
        todo!()
    }
}
