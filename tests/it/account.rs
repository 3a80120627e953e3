//! The account from outside: a token that ends and its successor, renewing, limits, restrictions, whom marketing does not
//! reach. In the real binary where that matters, else on the use cases.

use crate::bed::{Bed, NOW, at};
use crate::real::Workplace;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use wacast::config::api_version_warning;
use wacast::domain::account::{RESTRICTION_NOTE, Restriction};
use wacast::domain::binding;
use wacast::domain::time::DAY;
use wacast::sandbox::{ACCESS_TOKEN, BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, SandboxToken};
use wacast::service::view::BroadcastRequest;

const PEOPLE: u64 = 1_200;

async fn wait_for(mut done: impl FnMut() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn import(place: &Workplace, people: u64) {
    let mut csv = String::from("phone,first_name\n");
    for person in 0..people {
        let _ = writeln!(csv, "+9198765{person:05},Person {person}");
    }
    let path = place.folder.path().join("people.csv");
    std::fs::write(&path, csv).unwrap();
    place.json(&["import", path.to_str().unwrap(), "--list", "people", "--json"]);
}

/// A broadcast to everybody, and a process that drives it until its token is revoked in the middle.
async fn revoked_in_the_middle(place: &Workplace) -> (String, crate::real::Wacast) {
    place.sandbox.change(|settings| settings.latency_ms = (20, 40)).unwrap();
    import(place, PEOPLE);
    let made = place.json(&["send", "--template", "hello", "--language", "en_US", "--all", "--yes", "--json"]);
    let id = made["broadcast_id"].as_str().unwrap().to_owned();
    let running = place.headless();
    wait_for(|| place.sandbox.taken() >= 100, "messages go out").await;
    place.sandbox.issue_token(&SandboxToken::new("second-made-up-token"));
    wait_for(|| status(place, &id)["status"] == "paused", "it is paused").await;
    let paused = status(place, &id);
    assert_eq!(paused["reason"], "auth", "{paused}");
    assert!(paused["counts"]["queued"].as_u64().unwrap() > 0, "{paused}");
    (id, running)
}

fn status(place: &Workplace, id: &str) -> Value {
    place.json(&["status", id, "--json"])
}

/// It went on and reached everybody once, and the token stands nowhere but in its own file.
async fn completes(place: &Workplace, id: &str) {
    wait_for(|| status(place, id)["status"] == "completed", "it completes").await;
    let status = status(place, id);
    let reached = status["funnel"]["accepted"].as_u64().unwrap();
    assert_eq!(reached, PEOPLE, "{status}");
    let summary = place.sandbox.summary();
    assert_eq!((summary.accepted as u64, summary.distinct_recipients as u64), (PEOPLE, PEOPLE));
    assert!(summary.people_twice.is_empty(), "{:?}", summary.people_twice);
    let mut kept = 0;
    for file in files(place.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        if String::from_utf8_lossy(&bytes).contains("second-made-up-token") {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            assert!(name.starts_with("access-token.") || name == "token", "the token stands in {}", file.display());
            if name != "token" {
                assert_eq!(mode, 0o600);
                kept += 1;
            }
        }
    }
    assert!(kept <= 1);
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

async fn workplace(max_in_flight: u64) -> (tempfile::TempDir, Workplace) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    let place = Workplace::new(&url, max_in_flight).await;
    (folder, place)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_by_the_api_lets_everything_go_on() {
    let (_store, place) = workplace(8).await;
    let (id, running) = revoked_in_the_middle(&place).await;
    let webhook = place.sandbox.settings().webhook_url.unwrap();
    let url = webhook.replace("/webhook", "/token");
    wacast::cloud_api::install_crypto_provider();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |token: &str| {
        http.post(&url)
            .bearer_auth("test-key")
            .body(json!({ "access_token": token }).to_string())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
    };
    let refused = post("one-that-nobody-issued").send().await.unwrap();
    assert_eq!(refused.status(), 422);
    assert!(!refused.text().await.unwrap().contains("one-that-nobody-issued"));
    assert_eq!(status(&place, &id)["reason"], "auth", "nothing was changed");

    let accepted = post("second-made-up-token").send().await.unwrap();
    assert_eq!(accepted.status(), 200);
    let answer: Value = serde_json::from_str(&accepted.text().await.unwrap()).unwrap();
    assert_eq!((&answer["resumed"], &answer["token"]["valid"]), (&json!([id]), &json!(true)), "{answer}");
    completes(&place, &id).await;
    running.drain();

    // The next process begins with the kept one.
    let token = place.json(&["token", "--json"]);
    assert_eq!(token["valid"], true, "{token}");
    assert!(place.json_or_text(&["doctor"]).contains("ok    sender"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_by_the_command_line_lets_everything_go_on() {
    let (_store, place) = workplace(8).await;
    let (id, running) = revoked_in_the_middle(&place).await;
    let mut command = place.command(&["token", "--stdin", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"second-made-up-token\n").unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["resumed"], json!([id]), "{answer}");
    completes(&place, &id).await;
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_in_its_file_lets_everything_go_on() {
    let (_store, place) = workplace(8).await;
    let (config, token) = (place.folder.path().join("config.toml"), place.folder.path().join("token"));
    let text = std::fs::read_to_string(&config).unwrap();
    let inline = format!("access_token = \"{ACCESS_TOKEN}\"");
    assert!(text.contains(&inline));
    std::fs::write(&token, ACCESS_TOKEN).unwrap();
    std::fs::write(&config, text.replace(&inline, "access_token_file = \"token\"")).unwrap();
    let (id, running) = revoked_in_the_middle(&place).await;
    std::fs::write(&token, "second-made-up-token\n").unwrap();
    completes(&place, &id).await;
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn marketing_leaves_out_calling_code_1_and_goes_the_way_that_the_account_demands() {
    let (_store, place) = workplace(8).await;
    place.sandbox.change(|settings| settings.marketing_on_messages = false).unwrap();
    let path = place.folder.path().join("people.csv");
    let mut csv = String::from("phone,first_name\n+12125550123,Ana\n+14155550124,Tom\n");
    for person in 0..20 {
        let _ = writeln!(csv, "+9198765{person:05},Person {person}");
    }
    std::fs::write(&path, csv).unwrap();
    place.json(&["import", path.to_str().unwrap(), "--list", "people", "--json"]);
    let send = ["send", "--template", "diwali_offer", "--language", "en_US", "--all", "--yes", "--json", "--wait"];
    let bindings = ["--var", "discount:=10%", "--var", "button.0:=A1"];
    place.json_or_text(&[&send[..], &bindings[..]].concat());
    let broadcasts = place.json(&["status", "--json"]);
    let one = &broadcasts["broadcasts"][0];
    assert_eq!((&one["status"], &one["counts"]["skipped"]), (&json!("completed"), &json!(2)), "{one}");
    assert_eq!((&one["funnel"]["accepted"], &one["counts"]["failed"]), (&json!(20), &json!(0)), "{one}");
    assert!(place.taken().iter().all(|phone| phone.starts_with("+91")));
    let refused = place.sandbox.summary().refused;
    assert_eq!(refused.keys().collect::<Vec<_>>(), [&131_063], "{refused:?}");
}

fn marketing(list: &str) -> BroadcastRequest {
    let bindings = ["discount:=10%", "button.0:=A1"].into_iter().map(binding::parse).collect::<Result<_, _>>();
    BroadcastRequest {
        template_name: "diwali_offer".into(),
        language_code: "en_US".into(),
        list: Some(list.into()),
        bindings: bindings.unwrap_or_else(|_| BTreeMap::default()),
        ..BroadcastRequest::default()
    }
}

fn hello(list: &str) -> BroadcastRequest {
    BroadcastRequest {
        template_name: "hello".into(),
        language_code: "en_US".into(),
        list: Some(list.into()),
        ..BroadcastRequest::default()
    }
}

#[tokio::test]
async fn a_plan_counts_whom_marketing_does_not_reach() {
    let bed = Bed::new().await;
    bed.import("mixed", "phone,first_name\n+12125550123,Ana\n+919876500001,Asha\n+919876500002,Ravi\n").await;
    let plan = bed.service.plan(&marketing("mixed"), |_, _| {}).await.unwrap();
    assert_eq!(plan.left_out, [("WhatsApp delivers no marketing messages to +1 numbers".to_owned(), 1)]);
    assert_eq!((plan.people, plan.goes_to()), (3, 2));
    let plan = bed.service.plan(&hello("mixed"), |_, _| {}).await.unwrap();
    assert_eq!(plan.goes_to(), 3);
}

#[tokio::test]
async fn a_plan_says_how_many_wait_for_the_limit() {
    let bed = Bed::new().await;
    bed.people("people", 300).await;
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.messaging_limit = "TIER_250".into()).unwrap();
    let plan = bed.service.plan(&hello("people"), |_, _| {}).await.unwrap();
    assert_eq!(plan.budget.map(|budget| (budget.limit, budget.used)), Some((250, 0)));
    assert!(plan.warnings.iter().any(|warning| warning.contains("50 of this broadcast wait")), "{:?}", plan.warnings);
}

#[tokio::test]
async fn a_blocked_sender_and_a_restricted_account_start_nothing() {
    let bed = Bed::new().await;
    bed.people("people", 3).await;
    let restriction = Restriction { detail: "no conversations".into(), until: Some(at(NOW).plus(DAY)), category: None };
    let note = serde_json::to_string(&restriction).unwrap();
    bed.store.put_note(RESTRICTION_NOTE, &note).await.unwrap();
    let error = bed.service.start(hello("people")).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("no conversations, until")), ("sender_blocked", true), "{error}");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("no conversations until")), "{problems:?}");
    bed.clock.advance(DAY);
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.can_send_message = "BLOCKED".into()).unwrap();
    assert_eq!(bed.service.start(hello("people")).await.unwrap_err().code, "sender_blocked");
    bed.sandbox.change_sender(PHONE_NUMBER_ID, |profile| profile.can_send_message = "AVAILABLE".into()).unwrap();
    bed.service.start(hello("people")).await.unwrap();
}

fn days_from_now(days: i64) -> i64 {
    jiff::Timestamp::now().as_second() + days * 86_400
}

#[tokio::test]
async fn a_token_near_its_end_is_exchanged_and_the_new_one_is_used() {
    let bed = Bed::at(&jiff::Timestamp::now().to_string()).await;
    let first = |expires_at| SandboxToken { expires_at, ..SandboxToken::new(ACCESS_TOKEN) };
    bed.sandbox.issue_token(&first(days_from_now(40)));
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(matches!(standing.days_left(bed.service.now()), Some(39..=40)), "far from its end: left alone");
    bed.sandbox.issue_token(&first(days_from_now(10)));
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(matches!(standing.days_left(bed.service.now()), Some(59..=60)), "{standing:?}");
    assert_eq!((standing.trouble.as_str(), standing.not_renewed.as_str()), ("", ""));
    assert_eq!(bed.service.known_token().await.unwrap(), Some(standing));
    // The old one ends, and what was exchanged works on.
    bed.sandbox.issue_token(&SandboxToken { keep_others: true, ..first(1) });
    assert_eq!(bed.service.sender().await.unwrap().trouble, None);
}

#[tokio::test]
async fn a_token_that_will_not_do_is_told_of_and_none_is_taken() {
    let bed = Bed::at(&jiff::Timestamp::now().to_string()).await;
    let elsewhere = vec!["999".to_owned()];
    bed.sandbox.issue_token(&SandboxToken { targets: elsewhere, ..SandboxToken::new(ACCESS_TOKEN) });
    let standing = bed.service.look_at_token().await.unwrap();
    assert!(standing.trouble.contains(BUSINESS_ACCOUNT_ID), "{standing:?}");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("the access token will not do")), "{problems:?}");
    let scopes = vec!["whatsapp_business_management".to_owned()];
    bed.sandbox.issue_token(&SandboxToken { scopes, keep_others: true, ..SandboxToken::new("narrow") });
    for token in ["narrow", "unknown", "two words", ""] {
        let error = bed.service.take_token(SecretString::from(token)).await.unwrap_err();
        assert_eq!(error.code, "token_refused", "{token}: {error}");
        assert!(token.is_empty() || !error.message.contains(token), "{error}");
    }
    assert!(bed.service.sender().await.unwrap().trouble.is_none(), "the one in use is as it was");
    bed.sandbox.issue_token(&SandboxToken { keep_others: true, ..SandboxToken::new("a-good-one") });
    bed.service.take_token(SecretString::from("a-good-one")).await.unwrap();
    bed.sandbox.issue_token(&SandboxToken::new("a-good-one"));
    assert!(bed.service.sender().await.unwrap().trouble.is_none(), "the new one is used");
}

#[tokio::test]
async fn a_version_that_ends_while_the_process_runs_is_told_of() {
    let bed = Bed::new().await;
    bed.service.watch_api_version(|now| api_version_warning("v21.0", now));
    assert_eq!(bed.service.refresh().await.account.api_version, None);
    bed.clock.set("2027-01-01T00:00:00Z");
    let problems = bed.service.refresh().await.problems.clone();
    assert!(problems.iter().any(|problem| problem.what.contains("v21.0 ends on 2027-01-21")), "{problems:?}");
}
