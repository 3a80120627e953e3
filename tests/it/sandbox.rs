//! The sandbox as a Cloud API: payload checks, numbers that provoke, limits, faults, receipts, ledger.

use crate::cloud_client::{Gate, attempt, body, client, person, sample};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use wacast::cloud_api::{CloudApi, SendResult};
use wacast::domain::error_policy::ErrorPolicy;
use wacast::domain::message::MessageMaker;
use wacast::domain::phone::Phone;
use wacast::sandbox::numbers::{Country, Way, provoking};
use wacast::sandbox::{
    ACCESS_TOKEN, APP_SECRET, BUSINESS_ACCOUNT_ID, Deed, Fault, FaultKind, Inbound, Mix, PHONE_NUMBER_ID, Sandbox,
    SandboxConfig, SandboxHandle, Settings, sign,
};

async fn start(settings: Settings) -> SandboxHandle {
    Sandbox::start(SandboxConfig { settings, ..SandboxConfig::default() }).await.unwrap()
}

fn unlimited() -> Settings {
    Settings { messages_per_second: 0, ..Settings::default() }
}

async fn post_json(sandbox: &SandboxHandle, payload: &Value) -> (u16, Value) {
    let url = format!("{}/v25.0/{PHONE_NUMBER_ID}/messages", sandbox.base_url());
    let response = reqwest_client().post(url).bearer_auth(ACCESS_TOKEN).json(payload).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn reqwest_client() -> reqwest::Client {
    wacast::cloud_api::install_crypto_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn payload(template: &str, components: Value) -> Value {
    let mut payload = json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550100111",
        "type": "template", "template": {"name": template, "language": {"code": "en_US"}}});
    if !components.is_null() {
        payload["template"]["components"] = components;
    }
    payload
}

fn texts(texts: &[&str]) -> Value {
    json!([{"type": "body", "parameters":
        texts.iter().map(|text| json!({"type": "text", "text": text})).collect::<Vec<_>>()}])
}

#[tokio::test]
async fn every_sample_can_be_sent_as_wacast_makes_it() {
    let sandbox = start(Settings::default()).await;
    let client = client(&sandbox.base_url());
    for (name, language, values) in [
        ("hello", "en_US", &[][..]),
        ("order_update", "en_US", &["Asha"]),
        ("order_update", "hi", &["आशा \"जी\" \\"]),
        ("diwali_offer", "en_US", &["Asha", "20%", "c/1?a=b"]),
        ("new_arrivals", "en_US", &["https://example.com/a.jpg", "Asha", "NEW10"]),
        ("login_code", "en_US", &["123456"]),
        ("store_opening", "en_US", &["12.97", "77.59", "Shop", "1 Example Road", "Asha", "Sunday"]),
        ("price_list", "en_US", &["https://example.com/a.pdf", "Prices.pdf", "Asha"]),
    ] {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let maker = MessageMaker::new(&sample(name, language)).unwrap();
        let message = maker.body(person(), &values, &attempt(1)).unwrap();
        let result = client.send(PHONE_NUMBER_ID, message, Gate::open()).await;
        assert!(matches!(result, SendResult::Accepted { .. }), "{name} {language}: {result:?}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn payloads_are_checked_as_meta_does() {
    let sandbox = start(Settings::default()).await;
    sandbox.set_template_status("new_arrivals", "en_US", "DISABLED").unwrap();
    let with = |key: &str, value: Value| {
        let mut payload = payload("hello", Value::Null);
        payload[key] = value;
        payload
    };
    let named = |parameters: Value| {
        let header =
            json!({"type": "header", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "A"}]});
        let button =
            json!({"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "x"}]});
        payload("diwali_offer", json!([header, {"type": "body", "parameters": parameters}, button]))
    };
    for (code, status, payload) in [
        (100, 400, with("messaging_product", json!("sms"))),
        (131_009, 400, with("to", json!("15550100111"))),
        (131_009, 400, with("to", json!("+1 555 010 0111"))),
        (131_021, 400, with("to", json!("+15550100100"))),
        (131_051, 400, with("type", json!("text"))),
        (131_009, 400, with("biz_opaque_callback_data", json!("x".repeat(513)))),
        (132_001, 404, payload("no_such_template", Value::Null)),
        (132_001, 404, with("template", json!({"name": "hello", "language": {"code": "en"}}))),
        (132_001, 404, payload("loyalty_points", texts(&["a", "b"]))),
        (132_015, 400, payload("summer_sale", texts(&["a"]))),
        (132_016, 400, payload("new_arrivals", Value::Null)),
        (132_000, 400, payload("order_update", Value::Null)),
        (132_000, 400, payload("order_update", texts(&["a", "b"]))),
        (132_000, 400, payload("hello", texts(&["a"]))),
        (131_008, 400, payload("order_update", texts(&[""]))),
        (132_018, 400, payload("order_update", texts(&["a\nb"]))),
        (132_018, 400, payload("order_update", texts(&["a     b"]))),
        (132_005, 400, payload("order_update", texts(&[&"é".repeat(1_000)]))),
        (131_008, 400, payload("login_code", texts(&["123456"]))),
        (
            132_012,
            400,
            payload("store_opening", json!([{"type": "header", "parameters": [{"type": "text", "text": "a"}]}])),
        ),
        (
            131_053,
            400,
            payload(
                "price_list",
                json!([{"type": "header", "parameters":
            [{"type": "document", "document": {"id": "400000000000001"}}]}]),
            ),
        ),
        (132_005, 400, payload("order_update", texts(&[&"é".repeat(1_025)]))),
        (
            132_012,
            400,
            payload("order_update", json!([{"type": "body", "parameters": [{"type": "image", "image": {"id": "1"}}]}])),
        ),
        (132_012, 400, named(json!([{"type": "text", "text": "20%"}]))),
        (132_012, 400, named(json!([{"type": "text", "parameter_name": "other", "text": "20%"}]))),
        (
            131_008,
            400,
            payload(
                "diwali_offer",
                json!([
            {"type": "header", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "A"}]},
            {"type": "body", "parameters": [{"type": "text", "parameter_name": "discount", "text": "20%"}]}]),
            ),
        ),
        (100, 400, json!([1, 2])),
    ] {
        let (got_status, answer) = post_json(&sandbox, &payload).await;
        assert_eq!((answer["error"]["code"].as_i64(), got_status), (Some(code), status), "{payload}: {answer}");
        assert!(answer["error"]["error_data"]["details"].is_string(), "{answer}");
    }
    assert!(sandbox.ledger(0, 10).items.is_empty());
    sandbox.set_template_status("new_arrivals", "en_US", "APPROVED").unwrap();
    let (_, answer) = post_json(&sandbox, &payload("new_arrivals", texts(&["a"]))).await;
    assert_eq!(answer["error"]["code"], 132_012, "a picture is missing: {answer}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn wrong_tokens_ids_and_paths_are_metas_errors() {
    let sandbox = start(Settings::default()).await;
    let get = |path: &str, token: &str| {
        let request = reqwest_client().get(format!("{}{path}", sandbox.base_url())).bearer_auth(token);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let code = |answer: Value| (answer["error"]["code"].as_i64(), answer["error"]["error_subcode"].as_i64());
    let templates = format!("/v25.0/{BUSINESS_ACCOUNT_ID}/message_templates");
    assert_eq!(code(get(&templates, "wrong").await), (Some(190), None));
    assert_eq!(code(get("/v25.0/77/message_templates", ACCESS_TOKEN).await), (Some(100), Some(33)));
    assert_eq!(code(get("/v25.0/77", ACCESS_TOKEN).await), (Some(100), Some(33)));
    assert_eq!(code(get(&format!("/25/{PHONE_NUMBER_ID}"), ACCESS_TOKEN).await), (Some(2_500), None));
    assert_eq!(code(get("/nowhere/to/be/found", ACCESS_TOKEN).await), (Some(2_500), None));
    assert_eq!(code(get(&format!("{templates}?after=rotten"), ACCESS_TOKEN).await), (Some(131_059), None));
    let numbers = get(&format!("/v25.0/{BUSINESS_ACCOUNT_ID}/phone_numbers"), ACCESS_TOKEN).await;
    assert_eq!(numbers["data"][0]["id"], PHONE_NUMBER_ID);
    sandbox.change(|settings| settings.token_valid = false).unwrap();
    assert_eq!(code(get(&templates, ACCESS_TOKEN).await), (Some(190), None));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_pace_is_limited_for_each_sender() {
    let config = SandboxConfig {
        phone_number_ids: vec![PHONE_NUMBER_ID.into(), "100000000000002".into()],
        settings: Settings { messages_per_second: 5, ..Settings::default() },
        ..SandboxConfig::default()
    };
    let sandbox = Sandbox::start(config).await.unwrap();
    let client = client(&sandbox.base_url());
    let mut codes = Vec::new();
    for seq in 0..7 {
        codes.push(match client.send(PHONE_NUMBER_ID, body(person(), seq), Gate::open()).await {
            SendResult::Refused { error, .. } => error.code,
            _ => 0,
        });
    }
    assert_eq!(codes, [0, 0, 0, 0, 0, 130_429, 130_429]);
    let other = client.send("100000000000002", body(person(), 9), Gate::open()).await;
    assert!(matches!(other, SendResult::Accepted { .. }));
    let summary = sandbox.summary();
    assert_eq!((summary.requests, summary.accepted, summary.worst_second), (8, 6, 7));
    assert_eq!(summary.refused, BTreeMap::from([(130_429, 2)]));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn too_many_at_once_are_sent_away() {
    let sandbox = start(Settings { max_concurrent: 1, ..Settings::default() }).await;
    let client = Arc::new(client(&sandbox.base_url()));
    sandbox.break_with(Fault::times(FaultKind::Hang, 1));
    let hanging = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.send(PHONE_NUMBER_ID, body(person(), 1), Gate::open()).await }
    });
    while sandbox.summary().requests == 0 {
        tokio::task::yield_now().await;
    }
    let second = client.send(PHONE_NUMBER_ID, body(person(), 2), Gate::open()).await;
    assert!(matches!(second, SendResult::Refused { http_status: 503, error, .. } if error.code == 2));
    hanging.abort();
    sandbox.shutdown().await;
}

/// Webhook calls, as they came: signature and body.
async fn webhook(refuse_first: usize) -> (String, mpsc::UnboundedReceiver<(String, Bytes)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let handler = move |State(calls): State<Arc<AtomicUsize>>, headers: HeaderMap, body: Bytes| async move {
        if calls.fetch_add(1, Ordering::SeqCst) < refuse_first {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let signature = headers["x-hub-signature-256"].to_str().unwrap().to_owned();
        sender.send((signature, body)).unwrap();
        StatusCode::OK
    };
    let app = axum::Router::new().route("/webhook", post(handler)).with_state(calls);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, receiver)
}

/// The next `count` statuses, each checked for its signature: (recipient, word, status).
async fn statuses(webhook: &mut mpsc::UnboundedReceiver<(String, Bytes)>, count: usize) -> Vec<Value> {
    let mut statuses = Vec::new();
    while statuses.len() < count {
        let call = tokio::time::timeout(Duration::from_mins(1), webhook.recv()).await.expect("a receipt in time");
        let (signature, body) = call.unwrap();
        assert_eq!(signature, sign(APP_SECRET, &body));
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(event["object"], "whatsapp_business_account");
        for change in event["entry"][0]["changes"].as_array().unwrap() {
            assert_eq!(
                (&change["field"], &change["value"]["messaging_product"]),
                (&json!("messages"), &json!("whatsapp"))
            );
            assert_eq!(change["value"]["metadata"]["phone_number_id"], PHONE_NUMBER_ID);
            statuses.extend(change["value"]["statuses"].as_array().unwrap().iter().cloned());
        }
    }
    statuses
}

fn fast(webhook_url: String) -> Settings {
    Settings {
        webhook_url: Some(webhook_url),
        sent_after_ms: 1,
        delivered_after_ms: 1,
        read_after_ms: 1,
        ..unlimited()
    }
}

fn words(statuses: &[Value]) -> Vec<&str> {
    statuses.iter().map(|status| status["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn receipts_climb_the_ladder_and_carry_the_attempt() {
    let (url, mut calls) = webhook(2).await;
    let mix = Mix { read: 1.0, delivered: 0.0, failed: Vec::new() };
    let sandbox = start(Settings { mix, ..fast(url) }).await;
    let client = client(&sandbox.base_url());
    let SendResult::Accepted { wamid, .. } = client.send(PHONE_NUMBER_ID, body(person(), 7), Gate::open()).await else {
        panic!()
    };
    let got = statuses(&mut calls, 3).await;
    assert_eq!(words(&got), ["sent", "delivered", "read"]);
    for status in &got {
        assert_eq!(status["id"], wamid.as_str());
        assert_eq!(status["recipient_id"], "15550100111");
        assert_eq!(status["biz_opaque_callback_data"], attempt(7).to_string());
        assert!(status["timestamp"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    }
    let billed = json!({"billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility"});
    assert_eq!((&got[0]["pricing"], &got[1]["pricing"]), (&billed, &billed));
    assert!(got[2].get("pricing").is_none());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn receipts_name_the_price_as_meta_does() {
    let (url, mut calls) = webhook(0).await;
    let mix = Mix { read: 0.0, delivered: 1.0, failed: Vec::new() };
    let sandbox = start(Settings { mix, ..fast(url) }).await;
    let client = client(&sandbox.base_url());
    let failing = provoking(Country::India, Way::Usual, 131_026);
    let others: Vec<Phone> = (0..3).map(|place| Phone::from_digits(15_550_100_120 + place).unwrap()).collect();
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // The first one has just written, the second one a day and more ago; the third one only changed a setting.
    for (phone, deed, at_s) in
        [(others[0], Deed::Message, 0), (others[1], Deed::Message, now_s - 25 * 3_600), (others[2], Deed::Resume, 0)]
    {
        let from = phone.to_string();
        sandbox.say(&Inbound { deed, from, at_s, text: "hello".into(), ..Inbound::default() }).await.unwrap();
        calls.recv().await.unwrap();
    }
    for to in [&others[..], &[failing]].concat() {
        assert!(matches!(client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await, SendResult::Accepted { .. }));
    }
    let got = statuses(&mut calls, 7).await;
    let price_of = |phone: Phone| -> Vec<Value> {
        let to = phone.digits().to_string();
        got.iter().filter(|one| one["recipient_id"] == to.as_str()).map(|one| one["pricing"].clone()).collect()
    };
    let price = |kind: &str, billable: bool| {
        vec![json!({"billable": billable, "pricing_model": "PMP", "type": kind, "category": "utility"}); 2]
    };
    assert_eq!(price_of(others[0]), price("free_customer_service", false));
    assert_eq!(price_of(others[1]), price("regular", true));
    assert_eq!(price_of(others[2]), price("regular", true));
    assert_eq!(price_of(failing), [Value::Null], "what failed has none");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_webhook_proves_itself_by_its_challenge() {
    let handler = async |Query(asked): Query<HashMap<String, String>>| {
        if asked["hub.mode"] == "subscribe" && asked["hub.verify_token"] == "mine" {
            (StatusCode::OK, asked["hub.challenge"].clone())
        } else {
            (StatusCode::FORBIDDEN, String::new())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/webhook", axum::routing::get(handler));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let sandbox = start(fast(url)).await;
    assert!(sandbox.verify_webhook("mine").await.unwrap());
    assert!(!sandbox.verify_webhook("another").await.unwrap());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn every_code_can_be_provoked_and_comes_as_meta_sends_it() {
    let (url, mut calls) = webhook(0).await;
    let sandbox = start(fast(url)).await;
    let client = client(&sandbox.base_url());
    let policy = ErrorPolicy::built_in();
    let mut codes: Vec<i64> = policy.single_codes().filter(|code| *code < 1_000_000).collect();
    codes.sort_unstable();
    assert!(codes.len() > 90);
    let mut by_receipt = Vec::new();
    for code in codes {
        for country in [Country::India, Country::UnitedStates] {
            let to = provoking(country, Way::Usual, code);
            match client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await {
                SendResult::Refused { error, .. } => assert_eq!(error.code, code),
                SendResult::Accepted { .. } => by_receipt.push(code),
                other => panic!("{code}: {other:?}"),
            }
        }
    }
    assert!(by_receipt.contains(&131_026) && by_receipt.contains(&131_049) && !by_receipt.contains(&131_056));
    let got = statuses(&mut calls, by_receipt.len()).await;
    let mut codes: Vec<i64> = got.iter().map(|status| status["errors"][0]["code"].as_i64().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, by_receipt);
    // The other ways: always by receipt, and only the first time.
    let to = provoking(Country::India, Way::Receipt, 131_056);
    assert!(matches!(client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await, SendResult::Accepted { .. }));
    assert_eq!(statuses(&mut calls, 1).await[0]["errors"][0]["code"], 131_056);
    let to = provoking(Country::India, Way::Once, 131_056);
    assert!(matches!(client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await, SendResult::Refused { .. }));
    assert!(matches!(client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await, SendResult::Accepted { .. }));
    sandbox.change(|settings| settings.provoking_numbers = false).unwrap();
    let to = provoking(Country::India, Way::Usual, 190);
    assert!(matches!(client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await, SendResult::Accepted { .. }));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn chance_gives_codes_of_marketing_to_marketing_templates_alone() {
    for (drawn, otherwise) in [(131_049, 131_026), (131_050, 130_403)] {
        let (url, mut calls) = webhook(0).await;
        let mix = Mix { read: 0.0, delivered: 0.0, failed: vec![(drawn, 1.0)] };
        let sandbox = start(Settings { mix, ..fast(url) }).await;
        let header =
            json!({"type": "header", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "A"}]});
        let parameters = json!([{"type": "text", "parameter_name": "discount", "text": "5%"}]);
        let button =
            json!({"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "c"}]});
        let marketing = json!([header, {"type": "body", "parameters": parameters}, button]);
        for (template, components, code) in [("diwali_offer", marketing, drawn), ("hello", Value::Null, otherwise)] {
            let (status, answer) = post_json(&sandbox, &payload(template, components)).await;
            assert_eq!(status, 200, "{answer}");
            assert_eq!(statuses(&mut calls, 1).await[0]["errors"][0]["code"], code, "{template}");
        }
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn numbers_can_provoke_what_is_no_code() {
    let sandbox = start(unlimited()).await;
    let client = client(&sandbox.base_url());
    for (number, taken) in [(999_001, 0), (999_002, 1), (999_003, 1), (999_004, 2)] {
        let to = provoking(Country::UnitedStates, Way::Usual, number);
        let result = client.send(PHONE_NUMBER_ID, body(to, 1), Gate::open()).await;
        assert!(matches!(result, SendResult::Unknown { .. }), "{number}: {result:?}");
        assert_eq!(sandbox.taken(), taken, "{number}");
    }
    sandbox.shutdown().await;
}

async fn send_many(sandbox: &SandboxHandle, count: u32) {
    let client = client(&sandbox.base_url());
    for seq in 0..count {
        let to = Phone::from_digits(919_000_000_000 + u64::from(seq)).unwrap();
        let result = client.send(PHONE_NUMBER_ID, body(to, seq), Gate::open()).await;
        assert!(matches!(result, SendResult::Accepted { .. }), "{result:?}");
    }
}

#[tokio::test]
async fn receipts_are_batched_lost_doubled_and_out_of_order_on_demand() {
    let (url, mut calls) = webhook(0).await;
    let sandbox = start(Settings { receipts_paused: true, ..fast(url) }).await;
    send_many(&sandbox, 100).await;
    assert_eq!(sandbox.receipts_waiting(), 200);
    assert!(calls.try_recv().is_err());
    tokio::time::sleep(Duration::from_millis(5)).await;
    sandbox.change(|settings| settings.receipts_paused = false).unwrap();
    let (_, first) = calls.recv().await.unwrap();
    let event: Value = serde_json::from_slice(&first).unwrap();
    let value = &event["entry"][0]["changes"][0]["value"];
    assert_eq!(value["statuses"].as_array().unwrap().len(), 200);
    assert_eq!(value["contacts"].as_array().unwrap().len(), 200);

    sandbox.change(|settings| settings.receipts_doubled = 1.0).unwrap();
    send_many(&sandbox, 10).await;
    let got = statuses(&mut calls, 40).await;
    let mut times: HashMap<(String, String), usize> = HashMap::new();
    for status in &got {
        *times.entry((status["id"].to_string(), status["status"].to_string())).or_default() += 1;
    }
    assert_eq!(times.len(), 20);
    assert!(times.values().all(|times| *times == 2));

    sandbox
        .change(|settings| {
            settings.receipts_doubled = 0.0;
            settings.receipt_shuffle_ms = 60;
        })
        .unwrap();
    send_many(&sandbox, 40).await;
    let got = statuses(&mut calls, 80).await;
    let mut first_words: HashMap<String, String> = HashMap::new();
    for status in &got {
        first_words.entry(status["id"].to_string()).or_insert_with(|| status["status"].as_str().unwrap().to_owned());
    }
    assert!(first_words.values().any(|word| word == "delivered"), "none came out of order");

    sandbox.change(|settings| settings.receipts_lost = 1.0).unwrap();
    send_many(&sandbox, 10).await;
    assert_eq!(sandbox.receipts_waiting(), 0);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_ledger_outlives_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let config = || SandboxConfig { ledger_file: Some(folder.path().join("ledger")), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config()).await.unwrap();
    send_many(&sandbox, 3).await;
    let before = sandbox.ledger(0, 100);
    sandbox.shutdown().await;
    let sandbox = Sandbox::start(config()).await.unwrap();
    assert_eq!(sandbox.ledger(0, 100), before);
    send_many(&sandbox, 1).await;
    let summary = sandbox.summary();
    assert_eq!((summary.accepted, summary.distinct_recipients), (4, 3));
    assert_eq!((summary.attempts_twice.len(), summary.people_twice.len()), (1, 1));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_running_sandbox_is_steered_over_http() {
    let sandbox = start(Settings::default()).await;
    let http = reqwest_client();
    let url = |path: &str| format!("{}/_sandbox/{path}", sandbox.base_url());
    let change = |path: &str, body: Value| {
        let request = http.post(url(path)).json(&body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let get = |path: &str| {
        let request = http.get(url(path));
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    assert_eq!(change("settings", json!({"messages_per_second": 7, "latency_ms": [0, 2]})).await, 204);
    assert_eq!(get("settings").await["messages_per_second"], 7);
    assert_eq!(sandbox.settings().latency_ms, (0, 2));
    assert_eq!(change("settings", json!({"no_such": 1})).await, 400);
    assert_eq!(change("settings", json!({"receipts_lost": 7})).await, 400);
    assert_eq!(change("faults", json!({"kind": "cut_after", "count": 1})).await, 204);
    assert_eq!(get("state").await["faults"], json!(["cut_after"]));
    let result = client(&sandbox.base_url()).send(PHONE_NUMBER_ID, body(person(), 3), Gate::open()).await;
    assert!(matches!(result, SendResult::Unknown { .. }));
    assert_eq!(change("faults", json!({"kind": "hang", "duration_ms": 60_000})).await, 204);
    assert_eq!(http.delete(url("faults")).send().await.unwrap().status(), 204);
    assert_eq!(change("templates", json!({"name": "hello", "language": "en_US", "status": "PAUSED"})).await, 204);
    assert_eq!(change("templates", json!({"name": "nope", "language": "en_US", "status": "PAUSED"})).await, 400);
    assert_eq!(change("sender", json!({"id": PHONE_NUMBER_ID, "quality_rating": "RED"})).await, 204);
    assert_eq!(change("sender", json!({"id": PHONE_NUMBER_ID, "colour": "RED"})).await, 400);
    let api = client(&sandbox.base_url());
    assert_eq!(api.sender(PHONE_NUMBER_ID).await.unwrap().quality_rating, "RED");
    let result = api.send(PHONE_NUMBER_ID, body(person(), 4), Gate::open()).await;
    assert!(matches!(result, SendResult::Refused { error, .. } if error.code == 132_015));
    assert_eq!(get("ledger?after=0&limit=5").await["items"][0]["opaque"], attempt(3).to_string());
    let summary = get("ledger/summary").await;
    assert_eq!((&summary["accepted"], &summary["refused"]), (&json!(1), &json!({"132015": 1})));
    assert!(get("codes").await["codes"].as_array().unwrap().len() > 90);

    // Payloads are kept from when that is asked for, and as many as that.
    assert_eq!(get("payloads").await, json!([]));
    assert_eq!(change("settings", json!({"keep_payloads": 1_001})).await, 400);
    assert_eq!(change("settings", json!({"keep_payloads": 1})).await, 204);
    for name in ["Asha", "Ravi"] {
        assert_eq!(post_json(&sandbox, &payload("order_update", texts(&[name]))).await.0, 200);
    }
    let kept = get("payloads").await;
    assert_eq!((kept.as_array().unwrap().len(), &kept[0]["place"]), (1, &json!(1)), "{kept}");
    assert_eq!(kept[0]["payload"]["template"]["components"], texts(&["Asha"]));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn templates_are_rejected_for_a_reason_and_listings_lose_their_place() {
    let sandbox = start(Settings::default()).await;
    let http = reqwest_client();
    let change = |path: &str, body: Value| {
        let request = http.post(format!("{}/_sandbox/{path}", sandbox.base_url())).json(&body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let rejected = json!({"name": "hello", "language": "en_US", "status": "REJECTED", "reason": "PROMOTIONAL"});
    assert_eq!(change("templates", rejected).await, 204);
    let listing = async |query: &str| -> (u16, Value) {
        let url = format!("{}/v25.0/{BUSINESS_ACCOUNT_ID}/message_templates?limit=2{query}", sandbox.base_url());
        let answer = http.get(url).bearer_auth(ACCESS_TOKEN).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let (_, first) = listing("").await;
    assert_eq!(
        (&first["data"][0]["status"], &first["data"][0]["rejected_reason"]),
        (&json!("REJECTED"), &json!("PROMOTIONAL"))
    );
    assert_eq!(
        (&first["data"][1]["rejected_reason"], &first["data"][1]["sub_category"]),
        (&json!("NONE"), &json!("ORDER_STATUS"))
    );

    assert_eq!(change("cursors", json!({"lost": 1})).await, 204);
    assert_eq!(listing("").await.0, 200, "the first page needs no place");
    let after = format!("&after={}", first["paging"]["cursors"]["after"].as_str().unwrap());
    let (status, refused) = listing(&after).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!(131_059)), "{refused}");
    assert_eq!(listing(&after).await.0, 200);
    sandbox.shutdown().await;
}
