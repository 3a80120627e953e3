//! Times as people write and read them.
//!
//! Pure: the time of day always comes from the caller. Used by every face, so that `18:00` means the same
//! in the console, on the command line and in a schedule. A time that does not exist or exists
//! twice (the clocks change) is never guessed: the error names the two times to choose from.

mod past;
mod said;

pub use past::{parse_past, parse_past_with_offset};

use self::said::Day;
use super::{Kind, Result, ServiceError};
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::json;

/// How people may write a time, for error messages.
const FORMS: &str = "write 18:00, tomorrow 6pm, mon 9:30, 8 nov 18:00, in 2 h, 2026-11-08 18:00, or RFC 3339 as \
     2026-11-08T18:00+05:30";

/// From here on lengths are said in days.
const TWO_DAYS: i64 = 2 * DAY;

/// Reads a TIME: RFC 3339, `in 2 h` or `+30m` from now, or local time in `zone`: `18:00` the next such time, `tomorrow 6 pm`,
/// `mon 9:30`, `8 nov 18:00`, `2026-11-08 18:00`.
/// Errors (422): `bad_time`, `in_the_past`, `time_gap` and `time_overlap` (both with the choice), `bad_zone`.
pub fn parse(text: &str, zone: &str, now: Millis) -> Result<Millis> {
    let text = text.trim();
    let zone = time_zone(zone)?;
    let from_now =
        text.split_at_checked(3).filter(|(word, _)| word.eq_ignore_ascii_case("in ")).map(|(_, length)| length);
    if let Some(length) = text.strip_prefix('+').or(from_now) {
        return Ok(now.plus(relative_ms(length).ok_or_else(|| bad_time(text))?));
    }
    if let Some(at) = with_offset(text) {
        return not_past(at, &zone, now);
    }
    if let Some(local) = wall_date_time(text) {
        return not_past(local_time(local, &zone)?, &zone, now);
    }
    let today = now.timestamp().to_zoned(zone.clone()).date();
    match said::read(text, today).ok_or_else(|| bad_time(text))? {
        (Day::Next, time) => next_such_time(time, today, 1, &zone, now),
        (Day::NextSuch(weekday), time) => {
            let ahead = today.weekday().until(weekday);
            let day = today.checked_add(i64::from(ahead).days()).map_err(|_| bad_time(text))?;
            next_such_time(time, day, 7, &zone, now)
        }
        (Day::Date(day), time) => not_past(local_time(day.to_datetime(time), &zone)?, &zone, now),
    }
}

/// Reads RFC 3339 with an offset, as HTTP needs it. Errors (422): `bad_time`, `offset_needed`, `in_the_past`.
pub fn parse_with_offset(text: &str, now: Millis) -> Result<Millis> {
    let text = text.trim();
    match with_offset(text) {
        Some(at) => not_past(at, &TimeZone::UTC, now),
        None if wall_date_time(text).is_some() || wall_time(text).is_some() => Err(wrong(
            "offset_needed",
            format!(
                "\"{text}\" does not say in which zone: over HTTP a time needs its offset, as 2026-11-08T18:00:00+05:30"
            ),
        )),
        None => Err(wrong(
            "bad_time",
            format!("\"{}\" is not a time: write RFC 3339 as 2026-11-08T18:00:00+05:30", shortened(text)),
        )),
    }
}

/// `Sun 8 Nov 18:00 India time (Asia/Kolkata), in 14 h 20 min`.
pub fn words(at: Millis, zone: &str, now: Millis) -> String {
    let apart = at.since(now);
    let alone = words_alone(at, zone, now);
    if apart < 0 {
        format!("{alone}, {} ago", length_words(-apart))
    } else {
        format!("{alone}, in {}", length_words(apart))
    }
}

/// `Sun 8 Nov 18:00 India time (Asia/Kolkata)`; with the year when it is not this year. A zone that does not
/// exist is taken as UTC.
pub fn words_alone(at: Millis, zone: &str, now: Millis) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let local = at.timestamp().to_zoned(zone.clone());
    let this_year = now.timestamp().to_zoned(zone.clone()).year() == local.year();
    let form = if this_year { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" };
    format!("{} {}", local.strftime(form), zone_words(&zone))
}

/// `14 h 20 min`, `2 min`, `40 s`, `3 days 4 h`: never negative. Rounded down, but seconds up, so that what is not over
/// never reads `0 s`.
pub fn length_words(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    match milliseconds {
        ..MINUTE => format!("{} s", (milliseconds + SECOND - 1) / SECOND),
        MINUTE..HOUR => format!("{} min", milliseconds / MINUTE),
        HOUR..TWO_DAYS => two_units(milliseconds / HOUR, "h", milliseconds % HOUR / MINUTE, "min"),
        TWO_DAYS.. => two_units(milliseconds / DAY, "days", milliseconds % DAY / HOUR, "h"),
    }
}

fn two_units(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {large_unit}") } else { format!("{large} {large_unit} {small} {small_unit}") }
}

/// Finds an IANA zone. `bad_zone` (422).
pub fn time_zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        wrong(
            "bad_zone",
            format!("there is no time zone \"{}\": write one as Asia/Kolkata or Europe/London", shortened(name)),
        )
    })
}

fn zone_words(zone: &TimeZone) -> String {
    let name = zone.iana_name().unwrap_or("UTC");
    let people_say = match name {
        "UTC" | "Etc/UTC" | "Etc/GMT" => return "UTC".to_owned(),
        "Asia/Kolkata" | "Asia/Calcutta" => "India",
        "Europe/London" => "UK",
        "America/New_York" => "US Eastern",
        "America/Chicago" => "US Central",
        "America/Denver" => "US Mountain",
        "America/Los_Angeles" => "US Pacific",
        "America/Sao_Paulo" => "Brasília",
        "Asia/Jakarta" => "West Indonesia",
        "Asia/Karachi" => "Pakistan",
        "Africa/Johannesburg" => "South Africa",
        _ => return format!("{} time ({name})", name.rsplit('/').next().unwrap_or(name).replace('_', " ")),
    };
    format!("{people_say} time ({name})")
}

fn wrong(code: &'static str, message: String) -> ServiceError {
    ServiceError::new(Kind::Wrong, code, message)
}

fn bad_time(text: &str) -> ServiceError {
    wrong("bad_time", format!("\"{}\" is not a time: {FORMS}", shortened(text)))
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// `2h`, `30m`, `1h30m`, `90s`, `2d`, `1 hour 30 minutes`: whole numbers, the units from large to small, ten years at most.
fn relative_ms(text: &str) -> Option<i64> {
    let text = text.to_lowercase();
    let mut rest = text.trim();
    let mut total = 0_i64;
    let mut last_unit = i64::MAX;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let after = after.trim_start();
        let (unit, after) =
            after.split_at(after.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(after.len()));
        let unit = match unit {
            "d" | "day" | "days" => DAY,
            "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
            "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
            "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
            _ => return None,
        };
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = after.trim_start();
    }
    (total > 0 && total <= 3_660 * DAY).then_some(total)
}

fn with_offset(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>().ok().map(Millis::from)
}

/// `18:00` or `18:00:30`. A bare number or `1800` is too easily something else.
fn wall_time(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text).or_else(|_| Time::strptime("%H:%M:%S", text)).ok()
}

fn wall_date_time(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let date = Date::strptime("%Y-%m-%d", date).ok()?;
    wall_time(time.trim()).map(|time| date.to_datetime(time))
}

/// The time on `day`, or when that has been, `days` later.
fn next_such_time(time: Time, day: Date, days: i64, zone: &TimeZone, now: Millis) -> Result<Millis> {
    let local = day.to_datetime(time);
    // Where it comes twice or not at all, it has been when the later of the two has.
    let last = zone.to_ambiguous_zoned(local).later().map_err(|_| bad_time(&local.to_string()))?;
    if Millis::from(last.timestamp()) > now {
        return local_time(local, zone);
    }
    let later =
        day.checked_add(days.days()).map_err(|_| wrong("bad_time", "that is beyond the calendar".to_owned()))?;
    local_time(later.to_datetime(time), zone)
}

fn not_past(at: Millis, zone: &TimeZone, now: Millis) -> Result<Millis> {
    if at > now {
        return Ok(at);
    }
    let name = zone.iana_name().unwrap_or("UTC");
    Err(wrong(
        "in_the_past",
        format!("{} is in the past: it is {} now", words_alone(at, name, now), words_alone(now, name, now)),
    ))
}

/// A local time as the one instant that it is, or the two instants to choose from.
fn local_time(local: DateTime, zone: &TimeZone) -> Result<Millis> {
    let name = zone.iana_name().unwrap_or("UTC");
    let shown = local.strftime("%Y-%m-%d %H:%M").to_string();
    let (code, problem, choices) = match zone.to_ambiguous_zoned(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            return offset.to_timestamp(local).map(Millis::from).map_err(|_| bad_time(&shown));
        }
        // Read with the offset from before the gap it comes out later, with the one from after it earlier.
        AmbiguousOffset::Gap { before, after } => (
            "time_gap",
            format!("{shown} does not exist in {name}: the clocks go forward over it"),
            [choice(local, after, zone), choice(local, before, zone)],
        ),
        AmbiguousOffset::Fold { before, after } => (
            "time_overlap",
            format!("{shown} comes twice in {name}: the clocks go back over it"),
            [choice(local, before, zone), choice(local, after, zone)],
        ),
    };
    Err(wrong(code, format!("{problem}. Choose {} or {}", choices[0], choices[1]))
        .with_details(json!({ "choices": choices })))
}

/// The instant that `local` is at `offset`, as somebody in the zone would write it with its offset.
fn choice(local: DateTime, offset: Offset, zone: &TimeZone) -> String {
    let at = offset.to_timestamp(local).unwrap_or_default();
    let zoned: Zoned = at.to_zoned(zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().into()
    }

    /// Sun 8 Nov 2026, 03:40 in India.
    const NOW: &str = "2026-11-07T22:10:00Z";

    #[test]
    fn reads_what_people_write() {
        for (text, zone, expected) in [
            ("2026-11-08 18:00", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            ("2026-11-08T18:00", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            (" 2026-11-08 18:00:30 ", "Asia/Kolkata", "2026-11-08T12:30:30Z"),
            ("18:00", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            ("03:40", "Asia/Kolkata", "2026-11-08T22:10:00Z"),
            ("03:41", "Asia/Kolkata", "2026-11-07T22:11:00Z"),
            ("tomorrow 18:00", "Asia/Kolkata", "2026-11-09T12:30:00Z"),
            ("6 pm", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            // It is Sunday there: one is still to come, one has been.
            ("sun 18:00", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            ("Sunday 3:00", "Asia/Kolkata", "2026-11-14T21:30:00Z"),
            ("sat 9:30", "Asia/Kolkata", "2026-11-14T04:00:00Z"),
            ("in 2 h", "Asia/Kolkata", "2026-11-08T00:10:00Z"),
            ("In 1 hour 30 minutes", "Asia/Kolkata", "2026-11-07T23:40:00Z"),
            ("+2h", "Asia/Kolkata", "2026-11-08T00:10:00Z"),
            ("+30m", "Asia/Kolkata", "2026-11-07T22:40:00Z"),
            ("+1h30m", "UTC", "2026-11-07T23:40:00Z"),
            ("+1d 2h", "UTC", "2026-11-09T00:10:00Z"),
            ("2026-11-08T18:00:00+05:30", "Europe/London", "2026-11-08T12:30:00Z"),
            ("2026-11-08T18:00+05:30", "Europe/London", "2026-11-08T12:30:00Z"),
            ("2026-11-08T12:30:00Z", "Asia/Kolkata", "2026-11-08T12:30:00Z"),
            ("2027-06-01 09:00", "Europe/London", "2027-06-01T08:00:00Z"),
        ] {
            assert_eq!(parse(text, zone, at(NOW)).map_err(|error| error.message), Ok(at(expected)), "{text} in {zone}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "soon",
            "tomorrow",
            "in",
            "in 5",
            "in h",
            "1800",
            "25:00",
            "18:60",
            "+",
            "+h",
            "+2",
            "+2x",
            "+-2h",
            "+30m1h",
            "+99999999999999999999h",
            "+9999d",
            "2026-02-30 10:00",
            "2026-11-08",
            "08.11.2026 18:00",
            "18:00 PM",
            "+0m",
        ] {
            assert_eq!(parse(text, "Asia/Kolkata", at(NOW)).map_err(|error| error.code), Err("bad_time"), "{text}");
        }
        assert_eq!(parse("18:00", "India", at(NOW)).unwrap_err().code, "bad_zone");
    }

    #[test]
    fn the_past_is_refused_with_the_time_it_is() {
        for text in ["2026-11-08 03:40", "today 3:40", "1 nov 18:00", "2026-11-07T22:09:59Z", "2020-01-01 00:00"] {
            let error = parse(text, "Asia/Kolkata", at(NOW)).unwrap_err();
            assert_eq!(error.code, "in_the_past", "{text}");
            assert!(error.message.contains("it is Sun 8 Nov 03:40 India time (Asia/Kolkata) now"), "{}", error.message);
        }
    }

    #[test]
    fn times_that_do_not_exist_or_come_twice_are_refused_with_the_choice() {
        let now = at("2026-01-01T00:00:00Z");
        for (text, zone, code, choices) in [
            ("2026-03-29 01:30", "Europe/London", "time_gap", ["2026-03-29T00:30+00:00", "2026-03-29T02:30+01:00"]),
            ("2026-10-25 01:30", "Europe/London", "time_overlap", ["2026-10-25T01:30+01:00", "2026-10-25T01:30+00:00"]),
            ("2026-03-08 02:15", "America/New_York", "time_gap", ["2026-03-08T01:15-05:00", "2026-03-08T03:15-04:00"]),
            (
                "2026-11-01 01:00",
                "America/New_York",
                "time_overlap",
                ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"],
            ),
        ] {
            let error = parse(text, zone, now).unwrap_err();
            assert_eq!(error.code, code, "{text}");
            assert_eq!(error.details["choices"], json!(choices), "{text}");
            for choice in choices {
                assert!(error.message.contains(choice), "{}", error.message);
                parse(choice, zone, now).expect("a choice can be chosen");
            }
        }
        // After the change the next such time is tomorrow's, which comes once.
        for (now, text, next) in [
            ("2026-10-25T20:00:00Z", "01:30", "2026-10-26T01:30:00Z"),
            ("2026-10-25T20:00:00Z", "sun 01:30", "2026-11-01T01:30:00Z"),
            ("2026-03-29T20:00:00Z", "01:30", "2026-03-30T00:30:00Z"),
        ] {
            assert_eq!(parse(text, "Europe/London", at(now)).unwrap(), at(next), "{text} at {now}");
        }
        // Between the two it is asked which.
        let between = at("2026-10-25T01:00:00Z");
        assert_eq!(parse("01:30", "Europe/London", between).unwrap_err().code, "time_overlap");
        let evening_before = at("2026-03-28T22:00:00Z");
        assert_eq!(parse("01:30", "Europe/London", evening_before).unwrap_err().code, "time_gap");
    }

    #[test]
    fn over_http_an_offset_is_needed() {
        assert_eq!(parse_with_offset("2026-11-08T18:00:00+05:30", at(NOW)).unwrap(), at("2026-11-08T12:30:00Z"));
        for (text, code) in [
            ("2026-11-08T18:00:00", "offset_needed"),
            ("2026-11-08 18:00", "offset_needed"),
            ("18:00", "offset_needed"),
            ("+2h", "bad_time"),
            ("", "bad_time"),
            ("2026-11-07T22:00:00Z", "in_the_past"),
        ] {
            assert_eq!(parse_with_offset(text, at(NOW)).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_time_is_said_in_words() {
        for (time, zone, expected) in [
            ("2026-11-08T12:30:00Z", "Asia/Kolkata", "Sun 8 Nov 18:00 India time (Asia/Kolkata), in 14 h 20 min"),
            ("2026-11-07T22:11:00Z", "UTC", "Sat 7 Nov 22:11 UTC, in 1 min"),
            ("2027-06-01T08:00:00Z", "Europe/London", "Tue 1 Jun 2027 09:00 UK time (Europe/London), in 205 days 9 h"),
            (
                "2026-11-07T21:10:00Z",
                "America/Argentina/Buenos_Aires",
                "Sat 7 Nov 18:10 Buenos Aires time (America/Argentina/Buenos_Aires), 1 h ago",
            ),
        ] {
            assert_eq!(words(at(time), zone, at(NOW)), expected);
        }
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        for (milliseconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (1, "1 s"),
            (40_000, "40 s"),
            (59_001, "60 s"),
            (60_000, "1 min"),
            (61_000, "1 min"),
            (3_599_999, "59 min"),
            (2 * HOUR, "2 h"),
            (14 * HOUR + 20 * MINUTE + 59_000, "14 h 20 min"),
            (30 * HOUR, "30 h"),
            (3 * DAY + 4 * HOUR, "3 days 4 h"),
            (40 * DAY, "40 days"),
        ] {
            assert_eq!(length_words(milliseconds), expected);
        }
    }
}
