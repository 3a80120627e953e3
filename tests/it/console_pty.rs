//! The real program in a pseudo-terminal: an operator's way through it against the sandbox, and what becomes of the
//! terminal and of what is being sent when something goes wrong.

mod ending;
mod hands;
mod journey;
mod seats;

use crate::real::Workplace;
use crate::terminal::{CTRL_C, DOWN, ENTER, ESC, Terminal};
use std::fmt::Write as _;

/// A place to work with a list of so many people, loaded from the folder that the picker opens in.
async fn place_with(people: usize) -> Workplace {
    let folder = tempfile::tempdir().unwrap().keep();
    let place = Workplace::new(&format!("sqlite://{}", folder.join("wacast.db").display()), 16).await;
    let inbox = place.folder.path().join("in");
    std::fs::create_dir(&inbox).unwrap();
    let mut rows = "phone,name\n".to_owned();
    for person in 0..people {
        writeln!(rows, "+9199{person:08},Person {person}").unwrap();
    }
    std::fs::write(inbox.join("people.csv"), rows).unwrap();
    place
}

/// The same with the list loaded and a broadcast made to all of it; its id.
async fn place_with_broadcast(people: usize) -> (Workplace, String) {
    let place = place_with(people).await;
    let file = place.folder.path().join("in/people.csv");
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let words = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
    let id = place.json(&words)["broadcast_id"].as_str().unwrap().to_owned();
    (place, id)
}

/// The environment that lets so many messages go out each second.
fn pace(messages_per_second: &str) -> [(&'static str, &str); 1] {
    [("WACAST_SENDER__MESSAGES_PER_SECOND", messages_per_second)]
}

/// The store against the sandbox's ledger, when nothing runs: whoever was sent to is known to have it, nobody is under
/// way, and nobody got it twice.
fn nobody_is_lost(place: &Workplace, id: &str) {
    let summary = place.sandbox.summary();
    assert!(summary.people_twice.is_empty() && summary.recipients_twice.is_empty(), "{:?}", summary.people_twice);
    let status = place.json(&["status", id, "--json"]);
    assert_eq!(status["funnel"]["accepted"].as_u64(), Some(place.sandbox.taken() as u64), "{status}");
    for state in ["sending", "in_doubt"] {
        assert_eq!(status["counts"][state].as_u64(), Some(0), "{state}: {status}");
    }
}

/// Waits for something outside of the terminal.
fn wait(what: &str, done: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !done() {
        assert!(std::time::Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn an_operator_watches_pauses_composes_sends_and_quits() {
    let mut terminal = Terminal::start(&["demo"], &[]);
    let first = terminal.shows("sending");
    assert!(first.contains("REHEARSAL"), "{first}");

    terminal.press("?");
    terminal.shows("Help: Live");
    terminal.press(ESC);
    terminal.until("help gone", |text| !text.contains("Help: Live"));

    terminal.press("p");
    terminal.shows("is paused");
    for step in 0..40 {
        terminal.resize(20 + step * 5, 5 + step);
    }
    terminal.resize(80, 24);
    terminal.shows("paused by an operator");
    terminal.press("r");
    terminal.shows("goes on");

    terminal.press("n");
    terminal.shows("Who is to get it?");
    terminal.press(ENTER);
    terminal.shows("Which template?");
    terminal.until("the templates", |text| text.contains("hello"));
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.shows("When is it to start?");
    terminal.press(ENTER);
    let review = terminal.shows("Type 400 to start it");
    assert!(review.contains("REHEARSAL"), "{review}");
    terminal.press("40");
    terminal.press(ENTER);
    terminal.shows("not to 40");
    terminal.press("400");
    terminal.press(ENTER);
    terminal.shows("hello has started");
    terminal.until("hello going out", |text| text.contains("hello / en_US") && !text.contains("accepted 0"));

    terminal.press(CTRL_C);
    terminal.shows("quit: send nothing new");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn a_messy_file_is_loaded_put_right_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let messy = "Mobile No.,Full name\n202 555 0123,Asha\n202 555 0124,दीपा 🎉\n98,Bo\n9.19E+11,Cy\n+12025550125,Di\n";
    std::fs::write(folder.path().join("messy.csv"), messy).unwrap();
    let mut terminal = Terminal::start(&["demo"], &[]);
    terminal.shows("sending");
    terminal.press("3");
    terminal.shows("Lists");
    terminal.press("o");
    terminal.shows("files on server");
    terminal.press(&format!("{}/", folder.path().display()));
    terminal.shows("messy.csv");
    terminal.press(ENTER);
    terminal.shows("Mobile No.");
    terminal.press(ENTER);
    terminal.shows("5 rows = 1 new + 0 already in this list + 4 rejected");
    terminal.press("r");
    let causes = terminal.shows("Rows that cannot be used, by cause");
    assert!(causes.contains("r puts right") && !causes.contains("202 555 0123"), "{causes}");
    terminal.press("r");
    terminal.shows("Put 2 rows right?");
    terminal.press(DOWN);
    terminal.shows("Type India, IN or +91.");
    terminal.press("us");
    terminal.shows("Enter does it.");
    terminal.press(ENTER);
    terminal.shows("2 of 2 rows are put right.");
    terminal.press(ENTER);
    terminal.shows("2 put right");
    terminal.press("x");
    terminal.shows("1 person leaves the list messy");
    terminal.press("\t");
    terminal.press(ENTER);
    terminal.shows("messy.csv is taken back");
    terminal.until("the files that are left", |text| {
        text.contains("messy.csv (fixed: country US)") && text.contains("Files loaded into messy")
    });
    terminal.press(CTRL_C);
    terminal.shows("quit: send nothing new");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
}
