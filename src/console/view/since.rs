//! The card "since you were last here".

use super::canvas::{Canvas, centred, top};
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::since::{Row, SinceCard};
use crate::console::text::{cells, width, wrap};
use crate::console::words;
use ratatui::layout::Rect;

/// What stands in front of a line's words: its glyph and its kind.
const KIND: usize = 14;

/// Draws it.
pub fn render(model: &Model, card: &SinceCard, canvas: &mut Canvas, area: Rect) {
    let columns = area.width.saturating_sub(2).min(110);
    // What does not fit its line stands below in full when it is marked.
    let room = usize::from(columns.saturating_sub(4));
    let whole = |row: &Row| if width(&row.text) + KIND > room { wrap(&row.text, room) } else { Vec::new() };
    let most = card.rows.iter().map(|row| whole(row).len()).max().unwrap_or(0);
    let area = centred(area, columns, cells(card.rows.len().max(1) + 4 + most));
    canvas.clear(area);
    let when = format!("{}, {}", model.facts.zone.at(card.since, model.now), words::ago(card.since, model.now));
    let inner = canvas.panel(area, &format!("Since you were last here ({when})"), true);
    let (list, foot) = top(inner, inner.height.saturating_sub(cells(1 + most)));
    let (marked, foot) = top(foot, cells(most));
    for (line, words) in card.rows.get(card.cursor).map(whole).unwrap_or_default().iter().enumerate() {
        canvas.text(marked, cells(line), Role::Strong, &format!(" {words}"));
    }
    if card.rows.is_empty() {
        canvas.text(list, 0, Role::Plain, " Nothing happened.");
    }
    let (rows, first) = canvas.list(list, card.cursor, card.rows.len());
    for (line, (place, row)) in card.rows.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        let line = cells(line);
        let glyphs = canvas.glyphs();
        let glyph = match row.role {
            Role::Good => glyphs.done,
            Role::Bad => glyphs.failed,
            Role::Warn if row.kind == "held" => glyphs.paused,
            Role::Warn => glyphs.unsure,
            _ => glyphs.on,
        };
        let kind = canvas.column(row.kind, 10);
        canvas.pieces(rows, line, &[(row.role, &format!(" {glyph} {kind} ")), (Role::Plain, &row.text)]);
        canvas.list_row(rows, line, place, card.cursor);
    }
    let words = if card.more {
        " There is more than is told here: 2 shows all broadcasts."
    } else if card.rows.is_empty() {
        " Esc closes."
    } else {
        " Enter opens the marked one, Esc closes; L shows this again."
    };
    canvas.text(foot, 0, Role::Dim, words);
}
