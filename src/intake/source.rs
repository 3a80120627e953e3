//! Where a number file comes from. Whatever it is, it becomes something that can be read twice: the
//! encoding is decided over the whole file, and a workbook is read from its end.

use super::IntakeProblem;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;
use tempfile::SpooledTempFile;

/// Bytes of a stream that are kept in memory; what is longer goes to an unnamed temporary file.
const STREAM_MEMORY_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that are taken from a stream at all.
const STREAM_LIMIT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A number file: a path, or bytes from anywhere.
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// A stream: an HTTP body, the standard input, pasted text.
    Stream {
        /// What messages call it.
        name: String,
        /// The bytes; 2 GiB at most.
        reader: Box<dyn Read + Send>,
    },
}

/// Something that can be read again from its start.
pub(super) trait Rewind: Read + Seek + Send {}

impl<T: Read + Seek + Send> Rewind for T {}

pub(super) type Input = Box<dyn Rewind>;

impl Source {
    /// A file.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path(path.into())
    }

    /// Bytes at hand.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::stream(name, Cursor::new(bytes.into()))
    }

    /// A stream, read to its end before the first row comes.
    pub fn stream(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self::Stream { name: name.into(), reader: Box::new(reader) }
    }

    /// What messages call it.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stream { name, .. } => name.clone(),
        }
    }

    pub(super) fn open(self) -> Result<Input, IntakeProblem> {
        let mut input: Input = match self {
            Self::Path(path) => {
                let file = File::open(path).map_err(|error| match error.kind() {
                    ErrorKind::NotFound => IntakeProblem::Missing,
                    _ => IntakeProblem::CannotOpen(error),
                })?;
                let metadata = file.metadata().map_err(IntakeProblem::CannotOpen)?;
                if metadata.is_dir() {
                    return Err(IntakeProblem::IsFolder);
                }
                // A pipe cannot be read twice.
                if metadata.is_file() { Box::new(file) } else { Box::new(spool(file)?) }
            }
            Self::Stream { reader, .. } => Box::new(spool(reader)?),
        };
        let length = input.seek(SeekFrom::End(0))?;
        input.rewind()?;
        if length == 0 { Err(IntakeProblem::Empty) } else { Ok(input) }
    }
}

fn spool(reader: impl Read) -> Result<SpooledTempFile, IntakeProblem> {
    let mut spool = tempfile::spooled_tempfile(STREAM_MEMORY_BYTES);
    let copied = io::copy(&mut reader.take(STREAM_LIMIT_BYTES + 1), &mut spool)?;
    if copied > STREAM_LIMIT_BYTES { Err(IntakeProblem::TooLarge("2 GiB")) } else { Ok(spool) }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}
