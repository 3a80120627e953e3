//! What a broadcast costs, in lines.

use crate::cli::terminal::{grouped, people};
use crate::domain::cost::Estimate;
use crate::domain::pricing;
use crate::service::cost::CostSoFar;
use std::fmt::Write;

/// How many markets are shown one by one.
const MARKETS: usize = 5;

/// What a broadcast costs so far: the estimate, and what WhatsApp said that it bills.
pub fn so_far(so_far: &CostSoFar) -> String {
    let mut text = cost(&so_far.estimate, "so far");
    let Some(billed) = &so_far.billed else { return text };
    let currency = &so_far.estimate.currency;
    if let Some(words) = pricing::words(&billed.prices, " delivered messages", grouped) {
        let _ = writeln!(text, "{:>9}  WhatsApp billed {words}", "billed");
    }
    if billed.messages == 0 {
        return text;
    }
    match billed.rates_from {
        Some(day) => {
            let _ = writeln!(text, "{:>9}  {currency} {} for these by the rates of {day}", "", billed.total);
        }
        None => {
            let _ = writeln!(text, "{:>9}  what that comes to is not known: no rate in {currency}", "");
        }
    }
    if billed.without_rate > 0 && billed.rates_from.is_some() {
        let _ = writeln!(text, "{:>9}  {} of them without a rate: not counted", "", grouped(billed.without_rate));
    }
    text
}

/// An estimate with what it rests on. `name`: what the first line is called, nine letters at most.
pub fn cost(estimate: &Estimate, name: &str) -> String {
    let Estimate { currency, category, total, by_market, without_rate, rates_from } = estimate;
    let mut text = String::new();
    match rates_from {
        Some(day) => {
            let _ = writeln!(
                text,
                "{name:>9}  about {currency} {total}: an estimate by the rates of {day}, billed by WhatsApp on delivery"
            );
        }
        None => {
            let _ = writeln!(text, "{name:>9}  not known: no rate for {category} in {currency}");
        }
    }
    if by_market.len() > 1 {
        for one in by_market.iter().take(MARKETS) {
            let (market, count) = (&one.market, grouped(one.people));
            let _ = writeln!(text, "{:>9}  {market}: {count} x {} = {currency} {}", "", one.each, one.total);
        }
        let more = by_market.len().saturating_sub(MARKETS);
        if more > 0 {
            let _ = writeln!(text, "{:>9}  and {more} more", "");
        }
    }
    if *without_rate > 0 && rates_from.is_some() {
        let _ = writeln!(text, "{:>9}  {} in countries without a rate: not counted", "", people(*without_rate));
    }
    text
}
