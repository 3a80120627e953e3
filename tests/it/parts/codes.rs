//! Every row of the error policy, by answer and by receipt, through the running binary: what becomes of the person, of the
//! broadcast and of the sender, as the HTTP API and the command line show them.
//!
//! Codes that stand for themselves share a broadcast; those that pause a broadcast have one each, side by side; those that
//! stop the whole sender come one after another, in a few processes at the same time.

use super::site::{Line, Site, lines};
use crate::error_table::{Case, cases, waiter, with_phones};
use crate::real::Workplace;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use wacast::domain::error_policy::Action;
use wacast::domain::phone::Phone;
use wacast::domain::state::PauseReason;
use wacast::sandbox::{Provoked, SandboxConfig, Settings};

/// Processes that take the codes in which everything stops.
const PROCESSES: usize = 4;

/// What an action concerns: every row of the policy is in one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    Person,
    Pace,
    Broadcast,
    Sender,
}

fn concern(action: Action) -> Concern {
    match action {
        Action::Fail | Action::FailRetryLater | Action::Retry | Action::DelayRecipient => Concern::Person,
        Action::SlowDown => Concern::Pace,
        Action::PauseBroadcast(_) => Concern::Broadcast,
        Action::PauseSender | Action::PauseAccount | Action::StopAuth => Concern::Sender,
    }
}

/// The policy's rows about this, in both ways, each with a phone of its own.
fn about(wanted: Concern) -> Vec<(Phone, Case)> {
    with_phones(cases().into_iter().filter(|case| concern(case.action()) == wanted).collect())
}

/// A process whose account has a marketing template without variables, too.
async fn site(cases: &[(Phone, Case)], settings: Settings) -> Site {
    let settings = Settings { provoking_numbers: false, ..settings };
    let mut config = SandboxConfig { settings, ..SandboxConfig::default() };
    let offer = json!({"id": "9100", "name": "offer", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
        "components": [{"type": "BODY", "text": "Everything for less"}]});
    config.templates.push(serde_json::from_value(offer).unwrap());
    let site = Site::start(Workplace::with("sqlite://wacast.db", 64, config).await).await;
    provoke(&site, cases.iter().map(|(phone, case)| (*phone, case.what.clone())));
    site
}

fn provoke(site: &Site, people: impl IntoIterator<Item = (Phone, Provoked)>) {
    let people = people.into_iter().map(|(phone, what)| (phone.to_string(), what));
    site.sandbox.change(|settings| settings.provoke.extend(people)).unwrap();
}

/// Uploads people as a list of their own and makes a broadcast to them; its id.
async fn broadcast(site: &Site, template: &str, list: &str, people: &[Phone]) -> String {
    let numbers: Vec<Value> = people.iter().map(|phone| json!({"name": "Asha", "phone": phone})).collect();
    let report = site.ask(&format!("/upload-numbers?list={list}"), &json!({"numbers": numbers})).await;
    assert_eq!(report["imported"], people.len(), "{report}");
    let asked = json!({"template_name": template, "language_code": "en_US", "list": list});
    let made = site.ask("/send-broadcast", &asked).await;
    made["broadcast_id"].as_str().unwrap().to_owned()
}

/// Whether a line of the report tells of a person what the code wants.
fn stands(case: &Case, line: Option<&Line>) -> bool {
    let Some(line) = line.filter(|line| line.code == case.what.code) else { return false };
    let wait_s = line.due.map(|due| due.duration_since(jiff::Timestamp::now()).as_secs());
    // The report names codes; what else an answer told by stands in the detail. No code is as good as 0 there.
    let plain = case.what.subcode.is_none() && !case.what.transient && case.what.http_status.is_none();
    assert!(!plain || line.code == 0 || line.title == case.rule.title, "{:?}: {line:?}", case.what);
    match case.action() {
        Action::Fail => line.state == "failed" && wait_s.is_none(),
        Action::FailRetryLater => line.state == "failed" && wait_s > Some(23 * 3_600),
        Action::Retry | Action::SlowDown | Action::DelayRecipient => {
            line.state == "queued" && wait_s > Some(i64::from(case.rule.wait_s) - 4)
        }
        _ => line.state == "queued",
    }
}

/// Waits until everybody has stood as their codes want it.
async fn until_all_stand(site: &Site, id: &str, cases: &[(Phone, Case)]) -> BTreeMap<String, Line> {
    let (mut seen, since) = (BTreeSet::new(), Instant::now());
    loop {
        let report = site.report(id).await;
        let now = cases.iter().filter(|(phone, case)| stands(case, report.get(&phone.to_string())));
        seen.extend(now.map(|(phone, _)| *phone));
        if seen.len() == cases.len() {
            return report;
        }
        let missing = cases.iter().find(|(phone, _)| !seen.contains(phone)).unwrap();
        let (phone, case) = missing;
        let what = format!("{:?}: {:?}", case.what, report.get(&phone.to_string()));
        assert!(since.elapsed() < super::site::PATIENCE, "{} of {}, {what}", seen.len(), cases.len());
        tokio::time::sleep(super::site::LOOK).await;
    }
}

fn word(reason: Option<PauseReason>) -> Value {
    reason.map_or(Value::Null, |reason| reason.word().into())
}

/// Whether a detail tells what happened, and with which code.
fn tells(case: &Case, broadcast: &Value) -> bool {
    let detail = broadcast["detail"].as_str().unwrap();
    detail.contains(&case.rule.title) && detail.contains(&case.what.code.to_string())
}

/// Whether one of the problems that are shown tells of it.
fn is_shown(problems: &Value, title: &str) -> bool {
    problems.as_array().unwrap().iter().any(|problem| problem["what"].as_str().unwrap().contains(title))
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_about_one_person_leave_everybody_else_alone() {
    let cases = about(Concern::Person);
    assert!(cases.len() > 80, "{}", cases.len());
    let mut site = site(&cases, Settings::default()).await;
    let well = Phone::from_digits(919_870_040_000).unwrap();
    let people: Vec<Phone> = cases.iter().map(|(phone, _)| *phone).chain([well]).collect();
    let id = broadcast(&site, "offer", "people", &people).await;
    let report = until_all_stand(&site, &id, &cases).await;
    assert!(report.values().all(|line| line.state != "in_doubt"));
    site.until_count(&id, "delivered", 1).await;
    assert_eq!(site.report(&id).await[&well.to_string()].state, "delivered");

    // The broadcast and the sender are as they were.
    let shown = site.status(&id);
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("running"), &Value::Null), "{shown}");
    let standing = site.get("/sender").await;
    assert_ne!(standing["pace"]["why_not_faster"]["why"], "slowed_by_api", "{standing}");
    assert!(!is_shown(&standing["problems"], "paused"), "{standing}");
    let failures = shown["failures"].as_array().unwrap();
    for (_, case) in cases.iter().filter(|(_, case)| case.action() == Action::Fail && case.what.subcode.is_none()) {
        let cause =
            failures.iter().find(|cause| cause["code"] == case.what.code).unwrap_or_else(|| panic!("{failures:?}"));
        assert_eq!((&cause["title"], &cause["advice"]), (&json!(case.rule.title), &json!(case.rule.advice)));
    }
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_about_the_pace_slow_the_sender_and_fail_nobody() {
    for by_receipt in [false, true] {
        let mut cases = about(Concern::Pace);
        cases.retain(|(_, case)| case.what.by_receipt == by_receipt);
        assert!(cases.len() >= 9, "{}", cases.len());
        // All of them are under way before the first answer.
        let mut site = site(&cases, Settings { latency_ms: (700, 700), ..Settings::default() }).await;
        let people: Vec<Phone> = cases.iter().map(|(phone, _)| *phone).collect();
        let id = broadcast(&site, "hello", "people", &people).await;
        until_all_stand(&site, &id, &cases).await;
        let slowed = |standing: &Value| {
            let why = &standing["pace"]["why_not_faster"];
            why["why"] == "slowed_by_api" && why["until"].is_number()
        };
        let standing = site.until("it slows down", "/sender", slowed).await;
        let code = standing["pace"]["why_not_faster"]["code"].as_i64();
        assert!(cases.iter().any(|(_, case)| Some(case.what.code) == code), "{standing}");
        let shown = site.status(&id);
        assert_eq!((&shown["status"], &shown["counts"]["failed"]), (&json!("running"), &json!(0)), "{shown}");
        site.drain();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_about_the_template_pause_their_broadcast_only() {
    let cases = about(Concern::Broadcast);
    assert!(cases.len() > 35, "{}", cases.len());
    let mut site = site(&cases, Settings::default()).await;
    let mut ids = Vec::new();
    for (place, (phone, _)) in cases.iter().enumerate() {
        let waiter = waiter(*phone);
        provoke(&site, [waiter.clone()]);
        ids.push(broadcast(&site, "hello", &format!("list {place}"), &[*phone, waiter.0]).await);
    }
    for (id, one) in ids.iter().zip(&cases) {
        let (what, case) = (format!("{:?}", one.1.what), &one.1);
        let paused = site.until_status(id, "paused").await;
        assert_eq!(paused["reason"], word(case.action().pause_reason()), "{what}: {paused}");
        assert!(tells(case, &paused), "{what}: {paused}");
        until_all_stand(&site, id, std::slice::from_ref(one)).await;
    }
    // The command line shows the same.
    let listed = site.json(&["status", "--json"]);
    let listed: BTreeMap<&str, &Value> =
        listed["broadcasts"].as_array().unwrap().iter().map(|one| (one["id"].as_str().unwrap(), one)).collect();
    let shown = ids.iter().filter_map(|id| listed.get(id.as_str()));
    assert!(shown.clone().count() > 35 && shown.clone().all(|one| one["status"] == "paused"));
    // And the sender goes on.
    let other = Phone::from_digits(919_870_040_000).unwrap();
    let other = broadcast(&site, "hello", "others", &[other]).await;
    site.until_status(&other, "completed").await;
    site.drain();
}

/// One of these codes comes while another broadcast of the sender, `beside`, waits for something else.
async fn stops(site: &Site, one: &(Phone, Case), beside: &str) {
    let (phone, case) = one;
    let (what, title) = (format!("{:?}", case.what), &case.rule.title);
    let reason = word(case.action().pause_reason());
    let waiter = waiter(*phone);
    provoke(site, [waiter.clone()]);
    site.until_status(beside, "running").await;
    let id = broadcast(site, "hello", &phone.to_string()[1..], &[*phone, waiter.0]).await;
    let paused = site.until_status(&id, "paused").await;
    assert_eq!(paused["reason"], reason, "{what}: {paused}");
    assert!(tells(case, &paused), "{what}: {paused}");
    let other = site.until_status(beside, "paused").await;
    assert_eq!(other["reason"], reason, "{what}: {other}");
    until_all_stand(site, &id, std::slice::from_ref(one)).await;
    // Nobody is sent to by this sender any more, and that is shown.
    let shown = site.until("it is shown", "/sender", |sender| is_shown(&sender["problems"], title)).await;
    assert!(shown["problems"].to_string().contains(&id), "{what}: {shown}");
    site.ask(&format!("/broadcasts/{id}/cancel"), &json!({})).await;
}

/// A broadcast to somebody who waits for a minute, so that it runs on without sending.
async fn waiting(site: &Site, place: usize) -> (String, Phone) {
    let phone = Phone::from_digits(919_870_070_000 + place as u64).unwrap();
    provoke(site, [(phone, Provoked { code: 131_057, ..Provoked::default() })]);
    (broadcast(site, "hello", &format!("beside {place}"), &[phone]).await, phone)
}

/// Everything of the sender stands still, one code after the other.
async fn everything_stops(cases: &[(Phone, Case)]) {
    let mut site = site(cases, Settings::default()).await;
    let (by_receipt, by_answer): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, case)| case.what.by_receipt);
    let (beside, waits) = waiting(&site, 0).await;
    for one in by_answer {
        stops(&site, one, &beside).await;
        site.ask(&format!("/broadcasts/{beside}/resume"), &json!({})).await;
    }
    let line = &lines(&site.json_or_text(&["report", &beside, "--out", "-"]))[&waits.to_string()];
    assert_eq!((line.state.as_str(), line.code), ("queued", 131_057), "who stands beside lost nothing");
    site.ask(&format!("/broadcasts/{beside}/cancel"), &json!({})).await;
    // Receipts tell the time in whole seconds, and what is older than an operator's word stops nothing: so another one
    // stands beside each of these.
    for (place, one) in (1..).zip(by_receipt) {
        let (beside, _) = waiting(&site, place).await;
        stops(&site, one, &beside).await;
        site.ask(&format!("/broadcasts/{beside}/cancel"), &json!({})).await;
    }
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_about_sender_account_and_token_stop_everything_of_the_sender() {
    let cases = about(Concern::Sender);
    assert!(cases.len() > 120, "{}", cases.len());
    join_all(cases.chunks(cases.len().div_ceil(PROCESSES)).map(everything_stops)).await;
}
