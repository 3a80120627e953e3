//! The newest of the program's own events, kept in memory for whoever shows them.
//!
//! Each event has a slot of a fixed ring, so that keeping one costs neither a lock nor a wait, and reading never
//! holds up whoever says something. There are none a message: what is kept is what the log would say at level `info`.
//! Secrets never come here because [`secrecy::SecretString`] does not show itself. Filled by [`super::start`], read by
//! the console and the HTTP API ([`super::recent`]).

use crate::domain::time::Millis;
use arc_swap::ArcSwapOption;
use serde::Serialize;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How many of them are kept.
pub const KEPT: usize = 1_000;
/// The longest text of an event, in characters; what is longer ends with an ellipsis.
pub const LONGEST: usize = 500;

/// Something that the program said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number in this process, from 1, without gaps.
    pub id: u64,
    /// When.
    pub at: Millis,
    /// `error`, `warn` or `info`.
    pub level: &'static str,
    /// The part of the program, such as `wacast::engine::reign`.
    pub target: String,
    /// The message, then the fields as `name=value`; one line, bounded.
    pub text: String,
}

/// The events of this process. Clones are of the same ring.
#[derive(Clone)]
pub struct Recent {
    ring: Arc<Ring>,
}

struct Ring {
    newest: AtomicU64,
    slots: Box<[ArcSwapOption<Event>]>,
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events so far", self.newest())
    }
}

impl Recent {
    /// Room for this many events, at least one.
    pub fn new(kept: usize) -> Self {
        let slots = (0..kept.max(1)).map(|_| ArcSwapOption::empty()).collect();
        Self { ring: Arc::new(Ring { newest: AtomicU64::new(0), slots }) }
    }

    /// The number of the newest event; 0: there was none. Costs one read of memory.
    pub fn newest(&self) -> u64 {
        self.ring.newest.load(Ordering::Acquire)
    }

    /// The events after number `after` (0: from the oldest that is kept), oldest first, `limit` at most. Those that were
    /// pushed out meanwhile are left out; one that is being written this very moment comes with the next call.
    pub fn after(&self, after: u64, limit: usize) -> Vec<Arc<Event>> {
        let newest = self.newest();
        let first = (after + 1).max((newest + 1).saturating_sub(self.ring.slots.len() as u64));
        let mut events = Vec::with_capacity(limit.min(self.ring.slots.len()));
        for id in first..=newest {
            if events.len() >= limit {
                break;
            }
            match self.slot(id).load_full() {
                Some(event) if event.id == id => events.push(event),
                // Pushed out while we read.
                Some(event) if event.id > id => {}
                _ => break,
            }
        }
        events
    }

    /// The newest events, oldest first, `limit` at most.
    pub fn tail(&self, limit: usize) -> Vec<Arc<Event>> {
        self.after(self.newest().saturating_sub(limit as u64), limit)
    }

    /// Keeps one more.
    fn keep(&self, at: Millis, level: &'static str, target: &str, text: String) {
        let id = self.ring.newest.fetch_add(1, Ordering::AcqRel) + 1;
        let event = Arc::new(Event { id, at, level, target: target.to_owned(), text });
        // A writer that was held up for a whole round of the ring must not put its old event over a newer one.
        self.slot(id).rcu(|there| match there {
            Some(newer) if newer.id > id => Some(Arc::clone(newer)),
            _ => Some(Arc::clone(&event)),
        });
    }

    fn slot(&self, id: u64) -> &ArcSwapOption<Event> {
        let slots = &self.ring.slots;
        &slots[usize::try_from(id % slots.len() as u64).unwrap_or(0)]
    }
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            _ => return,
        };
        let mut words = Words::default();
        event.record(&mut words);
        self.keep(jiff::Timestamp::now().into(), level, event.metadata().target(), words.whole());
    }
}

/// An event's message and fields, as one bounded line.
#[derive(Default)]
struct Words {
    message: Line,
    fields: Line,
}

impl Words {
    fn whole(self) -> String {
        let Self { mut message, fields } = self;
        if !message.text.is_empty() && !fields.text.is_empty() {
            let _ = message.write_char(' ');
        }
        let _ = message.write_str(&fields.text);
        message.text
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // An error here is only that the line is full.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            let gap = if self.fields.text.is_empty() { "" } else { " " };
            write!(self.fields, "{gap}{}={value:?}", field.name())
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Text that takes no more than [`LONGEST`] characters and no control characters: others' words may be in it.
#[derive(Default)]
struct Line {
    text: String,
    characters: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if self.characters >= LONGEST {
                if self.characters == LONGEST {
                    self.text.push('…');
                    self.characters += 1;
                }
                return Err(fmt::Error);
            }
            self.text.push(if letter.is_control() { ' ' } else { letter });
            self.characters += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    /// What comes of these events, in a ring of this size.
    fn ring(kept: usize, say: impl FnOnce()) -> Recent {
        let recent = Recent::new(kept);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(recent.clone()), say);
        recent
    }

    #[test]
    fn events_come_with_their_fields_and_without_details() {
        let recent = ring(10, || {
            tracing::info!(people = 3, place = "here", "loaded");
            tracing::debug!("not for people");
            tracing::warn!("slow\nand \x1b[31mred");
        });
        assert_eq!(recent.newest(), 2);
        let events = recent.after(0, 10);
        let said: Vec<_> = events.iter().map(|event| (event.id, event.level, event.text.as_str())).collect();
        assert_eq!(said, [(1, "info", "loaded people=3 place=here"), (2, "warn", "slow and  [31mred")]);
        assert!(events[0].target.starts_with("wacast::logging"));
        assert_eq!(recent.after(1, 10)[0].id, 2);
        assert!(recent.after(2, 10).is_empty() && recent.after(99, 10).is_empty());
    }

    #[test]
    fn the_oldest_are_pushed_out_and_the_rest_is_read_in_steps() {
        let recent = ring(4, || (1..=10).for_each(|number| tracing::info!(number, "")));
        let ids = |events: Vec<Arc<Event>>| events.iter().map(|event| event.id).collect::<Vec<_>>();
        assert_eq!(ids(recent.after(0, 100)), [7, 8, 9, 10]);
        assert_eq!(ids(recent.after(7, 2)), [8, 9]);
        assert_eq!(ids(recent.tail(3)), [8, 9, 10]);
        assert_eq!(recent.tail(1)[0].text, "number=10");
    }

    #[test]
    fn what_is_long_is_cut_and_secrets_do_not_show_themselves() {
        let secret = secrecy::SecretString::from("hush");
        let recent = ring(4, || {
            tracing::error!(?secret, "{}", "ü".repeat(2 * LONGEST));
            tracing::error!(?secret, "token");
        });
        let events = recent.tail(2);
        assert_eq!(events[0].text, format!("{}…", "ü".repeat(LONGEST)));
        assert!(events[1].text.starts_with("token secret=") && !events[1].text.contains("hush"));
    }

    #[test]
    fn writers_in_a_crowd_lose_nothing_that_fits() {
        let recent = Recent::new(4_000);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let recent = recent.clone();
                scope.spawn(move || (0..1_000).for_each(|at| recent.keep(Millis(at), "info", "t", thread.to_string())));
            }
        });
        let events = recent.after(0, 10_000);
        assert_eq!(events.len(), 4_000);
        assert!(events.windows(2).all(|pair| pair[0].id + 1 == pair[1].id));
    }
}
