//! What the store, WhatsApp and the engine say, taken into the state.

use super::{broadcasts, follow_up, numbers, screens, settings, since};
use crate::console::dialog::{Dialog, Note};
use crate::console::load::What;
use crate::console::look::Role;
use crate::console::message::{Answer, Request};
use crate::console::model::{Import, Load, Model, Screen};
use crate::console::numbers::name_of;
use crate::console::text::{people, thousands};
use crate::console::wizard::Wizard;
use crate::domain::broadcast::Broadcast;
use crate::domain::ids::BroadcastId;
use crate::domain::schedule::Schedule;
use crate::domain::time::MINUTE;
use crate::service::doubts::Decided;
use crate::service::error::ServiceError;
use crate::service::view::{BroadcastView, Driver, Snapshot};
use std::path::Path;
use std::sync::Arc;

/// How long after the end of a broadcast its audit is asked for, in milliseconds.
const AUDITED_WITHIN_MS: i64 = 10 * MINUTE;

/// A newer picture. The marked broadcast stays the marked one, wherever it is listed now.
pub(super) fn on_snapshot(model: &mut Model, snapshot: &Arc<Snapshot>) -> Vec<Request> {
    let marked = model.selected().map(|view| view.broadcast.id.clone());
    let logged_before = model.snapshot.as_ref().and_then(|old| old.latest.first().map(|row| row.id));
    let listed_before = model.snapshot.as_ref().map(|old| old.lists.clone());
    let synced_before = model.snapshot.as_ref().map(|old| old.templates.2);
    let list = model.numbers.list(model.snapshot.as_deref()).map(|list| list.name.clone());
    let known_before: Vec<BroadcastId> = model.open().iter().map(|view| view.broadcast.id.clone()).collect();
    model.snapshot = Some(Arc::clone(snapshot));
    model.live_cursor = live_cursor(model, marked.as_ref(), &known_before);
    numbers::keep_marked(model, list.as_deref());
    numbers::mark_loaded(model);
    if model.facts.ssh_without_multiplexer && !model.warned_of_ssh && snapshot.driver == Driver::Us {
        model.warned_of_ssh = true;
        model.say_to_a_person(
            Role::Warn,
            "SSH without tmux: when the line drops, sending stops until the next start. Begin with `tmux` to keep it going.",
        );
    }
    broadcasts::count_anew(model);
    let mut requests = Vec::new();
    let logged = snapshot.latest.first().map(|row| row.id);
    if model.screen == Screen::Log && logged != logged_before {
        requests.push(Request::Log);
    }
    requests.extend(since::ask_once(model, snapshot.store_trouble.is_none()));
    if model.screen == Screen::Broadcasts {
        follow(model, snapshot, &mut requests);
    }
    if model.screen == Screen::Numbers && listed_before.as_ref() != Some(&snapshot.lists) {
        requests.extend(numbers::look(model));
    }
    if synced_before != Some(snapshot.templates.2) {
        requests.push(Request::Templates);
    }
    requests
}

/// Which broadcast is marked on Live now: the same as before, but not one that has ended when something else goes out or
/// has just been made, so that keys act on what is going on.
fn live_cursor(model: &Model, marked: Option<&BroadcastId>, known_before: &[BroadcastId]) -> usize {
    let open = model.open();
    let place = |wanted: &BroadcastId| open.iter().position(|view| view.broadcast.id == *wanted);
    if let Some(place) = marked.and_then(place) {
        return place;
    }
    if let Some(new) = open.iter().position(|view| !known_before.contains(&view.broadcast.id)) {
        return new;
    }
    let was_open = marked.is_some_and(|id| known_before.contains(id));
    let last = if was_open { open.len().saturating_sub(1) } else { model.on_live().count().saturating_sub(1) };
    model.live_cursor.min(last)
}

/// The Broadcasts screen keeps up with a picture: figures come with it, the rest is asked for when something ended or began.
fn follow(model: &mut Model, snapshot: &Snapshot, requests: &mut Vec<Request>) {
    let fresh = || snapshot.open.iter().chain(&snapshot.ended);
    if let Some(opened) = &mut model.broadcasts.opened {
        if let Load::Here(view) = &mut opened.view
            && let Some(newer) = fresh().find(|newer| newer.broadcast.id == view.broadcast.id)
        {
            let ended_now = newer.broadcast.status.is_final() && newer.broadcast.status != view.broadcast.status;
            let audit = view.audit.take();
            *view = newer.clone();
            view.audit = view.audit.take().or(audit);
            // The audit comes within minutes of the end, or not at all.
            let lately = view.broadcast.ended_at.is_some_and(|at| snapshot.at.since(at) < AUDITED_WITHIN_MS);
            if ended_now || (lately && view.audit.is_none()) {
                requests.push(Request::Broadcast(opened.id.clone()));
            }
        }
        return;
    }
    if let Load::Here(all) = &mut model.broadcasts.all {
        let mut unknown = false;
        for newer in fresh() {
            match all.iter_mut().find(|view| view.broadcast.id == newer.broadcast.id) {
                Some(view) => *view = newer.clone(),
                None => unknown = true,
            }
        }
        if unknown {
            requests.push(Request::Broadcasts);
        }
    }
}

/// Something came back.
#[expect(clippy::too_many_lines, reason = "a line or two for each kind of answer")]
pub(super) fn on_answer(model: &mut Model, answer: Answer) -> Vec<Request> {
    match answer {
        Answer::Numbers(answer) => return numbers::on_answer(model, *answer),
        Answer::Uploads(uploads) => {
            numbers::take_uploads(model, uploads);
        }
        Answer::Templates(templates, fetched) => on_templates(model, templates, fetched),
        Answer::Log(rows) => on_log(model, rows),
        Answer::Folder(folder, entries) => drop(with_load(model, |load| load.folder_read(&folder, entries))),
        Answer::Peek(from, peek) => return with_load(model, |load| load.peeked(&from, peek)).unwrap_or_default(),
        Answer::Count(of, counted) => drop(with_load(model, |load| load.counted(&of, counted))),
        Answer::Importing(now) => {
            if let Some(Import::Running { progress, .. }) = &mut model.import {
                *progress = now;
            }
        }
        Answer::Imported(done) => return on_imported(model, done),
        Answer::ImportStopped => {
            // It may have come through just before.
            if let Some(Import::Running { what, .. }) = &model.import {
                let words = match what {
                    What::Numbers => {
                        "You stopped it. Nothing of it was kept, unless it was through at that very moment: the list of \
                         files shows."
                    }
                    What::OptOuts => {
                        "You stopped it. Who was noted by then stays noted; the same file again notes the rest."
                    }
                };
                model.import = Some(Import::Failed(words.to_owned()));
            }
            return vec![Request::Uploads];
        }
        Answer::Audience(list, audience) => {
            with_wizard(model, |wizard| wizard.audience_read(list.as_deref(), audience));
        }
        Answer::Planning(serial, looked_at, of) => with_wizard(model, |wizard| wizard.planning(serial, looked_at, of)),
        Answer::Planned(serial, plan) => with_wizard(model, |wizard| wizard.planned(serial, *plan)),
        Answer::Started(started) => return on_started(model, *started),
        Answer::Paused(answer) => on_paused(model, *answer),
        Answer::Resumed(answer) => on_resumed(model, *answer),
        Answer::PaceSet(_, Err(error)) => model.say(Role::Bad, error.message),
        Answer::Cancelled(answer) => match *answer {
            Ok(done) => {
                let words = format!(
                    "{} is cancelled: {} will not get it.",
                    name(&done.broadcast),
                    people(done.will_not_get_it)
                );
                model.say_of(&done.broadcast, Role::Plain, words);
            }
            Err(error) => model.say(Role::Bad, error.message),
        },
        Answer::Broadcasts(broadcasts) => {
            if model.frozen.is_none() {
                let taken = model.broadcasts.all.take(broadcasts);
                complain(model, taken);
            }
        }
        Answer::Broadcast(id, view) => on_opened(model, &id, *view),
        Answer::Recipients(id, state, after, rows) => {
            if let Some(opened) = model.broadcasts.opened.as_mut().filter(|one| one.id == id && one.state == state) {
                let taken = opened.people.take(after.as_ref(), rows);
                complain(model, taken);
            }
        }
        Answer::Decided(answer) => return on_decided(model, *answer),
        Answer::Picked(request, picked) => follow_up::picked(model, request, *picked),
        Answer::FollowedUp(answer) => match *answer {
            Ok(broadcast) => {
                let words = broadcast.start_at.map_or_else(
                    || format!("{} goes out; Live shows it.", name(&broadcast)),
                    |at| format!("{} is planned: it starts {}.", name(&broadcast), model.facts.zone.at(at, model.now)),
                );
                model.say_of(&broadcast, Role::Good, words);
                return screens::show(model, Screen::Live);
            }
            Err(error) => model.say(Role::Bad, error.message),
        },
        Answer::ScheduleSwitched(answer) => match *answer {
            Ok(schedule) => {
                let words = match schedule.next_fire_at.filter(|_| schedule.enabled) {
                    Some(at) => format!("Switched on: it starts next {}.", model.facts.zone.at(at, model.now)),
                    None => "Switched off: it starts nothing until t switches it on again.".to_owned(),
                };
                model.say(Role::Plain, words);
            }
            Err(error) => model.say(Role::Bad, error.message),
        },
        Answer::Exported(path, masked, written) => on_exported(model, &path, masked, written),
        Answer::PaceSet(pace, Ok(())) => {
            model.say(Role::Good, format!("The pace is now {} a second.", super::super::text::pace(pace)));
        }
        Answer::Settings(all) => settings::read(model, all),
        Answer::SettingWritten(written) => return settings::written(model, *written),
        Answer::OwnNumbers(own, changed) => return settings::own_numbers(model, own, changed),
        Answer::TokenTaken(taken) => settings::token_taken(model, *taken),
        Answer::Tested(test, answer) => settings::tested(model, *test, *answer),
        Answer::Since(told) => since::told(model, *told),
        Answer::Events(events) => model.events.add(events),
        Answer::Sample(list, audience) => model.sample = Some((list, audience)),
        Answer::Scheduled(answer) => return on_scheduled(model, *answer),
        Answer::Checked(step, answer) => {
            return model.set_up.as_mut().map_or_else(Vec::new, |form| form.checked(step, answer));
        }
        Answer::Written(answer) => {
            return model.set_up.as_mut().map_or_else(Vec::new, |form| form.written(answer));
        }
    }
    Vec::new()
}

fn on_opened(model: &mut Model, id: &BroadcastId, view: Result<BroadcastView, ServiceError>) {
    if model.frozen.is_some() && model.broadcasts.opened.as_ref().is_some_and(|opened| opened.view.get().is_some()) {
        return;
    }
    if let Some(opened) = model.broadcasts.opened.as_mut().filter(|opened| opened.id == *id) {
        let taken = opened.view.take(view);
        complain(model, taken);
    }
}

fn on_decided(model: &mut Model, answer: Result<Decided, ServiceError>) -> Vec<Request> {
    match answer {
        Ok(decided) => {
            let again =
                if decided.follow_up.is_some() { " A follow-up sends to them again; it shows on Live." } else { "" };
            model.say(Role::Good, format!("Settled for {}; it is on the record.{again}", people(decided.people)));
        }
        Err(error) => model.say(Role::Bad, error.message),
    }
    if let Some(opened) = &mut model.broadcasts.opened {
        opened.marks.clear();
    }
    if model.screen == Screen::Broadcasts { broadcasts::look(model) } else { Vec::new() }
}

fn on_exported(model: &mut Model, path: &Path, masked: bool, written: Result<u64, String>) {
    let words =
        written.map(|count| format!("{}, phone numbers {}:", people(count), if masked { "masked" } else { "whole" }));
    exported(model, path, words);
}

/// A file was written: what is in it, where it is, and how it comes to the operator's own computer.
pub(super) fn exported(model: &mut Model, path: &Path, written: Result<String, String>) {
    let lines = match written {
        Ok(words) => vec![
            words,
            path.display().to_string(),
            String::new(),
            "To get it, on your computer:".to_owned(),
            format!("scp {}@{}:'{}' .", model.facts.user, model.facts.host, path.display()),
        ],
        Err(words) => {
            model.say(Role::Bad, words);
            return;
        }
    };
    model.toast = None;
    model.dialogs.push(Dialog::Note(Box::new(Note { title: "Exported".to_owned(), lines, scroll: 0 })));
}

pub(super) fn complain(model: &mut Model, taken: Result<(), String>) {
    if let Err(words) = taken {
        model.say(Role::Bad, words);
    }
}

fn name(broadcast: &Broadcast) -> String {
    let definition = &broadcast.definition;
    if definition.label.is_empty() { definition.template.name.clone() } else { definition.label.clone() }
}

fn with_load<T>(model: &mut Model, change: impl FnOnce(&mut crate::console::load::LoadFile) -> T) -> Option<T> {
    let mut dialogs = model.dialogs.iter_mut();
    let load = dialogs.find_map(|dialog| if let Dialog::Load(load) = dialog { Some(load) } else { None })?;
    Some(change(load))
}

fn with_wizard(model: &mut Model, change: impl FnOnce(&mut Wizard)) {
    let wizard = model
        .dialogs
        .iter_mut()
        .find_map(|dialog| if let Dialog::Wizard(wizard) = dialog { Some(wizard) } else { None });
    if let Some(wizard) = wizard {
        change(wizard);
    }
}

fn on_templates(model: &mut Model, templates: Result<crate::store::SyncedTemplates, ServiceError>, fetched: bool) {
    if fetched {
        model.syncing = false;
    }
    let shown = model.shown_templates();
    let marked = shown.get(model.templates_list.place(shown.len())).map(|template| template.key());
    let taken = model.templates.take(templates);
    let count = model.templates.get().map_or(0, |synced| synced.templates.len());
    let shown = model.shown_templates();
    let place = shown.iter().position(|one| Some(one.key()) == marked);
    model.templates_list.cursor = place.unwrap_or_else(|| model.templates_list.place(shown.len()));
    if fetched && taken.is_ok() {
        model.say(Role::Good, format!("Templates are up to date: {count}."));
    }
    complain(model, taken);
}

/// The log's marked row stays the marked one while newer rows come in, unless the marked one is the newest.
fn on_log(model: &mut Model, rows: Result<Vec<crate::store::LogRow>, ServiceError>) {
    if model.frozen.is_some() && model.log.get().is_some() {
        return;
    }
    let cursor = model.log_list.cursor;
    let marked = if cursor == 0 { None } else { model.log_rows().get(cursor).map(|row| row.id) };
    let taken = model.log.take(rows);
    let place = marked.and_then(|id| model.log_rows().iter().position(|row| row.id == id));
    model.log_list.cursor = place.unwrap_or(0);
    complain(model, taken);
}

fn on_imported(model: &mut Model, done: Result<crate::service::import::ImportDone, ServiceError>) -> Vec<Request> {
    let watched = model.dialogs.iter().any(|dialog| matches!(dialog, Dialog::Load(_)));
    match done {
        Ok(done) => {
            if !watched {
                let report = &done.upload.report;
                let words = format!(
                    "{} is loaded: {} new, {} there before, {} rejected.",
                    name_of(&done.upload),
                    thousands(report.imported),
                    thousands(report.duplicates),
                    thousands(report.rejected)
                );
                model.say(Role::Good, words);
            }
            model.numbers.to_mark = Some((done.upload.id, done.upload.list.clone()));
            model.import = Some(Import::Done(Box::new(done)));
        }
        Err(error) => {
            if !watched {
                model.say(Role::Bad, format!("The file was not loaded: {}", error.message));
            }
            model.import = Some(Import::Failed(error.message));
        }
    }
    vec![Request::Uploads]
}

fn on_started(model: &mut Model, started: Result<crate::service::start::Started, ServiceError>) -> Vec<Request> {
    let Some(place) = model.dialogs.iter().position(|dialog| matches!(dialog, Dialog::Wizard(_))) else {
        return Vec::new();
    };
    match started {
        Ok(started) => {
            model.dialogs.remove(place);
            model.screen = Screen::Live;
            let requests = screens::follow_again(model);
            model.say_of(&started.broadcast, Role::Good, Wizard::started_words(&started));
            requests
        }
        Err(error) => {
            let Dialog::Wizard(mut wizard) = model.dialogs.remove(place) else { return Vec::new() };
            model.toast = None;
            let requests = wizard.not_started(model, &error);
            model.dialogs.insert(place, Dialog::Wizard(wizard));
            requests
        }
    }
}

/// A schedule was made, or not.
fn on_scheduled(model: &mut Model, answer: Result<Schedule, ServiceError>) -> Vec<Request> {
    let Some(place) = model.dialogs.iter().position(|dialog| matches!(dialog, Dialog::Wizard(_))) else {
        return Vec::new();
    };
    match answer {
        Ok(schedule) => {
            model.dialogs.remove(place);
            let next = schedule
                .next_fire_at
                .map_or_else(String::new, |at| format!(" It starts next {}.", model.facts.zone.at(at, model.now)));
            model.say(Role::Good, format!("It is scheduled; t switches it off and on.{next}"));
            screens::show(model, Screen::Schedule)
        }
        Err(error) => {
            let Dialog::Wizard(mut wizard) = model.dialogs.remove(place) else { return Vec::new() };
            let requests = wizard.not_started(model, &error);
            model.dialogs.insert(place, Dialog::Wizard(wizard));
            requests
        }
    }
}

fn on_paused(model: &mut Model, answer: Result<Broadcast, ServiceError>) {
    match answer {
        Ok(broadcast) => {
            // Without a count: who is under way is still settled, and the card says how many wait.
            model.say_of(&broadcast, Role::Warn, format!("{} is paused. r lets it go on.", name(&broadcast)));
        }
        Err(error) => model.say(Role::Bad, error.message),
    }
}

fn on_resumed(model: &mut Model, answer: Result<Broadcast, ServiceError>) {
    match answer {
        Ok(broadcast) => model.say_of(&broadcast, Role::Good, format!("{} goes on.", name(&broadcast))),
        Err(error) => model.say(Role::Bad, error.message),
    }
}
