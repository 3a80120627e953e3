//! Decisions are refused when the lease is no longer the newest; facts are taken from anyone.

use super::Factory;
use super::stage::{
    NOW, Run, SENDER, accepted, failed, in_doubt, preparing, reached, recipient, retry, running, take, take_over,
};
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::store::{AudiencePlace, Lease, RECEIPTS, RawReceipt, Result, StoreError, Verdict};

fn assert_lost<T: std::fmt::Debug>(what: &str, answer: &Result<T>) {
    assert!(matches!(answer, Err(StoreError::LeaseLost)), "{what}: {answer:?}");
}

async fn overtaken(stores: &dyn Factory, people: u32) -> (Run, Lease) {
    let store = stores.fresh().await;
    let run = running(&store, people).await;
    let new = take_over(&*store, &run.lease, "heir").await;
    (run, new)
}

pub async fn a_stale_lease_freezes_nobody(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let old = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..2).await.id;
    let place = AudiencePlace { upload: 1, row: 1 };
    store.add_recipients(&old, &id, 0, vec![recipient(0)], place).await.unwrap();
    let new = take_over(&*store, &old, "heir").await;
    assert_lost("add", &store.add_recipients(&old, &id, 1, vec![recipient(1)], place).await);
    assert_lost("begin", &store.begin_running(&old, &id, 1, NOW).await);
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (1, Some(place)));
    assert_eq!(store.broadcast(&id).await.unwrap().status, BroadcastStatus::Preparing);
    store.add_recipients(&new, &id, 1, vec![recipient(1)], place).await.unwrap();
    store.begin_running(&new, &id, 2, NOW).await.unwrap();
}

pub async fn a_stale_lease_opens_and_closes_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    let open = run.open_one().await;
    let new = take_over(&*store, &run.lease, "heir").await;
    assert_lost("open", &store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await);
    assert_lost("requeue", &store.requeue_unheld(&run.lease, &run.id, &[]).await);
    assert_lost("recover", &store.recover(&run.lease, NOW).await);
    assert_lost("complete", &store.complete(&run.lease, &run.id, NOW).await);
    assert_eq!(run.letters().await, "ag");
    run.settle_under(&new, &open, failed(131_026)).await;
    assert_lost("complete", &store.complete(&run.lease, &run.id, NOW).await);
    assert_eq!(run.status().await, BroadcastStatus::Running);
    assert!(store.complete(&new, &run.id, NOW).await.unwrap());
}

pub async fn a_lease_given_back_decides_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    store.release_lease(&run.lease).await.unwrap();
    assert_lost("open", &store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await);
    assert_eq!(run.letters().await, "qq");
}

pub async fn a_stale_lease_folds_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    store.append_receipts(vec![RawReceipt { received_at: NOW, body: b"{}".to_vec() }]).await.unwrap();
    let id = store.receipts(10).await.unwrap()[0].id;
    let new = take_over(&*store, &run.receipts, "heir").await;
    let moves = || vec![run.receipt(0, 1, reached(RecipientState::Delivered))];
    assert_lost("fold", &store.fold_receipts(&run.receipts, moves(), id).await);
    assert_eq!(run.letters().await, "a");
    assert_eq!(store.receipts(10).await.unwrap().len(), 1, "and the body is still there");
    assert_eq!(new.subject, RECEIPTS);
    store.fold_receipts(&new, moves(), id).await.unwrap();
    assert_eq!(run.letters().await, "d");
}

pub async fn facts_from_a_stale_lease_are_recorded(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intents = run.open(3).await;
    take_over(&*store, &run.lease, "heir").await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], failed(131_026)).await;
    run.settle(&intents[2], in_doubt()).await;
    assert_eq!(run.letters().await, "afi");
    assert_eq!(run.log().await, [(0, 1, "sent".to_owned(), 0), (1, 1, "failed".to_owned(), 131_026)]);
}

pub async fn requeues_from_a_stale_lease_are_left_for_recovery(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 4).await;
    let intents = run.open(3).await;
    let new = take_over(&*store, &run.lease, "heir").await;
    run.settle(&intents[0], Verdict::Unsent { due: None }).await;
    run.settle(&intents[1], retry(130_429, NOW)).await;
    assert_eq!(run.letters().await, "gggq");
    assert_eq!(store.recover(&new, NOW).await.unwrap(), [(run.id.clone(), 3)]);
    assert_eq!(run.letters().await, "iiiq");
    run.settle(&intents[0], Verdict::Unsent { due: None }).await;
    run.settle(&intents[1], retry(130_429, NOW)).await;
    assert_eq!(run.letters().await, "iiiq", "afterwards as well");
    run.settle(&intents[2], accepted(&intents[2])).await;
    assert_eq!(run.letters().await, "iiaq", "a fact settles the doubt");
}

pub async fn facts_and_requeues_in_one_batch_part_ways(stores: &dyn Factory) {
    let (run, new) = overtaken(stores, 3).await;
    let store = &run.store;
    let intents = store.open_window(&new, &run.id, 3, Kinds::ALL, NOW).await.unwrap();
    let newest = take_over(&**store, &new, "second heir").await;
    let outcomes = vec![
        run.outcome(&intents[0], accepted(&intents[0])),
        run.outcome(&intents[1], Verdict::Unsent { due: None }),
        run.outcome(&intents[2], failed(131_026)),
    ];
    store.settle(&new, outcomes).await.unwrap();
    assert_eq!(run.letters().await, "agf");
    assert_eq!(store.recover(&newest, NOW).await.unwrap(), [(run.id.clone(), 1)]);
    run.check().await;
}

pub async fn another_senders_lease_decides_nothing(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 2).await;
    let theirs = take(&*store, "100000000000002", "other").await;
    run.open(1).await;
    let opened = store.open_window(&theirs, &run.id, 1, Kinds::ALL, NOW).await;
    assert!(opened.is_err(), "{opened:?}");
    let _ = store.requeue_unheld(&theirs, &run.id, &[]).await;
    assert!(store.recover(&theirs, NOW).await.unwrap().is_empty());
    assert_eq!(run.letters().await, "gq");

    let id = preparing(&*store, 10..11).await.id;
    let place = AudiencePlace { upload: 1, row: 1 };
    assert!(store.add_recipients(&theirs, &id, 0, vec![recipient(10)], place).await.is_err());
    store.add_recipients(&run.lease, &id, 0, vec![recipient(10)], place).await.unwrap();
    assert!(store.begin_running(&theirs, &id, 1, NOW).await.is_err());
    assert_eq!(store.broadcast(&id).await.unwrap().status, BroadcastStatus::Preparing);
}
