//! Schedule: what is to start, once or again and again, the next one first.

use super::canvas::{Canvas, top};
use crate::console::look::Role;
use crate::console::model::{Coming, Model};
use crate::console::text::cells;
use crate::console::words;
use crate::service::view::Driver;
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let title = format!("What is to start, times in {}", model.facts.zone.name());
    let inner = canvas.panel(area, &title, true);
    let Some(snapshot) = &model.snapshot else {
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    };
    let coming = model.coming();
    if coming.is_empty() {
        canvas.text(inner, 0, Role::Strong, " Nothing is planned.");
        let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let words = "n puts a broadcast together; its step \"When\" takes a time, like 18:00 or tomorrow 6pm.";
        let row = canvas.paragraph(text, 2, Role::Plain, words);
        let words = "The same step has \"again and again\", like every Friday at 18:00. It shows here then, and t switches it off and on.";
        canvas.paragraph(text, row + 1, Role::Dim, words);
        return;
    }
    let (rows, foot) = top(inner, inner.height.saturating_sub(2));
    let cursor = model.schedule_list.place(coming.len());
    let (rows, first) = canvas.list(rows, cursor, coming.len());
    for (row, (place, one)) in coming.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        line(model, *one, canvas, rows, cells(row));
        canvas.list_row(rows, cells(row), place, cursor);
    }
    let text = Rect { x: foot.x + 1, width: foot.width.saturating_sub(2), ..foot };
    let role = if snapshot.driver == Driver::Nobody { Role::Warn } else { Role::Dim };
    canvas.paragraph(text, 0, role, &words::carried_by(&snapshot.driver, model.facts.ssh_without_multiplexer));
}

fn line(model: &Model, coming: Coming<'_>, canvas: &mut Canvas, area: Rect, row: u16) {
    let glyphs = canvas.glyphs();
    let when = coming.at().map_or_else(
        || "not by itself".to_owned(),
        |at| {
            let now = model.shown_now();
            let today = if model.facts.zone.is_today(at, now) { "today " } else { "" };
            format!("{today}{}, in {}", model.facts.zone.at(at, now), words::lasting(at.since(now)))
        },
    );
    let when = canvas.column(&when, 38);
    let (glyph, role, how) = match coming {
        Coming::Once(_) => (glyphs.waiting, Role::Plain, "once".to_owned()),
        Coming::Again(schedule) => {
            let times = crate::service::schedules::recurrence(&schedule.cron, &schedule.zone, model.shown_now(), 1);
            let how = times.map_or_else(|_| schedule.cron.clone(), |read| read.words);
            if schedule.enabled {
                (glyphs.on, Role::Good, how)
            } else {
                (glyphs.paused, Role::Dim, format!("off: {how}"))
            }
        }
    };
    canvas.pieces(
        area,
        row,
        &[
            (role, &format!(" {glyph} ")),
            (Role::Strong, &when),
            (Role::Plain, &coming.name()),
            (Role::Dim, &format!("  {how}")),
        ],
    );
}
