//! Templates that change while broadcasts go out with them, and everything that fills their variables: by the use cases,
//! and by the real binary against the sandbox.

use crate::bed::{Bed, at, column, request};
use crate::real::{Wacast, Workplace};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use wacast::domain::binding::{Bindings, Source, parse};
use wacast::domain::broadcast::{Choices, OnBadRows, OnTemplatePause};
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::{Change, Kind, Who};
use wacast::domain::state::{BroadcastStatus, PauseReason};
use wacast::domain::time::Millis;
use wacast::service;
use wacast::service::view::BroadcastRequest;

fn waiting() -> Choices {
    Choices { on_template_pause: OnTemplatePause::Wait, ..Choices::default() }
}

#[tokio::test]
async fn a_sync_pauses_what_may_no_longer_be_sent_and_lets_go_on_what_waits() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let held = bed.service.start(request("hello", "diwali")).await.unwrap().broadcast.id;
    let asked = BroadcastRequest { choices: waiting(), repeat: true, ..request("hello", "diwali") };
    let waits = bed.service.start(asked).await.unwrap().broadcast.id;
    let other = BroadcastRequest { bindings: column("1", "name"), ..request("order_update", "diwali") };
    let other = bed.service.start(other).await.unwrap().broadcast.id;
    let standing = async |id| {
        let broadcast = bed.service.broadcast(id).await.unwrap().broadcast;
        (broadcast.status, broadcast.reason, broadcast.resume_at, broadcast.detail)
    };

    bed.sandbox.set_template_status("hello", "en_US", "PAUSED").unwrap();
    bed.service.sync_templates().await.unwrap();
    let (status, reason, resume_at, detail) = standing(&held).await;
    assert_eq!((status, reason, resume_at), (BroadcastStatus::Paused, Some(PauseReason::Template), None));
    assert!(detail.contains("hello / en_US is paused") && detail.contains("resume it"), "{detail}");
    let (status, _, resume_at, detail) = standing(&waits).await;
    assert_eq!((status, resume_at), (BroadcastStatus::Paused, Some(at("2026-11-08T10:05:00Z"))));
    assert!(detail.contains("by itself"), "{detail}");
    assert_eq!(standing(&other).await.0, BroadcastStatus::Preparing, "another template is nobody's business");

    // Looked at again when its time has come, each time later.
    for (now, next) in
        [("2026-11-08T10:05:00Z", "2026-11-08T10:15:00Z"), ("2026-11-08T10:15:00Z", "2026-11-08T10:35:00Z")]
    {
        bed.clock.set(now);
        bed.service.sync_templates().await.unwrap();
        assert_eq!(standing(&waits).await.2, Some(at(next)));
    }
    bed.sandbox.set_template_status("hello", "en_US", "APPROVED").unwrap();
    bed.service.sync_templates().await.unwrap();
    assert_eq!(standing(&waits).await.0, BroadcastStatus::Paused, "not before its time");
    bed.clock.set("2026-11-08T10:35:00Z");
    bed.service.sync_templates().await.unwrap();
    assert_eq!(standing(&waits).await.0, BroadcastStatus::Preparing);
    assert_eq!(standing(&held).await.0, BroadcastStatus::Paused, "that one is an operator's");
    bed.service.resume(&held).await.unwrap();
    assert_eq!(standing(&held).await.0, BroadcastStatus::Preparing);
}

#[tokio::test]
async fn what_does_not_come_back_is_not_waited_for() {
    let bed = Bed::new().await;
    bed.people("diwali", 3).await;
    let asked = BroadcastRequest { choices: waiting(), ..request("hello", "diwali") };
    let id = bed.service.start(asked).await.unwrap().broadcast.id;
    for (status, resume_at) in [("PAUSED", Some(at("2026-11-08T10:05:00Z"))), ("DISABLED", None)] {
        bed.sandbox.set_template_status("hello", "en_US", status).unwrap();
        bed.service.sync_templates().await.unwrap();
        let broadcast = bed.service.broadcast(&id).await.unwrap().broadcast;
        assert_eq!((broadcast.status, broadcast.resume_at), (BroadcastStatus::Paused, resume_at), "{status}");
        let problems = bed.service.refresh().await.problems.clone();
        let shown = problems.iter().any(|problem| problem.broadcast.as_ref() == Some(&id));
        assert_eq!(shown, resume_at.is_none(), "{status}: {problems:?}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_sent_are_left_out_or_stop_everything() {
    let bed = Bed::new().await;
    bed.import("mixed", "phone,name,city\n+919876500001,Asha,Pune\n+919876500002,Ravi,\n+919876500003,Mira,\n").await;
    let asked = BroadcastRequest { bindings: column("1", "city"), ..request("order_update", "mixed") };
    let plan = bed.service.plan(&asked, |_, _| {}).await.unwrap();
    assert_eq!((plan.people, plan.goes_to()), (3, 1));

    let choices = Choices { on_bad_rows: OnBadRows::Refuse, ..Choices::default() };
    let strict = BroadcastRequest { choices, ..asked.clone() };
    let warnings = bed.service.plan(&strict, |_, _| {}).await.unwrap().warnings;
    assert!(warnings.iter().any(|words| words.contains("2 people cannot be sent")), "{warnings:?}");
    let error = bed.service.start(strict.clone()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (service::Kind::Wrong, "bad_rows"), "{error}");
    let details = error.details;
    assert_eq!((&details["people"], details["first"].as_array().unwrap().len()), (&json!(2), 2), "{details}");
    assert_eq!(details["reasons"][0]["count"], 2);
    assert!(details["first"][0]["row"].is_u64() && details["first"][0]["reason"].as_str().unwrap().contains("blank"));
    assert!(!details.to_string().contains("9876500002"), "masked: {details}");

    let fallback = Source::ColumnOr { column: "city".into(), fallback: "your town".into() };
    bed.service.start(BroadcastRequest { bindings: Bindings::from([("1".into(), fallback)]), ..strict }).await.unwrap();
    bed.service.start(BroadcastRequest { repeat: true, ..asked }).await.unwrap();
}

#[tokio::test]
async fn whoever_is_opted_out_is_no_bad_row() {
    let bed = Bed::new().await;
    bed.import("two", "phone,name\n+919876500001,Asha\n+919876500002,Ravi\n").await;
    bed.service.opt_out("+919876500002", "by telephone").await.unwrap();
    let choices = Choices { on_bad_rows: OnBadRows::Refuse, ..Choices::default() };
    let strict = BroadcastRequest { choices, ..request("hello", "two") };
    let plan = bed.service.plan(&strict, |_, _| {}).await.unwrap();
    assert_eq!(plan.goes_to(), 1);
    assert!(!plan.warnings.iter().any(|words| words.contains("nothing will be sent")), "{:?}", plan.warnings);
    bed.service.start(strict).await.unwrap();
}

#[tokio::test]
async fn a_file_is_looked_at_before_anybody_is_written_to() {
    let bed = Bed::new().await;
    bed.people("diwali", 2).await;
    let with = |path: &std::path::Path| {
        let file = parse(&format!("header.link=@{}", path.display())).unwrap();
        let fixed = ["name=name", "button.0:=SAVE15"].map(|text| parse(text).unwrap());
        BroadcastRequest { bindings: [file].into_iter().chain(fixed).collect(), ..request("new_arrivals", "diwali") }
    };
    for (name, bytes, words) in [("a.gif", 1, "a picture"), ("a.png", 0, "empty"), ("b.png", 5 << 20 | 1, "at most")] {
        let path = bed.folder.path().join(name);
        std::fs::write(&path, vec![0_u8; bytes]).unwrap();
        let error = bed.service.start(with(&path)).await.unwrap_err();
        assert!(error.code == "bad_file" && error.message.contains(words), "{error}");
    }
    assert_eq!(bed.service.start(with(&bed.folder.path().join("none.png"))).await.unwrap_err().code, "bad_file");
}

/// The real binary at work with so many people in a list.
async fn workplace(folder: &tempfile::TempDir, people: u32) -> Workplace {
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    let place = Workplace::new(&url, 4).await;
    let mut csv = String::from("phone,name,latitude,longitude\n");
    for person in 0..people {
        writeln!(csv, "+9198765{person:05},Person {person},12.{person},77.{person}").unwrap();
    }
    let path = place.folder.path().join("people.csv");
    std::fs::write(&path, csv).unwrap();
    place.json(&["import", path.to_str().unwrap(), "--list", "people", "--json"]);
    place
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// WhatsApp's word about `hello`, while the sandbox itself goes on taking it.
fn tell(place: &Workplace, event: &str) {
    let value = json!({"event": event, "message_template_id": 9001, "message_template_name": "hello",
        "message_template_language": "en-US", "reason": "NONE", "other_info": {"title": "FIRST_PAUSE"}});
    place.sandbox.tell("message_template_status_update", &value).unwrap();
}

fn status(place: &Workplace, id: &str) -> Value {
    place.json(&["status", id, "--json"])
}

fn hello_is(place: &Workplace, wanted: &str) -> bool {
    let known = place.json(&["templates", "--json"]);
    let templates = known["templates"].as_array().unwrap();
    templates.iter().any(|one| one["name"] == "hello" && one["status"] == wanted)
}

fn send(place: &Workplace, more: &[&str]) -> String {
    let common =
        ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json", "--repeat"];
    let made = place.json(&[&common[..], more].concat());
    made["broadcast_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_paused_in_the_middle_pauses_its_broadcast_until_it_is_reinstated() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 300).await;
    place.sandbox.change(|settings| settings.latency_ms = (40, 60)).unwrap();
    let running: Wacast = place.headless();

    for (more, by_itself) in [(&["--retry-later"][..], true), (&[], false)] {
        let before = place.sandbox.taken();
        let id = send(&place, more);
        wait_for(|| place.sandbox.taken() >= before + 10, "messages go out");
        tell(&place, "PAUSED");
        wait_for(|| status(&place, &id)["status"] == "paused", "it is paused");
        let paused = status(&place, &id);
        assert_eq!(paused["reason"], "template", "{paused}");
        assert_eq!(paused["resume_at"].is_string(), by_itself, "{paused}");
        assert!(paused["counts"]["queued"].as_u64().unwrap() > 0, "in the middle: {paused}");
        assert!(hello_is(&place, "PAUSED"), "stored at once");
        tell(&place, "REINSTATED");
        if !by_itself {
            wait_for(|| hello_is(&place, "APPROVED"), "it is reinstated");
            assert_eq!(status(&place, &id)["status"], "paused", "an operator says so");
            place.json_or_text(&["resume", &id]);
        }
        wait_for(|| status(&place, &id)["status"] == "completed", "it goes on to its end");
        assert_eq!(place.sandbox.taken(), before + 300);
    }
    assert!(place.sandbox.summary().attempts_twice.is_empty());
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_other_kinds_do_not_shorten_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 300).await;
    place.sandbox.change(|settings| settings.latency_ms = (40, 60)).unwrap();
    let running: Wacast = place.headless();
    let id = send(&place, &["--retry-later"]);
    wait_for(|| place.sandbox.taken() >= 10, "messages go out");
    // An answer pauses it; the stored status is as it was.
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    let now = Millis::from(jiff::Timestamp::now());
    let store = wacast::store::open(&url, now).await.unwrap();
    let broadcast: BroadcastId = id.parse().unwrap();
    store.pause(&broadcast, PauseReason::Template, "waits", Some(now.plus(600_000))).await.unwrap();
    let named = json!({"message_template_name": "hello", "message_template_language": "en_US"});
    let with = |key: &str, word: &str| {
        let mut value = named.clone();
        value[key] = word.into();
        value
    };
    let quality = with("new_quality_score", "YELLOW");
    place.sandbox.tell("message_template_quality_update", &quality).unwrap();
    let is = |quality: &str| {
        let known = place.json(&["templates", "--json"]);
        let templates = known["templates"].as_array().unwrap();
        templates.iter().any(|one| one["name"] == "hello" && one["quality"] == quality)
    };
    wait_for(|| is("YELLOW"), "the quality is stored");
    // What it would have done it would have done before the next one is stored.
    place.sandbox.tell("message_template_quality_update", &with("new_quality_score", "RED")).unwrap();
    wait_for(|| is("RED"), "and the next one");
    assert_eq!(status(&place, &id)["status"], "paused");
    tell(&place, "REINSTATED");
    wait_for(|| status(&place, &id)["status"] == "completed", "word of its status lets it go on");
    store.close().await;
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_utility_template_that_becomes_marketing_stops_until_an_operator_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 300).await;
    place.sandbox.change(|settings| settings.latency_ms = (40, 60)).unwrap();
    let running: Wacast = place.headless();
    let id = send(&place, &[]);
    wait_for(|| place.sandbox.taken() >= 10, "messages go out");
    let told = |new: &str, more: (&str, Value)| {
        let mut value = json!({"message_template_name": "hello", "message_template_language": "en_US",
            "new_category": new});
        value[more.0] = more.1;
        place.sandbox.tell("template_category_update", &value).unwrap();
    };
    // The last person in the list wants no marketing.
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    let now = Millis::from(jiff::Timestamp::now());
    let store = wacast::store::open(&url, now).await.unwrap();
    let stopped = Change {
        who: Who::phone("+919876500299".parse().unwrap()),
        kind: Kind::Platform,
        stop: true,
        at: now,
        how: "a test".into(),
        wamid: String::new(),
        text: String::new(),
    };
    store.note_opt_outs(vec![stopped]).await.unwrap();
    told("UTILITY", ("correct_category", "MARKETING".into()));
    let alerted = |words: &str| place.json_or_text(&["status"]).contains(words);
    wait_for(|| alerted("hello / en_US") && alerted("marketing"), "the notice is shown");
    assert_eq!(status(&place, &id)["status"], "running", "it is utility until then");
    told("MARKETING", ("previous_category", "UTILITY".into()));
    wait_for(|| status(&place, &id)["status"] == "paused", "it is paused");
    let paused = status(&place, &id);
    assert_eq!(paused["reason"], "template", "{paused}");
    assert!(paused["detail"].as_str().unwrap().contains("marketing template by now"), "{paused}");
    assert!(paused["counts"]["queued"].as_u64().unwrap() > 0, "in the middle: {paused}");
    place.json_or_text(&["resume", &id]);
    wait_for(|| status(&place, &id)["status"] == "completed", "it goes on as marketing");
    assert_eq!(status(&place, &id)["counts"]["skipped"], 1, "{}", status(&place, &id));
    assert!(!place.taken().contains("+919876500299"));
    store.close().await;
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_that_waits_is_looked_at_again_without_any_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 100).await;
    place.sandbox.change(|settings| settings.latency_ms = (40, 60)).unwrap();
    let running: Wacast = place.headless();
    let id = send(&place, &["--retry-later"]);
    wait_for(|| place.sandbox.taken() >= 10, "messages go out");
    tell(&place, "PAUSED");
    wait_for(|| status(&place, &id)["status"] == "paused", "it is paused");
    // The gap is minutes long: the test brings its end forward, as a second process may.
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    let now = Millis::from(jiff::Timestamp::now());
    let store = wacast::store::open(&url, now).await.unwrap();
    let broadcast: BroadcastId = id.parse().unwrap();
    store.pause(&broadcast, PauseReason::Template, "waits", Some(now)).await.unwrap();
    store.close().await;
    wait_for(|| status(&place, &id)["status"] == "completed", "it goes on by itself");
    assert!(hello_is(&place, "APPROVED"), "the look was a sync");
    assert_eq!(place.sandbox.taken(), 100);
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_given_over_http_is_uploaded_and_again_when_its_id_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 40).await;
    let running: Wacast = place.headless();
    let root = place.sandbox.settings().webhook_url.unwrap().replace("/webhook", "");
    wacast::cloud_api::install_crypto_provider();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |path: &str, body: Vec<u8>| {
        let request = http.post(format!("{root}{path}")).bearer_auth("test-key").body(body);
        async move {
            let answer = request.send().await.ok()?;
            Some((answer.status().as_u16(), answer.json::<Value>().await.unwrap()))
        }
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    let (status_code, kept) = loop {
        assert!(Instant::now() < deadline, "HTTP does not listen");
        if let Some(answer) = post("/media?filename=diwali.png", b"a picture".to_vec()).await {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((status_code, &kept["bytes"]), (201, &json!(9)), "{kept}");
    for name in ["a.exe", "..", "a%2Fb.png"] {
        let (code, answer) = post(&format!("/media?filename={name}"), b"x".to_vec()).await.unwrap();
        assert_eq!((code, &answer["error"]["code"]), (422, &json!("bad_file")), "{name}: {answer}");
    }
    let send = |file: &str| {
        let body = json!({"template_name": "new_arrivals", "language_code": "en_US", "list": "people",
            "variables": {"header.link": {"file": file}, "name": "name", "button.0": {"text": "SAVE15"}}});
        post("/send-broadcast", body.to_string().into_bytes())
    };
    let (code, answer) = send("/etc/passwd").await.unwrap();
    assert_eq!((code, &answer["error"]["code"]), (422, &json!("bad_file")), "{answer}");

    place.sandbox.change(|settings| settings.media_lifetime_s = 0).unwrap();
    let (code, made) = send(kept["file"].as_str().unwrap()).await.unwrap();
    assert_eq!(code, 202, "{made}");
    let id = made["broadcast_id"].as_str().unwrap();
    wait_for(|| status(&place, id)["status"] == "paused", "an id that has ended pauses it");
    assert_eq!((status(&place, id)["reason"].as_str(), place.sandbox.media().len()), (Some("template"), 1));
    assert_eq!(place.sandbox.taken(), 0);
    place.sandbox.change(|settings| settings.media_lifetime_s = 3_600).unwrap();
    place.json_or_text(&["resume", id]);
    // Whoever was refused waits for a minute; the others go at once.
    wait_for(|| place.sandbox.taken() >= 20, "it goes on with a new id");
    assert_eq!(place.sandbox.media().len(), 2);
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_by_upload_places_codes_and_named_variables_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let place = workplace(&folder, 5).await;
    let picture = place.folder.path().join("diwali.png");
    std::fs::write(&picture, b"not really a picture").unwrap();
    let prices = place.folder.path().join("price list.pdf");
    std::fs::write(&prices, b"not really a document").unwrap();
    let (picture, prices) =
        (format!("header.link=@{}", picture.display()), format!("header.link=@{}", prices.display()));
    for (template, variables) in [
        ("new_arrivals", &[picture.as_str(), "name=name", "button.0:=SAVE15"][..]),
        ("price_list", &[prices.as_str(), "1=name"]),
        (
            "store_opening",
            &[
                "header.latitude=latitude",
                "header.longitude=longitude",
                "header.name:=Shop",
                "header.address:=1 Example Road",
                "first_name=name",
                "day:=Sunday",
            ],
        ),
        ("login_code", &["1:=123456"]),
    ] {
        let before = place.sandbox.taken();
        let mut arguments =
            vec!["send", "--template", template, "--language", "en_US", "--all", "--yes", "--wait", "--json"];
        arguments.extend(variables.iter().flat_map(|variable| ["--var", variable]));
        place.json_or_text(&arguments);
        assert_eq!(place.sandbox.taken(), before + 5, "{template}");
    }
    let uploads: Vec<_> = place.sandbox.media().into_iter().map(|one| (one.name, one.mime, one.bytes)).collect();
    assert_eq!(
        uploads,
        [
            ("diwali.png".to_owned(), "image/png".to_owned(), 20),
            ("price list.pdf".to_owned(), "application/pdf".to_owned(), 21)
        ],
        "once a broadcast"
    );
}
