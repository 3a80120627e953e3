//! From a stream of cells to rows of text, as the sheet shows them where that matters: whole numbers
//! without exponent and decimals, dates as dates.

use super::{Record, unreadable};
use crate::intake::{COLUMNS_LIMIT, IntakeProblem, RECORD_LIMIT_BYTES, Reason};
use calamine::{DataRef, ExcelDateTime, XlsxCellReader};
use std::borrow::Cow;
use std::io::{Read, Seek};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 256;
/// Bytes of a batch, but for its last row.
const BATCH_BYTES: usize = 256 * 1024;
/// Rows that Excel can have.
const ROWS_LIMIT: u32 = 1_048_576;

/// Gathers cells into rows.
pub(super) struct Rows<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// The row being filled, and how many of its columns are.
    current: Option<Record>,
    filled: usize,
    has_ended: bool,
}

impl<'a, R: Read + Seek> Rows<'a, R> {
    pub(super) fn new(cells: XlsxCellReader<'a, R>) -> Self {
        Self { cells, current: None, filled: 0, has_ended: false }
    }

    /// The next rows that have cells; none at the end.
    pub(super) fn next_batch(&mut self) -> Result<Vec<Record>, IntakeProblem> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while !self.has_ended && batch.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(cell) = self.cells.next_cell().map_err(|error| unreadable(&error))? else {
                self.has_ended = true;
                batch.extend(self.current.take());
                break;
            };
            let (row, column) = cell.get_position();
            if row >= ROWS_LIMIT {
                return Err(IntakeProblem::Workbook(format!("row {row} is beyond what Excel can have")));
            }
            let row = u64::from(row) + 1;
            match &self.current {
                Some(current) if current.row == row => {}
                Some(current) if current.row > row => {
                    return Err(IntakeProblem::Workbook(format!("its rows are not in order at row {row}")));
                }
                _ => {
                    if let Some(done) = self.current.take() {
                        bytes += done.bytes();
                        batch.push(done);
                    }
                    let mut record = Record::default();
                    record.start(row);
                    self.current = Some(record);
                    self.filled = 0;
                }
            }
            if let Some(record) = &mut self.current {
                place(record, &mut self.filled, column as usize, &text(cell.get_value()));
            }
        }
        Ok(batch)
    }
}

/// Puts a cell into its column of a row.
fn place(record: &mut Record, filled: &mut usize, column: usize, text: &str) {
    if record.flaw.is_some() || text.is_empty() {
        return;
    }
    if column >= COLUMNS_LIMIT {
        return record.spoil(Reason::TooManyCells { cells: column + 1, columns: COLUMNS_LIMIT });
    }
    if record.bytes() + text.len() > RECORD_LIMIT_BYTES {
        return record.spoil(Reason::RecordTooLong);
    }
    // A cell that comes again, or from the right to the left, is not a sheet's that Excel wrote.
    if column < *filled {
        return;
    }
    while *filled < column {
        record.push("");
        *filled += 1;
    }
    record.push(text);
    *filled += 1;
}

fn text<'a>(value: &'a DataRef<'_>) -> Cow<'a, str> {
    match value {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cow::Borrowed(text),
        DataRef::SharedString(text) => Cow::Borrowed(text),
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        // Rust writes every digit of a float and never an exponent: 919913687632, not 9.2E+11.
        DataRef::Float(number) => Cow::Owned(number.to_string()),
        DataRef::Bool(true) => Cow::Borrowed("TRUE"),
        DataRef::Bool(false) => Cow::Borrowed("FALSE"),
        DataRef::Error(error) => Cow::Owned(error.to_string()),
        DataRef::DateTime(at) => Cow::Owned(date_text(*at)),
    }
}

/// A date in the order that sorts, with its time of day if it has one; a time or duration alone.
fn date_text(at: ExcelDateTime) -> String {
    if at.is_duration() {
        // Rounding to whole seconds is meant; Excel's largest duration is far below the range's end.
        #[expect(clippy::cast_possible_truncation, reason = "`as` stops at the ends of the range")]
        let seconds = (at.as_f64() * 86_400.0).round() as i64;
        return format!("{}:{:02}:{:02}", seconds / 3600, (seconds / 60 % 60).abs(), (seconds % 60).abs());
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    if at.as_f64() < 1.0 {
        time
    } else if time == "00:00:00" {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {time}")
    }
}
