//! Broadcasts: all of them; and one, opened: how it went, why people were not reached, and its people one by one.

use super::canvas::{Canvas, columns, scaled, top};
use crate::console::actions::Action;
use crate::console::broadcasts::{ORDERS, Opened, Part};
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::{Load, Model};
use crate::console::text::{cells, column_right, thousands, width};
use crate::console::words;
use crate::domain::pricing;
use crate::domain::state::{ACCEPTED_BY_WHATSAPP, BroadcastStatus, RecipientState};
use crate::service::view::BroadcastView;
use crate::store::RecipientRow;
use ratatui::layout::Rect;

/// From this width on, states stand there in full.
const ROOMY: u16 = 150;
/// Columns for a state in short, and in full.
const SHORT_STATE: usize = 14;
const LONGEST_STATE: usize = 38;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    match &model.broadcasts.opened {
        None => all(model, canvas, area),
        Some(opened) => match &opened.view {
            Load::Waiting => {
                let inner = canvas.panel(area, opened.id.as_str(), true);
                canvas.text(inner, 0, Role::Dim, " Asking the store …");
            }
            Load::Failed(words) => {
                let inner = canvas.panel(area, opened.id.as_str(), true);
                canvas.paragraph(inner, 0, Role::Bad, words);
            }
            Load::Here(view) if opened.part == Part::Figures => figures(model, opened, view, canvas, area),
            Load::Here(view) => people(model, opened, view, canvas, area),
        },
    }
}

fn all(model: &Model, canvas: &mut Canvas, area: Rect) {
    let all = model.broadcasts.all.get().map_or(&[][..], Vec::as_slice);
    let shown = model.broadcasts.shown();
    let arranged = model.broadcasts.list.words(shown.len(), all.len(), ORDERS);
    let title =
        if arranged.is_empty() { "Broadcasts, newest first".to_owned() } else { format!("Broadcasts, {arranged}") };
    let inner = canvas.panel(area, &title, true);
    match &model.broadcasts.all {
        Load::Waiting => {
            canvas.text(inner, 0, Role::Dim, " Asking the store …");
            return;
        }
        Load::Failed(words) => {
            canvas.paragraph(inner, 0, Role::Bad, words);
            return;
        }
        Load::Here(all) if all.is_empty() => {
            canvas.text(inner, 0, Role::Strong, " No broadcast was made yet.");
            canvas.pieces(
                inner,
                2,
                &[
                    (Role::Plain, " "),
                    (Role::Key, "n"),
                    (Role::Plain, " puts one together; nothing is sent before you type its count at the end."),
                ],
            );
            return;
        }
        Load::Here(_) if shown.is_empty() => {
            canvas.text(
                inner,
                0,
                Role::Plain,
                " None of them holds these words. / changes them, Esc in there takes them away.",
            );
            return;
        }
        Load::Here(_) => {}
    }
    let wide = inner.width >= 110;
    let name_room = usize::from(inner.width).saturating_sub(if wide { 100 } else { 56 }).max(10);
    let (head, rows) = top(inner, 1);
    let name = canvas.column("broadcast", name_room);
    let more = if wide { format!("{:>9}{:>11}{:>9}  ", "accepted", "delivered", "read") } else { String::new() };
    canvas.text(
        head,
        0,
        Role::Dim,
        &format!(
            "   {name}  {:<15}{:>9}{:>9}{more:}{:>8}{:>9}{}",
            "state",
            "people",
            "left out",
            "failed",
            "not sure",
            if wide { "  when" } else { "" }
        ),
    );
    let cursor = model.broadcasts.list.place(shown.len());
    let (rows, first) = canvas.list(rows, cursor, shown.len());
    for (row, (place, view)) in shown.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
        line(model, view, canvas, rows, cells(row), name_room, wide);
        canvas.list_row(rows, cells(row), place, cursor);
    }
}

fn line(model: &Model, view: &BroadcastView, canvas: &mut Canvas, area: Rect, row: u16, name_room: usize, wide: bool) {
    let glyphs = canvas.glyphs();
    let (glyph, word, role) = words::status(view.broadcast.status, glyphs);
    let mark = if model.broadcasts.list.marks.contains(view.broadcast.id.as_str()) { glyphs.done } else { " " };
    let name = canvas.column(&words::name_of(view), name_room);
    let state = canvas.column(&format!("{glyph} {word}"), 15);
    let count = |state| view.counts.get(state);
    let figure = |count: u64, room| column_right(&thousands(count), room, "");
    let (failed, unsure) = (count(RecipientState::Failed), count(RecipientState::InDoubt));
    let role_if = |count: u64, role| if count > 0 { role } else { Role::Dim };
    let mut pieces = vec![
        (Role::Key, format!(" {mark} ")),
        (Role::Strong, format!("{name}  ")),
        (role, state),
        (Role::Plain, figure(view.goes_to(), 9)),
        (Role::Dim, figure(count(RecipientState::Skipped), 9)),
    ];
    if wide {
        let known = words::receipts_known(model.snapshot.as_deref(), view);
        let receipt = |count: u64, room| if known { figure(count, room) } else { column_right("-", room, "") };
        pieces.push((Role::Plain, figure(view.funnel.accepted, 9)));
        pieces.push((Role::Plain, receipt(view.funnel.delivered, 11)));
        pieces.push((Role::Plain, format!("{}  ", receipt(view.funnel.read, 9))));
    }
    pieces.push((role_if(failed, Role::Bad), figure(failed, 8)));
    pieces.push((role_if(unsure, Role::Warn), figure(unsure, 9)));
    if wide {
        let at = view.broadcast.ended_at.or(view.broadcast.started_at).unwrap_or(view.broadcast.created_at);
        pieces.push((Role::Dim, format!("  {}", words::ago(at, model.shown_now()))));
    }
    let pieces: Vec<_> = pieces.iter().map(|(role, text)| (*role, text.as_str())).collect();
    canvas.pieces(area, row, &pieces);
}

fn figures(model: &Model, opened: &Opened, view: &BroadcastView, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, &words::name_of(view), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let row = head(model, view, canvas, inner);
    let rest = top(inner, row).1;
    if rest.width >= 96 {
        let [left, right] = columns(rest, [1, 1]);
        let right = Rect { x: right.x + 2, width: right.width.saturating_sub(2), ..right };
        let used = funnel(model, view, canvas, left);
        left_out(view, canvas, top(left, used + 1).1);
        causes(opened, view, canvas, right);
    } else {
        let used = funnel(model, view, canvas, rest);
        let rest = top(rest, used).1;
        let used = causes(opened, view, canvas, rest);
        left_out(view, canvas, top(rest, used).1);
    }
}

/// What it is, how it stands, when; returns the rows used.
fn head(model: &Model, view: &BroadcastView, canvas: &mut Canvas, area: Rect) -> u16 {
    let broadcast = &view.broadcast;
    let zone = &model.facts.zone;
    let (glyph, word, role) = words::status(broadcast.status, canvas.glyphs());
    let to = broadcast.definition.audience.list.as_ref().map_or_else(
        || {
            if broadcast.definition.audience.follow_up.is_some() {
                "a follow-up".to_owned()
            } else {
                "all numbers".to_owned()
            }
        },
        |list| format!("list {list}"),
    );
    let template = broadcast.definition.template.key();
    let people = view.goes_to_words();
    canvas.pieces(
        area,
        0,
        &[
            (role, &format!("{glyph} {word}  ")),
            (Role::Plain, &format!("{template}, {to}, {people}  ")),
            (Role::Dim, broadcast.id.as_str()),
        ],
    );
    let mut row = 1;
    let mut times = Vec::new();
    for (name, at) in [
        ("starts", broadcast.start_at.filter(|_| broadcast.status == BroadcastStatus::Scheduled)),
        ("started", broadcast.started_at),
        ("ended", broadcast.ended_at),
        ("done by", view.done_at),
    ] {
        if let Some(at) = at {
            times.push(format!("{name} {}", zone.at(at, model.shown_now())));
        }
    }
    if !times.is_empty() {
        canvas.text(area, row, Role::Plain, &times.join(", "));
        row += 1;
    }
    if broadcast.status == BroadcastStatus::Paused {
        let next = broadcast.resume_at.map_or_else(
            || "r lets it go on.".to_owned(),
            |at| format!("It goes on by itself {}.", zone.at(at, model.shown_now())),
        );
        row = canvas.paragraph(
            area,
            row,
            Role::Warn,
            &format!("{}. {next}", words::pause_words(broadcast.reason, &broadcast.detail)),
        );
    }
    if let Some(audit) = &view.audit {
        let role = if audit.agrees() { Role::Good } else { Role::Bad };
        row = canvas.paragraph(area, row, role, &format!("Checked after the end: {}.", audit.words()));
    }
    if let Some(billed) = pricing::words(&view.prices, "", thousands) {
        row = canvas.paragraph(area, row, Role::Plain, &format!("billed {billed}"));
    }
    row + 1
}

/// How far people came, each step as a share of the one before, which is named.
fn funnel(model: &Model, view: &BroadcastView, canvas: &mut Canvas, area: Rect) -> u16 {
    let known = words::receipts_known(model.snapshot.as_deref(), view);
    let total = view.goes_to();
    let room = usize::from(area.width).saturating_sub(58).clamp(4, 30);
    let steps = [
        ("people", total, total, "", true),
        (ACCEPTED_BY_WHATSAPP, view.funnel.accepted, total, "people", true),
        ("delivered", view.funnel.delivered, view.funnel.accepted, "accepted", known),
        ("read", view.funnel.read, view.funnel.delivered, "delivered", known),
    ];
    for (row, (name, count, of, base, known)) in steps.into_iter().enumerate() {
        let row = cells(row);
        if !known {
            canvas.pieces(area, row, &[(Role::Plain, &format!("{name:<20}")), (Role::Dim, "- no receipts set up")]);
            continue;
        }
        let figure = column_right(&thousands(count), 10, "");
        let bar = canvas.bar(room, count, total);
        let share = if of == 0 || row == 0 { String::new() } else { format!(" {} % of {base}", percent(count, of)) };
        canvas.pieces(
            area,
            row,
            &[
                (Role::Plain, &format!("{name:<20}")),
                (Role::Strong, &figure),
                (Role::Plain, " "),
                (Role::Good, &bar),
                (Role::Dim, &share),
            ],
        );
    }
    let count = |state| view.counts.get(state);
    let mut row = 4;
    let mut one = |canvas: &mut Canvas, name: &str, count: u64, role: Role, hint: &str| {
        if count > 0 {
            let figure = column_right(&thousands(count), 10, "");
            canvas.pieces(
                area,
                row,
                &[(Role::Plain, &format!("{name:<20}")), (role, &figure), (Role::Dim, &format!("  {hint}"))],
            );
            row += 1;
        }
    };
    one(canvas, "waiting to go", words::to_go(view), Role::Plain, "");
    one(
        canvas,
        "failed",
        count(RecipientState::Failed),
        Role::Bad,
        if view.broadcast.status.is_final() { "u follows up" } else { "" },
    );
    one(canvas, "not sure", count(RecipientState::InDoubt), Role::Warn, "d settles them");
    one(canvas, "left out", count(RecipientState::Skipped), Role::Plain, "not among the people above");
    one(canvas, "cancelled", count(RecipientState::Cancelled), Role::Plain, "");
    row + 1
}

/// `62.4`, cut and not rounded: 100 means all.
fn percent(done: u64, total: u64) -> String {
    let tenths = scaled(1_000, done, total);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Why people were not reached, in words, and what to do about the marked cause; returns the rows used.
fn causes(opened: &Opened, view: &BroadcastView, canvas: &mut Canvas, area: Rect) -> u16 {
    if view.failures.is_empty() {
        return 0;
    }
    canvas.text(area, 0, Role::Strong, "Why people were not reached (Enter lists them)");
    let marked = opened.cause.min(view.failures.len() - 1);
    let advice = view.failures.get(marked).map(|cause| cause.advice.clone()).unwrap_or_default();
    let advice_rows = cells(crate::console::text::wrap(&advice, usize::from(area.width.saturating_sub(2))).len()) + 1;
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1 + advice_rows).min(cells(view.failures.len())),
        ..area
    };
    let (rows, first) = canvas.list(list, marked, view.failures.len());
    let figure = width(&thousands(view.failures[0].count)).max(3);
    for (row, (place, cause)) in view.failures.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate()
    {
        let row = cells(row);
        let count = column_right(&thousands(cause.count), figure + 1, "");
        let code = format!(" ({})", cause.code);
        let title = canvas.fit(&cause.title, cells(usize::from(rows.width).saturating_sub(figure + 3 + width(&code))));
        canvas.pieces(rows, row, &[(Role::Bad, &count), (Role::Plain, &format!("  {title}")), (Role::Dim, &code)]);
        canvas.list_row(rows, row, place, marked);
    }
    let below = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    canvas.paragraph(below, 1 + list.height, Role::Plain, &advice) + 1
}

fn left_out(view: &BroadcastView, canvas: &mut Canvas, area: Rect) {
    if view.skips.is_empty() {
        return;
    }
    canvas.text(area, 0, Role::Strong, "Left out, and why");
    for (row, (reason, count)) in view.skips.iter().enumerate() {
        let count = column_right(&thousands(*count), 8, "");
        canvas.pieces(area, cells(row + 1), &[(Role::Plain, &count), (Role::Plain, &format!("  {reason}"))]);
    }
}

fn people(model: &Model, opened: &Opened, view: &BroadcastView, canvas: &mut Canvas, area: Rect) {
    let inner = canvas.panel(area, &format!("{}: people", words::name_of(view)), true);
    let (tabs, rest) = top(inner, 1);
    let tab = |state: Option<RecipientState>| {
        let (name, count) =
            state.map_or(("all", view.counts.total()), |state| (state.short_label(), view.counts.get(state)));
        format!(" {name} {} ", thousands(count))
    };
    let all: Vec<_> = opened.states().into_iter().map(|state| (state, tab(state))).collect();
    let chosen = all.iter().position(|(state, _)| *state == opened.state).unwrap_or(0);
    // Where there is no room for all of them, the first ones give way to the chosen one.
    let room = usize::from(tabs.width).saturating_sub(4);
    let fits = |first: &usize| all[*first..=chosen].iter().map(|(_, text)| width(text) + 1).sum::<usize>() <= room;
    let first = (0..=chosen).find(fits).unwrap_or(chosen);
    let mut used = 1;
    if first > 0 {
        used += canvas.put(tabs, 0, used, Role::Dim, canvas.glyphs().ellipsis);
    }
    for (state, text) in &all[first..] {
        let role = if *state == opened.state { Role::Selected } else { Role::Plain };
        used += canvas.put(tabs, 0, used, role, text) + 1;
    }
    canvas.hot(tabs, Click::Act(Action::Right));
    let (head, rest) = top(rest, 1);
    let state_room = if rest.width >= ROOMY { LONGEST_STATE } else { SHORT_STATE };
    let state = canvas.column("state", state_room);
    canvas.text(head, 0, Role::Dim, &format!("   {:<16} {:<18} {state} {:>5}  why", "phone", "name", "tries"));
    let (rows, foot) = top(rest, rest.height.saturating_sub(1));
    match &opened.people.rows {
        Load::Waiting => {
            canvas.text(rows, 0, Role::Dim, " Asking the store …");
        }
        Load::Failed(words) => {
            canvas.paragraph(rows, 0, Role::Bad, words);
        }
        Load::Here(page) if page.is_empty() => {
            canvas.text(rows, 0, Role::Plain, " Nobody is in this state. ← → show the others.");
        }
        Load::Here(page) => {
            let cursor = opened.people.cursor.min(page.len() - 1);
            let first = super::canvas::scroll_to(cursor, rows.height, page.len());
            for (row, (place, one)) in page.iter().enumerate().skip(first).take(usize::from(rows.height)).enumerate() {
                recipient(model, opened, one, canvas, rows, (cells(row), state_room));
                canvas.list_row(rows, cells(row), place, cursor);
            }
            let before = opened.people.before();
            let of = opened.state.map_or(view.counts.total(), |state| view.counts.get(state));
            let marked = match opened.marks.len() {
                0 => String::new(),
                marked => format!(", {marked} marked"),
            };
            let [first, last, of] = [before + 1, before + page.len() as u64, of].map(thousands);
            let words = format!(" {first} to {last} of {of}{marked}");
            // What the marked row's short word means, where the column has no room to say it.
            let means = page
                .get(cursor)
                .map(|one| one.state)
                .filter(|state| state_room == SHORT_STATE && state.label() != state.short_label());
            let means = means.map_or_else(String::new, |state| format!("   {}", state.label()));
            canvas.pieces(foot, 0, &[(Role::Dim, &words), (Role::Plain, &means)]);
        }
    }
}

fn recipient(
    model: &Model,
    opened: &Opened,
    one: &RecipientRow,
    canvas: &mut Canvas,
    area: Rect,
    (row, state_room): (u16, usize),
) {
    let glyphs = canvas.glyphs();
    let mark = if opened.marks.contains(&one.seq) { glyphs.done } else { " " };
    let (glyph, role) = match one.state {
        RecipientState::Failed => (glyphs.failed, Role::Bad),
        RecipientState::InDoubt => (glyphs.unsure, Role::Warn),
        RecipientState::Queued | RecipientState::Sending => (glyphs.waiting, Role::Plain),
        RecipientState::Skipped | RecipientState::Cancelled => (glyphs.paused, Role::Dim),
        _ => (glyphs.done, Role::Good),
    };
    let why =
        if one.code == 0 { one.detail.clone() } else { format!("{} ({})", words::error_title(one.code), one.code) };
    let phone = canvas.column(&model.phone(one.phone), 16);
    let name = canvas.column(&one.name, 18);
    let words = if state_room == SHORT_STATE { one.state.short_label() } else { one.state.label() };
    let state = canvas.column(&format!("{glyph} {words}"), state_room);
    canvas.pieces(
        area,
        row,
        &[
            (Role::Key, &format!(" {mark} ")),
            (Role::Strong, &phone),
            (Role::Plain, &format!(" {name} ")),
            (role, &state),
            (Role::Plain, &format!(" {:>5}  {why}", one.attempt)),
        ],
    );
}
