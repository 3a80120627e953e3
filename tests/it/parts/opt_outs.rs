//! Opt-outs: somebody writes STOP in the middle of a broadcast and gets nothing more; kinds are kept apart, alias forms of a
//! phone are one person, and lists of them go out and come in.

use super::site::{Site, people, phone};
use crate::real::Workplace;
use serde_json::json;
use wacast::sandbox::{Deed, Inbound};

const PEOPLE: u32 = 600;
/// Whom WhatsApp refuses marketing for by a receipt (the sandbox's number for the code 131050).
const STOPPED_MARKETING: &str = "+919878131050";

/// The kinds that stand for somebody.
fn kinds(place: &Workplace, phone: &str) -> Vec<String> {
    let found = place.json(&["optouts", "list", phone, "--json"]);
    let standing = found[0]["standing"].as_array().cloned().unwrap_or_default();
    standing.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

/// Waits until these stand.
async fn until_kinds(site: &Site, phone: &str, wanted: &[&str]) {
    site.until_true(&format!("{wanted:?} stand for {phone}"), || kinds(site, phone) == wanted).await;
}

fn says(person: u32, deed: Deed, text: &str) -> Inbound {
    Inbound { deed, from: phone(person), text: text.to_owned(), ..Inbound::default() }
}

async fn whoever_says_stop_gets_nothing_more(store_url: &str) {
    let place = Workplace::new(store_url, 2).await;
    // Slow enough that there is a middle.
    place.sandbox.change(|settings| settings.latency_ms = (60, 60)).unwrap();
    place.import("people", &people(PEOPLE));

    // Before the start: one by an operator, two of a file with a double and a bad row.
    place.json(&["optouts", "add", &phone(1), "--note", "on the phone", "--json"]);
    let list = place.file("optouts.csv", format!("phone\n{0}\n{1}\n{0}\n12\n", phone(2), phone(3)));
    let done = place.json(&["optouts", "import", &list, "--json"]);
    let figures = ["received", "imported", "known", "rejected"].map(|word| done[word].as_u64().unwrap());
    assert_eq!(figures, [4, 2, 1, 1]);
    place.json(&["optouts", "remove", &phone(3), "--json"]);

    let id = place.send("hello", "people", &[]);
    let mut site = Site::start(place).await;
    site.until_true("it goes out", || site.place.sandbox.taken() > 5).await;
    let late = [PEOPLE - 1, PEOPLE - 2, PEOPLE - 3];
    site.sandbox.say(&says(late[0], Deed::Message, "Stop!")).await.unwrap();
    site.sandbox.say(&Inbound { standby: true, ..says(late[1], Deed::Button, "Unsubscribe") }).await.unwrap();
    // Somebody who hides the phone, known from a message that named both.
    let user_id = "IN.77".to_owned();
    site.sandbox.say(&Inbound { user_id: user_id.clone(), ..says(late[2], Deed::Message, "hello") }).await.unwrap();
    let hidden = Inbound { from: String::new(), user_id, ..says(late[2], Deed::Message, "बंद करें") };
    site.sandbox.say(&hidden).await.unwrap();
    // A platform resume undoes no word of theirs.
    site.sandbox.say(&says(late[0], Deed::Stop, "")).await.unwrap();
    until_kinds(&site, &phone(late[0]), &["typed", "platform"]).await;
    site.sandbox.say(&says(late[0], Deed::Resume, "")).await.unwrap();
    until_kinds(&site, &phone(late[0]), &["typed"]).await;
    assert_ne!(site.status(&id)["status"], "completed", "it was in the middle");
    site.sandbox.change(|settings| settings.latency_ms = (1, 1)).unwrap();

    let ended = site.until_status(&id, "completed").await;
    assert_eq!(ended["counts"]["skipped"], 5, "{ended}");
    let taken = site.taken();
    assert_eq!(taken.len(), PEOPLE as usize - 5);
    for person in [1, 2, late[0], late[1], late[2]] {
        assert!(!taken.contains(&phone(person)), "{person}");
    }
    assert!(taken.contains(&phone(3)), "undone before it began");
    let report = site.json_or_text(&["report", &id, "--out", "-"]);
    for reason in ["opted out (typed)", "opted out (button)", "opted out (operator)", "opted out (import)"] {
        assert!(report.contains(reason), "{reason}");
    }
    site.sandbox.say(&says(late[0], Deed::Message, "START")).await.unwrap();
    until_kinds(&site, &phone(late[0]), &[]).await;
    site.drain();
    let trail = site.json_or_text(&["audit"]);
    for word in ["opt_out", "opt_in", "import_opt_outs"] {
        assert!(trail.contains(word), "{word}: {trail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_stop_gets_nothing_more_on_sqlite() {
    whoever_says_stop_gets_nothing_more("sqlite://wacast.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_stop_gets_nothing_more_on_mongodb() {
    whoever_says_stop_gets_nothing_more(&crate::mongod::shared().await.url("opt_outs")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_131050_opts_out_of_marketing() {
    let place = Workplace::on_sqlite(2).await;
    place.import("people", &format!("phone,name\n{STOPPED_MARKETING},Asha\n{},Ben\n", phone(1)));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_count(&id, "failed", 1).await;
    until_kinds(&site, STOPPED_MARKETING, &["code_131050"]).await;
    let out = site.folder.path().join("out.csv");
    site.json_or_text(&["optouts", "export", out.to_str().unwrap()]);
    let exported = std::fs::read_to_string(&out).unwrap();
    assert!(exported.contains(&format!("{STOPPED_MARKETING},code_131050,")), "{exported}");
    let resumes = Inbound { deed: Deed::Resume, from: STOPPED_MARKETING.to_owned(), ..Inbound::default() };
    site.sandbox.say(&resumes).await.unwrap();
    until_kinds(&site, STOPPED_MARKETING, &[]).await;
    let history = site.json(&["optouts", "list", STOPPED_MARKETING, "--history", "--json"]);
    assert_eq!(history.as_array().unwrap().len(), 3);
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_list_holds_elsewhere_and_for_every_form_of_a_phone() {
    let first = Workplace::on_sqlite(4).await;
    // Somebody in Brazil writes from the short form of a number, somebody in Mexico from the old long one.
    let mut site = Site::start(first).await;
    for from in ["+551187654321", "+5215512345678"] {
        let stop = Inbound { from: from.to_owned(), text: "Parar".to_owned(), ..Inbound::default() };
        site.sandbox.say(&Inbound { deed: Deed::Message, ..stop }).await.unwrap();
    }
    site.ask("/optouts", &json!({"phone": phone(7), "note": "by letter"})).await;
    let listed = site.until("both are noted", "/optouts", |all| all["people"] == 3).await;
    let first_one = &listed["items"][0]["standing"][0];
    assert!(first_one["at"].is_string() && first_one["kind"].is_string(), "when and how: {listed}");
    let out = site.folder.path().join("out.csv");
    site.json_or_text(&["optouts", "export", out.to_str().unwrap()]);
    site.drain();

    // Another place of work takes the list, and writes to the forms that its own lists have.
    let second = Workplace::on_sqlite(4).await;
    let done = second.json(&["optouts", "import", out.to_str().unwrap(), "--json"]);
    assert_eq!((&done["imported"], &done["rejected"]), (&json!(3), &json!(0)), "{done}");
    let forms = ["+5511987654321", "+525512345678", &phone(7)];
    let well = phone(8);
    second
        .import("people", &format!("phone,name\n{}\n{well},Ben\n", forms.map(|form| format!("{form},Ana")).join("\n")));
    let mut site = Site::start(second).await;
    let id = site.send("hello", "people", &[]);
    let ended = site.until_status(&id, "completed").await;
    assert_eq!((&ended["counts"]["skipped"], &ended["funnel"]["accepted"]), (&json!(3), &json!(1)), "{ended}");
    assert_eq!(site.taken().into_iter().collect::<Vec<_>>(), [well]);

    // One of them is lifted, on the record, and is written to again.
    site.json_or_text(&["optouts", "remove", forms[2], "--note", "asked for it again"]);
    let again = site.send("hello", "people", &["--repeat"]);
    site.until_true("the one gets it", || site.place.taken().contains(forms[2])).await;
    site.until_status(&again, "completed").await;
    assert!(!site.taken().contains(forms[0]) && !site.taken().contains(forms[1]));
    let history = site.get(&format!("/optouts/{}", &forms[2][1..])).await;
    assert!(history.to_string().contains("asked for it again"), "{history}");
    site.drain();
}
