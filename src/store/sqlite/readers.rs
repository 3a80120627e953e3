//! A small pool of connections that only read, used on blocking threads.
//!
//! Every read is short: a read transaction that stays open keeps the write-ahead log from being emptied.

use super::files;
use crate::store::{Result, StoreError};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many reads go on at a time; more wait.
const READERS: usize = 4;

/// The pool. Connections are opened when they are first needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// An empty pool on the file `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, permits: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Runs `work` in a read transaction of its own: it sees one moment's state.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.run_freely(move |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result = work(connection);
            connection.prepare_cached("ROLLBACK")?.execute([])?;
            result
        })
        .await
    }

    /// Runs `work` without a transaction around it: for long walks over what never changes.
    pub(super) async fn run_freely<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            // Held until the connection is back, also when the caller's future was dropped.
            let _permit = permit;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = taken.map_or_else(|| files::reader(&path), Ok)?;
            let result = work(&connection);
            // One that is stuck in a transaction after an error is dropped instead.
            if connection.is_autocommit() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            result
        });
        task.await.map_err(|error| StoreError::Corrupt(format!("a read of the store panicked: {error}")))?
    }

    /// Waits for the reads that go on, lets no further one begin and closes the connections.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        if let Ok(permits) = self.permits.acquire_many(all).await {
            self.permits.close();
            drop(permits);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
