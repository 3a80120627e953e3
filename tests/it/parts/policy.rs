//! The error policy as data: an operator's own rows count, many failures of a kind stop a broadcast, and a sender that
//! WhatsApp asks for less says so.

use super::site::{Site, lines, people, phone};
use crate::real::Workplace;
use serde_json::{Value, json};
use wacast::sandbox::Mix;
use wacast::sandbox::numbers::{Country, Way, provoking};

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_own_rows_go_over_the_built_in_ones() {
    let place = Workplace::on_sqlite(4).await;
    // Without them the first would pause the whole account, and the second would fail for good.
    let payment = provoking(Country::India, Way::Usual, 131_042);
    let away = provoking(Country::India, Way::Once, 132_005);
    place.import("people", &format!("phone,name\n{payment},Asha\n{away},Ben\n{},Chandra\n", phone(1)));
    place.configure("sender", "error_policy = \"own.csv\"");

    place.file("own.csv", "code,action,title\n131042,explode,Somebody else pays\n");
    let (code, said) = place.refused(&["--no-tui"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("own.csv") && said.contains("line 2") && said.contains("explode"), "{said}");
    let (_, said) = doctor(&place);
    let failed = said.lines().filter(|line| line.starts_with("fail"));
    assert!(failed.clone().count() > 0 && failed.clone().all(|line| line.contains("line 2")), "{said}");
    assert!(!said.contains("see [store] url"), "the store is not to blame: {said}");

    let own =
        "code,action,wait_s,max_tries,title\n131042,fail,,,Somebody else pays\n132005,retry,5,3,Tried again here\n";
    place.file("own.csv", own);
    let (_, doctor) = doctor(&place);
    assert!(doctor.contains("own.csv: 2 rows over the built-in ones: 131042, 132005"), "{doctor}");
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    let ended = site.until_status(&id, "completed").await;
    assert_eq!((&ended["counts"]["failed"], &ended["funnel"]["accepted"]), (&json!(1), &json!(2)), "{ended}");
    assert_eq!(ended["failures"][0]["title"], "Somebody else pays", "{ended}");
    let report = lines(&site.json_or_text(&["report", &id, "--out", "-"]));
    let failed = &report[&payment.to_string()];
    assert_eq!((failed.state.as_str(), failed.code, failed.title.as_str()), ("failed", 131_042, "Somebody else pays"));
    site.drain();
}

/// What the doctor says, and how it ends.
pub fn doctor(place: &Workplace) -> (i32, String) {
    let output = place.command(&["doctor"]).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_of_a_kind_stop_a_broadcast_until_somebody_has_looked() {
    let place = Workplace::on_sqlite(4).await;
    place
        .sandbox
        .change(|settings| {
            settings.latency_ms = (20, 30);
            settings.mix = Mix { failed: vec![(131_026, 0.5)], delivered: 0.5, ..Mix::default() };
        })
        .unwrap();
    place.import("people", &people(1_500));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &["--label", "the bad list"]);
    let paused = site.until_status(&id, "paused").await;
    assert_eq!(paused["reason"], "failures", "{paused}");
    let detail = paused["detail"].as_str().unwrap();
    assert!(detail.contains("131026") && detail.contains("of the last"), "{detail}");
    assert!(paused["counts"]["queued"].as_u64().unwrap() > 500, "soon enough: {paused}");
    let problems = site.json(&["status", "--json"])["problems"].to_string();
    assert!(problems.contains("the bad list is paused") && problems.contains("Look at its failures"), "{problems}");

    site.sandbox
        .change(|settings| {
            settings.mix = Mix::default();
            settings.latency_ms = (0, 0);
        })
        .unwrap();
    site.until_true("what failed before is told", || site.place.sandbox.receipts_waiting() == 0).await;
    site.json_or_text(&["resume", &id]);
    let ended = site.until_status(&id, "completed").await;
    let sum: u64 = ended["counts"].as_object().unwrap().iter().filter(|(word, _)| *word != "total").map(count).sum();
    assert_eq!((sum, &ended["counts"]["total"]), (1_500, &json!(1_500)), "{ended}");
    site.nobody_twice();
    site.drain();
}

fn count((_, count): (&String, &Value)) -> u64 {
    count.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_asked_for_less_slows_down_says_so_and_fails_nobody() {
    let place = Workplace::on_sqlite(16).await;
    place.unset("messages_per_second");
    place.configure("sender", "messages_per_second = 100");
    place.sandbox.change(|settings| settings.messages_per_second = 25).unwrap();
    place.import("people", &people(250));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    let slowed = |standing: &Value| standing["pace"]["why_not_faster"]["why"] == "slowed_by_api";
    let standing = site.until("it slows down", "/sender", slowed).await;
    assert_eq!(standing["pace"]["why_not_faster"]["code"], 130_429, "{standing}");
    assert!(standing["pace"]["messages_per_second"].as_f64().unwrap() < 100.0, "{standing}");
    // Another process says the same, in words and as JSON.
    site.until_true("the command line says so", || {
        let said = site.place.json_or_text(&["status"]);
        said.contains("pace: WhatsApp asked for less (code 130429)")
    })
    .await;
    assert!(slowed(&site.json(&["status", "--json"])) || site.status(&id)["status"] == "completed");
    site.until_true("the log says so", || site.place.log().contains("WhatsApp asked for less (code 130429)")).await;
    let ended = site.until_status(&id, "completed").await;
    assert_eq!((&ended["counts"]["failed"], &ended["funnel"]["accepted"]), (&json!(0), &json!(250)), "{ended}");
    let refused = site.sandbox.summary().refused[&130_429];
    assert!(refused < 150, "it did not go on as before: {refused} refusals");
    site.nobody_twice();
    site.drain();
}
