//! Log: every answer of WhatsApp, the newest first, and the marked one in full.

use super::canvas::{Canvas, scroll_to, top};
use crate::console::look::Role;
use crate::console::model::{Load, Model};
use crate::console::text::{cells, without_numbers};
use crate::console::words;
use crate::domain::state::ACCEPTED_BY_WHATSAPP;
use crate::store::LogRow;
use ratatui::layout::Rect;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let zone = model.facts.zone.short_name(model.shown_now());
    let all = model.log.get().map_or(0, Vec::len);
    let rows = model.log_rows();
    let mut state = vec![if model.log_failures { "only what failed, newest first" } else { "newest first" }.to_owned()];
    state.push(model.log_list.words::<LogRow>(rows.len(), all, &[]));
    state.retain(|words| !words.is_empty());
    let detail_rows = (area.height / 3).clamp(5, 12);
    let (list, detail) = top(area, area.height.saturating_sub(detail_rows));
    let inner = canvas.panel(list, &format!("Log: WhatsApp's answers, times in {zone}, {}", state.join(", ")), true);
    match &model.log {
        Load::Waiting => {
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(inner, 0, Role::Bad, words);
        }
        Load::Here(rows) if rows.is_empty() => {
            canvas.text(inner, 0, Role::Plain, " Nothing was sent yet. Every answer of WhatsApp will be listed here.");
            canvas.pieces(
                inner,
                2,
                &[(Role::Plain, " "), (Role::Key, "Tab"), (Role::Plain, " shows what wacast itself has to say.")],
            );
            canvas.pieces(
                inner,
                1,
                &[(Role::Plain, " "), (Role::Key, "n"), (Role::Plain, " puts a new broadcast together.")],
            );
        }
        Load::Here(_) if rows.is_empty() => {
            canvas.text(
                inner,
                0,
                Role::Plain,
                " Nothing. Later failures stand with the broadcast (2). s: all, /: words.",
            );
        }
        Load::Here(_) => {
            let cursor = model.log_list.place(rows.len());
            let first = scroll_to(cursor, inner.height, rows.len());
            for (row, (place, log)) in rows.iter().enumerate().skip(first).take(usize::from(inner.height)).enumerate() {
                line(model, canvas, inner, cells(row), log);
                canvas.list_row(inner, cells(row), place, cursor);
            }
            if let Some(log) = rows.get(cursor) {
                full(model, canvas, detail, log);
            }
        }
    }
}

fn line(model: &Model, canvas: &mut Canvas, area: Rect, row: u16, log: &LogRow) {
    let glyphs = canvas.glyphs();
    let (glyph, role) = if log.status == "sent" { (glyphs.done, Role::Good) } else { (glyphs.failed, Role::Bad) };
    let time = model.facts.zone.clock(log.timestamp);
    let who = canvas.column(&model.phone(log.phone), 16);
    let what = if log.status == "sent" { "sent".to_owned() } else { format!("failed {}", log.code) };
    let what = canvas.column(&what, 14);
    // In a narrow list what became of it matters more than the whole name.
    let broadcast = canvas.column(&name_of(model, log), if area.width < 100 { 13 } else { 22 });
    let meaning = if log.status == "sent" { ACCEPTED_BY_WHATSAPP } else { words::error_title(log.code) };
    canvas.pieces(
        area,
        row,
        &[
            (Role::Dim, &format!(" {time} ")),
            (Role::Plain, &who),
            (role, &format!(" {glyph} {what}")),
            (Role::Plain, &broadcast),
            (Role::Plain, &format!(" {meaning}")),
        ],
    );
}

/// The broadcast's name when it is one of those at hand, else its id.
fn name_of(model: &Model, log: &LogRow) -> String {
    let snapshot = model.snapshot.as_ref();
    snapshot
        .into_iter()
        .flat_map(|snapshot| snapshot.open.iter().chain(&snapshot.ended))
        .find(|view| view.broadcast.id == log.broadcast)
        .map_or_else(|| log.broadcast.to_string(), words::name_of)
}

/// The answer as it came; with privacy on, without what tells who it was about.
fn answer_words(model: &Model, log: &LogRow, mask: &str) -> String {
    if model.facts.privacy && model.revealed.is_none_or(|(phone, _)| phone != log.phone) {
        without_numbers(&log.response, mask)
    } else {
        log.response.clone()
    }
}

fn full(model: &Model, canvas: &mut Canvas, area: Rect, log: &LogRow) {
    let glyphs = canvas.glyphs();
    let inner = canvas.panel(area, "The marked answer", false);
    let who = model.phone(log.phone);
    let meaning = if log.status == "sent" { ACCEPTED_BY_WHATSAPP } else { words::error_title(log.code) };
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let at = model.facts.zone.at(log.timestamp, model.shown_now());
    let words = format!("{who}: {meaning}, {at}, {}, try {}", name_of(model, log), log.attempt);
    let row = canvas.paragraph(inner, 0, Role::Strong, &words);
    canvas.paragraph(inner, row, Role::Plain, &answer_words(model, log, glyphs.mask));
}
