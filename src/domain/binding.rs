//! What fills a template's variables: a column of the number file, or a fixed text.
//!
//! [`resolve`] matches bindings against a template's slots and the uploads' columns before a broadcast is
//! made, and names everything that does not fit at once. [`Resolved::values`] fills one person's values when
//! the audience is frozen. Called by the service and by whoever shows a preview.

mod text;
mod values;

use super::nearest::nearest;
use super::template::{Place, Slot, Template};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use text::{NotABinding, parse};
pub use values::{BlankValue, Fault, Resolved};

/// What fills one variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// A person's attribute, by the column's name: `"first_name"`.
    Column(String),
    /// The same words for everybody: `{"text": "Diwali"}`.
    Text {
        /// The words.
        text: String,
    },
    /// A column, and what stands in for a blank cell: `{"column": "name", "fallback": "friend"}`.
    ColumnOr {
        /// The column's name.
        column: String,
        /// Stands in where the cell is blank.
        fallback: String,
    },
    /// A file of this machine for a media header, uploaded once a broadcast: `{"file": "/srv/offers/diwali.jpg"}`.
    File {
        /// Its full path.
        file: String,
    },
}

impl Source {
    /// A file's name without its folders; `None` for what is no file.
    pub fn file_name(&self) -> Option<&str> {
        let Self::File { file } = self else { return None };
        Some(file.rsplit(['/', '\\']).next().unwrap_or(file))
    }
}

/// From a variable's name (`1`, `first_name`, `header.1`, `button.0`) to what fills it.
pub type Bindings = BTreeMap<String, Source>;

/// The variable that a header's file fills.
const HEADER_FILE: &str = "header.link";

/// The file that is to be uploaded for a template's header, if its header has one and it is bound to a file.
pub fn header_file(bindings: &Bindings) -> Option<&str> {
    match bindings.get(HEADER_FILE) {
        Some(Source::File { file }) => Some(file),
        _ => None,
    }
}

/// Whether a template's header gets one file for everybody, by a link or uploaded.
pub fn has_shared_file(bindings: &Bindings) -> bool {
    matches!(bindings.get(HEADER_FILE), Some(Source::File { .. } | Source::Text { .. }))
}

/// Columns that every number has, whatever its file.
const OWN_COLUMNS: [&str; 2] = ["name", "phone"];

/// All that does not fit between bindings, template and files.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{}", self.in_words())]
pub struct BindingProblem {
    /// Variables that nothing fills.
    pub missing: Vec<String>,
    /// Bindings for variables that the template does not have.
    pub unknown: Vec<String>,
    /// Variables bound to a column that no upload has: variable, column.
    pub no_such_column: Vec<(String, String)>,
    /// Fixed texts and fallbacks that WhatsApp would refuse: variable, why.
    pub bad_text: Vec<(String, Fault)>,
    /// The variables that the template has.
    pub variables: Vec<String>,
    /// The columns that there are.
    pub columns: Vec<String>,
}

impl BindingProblem {
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty() && self.no_such_column.is_empty() && self.bad_text.is_empty()
    }

    /// The column that was most likely meant by one that is not there.
    pub fn nearest_column(&self, column: &str) -> Option<&str> {
        nearest(column, self.columns.iter().map(String::as_str))
    }

    fn in_words(&self) -> String {
        let named = |word: &str, names: &[String]| {
            format!("{word}{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
        };
        let listed = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        let mut sentences = Vec::new();
        if !self.missing.is_empty() {
            sentences.push(format!("nothing fills the template's {}", named("variable", &self.missing)));
        }
        if !self.unknown.is_empty() {
            let (unknown, known) = (named("variable", &self.unknown), listed(&self.variables));
            sentences.push(format!("the template has no {unknown} (it has: {known})"));
        }
        if !self.no_such_column.is_empty() {
            let one = |(variable, column): &(String, String)| {
                let meant = self.nearest_column(column).map(|near| format!(", did you mean \"{near}\"?"));
                format!("\"{column}\" for variable {variable}{}", meant.unwrap_or_default())
            };
            let wrong: Vec<String> = self.no_such_column.iter().map(one).collect();
            let (word, wrong) = (if wrong.len() == 1 { "column" } else { "columns" }, wrong.join("; "));
            sentences.push(format!("these numbers have no {word} {wrong} (there are: {})", listed(&self.columns)));
        }
        for (variable, fault) in &self.bad_text {
            sentences.push(format!("the fixed text for {variable} {fault}"));
        }
        sentences.join("; ")
    }
}

/// A column's name without what people write differently: case and blanks.
fn column_key(column: &str) -> String {
    column.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The column that is meant: the same name, else the first that differs in case and blanks only.
fn find_column<'a>(wanted: &str, columns: &'a [String]) -> Option<&'a String> {
    let key = column_key(wanted);
    columns.iter().find(|column| *column == wanted).or_else(|| columns.iter().find(|column| column_key(column) == key))
}

/// [`resolve`] for a whole template: what all values of a person together may measure is known, too.
pub fn resolve_for(
    template: &Template,
    slots: &[Slot],
    bindings: &Bindings,
    columns: &[String],
) -> Result<Resolved, Box<BindingProblem>> {
    Ok(resolve(slots, bindings, columns)?.measured_by(template))
}

/// Matches each slot of a template with what fills it.
///
/// `columns` are those of the audience's uploads; `name` and `phone` are there always. A named variable that
/// nothing is bound to takes the column of its name.
pub fn resolve(slots: &[Slot], bindings: &Bindings, columns: &[String]) -> Result<Resolved, Box<BindingProblem>> {
    let mut all_columns: Vec<String> = OWN_COLUMNS.map(str::to_owned).to_vec();
    for column in columns {
        if !all_columns.contains(column) {
            all_columns.push(column.clone());
        }
    }
    let mut problem = BindingProblem {
        unknown: bindings.keys().filter(|name| !slots.iter().any(|slot| slot.name == **name)).cloned().collect(),
        ..BindingProblem::default()
    };
    let mut filled = Vec::with_capacity(slots.len());
    for slot in slots {
        let variable = || slot.name.clone();
        let by_name = || {
            let (Place::Body(Some(name)) | Place::HeaderText(Some(name))) = &slot.place else { return None };
            find_column(name, &all_columns).cloned().map(Source::Column)
        };
        let unbound = || {
            // An uploaded document keeps its file's name; a linked one shows what its server says.
            let name = bindings.get(HEADER_FILE).and_then(Source::file_name).unwrap_or_default();
            slot.place.is_optional().then(|| Source::Text { text: name.to_owned() })
        };
        let Some(source) = bindings.get(&slot.name).cloned().or_else(by_name).or_else(unbound) else {
            problem.missing.push(variable());
            continue;
        };
        let checked = match &source {
            Source::Text { text } | Source::ColumnOr { fallback: text, .. } => values::check(&slot.place, text),
            Source::File { .. } if !matches!(slot.place, Place::HeaderMedia(_)) => Err(Fault::NotAText),
            Source::File { .. } | Source::Column(_) => Ok(()),
        };
        if let Err(fault) = checked {
            problem.bad_text.push((variable(), fault));
        }
        let source = match source {
            Source::Text { .. } | Source::File { .. } => Some(source),
            Source::Column(column) => found(&column, &all_columns, slot, &mut problem).map(Source::Column),
            Source::ColumnOr { column, fallback } => {
                found(&column, &all_columns, slot, &mut problem).map(|column| Source::ColumnOr { column, fallback })
            }
        };
        filled.extend(source.map(|source| (slot.clone(), source)));
    }
    if problem.is_empty() {
        return Ok(Resolved::new(filled));
    }
    problem.variables = slots.iter().map(|slot| slot.name.clone()).collect();
    problem.columns = all_columns;
    Err(Box::new(problem))
}

fn found(column: &str, columns: &[String], slot: &Slot, problem: &mut BindingProblem) -> Option<String> {
    let found = find_column(column, columns).cloned();
    if found.is_none() {
        problem.no_such_column.push((slot.name.clone(), column.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests;
