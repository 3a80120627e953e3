//! The small dialogs; the large ones have files of their own.

use super::canvas::{Canvas, centred};
use super::{ask, frame, load, sheet, since, wizard};
use crate::console::actions::{self, Place, is_screen};
use crate::console::dialog::{Choose, Confirm, CountBox, Dialog, Note, PaceBox, Palette, QuitBox, Stops};
use crate::console::load::What;
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::{Import, Model};
use crate::console::text::{cells, pace, people, thousands, wrap};
use crate::console::{update, words};
use crate::domain::state::BroadcastStatus;
use crate::service::view::Driver;
use ratatui::layout::Rect;

/// How wide keys and their words are in help.
const HELP_KEYS: u16 = 10;
const HELP_ROOM: usize = 76;
/// How many lines of what runs the quit dialog shows.
const QUIT_RUNS: usize = 5;

/// Draws a dialog.
pub fn render(model: &Model, dialog: &Dialog, canvas: &mut Canvas, area: Rect) {
    match dialog {
        Dialog::Help { of, scroll } => help(model, *of, *scroll, canvas, area),
        Dialog::Palette(palette) => draw_palette(model, palette, canvas, area),
        Dialog::Confirm(confirm) => draw_confirm(confirm, canvas, area),
        Dialog::Choose(choose) => draw_choose(choose, canvas, area),
        Dialog::Count(count) => draw_count(model, count, canvas, area),
        Dialog::Note(note) => draw_note(note, canvas, area),
        Dialog::Pace(pace) => draw_pace(pace, canvas, area),
        Dialog::Quit(quit) => draw_quit(model, quit, canvas, area),
        Dialog::Load(one) => load::render(model, one, canvas, area),
        Dialog::Wizard(one) => wizard::render(model, one, canvas, area),
        Dialog::Ask(one) => ask::render(one, canvas, area),
        Dialog::Since(card) => since::render(model, card, canvas, area),
        Dialog::Sheet(one) => sheet::render(model, one, canvas, area),
        Dialog::Fix(one) => sheet::fix(one, canvas, area),
        Dialog::OptOut(one) => sheet::opt_out(model, one, canvas, area),
    }
}

/// A framed box in the middle.
pub(super) fn window(canvas: &mut Canvas, area: Rect, columns: u16, rows: u16, title: &str) -> Rect {
    let area = centred(area, columns, rows);
    canvas.clear(area);
    let inner = canvas.panel(area, title, true);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn help(model: &Model, of: Place, scroll: usize, canvas: &mut Canvas, area: Rect) {
    let name = match of {
        Place::Broadcast | Place::Recipients => "this broadcast",
        Place::WizardList | Place::WizardForm | Place::WizardReview => "a new broadcast",
        Place::Filter => "a filter",
        _ if is_screen(of) => model.screen.name(),
        _ => "here",
    };
    let below = model.dialogs.iter().rev().find(|dialog| dialog.place() == of);
    let room = usize::from(area.width.saturating_sub(4 + HELP_KEYS)).min(HELP_ROOM);
    let mut lines: Vec<(String, Role, String)> = Vec::new();
    for entry in actions::heard_in(of) {
        let keys = if canvas.glyphs().lines { entry.shown.to_owned() } else { frame::in_ascii(entry.shown) };
        let why_not = match below {
            Some(dialog) if entry.place == of => {
                (!dialog.offers(model, entry.action)).then(|| dialog.why_not(entry.action))
            }
            None if is_screen(of) => update::available(model, entry.action).err(),
            _ => None,
        };
        let (role, text) = why_not.map_or_else(
            || (Role::Plain, entry.help.to_owned()),
            |why| (Role::Dim, format!("{} (not now: {why})", entry.help)),
        );
        for (row, words) in wrap(&text, room).into_iter().enumerate() {
            lines.push((if row == 0 { keys.clone() } else { String::new() }, role, words));
        }
    }
    let columns = cells(room) + HELP_KEYS + 4;
    let inner = window(canvas, area, columns, cells(lines.len() + 4), &format!("Help: {name}"));
    let rows = usize::from(inner.height.saturating_sub(1));
    let scroll = scroll.min(lines.len().saturating_sub(rows));
    for (row, (keys, role, words)) in lines.iter().skip(scroll).take(rows).enumerate() {
        let keys = canvas.column(keys, usize::from(HELP_KEYS));
        canvas.pieces(inner, cells(row), &[(Role::Key, &keys), (*role, words)]);
    }
    if lines.len() > rows {
        let [_, _, up, down] = canvas.glyphs().arrows;
        let below = lines.len() - rows - scroll;
        let more = if below > 0 { format!("{down} {below} more lines") } else { format!("{up} back up") };
        canvas.text(inner, inner.height.saturating_sub(1), Role::Key, &more);
    }
}

fn draw_palette(model: &Model, palette: &Palette, canvas: &mut Canvas, area: Rect) {
    let found = palette.found();
    let inner = window(canvas, area, 76, 16, "Commands");
    canvas.field(inner, 0, "Find", &palette.input, true);
    if found.is_empty() {
        canvas.text(inner, 2, Role::Dim, "No command has that in its name.");
    }
    let list = Rect { y: inner.y + 2.min(inner.height), height: inner.height.saturating_sub(2), ..inner };
    for (row, entry) in found.iter().take(usize::from(list.height)).enumerate() {
        let possible = update::available(model, entry.action).is_ok();
        let word = canvas.column(&format!(" {} ", entry.word), 24);
        let role = if possible { Role::Strong } else { Role::Dim };
        canvas.pieces(
            list,
            cells(row),
            &[(Role::Key, &format!(" {} ", entry.shown)), (role, &word), (Role::Dim, entry.help)],
        );
        canvas.list_row(list, cells(row), row, palette.cursor);
    }
}

fn draw_confirm(confirm: &Confirm, canvas: &mut Canvas, area: Rect) {
    let lines = wrap(&confirm.text, 60).len();
    let inner = window(canvas, area, 66, cells(lines + 5), &confirm.title);
    let row = canvas.paragraph(inner, 0, Role::Plain, &confirm.text) + 1;
    let role = |marked: bool| if marked { Role::Selected } else { Role::Plain };
    let keep = format!("[ {} ]", confirm.keep);
    let act = format!("[ {} ]", confirm.act);
    let wide = canvas.text(inner, row, role(!confirm.on_act), &keep);
    canvas.hot_row(Rect { width: wide, ..inner }, row, Click::Row(0));
    let rest = Rect { x: inner.x + wide + 3, width: inner.width.saturating_sub(wide + 3), ..inner };
    let wide = canvas.text(rest, row, role(confirm.on_act), &act);
    canvas.hot_row(Rect { width: wide, ..rest }, row, Click::Row(1));
}

fn draw_choose(choose: &Choose, canvas: &mut Canvas, area: Rect) {
    let lines =
        wrap(&choose.text, 72).len() + choose.choices.iter().map(|(words, _)| wrap(words, 68).len()).sum::<usize>();
    let inner = window(canvas, area, 78, cells(lines + 4), &choose.title);
    let mut row = canvas.paragraph(inner, 0, Role::Plain, &choose.text) + 1;
    for (place, (words, _)) in choose.choices.iter().enumerate() {
        let marked = place == choose.cursor;
        let pointer = if marked { canvas.glyphs().pointer } else { " " };
        for (line, words) in wrap(words, usize::from(inner.width).saturating_sub(4)).iter().enumerate() {
            let pointer = if line == 0 { pointer } else { " " };
            canvas.text(inner, row, if marked { Role::Selected } else { Role::Plain }, &format!("{pointer} {words} "));
            canvas.hot_row(inner, row, Click::Row(place));
            row += 1;
        }
    }
}

/// What costs money: under the word REAL or REHEARSAL and the sender's name.
fn draw_count(model: &Model, count: &CountBox, canvas: &mut Canvas, area: Rect) {
    let lines = wrap(&count.text, 66).len();
    let inner = window(canvas, area, 72, cells(lines + 8), &count.title);
    let mode = match model.rehearsal() {
        Some(true) => (Role::Rehearsal, " REHEARSAL "),
        _ => (Role::Real, " REAL "),
    };
    canvas.pieces(inner, 0, &[mode, (Role::Strong, &format!("  from {}", words::sender_name(model)))]);
    let row = canvas.paragraph(inner, 2, Role::Plain, &count.text) + 1;
    let name = format!("Type {} to send:", thousands(count.people));
    canvas.field(inner, row, &name, &count.field, true);
    let ready = if count.is_typed() {
        (Role::Good, "Enter sends.")
    } else {
        (Role::Dim, "Nothing is sent before that; Esc leaves.")
    };
    canvas.text(inner, row + 1, ready.0, ready.1);
}

fn draw_note(note: &Note, canvas: &mut Canvas, area: Rect) {
    let room = usize::from(area.width.saturating_sub(6)).min(94);
    let lines: Vec<String> = note
        .lines
        .iter()
        .flat_map(|line| if line.is_empty() { vec![String::new()] } else { wrap(line, room) })
        .collect();
    let inner = window(canvas, area, cells(room + 4), cells(lines.len() + 3), &note.title);
    let rows = usize::from(inner.height.saturating_sub(1));
    let scroll = note.scroll.min(lines.len().saturating_sub(rows));
    for (row, line) in lines.iter().skip(scroll).take(rows).enumerate() {
        canvas.text(inner, cells(row), Role::Plain, line);
    }
    let more = if lines.len() > rows { "Scroll for more. " } else { "" };
    canvas.text(inner, inner.height.saturating_sub(1), Role::Dim, &format!("{more}Esc closes."));
}

/// A summary without frames, colours and keys of the mouse: the terminal's own selection takes it whole.
pub fn plain(lines: &[String], canvas: &mut Canvas, area: Rect) {
    let room = usize::from(area.width);
    let mut row = 0;
    for line in lines.iter().flat_map(|line| wrap(line, room)) {
        canvas.text(area, row, Role::Plain, &line);
        row += 1;
    }
    canvas.text(
        area,
        (row + 1).min(area.height - 1),
        Role::Dim,
        "Select it with the mouse. y copies it, Esc goes back.",
    );
}

fn draw_pace(one: &PaceBox, canvas: &mut Canvas, area: Rect) {
    let inner = window(canvas, area, 50, 7, "Pace");
    let now = if one.now > 0.0 { format!("{} a second", pace(one.now)) } else { "no limit".to_owned() };
    canvas.pieces(inner, 0, &[(Role::Plain, "Now  "), (Role::Plain, &now)]);
    canvas.pieces(inner, 1, &[(Role::Plain, "New  "), (Role::Strong, &format!("{} a second", pace(one.value)))]);
    let limit = if one.limit > 0.0 {
        format!("The limit is {} a second.", pace(one.limit))
    } else {
        "No limit is set.".to_owned()
    };
    canvas.text(inner, 2, Role::Dim, &limit);
    canvas.pieces(
        inner,
        4,
        &[
            (Role::Key, "+ -"),
            (Role::Plain, " change, "),
            (Role::Key, "Enter"),
            (Role::Plain, " sets, "),
            (Role::Key, "Esc"),
            (Role::Plain, " leaves it"),
        ],
    );
}

/// What runs, and what becomes of it.
fn what_runs(model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    match &model.import {
        Some(Import::Running { file, what: What::Numbers, .. }) => {
            lines.push(format!("{file} is being loaded: it is given up, nothing of it stays."));
        }
        Some(Import::Running { file, .. }) => {
            lines.push(format!("{file} is being read: who was noted by then stays noted, the rest is not."));
        }
        _ => {}
    }
    if let Some(words) = update::under_way(model) {
        lines.push(format!("{words}."));
    }
    let Some(snapshot) = model.newest() else { return lines };
    let ours = snapshot.driver == Driver::Us;
    for view in &snapshot.open {
        let name = words::name_of(view);
        let left = people(words::to_go(view));
        lines.push(match view.broadcast.status {
            BroadcastStatus::Running => {
                let done = view
                    .done_at
                    .map_or_else(String::new, |at| format!(", done by {}", model.facts.zone.at(at, model.now)));
                format!("{name} is going out: {left} to go{done}.")
            }
            BroadcastStatus::Scheduled => {
                let at = view
                    .broadcast
                    .start_at
                    .map_or_else(String::new, |at| format!(" {}", model.facts.zone.at(at, model.now)));
                if model.facts.temporary {
                    format!("{name} is planned for{at}, but will not start: the demo keeps nothing.")
                } else if ours {
                    format!("{name} is planned for{at}: it starts only if a wacast runs then.")
                } else {
                    format!("{name} starts{at}.")
                }
            }
            BroadcastStatus::Paused if model.facts.temporary => format!("{name} is paused: {left} will not get it."),
            BroadcastStatus::Paused => format!("{name} is paused: {left} wait, it stays so."),
            _ => format!("{name} is getting ready."),
        });
    }
    for schedule in snapshot.schedules.iter().filter(|schedule| schedule.enabled && ours) {
        if let Some(at) = schedule.next_fire_at {
            let name = match schedule.definition.label.as_str() {
                "" => &schedule.definition.template.name,
                label => label,
            };
            lines.push(format!(
                "{name} starts again {}, but not while wacast is closed.",
                model.facts.zone.at(at, model.now)
            ));
        }
    }
    lines
}

fn draw_quit(model: &Model, quit: &QuitBox, canvas: &mut Canvas, area: Rect) {
    let runs = what_runs(model);
    let follows = what_follows(model, quit.stops, runs.is_empty());
    let room = usize::from(area.width.saturating_sub(4)).min(74);
    let answers: Vec<Vec<String>> = quit.answers().iter().map(|(words, _)| wrap(words, room - 3)).collect();
    let answer_rows: usize = answers.iter().map(Vec::len).sum();
    let follow_rows = follows.as_ref().map_or(0, |(_, words)| wrap(words, room).len());
    // Whatever runs, the answers are never cut off.
    let left = usize::from(area.height).saturating_sub(answer_rows + follow_rows + 4);
    let lines: Vec<Vec<String>> = runs.iter().map(|line| wrap(line, room)).collect();
    let fits =
        |most: usize| lines.iter().take(most).map(Vec::len).sum::<usize>() + usize::from(most < lines.len()) <= left;
    let most = (0..=lines.len().min(QUIT_RUNS)).rev().find(|most| fits(*most)).unwrap_or(0);
    let shown: Vec<&String> = lines.iter().take(most).flatten().collect();
    let rest = lines.len() - most;
    let rows = shown.len() + usize::from(rest > 0) + follow_rows + answer_rows + 4;
    let inner = window(canvas, area, 78, cells(rows), "Quit?");
    let mut row = 0;
    for line in shown {
        canvas.text(inner, row, Role::Plain, line);
        row += 1;
    }
    if rest > 0 {
        let words = if most > 0 {
            format!("and {} more.", thousands(rest as u64))
        } else {
            format!("{} things are planned or going on.", thousands(rest as u64))
        };
        canvas.text(inner, row, Role::Dim, &words);
        row += 1;
    }
    if let Some((role, words)) = follows {
        row = canvas.paragraph(inner, row, role, &words);
    }
    row += 1;
    for (place, lines) in answers.iter().enumerate() {
        let marked = place == quit.cursor;
        for (line, words) in lines.iter().enumerate() {
            let pointer = if marked && line == 0 { canvas.glyphs().pointer } else { " " };
            canvas.text(inner, row, if marked { Role::Selected } else { Role::Plain }, &format!("{pointer} {words} "));
            canvas.hot_row(inner, row, Click::Row(place));
            row += 1;
        }
    }
}

/// What quitting means for what runs: what stops, what becomes of it, and what carries it on.
fn what_follows(model: &Model, stops: Stops, nothing_runs: bool) -> Option<(Role, String)> {
    let words = match stops {
        _ if model.facts.temporary => {
            "This is the demo: everything in it is gone when you quit, also what was loaded or planned."
        }
        Stops::Sending => {
            "Quitting stops the sending. Who has not got it yet gets it when wacast runs again: nobody is lost, nobody is sent \
             to twice."
        }
        Stops::Planned => "It is all kept: start wacast again in time, here or as a service, and it goes on.",
        Stops::NothingHere => {
            let driver = model.newest().map_or(&Driver::Nobody, |picture| &picture.driver);
            return Some((Role::Good, words::carried_by(driver, false)));
        }
        Stops::Nothing if nothing_runs => return Some((Role::Plain, "Nothing is being sent.".to_owned())),
        Stops::Nothing => return None,
    };
    Some((Role::Dim, words.to_owned()))
}
