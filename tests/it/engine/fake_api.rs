//! A Cloud API that answers as a test says, and keeps every message that was written to it.

use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wacast::cloud_api::{Admission, CallError, CloudApi, GraphError, SendResult, SenderInfo, TokenInfo, WriteGate};
use wacast::domain::attempt_id::AttemptId;
use wacast::domain::template::Template;

/// A message as it was written.
#[derive(Debug, Clone)]
pub struct Written {
    pub to: String,
    pub at: tokio::time::Instant,
}

/// What becomes of a message.
#[derive(Debug, Clone)]
pub enum Answer {
    Accept,
    /// Taken, and held until the template is judged.
    Held,
    Refuse(i64),
    /// Never connected.
    NoConnection,
    /// Written, and no answer.
    Silence,
    /// The task that sends it panics.
    Panic,
    /// To a question: an answer that says nothing.
    Odd,
}

type Script = Box<dyn Fn(&str, u32) -> Answer + Send + Sync>;

pub struct FakeApi {
    script: Mutex<Script>,
    pub written: Mutex<Vec<Written>>,
    pub latency: Mutex<Duration>,
    pub limit: Mutex<String>,
    /// What a sender may do: `AVAILABLE`, `BLOCKED` …
    pub health: Mutex<String>,
    pub in_flight: AtomicUsize,
    pub most_in_flight: AtomicUsize,
}

impl FakeApi {
    pub fn new(script: impl Fn(&str, u32) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Box::new(script)),
            written: Mutex::default(),
            latency: Mutex::new(Duration::from_millis(5)),
            limit: Mutex::new("TIER_UNLIMITED".into()),
            health: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    pub fn answers(&self, script: impl Fn(&str, u32) -> Answer + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// How often each person was written to.
    pub fn times(&self) -> HashMap<String, usize> {
        let mut times = HashMap::new();
        for written in self.written.lock().unwrap().iter() {
            *times.entry(written.to.clone()).or_default() += 1;
        }
        times
    }

    pub fn count(&self) -> usize {
        self.written.lock().unwrap().len()
    }
}

#[async_trait]
impl CloudApi for FakeApi {
    async fn send(&self, _sender: &str, body: Bytes, gate: Arc<dyn WriteGate>) -> SendResult {
        let json: serde_json::Value = serde_json::from_slice(&body).expect("the payload is JSON");
        let to = json["to"].as_str().unwrap().to_owned();
        let id = AttemptId::parse(json["biz_opaque_callback_data"].as_str().unwrap()).expect("our id");
        let answer = (self.script.lock().unwrap())(&to, id.attempt);
        if matches!(answer, Answer::NoConnection) {
            return SendResult::Unsent { refused_by_gate: false, detail: "connection refused".into() };
        }
        loop {
            match gate.admit() {
                Admission::Go => break,
                Admission::Wait(wait) => tokio::time::sleep(wait).await,
                Admission::Refuse => {
                    return SendResult::Unsent { refused_by_gate: true, detail: "refused".into() };
                }
            }
        }
        self.written.lock().unwrap().push(Written { to, at: tokio::time::Instant::now() });
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        match answer {
            Answer::Accept => SendResult::Accepted {
                wamid: format!("wamid.{}.{}", id.seq, id.attempt),
                message_status: Some("accepted".into()),
                response: "{}".into(),
            },
            Answer::Held => SendResult::Accepted {
                wamid: format!("wamid.{}.{}", id.seq, id.attempt),
                message_status: Some("held_for_quality_assessment".into()),
                response: "{}".into(),
            },
            Answer::Refuse(code) => SendResult::Refused {
                http_status: if code == 131_000 { 500 } else { 400 },
                error: GraphError { code, message: format!("error {code}"), ..GraphError::default() },
                retry_after: None,
                response: format!(r#"{{"error":{{"code":{code}}}}}"#),
            },
            Answer::Silence => SendResult::Unknown { detail: "the connection was cut".into() },
            Answer::Panic => panic!("the test asked for it"),
            Answer::NoConnection | Answer::Odd => unreachable!("answered above, or not to a message"),
        }
    }

    async fn templates(&self) -> Result<Vec<Template>, CallError> {
        Ok(Vec::new())
    }

    async fn sender(&self, sender: &str) -> Result<SenderInfo, CallError> {
        if matches!((self.script.lock().unwrap())("probe", 0), Answer::NoConnection) {
            return Err(CallError::Unreachable("connection refused".into()));
        }
        if matches!((self.script.lock().unwrap())("probe", 0), Answer::Odd) {
            return Err(CallError::Odd { http_status: 404, detail: "HTTP 404 without an error code".into() });
        }
        if let Answer::Refuse(code) = (self.script.lock().unwrap())("probe", 0) {
            let error = GraphError { code, ..GraphError::default() };
            return Err(CallError::Refused { http_status: 401, error });
        }
        let messaging_limit = self.limit.lock().unwrap().clone();
        let can_send_message = self.health.lock().unwrap().clone();
        Ok(SenderInfo { id: sender.into(), messaging_limit, can_send_message, ..SenderInfo::default() })
    }

    async fn token(&self) -> Result<Option<TokenInfo>, CallError> {
        Ok(None)
    }
}
