//! The whole way for tests of errors and receipts: the sandbox, the real client, engine, store and webhook.

use crate::cloud_client;
use crate::real::statuses_body;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig};
use wacast::clock::{Clock, SystemClock};
use wacast::domain::broadcast::{Audience, Broadcast, Definition, Number};
use wacast::domain::error_policy::ErrorPolicy;
use wacast::domain::ids::BroadcastId;
use wacast::domain::phone::Phone;
use wacast::domain::template::Template;
use wacast::engine::{self, EngineConfig, EngineHandle, EngineParts};
use wacast::sandbox::{APP_SECRET, PHONE_NUMBER_ID, Provoked, Sandbox, SandboxConfig, SandboxHandle, Settings, sign};
use wacast::service::{self, Parts, Service};
use wacast::store::sqlite::SqliteStore;
use wacast::store::{
    BroadcastMade, NewBroadcast, NewUpload, RecipientRow, Store, UploadBegun, UploadReport, UploadRow,
};

/// A phone that provokes nothing by itself.
pub fn phone(place: u32) -> Phone {
    Phone::from_digits(919_870_000_000 + u64::from(place)).unwrap()
}

/// Everything that is there, running.
pub struct Site {
    pub store: Arc<dyn Store>,
    pub sandbox: SandboxHandle,
    pub service: Service,
    pub webhook: String,
    pub http: reqwest::Client,
    engine: Option<EngineHandle>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Site {
    /// At this pace (0: off), with these settings of the sandbox.
    pub async fn new(pace: f64, settings: Settings) -> Self {
        Self::with(pace, settings, ApiConfig::default()).await
    }

    pub async fn with(pace: f64, settings: Settings, api: ApiConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&folder.path().join("wacast.db"), clock.now()).await.unwrap());
        let settings = Settings { messages_per_second: 0, provoking_numbers: false, ..settings };
        let sandbox = Sandbox::start(SandboxConfig { settings, ..SandboxConfig::default() }).await.unwrap();
        let client = Arc::new(cloud_client::client(&sandbox.base_url()));
        let policy = Arc::new(ErrorPolicy::built_in());
        let engine = engine::start(EngineParts {
            store: store.clone(),
            api: client.clone(),
            clock: clock.clone(),
            policy,
            custody: None,
            config: EngineConfig {
                sender: PHONE_NUMBER_ID.into(),
                account: String::new(),
                daily_reserve: 0,
                marketing_endpoint: wacast::domain::marketing::MarketingEndpoint::default(),
                opt_out: wacast::domain::opt_out::Rules::default(),
                messages_per_second: pace,
                max_in_flight: 256,
                grace_ms: 900_000,
                face: "test".into(),
                lock_folder: folder.path().into(),
                drain_timeout: Duration::from_secs(5),
                program: "wacast",
            },
        });
        let service = Service::new(Parts {
            store: store.clone(),
            api: client,
            clock,
            settings: service::Settings {
                sender: PHONE_NUMBER_ID.into(),
                rehearsal: true,
                sandbox_flag: false,
                messages_per_second: pace,
                default_country: None,
                time_zone: "UTC".into(),
                receipts_set_up: true,
                daily_reserve: 0,
                api_version_warning: None,
                typed_holds: wacast::domain::opt_out::TypedHolds::Everything,
            },
            engine: Some(engine.link()),
            custody: None,
            who: "a test".into(),
        });
        let stop = CancellationToken::new();
        let config = ApiConfig { listen: "127.0.0.1:0".into(), app_secret: Some(APP_SECRET.to_owned().into()), ..api };
        let handle = api::serve(config, service.clone(), stop.clone()).await.unwrap();
        let webhook = format!("http://{}/webhook", handle.local_addr);
        sandbox.change(|settings| settings.webhook_url = Some(webhook.clone())).unwrap();
        wacast::cloud_api::install_crypto_provider();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { store, sandbox, service, webhook, http, engine: Some(engine), stop, _folder: folder }
    }

    pub fn engine(&self) -> &EngineHandle {
        self.engine.as_ref().unwrap()
    }

    pub async fn end(mut self) {
        self.engine.take().unwrap().drain().await.unwrap();
        self.stop.cancel();
        self.sandbox.shutdown().await;
    }

    /// Lets these people draw errors.
    pub fn provoke(&self, people: impl IntoIterator<Item = (Phone, Provoked)>) {
        self.sandbox
            .change(|settings| {
                settings.provoke.extend(people.into_iter().map(|(phone, what)| (phone.to_string(), what)));
            })
            .unwrap();
    }

    /// A broadcast of a template of this category to these people; it begins at once.
    pub async fn broadcast(&self, category: &str, people: &[Phone]) -> BroadcastId {
        let now = SystemClock.now();
        let list = format!("list {}", fastrand::u64(..));
        let upload = NewUpload { list: list.clone(), source: "test".into(), tags: vec![], idempotency: None };
        let UploadBegun::New(upload) = self.store.begin_upload(upload, now).await.unwrap() else { panic!("not new") };
        let row = |(row, phone): (u32, &Phone)| UploadRow {
            row,
            number: Number { phone: *phone, name: String::new(), attributes: BTreeMap::default() },
        };
        self.store.add_rows(upload, (1..).zip(people).map(row).collect()).await.unwrap();
        let total = u32::try_from(people.len()).unwrap();
        let report = UploadReport { received: total.into(), imported: total.into(), ..UploadReport::default() };
        self.store.finish_upload(upload, report, now).await.unwrap();
        let template: Template = serde_json::from_value(serde_json::json!({
            "name": "hello", "language": "en_US", "status": "APPROVED", "category": category,
            "components": [{"type": "BODY", "text": "Hello"}],
        }))
        .unwrap();
        let new = NewBroadcast {
            id: BroadcastId::from_random(fastrand::u64(..)),
            definition: Definition {
                label: String::new(),
                sender: PHONE_NUMBER_ID.into(),
                template,
                bindings: BTreeMap::default(),
                audience: Audience { list: Some(list), uploads: vec![upload], follow_up: None, own: Vec::new() },
                messages_per_second: None,
                rehearsal: true,
                choices: wacast::domain::broadcast::Choices::default(),
            },
            status: wacast::domain::state::BroadcastStatus::Preparing,
            start_at: None,
            total,
            occurrence: None,
            idempotency: None,
            refuse_repeats_since: None,
        };
        let BroadcastMade::New(broadcast) = self.store.make_broadcast(new, now).await.unwrap() else {
            panic!("not new")
        };
        self.engine().link().bell.notify_one();
        broadcast.id
    }

    /// Waits until the broadcast and its people are as wanted, 30 s at most.
    pub async fn until(
        &self,
        id: &BroadcastId,
        what: &str,
        mut wanted: impl FnMut(&Broadcast, &[RecipientRow]) -> bool,
    ) -> (Broadcast, Vec<RecipientRow>) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let broadcast = self.store.broadcast(id).await.unwrap();
            let rows = self.store.recipients(id, None, None, 5_000).await.unwrap();
            if wanted(&broadcast, &rows) {
                return (broadcast, rows);
            }
            let some: Vec<_> = rows.iter().take(5).map(|row| (row.phone, row.state, row.code, row.due)).collect();
            let (status, reason) = (broadcast.status, broadcast.reason);
            assert!(Instant::now() < deadline, "{what} did not come about: {status:?} {reason:?} {some:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Posts statuses to the webhook as Meta does. They come without brackets.
    pub async fn post_statuses(&self, statuses: &str) -> u16 {
        let body = statuses_body(statuses);
        let signature = sign(APP_SECRET, body.as_bytes());
        let request = self.http.post(&self.webhook).header("x-hub-signature-256", signature).body(body);
        request.send().await.unwrap().status().as_u16()
    }
}
