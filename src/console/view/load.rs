//! Loading a file: the picker, what was recognised, how far it is, what came of it.

mod count;

use super::canvas::{Canvas, top};
use super::numbers;
use crate::console::load::{Ask, LoadFile, Stage, What};
use crate::console::look::Role;
use crate::console::message::{FileEntry, FilePeek};
use crate::console::model::{Import, Load, Model};
use crate::console::numbers::{name_of, row_word, shown_cell, shown_phone_cell, why};
use crate::console::text::{cells, column_right, counted, people, shown_phone, thousands, wrap};
use crate::console::words;
use crate::domain::time::Millis;
use crate::service::import::ImportProgress;
use crate::service::import::opt_outs::OptOutsImported;
use ratatui::layout::Rect;

/// The line that copies a file from a laptop into the folder.
pub fn scp_line(model: &Model) -> String {
    let facts = &model.facts;
    format!(
        "scp numbers.csv {}@{}:{}/",
        facts.user,
        facts.host,
        facts.in_folder.display().to_string().trim_end_matches('/')
    )
}

/// Draws the dialog over the whole body.
pub fn render(model: &Model, load: &LoadFile, canvas: &mut Canvas, area: Rect) {
    canvas.clear(area);
    match load.stage {
        Stage::Pick => pick(model, load, canvas, area),
        Stage::Check => check(model, load, canvas, area),
        Stage::Run => run(model, load.what, canvas, area),
    }
}

fn pick(model: &Model, load: &LoadFile, canvas: &mut Canvas, area: Rect) {
    let what = match load.what {
        What::Numbers => "Load numbers",
        What::OptOuts => "Not to be written to",
    };
    let inner = canvas.panel(area, &format!("{what}: files on server {}", model.facts.host), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    canvas.field(inner, 0, "File", &load.path, true);
    // The line for the laptop is never cut: it is there to be copied.
    let scp = wrap(&scp_line(model), usize::from(inner.width));
    let hint_rows = cells(scp.len()) + 3;
    let rest = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    let (below, hints) = top(rest, rest.height.saturating_sub(hint_rows));
    if let Some(trouble) = &load.paste_trouble {
        canvas.text(inner, 1, Role::Bad, trouble);
    }
    match &load.entries {
        Load::Waiting => {
            canvas.text(below, 0, Role::Dim, "Reading the folder …");
        }
        Load::Failed(words) => {
            canvas.paragraph(below, 0, Role::Bad, words);
        }
        Load::Here(_) => entries(model, load, canvas, below),
    }
    canvas.text(hints, 1, Role::Dim, "Only a few rows? Paste them here, one person a line; no heading is needed.");
    canvas.text(hints, 2, Role::Dim, "Still on your computer? There, in a terminal:");
    for (row, line) in scp.iter().enumerate() {
        canvas.text(hints, cells(row + 3), Role::Strong, line);
    }
}

fn entries(model: &Model, load: &LoadFile, canvas: &mut Canvas, area: Rect) {
    let shown = load.shown();
    if shown.is_empty() || (shown.len() == 1 && shown[0].name == "..") {
        let words =
            if load.parts().1.is_empty() { "This folder is empty." } else { "Nothing here has that in its name." };
        canvas.text(area, 1, Role::Dim, words);
    }
    let name_room = usize::from(area.width).saturating_sub(30);
    let (area, first) = canvas.list(area, load.cursor, shown.len());
    for (row, (place, entry)) in shown.iter().enumerate().skip(first).take(usize::from(area.height)).enumerate() {
        let name = if entry.is_folder { format!("{}/", entry.name) } else { entry.name.clone() };
        let name = canvas.column(&name, name_room);
        let (size, when) = if entry.name == ".." {
            (String::new(), "one folder up".to_owned())
        } else {
            let size = if entry.is_folder { String::new() } else { bytes(entry.bytes) };
            (size, words::ago(entry.changed_at, model.now))
        };
        let size = column_right(&size, 9, "");
        let role = match entry {
            FileEntry { is_folder: true, .. } => Role::Key,
            entry if entry.may_hold_numbers() => Role::Plain,
            _ => Role::Dim,
        };
        canvas.pieces(area, cells(row), &[(role, &name), (Role::Plain, &size), (Role::Dim, &format!("  {when}"))]);
        if place == load.cursor {
            canvas.mark(area, cells(row), Role::Selected);
        }
    }
}

/// `1.4 MB`.
fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{} MB", thousands(count / 1_000_000), count % 1_000_000 / 100_000),
    }
}

fn check(model: &Model, load: &LoadFile, canvas: &mut Canvas, area: Rect) {
    let into = match load.what {
        What::Numbers => "",
        What::OptOuts => ": nobody in it is written to any more",
    };
    let inner = canvas.panel(area, &format!("Load {}{into}", load.name()), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut row = 0;
    for ask in load.asks() {
        let (name, field) = match ask {
            Ask::List => ("Into the list               ", &load.list),
            Ask::Country => ("Country of numbers without +", &load.country.field),
            Ask::Tags => ("Tags, with commas, if any   ", &load.tags),
        };
        canvas.field(inner, row, name, field, load.at == *ask);
        row += 1;
    }
    let (role, understood) = load.country.understood();
    canvas.text(inner, row, role, &understood);
    row += 1;
    if let Some(words) = wants_country(load) {
        row = canvas.paragraph(inner, row, Role::Warn, &words);
    }
    let below = top(inner, row + 1).1;
    match &load.peek {
        Load::Waiting => {
            canvas.text(below, 0, Role::Dim, "Reading the first rows …");
        }
        Load::Failed(words) => {
            canvas.paragraph(below, 0, Role::Bad, words);
        }
        Load::Here(peek) => first_rows(model, load, peek, canvas, below),
    }
}

/// How many rows would be left out for want of a country, and what to do.
fn wants_country(load: &LoadFile) -> Option<String> {
    let lacking = load.lacking_country().filter(|lacking| lacking.is_most() && load.country.code().is_none())?;
    let first = if lacking.only_first { "the first " } else { "" };
    let (without, of) = (thousands(lacking.without), counted(lacking.of, "row"));
    let next = match (load.asked_for_country, lacking.usable) {
        (false, _) => String::new(),
        (true, 0) => " Type it here. Enter without one loads nobody.".to_owned(),
        (true, others) => format!(" Type it here. Enter without one loads only the other {}.", thousands(others)),
    };
    Some(format!("{without} of {first}{of} have no country code: which country are they from?{next}"))
}

fn first_rows(model: &Model, load: &LoadFile, peek: &FilePeek, canvas: &mut Canvas, area: Rect) {
    let glyphs = canvas.glyphs();
    let mut row = 0;
    canvas.pieces(area, row, &[(Role::Dim, "Read as  "), (Role::Plain, &peek.taken_for)]);
    row += 1;
    match &peek.phone_column {
        Some(column) => {
            let name = peek.name_column.as_deref().unwrap_or("none");
            canvas.pieces(
                area,
                row,
                &[(Role::Dim, "Phone    "), (Role::Good, column), (Role::Dim, "   Name  "), (Role::Plain, name)],
            );
            row += 1;
            let others = if peek.other_columns.is_empty() { "none".to_owned() } else { peek.other_columns.join(", ") };
            canvas.pieces(area, row, &[(Role::Dim, "For variables  "), (Role::Plain, &others)]);
            row += 2;
        }
        None => {
            row = canvas.paragraph(
                area,
                row,
                Role::Bad,
                "No column with phone numbers was recognised. Name it phone, mobile or number in the file's first row.",
            ) + 1;
        }
    }
    for note in &peek.notes {
        row = canvas.paragraph(area, row, Role::Warn, note);
    }
    if peek.rows.is_empty() {
        return;
    }
    if let Some(count) = &load.count {
        row = count::render(count, load.what, canvas, area, row) + 1;
    }
    canvas.text(area, row, Role::Dim, "The first rows:");
    row += 1;
    for line in &peek.rows {
        if row >= area.height {
            break;
        }
        let number = column_right(&thousands(line.line), 6, "");
        match &line.phone {
            Ok(phone) => {
                let who = canvas.column(&shown_phone(*phone, model.facts.privacy, glyphs.mask), 16);
                let shown = |text: &String| shown_cell(text, model.facts.privacy, glyphs.mask);
                let name = canvas.column(&shown(&line.name), 18);
                let cells_text = line.cells.iter().map(shown).collect::<Vec<_>>().join(" | ");
                canvas.pieces(
                    area,
                    row,
                    &[
                        (Role::Dim, &number),
                        (Role::Good, &format!(" {} ", glyphs.done)),
                        (Role::Plain, &who),
                        (Role::Plain, &format!(" {name} ")),
                        (Role::Dim, &cells_text),
                    ],
                );
            }
            Err(reason) => {
                canvas.text(area, row, Role::Dim, &number);
                let words = format!("{} {reason}", glyphs.failed);
                let beside = Rect { x: area.x + 7, width: area.width.saturating_sub(7), ..area };
                row = canvas.paragraph(beside, row, Role::Bad, &words);
                continue;
            }
        }
        row += 1;
    }
}

fn run(model: &Model, what: What, canvas: &mut Canvas, area: Rect) {
    let is_opt_outs = matches!(model.import, Some(Import::OptOuts(_) | Import::Running { what: What::OptOuts, .. }));
    let is_opt_outs = is_opt_outs || (what == What::OptOuts && matches!(model.import, Some(Import::Failed(_))));
    let title = if is_opt_outs { "Noting who is not to be written to" } else { "Loading numbers" };
    let inner = canvas.panel(area, title, true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    match &model.import {
        None => {
            canvas.text(inner, 0, Role::Dim, "Nothing is being loaded.");
        }
        Some(Import::Running { file, since, progress, what }) => {
            running(model.now, file, *since, (*what, progress), canvas, inner);
        }
        Some(Import::OptOuts(done)) => opt_outs(model, done, canvas, inner),
        Some(Import::Failed(words)) => {
            let headline = if is_opt_outs { "Not read to its end." } else { "Not loaded." };
            canvas.text(inner, 0, Role::Bad, headline);
            canvas.paragraph(inner, 2, Role::Plain, words);
        }
        Some(Import::Done(done)) => {
            let upload = &done.upload;
            let words = format!("{} {} is in the list {}.", canvas.glyphs().done, name_of(upload), upload.list);
            let mut row = canvas.paragraph(inner, 0, Role::Good, &words);
            if done.replay {
                row =
                    canvas.paragraph(inner, row, Role::Warn, "This very file was loaded before; nothing was changed.");
            }
            row = numbers::figures(canvas, inner, row + 1, upload, &done.causes) + 1;
            if upload.report.rejected > 0 {
                canvas.pieces(
                    inner,
                    row,
                    &[(Role::Key, "r"), (Role::Plain, " shows all rejected rows by cause, and what to do about them.")],
                );
                row += 1;
            }
            for note in &done.notes {
                row = canvas.paragraph(inner, row, Role::Warn, note);
            }
            if let Some(path) = &done.rejects_path {
                row =
                    canvas.paragraph(inner, row, Role::Plain, &format!("All rejected rows are in {}", path.display()));
            }
            canvas.pieces(
                inner,
                row + 1,
                &[
                    (Role::Key, "Enter"),
                    (Role::Plain, " closes. Then "),
                    (Role::Key, "n"),
                    (Role::Plain, " puts a broadcast together."),
                ],
            );
        }
    }
}

fn opt_outs(model: &Model, done: &OptOutsImported, canvas: &mut Canvas, area: Rect) {
    let words = format!("{} From now on not written to: {}.", canvas.glyphs().done, people(done.imported));
    canvas.text(area, 0, Role::Good, &words);
    let words = format!(
        "{} = {} noted now + {} noted before + {} rejected",
        counted(done.received, "row"),
        thousands(done.imported),
        thousands(done.known),
        thousands(done.rejected)
    );
    canvas.paragraph(area, 1, Role::Strong, &words);
    let mut row = 3;
    let word = row_word(&done.source);
    for reject in done.rejects.iter().take(10) {
        let phone = shown_phone_cell(&reject.phone, model.facts.privacy, canvas.glyphs().mask);
        let words = format!("{word} {}, {phone}: {}", reject.row, why(&reject.reason));
        row = canvas.paragraph(area, row, Role::Warn, &words);
    }
}

fn running(
    now: Millis,
    file: &str,
    since: Millis,
    (what, progress): (What, &ImportProgress),
    canvas: &mut Canvas,
    area: Rect,
) {
    let (new, before, goes_on) = match what {
        What::Numbers => {
            ("new", "there before", "Nobody sees any of it before it is through. It goes on when you close this.")
        }
        What::OptOuts => {
            ("noted", "noted before", "It goes on when you close this. Stopped, it keeps who was noted by then.")
        }
    };
    canvas.text(area, 0, Role::Strong, file);
    let passed = now.since(since).max(0);
    let rate = if passed >= 1_000 { progress.received.saturating_mul(1_000) / passed.unsigned_abs() } else { 0 };
    let words = format!(
        "{}: {} {new}, {} {before}, {} rejected",
        counted(progress.received, "row"),
        thousands(progress.imported),
        thousands(progress.duplicates),
        thousands(progress.rejected)
    );
    canvas.text(area, 2, Role::Plain, &words);
    canvas.text(
        area,
        3,
        Role::Dim,
        &format!("{} rows a second, for {} so far", thousands(rate), words::lasting(passed)),
    );
    canvas.paragraph(area, 5, Role::Dim, goes_on);
}
