//! Numbers: lists and their people, files and what became of them, who is not to be written to.

mod file;
mod opt_outs;
mod people;

use super::canvas::{Canvas, columns, top};
use crate::console::actions::Action;
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::{Import, Load, Model};
use crate::console::numbers::{FILE_ORDERS, LIST_ORDERS, Opened, Part, name_of};
use crate::console::text::{cells, column_right, counted, thousands};
use crate::console::{update, words};
use ratatui::layout::Rect;

pub use file::figures;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let area = under_way(model, canvas, area);
    match (&model.numbers.opened, model.numbers.part) {
        (Some(Opened::People(people)), _) => people::render(model, people, canvas, area),
        (Some(Opened::File(file)), _) => file::render(model, file, canvas, area),
        (None, part) => parts(model, part, canvas, area),
    }
}

/// A file that is being loaded, or something else that takes a while, while the operator looks elsewhere.
fn under_way(model: &Model, canvas: &mut Canvas, area: Rect) -> Rect {
    let words = match &model.import {
        Some(Import::Running { file, progress, .. }) if progress.received > 0 => {
            format!(" Loading {file}: {} so far. o shows more.", counted(progress.received, "row"))
        }
        Some(Import::Running { file, .. }) => format!(" Loading {file}. o shows more."),
        _ => match update::under_way(model) {
            Some(words) => format!(" {words}"),
            None => return area,
        },
    };
    let (line, rest) = top(area, 1);
    canvas.text(line, 0, Role::Good, &words);
    rest
}

fn parts(model: &Model, part: Part, canvas: &mut Canvas, area: Rect) {
    let (line, rest) = top(area, 1);
    tabs(model, part, canvas, line);
    let is_empty = model.snapshot.as_ref().is_some_and(|snapshot| snapshot.lists.is_empty());
    match part {
        Part::OptOuts => opt_outs::render(model, canvas, rest),
        _ if is_empty => nothing_yet(model, canvas, rest),
        _ if rest.width >= 100 => {
            let [left, right] = columns(rest, [2, 3]);
            lists(model, canvas, left);
            files(model, canvas, right);
        }
        Part::Lists => lists(model, canvas, rest),
        Part::Files => files(model, canvas, rest),
    }
}

/// The parts, the one that has the keys marked.
fn tabs(model: &Model, part: Part, canvas: &mut Canvas, area: Rect) {
    let snapshot = model.snapshot.as_deref();
    let lists = snapshot.map(|snapshot| snapshot.lists.len() as u64);
    let all = model.numbers.uploads.get();
    let list = model.numbers.list(snapshot);
    let files = list.and_then(|list| Some(all?.iter().filter(|upload| upload.list == list.name).count() as u64));
    let mut used = 1;
    for one in Part::ALL {
        let (name, count) = match one {
            Part::Lists => ("Lists", lists),
            Part::Files => ("Files", files),
            Part::OptOuts => ("Opt-outs", model.numbers.opt_outs.total),
        };
        let count = count.map_or_else(String::new, |count| format!(" {}", thousands(count)));
        let role = if one == part { Role::Selected } else { Role::Plain };
        used += canvas.put(area, 0, used, role, &format!(" {name}{count} ")) + 1;
    }
    canvas.hot(Rect { width: used.min(area.width), ..area }, Click::Act(Action::Right));
    canvas.right(area, 0, used, Role::Dim, "Tab: the next part ");
}

fn nothing_yet(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "Numbers", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.text(inner, 0, Role::Strong, "No numbers yet.");
    canvas.pieces(
        inner,
        2,
        &[(Role::Key, "o"), (Role::Plain, " loads a file on this server (CSV, Excel, JSON), or rows that you paste.")],
    );
    canvas.text(inner, 4, Role::Plain, "Is the file still on your computer? Copy it here first. On your computer:");
    let row = canvas.paragraph(inner, 5, Role::Strong, &super::load::scp_line(model));
    canvas.paragraph(
        inner,
        row + 1,
        Role::Dim,
        "Each row needs a phone number. A name and any other columns can fill the template's variables.",
    );
}

/// A title with what filter and order say.
fn titled(title: &str, words: &str) -> String {
    if words.is_empty() { title.to_owned() } else { format!("{title}, {words}") }
}

fn lists(model: &Model, canvas: &mut Canvas, area: Rect) {
    let numbers = &model.numbers;
    let snapshot = model.snapshot.as_deref();
    let shown = numbers.shown_lists(snapshot);
    let all = snapshot.map_or(0, |snapshot| snapshot.lists.len());
    let is_number = crate::console::numbers::looks_like_a_number(numbers.lists.filter.value());
    let words = if is_number { String::new() } else { numbers.lists.words(shown.len(), all, LIST_ORDERS) };
    let has_keys = numbers.part == Part::Lists;
    let inner = canvas.panel(area, &titled("Lists", &words), has_keys);
    if snapshot.is_none() {
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    }
    if shown.is_empty() {
        canvas.paragraph(
            inner,
            0,
            Role::Plain,
            " No list has that in its name. / changes it, Esc in there takes it away.",
        );
        return;
    }
    let cursor = numbers.lists.place(shown.len());
    let (head, rows) = top(inner, 1);
    let name_room = usize::from(inner.width).saturating_sub(33);
    let name = canvas.column(" list", name_room);
    canvas.text(head, 0, Role::Dim, &format!("{name}{:>9}{:>7}  {:<14}", "people", "files", "newest file"));
    let (rows, first) = canvas.list(rows, cursor, shown.len());
    for (row, (place, list)) in shown.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        let row = cells(row);
        let name = canvas.column(&format!(" {}", list.name), name_room);
        let people = column_right(&thousands(list.people), 9, "");
        let count = column_right(&thousands(list.uploads), 7, "");
        let when = canvas.column(&words::ago(list.last_upload_at, model.shown_now()), 15);
        let pieces = [
            (Role::Plain, name.as_str()),
            (Role::Strong, &people),
            (Role::Plain, &count),
            (Role::Dim, &format!("  {when}")),
        ];
        canvas.pieces(rows, row, &pieces);
        list_row(canvas, rows, row, place, cursor, has_keys);
    }
}

/// Marks the row that keys act on; where another part has them, the one that is the marked one there.
fn list_row(canvas: &mut Canvas, area: Rect, row: u16, place: usize, cursor: usize, has_keys: bool) {
    if has_keys {
        canvas.list_row(area, row, place, cursor);
    } else if place == cursor {
        canvas.mark(area, row, Role::Strong);
    }
}

fn files(model: &Model, canvas: &mut Canvas, area: Rect) {
    let (list_area, report_area) = top(area, (area.height / 2).max(4));
    let numbers = &model.numbers;
    let snapshot = model.snapshot.as_deref();
    let has_keys = numbers.part == Part::Files;
    let list = numbers.list(snapshot);
    let shown = numbers.shown_files(snapshot);
    let all = numbers
        .uploads
        .get()
        .map_or(0, |uploads| uploads.iter().filter(|upload| list.is_some_and(|list| upload.list == list.name)).count());
    let into = list.map_or_else(|| "Files".to_owned(), |list| format!("Files loaded into {}", list.name));
    let is_number = crate::console::numbers::looks_like_a_number(numbers.files.filter.value());
    let words = if is_number { String::new() } else { numbers.files.words(shown.len(), all, FILE_ORDERS) };
    let inner = canvas.panel(list_area, &titled(&into, &words), has_keys);
    match &numbers.uploads {
        Load::Waiting => {
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(inner, 0, Role::Bad, words);
        }
        Load::Here(_) if shown.is_empty() => {
            canvas.text(inner, 0, Role::Plain, " None. / changes the words, o loads a file.");
        }
        Load::Here(_) => {
            let cursor = numbers.files.place(shown.len());
            let (inner, first) = canvas.list(inner, cursor, shown.len());
            for (row, (place, upload)) in
                shown.iter().enumerate().skip(first).take(usize::from(inner.height)).enumerate()
            {
                let row = cells(row);
                let when = canvas.column(&model.facts.zone.at(upload.at, model.shown_now()), 22);
                let count = column_right(&counted(upload.report.received, "row"), 13, "");
                let rejected = upload.report.rejected;
                let trouble = if rejected == 0 { String::new() } else { format!("  {} rejected", thousands(rejected)) };
                let pieces = [
                    (Role::Dim, format!(" {when}")),
                    (Role::Strong, count),
                    (Role::Plain, format!("  {}", name_of(upload))),
                    (Role::Warn, trouble),
                ];
                let pieces: Vec<_> = pieces.iter().map(|(role, text)| (*role, text.as_str())).collect();
                canvas.pieces(inner, row, &pieces);
                list_row(canvas, inner, row, place, cursor, has_keys);
            }
        }
    }
    if let Some(upload) = shown.get(numbers.files.place(shown.len())) {
        let inner = canvas.panel(report_area, &format!("What became of {}", name_of(upload)), false);
        let row = figures(canvas, inner, 0, upload, &[]);
        if upload.report.rejected > 0 && has_keys {
            let words = [(Role::Key, " Enter"), (Role::Plain, " shows all of them by cause, and what to do.")];
            canvas.pieces(inner, row, &words);
        }
    }
}

/// An error's words without anybody's number.
fn hidden(model: &Model, words: &str) -> String {
    if model.facts.privacy {
        crate::console::text::without_numbers(words, model.look.glyphs.mask)
    } else {
        words.to_owned()
    }
}
