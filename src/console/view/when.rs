//! The wizard's step "When".

use super::canvas::{Canvas, top};
use crate::console::field::Field;
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::text::pace;
use crate::console::wizard::{WhenField, Wizard};
use crate::domain::broadcast::{OnBadRows, OnTemplatePause};
use crate::service::times;
use ratatui::layout::Rect;

/// How wide the fields' names are.
const NAMES: u16 = 18;

/// Draws the step.
pub fn render(model: &Model, wizard: &Wizard, summary: &str, canvas: &mut Canvas, area: Rect) {
    canvas.text(area, 0, Role::Strong, "When is it to start?");
    let area = top(area, 1).1;
    let mut row = 1;
    for field in wizard.when_fields() {
        let marked = wizard.when_field == field;
        match field {
            WhenField::Choice => choice(canvas, area, row, "Start", wizard.start.words(), marked),
            WhenField::Time => typed(canvas, area, row, "Time", &wizard.time, marked),
            WhenField::Cron => typed(canvas, area, row, "Times", &wizard.cron, marked),
            WhenField::Label => typed(canvas, area, row, "Your name for it", &wizard.label, marked),
            WhenField::Pace => typed(canvas, area, row, "Its own pace", &wizard.pace, marked),
            WhenField::BadRows => {
                let words = match wizard.choices.on_bad_rows {
                    OnBadRows::Skip => "leave them out, say why",
                    OnBadRows::Refuse => "send nothing to anybody",
                };
                choice(canvas, area, row, "Values missing", words, marked);
            }
            WhenField::TemplatePause => {
                let words = match wizard.choices.on_template_pause {
                    OnTemplatePause::Hold => "wait for you",
                    OnTemplatePause::Wait => "go on when it is back",
                };
                choice(canvas, area, row, "Template paused", words, marked);
            }
        }
        row += 1;
        let hint = Rect { x: area.x + NAMES.min(area.width), width: area.width.saturating_sub(NAMES), ..area };
        // What the time means is always there; the rest only where it is being chosen.
        if marked || matches!(field, WhenField::Time | WhenField::Cron) {
            for (role, words) in about(model, wizard, field) {
                row = canvas.paragraph(hint, row, role, &words);
            }
        }
    }
    canvas.paragraph(area, row + 1, Role::Dim, summary);
}

fn choice(canvas: &mut Canvas, area: Rect, row: u16, name: &str, chosen: &str, marked: bool) {
    let [left, right, ..] = canvas.glyphs().arrows;
    let shown = if marked { format!("{left} {chosen} {right}") } else { format!("  {chosen}") };
    let name = canvas.column(name, usize::from(NAMES) - 2);
    canvas.pieces(
        area,
        row,
        &[
            (if marked { Role::Focus } else { Role::Plain }, &name),
            (if marked { Role::Selected } else { Role::Plain }, &shown),
        ],
    );
}

fn typed(canvas: &mut Canvas, area: Rect, row: u16, name: &str, field: &Field, marked: bool) {
    let name = canvas.column(name, usize::from(NAMES) - 1);
    canvas.field(area, row, &name, field, marked);
}

/// What a field means as it stands.
fn about(model: &Model, wizard: &Wizard, field: WhenField) -> Vec<(Role, String)> {
    let zone = model.facts.zone.name();
    let one = |role, words: &str| vec![(role, words.to_owned())];
    match field {
        WhenField::Choice => Vec::new(),
        WhenField::Time if wizard.time.trimmed().is_empty() => {
            one(Role::Dim, &format!("18:00, tomorrow 6pm, mon 9:30, 24 dec 18:00 or in 2 h; in {zone}"))
        }
        WhenField::Time => match wizard.start_at(model) {
            Ok(Some(at)) => one(Role::Good, &times::words(at, &zone, model.now)),
            Ok(None) => Vec::new(),
            Err(words) => one(Role::Warn, &words),
        },
        WhenField::Cron if wizard.cron.trimmed().is_empty() => {
            one(Role::Dim, &format!("minute hour day month weekday: 0 18 * * 5 is every Friday at 18:00; in {zone}"))
        }
        WhenField::Cron => match wizard.every(model) {
            Ok(Some(read)) => {
                let mut lines = one(Role::Good, &format!("{}, in {zone}. Next:", read.words.trim_end_matches('.')));
                lines.extend(read.next.iter().map(|at| (Role::Good, times::words(*at, &zone, model.now))));
                lines
            }
            Ok(None) => Vec::new(),
            Err(words) => one(Role::Warn, &words),
        },
        WhenField::Label => one(Role::Dim, "as you will find it in lists; may be empty"),
        WhenField::Pace => {
            if let Err(words) = wizard.own_pace(model) {
                return one(Role::Warn, &words);
            }
            let limit = model.facts.pace_limit;
            let most = if limit > 0.0 { format!(", below the sender's {}", pace(limit)) } else { String::new() };
            one(Role::Dim, &format!("messages a second{most}; empty: the sender's pace"))
        }
        WhenField::BadRows => {
            one(Role::Dim, "people whose values cannot be sent; a text for blank cells is one step back")
        }
        WhenField::TemplatePause => one(
            Role::Dim,
            match wizard.choices.on_template_pause {
                OnTemplatePause::Hold => "when WhatsApp pauses the template: it is held until you say that it goes on",
                OnTemplatePause::Wait => "when WhatsApp pauses the template: it is tried later, and goes on by itself",
            },
        ),
    }
}
