//! The people of a list, a page at a time.

use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::numbers::{People, looks_like_a_number, shown_cell};
use crate::console::text::{cells, counted, thousands};
use crate::console::view::canvas::{Canvas, scroll_to, top};
use crate::service::people::NumberView;
use ratatui::layout::Rect;

pub(super) fn render(model: &Model, opened: &People, canvas: &mut Canvas, area: Rect) {
    let all = model.snapshot.as_ref().and_then(|snapshot| snapshot.lists.iter().find(|list| list.name == opened.list));
    let count = all.map_or_else(String::new, |list| format!(": {}", crate::console::text::people(list.people)));
    let asked = match opened.asked.0.as_str() {
        "" => String::new(),
        // A whole number is not shown, whoever typed it.
        number if looks_like_a_number(number) => ", with the number you typed".to_owned(),
        name => format!(", with \"{name}\" in the name"),
    };
    let inner = canvas.panel(area, &format!("{}{count}{asked}", opened.list), true);
    let (head, rest) = top(inner, 1);
    let name_room = if inner.width >= 110 { 34 } else { 24 };
    let name = canvas.column("name", name_room);
    canvas.text(head, 0, Role::Dim, &format!(" {:<16} {name} what is known", "phone"));
    let (rows, foot) = top(rest, rest.height.saturating_sub(1));
    let looked = format!("{} looked through", counted(opened.looked_at, "row"));
    match &opened.pages.rows {
        Load::Waiting => {
            canvas.text(rows, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            let words = super::hidden(model, words);
            canvas.paragraph(rows, 0, Role::Bad, &words);
        }
        Load::Here(page) if page.is_empty() && opened.pages.is_looking() => {
            canvas.text(rows, 0, Role::Dim, &format!(" Looking: {looked} so far. Esc stops."));
        }
        Load::Here(page) if page.is_empty() && opened.asked.0.is_empty() => {
            canvas.text(rows, 0, Role::Plain, " Nobody is in it any more. Esc goes back, o there loads a file.");
        }
        Load::Here(page) if page.is_empty() => {
            canvas.text(rows, 0, Role::Plain, &format!(" Nobody: {looked}. / looks for something else."));
        }
        Load::Here(page) => {
            let cursor = opened.pages.cursor.min(page.len() - 1);
            let first = scroll_to(cursor, rows.height, page.len());
            for (row, (place, one)) in page.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
                person(model, one, canvas, rows, cells(row), name_room);
                canvas.list_row(rows, cells(row), place, cursor);
            }
            let before = opened.pages.before();
            let more = if opened.pages.is_looking() {
                format!(", still looking: {looked}")
            } else if opened.pages.has_more() {
                ", more below".to_owned()
            } else {
                String::new()
            };
            let last = thousands(before + page.len() as u64);
            canvas.text(foot, 0, Role::Dim, &format!(" {} to {last}{more}", thousands(before + 1)));
        }
    }
}

fn person(model: &Model, one: &NumberView, canvas: &mut Canvas, area: Rect, row: u16, name_room: usize) {
    let mask = canvas.glyphs().mask;
    let phone = canvas.column(&model.phone(one.number.phone), 16);
    let name = canvas.column(&one.number.name, name_room);
    let mut known: Vec<String> = one
        .number
        .attributes
        .iter()
        .map(|(column, value)| format!("{column} {}", shown_cell(value, model.facts.privacy, mask)))
        .collect();
    known.extend(one.tags.iter().map(|tag| format!("#{tag}")));
    canvas.pieces(
        area,
        row,
        &[(Role::Strong, &format!(" {phone}")), (Role::Plain, &format!(" {name} ")), (Role::Dim, &known.join(", "))],
    );
}
