//! The question how the rows of one cause are put right: says how many, asks once, and for the country where one is
//! needed.

use crate::console::actions::Action;
use crate::console::country_field::CountryField;
use crate::console::dialog::Then;
use crate::console::field::Field;
use crate::console::message::Request;
use crate::console::model::Model;
use crate::console::numbers::{NumbersRequest, UnderWay};
use crate::console::text::counted;
use crate::domain::broadcast::UploadId;
use crate::service::import::fix::Fix;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixChoice {
    /// They stay as they are.
    Leave,
    /// They are of one country.
    Country,
    /// Only the `+` is missing.
    Plus,
    /// Cells with a spreadsheet's error stay blank.
    Blank,
}

impl FixChoice {
    /// The answer to a fix's word.
    fn from_word(word: &str) -> Option<Self> {
        [Self::Country, Self::Plus, Self::Blank]
            .into_iter()
            .zip(Fix::WORDS)
            .find(|(_, one)| *one == word)
            .map(|(one, _)| one)
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Leave => "leave them as they are",
            Self::Country => "they are all numbers of this country:",
            Self::Plus => "they begin with their country code, only the + is missing",
            Self::Blank => "take them, the cells with the error stay blank",
        }
    }
}

/// The question.
#[derive(Debug, Clone)]
pub struct FixBox {
    /// The file.
    pub upload: UploadId,
    /// The cause's word.
    pub cause: String,
    /// Why such a row cannot be used, in words.
    pub reason: String,
    /// How many there are.
    pub rows: u64,
    /// The answers, the harmless one first.
    pub choices: Vec<FixChoice>,
    /// The marked one.
    pub cursor: usize,
    /// The country.
    pub country: CountryField,
}

impl FixBox {
    /// The question about so many rows, with the fixes that there are for their cause.
    pub fn new(
        upload: UploadId,
        cause: &str,
        reason: String,
        rows: u64,
        fixes: &[&str],
        country: Option<&str>,
    ) -> Self {
        let fixes = fixes.iter().filter_map(|word| FixChoice::from_word(word));
        Self {
            upload,
            cause: cause.to_owned(),
            reason,
            rows,
            choices: std::iter::once(FixChoice::Leave).chain(fixes).collect(),
            cursor: 0,
            country: CountryField::new(country),
        }
    }

    /// The marked answer.
    pub fn marked(&self) -> FixChoice {
        self.choices.get(self.cursor).copied().unwrap_or(FixChoice::Leave)
    }

    /// The field that letters go to first.
    pub fn field(&mut self) -> Option<&mut Field> {
        (self.marked() == FixChoice::Country).then_some(&mut self.country.field)
    }

    /// Whether the marked answer can be taken.
    pub fn offers(&self, action: Action) -> bool {
        action != Action::Accept || self.marked() != FixChoice::Country || self.country.named().is_some()
    }

    /// Does what a key asks for.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor = (self.cursor + 1).min(self.choices.len().saturating_sub(1)),
            Action::Accept => {
                let fix = match self.marked() {
                    FixChoice::Leave => return (Then::Close, Vec::new()),
                    FixChoice::Country => match self.country.named() {
                        Some(country) => Fix::Country(country.code()),
                        None => return (Then::Stay, Vec::new()),
                    },
                    FixChoice::Plus => Fix::Plus,
                    FixChoice::Blank => Fix::Blank,
                };
                let words = format!("Putting {} right", counted(self.rows, "row"));
                model.numbers.under_way = Some(UnderWay { words, since: model.now });
                let request = NumbersRequest::Fix { upload: self.upload, cause: self.cause.clone(), fix };
                return (Then::Close, vec![Request::Numbers(request)]);
            }
            _ => return (Then::Close, Vec::new()),
        }
        (Then::Stay, Vec::new())
    }
}
