//! Unpacks a workbook once, keeping nothing, to see that reading it stays within bounds.
//!
//! A zip of a few kilobytes can unpack to gigabytes, and the sizes it declares can lie; so each part is
//! unpacked and measured. The bounds are well above what Excel writes for a full sheet of numbers.

use super::broken;
use crate::intake::IntakeProblem;
use crate::intake::source::Input;
use std::io::{Read, Seek};
use zip::ZipArchive;

/// Parts of a workbook.
const PARTS_LIMIT: usize = 2_000;
/// Bytes of all parts together.
const TOTAL_LIMIT_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of the table of texts, which is kept in memory while the sheet is read.
const TEXTS_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// Texts in that table.
const TEXTS_LIMIT: u64 = 4_000_000;
/// Tags in it: a text has four.
const TEXT_TAGS_LIMIT: u64 = 4 * TEXTS_LIMIT;
/// Bytes of a part that is neither a sheet nor the table of texts.
const OTHER_PART_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes from one tag to the next; the reader holds that much at once. Excel's longest cell is 32,767 letters.
const TAG_LIMIT_BYTES: usize = 1024 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;
/// How the table of texts says its size, for which the reader makes room in advance.
const COUNT_MARK: &[u8] = b"uniqueCount";
/// Bytes of a block's end that are looked at again with the next one, so that the count is found whole.
const OVERLAP_BYTES: usize = 64;

/// Refuses a workbook that is beyond a bound.
pub(super) fn check(input: &mut Input) -> Result<(), IntakeProblem> {
    input.rewind()?;
    let mut archive = ZipArchive::new(&mut *input).map_err(|_| broken())?;
    if archive.len() > PARTS_LIMIT {
        return Err(IntakeProblem::WorkbookTooLarge("more than 2,000 parts"));
    }
    let mut total = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|_| broken())?;
        let kind = Kind::of(&part.name().map_err(|_| broken())?);
        total += measure(&mut part, kind, TOTAL_LIMIT_BYTES - total)?;
    }
    input.rewind()?;
    Ok(())
}

/// What a part is, as far as its bounds go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sheet,
    Texts,
    OtherXml,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase().replace('\\', "/");
        let is_xml = [".xml", ".rels", ".vml"].iter().any(|ending| name.ends_with(ending));
        match name {
            _ if !is_xml => Self::Other,
            _ if name.ends_with("sharedstrings.xml") => Self::Texts,
            _ if name.contains("worksheets/") && !name.contains("_rels/") => Self::Sheet,
            _ => Self::OtherXml,
        }
    }
}

/// Unpacks a part and gives back its size.
fn measure(part: &mut impl Read, kind: Kind, left: u64) -> Result<u64, IntakeProblem> {
    let limit = match kind {
        Kind::Sheet => left,
        Kind::Texts => TEXTS_LIMIT_BYTES.min(left),
        Kind::OtherXml | Kind::Other => OTHER_PART_LIMIT_BYTES.min(left),
    };
    let mut block = vec![0; OVERLAP_BYTES + BLOCK_BYTES];
    let (mut size, mut kept, mut tags) = (0_u64, 0, Tags::default());
    loop {
        let read = part.read(&mut block[kept..]).map_err(|_| broken())?;
        if read == 0 {
            return Ok(size);
        }
        size += read as u64;
        if size > limit {
            return Err(IntakeProblem::WorkbookTooLarge("its parts are out of proportion"));
        }
        let seen = kept + read;
        if kind != Kind::Other {
            tags.count(&block[kept..seen])?;
        }
        if kind == Kind::Texts && (tags.seen > TEXT_TAGS_LIMIT || declared_texts(&block[..seen]) > TEXTS_LIMIT) {
            return Err(IntakeProblem::WorkbookTooLarge("more than 4 million texts"));
        }
        kept = seen.min(OVERLAP_BYTES);
        block.copy_within(seen - kept..seen, 0);
    }
}

/// Where tags begin in XML.
#[derive(Default)]
struct Tags {
    seen: u64,
    bytes_since: usize,
}

impl Tags {
    /// Goes on counting; refuses what the reader would have to hold at once, and NULs, which no XML in
    /// UTF-8 has.
    fn count(&mut self, bytes: &[u8]) -> Result<(), IntakeProblem> {
        for byte in bytes {
            match byte {
                b'<' => {
                    self.seen += 1;
                    self.bytes_since = 0;
                }
                0 => return Err(broken()),
                _ => self.bytes_since += 1,
            }
            if self.bytes_since > TAG_LIMIT_BYTES {
                return Err(IntakeProblem::WorkbookTooLarge("a cell of more than 1 MiB"));
            }
        }
        Ok(())
    }
}

/// The largest size that the table of texts claims in this block.
fn declared_texts(block: &[u8]) -> u64 {
    let mut largest = 0;
    for at in 0..block.len().saturating_sub(COUNT_MARK.len()) {
        if block[at] == COUNT_MARK[0] && block[at..].starts_with(COUNT_MARK) {
            let digits: String = block[at + COUNT_MARK.len()..]
                .iter()
                .skip_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\''))
                .take_while(|byte| byte.is_ascii_digit())
                .map(|byte| char::from(*byte))
                .collect();
            largest = largest.max(if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) });
        }
    }
    largest
}
