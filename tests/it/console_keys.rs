//! Keys and what comes of them: tables of keys to requests, screens and dialogs.

use crate::console_fixtures::*;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use wacast::console::actions::Place;
use wacast::console::message::{Answer, Event, Leaving, Request};
use wacast::console::model::{Model, Screen};
use wacast::console::numbers::RowsFrom;
use wacast::console::set_up::{Checked, Step};
use wacast::console::set_up_form::SetUpForm;
use wacast::console::update::update;
use wacast::domain::binding::Source;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::SECOND;
use wacast::service::error::{Kind, ServiceError};
use wacast::service::start::Started;
use wacast::service::view::{BroadcastRequest, Driver, Snapshot, WhyNotFaster};

#[test]
fn digits_show_screens_from_anywhere() {
    for (keys, screen) in [
        ("1", Screen::Live),
        ("2", Screen::Broadcasts),
        ("5", Screen::Schedule),
        ("6", Screen::Problems),
        ("8", Screen::Settings),
        ("3", Screen::Numbers),
        ("4", Screen::Templates),
        ("7", Screen::Log),
        ("7 4 3", Screen::Numbers),
    ] {
        let mut model = full(80, 24);
        press(&mut model, keys);
        assert_eq!(model.screen, screen, "{keys}");
    }
}

#[test]
fn one_key_on_live_asks_for_one_thing() {
    for (keys, wanted) in [
        ("p", vec![Request::Pause(id(1))]),
        ("x", vec![]),
        ("down x right enter", vec![Request::Cancel(id(3))]),
        ("r", vec![]),
        ("esc", vec![]),
        ("z", vec![]),
        ("- enter", vec![Request::SetPace(59.0)]),
        ("- - + enter", vec![Request::SetPace(59.0)]),
        ("- esc", vec![]),
        ("3", vec![Request::Uploads]),
        ("4", vec![Request::Templates]),
        ("7", vec![Request::Log]),
        ("4 u", vec![Request::Templates, Request::SyncTemplates]),
        ("4 u u", vec![Request::Templates, Request::SyncTemplates]),
    ] {
        let mut model = full(80, 24);
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
}

#[test]
fn the_pace_never_goes_above_the_limit() {
    let mut model = full(80, 24);
    assert_eq!(press(&mut model, "+ + + + enter"), [Request::SetPace(60.0)]);
}

#[test]
fn what_cannot_be_done_says_why_and_does_nothing() {
    let watching = |snapshot: Snapshot| {
        let mut model = full(80, 24);
        show(&mut model, snapshot);
        model
    };
    let nobody = Snapshot { driver: Driver::Nobody, ..full_snapshot() };
    let idle = Snapshot { open: Vec::new(), ..full_snapshot() };
    for (snapshot, keys, why) in [
        (full_snapshot(), "r", "r (go on) not now: it is not paused."),
        (idle.clone(), "p", "p (pause) not now: nothing is going out, and the last one has ended."),
        (
            Snapshot { ended: Vec::new(), ..idle },
            "p",
            "p (pause) not now: nothing is going out; 2 shows all broadcasts.",
        ),
        (nobody, "+", "+ (faster) not now: nobody is sending."),
    ] {
        let mut model = watching(snapshot);
        assert_eq!(press(&mut model, keys), []);
        assert_eq!(model.toast.unwrap().text, why);
        assert!(model.dialogs.is_empty());
    }
}

#[test]
fn a_key_that_does_nothing_says_why() {
    let review: fn() -> Model = || at_review(80, 24, |_| {});
    let live: fn() -> Model = || full(80, 24);
    for (opened, keys, why) in [
        (live, "u", "u (follow up) is for Broadcasts (2). ? shows the keys of this screen."),
        (live, "z", "z means nothing here: ? shows the keys of this screen."),
        (live, "esc", "You are at the top of this screen: q leaves wacast."),
        (
            live,
            "tab",
            "There are no parts beside this one: Enter (open) is for the marked row, 1 to 8 show the other screens.",
        ),
        (live, "4 p", "p (pause) is for Live (1), Broadcasts (2). ? shows the keys of this screen."),
        (live, "2 space", "Space (mark) not now: no broadcast is marked."),
        (live, "n p", "p means nothing here: / shows only the rows that hold what you type then."),
        (review, "z", "Only digits go in here."),
        (review, "space", "Space (send again) not now: it does not look like a repeat, so type the count."),
    ] {
        let mut model = opened();
        assert!(press(&mut model, keys).iter().all(|request| !request.changes()), "{keys}");
        assert_eq!(model.toast.as_ref().map(|toast| toast.text.as_str()), Some(why), "{keys}");
        assert!(text(&model).contains(&why[..why.len().min(40)]), "{keys}: {}", text(&model));
    }
}

#[test]
fn what_just_happened_is_never_cut_off() {
    let mut model = full(80, 24);
    press(&mut model, "y");
    assert!(model.toast.as_ref().unwrap().text.len() > 80);
    assert!(text(&model).contains("shows it plain."), "{}", text(&model));
}

#[test]
fn pausing_says_how_to_go_on_and_the_line_goes_by_itself() {
    let mut model = full(80, 24);
    press(&mut model, "p");
    let mut paused = running().broadcast;
    paused.status = wacast::domain::state::BroadcastStatus::Paused;
    answer(&mut model, Answer::Paused(Box::new(Ok(paused))));
    assert_eq!(model.toast.as_ref().unwrap().text, "diwali-offer is paused. r lets it go on.");
    update(&mut model, Event::Clock(NOW.plus(9 * SECOND)));
    assert!(model.toast.is_none());
}

#[test]
fn cancelling_asks_first_and_the_harmless_answer_is_marked() {
    let ask = || {
        let mut model = full(80, 24);
        press(&mut model, "x");
        assert!(text(&model).contains("17,700 people will not get it."), "{}", text(&model));
        let mut later = full_snapshot();
        later.open[0].counts.set(RecipientState::Queued, 17_699);
        later.open[0].counts.add(RecipientState::Accepted, 1);
        show(&mut model, later);
        assert!(text(&model).contains("17,699 people will not get it."), "{}", text(&model));
        model
    };
    for (keys, wanted) in [
        ("enter", vec![]),
        ("esc", vec![]),
        ("right left enter", vec![]),
        ("right enter", vec![Request::Cancel(id(1))]),
        ("tab enter", vec![Request::Cancel(id(1))]),
    ] {
        let mut model = ask();
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
        assert!(model.dialogs.is_empty(), "{keys}");
    }
}

#[test]
fn the_marked_broadcast_stays_marked_when_the_list_changes() {
    let mut model = full(80, 24);
    press(&mut model, "down");
    let mut snapshot = full_snapshot();
    snapshot.open.insert(0, paused(9, "new-one"));
    show(&mut model, snapshot);
    assert_eq!(model.selected().unwrap().broadcast.id, id(3));
    show(&mut model, Snapshot { open: vec![running()], ..full_snapshot() });
    assert_eq!(model.selected().unwrap().broadcast.id, id(1));
}

#[test]
fn quitting_while_it_sends_stays_unless_told_otherwise() {
    for (keys, wanted) in [
        ("q enter", vec![]),
        ("q esc", vec![]),
        ("q down enter", vec![Request::Leave(Leaving::Drain)]),
        ("q down down enter", vec![Request::Leave(Leaving::Now)]),
        ("ctrl-c ctrl-c", vec![Request::Leave(Leaving::Drain)]),
        ("7 ctrl-c ctrl-c", vec![Request::Log, Request::Leave(Leaving::Drain)]),
    ] {
        let mut model = full(80, 24);
        assert_eq!(press(&mut model, keys), wanted, "{keys}");
    }
    let mut idle = model(80, 24);
    show(&mut idle, empty_snapshot());
    assert_eq!(press(&mut idle, "q enter"), [Request::Leave(Leaving::Drain)]);
}

#[test]
fn escape_never_quits() {
    for keys in ["esc esc esc", "n esc esc", "3 o esc esc", ": esc esc", "? esc esc"] {
        let mut model = full(80, 24);
        let requests = press(&mut model, keys);
        assert!(!requests.iter().any(|request| matches!(request, Request::Leave(_))), "{keys}");
        assert!(model.dialogs.is_empty(), "{keys}");
    }
}

#[test]
fn text_fields_take_letters_first() {
    let mut model = full(80, 24);
    press(&mut model, "3 o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    let requests = press(&mut model, "q n 4 ?");
    assert_eq!(requests, [], "no letter is a command while a path is typed");
    assert_eq!(model.place(), Place::LoadPick);
    assert!(text(&model).contains("/home/asha/in/qn4?"));
}

#[test]
fn the_palette_does_what_its_line_says() {
    let mut model = full(80, 24);
    press(&mut model, ":");
    type_text(&mut model, "answer of");
    press(&mut model, "enter");
    assert_eq!(model.screen, Screen::Log);
    assert!(model.dialogs.is_empty());
}

#[test]
fn a_file_is_chosen_looked_at_and_loaded() {
    let mut model = full(80, 24);
    let folder = || "/home/asha/in/".into();
    assert_eq!(press(&mut model, "3 o"), [Request::Uploads, Request::Folder(folder())]);
    answer(&mut model, Answer::Folder(folder(), Ok(entries())));
    // Completed as far as it is clear.
    type_text(&mut model, "cu");
    press(&mut model, "tab");
    assert!(text(&model).contains("/home/asha/in/customers-"), "{}", text(&model));
    let from = || RowsFrom::File("/home/asha/in/customers-nov.xlsx".into());
    assert_eq!(press(&mut model, "enter"), [Request::Peek { from: from(), country: Some("IN".to_owned()) }]);
    assert_eq!(press(&mut model, "enter"), [], "nothing is loaded before its first rows were seen");
    answer(&mut model, Answer::Peek(from(), Ok(peek())));
    press(&mut model, "tab backspace backspace");
    assert_eq!(type_text(&mut model, "us"), [Request::Peek { from: from(), country: Some("US".to_owned()) }]);
    answer(&mut model, Answer::Peek(from(), Ok(peek())));
    press(&mut model, "tab");
    type_text(&mut model, "vip, north ,");
    let wanted = Request::Import {
        from: from(),
        country: Some("US".to_owned()),
        list: Some("customers-nov".to_owned()),
        tags: vec!["vip".to_owned(), "north".to_owned()],
    };
    assert_eq!(press(&mut model, "enter"), [wanted]);
    assert_eq!(press(&mut model, "x"), [Request::StopImport]);
    assert_eq!(answer(&mut model, Answer::ImportStopped), [Request::Uploads]);
    assert_eq!(press(&mut model, "x"), [], "nothing is left to stop");
}

#[test]
fn a_file_without_a_phone_column_cannot_be_loaded() {
    let mut model = full(80, 24);
    press(&mut model, "3 o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    press(&mut model, "enter");
    let mut peek = peek();
    peek.phone_column = None;
    answer(&mut model, Answer::Peek(RowsFrom::File("/home/asha/in/customers-nov.xlsx".into()), Ok(peek)));
    assert_eq!(press(&mut model, "enter"), []);
    assert!(text(&model).contains("No column with phone numbers"));
}

#[test]
fn a_late_answer_about_another_folder_is_not_shown() {
    let mut model = full(80, 24);
    press(&mut model, "3 o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    assert_eq!(press(&mut model, "down down enter"), [Request::Folder("/home/asha/in/old/".into())]);
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    assert!(text(&model).contains("Reading the folder"), "{}", text(&model));
}

#[test]
fn a_broadcast_starts_only_with_the_typed_count() {
    let mut model = at_review(80, 24, |_| ());
    for (typed, words) in
        [("", "Type the number of people, 48,210"), ("4821", "not to 4,821"), ("48592", "not to 48,592")]
    {
        type_text(&mut model, typed);
        assert_eq!(press(&mut model, "enter"), [], "{typed}");
        assert!(text(&model).contains(words), "{}", text(&model));
    }
    type_text(&mut model, "48,210");
    let requests = press(&mut model, "enter");
    let [Request::Start(request)] = requests.as_slice() else { panic!("{requests:?}") };
    // The audience, with those who are left out: what the service compares.
    assert_eq!(request.expect, Some(48_592));
    assert_eq!(request.list.as_deref(), Some("diwali"));
    assert_eq!(request.bindings["1"], Source::Column("name".to_owned()));
    assert_eq!(request.bindings["2"], Source::Column("city".to_owned()));
    assert!(!request.repeat && request.idempotency.is_some());
    assert_eq!(press(&mut model, "enter enter esc"), [], "it is started once");
    answer(&mut model, Answer::Started(Box::new(Ok(Started { broadcast: running().broadcast, replay: false }))));
    assert!(model.dialogs.is_empty());
    assert_eq!(model.screen, Screen::Live);
}

#[test]
fn letters_and_escape_in_the_review_start_nothing() {
    let mut model = at_review(80, 24, |_| ());
    assert_eq!(press(&mut model, "y e s space enter"), []);
    press(&mut model, "esc");
    assert_eq!(model.place(), Place::WizardForm);
}

#[test]
fn what_looks_like_a_repeat_needs_a_word_more() {
    let mut model = at_review(80, 24, |plan| plan.repeat_of = Some(id(9)));
    type_text(&mut model, "48210");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(press(&mut model, "space enter"), [], "what was typed before was typed without knowing");
    type_text(&mut model, "48210");
    let requests = press(&mut model, "enter");
    assert!(matches!(requests.as_slice(), [Request::Start(BroadcastRequest { repeat: true, .. })]), "{requests:?}");
}

#[test]
fn an_audience_that_changed_meanwhile_is_reviewed_anew() {
    let mut model = at_review(80, 24, |_| ());
    type_text(&mut model, "48210");
    press(&mut model, "enter");
    let error = ServiceError::new(Kind::Conflict, "count_differs", "it is 48,211 people now, not 48,210");
    let requests = answer(&mut model, Answer::Started(Box::new(Err(error))));
    assert!(matches!(requests.as_slice(), [Request::Plan(2, _)]), "{requests:?}");
    assert!(text(&model).contains("48,211 people now"));
    // A late plan of before is not taken for the new one.
    let stale = plan(BroadcastRequest::default());
    answer(&mut model, Answer::Planned(1, Box::new(Ok(stale))));
    assert_eq!(press(&mut model, "4 8 2 1 0 enter"), []);
}

#[test]
fn an_unfilled_variable_stops_the_wizard_where_it_is_missing() {
    let mut model = full(80, 24);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    press(&mut model, "enter enter");
    assert_eq!(model.place(), Place::WizardForm);
    assert!(text(&model).contains("{{2}}: choose a column, or the same text for everybody."), "{}", text(&model));
    // The same text for everybody is the last choice, the one before the first.
    press(&mut model, "left tab");
    type_text(&mut model, "Pune");
    press(&mut model, "enter");
    assert!(text(&model).contains("When is it to start?"), "{}", text(&model));
}

#[test]
fn a_template_that_may_not_be_sent_cannot_be_chosen() {
    let mut model = full(80, 24);
    press(&mut model, "n enter down down enter");
    assert!(text(&model).contains("only approved templates"), "{}", text(&model));
    assert_eq!(model.place(), Place::WizardList);
}

#[test]
fn a_time_in_the_past_is_refused_with_words() {
    let mut model = full(80, 24);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    press(&mut model, "down enter right tab");
    type_text(&mut model, "2020-01-01 10:00");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(model.place(), Place::WizardForm);
    press(&mut model, "enter");
    let shown = text(&model);
    assert!(shown.contains("past"), "{shown}");
}

#[test]
fn pasted_text_goes_into_the_field_without_its_line_break() {
    let mut model = full(80, 24);
    press(&mut model, "3 o");
    update(&mut model, Event::Paste("customers-nov.xlsx\n".to_owned()));
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    assert!(text(&model).contains("/home/asha/in/customers-nov.xlsx"), "{}", text(&model));
    let mut on_live = full(80, 24);
    assert_eq!(update(&mut on_live, Event::Paste("x\np\nq".to_owned())), [], "a paste is no row of commands");
    assert!(on_live.dialogs.is_empty());
}

#[test]
fn a_path_from_the_root_replaces_the_folder_that_was_put_in() {
    let typed = |keys: &str, pasted: &str| {
        let mut model = full(80, 24);
        press(&mut model, "3 o");
        type_text(&mut model, keys);
        update(&mut model, Event::Paste(pasted.to_owned()));
        text(&model)
    };
    for (keys, pasted, path) in [
        ("/tmp/x.csv", "", " /tmp/x.csv "),
        ("~/x.csv", "", " ~/x.csv "),
        ("", "/tmp/x.csv", " /tmp/x.csv "),
        ("abc", "/tmp/x.csv", " /tmp/x.csv "),
        ("old/x.csv", "", " /home/asha/in/old/x.csv "),
    ] {
        let shown = typed(keys, pasted);
        assert!(shown.contains(path), "{keys}{pasted}: {shown}");
    }
}

#[test]
fn escape_and_a_key_that_were_read_together_are_both_heard() {
    let mut model = full(80, 24);
    press(&mut model, ":");
    type_text(&mut model, "sync");
    update(&mut model, Event::Key(KeyEvent::new(KeyCode::Char('7'), KeyModifiers::ALT)));
    assert!(model.dialogs.is_empty());
    assert_eq!(model.screen, Screen::Log);
}

#[test]
fn who_waits_is_counted_before_the_audience_is_fixed() {
    for status in [BroadcastStatus::Paused, BroadcastStatus::Preparing, BroadcastStatus::Running] {
        let mut model = full(120, 40);
        show(&mut model, Snapshot { open: vec![view(broadcast(2, "new", status, 400), &[])], ..full_snapshot() });
        let shown = text(&model);
        assert!(shown.contains(" 0.0 % ") && shown.contains("waiting to go 400"), "{shown}");
        press(&mut model, "x");
        assert!(text(&model).contains("400 people will not get it."), "{}", text(&model));
    }
    let mut model = full(120, 40);
    let cancelled = view(broadcast(2, "new", BroadcastStatus::Cancelled, 400), &[]);
    show(&mut model, Snapshot { open: Vec::new(), ended: vec![cancelled], ..full_snapshot() });
    assert!(text(&model).contains("cancelled 400"), "{}", text(&model));
}

#[test]
fn why_not_faster_names_the_pace_that_counts_and_who_goes_on() {
    let said = |own: Option<f64>, why: WhyNotFaster| {
        let mut snapshot = full_snapshot();
        snapshot.open = vec![running()];
        snapshot.open[0].broadcast.definition.messages_per_second = own;
        snapshot.engine.why = why;
        let mut model = full(120, 40);
        show(&mut model, snapshot);
        text(&model)
    };
    let pace = || WhyNotFaster::Pace { messages_per_second: 60.0 };
    for (own, why, words) in [
        (None, pace(), "At the pace you set, 60 a second."),
        (Some(90.0), pace(), "At the pace you set, 60 a second."),
        (Some(5.0), pace(), "At this broadcast's own pace, 5 a second."),
        (None, WhyNotFaster::Idle, "diwali-offer goes on in a moment"),
    ] {
        let shown = said(own, why);
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn the_set_up_asks_nobody_before_every_field_can_be_right() {
    let mut model = connecting();
    press(&mut model, "tab tab tab tab");
    press(&mut model, "x");
    assert_eq!(press(&mut model, "enter"), []);
    assert!(text(&model).contains("digits only"), "{}", text(&model));
    let mut model = model_without_zone();
    assert_eq!(press(&mut model, "enter"), []);
    assert!(text(&model).contains("Time zone: enter yours, for example Asia/Kolkata."), "{}", text(&model));
}

fn model_without_zone() -> Model {
    let mut model = connecting();
    for _ in 0.."Asia/Kolkata".len() {
        press(&mut model, "backspace");
    }
    model
}

#[test]
fn released_keys_do_nothing() {
    let mut model = full(80, 24);
    let mut event = KeyEvent::from(KeyCode::Char('p'));
    event.kind = KeyEventKind::Release;
    assert_eq!(update(&mut model, Event::Key(event)), []);
}

fn connecting() -> Model {
    let mut model = model(80, 24);
    model.set_up = Some(SetUpForm::new("/home/asha/config.toml".into()));
    press(&mut model, "down enter");
    update(&mut model, Event::Paste("made-up-token".to_owned()));
    press(&mut model, "tab");
    type_text(&mut model, "5550100");
    press(&mut model, "tab");
    type_text(&mut model, "5550199");
    press(&mut model, "tab tab");
    type_text(&mut model, "Asia/Kolkata");
    model
}

#[test]
fn the_set_up_checks_every_step_before_it_writes() {
    let mut model = connecting();
    let asked = press(&mut model, "enter");
    assert!(
        matches!(asked.as_slice(), [Request::Check(Step::Number, connection)] if connection.phone_number_id == "5550100"),
        "{asked:?}"
    );
    assert!(!format!("{asked:?}").contains("made-up"), "the token is in no print-out");
    let good = || Ok(Checked { found: "Acme Retail".to_owned() });
    let next = answer(&mut model, Answer::Checked(Step::Number, good()));
    assert!(matches!(next.as_slice(), [Request::Check(Step::Account, _)]), "{next:?}");
    let none = answer(&mut model, Answer::Checked(Step::Account, Err("no permission".to_owned())));
    assert_eq!(none, []);
    assert!(text(&model).contains("no permission"));
    let again = press(&mut model, "enter");
    assert!(
        matches!(again.as_slice(), [Request::Check(Step::Account, _)]),
        "what is well is not asked again: {again:?}"
    );
    answer(&mut model, Answer::Checked(Step::Account, good()));
    let written = answer(&mut model, Answer::Checked(Step::Place, good()));
    assert!(matches!(written.as_slice(), [Request::Write(_)]), "{written:?}");
    assert_eq!(
        answer(&mut model, Answer::Written(Ok("/home/asha/config.toml".into()))),
        [Request::Leave(Leaving::Configured)]
    );
}

#[test]
fn the_set_up_can_be_left_and_the_sandbox_taken() {
    let first = |keys: &str| {
        let mut model = model(80, 24);
        model.set_up = Some(SetUpForm::new("config.toml".into()));
        press(&mut model, keys)
    };
    assert_eq!(first("enter"), [Request::Leave(Leaving::Sandbox)]);
    assert_eq!(first("esc"), [Request::Leave(Leaving::Drain)]);
    let mut model = connecting();
    press(&mut model, "esc");
    assert_eq!(model.place(), Place::SetUpChoice);
    press(&mut model, "enter");
    assert!(text(&model).contains("5550199"), "what was entered stays");
}
