//! The one place where state changes: an event in, requests out. Pure: no clock, no store, no terminal.

mod answers;
mod broadcasts;
mod follow_up;
mod numbers;
mod rows;
mod screens;
mod settings;
mod since;
mod why_not;

pub(super) use broadcasts::{chosen, open as open_broadcast};
pub(super) use numbers::{ask_to_undo_opt_out, begun, open_file, open_person, under_way};
pub(super) use screens::copied;
pub use screens::{act_on_screen, available};
pub(super) use settings::ask_to_test;

use super::actions::{self, Action, Key, Place};
use super::dialog::{Dialog, Then};
use super::look::Role;
use super::message::{Click, Event, Request};
use super::model::Model;
use crate::domain::time::Millis;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Takes an event in and says what is to be done.
pub fn update(model: &mut Model, event: Event) -> Vec<Request> {
    // Whatever happens: what was said goes when its time is over, or what it was about is no longer shown.
    on_clock(model, model.now);
    let said = model.toast.clone();
    let shown = |model: &Model| (model.screen, model.place(), model.dialogs.len());
    let shown_before = shown(model);
    let requests = on_event(model, event);
    if shown(model) != shown_before {
        model.forget_what_was_shown(said.as_ref());
    }
    requests
}

fn on_event(model: &mut Model, event: Event) -> Vec<Request> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => on_key(model, key),
        Event::Key(_) => Vec::new(),
        Event::Paste(text) => on_paste(model, &text),
        Event::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Event::Click(click) => on_click(model, click),
        Event::Clock(now) => {
            on_clock(model, now);
            if model.follows_events() { vec![Request::Events(model.events.newest())] } else { Vec::new() }
        }
        Event::Snapshot(snapshot) => {
            on_clock(model, snapshot.at);
            model.forget_what_is_over(&snapshot);
            if model.frozen.is_some() && model.snapshot.is_some() {
                model.set_aside = Some(snapshot);
                return Vec::new();
            }
            answers::on_snapshot(model, &snapshot)
        }
        Event::Opening(words) => {
            model.opening = Some(words);
            Vec::new()
        }
        Event::Answer(answer) => answers::on_answer(model, answer),
        Event::Broken(what) => {
            model.say(Role::Bad, format!("Something inside wacast failed: {what}. The log file says more."));
            Vec::new()
        }
    }
}

fn on_clock(model: &mut Model, now: Millis) {
    model.now = now;
    if model.toast.as_ref().is_some_and(|toast| toast.until <= now) {
        model.toast = None;
    }
    if model.revealed.is_some_and(|(_, until)| until <= now) {
        model.revealed = None;
    }
    if model.numbers.revealed_row.is_some_and(|(.., until)| until <= now) {
        model.numbers.revealed_row = None;
    }
}

fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Request> {
    // Esc and a key shortly after it look like that key with Alt; no key with Alt means anything here.
    if event.modifiers.contains(KeyModifiers::ALT) && matches!(event.code, KeyCode::Char(_)) {
        let mut requests = on_key(model, KeyEvent::from(KeyCode::Esc));
        requests.extend(on_key(model, KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event }));
        return requests;
    }
    model.forget_the_last_key();
    // Text fields take letters first.
    if model.dialogs.is_empty() {
        if let Some(form) = &mut model.set_up {
            if form.text_field().is_some_and(|field| field.key(event)) {
                form.typed();
                return Vec::new();
            }
        } else if model.place() == Place::Filter
            && let Some(list) = model.listing_mut()
            && list.filter.key(event)
        {
            list.cursor = 0;
            return Vec::new();
        }
    } else if let Some(mut dialog) = model.dialogs.pop() {
        let took = dialog.field().is_some_and(|field| field.key(event));
        let requests = if took { dialog.typed(model) } else { Vec::new() };
        model.dialogs.push(dialog);
        if took {
            return requests;
        }
    }
    let Some(key) = Key::of(event) else { return Vec::new() };
    if let Key::Char(letter) = key
        && model.dialogs.last_mut().is_some_and(|dialog| dialog.type_ahead(letter))
    {
        return Vec::new();
    }
    if let Some(action) = actions::lookup(model.place(), key) {
        return act(model, action);
    }
    why_not::not_heard(model, key);
    Vec::new()
}

/// Does what an action means where the keys are heard now.
fn act(model: &mut Model, action: Action) -> Vec<Request> {
    let place = model.place();
    // These two are heard everywhere; in the quit dialog the same key quits.
    match action {
        Action::Quit if place != Place::Quit => return act_on_screen(model, action),
        Action::Help => {
            model.dialogs.push(Dialog::Help { of: place, scroll: 0 });
            return Vec::new();
        }
        _ => {}
    }
    if let Some(mut dialog) = model.dialogs.pop() {
        if !dialog.offers(model, action) {
            why_not::not_offered(model, &dialog, action);
            model.dialogs.push(dialog);
            return Vec::new();
        }
        let depth = model.dialogs.len();
        let (then, requests) = dialog.act(model, action);
        if then == Then::Stay {
            // Below whatever it opened itself.
            model.dialogs.insert(depth, dialog);
        }
        return requests;
    }
    if let Some(form) = &mut model.set_up {
        return form.act(action);
    }
    match model.place() {
        Place::Filter => rows::act_on_filter(model, action),
        Place::Plain => screens::act_on_plain(model, action),
        _ => act_on_screen(model, action),
    }
}

fn on_paste(model: &mut Model, text: &str) -> Vec<Request> {
    if let Some(mut dialog) = model.dialogs.pop() {
        let mut requests = Vec::new();
        if let Some(asked) = dialog.paste_lines(text) {
            requests = asked;
        } else if let Some(field) = dialog.field() {
            field.paste(text);
            requests = dialog.typed(model);
        }
        model.dialogs.push(dialog);
        return requests;
    }
    if let Some(form) = &mut model.set_up {
        if let Some(field) = form.text_field() {
            field.paste(text);
            form.typed();
        }
    } else if model.place() == Place::Filter
        && let Some(list) = model.listing_mut()
    {
        list.filter.paste(text);
        list.cursor = 0;
    }
    Vec::new()
}

/// A click does what a key would do; nothing is done by clicks alone.
fn on_click(model: &mut Model, click: Click) -> Vec<Request> {
    match click {
        Click::Act(action) => {
            let heard = actions::heard_in(model.place()).any(|entry| entry.action == action);
            if heard { act(model, action) } else { Vec::new() }
        }
        Click::Row(row) => rows::click(model, row),
        Click::Nothing => Vec::new(),
    }
}
