//! The set-up: the first question, then the form with what WhatsApp says to each answer.

use super::canvas::{Canvas, centred};
use super::frame;
use crate::console::look::Role;
use crate::console::model::Model;
use crate::console::set_up_form::{CheckState, FIELDS, SetUpForm};
use ratatui::layout::Rect;

/// Draws the set-up over everything.
pub fn render(model: &Model, form: &SetUpForm, canvas: &mut Canvas, area: Rect) {
    canvas.text(area, 0, Role::Strong, " wacast: set-up");
    frame::footer(model, canvas, Rect { y: area.bottom() - 1, height: 1, ..area });
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let body = centred(body, 96, body.height);
    if form.connecting { form_page(form, canvas, body) } else { choice_page(form, canvas, body) }
}

fn choice_page(form: &SetUpForm, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "There is no configuration yet", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut row = 1;
    for (place, (name, help)) in SetUpForm::CHOICES.iter().enumerate() {
        let marked = place == form.cursor;
        let pointer = if marked { canvas.glyphs().pointer } else { " " };
        canvas.text(inner, row, if marked { Role::Selected } else { Role::Strong }, &format!(" {pointer} {name} "));
        row = canvas.paragraph(
            Rect { x: inner.x + 4, width: inner.width.saturating_sub(4), ..inner },
            row + 1,
            Role::Dim,
            help,
        ) + 1;
    }
    canvas.paragraph(
        inner,
        row + 1,
        Role::Plain,
        &format!("Connecting writes {}, readable for you alone.", form.path.display()),
    );
}

fn form_page(form: &SetUpForm, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "Connect to WhatsApp", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let glyphs = canvas.glyphs();
    let mut row = 0;
    for (place, (name, help, step)) in FIELDS.iter().enumerate() {
        let marked = place == form.field;
        let label = canvas.column(name, 29);
        canvas.field(inner, row, &label, &form.fields[place], marked);
        row += 1;
        if marked {
            row = canvas.paragraph(
                Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), ..inner },
                row,
                Role::Dim,
                help,
            );
        }
        let last_of_step = FIELDS.get(place + 1).is_none_or(|next| next.2 != *step);
        if last_of_step {
            let (role, words) = match form.check_of(place) {
                CheckState::Open => (Role::Dim, String::new()),
                CheckState::Asking => (Role::Plain, format!("{} asking WhatsApp …", glyphs.waiting)),
                CheckState::Good(found) => (Role::Good, format!("{} {found}", glyphs.done)),
                CheckState::Bad(why) => (Role::Bad, format!("{} {why}", glyphs.failed)),
            };
            if !words.is_empty() {
                row = canvas.paragraph(inner, row, role, &words);
            }
        }
    }
    row += 1;
    if form.writing {
        row = canvas.paragraph(inner, row, Role::Plain, "Writing the configuration …");
    }
    if !form.trouble.is_empty() {
        row = canvas.paragraph(inner, row, Role::Bad, &form.trouble);
    }
    let words = format!(
        "Nothing is written before all of it was checked. Then: {}, readable for you alone.",
        form.path.display()
    );
    canvas.paragraph(inner, row, Role::Dim, &words);
}
