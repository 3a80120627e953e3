//! Why a key did nothing, in a line: a key that is silent looks broken.
//!
//! Only words; whether an action is possible is decided elsewhere. Called by the update function alone.

use super::super::actions::{self, Action, Entry, Key, Place, is_screen};
use super::super::dialog::Dialog;
use super::super::model::{Model, Screen};
use super::numbers;
use crossterm::event::KeyCode;

/// An action of a screen that cannot be done now.
pub(super) fn not_possible(model: &mut Model, action: Action, why_not: &str) {
    let entry = actions::heard_in(model.screen_place()).find(|entry| entry.action == action);
    say(model, entry, why_not);
}

/// An action of a dialog that is not there at this moment.
pub(super) fn not_offered(model: &mut Model, dialog: &Dialog, action: Action) {
    let entry = actions::heard_in(dialog.place()).find(|entry| entry.action == action);
    let why_not = dialog.why_not(action);
    say(model, entry, &why_not);
}

fn say(model: &mut Model, entry: Option<&Entry>, why_not: &str) {
    let words = match entry {
        Some(entry) if !entry.word.is_empty() => format!("{} ({}) not now: {why_not}.", entry.shown, entry.word),
        _ => format!("Not now: {why_not}."),
    };
    model.say_of_the_key(words);
}

/// A key that means nothing where the keys are heard now.
pub(super) fn not_heard(model: &mut Model, key: Key) {
    let place = model.place();
    let words = match key {
        Key::Named(KeyCode::Esc) if is_screen(place) => {
            "You are at the top of this screen: q leaves wacast.".to_owned()
        }
        Key::Named(KeyCode::Left) | Key::Char('h') if is_screen(place) => {
            "You are at the top of this screen: 1 to 8 show the others.".to_owned()
        }
        Key::Named(KeyCode::Tab | KeyCode::BackTab | KeyCode::Right) | Key::Char('l') if is_screen(place) => {
            format!("There are no parts beside this one: {}1 to 8 show the other screens.", enter(place))
        }
        Key::Char(letter) if is_screen(place) => {
            let shown = if letter == ' ' { "Space".to_owned() } else { letter.to_string() };
            let part = numbers::where_it_works(model, key);
            match part.map(|(word, part)| format!("{shown} ({word}) is for {part}.")).or_else(|| elsewhere(key)) {
                Some(words) => format!("{words} ? shows the keys of this screen."),
                None => format!("{shown} means nothing here: ? shows the keys of this screen."),
            }
        }
        Key::Char(_) if takes_digits(model) => "Only digits go in here.".to_owned(),
        Key::Char(letter) if place == Place::WizardList => {
            format!("{letter} means nothing here: / shows only the rows that hold what you type then.")
        }
        Key::Char(letter) if !letter.is_control() && !model.dialogs.is_empty() => {
            format!("{letter} means nothing in this box: the last line shows its keys.")
        }
        _ => return,
    };
    model.say_of_the_key(words);
}

/// What Enter does in a place, where it does something.
fn enter(place: Place) -> String {
    let enter = Key::Named(KeyCode::Enter);
    let entry = actions::heard_in(place).find(|entry| entry.keys.contains(&enter) && !entry.word.is_empty());
    entry.map_or_else(String::new, |entry| format!("{} ({}) is for the marked row, ", entry.shown, entry.word))
}

/// Whether the field that has the keys takes nothing but digits.
fn takes_digits(model: &mut Model) -> bool {
    let field = model.dialogs.last_mut().and_then(Dialog::field);
    field.is_some_and(|field| field.is_count())
}

/// What a key does on other screens, when it does anything there.
fn elsewhere(key: Key) -> Option<String> {
    let there = |entry: &&Entry| is_screen(entry.place) && entry.keys.contains(&key) && !entry.word.is_empty();
    let first = actions::entries().find(there)?;
    let mut screens: Vec<String> = Vec::new();
    for entry in actions::entries().filter(there).filter(|entry| entry.word == first.word) {
        let Some(screen) = screen_of(entry.place) else { continue };
        let number = Screen::ALL.iter().position(|one| *one == screen).unwrap_or(0) + 1;
        let words = format!("{} ({number})", screen.name());
        if !screens.contains(&words) {
            screens.push(words);
        }
    }
    screens.truncate(3);
    (!screens.is_empty()).then(|| format!("{} ({}) is for {}.", first.shown, first.word, screens.join(", ")))
}

/// The screen that a place is on.
fn screen_of(place: Place) -> Option<Screen> {
    use Place as P;
    Some(match place {
        P::Live => Screen::Live,
        P::Broadcasts | P::Broadcast | P::Recipients => Screen::Broadcasts,
        P::Numbers | P::ListPeople | P::Files | P::File | P::RejectRows | P::OptOuts => Screen::Numbers,
        P::Templates => Screen::Templates,
        P::Schedule => Screen::Schedule,
        P::Problems => Screen::Problems,
        P::Log => Screen::Log,
        P::Settings => Screen::Settings,
        _ => return None,
    })
}
