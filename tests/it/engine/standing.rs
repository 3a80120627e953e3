//! What is known of senders and of the account: by receipts, by webhooks, by asking. It concerns whom it is about, whichever
//! process hears of it, and it holds from the first message on.

use super::*;
use wacast::domain::account::RESTRICTION_NOTE;
use wacast::service::view::WhyNotFaster;
use wacast::store::RECEIPTS;

/// Another sender of the same store.
const OTHER: &str = "1000000002";

fn other_engine(bench: &Bench, pace: f64) -> EngineHandle {
    start_as(OTHER, Arc::new(SystemClock), &bench.store, &bench.api, bench.folder.path(), pace)
}

/// The one that folds receipts is the first to ask.
async fn folds(bench: &Bench) {
    while bench.store.lease(RECEIPTS).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A failed receipt for the first attempt of the first person, as of `at_s` by WhatsApp's clock.
async fn first_failed(bench: &Bench, id: &BroadcastId, code: i64, at_s: i64) {
    let said = format!(
        r#"{{"id":"wamid.0.1","status":"failed","timestamp":"{at_s}","errors":[{{"code":{code}}}],
        "biz_opaque_callback_data":"w1:{}:{id}:0:1"}}"#,
        bench.store.id()
    );
    post(bench, &said).await;
}

async fn post(bench: &Bench, statuses: &str) {
    let body = format!(r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"statuses":[{statuses}]}}}}]}}]}}"#);
    let receipt = RawReceipt { received_at: SystemClock.now(), body: body.into_bytes() };
    bench.store.append_receipts(vec![receipt]).await.unwrap();
}

fn some_taken(_: &Broadcast, counts: &Counts) -> bool {
    counts.get(RecipientState::Accepted) > 3
}

fn now_s() -> i64 {
    SystemClock.now().0 / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_stops_the_sender_that_it_is_about() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let ours = broadcast_to(&bench.store, 900, None).await;
    let theirs = broadcast_by(&bench.store, OTHER, 900, None).await;
    let also_theirs = broadcast_by(&bench.store, OTHER, 900, None).await;
    let engine = bench.start(20.0);
    folds(&bench).await;
    let other = other_engine(&bench, 20.0);
    for id in [&ours, &theirs, &also_theirs] {
        until(&bench.store, id, some_taken).await;
    }
    first_failed(&bench, &theirs, 131_048, now_s()).await;
    for id in [&theirs, &also_theirs] {
        let (broadcast, _) = until(&bench.store, id, paused).await;
        assert_eq!(broadcast.reason, Some(PauseReason::Sender));
    }
    let before = bench.store.counts(&ours).await.unwrap().reached_whatsapp();
    until(&bench.store, &ours, |_, counts| counts.reached_whatsapp() > before + 5).await;
    assert_eq!(bench.store.broadcast(&ours).await.unwrap().status, BroadcastStatus::Running);
    other.drain().await.unwrap();
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_slows_the_sender_that_it_is_about_in_whichever_process() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let ours = broadcast_to(&bench.store, 900, None).await;
    let theirs = broadcast_by(&bench.store, OTHER, 900, None).await;
    let engine = bench.start(20.0);
    folds(&bench).await;
    let other = other_engine(&bench, 20.0);
    for id in [&ours, &theirs] {
        until(&bench.store, id, some_taken).await;
    }
    let slowed = |why: &WhyNotFaster| matches!(why, WhyNotFaster::SlowedByApi { code: 130_429, .. });
    first_failed(&bench, &theirs, 130_429, now_s()).await;
    let mut status = other.link().status;
    let seen = status.wait_for(|status| slowed(&status.why));
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("it is slowed").unwrap();
    assert!(!slowed(&engine.link().status.borrow().why), "the one that folds is not");
    other.drain().await.unwrap();
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mended_is_not_paused_again_by_old_receipts() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 900, None).await;
    let engine = bench.start(20.0);
    until(&bench.store, &id, some_taken).await;
    first_failed(&bench, &id, 131_042, now_s()).await;
    until(&bench.store, &id, paused).await;
    // An operator settles the payment and lets it go on.
    let now = SystemClock.now();
    bench.store.put_note(&format!("engine.resumed_at.{id}"), &now.0.to_string()).await.unwrap();
    bench.store.resume(&id, now).await.unwrap();
    engine.link().bell.notify_one();
    let delivered = |seq: u32| {
        format!(
            r#"{{"id":"wamid.{seq}.1","status":"delivered","timestamp":"{}",
            "biz_opaque_callback_data":"w1:{}:{id}:{seq}:1"}}"#,
            now_s(),
            bench.store.id()
        )
    };
    let late = format!(
        r#"{{"id":"wamid.2.1","status":"failed","timestamp":"{}","errors":[{{"code":131042}}],
        "biz_opaque_callback_data":"w1:{}:{id}:2:1"}}"#,
        now_s() - 60,
        bench.store.id()
    );
    post(&bench, &format!("{late},{}", delivered(1))).await;
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Delivered) == 1).await;
    let before = bench.store.counts(&id).await.unwrap().reached_whatsapp();
    let (broadcast, _) = until(&bench.store, &id, |broadcast, counts| {
        paused(broadcast, counts) || counts.reached_whatsapp() > before + 10
    })
    .await;
    assert_eq!(broadcast.status, BroadcastStatus::Running, "{}", broadcast.detail);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_a_sender_that_is_known_to_be_blocked() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.health.lock().unwrap() = "BLOCKED".into();
    let engine = bench.start(0.0);
    // It has been asked how it stands, and is asked again in a minute.
    while bench.store.notes("sender.").await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = broadcast_to(&bench.store, 50, None).await;
    engine.link().bell.notify_one();
    let (broadcast, _) =
        until(&bench.store, &id, |broadcast, counts| paused(broadcast, counts) || completed(broadcast, counts)).await;
    assert_eq!((broadcast.status, broadcast.reason), (BroadcastStatus::Paused, Some(PauseReason::Sender)));
    engine.drain().await.unwrap();
    assert_eq!(bench.api.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_restriction_does_not_take_the_place_of_a_wider_one() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let engine = bench.start(0.0);
    let note = async || bench.store.note(RESTRICTION_NOTE).await.unwrap().unwrap_or_default();
    tell(&bench, "account_update", r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}"#).await;
    while !note().await.contains("disabled") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ends_s = now_s() + 3_600;
    let utility = format!(
        r#"{{"event":"ACCOUNT_RESTRICTION","restriction_info":[
            {{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":{ends_s}}}]}}"#
    );
    tell(&bench, "account_update", &utility).await;
    while bench.store.receipts_backlog().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(note().await.contains("disabled"), "{}", note().await);
    engine.drain().await.unwrap();
}
