//! What messages cost: Meta's rates by market and category, and an estimate for an audience. Pure.
//!
//! Money is whole millionths of a currency's unit, never a float. An estimate says what it rests on: the day of the rates,
//! and how many people are in countries without one. Meta bills on delivery, so it is no bill.

mod table;

pub use table::RatesError;

use super::phone::Phone;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The built-in table.
const BUILT_IN: &str = include_str!("../../assets/rates.csv");
/// Millionths in a whole.
const WHOLE: u64 = 1_000_000;

/// An amount of money in millionths of its currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub u64);

impl Money {
    /// So many times as much; stops at the end of the range.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Together; stops at the end of the range.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads a decimal number without sign and exponent, six decimals at most.
    fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 {
            return None;
        }
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        whole.parse::<u64>().ok()?.checked_mul(WHOLE)?.checked_add(part).map(Self)
    }
}

/// With two decimals, or as many as it takes to be exact: `0.0118`, `12.30`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % WHOLE);
        let shown = part.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / WHOLE, &part[..shown])
    }
}

impl Serialize for Money {
    /// As text: a decimal number that no reader rounds.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One row: what a delivered message costs in a market.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rate {
    valid_from: Date,
    market: String,
    /// Capital ISO codes; empty: every other country.
    countries: Vec<String>,
    /// In small letters.
    categories: Vec<String>,
    currency: String,
    amount: Money,
}

/// A table of rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    rates: Vec<Rate>,
}

impl Rates {
    /// The compiled-in table.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    pub fn built_in() -> Self {
        Self::from_csv(BUILT_IN).expect("the compiled-in rates are read by a test")
    }

    /// Reads a table; `assets/rates.csv` explains its columns. An error names line and column.
    pub fn from_csv(text: &str) -> Result<Self, RatesError> {
        table::read(text).map(|rates| Self { rates })
    }

    /// Whether there is any rate in this currency.
    pub fn knows_currency(&self, currency: &str) -> bool {
        self.rates.iter().any(|rate| rate.currency == currency)
    }

    /// What messages of `category` (`MARKETING` …) to these people would cost, by the rates that count on `day`.
    pub fn estimate(&self, people: &Tally, category: &str, currency: &str, day: Date) -> Estimate {
        let category = category.to_lowercase();
        let mut by_market: BTreeMap<&str, MarketCost> = BTreeMap::new();
        let (mut total, mut without_rate, mut rates_from) = (Money::default(), 0, None);
        for (country, count) in people.by_country() {
            let rate = country.as_deref().and_then(|country| self.rate(country, &category, currency, day));
            let Some(rate) = rate else {
                without_rate += count;
                continue;
            };
            let cost = rate.amount.times(count);
            total = total.plus(cost);
            rates_from = rates_from.max(Some(rate.valid_from));
            let market = by_market.entry(&rate.market).or_insert_with(|| MarketCost {
                market: rate.market.clone(),
                people: 0,
                each: rate.amount,
                total: Money::default(),
            });
            market.people += count;
            market.total = market.total.plus(cost);
        }
        let mut by_market: Vec<MarketCost> = by_market.into_values().collect();
        by_market.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.market.cmp(&b.market)));
        Estimate { currency: currency.to_owned(), category, total, by_market, without_rate, rates_from }
    }

    /// The newest rate that counts on `day`; one that names the country goes before one for all others.
    fn rate(&self, country: &str, category: &str, currency: &str, day: Date) -> Option<&Rate> {
        let counts = |rate: &&Rate| {
            rate.valid_from <= day
                && rate.currency == currency
                && rate.categories.iter().any(|one| one == category)
                && (rate.countries.is_empty() || rate.countries.iter().any(|one| one == country))
        };
        self.rates.iter().filter(counts).max_by_key(|rate| (rate.valid_from, !rate.countries.is_empty()))
    }
}

/// How many people are in each country. Adding one is a matter of nanoseconds but under +1, which many countries share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// By country; `None`: none is known of their numbers.
    under_1: BTreeMap<Option<String>, u64>,
    /// By the first three digits, which tell the calling code: one of them, and how many.
    others: BTreeMap<u64, (Phone, u64)>,
}

impl Tally {
    /// One more person.
    pub fn add(&mut self, phone: Phone) {
        let mut front = phone.digits();
        while front >= 1_000 {
            front /= 10;
        }
        if (100..200).contains(&front) {
            *self.under_1.entry(phone.country()).or_default() += 1;
        } else {
            self.others.entry(front).or_insert((phone, 0)).1 += 1;
        }
    }

    fn by_country(&self) -> BTreeMap<Option<String>, u64> {
        let mut countries = self.under_1.clone();
        for (phone, count) in self.others.values() {
            *countries.entry(phone.country()).or_default() += count;
        }
        countries
    }
}

/// What a broadcast costs as far as it can be said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Estimate {
    /// ISO 4217.
    pub currency: String,
    /// `marketing`, `utility`, `authentication`.
    pub category: String,
    /// All markets together; people without a rate are not in it.
    pub total: Money,
    /// By market, most expensive first.
    pub by_market: Vec<MarketCost>,
    /// People in countries without a rate.
    pub without_rate: u64,
    /// The day of the newest rate that was used; `None`: none was.
    pub rates_from: Option<Date>,
}

/// What the people of one market cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarketCost {
    /// Meta's name for it.
    pub market: String,
    /// People in it.
    pub people: u64,
    /// For one delivered message.
    pub each: Money,
    /// For all of them.
    pub total: Money,
}

#[cfg(test)]
mod tests;
