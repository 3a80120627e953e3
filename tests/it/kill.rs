//! The real binary, killed with SIGKILL in the middle of a broadcast again and again: nobody twice, nobody lost, and
//! whoever is in doubt is settled by receipts, counted against the sandbox's own ledger.

use crate::messy;
use crate::real::{Wacast, Workplace};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use wacast::sandbox::SandboxHandle;

const ROWS: usize = 12_000;
const IN_FLIGHT: u64 = 64;
const KILLS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("wacast.db").display());
    killed_again_and_again(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mongodb() {
    killed_again_and_again(&crate::mongod::shared().await.url("kill")).await;
}

async fn killed_again_and_again(store_url: &str) {
    let place = Workplace::new(store_url, IN_FLIGHT).await;
    let sandbox = &place.sandbox;
    sandbox.change(|settings| settings.latency_ms = (10, 30)).unwrap();

    let file = messy::messy(7, ROWS);
    let (received, imported, duplicates, rejected) = file.counts();
    let path = place.folder.path().join("people.csv");
    std::fs::write(&path, &file.text).unwrap();
    let report = place.json(&["import", path.to_str().unwrap(), "--list", "people", "--country", "IN", "--json"]);
    let figures = ["received", "imported", "duplicates", "rejected"].map(|word| report[word].as_u64().unwrap());
    assert_eq!(figures, [received, imported, duplicates, rejected].map(|figure| figure as u64));
    assert!(imported >= 5_000, "enough people to kill it in the middle");

    let made =
        place.json(&["send", "--template", "hello", "--language", "en_US", "--list", "people", "--yes", "--json"]);
    assert_eq!(made["driver"], serde_json::Value::Null, "nobody drives yet, and it says so");
    let id = made["broadcast_id"].as_str().unwrap().to_owned();

    for kill in 1..=KILLS {
        let running = place.headless();
        let before = sandbox.taken();
        // A different moment each time: while the lease is taken, while the first leave, in full swing.
        let wanted = before + usize::try_from(kill * kill * 20).unwrap();
        wait_for(|| sandbox.taken() >= wanted, "messages go out");
        running.kill();
        let status = place.json(&["status", &id, "--json"]);
        let counts = &status["counts"];
        let sum: u64 = counts
            .as_object()
            .unwrap()
            .iter()
            .filter(|(word, _)| *word != "total")
            .map(|(_, n)| n.as_u64().unwrap())
            .sum();
        assert_eq!(sum, counts["total"].as_u64().unwrap(), "{counts}");
        assert!(counts["sending"].as_u64().unwrap() <= 2 * IN_FLIGHT, "{counts}");
    }

    let last = place.headless();
    wait_for(|| place.json(&["status", &id, "--json"])["status"] == "completed", "it completes");
    wait_for(|| settled(&place, sandbox, &id), "receipts settle what they can");
    check(&place, sandbox, &id, imported as u64);
    last.drain();
}

/// Everybody whom the sandbox took is delivered by our ledger too.
fn settled(place: &Workplace, sandbox: &SandboxHandle, id: &str) -> bool {
    let delivered = place.json(&["status", id, "--json"])["funnel"]["delivered"].as_u64().unwrap();
    delivered == sandbox.taken() as u64
}

fn check(place: &Workplace, sandbox: &SandboxHandle, id: &str, people: u64) {
    let summary = sandbox.summary();
    assert!(summary.attempts_twice.is_empty(), "{:?}", summary.attempts_twice);
    assert!(summary.recipients_twice.is_empty(), "twice: {:?}", summary.recipients_twice);
    assert!(summary.people_twice.is_empty(), "twice: {:?}", summary.people_twice);

    let counts = &place.json(&["status", id, "--json"])["counts"];
    let get = |word: &str| counts[word].as_u64().unwrap();
    assert_eq!(get("total"), people, "{counts}");
    assert_eq!(get("delivered") + get("in_doubt"), people, "nobody is lost: {counts}");
    assert!(get("in_doubt") <= KILLS * 2 * IN_FLIGHT, "{counts}");

    // Whoever is still in doubt was never taken by the sandbox.
    let out = place.folder.path().join("report.csv");
    place.json_or_text(&["report", id, "--out", out.to_str().unwrap()]);
    let taken: HashSet<String> = place.taken();
    let mut reader = csv::Reader::from_path(&out).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap_or_else(|| panic!("{headers:?}"));
    let (phone, state) = (column("phone"), column("state"));
    for row in reader.records() {
        let row = row.unwrap();
        let known = taken.contains(&row[phone]);
        assert_eq!(known, &row[state] != "in_doubt", "{row:?}");
    }
}

fn wait_for(done: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "did not come about: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Wacast {
    /// SIGKILL: no chance to clean up.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
