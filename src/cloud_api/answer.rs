//! Reads what the Graph API answers, within bounds, and says no more than an answer proves.
//!
//! Used by [`super::client`] for sends and by [`super::listing`] for everything else.

use super::{GraphError, SendResult, Usage};
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;

/// The most that is kept of an answer to a send.
pub(super) const RESPONSE_BYTES: usize = 2 * 1024;
/// The most that is kept of each text of an error.
pub(super) const ERROR_TEXT_BYTES: usize = 1024;
/// No answer makes anybody wait longer than this.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The body of an answer, or why there is none.
pub(super) enum ReadBody {
    /// All of it.
    Whole(Bytes),
    /// Longer than allowed.
    TooLong,
    /// The connection broke or timed out.
    Broken(String),
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(mut response: reqwest::Response, limit: usize) -> ReadBody {
    let mut whole = Bytes::new();
    loop {
        match response.chunk().await {
            Ok(None) => return ReadBody::Whole(whole),
            Ok(Some(chunk)) if whole.len() + chunk.len() > limit => return ReadBody::TooLong,
            // Nearly every answer comes in one piece.
            Ok(Some(chunk)) if whole.is_empty() => whole = chunk,
            Ok(Some(chunk)) => whole = [whole, chunk].concat().into(),
            Err(error) => return ReadBody::Broken(in_words(&error.without_url())),
        }
    }
}

/// An error and what caused it, in one line.
pub(super) fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    bounded(&words, ERROR_TEXT_BYTES).to_owned()
}

/// A text's beginning.
fn bounded(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A text's beginning without any of the secrets.
pub(super) fn presentable(text: &str, bytes: usize, secret: &str) -> String {
    // Cut after taking out the secret: half a secret is one too.
    let clean = if !secret.is_empty() && text.contains(secret) {
        Cow::Owned(text.replace(secret, "***"))
    } else {
        Cow::Borrowed(text)
    };
    bounded(&clean, bytes).to_owned()
}

#[derive(Deserialize)]
struct Taken<'a> {
    #[serde(borrow)]
    messages: Vec<TakenMessage<'a>>,
}

#[derive(Deserialize)]
struct TakenMessage<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    message_status: Option<Cow<'a, str>>,
}

/// Meta's id of a message that was taken, and how it stands.
fn taken(body: &[u8]) -> Option<(String, Option<String>)> {
    if let Ok(taken) = serde_json::from_slice::<Taken<'_>>(body) {
        let message = taken.messages.into_iter().next()?;
        return Some((message.id.into_owned(), message.message_status.map(Cow::into_owned)));
    }
    // Something odd beside the id takes nothing from what the id proves.
    let answer: Value = serde_json::from_slice(body).ok()?;
    let message = answer.get("messages")?.get(0)?;
    let text = |name| message.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("id")?, text("message_status")))
}

/// What an answer to a send proves.
pub(super) fn send_result(status: StatusCode, retry_after: Option<Duration>, body: &[u8], secret: &str) -> SendResult {
    let response = || presentable(&String::from_utf8_lossy(body), RESPONSE_BYTES, secret);
    if status.is_success() {
        return match taken(body) {
            Some((id, message_status)) if !id.is_empty() => SendResult::Accepted {
                wamid: presentable(&id, ERROR_TEXT_BYTES, secret),
                message_status: message_status.map(|status| presentable(&status, ERROR_TEXT_BYTES, secret)),
                response: response(),
            },
            _ => SendResult::Unknown { detail: format!("HTTP {status} without a message id: {}", response()) },
        };
    }
    let refused = status.is_client_error() || status.is_server_error();
    match graph_error(body, secret) {
        Some(error) if refused => {
            SendResult::Refused { http_status: status.as_u16(), error, retry_after, response: response() }
        }
        _ => SendResult::Unknown { detail: format!("HTTP {status} without an error code: {}", response()) },
    }
}

/// The error of an answer; `None` when it carries no Graph error code.
pub(super) fn graph_error(body: &[u8], secret: &str) -> Option<GraphError> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let error = answer.get("error")?;
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let text = |value: Option<&Value>| {
        presentable(value.and_then(Value::as_str).unwrap_or_default(), ERROR_TEXT_BYTES, secret)
    };
    let data = error.get("error_data");
    Some(GraphError {
        code: number(error.get("code")?)?,
        subcode: error.get("error_subcode").and_then(number),
        message: text(error.get("message")),
        // Most errors have an object here, some a plain text.
        details: text(data.and_then(|data| data.get("details")).or(data)),
        transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
        trace: text(error.get("fbtrace_id")),
    })
}

/// How long the server asks to wait: `Retry-After` in seconds, else the usage header's minutes.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let wait = seconds.or_else(|| {
        let usage = headers.get("x-business-use-case-usage")?;
        let usage: Value = serde_json::from_slice(usage.as_bytes()).ok()?;
        let limits = usage.as_object()?.values().filter_map(Value::as_array).flatten();
        let minutes = limits.filter_map(|limit| limit.get("estimated_time_to_regain_access")?.as_u64()).max()?;
        Some(minutes.saturating_mul(60))
    })?;
    (wait > 0).then(|| Duration::from_secs(wait).min(LONGEST_WAIT))
}

/// How much of a limit on calls is used, as far as an answer tells: the highest of all shares.
pub(super) fn usage(headers: &HeaderMap) -> Option<Usage> {
    let header =
        |name: &str| headers.get(name).and_then(|value| serde_json::from_slice::<Value>(value.as_bytes()).ok());
    let highest = |limit: &Value| {
        let shares = ["call_count", "total_cputime", "total_time"].map(|name| limit.get(name).and_then(Value::as_f64));
        shares
            .into_iter()
            .flatten()
            .fold(None, |most: Option<f64>, share| Some(most.map_or(share, |most| most.max(share))))
    };
    let account = header("x-business-use-case-usage").and_then(|usage| {
        let limits = usage.as_object()?.values().filter_map(Value::as_array).flatten();
        limits.filter_map(highest).max_by(f64::total_cmp)
    });
    let app = header("x-app-usage").as_ref().and_then(highest);
    let told = |share: Option<f64>, code| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        share.map(|share| Usage { percent: share.clamp(0.0, 1_000.0) as u16, code })
    };
    told(account, 80_007).into_iter().chain(told(app, 4)).max_by_key(|usage| usage.percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud_api::promises;
    use proptest::strategy::Strategy as _;

    #[test]
    fn the_highest_share_of_any_limit_is_told() {
        let told = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            usage(&map).map(|usage| (usage.percent, usage.code))
        };
        let account =
            r#"{"1":[{"type":"whatsapp","call_count":40,"total_cputime":97.5,"total_time":2}],"2":[{"x":1},7]}"#;
        let app = r#"{"call_count":28,"total_time":250,"total_cputime":25}"#;
        assert_eq!(told(&[("x-business-use-case-usage", account)]), Some((97, 80_007)));
        assert_eq!(told(&[("x-business-use-case-usage", account), ("x-app-usage", app)]), Some((250, 4)));
        assert_eq!(told(&[("x-app-usage", r#"{"call_count":1e300}"#)]), Some((1_000, 4)));
        for odd in ["", "nonsense", "[]", "{}", r#"{"call_count":"9"}"#, r#"{"1":{"call_count":9}}"#] {
            assert_eq!(told(&[("x-business-use-case-usage", odd), ("x-app-usage", odd)]), None, "{odd}");
        }
    }

    fn result(status: u16, body: &str) -> SendResult {
        send_result(StatusCode::from_u16(status).unwrap(), None, body.as_bytes(), "EAAsecret")
    }

    #[test]
    fn only_an_id_proves_that_it_was_taken() {
        let body = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+1","wa_id":"1"}],
            "messages":[{"id":"wamid.A","message_status":"held_for_quality_assessment"}]}"#;
        assert!(matches!(result(200, body), SendResult::Accepted { wamid, message_status: Some(status), .. }
            if wamid == "wamid.A" && status == "held_for_quality_assessment"));
        for body in ["", "{}", "<html>", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#, r#"{"error":{"code":1}}"#]
        {
            assert!(matches!(result(200, body), SendResult::Unknown { .. }), "{body}");
        }
    }

    #[test]
    fn only_a_code_proves_that_it_was_refused() {
        let body = r#"{"error":{"message":"(#131056) Pair","type":"OAuthException","code":131056,"error_subcode":7,
            "is_transient":true,"error_data":{"messaging_product":"whatsapp","details":"wait"},"fbtrace_id":"T"}}"#;
        let error = GraphError {
            code: 131_056,
            subcode: Some(7),
            message: "(#131056) Pair".into(),
            details: "wait".into(),
            transient: true,
            trace: "T".into(),
        };
        for status in [400, 429, 500, 503] {
            assert!(matches!(result(status, body), SendResult::Refused { http_status, error: got, .. }
                if http_status == status && got == error));
        }
        for (status, body) in
            [(503, ""), (500, "<html>"), (404, "{}"), (400, r#"{"error":{}}"#), (302, body), (204, "")]
        {
            assert!(matches!(result(status, body), SendResult::Unknown { .. }), "{status} {body}");
        }
    }

    #[test]
    fn error_data_may_be_a_plain_text() {
        let error = graph_error(br#"{"error":{"code":"100","error_data":"blame to"}}"#, "").unwrap();
        assert_eq!((error.code, error.details.as_str()), (100, "blame to"));
    }

    #[test]
    fn a_token_never_gets_into_what_is_kept() {
        let body = format!(
            r#"{{"error":{{"code":190,"message":"Malformed access token EAAsecret","pad":"{}"}}}}"#,
            "x".repeat(9_000)
        );
        let SendResult::Refused { error, response, .. } = result(401, &body) else { panic!() };
        assert!(!error.message.contains("EAAsecret") && !response.contains("EAAsecret"));
        assert!(response.len() <= RESPONSE_BYTES);
        assert_eq!(presentable(&format!("{}EAAsecret", "x".repeat(10)), 14, "EAAsecret"), "xxxxxxxxxx***");
    }

    #[test]
    fn waits_that_the_server_asks_for_are_bounded() {
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "999999999"), Some(LONGEST_WAIT));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        let usage = r#"{"1":[{"type":"messages","call_count":100,"estimated_time_to_regain_access":3},{"x":1}]}"#;
        assert_eq!(wait("x-business-use-case-usage", usage), Some(Duration::from_mins(3)));
        let no_wait = r#"{"1":[{"estimated_time_to_regain_access":0}]}"#;
        assert_eq!(wait("x-business-use-case-usage", no_wait), None);
        assert_eq!(wait("x-business-use-case-usage", "nonsense"), None);
    }

    #[test]
    fn what_stands_beside_an_id_takes_nothing_from_it() {
        for body in [
            r#"{"messages":[{"id":"wamid.A","message_status":7}]}"#,
            r#"{"messages":[{"id":"wamid.A"},null]}"#,
            r#"{"messages":[{"id":"wamid.B"}],"messages":[{"id":"wamid.A"}]}"#,
        ] {
            assert!(
                matches!(result(200, body), SendResult::Accepted { wamid, message_status: None, .. }
                if wamid == "wamid.A"),
                "{body}"
            );
        }
    }

    #[test]
    fn what_the_fuzzer_began_with_breaks_no_promise() {
        let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/graph_answer")).unwrap();
        let seeds: Vec<_> = seeds.map(|seed| std::fs::read(seed.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            promises::hold(&seed);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_answered_proves_no_more_than_it_says(
            status in 0_u8..12,
            body in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
                "\\{\"(error|messages|data|paging)\":[\\[{\"a-z:0-9,}\\]]{0,60}".prop_map(String::into_bytes),
                (proptest::prelude::any::<i64>(), "[a-zEA\"é]{0,40}").prop_map(|(code, text)| {
                    serde_json::json!({"error": {"code": code, "message": text, "error_data": {"details": text}}})
                        .to_string()
                        .into_bytes()
                }),
            ],
        ) {
            promises::hold(&[&[status], &body[..]].concat());
        }
    }
}
