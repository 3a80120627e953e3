//! What a broadcast's records must agree on when it has ended: recipients, log and audience. Pure.
//!
//! Reads every row once, in any number of pages, and keeps a few bytes a person. It is written against the words of
//! the design, not against a store's layout, so that it finds what a store gets wrong.

use super::said;
use super::state::RecipientState;
use super::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Places that are named for each finding, at most.
const FIRST: usize = 10;

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// When.
    pub at: Millis,
    /// Recipients looked at.
    pub recipients: u64,
    /// Log rows looked at.
    pub log_rows: u64,
    /// People whom WhatsApp took more than one message for, each after it had reported the one before as failed, or on an
    /// operator's word.
    pub taken_again: u64,
    /// What does not agree; empty: everything does.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether everything agrees.
    pub fn agrees(&self) -> bool {
        self.findings.is_empty()
    }

    /// In words, for people.
    pub fn words(&self) -> String {
        let people = said::people(self.recipients);
        let looked = format!("{people}, with those left out, and {}", said::counted(self.log_rows, "log row"));
        if self.agrees() {
            return format!("all records agree ({looked})");
        }
        let times = |count| if count == 1 { "once".to_owned() } else { said::counted(count, "time") };
        let found: Vec<_> =
            self.findings.iter().map(|finding| format!("{} ({})", finding.what, times(finding.count))).collect();
        format!("records do not agree ({looked}): {}", found.join("; "))
    }
}

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What, in words.
    pub what: String,
    /// How often.
    pub count: u64,
    /// The first recipients it is about, by seq.
    pub first: Vec<u32>,
}

/// A recipient as the sweep reads it.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The place.
    pub seq: u32,
    /// The phone's digits.
    pub phone: u64,
    /// The state.
    pub state: RecipientState,
    /// The newest attempt.
    pub attempt: u32,
}

/// A log row as the sweep reads it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Whose.
    pub seq: u32,
    /// The phone's digits.
    pub phone: u64,
    /// The attempt.
    pub attempt: u32,
    /// Whether Meta took it.
    pub sent: bool,
}

/// What is kept of a person: the log's rows are compared with it.
#[derive(Debug, Clone, Copy)]
struct Kept {
    phone: u64,
    state: RecipientState,
    attempt: u32,
    /// Attempts that the log says were taken, saturating.
    taken: u8,
    /// The log has the newest attempt, as taken or as failed.
    newest: Option<bool>,
}

/// Compares; see the module.
#[derive(Debug, Default)]
pub struct Sweep {
    people: Vec<Kept>,
    log_rows: u64,
    found: BTreeMap<&'static str, (u64, Vec<u32>)>,
}

impl Sweep {
    fn finding(&mut self, what: &'static str, seq: u32) {
        let (count, first) = self.found.entry(what).or_default();
        *count += 1;
        if first.len() < FIRST {
            first.push(seq);
        }
    }

    /// The next recipient; all of them in order of seq, before the log.
    pub fn person(&mut self, person: Person) {
        let Person { seq, phone, state, attempt } = person;
        if seq as usize != self.people.len() {
            self.finding("the places of recipients have gaps", seq);
        }
        if matches!(state, RecipientState::Queued | RecipientState::Sending) {
            self.finding("somebody is still waiting or under way", seq);
        }
        self.people.push(Kept { phone, state, attempt, taken: 0, newest: None });
    }

    /// The next log row.
    pub fn row(&mut self, row: Row) {
        self.log_rows += 1;
        let Some(kept) = self.people.get_mut(row.seq as usize) else {
            return self.finding("the log has somebody who is no recipient", row.seq);
        };
        kept.taken = kept.taken.saturating_add(u8::from(row.sent));
        if row.attempt == kept.attempt {
            kept.newest = Some(row.sent);
        }
        let (phone, attempt) = (kept.phone, kept.attempt);
        if phone != row.phone {
            self.finding("the log has another phone than the recipient", row.seq);
        }
        if row.attempt > attempt {
            self.finding("the log has an attempt that the recipient never had", row.seq);
        }
    }

    /// The end of both. `total`: the broadcast's number of people; `counted`: what its counts add up to; `audience`: how many
    /// people the uploads hold that it was made from, if that can be asked.
    pub fn verdict(mut self, at: Millis, total: u64, counted: u64, audience: Option<u64>) -> Verdict {
        let recipients = self.people.len() as u64;
        let mut taken_again = 0;
        for (seq, kept) in std::mem::take(&mut self.people).into_iter().enumerate() {
            let seq = u32::try_from(seq).unwrap_or(u32::MAX);
            taken_again += u64::from(kept.taken > 1);
            if let Some(what) = disagreement(&kept) {
                self.finding(what, seq);
            }
            self.people.push(kept);
        }
        self.look_for_doubles();
        for (what, agrees) in [
            ("the recipients are not as many as the broadcast's total", recipients == total),
            ("the counts do not add up to the recipients", counted == recipients),
            ("the recipients are not as many as the audience", audience.is_none_or(|people| people == recipients)),
        ] {
            if !agrees {
                self.finding(what, 0);
            }
        }
        let findings = self.found.into_iter();
        let findings = findings.map(|(what, (count, first))| Finding { what: what.to_owned(), count, first }).collect();
        Verdict { at, recipients, log_rows: self.log_rows, taken_again, findings }
    }

    /// One recipient a person.
    fn look_for_doubles(&mut self) {
        let phone = |seq: u32| self.people[seq as usize].phone;
        let mut by_phone: Vec<u32> = (0..).take(self.people.len()).collect();
        by_phone.sort_unstable_by_key(|seq| phone(*seq));
        let same = by_phone.windows(2).filter(|pair| phone(pair[0]) == phone(pair[1]));
        let doubles: Vec<u32> = same.map(|pair| pair[1]).collect();
        for seq in doubles {
            self.finding("one phone is two recipients", seq);
        }
    }
}

/// What a person's state and log rows do not agree on.
fn disagreement(kept: &Kept) -> Option<&'static str> {
    use RecipientState::{Accepted, Cancelled, Delivered, Failed, InDoubt, Queued, Read, Sending, Sent, Skipped};
    match (kept.state, kept.newest) {
        (Sent | Delivered | Read, _) if kept.taken == 0 => {
            Some("a receipt came for somebody whom the log never has as taken")
        }
        (InDoubt, Some(_)) => Some("somebody is in doubt although the log has an answer"),
        (Skipped, _) if kept.taken > 0 => Some("somebody was left out although the log has them as taken"),
        // An operator's word counts as sent, or gives up, without any answer.
        (Accepted, Some(false)) => Some("somebody counts as taken although the log says failed"),
        (Accepted | Failed | InDoubt, None) if kept.attempt == 0 => Some("somebody has an outcome and no attempt"),
        (Accepted | Sent | Delivered | Read | Failed | InDoubt | Skipped | Cancelled | Queued | Sending, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecipientState::{Accepted, Cancelled, Delivered, Failed, InDoubt, Queued, Skipped};

    fn sweep(people: &[(RecipientState, u32)], rows: &[(u32, u32, bool)]) -> Verdict {
        let mut sweep = Sweep::default();
        for (seq, (state, attempt)) in (0..).zip(people) {
            sweep.person(Person { seq, phone: 100 + u64::from(seq), state: *state, attempt: *attempt });
        }
        for (seq, attempt, sent) in rows {
            sweep.row(Row { seq: *seq, phone: 100 + u64::from(*seq), attempt: *attempt, sent: *sent });
        }
        let total = people.len() as u64;
        sweep.verdict(Millis(0), total, total, Some(total))
    }

    #[test]
    fn records_that_agree() {
        let people = [
            (Accepted, 1),
            (Delivered, 2),
            (Failed, 2),
            (InDoubt, 1),
            (Skipped, 0),
            (Cancelled, 1),
            // By an operator's word: no answer ever came.
            (Accepted, 1),
            (Failed, 1),
        ];
        let rows = [(0, 1, true), (1, 1, true), (1, 2, true), (2, 1, false), (2, 2, false), (5, 1, false)];
        let verdict = sweep(&people, &rows);
        assert!(verdict.agrees(), "{}", verdict.words());
        assert_eq!((verdict.recipients, verdict.log_rows, verdict.taken_again), (8, 6, 1));
    }

    #[test]
    fn each_kind_of_disagreement_is_found() {
        type Case = (&'static str, &'static [(RecipientState, u32)], &'static [(u32, u32, bool)]);
        let cases: [Case; 9] = [
            ("waiting", &[(Queued, 0)], &[]),
            ("never has as taken", &[(Delivered, 1)], &[(0, 1, false)]),
            ("in doubt", &[(InDoubt, 1)], &[(0, 1, true)]),
            ("left out", &[(Skipped, 0)], &[(0, 0, true)]),
            ("log says failed", &[(Accepted, 1)], &[(0, 1, false)]),
            ("no attempt", &[(Accepted, 0)], &[]),
            ("no recipient", &[], &[(0, 1, true)]),
            ("never had", &[(Failed, 1)], &[(0, 1, false), (0, 2, true)]),
            ("no attempt", &[(InDoubt, 0)], &[]),
        ];
        for (part, people, rows) in cases {
            let verdict = sweep(people, rows);
            assert_eq!(verdict.findings.len(), 1, "{part}: {verdict:?}");
            assert!(verdict.findings[0].what.contains(part), "{part}: {verdict:?}");
        }
    }

    #[test]
    fn the_figures_must_agree_and_nobody_be_there_twice() {
        let person = |seq, phone| Person { seq, phone, state: Accepted, attempt: 1 };
        let row = |seq, phone| Row { seq, phone, attempt: 1, sent: true };
        let mut sweep = Sweep::default();
        sweep.person(person(0, 7));
        sweep.person(person(2, 7));
        sweep.row(row(0, 8));
        let verdict = sweep.verdict(Millis(0), 3, 4, Some(5));
        let found: Vec<_> = verdict.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(verdict.words().contains("one phone is two recipients (once)"));
    }
}
