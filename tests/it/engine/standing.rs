//! What is known of senders and of the account: by receipts, by webhooks, by asking. It concerns whom it is about, whichever
//! process hears of it, and it holds from the first message on.

use super::*;
use wacast::domain::account::{RESTRICTION_NOTE, TOKEN_NOTE, TokenStanding};
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

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_held_are_told_of_for_an_hour() {
    let bench = Bench::new(|to, _| if to.ends_with('1') { Answer::Held } else { Answer::Accept }).await;
    // Only the first window has some of those.
    let id = broadcast_to(&bench.store, 900, Some(5.0)).await;
    let clock = Arc::new(AheadClock::default());
    let engine = start_by(clock.clone(), &bench.store, &bench.api, bench.folder.path(), 20.0);
    until(&bench.store, &id, some_taken).await;
    let mut status = engine.link().status;
    let told = status.wait_for(|status| status.held_back > 0);
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("it is told").unwrap();
    bench.api.answers(|_, _| Answer::Accept);
    tokio::time::sleep(Duration::from_millis(100)).await;
    clock.0.store(HOUR + 60_000, Ordering::SeqCst);
    let over = status.wait_for(|status| status.held_back == 0);
    tokio::time::timeout(Duration::from_secs(10), over).await.expect("WhatsApp has decided by then").unwrap();
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_when_the_sender_is_asked_for_is_shown_at_once() {
    let bench = Bench::new(|_, _| Answer::Refuse(190)).await;
    let engine = bench.start(0.0);
    let trouble = async || {
        let note = bench.store.note(TOKEN_NOTE).await.unwrap().unwrap_or_default();
        serde_json::from_str::<TokenStanding>(&note).unwrap_or_default().trouble
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while trouble().await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nothing is shown");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(trouble().await.contains("code 190"), "{}", trouble().await);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_silence_that_was_asked_for_outlives_the_process() {
    // Code 4 asks for a minute.
    let bench = Bench::new(|_, _| Answer::Refuse(4)).await;
    let id = broadcast_to(&bench.store, 50, None).await;
    let silent = |why: &WhyNotFaster| matches!(why, WhyNotFaster::SlowedByApi { code: 4, until: Some(_), .. });
    let first = bench.start(20.0);
    let mut status = first.link().status;
    let seen = status.wait_for(|status| silent(&status.why));
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("it is silent").unwrap();
    first.drain().await.unwrap();
    let before = bench.api.count();
    bench.api.answers(|_, _| Answer::Accept);
    let second = bench.start(20.0);
    let mut status = second.link().status;
    let seen = status.wait_for(|status| silent(&status.why));
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("it still is").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.api.count(), before);
    second.drain().await.unwrap();
    assert_eq!(bench.store.counts(&id).await.unwrap().get(RecipientState::Failed), 0);
}

/// A webhook about the template `hello`, of an account, as of `at_s`.
async fn told(bench: &Bench, account: &str, at_s: i64, event: &str) {
    let body = format!(
        r#"{{"entry":[{{"id":"{account}","time":{at_s},"changes":[{{"field":"message_template_status_update","value":{{
        "event":"{event}","message_template_name":"hello","message_template_language":"en_US","reason":"NONE",
        "other_info":{{"title":"FIRST_PAUSE"}}}}}}]}}]}}"#
    );
    let receipt = RawReceipt { received_at: SystemClock.now(), body: body.into_bytes() };
    bench.store.append_receipts(vec![receipt]).await.unwrap();
    while bench.store.receipts_backlog().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_followed_in_the_order_in_which_things_happened_and_of_our_account_alone() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 900, None).await;
    let mut parts = parts_as(SENDER, Arc::new(SystemClock), &bench.store, &bench.api, bench.folder.path(), 10.0);
    parts.config.account = "200".into();
    bench.store.put_templates(&[template()], SystemClock.now()).await.unwrap();
    let engine = engine::start(parts);
    until(&bench.store, &id, some_taken).await;
    let stands = async || {
        let templates = bench.store.templates().await.unwrap().templates;
        (bench.store.broadcast(&id).await.unwrap().status, templates[0].status.clone())
    };
    told(&bench, "999", now_s(), "PAUSED").await;
    assert_eq!(stands().await, (BroadcastStatus::Running, "APPROVED".into()), "another account's");
    told(&bench, "200", now_s() - 600, "PAUSED").await;
    assert_eq!(stands().await, (BroadcastStatus::Running, "APPROVED".into()), "from before the last sync");
    told(&bench, "200", now_s() + 20, "REINSTATED").await;
    told(&bench, "200", now_s() + 10, "PAUSED").await;
    assert_eq!(stands().await, (BroadcastStatus::Running, "APPROVED".into()), "from before it was reinstated");
    told(&bench, "200", now_s() + 30, "PAUSED").await;
    assert_eq!(stands().await, (BroadcastStatus::Paused, "PAUSED".into()));
    let detail = bench.store.broadcast(&id).await.unwrap().detail;
    assert!(detail.contains("(first pause)"), "in WhatsApp's words: {detail}");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_in_two_forms_is_written_to_once() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let forms = ["+5491155501001", "+541155501001", "+5511987654321", "+551187654321", "+919876500001"];
    let id = broadcast_by_to(&bench.store, SENDER, &forms.map(|form| form.parse().unwrap()), None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!((counts.get(RecipientState::Accepted), counts.get(RecipientState::Skipped)), (3, 2));
    assert!(bench.store.skips(&id).await.unwrap()[0].0.contains("the same person"));
}
