//! Times that have been, as people write them.

use super::{local_time, relative_ms, shortened, time_zone, wall_date_time, wall_time, with_offset, wrong};
use crate::domain::time::Millis;
use crate::service::Result;
use jiff::ToSpan;
use jiff::civil::{Date, Time};

/// How people may write a time that has been, for error messages.
const FORMS: &str =
    "write yesterday, today, 2h (ago), 18:00 (the last such time), 2026-11-08, 2026-11-08 18:00, or RFC 3339";

/// Reads a TIME that has been: `today` and `yesterday` (from their beginning in `zone`), `2h` or `30m` ago, `18:00` the last
/// such time, a date, local time in `zone`, or RFC 3339. Errors (422): `bad_time`, `in_the_future`, `time_gap` and
/// `time_overlap` (both with the choice), `bad_zone`.
pub fn parse_past(text: &str, zone: &str, now: Millis) -> Result<Millis> {
    let text = text.trim();
    let zone = time_zone(zone)?;
    let bad = || wrong("bad_time", format!("\"{}\" is not a time that has been: {FORMS}", shortened(text)));
    let today = now.timestamp().to_zoned(zone.clone()).date();
    let yesterday = today.checked_sub(1.day()).map_err(|_| bad())?;
    let beginning = |day: Date| day.to_zoned(zone.clone()).map(|day| Millis::from(day.timestamp())).map_err(|_| bad());
    let at = if text.eq_ignore_ascii_case("today") {
        beginning(today)?
    } else if text.eq_ignore_ascii_case("yesterday") {
        beginning(yesterday)?
    } else if let Some(length_ms) = relative_ms(text.trim_start_matches('-').trim_end_matches(" ago")) {
        now.plus(-length_ms)
    } else if let Some(at) = with_offset(text) {
        at
    } else if let Some(time) = wall_time(text) {
        let such = |day: Date, time: Time| local_time(day.to_datetime(time), &zone);
        let at = such(today, time)?;
        if at <= now { at } else { such(yesterday, time)? }
    } else if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
        beginning(day)?
    } else {
        local_time(wall_date_time(text).ok_or_else(bad)?, &zone)?
    };
    not_future(at, text, now)
}

/// Reads RFC 3339 with an offset, as HTTP needs it. Errors (422): `bad_time`, `in_the_future`.
pub fn parse_past_with_offset(text: &str, now: Millis) -> Result<Millis> {
    let bad = || {
        let text = shortened(text);
        wrong(
            "bad_time",
            format!("\"{text}\" is not a time: write RFC 3339 with an offset as 2026-11-08T18:00:00+05:30"),
        )
    };
    not_future(with_offset(text.trim()).ok_or_else(bad)?, text, now)
}

fn not_future(at: Millis, text: &str, now: Millis) -> Result<Millis> {
    if at <= now {
        return Ok(at);
    }
    Err(wrong("in_the_future", format!("\"{}\" has not been yet", shortened(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        with_offset(text).unwrap()
    }

    #[test]
    fn what_has_been_is_read_in_its_zone() {
        // 15:30 in India.
        let now = at("2026-11-08T10:00:00Z");
        for (text, expected) in [
            ("today", "2026-11-07T18:30:00Z"),
            ("Yesterday", "2026-11-06T18:30:00Z"),
            ("2h", "2026-11-08T08:00:00Z"),
            ("90m ago", "2026-11-08T08:30:00Z"),
            ("-1d", "2026-11-07T10:00:00Z"),
            ("15:00", "2026-11-08T09:30:00Z"),
            ("18:40", "2026-11-07T13:10:00Z"),
            ("2026-11-01", "2026-10-31T18:30:00Z"),
            ("2026-11-01 06:00", "2026-11-01T00:30:00Z"),
            ("2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
        ] {
            assert_eq!(parse_past(text, "Asia/Kolkata", now).unwrap(), at(expected), "{text}");
        }
        for (text, code) in [
            ("tomorrow", "bad_time"),
            ("", "bad_time"),
            ("2026-11-09", "in_the_future"),
            ("2026-11-08 15:31", "in_the_future"),
            ("2026-11-08T10:00:01Z", "in_the_future"),
        ] {
            assert_eq!(parse_past(text, "Asia/Kolkata", now).unwrap_err().code, code, "{text}");
        }
        assert_eq!(parse_past("today", "Mars/Base", now).unwrap_err().code, "bad_zone");
        let error = parse_past("2026-03-29 01:30", "Europe/London", now).unwrap_err();
        assert_eq!(error.code, "time_gap");
    }
}
