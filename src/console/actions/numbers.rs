//! What keys do on the Numbers screen and in its dialogs.

use super::{
    Action as A, BACK_TAB, DOWN, END, ENTER, ESC, Entry, HOME, Key, LEFT, PAGE_DOWN, PAGE_UP, Place as P, RIGHT, TAB,
    UP, act, go, more, step, to_the_left, to_the_right,
};
use Key::Char as C;

const fn open(place: P, word: &'static str, help: &'static str) -> Entry {
    act(place, A::Accept, &[ENTER], "Enter", [word, help])
}

const fn load(place: P) -> Entry {
    act(
        place,
        A::Load,
        &[C('o')],
        "o",
        ["load a file", "load numbers from a file on this server, or from rows that you paste"],
    )
}

/// Tab goes on to the next part, the arrows both ways.
const fn parts(place: P) -> [Entry; 4] {
    [
        Entry {
            palette: false,
            ..act(place, A::Next, &[TAB], "Tab", ["next part", "lists, their files, opt-outs: the next of these"])
        },
        go(place, A::Right, &[RIGHT, C('l')], "→", "the next part"),
        go(place, A::Left, &[LEFT, C('h')], "←", "the part before"),
        go(place, A::Previous, &[BACK_TAB], "Shift-Tab", "the part before"),
    ]
}

const fn find(place: P, help: &'static str) -> Entry {
    act(place, A::Filter, &[C('/')], "/", ["find", help])
}

const fn sort(place: P) -> Entry {
    more(place, A::Sort, &[C('s')], "s", ["sort", "sort the list another way"])
}

const fn reverse(place: P) -> Entry {
    more(place, A::Reverse, &[C('S')], "S", ["other way round", "turn the list's order round"])
}

const fn copy(place: P) -> Entry {
    more(place, A::Copy, &[C('y')], "y", ["copy", "copy the marked row to your terminal's clipboard"])
}

const fn reveal(place: P) -> Entry {
    more(place, A::Reveal, &[C('v')], "v", ["whole number", "show this row's whole number for 10 seconds"])
}

const fn take_back(place: P) -> Entry {
    act(
        place,
        A::Undo,
        &[C('x')],
        "x",
        ["take back", "undo the whole file: its people leave the list; asks first and says how many"],
    )
}

const fn export_rejects(place: P) -> Entry {
    act(
        place,
        A::Export,
        &[C('e')],
        "e",
        ["export", "write the rows that cannot be used, with all their cells, to a file"],
    )
}

const fn fix(place: P) -> Entry {
    act(
        place,
        A::Fix,
        &[C('r')],
        "r",
        ["put right", "put all rows of this cause right, where that loses nothing; asks first"],
    )
}

const fn back(place: P, help: &'static str) -> Entry {
    act(place, A::Back, &[ESC], "Esc", ["back", help])
}

const LISTS: [Entry; 4] = parts(P::Numbers);
const FILES: [Entry; 4] = parts(P::Files);
const OPT_OUTS: [Entry; 4] = parts(P::OptOuts);

/// The lines.
pub(super) const ENTRIES: &[Entry] = &[
    // Lists
    open(P::Numbers, "people", "the people of the marked list"),
    load(P::Numbers),
    LISTS[0],
    find(P::Numbers, "find a list by its name, or anybody by a whole number"),
    sort(P::Numbers),
    reverse(P::Numbers),
    copy(P::Numbers),
    LISTS[1],
    LISTS[2],
    LISTS[3],
    // The people of a list
    open(P::ListPeople, "person", "everything about this person: lists, broadcasts, opt-outs"),
    find(P::ListPeople, "find somebody by a part of the name, or by a whole number"),
    reveal(P::ListPeople),
    copy(P::ListPeople),
    back(P::ListPeople, "back to the lists"),
    to_the_right(P::ListPeople),
    to_the_left(P::ListPeople),
    // Files
    open(P::Files, "what became", "the rows that could not be used, by cause, and what to do"),
    load(P::Files),
    FILES[0],
    take_back(P::Files),
    export_rejects(P::Files),
    find(P::Files, "find a file by its name, or anybody by a whole number"),
    sort(P::Files),
    reverse(P::Files),
    copy(P::Files),
    FILES[1],
    FILES[2],
    FILES[3],
    back(P::Files, "back to the lists"),
    // One file: what could not be used, by cause
    fix(P::File),
    open(P::File, "rows", "the rows of this cause, with all their cells"),
    export_rejects(P::File),
    take_back(P::File),
    copy(P::File),
    back(P::File, "back to the files"),
    to_the_right(P::File),
    to_the_left(P::File),
    // One file: the rows of a cause
    open(P::RejectRows, "all cells", "this row with all its cells"),
    fix(P::RejectRows),
    export_rejects(P::RejectRows),
    act(
        P::RejectRows,
        A::Reveal,
        &[C('v')],
        "v",
        ["whole row", "show this row as it stands in the file for 10 seconds"],
    ),
    copy(P::RejectRows),
    back(P::RejectRows, "back to the causes"),
    to_the_right(P::RejectRows),
    to_the_left(P::RejectRows),
    // Opt-outs
    open(P::OptOuts, "person", "everything about this person: lists, broadcasts, opt-outs"),
    act(P::OptOuts, A::Add, &[C('a')], "a", ["add", "note somebody who is not to be written to"]),
    act(P::OptOuts, A::Undo, &[C('u')], "u", ["undo", "write to this person again, on the record; asks first"]),
    OPT_OUTS[0],
    find(P::OptOuts, "find somebody by a number, or a part of one"),
    act(
        P::OptOuts,
        A::LoadOptOuts,
        &[C('i')],
        "i",
        ["import", "note everybody of a file, or of rows that you paste, as not to be written to"],
    ),
    act(P::OptOuts, A::Export, &[C('e')], "e", ["export", "write everybody who is not to be written to to a file"]),
    reveal(P::OptOuts),
    copy(P::OptOuts),
    OPT_OUTS[1],
    OPT_OUTS[2],
    OPT_OUTS[3],
    back(P::OptOuts, "back to the lists"),
    // One person
    step(P::Person, A::Up, &[UP, C('k')], "↑ ↓", ["scroll", "scroll up"]),
    go(P::Person, A::Down, &[DOWN, C('j')], "↓", "scroll down"),
    go(P::Person, A::PageUp, &[PAGE_UP], "PgUp", "a page up"),
    go(P::Person, A::PageDown, &[PAGE_DOWN], "PgDn", "a page down"),
    go(P::Person, A::Top, &[HOME, C('g')], "g", "to the first line"),
    go(P::Person, A::Bottom, &[END, C('G')], "G", "to the last line"),
    step(P::Person, A::Reveal, &[C('v')], "v", ["whole number", "show the whole number for 10 seconds"]),
    step(P::Person, A::Copy, &[C('y')], "y", ["copy", "copy all of it to your terminal's clipboard"]),
    step(P::Person, A::Add, &[C('a')], "a", ["opt out", "note that they are not to be written to"]),
    step(P::Person, A::Undo, &[C('u')], "u", ["undo opt-out", "write to them again, on the record; asks first"]),
    step(P::Person, A::Back, &[ESC, ENTER, C('q'), LEFT, C('h')], "Esc", ["close", "back to where you were"]),
    // One recipient of a broadcast
    step(P::Recipient, A::Up, &[UP, C('k')], "↑ ↓", ["scroll", "scroll up"]),
    go(P::Recipient, A::Down, &[DOWN, C('j')], "↓", "scroll down"),
    go(P::Recipient, A::PageUp, &[PAGE_UP], "PgUp", "a page up"),
    go(P::Recipient, A::PageDown, &[PAGE_DOWN], "PgDn", "a page down"),
    go(P::Recipient, A::Top, &[HOME, C('g')], "g", "to the first line"),
    go(P::Recipient, A::Bottom, &[END, C('G')], "G", "to the last line"),
    step(
        P::Recipient,
        A::Accept,
        &[ENTER, C('o'), RIGHT, C('l')],
        "o",
        ["all about them", "this person's lists, broadcasts, opt-outs"],
    ),
    step(P::Recipient, A::Reveal, &[C('v')], "v", ["whole number", "show the whole number for 10 seconds"]),
    step(P::Recipient, A::Copy, &[C('y')], "y", ["copy", "copy all of it to your terminal's clipboard"]),
    step(P::Recipient, A::Back, &[ESC, C('q'), LEFT, C('h')], "Esc", ["close", "back to where you were"]),
    // How rows are put right
    step(P::Fix, A::Up, &[UP, BACK_TAB], "↑ ↓", ["mark", "one up"]),
    go(P::Fix, A::Down, &[DOWN, TAB], "↓", "one down"),
    step(P::Fix, A::Accept, &[ENTER], "Enter", ["take it", "take the marked answer"]),
    step(P::Fix, A::Back, &[ESC], "Esc", ["change nothing", "close, everything stays as it is"]),
    // Noting an opt-out
    step(P::OptOutForm, A::Next, &[TAB, DOWN], "Tab", ["next field", "go to the next field"]),
    go(P::OptOutForm, A::Previous, &[BACK_TAB, UP], "↑", "go to the field before"),
    step(P::OptOutForm, A::Accept, &[ENTER], "Enter", ["note it", "note that this person is not to be written to"]),
    step(P::OptOutForm, A::Back, &[ESC], "Esc", ["change nothing", "close, nothing is noted"]),
];
