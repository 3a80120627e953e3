//! The high-water mark: how far a sender may have come, always on disk before a message goes.
//!
//! It is moved ahead in blocks, so that it costs a few writes a second at most, however fast messages go.

use super::{Custody, write};
use crate::domain::ids::BroadcastId;
use crate::domain::time::{Millis, SECOND};
use serde::{Deserialize, Serialize};
use std::io;

/// Broadcasts that are remembered, the newest last.
const MOST_BROADCASTS: usize = 1_000;
/// People that the mark is moved ahead by, at least.
const SMALLEST_BLOCK: u32 = 200;
/// The mark is never older than this while messages go.
const RENEW_AFTER_MS: i64 = SECOND;

/// How far a sender may have come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// When it was written.
    pub at: Millis,
    /// Windows of intents that the store had granted by then.
    pub windows: u64,
    /// For each broadcast the first seq that nobody can have been sent to as, the newest broadcast last.
    pub through: Vec<(BroadcastId, u32)>,
}

/// Keeps the mark of one sender ahead of it while it is driven.
#[derive(Debug)]
pub struct Keeper {
    custody: Custody,
    sender: String,
    mark: Mark,
    /// Windows granted by now.
    windows: u64,
    block: u32,
    failed: bool,
}

impl Keeper {
    /// For a sender whose store has granted `windows` by now. `block`: people that the mark is moved ahead by.
    pub fn new(custody: Custody, sender: &str, windows: u64, block: u32) -> Self {
        let mark = custody.mark(sender).unwrap_or_default();
        let block = block.max(SMALLEST_BLOCK);
        Self { custody, sender: sender.to_owned(), mark, windows, block, failed: false }
    }

    /// A window was granted, with people up to and with this seq. `Some`: write this mark before the first of them
    /// is sent to.
    pub fn granted(&mut self, broadcast: &BroadcastId, newest: u32, now: Millis) -> Option<Mark> {
        self.windows += 1;
        let known = self.mark.through.iter_mut().find(|(id, _)| id == broadcast);
        let short = known.as_ref().is_none_or(|(_, through)| *through <= newest);
        let age_ms = now.since(self.mark.at);
        if !short && (0..RENEW_AFTER_MS).contains(&age_ms) {
            return None;
        }
        let through = newest.saturating_add(self.block);
        match known {
            Some((_, known)) if short => *known = through,
            Some(_) => {}
            None => self.mark.through.push((broadcast.clone(), through)),
        }
        if self.mark.through.len() > MOST_BROADCASTS {
            self.mark.through.remove(0);
        }
        Some(self.renewed(now))
    }

    /// The mark as of now, for the end of driving.
    pub fn renewed(&mut self, now: Millis) -> Mark {
        self.mark.at = now;
        self.mark.windows = self.windows;
        self.mark.clone()
    }

    /// Where [`Custody::keep`] is to write it.
    pub fn custody(&self) -> (Custody, String) {
        (self.custody.clone(), self.sender.clone())
    }

    /// What came of writing. A mark that cannot be written stops nothing (a backup restored later may go unseen), and is
    /// told of once.
    pub fn written(&mut self, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                tracing::warn!(%error, "how far the sender has come cannot be noted beside the store: a backup restored later would not be recognised");
            }
            Err(_) => {}
        }
    }
}

impl Custody {
    /// Writes a sender's mark, durably. Blocks.
    pub fn keep(&self, sender: &str, mark: &Mark) -> io::Result<()> {
        write(&self.mark_path(sender), mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::StoreId;

    #[test]
    fn the_mark_is_always_ahead_and_seldom_written() {
        let folder = tempfile::tempdir().unwrap();
        let custody = Custody::new(folder.path(), &StoreId::from_random(1));
        let id = BroadcastId::from_random(2);
        let mut keeper = Keeper::new(custody.clone(), "1000000001", 10, 0);
        let mut written = 0;
        for window in 0..1_000_u32 {
            let now = Millis(i64::from(window) * 50);
            let newest = window * 4 + 3;
            if let Some(mark) = keeper.granted(&id, newest, now) {
                custody.keep("1000000001", &mark).unwrap();
                written += 1;
            }
            let kept = custody.mark("1000000001").unwrap();
            assert!(kept.through[0].1 > newest);
            assert!(now.since(kept.at) < RENEW_AFTER_MS);
            assert!(kept.windows <= 10 + u64::from(window) + 1);
        }
        assert!((50..=80).contains(&written), "50 s of windows took {written} writes");
    }

    #[test]
    fn a_clock_that_goes_back_does_not_stop_the_writing() {
        let folder = tempfile::tempdir().unwrap();
        let custody = Custody::new(folder.path(), &StoreId::from_random(1));
        let id = BroadcastId::from_random(2);
        let mut keeper = Keeper::new(custody, "1000000001", 0, 0);
        assert!(keeper.granted(&id, 1, Millis(3_600_000)).is_some());
        assert!(keeper.granted(&id, 2, Millis(1_000)).is_some());
        assert!(keeper.granted(&id, 3, Millis(1_001)).is_none());
    }
}
