//! How wacast lives under load, measured on the real program with a million people in the ledger. Run with
//! `cargo bench --bench living -- [sqlite] [mongodb] [PEOPLE]` (default: both, 1,000,000). It prints:
//!
//! - CPU of wacast's process at 1,000 messages a second with 3,000 receipts a second coming in, as a share of one core;
//! - the webhook's answer times meanwhile;
//! - from a `pause` being asked for to the last request arriving at the sandbox;
//! - from a small broadcast being asked for to its first message arriving, while the large one runs;
//! - from `kill -9` and a start to the next message arriving;
//! - resident memory then, and its peak when everybody was sent to and five receipts a person were folded.
//!
//! The sandbox lives in the benchmark's process, wacast and mongod in processes of their own, all on the same cores.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../tests/it/mongod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod mongod;
#[path = "../tests/it/real.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod real;

use real::{Wacast, Workplace};
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wacast::sandbox::{APP_SECRET, BUSINESS_ACCOUNT_ID, Mix, PHONE_NUMBER_ID};

/// Clock ticks a second of `/proc/PID/stat` on Linux.
const TICKS: f64 = 100.0;
const WATCHED: Duration = Duration::from_secs(30);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let people = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let wanted = |name: &str| {
        let named: Vec<String> =
            std::env::args().filter(|argument| ["sqlite", "mongodb"].contains(&argument.as_str())).collect();
        named.is_empty() || named.iter().any(|one| one == name)
    };
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        if wanted("sqlite") {
            lives("SQLite", &format!("sqlite://{}", folder.path().join("wacast.db").display()), people).await;
        }
        if wanted("mongodb") {
            lives("MongoDB", &mongod::shared().await.url("living"), people).await;
        }
    });
}

async fn lives(name: &str, url: &str, people: u32) {
    println!("== {name}, {people} people");
    let place = Workplace::new(url, 512).await;
    let everything = Mix { failed: vec![], read: 1.0, delivered: 0.0 };
    let change = place.sandbox.change(|settings| {
        settings.latency_ms = (50, 100);
        settings.mix = everything;
    });
    change.expect("fits");
    let unlimited =
        place.sandbox.change_sender(PHONE_NUMBER_ID, |sender| sender.messaging_limit = "TIER_UNLIMITED".into());
    unlimited.expect("the sender is there");
    import(&place, "large", 0, people);
    import(&place, "small", people, 10);
    let id = send(&place, "large");
    let began = Instant::now();
    let running = at_pace(&place, 1_000);
    wait(|| accepted(&place) > 5_000);
    println!("  frozen and 5,000 sent after {:.1} s", began.elapsed().as_secs_f64());

    cpu(&place, &running).await;
    println!("  memory while it runs: {} MB", resident_mb(&running, "VmRSS"));
    small(&place, people);
    pause(&place, &id);
    let running = killed(&place, running);
    drop(running);
    let running = unpaced(&place);
    // Five receipts a person: sent, delivered, read, and two of them twice.
    place.sandbox.change(|settings| (settings.latency_ms, settings.receipts_doubled) = ((1, 5), 0.66)).expect("fits");
    let began = Instant::now();
    let before = accepted(&place);
    // Whoever was unsettled at a kill is in doubt and is not sent to.
    wait_slowly(|| place.json(&["status", &id, "--json"])["status"] == "completed");
    let rate = (accepted(&place) - before) as f64;
    println!("  the rest unpaced: {:.0}/s while their receipts come in", rate / began.elapsed().as_secs_f64());
    let read = || place.json(&["status", &id, "--json"])["funnel"]["read"].as_u64().unwrap_or(0);
    // Receipts that came while nobody listened, after the kill, do not come again: it is over when no more are folded.
    let mut folded = read();
    let mut ended = began.elapsed();
    while began.elapsed() < ended + Duration::from_secs(10) {
        std::thread::sleep(Duration::from_secs(1));
        let now = read();
        if now > folded {
            (folded, ended) = (now, began.elapsed());
        }
    }
    println!(
        "  the last of their receipts folded {:.1} s after the first unpaced message; memory {} MB, peak {} MB",
        ended.as_secs_f64(),
        resident_mb(&running, "VmRSS"),
        resident_mb(&running, "VmHWM")
    );
    let view = place.json(&["status", &id, "--json"]);
    println!(
        "  without receipts: {} people; the sandbox gave up {} receipts, {} wait; in doubt after the kill: {}",
        view["counts"]["accepted"],
        place.sandbox.receipts_dropped(),
        place.sandbox.receipts_waiting(),
        view["counts"]["in_doubt"]
    );
}

fn import(place: &Workplace, list: &str, first: u32, people: u32) {
    let path = place.folder.path().join(format!("{list}.csv"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
    writeln!(file, "phone,name").expect("written");
    for person in first..first + people {
        writeln!(file, "+91{},Person {person}", 9_900_000_000_u64 + u64::from(person)).expect("written");
    }
    file.flush().expect("written");
    let began = Instant::now();
    place.json(&["import", path.to_str().expect("a path"), "--list", list, "--json"]);
    println!("  {people} people imported in {:.1} s", began.elapsed().as_secs_f64());
}

fn send(place: &Workplace, list: &str) -> String {
    let made = place.json(&["send", "--template", "hello", "--language", "en_US", "--list", list, "--yes", "--json"]);
    made["broadcast_id"].as_str().expect("an id").to_owned()
}

fn at_pace(place: &Workplace, messages_per_second: u32) -> Wacast {
    let log = std::fs::File::options().create(true).append(true).open(place.folder.path().join("log"));
    let mut command = place.command(&["--no-tui"]);
    command.env("WACAST_SENDER__MESSAGES_PER_SECOND", messages_per_second.to_string());
    let child = command.stdout(std::process::Stdio::null()).stderr(log.expect("a log")).spawn().expect("it starts");
    Wacast { child }
}

fn unpaced(place: &Workplace) -> Wacast {
    at_pace(place, 0)
}

fn accepted(place: &Workplace) -> usize {
    place.sandbox.taken()
}

async fn cpu(place: &Workplace, running: &Wacast) {
    // Receipts come half a second after their messages: then both flow.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (ticks, sent, began) = (ticks(running), accepted(place), Instant::now());
    let mut answers_us = answers_of_webhook(place).await;
    let seconds = began.elapsed().as_secs_f64();
    let share = (self::ticks(running) - ticks) / TICKS / seconds;
    let sent = (accepted(place) - sent) as f64 / seconds;
    println!(
        "  CPU of wacast at {sent:.0} messages/s and {:.0} receipts/s: {:.1} % of one core",
        sent * 3.0,
        share * 100.0
    );
    answers_us.sort_unstable();
    let at = |percent: usize| answers_us[(answers_us.len() - 1) * percent / 100] as f64 / 1_000.0;
    println!(
        "  webhook meanwhile: half of {} answers within {:.1} ms, 99 % within {:.1} ms",
        answers_us.len(),
        at(50),
        at(99)
    );
}

/// Posts a receipt of its own every 50 ms beside those of the sandbox and times the answers, in microseconds.
async fn answers_of_webhook(place: &Workplace) -> Vec<u64> {
    let http = reqwest::Client::new();
    let mut url = String::new();
    place.sandbox.change(|settings| url = settings.webhook_url.clone().expect("an address")).expect("nothing changes");
    let until = Instant::now() + WATCHED;
    let mut answers_us = Vec::new();
    while Instant::now() < until {
        let id = format!("wamid.nobody{}", answers_us.len());
        let status = serde_json::json!({"id": id, "status": "delivered", "timestamp": "1794137700", "recipient_id": "919900000000"});
        let value = serde_json::json!({"messaging_product": "whatsapp", "statuses": [status],
            "metadata": {"display_phone_number": "15550100100", "phone_number_id": PHONE_NUMBER_ID}});
        let body = serde_json::json!({"object": "whatsapp_business_account",
            "entry": [{"id": BUSINESS_ACCOUNT_ID, "changes": [{"field": "messages", "value": value}]}]})
        .to_string();
        let signature = wacast::sandbox::sign(APP_SECRET, body.as_bytes());
        let asked = Instant::now();
        let answer =
            http.post(&url).header("x-hub-signature-256", signature).body(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answers_us.push(u64::try_from(asked.elapsed().as_micros()).expect("fits"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    answers_us
}

fn ticks(running: &Wacast) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.child.id())).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    fields[11].parse::<f64>().expect("utime") + fields[12].parse::<f64>().expect("stime")
}

fn resident_mb(running: &Wacast, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("a number") / 1_024
}

fn now_us() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros()).expect("fits")
}

/// Asks for a small broadcast; its first message's arrival is looked for in the sandbox's ledger.
fn small(place: &Workplace, first: u32) {
    let from = accepted(place);
    let began = now_us();
    let _ = send(place, "small");
    let made = now_us();
    let first = loop {
        let page = place.sandbox.ledger(from, 10_000);
        let newcomer = format!("+91{}", 9_900_000_000_u64 + u64::from(first));
        if let Some(row) = page.items.iter().find(|row| row.to >= newcomer) {
            break row.at_us;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    println!(
        "  a small broadcast beside it: first message {} ms after it was made ({} ms for the command)",
        first.saturating_sub(made) / 1_000,
        (made - began) / 1_000
    );
}

fn pause(place: &Workplace, id: &str) {
    let asked = now_us();
    place.json(&["pause", id, "--json"]);
    let said = now_us();
    std::thread::sleep(Duration::from_secs(2));
    let last = place.sandbox.ledger(accepted(place) - 1, 10).items.last().expect("some").at_us;
    println!(
        "  last request {} ms after a pause was asked for, {} ms after it was confirmed (the command took {} ms)",
        last.saturating_sub(asked) / 1_000,
        (i128::from(last) - i128::from(said)) / 1_000,
        (said - asked) / 1_000
    );
    place.json(&["resume", id, "--json"]);
    let from = accepted(place);
    wait(|| accepted(place) > from + 1_000);
}

fn killed(place: &Workplace, mut running: Wacast) -> Wacast {
    running.child.kill().expect("killed");
    running.child.wait().expect("gone");
    let from = accepted(place);
    let began = Instant::now();
    let running = at_pace(place, 1_000);
    wait(|| accepted(place) > from);
    println!("  first message {} ms after the start that followed a kill -9", began.elapsed().as_millis());
    running
}

fn wait(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(30);
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn wait_slowly(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(30);
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_secs(1));
    }
}
