//! A buffer with the console's look: everything that is drawn goes through here, cut to its place.

use crate::console::field::Field;
use crate::console::look::{Glyphs, Look, Role};
use crate::console::message::Click;
use crate::console::text::{cells, clean, column, fit, width, wrap};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// A piece of a line: what it is there for, and its text.
pub type Piece<'a> = (Role, &'a str);

/// What is drawn on.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    look: Look,
    cursor: Option<Position>,
    /// What a click means where; what was drawn later lies on top.
    hot: Vec<(Rect, Click)>,
}

impl<'a> Canvas<'a> {
    /// Draws on a buffer.
    pub fn new(buffer: &'a mut Buffer, look: Look) -> Self {
        Self { buffer, look, cursor: None, hot: Vec::new() }
    }

    /// A click in this row of an area means this.
    pub fn hot_row(&mut self, area: Rect, row: u16, click: Click) {
        if row < area.height {
            self.hot(Rect { y: area.y + row, height: 1, ..area }, click);
        }
    }

    /// A click in this area means this.
    pub fn hot(&mut self, area: Rect, click: Click) {
        self.hot.push((area.intersection(self.buffer.area), click));
    }

    /// What a click means where, the topmost last.
    pub fn take_hot(&mut self) -> Vec<(Rect, Click)> {
        std::mem::take(&mut self.hot)
    }

    /// The glyphs.
    pub fn glyphs(&self) -> Glyphs {
        self.look.glyphs
    }

    /// Where the cursor is to be shown.
    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Shows no cursor: what is drawn next lies over the field that had it.
    pub fn hide_cursor(&mut self) {
        self.cursor = None;
    }

    /// Text cut to the width that there is.
    pub fn fit(&self, text: &str, room: u16) -> String {
        fit(text, usize::from(room), self.look.glyphs.ellipsis)
    }

    /// Text cut or filled to exactly this width.
    pub fn column(&self, text: &str, room: usize) -> String {
        column(text, room, self.look.glyphs.ellipsis)
    }

    /// Draws text in a row of an area; nothing is drawn outside. Returns the cells used.
    pub fn text(&mut self, area: Rect, row: u16, role: Role, text: &str) -> u16 {
        self.pieces(area, row, &[(role, text)])
    }

    /// Draws pieces one after the other in a row of an area. Returns the cells used.
    pub fn pieces(&mut self, area: Rect, row: u16, pieces: &[Piece]) -> u16 {
        let mut used = 0;
        for (role, text) in pieces {
            used += self.put(area, row, used, *role, text);
        }
        used
    }

    /// Draws text that ends at the right edge, when there is room after `used` cells.
    pub fn right(&mut self, area: Rect, row: u16, used: u16, role: Role, text: &str) {
        let wide = cells(width(text));
        if used + wide < area.width {
            self.put(area, row, area.width - wide, role, text);
        }
    }

    /// Draws at a place of an area.
    pub fn put(&mut self, area: Rect, row: u16, column: u16, role: Role, text: &str) -> u16 {
        let area = area.intersection(self.buffer.area);
        if row >= area.height || column >= area.width {
            return 0;
        }
        let ascii = if self.look.glyphs.lines { None } else { Some(text.replace('…', "...")) };
        let shown = self.fit(ascii.as_deref().unwrap_or(text), area.width - column);
        let (end, _) = self.buffer.set_stringn(
            area.x + column,
            area.y + row,
            &shown,
            usize::from(area.width - column),
            self.look.style(role),
        );
        end - area.x - column
    }

    /// Draws text over several rows from `row` on. Returns the row after it.
    pub fn paragraph(&mut self, area: Rect, row: u16, role: Role, text: &str) -> u16 {
        let mut row = row;
        for line in wrap(text, usize::from(area.width)) {
            self.text(area, row, role, &line);
            row = row.saturating_add(1);
        }
        row
    }

    /// Gives a row of an area the look of a role, over what is drawn there.
    pub fn mark(&mut self, area: Rect, row: u16, role: Role) {
        if row < area.height {
            let row = Rect { y: area.y + row, height: 1, ..area };
            self.style(row, self.look.style(role));
        }
    }

    fn style(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Clears an area.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
        self.style(area, self.look.style(Role::Plain));
    }

    /// A frame with a title; returns what is inside.
    pub fn panel(&mut self, area: Rect, title: &str, focused: bool) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let role = if focused { Role::Focus } else { Role::Frame };
        let [flat, upright, corners @ ..] = if self.look.glyphs.lines {
            ["─", "│", "┌", "┐", "└", "┘"]
        } else {
            ["-", "|", "+", "+", "+", "+"]
        };
        let line = flat.repeat(usize::from(area.width) - 2);
        self.text(area, 0, role, &format!("{}{line}{}", corners[0], corners[1]));
        for row in 1..area.height - 1 {
            self.put(area, row, 0, role, upright);
            self.put(area, row, area.width - 1, role, upright);
        }
        self.text(area, area.height - 1, role, &format!("{}{line}{}", corners[2], corners[3]));
        if !title.is_empty() && area.width > 6 {
            let title = self.fit(&clean(title), area.width - 6);
            let role = if focused { Role::Focus } else { Role::Strong };
            self.put(area, 0, 2, role, &format!(" {title} "));
        }
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    /// A text field after its name; shows the cursor when it has the keys.
    pub fn field(&mut self, area: Rect, row: u16, name: &str, field: &Field, focused: bool) {
        let mut used = self.put(area, row, 0, if focused { Role::Focus } else { Role::Plain }, name);
        used += self.put(area, row, used, Role::Plain, " ");
        let (shown, cursor) = field.shown(self.look.glyphs.mask);
        let room = usize::from(area.width.saturating_sub(used)).min(60);
        // The end with the cursor stays in sight.
        let skip = cursor.saturating_sub(room.saturating_sub(1));
        let visible: String = skip_cells(&shown, skip);
        let at = used;
        self.put(area, row, at, Role::Field, &column(&visible, room, ""));
        if focused && row < area.height && area.width > at {
            let x = (area.x + at).saturating_add(cells(cursor - skip)).min(area.right().saturating_sub(1));
            self.cursor = Some(Position { x, y: area.y + row });
        }
    }

    /// The rows of an area for a list, and the first of its lines to show so that the marked one is in sight. When
    /// not all fit, the last row says how many more there are.
    pub fn list(&mut self, area: Rect, cursor: usize, length: usize) -> (Rect, usize) {
        if length <= usize::from(area.height) || area.height < 2 {
            return (area, scroll_to(cursor, area.height, length));
        }
        let rows = Rect { height: area.height - 1, ..area };
        let first = scroll_to(cursor, rows.height, length);
        let below = length - first - usize::from(rows.height);
        let [_, _, up, down] = self.look.glyphs.arrows;
        let words = if below > 0 { format!(" {down} {below} more") } else { format!(" {up} {first} more") };
        self.text(area, rows.height, Role::Key, &words);
        (rows, first)
    }

    /// Marks the row that keys act on, and lets a click on any row mark that one.
    pub fn list_row(&mut self, area: Rect, row: u16, place: usize, cursor: usize) {
        if place == cursor {
            self.mark(area, row, Role::Selected);
        }
        self.hot_row(area, row, Click::Row(place));
    }

    /// A bar that is full to `part` of `whole`.
    pub fn bar(&self, room: usize, part: u64, whole: u64) -> String {
        let full = scaled(room, part, whole);
        format!("{}{}", self.look.glyphs.bar.0.repeat(full), self.look.glyphs.bar.1.repeat(room - full))
    }
}

/// `part / whole` of `room`, never more than it.
pub fn scaled(room: usize, part: u64, whole: u64) -> usize {
    let full = u128::from(part.min(whole)) * room as u128 / u128::from(whole.max(1));
    usize::try_from(full).unwrap_or(room)
}

fn skip_cells(text: &str, skip: usize) -> String {
    let mut skipped = 0;
    text.chars()
        .skip_while(|letter| {
            let before = skipped;
            skipped += width(letter.encode_utf8(&mut [0; 4]));
            before < skip
        })
        .collect()
}

/// A centred area of at most this size.
pub fn centred(area: Rect, columns: u16, rows: u16) -> Rect {
    let (columns, rows) = (columns.min(area.width), rows.min(area.height));
    Rect { x: area.x + (area.width - columns) / 2, y: area.y + (area.height - rows) / 2, width: columns, height: rows }
}

/// Splits an area in columns of these shares, without gaps.
pub fn columns<const N: usize>(area: Rect, shares: [u16; N]) -> [Rect; N] {
    let all: u16 = shares.iter().sum::<u16>().max(1);
    let mut x = area.x;
    let mut share_before = 0;
    shares.map(|share| {
        share_before += share;
        let end = area.x
            + u16::try_from(u32::from(area.width) * u32::from(share_before) / u32::from(all)).unwrap_or(area.width);
        let column = Rect { x, width: end.saturating_sub(x), ..area };
        x = end;
        column
    })
}

/// Splits the first `rows` off an area.
pub fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// The first row to show so that the marked one is in sight.
pub fn scroll_to(cursor: usize, rows: u16, length: usize) -> usize {
    let rows = usize::from(rows).max(1);
    let most = length.saturating_sub(rows);
    cursor.saturating_sub(rows / 2).min(most)
}
