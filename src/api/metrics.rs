//! `GET /metrics`: figures for Prometheus. What the API does is counted here; the rest is read from the service's newest picture.

use super::{Api, ApiError};
use crate::domain::state::{BroadcastStatus, RecipientState};
use crate::service::view::{Driver, Snapshot};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Instant;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPath {
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    broadcast: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQuantile {
    quantile: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDriver {
    driver: &'static str,
}

type Decimal = Gauge<f64, AtomicU64>;

/// All figures, by typed handles.
pub(super) struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    call_seconds: Family<ByPath, Histogram>,
    webhooks: Counter,
    broadcasts: Family<ByStatus, Gauge>,
    recipients: Family<ByState, Gauge>,
    pace: Decimal,
    written: Gauge,
    in_flight: Gauge,
    unsettled: Gauge,
    answer_ms: Family<ByQuantile, Gauge>,
    receipts_backlog: Gauge,
    receipts_last_at: Decimal,
    store_up: Gauge,
    driver: Family<ByDriver, Gauge>,
    problems: Gauge,
    forward_waiting: Gauge,
    forwarded: Gauge,
    forward_dropped: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let call_seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let mut metrics = Self {
            registry: Registry::with_prefix("wacast"),
            calls: Family::default(),
            call_seconds,
            webhooks: Counter::default(),
            broadcasts: Family::default(),
            recipients: Family::default(),
            pace: Gauge::default(),
            written: Gauge::default(),
            in_flight: Gauge::default(),
            unsettled: Gauge::default(),
            answer_ms: Family::default(),
            receipts_backlog: Gauge::default(),
            receipts_last_at: Gauge::default(),
            store_up: Gauge::default(),
            driver: Family::default(),
            problems: Gauge::default(),
            forward_waiting: Gauge::default(),
            forwarded: Gauge::default(),
            forward_dropped: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests answered", self.calls.clone());
        registry.register_with_unit("http_request", "Time to answer", Unit::Seconds, self.call_seconds.clone());
        registry.register("webhooks_stored", "Webhook bodies stored", self.webhooks.clone());
        registry.register("broadcasts", "Open broadcasts by status", self.broadcasts.clone());
        registry.register("recipients", "Recipients of open broadcasts by state", self.recipients.clone());
        registry.register("pace_messages_per_second", "What is allowed now; 0: off", self.pace.clone());
        registry.register("written_last_second", "Requests written in the last whole second", self.written.clone());
        registry.register("in_flight", "Requests without an answer", self.in_flight.clone());
        registry.register("unsettled", "People with an intent and no durable outcome", self.unsettled.clone());
        registry.register("answer_milliseconds", "Answer times of the last minute", self.answer_ms.clone());
        registry.register("receipts_backlog", "Webhook bodies that wait to be folded", self.receipts_backlog.clone());
        registry.register(
            "receipts_last_timestamp_seconds",
            "When the last receipt came; 0: never",
            self.receipts_last_at.clone(),
        );
        registry.register("store_up", "1 when the store answered last", self.store_up.clone());
        registry.register("driver", "1 for who drives the sender: us, other or nobody", self.driver.clone());
        let forwarding = [
            ("webhooks_forward_waiting", "Webhook bodies that wait to be handed on", &self.forward_waiting),
            ("webhooks_forwarded", "Webhook bodies handed on since the start", &self.forwarded),
            ("webhooks_forward_dropped", "Webhook bodies that could not be handed on", &self.forward_dropped),
        ];
        for (name, help, figure) in forwarding {
            registry.register(name, help, figure.clone());
        }
        registry.register("problems", "What needs a person", self.problems.clone());
    }

    /// A webhook body was stored.
    pub(super) fn receipt(&self) {
        self.webhooks.inc();
    }

    fn take_over(&self, picture: &Snapshot) {
        // Broadcasts that have ended drop out, so that labels do not grow for ever.
        self.recipients.clear();
        for status in BroadcastStatus::ALL.into_iter().filter(|status| !status.is_final()) {
            let count = picture.open.iter().filter(|view| view.broadcast.status == status).count();
            self.broadcasts.get_or_create(&ByStatus { status: status.word() }).set(gauge(count as u64));
        }
        for view in &picture.open {
            for state in RecipientState::ALL {
                let label = ByState { broadcast: view.broadcast.id.to_string(), state: state.word() };
                self.recipients.get_or_create(&label).set(gauge(view.counts.get(state)));
            }
        }
        let engine = &picture.engine;
        self.pace.set(engine.pace);
        self.written.set(gauge(u64::from(engine.written_per_second.last().copied().unwrap_or(0))));
        self.in_flight.set(i64::from(engine.in_flight));
        self.unsettled.set(i64::from(engine.unsettled));
        self.answer_ms.get_or_create(&ByQuantile { quantile: "0.5" }).set(gauge(engine.answer_ms_p50));
        self.answer_ms.get_or_create(&ByQuantile { quantile: "0.99" }).set(gauge(engine.answer_ms_p99));
        self.receipts_backlog.set(gauge(picture.receipts.backlog));
        self.receipts_last_at
            .set(picture.receipts.last_at.map_or(0.0, |at| at.timestamp().as_duration().as_secs_f64()));
        self.store_up.set(i64::from(picture.store_trouble.is_none()));
        let drives = match picture.driver {
            Driver::Us => "us",
            Driver::Other(_) => "other",
            Driver::Nobody => "nobody",
        };
        for driver in ["us", "other", "nobody"] {
            self.driver.get_or_create(&ByDriver { driver }).set(i64::from(driver == drives));
        }
        self.problems.set(gauge(picture.problems.len() as u64));
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) async fn show(State(api): State<Api>) -> Result<Response, ApiError> {
    let metrics = &api.shared.metrics;
    let picture = api.service.snapshot().borrow().clone();
    metrics.take_over(&picture);
    let forwarding = api.service.forwarding();
    metrics.forward_waiting.set(gauge(forwarding.waiting));
    metrics.forwarded.set(gauge(forwarding.taken));
    metrics.forward_dropped.set(gauge(forwarding.dropped));
    let mut text = String::new();
    text::encode(&mut text, &metrics.registry)
        .map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the figures cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// Counts every request by its route, so that paths with ids do not each become a figure of their own.
pub(super) async fn count(State(api): State<Api>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        known @ ("GET" | "POST" | "HEAD" | "OPTIONS" | "PUT" | "PATCH" | "DELETE") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let path = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let metrics = &api.shared.metrics;
    metrics.call_seconds.get_or_create(&ByPath { path: path.clone() }).observe(begun.elapsed().as_secs_f64());
    metrics.calls.get_or_create(&Call { method, path, status: response.status().as_u16() }).inc();
    response
}
