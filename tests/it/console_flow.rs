//! What an operator is told on the way through a broadcast: how many, why not, what it costs, what came of it.

use crate::console_fixtures::*;
use wacast::console::actions::{self, Place};
use wacast::console::look::Role;
use wacast::console::message::{Answer, Event, Request};
use wacast::console::model::{Model, Screen};
use wacast::console::set_up_form::{FIELDS, SetUpForm};
use wacast::console::update::update;
use wacast::domain::broadcast::Pick;
use wacast::domain::state::RecipientState;
use wacast::domain::time::{DAY, HOUR, MINUTE, SECOND};
use wacast::service::error::{Kind, ServiceError};
use wacast::service::follow_up::{FollowUpRequest, Picked};
use wacast::service::since::Since;
use wacast::service::view::{Cause, Snapshot};

fn cause(code: i64, title: &str, count: u64) -> Cause {
    Cause { code, title: title.to_owned(), advice: "Do not try again.".to_owned(), count }
}

/// The ended broadcast, opened.
fn opened() -> Model {
    let mut model = full(80, 24);
    press(&mut model, "down down enter");
    assert_eq!(model.place(), Place::Broadcast);
    model
}

fn all_who_failed() -> FollowUpRequest {
    FollowUpRequest { label: "follow-up: october-news".to_owned(), ..FollowUpRequest::new(id(4), Pick::Failed) }
}

#[test]
fn a_follow_up_spares_those_for_whom_it_is_no_use_unless_it_is_told_otherwise() {
    let picked = || Picked {
        people: 57,
        not_again: vec![cause(131_026, "not reachable on WhatsApp", 40), cause(131_050, "stopped marketing", 5)],
        left_out: vec![("opted out (button)".to_owned(), 2)],
        cost: plan(wacast::service::view::BroadcastRequest::default()).cost,
        ..Picked::default()
    };
    let asked = || {
        let mut model = opened();
        answer(&mut model, Answer::Picked(all_who_failed(), Box::new(Ok(picked()))));
        model
    };
    let shown = text(&asked());
    for words in ["45 are better left alone", "40 not reachable on WhatsApp (131026)", "5 stopped marketing (131050)"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // The first answer leaves them out, and asks anew to how many it goes then.
    let spared = FollowUpRequest { without: vec![131_026, 131_050], ..all_who_failed() };
    assert_eq!(press(&mut asked(), "enter"), [Request::Picked(spared)]);
    assert_eq!(press(&mut asked(), "down enter"), []);
    let mut all = asked();
    assert_eq!(press(&mut all, "down down enter"), []);
    let shown = text(&all);
    for words in ["Send to 55 people once more?", "2 of 57 are left out: 2 opted out (button).", "Costs about USD"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // The count is that of those it goes to; what is checked is everybody who was looked at.
    let made = FollowUpRequest { expect: Some(57), ..all_who_failed() };
    assert_eq!(press(&mut all, "5 7 enter"), []);
    assert!(text(&all).contains("Type 55 first, then Enter."), "{}", text(&all));
    assert_eq!(press(&mut all, "backspace 5 enter"), [Request::FollowUp(made)]);
    // For some it is only too soon: that is said apart, and they can be waited for.
    let mut soon = opened();
    let tomorrow = soon.now.plus(24 * 3_600_000);
    let not_yet = vec![(cause(131_049, "held back by WhatsApp", 12), tomorrow)];
    answer(&mut soon, Answer::Picked(all_who_failed(), Box::new(Ok(Picked { not_yet, ..picked() }))));
    let shown = text(&soon);
    for words in [
        "57 are better left alone",
        "For 45 of them, trying again does not help",
        "For 12 of them, it is too soon",
        "until Mon 9",
        "12 held back by WhatsApp (131049)",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let wait = FollowUpRequest { pick: Pick::Retry, ..all_who_failed() };
    assert_eq!(press(&mut soon, "down enter"), [Request::Picked(wait)]);
    let mut one = opened();
    let only = Picked { people: 1, not_again: vec![cause(131_026, "not reachable", 1)], ..Picked::default() };
    answer(&mut one, Answer::Picked(all_who_failed(), Box::new(Ok(only))));
    let shown = text(&one);
    assert!(shown.contains("For this person, trying") && shown.contains("send to this person anyway"), "{shown}");
    // Nobody else is left: the harmless answer is the first one.
    let mut none = opened();
    let hopeless = Picked { people: 45, left_out: Vec::new(), ..picked() };
    answer(&mut none, Answer::Picked(all_who_failed(), Box::new(Ok(hopeless))));
    assert_eq!(press(&mut none, "enter"), []);
    assert!(none.dialogs.is_empty());
}

#[test]
fn a_second_follow_up_to_the_same_people_says_so_and_can_be_made() {
    let mut model = opened();
    let repeat_of = Some((id(9), "90000000 went out to the same people".to_owned()));
    let picked = Picked { people: 3, repeat_of, ..Picked::default() };
    answer(&mut model, Answer::Picked(all_who_failed(), Box::new(Ok(picked))));
    assert!(text(&model).contains("Careful: some of them had a follow-up already"), "{}", text(&model));
    let made = FollowUpRequest { expect: Some(3), repeat: true, ..all_who_failed() };
    assert_eq!(press(&mut model, "3 enter"), [Request::FollowUp(made)]);
}

#[test]
fn nobody_to_be_tried_again_says_why() {
    let mut model = opened();
    let retry = FollowUpRequest { pick: Pick::Retry, ..all_who_failed() };
    answer(&mut model, Answer::Picked(retry, Box::new(Ok(Picked::default()))));
    let shown = text(&model);
    assert!(shown.contains("WhatsApp has named no time for anybody"), "{shown}");
    assert!(shown.contains("(131026)"), "the causes are named: {shown}");
}

#[test]
fn people_are_counted_the_same_everywhere() {
    let mut left_out = ended(4, "october-news");
    left_out.broadcast.total = 1_240;
    left_out.counts = wacast::domain::broadcast::Counts::default();
    left_out.counts.set(RecipientState::Read, 1_204);
    left_out.counts.set(RecipientState::Skipped, 36);
    let mut model = full(80, 24);
    show(&mut model, Snapshot { ended: vec![left_out.clone()], ..full_snapshot() });
    press(&mut model, "down down enter");
    assert!(text(&model).contains("1,204 people, 36 left out"), "{}", text(&model));
    assert!(text(&model).contains("% of accepted"), "a share says of what: {}", text(&model));
    press(&mut model, "esc");
    answer(&mut model, Answer::Broadcasts(Ok(vec![left_out])));
    let listed = text(&model);
    let row = listed.lines().find(|line| line.contains("october-news")).unwrap();
    assert!(row.contains(" 1,204 ") && row.contains(" 36 ") && !row.contains("1,240"), "{row}");
}

#[test]
fn the_last_result_stays_on_live_beside_what_is_planned() {
    let planned = Snapshot { open: vec![scheduled(3, "follow-up")], ..full_snapshot() };
    let mut model = full(80, 24);
    show(&mut model, planned.clone());
    let shown = text(&model);
    assert!(shown.contains("Last: october-news") && shown.contains("57 failed"), "{shown}");
    assert_eq!(press(&mut model, "p"), [Request::Pause(id(3))], "keys act on what is planned");
    press(&mut model, "down enter");
    assert_eq!(
        (model.screen, model.broadcasts.opened.as_ref().map(|one| one.id.clone())),
        (Screen::Broadcasts, Some(id(4)))
    );
    // What is made while the last one is marked is marked then.
    let mut marked = full(80, 24);
    show(&mut marked, Snapshot { open: Vec::new(), ..full_snapshot() });
    assert_eq!(press(&mut marked, "p"), []);
    show(&mut marked, Snapshot { open: vec![running()], ..full_snapshot() });
    assert_eq!(press(&mut marked, "p"), [Request::Pause(id(1))]);
    // Not for ever.
    let old = Snapshot { at: NOW.plus(3 * DAY), ..planned };
    show(&mut model, old);
    press(&mut model, "1");
    assert!(!text(&model).contains("Last: october-news"), "{}", text(&model));
}

#[test]
fn letters_find_a_choice_and_what_was_typed_stays_with_its_choice() {
    let mut model = full(80, 24);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    press(&mut model, "enter tab tab");
    for (letters, chosen) in
        [("c", "column city"), ("p", "column phone"), ("n a", "column name"), ("s", "same text for everybody")]
    {
        press(&mut model, letters);
        assert!(text(&model).contains(&format!("\u{2190} {chosen}")), "{letters}: {}", text(&model));
    }
    // One step to the left of the first column as well.
    press(&mut model, "n left");
    assert!(text(&model).contains("same text for everybody \u{2192}"), "{}", text(&model));
    press(&mut model, "tab");
    type_text(&mut model, "friend");
    press(&mut model, "up c");
    assert!(!text(&model).contains("friend"), "{}", text(&model));
    press(&mut model, "s");
    assert!(text(&model).contains("friend"), "{}", text(&model));
    press(&mut model, "z");
    assert!(model.toast.is_some(), "nothing begins with z");
}

#[test]
fn nothing_is_started_when_nobody_would_get_it() {
    let mut model = at_review(80, 24, |plan| plan.left_out = vec![("opted out (button)".to_owned(), plan.people)]);
    assert!(text(&model).contains("Nobody would get it like this"), "{}", text(&model));
    assert_eq!(press(&mut model, "0 enter"), []);
}

#[test]
fn why_a_key_did_nothing_goes_with_the_next_key() {
    let mut model = full(80, 24);
    press(&mut model, "z");
    assert!(model.toast.is_some());
    press(&mut model, "4");
    assert!(model.toast.is_none());
}

#[test]
fn a_test_names_the_numbers_it_goes_to() {
    let own = vec!["+15550100222".parse().unwrap(), "+15550100333".parse().unwrap()];
    let mut model = at_review(80, 24, |_| {});
    answer(&mut model, Answer::OwnNumbers(Ok(own), false));
    press(&mut model, "t");
    let shown = text(&model);
    assert!(shown.contains("It goes to 2 numbers of your own") && shown.contains("22, +155"), "{shown}");
    let mut none = at_review(80, 24, |_| {});
    answer(&mut none, Answer::OwnNumbers(Ok(Vec::new()), false));
    assert_eq!(press(&mut none, "t"), []);
    assert_eq!(none.place(), Place::Ask, "they are asked for at once");
    type_text(&mut none, "98");
    press(&mut none, "enter");
    let words = "98: no country code: write the number with + and the country code, or name the country of numbers \
                 without + (--country, or default_country in [intake])";
    let refused = ServiceError::new(Kind::Wrong, "bad_phone", words);
    answer(&mut none, Answer::OwnNumbers(Err(refused), true));
    assert!(
        text(&none).contains("with + and the country code") && !text(&none).contains("--country"),
        "{}",
        text(&none)
    );
}

#[test]
fn what_was_said_goes_by_itself_on_every_screen_whatever_happens_next() {
    for screen in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        let mut model = full(80, 24);
        press(&mut model, screen);
        model.say(Role::Plain, "a word");
        assert!(model.needs_clock(), "{screen}: the clock goes on until it is gone");
        // The loop sets the time before it hands any event on.
        model.now = NOW.plus(8 * SECOND);
        update(&mut model, Event::Resize(80, 24));
        assert!(model.toast.is_none(), "{screen}");
    }
}

#[test]
fn what_happened_meanwhile_is_asked_for_again_when_the_store_is_back() {
    let mut model = model(80, 24);
    let away = Snapshot { store_trouble: Some("refused".to_owned()), ..full_snapshot() };
    let asks = |requests: Vec<Request>| requests.contains(&Request::Since(None));
    assert!(!asks(show(&mut model, away)), "there is nobody to answer");
    assert!(asks(show(&mut model, full_snapshot())));
    let error = ServiceError::new(Kind::Unavailable, "store_unavailable", "the store does not answer");
    answer(&mut model, Answer::Since(Box::new(Err(error))));
    assert!(!asks(show(&mut model, full_snapshot())), "not at once");
    let later = Snapshot { at: NOW.plus(MINUTE), ..full_snapshot() };
    assert!(asks(show(&mut model, later.clone())));
    answer(
        &mut model,
        Answer::Since(Box::new(Ok(Some(Since { since: NOW.plus(-HOUR), at: NOW, opt_outs: 3, ..Since::default() })))),
    );
    assert_eq!(model.place(), Place::Since);
    assert!(!asks(show(&mut model, later)), "once told, it is told");
}

#[test]
fn the_demo_does_not_promise_to_go_on() {
    let mut model = full(80, 24);
    model.facts.temporary = true;
    press(&mut model, "q");
    let shown = text(&model);
    assert!(shown.contains("everything in it is gone") && !shown.contains("next start"), "{shown}");
}

#[test]
fn each_field_of_the_set_up_explains_itself() {
    let mut model = model(80, 24);
    model.set_up = Some(SetUpForm::new("/home/asha/.config/wacast/config.toml".into()));
    press(&mut model, "down enter");
    for (name, help, _) in FIELDS {
        let shown = text(&model);
        let first: Vec<&str> = help.split(' ').take(6).collect();
        assert!(shown.contains(&first.join(" ")), "{name}: {shown}");
        assert!(shown.contains("readable for you alone."), "all of the form is in sight: {shown}");
        press(&mut model, "tab");
    }
}

#[test]
fn nothing_of_help_and_of_a_dialogs_footer_is_cut_off() {
    let mut model = full(80, 24);
    for screen in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        press(&mut model, screen);
        press(&mut model, "?");
        for _ in 0..60 {
            let shown = text(&model);
            let body: Vec<&str> = shown.lines().filter(|line| line.starts_with('│')).collect();
            assert!(body.iter().all(|line| !line.contains('…')), "{screen}: {shown}");
            press(&mut model, "down");
        }
        press(&mut model, "esc");
    }
    let wide = |place: Place| -> usize {
        let shown = actions::heard_in(place).filter(|entry| entry.footer);
        shown.map(|entry| entry.shown.chars().count() + entry.word.chars().count() + 3).sum()
    };
    for place in [
        Place::Confirm,
        Place::Choose,
        Place::Count,
        Place::Pace,
        Place::Quit,
        Place::Note,
        Place::WizardList,
        Place::WizardForm,
        Place::Ask,
        Place::Since,
        Place::SetUpChoice,
        Place::SetUpForm,
        Place::Help,
        Place::Palette,
    ] {
        // The blanks behind the last one may be cut.
        assert!(wide(place) <= 81, "{place:?}: {}", wide(place));
    }
}
