//! Receipts as they come to the webhook: statuses of messages, read tolerantly.
//!
//! One malformed status among a thousand spoils none of the others; fields that Meta leaves out or adds
//! break nothing. What else an event holds (inbound messages, templates, the account) is handed on unread as [`News`].

use super::attempt_id::AttemptId;
use super::opt_out::{Who, inbound};
use super::time::{Millis, SECOND};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Statuses of one body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statuses {
    /// Those that could be read, in their order.
    pub events: Vec<StatusEvent>,
    /// How many could not.
    pub malformed: usize,
    /// What else the body tells, in its order.
    pub news: Vec<News>,
}

/// A part of a webhook body that is not about the status of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The WhatsApp Business account that it is about.
    pub account: String,
    /// Which kind: `messages`, `user_preferences`, `message_template_status_update`, `account_update` …
    pub field: String,
    /// The kind's own JSON, as it came. Bounded by the body.
    pub value: String,
}

/// One status of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusEvent {
    /// Meta's id of the message.
    pub wamid: String,
    /// What it says; words that are not known are left out before.
    pub status: Status,
    /// When, by Meta's clock; whole seconds.
    pub at: Millis,
    /// Our id of the attempt, when it is of our making.
    pub attempt: Option<AttemptId>,
    /// The sender's phone number id; empty: not said.
    pub sender: String,
    /// Whom it went to, as far as WhatsApp names them: not for finding a recipient (that is what the attempt's id is for).
    pub recipient: Who,
}

/// What a status says.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Left WhatsApp's servers.
    Sent,
    /// Reached the phone.
    Delivered,
    /// Was read (or played).
    Read,
    /// Was not delivered.
    Failed {
        /// The error code; 0: none given.
        code: i64,
        /// The error's own JSON, bounded.
        response: String,
        /// `error_data.details`, else the title; bounded.
        details: String,
    },
}

/// The body is not JSON of the shape that Meta sends.
#[derive(Debug, thiserror::Error)]
#[error("not a webhook event: {0}")]
pub struct NotAnEvent(String);

/// Texts from outside are cut to so many characters.
const LONGEST: usize = 1_000;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    changes: Vec<Change<'a>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow, default)]
    statuses: Vec<&'a RawValue>,
    /// Messages of people; read elsewhere.
    #[serde(borrow, default)]
    messages: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    phone_number_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawStatus<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    biz_opaque_callback_data: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    errors: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    recipient_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recipient_user_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
struct RawError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error_data: Option<RawErrorData>,
}

#[derive(Deserialize)]
struct RawErrorData {
    #[serde(default)]
    details: Option<String>,
}

/// Reads the statuses out of a webhook body. `received_at` stands in where a status has no usable time.
pub fn statuses(body: &[u8], received_at: Millis) -> Result<Statuses, NotAnEvent> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| NotAnEvent(error.to_string()))?;
    let mut found = Statuses::default();
    let with_account = body
        .entry
        .into_iter()
        .flat_map(|Entry { id, changes }| changes.into_iter().map(move |change| (id.clone(), change)));
    for (account, change) in with_account {
        let Some(raw) = change.value else { continue };
        let news = |account: Cow<'_, str>, field: Cow<'_, str>| News {
            account: account.into_owned(),
            field: field.into_owned(),
            value: raw.get().to_owned(),
        };
        if change.field != "messages" {
            found.news.push(news(account, change.field));
            continue;
        }
        let Ok(value) = serde_json::from_str::<Value<'_>>(raw.get()) else {
            found.malformed += 1;
            continue;
        };
        if !value.messages.is_empty() {
            found.news.push(news(account, change.field));
        }
        let sender = value.metadata.unwrap_or_default().phone_number_id;
        for raw in value.statuses {
            match read_status(raw, &sender, received_at) {
                Ok(event) => found.events.extend(event),
                Err(Malformed) => found.malformed += 1,
            }
        }
    }
    Ok(found)
}

/// A status without an id or a word.
struct Malformed;

/// `None`: a status that says nothing about delivery.
fn read_status(raw: &RawValue, sender: &str, received_at: Millis) -> Result<Option<StatusEvent>, Malformed> {
    let raw: RawStatus<'_> = serde_json::from_str(raw.get()).map_err(|_| Malformed)?;
    let status = match &*raw.status {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" | "played" => Status::Read,
        "failed" => failed(&raw.errors),
        _ => return Ok(None),
    };
    Ok(Some(StatusEvent {
        wamid: cut(&raw.id),
        status,
        at: raw.timestamp.and_then(seconds).unwrap_or(received_at),
        attempt: raw.biz_opaque_callback_data.as_deref().and_then(AttemptId::parse),
        sender: cut(sender),
        recipient: inbound::who(raw.recipient_id.as_deref(), raw.recipient_user_id.as_deref()),
    }))
}

fn failed(errors: &[&RawValue]) -> Status {
    let Some(first) = errors.first() else {
        return Status::Failed { code: 0, response: String::new(), details: String::new() };
    };
    let error: RawError = serde_json::from_str(first.get()).unwrap_or_default();
    let details = error.error_data.and_then(|data| data.details).or(error.title).or(error.message).unwrap_or_default();
    Status::Failed { code: error.code, response: cut(first.get()), details: cut(&details) }
}

/// Meta sends seconds as a string; a number is understood too.
fn seconds(raw: &RawValue) -> Option<Millis> {
    let seconds: i64 = raw.get().trim_matches('"').parse().ok()?;
    (1..=32_503_680_000).contains(&seconds).then_some(Millis(seconds * SECOND))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn body(statuses: &str) -> String {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{
            "messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100200","phone_number_id":"77"}},
            "statuses":[{statuses}]}}}}]}}]}}"#
        )
    }

    fn read(statuses_json: &str) -> Statuses {
        statuses(body(statuses_json).as_bytes(), NOW).unwrap()
    }

    #[test]
    fn a_delivered_status_with_our_id() {
        let found = read(
            r#"{"id":"wamid.A","status":"delivered","timestamp":"1795305600","recipient_id":"15550100111",
                "biz_opaque_callback_data":"w1:00000001:00000002:7:1","pricing":{"billable":true}}"#,
        );
        let event = &found.events[0];
        assert_eq!((event.wamid.as_str(), &event.status), ("wamid.A", &Status::Delivered));
        assert_eq!(event.at, Millis(1_795_305_600_000));
        assert_eq!(event.sender, "77");
        assert_eq!(event.attempt.as_ref().map(|id| (id.seq, id.attempt)), Some((7, 1)));
    }

    #[test]
    fn a_failed_status_keeps_code_and_words() {
        let found = read(
            r#"{"id":"wamid.B","status":"failed","timestamp":1795305611,
                "errors":[{"code":131049,"title":"t","error_data":{"details":"healthy ecosystem"}}]}"#,
        );
        let Status::Failed { code, details, response } = &found.events[0].status else { panic!("not failed") };
        assert_eq!((*code, details.as_str()), (131_049, "healthy ecosystem"));
        assert!(response.contains("131049"));
    }

    #[test]
    fn one_malformed_status_spoils_none_of_the_others() {
        let found = read(
            r#"{"id":"a","status":"sent"},{"status":7},null,{"id":"b","status":"read"},{"id":"c","status":"warning"}"#,
        );
        assert_eq!(found.events.len(), 2);
        assert_eq!(found.malformed, 2);
        assert_eq!(found.events[0].at, NOW);
    }

    #[test]
    fn what_is_not_about_messages_is_passed_over() {
        for text in [
            r#"{"entry":[]}"#,
            "{}",
            r#"{"entry":[{"changes":[{"field":"account_update","value":{"statuses":[{}]}}]}]}"#,
        ] {
            let found = statuses(text.as_bytes(), NOW).unwrap();
            assert_eq!((found.events, found.malformed), (vec![], 0), "{text}");
        }
        assert!(statuses(b"not json", NOW).is_err());
        assert!(statuses("[".repeat(200_000).as_bytes(), NOW).is_err(), "deep nesting is refused");
    }

    #[test]
    fn what_is_not_a_status_is_handed_on() {
        let body = br#"{"entry":[{"id":"200","changes":[
            {"field":"user_preferences","value":{"x":1}},
            {"field":"messages","value":{"statuses":[]}},
            {"field":"messages","value":{"messages":[{"id":"wamid.1"}]}},
            {"field":"account_update"}]}]}"#;
        let found = statuses(body, Millis(0)).unwrap();
        let fields: Vec<_> = found.news.iter().map(|news| (news.account.as_str(), news.field.as_str())).collect();
        assert_eq!(fields, [("200", "user_preferences"), ("200", "messages")]);
        assert_eq!(found.news[0].value, r#"{"x":1}"#);
    }
}
