//! Why one row was rejected.

use crate::domain::phone::PhoneProblem;

/// Why a row was rejected, in words for the person who made the file.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The phone.
    #[error(transparent)]
    Phone(#[from] PhoneProblem),
    /// More cells than the heading has.
    #[error(
        "more cells than columns ({cells} instead of {columns}): put cells that contain the delimiter in quotes (\")"
    )]
    TooManyCells {
        /// The row's cells; more than 200 are not counted.
        cells: usize,
        /// The heading's cells.
        columns: usize,
    },
    /// A cell over the limit.
    #[error("the cell \"{column}\" is longer than {limit_bytes} bytes: shorten it; is a quote (\") missing?")]
    CellTooLong {
        /// Its column.
        column: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// A record over the limit.
    #[error("longer than 256 KiB: shorten it; is a quote (\") or a line end missing?")]
    RecordTooLong,
    /// U+FFFD: a character that did not survive.
    #[error("the cell \"{column}\" has lost characters (\u{FFFD}): export the file again as UTF-8")]
    LostCharacters {
        /// Its column.
        column: String,
    },
    /// `#N/A`, `#REF!` …: a formula that failed.
    #[error("the cell \"{column}\" holds {text}, a spreadsheet's error: repair its formula")]
    FormulaError {
        /// Its column.
        column: String,
        /// The error's name.
        text: String,
    },
    /// A JSON value where an object is expected.
    #[error("not an object: write {{\"name\": …, \"phone\": …}}")]
    NotAnObject,
    /// A JSON line that is none.
    #[error("not readable as JSON ({0})")]
    BadJson(String),
    /// A JSON object without a phone.
    #[error("no field for the phone number: call it \"phone\"")]
    NoPhoneField,
    /// A JSON object with several fields that could be the phone.
    #[error("several fields could be the phone number ({0}): leave one, called \"phone\"")]
    SeveralPhoneFields(String),
    /// The same field twice.
    #[error("the field \"{0}\" stands twice")]
    RepeatedField(String),
    /// An object or array as a field's value.
    #[error("the field \"{0}\" holds an object or a list: write a text, a number, true or false")]
    NestedField(String),
    /// More fields than the limit.
    #[error("more than 200 fields")]
    TooManyFields,
}

impl Reason {
    /// One word for counting by cause; it does not change between versions.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Phone(problem) => problem.word(),
            Self::TooManyCells { .. } | Self::TooManyFields => "too_many_cells",
            Self::CellTooLong { .. } => "cell_too_long",
            Self::RecordTooLong => "record_too_long",
            Self::LostCharacters { .. } => "lost_characters",
            Self::FormulaError { .. } => "formula_error",
            Self::NotAnObject | Self::BadJson(_) | Self::RepeatedField(_) | Self::NestedField(_) => "bad_json",
            Self::NoPhoneField => "no_phone",
            Self::SeveralPhoneFields(_) => "several_phone_fields",
        }
    }
}
