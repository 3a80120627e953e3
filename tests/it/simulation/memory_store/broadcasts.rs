//! A broadcast's life: made, frozen, started, paused, resumed, cancelled, completed.

use super::ledger::{Kept, Ledger, Next, Standing};
use wacast::domain::broadcast::{Broadcast, Definition};
use wacast::domain::ids::BroadcastId;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::time::Millis;
use wacast::store::{AudiencePlace, BroadcastMade, Lease, NewBroadcast, NewRecipient, Result, StoreError};

fn check_move(broadcast: &Broadcast, next: BroadcastStatus) -> Result<()> {
    if broadcast.status.may_become(next) {
        return Ok(());
    }
    let (id, from, next) = (&broadcast.id, broadcast.status.word(), next.word());
    Err(StoreError::Conflict(format!("broadcast {id} is {from} and cannot become {next}")))
}

impl Ledger {
    pub(super) fn broadcasts(&self, open_only: bool, limit: u32) -> Vec<Broadcast> {
        let newest = self.broadcasts.iter().rev().map(|kept| &kept.broadcast);
        newest.filter(|one| !open_only || !one.status.is_final()).take(limit as usize).cloned().collect()
    }

    pub(super) fn make_broadcast(&mut self, new: NewBroadcast, now: Millis) -> Result<BroadcastMade> {
        if !matches!(new.status, BroadcastStatus::Scheduled | BroadcastStatus::Preparing) {
            return Err(StoreError::Conflict(format!("a broadcast is not made as {}", new.status.word())));
        }
        if let Some(before) = self.made_before(&new) {
            return Ok(before);
        }
        if self.find(&new.id).is_some() {
            return Err(StoreError::Conflict(format!("there is a broadcast {} already", new.id)));
        }
        if let Some(repeated) = new.refuse_repeats_since.and_then(|since| self.repeated(&new.definition, since)) {
            return Ok(BroadcastMade::LooksLikeRepeat(repeated));
        }
        self.all_stand(&new.definition.audience.uploads)?;
        let fixed = new.status == BroadcastStatus::Preparing || new.definition.audience.is_fixed();
        let broadcast = Broadcast {
            id: new.id,
            definition: new.definition,
            status: new.status,
            reason: None,
            detail: String::new(),
            total: new.total,
            created_at: now,
            start_at: new.start_at,
            started_at: None,
            ended_at: None,
            occurrence: new.occurrence,
            resume_at: None,
        };
        let made = BroadcastMade::New(broadcast.clone());
        self.broadcasts.push(Kept { broadcast, people: vec![], place: None, fixed, idempotency: new.idempotency });
        Ok(made)
    }

    fn made_before(&self, new: &NewBroadcast) -> Option<BroadcastMade> {
        if let Some((key, hash)) = &new.idempotency {
            let same = |kept: &&Kept| kept.idempotency.as_ref().is_some_and(|(other, _)| other == key);
            if let Some(before) = self.broadcasts.iter().find(same) {
                let same_content = before.idempotency.as_ref().is_some_and(|(_, other)| other == hash);
                let replay = BroadcastMade::Replay(before.broadcast.clone());
                return Some(if same_content { replay } else { BroadcastMade::KeyReused });
            }
        }
        new.occurrence.as_ref()?;
        let before = self.broadcasts.iter().find(|kept| kept.broadcast.occurrence == new.occurrence)?;
        Some(BroadcastMade::Replay(before.broadcast.clone()))
    }

    fn repeated(&self, definition: &Definition, since: Millis) -> Option<BroadcastId> {
        let sent_to = |kept: &Kept| {
            use RecipientState::{Cancelled, Queued, Skipped};
            kept.people.iter().any(|person| !matches!(person.state, Queued | Skipped | Cancelled))
        };
        let repeats = |kept: &&Kept| {
            let other = &kept.broadcast.definition;
            other.template.key() == definition.template.key()
                && other.audience.is_like(&definition.audience)
                && kept.broadcast.created_at >= since
                && (kept.broadcast.status != BroadcastStatus::Cancelled || sent_to(kept))
        };
        let newest = self.broadcasts.iter().filter(repeats).max_by_key(|kept| kept.broadcast.created_at);
        newest.map(|kept| kept.broadcast.id.clone())
    }

    pub(super) fn start_broadcast(&mut self, id: &BroadcastId, made: Definition, total: u32) -> Result<Broadcast> {
        self.all_stand(&made.audience.uploads)?;
        let kept = self.known_mut(id)?;
        if kept.broadcast.status != BroadcastStatus::Scheduled {
            let status = kept.broadcast.status.word();
            return Err(StoreError::Conflict(format!("broadcast {id} is {status}, not scheduled")));
        }
        kept.broadcast.status = BroadcastStatus::Preparing;
        kept.broadcast.definition = made;
        kept.broadcast.total = total;
        kept.fixed = true;
        Ok(kept.broadcast.clone())
    }

    /// The broadcast, if it exists and goes out from the lease's sender, and the lease stands.
    pub(super) fn held(&mut self, lease: &Lease, id: &BroadcastId) -> Result<&mut Kept> {
        self.check_lease(lease)?;
        let kept = self.known_mut(id)?;
        if kept.broadcast.definition.sender == lease.subject { Ok(kept) } else { Err(StoreError::LeaseLost) }
    }

    fn freezing(&mut self, lease: &Lease, id: &BroadcastId, stored: u32) -> Result<&mut Kept> {
        let kept = self.held(lease, id)?;
        let status = kept.broadcast.status;
        if status != BroadcastStatus::Preparing {
            return Err(StoreError::Conflict(format!("broadcast {id} is {}, not preparing", status.word())));
        }
        let people = kept.people.len();
        if people != stored as usize {
            return Err(StoreError::Conflict(format!("broadcast {id} has {people} recipients stored, not {stored}")));
        }
        Ok(kept)
    }

    pub(super) fn add_recipients(
        &mut self,
        lease: &Lease,
        id: &BroadcastId,
        from: u32,
        recipients: Vec<NewRecipient>,
        place: AudiencePlace,
    ) -> Result<()> {
        let kept = self.freezing(lease, id, from)?;
        kept.people.extend(recipients.into_iter().map(|new| Standing {
            phone: new.phone,
            name: new.name,
            values: new.values,
            state: if new.skipped.is_some() { RecipientState::Skipped } else { RecipientState::Queued },
            attempt: 0,
            tries: 0,
            due: None,
            code: 0,
            detail: new.skipped.unwrap_or_default(),
            changed_at: None,
            fence: 0,
        }));
        kept.place = Some(place);
        Ok(())
    }

    pub(super) fn frozen_so_far(&self, id: &BroadcastId) -> Result<(u32, Option<AudiencePlace>)> {
        let kept = self.known(id)?;
        Ok((u32::try_from(kept.people.len()).unwrap(), kept.place))
    }

    pub(super) fn begin_running(
        &mut self,
        lease: &Lease,
        id: &BroadcastId,
        total: u32,
        now: Millis,
    ) -> Result<Broadcast> {
        let kept = self.freezing(lease, id, total)?;
        kept.broadcast.status = BroadcastStatus::Running;
        kept.broadcast.total = total;
        kept.broadcast.started_at = Some(now);
        Ok(kept.broadcast.clone())
    }

    pub(super) fn pause(
        &mut self,
        id: &BroadcastId,
        reason: PauseReason,
        detail: &str,
        resume_at: Option<Millis>,
    ) -> Result<Broadcast> {
        let broadcast = &mut self.known_mut(id)?.broadcast;
        if broadcast.status == BroadcastStatus::Paused {
            let puts_off = broadcast.reason == Some(reason) && broadcast.resume_at.is_some();
            if reason != PauseReason::Operator && !puts_off {
                return Ok(broadcast.clone());
            }
        } else {
            check_move(broadcast, BroadcastStatus::Paused)?;
        }
        broadcast.status = BroadcastStatus::Paused;
        (broadcast.reason, broadcast.resume_at) = (Some(reason), resume_at);
        detail.clone_into(&mut broadcast.detail);
        Ok(broadcast.clone())
    }

    pub(super) fn resume(&mut self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let kept = self.known_mut(id)?;
        let broadcast = &mut kept.broadcast;
        if broadcast.status != BroadcastStatus::Paused {
            let status = broadcast.status.word();
            return Err(StoreError::Conflict(format!("broadcast {id} is {status}, not paused")));
        }
        broadcast.status = match (broadcast.started_at, kept.fixed) {
            (Some(_), _) => BroadcastStatus::Running,
            (None, true) => BroadcastStatus::Preparing,
            (None, false) => BroadcastStatus::Scheduled,
        };
        if broadcast.status == BroadcastStatus::Scheduled {
            broadcast.start_at = Some(broadcast.start_at.unwrap_or(now).max(now));
        }
        (broadcast.reason, broadcast.resume_at) = (None, None);
        broadcast.detail.clear();
        Ok(broadcast.clone())
    }

    pub(super) fn cancel(&mut self, id: &BroadcastId, now: Millis) -> Result<Broadcast> {
        let kept = self.known_mut(id)?;
        let broadcast = &mut kept.broadcast;
        check_move(broadcast, BroadcastStatus::Cancelled)?;
        broadcast.status = BroadcastStatus::Cancelled;
        (broadcast.reason, broadcast.resume_at, broadcast.ended_at) = (None, None, Some(now));
        broadcast.detail.clear();
        broadcast.total = u32::try_from(kept.people.len()).unwrap();
        let cancelled = broadcast.clone();
        let queued = |(_, person): &(u32, &Standing)| person.state == RecipientState::Queued;
        let moves: Vec<_> = (0..).zip(&kept.people).filter(queued).map(|(seq, person)| (seq, person.clone())).collect();
        for (seq, person) in moves {
            // Its error, if it had one, stays in view.
            let next = Next::of(&person, RecipientState::Cancelled).because(person.code, &person.detail);
            self.turn(id, seq, next, now);
        }
        Ok(cancelled)
    }

    pub(super) fn complete(&mut self, lease: &Lease, id: &BroadcastId, now: Millis) -> Result<bool> {
        let kept = self.held(lease, id)?;
        if kept.broadcast.status == BroadcastStatus::Completed {
            return Ok(true);
        }
        check_move(&kept.broadcast, BroadcastStatus::Completed)?;
        if kept.counts().open() > 0 {
            return Ok(false);
        }
        kept.broadcast.status = BroadcastStatus::Completed;
        kept.broadcast.ended_at = Some(now);
        Ok(true)
    }
}
