//! What the tests of service, scheduler and HTTP API stand on: a store in a temporary folder, the sandbox, a clock to move.

use crate::cloud_client;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use wacast::clock::Clock;
use wacast::domain::binding::{Bindings, Source};
use wacast::domain::opt_out::TypedHolds;
use wacast::domain::time::Millis;
use wacast::sandbox::{PHONE_NUMBER_ID, Sandbox, SandboxConfig, SandboxHandle};
use wacast::service::import::{ImportDone, ImportOptions, ImportRequest, ImportSource};
use wacast::service::view::BroadcastRequest;
use wacast::service::{Parts, Service, Settings};
use wacast::store::Store;
use wacast::store::sqlite::SqliteStore;

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at(text).0)))
    }

    pub fn set(&self, text: &str) {
        self.0.store(at(text).0, Ordering::SeqCst);
    }

    pub fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

pub fn at(text: &str) -> Millis {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// Sun 8 Nov 2026, 15:30 in India.
pub const NOW: &str = "2026-11-08T10:00:00Z";

pub struct Bed {
    pub service: Service,
    pub store: Arc<dyn Store>,
    pub sandbox: SandboxHandle,
    pub clock: Arc<TestClock>,
    pub folder: tempfile::TempDir,
}

pub fn settings() -> Settings {
    Settings {
        sender: PHONE_NUMBER_ID.into(),
        rehearsal: false,
        sandbox_flag: false,
        messages_per_second: 60.0,
        default_country: Some("IN".into()),
        time_zone: "Asia/Kolkata".into(),
        daily_reserve: 0,
        api_version_warning: None,
        receipts_set_up: false,
        typed_holds: TypedHolds::Everything,
    }
}

pub async fn open(folder: &Path, clock: &Arc<TestClock>) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_with_clock(&folder.join("wacast.db"), clock.clone()).await.unwrap())
}

impl Bed {
    pub async fn new() -> Self {
        Self::at(NOW).await
    }

    pub async fn at(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at(now);
        let store = open(folder.path(), &clock).await;
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let service = service(&store, &sandbox, &clock);
        Self { service, store, sandbox, clock, folder }
    }

    /// Another process on the same store.
    pub fn another(&self) -> Service {
        service(&self.store, &self.sandbox, &self.clock)
    }

    /// The process ends and starts again.
    pub async fn restart(&mut self) {
        self.store.close().await;
        self.store = open(self.folder.path(), &self.clock).await;
        self.service = self.another();
    }

    /// Everything as before, but WhatsApp does not answer.
    pub fn cut_off(&self) -> Service {
        let api = Arc::new(cloud_client::client("http://127.0.0.1:1"));
        Service::new(Parts {
            store: self.store.clone(),
            api,
            clock: self.clock.clone(),
            settings: settings(),
            engine: None,
            custody: None,
            who: "a test".into(),
        })
    }

    pub async fn import(&self, list: &str, csv: &str) -> ImportDone {
        self.service.import(csv_request(list, csv), |_| {}).await.unwrap()
    }

    /// Imports a list of so many people.
    pub async fn people(&self, list: &str, count: u32) {
        let mut csv = String::from("phone,name,city\n");
        for place in 0..count {
            let _ = writeln!(csv, "+9198765{place:05},Person {place},Pune");
        }
        let done = self.import(list, &csv).await;
        assert_eq!(done.upload.report.rejected, 0, "{:?}", done.upload.report.rejects.first());
    }
}

fn service(store: &Arc<dyn Store>, sandbox: &SandboxHandle, clock: &Arc<TestClock>) -> Service {
    let api = Arc::new(cloud_client::client(&sandbox.base_url()));
    Service::new(Parts {
        store: store.clone(),
        api,
        clock: clock.clone(),
        settings: settings(),
        engine: None,
        custody: None,
        who: "a test".into(),
    })
}

pub fn csv_request(list: &str, csv: &str) -> ImportRequest {
    ImportRequest {
        source: ImportSource::Bytes { name: "test.csv".into(), bytes: csv.as_bytes().to_vec() },
        options: ImportOptions::default(),
        list: Some(list.into()),
        tags: vec![],
        idempotency: None,
        rejects: None,
    }
}

pub fn request(template: &str, list: &str) -> BroadcastRequest {
    BroadcastRequest {
        template_name: template.into(),
        language_code: "en_US".into(),
        list: Some(list.into()),
        ..BroadcastRequest::default()
    }
}

pub fn column(variable: &str, column: &str) -> Bindings {
    Bindings::from([(variable.to_owned(), Source::Column(column.to_owned()))])
}
