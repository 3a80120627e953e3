//! What people and reports read.

use super::ledger::{Ledger, LogEntry};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use wacast::domain::ids::BroadcastId;
use wacast::domain::pricing::{self, Mark, Priced, Pricing};
use wacast::domain::state::RecipientState;
use wacast::store::{LogRow, RecipientRow, Result};

fn most_first<K: Ord + Clone>(counted: BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut found: Vec<_> = counted.into_iter().collect();
    found.sort_by_key(|(key, people)| (Reverse(*people), key.clone()));
    found
}

fn log_row(place: usize, row: &LogEntry) -> LogRow {
    LogRow {
        id: place as u64 + 1,
        broadcast: row.broadcast.clone(),
        seq: row.seq,
        attempt: row.number,
        phone: row.phone,
        status: if row.sent { "sent" } else { "failed" }.to_owned(),
        timestamp: row.at,
        code: row.code,
        response: row.response.clone(),
    }
}

impl Ledger {
    pub(super) fn failures(&self, id: &BroadcastId) -> Result<Vec<(i64, u64)>> {
        let mut counted = BTreeMap::new();
        for person in self.known(id)?.people.iter().filter(|person| person.state == RecipientState::Failed) {
            *counted.entry(person.code).or_default() += 1;
        }
        Ok(most_first(counted))
    }

    pub(super) fn skips(&self, id: &BroadcastId) -> Result<Vec<(String, u64)>> {
        let mut counted = BTreeMap::new();
        for person in self.known(id)?.people.iter().filter(|person| person.state == RecipientState::Skipped) {
            *counted.entry(person.detail.clone()).or_default() += 1;
        }
        Ok(most_first(counted))
    }

    pub(super) fn prices(&self, id: &BroadcastId) -> Result<Vec<Priced>> {
        self.known(id)?;
        let mut counted: BTreeMap<Pricing, u64> = BTreeMap::new();
        for pricing in self.marks_from(id, 0).filter_map(|(_, mark)| mark.counts()) {
            *counted.entry(pricing).or_default() += 1;
        }
        Ok(pricing::listed(counted))
    }

    /// The marks of a broadcast's recipients from one on, by seq and attempt.
    fn marks_from(&self, id: &BroadcastId, seq: u32) -> impl Iterator<Item = (u32, &Mark)> {
        let of_it = self.marks.range((id.clone(), seq, 0)..=(id.clone(), u32::MAX, u32::MAX));
        of_it.map(|((_, seq, _), mark)| (*seq, mark))
    }

    pub(super) fn recipients(
        &self,
        id: &BroadcastId,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<RecipientRow>> {
        let people = (0..).zip(&self.known(id)?.people);
        let wanted = people.filter(|(seq, person)| {
            state.is_none_or(|state| person.state == state) && after.is_none_or(|after| *seq > after)
        });
        let row = |(seq, person): (u32, &super::ledger::Standing)| {
            let waits = matches!(person.state, RecipientState::Queued | RecipientState::Failed);
            let attempt = self.rows.get(&(id.clone(), seq, person.attempt)).map(|place| &self.log[*place]);
            RecipientRow {
                seq,
                phone: person.phone,
                name: person.name.clone(),
                state: person.state,
                attempt: person.attempt,
                code: person.code,
                detail: person.detail.clone(),
                wamid: attempt.map(|row| row.wamid.clone()).unwrap_or_default(),
                changed_at: person.changed_at,
                due: person.due.filter(|_| waits),
                values: person.values.clone(),
                prices: {
                    let marks = self.marks_from(id, seq).take_while(|(other, _)| *other == seq);
                    marks.filter_map(|(_, mark)| mark.counts()).collect()
                },
            }
        };
        Ok(wanted.take(limit as usize).map(row).collect())
    }

    pub(super) fn log(&self, id: Option<&BroadcastId>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        if let Some(id) = id {
            self.known(id)?;
        }
        let rows = self.log.iter().enumerate().skip(usize::try_from(after).unwrap());
        let wanted = rows.filter(|(_, row)| id.is_none_or(|id| row.broadcast == *id));
        Ok(wanted.take(limit as usize).map(|(place, row)| log_row(place, row)).collect())
    }

    pub(super) fn log_tail(&self, limit: u32) -> Vec<LogRow> {
        let newest = self.log.iter().enumerate().rev().take(limit as usize);
        newest.map(|(place, row)| log_row(place, row)).collect()
    }
}
