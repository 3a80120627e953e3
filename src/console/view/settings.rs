//! Settings: how account and token stand, every setting with where it comes from, where files lie; the marked row in
//! full below or beside the list.

use super::canvas::{Canvas, columns, top};
use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::settings::{Counts, Setting};
use crate::console::settings_list::{Row, rows};
use crate::console::text::{cells, wrap};
use ratatui::layout::Rect;

/// A line of the list: a section's name, or the row at this place.
enum Line {
    Section(usize),
    Row(usize),
}

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let rows = rows(model);
    let cursor = model.settings.list.place(rows.len());
    let marked = rows.get(cursor);
    let (list, detail) = if area.width >= 120 {
        let [left, right] = columns(area, [3, 2]);
        (left, right)
    } else {
        let room = usize::from(area.width.saturating_sub(4));
        let detail_rows = marked.map_or(0, |row| {
            let lines = about(row).iter().map(|(_, words)| wrap(words, room).len()).sum::<usize>();
            cells(lines + 2).min(area.height / 2)
        });
        top(area, area.height.saturating_sub(detail_rows))
    };
    let inner = canvas.panel(list, "Settings", true);
    if let (None, Load::Waiting) = (&model.snapshot, &model.settings.all) {
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    }
    let inner = if let Load::Failed(words) = &model.settings.all {
        let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let used = canvas.paragraph(text, 0, Role::Bad, words);
        top(inner, used).1
    } else {
        inner
    };
    if rows.is_empty() {
        canvas.text(inner, 0, Role::Plain, " No setting holds these words. / changes them.");
        return;
    }
    let mut lines = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        if place == 0 || rows[place - 1].section() != row.section() {
            lines.push(Line::Section(place));
        }
        lines.push(Line::Row(place));
    }
    let at = lines.iter().position(|line| matches!(line, Line::Row(place) if *place == cursor)).unwrap_or(0);
    let (shown, first) = canvas.list(inner, at, lines.len());
    let name_room = if shown.width >= 100 { 24 } else { 21 };
    for (line, here) in lines.iter().skip(first).take(usize::from(shown.height)).enumerate() {
        let line = cells(line);
        match here {
            Line::Section(place) => {
                canvas.text(shown, line, Role::Strong, &format!(" {}", rows[*place].section()));
            }
            Line::Row(place) => {
                draw(&rows[*place], canvas, shown, line, name_room);
                canvas.list_row(shown, line, *place, cursor);
            }
        }
    }
    if let Some(row) = marked {
        let inner = canvas.panel(detail, row.name(), false);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let mut line = 0;
        for (role, words) in about(row) {
            line = canvas.paragraph(inner, line, role, &words);
        }
    }
}

fn draw(row: &Row, canvas: &mut Canvas, area: Rect, line: u16, name_room: usize) {
    let name = canvas.column(row.name(), name_room);
    let role = if row.is_changed_here() { Role::Plain } else { Role::Dim };
    let next = match row {
        Row::Setting(Setting { next: Some(next), .. }) => format!("  ({next} from the next start on)"),
        _ => String::new(),
    };
    canvas.pieces(area, line, &[(role, &format!("   {name} ")), (Role::Plain, &row.value()), (Role::Warn, &next)]);
}

/// The marked row in full.
fn about(row: &Row) -> Vec<(Role, String)> {
    match row {
        Row::Token(words) => vec![
            (Role::Plain, format!("The access token: {words}.")),
            (
                Role::Dim,
                "It is never shown. Enter or T takes a new one: it is tried first, and what was paused for the old \
                         one goes on."
                    .to_owned(),
            ),
        ],
        Row::OwnNumbers(words) => vec![
            (Role::Plain, words.clone()),
            (
                Role::Dim,
                "Where t in the review of a new broadcast sends its message first. Enter changes them.".to_owned(),
            ),
        ],
        Row::Fact(_, words) => vec![(Role::Plain, words.clone())],
        Row::Lies(lies) => vec![(Role::Plain, lies.path.clone()), (Role::Dim, lies.what.clone())],
        Row::Setting(setting) => about_setting(setting),
    }
}

fn about_setting(setting: &Setting) -> Vec<(Role, String)> {
    let mut lines = vec![(Role::Plain, setting.what.clone()), (Role::Dim, format!("From: {}.", setting.from))];
    if let Some(next) = &setting.next {
        lines.push((Role::Warn, format!("{} is in use; {next} counts from the next start on.", setting.value)));
    }
    lines.push(match setting.counts {
        Some(Counts::AtOnce) => (Role::Dim, "Enter changes it; it counts here at once.".to_owned()),
        Some(Counts::NextStart) => (Role::Dim, "Enter changes it; it counts from the next start on.".to_owned()),
        None if setting.is_token() => (Role::Dim, "Enter or T takes a new one, tried with WhatsApp first.".to_owned()),
        None => (Role::Dim, "Changed in the configuration file itself, with an editor.".to_owned()),
    });
    lines
}
