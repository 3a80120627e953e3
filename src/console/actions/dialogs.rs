//! What keys do in dialogs: the part of the registry that is heard only while something lies over a screen.

use super::{
    Action as A, BACK_TAB, DOWN, END, ENTER, ESC, Entry, F1, HOME, Key, LEFT, PAGE_DOWN, PAGE_UP, Place as P, RIGHT,
    TAB, UP, go, step,
};
use Key::Char as C;

/// The lines.
pub(super) const ENTRIES: &[Entry] = &[
    // Everywhere, whatever lies over a screen
    go(P::Always, A::Quit, &[Key::Ctrl('c')], "Ctrl-C", "leave; asks what is to become of what is being sent"),
    go(P::Always, A::Help, &[F1, C('?')], "F1 ?", "these keys; where letters are typed, ? is a letter"),
    // Help
    step(P::Help, A::Back, &[ESC, C('q'), C('?'), F1, ENTER], "Esc", ["close", "close help"]),
    step(P::Help, A::Up, &[UP, C('k'), PAGE_UP], "↑ ↓", ["scroll", "scroll up"]),
    go(P::Help, A::Down, &[DOWN, C('j'), PAGE_DOWN], "↓", "scroll down"),
    // Palette
    step(P::Palette, A::Accept, &[ENTER], "Enter", ["do it", "do what is selected"]),
    step(P::Palette, A::Up, &[UP], "↑ ↓", ["mark", "one up"]),
    go(P::Palette, A::Down, &[DOWN], "↓", "one down"),
    step(P::Palette, A::Back, &[ESC], "Esc", ["close", "close without doing anything"]),
    // The words of a filter
    step(P::Filter, A::Accept, &[ENTER, DOWN, TAB], "Enter", ["keep it", "keep the filter and go to the rows"]),
    step(P::Filter, A::Back, &[ESC], "Esc", ["all rows", "take the filter away"]),
    // A plain summary
    step(P::Plain, A::Copy, &[C('y')], "y", ["copy", "copy all of it to your terminal's clipboard"]),
    step(P::Plain, A::Back, &[ESC, ENTER, C('q'), C('w')], "Esc", ["close", "back to the screen"]),
    // Something to read
    step(P::Note, A::Copy, &[C('y')], "y", ["copy", "copy it to your terminal's clipboard"]),
    step(P::Note, A::Up, &[UP, C('k'), PAGE_UP], "↑ ↓", ["scroll", "scroll up"]),
    go(P::Note, A::Down, &[DOWN, C('j'), PAGE_DOWN], "↓", "scroll down"),
    step(P::Note, A::Back, &[ESC, ENTER, C('q'), LEFT, C('h')], "Esc", ["close", "close it"]),
    // A choice
    step(P::Choose, A::Up, &[UP, C('k'), BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::Choose, A::Down, &[DOWN, C('j'), TAB], "↓", "one down"),
    step(P::Choose, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(P::Choose, A::Back, &[ESC, C('q')], "Esc", ["change nothing", "close, everything stays as it is"]),
    // The typed count
    step(P::Count, A::Accept, &[ENTER], "Enter", ["do it", "do it, when the count is typed"]),
    step(P::Count, A::Back, &[ESC], "Esc", ["change nothing", "close, nothing is sent"]),
    // Confirm
    step(P::Confirm, A::Left, &[LEFT, RIGHT, TAB, BACK_TAB, C('h'), C('l')], "← →", ["choose", "the other answer"]),
    step(P::Confirm, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(P::Confirm, A::Back, &[ESC, C('q')], "Esc", ["change nothing", "close, everything stays as it is"]),
    // Pace
    step(P::Pace, A::Faster, &[C('+'), C('='), UP, RIGHT], "+", ["faster", "one a second more"]),
    step(P::Pace, A::Slower, &[C('-'), DOWN, LEFT], "-", ["slower", "one a second less"]),
    step(P::Pace, A::Accept, &[ENTER], "Enter", ["set", "set this pace now"]),
    step(P::Pace, A::Back, &[ESC, C('q')], "Esc", ["leave it", "leave the pace as it is"]),
    // Quit
    step(P::Quit, A::Up, &[UP, C('k'), BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::Quit, A::Down, &[DOWN, C('j'), TAB], "↓", "one down"),
    step(P::Quit, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(
        P::Quit,
        A::Quit,
        &[Key::Ctrl('c')],
        "Ctrl-C",
        ["quit, nobody is lost", "quit as soon as the answers to what is under way are there; at once when nothing is"],
    ),
    step(P::Quit, A::Back, &[ESC, C('q')], "Esc", ["stay", "stay here"]),
    // Loading a file
    step(
        P::LoadPick,
        A::Accept,
        &[ENTER],
        "Enter",
        ["open", "open the marked folder or file; rows can be pasted as well"],
    ),
    step(P::LoadPick, A::Next, &[TAB], "Tab", ["complete", "complete the path as far as it is clear"]),
    step(P::LoadPick, A::Up, &[UP, PAGE_UP], "↑ ↓", ["mark", "one up"]),
    go(P::LoadPick, A::Down, &[DOWN, PAGE_DOWN], "↓", "one down"),
    step(P::LoadPick, A::Back, &[ESC], "Esc", ["close", "close without loading anything"]),
    step(P::LoadCheck, A::Accept, &[ENTER], "Enter", ["load", "load the file as shown"]),
    step(P::LoadCheck, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::LoadCheck, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::LoadCheck, A::Back, &[ESC], "Esc", ["other file", "back to choosing a file"]),
    step(P::LoadRun, A::Accept, &[ENTER], "Enter", ["close", "close; a file that is still loading goes on loading"]),
    step(P::LoadRun, A::Fix, &[C('r')], "r", ["rejected rows", "what could not be used, by cause, and what to do"]),
    step(P::LoadRun, A::Cancel, &[C('x')], "x", ["stop loading", "give the file up; nothing of it stays"]),
    go(P::LoadRun, A::Back, &[ESC, C('q')], "Esc", "close; a file that is still loading goes on loading"),
    // A new broadcast
    step(P::WizardList, A::Up, &[UP, C('k')], "↑ ↓", ["mark", "one up"]),
    go(P::WizardList, A::Down, &[DOWN, C('j')], "↓", "one down"),
    go(P::WizardList, A::PageUp, &[PAGE_UP], "PgUp", "a page up"),
    go(P::WizardList, A::PageDown, &[PAGE_DOWN], "PgDn", "a page down"),
    go(P::WizardList, A::Top, &[HOME, C('g')], "g Home", "to the first"),
    go(P::WizardList, A::Bottom, &[END, C('G')], "G End", "to the last"),
    step(P::WizardList, A::Accept, &[ENTER, RIGHT, C('l')], "Enter", ["take it", "take the marked one and go on"]),
    step(P::WizardList, A::Filter, &[C('/')], "/", ["filter", "show only rows that hold the words you type"]),
    step(
        P::WizardList,
        A::Back,
        &[ESC, LEFT, C('h')],
        "Esc",
        ["back", "one step back; out of the first step it leaves"],
    ),
    step(P::WizardList, A::Help, &[C('?'), F1], "?", ["help", "the keys of this step"]),
    step(P::WizardForm, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::WizardForm, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::WizardForm, A::Left, &[LEFT], "← →", ["other choice", "the choice before"]),
    go(P::WizardForm, A::Right, &[RIGHT], "→", "the next choice"),
    step(P::WizardForm, A::Accept, &[ENTER], "Enter", ["go on", "go on to the next step"]),
    step(P::WizardForm, A::Back, &[ESC], "Esc", ["back", "one step back"]),
    step(
        P::WizardForm,
        A::Help,
        &[F1, C('?')],
        "F1",
        ["help", "the keys of this step; ? as well, but in a text field it is a letter"],
    ),
    step(P::WizardReview, A::Accept, &[ENTER], "Enter", ["confirm", "start or schedule it, when the count is typed"]),
    step(
        P::WizardReview,
        A::Test,
        &[C('t')],
        "t",
        ["test", "send this message to your own numbers first; it costs what any message costs"],
    ),
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
    step(P::WizardReview, A::Back, &[ESC], "Esc", ["back", "one step back"]),
    step(P::WizardReview, A::Help, &[C('?'), F1], "?", ["help", "the keys of this step"]),
    // One field
    step(P::Ask, A::Accept, &[ENTER], "Enter", ["take it", "have it checked and taken"]),
    step(P::Ask, A::Back, &[ESC], "Esc", ["change nothing", "close, everything stays as it is"]),
    // Since you were last here
    step(
        P::Since,
        A::Accept,
        &[ENTER, RIGHT, C('l')],
        "Enter",
        ["open", "go to where the marked one can be looked at"],
    ),
    step(P::Since, A::Up, &[UP, C('k')], "↑ ↓", ["mark", "one up"]),
    go(P::Since, A::Down, &[DOWN, C('j')], "↓", "one down"),
    go(P::Since, A::PageUp, &[PAGE_UP], "PgUp", "a page up"),
    go(P::Since, A::PageDown, &[PAGE_DOWN], "PgDn", "a page down"),
    step(P::Since, A::Back, &[ESC, C('q'), LEFT, C('h')], "Esc", ["close", "close it; L shows it again"]),
    // Set-up
    step(P::SetUpChoice, A::Up, &[UP, C('k'), BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::SetUpChoice, A::Down, &[DOWN, C('j'), TAB], "↓", "one down"),
    step(P::SetUpChoice, A::Accept, &[ENTER], "Enter", ["take it", "take the marked one"]),
    step(P::SetUpChoice, A::Back, &[ESC, C('q')], "Esc", ["leave", "leave; nothing was written"]),
    step(P::SetUpForm, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::SetUpForm, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::SetUpForm, A::Accept, &[ENTER], "Enter", ["check and go on", "check what was entered with WhatsApp"]),
    step(P::SetUpForm, A::Back, &[ESC], "Esc", ["back", "back to the first question; what you entered stays"]),
];
