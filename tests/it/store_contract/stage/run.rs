//! A running broadcast: opens windows, settles, folds, and checks after each step that the counts add up.

use super::{NOW, SENDER, preparing, recipient, take};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use wacast::domain::broadcast::Counts;
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::pricing::{self, Mark, Pricing};
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::Millis;
use wacast::store::{
    Evidence, FoldReport, Intent, Lease, Outcome, RECEIPTS, ReceiptMove, RecipientRow, Store, Verdict,
};

/// A broadcast with the lease that drives it.
pub struct Run {
    pub store: Arc<dyn Store>,
    pub lease: Lease,
    pub receipts: Lease,
    pub id: BroadcastId,
}

/// A running broadcast to `people` persons, with the sender's lease and that of the receipts.
pub async fn running(store: &Arc<dyn Store>, people: u32) -> Run {
    let lease = take(&**store, SENDER, "driver").await;
    running_under(store, &lease, 0..people).await
}

/// A running broadcast to these people under a lease.
pub async fn running_under(store: &Arc<dyn Store>, lease: &Lease, people: Range<u32>) -> Run {
    let (store, lease) = (Arc::clone(store), lease.clone());
    let total = people.end - people.start;
    let id = preparing(&*store, people.clone()).await.id;
    let broadcast = store.broadcast(&id).await.unwrap();
    let uploads = &broadcast.definition.audience.uploads;
    let mut stored = 0;
    let mut place = None;
    loop {
        let page = store.audience_page(uploads, place, 700).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        place = Some(*last);
        let recipients: Vec<_> = page
            .iter()
            .map(|(_, number)| recipient(u32::try_from(number.phone.digits() - 919_999_900_000).unwrap()))
            .collect();
        let added = u32::try_from(recipients.len()).unwrap();
        store.add_recipients(&lease, &id, stored, recipients, *last).await.unwrap();
        stored += added;
    }
    store.begin_running(&lease, &id, total, NOW).await.unwrap();
    let receipts = take(&*store, RECEIPTS, "driver").await;
    Run { store, lease, receipts, id }
}

impl Run {
    /// Opens a window at [`NOW`].
    pub async fn open(&self, limit: u32) -> Vec<Intent> {
        self.open_at(limit, NOW).await
    }

    /// Opens a window.
    pub async fn open_at(&self, limit: u32, now: Millis) -> Vec<Intent> {
        let intents = self.store.open_window(&self.lease, &self.id, limit, Kinds::ALL, now).await.unwrap();
        self.check().await;
        intents
    }

    /// Opens a window of one and takes it out.
    pub async fn open_one(&self) -> Intent {
        let mut intents = self.open(1).await;
        assert_eq!(intents.len(), 1, "somebody is due");
        intents.remove(0)
    }

    /// What came of an intent.
    pub fn outcome(&self, intent: &Intent, verdict: Verdict) -> Outcome {
        let broadcast = self.id.clone();
        Outcome { broadcast, seq: intent.seq, attempt: intent.attempt, phone: intent.phone, at: NOW, verdict }
    }

    /// Settles one outcome under the lease.
    pub async fn settle(&self, intent: &Intent, verdict: Verdict) {
        self.settle_under(&self.lease, intent, verdict).await;
    }

    /// Settles one outcome under another lease.
    pub async fn settle_under(&self, lease: &Lease, intent: &Intent, verdict: Verdict) {
        self.store.settle(lease, vec![self.outcome(intent, verdict)]).await.unwrap();
        self.check().await;
    }

    /// What a receipt says of an attempt; Meta's clock is 3 s behind.
    pub fn receipt(&self, seq: u32, attempt: u32, evidence: Evidence) -> ReceiptMove {
        let wamid = format!("wamid.{seq}.{attempt}");
        let mark = match &evidence {
            Evidence::Reached(state) => Mark::reached(*state, None),
            Evidence::Failed { .. } => Mark::default(),
        };
        ReceiptMove { broadcast: self.id.clone(), seq, attempt, wamid, at: NOW.plus(-3_000), evidence, mark }
    }

    /// What a receipt says that carries a price.
    pub fn priced(&self, seq: u32, attempt: u32, state: RecipientState, pricing: Option<Pricing>) -> ReceiptMove {
        let mark = Mark::reached(state, pricing);
        ReceiptMove { mark, ..self.receipt(seq, attempt, reached(state)) }
    }

    /// Folds one receipt.
    pub async fn fold(&self, seq: u32, attempt: u32, evidence: Evidence) -> FoldReport {
        self.fold_all(vec![self.receipt(seq, attempt, evidence)]).await
    }

    /// Folds receipts.
    pub async fn fold_all(&self, moves: Vec<ReceiptMove>) -> FoldReport {
        let told = moves.len() as u64;
        let report = self.store.fold_receipts(&self.receipts, moves, 0).await.unwrap();
        assert!(report.moved + report.without_effect + report.unknown <= told, "{report:?}");
        self.check().await;
        report
    }

    /// All recipients' states in order of seq, a letter each.
    pub async fn letters(&self) -> String {
        self.rows().await.iter().map(|row| row.state.letter()).collect()
    }

    /// All recipients.
    pub async fn rows(&self) -> Vec<RecipientRow> {
        self.store.recipients(&self.id, None, None, 5_000).await.unwrap()
    }

    /// One recipient.
    pub async fn row(&self, seq: u32) -> RecipientRow {
        self.rows().await.swap_remove(seq as usize)
    }

    /// The log of this broadcast as (seq, attempt, status, code).
    pub async fn log(&self) -> Vec<(u32, u32, String, i64)> {
        let rows = self.store.log(Some(&self.id), 0, 5_000).await.unwrap();
        rows.into_iter().map(|row| (row.seq, row.attempt, row.status, row.code)).collect()
    }

    /// Where the broadcast stands.
    pub async fn status(&self) -> BroadcastStatus {
        self.store.broadcast(&self.id).await.unwrap().status
    }

    /// The counts, and those of prices, are those of the recipients one by one, and add up to the audience.
    pub async fn check(&self) {
        let mut counted = Counts::default();
        let mut prices: BTreeMap<Pricing, u64> = BTreeMap::new();
        for row in self.rows().await {
            counted.add(row.state, 1);
            for pricing in row.prices {
                *prices.entry(pricing).or_default() += 1;
            }
        }
        assert_eq!(self.store.prices(&self.id).await.unwrap(), pricing::listed(prices));
        let counts = self.store.counts(&self.id).await.unwrap();
        assert_eq!(counts, counted);
        assert_eq!(counts.total(), u64::from(self.store.broadcast(&self.id).await.unwrap().total));
    }
}

/// Meta took it.
pub fn accepted(intent: &Intent) -> Verdict {
    Verdict::Accepted { wamid: format!("wamid.{}.{}", intent.seq, intent.attempt), response: "{\"ok\":1}".to_owned() }
}

/// Refused for good.
pub fn failed(code: i64) -> Verdict {
    Verdict::Failed { code, response: format!("{{\"code\":{code}}}"), retry_at: None }
}

/// Refused, to be tried again.
pub fn retry(code: i64, due: Millis) -> Verdict {
    Verdict::Retry { code, response: format!("{{\"code\":{code}}}"), due, counts: true }
}

/// It may have been accepted.
pub fn in_doubt() -> Verdict {
    Verdict::InDoubt { detail: "the connection was reset".to_owned() }
}

/// A receipt that it got so far.
pub fn reached(state: RecipientState) -> Evidence {
    Evidence::Reached(state)
}

/// A receipt that it could not be delivered.
pub fn undelivered(code: i64, retry: Option<Millis>) -> Evidence {
    let response = format!("{{\"code\":{code}}}");
    Evidence::Failed { code, response, retry, counts: true, max_tries: 0, retry_at: None }
}
