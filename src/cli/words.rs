//! What commands print about broadcasts, plans and drivers.

mod cost;
mod since;

pub use cost::{cost, so_far};
pub use since::since;

use super::terminal::{bar, grouped, people};
use crate::domain::phone::PhoneProblem;
use crate::domain::pricing;
use crate::domain::said;
use crate::domain::schedule::Schedule;
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::domain::time::Millis;
use crate::service::schedules::{self, Recurrence};
use crate::service::times;
use crate::service::view::{BroadcastView, Budget, Driver, Plan, Snapshot};
use serde_json::{Value, json};
use std::fmt::Write;

/// Why a row was rejected, with the flag that helps.
pub fn why_rejected(reason: &str) -> String {
    if reason == PhoneProblem::NoCountry.to_string() {
        return format!("{reason} (--country CC, or default_country in [intake])");
    }
    reason.to_owned()
}

/// What to do when nobody drives. `program`: how a command line begins.
pub fn nobody(program: &str) -> String {
    format!(
        "nobody is there to send: start `{program} --no-tui` (or the console), or send with --wait to drive it from here"
    )
}

/// The driver as JSON: `null` when there is none.
pub fn driver_json(driver: &Driver) -> Value {
    match driver {
        Driver::Us => json!({ "face": "send", "pid": std::process::id(), "here": true }),
        Driver::Other(holder) => {
            json!({ "face": holder.face, "host": holder.host, "pid": holder.pid, "here": false })
        }
        Driver::Nobody => Value::Null,
    }
}

/// The driver in words.
pub fn driver(driver: &Driver, program: &str) -> String {
    match driver {
        Driver::Us => "this process sends".to_owned(),
        Driver::Other(holder) => {
            format!("driven by wacast ({}) on {}, process {}", holder.face, holder.host, holder.pid)
        }
        Driver::Nobody => nobody(program),
    }
}

/// REAL or REHEARSAL, and the sender.
pub fn header(snapshot: &Snapshot) -> String {
    let kind = if snapshot.rehearsal { "REHEARSAL" } else { "REAL" };
    let name = snapshot.sender.as_ref().map_or_else(
        || format!("sender {}", if snapshot.sender_id.is_empty() { "not configured" } else { &snapshot.sender_id }),
        |sender| format!("{} {}", sender.verified_name, sender.display_phone_number),
    );
    format!("{kind}  {name}")
}

/// How much of the messaging limit is used, and when there is more room if there is none.
pub fn budget(budget: &Budget, zone: &str, now: Millis) -> String {
    let used = format!("{} used of {} in 24 hours", grouped(budget.used), people(budget.limit));
    match budget.room_at.filter(|_| budget.left() == 0) {
        Some(at) => format!("{used}; the next go out from {}", times::words(at, zone, now)),
        None => used,
    }
}

/// One broadcast in a line: id, status, how far, what.
pub fn line(view: &BroadcastView) -> String {
    let broadcast = &view.broadcast;
    let total = view.goes_to();
    let far = match broadcast.status {
        BroadcastStatus::Cancelled => "got it before it was cancelled".to_owned(),
        _ => percent(done(view), total),
    };
    let count = if broadcast.status == BroadcastStatus::Cancelled { view.funnel.accepted } else { done(view) };
    let label = if broadcast.definition.label.is_empty() { "" } else { &broadcast.definition.label };
    format!(
        "{}  {:<10} {:>9} of {:<9} {}  {}{}",
        broadcast.id,
        broadcast.status.word(),
        grouped(count),
        grouped(total),
        far,
        broadcast.definition.template.key(),
        if label.is_empty() { String::new() } else { format!("  {label}") },
    )
}

/// People with an outcome: accepted by WhatsApp or further, failed, not sure. Those who were merely never sent to have none.
fn done(view: &BroadcastView) -> u64 {
    use RecipientState::{Failed, InDoubt};
    if matches!(view.broadcast.status, BroadcastStatus::Draft | BroadcastStatus::Scheduled | BroadcastStatus::Preparing)
    {
        return 0;
    }
    view.funnel.accepted + [Failed, InDoubt].into_iter().map(|state| view.counts.get(state)).sum::<u64>()
}

/// A schedule in a line: id, on or off, what, when.
pub fn schedule(schedule: &Schedule, zone: &str, now: Millis) -> String {
    let definition = &schedule.definition;
    let list = definition.audience.list.as_ref().map_or("all lists".to_owned(), |list| format!("list {list}"));
    let label = if definition.label.is_empty() { String::new() } else { format!("  {}", definition.label) };
    let next = match schedule.next_fire_at.filter(|_| schedule.enabled) {
        Some(at) => format!("next {}", times::words(at, zone, now)),
        None if schedule.enabled => "never again".to_owned(),
        None => "off".to_owned(),
    };
    let when = recurrence_words(schedule, now);
    format!(
        "{}  schedule    {} to {list}{label}: {when} ({}), {next}",
        schedule.id,
        definition.template.key(),
        schedule.zone
    )
}

/// When a schedule fires, in words; as written when it cannot be read.
fn recurrence_words(schedule: &Schedule, now: Millis) -> String {
    let read = schedules::recurrence(&schedule.cron, &schedule.zone, now, 1);
    read.map_or_else(|_| schedule.cron.clone(), |recurrence| recurrence.words)
}

/// A schedule as JSON.
pub fn schedule_json(schedule: &Schedule, now: Millis) -> Value {
    json!({
        "id": schedule.id,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "words": recurrence_words(schedule, now),
        "template_name": schedule.definition.template.name,
        "language_code": schedule.definition.template.language,
        "list": schedule.definition.audience.list,
        "label": schedule.definition.label,
        "enabled": schedule.enabled,
        "next_fire_at": schedule.next_fire_at.filter(|_| schedule.enabled).map(Millis::rfc3339),
        "last_fired_at": schedule.last_fired_at.map(Millis::rfc3339),
    })
}

fn percent(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let share = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{share:>5.1} %")
}

/// How far a broadcast is, in one line for a progress display.
pub fn progress(view: &BroadcastView, zone: &str, now: Millis) -> String {
    let counts = &view.counts;
    let total = view.goes_to();
    let done = done(view);
    #[expect(clippy::cast_precision_loss, reason = "a bar for people")]
    let share = if total == 0 { 0.0 } else { done as f64 / total as f64 };
    match view.broadcast.status {
        BroadcastStatus::Scheduled => {
            let start = view.broadcast.start_at.map(|at| times::words(at, zone, now)).unwrap_or_default();
            format!("waiting for {start}")
        }
        BroadcastStatus::Preparing => "fixing the audience".to_owned(),
        _ => {
            let end =
                view.done_at.map(|at| format!(", {} left", times::length_words(at.since(now)))).unwrap_or_default();
            let failed = counts.get(RecipientState::Failed);
            let unsure = counts.get(RecipientState::InDoubt);
            format!(
                "{} {} {} of {}, failed {}, not sure {}{end}",
                bar(share, 20),
                percent(done, total).trim_start(),
                grouped(done),
                grouped(total),
                grouped(failed),
                grouped(unsure),
            )
        }
    }
}

/// One broadcast with all its figures.
pub fn whole(view: &BroadcastView, zone: &str, now: Millis) -> String {
    let broadcast = &view.broadcast;
    let definition = &broadcast.definition;
    let mut text = format!("{}  {}", broadcast.id, broadcast.status.word());
    if let Some(reason) = broadcast.reason {
        let _ = write!(text, ": {}", reason.label());
    }
    if !broadcast.detail.is_empty() {
        let _ = write!(text, " ({})", broadcast.detail);
    }
    let audience = match &definition.audience.list {
        _ if definition.audience.is_test() => "your own numbers".to_owned(),
        Some(list) => format!("list {list}"),
        None => "all lists".to_owned(),
    };
    let _ = write!(
        text,
        "\n{}{}  to {audience}, {}{}",
        definition.template.key(),
        if definition.label.is_empty() { String::new() } else { format!("  \"{}\"", definition.label) },
        view.goes_to_words(),
        if definition.rehearsal { "  (rehearsal)" } else { "" },
    );
    for (word, at) in [
        ("starts", broadcast.start_at.filter(|_| broadcast.status == BroadcastStatus::Scheduled)),
        ("started", broadcast.started_at),
        ("ended", broadcast.ended_at),
        ("goes on", broadcast.resume_at),
        ("done by", view.done_at),
    ] {
        if let Some(at) = at {
            let _ = write!(text, "\n{word} {}", times::words_alone(at, zone, now));
        }
    }
    if broadcast.status == BroadcastStatus::Cancelled {
        let (got, total) = (grouped(view.funnel.accepted), grouped(view.goes_to()));
        let _ = write!(text, "\n{got} of {total} got it before it was cancelled");
    }
    text.push('\n');
    for state in RecipientState::ALL {
        let count = view.counts.get(state);
        if count > 0 {
            // The label only where it says more than the word.
            let label = if state.label() == state.word() { "" } else { state.label() };
            let _ = write!(text, "\n{:>11}  {}", grouped(count), format!("{:<10} {label}", state.word()).trim_end());
        }
    }
    let _ = write!(text, "\n{:>11}  in all", grouped(view.counts.total()));
    if let Some(billed) = pricing::words(&view.prices, " delivered messages", grouped) {
        let _ = write!(text, "\n\nWhatsApp billed {billed}");
    }
    if !view.failures.is_empty() {
        text.push_str("\n\nFailures:");
        for cause in &view.failures {
            let _ = write!(text, "\n{:>11}  {} ({})", grouped(cause.count), cause.title, cause.code);
            if !cause.advice.is_empty() {
                let _ = write!(text, ": {}", cause.advice);
            }
        }
    }
    if !view.skips.is_empty() {
        text.push_str("\n\nLeft out:");
        for (reason, count) in &view.skips {
            let _ = write!(text, "\n{:>11}  {reason}", grouped(*count));
        }
    }
    text
}

/// How many of those who are left out are shown one by one.
const LEFT_OUT_SHOWN: usize = 5;

/// What a broadcast would do, as the command line shows it before it asks.
///
/// `recurrence`: it is for a schedule. `sending`: who sends it.
pub fn plan(plan: &Plan, zone: &str, now: Millis, recurrence: Option<&Recurrence>, sending: &str) -> String {
    let mut text = String::new();
    let kind = if plan.rehearsal { "REHEARSAL, to the built-in sandbox" } else { "REAL, to people" };
    let sender = plan.sender.as_ref().map_or("not known (WhatsApp did not say)".to_owned(), |sender| {
        format!("{} {}", sender.verified_name, sender.display_phone_number)
    });
    let first = recurrence.and_then(|recurrence| recurrence.next.first().copied()).or(plan.request.start_at);
    let start = first.map_or("now".to_owned(), |at| times::words(at, zone, now));
    let start = match recurrence {
        Some(recurrence) => format!("first {start}, then again: {} ({})", recurrence.words, recurrence.zone),
        None => start,
    };
    let list = plan.request.list.as_ref().map_or("all lists".to_owned(), |list| format!("list {list}"));
    let takes = plan.takes_ms.map(|takes| {
        let end = first.unwrap_or(now).plus(takes);
        format!(", takes {}, done by {}", times::length_words(takes), times::words_alone(end, zone, now))
    });
    let pace = match plan.messages_per_second {
        pace if pace > 0.0 => format!("{pace} a second"),
        _ => "as fast as it goes".to_owned(),
    };
    for (name, value) in [
        ("", kind.to_owned()),
        ("sender", sender),
        ("template", format!("{}, {}, quality {}", plan.template, lower(&plan.category), said::quality(&plan.quality))),
        ("audience", format!("{list}: {}", people(plan.people))),
        ("goes to", people(plan.goes_to())),
        ("start", start),
        ("pace", format!("{pace}{}", takes.unwrap_or_default())),
        ("sending", sending.to_owned()),
    ] {
        let _ = writeln!(text, "{name:>9}  {value}");
    }
    for (reason, count) in &plan.left_out {
        let _ = writeln!(text, "{:>9}  {} {reason}", "left out", grouped(*count));
    }
    for ((number, reason), at) in plan.left_out_first.iter().zip(&plan.left_out_at).take(LEFT_OUT_SHOWN) {
        let _ = writeln!(text, "{:>9}  row {} ({}): {reason}", "", at.row, number.phone.masked());
    }
    text.push_str(&cost(&plan.cost, "costs"));
    if let Some(budget) = plan.budget {
        let fits = if budget.left() >= plan.goes_to() { "fits" } else { "DOES NOT FIT TODAY" };
        let (left, limit) = (grouped(budget.left()), people(budget.limit));
        let _ = writeln!(text, "{:>9}  {left} left of {limit} in 24 hours: {fits}", "budget");
    }
    if let Some(repeat) = &plan.repeat_of {
        let _ = writeln!(text, "{:>9}  looks like a repeat of {repeat}", "repeat");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "{:>9}  {warning}", "warning");
    }
    text
}

fn lower(word: &str) -> String {
    if word.is_empty() { "not known".to_owned() } else { word.to_lowercase() }
}
