//! Who is not to be written to: when, how, from which message.

use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::numbers::{looks_like_a_number, quoted};
use crate::console::text::{cells, thousands, width, wrap};
use crate::console::view::canvas::{Canvas, scroll_to, top};
use crate::console::words;
use crate::domain::opt_out::OptedOut;
use ratatui::layout::Rect;

/// The cells of a row before the words how.
const BEFORE: usize = 34;

pub(super) fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let shown = &model.numbers.opt_outs;
    let asked = match shown.asked.0.as_str() {
        "" => String::new(),
        number if looks_like_a_number(number) && model.facts.privacy => ", with the number you typed".to_owned(),
        part => format!(", with {part}"),
    };
    let inner = canvas.panel(area, &format!("Not to be written to{asked}"), true);
    match &shown.people.rows {
        Load::Waiting => {
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(inner, 0, Role::Bad, words);
        }
        Load::Here(page) if page.is_empty() && shown.asked.0.is_empty() => nobody(canvas, inner),
        Load::Here(page) if page.is_empty() => {
            canvas.text(inner, 0, Role::Plain, " Nobody with that is opted out. / looks for something else.");
        }
        Load::Here(page) => {
            let (head, rest) = top(inner, 1);
            canvas.text(head, 0, Role::Dim, &format!(" {:<16} {:<15} how, and from which message", "phone", "since"));
            let cursor = shown.people.cursor.min(page.len() - 1);
            // What has no room in its row stands whole below the list.
            let whole = how(model, &page[cursor], canvas.glyphs().mask);
            let room = usize::from(rest.width.saturating_sub(2));
            let below = if width(&whole) + BEFORE > usize::from(rest.width) { wrap(&whole, room) } else { Vec::new() };
            let (list, detail) = top(rest, rest.height.saturating_sub(cells(below.len()).min(rest.height / 2)));
            let detail = Rect { x: detail.x + 1, width: detail.width.saturating_sub(2), ..detail };
            for (row, line) in below.iter().enumerate() {
                canvas.text(detail, cells(row), Role::Plain, line);
            }
            let (rows, foot) = top(list, list.height.saturating_sub(1));
            let first = scroll_to(cursor, rows.height, page.len());
            for (row, (place, one)) in page.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
                person(model, one, canvas, rows, cells(row));
                canvas.list_row(rows, cells(row), place, cursor);
            }
            let before = shown.people.before();
            let of = shown
                .total
                .filter(|_| shown.asked.0.is_empty())
                .map_or_else(String::new, |total| format!(" of {}", thousands(total)));
            let words = format!(" {} to {}{of}", thousands(before + 1), thousands(before + page.len() as u64));
            canvas.text(foot, 0, Role::Dim, &words);
        }
    }
}

fn nobody(canvas: &mut Canvas, area: Rect) {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    canvas.text(inner, 0, Role::Strong, "Nobody has opted out.");
    canvas.paragraph(
        inner,
        2,
        Role::Plain,
        "Who answers STOP, chooses it by a button or stops marketing in WhatsApp is noted here by itself, and left out of \
         every broadcast from then on.",
    );
    canvas.pieces(inner, 6, &[(Role::Key, "a"), (Role::Plain, " notes one person by the number.")]);
    canvas.pieces(
        inner,
        7,
        &[(Role::Key, "i"), (Role::Plain, " notes everybody of a file, from another program's list.")],
    );
}

/// In which ways somebody asked not to be written to.
fn how(model: &Model, one: &OptedOut, mask: &str) -> String {
    let ways = one.standing.iter();
    let ways = ways.map(|event| format!("{}{}", event.change.kind.label(), quoted(event, model.facts.privacy, mask)));
    ways.collect::<Vec<_>>().join("; ")
}

fn person(model: &Model, one: &OptedOut, canvas: &mut Canvas, area: Rect, row: u16) {
    let name = one.phone().map_or_else(|| one.person.clone(), |phone| model.phone(phone));
    let since = one.standing.iter().map(|event| event.change.at).min();
    let since = since.map_or_else(String::new, |at| words::ago(at, model.shown_now()));
    let ways = how(model, one, canvas.glyphs().mask);
    let name = canvas.column(&name, 16);
    let since = canvas.column(&since, 15);
    canvas.pieces(
        area,
        row,
        &[(Role::Strong, &format!(" {name}")), (Role::Dim, &format!(" {since} ")), (Role::Plain, &ways)],
    );
}
