//! The wizard's later steps: times again and again, a pace of its own, what happens when something is wrong; in the review
//! what it costs, and a test to the own numbers. And templates as the way into it.

use crate::console_fixtures::*;
use crate::console_screens::check;
use wacast::console::actions::Place;
use wacast::console::dialog::Dialog;
use wacast::console::message::{Answer, Request};
use wacast::console::model::{Model, Screen};
use wacast::console::wizard::Step;
use wacast::domain::broadcast::{Audience, Definition, OnBadRows, OnTemplatePause};
use wacast::domain::cost::{MarketCost, Money};
use wacast::domain::ids::ScheduleId;
use wacast::domain::schedule::Schedule;
use wacast::domain::state::BroadcastStatus;
use wacast::domain::time::HOUR;
use wacast::service::error::{Kind, ServiceError};
use wacast::service::view::BroadcastRequest;

/// The wizard at its step "When".
fn at_when(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    press(&mut model, "enter tab tab right right right enter");
    model
}

/// Times again and again, typed.
pub fn every(columns: u16, rows: u16) -> Model {
    let mut model = at_when(columns, rows);
    press(&mut model, "left tab");
    type_text(&mut model, "0 18 * * 5");
    model
}

fn planned(model: &mut Model) -> (u64, BroadcastRequest) {
    match press(model, "enter").into_iter().next() {
        Some(Request::Plan(serial, request)) => (serial, request),
        other => panic!("no plan was asked for but {other:?}: {}", text(model)),
    }
}

/// A review with markets.
pub fn costly(columns: u16, rows: u16) -> Model {
    let market = |market: &str, people: u64, each: u64| MarketCost {
        market: market.to_owned(),
        people,
        each: Money(each),
        total: Money(people * each),
    };
    at_review(columns, rows, |plan| {
        plan.cost.by_market = vec![
            market("India", 47_000, 11_800),
            market("Rest of Asia Pacific", 800, 73_200),
            market("United Kingdom", 398, 52_900),
        ];
        plan.cost.without_rate = 12;
        plan.request.choices.on_template_pause = OnTemplatePause::Wait;
    })
}

#[test]
fn what_it_looks_like() {
    check("wizard_every", every);
    check("wizard_when_choices", |columns, rows| {
        let mut model = at_when(columns, rows);
        press(&mut model, "backtab right backtab");
        model
    });
    check("wizard_review_costs", costly);
    check("wizard_own_numbers", |columns, rows| {
        let mut model = at_review(columns, rows, |_| ());
        let Some(Request::Test(test)) = press(&mut model, "t right enter").into_iter().next() else {
            panic!("no test")
        };
        let none = ServiceError::new(Kind::Wrong, "no_own_numbers", "no numbers of your own are noted");
        answer(&mut model, Answer::Tested(test, Box::new(Err(none))));
        model
    });
    check("templates_filled", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "4");
        answer(&mut model, Answer::Sample("diwali".to_owned(), audience()));
        model
    });
}

#[test]
fn what_was_chosen_is_asked_for() {
    let mut model = at_when(80, 24);
    press(&mut model, "tab tab");
    type_text(&mut model, "5");
    press(&mut model, "tab right tab right");
    let (_, request) = planned(&mut model);
    assert_eq!(request.messages_per_second, Some(5.0));
    assert_eq!(request.choices.on_bad_rows, OnBadRows::Refuse);
    assert_eq!(request.choices.on_template_pause, OnTemplatePause::Wait);
    let mut model = at_when(80, 24);
    let (_, request) = planned(&mut model);
    assert_eq!((request.messages_per_second, request.choices), (None, wacast::domain::broadcast::Choices::default()));
}

#[test]
fn a_field_that_will_not_do_is_named_and_nothing_is_asked() {
    for (keys, typed, words) in [
        ("tab tab", "99", "60 a second at most"),
        ("tab tab", ".", "a pace is a number"),
        ("right tab", "soon", "\"soon\" is not a time: write"),
        ("left tab", "", "0 18 * * 5 is every Friday at 18:00"),
        ("left tab", "61 18 * * *", "number out of bounds"),
    ] {
        let mut model = at_when(80, 24);
        press(&mut model, keys);
        type_text(&mut model, typed);
        assert_eq!(press(&mut model, "enter"), [], "{keys} {typed}");
        let Some(Dialog::Wizard(wizard)) = model.dialogs.last() else { panic!("the wizard is there") };
        assert_eq!(wizard.step, Step::When, "{keys} {typed}");
        assert!(wizard.trouble.ends_with(" first."), "{}", wizard.trouble);
        // What is wrong with it is said once, beside it.
        let screen = text(&model).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(screen.matches(words).count(), 1, "{words}: {screen}");
    }
}

#[test]
fn again_and_again_needs_the_count_and_makes_a_schedule() {
    let mut model = every(80, 24);
    let shown = text(&model);
    assert!(shown.contains("Fri 13 Nov 18:00 India time"), "{shown}");
    let (serial, request) = planned(&mut model);
    assert_eq!(request.start_at, None);
    let mut plan = plan(request);
    plan.repeat_of = Some(id(9));
    answer(&mut model, Answer::Planned(serial, Box::new(Ok(plan))));
    assert!(text(&model).contains("Type 48,210 to schedule it"), "{}", text(&model));
    assert_eq!(press(&mut model, "enter"), [], "not without the count");
    type_text(&mut model, "48210");
    let asked = press(&mut model, "enter");
    let [Request::AddSchedule { request, cron, zone }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((cron.as_str(), zone.as_str(), request.expect), ("0 18 * * 5", "Asia/Kolkata", None));
    let schedule = Schedule {
        id: ScheduleId::from_random(5),
        cron: cron.clone(),
        zone: zone.clone(),
        definition: broadcast(1, "weekly", BroadcastStatus::Draft, 0).definition,
        next_fire_at: Some(NOW.plus(2 * HOUR)),
        last_fired_at: None,
        enabled: true,
        created_at: NOW,
    };
    answer(&mut model, Answer::Scheduled(Box::new(Ok(schedule))));
    assert_eq!((model.screen, model.dialogs.len()), (Screen::Schedule, 0));
    assert!(model.toast.unwrap().text.contains("19:05 IST"));
}

#[test]
fn a_schedule_that_was_not_made_leaves_the_review_as_it_was() {
    let mut model = every(80, 24);
    let (serial, request) = planned(&mut model);
    answer(&mut model, Answer::Planned(serial, Box::new(Ok(plan(request)))));
    type_text(&mut model, "48210");
    press(&mut model, "enter");
    let error = ServiceError::new(Kind::Unavailable, "store_away", "the store does not answer");
    answer(&mut model, Answer::Scheduled(Box::new(Err(error))));
    assert!(text(&model).contains("the store does not answer"), "{}", text(&model));
    assert!(
        matches!(press(&mut model, "enter").as_slice(), [Request::AddSchedule { .. }]),
        "and it can be tried again"
    );
}

#[test]
fn t_sends_the_message_that_is_shown_to_the_own_numbers() {
    let mut model = at_review(80, 24, |_| ());
    press(&mut model, "right");
    assert_eq!(press(&mut model, "t enter t esc"), [], "it is asked first");
    let asked = press(&mut model, "t right enter");
    let [Request::Test(test)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(test.1.as_ref().unwrap().phone, people()[1].phone, "the person who is shown");
    let mut sent = broadcast(8, "test: Diwali", BroadcastStatus::Preparing, 2);
    let (list, own) = (None, vec!["+15550100111".parse().unwrap()]);
    let audience = Audience { list, own, uploads: Vec::new(), follow_up: None };
    sent.definition = Definition { audience, ..sent.definition };
    answer(&mut model, Answer::Tested(test.clone(), Box::new(Ok(sent))));
    assert_eq!(
        model.toast.as_ref().unwrap().text,
        "\"test: Diwali\" goes to 2 numbers of your own; Live (1) shows it."
    );
    assert_eq!(model.place(), Place::WizardReview, "the review stays");
    assert_eq!(press(&mut model, "t right enter").len(), 1, "and it can be sent again");
}

#[test]
fn without_own_numbers_they_are_asked_for_and_the_test_goes_out_then() {
    let mut model = at_review(80, 24, |_| ());
    let Some(Request::Test(test)) = press(&mut model, "t right enter").into_iter().next() else { panic!("no test") };
    let none = || ServiceError::new(Kind::Wrong, "no_own_numbers", "no numbers of your own are noted");
    answer(&mut model, Answer::Tested(test.clone(), Box::new(Err(none()))));
    assert_eq!(model.place(), Place::Ask);
    type_text(&mut model, "+1 555 010 0111");
    assert_eq!(press(&mut model, "enter"), [Request::SetOwnNumbers(vec!["+1 555 010 0111".to_owned()])]);
    let noted = answer(&mut model, Answer::OwnNumbers(Ok(vec!["+15550100111".parse().unwrap()]), true));
    assert_eq!(noted, [Request::Test(test.clone())]);
    assert_eq!(model.place(), Place::WizardReview);
    answer(&mut model, Answer::Tested(test.clone(), Box::new(Err(none()))));
    press(&mut model, "esc");
    assert_eq!(model.place(), Place::WizardReview, "left, nothing was sent");
    let refused = ServiceError::new(Kind::Wrong, "bad_rows", "{{2}} would be blank");
    answer(&mut model, Answer::Tested(test, Box::new(Err(refused))));
    assert_eq!(model.toast.unwrap().text, "The test was not sent: {{2}} would be blank");
}

#[test]
fn a_template_is_a_way_into_the_wizard() {
    let mut model = full(80, 24);
    assert_eq!(press(&mut model, "4 enter"), [Request::Templates, Request::Templates, Request::OwnNumbers]);
    assert!(text(&model).contains("Who is to get offer_v2 / en?"), "{}", text(&model));
    assert_eq!(press(&mut model, "enter"), [Request::Audience(Some("diwali".to_owned()))]);
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    assert!(text(&model).contains("What fills the variables?"), "{}", text(&model));
    press(&mut model, "esc");
    assert!(text(&model).contains("Which template?"), "another one can be taken");
    let mut pending = full(80, 24);
    press(&mut pending, "4 down down enter");
    assert!(pending.dialogs.is_empty());
    assert_eq!(pending.toast.unwrap().text, "Enter (send it) not now: WhatsApp lets only approved templates be sent.");
}
