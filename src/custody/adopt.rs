//! Taking a copied or restored store into use, on an operator's word.

use super::{Custody, Mark, Standing, note_home};
use crate::domain::ids::BroadcastId;
use crate::domain::state::PauseReason;
use crate::domain::time::Millis;
use crate::engine::lease::Identity;
use crate::store::{Lease, LeaseAnswer, Store, StoreError};

/// For how long the senders' leases are taken, in milliseconds.
const LEASE_MS: i64 = 60_000;

/// What taking a store into use changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adopted {
    /// People who became in doubt, by broadcast.
    pub in_doubt: Vec<(BroadcastId, u64)>,
    /// Broadcasts that the store has only from before their start, although some of their people were sent to: paused.
    pub paused: Vec<BroadcastId>,
    /// Broadcasts that were sent from this machine and that the store does not know.
    pub unknown: Vec<BroadcastId>,
}

/// Takes the store into use where it is. Whoever may have been sent to after a restored backup was made becomes in
/// doubt. `Conflict` while another process drives one of its senders, or when the file was exchanged under this process.
pub async fn adopt(
    custody: &Custody,
    store: &dyn Store,
    sender: &str,
    identity: &Identity,
    now: Millis,
) -> Result<Adopted, StoreError> {
    if custody.standing(store, sender).await? == Standing::Exchanged {
        return Err(StoreError::Conflict(
            "the store's file was exchanged under this program: start it again".to_owned(),
        ));
    }
    let mut senders = custody.senders();
    if !senders.iter().any(|one| one == sender) {
        senders.push(sender.to_owned());
    }
    let mut adopted = Adopted::default();
    for sender in &senders {
        let lease = take(store, sender, identity).await?;
        let outcome = match custody.mark(sender) {
            Some(mark) => catch_up(custody, store, &lease, &mark, now, &mut adopted).await,
            None => Ok(()),
        };
        let released = store.release_lease(&lease).await;
        outcome.and(released)?;
    }
    // Last of all: a crash before this leaves it to be done again.
    note_home(store).await?;
    Ok(adopted)
}

async fn take(store: &dyn Store, sender: &str, identity: &Identity) -> Result<Lease, StoreError> {
    let holder = &identity.holder;
    let mut answer = store.take_lease(sender, holder, LEASE_MS, None).await?;
    if let LeaseAnswer::Held(view) = &answer
        && identity.is_gone(&view.holder)
    {
        answer = store.take_lease(sender, holder, LEASE_MS, Some(view.fence)).await?;
    }
    match answer {
        LeaseAnswer::Granted(lease) => Ok(lease),
        LeaseAnswer::Held(view) => Err(StoreError::Conflict(format!(
            "process {} on {} drives the sender {sender} on this store: end it first, or wait {} s if it has ended",
            view.holder.pid,
            view.holder.host,
            view.ends_in_ms.max(0) / 1_000 + 1
        ))),
    }
}

/// What lies between the backup and the mark becomes in doubt.
async fn catch_up(
    custody: &Custody,
    store: &dyn Store,
    lease: &Lease,
    mark: &Mark,
    now: Millis,
    adopted: &mut Adopted,
) -> Result<(), StoreError> {
    let windows = store.windows_opened(&lease.subject).await?;
    if windows >= mark.windows {
        return Ok(());
    }
    for (id, through) in &mark.through {
        let broadcast = match store.broadcast(id).await {
            Err(StoreError::NotFound(_)) => {
                adopted.unknown.push(id.clone());
                continue;
            }
            other => other?,
        };
        if broadcast.status.is_final() {
            continue;
        }
        if broadcast.started_at.is_none() {
            let detail = "some of its people were sent to after the backup was made that this store was restored from, and it \
                          is not known who: cancel it, or resume it if they may get it twice";
            store.pause(id, PauseReason::Store, detail, None).await?;
            adopted.paused.push(id.clone());
            continue;
        }
        let last = through.checked_sub(1);
        let people = store.doubt_queued(lease, id, last, now).await?;
        if people > 0 {
            adopted.in_doubt.push((id.clone(), people));
        }
    }
    // From here on the store is no longer behind.
    let mark = Mark { at: now, windows, through: mark.through.clone() };
    custody
        .keep(&lease.subject, &mark)
        .map_err(|error| StoreError::Setup(format!("the state folder cannot be written: {error}")))
}
