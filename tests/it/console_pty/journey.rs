//! From a file on the server to a follow-up, on a configured program.

use super::{pace, place_with, wait};
use crate::terminal::{CTRL_C, DOWN, ENTER, ESC};
use wacast::sandbox::Provoked;

const PEOPLE: usize = 150;
const FAILED: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_loaded_sent_paused_resumed_and_followed_up() {
    let place = place_with(PEOPLE).await;
    let unreachable = Provoked { code: 131_026, ..Provoked::default() };
    let failing = (0..FAILED).map(|person| (format!("+9199{person:08}"), unreachable.clone()));
    place.sandbox.change(|settings| settings.provoke = failing.collect()).unwrap();
    let mut terminal = place.terminal(&[], &pace("50"), 100, 30);
    terminal.shows("Nothing is going out");

    terminal.press("3o");
    terminal.until("the picker", |text| text.contains("Load numbers: files on server") && text.contains("people.csv"));
    terminal.press(ENTER);
    terminal.until("the first rows", |text| text.contains("Into the list") && text.contains("Person 0"));
    terminal.press(ENTER);
    let report = terminal.shows("is in the list people");
    assert!(report.contains("150 new"), "{report}");
    terminal.press(ENTER);

    terminal.press("n");
    terminal.until("the list", |text| text.contains("Who is to get it?") && text.contains("people"));
    terminal.press(ENTER);
    terminal.until("the templates", |text| text.contains("Which template?") && text.contains("hello"));
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.shows("When is it to start?");
    terminal.press(ENTER);
    let review = terminal.shows("Type 150 to start it");
    assert!(review.contains("REHEARSAL"), "a server on this machine: {review}");
    assert_eq!(place.sandbox.taken(), 0, "nothing before the typed count");
    terminal.press("150");
    terminal.press(ENTER);
    terminal.shows("hello has started");

    wait("some go out", || place.sandbox.taken() > 10);
    terminal.press("1p");
    terminal.shows("paused by an operator");
    let paused_at = place.sandbox.taken();
    assert!(paused_at < PEOPLE - FAILED, "paused in the middle");
    // Another screen and back: time enough for more to go out, if it did.
    terminal.press("8");
    terminal.until("Settings", |text| !text.contains("paused by an operator"));
    terminal.press("1");
    terminal.shows("paused by an operator");
    assert_eq!(place.sandbox.taken(), paused_at, "nothing goes out while it is paused");
    terminal.press("r");
    wait("it goes on", || place.sandbox.taken() > paused_at);
    terminal.until("its end", |text| text.contains("Nothing is going out") && text.contains("completed"));
    assert_eq!(place.sandbox.taken(), PEOPLE - FAILED);

    terminal.press("2");
    terminal.until("the broadcast", |text| text.contains("newest first") && text.contains("✓ completed"));
    terminal.press(ENTER);
    terminal.shows("Why people were not reached");
    terminal.press(ENTER);
    let failed = terminal.until("who failed", |text| text.contains("1 to 3 of 3"));
    assert_eq!(failed.matches("✗ failed").count(), FAILED, "{failed}");

    place.sandbox.change(|settings| settings.provoke.clear()).unwrap();
    terminal.press("u");
    terminal.shows("with whom?");
    terminal.press(DOWN);
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.shows("3 people: 3 are better left alone");
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.shows("Send to 3 people once more?");
    terminal.press(ENTER);
    terminal.press("3");
    terminal.press(ENTER);
    wait("the follow-up", || place.sandbox.taken() == PEOPLE);
    assert!(place.sandbox.summary().people_twice.is_empty());

    terminal.press(ESC);
    terminal.press(ESC);
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_sizes_harms_neither_the_screen_nor_sending() {
    let (place, id) = super::place_with_broadcast(600).await;
    let mut terminal = place.terminal(&[], &pace("100"), 80, 24);
    terminal.shows("sending");
    let before = place.sandbox.taken();
    let mut chance = fastrand::Rng::with_seed(5);
    for _ in 0..150 {
        terminal.resize(chance.u16(1..220), chance.u16(1..70));
        terminal.press(chance.choice(["1", "2", "4", "7", "?", ESC, DOWN]).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(chance.u64(0..12)));
    }
    terminal.resize(59, 15);
    terminal.until("what is needed", |text| text.contains("is 59 x 15") && text.contains("needs 60 x 16"));
    wait("sending goes on", || place.sandbox.taken() > before + 50);
    terminal.resize(80, 24);
    terminal.press(ESC);
    terminal.press(ESC);
    terminal.press("1");
    terminal.until("Live, whole", |text| {
        let lines: Vec<&str> = text.lines().collect();
        text.contains("hello / en_US")
            && lines.first().is_some_and(|line| line.starts_with(" wacast "))
            && lines.last().is_some_and(|line| line.contains("help"))
    });
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
    assert!(terminal.is_given_back());
    super::nobody_is_lost(&place, &id);
}
