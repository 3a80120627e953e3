//! What happened since somebody was last here: what ended, what is held and why, what is not sure, what schedules did.
//!
//! Everything is read from what is stored (broadcasts, schedules, the audit trail); nothing is kept for it, so it is the
//! same whoever asks and wherever. Bounded: an answer that leaves something out says so.

use super::view::{BroadcastView, Cause};
use super::{Result, Service};
use crate::domain::audit::Entry;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::time::{MINUTE, Millis};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many of the newest broadcasts are looked at.
const BROADCASTS: u32 = 500;
/// How many broadcasts, imports or occurrences of one kind are told of.
const TOLD: usize = 100;
/// How many entries of the audit trail are read at most, and in one page.
const ENTRIES: usize = 50_000;
const PAGE: u32 = 5_000;
/// A schedule that is due for longer than this, and that nobody has looked at, was missed.
const MISSED_AFTER_MS: i64 = MINUTE;

/// What happened since a moment. Lists have the newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Since {
    /// The moment.
    pub since: Millis,
    /// When it was looked at.
    pub at: Millis,
    /// Broadcasts that were completed or cancelled since then, with their figures.
    pub finished: Vec<BroadcastView>,
    /// Broadcasts that are paused now, whenever that came; `reason` and `detail` say why.
    pub held: Vec<BroadcastView>,
    /// Broadcasts with people of whom it is not known whether they got it: those that finished since then, or are open.
    pub in_doubt: Vec<(BroadcastId, u64)>,
    /// Failures of those that finished since then, by cause, most first.
    pub failures: Vec<Cause>,
    /// What schedules did, and what they should have done.
    pub occurrences: Vec<Occurrence>,
    /// Broadcasts that were paused for their template since then, and why in words.
    pub template_pauses: Vec<TemplatePause>,
    /// People's words for not being written to since then, whatever they said later. Imported lists are not counted.
    pub opt_outs: u64,
    /// Files and calls that brought numbers.
    pub imports: Vec<Imported>,
    /// There is more than is told here.
    pub more: bool,
}

/// A planned time of a schedule that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The schedule.
    pub schedule: ScheduleId,
    /// The planned time.
    pub planned_at: Millis,
    /// What came of it.
    pub outcome: Outcome,
    /// Its broadcast; `None` when it was missed.
    pub broadcast: Option<BroadcastId>,
}

/// What came of a planned time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It started.
    Fired,
    /// It waits for a person: too late to start by itself, or its template cannot be sent.
    Held,
    /// Its time has passed and nobody was there to look.
    Missed,
}

impl Outcome {
    /// The word in the HTTP API and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Held => "held",
            Self::Missed => "missed",
        }
    }
}

/// A broadcast that was paused for its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePause {
    /// The broadcast.
    pub broadcast: BroadcastId,
    /// When.
    pub at: Millis,
    /// Why, in words.
    pub detail: String,
}

/// Numbers that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The list.
    pub list: String,
    /// The file's name or `api`.
    pub source: String,
    /// When they became visible.
    pub at: Millis,
    /// Rows read, people new to the list, rows that could not be used.
    pub received: u64,
    /// See `received`.
    pub imported: u64,
    /// See `received`.
    pub rejected: u64,
}

impl Since {
    /// Whether there is nothing to tell.
    pub fn is_quiet(&self) -> bool {
        let nothing = Self { since: self.since, at: self.at, ..Self::default() };
        *self == nothing
    }

    /// How many people are in doubt in all.
    pub fn people_in_doubt(&self) -> u64 {
        self.in_doubt.iter().map(|(_, people)| people).sum()
    }

    /// As the HTTP API and `--json` show it.
    pub fn to_json(&self) -> Value {
        let views = |views: &[BroadcastView]| views.iter().map(BroadcastView::to_json).collect::<Vec<_>>();
        json!({
            "since": self.since.rfc3339(),
            "at": self.at.rfc3339(),
            "finished": views(&self.finished),
            "held": views(&self.held),
            "in_doubt": self.in_doubt.iter()
                .map(|(id, people)| json!({ "broadcast_id": id, "people": people })).collect::<Vec<_>>(),
            "failures": self.failures,
            "schedules": self.occurrences.iter().map(|one| json!({
                "schedule_id": one.schedule,
                "planned_at": one.planned_at.rfc3339(),
                "outcome": one.outcome.word(),
                "broadcast_id": one.broadcast,
            })).collect::<Vec<_>>(),
            "template_pauses": self.template_pauses.iter().map(|one| json!({
                "broadcast_id": one.broadcast, "at": one.at.rfc3339(), "detail": one.detail,
            })).collect::<Vec<_>>(),
            "opt_outs": self.opt_outs,
            "imports": self.imports.iter().map(|one| json!({
                "list": one.list,
                "source": one.source,
                "at": one.at.rfc3339(),
                "received": one.received,
                "imported": one.imported,
                "rejected": one.rejected,
            })).collect::<Vec<_>>(),
            "more": self.more,
        })
    }
}

impl Service {
    /// What happened at or after `since`.
    pub async fn since(&self, since: Millis) -> Result<Since> {
        let mut told = Since { since, at: self.now(), ..Since::default() };
        let newest = self.inner.store.broadcasts(false, BROADCASTS).await?;
        told.more = newest.len() == BROADCASTS as usize && newest.last().is_some_and(|one| one.created_at >= since);
        // What is open counts however old it is.
        let mut broadcasts = self.inner.store.broadcasts(true, BROADCASTS).await?;
        broadcasts.retain(|open| newest.iter().all(|one| one.id != open.id));
        broadcasts.extend(newest);
        broadcasts.sort_by_key(|one| std::cmp::Reverse((one.ended_at.unwrap_or(one.created_at), one.created_at)));
        self.tell_broadcasts(&mut told, broadcasts).await?;
        for schedule in self.inner.store.schedules().await?.into_iter().filter(|schedule| schedule.enabled) {
            let missed = |planned_at: &Millis| told.at.since(*planned_at) > MISSED_AFTER_MS;
            if let Some(planned_at) = schedule.next_fire_at.filter(missed) {
                let (schedule, outcome) = (schedule.id, Outcome::Missed);
                told.occurrences.push(Occurrence { schedule, planned_at, outcome, broadcast: None });
            }
        }
        told.occurrences.sort_by_key(|one| std::cmp::Reverse(one.planned_at));
        self.tell_trail(&mut told).await?;
        self.tell_imports(&mut told).await?;
        Ok(told)
    }

    /// When [`Service::seen_now`] was last said by whoever asks, on whatever machine; `None`: never.
    pub async fn last_seen(&self) -> Result<Option<Millis>> {
        let note = self.recall(&self.seen_key()).await?;
        Ok(note.and_then(|text| text.parse().ok()).map(Millis))
    }

    /// Remembers that whoever asks is here now and has seen what there is to see.
    pub async fn seen_now(&self) -> Result<()> {
        self.remember(&self.seen_key(), &self.now().0.to_string()).await
    }

    fn seen_key(&self) -> String {
        format!("seen.{}", self.who)
    }

    async fn tell_broadcasts(&self, told: &mut Since, broadcasts: Vec<Broadcast>) -> Result<()> {
        let mut failures: BTreeMap<i64, Cause> = BTreeMap::new();
        for broadcast in broadcasts {
            if let Some((schedule, planned_at)) =
                broadcast.occurrence.clone().filter(|_| broadcast.created_at >= told.since)
            {
                let waits = matches!(broadcast.reason, Some(PauseReason::Absence | PauseReason::Template));
                let held = broadcast.started_at.is_none() && broadcast.status == BroadcastStatus::Paused && waits;
                let outcome = if held { Outcome::Held } else { Outcome::Fired };
                let broadcast = Some(broadcast.id.clone());
                told.occurrences.push(Occurrence { schedule, planned_at, outcome, broadcast });
            }
            let finished = broadcast.ended_at.is_some_and(|at| at >= told.since);
            if !finished && broadcast.status.is_final() {
                continue;
            }
            let held = broadcast.status == BroadcastStatus::Paused;
            if (finished && told.finished.len() >= TOLD) || (held && told.held.len() >= TOLD) {
                told.more = true;
                continue;
            }
            let view = self.with_figures(broadcast).await?;
            let doubts = view.counts.get(RecipientState::InDoubt);
            if doubts > 0 {
                told.in_doubt.push((view.broadcast.id.clone(), doubts));
            }
            if finished {
                for cause in &view.failures {
                    failures
                        .entry(cause.code)
                        .and_modify(|all| all.count += cause.count)
                        .or_insert_with(|| cause.clone());
                }
                told.finished.push(view);
            } else if held {
                told.held.push(view);
            }
        }
        told.failures = failures.into_values().collect();
        told.failures.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        told.more |= told.occurrences.len() > TOLD;
        told.occurrences.truncate(TOLD);
        Ok(())
    }

    async fn tell_trail(&self, told: &mut Since) -> Result<()> {
        let mut after = self.trail_before(told.since).await?;
        let mut read = 0;
        let template = format!("{}: ", PauseReason::Template.word());
        loop {
            let page = self.inner.store.audit_trail(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            read += page.len();
            for Entry { act, .. } in page.into_iter().filter(|entry| entry.act.at >= told.since) {
                match act.what.as_str() {
                    "opt_out" => told.opt_outs += 1,
                    "pause" => {
                        if let (Some(detail), Ok(broadcast)) = (act.detail.strip_prefix(&template), act.subject.parse())
                        {
                            let detail = detail.to_owned();
                            told.template_pauses.push(TemplatePause { broadcast, at: act.at, detail });
                        }
                    }
                    _ => {}
                }
            }
            if read >= ENTRIES {
                told.more = true;
                break;
            }
        }
        told.template_pauses.reverse();
        told.more |= told.template_pauses.len() > TOLD;
        told.template_pauses.truncate(TOLD);
        Ok(())
    }

    /// The id of an entry after which everything is that came at or after `since` (a little more, where clocks differ).
    /// Ids have no gaps, so it is found in steps of twice the length, then by halves: some forty rows of a million.
    async fn trail_before(&self, since: Millis) -> Result<u64> {
        let (mut low, mut step) = (0, 1);
        while self.is_before(low + step, since).await? {
            low += step;
            step *= 2;
        }
        let mut high = low + step;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.is_before(middle, since).await? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    async fn is_before(&self, id: u64, since: Millis) -> Result<bool> {
        let entry = self.inner.store.audit_trail(id - 1, 1).await?;
        Ok(entry.first().is_some_and(|entry| entry.act.at < since))
    }

    async fn tell_imports(&self, told: &mut Since) -> Result<()> {
        let newest = self.inner.store.uploads(None, u32::try_from(TOLD).unwrap_or(u32::MAX)).await?;
        let all = newest.len();
        let since = newest.into_iter().filter(|upload| upload.at >= told.since);
        told.imports = since
            .map(|upload| Imported {
                list: upload.list,
                source: upload.source,
                at: upload.at,
                received: upload.report.received,
                imported: upload.report.imported,
                rejected: upload.report.rejected,
            })
            .collect();
        told.more |= told.imports.len() == all && all == TOLD;
        Ok(())
    }
}
