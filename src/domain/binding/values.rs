//! One person's values, filled and checked.

use super::{OWN_COLUMNS, Source, column_key};
use crate::domain::broadcast::Number;
use crate::domain::template::{LocationPart, Part, Place, Slot, Template, parts};
use std::borrow::Cow;
use std::fmt;

/// The longest value, in letters (what WhatsApp's own tools allow).
const MOST_LETTERS: usize = 1_024;
/// The longest code of a copy-code button.
const MOST_CODE_LETTERS: usize = 20;
/// The longest one-time code.
const MOST_ONE_TIME_LETTERS: usize = 15;
/// The longest name of a document.
const MOST_NAME_LETTERS: usize = 240;
/// The longest header, variables filled.
const MOST_HEADER_LETTERS: usize = 60;
/// The longest body, variables filled, beside other parts that are sent.
const MOST_BODY_LETTERS: usize = 1_024;
/// The longest body that is alone.
const MOST_LONE_BODY_LETTERS: usize = 32_768;

/// Why WhatsApp would refuse a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but blanks.
    Blank,
    /// More letters than allowed.
    TooLong(usize),
    /// With all its values filled in, this part of the message has more letters than allowed.
    PartTooLong(&'static str, usize),
    /// A line break, a tab, or more than four blanks in a row.
    Whitespace,
    /// A header's file that is not a web address.
    NotALink,
    /// Not a number of degrees between these bounds.
    NotDegrees(u8),
    /// A file where words are needed.
    NotAText,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("is blank"),
            Self::TooLong(most) => write!(f, "has more than {most} letters"),
            Self::PartTooLong(part, most) => write!(f, "makes the {part} longer than {most} letters"),
            Self::Whitespace => f.write_str("has a line break, a tab or more than four blanks in a row"),
            Self::NotALink => f.write_str("is not an address that begins with https:// or http://"),
            Self::NotDegrees(most) => write!(f, "is not a number of degrees from -{most} to {most}"),
            Self::NotAText => f.write_str("must be words: only a header's picture, video or document takes a file"),
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
    measures: Vec<Measure>,
}

/// What bounds a part of the message that several values share.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Measure {
    part: &'static str,
    /// Letters of the template itself.
    fixed: usize,
    most: usize,
    /// The places of the values in it, each as often as it stands there.
    values: Vec<usize>,
}

impl Measure {
    /// Of the template's component of this kind, when it has variables.
    fn of(template: &Template, kind: &str, part: &'static str, most: usize, filled: &[(Slot, Source)]) -> Option<Self> {
        let component = template.components.iter().find(|one| one.kind.eq_ignore_ascii_case(kind))?;
        let mut measure = Self { part, fixed: 0, most, values: Vec::new() };
        for piece in parts(component.text.as_deref().unwrap_or_default()) {
            match piece {
                Part::Fixed(text) => measure.fixed += text.chars().count(),
                Part::Variable(name) => measure.values.extend(filled.iter().position(|(slot, _)| match &slot.place {
                    Place::HeaderText(_) => {
                        part == "header" && slot.name.strip_prefix("header.").unwrap_or(&slot.name) == name
                    }
                    Place::Body(_) | Place::OneTimeCode(_) => part == "body" && slot.name == name,
                    _ => false,
                })),
            }
        }
        (!measure.values.is_empty()).then_some(measure)
    }

    /// The last value in it, when all of them together are too long.
    fn exceeded_by(&self, values: &[String]) -> Option<usize> {
        let letters = |place: &usize| values.get(*place).map_or(0, |value| value.chars().count());
        let all = self.fixed + self.values.iter().map(letters).sum::<usize>();
        // The longest one is the one to shorten.
        if all > self.most { self.values.iter().copied().max_by_key(letters) } else { None }
    }
}

impl Resolved {
    pub(super) fn new(filled: Vec<(Slot, Source)>) -> Self {
        Self { filled, measures: Vec::new() }
    }

    /// Knows how long header and body may become, too.
    pub(super) fn measured_by(mut self, template: &Template) -> Self {
        let sent = |one: &&crate::domain::template::Component| !one.kind.eq_ignore_ascii_case("BODY");
        let alone = template.components.iter().find(sent).is_none();
        let most = if alone { MOST_LONE_BODY_LETTERS } else { MOST_BODY_LETTERS };
        let of = |kind, part, most| Measure::of(template, kind, part, most, &self.filled);
        self.measures =
            [of("HEADER", "header", MOST_HEADER_LETTERS), of("BODY", "body", most)].into_iter().flatten().collect();
        self
    }

    /// Variables and what fills them, in the order of the slots; columns by the name that the uploads have.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.filled.iter().map(|(slot, source)| (slot.name.as_str(), source))
    }

    /// One person's values in the order of the slots, or the first that cannot be sent.
    pub fn values(&self, number: &Number) -> Result<Vec<String>, BlankValue> {
        let values: Vec<String> =
            self.filled.iter().map(|(slot, source)| value(slot, source, number)).collect::<Result<_, _>>()?;
        for measure in &self.measures {
            if let Some((slot, source)) = measure.exceeded_by(&values).and_then(|place| self.filled.get(place)) {
                let column = match source {
                    Source::Column(column) | Source::ColumnOr { column, .. } => column.clone(),
                    Source::Text { text } => text.chars().take(20).collect(),
                    Source::File { file } => file.clone(),
                };
                let fault = Fault::PartTooLong(measure.part, measure.most);
                return Err(BlankValue { variable: slot.name.clone(), column, fault });
            }
        }
        Ok(values)
    }
}

fn value(slot: &Slot, source: &Source, number: &Number) -> Result<String, BlankValue> {
    let (column, fallback) = match source {
        Source::Text { text } => return Ok(text.clone()),
        // The upload's id goes out instead; this is what a preview shows.
        Source::File { .. } => return Ok(source.file_name().unwrap_or_default().to_owned()),
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
        return if place.is_optional() { Ok(()) } else { Err(Fault::Blank) };
    }
    let most = match place {
        Place::CopyCode(_) => MOST_CODE_LETTERS,
        Place::OneTimeCode(_) => MOST_ONE_TIME_LETTERS,
        Place::FileName => MOST_NAME_LETTERS,
        _ => MOST_LETTERS,
    };
    if value.len() > most && value.chars().count() > most {
        return Err(Fault::TooLong(most));
    }
    if value.contains(['\n', '\r', '\t']) || value.contains("     ") {
        return Err(Fault::Whitespace);
    }
    let is_link = || {
        let lower = value.get(..8).unwrap_or(value).to_ascii_lowercase();
        (lower.starts_with("https://") || lower.starts_with("http://")) && !value.contains(char::is_whitespace)
    };
    if matches!(place, Place::HeaderMedia(_)) && !is_link() {
        return Err(Fault::NotALink);
    }
    let most_degrees = match place {
        Place::Location(LocationPart::Latitude) => 90_u8,
        Place::Location(LocationPart::Longitude) => 180,
        _ => return Ok(()),
    };
    let is_within = |degrees: f64| degrees.is_finite() && degrees.abs() <= f64::from(most_degrees);
    if value.parse().is_ok_and(is_within) { Ok(()) } else { Err(Fault::NotDegrees(most_degrees)) }
}
