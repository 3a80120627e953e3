//! Files that commands write: never over a file that is somebody's own.
//!
//! An earlier output of the same kind is replaced, told by its first line; anything else that stands there is left
//! alone. Called by `import` and `report` before anything is done.

use super::exit::Failure;
use crate::intake::rejects;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Refuses a path where a file stands whose first line is not `heading`, the columns of what is to be written there.
/// `option`: what named the path.
pub(super) fn may_replace(path: &Path, heading: &[&str], option: &str) -> Result<(), Failure> {
    check(path, heading, b"\r\n", option)
}

/// The same for rejects, whose heading goes on with the columns of the file that was read.
pub(super) fn may_replace_rejects(path: &Path) -> Result<(), Failure> {
    check(path, &rejects::COLUMNS, b"\r\n,", "--rejects")
}

fn check(path: &Path, heading: &[&str], ends: &[u8], option: &str) -> Result<(), Failure> {
    let heading = heading.join(",");
    let found = std::fs::metadata(path).and_then(|found| {
        // A terminal or a pipe keeps nothing, and an empty file loses nothing.
        if !found.is_file() || found.len() == 0 {
            return Ok(true);
        }
        let mut first = Vec::new();
        File::open(path)?.take(heading.len() as u64 + 1).read_to_end(&mut first)?;
        let (text, end) = first.split_at(heading.len().min(first.len()));
        Ok(text == heading.as_bytes() && matches!(end, [end] if ends.contains(end)))
    });
    match found {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(false) => {
            let message = format!("{} exists and is not an earlier {option} file: nothing was written", path.display());
            Err(Failure::usage("file_exists", message)
                .hint(format!("name another file for {option}, or move that one away")))
        }
        Err(error) => Err(Failure::usage("file_exists", format!("cannot look at {}: {error}", path.display()))),
    }
}

/// Whether both are one file, by whatever paths, links or names.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
