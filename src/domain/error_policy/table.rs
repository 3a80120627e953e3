//! Reads the policy's table. Only [`super::ErrorPolicy::from_csv`] calls it.

use super::{Action, ErrorPolicy, Rule};
use crate::domain::state::PauseReason;
use std::collections::HashMap;

/// What is wrong with a policy file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error policy, line {line}: {problem}")]
pub struct PolicyError {
    /// The line in the file, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// In words.
    pub problem: String,
}

/// The table's columns, in the file's order.
const COLUMNS: [&str; 10] =
    ["code", "subcode", "action", "wait_s", "max_tries", "counts", "pause", "one_row", "title", "advice"];

/// The longest wait that a row may ask for: a week.
const LONGEST_WAIT_S: u32 = 7 * 24 * 60 * 60;

/// What the first column says.
enum Codes {
    Single(Vec<i64>),
    Range(i64, i64),
    Transient,
    Unknown5xx,
    Unknown,
}

pub(super) fn read(text: &str) -> Result<ErrorPolicy, PolicyError> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(&error))?;
    if header.iter().ne(COLUMNS) {
        return Err(PolicyError { line: 1, problem: format!("the columns must be {}", COLUMNS.join(",")) });
    }
    let mut rules = Vec::new();
    let mut exact = HashMap::new();
    let mut ranges = Vec::new();
    let (mut transient, mut unknown_5xx, mut unknown) = (None, None, None);
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let at = |problem: String| PolicyError { line, problem };
        let place = rules.len();
        let taken = match codes(&record[0]).map_err(at)? {
            Codes::Single(codes) => {
                let subcode = number(&record[1]).map_err(at)?;
                codes.into_iter().any(|code| exact.insert((code, subcode), place).is_some())
            }
            Codes::Range(first, last) => {
                ranges.push((first, last, place));
                ranges.iter().filter(|range| (range.0, range.1) == (first, last)).count() > 1
            }
            Codes::Transient => transient.replace(place).is_some(),
            Codes::Unknown5xx => unknown_5xx.replace(place).is_some(),
            Codes::Unknown => unknown.replace(place).is_some(),
        };
        if taken {
            return Err(at(format!("{} stands in the file twice", &record[0])));
        }
        rules.push(rule(&record).map_err(at)?);
    }
    ranges.sort_by_key(|range| range.1 - range.0);
    let required = |place: Option<usize>, word: &str| {
        place.ok_or_else(|| PolicyError { line: 0, problem: format!("there is no row \"{word}\"") })
    };
    Ok(ErrorPolicy {
        rules,
        exact,
        ranges,
        transient: required(transient, "transient")?,
        unknown_5xx: required(unknown_5xx, "unknown-5xx")?,
        unknown: required(unknown, "unknown")?,
    })
}

fn broken(error: &csv::Error) -> PolicyError {
    let line = error.position().map_or(0, csv::Position::line);
    PolicyError { line, problem: format!("not a readable row: {error}") }
}

fn codes(text: &str) -> Result<Codes, String> {
    let code = |text: &str| text.trim().parse().map_err(|_| format!("\"{text}\" is not an error code"));
    match text {
        "transient" => Ok(Codes::Transient),
        "unknown-5xx" => Ok(Codes::Unknown5xx),
        "unknown" => Ok(Codes::Unknown),
        _ => match text.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (code(first)?, code(last)?);
                if first < last { Ok(Codes::Range(first, last)) } else { Err(format!("{text} is not a range")) }
            }
            None => text.split('/').map(code).collect::<Result<_, _>>().map(Codes::Single),
        },
    }
}

fn rule(record: &csv::StringRecord) -> Result<Rule, String> {
    let action = action(&record[2], &record[6])?;
    let wait_s = number(&record[3])?.unwrap_or(0);
    if wait_s > LONGEST_WAIT_S {
        return Err(format!("wait_s is {wait_s}; a week ({LONGEST_WAIT_S}) is the most"));
    }
    let max_tries = number(&record[4])?.unwrap_or(0);
    match action {
        Action::Retry if !(2..=20).contains(&max_tries) => return Err("a retry needs max_tries from 2 to 20".into()),
        Action::Retry if wait_s < 5 => return Err("a retry needs a wait_s of 5 or more".into()),
        Action::SlowDown | Action::DelayRecipient if wait_s == 0 => return Err("this action needs a wait_s".into()),
        Action::FailRetryLater if wait_s < 3_600 => return Err("this action needs a wait_s of an hour or more".into()),
        _ => {}
    }
    let title = record[8].trim();
    if title.is_empty() {
        return Err("the title is missing".into());
    }
    Ok(Rule {
        action,
        wait_s,
        max_tries,
        counts_as_failure: yes(&record[5])?,
        one_row: yes(&record[7])?,
        title: title.to_owned(),
        advice: record[9].trim().to_owned(),
    })
}

fn action(word: &str, pause: &str) -> Result<Action, String> {
    let action = match word {
        "fail" => Action::Fail,
        "fail_retry_later" => Action::FailRetryLater,
        "retry" => Action::Retry,
        "slow_down" => Action::SlowDown,
        "delay_recipient" => Action::DelayRecipient,
        "pause_sender" => Action::PauseSender,
        "pause_account" => Action::PauseAccount,
        "stop_auth" => Action::StopAuth,
        "pause_broadcast" => {
            let reason = PauseReason::from_word(pause).ok_or_else(|| format!("\"{pause}\" is not a pause reason"))?;
            return Ok(Action::PauseBroadcast(reason));
        }
        _ => return Err(format!("\"{word}\" is not an action")),
    };
    if pause.is_empty() { Ok(action) } else { Err(format!("{word} takes no pause reason")) }
}

fn yes(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "" | "no" => Ok(false),
        _ => Err(format!("\"{text}\" is neither yes nor empty")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<Option<T>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("\"{text}\" is not a number that fits here"))
}
