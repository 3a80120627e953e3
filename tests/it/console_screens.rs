//! What the screens look like: each at three sizes, full, empty, waiting and in trouble; and that no size breaks them.

use crate::console_fixtures::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use wacast::console::look::{Glyphs, Look, Palette, Role};
use wacast::console::message::{Answer, Event};
use wacast::console::model::Model;
use wacast::console::numbers::RowsFrom;
use wacast::console::set_up_form::SetUpForm;
use wacast::console::update::update;
use wacast::console::view;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::template::Template;
use wacast::domain::time::HOUR;
use wacast::service::error::{Kind, ServiceError};
use wacast::service::import::{ImportDone, ImportProgress};
use wacast::service::view::{Driver, Problem, Snapshot, WhyNotFaster};
use wacast::store::SyncedTemplates;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// Compares a state with its pictures at the three sizes.
pub fn check(name: &str, state: impl Fn(u16, u16) -> Model) {
    for (columns, rows) in SIZES {
        let model = state(columns, rows);
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), text(&model));
    }
}

fn live_with(change: impl Fn(&mut Snapshot)) -> impl Fn(u16, u16) -> Model {
    move |columns, rows| {
        let mut model = full(columns, rows);
        let mut snapshot = full_snapshot();
        change(&mut snapshot);
        show(&mut model, snapshot);
        model
    }
}

#[test]
fn live_while_it_sends() {
    check("live_full", full);
}

#[test]
fn live_before_the_store_answers() {
    check("live_waiting", model);
}

#[test]
fn live_with_nothing_going_out() {
    check("live_empty", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        model
    });
    check("live_idle", live_with(|snapshot| snapshot.open.clear()));
}

#[test]
fn live_in_trouble() {
    check(
        "live_trouble",
        live_with(|snapshot| {
            snapshot.store_trouble = Some("the database does not answer: connection refused".to_owned());
            snapshot.problems = vec![Problem {
                what: "3 people are not sure.".to_owned(),
                advice: "No receipt has come for them; they will not be sent to again.".to_owned(),
                broadcast: None,
            }];
        }),
    );
    check(
        "live_paused",
        live_with(|snapshot| {
            snapshot.rehearsal = true;
            snapshot.receipts.set_up = false;
            snapshot.open = vec![
                paused(
                    2,
                    "a very long label that says far too much about what this broadcast is for ".repeat(2).trim(),
                ),
                scheduled(3, "दिवाली की शुभकामनाएँ 🎉"),
            ];
            snapshot.engine.why =
                WhyNotFaster::SlowedByApi { code: 130_429, messages_per_second: 12.5, until: Some(NOW.plus(HOUR)) };
            snapshot.driver = Driver::Nobody;
        }),
    );
}

#[test]
fn numbers() {
    check("numbers_full", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "3");
        model
    });
    check("numbers_empty", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "3");
        model
    });
}

fn loading(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    press(&mut model, "3 o");
    answer(&mut model, Answer::Folder("/home/asha/in/".into(), Ok(entries())));
    model
}

pub fn checking(columns: u16, rows: u16) -> Model {
    let mut model = loading(columns, rows);
    press(&mut model, "enter");
    answer(&mut model, Answer::Peek(RowsFrom::File("/home/asha/in/customers-nov.xlsx".into()), Ok(peek())));
    model
}

pub fn loaded(columns: u16, rows: u16) -> Model {
    let mut model = checking(columns, rows);
    press(&mut model, "enter");
    let done = ImportDone {
        upload: uploads().remove(0),
        replay: false,
        causes: Vec::new(),
        rejects_path: None,
        notes: vec!["Read as windows-1252.".to_owned()],
    };
    answer(&mut model, Answer::Imported(Ok(done)));
    model
}

#[test]
fn loading_a_file() {
    check("load_pick", loading);
    check("load_check", checking);
    check("load_running", |columns, rows| {
        let mut model = checking(columns, rows);
        press(&mut model, "enter");
        let progress = ImportProgress { received: 20_000, imported: 19_000, duplicates: 990, rejected: 10 };
        answer(&mut model, Answer::Importing(progress));
        update(&mut model, Event::Clock(NOW.plus(2_000)));
        model
    });
    check("load_done", loaded);
}

#[test]
fn what_was_rejected_is_counted_in_full_where_only_the_first_are_at_hand() {
    let mut model = checking(80, 24);
    press(&mut model, "enter");
    let mut upload = uploads().remove(0);
    upload.report.rejected = 1_347;
    assert!((upload.report.rejects.len() as u64) < upload.report.rejected);
    let causes = vec![("no_country".to_owned(), 1_330), ("too_short".to_owned(), 17)];
    let done = ImportDone { upload, replay: false, causes, rejects_path: None, notes: Vec::new() };
    answer(&mut model, Answer::Imported(Ok(done)));
    let shown = text(&model);
    assert!(shown.contains("1,330  no country code") && shown.contains("17  too short"), "{shown}");
    assert!(!shown.contains("of the first"), "{shown}");
}

#[test]
fn templates_screen() {
    check("templates_full", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "4");
        model
    });
    check("templates_pending", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "4 down down");
        model
    });
    check("templates_rejected", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "4");
        let rejected = Template {
            category: "UTILITY".into(),
            sub_category: "ORDER_STATUS".into(),
            rejected_reason: "INVALID_FORMAT".into(),
            ..template("offer_v3", "REJECTED")
        };
        let synced = SyncedTemplates { templates: vec![rejected], synced_at: Some(NOW) };
        answer(&mut model, Answer::Templates(Ok(synced), false));
        model
    });
    check("templates_empty", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "4");
        answer(&mut model, Answer::Templates(Ok(wacast::store::SyncedTemplates::default()), false));
        model
    });
    check("templates_error", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "4");
        let error = ServiceError::new(Kind::Unavailable, "store_away", "the store does not answer: time-out");
        answer(&mut model, Answer::Templates(Err(error), false));
        model
    });
}

#[test]
fn log() {
    check("log_full", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "7 down down");
        model
    });
    check("log_empty", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "7");
        answer(&mut model, Answer::Log(Ok(Vec::new())));
        model
    });
}

pub fn variables(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    press(&mut model, "enter");
    model
}

pub fn when(columns: u16, rows: u16) -> Model {
    let mut model = variables(columns, rows);
    press(&mut model, "tab tab right right right enter right tab");
    type_text(&mut model, "2026-11-09 07:25");
    model
}

#[test]
fn the_wizard() {
    check("wizard_who", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "n down");
        model
    });
    check("wizard_template", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "n enter down down enter");
        model
    });
    check("wizard_variables", variables);
    check("wizard_when", when);
    check("wizard_review", |columns, rows| at_review(columns, rows, |_| ()));
    check("wizard_review_rehearsal", |columns, rows| {
        let mut model = at_review(columns, rows, |plan| {
            plan.rehearsal = true;
            plan.repeat_of = Some(id(9));
            plan.warnings = vec![
                "the templates were fetched 2 days ago".to_owned(),
                "it looks like a repeat: 90000000 went out to the same people with the same template less than a day \
                 ago"
                .to_owned(),
            ];
            plan.budget.as_mut().unwrap().limit = 10_000;
        });
        press(&mut model, "right");
        model
    });
    check("wizard_refused", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "n enter");
        answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
        press(&mut model, "down enter enter");
        let error =
            ServiceError::new(Kind::Wrong, "nobody_to_send_to", "nobody is left to send to: all 12 are left out");
        answer(&mut model, Answer::Planned(1, Box::new(Err(error))));
        model
    });
}

#[test]
fn what_does_not_fit_is_marked() {
    let mut model = full(80, 24);
    let many = (0..12).map(|place| template(&format!("offer_{place:02}"), "PENDING")).collect();
    let many = wacast::store::SyncedTemplates { templates: many, synced_at: Some(NOW) };
    answer(&mut model, Answer::Templates(Ok(many), false));
    press(&mut model, "4");
    assert!(text(&model).contains("↓ 6 more"), "{}", text(&model));
    press(&mut model, "n enter enter");
    assert!(text(&model).contains("only approved templates") && text(&model).contains("↓ 7 more"), "{}", text(&model));
    for place in 0..12 {
        assert!(text(&model).contains(&format!(" offer_{place:02}   ")), "{place}: {}", text(&model));
        press(&mut model, "down enter");
    }
    assert!(text(&model).contains("↑ 7 more"), "{}", text(&model));
    let mut review = at_review(80, 24, |plan| plan.warnings = vec!["a word of warning ".repeat(12)]);
    assert!(text(&review).contains("PgDn: more, with the preview"), "{}", text(&review));
    press(&mut review, "pgdn");
    assert!(text(&review).contains("Hello Asha Rao"), "{}", text(&review));
}

#[test]
fn small_dialogs() {
    check("help", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "?");
        model
    });
    check("palette", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, ": t e m");
        model
    });
    check("cancel", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "x");
        model
    });
    check("pace", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "-");
        model
    });
    check("quit", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "q");
        model
    });
    check("quit_idle", |columns, rows| {
        let mut model = model(columns, rows);
        show(&mut model, empty_snapshot());
        press(&mut model, "q");
        model
    });
}

fn set_up(columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    model.set_up = Some(SetUpForm::new("/home/asha/.config/wacast/config.toml".into()));
    model
}

fn set_up_form(columns: u16, rows: u16) -> Model {
    let mut model = set_up(columns, rows);
    press(&mut model, "down enter");
    update(&mut model, Event::Paste("made-up-token".to_owned()));
    press(&mut model, "tab");
    type_text(&mut model, "5550100");
    press(&mut model, "tab");
    type_text(&mut model, "5550199");
    press(&mut model, "tab tab");
    type_text(&mut model, "Asia/Kolkata");
    press(&mut model, "enter");
    let words = "WhatsApp does not accept the token: it expired on 3 November. Make a new one under API Setup.";
    answer(&mut model, Answer::Checked(wacast::console::set_up::Step::Number, Err(words.to_owned())));
    model
}

#[test]
fn the_set_up() {
    check("set_up", set_up);
    check("set_up_form", set_up_form);
}

#[test]
fn too_small_a_window_says_what_it_needs() {
    insta::assert_snapshot!("too_small_50x10", text(&full(50, 10)));
}

#[test]
fn ascii_terminals_get_ascii() {
    let mut model = full(80, 24);
    model.look = Look { palette: Palette::Mono, glyphs: Glyphs::ASCII };
    let mut snapshot = full_snapshot();
    snapshot.lists.retain(|list| list.name.is_ascii());
    show(&mut model, snapshot);
    model.toast = None;
    for keys in ["1", "2", "2 enter", "3", "4 down", "5", "6", "7", "8", "1 ?", "esc q", "esc : t"] {
        press(&mut model, keys);
        let shown = text(&model);
        let foreign: String = shown.chars().filter(|letter| !letter.is_ascii()).collect();
        // The sample template itself has an emoji and Devanagari.
        let ours: String = foreign.chars().filter(|letter| "…•●○‖✓✗▸█░▁┄─│┌┐└┘←→↑↓".contains(*letter)).collect();
        assert_eq!(ours, "", "after {keys}:\n{shown}");
    }
}

fn style_of(buffer: &Buffer, wanted: &str) -> Style {
    let text = text_of(buffer);
    let (row, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(wanted))
        .unwrap_or_else(|| panic!("no {wanted} in\n{text}"));
    let column = line[..line.find(wanted).unwrap()].chars().count();
    buffer[(u16::try_from(column).unwrap(), u16::try_from(row).unwrap())].style()
}

#[test]
fn real_and_rehearsal_look_different_in_every_palette() {
    for palette in [Palette::Default, Palette::Mono, Palette::ColourBlind, Palette::HighContrast] {
        let mut styles = Vec::new();
        for rehearsal in [false, true] {
            let mut model = full(80, 24);
            model.look = in_palette(palette);
            show(&mut model, Snapshot { rehearsal, ..full_snapshot() });
            styles.push(style_of(&drawn(&model), if rehearsal { "REHEARSAL" } else { "REAL" }));
        }
        assert_ne!(styles[0], styles[1], "{palette:?}");
    }
}

#[test]
fn the_marked_row_stands_out_in_every_palette() {
    for palette in [Palette::Default, Palette::Mono, Palette::ColourBlind, Palette::HighContrast] {
        let mut model = full(80, 24);
        model.look = in_palette(palette);
        press(&mut model, "4");
        let buffer = drawn(&model);
        assert_ne!(style_of(&buffer, "offer_v2"), style_of(&buffer, "greeting"), "{palette:?}");
    }
    let mut model = full(80, 24);
    model.look = in_palette(Palette::Mono);
    press(&mut model, "4");
    assert!(style_of(&drawn(&model), "offer_v2").add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn what_cannot_be_done_is_dim_in_the_footer() {
    let narrow = text(&full(80, 24));
    assert!(narrow.contains("q quit") && !narrow.contains("r go on"), "what can be done goes first: {narrow}");
    let model = full(120, 24);
    let dim = Look::default().style(Role::Dim);
    let key = Look::default().style(Role::Key);
    let buffer = drawn(&model);
    let footer = Rect { y: 23, height: 1, ..buffer.area };
    let styles: Vec<(String, Modifier)> = footer
        .positions()
        .map(|place| (buffer[place].symbol().to_owned(), buffer[place].style().add_modifier))
        .collect();
    let of = |letter: &str| styles.iter().find(|(symbol, _)| symbol == letter).unwrap().1;
    assert_eq!(of("p"), key.add_modifier, "pausing is possible");
    assert_eq!(of("r"), dim.add_modifier, "there is nothing to resume");
}

/// Every state at every size up to 90x30. The states are built once; only drawing is repeated.
#[test]
fn no_size_panics() {
    let states: Vec<Model> = vec![
        full(80, 24),
        model(80, 24),
        live_with(|snapshot| {
            snapshot.open = (0..9).map(|place| paused(place, "x")).collect();
            let mut preparing = running();
            preparing.broadcast.status = BroadcastStatus::Preparing;
            snapshot.open.push(preparing);
            snapshot.open[0].counts.set(RecipientState::Cancelled, 7);
        })(80, 24),
        live_with(|snapshot| snapshot.open.clear())(80, 24),
        loading(80, 24),
        checking(80, 24),
        loaded(80, 24),
        variables(80, 24),
        when(80, 24),
        at_review(80, 24, |_| ()),
        set_up(80, 24),
        set_up_form(80, 24),
        crate::console_events::listed(80, 24),
        crate::console_settings::listed(80, 24),
        crate::console_settings::asked(80, 24),
        crate::console_settings::token(80, 24),
        crate::console_since::card(80, 24),
        crate::console_everywhere::choosing_among_many(80, 24),
        crate::console_review::every(80, 24),
        crate::console_review::costly(80, 24),
    ]
    .into_iter()
    .chain(crate::console_numbers::states())
    .chain(
        [
            "2",
            "enter",
            "3",
            "4",
            "5",
            "6",
            "7",
            "8",
            "w",
            "x",
            "e",
            "n",
            "n enter",
            "?",
            ":",
            "-",
            "q",
            "f",
            "n /",
            "n ? ctrl-c",
        ]
        .map(|keys| {
            let mut model = full(80, 24);
            press(&mut model, keys);
            model
        }),
    )
    .collect();
    std::thread::scope(|scope| {
        for half in states.chunks(states.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(sweep));
        }
    });
}

fn sweep(state: &Model) {
    let mut model = state.clone();
    for columns in 1..=90 {
        for rows in 1..=30 {
            model.size = (columns, rows);
            let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
            if let Some(cursor) = view::render(&model, &mut buffer).cursor {
                assert!(cursor.x < columns && cursor.y < rows, "the cursor is on the screen at {columns}x{rows}");
            }
        }
    }
}

#[test]
fn no_phone_is_shown_whole() {
    for keys in ["1", "2", "3", "7", "n"] {
        let mut model = full(200, 50);
        press(&mut model, keys);
        assert!(!text(&model).contains("15550100"), "{}", text(&model));
    }
    for model in [at_review(200, 50, |_| ()), checking(200, 50)] {
        assert!(!text(&model).contains("15550100"), "{}", text(&model));
    }
}
