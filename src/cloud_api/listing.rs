//! The calls that ask and do not send: templates, a sender's standing, the token. [`super::client`] calls it.
//!
//! Tolerant on purpose: a word or a field that Meta adds never breaks the reading of the rest.

use super::answer::{ReadBody, graph_error, in_words, presentable, read_body};
use super::{CallError, SenderInfo, TokenInfo};
use crate::domain::template::{Button, Component, Template};
use serde_json::Value;

/// The most that is read of one page.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Templates a page.
const PAGE_SIZE: &str = "100";
/// An account may have 6,000 templates, each in many languages; more pages than this is a server gone wrong.
const MOST_PAGES: usize = 500;
/// The listing's place is no longer known; begin again.
const DEAD_CURSOR: i64 = 131_059;
/// What is asked of a template.
const TEMPLATE_FIELDS: &str = "id,name,language,status,category,sub_category,rejected_reason,components,\
    parameter_format,quality_score";
/// The longest reason for a rejection that is kept.
const LONGEST_REASON: usize = 200;
/// What is asked of a sender.
pub(super) const SENDER_FIELDS: &str = "id,display_phone_number,verified_name,quality_rating,name_status,\
    code_verification_status,status,throughput,health_status,whatsapp_business_manager_messaging_limit,\
    account_mode,is_on_biz_app";
/// As many notes about a sender's health as anybody reads.
pub(super) const MOST_NOTES: usize = 20;
/// The most letters that are kept of a text. The longest that a template may have is a button's address of 2,000.
pub(super) const LONGEST_TEXT: usize = 4_096;

/// Makes a call and reads its JSON. None of the secrets stands in an error.
pub(super) async fn fetch(request: reqwest::RequestBuilder, secrets: &[&str]) -> Result<Value, CallError> {
    let clean =
        |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| presentable(&text, text.len(), secret));
    let response =
        request.send().await.map_err(|error| CallError::Unreachable(clean(&in_words(&error.without_url()))))?;
    let status = response.status();
    let body = match read_body(response, PAGE_BYTES).await {
        ReadBody::Whole(body) => body,
        ReadBody::TooLong => return Err(odd(status.as_u16(), "the answer is too long")),
        ReadBody::Broken(detail) => return Err(CallError::Unreachable(clean(&detail))),
    };
    if !status.is_success() {
        return Err(match graph_error(&body, "") {
            Some(mut error) => {
                error.message = clean(&error.message);
                error.details = clean(&error.details);
                CallError::Refused { http_status: status.as_u16(), error }
            }
            None => odd(status.as_u16(), format!("HTTP {status} without an error code")),
        });
    }
    serde_json::from_slice(&body).map_err(|_| odd(status.as_u16(), "not JSON"))
}

fn odd(http_status: u16, detail: impl Into<String>) -> CallError {
    CallError::Odd { http_status, detail: detail.into() }
}

/// What to ask for the page after this place; an empty one is the first page.
pub(super) fn page_query(after: &str) -> Vec<(&str, &str)> {
    let mut query = vec![("fields", TEMPLATE_FIELDS), ("limit", PAGE_SIZE)];
    if !after.is_empty() {
        query.push(("after", after));
    }
    query
}

/// Reads all pages; begins again once when the place in the listing is lost. `page` fetches the one after a place.
pub(super) async fn templates<F, P>(page: F) -> Result<Vec<Template>, CallError>
where
    F: Fn(String) -> P,
    P: Future<Output = Result<Value, CallError>>,
{
    let mut restarted = false;
    'from_the_start: loop {
        let mut templates = Vec::new();
        let mut after = String::new();
        for _ in 0..MOST_PAGES {
            let answer = match page(after.clone()).await {
                Err(CallError::Refused { error, .. }) if error.code == DEAD_CURSOR && !restarted => {
                    restarted = true;
                    continue 'from_the_start;
                }
                answer => answer?,
            };
            let Some(data) = answer.get("data").and_then(Value::as_array) else {
                return Err(odd(200, "the list of templates has no \"data\""));
            };
            templates.extend(data.iter().filter_map(template));
            let paging = answer.get("paging");
            let more = paging.and_then(|paging| paging.get("next")).is_some_and(|next| !next.is_null());
            let next = text(paging.and_then(|paging| paging.get("cursors")).and_then(|cursors| cursors.get("after")));
            if !more {
                return Ok(templates);
            }
            // Half a list would say of the rest that it is gone.
            if next.is_empty() || next == after {
                return Err(odd(200, "the list of templates goes on, but does not say where"));
            }
            after = next;
        }
        return Err(odd(200, format!("the list of templates has more than {MOST_PAGES} pages")));
    }
}

/// A text or a number as text; empty when there is none.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.chars().take(LONGEST_TEXT).collect(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn optional(value: Option<&Value>) -> Option<String> {
    Some(text(value)).filter(|text| !text.is_empty())
}

fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// One template; `None` for an entry without name or language, which nobody could send.
fn template(entry: &Value) -> Option<Template> {
    Some(Template {
        id: text(entry.get("id")),
        name: optional(entry.get("name"))?,
        language: optional(entry.get("language"))?.replace('-', "_"),
        status: text(entry.get("status")).to_ascii_uppercase(),
        category: text(entry.get("category")).to_ascii_uppercase(),
        sub_category: text(entry.get("sub_category")).to_ascii_uppercase(),
        rejected_reason: rejected_reason(entry),
        quality: text(entry.get("quality_score").and_then(|quality| quality.get("score"))).to_ascii_uppercase(),
        parameter_format: text(entry.get("parameter_format")).to_ascii_uppercase(),
        components: array(entry.get("components")).map(component).collect(),
    })
}

/// Why it was rejected; `NONE` is no reason.
fn rejected_reason(entry: &Value) -> String {
    let reason = optional(entry.get("rejected_reason")).filter(|reason| reason != "NONE").unwrap_or_default();
    reason.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect()
}

fn component(entry: &Value) -> Component {
    Component {
        kind: text(entry.get("type")).to_ascii_uppercase(),
        format: optional(entry.get("format")).map(|format| format.to_ascii_uppercase()),
        text: optional(entry.get("text")),
        buttons: array(entry.get("buttons")).map(button).collect(),
    }
}

fn button(entry: &Value) -> Button {
    Button {
        kind: text(entry.get("type")).to_ascii_uppercase(),
        text: text(entry.get("text")),
        url: optional(entry.get("url")),
    }
}

/// A sender from the answer to [`SENDER_FIELDS`].
pub(super) fn sender_info(answer: &Value) -> SenderInfo {
    let health = answer.get("health_status");
    SenderInfo {
        id: text(answer.get("id")),
        display_phone_number: text(answer.get("display_phone_number")),
        verified_name: text(answer.get("verified_name")),
        quality_rating: text(answer.get("quality_rating")),
        status: text(answer.get("status")),
        throughput_level: text(answer.get("throughput").and_then(|throughput| throughput.get("level"))),
        messaging_limit: optional(answer.get("whatsapp_business_manager_messaging_limit"))
            .unwrap_or_else(|| text(answer.get("messaging_limit_tier"))),
        can_send_message: text(health.and_then(|health| health.get("can_send_message"))),
        health_notes: health_notes(health),
    }
}

/// What the parts that are not fully able to send say about it.
fn health_notes(health: Option<&Value>) -> Vec<String> {
    let mut notes = Vec::new();
    for entity in array(health.and_then(|health| health.get("entities"))) {
        let kind = text(entity.get("entity_type"));
        let errors = array(entity.get("errors"))
            .map(|error| format!("{} {}", text(error.get("error_description")), text(error.get("possible_solution"))));
        let infos = array(entity.get("additional_info")).map(|info| text(Some(info)));
        notes.extend(errors.chain(infos).map(|note| format!("{kind}: {}", note.trim())));
    }
    notes.truncate(MOST_NOTES);
    notes
}

/// The id of an uploaded file.
pub(super) fn media_id(answer: &Value) -> Option<String> {
    optional(answer.get("id")).filter(|id| id.len() <= 256)
}

/// What a token must be allowed to do.
const SCOPES: [&str; 2] = ["whatsapp_business_messaging", "whatsapp_business_management"];

/// A token from the answer of `debug_token`, as it stands for an account.
pub(super) fn token_info(answer: &Value, account: &str) -> TokenInfo {
    let data = answer.get("data").unwrap_or(answer);
    let is_valid = data.get("is_valid").and_then(Value::as_bool).unwrap_or(false);
    let scopes: Vec<String> = array(data.get("scopes")).map(|scope| text(Some(scope))).collect();
    let mut faults = Vec::new();
    for needed in SCOPES {
        if !scopes.iter().any(|scope| scope == needed) {
            faults.push(format!("it lacks {needed}"));
        }
        // A scope without targets is for all.
        let mut granted = array(data.get("granular_scopes")).filter(|scope| text(scope.get("scope")) == needed);
        let elsewhere = |scope: &Value| {
            let targets: Vec<String> = array(scope.get("target_ids")).map(|target| text(Some(target))).collect();
            !targets.is_empty() && !targets.iter().any(|target| target == account)
        };
        if granted.any(elsewhere) {
            faults.push(format!("its {needed} is for other accounts, not for {account}"));
        }
    }
    TokenInfo {
        is_valid,
        expires_at: data.get("expires_at").and_then(Value::as_i64).unwrap_or(0),
        ends_unknown: false,
        scopes,
        faults: if is_valid { faults } else { Vec::new() },
        error: text(data.get("error").and_then(|error| error.get("message"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud_api::GraphError;
    use serde_json::json;
    use std::cell::RefCell;

    #[test]
    fn unknown_words_and_missing_fields_do_no_harm() {
        let entry = json!({"name": "a", "language": "en-US", "status": "ON_THE_MOON", "id": 77, "rejected_reason": "NONE",
            "category": "UTILITY", "sub_category": "ORDER_STATUS", "quality_score": {"score": "GREEN"},
            "components": [{"type": "BODY", "text": "Hi", "example": {}}, {"type": "SOMETHING_NEW"}, 5,
                {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": "https://example.com"}, {}]}]});
        let template = template(&entry).unwrap();
        assert_eq!((template.id.as_str(), template.language.as_str()), ("77", "en_US"));
        assert_eq!((template.status.as_str(), template.quality.as_str()), ("ON_THE_MOON", "GREEN"));
        assert_eq!(template.components.len(), 4);
        assert_eq!((template.category_words().as_str(), template.rejected_words()), ("utility, order status", None));
        let rejected =
            json!({"name": "a", "language": "en", "status": "REJECTED", "rejected_reason": "INVALID_FORMAT"});
        assert_eq!(super::template(&rejected).unwrap().status_words(), "rejected: invalid format");
        assert!(super::template(&json!({"name": "a"})).is_none());
    }

    fn page(names: &[&str], after: Option<&str>) -> Value {
        let data: Vec<_> = names.iter().map(|name| json!({"name": name, "language": "en"})).collect();
        let next = after.map(|_| "https://example.com/next");
        json!({"data": data, "paging": {"cursors": {"after": after}, "next": next}})
    }

    fn dead_cursor() -> CallError {
        CallError::Refused { http_status: 400, error: GraphError { code: DEAD_CURSOR, ..GraphError::default() } }
    }

    async fn listed(answers: Vec<Result<Value, CallError>>) -> Result<Vec<String>, CallError> {
        let answers = RefCell::new(answers.into_iter());
        let templates = templates(async |_: String| answers.borrow_mut().next().unwrap()).await?;
        Ok(templates.into_iter().map(|template| template.name).collect())
    }

    #[tokio::test]
    async fn a_lost_place_begins_again_once() {
        let all =
            vec![Ok(page(&["a"], Some("1"))), Err(dead_cursor()), Ok(page(&["a"], Some("1"))), Ok(page(&["b"], None))];
        assert_eq!(listed(all).await.unwrap(), ["a", "b"]);
        assert!(listed(vec![Err(dead_cursor()), Err(dead_cursor())]).await.is_err());
    }

    #[tokio::test]
    async fn a_listing_without_end_is_given_up() {
        let endless = (0..=MOST_PAGES).map(|place| Ok(page(&["a"], Some(&place.to_string())))).collect();
        assert!(listed(endless).await.is_err());
        // Nor is a place that does not move the end, nor one that is not named.
        assert!(listed(vec![Ok(page(&["a"], Some("1"))), Ok(page(&["b"], Some("1")))]).await.is_err());
        let nowhere =
            json!({"data": [{"name": "a", "language": "en"}], "paging": {"next": "https://example.com/next"}});
        assert!(listed(vec![Ok(nowhere)]).await.is_err());
    }

    #[test]
    fn a_senders_health_is_told_in_words() {
        let info = sender_info(
            &json!({"id": "1", "throughput": {"level": "STANDARD"}, "messaging_limit_tier": "TIER_1K",
            "health_status": {"can_send_message": "BLOCKED", "entities": [
                {"entity_type": "WABA", "can_send_message": "BLOCKED",
                 "errors": [{"error_code": 141_006, "error_description": "No payment.", "possible_solution": "Add one."}]},
                {"entity_type": "PHONE_NUMBER", "additional_info": ["Your display name is pending."]}]}}),
        );
        assert_eq!(info.can_send_message, "BLOCKED");
        assert_eq!(info.people_a_day(), Some(1_000));
        assert_eq!(info.health_notes, ["WABA: No payment. Add one.", "PHONE_NUMBER: Your display name is pending."]);
    }
}
