//! One person's values, filled and checked.

use super::{OWN_COLUMNS, Source, column_key};
use crate::domain::broadcast::Number;
use crate::domain::template::{Place, Slot};
use std::borrow::Cow;
use std::fmt;

/// The longest value, in letters (what WhatsApp's own tools allow).
const MOST_LETTERS: usize = 1_024;
/// The longest code of a copy-code button.
const MOST_CODE_LETTERS: usize = 20;

/// Why WhatsApp would refuse a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but blanks.
    Blank,
    /// More letters than allowed.
    TooLong(usize),
    /// A line break, a tab, or more than three blanks in a row.
    Whitespace,
    /// A header's file that is not a web address.
    NotALink,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("is blank"),
            Self::TooLong(most) => write!(f, "has more than {most} letters"),
            Self::Whitespace => f.write_str("has a line break, a tab or more than three blanks in a row"),
            Self::NotALink => f.write_str("is not an address that begins with https:// or http://"),
        }
    }
}

/// A person whose value for a variable cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{column}\" {fault}, and variable {variable} needs it")]
pub struct BlankValue {
    /// The variable.
    pub variable: String,
    /// The column that fills it.
    pub column: String,
    /// What is wrong with the cell.
    pub fault: Fault,
}

/// A template's slots with what fills each, all of them known to fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    filled: Vec<(Slot, Source)>,
}

impl Resolved {
    pub(super) fn new(filled: Vec<(Slot, Source)>) -> Self {
        Self { filled }
    }

    /// Variables and what fills them, in the order of the slots; columns by the name that the uploads have.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.filled.iter().map(|(slot, source)| (slot.name.as_str(), source))
    }

    /// One person's values in the order of the slots, or the first that cannot be sent.
    pub fn values(&self, number: &Number) -> Result<Vec<String>, BlankValue> {
        self.filled.iter().map(|(slot, source)| value(slot, source, number)).collect()
    }
}

fn value(slot: &Slot, source: &Source, number: &Number) -> Result<String, BlankValue> {
    let (column, fallback) = match source {
        Source::Text { text } => return Ok(text.clone()),
        Source::Column(column) => (column, None),
        Source::ColumnOr { column, fallback } => (column, Some(fallback)),
    };
    let cell = cell(number, column);
    let cell = cell.trim();
    let value = match fallback {
        Some(fallback) if cell.is_empty() => fallback,
        _ => cell,
    };
    match check(&slot.place, value) {
        Ok(()) => Ok(value.to_owned()),
        Err(fault) => Err(BlankValue { variable: slot.name.clone(), column: column.clone(), fault }),
    }
}

/// A person's cell. Lists are made of several uploads, whose columns may be written a little differently.
fn cell<'a>(number: &'a Number, column: &str) -> Cow<'a, str> {
    if let Some(value) = number.attributes.get(column) {
        return Cow::Borrowed(value);
    }
    let key = column_key(column);
    if key == OWN_COLUMNS[0] {
        return Cow::Borrowed(&number.name);
    }
    if key == OWN_COLUMNS[1] {
        return Cow::Owned(number.phone.to_string());
    }
    let alike = number.attributes.iter().find(|(name, _)| column_key(name) == key);
    Cow::Borrowed(alike.map_or("", |(_, value)| value.as_str()))
}

/// Whether WhatsApp takes this value in this place, as far as that can be known beforehand.
pub(super) fn check(place: &Place, value: &str) -> Result<(), Fault> {
    if value.trim().is_empty() {
        return Err(Fault::Blank);
    }
    let most = if matches!(place, Place::CopyCode(_)) { MOST_CODE_LETTERS } else { MOST_LETTERS };
    if value.len() > most && value.chars().count() > most {
        return Err(Fault::TooLong(most));
    }
    if value.contains(['\n', '\r', '\t']) || value.contains("    ") {
        return Err(Fault::Whitespace);
    }
    let is_link = || {
        let lower = value.get(..8).unwrap_or(value).to_ascii_lowercase();
        (lower.starts_with("https://") || lower.starts_with("http://")) && !value.contains(char::is_whitespace)
    };
    if matches!(place, Place::HeaderMedia(_)) && !is_link() {
        return Err(Fault::NotALink);
    }
    Ok(())
}
