//! What a broadcast costs: before it starts, and by who got it.

use crate::bed::{Bed, column, request};
use crate::real::Workplace;
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wacast::cli::words;
use wacast::domain::cost::Rates;
use wacast::sandbox::Inbound;
use wacast::service::view::BroadcastRequest;

#[tokio::test]
async fn a_plan_counts_markets_in_its_one_walk_and_without_those_left_out() {
    let bed = Bed::new().await;
    let mut csv = String::from("phone,name\n+4915112345678,Anna\n+35699123456,Maria\n+919876500000,\n");
    for person in 1..=4_500 {
        let _ = writeln!(csv, "+9198765{person:05},P");
    }
    bed.import("all", &csv).await;
    let asked = BroadcastRequest { bindings: column("1", "name"), ..request("order_update", "all") };
    let mut looked_at = Vec::new();
    let plan = bed.service.plan(&asked, |so_far, _| looked_at.push(so_far)).await.unwrap();
    assert_eq!(looked_at, [2_000, 4_000, 4_503], "once");
    assert_eq!((plan.people, plan.goes_to()), (4_503, 4_502));
    let markets: Vec<_> =
        plan.cost.by_market.iter().map(|one| (one.market.as_str(), one.people, one.total.to_string())).collect();
    assert_eq!(
        markets,
        [("India", 4_500, "6.30".into()), ("Germany", 1, "0.055".into()), ("Other", 1, "0.0077".into())]
    );
    assert_eq!((plan.cost.total.to_string().as_str(), plan.cost.without_rate), ("6.3627", 0));
    let shown = words::plan(&plan, "UTC", bed.service.now(), None, "from here");
    assert!(shown.contains("about USD 6.3627: an estimate by the rates of 2026-10-01"), "{shown}");
    assert!(shown.contains("India: 4,500 x 0.0014 = USD 6.30"), "{shown}");
    // Also where nobody can be left out.
    let plan = bed.service.plan(&request("hello", "all"), |_, _| {}).await.unwrap();
    assert_eq!(plan.cost.by_market[0].people, 4_501);
}

#[tokio::test]
async fn rates_of_ones_own_say_whom_they_do_not_cover() {
    let bed = Bed::new().await;
    bed.import("all", "phone\n+4915112345678\n+35699123456\n+919876500000\n").await;
    let own = "valid_from,market,countries,category,currency,amount\n2026-01-01,India,IN,utility,INR,0.1150\n";
    bed.service.use_rates(Arc::new(Rates::from_csv(own).unwrap()), "INR");
    let plan = bed.service.plan(&request("hello", "all"), |_, _| {}).await.unwrap();
    assert_eq!((plan.cost.total.to_string().as_str(), plan.cost.without_rate), ("0.115", 2));
    let shown = words::cost(&plan.cost, "costs");
    assert!(shown.contains("2 people in countries without a rate: not counted"), "{shown}");
    // Marketing has no rate in this table.
    let asked = BroadcastRequest {
        bindings: [("first_name", "name"), ("discount", "name"), ("button.0", "name")]
            .into_iter()
            .map(|(variable, _)| (variable.to_owned(), wacast::domain::binding::Source::Text { text: "x".into() }))
            .collect(),
        ..request("diwali_offer", "all")
    };
    let plan = bed.service.plan(&asked, |_, _| {}).await.unwrap();
    assert!(words::cost(&plan.cost, "costs").contains("not known: no rate for marketing in INR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_binary_tells_what_whatsapp_billed() {
    let folder = tempfile::tempdir().unwrap();
    let place = Workplace::new(&format!("sqlite://{}", folder.path().join("wacast.db").display()), 4).await;
    let mix = wacast::sandbox::Mix { failed: vec![], read: 0.5, delivered: 0.5 };
    place.sandbox.change(|settings| (settings.mix, settings.receipts_doubled) = (mix, 1.0)).unwrap();
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, "phone\n+919876500001\n+919876500002\n+4915112345678\n").unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let running = place.headless();
    // Whoever wrote in the last 24 hours gets a utility template for nothing.
    let wrote = Inbound { from: "919876500002".into(), text: "hello".into(), ..Inbound::default() };
    place.sandbox.say(&wrote).await.unwrap();
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"];
    let id = place.json(&send)["broadcast_id"].as_str().unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_mins(1);
    let prices = json!([
        { "category": "utility", "type": "regular", "billable": true, "messages": 2 },
        { "category": "utility", "type": "free_customer_service", "billable": false, "messages": 1 },
    ]);
    loop {
        let shown = place.json(&["status", &id, "--json"]);
        if shown["prices"] == prices && shown["counts"]["read"].as_u64() >= Some(1) {
            break;
        }
        assert!(Instant::now() < deadline, "receipts come: {shown}");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Doubles come 300 ms later.
    while place.sandbox.receipts_waiting() > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let shown = place.json(&["status", &id, "--cost", "--json"]);
    assert_eq!(shown["prices"], prices, "each once");
    assert_eq!((&shown["cost"]["total"], &shown["cost"]["billed"]["total"]), (&json!("0.0578"), &json!("0.0564")));
    assert_eq!((&shown["cost"]["billed"]["messages"], &shown["cost"]["billed"]["prices"]), (&json!(2), &prices));
    let shown = place.json_or_text(&["status", &id, "--cost"]);
    let words = "WhatsApp billed 2 of 3 delivered messages: 2 utility; not billed: 1 utility (had written)";
    assert_eq!(shown.matches(words).count(), 2, "{shown}");
    assert!(shown.contains("USD 0.0564 for these by the rates of 2026-10-01"), "{shown}");
    let out = place.folder.path().join("report.csv");
    place.json_or_text(&["report", &id, "--out", out.to_str().unwrap()]);
    let report = std::fs::read_to_string(out).unwrap();
    assert!(report.lines().next().unwrap().ends_with(",priced"), "{report}");
    assert_eq!(report.matches("utility/regular/billed").count(), 2, "{report}");
    let free = report.lines().find(|line| line.contains("919876500002")).unwrap();
    assert!(free.ends_with(",utility/free_customer_service/free"), "{free}");
    running.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_binary_says_it_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let place = Workplace::new(&format!("sqlite://{}", folder.path().join("wacast.db").display()), 4).await;
    let file = place.folder.path().join("people.csv");
    std::fs::write(&file, "phone\n+919876500001\n+919876500002\n+4915112345678\n").unwrap();
    place.json(&["import", file.to_str().unwrap(), "--list", "people", "--json"]);
    let send = ["send", "--template", "hello", "--language", "en_US", "--list", "people"];
    // Nobody is there to ask: the plan is shown, and nothing is sent.
    let asked = place.command(&send).output().unwrap();
    assert_eq!(asked.status.code(), Some(2));
    let shown = String::from_utf8_lossy(&asked.stdout);
    assert!(shown.contains("about USD 0.0578"), "{shown}");
    place
        .sandbox
        .change(|settings| settings.mix = wacast::sandbox::Mix { failed: vec![], read: 0.5, delivered: 0.5 })
        .unwrap();
    let made = place.json(&[&send[..], &["--yes", "--json"]].concat());
    assert_eq!(made["cost"]["total"], "0.0578");
    let id = made["broadcast_id"].as_str().unwrap().to_owned();
    assert_eq!(place.json(&["status", &id, "--cost", "--json"])["cost"]["total"], "0.00");
    let running = place.headless();
    let deadline = Instant::now() + Duration::from_mins(1);
    while place.json(&["status", &id, "--cost", "--json"])["cost"]["total"] != "0.0578" {
        assert!(Instant::now() < deadline, "receipts come");
        std::thread::sleep(Duration::from_millis(200));
    }
    running.drain();
    // Rates that cannot be read are named with their line.
    std::fs::write(
        place.folder.path().join("rates.csv"),
        "valid_from,market,countries,category,currency,amount\nx,,,,,\n",
    )
    .unwrap();
    let refused = place.command(&["status"]).env("WACAST_COSTS__RATES", "rates.csv").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("costs.rates") && said.contains("rates, line 2, valid_from"), "{said}");
}
