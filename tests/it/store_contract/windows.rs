//! Windows of intents: each person once, in order, durably, and only while the broadcast runs.

use super::Factory;
use super::stage::{NOW, Run, SENDER, accepted, in_doubt, phone, retry, running, running_under, take, take_over};
use std::collections::HashSet;
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::{PauseReason, RecipientState};
use wacast::domain::time::SECOND;
use wacast::store::{Intent, StoreError, Verdict};

fn seqs(intents: &[Intent]) -> Vec<u32> {
    intents.iter().map(|intent| intent.seq).collect()
}

pub async fn intents_come_in_order_with_all_that_sending_needs(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 5).await;
    let first = run.open(2).await;
    let values = vec!["Person 0".to_owned(), "Diwali".to_owned()];
    assert_eq!(first[0], Intent { seq: 0, attempt: 1, tries: 0, phone: phone(0), values });
    assert_eq!(seqs(&first), [0, 1]);
    assert_eq!(run.letters().await, "ggqqq");
    assert!(run.open(0).await.is_empty());
    assert_eq!(seqs(&run.open(u32::MAX).await), [2, 3, 4]);
    assert!(run.open(10).await.is_empty(), "nobody is due");
    assert_eq!(run.letters().await, "ggggg");
    let row = run.row(4).await;
    assert_eq!((row.attempt, row.state), (1, RecipientState::Sending));
}

pub async fn an_intent_survives_reopening(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intent = run.open_one().await;
    let Run { lease, receipts, id, .. } = run;
    drop(store);
    let store = stores.reopen(run.store).await;
    let run = Run { store, lease, receipts, id };
    assert_eq!(run.letters().await, "gqq");
    assert_eq!(seqs(&run.open(5).await), [1, 2], "whoever has an intent gets no second one");
    run.settle(&intent, accepted(&intent)).await;
    assert_eq!(run.letters().await, "agg");
}

pub async fn due_retries_go_first(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 6).await;
    let intents = run.open(3).await;
    run.settle(&intents[1], retry(130_429, NOW.plus(5 * SECOND))).await;
    run.settle(&intents[2], retry(131_016, NOW.plus(9 * SECOND))).await;
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(NOW.plus(5 * SECOND)));
    assert_eq!(seqs(&run.open_at(1, NOW.plus(5 * SECOND - 1)).await), [3], "not before it is due");
    let next = run.open_at(2, NOW.plus(5 * SECOND)).await;
    assert_eq!(seqs(&next), [1, 4], "the retry before the never-tried");
    assert_eq!((next[0].attempt, next[0].tries), (2, 1));
    assert_eq!(store.next_due(&run.id).await.unwrap(), Some(NOW.plus(9 * SECOND)));
    assert_eq!(seqs(&run.open_at(9, NOW.plus(60 * SECOND)).await), [2, 5]);
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
}

pub async fn a_retry_is_not_granted_early_when_nobody_else_is_left(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let intent = run.open_one().await;
    let due = NOW.plus(30 * SECOND);
    run.settle(&intent, retry(131_016, due)).await;
    assert!(run.open_at(5, due.plus(-1)).await.is_empty());
    assert_eq!(run.row(0).await.due, Some(due));
    assert_eq!(seqs(&run.open_at(5, due).await), [0]);
}

pub async fn two_callers_at_once_never_get_the_same_person(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 400).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (store, lease, id) = (store.clone(), run.lease.clone(), run.id.clone());
        callers.spawn(async move {
            let mut got = vec![];
            loop {
                let intents = store.open_window(&lease, &id, 9, Kinds::ALL, NOW).await.unwrap();
                if intents.is_empty() {
                    return got;
                }
                got.extend(intents.into_iter().map(|intent| intent.seq));
            }
        });
    }
    let all = callers.join_all().await.concat();
    assert_eq!(all.len(), 400);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 400, "none twice");
    run.check().await;
}

pub async fn only_a_running_broadcast_opens_windows(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let preparing = super::stage::preparing(&*store, 5..6).await.id;
    let refused = store.open_window(&run.lease, &preparing, 1, Kinds::ALL, NOW).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "preparing: {refused:?}");
    store.pause(&run.id, PauseReason::Operator, "", None).await.unwrap();
    let refused = store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "paused: {refused:?}");
    store.cancel(&run.id, NOW).await.unwrap();
    let refused = store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "cancelled: {refused:?}");
    let unknown = store.open_window(&run.lease, &BroadcastId::from_random(4), 1, Kinds::ALL, NOW).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    run.check().await;
}

pub async fn windows_of_a_large_audience_cover_everybody_once(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2_300).await;
    let mut seen = vec![];
    for limit in [1, 999, 1, 500, 700, 99, 5_000] {
        let intents = store.open_window(&run.lease, &run.id, limit, Kinds::ALL, NOW).await.unwrap();
        let outcomes = intents
            .iter()
            .map(|intent| match intent.seq % 3 {
                0 => run.outcome(intent, accepted(intent)),
                1 => run.outcome(intent, in_doubt()),
                _ => run.outcome(intent, Verdict::Failed { code: 131_026, response: String::new(), retry_at: None }),
            })
            .collect();
        store.settle(&run.lease, outcomes).await.unwrap();
        seen.extend(seqs(&intents));
        run.check().await;
    }
    assert_eq!(seen, (0..2_300).collect::<Vec<_>>());
    let counts = store.counts(&run.id).await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 767);
    assert_eq!(counts.open(), 0);
}

pub async fn windows_are_counted_over_all_holders(stores: &dyn Factory) {
    let store = stores.fresh().await;
    assert_eq!(store.windows_opened(SENDER).await.unwrap(), 0);
    let run = running(&store, 6).await;
    let other = running_under(&store, &run.lease, 20..22).await;
    assert_eq!(store.windows_opened(SENDER).await.unwrap(), 0);
    run.open(2).await;
    other.open(5).await;
    assert!(other.open(5).await.is_empty() && run.open(0).await.is_empty());
    assert_eq!(store.windows_opened(SENDER).await.unwrap(), 2, "a window of nobody is none");
    store.requeue_unheld(&other.lease, &other.id, &[]).await.unwrap();
    store.release_lease(&run.lease).await.unwrap();
    assert!(store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await.is_err());
    assert_eq!(store.windows_opened(SENDER).await.unwrap(), 2);
    let lease = take(&*store, SENDER, "second").await;
    store.open_window(&lease, &run.id, 1, Kinds::ALL, NOW).await.unwrap();
    let heir = take_over(&*store, &lease, "third").await;
    store.recover(&heir, NOW).await.unwrap();
    store.open_window(&heir, &run.id, 1, Kinds::ALL, NOW).await.unwrap();
    let store = stores.reopen(store).await;
    assert_eq!(store.windows_opened(SENDER).await.unwrap(), 4);
    assert_eq!(store.windows_opened("100000000000002").await.unwrap(), 0);
}
