//! Holding a lease: taking it, renewing it, and knowing for sure when it may have ended.
//!
//! The deadline is counted from before each renewal was asked for, on a clock that goes on while the machine
//! sleeps, and ends two seconds early; so whoever takes the lease next finds us silent already.

use super::gate::Deadline;
use crate::clock::Clock;
use crate::store::{Holder, Lease, LeaseAnswer, LeaseView, Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a lease is for.
pub const TTL: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// The holder counts on this much of it only, from before it was asked for.
const COUNTED_ON: Duration = Duration::from_secs(8);

/// This process as a holder. Keeps a lock file locked while it lives, so that another process on this host can
/// tell at once that it is gone.
#[derive(Debug)]
pub struct Identity {
    /// What goes into the store.
    pub holder: Holder,
    lock: Option<std::fs::File>,
}

impl Identity {
    /// Makes this process's identity; `face` is what it shows. Without a writable `folder` it works too, only
    /// that others have to wait for the lease's end after a crash.
    pub fn new(folder: &Path, face: &str) -> Self {
        let process = format!("{:016x}", fastrand::u64(..));
        let path = folder.join(format!("wacast-{process}.lock"));
        let lock = std::fs::File::create(&path).ok().filter(|file| file.try_lock().is_ok());
        let holder = Holder {
            process,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            boot_id: boot_id(),
            lock_file: if lock.is_some() { path.display().to_string() } else { String::new() },
            face: face.to_owned(),
        };
        Self { holder, lock }
    }

    /// Whether the process behind `other` is certainly gone: it ran since this host's last start, and its
    /// lock file is there but no longer locked.
    pub(crate) fn is_gone(&self, other: &Holder) -> bool {
        if other.boot_id.is_empty() || other.boot_id != self.holder.boot_id || other.host != self.holder.host {
            return false;
        }
        if other.lock_file.is_empty() || other.process == self.holder.process {
            return false;
        }
        std::fs::File::open(&other.lock_file).is_ok_and(|file| file.try_lock().is_ok())
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            let _ = std::fs::remove_file(PathBuf::from(&self.holder.lock_file));
        }
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A lease that is ours, being renewed in the background until it is released or lost.
pub struct Held {
    /// The right to decide.
    pub lease: Lease,
    /// When it ends at the latest.
    pub deadline: Arc<Deadline>,
    /// Cancelled when it was lost: another one has it, or it could not be renewed in time.
    pub lost: CancellationToken,
    stop: CancellationToken,
    renewing: Option<tokio::task::JoinHandle<()>>,
    store: Arc<dyn Store>,
}

/// What came of asking.
pub enum Asked {
    /// It is ours.
    Ours(Held),
    /// Somebody else has it.
    Theirs(LeaseView),
}

/// Asks for a lease once. `status` is asked at each renewal for what others are to see.
pub async fn ask(
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    identity: &Identity,
    subject: &str,
    status: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Asked, StoreError> {
    let asked_at = clock.running();
    let mut answer = store.take_lease(subject, &identity.holder, ttl_ms(), None).await?;
    if let LeaseAnswer::Held(view) = &answer
        && identity.is_gone(&view.holder)
    {
        answer = store.take_lease(subject, &identity.holder, ttl_ms(), Some(view.fence)).await?;
    }
    match answer {
        LeaseAnswer::Held(view) => Ok(Asked::Theirs(view)),
        LeaseAnswer::Granted(lease) => {
            let deadline = Arc::new(Deadline::default());
            deadline.set(asked_at + COUNTED_ON);
            let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
            let renewing = tokio::spawn(renew(Renewing {
                store: store.clone(),
                clock: clock.clone(),
                lease: lease.clone(),
                deadline: deadline.clone(),
                lost: lost.clone(),
                stop: stop.clone(),
                status: Box::new(status),
            }));
            Ok(Asked::Ours(Held { lease, deadline, lost, stop, renewing: Some(renewing), store: store.clone() }))
        }
    }
}

fn ttl_ms() -> i64 {
    i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX)
}

struct Renewing {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    lease: Lease,
    deadline: Arc<Deadline>,
    lost: CancellationToken,
    stop: CancellationToken,
    status: Box<dyn Fn() -> String + Send + Sync>,
}

async fn renew(renewing: Renewing) {
    let Renewing { store, clock, lease, deadline, lost, stop, status } = renewing;
    // However this task ends, nobody goes on believing in the lease.
    let _lost_at_the_end = lost.clone().drop_guard();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEW_EVERY) => {}
        }
        if deadline.passed(&*clock) {
            lost.cancel();
            return;
        }
        let asked_at = clock.running();
        match store.renew_lease(&lease, ttl_ms(), &status()).await {
            Ok(()) => deadline.set(asked_at + COUNTED_ON),
            Err(StoreError::LeaseLost) => {
                deadline.end();
                lost.cancel();
                return;
            }
            // The deadline stands where the last renewal put it; the gate closes by itself when it passes.
            Err(error) => tracing::warn!(subject = lease.subject, %error, "could not renew the lease"),
        }
    }
}

impl Held {
    /// Stops renewing and gives the lease back, so that another process may take it at once. Returns the lease when the
    /// store did not answer: it must be given back before it is asked for again, so that the next one has a fence of
    /// its own.
    pub async fn release(mut self) -> Option<Lease> {
        self.stop.cancel();
        if let Some(renewing) = self.renewing.take() {
            let _ = renewing.await;
        }
        match self.store.release_lease(&self.lease).await {
            Ok(()) | Err(StoreError::LeaseLost) => None,
            Err(error) => {
                tracing::warn!(subject = self.lease.subject, %error, "could not give the lease back; it ends by itself");
                Some(self.lease.clone())
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stop.cancel();
        self.deadline.end();
    }
}
