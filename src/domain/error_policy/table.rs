//! Reads the policy's table, and an operator's own one over it. Only [`super::ErrorPolicy`] calls it.

use super::{Action, DEFAULT_FAILURE_SHARE, ErrorPolicy, Rule};
use crate::domain::state::PauseReason;
use std::collections::HashMap;
use std::fmt;

/// What is wrong with a policy file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The line in the file, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The column, from 1; 0 when the whole line is meant.
    pub column: usize,
    /// In words.
    pub problem: String,
}

impl std::error::Error for PolicyError {}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error policy")?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// The table's columns, in the built-in file's order.
const COLUMNS: [&str; 11] =
    ["code", "subcode", "action", "wait_s", "max_tries", "counts", "pause", "one_row", "only", "title", "advice"];

/// The longest wait that a row may ask for: a week.
const LONGEST_WAIT_S: u32 = 7 * 24 * 60 * 60;
/// The most rows of an operator's own file.
const MOST_OWN_ROWS: usize = 2_000;

/// What the first column says.
enum Codes {
    Single(Vec<i64>),
    Range(i64, i64),
    Transient,
    Unknown5xx,
    Unknown,
}

/// Where each of [`COLUMNS`] stands in a file; `None`: it does not.
type Places = [Option<usize>; COLUMNS.len()];

/// One row of a file.
struct Row<'a> {
    record: &'a csv::StringRecord,
    places: &'a Places,
    line: u64,
}

impl Row<'_> {
    fn place(&self, column: &str) -> Option<usize> {
        COLUMNS.iter().position(|name| *name == column).and_then(|index| self.places[index])
    }

    /// What stands there; `None`: the file has no such column.
    fn cell(&self, column: &str) -> Option<&str> {
        self.record.get(self.place(column)?).map(str::trim)
    }

    fn error(&self, column: &str, problem: impl fmt::Display) -> PolicyError {
        let place = self.place(column).map_or(0, |place| place + 1);
        PolicyError { line: self.line, column: place, problem: format!("{column}: {problem}") }
    }

    /// A number; `missing` where the file has no such column, `None` where the cell is blank.
    fn number<T: std::str::FromStr>(&self, column: &str, missing: Option<T>) -> Result<Option<T>, PolicyError> {
        let Some(text) = self.cell(column) else { return Ok(missing) };
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |_| self.error(column, format_args!("\"{}\" is not a number that fits here", shown(text)));
        text.parse().map(Some).map_err(wrong)
    }

    /// `word` or nothing.
    fn said(&self, column: &str, word: &str) -> Result<Option<bool>, PolicyError> {
        match self.cell(column) {
            None => Ok(None),
            Some("" | "no") => Ok(Some(false)),
            Some(text) if text == word => Ok(Some(true)),
            Some(text) => Err(self.error(column, format_args!("\"{}\" is neither {word} nor empty", shown(text)))),
        }
    }

    fn codes(&self) -> Result<Codes, PolicyError> {
        let text = self.cell("code").unwrap_or_default();
        let wrong = |part: &str| self.error("code", format_args!("\"{}\" is not an error code", shown(part)));
        let code = |part: &str| part.trim().parse().map_err(|_| wrong(part));
        match text {
            "transient" => Ok(Codes::Transient),
            "unknown-5xx" => Ok(Codes::Unknown5xx),
            "unknown" => Ok(Codes::Unknown),
            _ => match text.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (code(first)?, code(last)?);
                    let range = (first < last).then_some(Codes::Range(first, last));
                    range.ok_or_else(|| self.error("code", format_args!("{} is not a range", shown(text))))
                }
                None => text.split('/').map(code).collect::<Result<_, _>>().map(Codes::Single),
            },
        }
    }

    fn action(&self, before: Option<Action>) -> Result<Action, PolicyError> {
        let pause = self.cell("pause");
        let Some(word) = self.cell("action") else {
            let before =
                before.ok_or_else(|| self.error("action", "this code needs one, and the column is missing"))?;
            return match (before, pause) {
                (Action::PauseBroadcast(_), Some(pause)) => self.reason(pause).map(Action::PauseBroadcast),
                _ => Ok(before),
            };
        };
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
                let reason = match (pause, before) {
                    (Some(pause), _) => self.reason(pause)?,
                    (None, Some(Action::PauseBroadcast(reason))) => reason,
                    (None, _) => PauseReason::Template,
                };
                return Ok(Action::PauseBroadcast(reason));
            }
            _ => return Err(self.error("action", format_args!("\"{}\" is not an action", shown(word)))),
        };
        match pause {
            Some(text) if !text.is_empty() => Err(self.error("pause", format_args!("{word} takes no pause reason"))),
            _ => Ok(action),
        }
    }

    fn reason(&self, pause: &str) -> Result<PauseReason, PolicyError> {
        PauseReason::from_word(pause)
            .ok_or_else(|| self.error("pause", format_args!("\"{}\" is not a pause reason", shown(pause))))
    }

    /// The rule. What the file has no column for is as it stands in `before`, else blank.
    fn rule(&self, before: Option<&Rule>) -> Result<Rule, PolicyError> {
        let action = self.action(before.map(|rule| rule.action))?;
        let wait_s: u32 = self.number("wait_s", before.map(|rule| rule.wait_s))?.unwrap_or(0);
        let max_tries: u32 = self.number("max_tries", before.map(|rule| rule.max_tries))?.unwrap_or(0);
        let at = |column: &str, problem: &str| self.error(column, problem);
        if wait_s > LONGEST_WAIT_S {
            return Err(self.error("wait_s", format_args!("{wait_s} s; a week ({LONGEST_WAIT_S}) is the most")));
        }
        match action {
            Action::Retry | Action::FailRetryLater if !(2..=20).contains(&max_tries) => {
                return Err(at("max_tries", "this action needs one from 2 to 20"));
            }
            Action::Retry if wait_s < 5 => return Err(at("wait_s", "a retry needs 5 or more")),
            Action::SlowDown | Action::DelayRecipient if wait_s == 0 => {
                return Err(at("wait_s", "this action needs one"));
            }
            Action::FailRetryLater if wait_s < 3_600 => return Err(at("wait_s", "this action needs an hour or more")),
            _ => {}
        }
        let text = |column: &str, before: Option<&String>| {
            self.cell(column).map_or_else(|| before.cloned().unwrap_or_default(), str::to_owned)
        };
        let title = text("title", before.map(|rule| &rule.title));
        if title.is_empty() {
            return Err(at("title", "it is missing"));
        }
        Ok(Rule {
            action,
            wait_s,
            max_tries,
            counts_as_failure: self.said("counts", "yes")?.unwrap_or(before.is_some_and(|rule| rule.counts_as_failure)),
            one_row: self.said("one_row", "yes")?.unwrap_or(before.is_some_and(|rule| rule.one_row)),
            marketing_only: self.said("only", "marketing")?.unwrap_or(before.is_some_and(|rule| rule.marketing_only)),
            title,
            advice: text("advice", before.map(|rule| &rule.advice)),
        })
    }
}

/// A text of a file, as errors show it.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

/// The rows of a file, each handed to `take`.
fn rows(text: &str, own: bool, mut take: impl FnMut(&Row<'_>) -> Result<(), PolicyError>) -> Result<(), PolicyError> {
    // What Excel puts before UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let header_line = header.position().map_or(1, csv::Position::line);
    let at = |column: usize, problem: String| PolicyError { line: header_line, column, problem };
    let mut places: Places = [None; COLUMNS.len()];
    for (place, name) in header.iter().enumerate() {
        let Some(index) = COLUMNS.iter().position(|known| *known == name.trim()) else {
            return Err(at(
                place + 1,
                format!("there is no column \"{}\"; there are {}", shown(name), COLUMNS.join(",")),
            ));
        };
        if places[index].replace(place).is_some() {
            return Err(at(place + 1, format!("the column {} stands there twice", COLUMNS[index])));
        }
    }
    if places[0].is_none() || (!own && places.contains(&None)) {
        return Err(at(0, format!("the columns must be {}", COLUMNS.join(","))));
    }
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        take(&Row { record: &record, places: &places, line })?;
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<ErrorPolicy, PolicyError> {
    let mut rules = Vec::new();
    let mut exact = HashMap::new();
    let mut ranges = Vec::new();
    let (mut transient, mut unknown_5xx, mut unknown) = (None, None, None);
    rows(text, false, |row| {
        let place = rules.len();
        let taken = match row.codes()? {
            Codes::Single(codes) => {
                let subcode = row.number("subcode", None)?;
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
            return Err(twice(row));
        }
        rules.push(row.rule(None)?);
        Ok(())
    })?;
    ranges.sort_by_key(|range| range.1 - range.0);
    let required = |place: Option<usize>, word: &str| {
        let problem = || format!("there is no row \"{word}\"");
        place.ok_or_else(|| PolicyError { line: 0, column: 0, problem: problem() })
    };
    Ok(ErrorPolicy {
        rules,
        exact,
        ranges,
        transient: required(transient, "transient")?,
        unknown_5xx: required(unknown_5xx, "unknown-5xx")?,
        unknown: required(unknown, "unknown")?,
        own: Vec::new(),
        failure_share: DEFAULT_FAILURE_SHARE,
    })
}

/// Puts an operator's rows over those of `policy`.
pub(super) fn put_over(policy: &mut ErrorPolicy, text: &str) -> Result<(), PolicyError> {
    rows(text, true, |row| {
        let shown = row.cell("code").unwrap_or_default().to_owned();
        let subcode: Option<i64> = row.number("subcode", None)?;
        let named = subcode.map_or(shown.clone(), |subcode| format!("{shown}.{subcode}"));
        if policy.own.contains(&named) {
            return Err(twice(row));
        }
        if policy.own.len() >= MOST_OWN_ROWS {
            return Err(row.error("code", format_args!("more than {MOST_OWN_ROWS} rows")));
        }
        match row.codes()? {
            Codes::Single(codes) => {
                for code in codes {
                    let before = policy.rules[policy.place_of(code, subcode).unwrap_or(policy.unknown)].clone();
                    let place = policy.rules.len();
                    policy.rules.push(row.rule(Some(&before))?);
                    policy.exact.insert((code, subcode), place);
                }
            }
            Codes::Range(first, last) => {
                let known = policy.ranges.iter().position(|range| (range.0, range.1) == (first, last));
                let before = policy.rules[known.map_or(policy.unknown, |index| policy.ranges[index].2)].clone();
                let place = policy.rules.len();
                policy.rules.push(row.rule(Some(&before))?);
                match known {
                    Some(index) => policy.ranges[index].2 = place,
                    None => policy.ranges.push((first, last, place)),
                }
                policy.ranges.sort_by_key(|range| range.1 - range.0);
            }
            Codes::Transient => {
                policy.rules[policy.transient] = row.rule(Some(&policy.rules[policy.transient]))?;
            }
            Codes::Unknown5xx => {
                policy.rules[policy.unknown_5xx] = row.rule(Some(&policy.rules[policy.unknown_5xx]))?;
            }
            Codes::Unknown => {
                policy.rules[policy.unknown] = row.rule(Some(&policy.rules[policy.unknown]))?;
            }
        }
        policy.own.push(named);
        Ok(())
    })
}

fn twice(row: &Row<'_>) -> PolicyError {
    row.error("code", format_args!("{} stands in the file twice", shown(row.cell("code").unwrap_or_default())))
}

fn broken(error: &csv::Error) -> PolicyError {
    let line = error.position().map_or(0, csv::Position::line);
    PolicyError { line, column: 0, problem: format!("not a readable row: {error}") }
}
