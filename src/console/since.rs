//! "Since you were last here": what ended, is held, failed or should have started meanwhile, each row with the place where
//! it can be looked at. Only the card's state and words; what happened is the service's business.

use super::actions::Action;
use super::dialog::Then;
use super::listing::moved;
use super::look::Role;
use super::message::Request;
use super::model::{Model, Screen};
use super::text::{people, thousands};
use super::update;
use super::words::{self, Zone};
use crate::domain::ids::{BroadcastId, ScheduleId};
use crate::domain::schedule::Schedule;
use crate::domain::state::{ACCEPTED_BY_WHATSAPP, BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::service::since::{Occurrence, Outcome, Since};
use crate::service::view::BroadcastView;

/// The card.
#[derive(Debug, Clone, PartialEq)]
pub struct SinceCard {
    /// Since when.
    pub since: Millis,
    /// What happened, what needs a person first.
    pub rows: Vec<Row>,
    /// The marked row.
    pub cursor: usize,
    /// There is more than is told here.
    pub more: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What kind of thing it is, in a word.
    pub kind: &'static str,
    /// How it is meant.
    pub role: Role,
    /// In words.
    pub text: String,
    /// Where it can be looked at.
    pub opens: Opens,
}

/// Where Enter leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    /// To a broadcast.
    Broadcast(BroadcastId),
    /// To a screen.
    Screen(Screen),
}

impl SinceCard {
    /// The card for what happened. `schedules`: those that are known, for their names.
    pub fn new(told: &Since, schedules: &[Schedule], zone: &Zone) -> Self {
        let mut rows = Vec::new();
        for view in &told.held {
            let why = words::pause_words(view.broadcast.reason, &view.broadcast.detail);
            let goes_on = view
                .broadcast
                .resume_at
                .map_or_else(String::new, |at| format!("; goes on by itself {}", zone.at(at, told.at)));
            rows.push(of(view, "held", Role::Warn, &format!("{}{goes_on}", why.trim_end_matches('.'))));
        }
        for (id, doubts) in &told.in_doubt {
            let name = name(told, id);
            rows.push(Row {
                kind: "not sure",
                role: Role::Warn,
                text: format!("{name}: {} may or may not have it", people(*doubts)),
                opens: Opens::Broadcast(id.clone()),
            });
        }
        rows.extend(told.occurrences.iter().map(|one| occurrence(told, one, schedules, zone)));
        rows.extend(told.finished.iter().map(finished));
        for cause in &told.failures {
            let newest = told.finished.iter().find(|view| view.failures.iter().any(|one| one.code == cause.code));
            let text = format!("{} {} ({})", thousands(cause.count), cause.title, cause.code);
            let opens =
                newest.map_or(Opens::Screen(Screen::Broadcasts), |view| Opens::Broadcast(view.broadcast.id.clone()));
            rows.push(Row { kind: "failed", role: Role::Bad, text, opens });
        }
        for pause in &told.template_pauses {
            let text = format!("{}, {}: {}", name(told, &pause.broadcast), zone.at(pause.at, told.at), pause.detail);
            rows.push(Row {
                kind: "template",
                role: Role::Warn,
                text,
                opens: Opens::Broadcast(pause.broadcast.clone()),
            });
        }
        for import in &told.imports {
            let rejected =
                if import.rejected > 0 { format!(", {} rejected", thousands(import.rejected)) } else { String::new() };
            let text = format!("{} into {}: {} new{rejected}", import.source, import.list, thousands(import.imported));
            rows.push(Row { kind: "loaded", role: Role::Plain, text, opens: Opens::Screen(Screen::Numbers) });
        }
        if told.opt_outs > 0 {
            let text = format!("{} asked not to be written to", people(told.opt_outs));
            rows.push(Row { kind: "opted out", role: Role::Plain, text, opens: Opens::Screen(Screen::Numbers) });
        }
        Self { since: told.since, rows, cursor: 0, more: told.more }
    }

    /// Does what a key asks for. The card is off the stack meanwhile.
    pub fn act(&mut self, model: &mut Model, action: Action) -> (Then, Vec<Request>) {
        match action {
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                self.cursor = moved(self.cursor, action, model.page(), self.rows.len());
                (Then::Stay, Vec::new())
            }
            Action::Accept => {
                let Some(row) = self.rows.get(self.cursor) else { return (Then::Close, Vec::new()) };
                let requests = match row.opens.clone() {
                    Opens::Broadcast(id) => update::open_broadcast(model, id),
                    Opens::Screen(screen) => update::act_on_screen(model, Action::Show(screen)),
                };
                (Then::Close, requests)
            }
            _ => (Then::Close, Vec::new()),
        }
    }
}

fn of(view: &BroadcastView, kind: &'static str, role: Role, text: &str) -> Row {
    let text = format!("{}: {text}", words::name_of(view));
    Row { kind, role, text, opens: Opens::Broadcast(view.broadcast.id.clone()) }
}

fn finished(view: &BroadcastView) -> Row {
    let accepted = thousands(view.funnel.accepted);
    let count = |state| view.counts.get(state);
    if view.broadcast.status == BroadcastStatus::Cancelled {
        let left = people(count(RecipientState::Cancelled));
        let words = format!("{accepted} {ACCEPTED_BY_WHATSAPP}, {left} did not get it");
        return of(view, "cancelled", Role::Plain, &words);
    }
    let to = view.goes_to_words();
    let failed = count(RecipientState::Failed);
    let failed = if failed > 0 { format!(", {} failed", thousands(failed)) } else { String::new() };
    of(view, "completed", Role::Good, &format!("{to}, {accepted} {ACCEPTED_BY_WHATSAPP}{failed}"))
}

/// What a broadcast is called, when it is among those that are told of.
fn name(told: &Since, id: &BroadcastId) -> String {
    let known = told.finished.iter().chain(&told.held).find(|view| view.broadcast.id == *id);
    known.map_or_else(|| id.to_string(), words::name_of)
}

fn occurrence(told: &Since, one: &Occurrence, schedules: &[Schedule], zone: &Zone) -> Row {
    let name = schedule_name(schedules, &one.schedule);
    let at = zone.at(one.planned_at, told.at);
    let (kind, role, text) = match one.outcome {
        Outcome::Fired => ("started", Role::Good, format!("{name}, as planned for {at}")),
        Outcome::Held => ("held", Role::Warn, format!("{name}, planned for {at}: it waits for you")),
        Outcome::Missed => ("missed", Role::Bad, format!("{name}, planned for {at}: no wacast was there to start it")),
    };
    let opens = one.broadcast.clone().map_or(Opens::Screen(Screen::Schedule), Opens::Broadcast);
    Row { kind, role, text, opens }
}

fn schedule_name(schedules: &[Schedule], id: &ScheduleId) -> String {
    let known = schedules.iter().find(|schedule| schedule.id == *id).map(|schedule| &schedule.definition);
    match known {
        Some(definition) if !definition.label.is_empty() => definition.label.clone(),
        Some(definition) => definition.template.name.clone(),
        None => format!("schedule {id}"),
    }
}
