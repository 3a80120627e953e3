//! Versions of the API: one past its end is warned of, and what later ones send without phones, with other ids and with
//! new fields is read and does no harm.

use super::policy::doctor;
use super::site::{Site, people};
use crate::real::Workplace;
use crate::receipts::FIXTURES;

/// The attempt that the fixtures name.
const NAMED: &str = "w1:00000001:00000002:7:1";

fn fixture(name: &str) -> &'static str {
    FIXTURES.iter().find(|(known, ..)| *known == name).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_bodies_without_phones_and_with_new_fields_are_taken_and_understood() {
    let place = Workplace::on_sqlite(4).await;
    place.sandbox.change(|settings| settings.receipts_paused = true).unwrap();
    place.import("people", &people(6));
    let mut site = Site::start(place).await;
    let id = site.send("hello", "people", &[]);
    site.until_count(&id, "accepted", 6).await;
    let rows = site.ledger();
    // As they were recorded they are about messages that nobody here has sent.
    for (name, body, ..) in FIXTURES {
        assert_eq!(site.tell(body).await, 200, "{name}");
    }
    // The same about ours. By our id, without a phone, and without anything but Meta's id.
    for (row, name, wamid) in [
        (&rows[0], "only_user_ids", "wamid.BSUID"),
        (&rows[1], "fields_added", "wamid.E"),
        (&rows[2], "fields_missing", "wamid.D"),
        (&rows[3], "failed", "wamid.B"),
    ] {
        let body = fixture(name);
        assert!(body.contains(wamid), "{name}");
        let ours = body.replace(wamid, &row.wamid).replace(NAMED, &row.opaque);
        assert_eq!(site.tell(&ours).await, 200, "{name}");
    }
    site.until("all are understood", &format!("/broadcasts/{id}"), |one| {
        let counts = &one["counts"];
        (&counts["read"], &counts["sent"], &counts["failed"], &counts["accepted"])
            == (&1.into(), &2.into(), &1.into(), &2.into())
    })
    .await;
    let report = site.report(&id).await;
    assert_eq!((report[&rows[0].to].state.as_str(), report[&rows[3].to].code), ("read", 131_049));

    // A stop by somebody who hides the phone is known by the message that it answers.
    let stop = fixture("inbound").replace("wamid.A", &rows[4].wamid).replace("US.1349", "IN.4711");
    assert_eq!(site.tell(&stop).await, 200);
    site.until("the stop is known", &format!("/optouts?search={}", &rows[4].to[1..]), |found| {
        found["items"][0]["standing"][0]["kind"] == "typed"
    })
    .await;
    assert!(!site.log().contains("panicked"), "nothing broke");
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_past_its_end_is_warned_of_wherever_somebody_looks() {
    let place = Workplace::on_sqlite(4).await;
    place.configure("whatsapp", "api_version = \"v19.0\"");
    let ended = "whatsapp.api_version v19.0 ended on 2026-05-21";
    let (code, said) = doctor(&place);
    assert!(said.lines().any(|line| line.starts_with("warn") && line.contains(ended)), "{code} {said}");
    let mut site = Site::start(place).await;
    let standing = site.get("/sender").await;
    assert!(standing["api_version"].as_str().unwrap().contains(ended), "{standing}");
    assert!(site.problems().await.contains(ended));
    let told = site.json(&["status", "--json"]);
    assert!(told["problems"].to_string().contains("Set [whatsapp] api_version to a version that lives"), "{told}");
    assert!(site.log().contains(ended), "and at its start");
    // It works on meanwhile: WhatsApp answers by a version that lives.
    site.import("people", &people(2));
    let id = site.send("hello", "people", &[]);
    site.until_status(&id, "completed").await;
    site.drain();
}
