//! What came of a trial: counted against the sandbox's own ledger, which knows nothing of wacast's records.

use super::trial::{Standing, Trial};
use crate::cli::exit::Failure;
use crate::cli::terminal::grouped;
use serde_json::{Value, json};
use std::collections::HashSet;

/// What was seen along the way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    kills: u64,
    /// The most people with an intent and no outcome right after a kill.
    most_unsettled: u64,
    /// The states did not add up to the audience after a kill.
    did_not_add_up: u64,
}

impl Tally {
    pub(super) fn after_kill(&mut self, standing: &Standing) {
        self.kills += 1;
        self.most_unsettled = self.most_unsettled.max(standing.count("sending"));
        self.did_not_add_up += u64::from(standing.sum() != standing.total());
    }
}

/// The verdict.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    seed: u64,
    people: u64,
    tally: Tally,
    /// People whom the sandbox took a message for.
    sent: u64,
    /// People whom the sandbox took more than one for.
    twice: u64,
    /// People of whom the records say something else than the sandbox: taken and not known as such, or the other way round.
    wrong: u64,
    /// People who are nowhere: not taken, not failed, not in doubt.
    lost: u64,
    failed: u64,
    /// In doubt after all receipts; the sandbox never took them.
    in_doubt: u64,
    completed: bool,
    audit: Option<(bool, String)>,
    trail_is_whole: bool,
}

impl Verdict {
    pub(super) async fn of(trial: &Trial, id: &str, seed: u64, people: u64, tally: Tally) -> Result<Self, Failure> {
        let standing = trial.standing(id).await?;
        let taken = taken(trial);
        let summary = trial.sandbox.summary();
        let report = trial.report(id).await?;
        let mut verdict = Self {
            seed,
            people,
            tally,
            sent: taken.len() as u64,
            twice: summary.people_twice.iter().map(|twice| twice.times as u64 - 1).sum(),
            wrong: 0,
            lost: 0,
            failed: standing.count("failed"),
            in_doubt: standing.count("in_doubt"),
            completed: standing.is_final(),
            audit: standing.audit(),
            trail_is_whole: trial.trail_is_whole().await?,
        };
        let unreadable = |error: csv::Error| Failure::error("prove", format!("the report cannot be read: {error}"));
        let mut reader = csv::Reader::from_path(report).map_err(unreadable)?;
        let mut rows = 0;
        for row in reader.records() {
            let row = row.map_err(unreadable)?;
            let (phone, state) = (row.get(0).unwrap_or_default(), row.get(2).unwrap_or_default());
            rows += 1;
            match (state, taken.contains(phone)) {
                // Whoever failed may have been taken first and reported as failed by a receipt.
                ("failed" | "skipped" | "cancelled", _)
                | ("accepted" | "sent" | "delivered" | "read", true)
                | ("in_doubt", false) => {}
                ("queued" | "sending", _) => verdict.lost += 1,
                _ => verdict.wrong += 1,
            }
        }
        verdict.lost += people.saturating_sub(rows);
        Ok(verdict)
    }

    /// Whether the promise held.
    pub(super) fn holds(&self) -> bool {
        self.completed
            && [self.twice, self.lost, self.wrong, self.tally.did_not_add_up] == [0; 4]
            && self.tally.most_unsettled <= Trial::MAX_UNSETTLED
            && self.audit.as_ref().is_some_and(|(agrees, _)| *agrees)
            && self.trail_is_whole
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let audit = self.audit.as_ref().map_or("not made", |(_, words)| words.as_str());
        let trail = if self.trail_is_whole { "whole" } else { "broken" };
        let row = |name: &str, text: String| format!("  {name:<12} {text}");
        vec![
            row("people", grouped(self.people)),
            row("kills", format!("{} (seed {})", self.tally.kills, self.seed)),
            row("sent", format!("{}, by the sandbox's own ledger", grouped(self.sent))),
            row("twice", grouped(self.twice)),
            row("lost", grouped(self.lost)),
            row("failed", format!("{}, each for a reason that WhatsApp named", grouped(self.failed))),
            row("in doubt", format!("{} after receipts; the sandbox took none of them", grouped(self.in_doubt))),
            row(
                "at a kill",
                format!("{} people unsettled at most, of {} allowed", self.tally.most_unsettled, Trial::MAX_UNSETTLED),
            ),
            row("wrong", format!("{} of whom the records and the sandbox disagree", grouped(self.wrong))),
            row("audit", audit.to_owned()),
            row("trail", trail.to_owned()),
            row("verdict", if self.holds() { "nobody twice, nobody lost" } else { "THE PROMISE IS BROKEN" }.to_owned()),
        ]
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "seed": self.seed,
            "people": self.people,
            "kills": self.tally.kills,
            "sent": self.sent,
            "twice": self.twice,
            "lost": self.lost,
            "failed": self.failed,
            "in_doubt": self.in_doubt,
            "most_unsettled": self.tally.most_unsettled,
            "unsettled_allowed": Trial::MAX_UNSETTLED,
            "wrong": self.wrong,
            "completed": self.completed,
            "audit": self.audit.as_ref().map(|(agrees, words)| json!({ "agrees": agrees, "words": words })),
            "trail_is_whole": self.trail_is_whole,
            "holds": self.holds(),
        })
    }
}

/// The phones that the sandbox took messages for.
fn taken(trial: &Trial) -> HashSet<String> {
    let mut taken = HashSet::new();
    let mut after = Some(0);
    while let Some(place) = after {
        let page = trial.sandbox.ledger(place, 10_000);
        taken.extend(page.items.into_iter().map(|row| row.to));
        after = page.next;
    }
    taken
}
