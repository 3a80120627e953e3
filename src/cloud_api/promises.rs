//! What is promised of reading the API's answers, for any bytes at all. The property tests call it, and the fuzz target.

use super::answer::{ERROR_TEXT_BYTES, LONGEST_WAIT, RESPONSE_BYTES, graph_error, retry_after, send_result, usage};
use super::listing::{self, LONGEST_TEXT, MOST_NOTES};
use super::{GraphError, SendResult};
use futures_util::FutureExt;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use std::cell::Cell;

/// Stands in answers where the token would.
const SECRET: &str = "EAAsecret";
/// The statuses that the first byte chooses from.
const STATUSES: [u16; 12] = [200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503, 599];

/// Holds an answer against what is promised. The first byte chooses the HTTP status, the rest is the body, and what headers say.
///
/// # Panics
///
/// When a promise is broken.
pub fn hold(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let status = StatusCode::from_u16(STATUSES[usize::from(*first) % STATUSES.len()]).expect("it is one");
    of_a_send(status, body);
    of_headers(body);
    if let Ok(answer) = serde_json::from_slice::<Value>(body) {
        of_a_listing(&answer);
        of_other_calls(&answer, body.len());
    }
}

/// Nobody is taken for reached or refused without proof, and nothing is kept that is long or secret.
fn of_a_send(status: StatusCode, body: &[u8]) {
    let said: Option<Value> = serde_json::from_slice(body).ok();
    match send_result(status, None, body, SECRET) {
        SendResult::Accepted { wamid, message_status, response } => {
            assert!(status.is_success() && !wamid.is_empty(), "taken without proof");
            assert!(wamid.len() <= ERROR_TEXT_BYTES && response.len() <= RESPONSE_BYTES);
            assert!(message_status.as_ref().is_none_or(|status| status.len() <= ERROR_TEXT_BYTES));
            assert!(![Some(wamid), message_status, Some(response)].iter().flatten().any(|text| text.contains(SECRET)));
        }
        SendResult::Refused { http_status, error, response, .. } => {
            assert!(http_status == status.as_u16() && http_status >= 400, "refused without proof");
            let code = said.as_ref().and_then(|said| said.get("error")?.get("code"));
            assert!(code.is_some_and(|code| code.to_string().trim_matches('"').contains(&error.code.to_string())));
            assert!(response.len() <= RESPONSE_BYTES && !response.contains(SECRET));
            of_an_error(&error);
        }
        SendResult::Unknown { detail } => {
            assert!(detail.len() <= RESPONSE_BYTES + 200 && !detail.contains(SECRET));
            let id = said.as_ref().and_then(|said| said.get("messages")?.get(0)?.get("id")?.as_str());
            assert!(!(status.is_success() && id.is_some_and(|id| !id.is_empty())), "proof is overlooked");
        }
        other @ SendResult::Unsent { .. } => panic!("answered, and yet {other:?}"),
    }
}

fn of_an_error(error: &GraphError) {
    for text in [&error.message, &error.details, &error.trace] {
        assert!(text.len() <= ERROR_TEXT_BYTES && !text.contains(SECRET));
    }
}

fn of_headers(text: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let mut headers = HeaderMap::new();
    for name in ["retry-after", "x-business-use-case-usage", "x-app-usage"] {
        headers.insert(name, value.clone());
    }
    assert!(retry_after(&headers).is_none_or(|wait| !wait.is_zero() && wait <= LONGEST_WAIT));
    assert!(usage(&headers).is_none_or(|usage| usage.percent <= 1_000 && [4, 80_007].contains(&usage.code)));
}

/// A list is read whole or refused; what can be named and sent is in it, whatever stands beside it.
fn of_a_listing(answer: &Value) {
    let whole = json!({"data": [answer, {"name": "witness", "language": "en_US", "id": answer, "status": answer,
        "category": answer, "components": answer, "quality_score": answer, "rejected_reason": answer}, answer]});
    let listed = listing::templates(async |_| Ok(whole.clone())).now_or_never().expect("nothing is waited for");
    let listed = listed.expect("odd entries do not spoil a list");
    assert!(listed.len() <= 3 && listed.iter().any(|template| template.name == "witness"));
    for template in listed {
        let texts = template.components.iter().flat_map(|component| {
            let buttons = component.buttons.iter().flat_map(|button| [Some(&button.text), button.url.as_ref()]);
            [Some(&component.kind), component.format.as_ref(), component.text.as_ref()].into_iter().chain(buttons)
        });
        let named = [&template.id, &template.name, &template.language, &template.status, &template.category];
        for text in texts.flatten().chain(named) {
            assert!(text.chars().count() <= LONGEST_TEXT, "a text of {} letters", text.chars().count());
        }
    }
    // Alone it may be a page, a page that leads in a circle, or none; it comes to an end.
    let pages = Cell::new(0);
    let alone = async |_: String| {
        pages.set(pages.get() + 1);
        Ok(answer.clone())
    };
    let _ = listing::templates(alone).now_or_never().expect("nothing is waited for");
    assert!(pages.get() <= 2, "the same page was read {} times", pages.get());
}

fn of_other_calls(answer: &Value, length: usize) {
    let info = listing::sender_info(answer);
    assert!(info.health_notes.len() <= MOST_NOTES);
    assert!(info.health_notes.iter().all(|note| note.chars().count() <= 4 * LONGEST_TEXT));
    let _ = info.people_a_day();
    let token = listing::token_info(answer, "200");
    assert!(token.scopes.len() <= length && token.faults.len() <= 4);
    assert!(token.is_valid || token.trouble().is_some(), "a token that is not valid will not do");
    assert!(listing::media_id(answer).is_none_or(|id| !id.is_empty() && id.len() <= 256));
    if let Some(error) = graph_error(answer.to_string().as_bytes(), SECRET) {
        of_an_error(&error);
    }
}
