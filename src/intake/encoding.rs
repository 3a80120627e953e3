//! Which encoding a text file is in, and its text.
//!
//! By its byte order mark; else UTF-16 when every second byte is NUL; else UTF-8 when that fits; else
//! Windows-1252, which Excel's plain "CSV" is in western Europe and the Americas. The whole file is looked
//! at once, fast, so that an é in the last line cannot come as a surprise.

use super::IntakeProblem;
use super::source::Input;
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, BufRead, Read};

const BLOCK_BYTES: usize = 64 * 1024;

/// Text as UTF-8, decoded as it is read. What cannot be decoded becomes U+FFFD.
pub(super) struct Text {
    input: Input,
    decoder: Decoder,
    block: Box<[u8]>,
    decoded: String,
    taken: usize,
    ended: bool,
}

/// Finds out the encoding and starts at the beginning.
pub(super) fn decode(mut input: Input) -> Result<Text, IntakeProblem> {
    let encoding = detect(&mut input)?;
    input.rewind()?;
    Ok(Text {
        input,
        decoder: encoding.new_decoder_with_bom_removal(),
        block: vec![0; BLOCK_BYTES].into_boxed_slice(),
        decoded: String::new(),
        taken: 0,
        ended: false,
    })
}

impl Text {
    pub(super) fn encoding(&self) -> &'static Encoding {
        self.decoder.encoding()
    }

    /// The text that comes next without taking it: `bytes` of it, or less at the end. Not for more than a
    /// few blocks.
    pub(super) fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.decoded.len() - self.taken < bytes && !self.ended {
            self.decode_block()?;
        }
        Ok(&self.decoded.as_bytes()[self.taken..])
    }

    fn decode_block(&mut self) -> io::Result<()> {
        self.decoded.drain(..self.taken);
        self.taken = 0;
        let read = loop {
            match self.input.read(&mut self.block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.ended = read == 0;
        let needed = self.decoder.max_utf8_buffer_length(read).unwrap_or(BLOCK_BYTES * 3);
        self.decoded.reserve(needed);
        // The room is enough, so one call takes it all.
        let _ = self.decoder.decode_to_string(&self.block[..read], &mut self.decoded, self.ended);
        Ok(())
    }
}

impl Read for Text {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(out.len());
        out[..count].copy_from_slice(&from[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Text {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

fn detect(input: &mut Input) -> Result<&'static Encoding, IntakeProblem> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut tally = Utf8Tally::default();
    let mut filled = 0;
    let mut is_first = true;
    loop {
        let read = input.read(&mut block[filled..])?;
        let available = &block[..filled + read];
        // A short first read tells as much as a long one: the marks and NULs stand at the start.
        if is_first && read > 0 {
            is_first = false;
            if let Some((encoding, _)) = Encoding::for_bom(available) {
                return Ok(encoding);
            }
            if let Some(encoding) = utf16_by_nuls(&available[..available.len().min(4096)]) {
                return Ok(encoding);
            }
        }
        let kept = tally.add(available, read == 0);
        let length = available.len();
        block.copy_within(length - kept..length, 0);
        filled = kept;
        if read == 0 {
            return Ok(tally.verdict());
        }
    }
}

/// Text in western letters, digits above all, has a NUL as every second byte in UTF-16.
fn utf16_by_nuls(head: &[u8]) -> Option<&'static Encoding> {
    let nuls = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let pairs = head.len() / 2;
    if pairs < 2 {
        None
    } else if odd * 10 > pairs * 3 && even * 10 < pairs {
        Some(UTF_16LE)
    } else if even * 10 > pairs * 3 && odd * 10 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Counts what of a text is UTF-8 beyond ASCII, and what cannot be.
#[derive(Default)]
struct Utf8Tally {
    letters: u64,
    faults: u64,
}

impl Utf8Tally {
    /// Looks at a block; gives back how many bytes at its end begin a letter that goes on in the next.
    fn add(&mut self, block: &[u8], is_last: bool) -> usize {
        let mut rest = block;
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.count(text);
                    return 0;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.count(std::str::from_utf8(valid).unwrap_or_default());
                    match error.error_len() {
                        Some(length) => {
                            self.faults += 1;
                            rest = &after[length..];
                        }
                        None if is_last => {
                            self.faults += 1;
                            return 0;
                        }
                        None => return after.len(),
                    }
                }
            }
        }
    }

    fn count(&mut self, text: &str) {
        if !text.is_ascii() {
            self.letters += text.chars().filter(|character| !character.is_ascii()).count() as u64;
        }
    }

    /// A few broken letters among many whole ones are a damaged UTF-8 file: its broken rows are rejected,
    /// rather than every name turned into other letters.
    fn verdict(&self) -> &'static Encoding {
        if self.faults == 0 || self.letters > self.faults { UTF_8 } else { WINDOWS_1252 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[track_caller]
    fn check(bytes: &[u8], encoding: &str, text: &str) {
        let mut decoded = decode(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
        assert_eq!(decoded.encoding().name(), encoding);
        let mut read = String::new();
        decoded.read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn each_encoding_that_excel_writes_is_told() {
        check("name,phone\nAsha,1".as_bytes(), "UTF-8", "name,phone\nAsha,1");
        check("\u{feff}नाम,1".as_bytes(), "UTF-8", "नाम,1");
        check(&utf16("\u{feff}नाम,1", false), "UTF-16LE", "नाम,1");
        check(&utf16("\u{feff}नाम,1", true), "UTF-16BE", "नाम,1");
        check(&utf16("name;phone\n", false), "UTF-16LE", "name;phone\n");
        check(&utf16("name;phone\n", true), "UTF-16BE", "name;phone\n");
        check(b"Jos\xe9;M\xfcller", "windows-1252", "José;Müller");
    }

    #[test]
    fn a_late_surprise_is_seen_before_the_first_row() {
        let mut bytes = b"name\n".repeat(60_000);
        bytes.extend(b"Jos\xe9\n");
        check(&bytes, "windows-1252", &format!("{}José\n", "name\n".repeat(60_000)));
    }

    #[test]
    fn letters_across_a_block_border_are_whole() {
        for shift in 0..4 {
            let text = format!("{}{}", "x".repeat(shift), "अ".repeat(50_000));
            check(text.as_bytes(), "UTF-8", &text);
        }
    }

    #[test]
    fn one_broken_letter_does_not_turn_the_others() {
        check(b"\xe0\xa4\x86\xe0\xa4\xb6\xe0\xa4\xbe;Jos\xe9", "UTF-8", "आशा;Jos\u{fffd}");
    }
}
