//! What holds on every screen and in every dialog: quitting, help, notices that go, a frozen screen that says so, and going
//! into things and out again.

use crate::console_fixtures::*;
use crossterm::event::{KeyCode, KeyEvent};
use std::collections::BTreeSet;
use wacast::console::actions::{self, Place, is_screen};
use wacast::console::dialog::Dialog;
use wacast::console::look::Role;
use wacast::console::message::{Answer, Event, Leaving, Request};
use wacast::console::model::{Model, Screen};
use wacast::console::set_up_form::SetUpForm;
use wacast::console::sheet::Sheet;
use wacast::console::update::update;
use wacast::domain::state::BroadcastStatus;
use wacast::domain::time::SECOND;
use wacast::service::error::{Kind, ServiceError};
use wacast::service::start::Started;
use wacast::service::view::{Driver, Snapshot};
use wacast::store::SyncedTemplates;

fn after(mut model: Model, keys: &str) -> Model {
    press(&mut model, keys);
    model
}

fn ended_one(keys: &str) -> Model {
    let mut model = full(80, 24);
    press(&mut model, "down down enter");
    answer(&mut model, Answer::Broadcast(id(4), Box::new(Ok(ended(4, "october-news")))));
    after(model, keys)
}

fn setting_up(keys: &str) -> Model {
    let mut model = model(80, 24);
    model.set_up = Some(SetUpForm::new("/home/asha/config.toml".into()));
    after(model, keys)
}

/// A state for everything that can lie over a screen, or have the keys in place of one.
fn over_a_screen() -> Vec<Model> {
    let mut all = crate::console_numbers::states();
    for keys in ["?", ":", "2 /", "w", "x", "-", "5 enter", "3 o", "n", "n /"] {
        all.push(after(full(80, 24), keys));
    }
    for keys in ["d", "d down down down enter 3"] {
        all.push(ended_one(keys));
    }
    for keys in ["", "down enter"] {
        all.push(setting_up(keys));
    }
    for state in [
        crate::console_screens::variables,
        crate::console_screens::when,
        crate::console_screens::checking,
        crate::console_screens::loaded,
        crate::console_settings::asked,
        crate::console_settings::token,
        crate::console_since::card,
        |columns, rows| at_review(columns, rows, |_| ()),
    ] {
        all.push(state(80, 24));
    }
    let mut recipient = full(80, 24);
    recipient.dialogs.push(Dialog::Sheet(Box::new(Sheet::recipient(id(4), 2).0)));
    all.push(recipient);
    all
}

#[test]
fn ctrl_c_opens_the_quit_box_everywhere_and_the_second_one_drains() {
    let mut seen = Vec::new();
    for mut model in over_a_screen() {
        let (place, below) = (model.place(), model.dialogs.len());
        seen.push(place);
        assert_eq!(press(&mut model, "ctrl-c"), [], "{place:?}");
        assert_eq!(model.place(), Place::Quit, "{place:?}");
        assert!(text(&model).contains("Quit?"), "{place:?}: {}", text(&model));
        // What lay there is still there for whoever stays.
        let mut stays = model.clone();
        assert_eq!(press(&mut stays, "esc"), [], "{place:?}");
        assert_eq!((stays.place(), stays.dialogs.len()), (place, below));
        assert_eq!(press(&mut model, "ctrl-c"), [Request::Leave(Leaving::Drain)], "{place:?}");
    }
    let all: Vec<Place> = actions::entries().map(|entry| entry.place).filter(|place| !is_screen(*place)).collect();
    for place in all {
        let not_over_anything = matches!(place, Place::Everywhere | Place::Always | Place::Quit);
        assert!(not_over_anything || seen.contains(&place), "{place:?} is in no state of this test");
    }
}

#[test]
fn help_is_there_for_every_box_and_never_in_the_way_of_a_text() {
    for mut model in over_a_screen() {
        let place = model.place();
        if place == Place::Help {
            continue;
        }
        update(&mut model, Event::Key(KeyEvent::from(KeyCode::F(1))));
        assert_eq!(model.place(), Place::Help, "{place:?}");
        assert!(text(&model).contains("Help: "), "{place:?}: {}", text(&model));
        press(&mut model, "?");
        assert_eq!(model.place(), place);
    }
    for (keys, is_help) in [("n ?", true), ("n enter ?", true), ("n / ?", false), ("3 o ?", false), (": ?", false)] {
        assert_eq!(after(full(80, 24), keys).place() == Place::Help, is_help, "{keys}");
    }
    let shown = text(&after(full(80, 24), "n ?"));
    assert!(shown.contains("Help: a new broadcast") && shown.contains("show only rows that hold"), "{shown}");
}

#[test]
fn an_ordinary_notice_goes_with_what_it_was_about_and_what_failed_stays() {
    for keys in ["2", "enter", "q", "n", "?", ":", "3 tab", "w"] {
        let mut model = full(80, 24);
        model.say(Role::Good, "a word");
        press(&mut model, keys);
        assert!(model.toast.is_none(), "{keys}");
        let mut model = full(80, 24);
        model.say(Role::Bad, "it failed");
        press(&mut model, keys);
        assert!(model.toast.is_some(), "{keys}");
        update(&mut model, Event::Clock(NOW.plus(8 * SECOND)));
        assert!(model.toast.is_none(), "{keys}");
    }
    // Moving about on what is shown leaves it.
    let mut model = full(80, 24);
    model.say(Role::Good, "a word");
    press(&mut model, "down up");
    assert!(model.toast.is_some());
}

#[test]
fn what_was_said_of_a_broadcast_goes_when_it_stands_otherwise() {
    let with = |status, seconds: i64| {
        let mut one = running();
        one.broadcast.status = status;
        let over = status == BroadcastStatus::Completed;
        let (open, ended) = if over { (vec![], vec![one]) } else { (vec![one], vec![]) };
        Snapshot { at: NOW.plus(seconds * SECOND), open, ended, ..full_snapshot() }
    };
    let started = || {
        let mut model = at_review(80, 24, |_| ());
        type_text(&mut model, "48210");
        press(&mut model, "enter");
        let broadcast = running().broadcast;
        answer(&mut model, Answer::Started(Box::new(Ok(Started { broadcast, replay: false }))));
        assert!(text(&model).contains("has started"), "{}", text(&model));
        model
    };
    for (status, seconds, stays) in [
        (BroadcastStatus::Scheduled, 1, true),
        (BroadcastStatus::Preparing, 1, true),
        (BroadcastStatus::Running, 1, true),
        (BroadcastStatus::Paused, 1, false),
        (BroadcastStatus::Completed, 1, false),
        // Begun before it was said: it knows less.
        (BroadcastStatus::Paused, 0, true),
    ] {
        let mut model = started();
        show(&mut model, with(status, seconds));
        assert_eq!(model.toast.is_some(), stays, "{status:?} after {seconds} s");
        // A screen that stands still is told as well.
        let mut frozen = started();
        frozen.frozen = Some(NOW);
        show(&mut frozen, with(status, seconds));
        assert_eq!(frozen.toast.is_some(), stays, "frozen: {status:?} after {seconds} s");
    }
    let mut paused = full(80, 24);
    let mut broadcast = running().broadcast;
    broadcast.status = BroadcastStatus::Paused;
    answer(&mut paused, Answer::Paused(Box::new(Ok(broadcast))));
    show(&mut paused, with(BroadcastStatus::Running, 1));
    assert!(paused.toast.is_none(), "r lets it go on: it does already");
}

#[test]
fn no_notice_lies_over_a_dialog() {
    let long = "Something went wrong that takes many words to tell, far more than one line has room for. ".repeat(4);
    for size in [(60, 16), (80, 24), (120, 40)] {
        let mut model = full(size.0, size.1);
        model.say(Role::Bad, &long);
        press(&mut model, "q");
        let shown = text(&model);
        for words in ["stay here: sending goes on", "quit: send nothing new", "quit at once", "Quit?", "Esc stay"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
    }
}

#[test]
fn a_frozen_screen_says_so_at_every_width() {
    for (columns, rows) in [(60, 16), (80, 24), (100, 30), (120, 40), (200, 50)] {
        for screen in ["1", "2", "3", "4", "5", "6", "7", "8"] {
            let mut model = full(columns, rows);
            press(&mut model, &format!("{screen} f"));
            model.say(Role::Good, "a word in place of the line that says it too");
            let shown = text(&model);
            let header = shown.lines().next().unwrap();
            assert!(header.contains("REAL") && header.contains("FROZEN"), "{columns}, {screen}: {header}");
            assert!(columns < 100 || header.contains("FROZEN 17:05:00"), "since when: {header}");
            assert!(columns < 80 || header.contains("+1 555 010 0111"), "who sends: {header}");
            press(&mut model, "f");
            assert!(!text(&model).contains("FROZEN"), "{}", text(&model));
            assert!(text(&model).contains("The screen follows again"), "what happens now is said: {}", text(&model));
        }
    }
    // Neither does its clock go on.
    let mut model = full(120, 40);
    press(&mut model, "f");
    let before = text(&model);
    update(&mut model, Event::Clock(NOW.plus(3_600 * SECOND)));
    assert_eq!(text(&model), before);
}

#[test]
fn to_the_right_goes_in_and_to_the_left_goes_out() {
    for (go_in, go_out) in [("enter", "esc"), ("right", "left"), ("l", "h")] {
        for (to, inside, outside) in [
            ("1", Place::Broadcast, Place::Broadcasts),
            ("2", Place::Broadcast, Place::Broadcasts),
            ("3", Place::ListPeople, Place::Numbers),
            ("5", Place::Note, Place::Schedule),
        ] {
            // Beside the lists lie their files: only Enter goes into a list.
            let go_in = if to == "3" { "enter" } else { go_in };
            let mut model = full(80, 24);
            press(&mut model, to);
            answer(&mut model, Answer::Broadcasts(Ok(vec![running(), ended(4, "october-news")])));
            press(&mut model, go_in);
            assert_eq!(model.place(), inside, "{to} {go_in}");
            press(&mut model, go_out);
            assert_eq!(model.place(), outside, "{to} {go_in} {go_out}");
        }
    }
    for (keys, place) in [
        ("right", Place::Recipients),
        ("l", Place::Recipients),
        ("tab", Place::Recipients),
        ("l h", Place::Broadcast),
        ("l h h", Place::Broadcasts),
        ("l l left left", Place::Broadcast),
        ("tab left left", Place::Broadcasts),
        ("l l l l l l l", Place::Recipients),
        ("tab tab", Place::Broadcast),
    ] {
        assert_eq!(ended_one(keys).place(), place, "{keys}");
    }
    for (keys, words) in [
        ("2 tab", "There are no parts beside this one: Enter (open) is for the marked row"),
        ("2 h", "You are at the top of this screen"),
        ("4 right", "Enter (send it) is for the marked row"),
        ("8 l", "Enter (change) is for the marked row"),
    ] {
        let shown = text(&after(full(80, 24), keys));
        assert!(shown.contains(words), "{keys}: {shown}");
    }
    let shown = text(&ended_one("l l l l l l l"));
    assert!(shown.contains("This is the last state"), "{shown}");
    assert!(after(full(80, 24), "7 right").events.shown, "the log's other part");
}

/// The wizard at its templates, of which there are very many.
pub fn choosing_among_many(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    let many = (0..200).map(|place| template(&format!("offer_{place:03}"), "APPROVED")).chain([plain_template()]);
    let synced = SyncedTemplates { templates: many.collect(), synced_at: Some(NOW) };
    answer(&mut model, Answer::Templates(Ok(synced), false));
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    model
}

#[test]
fn what_a_new_broadcast_is_made_of_is_found_by_typing() {
    let mut model = choosing_among_many(80, 24);
    press(&mut model, "/");
    type_text(&mut model, "fer_17j?");
    assert_eq!(model.place(), Place::Filter, "letters are letters");
    press(&mut model, "backspace backspace 3");
    assert!(text(&model).contains("Filter fer_173"), "{}", text(&model));
    press(&mut model, "enter");
    assert!(text(&model).contains("1 of 201 with \"fer_173\""), "{}", text(&model));
    press(&mut model, "enter");
    assert!(text(&model).contains("What fills the variables?") && text(&model).contains("2 Template"));
    press(&mut model, "esc / esc");
    assert!(text(&model).contains("more"), "all are there again: {}", text(&model));
    // By language too; and nothing found is no dead end.
    press(&mut model, "/");
    type_text(&mut model, "hi");
    press(&mut model, "enter enter");
    assert!(text(&model).contains("greeting / hi to the list diwali"), "{}", text(&model));
    let mut none = choosing_among_many(80, 24);
    press(&mut none, "/");
    type_text(&mut none, "zzz");
    assert_eq!(press(&mut none, "enter enter"), []);
    assert!(text(&none).contains("None of them holds these words."), "{}", text(&none));
    // The audience.
    let mut who = full(80, 24);
    press(&mut who, "n /");
    type_text(&mut who, "staff");
    assert_eq!(press(&mut who, "enter enter"), [Request::Audience(Some("staff".to_owned()))]);
    let mut everybody = full(80, 24);
    press(&mut everybody, "n /");
    type_text(&mut everybody, "everybody");
    assert_eq!(press(&mut everybody, "enter enter"), [Request::Audience(None)]);
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut model = choosing_among_many(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, "offer_19");
        insta::assert_snapshot!(format!("wizard_filter_{columns}x{rows}"), text(&model));
    }
}

#[test]
fn live_without_a_broadcast_offers_nothing_to_be_paused() {
    for open in [true, false] {
        let mut model = full(120, 40);
        let snapshot = full_snapshot();
        show(&mut model, Snapshot { open: if open { snapshot.open.clone() } else { vec![] }, ..snapshot });
        let shown = text(&model);
        let footer = shown.lines().last().unwrap();
        assert_eq!(footer.contains("p pause"), open, "{footer}");
        assert_eq!(footer.contains("r go on"), open, "{footer}");
        assert!(footer.contains("n new") && footer.contains("? help"), "{footer}");
    }
}

#[test]
fn each_answer_of_the_quit_box_says_what_becomes_of_what_runs() {
    let planned = || Snapshot { open: vec![scheduled(3, "follow-up")], ..full_snapshot() };
    let quiet = |snapshot: Snapshot| Snapshot {
        engine: wacast::service::view::EngineStatus { unsettled: 0, ..snapshot.engine },
        ..snapshot
    };
    let other = wacast::store::Holder {
        process: "p".to_owned(),
        host: "vps".to_owned(),
        pid: 7,
        boot_id: String::new(),
        lock_file: String::new(),
        face: "headless".to_owned(),
    };
    let mut pictures = BTreeSet::new();
    for (snapshot, words) in [
        (
            full_snapshot(),
            vec![
                "stay here: sending goes on",
                "quit: send nothing new",
                "Who has not got it yet gets it when",
                "quit at once",
            ],
        ),
        (
            quiet(planned()),
            vec![
                "it starts only if a wacast",
                "stay here: everything goes on as planned",
                "It is all kept: start wacast again",
            ],
        ),
        (
            Snapshot { driver: Driver::Other(other), ..full_snapshot() },
            vec!["The wacast on vps", "quit: it goes on without this window"],
        ),
        (empty_snapshot(), vec!["Nothing is being sent."]),
    ] {
        let mut model = full(80, 24);
        show(&mut model, snapshot);
        press(&mut model, "q");
        let shown = text(&model);
        for words in words {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        pictures.insert(shown);
    }
    assert_eq!(pictures.len(), 4);
    // Neither does it keep anybody from commanding what has begun meanwhile.
    for (key, frozen_after) in [("p", false), ("n", false), ("2", true)] {
        let mut model = model(80, 24);
        show(&mut model, empty_snapshot());
        press(&mut model, "f");
        show(&mut model, full_snapshot());
        let requests = press(&mut model, key);
        assert_eq!(model.frozen.is_some(), frozen_after, "{key}");
        let pauses = requests.iter().any(|request| matches!(request, Request::Pause(_)));
        assert_eq!(pauses, key == "p", "{key}: {requests:?}");
    }
    // A screen that stands still does not hide what has begun meanwhile.
    let mut model = model(80, 24);
    show(&mut model, empty_snapshot());
    press(&mut model, "f");
    show(&mut model, full_snapshot());
    press(&mut model, "q");
    assert!(text(&model).contains("stay here: sending goes on"), "{}", text(&model));
    assert_eq!(press(&mut model, "enter"), [], "the harmless answer is marked");
}

#[test]
fn what_could_not_be_read_is_said_wherever_somebody_goes() {
    let mut model = full(80, 24);
    let error = ServiceError::new(Kind::Unavailable, "store_unavailable", "the store does not answer");
    answer(&mut model, Answer::Broadcasts(Err(error)));
    press(&mut model, "4");
    assert_eq!(model.screen, Screen::Templates);
    assert!(text(&model).contains("the store does not answer"), "{}", text(&model));
}
