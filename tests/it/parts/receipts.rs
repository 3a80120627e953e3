//! Receipts at the webhook of the running process: doubled, out of order, too early, nobody's, handed on to others.

use super::policy::doctor;
use super::site::{Site, people};
use crate::real::Workplace;
use crate::receipts::{by_metas_id, by_our_id, place as other_address};
use serde_json::json;
use std::time::Duration;
use wacast::sandbox::{APP_SECRET, sign};

/// A sandbox that sends no receipts of its own.
async fn silent(max_in_flight: u64) -> Workplace {
    let place = Workplace::on_sqlite(max_in_flight).await;
    place.sandbox.change(|settings| settings.receipts_paused = true).unwrap();
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_in_one_call_doubled_and_out_of_order_with_one_malformed() {
    let place = silent(16).await;
    place.import("people", &people(250));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_count(&id, "accepted", 250).await;
    let rows = site.ledger();
    // Read before delivered before sent, and read once more; ours and others' ids.
    let mut said: Vec<String> = Vec::new();
    for status in ["read", "delivered", "sent", "read"] {
        let by = if status == "sent" { by_metas_id } else { by_our_id };
        said.extend(rows.iter().map(|row| by(row, status)));
    }
    said[500] = r#"{"id":7,"status":["sent"]}"#.to_owned();
    said[501] = r#"{"id":"wamid.nobodys","status":"failed","errors":[{"code":131026}]}"#.to_owned();
    assert_eq!(said.len(), 1_000);
    for _ in 0..2 {
        assert_eq!(site.tell_statuses(&said).await, 200);
    }
    let ended = site.until_count(&id, "read", 250).await;
    assert_eq!((&ended["counts"]["total"], &ended["counts"]["failed"]), (&json!(250), &json!(0)), "{ended}");
    assert_eq!(ended["funnel"]["delivered"], 250, "read is delivered: {ended}");
    let log = site.get(&format!("/broadcasts/{id}/log?limit=5000")).await;
    assert_eq!(log["items"].as_array().unwrap().len(), 250, "one row an attempt");

    // What is said after that moves nobody down, and fails nobody who has read it.
    let late: Vec<String> = rows.iter().flat_map(|row| [by_our_id(row, "sent"), by_our_id(row, "failed")]).collect();
    assert_eq!(site.tell_statuses(&late).await, 200);
    site.until("they are folded", "/sender", |_| site.place.status(&id)["counts"]["read"] == 250).await;
    site.drain();
    assert_eq!(site.status(&id)["counts"]["read"], 250, "also when all is folded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_its_answer_waits_for_it() {
    let place = Workplace::on_sqlite(64).await;
    place
        .sandbox
        .change(|settings| {
            settings.latency_ms = (2_000, 2_000);
            (settings.sent_after_ms, settings.delivered_after_ms) = (0, 0);
            settings.receipts_without_id = true;
        })
        .unwrap();
    place.import("people", &people(40));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_true("everything was told", || {
        site.place.sandbox.taken() == 40 && site.place.sandbox.receipts_waiting() == 0
    })
    .await;
    let early = site.get(&format!("/broadcasts/{id}")).await;
    assert_eq!(early["counts"]["sending"], 40, "no answer has come yet: {early}");
    // Nobody's waits with them, and harms nobody.
    assert_eq!(site.tell_statuses(&[r#"{"id":"wamid.nobodys","status":"read"}"#.to_owned()]).await, 200);
    let told = site.until_count(&id, "delivered", 40).await;
    assert_eq!(told["counts"]["read"], 0, "{told}");
    site.nobody_twice();
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_on_to_other_addresses_as_they_came() {
    let (crm, mut at_crm) = other_address(|call| if call == 0 { "503 Later" } else { "200 OK" }).await;
    let place = silent(4).await;
    place.configure("http", &format!("forward_webhooks = [\"{crm}\"]"));
    place.import("people", &people(1));
    assert!(doctor(&place).1.contains(&format!("webhooks go on to {crm}")));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_count(&id, "accepted", 1).await;
    let body = crate::real::statuses_body(&by_our_id(&site.ledger()[0], "delivered"));
    let body = format!("{body}   ");
    let (wrong, right) = (sign("another secret", body.as_bytes()), sign(APP_SECRET, body.as_bytes()));
    assert_eq!(site.deliver(body.clone(), Some(&wrong)).await, 401);
    assert_eq!(site.deliver(body.clone(), Some(&right)).await, 200);
    for try_ in ["refused there", "taken there"] {
        let came = tokio::time::timeout(Duration::from_secs(20), at_crm.recv()).await.expect(try_).unwrap();
        assert!(came.ends_with(&body) && came.contains(&right), "as it came, with its signature: {came}");
    }
    site.until_count(&id, "delivered", 1).await;
    site.drain();
    assert!(at_crm.try_recv().is_err(), "what was wrongly signed goes nowhere");
}
