//! The audit trail: who did what, each entry chained to the one before by a hash, so that a changed, removed
//! or inserted entry shows.
//!
//! The chain proves nothing about entries cut off at the end; the newest hash is therefore also kept outside the
//! store. Pure; stores append with [`Entry::after`], whoever reads checks with [`broken_at`].

use super::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the first entry is chained to.
pub const BEGINNING: &str = "";

/// Something that was done, not yet on the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub at: Millis,
    /// Who: a person at a face (`asha at the console on vps-1`), or a part of the program (`sender`, `scheduler`).
    pub who: String,
    /// What, by one word of a few: `start`, `pause`, `resume`, `cancel`, `import`, `decide`, `adopt` …
    pub what: String,
    /// To what: a broadcast's id, a list's name …; may be empty.
    pub subject: String,
    /// The rest, in words; no secrets.
    pub detail: String,
}

/// An act on the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    pub id: u64,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
    /// SHA-256 over the hash before, the place and the act, in hex.
    pub hash: String,
}

impl Entry {
    /// The entry that follows the one with this id and hash (0 and [`BEGINNING`] for the first).
    pub fn after(id: u64, hash: &str, act: Act) -> Self {
        let id = id + 1;
        let hash = chained(hash, id, &act);
        Self { id, act, hash }
    }

    /// Whether it follows an entry with this id and hash, unchanged.
    pub fn follows(&self, id: u64, hash: &str) -> bool {
        self.id == id + 1 && self.hash == chained(hash, self.id, &self.act)
    }
}

/// The id of the first entry that does not follow the one before it; `None`: all do. `id` and `hash` are those of
/// the entry before the first (0 and [`BEGINNING`]).
pub fn broken_at<'a>(mut id: u64, hash: &str, entries: impl IntoIterator<Item = &'a Entry>) -> Option<u64> {
    let mut hash = hash.to_owned();
    for entry in entries {
        if !entry.follows(id, &hash) {
            return Some(entry.id);
        }
        id = entry.id;
        hash.clone_from(&entry.hash);
    }
    None
}

fn chained(before: &str, id: u64, act: &Act) -> String {
    let Act { at, who, what, subject, detail } = act;
    let mut hasher = Sha256::new();
    // Each part with its length before it, so that no two acts are written alike.
    for part in [before, &id.to_string(), &at.0.to_string(), who, what, subject, detail] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail() -> Vec<Entry> {
        let mut trail: Vec<Entry> = Vec::new();
        for what in ["import", "start", "pause", "resume"] {
            let act = Act {
                at: Millis(1_800_000_000_000),
                who: "asha at the console".into(),
                what: what.into(),
                subject: "b1".into(),
                detail: String::new(),
            };
            let last = trail.last();
            let next = Entry::after(last.map_or(0, |entry| entry.id), last.map_or(BEGINNING, |entry| &entry.hash), act);
            trail.push(next);
        }
        trail
    }

    #[test]
    fn an_untouched_trail_is_whole() {
        assert_eq!(broken_at(0, BEGINNING, &trail()), None);
        let trail = trail();
        assert_eq!(broken_at(2, &trail[1].hash, &trail[2..]), None, "a page of it is, too");
    }

    #[test]
    fn any_change_shows() {
        type Change = fn(&mut Vec<Entry>);
        let changes: [(&str, Change); 7] = [
            ("who", |trail| trail[1].act.who.push('x')),
            ("what", |trail| trail[1].act.what.push('x')),
            ("a letter moved over to the next part", |trail| {
                trail[1].act.subject = "b".into();
                trail[1].act.detail = "1".into();
            }),
            ("when", |trail| trail[1].act.at.0 += 1),
            ("removed", |trail| drop(trail.remove(1))),
            ("inserted", |trail| trail.insert(1, trail[1].clone())),
            ("exchanged", |trail| trail.swap(1, 2)),
        ];
        for (name, change) in changes {
            let mut trail = trail();
            change(&mut trail);
            assert!(broken_at(0, BEGINNING, &trail).is_some(), "{name}");
        }
    }
}
