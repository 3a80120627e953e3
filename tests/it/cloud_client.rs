//! The Cloud API client against the sandbox: every kind of outcome, and that nothing leaves without the gate.

use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wacast::cloud_api::{Admission, CallError, ClientConfig, CloudApi, GraphClient, SendResult, WriteGate};
use wacast::domain::attempt_id::AttemptId;
use wacast::domain::ids::{BroadcastId, StoreId};
use wacast::domain::message::MessageMaker;
use wacast::domain::phone::Phone;
use wacast::domain::template::Template;
use wacast::sandbox::numbers::{Country, Way, provoking};
use wacast::sandbox::{
    ACCESS_TOKEN, APP_ID, APP_SECRET, BUSINESS_ACCOUNT_ID, Fault, FaultKind, PHONE_NUMBER_ID, Sandbox, SandboxConfig,
    SandboxHandle,
};

/// A gate that gives its answers in turn and the last one again and again.
pub struct Gate {
    answers: Mutex<Vec<Admission>>,
    asked: AtomicUsize,
}

impl Gate {
    pub fn with(answers: &[Admission]) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.iter().rev().copied().collect()), asked: AtomicUsize::new(0) })
    }

    pub fn open() -> Arc<Self> {
        Self::with(&[Admission::Go])
    }
}

impl WriteGate for Gate {
    fn admit(&self) -> Admission {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop().unwrap() } else { answers[0] }
    }
}

pub fn config(base_url: &str) -> ClientConfig {
    let mut config = ClientConfig::new(base_url, "v25.0", BUSINESS_ACCOUNT_ID, ACCESS_TOKEN.to_owned().into());
    config.app_id = APP_ID.into();
    config.app_secret = Some(APP_SECRET.to_owned().into());
    config
}

pub fn client(base_url: &str) -> GraphClient {
    GraphClient::new(config(base_url)).unwrap()
}

pub async fn sandbox() -> (SandboxHandle, GraphClient) {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    let client = client(&sandbox.base_url());
    (sandbox, client)
}

pub fn sample(name: &str, language: &str) -> Template {
    let templates = SandboxConfig::default().templates;
    templates.into_iter().find(|template| template.name == name && template.language == language).unwrap()
}

pub fn attempt(seq: u32) -> AttemptId {
    AttemptId { store: StoreId::from_random(1), broadcast: BroadcastId::from_random(2), seq, attempt: 1 }
}

pub fn body(to: Phone, seq: u32) -> Bytes {
    MessageMaker::new(&sample("hello", "en_US")).unwrap().body(to, &[], &attempt(seq)).unwrap()
}

pub fn person() -> Phone {
    "+15550100111".parse().unwrap()
}

async fn send(client: &GraphClient, to: Phone) -> SendResult {
    client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await
}

fn unknown(result: &SendResult) -> bool {
    matches!(result, SendResult::Unknown { .. })
}

#[tokio::test]
async fn a_message_that_is_taken_has_metas_id() {
    let (sandbox, client) = sandbox().await;
    let SendResult::Accepted { wamid, message_status, response } = send(&client, person()).await else { panic!() };
    let row = &sandbox.ledger(0, 10).items[0];
    assert_eq!((&row.wamid, row.to.as_str(), &row.opaque), (&wamid, "+15550100111", &attempt(1).to_string()));
    assert_eq!(message_status.as_deref(), Some("accepted"));
    assert!(response.contains(&wamid));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_refusal_says_code_status_and_wait() {
    let (sandbox, client) = sandbox().await;
    let refused = send(&client, provoking(Country::India, Way::Usual, 80_007)).await;
    let SendResult::Refused { http_status: 400, error, retry_after, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((error.code, error.trace.as_str()), (80_007, "SANDBOX"));
    assert_eq!(retry_after, Some(Duration::from_mins(1)));
    let refused = client.send("100000000000099", body(person(), 1), Gate::open()).await;
    assert!(matches!(refused, SendResult::Refused { error, .. } if error.code == 100 && error.subcode == Some(33)));
    sandbox.break_with(Fault::times(FaultKind::Unavailable, 1));
    let refused = send(&client, person()).await;
    assert!(
        matches!(refused, SendResult::Refused { http_status: 503, error, .. } if error.code == 2 && error.transient)
    );
    assert!(sandbox.ledger(0, 10).items.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn without_an_answer_nothing_is_known() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    let mut config = config(&sandbox.base_url());
    config.timeout = Duration::from_millis(400);
    let client = GraphClient::new(config).unwrap();
    for (kind, taken) in [
        (FaultKind::CutBefore, 0),
        (FaultKind::CutAfter, 1),
        (FaultKind::UnavailableWithoutCode, 1),
        (FaultKind::Malformed, 2),
        (FaultKind::Hang, 2),
        (FaultKind::HangAfter, 3),
    ] {
        sandbox.break_with(Fault::times(kind, 1));
        let result = send(&client, person()).await;
        assert!(unknown(&result), "{kind:?}: {result:?}");
        assert_eq!(sandbox.taken(), taken, "{kind:?}");
    }
    assert!(matches!(send(&client, person()).await, SendResult::Accepted { .. }));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gate = Gate::open();
    let client = client(&format!("http://{address}"));
    let result = client.send(PHONE_NUMBER_ID, body(person(), 1), gate.clone()).await;
    assert!(matches!(&result, SendResult::Unsent { refused_by_gate: false, .. }), "{result:?}");
    assert_eq!(gate.asked.load(Ordering::SeqCst), 0);
    let result = client.send("../me", body(person(), 1), gate.clone()).await;
    assert!(matches!(result, SendResult::Unsent { refused_by_gate: false, .. }));
}

#[tokio::test]
async fn what_the_gate_refuses_never_arrives() {
    let (sandbox, client) = sandbox().await;
    for answers in [&[Admission::Refuse][..], &[Admission::Wait(Duration::from_millis(5)), Admission::Refuse]] {
        let result = client.send(PHONE_NUMBER_ID, body(person(), 1), Gate::with(answers)).await;
        assert!(matches!(result, SendResult::Unsent { refused_by_gate: true, .. }), "{result:?}");
    }
    assert_eq!(sandbox.summary().requests, 0);
    assert!(matches!(send(&client, person()).await, SendResult::Accepted { .. }));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_gate_that_says_wait_is_asked_again() {
    let (sandbox, client) = sandbox().await;
    let wait = Duration::from_millis(60);
    let gate = Gate::with(&[Admission::Wait(wait), Admission::Go]);
    let before = std::time::Instant::now();
    let result = client.send(PHONE_NUMBER_ID, body(person(), 1), gate.clone()).await;
    assert!(matches!(result, SendResult::Accepted { .. }), "{result:?}");
    assert!(before.elapsed() >= wait);
    assert_eq!(gate.asked.load(Ordering::SeqCst), 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn who_stops_waiting_at_the_gate_has_sent_nothing() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    let mut config = config(&sandbox.base_url());
    config.timeout = Duration::from_millis(50);
    let client = GraphClient::new(config).unwrap();
    let gate = Gate::with(&[Admission::Wait(Duration::from_millis(150)), Admission::Go]);
    let result = client.send(PHONE_NUMBER_ID, body(person(), 1), gate).await;
    assert!(matches!(result, SendResult::Unsent { refused_by_gate: false, .. }), "{result:?}");
    // A caller that drops its send has sent nothing either.
    let gate = Gate::with(&[Admission::Wait(Duration::from_millis(30)), Admission::Go]);
    let send = client.send(PHONE_NUMBER_ID, body(person(), 1), gate.clone());
    tokio::time::timeout(Duration::from_millis(15), send).await.unwrap_err();
    // Both connections had their chance to write until now.
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sandbox.summary().requests, 0);
    sandbox.shutdown().await;
}

/// A server that hands out each connection with the bytes of its first read.
async fn raw_server() -> (SocketAddr, tokio::sync::mpsc::Receiver<(TcpStream, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = vec![0; 16 * 1024];
            let length = stream.read(&mut first).await.unwrap();
            first.truncate(length);
            sender.send((stream, first)).await.unwrap();
        }
    });
    (address, receiver)
}

#[tokio::test]
async fn head_and_body_leave_in_one_write() {
    let (address, mut connections) = raw_server().await;
    let client = client(&format!("http://{address}"));
    let send = tokio::spawn(async move { send(&client, person()).await });
    let (mut stream, first) = connections.recv().await.unwrap();
    let first = String::from_utf8(first).unwrap();
    let (head, sent_body) = first.split_once("\r\n\r\n").unwrap();
    let expected = body(person(), 1);
    assert_eq!(sent_body.as_bytes(), expected, "the body came with the head");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with(&format!("post /v25.0/{PHONE_NUMBER_ID}/messages http/1.1\r\n")), "{head}");
    assert!(head.contains(&format!("content-length: {}", expected.len())), "{head}");
    assert!(head.contains(&format!("authorization: bearer {ACCESS_TOKEN}")), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{\"mes").await.unwrap();
    assert!(unknown(&send.await.unwrap()));
}

#[tokio::test]
async fn broken_and_endless_answers_prove_nothing() {
    let endless = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"messages\":[{\"id\":\"wamid.A\"}]}",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 20",
        "nonsense\r\n\r\n",
        "",
        &endless,
    ] {
        let (address, mut connections) = raw_server().await;
        let client = client(&format!("http://{address}"));
        let send = tokio::spawn(async move { send(&client, person()).await });
        let (mut stream, _) = connections.recv().await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let result = send.await.unwrap();
        assert!(unknown(&result), "{answer:.30}: {result:?}");
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_not_a_doubt() {
    let (sandbox, client) = sandbox().await;
    assert!(matches!(send(&client, person()).await, SendResult::Accepted { .. }));
    let address = sandbox.address();
    sandbox.shutdown().await;
    // The pool notices, and the same client goes on with a server that came back.
    let config = SandboxConfig { listen: address, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    assert!(matches!(send(&client, person()).await, SendResult::Accepted { .. }));
    assert_eq!(sandbox.taken(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn all_pages_of_templates_are_read() {
    let templates: Vec<Template> = (0..250)
        .map(|number| {
            let name = format!("t{number}");
            Template { name, ..sample("hello", "en_US") }
        })
        .collect();
    let sandbox = Sandbox::start(SandboxConfig { templates, ..SandboxConfig::default() }).await.unwrap();
    let listed = client(&sandbox.base_url()).templates().await.unwrap();
    assert_eq!(listed.len(), 250);
    assert_eq!((listed[249].name.as_str(), listed[249].quality.as_str()), ("t249", "GREEN"));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn templates_come_as_they_are_kept() {
    let (sandbox, client) = sandbox().await;
    assert_eq!(client.templates().await.unwrap(), SandboxConfig::default().templates);
    sandbox.set_template_status("hello", "en_US", "SOMETHING_NEW").unwrap();
    let listed = client.templates().await.unwrap();
    assert!(listed.iter().any(|template| template.status == "SOMETHING_NEW" && !template.is_approved()));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_sender_tells_how_it_stands() {
    let (sandbox, client) = sandbox().await;
    let info = client.sender(PHONE_NUMBER_ID).await.unwrap();
    assert_eq!((info.quality_rating.as_str(), info.can_send_message.as_str()), ("GREEN", "AVAILABLE"));
    assert_eq!(info.people_a_day(), Some(100_000));
    sandbox
        .change_sender(PHONE_NUMBER_ID, |profile| {
            profile.can_send_message = "BLOCKED".into();
            profile.health_note = "Add a payment method.".into();
        })
        .unwrap();
    let info = client.sender(PHONE_NUMBER_ID).await.unwrap();
    assert_eq!(
        (info.can_send_message.as_str(), info.health_notes.as_slice()),
        ("BLOCKED", &["PHONE_NUMBER: Add a payment method.".to_owned()][..])
    );
    let missing = client.sender("999").await.unwrap_err();
    assert!(matches!(missing, CallError::Refused { error, .. } if error.subcode == Some(33)));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_token_can_be_asked_for_and_replaced() {
    let (sandbox, client) = sandbox().await;
    let info = client.token().await.unwrap().unwrap();
    assert!(info.is_valid && info.expires_at == 0 && info.scopes.len() == 2);
    client.use_token(&"another-token".to_owned().into()).unwrap();
    assert!(!client.token().await.unwrap().unwrap().is_valid);
    let refused = send(&client, person()).await;
    assert!(matches!(refused, SendResult::Refused { http_status: 401, error, .. } if error.code == 190));
    client.use_token(&ACCESS_TOKEN.to_owned().into()).unwrap();
    assert!(matches!(send(&client, person()).await, SendResult::Accepted { .. }));
    let mut config = config(&sandbox.base_url());
    config.app_secret = None;
    assert!(GraphClient::new(config).unwrap().token().await.unwrap().is_none());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&format!("http://{address}"));
    for error in [client.token().await.unwrap_err(), client.templates().await.unwrap_err()] {
        let words = format!("{error} {error:?}");
        assert!(!words.contains(ACCESS_TOKEN) && !words.contains(APP_SECRET), "{words}");
        assert!(matches!(error, CallError::Unreachable(_)));
    }
    assert!(!format!("{:?}", config("http://127.0.0.1:1")).contains(ACCESS_TOKEN));
}
