//! The words of a sheet: who, then what happened, each with its time. Phones masked as everywhere.

use crate::console::look::{Glyphs, Role};
use crate::console::model::{Load, Model};
use crate::console::numbers::{row_word, shown_cell, told};
use crate::console::text::without_numbers;
use crate::console::words;
use crate::domain::phone::Phone;
use crate::domain::state::{ACCEPTED_BY_WHATSAPP, RecipientState};
use crate::domain::time::Millis;
use crate::service::people::{AttemptView, NumberView, PersonView, RecipientView};

/// How it is meant, by how many cells it is set in, the text.
pub(super) type Line = (Role, usize, String);

/// The lines of what was read, or what there is to say until then.
pub(super) fn read<T>(model: &Model, view: &Load<T>, lines: impl Fn(&Model, &T) -> Vec<Line>) -> Vec<Line> {
    match view {
        Load::Waiting => vec![(Role::Dim, 0, "Asking the store …".to_owned())],
        Load::Failed(words) => {
            let words = if model.facts.privacy { without_numbers(words, mask(model)) } else { words.clone() };
            vec![(Role::Warn, 0, words)]
        }
        Load::Here(view) => lines(model, view),
    }
}

fn mask(model: &Model) -> &'static str {
    model.look.glyphs.mask
}

/// Whether this person's number may be seen at the moment.
fn is_open(model: &Model, phone: Phone) -> bool {
    !model.facts.privacy || model.revealed.is_some_and(|(one, _)| one == phone)
}

/// `14:05 IST, 3 h ago`.
fn when(model: &Model, at: Millis) -> String {
    format!("{}, {}", model.facts.zone.at(at, model.now), words::ago(at, model.now))
}

fn blank() -> Line {
    (Role::Plain, 0, String::new())
}

/// Everything about a person.
pub(super) fn person(model: &Model, view: &PersonView) -> Vec<Line> {
    let name = view.uploads.iter().map(|one| one.number.name.as_str()).find(|name| !name.is_empty());
    let name = name.or_else(|| view.broadcasts.iter().map(|one| one.row.name.as_str()).find(|name| !name.is_empty()));
    let mut lines = vec![(Role::Strong, 0, format!("{}  {}", model.phone(view.phone), name.unwrap_or_default()))];
    if view.opted_out.is_empty() {
        lines.push((Role::Good, 0, "May be written to: no opt-out stands.".to_owned()));
    }
    for event in &view.opted_out {
        let words = told(event, model.facts.privacy, mask(model));
        let at = when(model, event.change.at);
        lines.push((Role::Bad, 0, format!("{} Not to be written to: {words}. {at}", model.look.glyphs.failed)));
    }
    lines.push(blank());
    lines.push((Role::Strong, 0, "Lists and files, newest first".to_owned()));
    if view.uploads.is_empty() {
        lines.push((Role::Plain, 1, "In no list.".to_owned()));
    }
    for one in &view.uploads {
        lines.extend(upload(model, one));
    }
    lines.push(blank());
    lines.push((Role::Strong, 0, "Broadcasts, newest first".to_owned()));
    if view.broadcasts.is_empty() {
        lines.push((Role::Plain, 1, "A recipient of none.".to_owned()));
    }
    for one in &view.broadcasts {
        lines.extend(broadcast(model, one));
    }
    if view.more_broadcasts {
        lines.push((Role::Dim, 1, format!("Only the newest {} are shown.", view.broadcasts.len())));
    }
    if !view.opt_out_history.is_empty() {
        lines.push(blank());
        lines.push((Role::Strong, 0, "What was said about writing to them, oldest first".to_owned()));
        for event in &view.opt_out_history {
            let what = if event.change.stop { "opted out" } else { "undone" };
            let words = told(event, model.facts.privacy, mask(model));
            lines.push((Role::Plain, 1, format!("{}  {what}: {words}", when(model, event.change.at))));
        }
    }
    lines
}

fn upload(model: &Model, one: &NumberView) -> Vec<Line> {
    let mut lines = vec![(
        Role::Plain,
        1,
        format!(
            "{}  from {}, {} {}. {}",
            one.list,
            one.source,
            row_word(&one.source),
            one.place.row,
            when(model, one.at)
        ),
    )];
    let privacy = model.facts.privacy;
    let mut about: Vec<String> = one
        .number
        .attributes
        .iter()
        .map(|(column, value)| format!("{column}: {}", shown_cell(value, privacy, mask(model))))
        .collect();
    if !one.tags.is_empty() {
        about.push(format!("tags: {}", one.tags.join(", ")));
    }
    if !about.is_empty() {
        lines.push((Role::Dim, 5, about.join("   ")));
    }
    lines
}

fn label(one: &RecipientView) -> String {
    let definition = &one.broadcast.definition;
    if definition.label.is_empty() { definition.template.name.clone() } else { definition.label.clone() }
}

fn state(glyphs: &Glyphs, state: RecipientState) -> (Role, String) {
    let (glyph, role) = match state {
        RecipientState::Failed => (glyphs.failed, Role::Bad),
        RecipientState::InDoubt => (glyphs.unsure, Role::Warn),
        RecipientState::Queued | RecipientState::Sending => (glyphs.waiting, Role::Plain),
        RecipientState::Skipped | RecipientState::Cancelled => (glyphs.paused, Role::Plain),
        _ => (glyphs.done, Role::Good),
    };
    (role, format!("{glyph} {}", state.label()))
}

fn broadcast(model: &Model, one: &RecipientView) -> Vec<Line> {
    let (role, words) = state(&model.look.glyphs, one.row.state);
    let at = one.row.changed_at.map_or_else(String::new, |at| format!(". {}", when(model, at)));
    let mut lines =
        vec![(role, 1, format!("{words}  {}, {}{at}", label(one), one.broadcast.definition.template.key()))];
    lines.extend(why(model, one, 5));
    lines.extend(one.attempts.iter().map(|attempt| (Role::Dim, 5, try_words(model, attempt))));
    lines
}

/// Why it stands so, and when it goes on.
fn why(model: &Model, one: &RecipientView, indent: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if !one.title.is_empty() {
        lines.push((Role::Plain, indent, format!("{} ({})", one.title, one.row.code)));
    } else if !one.row.detail.is_empty() {
        let detail =
            if model.facts.privacy { without_numbers(&one.row.detail, mask(model)) } else { one.row.detail.clone() };
        lines.push((Role::Plain, indent, detail));
    }
    if let Some(due) = one.row.due {
        lines.push((Role::Plain, indent, format!("to be tried again {}", model.facts.zone.at(due, model.now))));
    }
    lines
}

fn try_words(model: &Model, attempt: &AttemptView) -> String {
    let row = &attempt.row;
    let what = match (row.code, row.status.as_str()) {
        (0, "sent") => ACCEPTED_BY_WHATSAPP.to_owned(),
        (0, other) => other.to_owned(),
        (code, _) => format!("{} ({code})", attempt.title),
    };
    let undelivered = if row.undelivered { ", a receipt says that it was not delivered" } else { "" };
    format!("try {}  {}  {what}{undelivered}", row.attempt, model.facts.zone.at(row.timestamp, model.now))
}

/// One recipient with every try.
pub(super) fn recipient(model: &Model, one: &RecipientView) -> Vec<Line> {
    let row = &one.row;
    let open = is_open(model, row.phone);
    let (role, words) = state(&model.look.glyphs, row.state);
    let status = words::status(one.broadcast.status, model.look.glyphs).1;
    let at = row.changed_at.map_or_else(String::new, |at| format!(". {}", when(model, at)));
    let mut lines = vec![
        (Role::Strong, 0, format!("{}  {}", model.phone(row.phone), row.name)),
        (Role::Plain, 0, format!("in {} ({status}), {}", label(one), one.broadcast.definition.template.key())),
        blank(),
        (role, 0, format!("{words}{at}")),
    ];
    lines.extend(why(model, one, 2));
    if !one.advice.is_empty() {
        lines.push((Role::Plain, 2, format!("What to do: {}", one.advice)));
    }
    if !row.values.is_empty() {
        let values: Vec<String> = row.values.iter().map(|value| shown_cell(value, !open, mask(model))).collect();
        lines.push((Role::Plain, 0, format!("Filled in: {}", values.join(" | "))));
    }
    lines.push(blank());
    lines.push((Role::Strong, 0, "Tries".to_owned()));
    if one.attempts.is_empty() {
        let words = if row.attempt == 0 { "None yet." } else { "None that was answered." };
        lines.push((Role::Plain, 1, words.to_owned()));
    }
    for attempt in &one.attempts {
        let role = if attempt.row.code == 0 && !attempt.row.undelivered { Role::Plain } else { Role::Bad };
        lines.push((role, 1, try_words(model, attempt)));
        if !attempt.advice.is_empty() {
            lines.push((Role::Plain, 5, attempt.advice.clone()));
        }
        if !attempt.row.response.is_empty() {
            let answer =
                if open { attempt.row.response.clone() } else { without_numbers(&attempt.row.response, mask(model)) };
            lines.push((Role::Dim, 5, format!("answered: {answer}")));
        }
    }
    lines
}
