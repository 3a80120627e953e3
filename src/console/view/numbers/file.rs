//! What became of a file: its figures, which add up, and the rows that cannot be used, by cause, with what to do.

use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::numbers::{
    File, Rejects, cause_name, name_of, repeats, row_word, shown_cell, shown_cells, sums, why,
};
use crate::console::pages::Pages;
use crate::console::text::{cells, column_right, thousands, wrap};
use crate::console::view::canvas::{Canvas, scroll_to, top};
use crate::service::import::fix::CauseView;
use crate::store::{KeptReject, Reject, UploadSummary};
use ratatui::layout::Rect;

pub(super) fn render(model: &Model, file: &File, canvas: &mut Canvas, area: Rect) {
    let title = format!("What became of {}, in the list {}", name_of(&file.upload), file.upload.list);
    let inner = canvas.panel(area, &title, true);
    let report = &file.upload.report;
    let words = format!("{}: {}", model.facts.zone.at(file.upload.at, model.shown_now()), sums(report));
    let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut row = canvas.paragraph(text, 0, Role::Strong, &words);
    let tags = file.rejects.get().map_or(&[][..], |rejects| rejects.tags.as_slice());
    let mut about = Vec::new();
    if !report.columns.is_empty() {
        about.push(format!("columns: {}", report.columns.join(", ")));
    }
    if !tags.is_empty() {
        about.push(format!("tags: {}", tags.join(", ")));
    }
    if !about.is_empty() {
        canvas.text(inner, row, Role::Dim, &format!(" {}", about.join("   ")));
        row += 1;
    }
    let rest = top(inner, row + 1).1;
    match &file.rejects {
        Load::Waiting => {
            canvas.text(rest, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(rest, 0, Role::Bad, words);
        }
        Load::Here(rejects) if rejects.page.causes.is_empty() => {
            let words = if report.rejected == 0 {
                " Every row of it could be used. x takes the whole file back."
            } else {
                " None of the rows that cannot be used were kept. Load the file again to see them."
            };
            canvas.paragraph(rest, 0, Role::Plain, words);
        }
        Load::Here(rejects) => match &file.rows {
            None => causes(model, file, rejects, canvas, rest),
            Some(rows) => reject_rows(model, file, rows, canvas, rest),
        },
    }
}

fn causes(model: &Model, file: &File, rejects: &Rejects, canvas: &mut Canvas, area: Rect) {
    let page = &rejects.page;
    canvas.text(area, 0, Role::Strong, " Rows that cannot be used, by cause");
    let (kept, rejected) = (thousands(page.kept), thousands(page.rejected));
    if page.kept < page.rejected {
        canvas.right(area, 0, 36, Role::Dim, &format!("the first {kept} of {rejected} "));
    }
    let marked = file.cause.min(page.causes.len() - 1);
    let example = rejects.examples.get(marked).and_then(Option::as_ref);
    let below = advice(model, row_word(&file.upload.source), &page.causes[marked], example);
    let room = usize::from(area.width.saturating_sub(2));
    let lines: Vec<(Role, String)> = below
        .into_iter()
        .flat_map(|(role, text)| wrap(&text, room).into_iter().map(move |line| (role, line)))
        .collect();
    // The list keeps two rows at least; what to do is cut rather than it.
    let list_rows = cells(page.causes.len()).min(area.height.saturating_sub(2 + cells(lines.len())).max(2));
    let list = Rect { y: area.y + 1.min(area.height), height: list_rows.min(area.height.saturating_sub(1)), ..area };
    let (list, first) = canvas.list(list, marked, page.causes.len());
    for (row, (place, cause)) in page.causes.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate() {
        let row = cells(row);
        let open = column_right(&thousands(cause.open), 8, "");
        let done = if cause.fixed == 0 { String::new() } else { format!("  {} put right", thousands(cause.fixed)) };
        let reason = rejects.examples.get(place).and_then(Option::as_ref).map_or_else(
            || cause_name(&cause.cause),
            |row| shown_cell(&why(&row.reason), model.facts.privacy, canvas.glyphs().mask),
        );
        let fixes = if cause.open > 0 && !cause.remedy.fixes.is_empty() { "  r puts right" } else { "" };
        let reason_room = usize::from(list.width).saturating_sub(10 + fixes.len() + done.len());
        let reason = canvas.fit(&reason, cells(reason_room));
        let role = if cause.open > 0 { Role::Warn } else { Role::Dim };
        let pieces =
            [(role, open.as_str()), (Role::Plain, &format!("  {reason}")), (Role::Good, &done), (Role::Key, fixes)];
        canvas.pieces(list, row, &pieces);
        canvas.list_row(list, row, place, marked);
    }
    let below = Rect {
        x: area.x + 1,
        y: (area.y + 2 + list_rows).min(area.bottom()),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2 + list_rows),
    };
    for (row, (role, line)) in lines.iter().enumerate() {
        canvas.text(below, cells(row), *role, line);
    }
}

/// What to do about the marked cause, with a row of it.
fn advice(model: &Model, row: &str, cause: &CauseView, example: Option<&KeptReject>) -> Vec<(Role, String)> {
    let (privacy, mask) = (model.facts.privacy, model.look.glyphs.mask);
    let mut lines = Vec::new();
    if let Some(example) = example {
        lines.push((Role::Dim, format!("Why: {}.", shown_cell(&why(&example.reason), privacy, mask))));
        lines.push((Role::Plain, format!("For example {row} {}: {}", example.row, named(example, privacy, mask))));
    }
    if cause.open == 0 {
        lines.push((Role::Good, "All of these rows are put right.".to_owned()));
    } else if cause.remedy.fixes.is_empty() {
        lines.push((Role::Strong, format!("In the file: {}. Then load it again.", cause.remedy.advice)));
        lines.push((Role::Dim, "e exports the rows: mend them there, and load that file.".to_owned()));
    } else {
        lines.push((Role::Strong, format!("r puts them right: {}.", cause.remedy.advice)));
    }
    lines
}

/// A row's cells with their columns' names.
fn named(row: &KeptReject, privacy: bool, mask: &str) -> String {
    let cells = shown_cells(row, privacy, mask).into_iter().map(|(name, cell)| format!("{name}: {cell}"));
    cells.collect::<Vec<_>>().join(" | ")
}

fn reject_rows(model: &Model, file: &File, pages: &Pages<KeptReject, u32>, canvas: &mut Canvas, area: Rect) {
    let cause = file.marked().map_or_else(String::new, |cause| cause_name(&cause.cause));
    canvas.text(area, 0, Role::Strong, &format!(" Rows still to be put right: {cause}"));
    let (privacy, mask) = (model.facts.privacy, canvas.glyphs().mask);
    let room = usize::from(area.width.saturating_sub(2));
    let mut below = file.marked_row().map_or_else(Vec::new, |row| whole_row(model, file, row, room));
    // The list keeps half of the room; the rest of a long row is behind Enter.
    let most = usize::from(area.height / 2);
    if below.len() > most {
        below.truncate(most.saturating_sub(1));
        below.push((Role::Dim, "Enter shows the rest.".to_owned()));
    }
    let (list, detail) = top(top(area, 1).1, area.height.saturating_sub(1 + cells(below.len())));
    let (rows, foot) = top(list, list.height.saturating_sub(1));
    let detail = Rect { x: detail.x + 1, width: detail.width.saturating_sub(2), ..detail };
    for (row, (role, line)) in below.iter().enumerate() {
        canvas.text(detail, cells(row), *role, line);
    }
    match &pages.rows {
        Load::Waiting => {
            canvas.text(rows, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(rows, 0, Role::Bad, words);
        }
        Load::Here(page) if page.is_empty() => {
            canvas.text(rows, 0, Role::Good, " All of them are put right. Esc goes back.");
        }
        Load::Here(page) => {
            let cursor = pages.cursor.min(page.len() - 1);
            let first = scroll_to(cursor, rows.height, page.len());
            for (row, (place, one)) in page.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
                let number = column_right(&thousands(one.row.into()), 8, "");
                let hides = privacy && !is_open(model, file, one);
                let cells_text: Vec<String> = shown_cells(one, hides, mask).into_iter().map(|(_, cell)| cell).collect();
                let pieces = [(Role::Dim, number.as_str()), (Role::Plain, &format!("  {}", cells_text.join(" | ")))];
                canvas.pieces(rows, cells(row), &pieces);
                canvas.list_row(rows, cells(row), place, cursor);
            }
            let before = pages.before();
            let of = file.marked().map_or(0, |cause| cause.open);
            let words =
                format!(" {} to {} of {}", thousands(before + 1), thousands(before + page.len() as u64), thousands(of));
            canvas.text(foot, 0, Role::Dim, &words);
        }
    }
}

/// Whether a row is shown whole at the moment.
fn is_open(model: &Model, file: &File, row: &KeptReject) -> bool {
    model.numbers.revealed_row.is_some_and(|(upload, one, _)| (upload, one) == (file.upload.id, row.row))
}

/// Everything about the marked row, broken to the room that there is.
fn whole_row(model: &Model, file: &File, row: &KeptReject, room: usize) -> Vec<(Role, String)> {
    let (privacy, mask) = (model.facts.privacy && !is_open(model, file, row), model.look.glyphs.mask);
    let word = row_word(&file.upload.source);
    let lines = [
        (Role::Plain, format!("{word} {}: {}", row.row, named(row, privacy, mask))),
        (Role::Warn, shown_cell(&why(&row.reason), privacy, mask)),
    ];
    lines.into_iter().flat_map(|(role, text)| wrap(&text, room).into_iter().map(move |line| (role, line))).collect()
}

/// The figures, which add up, and the rejects by cause: with an example each where all of them are at hand, else as `causes`
/// counts them, else of those at hand. Returns the row after them.
pub fn figures(canvas: &mut Canvas, area: Rect, row: u16, upload: &UploadSummary, causes: &[(String, u64)]) -> u16 {
    let report = &upload.report;
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut row = canvas.paragraph(area, row, Role::Strong, &sums(report));
    if let Some(words) = repeats(report, &upload.source) {
        row = canvas.paragraph(area, row, Role::Plain, &words);
    }
    if report.rejected > 0 {
        let shown = report.rejects.len() as u64;
        let of = if shown < report.rejected && causes.is_empty() {
            format!(" (of the first {})", thousands(shown))
        } else {
            String::new()
        };
        canvas.text(area, row, Role::Warn, &format!("Rejected, by cause{of}:"));
        row += 1;
        let lines: Vec<(u64, String)> = if shown < report.rejected && !causes.is_empty() {
            causes.iter().map(|(cause, count)| (*count, cause_name(cause))).collect()
        } else {
            let with_example = |(reason, count, example): (&str, u64, &Reject)| {
                (count, format!("{}, e.g. {} {}", why(reason), row_word(&upload.source), example.row))
            };
            by_reason(&report.rejects).into_iter().map(with_example).collect()
        };
        let beside = Rect { x: area.x + 8, width: area.width.saturating_sub(8), ..area };
        for (count, words) in lines {
            canvas.text(area, row, Role::Strong, &column_right(&thousands(count), 6, ""));
            row = canvas.paragraph(beside, row, Role::Plain, &words);
        }
    }
    if !report.columns.is_empty() {
        let words = format!("Columns for variables: {}", report.columns.join(", "));
        row = canvas.paragraph(area, row, Role::Dim, &words);
    }
    row
}

/// Rejects by their reason, most first, with the first of each.
fn by_reason(rejects: &[Reject]) -> Vec<(&str, u64, &Reject)> {
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
