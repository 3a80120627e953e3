//! Files for media headers: what WhatsApp takes, how large, and how long an upload is good for.
//!
//! Pure. The service checks a file by it before a broadcast is made, the engine before it uploads.

use super::template::{MediaKind, Place, Template};
use super::time::{DAY, Millis};
use serde::{Deserialize, Serialize};

/// How long an uploaded file's id is good for: 30 days by Meta's media reference.
const LIFETIME_MS: i64 = 30 * DAY;
/// With less than this left it is uploaded anew, so that none ends under a message that is on its way.
const RENEW_BEFORE_MS: i64 = DAY;

/// A file that cannot be a template's header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// A kind that WhatsApp does not take there.
    #[error("WhatsApp takes {wanted} as this header, not \"{name}\"")]
    Kind {
        /// What it takes, in words.
        wanted: &'static str,
        /// The file's name.
        name: String,
    },
    /// Nothing in it.
    #[error("\"{0}\" is empty")]
    Empty(String),
    /// Too large.
    #[error("\"{name}\" has {bytes} bytes, and WhatsApp takes {most} at most")]
    TooLarge {
        /// The file's name.
        name: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        most: u64,
    },
}

/// The kind of file that a template's header needs; `None`: none.
pub fn wanted(template: &Template) -> Option<MediaKind> {
    template.slots().ok()?.iter().find_map(|slot| match slot.place {
        Place::HeaderMedia(kind) => Some(kind),
        _ => None,
    })
}

/// The most bytes of a file of this kind.
pub fn most_bytes(kind: MediaKind) -> u64 {
    const MEBIBYTE: u64 = 1 << 20;
    match kind {
        MediaKind::Image => 5 * MEBIBYTE,
        MediaKind::Video => 16 * MEBIBYTE,
        MediaKind::Document => 100 * MEBIBYTE,
    }
}

/// The media type of a file by its name, when it can be such a header with so many bytes.
pub fn check(kind: MediaKind, name: &str, bytes: u64) -> Result<&'static str, BadFile> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let (types, wanted): (&[(&str, &str)], _) = match kind {
        MediaKind::Image => {
            (&[("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("png", "image/png")], "a picture (.jpg or .png)")
        }
        MediaKind::Video => (&[("mp4", "video/mp4"), ("3gp", "video/3gpp")], "a video (.mp4 or .3gp)"),
        MediaKind::Document => (
            &[
                ("pdf", "application/pdf"),
                ("txt", "text/plain"),
                ("doc", "application/msword"),
                ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
                ("xls", "application/vnd.ms-excel"),
                ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                ("ppt", "application/vnd.ms-powerpoint"),
                ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
            ],
            "a document (.pdf, .txt, .doc, .docx, .xls, .xlsx, .ppt or .pptx)",
        ),
    };
    let Some((_, mime)) = types.iter().find(|(known, _)| *known == ending) else {
        return Err(BadFile::Kind { wanted, name: name.to_owned() });
    };
    let most = most_bytes(kind);
    match bytes {
        0 => Err(BadFile::Empty(name.to_owned())),
        bytes if bytes > most => Err(BadFile::TooLarge { name: name.to_owned(), bytes, most }),
        _ => Ok(mime),
    }
}

/// A file that was uploaded for one broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// Its id at WhatsApp.
    pub id: String,
    /// When the id ends.
    pub expires_at: Millis,
    /// The file's SHA-256 in hex: a renewal uploads the same file or none. An operator who resumes a broadcast may have put
    /// another one there.
    pub sha256: String,
}

impl Uploaded {
    /// One that was uploaded now.
    pub fn new(id: String, sha256: String, now: Millis) -> Self {
        Self { id, expires_at: now.plus(LIFETIME_MS), sha256 }
    }

    /// Whether messages may still be sent with it.
    pub fn is_good_at(&self, now: Millis) -> bool {
        !self.id.is_empty() && self.expires_at.since(now) > RENEW_BEFORE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_name_and_size() {
        assert_eq!(check(MediaKind::Image, "Diwali.JPG", 1), Ok("image/jpeg"));
        assert_eq!(check(MediaKind::Document, "price.list.pdf", 1), Ok("application/pdf"));
        assert!(matches!(check(MediaKind::Image, "a.gif", 1), Err(BadFile::Kind { .. })));
        assert!(matches!(check(MediaKind::Video, "mp4", 1), Err(BadFile::Kind { .. })));
        assert_eq!(check(MediaKind::Video, "a.mp4", 0), Err(BadFile::Empty("a.mp4".into())));
        let most = most_bytes(MediaKind::Image);
        assert!(check(MediaKind::Image, "a.png", most).is_ok());
        assert!(check(MediaKind::Image, "a.png", most + 1).unwrap_err().to_string().contains("5242880 at most"));
    }

    #[test]
    fn an_id_is_renewed_before_its_end() {
        let now = Millis(1_800_000_000_000);
        let uploaded = Uploaded::new("77".into(), String::new(), now);
        assert!(uploaded.is_good_at(now.plus(29 * DAY - 1)));
        assert!(!uploaded.is_good_at(now.plus(29 * DAY)));
        assert!(!Uploaded { id: String::new(), ..uploaded }.is_good_at(now));
    }
}
