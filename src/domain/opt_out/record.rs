//! A person's events, and what stands after them: the rules that every store applies.

use super::{Change, Event, Kind, Kinds};
use crate::domain::time::SECOND;
use serde::{Deserialize, Serialize};

/// What came of noting a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noted {
    /// It was on record already.
    Repeat,
    /// On record now with this number; who is opted out, and how, is as before.
    Kept(u64),
    /// On record now with this number, and it opted somebody out, or undid that.
    Changed(u64),
}

impl Noted {
    /// Whether it changed how somebody stands.
    pub fn has_changed(self) -> bool {
        matches!(self, Self::Changed(_))
    }

    /// The event's number; `None` for a repeat.
    pub fn event(self) -> Option<u64> {
        match self {
            Self::Repeat => None,
            Self::Kept(id) | Self::Changed(id) => Some(id),
        }
    }
}

/// All events of one person, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(Vec<Event>);

impl Record {
    /// From events as a store has them.
    pub fn new(events: Vec<Event>) -> Self {
        Self(events)
    }

    /// Notes a change; `id` is the next free number. The same word of the same message is noted once. Of two words the one
    /// that was said later stands, to the second; of the same second the one that came later.
    pub fn note(&mut self, change: Change, id: u64) -> Noted {
        if self.0.iter().any(|event| is_same(&event.change, &change)) {
            return Noted::Repeat;
        }
        let before = self.stands(change.kind);
        let kind = change.kind;
        self.0.push(Event { id, change });
        if self.stands(kind) == before { Noted::Kept(id) } else { Noted::Changed(id) }
    }

    /// Takes up the events of somebody who turned out to be the same person.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn newest(&self, kind: Kind) -> Option<&Event> {
        let of_kind = self.0.iter().filter(|event| event.change.kind == kind);
        of_kind.max_by_key(|event| (event.change.at.0.div_euclid(SECOND), event.id))
    }

    fn stands(&self, kind: Kind) -> bool {
        self.newest(kind).is_some_and(|event| event.change.stop)
    }

    /// The event of each kind by which the person is opted out now.
    pub fn standing(&self) -> Vec<Event> {
        let newest = Kind::ALL.into_iter().filter_map(|kind| self.newest(kind));
        newest.filter(|event| event.change.stop).cloned().collect()
    }

    /// The kinds by which the person is opted out now.
    pub fn kinds(&self) -> Kinds {
        Kind::ALL.into_iter().filter(|kind| self.stands(*kind)).collect()
    }

    /// All events, the oldest number first.
    pub fn into_events(mut self) -> Vec<Event> {
        self.0.sort_by_key(|event| event.id);
        self.0
    }
}

/// The same word of the same person at the same time in the same message.
fn is_same(one: &Change, other: &Change) -> bool {
    let told = |change: &Change| (change.kind, change.stop, change.at, change.wamid.clone(), change.who.clone());
    told(one) == told(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::opt_out::Who;
    use crate::domain::time::Millis;

    fn change(kind: Kind, stop: bool, second: i64) -> Change {
        Change {
            who: Who::phone("+15550100111".parse().unwrap()),
            kind,
            stop,
            at: Millis(second * SECOND),
            how: "a message".to_owned(),
            wamid: format!("wamid.{second}.{stop}"),
            text: String::new(),
        }
    }

    fn kinds(record: &Record) -> Vec<Kind> {
        record.kinds().iter().collect()
    }

    #[test]
    fn each_kind_is_undone_by_its_own_word_only() {
        let mut record = Record::default();
        for (id, kind) in (1..).zip(Kind::ALL) {
            assert_eq!(record.note(change(kind, true, 5), id), Noted::Changed(id));
        }
        for (id, kind) in (7..).zip(Kind::ALL) {
            let before = kinds(&record);
            assert_eq!(record.note(change(kind, false, 6), id), Noted::Changed(id));
            let after = kinds(&record);
            assert_eq!(before.into_iter().filter(|known| *known != kind).collect::<Vec<_>>(), after);
        }
        assert!(record.kinds().is_empty());
        assert_eq!(record.into_events().len(), 12, "nothing is forgotten");
    }

    #[test]
    fn the_later_word_stands_in_whatever_order_they_come() {
        let stop = change(Kind::Typed, true, 5);
        let start = change(Kind::Typed, false, 6);
        let mut in_order = Record::default();
        in_order.note(stop.clone(), 1);
        in_order.note(start.clone(), 2);
        let mut reversed = Record::default();
        assert_eq!(reversed.note(start, 1), Noted::Kept(1), "nothing was there to undo");
        assert_eq!(reversed.note(stop.clone(), 2), Noted::Kept(2));
        assert_eq!((kinds(&in_order), kinds(&reversed)), (vec![], vec![]));
        assert_eq!(in_order.note(stop, 3), Noted::Repeat, "a repeat days later opts nobody out again");
        assert_eq!(in_order.note(change(Kind::Typed, true, 7), 3), Noted::Changed(3));
    }

    #[test]
    fn of_the_same_second_the_one_that_came_later_stands() {
        let mut record = Record::default();
        record.note(change(Kind::Typed, true, 5), 1);
        record.note(change(Kind::Typed, false, 5), 2);
        assert!(record.kinds().is_empty());
        let late = Change { at: Millis(5 * SECOND + 700), wamid: String::new(), ..change(Kind::Typed, false, 0) };
        record.note(late, 3);
        record.note(Change { wamid: "wamid.new".to_owned(), ..change(Kind::Typed, true, 5) }, 4);
        assert_eq!(kinds(&record), [Kind::Typed], "WhatsApp's clock has whole seconds: it counts as after our undoing");
        assert_eq!(record.standing()[0].id, 4);
    }
}
