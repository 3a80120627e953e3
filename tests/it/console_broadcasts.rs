//! The Broadcasts screen, and what is done to broadcasts from any screen: opening, people, doubts, follow-ups, exports,
//! filters, marks, a frozen screen, clicks.

use crate::console_fixtures::*;
use std::path::PathBuf;
use wacast::console::actions::Action;
use wacast::console::message::{Answer, Click, Event, Request};
use wacast::console::model::{Model, Screen};
use wacast::console::numbers::NumbersAnswer;
use wacast::console::update::update;
use wacast::console::view;
use wacast::domain::broadcast::Pick;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::{DAY, MINUTE, SECOND};
use wacast::service::doubts::{Decided, DoubtWord};
use wacast::service::error::{Kind, ServiceError};
use wacast::service::follow_up::{FollowUpRequest, Picked};
use wacast::service::view::{BroadcastView, Problem, Snapshot};
use wacast::store::RecipientRow;

fn check(name: &str, state: impl Fn(u16, u16) -> Model) {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), text(&state(columns, rows)));
    }
}

/// All broadcasts: those on Live and some older ones.
fn all() -> Vec<BroadcastView> {
    let older = (10..40).map(|place| ended(place, &format!("news-{place}")));
    vec![running(), scheduled(3, "follow-up"), paused(5, "दिवाली 🎉 thanks"), ended(4, "october-news")]
        .into_iter()
        .chain(older)
        .collect()
}

fn listed(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    assert_eq!(press(&mut model, "2"), [Request::Broadcasts]);
    answer(&mut model, Answer::Broadcasts(Ok(all())));
    model
}

/// The ended one with three people in doubt, opened.
fn opened(columns: u16, rows: u16) -> Model {
    let mut model = listed(columns, rows);
    assert_eq!(press(&mut model, "down down down enter"), [Request::Broadcast(id(4))]);
    let mut view = ended(4, "october-news");
    view.skips = vec![("opted out".to_owned(), 12), ("no consent".to_owned(), 3)];
    "Treat the number as suspect.".clone_into(&mut view.failures[0].advice);
    answer(&mut model, Answer::Broadcast(id(4), Box::new(Ok(view))));
    model
}

fn person(seq: u32, state: RecipientState) -> RecipientRow {
    let failed = state == RecipientState::Failed;
    RecipientRow {
        seq,
        phone: format!("+1555010{:04}", 100 + seq % 100).parse().unwrap(),
        name: ["Asha Rao", "दीपा Kumar", "João Example"][seq as usize % 3].to_owned(),
        state,
        attempt: 1 + seq % 3,
        code: if failed { 131_026 } else { 0 },
        detail: if state == RecipientState::InDoubt { "no answer within 30 s".to_owned() } else { String::new() },
        wamid: if failed { String::new() } else { format!("wamid.{seq}") },
        changed_at: Some(NOW.plus(-5 * MINUTE)),
        due: None,
        values: vec!["Asha".to_owned()],
        prices: vec![],
    }
}

fn with_people(columns: u16, rows: u16) -> Model {
    let mut model = opened(columns, rows);
    assert_eq!(
        press(&mut model, "tab"),
        [Request::Broadcast(id(4)), Request::Recipients { id: id(4), state: None, after: None }]
    );
    let states = [RecipientState::Read, RecipientState::Delivered, RecipientState::Failed, RecipientState::InDoubt];
    let people = (0..200).map(|seq| person(seq, states[seq as usize % 4])).collect();
    answer(&mut model, Answer::Recipients(id(4), None, None, Ok(people)));
    model
}

#[test]
fn all_broadcasts() {
    check("broadcasts_all", listed);
    check("broadcasts_waiting", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "2");
        model
    });
    check("broadcasts_none", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "2");
        answer(&mut model, Answer::Broadcasts(Ok(vec![])));
        model
    });
    check("broadcasts_filtered", |columns, rows| {
        let mut model = listed(columns, rows);
        press(&mut model, "/");
        type_text(&mut model, "news-1");
        press(&mut model, "enter s space");
        model
    });
}

#[test]
fn one_broadcast() {
    check("broadcast_ended", opened);
    check("broadcast_people", with_people);
    check("broadcast_doubts", |columns, rows| {
        let mut model = opened(columns, rows);
        press(&mut model, "d down");
        model
    });
    check("broadcast_again", |columns, rows| {
        let mut model = opened(columns, rows);
        press(&mut model, "d down down down enter 3");
        model
    });
    check("broadcast_person", |columns, rows| {
        let mut model = with_people(columns, rows);
        press(&mut model, "down down enter");
        let answered = crate::console_numbers::recipient_view();
        answer(&mut model, Answer::Numbers(Box::new(NumbersAnswer::Recipient(id(4), 2, Box::new(Ok(answered))))));
        model
    });
    check("broadcast_plain", |columns, rows| {
        let mut model = opened(columns, rows);
        press(&mut model, "w");
        model
    });
}

#[test]
fn a_filter_keeps_letters_and_goes_with_escape() {
    let mut model = listed(80, 24);
    press(&mut model, "/");
    type_text(&mut model, "q6october");
    assert!(model.dialogs.is_empty() && model.screen == Screen::Broadcasts);
    assert_eq!(model.broadcasts.shown().len(), 0);
    for _ in 0.."q6october".len() {
        press(&mut model, "backspace");
    }
    type_text(&mut model, "october");
    press(&mut model, "enter");
    assert_eq!(model.selected().unwrap().broadcast.id, id(4));
    assert_eq!(press(&mut model, "enter"), [Request::Broadcast(id(4))]);
    press(&mut model, "esc / esc");
    assert_eq!(model.broadcasts.shown().len(), all().len());
}

#[test]
fn what_is_done_is_done_to_all_that_are_marked() {
    let mut model = listed(80, 24);
    // The running one, and the scheduled one; the paused one is not paused again.
    assert_eq!(press(&mut model, "space space space p"), [Request::Pause(id(1)), Request::Pause(id(3))]);
    assert!(model.broadcasts.list.marks.is_empty());
    press(&mut model, "g space space x");
    assert!(text(&model).contains("Cancel 2 broadcasts?"), "{}", text(&model));
    assert_eq!(press(&mut model, "right enter"), [Request::Cancel(id(1)), Request::Cancel(id(3))]);
}

#[test]
fn doubts_are_decided_in_bulk_and_again_needs_the_typed_count() {
    let decide = |word, only| Request::Decide { id: id(4), word, only, people: 3 };
    for (keys, wanted) in [
        ("d enter", vec![]),
        ("d esc", vec![]),
        ("d down enter enter", vec![]),
        ("d down enter right enter", vec![decide(DoubtWord::CountAsSent, None)]),
        ("d down down enter right enter", vec![decide(DoubtWord::GiveUp, None)]),
        ("d down down down enter enter", vec![]),
        ("d down down down enter 2 enter", vec![]),
        ("d down down down enter 3 esc", vec![]),
        ("d down down down enter 3 enter", vec![decide(DoubtWord::SendAgain, None)]),
    ] {
        let mut model = opened(80, 24);
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
    let mut model = with_people(80, 24);
    let marked = Request::Decide { id: id(4), word: DoubtWord::GiveUp, only: Some(vec![0, 1]), people: 2 };
    assert_eq!(press(&mut model, "space space d down down enter right enter"), [marked]);
    let done = Decided { people: 2, follow_up: None };
    answer(&mut model, Answer::Decided(Box::new(Ok(done))));
    assert!(text(&model).contains("Settled for 2 people; it is on the record."), "{}", text(&model));
}

#[test]
fn a_follow_up_says_to_how_many_before_it_starts() {
    let mut model = opened(80, 24);
    let request =
        FollowUpRequest { label: "follow-up: october-news".to_owned(), ..FollowUpRequest::new(id(4), Pick::Failed) };
    assert_eq!(press(&mut model, "u down down down enter"), [Request::Picked(request.clone())]);
    answer(&mut model, Answer::Picked(request.clone(), Box::new(Ok(Picked { people: 57, ..Picked::default() }))));
    assert!(
        text(&model).contains("Send to 57 people once more?") && text(&model).contains(" REAL "),
        "{}",
        text(&model)
    );
    assert_eq!(press(&mut model, "5 6 enter"), []);
    let expected = FollowUpRequest { expect: Some(57), ..request.clone() };
    assert_eq!(press(&mut model, "backspace 7 enter"), [Request::FollowUp(expected)]);
    let mut nobody = opened(80, 24);
    answer(&mut nobody, Answer::Picked(request.clone(), Box::new(Ok(Picked::default()))));
    assert!(text(&nobody).contains("Nobody would get it"), "{}", text(&nobody));
    // Those who are to be left alone for a day are planned for then.
    let (mut later, due) = (opened(80, 24), Some(NOW.plus(DAY)));
    answer(&mut later, Answer::Picked(request.clone(), Box::new(Ok(Picked { people: 57, due, ..Picked::default() }))));
    assert!(text(&later).contains("WhatsApp wants them left alone until"), "{}", text(&later));
    let planned = FollowUpRequest { expect: Some(57), start_at: due, ..request };
    assert_eq!(press(&mut later, "5 7 enter"), [Request::FollowUp(planned)]);
    let mut sending = full(80, 24);
    press(&mut sending, "enter");
    assert_eq!(press(&mut sending, "u"), []);
    assert!(text(&sending).contains("it has not ended"), "{}", text(&sending));
}

#[test]
fn an_export_says_where_it_went_and_how_to_fetch_it() {
    let mut model = opened(80, 24);
    let requests = press(&mut model, "e enter");
    let [Request::Export { id: exported, masked: true, path }] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(*exported, id(4));
    assert!(path.starts_with("/home/asha/out") && path.to_string_lossy().contains("october-news"), "{path:?}");
    answer(&mut model, Answer::Exported(PathBuf::from("/home/asha/out/a b.csv"), true, Ok(2_000)));
    let shown = text(&model);
    assert!(shown.contains("2,000 people, phone numbers masked"), "{shown}");
    assert!(shown.contains("scp asha@vps.example.com:'/home/asha/out/a b.csv' ."), "{shown}");
    let mut failed = opened(80, 24);
    answer(&mut failed, Answer::Exported(PathBuf::from("/x"), false, Err("/x cannot be written: no space".to_owned())));
    assert!(text(&failed).contains("no space"));
}

#[test]
fn people_are_gone_through_page_by_page() {
    let mut model = with_people(80, 24);
    press(&mut model, "G");
    assert_eq!(press(&mut model, "down"), [Request::Recipients { id: id(4), state: None, after: Some(199) }]);
    let page = (200..203).map(|seq| person(seq, RecipientState::Read)).collect();
    answer(&mut model, Answer::Recipients(id(4), None, Some(199), Ok(page)));
    assert!(text(&model).contains("201 to 203 of 2,000"), "{}", text(&model));
    assert_eq!(press(&mut model, "down down down down"), []);
    assert_eq!(press(&mut model, "g"), [Request::Recipients { id: id(4), state: None, after: None }]);
    // The next state has its own pages.
    let delivered = Some(RecipientState::Delivered);
    assert_eq!(press(&mut model, "right"), [Request::Recipients { id: id(4), state: delivered, after: None }]);
    answer(&mut model, Answer::Recipients(id(4), None, None, Ok(vec![person(0, RecipientState::Read)])));
    assert!(text(&model).contains("Asking the store"), "a late answer about the other state: {}", text(&model));
}

#[test]
fn one_number_is_shown_whole_for_ten_seconds() {
    let mut model = with_people(120, 40);
    let whole = "+15550100100";
    assert!(!text(&model).contains(whole));
    press(&mut model, "v");
    assert_eq!(text(&model).matches("+1555010").count(), 1, "{}", text(&model));
    assert!(text(&model).contains(whole));
    update(&mut model, Event::Clock(NOW.plus(10 * SECOND)));
    assert!(!text(&model).contains(whole));
    // What is copied is masked all the same.
    press(&mut model, "v");
    let requests = press(&mut model, "y");
    let [Request::Copy(line)] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(line.contains("Asha Rao") && !line.contains(whole), "{line}");
}

#[test]
fn a_frozen_screen_stands_still_and_then_shows_the_newest() {
    let mut model = full(80, 24);
    press(&mut model, "f");
    let before = text(&model);
    assert!(before.contains("frozen: f follows again"), "{before}");
    let mut snapshot = full_snapshot();
    snapshot.open[0].counts.set(RecipientState::Failed, 999);
    show(&mut model, snapshot);
    assert_eq!(text(&model), before);
    // Pausing works on what is shown.
    assert_eq!(press(&mut model, "p"), [Request::Pause(id(1))]);
    press(&mut model, "f");
    assert!(text(&model).contains("failed 999"), "{}", text(&model));
}

#[test]
fn following_again_leaves_open_what_was_open() {
    let mut model = opened(80, 24);
    let opened = model.broadcasts.opened.as_ref().map(|opened| opened.id.clone()).expect("one is open");
    model.say(wacast::console::look::Role::Plain, "said before");
    press(&mut model, "f");
    assert!(text(&model).contains("frozen: f follows again"), "{}", text(&model));
    assert_eq!(press(&mut model, "f"), [Request::Broadcast(opened.clone())]);
    assert_eq!(model.broadcasts.opened.as_ref().map(|opened| &opened.id), Some(&opened));
}

#[test]
fn a_problem_leads_to_where_it_can_be_mended() {
    let mut model = full(80, 24);
    let problem = |what: &str, broadcast| Problem { what: what.to_owned(), advice: "Do this.".to_owned(), broadcast };
    let problems = vec![problem("no receipts are set up", None), problem("october-news: 3 people may", Some(id(4)))];
    show(&mut model, Snapshot { problems, ..full_snapshot() });
    press(&mut model, "6");
    check("problems", |columns, rows| Model { size: (columns, rows), ..model.clone() });
    assert_eq!(press(&mut model, "enter"), []);
    assert!(text(&model).contains("Do this."), "{}", text(&model));
    assert_eq!(press(&mut model, "esc down enter"), [Request::Broadcast(id(4))]);
    assert!(text(&model).contains("october-news"), "{}", text(&model));
    check("problems_none", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "6");
        model
    });
}

#[test]
fn what_is_to_start_can_be_looked_at_and_cancelled() {
    check("schedule", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "5");
        model
    });
    check("schedule_none", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "5");
        model
    });
    let mut model = full(80, 24);
    press(&mut model, "5 enter");
    assert!(text(&model).contains("in 14 h 20 min"), "{}", text(&model));
    assert_eq!(press(&mut model, "esc x right enter"), [Request::Cancel(id(3))]);
    check("settings", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "8");
        model
    });
}

/// Clicks the first place where these words are shown.
fn click(model: &mut Model, words: &str) -> Vec<Request> {
    let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, model.size.0, model.size.1));
    let drawn = view::render(model, &mut buffer);
    let shown = text_of(&buffer);
    let (row, line) = shown.lines().enumerate().find(|(_, line)| line.contains(words)).expect(words);
    let column = line[..line.find(words).unwrap()].chars().count();
    let click = drawn.click(u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    click.map_or_else(Vec::new, |click| update(model, Event::Click(click)))
}

#[test]
fn the_mouse_does_what_keys_do() {
    let mut model = full(80, 24);
    assert_eq!(click(&mut model, "2 Broadcasts"), [Request::Broadcasts]);
    answer(&mut model, Answer::Broadcasts(Ok(all())));
    assert_eq!(click(&mut model, "october-news"), []);
    assert_eq!(model.selected().unwrap().broadcast.id, id(4));
    assert_eq!(click(&mut model, "october-news"), [Request::Broadcast(id(4))], "a second click opens it");
    assert_eq!(click(&mut model, "d settle \"not sure\""), []);
    assert!(!model.dialogs.is_empty());
    // What lies below the dialog is not clicked through it, and no click alone sends anything.
    assert_eq!(click(&mut model, "1 Live"), []);
    assert_eq!(model.screen, Screen::Broadcasts);
    assert_eq!(click(&mut model, "send again"), []);
    assert!(model.dialogs.len() == 1);
    assert_eq!(update(&mut model, Event::Click(Click::Act(Action::Cancel))), [], "not a key of this dialog");
}

#[test]
fn a_console_that_only_watches_changes_nothing() {
    for keys in ["p", "x", "n", "+", "3 o", "4 u", "5 x"] {
        let mut model = full(80, 24);
        model.facts.read_only = true;
        let requests = press(&mut model, keys);
        assert!(!requests.iter().any(Request::changes), "{keys}: {requests:?}");
        assert!(model.dialogs.is_empty() && text(&model).contains("--read-only"), "{keys}: {}", text(&model));
    }
    let mut model = opened(80, 24);
    model.facts.read_only = true;
    press(&mut model, "d");
    assert!(model.dialogs.is_empty());
}

#[test]
fn a_broadcast_that_ends_while_it_is_open_is_read_again_for_its_audit() {
    let mut model = full(80, 24);
    assert_eq!(press(&mut model, "enter"), [Request::Broadcast(id(1))]);
    answer(&mut model, Answer::Broadcast(id(1), Box::new(Ok(running()))));
    let mut over = running();
    over.broadcast.status = BroadcastStatus::Completed;
    let requests = show(&mut model, Snapshot { open: vec![], ended: vec![over], ..full_snapshot() });
    assert!(requests.contains(&Request::Broadcast(id(1))), "{requests:?}");
    let gone = ServiceError::new(Kind::NotFound, "unknown_broadcast", "there is no such broadcast");
    answer(&mut model, Answer::Broadcast(id(1), Box::new(Err(gone))));
    assert!(text(&model).contains("completed"), "what is known stays: {}", text(&model));
}
