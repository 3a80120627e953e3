//! Drawing: state in, cells out. Free functions that read the model and change nothing; one file a panel.
//!
//! ```text
//! ┌ header ───────────────────────────────────────────────┐ REAL or REHEARSAL, sender, pace, today's limit
//! ├ tabs ─────────────────────────────────────────────────┤ 1 Live  2 Numbers …
//! │ body: the screen, or the dialog on top                │
//! ├ toast ────────────────────────────────────────────────┤ what just happened
//! └ footer ───────────────────────────────────────────────┘ the keys of this place
//! ```

mod ask;
mod broadcasts;
mod canvas;
mod chart;
mod dialogs;
mod events;
mod frame;
mod live;
mod load;
mod log;
mod numbers;
mod phone;
mod problems;
mod review;
mod schedule;
mod set_up;
mod settings;
mod sheet;
mod since;
mod templates;
mod when;
mod wizard;

pub use canvas::Canvas;

use super::message::Click;
use super::model::{Model, Screen};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The smallest terminal that the screens are made for.
pub const LEAST: (u16, u16) = (60, 16);

/// What was drawn, apart from the cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drawn {
    /// Where the cursor is to be shown, if at all.
    pub cursor: Option<Position>,
    /// What a click means where, the topmost last.
    pub hot: Vec<(Rect, Click)>,
}

impl Drawn {
    /// What a click there means.
    pub fn click(&self, column: u16, row: u16) -> Option<Click> {
        let place = Position { x: column, y: row };
        self.hot.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, click)| *click)
    }
}

/// Draws everything.
pub fn render(model: &Model, buffer: &mut Buffer) -> Drawn {
    let area = buffer.area;
    let mut canvas = Canvas::new(buffer, model.look);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        frame::too_small(model, &mut canvas, area);
        return Drawn::default();
    }
    if let Some(form) = &model.set_up {
        set_up::render(model, form, &mut canvas, area);
    } else if let Some(lines) = &model.plain {
        dialogs::plain(lines, &mut canvas, area);
    } else {
        let body = frame::render(model, &mut canvas, area);
        match model.screen {
            Screen::Live => live::render(model, &mut canvas, body),
            Screen::Broadcasts => broadcasts::render(model, &mut canvas, body),
            Screen::Numbers => numbers::render(model, &mut canvas, body),
            Screen::Templates => templates::render(model, &mut canvas, body),
            Screen::Schedule => schedule::render(model, &mut canvas, body),
            Screen::Problems => problems::render(model, &mut canvas, body),
            Screen::Log if model.events.shown => events::render(model, &mut canvas, body),
            Screen::Log => log::render(model, &mut canvas, body),
            Screen::Settings => settings::render(model, &mut canvas, body),
        }
    }
    let toast = if model.set_up.is_none() { frame::toast_rows(model, area) } else { 1 };
    let below_header = Rect { y: area.y + 1, height: area.height.saturating_sub(2 + toast), ..area };
    for dialog in &model.dialogs {
        canvas.hide_cursor();
        // What lies below a dialog is not clicked through it; the footer's keys are the dialog's.
        let footer = Rect { y: area.bottom() - 1, height: 1, ..area };
        canvas.hot(Rect { height: area.height - 1, ..area }, Click::Nothing);
        dialogs::render(model, dialog, &mut canvas, below_header);
        frame::footer(model, &mut canvas, footer);
    }
    Drawn { cursor: canvas.cursor(), hot: canvas.take_hot() }
}
