//! What every screen has: header, tabs, the line for what just happened, footer; and the card for small terminals.

use super::canvas::{Canvas, Piece};
use super::{LEAST, canvas};
use crate::console::actions::{self, Action, Entry, is_screen};
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::{Model, Screen};
use crate::console::text::{cells, pace, thousands, width, wrap};
use crate::console::{update, words};
use crate::domain::state::BroadcastStatus;
use ratatui::layout::Rect;

/// From this width on the header has room for a time.
const ROOM_FOR_A_CLOCK: u16 = 100;
/// A sender's name is not cut to fewer columns than these.
const LEAST_OF_A_NAME: usize = 6;
/// Most rows that the line for what just happened takes.
const TOAST_ROWS: usize = 3;

/// Draws them and returns what is left for the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) -> Rect {
    header(model, canvas, area);
    tabs(model, canvas, area);
    let rows = toast_rows(model, area);
    let toast = Rect { y: area.bottom() - 1 - rows, height: rows, ..area };
    toast_line(model, canvas, toast);
    footer(model, canvas, Rect { y: area.bottom() - 1, height: 1, ..area });
    Rect { y: area.y + 2, height: area.height.saturating_sub(3 + rows), ..area }
}

/// How many rows what just happened takes: what to do next stands at its end, and must not be cut off.
pub fn toast_rows(model: &Model, area: Rect) -> u16 {
    let typing = model.listing().is_some_and(|list| list.typing);
    match &model.toast {
        Some(toast) if !typing => cells(wrap(&toast.text, toast_room(area)).len().clamp(1, TOAST_ROWS)),
        _ => 1,
    }
}

fn toast_room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(2)).max(1)
}

/// REAL or REHEARSAL, before anything else, and how the sender stands.
pub fn header(model: &Model, canvas: &mut Canvas, area: Rect) {
    let glyphs = canvas.glyphs();
    let Some(snapshot) = &model.snapshot else {
        canvas.pieces(area, 0, &[(Role::Strong, " wacast "), (Role::Dim, "asking the store …")]);
        return;
    };
    let mode: Piece = if snapshot.rehearsal { (Role::Rehearsal, " REHEARSAL ") } else { (Role::Real, " REAL ") };
    let watch: Piece = if model.facts.read_only { (Role::Warn, "read only ") } else { (Role::Plain, "") };
    let mut used = canvas.pieces(area, 0, &[(Role::Strong, " wacast "), mode, (Role::Plain, " "), watch]);
    if let Some(since) = model.frozen {
        let at =
            if area.width < ROOM_FOR_A_CLOCK { String::new() } else { format!(" {}", model.facts.zone.clock(since)) };
        used += canvas.put(area, 0, used, Role::Warn, &format!("FROZEN{at} "));
    }
    // What stands still does not look alive.
    let live = if model.frozen.is_some() { Role::Dim } else { Role::Plain };
    let sender = snapshot.sender.as_ref();
    let rating = words::quality(sender.map_or("", |sender| &sender.quality_rating), glyphs);
    let quality = if sender.is_some() { format!("{} {}", rating.0, rating.1) } else { "not asked yet".to_owned() };
    let speed = if snapshot.engine.pace > 0.0 {
        format!("{}/s", pace(snapshot.engine.pace))
    } else {
        "no pace limit".to_owned()
    };
    let today = snapshot
        .budget
        .map_or_else(String::new, |budget| format!("today {} of {}", thousands(budget.used), thousands(budget.limit)));
    let rest = width(&quality) + width(&speed) + width(&today) + 6;
    let room = usize::from(area.width - used.min(area.width)).saturating_sub(rest);
    // Where there is no room for both, the number tells senders apart better than the name.
    let room = room.max(12);
    let (name, number) = sender.map_or_else(
        || ("sender", snapshot.sender_id.as_str()),
        |sender| (sender.verified_name.as_str(), sender.display_phone_number.as_str()),
    );
    let name_room = room.saturating_sub(width(number) + 1);
    let shown = if name_room < LEAST_OF_A_NAME {
        canvas.fit(if number.is_empty() { name } else { number }, cells(room))
    } else {
        format!("{} {number}", canvas.fit(name, cells(name_room)))
    };
    used += canvas.put(area, 0, used, Role::Strong, &shown);
    for (role, text) in [(rating.2, quality), (live, speed), (live, today)] {
        if !text.is_empty() {
            used += canvas.put(area, 0, used, Role::Plain, "  ");
            used += canvas.put(area, 0, used, role, &text);
        }
    }
}

/// The screens, by number and name; only the number where there is no room.
fn tabs(model: &Model, canvas: &mut Canvas, area: Rect) {
    let problems = model.snapshot.as_ref().map_or(0, |snapshot| snapshot.problems.len());
    let all: usize = Screen::ALL.iter().map(|screen| screen.name().len() + 3).sum();
    let roomy = usize::from(area.width) >= all + 8;
    let mut used = 0;
    for (place, screen) in Screen::ALL.into_iter().enumerate() {
        let marked = screen == model.screen;
        let name = if marked || usize::from(area.width) + 1 >= all { screen.name() } else { "" };
        let role = match screen {
            _ if marked => Role::Selected,
            Screen::Problems if problems > 0 => Role::Warn,
            _ => Role::Plain,
        };
        let alarm = if screen == Screen::Problems && problems > 0 && (roomy || name.is_empty()) { "!" } else { "" };
        let around = if roomy { " " } else { "" };
        let words = format!("{}{alarm} {name}", place + 1);
        let words = format!("{around}{}{around}", words.trim_end());
        let wide = canvas.put(area, 1, used, role, &words);
        canvas.hot(Rect { x: area.x + used, y: area.y + 1, width: wide, height: 1 }, Click::Act(Action::Show(screen)));
        used += wide + 1;
    }
    if let Some(snapshot) = &model.snapshot {
        let running = snapshot.open.iter().filter(|view| view.broadcast.status == BroadcastStatus::Running).count();
        let words = match running {
            0 => String::new(),
            1 => format!("{} 1 broadcast is going out ", canvas.glyphs().on),
            many => format!("{} {many} broadcasts are going out ", canvas.glyphs().on),
        };
        canvas.right(area, 1, used, Role::Good, &words);
    }
}

fn toast_line(model: &Model, canvas: &mut Canvas, area: Rect) {
    if let Some(list) = model.listing().filter(|list| list.typing) {
        canvas.field(
            Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area },
            0,
            if model.screen == Screen::Numbers { model.numbers.filter_name() } else { "Filter" },
            &list.filter,
            true,
        );
    } else if let Some(toast) = &model.toast {
        for (row, line) in wrap(&toast.text, toast_room(area)).iter().take(TOAST_ROWS).enumerate() {
            canvas.pieces(area, cells(row), &[(Role::Plain, " "), (toast.role, line)]);
        }
    } else if model.frozen.is_some() {
        let since = model.facts.zone.clock(model.shown_now());
        let words = format!("Since {since} the screen is frozen: f follows again. Sending goes on.");
        canvas.pieces(area, 0, &[(Role::Plain, " "), (Role::Warn, &words)]);
    } else if let Some(trouble) = model.snapshot.as_ref().and_then(|snapshot| snapshot.store_trouble.as_ref()) {
        let words = format!("The store does not answer; these are the last known figures. {trouble}");
        canvas.pieces(area, 0, &[(Role::Plain, " "), (Role::Bad, &words)]);
    }
}

/// The keys of the place that has them, from the registry. What cannot be done now is dim.
pub fn footer(model: &Model, canvas: &mut Canvas, area: Rect) {
    let place = model.place();
    let on_screen = is_screen(place);
    if !on_screen {
        canvas.clear(area);
    }
    let mut used = canvas.put(area, 0, 0, Role::Plain, " ");
    let offered = |action| model.dialogs.last().is_none_or(|dialog| dialog.offers(model, action));
    let shown_keys = |entry: &Entry| if canvas.glyphs().lines { entry.shown.to_owned() } else { in_ascii(entry.shown) };
    let entries: Vec<(&Entry, String)> = actions::heard_in(place)
        .filter(|entry| entry.footer && offered(entry.action) && !(on_screen && is_idle_talk(model, entry.action)))
        .map(|entry| (entry, shown_keys(entry)))
        .collect();
    let wide = |(entry, shown): &(&Entry, String)| width(shown) + width(entry.word) + 3;
    let can = |entry: &Entry| !on_screen || update::available(model, entry.action).is_ok();
    // Help names all the others, and the way back must not be missing; then what can be done now, then the rest. The
    // blanks behind the last one may be cut.
    let rank = |entry: &Entry| match entry.action {
        Action::Help => 0,
        Action::Back => 1,
        _ if can(entry) => 2,
        _ => 3,
    };
    let mut left = usize::from(area.width) + 1;
    let mut by_rank: Vec<_> = entries.iter().collect();
    by_rank.sort_by_key(|(entry, _)| rank(entry));
    let mut fit = Vec::new();
    for one in by_rank {
        if wide(one) <= left {
            left -= wide(one);
            fit.push(one.0.action);
        }
    }
    for one in entries.iter().filter(|one| fit.contains(&one.0.action)) {
        let (entry, shown) = one;
        let possible = can(entry);
        let roles = if possible { (Role::Key, Role::Plain) } else { (Role::Dim, Role::Dim) };
        let begin = used;
        used += canvas.put(area, 0, used, roles.0, shown);
        let word = format!(" {}  ", entry.word);
        let fits = width(&word) <= usize::from(area.width.saturating_sub(used));
        used += canvas.put(area, 0, used, roles.1, if fits { &word } else { word.trim_end() });
        let width = used - begin;
        canvas.hot(Rect { x: area.x + begin, width, ..area }, Click::Act(entry.action));
    }
}

/// What stands in no footer: to pause, resume or cancel on Live when nothing is there to be paused, resumed or cancelled. The
/// key itself says why not, and so does help.
fn is_idle_talk(model: &Model, action: Action) -> bool {
    model.screen == Screen::Live
        && model.open().is_empty()
        && matches!(action, Action::Pause | Action::Resume | Action::Cancel)
}

/// Arrows by their names, for terminals without UTF-8.
pub fn in_ascii(keys: &str) -> String {
    keys.replace('↑', "Up").replace('↓', "Down").replace('←', "Left").replace('→', "Right")
}

/// Too small to work in: says so, and that sending goes on.
pub fn too_small(model: &Model, canvas: &mut Canvas, area: Rect) {
    let mode = match model.rehearsal() {
        Some(true) => "REHEARSAL",
        Some(false) => "REAL",
        None => "wacast",
    };
    let sending = model.open().iter().any(|view| view.broadcast.status == BroadcastStatus::Running);
    let goes_on = if sending { " Sending goes on meanwhile." } else { "" };
    let words = format!(
        "{mode}\nThis window is {} x {}. wacast needs {} x {} or more: make it larger.{goes_on}",
        area.width, area.height, LEAST.0, LEAST.1
    );
    let inner = canvas::centred(area, area.width.min(44), area.height);
    canvas.paragraph(inner, 0, Role::Strong, &words);
}
