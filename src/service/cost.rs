//! What broadcasts cost: before a start by the audience, after it by who got it.
//!
//! Both are estimates by the rates that are known here. Meta bills what it delivered, and by its own rates. What it said
//! of the price of each message, its receipts tell: that is reckoned by the same rates, beside the estimate.

use super::broadcasts::LONGEST_PAGE;
use super::{Result, Service};
use crate::domain::cost::{Estimate, Money, Rates, Tally};
use crate::domain::ids::BroadcastId;
use crate::domain::pricing::{self, Category, Priced, Pricing};
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use crate::store::RecipientRow;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The currency that is estimated in when nobody says another one.
const CURRENCY: &str = "USD";

/// The rates in use.
pub(super) struct InUse {
    rates: Arc<Rates>,
    currency: String,
}

/// What a broadcast costs so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostSoFar {
    /// By who got it: as if each of them were billed once, in the template's category.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// By what Meta said of each message; `None`: it said nothing yet.
    pub billed: Option<Billed>,
}

/// What Meta said that delivered messages cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// How many messages were priced how, most first.
    pub prices: Vec<Priced>,
    /// Of those, the messages that are billed.
    pub messages: u64,
    /// What they cost by the rates known here, in the estimate's currency. Messages without a rate are not in it.
    pub total: Money,
    /// Billed messages in countries or of categories without a rate.
    pub without_rate: u64,
    /// The day of the newest rate that was used; `None`: none was.
    pub rates_from: Option<Date>,
}

/// What was said so far, person by person.
#[derive(Default)]
struct Bill {
    counts: BTreeMap<Pricing, u64>,
    billed: BTreeMap<Category, Tally>,
}

impl Bill {
    fn add(&mut self, row: &RecipientRow) {
        for pricing in &row.prices {
            *self.counts.entry(*pricing).or_default() += 1;
            if pricing.billable {
                self.billed.entry(pricing.category).or_default().add(row.phone);
            }
        }
    }
}

impl Service {
    /// Takes what messages cost from this table. The first call counts, before anything was estimated.
    pub fn use_rates(&self, rates: Arc<Rates>, currency: &str) {
        let _ = self.inner.rates.set(InUse { rates, currency: currency.to_owned() });
    }

    /// What those who got a broadcast so far (delivered or read, as far as receipts tell) cost, by the rates that counted when
    /// it started, and what Meta said that it bills. Walks its recipients. `unknown_broadcast` (404).
    pub async fn cost_so_far(&self, id: &BroadcastId) -> Result<CostSoFar> {
        let broadcast = self.stored(id).await?;
        let (mut people, mut bill) = (Tally::default(), Bill::default());
        // Whoever was left out of a second attempt may have got the first one all the same, and stays left out.
        for state in [RecipientState::Delivered, RecipientState::Read, RecipientState::Skipped] {
            let mut after = None;
            loop {
                let page = self.inner.store.recipients(id, Some(state), after, LONGEST_PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.seq);
                for row in page {
                    bill.add(&row);
                    if state != RecipientState::Skipped {
                        people.add(row.phone);
                    }
                }
            }
        }
        let estimate = self.estimate(&people, &broadcast.definition.template.category, broadcast.started_at);
        Ok(CostSoFar { estimate, billed: self.billed(bill, broadcast.started_at) })
    }

    /// What Meta bills, by the rates known here.
    fn billed(&self, bill: Bill, at: Option<Millis>) -> Option<Billed> {
        let prices = pricing::listed(bill.counts);
        if prices.is_empty() {
            return None;
        }
        let (messages, _) = pricing::billed(&prices);
        let mut billed = Billed { prices, messages, total: Money::default(), without_rate: 0, rates_from: None };
        for (category, people) in bill.billed {
            let one = self.estimate(&people, category.rate(), at);
            billed.total = billed.total.plus(one.total);
            billed.without_rate += one.without_rate;
            billed.rates_from = billed.rates_from.max(one.rates_from);
        }
        Some(billed)
    }

    /// What messages of a category to these people cost at a time; `None`: now.
    pub(super) fn estimate(&self, people: &Tally, category: &str, at: Option<Millis>) -> Estimate {
        let built_in = || InUse { rates: Arc::new(Rates::built_in()), currency: CURRENCY.to_owned() };
        let InUse { rates, currency } = self.inner.rates.get_or_init(built_in);
        // Meta's days are those of the account's zone; a day more or less does not matter to an estimate.
        let day = at.unwrap_or_else(|| self.now()).timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
        rates.estimate(people, category, currency, day)
    }
}
