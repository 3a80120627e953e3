//! "Since you were last here": when the card comes, what it tells, where its rows lead.

use crate::console_fixtures::*;
use crate::console_screens::check;
use wacast::console::actions::Place;
use wacast::console::message::{Answer, Request};
use wacast::console::model::{Model, Screen};
use wacast::domain::ids::ScheduleId;
use wacast::domain::state::PauseReason;
use wacast::domain::time::{DAY, HOUR};
use wacast::service::since::{Imported, Occurrence, Outcome, Since, TemplatePause};
use wacast::service::view::Cause;

fn quiet() -> Since {
    Since { since: NOW.plus(-22 * HOUR), at: NOW, ..Since::default() }
}

fn eventful() -> Since {
    let mut held = paused(2, "loyalty");
    held.broadcast.reason = Some(PauseReason::Auth);
    "WhatsApp does not accept the access token any more".clone_into(&mut held.broadcast.detail);
    let occurrence = |outcome, broadcast| Occurrence {
        schedule: ScheduleId::from_random(5),
        planned_at: NOW.plus(-5 * HOUR),
        outcome,
        broadcast,
    };
    Since {
        finished: vec![ended(4, "october-news")],
        held: vec![held],
        in_doubt: vec![(id(4), 3)],
        failures: vec![Cause {
            code: 131_026,
            title: "not reachable on WhatsApp".to_owned(),
            advice: String::new(),
            count: 57,
        }],
        occurrences: vec![occurrence(Outcome::Missed, None), occurrence(Outcome::Fired, Some(id(4)))],
        template_pauses: vec![TemplatePause {
            broadcast: id(2),
            at: NOW.plus(-3 * HOUR),
            detail: "offer_v2 was paused for its quality".to_owned(),
        }],
        opt_outs: 12,
        imports: vec![Imported {
            list: "diwali".to_owned(),
            source: "customers-nov.xlsx".to_owned(),
            at: NOW.plus(-3 * HOUR),
            received: 48_700,
            imported: 48_592,
            rejected: 8,
        }],
        ..quiet()
    }
}

/// The console at its start, with what happened meanwhile.
fn opened(columns: u16, rows: u16, told: Since) -> Model {
    let mut model = full(columns, rows);
    answer(&mut model, Answer::Since(Box::new(Ok(Some(told)))));
    model
}

/// The card over Live.
pub fn card(columns: u16, rows: u16) -> Model {
    opened(columns, rows, eventful())
}

#[test]
fn the_card() {
    check("since", card);
    check("since_long", |columns, rows| {
        let mut told = eventful();
        let name = "a label that says far too much about what it is for ".repeat(3);
        told.finished = (0..40).map(|random| ended(100 + random, &name)).collect();
        told.more = true;
        opened(columns, rows, told)
    });
    check("since_quiet", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "L");
        answer(&mut model, Answer::Since(Box::new(Ok(Some(quiet())))));
        model
    });
}

#[test]
fn it_is_asked_for_once_when_the_store_is_there() {
    let mut model = model(80, 24);
    let asked = |requests: Vec<Request>| requests.contains(&Request::Since(None));
    assert!(asked(show(&mut model, full_snapshot())));
    assert!(!asked(show(&mut model, full_snapshot())));
}

#[test]
fn it_comes_by_itself_only_with_something_to_tell() {
    assert_eq!(card(80, 24).place(), Place::Since);
    assert_eq!(opened(80, 24, quiet()).place(), Place::Live);
    let mut first = full(80, 24);
    answer(&mut first, Answer::Since(Box::new(Ok(None))));
    assert!(first.dialogs.is_empty() && first.toast.is_none(), "nothing on the very first start");
    let mut busy = full(80, 24);
    press(&mut busy, "n");
    answer(&mut busy, Answer::Since(Box::new(Ok(Some(eventful())))));
    assert_eq!(busy.place(), Place::WizardList, "never over what somebody does");
    assert!(busy.toast.unwrap().text.contains("L shows it"));
}

#[test]
fn l_and_the_palette_show_it_again_from_the_same_moment() {
    let mut model = opened(80, 24, quiet());
    for keys in ["L", ": l a s t enter"] {
        assert_eq!(press(&mut model, keys), [Request::Since(Some(NOW.plus(-22 * HOUR)))], "{keys}");
    }
    answer(&mut model, Answer::Since(Box::new(Ok(Some(quiet())))));
    assert!(text(&model).contains("Nothing happened."), "{}", text(&model));
    press(&mut model, "esc");
    let mut first = full(80, 24);
    press(&mut first, "L");
    answer(&mut first, Answer::Since(Box::new(Ok(None))));
    assert!(first.toast.unwrap().text.contains("first time"));
}

#[test]
fn every_row_leads_to_where_it_can_be_looked_at() {
    // In their order: held, not sure, missed, started, completed, failed, template, loaded, opted out.
    for (downs, screen, broadcast) in [
        (0, Screen::Broadcasts, Some(id(2))),
        (1, Screen::Broadcasts, Some(id(4))),
        (2, Screen::Schedule, None),
        (3, Screen::Broadcasts, Some(id(4))),
        (4, Screen::Broadcasts, Some(id(4))),
        (5, Screen::Broadcasts, Some(id(4))),
        (6, Screen::Broadcasts, Some(id(2))),
        (7, Screen::Numbers, None),
        (8, Screen::Numbers, None),
        (99, Screen::Numbers, None),
    ] {
        let mut model = card(80, 24);
        for _ in 0..downs {
            press(&mut model, "down");
        }
        press(&mut model, "enter");
        assert_eq!(model.screen, screen, "{downs}");
        assert_eq!(model.broadcasts.opened.as_ref().map(|opened| opened.id.clone()), broadcast, "{downs}");
        assert!(model.dialogs.is_empty(), "{downs}");
    }
    let mut model = card(80, 24);
    press(&mut model, "esc");
    assert_eq!((model.place(), model.screen), (Place::Live, Screen::Live));
}

#[test]
fn the_day_is_said_when_it_was_another() {
    let told = Since { since: NOW.plus(-2 * DAY), ..eventful() };
    assert!(text(&opened(120, 40, told)).contains("last here (Fri 6 Nov 17:05 IST, 2 days ago)"));
}
