//! The ledger in one SQLite file: the default, nothing to install.
//!
//! One thread writes and commits in groups ([`writer`]), a few connections read ([`readers`]). Several
//! processes may have the file open: every decision is checked in the transaction that makes it, and nothing is
//! remembered outside the file that another process could change. The file lies on a local disk; SQLite's
//! write-ahead log does not work over a network.
//!
//! What it must never do: answer before the commit, or hold a read transaction open for long.

mod as_store;
mod audit;
mod broadcasts;
mod column;
mod doubts;
mod error;
mod files;
mod flight;
mod fold;
mod freezing;
mod leases;
mod moves;
mod numbers;
mod opt_outs;
mod people;
mod readers;
mod rejects;
mod reports;
mod schema;
mod settings;
mod settle;
mod undo;
mod writer;

use super::{Result, StoreError};
use crate::clock::{Clock, SystemClock};
use crate::domain::broadcast::UploadId;
use crate::domain::ids::{BroadcastId, StoreId};
use crate::domain::time::Millis;
use readers::Readers;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use writer::Writer;

/// The ledger in one SQLite file.
pub struct SqliteStore {
    id: StoreId,
    path: PathBuf,
    clock: Arc<dyn Clock>,
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the store in the file `path` and makes it when there is none; `now` is noted as when it was made.
    ///
    /// # Errors
    /// `Setup`, naming the path and what to do: the folder is missing, the file is a folder, read-only, not a
    /// database, another program's, or a newer wacast's. `Unavailable`: another process keeps it locked.
    pub async fn open(path: &Path, now: Millis) -> Result<Self> {
        Self::open_at(path, Arc::new(SystemClock), now).await
    }

    /// The same with a clock of the caller's; leases end by it.
    pub async fn open_with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let now = clock.now();
        Self::open_at(path, clock, now).await
    }

    async fn open_at(path: &Path, clock: Arc<dyn Clock>, now: Millis) -> Result<Self> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let path = files::make(&path)?;
            let connection = files::writer(&path)?;
            let id = schema::bring_up(&connection, &path, now)?;
            Ok::<_, StoreError>((path, connection, id))
        });
        let (path, connection, id) = opened.await.map_err(|error| StoreError::Corrupt(error.to_string()))??;
        let writer = Writer::start(connection)?;
        let readers = Readers::new(path.clone());
        let store = Self { id, path, clock, writer, readers };
        for id in store.readers.run(broadcasts::half_cancelled).await? {
            store.cancel_rows(&id, now).await;
        }
        Ok(store)
    }

    async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.writer.run(work).await
    }

    async fn read<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.run(work).await
    }

    /// Makes the rows of a cancelled broadcast say so, in portions. Not needed for the promise (they count as
    /// cancelled already), so an error only leaves it to the next opening.
    async fn cancel_rows(&self, id: &BroadcastId, now: Millis) {
        loop {
            let portion = id.clone();
            match self.write(move |connection| broadcasts::cancel_rows(connection, &portion, now)).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(broadcast = %id, %error, "the rows of a cancelled broadcast wait to be rewritten");
                    return;
                }
            }
        }
    }

    async fn drop_rows(&self, upload: UploadId) -> Result<()> {
        while self.write(move |connection| numbers::drop_rows(connection, upload)).await? {}
        Ok(())
    }
}
