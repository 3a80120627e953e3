//! Handing webhook bodies on: an app has one webhook address, and other programs may want what comes to it.
//!
//! Bodies go on as they came and with Meta's signature, after they were stored here. Each address has a bounded queue
//! and a task of its own; what does not fit, or is not taken after a few tries, is dropped there and counted. Nothing here
//! ever delays or fails the answer to Meta.

use super::Service;
use crate::clock::Clock;
use crate::cloud_api::{SetupError, WebhookSender};
use crate::domain::time::Millis;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bodies that wait for one address, at most …
const WAITING_BODIES: usize = 1_000;
/// … and KiB of them.
const WAITING_KIB: usize = 16 * 1024;
/// How often it is looked whether all is handed on, at the end.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The waits after a try that failed; after the last one the body is dropped.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// How handing on stands, over all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forwarding {
    /// To how many addresses.
    pub addresses: u64,
    /// Bodies that wait.
    pub waiting: u64,
    /// Bodies that were taken there since the start.
    pub taken: u64,
    /// Bodies that were dropped since the start.
    pub dropped: u64,
    /// When one was dropped last.
    pub dropped_at: Option<Millis>,
}

#[derive(Default)]
struct Figures {
    waiting: AtomicU64,
    taken: AtomicU64,
    dropped: AtomicU64,
    dropped_at: AtomicI64,
}

impl Figures {
    fn drop_one(&self, now: Millis) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.dropped_at.store(now.0, Ordering::Relaxed);
    }
}

struct Body {
    bytes: Bytes,
    signature: String,
    _room: OwnedSemaphorePermit,
}

/// One address.
struct Line {
    queue: mpsc::Sender<Body>,
    room: Arc<Semaphore>,
}

/// The addresses, and their figures.
pub(super) struct Forwarder {
    lines: Vec<Line>,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
}

impl Forwarder {
    fn new(addresses: &[String], clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let figures = Arc::new(Figures::default());
        let mut lines = Vec::new();
        for address in addresses {
            let sender = WebhookSender::new(address)?;
            let (queue, bodies) = mpsc::channel(WAITING_BODIES);
            tokio::spawn(hand_on(bodies, sender, address.clone(), figures.clone(), clock.clone()));
            lines.push(Line { queue, room: Arc::new(Semaphore::new(WAITING_KIB)) });
        }
        Ok(Self { lines, figures, clock })
    }

    fn offer(&self, bytes: &Bytes, signature: &str) {
        let kib = u32::try_from(bytes.len() / 1024 + 1).unwrap_or(u32::MAX);
        for line in &self.lines {
            let room = Arc::clone(&line.room).try_acquire_many_owned(kib).ok();
            let body = room.map(|room| Body { bytes: bytes.clone(), signature: signature.to_owned(), _room: room });
            self.figures.waiting.fetch_add(1, Ordering::Relaxed);
            if body.is_none_or(|body| line.queue.try_send(body).is_err()) {
                self.figures.waiting.fetch_sub(1, Ordering::Relaxed);
                self.figures.drop_one(self.clock.now());
            }
        }
    }

    fn figures(&self) -> Forwarding {
        let figure = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let dropped_at = self.figures.dropped_at.load(Ordering::Relaxed);
        Forwarding {
            addresses: self.lines.len() as u64,
            waiting: figure(&self.figures.waiting),
            taken: figure(&self.figures.taken),
            dropped: figure(&self.figures.dropped),
            dropped_at: (dropped_at > 0).then_some(Millis(dropped_at)),
        }
    }
}

/// Hands bodies on in their order until the service is gone.
async fn hand_on(
    mut bodies: mpsc::Receiver<Body>,
    sender: WebhookSender,
    address: String,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
) {
    // An address that is down gets one try a body, so that the queue does not stand still.
    let mut down = false;
    while let Some(body) = bodies.recv().await {
        let waits = if down { &[] } else { WAITS.as_slice() };
        let taken = post(&sender, &body, waits).await;
        figures.waiting.fetch_sub(1, Ordering::Relaxed);
        match taken {
            Ok(()) => {
                figures.taken.fetch_add(1, Ordering::Relaxed);
                if down {
                    tracing::info!(address, "webhooks are taken there again");
                }
            }
            Err(ref problem) => {
                figures.drop_one(clock.now());
                if !down {
                    tracing::warn!(address, problem, "a webhook was not taken there and is dropped");
                }
            }
        }
        down = taken.is_err();
    }
}

async fn post(sender: &WebhookSender, body: &Body, waits: &[Duration]) -> Result<(), String> {
    let mut waits = waits.iter();
    loop {
        let problem = match sender.post(body.bytes.clone(), &body.signature).await {
            Ok(status) if (200..300).contains(&status) => return Ok(()),
            Ok(status) => format!("HTTP {status}"),
            Err(problem) => problem,
        };
        let Some(wait) = waits.next() else { return Err(problem) };
        tokio::time::sleep(*wait).await;
    }
}

impl Service {
    /// Hands webhook bodies on to these addresses from now on. The first call counts; needs a runtime.
    pub fn forward_to(&self, addresses: &[String]) -> Result<(), SetupError> {
        if !addresses.is_empty() && self.inner.forwarder.get().is_none() {
            let _ = self.inner.forwarder.set(Forwarder::new(addresses, self.inner.clock.clone())?);
        }
        Ok(())
    }

    /// Whether bodies are handed on.
    pub fn forwards(&self) -> bool {
        self.inner.forwarder.get().is_some()
    }

    /// Hands a body on with the signature that it came with; at once, whatever comes of it.
    pub fn forward(&self, body: &Bytes, signature: &str) {
        if let Some(forwarder) = self.inner.forwarder.get() {
            forwarder.offer(body, signature);
        }
    }

    /// Waits until what was taken in is handed on, `patience` at most. What is left then is lost there: it is counted and
    /// logged.
    pub async fn finish_forwarding(&self, patience: Duration) {
        let Some(forwarder) = self.inner.forwarder.get() else { return };
        let waiting = || forwarder.figures.waiting.load(Ordering::Relaxed);
        let all = async {
            while waiting() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_ok() {
            return;
        }
        let left = forwarder.figures.waiting.swap(0, Ordering::Relaxed);
        for _ in 0..left {
            forwarder.figures.drop_one(self.now());
        }
        tracing::warn!(left, "webhooks could not be handed on before the end: they are lost there");
        if let Err(error) = self.note_forwarding().await {
            tracing::warn!(%error, "how many webhooks were not handed on could not be noted");
        }
    }

    /// How handing on stands in this process.
    pub fn forwarding(&self) -> Forwarding {
        self.inner.forwarder.get().map(Forwarder::figures).unwrap_or_default()
    }
}
