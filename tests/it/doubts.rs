//! People in doubt, by the real binary: shown with what is known, and decided upon by an operator in bulk.

use crate::real::Workplace;
use std::fmt::Write;
use std::time::{Duration, Instant};
use wacast::sandbox::{Fault, FaultKind, Mix};

const PEOPLE: u64 = 40;
const IN_DOUBT: u64 = 6;

/// A completed broadcast with some people in doubt whom the sandbox never took.
async fn with_doubts(store_url: &str) -> (Workplace, String) {
    let place = Workplace::new(store_url, 4).await;
    let mut csv = String::from("phone,name\n");
    for person in 0..PEOPLE {
        let _ = writeln!(csv, "+9198765{person:05},Person {person}");
    }
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, csv).unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let made =
        place.json(&["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"]);
    let id = made["broadcast_id"].as_str().unwrap().to_owned();
    place.sandbox.break_with(Fault::times(FaultKind::CutBefore, u32::try_from(IN_DOUBT).unwrap()));
    (place, id)
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn count(place: &Workplace, id: &str, state: &str) -> u64 {
    place.json(&["status", id, "--json"])["counts"][state].as_u64().unwrap()
}

async fn decided_upon(store_url: &str) {
    let (place, id) = with_doubts(store_url).await;
    let running = place.headless();
    wait_for(|| place.json(&["status", &id, "--json"])["status"] == "completed", "it completes");
    wait_for(|| count(&place, &id, "delivered") == PEOPLE - IN_DOUBT, "receipts come");
    wait_for(|| !place.json(&["status", &id, "--json"])["audit"].is_null(), "the records are compared");
    let status = place.json(&["status", &id, "--json"]);
    assert_eq!(status["audit"]["agrees"], true, "{}", status["audit"]);

    let all = place.json(&["in-doubt", "--json"]);
    assert_eq!((all.as_array().unwrap().len(), all[0]["unsettled"].as_u64()), (1, Some(IN_DOUBT)));
    let listed = place.json(&["in-doubt", &id, "--json"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len() as u64, IN_DOUBT);
    let person = |place: usize| listed[place]["phone"].as_str().unwrap().to_owned();
    assert!(!listed[0]["detail"].as_str().unwrap().is_empty(), "it says what happened: {}", listed[0]);

    // Nothing without a word: neither a missing number nor a wrong one.
    for arguments in [vec!["in-doubt", &id, "--send-again"], vec!["in-doubt", &id, "--send-again", "--expect", "5"]] {
        assert!(!place.command(&arguments).output().unwrap().status.success(), "{arguments:?}");
    }
    let stranger = ["in-doubt", &id, "--give-up", "--phone", "+919876599999", "--yes"];
    assert!(!place.command(&stranger).output().unwrap().status.success());
    assert_eq!(count(&place, &id, "in_doubt"), IN_DOUBT, "nothing was decided");

    place.json_or_text(&["in-doubt", &id, "--leave"]);
    assert_eq!(count(&place, &id, "in_doubt"), IN_DOUBT);
    place.json_or_text(&["in-doubt", &id, "--count-as-sent", "--phone", &person(0), "--yes"]);
    place.json_or_text(&["in-doubt", &id, "--give-up", "--phone", &person(1), "--phone", &person(2), "--expect", "2"]);
    let left = (IN_DOUBT - 3).to_string();
    let again = place.json(&["in-doubt", &id, "--send-again", "--expect", &left, "--json"]);
    assert_eq!(again["people"].as_u64(), Some(IN_DOUBT - 3));
    let follow_up = again["follow_up"].as_str().unwrap().to_owned();
    wait_for(|| place.json(&["status", &follow_up, "--json"])["status"] == "completed", "they get it");
    wait_for(|| count(&place, &follow_up, "delivered") == IN_DOUBT - 3, "and it arrives");
    assert_eq!(count(&place, &id, "in_doubt"), 0);
    assert_eq!((count(&place, &id, "accepted"), count(&place, &id, "failed")), (1, IN_DOUBT - 1));
    let summary = place.sandbox.summary();
    assert!(summary.people_twice.is_empty(), "{:?}", summary.people_twice);
    assert_eq!(summary.accepted as u64, PEOPLE - 3, "all but the one counted as sent and the two given up");
    running.drain();
    let trail = place.json_or_text(&["audit"]);
    for word in ["leave", "count_as_sent", "give_up", "send_again"] {
        assert!(trail.contains(&format!("decide {id} {word}")), "{word}: {trail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_upon_in_bulk_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    decided_upon(&format!("sqlite://{}", folder.path().join("wacast.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_upon_in_bulk_on_mongodb() {
    decided_upon(&crate::mongod::shared().await.url("doubts")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_by_receipts_on_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (place, id) = with_doubts(&format!("sqlite://{}", folder.path().join("wacast.db").display())).await;
    place.sandbox.mend();
    place.sandbox.break_with(Fault::times(FaultKind::CutAfter, u32::try_from(IN_DOUBT).unwrap()));
    let running = place.headless();
    wait_for(|| count(&place, &id, "delivered") == PEOPLE, "receipts settle them all");
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_failed_get_a_follow_up_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = Workplace::new(&format!("sqlite://{}", folder.path().join("wacast.db").display()), 4).await;
    let half_fail = Mix { failed: vec![(131_026, 0.5)], read: 0.0, delivered: 0.5 };
    place.sandbox.change(|settings| settings.mix = half_fail).unwrap();
    let mut csv = String::from("phone,name\n");
    for person in 0..PEOPLE {
        let _ = writeln!(csv, "+9198765{person:05},Person {person}");
    }
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, csv).unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
    let id = place.json(&send)["broadcast_id"].as_str().unwrap().to_owned();
    let early = place.command(&["follow-up", &id, "--pick", "failed", "--yes"]).output().unwrap();
    assert!(String::from_utf8_lossy(&early.stderr).contains("has not ended"), "{early:?}");
    let running = place.headless();
    wait_for(|| place.json(&["status", &id, "--json"])["status"] == "completed", "it completes");
    wait_for(|| count(&place, &id, "failed") + count(&place, &id, "delivered") == PEOPLE, "receipts come");
    let failed = count(&place, &id, "failed");
    assert!(failed > 0 && failed < PEOPLE, "{failed} failed");

    place.sandbox.change(|settings| settings.mix = Mix::default()).unwrap();
    let made = place.json(&["follow-up", &id, "--pick", "failed", "--expect", &failed.to_string(), "--json"]);
    let other = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["follow_up"]["of"].as_str(), Some(id.as_str()));
    wait_for(|| count(&place, &other, "delivered") == failed, "they have it now");
    let twice = place.command(&["follow-up", &id, "--pick", "failed", "--yes"]).output().unwrap();
    assert!(String::from_utf8_lossy(&twice.stderr).contains("repeat"), "{twice:?}");
    running.drain();
}
