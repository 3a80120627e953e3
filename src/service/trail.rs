//! The audit trail: who did what, and whether anybody changed it since.

use super::{Result, Service};
use crate::custody::trail;
use crate::domain::audit::{Act, BEGINNING, Entry, broken_at};

/// Entries in one page.
const PAGE: u32 = 1_000;

/// What came of checking the trail.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct TrailCheck {
    /// Entries that follow one another.
    pub entries: u64,
    /// The first one that does not follow the one before it: it, or one before it, was changed, removed or inserted.
    pub broken_at: Option<u64>,
    /// Entries were cut off at the end, or all written anew: this one, written from this machine, is not there any more.
    pub missing: Option<u64>,
}

impl TrailCheck {
    /// Whether nothing shows.
    pub fn is_whole(&self) -> bool {
        self.broken_at.is_none() && self.missing.is_none()
    }
}

impl Service {
    /// Puts on the trail what was done by whoever asks. `subject`: to what.
    pub(super) async fn note_act(&self, what: &str, subject: &str, detail: impl Into<String>) {
        let act = Act {
            at: self.now(),
            who: self.who.to_string(),
            what: what.to_owned(),
            subject: subject.to_owned(),
            detail: detail.into(),
        };
        trail::note(&*self.inner.store, self.inner.custody.as_ref(), act).await;
    }

    /// Entries after `after` in order, `limit` (1 to 5,000) at most.
    pub async fn audit_trail(&self, after: u64, limit: u32) -> Result<Vec<Entry>> {
        Ok(self.inner.store.audit_trail(after, limit.clamp(1, super::broadcasts::LONGEST_PAGE)).await?)
    }

    /// Reads the whole trail and says whether each entry follows the one before it, and whether the newest one that was
    /// written from this machine is still there.
    pub async fn check_trail(&self) -> Result<TrailCheck> {
        let head = self.inner.custody.as_ref().and_then(crate::custody::Custody::trail_head);
        let mut head_found = false;
        let mut check = TrailCheck::default();
        let mut hash = BEGINNING.to_owned();
        loop {
            let page = self.inner.store.audit_trail(check.entries, PAGE).await?;
            let Some(last) = page.last() else { break };
            check.broken_at = broken_at(check.entries, &hash, &page);
            head_found |=
                head.as_ref().is_some_and(|(id, hash)| page.iter().any(|one| one.id == *id && one.hash == *hash));
            if check.broken_at.is_some() {
                return Ok(check);
            }
            check.entries = last.id;
            hash.clone_from(&last.hash);
        }
        check.missing = head.filter(|_| !head_found).map(|(id, _)| id);
        Ok(check)
    }
}
