//! Follow-ups: some people of a broadcast that has ended get it once more, with the same values, by a linked one.

use super::broadcasts::{LONGEST_PAGE, check_pace};
use super::plan::{check_file, was_sent, wrong};
use super::{Kind, Result, Service, ServiceError, times};
use crate::domain::broadcast::{Audience, Broadcast, Definition, FollowUp, Pick};
use crate::domain::ids::BroadcastId;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::Millis;
use crate::store::{BroadcastMade, NewBroadcast};
use serde_json::json;

/// A follow-up that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUpRequest {
    /// The broadcast that has ended.
    pub of: BroadcastId,
    /// Which of its people.
    pub pick: Pick,
    /// Of those only these, by seq, rising; empty: all.
    pub only: Vec<u32>,
    /// Of those only who failed with this code.
    pub code: Option<i64>,
    /// The operator's word for it.
    pub label: String,
    /// When it is due; `None`: at once.
    pub start_at: Option<Millis>,
    /// A pace of its own, below the sender's.
    pub messages_per_second: Option<f64>,
    /// Refuse unless it goes to exactly this many people.
    pub expect: Option<u64>,
    /// Let it be one more for people who had a follow-up already.
    pub repeat: bool,
}

impl FollowUpRequest {
    /// All those of a kind, at once.
    pub fn new(of: BroadcastId, pick: Pick) -> Self {
        Self {
            of,
            pick,
            only: Vec::new(),
            code: None,
            label: String::new(),
            start_at: None,
            messages_per_second: None,
            expect: None,
            repeat: false,
        }
    }

    /// Whom it is for.
    pub fn audience(&self) -> FollowUp {
        FollowUp { of: self.of.clone(), pick: self.pick, only: self.only.clone(), code: self.code }
    }
}

/// The people whom a follow-up would go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    /// How many.
    pub people: u64,
    /// When the last of them may be written to, where WhatsApp wants them left alone until then: whoever is written to
    /// sooner may get the account blocked for it.
    pub due: Option<Millis>,
}

impl Service {
    /// Whom a follow-up would go to. `unknown_broadcast` (404).
    pub async fn picked(&self, follow_up: &FollowUp) -> Result<Picked> {
        let mut picked = Picked { people: 0, due: None };
        let mut after = None;
        loop {
            let page = self.recipients(&follow_up.of, follow_up.pick.state(), after, LONGEST_PAGE).await?;
            let Some(last) = page.last() else { return Ok(picked) };
            after = Some(last.seq);
            for row in page.iter().filter(|row| follow_up.takes(row.seq, row.state, row.code, row.due)) {
                picked.people += 1;
                picked.due = picked.due.max(row.due.filter(|_| follow_up.waits()));
            }
        }
    }

    /// Makes a follow-up. `unknown_broadcast` (404); `not_ended`, `not_due_yet`, `count_differs`, `looks_like_repeat` (409);
    /// `nobody_to_send_to`, `template_missing`, `template_not_approved`, `template_changed`, `bad_file`, `bad_pace`,
    /// `pace_too_high`, `in_the_past`, `sender_blocked` (422); `store_full` (503).
    pub async fn follow_up(&self, request: FollowUpRequest) -> Result<Broadcast> {
        self.may_change().await?;
        let parent = self.stored(&request.of).await?;
        if !parent.status.is_final() {
            let message = format!("{} has not ended: a follow-up takes up what is left then", request.of);
            return Err(ServiceError::new(Kind::Conflict, "not_ended", message));
        }
        if let Some(pace) = request.messages_per_second {
            check_pace(pace, self.inner.settings.messages_per_second)?;
        }
        if request.start_at.is_some_and(|at| at <= self.now()) {
            return Err(wrong("in_the_past", "that time is in the past".to_owned()));
        }
        let Picked { people, due } = self.picked(&request.audience()).await?;
        if let Some(expected) = request.expect.filter(|expected| *expected != people) {
            let message = format!("it would go to {people} people, not {expected}: nothing was sent");
            return Err(ServiceError::new(Kind::Conflict, "count_differs", message)
                .with_details(json!({ "expected": expected, "people": people })));
        }
        if people == 0 {
            return Err(wrong("nobody_to_send_to", format!("nobody of {} is to be taken up", request.of)));
        }
        if let Some(due) = due.filter(|due| *due > request.start_at.unwrap_or(self.now())) {
            // Not those alone whose time has come: they could not be told from the others the next time.
            let at = times::words(due, &self.inner.settings.time_zone, self.now());
            let message = format!("WhatsApp wants nothing to go to all of these people before {at}: plan it for then");
            return Err(ServiceError::new(Kind::Conflict, "not_due_yet", message)
                .with_details(json!({ "due_at": due.rfc3339() })));
        }
        if let Some(other) = self.followed_up_by(&request).await?.filter(|_| !request.repeat) {
            let sent = was_sent(&other, &self.inner.settings.time_zone, self.now());
            let message = format!("{sent}: if they are to get it once more, say that it is a repeat");
            return Err(ServiceError::new(Kind::Conflict, "looks_like_repeat", message)
                .with_details(json!({ "broadcast_id": other.id })));
        }
        let new = self.follow_up_of(&parent, &request, people).await?;
        let made = match self.make(new).await? {
            BroadcastMade::New(broadcast) | BroadcastMade::Replay(broadcast) => broadcast,
            BroadcastMade::KeyReused | BroadcastMade::LooksLikeRepeat(_) => {
                let message = "a follow-up was refused for a reason that it cannot have";
                return Err(ServiceError::new(Kind::Internal, "internal", message));
            }
        };
        let detail = format!("of {}: {} people, {}", request.of, people, request.pick.word());
        self.note_act("follow_up", made.id.as_str(), detail).await;
        self.ring();
        Ok(made)
    }

    async fn follow_up_of(&self, parent: &Broadcast, request: &FollowUpRequest, people: u64) -> Result<NewBroadcast> {
        let before = &parent.definition;
        let (template, _) = self.sendable_template(&before.template.name, &before.template.language).await?;
        // The values that were frozen then must fit the template as it is now.
        if template.slots().ok() != before.template.slots().ok() {
            let message =
                "the template has other variables by now, so the values of then do not fit: send a new broadcast";
            return Err(wrong("template_changed", message.to_owned()));
        }
        check_file(&template, &before.bindings).await?;
        self.check_space(people).await?;
        if request.start_at.is_none() {
            self.may_send_now(&template.category).await?;
        }
        let FollowUpRequest { label, start_at, messages_per_second, .. } = request.clone();
        let follow_up = Some(request.audience());
        let audience = Audience { list: None, uploads: Vec::new(), follow_up, own: Vec::new() };
        let status = if start_at.is_some() { BroadcastStatus::Scheduled } else { BroadcastStatus::Preparing };
        Ok(NewBroadcast {
            id: BroadcastId::from_random(fastrand::u64(..)),
            definition: Definition { label, template, audience, messages_per_second, ..before.clone() },
            status,
            start_at,
            total: u32::try_from(people).unwrap_or(u32::MAX),
            occurrence: None,
            idempotency: None,
            refuse_repeats_since: None,
        })
    }

    /// An earlier follow-up that went, or goes, to some of the same people.
    async fn followed_up_by(&self, request: &FollowUpRequest) -> Result<Option<Broadcast>> {
        // Whoever was in doubt and is taken up is in doubt no more.
        if request.pick == Pick::InDoubt {
            return Ok(None);
        }
        let asked = request.audience();
        for other in self.inner.store.broadcasts(false, LONGEST_PAGE).await? {
            let Some(before) = &other.definition.audience.follow_up else { continue };
            if asked.meets(before)
                && !(other.status == BroadcastStatus::Cancelled && self.nobody_was_sent_to(&other.id).await?)
            {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}
