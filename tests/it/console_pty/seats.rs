//! A console beside another process that sends: one that only watches, and one that steers through the store.

use super::{pace, place_with_broadcast, wait};
use crate::real::{Wacast, Workplace};
use crate::terminal::{CTRL_C, Terminal};
use std::process::Stdio;

const PEOPLE: usize = 4_000;

/// The process that sends, without a screen.
fn sender(place: &Workplace) -> Wacast {
    let mut command = place.command(&["--no-tui"]);
    command.envs(pace("100")).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Wacast { child: command.spawn().unwrap() };
    wait("some go out", || place.sandbox.taken() > 20);
    running
}

/// The figure behind `accepted`.
fn taken(text: &str) -> u64 {
    let figure = |rest: &str| rest.split_whitespace().next()?.replace(',', "").parse().ok();
    text.split("accepted ").skip(1).find_map(figure).unwrap_or(0)
}

fn leave(mut terminal: Terminal) {
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_only_watches_shows_the_same_figures_and_changes_nothing() {
    let (place, id) = place_with_broadcast(PEOPLE).await;
    let running = sender(&place);
    let mut terminal = place.terminal(&["--read-only"], &[], 120, 40);
    let first = taken(&terminal.until("its figures", |text| text.contains("read only") && taken(text) > 0));
    terminal.until("newer figures", |text| taken(text) > first + 20);
    for key in ["p", "x", "n", "+"] {
        terminal.press(key);
        terminal.shows("this console only watches");
        terminal.press("2");
        terminal.until("Broadcasts", |text| text.contains("Esc") || text.contains("filter"));
        terminal.press("1");
        let now = place.sandbox.taken();
        wait("sending goes on", || place.sandbox.taken() > now + 20);
    }
    place.json(&["pause", &id, "--json"]);
    terminal.shows("paused by an operator");
    running.drain();
    let all = place.sandbox.taken() as u64;
    terminal.until("the same figure", |text| taken(text) == all);
    leave(terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_without_the_lease_shows_the_same_figures_and_pauses_and_resumes() {
    let (place, _id) = place_with_broadcast(PEOPLE).await;
    let running = sender(&place);
    let mut terminal = place.terminal(&[], &[], 120, 40);
    let first = taken(&terminal.until("its figures", |text| taken(text) > 0));
    terminal.until("newer figures", |text| taken(text) > first + 20);
    terminal.press("p");
    terminal.shows("paused by an operator");
    terminal.until("figures that stand still", |text| taken(text) == place.sandbox.taken() as u64);
    let all = place.sandbox.taken();
    terminal.press("r");
    wait("it goes on", || place.sandbox.taken() > all + 20);
    terminal.until("figures that go on", |text| taken(text) > all as u64);
    let now = place.sandbox.taken();
    leave(terminal);
    wait("the other goes on", || place.sandbox.taken() > now + 20);
    running.drain();
    assert!(place.sandbox.summary().people_twice.is_empty());
}
