//! A dialog with one field: a setting's value, the own numbers, a new access token. What was entered is checked by
//! whoever it is for; a refusal stays in the dialog, in words, with the field as it was (a secret's is emptied).

use super::actions::Action;
use super::dialog::Then;
use super::field::{Field, Kind};
use super::message::Request;
use super::settings::NewToken;
use crate::domain::broadcast::{MOST_OWN, Number};
use crate::service::view::BroadcastRequest;
use secrecy::SecretString;

/// The longest value of a setting, and of a list of own numbers.
const LONGEST: usize = 200;
/// The longest access token.
const LONGEST_TOKEN: usize = 1_000;

/// A dialog with one field.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What it is about.
    pub title: String,
    /// What is to be known before.
    pub lines: Vec<String>,
    /// What the field is called.
    pub name: &'static str,
    /// The field.
    pub field: Field,
    /// What it is for.
    pub wants: Wants,
    /// Entered; waiting for the answer.
    pub waiting: bool,
    /// Why it was not taken.
    pub trouble: String,
}

/// What is entered.
#[derive(Debug, Clone, PartialEq)]
pub enum Wants {
    /// A setting's value.
    Setting {
        /// Its section.
        section: String,
        /// Its name there.
        name: String,
    },
    /// The own numbers; a test that waits for them goes out then.
    OwnNumbers(Option<Box<(BroadcastRequest, Option<Number>)>>),
    /// A new access token.
    Token,
}

impl Ask {
    fn new(title: String, lines: Vec<String>, name: &'static str, field: Field, wants: Wants) -> Self {
        Self { title, lines, name, field, wants, waiting: false, trouble: String::new() }
    }

    /// Asks for a setting's value.
    pub fn setting(section: &str, name: &str, value: &str, lines: Vec<String>) -> Self {
        let wants = Wants::Setting { section: section.to_owned(), name: name.to_owned() };
        Self::new(format!("{section}.{name}"), lines, "Value", Field::new(value, LONGEST), wants)
    }

    /// Asks for the own numbers. `noted`: those that are noted, as they may be shown.
    pub fn own_numbers(noted: &str, test: Option<(BroadcastRequest, Option<Number>)>) -> Self {
        let lines = vec![
            format!("Test messages go to these numbers before anybody else gets one. Noted: {noted}."),
            format!(
                "Type all of them, {MOST_OWN} at most, with country code, commas between: +1 555 010 0111, …  A lone - \
                 notes none."
            ),
        ];
        let wants = Wants::OwnNumbers(test.map(Box::new));
        Self::new("Your own numbers".to_owned(), lines, "Numbers", Field::new("", LONGEST), wants)
    }

    /// Asks for a new access token.
    pub fn token() -> Self {
        let lines = vec![
            "Paste the new token. It is shown as dots, tried with WhatsApp first, and kept readable for you alone; until then \
             the old one stays."
                .to_owned(),
            "Where it is made: business.facebook.com, Settings, System users, Generate token; with \
             whatsapp_business_messaging and whatsapp_business_management."
                .to_owned(),
        ];
        let field = Field::new("", LONGEST_TOKEN).of_kind(Kind::Secret);
        Self::new("Replace the access token".to_owned(), lines, "Token", field, Wants::Token)
    }

    /// The field that letters go to first; none while it is being asked.
    pub fn field(&mut self) -> Option<&mut Field> {
        (!self.waiting).then_some(&mut self.field)
    }

    /// It was not taken, and why.
    pub fn refused(&mut self, words: String) {
        self.waiting = false;
        self.trouble = words;
        if self.wants == Wants::Token {
            self.field.set("");
        }
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> (Then, Vec<Request>) {
        if action != Action::Accept {
            return (Then::Close, Vec::new());
        }
        if self.waiting {
            return (Then::Stay, Vec::new());
        }
        let entered = self.field.trimmed().to_owned();
        if entered.is_empty() {
            let what = if self.wants == Wants::Token { "Paste a token" } else { "Type something" };
            self.trouble = format!("{what} first; Esc leaves everything as it is.");
            return (Then::Stay, Vec::new());
        }
        self.waiting = true;
        self.trouble.clear();
        let request = match &self.wants {
            Wants::Setting { section, name } => {
                Request::SetSetting { section: section.clone(), name: name.clone(), value: entered }
            }
            Wants::OwnNumbers(_) if entered == "-" => Request::SetOwnNumbers(Vec::new()),
            Wants::OwnNumbers(_) => {
                let numbers = entered.split([',', ';']).map(str::trim).filter(|number| !number.is_empty());
                Request::SetOwnNumbers(numbers.map(str::to_owned).collect())
            }
            Wants::Token => Request::TakeToken(NewToken(SecretString::from(entered))),
        };
        (Then::Stay, vec![request])
    }
}
