//! The ledger in MongoDB, for teams: several consoles, more than one machine.
//!
//! Recipients are written once; `segments` hold one letter of state for each of 1,000 of them, with the
//! figures that counts are summed from, and an operator's word on those it was the last to move; `attempts` are the log,
//! append-only; `audit` is the trail; `todo` holds retries and doubts; a sender's document in `leases` carries fence, holder and the open windows. `sending` is not written
//! anywhere: it is who stands in an open window and is still `queued` by letter. So an intent is one small
//! update, and an outcome is a row and a letter.
//!
//! All that the promise rests on is written with majority and journal, and what decides is read from the
//! primary. Within a process there is one writer of segments; across processes transactions collide and are
//! begun again. Each operation runs in a task of its own, since a driver's future that is dropped half-way is
//! not a write that did not happen. Nothing outside this module sees a type of the driver's. Called through [`Store`] only.

mod as_store;
mod audit;
mod broadcasts;
mod connect;
mod documents;
mod doubts;
mod failure;
mod flights;
mod fold;
mod freeze;
mod lease;
mod odds;
mod opt_outs;
mod people;
mod reached;
mod reading;
mod rejects;
mod segment;
mod sessions;
mod settle;
mod sheet;
mod transaction;
mod undo;
mod uploads;
mod views;
mod windows;

use self::failure::Op;
use self::flights::Flights;
use super::{Result, StoreError};
use crate::domain::ids::StoreId;
use crate::domain::time::Millis;
use futures_util::TryStreamExt;
use mongodb::bson::Document;
use mongodb::options::FindOptions;
use mongodb::{Client, ClientSession, Collection, Database};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long a caller waits for an operation. It goes on behind, since it cannot be called back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Documents in one answer of a query. The driver's own first answer holds 101.
const BATCH: u32 = 10_000;

/// A ledger in a MongoDB database.
pub struct MongoStore {
    inner: Arc<Inner>,
    tasks: TaskTracker,
}

/// What the operations share.
struct Inner {
    client: Client,
    db: Database,
    place: String,
    id: StoreId,
    /// One writer of segments at a time.
    writer: tokio::sync::Mutex<()>,
    flights: Flights,
    reached: tokio::sync::Mutex<reached::Reached>,
    /// Attempts can be found by Meta's id of their message.
    finds_by_wamid: tokio::sync::OnceCell<()>,
    sessions: sessions::Sessions,
}

impl MongoStore {
    /// Opens the database that a `mongodb://` or `mongodb+srv://` url names, and prepares it when it is new.
    /// `now` is noted as when a new one was made. `Setup` when the url or the server does not do, `Unavailable`
    /// when nobody answers within 5 s.
    pub async fn open(url: &str, now: Millis) -> Result<Self> {
        let url = url.to_owned();
        let opening = tokio::spawn(async move { connect::connect(&url, now).await });
        let inner = opening.await.map_err(|_| StoreError::Corrupt("opening the store broke off".to_owned()))??;
        Ok(Self { inner: Arc::new(inner), tasks: TaskTracker::new() })
    }

    /// Runs an operation to its end in a task of its own, and waits for it for a bounded time.
    async fn run<T, F, Fut>(&self, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inner>) -> Fut,
        Fut: Future<Output = Op<T>> + Send + 'static,
    {
        let place = &self.inner.place;
        let task = self.tasks.spawn(operation(Arc::clone(&self.inner)));
        match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(done)) => done.map_err(|failure| {
                tracing::debug!(?failure, operation = std::any::type_name::<F>(), "an operation failed");
                failure.explain(place)
            }),
            Ok(Err(_)) => Err(StoreError::Corrupt("an operation of the store broke off".to_owned())),
            Err(_) => {
                let waited = PATIENCE.as_secs();
                Err(StoreError::Unavailable(format!("{place} gave no answer for {waited} s")))
            }
        }
    }
}

impl Inner {
    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.db.collection(name)
    }

    fn documents(&self, name: &str) -> Collection<Document> {
        self.db.collection(name)
    }

    /// Finds all that match, within a transaction if there is one.
    async fn find_in<T: DeserializeOwned + Send + Sync>(
        &self,
        session: Option<&mut ClientSession>,
        name: &str,
        filter: Document,
    ) -> Op<Vec<T>> {
        self.find_with(session, name, filter, FindOptions::default()).await
    }

    /// The same with an order, a limit or a projection.
    async fn find_with<T: DeserializeOwned + Send + Sync>(
        &self,
        session: Option<&mut ClientSession>,
        name: &str,
        filter: Document,
        mut options: FindOptions,
    ) -> Op<Vec<T>> {
        options.batch_size = Some(BATCH);
        let collection = self.collection::<T>(name);
        let find = collection.find(filter).with_options(options);
        Ok(match session {
            Some(session) => {
                let mut cursor = find.session(&mut *session).await?;
                cursor.stream(session).try_collect().await?
            }
            None => find.await?.try_collect().await?,
        })
    }

    async fn aggregate(&self, name: &str, stages: Vec<Document>) -> Op<Vec<Document>> {
        let cursor = self.documents(name).aggregate(stages).allow_disk_use(true).batch_size(BATCH).await?;
        Ok(cursor.try_collect().await?)
    }
}
