//! Files that were uploaded for headers: their ids are good for a while, as at Meta, and then messages with them are
//! refused. The files' bytes are counted, not kept.

use serde::{Deserialize, Serialize};

/// The most uploads that are remembered.
const MOST: usize = 10_000;
/// The ids begin here.
const FIRST_ID: usize = 400_000_000_000_001;

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUpload {
    /// Its id.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its size.
    pub bytes: usize,
    /// When, in microseconds since the Unix epoch.
    pub at_us: u64,
}

/// All uploads.
#[derive(Debug, Default)]
pub(super) struct Media(Vec<MediaUpload>);

impl Media {
    /// Takes a file; its id. `None`: there is no room for more.
    pub(super) fn take(&mut self, name: String, mime: String, bytes: usize, at_us: u64) -> Option<String> {
        if self.0.len() >= MOST {
            return None;
        }
        let id = (FIRST_ID + self.0.len()).to_string();
        self.0.push(MediaUpload { id: id.clone(), name, mime, bytes, at_us });
        Some(id)
    }

    /// Whether messages with this id are taken.
    pub(super) fn is_good(&self, id: &str, now_us: u64, lifetime_s: u32) -> bool {
        let place = id.parse::<usize>().ok().and_then(|id| id.checked_sub(FIRST_ID));
        let known = place.and_then(|place| self.0.get(place));
        known.is_some_and(|known| now_us.saturating_sub(known.at_us) < u64::from(lifetime_s) * 1_000_000)
    }

    pub(super) fn all(&self) -> Vec<MediaUpload> {
        self.0.clone()
    }
}
