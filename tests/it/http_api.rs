//! The HTTP API from outside: every call, every status, and what must not get in.

use crate::bed::{Bed, NOW, at};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use wacast::api::{self, ApiConfig, ApiHandle, BindError};
use wacast::sandbox::sign;

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

// ---- keys ----

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

// ---- uploads ----

#[tokio::test]
async fn numbers_come_in_every_form() {
    let site = Site::new().await;
    let people = json!([{"name": "Asha", "phone": "+12015550111"}, {"name": "?", "phone": "none"}]);
    let boundary = "----b";
    let form = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"list\"\r\n\r\nform\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nphone,name\n+12015550111,Asha\nnone,?\n\r\n--{boundary}--\r\n"
    );
    let requests = [
        ("object", site.post("/upload-numbers?list=object").json(&json!({"numbers": people}))),
        ("array", site.post("/upload-numbers?list=array").json(&people)),
        (
            "csv",
            site.post("/upload-numbers?list=csv")
                .header("content-type", "text/csv; charset=utf-8")
                .body("phone,name\n+12015550111,Asha\nnone,?\n"),
        ),
        (
            "form",
            site.post("/upload-numbers")
                .header("content-type", format!("multipart/form-data; boundary={boundary}"))
                .body(form),
        ),
        ("default", site.post("/upload-numbers").body("phone;name\n+12015550111;Asha\nnone;?\n")),
    ];
    for (list, request) in requests {
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::OK, "{list}: {body}");
        assert_eq!(body["list"], list);
        let figures = [&body["received"], &body["imported"], &body["duplicates"], &body["rejected"]];
        assert_eq!(figures, [&json!(2), &json!(1), &json!(0), &json!(1)], "{list}: {body}");
        assert_eq!(body["rejects"][0]["phone"], "none", "{list}: {body}");
        assert!(body["rejects"][0]["row"].is_u64() && body["rejects"][0]["reason"].is_string(), "{body}");
    }
    let (_, lists) = answer(site.get("/lists")).await;
    assert_eq!(lists["items"].as_array().unwrap().len(), 5);
    assert_eq!(lists["items"][0]["people"], 1);
}

#[tokio::test]
async fn a_country_is_taken_from_the_query() {
    let site = Site::new().await;
    let body = json!([{"phone": "(201) 555-0111"}]);
    let (_, us) = answer(site.post("/upload-numbers?list=us&country=US").json(&body)).await;
    assert_eq!(us["imported"], 1, "{us}");
    let (_, configured) = answer(site.post("/upload-numbers?list=in").json(&body)).await;
    assert_eq!(configured["imported"], 0, "{configured}");
}

#[tokio::test]
async fn uploads_that_cannot_be_used_are_refused() {
    let site = Site::with(ApiConfig { upload_limit_bytes: 10_000, ..config() }).await;
    let csv = |body: &str| site.post("/upload-numbers").header("content-type", "text/csv").body(body.to_owned());
    let form = |kind: &str, body: &str| {
        site.post("/upload-numbers").header("content-type", kind.to_owned()).body(body.to_owned())
    };
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(4_000));
    let form_text = "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n";
    for (request, status, wanted) in [
        (csv(""), 400, "malformed"),
        (form("multipart/form-data", "x"), 400, "malformed"),
        (form("multipart/form-data; boundary=b", "--b--\r\n"), 400, "malformed"),
        (form("multipart/form-data; boundary=b", form_text), 400, "malformed"),
        (form("image/png", "x"), 415, "unsupported_media_type"),
        (csv("city\nPune\n"), 422, "bad_file"),
        (form("application/json", "{\"numbers\": [{"), 422, "bad_file"),
        (form("application/json", &deep), 422, "bad_file"),
        (site.post("/upload-numbers?list=%07").body("phone\n+12015550111\n"), 422, "bad_list_name"),
        (site.post("/upload-numbers?country=India").body("phone\n+12015550111\n"), 422, "bad_country"),
        (site.post("/upload-numbers?lst=x").body("phone\n+12015550111\n"), 400, "malformed"),
        (csv(&"x".repeat(10_001)), 413, "too_large"),
        (csv("phone\n+12015550111\n").header("idempotency-key", ""), 400, "malformed"),
        (csv("phone\n+12015550111\n").header("idempotency-key", "k".repeat(256)), 400, "malformed"),
    ] {
        let (got, body) = answer(request).await;
        assert_eq!((got.as_u16(), code(&body)), (status, wanted), "{body}");
    }
    assert_eq!(answer(site.get("/lists")).await.1["items"], json!([]));
}

#[tokio::test]
async fn an_upload_without_a_length_is_bounded_too() {
    let site = Site::with(ApiConfig { upload_limit_bytes: 10_000, ..config() }).await;
    let mut stream = tokio::net::TcpStream::connect(site.handle.local_addr).await.unwrap();
    let head = format!(
        "POST /upload-numbers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "7".repeat(0x1000));
    for _ in 0..3 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    assert_eq!(first_words(&mut stream).await, "HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_dawdles_is_given_up() {
    let short = Duration::from_millis(50);
    let site = Site::with(ApiConfig { upload_timeout: short, body_timeout: short, ..config() }).await;
    for path in ["/upload-numbers", "/send-broadcast"] {
        let mut stream = tokio::net::TcpStream::connect(site.handle.local_addr).await.unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 100\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(first_words(&mut stream).await, "HTTP/1.1 408", "{path}");
    }
}

#[tokio::test]
async fn an_upload_repeated_with_its_key_is_answered_as_before() {
    let site = Site::new().await;
    let upload = |query: &str, body: &str| {
        site.post(&format!("/upload-numbers{query}"))
            .header("content-type", "text/csv")
            .header("idempotency-key", "u-1")
            .body(body.to_owned())
    };
    let csv = "phone\n+12015550111\nnone\n";
    let first = upload("", csv).send().await.unwrap();
    assert!(first.headers().get("idempotency-replayed").is_none());
    let first = first.text().await.unwrap();
    let again = upload("", csv).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), first);
    for request in [upload("", "phone\n+12015550112\n"), upload("?list=other", csv)] {
        let (status, body) = answer(request).await;
        assert_eq!((status, code(&body)), (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"));
    }
    // A form has another boundary each time; what counts is what is in it.
    let form = |boundary: &str| {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{csv}\r\n--{boundary}--\r\n"
        );
        site.post("/upload-numbers")
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .header("idempotency-key", "u-2")
            .body(body)
    };
    assert_eq!(form("b1").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(form("b2").send().await.unwrap().headers()["idempotency-replayed"], "true");
}

#[tokio::test]
async fn the_same_upload_many_times_at_once_is_one() {
    let site = Site::new().await;
    let rows = (0..3_000).map(|row| format!("+9198765{row:05}")).collect::<Vec<_>>().join("\n");
    let calls = (0..8).map(|_| {
        let request = site
            .post("/upload-numbers?list=x")
            .header("content-type", "text/csv")
            .header("idempotency-key", "k")
            .body(format!("phone\n{rows}"));
        tokio::spawn(answer(request))
    });
    let mut done = 0;
    for call in calls.collect::<Vec<_>>() {
        let (status, body) = call.await.unwrap();
        match status {
            StatusCode::OK => done += 1,
            StatusCode::CONFLICT => assert_eq!(code(&body), "in_progress"),
            other => panic!("{other}: {body}"),
        }
    }
    assert!(done >= 1);
    assert_eq!(site.bed.store.uploads(None, 100).await.unwrap().len(), 1);
}

// ---- sending ----

#[tokio::test]
async fn a_broadcast_is_made_looked_at_and_commanded() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["label"] = "Diwali".into();
    body["expect"] = 3.into();
    let (status, made) = site.send(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    assert_eq!((&made["status"], &made["recipients"]), (&json!("preparing"), &json!(3)));
    let path = format!("/broadcasts/{}", made["broadcast_id"].as_str().unwrap());

    let (status, shown) = answer(site.get(&path)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["id"], made["broadcast_id"]);
    assert_eq!((&shown["label"], &shown["reason"]), (&json!("Diwali"), &Value::Null));
    assert_eq!((&shown["template_name"], &shown["language_code"]), (&json!("hello"), &json!("en_US")));
    let counts = shown["counts"].as_object().unwrap();
    let sum: u64 = counts.iter().filter(|(state, _)| *state != "total").map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!((counts.len(), sum), (11, counts["total"].as_u64().unwrap()));
    assert_eq!(shown["funnel"], json!({"accepted": 0, "sent": 0, "delivered": 0, "read": 0}));
    assert_eq!(answer(site.get("/broadcasts?open=true")).await.1["items"][0], shown);

    for (command, wanted, reason) in [
        ("pause", "paused", json!("operator")),
        ("resume", "preparing", Value::Null),
        ("cancel", "cancelled", Value::Null),
    ] {
        let (status, shown) = answer(site.post(&format!("{path}/{command}"))).await;
        assert_eq!(
            (status, &shown["status"], &shown["reason"]),
            (StatusCode::OK, &json!(wanted), &reason),
            "{command}"
        );
    }
    for command in ["pause", "resume", "cancel"] {
        let (status, body) = answer(site.post(&format!("{path}/{command}"))).await;
        assert_eq!((status, code(&body)), (StatusCode::CONFLICT, "wrong_state"), "{command}");
    }
    assert_eq!(answer(site.get(&format!("{path}/log?after=0&limit=2"))).await.1, json!({"items": [], "next": null}));
    let report = site.get(&format!("{path}/report")).send().await.unwrap();
    assert_eq!(report.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(report.text().await.unwrap().starts_with("phone,name,state,"));
    for unknown in ["00000000", "not-an-id", "%00"] {
        for (method, tail) in [
            ("GET", ""),
            ("GET", "/log"),
            ("GET", "/report"),
            ("POST", "/pause"),
            ("POST", "/resume"),
            ("POST", "/cancel"),
        ] {
            let request = site.bare(method.parse().unwrap(), &format!("/broadcasts/{unknown}{tail}")).bearer_auth(KEY);
            let (status, body) = answer(request).await;
            assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "unknown_broadcast"), "{method} {unknown}{tail}");
        }
    }
}

#[tokio::test]
async fn without_a_list_it_goes_to_all_uploaded_numbers() {
    let site = Site::new().await;
    site.upload_people("a", 3).await;
    site.upload_people("b", 5).await;
    let (status, made) = site.send(json!({"template_name": "hello", "language_code": "en_US"})).await;
    assert_eq!((status, &made["recipients"]), (StatusCode::ACCEPTED, &json!(5)), "each person once over all lists");
}

#[tokio::test]
async fn sends_that_cannot_be_are_refused() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let raw = |body: String| site.post("/send-broadcast").header("content-type", "application/json").body(body);
    let with = |key: &str, value: Value| {
        let mut body = hello("diwali");
        body[key] = value;
        raw(body.to_string())
    };
    for (request, status, wanted) in [
        (raw(String::new()), 400, "malformed"),
        (raw("  \n".into()), 400, "malformed"),
        (raw("not JSON".into()), 400, "malformed"),
        (raw("{\"template_name\":".into()), 400, "malformed"),
        (raw("[".repeat(100_000)), 400, "malformed"),
        (raw(format!("{{\"variables\":{}{}}}", "{\"a\":".repeat(500), "1")), 400, "malformed"),
        (raw("[]".into()), 422, "bad_field"),
        (raw("{}".into()), 422, "bad_field"),
        (with("template_name", json!(7)), 422, "bad_field"),
        (with("langauge_code", json!("en_US")), 422, "bad_field"),
        (with("expect", json!(-1)), 422, "bad_field"),
        (with("repeat", json!("yes")), 422, "bad_field"),
        (with("variables", json!({"1": 7})), 422, "bad_field"),
        (with("variables", json!({"1": "city"})), 422, "variables_unknown"),
        (with("messages_per_second", json!(1000)), 422, "pace_too_high"),
        (with("schedule_at", json!("2026-11-08 18:00")), 422, "offset_needed"),
        (with("schedule_at", json!("soon")), 422, "bad_time"),
        (with("schedule_at", json!("2026-11-08T09:59:59Z")), 422, "in_the_past"),
        (with("template_name", json!("nothing")), 422, "template_missing"),
        (with("template_name", json!("summer_sale")), 422, "template_not_approved"),
        (with("list", json!("nobody")), 404, "unknown_list"),
        (with("expect", json!(4)), 409, "count_differs"),
        (raw(" ".repeat(1024 * 1024 + 1)), 413, "too_large"),
        (raw(hello("diwali").to_string()).header("idempotency-key", "k".repeat(256)), 400, "malformed"),
    ] {
        let (got, body) = answer(request).await;
        assert_eq!((got.as_u16(), code(&body)), (status, wanted), "{body}");
    }
    assert_eq!(answer(site.get("/broadcasts")).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_send_repeated_with_its_key_is_one_broadcast_and_a_repeat_without_is_refused() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let keyed =
        |key: &str, body: Value| site.post("/send-broadcast").header("idempotency-key", key.to_owned()).json(&body);
    let first = keyed("s-1", hello("diwali")).send().await.unwrap();
    assert!(first.headers().get("idempotency-replayed").is_none());
    let first = first.text().await.unwrap();
    let again = keyed("s-1", hello("diwali")).send().await.unwrap();
    assert_eq!(
        (again.status(), &again.headers()["idempotency-replayed"]),
        (StatusCode::ACCEPTED, &"true".parse().unwrap())
    );
    assert_eq!(again.text().await.unwrap(), first);
    let mut other = hello("diwali");
    other["label"] = "other".into();
    let (status, body) = answer(keyed("s-1", other)).await;
    assert_eq!((status, code(&body)), (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"));

    let (status, body) = answer(keyed("s-2", hello("diwali"))).await;
    assert_eq!((status, code(&body)), (StatusCode::CONFLICT, "looks_like_repeat"));
    assert!(body["error"]["details"]["broadcast_id"].is_string(), "{body}");
    let mut meant = hello("diwali");
    meant["repeat"] = true.into();
    assert_eq!(site.send(meant).await.0, StatusCode::ACCEPTED);
    assert_eq!(answer(site.get("/broadcasts")).await.1["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_send_many_times_at_once_is_one_broadcast() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let calls = (0..16).map(|_| {
        tokio::spawn(answer(site.post("/send-broadcast").header("idempotency-key", "k").json(&hello("diwali"))))
    });
    let mut ids = std::collections::HashSet::new();
    for call in calls.collect::<Vec<_>>() {
        let (status, body) = call.await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        ids.insert(body.to_string());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn variables_and_times_are_taken() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["template_name"] = "order_update".into();
    body["variables"] = json!({"1": {"column": "name", "fallback": "friend"}});
    body["schedule_at"] = "2026-11-08T18:00:00+05:30".into();
    body["messages_per_second"] = 0.5.into();
    let (status, made) = site.send(body).await;
    assert_eq!((status, &made["status"]), (StatusCode::ACCEPTED, &json!("scheduled")), "{made}");
    let shown = answer(site.get(&format!("/broadcasts/{}", made["broadcast_id"].as_str().unwrap()))).await.1;
    assert_eq!(shown["start_at"], at("2026-11-08T12:30:00Z").rfc3339());
    assert_eq!((&shown["messages_per_second"], &shown["recipients"]), (&json!(0.5), &json!(3)));
}

#[tokio::test]
async fn schedules_are_made_and_switched() {
    let site = Site::new().await;
    site.upload_people("diwali", 3).await;
    let mut body = hello("diwali");
    body["cron"] = "0 18 * * 1-5".into();
    body["zone"] = "Asia/Kolkata".into();
    let (status, made) = answer(site.post("/schedules").json(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["next_fire_at"], at("2026-11-09T12:30:00Z").rfc3339());
    let path = format!("/schedules/{}", made["id"].as_str().unwrap());
    let (status, off) = answer(site.post(&format!("{path}/disable"))).await;
    assert_eq!((status, &off["enabled"], &off["next_fire_at"]), (StatusCode::OK, &json!(false), &Value::Null));
    let (_, on) = answer(site.post(&format!("{path}/enable"))).await;
    assert_eq!(answer(site.get("/schedules")).await.1["items"], json!([on]));
    let (status, gone) = answer(site.post("/schedules/00000000/enable")).await;
    assert_eq!((status, code(&gone)), (StatusCode::NOT_FOUND, "unknown_schedule"));
    for (key, value, wanted) in [
        ("cron", json!("often"), "bad_cron"),
        ("zone", json!("India"), "bad_zone"),
        ("cron", json!(7), "bad_field"),
        ("expect", json!(3), "bad_field"),
    ] {
        let mut wrong = body.clone();
        wrong[key] = value;
        let (status, body) = answer(site.post("/schedules").json(&wrong)).await;
        assert_eq!((status, code(&body)), (StatusCode::UNPROCESSABLE_ENTITY, wanted));
    }
}

#[tokio::test]
async fn templates_are_listed_and_synced() {
    let site = Site::new().await;
    assert_eq!(answer(site.get("/templates")).await.1, json!({"items": [], "synced_at": null}));
    let (status, synced) = answer(site.post("/templates/sync")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(synced["synced_at"], at(NOW).rfc3339());
    let order = synced["items"].as_array().unwrap().iter().find(|template| template["name"] == "order_update").unwrap();
    assert_eq!((&order["variables"], &order["status"]), (&json!(["1"]), &json!("APPROVED")));
    site.bed.sandbox.change(|settings| settings.token_valid = false).unwrap();
    let (status, body) = answer(site.post("/templates/sync")).await;
    assert_eq!((status, code(&body)), (StatusCode::SERVICE_UNAVAILABLE, "api_refused"));
    assert_eq!(body["error"]["details"]["code"], 190);
}

// ---- the webhook ----

#[tokio::test]
async fn the_webhook_is_verified_by_its_token() {
    let site = Site::new().await;
    let verify = |query: &str| site.bare(Method::GET, &format!("/webhook?{query}"));
    let right = verify("hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444").send().await.unwrap();
    assert_eq!((right.status(), right.text().await.unwrap()), (StatusCode::OK, "1158201444".to_owned()));
    for query in [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=verify-m&hub.challenge=1",
        "hub.mode=unsubscribe&hub.verify_token=verify-me&hub.challenge=1",
    ] {
        let (status, body) = answer(verify(query)).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "wrong_token"), "{query}");
    }
    let site = Site::with(ApiConfig { verify_token: None, ..config() }).await;
    let (status, _) =
        answer(site.bare(Method::GET, "/webhook?hub.mode=subscribe&hub.verify_token=&hub.challenge=1")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn only_a_rightly_signed_body_is_stored_and_it_is_stored_as_it_came() {
    let site = Site::new().await;
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#.to_vec();
    let right = sign(SECRET, &body);
    assert_eq!(right, "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756");
    let post = |signature: Option<&str>, body: &[u8]| {
        let request = site.bare(Method::POST, "/webhook").body(body.to_vec());
        signature.map_or_else(
            || site.bare(Method::POST, "/webhook").body(body.to_vec()),
            |signature| request.header("x-hub-signature-256", signature),
        )
    };
    for (signature, sent) in [
        (None, &body[..]),
        (Some(""), &body),
        (Some("sha256="), &body),
        (Some("sha256=zz"), &body),
        (Some(right.trim_start_matches("sha256=")), &body),
        (Some(&right[..right.len() - 2]), &body),
        (Some(&sign("another", &body)), &body),
        (Some(&sign(SECRET, b"{}")), &body),
        (Some(&right), br#"{"object":"whatsapp_business_account","entry":[ ]}"#),
    ] {
        let (status, answer) = answer(post(signature, sent)).await;
        assert_eq!((status, code(&answer)), (StatusCode::UNAUTHORIZED, "bad_signature"), "{signature:?}");
    }
    assert!(site.bed.store.receipts(10).await.unwrap().is_empty());
    let deep = format!("{{\"entry\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    for odd in [&b"\xff not JSON"[..], b"", b"[]", b"7", b"{\"entry\":", &deep, &b"[".repeat(3_000_000)] {
        let (status, answer) = answer(post(Some(&sign(SECRET, odd)), odd)).await;
        assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "malformed"), "{} bytes", odd.len());
    }
    // What it does not know is none of its business: an object that Meta signed is kept.
    let odd = br#" {"of":"another kind"}"#.to_vec();
    for sent in [&body, &odd] {
        let response = post(Some(&sign(SECRET, sent)), sent).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let stored: Vec<_> = site.bed.store.receipts(10).await.unwrap().into_iter().map(|receipt| receipt.body).collect();
    assert_eq!(stored, [body, odd]);
}

#[tokio::test]
async fn a_webhook_too_large_or_without_a_secret_is_refused() {
    let site = Site::new().await;
    let mut body = vec![b' '; 3 * 1024 * 1024 + 1];
    body.extend_from_slice(b"{}");
    body.drain(..2);
    let signature = sign(SECRET, &body);
    let fits = site
        .bare(Method::POST, "/webhook")
        .header("x-hub-signature-256", sign(SECRET, &body[1..]))
        .body(body[1..].to_vec());
    assert_eq!(fits.send().await.unwrap().status(), StatusCode::OK);
    let (status, answered) =
        answer(site.bare(Method::POST, "/webhook").header("x-hub-signature-256", &signature).body(body)).await;
    assert_eq!((status, code(&answered)), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));

    let site = Site::with(ApiConfig { app_secret: None, ..config() }).await;
    let response =
        site.bare(Method::POST, "/webhook").header("x-hub-signature-256", &signature).body("{}").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(code(&read(response).await), "webhook_not_set_up");
}

#[tokio::test]
async fn a_store_that_is_away_answers_503_and_the_process_goes_on() {
    let site = Site::new().await;
    site.bed.store.close().await;
    let body = b"{}".to_vec();
    let request = site.bare(Method::POST, "/webhook").header("x-hub-signature-256", sign(SECRET, &body)).body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let (status, answered) = answer(site.get("/lists")).await;
    assert_eq!((status, code(&answered)), (StatusCode::SERVICE_UNAVAILABLE, "store_away"));
    let mut pictures = site.bed.service.snapshot();
    pictures.wait_for(|picture| picture.store_trouble.is_some()).await.unwrap();
    assert_eq!(
        answer(site.bare(Method::GET, "/healthz")).await,
        (StatusCode::OK, json!({"status": "degraded", "store": "away"}))
    );
}

// ---- the rest ----

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
