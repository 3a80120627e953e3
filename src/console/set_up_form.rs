//! The set-up: try it on the sandbox, or connect to WhatsApp. Each answer is checked live before anything is written.
//!
//! Only state and keys; checking and writing are asked for by requests.

use super::actions::{Action, Place};
use super::field::{Field, Kind};
use super::message::{Leaving, Request};
use super::set_up::{Checked, Connection, Step};
use secrecy::SecretString;
use std::path::PathBuf;

/// The fields of the form, in their order.
pub const FIELDS: [(&str, &str, Step); 7] = [
    (
        "Access token",
        "What lets wacast send for you. Where: business.facebook.com, Settings, System users, Generate token. The one under \
         \"API Setup\" of your app works, too, but for a day only.",
        Step::Number,
    ),
    (
        "Phone number id",
        "Which of your numbers sends: a long row of digits, not the phone number itself. Where: developers.facebook.com, your \
         app, WhatsApp, API Setup, under \"From\".",
        Step::Number,
    ),
    (
        "WhatsApp Business account id",
        "The account that your templates belong to. Where: the same page, API Setup, just below the phone number id.",
        Step::Account,
    ),
    (
        "Country of numbers without +",
        "Two letters, like IN: how numbers in your files without + are read. Empty: such rows are rejected, never guessed.",
        Step::Place,
    ),
    ("Time zone", "Yours, for example Asia/Kolkata or Europe/Berlin. All times are shown and read in it.", Step::Place),
    (
        "App secret (may stay empty)",
        "Needed to know who got and who read it: WhatsApp signs its receipts with it. Where: developers.facebook.com, your app, \
         App settings, Basic.",
        Step::Place,
    ),
    (
        "Verify token (may stay empty)",
        "Goes with the app secret: a word that you make up. Type the same one in your app: WhatsApp, Configuration, Webhook, \
         Verify token.",
        Step::Place,
    ),
];

const NUMBER: usize = 1;
const ACCOUNT: usize = 2;
const COUNTRY: usize = 3;
const TIME_ZONE: usize = 4;
const APP_SECRET: usize = 5;
const VERIFY_TOKEN: usize = 6;

/// How a step stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum CheckState {
    /// Not asked yet, or changed since.
    #[default]
    Open,
    /// Being asked.
    Asking,
    /// Well.
    Good(String),
    /// Not well, and why.
    Bad(String),
}

/// The set-up.
#[derive(Debug, Clone)]
pub struct SetUpForm {
    /// The form is open, else the first question.
    pub connecting: bool,
    /// The marked answer of the first question.
    pub cursor: usize,
    /// The fields.
    pub fields: [Field; FIELDS.len()],
    /// The marked field.
    pub field: usize,
    /// How the steps stand.
    pub checks: [CheckState; 3],
    /// Where it will be written.
    pub path: PathBuf,
    /// Being written.
    pub writing: bool,
    /// What went wrong while writing.
    pub trouble: String,
}

impl SetUpForm {
    /// The answers to the first question.
    pub const CHOICES: [(&'static str, &'static str); 2] = [
        ("Try it on the built-in sandbox", "no account needed, nobody is written to; everything else is real"),
        ("Connect to WhatsApp", "with a number of the WhatsApp Business Platform (Cloud API)"),
    ];

    /// A form with nothing entered.
    pub fn new(path: PathBuf) -> Self {
        let fields = [
            Field::new("", 1_000).of_kind(Kind::Secret),
            Field::new("", 30),
            Field::new("", 30),
            Field::new("", 2),
            Field::new("", 60),
            Field::new("", 100).of_kind(Kind::Secret),
            Field::new("", 100).of_kind(Kind::Secret),
        ];
        Self {
            connecting: false,
            cursor: 0,
            fields,
            field: 0,
            checks: Default::default(),
            path,
            writing: false,
            trouble: String::new(),
        }
    }

    /// Where its keys are heard.
    pub fn place(&self) -> Place {
        if self.connecting { Place::SetUpForm } else { Place::SetUpChoice }
    }

    /// The field that letters go to first.
    pub fn text_field(&mut self) -> Option<&mut Field> {
        (self.connecting && !self.writing).then(|| &mut self.fields[self.field])
    }

    /// How a field's step stands.
    pub fn check_of(&self, field: usize) -> &CheckState {
        &self.checks[FIELDS[field].2 as usize]
    }

    /// The field took something: its step, and the account's when the token changed, is to be checked anew.
    pub fn typed(&mut self) {
        self.trouble.clear();
        self.checks[FIELDS[self.field].2 as usize] = CheckState::Open;
        if self.field == 0 {
            self.checks[Step::Account as usize] = CheckState::Open;
        }
    }

    fn connection(&self) -> Connection {
        let text = |place: usize| self.fields[place].trimmed().to_owned();
        Connection {
            access_token: SecretString::from(text(0)),
            phone_number_id: text(1),
            business_account_id: text(2),
            country: text(3).to_ascii_uppercase(),
            time_zone: text(4),
            app_secret: SecretString::from(text(APP_SECRET)),
            verify_token: SecretString::from(text(VERIFY_TOKEN)),
        }
    }

    /// A step was checked.
    pub fn checked(&mut self, step: Step, answer: Result<Checked, String>) -> Vec<Request> {
        if self.checks[step as usize] != CheckState::Asking {
            return Vec::new();
        }
        match answer {
            Ok(checked) => {
                self.checks[step as usize] = CheckState::Good(checked.found);
                self.go_on()
            }
            Err(words) => {
                self.checks[step as usize] = CheckState::Bad(words);
                self.field = FIELDS.iter().position(|field| field.2 == step).unwrap_or(0);
                Vec::new()
            }
        }
    }

    /// The configuration was written, or not.
    pub fn written(&mut self, answer: Result<PathBuf, String>) -> Vec<Request> {
        self.writing = false;
        match answer {
            Ok(_) => vec![Request::Leave(Leaving::Configured)],
            Err(words) => {
                self.trouble = words;
                Vec::new()
            }
        }
    }

    /// What is wrong with a field that can be told without asking anybody.
    fn lacks(&self, place: usize) -> Option<&'static str> {
        let text = self.fields[place].trimmed();
        match place {
            NUMBER | ACCOUNT if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some("digits only, as the page shows the id")
            }
            APP_SECRET if text.is_empty() && !self.fields[VERIFY_TOKEN].trimmed().is_empty() => {
                Some("the verify token is of no use without it; enter it, or leave both empty")
            }
            VERIFY_TOKEN if text.is_empty() && !self.fields[APP_SECRET].trimmed().is_empty() => {
                Some("make up a word; Meta asks for it before it sends receipts")
            }
            COUNTRY | APP_SECRET | VERIFY_TOKEN => None,
            TIME_ZONE if text.is_empty() => Some("enter yours, for example Asia/Kolkata"),
            _ if text.is_empty() => Some("is needed"),
            _ => None,
        }
    }

    /// Asks for the next step that is not known to be well, or writes when all are. Nobody is asked before every
    /// field has what can be seen without asking.
    fn go_on(&mut self) -> Vec<Request> {
        if let Some((place, lacks)) = (0..FIELDS.len()).find_map(|place| Some((place, self.lacks(place)?))) {
            self.field = place;
            self.trouble = format!("{}: {lacks}.", FIELDS[place].0);
            return Vec::new();
        }
        for step in Step::ALL {
            match self.checks[step as usize] {
                CheckState::Good(_) => {}
                CheckState::Asking => return Vec::new(),
                CheckState::Open | CheckState::Bad(_) => {
                    self.checks[step as usize] = CheckState::Asking;
                    return vec![Request::Check(step, self.connection())];
                }
            }
        }
        self.writing = true;
        vec![Request::Write(self.connection())]
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Vec<Request> {
        if self.writing {
            return Vec::new();
        }
        if self.connecting { self.act_form(action) } else { self.act_choice(action) }
    }

    fn act_choice(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor = (self.cursor + 1).min(Self::CHOICES.len() - 1),
            Action::Accept if self.cursor == 0 => return vec![Request::Leave(Leaving::Sandbox)],
            Action::Accept => self.connecting = true,
            _ => return vec![Request::Leave(Leaving::Drain)],
        }
        Vec::new()
    }

    fn act_form(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::Next => self.field = (self.field + 1) % FIELDS.len(),
            Action::Previous => self.field = (self.field + FIELDS.len() - 1) % FIELDS.len(),
            Action::Accept => {
                self.trouble.clear();
                return self.go_on();
            }
            _ => self.connecting = false,
        }
        Vec::new()
    }
}
