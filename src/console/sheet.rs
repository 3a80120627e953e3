//! Everything about one person, or about one recipient of a broadcast, over the whole screen: from any screen, so that
//! Esc goes back to where one was.
//!
//! Holds what was read and makes lines of it; changes nothing but by requests.

mod lines;

use super::actions::{Action, Place};
use super::dialog::Then;
use super::listing::moved;
use super::look::Role;
use super::message::Request;
use super::model::{Load, Model};
use super::numbers::{Asked, NumbersRequest};
use super::update;
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::domain::time::SECOND;
use crate::service::people::{PersonView, RecipientView};

/// The widest that its text gets, in cells.
const WIDEST: usize = 110;
/// How long a whole number is shown, in milliseconds.
const REVEALED_MS: i64 = 10 * SECOND;

/// Whom it is about.
#[derive(Debug, Clone)]
pub enum About {
    /// A person, by what was asked for.
    Person(Asked, Box<Load<PersonView>>),
    /// A recipient of a broadcast.
    Recipient(BroadcastId, u32, Box<Load<RecipientView>>),
}

/// Everything about somebody.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Whom it is about.
    pub about: About,
    /// The first line shown.
    pub scroll: usize,
}

impl Sheet {
    /// A person, by a number in any spelling.
    pub fn person(number: &str) -> (Self, Vec<Request>) {
        let asked = Asked::from(number);
        let request = Request::Numbers(NumbersRequest::Person(asked.clone()));
        (Self { about: About::Person(asked, Box::default()), scroll: 0 }, vec![request])
    }

    /// A recipient.
    pub fn recipient(id: BroadcastId, seq: u32) -> (Self, Vec<Request>) {
        let request = Request::Numbers(NumbersRequest::Recipient(id.clone(), seq));
        (Self { about: About::Recipient(id, seq, Box::default()), scroll: 0 }, vec![request])
    }

    /// Where its keys are heard.
    pub fn place(&self) -> Place {
        match self.about {
            About::Person(..) => Place::Person,
            About::Recipient(..) => Place::Recipient,
        }
    }

    /// What it is called.
    pub fn title(&self) -> &'static str {
        match self.about {
            About::Person(..) => "This person: lists, broadcasts, opt-outs",
            About::Recipient(..) => "This person in this broadcast",
        }
    }

    /// Whose number it shows.
    pub fn phone(&self) -> Option<Phone> {
        match &self.about {
            About::Person(_, view) => view.get().map(|view| view.phone),
            About::Recipient(_, _, view) => view.get().map(|view| view.row.phone),
        }
    }

    /// Whether an action is there at the moment.
    pub fn offers(&self, model: &Model, action: Action) -> bool {
        let may_change = !model.facts.read_only;
        match (action, &self.about) {
            (Action::Add, About::Person(_, view)) => {
                may_change && view.get().is_some_and(|view| view.opted_out.is_empty())
            }
            (Action::Undo, About::Person(_, view)) => {
                may_change && view.get().is_some_and(|view| !view.opted_out.is_empty())
            }
            (Action::Reveal, _) => model.facts.privacy && self.phone().is_some(),
            (Action::Accept, About::Recipient(..)) => self.phone().is_some(),
            _ => true,
        }
    }

    /// Its lines, broken to the room that there is on this screen.
    pub fn lines(&self, model: &Model) -> Vec<(Role, String)> {
        let room = Self::room(model);
        let lines = match &self.about {
            About::Person(_, view) => lines::read(model, view, lines::person),
            About::Recipient(_, _, view) => lines::read(model, view, lines::recipient),
        };
        lines
            .into_iter()
            .flat_map(|(role, indent, text)| {
                let lines = super::text::wrap(&text, room.saturating_sub(indent));
                lines.into_iter().enumerate().map(move |(place, line)| {
                    // What goes on in a further line is set in a little more.
                    let blank = " ".repeat(if place == 0 { indent } else { indent + 1 });
                    (role, format!("{blank}{line}"))
                })
            })
            .collect()
    }

    fn room(model: &Model) -> usize {
        usize::from(model.size.0).saturating_sub(5).clamp(1, WIDEST)
    }

    /// Rows that are shown at a time.
    fn page(model: &Model) -> usize {
        usize::from(model.size.1).saturating_sub(5).max(1)
    }

    /// The first line shown, the last ones being the last.
    pub fn first(&self, length: usize, rows: usize) -> usize {
        self.scroll.min(length.saturating_sub(rows))
    }

    /// Does what a key asks for.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                let page = Self::page(model);
                let most = self.lines(model).len().saturating_sub(page);
                self.scroll = moved(self.scroll.min(most), action, page, most + 1);
            }
            Action::Copy => {
                let lines: Vec<String> = self.lines(model).into_iter().map(|(_, line)| line).collect();
                return (Then::Stay, update::copied(model, &lines.join("\n")));
            }
            Action::Reveal => {
                model.revealed = self.phone().map(|phone| (phone, model.now.plus(REVEALED_MS)));
            }
            Action::Accept if matches!(self.about, About::Recipient(..)) => {
                let Some(phone) = self.phone() else { return (Then::Stay, Vec::new()) };
                return (Then::Stay, update::open_person(model, &phone.to_string()));
            }
            Action::Add | Action::Undo => return (Then::Stay, self.opt_out(model, action)),
            _ => return (Then::Close, Vec::new()),
        }
        (Then::Stay, Vec::new())
    }

    fn opt_out(&self, model: &mut Model, action: Action) -> Vec<Request> {
        let About::Person(_, view) = &self.about else { return Vec::new() };
        let Some(view) = view.get() else { return Vec::new() };
        let person = Asked(view.phone.to_string());
        if action == Action::Add {
            return vec![Request::Numbers(NumbersRequest::OptOut { person, note: String::new() })];
        }
        let name = model.phone(view.phone);
        update::ask_to_undo_opt_out(model, &name, &person, &view.opted_out);
        Vec::new()
    }
}
