//! The engine on a real store, against an API that answers as each test says.

mod fake_api;
mod standing;

use fake_api::{Answer, FakeApi};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use wacast::clock::{Clock, SystemClock};
use wacast::domain::broadcast::{Audience, Broadcast, Counts, Definition, Number};
use wacast::domain::error_policy::ErrorPolicy;
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Rules;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::template::{Component, Template};
use wacast::domain::time::{DAY, HOUR, Millis};
use wacast::engine::{self, EngineConfig, EngineHandle, EngineParts};
use wacast::store::{BroadcastMade, NewBroadcast, NewUpload, RawReceipt, Store, UploadBegun, UploadReport, UploadRow};

/// Kept of every messaging limit.
const RESERVE: u64 = 10;
const SENDER: &str = "1000000001";

fn template() -> Template {
    Template {
        id: "1".into(),
        name: "hello".into(),
        language: "en_US".into(),
        status: "APPROVED".into(),
        category: "UTILITY".into(),
        quality: "GREEN".into(),
        parameter_format: "POSITIONAL".into(),
        components: vec![Component { kind: "BODY".into(), format: None, text: Some("Hello".into()), buttons: vec![] }],
        ..Template::default()
    }
}

fn phone(place: u32) -> Phone {
    Phone::from_digits(15_550_100_000 + u64::from(place)).unwrap()
}

/// A store with one list and a broadcast to it, not begun.
async fn broadcast_to(store: &Arc<dyn Store>, people: u32, own_pace: Option<f64>) -> BroadcastId {
    broadcast_by(store, SENDER, people, own_pace).await
}

/// The same from another sender.
async fn broadcast_by(store: &Arc<dyn Store>, sender: &str, people: u32, own_pace: Option<f64>) -> BroadcastId {
    let phones: Vec<Phone> = (0..people).map(phone).collect();
    broadcast_by_to(store, sender, &phones, own_pace).await
}

/// The same to these people.
async fn broadcast_by_to(store: &Arc<dyn Store>, sender: &str, phones: &[Phone], own_pace: Option<f64>) -> BroadcastId {
    let people = u32::try_from(phones.len()).unwrap();
    let now = SystemClock.now();
    let upload = NewUpload { list: "people".into(), source: "test".into(), tags: vec![], idempotency: None };
    let UploadBegun::New(upload) = store.begin_upload(upload, now).await.unwrap() else { panic!("not new") };
    let rows: Vec<_> = (1..)
        .zip(phones)
        .map(|(row, phone)| UploadRow {
            row,
            number: Number { phone: *phone, name: format!("Person {row}"), attributes: BTreeMap::default() },
        })
        .collect();
    for rows in rows.chunks(1_000) {
        store.add_rows(upload, rows.to_vec()).await.unwrap();
    }
    let report = UploadReport { received: people.into(), imported: people.into(), ..UploadReport::default() };
    store.finish_upload(upload, report, now).await.unwrap();
    let new = NewBroadcast {
        id: BroadcastId::from_random(fastrand::u64(..)),
        definition: Definition {
            label: String::new(),
            sender: sender.into(),
            template: template(),
            bindings: BTreeMap::default(),
            audience: Audience { list: Some("people".into()), uploads: vec![upload], follow_up: None, own: Vec::new() },
            messages_per_second: own_pace,
            rehearsal: true,
            choices: wacast::domain::broadcast::Choices::default(),
        },
        status: BroadcastStatus::Preparing,
        start_at: None,
        total: people,
        occurrence: None,
        idempotency: None,
        refuse_repeats_since: None,
    };
    match store.make_broadcast(new, now).await.unwrap() {
        BroadcastMade::New(broadcast) => broadcast.id,
        other => panic!("{other:?}"),
    }
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    let url = format!("sqlite://{}", folder.join("wacast.db").display());
    wacast::store::open(&url, SystemClock.now()).await.unwrap()
}

/// The machine's clock, ahead by so much.
#[derive(Default)]
struct AheadClock(AtomicI64);

impl Clock for AheadClock {
    fn now(&self) -> Millis {
        SystemClock.now().plus(self.0.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        SystemClock.running()
    }
}

fn start(store: &Arc<dyn Store>, api: &Arc<FakeApi>, folder: &Path, pace: f64) -> EngineHandle {
    start_by(Arc::new(SystemClock), store, api, folder, pace)
}

fn start_by(
    clock: Arc<dyn Clock>,
    store: &Arc<dyn Store>,
    api: &Arc<FakeApi>,
    folder: &Path,
    pace: f64,
) -> EngineHandle {
    start_as(SENDER, clock, store, api, folder, pace)
}

fn start_as(
    sender: &str,
    clock: Arc<dyn Clock>,
    store: &Arc<dyn Store>,
    api: &Arc<FakeApi>,
    folder: &Path,
    pace: f64,
) -> EngineHandle {
    engine::start(parts_as(sender, clock, store, api, folder, pace))
}

fn parts_as(
    sender: &str,
    clock: Arc<dyn Clock>,
    store: &Arc<dyn Store>,
    api: &Arc<FakeApi>,
    folder: &Path,
    pace: f64,
) -> EngineParts {
    EngineParts {
        store: store.clone(),
        api: api.clone(),
        clock,
        policy: Arc::new(ErrorPolicy::built_in()),
        custody: None,
        config: EngineConfig {
            sender: sender.into(),
            account: String::new(),
            daily_reserve: RESERVE,
            marketing_endpoint: wacast::domain::marketing::MarketingEndpoint::default(),
            messages_per_second: pace,
            max_in_flight: 32,
            grace_ms: 900_000,
            face: "test".into(),
            lock_folder: folder.into(),
            drain_timeout: Duration::from_secs(5),
            program: "wacast",
            opt_out: Rules::default(),
        },
    }
}

/// Waits until the broadcast is as wanted, 20 s at most.
async fn until(
    store: &Arc<dyn Store>,
    id: &BroadcastId,
    wanted: impl Fn(&Broadcast, &Counts) -> bool,
) -> (Broadcast, Counts) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        let (broadcast, counts) = (store.broadcast(id).await.unwrap(), store.counts(id).await.unwrap());
        if wanted(&broadcast, &counts) {
            return (broadcast, counts);
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "did not come about: {:?} {:?}",
            broadcast.status,
            counts.by_word()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn completed(broadcast: &Broadcast, _: &Counts) -> bool {
    broadcast.status == BroadcastStatus::Completed
}

fn paused(broadcast: &Broadcast, _: &Counts) -> bool {
    broadcast.status == BroadcastStatus::Paused
}

fn nobody_twice(api: &FakeApi) {
    let twice: Vec<_> = api.times().into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(twice.is_empty(), "written to more than once: {twice:?}");
}

struct Bench {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    api: Arc<FakeApi>,
}

impl Bench {
    async fn new(script: impl Fn(&str, u32) -> Answer + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        Self { folder, store, api: FakeApi::new(script) }
    }

    fn start(&self, pace: f64) -> EngineHandle {
        start(&self.store, &self.api, self.folder.path(), pace)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_it_once_and_it_is_on_record() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 500, None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 500);
    assert_eq!(bench.api.count(), 500);
    nobody_twice(&bench.api);
    let log = bench.store.log(Some(&id), 0, 5_000).await.unwrap();
    assert_eq!(log.len(), 500);
    assert!(log.iter().all(|row| row.status == "sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_in_flight_than_allowed() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.latency.lock().unwrap() = Duration::from_millis(30);
    let id = broadcast_to(&bench.store, 400, None).await;
    let engine = bench.start(0.0);
    until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    let most = bench.api.most_in_flight.load(std::sync::atomic::Ordering::SeqCst);
    assert!((16..=32).contains(&most), "{most} in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_holds_more_than_the_pace() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 400, None).await;
    let engine = bench.start(100.0);
    until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    let times: Vec<_> = bench.api.written.lock().unwrap().iter().map(|written| written.at).collect();
    for (index, at) in times.iter().enumerate() {
        let in_second =
            times[index..].iter().filter(|later| later.duration_since(*at) < Duration::from_secs(1)).count();
        assert!(in_second <= 100, "{in_second} in a second");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_broadcasts_share_the_sender_fairly() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let large = broadcast_to(&bench.store, 2_000, None).await;
    let engine = bench.start(200.0);
    until(&bench.store, &large, |_, counts| counts.get(RecipientState::Accepted) > 50).await;
    let small = broadcast_to(&bench.store, 20, None).await;
    engine.link().bell.notify_one();
    until(&bench.store, &small, completed).await;
    let (broadcast, _) = until(&bench.store, &large, |_, _| true).await;
    assert_eq!(broadcast.status, BroadcastStatus::Running, "the small one did not wait for the large one");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcomes_are_in_doubt_and_settled_by_receipts_only() {
    let bench = Bench::new(|to, _| if to.ends_with('7') { Answer::Silence } else { Answer::Accept }).await;
    let id = broadcast_to(&bench.store, 60, None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    assert_eq!(counts.get(RecipientState::InDoubt), 6);
    nobody_twice(&bench.api);

    let doubtful = bench.store.recipients(&id, Some(RecipientState::InDoubt), None, 100).await.unwrap();
    let statuses: Vec<_> = doubtful
        .iter()
        .map(|row| {
            format!(
                r#"{{"id":"wamid.{0}","status":"delivered","timestamp":"1795305600",
                "biz_opaque_callback_data":"w1:{1}:{id}:{0}:{2}"}}"#,
                row.seq,
                bench.store.id(),
                row.attempt
            )
        })
        .collect();
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"statuses":[{}]}}}}]}}]}}"#,
        statuses.join(",")
    );
    let receipt = RawReceipt { received_at: SystemClock.now(), body: body.into_bytes() };
    bench.store.append_receipts(vec![receipt]).await.unwrap();
    let (_, counts) = until(&bench.store, &id, |_, counts| counts.get(RecipientState::InDoubt) == 0).await;
    assert_eq!(counts.get(RecipientState::Delivered), 6);
    engine.drain().await.unwrap();
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_pauses_everything_and_nobody_fails() {
    let bench = Bench::new(|_, _| Answer::Refuse(190)).await;
    let id = broadcast_to(&bench.store, 100, None).await;
    let engine = bench.start(0.0);
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    assert_eq!(broadcast.reason, Some(PauseReason::Auth));
    let (_, counts) = until(&bench.store, &id, |_, counts| counts.get(RecipientState::Sending) == 0).await;
    assert_eq!(counts.get(RecipientState::Queued), 100);

    bench.api.answers(|_, _| Answer::Accept);
    bench.store.resume(&id, SystemClock.now()).await.unwrap();
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_network_uses_up_nothing_and_sending_goes_on_by_itself() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 300, None).await;
    let engine = bench.start(200.0);
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 20).await;
    bench.api.answers(|_, _| Answer::NoConnection);
    let mut status = engine.link().status;
    let held = status.wait_for(|status| matches!(status.why, wacast::service::view::WhyNotFaster::Api { .. }));
    tokio::time::timeout(Duration::from_mins(1), held).await.expect("the console can say why").unwrap();
    bench.api.answers(|_, _| Answer::Accept);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 300);
    nobody_twice(&bench.api);
    let recipients = bench.store.recipients(&id, None, None, 5_000).await.unwrap();
    assert!(recipients.iter().all(|row| row.attempt == 1), "an attempt was used up by a dead network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_slows_down_and_fails_nobody() {
    let bench = Bench::new(|_, attempt| if attempt == 1 { Answer::Refuse(130_429) } else { Answer::Accept }).await;
    let id = broadcast_to(&bench.store, 4, None).await;
    let engine = bench.start(50.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    assert!(engine.link().status.borrow().pace < 50.0);
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_fails_one_and_the_others_go_on() {
    let bench = Bench::new(|to, _| if to.ends_with('3') { Answer::Refuse(131_021) } else { Answer::Accept }).await;
    let id = broadcast_to(&bench.store, 50, None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!((counts.get(RecipientState::Failed), counts.get(RecipientState::Accepted)), (5, 45));
    assert_eq!(bench.store.failures(&id).await.unwrap(), [(131_021, 5)]);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_stops_it_and_a_resume_goes_on_where_it_was() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 300, None).await;
    let engine = bench.start(100.0);
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 20).await;
    bench.store.pause(&id, PauseReason::Operator, "", None).await.unwrap();
    engine.link().bell.notify_one();
    let (_, counts) = until(&bench.store, &id, |_, counts| counts.get(RecipientState::Sending) == 0).await;
    let written = bench.api.count();
    assert_eq!(counts.get(RecipientState::Accepted), written as u64);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.api.count(), written, "something left after the pause");
    bench.store.resume(&id, SystemClock.now()).await.unwrap();
    until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(bench.api.count(), 300);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_nobody_and_the_next_engine_goes_on_at_once() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.latency.lock().unwrap() = Duration::from_millis(100);
    let id = broadcast_to(&bench.store, 400, None).await;
    let engine = bench.start(0.0);
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 30).await;
    engine.drain().await.unwrap();
    let counts = bench.store.counts(&id).await.unwrap();
    assert_eq!(counts.get(RecipientState::Sending) + counts.get(RecipientState::InDoubt), 0, "{:?}", counts.by_word());
    assert_eq!(counts.get(RecipientState::Accepted), bench.api.count() as u64);

    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 400);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_drives_and_the_other_takes_over() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let first = bench.start(50.0);
    first.link().driving.wait_for(|driving| *driving).await.unwrap();
    let second = bench.start(50.0);
    let id = broadcast_to(&bench.store, 150, None).await;
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 10).await;
    assert!(!*second.link().driving.borrow());
    first.drain().await.unwrap();
    until(&bench.store, &id, completed).await;
    assert!(*second.link().driving.borrow());
    second.drain().await.unwrap();
    assert_eq!(bench.api.count(), 150);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_request_leaves_that_person_in_doubt_and_the_rest_goes_on() {
    let bench = Bench::new(|to, _| if to.ends_with("25") { Answer::Panic } else { Answer::Accept }).await;
    let id = broadcast_to(&bench.store, 50, None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!((counts.get(RecipientState::InDoubt), counts.get(RecipientState::Accepted)), (1, 49));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_the_messaging_limit_waits() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.limit.lock().unwrap() = "TIER_50".into();
    let id = broadcast_to(&bench.store, 80, None).await;
    let engine = bench.start(0.0);
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    assert_eq!(broadcast.reason, Some(PauseReason::Budget));
    assert!(broadcast.resume_at.is_some(), "it goes on by itself");
    let (_, counts) = until(&bench.store, &id, |_, counts| counts.get(RecipientState::Sending) == 0).await;
    engine.drain().await.unwrap();
    assert_eq!((counts.get(RecipientState::Accepted), counts.get(RecipientState::Queued)), (40, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_answered_oddly_holds_up_no_message() {
    let bench = Bench::new(|to, _| if to == "probe" { Answer::Odd } else { Answer::Accept }).await;
    let id = broadcast_to(&bench.store, 20, None).await;
    let engine = bench.start(0.0);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_goes_when_the_day_has_moved_on() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.limit.lock().unwrap() = "TIER_50".into();
    let id = broadcast_to(&bench.store, 70, None).await;
    let clock = Arc::new(AheadClock::default());
    let engine = start_by(clock.clone(), &bench.store, &bench.api, bench.folder.path(), 0.0);
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    let wait_ms = broadcast.resume_at.unwrap().since(clock.now());
    assert!((DAY - HOUR..=DAY + HOUR).contains(&wait_ms), "it says when: in {wait_ms} ms");
    clock.0.store(wait_ms - HOUR, Ordering::SeqCst);
    engine.link().bell.notify_one();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(bench.store.broadcast(&id).await.unwrap().status, BroadcastStatus::Paused, "not an hour before");
    clock.0.store(wait_ms + 1_000, Ordering::SeqCst);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 70);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_reached_already_costs_nothing_more() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.limit.lock().unwrap() = "TIER_50".into();
    let first = broadcast_to(&bench.store, 40, None).await;
    let engine = bench.start(0.0);
    until(&bench.store, &first, completed).await;
    let second = broadcast_to(&bench.store, 60, None).await;
    engine.link().bell.notify_one();
    let (broadcast, counts) =
        until(&bench.store, &second, |broadcast, counts| paused(broadcast, counts) && counts.open() == 20).await;
    engine.drain().await.unwrap();
    assert_eq!(broadcast.reason, Some(PauseReason::Budget));
    assert_eq!((counts.get(RecipientState::Accepted), counts.get(RecipientState::Queued)), (40, 20));
    assert_eq!(bench.store.people_reached_since(SystemClock.now().plus(-DAY)).await.unwrap(), 40);
}

async fn tell(bench: &Bench, field: &str, value: &str) {
    let body = format!(r#"{{"entry":[{{"id":"200","changes":[{{"field":"{field}","value":{value}}}]}}]}}"#);
    let receipt = RawReceipt { received_at: SystemClock.now(), body: body.into_bytes() };
    bench.store.append_receipts(vec![receipt]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restriction_pauses_until_it_ends() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    let id = broadcast_to(&bench.store, 150, None).await;
    let clock = Arc::new(AheadClock::default());
    let engine = start_by(clock.clone(), &bench.store, &bench.api, bench.folder.path(), 15.0);
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 5).await;
    let ends_s = SystemClock.now().0 / 1_000 + 3_600;
    let value = format!(
        r#"{{"event":"ACCOUNT_RESTRICTION","restriction_info":[
            {{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":{ends_s}}}]}}"#
    );
    tell(&bench, "account_update", &value).await;
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    assert_eq!((broadcast.reason, broadcast.resume_at), (Some(PauseReason::Account), Some(Millis(ends_s * 1_000))));
    // Whoever resumes it before that is told once more.
    bench.store.resume(&id, SystemClock.now()).await.unwrap();
    until(&bench.store, &id, |broadcast, counts| paused(broadcast, counts) && broadcast.resume_at.is_some()).await;
    clock.0.store(3_700_000, Ordering::SeqCst);
    let (_, counts) = until(&bench.store, &id, completed).await;
    engine.drain().await.unwrap();
    assert_eq!(counts.get(RecipientState::Accepted), 150);
    nobody_twice(&bench.api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_limit_told_by_a_webhook_holds_at_once() {
    let bench = Bench::new(|_, _| Answer::Accept).await;
    *bench.api.limit.lock().unwrap() = "TIER_10K".into();
    let id = broadcast_to(&bench.store, 600, None).await;
    let engine = bench.start(20.0);
    until(&bench.store, &id, |_, counts| counts.get(RecipientState::Accepted) > 10).await;
    tell(&bench, "business_capability_update", r#"{"max_daily_conversations_per_business":50}"#).await;
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    assert_eq!(broadcast.reason, Some(PauseReason::Budget));
    engine.drain().await.unwrap();
    assert!(bench.api.count() < 200, "{}", bench.api.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_failure_again_and_again_pauses_the_broadcast() {
    let bench = Bench::new(|_, _| Answer::Refuse(131_009)).await;
    let id = broadcast_to(&bench.store, 400, None).await;
    let engine = bench.start(100.0);
    let (broadcast, _) = until(&bench.store, &id, paused).await;
    engine.drain().await.unwrap();
    assert!(matches!(broadcast.reason, Some(PauseReason::Failures | PauseReason::Template)), "{:?}", broadcast.reason);
    assert!(bench.api.count() < 150, "{} were burnt", bench.api.count());
}
