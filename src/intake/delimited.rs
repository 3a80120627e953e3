//! Delimited text, record by record, in bounded memory.
//!
//! It drives csv's own state machine (`csv-core`) because `csv::Reader` grows with the record: one line of
//! 100 MB would be 100 MB here too. What does not fit is skipped to the record's end and reported.

use super::encoding::Text;
use super::record::{Record, Records};
use super::{COLUMNS_LIMIT, IntakeProblem, RECORD_LIMIT_BYTES, Reason};
use csv_core::ReadRecordResult;
use std::io::BufRead;

/// Reads records of delimited text.
pub(super) struct Delimited {
    text: Text,
    core: csv_core::Reader,
    lines: Lines,
    cells: Box<[u8]>,
    /// One more than the columns allowed, so that one too many is seen.
    ends: [usize; COLUMNS_LIMIT + 2],
}

/// Counts lines over what was read, ended by LF, CRLF or CR.
struct Lines {
    current: u64,
    after_cr: bool,
}

impl Delimited {
    pub(super) fn new(text: Text, delimiter: u8) -> Self {
        Self {
            text,
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            lines: Lines { current: 1, after_cr: false },
            cells: vec![0; RECORD_LIMIT_BYTES].into_boxed_slice(),
            ends: [0; COLUMNS_LIMIT + 2],
        }
    }

    /// Goes past empty lines, so that a record's line is the one it begins on. False at the end.
    fn skip_empty_lines(&mut self) -> Result<bool, IntakeProblem> {
        loop {
            let next = self.text.fill_buf()?;
            if next.is_empty() {
                return Ok(false);
            }
            let empty = next.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.lines.count(&next[..empty]);
            let found = empty < next.len();
            self.text.consume(empty);
            if found {
                return Ok(true);
            }
        }
    }

    /// Runs the state machine to the record's end. Gives back the cells' bytes and count.
    fn read_cells(&mut self, record: &mut Record) -> Result<(usize, usize), IntakeProblem> {
        let (mut bytes, mut cells) = (0, 0);
        loop {
            let next = self.text.fill_buf()?;
            let at_end = next.is_empty();
            // At the end a line break ends any record, unless a quote is still open.
            let input = if at_end { b"\n" } else { next };
            let (result, taken, written, ended) =
                self.core.read_record(input, &mut self.cells[bytes..], &mut self.ends[cells..]);
            if !at_end {
                self.lines.count(&input[..taken]);
                self.text.consume(taken);
            }
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::Record => return Ok((bytes, cells)),
                ReadRecordResult::OutputFull => {
                    record.flaw = Some(Reason::RecordTooLong);
                    bytes = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    let reason = Reason::TooManyCells { cells, columns: COLUMNS_LIMIT };
                    record.flaw.get_or_insert(reason);
                    cells = 0;
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End if at_end => {
                    return Err(IntakeProblem::UnclosedQuote { line: record.row });
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
    }
}

impl Records for Delimited {
    fn read(&mut self, record: &mut Record) -> Result<bool, IntakeProblem> {
        if !self.skip_empty_lines()? {
            return Ok(false);
        }
        record.start(self.lines.current);
        let (bytes, cells) = self.read_cells(record)?;
        if let Some(reason) = record.flaw.take() {
            record.spoil(reason);
            return Ok(true);
        }
        // The text came in as UTF-8 and is cut at delimiters only.
        let text = std::str::from_utf8(&self.cells[..bytes]).unwrap_or_default();
        let mut start = 0;
        for end in &self.ends[..cells] {
            record.push(text.get(start..*end).unwrap_or_default());
            start = *end;
        }
        Ok(true)
    }
}

impl Lines {
    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' => self.current += 1,
                b'\r' => {
                    self.current += 1;
                    self.after_cr = true;
                }
                _ => self.after_cr = false,
            }
        }
    }
}
