//! Variables: rows whose values cannot be sent are named before anything goes out, and each person gets their own.

use super::site::{Site, lines, phone};
use crate::real::Workplace;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Nine people, four of whom have a town that WhatsApp would not take: none, too long, of two lines, with a gap.
fn with_bad_towns() -> String {
    let long = "long ".repeat(220);
    let towns = ["Pune", "", "Delhi", &long, "Agra", "\"New\nTown\"", "Goa", "Old     Town", "Surat"];
    let mut csv = String::from("phone,name,town\n");
    for (place, town) in (0..).zip(towns) {
        writeln!(csv, "{},Person {place},{town}", phone(place)).unwrap();
    }
    csv
}

/// What the sandbox was given for each person: the message's components.
fn given(site: &Site) -> BTreeMap<String, Value> {
    let payloads = site.sandbox.payloads().into_iter().map(|(_, payload)| payload);
    let given: BTreeMap<String, Value> = payloads
        .map(|payload| (payload["to"].as_str().unwrap().to_owned(), payload["template"]["components"].clone()))
        .collect();
    assert_eq!(given.len(), site.sandbox.payloads().len(), "everybody once");
    given
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_sent_are_named_and_refused_or_skipped_or_filled() {
    let place = Workplace::on_sqlite(4).await;
    place.sandbox.change(|settings| settings.keep_payloads = 100).unwrap();
    let report = place.import("towns", &with_bad_towns());
    assert_eq!(report["imported"], 9, "the file itself is fine: {report}");
    let mut site = Site::start(place).await;

    // Refused: every row by its line, and why; nothing was sent.
    let send = ["send", "--template", "order_update", "--language", "en_US", "--list", "towns", "--var", "1=town"];
    let refuse = [&send[..], &["--on-bad-rows", "refuse", "--yes"]].concat();
    let (code, said) = site.refused(&refuse);
    assert_eq!(code, 1);
    assert!(said.contains("the values of 4 people cannot be sent, so nothing was sent"), "{said}");
    let rows =
        [("row 3 ", "is blank"), ("row 5 ", "more than 1024"), ("row 7 ", "a line break"), ("row 10 ", "four blanks")];
    for (row, fault) in rows {
        let told = said.lines().find(|line| line.contains(row) && line.contains(fault));
        assert!(told.is_some(), "{row} {fault}: {said}");
    }
    let asked = json!({"template_name": "order_update", "language_code": "en_US", "list": "towns",
        "variables": {"1": "town"}, "on_bad_rows": "refuse"});
    let (status, answer) = site.post("/send-broadcast", &asked).await;
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("bad_rows")), "{answer}");
    let details = &answer["error"]["details"];
    let named: Vec<u64> = details["first"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap()).collect();
    assert_eq!((&details["people"], named), (&json!(4), vec![3, 5, 7, 10]), "{details}");
    assert_eq!(site.sandbox.taken(), 0);

    // Skipped: the others get theirs, and the report says why for each of the four.
    let id = site.send("order_update", "towns", &["--var", "1=town"]);
    let ended = site.until_status(&id, "completed").await;
    assert_eq!((&ended["counts"]["skipped"], &ended["funnel"]["accepted"]), (&json!(4), &json!(5)), "{ended}");
    let text = |text: &str| json!([{"type": "body", "parameters": [{"type": "text", "text": text}]}]);
    let towns = [(0, "Pune"), (2, "Delhi"), (4, "Agra"), (6, "Goa"), (8, "Surat")];
    let wanted: BTreeMap<String, Value> = towns.map(|(place, town)| (phone(place), text(town))).into();
    assert_eq!(given(&site), wanted);
    let report = lines(&site.json_or_text(&["report", &id, "--out", "-"]));
    for (person, fault) in [(1, "is blank"), (3, "more than 1024"), (5, "a line break"), (7, "four blanks")] {
        let line = &report[&phone(person)];
        assert!(line.state == "skipped" && line.detail.contains(fault), "{person}: {line:?}");
    }

    // Filled: a fallback stands in for what is blank, and for nothing else.
    site.sandbox.change(|settings| settings.keep_payloads = 0).unwrap();
    let id = site.send("order_update", "towns", &["--var", "1=town:-your town", "--repeat"]);
    let ended = site.until_count(&id, "skipped", 3).await;
    assert!(ended["skips"].to_string().contains("more than 1024"), "{ended}");
    site.until_true("the one who had none gets it", || site.place.taken().contains(&phone(1))).await;
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_their_own_words_in_every_place() {
    let place = Workplace::on_sqlite(16).await;
    place.sandbox.change(|settings| settings.keep_payloads = 1_000).unwrap();
    let mut csv = String::from("phone,first name,share,code\n");
    for person in 0..200 {
        writeln!(csv, "{},\"Person \"\"{person}\"\" ज़ {{{{1}}}}\",{person}%,p/{person}", phone(person)).unwrap();
    }
    place.import("people", &csv);
    let mut site = Site::start(place).await;
    let bindings = ["--var", "first_name=first name", "--var", "discount=share", "--var", "button.0=code"];
    let id = site.send("diwali_offer", "people", &bindings);
    site.until_status(&id, "completed").await;
    let wanted = |person: u32| {
        let named = |name: &str, text: String| json!([{"type": "text", "parameter_name": name, "text": text}]);
        json!([
            {"type": "header", "parameters": named("first_name", format!("Person \"{person}\" ज़ {{{{1}}}}"))},
            {"type": "body", "parameters": named("discount", format!("{person}%"))},
            {"type": "button", "sub_type": "url", "index": "0",
             "parameters": [{"type": "text", "text": format!("p/{person}")}]},
        ])
    };
    let wanted: BTreeMap<String, Value> = (0..200).map(|person| (phone(person), wanted(person))).collect();
    assert_eq!(given(&site), wanted);
    site.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_the_header_is_uploaded_once_and_everybody_gets_that() {
    let place = Workplace::on_sqlite(16).await;
    place.sandbox.change(|settings| settings.keep_payloads = 1_000).unwrap();
    let csv: Vec<String> = (0..100).map(|person| format!("{},Person {person}", phone(person))).collect();
    place.import("people", &format!("phone,name\n{}\n", csv.join("\n")));
    let picture = format!("header.link=@{}", place.file("diwali.png", b"not really a picture"));
    let mut site = Site::start(place).await;
    let id =
        site.send("new_arrivals", "people", &["--var", &picture, "--var", "name=name", "--var", "button.0:=SAVE15"]);
    site.until_status(&id, "completed").await;
    let uploads = site.sandbox.media();
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    let given = given(&site);
    assert_eq!(given.len(), 100);
    for (phone, components) in given {
        let image = &components[0]["parameters"][0]["image"];
        assert_eq!(image, &json!({"id": uploads[0].id}), "{phone}: {components}");
    }
    site.drain();
}
