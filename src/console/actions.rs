//! The one registry of what keys do. Footer, help, palette and the update functions all read it, so a key that
//! is not here does not exist, and nothing is offered that is not there.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where keys are heard: a screen, or the dialog on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Every screen, below its own keys.
    Everywhere,
    /// What is going out.
    Live,
    /// Lists and uploads.
    Numbers,
    /// Templates.
    Templates,
    /// The log.
    Log,
    /// Help.
    Help,
    /// The command palette.
    Palette,
    /// A question with two answers.
    Confirm,
    /// The pace box.
    Pace,
    /// The quit dialog.
    Quit,
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
    /// The set-up's first question.
    SetUpChoice,
    /// The set-up's form.
    SetUpForm,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Show a screen.
    Live,
    /// Show a screen.
    Numbers,
    /// Show a screen.
    Templates,
    /// Show a screen.
    Log,
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
    /// Sync templates.
    Sync,
    /// Stop or go on following.
    Freeze,
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

/// A line of a dialog: in the footer, not in the palette.
const fn step(
    place: Place,
    action: Action,
    keys: &'static [Key],
    shown: &'static str,
    words: [&'static str; 2],
) -> Entry {
    Entry { place, action, keys, shown, word: words[0], help: words[1], footer: true, palette: false }
}

/// A line for moving about: only help names it.
const fn go(place: Place, action: Action, keys: &'static [Key], shown: &'static str, help: &'static str) -> Entry {
    Entry { place, action, keys, shown, word: "", help, footer: false, palette: false }
}

use Action as A;
use Key::Char as C;
use Place as P;

/// The registry.
pub const ENTRIES: &[Entry] = &[
    // Live
    act(P::Live, A::Pause, &[C('p')], "p", ["pause", "pause the selected broadcast at once; nobody is lost"]),
    act(P::Live, A::Resume, &[C('r')], "r", ["go on", "let a paused broadcast go on where it stopped"]),
    act(P::Live, A::Cancel, &[C('x')], "x", ["cancel", "end the selected broadcast for good; asks first"]),
    act(P::Live, A::Faster, &[C('+'), C('=')], "+", ["faster", "set the pace: faster, never above the limit"]),
    act(P::Live, A::Slower, &[C('-')], "-", ["slower", "set the pace: slower"]),
    // Numbers
    act(P::Numbers, A::Load, &[C('o')], "o", ["load a file", "load numbers from a file on this server"]),
    step(P::Numbers, A::Next, &[TAB], "Tab", ["other part", "go to the other part of the screen"]),
    // Templates
    act(
        P::Templates,
        A::Sync,
        &[C('u')],
        "u",
        ["update from WhatsApp", "fetch the templates and their state from WhatsApp"],
    ),
    // Log
    act(P::Log, A::Freeze, &[C('f')], "f", ["freeze", "freeze the log, or follow it again"]),
    // Everywhere
    act(
        P::Everywhere,
        A::New,
        &[C('n')],
        "n",
        ["new", "put a new broadcast together; nothing is sent before you type its count"],
    ),
    act(P::Everywhere, A::Help, &[C('?'), Key::Named(KeyCode::F(1))], "?", ["help", "all keys of this screen"]),
    Entry { footer: false, ..act(P::Everywhere, A::Live, &[C('1')], "1", ["Live", "what is going out now"]) },
    Entry {
        footer: false,
        ..act(P::Everywhere, A::Numbers, &[C('2')], "2", ["Numbers", "lists and the files they came from"])
    },
    Entry {
        footer: false,
        ..act(P::Everywhere, A::Templates, &[C('3')], "3", ["Templates", "the templates of your account"])
    },
    Entry { footer: false, ..act(P::Everywhere, A::Log, &[C('4')], "4", ["Log", "every answer of WhatsApp"]) },
    Entry {
        palette: false,
        footer: false,
        ..act(P::Everywhere, A::Palette, &[C(':')], ":", ["commands", "find a command by its name"])
    },
    act(
        P::Everywhere,
        A::Quit,
        &[C('q'), Key::Ctrl('c')],
        "q",
        ["quit", "leave; asks what is to become of what is being sent"],
    ),
    go(P::Everywhere, A::Up, &[UP, C('k')], "↑ k", "one up"),
    go(P::Everywhere, A::Down, &[DOWN, C('j')], "↓ j", "one down"),
    go(P::Everywhere, A::PageUp, &[PAGE_UP, Key::Ctrl('b')], "PgUp", "a page up"),
    go(P::Everywhere, A::PageDown, &[PAGE_DOWN, Key::Ctrl('f')], "PgDn", "a page down"),
    go(P::Everywhere, A::Top, &[HOME, C('g')], "g Home", "to the first"),
    go(P::Everywhere, A::Bottom, &[END, C('G')], "G End", "to the last"),
    // Help
    step(P::Help, A::Back, &[ESC, C('q'), C('?'), ENTER, Key::Ctrl('c')], "Esc", ["close", "close help"]),
    step(P::Help, A::Up, &[UP, C('k'), PAGE_UP], "↑ ↓", ["scroll", "scroll up"]),
    go(P::Help, A::Down, &[DOWN, C('j'), PAGE_DOWN], "↓", "scroll down"),
    // Palette
    step(P::Palette, A::Accept, &[ENTER], "Enter", ["do it", "do what is selected"]),
    step(P::Palette, A::Up, &[UP], "↑ ↓", ["mark", "one up"]),
    go(P::Palette, A::Down, &[DOWN], "↓", "one down"),
    step(P::Palette, A::Back, &[ESC, Key::Ctrl('c')], "Esc", ["close", "close without doing anything"]),
    // Confirm
    step(P::Confirm, A::Left, &[LEFT, RIGHT, TAB, BACK_TAB, C('h'), C('l')], "← →", ["choose", "the other answer"]),
    step(P::Confirm, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(
        P::Confirm,
        A::Back,
        &[ESC, C('q'), Key::Ctrl('c')],
        "Esc",
        ["change nothing", "close, everything stays as it is"],
    ),
    // Pace
    step(P::Pace, A::Faster, &[C('+'), C('='), UP, RIGHT], "+", ["faster", "one a second more"]),
    step(P::Pace, A::Slower, &[C('-'), DOWN, LEFT], "-", ["slower", "one a second less"]),
    step(P::Pace, A::Accept, &[ENTER], "Enter", ["set", "set this pace now"]),
    step(P::Pace, A::Back, &[ESC, C('q'), Key::Ctrl('c')], "Esc", ["leave it", "leave the pace as it is"]),
    // Quit
    step(P::Quit, A::Up, &[UP, C('k'), BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::Quit, A::Down, &[DOWN, C('j'), TAB], "↓", "one down"),
    step(P::Quit, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(
        P::Quit,
        A::Quit,
        &[Key::Ctrl('c')],
        "Ctrl-C",
        ["quit, nobody is lost", "quit as soon as what is under way is finished; at once when nothing is"],
    ),
    step(P::Quit, A::Back, &[ESC, C('q')], "Esc", ["stay", "stay here"]),
    // Loading a file
    step(P::LoadPick, A::Accept, &[ENTER], "Enter", ["open", "open the marked folder or file"]),
    step(P::LoadPick, A::Next, &[TAB], "Tab", ["complete", "complete the path as far as it is clear"]),
    step(P::LoadPick, A::Up, &[UP, PAGE_UP], "↑ ↓", ["mark", "one up"]),
    go(P::LoadPick, A::Down, &[DOWN, PAGE_DOWN], "↓", "one down"),
    step(P::LoadPick, A::Back, &[ESC, Key::Ctrl('c')], "Esc", ["close", "close without loading anything"]),
    step(P::LoadCheck, A::Accept, &[ENTER], "Enter", ["load", "load the file as shown"]),
    step(P::LoadCheck, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::LoadCheck, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::LoadCheck, A::Back, &[ESC, Key::Ctrl('c')], "Esc", ["other file", "back to choosing a file"]),
    step(P::LoadRun, A::Accept, &[ENTER], "Enter", ["done", "close; a file that is still loading goes on loading"]),
    step(P::LoadRun, A::Cancel, &[C('x')], "x", ["stop loading", "give the file up; nothing of it stays"]),
    step(
        P::LoadRun,
        A::Back,
        &[ESC, C('q'), Key::Ctrl('c')],
        "Esc",
        ["close", "close; a file that is still loading goes on loading"],
    ),
    // A new broadcast
    step(P::WizardList, A::Up, &[UP, C('k')], "↑ ↓", ["mark", "one up"]),
    go(P::WizardList, A::Down, &[DOWN, C('j')], "↓", "one down"),
    go(P::WizardList, A::PageUp, &[PAGE_UP], "PgUp", "a page up"),
    go(P::WizardList, A::PageDown, &[PAGE_DOWN], "PgDn", "a page down"),
    step(P::WizardList, A::Accept, &[ENTER], "Enter", ["take it", "take the marked one and go on"]),
    step(
        P::WizardList,
        A::Back,
        &[ESC, Key::Ctrl('c')],
        "Esc",
        ["back", "one step back; out of the first step it leaves"],
    ),
    step(P::WizardForm, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::WizardForm, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::WizardForm, A::Left, &[LEFT], "← →", ["other choice", "the choice before"]),
    go(P::WizardForm, A::Right, &[RIGHT], "→", "the next choice"),
    step(P::WizardForm, A::Accept, &[ENTER], "Enter", ["go on", "go on to the next step"]),
    step(P::WizardForm, A::Back, &[ESC, Key::Ctrl('c')], "Esc", ["back", "one step back"]),
    step(P::WizardReview, A::Accept, &[ENTER], "Enter", ["start", "start it, when the count is typed"]),
    step(P::WizardReview, A::Left, &[LEFT], "← →", ["person", "the message to the person before"]),
    go(P::WizardReview, A::Right, &[RIGHT], "→", "the message to the next person"),
    step(P::WizardReview, A::Up, &[UP], "↑ ↓", ["scroll", "scroll up"]),
    go(P::WizardReview, A::Down, &[DOWN], "↓", "scroll down"),
    go(P::WizardReview, A::PageUp, &[PAGE_UP], "PgUp", "back to what it does"),
    go(P::WizardReview, A::PageDown, &[PAGE_DOWN], "PgDn", "to the message"),
    step(
        P::WizardReview,
        A::Toggle,
        &[C(' ')],
        "Space",
        ["send again", "yes, send it although it looks like a repeat"],
    ),
    step(P::WizardReview, A::Back, &[ESC, Key::Ctrl('c')], "Esc", ["back", "one step back"]),
    // Set-up
    step(P::SetUpChoice, A::Up, &[UP, C('k'), BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::SetUpChoice, A::Down, &[DOWN, C('j'), TAB], "↓", "one down"),
    step(P::SetUpChoice, A::Accept, &[ENTER], "Enter", ["take it", "take the marked one"]),
    step(P::SetUpChoice, A::Back, &[ESC, C('q'), Key::Ctrl('c')], "Esc", ["leave", "leave; nothing was written"]),
    step(P::SetUpForm, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::SetUpForm, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::SetUpForm, A::Accept, &[ENTER], "Enter", ["check and go on", "check what was entered with WhatsApp"]),
    step(
        P::SetUpForm,
        A::Back,
        &[ESC, Key::Ctrl('c')],
        "Esc",
        ["back", "back to the first question; what you entered stays"],
    ),
];

/// Whether a place is one of the screens (then keys for everywhere are heard too).
pub fn is_screen(place: Place) -> bool {
    matches!(place, Place::Live | Place::Numbers | Place::Templates | Place::Log)
}

/// The lines that are heard in a place, its own first.
pub fn heard_in(place: Place) -> impl Iterator<Item = &'static Entry> {
    let own = ENTRIES.iter().filter(move |entry| entry.place == place);
    own.chain(ENTRIES.iter().filter(move |entry| is_screen(place) && entry.place == Place::Everywhere))
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
        for entry in ENTRIES {
            for key in entry.keys {
                let same: Vec<_> = heard_in(entry.place).filter(|other| other.keys.contains(key)).collect();
                assert_eq!(same.len(), 1, "{key:?} in {:?}", entry.place);
            }
        }
    }

    #[test]
    fn every_line_says_what_it_does() {
        for entry in ENTRIES {
            assert!(!entry.help.is_empty() && !entry.shown.is_empty(), "{entry:?}");
            assert!(!entry.footer || !entry.word.is_empty(), "{entry:?}");
        }
    }
}
