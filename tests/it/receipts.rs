//! Receipts from outside: matched by our id or by Meta's, in any order, doubled, before the answer, among odd ones; handed
//! on to other addresses; and whatever bytes come, nothing panics.

mod promises;

use crate::bed::{Bed, request};
use crate::by_hand::{ByHand, accepted};
use crate::error_table::site::{Site, phone};
use futures_util::StreamExt;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wacast::api::ApiConfig;
use wacast::domain::phone::Phone;
use wacast::domain::pricing::{self, Pricing};
use wacast::domain::receipt::{Status, check_shape, statuses};
use wacast::domain::state::{BroadcastStatus, RecipientState};
use wacast::domain::time::{HOUR, MINUTE, Millis};
use wacast::sandbox::{APP_SECRET, LedgerRow, Settings, sign};
use wacast::store::RecipientRow;

const NOW: Millis = Millis(1_800_000_000_000);

/// The sandbox sends none of its own.
fn silent() -> Settings {
    Settings { receipts_paused: true, ..Settings::default() }
}

fn all(rows: &[RecipientRow], count: usize, state: RecipientState) -> bool {
    rows.len() == count && rows.iter().all(|row| row.state == state)
}

/// Sends to so many people, until all are taken.
async fn taken(site: &Site, count: u32) -> (wacast::domain::ids::BroadcastId, Vec<LedgerRow>) {
    let people: Vec<Phone> = (0..count).map(phone).collect();
    let id = site.broadcast("UTILITY", &people).await;
    site.until(&id, "all taken", |_, rows| all(rows, count as usize, RecipientState::Accepted)).await;
    (id, site.sandbox.ledger(0, 10_000).items)
}

pub fn by_our_id(row: &LedgerRow, status: &str) -> String {
    format!(
        r#"{{"id":"{}","status":"{status}","timestamp":"1795305600","biz_opaque_callback_data":"{}"}}"#,
        row.wamid, row.opaque
    )
}

pub fn by_metas_id(row: &LedgerRow, status: &str) -> String {
    format!(
        r#"{{"id":"{}","status":"{status}","timestamp":"1795305600","recipient_id":"{}"}}"#,
        row.wamid,
        &row.to[1..]
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_without_our_id_is_matched_by_metas() {
    let site = Site::new(0.0, silent()).await;
    let (id, rows) = taken(&site, 40).await;
    let mut said: Vec<String> = rows[..20].iter().map(|row| by_metas_id(row, "delivered")).collect();
    // Another program's id and an unknown message of the same account are nobody's here.
    said.push(r#"{"id":"wamid.of another","status":"read"}"#.to_owned());
    said.push(format!(r#"{{"id":"{}","status":"read","biz_opaque_callback_data":"theirs"}}"#, rows[30].wamid));
    said.extend(rows[20..40].iter().map(|row| {
        format!(
            r#"{{"id":"{}","status":"failed","errors":[{{"code":131026,"title":"Message undeliverable"}}]}}"#,
            row.wamid
        )
    }));
    assert_eq!(site.post_statuses(&said.join(",")).await, 200);
    let delivered: Vec<&str> = rows[..20].iter().map(|row| row.to.as_str()).collect();
    let as_said = |row: &RecipientRow| {
        let is_delivered = delivered.contains(&row.phone.to_string().as_str());
        let expected = if is_delivered { (RecipientState::Delivered, 0) } else { (RecipientState::Failed, 131_026) };
        (row.state, row.code) == expected
    };
    site.until(&id, "matched", |_, rows| rows.len() == 40 && rows.iter().all(as_said)).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_comes_before_the_answer_is_parked_until_its_message_is_known() {
    let early = Settings {
        latency_ms: (2_500, 2_500),
        sent_after_ms: 0,
        delivered_after_ms: 0,
        receipts_without_id: true,
        ..Settings::default()
    };
    let site = Site::new(0.0, early).await;
    let people: Vec<Phone> = (0..50).map(phone).collect();
    let id = site.broadcast("UTILITY", &people).await;
    while site.sandbox.taken() < 50 || site.sandbox.receipts_waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let parked = async || site.store.note("parked.receipts").await.unwrap().unwrap_or_default();
    while parked().await.matches("delivered").count() < 50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rows = site.store.recipients(&id, None, None, 100).await.unwrap();
    assert!(all(&rows, 50, RecipientState::Sending), "no answer has come yet");
    site.until(&id, "matched later", |_, rows| all(rows, 50, RecipientState::Delivered)).await;
    while parked().await != "[]" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(site.sandbox.summary().people_twice, []);
    let billed = Pricing::of("utility", "regular", Some(true)).unwrap();
    assert_eq!(site.store.prices(&id).await.unwrap(), pricing::listed([(billed, 50)]), "their prices were kept");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disorder_doubles_and_malformed_ones_spoil_nothing() {
    let site = Site::new(0.0, silent()).await;
    let (id, rows) = taken(&site, 250).await;
    // A thousand in one call: read before delivered before sent, everything twice, one malformed in the middle.
    let mut said: Vec<String> = Vec::new();
    for status in ["read", "delivered", "sent", "read"] {
        let billable = status == "delivered";
        let price = format!(r#""pricing":{{"category":"utility","type":"regular","billable":{billable}}},"status""#);
        let priced = |row| by_our_id(row, status).replace(r#""status""#, &price);
        said.extend(rows.iter().map(|row| if status == "read" { by_our_id(row, status) } else { priced(row) }));
    }
    said[500] = r#"{"id":7,"status":["sent"]}"#.to_owned();
    assert_eq!(said.len(), 1_000);
    for _ in 0..2 {
        assert_eq!(site.post_statuses(&said.join(",")).await, 200);
    }
    site.until(&id, "all read", |_, rows| all(rows, 250, RecipientState::Read)).await;
    let (broadcast, _) =
        site.until(&id, "the end", |broadcast, _| broadcast.status == BroadcastStatus::Completed).await;
    assert_eq!(site.store.log(Some(&broadcast.id), 0, 5_000).await.unwrap().len(), 250, "one row an attempt");
    let billed = Pricing::of("utility", "regular", Some(true)).unwrap();
    assert_eq!(site.store.prices(&id).await.unwrap(), pricing::listed([(billed, 250)]), "each once, by the later word");
    site.end().await;
}

#[tokio::test]
async fn receipts_that_stop_coming_are_missed_while_messages_go_out() {
    let bed = Bed::new().await;
    bed.people("people", 1_300).await;
    let id = bed.service.start(request("hello", "people")).await.unwrap().broadcast.id;
    let run = ByHand::run(&bed.store, &id, bed.service.now()).await;
    // The last broadcast was long ago.
    let long_ago = bed.service.now().plus(-20 * HOUR).0.to_string();
    bed.store.put_note("receipts.last_at", &long_ago).await.unwrap();
    let told = async |minutes: i64| {
        let mut told = Vec::new();
        for _ in 0..minutes {
            bed.clock.advance(MINUTE);
            bed.store.put_note("receipts.listening_at", &bed.service.now().0.to_string()).await.unwrap();
            run.send(60, bed.service.now(), accepted).await;
            let problems = bed.service.refresh().await.problems.clone();
            told.push(problems.iter().any(|problem| problem.what.contains("no receipt has come")));
        }
        told
    };
    assert_eq!(told(14).await, [false; 14], "they may yet come");
    assert_eq!(told(4).await[2..], [true; 2]);
    bed.store.put_note("receipts.last_at", &bed.service.now().0.to_string()).await.unwrap();
    assert_eq!(told(3).await, [false; 3]);
}

/// A place that webhooks are handed on to: answers what it is told to, and gives away what came.
pub async fn place(
    answers: impl Fn(usize) -> &'static str + Send + 'static,
) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (came, received) = mpsc::unbounded_channel();
    let calls = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = Vec::new();
            let mut buffer = vec![0; 65_536];
            loop {
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                text.extend_from_slice(&buffer[..read]);
                let words = String::from_utf8_lossy(&text).to_lowercase();
                let length = words.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                let whole = words
                    .find("\r\n\r\n")
                    .zip(length)
                    .is_some_and(|(head, body): (usize, usize)| text.len() >= head + 4 + body);
                if whole || read == 0 {
                    break;
                }
            }
            let answer = answers(calls.fetch_add(1, Ordering::SeqCst));
            let _ = stream
                .write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
                .await;
            let _ = came.send(String::from_utf8_lossy(&text).into_owned());
        }
    });
    (address, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_go_on_to_other_addresses_as_they_came() {
    let (first, mut at_first) = place(|_| "200 OK").await;
    // The first try is refused there, the next one is taken.
    let (second, mut at_second) = place(|call| if call == 0 { "503 Later" } else { "200 OK" }).await;
    let api = ApiConfig { forward_webhooks: vec![first, second], ..ApiConfig::default() };
    let site = Site::with(0.0, silent(), api).await;
    let body = r#"{"object":"whatsapp_business_account","entry":[ ],"spaces  stay":true}"#;
    let post = async |body: &str, signature: String| {
        let request = site.http.post(&site.webhook).header("x-hub-signature-256", signature).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(body, sign("another secret", body.as_bytes())).await, 401);
    assert_eq!(post(body, sign(APP_SECRET, body.as_bytes())).await, 200);
    for at in [0, 1, 1] {
        let came = if at == 0 { &mut at_first } else { &mut at_second };
        let text = tokio::time::timeout(Duration::from_mins(1), came.recv()).await.unwrap().unwrap();
        assert!(text.ends_with(body) && text.contains(&sign(APP_SECRET, body.as_bytes())), "{text}");
    }
    while site.service.forwarding().waiting > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let forwarding = site.service.forwarding();
    assert_eq!((forwarding.addresses, forwarding.taken, forwarding.dropped), (2, 2, 0));
    assert!(at_first.try_recv().is_err(), "what is not rightly signed goes nowhere");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_in_before_the_end_is_handed_on_or_counted() {
    let (address, mut came) = place(|_| "200 OK").await;
    for (addresses, taken, dropped) in [(vec![address], 20, 0), (vec!["http://127.0.0.1:1/hook".to_owned()], 0, 20)] {
        let api = ApiConfig { forward_webhooks: addresses, ..ApiConfig::default() };
        let site = Site::with(0.0, silent(), api).await;
        for number in 0..20 {
            let body = format!(r#"{{"entry":[],"number":{number}}}"#);
            let signature = sign(APP_SECRET, body.as_bytes());
            let request = site.http.post(&site.webhook).header("x-hub-signature-256", signature).body(body);
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
        site.service.finish_forwarding(Duration::from_secs(2)).await;
        let forwarding = site.service.forwarding();
        assert_eq!((forwarding.taken, forwarding.dropped, forwarding.waiting), (taken, dropped, 0));
        while taken > 0 && came.try_recv().is_ok() {}
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_down_delays_nobody_and_what_is_dropped_is_shown() {
    let api = ApiConfig {
        forward_webhooks: vec!["http://127.0.0.1:1/hook".into()],
        api_keys: vec!["a key for tests".to_owned().into()],
        ..ApiConfig::default()
    };
    let site = Site::with(0.0, silent(), api).await;
    let posts = (0..1_100).map(|place| {
        let body = format!(r#"{{"entry":[],"place":{place}}}"#);
        let signature = sign(APP_SECRET, body.as_bytes());
        let request = site.http.post(&site.webhook).header("x-hub-signature-256", signature).body(body);
        async move { request.send().await.unwrap().status().as_u16() }
    });
    // Fewer at once than the server has connections: idle ones would keep the others waiting.
    let answers: Vec<u16> = futures_util::stream::iter(posts).buffer_unordered(100).collect().await;
    assert!(answers.iter().all(|status| *status == 200));
    let forwarding = site.service.forwarding();
    assert!(forwarding.waiting <= 1_001 && forwarding.dropped >= 90, "bounded: {forwarding:?}");
    let mut pictures = site.service.snapshot();
    let shown = pictures.wait_for(|picture| picture.problems.iter().any(|problem| problem.what.contains("handed on")));
    tokio::time::timeout(Duration::from_mins(1), shown).await.expect("a problem").unwrap();
    let metrics = site.http.get(site.webhook.replace("/webhook", "/metrics")).bearer_auth("a key for tests");
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("wacast_webhooks_forward_dropped "));
    assert!(dropped.is_some_and(|count| count.parse::<u64>().unwrap() >= 90), "{metrics}");
    site.end().await;
}

// ---- whatever comes ----

pub const FIXTURES: &[(&str, &str, usize, usize, usize)] = &[
    ("delivered", include_str!("fixtures/webhooks/delivered.json"), 1, 0, 0),
    ("only_user_ids", include_str!("fixtures/webhooks/only_user_ids.json"), 1, 0, 0),
    ("failed", include_str!("fixtures/webhooks/failed.json"), 1, 0, 0),
    ("failed_without_errors", include_str!("fixtures/webhooks/failed_without_errors.json"), 1, 0, 0),
    ("fields_missing", include_str!("fixtures/webhooks/fields_missing.json"), 1, 0, 0),
    ("fields_added", include_str!("fixtures/webhooks/fields_added.json"), 1, 0, 0),
    ("voice_played", include_str!("fixtures/webhooks/voice_played.json"), 1, 0, 0),
    ("one_malformed", include_str!("fixtures/webhooks/one_malformed.json"), 2, 1, 0),
    ("inbound", include_str!("fixtures/webhooks/inbound.json"), 0, 0, 1),
    ("user_preferences", include_str!("fixtures/webhooks/user_preferences.json"), 0, 0, 1),
    ("template_status", include_str!("fixtures/webhooks/template_status.json"), 0, 0, 1),
    ("account_update", include_str!("fixtures/webhooks/account_update.json"), 0, 0, 1),
    ("system_error", include_str!("fixtures/webhooks/system_error.json"), 0, 0, 0),
];

#[test]
fn bodies_in_metas_shapes_are_read() {
    for (name, body, events, malformed, news) in FIXTURES {
        assert!(check_shape(body.as_bytes()).is_ok(), "{name}");
        let found = statuses(body.as_bytes(), NOW).unwrap();
        assert_eq!((found.events.len(), found.malformed, found.news.len()), (*events, *malformed, *news), "{name}");
        assert!(found.events.iter().all(|event| event.wamid.starts_with("wamid.")), "{name}");
    }
    let failed = statuses(FIXTURES[2].1.as_bytes(), NOW).unwrap();
    assert!(
        matches!(&failed.events[0].status, Status::Failed { code: 131_049, details, .. } if details.contains("healthy"))
    );
    let by_user_id = statuses(FIXTURES[1].1.as_bytes(), NOW).unwrap();
    assert!(by_user_id.events[0].attempt.is_some() && by_user_id.events[0].recipient.phone.is_none());
}

/// Any JSON, some levels deep, with names that mean something here.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let names =
        ["entry", "changes", "field", "value", "statuses", "messages", "id", "status", "errors", "code", "timestamp"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-z:0-9 é\"\\\\]{0,12}".prop_map(Into::into),
        prop::sample::select(vec!["messages", "sent", "failed", "w1:00000001:00000002:7:1"]).prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

#[test]
fn what_the_fuzzer_began_with_breaks_no_promise() {
    let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/webhook_body")).unwrap();
    let seeds: Vec<_> = seeds.map(|seed| std::fs::read(seed.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        promises::hold(&seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_json_spoils_what_stands_beside_it(body in json()) {
        promises::hold(body.to_string().as_bytes());
    }

    #[test]
    fn no_piece_of_a_body_replaced_spoils_what_stands_beside_it(
        which in 0..FIXTURES.len(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        piece in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..8),
            prop::sample::select(vec!["null", "[]", "{}", "-1", "1e999", "\"\\ud800\"", "[[[["]).prop_map(|text| text.as_bytes().to_vec()),
        ],
    ) {
        let mut body = FIXTURES[which].1.as_bytes().to_vec();
        let from = at.index(body.len());
        let to = (from + length).min(body.len());
        body.splice(from..to, piece);
        promises::hold(&body);
    }
}
