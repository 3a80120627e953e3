//! Templates: listed whole or not at all, sent only when approved, and followed while they go out.

use super::site::{Site, people};
use crate::real::Workplace;
use serde_json::{Value, json};
use std::collections::HashSet;
use wacast::domain::template::Template;
use wacast::sandbox::SandboxConfig;

/// An account with so many more templates than the samples: more than one page of them.
fn with_many(count: u32) -> SandboxConfig {
    let mut config = SandboxConfig::default();
    let one = |place: u32| -> Template {
        serde_json::from_value(json!({
            "id": format!("77{place}"), "name": format!("season_{place:03}"), "language": "en_US",
            "status": "APPROVED", "category": "UTILITY", "quality": "GREEN", "parameter_format": "POSITIONAL",
            "components": [{"type": "BODY", "text": "Hello"}],
        }))
        .unwrap()
    };
    config.templates.extend((0..count).map(one));
    config
}

/// The names and languages of what a command listed.
fn keys(listed: &Value) -> HashSet<String> {
    let all = listed["templates"].as_array().unwrap();
    let keys: HashSet<String> = all.iter().map(|one| format!("{} {}", one["name"], one["language"])).collect();
    assert_eq!(keys.len(), all.len(), "each once");
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_pages_is_read_whole_although_its_place_is_lost() {
    let config = with_many(250);
    let in_all = config.templates.len();
    let place = Workplace::with("sqlite://wacast.db", 4, config).await;
    place.sandbox.lose_cursors(1);
    let listed = place.json(&["templates", "--sync", "--json"]);
    assert_eq!(keys(&listed).len(), in_all);
    let synced_at = listed["synced_at"].clone();
    assert!(synced_at.is_string(), "its age is shown: {synced_at}");

    // It cannot be read: nobody takes half a list for all of it.
    place.sandbox.lose_cursors(100);
    let (code, said) = place.refused(&["templates", "--sync"]);
    assert!(code == 1 && said.contains("131059"), "{code} {said}");
    let listed = place.json(&["templates", "--json"]);
    assert_eq!((keys(&listed).len(), &listed["synced_at"]), (in_all, &synced_at));

    // The running process does the same by HTTP.
    let mut site = Site::start(place).await;
    let (status, answer) = site.post("/templates/sync", &json!({})).await;
    assert_eq!((status, &answer["error"]["details"]["code"]), (503, &json!(131_059)), "{answer}");
    site.sandbox.lose_cursors(1);
    let answer = site.ask("/templates/sync", &json!({})).await;
    assert_eq!(answer["items"].as_array().unwrap().len(), in_all);
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_approved_template_starts_and_why_not_is_told() {
    let place = Workplace::on_sqlite(4).await;
    place.import("people", &people(3));
    place.json(&["templates", "--sync", "--json"]);
    let mut site = Site::start(place).await;
    let order_update = |items: &Value| {
        let is_it = |one: &&Value| one["name"] == "order_update" && one["language"] == "en_US";
        items["items"].as_array().unwrap().iter().find(is_it).cloned().unwrap()
    };
    assert_eq!(order_update(&site.get("/templates").await)["sub_category"], "ORDER_STATUS");
    site.sandbox.reject_template("order_update", "en_US", "INVALID_FORMAT").unwrap();
    let known = site.until("the rejection", "/templates", |all| order_update(all)["status"] == "REJECTED").await;
    assert_eq!(order_update(&known)["rejected_reason"], "INVALID_FORMAT");

    let send = ["send", "--template", "order_update", "--language", "en_US", "--all", "--var", "1=name", "--yes"];
    let (code, said) = site.refused(&send);
    assert!(code == 1 && said.contains("is rejected: invalid format"), "{said}");
    let asked = json!({"template_name": "order_update", "language_code": "en_US", "variables": {"1": "name"}});
    let (status, answer) = site.post("/send-broadcast", &asked).await;
    let error = &answer["error"];
    assert_eq!((status, &error["code"]), (422, &json!("template_not_approved")), "{answer}");
    assert_eq!(error["details"], json!({"template_status": "REJECTED", "rejected_reason": "INVALID_FORMAT"}));
    for listed in [site.json_or_text(&["templates"]), site.json_or_text(&["templates", "--sync"])] {
        assert!(listed.contains("utility, order status"), "{listed}");
        assert!(listed.contains("rejected: invalid format"), "the listing says it as well as the webhook: {listed}");
    }

    // Whatever else it may be called, also by words that nobody knows yet.
    for status in ["PENDING", "PAUSED", "DISABLED", "IN_APPEAL", "ON_THE_MOON"] {
        site.sandbox.set_template_status("order_update", "en_US", status).unwrap();
        let (_, said) = site.refused(&send);
        let words = status.to_lowercase().replace('_', " ");
        assert!(said.contains(&format!("is {words}: only approved")), "{status}: {said}");
    }
    let refused = site.json(&["status", "--json"]);
    assert_eq!(refused["broadcasts"], json!([]), "nothing was made");
    site.sandbox.tell_template_status("order_update", "en_US", "APPROVED").unwrap();
    let known = site.until("its approval", "/templates", |all| order_update(all)["status"] == "APPROVED").await;
    assert!(order_update(&known)["rejected_reason"].is_null(), "{known}");
    let id = site.send("order_update", "people", &["--var", "1=name"]);
    site.until_status(&id, "completed").await;
    site.drain();
}

/// WhatsApp's word about `hello`; the sandbox itself goes on taking it, so that nobody who is under way is refused.
fn tell(site: &Site, event: &str) {
    let value = json!({"event": event, "message_template_id": 9001, "message_template_name": "hello",
        "message_template_language": "en-US", "reason": "NONE", "other_info": {"title": "FIRST_PAUSE"}});
    site.sandbox.tell("message_template_status_update", &value).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_paused_in_the_middle_stops_what_goes_out_with_it_and_says_the_way_on() {
    let place = Workplace::on_sqlite(4).await;
    place.sandbox.change(|settings| settings.latency_ms = (30, 50)).unwrap();
    place.import("first", &people(200));
    place.import("second", &people(400).replace("+91987", "+91988"));
    let mut site = Site::start(place).await;
    let waits = site.send("hello", "first", &["--retry-later", "--label", "waits"]);
    let held = site.send("hello", "second", &["--label", "held"]);
    site.until_true("both go out", || {
        let taken = site.place.taken();
        ["+91987", "+91988"].iter().all(|front| taken.iter().any(|phone| phone.starts_with(front)))
    })
    .await;
    tell(&site, "PAUSED");
    for (id, by_itself) in [(&waits, true), (&held, false)] {
        let paused = site.until_status(id, "paused").await;
        assert_eq!((&paused["reason"], paused["resume_at"].is_string()), (&json!("template"), by_itself), "{paused}");
        let detail = paused["detail"].as_str().unwrap();
        let way_on = if by_itself { "goes on by itself" } else { "resume it once the template is approved" };
        assert!(detail.contains("hello / en_US is paused (first pause)") && detail.contains(way_on), "{detail}");
        assert!(paused["counts"]["queued"].as_u64().unwrap() > 0, "in the middle: {paused}");
        assert_eq!(paused["counts"]["failed"], 0, "nobody failed for it: {paused}");
    }
    // Whoever waits by itself needs nobody; the other one does.
    let problems = site.json(&["status", "--json"])["problems"].to_string();
    assert!(problems.contains("held is paused") && !problems.contains("waits is paused"), "{problems}");

    tell(&site, "REINSTATED");
    site.until_status(&waits, "completed").await;
    assert_eq!(site.status(&held)["status"], "paused", "that is an operator's word");
    site.json_or_text(&["resume", &held]);
    site.until_status(&held, "completed").await;
    assert_eq!(site.sandbox.taken(), 600);
    site.nobody_twice();
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_answers_find_paused_says_the_way_on_too() {
    let place = Workplace::on_sqlite(1).await;
    place.sandbox.change(|settings| settings.latency_ms = (30, 50)).unwrap();
    place.import("people", &people(100));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &["--retry-later"]);
    site.until_true("it goes out", || site.place.sandbox.taken() > 5).await;
    // No webhook tells of it.
    site.sandbox.set_template_status("hello", "en_US", "PAUSED").unwrap();
    let paused = site.until_status(&id, "paused").await;
    assert_eq!((&paused["reason"], paused["resume_at"].is_string()), (&json!("template"), true), "{paused}");
    let detail = paused["detail"].as_str().unwrap();
    assert!(
        detail.contains("132015") && detail.contains("goes on by itself once the template is approved"),
        "{detail}"
    );
    assert_eq!(paused["counts"]["failed"], 0, "{paused}");
    site.drain();
}
