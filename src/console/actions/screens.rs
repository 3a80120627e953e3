//! What keys do on the screens: each screen's own lines, and those that are heard on all of them.

use super::{
    Action as A, BACK_TAB, DOWN, END, ENTER, ESC, Entry, HOME, Key, LEFT, PAGE_DOWN, PAGE_UP, Place as P, RIGHT, TAB,
    UP, act, go, more, to_the_left, to_the_right,
};
use crate::console::model::Screen;
use Key::Char as C;
use crossterm::event::KeyCode;

/// Lines that several places share, with the place still to be said.
const fn pause(place: P) -> Entry {
    act(place, A::Pause, &[C('p')], "p", ["pause", "pause the selected broadcast at once; nobody is lost"])
}

const fn resume(place: P) -> Entry {
    act(place, A::Resume, &[C('r')], "r", ["go on", "let a paused broadcast go on where it stopped"])
}

const fn cancel(place: P) -> Entry {
    act(place, A::Cancel, &[C('x')], "x", ["cancel", "end the selected broadcast for good; asks first"])
}

const fn filter(place: P) -> Entry {
    act(place, A::Filter, &[C('/')], "/", ["filter", "show only rows that hold the words you type"])
}

const fn sort(place: P) -> Entry {
    more(place, A::Sort, &[C('s')], "s", ["sort", "sort the list another way"])
}

const fn reverse(place: P) -> Entry {
    more(place, A::Reverse, &[C('S')], "S", ["other way round", "turn the list's order round"])
}

const fn mark(place: P) -> Entry {
    more(
        place,
        A::Mark,
        &[C(' ')],
        "Space",
        ["mark", "mark this row, or unmark it; what you do next is done to all marked"],
    )
}

const fn copy(place: P) -> Entry {
    more(place, A::Copy, &[C('y')], "y", ["copy", "copy the selected row to your terminal's clipboard"])
}

const fn reveal(place: P) -> Entry {
    more(place, A::Reveal, &[C('v')], "v", ["whole number", "show this row's whole number for 10 seconds"])
}

const fn export(place: P) -> Entry {
    act(
        place,
        A::Export,
        &[C('e')],
        "e",
        ["export", "write everybody of this broadcast, with state and cause, to a file"],
    )
}

const fn plain(place: P) -> Entry {
    more(place, A::Plain, &[C('w')], "w", ["plain summary", "a few plain lines, ready to select and paste elsewhere"])
}

const fn follow_up(place: P) -> Entry {
    act(
        place,
        A::FollowUp,
        &[C('u')],
        "u",
        ["follow up", "send once more to some of an ended broadcast's people; asks first"],
    )
}

const fn decide(place: P) -> Entry {
    act(
        place,
        A::Decide,
        &[C('d')],
        "d",
        [
            "settle \"not sure\"",
            "who may or may not have got it: count them as sent, give them up, or send again; asks first",
        ],
    )
}

const fn open(place: P, help: &'static str) -> Entry {
    act(place, A::Accept, &[ENTER], "Enter", ["open", help])
}

const fn screen(key: &'static [Key], shown: &'static str, screen: Screen, help: &'static str) -> Entry {
    more(P::Everywhere, A::Show(screen), key, shown, [screen.name(), help])
}

/// The lines.
pub(super) const ENTRIES: &[Entry] = &[
    // Live
    pause(P::Live),
    resume(P::Live),
    cancel(P::Live),
    open(P::Live, "open the selected broadcast: people, failures, what to do"),
    act(P::Live, A::Faster, &[C('+'), C('=')], "+", ["faster", "set the pace: faster, never above the limit"]),
    act(P::Live, A::Slower, &[C('-')], "-", ["slower", "set the pace: slower"]),
    more(
        P::Live,
        A::Export,
        &[C('e')],
        "e",
        ["export", "write everybody of this broadcast, with state and cause, to a file"],
    ),
    plain(P::Live),
    copy(P::Live),
    to_the_right(P::Live),
    // Broadcasts
    open(P::Broadcasts, "open it: how it went, failures, people, what to do next"),
    pause(P::Broadcasts),
    resume(P::Broadcasts),
    cancel(P::Broadcasts),
    filter(P::Broadcasts),
    export(P::Broadcasts),
    sort(P::Broadcasts),
    reverse(P::Broadcasts),
    mark(P::Broadcasts),
    copy(P::Broadcasts),
    plain(P::Broadcasts),
    to_the_right(P::Broadcasts),
    // One broadcast: how it stands
    act(P::Broadcast, A::Next, &[TAB, BACK_TAB], "Tab", ["people", "its people, one by one"]),
    go(P::Broadcast, A::Next, &[RIGHT, C('l')], "→ l", "its people, as Tab does"),
    to_the_left(P::Broadcast),
    pause(P::Broadcast),
    resume(P::Broadcast),
    cancel(P::Broadcast),
    follow_up(P::Broadcast),
    decide(P::Broadcast),
    export(P::Broadcast),
    open(P::Broadcast, "the people of the marked cause"),
    plain(P::Broadcast),
    copy(P::Broadcast),
    act(P::Broadcast, A::Back, &[ESC], "Esc", ["back", "back to all broadcasts"]),
    // One broadcast: its people
    act(P::Recipients, A::Next, &[TAB, BACK_TAB], "Tab", ["figures", "back to how it stands"]),
    act(P::Recipients, A::Right, &[RIGHT, C('l')], "← →", ["other state", "the people of the next state"]),
    go(
        P::Recipients,
        A::Left,
        &[LEFT, C('h')],
        "← h",
        "the people of the state before; before all of them, how it stands",
    ),
    open(P::Recipients, "what happened to this person, try by try"),
    decide(P::Recipients),
    export(P::Recipients),
    follow_up(P::Recipients),
    mark(P::Recipients),
    reveal(P::Recipients),
    copy(P::Recipients),
    act(P::Recipients, A::Back, &[ESC], "Esc", ["back", "back to how the broadcast stands"]),
    // Templates
    act(
        P::Templates,
        A::Sync,
        &[C('u')],
        "u",
        ["update from WhatsApp", "fetch the templates and their state from WhatsApp"],
    ),
    act(P::Templates, A::Accept, &[ENTER], "Enter", ["send it", "put a new broadcast together with this template"]),
    filter(P::Templates),
    sort(P::Templates),
    reverse(P::Templates),
    copy(P::Templates),
    // Schedule
    act(P::Schedule, A::Toggle, &[C('t')], "t", ["on or off", "switch the selected schedule on or off"]),
    cancel(P::Schedule),
    open(P::Schedule, "what it sends, and its next times"),
    to_the_right(P::Schedule),
    filter(P::Schedule),
    copy(P::Schedule),
    // Problems
    open(P::Problems, "go to where it can be mended"),
    to_the_right(P::Problems),
    resume(P::Problems),
    decide(P::Problems),
    copy(P::Problems),
    // Log
    act(
        P::Log,
        A::Next,
        &[TAB, BACK_TAB],
        "Tab",
        ["other log", "WhatsApp's answers, or what wacast itself has to say"],
    ),
    go(P::Log, A::Next, &[LEFT, RIGHT, C('h'), C('l')], "← → h l", "the other log, as Tab does"),
    filter(P::Log),
    act(
        P::Log,
        A::Sort,
        &[C('s')],
        "s",
        ["show less", "only what failed, or all; of wacast's own events: from which level on"],
    ),
    reveal(P::Log),
    copy(P::Log),
    // Settings
    act(P::Settings, A::Accept, &[ENTER], "Enter", ["change", "change the marked setting; says when it counts"]),
    act(
        P::Settings,
        A::Token,
        &[C('T')],
        "T",
        ["replace the token", "take a new access token; it is tried with WhatsApp first"],
    ),
    filter(P::Settings),
    copy(P::Settings),
    // Everywhere
    act(
        P::Everywhere,
        A::New,
        &[C('n')],
        "n",
        ["new", "put a new broadcast together; nothing is sent before you type its count"],
    ),
    act(P::Everywhere, A::Help, &[C('?'), Key::Named(KeyCode::F(1))], "?", ["help", "all keys of this screen"]),
    more(
        P::Everywhere,
        A::Freeze,
        &[C('f')],
        "f",
        ["freeze", "let the screen stand still, or follow again; sending goes on"],
    ),
    more(
        P::Everywhere,
        A::Since,
        &[C('L')],
        "L",
        ["since you were last here", "what ended, was held or failed since you were last here"],
    ),
    screen(&[C('1')], "1", Screen::Live, "what is going out now"),
    screen(&[C('2')], "2", Screen::Broadcasts, "all broadcasts, and what became of them"),
    screen(&[C('3')], "3", Screen::Numbers, "lists and their people, files, opt-outs"),
    screen(&[C('4')], "4", Screen::Templates, "the templates of your account"),
    screen(&[C('5')], "5", Screen::Schedule, "what is to start, once or again and again"),
    screen(&[C('6')], "6", Screen::Problems, "what needs a person"),
    screen(&[C('7')], "7", Screen::Log, "every answer of WhatsApp, and wacast's own events"),
    screen(&[C('8')], "8", Screen::Settings, "how wacast is set, and from where"),
    Entry {
        palette: false,
        ..more(P::Everywhere, A::Palette, &[C(':')], ":", ["commands", "find a command by its name"])
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
];
