//! How the sender stands, and its limits: a blocked one starts nothing, what does not fit into the day waits and says until
//! when, and marketing goes only to whom and by the way that WhatsApp lets it.

use super::site::{Site, people, phone};
use crate::real::Workplace;
use serde_json::json;
use std::fmt::Write;
use wacast::sandbox::{PHONE_NUMBER_ID, SenderProfile};

fn change(place: &Workplace, change: impl FnOnce(&mut SenderProfile)) {
    place.sandbox.change_sender(PHONE_NUMBER_ID, change).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_sender_starts_nothing_and_a_limited_one_says_so() {
    let place = Workplace::on_sqlite(4).await;
    place.import("people", &people(3));
    change(&place, |profile| {
        profile.can_send_message = "BLOCKED".into();
        profile.health_note = "Your display name was declined.".into();
        profile.quality_rating = "RED".into();
    });
    let words = "WhatsApp does not let this sender write to anybody: PHONE_NUMBER: Your display name was declined.";
    let mut site = Site::start(place).await;
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes"];
    let (code, said) = site.refused(&send);
    assert!(code == 1 && said.contains(words), "{code} {said}");
    let asked = json!({"template_name": "hello", "language_code": "en_US", "list": "people"});
    let (status, answer) = site.post("/send-broadcast", &asked).await;
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("sender_blocked")), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{answer}");
    let standing = site.json(&["status", "--json"]);
    assert_eq!(standing["health"]["can_send_message"], "BLOCKED", "{standing}");
    assert_eq!((&standing["health"]["quality_rating"], &standing["broadcasts"]), (&json!("RED"), &json!([])));
    let problems = standing["problems"].to_string();
    for words in ["does not let this sender write to anybody", "Your display name was declined", "quality is low"] {
        assert!(problems.contains(words), "{words}: {problems}");
    }

    change(&site, |profile| {
        profile.can_send_message = "LIMITED".into();
        profile.quality_rating = "GREEN".into();
    });
    let said = site.json_or_text(&send);
    assert!(said.contains("WhatsApp limits what this sender may send. PHONE_NUMBER: Your display name"), "{said}");
    let id = site.get("/broadcasts").await["items"][0]["id"].as_str().unwrap().to_owned();
    site.until_status(&id, "completed").await;
    assert!(site.problems().await.contains("WhatsApp limits what this sender may send"));
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_the_day_waits_and_says_until_when() {
    let place = Workplace::on_sqlite(4).await;
    change(&place, |profile| profile.messaging_limit = "TIER_250".into());
    place.configure("sender", "daily_reserve = 50");
    place.import("people", &people(260));
    let mut site = Site::start(place).await;
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes"];
    let said = site.json_or_text(&send);
    assert!(said.contains("DOES NOT FIT TODAY") && said.contains("60 of this broadcast wait"), "{said}");
    let id = site.get("/broadcasts").await["items"][0]["id"].as_str().unwrap().to_owned();
    let paused = site.until_status(&id, "paused").await;
    assert_eq!(paused["reason"], "budget", "{paused}");
    let counts = &paused["counts"];
    assert_eq!((&counts["queued"], &counts["failed"]), (&json!(60), &json!(0)), "they wait: {paused}");
    assert_eq!(site.sandbox.taken(), 200, "the reserve is left to others");
    assert!(
        paused["detail"].as_str().unwrap().contains("250 people in 24 hours, 50 of them kept in reserve"),
        "{paused}"
    );
    let resume_at: jiff::Timestamp = paused["resume_at"].as_str().unwrap().parse().unwrap();
    let hours = jiff::Timestamp::now().until(resume_at).unwrap().total(jiff::Unit::Hour).unwrap();
    assert!((23.0..25.0).contains(&hours), "a day after the first of them: {hours} h");
    let budget = &site.get("/sender").await["budget"];
    assert_eq!((&budget["limit"], &budget["used"], &budget["left"]), (&json!(200), &json!(200), &json!(0)), "{budget}");
    let status = site.json_or_text(&["status"]);
    assert!(status.contains("200 used of 200 people in 24 hours; the next go out from"), "{status}");

    // Whoever was reached already costs nothing more, and goes now.
    let known: String = people(20);
    site.import("known", &known);
    let again = site.send("hello", "known", &[]);
    site.until_status(&again, "completed").await;

    // WhatsApp raises the limit: the rest goes on by itself.
    change(&site, |profile| profile.messaging_limit = "TIER_2K".into());
    let value = json!({"max_daily_conversations_per_business": "TIER_2K", "max_phone_numbers_per_business": 25});
    site.sandbox.tell("business_capability_update", &value).unwrap();
    site.until("the new limit is known", "/sender", |standing| standing["budget"]["limit"] == 1_950).await;
    site.until_status(&id, "completed").await;
    assert_eq!(site.taken().len(), 260);
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn marketing_leaves_out_calling_code_1_and_goes_the_way_that_the_account_demands() {
    let place = Workplace::on_sqlite(8).await;
    place.sandbox.change(|settings| settings.marketing_on_messages = false).unwrap();
    let mut csv = String::from("phone,first_name\n+12125550123,Ana\n+14155550124,Tom\n");
    for person in 0..20 {
        writeln!(csv, "{},Person {person}", phone(person)).unwrap();
    }
    place.import("people", &csv);
    let mut site = Site::start(place).await;
    // It is confirmed by those whom it goes to, as it was said.
    let send = ["send", "--template", "diwali_offer", "--language", "en_US", "--all", "--expect", "20"];
    let said = site.json_or_text(&[&send[..], &["--var", "discount:=10%", "--var", "button.0:=A1"]].concat());
    assert!(said.contains("left out  2 WhatsApp delivers no marketing messages to +1 numbers"), "{said}");
    let id = site.get("/broadcasts").await["items"][0]["id"].as_str().unwrap().to_owned();
    let ended = site.until_status(&id, "completed").await;
    assert_eq!((&ended["counts"]["skipped"], &ended["counts"]["failed"]), (&json!(2), &json!(0)), "{ended}");
    assert_eq!(ended["funnel"]["accepted"], 20, "{ended}");
    let listed = site.json_or_text(&["status"]);
    assert!(listed.contains("20 of 20 ") && listed.contains("100.0 %"), "who is left out is not counted: {listed}");
    assert!(ended["skips"][0]["reason"].as_str().unwrap().contains("+1 numbers"), "{ended}");
    assert!(site.taken().iter().all(|phone| phone.starts_with("+91")));
    let refused = site.sandbox.summary().refused;
    assert_eq!(refused.keys().collect::<Vec<_>>(), [&131_063], "{refused:?}");

    // A list of nobody but those is not begun in silence.
    site.import("abroad", "phone,first_name\n+12125550123,Ana\n");
    let send = ["send", "--template", "diwali_offer", "--language", "en_US", "--list", "abroad", "--yes"];
    let said = site.json_or_text(&[&send[..], &["--var", "discount:=10%", "--var", "button.0:=A1"]].concat());
    assert!(said.contains("everybody would be left out"), "{said}");
    site.drain();
}
