//! Numbers that come over HTTP.

use super::{KEY, Site, answer, code, config, first_words};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use wacast::api::ApiConfig;

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
