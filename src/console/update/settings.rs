//! What keys do on the Settings screen, and what comes of it: settings, own numbers, the access token; and tests that
//! wait for own numbers.

use super::super::ask::{Ask, Wants};
use super::super::dialog::{Choice, Choose, Confirm, Dialog, Note};
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::{Load, Model};
use super::super::settings::{AllSettings, Counts, Setting, SettingWritten};
use super::super::settings_list::{self, Row};
use super::super::text::{counted, shown_phone};
use super::super::words;
use crate::domain::broadcast::{Broadcast, Number};
use crate::domain::ids::BroadcastId;
use crate::domain::phone::Phone;
use crate::service::error::ServiceError;
use crate::service::token::{self, TokenTaken};
use crate::service::view::BroadcastRequest;

/// Whether the marked row is changed here; else why not.
pub(super) fn may_change(model: &Model) -> Result<(), String> {
    let Some(row) = settings_list::marked(model) else { return Err("nothing is marked".to_owned()) };
    if model.facts.read_only {
        return Err("this console only watches (--read-only)".to_owned());
    }
    match row {
        row if row.is_changed_here() => Ok(()),
        Row::Setting(_) if !can_be_kept(model) => {
            Err("there is no configuration file here that would keep it".to_owned())
        }
        Row::Setting(_) => Err("a slip in it would do harm: it is changed in the file itself".to_owned()),
        _ => Err("this is not a setting".to_owned()),
    }
}

/// Whether there is a file that settings are kept in: a demo has none.
fn can_be_kept(model: &Model) -> bool {
    let kept = |row: &Row| matches!(row, Row::Setting(setting) if setting.counts.is_some());
    settings_list::rows(model).iter().any(kept)
}

/// Opens what changes the marked row.
pub(super) fn change(model: &mut Model) -> Vec<Request> {
    match settings_list::marked(model) {
        Some(Row::Token(_)) => return ask_for_token(model),
        Some(Row::OwnNumbers(_)) => ask_for_own_numbers(model, None),
        Some(Row::Setting(setting)) if setting.is_token() => return ask_for_token(model),
        Some(Row::Setting(setting)) if setting.choices.is_empty() => {
            let lines = about(&setting);
            let now = setting.next.as_ref().unwrap_or(&setting.value);
            let value = if matches!(now.as_str(), "not set" | "none") { "" } else { now };
            model.dialogs.push(Dialog::Ask(Box::new(Ask::setting(&setting.section, &setting.name, value, lines))));
        }
        Some(Row::Setting(setting)) => choose(model, &setting),
        _ => {}
    }
    Vec::new()
}

/// Asks for a new access token.
pub(super) fn ask_for_token(model: &mut Model) -> Vec<Request> {
    model.dialogs.push(Dialog::Ask(Box::new(Ask::token())));
    Vec::new()
}

fn ask_for_own_numbers(model: &mut Model, test: Option<(BroadcastRequest, Option<Number>)>) {
    let noted = match model.settings.own.get() {
        Some(own) if !own.is_empty() => masked(model, own),
        _ => "none".to_owned(),
    };
    model.dialogs.push(Dialog::Ask(Box::new(Ask::own_numbers(&noted, test))));
}

/// Asks whether a message is to go to the own numbers, which it names: it costs like any other. Without own numbers it
/// asks for them.
pub(in crate::console) fn ask_to_test(model: &mut Model, test: (BroadcastRequest, Option<Number>)) {
    let to = match model.settings.own.get() {
        Some(own) if own.is_empty() => {
            ask_for_own_numbers(model, Some(test));
            return;
        }
        Some(own) => format!("It goes to {} of your own: {}.", counted(own.len() as u64, "number"), masked(model, own)),
        None => "It goes to the numbers of your own that are noted in Settings (8).".to_owned(),
    };
    let costs = if model.rehearsal() == Some(true) {
        "This is a rehearsal: it goes to the sandbox and costs nothing."
    } else {
        "It costs what any message to them costs."
    };
    let confirm = Confirm {
        title: "Send this message to your own numbers?".to_owned(),
        text: format!(
            "{to}\nThey get it at once, as the preview shows it; nobody else does. {costs}\nSettings (8), own numbers, \
             changes them."
        ),
        keep: "not now",
        act: "send the test",
        on_act: false,
        requests: vec![Request::Test(Box::new(test))],
    };
    model.dialogs.push(Dialog::Confirm(Box::new(confirm)));
}

fn masked(model: &Model, phones: &[Phone]) -> String {
    let shown = phones.iter().map(|phone| shown_phone(*phone, model.facts.privacy, model.look.glyphs.mask));
    shown.collect::<Vec<_>>().join(", ")
}

/// What a setting is for, what it takes, when it counts.
fn about(setting: &Setting) -> Vec<String> {
    let counts = match setting.counts {
        Some(Counts::AtOnce) => "It counts in this console at once, elsewhere from the next start on.",
        _ => "It counts from the next start on; what runs now goes on as it is.",
    };
    vec![setting.what.clone(), format!("Takes {}. Now from: {}.", setting.expects, setting.from), counts.to_owned()]
}

/// One of a few words.
fn choose(model: &mut Model, setting: &Setting) {
    let request = |value: &String| Request::SetSetting {
        section: setting.section.clone(),
        name: setting.name.clone(),
        value: value.clone(),
    };
    let choices: Vec<_> = setting.choices.iter().map(|word| (word.clone(), Choice::Do(request(word)))).collect();
    let now = setting.next.as_ref().unwrap_or(&setting.value);
    let cursor = setting.choices.iter().position(|word| word == now).unwrap_or(0);
    let title = format!("{}.{}", setting.section, setting.name);
    let choose = Choose { title, text: about(setting).join("\n"), cursor, choices };
    model.dialogs.push(Dialog::Choose(Box::new(choose)));
}

/// How wacast is set came.
pub(super) fn read(model: &mut Model, all: Result<AllSettings, String>) {
    match all {
        Ok(all) => model.settings.all = Load::Here(all),
        Err(words) => {
            if model.settings.all.get().is_none() {
                model.settings.all = Load::Failed(words.clone());
            }
            model.say(Role::Bad, words);
        }
    }
}

/// The dialog that waits for an answer.
fn waiting(model: &Model) -> Option<usize> {
    model.dialogs.iter().rposition(|dialog| matches!(dialog, Dialog::Ask(ask) if ask.waiting))
}

/// What was entered will not do: the dialog says why, or the toast when it is gone.
fn refuse(model: &mut Model, words: String) {
    let place = waiting(model);
    match place.and_then(|place| model.dialogs.get_mut(place)) {
        Some(Dialog::Ask(ask)) => ask.refused(words),
        _ => model.say(Role::Bad, words),
    }
}

/// Takes the dialog away that waited.
fn take_waiting(model: &mut Model) -> Option<Ask> {
    let place = waiting(model)?;
    if let Dialog::Ask(ask) = model.dialogs.remove(place) { Some(*ask) } else { None }
}

/// A setting was written, or not.
pub(super) fn written(model: &mut Model, written: Result<SettingWritten, String>) -> Vec<Request> {
    match written {
        Ok(written) => {
            take_waiting(model);
            let key = &written.key;
            let when = match (&written.overridden_by, written.counts) {
                (Some(over), _) => format!("but the {over} goes over the file, so it does not count yet"),
                (None, Counts::AtOnce) => "it counts here at once".to_owned(),
                (None, Counts::NextStart) => "it counts from the next start on".to_owned(),
            };
            let role = if written.overridden_by.is_some() { Role::Warn } else { Role::Good };
            let words = format!("{key} is {} now (was {}): {when}.", written.after, written.before);
            model.look = written.look;
            model.facts.privacy = written.privacy;
            model.say(role, words);
            vec![Request::Settings]
        }
        Err(words) => {
            refuse(model, words);
            Vec::new()
        }
    }
}

/// The own numbers came, or were changed.
pub(super) fn own_numbers(model: &mut Model, own: Result<Vec<Phone>, ServiceError>, changed: bool) -> Vec<Request> {
    if !changed {
        if let Err(words) = model.settings.own.take(own) {
            model.say(Role::Bad, words);
        }
        return Vec::new();
    }
    match own {
        Ok(own) => {
            let ask = take_waiting(model);
            let words = if own.is_empty() {
                "No numbers of your own are noted any more.".to_owned()
            } else {
                format!("Noted: {}.", masked(model, &own))
            };
            model.say(Role::Good, words);
            let none = own.is_empty();
            model.settings.own = Load::Here(own);
            match ask.map(|ask| ask.wants) {
                Some(Wants::OwnNumbers(Some(test))) if !none => vec![Request::Test(test)],
                _ => Vec::new(),
            }
        }
        Err(error) => {
            // What is said to whoever loads a file does not help here.
            let words = error.message.split(", or name the country").next().unwrap_or_default().to_owned();
            refuse(model, words);
            Vec::new()
        }
    }
}

/// A new access token was taken, or not.
pub(super) fn token_taken(model: &mut Model, taken: Result<TokenTaken, ServiceError>) {
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => {
            refuse(model, error.message);
            return;
        }
    };
    take_waiting(model);
    let standing = token::words(&taken.standing, model.now);
    if taken.resumed.is_empty() && taken.not_noticed_by.is_none() {
        model.say(Role::Good, format!("The new token is in use: {standing}."));
        return;
    }
    let mut lines = Vec::new();
    if let Some(host) = &taken.not_noticed_by {
        lines.push(format!("The new token is kept on this machine: {standing}."));
        lines.push(format!(
            "The wacast that sends, on {host}, has not noticed it and stays paused: replace the token there, too."
        ));
    } else {
        lines.push(format!("The new token is in use: {standing}."));
    }
    if !taken.resumed.is_empty() {
        let goes = if taken.resumed.len() == 1 { "goes" } else { "go" };
        let many = counted(taken.resumed.len() as u64, "broadcast");
        lines.push(String::new());
        lines.push(format!("{many} had been paused for the old one and now {goes} on:"));
        let name = |id: &BroadcastId| {
            let known = model.open().iter().find(|view| view.broadcast.id == *id);
            known.map_or_else(|| id.to_string(), words::name_of)
        };
        lines.extend(taken.resumed.iter().map(|id| format!("  {}", name(id))));
    }
    let note = Note { title: "The new token".to_owned(), lines, scroll: 0 };
    model.dialogs.push(Dialog::Note(Box::new(note)));
}

/// A test went out, or not. Without own numbers it waits until they are entered.
pub(super) fn tested(
    model: &mut Model,
    test: (BroadcastRequest, Option<Number>),
    answer: Result<Broadcast, ServiceError>,
) {
    match answer {
        Ok(broadcast) => {
            let to = counted(u64::from(broadcast.total), "number");
            let label = &broadcast.definition.label;
            model.say(Role::Good, format!("\"{label}\" goes to {to} of your own; Live (1) shows it."));
        }
        Err(error) if error.code == "no_own_numbers" && !model.dialogs.is_empty() => {
            ask_for_own_numbers(model, Some(test));
        }
        Err(error) => model.say(Role::Bad, format!("The test was not sent: {}", error.message)),
    }
}
