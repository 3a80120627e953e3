//! The HTTP API from outside: every call, every status, and what must not get in.

mod sending;
mod uploads;
mod webhook;

use crate::bed::Bed;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig, ApiHandle, BindError};

const KEY: &str = "test-key-of-forty-eight-letters";
const SECRET: &str = "test_app_secret";

struct Site {
    bed: Bed,
    url: String,
    http: Client,
    stop: CancellationToken,
    handle: ApiHandle,
}

fn config() -> ApiConfig {
    ApiConfig {
        listen: "127.0.0.1:0".into(),
        api_keys: vec![SecretString::from("another key"), SecretString::from(KEY)],
        app_secret: Some(SecretString::from(SECRET)),
        verify_token: Some(SecretString::from("verify-me")),
        ..ApiConfig::default()
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(config()).await
    }

    async fn with(config: ApiConfig) -> Self {
        let bed = Bed::new().await;
        let stop = CancellationToken::new();
        let handle = api::serve(config, bed.service.clone(), stop.clone()).await.unwrap();
        let url = format!("http://{}", handle.local_addr);
        wacast::cloud_api::install_crypto_provider();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { bed, url, http, stop, handle }
    }

    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.bare(Method::GET, path).bearer_auth(KEY)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.bare(Method::POST, path).bearer_auth(KEY)
    }

    async fn upload_people(&self, list: &str, count: u32) {
        self.bed.people(list, count).await;
    }

    async fn send(&self, body: Value) -> (StatusCode, Value) {
        answer(self.post("/send-broadcast").json(&body)).await
    }
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, read(response).await)
}

async fn read(response: Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// How an answer begins, when it comes at all.
async fn first_words(stream: &mut tokio::net::TcpStream) -> String {
    let mut words = vec![0; 12];
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_exact(&mut words)).await;
    read.expect("it answers").unwrap();
    String::from_utf8(words).unwrap()
}

fn code(body: &Value) -> &str {
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert!(body["error"].as_object().unwrap().contains_key("details"), "{body}");
    body["error"]["code"].as_str().unwrap()
}

fn hello(list: &str) -> Value {
    json!({"template_name": "hello", "language_code": "en_US", "list": list})
}

#[tokio::test]
async fn everything_but_health_and_webhook_needs_a_key() {
    let site = Site::new().await;
    let document: Value = site.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut calls = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, _) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "00000000");
            let without = site.bare(method.clone(), &path).send().await.unwrap().status();
            let with = site.bare(method.clone(), &path).bearer_auth(KEY).send().await.unwrap().status();
            let wrong = site.bare(method.clone(), &path).bearer_auth("wrong").send().await.unwrap().status();
            assert_ne!(with, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} is in the document");
            if path == "/healthz" || path == "/webhook" {
                assert_eq!(without, with, "{method} {path}");
            } else {
                assert_eq!((without, wrong), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED), "{method} {path}");
                assert_ne!(with, StatusCode::UNAUTHORIZED, "{method} {path}");
            }
            calls += 1;
        }
    }
    assert!(calls >= 19, "{calls}");
    for shown in ["", "Bearer", "Bearer ", "Basic dGVzdA==", KEY] {
        let request = site.bare(Method::GET, "/lists").header("authorization", shown);
        assert_eq!(answer(request).await.0, StatusCode::UNAUTHORIZED, "{shown:?}");
    }
}

#[tokio::test]
async fn without_keys_it_says_how_to_make_one() {
    let site = Site::with(ApiConfig { api_keys: vec![SecretString::from("")], ..config() }).await;
    for request in [site.bare(Method::GET, "/lists"), site.bare(Method::GET, "/lists").bearer_auth("")] {
        let (status, body) = answer(request).await;
        assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "no_api_keys"));
        assert!(body["error"]["message"].as_str().unwrap().contains("api_keys"), "{body}");
    }
    let (status, body) = answer(site.bare(Method::GET, "/healthz")).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"status": "ok", "store": "ok"})));
}

#[tokio::test]
async fn what_is_not_there_is_json_too() {
    let site = Site::new().await;
    let (status, body) = answer(site.get("/nothing")).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "no_such_path"));
    let (status, body) = answer(site.bare(Method::DELETE, "/lists").bearer_auth(KEY)).await;
    assert_eq!((status, code(&body)), (StatusCode::METHOD_NOT_ALLOWED, "wrong_method"));
    let (status, body) = answer(site.get("/broadcasts?limit=many")).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "malformed"));
}

#[tokio::test]
async fn figures_are_there_for_prometheus_and_hold_no_numbers() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    site.send(hello("diwali")).await;
    let mut pictures = site.bed.service.snapshot();
    pictures.wait_for(|picture| picture.open.len() == 1).await.unwrap();
    let text = site.get("/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "wacast_http_requests_total{method=\"POST\",path=\"/send-broadcast\",status=\"202\"} 1",
        "wacast_broadcasts{status=\"preparing\"} 1",
        "wacast_receipts_backlog 0",
        "wacast_store_up 1",
        "wacast_driver{driver=\"nobody\"} 1",
        "wacast_pace_messages_per_second",
        "wacast_in_flight",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("+91"));
}

#[tokio::test]
async fn a_taken_port_is_named_and_an_open_one_warned_of() {
    let site = Site::new().await;
    let again = ApiConfig { listen: site.handle.local_addr.to_string(), ..config() };
    let error = api::serve(again, site.bed.another(), CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, BindError::Taken(address) if address == site.handle.local_addr));
    assert!(error.to_string().contains(&site.handle.local_addr.to_string()), "{error}");
    for wrong in ["", "8080", "127.0.0.1", "127.0.0.1:99999", "a b:1"] {
        let error =
            api::serve(ApiConfig { listen: wrong.into(), ..config() }, site.bed.another(), CancellationToken::new())
                .await
                .unwrap_err();
        assert!(matches!(error, BindError::BadAddress(_)), "{wrong}: {error}");
    }
    assert_eq!(site.handle.warning, None);
    let open = ApiConfig { listen: "0.0.0.0:0".into(), ..config() };
    let stop = CancellationToken::new();
    let handle = api::serve(open, site.bed.another(), stop.clone()).await.unwrap();
    assert!(handle.warning.as_ref().unwrap().contains("without TLS"));
    stop.cancel();
    handle.ended().await;
    let Site { stop, handle, url, http, .. } = site;
    stop.cancel();
    handle.ended().await;
    assert!(http.get(format!("{url}/healthz")).send().await.is_err(), "nobody listens any more");
}
