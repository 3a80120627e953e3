//! Times as people write and read them.

use super::Result;
use crate::domain::time::Millis;

/// Reads a TIME: RFC 3339, or local time in `zone` (`2026-11-08 18:00`, `18:00` the next such time, `+2h`, `+30m`).
/// Errors (422): `bad_time`, `in_the_past`, `time_gap` and `time_overlap` (both with the choice), `bad_zone`.
pub fn parse(_text: &str, _zone: &str, _now: Millis) -> Result<Millis> {
    todo!()
}

/// Reads RFC 3339 with an offset, as HTTP needs it. Errors: `bad_time`, `offset_needed`, `in_the_past`.
pub fn parse_with_offset(_text: &str, _now: Millis) -> Result<Millis> {
    todo!()
}

/// `Sun 8 Nov 18:00 India time (Asia/Kolkata), in 14 h 20 min`.
pub fn words(_at: Millis, _zone: &str, _now: Millis) -> String {
    todo!()
}

/// `Sun 8 Nov 18:00 India time (Asia/Kolkata)`.
pub fn words_alone(_at: Millis, _zone: &str) -> String {
    todo!()
}

/// `14 h 20 min`, `2 min`, `40 s`, `3 d 4 h`: the two largest units, never negative.
pub fn length_words(_milliseconds: i64) -> String {
    todo!()
}
