//! What becomes of the terminal, and of what is being sent, when a line drops, a part panics or there is no screen.

use super::{nobody_is_lost, pace, place_with_broadcast, wait};
use crate::terminal::{CTRL_C, ESC, Line, Terminal};
use std::io::Read;
use std::process::Stdio;

const PEOPLE: usize = 400;

#[test]
fn a_signal_that_the_line_dropped_ends_it_in_order() {
    let mut terminal = Terminal::start(&["demo"], &[("NO_COLOR", "1")]);
    terminal.shows("sending");
    terminal.signal("-HUP");
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_drops_while_sending_loses_nobody_and_the_rest_goes_out_later() {
    for closes in [false, true] {
        let (place, id) = place_with_broadcast(PEOPLE).await;
        place.sandbox.change(|settings| settings.latency_ms = (50, 200)).unwrap();
        let mut terminal = place.terminal(&[], &pace("80"), 80, 24);
        wait("some go out", || place.sandbox.taken() > 40);
        if closes {
            terminal.hang_up();
        } else {
            terminal.signal("-HUP");
        }
        assert_eq!(terminal.ended(), 0, "closes: {closes}");
        assert!(place.sandbox.taken() < PEOPLE, "in the middle");
        nobody_is_lost(&place, &id);

        let rest = place.headless();
        wait("the rest", || place.sandbox.taken() == PEOPLE);
        rest.drain();
        nobody_is_lost(&place, &id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_reads_nothing_holds_nothing_up_and_gets_the_newest_picture_later() {
    let (place, id) = place_with_broadcast(PEOPLE).await;
    let mut terminal = place.terminal(&[], &pace("80"), 80, 24);
    terminal.shows("sending");
    terminal.line(Line::Stopped);
    wait("everybody", || place.sandbox.taken() == PEOPLE);
    wait("its end", || place.json(&["status", &id, "--json"])["status"] == "completed");
    let before = terminal.seen().bytes.len();
    // A second's worth: the backlog would be more.
    terminal.line(Line::Slow(20_000));
    terminal.until("its end", |text| text.contains("Nothing is going out") && text.contains("completed"));
    let bytes = terminal.seen().bytes.len() - before;
    assert!(bytes < 20_000, "{bytes}");
    terminal.line(Line::Fast);
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
    nobody_is_lost(&place, &id);
}

#[test]
fn a_panic_in_a_part_that_sends_leaves_a_usable_screen_that_says_so() {
    let mut terminal = Terminal::start(&["demo"], &[("WACAST_PANIC_AT", "before_send:5")]);
    terminal.shows("Something inside wacast failed: told to panic at before_send");
    terminal.press("?");
    terminal.shows("Help: Live");
    terminal.press(ESC);
    terminal.until("sending goes on", |text| text.contains("not sure 1") && text.contains("sending"));
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_screen_itself_gives_the_terminal_back_and_loses_nobody() {
    let (place, id) = place_with_broadcast(PEOPLE).await;
    let environment = [pace("80")[0], ("WACAST_PANIC_AT", "draw:8"), ("RUST_BACKTRACE", "0")];
    let mut terminal = place.terminal(&[], &environment, 80, 24);
    assert_ne!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
    let text = terminal.text();
    assert!(text.contains("told to panic at draw") && text.contains("the console ended by a bug"), "{text}");
    nobody_is_lost(&place, &id);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_screen_it_says_why_and_sends_all_the_same() {
    let (place, id) = place_with_broadcast(60).await;
    let mut terminal = place.terminal(&[], &[("TERM", "dumb")], 80, 24);
    // The words wrap at the terminal's edge.
    terminal.until("the reason", |text| text.replace('\n', "").contains("no screen: the terminal is dumb (TERM=dumb)"));
    assert!(!terminal.seen().parser.screen().alternate_screen());
    wait("everybody", || place.sandbox.taken() == 60);
    terminal.signal("-TERM");
    assert_eq!(terminal.ended(), 0);
    nobody_is_lost(&place, &id);

    let (place, id) = place_with_broadcast(60).await;
    let mut child = place.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait("everybody", || place.sandbox.taken() == 60);
    let mut said = child.stderr.take().unwrap();
    crate::real::Wacast { child }.drain();
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("no screen: this is not a terminal; going on as with --no-tui"), "{text}");
    nobody_is_lost(&place, &id);
}
