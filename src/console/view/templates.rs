//! Templates: what WhatsApp lets be sent, and how it will look.

use super::canvas::{Canvas, columns, top};
use super::phone;
use crate::console::look::Role;
use crate::console::model::{Load, Model, TEMPLATE_ORDERS};
use crate::console::text::cells;
use crate::console::wizard::{Binding, guess};
use crate::console::words;
use crate::domain::template::{Slot, Template};
use crate::store::SyncedTemplates;
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let title = match &model.templates {
        _ if model.syncing => "Templates: asking WhatsApp …".to_owned(),
        Load::Here(synced) => synced.synced_at.map_or_else(
            || "Templates: never fetched".to_owned(),
            |at| format!("Templates, as WhatsApp had them {}", words::ago(at, model.shown_now())),
        ),
        _ => "Templates".to_owned(),
    };
    match &model.templates {
        Load::Waiting => {
            let inner = canvas.panel(area, &title, true);
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            let inner = canvas.panel(area, &title, true);
            canvas.paragraph(inner, 0, Role::Bad, words);
        }
        Load::Here(synced) if synced.templates.is_empty() => {
            let inner = canvas.panel(area, &title, true);
            none(synced, canvas, inner);
        }
        Load::Here(synced) => {
            let (list, shown) = if area.width >= 100 {
                let [left, right] = columns(area, [3, 2]);
                (left, right)
            } else {
                top(area, area.height / 2)
            };
            let templates = model.shown_templates();
            let arranged = model.templates_list.words(templates.len(), synced.templates.len(), TEMPLATE_ORDERS);
            let title = if arranged.is_empty() { title } else { format!("{title}, {arranged}") };
            let inner = canvas.panel(list, &title, true);
            let cursor = model.templates_list.place(templates.len());
            if templates.is_empty() {
                canvas.text(inner, 0, Role::Plain, " None of them holds these words. / changes them.");
            } else {
                rows(&templates, cursor, canvas, inner);
            }
            if let Some(template) = templates.get(cursor) {
                let inner = canvas.panel(shown, &template.key().to_string(), false);
                one(model, template, canvas, inner);
            }
        }
    }
}

/// There are none: where they are made, and what to press.
pub fn none(synced: &SyncedTemplates, canvas: &mut Canvas, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if synced.synced_at.is_none() {
        canvas.pieces(
            area,
            0,
            &[(Role::Key, "u"), (Role::Plain, " on the Templates screen (4) fetches your templates from WhatsApp.")],
        );
    } else {
        canvas.text(area, 0, Role::Plain, "Your account has no templates.");
    }
    canvas.paragraph(
        area,
        2,
        Role::Dim,
        "Templates are made in WhatsApp Manager (business.facebook.com, WhatsApp Manager, Message templates). WhatsApp \
         looks at each; that takes minutes as a rule, a day at most. Only approved ones can be sent.",
    );
}

/// The list, with the marked one.
pub fn rows(templates: &[&Template], cursor: usize, canvas: &mut Canvas, area: Rect) {
    let glyphs = canvas.glyphs();
    let (head, area) = top(area, 1);
    let name_room = usize::from(area.width).saturating_sub(46).clamp(12, 40);
    let title = canvas.column(" template", name_room + 1);
    canvas.text(head, 0, Role::Dim, &format!("{title}{:<8}{:<13}{:<12}quality", "lang.", "state", "kind"));
    let cursor = cursor.min(templates.len().saturating_sub(1));
    let (area, first) = canvas.list(area, cursor, templates.len());
    for (row, (place, template)) in templates.iter().enumerate().skip(first).take(usize::from(area.height)).enumerate()
    {
        let row = cells(row);
        let (glyph, status, role) = words::template_status(&template.status, glyphs);
        let quality = words::quality(&template.quality, glyphs);
        let name = canvas.column(&template.name, name_room);
        let language = canvas.column(&template.language, 7);
        let status = canvas.column(&format!("{glyph} {status}"), 12);
        let kind = canvas.column(&template.category.to_lowercase(), 11);
        canvas.pieces(
            area,
            row,
            &[
                (if template.is_approved() { Role::Plain } else { Role::Dim }, &format!(" {name}{language} ")),
                (role, &format!("{status} ")),
                (Role::Plain, &format!("{kind} ")),
                (quality.2, &format!("{} {}", quality.0, quality.1)),
            ],
        );
        canvas.list_row(area, row, place, cursor);
    }
}

fn one(model: &Model, template: &Template, canvas: &mut Canvas, area: Rect) {
    let mut row = 0;
    let text = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if !template.is_approved() {
        let words = match template.status.as_str() {
            "PENDING" => "WhatsApp is still looking at it: minutes as a rule, a day at most. u asks again.",
            "PAUSED" => "WhatsApp has paused it because people blocked or reported it. It comes back by itself.",
            "REJECTED" => "WhatsApp has rejected it. WhatsApp Manager says why; change it there.",
            "DISABLED" => "WhatsApp has switched it off for good. Make another one.",
            _ => "WhatsApp does not let it be sent in this state.",
        };
        row = canvas.paragraph(text, 0, Role::Warn, words);
        if let Some(why) = template.rejected_words() {
            row = canvas.paragraph(text, row, Role::Warn, &format!("Its words: {why}."));
        }
    }
    if !template.sub_category.is_empty() {
        row = canvas.paragraph(text, row, Role::Dim, &format!("Its kind: {}.", template.category_words()));
    }
    let bubble = Rect { y: text.y + row.min(text.height), height: text.height.saturating_sub(row), ..text };
    let (who, values) = filled(model, template);
    phone::render(canvas, bubble, &who, template, &values);
}

/// The values for the first person of the newest list, as the wizard would guess them; without one the variables' names.
fn filled(model: &Model, template: &Template) -> (String, Vec<String>) {
    let first = model.sample.as_ref().and_then(|(_, audience)| Some((audience, audience.samples.first()?)));
    let (Some((audience, number)), Ok(slots)) = (first, template.slots()) else {
        return ("on the phone".to_owned(), phone::named_values(template));
    };
    let columns = &audience.columns;
    let value = |slot: &Slot| {
        let mut binding = Binding::default();
        guess(slot, &mut binding, columns);
        match binding.column(columns) {
            Some("phone") => model.phone(number.phone),
            _ => binding.value(&slot.name, columns, Some(number)),
        }
    };
    let who = if number.name.is_empty() { model.phone(number.phone) } else { number.name.clone() };
    (format!("as {who} would get it"), slots.iter().map(value).collect())
}
