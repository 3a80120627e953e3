//! What happened since somebody was last here, by the service, the command line's words, and over HTTP.

use crate::bed::{Bed, at, request};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig};
use wacast::cli::words;
use wacast::domain::state::PauseReason;
use wacast::domain::time::{DAY, HOUR, MINUTE};
use wacast::scheduler::tick;
use wacast::service::since::Outcome;
use wacast::service::view::BroadcastRequest;
use wacast::store::{self, AudiencePlace, Holder, LeaseAnswer, NewRecipient, Verdict};

/// One of whom it is not known whether they got it, and one who failed.
async fn one_doubt_and_one_failure(bed: &Bed) -> wacast::domain::ids::BroadcastId {
    let broadcast = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast;
    let holder = Holder {
        process: "p".into(),
        host: "h".into(),
        pid: 1,
        boot_id: "b".into(),
        lock_file: "l".into(),
        face: "headless".into(),
    };
    let granted = bed.store.take_lease(&broadcast.definition.sender, &holder, 60_000, None).await.unwrap();
    let LeaseAnswer::Granted(lease) = granted else { panic!("somebody has the lease") };
    let person = |digits: u64| NewRecipient {
        phone: wacast::domain::phone::Phone::from_digits(digits).unwrap(),
        name: String::new(),
        values: vec![],
        skipped: None,
    };
    let people = vec![person(919_876_500_000), person(919_876_500_001)];
    bed.store.add_recipients(&lease, &broadcast.id, 0, people, AudiencePlace::default()).await.unwrap();
    bed.store.begin_running(&lease, &broadcast.id, 2, bed.service.now()).await.unwrap();
    let held_back = wacast::domain::opt_out::Kinds::NONE;
    let window = bed.store.open_window(&lease, &broadcast.id, 10, held_back, bed.service.now()).await.unwrap();
    let verdicts = [
        Verdict::InDoubt { detail: "the connection was reset".into() },
        Verdict::Failed { code: 131_026, response: "{}".into(), retry_at: None },
    ];
    let outcomes = window.into_iter().zip(verdicts).map(|(intent, verdict)| store::Outcome {
        broadcast: broadcast.id.clone(),
        seq: intent.seq,
        attempt: intent.attempt,
        phone: intent.phone,
        at: bed.service.now(),
        verdict,
    });
    bed.store.settle(&lease, outcomes.collect()).await.unwrap();
    assert!(bed.store.complete(&lease, &broadcast.id, bed.service.now()).await.unwrap());
    broadcast.id
}

#[tokio::test]
async fn everything_that_happened_is_told_with_its_broadcast_and_nothing_older() {
    let bed = Bed::new().await;
    bed.people("diwali", 2).await;
    let old =
        bed.service.start(BroadcastRequest { repeat: true, ..request("hello", "diwali") }).await.unwrap().broadcast;
    bed.service.cancel(&old.id).await.unwrap();
    bed.service.opt_out("+919876500009", "").await.unwrap();
    // Many more entries than a step of the search for the first one.
    for place in 0..40 {
        bed.service.opt_out(&format!("+9198765001{place:02}"), "").await.unwrap();
    }
    bed.clock.advance(DAY);
    let came = bed.service.now();
    let quiet = bed.service.since(came).await.unwrap();
    assert!(quiet.is_quiet(), "{quiet:?}");
    assert_eq!(words::since(&quiet, "UTC"), "nothing happened since Mon 9 Nov 10:00 UTC, in 0 s");

    bed.clock.advance(HOUR);
    bed.people("new", 3).await;
    let finished = one_doubt_and_one_failure(&bed).await;
    let held = bed.service.start(request("hello", "new")).await.unwrap().broadcast;
    bed.store.pause(&held.id, PauseReason::Failures, "too many", None).await.unwrap();
    bed.service.opt_out("+919876500001", "asked").await.unwrap();

    let told = bed.service.since(came).await.unwrap();
    assert_eq!(told.finished.iter().map(|view| &view.broadcast.id).collect::<Vec<_>>(), [&finished]);
    assert_eq!(told.held.iter().map(|view| &view.broadcast.id).collect::<Vec<_>>(), [&held.id]);
    assert_eq!(told.in_doubt, [(finished.clone(), 1)]);
    assert_eq!(told.failures.iter().map(|cause| (cause.code, cause.count)).collect::<Vec<_>>(), [(131_026, 1)]);
    assert_eq!(told.opt_outs, 1);
    let imported: Vec<_> = told.imports.iter().map(|one| (one.list.as_str(), one.imported)).collect();
    assert_eq!(imported, [("new", 3)]);
    assert!(!told.more && told.occurrences.is_empty());
    let shown = words::since(&told, "Asia/Kolkata");
    for part in [&format!("finished  {finished}"), "too many", "1 person may or may not", "131026", "3 new"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let before = bed.service.since(at("2026-11-08T00:00:00Z")).await.unwrap();
    assert_eq!((before.finished.len(), before.opt_outs, before.imports.len()), (2, 42, 2));
}

#[tokio::test]
async fn schedules_fired_held_and_missed_and_templates_that_were_paused_are_told() {
    let bed = Bed::new().await;
    bed.people("diwali", 1).await;
    let came = bed.service.now();
    let schedule = bed.service.add_schedule(&request("hello", "diwali"), "0 18 * * *", "Asia/Kolkata").await.unwrap();
    bed.clock.set("2026-11-08T12:30:01Z");
    let fired = tick(&bed.service, bed.service.now(), 15 * MINUTE).await.unwrap().fired;
    bed.clock.set("2026-11-09T15:00:00Z");
    let held = tick(&bed.service, bed.service.now(), 15 * MINUTE).await.unwrap().held;
    bed.clock.set("2026-11-10T12:31:30Z");
    let told = bed.service.since(came).await.unwrap();
    let outcomes: Vec<_> =
        told.occurrences.iter().map(|one| (one.outcome, one.broadcast.clone(), one.planned_at)).collect();
    assert_eq!(
        outcomes,
        [
            (Outcome::Missed, None, at("2026-11-10T12:30:00Z")),
            (Outcome::Held, held.first().cloned(), at("2026-11-09T12:30:00Z")),
            (Outcome::Fired, fired.first().cloned(), at("2026-11-08T12:30:00Z")),
        ]
    );
    assert!(told.occurrences.iter().all(|one| one.schedule == schedule.id));

    bed.sandbox.set_template_status("hello", "en_US", "PAUSED").unwrap();
    bed.service.sync_templates().await.unwrap();
    let told = bed.service.since(bed.service.now()).await.unwrap();
    assert_eq!(told.template_pauses.iter().map(|one| &one.broadcast).collect::<Vec<_>>(), [&fired[0]]);
    assert!(
        told.template_pauses[0].detail.starts_with("WhatsApp says that the template"),
        "{:?}",
        told.template_pauses
    );
}

#[tokio::test]
async fn each_operator_was_last_seen_on_their_own() {
    let bed = Bed::new().await;
    let asha = bed.another().asked_by("asha at the console on vps-1");
    let ravi = bed.another().asked_by("ravi at the console on vps-1");
    assert_eq!(asha.last_seen().await.unwrap(), None);
    asha.seen_now().await.unwrap();
    bed.clock.advance(HOUR);
    ravi.seen_now().await.unwrap();
    assert_eq!(asha.last_seen().await.unwrap(), Some(bed.service.now().plus(-HOUR)));
    assert_eq!(ravi.last_seen().await.unwrap(), Some(bed.service.now()));
}

#[tokio::test]
async fn over_http_what_happened_and_what_the_process_said() {
    let bed = Bed::new().await;
    bed.people("diwali", 2).await;
    let stop = CancellationToken::new();
    let config = ApiConfig {
        listen: "127.0.0.1:0".into(),
        api_keys: vec![SecretString::from("a-key-of-some-length")],
        ..ApiConfig::default()
    };
    let handle = api::serve(config, bed.service.clone(), stop.clone()).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| {
        let url = format!("http://{}{path}", handle.local_addr);
        let answer = http.get(url).bearer_auth("a-key-of-some-length").send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let (status, told) = ask("/since?time=2026-11-08T00:00:00Z").await;
    assert_eq!((status, told["imports"][0]["imported"].as_u64()), (StatusCode::OK, Some(2)));
    assert_eq!(told["since"], "2026-11-08T00:00:00.000Z");
    for (path, expected) in [
        ("/since?time=yesterday", StatusCode::UNPROCESSABLE_ENTITY),
        ("/since?time=2026-12-01T00:00:00Z", StatusCode::UNPROCESSABLE_ENTITY),
        ("/since", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(ask(path).await.0, expected, "{path}");
    }
    let (status, events) = ask("/events?limit=5").await;
    assert_eq!(status, StatusCode::OK);
    assert!(events["items"].as_array().unwrap().len() <= 5);
    stop.cancel();
    handle.ended().await;
}
