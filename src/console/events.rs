//! The program's own events as the Log screen shows them: the newest first, from a level on, found by words.

use super::listing::Listing;
use crate::logging::{Event, KEPT};
use std::sync::Arc;

/// From which level on events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// All of them.
    #[default]
    Info,
    /// Warnings and errors.
    Warn,
    /// Errors.
    Error,
}

impl Level {
    /// In words, for the title.
    pub fn words(self) -> &'static str {
        match self {
            Self::Info => "all",
            Self::Warn => "warnings and errors",
            Self::Error => "only errors",
        }
    }

    fn shows(self, level: &str) -> bool {
        match self {
            Self::Info => true,
            Self::Warn => level != "info",
            Self::Error => level == "error",
        }
    }
}

/// The program's own events.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// They are shown, in place of WhatsApp's answers.
    pub shown: bool,
    /// They were read.
    pub read: bool,
    /// Newest first.
    pub rows: Vec<Arc<Event>>,
    /// The list.
    pub list: Listing,
    /// From which level on.
    pub level: Level,
}

impl Events {
    /// The number of the newest one; 0: there is none yet.
    pub fn newest(&self) -> u64 {
        self.rows.first().map_or(0, |event| event.id)
    }

    /// Takes newer ones in, oldest first. The marked one stays the marked one, unless it is the newest.
    pub fn add(&mut self, newer: Vec<Arc<Event>>) {
        self.read = true;
        let cursor = self.list.cursor;
        let marked = if cursor == 0 { None } else { self.listed().get(cursor).map(|event| event.id) };
        let after = self.newest();
        let mut rows: Vec<_> = newer.into_iter().filter(|event| event.id > after).collect();
        rows.reverse();
        rows.append(&mut self.rows);
        rows.truncate(KEPT);
        self.rows = rows;
        let listed = self.listed();
        let place = marked.and_then(|id| listed.iter().position(|event| event.id == id));
        self.list.cursor = place.unwrap_or(if cursor == 0 { 0 } else { listed.len().saturating_sub(1) });
    }

    /// Those that level and filter let through.
    pub fn listed(&self) -> Vec<&Event> {
        let words = |event: &Arc<Event>| format!("{} {} {}", event.level, event.target, event.text);
        let mut shown = self.list.shown(&self.rows, words, &[]);
        shown.retain(|event| self.level.shows(event.level));
        shown.into_iter().map(AsRef::as_ref).collect()
    }

    /// The marked one.
    pub fn marked(&self) -> Option<&Event> {
        let listed = self.listed();
        listed.get(self.list.place(listed.len())).copied()
    }

    /// The next level.
    pub fn next_level(&mut self) {
        self.level = match self.level {
            Level::Info => Level::Warn,
            Level::Warn => Level::Error,
            Level::Error => Level::Info,
        };
        self.list.cursor = 0;
    }
}
