//! Log, its other half: what wacast itself has to say, the newest first, and the marked event in full.

use super::canvas::{Canvas, top};
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::text::{cells, wrap};
use crate::logging::Event;
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let events = &model.events;
    let listed = events.listed();
    let zone = model.facts.zone.short_name(model.shown_now());
    let mut state = vec![format!("{}, newest first", events.level.words())];
    state.push(events.list.words::<Event>(listed.len(), events.rows.len(), &[]));
    state.retain(|words| !words.is_empty());
    let room = usize::from(area.width.saturating_sub(4));
    let marked = events.marked();
    let detail_rows =
        marked.map_or(0, |event| cells(wrap(&event.text, room).len() + 3).clamp(4, (area.height / 2).max(4)));
    let (list, detail) = top(area, area.height.saturating_sub(detail_rows));
    let title = format!("Log: wacast's own events, times in {zone}, {}", state.join(", "));
    let inner = canvas.panel(list, &title, true);
    if listed.is_empty() {
        let words = match (events.read, events.rows.is_empty()) {
            (false, _) => " Reading …",
            (true, true) => " Nothing yet. What wacast does beside sending will be listed here.",
            (true, false) => " No event is like that. / changes the words, s the level.",
        };
        canvas.text(inner, 0, Role::Plain, words);
        return;
    }
    let cursor = events.list.place(listed.len());
    let (rows, first) = canvas.list(inner, cursor, listed.len());
    for (line, (place, event)) in listed.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        let line = cells(line);
        let glyphs = canvas.glyphs();
        let (glyph, word, role) = match event.level {
            "error" => (glyphs.failed, "error", Role::Bad),
            "warn" => (glyphs.unsure, "warn", Role::Warn),
            _ => (glyphs.on, "info", Role::Dim),
        };
        let time = model.facts.zone.clock(event.at);
        canvas.pieces(
            rows,
            line,
            &[(Role::Dim, &format!(" {time} ")), (role, &format!("{glyph} {word:<6}")), (Role::Plain, &event.text)],
        );
        canvas.list_row(rows, line, place, cursor);
    }
    if let Some(event) = marked {
        let inner = canvas.panel(detail, "The marked event", false);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let at = model.facts.zone.at(event.at, model.shown_now());
        canvas.text(inner, 0, Role::Dim, &format!("{at}, {}", event.target));
        canvas.paragraph(inner, 1, Role::Plain, &event.text);
    }
}
