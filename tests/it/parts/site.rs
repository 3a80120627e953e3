//! A running `wacast --no-tui` with its sandbox, and its HTTP API to ask.

use crate::real::{Wacast, Workplace, statuses_body};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Deref;
use std::time::{Duration, Instant};
use wacast::sandbox::{APP_SECRET, LedgerRow, sign};

/// The longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(30);

pub struct Site {
    pub place: Workplace,
    http: reqwest::Client,
    running: Option<Wacast>,
}

impl Deref for Site {
    type Target = Workplace;

    fn deref(&self) -> &Workplace {
        &self.place
    }
}

/// A client that goes straight to loopback.
pub fn http() -> reqwest::Client {
    wacast::cloud_api::install_crypto_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// So many people, with phones that provoke nothing, as CSV.
pub fn people(count: u32) -> String {
    let mut csv = String::from("phone,name\n");
    for person in 0..count {
        writeln!(csv, "{},Person {person}", phone(person)).unwrap();
    }
    csv
}

/// A phone of [`people`].
pub fn phone(person: u32) -> String {
    format!("+9198765{person:05}")
}

/// One line of a report.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub state: String,
    pub code: i64,
    pub title: String,
    pub detail: String,
    pub due: Option<jiff::Timestamp>,
}

/// A report's lines by phone.
pub fn lines(report: &str) -> BTreeMap<String, Line> {
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let place = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
    let (phone, state, code) = (place("phone"), place("state"), place("code"));
    let (title, detail, due) = (place("title"), place("detail"), place("due"));
    let line = |row: csv::StringRecord| {
        let line = Line {
            state: row[state].to_owned(),
            code: row[code].parse().unwrap_or(0),
            title: row[title].to_owned(),
            detail: row[detail].to_owned(),
            due: row[due].parse().ok(),
        };
        (row[phone].to_owned(), line)
    };
    reader.records().map(|row| line(row.unwrap())).collect()
}

impl Site {
    /// Starts the process, and waits until its HTTP answers.
    pub async fn start(place: Workplace) -> Self {
        let running = Some(place.headless());
        let site = Self { place, http: http(), running };
        site.until_it_listens().await;
        site
    }

    async fn until_it_listens(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.http.get(format!("{}/healthz", self.api)).send().await.is_err() {
            assert!(Instant::now() < deadline, "HTTP does not listen");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The process ends well.
    pub fn drain(&mut self) {
        self.running.take().unwrap().drain();
    }

    pub async fn text(&self, path: &str) -> String {
        let asked = self.http.get(format!("{}{path}", self.api)).bearer_auth("test-key");
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    pub async fn get(&self, path: &str) -> Value {
        let text = self.text(path).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Status and JSON of an answer.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let asked = self.http.post(format!("{}{path}", self.api)).bearer_auth("test-key").json(body);
        let answer = asked.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")))
    }

    /// The same for what must succeed.
    pub async fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Posts to the webhook as somebody does who signs so, or not at all.
    pub async fn deliver(&self, body: impl Into<Vec<u8>>, signature: Option<&str>) -> u16 {
        let mut asked = self.http.post(format!("{}/webhook", self.api)).body(body.into());
        if let Some(signature) = signature {
            asked = asked.header("x-hub-signature-256", signature);
        }
        asked.send().await.unwrap().status().as_u16()
    }

    /// Posts as WhatsApp does.
    pub async fn tell(&self, body: &str) -> u16 {
        self.deliver(body, Some(&sign(APP_SECRET, body.as_bytes()))).await
    }

    /// Posts these statuses as WhatsApp does.
    pub async fn tell_statuses(&self, statuses: &[String]) -> u16 {
        self.tell(&statuses_body(&statuses.join(","))).await
    }

    /// Waits until what is found under a path is as wanted.
    pub async fn until(&self, what: &str, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(path).await;
            if wanted(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come about: {found}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a broadcast stands so.
    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        self.until(&format!("{id} is {status}"), &format!("/broadcasts/{id}"), |one| one["status"] == status).await
    }

    /// Waits until so many of a broadcast stand in a state.
    pub async fn until_count(&self, id: &str, state: &str, count: u64) -> Value {
        let what = format!("{count} {state}");
        self.until(&what, &format!("/broadcasts/{id}"), |one| one["counts"][state] == count).await
    }

    /// Waits for something that no path shows.
    pub async fn until_true(&self, what: &str, mut wanted: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted() {
            assert!(Instant::now() < deadline, "did not come about: {what}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A broadcast's people by phone, as the HTTP API's report has them.
    pub async fn report(&self, id: &str) -> BTreeMap<String, Line> {
        lines(&self.text(&format!("/broadcasts/{id}/report")).await)
    }

    /// What the sandbox took.
    pub fn ledger(&self) -> Vec<LedgerRow> {
        self.sandbox.ledger(0, 10_000).items
    }

    /// Nobody got anything twice.
    pub fn nobody_twice(&self) {
        let summary = self.sandbox.summary();
        assert!(summary.people_twice.is_empty() && summary.attempts_twice.is_empty(), "{:?}", summary.people_twice);
    }

    /// The problems that the HTTP API shows, in words.
    pub async fn problems(&self) -> String {
        let standing = self.get("/sender").await;
        standing["problems"].to_string()
    }
}
