//! The Log screen's other half: what wacast itself has to say.

use crate::console_fixtures::*;
use crate::console_screens::check;
use std::sync::Arc;
use wacast::console::message::{Answer, Event, Request};
use wacast::console::model::Model;
use wacast::console::update::update;
use wacast::domain::time::SECOND;
use wacast::logging;

fn event(id: u64) -> Arc<logging::Event> {
    let level = match id % 10 {
        0 => "error",
        5 => "warn",
        _ => "info",
    };
    let text = match level {
        "error" => "the webhook of crm.example.com does not answer: a text that goes on and on ".repeat(4),
        "warn" => "the templates could not be fetched: WhatsApp did not answer within 15 s".to_owned(),
        _ => format!("templates synced count={id}"),
    };
    let at = NOW.plus(i64::try_from(id).unwrap() * SECOND - 3_600 * SECOND);
    Arc::new(logging::Event { id, at, level, target: "wacast::engine::reign".to_owned(), text })
}

/// The screen with events in it.
pub fn listed(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    press(&mut model, "7 tab");
    answer(&mut model, Answer::Events((1..=60).map(event).collect()));
    model
}

#[test]
fn the_screen() {
    check("events_full", listed);
    check("events_warnings", |columns, rows| {
        let mut model = listed(columns, rows);
        press(&mut model, "s down down");
        model
    });
    check("events_empty", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "7 tab");
        answer(&mut model, Answer::Events(Vec::new()));
        model
    });
}

#[test]
fn tab_goes_from_one_log_to_the_other_and_back() {
    let mut model = full(80, 24);
    assert_eq!(press(&mut model, "7 tab"), [Request::Log, Request::Events(0)]);
    answer(&mut model, Answer::Events((1..=3).map(event).collect()));
    assert_eq!(press(&mut model, "tab tab 1 7"), [Request::Log, Request::Events(3), Request::Events(3)]);
}

#[test]
fn it_follows_once_a_second_until_it_is_frozen() {
    let mut model = listed(80, 24);
    assert!(model.needs_clock());
    let tick = |model: &mut Model| update(model, Event::Clock(NOW.plus(SECOND)));
    assert_eq!(tick(&mut model), [Request::Events(60)]);
    press(&mut model, "f");
    assert_eq!(tick(&mut model), []);
    assert_eq!(press(&mut model, "f"), [Request::Events(60)], "and catches up");
    press(&mut model, "1");
    assert_eq!(tick(&mut model), []);
}

#[test]
fn the_marked_event_stays_marked_unless_it_is_the_newest() {
    let mut model = listed(80, 24);
    press(&mut model, "down down");
    assert_eq!(model.events.marked().unwrap().id, 58);
    answer(&mut model, Answer::Events(vec![event(61), event(62)]));
    assert_eq!(model.events.marked().unwrap().id, 58);
    press(&mut model, "g");
    answer(&mut model, Answer::Events(vec![event(62), event(63)]));
    assert_eq!(model.events.marked().unwrap().id, 63);
    assert_eq!(model.events.rows.len(), 63, "one that came twice is there once");
}

#[test]
fn level_and_words_choose() {
    let mut model = listed(80, 24);
    let ids = |model: &Model| model.events.listed().iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(&model).len(), 60);
    press(&mut model, "s");
    assert_eq!(ids(&model), [60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5]);
    press(&mut model, "s");
    assert_eq!(ids(&model), [60, 50, 40, 30, 20, 10]);
    press(&mut model, "s / c o u n t = 1 7 enter");
    assert_eq!(ids(&model), [17]);
    let copied = press(&mut model, "y");
    assert!(matches!(copied.as_slice(), [Request::Copy(line)] if line.ends_with("templates synced count=17")));
}
