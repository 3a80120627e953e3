//! What needs a person, found in a picture. Pure.
//!
//! Each problem says what happened and what to do; whatever mends itself is not one.

use super::times;
use super::view::{BroadcastView, Driver, Problem, Snapshot};
use crate::domain::said::{counted, people};
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::template::Template;
use crate::domain::time::{HOUR, MINUTE, Millis};

/// Receipts that come for less than this after a message was taken are not missed yet.
const SILENT_AFTER_MS: i64 = 15 * MINUTE;
/// A schedule whose template cannot be sent is told of this long before it fires.
const SCHEDULE_AHEAD_MS: i64 = 24 * HOUR;

/// What needs a person, the most pressing first. `templates`: as last synced;
/// `program`: how a command line begins.
pub(super) fn find(picture: &Snapshot, now: Millis, templates: &[Template], program: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |broadcast: Option<&BroadcastView>, what: String, advice: &str| {
        let broadcast = broadcast.map(|view| view.broadcast.id.clone());
        problems.push(Problem { what, advice: advice.to_owned(), broadcast });
    };
    if let Some(trouble) = &picture.store_trouble {
        add(
            None,
            trouble.clone(),
            "Nothing is sent while the store is away, and nothing is lost. Check the store's server or disk.",
        );
    }
    let waiting = picture.open.iter().filter(|view| view.broadcast.status != BroadcastStatus::Paused).count();
    if picture.driver == Driver::Nobody && waiting + picture.schedules.iter().filter(|one| one.enabled).count() > 0 {
        let what = match picture.engine.trouble.as_str() {
            "" => "no running wacast sends from this number: nothing goes out, and nothing that is planned starts"
                .to_owned(),
            trouble => format!("nothing goes out: {trouble}"),
        };
        let advice =
            format!("Start wacast on this server (`{program} --no-tui`, or the console) and leave it running.");
        add(None, what, &advice);
    }
    sender_problems(picture, &mut add);
    account_problems(picture, now, program, &mut add);
    for view in picture.open.iter().filter(|view| view.broadcast.status == BroadcastStatus::Paused) {
        paused(view, &mut add);
    }
    for view in picture.open.iter().chain(&picture.ended) {
        let in_doubt = view.counts.get(RecipientState::InDoubt);
        if in_doubt > 0 {
            let advice = if picture.receipts.set_up {
                "They are not sent again. Receipts settle most of them within minutes; decide about the rest yourself."
            } else {
                "They are not sent again. Receipts would settle them, but none are set up: decide about them yourself."
            };
            add(Some(view), format!("{}: {} may or may not have got it", name(view), people(in_doubt)), advice);
        }
    }
    if picture.engine.held_back > 0 {
        let what = format!(
            "WhatsApp has accepted {} and holds them back until it has judged the template",
            counted(picture.engine.held_back, "message")
        );
        let advice = "It lets them go by itself, or fails them with code 132015; then mend the template and follow up.";
        add(None, what, advice);
    }
    template_problems(picture, now, templates, &mut add);
    receipts_problems(picture, now, &mut add);
    problems
}

fn sender_problems(picture: &Snapshot, add: &mut impl FnMut(Option<&BroadcastView>, String, &str)) {
    let Some(sender) = &picture.sender else { return };
    let why = if sender.health_notes.is_empty() {
        "WhatsApp Manager says why.".to_owned()
    } else {
        sender.health_notes.join(" ")
    };
    match sender.can_send_message.as_str() {
        "BLOCKED" => add(None, "WhatsApp does not let this sender write to anybody".to_owned(), &why),
        "LIMITED" => add(None, "WhatsApp limits what this sender may send".to_owned(), &why),
        _ => {}
    }
    if !matches!(sender.status.as_str(), "" | "CONNECTED") {
        let status = sender.status.to_lowercase().replace('_', " ");
        add(None, format!("WhatsApp says of the sender: {status}"), &why);
    }
    if sender.quality_rating == "RED" {
        let advice =
            "People block or report its messages. Write to fewer people, to those who expect it, before WhatsApp acts.";
        add(None, "the sender's quality is low".to_owned(), advice);
    }
}

fn account_problems(
    picture: &Snapshot,
    now: Millis,
    program: &str,
    add: &mut impl FnMut(Option<&BroadcastView>, String, &str),
) {
    let account = &picture.account;
    if let Some(restriction) = &account.restriction {
        let goes_on = match restriction.until {
            Some(_) => "What is paused goes on by itself when that ends.",
            None => "Nothing is sent until that ends.",
        };
        let advice = format!("{goes_on} WhatsApp Manager says why; once it says that it is over: {program} lift");
        let until = restriction.until.map_or(String::new(), |at| format!(" until {}", at.rfc3339()));
        add(None, format!("{}{until}", restriction.detail), &advice);
    }
    if let Some(token) = &account.token {
        let soon = token.days_left(now).is_some_and(|days| days < super::token::RENEW_DAYS);
        let advice = format!(
            "Make a new one for the system user, with both permissions and this account; Settings (8), T takes it, or {program} token \
             --stdin"
        );
        if !token.trouble.is_empty() || soon {
            let not_renewed = match token.not_renewed.as_str() {
                "" => String::new(),
                words => format!("; it could not be renewed: {words}"),
            };
            add(None, format!("the access token {}{not_renewed}", super::token::words(token, now)), &advice);
        }
    }
    if let Some(warning) = &account.api_version {
        add(None, warning.clone(), "Set [whatsapp] api_version to a version that lives, and start wacast again.");
    }
    for alert in account.alerts.iter().rev() {
        let what = if alert.critical { "WhatsApp alerts" } else { "WhatsApp warns" };
        add(None, format!("{what}: {}", alert.words), "See WhatsApp Manager.");
    }
}

fn paused(view: &BroadcastView, add: &mut impl FnMut(Option<&BroadcastView>, String, &str)) {
    let broadcast = &view.broadcast;
    // A person paused it, or it goes on by itself: nobody is missing.
    if broadcast.resume_at.is_some() || broadcast.reason == Some(PauseReason::Operator) {
        return;
    }
    let label = broadcast.reason.map_or("paused", PauseReason::label);
    let what = match broadcast.detail.as_str() {
        "" => format!("{} is paused: {label}", name(view)),
        detail => format!("{} is paused: {label}: {detail}", name(view)),
    };
    let advice = match broadcast.reason {
        Some(PauseReason::Absence) => "Resume it if it should still go out now, else cancel it.",
        Some(PauseReason::Template) => {
            "Put right what it names: the template in WhatsApp Manager (then sync templates), a file, or the values. Then \
             resume it."
        }
        Some(PauseReason::Auth) => {
            "Take a new access token: Settings (8), T, or `wacast token --stdin`. It goes on by itself then."
        }
        Some(PauseReason::Failures) => "Look at its failures; resume it if they do not concern the rest.",
        Some(PauseReason::Store) => "Make room or mend the store, then resume it.",
        _ => "Mend what stands in the way, then resume it.",
    };
    add(Some(view), what, advice);
}

fn template_problems(
    picture: &Snapshot,
    now: Millis,
    templates: &[Template],
    add: &mut impl FnMut(Option<&BroadcastView>, String, &str),
) {
    let status_now = |wanted: &Template| {
        templates
            .iter()
            .find(|known| known.name == wanted.name && known.language == wanted.language)
            .filter(|known| !known.is_approved())
    };
    let advice = "It will be held when its time comes. Mend the template in WhatsApp Manager and sync templates.";
    for view in picture.open.iter().filter(|view| view.broadcast.status == BroadcastStatus::Scheduled) {
        if let Some(template) = status_now(&view.broadcast.definition.template) {
            let what = format!("{} is scheduled, but its template is {}", name(view), template.status_words());
            add(Some(view), what, advice);
        }
    }
    for schedule in picture.schedules.iter().filter(|schedule| schedule.enabled) {
        let soon = schedule.next_fire_at.is_some_and(|at| at.since(now) < SCHEDULE_AHEAD_MS);
        if let Some(template) = status_now(&schedule.definition.template).filter(|_| soon) {
            let what = format!(
                "schedule {} starts soon, but its template {} is {}",
                schedule.id,
                template.key(),
                template.status_words()
            );
            add(None, what, advice);
        }
    }
}

fn receipts_problems(picture: &Snapshot, now: Millis, add: &mut impl FnMut(Option<&BroadcastView>, String, &str)) {
    let forwarding = picture.receipts.forwarding;
    if forwarding.dropped_at.is_some_and(|at| now.since(at) < HOUR) {
        let bodies = if forwarding.dropped == 1 {
            "1 batch of receipts".to_owned()
        } else {
            format!("{} batches of receipts", forwarding.dropped)
        };
        let advice =
            "They are lost there, not here. See that the addresses in Settings, forward_webhooks, answer with 200.";
        add(None, format!("{bodies} could not be handed on to your other programs"), advice);
    }
    let sending = picture.open.iter().any(BroadcastView::is_under_way);
    if !picture.receipts.set_up {
        if sending && !picture.rehearsal {
            let advice = "Delivered and read stay unknown, and who is not sure stays so. \"First steps\" in the README says how to set them up.";
            add(None, "no receipts are set up".to_owned(), advice);
        }
        return;
    }
    let taken = || picture.latest.iter().filter(|row| row.status == "sent").map(|row| row.timestamp);
    // While it sends, the newest answers are too young to tell; how long nothing has come is the measure then.
    let waited_since = picture.receipts.expected_since.max(picture.receipts.last_at);
    let sends_on = picture.receipts.expected_since.is_some() && taken().max() > waited_since;
    // Else the oldest of the newest answers that WhatsApp took a message: receipts for it should have come since.
    let taken_at = if sends_on { waited_since } else { taken().min() };
    let silent = taken_at.filter(|taken_at| {
        now.since(*taken_at) > SILENT_AFTER_MS
            && now.since(*taken_at) < 24 * HOUR
            && picture.receipts.last_at.is_none_or(|last| last < *taken_at || sends_on)
    });
    if let Some(taken_at) = silent {
        let what = format!(
            "no receipt has come since WhatsApp accepted messages {} ago",
            times::length_words(now.since(taken_at))
        );
        add(
            None,
            what,
            "Check that WhatsApp can reach the webhook from outside, and that it is subscribed to messages.",
        );
    }
}

/// What people call a broadcast.
fn name(view: &BroadcastView) -> String {
    match view.broadcast.definition.label.as_str() {
        "" => format!("{} ({})", view.broadcast.definition.template.name, view.broadcast.id),
        label => label.to_owned(),
    }
}
