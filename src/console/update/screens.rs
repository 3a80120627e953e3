//! What keys do on the screens.

use super::super::actions::{self, Action};
use super::super::broadcasts::Part;
use super::super::dialog::{Dialog, Note, PaceBox, Palette, QuitBox, Stops};
use super::super::field::Field;
use super::super::load::LoadFile;
use super::super::look::Role;
use super::super::message::Request;
use super::super::model::{Coming, Import, Model, Screen};
use super::super::text::shown_phone;
use super::super::wizard::Wizard;
use super::super::{settings_list, summary, words};
use super::{answers, broadcasts, follow_up, numbers, rows, settings, since, why_not};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::SECOND;
use crate::service::view::Driver;

/// How long a whole number is shown, in milliseconds.
pub(super) const REVEALED_MS: i64 = 10 * SECOND;

/// Whether an action can be done now; else why not, in words. Footer and help show it dim then.
pub fn available(model: &Model, action: Action) -> Result<(), String> {
    let selected = || model.selected().ok_or_else(|| no_broadcast(model).to_owned());
    let may = |possible: bool, why_not: &str| if possible { Ok(()) } else { Err(why_not.to_owned()) };
    if model.facts.read_only && changes(action) {
        return Err("this console only watches (--read-only)".to_owned());
    }
    if let Some(answer) = numbers::available(model, action) {
        return answer;
    }
    match action {
        Action::Pause | Action::Resume | Action::Cancel if broadcasts::has_marks(model) => {
            let why_not = match action {
                Action::Pause => "none of the marked ones is going out",
                Action::Resume => "none of the marked ones is paused",
                _ => "all of the marked ones have ended",
            };
            may(broadcasts::targets(model, action).next().is_some(), why_not)
        }
        Action::Pause => match selected()?.broadcast.status {
            BroadcastStatus::Paused => Err("it is paused already: r lets it go on".to_owned()),
            status => may(!status.is_final(), has_ended(model)),
        },
        Action::Resume => {
            let status = selected()?.broadcast.status;
            may(!status.is_final(), has_ended(model))?;
            may(status == BroadcastStatus::Paused, "it is not paused")
        }
        Action::Cancel if model.screen == Screen::Schedule => {
            may(model.selected().is_some(), "a schedule is not cancelled: t switches it off")
        }
        Action::Cancel => may(!selected()?.broadcast.status.is_final(), has_ended(model)),
        Action::Export | Action::Plain if model.screen != Screen::Live || action == Action::Export => {
            selected().map(|_| ())
        }
        Action::FollowUp => {
            let view = selected()?;
            may(view.broadcast.status.is_final(), "it has not ended: what is left goes out by itself")?;
            let settled = view.counts.get(RecipientState::Read) + view.counts.get(RecipientState::Skipped);
            may(view.counts.total() > settled, "everybody has read it")
        }
        Action::Decide => may(selected()?.counts.get(RecipientState::InDoubt) > 0, "nobody of it is \"not sure\""),
        Action::Accept if model.screen == Screen::Live => selected().map(|_| ()),
        Action::Mark => match &model.broadcasts.opened {
            Some(opened) => may(opened.people.marked().is_some(), "nobody is listed"),
            None => selected().map(|_| ()),
        },
        Action::Accept if model.screen == Screen::Broadcasts => match &model.broadcasts.opened {
            Some(opened) if opened.part == Part::People => may(opened.people.marked().is_some(), "nobody is listed"),
            Some(_) => may(!selected()?.failures.is_empty(), "nobody of it failed"),
            None => selected().map(|_| ()),
        },
        Action::Accept if model.screen == Screen::Schedule => may(!model.coming().is_empty(), "nothing is planned"),
        Action::Accept if model.screen == Screen::Problems => may(model.problem().is_some(), "there is no problem"),
        Action::Accept if model.screen == Screen::Settings => settings::may_change(model),
        Action::Accept if model.screen == Screen::Templates => {
            may(!model.facts.read_only, "this console only watches (--read-only)")?;
            let template = marked_template(model).ok_or_else(|| "no template is marked".to_owned())?;
            may(template.is_approved(), "WhatsApp lets only approved templates be sent")
        }
        Action::Toggle if model.screen == Screen::Schedule => {
            may(matches!(marked_coming(model), Some(Coming::Again(_))), "no schedule is selected")
        }
        Action::Reveal => {
            may(model.facts.privacy, "privacy is off: numbers are whole already")?;
            may(marked_phone(model).is_some(), "no row with a number is selected")
        }
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

/// Why nothing more can be done to a broadcast that is over; on Live the last one is listed below those that are open.
fn has_ended(model: &Model) -> &'static str {
    match model.screen {
        Screen::Live if model.open().is_empty() => "nothing is going out, and the last one has ended",
        Screen::Live => "the last one has ended; the arrow keys mark another",
        _ => "it has ended",
    }
}

/// Why there is no broadcast that a key could act on.
fn no_broadcast(model: &Model) -> &'static str {
    match model.screen {
        Screen::Live => "nothing is going out; 2 shows all broadcasts",
        Screen::Problems => "this problem is not about a broadcast",
        Screen::Schedule => "nothing that starts once is marked",
        _ => "no broadcast is marked",
    }
}

/// Whether an action is there to change something.
fn changes(action: Action) -> bool {
    matches!(
        action,
        Action::New
            | Action::Pause
            | Action::Resume
            | Action::Cancel
            | Action::FollowUp
            | Action::Decide
            | Action::Faster
            | Action::Slower
            | Action::Load
            | Action::LoadOptOuts
            | Action::Fix
            | Action::Undo
            | Action::Add
            | Action::Sync
            | Action::Toggle
            | Action::Token
            | Action::Test
    )
}

/// Does what a key, or the palette, asks for on a screen.
pub fn act_on_screen(model: &mut Model, action: Action) -> Vec<Request> {
    // What changes something is decided by how things stand now, not by how they stood when the screen was frozen.
    let mut requests = if changes(action) { follow_again(model) } else { Vec::new() };
    if let Err(why_not) = available(model, action) {
        why_not::not_possible(model, action, &why_not);
        return requests;
    }
    requests.extend(numbers::act(model, action).unwrap_or_else(|| do_on_screen(model, action)));
    requests
}

fn do_on_screen(model: &mut Model, action: Action) -> Vec<Request> {
    match action {
        Action::Show(screen) => show(model, screen),
        Action::New => {
            let (wizard, requests) = Wizard::open();
            model.dialogs.push(Dialog::Wizard(Box::new(wizard)));
            requests
        }
        Action::Pause | Action::Resume | Action::Cancel => broadcasts::command(model, action),
        Action::FollowUp => follow_up::ask_whom(model),
        Action::Decide => broadcasts::ask_what_becomes_of_doubts(model),
        Action::Export => broadcasts::ask_how_to_export(model),
        Action::Accept => open(model),
        Action::Back => broadcasts::back(model),
        Action::Left | Action::Right => broadcasts::other_state(model, action),
        Action::Toggle => switch_schedule(model),
        Action::Faster | Action::Slower => open_pace(model, action),
        Action::Load => open_load(model),
        Action::Sync => {
            model.syncing = true;
            vec![Request::SyncTemplates]
        }
        Action::Freeze => freeze(model),
        Action::Plain => {
            model.plain = Some(summary::of(model));
            Vec::new()
        }
        Action::Copy => copy(model),
        Action::Reveal => {
            model.revealed = marked_phone(model).map(|phone| (phone, model.now.plus(REVEALED_MS)));
            Vec::new()
        }
        Action::Help => {
            model.dialogs.push(Dialog::Help { of: model.screen_place(), scroll: 0 });
            Vec::new()
        }
        Action::Palette => {
            let palette = Palette { input: Field::new("", 40), cursor: 0, of: model.screen_place() };
            model.dialogs.push(Dialog::Palette(palette));
            Vec::new()
        }
        Action::Quit => {
            let stops = what_stops(model);
            let quit = QuitBox { cursor: usize::from(!stops.is_something()), stops };
            model.dialogs.push(Dialog::Quit(quit));
            Vec::new()
        }
        Action::Next => other_part(model),
        Action::Token => settings::ask_for_token(model),
        Action::Since => since::ask(model),
        Action::Filter | Action::Sort | Action::Reverse | Action::Mark => {
            rows::arrange(model, action);
            Vec::new()
        }
        _ => rows::go(model, action),
    }
}

/// The keys of a plain summary.
pub(super) fn act_on_plain(model: &mut Model, action: Action) -> Vec<Request> {
    if action == Action::Copy {
        return model.plain.clone().map_or_else(Vec::new, |lines| copied(model, &lines.join("\n")));
    }
    model.plain = None;
    Vec::new()
}

/// What quitting stops. A screen that stands still shows an older picture than the one that counts.
fn what_stops(model: &Model) -> Stops {
    let loads = matches!(model.import, Some(Import::Running { .. }));
    let Some(snapshot) = model.newest() else { return if loads { Stops::Planned } else { Stops::Nothing } };
    let goes_out = snapshot.open.iter().any(|view| words::is_going_out(view.broadcast.status));
    let waits = !snapshot.open.is_empty() || snapshot.schedules.iter().any(|one| one.enabled);
    match &snapshot.driver {
        Driver::Us if snapshot.engine.unsettled > 0 || goes_out => Stops::Sending,
        Driver::Us if waits => Stops::Planned,
        _ if loads => Stops::Planned,
        Driver::Other(_) if waits => Stops::NothingHere,
        _ => Stops::Nothing,
    }
}

/// Shows a screen and asks for what it needs.
pub(super) fn show(model: &mut Model, screen: Screen) -> Vec<Request> {
    if model.screen == screen && screen == Screen::Broadcasts {
        // The same key again goes up to the list.
        model.broadcasts.opened = None;
    }
    if model.screen == screen && screen == Screen::Numbers {
        numbers::up_to_the_parts(model);
    }
    model.screen = screen;
    look(model)
}

/// Asks for what the screen shows, whatever is open on it.
fn look(model: &mut Model) -> Vec<Request> {
    match model.screen {
        Screen::Live | Screen::Schedule | Screen::Problems => Vec::new(),
        Screen::Settings => vec![Request::Settings, Request::OwnNumbers],
        Screen::Broadcasts => broadcasts::look(model),
        Screen::Numbers => numbers::look(model),
        Screen::Templates => vec![Request::Templates],
        Screen::Log if model.events.shown => vec![Request::Events(model.events.newest())],
        Screen::Log => vec![Request::Log],
    }
}

/// Opens the marked row of the screen.
fn open(model: &mut Model) -> Vec<Request> {
    match model.screen {
        Screen::Live => {
            let Some(id) = model.selected().map(|view| view.broadcast.id.clone()) else { return Vec::new() };
            broadcasts::open(model, id)
        }
        Screen::Broadcasts => broadcasts::open_marked(model),
        Screen::Schedule => {
            let Some(note) = marked_coming(model).map(|coming| about(model, coming)) else { return Vec::new() };
            model.dialogs.push(Dialog::Note(Box::new(note)));
            Vec::new()
        }
        Screen::Problems => open_problem(model),
        Screen::Settings => settings::change(model),
        Screen::Templates => send_marked_template(model),
        _ => Vec::new(),
    }
}

/// The marked template.
fn marked_template(model: &Model) -> Option<&Template> {
    let shown = model.shown_templates();
    shown.get(model.templates_list.place(shown.len())).copied()
}

/// Opens the wizard with the marked template.
fn send_marked_template(model: &mut Model) -> Vec<Request> {
    let (mut wizard, requests) = Wizard::open();
    wizard.wanted = marked_template(model).map(Template::key);
    model.dialogs.push(Dialog::Wizard(Box::new(wizard)));
    requests
}

/// Goes to where a problem can be mended.
fn open_problem(model: &mut Model) -> Vec<Request> {
    let Some(problem) = model.problem().cloned() else { return Vec::new() };
    if let Some(id) = problem.broadcast {
        return broadcasts::open(model, id);
    }
    let note = Note { title: "What to do".to_owned(), lines: vec![problem.what, problem.advice], scroll: 0 };
    model.dialogs.push(Dialog::Note(Box::new(note)));
    Vec::new()
}

/// What is to start that is marked.
fn marked_coming(model: &Model) -> Option<Coming<'_>> {
    let coming = model.coming();
    coming.get(model.schedule_list.place(coming.len())).copied()
}

/// What something that is to start sends, and when.
fn about(model: &Model, coming: Coming<'_>) -> Note {
    let zone = &model.facts.zone;
    let (definition, mut lines) = match coming {
        Coming::Once(view) => (&view.broadcast.definition, Vec::new()),
        Coming::Again(schedule) => {
            let read = crate::service::schedules::recurrence(&schedule.cron, &schedule.zone, model.now, 5);
            let mut lines = Vec::new();
            match read {
                Ok(read) => {
                    lines.push(format!("{}, {} time ({})", read.words, schedule.zone, schedule.cron));
                    lines.push(
                        if schedule.enabled { "Its next times:" } else { "Switched off. Its next times would be:" }
                            .to_owned(),
                    );
                    lines.extend(read.next.iter().map(|at| {
                        format!("  {}, in {}", zone.at(*at, model.now), words::lasting(at.since(model.now)))
                    }));
                }
                Err(error) => lines.push(error.message),
            }
            if let Some(at) = schedule.last_fired_at {
                lines.push(format!("It last started {}.", zone.at(at, model.now)));
            }
            (&schedule.definition, lines)
        }
    };
    let to = definition.audience.list.as_ref().map_or_else(|| "all numbers".to_owned(), |list| format!("list {list}"));
    lines.push(format!("Template {}, to {to}. Who gets it is fixed when it starts.", definition.template.key()));
    if let Some(at) = coming.at() {
        lines.push(format!("Starts {}, in {}.", zone.at(at, model.now), words::lasting(at.since(model.now))));
    }
    Note { title: coming.name(), lines, scroll: 0 }
}

fn switch_schedule(model: &mut Model) -> Vec<Request> {
    match marked_coming(model) {
        Some(Coming::Again(schedule)) => vec![Request::EnableSchedule(schedule.id.clone(), !schedule.enabled)],
        _ => Vec::new(),
    }
}

fn other_part(model: &mut Model) -> Vec<Request> {
    if model.screen == Screen::Log {
        model.events.shown = !model.events.shown;
        return show(model, Screen::Log);
    }
    if model.screen == Screen::Broadcasts { broadcasts::other_part(model) } else { Vec::new() }
}

/// The screen stands still, or follows again with the newest picture.
fn freeze(model: &mut Model) -> Vec<Request> {
    if model.frozen.is_none() {
        model.frozen = Some(model.now);
        // In its place stands that the screen is frozen.
        model.toast = None;
        return Vec::new();
    }
    follow_again(model)
}

/// A frozen screen follows again, with the newest picture.
pub fn follow_again(model: &mut Model) -> Vec<Request> {
    let Some(since) = model.frozen.take() else { return Vec::new() };
    let mut requests = match model.set_aside.take() {
        Some(snapshot) => answers::on_snapshot(model, &snapshot),
        None => Vec::new(),
    };
    requests.extend(look(model));
    let stood = words::lasting(model.now.since(since));
    model.say(Role::Plain, format!("The screen follows again, after {stood}: this is how it stands now."));
    requests
}

/// The phone of the marked row.
fn marked_phone(model: &Model) -> Option<crate::domain::phone::Phone> {
    match model.screen {
        Screen::Broadcasts => model.broadcasts.opened.as_ref()?.people.marked().map(|row| row.phone),
        Screen::Log if !model.events.shown => {
            let rows = model.log_rows();
            rows.get(model.log_list.place(rows.len())).map(|row| row.phone)
        }
        Screen::Numbers => numbers::marked_phone(model),
        _ => None,
    }
}

/// The marked row as one line of text, phones masked.
fn marked_line(model: &Model) -> Option<String> {
    let masked = |phone| shown_phone(phone, model.facts.privacy, "*");
    match model.screen {
        Screen::Live => model.selected().map(|view| view.broadcast.id.to_string()),
        Screen::Broadcasts => match &model.broadcasts.opened {
            Some(opened) if opened.part == Part::People => opened
                .people
                .marked()
                .map(|row| format!("{}\t{}\t{}\t{}", masked(row.phone), row.name, row.state.word(), row.detail)),
            _ => model.selected().map(|view| view.broadcast.id.to_string()),
        },
        Screen::Templates => marked_template(model).map(|template| template.key().to_string()),
        Screen::Schedule => marked_coming(model).map(|coming| match coming {
            Coming::Once(view) => view.broadcast.id.to_string(),
            Coming::Again(schedule) => schedule.id.to_string(),
        }),
        Screen::Problems => model.problem().map(|problem| format!("{}. {}", problem.what, problem.advice)),
        Screen::Log if model.events.shown => model
            .events
            .marked()
            .map(|event| format!("{}\t{}\t{}\t{}", event.at.rfc3339(), event.level, event.target, event.text)),
        Screen::Log => {
            let rows = model.log_rows();
            rows.get(model.log_list.place(rows.len())).map(|row| {
                let title = if row.status == "sent" { "" } else { words::error_title(row.code) };
                format!("{}\t{}\t{}\t{}\t{title}", row.timestamp.rfc3339(), masked(row.phone), row.status, row.code)
            })
        }
        Screen::Settings => {
            settings_list::marked(model).map(|row| format!("{}.{} = {}", row.section(), row.name(), row.value()))
        }
        Screen::Numbers => numbers::marked_line(model),
    }
}

fn copy(model: &mut Model) -> Vec<Request> {
    if let Some(line) = marked_line(model) {
        return copied(model, &line);
    }
    model.say(Role::Warn, "There is nothing here to copy.");
    Vec::new()
}

/// Copies and says so: whether the terminal took it cannot be known.
pub(in crate::console) fn copied(model: &mut Model, text: &str) -> Vec<Request> {
    let what = text.lines().next().unwrap_or_default();
    let what = super::super::text::fit(&super::super::text::clean(what), 30, model.look.glyphs.ellipsis);
    let plain = actions::heard_in(model.screen_place()).any(|entry| entry.action == Action::Plain);
    let plain = if plain { "; w shows it plain" } else { "" };
    let words =
        format!("Sent to your terminal's clipboard: {what}. Nothing when you paste? Your terminal refuses it{plain}.");
    model.say(Role::Plain, words);
    vec![Request::Copy(text.to_owned())]
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
