//! A broadcast, or what goes on now, in a few plain lines: no frames, no colours, ready to be selected with the mouse
//! and sent on to a colleague.

use super::model::{Model, Screen};
use super::text::thousands;
use super::words;
use crate::domain::pricing;
use crate::domain::state::{ACCEPTED_BY_WHATSAPP, RecipientState};
use crate::service::view::BroadcastView;

/// The lines about what the screen shows.
pub fn of(model: &Model) -> Vec<String> {
    let Some(snapshot) = &model.snapshot else { return vec!["wacast: still asking the store".to_owned()] };
    let mode = if snapshot.rehearsal { "REHEARSAL" } else { "REAL" };
    let sender = words::sender_name(model);
    let now = model.now.timestamp().to_zoned(model.facts.zone.time_zone().clone()).strftime("%a %-d %b %Y %H:%M %Z");
    let mut lines = vec![format!("wacast {mode}, {sender}, {now}")];
    match model.selected() {
        Some(view) => lines.extend(about(model, view)),
        None if model.screen == Screen::Live => lines.push("Nothing is going out.".to_owned()),
        None => {}
    }
    lines
}

fn about(model: &Model, view: &BroadcastView) -> Vec<String> {
    let broadcast = &view.broadcast;
    let zone = &model.facts.zone;
    let (_, status, _) = words::status(broadcast.status, model.look.glyphs);
    let receipts = words::receipts_known(model.snapshot.as_deref(), view);
    let known = |count: u64| if receipts { thousands(count) } else { "- (no receipts set up)".to_owned() };
    let why = broadcast
        .reason
        .map_or_else(String::new, |reason| format!(", {}", words::pause_words(Some(reason), &broadcast.detail)));
    let mut lines = vec![
        format!("{} ({}): {status}{why}", words::name_of(view), broadcast.id),
        format!("template {}, {}", broadcast.definition.template.key(), view.goes_to_words()),
        format!("waiting to go {}", thousands(words::to_go(view))),
        format!(
            "{ACCEPTED_BY_WHATSAPP} {}, delivered {}, read {}",
            thousands(view.funnel.accepted),
            known(view.funnel.delivered),
            known(view.funnel.read)
        ),
        format!(
            "failed {}, not sure {}, left out {}, cancelled {}",
            thousands(view.counts.get(RecipientState::Failed)),
            thousands(view.counts.get(RecipientState::InDoubt)),
            thousands(view.counts.get(RecipientState::Skipped)),
            thousands(view.counts.get(RecipientState::Cancelled)),
        ),
    ];
    lines.extend(
        pricing::words(&view.prices, " delivered messages", thousands)
            .map(|billed| format!("WhatsApp billed {billed}")),
    );
    for cause in view.failures.iter().take(3) {
        lines.push(format!("  {} x {} ({})", thousands(cause.count), cause.title, cause.code));
    }
    if let Some(at) = view.done_at {
        lines.push(format!("done by {}", zone.at(at, model.now)));
    }
    if let (Some(started), Some(ended)) = (broadcast.started_at, broadcast.ended_at) {
        lines.push(format!("started {}, ended {}", zone.at(started, model.now), zone.at(ended, model.now)));
    }
    lines
}
