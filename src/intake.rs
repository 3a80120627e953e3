//! Streams a number file into rows: each is a person, or is rejected with a reason.
//!
//! [`open`] looks at the content, not at the file's name: CSV with any usual delimiter and encoding, XLSX,
//! a JSON array, `{"numbers":[…]}` or JSON lines. Memory is bounded whatever the file holds. It blocks:
//! callers (the use cases behind command line, HTTP API and console) run it on a thread of its own. It
//! knows no store, so it does not decide what is a duplicate; and it never guesses a country.

mod again;
mod cell;
mod delimited;
mod encoding;
mod error;
mod header;
mod json;
mod reason;
mod record;
pub mod rejects;
mod sniff;
mod source;
mod table;
mod workbook;

pub use again::{Again, read_again};
pub use error::{IntakeError, IntakeProblem};
pub use reason::Reason;
pub use source::Source;

use crate::domain::broadcast::{Cells, Number};
use crate::domain::phone::{Country, ParsedPhone, PhoneKind, PhoneProblem, parse_phone, parse_phone_of_list};
use json::JsonRows;
use std::fmt;
use std::str::FromStr;
use table::Table;

/// Bytes of a cell, unless the caller sets another limit. WhatsApp's longest text has 4,096 characters.
pub const CELL_LIMIT_BYTES: usize = 8 * 1024;
/// Bytes of a record: all cells of a line, or one JSON object.
pub const RECORD_LIMIT_BYTES: usize = 256 * 1024;
/// Bytes of the line with the columns' names.
pub const HEADER_LIMIT_BYTES: usize = 64 * 1024;
/// Columns of a file.
pub const COLUMNS_LIMIT: usize = 200;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text: commas, semicolons, tabs or bars.
    Csv,
    /// An Excel workbook since 2007.
    Xlsx,
    /// A JSON array of objects, or `{"numbers":[…]}`.
    Json,
    /// JSON objects one after another, usually one a line.
    JsonLines,
}

impl Format {
    /// The word for it in options and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no format.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not a format: write csv, xlsx, json or jsonl")]
pub struct NotAFormat(pub String);

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        match text.trim().to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Ok(Self::Csv),
            "xlsx" => Ok(Self::Xlsx),
            "json" => Ok(Self::Json),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            other => Err(NotAFormat(other.chars().take(16).collect())),
        }
    }
}

/// How to read a file, where its content does not say.
#[derive(Debug, Clone)]
pub struct Options {
    /// The country of numbers without `+`; `None`: they are rejected.
    pub default_country: Option<Country>,
    /// The workbook's sheet; `None`: the first that is not hidden.
    pub sheet: Option<String>,
    /// The format; `None`: told from the content.
    pub format: Option<Format>,
    /// The column that holds the phones; `None`: told from the columns' names.
    pub phone_column: Option<String>,
    /// Bytes of a cell; a row with a longer one is rejected.
    pub max_cell_bytes: usize,
    /// Takes forms of phones that only WhatsApp uses: in lists of people who are not to be written to.
    pub whatsapp_forms: bool,
}

impl Options {
    /// Reads a phone as these options want it.
    fn phone_reader(&self) -> PhoneReader {
        PhoneReader { default_country: self.default_country, whatsapp_forms: self.whatsapp_forms }
    }
}

/// Reads the phones of a file.
struct PhoneReader {
    default_country: Option<Country>,
    whatsapp_forms: bool,
}

impl PhoneReader {
    fn read(&self, text: &str) -> Result<ParsedPhone, PhoneProblem> {
        let read = if self.whatsapp_forms { parse_phone_of_list } else { parse_phone };
        read(text, self.default_country.as_ref())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            default_country: None,
            sheet: None,
            format: None,
            phone_column: None,
            max_cell_bytes: CELL_LIMIT_BYTES,
            whatsapp_forms: false,
        }
    }
}

/// What a file turned out to be, for people to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The format.
    pub format: Format,
    /// The text's encoding; `None` for workbooks.
    pub encoding: Option<&'static str>,
    /// What parts the cells; `None` where nothing does.
    pub delimiter: Option<char>,
    /// The workbook's sheet.
    pub sheet: Option<String>,
    /// The column that holds the phones, as written in the file; for JSON as written in its first object.
    pub phone_column: Option<String>,
    /// The column that the names come from.
    pub name_column: Option<String>,
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is: the line on which it begins, the sheet's row, or the place in the JSON array; from 1.
    pub row: u64,
    /// The kind of line; `None` for a rejected row.
    pub kind: Option<PhoneKind>,
    /// The person, or why not.
    pub outcome: Result<Number, Rejected>,
}

/// A row that nobody can be written to by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What stood in the phone's cell, shortened; empty when it could not be read.
    pub phone_raw: String,
    /// Why, in words for the person who made the file.
    pub reason: Reason,
    /// The row, as far as it could be taken apart.
    pub cells: Cells,
}

/// The rows of a file in its order. After an error it ends.
pub struct Rows {
    name: String,
    described: Described,
    inner: Inner,
    ended: bool,
}

enum Inner {
    Table(Box<Table>),
    Json(Box<JsonRows>),
}

/// Opens a number file and reads up to its first row.
///
/// # Errors
///
/// Names the file, what is wrong with it as a whole and what to do.
pub fn open(source: Source, options: &Options) -> Result<Rows, IntakeError> {
    let name = source.name();
    open_named(source, options, &name).map_err(|problem| IntakeError { source_name: name, problem })
}

fn open_named(source: Source, options: &Options, name: &str) -> Result<Rows, IntakeProblem> {
    let mut input = source.open()?;
    let format = sniff::format(&mut input, options.format)?;
    let mut described =
        Described { format, encoding: None, delimiter: None, sheet: None, phone_column: None, name_column: None };
    let inner = match format {
        Format::Xlsx => {
            let (records, sheet) = workbook::open(input, options.sheet.as_deref())?;
            described.sheet = Some(sheet);
            Inner::Table(Box::new(Table::new(Box::new(records), options)?))
        }
        Format::Csv => {
            let mut text = encoding::decode(input)?;
            described.encoding = Some(text.encoding().name());
            let delimiter = sniff::delimiter(&mut text)?;
            described.delimiter = Some(char::from(delimiter));
            Inner::Table(Box::new(Table::new(Box::new(delimited::Delimited::new(text, delimiter)), options)?))
        }
        Format::Json | Format::JsonLines => {
            let text = encoding::decode(input)?;
            described.encoding = Some(text.encoding().name());
            let rows = JsonRows::open(text, options)?;
            described.format = rows.format();
            Inner::Json(Box::new(rows))
        }
    };
    let (phone_column, name_column) = match &inner {
        Inner::Table(table) => (Some(table.phone_column()), table.name_column()),
        Inner::Json(json) => json.chosen_columns(),
    };
    Ok(Rows {
        name: name.to_owned(),
        described: Described { phone_column, name_column, ..described },
        inner,
        ended: false,
    })
}

impl Rows {
    /// The names of the attributes' columns in the file's order. JSON has no heading: there it is what the
    /// objects so far had, up to [`COLUMNS_LIMIT`].
    pub fn columns(&self) -> &[String] {
        match &self.inner {
            Inner::Table(table) => table.columns(),
            Inner::Json(json) => json.columns(),
        }
    }

    /// The names of all columns but the phone's, in the file's order; for JSON those of the first object.
    pub fn other_columns(&self) -> Vec<String> {
        match &self.inner {
            Inner::Table(table) => table.other_columns(),
            Inner::Json(json) => {
                let name = json.chosen_columns().1.filter(|name| !json.columns().contains(name));
                name.into_iter().chain(json.columns().iter().cloned()).collect()
            }
        }
    }

    /// What the file turned out to be.
    pub fn described(&self) -> &Described {
        &self.described
    }
}

impl Iterator for Rows {
    type Item = Result<Row, IntakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match &mut self.inner {
            Inner::Table(table) => table.next_row(),
            Inner::Json(json) => json.next_row(),
        };
        self.ended = !matches!(next, Ok(Some(_)));
        next.map_err(|problem| IntakeError { source_name: self.name.clone(), problem }).transpose()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("name", &self.name).field("described", &self.described).finish_non_exhaustive()
    }
}
