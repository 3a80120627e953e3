//! What lies over a screen: a stack, of which the topmost has the keys. The small dialogs live here, loading a
//! file and the wizard in files of their own.

use super::actions::{self, Action, Place};
use super::ask::Ask;
use super::field::Field;
use super::load::LoadFile;
use super::message::{Leaving, Request};
use super::model::Model;
use super::numbers::{FixBox, OptOutBox};
use super::sheet::Sheet;
use super::since::SinceCard;
use super::text::thousands;
use super::update;
use super::wizard::Wizard;

/// A dialog.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// The keys of a place.
    Help {
        /// Of which place.
        of: Place,
        /// The first line shown.
        scroll: usize,
    },
    /// Commands by name.
    Palette(Palette),
    /// A question with two answers.
    Confirm(Box<Confirm>),
    /// A question with a few answers.
    Choose(Box<Choose>),
    /// A question that only the typed count answers: it costs money.
    Count(Box<CountBox>),
    /// Something to read.
    Note(Box<Note>),
    /// The pace.
    Pace(PaceBox),
    /// What is to become of what is being sent.
    Quit(QuitBox),
    /// Loading a file.
    Load(Box<LoadFile>),
    /// A new broadcast.
    Wizard(Box<Wizard>),
    /// One field: a setting's value, the own numbers, a token.
    Ask(Box<Ask>),
    /// What happened since the operator was last here.
    Since(Box<SinceCard>),
    /// Everything about somebody.
    Sheet(Box<Sheet>),
    /// How rows are put right.
    Fix(Box<FixBox>),
    /// Noting somebody who is not to be written to.
    OptOut(Box<OptOutBox>),
}

/// What becomes of a dialog after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It stays.
    Stay,
    /// It goes.
    Close,
}

/// Commands by name.
#[derive(Debug, Clone)]
pub struct Palette {
    /// What was typed.
    pub input: Field,
    /// The marked one of those that fit.
    pub cursor: usize,
    /// The place whose commands are offered.
    pub of: Place,
}

impl Palette {
    /// The commands whose name or description holds what was typed.
    pub fn found(&self) -> Vec<&'static actions::Entry> {
        let typed = self.input.trimmed().to_lowercase();
        actions::heard_in(self.of)
            .filter(|entry| entry.palette)
            .filter(|entry| entry.word.to_lowercase().contains(&typed) || entry.help.to_lowercase().contains(&typed))
            .collect()
    }
}

/// A question with two answers; the harmless one is marked first.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// What it is about.
    pub title: String,
    /// The question and what follows from it.
    pub text: String,
    /// The harmless answer.
    pub keep: &'static str,
    /// The other one.
    pub act: &'static str,
    /// The other one is marked.
    pub on_act: bool,
    /// What is done then.
    pub requests: Vec<Request>,
}

/// A question with a few answers, the harmless one first.
#[derive(Debug, Clone, PartialEq)]
pub struct Choose {
    /// What it is about.
    pub title: String,
    /// What is to be known before.
    pub text: String,
    /// The marked answer.
    pub cursor: usize,
    /// The answers, and what each leads to.
    pub choices: Vec<(String, Choice)>,
}

/// What an answer leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Nothing is changed.
    Nothing,
    /// It is done: it harms nobody.
    Do(Request),
    /// It is asked once more: it is hard to undo.
    Ask(Request),
    /// The count has to be typed: it costs money.
    Count(Box<CountBox>),
}

/// A question that only the typed count answers.
#[derive(Debug, Clone)]
pub struct CountBox {
    /// What it is about.
    pub title: String,
    /// What follows from it.
    pub text: String,
    /// The count.
    pub people: u64,
    /// What was typed.
    pub field: Field,
    /// What is done then.
    pub request: Request,
}

impl PartialEq for CountBox {
    fn eq(&self, other: &Self) -> bool {
        (&self.title, self.people, &self.request) == (&other.title, other.people, &other.request)
    }
}

impl CountBox {
    /// An empty field for the count.
    pub fn field() -> Field {
        Field::new("", 12).of_kind(super::field::Kind::Count)
    }

    /// Whether the count is typed.
    pub fn is_typed(&self) -> bool {
        let digits: String = self.field.value().chars().filter(char::is_ascii_digit).collect();
        digits.parse() == Ok(self.people)
    }
}

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub title: String,
    /// The lines.
    pub lines: Vec<String>,
    /// The first line shown.
    pub scroll: usize,
}

/// The pace box.
#[derive(Debug, Clone, PartialEq)]
pub struct PaceBox {
    /// As it stands in the box.
    pub value: f64,
    /// As it is now.
    pub now: f64,
    /// Never above it; 0: no limit.
    pub limit: f64,
}

impl PaceBox {
    /// One step; below 1 by tenths, never above the limit, never 0.
    fn step(&mut self, up: bool) {
        let step = if self.value < 1.0 || (self.value <= 1.0 && !up) { 0.1 } else { 1.0 };
        let next = if up { self.value + step } else { self.value - step };
        let most = if self.limit > 0.0 { self.limit } else { 1_000.0 };
        self.value = ((next * 10.0).round() / 10.0).clamp(0.1_f64.min(most), most);
    }
}

/// What quitting stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// Messages go out from here at this moment.
    Sending,
    /// Nothing goes out, but something is planned, paused or being loaded here.
    Planned,
    /// Another wacast carries what there is.
    NothingHere,
    /// There is nothing.
    Nothing,
}

impl Stops {
    /// Whether it stops anything at all.
    pub fn is_something(self) -> bool {
        matches!(self, Self::Sending | Self::Planned)
    }
}

/// The quit dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuitBox {
    /// The marked answer.
    pub cursor: usize,
    /// What quitting stops.
    pub stops: Stops,
}

/// An answer of the quit dialog, and how it leaves; `None`: not at all.
pub type QuitAnswer = (&'static str, Option<Leaving>);

impl QuitBox {
    const SENDING: [QuitAnswer; 3] = [
        ("stay here: sending goes on", None),
        ("quit: send nothing new, wait a few seconds for WhatsApp's last answers", Some(Leaving::Drain)),
        ("quit at once, without those answers: these people become \"not sure\"", Some(Leaving::Now)),
    ];
    const PLANNED: [QuitAnswer; 2] = [
        ("stay here: everything goes on as planned", None),
        ("quit: nothing of it starts or goes on", Some(Leaving::Drain)),
    ];
    const NOTHING_HERE: [QuitAnswer; 2] =
        [("stay here", None), ("quit: it goes on without this window", Some(Leaving::Drain))];
    const NOTHING: [QuitAnswer; 2] = [("stay here", None), ("quit", Some(Leaving::Drain))];

    /// The answers in their order.
    pub fn answers(&self) -> &'static [QuitAnswer] {
        match self.stops {
            Stops::Sending => &Self::SENDING,
            Stops::Planned => &Self::PLANNED,
            Stops::NothingHere => &Self::NOTHING_HERE,
            Stops::Nothing => &Self::NOTHING,
        }
    }
}

impl Dialog {
    /// Where its keys are heard.
    pub fn place(&self) -> Place {
        match self {
            Self::Help { .. } => Place::Help,
            Self::Palette(_) => Place::Palette,
            Self::Confirm(_) => Place::Confirm,
            Self::Choose(_) => Place::Choose,
            Self::Count(_) => Place::Count,
            Self::Note(_) => Place::Note,
            Self::Pace(_) => Place::Pace,
            Self::Quit(_) => Place::Quit,
            Self::Load(load) => load.place(),
            Self::Wizard(wizard) => wizard.place(),
            Self::Ask(_) => Place::Ask,
            Self::Since(_) => Place::Since,
            Self::Sheet(sheet) => sheet.place(),
            Self::Fix(_) => Place::Fix,
            Self::OptOut(_) => Place::OptOutForm,
        }
    }

    /// The field that letters go to first.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self {
            Self::Palette(palette) => Some(&mut palette.input),
            Self::Count(count) => Some(&mut count.field),
            Self::Load(load) => load.field(),
            Self::Wizard(wizard) => wizard.field(),
            Self::Ask(ask) => ask.field(),
            Self::Fix(fix) => fix.field(),
            Self::OptOut(form) => Some(form.field()),
            _ => None,
        }
    }

    /// The field took something.
    pub fn typed(&mut self, model: &Model) -> Vec<Request> {
        match self {
            Self::Palette(palette) => {
                palette.cursor = 0;
                Vec::new()
            }
            Self::Load(load) => load.typed(),
            Self::Wizard(wizard) => {
                wizard.typed(model);
                Vec::new()
            }
            Self::Ask(ask) => {
                ask.trouble.clear();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether an action of its place is there at the moment; what is not is neither shown nor heard.
    pub fn offers(&self, model: &Model, action: Action) -> bool {
        match self {
            Self::Load(load) => load.offers(model, action),
            Self::Wizard(wizard) => wizard.offers(action),
            Self::Sheet(sheet) => sheet.offers(model, action),
            Self::Fix(fix) => fix.offers(action),
            Self::OptOut(form) => form.offers(action),
            _ => true,
        }
    }

    /// Takes a letter where something is chosen: what begins with it. `false`: nothing does.
    pub fn type_ahead(&mut self, letter: char) -> bool {
        if let Self::Wizard(wizard) = self { wizard.type_ahead(letter) } else { false }
    }

    /// Why an action of its place is not there at the moment: the end of a sentence.
    pub fn why_not(&self, action: Action) -> String {
        let words = match self {
            Self::Wizard(wizard) => wizard.why_not(action),
            Self::Load(load) => return load.why_not(action),
            Self::Fix(_) if action == Action::Accept => "which country? Type a name, two letters, or +91",
            Self::OptOut(_) if action == Action::Accept => "type the whole number first",
            _ => "it is not possible at this moment",
        };
        words.to_owned()
    }

    /// A row of its list was clicked: it is marked.
    pub fn click(&mut self, row: usize) {
        match self {
            Self::Palette(palette) => palette.cursor = row,
            Self::Choose(choose) => choose.cursor = row.min(choose.choices.len().saturating_sub(1)),
            Self::Quit(quit) => quit.cursor = row.min(quit.answers().len() - 1),
            Self::Confirm(confirm) => confirm.on_act = row == 1,
            Self::Since(card) => card.cursor = row.min(card.rows.len().saturating_sub(1)),
            Self::Fix(fix) => fix.cursor = row.min(fix.choices.len().saturating_sub(1)),
            Self::Wizard(wizard) => wizard.click(row),
            _ => {}
        }
    }

    /// Does what a key asks for. The dialog is off the stack meanwhile.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match self {
            Self::Help { scroll, of } => {
                match action {
                    Action::Up => *scroll = scroll.saturating_sub(1),
                    // The view stops at the last line; one entry takes two lines at most.
                    Action::Down => *scroll = scroll.saturating_add(1).min(actions::heard_in(*of).count() * 2),
                    _ => return (Then::Close, Vec::new()),
                }
                (Then::Stay, Vec::new())
            }
            Self::Palette(palette) => act_palette(palette, model, action),
            Self::Confirm(confirm) => match action {
                Action::Left => {
                    confirm.on_act = !confirm.on_act;
                    (Then::Stay, Vec::new())
                }
                Action::Accept if confirm.on_act => {
                    update::begun(model, &confirm.requests);
                    (Then::Close, std::mem::take(&mut confirm.requests))
                }
                _ => (Then::Close, Vec::new()),
            },
            Self::Choose(choose) => act_choose(choose, model, action),
            Self::Count(count) => match action {
                Action::Accept if count.is_typed() => (Then::Close, vec![count.request.clone()]),
                Action::Accept => {
                    model.say_of_the_key(format!("Type {} first, then Enter.", thousands(count.people)));
                    (Then::Stay, Vec::new())
                }
                _ => (Then::Close, Vec::new()),
            },
            Self::Note(note) => match action {
                Action::Up => {
                    note.scroll = note.scroll.saturating_sub(1);
                    (Then::Stay, Vec::new())
                }
                Action::Down => {
                    note.scroll = (note.scroll + 1).min(note.lines.len().saturating_sub(1));
                    (Then::Stay, Vec::new())
                }
                Action::Copy => (Then::Stay, update::copied(model, &note.lines.join("\n"))),
                _ => (Then::Close, Vec::new()),
            },
            Self::Pace(pace) => match action {
                Action::Faster => {
                    pace.step(true);
                    (Then::Stay, Vec::new())
                }
                Action::Slower => {
                    pace.step(false);
                    (Then::Stay, Vec::new())
                }
                Action::Accept => (Then::Close, vec![Request::SetPace(pace.value)]),
                _ => (Then::Close, Vec::new()),
            },
            Self::Quit(quit) => act_quit(quit, action),
            Self::Load(load) => load.act(model, action),
            Self::Wizard(wizard) => wizard.act(model, action),
            Self::Ask(ask) => ask.act(action),
            Self::Since(card) => card.act(model, action),
            Self::Sheet(sheet) => sheet.act(model, action),
            Self::Fix(fix) => fix.act(model, action),
            Self::OptOut(form) => form.act(action),
        }
    }

    /// Takes several pasted lines, if they mean something here that no field would take.
    pub fn paste_lines(&mut self, text: &str) -> Option<Vec<Request>> {
        match self {
            Self::Load(load) => load.paste_lines(text),
            _ => None,
        }
    }
}

fn act_palette(palette: &mut Palette, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
    let found = palette.found();
    match action {
        Action::Up => palette.cursor = palette.cursor.saturating_sub(1),
        Action::Down => palette.cursor = (palette.cursor + 1).min(found.len().saturating_sub(1)),
        Action::Accept => {
            let Some(entry) = found.get(palette.cursor) else { return (Then::Stay, Vec::new()) };
            return (Then::Close, update::act_on_screen(model, entry.action));
        }
        _ => return (Then::Close, Vec::new()),
    }
    (Then::Stay, Vec::new())
}

fn act_choose(choose: &mut Choose, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
    match action {
        Action::Up => choose.cursor = choose.cursor.saturating_sub(1),
        Action::Down => choose.cursor = (choose.cursor + 1).min(choose.choices.len().saturating_sub(1)),
        Action::Accept => {
            let Some((_, choice)) = choose.choices.get(choose.cursor) else { return (Then::Close, Vec::new()) };
            return update::chosen(model, &choose.title, choice.clone());
        }
        _ => return (Then::Close, Vec::new()),
    }
    (Then::Stay, Vec::new())
}

fn act_quit(quit: &mut QuitBox, action: Action) -> (Then, Vec<Request>) {
    match action {
        Action::Up => quit.cursor = quit.cursor.saturating_sub(1),
        Action::Down => quit.cursor = (quit.cursor + 1).min(quit.answers().len() - 1),
        Action::Quit => return (Then::Close, vec![Request::Leave(Leaving::Drain)]),
        Action::Accept => {
            let leaving = quit.answers().get(quit.cursor).and_then(|(_, leaving)| *leaving);
            return (Then::Close, leaving.map(Request::Leave).into_iter().collect());
        }
        _ => return (Then::Close, Vec::new()),
    }
    (Then::Stay, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_stays_between_a_tenth_and_the_limit() {
        let mut pace = PaceBox { value: 59.0, now: 59.0, limit: 60.0 };
        pace.step(true);
        pace.step(true);
        assert!((pace.value - 60.0).abs() < f64::EPSILON);
        pace.value = 1.1;
        for _ in 0..30 {
            pace.step(false);
        }
        assert!((pace.value - 0.1).abs() < f64::EPSILON, "{}", pace.value);
        let mut slow = PaceBox { value: 0.05, now: 0.05, limit: 0.05 };
        slow.step(true);
        assert!(slow.value <= 0.05);
    }
}
