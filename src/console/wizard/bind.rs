//! What fills a variable, as the wizard's form holds it.

use crate::console::field::Field;
use crate::domain::binding::{Bindings, Source};
use crate::domain::broadcast::Number;
use crate::domain::template::{Place, Slot};
use std::collections::BTreeMap;

/// The choice that is no column.
pub const SAME_TEXT: &str = "same text for everybody";

/// The choice for one variable.
#[derive(Debug, Clone)]
pub struct Binding {
    /// 0: not chosen; 1 to n: that column; n + 1: the same words for everybody.
    pub choice: usize,
    /// The words for everybody, or what stands in for a blank cell.
    pub text: Field,
    /// What was typed for the other choices: it belongs to them, and is there when they are chosen again.
    kept: BTreeMap<usize, String>,
}

impl Default for Binding {
    fn default() -> Self {
        Self { choice: 0, text: Field::new("", 1_024), kept: BTreeMap::new() }
    }
}

impl Binding {
    /// The column, when one is chosen.
    pub fn column<'a>(&self, columns: &'a [String]) -> Option<&'a str> {
        self.choice.checked_sub(1).and_then(|place| columns.get(place)).map(String::as_str)
    }

    /// The same words for everybody.
    pub fn is_fixed(&self, columns: &[String]) -> bool {
        self.choice == columns.len() + 1
    }

    /// Whether its text field is there at all.
    pub fn takes_text(&self) -> bool {
        self.choice > 0
    }

    /// The next choice, or the one before; the one before the first column is the same text for everybody. Not choosing
    /// is a choice only where it may be left out.
    pub fn turn(&mut self, forward: bool, columns: usize, may_be_left_out: bool) {
        let choices = columns + 2;
        let step = |choice: usize| (choice + if forward { 1 } else { choices - 1 }) % choices;
        let next = step(self.choice);
        self.choose(if next == 0 && !may_be_left_out { step(next) } else { next });
    }

    /// Takes a choice, with what was typed for it.
    pub fn choose(&mut self, choice: usize) {
        if choice != self.choice {
            self.kept.insert(self.choice, self.text.value().to_owned());
            self.text.set(self.kept.get(&choice).map_or("", String::as_str));
            self.choice = choice;
        }
    }

    /// The next choice whose name begins with these letters, the present one included while more are typed.
    pub fn find(&self, typed: &str, columns: &[String]) -> Option<usize> {
        let typed = typed.to_lowercase();
        let begins = |choice: &usize| {
            let name = choice.checked_sub(1).and_then(|place| columns.get(place)).map_or(SAME_TEXT, String::as_str);
            *choice > 0 && name.to_lowercase().starts_with(&typed)
        };
        let first = if typed.chars().count() > 1 { self.choice } else { self.choice + 1 };
        let choices = columns.len() + 2;
        (0..choices).map(|step| (first + step) % choices).find(begins)
    }

    /// What stands between this choice and going on, in words.
    pub fn lacks(&self, columns: &[String]) -> Option<&'static str> {
        if self.choice == 0 {
            Some("choose a column, or the same text for everybody")
        } else if self.is_fixed(columns) && self.text.trimmed().is_empty() {
            Some("type the text")
        } else {
            None
        }
    }

    /// What a person would read; the variable itself while nothing is known.
    pub fn value(&self, name: &str, columns: &[String], number: Option<&Number>) -> String {
        if self.is_fixed(columns) {
            return self.text.trimmed().to_owned();
        }
        let Some((column, number)) = self.column(columns).zip(number) else { return format!("{{{{{name}}}}}") };
        let cell = match column {
            "name" => number.name.clone(),
            "phone" => number.phone.to_string(),
            other => number.attributes.get(other).cloned().unwrap_or_default(),
        };
        if cell.trim().is_empty() { self.text.trimmed().to_owned() } else { cell }
    }
}

/// Chooses the column that is called like the variable, if nothing is chosen yet. A lone or first `{{1}}` is the name.
pub fn guess(slot: &Slot, binding: &mut Binding, columns: &[String]) {
    if binding.choice != 0 {
        return;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let wanted = if slot.name == "1" { "name".to_owned() } else { plain(&slot.name) };
    if let Some(place) = columns.iter().position(|column| plain(column) == wanted) {
        binding.choice = place + 1;
    }
}

/// The bindings as the service takes them. What is not chosen is left out; the service names it.
pub fn bindings(variables: &[(Slot, Binding)], columns: &[String]) -> Bindings {
    let source = |slot: &Slot, binding: &Binding| {
        let text = binding.text.trimmed().to_owned();
        if binding.is_fixed(columns) {
            // As on the command line: an address is linked, a file of this machine is uploaded.
            let file = text.strip_prefix('@').filter(|_| matches!(slot.place, Place::HeaderMedia(_)));
            return Some(file.map(|file| Source::File { file: file.to_owned() }).unwrap_or(Source::Text { text }));
        }
        let column = binding.column(columns)?.to_owned();
        Some(if text.is_empty() { Source::Column(column) } else { Source::ColumnOr { column, fallback: text } })
    };
    variables.iter().filter_map(|(slot, binding)| Some((slot.name.clone(), source(slot, binding)?))).collect()
}
