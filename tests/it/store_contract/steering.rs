//! Pausing, going on, cancelling and completing.

use super::Factory;
use super::stage::{
    NOW, SENDER, accepted, definition, failed, in_doubt, make, new_broadcast, preparing, reached, recipient, retry,
    running, take,
};
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Kinds;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::time::HOUR;
use wacast::store::{AudiencePlace, NewBroadcast, Result, Store, StoreError, Verdict};

fn assert_conflict<T: std::fmt::Debug>(what: &str, answer: &Result<T>) {
    assert!(matches!(answer, Err(StoreError::Conflict(_))), "{what}: {answer:?}");
}

async fn scheduled(store: &dyn Store) -> BroadcastId {
    let mut new: NewBroadcast = new_broadcast(definition(None), 0);
    new.status = BroadcastStatus::Scheduled;
    new.start_at = Some(NOW.plus(HOUR));
    make(store, new).await.id
}

pub async fn a_pause_lets_nobody_else_go(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 4).await;
    let intents = run.open(2).await;
    let paused = store.pause(&run.id, PauseReason::Template, "it was disabled", Some(NOW.plus(HOUR))).await.unwrap();
    assert_eq!((paused.status, paused.reason), (BroadcastStatus::Paused, Some(PauseReason::Template)));
    assert_eq!((paused.detail.as_str(), paused.resume_at), ("it was disabled", Some(NOW.plus(HOUR))));
    assert_eq!(store.broadcast(&run.id).await.unwrap(), paused);
    assert_conflict("open", &store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW).await);
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], Verdict::Unsent { due: None }).await;
    assert_eq!(run.letters().await, "aqqq", "what is under way is settled");

    let going = store.resume(&run.id, NOW).await.unwrap();
    assert_eq!((going.status, going.reason, going.resume_at), (BroadcastStatus::Running, None, None));
    assert_eq!(going.detail, "");
    assert_eq!(run.open(9).await.len(), 3);
    assert_conflict("resume", &store.resume(&run.id, NOW).await);
}

pub async fn a_pause_from_another_hand_stops_a_running_loop(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 300).await;
    let (driver, lease, id) = (store.clone(), run.lease.clone(), run.id.clone());
    let driving = tokio::spawn(async move {
        let mut granted = 0;
        loop {
            match driver.open_window(&lease, &id, 1, Kinds::ALL, NOW).await {
                Ok(intents) if intents.is_empty() => return granted,
                Ok(intents) => granted += intents.len() as u64,
                Err(StoreError::Conflict(_)) => return granted,
                Err(error) => panic!("{error}"),
            }
        }
    });
    tokio::task::yield_now().await;
    store.pause(&run.id, PauseReason::Operator, "", None).await.unwrap();
    let sending = store.counts(&run.id).await.unwrap().get(RecipientState::Sending);
    let granted = driving.await.unwrap();
    assert_eq!(granted, sending, "none after the pause returned");
    assert_eq!(store.counts(&run.id).await.unwrap().get(RecipientState::Sending), sending);
}

pub async fn an_operators_word_stands_over_other_reasons(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let until = Some(NOW.plus(HOUR));
    store.pause(&run.id, PauseReason::Budget, "used up", until).await.unwrap();
    let kept = store.pause(&run.id, PauseReason::Api, "no answer", None).await.unwrap();
    assert_eq!((kept.reason, kept.detail.as_str(), kept.resume_at), (Some(PauseReason::Budget), "used up", until));
    let later = Some(NOW.plus(2 * HOUR));
    let put_off = store.pause(&run.id, PauseReason::Budget, "still", later).await.unwrap();
    assert_eq!((put_off.detail.as_str(), put_off.resume_at), ("still", later));
    let for_good = store.pause(&run.id, PauseReason::Budget, "for good", None).await.unwrap();
    assert_eq!((for_good.detail.as_str(), for_good.resume_at), ("for good", None), "or taken away");
    let kept = store.pause(&run.id, PauseReason::Budget, "once more", later).await.unwrap();
    assert_eq!((kept.detail.as_str(), kept.resume_at), ("for good", None), "and not given again");
    let word = store.pause(&run.id, PauseReason::Operator, "wait", None).await.unwrap();
    assert_eq!((word.reason, word.detail.as_str(), word.resume_at), (Some(PauseReason::Operator), "wait", None));
    let kept = store.pause(&run.id, PauseReason::Budget, "used up", until).await.unwrap();
    assert_eq!((kept.reason, kept.resume_at), (Some(PauseReason::Operator), None));
    assert_eq!(store.broadcast(&run.id).await.unwrap(), kept);
}

pub async fn a_paused_one_goes_on_from_where_it_was(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = scheduled(&*store).await;
    store.pause(&id, PauseReason::Absence, "", None).await.unwrap();
    assert_conflict("start", &store.start_broadcast(&id, definition(None), 1).await);
    let due = store.resume(&id, NOW.plus(2 * HOUR)).await.unwrap();
    assert_eq!((due.status, due.start_at), (BroadcastStatus::Scheduled, Some(NOW.plus(2 * HOUR))));

    // One whose time is still to come keeps it.
    store.pause(&id, PauseReason::Operator, "", None).await.unwrap();
    let waiting = store.resume(&id, NOW.plus(HOUR)).await.unwrap();
    assert_eq!((waiting.status, waiting.start_at), (BroadcastStatus::Scheduled, Some(NOW.plus(2 * HOUR))));

    let id = preparing(&*store, 0..2).await.id;
    let place = AudiencePlace { upload: 1, row: 1 };
    store.add_recipients(&lease, &id, 0, vec![recipient(0)], place).await.unwrap();
    store.pause(&id, PauseReason::Operator, "", None).await.unwrap();
    assert_conflict("begin", &store.begin_running(&lease, &id, 1, NOW).await);
    let half = store.resume(&id, NOW).await.unwrap();
    assert_eq!(half.status, BroadcastStatus::Preparing, "not running: it is not frozen");
    assert_eq!(store.frozen_so_far(&id).await.unwrap(), (1, Some(place)));
    store.add_recipients(&lease, &id, 1, vec![recipient(1)], place).await.unwrap();
    store.begin_running(&lease, &id, 2, NOW).await.unwrap();
    store.pause(&id, PauseReason::Operator, "", None).await.unwrap();
    let again = store.resume(&id, NOW.plus(HOUR)).await.unwrap();
    assert_eq!((again.status, again.started_at), (BroadcastStatus::Running, Some(NOW)), "when it first ran");
}

pub async fn a_cancel_ends_whoever_waits(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 8).await;
    let intents = run.open(7).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], retry(131_016, NOW.plus(HOUR))).await;
    let ended = store.cancel(&run.id, NOW.plus(9)).await.unwrap();
    assert_eq!((ended.status, ended.ended_at, ended.total), (BroadcastStatus::Cancelled, Some(NOW.plus(9)), 8));
    run.check().await;
    assert_eq!(run.letters().await, "acgggggc", "whoever is under way is not cut off");
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
    run.settle(&intents[2], accepted(&intents[2])).await;
    run.settle(&intents[3], failed(131_026)).await;
    run.settle(&intents[4], in_doubt()).await;
    run.settle(&intents[5], Verdict::Unsent { due: None }).await;
    run.settle(&intents[6], retry(131_016, NOW)).await;
    assert_eq!(run.letters().await, "acaficcc", "nobody of it waits again");
    assert_eq!(store.next_due(&run.id).await.unwrap(), None);
    run.fold(0, 1, reached(RecipientState::Read)).await;
    run.fold(4, 1, reached(RecipientState::Delivered)).await;
    assert_eq!(run.letters().await, "rcafdccc");
}

pub async fn a_cancel_while_freezing_keeps_who_was_frozen(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let lease = take(&*store, SENDER, "driver").await;
    let id = preparing(&*store, 0..5).await.id;
    let place = AudiencePlace { upload: 1, row: 2 };
    store.add_recipients(&lease, &id, 0, vec![recipient(0), recipient(1)], place).await.unwrap();
    let ended = store.cancel(&id, NOW).await.unwrap();
    assert_eq!((ended.status, ended.total), (BroadcastStatus::Cancelled, 2));
    let counts = store.counts(&id).await.unwrap();
    assert_eq!((counts.total(), counts.get(RecipientState::Cancelled)), (2, 2));
    assert_conflict("add", &store.add_recipients(&lease, &id, 2, vec![recipient(2)], place).await);
    assert_conflict("begin", &store.begin_running(&lease, &id, 2, NOW).await);

    let id = scheduled(&*store).await;
    assert_eq!(store.cancel(&id, NOW).await.unwrap().status, BroadcastStatus::Cancelled);
    assert_conflict("start", &store.start_broadcast(&id, definition(None), 1).await);
}

pub async fn a_paused_one_can_be_cancelled(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    let intent = run.open_one().await;
    store.pause(&run.id, PauseReason::Failures, "", None).await.unwrap();
    store.cancel(&run.id, NOW).await.unwrap();
    assert_eq!(run.letters().await, "gcc");
    run.settle(&intent, accepted(&intent)).await;
    assert_eq!(run.letters().await, "acc");
}

pub async fn it_is_completed_when_nobody_waits_or_is_under_way(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 3).await;
    assert!(!store.complete(&run.lease, &run.id, NOW).await.unwrap(), "three wait");
    let intents = run.open(3).await;
    run.settle(&intents[0], accepted(&intents[0])).await;
    run.settle(&intents[1], in_doubt()).await;
    assert!(!store.complete(&run.lease, &run.id, NOW).await.unwrap(), "one is under way");
    run.settle(&intents[2], retry(131_016, NOW.plus(HOUR))).await;
    assert!(!store.complete(&run.lease, &run.id, NOW).await.unwrap(), "one waits for a retry");
    assert_eq!(run.status().await, BroadcastStatus::Running);
    let last = run.open_at(1, NOW.plus(HOUR)).await.remove(0);
    run.settle(&last, failed(131_026)).await;
    assert!(store.complete(&run.lease, &run.id, NOW.plus(3)).await.unwrap(), "a doubt does not hold it back");
    let ended = store.broadcast(&run.id).await.unwrap();
    assert_eq!((ended.status, ended.ended_at), (BroadcastStatus::Completed, Some(NOW.plus(3))));
    run.check().await;
    assert_conflict("open", &store.open_window(&run.lease, &run.id, 1, Kinds::ALL, NOW.plus(9 * HOUR)).await);
}

pub async fn only_a_running_one_is_completed(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let run = running(&store, 1).await;
    let intent = run.open_one().await;
    run.settle(&intent, accepted(&intent)).await;
    store.pause(&run.id, PauseReason::Operator, "", None).await.unwrap();
    let answer = store.complete(&run.lease, &run.id, NOW).await;
    assert!(matches!(answer, Ok(false) | Err(StoreError::Conflict(_))), "{answer:?}");
    assert_eq!(run.status().await, BroadcastStatus::Paused);
    let id = preparing(&*store, 5..6).await.id;
    let answer = store.complete(&run.lease, &id, NOW).await;
    assert!(matches!(answer, Ok(false) | Err(StoreError::Conflict(_))), "{answer:?}");
    assert_eq!(store.broadcast(&id).await.unwrap().status, BroadcastStatus::Preparing);
}

pub async fn what_is_final_stays(stores: &dyn Factory) {
    let store = stores.fresh().await;
    let completed = running(&store, 0).await;
    assert!(store.complete(&completed.lease, &completed.id, NOW).await.unwrap());
    let cancelled = preparing(&*store, 5..6).await.id;
    store.cancel(&cancelled, NOW).await.unwrap();
    for id in [&completed.id, &cancelled] {
        let before = store.broadcast(id).await.unwrap();
        assert_conflict("pause", &store.pause(id, PauseReason::Operator, "", None).await);
        assert_conflict("resume", &store.resume(id, NOW).await);
        assert_conflict("cancel", &store.cancel(id, NOW.plus(1)).await);
        assert_eq!(store.broadcast(id).await.unwrap(), before);
    }
    let unknown = BroadcastId::from_random(12);
    let answer = store.pause(&unknown, PauseReason::Operator, "", None).await;
    assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
    let answer = store.cancel(&unknown, NOW).await;
    assert!(matches!(answer, Err(StoreError::NotFound(_))), "{answer:?}");
}
