//! The Settings screen: what it shows, changing a setting, the own numbers, a new access token.

use crate::console_fixtures::*;
use crate::console_screens::check;
use wacast::console::actions::Place;
use wacast::console::look::{Glyphs, Look, Palette};
use wacast::console::message::{Answer, Event, Request};
use wacast::console::model::Model;
use wacast::console::settings::{AllSettings, Counts, Lies, Setting, SettingWritten};
use wacast::console::settings_list;
use wacast::console::update::update;
use wacast::domain::account::TokenStanding;
use wacast::domain::time::{DAY, HOUR};
use wacast::service::error::{Kind, ServiceError};
use wacast::service::token::TokenTaken;

const FILE: &str = "/home/asha/.config/wacast/config.toml";

fn setting(section: &str, name: &str, value: &str, counts: Option<Counts>) -> Setting {
    Setting {
        section: section.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        from: "default".to_owned(),
        what: format!("What {name} is for, in one line."),
        counts,
        expects: "text in quotes".to_owned(),
        ..Setting::default()
    }
}

fn all() -> AllSettings {
    let mut account = setting("whatsapp", "phone_number_id", "5550100", None);
    account.from = format!("{FILE}, line 3");
    let mut pace = setting("sender", "messages_per_second", "60", Some(Counts::NextStart));
    "messages a second".clone_into(&mut pace.unit);
    pace.next = Some("40".to_owned());
    pace.from = format!("{FILE}, line 12");
    "a number from 0 to 100000".clone_into(&mut pace.expects);
    let mut palette = setting("console", "palette", "default", Some(Counts::AtOnce));
    palette.choices = ["default", "mono", "colour-blind", "high-contrast"].map(str::to_owned).to_vec();
    let mut privacy = setting("console", "privacy", "true", Some(Counts::AtOnce));
    privacy.choices = vec!["true".to_owned(), "false".to_owned()];
    let long = "a value that is far too long for any line of any screen ".repeat(6);
    let lies = |name: &str, path: &str, what: &str| Lies {
        name: name.to_owned(),
        path: path.to_owned(),
        what: what.to_owned(),
    };
    AllSettings {
        settings: vec![
            account,
            setting("whatsapp", "access_token", "set", None),
            setting("http", "forward_webhooks", &long, None),
            setting("intake", "default_country", "not set", Some(Counts::NextStart)),
            pace,
            setting("console", "time_zone", "Asia/Kolkata", Some(Counts::NextStart)),
            privacy,
            palette,
        ],
        places: vec![
            lies("configuration", FILE, "what is set here"),
            lies("store", "/var/lib/wacast/wacast.db", "numbers, broadcasts, and who got what"),
        ],
    }
}

fn standing(days: i64) -> TokenStanding {
    TokenStanding {
        checked_at: NOW.plus(-HOUR),
        trouble: String::new(),
        ends_at: Some(NOW.plus(days * DAY)),
        end_known: true,
        not_renewed: String::new(),
    }
}

/// The screen with everything there.
pub fn listed(columns: u16, rows: u16) -> Model {
    let mut model = full(columns, rows);
    let mut snapshot = full_snapshot();
    snapshot.account.token = Some(standing(59));
    "listens on 127.0.0.1:8080".clone_into(&mut snapshot.http);
    show(&mut model, snapshot);
    press(&mut model, "8");
    answer(&mut model, Answer::Settings(Ok(all())));
    let own = vec!["+15550100111".parse().unwrap(), "+15550100122".parse().unwrap()];
    answer(&mut model, Answer::OwnNumbers(Ok(own), false));
    model
}

/// Marks the row of this name.
fn mark(model: &mut Model, name: &str) {
    let place = settings_list::rows(model).iter().position(|row| row.name() == name);
    model.settings.list.cursor = place.unwrap_or_else(|| panic!("no row {name}"));
}

/// A setting being typed, refused once.
pub fn asked(columns: u16, rows: u16) -> Model {
    let mut model = listed(columns, rows);
    mark(&mut model, "messages_per_second");
    press(&mut model, "enter");
    type_text(&mut model, "0000000");
    press(&mut model, "enter");
    let words = "sender.messages_per_second: expected a number from 0 to 100000, found \"400000000\"";
    answer(&mut model, Answer::SettingWritten(Box::new(Err(words.to_owned()))));
    model
}

/// A token that was refused, and another one pasted.
pub fn token(columns: u16, rows: u16) -> Model {
    let mut model = listed(columns, rows);
    press(&mut model, "T");
    update(&mut model, Event::Paste("EAAG-made-up-token".to_owned()));
    press(&mut model, "enter");
    let words =
        "this token will not do: it has expired (Session has expired on Sunday, 08-Nov-26); nothing was changed";
    let refused = ServiceError::new(Kind::Wrong, "token_refused", words);
    answer(&mut model, Answer::TokenTaken(Box::new(Err(refused))));
    update(&mut model, Event::Paste("EAAG-another-one".to_owned()));
    model
}

fn written(name: &str, after: &str) -> SettingWritten {
    SettingWritten {
        key: format!("console.{name}"),
        path: FILE.into(),
        before: "default".to_owned(),
        after: after.to_owned(),
        counts: Counts::AtOnce,
        overridden_by: None,
        look: Look::default(),
        privacy: true,
    }
}

#[test]
fn the_screen() {
    check("settings_full", listed);
    check("settings_waiting", |columns, rows| {
        let mut model = model(columns, rows);
        press(&mut model, "8");
        model
    });
    check("settings_error", |columns, rows| {
        let mut model = full(columns, rows);
        press(&mut model, "8");
        answer(&mut model, Answer::Settings(Err(format!("cannot read {FILE}: permission denied"))));
        model
    });
    check("settings_marked", |columns, rows| {
        let mut model = listed(columns, rows);
        mark(&mut model, "messages_per_second");
        model
    });
    check("settings_asked", asked);
    check("settings_choose", |columns, rows| {
        let mut model = listed(columns, rows);
        mark(&mut model, "palette");
        press(&mut model, "enter");
        model
    });
    check("settings_token", token);
}

#[test]
fn showing_it_asks_for_what_it_shows() {
    let mut model = full(80, 24);
    assert_eq!(press(&mut model, "8"), [Request::Settings, Request::OwnNumbers]);
}

#[test]
fn keys_change_what_may_be_changed_and_nothing_else() {
    let set = |section: &str, name: &str, value: &str| {
        vec![Request::SetSetting { section: section.to_owned(), name: name.to_owned(), value: value.to_owned() }]
    };
    for (name, keys, wanted) in [
        ("palette", "enter down enter", set("console", "palette", "mono")),
        ("palette", "enter esc", vec![]),
        ("privacy", "enter down enter", set("console", "privacy", "false")),
        ("time_zone", "enter backspace enter", set("console", "time_zone", "Asia/Kolkat")),
        ("messages_per_second", "enter backspace 5 enter", set("sender", "messages_per_second", "45")),
        ("messages_per_second", "enter 1 esc", vec![]),
        // What is not set begins with nothing in the field, and nothing is written for nothing.
        ("default_country", "enter enter", vec![]),
        ("default_country", "enter I N enter", set("intake", "default_country", "IN")),
        ("phone_number_id", "enter", vec![]),
        ("store", "enter", vec![]),
        // Both rows of the token open the field for a new one.
        ("access_token", "enter x esc", vec![]),
    ] {
        let mut model = listed(80, 24);
        mark(&mut model, name);
        assert_eq!(press(&mut model, keys), wanted, "{name}: {keys}");
    }
    for name in ["access token", "access_token"] {
        let mut model = listed(80, 24);
        mark(&mut model, name);
        press(&mut model, "enter");
        assert!(text(&model).contains("Replace the access token"), "{name}: {}", text(&model));
    }
}

#[test]
fn what_is_not_changed_here_says_why() {
    for (name, why) in [
        ("phone_number_id", "Enter (change) not now: a slip in it would do harm: it is changed in the file itself."),
        ("store", "Enter (change) not now: this is not a setting."),
    ] {
        let mut model = listed(80, 24);
        mark(&mut model, name);
        press(&mut model, "enter");
        assert_eq!(model.toast.unwrap().text, why);
    }
    let mut watching = listed(80, 24);
    watching.facts.read_only = true;
    for (name, keys) in [("palette", "enter"), ("own numbers", "enter"), ("access token", "enter"), ("palette", "T")] {
        mark(&mut watching, name);
        assert_eq!(press(&mut watching, keys), []);
        assert!(watching.dialogs.is_empty());
        assert!(watching.toast.as_ref().unwrap().text.contains("--read-only"));
    }
}

#[test]
fn the_look_counts_at_once_and_what_overrides_it_is_said() {
    let mut model = listed(80, 24);
    let ascii = Look { palette: Palette::Mono, glyphs: Glyphs::ASCII };
    let mono = SettingWritten { look: ascii, ..written("palette", "mono") };
    let again = answer(&mut model, Answer::SettingWritten(Box::new(Ok(mono))));
    assert_eq!(again, [Request::Settings], "the rows are read anew");
    assert_eq!(model.look, ascii);
    assert_eq!(
        model.toast.as_ref().unwrap().text,
        "console.palette is mono now (was default): it counts here at once."
    );
    let shown = SettingWritten { privacy: false, ..written("privacy", "false") };
    answer(&mut model, Answer::SettingWritten(Box::new(Ok(shown))));
    assert!(text(&model).contains("+15550100111"), "{}", text(&model));
    let over = Some("environment variable WACAST_CONSOLE__PRIVACY".to_owned());
    let masked = SettingWritten { overridden_by: over, ..written("privacy", "false") };
    answer(&mut model, Answer::SettingWritten(Box::new(Ok(masked))));
    let said = model.toast.as_ref().unwrap().text.clone();
    assert!(said.contains("WACAST_CONSOLE__PRIVACY goes over the file"), "{said}");
    assert!(!text(&model).contains("15550100111"));
}

#[test]
fn what_was_refused_stays_in_the_field_with_the_reason() {
    let mut model = asked(80, 24);
    assert!(text(&model).contains("expected a number from 0 to 100000"), "{}", text(&model));
    press(&mut model, "backspace");
    assert!(!text(&model).contains("found \"400000000\""), "typing takes the words away");
    press(&mut model, "enter");
    answer(&mut model, Answer::SettingWritten(Box::new(Ok(written("x", "y")))));
    assert_eq!(model.place(), Place::Settings);
}

#[test]
fn own_numbers_are_replaced_as_a_whole() {
    for (typed, wanted) in [
        ("+1 555 010 0111, +15550100122;", vec!["+1 555 010 0111", "+15550100122"]),
        ("-", vec![]),
        ("98200 00000", vec!["98200 00000"]),
    ] {
        let mut model = listed(80, 24);
        mark(&mut model, "own numbers");
        press(&mut model, "enter");
        type_text(&mut model, typed);
        let wanted = wanted.into_iter().map(str::to_owned).collect();
        assert_eq!(press(&mut model, "enter"), [Request::SetOwnNumbers(wanted)], "{typed}");
    }
    let mut model = listed(80, 24);
    mark(&mut model, "own numbers");
    press(&mut model, "enter 9 enter");
    let bad = ServiceError::new(Kind::Wrong, "bad_phone", "9: too short to be a phone number");
    answer(&mut model, Answer::OwnNumbers(Err(bad), true));
    assert!(text(&model).contains("too short"), "{}", text(&model));
    press(&mut model, "enter");
    answer(&mut model, Answer::OwnNumbers(Ok(vec!["+15550100133".parse().unwrap()]), true));
    assert_eq!(model.place(), Place::Settings);
    let shown = text(&model);
    assert!(shown.contains("1 number") && !shown.contains("15550100133"), "{shown}");
}

#[test]
fn a_token_is_shown_in_no_frame_and_in_no_print_out() {
    let secret = "EAAG-made-up-token";
    let mut model = listed(200, 50);
    press(&mut model, "T");
    for letter in secret.chars() {
        type_text(&mut model, &letter.to_string());
        assert!(!text(&model).contains("EAA"), "{}", text(&model));
    }
    assert!(text(&model).contains(&"•".repeat(secret.len())), "{}", text(&model));
    assert!(!format!("{model:?}").contains("made-up"));
    let asked = press(&mut model, "enter");
    assert!(matches!(asked.as_slice(), [Request::TakeToken(_)]), "{asked:?}");
    assert!(!format!("{asked:?}").contains("made-up"));
    assert!(!text(&model).contains("EAA"));
    assert_eq!(press(&mut model, "enter"), [], "it is asked once");
    let refused = ServiceError::new(Kind::Wrong, "token_refused", "this token will not do: it has expired");
    answer(&mut model, Answer::TokenTaken(Box::new(Err(refused))));
    let shown = text(&model);
    assert!(shown.contains("it has expired") && !shown.contains("Token •"), "the field is empty again: {shown}");
    assert_eq!(press(&mut model, "enter"), []);
    press(&mut model, "esc");
    assert!(!text(&model).contains("EAA"));
}

#[test]
fn a_token_that_was_taken_says_what_goes_on_and_who_has_not_noticed() {
    for (resumed, not_noticed_by) in [(vec![], None), (vec![id(3)], None), (vec![], Some("vps-2".to_owned()))] {
        let mut model = listed(80, 24);
        press(&mut model, "T");
        update(&mut model, Event::Paste("EAAG-made-up-token".to_owned()));
        press(&mut model, "enter");
        let (goes_on, elsewhere) = (!resumed.is_empty(), not_noticed_by.is_some());
        let taken = TokenTaken { standing: standing(60), resumed, not_noticed_by };
        answer(&mut model, Answer::TokenTaken(Box::new(Ok(taken))));
        let shown = text(&model);
        assert!(shown.contains("valid for 60 more days"), "{shown}");
        assert_eq!(shown.contains("1 broadcast had been paused") && shown.contains("follow-up"), goes_on, "{shown}");
        assert_eq!(shown.contains("on vps-2, has not noticed it"), elsewhere, "{shown}");
        press(&mut model, "esc");
        assert_eq!(model.place(), Place::Settings);
    }
}

#[test]
fn rows_are_found_by_words_and_copied() {
    let mut model = listed(80, 24);
    press(&mut model, "/ p a c e enter");
    let names: Vec<String> = settings_list::rows(&model).iter().map(|row| row.name().to_owned()).collect();
    assert_eq!(names, ["pace"]);
    press(&mut model, "/ esc");
    mark(&mut model, "own numbers");
    let copied = press(&mut model, "y");
    assert!(
        matches!(copied.as_slice(), [Request::Copy(line)] if line.starts_with("account.own numbers = 2 numbers") && !line.contains("15550100")),
        "{copied:?}"
    );
}
