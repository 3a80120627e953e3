//! The form that notes one person who is not to be written to.

use crate::console::actions::Action;
use crate::console::dialog::Then;
use crate::console::field::Field;
use crate::console::message::Request;
use crate::console::numbers::{Asked, NumbersRequest, looks_like_a_number};

/// The form.
#[derive(Debug, Clone)]
pub struct OptOutBox {
    /// The number, in any spelling.
    pub phone: Field,
    /// Why, for the record.
    pub note: Field,
    /// The note has the keys, else the number.
    pub on_note: bool,
}

impl Default for OptOutBox {
    fn default() -> Self {
        Self { phone: Field::new("", 40), note: Field::new("", 200), on_note: false }
    }
}

impl OptOutBox {
    /// The field that letters go to first.
    pub fn field(&mut self) -> &mut Field {
        if self.on_note { &mut self.note } else { &mut self.phone }
    }

    /// Whether an action is there at the moment.
    pub fn offers(&self, action: Action) -> bool {
        action != Action::Accept || looks_like_a_number(self.phone.trimmed())
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Next | Action::Previous => {
                self.on_note = !self.on_note;
                (Then::Stay, Vec::new())
            }
            Action::Accept => {
                let person = Asked::from(self.phone.trimmed());
                let note = self.note.trimmed().to_owned();
                (Then::Close, vec![Request::Numbers(NumbersRequest::OptOut { person, note })])
            }
            _ => (Then::Close, Vec::new()),
        }
    }
}
