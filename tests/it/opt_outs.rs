//! Opt-outs by the real binary: somebody writes STOP in the middle of a broadcast and gets nothing more.

use crate::real::Workplace;
use serde_json::Value;
use std::fmt::Write;
use std::time::{Duration, Instant};
use wacast::sandbox::{Deed, Inbound};

const PEOPLE: u64 = 600;
/// Whom WhatsApp refuses marketing for by a receipt (the sandbox's number for the code 131050).
const STOPPED_MARKETING: &str = "+919878131050";

fn phone(person: u64) -> String {
    format!("+9198765{person:05}")
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The kinds that stand for somebody.
fn kinds(place: &Workplace, phone: &str) -> Vec<String> {
    let found = place.json(&["optouts", "list", phone, "--json"]);
    let standing = found[0]["standing"].as_array().cloned().unwrap_or_default();
    standing.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

fn status(place: &Workplace, id: &str) -> Value {
    place.json(&["status", id, "--json"])
}

fn says(person: u64, deed: Deed, text: &str) -> Inbound {
    Inbound { deed, from: phone(person), text: text.to_owned(), ..Inbound::default() }
}

async fn whoever_says_stop_gets_nothing_more(store_url: &str) {
    let place = Workplace::new(store_url, 2).await;
    // Slow enough that there is a middle.
    place.sandbox.change(|settings| settings.latency_ms = (60, 60)).unwrap();
    let mut csv = String::from("phone,name\n");
    for person in 0..PEOPLE {
        let _ = writeln!(csv, "{},Person {person}", phone(person));
    }
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, csv).unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);

    // Before the start: one by an operator, two of a file with a double and a bad row.
    place.json(&["optouts", "add", &phone(1), "--note", "on the phone", "--json"]);
    let list = place.folder.path().join("optouts.csv");
    std::fs::write(&list, format!("phone\n{0}\n{1}\n{0}\n12\n", phone(2), phone(3))).unwrap();
    let done = place.json(&["optouts", "import", list.to_str().unwrap(), "--json"]);
    let figures = ["received", "imported", "known", "rejected"].map(|word| done[word].as_u64().unwrap());
    assert_eq!(figures, [4, 2, 1, 1]);
    place.json(&["optouts", "remove", &phone(3), "--json"]);

    let made =
        place.json(&["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"]);
    let id = made["broadcast_id"].as_str().unwrap().to_owned();
    let running = place.headless();
    wait_for(|| place.sandbox.taken() > 5, "it goes out");
    let late = [PEOPLE - 1, PEOPLE - 2, PEOPLE - 3];
    place.sandbox.say(&says(late[0], Deed::Message, "Stop!")).await.unwrap();
    place.sandbox.say(&Inbound { standby: true, ..says(late[1], Deed::Button, "Unsubscribe") }).await.unwrap();
    // Somebody who hides the phone, known from a message that named both.
    let user_id = "IN.77".to_owned();
    place.sandbox.say(&Inbound { user_id: user_id.clone(), ..says(late[2], Deed::Message, "hello") }).await.unwrap();
    let hidden = Inbound { from: String::new(), user_id, ..says(late[2], Deed::Message, "बंद करें") };
    place.sandbox.say(&hidden).await.unwrap();
    // A platform resume undoes no word of theirs.
    place.sandbox.say(&says(late[0], Deed::Stop, "")).await.unwrap();
    wait_for(|| kinds(&place, &phone(late[0])) == ["typed", "platform"], "both are noted");
    place.sandbox.say(&says(late[0], Deed::Resume, "")).await.unwrap();
    wait_for(|| kinds(&place, &phone(late[0])) == ["typed"], "the typed one stands");
    assert_ne!(status(&place, &id)["status"], "completed", "it was in the middle");
    place.sandbox.change(|settings| settings.latency_ms = (1, 1)).unwrap();

    wait_for(|| status(&place, &id)["status"] == "completed", "it completes");
    let counts = &status(&place, &id)["counts"];
    assert_eq!(counts["skipped"], 5, "{counts}");
    let taken = place.taken();
    assert_eq!(taken.len() as u64, PEOPLE - 5);
    for person in [1, 2, late[0], late[1], late[2]] {
        assert!(!taken.contains(&phone(person)), "{person}");
    }
    assert!(taken.contains(&phone(3)), "undone before it began");
    let report = place.json_or_text(&["report", &id, "--out", "-"]);
    for reason in ["opted out (typed)", "opted out (button)", "opted out (operator)", "opted out (import)"] {
        assert!(report.contains(reason), "{reason}");
    }
    place.sandbox.say(&says(late[0], Deed::Message, "START")).await.unwrap();
    wait_for(|| kinds(&place, &phone(late[0])).is_empty(), "a typed START undoes it");
    running.drain();
    let trail = place.json_or_text(&["audit"]);
    for word in ["opt_out", "opt_in", "import_opt_outs"] {
        assert!(trail.contains(word), "{word}: {trail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_stop_gets_nothing_more_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    whoever_says_stop_gets_nothing_more(&format!("sqlite://{}", folder.path().join("wacast.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_stop_gets_nothing_more_on_mongodb() {
    whoever_says_stop_gets_nothing_more(&crate::mongod::shared().await.url("opt_outs")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_131050_opts_out_of_marketing() {
    let folder = tempfile::tempdir().unwrap();
    let place = Workplace::new(&format!("sqlite://{}", folder.path().join("wacast.db").display()), 2).await;
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, format!("phone,name\n{STOPPED_MARKETING},Asha\n{},Ben\n", phone(1))).unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
    let id = place.json(&send)["broadcast_id"].as_str().unwrap().to_owned();
    let running = place.headless();
    wait_for(|| status(&place, &id)["counts"]["failed"] == 1, "WhatsApp tells it");
    wait_for(|| kinds(&place, STOPPED_MARKETING) == ["code_131050"], "it is noted");
    let out = place.folder.path().join("out.csv");
    place.json_or_text(&["optouts", "export", out.to_str().unwrap()]);
    let exported = std::fs::read_to_string(&out).unwrap();
    assert!(exported.contains(&format!("{STOPPED_MARKETING},code_131050,")), "{exported}");
    let resumes = Inbound { deed: Deed::Resume, from: STOPPED_MARKETING.to_owned(), ..Inbound::default() };
    place.sandbox.say(&resumes).await.unwrap();
    wait_for(|| kinds(&place, STOPPED_MARKETING).is_empty(), "resuming marketing undoes it");
    assert_eq!(place.json(&["optouts", "list", STOPPED_MARKETING, "--history", "--json"]).as_array().unwrap().len(), 3);
    running.drain();
}
