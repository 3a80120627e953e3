//! How fast wacast sends, measured and printed as ratios. Run with `cargo bench --bench sending -- [WHAT]…`:
//!
//! - `rate`: pace off, 20 ms latency, 512 in flight: wacast on SQLite and on MongoDB against a bare reqwest loop
//!   without any store, in the same run;
//! - `pace`: 80/s and 1,000/s for a minute each with 50-100 ms latency: the share of the pace that was reached, and the
//!   worst one-second window, counted at the write to the socket;
//! - `memory`: resident memory while a broadcast of 1,000,000 people is sent.
//!
//! Without WHAT all of them run. The sandbox is a process of its own on the same cores, and so is mongod.

#[path = "../tests/it/mongod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod mongod;

use async_trait::async_trait;
use bytes::Bytes;
use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wacast::clock::{Clock, SystemClock};
use wacast::cloud_api::{Admission, CallError, CloudApi, SendResult, SenderInfo, TokenInfo, WriteGate};
use wacast::cloud_api::{BareLoop, ClientConfig, GraphClient};
use wacast::domain::broadcast::{Audience, Definition, Number};
use wacast::domain::error_policy::ErrorPolicy;
use wacast::domain::ids::BroadcastId;
use wacast::domain::opt_out::Rules;
use wacast::domain::phone::Phone;
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::template::Template;
use wacast::engine::{self, EngineConfig, EngineParts};
use wacast::sandbox::{ACCESS_TOKEN, BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, Sandbox, SandboxConfig, Settings};
use wacast::store::{BroadcastMade, NewBroadcast, NewUpload, Store, UploadBegun, UploadReport, UploadRow};

const AS_SANDBOX: &str = "WACAST_BENCH_SANDBOX_LATENCY_MS";
const IN_FLIGHT: u32 = 512;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(latency_ms) = std::env::var(AS_SANDBOX) {
        runtime.block_on(be_the_sandbox(&latency_ms));
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let all = ["rate", "pace", "memory"];
    for what in all.iter().filter(|what| wanted.is_empty() || wanted.iter().any(|one| one == *what)) {
        println!("== {what}");
        match *what {
            "rate" => runtime.block_on(rate()),
            "pace" => runtime.block_on(pace()),
            _ => runtime.block_on(memory()),
        }
    }
}

// ---- the sandbox, in a process of its own ----

async fn be_the_sandbox(latency_ms: &str) {
    let (least, most) = latency_ms.split_once('-').expect("least-most");
    let latency_ms = (least.parse().expect("a number"), most.parse().expect("a number"));
    let settings = Settings { messages_per_second: 0, latency_ms, ..Settings::default() };
    let sandbox = Sandbox::start(SandboxConfig { settings, ..SandboxConfig::default() }).await.expect("a sandbox");
    println!("{}", sandbox.base_url());
    // Ends when the benchmark closes our standard input.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await;
}

struct SandboxProcess {
    child: Child,
    base_url: String,
}

impl SandboxProcess {
    fn start(latency_ms: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(AS_SANDBOX, latency_ms)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut base_url = String::new();
        std::io::BufReader::new(child.stdout.take().expect("piped")).read_line(&mut base_url).expect("its address");
        Self { child, base_url: base_url.trim().to_owned() }
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- a broadcast on a store ----

async fn hello(client: &GraphClient) -> Template {
    let templates = client.templates().await.expect("the sandbox has templates");
    let plain = |template: &&Template| template.is_approved() && template.slots().is_ok_and(|slots| slots.is_empty());
    templates.iter().find(plain).expect("one without variables").clone()
}

fn client(base_url: &str) -> GraphClient {
    let config = ClientConfig::new(base_url, "v25.0", BUSINESS_ACCOUNT_ID, ACCESS_TOKEN.to_owned().into());
    GraphClient::new(config).expect("a client")
}

fn phone(place: u32) -> Phone {
    Phone::from_digits(919_900_000_000 + u64::from(place)).expect("a made-up number")
}

async fn upload(store: &Arc<dyn Store>, people: u32) -> wacast::domain::broadcast::UploadId {
    let now = SystemClock.now();
    let new = NewUpload { list: format!("list {people}"), source: "bench".into(), tags: vec![], idempotency: None };
    let UploadBegun::New(upload) = store.begin_upload(new, now).await.expect("begun") else { panic!("not new") };
    let mut place = 0;
    while place < people {
        let rows = (place..people.min(place + 1_000))
            .map(|place| UploadRow {
                row: place + 1,
                number: Number {
                    phone: phone(place),
                    name: format!("Person {place}"),
                    attributes: [("city".to_owned(), "Pune".to_owned())].into(),
                },
            })
            .collect();
        store.add_rows(upload, rows).await.expect("added");
        place += 1_000;
    }
    let report = UploadReport { received: people.into(), imported: people.into(), ..UploadReport::default() };
    store.finish_upload(upload, report, now).await.expect("finished");
    upload
}

async fn broadcast(store: &Arc<dyn Store>, template: &Template, people: u32) -> BroadcastId {
    let uploads = vec![upload(store, people).await];
    let new = NewBroadcast {
        id: BroadcastId::from_random(fastrand::u64(..)),
        definition: Definition {
            label: String::new(),
            sender: PHONE_NUMBER_ID.into(),
            template: template.clone(),
            bindings: std::collections::BTreeMap::default(),
            audience: Audience { list: None, uploads, follow_up: None, own: Vec::new() },
            messages_per_second: None,
            rehearsal: true,
            choices: wacast::domain::broadcast::Choices::default(),
        },
        status: BroadcastStatus::Preparing,
        start_at: None,
        total: people,
        occurrence: None,
        idempotency: None,
        refuse_repeats_since: None,
    };
    match store.make_broadcast(new, SystemClock.now()).await.expect("made") {
        BroadcastMade::New(broadcast) => broadcast.id,
        other => panic!("{other:?}"),
    }
}

async fn sqlite(folder: &Path) -> Arc<dyn Store> {
    let url = format!("sqlite://{}", folder.join("bench.db").display());
    wacast::store::open(&url, SystemClock.now()).await.expect("SQLite opens")
}

/// The real client, which also notes when each message was written to the socket.
struct Recorder {
    client: GraphClient,
    writes: Arc<Mutex<Vec<Instant>>>,
}

struct RecordingGate {
    gate: Arc<dyn WriteGate>,
    writes: Arc<Mutex<Vec<Instant>>>,
}

impl WriteGate for RecordingGate {
    fn admit(&self) -> Admission {
        let admission = self.gate.admit();
        if admission == Admission::Go {
            self.writes.lock().expect("no panic").push(Instant::now());
        }
        admission
    }
}

#[async_trait]
impl CloudApi for Recorder {
    async fn send(&self, sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        let gate = Arc::new(RecordingGate { gate, writes: self.writes.clone() });
        self.client.send(sender, body, gate).await
    }

    async fn templates(&self) -> Result<Vec<Template>, CallError> {
        self.client.templates().await
    }

    async fn sender(&self, sender: &str) -> Result<SenderInfo, CallError> {
        self.client.sender(sender).await
    }

    async fn token(&self) -> Result<Option<TokenInfo>, CallError> {
        self.client.token().await
    }
}

struct Run {
    writes: Vec<Instant>,
    /// From the first write to the last outcome on record.
    took: Duration,
    resident_mb: u64,
}

/// Sends a broadcast to `people`, or to as many as go out in `at_most`, and checks that the ledger agrees.
async fn send(store: Arc<dyn Store>, base_url: &str, people: u32, pace: f64, at_most: Duration) -> Run {
    let client = client(base_url);
    let template = hello(&client).await;
    let id = broadcast(&store, &template, people).await;
    let writes = Arc::new(Mutex::new(Vec::with_capacity(people as usize)));
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine::start(EngineParts {
        store: store.clone(),
        api: Arc::new(Recorder { client, writes: writes.clone() }),
        clock: Arc::new(SystemClock),
        policy: Arc::new(ErrorPolicy::built_in()),
        custody: Some(wacast::custody::Custody::new(folder.path(), store.id())),
        config: EngineConfig {
            sender: PHONE_NUMBER_ID.into(),
            messages_per_second: pace,
            account: String::new(),
            daily_reserve: 0,
            marketing_endpoint: wacast::domain::marketing::MarketingEndpoint::default(),
            max_in_flight: IN_FLIGHT,
            grace_ms: 900_000,
            face: "bench".into(),
            lock_folder: folder.path().into(),
            drain_timeout: Duration::from_secs(10),
            program: "wacast",
            opt_out: Rules::default(),
        },
    });
    let mut resident_mb = 0;
    let mut first = None;
    let took = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        resident_mb = resident_mb.max(resident());
        first = first.or_else(|| writes.lock().expect("no panic").first().copied());
        let Some(first) = first else { continue };
        let through = store.broadcast(&id).await.expect("there").status == BroadcastStatus::Completed;
        if through || first.elapsed() > at_most {
            break first.elapsed();
        }
    };
    engine.drain().await.expect("no panic");
    let accepted = store.counts(&id).await.expect("counted").get(RecipientState::Accepted);
    let writes = std::mem::take(&mut *writes.lock().expect("no panic"));
    assert_eq!(accepted, writes.len() as u64, "what was written is on record, once");
    store.close().await;
    Run { writes, took, resident_mb }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

// ---- rate ----

async fn rate() {
    let people = 60_000;
    let sandbox = SandboxProcess::start("20-20");
    let bare = bare(&sandbox.base_url, people).await;
    println!("bare reqwest loop        {bare:>8.0}/s");
    let folder = tempfile::tempdir().expect("a folder");
    let on_sqlite = per_second(&send(sqlite(folder.path()).await, &sandbox.base_url, people, 0.0, Duration::MAX).await);
    println!("wacast, durable, SQLite  {on_sqlite:>8.0}/s  ratio {:.2}", on_sqlite / bare);
    let url = mongod::shared().await.url("bench_rate");
    let mongo = wacast::store::open(&url, SystemClock.now()).await.expect("MongoDB opens");
    let on_mongo = per_second(&send(mongo, &sandbox.base_url, people, 0.0, Duration::MAX).await);
    println!("wacast, durable, MongoDB {on_mongo:>8.0}/s  ratio {:.2}", on_mongo / bare);
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(run: &Run) -> f64 {
    run.writes.len() as f64 / run.took.as_secs_f64()
}

async fn bare(base_url: &str, people: u32) -> f64 {
    let http = Arc::new(BareLoop::new(base_url, "v25.0", PHONE_NUMBER_ID, ACCESS_TOKEN).expect("a client"));
    let template = hello(&client(base_url)).await;
    let maker = Arc::new(wacast::domain::message::MessageMaker::new(&template).expect("no variables"));
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let loops: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (http, maker, next) = (http.clone(), maker.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let place = u32::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(u32::MAX);
                    if place >= people {
                        return;
                    }
                    let attempt = wacast::domain::attempt_id::AttemptId {
                        store: wacast::domain::ids::StoreId::from_random(1),
                        broadcast: BroadcastId::from_random(1),
                        seq: place,
                        attempt: 1,
                    };
                    let body = maker.body(phone(place), &[], &attempt).expect("no variables");
                    assert_eq!(http.post(body).await, Ok(200));
                }
            })
        })
        .collect();
    for one in loops {
        one.await.expect("no panic");
    }
    f64::from(people) / started.elapsed().as_secs_f64()
}

// ---- pace ----

async fn pace() {
    for limit in [80_u32, 1_000] {
        let sandbox = SandboxProcess::start("50-100");
        let folder = tempfile::tempdir().expect("a folder");
        let store = sqlite(folder.path()).await;
        let run = send(store, &sandbox.base_url, limit * 70, limit.into(), Duration::from_secs(64)).await;
        let (first, last) = (run.writes[0], run.writes[run.writes.len() - 1]);
        let time = last.duration_since(first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let reached = (run.writes.len() - 1) as f64 / time;
        println!(
            "{limit:>5}/s: {reached:.1}/s over {time:.0} s, ratio {:.3}; worst second {} of {limit}",
            reached / f64::from(limit),
            worst_second(&run.writes)
        );
    }
}

fn worst_second(writes: &[Instant]) -> usize {
    let mut writes = writes.to_vec();
    writes.sort();
    let (mut from, mut worst) = (0, 0);
    for (place, at) in writes.iter().enumerate() {
        while at.duration_since(writes[from]) >= Duration::from_secs(1) {
            from += 1;
        }
        worst = worst.max(place - from + 1);
    }
    worst
}

// ---- memory ----

async fn memory() {
    let sandbox = SandboxProcess::start("20-20");
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(folder.path()).await;
    let run = send(store, &sandbox.base_url, 1_000_000, 1_000.0, Duration::from_secs(20)).await;
    println!("1,000,000 people: {} MB resident at most, {} sent", run.resident_mb, run.writes.len());
}
