//! What broadcasts cost: before a start by the audience, after it by who got it.
//!
//! Both are estimates by the rates that are known here. Meta bills what it delivered, and by its own rates.

use super::broadcasts::LONGEST_PAGE;
use super::{Result, Service};
use crate::domain::cost::{Estimate, Rates, Tally};
use crate::domain::ids::BroadcastId;
use crate::domain::state::RecipientState;
use crate::domain::time::Millis;
use std::sync::Arc;

/// The currency that is estimated in when nobody says another one.
const CURRENCY: &str = "USD";

/// The rates in use.
pub(super) struct InUse {
    rates: Arc<Rates>,
    currency: String,
}

impl Service {
    /// Takes what messages cost from this table. The first call counts, before anything was estimated.
    pub fn use_rates(&self, rates: Arc<Rates>, currency: &str) {
        let _ = self.inner.rates.set(InUse { rates, currency: currency.to_owned() });
    }

    /// What those who got a broadcast so far (delivered or read, as far as receipts tell) cost, by the rates that counted when
    /// it started. Walks its recipients. `unknown_broadcast` (404).
    pub async fn cost_so_far(&self, id: &BroadcastId) -> Result<Estimate> {
        let broadcast = self.stored(id).await?;
        let mut people = Tally::default();
        for state in [RecipientState::Delivered, RecipientState::Read] {
            let mut after = None;
            loop {
                let page = self.inner.store.recipients(id, Some(state), after, LONGEST_PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.seq);
                for row in page {
                    people.add(row.phone);
                }
            }
        }
        Ok(self.estimate(&people, &broadcast.definition.template.category, broadcast.started_at))
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
