//! Everything about somebody, and the small dialogs of the Numbers screen.

use super::canvas::{Canvas, top};
use super::dialogs::window;
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::Model;
use crate::console::numbers::{FixBox, FixChoice, OptOutBox};
use crate::console::sheet::Sheet;
use crate::console::text::{cells, counted, wrap};
use ratatui::layout::Rect;

/// Draws a sheet over the whole body.
pub fn render(model: &Model, sheet: &Sheet, canvas: &mut Canvas, area: Rect) {
    canvas.clear(area);
    let inner = canvas.panel(area, sheet.title(), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    let lines = sheet.lines(model);
    let (rows, foot) = if lines.len() > usize::from(inner.height) {
        top(inner, inner.height.saturating_sub(1))
    } else {
        (inner, Rect { height: 0, ..inner })
    };
    let first = sheet.first(lines.len(), usize::from(rows.height));
    for (row, (role, line)) in lines.iter().skip(first).take(usize::from(rows.height)).enumerate() {
        canvas.text(rows, cells(row), *role, line);
    }
    let below = lines.len().saturating_sub(first + usize::from(rows.height));
    let words = if below > 0 { format!("{below} more lines below") } else { "That is all.".to_owned() };
    canvas.text(foot, 0, Role::Dim, &words);
}

/// How rows are put right.
pub fn fix(one: &FixBox, canvas: &mut Canvas, area: Rect) {
    let words = "Digits are never guessed. What is put right goes into the same list as a file of its own, which can be taken \
                 back; what still cannot be used stays where it is.";
    let lines = wrap(&one.reason, 70).len() + wrap(words, 70).len();
    let title = format!("Put {} right?", counted(one.rows, "row"));
    let inner = window(canvas, area, 76, cells(lines + one.choices.len() + 5), &title);
    let row = canvas.paragraph(inner, 0, Role::Plain, &one.reason);
    let mut row = canvas.paragraph(inner, row, Role::Dim, words) + 1;
    for (place, choice) in one.choices.iter().enumerate() {
        let marked = place == one.cursor;
        let pointer = if marked { canvas.glyphs().pointer } else { " " };
        let role = if marked { Role::Selected } else { Role::Plain };
        let words = format!("{pointer} {}", choice.words());
        if *choice == FixChoice::Country {
            let used = canvas.text(inner, row, role, &words);
            let rest = Rect { x: inner.x + used + 1, width: inner.width.saturating_sub(used + 1), ..inner };
            canvas.field(rest, row, "", &one.country.field, marked);
        } else {
            canvas.text(inner, row, role, &words);
        }
        canvas.hot_row(inner, row, Click::Row(place));
        row += 1;
    }
    let (role, hint) = match one.marked() {
        FixChoice::Country => match one.country.named() {
            Some(country) => (Role::Good, format!("{} (+{}). Enter does it.", country.name(), country.calling_code())),
            None if one.country.field.trimmed().is_empty() => (Role::Dim, "Type India, IN or +91.".to_owned()),
            None => one.country.understood(),
        },
        FixChoice::Leave => (Role::Dim, String::new()),
        _ => (Role::Dim, "Enter does it.".to_owned()),
    };
    canvas.text(inner, row, role, &hint);
}

/// Noting somebody who is not to be written to.
pub fn opt_out(model: &Model, form: &OptOutBox, canvas: &mut Canvas, area: Rect) {
    let words =
        "From now on no broadcast goes to this person. It goes on the record with your name, and can be undone.";
    let inner = window(canvas, area, 72, cells(wrap(words, 66).len() + 7), "Note an opt-out");
    let row = canvas.paragraph(inner, 0, Role::Plain, words) + 1;
    canvas.field(inner, row, "Phone number  ", &form.phone, !form.on_note);
    canvas.field(inner, row + 1, "Why, if known ", &form.note, form.on_note);
    let hint = match &model.facts.default_country {
        Some(country) => format!("Without + it is taken for one of {country}."),
        None => "With + and the country code.".to_owned(),
    };
    canvas.text(inner, row + 2, Role::Dim, &hint);
}
