//! Leases: who may drive what.

use super::ledger::{KeptLease, Ledger};
use wacast::domain::time::Millis;
use wacast::store::{Holder, Lease, LeaseAnswer, LeaseView, Result, StoreError};

impl Ledger {
    /// Refuses a decision unless the lease is the newest of its subject and was not given back.
    pub(super) fn check_lease(&self, lease: &Lease) -> Result<()> {
        let stands = |kept: &KeptLease| kept.fence == lease.fence && kept.holder.is_some();
        if self.leases.get(&lease.subject).is_some_and(stands) { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    pub(super) fn lease(&self, subject: &str, now: Millis) -> Option<LeaseView> {
        let kept = self.leases.get(subject)?;
        Some(LeaseView {
            subject: subject.to_owned(),
            holder: kept.holder.clone()?,
            fence: kept.fence,
            ends_in_ms: kept.ends_at.since(now),
            status: kept.status.clone(),
        })
    }

    pub(super) fn take_lease(
        &mut self,
        subject: &str,
        holder: &Holder,
        now: Millis,
        ttl_ms: i64,
        holder_is_gone: Option<u64>,
    ) -> LeaseAnswer {
        let ours = match self.lease(subject, now) {
            None => false,
            Some(other) if other.holder.process == holder.process => true,
            Some(other) if other.ends_in_ms <= 0 || holder_is_gone == Some(other.fence) => false,
            Some(other) => return LeaseAnswer::Held(other),
        };
        let before = self.leases.remove(subject);
        let fence = before.as_ref().map_or(1, |before| before.fence + u64::from(!ours));
        let status = before.filter(|_| ours).map(|before| before.status).unwrap_or_default();
        let kept = KeptLease { fence, holder: Some(holder.clone()), ends_at: now.plus(ttl_ms), status };
        self.leases.insert(subject.to_owned(), kept);
        LeaseAnswer::Granted(Lease { subject: subject.to_owned(), fence })
    }

    pub(super) fn renew_lease(&mut self, lease: &Lease, ends_at: Millis, status: &str) -> Result<()> {
        self.check_lease(lease)?;
        if let Some(kept) = self.leases.get_mut(&lease.subject) {
            kept.ends_at = ends_at;
            status.clone_into(&mut kept.status);
        }
        Ok(())
    }

    /// The fence stays, so that the next one is higher.
    pub(super) fn release_lease(&mut self, lease: &Lease) -> Result<()> {
        self.check_lease(lease)?;
        if let Some(kept) = self.leases.get_mut(&lease.subject) {
            kept.holder = None;
        }
        Ok(())
    }
}
