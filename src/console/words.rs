//! Words for people that more than one panel needs: times in the configured zone, how long something takes,
//! states with their glyphs.
//!
//! Pure; the labels of states come from the domain's tables.

use super::look::{Glyphs, Role};
use crate::domain::cost::Estimate;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::said;
use crate::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use crate::domain::template::{Place, Slot};
use crate::domain::time::{MINUTE, Millis};
use crate::service::view::{BroadcastView, Driver, Snapshot, WhyNotFaster};
use std::sync::OnceLock;

use super::text::{counted, pace, thousands};

/// How many markets are shown one by one.
const MARKETS: usize = 5;
const MARKETS_IN_A_SMALL_WINDOW: usize = 2;

/// The zone that times are shown in.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// A zone.
    pub fn new(zone: jiff::tz::TimeZone) -> Self {
        Self(zone)
    }

    /// As `jiff` has it.
    pub fn time_zone(&self) -> &jiff::tz::TimeZone {
        &self.0
    }

    /// Its name: `Asia/Kolkata`.
    pub fn name(&self) -> String {
        self.0.iana_name().unwrap_or("UTC").to_owned()
    }

    /// Both are on the same day here.
    pub fn is_today(&self, at: Millis, now: Millis) -> bool {
        let day = |at: Millis| at.timestamp().to_zoned(self.0.clone()).date();
        day(at) == day(now)
    }

    /// `18:45 IST`; with the day in front when it is not today's.
    pub fn at(&self, at: Millis, now: Millis) -> String {
        let format = if self.is_today(at, now) { "%H:%M %Z" } else { "%a %-d %b %H:%M %Z" };
        at.timestamp().to_zoned(self.0.clone()).strftime(format).to_string()
    }

    /// `18:45:07`, for rows under a title that names the zone.
    pub fn clock(&self, at: Millis) -> String {
        at.timestamp().to_zoned(self.0.clone()).strftime("%H:%M:%S").to_string()
    }

    /// The zone's short name at that time: `IST`.
    pub fn short_name(&self, at: Millis) -> String {
        at.timestamp().to_zoned(self.0.clone()).strftime("%Z").to_string()
    }
}

pub use crate::service::times::length_words as lasting;

/// What happened when WhatsApp answers with this code, in the same words as everywhere else.
pub fn error_title(code: i64) -> &'static str {
    static POLICY: OnceLock<ErrorPolicy> = OnceLock::new();
    &POLICY.get_or_init(ErrorPolicy::built_in).rule_for(code, None, None, false).title
}

/// `just now`, `5 min ago`, `3 days 2 h ago`.
pub fn ago(at: Millis, now: Millis) -> String {
    let passed = now.since(at);
    if passed < MINUTE { "just now".to_owned() } else { format!("{} ago", lasting(passed)) }
}

/// Glyph, word and role of a broadcast's status.
pub fn status(status: BroadcastStatus, glyphs: Glyphs) -> (&'static str, &'static str, Role) {
    match status {
        BroadcastStatus::Draft => (glyphs.waiting, "draft", Role::Dim),
        BroadcastStatus::Scheduled => (glyphs.waiting, "scheduled", Role::Plain),
        BroadcastStatus::Preparing => (glyphs.waiting, "getting ready", Role::Plain),
        BroadcastStatus::Running => (glyphs.on, "sending", Role::Good),
        BroadcastStatus::Paused => (glyphs.paused, "paused", Role::Warn),
        BroadcastStatus::Completed => (glyphs.done, "completed", Role::Good),
        BroadcastStatus::Cancelled => (glyphs.failed, "cancelled", Role::Dim),
    }
}

/// A template's status as Meta says it, with a glyph; only what is approved may be sent.
pub fn template_status(word: &str, glyphs: Glyphs) -> (&'static str, String, Role) {
    let (glyph, role) = match word {
        "APPROVED" => (glyphs.done, Role::Good),
        "PENDING" | "IN_APPEAL" | "LIMIT_EXCEEDED" => (glyphs.waiting, Role::Plain),
        "PAUSED" => (glyphs.paused, Role::Warn),
        _ => (glyphs.failed, Role::Bad),
    };
    (glyph, word.to_ascii_lowercase().replace('_', " "), role)
}

/// A quality rating in words, with a glyph.
pub fn quality(word: &str, glyphs: Glyphs) -> (&'static str, &'static str, Role) {
    let (glyph, role) = match word {
        "GREEN" => (glyphs.on, Role::Good),
        "YELLOW" => (glyphs.unsure, Role::Warn),
        "RED" => (glyphs.failed, Role::Bad),
        _ => (glyphs.waiting, Role::Dim),
    };
    (glyph, said::quality(word), role)
}

/// Whether messages of a broadcast in this status go out, or are about to.
pub fn is_going_out(status: BroadcastStatus) -> bool {
    matches!(status, BroadcastStatus::Preparing | BroadcastStatus::Running)
}

/// What a variable is, for people: the variable itself, or the part of the message that it fills.
pub fn slot_name(slot: &Slot) -> String {
    match &slot.place {
        Place::HeaderMedia(kind) => format!("{} link", kind.word()),
        Place::UrlSuffix(index) => format!("button {} link", index + 1),
        Place::CopyCode(index) => format!("button {} code", index + 1),
        Place::FileName => "file name".to_owned(),
        Place::Location(part) => format!("place's {}", part.word()),
        Place::OneTimeCode(_) => "one-time code".to_owned(),
        Place::HeaderText(_) | Place::Body(_) => format!("{{{{{}}}}}", slot.name),
    }
}

/// What a broadcast is called: its label, else its template.
pub fn name_of(view: &BroadcastView) -> String {
    let definition = &view.broadcast.definition;
    if definition.label.is_empty() { definition.template.name.clone() } else { definition.label.clone() }
}

/// How many of a broadcast still wait or are under way, by the counts of one picture. Who is not written down yet
/// waits as well: until the audience is fixed the counts are empty.
pub fn to_go(view: &BroadcastView) -> u64 {
    let unwritten = u64::from(view.broadcast.total).saturating_sub(view.counts.total());
    view.counts.open() + if view.broadcast.status.is_final() { 0 } else { unwritten }
}

/// Who will not get a broadcast that is cancelled: whoever waits, without those who are under way.
pub fn would_not_get_it(view: &BroadcastView) -> u64 {
    to_go(view) - view.counts.get(RecipientState::Sending)
}

/// Who messages come from, as the person who gets them sees it.
pub fn sender_name(model: &super::model::Model) -> String {
    let Some(snapshot) = &model.snapshot else { return String::new() };
    snapshot.sender.as_ref().map_or_else(
        || format!("sender {}", snapshot.sender_id),
        |sender| format!("{} {}", sender.verified_name, sender.display_phone_number),
    )
}

/// Whether delivered and read are known of a broadcast: receipts can come in, or some have come.
pub fn receipts_known(snapshot: Option<&Snapshot>, view: &BroadcastView) -> bool {
    snapshot.is_some_and(|snapshot| snapshot.receipts.set_up) || view.funnel.sent > 0
}

/// Why a broadcast is paused, in one line.
pub fn pause_words(reason: Option<PauseReason>, detail: &str) -> String {
    let label = reason.map_or("paused", PauseReason::label);
    if detail.is_empty() { label.to_owned() } else { format!("{label}: {detail}") }
}

/// The answer to "why not faster?". Always says something.
pub fn why_not_faster(snapshot: &Snapshot, zone: &Zone) -> (String, Role) {
    if let Some(trouble) = &snapshot.store_trouble {
        return (format!("The store does not answer, so nothing is sent: {trouble}"), Role::Bad);
    }
    if !snapshot.engine.trouble.is_empty() {
        return (snapshot.engine.trouble.clone(), Role::Bad);
    }
    if snapshot.driver == Driver::Nobody {
        return ("Nobody is sending: no running wacast sends from this number.".to_owned(), Role::Warn);
    }
    if !snapshot.open.iter().any(|view| is_going_out(view.broadcast.status)) {
        return ("Nothing goes out: what is here is paused or waits for its time.".to_owned(), Role::Plain);
    }
    match &snapshot.engine.why {
        WhyNotFaster::Idle => (idle(snapshot), Role::Plain),
        WhyNotFaster::Pace { messages_per_second } if *messages_per_second <= 0.0 => {
            ("No pace is set: as fast as the sandbox takes them.".to_owned(), Role::Plain)
        }
        WhyNotFaster::Pace { messages_per_second } => {
            let words = own_pace(snapshot, *messages_per_second)
                .unwrap_or_else(|| format!("At the pace you set, {} a second.", pace(*messages_per_second)));
            (words, Role::Plain)
        }
        WhyNotFaster::SlowedByApi { code, messages_per_second, until } => {
            let until = until.map_or(String::new(), |at| format!(" until {}", zone.at(at, snapshot.at)));
            let now = pace(*messages_per_second);
            (format!("WhatsApp asked for less (error {code}): {now} a second{until}, then faster again."), Role::Warn)
        }
        WhyNotFaster::InFlight { limit } => (
            format!(
                "WhatsApp answers slowly: {} wait for its answer, the most at a time.",
                counted(u64::from(*limit), "message")
            ),
            Role::Warn,
        ),
        WhyNotFaster::Store { detail } => (format!("The store is slow: {detail}"), Role::Warn),
        WhyNotFaster::Api { detail, next_look_at } => {
            let next = next_look_at.map_or(String::new(), |at| format!(" Next try {}.", zone.at(at, snapshot.at)));
            (format!("WhatsApp cannot be reached: {detail}.{next} Nobody is lost; it goes on by itself."), Role::Bad)
        }
        WhyNotFaster::Starting => {
            ("Starting: waiting a moment so that nobody else sends at once.".to_owned(), Role::Plain)
        }
        WhyNotFaster::Draining => ("Finishing what is under way, taking nothing new.".to_owned(), Role::Plain),
    }
}

/// The engine has nothing in hand: either it has not begun with what goes on, or nobody is left.
fn idle(snapshot: &Snapshot) -> String {
    let waits = |status| snapshot.open.iter().find(|view| view.broadcast.status == status && to_go(view) > 0);
    if let Some(view) = waits(BroadcastStatus::Running) {
        format!("{} goes on in a moment.", name_of(view))
    } else if let Some(view) = waits(BroadcastStatus::Preparing) {
        format!("{} is getting ready: who gets it is being fixed.", name_of(view))
    } else {
        "Nothing to send at the moment.".to_owned()
    }
}

/// Words for when all that goes out has a pace of its own, and these together stay below the sender's.
fn own_pace(snapshot: &Snapshot, sender_pace: f64) -> Option<String> {
    let running = snapshot.open.iter().filter(|view| view.broadcast.status == BroadcastStatus::Running);
    let own: Option<Vec<f64>> = running.map(|view| view.broadcast.definition.messages_per_second).collect();
    let own = own?;
    let together: f64 = own.iter().sum();
    match own.len() {
        0 => None,
        _ if together >= sender_pace => None,
        1 => Some(format!("At this broadcast's own pace, {} a second.", pace(together))),
        _ => Some(format!("At the broadcasts' own pace, {} a second together.", pace(together))),
    }
}

/// What it costs, and what that rests on; the markets one by one where there is room.
pub fn cost(estimate: &Estimate, roomy: bool) -> Vec<String> {
    let Estimate { currency, category, total, by_market, without_rate, rates_from } = estimate;
    let Some(day) = rates_from else {
        return vec![format!("not known: there is no rate for {category} in {currency}")];
    };
    let mut lines = vec![format!("about {currency} {total}, by the rates of {day}; WhatsApp bills what it delivers")];
    if by_market.len() > 1 || roomy {
        let shown = if roomy { MARKETS } else { MARKETS_IN_A_SMALL_WINDOW };
        for one in by_market.iter().take(shown) {
            lines.push(format!("{}: {} x {} = {currency} {}", one.market, thousands(one.people), one.each, one.total));
        }
        if by_market.len() > shown {
            lines.push(format!("and {} more", counted((by_market.len() - shown) as u64, "market")));
        }
    }
    if *without_rate > 0 {
        lines.push(format!("{} in countries without a rate: not in it", super::text::people(*without_rate)));
    }
    lines
}

/// What keeps the sending going, for the review and the quit dialog.
pub fn carried_by(driver: &Driver, in_ssh_without_multiplexer: bool) -> String {
    match driver {
        Driver::Us if in_ssh_without_multiplexer => {
            "This window must stay open until it is through. When your line drops, sending stops and goes on at the \
             next start; begin with `tmux`, then wacast, and it goes on without you."
                .to_owned()
        }
        Driver::Us => "This window sends it: keep it open until it is through.".to_owned(),
        Driver::Other(holder) => format!(
            "The wacast on {} (process {}) sends it: you can close this window.",
            holder.host,
            thousands(u64::from(holder.pid)).replace(',', "")
        ),
        Driver::Nobody => "No running wacast sends from this number: it waits until one does.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::DAY;

    #[test]
    fn times_name_their_zone_and_their_day_when_it_is_another() {
        let zone = Zone::new(jiff::tz::TimeZone::get("Asia/Kolkata").unwrap());
        let now = Millis(1_794_143_700_000); // 2026-11-08 13:15 UTC
        assert_eq!(zone.at(now, now), "18:45 IST");
        assert_eq!(zone.at(now.plus(DAY), now), "Mon 9 Nov 18:45 IST");
        assert_eq!(zone.name(), "Asia/Kolkata");
    }
}
