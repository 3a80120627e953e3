//! A time of day with the day that it is on, as people say it: `tomorrow 18:00`, `mon 9:30`, `6 pm`, `8 nov 18:00`.
//!
//! Only words that mean one thing are read. `08/11` is two different days to two readers, so it is refused; so is
//! `6` without `pm`. The order of the two parts, commas and `at` do not matter. Called by [`super::parse`] only.

use super::wall_time;
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// The fewest letters by which a weekday or a month is known.
const SHORTEST_NAME: usize = 3;
/// A date without a year that has been is next year's, if that is not further off than this.
const NEXT_YEAR_DAYS: i32 = 180;

/// On which day a time of day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// None was said: today, or tomorrow when it has been.
    Next,
    /// A weekday: the next such day, today among them while the time has not been.
    NextSuch(Weekday),
    /// This date.
    Date(Date),
}

/// Reads the whole of `text`, or nothing.
pub fn read(text: &str, today: Date) -> Option<(Day, Time)> {
    let lower = text.to_lowercase().replace(',', " ");
    let words: Vec<&str> = lower.split_whitespace().filter(|word| *word != "at").collect();
    // The time is one word or two ("6 pm"), at the end or at the beginning.
    for length in [1, 2] {
        let Some(split) = words.len().checked_sub(length) else { continue };
        let (day, time) = words.split_at(split);
        if let (Some(time), Some(day)) = (time_of_day(time), day_of(day, today)) {
            return Some((day, time));
        }
        let (time, day) = words.split_at(length);
        if let (Some(time), Some(day)) = (time_of_day(time), day_of(day, today)) {
            return Some((day, time));
        }
    }
    None
}

/// `18:00`, `18:00:30`, `6pm`, `6:30 pm`.
fn time_of_day(words: &[&str]) -> Option<Time> {
    let said = words.concat();
    let (half, hours) = match (said.strip_suffix("am"), said.strip_suffix("pm")) {
        (Some(rest), _) => (rest, 0),
        (_, Some(rest)) => (rest, 12),
        _ => return (words.len() == 1).then(|| wall_time(&said)).flatten(),
    };
    let time = wall_time(half).or_else(|| wall_time(&format!("{half}:00")))?;
    // Twelve is the hour that each half begins with.
    (1..=12)
        .contains(&time.hour())
        .then(|| Time::new(time.hour() % 12 + hours, time.minute(), time.second(), 0).ok())?
}

fn day_of(words: &[&str], today: Date) -> Option<Day> {
    match words {
        [] => Some(Day::Next),
        ["today"] => Some(Day::Date(today)),
        ["tomorrow"] => today.checked_add(1.day()).ok().map(Day::Date),
        [date] => match Date::strptime("%Y-%m-%d", date) {
            Ok(date) => Some(Day::Date(date)),
            Err(_) => named(date, WEEKDAYS).map(Day::NextSuch),
        },
        // A weekday beside a date has to be the date's.
        [weekday, date @ ..] if named(weekday, WEEKDAYS).is_some() => match day_of(date, today)? {
            Day::Date(day) if named(weekday, WEEKDAYS) == Some(day.weekday()) => Some(Day::Date(day)),
            _ => None,
        },
        [one, other] => date_of(one, other, None, today),
        [one, other, year] => date_of(one, other, Some(whole(year, 4)?), today),
        _ => None,
    }
}

/// `8 nov` or `nov 8`, with a year or with the one that is meant.
fn date_of(one: &str, other: &str, year: Option<i16>, today: Date) -> Option<Day> {
    let month_of = |word: &str| named(word, MONTHS.into_iter().zip(1_i8..));
    let (day, month) = match (month_of(one), month_of(other)) {
        (None, Some(month)) => (one, month),
        (Some(month), None) => (other, month),
        _ => return None,
    };
    let day: i8 = whole(day, 2)?.try_into().ok()?;
    let in_year = |year| Date::new(year, month, day).ok();
    if let Some(year) = year {
        return in_year(year).map(Day::Date);
    }
    let next_year = in_year(today.year().checked_add(1)?).filter(|next| (*next - today).get_days() <= NEXT_YEAR_DAYS);
    match (in_year(today.year()), next_year) {
        (Some(this), next) if this < today => Some(Day::Date(next.unwrap_or(this))),
        (this, next) => this.or(next).map(Day::Date),
    }
}

/// Finds a name by itself or by its beginning.
fn named<T>(word: &str, names: impl IntoIterator<Item = (&'static str, T)>) -> Option<T> {
    let known = |name: &str| word.len() >= SHORTEST_NAME && name.starts_with(word);
    names.into_iter().find(|(name, _)| known(name)).map(|(_, what)| what)
}

/// A number without a sign, of so many digits at most.
fn whole(text: &str, digits: usize) -> Option<i16> {
    let plain = text.len() <= digits && text.bytes().all(|letter| letter.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn times_with_their_days_are_read() {
        // A Sunday.
        let today = date(2026, 11, 8);
        let evening = time(18, 0, 0, 0);
        for (text, expected) in [
            ("18:00", Some((Day::Next, evening))),
            ("6pm", Some((Day::Next, evening))),
            ("6 PM", Some((Day::Next, evening))),
            ("6:30 pm", Some((Day::Next, time(18, 30, 0, 0)))),
            ("12 am", Some((Day::Next, time(0, 0, 0, 0)))),
            ("12:15pm", Some((Day::Next, time(12, 15, 0, 0)))),
            ("today 18:00", Some((Day::Date(today), evening))),
            ("Tomorrow at 6 pm", Some((Day::Date(date(2026, 11, 9)), evening))),
            ("18:00 tomorrow", Some((Day::Date(date(2026, 11, 9)), evening))),
            ("mon 9:30", Some((Day::NextSuch(Weekday::Monday), time(9, 30, 0, 0)))),
            ("Thursday, 18:00", Some((Day::NextSuch(Weekday::Thursday), evening))),
            ("8 nov 18:00", Some((Day::Date(today), evening))),
            ("Dec 24, 6pm", Some((Day::Date(date(2026, 12, 24)), evening))),
            ("sun 8 nov 18:00", Some((Day::Date(today), evening))),
            ("mon 8 nov 18:00", None),
            ("2 jan 18:00", Some((Day::Date(date(2027, 1, 2)), evening))),
            ("1 nov 18:00", Some((Day::Date(date(2026, 11, 1)), evening))),
            ("1 nov 2027 18:00", Some((Day::Date(date(2027, 11, 1)), evening))),
            ("2026-12-24 6pm", Some((Day::Date(date(2026, 12, 24)), evening))),
            ("30 feb 18:00", None),
            ("08/11 18:00", None),
            ("08.11.2026 18:00", None),
            ("18:00 pm", None),
            ("13 pm", None),
            ("0 am", None),
            ("6", None),
            ("1800", None),
            ("tomorrow", None),
            ("tomorrow tomorrow 18:00", None),
            ("mo 18:00", None),
            ("18:00 18:00", None),
            ("at", None),
            ("", None),
        ] {
            assert_eq!(read(text, today), expected, "{text}");
        }
    }
}
