//! What is kept on this machine's disk outside the store, so that a store that is not what it was shows: a restored
//! backup, a copy started elsewhere, a file exchanged under the running program, an audit trail cut short.
//!
//! A store like that is not sent from until an operator has taken it into use ([`adopt`]). Called by the engine (which
//! moves the high-water mark ahead of every message) and by the service; never talks to WhatsApp.

mod adopt;
mod mark;
pub mod trail;

pub use adopt::{Adopted, adopt};
pub use mark::{Keeper, Mark};

use crate::domain::ids::StoreId;
use crate::domain::time::Millis;
use crate::store::{Store, StoreError, Whereabouts};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The note that holds where the store is when all is well.
const HOME_NOTE: &str = "store.home";

/// The files of one store on this machine. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Custody {
    folder: PathBuf,
    store: StoreId,
    /// Where the store was when this process first looked.
    opened: Arc<OnceLock<Whereabouts>>,
}

/// Whether a store is what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Ours,
    /// Its file was exchanged while this program runs: what is written goes nowhere.
    Exchanged,
    /// It was last used at another place: this is a copy, or it was moved.
    Copied {
        /// Where.
        from: Whereabouts,
    },
    /// More was sent from this machine than it knows of: it is a restored backup.
    Behind {
        /// When the newest message that it may not know of went out, at the latest.
        sent_at: Millis,
    },
}

impl Standing {
    /// What is the matter and what to do; `None`: nothing. `program`: how a command line begins.
    pub fn trouble(&self, program: &str) -> Option<String> {
        let two = "If both sent, people would be written to twice, so nothing goes out from here.";
        match self {
            Self::Ours => None,
            Self::Exchanged => Some(
                "the store's file was exchanged while wacast runs, so nothing more goes out: end wacast and start it again"
                    .to_owned(),
            ),
            Self::Copied { from } => Some(format!(
                "this store was last used at {} and looks like a copy. {two} If that one is not used any more, \
                 take this one into use: {program} adopt",
                from.place
            )),
            Self::Behind { sent_at } => Some(format!(
                "this store looks like a restored backup: messages went out from this machine until {} that it does not \
                 know of, so nothing goes out. Take it into use with: {program} adopt (whoever may have been written to \
                 since becomes \"not sure\" and is not sent again)",
                sent_at.rfc3339()
            )),
        }
    }
}

impl Custody {
    /// The files of this store in this machine's state folder.
    pub fn new(folder: &Path, store: &StoreId) -> Self {
        Self { folder: folder.to_path_buf(), store: store.clone(), opened: Arc::default() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the store is what it was, for a sender.
    pub async fn standing(&self, store: &dyn Store, sender: &str) -> Result<Standing, StoreError> {
        let here = store.whereabouts().await?;
        let opened = self.opened.get_or_init(|| here.clone());
        if opened.object != here.object && opened.place == here.place {
            return Ok(Standing::Exchanged);
        }
        if let Some(from) = home(store).await?.filter(|home| !is_same(home, &here)) {
            return Ok(Standing::Copied { from });
        }
        match self.mark(sender) {
            Some(mark) if store.windows_opened(sender).await? < mark.windows => {
                Ok(Standing::Behind { sent_at: mark.at })
            }
            _ => Ok(Standing::Ours),
        }
    }

    /// Notes where the store is, if that was never noted. For the one who drives.
    pub async fn settle_in(&self, store: &dyn Store) -> Result<(), StoreError> {
        if home(store).await?.is_none() {
            note_home(store).await?;
        }
        Ok(())
    }

    /// How far a sender had come when it was last noted; `None`: never, or not readable.
    pub fn mark(&self, sender: &str) -> Option<Mark> {
        read(&self.mark_path(sender))
    }

    fn mark_path(&self, sender: &str) -> PathBuf {
        self.folder.join(format!("{}{sender}.json", self.mark_prefix()))
    }

    fn mark_prefix(&self) -> String {
        format!("high-water-{}-", self.store)
    }

    /// The senders that this store was driven for on this machine.
    fn senders(&self) -> Vec<String> {
        let prefix = self.mark_prefix();
        let Ok(files) = fs::read_dir(&self.folder) else { return Vec::new() };
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let mut senders: Vec<_> =
            names.filter_map(|name| Some(name.strip_prefix(&prefix)?.strip_suffix(".json")?.to_owned())).collect();
        senders.sort();
        senders
    }

    /// The newest entry of the audit trail that was written from this machine: its id and hash.
    pub fn trail_head(&self) -> Option<(u64, String)> {
        read(&self.trail_path()).map(|TrailHead { id, hash }| (id, hash))
    }

    /// Keeps the newest entry of the audit trail.
    pub fn keep_trail_head(&self, id: u64, hash: &str) -> io::Result<()> {
        if self.trail_head().is_some_and(|(newest, _)| newest >= id) {
            return Ok(());
        }
        write(&self.trail_path(), &TrailHead { id, hash: hash.to_owned() })
    }

    fn trail_path(&self) -> PathBuf {
        self.folder.join(format!("audit-head-{}.json", self.store))
    }
}

#[derive(Serialize, Deserialize)]
struct TrailHead {
    id: u64,
    hash: String,
}

async fn home(store: &dyn Store) -> Result<Option<Whereabouts>, StoreError> {
    // What cannot be read was written by another version; it is noted anew.
    Ok(store.note(HOME_NOTE).await?.and_then(|text| serde_json::from_str(&text).ok()))
}

async fn note_home(store: &dyn Store) -> Result<(), StoreError> {
    let here = store.whereabouts().await?;
    store.put_note(HOME_NOTE, &serde_json::to_string(&here).unwrap_or_default()).await
}

/// The same machine (where that is known), and the same path there or, renamed, the same file.
fn is_same(one: &Whereabouts, other: &Whereabouts) -> bool {
    let known = |one: &str, other: &str| !one.is_empty() && !other.is_empty();
    if known(&one.machine, &other.machine) && one.machine != other.machine {
        return false;
    }
    one.place == other.place || (known(&one.object, &other.object) && one.object == other.object)
}

/// A file that cannot be read is taken for one that is not there: what it guards against is rare, and it must not stop
/// the program.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "not readable"))
            .ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot be read");
            None
        }
    }
}

/// Replaces a file whole, durably: after a crash it is the old one or the new one.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, value)?;
    file.flush()?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(machine: &str, place: &str, object: &str) -> Whereabouts {
        Whereabouts { machine: machine.into(), place: place.into(), object: object.into() }
    }

    #[test]
    fn a_copy_is_told_from_the_original_and_a_renamed_one_is_none() {
        let original = at("m1", "/a/wacast.db", "1:7");
        for (same, other) in [
            (true, at("m1", "/a/wacast.db", "1:7")),
            (true, at("m1", "/b/moved.db", "1:7")),
            (true, at("m1", "/a/wacast.db", "1:9")),
            (true, at("", "/a/wacast.db", "1:7")),
            (false, at("m1", "/b/copy.db", "1:9")),
            (false, at("m2", "/a/wacast.db", "1:7")),
            (false, at("m2", "/b/copy.db", "1:9")),
            (false, at("m1", "/b/copy.db", "")),
        ] {
            assert_eq!(is_same(&original, &other), same, "{other:?}");
            assert_eq!(is_same(&other, &original), same, "{other:?}");
        }
    }

    #[test]
    fn the_trail_head_only_moves_on() {
        let folder = tempfile::tempdir().unwrap();
        let custody = Custody::new(folder.path(), &StoreId::from_random(1));
        assert_eq!(custody.trail_head(), None);
        custody.keep_trail_head(5, "abc").unwrap();
        custody.keep_trail_head(4, "old").unwrap();
        assert_eq!(custody.trail_head(), Some((5, "abc".to_owned())));
    }
}
