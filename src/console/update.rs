//! The one place where state changes: an event in, requests out. Pure: no clock, no store, no terminal.

mod answers;

use super::actions::{self, Action, Key};
use super::dialog::{Confirm, Dialog, PaceBox, Palette, QuitBox, Then};
use super::field::Field;
use super::load::LoadFile;
use super::look::Role;
use super::message::{Event, Leaving, Request};
use super::model::{Import, Model, NumbersPart, Screen};
use super::wizard::Wizard;
use super::words;
use crate::domain::state::BroadcastStatus;
use crate::domain::time::Millis;
use crate::service::view::{BroadcastView, Driver};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Takes an event in and says what is to be done.
pub fn update(model: &mut Model, event: Event) -> Vec<Request> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => on_key(model, key),
        Event::Key(_) => Vec::new(),
        Event::Paste(text) => on_paste(model, &text),
        Event::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Event::Clock(now) => {
            on_clock(model, now);
            Vec::new()
        }
        Event::Snapshot(snapshot) => {
            on_clock(model, snapshot.at);
            answers::on_snapshot(model, &snapshot)
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
}

fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Request> {
    // Esc and a key shortly after it look like that key with Alt; no key with Alt means anything here.
    if event.modifiers.contains(KeyModifiers::ALT) && matches!(event.code, KeyCode::Char(_)) {
        let mut requests = on_key(model, KeyEvent::from(KeyCode::Esc));
        requests.extend(on_key(model, KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event }));
        return requests;
    }
    if let Some(mut dialog) = model.dialogs.pop() {
        // Text fields take letters first.
        if dialog.field().is_some_and(|field| field.key(event)) {
            let requests = dialog.typed(model);
            model.dialogs.push(dialog);
            return requests;
        }
        let action = Key::of(event).and_then(|key| actions::lookup(dialog.place(), key));
        let Some(action) = action.filter(|action| dialog.offers(model, *action)) else {
            model.dialogs.push(dialog);
            return Vec::new();
        };
        let depth = model.dialogs.len();
        let (then, requests) = dialog.act(model, action);
        if then == Then::Stay {
            // Below whatever it opened itself.
            model.dialogs.insert(depth, dialog);
        }
        return requests;
    }
    if let Some(form) = &mut model.set_up {
        if form.text_field().is_some_and(|field| field.key(event)) {
            form.typed();
            return Vec::new();
        }
        let action = Key::of(event).and_then(|key| actions::lookup(form.place(), key));
        return action.map_or_else(Vec::new, |action| form.act(action));
    }
    let action = Key::of(event).and_then(|key| actions::lookup(model.place(), key));
    action.map_or_else(Vec::new, |action| act_on_screen(model, action))
}

fn on_paste(model: &mut Model, text: &str) -> Vec<Request> {
    if let Some(mut dialog) = model.dialogs.pop() {
        let mut requests = Vec::new();
        if let Some(field) = dialog.field() {
            field.paste(text);
            requests = dialog.typed(model);
        }
        model.dialogs.push(dialog);
        return requests;
    }
    if let Some(form) = &mut model.set_up
        && let Some(field) = form.text_field()
    {
        field.paste(text);
        form.typed();
    }
    Vec::new()
}

/// Whether an action can be done now; else why not, in words. Footer and help show it dim then.
pub fn available(model: &Model, action: Action) -> Result<(), String> {
    let selected = || model.selected().ok_or_else(|| "nothing is going out".to_owned());
    match action {
        Action::Pause => match selected()?.broadcast.status {
            BroadcastStatus::Paused => Err("it is paused already: r lets it go on".to_owned()),
            _ => Ok(()),
        },
        Action::Resume => match selected()?.broadcast.status {
            BroadcastStatus::Paused => Ok(()),
            _ => Err("it is not paused".to_owned()),
        },
        Action::Cancel => selected().map(|_| ()),
        Action::Faster | Action::Slower => match model.snapshot.as_ref().map(|snapshot| &snapshot.driver) {
            Some(Driver::Us) => Ok(()),
            Some(Driver::Other(holder)) => Err(format!("the wacast on {} sets the pace", holder.host)),
            Some(Driver::Nobody) => Err("nobody is sending".to_owned()),
            None => Err("still asking the store".to_owned()),
        },
        Action::Sync if model.syncing => Err("WhatsApp is being asked already".to_owned()),
        _ => Ok(()),
    }
}

/// Does what a key, or the palette, asks for on a screen.
pub fn act_on_screen(model: &mut Model, action: Action) -> Vec<Request> {
    if let Err(why_not) = available(model, action) {
        let word =
            actions::heard_in(model.screen.place()).find(|entry| entry.action == action).map_or("", |entry| entry.word);
        model.say(Role::Warn, format!("Cannot {word}: {why_not}."));
        return Vec::new();
    }
    match action {
        Action::Live => show(model, Screen::Live),
        Action::Numbers => show(model, Screen::Numbers),
        Action::Templates => show(model, Screen::Templates),
        Action::Log => show(model, Screen::Log),
        Action::New => {
            let (wizard, requests) = Wizard::open();
            model.dialogs.push(Dialog::Wizard(Box::new(wizard)));
            requests
        }
        Action::Pause | Action::Resume | Action::Cancel => act_on_broadcast(model, action),
        Action::Faster | Action::Slower => open_pace(model, action),
        Action::Load => open_load(model),
        Action::Sync => {
            model.syncing = true;
            vec![Request::SyncTemplates]
        }
        Action::Freeze => {
            model.frozen = !model.frozen;
            if model.frozen { Vec::new() } else { vec![Request::Log] }
        }
        Action::Help => {
            model.dialogs.push(Dialog::Help { of: model.screen.place(), scroll: 0 });
            Vec::new()
        }
        Action::Palette => {
            let palette = Palette { input: Field::new("", 40), cursor: 0, of: model.screen.place() };
            model.dialogs.push(Dialog::Palette(palette));
            Vec::new()
        }
        Action::Quit => {
            let quit = QuitBox { cursor: usize::from(!something_runs(model)), under_way: is_under_way(model) };
            model.dialogs.push(Dialog::Quit(quit));
            Vec::new()
        }
        Action::Next => {
            model.numbers_part = match model.numbers_part {
                NumbersPart::Lists => NumbersPart::Uploads,
                NumbersPart::Uploads => NumbersPart::Lists,
            };
            Vec::new()
        }
        _ => {
            move_cursor(model, action);
            Vec::new()
        }
    }
}

/// Whether messages go out from here at this moment.
fn is_under_way(model: &Model) -> bool {
    model.snapshot.as_ref().is_some_and(|snapshot| {
        let running = |view: &BroadcastView| words::is_going_out(view.broadcast.status);
        snapshot.driver == Driver::Us && (snapshot.engine.unsettled > 0 || snapshot.open.iter().any(running))
    })
}

/// Whether quitting stops something.
pub fn something_runs(model: &Model) -> bool {
    let sends = model.snapshot.as_ref().is_some_and(|snapshot| {
        snapshot.driver == Driver::Us && (!snapshot.open.is_empty() || snapshot.schedules.iter().any(|one| one.enabled))
    });
    sends || matches!(model.import, Some(Import::Running { .. }))
}

fn show(model: &mut Model, screen: Screen) -> Vec<Request> {
    model.screen = screen;
    match screen {
        Screen::Live => Vec::new(),
        Screen::Numbers => vec![Request::Uploads],
        Screen::Templates => vec![Request::Templates],
        Screen::Log => {
            model.frozen = false;
            vec![Request::Log]
        }
    }
}

fn act_on_broadcast(model: &mut Model, action: Action) -> Vec<Request> {
    let Some(view) = model.selected() else { return Vec::new() };
    let (id, name) = (view.broadcast.id.clone(), words::name_of(view));
    match action {
        Action::Pause => {
            model.say(Role::Plain, format!("Pausing {name} …"));
            vec![Request::Pause(id)]
        }
        Action::Resume => {
            model.say(Role::Plain, format!("Letting {name} go on …"));
            vec![Request::Resume(id)]
        }
        _ => {
            ask_to_cancel(model);
            Vec::new()
        }
    }
}

/// The question before a broadcast is ended for good.
fn ask_to_cancel(model: &mut Model) {
    let Some(view) = model.selected() else { return };
    let text = cancel_words(words::would_not_get_it(view));
    let title = format!("Cancel {}?", words::name_of(view));
    let confirm = Confirm {
        title,
        text,
        keep: "keep it",
        act: "cancel it for good",
        on_act: false,
        request: Request::Cancel(view.broadcast.id.clone()),
    };
    model.dialogs.push(Dialog::Confirm(Box::new(confirm)));
}

fn cancel_words(how_many: u64) -> String {
    format!(
        "{} will not get it. Who has it keeps it. A cancelled broadcast cannot go on again; pausing (p) keeps that open.",
        super::text::people(how_many)
    )
}

/// A newer picture is there: the question before a broadcast is ended counts anew, as the card does.
fn count_anew(model: &mut Model) {
    let Model { dialogs, snapshot: Some(snapshot), .. } = model else { return };
    for dialog in dialogs {
        if let Dialog::Confirm(confirm) = dialog
            && let Request::Cancel(id) = &confirm.request
            && let Some(view) = snapshot.open.iter().find(|view| view.broadcast.id == *id)
        {
            confirm.text = cancel_words(words::would_not_get_it(view));
        }
    }
}

fn open_pace(model: &mut Model, action: Action) -> Vec<Request> {
    let now = model.snapshot.as_ref().map_or(0.0, |snapshot| snapshot.engine.pace);
    let limit = model.facts.pace_limit;
    let start = if now > 0.0 { now } else { 60.0 };
    let mut dialog = Dialog::Pace(PaceBox { value: start, now, limit });
    let (_, requests) = dialog.act(model, action);
    model.dialogs.push(dialog);
    requests
}

fn open_load(model: &mut Model) -> Vec<Request> {
    if matches!(model.import, Some(Import::Running { .. })) {
        model.dialogs.push(Dialog::Load(Box::new(LoadFile::watch(&model.facts.in_folder))));
        return Vec::new();
    }
    let (load, requests) = LoadFile::open(&model.facts.in_folder, model.facts.default_country.as_deref());
    model.dialogs.push(Dialog::Load(Box::new(load)));
    requests
}

fn move_cursor(model: &mut Model, action: Action) {
    let page = model.page();
    let lists = model.snapshot.as_ref().map_or(0, |snapshot| snapshot.lists.len());
    let uploads = shown_uploads(model).len();
    let (cursor, length) = match (model.screen, model.numbers_part) {
        (Screen::Live, _) => {
            let open = model.open().len();
            (&mut model.live_cursor, open)
        }
        (Screen::Numbers, NumbersPart::Lists) => (&mut model.lists_cursor, lists),
        (Screen::Numbers, NumbersPart::Uploads) => (&mut model.uploads_cursor, uploads),
        (Screen::Templates, _) => {
            (&mut model.templates_cursor, model.templates.get().map_or(0, |synced| synced.templates.len()))
        }
        (Screen::Log, _) => (&mut model.log_cursor, model.log.get().map_or(0, Vec::len)),
    };
    let last = length.saturating_sub(1);
    *cursor = match action {
        Action::Up => cursor.saturating_sub(1),
        Action::Down => cursor.saturating_add(1),
        Action::PageUp => cursor.saturating_sub(page),
        Action::PageDown => cursor.saturating_add(page),
        Action::Top => 0,
        Action::Bottom => last,
        _ => *cursor,
    }
    .min(last);
    if model.screen == Screen::Numbers && model.numbers_part == NumbersPart::Lists {
        model.uploads_cursor = 0;
    }
}

/// The uploads of the marked list.
pub fn shown_uploads(model: &Model) -> Vec<&crate::store::UploadSummary> {
    let list = model
        .snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.lists.get(model.lists_cursor.min(snapshot.lists.len().saturating_sub(1))))
        .map(|list| list.name.as_str());
    let all = model.uploads.get().map_or(&[][..], Vec::as_slice);
    all.iter().filter(|upload| list.is_some_and(|list| upload.list == list)).collect()
}

/// The line goes away: whatever is under way is finished first.
pub fn on_terminal_gone() -> Request {
    Request::Leave(Leaving::Drain)
}
