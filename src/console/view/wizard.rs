//! The wizard for a new broadcast.

use super::canvas::{Canvas, columns, scroll_to, top};
use super::{phone, review, templates, when};
use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::text::{cells, column_right, counted, people, wrap};
use crate::console::wizard::{EVERYBODY, SAME_TEXT, Step, Wizard};
use crate::console::words;
use ratatui::layout::Rect;

/// What stands where a filter lets nothing through.
const NONE_HOLDS_IT: &str = "None of them holds these words. / changes them, Esc in there takes them away.";

/// Draws the wizard over the whole body.
pub fn render(model: &Model, wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    canvas.clear(area);
    let inner = canvas.panel(area, "New broadcast", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut used = 0;
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let role = if step == wizard.step { Role::Selected } else { Role::Dim };
        used += canvas.put(inner, 0, used, role, &format!(" {} {} ", place + 1, step.name()));
        used += canvas.put(inner, 0, used, Role::Plain, " ");
    }
    let trouble_rows =
        if wizard.trouble.is_empty() { 0 } else { cells(wrap(&wizard.trouble, usize::from(inner.width)).len()).min(4) };
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2 + trouble_rows), ..inner };
    match wizard.step {
        Step::Audience => audience(model, wizard, canvas, body),
        Step::Template => template(model, wizard, canvas, body),
        Step::Variables => variables(wizard, canvas, body),
        Step::When => when::render(model, wizard, &summary(wizard), canvas, body),
        Step::Review => review::render(model, wizard, canvas, body),
    }
    if trouble_rows > 0 {
        let bottom = Rect { y: inner.bottom().saturating_sub(trouble_rows), height: trouble_rows, ..inner };
        canvas.paragraph(bottom, 0, Role::Bad, &wizard.trouble);
    }
}

/// What is to be chosen, and beside it the words that the list is filtered by.
fn question(wizard: &Wizard, words: &str, (shown, all): (usize, usize), canvas: &mut Canvas, area: Rect) {
    let used = canvas.text(area, 0, Role::Strong, words) + 2;
    let rest = Rect { x: area.x + used, width: area.width.saturating_sub(used), height: area.height.min(1), ..area };
    match wizard.listing() {
        Some(list) if list.typing => canvas.field(rest, 0, "Filter", &list.filter, true),
        Some(list) => {
            canvas.text(rest, 0, Role::Key, &list.words::<()>(shown, all, &[]));
        }
        None => {}
    }
}

fn audience(model: &Model, wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    let what = wizard.wanted.as_ref().map_or_else(|| "it".to_owned(), ToString::to_string);
    let all = Wizard::audiences(model);
    let audiences = wizard.shown_audiences(model);
    question(wizard, &format!("Who is to get {what}?"), (audiences.len(), all.len()), canvas, area);
    let area = Rect { y: area.y + 2.min(area.height), height: area.height.saturating_sub(2), ..area };
    if all.is_empty() {
        canvas.text(area, 0, Role::Plain, "There are no numbers yet.");
        canvas.pieces(
            area,
            1,
            &[
                (Role::Key, "Esc"),
                (Role::Plain, " closes this; then press "),
                (Role::Key, "3"),
                (Role::Plain, " and "),
                (Role::Key, "o"),
                (Role::Plain, " to load a file."),
            ],
        );
        return;
    }
    let (list, notes) = top(area, area.height.saturating_sub(2));
    let cursor = wizard.audience_list.place(audiences.len());
    let (list, first) = canvas.list(list, cursor, audiences.len());
    if audiences.is_empty() {
        canvas.text(list, 0, Role::Plain, NONE_HOLDS_IT);
    }
    for (row, (place, (name, count))) in
        audiences.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate()
    {
        let label = name.clone().unwrap_or_else(|| EVERYBODY.to_owned());
        let label = canvas.column(&format!(" {label}"), usize::from(list.width.saturating_sub(24)).min(50));
        let count = count.map_or_else(|| "each person once".to_owned(), people);
        canvas.pieces(list, cells(row), &[(Role::Plain, &label), (Role::Strong, &column_right(&count, 20, ""))]);
        canvas.list_row(list, cells(row), place, cursor);
    }
    canvas.text(notes, 1, Role::Dim, "Nothing is sent, and nothing costs, before you type the count at the end.");
}

fn template(model: &Model, wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    let templates = wizard.shown_templates(model);
    let all = model.templates.get().map_or(0, |synced| synced.templates.len());
    question(wizard, "Which template?", (templates.len(), all), canvas, area);
    let area = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    match &model.templates {
        Load::Waiting => {
            canvas.text(area, 1, Role::Dim, "Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(area, 1, Role::Bad, words);
        }
        Load::Here(synced) if synced.templates.is_empty() => templates::none(synced, canvas, area),
        Load::Here(_) if templates.is_empty() => {
            canvas.text(area, 1, Role::Plain, NONE_HOLDS_IT);
        }
        Load::Here(_) => {
            let (list, shown) = if area.width >= 110 {
                let [left, right] = columns(area, [3, 2]);
                (left, right)
            } else {
                top(area, area.height / 2)
            };
            let cursor = wizard.template_list.place(templates.len());
            templates::rows(&templates, cursor, canvas, list);
            if let Some(marked) = templates.get(cursor) {
                phone::render(canvas, shown, &marked.key().to_string(), marked, &phone::named_values(marked));
            }
        }
    }
}

fn variables(wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    canvas.text(area, 0, Role::Strong, "What fills the variables?");
    let area = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    let (form, shown) = if area.width >= 110 {
        let [left, right] = columns(area, [3, 2]);
        (left, right)
    } else {
        top(area, area.height.saturating_sub(9).max(area.height / 2))
    };
    match &wizard.audience {
        Load::Waiting => {
            canvas.text(form, 1, Role::Dim, "Looking at the list's columns …");
            return;
        }
        Load::Failed(words) => {
            canvas.paragraph(form, 1, Role::Bad, words);
            return;
        }
        Load::Here(_) => {}
    }
    let columns_known = wizard.columns();
    let rows = wizard.variables.len() * 2;
    let (form, hint) = top(form, cells(rows).min(form.height.saturating_sub(2)));
    let blank = u16::from(hint.height > 2);
    choices_hint(wizard, canvas, top(hint, blank).1);
    let first = scroll_to(wizard.variable_cursor, form.height, rows);
    let [left, right, ..] = canvas.glyphs().arrows;
    for field in first..rows.min(first + usize::from(form.height)) {
        let row = cells(field - first);
        let (slot, binding) = &wizard.variables[field / 2];
        let marked = field == wizard.variable_cursor;
        if field.is_multiple_of(2) {
            let choice = if binding.is_fixed(columns_known) {
                SAME_TEXT.to_owned()
            } else {
                binding.column(columns_known).map_or_else(|| "choose …".to_owned(), |column| format!("column {column}"))
            };
            let name = canvas.column(&words::slot_name(slot), 18);
            let role = if binding.choice == 0 { Role::Warn } else { Role::Plain };
            let shown = if marked { format!("{left} {choice} {right}") } else { format!("  {choice}") };
            canvas.pieces(
                form,
                row,
                &[
                    (if marked { Role::Focus } else { Role::Strong }, &name),
                    (if marked { Role::Selected } else { role }, &shown),
                ],
            );
        } else if binding.takes_text() {
            let label = if binding.is_fixed(columns_known) { "    the text" } else { "    if a cell is blank, say" };
            let label = canvas.column(label, 28);
            let label = label.as_str();
            canvas.field(form, row, label, &binding.text, marked);
        }
    }
    if let Some(template) = &wizard.template {
        let values = wizard.values_for(wizard.samples().first());
        phone::render(canvas, shown, "first person", template, &values);
    }
}

/// What there is to choose from, or what the text is for.
fn choices_hint(wizard: &Wizard, canvas: &mut Canvas, area: Rect) {
    let columns = wizard.columns();
    let Some((_, binding)) = wizard.variables.get(wizard.variable_cursor / 2) else { return };
    let words = if wizard.variable_cursor.is_multiple_of(2) {
        let [left, right, ..] = canvas.glyphs().arrows;
        let names = columns.join(", ");
        format!("{left} {right} or the first letters choose: {names}; or {SAME_TEXT} (type s).")
    } else if binding.is_fixed(columns) {
        "Everybody reads this text.".to_owned()
    } else {
        "Who has nothing in that column reads this instead. Left empty: they are left out, or all is stopped (step 4)."
            .to_owned()
    };
    for (row, line) in wrap(&words, usize::from(area.width)).iter().take(usize::from(area.height)).enumerate() {
        canvas.text(area, cells(row), Role::Dim, line);
    }
}

fn summary(wizard: &Wizard) -> String {
    let who = match &wizard.list {
        Some(Some(list)) => format!("to the list {list}"),
        _ => "to everybody in all lists".to_owned(),
    };
    let many = wizard.audience.get().map_or_else(String::new, |audience| format!(", {}", people(audience.people)));
    let template = wizard.template.as_ref().map_or_else(String::new, |template| template.key().to_string());
    let bound = if wizard.variables.is_empty() {
        "no variables".to_owned()
    } else {
        counted(wizard.variables.len() as u64, "variable")
    };
    format!("{template} {who}{many}, {bound}.{}", thousands_note(wizard))
}

/// Nothing for most; a word when the audience is empty.
fn thousands_note(wizard: &Wizard) -> String {
    match wizard.audience.get().map(|audience| audience.people) {
        Some(0) => format!(" {}: nobody would get it.", people(0)),
        _ => String::new(),
    }
}
