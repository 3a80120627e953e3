//! The dialog with one field.

use super::canvas::{Canvas, centred};
use crate::console::ask::Ask;
use crate::console::look::Role;
use crate::console::text::{cells, wrap};
use ratatui::layout::Rect;

/// Draws it in the middle.
pub fn render(ask: &Ask, canvas: &mut Canvas, area: Rect) {
    let columns = 76.min(area.width);
    let room = usize::from(columns.saturating_sub(4));
    let trouble = if ask.trouble.is_empty() { 0 } else { wrap(&ask.trouble, room).len() + 1 };
    let lines: usize = ask.lines.iter().map(|line| wrap(line, room).len()).sum();
    let area = centred(area, columns, cells(lines + trouble + 5));
    canvas.clear(area);
    let inner = canvas.panel(area, &ask.title, true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    // What went wrong and the field itself stay in sight in a small window.
    let (below, last) = if ask.waiting {
        (Role::Plain, "Asking …")
    } else {
        (Role::Dim, "Enter takes it; Esc leaves everything as it is.")
    };
    let mut row = 0;
    let most = inner.height.saturating_sub(cells(trouble + 2));
    let explained = Rect { height: most, ..inner };
    for line in &ask.lines {
        row = canvas.paragraph(explained, row, Role::Plain, line);
    }
    let mut row = (row + 1).min(most);
    canvas.field(inner, row, ask.name, &ask.field, !ask.waiting);
    row += 1;
    if trouble > 0 {
        row = canvas.paragraph(inner, row, Role::Bad, &ask.trouble);
    }
    canvas.text(inner, row, below, last);
}
