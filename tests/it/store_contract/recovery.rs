//! What an earlier holder left open becomes in doubt; what never reached the caller goes back to the queue.

use super::Factory;
use super::stage::{
    LONG_TTL_MS, NOW, Run, SENDER, accepted, definition, failed, granted, holder, in_doubt, make, new_broadcast,
    reached, recipient, retry, running, running_under, take, take_over, upload,
};
use std::sync::Arc;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::{PauseReason, RecipientState};
use wacast::domain::time::SECOND;
use wacast::store::{AudiencePlace, Lease, Store, Verdict};

async fn next_holder(run: &Run) -> Lease {
    take_over(&*run.store, &run.lease, "heir").await
}

pub async fn what_was_left_open_becomes_in_doubt(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let one = running(&store, 8).await;
    let two = running_under(&store, &one.lease, 10..13).await;
    let intents = one.open(7).await;
    one.settle(&intents[0], accepted(&intents[0])).await;
    one.settle(&intents[1], failed(131_026)).await;
    one.settle(&intents[2], retry(131_016, NOW.plus(SECOND))).await;
    one.settle(&intents[3], Verdict::Unsent { due: None }).await;
    one.settle(&intents[4], in_doubt()).await;
    one.fold(5, 1, reached(RecipientState::Sent)).await;
    two.open(2).await;
    assert_eq!((one.letters().await, two.letters().await), ("afqqisgq".to_owned(), "ggq".to_owned()));

    let heir = next_holder(&one).await;
    let mut found = store.recover(&heir, NOW).await.unwrap();
    let mut expected = vec![(one.id.clone(), 1), (two.id.clone(), 2)];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!((one.letters().await, two.letters().await), ("afqqisiq".to_owned(), "iiq".to_owned()));
    one.check().await;
    two.check().await;
    assert!(store.recover(&heir, NOW).await.unwrap().is_empty(), "a second one finds nothing");
    let next = store.open_window(&heir, &one.id, 9, Kinds::ALL, NOW).await.unwrap();
    assert_eq!(next.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [3, 7], "nobody in doubt among them");
}

pub async fn a_lease_that_ended_is_recovered_from_too(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = granted(store.take_lease(SENDER, &holder("one"), stores.ttl_ms(), None).await.unwrap());
    let run = running_under(&store, &lease, 0..3).await;
    run.open(2).await;
    stores.let_leases_end().await;
    let heir = take(&*store, SENDER, "two").await;
    assert_eq!(store.recover(&heir, NOW).await.unwrap(), [(run.id.clone(), 2)]);
    assert_eq!(run.letters().await, "iiq");
}

pub async fn a_crash_between_intent_and_answer_is_recovered(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let Run { store: held, lease, receipts, id } = running(&store, 3).await;
    held.open_window(&lease, &id, 2, Kinds::ALL, NOW).await.unwrap();
    drop(store);
    let store = stores.reopen(held).await;
    let run = Run { store: Arc::clone(&store), lease, receipts, id };
    let heir = next_holder(&run).await;
    assert_eq!(store.recover(&heir, NOW).await.unwrap(), [(run.id.clone(), 2)]);
    assert_eq!(run.letters().await, "iiq");
}

pub async fn paused_and_cancelled_ones_are_recovered_as_well(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let paused = running(&store, 3).await;
    let cancelled = running_under(&store, &paused.lease, 10..13).await;
    paused.open(1).await;
    cancelled.open(1).await;
    store.pause(&paused.id, PauseReason::Api, "", None).await.unwrap();
    store.cancel(&cancelled.id, NOW).await.unwrap();
    let heir = next_holder(&paused).await;
    assert_eq!(store.recover(&heir, NOW).await.unwrap().len(), 2);
    assert_eq!((paused.letters().await, cancelled.letters().await), ("iqq".to_owned(), "icc".to_owned()));
    paused.check().await;
    cancelled.check().await;
}

async fn of_another_sender(store: &Arc<dyn Store>, lease: &Lease) -> wacast::domain::ids::BroadcastId {
    let mut definition = definition(Some("theirs"));
    definition.sender.clone_from(&lease.subject);
    definition.audience.uploads = vec![upload(&**store, "theirs", [40]).await];
    let id = make(&**store, new_broadcast(definition, 1)).await.id;
    store.add_recipients(lease, &id, 0, vec![recipient(40)], AudiencePlace { upload: 1, row: 1 }).await.unwrap();
    store.begin_running(lease, &id, 1, NOW).await.unwrap();
    id
}

pub async fn another_sender_is_left_alone(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    run.open(1).await;
    let theirs = take(&*store, "100000000000002", "other").await;
    let id = of_another_sender(&store, &theirs).await;
    assert_eq!(store.open_window(&theirs, &id, 1, Kinds::ALL, NOW).await.unwrap().len(), 1);
    let heir = next_holder(&run).await;
    assert_eq!(store.recover(&heir, NOW).await.unwrap(), [(run.id.clone(), 1)]);
    assert_eq!(store.counts(&id).await.unwrap().get(RecipientState::Sending), 1);
    assert_eq!(store.requeue_unheld(&theirs, &id, &[]).await.unwrap(), 1, "their intent stands under their lease");
}

pub async fn what_never_reached_the_caller_goes_back(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 8).await;
    let other = running_under(&store, &run.lease, 20..22).await;
    other.open(1).await;
    let intents = run.open(6).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], in_doubt()).await;
    run.settle(&intents[2], retry(131_016, NOW.plus(SECOND))).await;
    let held = [(3, 1), (4, 2)];
    assert_eq!(store.requeue_unheld(&run.lease, &run.id, &held).await.unwrap(), 2, "4 is held as another attempt");
    run.check().await;
    assert_eq!(run.letters().await, "aiqgqqqq");
    assert_eq!(store.requeue_unheld(&run.lease, &run.id, &held).await.unwrap(), 0, "none twice");
    assert_eq!(other.letters().await, "gq", "another broadcast's stay");
    let next = run.open(9).await;
    assert_eq!(next.iter().map(|intent| intent.seq).collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert!(next.iter().all(|intent| intent.tries == 0), "no try was used up");
    for intent in &next {
        run.settle(intent, accepted(intent)).await;
    }
    assert_eq!(run.letters().await, "aiqgaaaa");
}

pub async fn an_unheld_retry_goes_back_as_a_retry(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intent = run.open_one().await;
    run.settle(&intent, retry(131_016, NOW)).await;
    let lost = run.open_one().await;
    assert_eq!((lost.seq, lost.attempt, lost.tries), (0, 2, 1));
    assert_eq!(store.requeue_unheld(&run.lease, &run.id, &[]).await.unwrap(), 1);
    let again = run.open(5).await;
    let seen: Vec<_> = again.iter().map(|intent| (intent.seq, intent.tries)).collect();
    assert_eq!(seen, [(0, 1), (1, 0)], "tries are kept");
    assert!(again[0].attempt >= 2, "an answered attempt's number is never used again");
}

pub async fn an_earlier_holders_intents_are_not_requeued(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    run.open(1).await;
    let heir = take_over(&*store, &run.lease, "heir").await;
    assert_eq!(store.requeue_unheld(&heir, &run.id, &[]).await.unwrap(), 0, "they may have been sent");
    assert_eq!(run.letters().await, "gq");
    let view = store.lease(SENDER).await.unwrap().unwrap();
    assert!(view.fence == heir.fence && view.ends_in_ms <= LONG_TTL_MS);
}

pub async fn unheld_ones_of_a_cancelled_broadcast_are_cancelled(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    run.open(2).await;
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(run.letters().await, "ggc");
    store.requeue_unheld(&run.lease, &run.id, &[(0, 1)]).await.unwrap();
    run.check().await;
    assert_eq!(run.letters().await, "gcc", "nobody of a cancelled broadcast waits");
}
