//! Recurring schedules: cron expressions in a named zone, right over changes of daylight saving time.
//!
//! The next time is always worked out anew, in the schedule's own zone, strictly after the last one: a fixed offset that
//! was right when the schedule was made is wrong after the clocks change.

use super::view::BroadcastRequest;
use super::{Kind, Result, Service, ServiceError, times};
use crate::domain::ids::ScheduleId;
use crate::domain::schedule::Schedule;
use crate::domain::time::Millis;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;

/// The longest expression that is read.
const LONGEST_CRON: usize = 100;
/// The most times that are worked out in one go.
const MOST_TIMES: usize = 100;

/// A cron expression, read: what it means, and when it fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrence {
    /// As written.
    pub cron: String,
    /// The zone.
    pub zone: String,
    /// In words.
    pub words: String,
    /// The next times, the first one first.
    pub next: Vec<Millis>,
}

/// Reads a cron expression (five or six fields) in a zone and says when it fires next after `now`, up to `count` times.
/// Errors: `bad_cron`, `bad_zone`, `never_fires` (422).
pub fn recurrence(cron: &str, zone: &str, now: Millis, count: usize) -> Result<Recurrence> {
    let pattern = read(cron)?;
    let time_zone = times::time_zone(zone)?;
    let mut next = Vec::new();
    let mut after = now;
    while next.len() < count.clamp(1, MOST_TIMES) {
        let Some(at) = first_after(&pattern, &time_zone, after)? else { break };
        next.push(at);
        after = at;
    }
    if next.is_empty() {
        return Err(wrong("never_fires", format!("\"{}\" never comes: no such day exists", cron.trim())));
    }
    Ok(Recurrence { cron: cron.trim().to_owned(), zone: zone.to_owned(), words: pattern.describe(), next })
}

/// The first planned time strictly after `after`; `None`: never again.
pub fn next_after(cron: &str, zone: &str, after: Millis) -> Result<Option<Millis>> {
    first_after(&read(cron)?, &times::time_zone(zone)?, after)
}

/// The last planned time at or before `until`; `None`: there was none.
pub(crate) fn last_until(cron: &str, zone: &str, until: Millis) -> Result<Option<Millis>> {
    let second = jiff::Timestamp::from_second(until.0.div_euclid(1_000)).unwrap_or_default();
    let zoned = second.to_zoned(times::time_zone(zone)?);
    found(read(cron)?.find_previous_occurrence(&zoned, true))
}

fn wrong(code: &'static str, message: String) -> ServiceError {
    ServiceError::new(Kind::Wrong, code, message)
}

fn read(cron: &str) -> Result<Cron> {
    let cron = cron.trim();
    let help = "write minute hour day month weekday, as \"0 18 * * 1-5\" for 18:00 from Monday to Friday";
    if cron.len() > LONGEST_CRON {
        return Err(wrong("bad_cron", format!("a cron expression has {LONGEST_CRON} characters at most: {help}")));
    }
    let fields = cron.split_whitespace().count();
    if !(5..=6).contains(&fields) && !cron.starts_with('@') {
        return Err(wrong(
            "bad_cron",
            format!("\"{cron}\" has {fields} fields, a cron expression has five (or six with seconds first): {help}"),
        ));
    }
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(cron).map_err(|error| {
        let why = error.to_string();
        let why = why.trim_end_matches('.').replacen("Component error: ", "", 1).to_lowercase();
        wrong("bad_cron", format!("\"{cron}\" is not a cron expression ({why}): {help}"))
    })
}

fn first_after(pattern: &Cron, zone: &TimeZone, after: Millis) -> Result<Option<Millis>> {
    // Whole seconds, rounded down: the search begins at the second after.
    let second = jiff::Timestamp::from_second(after.0.div_euclid(1_000)).unwrap_or_default();
    found(pattern.find_next_occurrence(&second.to_zoned(zone.clone()), false))
}

fn found(occurrence: std::result::Result<Zoned, CronError>) -> Result<Option<Millis>> {
    match occurrence {
        Ok(at) => Ok(Some(at.timestamp().into())),
        Err(CronError::TimeSearchLimitExceeded | CronError::InvalidDate | CronError::InvalidTime) => Ok(None),
        Err(error) => Err(wrong("bad_cron", format!("the cron expression cannot be followed: {error}"))),
    }
}

impl Service {
    /// This sender's schedules that are on and due.
    pub(crate) async fn due_schedules(&self, now: Millis) -> Result<Vec<Schedule>> {
        let due = |schedule: &Schedule| {
            schedule.enabled
                && schedule.definition.sender == self.inner.settings.sender
                && schedule.next_fire_at.is_some_and(|at| at <= now)
        };
        Ok(self.schedules().await?.into_iter().filter(due).collect())
    }

    /// Moves a schedule on from the planned time that was dealt with, to its first time after `now`. Another process having done so
    /// is not an error.
    pub(crate) async fn advance(&self, schedule: &Schedule, planned_at: Millis, now: Millis) -> Result<()> {
        let next = next_after(&schedule.cron, &schedule.zone, now.max(planned_at))?;
        self.inner.store.advance_schedule(&schedule.id, planned_at, next).await?;
        Ok(())
    }

    /// Stores a schedule that sends `request` each time; the audience and the template are looked at anew each time.
    /// Everything that [`Service::plan`] checks is checked now, and `bad_cron`, `bad_zone`, `never_fires` (422).
    pub async fn add_schedule(&self, request: &BroadcastRequest, cron: &str, zone: &str) -> Result<Schedule> {
        self.may_change().await?;
        let now = self.now();
        let recurrence = recurrence(cron, zone, now, 1)?;
        let request = BroadcastRequest { start_at: None, ..request.clone() };
        let checked = self.check(&request, false).await?;
        let schedule = Schedule {
            id: ScheduleId::from_random(fastrand::u64(..)),
            cron: recurrence.cron,
            zone: recurrence.zone,
            definition: checked.definition(&self.inner.settings, Vec::new()),
            next_fire_at: recurrence.next.first().copied(),
            last_fired_at: None,
            enabled: true,
            created_at: now,
        };
        self.inner.store.add_schedule(&schedule).await?;
        let template = &schedule.definition.template;
        let detail = format!("{} ({}), {} in {}", template.name, template.language, schedule.cron, schedule.zone);
        self.note_act("schedule", schedule.id.as_str(), detail).await;
        self.ring();
        Ok(schedule)
    }

    /// All schedules, the next to fire first.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        Ok(self.inner.store.schedules().await?)
    }

    /// Switches a schedule on (from its next time after now on) or off. `unknown_schedule` (404).
    pub async fn enable_schedule(&self, id: &ScheduleId, enabled: bool) -> Result<Schedule> {
        let mut schedule =
            self.schedules().await?.into_iter().find(|schedule| schedule.id == *id).ok_or_else(|| {
                ServiceError::new(Kind::NotFound, "unknown_schedule", format!("there is no schedule {id}"))
            })?;
        // A planned time that passed while it was off is not made up for.
        let next = next_after(&schedule.cron, &schedule.zone, self.now())?;
        self.may_change().await?;
        self.inner.store.enable_schedule(id, enabled, next).await?;
        self.note_act(if enabled { "switch_on" } else { "switch_off" }, id.as_str(), "").await;
        schedule.enabled = enabled;
        schedule.next_fire_at = next;
        self.ring();
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn utc(times: &[Millis]) -> Vec<String> {
        times.iter().map(|time| time.timestamp().to_string()).collect()
    }

    #[test]
    fn wall_time_stays_over_a_change_of_the_clocks() {
        for (cron, zone, now, expected) in [
            ("0 18 * * *", "Europe/London", "2025-03-29T12:00:00Z", ["2025-03-29T18:00:00Z", "2025-03-30T17:00:00Z"]),
            ("0 18 * * *", "Europe/London", "2025-10-25T12:00:00Z", ["2025-10-25T17:00:00Z", "2025-10-26T18:00:00Z"]),
            (
                "0 9 * * 1-5",
                "America/New_York",
                "2026-03-06T12:00:00Z",
                ["2026-03-06T14:00:00Z", "2026-03-09T13:00:00Z"],
            ),
            ("30 9 * * *", "Asia/Kolkata", "2026-03-28T00:00:00Z", ["2026-03-28T04:00:00Z", "2026-03-29T04:00:00Z"]),
            ("0 0 9 * * *", "Asia/Kolkata", "2026-03-28T00:00:00Z", ["2026-03-28T03:30:00Z", "2026-03-29T03:30:00Z"]),
        ] {
            assert_eq!(utc(&recurrence(cron, zone, at(now), 2).unwrap().next), expected, "{cron} {zone}");
        }
    }

    #[test]
    fn a_time_in_the_gap_comes_once_and_one_in_the_overlap_comes_once() {
        let gap = recurrence("30 1 * * *", "Europe/London", at("2026-03-28T12:00:00Z"), 2).unwrap();
        assert_eq!(utc(&gap.next), ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let overlap = recurrence("30 1 * * *", "Europe/London", at("2026-10-24T12:00:00Z"), 2).unwrap();
        assert_eq!(utc(&overlap.next), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn the_next_time_is_strictly_after() {
        let fired = at("2026-11-22T18:00:00Z");
        assert_eq!(next_after("0 18 * * *", "UTC", fired).unwrap(), Some(at("2026-11-23T18:00:00Z")));
        assert_eq!(next_after("0 18 * * *", "UTC", fired.plus(-1)).unwrap(), Some(fired));
        assert_eq!(next_after("0 18 * * *", "UTC", fired.plus(999)).unwrap(), Some(at("2026-11-23T18:00:00Z")));
    }

    #[test]
    fn wrong_expressions_and_zones_are_refused_in_words() {
        for (cron, zone, code) in [
            ("", "UTC", "bad_cron"),
            ("0 18 * *", "UTC", "bad_cron"),
            ("0 0 18 * * * 2027", "UTC", "bad_cron"),
            ("61 18 * * *", "UTC", "bad_cron"),
            ("every day at six", "UTC", "bad_cron"),
            ("0 18 * * *", "India", "bad_zone"),
            ("0 18 30 2 *", "UTC", "never_fires"),
        ] {
            let error = recurrence(cron, zone, at("2026-11-22T00:00:00Z"), 1).unwrap_err();
            assert_eq!(error.code, code, "{cron} {zone}: {error}");
        }
    }

    #[test]
    fn it_is_said_in_words() {
        let words = recurrence("0 18 * * 1-5", "UTC", at("2026-11-22T00:00:00Z"), 1).unwrap().words;
        assert!(words.contains("18") && words.contains("Monday"), "{words}");
    }
}
