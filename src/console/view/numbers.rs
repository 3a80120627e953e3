//! Numbers: lists, the files that they came from, and what was rejected and why.

use super::canvas::{Canvas, columns, top};
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::{Import, Load, Model, NumbersPart};
use crate::console::text::{cells, column_right, counted, thousands};
use crate::console::{update, words};
use crate::store::{Reject, UploadSummary};
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let area = loading_line(model, canvas, area);
    if model.snapshot.as_ref().is_some_and(|snapshot| snapshot.lists.is_empty()) {
        nothing_yet(model, canvas, area);
        return;
    }
    if area.width >= 100 {
        let [left, right] = columns(area, [2, 3]);
        lists(model, canvas, left);
        let (uploads_area, rest) = top(right, right.height / 2);
        uploads(model, canvas, uploads_area);
        report(model, canvas, rest);
    } else {
        let (lists_area, rest) = top(area, (area.height / 3).max(4));
        lists(model, canvas, lists_area);
        let (uploads_area, rest) = top(rest, rest.height / 2);
        uploads(model, canvas, uploads_area);
        report(model, canvas, rest);
    }
}

/// A file that is being loaded while the operator looks elsewhere.
fn loading_line(model: &Model, canvas: &mut Canvas, area: Rect) -> Rect {
    let Some(Import::Running { file, progress, .. }) = &model.import else { return area };
    let (line, rest) = top(area, 1);
    let words = format!(" Loading {file}: {} so far. o shows more.", counted(progress.received, "row"));
    canvas.text(line, 0, Role::Good, &words);
    rest
}

fn nothing_yet(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "Numbers", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.text(inner, 0, Role::Strong, "No numbers yet.");
    canvas.pieces(inner, 2, &[(Role::Key, "o"), (Role::Plain, " loads a file on this server: CSV, Excel, JSON.")]);
    canvas.text(inner, 4, Role::Plain, "Is the file still on your computer? Copy it here first. On your computer:");
    canvas.text(inner, 5, Role::Strong, &super::load::scp_line(model));
    canvas.paragraph(
        inner,
        7,
        Role::Dim,
        "Each row needs a phone number. A name and any other columns can fill the template's variables.",
    );
}

fn lists(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, "Lists", model.numbers_part == NumbersPart::Lists);
    let Some(snapshot) = &model.snapshot else {
        canvas.text(inner, 0, Role::Dim, " Asking the store …");
        return;
    };
    let cursor = model.lists_cursor.min(snapshot.lists.len().saturating_sub(1));
    let (head, rows) = top(inner, 1);
    let name_room = usize::from(inner.width).saturating_sub(26);
    let name = canvas.column(" list", name_room);
    canvas.text(head, 0, Role::Dim, &format!("{name}{:>9}  {:<14}", "people", "newest file"));
    let (rows, first) = canvas.list(rows, cursor, snapshot.lists.len());
    for (row, (place, list)) in snapshot.lists.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate()
    {
        let name = canvas.column(&format!(" {}", list.name), name_room);
        let people = column_right(&thousands(list.people), 9, "");
        let when = canvas.column(&words::ago(list.last_upload_at, model.now), 15);
        canvas.pieces(
            rows,
            cells(row),
            &[(Role::Plain, &name), (Role::Strong, &people), (Role::Dim, &format!("  {when}"))],
        );
        if place == cursor {
            canvas.mark(rows, cells(row), Role::Selected);
        }
        if model.numbers_part == NumbersPart::Lists {
            canvas.hot_row(rows, cells(row), Click::Row(place));
        }
    }
}

fn uploads(model: &Model, canvas: &mut Canvas, area: Rect) {
    let focused = model.numbers_part == NumbersPart::Uploads;
    let inner = canvas.panel(area, "Files loaded into it, newest first", focused);
    match &model.uploads {
        Load::Waiting => {
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(inner, 0, Role::Bad, words);
        }
        Load::Here(_) => {
            let uploads = update::shown_uploads(model);
            let cursor = model.uploads_cursor.min(uploads.len().saturating_sub(1));
            let (inner, first) = canvas.list(inner, cursor, uploads.len());
            for (row, (place, upload)) in
                uploads.iter().enumerate().skip(first).take(usize::from(inner.height)).enumerate()
            {
                let when = canvas.column(&model.facts.zone.at(upload.at, model.now), 22);
                let count = column_right(&counted(upload.report.received, "row"), 14, "");
                canvas.pieces(
                    inner,
                    cells(row),
                    &[
                        (Role::Dim, &format!(" {when}")),
                        (Role::Strong, &count),
                        (Role::Plain, &format!("  {}", upload.source)),
                    ],
                );
                if place == cursor {
                    canvas.mark(inner, cells(row), if focused { Role::Selected } else { Role::Strong });
                }
                if focused {
                    canvas.hot_row(inner, cells(row), Click::Row(place));
                }
            }
        }
    }
}

/// The marked upload's figures and rejects.
fn report(model: &Model, canvas: &mut Canvas, area: Rect) {
    let uploads = update::shown_uploads(model);
    let Some(upload) = uploads.get(model.uploads_cursor.min(uploads.len().saturating_sub(1))) else {
        return;
    };
    let inner = canvas.panel(area, &format!("What became of {}", upload.source), false);
    figures(canvas, inner, 0, upload);
}

/// The figures, which add up, and the rejects by cause with an example each. Returns the row after them.
pub fn figures(canvas: &mut Canvas, area: Rect, row: u16, upload: &UploadSummary) -> u16 {
    let report = &upload.report;
    let words = format!(
        " {} = {} new + {} known already + {} rejected",
        counted(report.received, "row"),
        thousands(report.imported),
        thousands(report.duplicates),
        thousands(report.rejected)
    );
    canvas.text(area, row, Role::Strong, &words);
    let mut row = row + 1;
    if report.rejected > 0 {
        let shown = report.rejects.len() as u64;
        let of = if shown < report.rejected { format!(" (of the first {})", thousands(shown)) } else { String::new() };
        canvas.text(area, row, Role::Warn, &format!(" Rejected, by cause{of}:"));
        row += 1;
        for (reason, count, example) in causes(&report.rejects) {
            let count = column_right(&thousands(count), 7, "");
            canvas.pieces(
                area,
                row,
                &[
                    (Role::Strong, &count),
                    (Role::Plain, &format!("  {reason}")),
                    (Role::Dim, &format!(", e.g. row {}", example.row)),
                ],
            );
            row += 1;
        }
    }
    if !report.columns.is_empty() {
        canvas.text(area, row, Role::Dim, &format!(" Columns for variables: {}", report.columns.join(", ")));
        row += 1;
    }
    row
}

/// Rejects by their reason, most first, with the first of each.
fn causes(rejects: &[Reject]) -> Vec<(&str, u64, &Reject)> {
    let mut causes: Vec<(&str, u64, &Reject)> = Vec::new();
    for reject in rejects {
        match causes.iter_mut().find(|(reason, ..)| *reason == reject.reason) {
            Some((_, count, _)) => *count += 1,
            None => causes.push((&reject.reason, 1, reject)),
        }
    }
    causes.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    causes
}
