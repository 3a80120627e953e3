//! Reads a table of rates, strictly: what is doubtful is an error that names its row. Only [`super::Rates`] calls it.

use super::{Money, Rate};
use std::fmt;

/// What is wrong with a file of rates, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatesError {
    /// The line in the file, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The column's name; empty when the whole line is meant.
    pub column: &'static str,
    /// In words.
    pub problem: String,
}

impl std::error::Error for RatesError {}

impl fmt::Display for RatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rates")?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// The table's columns, in the built-in file's order.
const COLUMNS: [&str; 6] = ["valid_from", "market", "countries", "category", "currency", "amount"];
/// What templates are.
const CATEGORIES: [&str; 3] = ["marketing", "utility", "authentication"];
/// The most rows of a file.
const MOST_ROWS: usize = 10_000;
/// The most that one message may cost: more is a slip.
const MOST: Money = Money(1_000_000 * super::WHOLE);

pub(super) fn read(text: &str) -> Result<Vec<Rate>, RatesError> {
    // What Excel puts before UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(&error))?;
    if header.iter().ne(COLUMNS) {
        let line = header.position().map_or(1, csv::Position::line);
        let problem = format!("the columns must be {}", COLUMNS.join(","));
        return Err(RatesError { line, column: "", problem });
    }
    let mut rates: Vec<Rate> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let rate = row(&record, line)?;
        let error = |column, problem: String| Err(RatesError { line, column, problem });
        if rates.len() >= MOST_ROWS {
            return error("", format!("more than {MOST_ROWS} rows"));
        }
        if let Some(country) = rates.iter().find_map(|before| said_before(before, &rate)) {
            return error("countries", format!("{country} has such a rate in an earlier row"));
        }
        rates.push(rate);
    }
    if rates.is_empty() {
        return Err(RatesError { line: 0, column: "", problem: "there is no row in it".to_owned() });
    }
    Ok(rates)
}

/// The country for which both rows say what one message costs.
fn said_before(before: &Rate, rate: &Rate) -> Option<String> {
    let same = before.valid_from == rate.valid_from
        && before.currency == rate.currency
        && before.categories.iter().any(|category| rate.categories.contains(category));
    if !same {
        return None;
    }
    if before.countries.is_empty() && rate.countries.is_empty() {
        return Some("*".to_owned());
    }
    rate.countries.iter().find(|country| before.countries.contains(country)).cloned()
}

fn row(record: &csv::StringRecord, line: u64) -> Result<Rate, RatesError> {
    let cell = |column: &str| {
        let place = COLUMNS.iter().position(|name| *name == column).unwrap_or(0);
        record.get(place).unwrap_or_default()
    };
    let error = |column: &'static str, problem: String| RatesError { line, column, problem };
    let valid_from = cell("valid_from");
    let valid_from = jiff::civil::Date::strptime("%Y-%m-%d", valid_from)
        .map_err(|_| error("valid_from", format!("\"{}\" is not a day such as 2026-10-01", shown(valid_from))))?;
    let market = cell("market");
    if market.is_empty() || market.len() > 80 {
        return Err(error("market", "a name of 80 letters at most is needed".to_owned()));
    }
    let countries = match cell("countries") {
        "" => return Err(error("countries", "they are missing; * is every other country".to_owned())),
        "*" => Vec::new(),
        some => some
            .split_whitespace()
            .map(|code| {
                let is_code = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
                let problem = || error("countries", format!("\"{}\" is not two capital letters", shown(code)));
                if is_code { Ok(code.to_owned()) } else { Err(problem()) }
            })
            .collect::<Result<_, _>>()?,
    };
    let categories: Vec<String> = cell("category").split('/').map(|one| one.trim().to_owned()).collect();
    if let Some(unknown) = categories.iter().find(|one| !CATEGORIES.contains(&one.as_str())) {
        let known = CATEGORIES.join(", ");
        return Err(error("category", format!("\"{}\" is none of {known}", shown(unknown))));
    }
    let currency = cell("currency");
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(error("currency", format!("\"{}\" is not three capital letters", shown(currency))));
    }
    let amount = cell("amount");
    let amount = Money::read(amount).filter(|amount| *amount <= MOST).ok_or_else(|| {
        error("amount", format!("\"{}\" is not an amount such as 0.0118, with six decimals at most", shown(amount)))
    })?;
    let (market, currency) = (market.to_owned(), currency.to_owned());
    Ok(Rate { valid_from, market, countries, categories, currency, amount })
}

/// A text of a file, as errors show it.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

fn broken(error: &csv::Error) -> RatesError {
    let line = error.position().map_or(0, csv::Position::line);
    RatesError { line, column: "", problem: format!("not a readable row: {error}") }
}
