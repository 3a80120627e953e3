//! What fills a template's variables: a column of the number file, or a fixed text.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
