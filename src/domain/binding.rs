//! What fills a template's variables: a column of the number file, or a fixed text.
//!
//! [`resolve`] matches bindings against a template's slots and the uploads' columns before a broadcast is
//! made, and names everything that does not fit at once. [`Resolved::values`] fills one person's values when
//! the audience is frozen. Called by the service and by whoever shows a preview.

mod text;
mod values;

use super::template::{Place, Slot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

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
}

/// From a variable's name (`1`, `first_name`, `header.1`, `button.0`) to what fills it.
pub type Bindings = BTreeMap<String, Source>;

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

    fn in_words(&self) -> String {
        let listed = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        let mut sentences = Vec::new();
        if !self.missing.is_empty() {
            sentences.push(format!("nothing fills the template's variables {}", listed(&self.missing)));
        }
        if !self.unknown.is_empty() {
            let (unknown, known) = (listed(&self.unknown), listed(&self.variables));
            sentences.push(format!("the template has no variables {unknown} (it has: {known})"));
        }
        if !self.no_such_column.is_empty() {
            let mut pairs = String::new();
            for (variable, column) in &self.no_such_column {
                let comma = if pairs.is_empty() { "" } else { ", " };
                // Writing to memory cannot fail.
                let _ = write!(pairs, "{comma}\"{column}\" (for {variable})");
            }
            sentences.push(format!("no upload has the columns {pairs} (there are: {})", listed(&self.columns)));
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
        let Some(source) = bindings.get(&slot.name).cloned().or_else(by_name) else {
            problem.missing.push(variable());
            continue;
        };
        if let Source::Text { text } | Source::ColumnOr { fallback: text, .. } = &source
            && let Err(fault) = values::check(&slot.place, text)
        {
            problem.bad_text.push((variable(), fault));
        }
        let source = match source {
            Source::Text { .. } => Some(source),
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
