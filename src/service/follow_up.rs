//! Follow-ups: some people of a broadcast that has ended get it once more, with the same values, by a linked one.

use super::broadcasts::{LONGEST_PAGE, cause, check_pace};
use super::plan::{check_file, was_sent, wrong};
use super::view::Cause;
use super::{Kind, Result, Service, ServiceError, times};
use crate::domain::broadcast::{Audience, Broadcast, Definition, FollowUp, Pick};
use crate::domain::cost::{Estimate, Tally};
use crate::domain::error_policy::{Action, ErrorPolicy};
use crate::domain::ids::BroadcastId;
use crate::domain::marketing::undeliverable;
use crate::domain::opt_out::Kinds;
use crate::domain::phone::Phone;
use crate::domain::said;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::store::{BroadcastMade, NewBroadcast, RecipientRow};
use serde_json::json;
use std::collections::BTreeMap;

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
    /// Of those not who failed with these codes.
    pub without: Vec<i64>,
    /// The operator's word for it.
    pub label: String,
    /// When it is due; `None`: at once.
    pub start_at: Option<Millis>,
    /// A pace of its own, below the sender's.
    pub messages_per_second: Option<f64>,
    /// Refuse unless it is made for exactly this many people.
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
            without: Vec::new(),
            label: String::new(),
            start_at: None,
            messages_per_second: None,
            expect: None,
            repeat: false,
        }
    }

    /// Whom it is for.
    pub fn audience(&self) -> FollowUp {
        let Self { of, pick, only, code, without, .. } = self;
        FollowUp { of: of.clone(), pick: *pick, only: only.clone(), code: *code, without: without.clone() }
    }
}

/// The people whom a follow-up would go to, and what is to be known before it is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picked {
    /// How many.
    pub people: u64,
    /// When the last of them may be written to, where WhatsApp wants them left alone until then: whoever is written to
    /// sooner may get the account blocked for it.
    pub due: Option<Millis>,
    /// Those of them for whom sending again does not help, or does harm, by why they failed, most first.
    pub not_again: Vec<Cause>,
    /// Those of them whom WhatsApp wants left alone for now, if the follow-up does not wait for that, by why they failed,
    /// most first; and until when, for the last of each kind.
    pub not_yet: Vec<(Cause, Millis)>,
    /// Those of them who are left out when it starts, by rule, most first: opted out since, for one.
    pub left_out: Vec<(String, u64)>,
    /// What it would cost those who are not left out.
    pub cost: Estimate,
    /// An earlier follow-up that went, or goes, to some of them; and what is to be said of it.
    pub repeat_of: Option<(BroadcastId, String)>,
}

impl Picked {
    /// How many people it would be sent to.
    pub fn goes_to(&self) -> u64 {
        self.people.saturating_sub(self.left_out.iter().map(|(_, count)| count).sum())
    }
}

impl Service {
    /// Whom a follow-up would go to. Walks the people of the broadcast. `unknown_broadcast` (404).
    pub async fn picked(&self, follow_up: &FollowUp) -> Result<Picked> {
        let parent = self.stored(&follow_up.of).await?;
        let category = &parent.definition.template.category;
        let held_back = Kinds::holding_back(category, self.inner.settings.typed_holds);
        let earlier = self.followed_up_by(follow_up).await?;
        let mut picked = Picked::default();
        let (mut not_again, mut left_out) = (BTreeMap::<i64, u64>::new(), BTreeMap::<&str, u64>::new());
        let mut not_yet = BTreeMap::<i64, (u64, Millis)>::new();
        let mut goes_to = Tally::default();
        let mut after = None;
        loop {
            let page = self.recipients(&follow_up.of, follow_up.pick.state(), after, LONGEST_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            let takes = |row: &&RecipientRow| follow_up.takes(row.seq, row.state, row.code, row.due);
            let rows: Vec<_> = page.iter().filter(takes).collect();
            let phones: Vec<Phone> = rows.iter().map(|row| row.phone).collect();
            for (row, kinds) in rows.into_iter().zip(self.inner.store.opted_out(&phones).await?) {
                picked.people += 1;
                picked.due = picked.due.max(row.due.filter(|_| follow_up.waits()));
                match worth(self.error_policy(), follow_up, row, self.now()) {
                    Worth::Trying => {}
                    Worth::Nothing => *not_again.entry(row.code).or_default() += 1,
                    Worth::Waiting(due) => {
                        let (count, until) = not_yet.entry(row.code).or_insert((0, due));
                        *count += 1;
                        *until = due.max(*until);
                    }
                }
                if let Some(rule) = undeliverable(category, row.phone).or_else(|| kinds.reason(held_back)) {
                    *left_out.entry(rule).or_default() += 1;
                } else {
                    goes_to.add(row.phone);
                }
                if picked.repeat_of.is_none()
                    && let Some(other) = earlier.iter().find(|other| may_have_taken(self.error_policy(), other, row))
                {
                    let words = was_sent(other, &self.inner.settings.time_zone, self.now());
                    picked.repeat_of = Some((other.id.clone(), words));
                }
            }
        }
        picked.not_again =
            not_again.into_iter().map(|(code, count)| for_good(self.error_policy(), code, count)).collect();
        picked.not_again.sort_by(|a, b| b.count.cmp(&a.count).then(a.code.cmp(&b.code)));
        picked.not_yet = not_yet
            .into_iter()
            .map(|(code, (count, until))| (cause(self.error_policy(), code, count), until))
            .collect();
        picked.not_yet.sort_by(|(a, _), (b, _)| b.count.cmp(&a.count).then(a.code.cmp(&b.code)));
        picked.left_out = left_out.into_iter().map(|(rule, count)| (rule.to_owned(), count)).collect();
        picked.left_out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        picked.cost = self.estimate(&goes_to, category, None);
        Ok(picked)
    }

    /// Makes a follow-up. `unknown_broadcast` (404); `not_ended`, `not_due_yet`, `count_differs`, `looks_like_repeat` (409);
    /// `nobody_to_send_to`, `template_missing`, `template_not_approved`, `template_changed`, `bad_file`, `bad_pace`,
    /// `pace_too_high`, `in_the_past`, `sender_blocked` (422); `store_full` (503).
    pub async fn follow_up(&self, request: FollowUpRequest) -> Result<Broadcast> {
        self.may_change().await?;
        let parent = self.stored(&request.of).await?;
        if !parent.status.is_final() {
            let message = format!("{} has not ended: a follow-up is for those who are left then", request.of);
            return Err(ServiceError::new(Kind::Conflict, "not_ended", message));
        }
        if let Some(pace) = request.messages_per_second {
            check_pace(pace, self.inner.settings.messages_per_second)?;
        }
        if request.start_at.is_some_and(|at| at <= self.now()) {
            return Err(wrong("in_the_past", "that time is in the past".to_owned()));
        }
        let Picked { people, due, repeat_of, .. } = self.picked(&request.audience()).await?;
        if let Some(expected) = request.expect.filter(|expected| *expected != people) {
            let message = format!("it would go to {}, not {expected}: nothing was sent", said::people(people));
            return Err(ServiceError::new(Kind::Conflict, "count_differs", message)
                .with_details(json!({ "expected": expected, "people": people })));
        }
        if people == 0 {
            return Err(wrong("nobody_to_send_to", format!("nobody of {} is of that kind", request.of)));
        }
        if let Some(due) = due.filter(|due| *due > request.start_at.unwrap_or(self.now())) {
            // Not those alone whose time has come: they could not be told from the others the next time.
            let at = times::words(due, &self.inner.settings.time_zone, self.now());
            let message = format!("WhatsApp wants nothing to go to all of these people before {at}: plan it for then");
            return Err(ServiceError::new(Kind::Conflict, "not_due_yet", message)
                .with_details(json!({ "due_at": due.rfc3339() })));
        }
        if let Some((other, sent)) = repeat_of.filter(|_| !request.repeat) {
            let message = format!("{sent}: if they are to get it once more, say that it is a repeat");
            return Err(ServiceError::new(Kind::Conflict, "looks_like_repeat", message)
                .with_details(json!({ "broadcast_id": other })));
        }
        let new = self.follow_up_of(&parent, &request, people).await?;
        let made = match self.make(new).await? {
            BroadcastMade::New(broadcast) | BroadcastMade::Replay(broadcast) => broadcast,
            BroadcastMade::KeyReused | BroadcastMade::LooksLikeRepeat(_) => {
                let message = "a follow-up was refused for a reason that it cannot have";
                return Err(ServiceError::new(Kind::Internal, "internal", message));
            }
        };
        let detail = format!("of {}: {}, {}", request.of, said::people(people), request.pick.word());
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

    /// The earlier follow-ups that may have gone, or go, to some of the same people, newest first.
    async fn followed_up_by(&self, asked: &FollowUp) -> Result<Vec<Broadcast>> {
        let mut earlier = Vec::new();
        // Whoever was in doubt and is taken up is in doubt no more.
        if asked.pick == Pick::InDoubt {
            return Ok(earlier);
        }
        for other in self.inner.store.broadcasts(false, LONGEST_PAGE).await? {
            let Some(before) = &other.definition.audience.follow_up else { continue };
            if asked.meets(before)
                && !(other.status == BroadcastStatus::Cancelled && self.nobody_was_sent_to(&other.id).await?)
            {
                earlier.push(other);
            }
        }
        Ok(earlier)
    }
}

/// What comes of sending again to somebody.
enum Worth {
    /// It may reach them.
    Trying,
    /// It may, but WhatsApp wants them left alone until then.
    Waiting(Millis),
    /// It does not.
    Nothing,
}

/// Whether sending again may reach somebody who stands so: not whose failure lasts, and not before WhatsApp lets them be
/// tried, unless the follow-up waits for that.
fn worth(policy: &ErrorPolicy, follow_up: &FollowUp, row: &RecipientRow, now: Millis) -> Worth {
    if row.state != RecipientState::Failed {
        return Worth::Trying;
    }
    let rule = policy.rule_for(row.code, None, None, false);
    match (rule.action, row.due) {
        (_, Some(due)) if follow_up.waits() || due <= now => Worth::Trying,
        (_, Some(due)) => Worth::Waiting(due),
        (Action::Fail | Action::FailRetryLater, None) => Worth::Nothing,
        // What was wrong with one person's values is still wrong with them.
        (_, None) if rule.one_row => Worth::Nothing,
        (_, None) => Worth::Trying,
    }
}

/// The words for failures that last. Where others with this code may be tried later, what sets these apart is said.
fn for_good(policy: &ErrorPolicy, code: i64, count: u64) -> Cause {
    let mut cause = cause(policy, code, count);
    if policy.rule_for(code, None, None, false).action == Action::FailRetryLater {
        cause.title.push_str(", and not to be tried any more");
    }
    cause
}

/// Whether an earlier follow-up of the same kind may have gone to somebody: by the cause, which a late receipt may have
/// changed for one person, but hardly for all of a kind.
fn may_have_taken(policy: &ErrorPolicy, earlier: &Broadcast, row: &RecipientRow) -> bool {
    let Some(before) = &earlier.definition.audience.follow_up else { return false };
    if row.state != RecipientState::Failed {
        return true;
    }
    let passes = || policy.rule_for(row.code, None, None, false).action == Action::FailRetryLater;
    before.takes_code(row.code) && (before.pick != Pick::Retry || row.due.is_some() || passes())
}
