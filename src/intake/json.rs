//! People from JSON: an array of objects, `{"numbers":[…]}`, or objects one after another.
//!
//! A scanner cuts out one object at a time, so memory is bounded by one record whatever the file's size.
//! In JSON lines a broken line is a rejected row; in an array it ends the file, because nobody can tell
//! where the next object begins.

mod object;
mod scanner;

use super::encoding::Text;
use super::{COLUMNS_LIMIT, Format, IntakeProblem, Options, RECORD_LIMIT_BYTES, Reason, Rejected, Row};
use object::{Fields, Reader};
use scanner::Scanner;

/// The rows of a JSON file.
pub(super) struct JsonRows {
    scanner: Scanner,
    layout: Layout,
    /// The first object, read to learn the layout.
    pending: Option<Row>,
    reader: Reader,
    columns: Vec<String>,
    chosen: (Option<String>, Option<String>),
    value: Vec<u8>,
    row: u64,
    has_ended: bool,
}

/// How the objects follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `[…]`; with `within`, it is the value of `numbers`.
    Array { within: bool },
    /// One a line.
    Lines,
    /// One after another, over as many lines as they like.
    Stream,
}

impl JsonRows {
    pub(super) fn open(text: Text, options: &Options) -> Result<Self, IntakeProblem> {
        let mut rows = Self {
            scanner: Scanner::new(text),
            layout: Layout::Array { within: false },
            pending: None,
            reader: Reader::new(options),
            columns: Vec::new(),
            chosen: (None, None),
            value: Vec::new(),
            row: 0,
            has_ended: false,
        };
        match rows.scanner.next_mark()? {
            None => return Err(IntakeProblem::Empty),
            Some(b'[') => rows.scanner.take()?,
            Some(b'{') => rows.open_object()?,
            Some(_) => return Err(rows.scanner.fault("expected [ or { at the start")),
        }
        if rows.pending.is_none() {
            rows.pending = rows.read_next()?;
        }
        Ok(rows)
    }

    pub(super) fn format(&self) -> Format {
        if matches!(self.layout, Layout::Array { .. }) { Format::Json } else { Format::JsonLines }
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The fields that the first object's phone and name came from.
    pub(super) fn chosen_columns(&self) -> (Option<String>, Option<String>) {
        self.chosen.clone()
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, IntakeProblem> {
        match self.pending.take() {
            Some(row) => Ok(Some(row)),
            None => self.read_next(),
        }
    }

    /// `{` may begin `{"numbers":[…]}` or the first of many objects; its first keys tell.
    fn open_object(&mut self) -> Result<(), IntakeProblem> {
        let begins_on = self.scanner.line();
        self.value.clear();
        self.scanner.take()?;
        self.value.push(b'{');
        let mut fits = true;
        loop {
            if self.scanner.next_mark()? == Some(b'}') {
                self.scanner.take()?;
                break;
            }
            let key_start = self.value.len();
            fits &= self.scanner.value(&mut self.value)?;
            let key: Option<String> = serde_json::from_slice(&self.value[key_start..]).ok();
            self.scanner.expect(b':', "expected \"name\": value")?;
            if key.as_deref() == Some("numbers") && self.scanner.next_mark()? == Some(b'[') {
                self.scanner.take()?;
                self.layout = Layout::Array { within: true };
                return Ok(());
            }
            fits &= self.add(b':');
            fits &= self.scanner.value(&mut self.value)?;
            if self.scanner.next_mark()? == Some(b',') {
                self.scanner.take()?;
                fits &= self.add(b',');
            } else if self.scanner.next_mark()? != Some(b'}') {
                return Err(self.scanner.fault("expected , or }"));
            }
        }
        fits &= self.add(b'}');
        let is_line = begins_on == self.scanner.line() && self.scanner.rest_of_line_is_blank()?;
        self.layout = if is_line { Layout::Lines } else { Layout::Stream };
        self.row = if is_line { begins_on } else { 1 };
        let row = self.row_of_value(self.row, fits);
        self.pending = Some(row);
        Ok(())
    }

    fn add(&mut self, mark: u8) -> bool {
        let fits = self.value.len() < RECORD_LIMIT_BYTES;
        if fits {
            self.value.push(mark);
        }
        fits
    }

    fn read_next(&mut self) -> Result<Option<Row>, IntakeProblem> {
        match self.layout {
            _ if self.has_ended => Ok(None),
            Layout::Array { within } => self.read_element(within),
            Layout::Stream => self.read_in_stream(),
            Layout::Lines => {
                self.value.clear();
                let Some((line, fits)) = self.scanner.next_line(&mut self.value)? else { return Ok(None) };
                Ok(Some(self.row_of_value(line, fits)))
            }
        }
    }

    fn read_element(&mut self, within: bool) -> Result<Option<Row>, IntakeProblem> {
        if self.row > 0 {
            match self.scanner.next_mark()? {
                Some(b',') => self.scanner.take()?,
                Some(b']') => {}
                _ => return Err(self.scanner.fault("expected , or ] after an object")),
            }
        }
        match self.scanner.next_mark()? {
            Some(b']') => {
                self.scanner.take()?;
                self.has_ended = true;
                self.finish(within)?;
                Ok(None)
            }
            _ => self.read_whole_value().map(Some),
        }
    }

    fn read_in_stream(&mut self) -> Result<Option<Row>, IntakeProblem> {
        if self.scanner.next_mark()? == Some(b',') {
            self.scanner.take()?;
        }
        match self.scanner.next_mark()? {
            None => Ok(None),
            Some(_) => self.read_whole_value().map(Some),
        }
    }

    fn read_whole_value(&mut self) -> Result<Row, IntakeProblem> {
        let line = self.scanner.line();
        self.value.clear();
        let fits = self.scanner.value(&mut self.value)?;
        self.row += 1;
        let row = self.row_of_value(self.row, fits);
        match row.outcome {
            Err(Rejected { reason: Reason::BadJson(message), .. }) => Err(IntakeProblem::Json { line, message }),
            outcome => Ok(Row { outcome, ..row }),
        }
    }

    /// What stands behind the array must end the file properly: a file that was cut off is not whole.
    fn finish(&mut self, within: bool) -> Result<(), IntakeProblem> {
        if within {
            self.skip_members()?;
        }
        match self.scanner.next_mark()? {
            None => Ok(()),
            Some(_) => Err(self.scanner.fault("something follows the end of the list")),
        }
    }

    /// The members behind `numbers`, to the end of their object.
    fn skip_members(&mut self) -> Result<(), IntakeProblem> {
        let mut ignored = Vec::new();
        loop {
            match self.scanner.next_mark()? {
                Some(b'}') => return self.scanner.take(),
                Some(b',') => self.scanner.take()?,
                _ => return Err(self.scanner.fault("expected } at the end")),
            }
            ignored.clear();
            self.scanner.value(&mut ignored)?;
            if ignored == b"\"numbers\"" {
                return Err(self.scanner.fault("\"numbers\" stands twice"));
            }
            self.scanner.expect(b':', "expected \"name\": value")?;
            ignored.clear();
            self.scanner.value(&mut ignored)?;
        }
    }

    fn row_of_value(&mut self, row: u64, fits: bool) -> Row {
        let Fields { row, phone_field, name_field, attribute_names } = self.reader.read(row, fits, &self.value);
        if self.chosen.0.is_none() {
            self.chosen = (phone_field, name_field);
        }
        for name in attribute_names {
            if self.columns.len() < COLUMNS_LIMIT && !self.columns.contains(&name) {
                self.columns.push(name);
            }
        }
        row
    }
}
