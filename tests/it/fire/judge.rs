//! The judge: after every scenario the same questions, answered by the sandbox's own ledger.

use super::site::{On, PATIENCE, Seat, Site, wait_for};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

/// One scenario on one store; its line of the table is written when it ends, however it ends.
pub struct Case {
    scenario: String,
    on: On,
    pub seed: u64,
    pub kills: u64,
    people: usize,
    sent: usize,
    twice: usize,
    lost: usize,
    /// The most people without a known outcome right after a crash.
    doubts_before: u64,
    /// In doubt when all receipts had come.
    doubts_after: u64,
    began: Instant,
    judged: bool,
    notes: Vec<String>,
}

impl Case {
    pub fn new(scenario: &str, on: On) -> Self {
        let seed = std::env::var("WACAST_FIRE_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
        println!("{scenario} on {}: WACAST_FIRE_SEED={seed}", on.word());
        Self {
            scenario: scenario.to_owned(),
            on,
            seed,
            kills: 0,
            people: 0,
            sent: 0,
            twice: 0,
            lost: 0,
            doubts_before: 0,
            doubts_after: 0,
            began: Instant::now(),
            judged: false,
            notes: Vec::new(),
        }
    }

    /// Something measured, for the table's last column.
    pub fn note(&mut self, what: &str, took: Duration) {
        self.notes.push(format!("{what} {:.1} s", took.as_secs_f64()));
    }

    /// Right after a crash: the counts add up, and no more people than may be are without a known outcome through it.
    pub fn look_after_crash(&mut self, site: &Site, seat: &Seat, id: &str) {
        self.kills += 1;
        let view = seat.status(id);
        adds_up(&view);
        let (sending, in_doubt) = (count(&view, "sending"), count(&view, "in_doubt"));
        assert!(sending <= site.max_unsettled(), "one crash, {sending} people: {view}");
        self.doubts_before = self.doubts_before.max(sending + in_doubt);
    }

    /// Waits for the end of a broadcast that some process drives, and of its receipts, and judges it.
    pub fn judge(mut self, site: &Site, seat: &Seat, id: &str, people: &[String]) {
        self.people += people.len();
        self.until_completed(seat, id);
        self.doubts_before = self.doubts_before.max(count(&seat.status(id), "in_doubt"));
        self.compare(site, seat, id, people);
        self.judged = true;
    }

    /// Several broadcasts at once.
    pub fn judge_all(mut self, site: &Site, seat: &Seat, broadcasts: &[(String, Vec<String>)]) {
        for (id, people) in broadcasts {
            self.people += people.len();
            self.until_completed(seat, id);
            self.compare(site, seat, id, people);
        }
        self.judged = true;
    }

    /// What this machine does not permit is no failure.
    pub fn leave_out(mut self) {
        self.notes.push("not permitted on this machine".to_owned());
        self.judged = true;
    }

    fn until_completed(&self, seat: &Seat, id: &str) {
        let mut last = Value::Null;
        let scenario = &self.scenario;
        wait_for(&format!("{scenario}: {id} completes"), || {
            let output = seat.command(&["status", id, "--json"]).output().unwrap();
            last = serde_json::from_slice(&output.stdout).unwrap_or_default();
            last["status"] == "completed"
        });
        adds_up(&last);
    }

    fn compare(&mut self, site: &Site, seat: &Seat, id: &str, people: &[String]) {
        let taken = taken(site, id);
        wait_for("receipts come", || site.sandbox.receipts_waiting() == 0);
        // The last receipts are with the store; it folds them within a moment.
        let since = Instant::now();
        let (rows, open) = loop {
            let rows = report(site, seat, id);
            let open = people.iter().filter(|phone| taken.contains_key(*phone) && !is_settled(&rows, phone)).count();
            if open == 0 || since.elapsed() > PATIENCE {
                break (rows, open);
            }
        };
        assert_eq!(open, 0, "people were taken, and receipts did not settle them");

        self.sent += taken.values().map(|times| *times as usize).sum::<usize>();
        let summary = site.sandbox.summary();
        let doubles = taken.iter().filter(|(_, times)| **times > 1).collect::<Vec<_>>();
        self.twice += doubles.len();
        assert!(doubles.is_empty(), "twice: {doubles:?}");
        assert!(summary.attempts_twice.is_empty(), "{:?}", summary.attempts_twice);
        assert!(summary.recipients_twice.is_empty(), "twice: {:?}", summary.recipients_twice);

        let strangers = rows.keys().filter(|phone| !people.contains(phone)).count();
        assert_eq!(strangers, 0, "people who are not in the file");
        let lost: Vec<_> = people
            .iter()
            .filter(|phone| match rows.get(*phone) {
                None => true,
                Some(row) if taken.contains_key(*phone) => row.state == "in_doubt",
                Some(row) => !(row.state == "in_doubt" || row.state == "failed" && !row.code.is_empty()),
            })
            .collect();
        self.lost += lost.len();
        assert!(lost.is_empty(), "lost: {:?}", lost.iter().map(|phone| (phone, rows.get(*phone))).collect::<Vec<_>>());
        self.doubts_after += rows.values().filter(|row| row.state == "in_doubt").count() as u64;
        let view = seat.status(id);
        adds_up(&view);
        assert_eq!(count(&view, "total"), people.len() as u64, "{view}");
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let verdict = if self.judged && !std::thread::panicking() { "holds" } else { "FAILED" };
        let line = format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{verdict}\t{}\t{}",
            self.scenario,
            self.on.word(),
            self.seed,
            self.people,
            self.kills,
            self.sent,
            self.twice,
            self.lost,
            self.doubts_before,
            self.doubts_after,
            self.began.elapsed().as_secs(),
            self.notes.join(", ")
        );
        println!("{line}");
        if let Some(path) = std::env::var_os("WACAST_FIRE_TABLE") {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let _ = file.and_then(|mut file| writeln!(file, "{line}"));
        }
    }
}

/// A line of the report.
#[derive(Debug)]
struct Row {
    state: String,
    code: String,
}

/// Whether our ledger knows that a taken person was taken.
fn is_settled(rows: &HashMap<String, Row>, phone: &str) -> bool {
    rows.get(phone).is_some_and(|row| ["delivered", "read", "failed"].contains(&row.state.as_str()))
}

/// How often the sandbox took each person of one broadcast.
pub fn taken(site: &Site, id: &str) -> BTreeMap<String, u32> {
    let mut taken = BTreeMap::new();
    let mut after = Some(0);
    while let Some(place) = after {
        let page = site.sandbox.ledger(place, 5_000);
        for row in page.items {
            if row.opaque.split(':').nth(2) == Some(id) {
                *taken.entry(row.to).or_default() += 1;
            }
        }
        after = page.next;
    }
    taken
}

fn report(site: &Site, seat: &Seat, id: &str) -> HashMap<String, Row> {
    let out = site.folder.path().join(format!("report-{id}.csv"));
    seat.text(&["report", id, "--out", out.to_str().unwrap()]);
    let mut reader = csv::Reader::from_path(&out).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap_or_else(|| panic!("{headers:?}"));
    let (phone, state, code) = (column("phone"), column("state"), column("code"));
    let mut known = HashSet::new();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        assert!(known.insert(row[phone].to_owned()), "two lines for {}", &row[phone]);
        (row[phone].to_owned(), Row { state: row[state].to_owned(), code: row[code].to_owned() })
    });
    rows.collect()
}

/// One figure of a broadcast's counts.
pub fn count(view: &Value, word: &str) -> u64 {
    view["counts"][word].as_u64().unwrap_or_else(|| panic!("{word}: {view}"))
}

/// Nobody is missing from the counts, and nobody is in two of them.
pub fn adds_up(view: &Value) {
    let counts = view["counts"].as_object().unwrap_or_else(|| panic!("{view}"));
    let sum: u64 = counts.iter().filter(|(word, _)| *word != "total").filter_map(|(_, count)| count.as_u64()).sum();
    assert_eq!(Some(sum), counts["total"].as_u64(), "{view}");
}
