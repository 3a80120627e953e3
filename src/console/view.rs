//! Drawing: state in, cells out. Free functions that read the model and change nothing; one file a panel.
//!
//! ```text
//! ┌ header ───────────────────────────────────────────────┐ REAL or REHEARSAL, sender, pace, today's limit
//! ├ tabs ─────────────────────────────────────────────────┤ 1 Live  2 Numbers …
//! │ body: the screen, or the dialog on top                │
//! ├ toast ────────────────────────────────────────────────┤ what just happened
//! └ footer ───────────────────────────────────────────────┘ the keys of this place
//! ```

mod canvas;
mod chart;
mod dialogs;
mod frame;
mod live;
mod load;
mod log;
mod numbers;
mod phone;
mod review;
mod set_up;
mod templates;
mod wizard;

pub use canvas::Canvas;

use super::model::{Model, Screen};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The smallest terminal that the screens are made for.
pub const LEAST: (u16, u16) = (60, 16);

/// Draws everything. Returns where the cursor is to be shown, if at all.
pub fn render(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer, model.look);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        frame::too_small(model, &mut canvas, area);
        return None;
    }
    if let Some(form) = &model.set_up {
        set_up::render(model, form, &mut canvas, area);
    } else {
        let body = frame::render(model, &mut canvas, area);
        match model.screen {
            Screen::Live => live::render(model, &mut canvas, body),
            Screen::Numbers => numbers::render(model, &mut canvas, body),
            Screen::Templates => templates::render(model, &mut canvas, body),
            Screen::Log => log::render(model, &mut canvas, body),
        }
    }
    let below_header = Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area };
    for dialog in &model.dialogs {
        canvas.hide_cursor();
        dialogs::render(model, dialog, &mut canvas, below_header);
    }
    canvas.cursor()
}
