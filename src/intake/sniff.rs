//! What a file is, told from its first bytes; names and types lie.

use super::encoding::Text;
use super::source::Input;
use super::{Format, IntakeProblem};
use std::io::{BufRead, Read};

/// Bytes that tell a file's kind.
const HEAD_BYTES: u64 = 1024;
/// Bytes of text that tell the delimiter.
const SAMPLE_BYTES: usize = 64 * 1024;
/// Lines of it that are looked at.
const SAMPLE_LINES: usize = 20;
/// Delimiters in the order of preference: a tab is in a text by intent, a comma often by chance.
const DELIMITERS: [u8; 4] = [b'\t', b';', b',', b'|'];

/// Tells the format, or says what else the file is.
pub(super) fn format(input: &mut Input, chosen: Option<Format>) -> Result<Format, IntakeProblem> {
    let mut head = Vec::new();
    input.take(HEAD_BYTES).read_to_end(&mut head)?;
    input.rewind()?;
    if let Some(format) = chosen {
        return Ok(format);
    }
    if let Some((what, advice)) = other_kind(&head) {
        return Err(IntakeProblem::OtherKind { what, advice });
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(Format::Xlsx);
    }
    // NULs and byte order marks are those of UTF-16, whose first letters are ASCII here.
    let first =
        head.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF));
    Ok(match first {
        Some(b'[' | b'{') => Format::Json,
        _ => Format::Csv,
    })
}

/// Kinds of files that people take for number files, and what to do with each.
fn other_kind(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const SAVE_AS: &str = "open it in Excel and save it as .xlsx or as CSV UTF-8";
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        Some(("an old Excel file (.xls) or one with a password", SAVE_AS))
    } else if text.starts_with(b"<") {
        Some(("a web page or XML, perhaps with .xls in its name", SAVE_AS))
    } else if head.starts_with(b"%PDF") {
        Some(("a PDF", "ask for the list as .xlsx or CSV"))
    } else if head.starts_with(b"\x1F\x8B") || head.starts_with(b"Rar!") || head.starts_with(b"7z\xBC\xAF") {
        Some(("a compressed file", "unpack it and import what is in it"))
    } else if text.starts_with(b"{\\rtf") {
        Some(("a text document (RTF)", "save it as plain text, one number a line"))
    } else {
        None
    }
}

/// Tells the delimiter from the first lines, and takes Excel's `sep=;` line if there is one.
pub(super) fn delimiter(text: &mut Text) -> Result<u8, IntakeProblem> {
    let sample = text.peek(SAMPLE_BYTES)?;
    let first_line = sample.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = first_line
        && DELIMITERS.contains(delimiter)
    {
        let (delimiter, length) = (*delimiter, first_line.len());
        text.consume(length);
        return Ok(delimiter);
    }
    Ok(most_regular(&sample[..sample.len().min(SAMPLE_BYTES)]))
}

/// The delimiter that stands equally often on the most lines.
fn most_regular(sample: &[u8]) -> u8 {
    let lines = counted_lines(sample);
    let Some(heading) = lines.first() else { return b',' };
    let regularity = |place: usize| {
        let count = heading[place];
        let same = lines.iter().filter(|line| line[place] == count).count();
        (count > 0).then_some((same, count))
    };
    // `max_by_key` takes the last of equals, so the preferred stand last.
    let best = (0..DELIMITERS.len()).rev().max_by_key(|place| regularity(*place));
    best.filter(|place| heading[*place] > 0).map_or(b',', |place| DELIMITERS[place])
}

/// How often each delimiter stands outside quotes, for each line with something on it.
fn counted_lines(sample: &[u8]) -> Vec<[usize; DELIMITERS.len()]> {
    let mut lines = Vec::new();
    let mut counts = [0; DELIMITERS.len()];
    let (mut quoted, mut blank) = (false, true);
    for byte in sample {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => {
                if !blank {
                    lines.push(counts);
                }
                if lines.len() == SAMPLE_LINES {
                    return lines;
                }
                counts = [0; DELIMITERS.len()];
                blank = true;
                continue;
            }
            _ if !quoted => {
                if let Some(place) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
                    counts[place] += 1;
                }
            }
            _ => {}
        }
        blank = false;
    }
    // The last line of a sample may be cut; it counts only when it is all there is.
    if lines.is_empty() && !blank {
        lines.push(counts);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_regular_one() {
        for (sample, expected) in [
            ("name,phone\nAsha,1\n", b','),
            ("name;phone\n\"Rao, Asha\";1\n", b';'),
            ("name;phone\nRao, Asha;1\nRoy, Ila;2\n", b';'),
            ("a\tb\n1,5\t2\n", b'\t'),
            ("a|b|c\n1|2|3\n", b'|'),
            ("phone\n1\n", b','),
            ("\"a;b\",c\n\"1;2\",3\n", b','),
            ("name,phone,note\nx,1,a;b\ny,2,c;d\n", b','),
            ("", b','),
        ] {
            assert_eq!(char::from(most_regular(sample.as_bytes())), char::from(expected), "{sample:?}");
        }
    }
}
