//! Meta's calls: verified, signed, stored before they are answered.

use super::{SECRET, Site, answer, code, config, read};
use reqwest::{Method, StatusCode};
use serde_json::json;
use wacast::api::ApiConfig;
use wacast::sandbox::sign;

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
