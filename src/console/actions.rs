//! The one registry of what keys do. Footer, help, palette and the update functions all read it, so a key that
//! is not here does not exist, and nothing is offered that is not there.
//!
//! The lines themselves stand in `screens` and `dialogs`.

mod dialogs;
mod numbers;
mod screens;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where keys are heard: a screen, or the dialog on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Every screen, below its own keys.
    Everywhere,
    /// Every place, screen or not, where nothing else has the key.
    Always,
    /// What is going out.
    Live,
    /// All broadcasts.
    Broadcasts,
    /// One broadcast, opened: how it stands, and its failures.
    Broadcast,
    /// One broadcast, opened: its people.
    Recipients,
    /// Lists.
    Numbers,
    /// The people of a list.
    ListPeople,
    /// The files of a list.
    Files,
    /// What became of a file, by cause.
    File,
    /// The rows of one cause.
    RejectRows,
    /// Who is not to be written to.
    OptOuts,
    /// Everything about one person.
    Person,
    /// One recipient of a broadcast.
    Recipient,
    /// How rows are put right.
    Fix,
    /// Noting somebody who is not to be written to.
    OptOutForm,
    /// Templates.
    Templates,
    /// What is to start, once or again and again.
    Schedule,
    /// What needs a person.
    Problems,
    /// The log.
    Log,
    /// How wacast is set, and from where.
    Settings,
    /// The words that a list is filtered by are being typed.
    Filter,
    /// A plain summary over the whole screen.
    Plain,
    /// Help.
    Help,
    /// The command palette.
    Palette,
    /// A question with two answers.
    Confirm,
    /// A choice of a few answers.
    Choose,
    /// A question that the typed count answers.
    Count,
    /// The pace box.
    Pace,
    /// The quit dialog.
    Quit,
    /// Something to read, and to close.
    Note,
    /// Loading a file: choosing it.
    LoadPick,
    /// Loading a file: what was recognised, country and list.
    LoadCheck,
    /// Loading a file: under way or done.
    LoadRun,
    /// A new broadcast: choosing from a list (audience, template).
    WizardList,
    /// A new broadcast: variables and time.
    WizardForm,
    /// A new broadcast: the review.
    WizardReview,
    /// One field: a setting's value, the own numbers, a token.
    Ask,
    /// What happened since the operator was last here.
    Since,
    /// The set-up's first question.
    SetUpChoice,
    /// The set-up's form.
    SetUpForm,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Show a screen.
    Show(super::model::Screen),
    /// Open the wizard.
    New,
    /// Pause the selected broadcast.
    Pause,
    /// Let it go on.
    Resume,
    /// Cancel it (asks).
    Cancel,
    /// Open the pace box, one faster.
    Faster,
    /// Open the pace box, one slower.
    Slower,
    /// Load a file.
    Load,
    /// Load a file of opt-outs.
    LoadOptOuts,
    /// Put the rows of a cause right (asks how).
    Fix,
    /// Undo something: a whole file, an opt-out (asks).
    Undo,
    /// Note somebody who is not to be written to.
    Add,
    /// Sync templates.
    Sync,
    /// Send to some of a broadcast's people once more (asks).
    FollowUp,
    /// Decide about people in doubt (asks).
    Decide,
    /// Write what is selected to a file (asks how).
    Export,
    /// A summary in plain lines, ready to be selected.
    Plain,
    /// Copy what is selected to the terminal's clipboard.
    Copy,
    /// Show the marked row's number for a few seconds.
    Reveal,
    /// Stop or go on following.
    Freeze,
    /// Type words that a list is filtered by.
    Filter,
    /// The next order of a list.
    Sort,
    /// The same order from the other end.
    Reverse,
    /// Mark a row, or unmark it.
    Mark,
    /// Open help.
    Help,
    /// Open the palette.
    Palette,
    /// Open the quit dialog.
    Quit,
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    Top,
    /// To the last.
    Bottom,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// The next field or part; completes a path.
    Next,
    /// The one before.
    Previous,
    /// Yes, open, go on.
    Accept,
    /// Back, up one level.
    Back,
    /// Switch something on or off.
    Toggle,
    /// Replace the access token.
    Token,
    /// What happened since the operator was last here.
    Since,
    /// Send the message to the own numbers first.
    Test,
}

/// A key as the registry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A letter, as typed.
    Char(char),
    /// Ctrl and a letter.
    Ctrl(char),
    /// A named key.
    Named(KeyCode),
}

impl Key {
    /// The registry's name of a key event.
    pub fn of(event: KeyEvent) -> Option<Self> {
        match event.code {
            KeyCode::Char(letter) if event.modifiers.contains(KeyModifiers::CONTROL) => {
                Some(Self::Ctrl(letter.to_ascii_lowercase()))
            }
            KeyCode::Char(_) if event.modifiers.contains(KeyModifiers::ALT) => None,
            KeyCode::Char(letter) => Some(Self::Char(letter)),
            code => Some(Self::Named(code)),
        }
    }
}

/// One line of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Where it is heard.
    pub place: Place,
    /// What it does.
    pub action: Action,
    /// By which keys.
    pub keys: &'static [Key],
    /// The keys as footer and help show them.
    pub shown: &'static str,
    /// One or two words for the footer.
    pub word: &'static str,
    /// What it does, for help and palette.
    pub help: &'static str,
    /// Whether the footer names it.
    pub footer: bool,
    /// Whether the palette offers it.
    pub palette: bool,
}

const ENTER: Key = Key::Named(KeyCode::Enter);
const ESC: Key = Key::Named(KeyCode::Esc);
const TAB: Key = Key::Named(KeyCode::Tab);
const BACK_TAB: Key = Key::Named(KeyCode::BackTab);
const UP: Key = Key::Named(KeyCode::Up);
const DOWN: Key = Key::Named(KeyCode::Down);
const LEFT: Key = Key::Named(KeyCode::Left);
const RIGHT: Key = Key::Named(KeyCode::Right);
const PAGE_UP: Key = Key::Named(KeyCode::PageUp);
const PAGE_DOWN: Key = Key::Named(KeyCode::PageDown);
const HOME: Key = Key::Named(KeyCode::Home);
const END: Key = Key::Named(KeyCode::End);
const F1: Key = Key::Named(KeyCode::F(1));

/// A line that the footer names and the palette offers.
const fn act(
    place: Place,
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    words: [&'static str; 2],
) -> Entry {
    Entry { place, action, keys, shown, word: words[0], help: words[1], footer: true, palette: true }
}

/// A line that the palette offers and the footer has no room for.
const fn more(
    place: Place,
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    words: [&'static str; 2],
) -> Entry {
    Entry { footer: false, ..act(place, action, keys, shown, words) }
}

/// A line of a dialog: in the footer, not in the palette.
const fn step(
    place: Place,
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    words: [&'static str; 2],
) -> Entry {
    Entry { palette: false, ..act(place, action, keys, shown, words) }
}

/// A line for moving about: only help names it.
const fn go(place: Place, action: Action, keys: &'static [Key], shown: &'static str, help: &'static str) -> Entry {
    Entry { place, action, keys, shown, word: "", help, footer: false, palette: false }
}

/// Where something lies inside what is marked: to the right goes in, as Enter does.
const fn to_the_right(place: Place) -> Entry {
    go(place, Action::Accept, &[RIGHT, Key::Char('l')], "→ l", "into what is marked, as Enter does")
}

/// And to the left goes out again, as Esc does.
const fn to_the_left(place: Place) -> Entry {
    go(place, Action::Back, &[LEFT, Key::Char('h')], "← h", "out of it again, as Esc does")
}

/// All lines of the registry.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    screens::ENTRIES.iter().chain(numbers::ENTRIES).chain(dialogs::ENTRIES)
}

/// Whether a place is a screen or a part of one (then keys for everywhere are heard too).
pub fn is_screen(place: Place) -> bool {
    use Place as P;
    matches!(
        place,
        P::Live
            | P::Broadcasts
            | P::Broadcast
            | P::Recipients
            | P::Numbers
            | P::ListPeople
            | P::Files
            | P::File
            | P::RejectRows
            | P::OptOuts
            | P::Templates
            | P::Schedule
            | P::Problems
            | P::Log
            | P::Settings
    )
}

/// The lines that are heard in a place, its own first.
pub fn heard_in(place: Place) -> impl Iterator<Item = &'static Entry> {
    let below = is_screen(place).then_some(Place::Everywhere);
    let here = move |entry: &&Entry| entry.place == place || Some(entry.place) == below;
    let is_free = move |entry: &&Entry| {
        entry.keys.iter().all(|key| !entries().filter(here).any(|other| other.keys.contains(key)))
    };
    let own = entries().filter(move |entry| entry.place == place);
    let everywhere = entries().filter(move |entry| Some(entry.place) == below);
    own.chain(everywhere).chain(entries().filter(|entry| entry.place == Place::Always).filter(is_free))
}

/// What a key does in a place.
pub fn lookup(place: Place, key: Key) -> Option<Action> {
    heard_in(place).find(|entry| entry.keys.contains(&key)).map(|entry| entry.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for entry in entries() {
            for key in entry.keys {
                let same: Vec<_> = heard_in(entry.place).filter(|other| other.keys.contains(key)).collect();
                assert_eq!(same.len(), 1, "{key:?} in {:?}", entry.place);
            }
        }
    }

    #[test]
    fn every_line_says_what_it_does() {
        for entry in entries() {
            assert!(!entry.help.is_empty() && !entry.shown.is_empty(), "{entry:?}");
            assert!(!entry.footer || !entry.word.is_empty(), "{entry:?}");
        }
    }
}
