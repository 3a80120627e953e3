//! What Meta said that messages cost: counted once a message, by the last word of its latest receipt.

use super::Factory;
use super::stage::{NOW, Run, accepted, in_doubt, reached, running, undelivered};
use wacast::domain::pricing::{self, Priced, Pricing};
use wacast::domain::state::RecipientState::{self, Delivered, Read, Sent};
use wacast::domain::time::{HOUR, Millis};
use wacast::store::{DoubtDecision, ReceiptMove};

const LATER: Millis = Millis(NOW.0 + HOUR);

fn billed() -> Option<Pricing> {
    Pricing::of("marketing", "regular", Some(true))
}

fn free() -> Option<Pricing> {
    Pricing::of("utility", "free_customer_service", Some(false))
}

/// A run of which everybody's message was taken.
async fn taken(stores: &dyn Factory, people: u32) -> Run {
    let run = running(&stores.fresh().await, people).await;
    let outcomes = run.open(people).await.iter().map(|intent| run.outcome(intent, accepted(intent))).collect();
    run.store.settle(&run.lease, outcomes).await.unwrap();
    run
}

async fn prices(run: &Run) -> Vec<(Option<Pricing>, u64)> {
    run.store.prices(&run.id).await.unwrap().iter().map(|one| (Some(one.pricing), one.messages)).collect()
}

pub async fn each_delivered_message_is_priced_once(stores: &dyn Factory) {
    let run = taken(stores, 6).await;
    assert_eq!(prices(&run).await, []);
    let sent = |seq, pricing| run.priced(seq, 1, Sent, pricing);
    run.fold_all(vec![sent(0, billed()), sent(1, billed()), sent(2, free()), sent(3, None)]).await;
    assert_eq!(prices(&run).await, [], "nothing is billed before it is delivered");
    let delivered = |seq, pricing| run.priced(seq, 1, Delivered, pricing);
    let once = || vec![delivered(0, billed()), delivered(1, None), delivered(2, free()), delivered(3, None)];
    run.fold_all(once()).await;
    assert_eq!(prices(&run).await, [(billed(), 2), (free(), 1)], "what only `sent` told counts");
    run.fold_all([once(), once()].concat()).await;
    run.fold_all((0..4).map(|seq| run.priced(seq, 1, Read, None)).collect()).await;
    // Of nobody, and of no broadcast of ours.
    run.fold_all(vec![delivered(6, billed()), delivered(99_999, billed())]).await;
    assert_eq!(prices(&run).await, [(billed(), 2), (free(), 1)]);
    let of_each: Vec<_> = run.rows().await.into_iter().map(|row| row.prices.first().copied()).collect();
    assert_eq!(of_each, [billed(), billed(), free(), None, None, None]);
    let elsewhere = "zzzzzzzz".parse().unwrap();
    assert!(run.store.prices(&elsewhere).await.is_err(), "no such broadcast");
}

pub async fn the_last_word_of_the_latest_receipt_counts(stores: &dyn Factory) {
    let run = taken(stores, 3).await;
    let fold = async |state, pricing| {
        run.fold_all(vec![run.priced(0, 1, state, pricing)]).await;
        prices(&run).await
    };
    assert_eq!(fold(Sent, free()).await, []);
    assert_eq!(fold(Delivered, billed()).await, [(billed(), 1)]);
    assert_eq!(fold(Sent, free()).await, [(billed(), 1)], "an earlier receipt that comes late");
    assert_eq!(fold(Delivered, None).await, [(billed(), 1)], "silence takes nothing back");
    assert_eq!(fold(Delivered, free()).await, [(free(), 1)], "the same receipt with other words");
    assert_eq!(fold(Read, billed()).await, [(billed(), 1)], "the count moves");
    assert_eq!(fold(Delivered, free()).await, [(billed(), 1)]);
    // The highest one first; and within one call.
    run.fold_all(vec![
        run.priced(1, 1, Read, None),
        run.priced(1, 1, Delivered, free()),
        run.priced(1, 1, Sent, billed()),
    ])
    .await;
    assert_eq!(prices(&run).await, [(billed(), 1), (free(), 1)]);
}

pub async fn what_failed_is_not_priced_until_proof_comes(stores: &dyn Factory) {
    let run = taken(stores, 3).await;
    let failed = |seq| run.receipt(seq, 1, undelivered(131_026, None));
    run.fold_all(vec![run.priced(0, 1, Sent, billed()), failed(0), failed(1), run.priced(1, 1, Sent, billed())]).await;
    assert_eq!(prices(&run).await, []);
    run.fold_all(vec![run.receipt(0, 1, reached(Delivered)), run.priced(1, 1, Read, free())]).await;
    assert_eq!(prices(&run).await, [(billed(), 1), (free(), 1)], "it arrived all the same");
    run.fold_all(vec![failed(0), failed(1)]).await;
    assert_eq!(prices(&run).await, [(billed(), 1), (free(), 1)], "a failure takes nothing from what was delivered");
}

pub async fn every_attempt_is_a_message_of_its_own(stores: &dyn Factory) {
    let run = running(&stores.fresh().await, 2).await;
    for intent in run.open(2).await {
        run.settle(&intent, in_doubt()).await;
    }
    let decision = DoubtDecision::SendAgain;
    assert_eq!(run.store.decide_doubts(&run.id, None, decision, "word", NOW).await.unwrap(), 2);
    for intent in run.open_at(2, LATER).await {
        assert_eq!(intent.attempt, 2);
        run.settle(&intent, accepted(&intent)).await;
    }
    run.fold_all(vec![run.priced(0, 2, Delivered, billed()), run.priced(0, 1, Read, free())]).await;
    run.fold_all(vec![run.priced(1, 1, Delivered, billed()), run.priced(1, 2, Sent, free())]).await;
    run.fold_all(vec![run.priced(0, 1, Delivered, billed())]).await;
    assert_eq!(prices(&run).await, [(billed(), 2), (free(), 1)]);
    let rows = run.rows().await;
    assert_eq!(rows[0].prices, [free(), billed()].map(Option::unwrap), "both, by attempt");
    assert_eq!(rows[1].prices, [billed()].map(Option::unwrap));
}

/// What happens to each of many, and what it counts as.
fn told(run: &Run, seq: u32) -> (Vec<ReceiptMove>, Option<Pricing>) {
    let said = |state: RecipientState, pricing| run.priced(seq, 1, state, pricing);
    match seq % 6 {
        0 => (vec![said(Sent, billed()), said(Delivered, billed()), said(Delivered, billed())], billed()),
        1 => (vec![said(Sent, free()), said(Delivered, None), said(Read, None)], free()),
        2 => (vec![said(Sent, billed()), said(Read, free())], free()),
        3 => (vec![said(Sent, billed()), run.receipt(seq, 1, undelivered(131_026, None))], None),
        4 => (vec![said(Sent, billed())], None),
        _ => (vec![said(Sent, None), said(Delivered, None)], None),
    }
}

pub async fn prices_of_many_come_to_the_same_in_any_order(stores: &dyn Factory) {
    const PEOPLE: u32 = 2_400;
    let run = taken(stores, PEOPLE).await;
    let mut moves: Vec<ReceiptMove> = (0..PEOPLE).flat_map(|seq| told(&run, seq).0).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut moves);
    for batch in moves.chunks(900) {
        run.fold_all(batch.to_vec()).await;
    }
    let sixth = u64::from(PEOPLE) / 6;
    assert_eq!(prices(&run).await, [(free(), 2 * sixth), (billed(), sixth)]);
    for row in run.rows().await {
        assert_eq!(row.prices.first().copied(), told(&run, row.seq).1, "{}", row.seq);
    }
}

pub async fn prices_survive_reopening(stores: &dyn Factory) {
    let run = taken(stores, 3).await;
    run.fold_all(vec![run.priced(0, 1, Sent, billed()), run.priced(1, 1, Delivered, free())]).await;
    let Run { store, lease, receipts, id } = run;
    let run = Run { store: stores.reopen(store).await, lease, receipts, id };
    run.fold_all(vec![run.priced(0, 1, Delivered, None), run.priced(1, 1, Delivered, free())]).await;
    let counts = pricing::listed([(billed().unwrap(), 1), (free().unwrap(), 1)]);
    assert_eq!(run.store.prices(&run.id).await.unwrap(), counts);
    assert_eq!(pricing::billed(&counts), (1, 2));
    assert_eq!(counts.iter().map(|one: &Priced| one.messages).sum::<u64>(), 2);
}
