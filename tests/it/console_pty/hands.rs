//! Mouse and clipboard, as the bytes that go over the line.

use crate::terminal::{CTRL_C, ESC, Seen, Terminal};
use vt100::MouseProtocolMode;

/// The text of the marked row below the tabs.
fn marked(seen: &Seen) -> String {
    let screen = seen.parser.screen();
    let (rows, columns) = screen.size();
    let row_of = |row| (0..columns.get()).filter_map(move |column| screen.cell(row, column));
    let is_marked = |row: &u16| row_of(*row).filter(|cell| cell.inverse()).count() > 20;
    (3..rows.get() - 2).find(is_marked).map_or_else(String::new, |row| row_of(row).map(vt100::Cell::contents).collect())
}

fn mouse(seen: &Seen) -> MouseProtocolMode {
    seen.parser.screen().mouse_protocol_mode()
}

#[test]
fn the_mouse_goes_to_screens_and_rows_and_is_let_go_of_for_selecting() {
    let mut terminal = Terminal::start(&["demo"], &[]);
    terminal.shows("sending");
    assert_eq!(mouse(&terminal.seen()), MouseProtocolMode::PressRelease);

    terminal.click("4 Templates");
    terminal.shows("login_code");
    terminal.when("a marked row", |seen| !marked(seen).is_empty());
    assert!(!marked(&terminal.seen()).contains("login_code"));
    terminal.click("login_code");
    terminal.when("the clicked row", |seen| marked(seen).contains("login_code"));
    terminal.press("y");
    terminal.sends("the clipboard's bytes", "\x1b]52;c;");

    terminal.click("1 Live");
    terminal.shows("sending");
    terminal.press("w");
    terminal.when("the mouse let go of", |seen| mouse(seen) == MouseProtocolMode::None);
    terminal.sends("the bytes for it", "\x1b[?1006l\x1b[?1000l");
    terminal.until("no frames", |text| text.contains("waiting to go") && !text.contains('│'));
    terminal.press(ESC);
    terminal.when("the mouse taken again", |seen| mouse(seen) == MouseProtocolMode::PressRelease);

    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}
