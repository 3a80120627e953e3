//! Problems: what needs a person, and what to do about the marked one.

use super::canvas::{Canvas, top};
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::text::{cells, wrap};
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some(snapshot) = &model.snapshot else {
        let inner = canvas.panel(area, "What needs a person", true);
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    };
    let problems = &snapshot.problems;
    if problems.is_empty() {
        let inner = canvas.panel(area, "What needs a person", true);
        canvas.pieces(
            inner,
            0,
            &[(Role::Good, &format!(" {} ", canvas.glyphs().done)), (Role::Strong, "Nothing needs you.")],
        );
        let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let words = "Here you will find people who may or may not have got a message, broadcasts that were held and why, a \
                     template that was paused, a token near its end, a sender whose quality falls, receipts that stay away.";
        canvas.paragraph(text, 2, Role::Dim, words);
        return;
    }
    let cursor = model.problems_list.place(problems.len());
    let marked = &problems[cursor];
    let room = usize::from(area.width.saturating_sub(4));
    let detail_rows = cells(wrap(&marked.what, room).len() + wrap(&marked.advice, room).len() + 4);
    let (list, detail) = top(area, area.height.saturating_sub(detail_rows).max(4));
    let inner = canvas.panel(list, &format!("What needs a person: {}", problems.len()), true);
    let (rows, first) = canvas.list(inner, cursor, problems.len());
    for (row, (place, problem)) in problems.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        let row = cells(row);
        canvas.pieces(
            rows,
            row,
            &[(Role::Warn, &format!(" {} ", canvas.glyphs().unsure)), (Role::Plain, &problem.what)],
        );
        canvas.list_row(rows, row, place, cursor);
    }
    let inner = canvas.panel(detail, "What to do", false);
    let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let row = canvas.paragraph(text, 0, Role::Strong, &marked.what);
    let row = canvas.paragraph(text, row, Role::Plain, &marked.advice);
    if marked.broadcast.is_some() {
        canvas.pieces(text, row, &[(Role::Key, "Enter"), (Role::Plain, " opens the broadcast.")]);
    }
}
