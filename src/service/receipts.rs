//! Taking webhook bodies in: stored as they came, in group commits, before anybody is told that they were taken.
//!
//! While one commit is under way the next one fills up; nothing waits for a timer. Both what waits for a commit
//! and what waits to be folded is bounded: over a bound the answer is "later", and Meta repeats for days.

use super::{Inner, Kind, Result, Service, ServiceError};
use crate::clock::Clock;
use crate::domain::time::{Millis, SECOND};
use crate::store::{RawReceipt, Store, StoreError};
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// The most bodies in one commit.
const COMMIT_BODIES: usize = 500;
/// The most bodies that wait for a commit.
const WAITING_BODIES: usize = 4_096;
/// The most KiB of bodies that wait for a commit.
const WAITING_KIB: usize = 64 * 1024;
/// Over so many bodies stored and not folded, no more are taken.
pub const BACKLOG_LIMIT: u64 = 200_000;
/// The same for their bytes: bodies have 3 MB at most, and a thousand statuses about half a one.
pub const BACKLOG_BYTES: u64 = 4 << 30;
/// With fewer bodies than this their bytes are not asked for.
const FEW_BODIES: u64 = 1_000;
/// After how many seconds whoever was told "later" may try again.
pub const RETRY_AFTER_SECONDS: u64 = 30;
/// How often the backlog is looked at, and the time of the last receipt is noted.
const LOOK_EVERY_MS: i64 = 10 * SECOND;
/// The note that tells other processes when the last receipt came.
pub(super) const LAST_AT_NOTE: &str = "receipts.last_at";

struct Waiting {
    receipt: RawReceipt,
    done: oneshot::Sender<Result<()>>,
    /// Given back when the body is stored or dropped.
    room: OwnedSemaphorePermit,
}

/// Bodies on their way into the store. The committing task starts with the first one.
#[derive(Default)]
pub(super) struct Intake {
    queue: OnceLock<Queue>,
    last_at: AtomicI64,
}

struct Queue {
    waiting: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl Intake {
    /// When the last receipt came to this process.
    pub(super) fn last_at(&self) -> Option<Millis> {
        match self.last_at.load(Ordering::Relaxed) {
            0 => None,
            at => Some(Millis(at)),
        }
    }
}

impl Service {
    /// Stores a body whose signature was right. When this returns `Ok` it is durable. `receipts_backlog` or the store's
    /// error (503): not taken, to be sent again later.
    pub async fn take_receipt(&self, body: Vec<u8>) -> Result<()> {
        let received_at = self.now();
        let queue = self.inner.receipts.queue.get_or_init(|| start(&self.inner));
        let kib = u32::try_from(body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&queue.room).try_acquire_many_owned(kib).map_err(|_| backlog())?;
        let (done, stored) = oneshot::channel();
        let waiting = Waiting { receipt: RawReceipt { received_at, body }, done, room };
        queue.waiting.try_send(waiting).map_err(|_| backlog())?;
        // Gone without a word only if the committing task died; then nothing is known to be stored.
        stored.await.unwrap_or_else(|_| {
            Err(ServiceError::new(Kind::Internal, "internal", "receipts cannot be stored: see the log"))
        })?;
        self.inner.receipts.last_at.store(received_at.0, Ordering::Relaxed);
        Ok(())
    }
}

fn backlog() -> ServiceError {
    ServiceError::new(Kind::Unavailable, "receipts_backlog", "too many receipts are waiting: send this one again later")
        .with_details(json!({ "retry_after_seconds": RETRY_AFTER_SECONDS }))
}

fn start(inner: &Inner) -> Queue {
    let (waiting, received) = mpsc::channel(WAITING_BODIES);
    tokio::spawn(commit_all(received, Arc::clone(&inner.store), Arc::clone(&inner.clock)));
    Queue { waiting, room: Arc::new(Semaphore::new(WAITING_KIB)) }
}

/// Whether too much waits to be folded.
async fn is_over(store: &dyn Store) -> std::result::Result<bool, StoreError> {
    let bodies = store.receipts_backlog().await?;
    Ok(bodies >= BACKLOG_LIMIT || (bodies >= FEW_BODIES && store.receipts_backlog_bytes().await? >= BACKLOG_BYTES))
}

/// Commits what comes until the service is gone.
async fn commit_all(mut received: mpsc::Receiver<Waiting>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    let mut batch = Vec::with_capacity(COMMIT_BODIES);
    let mut looked_at = Millis(i64::MIN);
    let mut over_the_limit = false;
    while received.recv_many(&mut batch, COMMIT_BODIES).await > 0 {
        let now = clock.now();
        // Over the limit each commit looks again, so that taking goes on as soon as folding has caught up.
        if over_the_limit || now.since(looked_at) >= LOOK_EVERY_MS {
            looked_at = now;
            over_the_limit = is_over(&*store).await.unwrap_or(false);
            if let Err(error) = store.put_note(LAST_AT_NOTE, &now.0.to_string()).await {
                tracing::warn!(%error, "the time of the last receipt could not be noted");
            }
        }
        let (receipts, waiting): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|Waiting { receipt, done, room }| (receipt, (done, room))).unzip();
        let outcome =
            if over_the_limit { Err(backlog()) } else { store.append_receipts(receipts).await.map_err(Into::into) };
        for (done, room) in waiting {
            drop(room);
            // Nobody listening any more: it is stored all the same, and Meta's repeat does no harm.
            let _ = done.send(outcome.clone());
        }
    }
}
