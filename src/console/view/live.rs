//! Live: what is going out now; when nothing is, what comes next and what the last result was.
//!
//! ```text
//! 60–99 columns       100–159                      160 and more
//! cards               cards       │ sent a second  cards    │ sent a second │ latest
//! why not faster      why …       │ latest         why …    │ next          │
//! failures            failures    │ next           failures │ last result   │
//! latest                          │
//! ```

use super::canvas::{Canvas, columns, top};
use super::chart;
use crate::console::look::Role;
use crate::console::message::Click;
use crate::console::model::Model;
use crate::console::text::{cells, column_right, people, shown_phone, thousands, width, wrap};
use crate::console::words;
use crate::domain::state::{ACCEPTED_BY_WHATSAPP, BroadcastStatus, RecipientState};
use crate::service::view::{BroadcastView, Snapshot};
use ratatui::layout::Rect;

/// The columns of the names of what there is to do.
const STEP: usize = 11;

/// Draws the screen.
pub fn render(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some(snapshot) = &model.snapshot else {
        let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
        match &model.opening {
            Some(words) => {
                let row = canvas.paragraph(inner, 1, Role::Warn, words);
                canvas.paragraph(
                    inner,
                    row + 1,
                    Role::Dim,
                    "It is tried again every few seconds. Nothing is sent meanwhile, and nothing is lost. q leaves.",
                );
            }
            None => {
                canvas.text(inner, 1, Role::Dim, "Asking the store how things stand …");
            }
        }
        return;
    };
    if area.width >= 160 {
        let [left, middle, right] = columns(area, [5, 4, 4]);
        first_column(model, snapshot, canvas, left);
        let (chart_area, rest) = top(middle, middle.height / 2);
        chart::render(canvas, chart_area, &snapshot.engine);
        coming_and_past(model, snapshot, canvas, rest);
        latest(model, snapshot, canvas, right);
    } else if area.width >= 100 {
        let [left, right] = columns(area, [5, 4]);
        first_column(model, snapshot, canvas, left);
        let (chart_area, rest) = top(right, right.height / 3);
        chart::render(canvas, chart_area, &snapshot.engine);
        let (latest_area, rest) = top(rest, rest.height / 2);
        latest(model, snapshot, canvas, latest_area);
        coming_and_past(model, snapshot, canvas, rest);
    } else {
        let rest = first_column(model, snapshot, canvas, area);
        let going_out = snapshot.open.iter().any(|view| words::is_going_out(view.broadcast.status));
        if snapshot.open.is_empty() {
            coming_and_past(model, snapshot, canvas, rest);
        } else if !going_out {
            past(model, snapshot, canvas, rest);
        } else if rest.height >= 3 {
            latest(model, snapshot, canvas, rest);
        }
    }
}

/// Cards, the strip and failures; returns what is left of the column.
fn first_column(model: &Model, snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) -> Rect {
    if snapshot.open.is_empty() {
        return nothing_going_out(snapshot, canvas, area);
    }
    let rest = cards(model, snapshot, canvas, area);
    let (strip, rest) = top(rest, 2);
    let (why, role) = words::why_not_faster(snapshot, &model.facts.zone);
    let used = canvas.pieces(strip, 0, &[(Role::Strong, " Why not faster? ")]);
    if usize::from(used) + width(&why) <= usize::from(strip.width) {
        canvas.put(strip, 0, used, role, &why);
    } else {
        let inner = Rect { x: strip.x + 1, width: strip.width.saturating_sub(1), ..strip };
        canvas.paragraph(inner, 0, role, &format!("Why not faster? {why}"));
    }
    let rest = last_line(model, canvas, rest);
    let rest = problems(snapshot, canvas, rest);
    failures(model, canvas, rest)
}

/// The last broadcast that ended, in a line below those that are open: a short one is not gone when it is over.
fn last_line(model: &Model, canvas: &mut Canvas, area: Rect) -> Rect {
    let Some(view) = model.last_ended() else { return area };
    let marked = model.live_cursor >= model.open().len();
    let (line, rest) = top(area, 1);
    let glyphs = canvas.glyphs();
    let pointer = if marked { glyphs.pointer } else { " " };
    let (glyph, word, role) = words::status(view.broadcast.status, glyphs);
    let at = view.broadcast.ended_at.map_or_else(String::new, |at| format!(" {}", words::ago(at, model.shown_now())));
    let failed = match view.counts.get(RecipientState::Failed) {
        0 => String::new(),
        failed => format!(", {} failed", thousands(failed)),
    };
    let [.., down] = glyphs.arrows;
    let figures = format!("{word}{at}, {} accepted{failed}.", thousands(view.funnel.accepted));
    let name = words::name_of(view);
    let taken = width("Last:   ") + width(glyph) + width(&figures) + 3;
    let room = usize::from(area.width).saturating_sub(taken);
    let (how, short) = if marked {
        (" Enter opens it.".to_owned(), " Enter".to_owned())
    } else {
        (format!(" {down} and Enter open it."), format!(" {down} Enter"))
    };
    let how = if width(&name) + width(&how) <= room { how } else { short };
    let name = canvas.fit(&name, cells(room.saturating_sub(width(&how)).max(8)));
    canvas.pieces(
        line,
        0,
        &[
            (Role::Key, pointer),
            (if marked { Role::Selected } else { Role::Strong }, &format!("Last: {name}")),
            (role, &format!("  {glyph} ")),
            (Role::Plain, &figures),
            (Role::Dim, &how),
        ],
    );
    canvas.hot(line, Click::Row(model.open().len()));
    rest
}

/// One card for each open broadcast, the marked one always in sight.
fn cards(model: &Model, snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) -> Rect {
    let most = (area.height * 3 / 5).max(7);
    let cursor = model.live_cursor.min(snapshot.open.len() - 1);
    let marks_last = model.live_cursor >= snapshot.open.len();
    let heights: Vec<u16> = snapshot.open.iter().map(|view| card_height(snapshot, view, area.width)).collect();
    // From the marked one backwards as far as there is room, then forwards.
    let mut first = cursor;
    let mut used = heights[cursor];
    while first > 0 && used + heights[first - 1] <= most {
        first -= 1;
        used += heights[first];
    }
    let mut rest = area;
    let mut shown = 0;
    used = 0;
    for (place, view) in snapshot.open.iter().enumerate().skip(first) {
        if shown > 0 && used + heights[place] > most {
            break;
        }
        let (card_area, below) = top(rest, heights[place]);
        card(model, snapshot, view, canvas, card_area, place == cursor && !marks_last);
        canvas.hot(card_area, Click::Row(place));
        rest = below;
        used += heights[place];
        shown += 1;
    }
    let hidden = snapshot.open.len().saturating_sub(shown);
    if hidden > 0 {
        let (line, below) = top(rest, 1);
        let [_, _, up, down] = canvas.glyphs().arrows;
        canvas.text(line, 0, Role::Dim, &format!(" {hidden} more: {up} {down} go through them"));
        rest = below;
    }
    rest
}

/// Frame, status, the reason of a pause, and the counts over as many rows as they need.
fn card_height(snapshot: &Snapshot, view: &BroadcastView, columns: u16) -> u16 {
    match view.broadcast.status {
        BroadcastStatus::Scheduled => 4,
        status => {
            let rows = flow_rows(&count_words(snapshot, view), columns.saturating_sub(2));
            3 + rows + u16::from(status == BroadcastStatus::Paused)
        }
    }
}

fn card(model: &Model, snapshot: &Snapshot, view: &BroadcastView, canvas: &mut Canvas, area: Rect, marked: bool) {
    let glyphs = canvas.glyphs();
    let broadcast = &view.broadcast;
    let dash = glyphs.dash;
    let template = broadcast.definition.template.key();
    let to = people(view.goes_to());
    let title = match broadcast.definition.label.as_str() {
        "" => format!("{template} {dash} {to}"),
        label => format!("{label} {dash} {template} {dash} {to}"),
    };
    let inner = canvas.panel(area, &title, marked && model.on_live().count() > 1);
    let (glyph, word, role) = words::status(broadcast.status, glyphs);
    let end = end_words(model, view);
    let head = format!(" {glyph} {word} ");
    if broadcast.status == BroadcastStatus::Scheduled {
        canvas.pieces(inner, 0, &[(role, &head), (Role::Plain, &end)]);
        canvas.text(inner, 1, Role::Dim, " Who gets it is fixed when it starts. x cancels it.");
        return;
    }
    let (done, total) = view.through();
    let percent = format!(" {} %  ", percent(done, total));
    let room = usize::from(inner.width).saturating_sub(width(&head) + width(&percent) + width(&end) + 1);
    let bar = canvas.bar(room.min(60), done, total);
    canvas.pieces(inner, 0, &[(role, &head), (role, &bar), (Role::Strong, &percent), (Role::Plain, &end)]);
    let mut row = 1;
    if broadcast.status == BroadcastStatus::Paused {
        let why = words::pause_words(broadcast.reason, &broadcast.detail);
        let next = broadcast.resume_at.map_or_else(
            || " r lets it go on.".to_owned(),
            |at| format!(" Goes on by itself {}.", model.facts.zone.at(at, model.shown_now())),
        );
        let room = cells(usize::from(inner.width).saturating_sub(width(&next) + 3));
        let why = canvas.fit(&why, room);
        canvas.pieces(inner, row, &[(Role::Warn, &format!(" {why}.")), (Role::Plain, &next)]);
        row += 1;
    }
    flow(canvas, inner, row, &count_words(snapshot, view));
}

fn end_words(model: &Model, view: &BroadcastView) -> String {
    let zone = &model.facts.zone;
    match view.broadcast.status {
        BroadcastStatus::Scheduled => view.broadcast.start_at.map_or_else(
            || "starts at once".to_owned(),
            |at| {
                format!("starts {}, in {}", zone.at(at, model.shown_now()), words::lasting(at.since(model.shown_now())))
            },
        ),
        BroadcastStatus::Preparing => {
            let (known, total) = (view.counts.total(), u64::from(view.broadcast.total));
            format!("fixing who gets it: {} of {}", thousands(known), thousands(total.max(known)))
        }
        BroadcastStatus::Running => {
            view.done_at.map_or_else(String::new, |at| format!("done by {}", zone.at(at, model.shown_now())))
        }
        _ => String::new(),
    }
}

/// `62.4`, cut and not rounded: 100 means all.
fn percent(done: u64, total: u64) -> String {
    let tenths = super::canvas::scaled(1_000, done, total);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The counts by their labels. What cannot be known is not shown as 0.
fn count_words(snapshot: &Snapshot, view: &BroadcastView) -> Vec<(Role, String)> {
    let count = |state| view.counts.get(state);
    let receipts = snapshot.receipts.set_up || view.funnel.sent > 0;
    let known = |count: u64| if receipts { thousands(count) } else { "-".to_owned() };
    let (failed, unsure) = (count(RecipientState::Failed), count(RecipientState::InDoubt));
    let mut words: Vec<(Role, String)> = vec![
        (Role::Plain, format!("waiting to go {}", thousands(words::to_go(view)))),
        (Role::Plain, format!("accepted {}", thousands(view.funnel.accepted))),
        (Role::Plain, format!("delivered {}", known(view.funnel.delivered))),
        (Role::Plain, format!("read {}", known(view.funnel.read))),
        (role_if(failed, Role::Bad), format!("failed {}", thousands(failed))),
        (role_if(unsure, Role::Warn), format!("not sure {}", thousands(unsure))),
        (Role::Plain, format!("left out {}", thousands(count(RecipientState::Skipped)))),
    ];
    if count(RecipientState::Cancelled) > 0 {
        words.push((Role::Plain, format!("cancelled {}", thousands(count(RecipientState::Cancelled)))));
    }
    if !receipts {
        words.push((Role::Dim, "- no receipts set up".to_owned()));
    }
    words
}

fn role_if(count: u64, role: Role) -> Role {
    if count > 0 { role } else { Role::Plain }
}

/// How many rows [`flow`] needs.
fn flow_rows(words: &[(Role, String)], columns: u16) -> u16 {
    let (mut rows, mut used) = (1, 1);
    for (_, text) in words {
        if used > 1 && used + width(text) > usize::from(columns) {
            rows += 1;
            used = 1;
        }
        used += width(text) + 2;
    }
    rows
}

/// Words one after the other, over as many rows as they need.
fn flow(canvas: &mut Canvas, area: Rect, row: u16, words: &[(Role, String)]) -> u16 {
    let (mut row, mut used) = (row, 1);
    for (role, text) in words {
        if used > 1 && usize::from(used) + width(text) > usize::from(area.width) {
            row += 1;
            used = 1;
        }
        used += canvas.put(area, row, used, *role, text) + 2;
    }
    row + 1
}

fn problems(snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) -> Rect {
    let mut rest = area;
    for problem in snapshot.problems.iter().take(2) {
        if rest.height < 4 {
            break;
        }
        let text = format!("{} {} {}", canvas.glyphs().unsure, problem.what, problem.advice);
        let inner = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), ..rest };
        let end = canvas.paragraph(inner, 0, Role::Warn, &text);
        rest = top(rest, end).1;
    }
    rest
}

/// Why people were not reached, by cause, in words; takes only the rows that it needs.
fn failures(model: &Model, canvas: &mut Canvas, area: Rect) -> Rect {
    let Some(view) = model.selected() else { return area };
    if view.failures.is_empty() || area.height < 3 {
        return area;
    }
    let all: u64 = view.failures.iter().map(|cause| cause.count).sum();
    let rows = cells(view.failures.len()).min(area.height.saturating_sub(2)).min(8);
    let (panel, rest) = top(area, rows + 2);
    let inner = canvas.panel(panel, &format!("Failures {}", thousands(all)), false);
    let figure = width(&thousands(view.failures.first().map_or(0, |cause| cause.count))).max(3);
    // In a narrow panel the words matter more than the bar.
    let bar_room = if inner.width < 90 { 7 } else { usize::from(inner.width / 6).min(20) };
    let name_room = usize::from(inner.width).saturating_sub(figure + bar_room + 3);
    for (row, cause) in view.failures.iter().take(usize::from(rows)).enumerate() {
        let code = format!(" ({})", cause.code);
        let title = canvas.fit(&cause.title, cells(name_room.saturating_sub(width(&code) + 1)));
        let name = canvas.column(&format!(" {title}{code}"), name_room);
        let count = column_right(&thousands(cause.count), figure, "");
        let full = super::canvas::scaled(bar_room, cause.count, view.failures[0].count).max(1);
        let bar = canvas.glyphs().bar.0.repeat(full);
        canvas.pieces(
            inner,
            cells(row),
            &[(Role::Plain, &name), (Role::Strong, &format!(" {count} ")), (Role::Bad, &bar)],
        );
    }
    rest
}

/// The newest answers, phones masked.
fn latest(model: &Model, snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) {
    let zone = model.facts.zone.short_name(model.shown_now());
    let inner = canvas.panel(area, &format!("Latest ({zone})"), false);
    if snapshot.latest.is_empty() {
        canvas.text(inner, 0, Role::Dim, " Nothing was sent yet.");
        return;
    }
    let glyphs = canvas.glyphs();
    for (row, log) in snapshot.latest.iter().take(usize::from(inner.height)).enumerate() {
        let row = cells(row);
        let time = model.facts.zone.clock(log.timestamp);
        let who = canvas.column(&shown_phone(log.phone, model.facts.privacy, glyphs.mask), 16);
        let (glyph, words, role) = if log.status == "sent" {
            (glyphs.done, ACCEPTED_BY_WHATSAPP.to_owned(), Role::Good)
        } else {
            (glyphs.failed, format!("{} ({})", words::error_title(log.code), log.code), Role::Bad)
        };
        canvas.pieces(
            inner,
            row,
            &[(Role::Dim, &format!(" {time} ")), (Role::Plain, &who), (role, &format!(" {glyph} {words}"))],
        );
    }
}

/// What comes next by itself, and how the last ones ended.
fn coming_and_past(model: &Model, snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) {
    let zone = &model.facts.zone;
    let scheduled = snapshot
        .open
        .iter()
        .filter(|view| view.broadcast.status == BroadcastStatus::Scheduled)
        .filter_map(|view| Some((view.broadcast.start_at?, words::name_of(view))));
    let recurring = snapshot.schedules.iter().filter(|one| one.enabled).filter_map(|one| {
        let label = &one.definition.label;
        Some((one.next_fire_at?, if label.is_empty() { one.definition.template.name.clone() } else { label.clone() }))
    });
    let mut coming: Vec<_> = scheduled.chain(recurring).collect();
    coming.sort();
    let rows = cells(coming.len()).clamp(1, 3) + 2;
    let (next, rest) = top(area, rows);
    let inner = canvas.panel(next, "What comes next", false);
    if coming.is_empty() {
        canvas.text(inner, 0, Role::Dim, " Nothing is planned.");
    }
    for (row, (at, name)) in coming.iter().take(3).enumerate() {
        let when =
            format!(" {}, in {}  ", zone.at(*at, model.shown_now()), words::lasting(at.since(model.shown_now())));
        canvas.pieces(inner, cells(row), &[(Role::Strong, &when), (Role::Plain, name)]);
    }
    past(model, snapshot, canvas, rest);
}

/// How the last ones ended.
fn past(model: &Model, snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) {
    if area.height < 3 {
        return;
    }
    let opens = snapshot.open.is_empty() && model.last_ended().is_some();
    let title = if opens { "Last results (Enter opens the first)" } else { "Last results" };
    let inner = canvas.panel(area, title, false);
    if snapshot.ended.is_empty() {
        canvas.text(inner, 0, Role::Dim, " No broadcast has ended yet.");
    }
    let mut row = 0;
    for view in &snapshot.ended {
        if row >= inner.height {
            break;
        }
        let (glyph, word, role) = words::status(view.broadcast.status, canvas.glyphs());
        let when = view.broadcast.ended_at.map_or_else(String::new, |at| words::ago(at, model.shown_now()));
        canvas.pieces(
            inner,
            row,
            &[
                (role, &format!(" {glyph} {word} ")),
                (Role::Strong, &words::name_of(view)),
                (Role::Dim, &format!("  {when}")),
            ],
        );
        let counts = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), ..inner };
        row = result_line(snapshot, view, canvas, counts, row + 1);
    }
}

fn result_line(snapshot: &Snapshot, view: &BroadcastView, canvas: &mut Canvas, area: Rect, row: u16) -> u16 {
    let receipts = snapshot.receipts.set_up || view.funnel.sent > 0;
    let known = |count: u64| if receipts { thousands(count) } else { "-".to_owned() };
    let mut words = vec![
        (Role::Plain, format!("accepted {}", thousands(view.funnel.accepted))),
        (Role::Plain, format!("delivered {}", known(view.funnel.delivered))),
        (Role::Plain, format!("read {}", known(view.funnel.read))),
        (Role::Plain, format!("failed {}", thousands(view.counts.get(RecipientState::Failed)))),
        (Role::Plain, format!("not sure {}", thousands(view.counts.get(RecipientState::InDoubt)))),
    ];
    if view.broadcast.status == BroadcastStatus::Cancelled {
        // Cancelled before its audience was fixed: nobody was written down, and nobody gets it all the same.
        let unwritten = u64::from(view.broadcast.total).saturating_sub(view.counts.total());
        let cancelled = view.counts.get(RecipientState::Cancelled) + unwritten;
        words.push((Role::Plain, format!("cancelled {}", thousands(cancelled))));
    }
    flow(canvas, area, row, &words)
}

/// Nothing is going out: says what to press.
fn nothing_going_out(snapshot: &Snapshot, canvas: &mut Canvas, area: Rect) -> Rect {
    let people_in_lists: u64 = snapshot.lists.iter().map(|list| list.people).sum();
    let (known, approved, synced_at) = snapshot.templates;
    let numbers = if snapshot.lists.is_empty() {
        (Role::Strong, "no numbers yet: press 3, then o loads a file".to_owned())
    } else {
        let lists = crate::console::text::counted(snapshot.lists.len() as u64, "list");
        (Role::Plain, format!("{} entries in {lists}; 3 shows them", thousands(people_in_lists)))
    };
    let templates = match synced_at {
        None => (Role::Strong, "not fetched yet: press 4, then u fetches them from WhatsApp".to_owned()),
        Some(_) if approved == 0 => (Role::Strong, format!("{known} known, none approved: press 4")),
        Some(_) => (Role::Plain, format!("{approved} of {known} may be sent; 4 shows them")),
    };
    let then = (Role::Plain, "n puts a new broadcast together.".to_owned());
    let steps = [("Numbers", numbers), ("Templates", templates), ("Then", then)];
    let safe = if snapshot.rehearsal {
        "This is a rehearsal: it goes to the built-in sandbox, nobody gets anything."
    } else {
        "Nothing is sent before you type the number of people at the end."
    };
    // All of it matters to who has nothing yet: the panel is as high as its words need.
    let room = usize::from(area.width.saturating_sub(4));
    let wanted: usize = steps.iter().map(|(_, (_, words))| wrap(words, room.saturating_sub(STEP)).len()).sum();
    let rows = cells(wanted + 1 + wrap(safe, room).len() + 2);
    let (panel, rest) = top(area, rows);
    let inner = canvas.panel(panel, "Nothing is going out", false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let beside = Rect { x: inner.x + cells(STEP), width: inner.width.saturating_sub(cells(STEP)), ..inner };
    let mut row = 0;
    for (name, (role, words)) in &steps {
        canvas.text(inner, row, Role::Dim, name);
        row = canvas.paragraph(beside, row, *role, words);
    }
    canvas.paragraph(inner, row + 1, Role::Plain, safe);
    rest
}
