//! Who asked not to be written to.

use super::ledger::Ledger;
use wacast::domain::opt_out::{Change, Kinds, Noted, OptedOut, Record, Who, key};
use wacast::domain::phone::Phone;
use wacast::store::{Result, StoreError};

impl Ledger {
    fn person_of(&self, who: &Who) -> Option<String> {
        let known = who.user.as_ref().filter(|_| who.phone.is_none()).and_then(|user| self.users.get(user));
        known.map(|phone| key(*phone)).or_else(|| who.key())
    }

    pub(super) fn note_opt_outs(&mut self, changes: Vec<Change>) -> Result<Vec<Noted>> {
        if changes.iter().any(|change| change.who.key().is_none()) {
            return Err(StoreError::Conflict("an opt-out of nobody".to_owned()));
        }
        let mut noted = Vec::new();
        for change in changes {
            let pair: Vec<_> = change.who.pair().into_iter().collect();
            self.learn_users(&pair);
            let person = self.person_of(&change.who).unwrap_or_default();
            self.opt_out_events += 1;
            let record = self.opt_outs.entry(person).or_default();
            noted.push(record.note(change.bounded(), self.opt_out_events));
        }
        Ok(noted)
    }

    pub(super) fn learn_users(&mut self, known: &[(String, Phone)]) -> u64 {
        let mut moved = 0;
        for (user, phone) in known {
            if self.users.contains_key(user) {
                continue;
            }
            self.users.insert(user.clone(), *phone);
            if let Some(record) = self.opt_outs.remove(user) {
                self.opt_outs.entry(key(*phone)).or_default().join(record);
                moved += 1;
            }
        }
        moved
    }

    pub(super) fn opt_outs(&self, search: &str, after: &str, limit: u32) -> Vec<OptedOut> {
        let found = self.opt_outs.iter().filter(|(person, record)| {
            person.as_str() > after && person.contains(search) && !record.kinds().is_empty()
        });
        let shown = found.map(|(person, record)| OptedOut { person: person.clone(), standing: record.standing() });
        shown.take(limit as usize).collect()
    }

    pub(super) fn opted_out(&self, phone: Phone) -> Kinds {
        self.opt_outs.get(&key(phone)).map(Record::kinds).unwrap_or_default()
    }
}
